"""A program is killed in the middle of a refresh; the next one goes on, or says that the tokens are lost.

Killed before its request left, or after the new pair was put in place, nothing is lost. In between, the new pair died
with the program: the old access token serves as long as it lives, and the dead refresh token is shown once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from b24data import AuthorizationRequiredError, B24OAuth, RateLimitConfig, RestrictionParams, Sandbox
from b24data.auth.store import DocumentStore
from tests.auth.kills import store_of

FAST = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1000))
HARMLESS = [
    "before_the_lock",
    "with_the_lock_held",
    "with_the_journal_written",
    "after_the_replace",
    "in_the_callback",
]
LOSING = ["with_the_post_sent", "with_the_answer_received", "with_the_temporary_file_written"]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


class Killer:
    """Runs programs that are killed."""

    def __init__(self, portal: Sandbox, folder: Path, dsn: str = "") -> None:
        self.portal = portal
        self.folder = folder
        self._dsn = dsn
        self._count = 0
        pipe = subprocess.PIPE
        self._program = subprocess.Popen([sys.executable, "-m", "tests.auth.kills"], stdin=pipe, stdout=pipe, text=True)

    def kill(self, point: str) -> DocumentStore:
        """The store that a program left which was killed at ``point`` of its refresh."""
        self._count += 1
        where = {"path": str(self.folder / f"{self._count}.json")}
        if self._dsn:
            where = {"dsn": self._dsn, "name": f"killed {self._count}"}
        given = {"params": self.portal.oauth_params(), "secret": self.portal.oauth_secret()}
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        print(json.dumps({**given, "store": where, "point": point}), file=self._program.stdin, flush=True)
        assert int(self._program.stdout.readline()) == -signal.SIGKILL
        return store_of(**where)

    def next_program(self, store: DocumentStore) -> B24OAuth:
        kept = store.load()
        assert kept is not None
        return B24OAuth(kept.params, self.portal.oauth_secret(), FAST, store=store)

    def close(self) -> None:
        self._program.communicate(timeout=10)


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    with Sandbox(deals=1, rate_limit=None, cost=0.0) as portal:
        killer = Killer(portal, tmp_path_factory.mktemp("kills"))
        yield killer
        killer.close()


def check_harmless(killer: Killer, point: str) -> None:
    shown_twice = killer.portal.stats.reused_refresh_tokens
    store = killer.kill(point)
    with killer.next_program(store) as b24:
        assert b24.actions.v2.call.make(method="profile").is_success
        killer.portal.expire_tokens()
        assert b24.actions.v2.call.make(method="profile").is_success
    kept = store.load()
    assert kept is not None
    assert (kept.params.access_token, kept.refreshing) == (b24.auth.params.access_token, None)
    assert killer.portal.stats.reused_refresh_tokens == shown_twice


def check_losing(killer: Killer, point: str) -> None:
    shown_twice = killer.portal.stats.reused_refresh_tokens
    store = killer.kill(point)
    with killer.next_program(store) as b24:
        assert b24.actions.v2.call.make(method="profile").is_success
        killer.portal.expire_tokens()
        with pytest.raises(AuthorizationRequiredError, match="was carried out, but the new tokens were lost"):
            b24.actions.v2.call.make(method="profile")
    with killer.next_program(store) as b24, pytest.raises(AuthorizationRequiredError, match="tokens were lost"):
        b24.actions.v2.call.make(method="profile")
    assert killer.portal.stats.reused_refresh_tokens == shown_twice + 1
    assert not list(killer.folder.glob(".*.tmp"))


@pytest.mark.parametrize("point", HARMLESS)
@pytest.mark.parametrize("_", range(3))
def test_killed__nothing_is_lost(killer: Killer, point: str, _: int) -> None:
    check_harmless(killer, point)


@pytest.mark.parametrize("point", LOSING)
@pytest.mark.parametrize("_", range(3))
def test_killed__the_loss_is_recognised_and_the_dead_token_shown_once(killer: Killer, point: str, _: int) -> None:
    check_losing(killer, point)


@pytest.mark.soak
@pytest.mark.parametrize("point", HARMLESS)
@pytest.mark.parametrize("_", range(25))
def test_killed_often__nothing_is_lost(killer: Killer, point: str, _: int) -> None:
    check_harmless(killer, point)


@pytest.mark.soak
@pytest.mark.parametrize("point", LOSING)
@pytest.mark.parametrize("_", range(25))
def test_killed_often__the_loss_is_recognised(killer: Killer, point: str, _: int) -> None:
    check_losing(killer, point)
