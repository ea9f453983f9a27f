"""The ``batch`` of REST 3.0: a list of calls, all or nothing, with references to what came before.

Sources: b24restdocs, api-reference/rest-v3.md; what it leaves open (``as``, ``$ref``, the object form under OAuth) is
as the official JS SDK sends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from b24data.sandbox.answers import Answer
from b24data.sandbox.v3.request import V3Error, invalid

LIMIT = 50


def run_batch3(body: Any, run: Callable[[str, Mapping[str, Any]], Answer]) -> Answer:
    """The results in the order of the calls. The first error is the answer to the whole batch."""
    context: dict[str, Any] = {}
    pieces: list[bytes | memoryview] = []
    for at, call in enumerate(_calls(body)):
        if not isinstance(call, Mapping) or not isinstance(call.get("method"), str):
            raise invalid(f"{at}.method", "Required field `method` is not specified")
        if call["method"].lower() == "batch":
            raise V3Error("METHODNOTFOUNDEXCEPTION", "Method `batch` not found", status=404)
        query = _resolved(call.get("query") or {}, context)
        answer = run(call["method"], query if isinstance(query, dict) else {})
        pieces += [b"," if at else b"[", *answer.pieces]
        result = msgspec.json.decode(b"".join(answer.pieces))
        if isinstance(result, dict) and ("item" in result or "items" in result):
            context[str(call.get("as") or at)] = result
    return Answer([*pieces, b"]"])


def _calls(body: Any) -> list[Any]:
    if isinstance(body, Mapping) and body and all(key.isdigit() for key in body):
        body = [body[key] for key in sorted(body, key=int)]
    if not isinstance(body, list):
        raise V3Error("INVALIDSELECTEXCEPTION", "Cannot recognize select expression")
    if not 0 < len(body) <= LIMIT:
        raise invalid("batch", f"There must be 1 to {LIMIT} calls in a batch, not {len(body)}")
    return body


def _resolved(value: Any, context: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolved(inner, context) for inner in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"$ref"}:
        return _look_up(str(value["$ref"]), context)
    if set(value) == {"$refArray"}:
        alias, _, name = str(value["$refArray"]).partition(".")
        rows = context.get(alias, {}).get("items")
        if not isinstance(rows, list) or not all(name in row for row in rows):
            raise _unresolved(value["$refArray"])
        return [row[name] for row in rows]
    return {key: _resolved(inner, context) for key, inner in value.items()}


def _look_up(path: str, context: Mapping[str, Any]) -> Any:
    found: Any = context
    for step in path.split("."):
        if isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, Mapping) and step in found:
            found = found[step]
        else:
            raise _unresolved(path)
    return found


def _unresolved(path: str) -> V3Error:
    return V3Error("INVALIDSELECTEXCEPTION", f"Cannot recognize select expression `{path}`")
