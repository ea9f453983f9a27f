"""How far a portal is from the documented one: how it reads what it is asked, what it ignores, where it lies.

All of it is switched on one by one. A filter goes through here twice: :meth:`Quirks.convention` says how it is read,
:meth:`Quirks.where` which of its conditions count.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import lru_cache

from b24data.sandbox.conventions import Convention
from b24data.sandbox.filters import Condition, Group
from b24data.sandbox.table import Selection

IGNORABLE = {
    ">id": "a bound on the id",
    ">=id": "a bound on the id",
    "<id": "a bound on the id",
    "<=id": "a bound on the id",
    "times": "conditions on times and days",
    "names": "what it has an error for elsewhere: unknown names, and names in another spelling",
    "values": "conditions whose value is not of the field's kind (`abc` for a number, 30 February, `1` for Y)",
    "groups": "conditions in groups",
    "conditions": "every condition that is not on the id",
    "order": "the order: the newest rows come first",
    "start": "the offset",
}
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
_RANGES = {"gt": ">id", "ge": ">=id", "lt": "<id", "le": "<=id"}


@dataclass(frozen=True, slots=True)
class Quirks:
    """The switches that are on."""

    ignores: Collection[str] = ()
    lies: Collection[str] = ()
    lenient: bool = False

    def __post_init__(self) -> None:
        unknown = sorted({*self.ignores} - {*IGNORABLE}) + sorted({*self.lies} - {*LIES})
        if unknown:
            known = f"ignores: {', '.join(IGNORABLE)}; lies: {', '.join(LIES)}"
            raise ValueError(f"the sandbox has no quirk {unknown[0]!r}; there are {known}")

    @property
    def ignores_names(self) -> bool:
        """Whether an unknown name is never an error."""
        return "names" in self.ignores

    def honest(self) -> Quirks:
        """What the portal would do if it ignored nothing and told no lies."""
        return Quirks(lenient=self.lenient)

    def convention(self, base: Convention) -> Convention:
        """How a method's filter is read."""
        if not self.ignores and not self.lenient:
            return base
        return _convention(base, frozenset(self.ignores), self.lenient)

    def where(self, where: Group, id_name: str, kind: Callable[[str], str]) -> Group:
        """The conditions that count; ``kind`` says of what kind a field is.

        >>> both = Group((Condition("ID", "gt", (5,)), Condition("ID", "le", (9,))))
        >>> Quirks(ignores=[">id"]).where(both, "ID", lambda name: "number").parts
        (Condition(name='ID', operator='le', values=(9,)),)
        """
        if "times" in self.lies and any(_is_about_time(part, kind) for part in where.parts):
            return replace(where, parts=(*where.parts, Condition(id_name, "lt", ("0",))))
        if not self.ignores:
            return where
        kept = [self._counted(part, id_name, kind) for part in where.parts]
        parts = tuple(part for part in kept if part is not None)
        return replace(where, parts=parts, any_of=where.any_of and "groups" not in self.ignores)

    def _counted(self, part: Condition | Group, id_name: str, kind: Callable[[str], str]) -> Condition | Group | None:
        if isinstance(part, Group):
            if "groups" in self.ignores or "conditions" in self.ignores:
                return None
            return self.where(part, id_name, kind) if "times" in self.ignores else part
        if part.name == id_name:
            return None if _RANGES.get(part.operator) in self.ignores else part
        ignored = "conditions" in self.ignores or ("times" in self.ignores and _is_about_time(part, kind))
        return None if ignored else part

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


HONEST = Quirks()


@lru_cache
def _convention(base: Convention, ignores: frozenset[str], lenient: bool) -> Convention:
    return replace(
        base,
        groups=base.groups or lenient,
        refuses=base.refuses and "names" not in ignores,
        lenient=lenient,
        drops_misfits="values" in ignores,
    )


def _is_about_time(part: Condition | Group, kind: Callable[[str], str]) -> bool:
    return isinstance(part, Condition) and kind(part.name) == "moment"
