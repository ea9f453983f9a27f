"""The list methods: how each asks, filters, sorts, selects, pages, and spells its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from b24data.sandbox.answers import Answer
from b24data.sandbox.columns import Writer
from b24data.sandbox.conventions import ACTIVITY, CLASSIC, COMPANY, CONTACT, DEAL, ITEM, SEARCH, TASK, USER, Convention
from b24data.sandbox.errors import PortalError
from b24data.sandbox.fields import ENTITY_TYPES
from b24data.sandbox.filters import Condition, Group, parse_filter
from b24data.sandbox.notation import find, items_of
from b24data.sandbox.pages import Layout, Renderer
from b24data.sandbox.quirks import HONEST, Quirks
from b24data.sandbox.spelling import Spelling
from b24data.sandbox.table import Selection, Table, World

PAGE = 50


@dataclass(frozen=True, slots=True)
class ListMethod:
    """Facts about a list method. ``family`` is classic (``crm.*.list``), item, task, user or search."""

    entity: str
    convention: Convention
    family: str = "classic"
    wrap: str = ""


LIST_METHODS = {
    "crm.deal.list": ListMethod("deals", DEAL),
    "crm.lead.list": ListMethod("leads", CLASSIC),
    "crm.contact.list": ListMethod("contacts", CONTACT),
    "crm.company.list": ListMethod("companies", COMPANY),
    "crm.activity.list": ListMethod("activities", ACTIVITY),
    "crm.item.list": ListMethod("", ITEM, "item", "items"),
    "tasks.task.list": ListMethod("tasks", TASK, "task", "tasks"),
    "user.get": ListMethod("users", USER, "user"),
    "user.search": ListMethod("users", SEARCH, "search"),
}
# Controllers of the newer kind: the names of parameters are in the page's spelling, too.
_EXACT_PARAMETERS = ("item", "task")


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
    where = quirks.where(request.where, "ID", request.table.kind)
    selection = quirks.selection(request.table.select(where, quirks.order(request.order, "ID")))
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


def read_request(
    method: ListMethod, world: World, params: Mapping[str, Any], *, escape: bool, quirks: Quirks = HONEST
) -> ListRequest:
    """The call's parameters, in the spelling of the method's family; raises what the portal would answer."""
    given = _Parameters(params, exact=method.family in _EXACT_PARAMETERS and not quirks.lenient)
    if method.family == "item":
        method = replace(method, entity=_entity_of(given("entityTypeId")))
    table = world.table(method.entity)
    original = str(given("useOriginalUfNames") or "").upper() == "Y"
    spelling = Spelling.of(table, method.family, original=original, loose=quirks.lenient)
    columns = spelling.columns(tuple(str(name) for name in items_of(given("select"))))
    return ListRequest(
        method,
        table,
        _where(method, spelling, given, quirks),
        _order(method, spelling, given, quirks),
        Layout(columns, Writer(method.family == "item", escape)),
        _start(given("start")),
    )


class _Parameters:
    """A call's parameters by name: in the page's spelling only, or without regard to case."""

    def __init__(self, params: Mapping[str, Any], *, exact: bool) -> None:
        self.all = params
        self._exact = exact

    def __call__(self, name: str) -> Any:
        return self.all.get(name) if self._exact else find(self.all, name.lower())


def _where(method: ListMethod, spelling: Spelling, given: _Parameters, quirks: Quirks) -> Group:
    asked = _map(given("filter"), "filter")
    bound = items_of(asked.pop("BINDINGS", None)) if method.entity == "activities" else []
    if method.family == "user":  # conditions may stand beside FILTER
        asked |= {key: value for key, value in given.all.items() if key.isupper() and spelling.column(key)}
    found = parse_filter(asked, quirks.convention(method.convention), spelling)
    if bound:
        found = replace(found, parts=(*found.parts, _bound_to(bound)))
    if method.family == "search" and "FIND" in asked:
        # user-search.md: FIND looks into all the named fields, and works alone.
        words = (str(asked["FIND"]),)
        return Group(tuple(Condition(name, "has", words) for name in ("NAME", "LAST_NAME", "WORK_POSITION")), True)
    return found


def _bound_to(given: list[Any]) -> Condition:
    """crm-activity-list.md: activities of any of these owners, each ``OWNER_TYPE_ID`` with or without ``OWNER_ID``."""
    pairs = [one for one in given if isinstance(one, Mapping)]
    wanted = tuple((str(one.get("OWNER_TYPE_ID", "")), str(one.get("OWNER_ID", ""))) for one in pairs)
    return Condition("BINDINGS", "bound", wanted)


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


def _order(method: ListMethod, spelling: Spelling, given: _Parameters, quirks: Quirks) -> tuple[tuple[str, bool], ...]:
    if method.family in ("user", "search"):
        # user-get.md: two flat parameters, `sort` and `order`.
        name = spelling.sorted_by(str(given("sort") or ""))
        direction = given("order")
        return ((name, isinstance(direction, str) and direction.upper() == "DESC"),) if name else ()
    result = []
    refuses = method.family in ("item", "task") and not quirks.ignores_names
    for key, direction in _map(given("order"), "order").items():
        name = spelling.sorted_by(key)
        if name is None and refuses:
            raise _unknown_order(method, key)
        wanted = str(direction).upper()
        if method.family == "item" and wanted not in ("ASC", "DESC"):
            raise PortalError(
                400,
                "INVALID_ARG_VALUE",
                f"Invalid order: allowed sort directions are `ASC, DESC`. But got '{direction}' for field '{key}'",
            )
        if name is not None:
            result.append((name, wanted == "DESC"))
    if not result and method.family == "task":
        return (("ID", True),)  # tasks-task-list.md: by default in descending order by ID
    return tuple(result)


def _unknown_order(method: ListMethod, name: str) -> PortalError:
    if method.family == "task":
        return PortalError(400, "0", "Invalid sorting key (internal error)")
    return PortalError(400, "INVALID_ARG_VALUE", f"Invalid order: field '{name}' is not allowed in order")
