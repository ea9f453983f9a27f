"""What can go wrong with tokens in a real program: each ends as it should, and the old pair is never lost."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from b24data import (
    AuthorizationRequiredError,
    B24OAuth,
    ConfigError,
    IncompleteFetchError,
    RateLimitConfig,
    RefreshTokenError,
    RestrictionParams,
    Sandbox,
)
from b24data.auth.store import FileTokenStore, StoredTokens
from b24data.http.clock import SYSTEM_CLOCK

FAST = RestrictionParams(retry_delay_s=0.001, rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1000))

FORKING = """
import json, os, sys, threading
from b24data import B24OAuth
from b24data.auth.store import FileTokenStore
from b24data.http.transport import Transport
from tests.client.test_tokens_in_trouble import FAST

given = json.load(sys.stdin)
b24 = B24OAuth(given["params"], given["secret"], FAST, store=FileTokenStore(given["store"]))
old = b24.auth.params.access_token
asking, go_on, post_form = threading.Event(), threading.Event(), Transport.post_form

def slow(*args):
    asking.set()
    go_on.wait(20)
    return post_form(*args)

Transport.post_form = slow
refresh = threading.Thread(target=b24.auth.refresh_auth)
refresh.start()
asking.wait(20)
pid = os.fork()  # while the refresh holds its locks and waits for the server
if pid == 0:
    b24.auth.refresh_auth()
    os._exit(b24.auth.params.access_token == old or not b24.actions.v2.call.make(method="profile").is_success)
go_on.set()
refresh.join()
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), b24.actions.v2.call.make(method="profile").is_success)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_fork__while_a_refresh_holds_its_lock_the_child_takes_over_its_pair(tmp_path: Path) -> None:
    with Sandbox(deals=1, rate_limit=None) as portal:
        given = {"params": portal.oauth_params(), "secret": portal.oauth_secret(), "store": str(tmp_path / "acme.json")}
        command = [sys.executable, "-W", "ignore", "-c", FORKING]
        done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=60, check=False)
        assert (done.stdout.strip(), done.stderr) == ("0 True", "")
        assert (portal.stats.refreshes, portal.stats.reused_refresh_tokens) == (1, 0)


class Ahead:
    """The machine's clock, two hours ahead of the portal's."""

    monotonic = staticmethod(SYSTEM_CLOCK.monotonic)
    wait = staticmethod(SYSTEM_CLOCK.wait)

    def time(self) -> float:
        return SYSTEM_CLOCK.time() + 7200


def test_clock__two_hours_ahead_costs_one_refresh_and_not_one_a_call() -> None:
    with (
        Sandbox(deals=1, rate_limit=None) as portal,
        portal.connect(restriction_params=FAST, clock=Ahead()) as b24,
    ):
        assert b24.auth.get_auth_data() is None
        for _ in range(5):
            assert b24.actions.v2.call.make(method="profile").is_success
        assert b24.auth.get_auth_data() is not None
        assert portal.stats.refreshes == 1


def test_sign_in__of_another_user_in_mid_walk_ends_the_walk_and_says_whose_the_profile_is(tmp_path: Path) -> None:
    store = FileTokenStore(tmp_path / "acme.json")
    with (
        Sandbox(deals=8_000, rate_limit=None, cost=0.0) as portal,
        portal.connect(restriction_params=FAST, store=store) as b24,
    ):
        pages = b24.actions.v2.fetch_list.make(method="crm.deal.list", params={"select": ["ID"]})
        ids = [int(row["ID"]) for row in next(pages)]
        other = b24.auth.params.replace(user_id=2, access_token="other", refresh_token="other")
        store.save(StoredTokens(other, 99))
        portal.expire_tokens()
        with pytest.raises(IncompleteFetchError, match="now belong to user 2") as caught:
            for page in pages:
                ids += [int(row["ID"]) for row in page]
        assert isinstance(caught.value.__cause__, AuthorizationRequiredError)
        assert ids == portal.truth("crm.deal.list").ids[: len(ids)]
        assert portal.stats.refreshes == 0
        assert store.load() == StoredTokens(other, 99)


