"""Records that belong together: what the lists of a portal say of each other."""

from __future__ import annotations

from collections import defaultdict

import pytest

from b24data.sandbox.documented import documented

SEEDS = [1, 7, 42]
HISTORIES = {1: "statusId", 2: "stageId", 31: "stageId", 1036: "stageId"}
OWNER_CODES = {1: "L", 2: "D", 7: "Q", 31: "SI", 1036: "T40c"}


@pytest.fixture(params=SEEDS)
def seeded(request, start):
    return start(seed=request.param, deals=400, leads=150, contacts=120, companies=40, activities=300, tasks=150)


def items(portal, entity_type):
    return portal.rows("crm.item.list", params={"entityTypeId": entity_type})


def by(rows, key):
    found = defaultdict(list)
    for row in rows:
        found[row[key]].append(row)
    return found


@pytest.mark.parametrize("entity_type", HISTORIES)
def test_history__ends_with_the_stage_and_the_time_of_its_record(seeded, entity_type):
    status = "STATUS" if entity_type == 1 else "STAGE"
    history = by(seeded.rows("crm.stagehistory.list", params={"entityTypeId": entity_type}), "OWNER_ID")
    rows = items(seeded, entity_type)
    assert set(history) == {row["id"] for row in rows}
    for row in rows:
        entries = history[row["id"]]
        last = entries[-1]
        assert (last[f"{status}_ID"], last["CREATED_TIME"]) == (row["stageId"], row["movedTime"])
        assert entries[0]["CREATED_TIME"] == row["createdTime"]
        assert [one["TYPE_ID"] == 1 for one in entries] == [True] + [False] * (len(entries) - 1)
        times = [one["CREATED_TIME"] for one in entries]
        assert times == sorted(set(times))
        assert [one["ID"] for one in entries] == sorted(one["ID"] for one in entries)
        assert {one.get("CATEGORY_ID") for one in entries} == {row.get("categoryId")}


@pytest.mark.parametrize("entity_type", OWNER_CODES)
def test_product_rows__add_up_to_the_amount(seeded, entity_type):
    rows = items(seeded, entity_type)
    code = OWNER_CODES[entity_type]
    products = seeded.rows("crm.item.productrow.list", filter={"=ownerType": code, "=ownerId": [r["id"] for r in rows]})
    owned = by(products, "ownerId")
    assert 0 < len(owned) < len(rows)
    for row in rows:
        amount = sum(round(one["price"] * 100) * one["quantity"] for one in owned.get(row["id"], []))
        assert amount == round(row["opportunity"] * 100)
    catalogue = {row["id"] for row in seeded.rows("catalog.product.list")}
    assert {one["productId"] for one in products} <= catalogue


def test_links__find_what_they_mean(seeded):
    known = {entity: {row["id"]: row for row in items(seeded, number)} for entity, number in
             {"lead": 1, "deal": 2, "contact": 3, "company": 4}.items()}  # fmt: skip
    users = {int(row["ID"]) for row in seeded.rows("user.get")}
    for deal in known["deal"].values():
        contacts = deal["contactIds"]
        assert len(contacts) == len(set(contacts))
        assert deal["contactId"] == (contacts[0] if contacts else None)
        assert all(known["contact"][one]["createdTime"] <= deal["createdTime"] for one in contacts)
        if contacts:
            assert deal["companyId"] == known["contact"][contacts[0]]["companyId"]
        if deal["companyId"]:
            assert deal["companyId"] in known["company"]
        if deal["leadId"]:
            lead = known["lead"][deal["leadId"]]
            assert lead["stageId"] == "CONVERTED"
            assert lead["movedTime"] <= deal["createdTime"]
            assert (lead["contactId"], lead["companyId"]) == (deal["contactId"], deal["companyId"])
        assert deal["assignedById"] in users
    assert sum(bool(deal["leadId"]) for deal in known["deal"].values()) > 10
    assert len({one for deal in known["deal"].values() for one in deal["contactIds"]}) > 60


