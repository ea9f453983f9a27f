"""What a portal may do wrongly with its lists, switched on one by one: what it ignores, and where it lies."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from b24data.sandbox.filters import Condition, Group
from b24data.sandbox.table import Selection

__all__ = ["IGNORABLE", "LIES", "Quirks"]

# What a list may not honour: a bound on the id, a condition on a time, the order (newest rows come first), the offset.
IGNORABLE = (">id", ">=id", "<id", "<=id", "times", "order", "start")
LIES = {
    "total": "two rows more than there are",
    "zero_total": "total is 0 beside rows",
    "changing_total": "total is another one on every page",
    "last_page": "behind the end the last page comes again, and next never ends",
    "bounds": "a page behind an id begins with the row before it",
    "times": "a condition on a time, which the portal does not understand, finds nothing",
    "minus_one": "next is -1 on the last page",
    "page_length": "next is how many rows came",
}
_TIMES = ("DATE", "TIME", "CREATED", "LAST_UPDATED")
_RANGES = {"gt": ">id", "ge": ">=id", "lt": "<id", "le": "<=id"}


@dataclass(frozen=True, slots=True)
class Quirks:
    """The switches that are on."""

    ignores: Collection[str] = ()
    lies: Collection[str] = ()

    def __post_init__(self) -> None:
        unknown = sorted({*self.ignores} - {*IGNORABLE}) + sorted({*self.lies} - {*LIES})
        if unknown:
            known = f"ignores: {', '.join(IGNORABLE)}; lies: {', '.join(LIES)}"
            raise ValueError(f"the sandbox has no quirk {unknown[0]!r}; there are {known}")

    def where(self, where: Group, id_name: str) -> Group:
        """The filter without the bounds that are ignored.

        >>> Quirks(ignores=[">id"]).where(Group((Condition("ID", "gt", (5,)), Condition("ID", "le", (9,)))), "ID").parts
        (Condition(name='ID', operator='le', values=(9,)),)
        """
        if "times" in self.lies and any(map(_is_about_time, where.parts)):
            return replace(where, parts=(*where.parts, Condition(id_name, "lt", ("0",))))
        if not self.ignores:
            return where
        kept = tuple(part for part in where.parts if not self._ignored(part, id_name))
        return replace(where, parts=kept)

    def _ignored(self, part: Condition | Group, id_name: str) -> bool:
        if "times" in self.ignores and _is_about_time(part):
            return True
        return isinstance(part, Condition) and part.name == id_name and _RANGES.get(part.operator) in self.ignores

    def order(self, order: tuple[tuple[str, bool], ...], id_name: str) -> tuple[tuple[str, bool], ...]:
        """The order, or newest first where it is ignored."""
        return ((id_name, True),) if "order" in self.ignores else order

    def start(self, start: int, count: int, page: int) -> int:
        """The row that a page really begins with."""
        if "start" in self.ignores:
            return min(start, 0)
        if "last_page" in self.lies and start >= count > 0:
            return (count - 1) // page * page
        return start

    def selection(self, selection: Selection) -> Selection:
        """The records of a page that is asked for by id: it may begin too early, or repeat the last ones."""
        if "bounds" in self.lies and selection.first and selection.count:
            return replace(selection, first=selection.first - 1)
        if "last_page" in self.lies and selection.first and not selection.count:
            return replace(selection, first=max(selection.first - 50, 0))
        return selection

    def total(self, count: int, start: int, page: int) -> int:
        """What is said about the number of rows."""
        if "zero_total" in self.lies:
            return 0
        if "changing_total" in self.lies:
            return count + start // page
        return count + 2 if "total" in self.lies else count

    def next(self, start: int, count: int, page: int) -> int | None:
        """What is said about the next page."""
        after = start + page
        if "page_length" in self.lies:
            return min(page, count - start) if after < count else None
        if after < count or "last_page" in self.lies:
            return after
        return -1 if "minus_one" in self.lies else None


def _is_about_time(part: Condition | Group) -> bool:
    return isinstance(part, Condition) and any(word in part.name for word in _TIMES)
