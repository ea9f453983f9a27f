"""The walks by place: pages by the rows before them (``offset``, ``offset_limit``) or by their number (``page_nav``).

Rows that come or go meanwhile shift such pages, portals count wrongly, and some send their last page for ever. So a
pass over the list counts when every page carried the same total and as many different rows came, or when it went
to an empty page without a row twice. Otherwise the list is read once more, page by page without batches, and that
reading has to be clean, or to bring the very same rows and as many as the portal counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from b24data.errors import ProtocolViolationError, SdkError
from b24data.http.encode import MAX_COMMANDS, Command
from b24data.lists.plan import ListPlan, Params
from b24data.lists.reader import Answer, PageReader
from b24data.lists.rows import Row, id_in, value_at
from b24data.lists.walk import Decode, WalkFacts
from b24data.text.hints import option

T = TypeVar("T")
# So many empty pages, one after the other, may hide rows that the portal counts.
_MOST_EMPTY = 100


@dataclass(slots=True)
class CountedWalk:
    """The rows of all pages, each once; those that only a second reading brings come last."""

    reader: PageReader
    facts: WalkFacts
    _opening: Answer = field(init=False)

    def open(self) -> Sequence[Row]:
        """Ask for the page at the first place."""
        plan = self.reader.plan
        self.facts.walk = "offset" if plan.walk == "keyset" else plan.walk
        self._opening = self.reader.page(plan.page_at(0))
        return self._opening.rows

    def blocks(self, decode: Decode[T]) -> Generator[T, None, None]:
        """The pages of one pass over the list, and of a second one if the first is not proven."""
        reader, facts, plan = self.reader, self.facts, self.reader.plan
        facts.begun = True
        first = _Reading(reader, facts, _identified(plan, self._opening.rows))
        yield from first.blocks(self._opening, decode)
        if first.is_cut:
            facts.reason = "limit"
            return
        if first.proof:
            facts.ended(first.proof)
            return
        facts.notes.append(f"{first.doubt}: the list was read again")
        second = _Reading(reader, facts, first.identified, before=first.seen)
        yield from second.blocks(reader.page(plan.page_at(0)), decode, one_by_one=True)
        if second.is_cut:
            facts.reason = "limit"
            return
        facts.ended(self._compared(first, second))

    def _compared(self, first: _Reading, second: _Reading) -> str:
        """Why two readings together have all rows."""
        short, same = _short(first, second), first.seen.keys() == second.seen.keys()
        proof = second.proof or ("empty_page" if same and second.ending == "empty_page" else "")
        if short or (not first.identified and first.seen - second.seen):
            proof = ""  # without an id, rows that went and rows that changed look alike
        if short and same:
            raise ProtocolViolationError(
                f"{self.reader.plan.method}: {short}, and a second pass returned no more",
                hint="the others may be rows that this user has no right to see: sign in as another user, "
                f"or accept the rows that arrived with {option('partial', True)}",
            )
        if not proof:
            raise ProtocolViolationError(
                f"{self.reader.plan.method}: {second.doubt or short}, and two passes over the list differ",
                hint="rows were created or deleted meanwhile; run it again",
            )
        self.facts.notes += [f"both passes returned the same {second.rows:,} rows"] if proof == "empty_page" else []
        return proof


def _short(first: _Reading, second: _Reading) -> str:
    """What tells that the second reading has fewer rows than the portal counts."""
    total = (first.least if second.least is None else second.least) or 0
    return f"the portal counts {total:,} rows and sent {second.rows:,}" if second.rows < total else ""


@dataclass(slots=True)
class _Reading:
    """One reading of the list, from the first page on. ``seen`` has how often each row came, by its key.

    ``identified``: the rows have an id, so that one that comes twice is the same row. Rows without an id may be equal.
    ``rows`` are the different ones, ``before`` those of the reading before this one. ``least`` is the lowest total
    that the portal sent with rows; 0 and -1 do not count as totals there.
    """

    reader: PageReader
    facts: WalkFacts
    identified: bool
    before: Counter[Any] = field(default_factory=Counter)
    seen: Counter[Any] = field(default_factory=Counter, init=False)
    rows: int = field(init=False, default=0)
    repeated: int = field(init=False, default=0)
    ending: str = field(init=False, default="")
    least: int | None = field(init=False, default=None)
    _counts: list[int] = field(init=False, default_factory=list)
    _step: int = field(init=False, default=0)
    _idle: int = field(init=False, default=0)
    _moved: bool = field(init=False, default=False)
    _arrived: bool = field(init=False, default=False)
    _pages: set[bytes] = field(init=False, default_factory=set)
    _key: Callable[[Row], Any] = field(init=False)
    _digests: dict[Any, bytes] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._key = _key_reader(self.reader.plan.spec.id) if self.identified else _digest

    @property
    def total(self) -> int | None:
        """What the portal counts; None where it does not, or where more rows came than that."""
        total = self._counts[-1] if self._counts else None
        return total if total is not None and total >= self.rows else None

    @property
    def proof(self) -> str:
        """Why this pass has all rows; empty if it is not proven."""
        if self.doubt:
            return ""
        return "total_reached" if self.rows == self.total else self.ending

    @property
    def doubt(self) -> str:
        """What is wrong with this reading."""
        if len(set(self._counts)) > 1:
            return f"the portal's total changed from {self._counts[0]:,} to {self._counts[-1]:,}"
        if self.repeated and not self.reader.plan.spec.overlaps:
            return f"{self.repeated:,} rows arrived twice"
        if self.total is not None and self.rows < self.total:
            return f"the portal counts {self.total:,} rows and sent {self.rows:,}"
        return "rows moved from page to page" if self._moved else ""

    @property
    def is_cut(self) -> bool:
        """Whether the limit ended the walk before its end."""
        limit = self.reader.plan.limit
        return limit is not None and self.facts.rows >= limit and self.facts.rows != self.total

    def blocks(self, opening: Answer, decode: Decode[T], *, one_by_one: bool = False) -> Iterator[T]:
        """The decoded rows of its pages, as far as they are wanted."""
        facts, limit = self.facts, self.reader.plan.limit
        for rows in self._new_rows(opening, one_by_one=one_by_one):
            yield from facts.page(rows, decode, limit)
            if limit is not None and facts.rows >= limit:
                return

    def _new_rows(self, opening: Answer, *, one_by_one: bool) -> Iterator[list[Row]]:
        """The rows of each page that neither this reading nor the one before it has had."""
        plan = self.reader.plan
        next_place = opening.response.next or 0
        by_rows = plan.spec.number is None and plan.spec.size is not None
        # A page that is short because of the user's rights still counts as a whole one.
        self._step = 1 if plan.spec.number else next_place if next_place > 0 else plan.spec.page_asked
        yield self._take(opening)
        if not opening.rows and not self.total:
            self.ending = "empty_page"
        place = len(opening.rows) if by_rows and opening.rows else self._step
        if not (one_by_one or by_rows or plan.spec.number):
            place = yield from self._batches(place)
        previous = opening.rows
        while not self._arrived and not self.ending:
            linked = by_rows and self.total is None and not plan.spec.overlaps and len(previous) > 1
            answer = self._linked(previous[-1], place) if linked else self.reader.page(plan.page_at(place))
            previous = answer.rows or previous
            rows_before = place * plan.spec.page_asked if plan.spec.number else place
            if not answer.rows:
                self._take(answer)
                self._nothing_at(rows_before)
            elif self._is_known(answer):
                self._nothing_new(answer)
            else:
                self._idle = 0
                yield self._take(answer)
            place += len(answer.rows) if by_rows and not self._idle else self._step

    def _batches(self, place: int) -> Generator[list[Row], None, int]:
        """The pages up to the total, many to a request; the place from which to go on one by one.

        A page that is empty or known already is asked for again alone: some methods answer only that rightly.
        """
        plan = self.reader.plan
        while not self._arrived and (starts := range(place, self._wanted, self._step)[:MAX_COMMANDS]):
            commands = [Command(f"p{start}", plan.method, _named(plan.page_at(start))) for start in starts]
            answers = self.reader.pages(commands).each
            for answer in answers:
                self._count(answer)
            for start, command, answer in zip(starts, commands, answers, strict=True):
                page = self.reader.retry_alone(answer, command)
                if not page.rows or self._is_known(page):
                    return start
                yield self._take(page)
                place = start + self._step
        return place

    def _linked(self, last: Row, place: int) -> Answer:
        """The page at ``place``, asked for with the row before it.

        Without a total, only that row tells whether the rows still stand where they stood.
        """
        answer = self.reader.page(self.reader.plan.page_at(place - 1))
        if not answer.rows or self._key(answer.rows[0]) != self._key(last):
            self._moved = True
            return answer
        return msgspec.structs.replace(answer, rows=answer.rows[1:])

    def _nothing_at(self, rows_before: int) -> None:
        """An empty page: the end, unless the portal counts more rows than lie before it, which may be hidden here."""
        self._idle += 1
        if self.total is None or rows_before >= self.total:
            self.ending = "empty_page"
        elif self._idle > _MOST_EMPTY:
            raise ProtocolViolationError(f"{self._name} {self.doubt}: only empty pages follow")

    def _nothing_new(self, answer: Answer) -> None:
        """A page that came before: the last one, where that comes again, or any, where the portal ignores the place."""
        self._idle += 1
        self._count(answer)
        sure = self.total is None and (len(self._pages) > 1 or len(answer.rows) < self.reader.plan.spec.page_asked)
        if self.rows == self.total or (self.reader.plan.spec.repeats_last and sure):
            self.ending = "last_page"
        elif self._has_no_pages(answer):
            self.ending, self._moved = "whole_answer", False
            self.facts.notes.append(f"{self._name} returns the same rows for every page: it has no pages")
        elif self._idle > 1:
            raise ProtocolViolationError(
                f"{self._name} repeats the same page after {self.rows:,} rows",
                hint="the rows after it cannot be reached: narrow the filter, or accept these with "
                f"{option('partial', True)}",
            )
        else:
            self.repeated += len(answer.rows)

    def _has_no_pages(self, answer: Answer) -> bool:
        """Whether a method that nothing documents sent its whole list at once. A round number of rows may be a page."""
        spec = self.reader.plan.spec
        once = self.total is None and len(self._pages) == 1 and len(answer.rows) == self.rows
        return once and not spec.documented and len(answer.rows) % spec.page_asked > 0

    @property
    def _name(self) -> str:
        return self.reader.plan.method

    @property
    def _wanted(self) -> int:
        limit = self.reader.plan.limit
        return min(self.total or 0, limit or self.total or 0)

    def _take(self, answer: Answer) -> list[Row]:
        """The new rows of a page, after which it is known whether the reading has arrived."""
        response, spec = answer.response, self.reader.plan.spec
        self._count(answer)
        self._pages.add(_page_digest(answer.rows))
        if not self.before:  # in the first reading a row may have changed since an earlier page, but not on this one
            self._digests.clear()
        new = [row for row in answer.rows if self._is_new(row)]
        self.facts.total = self.total
        if not answer.rows and spec.more_at and value_at(response, spec.more_at):
            raise ProtocolViolationError(f"{self._name} sent an empty page and says that there are more rows")
        # A full page may hide that the total is too low.
        full = len(answer.rows) >= (spec.page_asked if spec.number or spec.size else self._step)
        self._arrived = self.rows == self.total and not full and (response.next or 0) <= 0
        return new

    def _count(self, answer: Answer | SdkError) -> None:
        if isinstance(answer, SdkError) or answer.response.total is None or answer.response.total < 0:
            return
        total = answer.response.total
        self._counts.append(total)
        if answer.rows and total:
            self.least = total if self.least is None else min(self.least, total)

    def _is_new(self, row: Row) -> bool:
        key = self._key(row)
        self.seen[key] += 1
        if self.identified:
            self._check_same(key, row)
        if self.identified and self.seen[key] > 1:
            self.repeated += 1
            return False
        self.rows += 1
        return self.seen[key] > self.before[key]

    def _check_same(self, key: Any, row: Row) -> None:
        """Two different rows of one id are two rows: none of them may be taken for the other."""
        digest = _digest(row)
        if self._digests.setdefault(key, digest) != digest:
            raise ProtocolViolationError(
                f"{self._name} sends different rows with the same {self.reader.plan.spec.id} {str(key)[:40]}",
                hint=f"rows may have changed meanwhile: run it again; {option('partial', True)} gives what came",
            )

    def _is_known(self, answer: Answer) -> bool:
        """Whether a page has rows, and only such as came before."""
        if self.identified:
            return bool(answer.rows) and all(self._key(row) in self.seen for row in answer.rows)
        if not answer.rows or _page_digest(answer.rows) not in self._pages:
            return False
        # Full pages of equal rows may follow one another: then only the total tells where they end.
        equal = len({bytes(row) for row in answer.rows}) == 1 and len(answer.rows) >= self.reader.plan.spec.page_asked
        return self.total is None or not equal


def _named(params: Params) -> dict[str, Any]:
    if isinstance(params, list):
        raise TypeError("positional parameters can't go into a batch")
    return params


def _identified(plan: ListPlan, rows: Sequence[Row]) -> bool:
    """Whether the rows tell their ids: some methods document one and send none, or send several rows of one id."""
    if plan.spec.id is None or plan.spec.key_with:
        return False
    read = _key_reader(plan.spec.id)
    keys = [read(row) for row in rows]
    repeated = len(set(keys)) < len(keys) and len(set(keys)) < len({bytes(row) for row in rows})
    return not repeated and not any(isinstance(key, bytes) for key in keys)


def _key_reader(name: str | None) -> Callable[[Row], Any]:
    """Reads what a row is known by: its id as text; where it has none, a digest of the row."""
    shape = msgspec.defstruct("_RowKey", [("id", Any, None)], rename={"id": str(name)})
    decoder = msgspec.json.Decoder(shape)

    def read(row: Row) -> Any:
        row_id = id_in(row, decoder, str(name))
        return _digest(row) if row_id is None else str(row_id)

    return read


def _digest(row: Row) -> bytes:
    return blake2b(memoryview(row), digest_size=16).digest()


def _page_digest(rows: Sequence[Row]) -> bytes:
    return blake2b(b"".join(map(_digest, rows)), digest_size=16).digest()
