"""Drives a keyset walk: asks what it wants asked, side by side in a few threads, and passes on what came, in order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

from b24data.errors import ProtocolViolationError, SdkError
from b24data.http.encode import Command
from b24data.http.reading import ReadingThread
from b24data.lists.capability import (
    ENOUGH_ROWS,
    Capability,
    check_order,
    judge_parts,
    judge_probe,
    opening_commands,
    part_commands,
    reference,
)
from b24data.lists.counted import CountedWalk
from b24data.lists.pace import Pace, Ticket
from b24data.lists.ranges import Block, Chain, Outcome, RangePlanner, read_chain
from b24data.lists.reader import Answer, Answers, PageReader
from b24data.lists.rows import Row, id_reader
from b24data.lists.walk import Decode, IdRun, WalkFacts

T = TypeVar("T")
# How often to look up from waiting for answers: on Windows a blocked wait does not see Ctrl-C.
_LOOK_UP_S = 0.5
_OPENING_PAGES = 2  # whole pages of the batch that opens a walk; its probe is a few rows


@dataclass(frozen=True, slots=True)
class Opening:
    """The first page, the last page (backwards), and what was seen; ``wall_s`` and ``portal_s`` are of their batch.

    ``enough``: there were rows enough to see whether bounds and references work.
    """

    first: list[Row]
    last: list[Row]
    capability: Capability
    enough: bool
    wall_s: float
    portal_s: float


def judge_opening(reader: PageReader, answers: Answers, position_of: Callable[[Row], int]) -> Opening:
    """What the answers to :func:`opening_commands` show; a second batch asks one by one if the probe went wrong."""
    plan = reader.plan
    *pages, probe = answers.each
    first, last = (page.rows for page in map(reader.retry_alone, pages, opening_commands(plan)))
    heads, tails = ([position_of(row) for row in rows] for rows in (first, last))
    whole = heads[-1:] == tails[:1]
    full = whole or len(first) == plan.spec.page
    capability = Capability(order=check_order(heads, tails), short_page_ends=plan.spec.short_page_ends and full)

    def seen(answer: Answer | SdkError) -> Sequence[int] | SdkError:
        return answer if isinstance(answer, SdkError) else [position_of(row) for row in answer.rows]

    enough = len(first) >= ENOUGH_ROWS
    if not enough:
        if not whole:
            capability = replace(capability, below=False, floor=False, chains=False)
    elif capability.order and not judge_probe(heads, seen(probe)):
        questions = part_commands(plan, heads)
        *singles, chained = reader.pages(questions).each
        answered = [*map(reader.retry_alone, singles, questions), chained]
        capability = judge_parts(heads, [*map(seen, answered)], capability)
    return Opening(first, last, capability, enough, answers.wall_s, answers.portal_s)


class _Read(NamedTuple, Generic[T]):
    chain: Chain
    outcome: Outcome[Row]
    data: T | None


@dataclass(frozen=True, slots=True)
class _Answered(Generic[T]):
    chains: list[_Read[T]]
    ticket: Ticket
    wall_s: float
    portal_s: float
    timed_out: bool
    elapsed_s: float


class KeysetWalk:
    """One list read by ranges of its ids, side by side; by counted pages where the portal does not honour ids."""

    def __init__(
        self, reader: PageReader, facts: WalkFacts, *, workers: int | None = None, count: bool = False
    ) -> None:
        self._reader = reader
        self._plan = reader.plan
        self._facts = facts
        self._pace = Pace.of(workers)
        self._count = count
        self._capability = Capability()
        self._first: list[Row] = []
        self._last: list[Row] = []
        self._instead: CountedWalk | None = None
        read = id_reader(reader.plan.spec)
        self._position_of: Callable[[Row], int] = lambda row: reader.plan.position(read(row))

    def open(self) -> Sequence[Row]:
        """Ask for the first and the last page, and find out what the portal honours."""
        self._facts.walk = "keyset"
        answers = self._reader.pages(opening_commands(self._plan))
        opening = judge_opening(self._reader, answers, self._position_of)
        self._pace.measured(opening.portal_s / _OPENING_PAGES)
        self._pace.answered(self._pace.sent(), opening.wall_s, opening.portal_s)
        self._first, self._last, self._capability = opening.first, opening.last, opening.capability
        if self._capability.order and self._capability.above:
            return self._first
        ignored = "a bound on the id" if self._capability.order else "the order"
        flaw = f"{self._reader.session.portal} ignores {ignored} in {self._plan.method}"
        if self._plan.spec.start is None or self._plan.begin is not None:
            raise ProtocolViolationError(flaw)
        self._facts.notes.append(f"{flaw}: counted pages were read instead")
        self._instead = CountedWalk(self._reader, self._facts)
        return self._instead.open()

    def blocks(self, decode: Decode[T]) -> Generator[T, None, None]:
        """The decoded rows in the order of the walk; the facts are complete when it ends."""
        if self._instead is not None:
            yield from self._instead.blocks(decode)
            return
        plan, facts, first = self._plan, self._facts, self._first
        facts.begun = True
        if not first:
            self._end("empty_page")
            return
        low = self._position_of(first[0]) - 1 if plan.first is None else plan.first
        high = max(self._position_of(row) for row in (first[-1], *self._last[:1]))
        if facts.pinned_id is None:  # else it is that of the walk that this one resumes
            facts.pinned_id = plan.position(high)
        planner: RangePlanner[T] = RangePlanner(low, high, plan.spec.page, self._capability, plan.limit)
        [opening] = planner.next_request(1)
        self._take_in(planner, *self._read([opening], [first], decode))
        for block in self._side_by_side(planner, decode):
            facts.rows += block.rows
            facts.pages += block.pages
            facts.last_id = plan.position(block.hi)
            facts.fraction = (block.hi - low) / (high - low)
            if block.data is not None:
                yield block.data
        if planner.covered < high:
            facts.reason = "limit"
            return
        self._end(planner.ending)

    def _end(self, reason: str) -> None:
        if self._count and self._facts.pinned_id is not None:
            self._compare_count(self._plan.position(self._facts.pinned_id))
        self._facts.ended(reason)

    def _compare_count(self, high: int) -> None:
        """Compare with what the portal counts up to the pinned id. Fewer is not an error: rows can be deleted during
        a walk."""
        if self._plan.spec.start is None:
            self._facts.notes.append(f"{self._plan.method} can't be counted")
            return
        self._facts.total = self._reader.page(self._plan.count(high)).response.total
        if self._facts.total is not None and self._facts.total > self._facts.rows:
            raise ProtocolViolationError(
                f"{self._plan.method}: the portal counts {self._facts.total:,} rows and sent {self._facts.rows:,}"
            )

    # -- the ranges, side by side ---------------------------------------------------------------------------------

    def _side_by_side(self, planner: RangePlanner[T], decode: Decode[T]) -> Iterator[Block[T]]:
        """Keep as many requests under way as the pace allows, until all ranges are covered."""
        pace = self._pace
        pool = ThreadPoolExecutor(pace.most_in_flight, thread_name_prefix="b24data")
        under_way: set[Future[_Answered[T]]] = set()
        self._reader.context.reading = reading = ReadingThread()
        try:
            yield from planner.ready()
            while not planner.done:
                while len(under_way) < pace.in_flight and (chains := planner.next_request(pace.commands, pace.at_once)):
                    ticket, remaining = pace.sent(len(under_way)), planner.remaining_commands
                    under_way.add(pool.submit(self._ask_chains, reading, chains, ticket, remaining, decode))
                answered, under_way = wait(under_way, timeout=_LOOK_UP_S, return_when=FIRST_COMPLETED)
                for future in answered:
                    self._account(planner, future.result())
                yield from planner.ready()
        except BaseException:
            # Whatever ends the walk early, Ctrl-C included: no more requests may leave, and no one waits for answers.
            self._reader.context.cancel.set()
            self._reader.session.interrupt()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        else:
            pool.shutdown()
        finally:
            self._reader.context.reading = None
            reading.close()

    def _ask_chains(
        self, reading: ReadingThread, chains: list[Chain], ticket: Ticket, remaining: int, decode: Decode[T]
    ) -> _Answered[T]:
        """In a worker: ask, and have the reading thread find out which answers count and decode their rows."""
        commands: list[Command] = []
        for chain in chains:
            commands.extend(self._chain_commands(chain, len(commands)))
        with reading.one_answer():
            answers = self._reader.pages(commands, remaining)
            rows = (answer if isinstance(answer, SdkError) else answer.rows for answer in answers.each)
            read = reading.run(self._read, chains, rows, decode)
        return _Answered(read, ticket, answers.wall_s, answers.portal_s, answers.timed_out, answers.elapsed_s)

    def _chain_commands(self, chain: Chain, number: int) -> Iterator[Command]:
        upto = chain.hi if self._capability.below else self._plan.high
        # Should a reference stay unresolved, this bound keeps the command from reading the list from its beginning.
        floor = chain.lo + 1 if self._capability.floor and chain.pages > 1 else None
        after: int | str = chain.lo
        for key in (f"c{number + k}" for k in range(chain.pages)):
            yield Command(key, self._plan.method, self._plan.keyset_page(after, upto, floor=floor))
            after = reference(self._plan, key, self._plan.spec.page - 1)

    def _read(
        self, chains: Sequence[Chain], pages: Iterable[Sequence[Row] | SdkError], decode: Decode[T]
    ) -> list[_Read[T]]:
        """What each chain brought. All rows of an answer are decoded at once: a call costs as much as 500 rows."""
        page, capability, following = self._plan.spec.page, self._capability, iter(pages)
        outcomes = [
            read_chain(
                chain,
                list(itertools.islice(following, chain.pages)),
                self._position_of,
                page=page,
                capability=capability,
            )
            for chain in chains
        ]
        decoded = iter(decode([outcome.rows for outcome in outcomes if outcome.rows]))
        read: list[_Read[T]] = []
        for chain, outcome in zip(chains, outcomes, strict=True):
            data, run = next(decoded) if outcome.rows else (None, None)
            if run is not None:
                self._check_ids(chain, run)
            read.append(_Read(chain, outcome, data))
        return read

    def _check_ids(self, chain: Chain, run: IdRun) -> None:
        """Ids must rise, lie inside what was asked for, and never repeat."""
        if run.ordered and chain.lo < self._plan.position(run.first) and self._plan.position(run.last) <= chain.hi:
            return
        lo, hi = sorted((self._plan.position(chain.lo), self._plan.position(chain.hi)))
        wrong = "out of order or twice" if not run.ordered else f"that are not between {lo} and {hi}, as was asked"
        raise ProtocolViolationError(
            f"{self._reader.session.portal} sent ids {wrong}, so {self._plan.method} may be incomplete"
        )

    def _account(self, planner: RangePlanner[T], answered: _Answered[T]) -> None:
        for read in answered.chains:
            self._take_in(planner, read)
        if answered.timed_out:
            self._pace.timed_out()
            return
        self._pace.answered(answered.ticket, answered.wall_s, answered.portal_s, answered.elapsed_s)
        if pages := sum(read.outcome.pages for read in answered.chains):
            self._pace.measured(answered.portal_s / pages)

    def _take_in(self, planner: RangePlanner[T], read: _Read[T]) -> None:
        if read.outcome.error is not None and read.chain.alone:
            raise read.outcome.error
        planner.answered(read.chain, read.outcome, read.data)
