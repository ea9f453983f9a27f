"""From a query to what is asked of the portal: which walk, between which ids, with which parameters.

Everything here takes values and gives values; nothing is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from b24data.errors import ConfigError
from b24data.http.protocol import plain_params
from b24data.lists.conditions import Condition, Node, as_object, as_v3, bounds_of, each_condition, split_filter_key
from b24data.lists.methods import MethodSpec, Walk, check_reads
from b24data.lists.plan import Capability, ListPlan, Params, order_params
from b24data.lists.query import FieldTypes, Query, put, read_query
from b24data.lists.resolve import Resolved, resolve

__all__ = ["Capability", "ListPlan", "Params", "default_part", "make_plan", "settled", "split_filter_key"]

# Rows in another order than by id are read by their number.
_BY_ANOTHER_FIELD: dict[Walk, Walk] = {"keyset": "offset", "v3_keyset": "offset_limit"}


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
            f"{spec.method} is not fetched as a list: {spec.why}",
            hint="what an interrupted fetch had taken would be lost; call it with actions.v2.call",
        )
    check_reads(spec.method)
    query = read_query(spec, select=select, filter=filter, order=order, params=params)
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ConfigError(f"limit={limit!r} is not a number of rows", hint="leave it out for the whole list")
    return _planned(spec, query, limit, types, check=check)


def settled(plan: ListPlan, types: FieldTypes, *, check: bool = True) -> ListPlan:
    """The same plan, now that the fields are known: names, comparisons and values as the method takes them.

    Raises :class:`SchemaError` for a name, :class:`ConfigError` for a comparison or a value.
    """
    return _planned(plan.spec, plan.query, plan.limit, types, check=check)


def _planned(spec: MethodSpec, query: Query, limit: int | None, types: FieldTypes | None, *, check: bool) -> ListPlan:
    asked = resolve(spec, query, types, check=check)
    _check_required(spec, {**query.params, "filter": _rendered(spec, asked.filter.members), "select": asked.select})
    members, low, high = _bounds(spec, asked)
    descending, by_id = _direction(spec, asked.order)
    split = _splits_ids(spec, asked)
    fields, added, hidden = _selected(spec, asked, types)
    sent: dict[str, Any] = plain_params(query.params)
    if fields is not None and spec.select:
        sent = put(sent, spec.select, fields)
    if members:
        sent = put(sent, _param(spec.filter, spec, "filter"), _rendered(spec, members))
    if (asked.order and not by_id) or split or (asked.order and spec.walk == "whole"):
        _param(spec.order, spec, "order")
        order = {**dict.fromkeys(split, "ASC"), **asked.order}
        order = {**asked.order, **_tie_breaker(spec, asked.order), **order}
        for path, value in order_params(spec, order).items():
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
        conditions=replace(asked.filter, members=tuple(members)),
        bounds=tuple(one for one in asked.filter.members if isinstance(one, Condition) and one not in members),
        query=query,
        empty=asked.empty,
    )


def _rendered(spec: MethodSpec, members: Sequence[Node]) -> Any:
    return as_v3(members) if spec.filter_form == "conditions" else as_object(members)


def _bounds(spec: MethodSpec, asked: Resolved) -> tuple[Sequence[Node], int | None, int | None]:
    """The filter without the user's own bounds on the id, where the walk sets such bounds itself."""
    by_id = spec.walk in ("keyset", "v3_keyset") or spec.cursor == "cursor"
    if not by_id or spec.id_asked is None:
        return asked.filter.members, None, None
    return bounds_of(asked.filter.members, spec.id_asked)


def _check_required(spec: MethodSpec, given: Mapping[str, Any]) -> None:
    for name in spec.required:
        if not any(_is_given(alternative, given) for alternative in name.split("|")):
            raise ConfigError(f"{spec.method} needs {name.replace('|', ' or ')}", hint=_how_to_give(name.split("|")[0]))


def default_part(plan: ListPlan) -> str:
    """What to say of a list that gives a part of itself where a parameter is not given; empty where all was said.

    >>> from b24data.lists.methods import spec_of
    >>> default_part(make_plan(spec_of("log.blogcomment.user.get")))
    'by default only comments of the current user; for others pass params={"USER_ID": ...}'
    """
    spec = plan.spec
    given = {**plan.query.params, "filter": _rendered(spec, plan.conditions.members)}
    parts = [
        f"{words}; for others {_how_to_give(path.split('|')[0])}"
        for path, words in spec.part.items()
        if not any(_is_given(name, given) for name in path.split("|"))
    ]
    return f"by default only {', and '.join(parts)}" if parts else ""


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
    spec: MethodSpec, asked: Resolved, types: FieldTypes | None
) -> tuple[list[str] | None, bool, tuple[str, ...]]:
    """The fields to ask for, whether the id was added to them, and those that are asked for to check the filter."""
    if asked.select is None:
        return None, False, ()
    fields = list(asked.select)
    given = {name.lower() for name in fields}
    hidden = tuple(dict.fromkeys(name for name in _to_prove(asked, types) if not _is_selected(name, given)))
    if not spec.select:
        return fields, False, ()
    fields += hidden
    if spec.id_asked is None or spec.id is None or spec.walk == "whole" or "*" in fields:
        return fields, False, hidden
    if any(name.lower() == spec.id_asked.lower() for name in fields):
        return fields, False, hidden
    return [spec.id_asked, *fields], True, hidden


def _to_prove(asked: Resolved, types: FieldTypes | None) -> Iterator[str]:
    """The described fields by whose values rows are checked."""
    codes = {one.code for one in types.fields} if types else set()
    return (one.field for one in each_condition(asked.filter) if not one.why and one.field in codes)


def _is_selected(name: str, given: Collection[str]) -> bool:
    if name.lower() in given:
        return True
    return ("uf_*" if name.lower().startswith("uf_") else "*") in given


def _param(name: str | None, spec: MethodSpec, what: str) -> str:
    if name is None:
        raise ConfigError(f"{spec.method} has no {what}", hint=f"leave {what} out and work on the frame instead")
    return name
