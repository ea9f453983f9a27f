"""``profiles`` in exports.toml: one export for each portal, with a state of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from b24data import ConfigError, Sandbox
from b24data.cli.main import main
from b24data.exports.file import read_exports

BOTH = """
[exports.deals]
profiles = "*"
method = "crm.deal.list"
select = ["ID"]
target = "lake/{profile}/deals-{name}.parquet"
every = "1d"

[exports.changes]
profiles = ["beta", "acme"]
mode = "sync"
method = "crm.deal.list"
select = ["ID"]
target = "sync/{profile}"
"""


@pytest.fixture
def folder(two: Path) -> Path:
    (two / "exports.toml").write_text(BOTH)
    return two


def states(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    capsys.readouterr()
    assert main(["export", "status", "--json"]) == 0
    return {one["export"]: one["state"] for one in json.loads(capsys.readouterr().out)}


def test_run__writes_a_file_for_each_portal_and_status_has_a_line_for_each(folder, capsys):
    never = ["deals@acme", "deals@beta", "changes@beta", "changes@acme"]
    assert states(capsys) == dict.fromkeys(never, "never run")
    assert main(["export", "run", "deals", "--quiet"]) == 0
    assert len(pd.read_parquet(folder / "lake/acme/deals-deals@acme.parquet")) == 70
    assert len(pd.read_parquet(folder / "lake/beta/deals-deals@beta.parquet")) == 30
    assert list(states(capsys).values()) == ["done", "done", "never run", "never run"]
    (folder / "sync").mkdir()
    assert main(["export", "run", "changes@beta", "--quiet"]) == 0
    assert len(pd.read_parquet(folder / "sync/beta")) == 30
    assert states(capsys)["changes@acme"] == "never run"
    assert main(["export", "run", "--due", "--quiet"]) == 0  # none is


def test_run__of_a_portal_that_failed_leaves_the_others_and_their_states(folder, keep, capsys):
    with Sandbox(deals=3) as gone:
        keep("alas", gone)
        gone.revoke()
        assert main(["export", "run", "deals", "--quiet"]) == 3
        assert main(["export", "run", "--due", "--dry-run"]) != 0  # only that of the portal that failed is due
    assert states(capsys)["deals@alas"] == "sign in again"
    assert states(capsys)["deals@beta"] == "done"


def test_list__has_a_line_for_the_export_and_run_knows_no_other_portal(folder, capsys):
    assert main(["export", "list"]) == 0
    listed = capsys.readouterr().out
    assert "beta, acme" in listed
    assert "deals@" not in listed
    assert main(["export", "run", "deals@gamma"]) == 1
    assert "there is no export 'deals@gamma'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('profiles = "*"\ntarget = "deals.parquet"', r"is one place for many portals: put \{profile\} into it"),
        ('profiles = "acme"\ntarget = "{profile}.parquet"', r"profiles = 'acme': it is \"\*\" for all profiles"),
        ('profiles = []\ntarget = "{profile}.parquet"', r"profiles = \[\]: it is"),
        ('profiles = ["a", "a"]\ntarget = "{profile}.parquet"', r"profiles = \['a', 'a'\]: it is"),
        ('profiles = "*"\nprofile = "a"\ntarget = "{profile}.parquet"', "profile and profiles: give one of them"),
        ('target = "{profile}.parquet"', r"\{profile\} has no value without profiles or profile"),
        ('profiles = "*"\nmode = "sync"\ntarget = "{profile}-{date}"', r"without \{\.\.\.\} except \{profile\}"),
    ],
)
def test_a_table_that_makes_no_sense__is_refused(tmp_path, lines, said):
    file = tmp_path / "exports.toml"
    file.write_text(f'[exports.deals]\nmethod = "crm.deal.list"\n{lines}\n')
    with pytest.raises(ConfigError, match=said):
        read_exports(file)


def test_profile__stands_for_the_name_of_one_portal_too(folder):
    (folder / "exports.toml").write_text(
        '[exports.deals]\nprofile = "beta"\nmethod = "crm.deal.list"\nselect = ["ID"]\ntarget = "{profile}.parquet"\n'
    )
    assert main(["export", "run", "deals", "--quiet"]) == 0
    assert len(pd.read_parquet(folder / "beta.parquet")) == 30


ONE_OF_MANY = """
[exports.lake]
profiles = "*"
method = "crm.deal.list"
select = ["ID"]
target = "lake/{profile}/deals.parquet"
every = "1d"
on_failure = ["tee", "told.json"]

[exports.deals]
method = "crm.deal.list"
select = ["ID"]
target = "deals.parquet"
every = "1d"
"""


@pytest.fixture
def no_profile(sandboxes, tmp_path, monkeypatch):
    """A machine that knows its portal by a webhook alone."""
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("B24_WEBHOOK", sandboxes["acme"].webhook_url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exports.toml").write_text(ONE_OF_MANY)
    return tmp_path


def test_run__of_another_export_needs_no_profile(no_profile):
    assert main(["export", "run", "deals", "--quiet"]) == 0
    assert len(pd.read_parquet(no_profile / "deals.parquet")) == 70


@pytest.mark.parametrize("words", [["--all"], ["--due"], ["lake@acme", "deals"]])
def test_run__without_a_profile_fails_as_any_run_does_and_the_others_run(no_profile, capsys, words):
    assert main(["export", "run", *words, "--quiet"]) == 3
    said = capsys.readouterr().err
    assert "lake: there is no profile" in said
    assert "b24data login" in said
    assert len(pd.read_parquet(no_profile / "deals.parquet")) == 70
    told = json.loads((no_profile / "told.json").read_text())
    assert (told["export"], told["code"], told["failures"]) == ("lake", 3, 1)
    assert told["target"] == str(no_profile / "lake/{profile}/deals.parquet")
    assert states(capsys) == {"lake": "sign in again", "deals": "done"}
    assert not (no_profile / "lake").exists()
    assert main(["export", "list"]) == 0


def test_dry_run__without_a_profile_is_the_error(no_profile, capsys):
    assert main(["export", "run", "deals", "--dry-run"]) == 0
    assert main(["export", "run", "lake", "--dry-run"]) == 3
    assert "there is no profile" in capsys.readouterr().err


def test_run__of_an_unknown_export_names_the_nearest(no_profile, capsys):
    assert main(["export", "run", "dels"]) == 1
    assert "did you mean deals" in capsys.readouterr().err
