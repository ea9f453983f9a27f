from __future__ import annotations

import contextlib
import itertools
import logging
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from b24data.auth.webhook import HookCredentials
from b24data.errors import (
    AjaxError,
    AuthorizationRequiredError,
    BadReplyError,
    ConfigError,
    MethodNotFoundError,
    OperatingLimitError,
    RateLimitedError,
    RequestTimeoutError,
    TransportError,
)
from b24data.http.context import CallContext, CancelledError, Wait
from b24data.http.encode import Command
from b24data.http.ledger import OperatingLedger
from b24data.http.limits import LocalState
from b24data.http.protocol import Reply, Response
from b24data.http.reading import ReadingThread
from b24data.http.session import Session
from b24data.params import ApiVersion, RestrictionParams
from tests.http.fakes import Answer, FakeClock, FakeTransport, fault, ok, reply

HTML = reply(b"<html>502</html>", 502)
LOST = TransportError("m", "reset", code="CONNECTION_LOST")
_hosts = itertools.count()


def hook_session(transport: FakeTransport, clock: FakeClock | None = None, **options: Any) -> Session:
    """A session at a portal of its own: limits are shared by portal."""
    credentials = HookCredentials(f"https://h{next(_hosts)}.bitrix24.com/rest/1/s3cr3t/")
    return Session(credentials, transport, clock=clock or FakeClock(), jitter=lambda: 1.0, **options)


def test_call__sends_json_and_reads_the_answer() -> None:
    transport = FakeTransport(ok([{"ID": "1"}], total=70, next=50))
    response = hook_session(transport).call("crm.deal.list", {"select": ["ID"]})
    assert (response.data(), response.total, response.next) == ([{"ID": "1"}], 70, 50)
    ((url, body),) = transport.sent
    assert url.endswith("/rest/1/s3cr3t/crm.deal.list")
    assert body == {"select": ["ID"]}


@pytest.mark.parametrize("trouble", [HTML, LOST, fault("QUERY_LIMIT_EXCEEDED", 503), fault("X", 500)])
def test_call__others_may_read_their_answers_while_it_waits(trouble: Answer) -> None:
    """They hold places in the limits that this call may wait for."""
    reading, seen = ReadingThread(), []

    class Watching(FakeClock):
        def wait(self, event: threading.Event, seconds: float) -> bool:
            seen.append(reading._turn.locked())
            return super().wait(event, seconds)

    session, context = hook_session(FakeTransport(ok(1), trouble, ok(2)), Watching()), CallContext(reading=reading)
    with reading.one_answer():
        session.call("crm.deal.list", context=context)
        assert reading._turn.locked()
        session.call("crm.deal.list", context=context)
    assert seen
    assert not any(seen)
    assert not reading._turn.locked()
    reading.close()


def test_call__rest_3_has_its_own_path() -> None:
    transport = FakeTransport(ok())
    hook_session(transport, version=ApiVersion.V3).call("tasks.task.list")
    assert transport.sent[0][0].endswith("/rest/api/1/s3cr3t/tasks.task.list")


def test_call__positional_parameters_go_under_their_positions() -> None:
    transport = FakeTransport(ok())
    hook_session(transport).call("task.item.list", [{"ID": "asc"}, {}, {}])
    assert transport.sent[0][1] == {"0": {"ID": "asc"}, "1": {}, "2": {}}


def test_call__what_is_no_method_is_never_sent() -> None:
    transport = FakeTransport()
    with pytest.raises(ConfigError):
        hook_session(transport).call("crm.deal.list?auth=x")
    assert transport.sent == []


@pytest.mark.parametrize("trouble", [HTML, LOST, RequestTimeoutError("m", code="TIMEOUT"), fault("X", 500)])
def test_call__a_read_is_repeated_after_a_passing_trouble(trouble: Answer) -> None:
    transport, clock = FakeTransport(trouble, trouble, ok(7)), FakeClock()
    assert hook_session(transport, clock).call("crm.deal.list").data() == 7
    assert clock.waits == [1.0, 2.0]


