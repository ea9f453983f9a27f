r"""Characters that the JSON reader gets wrong.

``arro3`` 0.9 (``char_from_surrogate_pair`` of arrow-json 59) adds the parts of an escaped surrogate pair with a bitwise
or: of ``\ud840\udc00``, which is U+20000, it makes U+10000. Every character of the planes 2, 4, ... 16 is so moved down
by a plane. Emoji are U+1F000 to U+1FFFF, and of U+2F000 to U+2FFFF, which would become emoji, only U+2F800 to U+2FA1F
are characters: the rest is not assigned, and not looked for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from b24data.frames.parse import Misfit, letters_of

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
        doubtful.update(_strange(array))
    return bool(doubtful) and _LOSING.search(b"\n".join([rows[i] for i in sorted(doubtful)])) is not None


def _strange(array: pa.Array) -> Collection[int]:
    """The rows with a character that another one may have become; of lists, all rows if there is one in any."""
    if pa.types.is_list(array.type):
        return range(len(array)) if len(_strange(array.values)) else ()
    if pa.types.is_map(array.type):
        return range(len(array)) if any(len(_strange(part)) for part in (array.keys, array.items)) else ()
    if pa.types.is_struct(array.type):
        return {row for part in array.flatten() for row in _strange(part)}
    if not pa.types.is_string(array.type):
        return ()
    starts, text = letters_of(array)
    letters = np.frombuffer(text, np.uint8)
    if letters.max(initial=0) < 0xF0:  # of no plane but the first
        return ()
    places = np.flatnonzero(letters >= 0xF0)
    first, second, third = (letters[places + i] for i in range(3))
    places = places[(first != 0xF0) | (second != 0x9F) | ((third >= 0xA0) & (third <= 0xA8))]
    return set(np.searchsorted(starts[1:] - starts[0], places, side="right").tolist())
