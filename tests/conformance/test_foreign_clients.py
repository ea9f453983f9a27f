"""Clients that nobody here wrote fetch whole lists from the sandbox, unchanged."""

from __future__ import annotations

import httpx
import pytest
import trustme
from b24api import Bitrix24
from b24api.settings import Settings
from b24pysdk import BitrixApp, BitrixToken, BitrixWebhook
from fast_bitrix24 import BitrixAsync

from b24data.sandbox import SandboxPortal

FIELDS = ["ID", "TITLE", "STAGE_ID", "OPPORTUNITY"]
DEALS = 1_234


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def portal():
    with SandboxPortal(deals=DEALS, cost=0.0) as portal:
        yield portal


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    with (folder / "cert.pem").open("wb") as file:
        for blob in issued.cert_chain_pems:
            file.write(blob.bytes())
    return folder


@pytest.fixture
def secure_portal(certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate / "ca.pem"))
    tls = (str(certificate / "cert.pem"), str(certificate / "key.pem"))
    with SandboxPortal(deals=DEALS, cost=0.0, tls=tls) as portal:
        yield portal


@pytest.fixture
def b24api(portal, monkeypatch):
    with httpx.Client(http2=True) as client:
        monkeypatch.setattr(Bitrix24, "http", client)
        yield Bitrix24(settings=Settings(webhook_url=portal.webhook_url))


def by_id(rows, key="ID"):
    return sorted(rows, key=lambda row: int(row[key]))


@pytest.mark.anyio
async def test_fast_bitrix24__get_all_brings_every_deal(portal):
    client = BitrixAsync(portal.webhook_url, verbose=False)
    rows = await client.get_all("crm.deal.list", params={"select": FIELDS})
    assert by_id(rows) == portal.rows("crm.deal.list", select=FIELDS)


@pytest.mark.anyio
async def test_fast_bitrix24__get_all_brings_every_item_under_items(portal):
    client = BitrixAsync(portal.webhook_url, verbose=False)
    rows = await client.get_all("crm.item.list", params={"entityTypeId": 2, "select": ["id", "title"]})
    truth = portal.rows("crm.item.list", select=["id", "title"], params={"entityTypeId": 2})
    assert by_id(rows, "id") == truth


@pytest.mark.anyio
async def test_fast_bitrix24__filter_and_multifields(portal):
    client = BitrixAsync(portal.webhook_url, verbose=False)
    rows = await client.get_all(
        "crm.contact.list", params={"select": ["ID", "NAME", "PHONE"], "filter": {"HAS_PHONE": "Y"}}
    )
    assert by_id(rows) == portal.rows("crm.contact.list", filter={"HAS_PHONE": "Y"}, select=["ID", "NAME", "PHONE"])


@pytest.mark.anyio
async def test_fast_bitrix24__oauth_with_tokens_that_die_every_three_requests():
    with SandboxPortal(deals=DEALS, cost=0.0, token_ttl_requests=3) as portal:
        pair = portal.oauth_params()

        async def token():
            asked = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"], **portal.oauth_secret()}
            async with httpx.AsyncClient() as http:
                pair.update((await http.post(f"{portal.url}/oauth/token/", data=asked)).json())
            return pair["access_token"]

        client = BitrixAsync(f"{portal.url}/rest/", token_func=token, verbose=False)
        first = await client.get_all("crm.deal.list", params={"select": FIELDS})
        for _ in range(3):
            assert by_id(await client.get_all("crm.deal.list", params={"select": FIELDS})) == by_id(first)
        assert by_id(first) == portal.rows("crm.deal.list", select=FIELDS)
        assert portal.stats.deaths >= 2
        assert portal.stats.reused_refresh_tokens == 0


def test_b24pysdk__as_list_and_as_list_fast_over_https(secure_portal):
    domain = secure_portal.url.removeprefix("https://")
    user, code = secure_portal.webhook_url.rstrip("/").split("/")[-2:]
    token = BitrixWebhook(domain=domain, webhook_token=f"{user}/{code}")
    truth = secure_portal.rows("crm.deal.list", select=FIELDS)
    assert by_id(token.call_list("crm.deal.list", {"select": FIELDS})["result"]) == truth
    assert by_id(token.call_list_fast("crm.deal.list", {"select": FIELDS})["result"]) == truth


def test_b24pysdk__oauth_token(secure_portal):
    pair, secret = secure_portal.oauth_params(), secure_portal.oauth_secret()
    token = BitrixToken(
        domain=secure_portal.url.removeprefix("https://"),
        auth_token=pair["access_token"],
        refresh_token=pair["refresh_token"],
        bitrix_app=BitrixApp(**secret),
    )
    rows = token.call_list_fast("tasks.task.list", {"select": ["ID", "TITLE"]})["result"]
    assert sorted(int(row["id"]) for row in rows) == sorted(secure_portal.truth("tasks.task.list").ids)


def test_b24api__list_batched_no_count_brings_every_deal(b24api, portal):
    rows = b24api.list_batched_no_count({"method": "crm.deal.list", "parameters": {"select": FIELDS}})
    assert by_id(rows) == portal.rows("crm.deal.list", select=FIELDS)


def test_b24api__list_sequential_and_list_batched_count(b24api, portal):
    request = {"method": "crm.lead.list", "parameters": {"select": ["ID", "NAME"]}}
    truth = portal.rows("crm.lead.list", select=["ID", "NAME"])
    assert by_id(b24api.list_sequential(request)) == truth
    assert by_id(b24api.list_batched(request)) == truth
    assert len(list(b24api.list_sequential({"method": "department.get"}))) == 7
