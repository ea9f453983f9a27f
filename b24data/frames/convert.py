"""One column's values, as they came, to its Arrow type: whole arrays at a time, the odd value alone.

Texts of either decoder go through the same Arrow casts, so both give the same values. What fits no reading of its
kind becomes null and is returned as a misfit. Nothing is trimmed, rounded or guessed: ``"1,5"`` is no number,
``"12/11/2024"`` is no date.
"""

from __future__ import annotations

import bisect
import math
import string
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from b24data.frames.kinds import Kind, arrow_type
from b24data.frames.schema import Column

__all__ = ["CONTACT_WIRE", "Misfit", "Zones", "from_array", "from_values", "regrouped"]

# How PHONE, EMAIL, WEB and IM arrive: every part a text.
CONTACT_WIRE = pa.list_(pa.struct(dict.fromkeys(("ID", "VALUE_TYPE", "VALUE", "TYPE_ID"), pa.string())))

_EXACT = 2**53  # integers up to here survive a double


@dataclass(slots=True)
class Zones:
    """The zone of the table, and the zone in which times without an offset were written.

    ``naive_seen`` becomes true when such a time was read.
    """

    tz: str = "UTC"
    naive: str = "UTC"
    naive_seen: bool = False


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that does not fit its column: the row and the value's text."""

    row: int
    text: str


def from_array(column: Column, array: pa.Array, zones: Zones) -> tuple[pa.Array, list[Misfit]]:
    """A column of one JSON type (what ``pyarrow.json`` read) as the column's own type."""
    if column.kind == "contacts":
        return _contacts(column, array)
    if not column.many:
        return _scalars(column.kind, array, zones)
    values, misfits = _scalars(column.kind, array.flatten(), zones)
    lengths = pc.list_value_length(array)
    return regrouped(lengths, values, column.arrow), _by_row(misfits, lengths)


def from_values(column: Column, values: Sequence[Any], zones: Zones) -> tuple[pa.Array, list[Misfit]]:
    """A column of Python values of any JSON type as the column's own type."""
    if column.kind == "contacts":
        return _contact_values(column, values)
    if not column.many:
        return _scalar_values(column.kind, values, zones)
    lists = [_as_list(column.kind, value) for value in values]
    flat, misfits = _scalar_values(column.kind, [element for row in lists for element in row or ()], zones)
    lengths = pa.array([len(row or ()) for row in lists], pa.int32())
    return regrouped(lengths, flat, column.arrow), _by_row(misfits, lengths)


def regrouped(lengths: pa.Array, values: pa.Array, target: pa.DataType) -> pa.Array:
    """Values put back into lists of these lengths; an empty list is null."""
    lengths = pc.fill_null(lengths, 0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    return pa.ListArray.from_arrays(offsets, values, mask=pc.equal(lengths, 0)).cast(target)


def _by_row(misfits: list[Misfit], lengths: pa.Array) -> list[Misfit]:
    """Misfits counted among the elements, counted among the rows instead."""
    if not misfits:
        return misfits
    ends = pc.cumulative_sum(pc.fill_null(lengths, 0)).to_pylist()
    return [Misfit(bisect.bisect_right(ends, misfit.row), misfit.text) for misfit in misfits]


def _scalars(kind: Kind, array: pa.Array, zones: Zones) -> tuple[pa.Array, list[Misfit]]:
    if pa.types.is_string(array.type):
        return _parsed(kind, array, zones)
    if pa.types.is_floating(array.type):
        finite = pc.is_finite(array)
        if pc.all(finite).as_py() is False:  # JSON has no NaN; a lenient sender may
            odd = pc.indices_nonzero(pc.invert(pc.fill_null(finite, True))).to_pylist()
            misfits = [Misfit(i, str(array[i].as_py())) for i in odd]
            return pc.if_else(finite, array, pa.scalar(None, array.type)), misfits
    return array, []


def _parsed(kind: Kind, strings: pa.Array, zones: Zones) -> tuple[pa.Array, list[Misfit]]:
    if pc.any(blank := pc.equal(strings, "")).as_py():  # beforehand, for every text that a cast refuses costs much
        strings = pc.if_else(blank, None, strings)
    if kind == "text":
        return strings, []
    pieces, misfits = zip(*_pieces(kind, strings, 0, zones), strict=True)
    return (pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)), [m for found in misfits for m in found]


def _pieces(kind: Kind, strings: pa.Array, start: int, zones: Zones) -> Iterator[tuple[pa.Array, list[Misfit]]]:
    """Parse an array whole if some reading fits all of it, else by halves: a bad value costs a few casts, no loop."""
    for parse in _PARSERS[kind]:
        try:
            parsed = parse(strings, zones)
        except pa.ArrowInvalid:
            continue
        yield parsed, []
        return
    if len(strings) > 1:
        middle = len(strings) // 2
        yield from _pieces(kind, strings[:middle], start, zones)
        yield from _pieces(kind, strings[middle:], start + middle, zones)
        return
    text = strings[0].as_py()
    no_date = kind in ("date", "timestamp") and text.startswith(("0000-00-00", "-0001-11-30"))  # PHP's zero date
    yield pa.nulls(1, arrow_type(kind, tz=zones.tz)), [] if no_date else [Misfit(start, text)]


