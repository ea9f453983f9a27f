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
from numbers import Integral
from typing import Any, Literal

from b24data.errors import ConfigError

FilterKind = Literal["int", "float", "flag", "day", "instant", "code", "money", "text", ""]

_INT = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LARGEST = 307  # decimal places before and behind the point of a 64-bit float
_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d{1,2}-\d{1,2})[T ](?P<h>\d{1,2}):(?P<m>\d\d)(:(?P<s>\d\d)(\.(?P<f>\d{1,9}))?)?"
    r"\s?(?P<zone>Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
# b24restdocs, crm/currency/index.md: a field of money has its sum and its currency in one text.
_MONEY = re.compile(r"-?\d*(\.\d+)?\|[A-Z]{0,3}", re.ASCII)
_RANGES = ("gt", "ge", "lt", "le", "between")
_BY_SIZE = "leave the condition out and filter the frame instead"
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
        if test in _RANGES and kind in ("int", "float", "day", "instant"):
            raise _wrong(key, value, "needs a value to compare with {}", "leave the condition out")
        return "", None
    if test in _RANGES and (kind == "money" or (kind == "text" and isinstance(value, int | float | Decimal))):
        raise _wrong(key, value, "compares a text by size with {}: the portal orders its letters", _BY_SIZE)
    if kind == "flag":
        return _flag(key, value, flags)
    if value is True and kind:
        raise _wrong(key, value, "compares a field that is not a flag with True", _examples(kind))
    if kind == "int":
        return _integer(key, value, values or {})
    if kind == "float":
        return _number(key, value)
    if kind == "day":
        return _day(key, value)
    if kind == "instant":
        return _instant(key, value, test, fractions=fractions)
    if kind == "money":
        return _money(key, value)
    if kind in ("code", "text"):
        return _text(key, value, kind)
    return (_shown(value) if isinstance(value, dt.date | Decimal) else value), None


def plain_scalar(key: str, value: Any) -> Any:
    """One value as Python's own str, int, float, bool, date, datetime or Decimal.

    NumPy's points in time keep what they say, whatever their unit; pandas' keep microseconds.
    """
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None:
        raise ConfigError(f"the filter {key!r} is None: a portal misreads null in a filter", hint='write "" or False')
    if hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0:
        value = _of_numpy(key, value)
    elif hasattr(value, "as_py"):  # of Arrow
        value = value.as_py()
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return bool(value) if isinstance(value, bool) else int(value)
    if value is None or str(value) in ("NaT", "<NA>", "nan") or (isinstance(value, Decimal) and not value.is_finite()):
        raise _missing(key, value)
    if isinstance(value, dt.datetime) and hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime(warn=False)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _missing(key, value)
        return float(value)
    if isinstance(value, dt.date | Decimal):
        return value
    raise ConfigError(
        f"the filter {key!r} has {brief(value)} ({type(value).__name__}), which cannot be compared",
        hint="give a text, a number, a date, or a list of them",
    )


def _of_numpy(key: str, value: Any) -> Any:
    """A scalar of NumPy as Python's own; a masked one is none, and points in time have a year of four digits."""
    kind = getattr(value.dtype, "kind", "")
    if getattr(value, "mask", False):
        raise _missing(key, value)
    if kind == "f":
        return float(str(value))  # 0.1 of 32 bits is not 0.10000000149
    plain = value.astype("datetime64[us]").item() if kind == "M" else value.item()
    if kind == "m" or (kind == "M" and isinstance(plain, int)):
        raise _wrong(key, value, "can't be compared with {}", "give a text, a number, a date, or a list of them")
    return plain


def _missing(key: str, value: Any) -> ConfigError:
    return _wrong(key, value, "has no value", 'write "" to find empty values; remove missing ones with dropna()')


def _wrong(key: str, value: Any, what: str, hint: str) -> ConfigError:
    """``what`` is wrong with it: ``{}`` there is the value; else the value comes last."""
    given = brief(value, 80)
    said = what.replace("{}", given) if "{}" in what else f"{what}: {given}"
    return ConfigError(f"the filter {key!r} {said}", hint=hint)


def is_whole(value: object) -> bool:
    """Whether it is a whole number of 64 bits, of Python or NumPy, and no flag.

    >>> import numpy
    >>> is_whole(numpy.int8(5)), is_whole(True), is_whole(numpy.timedelta64(5)), is_whole(10**400)
    (True, False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        return False
    return getattr(getattr(value, "dtype", None), "kind", "i") in "iu" and -(2**63) <= int(value) < 2**63


def brief(value: Any, length: int = 60) -> str:
    r"""``repr`` for a message: short, one line, and there for whatever a person passed.

    >>> brief(list(range(1000)), 20)
    '[0, 1, 2, 3, 4, 5...'
    >>> import numpy
    >>> brief(numpy.eye(2))
    'array([[1., 0.], [0., 1.]])'
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001  a repr may do anything; Python has none for an int of 5,000 digits
        text = f"<{type(value).__name__}>"
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _examples(kind: FilterKind) -> str:
    return {
        "int": "write a whole number",
        "float": "write a number",
        "day": 'write a day, such as "2026-01-31"',
        "instant": 'write a time, such as "2026-01-31T10:00:00+03:00"',
    }.get(kind, "write the code as a text")


