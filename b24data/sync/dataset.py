"""A folder of Parquet files that together are one list, changed in place without a reader noticing."""

from __future__ import annotations

import contextlib
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from b24data.errors import ConfigError, ExportError
from b24data.files.atomic import replace_file, temp_sibling
from b24data.files.ownership import file_kind, owner_of
from b24data.frames.parquet import GrowingFile, rows_of, schema_of
from b24data.frames.sinks import metadata_of, united
from b24data.sync.merge import NO_IDS, Counts, Ids, Rows, ids_in, merged, rows_in

PART_ROWS = 250_000
DAMAGED_PART = "DAMAGED_PART"
_PART = re.compile(r"ids-(\d+)\.parquet")


@dataclass(frozen=True, slots=True)
class Part:
    """One file. It has the ids from ``low`` on, up to where the next part begins."""

    low: int
    path: Path

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return rows_of(self.path)

    @property
    def is_private(self) -> bool:
        """Whether its owner alone may read it."""
        return not self.path.stat().st_mode & 0o044


def parts_in(folder: Path) -> list[Part]:
    """The parts by rising ids; :class:`ConfigError` if the folder has another Parquet file."""
    found = []
    for path in folder.glob("*.parquet"):
        match = _PART.fullmatch(path.name)
        if match is None:
            raise ConfigError(
                f"{path} is not a part of this dataset, and readers would include it",
                hint="use a separate folder for the dataset",
            )
        facts = path.lstat()
        if not stat.S_ISREG(facts.st_mode):
            raise ConfigError(
                f"{path} is {file_kind(facts)} of {owner_of(facts)}, and not a file of this dataset",
                hint="check it and remove it, or use another folder",
            )
        found.append(Part(int(match[1]), path))
    return sorted(found, key=lambda part: part.low)


def check_parts(parts: Iterable[Part]) -> None:
    """Raises :class:`ExportError` with the code ``DAMAGED_PART`` for a part that is not a Parquet file any more."""
    for part in parts:
        if (damage := _damage(part.path)) is not None:
            raise ExportError(
                damage.description, code=DAMAGED_PART, hint="remove it; the next run then reads the whole list"
            ) from damage


def is_damaged(path: Path) -> bool:
    """Whether a file that should be Parquet is not; one that can't be opened is an error."""
    return _damage(path) is not None


def _damage(path: Path) -> ExportError | None:
    try:
        rows_of(path)
    except ExportError as error:
        if isinstance(error.__cause__, pa.ArrowInvalid):
            return error
        raise
    return None


def lost_parts(there: Iterable[Part], known: Iterable[str] | None) -> list[str]:
    """The names of parts that were there once; ``known``: None where that is not known, and one part is enough.

    >>> there = [Part(0, Path("ids-000000000000.parquet"))]
    >>> lost_parts(there, ["ids-000000000000.parquet", "ids-000000000061.parquet"])
    ['ids-000000000061.parquet']
    >>> lost_parts([], None), lost_parts(there, None)
    (['ids-000000000000.parquet'], [])
    """
    names = {part.path.name for part in there}
    if known is None:
        return [] if names else [_name_of(0)]
    return [name for name in known if name not in names and _PART.fullmatch(name)]


