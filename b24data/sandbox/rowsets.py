"""Lists that are kept as plain rows: filtered, sorted and cut one row at a time. For the many small ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from b24data.sandbox.documented import documented, made_rows
from b24data.sandbox.filters import Condition, Group, matches
from b24data.sandbox.goods import catalogue
from b24data.sandbox.values import held, kind_of_value

Row = Mapping[str, Any]
# Lists whose peculiarity shows at a certain length only.
USUAL_COUNTS = {"crm.requisite.link.list": 582, "disk.file.search": 1_130, "im.v2.event.get": 230}
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def holds(part: Condition | Group, row: Row) -> bool:
    """Whether a row meets a condition or a group of them.

    >>> holds(Condition("ID", "gt", ("9",)), {"ID": "10"}), holds(Condition("NAME", "eq", ("x", "y")), {"NAME": "Y"})
    (True, True)
    """
    if isinstance(part, Group):
        found = [holds(inner, row) for inner in part.parts]
        return (any(found) if part.any_of and found else all(found)) != part.negative
    value = row.get(part.name)
    kind = kind_of_value(value)
    return matches(part.operator, held(kind, value), part.values, kind)


def ranked(value: Any) -> tuple[int, float, str]:
    """A value as something that sorts: nothing, then numbers (also as text), then text and moments."""
    if value is None or value == "":
        return (0, 0.0, "")
    if isinstance(value, bool | int | float) or _NUMBER.fullmatch(str(value)):
        return (1, float(value), "")
    return (2, 0.0, str(value).casefold())


def sorted_rows(rows: Sequence[Row], order: Sequence[tuple[str, bool]]) -> list[Row]:
    """Rows by the fields of ``order`` (name, downwards); equal ones stay as they are."""
    found = list(rows)
    for name, downwards in reversed(order):
        found.sort(key=lambda row: ranked(row.get(name)), reverse=downwards)
    return found


class Rowsets:
    """The rows of every documented list, made when they are first asked for.

    ``counts`` says how many there are, by method (any case); a name with ``@v3`` is the method of REST 3.0 where both
    versions have one.
    """

    def __init__(self, seed: int, counts: Mapping[str, int]) -> None:
        self._seed = seed
        self._counts = {name.lower(): count for name, count in counts.items()}
        self._rows: dict[tuple[str, str], list[Row]] = {}

    def of(self, version: str, method: str, extra: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of a method, to be read and changed; ``extra`` are fields that its sample does not show."""
        name = method.lower()
        rows = self._rows.get((version, name))
        if rows is None:
            known = documented(version)[name]
            count = self._counts.get(f"{name}@{version}", self._counts.get(name, USUAL_COUNTS.get(name)))
            made = made_rows(known, self._seed, count)
            if name == "crm.product.list":
                made = catalogue(self._seed, made)
            rows = self._rows[version, name] = [{**(extra or {}), **row} for row in made]
        return rows
