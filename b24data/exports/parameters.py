"""The parameters of a notebook: text to values, and values to a cell behind the one that is tagged ``parameters``."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from typing import Any

from b24data.errors import ConfigError
from b24data.syntax.body import scalar_of
from b24data.syntax.options import nearest
from b24data.text.redact import looks_secret


def parameters_of(texts: Sequence[str] | None) -> dict[str, Any]:
    """``month=2026-10`` and its like as values.

    >>> parameters_of(["month=2026-10", "top=5", "stages=[NEW, WON]"])
    {'month': '2026-10', 'top': 5, 'stages': ['NEW', 'WON']}
    """
    found: dict[str, Any] = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not sign:
            raise ConfigError(f"-p {name} has no value", hint="write -p month=2026-10")
        if name.strip() in found:
            raise ConfigError(f"-p {name.strip()} is given twice", hint="keep one of them")
        found[name.strip()] = scalar_of(value)
    check_parameters(found)
    return found


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Refuse what is not the name of a variable, and what looks like a secret: the notebook would keep it for ever."""
    for name, value in parameters.items():
        if not name.isidentifier():
            raise ConfigError(f"{name!r} is not the name of a variable")
        if looks_secret(name, value):
            raise ConfigError(
                f"the parameter {name} looks like a secret, and a notebook keeps its parameters",
                hint="pass the name of a profile instead; b24data login creates one",
            )


def cell_source(parameters: Mapping[str, Any]) -> str:
    """The code that sets them.

    >>> print(cell_source({"month": "2026-10", "days": [1, 2.5, None], "first": date(2026, 10, 1)}))
    # set from outside
    month = '2026-10'
    days = [1, 2.5, None]
    first = '2026-10-01'
    """
    return "\n".join(["# set from outside", *(f"{name} = {_literal(value)}" for name, value in parameters.items())])


def _literal(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{str(key)!r}: {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value.isoformat() if isinstance(value, date | time) else value)


def check_assigned(source: str, parameters: Iterable[str]) -> None:
    """Refuse a parameter that the tagged cell does not set; a cell that is not plain Python is not checked.

    >>> check_assigned("month = '2026-10'", ["mnth"])
    Traceback (most recent call last):
    b24data.errors.ConfigError: the notebook has no parameter 'mnth'. Hint: did you mean month?
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    stored = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    known = list(dict.fromkeys(node.id for node in stored))
    for name in parameters:
        if name not in known:
            raise ConfigError(f"the notebook has no parameter {name!r}", hint=nearest(name, known))
