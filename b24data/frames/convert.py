"""One column's values, as they came, to its Arrow type: whole arrays at a time, the odd value alone.

Texts of either decoder go through the same Arrow casts (:mod:`b24data.frames.parse`), so both give the same values.
"""

from __future__ import annotations

import bisect
import functools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from b24data.fields.kinds import EXACT, Kind, arrow_type
from b24data.frames.guesses import is_slashed
from b24data.frames.memory import POOL
from b24data.frames.memory import kernels as pc
from b24data.frames.parse import Misfit, Strict, Zones, letters_of, parsed, require
from b24data.frames.schema import Column, Guess
from b24data.frames.texts import flag_texts, text_of, texts_of

# How PHONE, EMAIL, WEB and IM arrive: every part a text.
CONTACT_WIRE = pa.list_(pa.struct(dict.fromkeys(("ID", "VALUE_TYPE", "VALUE", "TYPE_ID"), pa.string())))

# How files arrive: objects whose parts are texts or null. A key that is there twice stays so; PHP can't write one.
OBJECT_WIRE = pa.map_(pa.string(), pa.string())

_ZERO = pa.scalar(0, pa.int32())


def from_array(column: Column, array: pa.Array, zones: Zones) -> tuple[pa.Array, list[Misfit]]:
    """A column of one JSON type as the column's own type.

    Raises :class:`pyarrow.ArrowInvalid` for numbers that only :func:`from_values` can judge.
    """
    if column.kind == "contacts":
        require(not _spelt_otherwise(pc.list_flatten(array)))
        return _contacts(column, array)
    if not column.many:
        return _scalars(column, array, zones)
    values, misfits = _scalars(column, pc.list_flatten(array), zones)
    lengths = pc.list_value_length(array)
    return regrouped(lengths, values, column.arrow), _by_row(misfits, lengths)


def from_values(column: Column, values: Sequence[Any], zones: Zones) -> tuple[pa.Array, list[Misfit]]:
    """A column of Python values of any JSON type as the column's own type."""
    if column.kind == "contacts":
        return _contact_values(column, values)
    if column.was == "contacts":
        return _as_before(column, values, zones)
    if not column.many:
        return _scalar_values(column, values, zones)
    lists = [_as_list(column, value) for value in values]
    flat, misfits = _scalar_values(column, [element for row in lists for element in row or ()], zones)
    lengths = pa.array([len(row or ()) for row in lists], pa.int32())
    return regrouped(lengths, flat, column.arrow), _by_row(misfits, lengths)


def regrouped(lengths: pa.Array, values: pa.Array, target: pa.DataType) -> pa.Array:
    """Values put back into lists of these lengths; an empty list is null."""
    lengths = pc.coalesce(lengths, _ZERO)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)], memory_pool=POOL)
    return pc.cast(pa.ListArray.from_arrays(offsets, values, mask=pc.equal(lengths, 0), pool=POOL), target)


def _by_row(misfits: list[Misfit], lengths: pa.Array) -> list[Misfit]:
    """Misfits counted among the elements, counted among the rows instead."""
    if not misfits:
        return misfits
    ends = pc.cumulative_sum(pc.coalesce(lengths, _ZERO)).to_pylist()
    return [Misfit(bisect.bisect_right(ends, misfit.row), misfit.text) for misfit in misfits]


def _scalars(column: Column, array: pa.Array, zones: Zones) -> tuple[pa.Array, list[Misfit]]:
    if pa.types.is_string(array.type):
        return parsed(column.kind, array, zones, _strictness(column))
    if pa.types.is_map(array.type):
        return parsed(column.kind, _objects(array), zones)
    return (_numbers(column, array) if pa.types.is_floating(array.type) else array), []


def _strictness(column: Column) -> Strict:
    """Which texts a guessed column takes."""
    if column.kind == "bool" and column.guess == "rows":
        return "none"
    return _STRICTNESS.get(column.guess, "")


_STRICTNESS: dict[str, Strict] = {"rows": "same", "later": "none", "id": "id", "flag": "flag"}


def _numbers(column: Column, array: pa.Array) -> pa.Array:
    """JSON numbers, read as doubles, as the kind's type; :class:`pyarrow.ArrowInvalid` where a double may not do."""
    if column.kind == "int" or column.guess == "rows":
        require(pc.all(pc.less(pc.abs(array), EXACT)).as_py() is not False)
    if column.kind == "int":
        return pc.cast(array, pa.int64())  # refuses a fraction
    require(pc.all(pc.is_finite(array)).as_py() is not False)  # JSON has no NaN; a text of a lenient sender may
    return array


