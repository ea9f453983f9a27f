"""The list methods: how each asks, filters, sorts, selects, pages, and spells its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from b24data.sandbox.answers import Answer, PortalError
from b24data.sandbox.columns import Writer
from b24data.sandbox.fields import ENTITY_TYPES, Field, fields_of, item_name
from b24data.sandbox.filters import Group, parse_filter
from b24data.sandbox.notation import find, items_of
from b24data.sandbox.pages import Layout, Renderer
from b24data.sandbox.quirks import Quirks
from b24data.sandbox.table import Selection, Table, World

__all__ = ["LIST_METHODS", "ListMethod", "ListRequest", "answer_list", "read_request"]

PAGE = 50
HONEST = Quirks()


@dataclass(frozen=True, slots=True)
class ListMethod:
    """Facts about a list method. ``family`` is classic (``crm.*.list``), item, task or user."""

    entity: str
    family: str = "classic"
    wrap: str = ""


LIST_METHODS = {
    "crm.deal.list": ListMethod("deals"),
    "crm.lead.list": ListMethod("leads"),
    "crm.contact.list": ListMethod("contacts"),
    "crm.company.list": ListMethod("companies"),
    "crm.activity.list": ListMethod("activities"),
    "crm.item.list": ListMethod("", "item", "items"),
    "tasks.task.list": ListMethod("tasks", "task", "tasks"),
    "user.get": ListMethod("users", "user"),
    "user.search": ListMethod("users", "user"),
}


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list call after its parameters were understood."""

    method: ListMethod
    table: Table
    where: Group
    order: tuple[tuple[str, bool], ...]
    layout: Layout
    start: int

    def selection(self) -> Selection:
        """The records it means, without the paging."""
        return self.table.select(self.where, self.order)


def answer_list(
    request: ListRequest, renderer: Renderer, *, zero_total: bool = False, quirks: Quirks = HONEST
) -> Answer:
    """One page; ``start=-1`` is one without a count (huge-data.md), for which ``zero_total`` says 0, as there."""
    where, order = quirks.where(request.where, "ID"), quirks.order(request.order, "ID")
    selection = quirks.selection(request.table.select(where, order))
    counted = request.start >= 0
    asked = max(request.start, 0)
    start = quirks.start(asked, selection.count, PAGE)
    page = renderer.page(request.table, selection, request.layout, start, PAGE)
    wrap = request.method.wrap.encode()
    head, tail = (b'{"' + wrap + b'":[', b"]}") if wrap else (b"[", b"]")
    return Answer(
        [head, *page.pieces, tail],
        total=quirks.total(selection.count, asked, PAGE) if counted else (0 if zero_total else None),
        next=quirks.next(asked, selection.count, PAGE) if counted else None,
        rows=page.count,
        pages=1,
        counted=counted,
        page=page,
        wrap=request.method.wrap,
    )


def read_request(method: ListMethod, world: World, params: Mapping[str, Any], *, escape: bool) -> ListRequest:
    """The call's parameters, in the spelling of the method's family; raises what the portal would answer."""
    if method.family == "item":
        method = replace(method, entity=_entity_of(find(params, "entitytypeid")))
    original = str(find(params, "useoriginalufnames") or "").upper() == "Y"
    table = world.table(method.entity)
    spelling = _Spelling(method, table.added, original=original)
    given_filter = _map(find(params, "filter"), "filter")
    if method.family == "user":
        given_filter |= {key: value for key, value in params.items() if spelling.resolve(key) and key.lower() != "sort"}
    where = parse_filter(
        given_filter, spelling.strict if method.family == "item" else spelling.resolve, grouped=method.family == "item"
    )
    columns = spelling.columns(tuple(str(name) for name in items_of(find(params, "select"))))
    return ListRequest(
        method,
        table,
        where,
        _order(method, spelling, params),
        Layout(columns, Writer(method.family == "item", escape)),
        _start(find(params, "start")),
    )


def _entity_of(given: Any) -> str:
    entity = ENTITY_TYPES.get(int(given)) if str(given).isdigit() else None
    if entity is None:
        raise PortalError(400, "NOT_FOUND", "SPA not found")
    return entity


def _map(value: Any, name: str) -> dict[str, Any]:
    if value is None or value in ("", []):
        return {}
    if isinstance(value, list):
        return {str(at): item for at, item in enumerate(value)}
    if not isinstance(value, Mapping):
        raise PortalError(400, "", f"Parameter '{name}' must be array.")
    return dict(value)


