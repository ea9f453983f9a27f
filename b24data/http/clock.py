"""Time, as the rest of the package sees it: passed in, so that a test never sleeps."""

from __future__ import annotations

import threading
import time
from typing import Protocol

# On Windows a blocked wait does not see Ctrl-C, so a long wait is made of short ones.
_SLICE_S = 0.5


class Clock(Protocol):
    """What reads the time and waits; everything that does either takes one."""

    def monotonic(self) -> float:
        """Seconds that only ever grow, from an arbitrary start."""

    def time(self) -> float:
        """Unix seconds."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until ``event`` is set (True) or ``seconds`` have passed (False)."""


class _SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if event.wait(min(left, _SLICE_S)):
                return True
        return event.is_set()


SYSTEM_CLOCK: Clock = _SystemClock()
