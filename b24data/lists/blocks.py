"""The walk of rows that are asked for by the ids of their owners: product rows of deals, and whatever else has one.

A block of owners is asked for whose rows fill most of a few pages, as the rows before show; each page begins behind
the last row of the one before it, and fifty pages go in one request. Where all pages of a block come full, one more is
asked for. A portal that ignores the owners, the order or the bound is found out by the rows themselves.
"""

from __future__ import annotations

import functools
import itertools
import math
import reprlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import msgspec

from b24data.errors import ConfigError, ProtocolViolationError, SdkError
from b24data.http.encode import Command
from b24data.lists.capability import reference
from b24data.lists.conditions import split_filter_key
from b24data.lists.names import folded
from b24data.lists.pace import Pace
from b24data.lists.plan import ListPlan
from b24data.lists.reader import Answer, Answers, PageReader
from b24data.lists.rows import Row, id_reader
from b24data.lists.walk import Decode, WalkFacts
from b24data.text.hints import option

T = TypeVar("T")

_FIRST_BLOCK = 10
_MOST_PAGES = 5  # of a block
_LARGEST_BLOCK = 400  # PHP reads 1,000 values of a command (php.net, max_input_vars)


def with_owners(filter: Any, key: Any, values: Any) -> Any:
    """The filter with the condition ``key`` on the ids of owners.

    :raises ConfigError: ``values`` is not several values, or the filter names values of that field, too.

    >>> with_owners({"=ownerType": "D"}, "=ownerId", range(1, 3))
    {'=ownerType': 'D', '=ownerId': [1, 2]}
    >>> with_owners(None, "=ownerId", "12")
    Traceback (most recent call last):
    b24data.errors.ConfigError: '12' is not a list of ids. Hint: pass a list, such as [12, 15], or a column of a frame.
    """
    if not isinstance(key, str):
        raise ConfigError(f"{reprlib.repr(key)} is not the name of a condition", hint='name it, such as "=ownerId"')
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ConfigError(
            f"{reprlib.repr(values)} is not a list of ids", hint="pass a list, such as [12, 15], or a column of a frame"
        )
    if filter is not None and not isinstance(filter, Mapping):
        return filter  # whoever reads it says what it should be
    name = folded(split_filter_key(key)[1])
    for one in filter or {}:
        sign, other = split_filter_key(one) if isinstance(one, str) else ("", "")
        if folded(other) == name and sign in ("", "=", "@"):
            raise ConfigError(f"the filter {one!r} and the ids are values of one field", hint="leave one of them out")
    return {**(filter or {}), key: [*values]}


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
    if plan.descending or [folded(one) for one in plan.query.order] not in ([], [folded(str(spec.id_asked))]):
        raise ConfigError(
            f"{spec.method} is read by the ids of owners in the order of its own ids",
            hint="leave order and limit out, and sort the frame: df.sort_values(...)",
        )
    given = plan.params.get(spec.filter) or {}
    sign, name = split_filter_key(key)
    for one, values in given.items() if isinstance(given, dict) else ():
        if folded(split_filter_key(one)[1]) == folded(name) and isinstance(values, list | tuple):
            return one, tuple(sorted(set(values), key=lambda value: (isinstance(value, str), value)))
    raise ConfigError(f"{sign}{name} is not a condition of {spec.method} that takes a list of ids")


@functools.lru_cache(maxsize=64)
def block_shape(page: int, mean: float, variance: float, most: int) -> tuple[int, int]:
    """How many pages to ask for at once, ``most`` at most, and of how many owners, so that few pages are asked for.

    More owners fill the pages better; where all of them come full, there is one more to ask for. Several pages of many
    owners are filled more evenly than one of few.

    >>> block_shape(50, 1.0, 0.0, 1), block_shape(50, 2.4, 1.7, 1), block_shape(50, 60.0, 900.0, 1)
    ((1, 49), (1, 17), (1, 1))
    >>> block_shape(50, 2.4, 1.7, 5)
    (5, 99)
    """
    best, least = (1, 1), math.inf
    for pages in range(1, most + 1):
        for count in range(1, _LARGEST_BLOCK + 1):
            room = pages * page - 0.5 - count * mean
            if room < 0:
                break
            full = 0.5 * math.erfc(room / math.sqrt(2 * count * variance)) if variance else 0.0
            if (pages + full) / count < least:
                best, least = (pages, count), (pages + full) / count
    return best


@dataclass(frozen=True, slots=True)
class _Block:
    """Pages to ask for: of these owners, behind that id; each further one refers to the last row of the one before."""

    owners: tuple[Any, ...]
    pages: int = 1
    after: int | None = None


@dataclass(frozen=True, slots=True)
class _Came:
    """The rows of a block; whether there may be more of them; in how many pages they came."""

    block: _Block
    rows: list[Row]
    more: bool
    pages: int


