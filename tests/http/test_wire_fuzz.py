"""What comes over the wire, with bytes of it changed at random: right values or an error of ours, in bounded time.

Every text that comes out is searched for every secret. 2,000 examples over all kinds; 50,000 by ``make soak``.
"""

from __future__ import annotations

import gzip
import json
import math
import re
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b24data.auth.profiles import Profiles
from b24data.auth.token_server import may_see_secrets, merge_token_reply, read_token_reply
from b24data.errors import SdkError, TransportError
from b24data.http.context import CallContext
from b24data.http.encode import Command
from b24data.http.ledger import OperatingLedger
from b24data.http.protocol import Reply, Response, read_batch, read_batch_times, read_reply
from b24data.http.redirect import is_loopback, moved_endpoint, origin_of
from b24data.http.session import Session
from b24data.http.transport import Transport
from b24data.http.unpack import unpacked
from b24data.params import ApiVersion
from b24data.secret import Secret
from b24data.signin.flow import SignIn
from b24data.signin.pasted import event_of, portal_in, read_code
from b24data.tokens import B24OAuthParams
from tests.http.fakes import FakeClock, FakeTransport
from tests.http.test_session import hook_session
from tests.raw_portal import RawPortal, http

ACCESS, REFRESH = "5f" * 35, "a7" * 35
SECRET, HOOK = "w8Kq3Zt6Lm1Rv9Xc4Bn7Yp2Hd5Js0Gf", "q7w2k9x4m1p8z3v6"
SECRETS = (ACCESS, REFRESH, SECRET, HOOK)
PORTAL = "https://acme.bitrix24.com/rest/"

TIMES = {
    "start": 1.7e9,
    "finish": 1.7e9,
    "duration": 0.1,
    "processing": 0.1,
    "date_start": "2026-01-01T10:00:00+03:00",
    "date_finish": "2026-01-01T10:00:00+03:00",
    "operating": 1.5,
    "operating_reset_at": 1.7e9 + 600,
}
ROWS = [{"ID": str(n), "TITLE": "Сделка", "UF": [1, 2.5, None, {"a": True}]} for n in range(3)]
BATCH = {
    "result": {"a": ROWS, "b": {"items": ROWS}},
    "result_error": {"c": {"error": "ACCESS_DENIED", "error_description": f"rest/1/{HOOK}/"}},
    "result_total": {"a": 3},
    "result_next": {"a": 50},
    "result_time": {"a": TIMES},
}
ANSWERS = [
    {"result": ROWS, "total": 3, "next": 50, "time": TIMES},
    {"result": {"items": ROWS}, "time": TIMES},
    {"result": BATCH, "time": TIMES},
    {"error": "QUERY_LIMIT_EXCEEDED", "error_description": f"{PORTAL}1/{HOOK}/batch?auth={ACCESS}"},
    {"error": {"code": "E", "message": "m", "validation": [{"field": "x", "message": "y"}]}},
    {"error": "expired_token", "error_description": f'"access_token": "{ACCESS}", "refresh_token": "{REFRESH}"'},
]
TOKENS = [
    {
        "access_token": ACCESS,
        "refresh_token": REFRESH,
        "expires_in": 3600,
        "expires": 1_800_000_000,
        "member_id": "m",
        "user_id": 1,
        "status": "L",
        "scope": "crm",
        "domain": "oauth.bitrix.info",
        "client_endpoint": PORTAL,
        "server_endpoint": "https://oauth.bitrix.info/rest/",
    },
    {"error": "invalid_grant", "error_description": f"refresh_token={REFRESH}&client_secret={ACCESS}"},
]
EVENT = {"event": "ONAPPINSTALL", "auth": TOKENS[0]}

PIECES = [
    *(
        b"[]",
        b"{}",
        b"null",
        b"true",
        b"1e999",
        b"-1",
        b"0",
        b'""',
        b'"',
        b"\\",
        b"\\u0000",
        b"\0",
        b"\xff",
        b"\x1b[2J",
    ),
    *(b"[" * 600, b"]" * 600, b'{"a":' * 1200, b"9" * 400, b"9" * 5000, b'"result":', b'"error":', b",", b":", b"\r\n"),
    *(
        b"http://",
        b"https://",
        b"127.0.0.1",
        b"@",
        b"//",
        b"?",
        b"#",
        b"%00",
        b"evil.example",
        b"\xef\xbc\x8f",
        b"[::1",
    ),
]
changes = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(PIECES) | st.binary(max_size=4)), max_size=4
)


