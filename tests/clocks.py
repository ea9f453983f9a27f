"""Clocks for tests against a sandbox whose minutes pass in seconds."""

from __future__ import annotations

import threading
import time

from b24data.http.clock import SYSTEM_CLOCK


class ScaledClock:
    """Real time, ``scale`` times as fast: goes with ``Sandbox(time_scale=scale)``."""

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self._began, self._unix = time.monotonic(), time.time()

    def monotonic(self) -> float:
        return self._began + (time.monotonic() - self._began) * self.scale

    def time(self) -> float:
        return self._unix + (time.monotonic() - self._began) * self.scale

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return SYSTEM_CLOCK.wait(event, seconds / self.scale)


class MovedClock:
    """The machine's clock, set forward or back at will: goes with ``Sandbox.move_clock``."""

    def __init__(self) -> None:
        self.offset = 0.0

    def move(self, seconds: float) -> None:
        self.offset += seconds

    def monotonic(self) -> float:
        return SYSTEM_CLOCK.monotonic() + max(self.offset, 0.0)

    def time(self) -> float:
        return SYSTEM_CLOCK.time() + self.offset

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return SYSTEM_CLOCK.wait(event, seconds)
