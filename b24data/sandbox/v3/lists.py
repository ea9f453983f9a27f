"""The lists of REST 3.0 that are kept as plain rows: pages by offset, tails by a cursor, cursors to echo.

Sources: b24restdocs, the pages of the methods; ``documented.json`` has their samples.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from b24data.sandbox.answers import Answer
from b24data.sandbox.columns import Writer
from b24data.sandbox.documented import HIDDEN_ID, Documented, documented
from b24data.sandbox.filters import Condition, Group
from b24data.sandbox.quirks import HONEST, Quirks
from b24data.sandbox.rowsets import Row, Rowsets, holds, ranked, sorted_rows
from b24data.sandbox.v3.aggregate import asked_fields, figures
from b24data.sandbox.v3.openapi import Described
from b24data.sandbox.v3.request import (
    Fields,
    V3Error,
    invalid,
    read_filter,
    read_order,
    read_pagination,
    read_select,
)
from b24data.sandbox.values import kind_of_value, parse_moment

# Fields that the samples do not show.
_EXTRA: dict[str, dict[str, Any]] = {
    "main.eventlog.list": {
        "remoteAddr": "192.0.2.7", "userAgent": "Mozilla/5.0", "requestUri": "/", "siteId": "s1", "guestId": 0,
    },
    "timeman.record.list": {"userId": 1, "breakLength": 0, "state": "CLOSED", "isApproved": True},
    "tasks.task.result.list": {"updatedAt": None, "fileIds": [], "rights": {}},
}  # fmt: skip
_FILTERED_BY = {
    "tasks.task.result.list": ("taskId", "id", "authorId", "status", "messageId"),
    "timeman.record.list": ("userId", "startTime"),
}
_REQUIRED_CONDITION = {"tasks.task.result.list": "taskId", "timeman.record.list": "userId"}
_BARE_ID = ("main.eventlog.list",)  # without `select` only the id comes, as in tasks.task.list
_SIMPLE_FILTERS = {
    "humanresources.node.list": ("type",),
    "mail.message.list": ("mailboxId", "isSeen", "hasAttachments"),
}
_HEAVY = ("transcription", "overview", "insights")
_MOST = 1000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


class Lists3:
    """The methods by lower-case name."""

    def __init__(self, rowsets: Rowsets, *, escape: bool, quirks: Quirks = HONEST) -> None:
        self._quirks = quirks
        self._rowsets = rowsets
        self._writer = Writer(numbers=True, escape=escape)
        self._special: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "main.eventlog.tail": self._tail,
            "note.collection.list": self._collections,
            "call.followup.list": self._followups,
        }

    def names(self) -> list[str]:
        """The methods that are answered here."""
        return [name for name in documented("v3") if name != "tasks.task.list"]

    def call(self, name: str, query: Mapping[str, Any]) -> Answer:
        """The answer of a method."""
        special = self._special.get(name)
        if special:
            return special(query)
        known = documented("v3")[name]
        if not known.is_list:
            return Answer.of(known.result, self._writer)
        self._check_required(known, query)
        rows = self.rows(name, query, self._quirks)
        beside = {}
        if known.paging == "v3_pagination":
            page = read_pagination(query.get("pagination"), default=known.page or 50, most=known.page_max or _MOST)
            first = page.offset if "pagination.offset" in known.params else 0
            beside = {"hasMore": first + page.limit < len(rows)} if "hasMore" in known.beside else {}
            rows = rows[first : first + page.limit]
        return self._answer(known, self._selected(known, rows, query), **beside)

    def rows(self, name: str, query: Mapping[str, Any], quirks: Quirks) -> list[Row]:
        """All rows that a call means; behind the portal's back it need not name what a call has to."""
        name = "main.eventlog.list" if name == "main.eventlog.tail" else name
        known = documented("v3")[name]
        rows = self._all(name)
        for key in _SIMPLE_FILTERS.get(name, ()):
            if query.get(key) is not None:
                rows = [row for row in rows if row.get(key) == query[key]]
        if self.has_conditions(name):
            where = read_filter(query.get("filter"), self._fields(known))
            where = quirks.where(where, known.id or HIDDEN_ID, partial(_kind, rows))
            rows = [row for row in rows if holds(where, row)]
        return sorted_rows(rows, read_order(query.get("order"), self._fields(known)) if known.order else ())

    def shown(self, name: str, query: Mapping[str, Any]) -> list[Row]:
        """All rows that a call means, as they stand in answers."""
        return self._selected(documented("v3")[name], self.rows(name, query, HONEST), query)

    def has_conditions(self, name: str) -> bool:
        """Whether a method takes a list of conditions as its filter."""
        return bool(documented("v3")[name].filter) and name not in self._special

    def figures(self, name: str, query: Mapping[str, Any]) -> Answer:
        """Figures over the rows that a filter leaves."""
        asked = asked_fields(query.get("select"), self.fields(name))
        self._check_required(documented("v3")[name], query)
        rows = self.rows(name, query, self._quirks)
        return Answer.of({"result": figures(asked, rows)}, self._writer)

    def fields(self, name: str) -> Fields:
        """The fields of a list's rows."""
        return self._fields(documented("v3")[name])

    def in_items(self, name: str) -> bool:
        """Whether a method answers with a list of rows in ``items``, and not with descriptions of fields."""
        known = documented("v3").get(name)
        return known is not None and known.is_list and known.at == "items" and not name.endswith(".field.list")

    def described(self, name: str) -> Described:
        """What the OpenAPI document says of a list."""
        known = documented("v3")[name]
        entity = "".join(part.capitalize() for part in name.split(".")[:-1]) + "Dto"
        moments = [key for key, value in known.rows[0].items() if isinstance(value, str) and _MOMENT.match(value)]
        return Described(entity, self._fields(known), moments, as_array=name.startswith("tasks."))

    def _check_required(self, known: Documented, query: Mapping[str, Any]) -> None:
        name = known.method.lower()
        missing = [one for one in known.required if "." not in one and query.get(one) in (None, "")]
        condition = _REQUIRED_CONDITION.get(name)
        if condition and not _asks_for(read_filter(query.get("filter"), self._fields(known)), condition):
            missing.append(f"filter.{condition}")
        for one in missing:
            raise invalid(one, f"Required field `{one}` is not specified")

    def _all(self, name: str) -> list[Row]:
        return self._rowsets.of("v3", name, _EXTRA.get(name))

    def _fields(self, known: Documented) -> Fields:
        name = known.method.lower()
        types = {key: _type_of(value) for key, value in (_EXTRA.get(name, {}) | dict(known.rows[0])).items()}
        default = ("id",) if name in _BARE_ID else tuple(known.rows[0])
        sortable = [key for key, kind in types.items() if kind != "array"]
        return Fields("ItemDto", types, _FILTERED_BY.get(name, types), sortable, {}, default)

    def _selected(self, known: Documented, rows: list[Row], query: Mapping[str, Any]) -> list[Row]:
        rows = [{key: value for key, value in row.items() if key != HIDDEN_ID} for row in rows]
        if not known.select:
            return rows
        select = read_select(query.get("select"), self._fields(known))
        return [{key: row[key] for key in select if key in row} for row in rows]

    def _answer(self, known: Documented, rows: list[Row], **beside: Any) -> Answer:
        result: Any = {**known.beside, known.at: rows, **beside} if known.at else rows
        return Answer.of(result, self._writer, rows=len(rows), pages=1)

    def _tail(self, query: Mapping[str, Any]) -> Answer:
        """``cursor {field, order, value, limit}``: the rows behind a value (main-eventlog-tail.md)."""
        known = documented("v3")["main.eventlog.list"]
        fields = self._fields(known)
        cursor = {"field": "id", "order": "ASC", "value": 0, "limit": 50, **(query.get("cursor") or {})}
        name, downwards = cursor["field"], str(cursor["order"]).upper() == "DESC"
        ((name, downwards),) = read_order({name: cursor["order"]}, fields)
        limit = read_pagination({"limit": cursor["limit"]}, default=50, most=_MOST).limit
        if _asks_for(read_filter(query.get("filter"), fields), name):
            raise V3Error(
                "INVALIDFILTEREXCEPTION",
                f"Unable to recognize filter expression `Cursor field {name} cannot be used at filter.`",
            )
        behind = Condition(name, "lt" if downwards else "gt", (cursor["value"],))
        asked = {key: value for key, value in query.items() if key != "order"}
        rows = [row for row in self.rows("main.eventlog.list", asked, self._quirks) if holds(behind, row)]
        rows = sorted_rows(rows, [(name, downwards)])[:limit]
        return self._answer(known, self._selected(known, rows, query))

    def _collections(self, query: Mapping[str, Any]) -> Answer:
        """``pagination.afterCursor`` is the ``nextCursor`` of the page before (note-collection-list.md)."""
        known = documented("v3")["note.collection.list"]
        given = query.get("pagination") or {}
        if not 1 <= read_pagination({"limit": given.get("limit", 50)}, default=50, most=_MOST).limit <= 200:
            raise V3Error("INVALIDPAGINATIONEXCEPTION", "Cannot recognize pagination parameter `limit`")
        page = _behind(self._all("note.collection.list"), ("position", "id"), given, limit=int(given.get("limit", 50)))
        cursor = {key: page.last[key] for key in ("position", "id")} if page.more else None
        return self._answer(known, page.rows, nextCursor=cursor)

    def _followups(self, query: Mapping[str, Any]) -> Answer:
        """An object as filter, newest first, 200 at most, 20 with a heavy field (call-followup-list.md)."""
        known = documented("v3")["call.followup.list"]
        rows = [row for row in self._all("call.followup.list") if _in_period(row["startDate"], query.get("filter"))]
        order = {"startDate": "desc"} if query.get("order") in (None, []) else query["order"]
        if not isinstance(order, Mapping) or list(order) != ["startDate"]:
            raise V3Error("invalid_order", "Incorrect parameter order")
        select = query.get("select") or ["callId", "startDate"]
        given = query.get("pagination") or {}
        most = 20 if any(str(name).split(".")[0] in _HEAVY for name in select) else 200
        limit = read_pagination({"limit": given.get("limit", 50)}, default=50, most=most).limit
        downwards = str(order["startDate"]).lower() == "desc"
        page = _behind(rows, ("startDate", "callId"), given, limit=limit, downwards=downwards)
        cursor = {"startDate": page.last["startDate"], "id": page.last["callId"]} if page.more else None
        chosen: list[Row] = [{key: row[key] for key in select if key in row} for row in page.rows]
        return self._answer(known, chosen, hasMore=page.more, afterCursor=cursor)


