"""What ``dtypes=`` makes of a column: exact decimals, categories, days that stay days."""

import json
from decimal import Decimal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b24data import Sandbox
from b24data.errors import ConfigError, SchemaError
from b24data.fields.fields import Field
from b24data.frames.columns import Decoder
from b24data.frames.schema import build_schema

D = Decimal


def decoded(portal_type, values, dtype, *, multiple=False):
    fields = {"F": Field("F", "F", type=portal_type, multiple=multiple)}
    rows = [json.dumps({"F": value}).encode() for value in values]
    decoder = Decoder(build_schema(fields, ["F"], id_code=None, sample_rows=rows, dtypes={"F": dtype}))
    batch = decoder.decode(rows)
    assert batch.equals(decoder.decode(rows))
    return batch, decoder


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("18500.00", D("18500")),
        ("99999999999999.9999", D("99999999999999.9999")),  # a double has 99999999999999.984375
        ("-0.0001", D("-0.0001")),
        ("1e3", D(1000)),
        (5, D(5)),
        (0.1, D("0.1")),
        (12345678901.2345, D("12345678901.2345")),
        (99999999999999, D(99999999999999)),
        ("", None),
        (False, None),
        ([], None),
    ],
)
@pytest.mark.parametrize("portal_type", ["double", "money", "string", ""])
def test_decimal__is_exact(portal_type, raw, value):
    batch, decoder = decoded(portal_type, [raw, "7", raw], "decimal")
    assert batch.schema.field("F").type == pa.decimal128(18, 4)
    assert batch.column("F").to_pylist() == [value, D(7), value]
    assert decoder.coercions == {}


@pytest.mark.parametrize(
    "raw", ["1.23456", 1.23456, "100000000000000", 10**14, 1e14, 12345678901234.567, "1,5", " 5", "nan", True, [1], "x"]
)
def test_decimal__what_does_not_fit_is_null_and_counted(raw):
    batch, decoder = decoded("double", ["1.5", raw], "decimal")
    assert batch.column("F").to_pylist() == [D("1.5"), None]
    assert decoder.coercions["F"].count == 2  # in both readings


def test_decimal__of_money_keeps_the_currency_beside_it():
    batch, _ = decoded("money", ["99999999999999.9999|USD", "5|", "|EUR", 7], Decimal)
    assert batch.column("F").to_pylist() == [D("99999999999999.9999"), D(5), None, D(7)]
    assert batch.column("F_CURRENCY").to_pylist() == ["USD", None, "EUR", None]
    many, _ = decoded("money", [["5|USD", "0.1|EUR"], False], "list<decimal>", multiple=True)
    assert many.column("F").to_pylist() == [[D(5), D("0.1")], None]


def test_category__is_a_dictionary_of_texts():
    batch, decoder = decoded("crm_status", ["NEW", "WON", "", None, False, "NEW", 5, {"a": "b"}], "category")
    assert pa.types.is_dictionary(batch.schema.field("F").type)
    assert batch.column("F").to_pylist() == ["NEW", "WON", None, None, None, "NEW", "5", '{"a":"b"}']
    assert decoder.coercions == {}


def test_category__of_lists_is_refused():
    with pytest.raises(ConfigError, match="dtypes has no type for F"):
        decoded("crm_status", [["a"]], "list<category>", multiple=True)


@pytest.mark.parametrize("dtype", ["datetime", "timestamp", "datetime64[us, UTC]", pa.timestamp("us", "UTC")])
@pytest.mark.parametrize("raw", ["2024-12-07T00:00:00+03:00", "2024-12-07", "07.12.2024"])
def test_datetime__of_a_day_is_the_day(dtype, raw):
    batch, _ = decoded("date", [raw], dtype)
    assert str(batch.column("F").to_pylist()[0]) == "2024-12-07"
    many, _ = decoded("date", [[raw]], "list<datetime>", multiple=True)
    assert str(many.column("F").to_pylist()[0][0]) == "2024-12-07"


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=600) as portal:
        yield portal


