"""The progress of many portals as one: rows and the way together, and a line for each portal that is done."""

from __future__ import annotations

from collections import Counter

from b24data.portals.outcome import PortalOutcome
from b24data.progress import Meter, ProgressEvent


class Board:
    """Adds up what the fetches of the portals tell, for one display.

    >>> seen = []
    >>> board = Board(Meter(seen.append), "crm.deal.list", 2)
    >>> board.told("acme", ProgressEvent(kind="rows", label="crm.deal.list", rows=40, fraction=1.0))
    >>> board.done(PortalOutcome(portal="acme", state="ok", rows=40, seconds=0.5))
    >>> board.close()
    >>> [str(event) for event in seen[1:]]
    ['acme: ok, 40 rows, 0.5 s', 'crm.deal.list at 2 portals: 40 rows, 0.0 s, 1 of 2 portals ok']
    """

    def __init__(self, meter: Meter, what: str, portals: int) -> None:
        self._meter = meter
        self._what = f"{what} at {portals} portals"
        self._portals = portals
        self._rows: Counter[str] = Counter()  # of the fetches of a portal that are over
        self._now: dict[str, ProgressEvent] = {}
        self._outcomes: list[PortalOutcome] = []
        meter.start(self._what, total=None)

    def told(self, name: str, event: ProgressEvent) -> None:
        """A fetch of one portal tells this; a sync has several, one after the other."""
        if event.kind == "wait":
            self._meter.wait(f"{event.reason} of {name}", event.wait_s, event.until)
            return
        self._now[name] = event
        if event.kind == "done":
            self._rows[name] += event.rows
            del self._now[name]
        self._update()

    def done(self, outcome: PortalOutcome) -> None:
        """One portal is done, well or not."""
        self._outcomes.append(outcome)
        self._now.pop(outcome.portal, None)
        self._rows[outcome.portal] = outcome.rows
        self._update()
        self._meter.note(str(outcome))

    def close(self, seconds: float = 0.0) -> None:
        """All portals are done, or the caller has stopped."""
        good = sum(outcome.state == "ok" for outcome in self._outcomes)
        rows = sum(outcome.rows for outcome in self._outcomes)
        self._meter.close(f"{self._what}: {rows:,} rows, {seconds:.1f} s, {good} of {self._portals} portals ok")

    def _update(self) -> None:
        rows = self._rows.total() + sum(event.rows for event in self._now.values())
        way = len(self._outcomes) + sum(event.fraction or 0.0 for event in self._now.values())
        self._meter.update(rows, fraction=way / self._portals)
