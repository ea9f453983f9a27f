"""What a user gives to sign in, read: a portal's address, a code or the address that has it, an install event. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from b24data.errors import ConfigError
from b24data.http.credentials import check_endpoint
from b24data.http.redirect import is_loopback, origin_of
from b24data.secret import Secret, hide
from b24data.tokens import B24OAuthParams


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, and the authorization server that the address named (empty: it named none)."""

    text: Secret[str]
    server: str = ""


def portal_in(text: str | Secret[str]) -> str:
    """The portal's origin in whatever was pasted as its address.

    >>> portal_in("acme.bitrix24.com/company/personal/?from=mail"), portal_in(" https://b24.acme.example:8443/x ")
    ('https://acme.bitrix24.com', 'https://b24.acme.example:8443')
    """
    text = Secret(Secret(text).reveal().strip())
    origin = origin_of(text if "://" in text.reveal() else Secret(f"//{text.reveal()}"))
    if not origin.scheme:
        origin = replace(origin, scheme="http" if is_loopback(origin.host) else "https")
    if (
        " " in text.reveal()
        or not re.fullmatch(r"[\w.:\[\]-]+", origin.netloc)
        or not ("." in origin.host or is_loopback(origin.host))
    ):
        raise ConfigError("this is not the address of a portal", hint="such as your-portal.bitrix24.com")
    check_endpoint(str(origin))
    return str(origin)


def read_code(text: str | Secret[str], state: Secret[str]) -> Code:
    """The code in what was pasted: the code alone, or the whole address with its ``state``.

    >>> read_code("http://127.0.0.1:8724/?code=abc&state=s&server_domain=oauth.bitrix.info", Secret("s"))
    Code(text=Secret('***'), server='oauth.bitrix.info')
    """
    text = Secret(Secret(text).reveal().strip().strip("\"'"))
    if asked := _asked_in(text):
        return code_in(asked, state)
    if not re.fullmatch(r"[\w.-]{8,128}", text.reveal()):
        raise ConfigError(
            "this contains no code",
            code="NO_CODE",
            hint="paste the code that the portal shows, or the whole address of the page that opens",
        )
    return Code(text)


def _asked_in(text: Secret[str]) -> dict[str, Secret[str]]:
    """The parameters of an address, or of its query alone."""
    try:
        query = urlsplit(text.reveal()).query or text.reveal().partition("?")[2]
    except ValueError:
        query = text.reveal().partition("?")[2]
    return parameters_of(query) or (parameters_of(text.reveal()) if "=" in text.reveal() else {})


def parameters_of(query: str) -> dict[str, Secret[str]]:
    """The parameters of a query by name."""
    return {name: Secret(value) for name, value in parse_qsl(query)}


def code_in(asked: Mapping[str, Secret[str]], state: Secret[str] | None) -> Code:
    """The code in the parameters of an address whose ``state`` is ours."""
    if not asked.get("code"):
        raise ConfigError(
            "this address contains no code", code="NO_CODE", hint="copy it from the page after the one where you agree"
        )
    if not state or asked.get("state") != state:
        raise ConfigError(
            "this answer does not belong to the link shown here (its state differs)",
            code="WRONG_STATE",
            hint="this address is from an earlier sign-in or another user; open the link shown here",
        )
    return Code(asked["code"], asked["server_domain"].reveal() if "server_domain" in asked else "")


def event_of(text: str | Secret[str]) -> B24OAuthParams:
    """The pair in an install event, whose fields may lie under ``auth``; JSON, or ``auth[access_token]=...``.

    >>> event_of('{"auth": {"access_token": "a", "domain": "acme.bitrix24.com", "member_id": "m"}}').domain
    'acme.bitrix24.com'
    """
    text = Secret(text)
    data = _fields_of(text)
    if isinstance(data, dict) and isinstance(data.get("auth"), dict):
        data = data["auth"]
    if not isinstance(data, dict) or not data:
        raise ConfigError(
            "this is not an install event", hint="paste the JSON that your portal sent, including the braces"
        )
    return B24OAuthParams.of(data)


def _fields_of(text: Secret[str]) -> Any:
    try:
        return hide(json.loads(text.reveal()))
    except (ValueError, RecursionError):
        pairs = parse_qsl(text.reveal().strip())
        return hide({re.sub(r"^auth\[(\w+)\]$", r"\1", key): value for key, value in pairs})
