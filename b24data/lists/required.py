"""Parameters that a method needs, and those without which it gives a part of its list. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from b24data.errors import ConfigError
from b24data.lists.conditions import split_filter_key
from b24data.lists.methods import MethodSpec
from b24data.text.hints import Face, option, spelled


def check_required(spec: MethodSpec, given: Mapping[str, Any]) -> None:
    """Raise :class:`ConfigError` for a parameter that the method needs and that is not ``given``.

    ``given`` has the parameters, and ``filter`` and ``select`` as they are sent.
    """
    for name in spec.required:
        if not any(_is_given(alternative, given) for alternative in name.split("|")):
            raise ConfigError(f"{spec.method} needs {name.replace('|', ' or ')}", hint=_how_to_give(name.split("|")[0]))


def default_part(spec: MethodSpec, given: Mapping[str, Any]) -> str:
    """What to say of a list that gives a part of itself where a parameter is not given; empty where all was said.

    >>> from b24data.lists.methods import spec_of
    >>> default_part(spec_of("log.blogcomment.user.get"), {})
    'by default only comments of the current user; for others pass params={"USER_ID": ...}'
    """
    parts = [
        f"{words}; for others {_how_to_give(path.split('|')[0])}"
        for path, words in spec.part.items()
        if not any(_is_given(name, given) for name in path.split("|"))
    ]
    return spelled(f"by default only {', and '.join(parts)}", Face.PYTHON) if parts else ""


def _how_to_give(path: str) -> str:
    head, _, inner = path.partition(".")
    if head == "select" and inner:
        return f"pass {option('select', [inner, ...])}"
    if head == "filter" and inner:
        outer, _, deeper = inner.partition(".")
        return f"pass {option('filter', {outer: {deeper: ...}} if deeper else {inner: ...})}"
    return f"pass {option(head, ...) if head in ('filter', 'select') else option('params', {head: ...})}"


def _is_given(path: str, given: Mapping[str, Any]) -> bool:
    head, _, inner = path.partition(".")
    value = next((content for key, content in given.items() if key.lower() == head.lower()), None)
    if not inner:
        return value is not None and value != {}
    if head == "select":
        return any(str(name).lower() == inner.lower() for name in value or ())
    if isinstance(value, list):  # conditions, as REST 3.0 writes them
        return any(isinstance(one, list) and one and str(one[0]).lower() == inner.lower() for one in value)
    outer, _, deeper = inner.lstrip("=").partition(".")
    for key, content in (value or {}).items():
        if split_filter_key(key)[1].lower() == outer.lower():
            return not deeper or (isinstance(content, dict) and deeper in content)
    return False
