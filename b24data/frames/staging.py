"""Batches that wait for the last of them, for a file whose columns have to be known before its first row."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from b24data.files.disk import told
from b24data.frames.sinks import Sink, passed_on, united


class StagedSink:
    """Keeps batches in a file that has no name, so that not even a kill leaves it behind; ``close`` passes them on.

    ``make`` gets the schema that holds all of them. Memory does not depend on their number.
    """

    def __init__(self, target: Path, schema: pa.Schema, make: Callable[[pa.Schema], Sink]) -> None:
        self._target = target
        self._schema = schema
        self._make = make
        with told(target):
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=target.parent)  # noqa: SIM115  abort closes it
        self._writer: Any = None
        self._written = pa.schema([])  # that of the writer
        self._starts: list[int] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Take one more batch; a later batch may have a wider schema."""
        self._schema = united(self._schema, batch.schema)
        with told(self._target):
            if self._writer is None or not batch.schema.equals(self._written):
                self._begin(batch.schema)
            self._writer.write_batch(batch)

    def close(self, report: Any) -> Any:
        """What the sink makes of all batches."""
        try:
            self._end()
            return passed_on(self._batches(), self._make(self._schema), report)
        finally:
            self.abort()

    def abort(self) -> None:
        """Leave no trace."""
        with contextlib.suppress(OSError, pa.ArrowException):
            self._end()
        with contextlib.suppress(OSError):
            self._file.close()

    def _begin(self, schema: pa.Schema) -> None:
        """A stream has one schema: a batch with another one begins a stream behind it."""
        self._end()
        self._starts.append(self._file.tell())
        self._writer = pa.ipc.new_stream(self._file, schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))
        self._written = schema

    def _end(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with told(self._target):
                writer.close()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for start in self._starts:
            with told(self._target):
                self._file.seek(start)
                yield from pa.ipc.open_stream(self._file)
