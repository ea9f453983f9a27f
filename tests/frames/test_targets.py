"""What stands in an Excel workbook and in a CSV file, read back by others; either is whole or not there."""

import csv
import datetime as dt
import decimal
import io
import os
import sys
import tempfile
import zipfile
from dataclasses import replace

import duckdb
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from b24data.errors import ConfigError, ExportError, MissingExtraError
from b24data.frames import csvfile, excel, flat, newfile
from b24data.frames.csvfile import CsvSink
from b24data.frames.excel import ExcelSink
from b24data.frames.staging import StagedSink
from b24data.frames.targets import Target, target_of
from tests.frames.test_types import REPORT

AT = dt.datetime(2024, 6, 13, 16, 23, 54, tzinfo=dt.UTC)
CONTACT = pa.struct([("ID", pa.int64()), ("VALUE", pa.string())])
MOSCOW, PLUS_3, UTC = (pa.timestamp("us", zone) for zone in ("Europe/Moscow", "+03:00", "UTC"))
# type, value; header and value in Excel; value in plain CSV; value in excel-ru
GOLDEN = {
    "int": (pa.int64(), 7, "C", 7, "7", "7"),
    "int of 15 digits": (pa.int64(), 10**15 - 1, "C", 10**15 - 1, "999999999999999", "999999999999999"),
    "int of 16 digits": (pa.int64(), -(10**15), "C", "-1000000000000000", "-1000000000000000", "'-1000000000000000"),
    "float": (pa.float64(), 18500.5, "C", 18500.5, "18500.5", "18500,5"),
    "whole float": (pa.float64(), 100.0, "C", 100, "100.0", "100,0"),
    "large float": (pa.float64(), 1.5e20, "C", 1.5e20, "1.5e+20", "1,5e+20"),
    "infinity": (pa.float64(), float("inf"), "C", "inf", "inf", "inf"),
    "decimal": (pa.decimal128(18, 4), decimal.Decimal("10.25"), "C", 10.25, "10.2500", "10,2500"),
    "decimal of 18 digits": (
        pa.decimal128(18, 4), decimal.Decimal("12345678901234.5678"), "C",
        "12345678901234.5678", "12345678901234.5678", "12345678901234,5678",
    ),
    "true": (pa.bool_(), True, "C", True, "true", "ИСТИНА"),
    "false": (pa.bool_(), False, "C", False, "false", "ЛОЖЬ"),
    "day": (pa.date32(), dt.date(2024, 5, 1), "C", dt.datetime(2024, 5, 1), "2024-05-01", "01.05.2024"),
    "first day of Excel": (pa.date32(), dt.date(1900, 1, 1), "C", dt.datetime(1900, 1, 1), "1900-01-01", "01.01.1900"),
    "March 1900": (pa.date32(), dt.date(1900, 3, 1), "C", dt.datetime(1900, 3, 1), "1900-03-01", "01.03.1900"),
    "day before Excel": (pa.date32(), dt.date(1899, 12, 31), "C", "1899-12-31", "1899-12-31", "31.12.1899"),
    "year 1": (pa.date32(), dt.date(1, 1, 1), "C", "0001-01-01", "0001-01-01", "01.01.0001"),
    "last day": (pa.date32(), dt.date(9999, 12, 31), "C", dt.datetime(9999, 12, 31), "9999-12-31", "31.12.9999"),
    "time": (
        UTC, AT, "C (UTC)", dt.datetime(2024, 6, 13, 16, 23, 54), "2024-06-13T16:23:54+00:00", "13.06.2024 16:23:54",
    ),
    "time of a place": (
        MOSCOW, AT, "C (Europe/Moscow)", dt.datetime(2024, 6, 13, 19, 23, 54),
        "2024-06-13T19:23:54+03:00", "13.06.2024 19:23:54",
    ),
    "time of an offset": (
        PLUS_3, AT, "C (UTC+03:00)", dt.datetime(2024, 6, 13, 19, 23, 54),
        "2024-06-13T19:23:54+03:00", "13.06.2024 19:23:54",
    ),
    "time of year 1": (
        UTC, dt.datetime(1, 1, 1, tzinfo=dt.UTC), "C (UTC)", "0001-01-01 00:00:00",
        "0001-01-01T00:00:00+00:00", "01.01.0001 00:00:00",
    ),
    "time beyond 9999": (
        PLUS_3, dt.datetime(9999, 12, 31, 22, tzinfo=dt.UTC), "C (UTC+03:00)", "10000-01-01 01:00:00",
        "10000-01-01T01:00:00+03:00", "01.01.10000 01:00:00",
    ),
    "text": (pa.string(), 'a, "b"; ёж 🔥', "C", 'a, "b"; ёж 🔥', 'a, "b"; ёж 🔥', 'a, "b"; ёж 🔥'),
    "digits": (pa.string(), "007", "C", "007", "007", "007"),
    "lines": (pa.string(), "a\r\nb\nc\rd", "C", "a\nb\nc\nd", "a\r\nb\nc\rd", "a\r\nb\nc\rd"),
    "empty text": (pa.string(), "", "C", "", "", ""),
    "address": (pa.string(), "https://x.example/?a=1", "C", "https://x.example/?a=1", "https://x.example/?a=1",
                "https://x.example/?a=1"),
    "ints": (pa.list_(pa.int64()), [5, 1, None, 4], "C", "5, 1, 4", "5, 1, 4", "5, 1, 4"),
    "floats": (pa.list_(pa.float64()), [1.5, 2.0], "C", "1.5, 2.0", "1.5, 2.0", "1,5; 2,0"),
    "days": (pa.list_(pa.date32()), [dt.date(2024, 5, 1)], "C", "2024-05-01", "2024-05-01", "01.05.2024"),
    "times": (
        pa.list_(PLUS_3), [AT, AT], "C (UTC+03:00)", "2024-06-13 19:23:54, 2024-06-13 19:23:54",
        "2024-06-13T19:23:54+03:00, 2024-06-13T19:23:54+03:00", "13.06.2024 19:23:54, 13.06.2024 19:23:54",
    ),
    "texts": (pa.list_(pa.string()), ["C_1", "D_2"], "C", "C_1, D_2", "C_1, D_2", "C_1, D_2"),
    "empty list": (pa.list_(pa.string()), [], "C", None, "", ""),
    "phones": (
        pa.list_(CONTACT), [{"ID": 1, "VALUE": "+1999"}, {"ID": 2, "VALUE": "+7"}], "C",
        "+1999, +7", "+1999, +7", "'+1999, +7",
    ),
    "objects": (pa.list_(pa.struct([("x", pa.int64())])), [{"x": 1}], "C", '{"x": 1}', '{"x": 1}', '{"x": 1}'),
    "codes": (pa.dictionary(pa.int32(), pa.string()), "NEW", "C", "NEW", "NEW", "NEW"),
}  # fmt: skip


