"""What a run over a CRM did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from b24data.sync.report import SyncReport
from b24data.text.markup import table_html
from b24data.text.printable import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReport:
    """One table of a run.

    ``state`` is ``ok``, ``absent`` where the portal has no such records, ``no access`` where the user may not see the
    rows, or ``failed``. In the last three cases the table is as it was before, and ``why`` says what happened. ``rows``
    are in the table now, ``transferred`` came in ``requests``. ``sync`` is the report of a table that asks for changes
    alone.
    """

    name: str
    state: Literal["ok", "absent", "no access", "failed"]
    rows: int = 0
    transferred: int = 0
    requests: int = 0
    why: str = ""
    sync: SyncReport | None = None

    def __str__(self) -> str:
        state = "" if self.state == "ok" else f", {self.state}"
        return f"{self.name}: {self.rows:,} rows, {self.transferred:,} transferred{state}"

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-safe values."""
        plain = {name: getattr(self, name) for name in ("name", "state", "rows", "transferred", "requests", "why")}
        return plain | {"sync": self.sync.as_dict() if self.sync else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmReport:
    """A run over all tables: ``began`` is the portal's time before the first of them was read.

    ``own_requests`` belong to no table: they asked for the time and for the smart processes that there are.
    """

    portal: str
    target: str
    began: str
    seconds: float
    own_requests: int = 0
    tables: Mapping[str, TableReport]

    @property
    def complete(self) -> bool:
        """Whether every table that the portal has is up to date."""
        return all(table.state in ("ok", "absent") for table in self.tables.values())

    @property
    def requests(self) -> int:
        """All requests of the run; those of a table that could not be read are not counted."""
        return self.own_requests + sum(table.requests for table in self.tables.values())

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-safe values."""
        return {
            "portal": self.portal,
            "target": self.target,
            "began": self.began,
            "seconds": round(self.seconds, 3),
            "complete": self.complete,
            "requests": self.requests,
            "tables": [table.as_dict() for table in self.tables.values()],
        }

    def __str__(self) -> str:
        wide = max((len(name) for name in self.tables), default=5)
        lines = [
            f"{one.name:<{wide}} {one.rows:>11,} {one.transferred:>11,}{'' if one.state == 'ok' else f'  {one.state}'}"
            for one in self.tables.values()
        ]
        why = [f"{table.name}: {printable(table.why)}" for table in self.tables.values() if table.why]
        head = f"{'table':<{wide}} {'rows':>11} {'transferred':>11}"
        return "\n".join([self._title, head, *lines, *why])

    @property
    def _title(self) -> str:
        count = len(self.tables)
        return f"{printable(self.portal)}: {count} tables in {self.seconds:.1f} s, {self.requests:,} requests"

    def _repr_html_(self) -> str:
        rows = [
            (
                one.name,
                one.rows,
                one.transferred,
                "" if one.state == "ok" else f"{one.state}\n{printable(one.why)}".strip(),
            )
            for one in self.tables.values()
        ]
        return table_html(self._title, ["", "rows", "transferred", ""], rows, good=self.complete)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))
