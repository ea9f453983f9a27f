"""The documented list methods that are kept as plain rows: each asked, paged and answered in its own dialect.

Sources: b24restdocs by way of ``documented.json``; habits that the pages do not tell are from the public issue threads
of Bitrix24 clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from b24data.sandbox.answers import Answer
from b24data.sandbox.columns import Writer
from b24data.sandbox.documented import HIDDEN_ID, Documented, documented, row_id
from b24data.sandbox.errors import PortalError
from b24data.sandbox.filters import split_key
from b24data.sandbox.notation import items_of
from b24data.sandbox.pages import Layout, Renderer
from b24data.sandbox.quirks import Quirks
from b24data.sandbox.rowfilters import RowNames, check_shape, kept_rows, refusal_about
from b24data.sandbox.rowsets import Row, Rowsets, sorted_rows
from b24data.sandbox.table import Selection, Table, World
from b24data.sandbox.tabled import TableNames, layout_of, table_of, where_of
from b24data.sandbox.windows import Window, window_of


@dataclass(frozen=True, slots=True)
class Habit:
    """The behaviour of a method apart from its form of paging.

    Every ``hides``-th row is left out of its page, which still counts as full; ``total`` is "none", "zero" or "minus"
    where it is not the truth; ``batch_until`` is the offset from which a batch gets nothing; ``alone`` refuses to be in
    a batch; ``newest`` first; ``lies`` as in :data:`~b24data.sandbox.quirks.LIES`; ``most_start`` caps the offset;
    ``drops`` what it gave.
    """

    hides: int = 0
    total: str = ""
    batch_until: int | None = None
    alone: bool = False
    newest: bool = False
    lies: tuple[str, ...] = ()
    most_start: int | None = None
    drops: bool = False


_HONEST = Habit()
HABITS = {
    "crm.address.list": Habit(total="none"),
    "crm.requisite.link.list": Habit(batch_until=400),
    "crm.timeline.logmessage.list": Habit(newest=True),
    "disk.file.search": Habit(total="none", most_start=1000),
    "event.offline.get": Habit(drops=True),
    "im.recent.list": Habit(total="minus"),
    "log.blogpost.get": Habit(hides=9),
    "mobile.disk.folder.getchildren": Habit(lies=("minus_one",)),
    "mobile.intranet.departments.get": Habit(lies=("page_length",)),
    "sale.basketitem.list": Habit(hides=11),
    "sale.order.list": Habit(hides=13),
    "socialnetwork.api.workgroup.list": Habit(hides=7),
    "socialnetwork.usertogroup.list": Habit(lies=("changing_total",)),
    "sonet_group.get": Habit(hides=8, newest=True),
    "task.elapseditem.getlist": Habit(alone=True),
    "task.getlist": Habit(total="none"),
    "task.item.list": Habit(alone=True),
    "task.item.userfield.getlist": Habit(total="zero"),
    "task.items.getlist": Habit(alone=True),
    "userfieldconfig.list": Habit(hides=10),
}


def _known(name: str, params: Mapping[str, Any]) -> Documented:
    """What is documented of a method; crm-stage-history-list.md: that of leads speaks of statuses, not of stages."""
    known = documented("v2")[name]
    if name == "crm.stagehistory.list" and str(params.get("entityTypeId")) in ("1", "5"):
        return replace(known, rows=tuple(_as_of_leads(row) for row in known.rows))
    return known


def _as_of_leads(row: Row) -> Row:
    names = {"STAGE_ID": "STATUS_ID", "STAGE_SEMANTIC_ID": "STATUS_SEMANTIC_ID"}
    return {names.get(key, key): value for key, value in row.items() if key != "CATEGORY_ID"}


class Dialects:
    """The methods by lower-case name."""

    def __init__(self, rowsets: Rowsets, world: World, renderer: Renderer, *, escape: bool, quirks: Quirks) -> None:
        self._rowsets = rowsets
        self._world = world
        self._renderer = renderer
        self._escape = escape
        self._quirks = quirks
        self._writer = Writer(numbers=True, escape=escape)

    def knows(self, name: str) -> bool:
        """Whether the method is answered here."""
        return name in documented("v2")

    def call(self, name: str, params: Mapping[str, Any], *, in_batch: bool = False) -> Answer:
        """The answer of a method; raises the portal's error."""
        known, habit = _known(name, params), HABITS.get(name, _HONEST)
        if habit.alone and in_batch:
            raise PortalError(400, "ERROR_CORE", "Method is not allowed for batch usage")
        given = _by_name(known, params)
        _check_required(known, given)
        if not known.is_list:
            return self._served(known, given)
        table = table_of(known, given, self._world)
        if table is not None:
            return self._page(known, given, table)
        rows = self._chosen(known, habit, given, self._quirks)
        quirks = Quirks(self._quirks.ignores, (*self._quirks.lies, *habit.lies))
        window = window_of(known, given, rows, most_start=habit.most_start, quirks=quirks)
        if in_batch and habit.batch_until is not None and (window.start or 0) >= habit.batch_until:
            window.rows = []
        if habit.drops and str(given.get("clear", 1)) != "0":
            del self._rowsets.of("v2", name)[: len(window.rows)]
        return self._answer(known, habit, given, window, [row for row in window.rows if not _hidden(row, known, habit)])

    def _page(self, known: Documented, given: Mapping[str, Any], table: Table) -> Answer:
        """A page of a list that is kept in columns."""
        names, selection = self._asked(known, given, table, self._quirks)
        window = window_of(known, given, range(selection.count), quirks=self._quirks)
        wanted = [str(name) for name in items_of(_at(given, known.select))] if known.select else []
        layout = layout_of(known, table, wanted, names, escape=self._escape)
        page = self._renderer.page(table, selection, layout, window.rows[0] if window.rows else 0, len(window.rows))
        wrap = known.at.encode()
        head, tail = (b'{"' + wrap + b'":[', b"]}") if wrap else (b"[", b"]")
        return Answer(
            [head, *page.pieces, tail],
            rows=page.count,
            pages=1,
            total=window.total,
            next=window.next,
            counted=window.counted,
            page=page,
            wrap=known.at,
        )

    def _asked(
        self, known: Documented, given: Mapping[str, Any], table: Table, quirks: Quirks
    ) -> tuple[TableNames, Selection]:
        names = TableNames(known, table, loose=quirks.lenient)
        where = where_of(known, given, names, _at(given, known.filter) if known.filter else None, quirks)
        order = quirks.order(_order(known, names, given), names.id)
        return names, quirks.selection(table.select(where, order))

    def listed(self, name: str, params: Mapping[str, Any]) -> tuple[Table, Selection, Layout] | None:
        """What a call on a list that is kept in columns means; None where it is kept as plain rows."""
        known = _known(name, params)
        given = _by_name(known, params)
        table = table_of(known, given, self._world)
        if table is None:
            return None
        names, selection = self._asked(known, given, table, self._quirks.honest())
        wanted = [str(one) for one in items_of(_at(given, known.select))] if known.select else []
        return table, selection, layout_of(known, table, wanted, names, escape=self._escape)

    def _served(self, known: Documented, given: Mapping[str, Any]) -> Answer:
        """An answer that is not a list of objects: the sample, a page of it where it is paged."""
        if known.paging == "none":
            return Answer.of(known.result, self._writer, pages=1)
        window = window_of(known, given, list(known.result), quirks=self._quirks)
        return Answer.of(window.rows, self._writer, rows=len(window.rows), pages=1, total=len(known.result))

    def truth(self, name: str, params: Mapping[str, Any]) -> list[Row]:
        """All rows that a call means, in its order, as they stand in answers (with the hidden id)."""
        known, habit = _known(name, params), HABITS.get(name, _HONEST)
        rows = self._chosen(known, habit, _by_name(known, params), self._quirks.honest())
        most = len(rows) if habit.most_start is None else habit.most_start + (known.page or 50)
        return [row for row in rows if not _hidden(row, known, habit)][:most]

    def ids(self, name: str, params: Mapping[str, Any]) -> list[Any]:
        """The ids of :meth:`truth`; the values where the answer is not a list of objects."""
        found = self.listed(name, params)
        if found is not None:
            numbers: list[int] = found[0].ids[found[1].chosen].tolist()
            return numbers
        if not documented("v2")[name].is_list:
            return list(documented("v2")[name].result)
        return [row_id(row, documented("v2")[name]) for row in self.truth(name, params)]

    def rows(self, name: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """:meth:`truth` as it stands in answers."""
        found = self.listed(name, params)
        if found is not None:
            return self._renderer.page(*found, 0, max(found[1].count, 1)).rows()
        known = _known(name, params)
        if not known.is_list:
            raise ValueError(f"{known.method} answers with no rows that are objects")
        return [_selected(known, row, _by_name(known, params)) for row in self.truth(name, params)]

    def _chosen(self, known: Documented, habit: Habit, given: Mapping[str, Any], quirks: Quirks) -> list[Row]:
        every = self._rowsets.of("v2", known.method)
        rows = kept_rows(known, every, _at(given, known.filter) if known.filter else None, quirks)
        names = RowNames(known, every, loose=quirks.lenient)
        order = quirks.order(_order(known, names, given), names.id)
        return sorted_rows(rows, order or (((names.id, True),) if habit.newest else ()))

    def _answer(
        self, known: Documented, habit: Habit, given: Mapping[str, Any], window: Window, rows: list[Row]
    ) -> Answer:
        shown: list[Any] = [_selected(known, row, given) or [] for row in rows]  # PHP writes an empty map as []
        content: Any = {str(row_id(row, known)): out for row, out in zip(rows, shown, strict=True)} or []
        content = content if known.keyed else shown
        result = _wrapped(known, content, {**known.beside, **window.beside})
        total = {"none": None, "zero": 0, "minus": -1}.get(habit.total, window.total)
        return Answer.of(
            result, self._writer, rows=len(rows), pages=1, total=total, next=window.next, counted=window.counted
        )


def _by_name(known: Documented, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Parameters that count by position, whatever they are called (data-encoding.md).

    The number of the task may be missing in front: the page of task.elapseditem.getlist has a call that begins with
    the order. Any other gap moves what follows into the wrong place.
    """
    if not known.positional:
        return params
    values = list(params.values())
    names = known.positional
    if names[0] == "TASKID" and values and isinstance(values[0], Mapping | list):
        names = names[1:]
    return dict(zip(names, values, strict=False))


def _at(given: Mapping[str, Any], path: str | None) -> Any:
    found: Any = given
    for step in (path or "").split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _check_required(known: Documented, given: Mapping[str, Any]) -> None:
    for wanted in known.required:
        if not any(_is_given(known, one, given) for one in wanted.split("|")):
            raise refusal_about(_MISSING, known) or PortalError(
                400, "ERROR_ARGUMENT", f"Required parameter '{wanted}' is missing"
            )


# In the errors that pages show for a parameter that is not there.
_MISSING = "is not set|not specified|not defined"


def _is_given(known: Documented, wanted: str, given: Mapping[str, Any]) -> bool:
    head, _, inner = wanted.partition(".")
    if head == "filter" and inner:
        asked = _at(given, known.filter)
        keys = [str(key) for key in asked] if isinstance(asked, Mapping) else []
        return inner in keys or (inner[0] != "=" and inner in [split_key(key)[1] for key in keys])
    if head == "select" and inner:
        return bool({inner, "*"} & {str(name) for name in items_of(_at(given, known.select))})
    return _at(given, wanted) not in (None, "", [], {})


def _order(known: Documented, names: RowNames, given: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    if known.order is None:
        return ()
    if known.order_form == "sort_order":
        sort, way = (given.get(name) for name in known.order.split("+"))
        order: Mapping[str, Any] = {str(sort): way} if sort else {}
    else:
        asked = _at(given, known.order)
        check_shape(known, "order", asked)
        order = asked if isinstance(asked, Mapping) else {}
    pairs = [(names.asked(str(name)), str(way).upper().startswith("DESC")) for name, way in order.items()]
    return tuple((name, downwards) for name, downwards in pairs if name is not None)


def _hidden(row: Row, known: Documented, habit: Habit) -> bool:
    """A row that the user may not see: it takes a place on its page and does not come."""
    return bool(habit.hides) and int(row_id(row, known)) % habit.hides == 0


def _selected(known: Documented, row: Row, given: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in row.items() if key != HIDDEN_ID}
    names = RowNames(known)
    wanted = [str(name) for name in items_of(_at(given, known.select))] if known.select else []
    if not wanted and known.method in _BARE_ID:
        wanted = [str(known.id_asked)]
    if not wanted or "*" in wanted:
        return shown
    keys = {names.asked(name) for name in wanted}
    return {key: value for key, value in shown.items() if key in keys}


_BARE_ID = ("socialnetwork.api.workgroup.list",)  # without `select` only the id comes


def _wrapped(known: Documented, content: Any, beside: Mapping[str, Any]) -> Any:
    if not known.at:
        return content
    head, *rest = known.at.split(".")
    for step in reversed(rest):
        content = {step: content}
    return {**beside, head: content}
