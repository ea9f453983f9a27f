r"""Characters that the JSON reader may have got wrong.

``arro3`` 0.9 (``char_from_surrogate_pair`` of arrow-json 59) adds the parts of an escaped surrogate pair with a bitwise
or: of ``\ud840\udc00``, which is U+20000, it makes U+10000. Every character of the planes 2, 4, ... 16 is so moved down
by a plane. Emoji are in plane 1, U+1F000 to U+1FFFF, and the only characters that land among them are U+2F800 to
U+2FA1F: the rest of U+2F000 to U+2FFFF is not assigned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

__all__ = ["moved"]

# The first halves of pairs for planes 2, 4, ... 16: the bit that the reader loses is set in them.
_LOSING = re.compile(rb"\\u[dD](?:8[4-7c-fC-F]|[9abAB][4-7c-fC-F])")


def moved(text: bytes | bytearray, arrays: list[pa.Array]) -> bool:
    r"""Whether ``arrays``, read from ``text``, may hold such a character.

    >>> moved(rb'"\ud840\udc00"', [pa.array(["\U00010000"])]), moved(rb'"\ud83d\ude00"', [pa.array(["\U0001f600"])])
    (True, False)
    """
    letters = b"".join(data for array in arrays for data in _letters(array))
    return not letters.isascii() and _strange(np.frombuffer(letters, np.uint8)) and bool(_LOSING.search(text))


def _strange(letters: np.ndarray) -> bool:
    """Whether there is a character beyond the first plane, not counting emoji on which none can have landed."""
    if letters.max() < 0xF0:
        return False
    starts = np.flatnonzero(letters >= 0xF0)
    first, second, third = (letters[starts + i] for i in range(3))
    emoji = (first == 0xF0) & (second == 0x9F) & ((third < 0xA0) | (third > 0xA8))
    return not emoji.all()


def _letters(array: pa.Array) -> Iterator[pa.Buffer]:
    """The UTF-8 of an array's texts, its lists and structs included."""
    if pa.types.is_string(array.type):
        data = array.buffers()[2]
        if data is not None:
            yield data
    elif pa.types.is_list(array.type):
        yield from _letters(array.values)
    elif pa.types.is_struct(array.type):
        for i in range(array.type.num_fields):
            yield from _letters(array.field(i))
