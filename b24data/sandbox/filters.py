"""Filters as the documented list methods read them: prefixes on field names, values, groups with ``logic``.

Sources: b24restdocs, crm-deal-list.md, crm-item-list.md, user-get.md, tasks-task-list.md. What they leave open is
decided as MySQL under the portal would: text compares without regard to case, ``!=`` keeps rows without a value,
an empty value in a range is no condition at all (the nastiest reading of an unresolved batch reference).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import numpy.typing as npt

from b24data.sandbox.columns import ABSENT, ID_MARK, NULL, ZONE_S, Codes, Column, Ints, Numbers
from b24data.sandbox.notation import items_of

__all__ = ["Condition", "Group", "matches", "parse_filter", "parse_key", "parse_moment", "row_mask", "to_stored"]

_OPERATORS = {
    "": "eq", "=": "eq", "@": "eq", "!": "ne", "!=": "ne", "!@": "ne", ">": "gt", ">=": "ge", "<": "lt", "<=": "le",
    "%": "has", "!%": "lacks", "=%": "like", "%=": "like", "!=%": "unlike", "!%=": "unlike",
}  # fmt: skip
_PREFIXES = sorted(_OPERATORS, key=len, reverse=True)
_FALSE = "\0false"  # asks for "not filled in", or for the boolean
_OPPOSITE = {"ne": "eq", "lacks": "has", "unlike": "like"}
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: the upper-case name of a field, what is asked of it, and the values as they came."""

    name: str
    operator: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions and groups that all hold, or of which ``any_of`` one is enough; ``negative`` turns it around."""

    parts: tuple[Condition | Group, ...] = ()
    any_of: bool = False
    negative: bool = False


def parse_key(key: str) -> tuple[str, str]:
    """What a filter key asks, and of which field.

    >>> parse_key(">=DATE_CREATE"), parse_key("!=%title"), parse_key("ID")
    (('ge', 'DATE_CREATE'), ('unlike', 'title'), ('eq', 'ID'))
    """
    prefix = next(prefix for prefix in _PREFIXES if key.startswith(prefix))
    return _OPERATORS[prefix], key[len(prefix) :]


def parse_filter(given: Mapping[str, Any], resolve: Callable[[str], str | None], *, grouped: bool = False) -> Group:
    """The conditions of a filter; ``resolve`` gives a field's upper-case name, or None where it is to be ignored."""
    parts: list[Condition | Group] = []
    any_of = False
    for key, value in given.items():
        if grouped and str(key).lower() == "logic":
            any_of = str(value).upper() == "OR"
        elif grouped and str(key).isdigit() and isinstance(value, Mapping):
            parts.append(parse_filter(value, resolve, grouped=True))
        else:
            operator, name = parse_key(str(key))
            known = resolve(name)
            if known is not None:
                parts.append(Condition(known, operator, _values(value)))
    return Group(tuple(parts), any_of)


def _values(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Mapping | list | tuple):
        return tuple(_plain(item) for item in items_of(value) if isinstance(item, str | int | float))
    return ("",) if value is None else (_plain(value),)


def _plain(value: Any) -> Any:
    """Booleans as text: as a key of a cache, False would be 0, which asks for something else."""
    return value if not isinstance(value, bool) else "1" if value else _FALSE


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
    if isinstance(stored, Numbers):
        return _number_mask(stored, part)
    # crm-item-list.md: a user field of booleans takes 1 and 0 in a filter, not Y and N.
    return _code_mask(stored, part, ids, plain=not part.name.startswith("UF_"))


