"""Filters: the conditions and groups of a request, and which records meet them.

What a method takes is a :class:`~b24data.sandbox.conventions.Convention`, what a value means stands in
:mod:`b24data.sandbox.values`. What no page tells is decided as MySQL under the portal would, and where that is open,
in the way that is most dangerous for a client: ``!=`` keeps records without a value; an empty value in a range and
an empty array are not conditions (so an unresolved reference of a batch reads the whole list).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from b24data.sandbox.columns import ID_MARK, NULL, Codes, Ints, Numbers
from b24data.sandbox.conventions import Convention
from b24data.sandbox.errors import PortalError
from b24data.sandbox.notation import items_of
from b24data.sandbox.ragged import Column, Ragged
from b24data.sandbox.values import FALSE, Key, fits, flagged, held, meaning, moment_text, to_stored

_OPPOSITE = {"ne": "eq", "lacks": "has", "unlike": "like"}
_TAKE_LISTS = ("@", "!@", "><", "!><")
_BETWEEN = ("between", "outside")
_LIKE = ("has", "lacks", "like", "unlike")
_KEY = re.compile(r"([^\w]*)(.*)", re.DOTALL)
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: the name of a column, what is asked of it, and the values as they came."""

    name: str
    operator: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions and groups that all hold, or of which ``any_of`` one is enough; ``negative`` turns it around."""

    parts: tuple[Condition | Group, ...] = ()
    any_of: bool = False
    negative: bool = False


class Names(Protocol):
    """The fields that a method filters by."""

    def column(self, name: str) -> str | None:
        """The column of a name, None where the method does not know the name in this spelling."""
        ...

    def kind(self, column: str) -> str:
        """What its values are, as in :func:`~b24data.sandbox.values.meaning`."""
        ...

    def type(self, column: str) -> str:
        """The type that describes it, such as ``crm_status``."""
        ...


@lru_cache(maxsize=4096)
def split_key(key: str) -> tuple[str, str]:
    """The prefix and the name in a filter's key.

    >>> split_key(">=DATE_CREATE"), split_key("!=%title"), split_key("ID")
    (('>=', 'DATE_CREATE'), ('!=%', 'title'), ('', 'ID'))
    """
    found = _KEY.fullmatch(key)
    return (found[1], found[2]) if found else ("", key)


def parse_filter(given: Mapping[str, Any], convention: Convention, names: Names) -> Group:
    """The conditions of a filter, without what the method ignores; raises where it answers with an error instead."""
    parts: list[Condition | Group] = []
    any_of = False
    for key, value in given.items():
        if convention.groups and key == "logic":
            any_of = value == "OR"
        elif convention.groups and isinstance(value, Mapping) and key.isdigit():
            parts.append(parse_filter(value, convention, names))
        else:
            part = _condition(key, value, convention, names)
            if part is not None:
                parts.append(part)
    return Group(tuple(parts), any_of)


def _condition(key: str, given: Any, convention: Convention, names: Names) -> Condition | Group | None:
    prefix, name = split_key(key)
    operator = convention.operator(prefix)
    column = names.column(name) if operator else None
    if operator is None or column is None:
        if convention.refuses:
            raise _refused(f"field '{key}' is not allowed in filter")
        return None
    if isinstance(given, str | int | float) and operator not in _BETWEEN:  # the usual case, which has to be fast
        return _fitting(Condition(column, operator, (_plain(given),)), prefix, convention, names)
    several = isinstance(given, Mapping | list | tuple)
    if several and isinstance(given, Mapping) and list(given) == ["value"]:
        given, several = given["value"], False  # catalog-product-list.md: a day of a property comes in `value`
    if several and not (
        prefix in _TAKE_LISTS or ((convention.lists or convention.lenient) and operator in ("eq", "ne"))
    ):
        if convention.refuses:
            raise _refused(f"field '{key}' has invalid value")
        return None
    values = _values(given)
    if not values:
        return None
    if operator in _BETWEEN:
        bounds = Condition(column, "ge", values[:1]), Condition(column, "le", values[-1:])
        return Group(bounds, negative=operator == "outside")
    return _fitting(Condition(column, operator, values), prefix, convention, names)


def _fitting(condition: Condition, prefix: str, convention: Convention, names: Names) -> Condition | None:
    """The condition as the field takes it, None where it does not."""
    column, operator, values = condition.name, condition.operator, condition.values
    if operator in _LIKE and names.type(column) in convention.unlike:
        return None
    if convention.exact and operator != "eq" and names.type(column) in convention.exact:
        return None
    if not prefix and convention.is_pattern(column) and names.kind(column) == "text" and _have_wildcards(values):
        return Condition(column, "like", values)
    if convention.drops_misfits and operator not in _LIKE:
        kind = names.kind(column)
        return condition if all(fits(kind, value) for value in values) else None
    if convention.lenient:
        return Condition(column, operator, tuple(flagged(names.kind(column), value) for value in values))
    return condition


def _have_wildcards(values: Sequence[Any]) -> bool:
    return any(sign in str(value) for value in values for sign in "%_")


def _refused(what: str) -> PortalError:
    return PortalError(400, "INVALID_ARG_VALUE", f"Invalid filter: {what}")


def _values(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Mapping | list | tuple):
        return tuple(_plain(item) for item in items_of(value) if isinstance(item, str | int | float))
    return ("",) if value is None else (_plain(value),)


def _plain(value: Any) -> Any:
    """Booleans as text: as a key of a cache, False would be 0, which asks for something else."""
    return value if not isinstance(value, bool) else "1" if value else FALSE


def row_mask(part: Condition | Group, column: Callable[[str], Column], ids: Ints) -> Mask:
    """Which of the rows a filter keeps."""
    if isinstance(part, Group):
        masks = [row_mask(inner, column, ids) for inner in part.parts]
        if not masks:
            return np.full(len(ids), not part.negative)
        merged: Mask = np.logical_or.reduce(masks) if part.any_of else np.logical_and.reduce(masks)
        return ~merged if part.negative else merged
    opposite = _OPPOSITE.get(part.operator)
    if opposite:
        inverse: Mask = ~row_mask(Condition(part.name, opposite, part.values), column, ids)
        return inverse
    stored = column(part.name)
    if isinstance(stored, Ragged):
        if part.operator == "bound":
            bound: Mask = np.logical_or.reduce([stored.holding(*_owner(stored, *pair)) for pair in part.values])
            return bound
        asked = part
        return stored.meeting(
            lambda given: matches(asked.operator, held(stored.kind, given), asked.values, stored.kind)
        )
    return _number_mask(stored, part) if isinstance(stored, Numbers) else _code_mask(stored, part, ids)


def _owner(column: Ragged, kind: str, number: str) -> tuple[int, Ints | None]:
    """The place of a type of owners among the forms of a column, and the one number, or any."""
    known = [str(form.value(0).get("OWNER_TYPE_ID")) for form in column.forms]
    at = known.index(kind) if kind in known else -1
    return at, np.array([int(number)]) if number.isdigit() else None


def _number_mask(column: Numbers, condition: Condition) -> Mask:
    values, operator = column.values, condition.operator
    if operator in ("has", "like"):
        texts = ["" if value == NULL else _as_text(column.kind, value) for value in values.tolist()]
        return np.array([matches(operator, [text] if text else [], condition.values) for text in texts], np.bool_)
    if operator in ("eq", "eq_or_null"):
        wanted = [NULL if value in ("", FALSE) else to_stored(column.kind, value) for value in condition.values]
        wanted += [NULL] if operator == "eq_or_null" else []
        return column.holding(np.array([value for value in wanted if value is not None], np.int64))
    bound = condition.values[0] if condition.values else ""
    if bound == "":
        return np.ones(len(values), np.bool_)
    stored = to_stored(column.kind, bound)
    if stored is None:
        return np.zeros(len(values), np.bool_)
    compare = {"gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal}[operator]
    mask: Mask = compare(values, stored) & (values != NULL)
    return mask


def _as_text(kind: str, value: int) -> str:
    """A number as MySQL compares it with a pattern."""
    if kind in ("date", "datetime"):
        return moment_text(value)
    return f"{value / 100:.2f}" if kind in ("cents", "double") else str(value)


def _code_mask(column: Codes, condition: Condition, ids: Ints) -> Mask:
    """Decided once for each entry of the vocabulary; row by row only where the record's id is part of the text."""
    multiple = any(isinstance(entry, list) for entry in column.vocabulary)  # an empty one is False
    entries = [[] if multiple and entry is False else held(column.kind, entry) for entry in column.vocabulary]
    verdict = np.array(
        [matches(condition.operator, entry, condition.values, column.kind) for entry in entries], np.bool_
    )
    mask: Mask = verdict[column.codes]
    for code, entry in enumerate(entries):
        if any(ID_MARK in key for key in entry if isinstance(key, str)):
            for at in np.flatnonzero(column.codes == code).tolist():
                row = [key.replace(ID_MARK, str(ids[at])) if isinstance(key, str) else key for key in entry]
                mask[at] = matches(condition.operator, row, condition.values, column.kind)
    return mask


