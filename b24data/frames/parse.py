"""Texts to the values that they mean: whole arrays at a time, by the first reading that takes all of an array.

What fits no reading of its kind becomes null and is returned as a misfit. Nothing is trimmed, rounded or guessed:
``"1,5"`` is not a number, ``"12/11/2024"`` is not a date.
"""

from __future__ import annotations

import datetime as dt
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa

from b24data.fields.kinds import EXACT, Kind, arrow_type
from b24data.frames.memory import POOL
from b24data.frames.memory import kernels as pc
from b24data.frames.texts import texts_of


@dataclass(slots=True)
class Zones:
    """The zone of the table, and the zone in which times without an offset were written.

    ``naive_seen`` becomes true when such a time was read.
    """

    tz: str = "UTC"
    naive: str = "UTC"
    naive_seen: bool = False


Reading: TypeAlias = Callable[[pa.Array, Zones], pa.Array]


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that does not fit its column: the row and the value's text."""

    row: int
    text: str


# Which texts a guessed column takes. "same": those that come out of it as they went in. "id": also whole
# numbers of any size. "flag": Y and N. "none": no text at all.
Strict = Literal["", "same", "id", "flag", "none"]


def parsed(kind: Kind, strings: pa.Array, zones: Zones, strict: Strict = "") -> tuple[pa.Array, list[Misfit]]:
    """An array of texts as an array of the kind's type, and the texts that are none; a blank is null."""
    if _may_be_blank(strings):  # beforehand, for every text that a cast refuses costs much
        strings = pc.if_else(pc.equal(strings, ""), None, strings)
    if kind in ("text", "category"):
        return (strings if kind == "text" else pc.dictionary_encode(strings)), []
    readings = _STRICT[strict].get(kind, (_none_of(kind),)) if strict else _PARSERS[kind]
    pieces, misfits = zip(*_pieces(kind, readings, strings, 0, zones), strict=True)
    array = pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces, memory_pool=POOL)
    return array, [misfit for found in misfits for misfit in found]


def _may_be_blank(strings: pa.Array) -> bool:
    """Whether a text has no letters; a null may have none either."""
    starts, _ = letters_of(strings)
    return bool((starts[1:] == starts[:-1]).any())


def letters_of(strings: pa.Array) -> tuple[np.ndarray, memoryview]:
    """Where each text starts, and all letters; of nulls too. A look at them takes a quarter of a kernel's time."""
    if not len(strings):
        return np.zeros(1, np.int32), memoryview(b"")
    _, offsets, letters = strings.buffers()
    starts = np.frombuffer(offsets, np.int32, len(strings) + 1, strings.offset * 4)
    return starts, memoryview(letters or b"")[starts[0] : starts[-1]]


def _pieces(
    kind: Kind, readings: Sequence[Reading], strings: pa.Array, start: int, zones: Zones
) -> Iterator[tuple[pa.Array, list[Misfit]]]:
    """Parse an array whole if some reading fits all of it, else by halves: a bad value costs a few casts, no loop."""
    for parse in readings:
        try:
            array = parse(strings, zones)
        except pa.ArrowInvalid:
            continue
        yield array, []
        return
    if len(strings) > 1:
        middle = len(strings) // 2
        yield from _pieces(kind, readings, strings[:middle], start, zones)
        yield from _pieces(kind, readings, strings[middle:], start + middle, zones)
        return
    text = strings[0].as_py()
    no_date = kind in ("date", "timestamp") and text.startswith(("0000-00-00", "-0001-11-30"))  # PHP's zero date
    yield pa.nulls(1, arrow_type(kind, tz=zones.tz)), [] if no_date else [Misfit(start, text)]


def _int(strings: pa.Array, _: Zones) -> pa.Array:
    if not letters_of(strings)[1].tobytes().isdigit():
        for letter in "xX":  # Arrow would read hexadecimal
            require(not pc.any(pc.match_substring(strings, letter)).as_py())
    return pc.cast(strings, pa.int64())


def _integral(strings: pa.Array, zones: Zones) -> pa.Array:
    """``"5.00"`` is the integer 5; the cast refuses ``"5.50"``."""
    numbers = _float(strings, zones)
    require(pc.all(pc.less(pc.abs(numbers), EXACT)).as_py() is not False)
    return pc.cast(numbers, pa.int64())


def _float(strings: pa.Array, _: Zones) -> pa.Array:
    numbers = pc.cast(strings, pa.float64())
    require(pc.all(pc.is_finite(numbers)).as_py() is not False)
    return numbers


_FLAGS = pa.array(["N", "0", "false", "Y", "1", "true"])


