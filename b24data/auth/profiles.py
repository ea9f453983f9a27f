"""The portals that were signed in to on this machine: who calls which portal, under a name.

A profile is one document: a file that only its owner may read (0600) in the user's configuration folder, or in the one
that ``B24DATA_CONFIG_DIR`` names; or what ``B24DATA_TOKEN_STORE`` names. The webhook, or the application's key and its
pair of tokens, are in that one document, which a sign-in and every refresh replace as a whole: a kill leaves the old
profile or the new one, and never tokens of the one beside a key of the other. Signing in again, and signing out, leave
nothing of what was there.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from b24data.auth.places import shelf_at
from b24data.auth.shelf import PROFILE_NAME, Document, FileDocument, Folder, Shelf
from b24data.auth.store import DocumentStore, StoredTokens, hidden_json, private_json
from b24data.errors import AuthorizationRequiredError, ConfigError
from b24data.secret import NOTHING, Secret
from b24data.text.hints import as_profile, sign_in
from b24data.text.redact import masked
from b24data.tokens import B24OAuthParams, B24OAuthSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One way into one portal: by an application (``secret``, and a pair of tokens in its file) or by a webhook."""

    name: str
    portal: str
    user: str = ""
    webhook: Secret[str] = field(default=NOTHING, repr=False)
    secret: B24OAuthSecret | None = field(default=None, repr=False)
    auth_servers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "webhook", Secret(self.webhook))

    @property
    def kind(self) -> str:
        """What signs its calls."""
        return "webhook" if self.webhook else "application"


class Profiles:
    """The profiles in one place: a folder, by default the one that ``B24DATA_TOKEN_STORE`` names.

    >>> import tempfile
    >>> profiles = Profiles(tempfile.mkdtemp())
    >>> hook = "https://acme.bitrix24.com/rest/1/a-secret/"
    >>> profiles.save(Profile(name="acme", portal="acme.bitrix24.com", webhook=hook))
    >>> profiles.names(), profiles.load("acme")
    (['acme'], Profile(name='acme', portal='acme.bitrix24.com', user='', auth_servers=()))
    """

    def __init__(self, place: str | os.PathLike[str] | Shelf | None = None) -> None:
        self._place = place

    @functools.cached_property
    def shelf(self) -> Shelf:
        """The place; :class:`ConfigError` where it is not known, as without a home folder, for who needs it."""
        if isinstance(self._place, str | os.PathLike):
            return Folder(Path(self._place))
        return self._place or shelf_at()

    @property
    def is_default(self) -> bool:
        """Whether any program of this user finds these profiles without being told where."""
        return self._place is None

    @property
    def folder(self) -> Path | None:
        """The folder of the profiles; None where they are not in files."""
        return self.shelf.folder if isinstance(self.shelf, Folder) else None

    def names(self) -> list[str]:
        """The names of all profiles, also of those that can't be read."""
        return self.shelf.names()

    def leftovers(self) -> list[Path]:
        """Files beside the profiles that nothing reads: copies, and what killed programs and old versions left."""
        return self.shelf.leftovers()

    def load(self, name: str) -> Profile:
        """The profile of that name. Raises :class:`ConfigError` with the nearest name if there is none."""
        document = self._document(name)
        content = document.read()
        if content is None:
            raise ConfigError(f"there is no profile {name!r}", hint=_known(name, self.names()))
        try:
            return _profile(hidden_json(content))
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise _damaged(document) from error

    def known(self) -> Iterator[tuple[str, Profile | ConfigError]]:
        """Every profile by its name; of one that can't be read, the reason: it hides none of the others."""
        for name in self.names():
            try:
                yield name, self.load(name)
            except ConfigError as error:
                yield name, error

    def save(self, profile: Profile, pair: B24OAuthParams | None = None) -> None:
        """Keep ``profile`` under its name, and ``pair`` as its tokens; a pair of before is given up."""
        self.shelf.prepare()
        store = self.store(profile.name)
        with store.lock():
            stored = None if pair is None else asdict(StoredTokens(pair, _generation(store) + 1))
            store.document.write(private_json({**asdict(profile), "tokens": stored}))

    def used(self, name: str) -> None:
        """Note that a client of this profile is made, by the time of its file, which a refresh sets as well."""
        document = self._document(name)
        if isinstance(document, FileDocument):
            with contextlib.suppress(OSError):  # a folder that can only be read
                os.utime(document.path)

    def last_use(self, name: str) -> float | None:
        """When the profile was last used, in Unix seconds; None where that is not known, as in a database."""
        document = self._document(name)
        try:
            return document.path.stat().st_mtime if isinstance(document, FileDocument) else None
        except OSError:
            return None

    def delete(self, name: str) -> None:
        """Forget a profile and its tokens."""
        if name not in self.names():
            self.load(name)
        store = self.store(name)
        with store.lock():
            store.document.remove()

    def store(self, name: str, of: Profile | None = None) -> DocumentStore:
        """Where the tokens of a profile are kept; with ``of`` only as long as they are of its application."""
        return _ProfileTokens(self._document(name), name, of.secret.client_id if of and of.secret else "")

    def _document(self, name: str) -> Document:
        check_name(name)
        return self.shelf.document(name)


