from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from b24data.auth.oauth import OAuth
from b24data.auth.store import FileTokenStore
from b24data.errors import (
    AuthorizationRequiredError,
    BadReplyError,
    ConfigError,
    RefreshTokenError,
    RequestTimeoutError,
    SdkError,
    TransportError,
)
from b24data.http.clock import SYSTEM_CLOCK, Clock
from b24data.http.context import CallContext
from b24data.http.protocol import Reply
from b24data.http.session import Session
from b24data.secret import Secret
from b24data.tokens import B24OAuthParams, B24OAuthSecret
from tests.http.fakes import Answer, FakeClock, FakeTransport, fault, ok, reply

_hosts = itertools.count()


class Portal:
    """Issues pairs, counts how often each access token was used, and remembers every dead refresh token shown again."""

    def __init__(self, *, ttl: int | None = None) -> None:
        self.ttl = ttl
        self.host = f"o{next(_hosts)}.bitrix24.com"
        self.lock = threading.Lock()
        self.generation = 1
        self.uses: dict[str, int] = {}
        self.refreshes = 0
        self.reused = 0
        self.transport = FakeTransport(answer=self.call)
        self.transport.tokens = self.token

    def params(self, **more: Any) -> B24OAuthParams:
        pair = {"access_token": "a1", "refresh_token": "r1", "member_id": "m1"}
        return B24OAuthParams.of({**pair, "client_endpoint": f"https://{self.host}/rest/", **more})

    def call(self, url: str, params: dict[str, Any]) -> Answer:
        with self.lock:
            token = params["auth"]
            if token != f"a{self.generation}":
                return fault("expired_token", 401)
            self.uses[token] = self.uses.get(token, 0) + 1
            if self.ttl is not None and self.uses[token] > self.ttl:
                return fault("expired_token", 401)
            return ok(params.get("n"))

    def token(self, form: Mapping[str, str]) -> Answer:
        with self.lock:
            if form["refresh_token"] != f"r{self.generation}":
                self.reused += 1
                return fault("invalid_grant", 400)
            self.generation += 1
            self.refreshes += 1
            return self.pair()

    def pair(self, **more: Any) -> Reply:
        pair = {"access_token": f"a{self.generation}", "refresh_token": f"r{self.generation}", "expires_in": 3600}
        return reply({**pair, "client_endpoint": f"https://{self.host}/rest/", "member_id": "m1", **more})


SECRET = B24OAuthSecret("local.1", "cl13nt-s3cr3t")


def oauth(portal: Portal, clock: Clock | None = None, **params: Any) -> OAuth:
    return OAuth(portal.params(**params), SECRET, portal.transport, clock=clock or FakeClock())


def session(portal: Portal, auth: OAuth | None = None) -> Session:
    return Session(auth or oauth(portal), portal.transport, clock=FakeClock())


def test_call__the_token_goes_into_the_body_and_never_into_the_address() -> None:
    portal = Portal()
    session(portal).call("profile", {"n": 1})
    ((url, body),) = portal.transport.sent
    assert body == {"n": 1, "auth": "a1"}
    assert "a1" not in url


def test_call__a_token_that_died_is_renewed_and_the_call_repeated() -> None:
    portal = Portal(ttl=0)
    portal.ttl = 1
    calls, context = session(portal), CallContext()
    assert [calls.call("profile", {"n": n}, context=context).data() for n in range(4)] == [0, 1, 2, 3]
    assert (portal.refreshes, context.refreshes, context.retries) == (3, 3, 0)


def test_refresh__goes_as_a_form_to_the_authorization_server() -> None:
    portal = Portal()
    oauth(portal).refresh_auth()
    ((url, form),) = portal.transport.forms
    assert url == "https://oauth.bitrix.info/oauth/token/"
    assert form == {
        "grant_type": "refresh_token",
        "client_id": "local.1",
        "client_secret": "cl13nt-s3cr3t",
        "refresh_token": "r1",
    }


def test_refresh__eight_threads_share_one_and_no_dead_token_is_used() -> None:
    portal = Portal(ttl=5)
    calls = session(portal)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: calls.call("profile", {"n": n}).data(), range(200)))
    assert got == list(range(200))
    assert portal.reused == 0
    assert portal.refreshes == portal.generation - 1


def test_refresh__who_was_refused_with_an_old_token_takes_the_new_one() -> None:
    portal = Portal()
    auth = oauth(portal)
    old = auth.grant(CallContext())
    auth.renew(old, CallContext())
    auth.renew(old, CallContext())
    assert portal.refreshes == 1
    assert auth.grant(CallContext()).token == Secret("a2")