def _objects(array: pa.MapArray) -> pa.Array:
    """Objects as compact JSON; one without parts is null."""
    keys, values = _escaped(array.keys), _escaped(array.items)
    parts = pc.binary_join_element_wise('"', keys, '":"', values, '"', "")
    if values.null_count:
        parts = pc.coalesce(parts, pc.binary_join_element_wise('"', keys, '":null', ""))
    # By offsets: an object that is null has no parts either.
    joined = pc.binary_join(pa.ListArray.from_arrays(array.offsets, parts, pool=POOL), ",")
    return pc.if_else(pc.equal(pc.binary_length(joined), 0), None, pc.binary_join_element_wise("{", joined, "}", ""))


def _escaped(strings: pa.Array) -> pa.Array:
    """Texts as they stand between the quotes of JSON; :class:`pyarrow.ArrowInvalid` for control characters."""
    letters = np.frombuffer(letters_of(strings)[1], np.uint8)
    require(not (letters < ord(" ")).any())
    for letter in '\\"':
        if (letters == ord(letter)).any():
            strings = pc.replace_substring(strings, letter, "\\" + letter)
    return strings


def _scalar_values(column: Column, values: Sequence[Any], zones: Zones) -> tuple[pa.Array, list[Misfit]]:
    if column.was is not None:
        return _as_before(column, values, zones)
    kind = column.kind
    if kind in ("text", "category"):
        flags = flag_texts("char") if column.guess == "flag" else flag_texts("")
        return parsed(kind, pa.array(_texts(values, *flags), pa.string(), memory_pool=POOL), zones)
    strings = pa.array([value if type(value) is str else None for value in values], pa.string())
    array, misfits = parsed(kind, strings, zones, _strictness(column))
    odd = [i for i, value in enumerate(values) if value is not None and type(value) is not str]
    if not odd:
        return array, misfits
    others: list[Any] = [None] * len(values)
    for i in odd:
        read = _read(kind, values[i], column.guess)
        if read is _MISFIT:
            misfits.append(Misfit(i, text_of(values[i])))
        else:
            others[i] = read
    return pc.coalesce(array, pa.array(others, array.type)), misfits


_MISFIT = object()


def _as_before(column: Column, values: Sequence[Any], zones: Zones) -> tuple[pa.Array, list[Misfit]]:
    """Values of a column that has become text: one that fits its earlier kind has the text of that.

    In a column of days only those with slashes are texts: what else does not fit was null, and stays so.
    """
    kind = column.was or "text"
    before = replace(column, kind=kind, was=None, many=False, arrow=arrow_type(kind, tz=zones.tz))
    odd = [i for i, value in enumerate(values) if is_slashed(value)]  # known to fit no kind: a cast of each costs much
    known = [None if is_slashed(value) else value for value in values] if odd else values
    array, misfits = from_values(before, known, zones)
    if column.guess != "day":
        odd += [misfit.row for misfit in misfits]
        misfits = []
    others: list[str | None] = [None] * len(values)
    for i in odd:
        others[i] = text_of(values[i])
    return pc.coalesce(texts_of(array, column.portal_type), pa.array(others, pa.string())), misfits


def _read(kind: Kind, value: Any, guess: Guess) -> Any:
    """A value that is not text, as its kind; ``_MISFIT`` if it does not fit."""
    if value in ([], {}) or kind == "currency":  # PHP's empty; a number has no currency
        return None
    if isinstance(value, bool) or kind == "bool":
        return _read_flag(kind, value, guess)
    if isinstance(value, int | float) and _survives(kind, value, guess):
        if kind == "int" and -(2**63) <= value < 2**63 and (isinstance(value, int) or _is_exact(value)):
            return int(value)
        if kind in ("float", "amount") and abs(value) <= sys.float_info.max:
            return float(value)
        if kind == "decimal":
            return _exact(value)
    return _MISFIT


