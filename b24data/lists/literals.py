"""Values of a condition: from what a person wrote to what the portal compares with, by the type of the field. Pure.

A portal casts what it can't read and says nothing: ``"abc"`` becomes 0, ``"100 000"`` 100, a flag in another spelling
finds no row. So a value is sent in the one form that its field takes, or refused.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from b24data.errors import ConfigError

__all__ = ["FilterKind", "plain_scalar", "read_value"]

FilterKind = Literal["int", "float", "flag", "day", "instant", "code", "text", ""]

_INT = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d{1,2}-\d{1,2})[T ](?P<h>\d{1,2}):(?P<m>\d\d)(:(?P<s>\d\d)(\.(?P<f>\d{1,9}))?)?"
    r"\s?(?P<zone>Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(.*)", re.ASCII)
_TRUE = {"Y", "1", "TRUE", "YES"}
_FALSE = {"N", "0", "FALSE", "NO"}
_FLAGS: Mapping[str, tuple[Any, Any]] = {"Y/N": ("N", "Y"), "1/0": (0, 1), "true/false": (False, True)}


def read_value(  # noqa: PLR0911  one line a kind
    key: str,
    value: Any,
    kind: FilterKind,
    *,
    test: str = "eq",
    flags: str = "",
    values: Mapping[str, str] | None = None,
    fractions: bool = False,
) -> tuple[Any, Any]:
    """The value as it is sent, and as a row has it (None: empty, or not to be told).

    ``flags`` is how the method writes a flag; ``values`` are the codes of an enumeration with their labels; without
    ``fractions`` points in time are whole seconds. Raises :class:`ConfigError` that names the value.

    >>> read_value(">=OPPORTUNITY", "100", "int"), read_value("CLOSED", True, "flag", flags="Y/N")
    ((100, 100), ('Y', True))
    >>> read_value(">=OPPORTUNITY", "100 000", "float")
    Traceback (most recent call last):
    b24data.errors.ConfigError: the filter '>=OPPORTUNITY' compares a number with '100 000'. Hint: write 100000.
    """
    value = plain_scalar(key, value)
    if kind == "" and isinstance(value, bool) and flags in _FLAGS:
        return _FLAGS[flags][value], None
    if value == "" or (value is False and kind not in ("flag", "")):
        if test in ("gt", "ge", "lt", "le", "between") and kind in ("int", "float", "day", "instant"):
            raise _wrong(key, value, "needs a value to compare with", "leave the condition out")
        return "", None
    if kind == "flag":
        return _flag(key, value, flags)
    if value is True and kind:
        raise _wrong(key, value, "compares with True a field that is not a flag", _examples(kind))
    if kind == "int":
        return _integer(key, value, values or {})
    if kind == "float":
        return _number(key, value)
    if kind == "day":
        return _day(key, value)
    if kind == "instant":
        return _instant(key, value, test, fractions=fractions)
    if kind in ("code", "text"):
        return _text(key, value, kind)
    return (_shown(value) if isinstance(value, dt.date | Decimal) else value), None


def plain_scalar(key: str, value: Any) -> Any:
    """One value as Python's own str, int, float, bool, date, datetime or Decimal.

    NumPy's points in time keep what they say, whatever their unit; pandas' keep microseconds.
    """
    if isinstance(value, enum.Enum):
        value = value.value
    if type(value) in (str, int, float, bool):
        if isinstance(value, float) and not math.isfinite(value):
            raise _missing(key, value)
        return value
    if value is None:
        raise ConfigError(f"the filter {key!r} is None: a portal misreads null in a filter", hint='say "" or False')
    if hasattr(value, "dtype") and getattr(value.dtype, "kind", "") == "M":
        value = value.astype("datetime64[us]").item()
    elif hasattr(value, "dtype") and hasattr(value, "item"):
        value = value.item()
    if hasattr(value, "to_pydatetime") and str(value) != "NaT":
        value = value.to_pydatetime(warn=False)
    if value is None or str(value) in ("NaT", "<NA>", "nan", "NaN"):
        raise _missing(key, value)
    for base in (bool, int, float, str):
        if isinstance(value, base):
            return base(value) if base is not float else plain_scalar(key, float(value))
    if isinstance(value, dt.date | Decimal):
        return value
    raise ConfigError(
        f"the filter {key!r} has {value!r} ({type(value).__name__}), which is not a value to compare with",
        hint="give a text, a number, a date, or a list of them",
    )


def _missing(key: str, value: Any) -> ConfigError:
    return _wrong(key, value, "has no value", 'to ask for empty ones, say ""; leave rows out with dropna()')


def _wrong(key: str, value: Any, what: str, hint: str) -> ConfigError:
    given = f" {_short(value)}" if what.endswith("with") else f": {_short(value)}"
    return ConfigError(f"the filter {key!r} {what}{given}", hint=hint)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _examples(kind: FilterKind) -> str:
    return {
        "int": "write a whole number",
        "float": "write a number",
        "day": 'write a day, such as "2026-01-31"',
        "instant": 'write a point in time, such as "2026-01-31T10:00:00+03:00"',
    }.get(kind, "write the code as a text")


def _flag(key: str, value: Any, flags: str) -> tuple[Any, Any]:
    said = str(value).strip().upper() if isinstance(value, str | bool | int) else ""
    if said not in _TRUE | _FALSE:
        raise _wrong(key, value, "compares a flag with", "write True or False")
    true = said in _TRUE
    if flags in _FLAGS:
        return _FLAGS[flags][true], true
    return (int(value) if isinstance(value, bool) else value), true  # PHP reads true as 1


def _integer(key: str, value: Any, values: Mapping[str, str]) -> tuple[Any, Any]:
    if isinstance(value, str) and _INT.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, float | Decimal) and value == int(value):
        value = int(value)
    if isinstance(value, int):
        return value, value
    if isinstance(value, str) and values:
        named = [code for code, label in values.items() if label.casefold() == value.strip().casefold()]
        told = ", ".join(f"{code} ({label})" for code, label in list(values.items())[:8])
        raise _wrong(key, value, "compares a code with", f"write {named[0]}" if named else f"the codes are {told}")
    raise _wrong(key, value, "compares a whole number with", _number_hint(value, whole=True))


def _number(key: str, value: Any) -> tuple[Any, Any]:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        text = value.strip()
        if _INT.fullmatch(text):
            return int(text), float(text)
        plain = format(Decimal(text), "f")
        return plain, float(text)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f"), float(value)
    if isinstance(value, int):
        return value, float(value)
    if isinstance(value, float):
        # PHP reads no exponent where a query string has one in another notation, so there is none.
        return (int(value) if value == int(value) else format(Decimal(repr(value)), "f")), value
    raise _wrong(key, value, "compares a number with", _number_hint(value))


def _number_hint(value: Any, *, whole: bool = False) -> str:
    if isinstance(value, str):
        text = re.sub(r"[\s\u00a0\u202f_']", "", value)
        if _INT.fullmatch(text):
            return f"write {int(text)}"
        if not whole and re.fullmatch(r"[+-]?\d+,\d{1,2}", text, re.ASCII):
            return f"write {text.replace(',', '.')}"
        if whole and re.fullmatch(r"\d+(,\d+)+", text, re.ASCII):
            return f"for several values write a list: [{', '.join(text.split(','))}]"
    return "write a whole number" if whole else "write a number, such as 100000 or 99.5"


def _shown(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _calendar(key: str, value: Any, text: str) -> dt.date:
    match = _DAY.fullmatch(text)
    try:
        if match:
            return dt.date(*map(int, match.groups()))
    except ValueError as error:
        raise _wrong(key, value, "has a day that no calendar has", 'such as "2026-01-31"') from error
    hint = 'write it as "2026-01-31"'
    if dotted := _DOTTED.fullmatch(text):
        day, month, year, _ = dotted.groups()
        hint = f'if it is day.month.year, write "{year}-{month:0>2}-{day:0>2}"'
    raise _wrong(key, value, "compares a date with", hint)


def _day(key: str, value: Any) -> tuple[Any, Any]:
    if isinstance(value, str):
        text = value.strip()
        if found := _INSTANT.fullmatch(text):
            value = _read_instant(key, value, found)
        else:
            day = _calendar(key, value, text)
            return day.isoformat(), day
    if isinstance(value, dt.datetime):
        if value.time() != dt.time():
            raise _wrong(key, _shown(value), "compares a day with a time of day", f'write "{value.date().isoformat()}"')
        value = value.date()
    if isinstance(value, dt.date):
        return value.isoformat(), value
    raise _wrong(key, value, "compares a date with", _examples("day"))


def _instant(key: str, value: Any, test: str, *, fractions: bool) -> tuple[Any, Any]:
    if isinstance(value, str):
        text = value.strip()
        found = _INSTANT.fullmatch(text)
        value = _read_instant(key, value, found) if found else _calendar(key, value, text)
    if isinstance(value, dt.datetime):
        if value.microsecond and not fractions:
            return _whole_second(key, value, test).isoformat(), value
        return value.isoformat(), value
    if isinstance(value, dt.date):  # midnight in the portal's zone
        return value.isoformat(), value
    raise _wrong(key, value, "compares a point in time with", _examples("instant"))


def _whole_second(key: str, value: dt.datetime, test: str) -> dt.datetime:
    """The second that splits points in time of whole seconds as ``value`` does."""
    floor = value.replace(microsecond=0)
    if test in ("gt", "le"):
        return floor
    if test in ("ge", "lt"):
        return floor + dt.timedelta(seconds=1)
    raise _wrong(key, _shown(value), "has a part of a second", "the portal stores whole seconds: compare with >= and <")


def _read_instant(key: str, value: str, found: re.Match[str]) -> dt.datetime:
    day = _calendar(key, value, found["day"])
    fraction = int((found["f"] or "0").ljust(6, "0")[:6])
    try:
        time = dt.time(int(found["h"]), int(found["m"]), int(found["s"] or 0), fraction)
        zone = dt.datetime.strptime(found["zone"], "%z").tzinfo if found["zone"] else None
    except ValueError as error:
        raise _wrong(key, value, "has a time that no clock has", _examples("instant")) from error
    return dt.datetime.combine(day, time, zone)


def _text(key: str, value: Any, kind: FilterKind) -> tuple[Any, Any]:
    if isinstance(value, bool):
        raise _wrong(key, value, "compares a text with", "write the text itself")
    text = value if isinstance(value, str) else _shown(value)
    if kind == "code" and "," in text:  # no code has a comma
        several = ", ".join(repr(one.strip()) for one in text.split(","))
        raise _wrong(key, value, "compares a code with", f"for several values write a list: [{several}]")
    return (value if isinstance(value, str | int) else text), (text.lower() if kind == "code" else None)
