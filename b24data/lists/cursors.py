"""The walks by a cursor: each page is asked for by where the page before it ended, until an empty one.

``v3_keyset`` puts the last id into the filter, ``last_id`` into a parameter; ``v3_tail`` has a cursor object, with the
last id or as the portal gave it. An answer of REST 3.0 has no total, and a page shorter than asked for proves nothing:
some methods send fewer rows than the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from b24data.errors import ProtocolViolationError
from b24data.http.payload import decoded
from b24data.lists.plan import ListPlan
from b24data.lists.reader import Answer, PageReader
from b24data.lists.rows import Row, id_reader, value_at
from b24data.lists.walk import Decode, WalkFacts

T = TypeVar("T")

# im.notify.get: notifications that ask for a confirmation come first, all others after them.
_CONFIRMATIONS, _OTHERS = 1, 3


@dataclass(slots=True)
class CursorWalk:
    """Page behind page, each by the cursor that the one before it gives."""

    reader: PageReader
    facts: WalkFacts
    _first: Answer = field(init=False)

    def open(self) -> Sequence[Row]:
        """Ask for the page without a cursor."""
        self.facts.walk = self.reader.plan.walk
        self._first = self.reader.page(self.reader.plan.cursor_page(None))
        return self._first.rows

    def blocks(self, decode: Decode[T]) -> Generator[T, None, None]:
        """The rows of all pages, in the order they came in."""
        plan, facts, answer = self.reader.plan, self.facts, self._first
        facts.begun = True
        cursor = _Echo(plan) if plan.spec.next_at else _Phases(plan) if plan.spec.phase_param else _Ids(plan)
        while not facts.reason:
            rows, after = cursor.next(answer)
            if isinstance(cursor, _Ids) and cursor.reached is not None:
                facts.last_id = plan.position(cursor.reached)
            before = facts.rows
            yield from facts.page(rows, decode, plan.limit)
            if facts.rows - before < len(rows) or (facts.rows == plan.limit and not cursor.ended):
                facts.reason = "limit"
            elif cursor.ended:
                facts.ended(cursor.ended)
            else:
                answer = self.reader.page(plan.cursor_page(after))


@dataclass(slots=True)
class _Ids:
    """Ids that rise (or fall, where the walk goes downwards) from page to page; inside a page any order will do."""

    plan: ListPlan
    ended: str = field(init=False, default="")
    reached: int | None = field(init=False, default=None)
    _id: Callable[[Row], int] = field(init=False)

    def __post_init__(self) -> None:
        self._id = id_reader(self.plan.spec)
        self.reached = self.plan.low

    def next(self, answer: Answer) -> tuple[list[Row], int | None]:
        """The rows of a page, and the cursor for the next one."""
        plan = self.plan
        if not answer.rows:
            self.ended = "empty_page"
            return [], self.reached
        positions = [plan.position(self._id(row)) for row in answer.rows]
        if len(set(positions)) < len(positions):
            raise ProtocolViolationError(f"{plan.method} sent a row twice in one page")
        if self.reached is not None and min(positions) <= self.reached:
            raise ProtocolViolationError(
                f"{plan.method} sent row {plan.position(min(positions))} again behind {plan.position(self.reached)}:"
                " it ignores the start of the page"
            )
        self.reached = max(positions)
        if plan.high is None or self.reached <= plan.high:
            return answer.rows, self.reached
        self.ended = "reached_pinned_id"
        rows = [row for row, position in zip(answer.rows, positions, strict=True) if position <= plan.high]
        self.reached = plan.high
        return rows, self.reached


@dataclass(slots=True)
class _Phases:
    """Notifications in two phases, each with falling ids; the type of the last one tells its phase."""

    plan: ListPlan
    ended: str = field(init=False, default="")
    _seen: set[int] = field(init=False, default_factory=set)

    def next(self, answer: Answer) -> tuple[list[Row], tuple[int, int] | None]:
        """The new rows of a page, and the cursor for the next one."""
        plan = self.plan
        if not answer.rows:
            self.ended = "empty_page"
            return [], None
        read = id_reader(plan.spec)
        new = [row for row in answer.rows if read(row) not in self._seen]
        if not new:
            raise ProtocolViolationError(f"{plan.method} repeats the same page")
        self._seen.update(map(read, new))
        last = decoded(answer.rows[-1])
        phase = _CONFIRMATIONS if last.get("notify_type") == _CONFIRMATIONS else _OTHERS
        return new, (plan.position(int(last[str(plan.spec.id)])), phase)


@dataclass(slots=True)
class _Echo:
    """A cursor that the portal gives and gets back as it is; without one there is no further page."""

    plan: ListPlan
    ended: str = field(init=False, default="")
    _cursors: set[bytes] = field(init=False, default_factory=set)
    _seen: set[Any] = field(init=False, default_factory=set)

    def next(self, answer: Answer) -> tuple[list[Row], Any]:
        """The rows of a page, and the cursor for the next one."""
        plan, response = self.plan, answer.response
        cursor = value_at(response, str(plan.spec.next_at))
        more = value_at(response, plan.spec.more_at) if plan.spec.more_at else None
        if not answer.rows and not more:
            self.ended = "empty_page"
        elif more is False or not cursor:
            self.ended = "last_page"
        if self.ended != "empty_page" and more and not cursor:
            raise ProtocolViolationError(f"{plan.method} says that there are more rows, but not how to read them")
        sign = msgspec.json.encode(cursor)
        if not self.ended and sign in self._cursors:
            raise ProtocolViolationError(f"{plan.method} repeats the same page")
        self._cursors.add(sign)
        return self._fresh(answer), cursor

    def _fresh(self, answer: Answer) -> list[Row]:
        read = id_reader(self.plan.spec)
        ids = [read(row) for row in answer.rows]
        if not self._seen.isdisjoint(ids):
            raise ProtocolViolationError(f"{self.plan.method} sent rows a second time")
        self._seen.update(ids)
        return answer.rows
