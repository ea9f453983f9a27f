"""Walks by place: whatever a portal counts, repeats, hides or forgets, the list is whole or it is an error."""

from __future__ import annotations

import math
import random
from contextlib import closing

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b24data.errors import IncompleteFetchError, ProtocolViolationError
from b24data.http.context import CallContext
from b24data.lists.methods import spec_of
from b24data.lists.plan import make_plan
from b24data.lists.reader import PageReader
from b24data.lists.walk import WalkFacts
from b24data.lists.walks import read_list
from tests.lists.paged_portal import PagedPortal, at, by_limit, by_number, by_start

REQUIRED = {
    "disk.file.search": {"QUERY": "a"},
    "im.search.department.list": {"FIND": "a"},
    "vote.AttachedVote.getAnswerVoted": {"attachId": 1, "answerId": 2},
}


def decode(runs):
    return [([msgspec.json.decode(row) for row in rows], None) for rows in runs]


def fetch(portal, method="department.get", *, found=None, **asked):
    """The rows and the facts of a walk; ``found`` gets the rows that came before an error too."""
    found = [] if found is None else found
    plan = make_plan(spec_of(method), **{"params": REQUIRED.get(method), **asked})
    facts = WalkFacts()
    with closing(read_list(PageReader(portal, plan, CallContext()), decode, facts)) as blocks:
        for block in blocks:
            found.extend(block)
    return found, facts


def departments(count, **options):
    return PagedPortal([{"ID": str(n), "NAME": "x"} for n in range(1, count + 1)], by_start("START"), **options)


def addresses(count, **options):
    return PagedPortal([{"TYPE_ID": "1", "ENTITY_ID": str(n)} for n in range(count)], by_start(), **options)


DIALECTS = {
    "department.get": lambda rows, **o: PagedPortal(rows, by_start("START"), **o),
    "crm.address.list": lambda rows, **o: PagedPortal(rows, by_start(), **o),
    "biconnector.source.list": lambda rows, **o: PagedPortal(rows, by_number("page"), **{"total": lambda n: None, **o}),
    "task.elapseditem.getlist": lambda rows, **o: PagedPortal(
        rows, by_number("3.NAV_PARAMS.iNumPage", "3.NAV_PARAMS.nPageSize"), **{"repeats_last": True, **o}
    ),
    "vote.AttachedVote.getAnswerVoted": lambda rows, **o: PagedPortal(
        rows,
        by_number("pageNavigation.page", "pageNavigation.size"),
        wrap=lambda found: {"items": found},
        **o,
    ),
    "im.search.department.list": lambda rows, **o: PagedPortal(rows, by_limit("OFFSET", "LIMIT", 50), **o),
    "landing.site.getList": lambda rows, **o: PagedPortal(
        rows, by_limit("params.offset", "params.limit", 10_000), **{"total": lambda n: None, **o}
    ),
    "mail.message.list": lambda rows, **o: PagedPortal(
        rows,
        by_limit("pagination.offset", "pagination.limit", 200),
        wrap=lambda found: {"items": found},
        **{"total": lambda n: None, **o},
    ),
}


def rows_for(method, count):
    spec = spec_of(method)
    return [{spec.id or "ENTITY_ID": n, "NAME": f"row {n}"} for n in range(1, count + 1)]


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 399, 400, 1000, 2549, 2550])
@pytest.mark.parametrize("method", sorted(DIALECTS))
def test_fetch__every_dialect_comes_whole_and_once(method, count):
    portal = DIALECTS[method](rows_for(method, count))
    found, facts = fetch(portal, method)
    assert found == portal.rows
    assert facts.complete
    assert facts.reason in ("total_reached", "empty_page", "last_page")
    assert facts.rows == count
    assert not facts.notes


def test_fetch__counted_pages_go_fifty_to_a_request():
    portal = departments(5_020)
    found, facts = fetch(portal)
    assert found == portal.rows
    assert (facts.reason, facts.total) == ("total_reached", 5_020)
    assert portal.requests == 1 + math.ceil(100 / 50)


