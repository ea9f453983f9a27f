"""Which rows of a list one call gets: the ways of paging that the documentation knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from b24data.sandbox.documented import Documented, row_id
from b24data.sandbox.errors import PortalError
from b24data.sandbox.quirks import Quirks


@dataclass(slots=True)
class Window:
    """The rows of one call, what is said of the others, and what stands ``beside`` the rows."""

    rows: list[Any]
    start: int | None = None
    total: int | None = None
    next: int | None = None
    counted: bool = False
    beside: dict[str, Any] = field(default_factory=dict)


def window_of(
    known: Documented, given: Mapping[str, Any], rows: Sequence[Any], *, quirks: Quirks, most_start: int | None = None
) -> Window:
    """The rows that a call gets of all those it means."""
    if known.paging in ("start", "start_no_count"):
        return _by_start(known, given, rows, quirks, most_start)
    if known.paging == "offset_limit":
        return _by_offset(known, given, rows)
    if known.paging == "page_nav":
        return _by_page(known, given, rows)
    if known.paging == "last_id":
        return _by_events(known, given, rows) if "offset" in known.params else _by_last_id(known, given, rows)
    return Window(list(rows), total=quirks.total(len(rows), 0, 50) if known.total else None)


def _by_start(
    known: Documented, given: Mapping[str, Any], rows: Sequence[Any], quirks: Quirks, most_start: int | None
) -> Window:
    asked = _whole(given.get(known.params[0]), 0)
    page = known.page or 50
    if asked < 0:
        # crm-orderentity-list.md: here, unlike elsewhere, -1 means everything at once.
        return Window(list(rows if known.method == "crm.orderentity.list" else rows[:page]), asked)
    start = quirks.start(min(asked, most_start) if most_start is not None else asked, len(rows), page)
    return Window(
        list(rows[start : start + page]),
        asked,
        total=quirks.total(len(rows), asked, page),
        next=quirks.next(asked, len(rows), page),
        counted=True,
    )


def _by_offset(known: Documented, given: Mapping[str, Any], rows: Sequence[Any]) -> Window:
    """``limit`` and ``offset``, in upper case or inside ``params``; without a page size all rows come."""
    asked = {path.rsplit(".", 1)[-1].lower(): _at(given, path) for path in known.params}
    offset = max(_whole(asked["offset"], 0), 0)
    limit = _whole(asked["limit"], known.page or len(rows))
    limit = min(limit, known.page_max or limit)
    more = offset + limit < len(rows)
    beside = {name: more for name in ("hasMore", "hasMorePages", "hasNextPage") if name in known.beside}
    return Window(list(rows[offset : offset + limit]), total=len(rows) if known.total else None, beside=beside)


def _by_page(known: Documented, given: Mapping[str, Any], rows: Sequence[Any]) -> Window:
    """A page by its number. The older methods, with NAV_PARAMS, give the last page again behind the end."""
    asked = {path.rsplit(".", 1)[-1]: _at(given, path) for path in known.params}
    number = max(next((_whole(asked[name], 1) for name in ("iNumPage", "page") if name in asked), 1), 1)
    size = next((_whole(asked[name], 50) for name in ("nPageSize", "size") if name in asked), known.page or 50)
    size = max(min(size, known.page_max or size), 1)
    if "iNumPage" in asked:
        number = min(number, max(-(-len(rows) // size), 1))
    start = (number - 1) * size
    return Window(list(rows[start : start + size]), total=len(rows) if known.total else None)


def _by_last_id(known: Documented, given: Mapping[str, Any], rows: Sequence[Any]) -> Window:
    """``LAST_ID`` goes back from the newest, ``FIRST_ID`` forward; both by the id alone."""
    by_id = sorted(rows, key=lambda row: _whole(row_id(row, known), 0))
    limit = min(max(_whole(given.get("LIMIT"), known.page or 50), 1), known.page_max or 200)
    last, first = (_whole(given.get(name), 0) for name in ("LAST_ID", "FIRST_ID"))
    if "FIRST_ID" in known.params and given.get("FIRST_ID") not in (None, ""):
        found = [row for row in by_id if row_id(row, known) > first][:limit]
    else:
        older = [row for row in reversed(by_id) if not last or row_id(row, known) < last]
        found = older[:limit]
    counts = {name: len(rows) for name in ("total_count", "total_results") if name in known.beside}
    return Window(found, beside=counts)


def _by_events(known: Documented, given: Mapping[str, Any], rows: Sequence[Any]) -> Window:
    """A queue: ``offset`` is the ``nextOffset`` of the call before (im-v2-event-get.md)."""
    offset = _whole(given.get("offset"), 0)
    limit = min(max(_whole(given.get("limit"), known.page or 100), 1), known.page_max or 1000)
    waiting = [row for row in rows if row_id(row, known) >= offset]
    found = waiting[:limit]
    after = row_id(found[-1], known) + 1 if found else offset
    return Window(found, beside={"nextOffset": after, "hasMore": len(waiting) > limit})


def _at(given: Mapping[str, Any], path: str) -> Any:
    found: Any = given
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _whole(value: Any, otherwise: int) -> int:
    if value is None or value == "":
        return otherwise
    if not str(value).lstrip("-").isdigit():
        raise PortalError(400, "ERROR_ARGUMENT", f"{value!r} is not a number")
    return int(value)
