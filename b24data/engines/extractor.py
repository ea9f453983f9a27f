"""The one program that reads a portal for an engine. Only the name of its profile travels."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from b24data.auth.profiles import Profiles
from b24data.client.connect import Client, connect_by
from b24data.portals.connect import check_portals, chosen_profiles


def profiles_named(wanted: str | Sequence[str]) -> list[str]:
    """The names of profiles: ``"*"`` is every profile. Each is of another portal, which only one task may read.

    :raises ConfigError: one is not there, or two are of one portal.
    """
    kept = Profiles()
    names = chosen_profiles(wanted, kept)
    check_portals({name: kept.load(name).portal for name in names})
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
