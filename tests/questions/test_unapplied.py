"""Questions that a portal would answer as if a part of them had not been asked: refused, or found out by the rows."""

from __future__ import annotations

import pandas as pd
import pytest

from b24data import Sandbox
from b24data.errors import ConfigError, IncompleteFetchError, SchemaError

FAST = {"rate_limit": None, "operating_limit_s": None, "cost": 0.0}
MONEY = "UF_CRM_1700000014"


@pytest.fixture(scope="module")
def tools():
    with Sandbox(deals=200, tasks=100, users=60, **FAST) as portal:
        yield portal.connect().tools


@pytest.fixture(scope="module")
def deaf():
    with Sandbox(deals=60, tasks=60, users=30, ignores=["conditions", "order"], **FAST) as portal:
        yield portal.connect().tools


def listed(value):
    return [] if value is pd.NA else list(value)


@pytest.mark.parametrize(
    ("method", "select", "filter", "params"),
    [
        ("sonet_group.get", ["ID", "NAME"], {"OWNER_ID": 10**6}, None),
        ("voximplant.statistic.get", ["ID", "CALL_DURATION"], {">=CALL_START_DATE": "2030-01-01"}, None),
        ("crm.item.productrow.list", ["id", "price"], {"=ownerType": "D", "=ownerId": 94}, None),
    ],
)
def test_without_select__columns_that_are_not_asked_for_prove_the_filter_all_the_same(
    deaf, method, select, filter, params
):
    for columns in (None, select):
        with pytest.raises(IncompleteFetchError, match="ignores the filter"):
            deaf.fetch_all(method, columns, filter, params=params, progress=False)


def test_without_select__rows_are_read_by_an_id_that_is_not_a_column(tools):
    frame = tools.fetch_all("voximplant.statistic.get", ["CALL_DURATION"], progress=False)
    assert list(frame.columns) == ["CALL_DURATION"]
    assert len(frame) == len(tools.fetch_all("voximplant.statistic.get", progress=False)) > 50


@pytest.mark.parametrize(
    ("method", "select", "filter"),
    [
        ("tasks.task.list", ["id", "title", "responsibleId"], {"!RESPONSIBLE_ID": 0}),
        ("tasks.task.list", ["id", "createdDate"], {">=createdDate": "2020-01-01"}),
        ("tasks.task.list", ["id", "status"], {">REAL_STATUS": 0}),
        ("crm.deal.list", ["ID", "STAGE_ID", "opportunity"], {">=OPPORTUNITY": 0}),
    ],
)
def test_columns__that_are_filtered_by_another_spelling_stay(tools, method, select, filter):
    filtered = tools.fetch_all(method, select, filter, progress=False)
    assert list(filtered.columns) == list(tools.fetch_all(method, select, progress=False).columns)
    assert len(filtered.columns) == len(select)
    assert len(filtered) > 0


def test_tasks__are_filtered_by_the_names_that_their_rows_have(tools):
    tasks = tools.fetch_all("tasks.task.list", ["ID", "AUDITORS", "ACCOMPLICES"], progress=False)
    for rows, asked in (("AUDITORS", "AUDITOR"), ("ACCOMPLICES", "ACCOMPLICE")):
        who = int(next(one for one in tasks[rows].dropna() if len(one))[0])
        right = {row.ID for row in tasks.itertuples() if who in listed(getattr(row, rows))}
        for name in (rows, asked):
            frame = tools.fetch_all("tasks.task.list", ["ID"], {name: who}, progress=False)
            assert set(frame.ID) == right
            assert frame.attrs["b24data"]["conditions"][0]["sent"] == asked