def test_call__a_new_pair_that_is_refused_too_ends_it() -> None:
    portal = Portal()
    portal.transport.answer = lambda *_: fault("expired_token", 401)
    with pytest.raises(AuthorizationRequiredError, match="rejects the authorization"):
        session(portal).call("profile")
    assert portal.refreshes == 1


def test_call__a_pair_that_others_used_up_counts_as_no_refusal() -> None:
    portal = Portal(ttl=1)
    auth = oauth(portal)
    calls = session(portal, auth)
    stolen: list[int] = []

    def steal(url: str, params: dict[str, Any]) -> Answer:
        if len(stolen) < 5 and params.get("n") == "slow":  # another thread got in first with each new pair
            stolen.append(1)
            portal.call(url, {**params, "n": "thief"})
            grant = auth.grant(CallContext())
            auth.release(grant, accepted=True)
        return portal.call(url, params)

    portal.transport.answer = steal
    assert calls.call("profile", {"n": "slow"}).data() == "slow"
    assert portal.refreshes == 5


def test_call__a_token_known_to_have_expired_is_not_sent() -> None:
    portal, clock = Portal(), FakeClock()
    auth = oauth(portal, clock, expires=int(clock.time()) + 60)
    calls = session(portal, auth)
    calls.call("profile")
    clock.now += 61
    calls.call("profile")
    assert [body["auth"] for _, body in portal.transport.sent] == ["a1", "a2"]


def test_call__a_new_pair_is_used_even_if_our_clock_calls_it_expired() -> None:
    portal, clock = Portal(), FakeClock()
    portal.transport.tokens = lambda form: (portal.token(form), portal.pair(expires=int(clock.time()) - 7200))[1]
    auth = oauth(portal, clock, expires=int(clock.time()) - 1)
    calls = session(portal, auth)
    calls.call("profile")
    calls.call("profile")
    assert portal.refreshes == 1
    assert auth.get_auth_data() is not None


def test_get_auth_data__is_none_once_expired_and_never_asks() -> None:
    portal, clock = Portal(), FakeClock()
    auth = oauth(portal, clock, expires=int(clock.time()) + 60)
    data = auth.get_auth_data()
    assert data is not None
    assert (data["access_token"], data["member_id"], data["domain"]) == ("a1", "m1", portal.host)
    clock.now += 60
    assert auth.get_auth_data() is None
    assert portal.transport.sent == portal.transport.forms == []


def test_refresh__a_dead_refresh_token_is_tried_once_and_never_again() -> None:
    portal = Portal()
    auth = oauth(portal, refresh_token="dead")
    for _ in range(3):
        with pytest.raises(AuthorizationRequiredError, match="sign in again"):
            auth.refresh_auth()
    assert len(portal.transport.forms) == 1


def test_refresh__without_a_refresh_token_nothing_is_sent() -> None:
    portal = Portal()
    with pytest.raises(AuthorizationRequiredError, match="no refresh token"):
        oauth(portal, refresh_token="").refresh_auth()
    assert portal.transport.forms == []


LOST: list[Exception] = [
    RequestTimeoutError("oauth/token", code="TIMEOUT"),
    TransportError("oauth/token", "reset", code="CONNECTION_LOST"),
    BadReplyError("oauth/token", "cut", code="BAD_REPLY"),
]


def before(portal: Portal, *answers: Answer | None) -> None:
    """Let the authorization server give these first; None: it carries the refresh out, and the answer is lost."""
    queue = list(answers)

    def tokens(form: Mapping[str, str]) -> Answer:
        if not queue:
            return portal.token(form)
        answer = queue.pop(0)
        if answer is None:
            portal.token(form)
            return LOST[0]
        return answer

    portal.transport.tokens = tokens


@pytest.mark.parametrize("lost", LOST)
def test_refresh__a_lost_answer_is_asked_for_once_more(lost: Exception) -> None:
    portal = Portal()
    before(portal, lost)
    assert oauth(portal).refresh_auth()["access_token"] == "a2"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", [{"error": "SOME"}, {"error": "", "error_description": "x"}, b"<html>"])
def test_refresh__a_server_that_is_busy_is_asked_once_more_in_json_and_in_html(body: Any, status: int) -> None:
    portal = Portal()
    before(portal, reply(body, status))
    assert oauth(portal).refresh_auth()["access_token"] == "a2"
    before(portal, reply(body, status), reply(body, status))
    sent = len(portal.transport.forms)
    with pytest.raises(RefreshTokenError, match="b24data keeps the old pair") as caught:
        oauth(portal, access_token="a2", refresh_token="r2").refresh_auth()
    assert (caught.value.status, len(portal.transport.forms) - sent) == (status, 2)


