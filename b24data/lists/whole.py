"""The walk of the methods that have no pages: one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from b24data.errors import ProtocolViolationError
from b24data.lists.methods import MethodSpec
from b24data.lists.reader import Answer, PageReader
from b24data.lists.rows import Row, value_at
from b24data.lists.walk import Decode, WalkFacts

__all__ = ["whole_answer"]

T = TypeVar("T")


def whole_answer(reader: PageReader, prepare: Callable[[Sequence[Row]], Decode[T]], facts: WalkFacts) -> Iterator[T]:
    """The rows of the only answer. More rows than it sent, by its own word, are an error."""
    facts.walk = "whole"
    answer = reader.page(reader.plan.whole_page())
    decode = prepare(answer.rows)
    rows = answer.rows[: reader.plan.limit]
    facts.begun, facts.pages, facts.rows = True, 1, len(rows)
    if rows:
        yield from (data for data, _ in decode([rows]))
    if len(rows) < len(answer.rows):
        facts.reason = "limit"
        return
    if missing := _missing(answer, reader.plan.spec):
        raise ProtocolViolationError(
            f"{reader.plan.method} {missing}, and there is no documented way to the others",
            hint="narrow the request by its parameters",
        )
    facts.ended("whole_answer")


def _missing(answer: Answer, spec: MethodSpec) -> str:
    """What tells that the answer is not the whole list."""
    rows, response = len(answer.rows), answer.response
    # `total: 0` beside rows occurs in documented answers (crm.currency.list), so it proves nothing.
    if (response.next or 0) > 0 or (response.total or 0) > rows:
        return f"sent {rows:,} of {response.total or 0:,} rows"
    if spec.more_at and value_at(response, spec.more_at):
        return f"sent {rows:,} rows and says that there are more"
    if spec.page_max and rows >= spec.page_max:
        return f"sent {rows:,} rows, as many as it sends at most"
    return ""
