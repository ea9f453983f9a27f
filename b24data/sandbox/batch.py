"""The ``batch`` method: string commands one after another, references between them, errors kept apart.

Source: b24restdocs, settings/how-to-call-rest-api/batch.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from b24data.sandbox.answers import Answer, encode
from b24data.sandbox.columns import Writer
from b24data.sandbox.errors import PortalError
from b24data.sandbox.notation import find, items_of, parse_query

LIMIT = 50
_REFERENCE = re.compile(r"\$result((?:\[[^\]]*\])+)")
_STEP = re.compile(r"\[([^\]]*)\]")
_WRITER = Writer(numbers=True)

# What a command runs through: its position, method and parameters; gives the answer and its `time` object.
Run = Callable[[int, str, Mapping[str, Any]], tuple[Answer, bytes]]


def run_batch(params: Mapping[str, Any], run: Run, *, unresolved: str) -> Answer:
    """The answer of a batch. ``unresolved`` is what a reference to nothing becomes: "empty" text, or "literal"."""
    commands = _commands(find(params, "cmd"))
    halt = str(find(params, "halt") or "").lower() in ("1", "true", "y")
    answers: dict[str, Answer] = {}
    errors: dict[str, PortalError] = {}
    times: dict[str, bytes] = {}
    for at, (key, command) in enumerate(commands.items()):
        try:
            method, given = _read(at, command, answers, unresolved)
            answers[key], times[key] = run(at, method, given)
        except PortalError as error:
            errors[key] = error
            if halt:
                break
    maps: dict[str, Mapping[str, list[bytes | memoryview]]] = {
        "result": {key: answer.pieces for key, answer in answers.items()},
        "result_error": {key: [encode(error.body(), _WRITER)] for key, error in errors.items()},
        "result_total": {key: [str(a.total).encode()] for key, a in answers.items() if a.total is not None},
        "result_next": {key: [str(a.next).encode()] for key, a in answers.items() if a.next is not None},
        "result_time": {key: [text] for key, text in times.items()},
    }
    pieces: list[bytes | memoryview] = []
    for name, entries in maps.items():
        pieces.append(f'{"," if pieces else "{"}"{name}":'.encode())
        pieces += _php_map(entries)
    return Answer([*pieces, b"}"])


def _commands(given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping):
        return {str(key): command for key, command in given.items()}
    return {str(at): command for at, command in enumerate(items_of(given))}


def _read(at: int, command: Any, answers: Mapping[str, Answer], unresolved: str) -> tuple[str, dict[str, Any]]:
    if at >= LIMIT:
        raise PortalError(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
    if not isinstance(command, str):
        raise PortalError(400, "ERROR_METHOD_NOT_FOUND", "Method not found!")
    method, _, query = command.partition("?")
    method = method.strip().strip("/").removesuffix(".json")
    if method.lower() == "batch":
        raise PortalError(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
    params = parse_query(query)
    if "result" in query:
        params = {key: _resolved(value, answers, unresolved) for key, value in params.items()}
    return method, params


def _resolved(value: Any, answers: Mapping[str, Answer], unresolved: str) -> Any:
    if isinstance(value, dict):
        return {key: _resolved(inner, answers, unresolved) for key, inner in value.items()}
    if "$result" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        found = _look_up(whole[1], answers)
        if isinstance(found, list | dict):
            return found
    return _REFERENCE.sub(lambda match: _as_text(_look_up(match[1], answers), match[0], unresolved), value)


def _look_up(path: str, answers: Mapping[str, Answer]) -> Any:
    command, *steps = _STEP.findall(path)
    return answers[command].lookup(steps) if command in answers else None


def _as_text(value: Any, reference: str, unresolved: str) -> str:
    if value is None:
        return reference if unresolved == "literal" else ""
    if isinstance(value, bool):
        return "1" if value else ""
    return "" if isinstance(value, list | dict) else str(value)


def _php_map(entries: Mapping[str, list[bytes | memoryview]]) -> list[bytes | memoryview]:
    """A PHP array as json_encode writes it: with keys 0, 1, 2, ... a list, empty ``[]``, else an object."""
    as_list = list(entries) == [str(at) for at in range(len(entries))]
    pieces: list[bytes | memoryview] = [b"[" if as_list else b"{"]
    for at, (key, value) in enumerate(entries.items()):
        name = b"" if as_list else encode(key, _WRITER) + b":"
        pieces.append((b"," if at else b"") + name)
        pieces += value
    return [*pieces, b"]" if as_list else b"}"]
