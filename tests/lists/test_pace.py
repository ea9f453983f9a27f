from __future__ import annotations

import bisect
import heapq
import itertools
import math
import random
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from b24data.lists.capability import Capability
from b24data.lists.pace import Pace
from b24data.lists.ranges import Chain, RangePlanner, read_chain


def quick(**options):
    pace = Pace(**options)
    pace.measured(0.02)
    return pace


def test_pace__grows_while_the_portal_keeps_up_and_no_further_than_it_may():
    for most, expected in ((24, (16, 24, 24)), (16, (16, 16)), (3, (3, 3))):
        pace = quick(in_flight=min(4, most), most_in_flight=most)
        for number in expected:
            pace.answered(pace.sent(), 1.06, 1.0)
            assert pace.in_flight == number


@pytest.mark.parametrize("page_s", [0.06, 1.0, 30.0])
def test_pace__grows_less_where_batches_take_long(page_s):
    """Sixteen of them that a portal works off one after the other may keep a request for as long as it may run."""
    pace = Pace()
    pace.measured(page_s)
    for number in (8, 16, 16):
        pace.answered(pace.sent(), 3.1, 3.0)
        assert pace.in_flight == number


def test_pace__shrinks_by_half_at_a_time_while_requests_wait():
    pace = quick()
    pace.answered(pace.sent(), 1.05, 1.0)
    pace.answered(pace.sent(), 1.05, 1.0)
    seen = [pace.in_flight]
    for _ in range(4):
        pace.answered(pace.sent(), 4.0, 1.0)
        seen.append(pace.in_flight)
    assert seen == [24, 12, 6, 3, 1]


def test_pace__halves_when_requests_wait_for_each_other():
    pace = Pace()
    pace.answered(pace.sent(), 1.05, 1.0)
    pace.answered(pace.sent(), 2.05, 1.0)
    assert pace.in_flight == 4


def test_pace__answers_to_earlier_requests_do_not_count_twice():
    pace = Pace()
    early = [pace.sent() for _ in range(4)]
    for ticket in early:
        pace.answered(ticket, 1.05, 1.0)
    assert pace.in_flight == 8
    late = [pace.sent() for _ in range(8)]
    for ticket in late:
        pace.answered(ticket, 3.0, 1.0)
    assert pace.in_flight == 4


def test_pace__a_batch_takes_a_third_of_what_a_request_may_and_less_after_a_timeout():
    pace = Pace()
    pace.measured(0.02)
    assert pace.commands == 50
    pace.measured(2.0)
    assert pace.commands == 10
    pace.timed_out()
    pace.measured(0.02)
    assert pace.commands == 5


def test_pace__one_worker_stays_one_request():
    pace = Pace(in_flight=1, most_in_flight=1)
    pace.answered(pace.sent(), 1.0, 1.0)
    assert pace.in_flight == 1


def test_pace__knows_how_few_requests_a_portal_handles_at_a_time_once_they_wait_for_each_other():
    pace = quick(in_flight=24)
    pace.answered(pace.sent(23), 1.05, 1.0)
    assert pace.at_once == math.inf
    pace.answered(pace.sent(23), 6.05, 1.0)
    assert pace.at_once == 4.0
    pace.answered(pace.sent(2), 1.06, 1.0)
    assert pace.at_once == 4.0
    pace.answered(pace.sent(7), 1.06, 1.0)  # as many as eight did not wait
    assert pace.at_once == 8.0


def test_pace__what_the_limits_made_a_request_wait_shows_no_few_workers():
    pace = quick(in_flight=24)
    pace.answered(pace.sent(23), 1.05, 1.0)
    pace.answered(pace.sent(23), 12.0, 1.0, elapsed=1.06)
    assert (pace.in_flight, pace.at_once) == (12, math.inf)


@pytest.mark.parametrize(("wall_s", "portal_s"), [(1.9, 1.0), (2.1, 1.0), (0.9, 0.1)])
def test_pace__a_short_wait_shows_no_few_workers(wall_s, portal_s):
    pace = quick(in_flight=24)
    pace.answered(pace.sent(23), 1.05, 1.0)
    pace.answered(pace.sent(23), wall_s, portal_s)
    assert pace.at_once == math.inf


class Outcome(NamedTuple):
    """What a walk took on a portal whose time is counted and not waited for."""

    seconds: float
    requests: int
    commands: int
    most_at_once: int
    slowest: float


def walked(ids: Sequence[int], workers: int, page_s: float = 0.02) -> Outcome:
    """Reads ``ids`` on a portal that works on so many requests at a time and takes ``page_s`` for a command."""
    pace, capability, page, way_s = Pace.of(None), Capability(), 50, 0.05
    now, at_once, commands = way_s + 3 * page_s, 0, 3
    pace.measured(page_s)
    pace.answered(pace.sent(), now, now - way_s)
    planner: RangePlanner[None] = RangePlanner(ids[0] - 1, ids[-1], page, capability)
    [opening] = planner.next_request(1)
    first = read_chain(opening, pages_of(ids, opening, page), int, page=page, capability=capability)
    planner.answered(opening, first, None)
    free = [now] * workers
    under_way: list[tuple[float, int, list[Chain], int, float, float]] = []
    sent = itertools.count(1)
    spans: list[float] = []
    while not planner.done:
        while len(under_way) < pace.in_flight and (chains := planner.next_request(pace.commands, pace.at_once)):
            work = page_s * sum(chain.pages for chain in chains)
            done = max(now, heapq.heappop(free)) + work
            heapq.heappush(free, done)
            heapq.heappush(under_way, (done + way_s, next(sent), chains, pace.sent(len(under_way)), now, work))
        at_once = max(at_once, len(under_way))
        now, _, chains, ticket, began, work = heapq.heappop(under_way)
        for chain in chains:
            answers = pages_of(ids, chain, page)
            planner.answered(chain, read_chain(chain, answers, int, page=page, capability=capability), None)
            commands += chain.pages
        spans.append(now - began)
        pace.answered(ticket, now - began, work)
        pace.measured(work / sum(chain.pages for chain in chains))
        planner.ready()
    assert planner.rows == len(ids)
    return Outcome(now, next(sent), commands, at_once, max(spans))


def pages_of(ids: Sequence[int], chain: Chain, page: int) -> list[Sequence[int]]:
    start, end = (bisect.bisect_right(ids, bound) for bound in (chain.lo, chain.hi))
    return [ids[start + page * k : min(end, start + page * (k + 1))] for k in range(chain.pages)]


LISTS = [sorted(random.Random(seed).sample(range(1, 142_858), 100_000)) for seed in range(7, 15)]


@pytest.mark.parametrize(("workers", "seconds", "requests"), [(100, 2.8, 48), (4, 10.8, 48)])
def test_pace__of_100_000_rows_keeps_a_quick_portal_busy_within_what_it_bears_at_once(workers, seconds, requests):
    outcomes = [walked(ids, workers) for ids in LISTS]
    assert {outcome.most_at_once for outcome in outcomes} == {24}
    assert max(outcome.requests for outcome in outcomes) <= requests
    assert sum(outcome.commands for outcome in outcomes) < len(outcomes) * 1.04 * 2_000
    assert sum(outcome.seconds for outcome in outcomes) < len(outcomes) * seconds


@pytest.mark.parametrize("workers", [1, 4])
def test_pace__no_request_waits_longer_at_a_slow_portal_than_sixteen_batches_take(workers):
    outcome = walked(LISTS[0][:20_000], workers, page_s=1.0)
    assert outcome.most_at_once <= 16
    assert outcome.slowest < 16 * 20 / workers + 1
