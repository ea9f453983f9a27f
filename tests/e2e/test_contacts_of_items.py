"""Phones and e-mail addresses of ``crm.item.list``: the field ``fm``, which its describing method lacks."""

from __future__ import annotations

import pytest

from b24data import Sandbox, explode, first


@pytest.fixture(scope="module")
def tools():
    with Sandbox(deals=5, contacts=40) as portal, portal.connect() as b24:
        yield b24.tools


@pytest.mark.parametrize("select", [None, ["*"], ["*", "fm"]])
def test_fm__is_a_list_of_structs_that_explode_and_first_take(tools, select):
    items = tools.fetch_all("crm.item.list", select, params={"entityTypeId": 3}, progress=False)
    assert str(items.dtypes["fm"]).startswith("list<item: struct<ID: int64, VALUE_TYPE: string")
    each = explode(items, "fm")
    assert {"PHONE", "EMAIL"} <= set(each["fm_TYPE_ID"])
    mail = first(items, "fm", "EMAIL")
    assert mail.str.contains("@").any()
    assert not mail.str.startswith("+").any()


@pytest.mark.parametrize("select", [["id", "fm"], ["fm"], ["FM", "name"]])
def test_fm__comes_also_where_it_is_named_without_a_star(tools, select):
    items = tools.fetch_all("crm.item.list", select, params={"entityTypeId": 3}, progress=False)
    assert [name.lower() for name in items.columns] == [name.lower() for name in select]
    assert items["fm"].notna().any()


def test_fm__is_no_column_of_records_that_have_none(tools):
    deals = tools.fetch_all("crm.item.list", params={"entityTypeId": 2}, progress=False)
    assert "fm" not in deals.columns
