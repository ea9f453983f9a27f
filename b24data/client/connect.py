"""``connect``: a client of the portal that a name, the environment or a ``.env`` file says."""

from __future__ import annotations

import functools
import logging
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b24data.auth.places import shelf_at
from b24data.auth.profiles import Profiles
from b24data.client.chosen import chosen, panel_waits
from b24data.client.client import B24Hook, B24OAuth
from b24data.errors import AuthorizationRequiredError, ConfigError
from b24data.files.atomic import open_regular, read_bounded
from b24data.files.ownership import is_own, owner_of
from b24data.http.restrictions import restrictions_of
from b24data.params import RestrictionParams
from b24data.secret import NOTHING, Secret
from b24data.text.hints import as_profile, sign_in

if TYPE_CHECKING:
    from b24data.http.transport import Timeout, Verify

Client = B24OAuth | B24Hook
_LOGGER = logging.getLogger("b24data")


def connect(
    profile: str | None = None,
    *,
    restriction_params: RestrictionParams | Mapping[str, Any] | None = None,
    timeout: Timeout = None,
    verify: Verify = True,
    store: str | Secret[str] | None = None,
) -> Client:
    """A client of the portal that is saved as ``profile``.

    Without a name: the profile that was signed in to or chosen in this process; the profile in the environment variable
    ``B24_PROFILE``; the incoming webhook in ``B24_WEBHOOK``; either of the two in a ``.env`` file in the current folder
    or above it; or the only profile there is. ``store`` says where the profiles are: ``"file"``, ``"keyring"`` or
    ``"postgresql://..."``, by default what ``B24DATA_TOKEN_STORE`` says. The other arguments are those of
    :class:`B24OAuth`. Nothing is sent to the portal
    before the first call.

    :raises ConfigError: there is no such profile, or there are several and you named none.
    :raises AuthorizationRequiredError: you have not signed in yet. While the panel of :func:`b24data.login` waits, the
        hint says to use it and to run the cell again.

    >>> from b24data import Sandbox
    >>> with Sandbox(deals=3) as portal:
    ...     os.environ["B24_WEBHOOK"] = portal.webhook_url
    ...     connect().tools.health_check()
    True
    >>> del os.environ["B24_WEBHOOK"]
    """
    store = Secret(store) if isinstance(store, str) else store
    profiles = Profiles() if store is None else Profiles(shelf_at(store))
    restrictions = restrictions_of(restriction_params)
    try:
        source = find_credentials(profile, profiles)
        if source.profile:
            return connect_by(profiles, source.profile, restriction_params=restrictions, timeout=timeout, verify=verify)
    except (AuthorizationRequiredError, ConfigError) as error:
        if not panel_waits():
            raise
        raise AuthorizationRequiredError(
            error.description, hint="sign in with the panel of b24data.login(), then run this cell again"
        ) from None
    try:
        return B24Hook(source.webhook, restrictions, timeout=timeout, verify=verify)
    except ConfigError as error:
        raise ConfigError(f"B24_WEBHOOK ({source.place}): {error.description}", hint=error.advice) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSource:
    """A profile or a webhook that a client is made from, and the place that names it."""

    place: str
    profile: str = ""
    webhook: Secret[str] = NOTHING


def find_credentials(profile: str | None, profiles: Profiles) -> CredentialSource:
    """What :func:`connect` goes by; it raises the same errors."""
    if profile is not None:
        return CredentialSource(place="as named", profile=profile)
    if name := chosen(profiles):
        return CredentialSource(place="signed in to here", profile=name)
    names = ("B24_PROFILE", "B24_WEBHOOK")
    here = {name: Secret(os.environ.get(name, "")) for name in names}
    for place, found in (("environment", here), (".env", _dotenv_here())):
        named, url = (found.get(name, Secret("")) for name in names)
        if named:
            return CredentialSource(place=place, profile=named.reveal())
        if url:
            return CredentialSource(place=place, webhook=url)
    return CredentialSource(place="the only one", profile=profile_name(profiles))