@pytest.mark.parametrize("lost", LOST)
def test_refresh__two_lost_answers_are_an_error_and_the_old_pair_is_kept(lost: Exception) -> None:
    portal = Portal()
    before(portal, lost, lost)
    auth = oauth(portal)
    with pytest.raises(RefreshTokenError, match="b24data keeps the old pair") as caught:
        auth.refresh_auth()
    assert not isinstance(caught.value, AuthorizationRequiredError)
    assert auth.refresh_auth()["access_token"] == "a2"


def test_refresh__carried_out_but_never_heard_says_that_there_is_no_way_back() -> None:
    portal = Portal()
    before(portal, None)
    with pytest.raises(AuthorizationRequiredError, match="the answer with the new pair was lost"):
        oauth(portal).refresh_auth()


def test_refresh__a_server_out_of_reach_is_asked_three_times() -> None:
    portal, clock = Portal(), FakeClock()
    before(portal, *[TransportError("oauth/token", code="NOT_CONNECTED")] * 3)
    with pytest.raises(RefreshTokenError, match="could not be reached"):
        oauth(portal, clock).refresh_auth()
    assert (len(portal.transport.forms), clock.waits) == (3, [1.0, 2.0])


def test_refresh__the_portal_of_the_new_pair_is_called_from_then_on() -> None:
    portal = Portal()
    old = portal.host
    calls = session(portal)
    calls.call("profile")
    portal.host = f"moved-{old}"
    portal.generation = 2
    before(portal, portal.pair())
    calls.call("profile")
    assert [url for url, _ in portal.transport.sent] == [
        f"https://{host}/rest/profile" for host in (old, old, f"moved-{old}")
    ]


def test_oauth__a_foreign_authorization_server_never_sees_the_secret() -> None:
    portal = Portal()
    with pytest.raises(ConfigError, match=r"evil\.example, which is not a known authorization server"):
        oauth(portal, server_endpoint="https://evil.example/rest/")


def test_callback__has_the_new_pair_when_the_refresh_returns() -> None:
    portal = Portal()
    auth = oauth(portal)
    kept: list[Any] = []
    auth.set_callback(lambda *, auth_data, b24_oauth_params: kept.append((auth_data, b24_oauth_params)))
    auth.refresh_auth()
    ((data, params),) = kept
    assert (data["access_token"], params.refresh_token) == ("a2", "r2")
    auth.set_callback(None)
    auth.refresh_auth()
    assert len(kept) == 1


def test_callback__that_raises_is_warned_of_and_ends_no_call() -> None:
    portal = Portal(ttl=1)
    auth = oauth(portal)
    calls = session(portal, auth)
    calls.call("profile")

    def fail(**_: object) -> None:
        raise OSError("disk full")

    auth.set_callback(fail)
    with pytest.warns(UserWarning, match="disk full"):
        assert calls.call("profile", {"n": 5}).data() == 5
    assert isinstance(auth.last_callback_error, OSError)


def test_callback__may_call_the_client_and_even_refresh() -> None:
    portal = Portal(ttl=1)
    auth = oauth(portal)
    calls = session(portal, auth)
    seen: list[str] = []

    def callback(*, auth_data: Any, b24_oauth_params: Any) -> None:
        seen.append(auth_data["access_token"])
        if len(seen) == 1:
            calls.call("profile")
            calls.call("profile")

    auth.set_callback(callback)
    calls.call("profile")
    calls.call("profile")
    assert seen == sorted(seen)
    assert len(seen) == portal.refreshes


def test_callback__a_slow_one_is_overtaken_by_no_other() -> None:
    portal = Portal()
    auth = oauth(portal)
    entered, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def callback(*, auth_data: Any, b24_oauth_params: Any) -> None:
        if auth_data["access_token"] == "a2":
            entered.set()
            assert go_on.wait(10)
        order.append(auth_data["access_token"])

    auth.set_callback(callback)
    threads = [threading.Thread(target=auth.refresh_auth)]
    threads[0].start()
    assert entered.wait(10)
    threads.append(threading.Thread(target=auth.refresh_auth))
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert order == ["a2", "a3"]