SELECT = ["ID", "STAGE_ID", "OPPORTUNITY", "CLOSEDATE"]
DTYPES = {"STAGE_ID": "category", "OPPORTUNITY": "decimal", "CLOSEDATE": "datetime"}


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_a_fetch__gives_the_same_values_in_the_types_asked_for(portal, backend):
    with portal.connect() as b24:
        options = {"dtype_backend": backend, "progress": False}
        plain = b24.tools.fetch_all("crm.deal.list", SELECT, **options)
        asked = b24.tools.fetch_all("crm.deal.list", SELECT, dtypes=DTYPES, labels="add", **options)
    assert str(asked["STAGE_ID"].dtype) == "category"
    assert asked["STAGE_ID"].to_list() == plain["STAGE_ID"].to_list()
    assert asked["STAGE_ID_LABEL"].nunique() > 1
    assert str(asked["OPPORTUNITY"].dtype) == "decimal128(18, 4)[pyarrow]"
    assert asked["OPPORTUNITY"].sum() == sum(D(str(one)) for one in plain["OPPORTUNITY"])
    assert asked["CLOSEDATE"].equals(plain["CLOSEDATE"])
    assert asked.groupby("STAGE_ID", observed=True)["OPPORTUNITY"].sum().sum() == asked["OPPORTUNITY"].sum()
    assert asked.sort_values("STAGE_ID").shape == asked.shape


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_replace__gives_a_category_of_labels_where_one_is_asked_for(portal, tmp_path, backend):
    asked = {"labels": "replace", "progress": False, "dtypes": {"STAGE_ID": "category", "SOURCE_ID": "text"}}
    select = ["ID", "STAGE_ID", "SOURCE_ID", "ASSIGNED_BY_ID"]
    with portal.connect() as b24:
        plain = b24.tools.fetch_all("crm.deal.list", select, labels="replace", progress=False)
        frame = b24.tools.fetch_all("crm.deal.list", select, dtype_backend=backend, **asked)
        chunks = list(b24.tools.iter_frames("crm.deal.list", select, chunksize=250, **asked))
        report = b24.tools.fetch_all("crm.deal.list", select, to=tmp_path / "deals.parquet", **asked)
    assert report.rows == 600
    for found in (frame, pd.concat(chunks, ignore_index=True), pd.read_parquet(tmp_path / "deals.parquet")):
        assert found["STAGE_ID"].to_list() == plain["STAGE_ID"].to_list()
    for found in (frame, *chunks, pd.read_parquet(tmp_path / "deals.parquet")):
        assert str(found["STAGE_ID"].dtype) == "category"
        assert str(found["SOURCE_ID"].dtype) in ("string", "string[pyarrow]")
    assert set(frame["STAGE_ID"].cat.categories) == set(plain["STAGE_ID"])
    assert "Deal won" in frame["STAGE_ID"].cat.categories


def test_replace__of_codes_that_are_to_stay_numbers_is_refused(portal):
    with portal.connect() as b24:
        asked = {"labels": "replace", "progress": False, "dtypes": {"ASSIGNED_BY_ID": "int"}}
        with pytest.raises(SchemaError, match=r"'int' for ASSIGNED_BY_ID.*labels=\"add\" keeps the codes"):
            b24.tools.fetch_all("crm.deal.list", ["ID", "ASSIGNED_BY_ID"], **asked)
        kept = b24.tools.fetch_all("crm.deal.list", ["ID", "ASSIGNED_BY_ID"], **asked | {"labels": "add"})
        assert str(kept["ASSIGNED_BY_ID"].dtype) == "Int64"
        free = b24.tools.fetch_all("crm.deal.list", ["ID", "PROBABILITY"], **asked | {"dtypes": {"PROBABILITY": "int"}})
        assert str(free["PROBABILITY"].dtype) == "Int64"


def test_a_fetch__that_filters_by_a_category_is_checked_like_any_other(portal):
    with portal.connect() as b24:
        stage = b24.tools.fetch_all("crm.deal.list", SELECT, limit=1, progress=False)["STAGE_ID"][0]
        found = b24.tools.fetch_all(
            "crm.deal.list", SELECT, filter={"STAGE_ID": stage, ">OPPORTUNITY": 0}, dtypes=DTYPES, progress=False
        )
    assert set(found["STAGE_ID"]) == {stage}


def test_a_file__keeps_the_types_for_every_reader(portal, tmp_path):
    path = tmp_path / "deals.parquet"
    with portal.connect() as b24:
        frame = b24.tools.fetch_all("crm.deal.list", SELECT, dtypes=DTYPES, progress=False)
        b24.tools.fetch_all("crm.deal.list", SELECT, dtypes=DTYPES, progress=False, to=path)
    assert pq.read_schema(path).field("OPPORTUNITY").type == pa.decimal128(18, 4)
    read = pd.read_parquet(path)
    assert str(read["STAGE_ID"].dtype) == "category"
    assert read["STAGE_ID"].to_list() == frame["STAGE_ID"].to_list()
    in_arrow = pd.read_parquet(path, dtype_backend="pyarrow")
    assert in_arrow["OPPORTUNITY"].equals(frame["OPPORTUNITY"])
    assert pl.read_parquet(path)["STAGE_ID"].cast(pl.String).to_list() == frame["STAGE_ID"].to_list()
    assert duckdb.sql(f"select sum(OPPORTUNITY) from '{path}'").fetchall() == [(frame["OPPORTUNITY"].sum(),)]
    assert duckdb.sql(f"select count(distinct STAGE_ID) from '{path}'").fetchall() == [(frame["STAGE_ID"].nunique(),)]


def test_a_dataset__keeps_the_types(portal, tmp_path):
    with portal.connect() as b24:
        options = {"to": tmp_path / "deals", "dtypes": DTYPES, "progress": False}
        b24.tools.sync("crm.deal.list", [*SELECT, "DATE_MODIFY"], **options)
        portal.update("deals", portal.truth("crm.deal.list").ids[:3], {"STAGE_ID": "LOSE"})
        report = b24.tools.sync("crm.deal.list", [*SELECT, "DATE_MODIFY"], **options)
    assert report.updated == 3
    read = pd.read_parquet(tmp_path / "deals")
    assert (len(read), str(read["STAGE_ID"].dtype)) == (600, "category")
    assert read.set_index("ID")["STAGE_ID"].loc[portal.truth("crm.deal.list").ids[:3]].to_list() == ["LOSE"] * 3
