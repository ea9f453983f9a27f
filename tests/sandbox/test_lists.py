"""How lists answer: pages, counts, spellings of parameters and rows."""

from __future__ import annotations

import pytest

ENTITIES = {
    "crm.deal.list": {},
    "crm.lead.list": {},
    "crm.contact.list": {},
    "crm.company.list": {},
    "crm.activity.list": {},
    "tasks.task.list": {},
    "user.get": {},
    "crm.item.list": {"entityTypeId": 1036},
}


def test_pages__next_is_absent_on_the_last(portal, call):
    starts, start = [], 0
    while start is not None:
        answer = call(portal, "crm.deal.list", {"start": start})
        assert answer["total"] == 230
        starts.append(len(answer["result"]))
        start = answer.get("next")
    assert starts == [50, 50, 50, 50, 30]


def test_start_minus_one__one_page_without_a_count(start, portal, call):
    answer = call(portal, "crm.deal.list", {"start": -1})
    assert len(answer["result"]) == 50
    assert "total" not in answer
    assert "next" not in answer
    assert call(start(zero_total=True), "crm.deal.list", {"start": -1})["total"] == 0


def test_counted_pages_cost_seven_times_as_much(start, call):
    portal = start(cost=0.02, time_scale=1000)
    call(portal, "crm.deal.list", {"start": -1})
    uncounted = portal.stats.work_s
    call(portal, "crm.deal.list")
    assert portal.stats.work_s == pytest.approx(uncounted * 8)


@pytest.mark.parametrize(("method", "params"), ENTITIES.items())
def test_truth__is_what_the_pages_bring(portal, call, method, params):
    key = "id" if method in ("tasks.task.list", "crm.item.list") else "ID"
    ids, start = [], 0
    while start is not None:
        answer = call(portal, method, {**params, "start": start})
        result = answer["result"]
        rows = next(iter(result.values())) if isinstance(result, dict) else result
        ids += [int(row[key]) for row in rows]
        start = answer.get("next")
    assert ids == portal.truth(method, params=params).ids
    assert len(set(ids)) == len(ids) == answer["total"]


@pytest.mark.parametrize("form", ["json", "form", "multipart", "query", "json upper", "query indices", "suffix"])
def test_parameters__arrive_in_every_form(portal, http, form):
    url, deals = portal.webhook_url, portal.truth().ids
    ask = {
        "json": lambda: http.post(f"{url}crm.deal.list", json={"select": ["ID"], "filter": {">ID": deals[9]}}),
        "json upper": lambda: http.post(f"{url}crm.deal.list", json={"SELECT": ["ID"], "FILTER": {">ID": deals[9]}}),
        "form": lambda: http.post(f"{url}crm.deal.list", data={"select[]": "ID", "filter[>ID]": str(deals[9])}),
        "multipart": lambda: http.post(
            f"{url}crm.deal.list",
            files={"select[0]": (None, "ID"), "filter[>ID]": (None, str(deals[9])), "filter[%TITLE]": (None, "")},
        ),
        "query": lambda: http.get(f"{url}crm.deal.list?select[]=ID&filter[>ID]={deals[9]}"),
        "query indices": lambda: http.get(f"{url}crm.deal.list/?select[0]=ID&filter%5B%3EID%5D={deals[9]}"),
        "suffix": lambda: http.get(f"{url}crm.deal.list.json?select[]=ID&filter[>ID]={deals[9]}"),
    }
    rows = ask[form]().json()["result"]
    assert rows == [{"ID": str(number)} for number in deals[10:60]]


def test_select__masks_and_unknown_names(portal, call):
    def keys(select, method="crm.lead.list"):
        return set(call(portal, method, {"select": select})["result"][0])

    plain, custom = keys(["*"]), keys(["UF_*"])
    assert not any(name.startswith("UF_") for name in plain)
    assert all(name.startswith("UF_") for name in custom)
    assert keys([]) == plain | custom
    assert keys(["ID", "NO_SUCH_FIELD"]) == {"ID"}
    assert "PHONE" not in plain | custom


def test_select__nothing_that_exists_gives_empty_rows_as_php_writes_them(portal, call):
    assert call(portal, "crm.deal.list", {"select": ["NO_SUCH_FIELD"]})["result"] == [[]] * 50


