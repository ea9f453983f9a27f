"""Random questions to lists of twenty families, on portals that are strict, lenient, or ignore what they are asked.

The rows that come are those of an evaluation that shares no code with the package or the sandbox's filter; or an error
came; or the report says that the condition could not be checked. Never other rows that count as checked.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b24data.errors import SdkError
from tests.questions.direct import DirectPortal
from tests.questions.evaluate import MOSCOW, AnyOf, Asked, expected, read

COUNTS = {
    "deals": 70,
    "leads": 60,
    "contacts": 60,
    "companies": 55,
    "tasks": 60,
    "users": 55,
    "activities": 60,
    "seed": 7,
}
PORTALS: dict[str, dict[str, Any]] = {
    "strict": {},
    "lenient": {"filters": "lenient"},
    **{f"ignores {what}": {"ignores": [what]} for what in ("names", "values", "times", "groups")},
}


@dataclass(frozen=True)
class Family:
    """A list, and the kinds of the fields that questions are asked about: by code, with the key in a row."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    id: str = "ID"
    groups: bool = False


def of_kind(kind: str, codes: str, wire: Callable[[str], str] = str) -> dict[str, tuple[str, str]]:
    return {code: (wire(code), kind) for code in codes.split()}


def camel(code: str) -> str:
    head, *rest = code.lower().split("_")
    return head + "".join(part.capitalize() for part in rest)


CRM = of_kind("int", "ID ASSIGNED_BY_ID CREATED_BY_ID") | of_kind("instant", "DATE_CREATE DATE_MODIFY")
ITEM = (
    of_kind("int", "id assignedById createdBy")
    | of_kind("instant", "createdTime updatedTime")
    | of_kind("code", "stageId")
)
TASK = (
    of_kind("int", "ID RESPONSIBLE_ID CREATED_BY GROUP_ID PRIORITY", camel)
    | of_kind("instant", "CREATED_DATE DEADLINE", camel)
    | {"REAL_STATUS": ("status", "int")}
)
FAMILIES = [
    Family(
        "crm.deal.list",
        fields=CRM
        | of_kind("float", "OPPORTUNITY")
        | of_kind("flag", "CLOSED OPENED")
        | of_kind("day", "BEGINDATE CLOSEDATE")
        | of_kind("code", "STAGE_ID CURRENCY_ID STAGE_SEMANTIC_ID"),
    ),
    Family(
        "crm.lead.list",
        fields=CRM | of_kind("float", "OPPORTUNITY") | of_kind("code", "STATUS_ID") | of_kind("flag", "OPENED"),
    ),
    Family("crm.contact.list", fields=CRM | of_kind("int", "COMPANY_ID") | of_kind("flag", "OPENED EXPORT")),
    Family("crm.company.list", fields=CRM | of_kind("float", "REVENUE") | of_kind("code", "COMPANY_TYPE INDUSTRY")),
    Family(
        "crm.activity.list", fields=of_kind("int", "ID OWNER_ID TYPE_ID RESPONSIBLE_ID") | of_kind("flag", "COMPLETED")
    ),
    Family(
        "crm.item.list",
        {"entityTypeId": 2},
        ITEM | of_kind("float", "opportunity") | of_kind("flag", "opened closed"),
        "id",
        True,
    ),
    Family("crm.item.list", {"entityTypeId": 1}, ITEM, "id", True),
    Family("tasks.task.list", fields=TASK, id="id"),
    Family("user.get", fields=of_kind("int", "ID") | of_kind("flag", "ACTIVE")),
    Family(
        "crm.quote.list",
        fields=of_kind("int", "ID ASSIGNED_BY_ID") | of_kind("float", "OPPORTUNITY") | of_kind("code", "STATUS_ID"),
    ),
    Family(
        "crm.stagehistory.list",
        {"entityTypeId": 2},
        of_kind("int", "ID OWNER_ID") | of_kind("instant", "CREATED_TIME") | of_kind("code", "STAGE_ID"),
    ),
    Family(
        "crm.requisite.list",
        fields=of_kind("int", "ID ENTITY_ID PRESET_ID") | of_kind("instant", "DATE_CREATE") | of_kind("flag", "ACTIVE"),
    ),
    Family(
        "sonet_group.get",
        fields=of_kind("int", "ID OWNER_ID") | of_kind("instant", "DATE_CREATE") | of_kind("flag", "ACTIVE VISIBLE"),
    ),
    Family(
        "voximplant.statistic.get",
        fields=of_kind("int", "ID PORTAL_USER_ID CALL_DURATION") | of_kind("instant", "CALL_START_DATE"),
    ),
    Family(
        "sale.order.list",
        fields=of_kind("int", "id userId")
        | of_kind("float", "price")
        | of_kind("flag", "canceled payed")
        | of_kind("instant", "dateInsert dateUpdate"),
        id="id",
    ),
    Family("sale.payment.list", fields=of_kind("int", "id orderId") | of_kind("instant", "dateBill"), id="id"),
    Family("catalog.price.list", fields=of_kind("int", "id productId") | of_kind("float", "price"), id="id"),
    Family(
        "catalog.store.list",
        fields=of_kind("int", "id sort") | of_kind("flag", "active") | of_kind("instant", "dateCreate"),
        id="id",
    ),
    Family("bizproc.task.list", fields=of_kind("int", "ID WORKFLOW_STARTED_BY") | of_kind("instant", "MODIFIED")),
    Family("disk.storage.getlist", fields=of_kind("int", "ID ENTITY_ID")),
    Family("tasks.api.scrum.sprint.list", fields=of_kind("int", "id groupId createdBy"), id="id"),
    Family("v3:tasks.task.list", fields=of_kind("int", "id"), id="id", groups=False),
]
LISTS = {one.method: 60 for one in FAMILIES[9:] if not one.method.startswith("v3:")}


