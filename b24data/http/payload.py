"""JSON as a portal sends it: opened one level, the rest left as it came until someone needs its values. Pure.

A list of rows is so found in the one pass that reads the answer around it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from b24data.errors import BadReplyError

Payload: TypeAlias = list[msgspec.Raw] | dict[str, msgspec.Raw] | str | int | float | bool | None

_OPEN: msgspec.json.Decoder[Payload] = msgspec.json.Decoder(Payload)


def opened(text: bytes | msgspec.Raw) -> Payload:
    r"""The value with its elements still as JSON. Raises :class:`ValueError` for what is not JSON.

    Broken UTF-8 in its own keys and texts becomes U+FFFD, as :func:`decoded` has it.

    >>> [bytes(row) for row in opened(b'[{"ID": 1}, {"ID": 2}]')]
    [b'{"ID": 1}', b'{"ID": 2}']
    >>> list(opened(b'{"a\xd0": {"ID": 1}}')) == ["a\ufffd"]
    True
    """
    try:
        return _OPEN.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):  # from msgspec 0.23 on, the first says so of UTF-8 as well
        if _is_utf8(text):
            raise
        return _OPEN.decode(json.dumps(decoded(text)).encode())


def _is_utf8(text: bytes | msgspec.Raw) -> bool:
    try:
        bytes(text).decode()
    except UnicodeDecodeError:
        return False
    return True


def plain(payload: Payload) -> Any:
    """The payload as Python objects.

    >>> plain(opened(b'{"items": [{"id": 1}]}'))
    {'items': [{'id': 1}]}
    """
    if isinstance(payload, list):
        return decoded_list(payload)
    if isinstance(payload, dict):
        return {name: decoded(value) for name, value in payload.items()}
    return payload


def decoded_list(elements: Sequence[bytes | msgspec.Raw]) -> list[Any]:
    """The elements as Python objects, each as :func:`decoded` has it."""
    try:
        return msgspec.json.decode(b"[" + b",".join(elements) + b"]", type=list[Any])
    except (ValueError, RecursionError):
        return [decoded(element) for element in elements]


def decoded(text: bytes | msgspec.Raw) -> Any:
    r"""Any JSON as Python objects.

    PHP writes lone surrogates, broken UTF-8 and NaN, which only the standard library's reader bears: invalid
    characters become U+FFFD. An integer of more digits than Python reads is text. Raises :class:`ValueError` for
    anything that is not JSON, and :class:`BadReplyError` for what is nested deeper than can be read.

    >>> decoded(rb'["\ud83d!"]')[0].isprintable(), len(decoded(b"9" * 9000))
    (True, 9000)
    """
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        raise too_deep() from None
    except ValueError:  # also for an integer of more than 4,300 digits
        try:
            return mended(json.loads(bytes(text).decode("utf-8", "replace"), parse_int=_integer))
        except RecursionError:
            raise too_deep() from None


def too_deep(name: str = "the answer") -> BadReplyError:
    """The error for what is nested deeper than can be read; PHP nests 512 levels."""
    return BadReplyError(name, "it is nested too deeply", code="TOO_DEEP")


def _integer(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # more digits than sys.get_int_max_str_digits()
        return digits


def mended(value: Any) -> Any:
    """The same value with U+FFFD for invalid characters. Of a level one call: PHP nests 512 deep, Python 1,000."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return dict(zip(map(mended, value), map(mended, value.values()), strict=True))
    if isinstance(value, list):
        return list(map(mended, value))
    return value
