"""Raw rows to columns, by one of two readers with equal results.

``read_fast`` hands all rows to the JSON reader of ``arro3``, which takes three fifths of the time of ``pyarrow.json``,
under the JSON type that each column was seen to have, with PHP's ``false`` for an empty value turned into null on the
way; columns of several JSON types are read beside it into Python values.
Whatever it refuses, ``read_robust`` reads from parsed rows. A :class:`Plan` says what was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import arro3.io
import msgspec
import numpy as np
import pyarrow as pa

from b24data.fields.kinds import EXACT, Kind
from b24data.frames.convert import CONTACT_WIRE, OBJECT_WIRE, from_array, from_values
from b24data.frames.memory import POOL
from b24data.frames.memory import kernels as pc
from b24data.frames.parse import Misfit, Zones, require
from b24data.frames.schema import Column, Schema
from b24data.frames.surrogates import moved

Row = msgspec.Raw | bytes
Wires = Mapping[str, frozenset[str]]

_WINDOW = 1 << 18  # of a text of megabytes, at a time: what numpy makes of it then fits into a processor's cache
_AT_ONCE = 512  # rows in the reader's own form: they fit into a processor's cache, which saves a tenth of the time
_EVERY = 50  # one row in this many is searched for keys without a column: the rows of a page have the same keys


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows are read, given the JSON types that were seen."""

    schema: Schema
    arrow: pa.Schema
    fast: pa.Schema
    texts: tuple[str, ...]
    objects: tuple[str, ...]
    empties: tuple[bytes, ...]
    emptied: pa.Array
    texts_among_numbers: tuple[re.Pattern[bytes], ...]
    slow: tuple[str, ...]
    slow_decoder: msgspec.json.Decoder[Any]
    keys: frozenset[str]
    every: int


@dataclass(slots=True)
class Reading:
    """What the rows gave: a column and its misfits for each of the schema's, and the keys that have no column."""

    arrays: list[pa.Array]
    misfits: list[list[Misfit]]
    extra: set[str]
    naive: set[str]


def reading_plan(schema: Schema, wires: Wires) -> Plan:
    """The plan for a schema whose columns were seen with these JSON types."""
    id_wire = next((column.wire for column in schema.columns if column.name == schema.id_name), "")
    numbers = "int" in wires.get(id_wire, ())
    empties = {column.wire for column in schema.columns if _says_false(column, wires)}
    types = {c.wire: _fast_type(c, wires.get(c.wire, frozenset()), numbers=numbers) for c in schema.columns}
    if CONTACT_WIRE in types.values():  # where false would be nulled too
        types.update(dict.fromkeys(empties & {part.name for part in CONTACT_WIRE.value_type}))
    empties -= {wire for wire, arrow in types.items() if arrow is None}
    slow = tuple(wire for wire, arrow in types.items() if arrow is None)
    fields = [(f"f{i}", Any, None) for i in range(len(slow))]
    struct = msgspec.defstruct("Slow", fields, rename={f"f{i}": wire for i, wire in enumerate(slow)}, gc=False)
    return Plan(
        schema=schema,
        arrow=schema.arrow,
        fast=pa.schema([(wire, arrow) for wire, arrow in types.items() if arrow is not None]),
        texts=tuple(c.wire for c in schema.columns if c.kind in _TEXTS and types[c.wire] is not None),
        objects=tuple(wire for wire, arrow in types.items() if arrow in (OBJECT_WIRE, pa.list_(OBJECT_WIRE))),
        empties=tuple(map(_key, empties)),
        emptied=pa.array(empties, pa.string()),
        texts_among_numbers=tuple(_text_in(c) for c in schema.columns if _refuses_texts(c, types[c.wire])),
        slow=slow,
        slow_decoder=msgspec.json.Decoder(struct),
        keys=frozenset(types),
        every=1 if schema.open and any(column.field is None for column in schema.columns) else _EVERY,
    )


def _says_false(column: Column, wires: Wires) -> bool:
    return _false_is_nothing(column) and "false" in wires.get(column.wire, ())


def _false_is_nothing(column: Column) -> bool:
    """Whether ``false`` in its place is PHP's empty value, and no flag."""
    return column.many or (column.kind != "bool" and column.guess != "flag")


