"""From what the user asked to what is asked of the portal: which walk, between which ids, with which parameters.

Everything here takes values and gives values; nothing is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from b24data.errors import ConfigError
from b24data.http.protocol import plain_params
from b24data.lists.methods import MethodSpec, Walk

__all__ = ["Capability", "ListPlan", "make_plan", "split_filter_key"]

# A position, a `$result[...]` reference to one, or no bound.
Bound = int | str | None

_PREFIX = re.compile(r"^[!<>=@%?*~+]*")


def split_filter_key(key: str) -> tuple[str, str]:
    """The comparison and the field of a filter key.

    >>> split_filter_key(">=DATE_CREATE"), split_filter_key("STAGE_ID"), split_filter_key("!%TITLE")
    (('>=', 'DATE_CREATE'), ('', 'STAGE_ID'), ('!%', 'TITLE'))
    """
    prefix = _PREFIX.match(key)
    length = prefix.end() if prefix else 0
    return key[:length], key[length:]


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


@dataclass(frozen=True, slots=True)
class ListPlan:
    """One list as it will be walked.

    A *position* is the id, or its negative when the walk goes downwards, so that every walk goes upwards in positions;
    a range is ``(low, high]``. ``low`` and ``high`` are the user's own bounds as positions; None: none was given.
    ``select`` is what the user wants to see, while ``params`` may ask for the id besides (``id_added``).
    """

    spec: MethodSpec
    walk: Walk
    params: Mapping[str, Any]
    select: tuple[str, ...] | None = None
    descending: bool = False
    low: int | None = None
    high: int | None = None
    limit: int | None = None
    id_added: bool = False

    @property
    def method(self) -> str:
        """The method's name, as the documentation spells it."""
        return self.spec.method

    def position(self, row_id: int) -> int:
        """The position of a row in the walk; its own inverse."""
        return -row_id if self.descending else row_id

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
        return self._with(bounds, self._id_order(descending=self.descending != backwards), start=-1)

    def count(self, high: int) -> dict[str, Any]:
        """Parameters that make the portal count the rows up to position ``high``."""
        narrow = {self.spec.select: [self.spec.id_asked]} if self.spec.select else {}
        return {**self.keyset_page(self.low, high), **narrow, str(self.spec.start): 0}

    def counted_page(self, start: int) -> dict[str, Any]:
        """Parameters of the page of an offset walk that begins at row ``start``."""
        order = {} if _has_order(self.params, self.spec) else self._id_order(descending=self.descending)
        return self._with(self._own_bounds(), order, start=start)

    def whole_page(self) -> dict[str, Any]:
        """Parameters of the only call of a method that does not page."""
        return self._with(self._own_bounds(), {}, start=None)

    def _own_bounds(self) -> dict[str, Any]:
        name = self.spec.id_asked
        above, at_most = ("<", ">=") if self.descending else (">", "<=")
        bounds = {f"{above}{name}": self.low, f"{at_most}{name}": self.high}
        return {key: self.position(value) for key, value in bounds.items() if value is not None}

    def _id_order(self, *, descending: bool) -> dict[str, Any]:
        if self.spec.order is None or self.spec.id_asked is None:
            return {}
        direction = "DESC" if descending else "ASC"
        if self.spec.order_form == "sort_order":  # two top-level strings: `sort+order`
            sort, order = self.spec.order.split("+")
            return {sort: self.spec.id_asked, order: direction}
        return {self.spec.order: {self.spec.id_asked: direction}}

    def _with(self, bounds: Mapping[str, Any], order: Mapping[str, Any], *, start: int | None) -> dict[str, Any]:
        params = {**self.params, **order}
        if bounds and self.spec.filter:
            params[self.spec.filter] = {**params.get(self.spec.filter, {}), **bounds}
        if start is not None and self.spec.start:
            params[self.spec.start] = start
        return params


