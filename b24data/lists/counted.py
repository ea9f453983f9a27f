"""The walks without bounds on an id: counted pages by ``start``, and methods that answer with everything at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from b24data.errors import ProtocolViolationError
from b24data.http.protocol import Command
from b24data.lists.ask import Asker
from b24data.lists.facts import Decode, WalkFacts
from b24data.lists.methods import MethodSpec
from b24data.lists.pace import MOST_COMMANDS
from b24data.lists.rows import Row

__all__ = ["counted_pages", "whole_answer"]

T = TypeVar("T")


def counted_pages(asker: Asker, prepare: Callable[[Sequence[Row]], Decode[T]], facts: WalkFacts) -> Iterator[T]:
    """Page by page as the portal counts them, until as many different rows came as it says there are.

    Where it says no total, until an empty page.
    """
    plan = asker.plan
    facts.walk = "offset"
    opening = asker.page(plan.counted_page(0))
    facts.total = opening.response.total
    decode = prepare(opening.rows)
    facts.begun = True
    collector = _Collector(plan.spec, plan.limit, facts)
    yield from _decoded(decode, collector.fresh(opening.rows))
    if plan.limit is None or facts.rows < plan.limit:
        for rows in _further(asker, opening.response.next or plan.spec.page, facts, len(opening.rows)):
            yield from _decoded(decode, collector.fresh(rows))
            if plan.limit is not None and facts.rows >= plan.limit:
                break
    _judge(asker, collector, facts)


def whole_answer(asker: Asker, prepare: Callable[[Sequence[Row]], Decode[T]], facts: WalkFacts) -> Iterator[T]:
    """The rows of a method that has no pages. More rows than it sent, by its own word, are an error."""
    facts.walk = "whole"
    answer = asker.page(asker.plan.whole_page())
    decode = prepare(answer.rows)
    rows = answer.rows[: asker.plan.limit]
    facts.begun, facts.pages, facts.rows = True, 1, len(rows)
    # `total: 0` beside rows occurs in documented answers (crm.currency.list), so it proves nothing.
    total = answer.response.total or 0
    yield from _decoded(decode, rows)
    if answer.response.next is not None or total > len(answer.rows):
        raise ProtocolViolationError(
            f"{asker.plan.method} sent {len(answer.rows):,} of {total:,} rows and has no documented way to the others"
        )
    if len(rows) < len(answer.rows):
        facts.reason = "limit"
    else:
        facts.ended("whole_answer")


def _decoded(decode: Decode[T], rows: list[Row]) -> Iterator[T]:
    if rows:
        yield decode(rows)[0]


def _further(asker: Asker, step: int, facts: WalkFacts, opening_rows: int) -> Iterator[list[Row]]:
    """The pages behind the first, several to a request where their number is known."""
    if facts.total is None:
        if opening_rows:
            yield from itertools.takewhile(bool, _one_by_one(asker, step))
        return
    limit = asker.plan.limit
    wanted = facts.total if limit is None else min(facts.total, limit)
    starts = iter(range(step, wanted, step))
    while batch := list(itertools.islice(starts, MOST_COMMANDS)):
        commands = [Command(f"p{start}", asker.plan.method, asker.plan.counted_page(start)) for start in batch]
        for command, answer in zip(commands, asker.pages(commands).each, strict=True):
            page = asker.sure(answer, command)
            if page.response.total is not None and page.response.total != facts.total:
                facts.notes.append(f"the portal's total changed from {facts.total:,} to {page.response.total:,}")
                facts.total = page.response.total
            yield page.rows


def _one_by_one(asker: Asker, step: int) -> Iterator[list[Row]]:
    for start in itertools.count(step, step):
        yield asker.page(asker.plan.counted_page(start)).rows


def _judge(asker: Asker, collector: _Collector, facts: WalkFacts) -> None:
    limit = asker.plan.limit
    if limit is not None and facts.rows >= limit and facts.rows != facts.total:
        facts.reason = "limit"
    elif facts.total is None:
        facts.ended("empty_page")
    elif facts.rows == facts.total:
        facts.ended("total_reached")
    else:
        repeated = f" and {collector.repeated:,} of them again" if collector.repeated else ""
        raise ProtocolViolationError(
            f"{asker.plan.method}: the portal counts {facts.total:,} rows and sent {facts.rows:,}{repeated}",
            hint="rows came or went meanwhile; run it again",
        )


@dataclass(slots=True)
class _Collector:
    """Keeps the rows that no earlier page had, by their id."""

    spec: MethodSpec
    limit: int | None
    facts: WalkFacts
    repeated: int = 0
    _seen: set[Any] = field(default_factory=set)
    _decoder: msgspec.json.Decoder[Any] | None = None

    def fresh(self, rows: list[Row]) -> list[Row]:
        self.facts.pages += 1
        new = [row for row in rows if self._is_new(row)]
        if rows and not new and self.facts.total is None:
            raise ProtocolViolationError(f"{self.spec.method} repeats its last page for ever")
        if self.limit is not None:
            new = new[: self.limit - self.facts.rows]
        self.facts.rows += len(new)
        self.facts.fraction = self.facts.rows / self.facts.total if self.facts.total else None
        return new

    def _is_new(self, row: Row) -> bool:
        if self.spec.id is None:
            return True
        if self._decoder is None:
            shape = msgspec.defstruct("_RowKey", [("id", Any, None)], rename={"id": self.spec.id})
            self._decoder = msgspec.json.Decoder(shape)
        key = str(self._decoder.decode(row).id)
        if key in self._seen:
            self.repeated += 1
            return False
        self._seen.add(key)
        return True