def test_activities_and_calls__are_of_real_owners(seeded):
    types = {"1": "crm.lead.list", "2": "crm.deal.list", "3": "crm.contact.list", "4": "crm.company.list"}
    known = {kind: {row["ID"]: row for row in seeded.rows(method)} for kind, method in types.items()}
    activities = seeded.rows("crm.activity.list", select=["*", "BINDINGS"])
    first = next(iter(known["2"].values()))  # has what was before any record
    for row in activities:
        owner = known[row["OWNER_TYPE_ID"]][row["OWNER_ID"]]
        assert owner["DATE_CREATE"] <= row["CREATED"] or owner is first
        bound = [(one["OWNER_TYPE_ID"], one["OWNER_ID"]) for one in row["BINDINGS"]]
        assert bound[0] == (row["OWNER_TYPE_ID"], row["OWNER_ID"])
        assert all(number in known[kind] for kind, number in bound)
        assert row["CREATED"] <= row["LAST_UPDATED"]
    calls = seeded.rows("voximplant.statistic.get")
    called = {row["ID"]: row for row in activities if row["PROVIDER_ID"] == "VOXIMPLANT_CALL"}
    assert {row["CRM_ACTIVITY_ID"] for row in calls} == set(called)
    words = {"CONTACT": "3", "COMPANY": "4", "LEAD": "1"}
    for row in calls:
        assert row["CRM_ENTITY_TYPE"] is None or row["CRM_ENTITY_ID"] in known[words[row["CRM_ENTITY_TYPE"]]]
        assert row["CALL_START_DATE"] == called[row["CRM_ACTIVITY_ID"]]["CREATED"]
    assert [row["CALL_START_DATE"] for row in calls] == sorted(row["CALL_START_DATE"] for row in calls)


def test_tasks__are_of_real_records_and_their_time_adds_up(seeded):
    known = {word: {int(row["ID"]) for row in seeded.rows(f"crm.{kind}.list")}
             for word, kind in {"D": "deal", "C": "contact", "CO": "company", "L": "lead"}.items()}  # fmt: skip
    tasks = seeded.rows("tasks.task.list", select=["*", "UF_CRM_TASK"])
    time = by(seeded.rows("task.elapseditem.getlist"), "TASK_ID")
    for task in tasks:
        for link in task["ufCrmTask"] or []:
            word, number = link.split("_")
            assert int(number) in known[word]
        assert sum(int(one["SECONDS"]) for one in time.get(task["id"], [])) == int(task["timeSpentInLogs"])
        assert task["createdDate"] <= task["changedDate"]
        assert (task["closedDate"] is None) == (task["status"] != "5")
    assert set(time) <= {task["id"] for task in tasks}
    assert sum(bool(task["ufCrmTask"]) for task in tasks) > 50


def test_time__goes_forward_and_keeps_working_hours(seeded):
    for deal in items(seeded, 2):
        assert deal["createdTime"] <= deal["movedTime"] <= deal["updatedTime"]
        assert 9 <= int(deal["createdTime"][11:13]) < 19
        assert 9 <= int(deal["movedTime"][11:13]) < 19
        assert deal["closed"] == ("N" if deal["stageSemanticId"] == "P" else "Y")
        if deal["closed"] == "Y":
            assert deal["closedate"][:10] == deal["movedTime"][:10]


def test_funnel__narrows_from_stage_to_stage(start):
    portal = start(deals=3000)
    history = portal.rows("crm.stagehistory.list", params={"entityTypeId": 2})
    reached = defaultdict(set)
    for row in history:
        reached[row["STAGE_ID"].split(":")[-1]].add(row["OWNER_ID"])
    counts = [len(reached[code]) for code in
              ("NEW", "PREPARATION", "PREPAYMENT_INVOICE", "EXECUTING", "FINAL_INVOICE", "WON")]  # fmt: skip
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 3000
    assert 600 < counts[-1] < 1800


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("crm.stagehistory.list", {"entityTypeId": 2}),
        ("crm.item.productrow.list", {}),
        ("voximplant.statistic.get", {}),
        ("task.elapseditem.getlist", {}),
    ],
)
def test_rows__have_the_keys_and_the_kinds_of_the_documented_sample(portal, method, params):
    (sample, *_), row = documented("v2")[method].rows, portal.rows(method, params=params)[0]
    assert next(iter(row)) == documented("v2")[method].id
    assert set(row) == set(sample)
    for key, value in row.items():
        if value is not None and sample[key] is not None:
            numbers = isinstance(sample[key], int | float)
            assert isinstance(value, int | float) == numbers, key