@functools.cache
def portal_of(kind: str) -> DirectPortal:
    return DirectPortal(**COUNTS, lists=LISTS, **PORTALS[kind])


@functools.cache
def rows_of(kind: str, at: int) -> list[dict[str, Any]]:
    family = FAMILIES[at]
    select = {"select": ["*", "UF_*", *family.fields]} if at < 8 else {}
    return portal_of(kind).rows(family.method, {**family.params, **select})


# What a person may write for a value, and what no portal reads as it is meant.


def writings(value: Any, kind: str) -> list[tuple[Any, Any]]:
    """Ways to write a value that a row has, and what they mean."""
    if kind == "int":
        return [(value, value), (str(value), value), (float(value), value), (np.int64(value), value)]
    if kind == "float":
        return [(value, value), (repr(value), value), (Decimal(repr(value)), value)]
    if kind == "flag":
        return [(value, value), ("Y" if value else "N", value), (int(value), value), ("yes" if value else "no", value)]
    if kind == "day":
        odd = f"{value.year}-{value.month}-{value.day}"
        at = pd.Timestamp(dt.datetime.combine(value, dt.time()))
        return [(value, value), (value.isoformat(), value), (odd, value), (at, value)]
    if kind == "instant":
        local = value.astimezone(MOSCOW)
        midnight = dt.datetime.combine(local.date(), dt.time(), MOSCOW)
        return [
            (value.isoformat(), value),
            (local.replace(tzinfo=None).isoformat(sep=" "), value),
            (pd.Timestamp(value), value),
            (np.datetime64(local.replace(tzinfo=None), "ns"), value),
            (local.date(), midnight),
        ]
    return [(value, value), (value.lower(), value), (np.str_(value), value)]


def miswritings(value: Any, kind: str) -> list[Any]:
    """Ways to write it that a portal casts to something else, or ignores."""
    odd: list[Any] = [float("nan"), pd.NaT, None, {"a": 1}, object()]
    if kind == "int":
        return [*odd, f"{value},5", "100 000", "abc", 5.7]
    if kind == "float":
        return [*odd, f"1 {abs(value):06.2f}", "100,5", "abc"]
    if kind == "flag":
        return [*odd, 7, "maybe"]
    if kind in ("day", "instant"):
        return [*odd, "2026-02-30", f"{value:%d.%m.%Y}", "yesterday"]
    return odd


TESTS = {
    **dict.fromkeys(("", "=", "@"), "eq"),
    **dict.fromkeys(("!", "!=", "!@"), "not eq"),
    ">": "gt",
    ">=": "ge",
    "<": "lt",
    "<=": "le",
}


def once_in(draw: st.DrawFn, times: int) -> bool:
    return draw(st.integers(0, times - 1)) == times // 2


