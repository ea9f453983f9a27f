"""Where pairs of tokens live between runs, so that several programs share one and none is lost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import msgspec

from b24data.auth.cipher import Cipher, key_of_keyring
from b24data.auth.shelf import Document, FileDocument
from b24data.errors import AuthorizationRequiredError, ConfigError, RefreshTokenError, SdkError
from b24data.secret import Secret, hide, reveal_for_encoder
from b24data.text.printable import one_line
from b24data.tokens import B24OAuthParams

STORE_FAULT = "STORE"
_STORE = "fix its class: the reference shows what load(), save() and lock() do and return"


@dataclass(frozen=True, slots=True)
class StoredTokens:
    """A pair as it is kept. ``generation`` grows with each refresh.

    >>> stored = StoredTokens(B24OAuthParams.of({"access_token": "a-secret", "domain": "acme.bitrix24.com"}))
    >>> StoredTokens.of(stored.reveal()) == stored
    True

    ``refreshing`` is the unix time at which a refresh of this pair began, None when none is under way: a process
    that dies meanwhile leaves it behind, and who finds it knows that the pair may be dead. ``dead`` says why the
    refresh token is known to be dead; empty while it is not.
    """

    params: B24OAuthParams
    generation: int = 1
    refreshing: float | None = None
    dead: str = ""

    @classmethod
    def of(cls, data: Any) -> Self:
        """A pair as a file has it. Raises :class:`ValueError`, :class:`KeyError` or :class:`TypeError` for others."""
        begun = data.get("refreshing")
        params, generation = B24OAuthParams.of(data["params"]), int(data["generation"])
        return cls(params, generation, None if begun is None else float(begun), str(data.get("dead", "")))

    def reveal(self) -> dict[str, Any]:
        """The pair as a plain dict, with its secrets: for a store of one's own. :meth:`of` reads it back."""
        return {**asdict(self), "params": self.params.reveal()}


class TokenStore(Protocol):
    """Keeps one pair. ``lock`` excludes every other thread and process that uses the same place."""

    def load(self) -> StoredTokens | None:
        """What is kept, None before the first :meth:`save`."""

    def save(self, stored: StoredTokens) -> None:
        """Keep ``stored``, whole or not at all."""

    def lock(self) -> AbstractContextManager[None]:
        """Hold the place; entered for the whole of a refresh."""


class ForeignStore:
    """A store of the user's own. What it raises ends in a :class:`RefreshTokenError` that names it, chained."""

    def __init__(self, store: TokenStore) -> None:
        self._theirs = store

    def load(self) -> StoredTokens | None:
        """What is kept."""
        with self._blamed("load"):
            kept = self._theirs.load()
        if kept is None or isinstance(kept, StoredTokens):
            return kept
        raise self._fault(f"load() returned a {type(kept).__name__}, not StoredTokens")

    def save(self, stored: StoredTokens) -> None:
        """Keep ``stored``."""
        with self._blamed("save"):
            self._theirs.save(stored)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the place."""
        with self._blamed("lock"), self._theirs.lock():
            yield

    @contextlib.contextmanager
    def _blamed(self, method: str) -> Iterator[None]:
        try:
            yield
        except SdkError:
            raise
        except Exception as error:
            raise self._fault(f"{method}() raised {type(error).__name__}: {one_line(str(error), 200)}") from error

    def _fault(self, text: str) -> RefreshTokenError:
        return RefreshTokenError(
            f"the token store {type(self._theirs).__name__}: {text}", code=STORE_FAULT, hint=_STORE
        )


class DocumentStore:
    """A pair that is a document: in a file, in a row of a database."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.document)!r})"

    def load(self) -> StoredTokens | None:
        """What is kept; :class:`ConfigError` if the document is not ours."""
        content = self.document.read()
        if content is None:
            return None
        try:
            return StoredTokens.of(hidden_json(content))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ConfigError(
                f"{self.document} does not contain a pair of tokens", hint="delete it and sign in again"
            ) from error

    def save(self, stored: StoredTokens) -> None:
        """Replace the document."""
        self.document.write(private_json(asdict(stored)))

    def lock(self) -> AbstractContextManager[None]:
        """Hold the document; :class:`RefreshTokenError` if someone else holds it for minutes."""
        return self.document.lock()


class FileTokenStore(DocumentStore):
    """A pair in a file that only its owner may read (0600), replaced atomically.

    >>> import tempfile
    >>> store = FileTokenStore(Path(tempfile.mkdtemp()) / "acme.json")
    >>> store.load() is None
    True
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        super().__init__(FileDocument(self.path))


class KeyringTokenStore(DocumentStore):
    """As :class:`FileTokenStore`, encrypted with a key that the keyring of this desktop keeps (extra ``keyring``).

    The keyring itself holds no tokens: some keep 1,280 characters, and none replaces an entry atomically.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        cipher = Cipher(key_of_keyring(self.path.parent), extra="keyring")
        super().__init__(FileDocument(self.path, cipher))


def private_json(value: Any) -> Secret[bytes]:
    """``value`` as the content of a file that only its owner may read, with the secrets in it."""
    return Secret(msgspec.json.format(msgspec.json.encode(value, enc_hook=reveal_for_encoder), indent=1))


def hidden_json(content: Secret[bytes]) -> Any:
    """What such a file holds, its secrets hidden. Raises :class:`ValueError` for what is not JSON."""
    try:
        return hide(msgspec.json.decode(content.reveal()))
    except msgspec.DecodeError as error:  # not the reader of the standard library: its error has the whole text in it
        raise ValueError(str(error)) from None


def first_of(store: TokenStore, given: B24OAuthParams) -> StoredTokens:
    """The pair to begin with: the kept one; the given one if nothing is kept, or that is dead or expires earlier."""
    with store.lock():
        kept = store.load()
        if kept is not None:
            check_owner(kept.params, given)
            same = given.secret("refresh_token") == kept.params.secret("refresh_token")
            if same or (given.expires <= kept.params.expires and not kept.dead):
                return kept
        fresh = StoredTokens(given, kept.generation + 1 if kept else 1)
        store.save(fresh)
        return fresh


def check_owner(kept: B24OAuthParams, ours: B24OAuthParams) -> None:
    """Raise :class:`AuthorizationRequiredError` if the kept pair is of another portal or user."""
    for name in ("member_id", "user_id"):
        there, here = getattr(kept, name), getattr(ours, name)
        if there and here and there != here:
            raise AuthorizationRequiredError(
                f"the stored tokens now belong to user {kept.user_id} of {kept.domain}, not to user {ours.user_id}"
                f" of {ours.domain}",
                code="OTHER_USER",
                hint="create a new client, or sign in again as the previous user",
            )
