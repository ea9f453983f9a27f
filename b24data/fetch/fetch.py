"""One list from its plan to typed batches and their report."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from b24data.errors import IncompleteFetchError, MethodNotFoundError, SdkError
from b24data.fetch.columns import ListColumns, settle
from b24data.fetch.destination import Destination
from b24data.fetch.job import Job
from b24data.fetch.job_sink import JobSink
from b24data.fetch.manifest import Checkpoint, Fingerprint
from b24data.fetch.options import FetchOptions
from b24data.fields.descriptions import Described, Descriptions
from b24data.fields.dictionaries import Dictionaries
from b24data.frames.label_choice import check_named
from b24data.frames.output import coercion_text
from b24data.frames.recheck import condition_reports
from b24data.frames.schema import Schema
from b24data.frames.sinks import Sink
from b24data.frames.targets import Target
from b24data.http.clock import Clock
from b24data.http.context import CallContext, Wait
from b24data.http.session import Session
from b24data.lists.blocks import owners_in
from b24data.lists.methods import nearest_methods, spec_of
from b24data.lists.plan import ListPlan, make_plan
from b24data.lists.reader import PageReader
from b24data.lists.walk import WalkFacts, broken_off
from b24data.lists.walks import walk_of
from b24data.progress import progress_for
from b24data.report import Coercion, ConditionReport, FetchReport


class Fetch:
    """A fetch under way: iterate over :meth:`batches`, or pass them :meth:`into` a sink.

    ``schema`` is there from the first batch on, and after an empty list.
    """

    schema: Schema

    def __init__(
        self,
        session: Session,
        clock: Clock,
        descriptions: Descriptions,
        dictionaries: Dictionaries,
        *,
        plan: ListPlan,
        options: FetchOptions,
    ):
        self.plan = plan
        self._session = session
        self._clock = clock
        self._descriptions = descriptions
        self._dictionaries = dictionaries
        self._options = options
        self._progress = progress_for(options.progress)
        self._context = CallContext(gentle=options.gentle, on_wait=self._show_wait, on_refresh=self._progress.refreshed)
        self._described = Described({})
        self._facts = WalkFacts()
        self._began = clock.monotonic()
        self._notes: list[str] = []
        self._job: Job | None = None
        self._earlier: Checkpoint | None = None
        self._columns: ListColumns | None = None
        self._reached: Checkpoint | None = None
        self._partial = False

    def into(self, make_sink: Callable[[Schema], Sink], *, partial: bool = False) -> Destination:
        """A sink for the batches, to be entered."""
        self._partial = partial
        return Destination(self, make_sink, partial=partial)

    def into_file(self, target: Target, *, resume: bool, partial: bool) -> Destination:
        """A file for the batches, to be entered; with ``resume`` what an earlier run left of it is gone on with.

        What this run brings is kept in turn when it is stopped: see :class:`Job`.
        """
        job = Job(target.path, self._clock)
        resume = resume and self.plan.walk == "keyset" and self.plan.limit is None
        self._partial = partial
        self._job = job if resume else None
        make_sink = functools.partial(self._file_sink, target)
        return Destination(self, make_sink, partial=partial, target=str(target.path), job=job, resume=resume)

    def _file_sink(self, target: Target, schema: Schema) -> Sink | JobSink:
        if self._job is None or self._facts.walk != "keyset":
            return target.sink(schema.arrow, self.query)
        make_sink = functools.partial(target.last_sink, metadata=self.query)
        return JobSink(self._job, schema.arrow, make_sink, self._clock)

    def batches(self) -> Generator[pa.RecordBatch, None, None]:
        """Typed batches in the order of the walk. Leaving the loop early stops whatever is under way."""
        self._progress.start(self.plan.method, total=None)
        ending = "stopped"
        try:
            self._describe()
            reader = PageReader(self._session, self._resumed(), self._context)
            with broken_off(self.plan.method, self._facts):
                walk = walk_of(reader, self._facts, workers=self._options.workers, count=self._options.count)
                columns = self._columns = settle(
                    self.plan,
                    self._options,
                    self._described,
                    walk.open(),
                    session=self._session,
                    dictionaries=self._dictionaries,
                    context=self._context,
                )
            if self._earlier is not None:
                columns.output.restore(self._earlier.columns)
            self._notes += columns.notes
            self.schema = columns.output.schema
            for batch in self._shown(columns, walk.blocks(columns.decode)):
                yield batch
                self._progress.update(self._facts.rows, fraction=self._facts.fraction)
            ending = "complete" if self._facts.complete else "up to the limit"
            if columns.decoder.coercions:
                text = coercion_text(self.plan.method, columns.decoder.coercions)
                warnings.warn(text, stacklevel=3)  # beyond the tool: the caller's line
        except IncompleteFetchError:
            ending = "INCOMPLETE"
            raise
        except MethodNotFoundError as error:
            if near := nearest_methods(self.plan.method):
                error.advice = f"did you mean {' or '.join(near)}?"
            raise
        finally:
            seconds = self._clock.monotonic() - self._began
            self._progress.close(f"{self.plan.method}: {self._facts.rows:,} rows, {seconds:.1f} s, {ending}")

    def report(self, target: str | None) -> FetchReport:
        """How it went, as far as it went."""
        facts, spent, columns = self._facts, self._context, self._columns
        checkpoint = self._checkpoint()
        unchecked = "recheck is off" if not self._options.recheck else "no rows"
        conditions = condition_reports(
            self.plan.conditions, self.plan.bounds, columns.recheck if columns else None, unchecked
        )
        return FetchReport(
            method=self.plan.method,
            portal=self._session.portal,
            walk=facts.walk,
            reason=facts.reason or "stopped",
            complete=facts.complete,
            rows=facts.rows,
            pages=facts.pages,
            requests=spent.requests,
            commands=spent.commands,
            retries=spent.retries,
            refreshes=spent.refreshes,
            seconds=self._clock.monotonic() - self._began,
            waited_s=dict(spent.waited_s),
            total=facts.total,
            pinned_id=facts.pinned_id,
            last_id=facts.last_id,
            window=checkpoint.window,
            earlier=self._job.earlier if self._job else None,
            conditions=conditions,
            coercions=checkpoint.coercions,
            target=target,
            notes=(
                *(self._job.notes if self._job else ()),
                *self._notes,
                *facts.notes,
                *_not_checked(conditions, facts.rows, self.plan.spec.page),
                *(columns.output.notes() if columns else ()),
            ),
        )

    @functools.cached_property
    def query(self) -> dict[str, str]:
        """What was asked, for the footer of a file: readable, and as a hash."""
        query = {"method": self.plan.method, "params": dict(self.plan.params), "labels": self._options.labels}
        asked = json.dumps(query, sort_keys=True, default=str)
        return {
            "portal": self._session.portal,
            "method": self.plan.method,
            "query": asked,
            "query_hash": hashlib.sha256(asked.encode()).hexdigest()[:16],
        }

    def _describe(self) -> None:
        """Read the description, and reject a misspelled field before any row is requested."""
        check = self._options.check_fields
        described, self.plan = self._descriptions.for_request(self.plan, self._context, check=check)
        self._described = described
        self._notes += filter(None, (described.note, self.plan.default_part))
        check_named(self._options.label_mode, described.fields, self.plan.select, self.plan.method, self.plan.params)

    def _resumed(self) -> ListPlan:
        """The plan, from where an earlier run of the same fetch was stopped."""
        earlier = self._job.begin(self._fingerprint()) if self._job else None
        if earlier is None:
            return self.plan
        self._earlier = earlier
        self._facts.rows, self._facts.last_id, self._facts.pinned_id = earlier.rows, earlier.last_id, earlier.pinned_id
        return self.plan.resumed(earlier.last_id, earlier.pinned_id)

    def _fingerprint(self) -> Fingerprint:
        options, plan = self._options, self.plan
        asked = {
            "query": self.query["query"],
            "select": plan.select,
            "ids": (plan.low, plan.high, plan.descending),
            "columns": (options.labels, options.titles, options.dtypes, options.errors, options.tz),
            "filter checked": options.recheck,
        }
        return Fingerprint(
            method=plan.method,
            portal=self._session.portal,
            query=json.dumps(asked, sort_keys=True, default=str),
            caller=self._session.caller,
            fields=hashlib.sha256(repr(sorted(self._described.fields.items())).encode()).hexdigest()[:16],
        )

    def _checkpoint(self) -> Checkpoint:
        """How far all runs together have come."""
        facts, before, now, columns = self._facts, self._earlier, self._context.window, self._columns
        coercions = dict(columns.decoder.coercions if columns else {})
        for name, one in before.coercions.items() if before else ():
            coercions[name] = Coercion(one.count + (coercions[name].count if name in coercions else 0), one.example)
        return Checkpoint(
            last_id=facts.last_id or 0,
            pinned_id=facts.pinned_id or 0,
            window=(before.window[0], now[1]) if before and before.window and now else now,
            seconds=self._clock.monotonic() - self._began + (before.seconds if before else 0.0),
            coercions=coercions,
            columns=columns.output.state() if columns else {},
        )

    def _shown(
        self, columns: ListColumns, blocks: Generator[pa.RecordBatch, None, None]
    ) -> Generator[pa.RecordBatch, None, None]:
        """The batches as the caller gets them; those whose rows need titles come once these were asked for."""
        output, queue = columns.output, columns.queue
        try:
            with broken_off(self.plan.method, self._facts), contextlib.closing(blocks):
                for batch in blocks:
                    if queue is None:
                        yield output.apply(batch)
                    else:
                        yield from self._ready(queue.take(output, batch, self._checkpoint()))
                if queue is not None:
                    yield from self._ready(queue.rest(output))
        except IncompleteFetchError:
            # For a job the next run reads again what still waits; else nothing more is asked for, and codes stay.
            if queue is not None and queue.rows and (self._job is None or self._partial):
                self._notes.append(
                    f"the last {queue.rows:,} rows have ids without titles, because the fetch ended first"
                )
                yield from self._ready(queue.as_they_are(output))
            raise

    def _ready(self, batches: Iterable[tuple[pa.RecordBatch, Checkpoint]]) -> Generator[pa.RecordBatch, None, None]:
        try:
            for batch, self._reached in batches:
                yield batch
        except SdkError as error:
            raise IncompleteFetchError(
                f"{self.plan.method}: the titles of bound records could not be read: {error.summary}",
                last_id=self._reached.last_id if self._reached else None,
                hint=error.advice,
            ) from error

    def handed_out(self) -> Checkpoint:
        """How far the batches have come that were handed out: not those that still wait for titles."""
        checkpoint = self._checkpoint()
        return replace(self._reached, columns=checkpoint.columns) if self._reached else checkpoint

    def _show_wait(self, wait: Wait) -> None:
        self._progress.wait(wait.cause, wait.seconds, wait.until, wait.portal)


def _not_checked(conditions: Sequence[ConditionReport], rows: int, page: int) -> list[str]:
    """The note on conditions that rows can't show, where the list is longer than a person looks through."""
    unsure = [one for one in conditions if not one.checked]
    if not unsure or rows <= page:
        return []
    told = "; ".join(f"{one.key}: {one.proof.removeprefix('not checkable: ')}" for one in unsure)
    return [f"the rows could not be checked by these conditions: {told}"]


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Begins the fetches of one client, which share what the portal said of its fields and codes."""

    session_of: Callable[[str], Session]
    clock: Clock
    descriptions: Descriptions
    dictionaries: Dictionaries

    def fetch(
        self,
        method: str,
        select: Sequence[str] | None,
        conditions: Mapping[str, Any] | None,
        options: FetchOptions,
        *,
        by: str = "",
    ) -> Fetch:
        """The fetch of one list, of which nothing is asked yet; ``by`` is the condition whose values go in blocks."""
        plan = make_plan(
            spec_of(method),
            select=select,
            filter=conditions,
            order=options.order,
            params=options.params,
            limit=options.limit,
            check=options.check_fields,
        )
        if by and not plan.empty:
            owners_in(plan, by)
            plan = replace(plan, by=by, walk="offset")
        session = self.session_of(plan.spec.version)
        return Fetch(session, self.clock, self.descriptions, self.dictionaries, plan=plan, options=options)
