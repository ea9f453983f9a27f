"""Many portals in a notebook and in a shell: ``--profile '*'``."""

from __future__ import annotations

import atexit
import json
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from b24data import ConfigError, Sandbox
from b24data.auth.profiles import Profiles
from b24data.cli.main import main
from b24data.client.chosen import choose


@pytest.fixture
def shell(two: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Any, None, None]:
    monkeypatch.setenv("IPYTHONDIR", str(two / "ipython"))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # a shell puts one of its own there
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    shell.run_line_magic("load_ext", "b24data")
    yield shell
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("named", ["*", "acme,beta", "beta,acme"])
@pytest.mark.parametrize("command", ["fetch", "call"])
def test_a_notebook__gets_one_frame(shell, command, named):
    deals = shell.run_line_magic("b24", f"{command} crm.deal.list --select ID,TITLE --profile '{named}'")
    names = ["acme", "beta"] if named == "*" else named.split(",")
    assert list(deals) == ["PORTAL", "ID", "TITLE"]
    assert deals["PORTAL"].unique().tolist() == names
    assert len(deals) == 100


def test_a_notebook__writes_a_file_for_each_and_estimates(shell, two):
    shell.run_line_magic("b24", "fetch crm.deal.list --profile '*' --to 'lake/{profile}.parquet' -o reports")
    assert {name: report.rows for name, report in shell.user_ns["reports"].items()} == {"acme": 70, "beta": 30}
    estimate = shell.run_line_magic("b24", "fetch crm.deal.list --profile '*' --dry-run")
    assert estimate["PORTAL"].tolist() == ["acme", "beta"]


def test_a_notebook__asks_each_portal_in_sql_with_its_variables(shell):
    shell.user_ns["low"] = 0
    shell.user_ns["kinds"] = pd.DataFrame({"x": [1, 2]})
    found = shell.run_cell_magic(
        "b24",
        "sql --profile '*'",
        "select count(*) as deals, (select count(*) from kinds) as k from deals where id > :low",
    )
    assert found[["PORTAL", "deals", "k"]].values.tolist() == [["acme", 70, 2], ["beta", 30, 2]]


def test_a_notebook__warns_of_a_portal_that_failed_and_has_the_others(shell, keep):
    with Sandbox(deals=3) as gone:
        keep("gone", gone)
        gone.revoke()
        with pytest.warns(UserWarning, match=r"gone: sign in again: .*%b24 login --profile gone"):
            deals = shell.run_line_magic("b24", "fetch crm.deal.list --select ID --profile '*'")
    assert deals["PORTAL"].unique().tolist() == ["acme", "beta"]
    assert deals.attrs["b24data"]["complete"] is False


def test_a_notebook__calls_the_portal_that_connect_would_call(shell, sandboxes, monkeypatch):
    count = lambda: len(shell.run_line_magic("b24", "fetch crm.deal.list --select ID"))  # noqa: E731
    for name, deals in (("acme", 70), ("beta", 30), ("acme", 70)):
        monkeypatch.setenv("B24_WEBHOOK", sandboxes[name].webhook_url)
        assert count() == deals
    monkeypatch.setenv("B24_PROFILE", "beta")
    assert count() == 30
    choose(Profiles(), "acme")  # a sign-in does
    assert count() == 70
    choose(Profiles(), None)
    assert count() == 30
    for name in ("B24_PROFILE", "B24_WEBHOOK"):
        monkeypatch.delenv(name)
    with pytest.raises(ConfigError, match="there are 2 profiles: acme, beta"):
        count()


def test_a_notebook__keeps_the_client_of_a_portal(shell, sandboxes, monkeypatch):
    monkeypatch.setenv("B24_PROFILE", "acme")
    magic = shell.magics_manager.registry["B24Magic"]
    first = magic._current_client()
    assert magic._current_client() is first
    monkeypatch.setenv("B24_PROFILE", "beta")
    assert magic._current_client() is not first


@pytest.mark.parametrize("line", ["status", "describe crm.deal.list", "call profile", "call crm.deal.list --raw"])
def test_a_notebook__says_what_is_for_one_portal(shell, line):
    with pytest.raises(ConfigError, match=r"is for one portal\. Hint: name one"):
        shell.run_line_magic("b24", f"{line} --profile '*'")


def test_a_notebook__shows_the_profiles(shell):
    assert list(shell.run_line_magic("b24", "profiles")) == ["name", "portal", "user", "kind", "last_use"]


def test_a_shell__writes_a_file_for_each(two, sandboxes, capsys):
    assert main(["fetch", "crm.deal.list", "--select", "ID", "--profile", "*", "--to", "lake/{profile}/d.parquet"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in shown] == [
        ["portal", "state", "rows"],
        ["acme", "ok", "70"],
        ["beta", "ok", "30"],
    ]
    for name, portal in sandboxes.items():
        assert pq.read_table(two / f"lake/{name}/d.parquet")["ID"].to_pylist() == portal.truth().ids


def test_a_shell__tells_it_as_json(two, capsys):
    words = ["fetch", "crm.deal.list", "--profile", "acme,beta", "--to", "{profile}.csv", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["portal"], one["state"], one["rows"]) for one in told["outcome"]] == [
        ("acme", "ok", 70),
        ("beta", "ok", 30),
    ]
    assert told["reports"]["beta"]["complete"] is True
    assert main(["fetch", "crm.deal.list", "--profile", "*", "--dry-run", "--json"]) == 0
    assert [one["PORTAL"] for one in json.loads(capsys.readouterr().out)["reports"]] == ["acme", "beta"]


def test_a_shell__syncs_a_folder_for_each(two, capsys):
    assert main(["sync", "crm.deal.list", "--select", "ID", "--profile", "*", "--to", "lake/{profile}", "--quiet"]) == 0
    crm = ["crm", "sync", "--tables", "deals, statuses", "--to", "crm/{profile}", "--quiet", "--profile"]
    assert main([*crm, "*"]) == 0
    assert len(pd.read_parquet(two / "lake/beta")) == 30
    assert (two / "crm/acme/deals").is_dir()
    assert (two / "crm/beta/statuses").is_dir()
    assert capsys.readouterr().out == ""


def test_a_shell__names_the_portal_that_failed_and_ends_with_its_code(two, keep, capsys):
    with Sandbox(deals=3) as gone:
        keep("gone", gone)
        gone.revoke()
        assert main(["fetch", "crm.deal.list", "--profile", "*", "--to", "{profile}.parquet", "--quiet"]) == 3
    said = capsys.readouterr()
    assert said.err.startswith("b24data: gone: sign in again: ")
    assert "b24data login gone" in said.err
    assert (two / "acme.parquet").exists()
    assert not (two / "gone.parquet").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fetch", "crm.deal.list", "--profile", "*", "--to", "deals.parquet"], "put {profile} into it: --to"),
        (["sync", "crm.deal.list", "--profile", "*", "--to", "deals", "--dry-run"], "is for one portal"),
        (["fetch", "crm.deal.list", "--profile", "acme,bata", "--to", "{profile}.csv"], "did you mean 'beta'?"),
        (["describe", "crm.deal.list", "--profile", "*"], "'*' is not the name of a profile"),
    ],
)
def test_a_shell__says_what_is_wrong(two, capsys, words, said):
    assert main(words) != 0
    assert said in capsys.readouterr().err