def test_the_same_seed__makes_the_same_history_whatever_was_asked_for_before(start):
    one, other = start(), start()
    other.rows("crm.item.productrow.list")
    other.rows("voximplant.statistic.get")
    for method in ("crm.stagehistory.list", "crm.item.productrow.list", "voximplant.statistic.get"):
        assert one.rows(method) == other.rows(method)


def changed(portal):
    """A portal on which deals and contacts came, went and moved."""
    deals, contacts = portal.truth().ids, portal.truth("crm.contact.list").ids
    portal.update("deals", deals[10:20], {"STAGE_ID": "C1:WON"})
    portal.update("deals", deals[15:25], {"OPPORTUNITY": "1234.56"})
    portal.update("deals", deals[30:33], {"STAGE_ID": "NEW", "OPPORTUNITY": "0"})
    portal.insert("deals", [{"STAGE_ID": "PREPARATION", "OPPORTUNITY": "77.70", "CONTACT_IDS": contacts[:2]}, {}])
    portal.update("deals", deals[40:42], {"CONTACT_ID": contacts[5]})
    portal.delete("deals", deals[:5])
    portal.delete("contacts", contacts[8:60])
    portal.delete("companies", portal.truth("crm.company.list").ids[:5])
    portal.delete("leads", portal.truth("crm.lead.list").ids[:50])
    portal.delete("tasks", portal.truth("tasks.task.list").ids[:20])
    return portal


