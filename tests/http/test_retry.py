from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24data.errors import (
    AjaxError,
    BadReplyError,
    OperatingLimitError,
    RateLimitedError,
    RequestTimeoutError,
    SdkError,
    ServerError,
    TransportError,
)
from b24data.http.retry import Verdict, backoff, decide, is_read
from b24data.params import RestrictionParams

LOST = TransportError("m", code="CONNECTION_LOST")
TIMEOUT = RequestTimeoutError("m", code="TIMEOUT")
NOT_CONNECTED = TransportError("m", code="NOT_CONNECTED")
GATEWAY = BadReplyError("m", status=502, body="<html>")
PHP_WARNING = BadReplyError("m", status=200, body="Warning: ...")
LOGIN_PAGE = BadReplyError("m", status=200, body="<html>")
SERVER = ServerError("m", code="INTERNAL_SERVER_ERROR", status=500)
RATE = RateLimitedError("m", code="QUERY_LIMIT_EXCEEDED", status=503)
OPERATING = OperatingLimitError("m", code="OPERATION_TIME_LIMIT", status=429)
EXPIRED = AjaxError("m", code="expired_token", status=401)
WRONG = AjaxError("m", code="ERROR_CORE", status=400)
SLOW = AjaxError("m", code="TIMEOUT", status=408)


def step(error: SdkError, **given: Any) -> Verdict:
    facts: dict[str, Any] = {"attempt": 1, "attempts": 3, "reads": True, "policy": RestrictionParams(), "jitter": 0.5}
    return decide(error, **{**facts, **given}).verdict


@pytest.mark.parametrize("error", [LOST, TIMEOUT, GATEWAY, PHP_WARNING, SERVER, SLOW])
def test_decide__what_may_have_run_is_repeated_only_for_reads(error: SdkError) -> None:
    assert step(error, reads=True) is Verdict.REPEAT
    assert step(error, reads=False) is Verdict.RAISE


@pytest.mark.parametrize("error", [RATE, OPERATING, NOT_CONNECTED])
@pytest.mark.parametrize("reads", [True, False])
def test_decide__what_did_not_run_is_repeated_for_every_method(error: SdkError, reads: bool) -> None:
    assert step(error, reads=reads) is Verdict.REPEAT


@pytest.mark.parametrize("attempt", [1, 3, 99])
def test_decide__a_dead_token_is_refreshed_and_costs_no_attempt(attempt: int) -> None:
    assert step(EXPIRED, reads=False, attempt=attempt) is Verdict.REFRESH


def test_decide__the_portals_own_no_is_final() -> None:
    assert step(WRONG) is Verdict.RAISE


@pytest.mark.parametrize("error", [LOST, RATE, OPERATING, NOT_CONNECTED, SERVER])
def test_decide__the_last_attempt_is_the_last(error: SdkError) -> None:
    assert step(error, attempt=3) is Verdict.RAISE


def test_decide__a_page_of_html_with_a_good_status_is_not_asked_for_ten_times() -> None:
    assert step(LOGIN_PAGE, attempt=2, attempts=10) is Verdict.REPEAT
    assert step(LOGIN_PAGE, attempt=3, attempts=10) is Verdict.RAISE
    assert step(GATEWAY, attempt=3, attempts=10) is Verdict.REPEAT


def test_decide__html_from_a_portal_that_has_answered_before_is_a_passing_trouble() -> None:
    assert step(LOGIN_PAGE, attempt=9, attempts=10, known=True) is Verdict.REPEAT


@pytest.mark.parametrize("body", ["", "<br /> <b>Warning</b>", '{"error": "expired_to'])
def test_decide__an_unreadable_401_passes_only_where_a_token_can_have_died(body: str) -> None:
    spoiled = BadReplyError("m", status=401, body=body)
    assert step(spoiled, attempt=9, attempts=10, known=True, renews=True) is Verdict.REPEAT
    assert step(spoiled, attempt=10, attempts=10, known=True, renews=True) is Verdict.RAISE
    assert step(spoiled, attempts=10, known=True, renews=True, reads=False) is Verdict.RAISE
    assert step(spoiled, attempts=10, renews=True) is Verdict.RAISE  # a server before the portal asks for a sign-in
    assert step(spoiled, attempts=10, known=True) is Verdict.RAISE  # a webhook does not expire


@pytest.mark.parametrize("code", ["OVERLOAD_LIMIT", "PORTAL_DELETED", "CERTIFICATE"])
def test_decide__what_no_patience_cures_is_raised_at_once(code: str) -> None:
    assert step(ServerError("m", code=code, status=503)) is Verdict.RAISE
    assert step(TransportError("m", code=code)) is Verdict.RAISE


def test_decide__a_code_of_the_users_lists_is_final() -> None:
    for policy in (
        RestrictionParams(hard_error_codes=("INTERNAL_SERVER_ERROR",)),
        RestrictionParams(soft_error_codes=("INTERNAL_SERVER_ERROR",)),
    ):
        assert step(SERVER) is Verdict.REPEAT
        assert step(SERVER, policy=policy) is Verdict.RAISE


@pytest.mark.parametrize("error", [LOST, TIMEOUT, NOT_CONNECTED])
def test_decide__network_errors_are_final_when_the_user_says_so(error: SdkError) -> None:
    assert step(error, policy=RestrictionParams(retry_on_network_error=False)) is Verdict.RAISE


@given(attempt=st.integers(1, 50), base=st.floats(0.01, 10), jitter=st.floats(0, 1))
def test_backoff__stays_between_half_and_all_of_its_step(attempt: int, base: float, jitter: float) -> None:
    full = min(30.0, base * 2 ** (attempt - 1))
    assert full / 2 <= backoff(attempt, base, jitter) <= full


@pytest.mark.parametrize(
    "method",
    [
        *("crm.deal.list", "crm.deal.fields", "tasks.task.getFields", "user.get", "user.current", "profile", "scope"),
        *("task.elapseditem.getlist", "landing.landing.getList", "crm.item.get", "user.search", "main.eventlog.tail"),
        *("methods", "app.info", "server.time", "crm.duplicate.findbycomm", "crm.status.entity.types"),
    ],
)
def test_is_read__methods_that_only_read(method: str) -> None:
    assert is_read(method)


@pytest.mark.parametrize(
    "method",
    [
        *("crm.deal.add", "crm.deal.update", "crm.deal.delete", "tasks.task.start", "im.message.add", "batch"),
        *("event.offline.get", "im.v2.Event.get", "imbot.v2.Event.get", "crm.item.import", "getlist.drop", "x"),
        *("im.notify.read.list", "disk.storage.getForApp", "disk.folder.getExternalLink", "thing.getOrCreate"),
        *(
            "thing.list_and_clear",
            "thing.findAndMark",
            "crm.deal.list.",
            "crm.deal.list/",
            "crm.deal.list?x",
            "a b.list",
        ),
        *("crm.deal.list.json", "", ".list", "crm..list", "список.list", "crm.deal.list\n"),
    ],
)
def test_is_read__everything_else_counts_as_a_write(method: str) -> None:
    assert not is_read(method)
