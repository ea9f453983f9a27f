"""The clients against a real portal: everything here goes over a socket."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from b24data import (
    AjaxError,
    ApiVersion,
    AuthorizationRequiredError,
    B24Hook,
    B24OAuth,
    BadReplyError,
    BatchError,
    ConfigError,
    MethodNotFoundError,
    RateLimitConfig,
    RestrictionParams,
    Sandbox,
    SdkError,
)
from b24data.http.protocol import NOT_EXECUTED
from tests.http.fakes import FakeClock

# The portals here have no rate limit of their own, but where a test says so.
FAST = RateLimitConfig(burst_limit=100_000, drain_rate=1000)
SOON = RestrictionParams(retry_delay_s=0.001, rate_limit=FAST)
PAGE = {"select": ["ID"], "start": -1}


@pytest.fixture(scope="module")
def portal() -> Iterator[Sandbox]:
    with Sandbox(deals=120, rate_limit=None, cost=0.0) as portal:
        yield portal


@pytest.fixture(params=["oauth", "webhook"])
def b24(portal: Sandbox, request: pytest.FixtureRequest) -> Iterator[B24OAuth | B24Hook]:
    make = portal.connect if request.param == "oauth" else portal.hook
    client = make(restriction_params=SOON)
    with client:
        yield client


def test_call__gives_the_payload_and_its_envelope(b24: B24OAuth | B24Hook) -> None:
    result = b24.actions.v2.call.make(method="crm.deal.list", params={"select": ["ID"]}, request_id="deals")
    assert result.is_success
    assert len(result.result) == 50
    assert (result.total, result.next, result.request_id) == (120, 50, "deals")
    data = result.get_data()
    assert data is not None
    assert data["result"] == result.result
    assert data["time"]["duration"] >= 0
    assert repr(result) == "<first 50 of 120 rows: tools.fetch_all('crm.deal.list') reads them all>"


def test_call__an_error_that_the_portal_answered_is_in_the_result(b24: B24OAuth | B24Hook) -> None:
    result = b24.actions.v2.call.make(method="crm.dael.list")
    assert not result.is_success
    assert result.get_data() is None
    assert "ERROR_METHOD_NOT_FOUND" in result.get_error_messages()[0]
    with pytest.raises(MethodNotFoundError):
        result.raise_for_error()


def test_call__what_could_not_be_carried_out_is_raised(portal: Sandbox) -> None:
    portal.fail("html", times=9)
    with portal.hook(restriction_params=SOON) as b24, pytest.raises(BadReplyError, match="HTML"):
        b24.actions.v2.call.make(method="profile")
    portal.clear_faults()


def test_batch__names_stay_names(b24: B24OAuth | B24Hook) -> None:
    calls = {"me": ("profile",), "deals": {"method": "crm.deal.list", "params": PAGE}}
    result = b24.actions.v2.batch.make(calls=calls)
    assert result.is_success
    assert set(result.get_data()) == {"me", "deals"}
    assert len(result.get_data()["deals"]) == 50


def test_batch__positions_stay_positions_and_a_failed_call_is_none(b24: B24OAuth | B24Hook) -> None:
    result = b24.actions.v2.batch.make(calls=[("profile",), ("no.method",), ["profile", {}]], halt=False)
    assert not result.is_success
    assert [row is None for row in result.get_data()] == [False, True, False]
    assert set(result.errors) == {1}
    with pytest.raises(BatchError) as caught:
        result.raise_for_error()
    assert caught.value.errors == result.errors


def test_batch__halts_at_the_first_error_by_default(b24: B24OAuth | B24Hook) -> None:
    result = b24.actions.v2.batch.make(calls=[("profile",), ("no.method",), ("profile",)])
    assert [error.code for error in result.get_errors()] == ["ERROR_METHOD_NOT_FOUND", NOT_EXECUTED]


def test_batch__a_later_call_uses_what_an_earlier_one_brought(b24: B24OAuth | B24Hook, portal: Sandbox) -> None:
    calls = {
        "first": ("crm.deal.list", PAGE),
        "second": ("crm.deal.list", {**PAGE, "filter": {">ID": "$result[first][49][ID]"}}),
    }
    data = b24.actions.v2.batch.make(calls=calls).get_data()
    ids = [int(row["ID"]) for page in data.values() for row in page]
    assert ids == list(portal.truth("crm.deal.list").ids)[:100]


def test_batch__can_give_whole_answers(b24: B24OAuth | B24Hook) -> None:
    calls = [("crm.deal.list", {"select": ["ID"]}), ("no.method",)]
    first, second = b24.actions.v2.batch.make(calls=calls, halt=False, return_ajax_result=True).get_data()
    assert (first.is_success, first.total, second.is_success) == (True, 120, False)


@pytest.mark.parametrize("calls", [[()], [("profile",), None], {"a": {"params": {}}}, ["profile"]])
def test_batch__what_is_no_call_is_refused_before_sending(portal: Sandbox, calls: Any) -> None:
    with portal.hook(restriction_params=SOON) as b24, pytest.raises(ConfigError, match="is not a call"):
        b24.actions.v2.batch.make(calls=calls)


def test_batch__fifty_one_calls_are_refused_and_none_are_no_request(portal: Sandbox) -> None:
    with portal.hook(restriction_params=SOON) as b24:
        with pytest.raises(ConfigError, match="batch_by_chunk"):
            b24.actions.v2.batch.make(calls=[("profile",)] * 51)
        before = portal.stats.requests
        assert b24.actions.v2.batch.make(calls=[]).get_data() == []
        assert portal.stats.requests == before


def test_batch_by_chunk__splits_and_gives_what_succeeded(b24: B24OAuth | B24Hook, portal: Sandbox) -> None:
    calls = [("profile",)] * 49 + [("no.method",)] + [("scope",)] * 71
    before = portal.stats.requests
    result = b24.actions.v2.batch_by_chunk.make(calls=calls)
    assert len(result.get_data()) == 120
    assert set(result.errors) == {49}
    assert portal.stats.requests - before == 3


def test_batch_by_chunk__names_the_calls_that_failed(b24: B24OAuth | B24Hook) -> None:
    calls = {f"c{n}": ("profile",) for n in range(60)} | {"bad": ("no.method",)}
    assert set(b24.actions.v2.batch_by_chunk.make(calls=calls).errors) == {"bad"}


def sandbox_errors(portal: Sandbox, *, halt: bool, **fault: Any) -> tuple[list[Any], dict[Any, Any]]:
    portal.fail(on="batch", times=1, **fault)
    with portal.connect(restriction_params=SOON) as b24:
        result = b24.actions.v2.batch.make(calls=[("profile",), ("app.info",), ("scope",)], halt=halt)
        return result.get_data(), result.errors


@pytest.mark.parametrize("halt", [True, False])
def test_batch__a_token_that_dies_inside_costs_nothing(halt: bool) -> None:
    with Sandbox(deals=1, rate_limit=None, cost=0.0) as portal:
        data, errors = sandbox_errors(portal, halt=halt, kind="expired", command=1)
    assert errors == {}
    assert all(data)


def test_batch__a_call_that_the_portal_refused_for_good_is_not_repeated() -> None:
    with Sandbox(deals=1, rate_limit=None, cost=0.0) as portal:
        data, errors = sandbox_errors(portal, halt=False, kind="error", command=1, code="ERROR_CORE")
        assert portal.stats.requests == 1
    assert [row is None for row in data] == [False, True, False]
    assert errors[1].code == "ERROR_CORE"


def test_tokens__that_die_every_five_requests_lose_no_call_of_eight_threads() -> None:
    with (
        Sandbox(deals=200, token_ttl_requests=5, rate_limit=None, cost=0.0) as portal,
        portal.connect(restriction_params=SOON) as b24,
    ):
        call = b24.actions.v2.call

        def ask(after: int) -> int:
            page = call.make(method="crm.deal.list", params={**PAGE, "filter": {">ID": after}})
            return int(page.result[0]["ID"])

        ids = list(portal.truth("crm.deal.list").ids)
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(ask, [each - 1 for each in ids]))
        assert got == ids
        stats = portal.stats
        assert stats.reused_refresh_tokens == 0
        assert stats.refreshes == stats.deaths >= 30


def test_tokens__a_dead_refresh_token_says_sign_in_again() -> None:
    with Sandbox(deals=1, rate_limit=None) as portal, portal.connect(restriction_params=SOON) as b24:
        portal.revoke()
        portal.expire_tokens()
        with pytest.raises(AuthorizationRequiredError, match="sign in again"):
            b24.actions.v2.call.make(method="profile")


def test_tokens__the_new_pair_reaches_the_callback() -> None:
    kept: list[Any] = []
    with Sandbox(deals=1, rate_limit=None) as portal, portal.connect(restriction_params=SOON) as b24:
        b24.set_callback_refresh_auth(lambda *, auth_data, b24_oauth_params: kept.append(b24_oauth_params))
        portal.expire_tokens()
        b24.actions.v2.call.make(method="profile")
        with B24OAuth(kept[0], portal.oauth_secret()) as later:
            assert later.actions.v2.call.make(method="profile").is_success


@pytest.mark.parametrize("kind", ["500", "502", "504", "html", "empty", "reset", "cut", "warning", "bom"])
def test_faults__a_read_survives(kind: str) -> None:
    with Sandbox(deals=60, rate_limit=None, cost=0.0) as portal, portal.connect(restriction_params=SOON) as b24:
        portal.fail(kind, times=1)
        assert len(b24.actions.v2.call.make(method="crm.deal.list", params=PAGE).result) == 50


@pytest.mark.parametrize("kind", ["503", "429"])
def test_faults__a_limit_is_waited_out(kind: str) -> None:
    with Sandbox(deals=1, rate_limit=None) as portal, portal.hook(clock=FakeClock()) as b24:
        portal.fail(kind, times=1)
        assert b24.actions.v2.call.make(method="profile").is_success


def test_limits__no_503_is_met_by_eight_threads() -> None:
    plan = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=60, drain_rate=20))
    with Sandbox(deals=1, rate_limit=(60, 20), cost=0.0) as portal, portal.hook(restriction_params=plan) as b24:
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda _: b24.actions.v2.call.make(method="profile"), range(80)))
        assert all(result.is_success for result in results)
        assert portal.stats.rate_limit_hits == 0


def test_move__the_new_address_is_found_and_kept() -> None:
    with Sandbox(deals=1, rate_limit=None) as portal, portal.connect(restriction_params=SOON) as b24:
        old = b24.get_target_origin()
        portal.move()
        assert b24.actions.v2.call.make(method="profile").is_success
        assert b24.get_target_origin() != old
        before = portal.stats.redirects
        assert b24.actions.v2.call.make(method="profile").is_success
        assert portal.stats.redirects == before


def test_client__has_the_names_of_the_sdk(portal: Sandbox) -> None:
    with portal.connect(restriction_params=SOON) as b24:
        assert b24.is_init
        assert b24.get_target_origin() == portal.url
        assert b24.get_target_origin_with_path() == {
            ApiVersion.V2: f"{portal.url}/rest/",
            ApiVersion.V3: f"{portal.url}/rest/api/",
        }
        assert b24.get_http_client("v2").call("profile").data()["ID"] == "1"
        assert b24.auth.get_uniq("lock") == f"lock_{b24.auth.member_id}"


def test_client__can_be_used_again_after_destroy(portal: Sandbox) -> None:
    b24 = portal.hook(restriction_params=SOON)
    for _ in range(2):
        assert b24.actions.v2.call.make(method="profile").is_success
        b24.destroy()


@pytest.mark.parametrize("make", [Sandbox.connect, Sandbox.hook])
def test_client__no_secret_is_shown(portal: Sandbox, make: Callable[[Sandbox], Any]) -> None:
    secrets = [portal.webhook_url.rstrip("/").rpartition("/")[2], portal.oauth_secret()["client_secret"]]
    with make(portal, restriction_params=SOON) as b24:
        if isinstance(b24, B24OAuth):
            secrets += [b24.auth.params.access_token, b24.auth.params.refresh_token]
        shown = repr([b24, b24.auth, b24.session, b24.actions])
        with pytest.raises(AjaxError) as caught:
            b24.session.call("no.method")
        shown += repr(caught.value) + str(caught.value)
        assert not [secret for secret in secrets if secret in shown]


@pytest.mark.parametrize(
    ("params", "what"),
    [
        ({"access_token": "a"}, "which portal"),
        ({"client_endpoint": "https://x.bitrix24.com/rest/"}, "neither an access token"),
        ({"access_token": "a", "client_endpoint": "http://x.bitrix24.com/rest/"}, "uses no encryption"),
        (
            {"access_token": "a", "domain": "x.bitrix24.com", "server_endpoint": "https://evil.example/rest/"},
            "not a known authorization server",
        ),
    ],
)
def test_client__data_that_makes_no_sense_is_refused(params: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        B24OAuth(params, {"clientId": "local.1", "clientSecret": "x"})


def test_is_admin__is_known_only_after_it_was_asked(b24: B24OAuth | B24Hook) -> None:
    with pytest.raises(SdkError, match=r"isAdmin not init\. You need call B24OAuth::initIsAdmin\(\)"):
        _ = b24.auth.is_admin
    b24.init_is_admin("boot:isAdmin")
    assert b24.auth.is_admin is True


def test_init_is_admin__raises_when_it_cannot_find_out() -> None:
    with Sandbox(deals=1, rate_limit=None) as portal, portal.connect(restriction_params=SOON) as b24:
        portal.fail("error", on="profile", code="ACCESS_DENIED", status=403)
        with pytest.raises(AjaxError):
            b24.init_is_admin()
        with pytest.raises(SdkError, match="isAdmin not init"):
            _ = b24.auth.is_admin


def test_client__warns_once_when_it_runs_in_a_browser(portal: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "emscripten")
    warned, quiet = portal.connect(), portal.connect()
    with pytest.warns(UserWarning, match="in a browser"):
        _ = warned.session
    _ = warned.session
    quiet.off_client_side_warning()
    _ = quiet.session


def test_hook__has_the_auth_of_the_sdk(portal: Sandbox) -> None:
    with B24Hook.from_webhook_url(portal.webhook_url) as b24:
        data = b24.auth.refresh_auth()
        assert portal.webhook_url.endswith(f"/{data['access_token']}/")
        assert b24.auth.get_uniq("lock") == f"lock_{data['domain']}"


def test_ping__is_the_time_of_one_call_and_minus_one_without_an_answer(b24: B24OAuth | B24Hook) -> None:
    assert 0 <= b24.tools.ping() < 60_000
    assert b24.tools.health_check() is True
    with Sandbox(deals=1) as gone:
        client = gone.hook(restriction_params=RestrictionParams(max_retries=1))
    assert client.tools.ping() == -1
    assert client.tools.health_check() is False


def test_batch__an_error_at_the_first_place_is_under_its_position(b24: B24OAuth | B24Hook) -> None:
    calls = [("no.method",), ("profile",), ("no.other",)]
    result = b24.actions.v2.batch.make(calls=calls, halt=False)
    assert list(result.get_errors_by_key()) == [0, 2]
    assert list(result.get_error_messages_by_key()) == [0, 2]
