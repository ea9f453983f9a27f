"""One list as it will be walked: the parameters of each page of it. Pure."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from b24data.errors import ConfigError
from b24data.lists.conditions import Condition, Group, as_v3, tree_of
from b24data.lists.methods import MethodSpec, Walk
from b24data.lists.query import Query, put

__all__ = ["Capability", "ListPlan", "Params", "order_params"]

# A position, a `$result[...]` reference to one, or no bound.
Bound: TypeAlias = int | str | None
# By name, or by position for the methods that want that.
Params: TypeAlias = dict[str, Any] | list[Any]

# Where a walk downwards by a cursor begins: no id is larger, and JavaScript and PHP can both write it.
_LARGEST_ID = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Capability:
    """What this portal was seen to honour for this method. Without ``above`` or ``order`` there is no keyset walk.

    ``floor`` is a second lower bound (``>=id`` beside ``>id``); where ``short_page_ends``, fewer rows than a page
    prove the end.
    """

    order: bool = True
    above: bool = True
    below: bool = True
    floor: bool = True
    chains: bool = True
    short_page_ends: bool = True


@dataclass(frozen=True)
class ListPlan:
    """One list as it will be walked.

    A *position* is the id, or its negative when the walk goes downwards, so that every walk goes upwards in positions;
    a range is ``(low, high]``. ``low`` and ``high`` are the user's own bounds as positions; None: none was given.
    ``select`` is what the user wants to see, while ``params`` may ask for more: the id (``id_added``), and fields by
    which the filter is checked (``hidden``). ``conditions`` is the filter without its ``bounds`` on the id, ``query``
    what the user asked. ``begin`` is where an earlier walk by id was stopped; ``empty``: no row can match the filter.
    """

    spec: MethodSpec
    walk: Walk
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

    @property
    def method(self) -> str:
        """The method's name, as the documentation spells it."""
        return self.spec.method

    def position(self, row_id: int) -> int:
        """The position of a row in the walk; its own inverse."""
        return -row_id if self.descending else row_id

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

        ``after`` is a position, or what the portal itself gave to go on with; with a stage a pair of both.
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
        if after is not None and spec.stage:
            position, paging[spec.stage] = after
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
        return order_params(self.spec, up), order_params(self.spec, down)

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


def order_params(spec: MethodSpec, order: Mapping[str, str]) -> dict[str, Any]:
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
