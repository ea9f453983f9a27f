"""A Parquet file that appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from b24data.errors import ConfigError, ExportError
from b24data.files import beside, put_in_place, sync_to_disk
from b24data.frames.sinks import metadata_of, recast, united
from b24data.params import FetchReport

__all__ = ["GrowingFile", "ParquetSink", "check_target"]

_GROUP, _LARGEST_GROUP = 32_768, 50_000  # rows of a row group


_OTHER_FORMATS = frozenset((".csv", ".tsv", ".txt", ".xlsx", ".xls", ".json", ".jsonl", ".feather", ".db", ".sqlite"))


def check_target(path: str | os.PathLike[str]) -> Path:
    """The path of a file that can be written; raises :class:`ConfigError` before anything is fetched.

    >>> check_target("no/such/folder/deals.parquet")
    Traceback (most recent call last):
    b24data.errors.ConfigError: there is no folder no/such/folder. Hint: create it, or give another path.
    """
    target = Path(path)
    folder = target.parent
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}", hint="create it, or give another path")
    if (suffix := target.suffix.lower()) in _OTHER_FORMATS:
        raise ConfigError(
            f"what is written is a Parquet file, and {target.name} is the name of another kind",
            hint=f"name it {target.stem}.parquet; docs/types.md has recipes for {suffix[1:]}",
        )
    if target.is_dir():
        raise ConfigError(
            f"{target} is a folder", hint=f"give the name of a file in it, such as {target / 'list.parquet'}"
        )
    probe = beside(target)
    try:
        probe.touch(exist_ok=False)
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"no file can be written in the folder {folder}: {error.strerror}", hint="give a path in a folder of yours"
        ) from error
    return target


class ParquetSink:
    """Writes batches to a Parquet file, with memory that does not depend on their number.

    The file is written beside the target under a name of its own, checked, and put in place by ``close``; until then,
    and after ``abort`` or a crash, the target is what it was. The footer holds ``metadata`` and the report under
    ``b24data.*``, each field its code, title and type. A batch with a wider schema has what was written copied into a
    file of that schema.
    """

    def __init__(
        self, path: str | os.PathLike[str], schema: pa.Schema, metadata: Mapping[str, str] | None = None
    ) -> None:
        self._target = check_target(path)
        self._metadata = dict(metadata or {})
        self._file = GrowingFile(beside(self._target), schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Take one more batch; row groups are written as they fill."""
        schema = united(self._file.schema, batch.schema)
        if not schema.equals(self._file.schema):
            self._widen(schema)
        self._file.write(batch)

    def close(self, report: FetchReport) -> FetchReport:
        """Put the file in place."""
        try:
            self._file.finish(metadata_of(self._metadata, report))
            put_in_place(self._file.path, self._target)
        except BaseException:
            self.abort()
            raise
        return report

    def abort(self) -> None:
        """Leave no trace."""
        self._file.abort()

    def _widen(self, schema: pa.Schema) -> None:
        before = self._file
        before.finish({})
        try:
            self._file = GrowingFile(beside(self._target), schema)
            with pq.ParquetFile(before.path) as written:
                for batch in written.iter_batches(batch_size=_GROUP):
                    self._file.write(batch)
        finally:
            before.path.unlink(missing_ok=True)


class GrowingFile:
    """A Parquet file of one schema while it is written: a row group at a time, readable once it is finished.

    Columns whose values repeat (codes) are dictionary encoded.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.schema = schema
        self.rows = 0
        self._buffer: list[pa.RecordBatch] = []
        self._buffered = 0
        self._writer = pq.ParquetWriter(
            path, schema, compression="zstd", compression_level=1, use_dictionary=_codes(schema)
        )

    def write(self, batch: pa.RecordBatch) -> None:
        """Take one more batch, whose columns the schema has, as wide or wider."""
        self._buffer.append(batch)
        self._buffered += batch.num_rows
        self.rows += batch.num_rows
        if self._buffered >= _GROUP:
            self._flush()

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Write what is left and the footer, down to the disk; :class:`ExportError` if rows are missing then."""
        self._flush()
        self._writer.add_key_value_metadata(dict(metadata))
        self._writer.close()
        self._check()
        sync_to_disk(self.path)

    def abort(self) -> None:
        """Leave no trace."""
        self._buffer = []
        with suppress(OSError, pa.ArrowException):
            self._writer.close()
        self.path.unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._buffer:
            table = pa.Table.from_batches([recast(batch, self.schema) for batch in self._buffer], self.schema)
            self._writer.write_table(table, row_group_size=_LARGEST_GROUP)
            pa.default_memory_pool().release_unused()  # the writer's pages, which no option puts elsewhere
        self._buffer, self._buffered = [], 0

    def _check(self) -> None:
        with pq.ParquetFile(self.path) as written:
            rows = written.metadata.num_rows
        if rows != self.rows:
            raise ExportError(f"{self.path}: {rows:,} rows in the file, {self.rows:,} were written")


def _codes(schema: pa.Schema) -> list[str]:
    """The columns whose values repeat; free text and amounts do better without a dictionary."""
    return [
        f.name
        for f in schema
        if (f.metadata or {}).get(b"b24data.type") in _REPEATING and f.type in (pa.int64(), pa.string())
    ]


_REPEATING = {
    *(b"crm_status", b"crm_currency", b"crm_category", b"enumeration", b"enum", b"user", b"employee", b"char"),
    *(b"department", b"label"),
}