def _refuses_texts(column: Column, arrow: pa.DataType | None) -> bool:
    """Whether a number in quotes is another value than a number: ``"05"`` in a guessed column."""
    return column.guess in ("rows", "id") and arrow in (pa.float64(), pa.list_(pa.float64()))


def _text_in(column: Column) -> re.Pattern[bytes]:
    """A text behind the column's key, which the reader would take for a number."""
    inside = rb"\[[^\]]*" if column.many else rb""
    return re.compile(re.escape(_key(column.wire)) + rb"\s*:\s*" + inside + rb'"')


def _key(wire: str) -> bytes:
    """A key as it stands before ``:false``. In a text it can't, for its quotes have backslashes before them there."""
    return msgspec.json.encode(wire)


def _fast_type(column: Column, seen: frozenset[str], *, numbers: bool) -> pa.DataType | None:
    """The one Arrow type under which a column's JSON can be read; None where there is none.

    Numbers of either kind are read as doubles: the reader would cut the fraction off an integer's 1.5.
    Nothing seen yet: what a portal usually sends, texts, or numbers where its ids are numbers.
    """
    if column.was is not None or column.guess == "later":
        return None  # of which every value is judged by its JSON type
    if _false_is_nothing(column):
        seen -= {"false"}
    if column.kind == "contacts":
        # `fm` of crm.item.list spells the keys of a contact as id, typeId, valueType, value.
        return CONTACT_WIRE if seen <= {"[]", "list:flat"} and column.wire.isupper() else None
    if column.many:
        if not all(wire.startswith(("[]", "list:")) for wire in seen):
            return None
        seen = frozenset(wire.removeprefix("list:") for wire in seen - {"[]"})
    if not seen:
        arrow = pa.float64() if numbers and column.kind in ("int", "float") else pa.string()
    elif seen == {"str"}:
        arrow = pa.string()
    elif seen == {"flat"} and column.kind in ("text", "category"):
        arrow = OBJECT_WIRE
    elif column.kind in _NATIVE and seen <= _NATIVE[column.kind][0] and (not column.widens or column.wire.isascii()):
        arrow = _NATIVE[column.kind][1]
    else:
        return None
    return pa.list_(arrow) if column.many else arrow


_TEXTS = {"text", "category", "contacts"}
_NATIVE: dict[Kind, tuple[set[str], pa.DataType]] = {
    "int": ({"int"}, pa.float64()),
    "float": ({"int", "float"}, pa.float64()),
    "bool": ({"true", "false"}, pa.bool_()),
}


def wires_of(values: Iterable[Any]) -> frozenset[str]:
    """The JSON types among the values; null is of every type.

    >>> sorted(wires_of(["a", None, 1, [], [2], ["b"]]))
    ['[]', 'int', 'list:int', 'list:str', 'str']
    """
    seen = set()
    for value in values:
        if value is None:
            continue
        if isinstance(value, list):
            seen |= {f"list:{_wire(element)}" for element in value if element is not None} or {"[]"}
        else:
            seen.add(_wire(value))
    return frozenset(seen)