@pytest.mark.parametrize("trouble", [HTML, LOST, RequestTimeoutError("m", code="TIMEOUT")])
def test_call__a_write_is_never_sent_twice(trouble: Answer) -> None:
    transport = FakeTransport(trouble)
    with pytest.raises(TransportError):
        hook_session(transport).call("crm.deal.add", {"fields": {"TITLE": "x"}})
    assert len(transport.sent) == 1


def test_call__a_write_that_was_refused_unread_is_sent_again() -> None:
    transport = FakeTransport(fault("QUERY_LIMIT_EXCEEDED", 503), ok(5))
    assert hook_session(transport).call("crm.deal.add").data() == 5


@pytest.mark.parametrize(("reads", "sent"), [(True, 2), (False, 1)])
def test_call__the_caller_may_know_better_whether_it_reads(reads: bool, sent: int) -> None:
    transport = FakeTransport(LOST, ok())
    try:
        hook_session(transport).call("my.module.peek", reads=reads)
    except TransportError:
        assert not reads
    assert len(transport.sent) == sent


def test_call__gives_up_after_all_attempts_and_says_how_hard_it_tried() -> None:
    transport = FakeTransport(answer=lambda *_: fault("QUERY_LIMIT_EXCEEDED", 503))
    with pytest.raises(RateLimitedError, match=r"crm\.deal\.list: QUERY_LIMIT_EXCEEDED \(503\) after 3 attempts") as e:
        hook_session(transport).call("crm.deal.list", request_id="mine")
    assert (len(transport.sent), e.value.attempts, e.value.request_id) == (3, 3, "mine")
    assert e.value.seconds is not None
    assert e.value.seconds > 0


def test_call__a_walk_is_more_patient() -> None:
    transport = FakeTransport(*[HTML] * 9, ok(1))
    context = CallContext()
    assert hook_session(transport).call("crm.deal.list", context=context).data() == 1
    assert (context.requests, context.retries) == (10, 9)


def test_call__attempts_can_be_bounded_for_one_request() -> None:
    transport = FakeTransport(answer=lambda *_: HTML)
    with pytest.raises(BadReplyError):
        hook_session(transport).call("crm.deal.list", context=CallContext(), attempts=2)
    assert len(transport.sent) == 2


def test_call__an_error_about_the_call_is_raised_at_once() -> None:
    transport = FakeTransport(fault("ERROR_METHOD_NOT_FOUND", 404, "Method not found!"))
    with pytest.raises(MethodNotFoundError, match="check the spelling"):
        hook_session(transport).call("crm.dael.list")
    assert len(transport.sent) == 1


@pytest.mark.parametrize("code", ["NO_AUTH_FOUND", "expired_token"])
def test_call__a_webhook_that_is_not_accepted_needs_a_new_one(code: str) -> None:
    transport = FakeTransport(fault(code, 401))
    with pytest.raises(AuthorizationRequiredError, match="webhook"):
        hook_session(transport).call("profile")
    assert len(transport.sent) == 1


def test_call__after_a_503_the_bucket_is_taken_for_full() -> None:
    transport, clock = FakeTransport(fault("QUERY_LIMIT_EXCEEDED", 503), ok()), FakeClock()
    waits: list[Wait] = []
    hook_session(transport, clock).call("profile", context=CallContext(on_wait=waits.append))
    assert [wait.reason for wait in waits] == ["rate limit"]
    assert waits[0].until == pytest.approx(clock.time())


def test_call__after_a_429_it_waits_until_the_portal_drops_a_basket() -> None:
    good = reply({"result": 1, "time": {"finish": 100.0, "operating": 470, "operating_reset_at": 130, "duration": 1}})
    transport, clock = FakeTransport(good, fault("OPERATION_TIME_LIMIT", 429), ok(2)), FakeClock()
    session = hook_session(transport, clock, params=RestrictionParams(max_retries=3))
    session.call("crm.deal.list")
    context = CallContext()
    assert session.call("crm.deal.list", context=context).data() == 2
    assert context.waited_s["operating limit"] >= 31