def written(target, schema, batches, report=REPORT, **csv_kind):
    sink = Target(target, target.suffix[1:], **csv_kind).sink(schema, {"method": "crm.deal.list", "portal": "p"})
    for batch in batches:
        sink.write(batch)
    return sink.close(report)


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def batch_of(**columns):
    return pa.RecordBatch.from_pydict(columns)


def cells_of(file, sheet=0):
    return list(openpyxl.load_workbook(file).worksheets[sheet].iter_rows(values_only=True))


def lines_of(file, delimiter=",", encoding="utf-8"):
    return list(csv.reader(io.StringIO(file.read_bytes().decode(encoding), newline=""), delimiter=delimiter))


@pytest.mark.parametrize(("kind", "value", "head", "in_excel", "plain", "russian"), GOLDEN.values(), ids=GOLDEN)
def test_golden__each_kind_of_value(kind, value, head, in_excel, plain, russian, tmp_path):
    array = pa.array([value, None], pa.string()).dictionary_encode() if pa.types.is_dictionary(kind) else pa.array(
        [value, None], kind
    )  # fmt: skip
    batch = pa.RecordBatch.from_arrays([pa.array([1, 2]), array], names=["ID", "C"])
    book, one, two = (tmp_path / name for name in ("d.xlsx", "d.csv", "e.csv"))
    written(book, batch.schema, [batch])
    written(one, batch.schema, [batch])
    written(two, batch.schema, [batch], csv="excel-ru")
    assert cells_of(book) == [("ID", head), (1, in_excel), (2, None)]
    assert type(cells_of(book)[1][1]) is type(in_excel)
    assert lines_of(one) == [["ID", "C"], ["1", plain], ["2", ""]]
    assert lines_of(two, ";", "utf-8-sig") == [["ID", head], ["1", russian], ["2", ""]]