def make_plan(
    spec: MethodSpec,
    *,
    select: Sequence[str] | None = None,
    filter: Mapping[str, Any] | None = None,
    order: Mapping[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
    limit: int | None = None,
) -> ListPlan:
    """The plan for one list, or a :class:`ConfigError` that names what is wrong with the request."""
    extra = _extra_params(spec, params, select=select, filter=filter, order=order)
    select = extra.pop("select", select)
    order = extra.pop("order", order)
    given = plain_params({"filter": extra.pop("filter", filter) or {}})
    conditions, low, high = _split_filter(spec, given["filter"])
    _check_required(spec, {**extra, "filter": conditions, "select": select})
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ConfigError(f"limit={limit!r} is not a number of rows", hint="leave it out for the whole list")
    descending, by_id = _direction(spec, order)
    sent: dict[str, Any] = dict(extra)
    fields, id_added = _selected(spec, select)
    if fields is not None and spec.select:
        sent[spec.select] = fields
    if conditions:
        sent[_param(spec.filter, spec, "filter")] = conditions
    if order and not by_id:
        sent[_param(spec.order, spec, "order")] = {**order, **_tie_breaker(spec, order)}
    if descending:
        low, high = (None if high is None else -high - 1), (None if low is None else -low - 1)
    return ListPlan(
        spec=spec,
        walk=spec.walk if by_id or spec.walk != "keyset" else "offset",
        params=sent,
        select=None if select is None else tuple(select),
        descending=descending,
        low=low,
        high=high,
        limit=limit,
        id_added=id_added,
    )


def _extra_params(spec: MethodSpec, params: Mapping[str, Any] | None, **named: Any) -> dict[str, Any]:
    """``params`` with select, filter and order under these names, whatever case they came in."""
    extra: dict[str, Any] = {}
    for key, value in (params or {}).items():
        plain = key.lower()
        if plain in ("start", "next"):
            raise ConfigError(
                f"params has {key!r}, but {spec.method} is walked from its first row to its last",
                hint="leave it out, or make one call with actions.v2.call",
            )
        if plain not in named:
            extra[key] = value
        elif named[plain] is not None:
            raise ConfigError(f"{plain} was given twice: as an argument and in params[{key!r}]")
        else:
            extra[plain] = value
    return extra


def _split_filter(spec: MethodSpec, given: Mapping[str, Any]) -> tuple[dict[str, Any], int | None, int | None]:
    """The filter without the user's own bounds on the id, and those bounds as ``low < id <= high``."""
    rest: dict[str, Any] = {}
    low: int | None = None
    high: int | None = None
    for key, value in given.items():
        comparison, name = split_filter_key(key)
        is_id = spec.walk == "keyset" and spec.id_asked is not None and name.lower() == spec.id_asked.lower()
        if not is_id or comparison not in (">", ">=", "<", "<="):
            rest[f"{comparison}{spec.id_asked}" if is_id else key] = value
            continue
        bound = _integer(key, value)
        if comparison in (">", ">="):
            bound -= comparison == ">="
            low = bound if low is None else max(low, bound)
        else:
            bound -= comparison == "<"
            high = bound if high is None else min(high, bound)
    return rest, low, high


def _integer(key: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the filter {key!r} compares an id with {value!r}", hint="ids are whole numbers") from error


def _check_required(spec: MethodSpec, given: Mapping[str, Any]) -> None:
    for name in spec.required:
        if not any(_is_given(alternative, given) for alternative in name.split("|")):
            raise ConfigError(
                f"{spec.method} needs {name.replace('|', ' or ')}",
                hint=f'pass params={{"{name.split("|")[0].split(".")[0]}": ...}}',
            )


def _is_given(path: str, given: Mapping[str, Any]) -> bool:
    head, _, inner = path.partition(".")
    value = next((content for key, content in given.items() if key.lower() == head.lower()), None)
    if not inner:
        return value is not None
    if head == "select":
        return any(str(name).lower() == inner.lower() for name in value or ())
    return any(split_filter_key(key)[1].lower() == inner.lstrip("=").lower() for key in value or {})


def _direction(spec: MethodSpec, order: Mapping[str, str] | None) -> tuple[bool, bool]:
    """Whether the walk goes downwards, and whether it is by id at all."""
    if not order:
        return False, True
    for name, direction in order.items():
        if str(direction).upper() not in ("ASC", "DESC"):
            raise ConfigError(f"order[{name!r}] is {direction!r}", hint="say 'ASC' or 'DESC'")
    (first, direction), *_ = order.items()
    by_id = spec.id_asked is not None and first.lower() == spec.id_asked.lower()
    return by_id and direction.upper() == "DESC", by_id


def _tie_breaker(spec: MethodSpec, order: Mapping[str, str]) -> dict[str, str]:
    """Rows that compare equal need one fixed order, or counted pages repeat some and lose others."""
    if spec.id_asked is None or any(name.lower() == spec.id_asked.lower() for name in order):
        return {}
    return {spec.id_asked: "ASC"}


def _selected(spec: MethodSpec, select: Sequence[str] | None) -> tuple[list[str] | None, bool]:
    """The fields to ask for, with the id among them, and whether the id was added."""
    if select is None:
        return None, False
    if isinstance(select, str):
        raise ConfigError(f"select={select!r} is one text", hint='pass a list: select=["ID", "TITLE"]')
    fields = list(dict.fromkeys(select))
    if not fields:
        raise ConfigError("select is empty", hint="name the fields, or leave select out")
    if spec.id_asked is None or "*" in fields or any(f.lower() == spec.id_asked.lower() for f in fields):
        return fields, False
    return [spec.id_asked, *fields], True


def _param(name: str | None, spec: MethodSpec, what: str) -> str:
    if name is None:
        raise ConfigError(f"{spec.method} has no {what}", hint=f"leave {what} out and work on the frame instead")
    return name


def _has_order(params: Mapping[str, Any], spec: MethodSpec) -> bool:
    return spec.order is not None and spec.order.split("+")[0] in params