def connect_by(
    profiles: Profiles,
    name: str,
    *,
    restriction_params: RestrictionParams | Mapping[str, Any] | None = None,
    timeout: Timeout = None,
    verify: Verify = True,
) -> Client:
    """A client of the profile ``name``. Sent to another process it travels as that name, and connects there."""
    client = _client_of(profiles, name, restriction_params, timeout, verify)
    profiles.used(name)
    stays = ""
    if not profiles.is_default:
        stays = f"its profile is in {profiles.shelf}, which another process does not know; set B24DATA_TOKEN_STORE"
    elif not isinstance(verify, bool | str | os.PathLike):
        stays = 'verify is an SSLContext; pass verify="/path/to/ca.pem"'
    client.travels_as(functools.partial(_connect_again, name, timeout, verify), stays=stays)
    return client


def _connect_again(name: str, timeout: Timeout, verify: Verify, params: RestrictionParams) -> Client:
    """The client in the process that it was sent to."""
    return connect_by(Profiles(), name, restriction_params=params, timeout=timeout, verify=verify)


def _client_of(
    profiles: Profiles,
    name: str,
    params: RestrictionParams | Mapping[str, Any] | None,
    timeout: Timeout,
    verify: Verify,
) -> Client:
    profile = profiles.load(name)
    if profile.webhook:
        return B24Hook(profile.webhook, params, timeout=timeout, verify=verify)
    tokens = profiles.store(name, of=profile)
    kept = tokens.load()
    if kept is None or profile.secret is None:
        raise AuthorizationRequiredError(f"the profile {name!r} has no tokens", hint=f"sign in again: {sign_in(name)}")
    return B24OAuth(
        kept.params,
        profile.secret,
        params,
        store=tokens,
        timeout=timeout,
        verify=verify,
        auth_servers=profile.auth_servers,
    )


def profile_name(profiles: Profiles) -> str:
    """The only profile there is."""
    match profiles.names():
        case []:
            raise AuthorizationRequiredError(
                "you have not signed in to a portal on this machine",
                hint=f"sign in: {sign_in()}; or set B24_WEBHOOK",
            )
        case [name]:
            return name
        case names:
            raise ConfigError(
                f"there are {len(names)} profiles: {', '.join(names)}",
                hint=f"choose one: {as_profile(names[0])}; or set B24_PROFILE",
            )


def _dotenv_here() -> Mapping[str, Secret[str]]:
    try:
        here = Path.cwd()
    except OSError:  # the folder was removed
        return {}
    return dotenv(here)


def dotenv(folder: Path) -> Mapping[str, Secret[str]]:
    """What the nearest ``.env`` file says: ``NAME=value`` lines, with or without ``export`` and quotes.

    A file of another user is passed over, and the log says so.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / ".env").write_text("# ours\\nexport B24_PROFILE='acme'\\n")
    >>> dotenv(folder / "reports")
    {'B24_PROFILE': Secret('***')}
    """
    for at in (folder, *folder.parents):
        if (text := _own_text(at / ".env")) is not None:
            return dict(found for line in text.reveal().splitlines() if (found := _assignment(line)))
    return {}


def _own_text(file: Path) -> Secret[str] | None:
    """What is in a file of this user's or the administrator's; None where there is none.

    Another user's, in a folder that everybody may write to, would say which portal the programs of all others call.
    """
    try:
        with open_regular(file) as opened:
            facts = os.fstat(opened.fileno())
            if is_own(facts, or_root=True) and not (os.name != "nt" and facts.st_mode & stat.S_IWOTH):
                return Secret(read_bounded(opened, file).decode("utf-8-sig", "replace"))
            why = (
                f"it is a file of {owner_of(facts)}" if not is_own(facts, or_root=True) else "everyone can write to it"
            )
    except FileNotFoundError:
        return None
    except OSError as error:
        if os.path.isdir(file):  # noqa: PTH112  that of a Path raises where it may not look
            return None
        why = error.strerror or str(error)
    _LOGGER.warning("%s is not read: %s", file, why)
    return None


def _assignment(line: str) -> tuple[str, Secret[str]] | None:
    """The name and the value in a line, without the comment behind them."""
    name, sign, value = line.strip().removeprefix("export ").partition("=")
    if not sign or name.lstrip().startswith("#"):
        return None
    if quoted := re.fullmatch(r"""\s*(["'])(.*?)\1\s*(?:#.*)?""", value):
        return name.strip(), Secret(quoted[2])
    return name.strip(), Secret(re.split(r"\s#", value, maxsplit=1)[0].strip())