def test_call__a_429_that_stays_says_when_the_method_can_run_again() -> None:
    good = reply({"result": 1, "time": {"finish": 100.0, "operating": 470, "operating_reset_at": 130, "duration": 1}})
    transport, clock = FakeTransport(good, fault("OPERATION_TIME_LIMIT", 429)), FakeClock()
    session = hook_session(transport, clock, params=RestrictionParams(max_retries=1))
    session.call("crm.deal.list")
    with pytest.raises(OperatingLimitError) as caught:
        session.call("crm.deal.list")
    assert caught.value.reset_at == pytest.approx(clock.time() + 31)


def test_call__a_429_without_counters_waits_one_basket() -> None:
    transport, context = FakeTransport(fault("OPERATION_TIME_LIMIT", 429), ok(2)), CallContext()
    hook_session(transport).call("crm.deal.list", context=context)
    assert context.waited_s == {"operating limit": pytest.approx(60.0)}


def test_call__a_long_wait_of_a_single_call_is_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    def waits_of(context: CallContext | None) -> list[str]:
        caplog.clear()
        transport = FakeTransport(fault("OPERATION_TIME_LIMIT", 429), ok())
        hook_session(transport).call("crm.deal.list", context=context)
        return [record.message for record in caplog.records if record.levelno >= logging.WARNING]

    assert [re.sub(r"for h\d+\.", "for ", wait) for wait in waits_of(None)] == [
        "crm.deal.list: waiting 60.0 s for bitrix24.com (operating limit)"
    ]
    assert waits_of(CallContext(on_wait=lambda _: None)) == []


def test_call__a_429_that_stays_is_an_error_with_its_name() -> None:
    transport = FakeTransport(answer=lambda *_: fault("OPERATION_TIME_LIMIT", 429))
    with pytest.raises(OperatingLimitError, match="after 3 attempts"):
        hook_session(transport).call("crm.deal.list")


def test_call__under_the_default_limits_a_long_run_is_paced() -> None:
    transport, clock = FakeTransport(answer=lambda *_: ok()), FakeClock(now=0.0)
    session = hook_session(transport, clock)
    for _ in range(246):
        session.call("profile")
    assert clock.now == pytest.approx(99.0)


def test_call__a_cancelled_walk_sends_nothing() -> None:
    transport, context = FakeTransport(answer=lambda *_: ok()), CallContext()
    context.cancel.set()
    with pytest.raises(CancelledError):
        hook_session(transport).call("profile", context=context)
    assert transport.sent == []


def test_call__a_walk_cancelled_during_an_attempt_sends_no_other() -> None:
    context = CallContext()

    def interrupted(*_: object) -> Answer:
        context.cancel.set()
        return LOST

    transport = FakeTransport(answer=interrupted)
    with pytest.raises(CancelledError):
        hook_session(transport).call("profile", context=context)
    assert len(transport.sent) == 1


def test_call__a_walk_cancelled_during_a_wait_sends_no_other() -> None:
    context = CallContext(on_wait=lambda _: context.cancel.set())
    transport = FakeTransport(HTML)
    with pytest.raises(CancelledError):
        hook_session(transport).call("profile", context=context)
    assert len(transport.sent) == 1


def moved(location: str) -> Answer:
    return reply(b"", 302, location=location)


def test_call__a_post_is_repeated_where_the_portal_moved_and_stays_there() -> None:
    transport = FakeTransport(moved("https://acme-new.bitrix24.de/rest/1/s3cr3t/profile"), ok(1), ok(2))
    session = hook_session(transport)
    assert session.call("crm.deal.add", {"fields": {}}).data() == 1
    assert session.call("profile").data() == 2
    urls = [url for url, _ in transport.sent]
    assert urls[1:] == [f"https://acme-new.bitrix24.de/rest/1/s3cr3t/{name}" for name in ("crm.deal.add", "profile")]
    assert transport.sent[1][1] == {"fields": {}}


def test_call__an_address_that_does_not_answer_is_not_kept() -> None:
    transport = FakeTransport(moved("https://acme-new.bitrix24.de/x"), fault("X", 400), ok())
    session = hook_session(transport)
    with pytest.raises(AjaxError):
        session.call("profile")
    session.call("profile")
    assert transport.sent[0][0] == transport.sent[2][0]


