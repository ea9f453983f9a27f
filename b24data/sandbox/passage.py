"""How records pass through the stages of a pipeline: which they enter, when, and where they stand at the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from b24data.sandbox.columns import Ints
from b24data.sandbox.moments import DAY, LAST_DAY, working

_MOST_MOVES = 14
_BACK, _SKIP = 0.04, 0.05  # shares of moves that go a stage back, or over the next one


@dataclass(frozen=True, slots=True)
class Plan:
    """The open stages of a pipeline: the usual days in each, and the share that passes on.

    Behind them stand the stage of success and, with their shares, the stages of failure.
    """

    days: tuple[float, ...]
    passes: tuple[float, ...]
    failures: tuple[float, ...] = (1.0,)


PLANS = {
    "deals": Plan((5, 12, 9, 25, 8), (0.74, 0.8, 0.86, 0.93, 0.96), (0.8, 0.2)),
    "leads": Plan((2, 4, 7), (0.86, 0.8, 0.7)),
    "items": Plan((3, 8, 15), (0.95, 0.92, 0.9)),
    "invoices": Plan((3, 20), (0.97, 0.9)),
    "quotes": Plan((4, 20), (0.92, 0.6)),
}


@dataclass(frozen=True, slots=True)
class Passage:
    """Every entry into a stage: ``record`` (its position), ``stage`` (its place in the pipeline) and ``moment``.

    ``stands`` is where each record is now, ``since`` when it came there.
    """

    record: Ints
    stage: npt.NDArray[np.int8]
    moment: Ints
    stands: npt.NDArray[np.int8]
    since: Ints


def passage(
    rng: np.random.Generator,
    start: Ints,
    plan: Plan,
    *,
    luck: npt.NDArray[np.float64] | float = 1.0,
    pace: npt.NDArray[np.float64] | float = 1.0,
) -> Passage:
    """The passage of records that came in at ``start``.

    ``luck`` makes a record pass on more often than usual, ``pace`` makes it stay longer.

    >>> one = passage(np.random.default_rng(7), np.full(300, LAST_DAY - 400 * DAY), PLANS["deals"])
    >>> first, last = np.bincount(one.stage)[[0, 4]]
    >>> bool(one.since.max() < LAST_DAY), bool(first > last > 0)
    (True, True)
    """
    days, passes = np.array(plan.days), np.array(plan.passes)
    luck, pace = np.broadcast_to(luck, start.shape), np.broadcast_to(pace, start.shape)
    stands: npt.NDArray[np.int8] = np.zeros(len(start), np.int8)
    since = start.copy()
    entries: list[tuple[Ints, npt.NDArray[np.int8], Ints]] = [(np.arange(len(start)), stands.copy(), start.copy())]
    active: Ints = np.arange(len(start))
    for _ in range(_MOST_MOVES):
        stage = stands[active]
        stay = days[stage] * pace[active] * rng.lognormal(0, 0.7, len(active)) * DAY
        leaves = np.maximum(working(since[active] + stay.astype(np.int64)), since[active] + 120)
        turn, fate, end = (rng.random(len(active)) for _ in range(3))
        moves = leaves < LAST_DAY
        active, stage, leaves = active[moves], stage[moves], leaves[moves]
        turn, fate, end = turn[moves], fate[moves], end[moves]
        onward = _next(stage, len(days), turn)
        lost = fate > passes[stage] ** (1 / luck[active])
        edges = np.cumsum(plan.failures)[:-1] / sum(plan.failures)
        entered = np.where(lost, len(days) + 1 + np.searchsorted(edges, end, side="right"), onward).astype(np.int8)
        stands[active], since[active] = entered, leaves
        entries.append((active, entered, leaves))
        active = active[entered < len(days)]
    records, stages, moments = zip(*entries, strict=True)
    return Passage(np.concatenate(records), np.concatenate(stages), np.concatenate(moments), stands, since)


def _next(stage: npt.NDArray[np.int8], open_stages: int, turn: npt.NDArray[np.float64]) -> Ints:
    back = (turn < _BACK) & (stage > 0)
    skips = (turn > 1 - _SKIP) & (stage < open_stages - 2)
    onward: Ints = stage.astype(np.int64) + np.select([back, skips], [-1, 2], 1)
    return onward
