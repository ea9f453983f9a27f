"""Walks by a cursor: to an empty page, past every cap, and never in circles."""

from __future__ import annotations

import random
from contextlib import closing

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b24data.errors import ConfigError, IncompleteFetchError, ProtocolViolationError
from b24data.http.context import CallContext
from b24data.lists.methods import spec_of
from b24data.lists.plan import make_plan
from b24data.lists.reader import PageReader
from b24data.lists.walk import WalkFacts
from b24data.lists.walks import read_list
from tests.lists.paged_portal import PagedPortal, at

REQUIRED = {
    "im.dialog.messages.get": {"params": {"DIALOG_ID": "chat1"}},
    "im.dialog.messages.search": {"params": {"CHAT_ID": 1}},
    "call.followup.list": {"filter": {"startDate": {"from": "2026-01-01", "to": "2026-02-01"}}},
    "v3:tasks.task.result.list": {"filter": {"taskId": 7}},
}
OPERATORS = {">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b}


def decode(runs):
    return [([msgspec.json.decode(row) for row in rows], None) for rows in runs]


def fetch(portal, method, **asked):
    plan = make_plan(spec_of(method), **{**REQUIRED.get(method, {}), **asked})
    facts = WalkFacts()
    with closing(read_list(PageReader(portal, plan, CallContext()), decode, facts)) as blocks:
        return [row for block in blocks for row in block], facts


def by_last_id(limit):
    def answer(portal, params):
        falling = params.get("ORDER", {}).get("ID", "DESC") == "DESC"
        rows = sorted(portal.rows, key=lambda row: row["id"], reverse=falling)
        last = None if portal.ignores_place else params.get("LAST_ID")
        rows = [row for row in rows if last is None or (row["id"] < last if falling else row["id"] > last)]
        return rows[: min(params["LIMIT"], limit, portal.cap or limit)]

    return answer


def notifications(portal, params):
    """Confirmations first, then the others; each newest first."""
    newest_first = sorted(portal.rows, key=lambda row: -row["id"])
    confirmations = [row for row in newest_first if row["notify_type"] == 1]
    others = [row for row in newest_first if row["notify_type"] != 1]
    last, stage = params.get("LAST_ID"), params.get("LAST_TYPE")
    if stage == 1:
        confirmations = [row for row in confirmations if row["id"] < last]
    elif stage == 3:
        confirmations, others = [], [row for row in others if row["id"] < last]
    return [*confirmations, *others][: params["LIMIT"]]


def by_conditions(most):
    def answer(portal, params):
        rows = list(portal.rows)
        for name, operator, value in [] if portal.ignores_place else params.get("filter", []):
            if name == "id":
                rows = [row for row in rows if OPERATORS[operator](row["id"], value)]
        rows.sort(key=lambda row: row["id"], reverse=params["order"] == {"id": "DESC"})
        return rows[: min(params["pagination"]["limit"], most, portal.cap or most)]

    return answer


def by_tail(portal, params):
    cursor = params["cursor"]
    assert cursor["field"] == "id"
    assert not any(condition[0] == "id" for condition in params.get("filter", []))
    falling = cursor["order"] == "DESC"
    value = cursor["value"]
    rows = [row for row in portal.rows if portal.ignores_place or (row["id"] < value if falling else row["id"] > value)]
    return sorted(rows, key=lambda row: row["id"], reverse=falling)[: min(cursor["limit"], portal.cap or 1_000)]


def by_echo(cursor_at, *, more):
    def answer(portal, params):
        after = None if portal.ignores_place else at(params, "pagination.afterCursor.id")
        limit = min(at(params, "pagination.limit"), portal.cap or 200)
        key = next(iter(portal.rows[0])) if portal.rows else "id"
        rows = [row for row in portal.rows if after is None or row[key] > after]
        page, rest = rows[:limit], rows[limit:]
        result = {"items": page, cursor_at: {"id": page[-1][key], "position": 1} if rest else None}
        portal.extra = {**result, **({"hasMore": bool(rest)} if more else {})}
        return page

    return answer


def items(rows):
    return {"items": rows}


DIALECTS = {
    "im.dialog.messages.get": (by_last_id(50), lambda rows: {"messages": rows, "users": []}),
    "im.dialog.messages.search": (by_last_id(200), lambda rows: {"messages": rows}),
    "im.notify.history.search": (by_last_id(50), lambda rows: {"notifications": rows}),
    "log.blogcomment.user.get": (by_last_id(100), lambda rows: {"comments": rows}),
    "main.eventlog.list": (by_conditions(1_000), items),
    "v3:tasks.task.list": (by_conditions(1_000), items),
    "v3:tasks.task.result.list": (by_conditions(50), items),
    "main.eventlog.tail": (by_tail, items),
    "note.collection.list": (by_echo("nextCursor", more=False), items),
    "call.followup.list": (by_echo("afterCursor", more=True), items),
}


def portal_for(method, ids, **options):
    answer, wrap = DIALECTS[method]
    rows = [{str(spec_of(method).id): n, "title": f"row {n}"} for n in ids]
    return PagedPortal(rows, answer, wrap, total=lambda count: None, **options)


def expected(method, portal):
    name = str(spec_of(method).id)
    return sorted(portal.rows, key=lambda row: row[name], reverse=spec_of(method).walk == "last_id")


@pytest.mark.parametrize("count", [0, 1, 50, 51, 100, 101, 400, 1_000, 1_001])
@pytest.mark.parametrize("method", sorted(DIALECTS))
def test_fetch__every_cursor_is_followed_to_the_end(method, count):
    portal = portal_for(method, range(3, 3 + 2 * count, 2))
    found, facts = fetch(portal, method)
    assert found == expected(method, portal)
    assert (facts.complete, facts.rows, facts.notes) == (True, count, [])
    assert facts.walk == spec_of(method).walk
    assert facts.reason in ("empty_page", "last_page")


@pytest.mark.parametrize("method", sorted(set(DIALECTS)))
def test_fetch__a_silent_cap_below_the_limit_ends_nothing(method):
    portal = portal_for(method, range(1, 94), cap=7)
    found, facts = fetch(portal, method)
    assert found == expected(method, portal)
    assert facts.complete


@pytest.mark.parametrize("method", sorted(set(DIALECTS)))
def test_fetch__a_portal_that_ignores_the_cursor_ends_in_an_error(method):
    portal = portal_for(method, range(1, 1_500), ignores_place=True)
    with pytest.raises(IncompleteFetchError):
        fetch(portal, method)
    assert portal.requests <= 3


@pytest.mark.parametrize("limit", [1, 20, 50, 51, 1_200])
@pytest.mark.parametrize("method", sorted(DIALECTS))
def test_fetch__limit_takes_the_first_rows(method, limit):
    portal = portal_for(method, range(1, 2_000))
    found, facts = fetch(portal, method, limit=limit)
    assert found == expected(method, portal)[:limit]
    assert (facts.reason, facts.complete) == ("limit", False)


@pytest.mark.parametrize("method", ["main.eventlog.list", "v3:tasks.task.list", "main.eventlog.tail"])
@pytest.mark.parametrize("order", [None, {"id": "DESC"}])
def test_fetch__own_bounds_on_the_id_are_kept_in_both_directions(method, order):
    portal = portal_for(method, range(1, 5_000))
    found, facts = fetch(portal, method, filter={">=id": 100, "<id": "3000"}, order=order)
    assert [row["id"] for row in found] == sorted(range(100, 3_000), reverse=order is not None)
    assert facts.complete


def test_fetch__a_page_behind_the_bound_is_cut_where_the_bound_is_ignored():
    portal = portal_for("main.eventlog.tail", range(1, 5_000))
    found, facts = fetch(portal, "main.eventlog.tail", filter={"<=id": 1_500})
    assert [row["id"] for row in found] == list(range(1, 1_501))
    assert (facts.reason, facts.last_id) == ("reached_pinned_id", 1_500)


def test_fetch__conditions_of_rest_3_are_sent_as_it_wants_them():
    portal = portal_for("main.eventlog.list", [1])
    fetch(
        portal,
        "main.eventlog.list",
        select=["id", "severity"],
        filter={"@userId": [1, 2], "severity": "INFO", ">id": 0},
    )
    method, params = portal.calls[0]
    assert method == "main.eventlog.list"
    assert params == {
        "select": ["id", "severity"],
        "filter": [["userId", "in", [1, 2]], ["severity", "=", "INFO"], ["id", ">", 0]],
        "order": {"id": "ASC"},
        "pagination": {"limit": 1_000},
    }


def test_fetch__conditions_in_the_form_of_rest_3_are_taken_too():
    portal = portal_for("main.eventlog.list", [1])
    own = [["severity", "=", "INFO"], ["userId", "in", [1, 2]]]
    fetch(portal, "main.eventlog.list", params={"filter": own})
    assert portal.calls[0][1]["filter"] == own
    assert portal.calls[1][1]["filter"] == [*own, ["id", ">", 1]]


@pytest.mark.parametrize("key", ["%title", "!@status", "?name"])
def test_make_plan__a_comparison_that_rest_3_lacks_is_refused(key):
    with pytest.raises(ConfigError, match=r"REST 3\.0 has no"):
        make_plan(spec_of("main.eventlog.list"), filter={key: "x"})


def test_fetch__another_order_in_rest_3_is_read_by_offset():
    plan = make_plan(spec_of("v3:tasks.task.list"), order={"title": "ASC"})
    assert plan.walk == "offset_limit"
    assert plan.page_at(2_000) == {
        "order": {"title": "ASC", "id": "ASC"},
        "pagination": {"offset": 2_000, "limit": 1_000},
    }


def test_fetch__messages_oldest_first_where_the_method_can():
    portal = portal_for("im.dialog.messages.search", range(1, 500))
    found, _ = fetch(portal, "im.dialog.messages.search", order={"ID": "ASC"})
    assert [row["id"] for row in found] == list(range(1, 500))


def test_make_plan__an_order_that_a_method_lacks_is_refused():
    with pytest.raises(ConfigError, match="has no order"):
        make_plan(spec_of("im.dialog.messages.get"), params={"DIALOG_ID": 1}, order={"id": "ASC"})
    assert make_plan(spec_of("im.dialog.messages.get"), params={"DIALOG_ID": 1}, order={"id": "DESC"}).descending


@pytest.mark.parametrize("confirmations", [0, 1, 49, 50, 51, 120])
@pytest.mark.parametrize("others", [0, 1, 50, 130])
def test_fetch__notifications_come_in_both_stages(confirmations, others):
    rng = random.Random(confirmations * 1_000 + others)
    kinds = [1] * confirmations + [rng.choice((2, 3)) for _ in range(others)]
    rng.shuffle(kinds)
    rows = [{"id": n, "notify_type": kind} for n, kind in enumerate(kinds, 1)]
    portal = PagedPortal(rows, notifications, lambda found: {"notifications": found}, total=lambda count: None)
    found, facts = fetch(portal, "im.notify.get")
    assert sorted(row["id"] for row in found) == list(range(1, len(rows) + 1))
    assert facts.complete


def test_fetch__more_rows_than_the_limit_are_taken_too():
    def generous(portal, params):
        rows = by_last_id(50)(portal, params)
        return rows if "LAST_ID" in params else sorted(portal.rows, key=lambda row: -row["id"])[:80]

    portal = portal_for("im.dialog.messages.get", range(1, 200))
    portal.dialect = generous
    assert len(fetch(portal, "im.dialog.messages.get")[0]) == 199


def test_fetch__more_rows_without_a_way_to_them_are_an_error():
    portal = PagedPortal([], lambda portal, params: [{"callId": 1}], items, extra={"hasMore": True})
    with pytest.raises(IncompleteFetchError, match="not how to read them"):
        fetch(portal, "call.followup.list")


@pytest.mark.parametrize(
    ("method", "extra", "rows"),
    [
        ("note.document.search.list", {"hasMore": True}, 3),
        ("note.document.tree.list", {"truncated": True}, 3),
        ("imbot.v2.Chat.User.list", {}, 200),
        ("humanresources.node.search", {}, 200),
    ],
)
def test_fetch__one_answer_that_may_not_be_all_is_an_error(method, extra, rows):
    spec = spec_of(method)
    found = [{str(spec.id): n} for n in range(rows)]
    portal = PagedPortal(
        found,
        lambda portal, params: portal.rows,
        lambda page: {spec.rows_at: page} if spec.rows_at else page,
        lambda n: None,
    )
    portal.extra = extra
    required = dict.fromkeys(spec.required, "x")
    with pytest.raises(IncompleteFetchError, match="no documented way leads to the others"):
        fetch(portal, method, params=required)
    portal.extra, portal.rows = dict.fromkeys(extra, False), found[:-1]
    assert fetch(portal, method, params=required)[1].reason == "whole_answer"


@pytest.mark.parametrize("method", ["event.offline.get", "im.v2.Event.get", "imbot.v2.Event.get"])
def test_make_plan__a_read_that_removes_rows_is_refused_before_anything_is_sent(method):
    with pytest.raises(ConfigError, match="is not fetched as a list"):
        make_plan(spec_of(method), params={"botId": 1})


@settings(max_examples=600, deadline=None)
@given(
    ids=st.sets(st.integers(1, 2**40), max_size=300),
    method=st.sampled_from(sorted(DIALECTS)),
    cap=st.sampled_from([None, 1, 7, 50]),
    changes=st.integers(0, 20),
    seed=st.integers(0, 2**16),
)
def test_fetch__every_row_that_stood_throughout_comes_once(ids, method, cap, changes, seed):
    rng = random.Random(seed)
    portal = portal_for(method, sorted(ids), cap=cap)
    name = str(spec_of(method).id)
    steady, ever = set(ids), set(ids)
    left = changes

    def change(portal, call):
        nonlocal left
        if left <= 0 or rng.random() < 0.5:
            return
        left -= 1
        if portal.rows and rng.random() < 0.5:
            steady.discard(portal.rows.pop(rng.randrange(len(portal.rows)))[name])
        else:
            new = rng.randint(1, max(ever, default=1) + 9)
            if new not in ever:
                ever.add(new)
                portal.rows.append({name: new})
                portal.rows.sort(key=lambda row: row[name])

    portal.before = change
    try:
        found, facts = fetch(portal, method)
    except (IncompleteFetchError, ProtocolViolationError):
        pytest.fail("rows that come and go are no reason to stop")
    got = [row[name] for row in found]
    assert facts.complete
    assert len(got) == len(set(got))
    assert steady <= set(got) <= ever
    assert got == sorted(got, reverse=spec_of(method).walk == "last_id")