@pytest.mark.parametrize("method", sorted(DIALECTS))
def test_fetch__the_largest_page_is_asked_for_where_one_is_documented(method):
    spec = spec_of(method)
    portal = DIALECTS[method](rows_for(method, 3))
    fetch(portal, method)
    path = "3.NAV_PARAMS.nPageSize" if spec.positional else spec.size
    assert path is None or at(portal.calls[0][1], path) == spec.page_asked


def test_fetch__positional_parameters_have_every_slot_and_never_go_into_a_batch():
    portal = DIALECTS["task.elapseditem.getlist"](rows_for("task.elapseditem.getlist", 120))
    fetch(portal, "task.elapseditem.getlist", filter={"USER_ID": 1}, select=["ID", "SECONDS"])
    assert portal.calls[0] == (
        "task.elapseditem.getlist",
        [{"ID": "ASC"}, {"USER_ID": 1}, ["ID", "SECONDS"], {"NAV_PARAMS": {"iNumPage": 1, "nPageSize": 50}}],
    )
    assert len(portal.calls) == portal.requests


def test_fetch__a_task_is_a_slot_of_its_own_and_empty_slots_are_sent():
    portal = PagedPortal(
        rows_for("task.elapseditem.getlist", 1), by_number("4.NAV_PARAMS.iNumPage", "4.NAV_PARAMS.nPageSize")
    )
    fetch(portal, "task.elapseditem.getlist", params={"taskid": 7})
    assert portal.calls[0][1] == [7, {"ID": "ASC"}, [], [], {"NAV_PARAMS": {"iNumPage": 1, "nPageSize": 50}}]


@pytest.mark.parametrize("lie", [0, -1, None, 1, 40, 49, 50, 100, 119], ids=str)
@pytest.mark.parametrize("make", [departments, addresses])
def test_fetch__a_total_that_is_too_low_or_missing_hides_no_row(lie, make):
    portal = make(120, total=lambda count: lie)
    found, facts = fetch(portal, "department.get" if make is departments else "crm.address.list")
    assert found == portal.rows
    assert facts.complete


@pytest.mark.parametrize("make", [departments, addresses])
def test_fetch__a_total_that_a_second_reading_does_not_reach_is_an_error_with_all_rows(make):
    portal = make(930, total=lambda count: 932)
    found = []
    with pytest.raises(IncompleteFetchError, match="932 rows and sent 930, and a second pass returned no more"):
        fetch(portal, "department.get" if make is departments else "crm.address.list", found=found)
    assert found == portal.rows


def test_fetch__a_total_that_only_the_first_reading_tells_counts_too():
    def silent(portal, call):
        if call > 3:
            portal.total = lambda count: None

    with pytest.raises(IncompleteFetchError, match="counts 61 rows and sent 60"):
        fetch(departments(60, total=lambda count: 61, before=silent))


def test_fetch__the_total_of_an_empty_page_does_not_take_back_that_of_the_rows():
    portal = departments(60, total=lambda count: 61)
    portal.before = lambda portal, call: setattr(portal, "total", lambda count: 61 if place(portal) < 100 else 0)
    with pytest.raises(IncompleteFetchError, match="counts 61 rows and sent 60"):
        fetch(portal)


def place(portal):
    return int(portal.calls[-1][1].get("START", 0))


def test_fetch__a_total_that_a_second_reading_reaches_is_proven():
    def corrected(portal, call):
        if call > 3:
            portal.total = lambda count: count

    portal = departments(60, total=lambda count: 62, before=corrected)
    found, facts = fetch(portal)
    assert found == portal.rows
    assert (facts.complete, facts.reason) == (True, "total_reached")


def test_fetch__a_limit_that_only_a_second_reading_reaches_is_a_limit():
    portal = departments(300, before=lambda portal, call: portal.rows.pop(0) if call == 3 else None)
    found, facts = fetch(portal, limit=300)
    assert len(found) == 300
    assert (facts.reason, facts.complete) == ("limit", False)


def test_fetch__short_pages_keep_the_step():
    portal = departments(600, hidden=lambda row: int(row["ID"]) % 7 == 0)
    found = []
    with pytest.raises(IncompleteFetchError, match="counts 600 rows and sent 515"):
        fetch(portal, found=found)
    assert found == [row for row in portal.rows if int(row["ID"]) % 7]
    assert {int(params["START"]) % 50 for _, params in portal.calls} == {0}


