"""What a condition means, evaluated on rows as a portal sends them. Shares nothing with the package."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOSCOW = dt.timezone(dt.timedelta(hours=3))  # the zone of the sandbox


@dataclass(frozen=True)
class Asked:
    """A condition: a field of the rows, the kind of its values, how it is compared, and the values it is compared with.

    ``values`` are what the person meant: int, float, bool, date, datetime with a zone, a text; "" asks for empty ones.
    """

    wire: str
    kind: str
    test: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class AnyOf:
    """Conditions of which one has to hold."""

    parts: tuple[Asked, ...]


def holds(row: Mapping[str, Any], one: Asked | AnyOf) -> bool | None:
    """Whether a row meets the condition; None: the documentation leaves it open."""
    if isinstance(one, AnyOf):
        results = [holds(row, part) for part in one.parts]
        return True if True in results else None if None in results else False
    value = read(row.get(one.wire), one.kind)
    if value is None:
        return of_empty(one)
    if one.kind in ("text", "list"):
        return None
    negated = one.test.startswith("not ")
    test = one.test.removeprefix("not ")
    results = [compare(value, wanted, test) for wanted in one.values]
    found = all(results) if test == "between" else True if True in results else None if None in results else False
    return found if found is None or not negated else not found


def of_empty(one: Asked) -> bool | None:
    if one.test.startswith("not "):
        return False if one.values == ("",) else None
    if "" in one.values:
        return True
    if any(value in (0, False) and not isinstance(value, str) for value in one.values):
        return None if one.test in ("eq", "ge", "le") else False
    return False


def compare(value: Any, wanted: Any, test: str) -> bool | None:
    if wanted == "" and isinstance(wanted, str):
        return None if value in (0, False) else False
    if isinstance(value, str):
        value, wanted = value.lower(), str(wanted).lower()
    return {
        "eq": lambda: value == wanted,
        "gt": lambda: value > wanted,
        "ge": lambda: value >= wanted,
        "lt": lambda: value < wanted,
        "le": lambda: value <= wanted,
    }[test]()


def read(raw: Any, kind: str) -> Any:
    """A value of an answer as what it is; None: empty."""
    if raw is None or raw == "" or raw == [] or (raw is False and kind != "flag"):
        return None
    if isinstance(raw, list | dict):
        return raw
    if kind == "int":
        return int(raw)
    if kind == "float":
        return float(raw)
    if kind == "flag":
        return raw in (True, "Y", 1, "1")
    if kind == "day":
        return dt.date.fromisoformat(str(raw)[:10])
    if kind == "instant":
        found = dt.datetime.fromisoformat(str(raw))
        return found if found.tzinfo else found.replace(tzinfo=MOSCOW)
    return str(raw)


def expected(rows: Sequence[Mapping[str, Any]], conditions: Sequence[Asked | AnyOf]) -> tuple[list[int], list[int]]:
    """The places of the rows that meet all conditions, and of those that may."""
    must, may = [], []
    for at, row in enumerate(rows):
        results = [holds(row, one) for one in conditions]
        if False not in results:
            (may if None in results else must).append(at)
    return must, may
