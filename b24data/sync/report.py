"""What a sync did."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from b24data.report import FetchReport
from b24data.text.markup import facts_html
from b24data.text.printable import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What a sync did to a dataset, and where the next one begins.

    ``rows`` are in the dataset now. ``transferred`` rows were read: ``inserted``, ``updated`` or ``unchanged`` (the
    overlap) ones; ``deleted`` rows were
    removed. ``compared`` ids were read as well, to find rows that are gone or left the filter. ``since`` is the
    portal time from which changes were asked for by the field ``cursor`` (None:
    a first sync, which reads the whole list), ``next`` that of the next sync. ``columns`` tells which are new or
    wider; ``fetches`` has the reports of what was fetched.
    """

    method: str
    portal: str
    target: str
    cursor: str
    since: str | None
    next: str
    rows: int
    transferred: int
    compared: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int
    columns: tuple[str, ...] = ()
    seconds: float = 0.0
    fetches: tuple[FetchReport, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all that was asked for came; a sync that did not come to its end has no report, but an error.

        A limit is the sync's own: it asks for one row where nothing was changed.
        """
        return all(report.complete or report.reason == "limit" for report in self.fetches)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-safe values."""
        data = asdict(self)
        data |= {"columns": list(self.columns), "notes": list(self.notes), "seconds": round(self.seconds, 3)}
        data["fetches"] = [report.as_dict() for report in self.fetches]
        return data

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        title, *lines = str(self).splitlines()
        return facts_html(title, [("", line.strip()) for line in lines], good=self.complete)

    def __str__(self) -> str:
        first = self.since is None
        what = "the whole list" if first else f"changes since {self.since}"
        requests = sum(report.requests for report in self.fetches)
        lines = [
            f"{self.method} at {self.portal}: {self.rows:,} rows in {self.target}",
            f"  {self.inserted:,} inserted, {self.updated:,} updated, {self.deleted:,} deleted,"
            f" {self.unchanged:,} unchanged",
            f"  {self.transferred:,} rows read: {what}",
            f"  {self.seconds:.1f} s, {requests:,} requests; "
            f"the next sync reads changes by {self.cursor} from {self.next}",
        ]
        if self.compared:
            lines.insert(3, f"  {self.compared:,} ids compared")
        lines.extend(f"  column {column}" for column in self.columns)
        lines.extend(f"  note: {note}" for note in self.notes)
        return printable("\n".join(lines))
