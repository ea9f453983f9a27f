"""Placeholders for the time of a run: ``{date}`` in a file's name or a condition."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

PLACEHOLDERS = ("date", "yesterday", "month", "last_month", "year", "hour", "name", "profile")

_BRACES = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|[{}]")


def placeholders(now: datetime, name: str, profile: str = "") -> dict[str, str]:
    """The values of the placeholders at ``now`` in the export ``name`` of ``profile``.

    >>> words = placeholders(datetime(2026, 1, 1, 6, 30), "deals")
    >>> words["date"], words["yesterday"], words["last_month"], words["hour"]
    ('2026-01-01', '2025-12-31', '2025-12', '06')
    """
    today = now.date()
    return {
        "date": today.isoformat(),
        "yesterday": (today - timedelta(days=1)).isoformat(),
        "month": _month(today),
        "last_month": _month(today.replace(day=1) - timedelta(days=1)),
        "year": str(today.year),
        "hour": f"{now:%H}",
        "name": name,
        "profile": profile,
    }


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def fill(value: Any, words: Mapping[str, str]) -> Any:
    """``value`` with the placeholders replaced in all its texts, at any depth; ``{{`` is a brace.

    >>> fill({">=DATE_CREATE": "{month}-01", "@STAGE_ID": ["NEW"]}, {"month": "2026-10"})
    {'>=DATE_CREATE': '2026-10-01', '@STAGE_ID': ['NEW']}
    """
    if isinstance(value, str):
        return _BRACES.sub(lambda found: words[found["name"]] if found["name"] else found[0][0], value)
    if isinstance(value, Mapping):
        return {key: fill(item, words) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, words) for item in value]
    return value


def has_placeholders(value: Any) -> bool:
    """Whether anything in the texts of ``value`` stands for the moment.

    >>> has_placeholders({"a": ["{date}"]}), has_placeholders("{{date}}")
    (True, False)
    """
    one, other = (fill(value, dict.fromkeys(PLACEHOLDERS, word)) for word in "12")
    return bool(one != other)


def check_placeholders(value: Any) -> list[str]:
    """Texts that say what is wrong with the braces in ``value``.

    >>> check_placeholders(["{dat}", "{{x}}", "deals-{date}"])
    ['{dat} is not a placeholder, did you mean {date}?']
    """
    if isinstance(value, Mapping):
        return [problem for item in value.values() for problem in check_placeholders(item)]
    if isinstance(value, list | tuple):
        return [problem for item in value for problem in check_placeholders(item)]
    if not isinstance(value, str):
        return []
    return [_problem(found) for found in _BRACES.finditer(value) if _is_wrong(found)]


def _is_wrong(found: re.Match[str]) -> bool:
    return found[0] in ("{", "}") or (found["name"] is not None and found["name"] not in PLACEHOLDERS)


def _problem(found: re.Match[str]) -> str:
    if found["name"] is None:
        return f"a single {found[0]}; {found[0] * 2} is a brace"
    near = difflib.get_close_matches(found["name"], PLACEHOLDERS, n=1)
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    return f"{found[0]} is not a placeholder, {f'did you mean {{{near[0]}}}?' if near else f'there are {known}'}"