@st.composite
def conditions(draw: st.DrawFn, at: int) -> tuple[str, Any, Asked | None]:
    """A key and a value as a person writes them, and what they mean; None: nothing that a portal could answer."""
    family = FAMILIES[at]
    code = draw(st.sampled_from(sorted(family.fields)))
    wire, kind = family.fields[code]
    seen = [value for row in rows_of("strict", at) if (value := read(row.get(wire), kind)) is not None] or [1]
    ordered = kind in ("int", "float", "day", "instant")
    prefix = draw(st.sampled_from([p for p, test in TESTS.items() if ordered or test in ("eq", "not eq")]))
    equal = TESTS[prefix] in ("eq", "not eq")
    many = "@" in prefix or (equal and once_in(draw, 10))
    values: list[Any] = []
    meant: list[Any] | None = []
    for _ in range(draw(st.integers(1, 3)) if many else 1):
        one = draw(st.sampled_from(seen))
        if once_in(draw, 12):
            values.append(draw(st.sampled_from(miswritings(one, kind))))
            meant = None
        else:
            value, meaning = draw(st.sampled_from(writings(one, kind)))
            values.append(value)
            meant = None if meant is None else [*meant, meaning]
    if not many and equal and once_in(draw, 15):
        values, meant = [""], [""]
    spelled = draw(st.sampled_from([code, code.lower(), code.upper(), code.replace("_", ""), camel(code)]))
    if once_in(draw, 20):
        spelled, meant = f"{spelled}X", None
    asked = None if meant is None else Asked(wire, kind, TESTS[prefix], tuple(meant))
    return f"{prefix}{spelled}", values if many else values[0], asked


Question = tuple[str, int, dict[str, Any], list[Asked | AnyOf | None], list[str]]


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """A portal, a family, a filter with what it means, and what is selected."""
    kind = draw(st.sampled_from(sorted(PORTALS)))
    at = draw(st.integers(0, len(FAMILIES) - 1))
    drawn = {key: (value, meant) for key, value, meant in draw(st.lists(conditions(at), min_size=1, max_size=3))}
    asked: dict[str, Any] = {key: value for key, (value, _) in drawn.items()}
    parts = [meant for _, meant in drawn.values()]
    meant: list[Asked | AnyOf | None] = [*parts]
    if once_in(draw, 3 if FAMILIES[at].groups else 20):
        asked = {"0": {"logic": "OR", **asked}}
        meant = [None if None in parts else AnyOf(tuple(part for part in parts if part is not None))]
    return kind, at, asked, meant, draw(st.sampled_from([[], [FAMILIES[at].id]]))


def check(question: Question) -> str:
    kind, at, asked, meant, select = question
    family = FAMILIES[at]
    tools = portal_of(kind).client.tools
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = tools.fetch_table(family.method, select or None, asked, params=family.params, progress=False)
    except SdkError as error:
        assert str(error)
        return "error"
    report = portal_report(table)
    if any(one["proof"] != "checked" for one in report["conditions"]):
        return "not checkable"
    assert None not in meant, f"{asked} means nothing, and came back with {table.num_rows} rows as checked"
    rows = rows_of(kind, at)
    must, may = expected(rows, meant)
    ids = {str(value) for value in table.column(next(n for n in table.column_names if n.lower() == "id")).to_pylist()}
    needed = {str(rows[place][family.id]) for place in must}
    allowed = needed | {str(rows[place][family.id]) for place in may}
    assert needed <= ids, f"{len(needed - ids)} rows are missing: {asked}, {report['conditions']}"
    assert ids <= allowed, f"{len(ids - allowed)} rows should not be there: {asked}, {report['conditions']}"
    return "checked"


def portal_report(table: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(table.schema.metadata[b"b24data.report"])
    return found


def run(examples: int) -> dict[str, int]:
    seen: dict[str, int] = {}
    for at in range(len(FAMILIES)):
        rows_of("strict", at)  # which is made with the random numbers that a strategy may not use

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(questions())
    def ask(question: Any) -> None:
        outcome = check(question)
        seen[outcome] = seen.get(outcome, 0) + 1

    ask()
    return seen


@pytest.mark.parametrize("part", range(4))
def test_random_questions__rows_are_right_or_said_not_to_be_proven(part: int) -> None:
    seen = run(500)
    assert seen["checked"] > 50, seen  # else the questions are too odd to show anything


@pytest.mark.soak
def test_random_questions__twenty_thousand_of_them() -> None:
    seen = run(20_000)
    assert seen["checked"] > 2_000, seen
