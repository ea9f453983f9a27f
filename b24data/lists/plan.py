"""From a query to what is asked of the portal: which walk, between which ids, and the parameters of each page. Pure."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from b24data.errors import ConfigError
from b24data.http.encode import plain_params
from b24data.lists.conditions import (
    Condition,
    Group,
    Node,
    as_object,
    as_v3,
    bounds_of,
    each_condition,
    tree_of,
)
from b24data.lists.literals import brief, is_whole
from b24data.lists.methods import MethodSpec, WalkKind, check_reads
from b24data.lists.names import folded
from b24data.lists.query import FieldTypes, Query, put, read_query
from b24data.lists.required import check_required, default_part
from b24data.lists.resolve import Resolved, resolve
from b24data.text.hints import CALL

# A position, a `$result[...]` reference to one, or no bound.
Bound: TypeAlias = int | str | None
# By name, or by position for the methods that want that.
Params: TypeAlias = dict[str, Any] | list[Any]

# Where a walk downwards by a cursor begins: no id is larger, and JavaScript and PHP can both write it.
_LARGEST_ID = 2**53 - 1
# Rows in another order than by id are read by their number.
_BY_ANOTHER_FIELD: dict[WalkKind, WalkKind] = {"keyset": "offset", "v3_keyset": "offset_limit"}


@dataclass(frozen=True)
class ListPlan:
    """One list as it will be walked.

    A *position* is the id, or its negative when the walk goes downwards, so that every walk goes upwards in positions;
    a range is ``(low, high]``. ``low`` and ``high`` are the user's own bounds as positions; None: none was given.
    ``select`` is what the user wants to see, while ``params`` may ask for more: the id (``id_added``), and fields by
    which the filter is checked (``hidden``). ``conditions`` is the filter without its ``bounds`` on the id, ``query``
    what the user asked. ``begin`` is where an earlier walk by id was stopped; ``empty``: no row can match the filter.
    ``by`` is the condition on the owners, where the list is read by blocks of them. ``sorted_by`` is the field by which
    the portal is to sort first, where that is not the id, and ``"DESC"`` or ``"ASC"``.
    """

    spec: MethodSpec
    walk: WalkKind
    params: Mapping[str, Any]
    select: tuple[str, ...] | None = None
    descending: bool = False
    low: int | None = None
    high: int | None = None
    begin: int | None = None
    limit: int | None = None
    id_added: bool = False
    hidden: tuple[str, ...] = ()
    conditions: Group = field(default_factory=Group)
    bounds: tuple[Condition, ...] = ()
    query: Query = field(default_factory=Query)
    empty: bool = False
    by: str = ""
    sorted_by: tuple[str, str] | None = None

    @property
    def method(self) -> str:
        """The method's name, as the documentation spells it."""
        return self.spec.method

    def position(self, row_id: int) -> int:
        """The position of a row in the walk; its own inverse."""
        return -row_id if self.descending else row_id

    def resumed(self, last_id: int, pinned_id: int) -> ListPlan:
        """The rest of the same list: it begins behind ``last_id`` and ends where it would have ended."""
        return replace(self, begin=self.position(last_id), high=self.position(pinned_id))

    @property
    def default_part(self) -> str:
        """What to say of a list that gives a part of itself, as parameters are missing; empty where none is."""
        given = _rendered(self.spec, self.conditions.members)
        return default_part(self.spec, {**self.query.params, "filter": given})

    @property
    def first(self) -> int | None:
        """The position behind which the walk begins; None: at the first row."""
        return self.low if self.begin is None else self.begin

    def keyset_page(self, after: Bound, upto: Bound, *, floor: Bound = None, backwards: bool = False) -> dict[str, Any]:
        """Parameters of the first uncounted page behind position ``after``, up to position ``upto``.

        ``after`` and ``floor`` may be a ``$result[...]`` reference; ``backwards`` asks for the far end first.
        """
        name = self.spec.id_asked
        above, at_least, at_most = ("<", "<=", ">=") if self.descending else (">", ">=", "<=")
        bounds: dict[str, Any] = {}
        if after is not None:
            bounds[f"{above}{name}"] = after if isinstance(after, str) else self.position(after)
        if floor is not None:
            bounds[f"{at_least}{name}"] = floor if isinstance(floor, str) else self.position(floor)
        if upto is not None:
            bounds[f"{at_most}{name}"] = upto if isinstance(upto, str) else self.position(upto)
        return self._bounded(self._uncounted[self.descending != backwards], bounds)

    def count(self, high: int) -> dict[str, Any]:
        """Parameters that make the portal count the rows up to position ``high``."""
        narrow = {self.spec.select: [self.spec.id_asked]} if self.spec.select else {}
        return {**self.keyset_page(self.low, high), **narrow, str(self.spec.start): 0}

    def first_page(self) -> Params:
        """Parameters of the first page of any walk."""
        if self.walk == "whole":
            return self.whole_page()
        if self.walk in ("last_id", "v3_keyset", "v3_tail"):
            return self.cursor_page(None)
        return self.page_at(0)

    def page_at(self, place: int) -> Params:
        """Parameters of the page at ``place``: the number of rows before it, or of pages where they are numbered."""
        paging: dict[str, Any] = {}
        if self.spec.number:
            paging[self.spec.number] = place + 1
        elif self.spec.start:
            paging[self.spec.start] = place
        if self.spec.size:
            paging[self.spec.size] = self.spec.page_asked
        return self._slots(self._with(self._own_bounds(), self._any_order(), paging))

    def whole_page(self) -> Params:
        """Parameters of the only call of a method that does not page."""
        # Without a documented page there is no figure to ask for.
        size = {self.spec.size: self.spec.page_max} if self.spec.size and self.spec.page_max else {}
        return self._slots(self._with({}, {}, size))

    def cursor_page(self, after: Any) -> dict[str, Any]:
        """Parameters of the page behind the cursor ``after``; None: of the first.

        ``after`` is a position, or what the portal itself gave to go on with; with a phase a pair of both.
        """
        spec = self.spec
        size = {spec.size: spec.page_asked} if spec.size else {}
        if self.walk == "v3_keyset":
            comparison = "<" if self.descending else ">"
            behind = self.low if after is None else after
            bounds = self._own_bounds()
            if behind is not None:
                bounds[f"{comparison}{spec.id_asked}"] = self.position(behind)
            return self._with(bounds, self._id_order(descending=self.descending), size)
        if spec.cursor == "cursor":
            return self._with({}, {}, {"cursor": self._tail(after)})
        paging: dict[str, Any] = dict(size)
        if after is not None and spec.phase_param:
            position, paging[spec.phase_param] = after
            paging[str(spec.cursor)] = self.position(position)
        elif after is not None:
            paging[str(spec.cursor)] = after if spec.next_at else self.position(after)
        return self._with({}, {} if spec.next_at else self._id_order(descending=self.descending), paging)

    def _tail(self, after: int | None) -> dict[str, Any]:
        # Downwards the portal gives what is below the value, of which there is nothing below its default of 0.
        behind = self.low if after is None else after
        value = self.position(behind) if behind is not None else _LARGEST_ID if self.descending else 0
        direction = "DESC" if self.descending else "ASC"
        return {"field": self.spec.id_asked, "order": direction, "value": value, "limit": self.spec.page_asked}

    def _own_bounds(self) -> dict[str, Any]:
        name = self.spec.id_asked
        above, at_most = ("<", ">=") if self.descending else (">", "<=")
        bounds = {f"{above}{name}": self.low, f"{at_most}{name}": self.high}
        return {key: self.position(value) for key, value in bounds.items() if value is not None}

    def _any_order(self) -> Mapping[str, Any]:
        """By id, unless the user asked for another order."""
        named = self.spec.order is not None and _get(self.params, self.spec.order.split("+")[0]) is not None
        return {} if named else self._id_order(descending=self.descending)

    def _id_order(self, *, descending: bool) -> Mapping[str, Any]:
        return self._id_orders[descending]

    @functools.cached_property
    def _id_orders(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Upwards and downwards. Always the very same objects: a batch then encodes them once for all its commands."""
        if self.spec.id_asked is None:
            return {}, {}
        up, down = ({self.spec.id_asked: direction} for direction in ("ASC", "DESC"))
        return _order_params(self.spec, up), _order_params(self.spec, down)

    @functools.cached_property
    def _uncounted(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What every page of a walk by id says but its bounds, upwards and downwards."""
        up, down = (self._with({}, order, {str(self.spec.start): -1}) for order in self._id_orders)
        return up, down

    def _with(self, bounds: Mapping[str, Any], order: Mapping[str, Any], paging: Mapping[str, Any]) -> dict[str, Any]:
        params = dict(self.params)
        for path, value in {**order, **paging}.items():
            params = put(params, path, value)
        return self._bounded(params, bounds)

    def _bounded(self, params: dict[str, Any], bounds: Mapping[str, Any]) -> dict[str, Any]:
        if not bounds or not self.spec.filter:
            return dict(params)
        known = _get(params, self.spec.filter)
        if self.spec.filter_form == "conditions":
            return put(params, self.spec.filter, [*(known or []), *as_v3(tree_of(bounds).members)])
        return put(params, self.spec.filter, {**(known or {}), **bounds})

    def _slots(self, params: dict[str, Any]) -> Params:
        """In the order of the slots, for a method that wants that: a slot with nothing in it is sent empty."""
        if not self.spec.positional:
            return params
        known = {name.lower(): value for name, value in params.items()}
        return [
            known.get(slot.rstrip("?").lower(), [])
            for slot in self.spec.positional
            if not slot.endswith("?") or slot.rstrip("?").lower() in known
        ]


def _order_params(spec: MethodSpec, order: Mapping[str, str]) -> dict[str, Any]:
    """An order as parameters; two top-level texts (`sort+order`) can name one field only."""
    if spec.order is None:
        return {}
    if spec.order_form == "object":
        return {spec.order: dict(order)}
    if len(order) > 1:
        raise ConfigError(f"{spec.method} sorts by one field only", hint="sort the frame instead")
    ((name, direction),) = order.items()
    return dict(zip(spec.order.split("+"), (name, direction), strict=True))


def _get(params: Mapping[str, Any], path: str) -> Any:
    found: Any = params
    for name in path.split("."):
        found = found.get(name) if type(found) is dict or isinstance(found, Mapping) else None
    return found


def make_plan(
    spec: MethodSpec,
    *,
    select: Any = None,
    filter: Any = None,
    order: Any = None,
    params: Any = None,
    limit: int | None = None,
    types: FieldTypes | None = None,
    check: bool = True,
) -> ListPlan:
    """The plan for one list, or a :class:`ConfigError` that names what is wrong with the request.

    ``types`` are the described fields, None before the portal was asked for them: see :func:`settled`.
    """
    if spec.walk == "refused":
        raise ConfigError(
            f"{spec.method} is not fetched as a list: {spec.refusal}",
            hint=f"an interrupted fetch would lose rows; call it with {CALL}",
        )
    check_reads(spec.method)
    query = read_query(spec, select=select, filter=filter, order=order, params=params)
    if limit is not None and (not is_whole(limit) or limit < 1):
        raise ConfigError(f"limit {brief(limit)} is not a number of rows", hint="leave it out for the whole list")
    return _planned(spec, query, None if limit is None else int(limit), types, check=check)


def settled(plan: ListPlan, types: FieldTypes, *, check: bool = True) -> ListPlan:
    """The same plan, now that the fields are known: names, comparisons and values as the method takes them.

    Raises :class:`SchemaError` for a name, :class:`ConfigError` for a comparison or a value.
    """
    again = _planned(plan.spec, plan.query, plan.limit, types, check=check)
    return replace(again, by=plan.by, walk=plan.walk) if plan.by else again


def _planned(spec: MethodSpec, query: Query, limit: int | None, types: FieldTypes | None, *, check: bool) -> ListPlan:
    asked = resolve(spec, query, types, check=check)
    given = _rendered(spec, (*asked.filter.members, *asked.none))
    check_required(spec, {**query.params, "filter": given, "select": asked.select})
    members, low, high = _bounds(spec, asked)
    descending, by_id = _direction(spec, asked.order)
    split = _splits_ids(spec, asked)
    fields, added, hidden = _selected(spec, asked, types, split=bool(split))
    sent: dict[str, Any] = plain_params(asked.params)
    if fields is not None and spec.select:
        sent = put(sent, spec.select, fields)
    if members:
        sent = put(sent, _param(spec.filter, spec, "filter"), _rendered(spec, members))
    if (asked.order and not by_id) or split or (asked.order and spec.walk == "whole"):
        _param(spec.order, spec, "order")
        beside = {name: "ASC" for name in split if name not in asked.order}
        order = {**asked.order, **_tie_breaker(spec, asked.order), **beside}
        for path, value in _order_params(spec, order).items():
            sent = put(sent, path, value)
    if descending:
        low, high = (None if high is None else -high - 1), (None if low is None else -low - 1)
    return ListPlan(
        spec=spec,
        walk=spec.walk if by_id and not split else _BY_ANOTHER_FIELD.get(spec.walk, spec.walk),
        params=sent,
        select=asked.select,
        descending=descending,
        low=low,
        high=high,
        limit=limit,
        id_added=added,
        hidden=hidden,
        conditions=replace(asked.filter, members=(*members, *asked.given)),
        bounds=tuple(one for one in asked.filter.members if isinstance(one, Condition) and one not in members),
        query=query,
        empty=bool(asked.none),
        sorted_by=None if by_id else next((one, way.upper()) for one, way in asked.order.items()),
    )


def _rendered(spec: MethodSpec, members: Sequence[Node]) -> Any:
    return as_v3(members) if spec.filter_form == "conditions" else as_object(members)


def _bounds(spec: MethodSpec, asked: Resolved) -> tuple[Sequence[Node], int | None, int | None]:
    """The filter without the user's own bounds on the id, where the walk sets such bounds itself."""
    by_id = spec.walk in ("keyset", "v3_keyset") or spec.cursor == "cursor"
    if not by_id or spec.id_asked is None:
        return asked.filter.members, None, None
    return bounds_of(asked.filter.members, spec.id_asked)


def _direction(spec: MethodSpec, order: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether the walk goes downwards, and whether it is by id at all."""
    newest_first = spec.walk == "last_id"
    if not order:
        return newest_first, True
    (first, direction), *_ = order.items()
    by_id = spec.id_asked is not None and first.lower() == spec.id_asked.lower()
    descending = by_id and direction.upper() == "DESC"
    if by_id and spec.order is None and spec.cursor != "cursor" and descending != newest_first:
        _param(None, spec, "order")
    return descending, by_id


def _splits_ids(spec: MethodSpec, asked: Resolved) -> list[str]:
    """The fields asked for by which several rows may have one id: ``bizproc.task.list`` has a row a user then."""
    if spec.walk not in _BY_ANOTHER_FIELD:
        return []
    named = {*(asked.select or ()), *asked.order, *(one.name for one in each_condition(asked.filter))}
    return [name for name in spec.key_with if "*" in named or name in named]


def _tie_breaker(spec: MethodSpec, order: Mapping[str, str]) -> dict[str, str]:
    """Rows that compare equal need one fixed order, or counted pages repeat some and lose others."""
    if spec.id_asked is None or any(name.lower() == spec.id_asked.lower() for name in order):
        return {}
    if spec.order_form == "sort_order" or spec.next_at or spec.walk == "whole":
        return {}
    return {spec.id_asked: "ASC"}


def _selected(
    spec: MethodSpec, asked: Resolved, types: FieldTypes | None, *, split: bool
) -> tuple[list[str] | None, bool, tuple[str, ...]]:
    """The fields to read, whether the id was added to them, and those that are read to check the rows.

    A method without ``select`` sends them anyway: they only have to become columns.
    """
    if asked.select is None:
        return None, False, ()
    is_paged = spec.walk not in ("whole", *_BY_ANOTHER_FIELD)
    fields = list(asked.select)
    given = {folded(name) for name in fields}
    needed = (*_to_prove(spec, asked, types), *(spec.key_with if is_paged or split else ()))
    hidden = tuple(dict.fromkeys(name for name in needed if not _is_selected(name, given)))
    if is_paged and spec.id is None and not spec.key_with:  # without all its fields a row looks like another one
        return None, False, hidden
    fields += hidden
    given_all = "*" in fields
    if any(name.lower() in spec.with_star for name in fields):
        fields = ["*", *(name for name in fields if name != "*" and name.lower() not in spec.with_star)]
    if spec.id_asked is None or spec.id is None or spec.walk == "whole" or given_all:
        return fields, False, hidden
    if any(folded(name) in (folded(spec.id_asked), folded(spec.id)) for name in fields):
        return fields, False, hidden
    return [spec.id_asked, *fields], True, hidden


def _to_prove(spec: MethodSpec, asked: Resolved, types: FieldTypes | None) -> Iterator[str]:
    """The fields by whose values rows are checked: of those that have to be selected, the described ones."""
    codes = {one.code for one in types.fields} if types else set()
    given = (*each_condition(asked.filter), *asked.given)
    proving = (one.field for one in given if one.field and not one.why)
    return (name for name in proving if name in codes or not spec.select)


def _is_selected(name: str, given: Collection[str]) -> bool:
    if folded(name) in given:
        return True
    return folded("UF_*" if name.lower().startswith("uf_") else "*") in given


def _param(name: str | None, spec: MethodSpec, what: str) -> str:
    if name is None:
        raise ConfigError(f"{spec.method} has no {what}", hint=f"leave {what} out and work on the frame instead")
    return name
