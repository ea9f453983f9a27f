"""How long one request may take in total. A timeout bounds each silence; bytes that drip never end one."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from typing import Any

from b24data.http.clock import Clock


class OverdueError(Exception):
    """The time for the whole answer is over. Internal: the transport makes its own error of it."""


class Deadline(threading.local):
    """When the request of this thread has to be over. A connection serves many requests, one at a time, each in one
    thread: so what reads from it asks the deadline of its own thread.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends = math.inf

    def begin(self, seconds: float) -> None:
        """A request begins now, and has so long."""
        self._ends = self._clock.monotonic() + seconds

    def bound(self, stream: Any) -> None:
        """From now on ``stream.read(n, timeout)`` and ``stream.write(data, timeout)`` end by the deadline."""
        for name in ("read", "write"):
            setattr(stream, name, functools.partial(self._within, getattr(stream, name)))

    def _within(self, act: Callable[..., Any], what: Any, timeout: float | None = None) -> Any:
        left = self._left()
        try:
            return act(
                what, timeout=min(left, math.inf if timeout is None else timeout) if left < math.inf else timeout
            )
        except Exception:
            self._left()
            raise

    def _left(self) -> float:
        left = self._ends - self._clock.monotonic()
        if left <= 0:
            raise OverdueError
        return left
