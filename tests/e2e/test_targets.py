"""``to=`` an Excel or CSV file: from a portal over HTTP, stopped and resumed, from every face."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest

from b24data import ConfigError, IncompleteFetchError, MissingExtraError, Sandbox
from b24data.cli.main import main
from b24data.fetch import job_sink

FIELDS = ["ID", "TITLE", "OPPORTUNITY", "DATE_CREATE"]
NAMES = ["deals.xlsx", "deals.csv"]


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path_factory):
    monkeypatch.setattr(job_sink, "_PART_ROWS", 1_000)
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path_factory.mktemp("state")))


@pytest.fixture
def portal():
    with Sandbox(deals=5_000, contacts=60, rate_limit=None, cost=0.001) as portal:
        yield portal


@pytest.fixture
def tools(portal):
    return portal.connect().tools


def rows_in(file: Path) -> list[tuple[object, ...]]:
    """The rows below the header, from every sheet with rows of the list."""
    if file.suffix == ".xlsx":
        return list(openpyxl.load_workbook(file).worksheets[0].iter_rows(values_only=True))[1:]
    if file.suffix == ".parquet":
        return [tuple(row.values()) for row in pq.read_table(file).to_pylist()]
    with file.open(encoding="utf-8", newline="") as text:
        return [tuple(row) for row in csv.reader(text)][1:]


def ids_in(file: Path) -> list[int]:
    return [int(str(row[0])) for row in rows_in(file)]


@pytest.mark.parametrize("name", NAMES)
def test_fetch__has_every_row_once_and_the_values_of_the_frame(name, portal, tools, tmp_path):
    report = tools.fetch_all("crm.deal.list", FIELDS, to=tmp_path / name, progress=False)
    frame = tools.fetch_all("crm.deal.list", FIELDS, progress=False)
    assert report.complete
    assert (report.rows, report.target) == (5_000, str(tmp_path / name))
    assert ids_in(tmp_path / name) == portal.truth("crm.deal.list").ids == frame["ID"].tolist()
    sums = [float(str(row[2])) for row in rows_in(tmp_path / name) if row[2] not in (None, "")]
    assert sum(sums) == pytest.approx(frame["OPPORTUNITY"].sum())
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "options", [{"limit": 70}, {"order": {"TITLE": "ASC"}, "filter": {"<=ID": 200}}, {"filter": {"ID": -1}}]
)
def test_fetch__of_lists_that_are_not_resumed(name, options, tools, tmp_path):
    report = tools.fetch_all("crm.deal.list", FIELDS, to=tmp_path / name, progress=False, **options)
    expected = tools.fetch_all("crm.deal.list", FIELDS, progress=False, **options)["ID"].tolist()
    assert ids_in(tmp_path / name) == expected
    assert report.rows == len(expected)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_fetch__that_is_stopped_goes_on_where_it_was(name, portal, tools, tmp_path):
    (tmp_path / name).write_bytes(b"the last good one")
    portal.fail("error", at=3, times=100, code="ACCESS_DENIED", status=403)
    with pytest.raises(IncompleteFetchError, match="resumes after"):
        tools.fetch_all("crm.deal.list", FIELDS, to=tmp_path / name, progress=False, workers=1)
    assert (tmp_path / name).read_bytes() == b"the last good one"
    portal.clear_faults()
    report = tools.fetch_all("crm.deal.list", FIELDS, to=tmp_path / name, progress=False)
    assert report.earlier.rows > 0
    assert ids_in(tmp_path / name) == portal.truth("crm.deal.list").ids
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_fetch__partial_puts_what_came_into_the_file(name, portal, tools, tmp_path):
    portal.fail("error", at=3, times=100, code="ACCESS_DENIED", status=403)
    report = tools.fetch_all("crm.deal.list", ["ID"], to=tmp_path / name, progress=False, partial=True, workers=1)
    assert not report.complete
    assert ids_in(tmp_path / name) == portal.truth("crm.deal.list").ids[: report.rows]
    assert 0 < report.rows < 5_000


@pytest.mark.parametrize("name", NAMES)
def test_fetch__that_is_killed_while_it_writes_leaves_the_last_good_file(name, portal, tools, tmp_path):
    (tmp_path / name).write_bytes(b"the last good one")
    code = (
        "import os, sys, b24data.frames.newfile as newfile\n"
        "newfile.replace_file = lambda *_: os.kill(os.getpid(), 9)\n"
        "from b24data.cli.main import main\n"
        "main(['fetch', 'crm.deal.list', '--select', 'ID', '--quiet', '--to', sys.argv[1]])\n"
    )
    env = {**os.environ, "B24_WEBHOOK": portal.webhook_url}
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], env=env, check=False, timeout=120)
    assert killed.returncode != 0
    assert (tmp_path / name).read_bytes() == b"the last good one"
    report = tools.fetch_all("crm.deal.list", ["ID"], to=tmp_path / name, progress=False)
    assert ids_in(tmp_path / name) == portal.truth("crm.deal.list").ids
    assert report.complete
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_fetch__titles_labels_and_phones_in_excel(tools, tmp_path):
    tools.fetch_all(
        "crm.deal.list", ["ID", "STAGE_ID", "DATE_CREATE"], to=tmp_path / "d.xlsx", titles=True, labels="replace",
        tz="Europe/Moscow", limit=5, progress=False,
    )  # fmt: skip
    head = next(openpyxl.load_workbook(tmp_path / "d.xlsx").active.iter_rows(values_only=True))
    assert head == ("ID", "Deal Stage", "Creation Date (Europe/Moscow)")
    frame = tools.fetch_all("crm.contact.list", ["ID", "PHONE"], progress=False)
    tools.fetch_all("crm.contact.list", ["ID", "PHONE"], to=tmp_path / "c.xlsx", progress=False)
    wanted = [
        ", ".join(one["VALUE"] for one in value) if isinstance(value, list) else None
        for value in frame["PHONE"].to_list()
    ]
    assert [row[1] for row in rows_in(tmp_path / "c.xlsx")] == wanted
    assert any(wanted)


@pytest.mark.parametrize("dtypes", [{"STAGE_ID": "category", "OPPORTUNITY": "decimal"}, {"OPPORTUNITY": "text"}])
@pytest.mark.parametrize("name", [*NAMES, "deals.parquet"])
def test_fetch__dtypes_of_the_caller(name, dtypes, tools, tmp_path):
    fields = ["ID", "STAGE_ID", "OPPORTUNITY"]
    tools.fetch_all("crm.deal.list", fields, to=tmp_path / name, dtypes=dtypes, progress=False)
    frame = tools.fetch_all("crm.deal.list", fields, progress=False)
    assert [row[1] for row in rows_in(tmp_path / name)] == frame["STAGE_ID"].tolist()


@pytest.mark.parametrize("name", ["deals.xls", "deals", "deals.json"])
def test_fetch__another_suffix_is_refused_before_anything_is_sent(name, portal, tools, tmp_path):
    with pytest.raises(ConfigError, match=r"neither a \.parquet nor an \.xlsx nor a \.csv file"):
        tools.fetch_all("crm.deal.list", to=tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_fetch__csv_is_refused_without_a_csv_file(tools, tmp_path):
    for to in (None, tmp_path / "d.parquet", tmp_path / "d.xlsx"):
        with pytest.raises(ConfigError, match="is for CSV files"):
            tools.fetch_all("crm.deal.list", to=to, csv="excel-ru")


def test_fetch__without_xlsxwriter_nothing_is_sent(tools, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(MissingExtraError, match=r"b24data\[excel\]"):
        tools.fetch_all("crm.deal.list", to=tmp_path / "d.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_sync__refuses_a_file(name, tools, tmp_path):
    with pytest.raises(ConfigError, match="a sync writes a folder of Parquet files"):
        tools.sync("crm.deal.list", ["ID"], to=tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_shell__writes_both(portal, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url)
    for words in (["--to", "d.xlsx"], ["--to", "d.csv", "--csv", "excel-ru"]):
        assert main(["fetch", "crm.deal.list", "--select", "ID,OPPORTUNITY", "--limit", "3", "--quiet", *words]) == 0
    assert len(rows_in(tmp_path / "d.xlsx")) == 3
    assert (tmp_path / "d.csv").read_bytes().startswith("\ufeffID;OPPORTUNITY\r\n".encode())
    assert main(["fetch", "crm.deal.list", "--to", "d.parquet", "--csv", "excel-ru"]) == 1
    assert "csv 'excel-ru' is for CSV files, and d.parquet is none. Hint: add --to deals.csv" in capsys.readouterr().err
    assert not (tmp_path / "d.parquet").exists()


def test_exports__targets_and_csv(portal, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url)
    file = tmp_path / "exports.toml"
    file.write_text(
        '[exports.a]\nmethod = "crm.deal.list"\nselect = ["ID"]\ntarget = "a.xlsx"\n'
        '[exports.b]\nmethod = "crm.deal.list"\nselect = ["ID"]\ntarget = "b.csv"\ncsv = "excel-ru"\n',
        "utf-8",
    )
    assert main(["export", "run", "--file", str(file), "--all"]) == 0
    assert ids_in(tmp_path / "a.xlsx") == portal.truth("crm.deal.list").ids
    assert (tmp_path / "b.csv").read_bytes().startswith("\ufeffID\r\n".encode())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('target = "a.xls"', "ends in .parquet, .xlsx, .csv"),
        ('target = "a.xlsx"\ncsv = "excel-ru"', "csv: only with a target that ends in .csv"),
        ('target = "a.csv"\ncsv = "excel"', 'it is "plain" or "excel-ru"'),
        ('target = "a"\nmode = "sync"\ncsv = "plain"', "csv has no meaning here"),
    ],
)
def test_exports__what_does_not_fit_is_said_before_anything_runs(line, says, tmp_path, capsys):
    file = tmp_path / "exports.toml"
    file.write_text(f'[exports.a]\nmethod = "crm.deal.list"\n{line}\n', "utf-8")
    assert main(["export", "run", "--file", str(file), "--all"]) == 1
    assert says in capsys.readouterr().err
