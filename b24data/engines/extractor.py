"""The one program that reads a portal for an engine. Only the name of its profile travels."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from b24data.auth.profiles import Profiles
from b24data.client.connect import Client, connect_by
from b24data.errors import AuthorizationRequiredError, ConfigError
from b24data.text.hints import sign_in

__all__ = ["extractor", "profiles_named"]


def profiles_named(wanted: str | Sequence[str]) -> list[str]:
    """The names of profiles: ``"*"`` is every profile. Each is of another portal.

    :raises ConfigError: one is not there, or two are of one portal, which only one task may read.
    """
    profiles = Profiles()
    names = profiles.names() if wanted == "*" else [wanted] if isinstance(wanted, str) else list(wanted)
    if not names:
        raise AuthorizationRequiredError(
            f"there is no profile in {profiles.shelf}", hint=f"sign in: {sign_in()}; or set B24DATA_TOKEN_STORE"
        )
    by_portal: dict[str, str] = {}
    for name in names:
        portal = profiles.load(name).portal
        if (other := by_portal.setdefault(portal, name)) != name or names.count(name) > 1:
            raise ConfigError(
                f"the profiles {other!r} and {name!r} are of the same portal, {portal}",
                hint="name one of them: a second task on a portal would not be faster",
            )
    return names


@contextlib.contextmanager
def extractor(name: str) -> Iterator[Client]:
    """A client of the profile, while no other program reads its portal for an engine.

    The profile and its tokens are those of the machine on which this runs, or of its ``B24DATA_TOKEN_STORE``.

    :raises ExportError: another program does (code ``ALREADY_RUNNING``).
    """
    profiles = Profiles()
    with profiles.shelf.lease(profiles.load(name).portal), connect_by(profiles, name) as client:
        yield client
