"""What a test has to compare with: all rows of every list, as they stand in answers, and what describes them."""

from __future__ import annotations

import pytest

from b24data.sandbox.describe import DESCRIBED
from b24data.sandbox.documented import documented

FAMILIES = {
    "crm.deal.list": {}, "crm.lead.list": {}, "crm.contact.list": {}, "crm.company.list": {}, "crm.activity.list": {},
    "crm.item.list": {"entityTypeId": 1036}, "crm.stagehistory.list": {}, "crm.quote.list": {}, "crm.status.list": {},
    "crm.product.list": {}, "crm.requisite.list": {}, "crm.address.list": {}, "crm.deal.userfield.list": {},
    "crm.category.list": {"entityTypeId": 2}, "crm.currency.list": {}, "tasks.task.list": {}, "user.get": {},
    "department.get": {}, "task.elapseditem.getlist": {}, "sonet_group.get": {}, "voximplant.statistic.get": {},
    "lists.element.get": {}, "catalog.product.list": {}, "catalog.store.list": {}, "catalog.price.list": {},
    "sale.order.list": {}, "sale.payment.list": {}, "sale.basketitem.list": {}, "disk.storage.getList": {},
    "userfieldconfig.list": {}, "socialnetwork.api.workgroup.list": {},
}  # fmt: skip


@pytest.mark.parametrize("method", FAMILIES)
def test_rows__are_all_of_a_list_and_agree_with_the_truth(portal, method):
    params = FAMILIES[method]
    rows, truth = portal.rows(method, params=params), portal.truth(method, params=params)
    assert len(rows) == truth.count > 0
    assert portal.stats.requests == 0
    some = truth.ids[1:3]
    assert portal.rows(method, params=params, ids=some) == rows[1:3]


def test_rows__of_rest_3(portal):
    rows = portal.rows("timeman.record.list", version="v3")
    assert [row["id"] for row in rows] == portal.truth("timeman.record.list", version="v3").ids
    some = portal.truth("tasks.task.list", version="v3").ids[:2]
    found = portal.rows("tasks.task.list", select=["id", "title"], ids=some, version="v3")
    assert [set(row) for row in found] == [{"id", "title"}] * 2
    assert [row["id"] for row in found] == some
    few = portal.rows("tasks.task.list", filter=[["id", "<", some[1]]], version="v3")
    assert [row["id"] for row in few] == some[:1]


def test_rows__of_what_is_no_list_of_rows_are_refused(portal):
    with pytest.raises(ValueError, match="no rows"):
        portal.rows("placement.list")


@pytest.mark.parametrize(
    ("method", "names"),
    [
        ("catalog.store.list", ["active", "sort", "userId"]),
        ("sale.order.list", ["payed", "price", "responsibleId"]),
        ("voximplant.statistic.get", ["PORTAL_USER_ID", "CALL_DURATION"]),
        ("sonet_group.get", ["ACTIVE", "CLOSED"]),
        ("task.elapseditem.getlist", ["USER_ID", "MINUTES"]),
    ],
)
def test_rows__differ_in_what_they_are_filtered_by(portal, method, names):
    rows = portal.rows(method)
    for name in names:
        assert len({str(row[name]) for row in rows}) > 1, name


def test_described__lists_have_every_field_of_their_rows(portal, call):
    assert len(DESCRIBED) > 60
    for method, known in DESCRIBED.items():
        result = call(portal, method, {"entityTypeId": 2})["result"]
        fields = result.get(known.described.get("at"), result) if known.described.get("at") else result
        names = {entry["title"] for entry in fields} if isinstance(fields, list) else set(fields)
        letters = {name.replace("_", "").casefold() for name in names}
        for row in portal.rows(known.method, params={"entityTypeId": 2}):
            assert {name.replace("_", "").casefold() for name in row} <= letters, method


def test_described__with_the_types_of_the_page(portal, call):
    fields = call(portal, "sale.order.getFields")["result"]["order"]
    assert [fields[name]["type"] for name in ("id", "price", "payed", "dateInsert")] == [
        "integer",
        "double",
        "char",
        "datetime",
    ]
    assert fields["id"]["isReadOnly"]
    assert call(portal, "department.fields")["result"]["UF_HEAD"] == "Manager"
    assert "sale.order.getfields" in call(portal, "methods")["result"]
    assert set(documented("v2")["sale.order.list"].described["types"]) <= set(fields)
