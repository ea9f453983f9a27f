"""What a session has met so far: the figures of the JS SDK's ``getStats()``."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Any

__all__ = ["CallStats"]


class CallStats:
    """Counts retries, waits for limits, and errors by method. Any thread may use it; seconds, not milliseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._retries = self._consecutive = self._limit_hits = self._delays = self._heavy = 0
        self._delay_s = 0.0
        self._errors: Counter[str] = Counter()
        self._methods: set[str] = set()

    def waited(self, reason: str) -> None:
        """A request has to wait; a limit is the ``reason``, or a retry."""
        with self._lock:
            self._limit_hits += reason != "retry"

    def slowed(self, seconds: float) -> None:
        """A request was slowed down because its method is near its limit."""
        with self._lock:
            self._delays += 1
            self._delay_s += seconds

    def failed(self, method: str, *, again: bool) -> None:
        """An attempt failed; ``again``: another one follows."""
        with self._lock:
            self._retries += again
            self._consecutive += 1
            self._errors[method] += 1

    def succeeded(self, methods: Iterable[str]) -> None:
        """These were answered."""
        with self._lock:
            self._consecutive = 0
            self._methods.update(methods)
            for method in methods:
                self._errors.pop(method, None)

    def heavy(self, methods: int) -> None:
        """After an answer so many methods were above the percentage that counts as heavy."""
        with self._lock:
            self._heavy += methods

    @property
    def methods(self) -> set[str]:
        """What was called."""
        with self._lock:
            return set(self._methods)

    def as_dict(self) -> dict[str, Any]:
        """The figures under the SDK's names in snake_case."""
        with self._lock:
            return {
                "retries": self._retries,
                "consecutive_errors": self._consecutive,
                "limit_hits": self._limit_hits,
                "adaptive_delays": self._delays,
                "total_adaptive_delay": self._delay_s,
                "adaptive_delay_avg": self._delay_s / self._delays if self._delays else 0.0,
                "heavy_request_count": self._heavy,
                "error_counts": dict(self._errors),
            }
