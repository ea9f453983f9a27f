"""One list from its plan to typed batches and their report."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

import pyarrow as pa

from b24data.errors import IncompleteFetchError, MethodNotFoundError, ProtocolViolationError, SdkError
from b24data.fetch.manifest import Kept, Purpose
from b24data.fetch.options import FetchOptions, check_choice
from b24data.fetch.resume import Job
from b24data.fetch.resume_sink import JobSink
from b24data.fields.descriptions import Descriptions
from b24data.fields.fields import undescribed
from b24data.fields.kinds import offset_of
from b24data.frames.columns import Decoder
from b24data.frames.dictionaries import Dictionaries
from b24data.frames.doubt import Believed
from b24data.frames.held import Held
from b24data.frames.labelled import check_named, make_labels
from b24data.frames.labels import LabelMode, check_labels
from b24data.frames.presented import Presentation, coercion_text
from b24data.frames.recheck import Recheck, condition_reports, id_run
from b24data.frames.schema import Schema, build_schema
from b24data.frames.sinks import Sink
from b24data.frames.targets import Target
from b24data.frames.titles import Titles
from b24data.frames.wire import parse_rows
from b24data.http.clock import Clock
from b24data.http.context import CallContext, Wait
from b24data.http.session import Session
from b24data.lists.methods import nearest_methods
from b24data.lists.plan import ListPlan, default_part
from b24data.lists.reader import PageReader
from b24data.lists.rows import Row
from b24data.lists.walk import IdRun, WalkFacts, broken_off
from b24data.lists.walks import walk_of
from b24data.progress import progress_for
from b24data.report import Coercion, ConditionReport, FetchReport
from b24data.text.raised import in_one_line

__all__ = ["Pipeline"]


class Pipeline:
    """A fetch under way: iterate over :meth:`batches`, or let :meth:`run` put them where they belong.

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
        self._dictionaries = dictionaries
        self._options = options
        self._progress = progress_for(options.progress)
        self._context = CallContext(gentle=options.gentle, on_wait=self._show_wait, on_refresh=self._progress.refreshed)
        self._believed = Believed(descriptions, plan, self._context)
        self._facts = WalkFacts()
        self._began = clock.monotonic()
        self._notes: list[str] = []
        self._job: Job | None = None
        self._kept: Kept | None = None
        self._decoder: Decoder | None = None
        self._presentation: Presentation | None = None
        self._recheck: Recheck | None = None
        self._held: Held[Kept] | None = None
        self._reached: Kept | None = None
        self._partial = False

    def run(self, make_sink: Callable[[Schema], Sink], partial: bool, target: str | None = None) -> Any:
        """Pass all batches into a sink and return what it makes of them.

        A list that does not come to its end raises :class:`IncompleteFetchError` with what came, or with
        ``partial=True`` gives just that; whatever stops it, the sink leaves nothing half done.
        """
        check_choice("partial", partial, (True, False))
        self._partial = partial
        sink: Sink | None = None
        try:
            with contextlib.closing(self.batches()) as batches:
                for batch in batches:
                    sink = sink or make_sink(self.schema)
                    sink.write(batch)
            sink = sink or make_sink(self.schema)
            return sink.close(self.report(target))
        except IncompleteFetchError as error:
            error.report = self.report(None)
            if partial and sink is not None:
                return sink.close(replace(error.report, target=target, notes=(*error.report.notes, error.description)))
            error.rows = sink.abort() if sink else None
            if self._job is not None and self._job.rows:
                error.advice = f"the same call resumes after the {self._job.rows:,} saved rows"
            raise
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                in_one_line(error)
            if sink is not None:
                sink.abort()
            raise

    def into_file(self, target: Target, *, resume: bool, partial: bool) -> FetchReport:
        """Pass all batches into a file; with ``resume`` go on with what an earlier run left of it.

        What this run brings is kept in turn when it is stopped: see :class:`Job`.
        """
        with Job(target.path, self._clock) as job:
            if not resume:
                job.discard()
            self._job = job if resume and self.plan.walk == "keyset" and self.plan.limit is None else None
            return cast(
                "FetchReport", self.run(lambda schema: self._file_sink(schema, target), partial, str(target.path))
            )

    def _file_sink(self, schema: Schema, target: Target) -> Sink:
        if self._job is None or self._facts.walk != "keyset":
            return target.sink(schema.arrow, self.query)
        make_sink = functools.partial(target.last_sink, metadata=self.query)
        return JobSink(self._job, schema.arrow, make_sink, self._handed_out, self._clock)

    def batches(self) -> Generator[pa.RecordBatch, None, None]:
        """Typed batches in the order of the walk. Leaving the loop early stops whatever is under way."""
        self._progress.start(self.plan.method, total=None)
        ending = "stopped"
        try:
            self._check_names()
            reader = PageReader(self._session, self._resumed(), self._context)
            with broken_off(self.plan.method, self._facts):
                walk = walk_of(reader, self._facts, workers=self._options.workers, count=self._options.count)
                decoder = self._settled(walk.open())
                with contextlib.closing(walk.blocks(functools.partial(self._decode, decoder))) as blocks:
                    for batch in self._shown(blocks):
                        yield batch
                        self._progress.update(self._facts.rows, fraction=self._facts.fraction)
            ending = "complete" if self._facts.complete else "up to the limit"
            if self._decoder and self._decoder.coercions:
                text = coercion_text(self.plan.method, self._decoder.coercions)
                warnings.warn(text, stacklevel=4)  # beyond run and the tool: the caller's line
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
        facts, spent = self._facts, self._context
        standing = self._standing()
        unchecked = "recheck is off" if not self._options.recheck else "no rows"
        conditions = condition_reports(self.plan.conditions, self.plan.bounds, self._recheck, unchecked)
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
            window=standing.window,
            earlier=self._job.earlier if self._job else None,
            conditions=conditions,
            coercions=standing.coercions,
            target=target,
            notes=(
                *(self._job.notes if self._job else ()),
                *self._notes,
                *facts.notes,
                *_not_checked(conditions, facts.rows, self.plan.spec.page),
                *(self._presentation.notes() if self._presentation else ()),
            ),
        )

    @property
    def _labels(self) -> LabelMode | tuple[str, ...]:
        return check_labels(self._options.labels)

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

    def _check_names(self) -> None:
        """Reject a misspelled field before any row is requested."""
        words = bool(self._options.labels or self._options.titles)
        if note := self._believed.begin(words=words, check=self._options.check_fields):
            self._notes.append(note)
        if part := default_part(self._believed.plan):
            self._notes.append(part)
        self.plan = self._believed.plan
        fields = self._believed.described.fields
        check_named(self._labels, fields, self.plan.select, self.plan.method, self.plan.params)

    def _resumed(self) -> ListPlan:
        """The plan, from where an earlier run of the same fetch was stopped."""
        kept = self._job.begin(self._purpose()) if self._job else None
        if kept is None:
            return self.plan
        self._kept = kept
        self._facts.rows, self._facts.last_id, self._facts.pinned_id = kept.rows, kept.last_id, kept.pinned_id
        return self.plan.resumed(kept.last_id, kept.pinned_id)

    def _purpose(self) -> Purpose:
        options, plan = self._options, self.plan
        asked = {
            "query": self.query["query"],
            "select": plan.select,
            "ids": (plan.low, plan.high, plan.descending),
            "columns": (options.labels, options.titles, options.dtypes, options.errors, options.tz),
            "filter checked": options.recheck,
        }
        return Purpose(
            method=plan.method,
            portal=self._session.portal,
            query=json.dumps(asked, sort_keys=True, default=str),
            caller=self._session.caller,
            fields=hashlib.sha256(repr(sorted(self._believed.described.fields.items())).encode()).hexdigest()[:16],
        )

    def _standing(self) -> Kept:
        """How far all runs together have come."""
        facts, before, now = self._facts, self._kept, self._context.window
        coercions = dict(self._decoder.coercions if self._decoder else {})
        for name, one in before.coercions.items() if before else ():
            coercions[name] = Coercion(one.count + (coercions[name].count if name in coercions else 0), one.example)
        return Kept(
            last_id=facts.last_id or 0,
            pinned_id=facts.pinned_id or 0,
            window=(before.window[0], now[1]) if before and before.window and now else now,
            seconds=self._clock.monotonic() - self._began + (before.seconds if before else 0.0),
            coercions=coercions,
            memory=self._presentation.memory() if self._presentation else {},
        )

    def _settled(self, first_page: Sequence[Row]) -> Decoder:
        """Settle the columns, now that the first rows are here."""
        schema = self._columns(first_page)
        if self._believed.gives_way(schema, first_page):
            schema = self._columns(first_page)
        self._decoder = Decoder(
            schema.titled() if self._options.titles else schema,
            errors=self._options.errors,
            naive_tz=self._portal_offset,
            outdated=self._believed.outdated,
        )
        self._presentation = self._presented(self._decoder, first_page)
        if self._kept is not None:
            self._presentation.remember(self._kept.memory)
        self.schema = self._presentation.schema
        if self._options.recheck:
            self._recheck = Recheck(
                self.plan.method,
                self.plan.conditions,
                self._decoder.schema,
                self._portal_offset,
                lambda: self._decoder.coercions if self._decoder else (),
            )
        return self._decoder

    def _columns(self, first_page: Sequence[Row]) -> Schema:
        """The columns by the description at hand, and by the first rows where it says nothing."""
        spec, options, described = self.plan.spec, self._options, self._believed.described
        select = self.plan.select
        if select is not None:
            select = (*([str(spec.id_asked)] if self.plan.id_added else []), *select, *self.plan.hidden)
        return build_schema(
            described.fields or undescribed(select or (), spec.answer_case),
            select,
            id_code=spec.id if self.plan.walk == "keyset" or self.plan.id_added else None,
            sample_rows=first_page,
            dtypes=options.dtypes,
            tz=options.tz,
            check=options.check_fields and (described.open or not described.fields),  # else that is done
        )

    def _decode(self, decoder: Decoder, runs: Sequence[Sequence[Row]]) -> list[tuple[pa.RecordBatch, IdRun | None]]:
        batch = decoder.decode([*itertools.chain.from_iterable(runs)])
        if self._recheck is not None:
            self._recheck.check(batch)
        starts = itertools.accumulate(map(len, runs), initial=0)
        parts = [batch.slice(start, len(rows)) for start, rows in zip(starts, runs, strict=False)]
        id_name = decoder.schema.id_name
        if self.plan.walk != "keyset" or id_name is None:
            return [(part, None) for part in parts]
        return [(part, self._id_run(part, id_name)) for part in parts]

    def _id_run(self, batch: pa.RecordBatch, id_name: str) -> IdRun:
        run = id_run(batch, id_name, descending=self.plan.descending)
        if run is None:
            raise ProtocolViolationError(
                f"{self.plan.method} sent rows without a whole number as {self.plan.spec.id!r}"
            )
        return run

    def _presented(self, decoder: Decoder, first_page: Sequence[Row]) -> Presentation:
        hidden = self._hidden(decoder.schema)
        columns, options = [c for c in decoder.schema.columns if c.name not in hidden], self._options
        titles = Titles(lambda: self._session, self._context)
        labels, notes = make_labels(
            self._labels,
            columns,
            self.plan.method,
            self.plan.params,
            dictionaries=self._dictionaries,
            titles=titles,
            context=self._context,
            suffix=", label" if options.titles else "_LABEL",
        )
        self._notes += notes
        self._held = Held(titles) if labels.titles else None
        seen = set().union(*parse_rows(first_page))
        named = set(self.plan.select or ()) if seen else set()
        absent = {c.name for c in columns if c.wire not in seen and named & {c.field.code if c.field else "", c.wire}}
        return Presentation(decoder, labels, hidden, absent)

    def _hidden(self, schema: Schema) -> frozenset[str]:
        """The columns that were asked for the walk's sake, or to check the filter."""
        names = {c.name for c in schema.columns if c.field and c.field.code in self.plan.hidden}
        return frozenset(names | ({schema.id_name} if self.plan.id_added and schema.id_name else set()))

    @property
    def _portal_offset(self) -> str | None:
        """That of the portal's own clock: the portal reads and writes times without an offset in its zone."""
        return offset_of((self._context.window or ("",))[0])

    def _shown(self, blocks: Iterable[pa.RecordBatch]) -> Generator[pa.RecordBatch, None, None]:
        """The batches as the caller gets them; those whose rows need titles come once these were asked for."""
        try:
            with broken_off(self.plan.method, self._facts):
                for batch in blocks:
                    if self._presentation is None or self._held is None:
                        yield self._presentation.show(batch) if self._presentation else batch
                    else:
                        yield from self._ready(self._held.take(self._presentation, batch, self._standing()))
                if self._presentation is not None and self._held is not None:
                    yield from self._ready(self._held.rest(self._presentation))
        except IncompleteFetchError:
            if self._job is None or self._partial:  # else the next run reads again what still waits
                yield from self._left_over()
            raise

    def _ready(self, batches: Iterable[tuple[pa.RecordBatch, Kept]]) -> Generator[pa.RecordBatch, None, None]:
        try:
            for batch, self._reached in batches:
                yield batch
        except SdkError as error:
            raise IncompleteFetchError(
                f"{self.plan.method}: the titles of bound records could not be read: {error.summary}",
                last_id=self._reached.last_id if self._reached else None,
                hint=error.advice,
            ) from error

    def _left_over(self) -> Generator[pa.RecordBatch, None, None]:
        """The rows that still wait when a fetch fails: nothing more is asked for, so some have codes for labels."""
        if self._presentation is not None and self._held is not None and self._held.rows:
            self._notes.append(
                f"the last {self._held.rows:,} rows have ids without titles, because the fetch ended first"
            )
            yield from self._ready(self._held.as_they_are(self._presentation))

    def _handed_out(self) -> Kept:
        """How far the batches have come that were handed out: not those that still wait for titles."""
        standing = self._standing()
        return replace(self._reached, memory=standing.memory) if self._reached else standing

    def _show_wait(self, wait: Wait) -> None:
        self._progress.wait(wait.cause, wait.seconds, wait.until, wait.portal)


def _not_checked(conditions: Sequence[ConditionReport], rows: int, page: int) -> list[str]:
    """The note on conditions that rows can't show, where the list is longer than a person looks through."""
    unsure = [one for one in conditions if not one.checked]
    if not unsure or rows <= page:
        return []
    told = "; ".join(f"{one.key} ({one.proof.removeprefix('not checkable: ')})" for one in unsure)
    return [f"the rows could not be checked by these conditions: {told}"]
