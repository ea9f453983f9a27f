"""``actions.v2.call_list`` and ``fetch_list``: whole lists as dicts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from b24data import B24OAuth, IncompleteFetchError, MethodNotFoundError, RateLimitConfig, RestrictionParams, Sandbox
from tests.http.fakes import FakeClock

SOON = RestrictionParams(retry_delay_s=0.001, rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1000))


@pytest.fixture(scope="module")
def portal() -> Iterator[Sandbox]:
    with Sandbox(deals=3_000, tasks=120, items=130, rate_limit=None, cost=0.0) as portal:
        yield portal


@pytest.fixture
def b24(portal: Sandbox) -> Iterator[B24OAuth]:
    with portal.connect(restriction_params=SOON) as b24:
        yield b24


@pytest.mark.parametrize(
    ("method", "params", "id_key"),
    [
        ("crm.deal.list", {}, "ID"),
        ("crm.item.list", {"entityTypeId": 2}, "id"),
        ("tasks.task.list", {}, "id"),
        ("crm.deal.list", {"order": {"ID": "DESC"}}, "ID"),
        ("crm.deal.list", {"order": {"OPPORTUNITY": "DESC"}, "filter": {"<ID": 900}}, "ID"),
    ],
)
def test_call_list__brings_every_row_once(b24: B24OAuth, portal: Sandbox, method: str, params: dict, id_key: str):
    rows = b24.actions.v2.call_list.make(method=method, params=params).get_data()
    truth = portal.truth(method, filter=params.get("filter"), params={k: v for k, v in params.items() if k[0] == "e"})
    assert sorted(int(row[id_key]) for row in rows) == sorted(truth.ids)


def test_fetch_list__comes_in_the_order_of_the_ids_and_in_portions(b24: B24OAuth, portal: Sandbox) -> None:
    pages = list(b24.actions.v2.fetch_list.make(method="crm.deal.list", params={"select": ["ID"]}))
    assert len(pages) > 1
    assert [int(row["ID"]) for page in pages for row in page] == portal.truth("crm.deal.list").ids


def test_fetch_list__may_be_left_early(b24: B24OAuth) -> None:
    pages = b24.actions.v2.fetch_list.make(method="crm.deal.list")
    assert len(next(pages)) >= 50
    pages.close()  # type: ignore[attr-defined]
    assert b24.actions.v2.call.make(method="profile").is_success


def test_call_list__an_id_that_nobody_selected_is_not_shown(b24: B24OAuth) -> None:
    rows = b24.actions.v2.call_list.make(method="crm.deal.list", params={"select": ["TITLE"]}).get_data()
    assert {tuple(row) for row in rows} == {("TITLE",)}


def test_call_list__takes_the_options_of_the_sdk(b24: B24OAuth, portal: Sandbox) -> None:
    rows = b24.actions.v2.call_list.make(
        method="tasks.task.list", id_key="id", cursor_id_key="ID", custom_key_for_result="tasks", request_id="t"
    ).get_data()
    assert [int(row["id"]) for row in rows] == sorted(portal.truth("tasks.task.list").ids)


def test_call_list__a_wrong_id_key_is_an_error_and_not_one_page(b24: B24OAuth) -> None:
    with pytest.raises(Exception, match="without a whole number as 'id'"):
        b24.actions.v2.call_list.make(method="crm.deal.list", id_key="id", cursor_id_key="ID")


def test_call_list__an_error_of_the_first_request_is_raised_as_it_is(b24: B24OAuth) -> None:
    with pytest.raises(MethodNotFoundError):
        b24.actions.v2.call_list.make(method="no.such.list", id_key="ID")


def test_call_list__breaking_off_raises_with_the_rows_so_far() -> None:
    with (
        Sandbox(deals=6_000, rate_limit=None, cost=0.0) as portal,
        portal.connect(restriction_params=SOON, clock=FakeClock()) as b24,
    ):
        portal.fail("error", code="ACCESS_DENIED", status=403, after=2, times=10_000)
        with pytest.raises(IncompleteFetchError) as caught:
            b24.actions.v2.call_list.make(method="crm.deal.list")
        ids = [int(row["ID"]) for row in caught.value.rows]
        assert 0 < len(ids) < 6_000
        assert ids == portal.truth("crm.deal.list").ids[: len(ids)]