def _yes_no(strings: pa.Array, _: Zones) -> pa.Array:
    """``Y`` or ``N`` in every row, the rule in lists."""
    letters = np.frombuffer(letters_of(strings)[1], np.uint8)
    require(not strings.null_count and len(letters) == len(strings))
    yes = letters == ord("Y")
    require((yes | (letters == ord("N"))).all())
    return pa.Array.from_buffers(pa.bool_(), len(yes), [None, pa.py_buffer(np.packbits(yes, bitorder="little"))])


def _bool(strings: pa.Array, _: Zones) -> pa.Array:
    places = pc.index_in(strings, value_set=_FLAGS)
    require(places.null_count == strings.null_count)
    return pc.greater_equal(places, 3)


def _day(strings: pa.Array, zones: Zones) -> pa.Array:
    """The day as written: crm dates are midnights of the server's zone (``2024-05-01T03:00:00+03:00``)."""
    pc.cast(strings, pa.timestamp("us", zones.tz))  # refuses what is not a time
    return _first_ten(strings)


def _bare_day(strings: pa.Array, _: Zones) -> pa.Array:
    require(pc.all(pc.match_substring_regex(strings, _NAIVE)).as_py() is not False)
    return _first_ten(strings)


_NAIVE = r"^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?$"


def _first_ten(strings: pa.Array) -> pa.Array:
    return _from_year_1(pc.cast(pc.binary_slice(strings.view(pa.binary()), 0, 10).view(pa.string()), pa.date32()))


def _dotted_day(strings: pa.Array, _: Zones) -> pa.Array:
    """``02.12.2024``: with dots the day comes first."""
    days = pc.struct_field(_extracted(strings, r"^(?P<day>\d\d\.\d\d\.\d{4})(?: \d\d:\d\d(?::\d\d)?)?$"), "day")
    return _from_year_1(pc.cast(pc.strptime(days, format="%d.%m.%Y", unit="s"), pa.date32()))


def _from_year_1(days: pa.Array) -> pa.Array:
    """The days themselves; :class:`pyarrow.ArrowInvalid` for one of year 0, which Python can't show."""
    first = pc.min(days.view(pa.int32())).as_py()
    require(first is None or first >= _YEAR_1)
    return days


_YEAR_1 = (dt.date(1, 1, 1) - dt.date(1970, 1, 1)).days
_YEAR_10000 = (dt.date(9999, 12, 31) - dt.date(1970, 1, 1)).days + 1
_DAY_US = 86_400_000_000


def _instant(strings: pa.Array, zones: Zones) -> pa.Array:
    return _showable(pc.cast(strings, pa.timestamp("us", zones.tz)))


def _showable(times: pa.Array) -> pa.Array:
    """The times themselves; :class:`pyarrow.ArrowInvalid` for one outside of Python's years, in UTC or in its zone.

    1C's empty date is ``0001-01-01T00:00:00+03:00``, which is in year 0 in UTC: one such row, and neither ``repr`` nor
    ``to_csv`` of a frame would work.
    """
    if not _in_years(times, margin=2):
        require(_in_years(times) and _in_years(pc.local_timestamp(times)))
    return times


def _in_years(times: pa.Array, margin: int = 0) -> bool:
    ends = pc.min_max(times.view(pa.int64()))
    first, last = ends["min"].as_py(), ends["max"].as_py()
    return first is None or (first >= (_YEAR_1 + margin) * _DAY_US and last < (_YEAR_10000 - margin) * _DAY_US)


def _naive(strings: pa.Array, zones: Zones) -> pa.Array:
    return _localized(pc.cast(strings, pa.timestamp("us")), zones)


def _dotted(strings: pa.Array, zones: Zones) -> pa.Array:
    parts = _extracted(strings, r"^(?P<day>\d\d\.\d\d\.\d{4})(?P<time> \d\d:\d\d(?::\d\d)?)?$")
    time = pc.struct_field(parts, "time")
    time = pc.if_else(pc.equal(pc.utf8_length(time), 0), " 00:00:00", time)
    time = pc.if_else(pc.equal(pc.utf8_length(time), 6), pc.binary_join_element_wise(time, ":00", ""), time)
    text = pc.binary_join_element_wise(pc.struct_field(parts, "day"), time, "")
    return _localized(pc.strptime(text, format="%d.%m.%Y %H:%M:%S", unit="us"), zones)


