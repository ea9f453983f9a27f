"""Secrets in the text of a file: where they stand and what they open, never they themselves. Pure.

A file has names with a prefix, spaces around the sign, YAML. Not every ``key=`` of a program is a secret, so the value
has to look like one, and for a name that programs use for much else it has to be plain letters and digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from b24data.http.redirect import is_loopback
from b24data.text.redact import NAMES, SUBKEYS, layers

_KINDS = {
    "access token": ("access_token", "accesstoken", "auth_id", "auth"),
    "refresh token": ("refresh_token", "refreshtoken", "refresh_id"),
    "client secret": ("client_secret", "clientsecret"),
    "application token": ("application_token", "applicationtoken", "app_sid"),
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}
_ADDRESS = re.compile(
    r"(?:[/\\]{2,16}(?P<host>[^/\s\\\"']{1,256})[/\\]{1,16}|(?<!\w))rest[/\\]{1,16}(?:api[/\\]{1,16})?\d{1,20}"
    r"[/\\]{1,16}(?P<value>\w{8,})(?![\w-])",
    re.IGNORECASE,
)
# The key of the BI connector: Power BI and the like send it as an address's token=, or as "key" in a body.
_BI_KEY = re.compile(
    r"biconnector\b[^\s\"'<>]{0,256}?[?&](?:token|key)=(?P<value>[\w-]{16,})"
    r"|biconnector\b[^\n]{0,512}?[\"']key[\"']\s{0,9}:\s{0,9}[\"'](?P<quoted>[\w-]{16,})",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"(?<![\w.\]])(?:[a-z0-9]{{1,24}}_){{0,4}}?(?P<name>{NAMES}){SUBKEYS}[\"']?\]?\s{{0,99}}[:=]\s{{0,99}}[\"']?"
    r"(?P<value>[\w-]{16,})(?![\w.(\[-])",
    re.IGNORECASE,
)
_BEARER_TOKEN = re.compile(r"\bBearer\s{1,9}(?P<name>)(?P<value>[\w.~+/=-]{16,})", re.IGNORECASE)
_TOKEN = re.compile(r"(?<![0-9a-z])[0-9a-f]{70}(?![0-9a-z])", re.IGNORECASE)
_ALONE = "access or refresh token"
_PLACEHOLDER = re.compile(r"your|secret|token|code|example|password|xxxx", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SecretSpan:
    """Where a secret stands in a text and what it is; never the secret itself."""

    kind: str
    start: int
    end: int


def secrets_in(text: str) -> list[SecretSpan]:
    """What of a file's text opens a portal, in its order; placeholders and addresses of this machine do not count.

    >>> address = "https://acme.bitrix24.com/rest/1/" + "q7w2k9x4m1p8z3v6"
    >>> [one.kind for one in secrets_in(f"B24_WEBHOOK={address}/")]
    ['webhook address']
    >>> secrets_in("B24_WEBHOOK=https://your-portal.bitrix24.com/rest/1/your-code/ auth=os.environ['TOKEN']")
    []
    """
    found = [
        SecretSpan(one.kind, *place((one.start, one.end)))
        for layer, place in layers(text)
        for one in _secrets_of(layer)
    ]
    first: dict[int, SecretSpan] = {}
    for one in sorted(found, key=lambda one: one.kind == _ALONE):  # what is named says more than what stands alone
        first.setdefault(one.start, one)
    return [first[start] for start in sorted(first)]


def _secrets_of(text: str) -> list[SecretSpan]:
    found = [
        SecretSpan("webhook address", *match.span("value"))
        for match in _ADDRESS.finditer(text)
        if not _is_local(match["host"]) and _looks_random(match["value"], enough=6)
    ]
    for match in _BI_KEY.finditer(text):
        group = "value" if match["value"] else "quoted"
        if _looks_random(match[group], enough=8):
            found.append(SecretSpan("key of the BI connector", *match.span(group)))
    for match in (*_NAMED.finditer(text), *_BEARER_TOKEN.finditer(text)):
        kind = _KIND_OF.get(match["name"].lower(), "password, token or key")
        if _looks_random(match["value"], enough=8) and (kind in _KINDS or match["value"].isalnum()):
            found.append(SecretSpan(kind, *match.span("value")))
    return found + [SecretSpan(_ALONE, *match.span()) for match in _TOKEN.finditer(text)]


def _is_local(host: str | None) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host or ''}").hostname)
    except ValueError:
        return False


def _looks_random(value: str, *, enough: int) -> bool:
    """Whether it can be a secret, and is not a word in its place: digits and letters, ``enough`` different ones."""
    mixed = any(one.isdigit() for one in value) and any(one.isalpha() for one in value)
    return mixed and len(set(value)) >= enough and not _PLACEHOLDER.search(value)


def secret_kind(name: str, value: str) -> str | None:
    """What ``value`` under the key ``name`` opens, None if nothing.

    >>> secret_kind("client_secret", "w8Kq3Zt6Lm1Rv9Xc4Bn7"), secret_kind("title", "w8Kq3Zt6Lm1Rv9Xc4Bn7")
    ('client secret', None)
    """
    return next((one.kind for one in secrets_in(f"{name}={value}")), None)
