"""Where batches go: what every sink has, an Arrow table, a DataFrame."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from b24data.errors import ConfigError, SchemaError
from b24data.frames.convert import regrouped
from b24data.frames.pandas_types import DtypeBackend, array_of
from b24data.frames.schema import Schema
from b24data.frames.texts import texts_of
from b24data.report import FetchReport
from b24data.text.hints import option

if TYPE_CHECKING:
    import pandas as pd


class Sink(Protocol):
    """Takes the batches of one fetch in order, and ends with their sum, or with nothing."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Take one more batch; a later batch may have a wider schema."""

    def close(self, report: FetchReport) -> Any:
        """The result, all batches having come."""

    def abort(self) -> Any:
        """What there is after a failure: the rows so far, or None; a file leaves no trace."""


def passed_on(batches: Iterable[pa.RecordBatch], sink: Sink, report: FetchReport) -> Any:
    """What ``sink`` makes of all batches; it is aborted where something fails before they are written."""
    try:
        for batch in batches:
            sink.write(batch)
    except BaseException:
        sink.abort()
        raise
    return sink.close(report)


class TableSink:
    """Collects a :class:`pyarrow.Table`; the report lies in its metadata under ``b24data.report``."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema.arrow
        self._batches: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Take one more batch."""
        self._schema = united(self._schema, batch.schema)
        self._batches.append(batch)

    def close(self, report: FetchReport) -> pa.Table:
        """All rows; the batches are let go."""
        return self._table().replace_schema_metadata({"b24data.report": json.dumps(report.as_dict())})

    def abort(self) -> pa.Table:
        """The rows so far."""
        return self._table()

    def _table(self) -> pa.Table:
        batches, self._batches = self._batches, []
        return pa.Table.from_batches([recast(batch, self._schema) for batch in batches], self._schema)


class FrameSink:
    """Collects a DataFrame, built once from Arrow; ``df.attrs["b24data"]`` is the report.

    ``"numpy_nullable"`` gives Int64, Float64, boolean, string, ``datetime64[us, tz]`` and, of days, ``datetime64[us]``;
    ``"pyarrow"`` gives ArrowDtype throughout. Lists are ArrowDtype in both: pandas would make them ``object``.
    """

    def __init__(self, schema: Schema, *, dtype_backend: DtypeBackend = "numpy_nullable") -> None:
        self._table = TableSink(schema)
        self._backend = check_backend(dtype_backend)

    def write(self, batch: pa.RecordBatch) -> None:
        """Take one more batch."""
        self._table.write(batch)

    def close(self, report: FetchReport) -> pd.DataFrame:
        """All rows as a frame; the Arrow memory is given back column by column."""
        frame = self.abort()
        frame.attrs["b24data"] = report.as_dict()
        return frame

    def abort(self) -> pd.DataFrame:
        """The rows so far."""
        return frame_of(self._table.abort(), self._backend)


def check_backend(dtype_backend: DtypeBackend) -> DtypeBackend:
    """The backend itself; :class:`ConfigError` for any other word."""
    if dtype_backend not in ("numpy_nullable", "pyarrow"):
        raise ConfigError(
            f"dtype_backend is {dtype_backend!r}", hint='pass "numpy_nullable" or "pyarrow", as in pandas'
        )
    return dtype_backend


def frame_of(table: pa.Table, dtype_backend: DtypeBackend = "numpy_nullable") -> pd.DataFrame:
    """The frame of a table without other references: each column is let go as soon as it is converted."""
    import pandas as pd

    names, columns, rows = table.column_names, table.columns, table.num_rows
    del table
    columns.reverse()
    series = {}
    for name in names:
        column = columns.pop()
        series[name] = array_of(column, dtype_backend)
        del column
    return pd.DataFrame(series, index=pd.RangeIndex(rows), copy=False)


def united(one: pa.Schema, other: pa.Schema) -> pa.Schema:
    """The schema that holds the columns of both.

    Rows are decoded as they arrive, and handed on in order: a narrower batch may follow a wider one.
    """
    if one.equals(other):
        return one
    for new in other:
        place = one.get_field_index(new.name)
        if place < 0:
            one = one.append(new)
        elif one.field(place).type != new.type:
            one = one.set(place, one.field(place).with_type(_wider_type(one.field(place).type, new.type)))
    return one


def _wider_type(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if pa.types.is_list(one) and pa.types.is_list(other):
        return pa.list_(_wider_type(one.value_type, other.value_type))
    if one == other:
        return one
    return pa.float64() if {one, other} == {pa.int64(), pa.float64()} else pa.string()


def recast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch under a schema that has widened since: new columns are null, numbers and flags become text."""
    if batch.schema.equals(schema):
        return batch
    arrays = []
    for target in schema:
        place = batch.schema.get_field_index(target.name)
        if place < 0:
            arrays.append(pa.nulls(batch.num_rows, target.type))
        else:
            arrays.append(_widened(batch.column(place), batch.schema.field(place), target))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _widened(array: pa.Array, source: pa.Field, target: pa.Field) -> pa.Array:
    if array.type.equals(target.type):
        return array
    portal_type = (source.metadata or {}).get(b"b24data.type", b"").decode()
    if pa.types.is_string(target.type):
        return texts_of(array, portal_type)
    if pa.types.is_list(array.type) and pa.types.is_string(target.type.value_type):
        return regrouped(pc.list_value_length(array), texts_of(pc.list_flatten(array), portal_type), target.type)
    try:
        return array.cast(target.type)
    except pa.ArrowInvalid as error:
        raise SchemaError(
            f"{target.name}: a fraction in a later row makes numbers of earlier rows inexact",
            hint=f"{option('dtypes', {target.name: 'text'})} keeps them all",
        ) from error


def metadata_of(facts: Mapping[str, str], report: FetchReport | None = None) -> dict[str, str]:
    """Metadata of a table or file: every key under ``b24data.``."""
    texts = {f"b24data.{key.removeprefix('b24data.')}": value for key, value in facts.items()}
    if report is not None:
        told = json.dumps(report.as_dict(), ensure_ascii=False)
        # The name of a file may have bytes that are no text: as escapes, which JSON has as well.
        texts["b24data.report"] = told.encode("utf-8", "backslashreplace").decode()
    return texts
