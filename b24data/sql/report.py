"""What a query read of which table, before and after it ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from b24data.lists.estimate import Estimate
from b24data.text.markup import facts_html
from b24data.text.printable import printable


def _time(seconds: float) -> str:
    return "under a second" if seconds < 1 else f"about {seconds:,.0f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePlan:
    """What is going to be read of one table.

    ``sent`` are the conditions that go to the portal, ``left`` those that the engine alone decides. ``columns`` is None
    where all are read.
    """

    table: str
    method: str
    columns: Sequence[str] | None
    sent: Sequence[str]
    left: Sequence[str]
    estimate: Estimate | None = None

    def __str__(self) -> str:
        about = self.estimate
        rows = f"about {about.rows:,} rows, {about.requests:,} requests, {_time(about.seconds)}" if about else ""
        lines = [f"{self.table} ({self.method}): {rows}".rstrip(": ")]
        lines.append(f"  columns {', '.join(self.columns) if self.columns is not None else 'all'}")
        lines += [f"  to the portal: {one}" for one in self.sent]
        lines += [f"  in the engine: {one}" for one in self.left]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class SqlPlan:
    """What a query would read: the tables with their conditions, and the requests and seconds in all."""

    tables: tuple[TablePlan, ...]

    @property
    def requests(self) -> int:
        """The requests for all tables, about."""
        return sum(one.estimate.requests for one in self.tables if one.estimate)

    @property
    def seconds(self) -> float:
        """The seconds for all tables, about."""
        return sum(one.estimate.seconds for one in self.tables if one.estimate)

    def as_dict(self) -> dict[str, Any]:
        """The plan as JSON-safe values."""
        tables = [{**asdict(one), "sent": list(one.sent), "left": list(one.left)} for one in self.tables]
        return {"tables": tables, "requests": self.requests, "seconds": round(self.seconds, 3)}

    def __str__(self) -> str:
        if not self.tables:
            return "the portal is not queried"
        total = f"{self.requests:,} requests, {_time(self.seconds)}"
        return printable("\n".join([total, *map(str, self.tables)]))

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        title, *_ = str(self).splitlines()
        return facts_html(title, [(one.table, str(one).partition(" ")[2]) for one in self.tables])
