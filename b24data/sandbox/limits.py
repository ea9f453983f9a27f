"""The portal's clock and its two limits.

Sources: b24restdocs, settings/performance/limits.md.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque

_BASKET_S = 60.0
_WINDOW_S = 600.0


class Clock:
    """Portal time: unix seconds that run ``scale`` times as fast as ours."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self._origin = time.time()
        self._started = time.monotonic()

    def now(self) -> float:
        """Unix seconds by the portal's clock."""
        return self._origin + (time.monotonic() - self._started) * self.scale

    def move(self, seconds: float) -> None:
        """Set the clock forward or back by this many seconds."""
        self._origin += seconds

    async def wait(self, seconds: float) -> None:
        """Let portal seconds pass."""
        if seconds > 0:
            await asyncio.sleep(seconds / self.scale)


class Bucket:
    """The leaky bucket: every request adds one, whole seconds take away; full, it refuses.

    >>> bucket = Bucket(2, 1)
    >>> [bucket.admits("source", now) for now in (10.0, 10.1, 10.9, 11.0)]
    [True, True, False, True]
    """

    def __init__(self, burst: int, drain: float) -> None:
        self._burst = burst
        self._drain = drain
        self._levels: dict[str, tuple[float, int]] = {}

    def admits(self, source: str, now: float) -> bool:
        """Count a request of a source address at ``now``; False where the limit refuses it."""
        level, second = self._levels.get(source, (0.0, int(now)))
        level = max(0.0, level - self._drain * (int(now) - second))
        admitted = level + 1 <= self._burst
        self._levels[source] = (level + admitted, int(now))
        return admitted


class Ledger:
    """Execution time by application or webhook and method, in ten one-minute baskets.

    A basket begins with the first call of its minute and is forgotten ten minutes later.

    >>> ledger = Ledger(limit_s=100)
    >>> ledger.charge("app", "crm.deal.list", 120, now=0), ledger.refuses("app", "crm.deal.list", now=599)
    ((120.0, 600.0), True)
    >>> ledger.refuses("app", "crm.deal.list", now=600)
    False
    """

    def __init__(self, limit_s: float | None) -> None:
        self.limit_s = limit_s
        self._baskets: dict[tuple[str, str], deque[tuple[float, float]]] = defaultdict(deque)

    def refuses(self, source: str, method: str, now: float) -> bool:
        """Whether the next call of the method is blocked: the sum is judged before a call, not after."""
        return self.limit_s is not None and self.used(source, method, now) > self.limit_s

    def used(self, source: str, method: str, now: float) -> float:
        """Seconds in the window."""
        baskets = self._baskets[source, method]
        while baskets and baskets[0][0] + _WINDOW_S <= now:
            baskets.popleft()
        return sum(seconds for _, seconds in baskets)

    def charge(self, source: str, method: str, seconds: float, now: float) -> tuple[float, float]:
        """Add a call; returns ``operating`` and ``operating_reset_at``."""
        used = self.used(source, method, now)
        baskets = self._baskets[source, method]
        if baskets and now < baskets[-1][0] + _BASKET_S:
            baskets[-1] = (baskets[-1][0], baskets[-1][1] + seconds)
        else:
            baskets.append((now, seconds))
        return float(used + seconds), float(baskets[0][0] + _WINDOW_S)
