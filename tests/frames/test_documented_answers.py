"""Every answer on the pages of the list methods: whole, in both backends and in a file, whoever reads it back."""

from __future__ import annotations

import duckdb
import msgspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b24data.frames.columns import Decoder
from b24data.frames.parquet import ParquetSink
from b24data.frames.schema import Schema
from b24data.frames.sinks import FrameSink
from b24data.lists.methods import spec_of
from b24data.report import FetchReport
from tests.frames.inferred import infer_schema
from tests.frames.test_documented_columns import ANSWERS, rows_in, schema_of

WITH_ROWS = [method for method in ANSWERS if rows_in(method)]


def report(method: str, rows: int) -> FetchReport:
    return FetchReport(method=method, portal="x", walk="whole", reason="whole_answer", complete=True, rows=rows)


def decoded(schema: Schema, rows: list[msgspec.Raw]) -> tuple[Schema, pa.RecordBatch]:
    decoder = Decoder(schema)
    batch = decoder.decode(rows)
    assert decoder.coercions == {}
    return decoder.schema, batch


def test_documented_answers__nearly_every_list_has_one():
    assert len(WITH_ROWS) >= 328


@pytest.mark.parametrize("is_described", [True, False], ids=["described", "undescribed"])
@pytest.mark.parametrize("method", WITH_ROWS)
def test_documented_answers__are_whole_in_both_backends_and_read_back_by_others(method, is_described, tmp_path):
    rows = rows_in(method)
    spec = spec_of(method)
    given = schema_of(method, rows) if is_described else infer_schema(rows, id_code=spec.id)
    schema, batch = decoded(given, rows)
    seen = {key for row in rows if isinstance(parsed := msgspec.json.decode(row), dict) for key in parsed}
    assert seen <= {column.wire for column in schema.columns}
    assert batch.num_rows == len(rows)

    for backend in ("numpy_nullable", "pyarrow"):
        sink = FrameSink(schema, dtype_backend=backend)
        sink.write(batch)
        frame = sink.close(report(method, len(rows)))
        assert frame.shape == (len(rows), len(schema.columns))
        assert not any(str(dtype) == "object" for dtype in frame.dtypes)

    target = tmp_path / "answer.parquet"
    file = ParquetSink(target, schema.arrow, {"method": method})
    file.write(batch)
    file.close(report(method, len(rows)))
    table = pq.read_table(target)
    assert table.to_pylist() == batch.to_pylist()
    assert pl.read_parquet(target).shape == (len(rows), len(schema.columns))
    assert pd.read_parquet(target).shape == (len(rows), len(schema.columns))
    with duckdb.connect() as engine:
        assert engine.sql(f"select * from '{target}'").to_arrow_table().num_rows == len(rows)