@pytest.mark.parametrize(
    ("method", "filter", "params"),
    [
        ("tasks.task.list", {"DESCRIPTION": "no such text"}, {}),
        ("tasks.task.list", {"ALLOW_TIME_TRACKING": "Y"}, {}),
        ("tasks.task.list", {">TIME_ESTIMATE": 5}, {}),
        ("lists.element.get", {"CODE": "none"}, {"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 1}),
    ],
)
def test_filter__of_a_field_that_the_page_of_the_method_does_not_name_is_refused(tools, method, filter, params):
    with pytest.raises(SchemaError, match=r"does not filter by .*check_fields=False"):
        tools.fetch_all(method, None, filter, params=params, progress=False)
    assert len(tools.fetch_all(method, None, filter, params=params, check_fields=False, recheck=False, progress=False))


@pytest.mark.parametrize("condition", [{f">{MONEY}": 1000}, {f"<{MONEY}": "1000|EUR"}, {f">={MONEY}": 5}])
def test_money__is_not_compared_by_size(tools, condition):
    with pytest.raises(ConfigError, match=r"compares a text by size.*filter the frame"):
        tools.fetch_all("crm.deal.list", ["ID"], condition, progress=False)


@pytest.mark.parametrize("value", [2500.5, "2500.5", [2500.5, "100|USD"], "2500,5|EUR"])
def test_money__a_sum_without_its_currency_is_refused(tools, value):
    with pytest.raises(ConfigError, match=r"write the sum and its currency, as \"2500.5\|EUR\""):
        tools.fetch_all("crm.deal.list", ["ID"], {MONEY: value}, progress=False)


def test_money__is_found_by_sum_and_currency_and_where_there_is_none(tools):
    deals = tools.fetch_all("crm.deal.list", ["ID", MONEY], progress=False)
    found = tools.fetch_all("crm.deal.list", ["ID"], {f"@{MONEY}": ["2500.5|EUR", "100|USD"]}, progress=False)
    assert set(found.ID) == set(deals.ID[deals[MONEY].isin([2500.5, 100.0])])
    assert len(tools.fetch_all("crm.deal.list", ["ID"], {MONEY: ""}, progress=False)) == deals[MONEY].isna().sum() > 0


def test_order__by_a_misspelt_field_is_refused(tools):
    with pytest.raises(SchemaError, match=r"no such field in order: CALL_DURATON \(did you mean CALL_DURATION"):
        tools.fetch_all("voximplant.statistic.get", order={"CALL_DURATON": "DESC"}, limit=3, progress=False)


@pytest.mark.parametrize("way", ["ASC", "DESC"])
def test_order__that_the_portal_ignores_is_found_out_by_the_rows(tools, deaf, way):
    asked = {"select": ["ID", "OPPORTUNITY"], "order": {"OPPORTUNITY": way}, "limit": 9, "progress": False}
    sums = tools.fetch_all("crm.deal.list", **asked).OPPORTUNITY
    assert list(sums) == sorted(sums, reverse=way == "DESC")
    with pytest.raises(IncompleteFetchError, match="ignores the order by OPPORTUNITY"):
        deaf.fetch_all("crm.deal.list", **asked)


def test_fetch_by__has_the_order_of_the_ids_and_refuses_another(tools):
    with pytest.raises(ConfigError, match="sort the frame"):
        tools.fetch_by("crm.deal.list", "@ID", [94, 95], ["ID"], order={"OPPORTUNITY": "DESC"}, progress=False)
    with pytest.raises(ConfigError, match="sort the frame"):
        tools.fetch_by("crm.deal.list", "@ID", [94, 95], ["ID"], order={"ID": "DESC"}, progress=False)


@pytest.mark.parametrize(
    "params", [{"STAGE_ID": "WON"}, {"stageId": "WON"}, {">ID": 70}, {"filtr": {"STAGE_ID": "WON"}}]
)
def test_params__a_condition_beside_the_filter_is_refused(tools, params):
    with pytest.raises((ConfigError, SchemaError), match="filter"):
        tools.fetch_all("crm.deal.list", ["ID"], params=params, progress=False)


def test_params__that_are_the_filter_of_a_method_are_checked_as_one(tools):
    departments = tools.fetch_all("department.get", progress=False)
    right = set(departments.ID[departments.PARENT == 1])
    for name in ("PARENT", "parent"):
        frame = tools.fetch_all("department.get", params={name: 1}, progress=False)
        assert set(frame.ID) == right
        assert frame.attrs["b24data"]["conditions"] == [
            {"key": name, "value": "1", "sent": "PARENT", "proof": "checked"}
        ]
    with pytest.raises(SchemaError, match="did you mean PARENT"):
        tools.fetch_all("department.get", params={"PARNET": 1}, progress=False)
    with pytest.raises(ConfigError, match="takes one value"):
        tools.fetch_all("department.get", params={"PARENT": [1, 2]}, progress=False)


def test_params__of_users_in_small_letters_ask_the_same(tools):
    users = tools.fetch_all("user.get", progress=False)
    for params in ({"ACTIVE": False}, {"active": "N"}):
        assert set(tools.fetch_all("user.get", params=params, progress=False).ID) == set(users.ID[~users.ACTIVE])


def test_params__that_a_portal_ignores_are_found_out_by_the_rows(deaf):
    with pytest.raises(IncompleteFetchError, match="ignores the filter 'ACTIVE'"):
        deaf.fetch_all("user.get", params={"ACTIVE": False}, progress=False)


@pytest.mark.parametrize(
    "method",
    [
        *("catalog.productPropertySection.list", "crm.address.list", "crm.orderentity.list", "crm.requisite.link.list"),
        *("rpa.type.list", "sale.businessValuePersonDomain.list", "sale.propertyRelation.list", "sale.statusLang.list"),
    ],
)
def test_rows_without_an_id__are_told_apart_whatever_is_selected(tools, method):
    rows = tools.fetch_all(method, progress=False)
    for name in rows.columns:
        frame = tools.fetch_all(method, [name], progress=False)
        assert [*frame.columns] == [name]
        assert len(frame) == len(rows) > 0
