"""A file or a frame of ours, read back by pandas, polars and duckdb."""

import json
import subprocess
import sys

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from b24data.fields.fields import Field
from b24data.frames.columns import Decoder
from b24data.frames.explode import explode, first
from b24data.frames.pandas_types import pandas_metadata
from b24data.frames.parquet import ParquetSink
from b24data.frames.schema import build_schema
from b24data.frames.sinks import frame_of
from b24data.report import FetchReport
from b24data.sync.dataset import Dataset

REPORT = FetchReport(method="m", portal="p", walk="keyset", reason="short_page", complete=True, rows=3)
TYPES = {
    **{"ID": "integer", "USER": "user", "SUM": "double", "OPENED": "char", "T": "string", "DAY": "date"},
    **{"AT": "datetime", "M": "money", "E": "enumeration", "TAGS": "array", "PHONE": "crm_multifield"},
}
FIELDS = {code: Field(code, code, type=kind, multiple=code == "E") for code, kind in TYPES.items()}
PHONE = [{"ID": "1", "VALUE_TYPE": "WORK", "VALUE": "+1", "TYPE_ID": "PHONE"}]
ROWS = [
    {
        **{"ID": "1", "USER": "", "SUM": "1.5", "OPENED": "Y", "T": "Ёж", "DAY": "2024-05-01T03:00:00+03:00"},
        **{"AT": "2024-05-01T00:00:00+03:00", "M": "7|USD", "E": ["5", "6"], "TAGS": ["a"], "PHONE": PHONE},
    },
    {"ID": str(2**53 + 1), "USER": "9", "DAY": "9999-12-31", "AT": "9999-12-31T00:00:00+03:00"},
    {"ID": "3", "DAY": "0001-01-01"},
]
LISTS = ["E", "TAGS", "PHONE"]


def table(tz="UTC"):
    schema = build_schema(FIELDS, list(FIELDS), id_code="ID", tz=tz)
    return pa.Table.from_batches([Decoder(schema).decode([json.dumps(row).encode() for row in ROWS])])


def written(path, tz="UTC"):
    sink = ParquetSink(path, table(tz).schema)
    for batch in table(tz).to_batches():
        sink.write(batch)
    sink.close(REPORT)
    return path


@pytest.fixture(params=["UTC", "Europe/Moscow", "+05:30"])
def tz(request):
    return request.param


def test_read_parquet__gives_the_types_of_the_frame(tmp_path, tz):
    frame, read = frame_of(table(tz)), pd.read_parquet(written(tmp_path / "f.parquet", tz))
    same = [name for name in frame.columns if name not in ("DAY", *LISTS)]
    pd.testing.assert_frame_equal(read[same], frame[same])
    assert read.index.equals(frame.index)
    assert str(read["DAY"].dtype) == "timestamp[us][pyarrow]"
    pd.testing.assert_series_equal(read["DAY"].astype("datetime64[us]"), frame["DAY"])


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_read_parquet__takes_a_backend(tmp_path, backend):
    read = pd.read_parquet(written(tmp_path / "f.parquet"), dtype_backend=backend)
    assert read["ID"].to_list() == [1, 2**53 + 1, 3]
    if backend == "pyarrow":
        frame = frame_of(table(), "pyarrow")
        flat = [name for name in frame.columns if name not in LISTS]  # Parquet calls an item of a list its element
        pd.testing.assert_frame_equal(read[flat], frame[flat])
        assert all(isinstance(read[name].dtype, pd.ArrowDtype) for name in LISTS)


def test_read_parquet__lists_unfold_as_those_of_the_frame_do(tmp_path):
    for read in (
        pd.read_parquet(written(tmp_path / "f.parquet")),
        pd.read_parquet(tmp_path / "f.parquet", dtype_backend="pyarrow"),
    ):
        assert explode(read, "E", keep=["ID"])["E"].to_list() == [5, 6]
        assert explode(read, "PHONE", keep=["ID"])["PHONE_TYPE"].to_list() == ["WORK"]
        assert first(read, "PHONE").to_list()[0] == "+1"


