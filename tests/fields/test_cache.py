"""Descriptions on disk: whose they are, what is not kept, and files that nobody can read."""

import json
import logging
import os
import stat
import subprocess
import sys
import time

import pytest

from b24data import B24Hook, B24OAuth, Sandbox
from b24data.auth.webhook import HookCredentials
from b24data.fields.cache import DescriptionCache, cache_of
from b24data.fields.fields import Field
from b24data.files.disk import warn_once
from b24data.http.session import Session
from tests.http.fakes import FakeTransport

CODE = "s3cr3tc0de000000"
STAGE = Field("STAGE_ID", "STAGE_ID", title="Стадия", type="crm_status", multiple=True, status="DEAL_STAGE")
REGION = Field("UF_CRM_1", "ufCrm1", required=True, read_only=True, values={"1": "Север"})
FIELDS = {"STAGE_ID": STAGE, "UF_CRM_1": REGION}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))
    warn_once.cache_clear()
    return tmp_path / "state"


def hook(url):
    return Session(HookCredentials(url), FakeTransport())


def test_shelf__gives_back_what_was_put(tmp_path):
    cache = DescriptionCache(tmp_path, "acme.bitrix24.com")
    cache.put("v2", "crm.deal.list", {}, FIELDS, at=1_800_000_000.5)
    found = cache.get("v2", "crm.deal.list", {})
    assert (found.fields, found.at) == (FIELDS, 1_800_000_000.5)
    assert cache.get("v3", "crm.deal.list", {}) is None
    assert cache.get("v2", "crm.deal.list", {"entityTypeId": 2}) is None


def test_shelf__names_are_those_of_the_latest_whatever_was_asked(tmp_path):
    cache = DescriptionCache(tmp_path, "acme.bitrix24.com")
    cache.put("v2", "crm.item.list", {"entityTypeId": 2}, {"old": Field("old", "old")}, at=1.0)
    cache.put("v2", "crm.item.list", {"entityTypeId": 31}, {"new": Field("new", "new")}, at=2.0)
    cache.put("v2", "crm.item_list", {}, {"other": Field("other", "other")}, at=3.0)
    assert cache.names("CRM.Item.List") == ["new"]
    assert cache.names("crm.lead.list") == []


def test_shelf__the_file_is_private_and_holds_no_secret(folder):
    cache_of(hook(f"https://acme.bitrix24.com/rest/7/{CODE}/")).put("v2", "crm.deal.list", {}, FIELDS, at=1.0)
    [file] = [path for path in folder.rglob("*") if path.is_file()]
    assert CODE not in file.read_text() + str(file)
    assert json.loads(file.read_bytes())["portal"] == "acme.bitrix24.com"
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_shelf__each_portal_user_and_application_has_its_own():
    urls = (
        f"https://acme.bitrix24.com/rest/7/{CODE}/",
        f"https://acme.bitrix24.com/rest/8/{CODE}/",
        f"https://acme.bitrix24.com/rest/7/{CODE[::-1]}/",
        f"https://other.bitrix24.com/rest/7/{CODE}/",
    )
    assert len({cache_of(hook(url)).folder for url in urls}) == len(urls)
    assert cache_of(hook(urls[0])) is cache_of(hook(urls[0]))


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000"])
def test_shelf__nothing_is_kept_for_a_portal_on_this_machine(host):
    assert cache_of(hook(f"http://{host}/rest/1/{CODE}/")) is None


def test_shelf__nothing_is_kept_for_a_user_who_is_not_known():
    pair = {"access_token": "a", "refresh_token": "r", "client_endpoint": "https://acme.bitrix24.com/rest/"}
    secret = {"client_id": "app.1", "client_secret": "cl13nt-s3cr3t"}
    assert cache_of(B24OAuth(pair, secret).session) is None
    assert cache_of(B24OAuth({**pair, "user_id": 7}, secret).session) is not None


def test_shelf__nothing_is_kept_of_what_something_else_answers():
    b24 = B24Hook(f"https://acme.bitrix24.com/rest/7/{CODE}/")
    b24.set_http_client("v2", type("Recorded", (), {"call": lambda *_, **__: {"result": []}})())
    assert cache_of(b24.session) is None


def test_shelf__a_file_of_another_version_is_as_if_it_were_not_there(tmp_path):
    cache = DescriptionCache(tmp_path, "acme.bitrix24.com")
    cache.put("v2", "crm.deal.list", {}, FIELDS, at=1.0)
    [file] = tmp_path.iterdir()
    kept = json.loads(file.read_bytes())
    file.write_text(json.dumps({**kept, "b24data": "0.0.1"}))
    assert cache.get("v2", "crm.deal.list", {}) is None
    assert cache.names("crm.deal.list") == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"b24data": 1}', b"\xff\xfe", b'{"fields": {"ID": "x"}}'])
def test_shelf__a_broken_file_is_as_if_it_were_not_there_and_the_log_says_so_once(tmp_path, content, caplog):
    cache = DescriptionCache(tmp_path, "acme.bitrix24.com")
    cache.put("v2", "crm.deal.list", {}, FIELDS, at=1.0)
    [file] = tmp_path.iterdir()
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING, "b24data"):
        assert cache.get("v2", "crm.deal.list", {}) is None
        assert cache.names("crm.deal.list") == []
    assert len(caplog.records) == 1
    assert str(file) in caplog.text
    cache.put("v2", "crm.deal.list", {}, FIELDS, at=2.0)
    assert cache.get("v2", "crm.deal.list", {}).at == 2.0


def test_shelf__a_folder_that_can_not_be_made_is_one_line_in_the_log(folder, caplog):
    folder.write_text("a file stands in the way")
    with caplog.at_level(logging.WARNING, "b24data"):
        assert cache_of(hook(f"https://acme.bitrix24.com/rest/7/{CODE}/")) is None
        assert cache_of(hook(f"https://acme.bitrix24.com/rest/7/{CODE}/")) is None
    assert caplog.text.count("field descriptions are not cached") == 1


def test_shelf__a_folder_that_can_not_be_written_is_one_line_in_the_log(tmp_path, caplog):
    (tmp_path / "fields").write_text("a file stands in the way")
    cache = DescriptionCache(tmp_path / "fields", "acme.bitrix24.com")
    with caplog.at_level(logging.WARNING, "b24data"):
        for _ in range(2):
            cache.put("v2", "crm.deal.list", {}, FIELDS, at=1.0)
            assert cache.get("v2", "crm.deal.list", {}) is None
    assert caplog.text.count("field descriptions are not cached") == 1


def test_shelf__what_nobody_asked_for_in_a_month_is_removed(tmp_path):
    cache = DescriptionCache(tmp_path, "acme.bitrix24.com")
    cache.put("v2", "crm.lead.list", {}, FIELDS, at=1.0)
    [old] = tmp_path.iterdir()
    os.utime(old, (time.time() - 31 * 86_400,) * 2)
    cache.put("v2", "crm.deal.list", {}, FIELDS, at=2.0)
    assert not old.exists()
    assert cache.names("crm.deal.list") == list(FIELDS)


def test_shelf__a_sandbox_leaves_nothing_behind(folder):
    with Sandbox(deals=3) as portal, portal.connect() as b24:
        b24.tools.describe("crm.deal.list")
    assert list(folder.rglob("*.json")) == []


def test_shelf__is_read_without_pyarrow_and_pandas():
    code = "import b24data.fields.cache, sys\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "b24data.fields.cache" in loaded
    assert not {"pyarrow", "pandas", "httpx"} & set(loaded)