def _exact(value: int | float) -> Any:
    """A JSON number as the decimal that was written; ``_MISFIT`` where a double has lost digits, or it does not fit.

    Fifteen significant digits survive a double, and of money most values come as text.
    """
    number = Decimal(repr(value))
    if not number.is_finite():
        return _MISFIT
    _, digits, exponent = number.normalize().as_tuple()
    lost = isinstance(value, float) and len(digits) > sys.float_info.dig
    return _MISFIT if lost or int(exponent) < -4 or abs(number) >= 10**14 else number


def _read_flag(kind: Kind, value: Any, guess: Guess) -> Any:
    """``false`` is PHP's empty value where no flag is meant; in a column of later rows it may be either."""
    if kind == "bool":
        is_flag = isinstance(value, bool) or (guess == "" and value in (0, 1))
        return bool(value) if is_flag else _MISFIT
    return _MISFIT if value or guess == "later" else None


def _survives(kind: Kind, value: int | float, guess: Guess) -> bool:
    """Whether a guessed column has the same text of a number whatever it widens to."""
    if guess not in ("rows", "later"):
        return True
    if isinstance(value, int):
        return abs(value) < EXACT
    return kind != "int" or guess == "rows"


def _is_exact(value: float) -> bool:
    return abs(value) < EXACT and value.is_integer()


def _texts(values: Sequence[Any], yes: str, no: str | None) -> Iterator[str | bytes | None]:
    """The values as text; objects and arrays as compact JSON in UTF-8, which Arrow takes as it is."""
    encode = msgspec.json.Encoder().encode
    for value in values:
        if type(value) is str:
            yield value
        elif value is None:
            yield None
        elif type(value) is bool:
            yield yes if value else no
        elif type(value) in (dict, list):
            yield encode(value) if value else None
        else:
            yield text_of(value)


def _as_list(column: Column, value: Any) -> list[Any] | None:
    """PHP's spellings of a list: an array, an object with its numbers for keys, ``false`` for none, one bare value."""
    if isinstance(value, list):
        return value
    if value is None or value is False or value in ("", {}):
        return None
    numbered = column.kind == "text" or column.guess == "rows"
    if isinstance(value, dict) and (not numbered or all(key.isdecimal() for key in value)):
        return list(value.values())
    return [value]


def _contacts(column: Column, array: pa.Array) -> tuple[pa.Array, list[Misfit]]:
    entries = pc.list_flatten(array)
    zones = Zones()
    ids, misfits = parsed("int", entries.field("ID"), zones)
    texts = [parsed("text", entries.field(name), zones)[0] for name in ("VALUE_TYPE", "VALUE", "TYPE_ID")]
    parts = list(column.arrow.value_type)
    values = pa.StructArray.from_arrays([ids, *texts], fields=parts, mask=entries.is_null())
    lengths = pc.list_value_length(array)
    return regrouped(lengths, values, column.arrow), _by_row(misfits, lengths)


def _spelt_otherwise(entries: pa.StructArray) -> bool:
    """Whether an entry has none of the keys that were read, such as ``value`` in place of ``VALUE``."""
    if entries.field("VALUE").null_count <= entries.null_count:
        return False
    empty = functools.reduce(pc.and_, (pc.is_null(entries.field(part.name)) for part in CONTACT_WIRE.value_type))
    return bool(pc.any(pc.and_(empty, pc.is_valid(entries))).as_py())


def _contact_values(column: Column, values: Sequence[Any]) -> tuple[pa.Array, list[Misfit]]:
    rows: list[list[dict[str, str | None] | None] | None] = []
    misfits: list[Misfit] = []
    for i, value in enumerate(values):
        entries = _as_list(column, value)
        if entries is not None and not all(isinstance(entry, dict | None) for entry in entries):
            misfits.append(Misfit(i, text_of(value)))
            entries = None
        rows.append(None if entries is None else [None if e is None else _contact(e) for e in entries])
    array, bad_ids = _contacts(column, pa.array(rows, CONTACT_WIRE))
    return array, misfits + bad_ids


def _contact(entry: dict[str, Any]) -> dict[str, str | None]:
    """A contact's parts by their names in capitals, however the keys are spelt: ``VALUE_TYPE`` or ``valueType``."""
    parts = {key.replace("_", "").upper(): value for key, value in entry.items()}
    return {name: None if (part := parts.get(key)) is None else text_of(part) for key, name in _CONTACT_KEYS.items()}


_CONTACT_KEYS = {part.name.replace("_", ""): part.name for part in CONTACT_WIRE.value_type}
