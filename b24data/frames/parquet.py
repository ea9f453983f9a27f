"""A Parquet file that appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from b24data.errors import ConfigError, ExportError
from b24data.files.atomic import create, file_behind, open_regular, path_of, replace_file, temp_sibling
from b24data.files.disk import disk_error, told
from b24data.frames.pandas_types import pandas_metadata
from b24data.frames.sinks import metadata_of, recast, united
from b24data.report import FetchReport

_GROUP, _LARGEST_GROUP = 32_768, 50_000  # rows of a row group
_GROUP_BYTES = 16 * 2**20  # of rows that wait for their group: wide tables have smaller groups
_BATCH = 8_192  # rows that are read at once


def check_target(path: str | os.PathLike[str]) -> Path:
    """The path of a file that can be written; raises :class:`ConfigError` before anything is fetched.

    Where ``path`` is a link, it is the path of the file that the link leads to.

    >>> check_target("no/such/folder/deals.parquet")
    Traceback (most recent call last):
    b24data.errors.ConfigError: there is no folder no/such/folder. Hint: create it, or give another path.
    """
    given = path_of(path)
    target = file_behind(given)
    if not os.path.isdir(target.parent):  # noqa: PTH112  that of a Path raises where it may not look
        raise ConfigError(f"there is no folder {target.parent}", hint="create it, or give another path")
    probe = temp_sibling(target)
    try:
        create(probe, private=True).close()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"no file can be written in the folder {target.parent}: {error.strerror}",
            hint=disk_error(target, error).advice,
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
        self._private = self._target.exists()  # until it has the rights of the file that is there
        self._file = GrowingFile(temp_sibling(self._target), schema, private=self._private)

    def write(self, batch: pa.RecordBatch) -> None:
        """Take one more batch; row groups are written as they fill."""
        with told(self._target):
            self._write(batch)

    def _write(self, batch: pa.RecordBatch) -> None:
        schema = united(self._file.schema, batch.schema)
        if not schema.equals(self._file.schema):
            self._widen(schema)
        self._file.write(batch)

    def close(self, report: FetchReport) -> FetchReport:
        """Put the file in place."""
        try:
            with told(self._target):
                self._file.finish(metadata_of(self._metadata, report))
            replace_file(self._file.path, self._target)
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
            self._file = GrowingFile(temp_sibling(self._target), schema, private=self._private)
            for batch in batches_of(before.path):
                self._file.write(batch)
        finally:
            before.path.unlink(missing_ok=True)


class GrowingFile:
    """A Parquet file of one schema while it is written: a row group at a time, readable once it is finished.

    Columns whose values repeat (codes) are dictionary encoded. pandas reads it under the types of a frame.
    """

    def __init__(self, path: Path, schema: pa.Schema, *, private: bool = False) -> None:
        self.path = path
        self.schema = schema
        self.rows = 0
        self._buffer: list[pa.RecordBatch] = []
        self._buffered = self._bytes = 0
        with told(path):
            self._file = create(path, private=private)
        self._writer = pq.ParquetWriter(
            self._file,
            schema.with_metadata({**(schema.metadata or {}), **pandas_metadata(schema)}),
            compression="zstd",
            compression_level=1,
            use_dictionary=_codes(schema),
        )

    def write(self, batch: pa.RecordBatch) -> None:
        """Take one more batch, whose columns the schema has, as wide or wider."""
        self._buffer.append(batch)
        self._buffered += batch.num_rows
        self._bytes += batch.nbytes
        self.rows += batch.num_rows
        if self._buffered >= _GROUP or self._bytes >= _GROUP_BYTES:
            self._flush()

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Write what is left and the footer, down to the disk; :class:`ExportError` if rows are missing then."""
        self._flush()
        self._writer.add_key_value_metadata(dict(metadata))
        self._writer.close()
        self._file.flush()
        self._check()
        os.fsync(self._file.fileno())
        self._file.close()

    def abort(self) -> None:
        """Leave no trace."""
        self._buffer = []
        with suppress(OSError, pa.ArrowException):
            self._writer.close()
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._buffer:
            table = pa.Table.from_batches([recast(batch, self.schema) for batch in self._buffer], self.schema)
            self._writer.write_table(table, row_group_size=_LARGEST_GROUP)
            pa.default_memory_pool().release_unused()  # the writer's pages, which no option puts elsewhere
        self._buffer, self._buffered, self._bytes = [], 0, 0

    def _check(self) -> None:
        rows = rows_of(self.path)
        if rows != self.rows:
            raise ExportError(f"{self.path}: {rows:,} rows in the file, {self.rows:,} were written")


# Reading. Python opens the file: pyarrow takes every name for UTF-8, and waits for the other end of a FIFO.


@contextlib.contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """A Parquet file to read; :class:`ExportError` for one that can't be read, or is none."""
    try:
        with told(path), open_regular(path) as file, pq.ParquetFile(file) as parquet:
            yield parquet
    except pa.ArrowInvalid as error:
        raise ExportError(f"{path} is not a Parquet file, or is damaged: {error}") from error


def rows_of(path: Path) -> int:
    """How many rows a Parquet file has."""
    with opened(path) as parquet:
        return int(parquet.metadata.num_rows)


def schema_of(path: Path) -> pa.Schema:
    """The columns of a Parquet file."""
    with opened(path) as parquet:
        return parquet.schema_arrow


def table_of(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """A Parquet file in memory."""
    with opened(path) as parquet:
        return parquet.read(columns=None if columns is None else list(columns), use_threads=False)


def batches_of(path: Path, columns: Callable[[list[str]], list[str]] = list) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, some at a time; ``columns`` chooses among those that there are.

    By this thread alone: pyarrow's own threads keep the memory that each once took.
    """
    with opened(path) as parquet:
        names = columns(parquet.schema_arrow.names)
        yield from parquet.iter_batches(batch_size=_BATCH, columns=names, use_threads=False)


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
