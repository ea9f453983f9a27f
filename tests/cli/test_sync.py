"""``b24data sync``, as typed and as a schedule types it."""

import json

import pyarrow.dataset as ds
import pytest

from b24data import Sandbox
from b24data.cli.main import main
from b24data.files.locks import locked

SYNC = ["sync", "crm.deal.list", "--to", "deals", "--select", "ID,TITLE"]


@pytest.fixture
def portal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Sandbox(deals=120, rate_limit=None, cost=0.0) as portal:
        monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url)
        yield portal


def test_sync__reports_as_text_as_json_or_not_at_all(portal, capsys):
    assert main(SYNC) == 0
    assert "120 inserted, 0 updated, 0 deleted" in capsys.readouterr().out
    ids = portal.truth("crm.deal.list").ids
    portal.update("deals", ids[:2], {"TITLE": "changed"})
    portal.delete("deals", ids[5:8])
    assert main([*SYNC, "--json", "--deletes", "scan"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["updated"], told["deleted"], told["rows"]) == (2, 3, 117)
    assert main([*SYNC, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert ds.dataset("deals").count_rows() == 117


def test_sync__its_options_reach_the_tool(portal, capsys):
    options = [
        "--filter",
        "CLOSED=N",
        "--labels",
        "add",
        "--tz",
        "Europe/Berlin",
        "--cursor",
        "DATE_CREATE",
        "--gentle",
    ]
    assert main([*SYNC, *options, "--overlap", "2h", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cursor"] == "DATE_CREATE"
    assert told["rows"] == portal.truth("crm.deal.list", {"CLOSED": "N"}).count
    assert str(ds.dataset("deals").schema.field("DATE_CREATE").type) == "timestamp[us, tz=Europe/Berlin]"


@pytest.mark.parametrize("most", ["30", "0.25"])
def test_sync__says_what_to_do_when_too_much_is_gone(portal, capsys, most):
    assert main([*SYNC, "--quiet"]) == 0
    portal.delete("deals", portal.truth("crm.deal.list").ids[:30])
    assert main([*SYNC, "--quiet", "--deletes", "scan"]) == 1
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert "30 of the 120 rows in deals are no longer in the list" in shown.err
    assert main([*SYNC, "--quiet", "--deletes", "scan", "--max-deletes", most]) == 0
    assert ds.dataset("deals").count_rows() == 90


def test_sync__exit_codes_say_what_there_is_to_do(portal, capsys, tmp_path):
    assert main([*SYNC, "--quiet"]) == 0
    with locked(tmp_path / "deals" / "_b24data" / "lock"):
        assert main([*SYNC, "--quiet"]) == 4
    assert "another sync of deals is under way" in capsys.readouterr().err
    assert main([*("ID" if word == "ID,TITLE" else word for word in SYNC), "--quiet"]) == 1
    assert "deals is of another query: select is ['ID'] and was ['ID', 'TITLE']" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sync", "crm.deal.list"], "--to"),
        ([*SYNC, "--deletes", "all"], "scan"),
        ([*SYNC, "--deletes", "scan", "--max-deletes", "many"], "write 500, or 0.2 for a fifth of them"),
    ],
)
def test_sync__wrong_usage_is_one_line(portal, capsys, words, says):
    assert main(words) == 64
    shown = capsys.readouterr().err
    assert says in shown
    assert shown.count("\n") == 1
    assert portal.stats.requests == 0
