"""How much a portal bears: requests a second per address, and execution time per method. Pure but for the registry.

Source of the figures: b24restdocs, limits.md. All times here are seconds of our monotonic clock; what a portal
says in its own time is turned into a distance from that same answer's ``time.finish`` first.
"""

from __future__ import annotations

import itertools
import math
import os
import threading
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from b24data.http.protocol import Times
from b24data.params import RateLimitConfig, RestrictionParams

__all__ = ["Hold", "LeakyBucket", "Limits", "OperatingLedger"]

_QUIET_S = 60.0  # without a refusal for so long, a slowed bucket doubles its pace
_SLOWEST = 1 / 8
_FLIGHT_S = 120.0  # a request that never reported back no longer counts after this
_POLL_S = 1.0
_LEAST_S = 0.001


@dataclass
class LeakyBucket:
    """The portal's request counter as it may stand at worst.

    It leaks once a second, at a moment we don't know, and a request takes an unknown time to arrive. Each of
    the two can shift one leak out of sight, so twice the leak is never used.
    """

    config: RateLimitConfig = field(default_factory=RateLimitConfig)
    level: float = 0.0
    pace: float = 1.0
    _leaked_at: float | None = None
    _refused_at: float = -math.inf

    def reserve(self, now: float, *, gentle: bool = False) -> float:
        """0.0 if a request may go now (it is counted then), else the seconds after which to ask again."""
        self._leak(now)
        drain, room = self.config.drain_rate, self._room(gentle)
        if self.level + 1 <= room:
            self.level += 1
            return 0.0
        leaks = math.ceil((self.level + 1 - room) / (drain * self.pace))
        # Rounding may put the leak at this very moment; nothing was taken, so the answer can't be zero.
        return max(_LEAST_S, (self._leaked_at or 0.0) + leaks - now)

    def refused(self, now: float) -> None:
        """The portal answered 503: others fill its bucket too, so ours counts as overfull and leaks slower."""
        self._leak(now)
        self.level = max(self.level, self._room(False) + self.config.drain_rate)
        if self.config.adaptive_enabled and now - self._refused_at > _POLL_S:
            self.pace = max(_SLOWEST, self.pace / 2)
        self._refused_at = now

    def _room(self, gentle: bool) -> float:
        burst = self.config.burst_limit / 2 if gentle else self.config.burst_limit
        return max(1.0, burst - 2 * self.config.drain_rate)

    def _leak(self, now: float) -> None:
        if self._leaked_at is None:
            self._leaked_at = now
        leaks = max(0, math.floor(now - self._leaked_at))
        self.level = max(0.0, self.level - leaks * self.config.drain_rate * self.pace)
        self._leaked_at += leaks
        if self.pace < 1 and now - self._refused_at >= _QUIET_S:
            self.pace = min(1.0, self.pace * 2)
            self._refused_at = now


@dataclass
class _Basket:
    ends_at: float
    seconds: float


@dataclass
class OperatingLedger:
    """Execution time that one method has used in the portal's sliding window of ten baskets.

    ``time.operating`` says the sum, never the baskets, so each growth is put down where it was seen. What was
    used before we looked is one lump that leaves with its last basket at the latest; every answer corrects it.
    """

    limit_s: float = 480.0
    window_s: float = 600.0
    cost_s: float = 0.0  # what one command takes, as a moving average
    _baskets: deque[_Basket] = field(default_factory=deque)
    _resets_at: float = -math.inf  # when the portal said it drops its oldest basket
    _blocked_until: float | None = None
    _finish: float = -math.inf
    _flights: dict[int, tuple[float, float]] = field(default_factory=dict)
    _tickets: itertools.count[int] = field(default_factory=itertools.count)

    def used(self, now: float) -> float:
        """Seconds in the window, by the last answers; requests in flight are not in it."""
        while self._baskets and self._baskets[0].ends_at <= now:
            self._baskets.popleft()
        return sum(basket.seconds for basket in self._baskets)

    def fits(self, now: float, commands: int, *, share: float = 1.0) -> bool:
        """Whether so many commands still fit into ``share`` of the limit, beside what is in flight."""
        need = min(commands * self.cost_s, self.limit_s * share / 2)
        flying = sum(cost for cost, ends_at in self._flights.values() if ends_at > now)
        return self.used(now) + flying + need <= self.limit_s * share

    def wait(self, now: float, commands: int, *, share: float = 0.95) -> float:
        """0.0 if so many commands may go now, else the seconds after which to ask again."""
        if self._blocked_until is not None:
            if now < self._blocked_until:
                return self._blocked_until - now
            return _POLL_S if self._in_flight(now) else 0.0  # one request finds out for all
        if self.fits(now, commands, share=share):
            return 0.0
        if self._in_flight(now):
            return _POLL_S
        if self._resets_at > now:
            return self._resets_at - now
        # The portal has dropped a basket of unknown size since its last word: ask.
        return 0.0 if math.isfinite(self._resets_at) else self._baskets[0].ends_at - now

    def begin(self, now: float, commands: int) -> int:
        """Count commands that go out now; the ticket goes to :meth:`end`."""
        ticket = next(self._tickets)
        self._flights[ticket] = (commands * self.cost_s, now + _FLIGHT_S)
        return ticket

    def end(self, ticket: int) -> None:
        """The request of this ticket is answered, or lost."""
        self._flights.pop(ticket, None)

    def observe(self, times: Times, now: float) -> None:
        """Learn from the ``time`` of a good answer of this method."""
        cost = times.duration if times.duration is not None else times.processing
        if cost is not None:
            self.cost_s = cost if not self.cost_s else 0.8 * self.cost_s + 0.2 * cost
        self._blocked_until = None
        finish = times.finish if times.finish is not None else now
        if times.operating is None or finish < self._finish:
            return
        self._finish = finish
        self._correct(times.operating, now)
        if times.operating_reset_at is not None:
            # The portal cuts the fraction off its moment: one second more is safe.
            self._resets_at = now + max(0.0, times.operating_reset_at - finish) + 1

    def refused(self, now: float) -> None:
        """The portal answered 429: wait for its next basket, then let one request find out.

        The other commands of the same batch, and what was under way with it, are refused for the same reason.
        """
        if self._blocked_until is not None and now < self._blocked_until:
            return
        used = self.used(now)
        if used:
            self.limit_s = min(self.limit_s, max(used, self.limit_s / 2))
        basket = self.window_s / 10
        self._blocked_until = self._resets_at if self._resets_at > now else now + basket

    def pressure(self, now: float) -> float:
        """The used part of the limit, 1.0 = all."""
        return self.used(now) / self.limit_s

    def resets_in(self, now: float) -> float:
        """Seconds until the portal drops its oldest basket; 0.0 when it never said."""
        return max(0.0, self._resets_at - now) if math.isfinite(self._resets_at) else 0.0

    def _correct(self, operating: float, now: float) -> None:
        growth = operating - self.used(now)
        if growth > 0:
            newest = self._baskets[-1] if self._baskets else None
            if newest and newest.ends_at - self.window_s * 0.9 > now:
                newest.seconds += growth
            else:
                self._baskets.append(_Basket(now + self.window_s, growth))
        while growth < 0 and self._baskets:
            oldest = self._baskets[0]
            taken = min(oldest.seconds, -growth)
            oldest.seconds -= taken
            growth += taken
            if oldest.seconds <= 0:
                self._baskets.popleft()
            elif taken <= 0:
                break

    def _in_flight(self, now: float) -> bool:
        return any(ends_at > now for _, ends_at in self._flights.values())


