"""Rows that come by rising ids, and two such streams made one: what is newer wins. Memory does not depend on length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from b24data.errors import ExportError
from b24data.frames.parquet import batches_of, table_of
from b24data.frames.sinks import recast

Ids: TypeAlias = npt.NDArray[np.int64]

NO_IDS: Ids = np.array([], np.int64)
_BATCH = 8_192


@dataclass(slots=True)
class Counts:
    """What a merge did to the rows."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0

    @property
    def changed(self) -> bool:
        """Whether the rows differ from what they were."""
        return bool(self.inserted or self.updated or self.deleted)

    def add(self, other: Counts) -> None:
        """Count what another merge did as well."""
        self.inserted += other.inserted
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.deleted += other.deleted


class Rows:
    """Batches with rising ids, taken from the front."""

    def __init__(self, batches: Iterable[pa.RecordBatch], id_name: str, schema: pa.Schema) -> None:
        self.id_name = id_name
        self._schema = schema
        self._batches = iter(batches)
        self._front = pa.RecordBatch.from_pylist([], schema=schema)
        self._ids = NO_IDS
        self._refill()

    @property
    def first(self) -> int | None:
        """The id of the next row; None behind the last."""
        return int(self._ids[0]) if len(self._ids) else None

    @property
    def last(self) -> int:
        """The last id of what can be taken at once; only where there is a first one."""
        return int(self._ids[-1])

    def take(self, upto: int) -> pa.RecordBatch:
        """The rows of the front batch up to that id, which are taken away."""
        count = int(np.searchsorted(self._ids, upto, "right"))
        taken = self._front.slice(0, count)
        self._front, self._ids = self._front.slice(count), self._ids[count:]
        self._refill()
        return taken

    def take_first(self, count: int) -> pa.RecordBatch:
        """At most this many rows of the front batch, which are removed from it."""
        return self.take(int(self._ids[:count][-1]))

    def _refill(self) -> None:
        while not len(self._ids) and (batch := next(self._batches, None)) is not None:
            columns = recast(batch, self._schema).columns  # with their titles as ``schema`` has them
            self._front = pa.RecordBatch.from_arrays(columns, schema=self._schema)
            self._ids = _whole_numbers(batch.column(self.id_name))


def merged(old: Rows, new: Rows, gone: Ids, counts: Counts, *, below: int | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of ``old`` with those of ``new`` that have an id ``below`` in their place or between them.

    Rows with an id among ``gone`` are left out. ``counts`` grows as the batches are taken.
    """
    while (bound := _step(old, new, below)) is not None:
        batch = _combined(old.take(bound), new.take(bound), gone, counts, old.id_name)
        if batch.num_rows:
            yield batch


def _step(old: Rows, new: Rows, below: int | None) -> int | None:
    """Up to which id both streams can be taken from now; None: nothing is left."""
    ends = [] if old.first is None else [old.last]
    if new.first is not None and (below is None or new.first < below):
        ends.append(new.last if below is None else min(new.last, below - 1))
    return min(ends, default=None)


def _combined(old: pa.RecordBatch, new: pa.RecordBatch, gone: Ids, counts: Counts, id_name: str) -> pa.RecordBatch:
    old_ids, new_ids = _whole_numbers(old.column(id_name)), _whole_numbers(new.column(id_name))
    gone_here = gone[slice(*np.searchsorted(gone, _span(old_ids, new_ids)))]
    if not len(new_ids) and not len(gone_here):
        return old
    if not len(old_ids) and not len(gone_here):
        counts.inserted += len(new_ids)
        return new
    stale, is_gone = np.isin(old_ids, new_ids), np.isin(old_ids, gone_here)
    living = ~np.isin(new_ids, gone_here)
    known = np.isin(new_ids, old_ids)
    same = _same(old.filter(pa.array(stale & ~is_gone)), new.filter(pa.array(known & living)))
    counts.unchanged += same
    counts.updated += int((known & living).sum()) - same
    counts.inserted += int((~known & living).sum())
    counts.deleted += int(is_gone.sum())
    kept = old.filter(pa.array(~stale & ~is_gone))
    together = pa.concat_batches([kept, new.filter(pa.array(living))])
    return together.take(pc.sort_indices(together.column(id_name)))


def _span(*arrays: Ids) -> tuple[int, int]:
    """From the smallest id to behind the largest one."""
    full = [array for array in arrays if len(array)]
    return (min(int(a[0]) for a in full), max(int(a[-1]) for a in full) + 1) if full else (0, 0)


def _same(old: pa.RecordBatch, new: pa.RecordBatch) -> int:
    """How many rows are equal, place by place, in all columns."""
    if not old.num_rows:
        return 0
    equal = pa.array(np.ones(old.num_rows, bool))
    for one, other in zip(old.columns, new.columns, strict=True):
        equal = pc.and_(equal, _equal(one, other))
    return int(pc.sum(equal).as_py() or 0)


def _equal(one: pa.Array, other: pa.Array) -> pa.Array:
    if pa.types.is_nested(one.type):
        return pa.array([a == b for a, b in zip(one.to_pylist(), other.to_pylist(), strict=True)], pa.bool_())
    both_null = pc.and_(pc.is_null(one), pc.is_null(other))
    return pc.or_(pc.fill_null(pc.equal(one, other), False), both_null)


# From files.


def rows_in(path: Path, id_name: str, schema: pa.Schema) -> Rows:
    """The rows of a Parquet file by rising ids, under ``schema``; of rows with one id the last one.

    A file that is in no such order is read whole: lists that are not read by their ids are short.
    """
    ids = ids_in([path], id_name)
    if bool((np.diff(ids) > 0).all()):
        return Rows(batches_of(path), id_name, schema)
    order = np.argsort(ids, kind="stable")
    last = np.append(ids[order][1:] != ids[order][:-1], True)
    table = table_of(path).take(pa.array(order[last]))
    return Rows(table.to_batches(max_chunksize=_BATCH), id_name, schema)


def ids_in(paths: Iterable[Path], id_name: str) -> Ids:
    """The ids in Parquet files, in the order of the rows: 8 bytes a row."""
    columns = [table_of(path, [id_name]).column(id_name) for path in paths]
    return np.concatenate([NO_IDS, *(_whole_numbers(column) for column in columns)])


def _whole_numbers(column: pa.Array | pa.ChunkedArray) -> Ids:
    if column.null_count or not pa.types.is_integer(column.type):
        raise ExportError("some rows have no whole number as their id, so they cannot be merged")
    numbers: Ids = column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    if len(numbers) and numbers.min() < 0:
        raise ExportError(f"there is a row with the id {numbers.min()}; ids count from 0")
    return numbers
