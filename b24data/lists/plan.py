"""From what the user asked to what is asked of the portal: which walk, between which ids, with which parameters.

Everything here takes values and gives values; nothing is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from b24data.errors import ConfigError
from b24data.http.protocol import plain_params
from b24data.lists.conditions import as_conditions, bounds_of, split_filter_key
from b24data.lists.methods import MethodSpec, Walk, check_reads
from b24data.lists.pages import Capability, ListPlan, Params, order_params, put

__all__ = ["Capability", "ListPlan", "Params", "make_plan", "split_filter_key"]

# Rows in another order than by id are read by their number.
_BY_ANOTHER_FIELD: dict[Walk, Walk] = {"keyset": "offset", "v3_keyset": "offset_limit"}


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
    if spec.walk == "refused":
        raise ConfigError(
            f"{spec.method} is not fetched as a list: {spec.why}",
            hint="what an interrupted fetch had taken would be lost; call it with actions.v2.call",
        )
    check_reads(spec.method)
    extra = _extra_params(spec, params, select=select, filter=filter, order=order)
    select = extra.pop("select", select)
    order = extra.pop("order", order)
    given = plain_params({"filter": extra.pop("filter", filter) or {}})["filter"]
    _check_required(spec, {**extra, "filter": given, "select": select})
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ConfigError(f"limit={limit!r} is not a number of rows", hint="leave it out for the whole list")
    conditions, low, high = _conditions(spec, given)
    descending, by_id = _direction(spec, order)
    fields, id_added = _selected(spec, select)
    sent: dict[str, Any] = dict(extra)
    if fields is not None and spec.select:
        sent = put(sent, spec.select, fields)
    if conditions:
        rest = as_conditions(conditions) if spec.filter_form == "conditions" else conditions
        sent = put(sent, _param(spec.filter, spec, "filter"), rest)
    if order and (not by_id or spec.walk == "whole"):
        _param(spec.order, spec, "order")
        for path, value in order_params(spec, {**order, **_tie_breaker(spec, order)}).items():
            sent = put(sent, path, value)
    if descending:
        low, high = (None if high is None else -high - 1), (None if low is None else -low - 1)
    return ListPlan(
        spec=spec,
        walk=spec.walk if by_id else _BY_ANOTHER_FIELD.get(spec.walk, spec.walk),
        params=sent,
        select=None if select is None else tuple(select),
        descending=descending,
        low=low,
        high=high,
        limit=limit,
        id_added=id_added,
        conditions=conditions if isinstance(conditions, Mapping) else {},
    )


def _extra_params(spec: MethodSpec, params: Mapping[str, Any] | None, **named: Any) -> dict[str, Any]:
    """``params`` with select, filter and order under these names, whatever case they came in.

    Where a method keeps them inside another parameter, as in ``params.filter``, they are taken from there too.
    """
    extra: dict[str, Any] = {}
    for path, value in _flat(spec, params or {}):
        plain = path.split(".")[-1].lower()
        if path.lower() in spec.paging or plain in ("start", "next"):
            raise ConfigError(
                f"params has {path!r}, but {spec.method} is walked from its first row to its last",
                hint="leave it out (limit= takes the first rows), or make one call with actions.v2.call",
            )
        if plain not in named:
            extra = put(extra, path, value)
        elif named[plain] is not None or plain in extra:
            raise ConfigError(f"{plain} was given twice: as an argument and in params[{path!r}]")
        else:
            extra[plain] = value
    return extra


def _flat(spec: MethodSpec, params: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Parameters by path: one level deeper where the method keeps its paging or its filter inside another parameter."""
    names = [name for name in (spec.filter, spec.order, spec.select, spec.start, spec.number, spec.size) if name]
    holders = {name.split(".")[0].lower(): name.split(".")[0] for name in names if "." in name}
    flat: list[tuple[str, Any]] = []
    for key, value in params.items():
        if key.lower() in holders and isinstance(value, Mapping):
            flat += [(f"{holders[key.lower()]}.{inner}", content) for inner, content in value.items()]
        else:
            flat.append((key, value))
    return flat


