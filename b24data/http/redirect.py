"""Where a portal may move to. Pure.

Source: b24restdocs, settings/how-to-call-rest-api/change-domen.md: the old address answers 302, and the POST has
to be repeated at the new one.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from b24data.errors import TransportError
from b24data.secret import Secret
from b24data.text.printable import one_line

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


@dataclass(frozen=True, slots=True)
class Origin:
    """What may be shown of an address: scheme, host, port, and the login page that it leads to. Else empty."""

    scheme: str = ""
    host: str = ""
    netloc: str = ""
    login: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"


def origin_of(address: Secret[str], below: Secret[str] | None = None) -> Origin:
    """The origin of ``address``, which may be relative to ``below``; a password in it is dropped.

    >>> str(origin_of(Secret("https://anna:secret@old.bitrix24.com/rest/1/code/")))
    'https://old.bitrix24.com'
    """
    try:
        parts = urlsplit(urljoin(below.reveal() if below else "", address.reveal()))
        if parts.port == 0 or "%" in parts.netloc:  # .port raises for anything that is not a number, or is too large
            return Origin()
        found = _LOGIN.match(parts.path)
        login = found[0] if found else parts.path if "backurl=" in parts.query else ""
        return Origin(parts.scheme, parts.hostname or "", parts.netloc.rpartition("@")[2], login)
    except ValueError:
        return Origin()


def moved_endpoint(method: str, endpoint: Secret[str], location: Secret[str]) -> Secret[str]:
    """``endpoint`` at the host and port of ``location``, the path as it was.

    Raises :class:`TransportError` if the new address is not one that this portal may move to: what is sent there
    opens the portal.

    >>> old, location = Secret("https://old.bitrix24.com/rest/"), Secret("https://new.bitrix24.de/rest/profile")
    >>> moved_endpoint("profile", old, location).reveal()
    'https://new.bitrix24.de/rest/'
    """
    old, new = origin_of(endpoint), origin_of(location, below=endpoint)
    if not new.host:
        raise TransportError(
            method,
            "the portal redirects to an invalid address",
            code="FOREIGN_REDIRECT",
            hint="check the portal's address, and whether a proxy changes its answers",
        )
    if new.login:
        raise TransportError(
            method,
            f"the portal redirects to its login page ({new}{new.login}) and not to its REST API",
            code="LOGIN_PAGE",
            hint="check the portal's address; the portal may be closed, or its REST API limited to some networks",
        )
    if not _may_move(old, new):
        raise TransportError(
            method,
            f"the portal redirects to {one_line(str(new), 200)}, which is not followed",
            code="FOREIGN_REDIRECT",
            hint="if the portal has moved there, give that address as client_endpoint (or create a new webhook)",
        )
    return Secret(f"{new}{urlsplit(endpoint.reveal()).path}")


def _may_move(old: Origin, new: Origin) -> bool:
    if new.scheme != "https" and not (new.scheme == old.scheme == "http"):
        return False
    if is_loopback(old.host) or is_loopback(new.host):
        return is_loopback(old.host) and is_loopback(new.host)
    return old.host == new.host or (old.host.endswith(_SUFFIXES) and new.host.endswith(_SUFFIXES))


def bitrix24_zone(host: str) -> str:
    """``bitrix24.de`` of ``acme.bitrix24.de``; empty for a host of anybody else's.

    >>> bitrix24_zone("acme.bitrix24.de"), bitrix24_zone("evilbitrix24.de")
    ('bitrix24.de', '')
    """
    return next((suffix[1:] for suffix in _SUFFIXES if host.endswith(suffix)), "")


def is_loopback(host: str | None) -> bool:
    """Whether ``host`` is this machine. ``127.0.0.1.example.com`` is not."""
    if host in ("localhost", "localhost."):
        return True
    try:
        address = ipaddress.ip_address(host or "")
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback  # ::ffff:127.0.0.1
    except ValueError:
        return False