def test_callback__a_slow_one_is_overtaken_by_a_second_refresh_but_not_by_its_callback() -> None:
    go_on, begun = threading.Event(), threading.Event()
    seen: list[str] = []

    def slow(*, auth_data: Any, b24_oauth_params: Any) -> None:
        begun.set()
        assert go_on.wait(20)
        seen.append(b24_oauth_params.access_token)

    with Sandbox(deals=1, rate_limit=None) as portal, portal.connect(restriction_params=FAST) as b24:
        b24.set_callback_refresh_auth(slow)
        first = threading.Thread(target=b24.auth.refresh_auth)
        first.start()
        assert begun.wait(20)
        pair = b24.auth.params.access_token
        second = threading.Thread(target=b24.auth.refresh_auth)
        second.start()
        while portal.stats.refreshes < 2 or b24.auth.params.access_token == pair:
            assert b24.actions.v2.call.make(method="profile").is_success  # nobody waits for the callback
        go_on.set()
        first.join()
        second.join()
        assert seen == [pair, b24.auth.params.access_token]


GOOD: dict[str, Any] = {
    "access_token": "a",
    "refresh_token": "r",
    "client_endpoint": "https://x.bitrix24.com/rest/",
}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({**GOOD, "client_endpoint": ""}, "does not say which portal"),
        ({**GOOD, "client_endpoint": "x.bitrix24.com/rest/"}, "not an address of a portal"),
        ({**GOOD, "access_token": "", "refresh_token": ""}, "neither an access token"),
        ({**GOOD, "expires": "soon"}, "wrong value"),
        ({**GOOD, "server_endpoint": "https://evil.example/rest/"}, "not a known authorization server"),
        ({**GOOD, "status": "Z"}, "wrong value"),
        ({"event": "ONAPPINSTALL", "AUTH_ID": "a", "DOMAIN": ""}, "does not say which portal"),
    ],
)
def test_given__what_makes_no_sense_is_named_before_anything_is_sent(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        B24OAuth(given, {"client_id": "local.1", "client_secret": "x"})


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
def test_given__a_missing_part_of_the_secret_is_named(name: str) -> None:
    secret = {"client_id": "local.1", "client_secret": "x", name: ""}
    with pytest.raises(ConfigError, match=f"{name} is missing"):
        B24OAuth(GOOD, secret)


def test_expired__without_a_refresh_token_says_sign_in_again() -> None:
    with Sandbox(deals=1, rate_limit=None) as portal:
        params = {**portal.oauth_params(), "refresh_token": ""}
        portal.expire_tokens()
        b24 = B24OAuth(params, portal.oauth_secret(), FAST)
        with b24, pytest.raises(AuthorizationRequiredError, match="no refresh token"):
            b24.actions.v2.call.make(method="profile")


def broken(**_: Any) -> Any:
    raise KeyError("x")


@pytest.mark.parametrize(
    ("broker", "text"),
    [
        (lambda: None, "gave a NoneType"),
        (lambda: {}, "no access token"),
        (lambda: {"access_token": "x", "member_id": "stranger"}, "another portal"),
        (lambda: {"access_token": "x", "expires": "soon"}, "is invalid"),
        (broken, "raised KeyError"),
    ],
)
def test_broker__nonsense_is_an_error_and_the_old_pair_goes_on(broker: Callable[[], Any], text: str) -> None:
    with Sandbox(deals=1, rate_limit=None) as portal, portal.connect(restriction_params=FAST) as b24:
        b24.set_custom_refresh_auth(broker)
        with pytest.raises(RefreshTokenError, match=text):
            b24.auth.refresh_auth()
        assert b24.actions.v2.call.make(method="profile").is_success
        b24.remove_custom_refresh_auth()
        b24.auth.refresh_auth()


@pytest.mark.parametrize("kind", ["html", "stall"])
def test_server__html_or_silence_is_an_error_and_the_old_pair_goes_on(kind: str, tmp_path: Path) -> None:
    store = FileTokenStore(tmp_path / "acme.json")
    with Sandbox(deals=1, rate_limit=None) as portal:
        with portal.connect(restriction_params=FAST, timeout=0.3, store=store) as b24:
            portal.fail(kind, on="oauth", times=9)
            with pytest.raises(RefreshTokenError, match="could not be reached"):
                b24.auth.refresh_auth()
            assert b24.actions.v2.call.make(method="profile").is_success
        kept = store.load()
        assert kept is not None
        assert kept.params == b24.auth.params


def test_server__that_takes_no_post_is_told_apart() -> None:
    with Sandbox(deals=1, rate_limit=None, token_methods=["GET"]) as portal, portal.connect() as b24:
        refused = pytest.raises(RefreshTokenError, match="does not accept POST")
        with refused:
            b24.auth.refresh_auth()