def changed(data: bytes, how: list[tuple[float, int, bytes]]) -> bytes:
    """``data`` with pieces of it cut out and others put in."""
    for where, gone, new in how:
        at = int(where * len(data))
        data = data[:at] + new + data[at + gone :]
    return data


def bytes_of(*bases: Any) -> st.SearchStrategy[bytes]:
    return st.builds(changed, st.sampled_from([json.dumps(one).encode() for one in bases]), changes)


def exposed(shown: str, body: bytes) -> list[str]:
    """The secrets in ``shown``. One of the body's counts while it stands alone there: glued to letters it is no longer
    what opens a portal.
    """
    said = body.decode("utf-8", "replace")
    alone = {one for one in SECRETS if one not in said or re.search(rf"(?<![\w.-]){one}(?![\w-])", said)}
    return [one for one in alone if one in shown]


def attempt(work: Callable[[], Any], body: bytes = b"") -> Any:
    """What ``work`` gives, or the error of ours that it raises, which shows no secret and no command to a terminal."""
    try:
        return work()
    except SdkError as error:
        shown = f"{error} {error!r} {error.args} {getattr(error, 'body', '')}"
        assert exposed(shown, body) == []
        assert not any(ord(one) < 32 and one not in "\t\n" for one in shown)
        assert len(shown) < 40_000
        return error


def check_answer(method: str, version: ApiVersion, status: int, body: bytes) -> None:
    found = attempt(lambda: read_reply(method, Reply(status, {}, body, ""), version), body)
    if isinstance(found, SdkError):
        return
    assert isinstance(found, Response)
    assert status < 400
    for number in (found.total, found.next):
        assert number is None or abs(number) <= 2**53
    attempt(found.data, body)
    commands = [Command(key, "crm.deal.list") for key in "abcd"]
    parts = attempt(lambda: read_batch(found, commands), body)
    times, _ = attempt(lambda: read_batch_times(found), body)
    ledger = OperatingLedger()
    for one in (found.time, *times.values()):
        if one is not None:
            ledger.observe(one, 0.0)
            assert 0 <= ledger.wait(0.0, 50) <= ledger.window_s + 1
    assert isinstance(parts, SdkError) or len(parts) == len(commands)
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, Response):
            attempt(part.data, body)
        else:
            assert exposed(str(part), body) == []


def check_call(status: int, location: str, body: bytes) -> None:
    """A call through the loop of attempts: it ends, within the windows of the limits."""
    answer = Reply(status, {"location": location} if location else {}, body, "")
    clock = FakeClock()
    session: Session = hook_session(FakeTransport(answer=lambda *_: answer), clock=clock)
    found = attempt(lambda: session.call("crm.deal.list", context=CallContext(attempts=3)), body)
    assert isinstance(found, Response | SdkError)
    assert sum(clock.waits) < 4 * 700


def check_move(endpoint: str, location: bytes) -> None:
    found = attempt(lambda: moved_endpoint("m", Secret(endpoint), Secret(location.decode("latin-1"))))
    if isinstance(found, Secret):
        old, new = origin_of(Secret(endpoint)), origin_of(found)
        assert new.scheme == "https" or (old.scheme == "http" and is_loopback(new.host))
        assert new.host == old.host or new.host.rpartition(".bitrix24.")[1] or is_loopback(old.host)


def check_tokens(status: int, body: bytes) -> None:
    current = B24OAuthParams.of({**TOKENS[0], "access_token": "old-one"})
    data = attempt(lambda: read_token_reply(Reply(status, {}, body, "")), body)
    if isinstance(data, SdkError):
        return
    assert exposed(repr(data), body) == []
    merged = attempt(lambda: merge_token_reply(current, data, 1.7e9))
    if isinstance(merged, B24OAuthParams):
        check_pair(merged)


def check_pair(pair: B24OAuthParams) -> None:
    assert [one for one in SECRETS if one in repr(pair)] == []
    assert may_see_secrets(pair.server_endpoint)
    assert pair.client_endpoint.startswith("https://")
    assert not is_loopback(origin_of(Secret(pair.client_endpoint)).host)
    assert 0 <= pair.expires_in <= 10**11
    assert math.isfinite(float(pair.expires))


