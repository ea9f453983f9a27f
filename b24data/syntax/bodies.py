"""JSON and YAML as they are typed: in the body of a cell, in an option, as the parameter of a notebook. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from b24data.errors import ConfigError

__all__ = ["json_of", "plain_of", "read_body", "scalar_of"]

# YAML 1.2, section 10.3.2, and Python's None.
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "None", "~"), None),
}
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")  # a portal reads a longer one as a float, and an account number has 20
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]+(?:[eE][-+]?[0-9]{1,2})?")


def plain_of(text: str) -> Any:
    """What a text without quotation marks means: a number, a word, or that text.

    >>> [plain_of(text) for text in ("5", "-0.5", "true", "None")]
    [5, -0.5, True, None]
    >>> kept = ["0123", "12:30", "1_000", "0x1F", "+79161234567", "1e3", ".5", ".inf", "on", "N", "2026-10-01"]
    >>> [plain_of(text) for text in kept] == kept
    True
    """
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def scalar_of(text: str) -> Any:
    """A value as YAML means it, and Python; dates, times and numbers that begin with a zero stay text.

    >>> [scalar_of(text) for text in ("5", "0.5", "true", "None", "2026-10-01", "007", "12:30", "[NEW, WON]")]
    [5, 0.5, True, None, '2026-10-01', '007', '12:30', ['NEW', 'WON']]
    """
    return _yaml_of(text, text) if text[:1] in ("[", "{", "'", '"') else plain_of(text)


def json_of(text: str) -> Any:
    """A JSON text as a value; :class:`ConfigError` for what is not JSON, and for a key that stands twice.

    >>> json_of('{"ID": 5, "ID": 6}')
    Traceback (most recent call last):
    b24data.errors.ConfigError: ID stands twice in a JSON object. Hint: keep one of them.
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_int=plain_of, parse_constant=_not_json)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ConfigError(f"not JSON: {text}", hint=str(error)) from error


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ConfigError(f"{key} stands twice in a JSON object", hint="keep one of them")
        found[key] = value
    return found


def _not_json(word: str) -> Any:
    raise ConfigError(f"{word} is not JSON", hint="null is an empty value")


def read_body(text: str) -> Any:
    """The body of a cell, which is YAML or JSON; every plain value as :func:`plain_of` reads it.

    >>> read_body("filter:\\n  >=DATE_CREATE: 2026-01-01\\n  ORIGIN_ID: 0123")
    {'filter': {'>=DATE_CREATE': '2026-01-01', 'ORIGIN_ID': '0123'}}
    """
    if text.lstrip()[:1] == "{":
        try:
            return json.loads(text, object_pairs_hook=_once, parse_int=plain_of, parse_constant=_not_json)
        except (json.JSONDecodeError, RecursionError):
            pass  # braces are YAML too
    return _yaml_of(text, "the body of the cell")


def _yaml_of(text: str, what: str) -> Any:
    import yaml

    from b24data.syntax.body_yaml import Loader

    try:
        return yaml.load(text, Loader=Loader)  # noqa: S506  a SafeLoader
    except RecursionError as error:
        raise ConfigError(f"{what} is nested too deep") from error
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", "") or getattr(error, "reason", "") or ""
        raise ConfigError(f"{what} is neither YAML nor JSON{where}", hint=str(problem)) from error