def check_name(name: str) -> None:
    """:class:`ConfigError` for what can't be the name of a profile; it shows no secret."""
    if PROFILE_NAME.fullmatch(name):
        return
    if "://" in name or masked(name) != name:
        raise ConfigError("an address is not a profile name", hint=f"{sign_in()} saves a webhook as a profile")
    raise ConfigError(f"{name!r} is not the name of a profile", hint="letters, digits, '-', '_' and '.'")


class _ProfileTokens(DocumentStore):
    """The pair of tokens in a profile. It is gone after a sign-out, or after a sign-in with a webhook."""

    def __init__(self, document: Document, name: str, client_id: str) -> None:
        super().__init__(document)
        self._name = name
        self._client_id = client_id

    def load(self) -> StoredTokens | None:
        """The pair; :class:`AuthorizationRequiredError` if it is of another application by now."""
        data = self._data()
        if not data.get("tokens"):
            return None
        self._check_application(data)
        try:
            return StoredTokens.of(data["tokens"])
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise _damaged(self.document) from error

    def save(self, stored: StoredTokens) -> None:
        """Replace the profile by one with this pair. Who has signed out meanwhile gets no tokens back."""
        data = self._data()
        if not data.get("secret"):
            raise AuthorizationRequiredError(
                f"the profile {self._name!r} was signed out of", hint=f"sign in again: {sign_in(self._name)}"
            )
        self._check_application(data)
        self.document.write(private_json({**data, "tokens": asdict(stored)}))

    def _data(self) -> dict[str, Any]:
        content = self.document.read()
        if content is None:
            return {}
        try:
            data = dict(hidden_json(content))
        except (ValueError, TypeError, RecursionError) as error:
            raise _damaged(self.document) from error
        if not all(isinstance(data.get(part) or {}, Mapping) for part in ("secret", "tokens")):
            raise _damaged(self.document)
        return data

    def _check_application(self, data: Mapping[str, Any]) -> None:
        client_id = (data.get("secret") or {}).get("client_id", "")
        if self._client_id and client_id != self._client_id:
            raise AuthorizationRequiredError(
                f"the profile {self._name!r} now belongs to another application",
                code="OTHER_APPLICATION",
                hint=f"start over with {as_profile(self._name)}",
            )


def _damaged(document: Document) -> ConfigError:
    return ConfigError(f"{document} does not contain a profile", hint="delete it and sign in again")


def _profile(data: dict[str, Any]) -> Profile:
    """The profile in what a file holds; :class:`TypeError` for a value that is not text."""
    data = {key: value for key, value in data.items() if key != "tokens"}
    secret = B24OAuthSecret.of(data["secret"]) if data.get("secret") else None
    for name in ("name", "portal", "user"):  # the portal says what its user is called: it may look like a secret
        if isinstance(data.get(name), Secret):
            data[name] = str(data[name])
    profile = Profile(**{**data, "secret": secret, "auth_servers": tuple(data.get("auth_servers", ()))})
    texts = (profile.name, profile.portal, profile.user, *profile.auth_servers)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a profile consists of texts")
    return profile


def _known(name: str, names: Iterable[str]) -> str:
    names = list(names)
    if near := difflib.get_close_matches(name, names, n=1):
        return f"did you mean {near[0]!r}?"
    return f"there are: {', '.join(names)}" if names else f"{sign_in()} creates one"


def _generation(store: DocumentStore) -> int:
    """The number of the pair that is there; one that can't be read is none."""
    try:
        kept = store.load()
    except ConfigError:
        kept = None
    return kept.generation if kept else 0
