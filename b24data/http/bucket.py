"""How many requests a second a portal bears from one address. Pure.

Source of the figures: b24restdocs, limits.md. Times are seconds of a monotonic clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from b24data.params import RateLimitConfig

__all__ = ["LeakyBucket"]

_QUIET_S = 60.0  # without a refusal for so long, a slowed bucket doubles its pace
_SLOWEST = 1 / 8
_TOGETHER_S = 1.0  # refusals within so long are one
_LEAST_S = 0.001


@dataclass
class LeakyBucket:
    """The portal's request counter as it may stand at worst.

    It leaks once a second, at a moment we don't know, and a request takes an unknown time to arrive. Each of
    the two can shift one leak out of sight, so twice the leak is never used. ``share`` is the part of the burst that
    may be used, ``pace`` the part of the leak; a pace below 1 grows while it is quiet.
    """

    config: RateLimitConfig = field(default_factory=RateLimitConfig)
    share: float = 1.0
    pace: float = 1.0
    level: float = 0.0
    leaked_at: float | None = None
    refused_at: float | None = None

    def reserve(self, now: float, *, gentle: bool = False) -> float:
        """0.0 if a request may go now (it is counted then), else the seconds after which to ask again."""
        self._leak(now)
        drain, room = self.config.drain_rate, self._room(gentle)
        if self.level + 1 <= room:
            self.level += 1
            return 0.0
        leaks = math.ceil((self.level + 1 - room) / (drain * self.pace))
        # Rounding may put the leak at this very moment; nothing was taken, so the answer can't be zero.
        return max(_LEAST_S, (self.leaked_at or 0.0) + leaks - now)

    def refused(self, now: float) -> None:
        """The portal answered 503: others fill its bucket too, so ours counts as overfull and leaks slower."""
        self._leak(now)
        self.level = max(self.level, self._room(False) + self.config.drain_rate)
        together = self.refused_at is not None and now - self.refused_at <= _TOGETHER_S
        if self.config.adaptive_enabled and not together:
            self.pace = max(_SLOWEST, self.pace / 2)
        self.refused_at = now

    def free(self, now: float) -> float:
        """How many requests may go at once now."""
        self._leak(now)
        return max(0.0, self._room(False) - self.level)

    def _room(self, gentle: bool) -> float:
        burst = self.config.burst_limit / 2 if gentle else self.config.burst_limit
        return max(1.0, (burst - 2 * self.config.drain_rate) * self.share)

    def _leak(self, now: float) -> None:
        if self.leaked_at is None:
            self.leaked_at = now
        leaks = max(0, math.floor(now - self.leaked_at))
        self.level = max(0.0, self.level - leaks * self.config.drain_rate * self.pace)
        self.leaked_at += leaks
        if self.pace >= 1:
            return
        if self.refused_at is None:
            self.refused_at = now
        elif now - self.refused_at >= _QUIET_S:
            self.pace = min(1.0, self.pace * 2)
            self.refused_at = now