@dataclass(slots=True)
class BlockWalk:
    """The rows of all owners, owner block by owner block, by rising ids within each."""

    reader: PageReader
    facts: WalkFacts
    workers: int | None = None
    _key: str = field(init=False)
    _waiting: deque[Any] = field(init=False)
    _most_pages: int = field(init=False, default=_MOST_PAGES)  # of a block: one where references are not resolved
    _owned: int = field(init=False, default=0)  # owners whose first page is there
    _squares: int = field(init=False, default=0)  # of the rows that each owner has, added up
    _seen: set[int] = field(init=False, default_factory=set)  # ids of rows that do not tell their owner
    _first: _Came = field(init=False)
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
        self._most_pages = _MOST_PAGES if plan.spec.short_page_ends else 1
        block = _Block(self._take(_FIRST_BLOCK))
        self._first = self._came(block, [self.reader.page(self._params(block, None))])
        return self._first.rows

    def blocks(self, decode: Decode[T]) -> Generator[T, None, None]:
        """The rows of all blocks."""
        plan, facts = self.reader.plan, self.facts
        facts.begun = True
        again: deque[_Block] = deque()
        for answered in itertools.chain([[self._first]], self._asked(again)):
            for came in answered:
                self._check(came.block, came.rows)
                facts.last_id = self._id(came.rows[-1]) if came.rows else facts.last_id
                if came.more:
                    again.append(_Block(came.block.owners, after=facts.last_id))
            # All rows of an answer are decoded at once: a call costs as much as 500 rows.
            together = [row for came in answered for row in came.rows]
            yield from facts.page(together, decode, plan.limit, pages=sum(came.pages for came in answered))
            if plan.limit is not None and facts.rows >= plan.limit:
                facts.reason = "limit"
                return
        facts.ended("all_owners")

    def _asked(self, again: deque[_Block]) -> Iterator[list[_Came]]:
        """What each request brought, in the order of requests; what the caller puts into ``again`` comes along."""
        pace = Pace.of(self.workers)
        under_way: deque[tuple[list[_Block], Future[Answers]]] = deque()
        pool = ThreadPoolExecutor(pace.in_flight, thread_name_prefix="b24data")
        try:
            while again or self._waiting or under_way:
                at_once = 1 if self._owned <= _FIRST_BLOCK else pace.in_flight  # a few owners are a poor guide
                while len(under_way) < at_once and (blocks := self._next(again, pace.commands)):
                    commands = [*self._commands(blocks)]
                    under_way.append((blocks, pool.submit(self.reader.pages, commands, len(self._waiting))))
                if not under_way:
                    continue
                blocks, future = under_way.popleft()
                answers = future.result()
                yield from self._read(blocks, answers)
                pace.timed_out() if answers.timed_out else pace.measured(answers.portal_s / len(answers.each))
        except BaseException:
            self.reader.context.cancel.set()
            self.reader.session.interrupt()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()

    def _next(self, again: deque[_Block], most: int) -> list[_Block]:
        blocks = [again.popleft() for _ in range(min(most, len(again)))]
        room = most - len(blocks)
        owned = max(self._owned, 1)
        mean = max(self.facts.rows, 1) / owned
        variance = max(0.0, self._squares / owned - mean**2)
        while room and self._waiting:
            pages, count = block_shape(self.reader.plan.spec.page, mean, variance, min(self._most_pages, room))
            owners = self._take(count)
            blocks.append(_Block(owners, math.ceil(pages * len(owners) / count)))
            room -= blocks[-1].pages
        return blocks

    def _take(self, count: int) -> tuple[Any, ...]:
        return tuple(self._waiting.popleft() for _ in range(min(count, len(self._waiting))))

    def _commands(self, blocks: Sequence[_Block]) -> Iterator[Command]:
        plan, number = self.reader.plan, itertools.count()
        for block in blocks:
            after: int | str | None = block.after
            for _ in range(block.pages):
                key = f"c{next(number)}"
                yield Command(key, plan.method, self._params(block, after))
                after = reference(plan, key, plan.spec.page - 1)

    def _params(self, block: _Block, after: int | str | None) -> dict[str, Any]:
        plan = self.reader.plan
        params = plan.keyset_page(after, None)
        conditions = params.get(str(plan.spec.filter)) or {}
        return {**params, str(plan.spec.filter): {**conditions, self._key: list(block.owners)}}

    def _read(self, blocks: Sequence[_Block], answers: Answers) -> Iterator[list[_Came]]:
        """The rows of each block; those that came are passed on before the error of another one is raised."""
        found: list[_Came] = []
        following = iter(answers.each)
        try:
            for block in blocks:
                first, *others = itertools.islice(following, block.pages)
                alone = Command("c0", self.reader.plan.method, self._params(block, block.after))
                found.append(self._came(block, [self.reader.retry_alone(first, alone), *others]))
        except SdkError:
            yield found
            raise
        yield found

    def _came(self, block: _Block, answers: Sequence[Answer | SdkError]) -> _Came:
        """The rows of the pages that follow one another.

        Behind a page that is not full a reference leads nowhere, and what the portal then sends is left out.
        """
        spec, rows, pages = self.reader.plan.spec, list[Row](), 0
        full = True
        for answer in answers:
            if not full or isinstance(answer, SdkError):
                break
            if rows and answer.rows and self._id(answer.rows[0]) <= self._id(rows[-1]):
                self._most_pages = 1  # the reference was not resolved
                break
            rows += answer.rows
            pages += 1
            full = len(answer.rows) >= spec.page or bool(answer.rows and not spec.short_page_ends)
        return _Came(block, rows, full, pages)

    def _check(self, block: _Block, rows: Sequence[Row]) -> None:
        """Each row is of an owner that was asked for, and ids rise behind the one that was told."""
        ids = [self._id(row) for row in rows]
        if any(a >= b for a, b in itertools.pairwise([*([] if block.after is None else [block.after]), *ids])):
            raise ProtocolViolationError(f"{self.reader.plan.method} ignores the order by id, or the start of a page")
        owners = [*map(self._owner, rows)]
        self._owned += len(block.owners) if block.after is None else 0
        self._squares += sum(count**2 for count in Counter(owners).values()) if None not in owners else 2 * len(rows)
        wrong = _others(owners, block.owners)
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
