"""The bucket, the operating ledger, the time limit of a request, and workers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from b24data.sandbox.limits import Bucket, Ledger


def test_bucket__leaks_whole_seconds_only():
    bucket = Bucket(50, 2)
    assert all(bucket.admits("a", 100.9) for _ in range(50))
    assert not bucket.admits("a", 100.99)
    assert [bucket.admits("a", 101.0) for _ in range(3)] == [True, True, False]
    assert bucket.admits("b", 101.0)


def test_bucket__a_refused_request_does_not_fill_it():
    bucket = Bucket(1, 1)
    assert bucket.admits("a", 0)
    assert not any(bucket.admits("a", 0.5) for _ in range(100))
    assert bucket.admits("a", 1)


def test_ledger__loses_the_oldest_minute_only():
    ledger = Ledger(480)
    for minute in range(5):
        used, reset_at = ledger.charge("app", "m", 100, now=60.0 * minute)
    assert (used, reset_at) == (500, 600)
    assert ledger.refuses("app", "m", now=599.9)
    assert not ledger.refuses("app", "m", now=600)
    assert ledger.used("app", "m", now=600) == 400
    assert not ledger.refuses("app", "other", now=300)
    assert not ledger.refuses("webhook", "m", now=300)


def test_rate_limit__past_the_burst_is_503(start, http):
    portal = start(rate_limit=(5, 0.0001))
    replies = [http.post(portal.webhook_url + "server.time") for _ in range(7)]
    assert [reply.status_code for reply in replies] == [200] * 5 + [503] * 2
    assert replies[-1].json()["error"] == "QUERY_LIMIT_EXCEEDED"
    assert portal.stats.rate_limit_hits == 2
    assert portal.stats.commands == {"server.time": 5}


def test_operating_limit__the_call_after_the_limit_is_429(start, http, call):
    portal = start(cost=10, operating_limit_s=25, time_scale=1000)
    time = [call(portal, "crm.deal.list", {"start": -1})["time"] for _ in range(3)]
    assert [round(one["operating"]) for one in time] == [10, 20, 30]
    assert time[0]["operating_reset_at"] == pytest.approx(time[0]["start"] + 600, abs=1)
    refused = http.post(portal.webhook_url + "crm.deal.list", json={"start": -1})
    assert (refused.status_code, refused.json()["error"]) == (429, "OPERATION_TIME_LIMIT")
    assert call(portal, "crm.lead.list", {"start": -1})["result"]


def test_operating_limit__inside_a_batch_it_is_an_entry_of_result_error(start, call):
    portal = start(cost=10, operating_limit_s=25, time_scale=1000)
    found = call(portal, "batch", {"cmd": ["crm.deal.list?start=-1"] * 5})["result"]
    assert len(found["result"]) == 3
    assert {key: error["error"] for key, error in found["result_error"].items()} == {
        "3": "OPERATION_TIME_LIMIT",
        "4": "OPERATION_TIME_LIMIT",
    }
    assert portal.stats.operating_limit_hits == 2


def test_request_timeout__cuts_a_batch_after_the_work_was_done(start, http):
    portal = start(cost=2, time_scale=10**5, request_timeout_s=60)
    reply = http.post(portal.webhook_url + "batch", json={"cmd": ["crm.deal.list?start=-1"] * 50})
    assert reply.status_code == 504
    assert reply.headers["content-type"].startswith("text/html")
    assert portal.stats.commands == {"crm.deal.list": 50}
    assert portal.stats.work_s == pytest.approx(100)
    assert portal.stats.timeouts == 1


def test_workers__requests_wait_for_their_turn(start, http):
    portal = start(cost=1.0, workers=1, time_scale=10)
    with ThreadPoolExecutor(4) as pool:
        ask = [pool.submit(http.post, portal.webhook_url + "crm.deal.list", json={"start": -1}) for _ in range(4)]
        spans = sorted((answer["start"], answer["finish"]) for answer in (done.result().json()["time"] for done in ask))
    assert all(finish <= following for (_, finish), (following, _) in pairwise(spans))
    assert portal.stats.peak_concurrency > 1