@dataclass(frozen=True, slots=True)
class Hold:
    """The answer to "may this request go": yes with ``seconds == 0`` (then hand it back), else ask again later."""

    seconds: float
    reason: str = ""
    tickets: tuple[tuple[OperatingLedger, int], ...] = ()


class Limits:
    """The limits that every client of this process shares, as one client with its parameters sees them.

    The bucket belongs to the portal and the source address, a ledger to the portal, the application (or webhook)
    and the method.
    """

    _lock = threading.Lock()
    _buckets: dict[tuple[str, str], LeakyBucket] = {}  # noqa: RUF012  one registry per process
    _ledgers: dict[tuple[str, str, str], OperatingLedger] = {}  # noqa: RUF012

    def __init__(self, portal: str, application: str, params: RestrictionParams, *, source: str = "") -> None:
        self.params = params
        self._portal = portal
        self._application = application
        with self._lock:
            self._bucket = self._buckets.setdefault((portal, source), LeakyBucket(params.rate_limit))
            self._bucket.config = params.rate_limit

    def reserve(self, methods: Counter[str], now: float, *, gentle: bool = False) -> Hold:
        """Whether a request with these commands (counted by method) may go now. Nothing is taken by a no."""
        share = 0.5 if gentle else 0.95
        with self._lock:
            ledgers = [(self._ledger(method), count) for method, count in methods.items()]
            seconds = max((ledger.wait(now, count, share=share) for ledger, count in ledgers), default=0.0)
            if seconds > 0:
                return Hold(seconds, "operating limit")
            seconds = self._bucket.reserve(now, gentle=gentle)
            if seconds > 0:
                return Hold(seconds, "rate limit")
            return Hold(0.0, "", tuple((ledger, ledger.begin(now, count)) for ledger, count in ledgers))

    def settle(self, hold: Hold) -> None:
        """The request of ``hold`` is over."""
        with self._lock:
            for ledger, ticket in hold.tickets:
                ledger.end(ticket)

    def observe(self, answers: Iterable[tuple[str, Times | None]], now: float) -> None:
        """Learn from good answers: the method of each, and its times."""
        with self._lock:
            for method, times in answers:
                if times is not None:
                    self._ledger(method).observe(times, now)

    def pause(self, methods: Counter[str], now: float, remaining: int | None) -> float:
        """Seconds by which to slow down before a request, because a method is near its limit.

        Nothing while the ``remaining`` commands of a walk fit into what is left.
        """
        config = self.params.adaptive_config
        if not config.enabled:
            return 0.0
        with self._lock:
            pauses = [0.0]
            for method, count in methods.items():
                ledger = self._ledger(method)
                if remaining is not None and ledger.fits(now, max(count, remaining)):
                    continue
                if ledger.pressure(now) * 100 >= config.threshold_percent:
                    pauses.append(min(config.max_delay_s, ledger.resets_in(now) * config.coefficient))
            return max(pauses)

    def rate_refused(self, now: float) -> None:
        """The portal refused a request of ours for its intensity (503)."""
        with self._lock:
            self._bucket.refused(now)

    def operating_refused(self, method: str, now: float) -> None:
        """The portal refused a command of ours for the execution time of its method (429)."""
        with self._lock:
            self._ledger(method).refused(now)

    def _ledger(self, method: str) -> OperatingLedger:
        config = self.params.operating_limit
        fresh = OperatingLedger(config.limit_s, config.window_s)
        return self._ledgers.setdefault((self._portal, self._application, method.lower()), fresh)


def _after_fork() -> None:
    Limits._lock = threading.Lock()  # the thread that held it is not in the child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
