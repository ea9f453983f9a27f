"""What a portal really does with a method: seen in the first answers of a walk, which are asked for anyway.

The opening of a keyset walk is one batch: the first page, the last page (its first row is the largest id), and a probe:
two rows of the first page, asked for with every bound at once and by reference to that page. If the probe keeps to its
bounds, then bounds, order and references work. If not, the single questions are asked one by one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from b24data.errors import SdkError
from b24data.http.encode import Command
from b24data.lists.plan import ListPlan

# Rows of the first page (from 0) that the probe names: at least _FLOOR, behind _AFTER, up to _UPTO.
_FLOOR, _AFTER, _UPTO = 1, 2, 4
# A first page with fewer rows proves nothing.
ENOUGH_ROWS = _UPTO + 1


@dataclass(frozen=True, slots=True)
class Capability:
    """What this portal was seen to honour for this method. Without ``above`` or ``order`` there is no keyset walk.

    ``floor`` is a second lower bound (``>=id`` beside ``>id``); where ``short_page_ends``, fewer rows than a page
    prove the end.
    """

    order: bool = True
    above: bool = True
    below: bool = True
    floor: bool = True
    chains: bool = True
    short_page_ends: bool = True


def reference(plan: ListPlan, key: str, row: int) -> str:
    """The reference to the id in row ``row`` of the command ``key``, as a later command of the batch may use it.

    Source: b24restdocs, settings/how-to-call-rest-api/batch.md.
    """
    inner = f"[{plan.spec.rows_at.replace('.', '][')}]" if plan.spec.rows_at else ""
    return f"$result[{key}]{inner}[{row}][{plan.spec.id}]"


def opening_commands(plan: ListPlan) -> list[Command]:
    """The first page, the last page, and the probe."""
    probe = plan.keyset_page(
        reference(plan, "first", _AFTER), reference(plan, "first", _UPTO), floor=reference(plan, "first", _FLOOR)
    )
    return [
        Command("first", plan.method, plan.keyset_page(plan.first, plan.high)),
        Command("last", plan.method, plan.keyset_page(plan.first, plan.high, backwards=True)),
        Command("probe", plan.method, probe),
    ]


def check_order(first: Sequence[int], last: Sequence[int]) -> bool:
    """Whether the first page rises and the last page falls (positions)."""
    rises = all(a < b for a, b in itertools.pairwise(first))
    falls = all(a > b for a, b in itertools.pairwise(last))
    return rises and falls


def judge_probe(first: Sequence[int], probe: Sequence[int] | SdkError) -> bool:
    """Whether the probe kept to its bounds."""
    return _inside(probe, first[_AFTER], first[_UPTO])


def part_commands(plan: ListPlan, first: Sequence[int]) -> list[Command]:
    """One question each about a lower bound, an upper bound, a second lower bound, and references."""
    after, upto, floor = first[_AFTER], first[_UPTO], first[_FLOOR]
    return [
        Command("above", plan.method, plan.keyset_page(after, plan.high)),
        Command("below", plan.method, plan.keyset_page(after, upto)),
        Command("floor", plan.method, plan.keyset_page(after, upto, floor=floor)),
        Command("source", plan.method, plan.keyset_page(floor, upto)),
        Command("chains", plan.method, plan.keyset_page(reference(plan, "source", _AFTER - _FLOOR - 1), upto)),
    ]


def judge_parts(first: Sequence[int], answers: Sequence[Sequence[int] | SdkError], known: Capability) -> Capability:
    """What the portal honours, from the answers to :func:`part_commands`."""
    after, upto = first[_AFTER], first[_UPTO]
    above, below, floor, _, chains = answers
    return replace(
        known,
        above=_inside(above, after, None),
        below=_inside(below, after, upto),
        floor=_inside(floor, after, upto),
        chains=_inside(chains, after, upto),
    )


def _inside(rows: Sequence[int] | SdkError, after: int, upto: int | None) -> bool:
    """Whether there are rows, and all of them inside the bounds: rows may come and go between two commands."""
    if isinstance(rows, SdkError) or not rows:
        return False
    return min(rows) > after and (upto is None or max(rows) <= upto)