@pytest.mark.parametrize("asked_before", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_changes__keep_what_belongs_together(start, seed, asked_before):
    portal = start(seed=seed, deals=300, leads=200, contacts=100, companies=30, tasks=80)
    if asked_before:
        for method in ("crm.stagehistory.list", "crm.item.productrow.list", "voximplant.statistic.get"):
            portal.rows(method)
    changed(portal)
    deals = items(portal, 2)
    history = by(portal.rows("crm.stagehistory.list", params={"entityTypeId": 2}), "OWNER_ID")
    products = by(portal.rows("crm.item.productrow.list", filter={"=ownerType": "D"}), "ownerId")
    assert set(history) == {deal["id"] for deal in deals}
    assert set(products) <= {deal["id"] for deal in deals}
    contacts = {row["id"] for row in items(portal, 3)}
    companies, leads = ({row["id"] for row in items(portal, number)} for number in (4, 1))
    for deal in deals:
        last = history[deal["id"]][-1]
        assert (last["STAGE_ID"], last["CREATED_TIME"]) == (deal["stageId"], deal["movedTime"])
        assert (last["CATEGORY_ID"], last["STAGE_SEMANTIC_ID"]) == (deal["categoryId"], deal["stageSemanticId"])
        assert deal["closed"] == ("N" if deal["stageSemanticId"] == "P" else "Y")
        amount = sum(round(one["price"] * 100) * one["quantity"] for one in products.get(deal["id"], []))
        assert amount == round(deal["opportunity"] * 100)
        assert deal["contactId"] == (deal["contactIds"][0] if deal["contactIds"] else None)
        assert set(deal["contactIds"]) <= contacts
        assert deal["companyId"] is None or deal["companyId"] in companies
        assert deal["leadId"] is None or deal["leadId"] in leads
    known = {"1": leads, "2": {deal["id"] for deal in deals}, "3": contacts, "4": companies}
    for row in portal.rows("crm.activity.list", select=["*", "BINDINGS"]):
        assert int(row["OWNER_ID"]) in known[row["OWNER_TYPE_ID"]]
        assert all(int(one["OWNER_ID"]) in known[one["OWNER_TYPE_ID"]] for one in row["BINDINGS"])
    words = {"L": "1", "D": "2", "C": "3", "CO": "4"}
    tasks = portal.rows("tasks.task.list", select=["ID", "UF_CRM_TASK"])
    links = [link.split("_") for row in tasks for link in row["ufCrmTask"] or []]
    assert all(int(number) in known[words[word]] for word, number in links)
    assert {row["TASK_ID"] for row in portal.rows("task.elapseditem.getlist")} <= {row["id"] for row in tasks}


def test_a_move__is_one_row_of_history_and_a_stage_that_stays_is_none(portal):
    number = next(row["ID"] for row in portal.rows() if row["STAGE_ID"] == "WON")
    before = portal.truth("crm.stagehistory.list").count
    portal.update("deals", [int(number)], {"STAGE_ID": "WON", "TITLE": "again"})
    assert portal.truth("crm.stagehistory.list").count == before
    portal.update("deals", [int(number)], {"STAGE_ID": "EXECUTING"})
    last = portal.rows("crm.stagehistory.list", filter={"OWNER_ID": number}, params={"entityTypeId": 2})[-1]
    assert (last["STAGE_ID"], last["TYPE_ID"], last["STAGE_SEMANTIC_ID"]) == ("EXECUTING", 2, "P")
    assert portal.truth("crm.stagehistory.list").ids[-1] == last["ID"]
    portal.update("deals", [int(number)], {"CATEGORY_ID": 1})
    last = portal.rows("crm.stagehistory.list", filter={"OWNER_ID": number}, params={"entityTypeId": 2})[-1]
    assert (last["STAGE_ID"], last["TYPE_ID"], last["CATEGORY_ID"]) == ("C1:NEW", 5, 1)


def test_deny__refuses_a_method_or_all_of_an_entity_also_in_a_batch_until_it_is_allowed(portal, call):
    portal.deny("voximplant.statistic.get")
    portal.deny("leads")
    assert call(portal, "voximplant.statistic.get")["error"] == "ACCESS_DENIED"
    assert call(portal, "crm.lead.list")["error_description"] == "Access denied."
    for method, params in (("crm.item.list", {}), ("crm.stagehistory.list", {})):
        assert "error" in call(portal, method, {"entityTypeId": 1, **params})
        assert "error" not in call(portal, method, {"entityTypeId": 2, **params})
    answer = call(portal, "batch", {"cmd": {"a": "crm.lead.list", "b": "crm.deal.list"}})["result"]
    assert list(answer["result_error"]) == ["a"]
    assert portal.truth("crm.lead.list").count == 300
    portal.allow("leads")
    assert "error" not in call(portal, "crm.lead.list")
    portal.allow()
    assert "error" not in call(portal, "voximplant.statistic.get")


def test_remove_pipeline__moves_its_deals_and_keeps_their_history(portal, call):
    owned = {row["ID"] for row in portal.rows(filter={"CATEGORY_ID": 1})}
    moved = portal.remove_pipeline(1)
    assert {str(number) for number in moved} == owned != set()
    assert portal.truth(filter={"CATEGORY_ID": 1}).count == 0
    assert [row["id"] for row in call(portal, "crm.category.list", {"entityTypeId": 2})["result"]["categories"]] == [
        0,
        2,
    ]
    assert call(portal, "crm.status.list", {"filter": {"ENTITY_ID": "DEAL_STAGE_1"}})["result"] == []
    history = by(portal.rows("crm.stagehistory.list", params={"entityTypeId": 2}), "OWNER_ID")
    for number in moved:
        assert history[number][-1]["STAGE_ID"] == "NEW"
        assert history[number][0]["STAGE_ID"] == "C1:NEW"
    with pytest.raises(ValueError, match="pipeline 1"):
        portal.remove_pipeline(1)


def test_departments__have_heads_who_work_there(portal):
    staff = {row["ID"]: row["UF_DEPARTMENT"] for row in portal.rows("user.get")}
    rows = portal.rows("department.get")
    heads = {row["ID"]: row["UF_HEAD"] for row in rows if "UF_HEAD" in row}
    assert len(heads) > 3
    assert all(int(number) in staff[head] for number, head in heads.items())
    known = {row["ID"] for row in rows}
    assert all(row["PARENT"] in known for row in rows if "PARENT" in row)


def test_products__that_are_sold_are_in_the_catalogue_under_their_name(seeded):
    names = {int(row["ID"]): row["NAME"] for row in seeded.rows("crm.product.list")}
    sold = {row["productId"]: row["productName"] for row in seeded.rows("crm.item.productrow.list")}
    assert len(sold) > 20
    assert sold == {number: names.get(number) for number in sold}


def test_tasks__take_about_as_long_as_was_planned(seeded):
    fields = {"select": ["ID", "TIME_ESTIMATE", "TIME_SPENT_IN_LOGS"]}
    rows = seeded.rows("tasks.task.list", params=fields)
    pairs = [(int(row["timeEstimate"]), int(row["timeSpentInLogs"])) for row in rows]
    ratios = sorted(spent / planned for planned, spent in pairs if planned and spent)
    assert len(ratios) > 10
    assert 0.7 < ratios[len(ratios) // 2] < 1.6
    assert ratios[0] < 1 < ratios[-1]
