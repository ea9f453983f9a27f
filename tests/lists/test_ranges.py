"""The ranges of a keyset walk: what an answer proves, and how many rows may wait for earlier ones."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import pytest

from b24data.errors import AjaxError, IncompleteFetchError
from b24data.http.context import CallContext
from b24data.lists.capability import Capability
from b24data.lists.methods import spec_of
from b24data.lists.pace import MOST_IN_FLIGHT
from b24data.lists.plan import make_plan
from b24data.lists.ranges import MOST_OF_A_STRETCH, MOST_ROWS_WAITING, Chain, Outcome, RangePlanner, read_chain
from b24data.lists.reader import PageReader
from b24data.lists.walk import IdRun, WalkFacts
from b24data.lists.walks import read_list
from tests.lists.fake_portal import FakePortal, numbers

FAILED = AjaxError("x.list", "no", code="INTERNAL_SERVER_ERROR")


class Unread(list):
    """A page whose rows nobody may look at."""

    def __iter__(self) -> Iterator[int]:
        raise AssertionError("a page behind the end was read")

    def __len__(self) -> int:
        raise AssertionError("a page behind the end was read")

    def __getitem__(self, _):  # type: ignore[override,no-untyped-def]
        raise AssertionError("a page behind the end was read")


@pytest.mark.parametrize(
    ("end", "ending", "reached"),
    [
        ([11, 12], "short_page", 100),
        ([], "empty_page", 100),
        (FAILED, "failed", 10),
        ([*range(91, 101)], "reached_pinned_id", 100),
    ],
)
def test_read_chain__what_follows_the_first_page_that_ends_it_stays_unread(end, ending, reached):
    chain = Chain(0, 100, 4)
    outcome = read_chain(chain, [[*range(1, 11)], end, Unread(), Unread()], int, page=10, capability=Capability())
    assert (outcome.ending, outcome.reached) == (ending, reached)
    assert outcome.rows == [*range(1, 11), *([] if end is FAILED else end)]


def test_read_chain__a_short_page_proves_no_end_where_the_portal_sends_short_ones():
    chain, capability = Chain(0, 100, 3), Capability(short_page_ends=False)
    outcome = read_chain(chain, [[1, 2], Unread()], int, page=10, capability=capability)
    assert (outcome.ending, outcome.reached, outcome.rows) == ("full", 2, [1, 2])


@pytest.mark.parametrize("commands", [1, 7, 50])
def test_planner__no_more_rows_wait_than_the_memory_is_meant_for(commands):
    planner: RangePlanner[list[int]] = RangePlanner(0, 1_000_000, density=1.0)
    waiting, first = 0, None
    while chains := planner.next_request(commands):
        for chain in chains:
            if chain.lo == 0:
                first = chain  # its answer is late
                continue
            rows = range(chain.lo + 1, min(chain.hi, chain.lo + 50 * chain.pages) + 1)
            planner.answered(chain, Outcome([*rows], chain.pages, rows[-1], "full", rows[0], rows[-1]), [])
            waiting += len(rows)
        assert planner.ready() == []  # all of them are behind the first range
    assert MOST_ROWS_WAITING <= waiting < MOST_ROWS_WAITING + 50 * commands
    rows = range(1, first.hi + 1)
    planner.answered(first, Outcome([*rows], first.pages, rows[-1], "full", 1, rows[-1]), [])
    assert planner.ready()
    assert planner.next_request(commands)  # and the walk goes on


@pytest.mark.parametrize("seed", range(5))
def test_planner__with_all_requests_under_way_no_more_than_120_000_rows_wait(seed):
    """The first range is answered last, the others as they happen to be."""
    planner: RangePlanner[list[int]] = RangePlanner(0, 1_000_000, density=1.0)
    chance, waiting, most = random.Random(seed), 0, 0
    under_way: list[list[Chain]] = []
    while (chains := planner.next_request(50)) or under_way:
        if chains:
            under_way.append([chain for chain in chains if chain.lo > 0])
        if chains and len(under_way) < MOST_IN_FLIGHT:
            continue
        for chain in under_way.pop(chance.randrange(len(under_way))):
            rows = range(chain.lo + 1, min(chain.hi, chain.lo + 50 * chain.pages) + 1)
            planner.answered(chain, Outcome([*rows], chain.pages, rows[-1], "full", rows[0], rows[-1]), [])
            waiting += len(rows)
        most = max(most, waiting)
    assert MOST_ROWS_WAITING < most <= MOST_ROWS_WAITING + MOST_IN_FLIGHT * 2_500 == 120_000


def test_walk__the_rows_of_an_answer_are_decoded_at_once_and_by_one_thread():
    """Each thread that decodes keeps the memory that its largest answer took."""
    portal, plan, calls = FakePortal(range(1, 60_001)), make_plan(spec_of("crm.deal.list")), []
    threads, context = set(), CallContext()

    def decode(runs):
        calls.append(sum(map(len, runs)))
        threads.add(threading.current_thread())
        return [(ids, IdRun.of(ids)) for ids in map(numbers, runs)]

    rows = sum(map(len, read_list(PageReader(portal, plan, context), decode, WalkFacts())))
    assert rows == sum(calls) == 60_000
    assert len(calls) <= portal.requests
    [reading] = threads - {threading.current_thread()}  # which decodes the first page
    assert reading.name.startswith("b24data-reading")
    assert context.reading is None


def test_walk__that_ends_while_one_answer_is_read_and_others_wait_leaves_no_thread():
    portal, plan = FakePortal(range(1, 60_001)), make_plan(spec_of("crm.deal.list"))
    calls, before, patience = [], set(threading.enumerate()), threading.Event()

    def decode(runs):
        calls.append(portal.requests)
        if len(calls) == 2:  # after the first page
            while portal.requests < calls[0] + 3:  # others have their answers, too
                patience.wait(0.01)
            raise ValueError("broken")
        return [(ids, IdRun.of(ids)) for ids in map(numbers, runs)]

    with pytest.raises(IncompleteFetchError, match="broken"):
        list(read_list(PageReader(portal, plan, CallContext()), decode, WalkFacts()))
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def test_next_request__samples_of_many_places_leave_before_the_ranges_that_wait_for_what_they_show():
    planner: RangePlanner[None] = RangePlanner(0, 100_000, density=1.0)
    samples, chains = planner.next_request(50), planner.next_request(50)
    assert [chain.pages for chain in samples] == [2] * 9
    assert [(chain.lo, chain.pages) for chain in chains] == [(0, 50)]


def test_next_request__the_last_batches_end_together_where_the_portal_handles_few_at_a_time():
    planner: RangePlanner[None] = RangePlanner(0, 7_500, density=1.0)
    sizes = []
    while chains := planner.next_request(50, at_once=4):
        sizes.append(sum(chain.pages for chain in chains))
    assert sizes == [50, 38, 30, 30]
    planner = RangePlanner(0, 5_000, density=1.0)
    assert [sum(chain.pages for chain in planner.next_request(50)) for _ in range(2)] == [50, 50]


def test_next_request__rows_that_came_show_that_what_lies_before_them_is_no_risk():
    """However many short rests of earlier ranges are under way, what follows the last row that came is asked for."""
    planner: RangePlanner[list[int]] = RangePlanner(0, 20_000, density=1.0)
    chains = [chain for _ in range(MOST_OF_A_STRETCH) for chain in planner.next_request(50)]
    assert planner.next_request(50) == []  # all of them may be behind the last row
    for chain in chains:
        rows = range(chain.lo + 1, chain.hi - 3)
        planner.answered(chain, Outcome([*rows], chain.pages, rows[-1], "full", rows[0], rows[-1]), [])
    again = [chain for _ in range(3) for chain in planner.next_request(50)]
    rests = [chain for chain in again if chain.hi <= chains[-1].hi]
    assert (len(rests), len(again) - len(rests)) == (MOST_OF_A_STRETCH, 3)
