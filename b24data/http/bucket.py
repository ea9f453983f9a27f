"""How many requests a second a portal bears from one address. Pure.

Source of the figures: b24restdocs, limits.md. Times are seconds of a monotonic clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from b24data.params import RateLimitConfig

_QUIET_S = 60.0  # without a refusal for so long, a slowed bucket doubles its pace
_SLOWEST = 1 / 8
_TOGETHER_S = 1.0  # refusals within so long are one
_FLIGHT_S = 300.0  # a request that never reported back no longer counts after this
_LEAST_S = 0.001


@dataclass
class LeakyBucket:
    """The portal's request counter as it may stand at worst.

    It leaks once a second, at a moment we don't know, which can shift one leak out of sight: so much is never used.
    A request takes an unknown time to arrive, so it takes a place at once and leaks only after its answer. ``share``
    is the part of the burst that may be used, ``pace`` the part of the leak; a pace below 1 grows while it is quiet.
    Where there is only a share, a refusal shows that the others are there: the pace does not grow beyond it again.
    """

    config: RateLimitConfig = field(default_factory=RateLimitConfig)
    share: float = 1.0
    pace: float = 1.0
    ceiling: float = 1.0  # of the pace
    level: float = 0.0  # requests that were answered
    leaked_at: float | None = None
    refused_at: float | None = None
    flights: dict[int, float] = field(default_factory=dict)  # requests under way, and when they no longer count
    ticket: int = 0  # of the latest request

    def reserve(self, now: float, *, gentle: bool = False) -> float:
        """0.0 if a request may go now, else the seconds after which to ask again.

        It is counted then; its :attr:`ticket` goes to :meth:`landed`.
        """
        self._leak(now)
        room = self._room(gentle)
        excess = self.level + len(self.flights) + 1 - room
        if excess <= 0:
            self.ticket += 1
            self.flights[self.ticket] = now + _FLIGHT_S
            return 0.0
        leaks = math.ceil(excess / (self.config.drain_rate * self.pace))
        # Rounding may put the leak at this very moment; nothing was taken, so the answer can't be zero.
        return max(_LEAST_S, (self.leaked_at or 0.0) + leaks - now)

    def landed(self, ticket: int, now: float) -> None:
        """The request of this ticket is answered, or lost."""
        self._leak(now)
        if self.flights.pop(ticket, None) is not None:
            self.level += 1

    def refused(self, now: float) -> None:
        """The portal answered 503: others fill its bucket too, so ours counts as overfull and leaks slower."""
        self._leak(now)
        self.level = max(self.level, self._room(False) + self.config.drain_rate - len(self.flights))
        together = self.refused_at is not None and now - self.refused_at <= _TOGETHER_S
        if self.config.adaptive_enabled and not together:
            self.pace = max(_SLOWEST, self.pace / 2)
            if self.share < 1:
                self.ceiling = max(self.share, self.pace)
        self.refused_at = now

    def free(self, now: float) -> float:
        """How many requests may go at once now."""
        self._leak(now)
        return max(0.0, self._room(False) - self.level - len(self.flights))

    def _room(self, gentle: bool) -> float:
        burst = self.config.burst_limit / 2 if gentle else self.config.burst_limit
        return max(1.0, (burst - self.config.drain_rate) * self.share)

    def _leak(self, now: float) -> None:
        if self.leaked_at is None:
            self.leaked_at = now
        leaks = max(0, math.floor(now - self.leaked_at))
        self.level = max(0.0, self.level - leaks * self.config.drain_rate * self.pace)
        self.leaked_at += leaks
        if leaks and any(until <= now for until in self.flights.values()):
            self.flights = {ticket: until for ticket, until in self.flights.items() if until > now}
        if self.pace >= 1:
            return
        if self.refused_at is None:
            self.refused_at = now
        elif now - self.refused_at >= _QUIET_S:
            self.pace = min(self.ceiling, self.pace * 2)
            self.refused_at = now