def _int(strings: pa.Array, _: Zones) -> pa.Array:
    letters = strings.buffers()[2]
    for letter in "xX":  # Arrow would read hexadecimal
        if letters is not None and letter.encode() in letters.to_pybytes():  # perhaps outside of this slice
            _demand(not pc.any(pc.match_substring(strings, letter)).as_py())
    return strings.cast(pa.int64())


def _integral(strings: pa.Array, zones: Zones) -> pa.Array:
    """``"5.00"`` is the integer 5; the cast refuses ``"5.50"``."""
    numbers = _float(strings, zones)
    _demand(pc.all(pc.less_equal(pc.abs(numbers), _EXACT)).as_py() is not False)
    return numbers.cast(pa.int64())


def _float(strings: pa.Array, _: Zones) -> pa.Array:
    numbers = strings.cast(pa.float64())
    _demand(pc.all(pc.is_finite(numbers)).as_py() is not False)
    return numbers


_FLAGS = pa.array(["N", "0", "false", "Y", "1", "true"])


def _bool(strings: pa.Array, _: Zones) -> pa.Array:
    places = pc.index_in(strings, value_set=_FLAGS)
    _demand(places.null_count == strings.null_count)
    return pc.greater_equal(places, 3)


def _day(strings: pa.Array, zones: Zones) -> pa.Array:
    """The day as written: crm dates are midnights of the server's zone (``2024-05-01T03:00:00+03:00``)."""
    _instant(strings, zones)  # refuses what is no time
    return _first_ten(strings)


def _bare_day(strings: pa.Array, _: Zones) -> pa.Array:
    _demand(pc.all(pc.match_substring_regex(strings, _NAIVE)).as_py() is not False)
    return _first_ten(strings)


_NAIVE = r"^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?$"


def _first_ten(strings: pa.Array) -> pa.Array:
    return pc.utf8_slice_codeunits(strings, 0, 10).cast(pa.date32())


def _dotted_day(strings: pa.Array, _: Zones) -> pa.Array:
    """``02.12.2024``: with dots the day comes first."""
    days = pc.struct_field(_extracted(strings, r"^(?P<day>\d\d\.\d\d\.\d{4})(?: \d\d:\d\d(?::\d\d)?)?$"), "day")
    return pc.strptime(days, format="%d.%m.%Y", unit="s").cast(pa.date32())


def _instant(strings: pa.Array, zones: Zones) -> pa.Array:
    return strings.cast(pa.timestamp("us", zones.tz))


def _naive(strings: pa.Array, zones: Zones) -> pa.Array:
    return _localized(strings.cast(pa.timestamp("us")), zones)


def _dotted(strings: pa.Array, zones: Zones) -> pa.Array:
    parts = _extracted(strings, r"^(?P<day>\d\d\.\d\d\.\d{4})(?P<time> \d\d:\d\d(?::\d\d)?)?$")
    time = pc.struct_field(parts, "time")
    time = pc.if_else(pc.equal(pc.utf8_length(time), 0), " 00:00:00", time)
    time = pc.if_else(pc.equal(pc.utf8_length(time), 6), pc.binary_join_element_wise(time, ":00", ""), time)
    text = pc.binary_join_element_wise(pc.struct_field(parts, "day"), time, "")
    return _localized(pc.strptime(text, format="%d.%m.%Y %H:%M:%S", unit="us"), zones)


def _localized(times: pa.Array, zones: Zones) -> pa.Array:
    zones.naive_seen = zones.naive_seen or times.null_count < len(times)
    if zones.naive == "UTC":  # needs no zone database
        return times.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us", zones.tz))
    local = pc.assume_timezone(times, zones.naive, ambiguous="earliest", nonexistent="latest")
    return local.cast(pa.timestamp("us", zones.tz))


_CURRENCY = r"^(\|([A-Za-z]{3})?)?$"


def _amount(strings: pa.Array, zones: Zones) -> pa.Array:
    _currencies(strings)  # refuses what is no money
    amounts = pc.ascii_rtrim(strings, "|" + string.ascii_letters)
    return _float(pc.if_else(pc.equal(amounts, ""), None, amounts), zones)


def _currency(strings: pa.Array, _: Zones) -> pa.Array:
    behind = _currencies(strings)
    letters = pc.utf8_slice_codeunits(behind.dictionary, 1)
    return pc.if_else(pc.equal(letters, ""), None, letters).take(behind.indices)