EVIL = ["=1+1", "+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", '=HYPERLINK("http://evil.example")', "{=1}", "a=1"]


def test_excel__no_text_is_a_formula_a_number_or_a_link(tmp_path):
    texts = [*EVIL, "<r>bold</r>", "<r></x>&</r>", "mailto:a@b.example", "0001", "1e5", "TRUE"]
    batch = pa.RecordBatch.from_arrays([pa.array(texts), pa.array([[text] for text in texts])], names=["=A1", "L"])
    written(tmp_path / "d.xlsx", batch.schema, [batch])
    sheet = openpyxl.load_workbook(tmp_path / "d.xlsx").active
    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "inlineStr"}
    assert [cell.value for cell in cells[::2]] == [text.replace("\r", "\n") for text in texts]
    assert [cell.hyperlink for cell in cells if cell.hyperlink] == []
    assert [bool(cell.quotePrefix) for cell in cells[::2]] == [True] * 7 + [False] * (len(texts) - 7)


def test_csv__only_excel_ru_guards_formulas(tmp_path):
    batch = pa.RecordBatch.from_arrays([pa.array(EVIL), pa.array([-1.5] * len(EVIL))], names=["=A1", "S"])
    written(tmp_path / "d.csv", batch.schema, [batch])
    written(tmp_path / "e.csv", batch.schema, [batch], csv="excel-ru")
    plain, russian = lines_of(tmp_path / "d.csv"), lines_of(tmp_path / "e.csv", ";", "utf-8-sig")
    assert [row[0] for row in plain] == ["=A1", *EVIL]
    assert [row[0] for row in russian] == ["'=A1", *("'" + text for text in EVIL[:7]), *EVIL[7:]]
    assert {row[1] for row in russian[1:]} == {"-1,5"}


def test_excel__control_characters_make_no_broken_file(tmp_path):
    batch = batch_of(T=["a\x00b\x0bc", "_x0041_", "\ufffe\uffff", " spaces ", "\x7f"])
    written(tmp_path / "d.xlsx", batch.schema, [batch])
    values = [row[0] for row in cells_of(tmp_path / "d.xlsx")[1:]]
    # as Excel itself writes them into the file, and reads them
    assert values == ["a_x0000_b_x000B_c", "_x005F_x0041_", "_xFFFE__xFFFF_", " spaces ", "\x7f"]


def test_excel__one_sheet_with_filters_and_a_first_row_that_stays(tmp_path):
    batch = batch_of(ID=[1, 2], T=["a", "b"])
    written(tmp_path / "d.xlsx", batch.schema, [batch])
    book = openpyxl.load_workbook(tmp_path / "d.xlsx")
    assert book.sheetnames == ["crm.deal.list"]
    assert (book.active.freeze_panes, book.active.auto_filter.ref) == ("A2", "A1:B3")
    told = {one.name: one.value for one in book.custom_doc_props.props}
    assert (book.properties.title, told["b24data.portal"], told["b24data.complete"]) == (REPORT.method, "p", True)


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("v3:tasks.task.list", "v3_tasks.task.list"),
        ("'", "list"),
        ("", "list"),
        ("x" * 40, "x" * 31),
        ("[a]*?", "_a___"),
    ],
)
def test_excel__the_sheet_has_a_name_that_excel_takes(method, name, tmp_path):
    ExcelSink(tmp_path / "d.xlsx", pa.schema([("ID", pa.int64())]), {"method": method}).close(REPORT)
    assert openpyxl.load_workbook(tmp_path / "d.xlsx").sheetnames == [name]


def test_excel__rows_that_a_sheet_has_no_place_for_stand_on_more_sheets(tmp_path, monkeypatch):
    monkeypatch.setattr(excel, "EXCEL_ROWS", 5)
    batch = batch_of(ID=list(range(9)))
    report = written(tmp_path / "d.xlsx", batch.schema, [batch])
    book = openpyxl.load_workbook(tmp_path / "d.xlsx")
    assert book.sheetnames == ["crm.deal.list", "crm.deal.list (2)", "crm.deal.list (3)"]
    assert [cells_of(tmp_path / "d.xlsx", n)[0] for n in range(3)] == [("ID",)] * 3
    assert [row[0] for n in range(3) for row in cells_of(tmp_path / "d.xlsx", n)[1:]] == list(range(9))
    assert book.worksheets[2].auto_filter.ref == "A1:A2"
    assert "3 sheets" in report.notes[-1]


