"""Tokens on a desktop: the file is encrypted, and its key is in the keyring."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked

from b24data import B24OAuthParams, B24OAuthSecret, ConfigError, KeyringTokenStore, Sandbox, connect
from b24data.auth.profiles import Profile, Profiles
from b24data.auth.store import StoredTokens
from tests.auth.test_oauth import Portal


class Memory(KeyringBackend):
    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.keys_made = 0
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("it wants its password")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.keys_made += 1
        self.kept[service, username] = password


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Memory]:
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path / "config"))
    for name in ("B24_WEBHOOK", "B24_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    before, memory = keyring.get_keyring(), Memory()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


def texts(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_pair__comes_back_and_nothing_on_the_disk_opens_it(memory: Memory, tmp_path: Path) -> None:
    stored = StoredTokens(Portal().params(user_id=7, scope="crm"), 5, 1.5)
    store = KeyringTokenStore(tmp_path / "tokens" / "acme.json")
    assert store.load() is None
    with store.lock():
        store.save(stored)
    assert KeyringTokenStore(tmp_path / "tokens" / "acme.json").load() == stored
    (key,) = memory.kept.values()
    on_disk = texts(tmp_path)
    assert stored.params.domain.encode() not in on_disk
    assert key.encode() not in on_disk
    assert (memory.keys_made, len(key)) == (1, 44)  # Windows keeps 1,280 characters


def test_programs_that_begin_together__make_one_key(memory: Memory, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: KeyringTokenStore(tmp_path / "tokens" / f"{number}.json"), range(8)))
    assert memory.keys_made == 1


def test_a_profile__is_encrypted_too_and_connects(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("B24DATA_TOKEN_STORE", "keyring")
    with Sandbox(deals=3) as portal:
        secret, pair = B24OAuthSecret.of(portal.oauth_secret()), B24OAuthParams.of(portal.oauth_params())
        Profiles().save(Profile(name="acme", portal=pair.domain, secret=secret), pair)
        Profiles().save(Profile(name="hook", portal=pair.domain, webhook=portal.webhook_url))
        with connect("acme") as b24, connect("hook", store="keyring") as hook:
            b24.auth.refresh_auth()
            assert b24.tools.health_check()
            assert hook.tools.health_check()
            now = b24.auth.params
        assert (Profiles().names(), Profiles().leftovers()) == (["acme", "hook"], [])
        kept = Profiles().store("acme").load()
        assert kept is not None
        assert kept.params == now
        for plain in (pair.domain, secret.client_id, now.access_token, portal.webhook_url):
            assert plain.encode() not in texts(tmp_path / "config")
        with pytest.raises(ConfigError, match="there is no profile 'acme'"):
            connect("acme", store="file")


def test_a_keyring_that_lost_its_key__says_what_to_do(memory: Memory, tmp_path: Path) -> None:
    KeyringTokenStore(tmp_path / "acme.json").save(StoredTokens(Portal().params()))
    memory.kept.clear()
    with pytest.raises(ConfigError, match=r"acme.json can't be decrypted with this key") as caught:
        KeyringTokenStore(tmp_path / "acme.json").load()
    assert "sign in again" in caught.value.hint


def test_a_keyring_that_is_locked_or_not_there__is_one_error_with_a_cure(memory: Memory, tmp_path: Path) -> None:
    memory.locked = True
    with pytest.raises(ConfigError, match="keyring of this computer does not answer: KeyringLocked"):
        KeyringTokenStore(tmp_path / "acme.json")
    keyring.set_keyring(NoKeyring())
    with pytest.raises(ConfigError, match="NoKeyringError") as caught:
        KeyringTokenStore(tmp_path / "acme.json")
    assert "B24DATA_TOKEN_STORE=file" in caught.value.hint


@pytest.mark.parametrize("store", ["redis://anna:pass5ecret@cache", "pass5ecret", "Keyring", "postgres:/pass5ecret"])
def test_a_store_that_is_none__is_refused_without_its_password(memory: Memory, store: str) -> None:
    with pytest.raises(ConfigError, match="is not a token store") as caught:
        connect("acme", store=store)
    assert "5ecret" not in repr(vars(caught.value)) or store == "pass5ecret"


def test_a_store_of_ones_own__goes_into_the_client(memory: Memory, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="store is a KeyringTokenStore") as caught:
        connect("acme", store=KeyringTokenStore(tmp_path / "acme.json"))  # type: ignore[arg-type]
    assert "B24OAuth(..., store=...)" in caught.value.hint
