"""Commands that print facts: a table for people, one JSON document with ``--json``."""

import io
import json

import pytest

from b24data import Sandbox
from b24data.auth.profiles import Profile, Profiles
from b24data.cli import main as cli
from b24data.cli.main import main
from b24data.cli.output import table_lines


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=120) as portal:
        yield portal


@pytest.fixture(autouse=True)
def webhook(portal, monkeypatch, tmp_path):
    monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url)
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path / "config"))


def json_of(capsys, *typed):
    code = main([*typed, "--json"])
    shown = capsys.readouterr()
    assert shown.err == "" or typed[0] == "fetch"  # whose progress is there
    return code, json.loads(shown.out)


def test_describe__is_a_table_in_the_width_of_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["describe", "crm.deal.list"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["code", "title", "type", "column", "is", "values"]
    assert [line for line in lines if len(line) > 80] == []
    stage = next(line for line in lines if line.startswith("STAGE_ID "))
    assert "NEW=" in stage


def test_describe__that_goes_into_a_pipe_is_not_cut(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert main(["describe", "crm.deal.list"]) == 0
    assert "…" not in capsys.readouterr().out


def test_describe__as_json_has_all_that_is_known(capsys):
    code, fields = json_of(capsys, "describe", "crm.deal.list")
    assert code == 0
    stage = next(one for one in fields if one["code"] == "STAGE_ID")
    assert stage["arrow"] == "string"
    assert stage["values"]["C1:WON"] == "Deal won"


def test_describe__of_a_misspelt_method_names_the_nearest(capsys):
    assert main(["describe", "crm.deals.list"]) == 1
    assert "did you mean crm.deal.list" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["fetch", "crm.item.list", "--to", "x.parquet"], "Hint: pass --params entityTypeId=VALUE."),
        (["describe", "crm.item.list"], "Hint: pass --params entityTypeId=VALUE."),
        (["status", "--profile", "acme"], "Hint: b24data login creates one."),
        (["fetch", "crm.deal.list", "--to", "x.xls"], "Hint: name it x.parquet, x.xlsx or x.csv"),
        (["fetch", "crm.deal.list", "--to", "x.parquet", "--tz", "Europe/Berlyn"], "did you mean Europe/Berlin?"),
        (["fetch", "profile", "--to", "x.parquet"], "Hint: call it with b24data call"),
        (["sync", "lists.element.get", "--to", "x"], "--cursor DATE_MODIFY"),
    ],
    ids=str,
)
def test_an_error__says_what_to_type_in_a_shell(typed, says, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(typed) == 1
    assert says in capsys.readouterr().err
    assert not list(tmp_path.glob("x*"))


def test_sync_dry_run__tells_of_the_whole_list_first_and_then_of_the_changes(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    sync = ["sync", "crm.deal.list", "--select", "ID,TITLE", "--to", "deals"]
    code, first = json_of(capsys, *sync, "--dry-run")
    assert (code, first["rows"] > 60) == (0, True)
    assert not (tmp_path / "deals").exists()
    assert main([*sync, "--quiet"]) == 0
    assert json_of(capsys, *sync, "--dry-run")[1]["rows"] == 0


def test_sync_dry_run__accepts_a_name_that_is_not_described_if_told_to(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    sync = ["sync", "crm.deal.list", "--to", "deals", "--filter", "UF_CRM_NEW=1", "--dry-run", "--json"]
    assert main(sync) == 1
    assert "UF_CRM_NEW" in capsys.readouterr().err
    assert main([*sync, "--no-check-fields"]) == 0


def test_login__where_nobody_can_be_asked_says_who_is_signed_in(capsys, monkeypatch):
    monkeypatch.setenv("B24DATA_NONINTERACTIVE", "1")
    assert main(["login"]) == 0
    assert "no sign-in is needed: B24Hook(portal=" in capsys.readouterr().out


def test_methods__are_the_documented_ones_without_a_request(portal, capsys):
    before = portal.stats.requests
    assert main(["methods", "crm.deal"]) == 0
    assert "crm.deal.list                       keyset  crm.item.list" in capsys.readouterr().out
    assert portal.stats.requests == before


def test_methods__of_the_portal_have_those_that_are_no_lists(capsys):
    code, found = json_of(capsys, "methods", "CRM.deal.f*", "--portal")
    facts = {"list": False, "reads": True, "walk": "", "documented": False, "deprecated": ""}
    assert (code, found) == (0, [{"method": "crm.deal.fields", **facts}])


def test_methods__that_nobody_has_are_exit_code_1(capsys):
    assert json_of(capsys, "methods", "no.such.thing") == (1, [])


def test_status__names_portal_and_user(capsys):
    assert main(["status"]) == 0
    assert "administrator" in capsys.readouterr().out
    code, status = json_of(capsys, "status")
    assert (code, status["way"], status["is_admin"]) == (0, "webhook", True)


def test_profiles__are_listed_and_deleted(capsys, tmp_path, portal):
    assert json_of(capsys, "profiles") == (0, [])
    main(["profiles"])
    assert "b24data login creates one" in capsys.readouterr().out
    Profiles().save(Profile(name="acme", portal="acme.bitrix24.com", webhook=portal.webhook_url))
    expected = {"profile": "acme", "portal": "acme.bitrix24.com", "user": "", "way_in": "webhook"}
    assert json_of(capsys, "profiles") == (0, [expected])
    assert main(["profiles", "--delete", "acme"]) == 0
    assert Profiles().names() == []


def test_fetch__as_json_is_the_report(tmp_path, capsys):
    code, report = json_of(capsys, "fetch", "crm.deal.list", "--to", str(tmp_path / "deals.parquet"))
    assert code == 0
    assert (report["rows"], report["complete"], report["reason"]) == (120, True, "reached_pinned_id")


def test_dry_run__estimates_and_fetches_nothing(tmp_path, capsys):
    typed = ["fetch", "crm.deal.list", "--filter", ">ID=0", "--dry-run", "--to", str(tmp_path / "deals.parquet")]
    code, estimate = json_of(capsys, *typed)
    assert code == 0
    assert 80 < estimate["rows"] < 160
    assert list(tmp_path.iterdir()) == []
    assert main(typed) == 0
    assert "requests, under a second" in capsys.readouterr().out


def test_call__of_a_write_needs_the_word(portal, capsys):
    before = portal.truth("crm.deal.list").count
    assert main(["call", "crm.deal.delete", "--params", "id=1"]) == 1
    assert "add --write" in capsys.readouterr().err
    assert portal.truth("crm.deal.list").count == before


def test_call__of_a_method_that_the_portal_lacks_names_the_nearest(capsys):
    assert main(["call", "crm.deals.get", "--params", "id=1"]) == 1
    assert "ERROR_METHOD_NOT_FOUND" in (said := capsys.readouterr().err)
    assert "did you mean crm.deal.get?" in said


def test_call__takes_select_filter_and_order(capsys):
    assert main(["call", "crm.deal.list", "--select", "ID", "--filter", "<=ID=60", "--order", "ID=DESC"]) == 0
    ids = [row["ID"] for row in json.loads(capsys.readouterr().out)]
    assert ids == sorted(ids, reverse=True)
    assert max(ids) <= 60


def test_table__keeps_names_whole_and_counts_wide_letters():
    rows = [
        {"code": "UF_CRM_1700000020", "title": "Ответственный за сделку"},
        {"code": "ID", "title": "服务服务服务服务"},
    ]
    lines = table_lines(rows, 30)
    assert [line.split()[0] for line in lines] == ["code", "UF_CRM_1700000020", "ID"]
    assert lines[1].endswith("…")
    assert lines[2] == "ID                 服务服务服…"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "ascii"])
def test_json__survives_an_output_that_can_not_hold_every_script(encoding, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding=encoding))
    assert cli.main(["call", "crm.category.list", "--params", "entityTypeId=2"]) == 0
    assert "服务 Service" in {one["name"] for one in json.loads(raw.getvalue().decode(encoding))}


def test_a_table__survives_an_output_that_can_not_hold_every_script(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="cp1252"))
    assert cli.main(["status"]) == 0
    assert b"administrator" in raw.getvalue()


def test_profiles__deletes_each_that_is_named_or_none(capsys):
    for name in ("acme", "beta", "gamma"):
        Profiles().save(Profile(name=name, portal="x.bitrix24.com", webhook="https://x.bitrix24.com/rest/1/a-code/"))
    assert main(["profiles", "--delete", "acme", "--delete", "gama"]) == 1
    assert "did you mean 'gamma'" in capsys.readouterr().err
    assert Profiles().names() == ["acme", "beta", "gamma"]
    assert main(["profiles", "--delete", "acme", "--delete", "beta", "--delete", "acme"]) == 0
    assert Profiles().names() == ["gamma"]