def _conditions(spec: MethodSpec, given: Any) -> tuple[Any, int | None, int | None]:
    """The filter without the user's own bounds on the id, where the walk sets such bounds itself."""
    by_id = spec.walk in ("keyset", "v3_keyset") or spec.cursor == "cursor"
    if not by_id or spec.id_asked is None or not isinstance(given, Mapping):
        return given, None, None
    return bounds_of(given, spec.id_asked)


def _check_required(spec: MethodSpec, given: Mapping[str, Any]) -> None:
    for name in spec.required:
        if not any(_is_given(alternative, given) for alternative in name.split("|")):
            raise ConfigError(f"{spec.method} needs {name.replace('|', ' or ')}", hint=_how_to_give(name.split("|")[0]))


def _how_to_give(path: str) -> str:
    head, _, inner = path.partition(".")
    if head == "select" and inner:
        return f"pass select=[{inner!r}, ...]"
    if head == "filter" and inner:
        outer, _, deeper = inner.partition(".")
        return f'pass filter={{"{outer}": {{"{deeper}": ...}}}}' if deeper else f'pass filter={{"{inner}": ...}}'
    return f"pass {head}=..." if head in ("filter", "select") else f'pass params={{"{head}": ...}}'


def _is_given(path: str, given: Mapping[str, Any]) -> bool:
    head, _, inner = path.partition(".")
    value = next((content for key, content in given.items() if key.lower() == head.lower()), None)
    if not inner:
        return value is not None and value != {}
    if head == "select":
        return any(str(name).lower() == inner.lower() for name in value or ())
    if isinstance(value, list):  # conditions, as REST 3.0 writes them
        return any(isinstance(one, list) and one and str(one[0]).lower() == inner.lower() for one in value)
    outer, _, deeper = inner.lstrip("=").partition(".")
    for key, content in (value or {}).items():
        if split_filter_key(key)[1].lower() == outer.lower():
            return not deeper or (isinstance(content, dict) and deeper in content)
    return False


def _direction(spec: MethodSpec, order: Mapping[str, str] | None) -> tuple[bool, bool]:
    """Whether the walk goes downwards, and whether it is by id at all."""
    newest_first = spec.walk == "last_id"
    if not order:
        return newest_first, True
    for name, direction in order.items():
        if str(direction).upper() not in ("ASC", "DESC"):
            raise ConfigError(f"order[{name!r}] is {direction!r}", hint="say 'ASC' or 'DESC'")
    (first, direction), *_ = order.items()
    by_id = spec.id_asked is not None and first.lower() == spec.id_asked.lower()
    descending = by_id and direction.upper() == "DESC"
    if by_id and spec.order is None and spec.cursor != "cursor" and descending != newest_first:
        _param(None, spec, "order")
    return descending, by_id


def _tie_breaker(spec: MethodSpec, order: Mapping[str, str]) -> dict[str, str]:
    """Rows that compare equal need one fixed order, or counted pages repeat some and lose others."""
    if spec.id_asked is None or any(name.lower() == spec.id_asked.lower() for name in order):
        return {}
    if spec.order_form == "sort_order" or spec.next_at or spec.walk == "whole":
        return {}
    return {spec.id_asked: "ASC"}


def _selected(spec: MethodSpec, select: Sequence[str] | None) -> tuple[list[str] | None, bool]:
    """The fields to ask for, with the id among them, and whether the id was added."""
    if select is None:
        return None, False
    if isinstance(select, str):
        raise ConfigError(f"select={select!r} is one text", hint='pass a list: select=["ID", "TITLE"]')
    if strange := [name for name in select if not isinstance(name, str)]:
        raise ConfigError(
            f"select has {strange[0]!r}, which is no name of a field", hint='such as select=["ID", "TITLE"]'
        )
    fields = list(dict.fromkeys(select))
    if not fields:
        raise ConfigError("select is empty", hint="name the fields, or leave select out")
    if spec.id_asked is None or spec.id is None or spec.walk == "whole" or "*" in fields:
        return fields, False
    if any(name.lower() == spec.id_asked.lower() for name in fields):
        return fields, False
    return [spec.id_asked, *fields], True


def _param(name: str | None, spec: MethodSpec, what: str) -> str:
    if name is None:
        raise ConfigError(f"{spec.method} has no {what}", hint=f"leave {what} out and work on the frame instead")
    return name
