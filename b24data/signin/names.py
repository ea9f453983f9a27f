"""The name under which a sign-in is kept: a valid one, and never that of another portal's profile."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from b24data.auth.profiles import Profiles, check_name
from b24data.auth.shelf import PROFILE_NAME
from b24data.errors import ConfigError
from b24data.http.redirect import is_loopback

_LONGEST = 64  # characters, as PROFILE_NAME has it


def name_for(wanted: str, portals: Sequence[str], profiles: Profiles) -> str:
    """``wanted``, else a name after the portal that is free or already its own.

    ``portals`` are the addresses of the portal: the one it is kept with is the last, before it stand those that it
    has moved from. A profile that can't be read is of no use, and is replaced.

    :raises ConfigError: ``wanted`` is not a name of a profile, or is another portal's.

    >>> import tempfile
    >>> profiles = Profiles(tempfile.mkdtemp())
    >>> name_for("", ["acme.bitrix24.com"], profiles), name_for("sales", ["acme.bitrix24.com"], profiles)
    ('acme', 'sales')
    """
    taken = {name.casefold(): name for name in profiles.names()}  # some disks do not tell Acme from acme

    def other(name: str) -> str:
        known = taken.get(name.casefold())
        return _other_portal(known, portals, profiles) if known else ""

    if not wanted:
        return next(name for name in _names_after(portals[-1]) if not other(name))
    check_name(wanted)
    if owner := other(wanted):
        raise ConfigError(
            f"the profile {wanted!r} belongs to another portal, {owner}",
            code="NAME_TAKEN",
            hint=f"save {portals[-1]} under another name; or first delete that one: b24data profiles --delete {wanted}",
        )
    return wanted


def _other_portal(name: str, portals: Sequence[str], profiles: Profiles) -> str:
    """The portal of that profile if it is none of these; else empty. A sandbox of this machine is not protected."""
    try:
        portal = profiles.load(name).portal
    except ConfigError:
        return ""
    is_same = _plain(portal) in map(_plain, portals)
    return "" if is_same or is_loopback(portal.partition(":")[0]) else portal


def _plain(portal: str) -> str:
    return portal.lower().removesuffix(":443")


def _names_after(portal: str) -> Iterator[str]:
    """Names for a portal, the best first, without an end.

    >>> list(itertools.islice(_names_after("acme.bitrix24.com"), 3))
    ['acme', 'acme.bitrix24.com', 'acme-2']
    >>> [next(_names_after(one)) for one in ("127.0.0.1:8080", "[::1]:80", "con.bitrix24.com")]
    ['127.0.0.1-8080', '1-80', 'portal-con']
    """
    whole = re.sub(r"[^\w.]+", "-", _plain(portal)).strip("-.")
    short = whole.partition(".bitrix24.")[0]
    names = [one[:_LONGEST].rstrip("-.") for one in (short, whole, f"portal-{short}")]
    valid = [name for name in names[:2] if PROFILE_NAME.fullmatch(name)] or names[2:]
    yield from dict.fromkeys(valid)
    yield from (f"{valid[0][: _LONGEST - 5]}-{number}" for number in itertools.count(2))