def test_fetch__a_page_of_rows_without_a_right_to_see_them_is_not_the_end():
    portal = departments(600, hidden=lambda row: 100 < int(row["ID"]) <= 200)
    found = []
    with pytest.raises(IncompleteFetchError, match="counts 600 rows and sent 500"):
        fetch(portal, found=found)
    assert [int(row["ID"]) for row in found] == [*range(1, 101), *range(201, 601)]


def test_fetch__empty_pages_up_to_an_absurd_total_are_an_error():
    with pytest.raises(IncompleteFetchError, match="only empty pages"):
        fetch(departments(60, total=lambda count: 10**9))


@pytest.mark.parametrize("stops", [50, 100, 400, 550])
def test_fetch__batched_pages_that_stop_early_are_asked_for_alone(stops):
    portal = addresses(582, batch_stops=stops)
    found, facts = fetch(portal, "crm.address.list")
    assert found == portal.rows
    assert (facts.reason, facts.notes) == ("total_reached", [])


def test_fetch__next_of_minus_one_is_the_end():
    portal = departments(20, next_at_end=-1)
    assert fetch(portal)[1].reason == "total_reached"
    assert portal.requests == 1


@pytest.mark.parametrize(
    "total", [lambda count: count, lambda count: None, lambda count: 0], ids=["right", "none", "zero"]
)
@pytest.mark.parametrize("method", sorted(DIALECTS))
def test_fetch__a_portal_that_ignores_the_page_ends_in_an_error(method, total):
    portal = DIALECTS[method](rows_for(method, 2_000), ignores_place=True, total=total)
    with pytest.raises(IncompleteFetchError):
        fetch(portal, method)
    assert portal.requests < 120


def test_fetch__rows_that_no_start_reaches_are_an_error():
    portal = PagedPortal(rows_for("disk.file.search", 3_000), by_start(), clamp=1_000, total=lambda count: None)
    with pytest.raises(IncompleteFetchError, match="the same page after 1,050 rows"):
        fetch(portal, "disk.file.search")


@pytest.mark.parametrize("count", [1, 50, 120, 150])
def test_fetch__a_last_page_that_repeats_is_an_end_where_the_total_agrees(count):
    portal = departments(count, repeats_last=True)
    found, facts = fetch(portal)
    assert found == portal.rows
    assert facts.reason == "total_reached"


@pytest.mark.parametrize("count", [30, 70])
def test_fetch__a_silent_cap_loses_nothing(count):
    portal = DIALECTS["mail.message.list"](rows_for("mail.message.list", count), cap=20)
    found, facts = fetch(portal, "mail.message.list")
    assert found == portal.rows
    assert facts.reason == "empty_page"


def test_fetch__equal_rows_without_an_id_are_all_kept():
    portal = PagedPortal([{"TYPE_ID": "1"}] * 130, by_start())
    found, facts = fetch(portal, "crm.address.list", select=["TYPE_ID"])
    assert len(found) == 130
    assert facts.reason == "total_reached"


def test_fetch__rows_that_lack_the_documented_id_are_told_apart_by_their_content():
    portal = PagedPortal([{"NAME": "x"}] * 70, by_start("START"))
    assert len(fetch(portal)[0]) == 70


def test_fetch__a_row_that_goes_meanwhile_makes_the_list_be_read_again():
    def delete_the_first(portal, call):
        if call == 3:
            del portal.rows[0]

    portal = departments(300, before=delete_the_first)
    found, facts = fetch(portal)
    assert {row["ID"] for row in found} == {str(n) for n in range(1, 301)}
    assert facts.complete
    assert facts.notes == ["the portal's total changed from 300 to 299: the list was read again"]


@pytest.mark.parametrize("method", ["landing.site.getList", "mail.message.list"])
def test_fetch__a_row_that_goes_is_noticed_without_a_total_too(method):
    def delete_the_first(portal, call):
        if call == 3:
            del portal.rows[0]

    portal = DIALECTS[method](rows_for(method, 1_500), before=delete_the_first, page=200)
    found, facts = fetch(portal, method)
    assert {row["NAME"] for row in found} == {f"row {n}" for n in range(1, 1_501)}
    assert facts.notes[0] == "rows moved from page to page: the list was read again"


