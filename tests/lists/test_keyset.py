"""The keyset walk against a portal of ids: whatever the ids, the faults and the changes, the list comes out whole."""

from __future__ import annotations

import math
import random
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b24data.errors import IncompleteFetchError, ProtocolViolationError
from b24data.http.context import CallContext
from b24data.lists.methods import spec_of
from b24data.lists.plan import make_plan
from b24data.lists.reader import PageReader
from b24data.lists.walk import IdRun, WalkFacts, broken_off
from b24data.lists.walks import read_list, walk_of
from tests.lists.fake_portal import FakePortal, numbers


def decoder(plan):
    def decode(runs):
        return [(ids, IdRun.of(ids, descending=plan.descending)) for ids in map(numbers, runs)]

    return decode


def fetch(portal, method="crm.deal.list", workers=None, **asked):
    plan = make_plan(spec_of(method), **asked)
    facts = WalkFacts()
    walk = walk_of(PageReader(portal, plan, CallContext()), facts, workers=workers)
    with broken_off(method, facts):
        walk.open()
        with closing(walk.blocks(decoder(plan))) as blocks:
            return [row_id for block in blocks for row_id in block], facts


def sparse(count, gap, seed=1, start=1):
    rng = random.Random(seed)
    ids, row_id = set(), start
    while len(ids) < count:
        ids.add(row_id)
        row_id += 1 + (rng.random() < gap) * rng.randint(1, 2)
    return ids


def test_fetch__rows_come_once_and_in_id_order():
    portal = FakePortal(sparse(12_345, 0.3))
    ids, facts = fetch(portal)
    assert ids == sorted(portal.ids)
    assert facts.complete
    assert facts.reason == "reached_pinned_id"
    assert facts.pinned_id == facts.last_id == max(ids)


class PhpPortal(FakePortal):
    """Reads 1,000 values of a command in a batch and drops the others, as PHP does; knows ``@ID``."""

    def _parse(self, text, results):
        head, _, query = text.partition("?")
        pairs = query.split("&")[:1000]
        listed = [pair for pair in pairs if pair.startswith("filter[%40ID]") or pair.startswith("filter[@ID]")]
        params = super()._parse(f"{head}?{'&'.join(pair for pair in pairs if pair not in listed)}", results)
        params["filter"]["@ID"] = [pair.partition("=")[2] for pair in listed]
        return params

    def _page(self, params):
        conditions = dict(params["filter"])
        wanted = {int(value) for value in conditions.pop("@ID")}
        return FakePortal(wanted & set(self._ids))._page({**params, "filter": conditions})


@pytest.mark.parametrize("count", [100, 890, 1_000, 3_000])
def test_fetch__a_list_of_ids_may_be_longer_than_what_php_reads_of_a_batch(count):
    portal = PhpPortal(range(1, 10_001))
    wanted = range(3, 3 * count + 1, 3)
    ids, facts = fetch(portal, filter={"@ID": wanted})
    assert ids == list(wanted)
    assert facts.complete
    assert bool(portal.commands) is (count < 900)  # longer ones are asked by calls of their own


def test_fetch__an_empty_list_takes_one_request_and_says_so():
    portal = FakePortal(set())
    ids, facts = fetch(portal)
    assert ids == []
    assert (facts.reason, facts.complete, portal.requests) == ("empty_page", True, 1)


@pytest.mark.parametrize("count", [1, 10, 11, 49, 50, 51, 99, 100, 101, 2500, 2501])
def test_fetch__sizes_around_a_page_and_a_batch(count):
    portal = FakePortal(set(range(7, 7 + count)))
    ids, facts = fetch(portal)
    assert ids == sorted(portal.ids)
    assert facts.complete
    if count <= 50:
        assert portal.requests == 1


def test_fetch__downwards_is_the_same_list_turned_round():
    portal = FakePortal(sparse(9_000, 0.3))
    ids, facts = fetch(portal, order={"id": "desc"})
    assert ids == sorted(portal.ids, reverse=True)
    assert facts.complete


def test_fetch__own_bounds_are_kept_in_both_directions():
    portal = FakePortal(set(range(1, 5_000)))
    asked = {"filter": {">=ID": 100, ">id": "200", "<ID": 3_000}}
    assert fetch(portal, **asked)[0] == list(range(201, 3_000))
    assert fetch(portal, **asked, order={"ID": "DESC"})[0] == list(range(2_999, 200, -1))


@pytest.mark.parametrize("limit", [1, 50, 51, 4_999, 5_000, 10_000])
def test_fetch__limit_takes_the_first_rows_and_reads_no_further(limit):
    portal = FakePortal(sparse(20_000, 0.3))
    ids, facts = fetch(portal, limit=limit)
    assert ids == sorted(portal.ids)[:limit]
    assert (facts.reason, facts.complete) == ("limit", False)
    assert portal.pages <= math.ceil(limit / 50) + 3  # and the opening


def test_fetch__a_limit_beyond_the_end_is_a_complete_list():
    portal = FakePortal(sparse(700, 0.3))
    ids, facts = fetch(portal, limit=5_000)
    assert ids == sorted(portal.ids)
    assert facts.complete


def test_fetch__100_000_rows_with_gaps_take_few_requests_and_little_more_than_their_pages():
    portal = FakePortal(sparse(100_000, 0.3))
    ids, _ = fetch(portal)
    assert ids == sorted(portal.ids)
    assert portal.requests <= math.ceil(1.10 * 40) + 3
    assert portal.pages <= 1.10 * 2_000


