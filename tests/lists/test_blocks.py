"""``tools.fetch_by``: rows that are asked for by the ids of their owners, many owners in one request."""

from __future__ import annotations

import random
import re

import pyarrow.parquet as pq
import pytest

from b24data import (
    ConfigError,
    IncompleteFetchError,
    ProtocolViolationError,
    RateLimitConfig,
    RestrictionParams,
    Sandbox,
)
from b24data.lists import blocks

FAST = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1_000), retry_delay_s=0.05)
CONTACTS = 2_000


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=3_000, contacts=CONTACTS, companies=500, rate_limit=None) as portal:
        yield portal


@pytest.fixture
def tools(portal):
    with portal.connect(restriction_params=FAST) as b24:
        yield b24.tools


def of_companies(portal, companies):
    rows = portal.rows("crm.deal.list", filter={"@COMPANY_ID": companies}, select=["ID", "COMPANY_ID"])
    return sorted((int(row["ID"]), int(row["COMPANY_ID"])) for row in rows)


@pytest.mark.parametrize("count", [1, 9, 10, 11, 140, 400])
def test_rows__are_those_of_the_owners_each_once(portal, tools, count):
    companies = random.Random(count).sample(portal.truth("crm.company.list").ids, count)
    frame = tools.fetch_by("crm.deal.list", "@COMPANY_ID", companies, ["ID", "COMPANY_ID"], progress=False)
    assert sorted(zip(frame["ID"], frame["COMPANY_ID"], strict=True)) == of_companies(portal, companies)
    report = frame.attrs["b24data"]
    assert (report["complete"], report["reason"], report["walk"]) == (True, "all_owners", "blocks")


def test_owners_with_more_rows_than_a_page__come_whole(portal, tools):
    kinds = ["SALE", "SERVICES", "GOODS", "COMPLEX", "SERVICE"]
    frame = tools.fetch_by("crm.deal.list", "@TYPE_ID", kinds, ["ID", "TYPE_ID"], progress=False)
    assert len(frame) == portal.truth("crm.deal.list", filter={"@TYPE_ID": kinds}).count > 1_000


def test_requests__are_few(portal, tools):
    ids = portal.truth("crm.deal.list").ids
    frame = tools.fetch_by("crm.deal.list", "@ID", ids, ["ID"], progress=False)
    least = len(ids) / 2_500
    assert len(frame) == len(ids)
    assert frame.attrs["b24data"]["requests"] <= 1.1 * least + 3


@pytest.mark.parametrize("unresolved", ["empty", "literal"])
def test_references_to_a_page_that_is_not_full__bring_no_row_twice(unresolved):
    with Sandbox(deals=3_000, rate_limit=None, cost=0.0, unresolved=unresolved) as portal:
        owners = portal.truth("crm.deal.list").ids
        rows = portal.rows("crm.item.productrow.list", filter={"=ownerType": "D"})
        with portal.connect(restriction_params=FAST) as b24:
            frame = b24.tools.fetch_by(
                "crm.item.productrow.list", "=ownerId", owners, filter={"=ownerType": "D"}, progress=False
            )
    assert sorted(frame["id"]) == sorted(row["id"] for row in rows)
    assert frame.attrs["b24data"]["requests"] <= 1.2 * len(rows) / 2_500 + 4


def test_a_portal_that_resolves_no_reference__is_read_page_by_page(portal, tools, monkeypatch):
    monkeypatch.setattr(blocks, "reference", lambda *_: "")  # an empty bound is no condition
    companies = portal.truth("crm.company.list").ids
    frame = tools.fetch_by("crm.deal.list", "@COMPANY_ID", companies, ["ID", "COMPANY_ID"], progress=False)
    assert sorted(zip(frame["ID"], frame["COMPANY_ID"], strict=True)) == of_companies(portal, companies)


def test_a_page_that_fails_inside_a_block__is_read_again(portal, tools):
    portal.fail("error", on="crm.deal.list", code="INTERNAL_SERVER_ERROR", status=500, command=3, times=2)
    companies = portal.truth("crm.company.list").ids
    frame = tools.fetch_by("crm.deal.list", "@COMPANY_ID", companies, ["ID", "COMPANY_ID"], progress=False)
    portal.clear_faults()
    assert sorted(zip(frame["ID"], frame["COMPANY_ID"], strict=True)) == of_companies(portal, companies)


