"""The decoder: raw rows to record batches of one schema, learning as it goes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import pyarrow as pa

from b24data.errors import SchemaError
from b24data.frames.parse import Misfit
from b24data.frames.schema import Column, Schema
from b24data.frames.widening import grows, widened
from b24data.frames.wire import Plan, Reading, Row, read_fast, read_robust, reading_plan, wires_of
from b24data.lists.rows import parse_rows
from b24data.report import Coercion
from b24data.text.hints import option

_LOOK = 200  # rows that are read twice, to learn which JSON types the columns have


class Decoder:
    """Decodes rows into batches; several threads may use one decoder at once.

    ``errors="coerce"`` makes null of a value that does not fit and counts it in ``coercions``; ``"raise"`` raises
    :class:`SchemaError` with the column, the row's id and the value. Where the schema is a guess (``widens``) or
    ``open``, it grows instead: ``schema`` is then a wider one, and so are the batches from there on.
    Times without an offset are read in ``naive_tz``, the portal's own zone (None: the zone of the table). ``naive``
    names the columns that had such times, ``naive_zone`` says in words how they were read.
    ``unknown`` holds the keys of rows that have no column.

    >>> from b24data.fields.fields import Field
    >>> from b24data.frames.schema import build_schema
    >>> fields = {"ID": Field("ID", "ID", type="integer"), "OPENED": Field("OPENED", "OPENED", type="char")}
    >>> decoder = Decoder(build_schema(fields, ["ID", "OPENED"], id_code="ID"))
    >>> decoder.decode([b'{"ID":"7","OPENED":"Y"}', b'{"ID":"8","OPENED":""}']).to_pylist()
    [{'ID': 7, 'OPENED': True}, {'ID': 8, 'OPENED': None}]
    """

    def __init__(
        self,
        schema: Schema,
        *,
        errors: Literal["coerce", "raise"] = "coerce",
        naive_tz: str | None = None,
    ) -> None:
        self._errors = errors
        self._naive_tz = naive_tz or schema.tz
        self.naive_zone = f"{naive_tz}, the portal's offset" if naive_tz else schema.tz
        self._lock = threading.Lock()
        self._wires: dict[str, frozenset[str]] = {}
        self._plan = reading_plan(schema, self._wires)
        self._coercions: dict[str, Coercion] = {}
        self.unknown: set[str] = set()
        self.naive: set[str] = set()

    @property
    def schema(self) -> Schema:
        """The columns of the batches from now on."""
        return self._plan.schema

    @property
    def coercions(self) -> dict[str, Coercion]:
        """By column: how many values did not fit and are null, and one of them."""
        with self._lock:
            return dict(self._coercions)

    def decode(self, rows: Sequence[Row]) -> pa.RecordBatch:
        """The rows, in their order, as a batch with the Arrow schema of ``schema``."""
        if not rows:
            return pa.RecordBatch.from_pylist([], schema=self.schema.arrow)
        if not self._wires:
            self._learn(parse_rows(rows[:_LOOK]))
        while True:
            plan = self._plan
            reading = read_fast(plan, rows, self._naive_tz)
            if reading is None:
                parsed = parse_rows(rows)
                self._learn(parsed)
                reading = read_robust(plan, parsed, self._naive_tz)
            if not self._grown(plan, reading, rows):
                return self._settled(plan, reading, rows)

    def _learn(self, parsed: Sequence[Mapping[str, Any]]) -> None:
        """Remember which JSON types each column has had, and plan the next batches accordingly."""
        with self._lock:
            schema = self._plan.schema
            seen = {column.wire: wires_of(row.get(column.wire) for row in parsed) for column in schema.columns}
            wires = {wire: types | self._wires.get(wire, frozenset()) for wire, types in seen.items()}
            if wires != self._wires:
                self._wires = wires
                self._plan = reading_plan(schema, wires)

    def _grown(self, plan: Plan, reading: Reading, rows: Sequence[Row]) -> bool:
        """Whether the schema is a wider one now, so that the rows have to be read again."""
        found = zip(plan.schema.columns, reading.misfits, strict=True)
        misfits = {column.name for column, values in found if values and grows(column, values)}
        extra = reading.extra if plan.schema.open else set()
        with self._lock:
            self.unknown |= reading.extra - extra
        if not misfits and not extra:
            return False
        parsed = parse_rows(rows)
        schema = widened(plan.schema, misfits, extra, parsed)
        if schema is plan.schema:
            return False  # the new keys have no values yet
        with self._lock:
            if self._plan.schema is plan.schema:  # else another thread has widened it meanwhile
                self._plan = reading_plan(schema, self._wires)
        self._learn(parsed)
        return True

    def _settled(self, plan: Plan, reading: Reading, rows: Sequence[Row]) -> pa.RecordBatch:
        for column, misfits in zip(plan.schema.columns, reading.misfits, strict=True):
            if misfits and self._errors == "raise":
                raise _misfit_error(plan.schema, column, misfits[0], rows)
            if misfits:
                with self._lock:
                    before = self._coercions.get(column.name, Coercion(0, misfits[0].text[:80]))
                    self._coercions[column.name] = replace(before, count=before.count + len(misfits))
        with self._lock:
            self.naive |= reading.naive
        return pa.RecordBatch.from_arrays(reading.arrays, schema=plan.arrow)


def _misfit_error(schema: Schema, column: Column, misfit: Misfit, rows: Sequence[Row]) -> SchemaError:
    id_wire = next((c.wire for c in schema.columns if c.name == schema.id_name), "")
    [row] = parse_rows([rows[misfit.row]])
    where = f" in the row with {id_wire} {row.get(id_wire)}" if id_wire in row else ""
    wanted = f"a list of {column.kind}" if column.many else column.kind
    return SchemaError(
        f"{column.name}: {misfit.text[:80]!r}{where} is not {wanted}",
        hint=f"{option('errors', 'coerce')} makes it null and counts it; "
        f"{option('dtypes', {column.name: 'text'})} keeps it as text",
    )
