"""The actions of REST 3 against a whole portal, as an application and by webhook."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from b24data import B24Hook, B24OAuth, MethodNotFoundError, RateLimitConfig, RestrictionParams, Sandbox

FAST = RestrictionParams(retry_delay_s=0.001, rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1000))


@pytest.fixture(scope="module")
def portal() -> Iterator[Sandbox]:
    with Sandbox(tasks=170, rate_limit=None, cost=0.0) as portal:
        yield portal


@pytest.fixture(params=["oauth", "webhook"])
def b24(portal: Sandbox, request: pytest.FixtureRequest) -> Iterator[B24OAuth | B24Hook]:
    with (portal.connect if request.param == "oauth" else portal.hook)(restriction_params=FAST) as client:
        yield client


def test_call__gives_an_item_and_discovery_its_bare_answer(b24: B24OAuth | B24Hook) -> None:
    v3 = b24.actions.v3
    first = v3.call.make(method="tasks.task.list", params={"select": ["id", "title"]}).result["items"][0]
    assert v3.call.make(method="tasks.task.get", params={"id": first["id"]}).result["item"]["id"] == first["id"]
    assert "paths" in v3.call.make(method="rest.documentation.openapi").result
    with pytest.raises(MethodNotFoundError):
        v3.call.make(method="crm.deal.list").raise_for_error()


@pytest.mark.parametrize("limit", [50, 7])
def test_call_list__brings_every_task_once(b24: B24OAuth | B24Hook, portal: Sandbox, limit: int) -> None:
    params = {"select": ["title"], "filter": [["id", ">", 20]]}
    rows = b24.actions.v3.call_list.make(method="tasks.task.list", params=params, limit=limit).get_data()
    assert [row["id"] for row in rows] == sorted(n for n in portal.truth("tasks.task.list").ids if n > 20)
    assert all(row["title"] for row in rows)


def test_call_tail__walks_up_and_down_to_the_same_rows(b24: B24OAuth | B24Hook) -> None:
    tail = b24.actions.v3.call_tail
    up = [row["id"] for row in tail.make(method="main.eventlog.tail", limit=20).get_data()]
    top = max(up) + 1
    down = [
        row["id"]
        for row in tail.make(method="main.eventlog.tail", order="DESC", initial_value=top, limit=20).get_data()
    ]
    assert up == down[::-1] == sorted(set(up))
    assert len(up) > 20


def test_batch__uses_what_came_before_and_is_all_or_nothing(b24: B24OAuth | B24Hook) -> None:
    task = b24.actions.v3.call_list.make(method="tasks.task.list").get_data()[0]["id"]
    calls = {
        "first": ("tasks.task.get", {"id": task}),
        "again": ("tasks.task.get", {"id": {"$ref": "first.item.id"}}),
    }
    result = b24.actions.v3.batch.make(calls=calls)
    assert {name: one["item"]["id"] for name, one in result.get_data().items()} == {"first": task, "again": task}
    refused = b24.actions.v3.batch.make(calls={**calls, "bad": ("no.such.method",)})
    assert refused.get_data() == {"first": None, "again": None, "bad": None}


def test_batch_by_chunk__splits(b24: B24OAuth | B24Hook, portal: Sandbox) -> None:
    ids = portal.truth("tasks.task.list").ids[:60]
    before = portal.stats.requests
    result = b24.actions.v3.batch_by_chunk.make(calls=[("tasks.task.get", {"id": each}) for each in ids])
    assert [one["item"]["id"] for one in result.get_data()] == ids
    assert portal.stats.requests - before == 2


def test_write__sent_twice_with_one_key_runs_once(b24: B24OAuth | B24Hook, portal: Sandbox) -> None:
    call, fields = b24.actions.v3.call, {"title": "a", "creatorId": 1, "responsibleId": 1}
    before = portal.truth("tasks.task.list").count
    key = f"key-{type(b24).__name__}"
    added = [
        call.make(method="tasks.task.add", params={"fields": fields}, idempotency_key=key).result["item"]["id"]
        for _ in range(2)
    ]
    assert added[0] == added[1]
    assert portal.truth("tasks.task.list").count == before + 1


def test_tokens__that_die_in_a_walk_of_rest_3_lose_nothing() -> None:
    with (
        Sandbox(tasks=170, token_ttl_requests=3, rate_limit=None, cost=0.0) as portal,
        portal.connect(restriction_params=FAST) as b24,
    ):
        rows = b24.actions.v3.call_list.make(method="tasks.task.list", limit=10).get_data()
        assert [row["id"] for row in rows] == sorted(portal.truth("tasks.task.list").ids)
        assert portal.stats.refreshes >= 5
