"""This machine: versions, the profile and its store, folders and locks. Nothing is sent to the portal."""

from __future__ import annotations

import os
import platform
import shlex
import stat
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from b24data.auth.profiles import Profiles
from b24data.auth.store import StoredTokens
from b24data.client.connect import find_credentials
from b24data.doctor.check import Check, failed
from b24data.errors import AuthorizationRequiredError, SdkError
from b24data.files.locks import locked
from b24data.files.places import data_folder
from b24data.http.shared_state import StateFile, UnusableError, state_folder

_PACKAGES = (
    "httpx",
    "pandas",
    "pyarrow",
    "msgspec",
    "arro3-io",
    "zlib-ng",
    "platformdirs",
    "filelock",
    "pyyaml",
    "tqdm",
    "ipython",
    "ipywidgets",
)
_OPTIONAL = {"matplotlib": "demo", "uvicorn": "demo"}


def machine_checks(profile: str | None) -> Iterator[Check]:
    """All checks that need no network, for the profile of that name or the one that ``connect`` would take."""
    yield _python()
    yield _packages()
    yield from _credentials(profile)
    yield _limits_folder()
    yield _data_folder()


def _python() -> Check:
    text = f"{platform.python_version()} on {platform.system() or sys.platform}, {sys.executable}"
    return Check("python", "ok", text)


def _packages() -> Check:
    versions = {name: _version(name) for name in ("b24data", *_PACKAGES, *_OPTIONAL)}
    missing = [name for name in _PACKAGES if not versions[name]]
    text = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    if missing:
        return Check("packages", "FAILED", f"missing: {', '.join(missing)}", "pip install --upgrade b24data")
    extras = sorted({_OPTIONAL[name] for name in _OPTIONAL if not versions[name]})
    return Check("packages", "ok", text + "".join(f"; without the extra [{extra}]" for extra in extras))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _credentials(profile: str | None) -> Iterator[Check]:
    """Who would call, and whether their secrets lie safely."""
    profiles = Profiles()
    yield _token_store(profiles)
    if broken := _broken(profiles):
        yield broken
    if left := _leftovers(profiles):
        yield left
    try:
        source = find_credentials(profile, profiles)
    except SdkError as error:
        if profile is None and isinstance(error, AuthorizationRequiredError):
            yield Check(
                "profile", "warn", "you have not signed in to a portal yet", "b24data login, or set B24_WEBHOOK"
            )
        else:
            yield failed("profile", error)
        return
    if source.webhook:
        yield Check("profile", "ok", f"the incoming webhook in B24_WEBHOOK ({source.place})")
        return
    try:
        one, stored = profiles.load(source.profile), profiles.store(source.profile).load()
    except SdkError as error:
        yield failed("profile", error)
        return
    yield Check("profile", "ok", f"{one.name} ({source.place}): {one.kind} at {one.portal}, in {profiles.shelf}")
    if profiles.folder is not None:
        yield _privacy(profiles.folder, [profiles.folder / f"{one.name}.json"])
    if one.webhook:
        return
    yield _tokens(stored, again=f"b24data login {one.name}")
    if profiles.folder is not None:
        yield _lock(profiles.folder / f"{one.name}.json.lock")


def _token_store(profiles: Profiles) -> Check:
    """Where profiles are kept, and whether that place answers."""
    try:
        names = profiles.names()
        return Check("token store", "ok", f"{profiles.shelf.kind}, profiles: {len(names)}")
    except SdkError as error:
        return failed("token store", error)


def _tokens(stored: StoredTokens | None, *, again: str) -> Check:
    """Whether the next call can renew them."""
    if stored is None:
        return Check("tokens", "FAILED", "there are none", again)
    if stored.dead:
        return Check("tokens", "FAILED", f"dead: {stored.dead}", again)
    if stored.refreshing is not None and time.time() - stored.refreshing > 60:
        text = "a program was killed while it refreshed them; the next call shows whether they are lost"
        return Check("tokens", "warn", text, f"if it fails: {again}")
    return Check("tokens", "ok", f"pair number {stored.generation}")


def _broken(profiles: Profiles) -> Check | None:
    """The profiles that can't be read, whichever is looked at: they hide none of the others."""
    try:
        known = list(profiles.known())
    except SdkError:  # no home: the next check says so
        return None
    bad = {name: one for name, one in known if isinstance(one, SdkError)}
    if not bad:
        return None
    text = f"{len(bad)} of {len(known)} can't be read: {'; '.join(one.description for one in bad.values())}"
    return Check("profiles", "warn", text, f"b24data profiles --delete {next(iter(bad))}, and sign in again")


def _leftovers(profiles: Profiles) -> Check | None:
    """Files beside the profiles that may hold the tokens of an earlier sign-in."""
    try:
        left = [path for path in profiles.leftovers() if path.suffix != ".lock"]
    except SdkError:  # the check of the profiles says why
        return None
    if not left:
        return None
    remove = "del" if os.name == "nt" else "rm"
    text = f"nothing uses {', '.join(path.name for path in left)} in {profiles.shelf}, and it may contain a token"
    return Check("leftovers", "warn", text, f"{remove} {' '.join(shlex.quote(str(path)) for path in left)}")


def _privacy(folder: Path, files: list[Path]) -> Check:
    if os.name == "nt":
        return Check("privacy", "ok", f"{folder} is in your user profile")
    open_ones = [file for file in files if stat.S_IMODE(file.stat().st_mode) & 0o077]
    if open_ones:
        names = " ".join(map(str, open_ones))
        return Check("privacy", "FAILED", "others on this machine can read the profile's secrets", f"chmod 600 {names}")
    return Check("privacy", "ok", "only you can read the profile (0600)")


def _lock(path: Path) -> Check:
    """Whether another program is renewing the tokens right now; a lock file that no program holds does not matter."""
    if not path.exists():
        return Check("locks", "ok", "the profile is not locked")
    try:
        with locked(path):
            return Check("locks", "ok", "the profile is not locked")
    except TimeoutError:
        return Check(
            "locks", "warn", "another program holds the profile's lock", "a refresh takes seconds; check again"
        )
    except SdkError as error:
        return failed("locks", error)


def _limits_folder() -> Check:
    try:
        folder = state_folder()
        with StateFile(folder).state({}):
            pass
    except UnusableError as error:
        hint = "programs cannot share the limits; set B24DATA_STATE_DIR to another folder"
        return Check("limits file", "warn", str(error), hint)
    return Check("limits file", "ok", str(folder))


def _data_folder() -> Check:
    try:
        return Check("data folder", "ok", str(data_folder()))
    except SdkError as error:
        return failed("data folder", error)
