"""Values as text: one text a value, whichever batch it came in and whatever type its column had before. Pure."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pyarrow as pa

from b24data.fields.kinds import EXACT
from b24data.frames.memory import POOL
from b24data.frames.memory import kernels as pc


def text_of(value: Any) -> str:
    """A value as text: numbers as they read, a whole one without a point, objects and arrays as compact JSON.

    >>> text_of(5), text_of(5.0), text_of(2.5), text_of({"a": [1]})
    ('5', '5', '2.5', '{"a":[1]}')
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        if value.is_integer() and abs(value) < EXACT:
            return str(int(value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def texts_of(array: pa.Array, portal_type: str) -> pa.Array:
    """An array of any type as texts, a list as JSON; ``portal_type`` says how its flags are spelt.

    >>> texts_of(pa.array([1.0, 2.5, None]), "").to_pylist()
    ['1', '2.5', None]
    """
    arrow = array.type
    if pa.types.is_string(arrow):
        return array
    if pa.types.is_boolean(arrow):
        yes, no = flag_texts(portal_type)
        return pc.if_else(array, pa.scalar(yes), pa.scalar(no, pa.string()))
    if pa.types.is_floating(arrow):
        distinct = pc.dictionary_encode(array)
        texts = pa.array([text_of(value) for value in distinct.dictionary.to_pylist()], pa.string(), memory_pool=POOL)
        return pc.take(texts, distinct.indices)
    if pa.types.is_nested(arrow):
        return pa.array([None if value is None else text_of(value) for value in array.to_pylist()], pa.string())
    return pc.cast(array, pa.string())


def flag_texts(portal_type: str) -> tuple[str, str | None]:
    """How yes and no are spelt. Where nothing says that a column has flags, ``false`` may be PHP's "nothing"."""
    if portal_type == "char":
        return "Y", "N"
    return "true", "false" if portal_type else None
