from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from b24data.auth.oauth import OAuth
from b24data.auth.store import FileTokenStore, StoredTokens
from b24data.errors import (
    AuthorizationRequiredError,
    ConfigError,
    ExportError,
    RefreshTokenError,
    RequestTimeoutError,
)
from b24data.http.session import Session
from b24data.tokens import B24OAuthParams
from tests.auth.test_oauth import SECRET, Portal, before
from tests.http.fakes import FakeClock, fault


@pytest.fixture
def store(tmp_path: Path) -> FileTokenStore:
    return FileTokenStore(tmp_path / "profiles" / "acme.json")


def program(portal: Portal, store: FileTokenStore, **params: Any) -> OAuth:
    """A program of its own: nothing but the store is shared."""
    return OAuth(portal.params(**params), SECRET, portal.transport, clock=FakeClock(), store=store)


def kept(store: FileTokenStore) -> StoredTokens:
    stored = store.load()
    assert stored is not None
    return stored


def test_file__a_pair_comes_back_as_it_was(store: FileTokenStore) -> None:
    stored = StoredTokens(Portal().params(user_id=7, scope="crm,task", status="T"), 5, 1.5, "why")
    store.save(stored)
    assert store.load() == stored


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_file__only_its_owner_may_read_it(store: FileTokenStore) -> None:
    store.save(StoredTokens(Portal().params()))
    with store.lock():
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store.path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_file__a_crash_while_writing_leaves_the_old_pair(
    store: FileTokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = StoredTokens(Portal().params())
    store.save(old)

    def crash(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(ExportError, match="no space"):
        store.save(replace(old, generation=2))
    assert store.load() == old
    assert [path.name for path in store.path.parent.iterdir()] == ["acme.json"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"params": {}, "generation": 1}', '{"params": 5, "generation": 1}'])
def test_file__that_holds_something_else_is_named(store: FileTokenStore, text: str) -> None:
    store.path.parent.mkdir()
    store.path.write_text(text)
    with pytest.raises(ConfigError, match=r"acme\.json does not contain"):
        store.load()


def test_file__no_secret_is_shown(store: FileTokenStore) -> None:
    shown = repr(store) + repr(StoredTokens(Portal().params(access_token="t0ken")))
    assert "t0ken" not in shown


def test_refresh__is_kept_for_the_next_run(store: FileTokenStore) -> None:
    portal = Portal()
    program(portal, store).refresh_auth()
    assert kept(store).params.refresh_token == "r2"
    later = program(portal, store)
    later.refresh_auth()
    assert (portal.generation, portal.reused) == (3, 0)


def test_refresh__of_one_program_serves_the_others(store: FileTokenStore) -> None:
    portal = Portal()
    programs = [program(portal, store) for _ in range(4)]
    for each in programs:
        each.refresh_auth()
    assert portal.refreshes == 1
    assert {each.params.access_token for each in programs} == {"a2"}


def test_refresh__threads_of_four_programs_use_no_dead_token(store: FileTokenStore) -> None:
    portal = Portal(ttl=5)
    sessions = [Session(program(portal, store), portal.transport, clock=FakeClock()) for _ in range(4)]

    def work(session: Session) -> list[int]:
        return [session.call("profile", {"n": n}).data() for n in range(15)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, sessions * 2)) == [list(range(15))] * 8
    assert portal.reused == 0
    assert kept(store).params.access_token == f"a{portal.generation}"


def test_adoption__is_no_refresh_and_calls_back_nobody(store: FileTokenStore) -> None:
    portal = Portal()
    first, second = program(portal, store), program(portal, store)
    seen: list[object] = []
    second.set_callback(lambda **_: seen.append(1))
    first.refresh_auth()
    second.refresh_auth()
    assert second.params.access_token == "a2"
    assert seen == []


def test_adoption__a_profile_of_another_user_is_not_ours(store: FileTokenStore) -> None:
    portal = Portal()
    auth = program(portal, store, user_id=1)
    store.save(StoredTokens(portal.params(user_id=2), 9))
    with pytest.raises(AuthorizationRequiredError, match="now belong to user 2"):
        auth.refresh_auth()
    assert portal.transport.forms == []


def test_begin__the_kept_pair_is_newer_than_the_one_of_the_install(store: FileTokenStore) -> None:
    portal = Portal()
    program(portal, store, expires=100).refresh_auth()
    assert program(portal, store, expires=100).params.access_token == "a2"


def test_begin__a_pair_that_expires_later_is_a_new_sign_in(store: FileTokenStore) -> None:
    portal = Portal()
    program(portal, store, expires=100)
    auth = program(portal, store, expires=200, access_token="b1", refresh_token="s1")
    assert auth.params.access_token == "b1"
    assert kept(store).generation == 2


def test_dead__a_dead_token_is_shown_to_the_server_once_for_all_programs(store: FileTokenStore) -> None:
    portal = Portal()
    programs = [program(portal, store, refresh_token="dead") for _ in range(3)]
    for each in programs:
        with pytest.raises(AuthorizationRequiredError):
            each.refresh_auth()
    assert len(portal.transport.forms) == 1


def test_dead__signing_in_again_brings_it_back(store: FileTokenStore) -> None:
    portal = Portal()
    with pytest.raises(AuthorizationRequiredError):
        program(portal, store, refresh_token="dead", expires=9_999_999_999).refresh_auth()
    program(portal, store).refresh_auth()
    assert kept(store).params.access_token == "a2"


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs in this program."""


def killed_in(portal: Portal, store: FileTokenStore, *, carried_out: bool) -> None:
    """A program that is killed with its POST under way."""
    auth = program(portal, store)
    renewal = auth._renewal

    def kill(form: Any) -> Any:
        if carried_out:
            portal.token(form)
        raise Killed

    portal.transport.tokens = kill
    with pytest.raises(Killed):
        renewal.renew(auth._pair.stored)
    portal.transport.tokens = portal.token


def test_killed__before_the_server_saw_it_the_next_program_goes_on(store: FileTokenStore) -> None:
    portal = Portal()
    killed_in(portal, store, carried_out=False)
    assert kept(store).refreshing is not None
    auth = program(portal, store)
    assert Session(auth, portal.transport, clock=FakeClock()).call("profile", {"n": 1}).data() == 1
    auth.refresh_auth()
    assert (kept(store).params.access_token, kept(store).refreshing) == ("a2", None)


def test_killed__after_the_server_saw_it_the_old_token_is_tried_once(store: FileTokenStore) -> None:
    portal = Portal()
    killed_in(portal, store, carried_out=True)
    for _ in range(3):
        with pytest.raises(AuthorizationRequiredError, match="was carried out, but the new tokens were lost"):
            program(portal, store).refresh_auth()
    assert portal.reused == 1


def test_refused__a_refusal_for_another_reason_keeps_the_pair(store: FileTokenStore) -> None:
    portal = Portal()
    before(portal, fault("invalid_client", 400))
    auth = program(portal, store)
    with pytest.raises(RefreshTokenError):
        auth.refresh_auth()
    assert kept(store).refreshing is None
    assert auth.refresh_auth()["access_token"] == "a2"


def test_unheard__two_lost_answers_leave_the_mark(store: FileTokenStore) -> None:
    portal = Portal()
    lost = RequestTimeoutError("oauth/token", code="TIMEOUT")
    before(portal, lost, lost)
    with pytest.raises(RefreshTokenError):
        program(portal, store).refresh_auth()
    assert kept(store).refreshing is not None


def test_full_disk__the_new_pair_is_used_and_the_callback_still_gets_it(
    store: FileTokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = Portal()
    auth = program(portal, store)
    told: list[B24OAuthParams] = []
    auth.set_callback(lambda *, auth_data, b24_oauth_params: told.append(b24_oauth_params))
    save = FileTokenStore.save

    def full(self: FileTokenStore, stored: StoredTokens) -> None:
        if stored.generation > 1:
            raise OSError("no space left")
        save(self, stored)

    monkeypatch.setattr(FileTokenStore, "save", full)
    with pytest.warns(UserWarning, match="no space left"):
        auth.refresh_auth()
    assert auth.params.access_token == told[0].access_token == "a2"


def test_store__may_be_anything_with_three_methods() -> None:
    class Memory:
        stored: StoredTokens | None = None

        def load(self) -> StoredTokens | None:
            return self.stored

        def save(self, stored: StoredTokens) -> None:
            json.dumps(stored.generation)
            self.stored = stored

        @contextlib.contextmanager
        def lock(self) -> Iterator[None]:
            yield

    portal, memory = Portal(), Memory()
    auth = OAuth(portal.params(), SECRET, portal.transport, clock=FakeClock(), store=memory)
    auth.refresh_auth()
    assert memory.stored is not None
    assert memory.stored.generation == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork__while_a_refresh_holds_the_lock_the_child_refreshes_by_itself(store: FileTokenStore) -> None:
    portal = Portal()
    auth = program(portal, store)
    with auth._lock:
        pid = os.fork()
        if pid == 0:
            ok = auth._lock.acquire(timeout=5)
            os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
