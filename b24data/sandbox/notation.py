"""Parameters as PHP reads them: ``filter[>ID]=5&select[]=ID`` becomes nested maps.

Maps keep PHP's string keys; :func:`items_of` reads a list from any of the forms in which one may arrive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from email import message_from_bytes
from email.message import Message
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

_PATH = re.compile(r"\[([^\]]*)\]")


def parse_query(text: str) -> dict[str, Any]:
    """The nested parameters of a query string or a form body.

    >>> parse_query("filter[%3EID]=5&select[]=ID&select[]=TITLE&start=-1")
    {'filter': {'>ID': '5'}, 'select': {'0': 'ID', '1': 'TITLE'}, 'start': '-1'}
    """
    result: dict[str, Any] = {}
    for pair in text.split("&"):
        if pair:
            key, _, value = pair.partition("=")
            _put(result, _path_of(key), unquote_plus(value) if "%" in value or "+" in value else value)
    return result


def parse_multipart(body: bytes, kind: str) -> dict[str, Any]:
    """The nested parameters of a ``multipart/form-data`` body, which all methods accept (general-principles.md).

    >>> part = b'--x\\r\\nContent-Disposition: form-data; name="filter[>ID]"\\r\\n\\r\\n5\\r\\n--x--'
    >>> parse_multipart(part, "multipart/form-data; boundary=x")
    {'filter': {'>ID': '5'}}
    """
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    result: dict[str, Any] = {}
    for part in message.get_payload() if message.is_multipart() else []:
        name = part.get_param("name", header="content-disposition") if isinstance(part, Message) else None
        content = part.get_payload(decode=True) if isinstance(part, Message) else None
        if isinstance(name, str) and isinstance(content, bytes):
            _put(result, _steps(name), content.decode("utf-8", "replace"))
    return result


def _put(target: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    for step in path[:-1]:
        key = step or _next_index(target)
        inner = target.get(key)
        if not isinstance(inner, dict):
            inner = target[key] = {}
        target = inner
    target[path[-1] or _next_index(target)] = value


@lru_cache(maxsize=4096)
def _path_of(key: str) -> tuple[str, ...]:
    return _steps(unquote_plus(key))


def _steps(key: str) -> tuple[str, ...]:
    """The steps of a key; an empty step (``[]``) asks for the next index, as in PHP."""
    head, bracket, _ = key.partition("[")
    if not head or not bracket or "]" not in key:
        return (key,)
    steps = _PATH.findall(key[len(head) :])
    return (head, *steps)


def _next_index(target: Mapping[str, Any]) -> str:
    taken = [int(key) for key in target if key.isdigit()]
    return str(max(taken) + 1 if taken else 0)


def items_of(value: Any) -> list[Any]:
    """The elements of a list that may be a JSON array, a PHP map with indices, or a single value.

    >>> items_of({"0": "ID", "1": "TITLE"}), items_of("ID"), items_of(None)
    (['ID', 'TITLE'], ['ID'], [])
    """
    if value is None or value == "":
        return []
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [value]
    return list(value)


def find(params: Mapping[str, Any], name: str) -> Any:
    """A parameter in either case of its name; where both travel, the later one wins."""
    found = None
    for key, value in params.items():
        if key == name or key.lower() == name:
            found = value
    return found
