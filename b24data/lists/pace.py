"""How much to ask for at once: commands in a batch, batches under way. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Pace"]

# One request may run 60 s (protocol: a gateway cuts it off after that); a batch is sized for a third of it.
BATCH_SECONDS = 20.0
MOST_COMMANDS = 50
MOST_IN_FLIGHT = 16


@dataclass(slots=True)
class Pace:
    """Grows while the portal keeps up: the time a request spends outside the portal's own work tells.

    A round is as many answers as requests were under way. If none of them spent twice the least time seen (or half of
    the portal's own time) outside, the next round has twice as many; otherwise half as many.

    ``in_flight`` is the number of requests to keep under way, ``commands`` the number of commands in a batch.
    """

    in_flight: int = 4
    most_in_flight: int = MOST_IN_FLIGHT
    commands: int = MOST_COMMANDS
    _least_overhead: float = field(init=False, default=float("inf"))
    _crowded: bool = field(init=False, default=False)
    _rounds: int = field(init=False, default=0)
    _answers: int = field(init=False, default=0)
    _ceiling: int = field(init=False, default=MOST_COMMANDS)

    def measured(self, page_seconds: float) -> None:
        """Size batches by what one full page takes on the portal."""
        if page_seconds > 0:
            self.commands = max(1, min(self._ceiling, int(BATCH_SECONDS / page_seconds)))

    def sent(self) -> int:
        """A ticket for a request that leaves now; it goes back to :meth:`answered`."""
        return self._rounds

    def answered(self, ticket: int, wall_seconds: float, portal_seconds: float) -> None:
        """Take in one answer; after each round of them, ask for more at once, or for less.

        An answer to a request of an earlier round says nothing about this one's number.
        """
        overhead = max(0.0, wall_seconds - portal_seconds)
        self._least_overhead = min(self._least_overhead, overhead)
        if ticket < self._rounds:
            return
        self._crowded |= overhead > max(2 * self._least_overhead, portal_seconds / 2)
        self._answers += 1
        if self._answers < self.in_flight:
            return
        self._rounds += 1
        wanted = self.in_flight // 2 if self._crowded else self.in_flight * 2
        self.in_flight = max(1, min(self.most_in_flight, wanted))
        self._answers, self._crowded = 0, False

    def timed_out(self) -> None:
        """A batch took longer than the portal allows: half of it from now on."""
        self._ceiling = max(1, self.commands // 2)
        self.commands = self._ceiling
