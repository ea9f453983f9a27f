"""What docs/types.md says of types and names is so."""

import csv
import json
import re
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b24data.fields.fields import Field
from b24data.fields.openapi import OPENAPI
from b24data.frames.columns import Decoder
from b24data.frames.parquet import ParquetSink
from b24data.frames.schema import build_schema
from b24data.frames.sinks import frame_of
from b24data.frames.targets import Target
from b24data.lists.methods import known_methods, spec_of
from tests.frames.test_types import REPORT

TEXT = (Path(__file__).parents[2] / "docs" / "types.md").read_text("utf-8")
CODE = re.compile(r"`([^`]+)`")


def rows_of_the_table():
    for line in TEXT.partition("## Type by type")[2].partition("Rules behind the table")[0].splitlines():
        cells = [cell.strip().replace("\0", "|") for cell in line.replace("\\|", "\0").split("|")[1:-1]]
        if len(cells) == 5 and "` → `" in cells[4]:
            types, arrow, pandas, read, pairs = cells
            for pair in pairs.split("<br>"):
                raw, value = CODE.findall(pair)
                name = "F_CURRENCY" if "_CURRENCY" in types else "F"
                portal_types = [one for one in CODE.findall(types) if one != "..._CURRENCY"]
                dtypes = (pandas.strip("`"), read.strip("`"))
                yield portal_types, types.startswith("multiple"), name, arrow.strip("`"), dtypes, raw, value


TABLE = list(rows_of_the_table())


def test_the_table__is_read_whole():
    assert len(TABLE) > 35
    assert len({portal_type for row in TABLE for portal_type in row[0]}) > 40


@pytest.mark.parametrize(("types", "multiple", "name", "arrow", "dtypes", "raw", "value"), TABLE)
def test_the_table__is_what_arrives(types, multiple, name, arrow, dtypes, raw, value, tmp_path):
    for portal_type in types:
        code = "crm_enum_ownertype" if portal_type == "crm_enum_*" else portal_type
        rows = [f'{{"F":{raw}}}'.encode()]
        field = Field("F", "F", type=code, multiple=multiple)
        decoder = Decoder(build_schema({"F": field}, ["F"], id_code=None, sample_rows=rows))
        batch = decoder.decode(rows)
        assert str(batch.schema.field(name).type).replace("list<item: ", "list<") == arrow
        assert shown(batch.column(name)[0].as_py()) == value
        dtype = str(frame_of(pa.Table.from_batches([batch]))[name].dtype)
        in_arrow = f"{batch.schema.field(name).type}[pyarrow]"
        assert dtype == (dtypes[0] if dtypes[0] != "Arrow's" else in_arrow)
        assert str(frame_of(pa.Table.from_batches([batch]), "pyarrow")[name].dtype) in (in_arrow, "string")
        assert decoder.coercions == {}
    sink = ParquetSink(tmp_path / "f.parquet", decoder.schema.arrow)
    sink.write(batch)
    sink.close(REPORT)
    assert shown(pq.read_table(tmp_path / "f.parquet")[name][0].as_py()) == value
    assert str(pd.read_parquet(tmp_path / "f.parquet")[name].dtype) == (dtypes[1] if dtypes[1] != "the same" else dtype)


def rows_of_the_files():
    for line in TEXT.partition("### Conversion of values")[2].partition("## Recipes")[0].splitlines():
        cells = [cell.strip().replace("\0", "|") for cell in line.replace("\\|", "\0").split("|")[1:-1]]
        if len(cells) == 5 and cells[1].startswith("`"):
            yield (cells[0], *(cell.strip("`") for cell in cells[1:]))


FILES = list(rows_of_the_files())


def test_the_table_of_files__has_every_type_of_the_table():
    first = {(tuple(types), multiple, name) for types, multiple, name, *_ in TABLE}
    assert {read_types(types) for types, *_ in FILES} == first
    assert len(FILES) == len(first)


def read_types(cell):
    types = tuple(one for one in CODE.findall(cell) if one != "..._CURRENCY")
    return types, cell.startswith("multiple"), "F_CURRENCY" if "_CURRENCY" in cell else "F"


@pytest.mark.parametrize(("cell", "raw", "in_excel", "plain", "russian"), FILES)
def test_the_table_of_files__is_what_is_read_back(cell, raw, in_excel, plain, russian, tmp_path):
    types, multiple, name = read_types(cell)
    for portal_type in types:
        code = "crm_enum_ownertype" if portal_type == "crm_enum_*" else portal_type
        rows = [f'{{"F":{raw}}}'.encode()]
        schema = build_schema(
            {"F": Field("F", "F", type=code, multiple=multiple)}, ["F"], id_code=None, sample_rows=rows
        )
        batch = Decoder(schema).decode(rows)
        for target in (
            Target(tmp_path / "f.xlsx", "xlsx"),
            Target(tmp_path / "p.csv", "csv"),
            Target(tmp_path / "r.csv", "csv", "excel-ru"),
        ):
            sink = target.sink(schema.arrow, {})
            sink.write(batch)
            sink.close(REPORT)
        place = schema.names.index(name)
        value = openpyxl.load_workbook(tmp_path / "f.xlsx").active.cell(2, place + 1)
        assert in_a_cell(value) == in_excel
        for file, delimiter, expected in (("p.csv", ",", plain), ("r.csv", ";", russian)):
            text = (tmp_path / file).read_text("utf-8-sig")
            assert list(csv.reader(text.splitlines(), delimiter=delimiter))[1][place] == expected


def in_a_cell(cell):
    """What Excel shows, by the value and the format."""
    if cell.is_date:
        return cell.value.strftime("%Y-%m-%d" if cell.number_format == "yyyy-mm-dd" else "%Y-%m-%d %H:%M:%S")
    return str(cell.value).upper() if isinstance(cell.value, bool) else str(cell.value)


def shown(value):
    if value is None:
        return "null"
    plain = not isinstance(value, list | dict | str | bool)
    return str(value) if plain else json.dumps(value, ensure_ascii=False, default=str)


def test_the_names__of_both_spellings_are_those_that_are_compared():
    from tests.frames.test_whole import RENAMED

    table = dict(re.findall(r"^\| `([A-Z_]+)` \| `(\w+)` \|$", TEXT, flags=re.MULTILINE))
    assert table == RENAMED


def test_the_methods_of_rest_3__are_described_as_the_page_says():
    specs = [spec_of(method) for method in known_methods() if spec_of(method).version == "v3"]
    by_document = [spec.method for spec in specs if spec.fields == OPENAPI]
    by_list = [spec.method for spec in specs if (spec.fields or "").endswith(".field.list")]
    by_rows = [spec.method for spec in specs if spec.fields is None]
    assert sorted(by_document) == ["mail.mailbox.senders", "tasks.task.result.list"]
    assert all(method in TEXT for method in by_document)
    assert (len(specs), len(by_list), len(by_rows)) == (40, 19, 19)
    others = [method for method in by_rows if not method.endswith(".field.list")]
    assert others == ["humanresources.node.communication.list"]
