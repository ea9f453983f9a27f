"""One redaction for logs, errors and reprs: nothing that opens a portal leaves through them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from b24data.http.redirect import is_loopback

__all__ = ["MASK", "RedactingFilter", "Secret", "looks_secret", "redact", "secret_kind", "secrets_in"]

MASK = "***"

_NAMES = (
    "access_token|refresh_token|application_token|client_secret|auth_id|refresh_id|app_sid"
    "|accesstoken|refreshtoken|applicationtoken|clientsecret"
    "|authorization|auth|password|token|secret|sessid|key|signature"
)
_SECRET_KEYS = frozenset(_NAMES.split("|"))
_SUBKEY = r"(?:\[[^\]]{0,99}\]|%5B.{0,99}?%5D)*"

# /rest/1/<code>/method and /rest/api/1/<code>/method: the path of a webhook is its secret. PHP escapes slashes in JSON.
_ROOT = r"\\?/rest\\?/(?:api\\?/)?\d+\\?/"
_WEBHOOK = re.compile(rf"({_ROOT})[^/\s?#\"'\\]+", re.IGNORECASE)
# auth=..., also inside a batch command, a nested URL, in quotes, or with PHP subkeys: auth[access_token]=...
_PAIR = re.compile(rf"((?<![\w.\]])(?:{_NAMES}){_SUBKEY}=\\?[\"']?)[^&#;\s\"'\\<>]+", re.IGNORECASE)
# "access_token": "..." in the text of a JSON body, also escaped once more.
_JSON = re.compile(rf"(\\?[\"'](?:{_NAMES})\\?[\"']\s*:\s*\\?[\"'])[^\"'\\]+", re.IGNORECASE)
_BEARER = re.compile(r"\b(Bearer\s+)\S+", re.IGNORECASE)
# A token that stands alone. Those of a portal have seventy digits; what else is so long is a fingerprint, and no loss.
_TOKEN = re.compile(r"(?<![0-9a-z])[0-9a-f]{64,}(?![0-9a-z])", re.IGNORECASE)
_TOKEN_LENGTH = 70


def redact(value: Any) -> Any:
    """``value`` with every secret masked: text by pattern, mappings also by key, lists and tuples item by item.

    >>> redact("https://x.bitrix24.com/rest/1/s3cr3t/crm.deal.list")
    'https://x.bitrix24.com/rest/1/***/crm.deal.list'
    >>> redact({"cmd": {"c0": "profile?auth=s3cr3t&x=1"}, "auth": "s3cr3t"})
    {'cmd': {'c0': 'profile?auth=***&x=1'}, 'auth': '***'}
    """
    if isinstance(value, str):
        return _redact_text(value)
    if isinstance(value, bytes):
        return _redact_text(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return {key: MASK if str(key).lower() in _SECRET_KEYS else redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def looks_secret(name: str, value: Any) -> bool:
    """Whether a named value is likely a secret: by its name, its last word, or what it looks like.

    >>> looks_secret("api_token", 1), looks_secret("hook", "https://x.bitrix24.com/rest/1/s3cr3t/")
    (True, True)
    >>> looks_secret("sort_key", "ID"), looks_secret("month", "2026-10")
    (False, False)
    """
    last = name.lower().rpartition("_")[2]
    by_name = name.lower() in _SECRET_KEYS or (last in _SECRET_KEYS and last != "key")  # a sort key opens nothing
    return by_name or json.dumps(redact(value), default=str) != json.dumps(value, default=str)


def _redact_text(text: str) -> str:
    text = _WEBHOOK.sub(rf"\g<1>{MASK}", text)
    text = _PAIR.sub(rf"\g<1>{MASK}", text)
    text = _JSON.sub(rf"\g<1>{MASK}", text)
    text = _BEARER.sub(rf"\g<1>{MASK}", text)
    return _TOKEN.sub(MASK, text)


class RedactingFilter(logging.Filter):
    """Masks secrets in every record that passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's text; always lets it pass."""
        text = record.getMessage()
        masked = _redact_text(text)
        if masked != text:
            record.msg, record.args = masked, ()
        return True


# What a file has: names with a prefix, spaces around the sign, YAML. Not every ``key=`` of a program is a secret, so
# the value has to look like one, and for a name that programs use for much else it has to be plain letters and digits.

_KINDS = {
    "access token": ("access_token", "accesstoken", "auth_id", "auth"),
    "refresh token": ("refresh_token", "refreshtoken", "refresh_id"),
    "client secret": ("client_secret", "clientsecret"),
    "application token": ("application_token", "applicationtoken", "app_sid"),
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}
_NAMED = re.compile(
    rf"(?<![\w.\]])(?:\w+?_)??(?P<name>{_NAMES}){_SUBKEY}\\?[\"']?\]?\s*[:=]\s*\\?[\"']?(?P<value>[\w-]{{16,}})(?![\w.(\[-])",
    re.IGNORECASE,
)
_BEARER_TOKEN = re.compile(r"\bBearer\s+(?P<name>)(?P<value>[\w.~+/=-]{16,})", re.IGNORECASE)
_ADDRESS = re.compile(rf"(?:\\?/\\?/(?P<host>[^/\s\\\"']+))?{_ROOT}(?P<value>\w{{8,}})(?![\w-])", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"your|secret|token|code|example|password|xxxx", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret stands in a text and what it is; never the secret itself."""

    kind: str
    start: int
    end: int


def secrets_in(text: str) -> list[Secret]:
    """What of a file's text opens a portal, in its order; placeholders and addresses of this machine do not count.

    >>> address = "https://acme.bitrix24.com/rest/1/" + "q7w2k9x4m1p8z3v6"
    >>> [one.kind for one in secrets_in(f"B24_WEBHOOK={address}/")]
    ['webhook address']
    >>> secrets_in("B24_WEBHOOK=https://your-portal.bitrix24.com/rest/1/your-code/ auth=os.environ['TOKEN']")
    []
    """
    found = [
        Secret("webhook address", *match.span("value"))
        for match in _ADDRESS.finditer(text)
        if not is_loopback(urlsplit(f"//{match['host'] or ''}").hostname) and _looks_random(match["value"], enough=6)
    ]
    for match in (*_NAMED.finditer(text), *_BEARER_TOKEN.finditer(text)):
        kind = _KIND_OF.get(match["name"].lower(), "password, token or key")
        if _looks_random(match["value"], enough=8) and (kind in _KINDS or match["value"].isalnum()):
            found.append(Secret(kind, *match.span("value")))
    alone = (match for match in _TOKEN.finditer(text) if len(match[0]) == _TOKEN_LENGTH)
    found += [Secret("access or refresh token", *match.span()) for match in alone]
    first = {one.start: one for one in reversed(found)}  # what is named says more than what stands alone
    return [first[start] for start in sorted(first)]


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