def _start(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0


def _order(method: ListMethod, spelling: _Spelling, params: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    if method.family == "user":
        # user-get.md: two flat parameters, `sort` and `order`.
        name = spelling.resolve(str(find(params, "sort") or ""))
        direction = find(params, "order")
        return ((name, isinstance(direction, str) and direction.upper() == "DESC"),) if name else ()
    result = []
    for given, direction in _map(find(params, "order"), "order").items():
        name = spelling.resolve(given)
        if name is None and method.family == "task":
            raise PortalError(400, "0", "Invalid sorting key (internal error)")
        if name is None and method.family == "item":
            raise PortalError(400, "INVALID_ARG_VALUE", f"Invalid order: field '{given}' is not allowed in order")
        wanted = str(direction).upper()
        if method.family == "item" and wanted not in ("ASC", "DESC"):
            raise PortalError(
                400,
                "INVALID_ARG_VALUE",
                f"Invalid order: allowed sort directions are `ASC, DESC`. But got '{direction}' for field '{given}'",
            )
        if name is not None:
            result.append((name, wanted == "DESC"))
    if not result and method.family == "task":
        return (("ID", True),)  # tasks-task-list.md: by default in descending order by ID
    return tuple(result)


class _Spelling:
    """Field names of one family of methods: how they are asked for and how they are answered."""

    def __init__(self, method: ListMethod, added: tuple[Field, ...], *, original: bool) -> None:
        self.entity = method.entity
        self.added = added
        self.family = method.family
        self.original = original

    def resolve(self, name: str) -> str | None:
        """The upper-case name of a field in a request; None where the method does not know it."""
        names = _names(self.entity, self.added, self.family, self.original)
        return names.get(name) or (None if self.family == "item" else names.get(name.upper()))

    def strict(self, name: str) -> str:
        """The same, or the error of ``crm.item.list``."""
        known = self.resolve(name)
        if known is None:
            raise PortalError(400, "INVALID_ARG_VALUE", f"Invalid filter: field '{name}' is not allowed in filter")
        return known

    def columns(self, select: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """Pairs of answer key and column for a ``select``; unknown names are left out without a word."""
        return _columns(self.entity, self.added, self.family, self.original, select)


def _known(entity: str, added: tuple[Field, ...], family: str) -> list[Field]:
    fields = [*fields_of(entity).values(), *added]
    return [field for field in fields if (field.item if family == "item" else field.classic)]


def _answer_key(field: Field, family: str, *, original: bool) -> str:
    if family == "item":
        return field.name if original and field.custom else str(field.item)
    return item_name(field.name) if family == "task" else field.name


@lru_cache
def _names(entity: str, added: tuple[Field, ...], family: str, original: bool) -> dict[str, str]:
    fields = _known(entity, added, family)
    known = {_answer_key(field, family, original=original): field.name for field in fields}
    if family == "task":
        known = {key.upper(): name for key, name in known.items()}
    # crm.item.* takes the upper-case names too: fast_bitrix24 orders every list by `ID`.
    return {field.name: field.name for field in fields} | known


@lru_cache(maxsize=512)
def _columns(
    entity: str,
    added: tuple[Field, ...],
    family: str,
    original: bool,
    select: tuple[str, ...],
) -> tuple[tuple[str, str], ...]:
    names, fields = _names(entity, added, family, original), _known(entity, added, family)
    # crm-deal-list.md: `*` is every field but user fields and multifields, `UF_*` every user field; both by default.
    default = ("*",) if family in ("item", "task") else ("*", "UF_*")
    wanted: set[str] = set()
    for name in select or default:
        if name in ("*", "UF_*"):
            wanted |= {
                field.name
                for field in fields
                if not field.on_request and (field.custom == (name == "UF_*") or family in ("item", "task", "user"))
            }
        else:
            wanted.add(names.get(name) or ("" if family == "item" else names.get(name.upper(), "")))
    chosen = [field for field in fields if field.name in wanted]
    columns = [(_answer_key(field, family, original=original), field.name) for field in chosen]
    if family == "item" and "*" in (select or default) and entity in ("leads", "contacts", "companies"):
        columns.append(("fm", "FM"))
    if family == "task":
        extras = {"CREATED_BY": "creator", "RESPONSIBLE_ID": "responsible", "GROUP_ID": "group"}
        columns += [(extras[name], extras[name]) for name in extras if name in wanted]
        columns += [("subStatus", "STATUS")] if "STATUS" in wanted else []
    return tuple(columns)