def test_fetch__a_list_that_never_holds_still_is_an_error():
    def shift(portal, call):
        portal.rows.insert(0, {"ID": str(1_000 + call)})

    portal = departments(300, before=shift)
    with pytest.raises(IncompleteFetchError, match="two passes over the list differ") as caught:
        fetch(portal)
    assert isinstance(caught.value.__cause__, ProtocolViolationError)


@pytest.mark.parametrize("limit", [1, 50, 51, 120])
@pytest.mark.parametrize("method", sorted(DIALECTS))
def test_fetch__limit_takes_the_first_rows(method, limit):
    portal = DIALECTS[method](rows_for(method, 500))
    found, facts = fetch(portal, method, limit=limit)
    assert found == portal.rows[:limit]
    assert (facts.reason, facts.complete) == ("limit", False)


def test_fetch__a_limit_of_all_rows_is_a_complete_list():
    assert fetch(departments(100), limit=100)[1].complete


def test_fetch__a_flag_that_there_is_more_contradicts_an_empty_page():
    portal = PagedPortal(
        [], by_limit("OFFSET", "LIMIT", 200), wrap=lambda rows: {"items": rows}, extra={"hasMore": True}
    )
    with pytest.raises(IncompleteFetchError, match="says that there are more"):
        fetch(portal, "im.recent.list")


@settings(max_examples=1_000, deadline=None)
@given(
    count=st.integers(0, 700),
    method=st.sampled_from(sorted(DIALECTS)),
    lie=st.sampled_from(["right", "right", "none", "zero", "minus", "high", "low"]),
    quirk=st.sampled_from(["", "", "cap", "repeats_last", "batch_stops", "hidden", "next"]),
    changes=st.integers(0, 8),
    seed=st.integers(0, 2**16),
)
def test_fetch__whole_or_an_error_whatever_the_portal_does(count, method, lie, quirk, changes, seed):
    rng = random.Random(seed)
    rows = rows_for(method, count)
    name = next(iter(rows[0])) if rows else "ID"
    total = {
        "right": lambda n: n,
        "none": lambda n: None,
        "zero": lambda n: 0,
        "minus": lambda n: -1,
        "high": lambda n: n + 3,
        "low": lambda n: max(0, n - 60),
    }[lie]
    quirks = {
        "cap": {"cap": 13} if spec_of(method).size and not spec_of(method).number else {},
        "repeats_last": {"repeats_last": True},
        "batch_stops": {"batch_stops": rng.randrange(0, 700, 50)},
        "hidden": {"hidden": lambda row: row[name] % 3 == 0},
        "next": {"next_at_end": -1},
    }
    options = {"total": total, **quirks.get(quirk, {})}
    portal = DIALECTS[method](rows, **options)
    hidden = portal.hidden
    steady = {row[name] for row in rows if not hidden(row)}
    ever = set(steady)
    told = lie == "right" or (lie in ("none", "minus") and spec_of(method).size and not spec_of(method).number)
    left = changes if told and quirk != "hidden" else 0  # where nothing tells of a change, there is no defence

    def change(portal, call):
        nonlocal left
        if left and rng.random() < 0.3:
            left -= 1
            if portal.rows and rng.random() < 0.5:
                steady.discard(portal.rows.pop(rng.randrange(len(portal.rows)))[name])
            else:
                ever.add(10_000 + call)
                portal.rows.append({name: 10_000 + call, "NAME": "new"})

    portal.before = change
    try:
        found, facts = fetch(portal, method)
    except (IncompleteFetchError, ProtocolViolationError):
        assert lie != "right" or quirk in ("repeats_last", "hidden", "cap") or changes
        return
    assert steady <= {row[name] for row in found}
    ids = [row[name] for row in found]
    assert len(ids) == len(set(ids))
    assert set(ids) <= ever
    if not told or changes == 0 or quirk == "hidden":
        assert set(ids) == steady
    assert facts.complete


