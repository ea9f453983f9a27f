"""The question put to a list, in its right shape: the first of four pure steps from a person's words to a request.

*Shape* (:func:`read_query`): what stands where. *Names*: the fields in the method's own spelling. *Operators*: the
comparisons and groups that the method's page has. *Values*: by the type of the field. The last three are
:func:`~b24data.lists.resolve.resolve`; what they know of the fields is handed in as :class:`FieldTypes`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from b24data.errors import ConfigError
from b24data.lists.conditions import Group, split_filter_key, tree_of
from b24data.lists.filters import filter_facts
from b24data.lists.literals import FilterKind, brief
from b24data.lists.methods import MethodSpec
from b24data.lists.names import ANYWAY, check_names, folded, misspells
from b24data.text.hints import CALL, option


@dataclass(frozen=True, slots=True)
class FieldType:
    """What a condition needs to know of a field: its names in a request and in a row, and the kind of its values."""

    code: str
    wire: str
    kind: FilterKind = ""
    many: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    user: bool = False
    is_char: bool = False


@dataclass(frozen=True, slots=True)
class FieldTypes:
    """The described fields of a list; none where nothing describes it.

    ``whole``: there are no other user fields. ``open``: there may be others of any name.
    """

    fields: tuple[FieldType, ...] = ()
    whole: bool = True
    open: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What a person asked of a list, in its right shape. ``params`` are the other parameters of the method."""

    filter: Group = field(default_factory=Group)
    select: tuple[str, ...] | None = None
    order: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)


def read_query(
    spec: MethodSpec,
    *,
    select: Any = None,
    filter: Any = None,
    order: Any = None,
    params: Any = None,
) -> Query:
    """What was asked, with everything in its place; :class:`ConfigError` that names the argument.

    ``params`` may have select, filter and order in any case and in PHP's notation (``filter[>=ID]``), and where a
    method keeps them inside another parameter (``params.filter``) there.
    """
    if params is not None and not isinstance(params, Mapping):
        raise ConfigError(f"params is {_told(params)}", hint=f"write {option('params', {'entityTypeId': 2})}")
    extra: dict[str, Any] = {}
    found: dict[str, Any] = {}
    named = {"select": select, "filter": filter, "order": order}
    for path, value in _flat(spec, _with_order(spec, _unfolded(params or {}))):
        plain = path.split(".")[-1].lower()
        if path.lower() in spec.paging or plain in ("start", "next"):
            raise ConfigError(
                f"params has {path!r}, but {spec.method} is read from its first row to its last",
                hint=f"leave it out ({option('limit')} reads the first rows), or make one call with {CALL}",
            )
        if plain not in named:
            extra = put(extra, path, value)
        elif named[plain] is not None or plain in found:
            raise ConfigError(f"{plain} is given twice: as an argument and in params[{path!r}]")
        else:
            found[plain] = value
    given = {name: found.get(name, value) for name, value in named.items()}
    if spec.select and isinstance(given["select"], Mapping) and any(str(key) == "0" for key in given["select"]):
        # A list of names in PHP's notation with something beside them: ["*", "language" => "de"].
        extra = put(extra, spec.select, {str(key): value for key, value in given["select"].items()})
        given["select"] = None
    return Query(
        filter=tree_of(given["filter"], v3=spec.filter_form == "conditions"),
        select=selected_names(given["select"]),
        order=_order(given["order"]),
        params=extra,
    )


_QUERY = ("select", "filter", "order")
_A_LIST = f"pass a list: {option('select', ['ID', 'TITLE'])}"
_AN_ORDER = f"write {option('order', {'ID': 'DESC'})}"


def selected_names(select: Any) -> tuple[str, ...] | None:
    """The names in ``select``, each once; :class:`ConfigError` for what is not a list of names.

    >>> selected_names(["ID", "TITLE", "ID"])
    ('ID', 'TITLE')
    >>> selected_names("ID")
    Traceback (most recent call last):
    b24data.errors.ConfigError: select 'ID' is one text. Hint: pass a list: select=["ID", "TITLE"].
    """
    if select is None:
        return None
    if isinstance(select, str | bytes):
        raise ConfigError(f"select {brief(select)} is one text", hint=_A_LIST)
    if isinstance(select, Mapping) or not isinstance(select, Iterable) or getattr(select, "ndim", 1) != 1:
        raise ConfigError(f"select is {_told(select)}", hint=_A_LIST)
    names = list(select)
    if strange := [name for name in names if not isinstance(name, str) or not name.strip()]:
        raise ConfigError(f"select has {brief(strange[0])}, which is not a name of a field", hint=_A_LIST)
    if not names:
        raise ConfigError("select is empty", hint="name the fields, or leave select out")
    return tuple(dict.fromkeys(str.__str__(name).strip() for name in names))


