"""Conditions as the portal gets them, by the kind of a column: never narrower than what SQL says. Pure."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from b24data.lists.literals import FilterKind

_CODE = re.compile(r"[A-Za-z0-9_:.\-]{1,100}")
_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:\d\d)?)?)?", re.ASCII)
_DAY = dt.timedelta(days=1)
_CENT = Decimal("0.01")
_MOST_VALUES = 200


@dataclass(frozen=True, slots=True)
class SqlColumn:
    """A column: its name in SQL, its code on the portal, the kind of its values, and whether it is the id."""

    name: str
    code: str
    kind: FilterKind = ""
    many: bool = False
    is_id: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """A condition as the portal gets it. ``exact``: a portal that honours it answers as SQL does, and not wider."""

    code: str
    sign: str
    value: Any
    exact: bool = False

    @property
    def key(self) -> str:
        """The key of a filter."""
        return f"{self.sign}{self.code}"


def conditions_of(column: SqlColumn, sign: str, values: list[Any]) -> list[Sent]:
    """A comparison with values as conditions for the portal; none where it would lose rows."""
    read = {
        "int": _whole_number,
        "float": _number,
        "day": _day,
        "instant": _instant,
        "code": _code,
        "text": _code,
        "flag": _flag,
    }.get(column.kind)
    found = [read(value) for value in values] if read else []
    if not found or any(value is None for value in found) or len(found) > _MOST_VALUES:
        return []
    if column.kind in ("day", "instant"):
        return _widened(column, sign, found)
    if column.kind in ("code", "text", "flag") and sign != "=":
        return []
    if column.kind == "float":
        return _in_cents(column, sign, found)
    return _plain(column, sign, found, exact=column.kind == "int")


def _plain(column: SqlColumn, sign: str, values: list[Any], *, exact: bool) -> list[Sent]:
    if sign == "between":
        return [Sent(column.code, s, v, exact) for s, v in zip((">=", "<="), values, strict=True)]
    if len(values) > 1:
        return [Sent(column.code, "@", sorted(set(values)), exact)]
    return [Sent(column.code, sign, values[0], exact)]


def _in_cents(column: SqlColumn, sign: str, values: list[Any]) -> list[Sent]:
    """Bounds with two decimals at most, rounded outwards: a portal may round what it is given."""
    if all(Decimal(value) == Decimal(value).quantize(_CENT) for value in values):
        return _plain(column, sign, values, exact=False)
    low = Sent(column.code, ">=", Decimal(values[0]).quantize(_CENT, ROUND_FLOOR))
    high = Sent(column.code, "<=", Decimal(values[-1]).quantize(_CENT, ROUND_CEILING))
    sent = {"between": [low, high], ">": [low], ">=": [low], "<": [high], "<=": [high]}
    return sent.get(sign, [])


def _whole_number(value: Any) -> int | None:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"-?\d{1,15}", value, re.ASCII) else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        return None
    exact = Decimal(value)
    return int(exact) if exact == exact.to_integral_value() and abs(exact) < 2**53 else None


def _number(value: Any) -> int | Decimal | None:
    """A number that a 64-bit float holds as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        return None
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if len(exact.normalize().as_tuple().digits) > 15 or abs(exact) >= 10**15:
        return None
    return int(exact) if exact == exact.to_integral_value() else exact


def _code(value: Any) -> str | None:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def _flag(value: Any) -> bool | None:
    """Only true: a flag that was never set is shown as false, and may not be found as such."""
    return True if value is True else None


def _instant(value: Any) -> dt.datetime | None:
    """A point in time in UTC, the engine's zone."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value) if _ISO.fullmatch(value) else None
        except ValueError:
            return None
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)
    return dt.datetime.combine(value, dt.time(), dt.UTC) if isinstance(value, dt.date) else None


def _day(value: Any) -> dt.date | None:
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        return None
    found = _instant(value)
    return found.date() if found else None


def _widened(column: SqlColumn, sign: str, values: list[Any]) -> list[Sent]:
    """A day more on either side; of IN from the first value to the last."""
    low = min(values) if sign in ("=", ">", ">=") else values[0] if sign == "between" else None
    high = max(values) if sign in ("=", "<", "<=") else values[1] if sign == "between" else None
    try:
        low = None if low is None else low - _DAY
        high = None if high is None else high + _DAY
    except OverflowError:
        return []
    found = []
    for one, key in ((low, ">="), (high, "<=")):
        if one is not None:
            text = one.replace(microsecond=0).isoformat() if isinstance(one, dt.datetime) else one.isoformat()
            found.append(Sent(column.code, key, text))
    return found


def certain(sent: Iterable[Sent], columns: Mapping[str, SqlColumn]) -> list[Sent]:
    """Without the conditions on numbers that an empty one, shown as 0, meets."""
    by_code = {column.code: column for column in columns.values()}
    found = list(sent)
    kept = []
    for one in found:
        column = by_code[one.code]
        mine = [other for other in found if other.code == one.code]
        if column.is_id or column.kind not in ("int", "float") or not all(map(_met_by_zero, mine)):
            kept.append(one)
    return kept


def _met_by_zero(one: Sent) -> bool:
    tests: dict[str, Callable[[Any], bool]] = {
        "": lambda value: value == 0,
        "=": lambda value: value == 0,
        ">": lambda value: value < 0,
        ">=": lambda value: value <= 0,
        "<": lambda value: value > 0,
        "<=": lambda value: value >= 0,
        "@": lambda values: 0 in values,
    }
    return tests[one.sign](one.value)


def one_of_each_key(sent: Iterable[Sent]) -> tuple[list[Sent], list[Sent]]:
    """The conditions joined, as a filter holds each key once; and those that could not be joined.

    Of bounds on one side the narrowest, of lists what they share. Two that no row meets cannot be joined: a portal
    may read an empty list as no condition.
    """
    found: dict[str, Sent] = {}
    beside = []
    for one in sent:
        other = found.setdefault(one.key, one)
        value = _both(one.sign, other.value, one.value)
        if value is None:
            beside.append(one)
        else:
            found[one.key] = replace(other, value=value, exact=other.exact and one.exact)
    return list(found.values()), beside


def _both(sign: str, one: Any, other: Any) -> Any:
    """The value of one condition that says what two say; None: there is none."""
    if sign[:1] in (">", "<"):
        return max(one, other) if sign[:1] == ">" else min(one, other)
    if sign == "@":
        return [value for value in one if value in other] or None
    return one if one == other else None
