"""The portals that were signed in to on this machine: who calls which portal, under a name.

A profile is a file that only its owner may read (0600) in the user's configuration folder, or in the one that
``B24DATA_CONFIG_DIR`` names. The webhook, or the application's key and its pair of tokens, are in that one file, which
a sign-in and every refresh replace as a whole: a kill leaves the old profile or the new one, and never tokens of the
one beside a key of the other. Signing in again, and signing out, leave nothing of what was there.
"""

from __future__ import annotations

import difflib
import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from b24data.auth.store import FileTokenStore, StoredTokens, hidden_json, private_json
from b24data.errors import AuthorizationRequiredError, ConfigError
from b24data.files.atomic import read_private, write_whole
from b24data.files.places import config_folder, make_profiles_folder
from b24data.secret import NOTHING, Secret
from b24data.text.hints import as_profile, sign_in
from b24data.text.redact import masked
from b24data.tokens import B24OAuthParams, B24OAuthSecret

__all__ = ["Profile", "Profiles"]

_NAME = re.compile(r"\w[\w.-]{0,63}")


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


class Profiles:
    """The profiles in one folder.

    >>> import tempfile
    >>> profiles = Profiles(tempfile.mkdtemp())
    >>> hook = "https://acme.bitrix24.com/rest/1/a-secret/"
    >>> profiles.save(Profile(name="acme", portal="acme.bitrix24.com", webhook=hook))
    >>> profiles.names(), profiles.load("acme")
    (['acme'], Profile(name='acme', portal='acme.bitrix24.com', user='', auth_servers=()))
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self._folder = Path(folder) if folder else None

    @functools.cached_property
    def folder(self) -> Path:
        """The folder; :class:`ConfigError` where no home folder is known, for who needs it."""
        return self._folder or config_folder() / "profiles"

    def names(self) -> list[str]:
        """The names of all profiles, also of those that can't be read."""
        try:
            files = [path for path in self.folder.iterdir() if path.suffix == ".json"]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ConfigError(
                f"{self.folder} can't be read: {error.strerror}", hint="B24DATA_CONFIG_DIR names another folder"
            ) from error
        return sorted(path.stem for path in files if _NAME.fullmatch(path.stem))

    def leftovers(self) -> list[Path]:
        """Files beside the profiles that nothing reads: copies, and what killed programs and old versions left."""
        used = {file for name in self.names() for file in (f"{name}.json", f"{name}.json.lock")}
        try:
            return sorted(path for path in self.folder.iterdir() if path.is_file() and path.name not in used)
        except OSError:
            return []

    def load(self, name: str) -> Profile:
        """The profile of that name. Raises :class:`ConfigError` with the nearest name if there is none."""
        path = self._path(name)
        try:
            content = Secret(read_private(path))
        except FileNotFoundError:
            raise ConfigError(f"there is no profile {name!r}", hint=_known(name, self.names())) from None
        try:
            return _profile(hidden_json(content))
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise _damaged(path) from error

    def known(self) -> Iterator[tuple[str, Profile | ConfigError]]:
        """Every profile by its name; of one that can't be read, the reason: it hides none of the others."""
        for name in self.names():
            try:
                yield name, self.load(name)
            except ConfigError as error:
                yield name, error

    def save(self, profile: Profile, pair: B24OAuthParams | None = None) -> None:
        """Keep ``profile`` under its name, and ``pair`` as its tokens; a pair of before is given up."""
        make_profiles_folder(self.folder)
        store = self.store(profile.name)
        with store.lock():
            stored = None if pair is None else asdict(StoredTokens(pair, _generation(store) + 1))
            write_whole(store.path, private_json({**asdict(profile), "tokens": stored}), private=True)

    def delete(self, name: str) -> None:
        """Forget a profile and its tokens."""
        if not self._path(name).exists():
            self.load(name)
        store = self.store(name)
        with store.lock():
            store.path.unlink(missing_ok=True)

    def store(self, name: str, of: Profile | None = None) -> FileTokenStore:
        """Where the tokens of a profile are kept; with ``of`` only as long as they are of its application."""
        return _ProfileTokens(self._path(name), of.secret.client_id if of and of.secret else "")

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name) and ("://" in name or masked(name) != name):
            raise ConfigError(
                "an address is not the name of a profile",
                hint=f"{sign_in()} takes a webhook and keeps it as a profile",
            )
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{name!r} is not the name of a profile", hint="letters, digits, '-', '_' and '.'")
        return self.folder / f"{name}.json"


class _ProfileTokens(FileTokenStore):
    """The pair of tokens in the file of a profile. It is gone once somebody has signed out, or in by a webhook."""

    def __init__(self, path: Path, client_id: str) -> None:
        super().__init__(path)
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
            raise _damaged(self.path) from error

    def save(self, stored: StoredTokens) -> None:
        """Replace the profile's file by one with this pair. Who has signed out meanwhile gets no tokens back."""
        data = self._data()
        if not data.get("secret"):
            raise AuthorizationRequiredError(
                f"the profile {self.path.stem!r} was signed out of", hint=f"sign in again: {sign_in(self.path.stem)}"
            )
        self._check_application(data)
        write_whole(self.path, private_json({**data, "tokens": asdict(stored)}), private=True)

    def _data(self) -> dict[str, Any]:
        try:
            content = Secret(read_private(self.path))
        except FileNotFoundError:
            return {}
        try:
            data = dict(hidden_json(content))
        except (ValueError, TypeError, RecursionError) as error:
            raise _damaged(self.path) from error
        if not all(isinstance(data.get(part) or {}, Mapping) for part in ("secret", "tokens")):
            raise _damaged(self.path)
        return data

    def _check_application(self, data: Mapping[str, Any]) -> None:
        client_id = (data.get("secret") or {}).get("client_id", "")
        if self._client_id and client_id != self._client_id:
            raise AuthorizationRequiredError(
                f"the profile {self.path.stem!r} now belongs to another application",
                code="OTHER_APPLICATION",
                hint=f"start over with {as_profile(self.path.stem)}",
            )


def _damaged(path: Path) -> ConfigError:
    return ConfigError(f"{path} holds no profile", hint="delete it and sign in again")


def _profile(data: dict[str, Any]) -> Profile:
    """The profile in what a file holds; :class:`TypeError` for what is no text."""
    data = {key: value for key, value in data.items() if key != "tokens"}
    secret = B24OAuthSecret.of(data["secret"]) if data.get("secret") else None
    profile = Profile(**{**data, "secret": secret, "auth_servers": tuple(data.get("auth_servers", ()))})
    texts = (profile.name, profile.portal, profile.user, *profile.auth_servers)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a profile is made of texts")
    return profile


def _known(name: str, names: Iterable[str]) -> str:
    names = list(names)
    if near := difflib.get_close_matches(name, names, n=1):
        return f"did you mean {near[0]!r}?"
    return f"there are: {', '.join(names)}" if names else f"{sign_in()} makes one"


def _generation(store: FileTokenStore) -> int:
    """The number of the pair that is there; one that can't be read is none."""
    try:
        kept = store.load()
    except ConfigError:
        kept = None
    return kept.generation if kept else 0