def test_excel__four_rows_fill_a_sheet_of_five(tmp_path, monkeypatch):
    monkeypatch.setattr(excel, "EXCEL_ROWS", 5)
    batch = batch_of(ID=list(range(4)))
    assert written(tmp_path / "d.xlsx", batch.schema, [batch]).notes == REPORT.notes
    assert len(openpyxl.load_workbook(tmp_path / "d.xlsx").sheetnames) == 1


@pytest.mark.parametrize(
    "text", ["a" * 32_768, "=" * 80_000, "🔥" * 20_000, "a" + "🔥" * 40_000, "<r>" * 20_000 + "</r>"]
)
def test_excel__a_text_that_a_cell_has_no_room_for_stands_whole_on_a_sheet_of_its_own(text, tmp_path):
    batch = batch_of(ID=[1, 2], T=["short", text])
    report = written(tmp_path / "d.xlsx", batch.schema, [batch])
    cell = cells_of(tmp_path / "d.xlsx")[2][1]
    assert cell.endswith("…")
    assert text.startswith(cell[:-1])
    assert len(cell.encode("utf-16-le")) // 2 in (32_766, 32_767)
    assert openpyxl.load_workbook(tmp_path / "d.xlsx").sheetnames == ["crm.deal.list", "Long texts"]
    head, *parts = cells_of(tmp_path / "d.xlsx", 1)
    assert head == ("Sheet", "Row", "Column", "Part", "Text")
    assert "".join(part[4] for part in parts) == text
    assert [part[:4] for part in parts] == [("crm.deal.list", 3, "T", n + 1) for n in range(len(parts))]
    assert "Long texts" in report.notes[-1]


@pytest.mark.parametrize("text", ["a" * 32_767, "🔥" * 16_383])
def test_excel__a_text_that_just_fits_is_whole(text, tmp_path):
    batch = batch_of(T=[text])
    assert written(tmp_path / "d.xlsx", batch.schema, [batch]).notes == REPORT.notes
    assert cells_of(tmp_path / "d.xlsx")[1][0] == text


def test_excel__more_columns_than_a_sheet_has_are_an_error_that_leaves_nothing(tmp_path):
    schema = pa.schema([(f"C{n}", pa.int64()) for n in range(16_385)])
    with pytest.raises(ExportError, match=r"16,385 columns.*Hint: select fewer"):
        ExcelSink(tmp_path / "d.xlsx", schema)
    assert list(tmp_path.iterdir()) == []


def test_excel__without_xlsxwriter_the_error_has_the_pip_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(MissingExtraError, match=r'pip install "b24data\[excel\]"'):
        target_of(tmp_path / "d.xlsx")


def test_csv__is_what_rfc_4180_says(tmp_path):
    batch = batch_of(**{'a "b",': ["x", 'y "z"', None, "", "l\r\nm"], "N": [1, 2, 3, None, 5]})
    written(tmp_path / "d.csv", batch.schema, [batch])
    expected = b'"a ""b"",",N\r\nx,1\r\n"y ""z""",2\r\n,3\r\n"",\r\n"l\r\nm",5\r\n'
    assert (tmp_path / "d.csv").read_bytes() == expected


def test_csv__of_one_column_has_a_line_for_each_null(tmp_path):
    batch = batch_of(N=pa.array([1, None, 3]))
    written(tmp_path / "d.csv", batch.schema, [batch])
    assert (tmp_path / "d.csv").read_bytes() == b'N\r\n1\r\n""\r\n3\r\n'
    assert len(pd.read_csv(tmp_path / "d.csv")) == 3


