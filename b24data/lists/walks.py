"""One list on its way: the walk that fits, and the facts about it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from b24data.errors import IncompleteFetchError, ProtocolViolationError, SchemaError, SdkError
from b24data.http.clock import SYSTEM_CLOCK, Clock
from b24data.http.context import CallContext
from b24data.http.session import Session
from b24data.lists.counted import counted_pages
from b24data.lists.cursors import cursor_pages
from b24data.lists.keyset import KeysetWalk, NoKeysetError
from b24data.lists.methods import WalkKind
from b24data.lists.pace import MOST_IN_FLIGHT, Pace
from b24data.lists.plan import ListPlan
from b24data.lists.reader import PageReader
from b24data.lists.rows import Row
from b24data.lists.walk import Decode, WalkFacts
from b24data.lists.whole import whole_answer

__all__ = ["ListFetch"]

T = TypeVar("T")

_WALKS: dict[WalkKind, Callable[..., Iterator[Any]]] = {
    "whole": whole_answer,
    "offset": counted_pages,
    "offset_limit": counted_pages,
    "page_nav": counted_pages,
    "last_id": cursor_pages,
    "v3_keyset": cursor_pages,
    "v3_tail": cursor_pages,
}


@dataclass
class ListFetch(Generic[T]):
    """A list that is being fetched.

    ``prepare`` gets the rows of the first page and gives the decoder: columns are settled before the first row is
    passed on. With ``count`` the portal counts the list in the end. ``facts`` grow while :meth:`blocks` is iterated.
    """

    session: Session
    plan: ListPlan
    prepare: Callable[[Sequence[Row]], Decode[T]]
    context: CallContext
    workers: int | None = None
    clock: Clock = SYSTEM_CLOCK
    count: bool = False
    facts: WalkFacts = field(default_factory=WalkFacts, init=False)

    def go_on(self, rows: int, last_id: int, pinned_id: int) -> None:
        """Begin behind ``last_id``, up to which an earlier walk brought so many rows, and end where it would have."""
        plan = self.plan
        self.plan = replace(plan, begin=plan.position(last_id), high=plan.position(pinned_id))
        self.facts.rows, self.facts.last_id, self.facts.pinned_id = rows, last_id, pinned_id

    def blocks(self) -> Generator[T, None, None]:
        """The decoded rows, in order.

        An error of the first request is raised as it is; a later one as :class:`IncompleteFetchError` from it, with
        the id up to which nothing is missing. A value that the caller refuses (``errors="raise"``) is raised as it
        is too. Leaving the loop early stops whatever is under way.
        """
        try:
            yield from self._readable()
        except SdkError as error:
            if not self.facts.begun or isinstance(error, SchemaError):
                raise
            raise IncompleteFetchError(
                f"{self.plan.method} stopped after {self.facts.rows:,} rows: {error.summary}",
                last_id=self.facts.last_id,
                hint=error.advice or "what came is in `rows` of this error; the same call starts anew",
            ) from error

    def _readable(self) -> Iterator[T]:
        try:
            yield from self._blocks()
        except SdkError:
            raise
        except (ValueError, OverflowError, RecursionError) as error:  # an integer of 5,000 digits, lists 900 deep
            raise ProtocolViolationError(
                f"{self.plan.method} sent rows that can't be read: {type(error).__name__}: {error}",
                hint="leave that field out of select",
            ) from error

    def _blocks(self) -> Iterator[T]:
        reader = PageReader(self.session, self.plan, self.context, self.clock)
        if isinstance(follower := self.plan.spec.deprecated, str):
            self.facts.notes.append(f"{self.plan.method} is deprecated; {follower} follows it")
        if self.plan.empty:
            self.prepare([])
            self.facts.walk = "none"
            self.facts.ended("no_values")
        elif self.plan.walk == "keyset":
            yield from self._by_id(reader)
        else:
            yield from _WALKS[self.plan.walk](reader, self.prepare, self.facts)

    def _by_id(self, reader: PageReader) -> Iterator[T]:
        most = max(1, min(self.workers or MOST_IN_FLIGHT, MOST_IN_FLIGHT))
        pace = Pace(in_flight=min(4, most), most_in_flight=most)
        try:
            yield from KeysetWalk(reader, self.prepare, self.facts, pace, count=self.count).blocks()
        except NoKeysetError as error:
            if self.plan.spec.start is None or self.plan.begin is not None:
                raise
            self.facts.notes.append(f"{error.description}: counted pages were read instead")
            yield from counted_pages(reader, self.prepare, self.facts)