def _localized(times: pa.Array, zones: Zones) -> pa.Array:
    zones.naive_seen = zones.naive_seen or times.null_count < len(times)
    if zones.naive == "UTC" or zones.naive[0] in "+-":  # needs no zone database
        instants = times if zones.naive == "UTC" else pc.subtract(times, pa.scalar(_offset(zones.naive)))
        return _showable(pc.cast(pc.cast(instants, pa.timestamp("us", "UTC")), pa.timestamp("us", zones.tz)))
    local = pc.assume_timezone(times, zones.naive, ambiguous="earliest", nonexistent="latest")
    return _showable(pc.cast(local, pa.timestamp("us", zones.tz)))


def _offset(text: str) -> dt.timedelta:
    """``+03:00`` as a duration."""
    hours, minutes = int(text[1:3]), int(text[4:6])
    return dt.timedelta(hours=hours, minutes=minutes) * (-1 if text[0] == "-" else 1)


_CURRENCY = r"^(\|([A-Za-z]{3})?)?$"


def _amount(strings: pa.Array, zones: Zones) -> pa.Array:
    _currencies(strings)  # refuses what is not money
    amounts = pc.ascii_rtrim(strings, "|" + string.ascii_letters)
    return _float(pc.if_else(pc.equal(amounts, ""), None, amounts), zones)


def _decimal(strings: pa.Array, _: Zones) -> pa.Array:
    """A number, exactly; the cast refuses more than four decimals."""
    return pc.cast(strings, arrow_type("decimal"))


def _exact_amount(strings: pa.Array, _: Zones) -> pa.Array:
    _currencies(strings)
    amounts = pc.ascii_rtrim(strings, "|" + string.ascii_letters)
    return pc.cast(pc.if_else(pc.equal(amounts, ""), None, amounts), arrow_type("decimal"))


def _currency(strings: pa.Array, zones: Zones) -> pa.Array:
    _amount(strings, zones)  # refuses what is not an amount: its currency must not stay alone
    behind = _currencies(strings)
    letters = pc.utf8_slice_codeunits(behind.dictionary, 1)
    return pc.take(pc.if_else(pc.equal(letters, ""), None, letters), behind.indices)


def _currencies(strings: pa.Array) -> pa.DictionaryArray:
    """What is behind the digits: ``|USD``, ``|`` or nothing. A column has a few of them: only those are looked at."""
    behind = pc.dictionary_encode(pc.ascii_ltrim(strings, "-." + string.digits))
    require(pc.all(pc.match_substring_regex(behind.dictionary, _CURRENCY)).as_py() is not False)
    return behind


def _extracted(strings: pa.Array, pattern: str) -> pa.Array:
    parts = pc.extract_regex(strings, pattern)
    require(parts.null_count == strings.null_count)
    return parts


# The readings of guessed columns.


def _same_int(strings: pa.Array, zones: Zones) -> pa.Array:
    numbers = _whole(strings, zones)
    require(pc.all(pc.less(pc.abs(numbers), EXACT)).as_py() is not False)  # it may become a column of fractions
    return numbers


def _whole(strings: pa.Array, zones: Zones) -> pa.Array:
    return _unchanged(strings, _int(strings, zones))


def _same_float(strings: pa.Array, zones: Zones) -> pa.Array:
    return _unchanged(strings, _float(strings, zones))


def _unchanged(strings: pa.Array, values: pa.Array) -> pa.Array:
    require(pc.all(pc.equal(texts_of(values, ""), strings)).as_py() is not False)
    return values


def _letters(strings: pa.Array, _: Zones) -> pa.Array:
    places = pc.index_in(strings, value_set=_LETTERS)
    require(places.null_count == strings.null_count)
    return pc.equal(places, 1)


_LETTERS = pa.array(["N", "Y"])


def _none_of(kind: Kind) -> Reading:
    def parse(strings: pa.Array, zones: Zones) -> pa.Array:
        require(strings.null_count == len(strings))
        return pa.nulls(len(strings), arrow_type(kind, tz=zones.tz))

    return parse


def require(fits: bool) -> None:
    """Raise :class:`pyarrow.ArrowInvalid`, as a cast would, if it does not fit."""
    if not fits:
        raise pa.ArrowInvalid("does not fit")


_PARSERS: dict[Kind, Sequence[Reading]] = {
    "int": (_int, _integral),
    "float": (_float,),
    "bool": (_yes_no, _bool),
    "date": (_day, _bare_day, _dotted_day),
    "timestamp": (_instant, _naive, _dotted),
    "amount": (_amount,),
    "decimal": (_decimal, _exact_amount),
    "currency": (_currency,),
}

_STRICT: dict[Strict, Mapping[Kind, Sequence[Reading]]] = {
    "same": {"int": (_same_int,), "float": (_same_float,)},
    "id": {"int": (_whole,)},
    "flag": {"bool": (_yes_no, _letters)},
    "none": {},
}
