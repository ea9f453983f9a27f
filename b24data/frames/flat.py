"""Columns as a sheet or a text file has them: a list is one text, a time is that of the clock in its zone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def zone_in(field: pa.Field) -> str:
    """The name of a column, with the zone where its values have lost it.

    >>> zone_in(pa.field("DATE_CREATE", pa.timestamp("us", "+03:00")))
    'DATE_CREATE (UTC+03:00)'
    >>> zone_in(pa.field("TITLE", pa.string()))
    'TITLE'
    """
    inner = field.type.value_type if pa.types.is_list(field.type) else field.type
    zone = inner.tz if pa.types.is_timestamp(inner) else None
    if zone is None:
        return str(field.name)
    return f"{field.name} ({'UTC' if re.match('[+-]', zone) else ''}{zone})"


def decoded(array: pa.Array) -> pa.Array:
    """The values themselves, where a column has them as a dictionary."""
    return array.cast(array.type.value_type) if pa.types.is_dictionary(array.type) else array


def is_number(kind: pa.DataType) -> bool:
    """Whether a type holds numbers: whole ones, floats or decimals."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def local(times: pa.Array) -> pa.Array:
    """Points in time as the clocks of their zone show them, without a zone."""
    shown = pc.local_timestamp(times) if times.type.tz else times
    return shown.cast(pa.timestamp("us"))


def iso(times: pa.Array) -> pa.Array:
    """Points in time as ISO 8601 with the offset that their zone had then; fractions only where there are some.

    >>> import datetime as dt
    >>> iso(pa.array([dt.datetime(2024, 6, 13, 16, 23, 54)], pa.timestamp("us", "Europe/Moscow"))).to_pylist()
    ['2024-06-13T19:23:54+03:00']
    """
    texts = pc.strftime(times, format=f"%Y-%m-%dT%H:%M:%S{'%Ez' if times.type.tz else ''}")
    return _short(texts)


def joined(lists: pa.Array, text: Callable[[pa.Array], pa.Array], between: str = ", ") -> pa.Array:
    """Each list as one text, its elements behind one another with ``between`` between; an empty one is null.

    Of a contact (a phone, an e-mail address) it is the value. ``text`` writes the elements.
    """
    lengths = pc.list_value_length(lists).to_pylist()
    values = lists.flatten()
    if pa.types.is_struct(values.type):
        values = _contacts(values)
    elements = iter(text(values).to_pylist())
    texts = []
    for length in lengths:
        some = [one for _ in range(length or 0) if (one := next(elements)) is not None]
        texts.append(between.join(some) if some else None)
    return pa.array(texts, pa.string())


def text_of(array: pa.Array) -> pa.Array:
    """Any values as texts that do not depend on a country: ISO days and local times, a decimal point, true and false.

    >>> text_of(pa.array([5.0, 0.25, None])).to_pylist()
    ['5.0', '0.25', None]
    """
    kind = array.type
    if pa.types.is_string(kind):
        return array
    if pa.types.is_timestamp(kind):
        return _short(local(array).cast(pa.string()))
    if pa.types.is_floating(kind):
        return pc.replace_substring_regex(array.cast(pa.string()), r"^(-?\d+)$", r"\1.0")
    if pa.types.is_nested(kind):
        return pa.array([_json(value) for value in array.to_pylist()], pa.string())
    return array.cast(pa.string())


def _short(texts: pa.Array) -> pa.Array:
    """Times without the fractions of a second that are nought."""
    return pc.replace_substring_regex(texts, r"(:\d\d)\.0+($|[+-])", r"\1\2")


def _contacts(values: pa.Array) -> pa.Array:
    names = [field.name for field in values.type]
    return values.field(names.index("VALUE")) if "VALUE" in names else values


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)
