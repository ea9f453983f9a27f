"""Where the batches of a fetch go."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from b24data.errors import IncompleteFetchError
from b24data.fetch.job import Job
from b24data.fetch.job_sink import JobSink
from b24data.fetch.options import check_choice
from b24data.frames.schema import Schema
from b24data.frames.sinks import Sink
from b24data.report import FetchReport
from b24data.text.raised import in_one_line

if TYPE_CHECKING:
    from b24data.fetch.fetch import Fetch


class Destination:
    """The sink of one fetch, made with the first batch: ``with`` closes it in the end, or aborts it on an error.

    ``result`` is then what the sink made of the batches. A list that does not come to its end raises
    :class:`IncompleteFetchError` with the rows so far, or with ``partial`` gives just these. ``job`` is held meanwhile.
    """

    batches: Generator[pa.RecordBatch, None, None]
    result: Any = None

    def __init__(
        self,
        fetch: Fetch,
        make_sink: Callable[[Schema], Sink | JobSink],
        *,
        partial: bool,
        target: str | None = None,
        job: Job | None = None,
        resume: bool = True,
    ) -> None:
        check_choice("partial", partial, (True, False))
        self._fetch = fetch
        self._make_sink = make_sink
        self._partial = partial
        self._target = target
        self._job = job
        self._resume = resume
        self._sink: Sink | JobSink | None = None
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as held:
            if self._job is not None:
                held.enter_context(self._job)
                if not self._resume:
                    self._job.discard()
            self._held = held.pop_all()
        self.batches = self._fetch.batches()
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        """Take the next batch."""
        if self._sink is None:
            self._sink = self._make_sink(self._fetch.schema)
        if isinstance(self._sink, JobSink):
            self._sink.write(batch, self._fetch.handed_out())
        else:
            self._sink.write(batch)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        with self._held:
            self.batches.close()
            if error is None:
                self._close(self._fetch.report(self._target))
            elif isinstance(error, IncompleteFetchError):
                return self._broken_off(error)
            else:
                if isinstance(error, KeyboardInterrupt):
                    in_one_line(error)
                self._abort()
        return False

    def _broken_off(self, error: IncompleteFetchError) -> bool:
        """Whether the rows that arrived are the result; else the error has them."""
        error.report = report = self._fetch.report(None)
        if self._partial and self._sink is not None:
            self._close(replace(report, target=self._target, notes=(*report.notes, error.description)))
            return True
        error.rows = self._abort()
        if self._resume and self._job is not None and self._job.rows:
            error.advice = f"the same call resumes after the {self._job.rows:,} saved rows"
        return False

    def _close(self, report: FetchReport) -> None:
        try:
            self._sink = self._sink or self._make_sink(self._fetch.schema)
            self.result = self._sink.close(report)
        except BaseException:
            self._abort()
            raise

    def _abort(self) -> Any:
        return self._sink.abort() if self._sink else None