def test_custom__is_asked_instead_of_the_server() -> None:
    portal = Portal()
    auth = oauth(portal, SYSTEM_CLOCK)
    portal.generation = 9
    auth.set_custom(lambda: {"accessToken": "a9", "expires_in": 60})
    assert session(portal, auth).call("profile", {"n": 3}).data() == 3
    assert portal.transport.forms == []
    auth.set_custom(None)
    assert oauth(portal, refresh_token="r9").refresh_auth()["access_token"] == "a10"


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (None, "NoneType"),
        ("token", "str"),
        ({}, "no access token"),
        ({"access_token": "a1"}, "refused access token again"),
    ],
)
def test_custom__nonsense_is_an_error_and_the_old_pair_is_kept(given: Any, what: str) -> None:
    portal = Portal()
    auth = oauth(portal, SYSTEM_CLOCK)
    auth.set_custom(lambda: given)
    with pytest.raises(RefreshTokenError, match=what):
        auth.refresh_auth()
    assert auth.params.access_token == "a1"


def test_custom__that_raises_is_named_without_its_text() -> None:
    def fail() -> Mapping[str, Any]:
        raise KeyError("s3cr3t")

    portal = Portal()
    auth = oauth(portal, SYSTEM_CLOCK)
    auth.set_custom(fail)
    with pytest.raises(RefreshTokenError, match="raised KeyError") as caught:
        auth.refresh_auth()
    assert "s3cr3t" not in str(caught.value)


def test_custom__that_calls_its_own_client_is_told_so_at_once() -> None:
    portal = Portal(ttl=0)
    auth = oauth(portal, SYSTEM_CLOCK)
    calls = session(portal, auth)
    auth.set_custom(lambda: {"access_token": calls.call("profile").data()})
    with pytest.raises(SdkError, match="called the client that waits for it"):
        calls.call("profile")


def test_custom__that_hangs_is_left_behind_after_a_minute() -> None:
    portal, clock = Portal(), FakeClock()
    auth = oauth(portal, clock)
    hang = threading.Event()
    auth.set_custom(lambda: (hang.wait(10), {})[1])
    with pytest.raises(RefreshTokenError, match="no answer within 60 s"):
        auth.refresh_auth()
    assert clock.waits == [60.0]
    hang.set()


async def _coroutine() -> dict[str, str]:
    return {}


@pytest.mark.parametrize("setter", [OAuth.set_custom, OAuth.set_callback])
def test_oauth__a_coroutine_function_is_refused_when_set(setter: Callable[[OAuth, Any], None]) -> None:
    with pytest.raises(ConfigError, match="coroutine"):
        setter(oauth(Portal()), _coroutine)


def test_oauth__no_secret_is_shown() -> None:
    auth = oauth(Portal(), access_token="t0ken", refresh_token="r3fresh")
    shown = repr(auth) + repr(auth.params) + repr(auth.grant(CallContext())) + repr(auth.__dict__)
    assert "t0ken" not in shown
    assert "r3fresh" not in shown
    assert "cl13nt" not in shown


def test_get_uniq__is_the_prefix_and_the_member() -> None:
    assert oauth(Portal()).get_uniq("lock") == "lock_m1"


def test_moved__the_new_address_is_used_at_once_and_kept_only_with_a_token_reply(tmp_path: Path) -> None:
    portal, store = Portal(), FileTokenStore(tmp_path / "acme.json")
    auth = OAuth(portal.params(), SECRET, portal.transport, clock=FakeClock(), store=store)

    def kept() -> str:
        stored = store.load()
        assert stored is not None
        return stored.params.client_endpoint

    old, new = f"https://{portal.host}/rest/", "https://new.bitrix24.com/rest/"
    auth.moved(Secret(new))
    assert auth.grant(CallContext()).endpoint.reveal() == new
    assert auth.params.domain == auth.portal == "new.bitrix24.com"
    before(portal, fault("invalid_client", 400))
    with pytest.raises(RefreshTokenError):
        auth.refresh_auth()
    assert kept() == old
    portal.transport.tokens = lambda form: (portal.token(form), portal.pair(client_endpoint=new))[1]
    auth.refresh_auth()
    assert kept() == new == auth.params.client_endpoint


def test_moved__a_token_reply_of_another_portal_is_refused(tmp_path: Path) -> None:
    portal = Portal()
    auth = oauth(portal)
    auth.moved(Secret("https://new.bitrix24.com/rest/"))
    portal.transport.tokens = lambda form: (portal.token(form), portal.pair(member_id="stranger"))[1]
    with pytest.raises(RefreshTokenError, match="another portal"):
        auth.refresh_auth()
