"""What a hint tells the reader to type, spelled for the face that shows it. Pure.

A hint names an option or a command once, with :func:`option`, :func:`sign_in` or one of the constants. Each of them is
a marked text that has every spelling; :func:`spelled` keeps the one of a face, as ``SdkError.spelled`` does.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from types import EllipsisType
from typing import Any

# From the private use area of Unicode: in no text of a portal they mean anything.
_BEGIN, _NEXT, _END = "\ue000", "\ue001", "\ue002"
_MARKS = re.compile(f"[{_BEGIN}{_NEXT}{_END}]")
_MARKED = re.compile(f"{_BEGIN}([^{_BEGIN}{_END}]*){_END}")


class Face(enum.IntEnum):
    """Where a text is shown, which decides how an option or a command is typed."""

    PYTHON = 0
    CELL = 1  # %b24
    SHELL = 2
    EXPORTS = 3  # exports.toml


def spelled(text: str, face: Face) -> str:
    """``text`` with its options and commands as they are typed in ``face``.

    >>> hint = f"name it: {option('cursor', 'DATE_MODIFY')}; or use {FETCH}"
    >>> spelled(hint, Face.PYTHON)
    'name it: cursor="DATE_MODIFY"; or use tools.fetch_all'
    >>> spelled(hint, Face.SHELL)
    'name it: --cursor DATE_MODIFY; or use b24data fetch'
    """

    def one(match: re.Match[str]) -> str:
        spellings = match[1].split(_NEXT)
        return spellings[face] if len(spellings) == len(Face) else ""

    return _MARKS.sub("", _MARKED.sub(one, text))


def _marked(python: str, cell: str, shell: str, exports: str) -> str:
    spellings = (_MARKS.sub("", one) for one in (python, cell, shell, exports))
    return f"{_BEGIN}{_NEXT.join(spellings)}{_END}"


def option(name: str, value: Any = None) -> str:
    """An option by its name in Python, with the value to give; ``...`` is a value that the reader has to fill in.

    >>> said = option("limit"), option("check_fields", False), option("select", ["ID", ...])
    >>> [spelled(one, Face.PYTHON) for one in said]
    ['limit=', 'check_fields=False', 'select=["ID", ...]']
    >>> [spelled(one, Face.SHELL) for one in said]
    ['--limit', '--no-check-fields', '--select ID,...']
    >>> [spelled(option("params", {"entityTypeId": ...}), face) for face in (Face.CELL, Face.EXPORTS)]
    ['--params entityTypeId=VALUE', 'params = {"entityTypeId" = ...}']
    """
    typed = _typed(f"--{flag(name, value)}", value)
    if value is None:
        return _marked(f"{name}=", typed, typed, name)
    return _marked(f"{name}={_literal(value, _PYTHON)}", typed, typed, f"{name} = {_literal(value, _TOML)}")


def flag(name: str, value: Any = None) -> str:
    """The option of the shell and of ``%b24`` for a keyword of Python, without its dashes.

    >>> flag("max_deletes"), flag("dtype_backend"), flag("resume", False)
    ('max-deletes', 'backend', 'no-resume')
    """
    return "backend" if name == "dtype_backend" else f"{'no-' if value is False else ''}{name.replace('_', '-')}"


def sign_in(profile: str = "") -> str:
    """The command that signs in, to this profile if there is one.

    >>> [spelled(sign_in("acme"), face) for face in (Face.PYTHON, Face.CELL, Face.SHELL)]
    ['b24data.login("acme")', '%b24 login --profile acme', 'b24data login acme']
    """
    shell = f"b24data login {profile}".rstrip()
    if not profile:
        return _marked("b24data.login()", "%b24 login", shell, shell)
    return _marked(f"b24data.login({_literal(profile, _PYTHON)})", f"%b24 login --profile {profile}", shell, shell)


def as_profile(name: str) -> str:
    """Calling by a saved profile."""
    typed, value = f"--profile {name}", _literal(name, _PYTHON)
    return _marked(f"b24data.connect({value})", typed, typed, f"profile = {value}")


# One request, a whole list, the fields of a list, and the fetches that were stopped.
CALL = _marked("actions.v2.call", "%b24 call --raw", "b24data call --raw", "b24data call --raw")
FETCH = _marked("tools.fetch_all", "%b24 fetch", "b24data fetch", "b24data fetch")
DESCRIBE = _marked(
    "tools.describe(METHOD)", "%b24 describe METHOD", "b24data describe METHOD", "b24data describe METHOD"
)
UNFINISHED = _marked("tools.unfinished()", "tools.unfinished()", "b24data unfinished", "b24data unfinished")
SYNC_CRM = _marked("tools.sync_crm()", "%b24 crm sync", "b24data crm sync", "b24data crm sync")
# A table in SQL that is no list.
OWN_TABLE = _marked(
    'tables={"plan": frame} adds a table of yours',
    "a DataFrame of the notebook is a table by its name",
    *['b24.sql(..., tables={"plan": frame}) adds a table of yours'] * 2,
)
# Trusting a portal that signs its certificate itself.
CERTIFICATE = _marked(*['pass verify="/path/to/ca.pem"'] * 2, *["set SSL_CERT_FILE=/path/to/ca.pem in the shell"] * 2)

# How a key is parted from its value, and how true and false are written.
_PYTHON, _TOML = (": ", "True", "False"), (" = ", "true", "false")


def _literal(value: Any, syntax: tuple[str, str, str]) -> str:
    if isinstance(value, EllipsisType):
        return "..."
    if isinstance(value, Mapping):
        pairs = (f"{_literal(key, syntax)}{syntax[0]}{_literal(item, syntax)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return f"[{', '.join(_literal(item, syntax) for item in value)}]"
    if isinstance(value, bool):
        return syntax[1] if value else syntax[2]
    return str(value) if isinstance(value, int | float) else json.dumps(str(value), ensure_ascii=False)


def _typed(name: str, value: Any) -> str:
    if value is None or isinstance(value, bool):
        return name
    inner = list(value.values()) if isinstance(value, Mapping) else value
    if isinstance(inner, list) and any(isinstance(item, Mapping | list) for item in inner):
        return f"{name} '{_literal(value, _PYTHON)}'"  # JSON
    if isinstance(value, Mapping):
        return " ".join(f"{name} {_word(f'{key}={_plain(item)}')}" for key, item in value.items())
    if isinstance(value, list):
        return f"{name} {_word(','.join('...' if item is ... else str(item) for item in value))}"
    return f"{name} {_word(_plain(value))}"


def _plain(value: Any) -> str:
    return "VALUE" if isinstance(value, EllipsisType) else str(value)


def _word(text: str) -> str:
    return text if re.fullmatch(r"[\w@%+=:,./*-]+", text) else f'"{text}"'