def _currencies(strings: pa.Array) -> pa.DictionaryArray:
    """What is behind the digits: ``|USD``, ``|`` or nothing. A column has a few of them: only those are looked at."""
    behind = pc.ascii_ltrim(strings, "-." + string.digits).dictionary_encode()
    _demand(pc.all(pc.match_substring_regex(behind.dictionary, _CURRENCY)).as_py() is not False)
    return behind


def _extracted(strings: pa.Array, pattern: str) -> pa.Array:
    parts = pc.extract_regex(strings, pattern)
    _demand(parts.null_count == strings.null_count)
    return parts


def _demand(fits: bool) -> None:
    if not fits:
        raise pa.ArrowInvalid("does not fit")


_PARSERS: dict[Kind, Sequence[Callable[[pa.Array, Zones], pa.Array]]] = {
    "int": (_int, _integral),
    "float": (_float,),
    "bool": (_bool,),
    "date": (_day, _bare_day, _dotted_day),
    "timestamp": (_instant, _naive, _dotted),
    "amount": (_amount,),
    "currency": (_currency,),
}


def _scalar_values(kind: Kind, values: Sequence[Any], zones: Zones) -> tuple[pa.Array, list[Misfit]]:
    if kind == "text":
        return _parsed(kind, pa.array(_texts(values), pa.string()), zones)
    strings = pa.array([value if type(value) is str else None for value in values], pa.string())
    array, misfits = _parsed(kind, strings, zones)
    odd = [i for i, value in enumerate(values) if value is not None and type(value) is not str]
    if not odd:
        return array, misfits
    others: list[Any] = [None] * len(values)
    for i in odd:
        read = _read(kind, values[i])
        if read is _MISFIT:
            misfits.append(Misfit(i, _text(values[i])))
        else:
            others[i] = read
    return pc.coalesce(array, pa.array(others, array.type)), misfits


_MISFIT = object()


def _read(kind: Kind, value: Any) -> Any:
    """A value that is no text, as its kind; ``_MISFIT`` where it is none."""
    if value in ([], {}) or kind == "currency" or (value is False and kind != "bool"):  # PHP's empty; no currency
        return None
    if kind == "bool" and value in (0, 1):
        return bool(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if kind == "int" and -(2**63) <= value < 2**63 and (isinstance(value, int) or _is_exact(value)):
            return int(value)
        if kind in ("float", "amount") and abs(value) <= sys.float_info.max:
            return float(value)
    return _MISFIT


def _is_exact(value: float) -> bool:
    return abs(value) <= _EXACT and value.is_integer()


def _text(value: Any) -> str:
    """A value as text: numbers as they read, objects and arrays as compact JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _texts(values: Sequence[Any]) -> Iterator[str | bytes | None]:
    """The values as text; objects and arrays as compact JSON in UTF-8, which Arrow takes as it is."""
    encode = msgspec.json.Encoder().encode
    for value in values:
        if type(value) is str:
            yield value
        elif value is None or value is False:
            yield None
        elif type(value) in (dict, list):
            yield encode(value) if value else None
        else:
            yield _text(value)


def _as_list(kind: Kind, value: Any) -> list[Any] | None:
    """PHP's spellings of a list: an array, an object with its numbers for keys, ``false`` for none, one bare value."""
    if isinstance(value, list):
        return value
    if value is None or value is False or value in ("", {}):
        return None
    if isinstance(value, dict) and (kind != "text" or all(key.isdecimal() for key in value)):
        return list(value.values())
    return [value]


def _contacts(column: Column, array: pa.Array) -> tuple[pa.Array, list[Misfit]]:
    entries = array.flatten()
    zones = Zones()
    ids, misfits = _parsed("int", entries.field("ID"), zones)
    texts = [_parsed("text", entries.field(name), zones)[0] for name in ("VALUE_TYPE", "VALUE", "TYPE_ID")]
    parts = list(column.arrow.value_type)
    values = pa.StructArray.from_arrays([ids, *texts], fields=parts, mask=entries.is_null())
    lengths = pc.list_value_length(array)
    return regrouped(lengths, values, column.arrow), _by_row(misfits, lengths)


def _contact_values(column: Column, values: Sequence[Any]) -> tuple[pa.Array, list[Misfit]]:
    rows: list[list[dict[str, str | None] | None] | None] = []
    misfits: list[Misfit] = []
    for i, value in enumerate(values):
        entries = _as_list("contacts", value)
        if entries is not None and not all(isinstance(entry, dict | None) for entry in entries):
            misfits.append(Misfit(i, _text(value)))
            entries = None
        rows.append(None if entries is None else [None if e is None else _contact(e) for e in entries])
    array, bad_ids = _contacts(column, pa.array(rows, CONTACT_WIRE))
    return array, misfits + bad_ids


def _contact(entry: dict[str, Any]) -> dict[str, str | None]:
    return {f.name: None if entry.get(f.name) is None else _text(entry[f.name]) for f in CONTACT_WIRE.value_type}
