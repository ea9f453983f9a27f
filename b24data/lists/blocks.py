"""The walk of rows that are asked for by the ids of their owners: product rows of deals, and whatever else has one.

A page is asked for by a block of owners whose rows fill most of it, as the pages before show; fifty pages go in one
request. A page that is full is asked for again behind its last id. A portal that ignores the owners, the order or the
bound is found out by the rows themselves.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import msgspec

from b24data.errors import ConfigError, ProtocolViolationError, SdkError
from b24data.http.protocol import Command
from b24data.lists.conditions import split_filter_key
from b24data.lists.names import folded
from b24data.lists.pace import Pace
from b24data.lists.plan import ListPlan
from b24data.lists.reader import Answers, PageReader
from b24data.lists.rows import Row, id_reader
from b24data.lists.walk import Decode, WalkFacts
from b24data.text.hints import option

__all__ = ["BlockWalk", "block_size", "owners_in"]

T = TypeVar("T")

_FIRST_BLOCK = 10
_LARGEST_BLOCK = 400  # PHP reads 1,000 values of a command (php.net, max_input_vars)


def owners_in(plan: ListPlan, key: str) -> tuple[str, tuple[Any, ...]]:
    """The condition on the owners as the request has it, and their ids, each once; :class:`ConfigError` for another.

    >>> from b24data.lists.methods import spec_of
    >>> from b24data.lists.plan import make_plan
    >>> wanted = {"=ownerType": "D", "=ownerId": [7, 3, 7]}
    >>> owners_in(make_plan(spec_of("crm.item.productrow.list"), filter=wanted), "=ownerid")
    ('=ownerId', (3, 7))
    """
    spec = plan.spec
    if spec.id is None or spec.walk not in ("keyset", "offset") or spec.filter is None or spec.start is None:
        raise ConfigError(
            f"{spec.method} cannot be read by the ids of owners: its rows have no id, or it has no filter",
            hint=f"give them one by one with {option('filter')}",
        )
    given = plan.params.get(spec.filter) or {}
    sign, name = split_filter_key(key)
    for one, values in given.items() if isinstance(given, dict) else ():
        if folded(split_filter_key(one)[1]) == folded(name) and isinstance(values, list | tuple):
            return one, tuple(sorted(set(values)))
    raise ConfigError(f"{sign}{name} is not a condition of {spec.method} that takes a list of ids")


def block_size(page: int, mean: float, variance: float) -> int:
    """The number of owners in a page for which the fewest pages are asked for, with the rows that an owner has.

    More owners fill the page better; a page that comes full is asked for a second time.

    >>> block_size(50, 1.0, 0.0), block_size(50, 2.4, 1.7), block_size(50, 60.0, 900.0)
    (49, 17, 1)
    """
    best, least = 1, math.inf
    for count in range(1, _LARGEST_BLOCK + 1):
        room = page - 0.5 - count * mean
        if room < 0:
            break
        full = 0.5 * math.erfc(room / math.sqrt(2 * count * variance)) if variance else 0.0
        if (1 + full) / count < least:
            best, least = count, (1 + full) / count
    return best


@dataclass(frozen=True, slots=True)
class _Page:
    """A page to ask for: of these owners, behind that id."""

    owners: tuple[Any, ...]
    after: int | None = None


@dataclass(slots=True)
class BlockWalk:
    """The rows of all owners, owner block by owner block, by rising ids within each."""

    reader: PageReader
    facts: WalkFacts
    workers: int | None = None
    _key: str = field(init=False)
    _waiting: deque[Any] = field(init=False)
    _owned: int = field(init=False, default=0)  # owners whose first page is there
    _squares: int = field(init=False, default=0)  # of the rows that each owner has in a page, added up
    _seen: set[int] = field(init=False, default_factory=set)  # ids of rows that do not tell their owner
    _first: tuple[_Page, list[Row]] = field(init=False)
    _id: Callable[[Row], int] = field(init=False)
    _owner: Callable[[Row], Any] = field(init=False)

    def open(self) -> Sequence[Row]:
        """Ask for the page of the first few owners."""
        plan = self.reader.plan
        self.facts.walk = "blocks"
        self._key, owners = owners_in(plan, plan.by)
        self.reader = replace(self.reader, plan=_without(plan, self._key))
        self._waiting = deque(owners)
        self._id, self._owner = id_reader(plan.spec), _owner_reader(split_filter_key(self._key)[1])
        page = _Page(self._take(_FIRST_BLOCK))
        self._first = page, self.reader.page(self._params(page)).rows
        return self._first[1]

    def blocks(self, decode: Decode[T]) -> Generator[T, None, None]:
        """The pages of all blocks."""
        plan, facts = self.reader.plan, self.facts
        facts.begun = True
        again: deque[_Page] = deque()
        for answered in itertools.chain([[self._first]], self._asked(again)):
            for page, rows in answered:
                self._check(page, rows)
                if len(rows) >= plan.spec.page or (rows and not plan.spec.short_page_ends):
                    again.append(_Page(page.owners, self._id(rows[-1])))
                facts.last_id = self._id(rows[-1]) if rows else facts.last_id
            # All rows of an answer are decoded at once: a call costs as much as 500 rows.
            together = [row for _, rows in answered for row in rows]
            yield from facts.page(together, decode, plan.limit, pages=len(answered))
            if plan.limit is not None and facts.rows >= plan.limit:
                facts.reason = "limit"
                return
        facts.ended("all_owners")

    def _asked(self, again: deque[_Page]) -> Iterator[list[tuple[_Page, list[Row]]]]:
        """The pages of each request, in the order of requests; what the caller puts into ``again`` comes along."""
        pace = Pace.of(self.workers)
        under_way: deque[tuple[list[_Page], Future[Answers]]] = deque()
        pool = ThreadPoolExecutor(pace.in_flight, thread_name_prefix="b24data")
        try:
            while again or self._waiting or under_way:
                while len(under_way) < pace.in_flight and (pages := self._next(again, pace.commands)):
                    under_way.append((pages, pool.submit(self._ask, pages)))
                if not under_way:
                    continue
                pages, future = under_way.popleft()
                answers = future.result()
                yield from self._read(pages, answers)
                pace.timed_out() if answers.timed_out else pace.measured(answers.portal_s / len(pages))
        except BaseException:
            self.reader.context.cancel.set()
            self.reader.session.interrupt()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()

    def _read(self, pages: Sequence[_Page], answers: Answers) -> Iterator[list[tuple[_Page, list[Row]]]]:
        """The rows of each page; those that came are passed on before the error of another one is raised."""
        found: list[tuple[_Page, list[Row]]] = []
        try:
            for page, answer, command in zip(pages, answers.each, self._commands(pages), strict=True):
                found.append((page, self.reader.retry_alone(answer, command).rows))
        except SdkError:
            yield found
            raise
        yield found

    def _next(self, again: deque[_Page], most: int) -> list[_Page]:
        pages = [again.popleft() for _ in range(min(most, len(again)))]
        size = self._size
        while len(pages) < most and (owners := self._take(size)):
            pages.append(_Page(owners))
        return pages

    @property
    def _size(self) -> int:
        """How many owners to ask for in a page."""
        owned = max(self._owned, 1)
        mean = max(self.facts.rows, 1) / owned
        return block_size(self.reader.plan.spec.page, mean, max(0.0, self._squares / owned - mean**2))

    def _take(self, count: int) -> tuple[Any, ...]:
        return tuple(self._waiting.popleft() for _ in range(min(count, len(self._waiting))))

    def _ask(self, pages: Sequence[_Page]) -> Answers:
        return self.reader.pages(self._commands(pages), len(self._waiting) // self._size)

    def _commands(self, pages: Sequence[_Page]) -> list[Command]:
        return [Command(f"c{n}", self.reader.plan.method, self._params(page)) for n, page in enumerate(pages)]

    def _params(self, page: _Page) -> dict[str, Any]:
        plan = self.reader.plan
        params = plan.keyset_page(page.after, None)
        conditions = params.get(str(plan.spec.filter)) or {}
        return {**params, str(plan.spec.filter): {**conditions, self._key: list(page.owners)}}

    def _check(self, page: _Page, rows: Sequence[Row]) -> None:
        """Each row is of an owner that was asked for, and ids rise behind the one that was told."""
        ids = [self._id(row) for row in rows]
        if any(a >= b for a, b in itertools.pairwise([*([] if page.after is None else [page.after]), *ids])):
            raise ProtocolViolationError(f"{self.reader.plan.method} ignores the order by id, or the start of a page")
        owners = [*map(self._owner, rows)]
        self._owned += len(page.owners) if page.after is None else 0
        self._squares += sum(count**2 for count in Counter(owners).values()) if None not in owners else 2 * len(rows)
        wrong = _others(owners, page.owners)
        if wrong:
            raise ProtocolViolationError(f"{self.reader.plan.method} ignores {self._key}: it sent rows of {wrong[0]}")
        untold = [id_ for id_, owner in zip(ids, owners, strict=True) if owner is None]  # else no block has its owner
        if not self._seen.isdisjoint(untold):
            raise ProtocolViolationError(f"{self.reader.plan.method} sent a row twice, for different owners")
        self._seen.update(untold)


def _without(plan: ListPlan, key: str) -> ListPlan:
    """The same list without the condition on the owners, which each page has for some of them."""
    name = str(plan.spec.filter)
    conditions = {one: value for one, value in plan.params[name].items() if one != key}
    return replace(plan, params={**plan.params, name: conditions})


def _others(found: Sequence[Any], asked: Collection[Any]) -> list[Any]:
    plain = {str(one) for one in asked}
    return [one for one in found if one is not None and str(one) not in plain]


def _owner_reader(name: str) -> Callable[[Row], Any]:
    """A function that reads the owner of a row; None where the row does not tell it."""
    shape = msgspec.defstruct("_RowOwner", [("owner", int | str | None, None)], rename={"owner": name})
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(shape)

    def read(row: Row) -> Any:
        try:
            return decoder.decode(row).owner
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    return read
