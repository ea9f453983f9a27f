"""Profiles on disk, and the client that ``connect`` makes of them."""

import json
import os
import stat

import pytest

from b24data import AuthorizationRequiredError, B24Hook, B24OAuth, B24OAuthParams, B24OAuthSecret, ConfigError, Sandbox
from b24data.auth.profiles import Profile, Profiles
from b24data.client.connect import connect, dotenv
from tests.strangers import STRANGER, as_root

HOOK = "https://acme.bitrix24.com/rest/1/a-secret-code/"


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("B24_PROFILE", raising=False)
    monkeypatch.delenv("B24_WEBHOOK", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def save_hook(name, url=HOOK):
    Profiles().save(Profile(name=name, portal="acme.bitrix24.com", webhook=url))


def test_a_profile__is_for_its_owner_only_and_comes_back_whole():
    save_hook("acme")
    profiles = Profiles()
    assert profiles.load("acme").webhook.reveal() == HOOK
    assert "a-secret-code" not in repr(profiles.load("acme"))
    if os.name == "posix":
        assert stat.S_IMODE((profiles.folder / "acme.json").stat().st_mode) == 0o600


def test_a_pair__is_kept_beside_it_and_renewed_there():
    with Sandbox(deals=3) as portal:
        pair, secret = B24OAuthParams.of(portal.oauth_params()), B24OAuthSecret.of(portal.oauth_secret())
        Profiles().save(Profile(name="box", portal="x", secret=secret), pair)
        b24 = connect("box")
        assert isinstance(b24, B24OAuth)
        b24.auth.refresh_auth()
        kept = Profiles().store("box").load()
        assert kept.params.refresh_token == b24.auth.params.refresh_token != pair.refresh_token
        assert connect("box").tools.health_check()


def test_saving_again__gives_running_programs_the_new_pair():
    with Sandbox(deals=3) as portal:
        secret = B24OAuthSecret.of(portal.oauth_secret())
        profile = Profile(name="box", portal="x", secret=secret)
        Profiles().save(profile, B24OAuthParams.of(portal.oauth_params()))
        running = connect("box")
        portal.revoke()
        Profiles().save(profile, B24OAuthParams.of(portal.oauth_params()))
        assert running.tools.health_check()


def test_delete__forgets_the_profile_and_its_tokens():
    secret = B24OAuthSecret("local.1", "s")
    pair = B24OAuthParams(access_token="a", client_endpoint="https://acme.bitrix24.com/rest/")
    Profiles().save(Profile(name="acme", portal="x", secret=secret), pair)
    Profiles().delete("acme")
    assert Profiles().names() == []
    assert Profiles().store("acme").load() is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("acne", "did you mean 'acme'"),
        ("other", "there are: acme"),
        ("../x", "not the name of a profile"),
        (HOOK, "b24data.login() saves a webhook"),
    ],
)
def test_a_wrong_name__is_answered_with_the_way_on_and_no_secret(name, says):
    save_hook("acme")
    with pytest.raises(ConfigError) as caught:
        connect(name)
    assert says in str(caught.value)
    assert "a-secret-code" not in str(caught.value)


def test_a_damaged_profile__is_named():
    save_hook("acme")
    (Profiles().folder / "acme.json").write_text(json.dumps(["x"]))
    with pytest.raises(ConfigError, match=r"acme\.json does not contain a profile"):
        connect("acme")
    Profiles().delete("acme")


def test_connect__without_a_name_asks_the_environment_then_env_files_then_the_only_profile(monkeypatch, tmp_path):
    with pytest.raises(AuthorizationRequiredError, match=r"b24data\.login"):
        connect()
    save_hook("one", "https://one.bitrix24.com/rest/1/x-code/")
    assert connect().get_target_origin() == "https://one.bitrix24.com"
    save_hook("two", "https://two.bitrix24.com/rest/1/x-code/")
    with pytest.raises(ConfigError, match="one, two"):
        connect()
    (tmp_path / ".env").write_text("B24_PROFILE = two # ours\n")
    assert connect().get_target_origin() == "https://two.bitrix24.com"
    monkeypatch.setenv("B24_WEBHOOK", HOOK)
    assert isinstance(connect(), B24Hook)
    assert connect().get_target_origin() == "https://acme.bitrix24.com"
    monkeypatch.setenv("B24_PROFILE", "one")
    assert connect().get_target_origin() == "https://one.bitrix24.com"
    assert connect("two").get_target_origin() == "https://two.bitrix24.com"


def test_connect__names_the_variable_that_is_wrong(monkeypatch):
    monkeypatch.setenv("B24_WEBHOOK", "https://acme.bitrix24.com/")
    with pytest.raises(ConfigError, match=r"B24_WEBHOOK \(environment\): this is not the address"):
        connect()


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('B24_PROFILE="acme" # main', "acme"),
        ("export B24_PROFILE='acme'\t# main", "acme"),
        ('B24_PROFILE = "acme"# "main"', "acme"),
        ('B24_PROFILE="a # b"', "a # b"),
        ("B24_PROFILE='a\"b' # it's", 'a"b'),
        ("B24_PROFILE=acme\t# main", "acme"),
        ("B24_PROFILE=a#b", "a#b"),
        ("B24_PROFILE= # main", ""),
        ('B24_PROFILE="acme', '"acme'),
        ('B24_PROFILE=""', ""),
    ],
)
def test_dotenv__reads_a_value_without_its_quotes_and_the_comment_behind_it(tmp_path, line, value):
    (tmp_path / ".env").write_text(line)
    assert dotenv(tmp_path)["B24_PROFILE"].reveal() == value


@as_root
@pytest.mark.parametrize(("owner", "mode"), [(STRANGER, 0o644), (0, 0o646)])
def test_dotenv__that_a_stranger_can_have_written_is_passed_over_and_said(tmp_path, caplog, owner, mode):
    (tmp_path / "work").mkdir()
    (tmp_path / ".env").write_text("B24_PROFILE=mine")
    (tmp_path / "work/.env").write_text("B24_PROFILE=theirs")
    (tmp_path / "work/.env").chmod(mode)
    os.chown(tmp_path / "work/.env", owner, owner)
    assert dotenv(tmp_path / "work")["B24_PROFILE"].reveal() == "mine"
    assert ".env is not read: " in caplog.text


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()])
def test_dotenv__that_is_no_file_is_passed_over(tmp_path, make):
    make(tmp_path / ".env")
    assert dotenv(tmp_path) == {}


def test_connect__in_a_folder_that_is_gone_finds_what_is_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(AuthorizationRequiredError):
        connect()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("user", "shown"),
    [("Basic User", "Basic User"), ("Bearer abc123def", "***"), ("auth=Anna", "***"), ("//anna:x@y", "***")],
)
def test_profile__can_be_read_back_whatever_the_portal_says_its_user_is_called(user, shown):
    Profiles().save(Profile(name="acme", portal="acme.bitrix24.com", user=user, webhook=HOOK))
    read = Profiles().load("acme")
    assert (read.portal, read.user) == ("acme.bitrix24.com", shown)
    assert read.webhook.reveal() == HOOK
