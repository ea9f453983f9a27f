"""Filters, orders and pages against a naive reading of the same rows."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cmp_to_key

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b24data.sandbox.calls import Caller, Methods
from b24data.sandbox.columns import NULL, Numbers
from b24data.sandbox.mutations import Mutations
from b24data.sandbox.pages import Renderer
from b24data.sandbox.quirks import Quirks
from b24data.sandbox.rowsets import Rowsets
from b24data.sandbox.stats import Counters
from b24data.sandbox.table import World
from b24data.sandbox.values import parse_moment

COUNTS = dict.fromkeys(("deals", "leads", "contacts", "companies", "tasks", "users", "activities", "items"), 130)
WORLD = World(COUNTS, seed=11, gap=0.4)
CHANGES = Mutations(WORLD, Counters(), lambda: 0.0, 7)
METHODS = Methods(
    WORLD,
    Renderer(),
    Rowsets(7, {}),
    escape=True,
    zero_total=False,
    quirks=Quirks(),
    now=lambda: 0.0,
    changes=CHANGES,
)
CALLER = Caller("webhook", 1, application=False)
NUMBERS = ("ID", "ASSIGNED_BY_ID", "COMPANY_ID", "PROBABILITY", "OPPORTUNITY", "UF_CRM_1700000003")
MOMENTS = ("DATE_CREATE", "CLOSEDATE", "UF_CRM_1700000010")
TEXTS = ("TITLE", "STAGE_ID", "SOURCE_ID", "CURRENCY_ID", "COMMENTS", "UF_CRM_1700000002", "UF_CRM_1700000014")
PREFIXES = ("", "=", "!", "!=", ">", ">=", "<", "<=", "@", "!@", "%", "=%", "%=")  # of crm-deal-list.md
CODES = ("STAGE_ID", "SOURCE_ID")  # no LIKE works with them


def fetch(method="crm.deal.list", **params):
    """All rows of a list, page after page."""
    rows, start = [], 0
    while start is not None:
        answer = METHODS.call(method, {**params, "start": start}, CALLER)
        found = answer.lookup([answer.wrap] if answer.wrap else [])
        rows += found
        start = answer.next
    assert answer.total == len(rows)
    return rows


ROWS = fetch(select=["ID", *NUMBERS, *MOMENTS, *TEXTS])


def naive(row, prefix, name, values):
    """One condition, row by row, as the documentation words it."""
    negative = prefix.startswith("!")
    bare = prefix.removeprefix("!")
    found = row[name]
    held = found if isinstance(found, list) else [] if found in (None, "", False) else [found]
    return negative != any(naive_one(held, bare, name, value) for value in values)


def naive_one(held, bare, name, value):
    if bare in ("", "=", "@"):
        if value == "":
            return not held
        return any(equal(name, one, value) for one in held)
    if bare == "%":
        return any(str(value).casefold() in str(one).casefold() for one in held)
    if bare in ("=%", "%="):
        pattern = ".*".join(re.escape(part).replace("_", ".") for part in str(value).casefold().split("%"))
        return any(re.fullmatch(pattern, str(one).casefold(), re.DOTALL) for one in held)
    if value == "":
        return True
    return any(compare(name, one, value, bare) for one in held)


def comparable(name, value):
    if name in NUMBERS:
        return float(value)
    if name in MOMENTS:
        return datetime.fromisoformat(str(value)).timestamp()
    return str(value).casefold()


def equal(name, one, value):
    return comparable(name, one) == comparable(name, value)


def compare(name, one, value, bare):
    left, right = comparable(name, one), comparable(name, value)
    return {">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}[bare]


@st.composite
def conditions(draw):
    name = draw(st.sampled_from((*NUMBERS, *MOMENTS, *TEXTS)))
    likes = [prefix for prefix in PREFIXES if "%" in prefix]
    allowed = (
        PREFIXES if name in TEXTS and name not in CODES else [prefix for prefix in PREFIXES if prefix not in likes]
    )
    prefix = draw(st.sampled_from(allowed))
    pool = []
    for row in ROWS:
        found = row[name]
        pool += found if isinstance(found, list) else [found] if found not in (None, "", False) else []
    value = draw(st.sampled_from(sorted(set(pool))))
    if prefix in likes:
        cut = draw(st.integers(0, len(value)))
        value = f"%{value[:cut]}" if "=" in prefix else value[:cut] or value
    if "@" in prefix:
        return prefix, name, draw(st.lists(st.sampled_from(sorted(set(pool))), min_size=1, max_size=3))
    return prefix, name, [value]


@settings(max_examples=300, deadline=None)
@given(st.lists(conditions(), min_size=1, max_size=3, unique_by=lambda entry: entry[:2]))
def test_filter__agrees_with_a_naive_reading(given_conditions):
    where = {f"{prefix}{name}": (values if "@" in prefix else values[0]) for prefix, name, values in given_conditions}
    expected = [
        row["ID"] for row in ROWS if all(naive(row, prefix, name, values) for prefix, name, values in given_conditions)
    ]
    assert [row["ID"] for row in fetch(select=["ID"], filter=where)] == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from((*NUMBERS, *MOMENTS, "STAGE_ID", "TITLE")), st.booleans()), max_size=3))
def test_order__agrees_with_a_naive_reading(keys):
    keys = list(dict(keys).items())

    def rank(row, name):
        return (0, 0) if row[name] in (None, "") else (1, comparable(name, row[name]))

    def by_keys(left, right):
        for name, downwards in keys:
            one, other = rank(left, name), rank(right, name)
            if one != other:
                return (1 if one > other else -1) * (-1 if downwards else 1)
        return int(left["ID"]) - int(right["ID"])

    expected = [row["ID"] for row in sorted(ROWS, key=cmp_to_key(by_keys))]
    order = {name: "DESC" if downwards else "ASC" for name, downwards in keys}
    assert [row["ID"] for row in fetch(select=["ID"], order=order)] == expected


@settings(max_examples=100, deadline=None)
@given(st.integers(-5, 400), st.integers(-5, 400), st.booleans(), st.booleans())
def test_id_range__both_bounds_in_both_orders(low, high, closed, downwards):
    where = {f">{'=' if closed else ''}ID": low, f"<{'=' if closed else ''}ID": str(high)}
    ids = [int(row["ID"]) for row in ROWS]
    expected = [str(n) for n in ids if (low <= n <= high if closed else low < n < high)]
    rows = fetch(select=["ID"], filter=where, order={"ID": "DESC" if downwards else "ASC"})
    assert [row["ID"] for row in rows] == (expected[::-1] if downwards else expected)


def test_many_values_of_a_number__are_found_also_after_a_change():
    column = Numbers("id", np.array([5, 3, 5, NULL, 9, 3], np.int64))
    assert np.flatnonzero(column.holding(np.array([3, 9, 4]))).tolist() == [1, 4, 5]
    column.put(0, 4)
    column.grow(1)
    assert np.flatnonzero(column.holding(np.array([3, 9, 4]))).tolist() == [0, 1, 4, 5, 6]
    assert np.flatnonzero(column.holding(np.array([NULL, 5]))).tolist() == [2, 3]


def test_item_filter__groups_with_or():
    where = {"0": {"logic": "OR", "0": {"=currencyId": "USD"}, "1": {">=opportunity": 500_000}}, "!stageId": "WON"}
    rows = fetch("crm.item.list", entityTypeId=2, select=["id", "currencyId", "opportunity", "stageId"], filter=where)
    everything = fetch("crm.item.list", entityTypeId=2, select=["id", "currencyId", "opportunity", "stageId"])
    expected = [
        row
        for row in everything
        if (row["currencyId"] == "USD" or row["opportunity"] >= 500_000) and row["stageId"] != "WON"
    ]
    assert rows == expected
    assert 0 < len(rows) < len(everything)


def test_filter__a_user_boolean_takes_one_and_zero_but_not_yes():
    name = "UF_CRM_1700000007"
    every = fetch(select=["ID", name])
    assert [row for row in every if row[name] is True] == fetch(select=["ID", name], filter={name: 1})
    assert fetch(select=["ID", name], filter={name: "Y"}) == []


def test_filter__an_empty_value_in_a_range_is_no_condition():
    assert len(fetch(select=["ID"], filter={">ID": ""})) == len(ROWS)


def test_filter__false_asks_for_what_is_not_filled_in_and_zero_for_zero():
    empty = [row for row in ROWS if row["COMPANY_ID"] is None]
    for _ in range(2):
        assert len(fetch(select=["ID"], filter={"COMPANY_ID": False})) == len(empty) > 0
        assert fetch(select=["ID"], filter={"COMPANY_ID": 0}) == []
    assert len(fetch("user.get", filter={"ACTIVE": False})) + len(fetch("user.get", filter={"ACTIVE": True})) == 130


def test_filter__an_unknown_field_is_ignored_by_classic_lists_and_refused_by_items():
    assert len(fetch(select=["ID"], filter={"NO_SUCH": 1})) == len(ROWS)
    with pytest.raises(Exception, match="INVALID_ARG_VALUE"):
        fetch("crm.item.list", entityTypeId=2, filter={"noSuch": 1})


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "31.02.2026"])
def test_parse_moment__what_is_no_date_is_none(text):
    assert parse_moment(text) is None
