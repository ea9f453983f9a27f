"""Filters: a key such as ``>=id`` taken apart, bounds on the id taken out, and the form that REST 3.0 wants."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from b24data.errors import ConfigError

__all__ = ["as_conditions", "bounds_of", "split_filter_key"]

_PREFIX = re.compile(r"^[!<>=@%?*~+]*")
# b24restdocs, api-reference/rest-v3: = != > >= < <= in between, and nothing else.
_OPERATORS = {
    "": "=",
    "=": "=",
    "!": "!=",
    "!=": "!=",
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
    "@": "in",
    "><": "between",
}


def split_filter_key(key: str) -> tuple[str, str]:
    """The comparison and the field of a filter key.

    >>> split_filter_key(">=DATE_CREATE"), split_filter_key("STAGE_ID"), split_filter_key("!%TITLE")
    (('>=', 'DATE_CREATE'), ('', 'STAGE_ID'), ('!%', 'TITLE'))
    """
    prefix = _PREFIX.match(key)
    length = prefix.end() if prefix else 0
    return key[:length], key[length:]


def bounds_of(given: Mapping[str, Any], id_asked: str) -> tuple[dict[str, Any], int | None, int | None]:
    """A filter without its bounds on the id, and those bounds as ``low < id <= high``.

    >>> bounds_of({">=id": 5, "<ID": "9", "STAGE_ID": "NEW"}, "ID")
    ({'STAGE_ID': 'NEW'}, 4, 8)
    """
    rest: dict[str, Any] = {}
    low: int | None = None
    high: int | None = None
    for key, value in given.items():
        comparison, name = split_filter_key(key)
        is_id = name.lower() == id_asked.lower()
        if not is_id or comparison not in (">", ">=", "<", "<="):
            rest[f"{comparison}{id_asked}" if is_id else key] = value
            continue
        bound = _integer(key, value)
        if comparison in (">", ">="):
            bound -= comparison == ">="
            low = bound if low is None else max(low, bound)
        else:
            bound -= comparison == "<"
            high = bound if high is None else min(high, bound)
    return rest, low, high


def as_conditions(given: Mapping[str, Any] | Sequence[Any]) -> list[Any]:
    """A filter as REST 3.0 wants it; one that is a list already stays as it is.

    Raises :class:`ConfigError` for a comparison that REST 3.0 does not have, such as a search in texts.

    >>> as_conditions({">=id": 5, "status": [2, 3], "!title": ""})
    [['id', '>=', 5], ['status', 'in', [2, 3]], ['title', '!=', '']]
    """
    if not isinstance(given, Mapping):
        return list(given)
    return [_condition(key, value) for key, value in given.items()]


def _condition(key: str, value: Any) -> list[Any]:
    comparison, name = split_filter_key(key)
    operator = _OPERATORS.get(comparison)
    if operator is None:
        raise ConfigError(f"the filter {key!r}: REST 3.0 has no {comparison!r}", hint="it has = != > >= < <= @ and ><")
    if operator == "=" and isinstance(value, list):
        operator = "in"
    return [name, operator, value]


def _integer(key: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the filter {key!r} compares an id with {value!r}", hint="ids are whole numbers") from error