def test_read_parquet__of_some_columns_in_a_program_without_b24data(tmp_path):
    path = written(tmp_path / "f.parquet")
    program = f"""
import pandas as pd
path = {str(path)!r}
print([str(one) for one in pd.read_parquet(path, columns=["ID", "USER", "T"]).dtypes])
print(len(pd.read_parquet(path)), len(pd.read_parquet(path, dtype_backend="pyarrow")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["['Int64', 'Int64', 'string']", "3 3"], done.stderr


def test_other_programs__read_the_same_values(tmp_path):
    path = written(tmp_path / "f.parquet")
    rows = table().to_pylist()
    frame = pl.read_parquet(path)
    assert frame["DAY"].dtype == pl.Date
    assert frame["ID"].to_list() == [row["ID"] for row in rows]
    assert frame["PHONE"].to_list()[0] == rows[0]["PHONE"]
    found = duckdb.sql(f"select ID, T, DAY from '{path}'").fetchall()
    assert found == [(row["ID"], row["T"], row["DAY"]) for row in rows]


def test_read_parquet__of_a_folder_of_parts(tmp_path):
    folder, workshop = tmp_path / "deals", tmp_path / "workshop"
    folder.mkdir()
    workshop.mkdir()
    dataset = Dataset(folder, workshop, "ID", part_rows=2)
    dataset.merge(written(tmp_path / "f.parquet"))
    assert len(list(folder.iterdir())) == 2
    read = pd.read_parquet(folder).sort_values("ID", ignore_index=True)
    expected = pd.read_parquet(tmp_path / "f.parquet").sort_values("ID", ignore_index=True)
    assert read.dtypes.equals(expected.dtypes)
    assert read["T"].equals(expected["T"])
    assert pl.read_parquet(folder / "*.parquet").height == 3
    assert duckdb.sql(f"select count(*) from '{folder}/*.parquet'").fetchall() == [(3,)]


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_a_frame__survives_to_parquet_and_to_feather(tmp_path, backend, form):
    frame = frame_of(table(), backend)
    path = tmp_path / f"f.{form}"
    getattr(frame, f"to_{form}")(path)
    # "string[pyarrow]" is the name of two types of pandas: the backend says which one.
    chosen = {"dtype_backend": "pyarrow"} if backend == "pyarrow" else {}
    read = getattr(pd, f"read_{form}")(path, **chosen)
    names = [str(dtype).replace("element: ", "item: ") for dtype in read.dtypes]  # as Parquet calls an item
    assert names == [str(dtype) for dtype in frame.dtypes]
    pd.testing.assert_frame_equal(read.astype(frame.dtypes), frame)  # pandas 2 keeps strings elsewhere
    assert getattr(pd, f"read_{form}")(path, columns=["ID"], **chosen)["ID"].equals(frame["ID"])


@pytest.mark.parametrize("portal_type", ["date", "datetime", "boolean", "double", "integer", "string", "money"])
def test_a_frame_with_lists_of_any_type__is_read_by_the_arrow_backend(tmp_path, portal_type):
    raw = {"date": "2024-05-01", "datetime": "2024-05-01T03:00:00Z", "boolean": "Y", "money": "5|USD"}
    fields = {"F": Field("F", "F", type=portal_type, multiple=True)}
    decoder = Decoder(build_schema(fields, ["F"], id_code=None))
    batch = decoder.decode([json.dumps({"F": [raw.get(portal_type, "5")]}).encode()])
    frame = frame_of(pa.Table.from_batches([batch]))
    frame.to_parquet(tmp_path / "f.parquet")
    read = pd.read_parquet(tmp_path / "f.parquet", dtype_backend="pyarrow")
    assert read["F"].to_list() == frame["F"].to_list()


def test_pandas_metadata__names_every_column_once():
    facts = json.loads(pandas_metadata(table().schema)["pandas"])
    assert [column["field_name"] for column in facts["columns"]] == table().schema.names
    assert facts["index_columns"] == []
