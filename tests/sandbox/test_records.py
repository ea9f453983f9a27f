"""Single records: read, added, changed and deleted by REST, and seen in the lists."""

from __future__ import annotations

import pytest

WORDS = {"deal": "deals", "lead": "leads", "contact": "contacts", "company": "companies"}


@pytest.fixture
def refused(http):
    """A call that is refused: status, code and text."""

    def refused(portal, method, params=None):
        reply = http.post(portal.webhook_url + method, json=params or {})
        answer = reply.json()
        return reply.status_code, answer["error"], answer["error_description"]

    return refused


@pytest.mark.parametrize(("word", "entity"), WORDS.items())
def test_a_record__is_added_read_changed_and_deleted(portal, call, word, entity):
    title = "NAME" if word == "contact" else "TITLE"
    before = portal.truth(f"crm.{word}.list").count
    fields = {title: "Новый", "OPPORTUNITY": "10.5", "PHONE": [{"VALUE": "+7", "VALUE_TYPE": "WORK"}], "NO_SUCH": 1}
    number = call(portal, f"crm.{word}.add", {"fields": fields})["result"]
    assert portal.truth(f"crm.{word}.list").ids[-1] == number
    row = call(portal, f"crm.{word}.get", {"id": number})["result"]
    assert (row["ID"], row[title], row["COMMENTS"]) == (str(number), "Новый", None)
    assert ("PHONE" in row) == (word != "deal")
    assert portal.rows(f"crm.{word}.list", select=[title], ids=[number]) == [{title: "Новый"}]

    assert call(portal, f"crm.{word}.update", {"ID": number, "FIELDS": {title: "Другой", "ID": 5}})["result"] is True
    assert call(portal, f"crm.{word}.get", {"id": str(number)})["result"][title] == "Другой"
    assert call(portal, f"crm.{word}.delete", {"id": number})["result"] is True
    assert portal.truth(f"crm.{word}.list").count == before
    assert [entry[1:] for entry in portal.stats.mutations] == [
        ("insert", entity, [number]),
        ("update", entity, [number]),
        ("delete", entity, [number]),
    ]


def test_a_new_deal__is_empty_where_nothing_was_said(portal, call):
    number = call(portal, "crm.deal.add", {"fields": {}})["result"]
    row = call(portal, "crm.deal.get", {"id": number})["result"]
    assert {row[name] for name in row if name.startswith("UF_")} <= {None, "", False}
    assert (row["STAGE_ID"], row["CATEGORY_ID"], row["CLOSED"], row["COMPANY_ID"]) == ("NEW", "0", "N", None)
    assert row["DATE_CREATE"] == row["DATE_MODIFY"]


def test_an_item__is_added_read_changed_and_deleted(portal, call, refused):
    kind = {"entityTypeId": 1036}
    fields = {"title": "Новый", "ufCrm7_1700000007": "Y", "ufCrm7_1700000003": 7, "opportunity": 12.5}
    item = call(portal, "crm.item.add", {**kind, "fields": fields})["result"]["item"]
    assert (item["title"], item["ufCrm7_1700000007"], item["opportunity"]) == ("Новый", "Y", 12.5)
    asked = {**kind, "id": item["id"]}
    assert call(portal, "crm.item.get", asked)["result"]["item"] == item
    found = {"ufCrm7_1700000007": 1, "=title": "Новый"}
    assert portal.truth("crm.item.list", params=kind, filter=found).ids == [item["id"]]
    changed = call(portal, "crm.item.update", {**asked, "fields": {"ufCrm7_1700000007": "N"}})["result"]["item"]
    assert changed["ufCrm7_1700000007"] == "N"
    assert call(portal, "crm.item.delete", asked)["result"] == []
    assert refused(portal, "crm.item.get", asked) == (400, "NOT_FOUND", "Item not found")


@pytest.mark.parametrize(
    ("method", "params", "error"),
    [
        ("crm.deal.get", {}, (400, "", "ID is not defined or invalid.")),
        ("crm.deal.get", {"id": "abc"}, (400, "", "ID is not defined or invalid.")),
        ("crm.deal.get", {"id": 10**9}, (400, "", "Not found")),
        ("crm.deal.add", {"fields": "TITLE"}, (400, "", "Parameter 'fields' must be array.")),
        ("crm.contact.update", {"id": 10**9, "fields": {}}, (400, "", "Contact is not found")),
        ("crm.contact.delete", {"id": 10**9}, (400, "ERROR_CORE", "Element not found")),
        ("crm.company.delete", {"id": 10**9}, (400, "", "Company is not found")),
        ("crm.item.get", {"entityTypeId": 5, "id": 1}, (400, "NOT_FOUND", "SPA not found")),
        ("crm.item.get", {"ENTITYTYPEID": 2, "id": 1}, (400, "NOT_FOUND", "SPA not found")),
        ("crm.deal.userfield.list", {"filter": "ID"}, (400, "", "Parameter 'filter' must be array.")),
        ("crm.timeline.bindings.list", {}, (400, "", "OWNER_ID is not defined or invalid.")),
    ],
)
def test_errors__have_the_documented_code_which_is_often_empty(portal, refused, method, params, error):
    assert refused(portal, method, params) == error


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"closedate": "soon"}, "CRM_FIELD_ERROR_VALUE_NOT_VALID"), ({"ufCrm_1700000002": "text"}, "100")],
)
def test_items__values_that_do_not_fit_are_refused(portal, refused, fields, code):
    assert refused(portal, "crm.item.add", {"entityTypeId": 2, "fields": fields})[1] == code


def test_a_hidden_record__is_denied(portal, refused):
    first = portal.truth().ids[0]
    portal.hide("deals", [first])
    assert refused(portal, "crm.deal.get", {"id": first}) == (400, "", "Access denied.")


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("sale.order.list", (400, 0, "error")),
        ("catalog.document.list", (400, "0", "Insufficient permissions to save the document")),
        ("crm.company.list", (400, "", "Access denied.")),
        ("crm.stagehistory.list", (401, 0, "SHIPMENT_DOCUMENT entity is not supported")),
        ("crm.deal.get", (400, "", "Access denied.")),
    ],
)
def test_refused__is_the_error_of_the_methods_page(portal, refused, call, method, error):
    portal.fail("refused", on=method)
    assert refused(portal, method, {"id": portal.truth().ids[0], "entityTypeId": 2}) == error
    portal.fail("refused", command=0)
    answer = call(portal, "batch", {"cmd": {"one": method, "two": "profile"}})["result"]
    assert answer["result_error"]["one"]["error"] == error[1]
    assert "two" in answer["result"]


@pytest.mark.parametrize("code", ["", "0", 0])
def test_error__takes_an_empty_code(portal, refused, code):
    portal.fail("error", code=code, description="Access denied.", status=403)
    found = refused(portal, "crm.deal.list")
    assert found == (403, code, "Access denied.")
    assert type(found[1]) is type(code)
