"""Tokens in PostgreSQL: several machines share one pair, and it is nowhere in plain text."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet

from b24data import (
    B24OAuth,
    B24OAuthParams,
    B24OAuthSecret,
    ConfigError,
    ExportError,
    PostgresTokenStore,
    RateLimitConfig,
    RefreshTokenError,
    RestrictionParams,
    Sandbox,
    SdkError,
    connect,
)
from b24data.auth.places import shelf_at
from b24data.auth.profiles import Profile, Profiles
from b24data.auth.store import StoredTokens
from b24data.cli.main import main
from tests.auth.test_killed import HARMLESS, LOSING, Killer, check_harmless, check_losing
from tests.auth.test_oauth import Portal
from tests.laws.frames import Watch, leaks_in
from tests.postgres import server

TOKEN = "an-access-token-of-the-usual-length"
FAST = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1000))


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with server() as dsn, pytest.MonkeyPatch.context() as patch:
        patch.setenv("B24DATA_TOKEN_KEY", Fernet.generate_key().decode())
        yield dsn


@pytest.fixture
def stored() -> StoredTokens:
    return StoredTokens(Portal().params(user_id=7, scope="crm,task", access_token=TOKEN), 5, 1.5, "why")


def content_of(dsn: str, name: str) -> bytes:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select content from b24data_tokens where name = %s", [name]).fetchone()
    assert row is not None
    return bytes(row[0])


def test_a_pair__comes_back_as_it_was_and_the_database_sees_no_token(dsn: str, stored: StoredTokens) -> None:
    store = PostgresTokenStore(dsn, "acme")
    assert store.load() is None
    with store.lock():
        store.save(stored)
    assert PostgresTokenStore(dsn, "acme").load() == stored
    content = content_of(dsn, "acme")
    assert TOKEN.encode() not in content
    assert stored.params.domain.encode() not in content


def test_a_row_that_was_put_under_another_name__is_refused(dsn: str, stored: StoredTokens) -> None:
    PostgresTokenStore(dsn, "mine").save(stored)
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "insert into b24data_tokens select 'theirs', content, now() from b24data_tokens where name = 'mine'"
        )
    with pytest.raises(ConfigError, match="saved under another name"):
        PostgresTokenStore(dsn, "theirs").load()


def test_another_key__is_named_and_several_keys_are_tried_in_turn(dsn: str, stored: StoredTokens) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    PostgresTokenStore(dsn, "turned", key=old).save(stored)
    with pytest.raises(ConfigError, match=r"'turned' in PostgreSQL at .* can't be decrypted") as caught:
        PostgresTokenStore(dsn, "turned", key=new).load()
    assert "B24DATA_TOKEN_KEY" in caught.value.hint
    both = PostgresTokenStore(dsn, "turned", key=f"{new},{old}")
    both.save(both.load() or stored)
    assert PostgresTokenStore(dsn, "turned", key=new).load() == stored


@pytest.mark.parametrize("key", ["", "short", "not base64!", "a,,b", "x" * 44])
def test_a_key_that_is_none__is_refused_with_the_line_that_makes_one(
    dsn: str, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("B24DATA_TOKEN_KEY", key)
    with pytest.raises(ConfigError) as caught:
        PostgresTokenStore(dsn, "acme")
    assert "generate_key" in caught.value.hint
    assert key == "" or key not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://anna:pa%ss5ecret@db/b24",
        "postgresql://anna:pass5ecret/x@db/b24",
        "postgresql://anna:12/pass5ecret@db/b24",
        "postgresql://anna:pass5ecret@db:port/b24",
        "pass5ecret",
        "host=db password='pass5ecret",
    ],
)
def test_an_address_that_cannot_be_read__is_not_shown(dsn: str, address: str) -> None:
    with pytest.raises(ConfigError, match="token store can't be read") as caught:
        PostgresTokenStore(address, "acme")
    assert "5ecret" not in repr(vars(caught.value))


def test_a_database_that_is_gone__is_one_error_that_names_it_without_its_password(dsn: str) -> None:
    store = PostgresTokenStore("postgresql://anna:pass5ecret@127.0.0.1:1/b24", "acme")
    with pytest.raises(RefreshTokenError, match=r"PostgreSQL at 127.0.0.1:1/b24") as caught:
        store.load()
    assert caught.value.code == "STORE"
    assert "5ecret" not in f"{vars(caught.value)}{store!r}"


def test_two_first_writes__make_the_table_once(dsn: str, stored: StoredTokens) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("drop table if exists b24data_tokens")
    stores = [PostgresTokenStore(dsn, f"pair {number}") for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda store: store.save(stored), stores))
    assert [store.load() for store in stores] == [stored] * 6


PROGRAM = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from b24data import B24OAuth, PostgresTokenStore
from tests.auth.test_postgres_store import FAST

given = json.load(sys.stdin)
b24 = B24OAuth(given["params"], given["secret"], FAST, store=PostgresTokenStore(given["dsn"], "machines"))
with ThreadPoolExecutor(4) as pool:
    results = list(pool.map(lambda _: b24.actions.v2.call.make(method="profile"), range(75)))
print(sum(result.is_success for result in results))
"""