def _flag(key: str, value: Any, flags: str) -> tuple[Any, Any]:
    said = str(value).strip().upper() if isinstance(value, str | bool | int) else ""
    if said not in _TRUE | _FALSE:
        raise _wrong(key, value, "compares a flag with {}", "write True or False")
    true = said in _TRUE
    if flags in _FLAGS:
        return _FLAGS[flags][true], true
    return (int(value) if isinstance(value, bool) else value), true  # PHP reads true as 1


def _integer(key: str, value: Any, values: Mapping[str, str]) -> tuple[Any, Any]:
    number = _exact(key, value)
    if number is not None and number == number.to_integral_value():
        whole = int(number)
        if not -(2**63) <= whole < 2**63:  # PHP makes it a float, which is another number
            raise _wrong(key, value, "compares a whole number with {}", "the portal's numbers end at 2**63 - 1")
        return whole, whole
    if isinstance(value, str) and values:
        named = [code for code, label in values.items() if label.casefold() == value.strip().casefold()]
        told = ", ".join(f"{code} ({label})" for code, label in list(values.items())[:8])
        raise _wrong(key, value, "compares a code with {}", f"write {named[0]}" if named else f"the codes are {told}")
    raise _wrong(key, value, "compares a whole number with {}", _number_hint(value, whole=True))


def _number(key: str, value: Any) -> tuple[Any, Any]:
    number = _exact(key, value)
    if number is None:
        raise _wrong(key, value, "compares a number with {}", _number_hint(value))
    if isinstance(value, Decimal) or (isinstance(value, str) and not _INT.fullmatch(value.strip())):
        return format(number, "f"), float(number)
    # PHP reads no exponent where a query string has one in another notation, so there is none.
    return (int(number) if number == number.to_integral_value() else format(number, "f")), float(number)


def _exact(key: str, value: Any) -> Decimal | None:
    """The number that ``value`` says; None where it says none."""
    if isinstance(value, str):
        text = value.strip()
        number = Decimal(text) if _NUMBER.fullmatch(text) else None
    elif isinstance(value, Decimal):
        number = value
    else:
        of_float = isinstance(value, float)
        number = Decimal(repr(value) if of_float else value) if of_float or type(value) is int else None
    if number is not None and (not number.is_finite() or number.adjusted() > _LARGEST or number.adjusted() < -_LARGEST):
        raise _wrong(key, value, "compares a number with {}", "the portal's numbers have at most 308 digits")
    return number


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
        raise _wrong(key, value, "has a date that does not exist", 'such as "2026-01-31"') from error
    hint = 'write it as "2026-01-31"'
    if dotted := _DOTTED.fullmatch(text):
        day, month, year, _ = dotted.groups()
        hint = f'if it is day.month.year, write "{year}-{month:0>2}-{day:0>2}"'
    raise _wrong(key, value, "compares a date with {}", hint)


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
    raise _wrong(key, value, "compares a date with {}", _examples("day"))


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
    raise _wrong(key, value, "compares a time with {}", _examples("instant"))


def _whole_second(key: str, value: dt.datetime, test: str) -> dt.datetime:
    """The second that splits points in time of whole seconds as ``value`` does."""
    floor = value.replace(microsecond=0)
    if test in ("gt", "le"):
        return floor
    if test in ("ge", "lt") and floor < dt.datetime.max.replace(microsecond=0, tzinfo=floor.tzinfo):
        return floor + dt.timedelta(seconds=1)
    raise _wrong(key, _shown(value), "has a part of a second", "the portal stores whole seconds: compare with >= and <")


def _read_instant(key: str, value: str, found: re.Match[str]) -> dt.datetime:
    day = _calendar(key, value, found["day"])
    fraction = int((found["f"] or "0").ljust(6, "0")[:6])
    try:
        time = dt.time(int(found["h"]), int(found["m"]), int(found["s"] or 0), fraction)
        zone = dt.datetime.strptime(found["zone"], "%z").tzinfo if found["zone"] else None
    except ValueError as error:
        raise _wrong(key, value, "has a time that does not exist", _examples("instant")) from error
    return dt.datetime.combine(day, time, zone)


def _money(key: str, value: Any) -> tuple[Any, Any]:
    text = value.strip() if isinstance(value, str) else ""
    if not _MONEY.fullmatch(text):
        raise _wrong(key, value, "compares a sum of money with {}", 'write the sum and its currency, as "2500.5|EUR"')
    return text, None


def _text(key: str, value: Any, kind: FilterKind) -> tuple[Any, Any]:
    if isinstance(value, bool):
        raise _wrong(key, value, "compares a text with {}", "write the text itself")
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a column of codes with gaps is one of floats in pandas
    text = value if isinstance(value, str) else _shown(value)
    if kind == "text":
        return (value if isinstance(value, int) else text), None
    text = text.strip()
    if "," in text:  # no code has a comma
        several = ", ".join(repr(one.strip()) for one in text.split(","))
        raise _wrong(key, value, "compares a code with {}", f"for several values write a list: [{several}]")
    if isinstance(value, dt.date) or not text.isprintable():
        raise _wrong(key, value, "compares a code with {}", "write the code as a text")
    return (value if isinstance(value, int) else text), text.lower() or None