def test_multifields__come_on_request_and_are_left_out_where_there_are_none(portal, call):
    rows = call(portal, "crm.contact.list", {"select": ["ID", "HAS_PHONE", "PHONE"]})["result"]
    assert {row["HAS_PHONE"] for row in rows} == {"Y", "N"}
    for row in rows:
        assert ("PHONE" in row) == (row["HAS_PHONE"] == "Y")
    filled = next(row for row in rows if "PHONE" in row)
    assert set(filled["PHONE"][0]) == {"ID", "VALUE_TYPE", "VALUE", "TYPE_ID"}


def test_an_empty_multiple_field_is_false(portal):
    values = [row["UF_CRM_1700000002"] for row in portal.rows(select=["UF_CRM_1700000002"])]
    assert False in values
    assert any(isinstance(value, list) for value in values)


def test_items__the_same_deal_in_camel_case_with_numbers(portal):
    names = {"ID": "id", "TITLE": "title", "STAGE_ID": "stageId", "DATE_CREATE": "createdTime", "COMMENTS": "comments"}
    classic = portal.rows(select=[*names, "OPPORTUNITY", "ASSIGNED_BY_ID", "UF_CRM_1700000003"])
    select = [*names.values(), "opportunity", "assignedById", "ufCrm_1700000003"]
    items = portal.rows("crm.item.list", select=select, params={"entityTypeId": 2})
    for old, new in zip(classic, items, strict=True):
        assert int(old["ID"]) == new["id"]
        assert float(old["OPPORTUNITY"]) == new["opportunity"]
        assert int(old["ASSIGNED_BY_ID"]) == new["assignedById"]
        assert old["UF_CRM_1700000003"] == (new["ufCrm_1700000003"] and str(new["ufCrm_1700000003"])) or (
            new["ufCrm_1700000003"] == 0
        )
        assert [old[name] for name in names if name != "ID"] == [new[name] for name in names.values() if name != "id"]


def test_items__original_names_of_user_fields(portal, call):
    params = {"entityTypeId": 1036, "useOriginalUfNames": "Y", "select": ["id", "UF_CRM_7_1700000001"]}
    assert set(call(portal, "crm.item.list", params)["result"]["items"][0]) == {"id", "UF_CRM_7_1700000001"}
    fields = call(portal, "crm.item.fields", {"entityTypeId": 1036})["result"]["fields"]
    assert fields["ufCrm7_1700000001"]["upperName"] == "UF_CRM_7_1700000001"


def test_items__an_unknown_type_is_not_found(portal, http):
    reply = http.post(portal.webhook_url + "crm.item.list", json={"entityTypeId": 999})
    assert (reply.status_code, reply.json()["error"]) == (400, "NOT_FOUND")


@pytest.mark.parametrize(
    ("entity_type", "number", "dictionary"),
    [(31, "accountNumber", "SMART_INVOICE_STAGE_2"), (7, "quoteNumber", "QUOTE_STATUS")],
)
def test_items__invoices_and_estimates_too(portal, call, entity_type, number, dictionary):
    kind = {"entityTypeId": entity_type}
    rows = portal.rows("crm.item.list", params=kind)
    fields = call(portal, "crm.item.fields", kind)["result"]["fields"]
    assert set(rows[0]) == set(fields)
    assert len({row[number] for row in rows}) == len(rows) > 50
    assert fields["stageId"]["statusType"] == dictionary
    stages = call(portal, "crm.status.list", {"filter": {"ENTITY_ID": dictionary}})["result"]
    assert {row["stageId"] for row in rows} == {row["STATUS_ID"] for row in stages}


