"""The listener of a sign-in among the other programs and pages of the machine."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24data import B24OAuth, Sandbox
from b24data.auth.profiles import Profiles
from b24data.errors import ConfigError
from b24data.http.protocol import Reply
from b24data.http.transport import Transport
from b24data.signin import flow as flow_module
from b24data.signin.flow import SignedIn, SignIn, Step
from b24data.signin.listener import Landing, Listener
from b24data.signin.pasted import portal_in
from tests.http.fakes import FakeClock, FakeTransport, reply

Begin = Callable[..., tuple[SignIn, Step]]


@pytest.fixture
def begin(portal: Sandbox, profiles: Profiles) -> Begin:
    """A sign-in that waits for the browser, and its step."""

    def begin(port: int = 0) -> tuple[SignIn, Step]:
        flow = SignIn(Transport(), profiles, port=port)
        secret = portal.oauth_secret()
        return flow, flow.ask_portal(portal.url, secret["client_id"], secret["client_secret"])

    return begin


def visit(flow: SignIn, **asked: str) -> str:
    with urllib.request.urlopen(f"{flow._listener.uri}?{urlencode(asked)}") as page:
        return str(page.read().decode())


def state_of(step: Step) -> str:
    return parse_qs(urlsplit(step.link).query)["state"][0]


FOREIGN = ["", "stolen", "x" * 9000, "é", "\0", "null"]


@pytest.mark.parametrize("state", FOREIGN)
def test_a_request_with_a_foreign_state__changes_nothing(portal: Sandbox, begin: Begin, state: str) -> None:
    flow, step = begin()
    shown: list[Step] = []
    flow.changed = shown.append
    for code in ("x", portal.authorization_code()):
        page = visit(flow, code=code, state=state)
        assert "does not belong to the link shown here" in page
    assert flow.step is step
    assert shown == []
    assert "You are signed in" in visit(flow, code=portal.authorization_code(), state=state_of(step))
    assert flow.step.at == "done"


def test_a_request_while_a_step_is_under_way__is_answered_at_once(portal: Sandbox, begin: Begin) -> None:
    flow, _ = begin()
    with flow._lock:
        holder = threading.Thread(target=lambda: pages.append(visit(flow, code="x", state="stolen")))
        pages: list[str] = []
        holder.start()
        holder.join(10)
    assert "Not signed in" in pages[0]
    flow.close()


def test_the_same_address_twice__leaves_the_user_signed_in(portal: Sandbox, begin: Begin) -> None:
    flow, step = begin()
    asked = {"code": portal.authorization_code(), "state": state_of(step)}
    expected = flow._application
    assert "You are signed in" in visit(flow, **asked)
    flow._application = None
    assert "Not signed in" in flow._returned({}).sentence
    assert expected is not None
    assert flow.step.at == "done"


def test_two_sign_ins_one_after_the_other__listen_at_the_same_port(portal: Sandbox, begin: Begin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for _ in range(3):
        flow, step = begin(port)
        assert (step.listens, step.note.count("taken")) == (True, 0)
        assert "You are signed in" in visit(flow, code=portal.authorization_code(), state=state_of(step))
        assert flow.step.at == "done"


def test_a_port_that_another_program_has__is_a_sentence() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ConfigError, match="of this machine is taken") as caught,
    ):
        Listener(lambda _: Landing(""), taken.getsockname()[1])
    assert caught.value.code == "PORT_TAKEN"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def listener(clock: FakeClock) -> Iterator[Listener]:
    listener = Listener(lambda asked: Landing(f"code {asked['code'].reveal()}"), 0, clock=clock)
    yield listener
    listener.close()


def connected(listener: Listener) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(listener.uri).port), timeout=10)


def all_of(connection: socket.socket) -> bytes:
    came = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            came += piece
    return came


def test_a_request_that_drips__is_given_up_after_five_seconds(listener: Listener, clock: FakeClock) -> None:
    with connected(listener) as connection:
        connection.sendall(b"GET /?code=x HTTP/1.1\r\n")
        clock.now += 6
        connection.sendall(b"X-Slow: 1")
        assert all_of(connection) == b""


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /?code=x HTTP/1.1\r\nCookie: " + b"x" * 100_000,
        b"GET /?code=" + b"x" * 100_000,
        b"x" * 100_000,
        b"POST /?code=x HTTP/1.1\r\n\r\n",
        b"GET http://evil.example/?code=x HTTP/1.1\r\n\r\n",
        b"GET /?code=x\r\n\r\n",
        b"GET //[?code=x HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_what_no_browser_sends__is_not_answered_and_the_next_request_is(listener: Listener, sent: bytes) -> None:
    with connected(listener) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        assert b"code" not in all_of(connection)
    with urllib.request.urlopen(f"{listener.uri}?code=mine") as page:
        assert b"code mine" in page.read()


def test_connections_that_say_nothing__take_no_more_threads_than_a_few(listener: Listener) -> None:
    before = threading.active_count()
    with contextlib.ExitStack() as held:
        for _ in range(20):
            held.enter_context(connected(listener))
        with connected(listener) as last:
            last.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                last.recv(1)
        assert threading.active_count() - before <= 8
    with urllib.request.urlopen(f"{listener.uri}?code=mine") as page:
        assert b"code mine" in page.read()


@pytest.mark.parametrize("taken", [True, False])
def test_the_code__stays_in_the_address_where_it_was_not_taken(taken: bool) -> None:
    listener = Listener(lambda _: Landing("said", taken), 0)
    with urllib.request.urlopen(f"{listener.uri}?code=mine") as page:
        assert (b"replaceState" in page.read()) == taken
    listener.close()


def test_a_code_for_another_link__stays_in_the_address(portal: Sandbox, begin: Begin) -> None:
    flow, step = begin()
    assert "replaceState" not in visit(flow, code=portal.authorization_code(), state="stolen")
    assert "replaceState" in visit(flow, code=portal.authorization_code(), state=state_of(step))


def test_a_listener__stops_after_ten_minutes_and_frees_its_port(portal: Sandbox, profiles: Profiles) -> None:
    clock, told = FakeClock(), threading.Event()
    flow = SignIn(Transport(), profiles, port=0, clock=clock)
    secret = portal.oauth_secret()
    assert flow.ask_portal(portal.url, secret["client_id"], secret["client_secret"]).listens
    assert flow._listener is not None
    address = ("127.0.0.1", urlsplit(flow._listener.uri).port)
    flow.changed = lambda step: told.set()
    clock.now += 601
    assert told.wait(60)
    assert (flow.step.at, flow.step.listens) == ("link", False)
    assert "did not come back within 10 minutes" in flow.step.note
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    assert flow.new_link().listens
    flow.close()


def test_a_later_sign_in__takes_the_port_and_the_earlier_one_says_so(portal: Sandbox, begin: Begin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    first, _ = begin(port)
    told = threading.Event()
    first.changed = lambda step: told.set()
    second, step = begin(port)
    assert told.wait(60)
    assert (first.step.at, first.step.listens, second.step.listens) == ("link", False, True)
    assert "a later sign-in in this notebook listens now" in first.step.note
    assert "You are signed in" in visit(second, code=portal.authorization_code(), state=state_of(step))


def test_an_answer__is_escaped_and_kept_by_no_cache(listener: Listener) -> None:
    with urllib.request.urlopen(f"{listener.uri}?code=%3Cscript%3Ealert(1)%3C/script%3E") as page:
        assert b"<script>alert" not in page.read()
        assert (page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{listener.uri}favicon.ico")


TYPED = [
    *("https://[", "http://[::1", "acme.bitrix24.com:x", "acme.bitrix24.com:99999", "https://evil.com\uff0f.b24.ru/"),
    *("\0", "a\0b.com", "://", "https://", "https:///", "https://a..b", "xn--", "http://localhost:0", "[::1]:99999"),
    *(
        "." * 300,
        "https://" + "a" * 70_000 + ".com",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "\x1b[2J.com",
        "ж.рф:ж",
    ),
]


@pytest.mark.parametrize("typed", TYPED)
def test_any_address_typed__is_a_sentence_and_never_a_step_that_hangs(typed: str, profiles: Profiles) -> None:
    flow = SignIn(FakeTransport(answer=lambda url, _: reply({"result": 1})), profiles)
    step = flow.ask_portal(typed, "local.1", "cl13nt")
    assert step.at in ("start", "link")
    assert step.trouble is not None or step.at == "link"
    assert "\x1b" not in str(step.trouble)


@given(st.text(max_size=60))
def test_portal_in__reads_or_refuses_whatever_is_typed(typed: str) -> None:
    try:
        found = portal_in(typed)
    except ConfigError:
        return
    assert found.startswith(("https://", "http://127.", "http://localhost", "http://[::"))


@pytest.mark.parametrize(
    "location",
    ["https://[", "http://evil.example/", "https://evil.example/", "http://127.0.0.1:99999/", "\x1b[2J", "//", ""],
)
def test_a_portal_that_moves_to_no_address__is_a_sentence(location: str, profiles: Profiles) -> None:
    moved = Reply(302, {"location": location}, b"", "")
    flow = SignIn(FakeTransport(answer=lambda *_: moved), profiles)
    step = flow.ask_portal("acme.bitrix24.com", "local.1", "cl13nt")
    assert step.trouble is not None or urlsplit(step.link).hostname == "acme.bitrix24.com"


def test_a_step_that_fails_for_no_reason_of_ours__is_a_trouble(profiles: Profiles) -> None:
    def fail(*_: object) -> Any:
        raise ZeroDivisionError

    flow = SignIn(FakeTransport(answer=fail), profiles)
    assert "ZeroDivisionError" in str(flow.ask_portal("acme.bitrix24.com", "local.1", "cl13nt").trouble)


PAIR = {"access_token": "a1", "refresh_token": "r1", "member_id": "m", "expires_in": 3600}
HERE = "http://127.0.0.1:9/rest/"


@pytest.mark.parametrize("portal", [HERE, "https://acme.bitrix24.com/rest/"])
@pytest.mark.parametrize(
    "server", [HERE, "http://localhost:9/rest/", "https://[::1]/rest/", "https://evil.example/rest/", "", "https://["]
)
def test_an_install_event__names_no_server_for_the_secret(
    portal: str, server: str, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[SignedIn] = []  # no portal is asked, and nothing written
    monkeypatch.setattr(flow_module, "keep", lambda signed_in, *_: (kept.append(signed_in), ("acme", None))[1])
    event = {"auth": {**PAIR, "client_endpoint": portal, "server_endpoint": server}}
    flow = SignIn(FakeTransport(), profiles)
    step = flow.use_event(json.dumps(event), "local.1", "cl13nt")
    if step.at == "done":
        assert kept[0].params is not None
        assert kept[0].params.server_endpoint == "https://oauth.bitrix.info/rest/"
    else:
        assert step.trouble is not None


@pytest.mark.parametrize("server", [HERE, "http://localhost/rest/", "https://[::1]:1/rest/", "", "https://[", "x"])
def test_a_client_of_a_portal_elsewhere__has_no_server_on_this_machine(server: str) -> None:
    event = {**PAIR, "client_endpoint": "https://acme.bitrix24.com/rest/", "server_endpoint": server}
    with pytest.raises(ConfigError, match="not a known authorization server"):
        B24OAuth(event, {"client_id": "local.1", "client_secret": "cl13nt"})


def test_the_address_that_comes_back__names_no_program_of_this_machine_for_the_secret(profiles: Profiles) -> None:
    poster = FakeTransport(answer=lambda *_: reply({"result": 1}))
    poster.tokens = lambda _: reply({"error": "invalid_grant"}, 400)
    flow = SignIn(poster, profiles)
    step = flow.ask_portal("acme.bitrix24.com", "local.1", "cl13nt")
    for server in ("127.0.0.1:9", "localhost", "[::1]", "evil.example", "oauth.bitrix.info@evil.example", "["):
        address = f"http://127.0.0.1:8724/?{urlencode({'code': 'x', 'state': state_of(step), 'server_domain': server})}"
        assert "which is unknown" in str(flow.paste(address).trouble)
    assert [url for url, _ in poster.forms] == ["https://oauth.bitrix.info/oauth/token/"]  # before the link
