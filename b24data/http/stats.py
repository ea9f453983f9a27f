"""What a session has met so far: the figures of the JS SDK's ``getStats()``."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any


class CallStats:
    """Counts calls, retries, waits for limits, and errors by method. Any thread may use it; times are seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._good = self._bad = self._retries = self._consecutive = self._limit_hits = self._delays = self._heavy = 0
        self._delay_s = 0.0
        self._errors: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._commands: set[str] = set()

    def waited(self, reason: str) -> None:
        """A request has to wait, for a limit or before a retry."""
        with self._lock:
            self._limit_hits += reason != "retry"

    def slowed(self, seconds: float) -> None:
        """A request was slowed down because its method is near its limit."""
        with self._lock:
            self._delays += 1
            self._delay_s += seconds

    def failed(self, method: str, seconds: float, *, again: bool) -> None:
        """An attempt failed, so long after the call began; ``again``: another one follows."""
        with self._lock:
            self._consecutive += 1
            self._errors[method] += 1
            self._retries += again
            if not again:
                self._bad += 1
                self._ended(method, seconds)

    def succeeded(self, method: str, commands: Iterable[str], seconds: float) -> None:
        """A call that ran these methods was answered."""
        with self._lock:
            self._consecutive = 0
            self._errors.pop(method, None)
            self._commands.update(commands)
            self._good += 1
            self._ended(method, seconds)

    def heavy(self, methods: int) -> None:
        """The number of methods above the heavy percentage after an answer."""
        with self._lock:
            self._heavy += methods

    @property
    def commands(self) -> list[str]:
        """The methods that were run, also inside batches."""
        with self._lock:
            return sorted(self._commands)

    def as_dict(self) -> dict[str, Any]:
        """The figures under the SDK's names in snake_case."""
        with self._lock:
            by_method = {
                method: {"count": count, "total_duration": self._seconds[method]}
                for method, count in self._calls.items()
            }
            return {
                "total_requests": self._good + self._bad,
                "successful_requests": self._good,
                "failed_requests": self._bad,
                "total_duration": sum(self._seconds.values()),
                "by_method": by_method,
                "retries": self._retries,
                "consecutive_errors": self._consecutive,
                "error_counts": dict(self._errors),
                "limit_hits": self._limit_hits,
                "adaptive_delays": self._delays,
                "total_adaptive_delay": self._delay_s,
                "adaptive_delay_avg": self._delay_s / self._delays if self._delays else 0.0,
                "heavy_request_count": self._heavy,
            }

    def _ended(self, method: str, seconds: float) -> None:
        self._calls[method] += 1
        self._seconds[method] += seconds
