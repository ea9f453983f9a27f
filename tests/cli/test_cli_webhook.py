"""``b24data call`` and ``b24data fetch`` against a portal."""

import json
import re

import pyarrow.parquet as pq
import pytest

from b24data import Sandbox
from b24data.cli.main import main


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=120) as portal:
        yield portal


@pytest.fixture(autouse=True)
def webhook(portal, monkeypatch):
    monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url)
    return portal.webhook_url


def test_call__prints_the_answer_as_json(capsys):
    assert main(["call", "server.time"]) == 0
    shown = capsys.readouterr()
    assert set(json.loads(shown.out)) == {"result", "time"}
    assert shown.err == ""


def test_call__of_a_list_is_all_of_it_as_in_a_cell(capsys, portal):
    assert main(["call", "crm.deal.list", "--select", "ID,DATE_CREATE,OPPORTUNITY", "--filter", ">ID=20"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["ID"] for row in rows] == list(portal.truth("crm.deal.list", filter={">ID": 20}).ids)
    assert len(rows) > 50
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\+00:00", rows[0]["DATE_CREATE"])
    assert isinstance(rows[0]["OPPORTUNITY"], float)


def test_raw__is_one_request_and_says_where_the_list_goes_on(capsys):
    assert main(["call", "crm.deal.list", "--raw"]) == 0
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)["result"]) == 50
    assert "up to row 50 of 120;" in shown.err
    assert "b24data fetch crm.deal.list" in shown.err


def test_call__keeps_other_scripts_readable(capsys):
    main(["call", "crm.category.list", "--params", '{"entityTypeId": 2}'])
    assert "服务" in capsys.readouterr().out


def test_call__of_an_unknown_method_is_one_line_without_the_secret(capsys, webhook):
    assert main(["call", "crm.dael.list"]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("b24data: crm.dael.list: ")
    assert shown.count("\n") == 1
    assert webhook not in shown


def test_fetch__writes_the_file_and_prints_the_report(portal, tmp_path, capsys):
    file = tmp_path / "deals.parquet"
    typed = ["fetch", "crm.deal.list", "--select", "ID,TITLE", "--filter", '{">ID": 20}', "--to", str(file)]
    assert main(typed) == 0
    assert pq.read_table(file)["ID"].to_pylist() == list(portal.truth("crm.deal.list", filter={">ID": 20}).ids)
    assert pq.read_schema(file).names == ["ID", "TITLE"]
    assert "complete" in capsys.readouterr().out


def test_fetch__quietly_prints_nothing(tmp_path, capsys):
    typed = [
        "fetch",
        "crm.deal.list",
        "--select",
        "ID",
        "--limit",
        "10",
        "--to",
        str(tmp_path / "ten.parquet"),
        "--quiet",
    ]
    assert main(typed) == 0
    assert pq.read_table(tmp_path / "ten.parquet").num_rows == 10
    assert capsys.readouterr() == ("", "")


def test_fetch__of_a_misspelt_field_names_the_nearest_and_leaves_no_file(tmp_path, capsys):
    assert main(["fetch", "crm.deal.list", "--select", "ID,TITEL", "--to", str(tmp_path / "deals.parquet")]) == 1
    assert "TITLE" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_fetch__into_a_folder_that_does_not_exist_names_it(tmp_path, capsys):
    assert main(["fetch", "crm.deal.list", "--to", str(tmp_path / "nowhere" / "deals.parquet")]) == 1
    assert "nowhere" in capsys.readouterr().err
