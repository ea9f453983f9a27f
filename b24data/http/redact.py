"""One redaction for logs, errors and reprs: nothing that opens a portal leaves through them."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["MASK", "RedactingFilter", "looks_secret", "redact"]

MASK = "***"

_NAMES = (
    "access_token|refresh_token|application_token|client_secret|auth_id|refresh_id|app_sid"
    "|accesstoken|refreshtoken|applicationtoken|clientsecret"
    "|authorization|auth|password|token|secret|sessid|key|signature"
)
_SECRET_KEYS = frozenset(_NAMES.split("|"))
_SUBKEY = r"(?:\[[^\]]*\]|%5B.*?%5D)*"

# /rest/1/<code>/method and /rest/api/1/<code>/method: the path of a webhook is its secret.
_WEBHOOK = re.compile(r"(/rest/(?:api/)?\d+/)[^/\s?#\"'\\]+", re.IGNORECASE)
# auth=..., also inside a batch command, a nested URL, or with PHP subkeys: auth[access_token]=...
_PAIR = re.compile(rf"((?<![\w.\]])(?:{_NAMES}){_SUBKEY}=)[^&#;\s\"'\\<>]+", re.IGNORECASE)
# "access_token": "..." in the text of a JSON body, also escaped once more.
_JSON = re.compile(rf"(\\?[\"'](?:{_NAMES})\\?[\"']\s*:\s*\\?[\"'])[^\"'\\]+", re.IGNORECASE)
_TOKEN = re.compile(r"(?<![0-9a-z])[0-9a-f]{64,}(?![0-9a-z])", re.IGNORECASE)  # tokens of a portal have 70
_BEARER = re.compile(r"\b(Bearer\s+)\S+", re.IGNORECASE)


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
    return by_name or redact(value) != value or any(_TOKEN.search(text) for text in _texts_in(value))


def _texts_in(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts_in(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts_in(item)]
    return [value] if isinstance(value, str) else []


def _redact_text(text: str) -> str:
    text = _WEBHOOK.sub(rf"\g<1>{MASK}", text)
    text = _PAIR.sub(rf"\g<1>{MASK}", text)
    text = _JSON.sub(rf"\g<1>{MASK}", text)
    return _BEARER.sub(rf"\g<1>{MASK}", text)


class RedactingFilter(logging.Filter):
    """Masks secrets in every record that passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's text; always lets it pass."""
        text = record.getMessage()
        masked = _redact_text(text)
        if masked != text:
            record.msg, record.args = masked, ()
        return True