def test_fetch__two_clusters_of_ids_far_apart():
    portal = FakePortal(sparse(50_000, 0.3) | sparse(50_000, 0.3, seed=2, start=4_000_000_000))
    ids, _ = fetch(portal, workers=4)
    assert ids == sorted(portal.ids)
    assert portal.requests <= 1.25 * 40 + 8


@pytest.mark.parametrize("share", [0.01, 0.0001])
def test_fetch__few_rows_far_between_take_few_requests(share):
    rng = random.Random(3)
    portal = FakePortal({row_id for row_id in range(1, 1_000_000) if rng.random() < share})
    ids, _ = fetch(portal)
    assert ids == sorted(portal.ids)
    assert portal.requests <= 2 * math.ceil(len(ids) / 2_500) + 3


@pytest.mark.parametrize(
    "ignores",
    [{"$result"}, {"<="}, {">="}, {"$result", "<="}, {">"}, {"order"}, {">", ">=", "<=", "$result"}],
    ids=lambda found: " ".join(sorted(found)),
)
def test_fetch__a_portal_that_ignores_something_gets_another_right_walk(ignores):
    portal = FakePortal(sparse(3_000, 0.3), ignores=frozenset(ignores))
    ids, facts = fetch(portal)
    assert sorted(ids) == sorted(portal.ids)
    assert facts.complete
    assert (facts.walk == "offset") == bool(ignores & {">", "order"})


def test_fetch__a_method_without_pages_to_fall_back_on_is_refused():
    portal = FakePortal(sparse(3_000, 0.3), ignores=frozenset({">"}))
    plan = make_plan(spec_of("crm.deal.list"))
    lone = replace(plan, spec=replace(plan.spec, start=None))
    with pytest.raises(ProtocolViolationError, match="ignores a bound on the id"):
        list(read_list(PageReader(portal, lone, CallContext()), decoder(plan), WalkFacts()))


def test_fetch__short_pages_in_the_middle_are_not_taken_for_the_end():
    portal = FakePortal(sparse(3_000, 0.3), page=20)
    ids, facts = fetch(portal)
    assert ids == sorted(portal.ids)
    assert facts.complete


def test_fetch__a_page_out_of_bounds_is_never_passed_on():
    portal = FakePortal(sparse(10_000, 0.3))

    def begin_to_ignore(portal, page):
        if page == 20:
            portal.ignores = frozenset({">"})

    portal.before = begin_to_ignore
    with pytest.raises(IncompleteFetchError, match="may be incomplete") as caught:
        fetch(portal)
    assert isinstance(caught.value.__cause__, ProtocolViolationError)
    assert portal.interrupted


def test_fetch__a_failed_command_is_asked_again_and_its_neighbours_are_kept():
    portal = FakePortal(sparse(10_000, 0.3), fails=lambda number: number in (3, 60, 61, 150))
    ids, facts = fetch(portal)
    assert ids == sorted(portal.ids)
    assert facts.complete


id_sets = st.one_of(
    st.sets(st.integers(1, 400), max_size=300),
    st.builds(sparse, st.integers(0, 3_000), st.floats(0, 0.9), st.integers(0, 99), st.integers(1, 2**40)),
    st.builds(
        lambda a, b, far: sparse(a, 0.3) | sparse(b, 0.1, seed=5, start=far),
        st.integers(0, 800),
        st.integers(0, 800),
        st.integers(10**5, 2**45),
    ),
    st.sets(st.integers(1, 2**50), max_size=200),
)


CASES = {
    "ids": id_sets,
    "page": st.sampled_from([50, 50, 50, 10, 7]),
    "seed": st.integers(0, 2**16),
    "fault": st.sampled_from([0, 0, 0.05, 0.3]),
    "descending": st.booleans(),
    "ignores": st.sampled_from([frozenset(), frozenset(), {"$result"}, {"<="}, {">="}, {">"}]),
    "changes": st.integers(0, 30),
}


@settings(max_examples=300, deadline=None)
@given(**CASES)
def test_fetch__every_row_that_stood_throughout_and_none_that_never_did(**case):
    check_while_rows_come_and_go(**case)


@pytest.mark.soak
@settings(max_examples=10_000, deadline=None)
@given(**CASES)
def test_fetch__every_row_that_stood_throughout_in_ten_thousand_lists(**case):
    check_while_rows_come_and_go(**case)


def check_while_rows_come_and_go(ids, page, seed, fault, descending, ignores, changes):
    rng = random.Random(seed)
    portal = FakePortal(set(ids), page=page, ignores=frozenset(ignores))
    steady, ever = set(ids), set(ids)
    portal.fails = lambda number: rng.random() < fault

    def change(portal, _):
        nonlocal changes
        if changes <= 0 or rng.random() < 0.5:
            return
        changes -= 1
        if ever and rng.random() < 0.5:
            gone = rng.choice(sorted(ever))
            if gone in portal:
                portal.delete(gone)
            steady.discard(gone)
        else:
            new = rng.randint(1, max(ever, default=1) + 50)
            portal.insert(new)
            ever.add(new)

    portal.before = change
    try:
        found, facts = fetch(portal, order={"ID": "DESC"} if descending else None)
    except (IncompleteFetchError, ProtocolViolationError):
        # Counted pages can't be whole while rows come and go, and say so; a keyset walk has no such excuse.
        assert ignores == {">"}
        return
    assert len(found) == len(set(found))
    assert set(found) <= ever
    if facts.walk == "keyset":
        assert found == sorted(found, reverse=descending)
        reach = facts.pinned_id
        pinned = {i for i in steady if reach is not None and (i >= reach if descending else i <= reach)}
        assert pinned <= set(found)
        assert steady <= set(found)