def _number_mask(column: Numbers, condition: Condition) -> Mask:
    values, operator = column.values, condition.operator
    if operator in ("has", "like"):
        texts = ["" if value == NULL else str(value) for value in values.tolist()]
        return np.array([matches(operator, [text], condition.values) for text in texts], np.bool_)
    if operator == "eq":
        wanted = [NULL if value in ("", _FALSE) else to_stored(column.kind, value) for value in condition.values]
        return np.isin(values, np.array([value for value in wanted if value is not None], np.int64))
    bound = condition.values[0] if condition.values else ""
    if bound == "":
        return np.ones(len(values), np.bool_)
    stored = to_stored(column.kind, bound)
    if stored is None:
        return np.zeros(len(values), np.bool_)
    compare = {"gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal}[operator]
    mask: Mask = compare(values, stored) & (values != NULL)
    return mask


def _code_mask(column: Codes, condition: Condition, ids: Ints, *, plain: bool) -> Mask:
    """Decided once for each entry of the vocabulary; row by row only where the record's id is part of the text."""
    multiple = any(isinstance(entry, list) for entry in column.vocabulary)  # an empty one is False
    texts = [[] if multiple and entry is False else _texts(entry, plain=plain) for entry in column.vocabulary]
    verdict = np.array([matches(condition.operator, entry, condition.values) for entry in texts], np.bool_)
    mask: Mask = verdict[column.codes]
    for code, entry in enumerate(texts):
        if any(ID_MARK in text for text in entry):
            for at in np.flatnonzero(column.codes == code).tolist():
                row = [text.replace(ID_MARK, str(ids[at])) for text in entry]
                mask[at] = matches(condition.operator, row, condition.values)
    return mask


def _texts(entry: Any, *, plain: bool) -> list[str]:
    if entry is ABSENT or entry is None or entry in ("", [], {}):
        return []
    if isinstance(entry, bool):
        return (["1", "true", "y"] if entry else ["0", "false", "n"]) if plain else ["1" if entry else "0"]
    if isinstance(entry, list):
        return [text for item in entry for text in _texts(item, plain=plain)]
    if isinstance(entry, dict):
        return [str(entry.get("VALUE", entry.get("id", "")))]
    return [str(entry)]


def matches(operator: str, texts: Sequence[str], values: Sequence[Any]) -> bool:
    """Whether a field with these texts (several in a multiple one, none in an empty one) meets a condition."""
    if operator in _OPPOSITE:
        return not matches(_OPPOSITE[operator], texts, values)
    asked = [_text(value) for value in values]
    held = [text.casefold() for text in texts]
    if operator == "eq":
        return any(_equals(value, held) for value in asked)
    if operator == "has":
        return any(value in text for value in asked for text in held)
    if operator == "like":
        return any(_like(value).fullmatch(text) for value in asked for text in held)
    bound = asked[0] if asked else ""
    if bound == "":
        return True
    compare = {"gt": str.__gt__, "ge": str.__ge__, "lt": str.__lt__, "le": str.__le__}[operator]
    return any(compare(text, bound) for text in held)


def _equals(value: str, held: Sequence[str]) -> bool:
    if value in ("", _FALSE):
        return not held or (value == _FALSE and "0" in held)
    return value in held


def _text(value: Any) -> str:
    return str(value).casefold()


def _like(pattern: str) -> re.Pattern[str]:
    parts = (".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern)
    return re.compile("".join(parts), re.DOTALL)


def to_stored(kind: str, value: Any) -> int | None:
    """A value from a request in the form in which a column of numbers keeps it; None where it has no meaning.

    >>> to_stored("cents", "10.5"), to_stored("id", "12abc"), to_stored("date", "nonsense")
    (1050, 12, None)
    """
    if kind in ("date", "datetime"):
        return parse_moment(str(value))
    number = re.match(r"\s*[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", str(value))
    text = number[0].strip() if number else "0"  # PHP reads the leading digits, and nothing as zero
    if kind == "id":
        return int(text) if text.lstrip("+-").isdigit() else int(float(text))
    return round(float(text) * 100)


_FORMS = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y")


def parse_moment(text: str) -> int | None:
    """A moment in unix seconds, from ISO 8601 or the portal's own format; without an offset, by the portal's clock.

    >>> parse_moment("1970-01-01"), parse_moment("1970-01-01T00:00:00Z"), parse_moment("01.01.1970 03:00:01")
    (-10800, 0, 1)
    """
    moment = None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        for form in _FORMS:
            try:
                moment = datetime.strptime(text, form)
                break
            except ValueError:
                continue
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone(timedelta(seconds=ZONE_S)))
    return int(moment.timestamp())