def tasks_of_users(pairs, **options):
    """Tasks of workflows where they are asked for with their users: one row for each user of a task."""
    rows = [{"ID": str(task), "USER_ID": str(user)} for task, user in pairs]
    return PagedPortal(rows, by_start("START"), **options)


PAIRS = {
    "one user each": [(task, 1) for task in range(1, 121)],
    "three users each": [(task, user) for task in range(1, 61) for user in (1, 7, 9)],
    "two over the edge of a page": [(task, 1) for task in range(1, 51)] + [(50, 7)] + [(t, 1) for t in range(51, 400)],
    "one task of a hundred users": [(1, user) for user in range(1, 101)] + [(2, 1)],
    "equal rows": [(1, 1)] * 70,
}


@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("pairs", PAIRS.values(), ids=PAIRS)
def test_ids_that_are_no_key__every_task_and_user_comes_once(pairs, total):
    portal = tasks_of_users(pairs, **({} if total else {"total": lambda n: None}))
    found, facts = fetch(portal, "bizproc.task.list", select=["ID", "USER_ID"])
    assert found == portal.rows
    assert facts.complete


def test_ids_that_are_no_key__are_asked_for_in_an_order_that_tells_them_apart():
    def order(**asked):
        plan = make_plan(spec_of("bizproc.task.list"), **asked)
        return plan.walk, plan.page_at(0).get("ORDER")

    by_user = ("offset", {"ID": "ASC", "USER_ID": "ASC"})
    assert order(select=["ID", "USER_ID"]) == by_user
    assert order(filter={"!USER_ID": 1}) == by_user
    assert order(select=["ID", "USER_ID"], order={"USER_ID": "DESC"})[1] == {"USER_ID": "DESC", "ID": "ASC"}
    assert order(select=["ID", "NAME"])[0] == order()[0] == "keyset"


def test_senders__two_of_one_address_are_two_rows():
    rows = [{"email": "a@example.com", "name": name} for name in ("John Smith", "Work email")]
    portal = PagedPortal(
        rows,
        by_limit("pagination.offset", "pagination.limit", 50),
        wrap=lambda found: {"items": found},
        total=lambda n: None,
    )
    found, facts = fetch(portal, "mail.mailbox.senders")
    assert found == rows
    assert facts.complete


@pytest.mark.parametrize("total", [lambda n: n, lambda n: None])
@pytest.mark.parametrize("at_", [3, 70])
def test_different_rows_of_one_id__are_never_taken_for_one_another(at_, total):
    rows = [{"ID": str(n), "NAME": "x"} for n in range(1, 120)]
    rows.insert(at_, {**rows[at_ - 1], "NAME": "another"})
    portal = PagedPortal(rows, by_start("START"), total=total)
    found: list[dict[str, str]] = []
    try:
        fetch(portal, found=found)
    except IncompleteFetchError as error:
        assert "different rows with the same ID" in str(error)
    else:
        assert found == rows


@pytest.mark.parametrize("count", [1, 7, 49, 51, 120])
@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"things": rows, "more": 1}])
def test_a_method_that_nothing_documents__comes_whole_with_and_without_pages(count, wrap):
    rows = [{"name": f"row {n}"} for n in range(count)]
    paged, facts = fetch(PagedPortal(rows, by_start(), wrap=wrap), "partner.thing.list")
    assert (paged, facts.reason) == (rows, "total_reached")
    portal = PagedPortal(rows, lambda portal, params: portal.rows, wrap=wrap, total=lambda n: None)
    whole, facts = fetch(portal, "partner.thing.list")
    assert (whole, facts.reason, facts.complete) == (rows, "whole_answer", True)
    assert facts.notes == ["partner.thing.list returns the same rows for every page: it has no pages"]


def test_a_method_that_nothing_documents__a_round_number_of_rows_may_be_its_first_page():
    portal = PagedPortal([{"n": n} for n in range(50)], lambda portal, params: portal.rows, total=lambda n: None)
    with pytest.raises(IncompleteFetchError, match="repeats the same page"):
        fetch(portal, "partner.thing.list")