def test_four_machines__share_every_refresh_of_fifty_deaths(dsn: str, tmp_path: Path) -> None:
    with Sandbox(deals=1, token_ttl_requests=5, rate_limit=None, cost=0.0) as portal:
        given = {"params": portal.oauth_params(), "secret": portal.oauth_secret(), "dsn": dsn}
        pipe = subprocess.PIPE
        machines = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                text=True,
                env={**os.environ, "B24DATA_STATE_DIR": str(tmp_path / str(number))},
            )
            for number in range(4)
        ]
        for machine in machines:
            assert machine.stdin is not None
            machine.stdin.write(json.dumps(given))
            machine.stdin.close()
            machine.stdin = None
        assert [machine.communicate(timeout=120) for machine in machines] == [("75\n", "")] * 4
        stats = portal.stats
        assert stats.reused_refresh_tokens == 0
        assert stats.refreshes == stats.deaths >= 50
        kept = PostgresTokenStore(dsn, "machines").load()
        assert kept is not None
        assert kept.generation == 1 + stats.refreshes
        with B24OAuth(kept.params, portal.oauth_secret()) as b24:
            b24.auth.refresh_auth()
        assert portal.stats.reused_refresh_tokens == 0


@pytest.fixture(scope="module")
def killer(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    with Sandbox(deals=1, rate_limit=None, cost=0.0) as portal:
        killer = Killer(portal, tmp_path_factory.mktemp("kills"), dsn)
        yield killer
        killer.close()


@pytest.mark.parametrize("point", HARMLESS)
def test_killed__nothing_is_lost(killer: Killer, point: str) -> None:
    check_harmless(killer, point)


@pytest.mark.parametrize("point", LOSING)
def test_killed__the_loss_is_recognised_and_the_dead_token_shown_once(killer: Killer, point: str) -> None:
    check_losing(killer, point)


@pytest.mark.soak
@pytest.mark.parametrize("point", [*HARMLESS, *LOSING])
@pytest.mark.parametrize("_", range(10))
def test_killed_often__nothing_is_lost_unseen(killer: Killer, point: str, _: int) -> None:
    (check_harmless if point in HARMLESS else check_losing)(killer, point)


SECRETS = re.compile("pass5ecret|k3y" + "0" * 20)
FAILURES: dict[str, Callable[[], object]] = {
    "a database that is gone": lambda: PostgresTokenStore("postgresql://anna:pass5ecret@127.0.0.1:1/x", "acme").load(),
    "an address that is none": lambda: PostgresTokenStore("postgresql://anna:pass5ecret/@x", "acme"),
    "a key that is none": lambda: PostgresTokenStore("postgresql://db/x", "acme", key="k3y" + "0" * 20),
    "a profile from a database that is gone": lambda: connect("acme", store="postgresql://a:pass5ecret@127.0.0.1:1/x"),
    "a store that is none": lambda: connect("acme", store="redis://anna:pass5ecret@cache"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_no_variable__of_an_error_shows_the_password_or_the_key(dsn: str, failure: str) -> None:
    with pytest.raises(SdkError) as caught:
        FAILURES[failure]()
    assert leaks_in(caught.value, SECRETS, __file__) == []


def test_no_variable__shows_the_password_the_key_or_a_token_while_a_pair_is_saved(dsn: str) -> None:
    key, token = os.environ["B24DATA_TOKEN_KEY"], "t0ken" + "0" * 20
    address = dsn.replace("tester@", "tester:pass5ecret@")
    watch = Watch(re.compile("|".join(map(re.escape, [key, token, "pass5ecret"]))))
    stored = StoredTokens(Portal().params(access_token=token))
    with watch:
        store = PostgresTokenStore(address, "watched")
        with store.lock():
            store.save(stored)
        assert store.load() == stored
    assert watch.found == set()
    assert any(module == "auth/postgres.py" for module, _ in watch.lines)


# Profiles.


@pytest.fixture
def shared(dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """This machine has no profile of its own; where the others keep theirs stands in the environment."""
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("B24DATA_TOKEN_STORE", dsn)
    for name in ("B24_WEBHOOK", "B24_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("drop table if exists b24data_tokens")
    return dsn


def save(portal: Sandbox, name: str) -> None:
    secret, pair = B24OAuthSecret.of(portal.oauth_secret()), B24OAuthParams.of(portal.oauth_params())
    Profiles().save(Profile(name=name, portal=pair.domain, secret=secret), pair)


def test_a_profile__is_found_by_a_machine_that_has_no_files(shared: str, tmp_path: Path) -> None:
    with Sandbox(deals=3) as portal:
        save(portal, "acme")
        Profiles().save(Profile(name="hook", portal="x", webhook=portal.webhook_url))
        assert Profiles().names() == ["acme", "hook"]
        for name in Profiles().names():
            with connect(name) as b24:
                assert b24.tools.health_check()
        with connect("acme", store=shared) as b24:
            b24.auth.refresh_auth()
        kept = Profiles().store("acme").load()
        assert kept is not None
        assert kept.generation == 2
        with pytest.raises(ConfigError, match="there is no profile 'acme'"):
            connect("acme", store="file")
        Profiles().delete("acme")
        assert Profiles(shelf_at(shared)).names() == ["hook"]
        assert not (tmp_path / "config").exists()


def test_doctor__says_which_store_it_is_and_that_it_answers(
    shared: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def checks() -> dict[str, Any]:
        main(["doctor", "--json"])
        return {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}

    with Sandbox(deals=3) as portal:
        save(portal, "acme")
        found = checks()
        assert found["token store"]["text"] == "postgresql, profiles: 1"
        assert "in PostgreSQL at 127.0.0.1:" in found["profile"]["text"]
        assert found["tokens"]["text"] == "pair number 1"
    monkeypatch.setenv("B24DATA_TOKEN_STORE", "postgresql://anna:pass5ecret@127.0.0.1:1/x")
    found = checks()
    assert found["token store"]["state"] == "FAILED"
    assert "5ecret" not in json.dumps(found)


HOLDER = """
import sys
from b24data.auth.places import shelf_at
with shelf_at().lease("acme.bitrix24.com"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("place", ["postgresql", "file"])
def test_lease__one_program_has_a_portal_until_it_dies(
    shared: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    monkeypatch.setenv("B24DATA_TOKEN_STORE", shared if place == "postgresql" else "file")
    monkeypatch.setattr(f"b24data.auth.{'postgres' if place == 'postgresql' else 'shelf'}.LEASE_S", 1.0)
    pipe = subprocess.PIPE
    other = {**os.environ, "B24DATA_STATE_DIR": str(tmp_path / "another machine")}
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=pipe, stdout=pipe, text=True, env=other)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(ExportError, match=r"another run on an engine is reading acme.bitrix24.com") as caught,
            shelf_at().lease("acme.bitrix24.com"),
        ):
            pass
        assert caught.value.code == "ALREADY_RUNNING"
        with shelf_at().lease("beta.bitrix24.com"):
            pass
    finally:
        holder.kill()
        holder.communicate()
    assert holder.returncode == -signal.SIGKILL
    monkeypatch.undo()
    monkeypatch.setenv("B24DATA_TOKEN_STORE", shared if place == "postgresql" else "file")
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path / "config"))
    with shelf_at().lease("acme.bitrix24.com"):
        pass
