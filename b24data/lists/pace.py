"""How much to ask for at once: commands in a batch, batches under way. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from b24data.http.encode import MAX_COMMANDS

# One request may run 60 s (protocol: a gateway cuts it off after that); a batch is sized for a third of it.
REQUEST_SECONDS = 60.0
BATCH_SECONDS = REQUEST_SECONDS / 3
# Half of the requests that a portal bears at once from one address (b24restdocs, limits.md).
MOST_IN_FLIGHT = 24
# The bound where more batches, processed one at a time, would keep a request waiting longer than its timeout.
MOST_IN_FLIGHT_SLOW = 16
# A portal that works on more requests at a time ends the last ones together well enough; a shorter answer says nothing
# about waiting, which may be the network's.
_FEW_WORKERS = 8
_LONG_S = 0.25


class Ticket(NamedTuple):
    """How often the pace had changed when a request left, and how many others were under way."""

    changes: int
    under_way: int


@dataclass(slots=True)
class Pace:
    """Grows while the portal keeps up: the time a request spends outside the portal's own work tells.

    The first answer to a request of the present number decides about the next one: half as many if it spent twice the
    least time seen (and half of the portal's own time) outside. Otherwise more: four times as many where batches are
    so short that all of them would be answered in time by a portal that works on one after the other, else twice.

    ``in_flight`` is the number of requests to keep under way, ``commands`` the number of commands in a batch.
    ``at_once`` is about how many requests the portal works on at a time, where these are few; else infinite.
    """

    in_flight: int = 4
    most_in_flight: int = MOST_IN_FLIGHT
    commands: int = MAX_COMMANDS
    at_once: float = field(init=False, default=math.inf)
    _page_seconds: float = field(init=False, default=float("inf"))
    _least_overhead: float = field(init=False, default=float("inf"))
    _changes: int = field(init=False, default=0)
    _ceiling: int = field(init=False, default=MAX_COMMANDS)

    @classmethod
    def of(cls, workers: int | None) -> Pace:
        """The initial pace, with at most this many requests at once."""
        most = max(1, min(workers or MOST_IN_FLIGHT, MOST_IN_FLIGHT))
        return cls(in_flight=min(4, most), most_in_flight=most)

    def measured(self, page_seconds: float) -> None:
        """Size batches by what one full page takes on the portal."""
        if page_seconds > 0:
            self._page_seconds = page_seconds
            self.commands = max(1, min(self._ceiling, int(BATCH_SECONDS / page_seconds)))

    def sent(self, under_way: int = 0) -> Ticket:
        """A ticket for a request that leaves now, behind this many others; it goes back to :meth:`answered`."""
        return Ticket(self._changes, under_way)

    def answered(self, ticket: Ticket, wall_seconds: float, portal_seconds: float, elapsed: float = 0.0) -> None:
        """Take in one answer, and ask for more at once, or for less.

        ``elapsed`` is the part of ``wall_seconds`` in which the request was on its way; 0.0 where that is not known.

        An answer to a request that left before the number last changed says nothing about the present one.
        """
        overhead = max(0.0, wall_seconds - portal_seconds)
        self._least_overhead = min(self._least_overhead, overhead)
        crowded = overhead > max(2 * self._least_overhead, portal_seconds / 2)
        if portal_seconds >= _LONG_S:
            waited = (elapsed or wall_seconds) - portal_seconds - self._least_overhead
            self._count_workers(ticket.under_way + 1, waited, portal_seconds)
        if ticket.changes < self._changes:
            return
        quick = MOST_IN_FLIGHT * self.commands * self._page_seconds <= REQUEST_SECONDS
        most = self.most_in_flight if quick else min(self.most_in_flight, MOST_IN_FLIGHT_SLOW)
        wanted = self.in_flight // 2 if crowded else self.in_flight * (4 if quick else 2)
        self._changes += 1
        self.in_flight = max(1, min(most, wanted))

    def _count_workers(self, requests: int, waited: float, portal_seconds: float) -> None:
        """A request that waited longer than it took shows how many of those before it were worked on at a time."""
        if waited < portal_seconds:
            self.at_once = max(self.at_once, requests)
        elif (workers := requests * portal_seconds / (waited + portal_seconds)) <= _FEW_WORKERS:
            self.at_once = max(1.0, workers)

    def timed_out(self) -> None:
        """A batch took longer than the portal allows: half of it from now on."""
        self._ceiling = max(1, self.commands // 2)
        self.commands = self._ceiling
