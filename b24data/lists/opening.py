"""The opening of a keyset walk: two pages and a probe, and what they show that the portal honours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from b24data.errors import SdkError
from b24data.lists.capability import (
    ENOUGH_ROWS,
    check_order,
    judge_parts,
    judge_probe,
    opening_commands,
    part_commands,
)
from b24data.lists.planning import Capability
from b24data.lists.reader import Answer, Asker
from b24data.lists.rows import Row

__all__ = ["Opening", "open_list"]


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


def open_list(asker: Asker, position_of: Callable[[Row], int]) -> Opening:
    """Ask in one batch; in a second one, question by question, only if the probe went wrong."""
    plan = asker.plan
    commands = opening_commands(plan)
    answers = asker.pages(commands)
    *pages, probe = answers.each
    first, last = (asker.sure(answer, command).rows for answer, command in zip(pages, commands[:2], strict=True))
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
        *singles, chained = asker.pages(questions).each
        sure = [asker.sure(answer, command) for answer, command in zip(singles, questions, strict=False)]
        capability = judge_parts(heads, [seen(answer) for answer in (*sure, chained)], capability)
    return Opening(first, last, capability, enough, answers.wall_s, answers.portal_s)
