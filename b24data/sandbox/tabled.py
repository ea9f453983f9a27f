"""The documented lists that are kept in columns, because they are long: asked as their pages say, answered as pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from b24data.sandbox.columns import Writer
from b24data.sandbox.documented import Documented
from b24data.sandbox.errors import PortalError
from b24data.sandbox.fields import ENTITY_TYPES
from b24data.sandbox.filters import Condition, Group
from b24data.sandbox.pages import Layout
from b24data.sandbox.quirks import Quirks
from b24data.sandbox.related import CALLS, HISTORY, PRODUCT_ROWS, TASK_TIME
from b24data.sandbox.rowfilters import RowNames, asked_for
from b24data.sandbox.table import Table, World

_TABLES = {
    "crm.item.productrow.list": PRODUCT_ROWS,
    "voximplant.statistic.get": CALLS,
    "task.elapseditem.getlist": TASK_TIME,
}


def table_of(known: Documented, given: Mapping[str, Any], world: World) -> Table | None:
    """The records that a method lists; None where they are kept as plain rows."""
    name = known.method.lower()
    if name != "crm.stagehistory.list":
        return world.table(_TABLES[name]) if name in _TABLES else None
    asked = str(given.get("entityTypeId") or 2)
    entity = ENTITY_TYPES.get(int(asked)) if asked.isdigit() else None
    table = world.find(f"{HISTORY}{entity}")
    if table is None:
        raise PortalError(*(known.refusal or (400, "NOT_FOUND", "SPA not found")))
    return table


class TableNames(RowNames):
    """The fields of such a list: the keys of its rows are the columns, but for the id, which is ``ID``."""

    def __init__(self, known: Documented, table: Table, *, loose: bool) -> None:
        super().__init__(known, loose=loose)
        self._key, self.id = self.id, "ID"
        self._table = table

    def asked(self, name: str) -> str | None:
        """The column of a name in an order or a ``select``."""
        return self._as_column(super().asked(name))

    def column(self, name: str) -> str | None:
        """The column of a name in a filter."""
        return self._as_column(super().column(name))

    def _as_column(self, found: str | None) -> str | None:
        return "ID" if found == self._key else found

    def kind(self, column: str) -> str:
        """What the values of a column are."""
        return self._table.kind(column)


def where_of(known: Documented, given: Mapping[str, Any], names: TableNames, asked: Any, quirks: Quirks) -> Group:
    """The filter of a call; of the elapsed time also the task that stands in the first place."""
    group = asked_for(known, asked, names, quirks)
    task = str(given.get("TASKID") or "")
    if known.method != "task.elapseditem.getlist" or not task.isdigit():
        return group
    return Group((*group.parts, Condition("TASK_ID", "eq", (task,))))


def layout_of(known: Documented, table: Table, wanted: list[str], names: TableNames, *, escape: bool) -> Layout:
    """The columns of a row in the page's order; with a ``select`` those it names."""
    keys = dict.fromkeys((known.id or "", *known.rows[0], *known.extra))
    columns = [(key, "ID" if key == known.id else key) for key in keys if key == known.id or key in table.fields]
    if wanted and "*" not in wanted:
        chosen = {names.asked(name) for name in wanted}
        columns = [pair for pair in columns if pair[1] in chosen]
    return Layout(tuple(columns), Writer(not isinstance(known.rows[0].get(str(known.id)), str), escape))
