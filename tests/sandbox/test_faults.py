"""Faults happen when they were planned, and only then."""

from __future__ import annotations

import json

import httpx
import pytest


def ask(http, portal, method="crm.deal.list", **params):
    return http.post(portal.webhook_url + method, json={"select": ["ID"], **params})


@pytest.mark.parametrize(
    ("kind", "status", "starts"),
    [
        ("500", 500, b"<html>"),
        ("502", 502, b"<html>"),
        ("504", 504, b"<html>"),
        ("html", 200, b"<html>"),
        ("empty", 200, b""),
        ("bom", 200, b"\xef\xbb\xbf{"),
        ("warning", 200, b"<br />\n<b>Warning</b>"),
        ("503", 503, b'{"error":"QUERY_LIMIT_EXCEEDED"'),
        ("429", 429, b'{"error":"OPERATION_TIME_LIMIT"'),
    ],
)
def test_fault__at_the_second_request_only(portal, http, kind, status, starts):
    portal.fail(kind, at=2)
    replies = [ask(http, portal) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, status, 200]
    assert replies[1].content.startswith(starts)
    assert portal.stats.faults == {kind: 1}


@pytest.mark.parametrize("status", [408, 429])
def test_bare__a_status_without_a_body(portal, http, status):
    portal.fail("bare", status=status)
    reply = ask(http, portal)
    assert (reply.status_code, reply.content) == (status, b"")


def test_oauth__an_answer_that_is_lost_leaves_the_pair_spent(portal, http):
    token = portal.oauth_params()["refresh_token"]
    asked = {"grant_type": "refresh_token", "refresh_token": token, **portal.oauth_secret()}
    portal.fail("504", on="oauth")
    assert http.post(f"{portal.url}/oauth/token/", data=asked).status_code == 504
    assert http.post(f"{portal.url}/oauth/token/", data=asked).json()["error"] == "invalid_grant"
    assert (portal.stats.refreshes, portal.stats.reused_refresh_tokens) == (1, 1)


def test_504__comes_after_the_work_was_done_and_500_before(portal, http):
    portal.fail("504", at=1)
    portal.fail("500", at=2)
    ask(http, portal)
    assert portal.stats.commands == {"crm.deal.list": 1}
    ask(http, portal)
    assert portal.stats.commands == {"crm.deal.list": 1}


def test_reset__the_connection_is_reset(portal, http):
    portal.fail("reset")
    with pytest.raises(httpx.ReadError):
        ask(http, portal)
    assert ask(http, portal).status_code == 200


def test_cut__half_a_body(portal, http):
    portal.fail("cut")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        ask(http, portal)


def test_stall__the_body_does_not_end(portal):
    portal.fail("stall")
    got = b""
    with httpx.Client(timeout=0.2) as client, pytest.raises(httpx.ReadTimeout):  # noqa: SIM117
        with client.stream("POST", portal.webhook_url + "crm.deal.list", headers={"accept-encoding": ""}) as reply:
            for piece in reply.iter_raw():
                got += piece
    assert got.startswith(b'{"result":')
    with pytest.raises(json.JSONDecodeError):
        json.loads(got)


def test_expired__kills_the_token(portal, http):
    token = portal.oauth_params()["access_token"]
    portal.fail("expired", at=1)
    replies = [http.post(f"{portal.url}/rest/server.time", json={"auth": token}) for _ in range(2)]
    assert [reply.json()["error"] for reply in replies] == ["expired_token"] * 2
    assert portal.stats.deaths == 1


def test_expired__in_the_middle_of_a_batch(portal, http):
    token = portal.oauth_params()["access_token"]
    portal.fail("expired", at=1, command=2)
    body = {"auth": token, "cmd": ["server.time"] * 4}
    found = http.post(f"{portal.url}/rest/batch", json=body).json()["result"]
    assert len(found["result"]) == 2
    assert {error["error"] for error in found["result_error"].values()} == {"expired_token"}
    assert http.post(f"{portal.url}/rest/batch", json=body).status_code == 401


def test_command__one_of_a_batch_fails_with_a_code(portal, http):
    portal.fail("error", command=1, code="ACCESS_DENIED", description="no", times=1, at=1)
    found = ask(http, portal, "batch", cmd=["server.time"] * 3).json()["result"]
    assert found["result_error"] == {"1": {"error": "ACCESS_DENIED", "error_description": "no"}}
    assert set(found["result"]) == {"0", "2"}


def test_429__inside_a_batch_blocks_the_method_from_there_on(portal, http):
    portal.fail("429", command=1, at=1)
    cmd = ["crm.deal.list?start=-1", "crm.deal.list?start=-1", "server.time", "crm.deal.list?start=-1"]
    found = ask(http, portal, "batch", cmd=cmd).json()["result"]
    assert set(found["result_error"]) == {"1", "3"}
    assert set(found["result"]) == {"0", "2"}


def test_redirect__once_to_the_other_address(portal, http):
    portal.fail("redirect")
    first = ask(http, portal)
    assert first.status_code == 302
    assert http.post(first.headers["location"], json={}).status_code == 200
    assert ask(http, portal).status_code == 200


def test_probability__is_seeded(start, http):
    def outcome():
        portal = start(deals=10, faults=[{"kind": "500", "probability": 0.3}])
        return [ask(http, portal).status_code for _ in range(30)]

    first = outcome()
    assert set(first) == {200, 500}
    assert first == outcome()


def test_on__only_the_named_method_or_the_authorization_server(portal, http):
    portal.fail("500", on="crm.lead.*", probability=1.0)
    portal.fail("500", on="oauth", probability=1.0)
    assert ask(http, portal).status_code == 200
    assert ask(http, portal, "crm.lead.list").status_code == 500
    assert http.post(f"{portal.url}/oauth/token/").status_code == 500
    portal.clear_faults()
    assert ask(http, portal, "crm.lead.list").status_code == 200


def test_after__counts_from_now(portal, http):
    assert [ask(http, portal).status_code for _ in range(3)] == [200] * 3
    portal.fail("500", after=2)
    assert [ask(http, portal).status_code for _ in range(3)] == [200, 500, 200]


@pytest.mark.parametrize("plan", [{"kind": "no"}, {"kind": "cut", "command": 1}])
def test_a_plan_that_makes_no_sense_is_refused(portal, plan):
    with pytest.raises(ValueError, match="fault"):
        portal.fail(**plan)
