r"""Characters that the JSON reader gets wrong.

``arro3`` 0.9 (``char_from_surrogate_pair`` of arrow-json 59) adds the parts of an escaped surrogate pair with a bitwise
or: of ``\ud840\udc00``, which is U+20000, it makes U+10000. Every character of the planes 2, 4, ... 16 is so moved down
by a plane.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from b24data.frames.parse import Misfit, letters_of

__all__ = ["moved"]

# The first halves of pairs for planes 2, 4, ... 16: the bit that the reader loses is set in them.
_LOSING = re.compile(rb"\\u[dD](?:8[4-7c-fC-F]|[9abAB][4-7c-fC-F])")


def moved(rows: Sequence[bytes | msgspec.Raw], arrays: Iterable[pa.Array], misfits: Iterable[Misfit] = ()) -> bool:
    r"""Whether one of the columns, or one of the misfits, that were read from ``rows`` has such a character.

    >>> moved([rb'{"T":"\ud840\udc00"}'], [pa.array(["\U00010000"])])
    True
    >>> moved([rb'{"T":"\ud83d\ude00"}'], [pa.array(["\U0001f600"])])
    False
    """
    doubtful = {misfit.row for misfit in misfits if max(misfit.text, default="") > "\uffff"}
    for array in arrays:
        doubtful.update(_beyond_the_first_plane(array))
    return bool(doubtful) and _LOSING.search(b"\n".join([rows[i] for i in sorted(doubtful)])) is not None


def _beyond_the_first_plane(array: pa.Array) -> Collection[int]:
    """The rows with a character from U+10000 on; of lists, all rows if there is one in any."""
    if pa.types.is_list(array.type):
        return range(len(array)) if len(_beyond_the_first_plane(array.values)) else ()
    if pa.types.is_struct(array.type):
        return {row for part in array.flatten() for row in _beyond_the_first_plane(part)}
    if not pa.types.is_string(array.type):
        return ()
    starts, letters = letters_of(array)
    if letters.tobytes().isascii():
        return ()
    places = np.flatnonzero(np.frombuffer(letters, np.uint8) >= 0xF0)
    return set(np.searchsorted(starts[1:] - starts[0], places, side="right").tolist())