def _order(order: Any) -> dict[str, str]:
    if order is None:
        return {}
    if not isinstance(order, Mapping) or not all(isinstance(name, str) and name for name in order):
        raise ConfigError(f"order is {_told(order)}", hint=_AN_ORDER)
    for name, direction in order.items():
        if str(direction).upper() not in ("ASC", "DESC"):
            raise ConfigError(f"order[{name!r}] is {brief(direction)}", hint="write 'ASC' or 'DESC'")
    return {str.__str__(name).strip(): str(direction) for name, direction in order.items()}


def _with_order(spec: MethodSpec, params: dict[str, Any]) -> dict[str, Any]:
    """``SORT`` and ``ORDER`` as two texts, as ``user.get`` and ``voximplant.statistic.get`` document them, in one."""
    if spec.order_form != "sort_order":
        return params
    sort, direction = str(spec.order).split("+")
    fields = filter_facts(spec).names.keys() - {sort, direction}  # SORT is also a field of department.get
    texts = {key.lower(): key for key, value in params.items() if isinstance(value, str) and key not in fields}
    sort, direction = sort.lower(), direction.lower()
    if sort not in texts and direction not in texts:
        return params
    by = params[texts[sort]] if sort in texts else spec.id_asked
    towards = params[texts[direction]] if direction in texts else "ASC"
    rest = {key: value for key, value in params.items() if key not in (texts.get(sort), texts.get(direction))}
    if any(key.lower() == direction for key in rest):
        raise ConfigError("params has the order twice", hint=_AN_ORDER)
    return {**rest, "order": {str(by): towards}}


_PHP_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")


def _unfolded(params: Mapping[Any, Any]) -> dict[str, Any]:
    """``filter[>=ID]`` and ``select[]`` as PHP reads them: the keys of an address, which a JSON body does not know."""
    plain: dict[str, Any] = {}
    for key, value in params.items():
        if not isinstance(key, str):
            raise ConfigError(f"params has the key {brief(key)}, not a text", hint='such as {"entityTypeId": 2}')
        if "[" not in key and "]" not in key:
            before = plain.get(key, {})
            if before and (not isinstance(value, Mapping) or before.keys() & value.keys()):
                raise ConfigError(f"params has {key!r} twice", hint="keep one of them")
            plain[key] = {**before, **value} if before else value
            continue
        match = _PHP_KEY.fullmatch(key)
        if match is None:
            raise ConfigError(f"params has the key {key!r}", hint=f"write {option('params', {'filter': {'>=ID': 5}})}")
        _fold(plain, [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])], value, key)
    return {key: _as_list(value) for key, value in plain.items()}


class _PhpMap(dict[str, Any]):
    """A parameter that was put together from keys in PHP's notation."""


def _fold(into: dict[str, Any], path: Sequence[str], value: Any, key: str) -> None:
    head, *rest = path
    head = head or str(len(into))
    if not rest:
        if head in into:
            raise ConfigError(f"params has {key!r} twice", hint="keep one of them")
        into[head] = value
        return
    inner = into.setdefault(head, _PhpMap())
    if not isinstance(inner, _PhpMap):
        if not isinstance(inner, Mapping):
            raise ConfigError(f"params has {head!r} as a value and {key!r} as a part of it", hint="keep one of them")
        inner = into[head] = _PhpMap(inner)
    _fold(inner, rest, value, key)


def _as_list(value: Any) -> Any:
    """A map with the keys 0..n-1 is a list in PHP, unless its values are conditions of a filter's groups."""
    if not isinstance(value, _PhpMap):
        return value
    inner = {key: _as_list(item) for key, item in value.items()}
    if list(inner) == [str(at) for at in range(len(inner))] and not any(isinstance(v, dict) for v in inner.values()):
        return list(inner.values())
    return inner


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


def put(params: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """``params`` with ``value`` at ``path``; nothing that was passed in is changed."""
    head, _, inner = path.partition(".")
    if not inner:
        return {**params, head: value}
    known = params.get(head)
    return {**params, head: put(known if isinstance(known, Mapping) else {}, inner, value)}


def check_beside_filter(spec: MethodSpec, fields: Collection[str], params: Mapping[str, Any]) -> None:
    """Raise :class:`ConfigError` for a parameter that is a condition, or the filter misspelled: both would be ignored.

    ``fields`` are the known fields, folded.
    """
    own = (*spec.required, *spec.part, *map(str, spec.fields_params.values()))
    known = {folded(re.split(r"[.|?]", path.removeprefix("$"))[0]) for path in own}
    for name, value in params.items():
        sign, plain = split_filter_key(name)
        if (sign or folded(plain) in fields) and folded(plain) not in known:
            raise ConfigError(
                f"params has {name!r}, a condition, which {spec.method} takes in its filter only",
                hint=f"write {option('filter', {name: value})}; {ANYWAY}",
            )
        if isinstance(value, Mapping | list) and misspells(name, _QUERY):
            check_names([name.lower()], _QUERY, where="params", hint=f"{ANYWAY}")


def _told(value: Any) -> str:
    return f"{brief(value)} ({type(value).__name__})"
