"""A Parquet file is whole or not there."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b24data.errors import ConfigError, ExportError
from b24data.fields.fields import Field
from b24data.frames import parquet
from b24data.frames.columns import Decoder
from b24data.frames.parquet import ParquetSink, check_target
from b24data.frames.schema import build_schema
from b24data.report import FetchReport
from tests.frames.inferred import infer_schema

REPORT = FetchReport(method="crm.deal.list", portal="p", walk="keyset", reason="short_page", complete=True, rows=3)
TYPES = {"ID": "integer", "STAGE_ID": "crm_status", "T": "string", "DAY": "date", "AT": "datetime", "E": "enumeration"}
FIELDS = {code: Field(code, code, title=f"{code}!", type=t, multiple=code == "E") for code, t in TYPES.items()}
SCHEMA = build_schema(FIELDS, list(FIELDS), id_code="ID")
ROW = {"STAGE_ID": "NEW", "T": "Ёж", "DAY": "2024-05-01T03:00:00+03:00", "AT": "2024-05-01T03:00:00Z", "E": ["1", "2"]}


def files_in(folder):
    return [path.name for path in folder.iterdir()]


def batch_of(first, count, schema=SCHEMA):
    return Decoder(schema).decode([json.dumps({"ID": str(first + i), **ROW}).encode() for i in range(count)])


@pytest.fixture
def target(tmp_path):
    return tmp_path / "deals.parquet"


def test_close__puts_all_rows_in_place_and_leaves_nothing_beside(target):
    sink = ParquetSink(target, SCHEMA.arrow)
    for first in (0, 10, 20):
        sink.write(batch_of(first, 10))
        assert not target.exists()
    assert sink.close(REPORT) is REPORT
    assert files_in(target.parent) == ["deals.parquet"]
    assert pq.read_table(target)["ID"].to_pylist() == list(range(30))


def test_close__an_empty_list_is_an_empty_typed_file(target):
    ParquetSink(target, SCHEMA.arrow).close(REPORT)
    table = pq.read_table(target)
    assert table.num_rows == 0
    assert table.schema.types == SCHEMA.arrow.types


def test_close__the_footer_tells_where_the_rows_come_from(target):
    sink = ParquetSink(target, SCHEMA.arrow, {"portal": "p", "b24data.query": "q"})
    sink.write(batch_of(1, 3))
    sink.close(REPORT)
    footer = pq.read_metadata(target).metadata
    assert footer[b"b24data.portal"] == b"p"
    assert footer[b"b24data.query"] == b"q"
    assert json.loads(footer[b"b24data.report"])["reason"] == "short_page"
    assert pq.read_schema(target).field("T").metadata[b"b24data.title"] == b"T!"


def test_close__small_batches_become_row_groups_of_25_to_50_thousand(target):
    sink = ParquetSink(target, build_schema(FIELDS, ["ID", "STAGE_ID"], id_code="ID").arrow)
    batch = batch_of(0, 2450, build_schema(FIELDS, ["ID", "STAGE_ID"], id_code="ID"))
    for _ in range(45):
        sink.write(batch)
    sink.close(REPORT)
    groups = pq.read_metadata(target)
    sizes = [groups.row_group(i).num_rows for i in range(groups.num_row_groups)]
    assert sum(sizes) == 45 * 2450
    assert all(25_000 <= size <= 50_000 for size in sizes[:-1])
    stage = groups.row_group(0).column(1)
    assert stage.compression == "ZSTD"
    assert stage.has_dictionary_page
    assert not groups.row_group(0).column(0).has_dictionary_page


def test_close__a_file_of_few_large_batches_has_bounded_groups(target):
    sink = ParquetSink(target, build_schema(FIELDS, ["ID"], id_code="ID").arrow)
    sink.write(batch_of(0, 70_000, build_schema(FIELDS, ["ID"], id_code="ID")))
    sink.close(REPORT)
    groups = pq.read_metadata(target)
    assert max(groups.row_group(i).num_rows for i in range(groups.num_row_groups)) <= 50_000


def test_close__pandas_reads_the_same_values(target):
    sink = ParquetSink(target, SCHEMA.arrow)
    sink.write(batch_of(7, 1))
    sink.close(REPORT)
    df = pd.read_parquet(target, dtype_backend="pyarrow")
    assert df["AT"][0] == pd.Timestamp("2024-05-01T03:00:00Z")
    assert str(df["DAY"][0]) == "2024-05-01"
    assert list(df["E"][0]) == [1, 2]
    assert df["ID"].dtype == pd.ArrowDtype(pa.int64())


def test_abort__keeps_the_file_that_was_there(target):
    target.write_bytes(b"the last good one")
    sink = ParquetSink(target, SCHEMA.arrow)
    sink.write(batch_of(0, 40_000))
    sink.abort()
    sink.abort()
    assert target.read_bytes() == b"the last good one"
    assert files_in(target.parent) == ["deals.parquet"]


@pytest.mark.parametrize("step", ["_check", "_flush"])
def test_close__a_failure_at_any_step_leaves_no_trace(target, monkeypatch, step):
    sink = ParquetSink(target, SCHEMA.arrow)
    sink.write(batch_of(0, 5))

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet.GrowingFile, step, fail)
    with pytest.raises(ExportError, match="No space"):
        sink.close(REPORT)
    assert files_in(target.parent) == []


def test_close__a_row_count_that_does_not_agree_is_refused(target):
    sink = ParquetSink(target, SCHEMA.arrow)
    sink.write(batch_of(0, 5))
    sink._file.rows = 6
    with pytest.raises(ExportError, match="6 were written"):
        sink.close(REPORT)
    assert files_in(target.parent) == []


def test_write__wider_batches_widen_what_was_written(target):
    rows = [b'{"n":1,"c":true}', b'{"n":1.5,"c":"a","new":7}', b'{"n":2,"c":false}']
    decoder = Decoder(infer_schema(rows[:1]))
    sink = ParquetSink(target, decoder.schema.arrow)
    sink.write(decoder.decode(rows[:1]))
    sink._file._flush()
    sink.write(decoder.decode(rows[1:2]))
    sink.write(Decoder(infer_schema(rows[:1])).decode(rows[2:]))
    sink.close(REPORT)
    assert files_in(target.parent) == ["deals.parquet"]
    assert pq.read_table(target).to_pylist() == [
        {"n": 1.0, "c": "true", "new": None},
        {"n": 1.5, "c": "a", "new": 7},
        {"n": 2.0, "c": None, "new": None},
    ]


def test_check_target__says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match=r"no folder .*missing. Hint: create it"):
        check_target(tmp_path / "missing" / "x.parquet")
    with pytest.raises(ConfigError, match="is a folder"):
        check_target(tmp_path)
    assert check_target(tmp_path / "x.parquet") == tmp_path / "x.parquet"
    assert files_in(tmp_path) == []


def test_check_target__a_folder_that_takes_no_files(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(parquet, "create", refuse)
    with pytest.raises(ConfigError, match=r"Permission denied\. Hint: give a path in a folder of yours"):
        check_target(tmp_path / "x.parquet")