@dataclass(slots=True)
class Merge:
    """What a merge did: to the rows, and to the columns, as text."""

    counts: Counts = field(default_factory=Counts)
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """The parts in ``folder``; ``workshop`` is a folder on the same disk where new ones are written.

    A part is named after the id that it begins with, and keeps that name and its range of ids for good: a changed row
    is merged into the part whose range has its id, and that part is replaced under its own name. So whoever reads
    ``folder/*.parquet`` finds each id once, at every moment. Rows with new ids fill up the last part, then open new
    ones; a part that has lost its rows stays, empty.
    """

    folder: Path
    workshop: Path
    id_name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    part_rows: int = PART_ROWS

    def parts(self) -> list[Part]:
        """The parts by rising ids."""
        return parts_in(self.folder)

    def ids(self) -> Ids:
        """All ids, rising."""
        return ids_in((part.path for part in self.parts()), self.id_name)

    def schema(self) -> pa.Schema | None:
        """The columns; None before the first merge."""
        schema: pa.Schema | None = None
        for part in self.parts():
            its = schema_of(part.path)
            schema = its if schema is None else united(schema, its)
        return schema

    def restore(self, lost: Iterable[str]) -> None:
        """Put empty parts in the place of lost ones, so that every range of ids keeps its part."""
        schema = self.schema()
        if schema is None:  # all are lost: the ranges are cut as in a first sync
            return
        for name in lost:
            with self._file(self.folder / name, schema) as file:
                self._put(file, self.folder / name)

    def merge(self, changes: Path | None, gone: Ids = NO_IDS) -> Merge:
        """Take in the rows of a Parquet file, of which the newer one of an id wins, and leave out the ids ``gone``.

        Part by part: whatever stops it in between, the same merge again ends in the same rows. Parts that nothing
        changes are left alone. A file with further or wider columns has all parts rewritten to the columns of both.
        """
        for left in self.workshop.glob(".ids-*.tmp"):
            left.unlink(missing_ok=True)
        before = self.schema()
        schema = self._columns_with(before, changes)
        result = Merge(columns=_differences(before, schema))
        if schema is None:
            return result
        new = Rows((), self.id_name, schema) if changes is None else rows_in(changes, self.id_name, schema)
        parts = self.parts()
        ends = [*(part.low for part in parts[1:]), None]
        for part, below in zip(parts, ends, strict=bool(parts)):
            result.counts.add(self._merge_part(part, new, gone, schema, below))
        if not parts:
            result.counts.add(self._add_part(new, gone, schema, first=True))
        while new.first is not None:
            result.counts.add(self._add_part(new, gone, schema, first=False))
        return result

    def _columns_with(self, before: pa.Schema | None, changes: Path | None) -> pa.Schema | None:
        """The columns of both; those of a file without rows are a guess that says nothing."""
        if changes is None or (before is not None and not rows_of(changes)):
            return before
        its = schema_of(changes).remove_metadata()
        return its if before is None else united(before, its)

    def _merge_part(self, part: Part, new: Rows, gone: Ids, schema: pa.Schema, below: int | None) -> Counts:
        """One part with what belongs into it, put in its place if that makes a difference."""
        counts = Counts()
        is_last = below is None
        if below is None:
            ids = ids_in([part.path], self.id_name)
            below = int(ids[-1]) + 1 if len(ids) else part.low
        widened = not schema_of(part.path).equals(schema)
        has_room = is_last and new.first is not None and part.rows < self.part_rows
        if not (widened or has_room or _concerned(part, below, new, gone)):
            return counts
        with self._file(part.path, schema) as file:
            old = rows_in(part.path, self.id_name, schema)
            for batch in merged(old, new, gone, counts, below=below):
                file.write(batch)
            if is_last:
                self._fill(file, new, gone, counts)
            if widened or counts.changed:
                self._put(file, part.path)
        return counts

    def _add_part(self, new: Rows, gone: Ids, schema: pa.Schema, *, first: bool) -> Counts:
        """A new part behind the last one; the first one is there even if the list is empty."""
        counts = Counts()
        path = self.folder / _name_of((not first and new.first) or 0)
        with self._file(path, schema) as file:
            self._fill(file, new, gone, counts)
            if file.rows or first:
                self._put(file, path)
        return counts

    def _fill(self, file: GrowingFile, new: Rows, gone: Ids, counts: Counts) -> None:
        """Rows behind all others, up to the size of a part."""
        while new.first is not None and file.rows < self.part_rows:
            some = Rows([new.take_first(self.part_rows - file.rows)], self.id_name, file.schema)
            for batch in merged(Rows((), self.id_name, file.schema), some, gone, counts):
                file.write(batch)

    @contextlib.contextmanager
    def _file(self, target: Path, schema: pa.Schema) -> Iterator[GrowingFile]:
        """A file in the workshop, of which nothing is left unless it was put in a place."""
        file = GrowingFile(temp_sibling(self.workshop / target.name), schema, private=bool(self.parts()))
        try:
            yield file
        finally:
            file.abort()

    def _put(self, file: GrowingFile, target: Path) -> None:
        """A new part is as readable as the last one is."""
        file.finish(metadata_of(self.facts))
        parts = self.parts()
        replace_file(file.path, target, like=parts[-1].path if parts else None)


def _name_of(low: int) -> str:
    return f"ids-{low:012d}.parquet"


def _concerned(part: Part, below: int, new: Rows, gone: Ids) -> bool:
    """Whether a row of the part may be replaced, joined or left out."""
    if new.first is not None and new.first < below:
        return True
    return bool(np.searchsorted(gone, part.low) < np.searchsorted(gone, below))


def _differences(before: pa.Schema | None, after: pa.Schema | None) -> tuple[str, ...]:
    """As text: new columns, and columns whose type changed."""
    if before is None or after is None:
        return ()
    told = []
    for column in after:
        place = before.get_field_index(column.name)
        if place < 0:
            told.append(f"{column.name} is new ({_spelled(column.type)})")
        elif before.field(place).type != column.type:
            told.append(f"{column.name} was {_spelled(before.field(place).type)} and is {_spelled(column.type)}")
    return tuple(told)


def _spelled(arrow: pa.DataType) -> str:
    """A type as docs/types.md writes it."""
    return str(arrow).replace("element: ", "").replace("item: ", "")
