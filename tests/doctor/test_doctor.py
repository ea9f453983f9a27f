"""``b24data doctor``: what it says about a machine and a portal that are well, and about those that are not."""

import json
import os
import shlex
import stat

import pytest

from b24data import B24OAuthParams, B24OAuthSecret, Sandbox
from b24data.auth.profiles import Profile, Profiles
from b24data.cli.main import main
from b24data.doctor.portal import clock_check
from b24data.files.locks import locked


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=60) as portal:
        yield portal


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("B24_PROFILE", raising=False)
    monkeypatch.delenv("B24_WEBHOOK", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def save_oauth(portal):
    secret = B24OAuthSecret.of(portal.oauth_secret())
    Profiles().save(Profile(name="acme", portal="acme", secret=secret), B24OAuthParams.of(portal.oauth_params()))


def doctor(capsys, *typed):
    code = main(["doctor", *typed, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is (code == 0)
    return code, {check["name"]: check for check in told["checks"]}


def test_without_a_portal__the_machine_is_looked_at_and_that_is_no_failure(capsys):
    code, checks = doctor(capsys)
    assert code == 0
    assert list(checks) == ["python", "packages", "token store", "profile", "limits file", "data folder"]
    assert (checks["profile"]["state"], checks["profile"]["hint"]) == ("warn", "b24data login, or set B24_WEBHOOK")
    assert "pyarrow" in checks["packages"]["text"]


@pytest.mark.parametrize(
    "name", ["acme.tokens", ".gone.json.0a1b2c3d.tmp", "acme.json.bak", "acme.json~", "acme (copy).json", "#acme.json#"]
)
def test_files_beside_the_profiles__are_named_with_the_command_that_removes_them(portal, capsys, name):
    save_oauth(portal)
    assert "leftovers" not in doctor(capsys)[1]
    left = Profiles().folder / name
    left.write_text("{}")
    left.chmod(0o600)
    code, checks = doctor(capsys)
    assert (code, checks["leftovers"]["state"]) == (0, "warn")
    assert name in checks["leftovers"]["text"]
    assert shlex.split(checks["leftovers"]["hint"]) == ["rm", str(left)]
    assert "acme.json " not in checks["leftovers"]["text"]
    left.unlink()
    assert "leftovers" not in doctor(capsys)[1]


def test_a_webhook__is_followed_to_the_portal(portal, capsys, monkeypatch):
    monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url)
    code, checks = doctor(capsys)
    assert code == 0
    assert {check["state"] for check in checks.values()} == {"ok"}
    assert checks["profile"]["text"] == "the incoming webhook in B24_WEBHOOK (environment)"
    assert "administrator, by webhook" in checks["sign-in"]["text"]
    assert "requests free" in checks["limits"]["text"]


def test_a_profile__is_found_with_its_folder_tokens_and_lock(portal, capsys):
    save_oauth(portal)
    code, checks = doctor(capsys)
    assert code == 0
    assert str(Profiles().folder) in checks["profile"]["text"]
    assert checks["tokens"]["text"] == "pair number 1"
    assert checks["locks"]["state"] == "ok"


def test_text__has_one_line_a_check_and_its_hint_below(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok      python        3.")
    assert [line for line in lines if len(line) > 80] == []
    at = next(number for number, line in enumerate(lines) if line.startswith("warn    profile"))
    assert lines[at + 1].strip() == "-> b24data login, or set B24_WEBHOOK"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
def test_a_profile_that_others_can_read__is_a_failure_with_the_line_that_mends_it(portal, capsys):
    save_oauth(portal)
    file = Profiles().folder / "acme.json"
    file.chmod(0o644)
    code, checks = doctor(capsys)
    assert code == 1
    assert checks["privacy"]["state"] == "FAILED"
    assert checks["privacy"]["hint"] == f"chmod 600 {file}"
    file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert doctor(capsys)[0] == 0


def test_a_lock_that_somebody_holds__is_told(portal, capsys):
    save_oauth(portal)
    with locked(Profiles().folder / "acme.json.lock"):
        _, checks = doctor(capsys)
    assert checks["locks"]["state"] == "warn"
    assert "portal" not in checks  # a call would wait for the lock


def test_a_profile_that_is_not_there__fails_with_the_nearest_name(portal, capsys):
    save_oauth(portal)
    code, checks = doctor(capsys, "--profile", "acne")
    assert code == 1
    assert checks["profile"]["hint"] == "did you mean 'acme'?"


def test_tokens_that_are_gone__say_how_to_sign_in_again(portal, capsys):
    save_oauth(portal)
    Profiles().save(Profiles().load("acme"))
    code, checks = doctor(capsys)
    assert code == 1
    assert checks["tokens"] == {
        "name": "tokens",
        "state": "FAILED",
        "text": "there are none",
        "hint": "b24data login acme",
    }
    assert "portal" not in checks


def test_a_portal_that_does_not_answer__is_a_failure(capsys, monkeypatch):
    with Sandbox(deals=1) as gone:
        monkeypatch.setenv("B24_WEBHOOK", gone.webhook_url)
    code, checks = doctor(capsys)
    assert code == 1
    assert checks["portal"]["state"] == "FAILED"
    assert "sign-in" not in checks


@pytest.mark.parametrize(("refusals", "limits"), [(1, "ok"), (2, "FAILED")])
def test_a_portal_that_others_keep_busy__says_nothing_of_the_sign_in(capsys, monkeypatch, refusals, limits):
    with Sandbox(deals=1) as busy:
        busy.fail("503", on="server.time", times=refusals)
        monkeypatch.setenv("B24_WEBHOOK", busy.webhook_url)
        code, checks = doctor(capsys)
    assert code == (limits == "FAILED")
    assert (checks["portal"]["state"], checks["limits"]["state"]) == ("ok", limits)
    assert ("sign-in" in checks) is (limits == "ok")


def test_a_webhook_that_was_deleted__is_a_failure_of_the_sign_in_alone(portal, capsys, monkeypatch):
    monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url.rstrip("/")[:-4] + "0000/")
    code, checks = doctor(capsys)
    assert code == 1
    assert (checks["portal"]["state"], checks["sign-in"]["state"]) == ("ok", "FAILED")


def test_an_address_that_is_none__is_named(capsys, monkeypatch):
    monkeypatch.setenv("B24_WEBHOOK", "https://acme.bitrix24.com/")
    code, checks = doctor(capsys)
    assert code == 1
    assert "B24_WEBHOOK" in checks["sign-in"]["text"]


@pytest.mark.parametrize(
    ("ahead", "state", "text"),
    [
        (0.2, "ok", "the same as the portal's"),
        (-7.4, "ok", "the portal's is 7 s behind this machine's"),
        (3600.0, "warn", "the portal's is 3600 s ahead of this machine's"),
    ],
)
def test_clock__far_from_the_portals_is_a_warning(ahead, state, text):
    check = clock_check(ahead)
    assert (check.state, check.text) == (state, text)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
def test_a_state_folder_that_others_can_write_to__is_told(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o777)
    monkeypatch.setenv("B24DATA_STATE_DIR", str(folder))
    _, checks = doctor(capsys)
    assert checks["limits file"]["state"] == "warn"
    assert "B24DATA_STATE_DIR" in checks["limits file"]["hint"]


def test_a_state_folder_that_can_not_be_made__is_a_failure(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "file" / "state"))
    code, checks = doctor(capsys)
    assert code == 1
    assert checks["data folder"]["state"] == "FAILED"


def test_nothing_secret__is_told(portal, capsys, monkeypatch):
    save_oauth(portal)
    main(["doctor"])
    shown = capsys.readouterr().out
    pair = portal.oauth_params()
    assert [value for value in (pair["access_token"], pair["refresh_token"]) if value in shown] == []


@pytest.mark.parametrize("typed", [["--scan", ".", "--portal"], ["--scan"], ["--slow"]])
def test_wrong_usage__is_one_line(typed, capsys):
    assert main(["doctor", *typed]) == 64
    assert capsys.readouterr().err.count("\n") == 1


def test_one_broken_profile__hides_no_other(portal, capsys):
    save_oauth(portal)
    folder = Profiles().folder
    (folder / "broken.json").write_text("{")
    (folder / "broken.json").chmod(0o600)
    (folder / "not a name.json").write_text("{}")
    code, found = doctor(capsys, "--profile", "acme")
    assert "1 of 2 can't be read" in found["profiles"]["text"]
    assert (code, found["profiles"]["state"], found["profile"]["state"]) == (0, "warn", "ok")
    assert main(["profiles", "--json"]) == 0
    listed = {one["profile"]: one["way_in"] for one in json.loads(capsys.readouterr().out)}
    assert listed["acme"] == "application"
    assert listed["broken"].startswith("can't be read")
    assert main(["profiles", "--delete", "broken"]) == 0
    assert not (folder / "broken.json").exists()
