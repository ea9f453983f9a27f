"""The walk of the methods that have no pages: one answer. And of a list that is known to be empty: none."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from b24data.errors import ProtocolViolationError
from b24data.lists.methods import MethodSpec
from b24data.lists.reader import Answer, PageReader
from b24data.lists.rows import Row, value_at
from b24data.lists.walk import Decode, WalkFacts

T = TypeVar("T")


@dataclass(slots=True)
class WholeWalk:
    """The rows of the only answer. More rows than it sent, by its own word, are an error."""

    reader: PageReader
    facts: WalkFacts
    _answer: Answer = field(init=False)

    def open(self) -> Sequence[Row]:
        """Ask for the answer."""
        self.facts.walk = "whole"
        self._answer = self.reader.page(self.reader.plan.whole_page())
        return self._answer.rows

    def blocks(self, decode: Decode[T]) -> Generator[T, None, None]:
        """All of its rows as one block."""
        plan, facts, answer = self.reader.plan, self.facts, self._answer
        facts.begun = True
        yield from facts.page(answer.rows, decode, plan.limit)
        if facts.rows < len(answer.rows):
            facts.reason = "limit"
            return
        if missing := _missing(answer, plan.spec):
            raise ProtocolViolationError(
                f"{plan.method} {missing}, and no documented way leads to the others",
                hint="narrow the request with its parameters",
            )
        facts.ended("whole_answer")


@dataclass(slots=True)
class EmptyWalk:
    """Nothing is asked, because no row can match the filter."""

    reader: PageReader
    facts: WalkFacts

    def open(self) -> Sequence[Row]:
        """No rows."""
        self.facts.walk = "none"
        return []

    def blocks(self, _: Decode[T], /) -> Generator[T, None, None]:
        """No block."""
        self.facts.ended("no_values")
        yield from ()


def _missing(answer: Answer, spec: MethodSpec) -> str:
    """What tells that the answer is not the whole list."""
    rows, response = len(answer.rows), answer.response
    # `total: 0` beside rows occurs in documented answers (crm.currency.list), so it proves nothing.
    if (response.next or 0) > 0 or (response.total or 0) > rows:
        return f"sent {rows:,} of {response.total or 0:,} rows"
    if spec.more_at and value_at(response, spec.more_at):
        return f"sent {rows:,} rows and says that there are more"
    if spec.page_max and rows >= spec.page_max:
        return f"sent {rows:,} rows, the most it ever sends"
    return ""