def matches(operator: str, keys: Sequence[Key], values: Sequence[Any], kind: str = "text") -> bool:
    """Whether a field with these keys (several in a multiple one, none in an empty one) meets a condition.

    >>> matches("eq", held("text", "Won"), ["won"]), matches("ge", held("number", "10"), ["9 pieces"], "number")
    (True, True)
    """
    if operator in _OPPOSITE:
        return not matches(_OPPOSITE[operator], keys, values, kind)
    if operator in ("has", "like"):
        return _resembles(operator, [_text(key) for key in keys], [str(value).casefold() for value in values])
    if operator in ("eq", "eq_or_null"):
        return any(_equals(value, keys, kind) for value in values) or (operator == "eq_or_null" and not keys)
    bound = values[0] if values else ""
    if bound == "":
        return True
    asked = meaning(kind, bound)
    return asked is not None and any(_compares(operator, key, asked) for key in keys)


def _resembles(operator: str, texts: Sequence[str], patterns: Sequence[str]) -> bool:
    if operator == "has":
        return any(pattern in text for pattern in patterns for text in texts)
    return any(_like(pattern).fullmatch(text) for pattern in patterns for text in texts)


def _compares(operator: str, key: Any, bound: Any) -> bool:
    return bool({"gt": key > bound, "ge": key >= bound, "lt": key < bound, "le": key <= bound}[operator])


def _equals(value: Any, keys: Sequence[Key], kind: str) -> bool:
    if value in ("", FALSE):
        return not keys or (value == FALSE and (0.0 in keys or "0" in keys))
    return meaning(kind, value) in keys


def _text(key: Key) -> str:
    return key if isinstance(key, str) else f"{key:.15g}"


def _like(pattern: str) -> re.Pattern[str]:
    parts = (".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern)
    return re.compile("".join(parts), re.DOTALL)