def test_csv__pandas_polars_and_duckdb_read_the_values(tmp_path):
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([1, 2, None]),
            pa.array([1.0, 2.0, 3.25]),
            pa.array(["a\nb", 'c "d", e', None]),
            pa.array([True, False, None]),
            pa.array([dt.date(2024, 5, 1), None, dt.date(2026, 1, 1)]),
            pa.array([AT, AT, None], MOSCOW),
        ],
        names=["I", "F", "T", "B", "D", "A"],
    )
    file = tmp_path / "d.csv"
    written(file, batch.schema, [batch])
    frame = pd.read_csv(file, parse_dates=["D", "A"], dtype={"I": "Int64", "B": "boolean"})
    assert frame["I"].tolist()[:2] == [1, 2]
    assert frame["F"].sum() == 6.25
    assert frame["A"][0] == pd.Timestamp(AT)
    assert frame["D"][2] == pd.Timestamp("2026-01-01")
    table = pl.read_csv(file, try_parse_dates=True)
    assert (table["I"].sum(), table["F"].sum(), table["T"][0], table["B"].to_list()) == (
        3,
        6.25,
        "a\nb",
        [True, False, None],
    )
    assert table["D"][0] == dt.date(2024, 5, 1)
    found = duckdb.sql(
        f"select sum(I), sum(F), min(D), max(A) = '{AT.isoformat()}', any_value(T) from '{file}'"
    ).fetchall()
    assert found == [(3, 6.25, dt.date(2024, 5, 1), True, "a\nb")]


def test_csv__polars_reads_a_column_whose_first_fraction_comes_late(tmp_path):
    batch = batch_of(ID=list(range(2000)), S=[*[100.0] * 1999, 0.5])
    written(tmp_path / "d.csv", batch.schema, [batch])
    assert pl.read_csv(tmp_path / "d.csv")["S"][1999] == 0.5


def test_csv__of_more_rows_than_excel_opens_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(csvfile, "EXCEL_ROWS", 3)
    batch = batch_of(ID=[1, 2, 3])
    assert (
        "Excel opens the first 2 rows" in written(tmp_path / "e.csv", batch.schema, [batch], csv="excel-ru").notes[-1]
    )
    assert written(tmp_path / "d.csv", batch.schema, [batch]).notes == REPORT.notes


# Both.

FILES = ["d.xlsx", "d.csv"]


def rows_in(file):
    return cells_of(file)[1:] if file.suffix == ".xlsx" else lines_of(file)[1:]


@pytest.mark.parametrize("name", FILES)
def test_a_file__has_all_rows_of_many_batches_and_leaves_nothing_temp_sibling(name, tmp_path):
    batches = [batch_of(ID=list(range(n, n + 3_000))) for n in range(0, 30_000, 3_000)]
    sink = Target(tmp_path / name, name[2:]).sink(batches[0].schema, {})
    for batch in batches:
        sink.write(batch)
        assert not (tmp_path / name).exists()
    sink.close(REPORT)
    assert [int(row[0]) for row in rows_in(tmp_path / name)] == list(range(30_000))
    assert names_in(tmp_path) == [name]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("names", [["ID"], [""], ["a", "a "], ["x" * 40_000], ['"', ",", "\n", "[x]"], []])
def test_a_file__of_an_empty_list_has_its_header(name, names, tmp_path):
    written(tmp_path / name, pa.schema([(one, pa.string()) for one in names]), [])
    head = (cells_of(tmp_path / name) if name == "d.xlsx" else lines_of(tmp_path / name))[:1]
    read = [(one or "") for one in head[0]] if head else []
    assert len(read) == max(len(names), 0) or (not names and read in ([], [""]))
    assert [one[:30].strip("…") for one in read if one] == [one[:30] for one in names if one]
    assert rows_in(tmp_path / name) == []


@pytest.mark.parametrize("name", FILES)
def test_a_file__of_batches_that_widen_has_one_text_for_a_value(name, tmp_path):
    first, second = batch_of(ID=[1], N=[5]), batch_of(ID=[2], N=["x"], NEW=[True])
    written(tmp_path / name, first.schema, [first, second, first])
    got = rows_in(tmp_path / name)
    if name == "d.xlsx":
        assert got == [(1, "5", None), (2, "x", True), (1, "5", None)]
    else:
        assert got == [["1", "5", ""], ["2", "x", "true"], ["1", "5", ""]]


@pytest.mark.parametrize("name", FILES)
def test_abort__keeps_the_file_that_was_there(name, tmp_path):
    (tmp_path / name).write_bytes(b"the last good one")
    sink = Target(tmp_path / name, name[2:]).sink(pa.schema([("ID", pa.int64())]), {})
    sink.write(batch_of(ID=[1]))
    sink.abort()
    sink.abort()
    last = Target(tmp_path / name, name[2:]).last_sink(pa.schema([("ID", pa.int64())]), {})
    last.write(batch_of(ID=[1]))
    last.abort()
    last.abort()
    assert (tmp_path / name).read_bytes() == b"the last good one"
    assert names_in(tmp_path) == [name]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("step", ["recast", "fsync", "replace_file"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "Ctrl-C"])