class _CursorPage:
    """A page of a list that is walked by echoing a cursor, and whether more follows."""

    def __init__(self, rows: list[Row], limit: int) -> None:
        self.rows = rows[:limit]
        self.more = len(rows) > limit
        self.last: Row = self.rows[-1] if self.rows else {}


def _kind(rows: list[Row], name: str) -> str:
    return kind_of_value(next((row[name] for row in rows if row.get(name) not in (None, "")), None))


def _behind(
    rows: list[Row], keys: tuple[str, str], given: Mapping[str, Any], *, limit: int, downwards: bool = False
) -> _CursorPage:
    ordered = sorted_rows(rows, [(keys[0], downwards), (keys[1], downwards)])
    cursor = given.get("afterCursor")
    if cursor is None:
        return _CursorPage(ordered, limit)
    asked = list(cursor.values()) if isinstance(cursor, Mapping) and set(cursor) == {keys[0], "id"} else []
    if not asked:
        raise V3Error("invalid_pagination", "Incorrect parameter pagination")
    place = (ranked(cursor[keys[0]]), ranked(cursor["id"]))
    later = [
        row for row in ordered if _is_behind((ranked(row[keys[0]]), ranked(row[keys[1]])), place, downwards=downwards)
    ]
    return _CursorPage(later, limit)


def _is_behind(place: Any, cursor: Any, *, downwards: bool) -> bool:
    return bool(place < cursor if downwards else place > cursor)


def _in_period(moment: str, given: Any) -> bool:
    period = given.get("startDate") if isinstance(given, Mapping) else None
    bounds = [parse_moment(str(period.get(key))) for key in ("from", "to")] if isinstance(period, Mapping) else []
    begin, end, at = [*bounds, None, None][0], [*bounds, None, None][1], parse_moment(moment)
    if begin is None or end is None or begin > end or at is None:
        raise V3Error("invalid_date_range", "Incorrect date range: both from and to are required")
    return begin <= at <= end


def _asks_for(part: Condition | Group, name: str) -> bool:
    if isinstance(part, Group):
        return any(_asks_for(inner, name) for inner in part.parts)
    return part.name == name


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    return "array" if isinstance(value, list) else "object" if isinstance(value, Mapping) else "string"
