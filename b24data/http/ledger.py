"""How much execution time of one method a portal bears from one application. Pure.

Source of the figures: b24restdocs, limits.md. Times are seconds of our monotonic clock; what a portal says in its own
time is turned into a distance from that same answer's ``time.finish`` first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from b24data.http.protocol import Times

_FLIGHT_S = 120.0  # a request that never reported back no longer counts after this
# The part of the limit that is used: what a command takes is known from those before it, so little need be spared.
NEARLY_ALL = 0.99
_POLL_S = 1.0
# The weight of a command in the average of what one takes. Many go out at once, so it is not taken for less soon.
_RISES, _FALLS = 0.2, 0.01
_HIGHEST = 10  # limits: a higher sum is no sum of seconds
_TOGETHER = 0.005  # growth that was seen within this part of the window leaves it together


@dataclass
class Basket:
    """Seconds that the portal counts until ``ends_at``."""

    ends_at: float
    seconds: float


@dataclass
class Flight:
    """Seconds that a request under way is expected to take; after ``ends_at`` it no longer counts."""

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
    learned_s: float = math.inf  # a lower limit that refusals have shown
    cost_s: float = 0.0  # what one command takes, as a moving average
    baskets: list[Basket] = field(default_factory=list)
    resets_at: float = -math.inf  # when the portal said it drops its oldest basket
    blocked_until: float | None = None
    finished: float = -math.inf  # by the portal's clock: of the latest answer
    flights: dict[int, Flight] = field(default_factory=dict)
    tickets: int = 0

    @property
    def allowed_s(self) -> float:
        """Seconds that the portal allows, as far as we know."""
        return min(self.limit_s, self.learned_s)

    def used(self, now: float) -> float:
        """Seconds in the window, by the last answers; requests in flight are not in it."""
        while self.baskets and self.baskets[0].ends_at <= now:
            del self.baskets[0]
        return sum(basket.seconds for basket in self.baskets)

    def fits(self, now: float, commands: int, *, share: float = 1.0) -> bool:
        """Whether this many commands still fit into ``share`` of the limit, together with those in flight."""
        need = min(commands * self.cost_s, self.allowed_s * share / 2)
        flying = sum(flight.seconds for flight in self.flights.values() if flight.ends_at > now)
        return self.used(now) + flying + need <= self.allowed_s * share

    def wait(self, now: float, commands: int, *, share: float = NEARLY_ALL) -> float:
        """0.0 if this many commands may go now, else the seconds after which to ask again."""
        if self.blocked_until is not None:
            if now < self.blocked_until:
                return min(self.blocked_until - now, self.window_s)
            return _POLL_S if self._in_flight(now) else 0.0  # one request finds out for all
        if self.fits(now, commands, share=share):
            return 0.0
        if self._in_flight(now):
            return _POLL_S
        if self.resets_at > now:
            return min(self.resets_at - now, self.window_s)  # also by what an earlier version kept
        # The portal has dropped a basket of unknown size since its last word: ask.
        return 0.0 if math.isfinite(self.resets_at) else self.baskets[0].ends_at - now

    def begin(self, now: float, commands: int) -> int:
        """Count commands that go out now; the ticket goes to :meth:`end`."""
        self.flights = {ticket: flight for ticket, flight in self.flights.items() if flight.ends_at > now}
        self.tickets += 1
        self.flights[self.tickets] = Flight(now + _FLIGHT_S, commands * self.cost_s)
        return self.tickets

    def end(self, ticket: int) -> None:
        """The request of this ticket is answered, or lost."""
        self.flights.pop(ticket, None)

    def observe(self, times: Times, now: float) -> None:
        """Learn from the ``time`` of a good answer of this method; no figure in it makes a wait exceed the window."""
        cost = times.duration if times.duration is not None else times.processing
        if cost is not None:
            cost = min(max(0.0, cost), self.limit_s)
            weight = 1.0 if not self.cost_s else _RISES if cost > self.cost_s else _FALLS
            self.cost_s += weight * (cost - self.cost_s)
        self.blocked_until = None
        finish = times.finish if times.finish is not None else now
        if times.operating is None or 0 < self.finished - finish < self.window_s:  # further back, a clock was moved
            return
        self.finished = finish
        operating = min(max(0.0, times.operating), _HIGHEST * self.limit_s)
        if operating > self.learned_s:
            self.learned_s = math.inf
        self._correct(operating, now)
        if times.operating_reset_at is not None:
            # The portal cuts the fraction off its moment: one second more is safe.
            self.resets_at = now + min(max(0.0, times.operating_reset_at - finish), self.window_s) + 1

    def refused(self, now: float) -> None:
        """The portal answered 429: wait for its next basket, then let one request find out.

        The other commands of the same batch, and what was under way with it, are refused for the same reason.
        """
        if self.blocked_until is not None and now < self.blocked_until:
            return
        used = self.used(now)
        if used:
            self.learned_s = max(used, self.allowed_s / 2)
        basket = self.window_s / 10
        self.blocked_until = self.resets_at if self.resets_at > now else now + basket

    def pressure(self, now: float) -> float:
        """The used part of the limit, 1.0 = all."""
        return self.used(now) / self.allowed_s

    def resets_in(self, now: float) -> float:
        """Seconds until the portal drops its oldest basket; 0.0 when it never said."""
        return max(0.0, self.resets_at - now) if math.isfinite(self.resets_at) else 0.0

    def _correct(self, operating: float, now: float) -> None:
        growth = operating - self.used(now)
        if growth > 0:
            newest = self.baskets[-1] if self.baskets else None
            # Where the portal's minutes begin is not documented: what was seen later is taken to last longer.
            if newest and newest.ends_at - self.window_s * (1 - _TOGETHER) > now:
                newest.seconds += growth
            else:
                self.baskets.append(Basket(now + self.window_s, growth))
        while growth < 0 and self.baskets:
            oldest = self.baskets[0]
            taken = min(oldest.seconds, -growth)
            oldest.seconds -= taken
            growth += taken
            if oldest.seconds <= 0:
                del self.baskets[0]
            elif taken <= 0:
                break

    def _in_flight(self, now: float) -> bool:
        return any(flight.ends_at > now for flight in self.flights.values())