def test_a_file__is_written_as_of_any_list(portal, tools, tmp_path):
    companies = portal.truth("crm.company.list").ids[:200]
    report = tools.fetch_by(
        "crm.deal.list", "@COMPANY_ID", companies, ["ID"], to=tmp_path / "d.parquet", progress=False
    )
    assert pq.read_metadata(tmp_path / "d.parquet").num_rows == report.rows == len(of_companies(portal, companies))


def test_no_owners__are_no_rows_and_all_columns(tools):
    frame = tools.fetch_by("crm.deal.list", "@COMPANY_ID", [], ["ID", "TITLE"], progress=False)
    assert (len(frame), list(frame.columns)) == (0, ["ID", "TITLE"])


@pytest.mark.parametrize("method", ["crm.status.list", "department.get", "im.notify.get"])
def test_a_method_that_has_no_such_walk__is_refused(tools, method):
    with pytest.raises((ConfigError, ProtocolViolationError)):
        tools.fetch_by(method, "=ownerId", [1, 2], progress=False)


def test_a_limit__takes_the_first_rows(portal, tools):
    ids = portal.truth("crm.deal.list").ids
    frame = tools.fetch_by("crm.deal.list", "@ID", ids, ["ID"], limit=77, progress=False)
    assert (len(frame), frame.attrs["b24data"]["complete"]) == (77, False)


def test_faults__lose_no_row(portal, tools):
    portal.fail("reset", probability=0.4, times=4)
    companies = portal.truth("crm.company.list").ids
    frame = tools.fetch_by("crm.deal.list", "@COMPANY_ID", companies, ["ID", "COMPANY_ID"], progress=False)
    portal.clear_faults()
    assert sorted(zip(frame["ID"], frame["COMPANY_ID"], strict=True)) == of_companies(portal, companies)


@pytest.mark.parametrize("ignored", ["conditions", "order", ">id"])
def test_a_portal_that_ignores_the_question__is_found_out(ignored):
    with Sandbox(deals=900, companies=60, rate_limit=None, ignores=[ignored]) as portal:
        tools = portal.connect(restriction_params=FAST).tools
        with pytest.raises((ProtocolViolationError, IncompleteFetchError)):
            tools.fetch_by("crm.deal.list", "@TYPE_ID", ["SALE", "GOODS"], ["ID", "TYPE_ID"], progress=False)


@pytest.mark.parametrize("owners", [[], (), range(0), iter([])])
def test_no_owners__are_an_empty_frame_without_a_request_for_rows(portal, tools, owners):
    tools.describe("crm.item.productrow.list")
    before = portal.stats.requests
    rows = tools.fetch_by("crm.item.productrow.list", "=ownerId", owners, filter={"=ownerType": "D"}, progress=False)
    assert (len(rows), rows.attrs["b24data"]["complete"]) == (0, True)
    assert "ownerId" in rows
    assert portal.stats.requests == before


@pytest.mark.parametrize("owners", ["12", b"12", {1: 2}, 12, None])
def test_what_is_not_several_owners__is_refused(tools, owners):
    with pytest.raises(ConfigError, match="is not a list of ids"):
        tools.fetch_by("crm.item.productrow.list", "=ownerId", owners, filter={"=ownerType": "D"})


@pytest.mark.parametrize(
    ("key", "filter", "said"),
    [
        (5, {"=ownerType": "D"}, "5 is not the name of a condition"),
        ("=ownerId", {"=ownerType": "D", "=ownerId": 5}, "'=ownerId' and the ids are values of one field"),
        ("=ownerId", {"=ownerType": "D", "OWNER_ID": [5]}, "'OWNER_ID' and the ids are values of one field"),
        ("=ownerId", [("=ownerType", "D")], "filter is"),
        ("=ownerId", "=ownerType=D", "filter is the text"),
        ("=ownerId", None, "needs filter.=ownerType"),
    ],
)
def test_conditions_beside_the_owners__are_those_of_a_filter_and_of_other_fields(tools, key, filter, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        tools.fetch_by("crm.item.productrow.list", key, [1], filter=filter)


def test_fetch_by__takes_codes_and_numbers_together(tools):
    codes = sorted(set(tools.fetch_all("crm.deal.list", ["TYPE_ID"], progress=False)["TYPE_ID"].dropna()))
    frame = tools.fetch_by("crm.deal.list", "@TYPE_ID", [*codes, 5], ["ID", "TYPE_ID"], progress=False)
    assert sorted(set(frame["TYPE_ID"])) == codes
