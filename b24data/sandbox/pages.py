"""Rows as bytes: blocks of an answer's rows are rendered once and handed out as slices.

A walk asks for the same rows in the same order, page after page, so the rows of a selection are rendered in
blocks of its own order: a page is then one slice of one buffer, or two.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from b24data.sandbox.columns import ABSENT, Codes, Writer
from b24data.sandbox.table import Selection, Table

BLOCK = 2048
_KEPT_BYTES = 768 * 2**20


@dataclass(frozen=True, slots=True)
class Layout:
    """What a row looks like: pairs of JSON key and column, and how values are written."""

    columns: tuple[tuple[str, str], ...]
    writer: Writer


@dataclass(frozen=True, slots=True)
class Page:
    """Rendered rows: JSON objects with commas between them, in as few pieces as they came."""

    pieces: tuple[memoryview, ...] = ()
    offsets: tuple[npt.NDArray[np.int32], ...] = ()  # where the rows of each piece begin, and where the last ends

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(len(offsets) - 1 for offsets in self.offsets)

    def row(self, at: int) -> dict[str, Any] | None:
        """One row, or None where there is no such."""
        for piece, offsets in zip(self.pieces, self.offsets, strict=True):
            if at < len(offsets) - 1:
                begin, end = offsets[at] - offsets[0], offsets[at + 1] - offsets[0]
                found: dict[str, Any] = msgspec.json.decode(bytes(piece[begin : end - 1]).rstrip(b","))
                return found
            at -= len(offsets) - 1
        return None

    def rows(self) -> list[dict[str, Any]]:
        """The rows as a client would read them."""
        decoded: list[dict[str, Any]] = msgspec.json.decode(b"[" + b"".join(self.pieces) + b"]")
        return decoded


@dataclass(frozen=True, slots=True)
class _Block:
    data: memoryview
    offsets: npt.NDArray[np.int32]


class Renderer:
    """Renders pages, and keeps the blocks that were used last."""

    def __init__(self, kept_bytes: int = _KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._bytes = 0
        self._blocks: OrderedDict[tuple[Any, ...], _Block] = OrderedDict()

    def page(self, table: Table, selection: Selection, layout: Layout, start: int, size: int = 50) -> Page:
        """``size`` rows of a selection from ``start`` on."""
        first = selection.first + start
        last = min(first + size, selection.last)
        if first >= last:
            return Page()
        slices = list(self._slices(table, selection, layout, first, last))
        pieces = [block.data[offsets[0] : offsets[-1]] for block, offsets in slices]
        pieces[-1] = pieces[-1][:-1]  # the comma after the last row
        return Page(tuple(pieces), tuple(offsets for _, offsets in slices))

    def warm(self, table: Table, selection: Selection, layout: Layout) -> None:
        """Render ahead what a walk over the selection will ask for."""
        for _ in self._slices(table, selection, layout, selection.first, selection.last):
            pass

    def _slices(
        self, table: Table, selection: Selection, layout: Layout, first: int, last: int
    ) -> Iterator[tuple[_Block, npt.NDArray[np.int32]]]:
        for number in range(first // BLOCK, (last - 1) // BLOCK + 1):
            block = self._block(table, selection, layout, number)
            begin = max(first - number * BLOCK, 0)
            end = min(last - number * BLOCK, BLOCK)
            yield block, block.offsets[begin : end + 1]

    def _block(self, table: Table, selection: Selection, layout: Layout, number: int) -> _Block:
        key = (table.entity, selection.key, layout, number)
        block = self._blocks.get(key)
        if block is None:
            rows = selection.positions[number * BLOCK : (number + 1) * BLOCK]
            block = self._blocks[key] = _render(table, layout, rows)
            self._bytes += len(block.data)
            while self._bytes > self._kept_bytes and len(self._blocks) > 1:
                self._bytes -= len(self._blocks.popitem(last=False)[1].data)
        else:
            self._blocks.move_to_end(key)
        return block


def _render(table: Table, layout: Layout, rows: npt.NDArray[np.int64]) -> _Block:
    ids = table.ids[rows]
    parts: list[Any] = [pa.array([b"{"]).take(pa.array(np.zeros(len(rows), np.int64)))]
    # A field whose key may be left out can't come first: the comma stands before every key but the first.
    for at, (key, name) in enumerate(sorted(layout.columns, key=lambda pair: _may_be_absent(table, pair[1]))):
        comma = "," if at else ""
        parts.append(table.column(name).render(rows, ids, f"{comma}{layout.writer.json(key)}:", layout.writer))
    text = pc.binary_join_element_wise(*parts, pa.scalar(b"},", pa.binary()), pa.scalar(b"", pa.binary()))
    if not layout.columns or all(_may_be_absent(table, name) for _, name in layout.columns):
        text = _tidy(text)
    _, offsets, data = text.buffers()
    return _Block(memoryview(data or b""), np.frombuffer(offsets, np.int32, len(rows) + 1, text.offset * 4))


def _may_be_absent(table: Table, name: str) -> bool:
    column = table.column(name)
    return isinstance(column, Codes) and ABSENT in column.vocabulary


def _tidy(text: Any) -> Any:
    """Rows whose first key was left out; an empty one is ``[]``, as PHP writes an empty map."""
    rows = [bytes(row).replace(b"{,", b"{", 1) for row in text.to_pylist()]
    return pa.array([b"[]," if row == b"{}," else row for row in rows], pa.binary())
