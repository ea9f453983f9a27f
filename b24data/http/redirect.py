"""Where a portal may move to. Pure.

Source: b24restdocs, settings/how-to-call-rest-api/change-domen.md: the old address answers 302, and the POST has
to be repeated at the new one.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urljoin, urlsplit, urlunsplit

from b24data.errors import TransportError

__all__ = ["bitrix24_zone", "is_loopback", "moved_endpoint"]

# Where a portal sends a browser to sign in: its own page, the network's, the administration's.
_LOGIN = re.compile(r"(?!/rest/).*?/(auth|login|oauth/authorize|bitrix/admin)(/|\.php|$)", re.IGNORECASE)
_SUFFIXES = tuple(
    f".bitrix24.{zone}"
    for zone in (
        *(
            "com",
            "ru",
            "eu",
            "de",
            "es",
            "it",
            "fr",
            "pl",
            "in",
            "cn",
            "vn",
            "id",
            "jp",
            "mx",
            "co",
            "uk",
            "net",
            "tech",
        ),
        *("by", "kz", "ua", "com.br", "com.tr"),
    )
)


def moved_endpoint(method: str, endpoint: str, location: str) -> str:
    """``endpoint`` at the host and port of ``location``, the path as it was.

    Raises :class:`TransportError` if the new address is not one that this portal may move to: what is sent there
    opens the portal.

    >>> moved_endpoint("profile", "https://old.bitrix24.com/rest/", "https://new.bitrix24.de/rest/profile")
    'https://new.bitrix24.de/rest/'
    """
    old, new = urlsplit(endpoint), urlsplit(urljoin(endpoint, location))
    if (login := _LOGIN.match(new.path)) or "backurl=" in new.query:
        page = login[0] if login else new.path
        raise TransportError(
            method,
            f"the portal sends us to its login page ({new.scheme}://{new.hostname}{page}) and not to its REST API",
            code="LOGIN_PAGE",
            hint="check the portal's address; the portal may be closed, or its REST API limited to some networks",
        )
    if not _may_move(old.scheme, old.hostname or "", new.scheme, new.hostname or ""):
        raise TransportError(
            method,
            f"the portal sends us to {new.scheme}://{new.netloc}, which is not followed",
            code="FOREIGN_REDIRECT",
            hint="if the portal has moved there, give that address as client_endpoint (or take a new webhook)",
        )
    return urlunsplit((new.scheme, new.netloc, old.path, "", ""))


def _may_move(old_scheme: str, old: str, new_scheme: str, new: str) -> bool:
    if new_scheme != "https" and not (new_scheme == old_scheme == "http"):
        return False
    if is_loopback(old) or is_loopback(new):
        return is_loopback(old) and is_loopback(new)
    return old == new or (old.endswith(_SUFFIXES) and new.endswith(_SUFFIXES))


def bitrix24_zone(host: str) -> str:
    """``bitrix24.de`` of ``acme.bitrix24.de``; empty for a host of anybody else's.

    >>> bitrix24_zone("acme.bitrix24.de"), bitrix24_zone("evilbitrix24.de")
    ('bitrix24.de', '')
    """
    return next((suffix[1:] for suffix in _SUFFIXES if host.endswith(suffix)), "")


def is_loopback(host: str | None) -> bool:
    """Whether ``host`` is this machine. ``127.0.0.1.example.com`` is not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