def check_given(body: bytes) -> None:
    """What a user pastes: an event, a code, an address."""
    text = body.decode("utf-8", "replace")
    event = attempt(lambda: event_of(text), body)
    if isinstance(event, B24OAuthParams):
        assert exposed(repr(event), body) == []
    attempt(lambda: read_code(text, Secret("state")), body)
    found = attempt(lambda: portal_in(text), body)
    assert isinstance(found, SdkError) or found.startswith(("https://", "http://"))
    with patch("b24data.signin.flow.keep", return_value=("acme", None)) as keep:  # no portal is asked
        flow = SignIn(FakeTransport(answer=lambda *_: Reply(200, {}, body, "")), Profiles())
        step = flow.use_event(text, "local.1", SECRET)
    assert step.at in ("start", "done")
    for call in keep.call_args_list:
        assert may_see_secrets(call.args[0].params.server_endpoint)
    assert exposed(repr(step), body) == []


def check_packed(body: bytes, encoding: str) -> None:
    found = attempt(lambda: unpacked("m", body, encoding, 200))
    assert isinstance(found, bytes | SdkError)


PACKED = gzip.compress(json.dumps(ANSWERS[0]).encode(), mtime=0)
statuses = st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 408, 429, 500, 503, 700])
locations = st.builds(changed, st.sampled_from([PORTAL.encode(), b"https://b24.bitrix24.de/rest/", b"/rest/"]), changes)
endpoints = st.sampled_from([PORTAL, "http://127.0.0.1:8080/rest/", "https://b24.acme.example/rest/1/code/"])
methods = st.sampled_from(["crm.deal.list", "batch", "documentation"])

KINDS: dict[str, tuple[Callable[..., None], tuple[st.SearchStrategy[Any], ...], int]] = {
    "answers": (check_answer, (methods, st.sampled_from(ApiVersion), statuses, bytes_of(*ANSWERS)), 600),
    "calls": (
        check_call,
        (statuses, st.just("") | locations.map(lambda b: b.decode("latin-1")), bytes_of(*ANSWERS)),
        300,
    ),
    "redirects": (check_move, (endpoints, locations), 300),
    "token replies": (check_tokens, (statuses, bytes_of(*TOKENS)), 300),
    "what is pasted": (check_given, (bytes_of(EVENT, TOKENS[0], PORTAL),), 250),
    "compressed": (
        check_packed,
        (st.builds(changed, st.just(PACKED), changes), st.sampled_from(["gzip", "", "x"])),
        200,
    ),
}


def run(kind: str, times: int) -> None:
    check, strategies, few = KINDS[kind]
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

    @settings(max_examples=few * times, deadline=None, database=None, suppress_health_check=quiet)
    @given(st.tuples(*strategies))
    def every(case: tuple[Any, ...]) -> None:
        check(*case)

    every()


@pytest.mark.parametrize("kind", KINDS)
def test_fuzz__what_comes_over_the_wire(kind: str) -> None:
    run(kind, 1)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_fuzz__what_comes_over_the_wire_many_times(kind: str) -> None:
    run(kind, 26)


RESPONSES = [
    http(ANSWERS[0]),
    http(PACKED, 200, "Content-Encoding: gzip"),
    http({}, 302, f"Location: {PORTAL}"),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{} \r\n2\r\n{}\r\n0\r\n\r\n",
]


def over_a_socket(examples: int) -> None:
    """Whatever a server sends, the request ends, and the one after it gets its own answer."""
    quiet = [HealthCheck.too_slow]
    transport = Transport(timeout=5)

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=quiet)
    @given(st.builds(changed, st.sampled_from(RESPONSES), changes), st.integers(0, 10**6))
    def every(response: bytes, number: int) -> None:
        def evil(asked: Any) -> bytes | None:
            asked.connection.sendall(response)
            return None

        portal.answer = evil
        found = attempt(lambda: transport.post("m", portal.hook, b"{}"))
        assert isinstance(found, Reply | SdkError)
        portal.answer = lambda asked: http(asked.body)
        own = attempt(lambda: transport.post("m", portal.hook, b"%d" % number))
        if isinstance(own, TransportError) and own.code == "CONNECTION_LOST":
            # The server closed the old connection when its answer was out, and the news came after the request left.
            own = transport.post("m", portal.hook, b"%d" % number)
        assert own.body == b"%d" % number

    with RawPortal(lambda _: None) as portal:
        every()
    transport.close()


def test_fuzz__bytes_of_a_connection() -> None:
    over_a_socket(50)


@pytest.mark.soak
def test_fuzz__bytes_of_a_connection_many_times() -> None:
    over_a_socket(2000)
