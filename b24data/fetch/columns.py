"""The columns of one list, settled by its description and its first rows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from b24data.errors import ProtocolViolationError
from b24data.fetch.manifest import Checkpoint
from b24data.fetch.options import FetchOptions
from b24data.fields.descriptions import Described
from b24data.fields.dictionaries import Dictionaries
from b24data.fields.fields import undescribed
from b24data.fields.kinds import offset_of
from b24data.fields.titles import RecordTitles
from b24data.frames.columns import Decoder
from b24data.frames.label_choice import labelled_columns, make_labels
from b24data.frames.output import OutputColumns
from b24data.frames.recheck import OrderCheck, Recheck, id_run
from b24data.frames.schema import Schema, build_schema
from b24data.frames.title_queue import TitleQueue
from b24data.http.context import CallContext
from b24data.http.session import Session
from b24data.lists.plan import ListPlan
from b24data.lists.rows import Row, parse_rows
from b24data.lists.walk import IdRun


@dataclass(frozen=True, slots=True)
class ListColumns:
    """How the rows of a list are decoded and checked, and which columns of them the caller gets.

    ``queue`` is there where columns get titles of bound records; ``notes`` are for the report.
    """

    plan: ListPlan
    decoder: Decoder
    output: OutputColumns
    recheck: Recheck | None
    order: OrderCheck | None
    queue: TitleQueue[Checkpoint] | None
    notes: Sequence[str]

    def decode(self, runs: Sequence[Sequence[Row]]) -> list[tuple[pa.RecordBatch, IdRun | None]]:
        """All runs of rows decoded at once and checked; of each run its batch and what its ids say."""
        batch = self.decoder.decode([*itertools.chain.from_iterable(runs)])
        if self.recheck is not None:
            self.recheck.check(batch, self.decoder.coercions)
        starts = itertools.accumulate(map(len, runs), initial=0)
        parts = [batch.slice(start, len(rows)) for start, rows in zip(starts, runs, strict=False)]
        if self.order is not None:
            for part in parts:
                self.order.check(part)
        id_name = self.decoder.schema.id_name
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


def settle(
    plan: ListPlan,
    options: FetchOptions,
    described: Described,
    first_page: Sequence[Row],
    *,
    session: Session,
    dictionaries: Dictionaries,
    context: CallContext,
) -> ListColumns:
    """The columns of the list of ``plan``, now that its first rows are here. Dictionaries of labels are asked for."""
    schema = _schema(plan, options, described, first_page)
    # The portal reads and writes times without an offset in its own zone, which its answers tell.
    offset = offset_of((context.window or ("",))[0])
    decoder = Decoder(schema.titled() if options.titles else schema, errors=options.errors, naive_tz=offset)
    hidden = _hidden(plan, schema, decoder.schema)
    columns = [c for c in decoder.schema.columns if c.name not in hidden]
    titles = RecordTitles(session, context)
    asked, method, params = options.label_mode, plan.method, plan.params
    labelled = labelled_columns(asked, columns, method, params)
    labels_of, notes = dictionaries.labels_for(labelled, method, params, context)
    suffix = ", label" if options.titles else "_LABEL"
    labels = make_labels(asked, labelled, labels_of, method, params, titles=titles, suffix=suffix)
    seen = set().union(*parse_rows(first_page))
    named = set(plan.select or ()) if seen else set()
    absent = {c.name for c in columns if c.wire not in seen and named & {c.field.code if c.field else "", c.wire}}
    recheck = Recheck(plan.method, plan.conditions, decoder.schema, offset)
    return ListColumns(
        plan,
        decoder,
        OutputColumns(decoder, labels, hidden, absent),
        recheck if options.recheck else None,
        _order_check(plan, decoder.schema) if options.recheck else None,
        TitleQueue(titles) if labels.titles else None,
        notes,
    )


def _schema(plan: ListPlan, options: FetchOptions, described: Described, first_page: Sequence[Row]) -> Schema:
    """The columns by the description, and by the first rows where it says nothing."""
    spec, select = plan.spec, plan.select
    if select is not None:
        select = (*([str(spec.id_asked)] if plan.id_added else []), *select)
    return build_schema(
        described.fields or undescribed((*(select or ()), *plan.hidden), spec.answer_case),
        select,
        beside=plan.hidden,
        id_code=spec.id if plan.walk == "keyset" or plan.id_added else None,
        sample_rows=first_page,
        dtypes=options.dtypes,
        tz=options.tz,
        check=options.check_fields and (described.open or not described.fields),  # else that is done
    )


def _order_check(plan: ListPlan, schema: Schema) -> OrderCheck | None:
    if plan.sorted_by is None:
        return None
    code, way = plan.sorted_by
    return OrderCheck.of(plan.method, schema, code, descending=way == "DESC")


def _hidden(plan: ListPlan, schema: Schema, shown: Schema) -> frozenset[str]:
    """The columns that were read for the walk's sake, or to check the filter, as ``shown`` names them."""
    pairs = zip(schema.columns, shown.columns, strict=True)
    beside = {c.wire for c in schema.columns if c.name in plan.hidden}
    names = {named.name for c, named in pairs if c.wire in beside}
    return frozenset(names | ({shown.id_name} if plan.id_added and shown.id_name else set()))
