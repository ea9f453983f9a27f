"""What the values of a column look like, where no description says it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from b24data.fields.kinds import EXACT, Kind


def guessed(values: Sequence[Any]) -> tuple[Kind, bool]:
    """The narrowest kind that holds all the values, and whether they are lists of it.

    ``false`` beside values of another type is PHP's "nothing".

    >>> guessed([1, 1.5, None]), guessed([False, [7]]), guessed([1, "1"]), guessed([True, 1])
    (('float', False), ('int', True), ('text', False), ('text', False))
    """
    full = [value for value in values if not is_nothing(value)]
    if not all(isinstance(value, bool) for value in full) and not any(value is True for value in full):
        full = [value for value in full if value is not False]
    if full and all(isinstance(value, list) for value in full):
        kind, many = guessed([element for value in full for element in value])
        return ("text", False) if many else (kind, True)
    types = {type(value) for value in full}
    if types == {bool}:
        return "bool", False
    if not types or not types <= {int, float} or any(isinstance(v, int) and abs(v) >= EXACT for v in full):
        return "text", False
    return ("int", False) if types == {int} else ("float", False)


def is_nothing(value: Any) -> bool:
    """Null, a blank, an empty array or object."""
    return value is None or value in ("", [], {})


def is_id(value: Any) -> bool:
    """A whole number, spelt as such; or nothing."""
    if isinstance(value, str):
        return re.fullmatch(r"(0|-?[1-9]\d{0,18})?", value) is not None
    if isinstance(value, float):
        return value.is_integer() and abs(value) < EXACT
    return is_nothing(value) or (isinstance(value, int) and value is not True)


def is_flag(value: Any) -> bool:
    """``Y`` or ``N``, JSON's own, or nothing."""
    return value is None or value is True or value is False or value in ("", "Y", "N")


def elements(value: Any) -> Collection[Any]:
    """The values of a multiple field; a single value is one of its own."""
    if isinstance(value, list):
        return value
    return value.values() if isinstance(value, dict) else (value,)


def is_slashed(value: Any) -> bool:
    """A day with slashes, of which the first number may be the month or the day."""
    return isinstance(value, str) and re.match(r"\d{1,4}/\d{1,2}/", value) is not None


def is_instant(value: Any) -> bool:
    """A time with its offset."""
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", value) is not None
