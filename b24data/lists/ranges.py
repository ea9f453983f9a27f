"""The keyset walk: which ranges of ids to ask for next, and what an answer proves. Pure: no socket, clock or thread.

A list is a stretch of positions (ids, or their negatives when walking downwards) from ``low`` to ``high``, the largest
position when the walk began. It is read in ranges ``(lo, hi]``. A range is read by a *chain*: commands of one batch,
each asking for the page behind the last row of the one before it. Ranges are independent of each other, so several
batches can be under way; the rows are put in order by :class:`RangePlanner`, which ends when everything from ``low`` to
``high`` is covered.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from b24data.errors import SdkError
from b24data.lists.capability import Capability

T = TypeVar("T")
Row = TypeVar("Row")
Ending = Literal["full", "short_page", "empty_page", "reached_pinned_id", "failed"]

# A segment expected to hold more rows than this is sampled in several places before it is read: how dense the ids are
# at its start says little about its far end.
SURVEY_ROWS = 25_000
# ... one sample for about this many rows. A sample has this many pages.
SURVEY_STEP = 10_000
SURVEY_PAGES = 2
# This many samples are sent as a request of their own: the next requests depend on what they show.
SURVEY_ALONE = 4
# A batch is filled up with chains of this many commands or more.
SHORTEST_CHAIN = 4
# A batch of fewer commands waits while others are under way that may leave more to go with it; where the portal is
# known to handle few requests at a time, only while it is busy.
SMALL_BATCH = 10
# The last batches are cut so that they end together. Each has at least this many commands.
LAST_BATCH = 30
# At most this many chains behind the last row that came of a stretch are under way: all of them may come back empty.
MOST_OF_A_STRETCH = 5
# Where this many rows wait for earlier ones, only the earliest range is asked for. What is under way then still comes:
# with 24 requests of 2,500 rows, the most that a walk has (pace.MOST_IN_FLIGHT), no more than 120,000 rows ever wait.
MOST_ROWS_WAITING = 60_000


@dataclass(frozen=True, slots=True)
class Chain:
    """``pages`` consecutive pages of the range ``(lo, hi]``.

    ``alone``: asked by a call of its own, not in a batch. ``most_rows``: what is more is not wanted. ``stretch`` is the
    number of the segment it was cut from.
    """

    lo: int
    hi: int
    pages: int
    alone: bool = False
    most_rows: int | None = None
    stretch: int = 0


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Row]):
    """What a chain brought: the rows of ``(chain.lo, reached]``, and why it ended there."""

    rows: list[Row]
    pages: int
    reached: int
    ending: Ending
    first: int | None = None
    last: int | None = None
    error: SdkError | None = None


def read_chain(
    chain: Chain,
    answers: Sequence[Sequence[Row] | SdkError],
    position_of: Callable[[Row], int],
    *,
    page: int,
    capability: Capability,
) -> Outcome[Row]:
    """The rows that a chain's answers prove.

    What follows its first short or failed page is not even looked at: it was asked with a reference to a row that is
    not there, and what a portal makes of such a reference is not documented (settings/how-to-call-rest-api/batch.md).
    """
    rows: list[Row] = []
    first: int | None = None
    reached = chain.lo
    pages = 0
    ending: Ending = "full"
    error: SdkError | None = None
    for answer in answers:
        if isinstance(answer, SdkError):
            ending, error = "failed", answer
            break
        pages += 1
        if not answer:
            ending = "empty_page"
            break
        first = position_of(answer[0]) if first is None else first
        rows.extend(answer)
        reached = position_of(answer[-1])
        if reached >= chain.hi:
            ending = "reached_pinned_id"
            break
        if len(answer) < page:
            ending = "short_page" if capability.short_page_ends else "full"
            break
    if reached > chain.hi and not capability.below:
        rows = [row for row in rows if position_of(row) <= chain.hi]
        reached = chain.hi
    if chain.most_rows is not None and len(rows) > chain.most_rows:
        del rows[chain.most_rows :]
        reached, ending = position_of(rows[-1]), "full"
    last = position_of(rows[-1]) if rows else None
    if ending in ("empty_page", "short_page"):
        reached = chain.hi
    return Outcome(rows, pages, reached, ending, first, last, error)


@dataclass(slots=True)
class Segment:
    """Positions ``(lo, hi]`` still to be asked for. ``density`` is rows per position; None: not known here.

    ``sample`` is how many pages are asked for where it is not known. Segments and chains that were cut from one another
    have the same ``stretch``.
    """

    lo: int
    hi: int
    density: float | None
    stretch: int
    alone: bool = False
    sample: int = 1

    @property
    def rows(self) -> float:
        """How many rows to expect."""
        return math.inf if self.density is None else self.density * (self.hi - self.lo)


@dataclass(frozen=True, slots=True)
class Block(Generic[T]):
    """Decoded rows of the positions ``(lo, hi]``: a piece of the list with nothing missing inside."""

    lo: int
    hi: int
    data: T | None
    rows: int
    pages: int
    ending: Ending


@dataclass(slots=True)
class RangePlanner(Generic[T]):
    """The state of one walk over ``(low, high]``.

    Ask :meth:`next_request` for the chains of the next batch, report each with :meth:`answered`, and take what can be
    passed on from :meth:`ready`. ``limit`` makes it read one range after the other and stop asking when it has enough.
    """

    low: int
    high: int
    page: int = 50
    capability: Capability = field(default_factory=Capability)
    limit: int | None = None
    density: float | None = None
    covered: int = field(init=False)
    rows: int = field(init=False, default=0)
    ending: Ending = field(init=False, default="empty_page")
    _stretches: Iterator[int] = field(init=False, default_factory=itertools.count)
    _pending: list[Segment] = field(init=False, default_factory=list)
    _waiting: dict[int, Block[T]] = field(init=False, default_factory=dict)
    _rows_waiting: int = field(init=False, default=0)
    _rows_seen: int = field(init=False, default=0)
    _width_seen: int = field(init=False, default=0)
    _under_way: dict[int, set[Chain]] = field(init=False, default_factory=lambda: defaultdict(set))  # by stretch
    _seen: dict[int, int] = field(init=False, default_factory=dict)  # the last row of each stretch so far

    def __post_init__(self) -> None:
        self.covered = self.low
        self._add(Segment(self.low, self.high, self.density, next(self._stretches)))

    @property
    def done(self) -> bool:
        """Whether every position is covered, or the limit is reached."""
        return self.covered >= self.high or (self.limit is not None and self.rows >= self.limit)

    @property
    def _chains_under_way(self) -> int:
        return sum(map(len, self._under_way.values()))

    @property
    def remaining_commands(self) -> int:
        """About how many commands are still to be sent: for the operating limit."""
        return sum(map(self._commands_for, self._pending))

    def next_request(self, commands: int, at_once: float = math.inf) -> list[Chain]:
        """Chains of at most ``commands`` commands together that can be asked for now; none: wait for answers.

        The portal handles ``at_once`` requests at a time, if it is known: the last ones are shorter and end together.
        """
        chains: list[Chain] = []
        under_way = self._chains_under_way
        waits = under_way >= at_once if at_once < math.inf else under_way > 0
        if waits and self._askable() < min(commands, SMALL_BATCH):
            return chains
        room, samples = commands, 0
        if at_once < math.inf:
            room = min(commands, max(LAST_BATCH, math.ceil(1.5 * self.remaining_commands / at_once)))
        while room > 0 and (segment := self._next_segment()) is not None:
            if (segment.alone and chains) or (segment.density is not None and samples >= SURVEY_ALONE):
                break
            samples += segment.density is None
            chain = self._cut(segment, room, fill=bool(chains))
            if chain is None:
                break
            chains.append(chain)
            self._under_way[chain.stretch].add(chain)
            room -= chain.pages
            if chain.alone:
                break
        return chains

    def answered(self, chain: Chain, outcome: Outcome[Row], data: T | None) -> None:
        """Take in what a chain brought; ``data`` is its decoded rows. What it left open is asked for again."""
        self._under_way[chain.stretch].discard(chain)
        if outcome.last is not None:
            self._seen[chain.stretch] = max(outcome.last, self._seen.get(chain.stretch, outcome.last))
        if outcome.reached > chain.lo:
            self._rows_waiting += len(outcome.rows)
            self._waiting[chain.lo] = Block(
                chain.lo, outcome.reached, data, len(outcome.rows), outcome.pages, outcome.ending
            )
        density = self._density(chain, outcome)
        if outcome.reached < chain.hi:
            self._add(Segment(outcome.reached, chain.hi, density, chain.stretch, alone=outcome.ending == "failed"))
        elif density is not None:
            self._learn(chain, density)

    def ready(self) -> list[Block[T]]:
        """The blocks that have nothing missing before them, in order."""
        blocks: list[Block[T]] = []
        while not self.done and (block := self._waiting.pop(self.covered, None)) is not None:
            self.covered = block.hi
            self.rows += block.rows
            self._rows_waiting -= block.rows
            self.ending = block.ending
            blocks.append(block)
        return blocks

    def _next_segment(self) -> Segment | None:
        """The segment to ask for now: a sample before anything else, then the earliest."""
        return min(self._open_segments(), key=lambda s: (s.density is not None, s.lo), default=None)

    def _open_segments(self) -> Iterator[Segment]:
        """The segments that may be asked for now, the earliest first."""
        if self.limit is not None or not self.capability.below:  # one range after the other
            yield from self._pending[: 0 if self._chains_under_way else 1]
            return
        for segment in self._pending:
            if segment.lo > self.covered and self._rows_waiting >= MOST_ROWS_WAITING:
                return
            if segment.density is None or self._has_rows(segment):
                yield segment

    def _has_rows(self, segment: Segment) -> bool:
        """Whether rows are likely there: before one that came, or behind few chains that may all be empty."""
        seen = self._seen.get(segment.stretch, self.low)
        behind = sum(chain.hi > seen for chain in self._under_way[segment.stretch])
        return segment.hi <= seen or behind < MOST_OF_A_STRETCH

    def _askable(self) -> int:
        """About how many commands can be sent now."""
        return sum(map(self._commands_for, self._open_segments()))

    def _commands_for(self, segment: Segment) -> int:
        if segment.alone:
            return 1
        return segment.sample if segment.density is None else math.ceil(segment.rows / self.page)

    def _cut(self, segment: Segment, room: int, *, fill: bool) -> Chain | None:
        """Take a chain off the beginning of the earliest segment; None: not worth it in what is left of a batch."""
        most = room if self._can_chain and not segment.alone else 1
        if self.limit is not None:
            wanted = self.limit - self.rows
            return self._take(segment, segment.hi, min(most, math.ceil(wanted / self.page)), wanted)
        if segment.alone or segment.density is None:
            return self._take(segment, segment.hi, min(most, segment.sample))
        if not self.capability.below:
            return self._take(segment, segment.hi, most)
        if not self._can_chain:
            return self._take(segment, segment.lo + max(1, int(0.8 * self.page / segment.density)), 1)
        return self._cut_chain(segment, room, fill=fill)

    def _cut_chain(self, segment: Segment, room: int, *, fill: bool) -> Chain | None:
        pages = math.ceil(segment.rows / self.page) + 1
        if pages <= room:
            return self._take(segment, segment.hi, pages)
        if fill and room < SHORTEST_CHAIN:
            return None
        # One page to spare for a row more than expected; where ids are dense, there can be no more rows than ids.
        width = max(room * self.page, int((room - 1) * self.page / (segment.density or 1.0)))
        return self._take(segment, segment.lo + width, room)

    @property
    def _can_chain(self) -> bool:
        # A reference names the last row of a full page, so there must be such a thing as a full page.
        return self.capability.chains and self.capability.short_page_ends

    def _take(self, segment: Segment, hi: int, pages: int, most_rows: int | None = None) -> Chain:
        hi = min(hi, segment.hi)
        pages = min(pages, math.ceil((hi - segment.lo) / self.page))
        chain = Chain(segment.lo, hi, pages, segment.alone, most_rows, segment.stretch)
        if hi == segment.hi:
            self._pending.remove(segment)
        else:
            segment.lo = hi
        return chain

    def _add(self, segment: Segment) -> None:
        """Put a segment among the pending ones; a large one is sampled in several places before it is read."""
        if segment.lo >= segment.hi:
            return
        for part in self._survey(segment):
            bisect.insort(self._pending, part, key=lambda s: s.lo)

    def _survey(self, segment: Segment) -> Iterator[Segment]:
        """The segment in pieces: what is far from where its density was measured gets an unknown one."""
        while self._needs_survey(segment):
            width = segment.hi - segment.lo
            parts = max(2, min(50, math.ceil(segment.rows / SURVEY_STEP), width))
            cuts = [segment.lo + width * k // parts for k in range(1, parts + 1)]
            for lo, hi in itertools.pairwise(cuts):
                yield Segment(lo, hi, None, next(self._stretches), sample=SURVEY_PAGES)
            segment.hi = cuts[0]
        yield segment

    def _needs_survey(self, segment: Segment) -> bool:
        sampled = segment.density is None or segment.alone
        return not sampled and segment.rows > SURVEY_ROWS and self.limit is None and self.capability.below

    def _learn(self, chain: Chain, density: float) -> None:
        """Apply what a range that was read to its end says about what is left of its stretch."""
        for follower in self._pending:
            if follower.stretch != chain.stretch or follower.lo < chain.hi or follower.density is None:
                continue
            # Far fewer rows than expected: look where the next one is before asking for whole ranges again.
            follower.density = None if density < follower.density / 4 else density

    def _density(self, chain: Chain, outcome: Outcome[Row]) -> float | None:
        """Rows per position, as a chain has shown it; None where it shows nothing."""
        between = None
        if outcome.first is not None and outcome.last is not None and outcome.last > outcome.first:
            # Between the first and the last row: an empty stretch before or behind says nothing about these.
            self._rows_seen += len(outcome.rows) - 1
            self._width_seen += outcome.last - outcome.first
            between = (len(outcome.rows) - 1) / (outcome.last - outcome.first)
        ended = outcome.ending in ("empty_page", "short_page")
        here = len(outcome.rows) / (chain.hi - chain.lo) if ended else between
        if here is None or not self._width_seen:
            return here
        # A page or two tell a density to within a quarter; where they agree with the rest, the rest tells it better.
        everywhere = self._rows_seen / self._width_seen
        return everywhere if 0.75 * everywhere < here < 1.33 * everywhere else here
