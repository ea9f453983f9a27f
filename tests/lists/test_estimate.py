from __future__ import annotations

import pytest

from b24data import Sandbox
from b24data.http.context import CallContext
from b24data.lists.estimate import estimate_list
from b24data.lists.methods import spec_of
from b24data.lists.plan import make_plan
from b24data.lists.reader import PageReader
from b24data.params import OperatingLimitConfig, RateLimitConfig
from tests.lists.fake_portal import FakePortal
from tests.lists.test_keyset import sparse


def estimate(portal, method="crm.deal.list", **asked):
    reader = PageReader(portal, make_plan(spec_of(method), **asked), CallContext())
    return estimate_list(reader, RateLimitConfig(), OperatingLimitConfig())


@pytest.mark.parametrize("count", [0, 1, 49, 5_000, 100_000])
def test_estimate__comes_near_in_three_requests(count):
    portal = FakePortal(sparse(count, 0.3))
    found = estimate(portal)
    assert found.rows == pytest.approx(count, rel=0.1)
    assert found.exact == (count < 50)
    assert portal.requests <= 3


def test_estimate__two_clusters_far_apart_are_not_taken_for_a_dense_list():
    portal = FakePortal(sparse(50_000, 0.3) | sparse(50_000, 0.3, seed=2, start=4_000_000_000))
    assert estimate(portal).rows == pytest.approx(100_000, rel=0.25)
    assert portal.requests <= 8


def test_estimate__a_million_rows_at_a_large_portals_pace_use_more_than_the_budget():
    portal = FakePortal(range(1, 1_000_001))
    found = estimate(portal)
    assert found.rows == pytest.approx(1_000_000, rel=0.01)
    assert found.requests == pytest.approx(400, rel=0.1)
    assert found.operating_share == pytest.approx(20_000 * 0.02 / 480, rel=0.01)
    assert found.seconds == pytest.approx((found.requests - 50) / 2, rel=0.01)
    assert "about 1,000,000 rows" in str(found)


def test_estimate__limit_and_a_method_without_an_id_filter():
    assert estimate(FakePortal(range(1, 5_000)), limit=100).rows == 100
    counted = estimate(FakePortal(range(1, 124)), order={"TITLE": "ASC"})  # not by id: counted pages
    assert (counted.rows, counted.exact) == (123, True)


def test_estimate__with_a_limit_tells_of_the_limited_fetch():
    found = estimate(FakePortal(range(1, 100_000)), limit=50)
    assert (found.rows, found.requests) == (50, 3)
    assert found.operating_share < 0.001


def test_estimate__of_a_list_that_the_portal_does_not_count_is_a_lower_bound():
    with Sandbox(deals=1, tasks=1_200) as portal, portal.connect() as b24:
        found = b24.tools.estimate("v3:tasks.task.list")
        assert (found.rows, found.at_least, found.exact) == (1_000, True, False)
        assert str(found) == "tasks.task.list: at least 1,000 rows; the portal does not count this list"
        assert b24.tools.estimate("v3:tasks.task.list", limit=200).at_least is False


def test_estimate__of_a_method_that_does_not_page_is_one_request():
    with Sandbox(deals=1) as portal, portal.connect() as b24:
        found = b24.tools.estimate("crm.deal.userfield.list")
        assert (found.exact, found.requests) == (True, 1)