def test_call__a_redirect_to_a_stranger_is_not_followed() -> None:
    transport = FakeTransport(moved("https://evilbitrix24.com/rest/1/s3cr3t/profile"))
    with pytest.raises(TransportError, match="not followed"):
        hook_session(transport).call("profile")
    assert len(transport.sent) == 1


def test_call__a_redirect_in_circles_ends() -> None:
    transport = FakeTransport(answer=lambda *_: moved("https://acme.bitrix24.com/x"))
    with pytest.raises(TransportError, match="circles"):
        hook_session(transport).call("profile")
    assert len(transport.sent) == 6


def batch_of(**results: Any) -> Answer:
    return ok({"result": results, "result_error": [], "result_time": []})


def test_batch__sends_php_notation_and_gives_answers_by_position() -> None:
    transport = FakeTransport(batch_of(b=[2], a=[1]))
    parts = hook_session(transport).batch([Command("a", "x.list", {"start": -1}), Command("b", "y.list")])
    assert [part.data() for part in parts if isinstance(part, Response)] == [[1], [2]]
    assert transport.sent[0][1] == {"halt": 0, "cmd": {"a": "x.list?start=-1", "b": "y.list"}}


@pytest.mark.parametrize(("second", "sent"), [("crm.lead.list", 2), ("crm.lead.add", 1)])
def test_batch__is_a_read_if_all_its_commands_are(second: str, sent: int) -> None:
    transport = FakeTransport(LOST, batch_of())
    try:
        hook_session(transport).batch([Command("a", "crm.deal.list"), Command("b", second)])
    except TransportError:
        assert sent == 1
    assert len(transport.sent) == sent


def test_batch__counts_its_commands_against_their_methods() -> None:
    def time(operating: float) -> dict[str, Any]:
        return {"finish": 10.0, "duration": 5, "operating": operating, "operating_reset_at": 300}

    answer = ok({"result": {"a": [], "b": []}, "result_time": {"a": time(479), "b": time(5)}})
    transport, context = FakeTransport(answer, ok(), ok()), CallContext()
    session = hook_session(transport)
    session.batch([Command("a", "crm.deal.list"), Command("b", "crm.lead.list")])
    session.call("crm.lead.list", context=context)
    assert context.waited_s == {}
    session.call("crm.deal.list", context=context)
    assert context.waited_s["operating limit"] >= 290