def _wire(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return "int" if abs(value) < EXACT else "big"
    if isinstance(value, dict):
        return "flat" if all(part is None or isinstance(part, str) for part in value.values()) else "object"
    return type(value).__name__


def read_fast(plan: Plan, rows: Sequence[Row], naive_tz: str) -> Reading | None:
    """The rows as they are read under the plan's types; None where they are not what it expects."""
    text = bytearray(b"\n").join(rows)
    if _has_zero(text):
        return None  # arro3 0.9 ends the process where it has to say that a text with such a character does not fit
    if any(pattern.search(text) for pattern in plan.texts_among_numbers):
        return None
    try:
        slow = _slow_columns(plan, text)
        extra = _extra_keys(plan, rows, text)
        if plan.empties:
            _null_out(text, plan.empties)
        # The text is read, without the GIL, where the batches are asked for.
        reader = pa.RecordBatchReader.from_stream(arro3.io.read_json(text, plan.fast, batch_size=_AT_ONCE))
        table = reader.read_all().combine_chunks(POOL)
        if table.num_rows != len(rows):
            return None
        arrays = dict(zip(table.column_names, (column.chunk(0) for column in table.columns), strict=True))
        for wire in plan.objects if plan.empties else ():
            _refuse_emptied(plan, arrays[wire])
        reading = Reading([], [], extra, set())
        for column in plan.schema.columns:
            zones = Zones(plan.schema.tz, naive_tz)
            if column.wire in slow:
                _add(reading, column, from_values(column, slow[column.wire], zones), zones)
            else:
                _add(reading, column, from_array(column, arrays[column.wire], zones), zones)
    except (pa.ArrowInvalid, msgspec.DecodeError, UnicodeDecodeError):
        return None
    misfits = (misfit for found in reading.misfits for misfit in found)
    return None if moved(rows, (arrays[wire] for wire in plan.texts), misfits) else reading


def _slow_columns(plan: Plan, text: bytearray) -> dict[str, list[Any]]:
    """The columns of several JSON types as Python values, null where a row has none."""
    if not plan.slow:
        return {}
    read = plan.slow_decoder.decode_lines(text)
    return {wire: [getattr(row, f"f{i}") for row in read] for i, wire in enumerate(plan.slow)}


def _has_zero(text: bytearray) -> bool:
    """Whether a text names the character U+0000; in half the time of ``in``."""
    letters = np.frombuffer(text, np.uint8)
    for start in range(0, len(text), _WINDOW):
        part = letters[start : start + _WINDOW + 4]
        zeros = part == ord("0")
        pairs = zeros[1:] & zeros[:-1]
        if ((part[:-4] == ord("u")) & pairs[1:-2] & pairs[3:]).any():
            return b"\\u0000" in text
    return False


def _null_out(text: bytearray, keys: tuple[bytes, ...]) -> None:
    """Write ``null`` over ``false`` behind any of the keys; the rows are known to be JSON."""
    letters = np.frombuffer(text, np.uint8)
    found = []
    for start in range(0, len(text), _WINDOW):
        part = letters[start : start + _WINDOW + 1]
        found.append(np.flatnonzero((part[1:] == ord("f")) & (part[:-1] == ord(":"))) + start)
    ours = _behind(keys, np.concatenate(found), text)
    for offset, letter in enumerate(b":null "):
        letters[ours + offset] = letter


def _refuse_emptied(plan: Plan, array: pa.Array) -> None:
    """Objects with a key of a column whose ``false`` was nulled may have had one themselves."""
    objects = array.values if pa.types.is_list(array.type) else array
    require(not pc.any(pc.is_in(objects.keys, value_set=plan.emptied)).as_py())


def _behind(keys: tuple[bytes, ...], places: np.ndarray, text: bytearray) -> np.ndarray:
    """Those of the places that one of the keys ends at."""
    found = [places[:0]]
    if short := tuple(key for key in keys if len(key) < 8):
        found.append(np.array([place for place in places.tolist() if text.endswith(short, 0, place)], np.int64))
    places = places[places >= 8]
    words = np.ndarray(max(0, len(text) - 7), "<u8", text, strides=(1,))  # eight letters from each place on
    ends = words[places - 8]
    for key in keys:
        if len(key) >= 8:
            starts = places[ends == int.from_bytes(key[-8:], "little")] - len(key)
            starts = starts[starts >= 0]
            for offset in range(0, len(key) - 8, 8):
                starts = starts[words[starts + offset] == int.from_bytes(key[offset : offset + 8], "little")]
            found.append(starts + len(key))
    return np.concatenate(found)


def read_robust(plan: Plan, parsed: Sequence[Mapping[str, Any]], naive_tz: str) -> Reading:
    """The same columns from parsed rows, whatever is in them."""
    reading = Reading([], [], set().union(*parsed) - plan.keys, set())
    for column in plan.schema.columns:
        zones = Zones(plan.schema.tz, naive_tz)
        _add(reading, column, from_values(column, [row.get(column.wire) for row in parsed], zones), zones)
    return reading


def _add(reading: Reading, column: Column, converted: tuple[pa.Array, list[Misfit]], zones: Zones) -> None:
    array, misfits = converted
    reading.arrays.append(array)
    reading.misfits.append([] if column.kind == "currency" else misfits)  # its amount has counted them
    if zones.naive_seen:
        reading.naive.add(column.name)


def _extra_keys(plan: Plan, rows: Sequence[Row], text: bytearray) -> set[str]:
    if plan.every > 1:
        text = bytearray(b"\n").join([*rows[:: plan.every], rows[-1]])
    return set().union(*_KEYS.decode_lines(text)) - plan.keys


_KEYS = msgspec.json.Decoder(dict[str, msgspec.Raw])