def test_stage_history__of_leads_speaks_of_statuses(portal, call):
    items = call(portal, "crm.stagehistory.list", {"entityTypeId": 1, "filter": {"STATUS_ID": "NEW"}})["result"][
        "items"
    ]
    assert set(items[0]) == {"ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "STATUS_ID", "STATUS_SEMANTIC_ID"}
    refused = call(portal, "crm.stagehistory.list", {"entityTypeId": 1, "filter": {"STAGE_ID": "NEW"}})
    assert refused["error"] == "INVALID_ARG_VALUE"
    assert "STAGE_ID" in call(portal, "crm.stagehistory.list", {"entityTypeId": 2})["result"]["items"][0]
    assert portal.rows("crm.stagehistory.list", params={"entityTypeId": 1})[0] == items[0]


def test_tasks__ask_upper_case_and_answer_camel_case(portal, call):
    params = {"select": ["ID", "TITLE", "RESPONSIBLE_ID", "GROUP_ID"], "filter": {"GROUP_ID": 0}}
    rows = call(portal, "tasks.task.list", params)["result"]["tasks"]
    assert set(rows[0]) == {"id", "title", "responsibleId", "responsible", "groupId", "group"}
    assert rows[0]["group"] == []
    ids = [int(row["id"]) for row in rows]
    assert ids == sorted(ids, reverse=True)


def test_users__flat_sort_and_filters_at_the_top_level(portal, call):
    rows = call(portal, "user.get", {"sort": "ID", "order": "DESC", "ACTIVE": True, "FILTER": {">ID": 3}})["result"]
    ids = [int(row["ID"]) for row in rows]
    assert ids == sorted(ids, reverse=True)
    assert min(ids) > 3
    assert all(row["ACTIVE"] is True for row in rows)


def test_every_described_field_is_selectable_and_nothing_else_comes(portal, call):
    for entity in ("deal", "lead", "contact", "company"):
        fields = call(portal, f"crm.{entity}.fields")["result"]
        row = call(portal, f"crm.{entity}.list", {"select": ["*", "UF_*"]})["result"][0]
        on_request = {name for name, field in fields.items() if field["type"] == "crm_multifield"}
        assert set(row) == set(fields) - on_request
        customs = {row["FIELD_NAME"] for row in call(portal, f"crm.{entity}.userfield.list")["result"]}
        assert customs == {name for name, field in fields.items() if field["isDynamic"]}


def test_stages__every_stage_of_a_deal_stands_in_the_dictionary(portal, call):
    known = {row["STATUS_ID"] for row in call(portal, "crm.status.list")["result"]}
    assert {row["STAGE_ID"] for row in portal.rows(select=["STAGE_ID"])} <= known


def test_dictionaries__currencies_types_and_funnels_agree_with_the_records(portal, call):
    codes = {row["CURRENCY"] for row in call(portal, "crm.currency.list")["result"]}
    assert {row["CURRENCY_ID"] for row in portal.rows(select=["CURRENCY_ID"])} <= codes
    for kind in call(portal, "crm.type.list")["result"]["types"]:
        params = {"entityTypeId": kind["entityTypeId"]}
        known = {row["id"] for row in call(portal, "crm.category.list", params)["result"]["categories"]}
        assert {row["categoryId"] for row in portal.rows("crm.item.list", params=params)} <= known


def test_answers__are_escaped_as_php_does(portal, start, http):
    escaped = http.post(portal.webhook_url + "crm.company.list", json={"select": ["TITLE"]}).content
    assert escaped.isascii()
    assert rb"\/" in escaped
    plain = start(escape=False)
    assert "ООО" in http.post(plain.webhook_url + "crm.company.list", json={"select": ["TITLE"]}).text


def test_errors__have_the_documented_form(portal, http):
    for path, status, code in [
        (f"{portal.webhook_url}no.such.method", 404, "ERROR_METHOD_NOT_FOUND"),
        (f"{portal.url}/rest/1/wrong/crm.deal.list", 401, "NO_AUTH_FOUND"),
        (f"{portal.url}/rest/crm.deal.list", 401, "NO_AUTH_FOUND"),
        (f"{portal.webhook_url}crm.deal.list?filter=5", 400, ""),
        (f"{portal.webhook_url}app.info", 403, "ACCESS_DENIED"),
    ]:
        reply = http.get(path)
        assert (reply.status_code, reply.json()["error"]) == (status, code)
        assert set(reply.json()) == {"error", "error_description"}


def test_seed__the_same_records_again_and_others_for_another(start):
    one, same, other = start(seed=1), start(seed=1), start(seed=2)
    select = ["*", "UF_*"]
    assert one.rows(select=select) == same.rows(select=select)
    assert one.truth().ids != other.truth().ids


def test_ids__in_clusters_with_an_offset_or_as_given(start):
    clustered = start(deals=100, clusters=[1, 4_000_000_000]).truth().ids
    assert sum(number > 3_999_999_999 for number in clustered) == 50
    assert min(start(id_offset=5000).truth().ids) > 5000
    assert start(ids={"deals": [7, 3, 2**33]}).truth().ids == [3, 7, 2**33]