def test_call__its_reservation_is_given_back_when_what_it_took_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two, another thread would take what is left a second time."""
    session = hook_session(FakeTransport(reply({"result": [], "time": {"duration": 3.4, "operating": 470.0}})))
    state, left = LocalState.state, []

    @contextlib.contextmanager
    def watched(kept: LocalState, fresh: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        with state(kept, fresh) as parts:
            yield parts
            (ledger,) = [part for part in parts.values() if isinstance(part, OperatingLedger)]
            left.append((len(ledger.flights), ledger.used(session.clock.monotonic())))

    monkeypatch.setattr(LocalState, "state", watched)
    session.call("crm.deal.list")
    assert left == [(1, 0.0), (0, 470.0)]


def test_batch__a_429_of_one_command_stops_that_method_only() -> None:
    answer = ok({"result": {"b": []}, "result_error": {"a": {"error": "OPERATION_TIME_LIMIT"}}})
    transport, context = FakeTransport(answer, ok(), ok()), CallContext()
    session = hook_session(transport)
    parts = session.batch([Command("a", "crm.deal.list"), Command("b", "crm.lead.list")])
    assert isinstance(parts[0], OperatingLimitError)
    session.call("crm.lead.list", context=context)
    assert context.waited_s == {}
    session.call("crm.deal.list", context=context)
    assert context.waited_s == {"operating limit": pytest.approx(60.0)}


def test_batch__a_429_of_the_whole_stops_its_methods_too() -> None:
    transport, context = FakeTransport(fault("OPERATION_TIME_LIMIT", 429), ok({"result": {"a": []}})), CallContext()
    hook_session(transport).batch([Command("a", "crm.deal.list")], context=context)
    assert context.waited_s == {"operating limit": pytest.approx(60.0)}


def test_context__knows_the_window_and_the_bytes() -> None:
    def at(second: int) -> Reply:
        return ok(
            1, time={"start": second, "finish": second + 1, "date_start": f"s{second}", "date_finish": f"f{second}"}
        )

    answers = [at(5), at(2), at(9)]
    transport, context = FakeTransport(*answers), CallContext()
    session = hook_session(transport)
    for _ in answers:
        session.call("profile", context=context)
    assert context.window == ("s2", "f9")


def test_logs__hold_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    transport = FakeTransport(HTML, fault("X", 400, "at /rest/1/s3cr3t/x?auth=t0ken"))
    with caplog.at_level(logging.DEBUG), pytest.raises(AjaxError) as caught:
        hook_session(transport).call("crm.deal.list", {"auth": "t0ken", "cmd": {"a": "x?access_token=t0ken"}})
    everything = caplog.text + repr(caught.value) + str(caught.value)
    assert "crm.deal.list" in caplog.text
    assert "s3cr3t" not in everything
    assert "t0ken" not in everything


def test_call__many_threads_share_one_session() -> None:
    transport = FakeTransport(answer=lambda url, params: ok(params["n"]))
    session = hook_session(transport)
    got: list[int] = []

    def run(n: int) -> None:
        got.append(session.call("profile", {"n": n}).data())

    threads = [threading.Thread(target=run, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(20))


def test_stats__tell_what_the_session_has_met() -> None:
    busy = fault("QUERY_LIMIT_EXCEEDED", 503)
    portal = FakeTransport(busy, ok(1, time={"operating": 400.0, "operating_reset_at": 50, "finish": 5, "duration": 1}))
    portal.answer = lambda *_: fault("ERROR_CORE", 400)
    calls = hook_session(portal)
    calls.call("profile")
    first = calls.get_stats()
    assert (first["retries"], first["consecutive_errors"], first["heavy_request_count"]) == (1, 0, 1)
    assert first["operating_stats"] == {"profile": 400.0}
    assert first["limit_hits"] > 0
    with pytest.raises(AjaxError):
        calls.call("profile")
    second = calls.get_stats()
    assert second["error_counts"] == {"profile": 1}
    assert (second["total_requests"], second["successful_requests"], second["failed_requests"]) == (2, 1, 1)
    assert second["by_method"]["profile"]["count"] == 2
    assert second["total_duration"] == second["by_method"]["profile"]["total_duration"] > 0
    assert second["adaptive_delays"] == 1
    assert second["adaptive_delay_avg"] == second["total_adaptive_delay"] == pytest.approx(0.46, abs=0.3)
    assert 0 <= second["tokens"] <= 48


def test_params__presets_have_the_figures_of_the_sdk() -> None:
    named = {
        "default": RestrictionParams.default(),
        "batch": RestrictionParams.batch_processing(),
        "realtime": RestrictionParams.realtime(),
        "enterprise": RestrictionParams.from_tariff_plan("ENTERPRISE"),
        "start": RestrictionParams.from_tariff_plan("start"),
    }
    facts = {
        name: (p.rate_limit.burst_limit, p.rate_limit.drain_rate, p.max_retries, p.adaptive_config.max_delay_s)
        for name, p in named.items()
    }
    assert facts == {
        "default": (50, 2, 3, 7),
        "batch": (30, 1, 5, 10),
        "realtime": (50, 2, 1, 480),
        "enterprise": (250, 5, 3, 7),
        "start": (50, 2, 3, 7),
    }
    assert not named["realtime"].adaptive_config.enabled


def test_logs__of_a_large_request_are_short(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "b24data"):
        hook_session(FakeTransport(ok())).call("crm.deal.add", {"fields": {"COMMENTS": "x" * 10_000}})
    assert max(len(record.getMessage()) for record in caplog.records) < 500
    assert "characters)" in caplog.text