def test_a_failure__at_any_step_leaves_no_trace(name, step, error, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "tmp").mkdir()
    target = tmp_path / "out" / name
    target.write_bytes(b"the last good one")

    def fail(*_):
        raise error

    where = {"fsync": (newfile.os, "fsync"), "replace_file": (newfile, "replace_file")}
    module = excel if name == "d.xlsx" else csvfile
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(*where.get(step, (module, step)), fail)
    with pytest.raises((ExportError, OSError, KeyboardInterrupt)):
        written(target, pa.schema([("ID", pa.int64())]), [batch_of(ID=[1])])
    assert target.read_bytes() == b"the last good one"
    assert names_in(tmp_path / "out") == [name]
    assert names_in(tmp_path / "tmp") == []


def test_excel__a_full_folder_for_temporary_files_is_an_error_with_a_cure(tmp_path, monkeypatch):
    sink = ExcelSink(tmp_path / "d.xlsx", pa.schema([("ID", pa.int64())]))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    with pytest.raises(ExportError, match=r"d\.xlsx: No space left.*make room"):
        sink.close(REPORT)
    assert names_in(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes, and links need rights there")
@pytest.mark.parametrize("name", FILES)
def test_a_file__keeps_its_mode_and_the_link_to_it(name, tmp_path):
    (tmp_path / name).touch()
    (tmp_path / name).chmod(0o640)
    (tmp_path / f"latest{name[1:]}").symlink_to(name)
    target = target_of(tmp_path / f"latest{name[1:]}")
    target.sink(pa.schema([("ID", pa.int64())]), {}).close(REPORT)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o640
    assert (tmp_path / f"latest{name[1:]}").is_symlink()
    assert (tmp_path / name).stat().st_size > 0


@pytest.mark.parametrize("name", ["d.xls", "d.txt", "d", "d.parquet.gz", "d.json", "д.тсв"])
def test_a_name__that_says_no_kind_of_file_is_an_error_with_the_three(name, tmp_path):
    with pytest.raises(ConfigError, match=r"neither a \.parquet nor an \.xlsx nor a \.csv"):
        target_of(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "kind"), [("D.XLSX", "xlsx"), ("d.Csv", "csv"), ("a.b.PARQUET", "parquet")])
def test_a_name__says_the_kind_in_capitals_too(name, kind, tmp_path):
    assert target_of(tmp_path / name).kind == kind


@pytest.mark.parametrize(("name", "word"), [("d.xlsx", "plain"), ("d.parquet", "excel-ru"), ("d.csv", "excel")])
def test_csv_option__has_a_meaning_for_csv_files_only(name, word, tmp_path):
    with pytest.raises(ConfigError, match="csv"):
        target_of(tmp_path / name, word)


def test_staged__batches_come_out_in_order_under_one_schema(tmp_path):
    seen = []

    class Sink:
        def __init__(self, schema):
            self.schema = schema

        def write(self, batch):
            seen.append(batch)

        def close(self, report):
            return self.schema.names, report

        def abort(self):
            pass

    sink = StagedSink(tmp_path / "d.csv", pa.schema([("A", pa.int64())]), Sink)
    for batch in (batch_of(A=[1]), batch_of(A=[2]), batch_of(A=[3], B=["x"]), batch_of(A=[4])):
        sink.write(batch)
    assert sink.close("r") == (["A", "B"], "r")
    assert [batch.column(0).to_pylist() for batch in seen] == [[1], [2], [3], [4]]
    assert list(tmp_path.iterdir()) == []


def test_flat__a_list_of_a_slice_is_that_of_its_rows():
    lists = pa.array([["a"], ["b", "c"], None, ["d"]]).slice(1, 2)
    assert flat.joined(lists, flat.text_of).to_pylist() == ["b, c", None]


def test_csv__of_a_slice_has_its_rows_only(tmp_path):
    batch = batch_of(T=["a", "b", "c"]).slice(1, 1)
    CsvSink(tmp_path / "d.csv", batch.schema).abort()
    written(tmp_path / "d.csv", batch.schema, [batch], replace(REPORT, rows=1))
    assert lines_of(tmp_path / "d.csv") == [["T"], ["b"]]
