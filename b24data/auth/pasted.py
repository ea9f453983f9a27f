"""What a user gives to sign in, read: a portal's address, a code or the address that has it, an install event. Pure."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from b24data.auth.credentials import check_endpoint
from b24data.errors import ConfigError
from b24data.http.redirect import is_loopback
from b24data.params import B24OAuthParams

__all__ = ["Code", "code_in", "event_of", "origin_of", "read_code"]


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, and the authorization server that the address named (empty: it named none)."""

    text: str = field(repr=False)
    server: str = ""


def origin_of(portal: str) -> str:
    """The portal's origin in whatever was pasted as its address.

    >>> origin_of("acme.bitrix24.com/company/personal/?from=mail"), origin_of(" https://b24.acme.example:8443/x ")
    ('https://acme.bitrix24.com', 'https://b24.acme.example:8443')
    """
    text = portal.strip()
    host = urlsplit(text if "://" in text else f"//{text}").hostname
    scheme = "http" if is_loopback(host) else "https"
    parts = urlsplit(text if "://" in text else f"{scheme}://{text}")
    if not parts.hostname or " " in text or ("." not in parts.hostname and not is_loopback(parts.hostname)):
        raise ConfigError("this is not the address of a portal", hint="it reads like your-portal.bitrix24.com")
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    check_endpoint(origin)
    return origin


def read_code(text: str, state: str) -> Code:
    """The code in what was pasted: the code alone, or the whole address with its ``state``.

    >>> read_code("http://127.0.0.1:8724/?code=abc&state=s&server_domain=oauth.bitrix.info", "s")
    Code(server='oauth.bitrix.info')
    """
    text = text.strip().strip("\"'")
    asked = dict(parse_qsl(urlsplit(text).query or text.partition("?")[2]))
    if not asked and "=" in text:
        asked = dict(parse_qsl(text))
    if asked:
        return code_in(asked, state)
    if not re.fullmatch(r"[\w.-]{8,128}", text):
        raise ConfigError(
            "there is no code in this",
            code="NO_CODE",
            hint="paste the code that the portal shows, or the whole address of the page that it leads to",
        )
    return Code(text)


def code_in(asked: Mapping[str, str], state: str) -> Code:
    """The code in the parameters of an address whose ``state`` is ours."""
    if not asked.get("code"):
        raise ConfigError(
            "this address has no code in it", code="NO_CODE", hint="copy it from the page after the one where you agree"
        )
    if not secrets.compare_digest(asked.get("state", "").encode(), state.encode()):
        raise ConfigError(
            "this answer does not belong to the link that was opened here (its state differs)",
            code="WRONG_STATE",
            hint="open the new link; use an old page or somebody else's link for nothing",
        )
    return Code(asked["code"], asked.get("server_domain", ""))


def event_of(text: str) -> B24OAuthParams:
    """The pair in an install event, whose fields may lie under ``auth``; JSON, or ``auth[access_token]=...``.

    >>> event_of('{"auth": {"access_token": "a", "domain": "acme.bitrix24.com", "member_id": "m"}}').domain
    'acme.bitrix24.com'
    """
    try:
        data = json.loads(text)
    except ValueError:
        data = {re.sub(r"^auth\[(\w+)\]$", r"\1", key): value for key, value in parse_qsl(text.strip())}
    if isinstance(data, dict) and isinstance(data.get("auth"), dict):
        data = data["auth"]
    if not isinstance(data, dict) or not data:
        raise ConfigError("this is no install event", hint="paste the JSON that your portal sent, with its braces")
    return B24OAuthParams.of(data)
