"""Where the batches of a fetch go that may be stopped: into the parts of a job, and from them into a file."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

import pyarrow as pa

from b24data.errors import ExportError
from b24data.fetch.job import Job
from b24data.fetch.manifest import Checkpoint
from b24data.files.disk import disk_error, resumable
from b24data.frames.sinks import Sink, passed_on, united
from b24data.http.clock import Clock
from b24data.report import FetchReport

# The largest part in rows, bytes and seconds. After a kill, at most one part is fetched again.
_PART_ROWS = 25_000
_PART_BYTES = 16 * 2**20
_PART_S = 30.0


@dataclass(slots=True)
class JobSink:
    """Batches in the order of a walk, into ``job``; ``close`` passes them to a sink of ``make_sink``.

    ``schema`` is that of a list without rows. ``abort`` keeps what came.
    """

    job: Job
    schema: pa.Schema
    make_sink: Callable[[pa.Schema], Sink]
    clock: Clock
    _buffer: list[pa.RecordBatch] = field(init=False, default_factory=list)
    _buffered: int = field(init=False, default=0)
    _bytes: int = field(init=False, default=0)
    _reached: Checkpoint | None = field(init=False, default=None)
    _kept_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._kept_at = self.clock.monotonic()

    def write(self, batch: pa.RecordBatch, reached: Checkpoint) -> None:
        """Take one more batch, and how far the walk is with it; parts are written as they fill."""
        if self._buffer and not self._buffer[0].schema.equals(batch.schema):
            self._keep()  # a part has one schema
        self._buffer.append(batch)
        self._buffered += batch.num_rows
        self._bytes += batch.nbytes
        self._reached = reached
        full = self._buffered >= _PART_ROWS or self._bytes >= _PART_BYTES
        if full or self.clock.monotonic() - self._kept_at >= _PART_S:
            self._keep()

    def close(self, report: FetchReport) -> FetchReport:
        """Put the file in place, and remove the job if the list is as it was wanted."""
        done = report.complete or report.reason == "limit"
        if self.job.rows and not done:
            self._keep()
        try:
            report = self._assemble(report)
        except OSError as error:
            raise disk_error(self.job.target, error, resumes=True) from error
        except ExportError as error:
            resumable(error)
            raise
        if done:
            self.job.finish()
        return report

    def abort(self) -> None:
        """Keep what came: the same call goes on there."""
        with suppress(ExportError):
            self._keep()

    def _assemble(self, report: FetchReport) -> FetchReport:
        """The parts, and what is in none yet, as one file."""
        schemas = [*self.job.schemas(), *(batch.schema for batch in self._buffer)]
        rows = self.job.rows + self._buffered
        if rows != report.rows:
            raise ExportError(f"{self.job.target}: {rows:,} rows are there, {report.rows:,} came")
        sink = self.make_sink(functools.reduce(united, schemas or [self.schema]))
        return cast("FetchReport", passed_on(itertools.chain(self.job.batches(), self._buffer), sink, report))

    def _keep(self) -> None:
        if self._buffer and self._reached is not None:
            self.job.keep(self._buffer, self._reached)
            self._buffer, self._buffered, self._bytes = [], 0, 0
        self._kept_at = self.clock.monotonic()
