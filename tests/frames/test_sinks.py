"""Frames without object columns, and tables that widen with their batches."""

import json
from datetime import date

import pandas as pd
import pyarrow as pa
import pytest

from b24data.errors import ConfigError, SchemaError
from b24data.fields.fields import Field
from b24data.frames.columns import Decoder
from b24data.frames.schema import build_schema
from b24data.frames.sinks import FrameSink, TableSink, recast, united
from b24data.report import FetchReport
from tests.frames.inferred import infer_schema

REPORT = FetchReport(method="crm.deal.list", portal="p", walk="keyset", reason="short_page", complete=True, rows=2)
TYPES = {
    **{"ID": "integer", "SUM": "double", "OPENED": "char", "T": "string", "DAY": "date", "AT": "datetime"},
    **{"E": "enumeration", "PHONE": "crm_multifield", "M": "money"},
}
FIELDS = {code: Field(code, code, type=kind, multiple=code == "E") for code, kind in TYPES.items()}
SCHEMA = build_schema(FIELDS, list(FIELDS), id_code="ID")
FULL = {
    **{"ID": str(2**53 + 1), "SUM": "1.5", "OPENED": "Y", "T": "Ёж", "DAY": "2024-05-01T03:00:00+03:00"},
    **{"AT": "2024-05-01T00:00:00+03:00", "E": ["5"], "M": "7|USD"},
    "PHONE": [{"ID": "1", "VALUE_TYPE": "WORK", "VALUE": "+1", "TYPE_ID": "PHONE"}],
}


def frame(rows, backend="numpy_nullable", schema=SCHEMA):
    sink = FrameSink(schema, dtype_backend=backend)
    decoder = Decoder(schema)
    for row in rows:
        sink.write(decoder.decode([json.dumps(row).encode()]))
    return sink.close(REPORT)


def test_frame__nullable_types():
    types = frame([FULL, {}]).dtypes
    assert types[["ID", "SUM", "OPENED"]].map(str).to_list() == ["Int64", "Float64", "boolean"]
    assert isinstance(types["T"], pd.StringDtype)
    assert types["T"].na_value is pd.NA
    assert types["AT"] == pd.DatetimeTZDtype("us", "UTC")
    assert str(types["DAY"]) == "datetime64[us]"
    assert types["E"] == pd.ArrowDtype(pa.list_(pa.int64()))
    assert isinstance(types["PHONE"], pd.ArrowDtype)


def test_frame__arrow_types():
    types = frame([FULL, {}], "pyarrow").dtypes
    assert [t.pyarrow_dtype for t in types] == SCHEMA.arrow.types


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_frame__values_are_those_that_came(backend):
    df = frame([FULL, {}], backend)
    assert df["ID"].to_list() == [2**53 + 1, pd.NA]
    assert df["M"].to_list() == [7.0, pd.NA]
    assert df["M_CURRENCY"].to_list() == ["USD", pd.NA]
    assert df["DAY"][0] == (pd.Timestamp("2024-05-01") if backend == "numpy_nullable" else date(2024, 5, 1))
    assert df["AT"][0] == pd.Timestamp("2024-04-30T21:00:00Z")
    assert df["PHONE"][0][0]["VALUE"] == "+1"
    assert df.iloc[1].isna().all()
    assert list(df.index) == [0, 1]


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
@pytest.mark.parametrize("rows", [[], [{}], [FULL]])
def test_frame__has_no_object_column_and_the_same_types_for_any_rows(backend, rows):
    types = frame(rows, backend).dtypes
    assert "object" not in types.map(str).to_list()
    assert types.to_list() == frame([FULL, {}], backend).dtypes.to_list()


def test_frame__carries_the_report_as_json():
    attrs = frame([FULL]).attrs["b24data"]
    assert json.loads(json.dumps(attrs)) == attrs
    assert attrs["rows"] == 2


def test_frame__can_be_worked_with():
    df = frame([FULL, {**FULL, "SUM": "2.5"}])
    assert df.groupby("M_CURRENCY")["SUM"].sum()["USD"] == 4.0
    df["SUM"] += 1
    df["NEW"] = df["T"].str.upper()
    assert df["NEW"][0] == "ЁЖ"
    assert df.sort_values("AT").shape == (2, 11)


def test_frame__abort_gives_the_rows_so_far():
    sink = FrameSink(SCHEMA)
    sink.write(Decoder(SCHEMA).decode([b'{"ID":"1"}']))
    assert sink.abort()["ID"].to_list() == [1]


def test_frame__a_backend_that_does_not_exist():
    with pytest.raises(ConfigError, match="polars"):
        FrameSink(SCHEMA, dtype_backend="polars")


def test_table__holds_the_report():
    sink = TableSink(SCHEMA)
    sink.write(Decoder(SCHEMA).decode([b'{"ID":"1"}']))
    table = sink.close(REPORT)
    assert json.loads(table.schema.metadata[b"b24data.report"])["method"] == "crm.deal.list"
    assert table.schema.field("SUM").metadata[b"b24data.type"] == b"double"
    assert table["ID"].to_pylist() == [1]


def test_table__widens_with_its_batches_in_whatever_order_threads_bring_them():
    rows = [b'{"n":1,"c":true,"l":[1]}', b'{"n":1.5,"c":"a","l":["x"],"new":7}', b'{"n":2,"c":false,"l":[]}']
    schema = infer_schema(rows[:1])
    decoder = Decoder(schema)
    narrow, wide, late = decoder.decode(rows[:1]), decoder.decode(rows[1:2]), Decoder(schema).decode(rows[2:])
    sink = TableSink(schema)
    for batch in (narrow, wide, late):
        sink.write(batch)
    assert sink.close(REPORT).to_pylist() == [
        {"n": 1.0, "c": "true", "l": ["1"], "new": None},
        {"n": 1.5, "c": "a", "l": ["x"], "new": 7},
        {"n": 2.0, "c": None, "l": None, "new": None},
    ]


def test_table__flags_that_turn_out_to_be_letters_are_letters_again():
    decoder = Decoder(build_schema(FIELDS, ["OPENED"], id_code=None))
    sink = TableSink(decoder.schema)
    for value in ("Y", "N", "", "M"):
        sink.write(decoder.decode([json.dumps({"OPENED": value}).encode()]))
    assert sink.close(REPORT)["OPENED"].to_pylist() == ["Y", "N", None, "M"]


def test_recast__refuses_to_make_large_numbers_inexact():
    batch = pa.RecordBatch.from_pydict({"n": [2**53 + 1]})
    with pytest.raises(SchemaError, match="inexact"):
        recast(batch, pa.schema([("n", pa.float64())]))


def test_united__is_the_same_from_either_side():
    one = pa.schema([("a", pa.int64()), ("b", pa.list_(pa.int64()))])
    other = pa.schema([("a", pa.float64()), ("b", pa.list_(pa.string()))])
    assert united(one, other).types == united(other, one).types == [pa.float64(), pa.list_(pa.string())]
