"""What each family of methods takes in a filter, and what it does with everything else."""

from __future__ import annotations

import pytest

from b24data.sandbox.documented import documented
from b24data.sandbox.quirks import Quirks

DEALS, ITEMS, TASKS = "crm.deal.list", "crm.item.list", "tasks.task.list"
ITEM = {"entityTypeId": 2}


@pytest.fixture
def count(call):
    """How many rows a filter leaves, by the total; an error by its code."""

    def count(portal, method, where, **params):
        key = "FILTER" if method.startswith(("user.", "vox", "sonet", "lists.")) else "filter"
        answer = call(portal, method, {**params, key: where})
        return answer["total"] if "total" in answer else answer["error"]

    return count


@pytest.mark.parametrize(
    ("method", "known", "unknown"),
    [
        (DEALS, {"STAGE_SEMANTIC_ID": "S"}, {"stageSemanticId": "S"}),
        (DEALS, {"STAGE_SEMANTIC_ID": "S"}, {"stage_semantic_id": "S"}),
        (TASKS, {"TITLE": "%а%"}, {"title": "%а%"}),
        (TASKS, {"RESPONSIBLE_ID": 3}, {"responsibleId": 3}),
        ("user.get", {"ACTIVE": True}, {"active": True}),
        ("catalog.store.list", {">id": 100}, {">ID": 100}),
        ("socialnetwork.api.workgroup.list", {">ID": 100}, {">id": 100}),
    ],
)
def test_names__in_another_spelling_are_ignored_in_silence(portal, count, method, known, unknown):
    everything = count(portal, method, {})
    assert 0 < count(portal, method, known) < everything
    assert count(portal, method, unknown) == everything


@pytest.mark.parametrize("where", [{"TITLE": "x"}, {"noSuch": 1}, {"UF_CRM_SCORE": 1}, {"LOGIC": "OR"}, {"id": [1, 2]}])
def test_items__refuse_what_they_do_not_know(portal, count, where):
    assert count(portal, ITEMS, where, **ITEM) == "INVALID_ARG_VALUE"


def test_items__names_of_user_fields_are_as_the_call_says(portal, count):
    assert isinstance(count(portal, ITEMS, {">ufCrm_1700000003": 1}, **ITEM), int)
    original = {**ITEM, "useOriginalUfNames": "Y"}
    assert isinstance(count(portal, ITEMS, {">UF_CRM_1700000003": 1}, **original), int)
    assert count(portal, ITEMS, {">ufCrm_1700000003": 1}, **original) == "INVALID_ARG_VALUE"


@pytest.mark.parametrize("method", ["crm.stagehistory.list", "crm.type.list"])
def test_other_lists_that_promise_an_error__give_it(portal, http, method):
    reply = http.post(portal.webhook_url + method, json={"entityTypeId": 2, "filter": {"NO_SUCH": 1}})
    assert (reply.status_code, reply.json()["error"]) == (400, "INVALID_ARG_VALUE")


@pytest.mark.parametrize(
    ("method", "where"),
    [
        (DEALS, {"!%TITLE": "а"}),  # crm-deal-list.md has no NOT LIKE
        (DEALS, {"%STAGE_ID": "WON"}),  # and no LIKE for fields of the type crm_status
        (DEALS, {"CONTACT_IDS": 1}),
        (DEALS, {"ID": [1, 2]}),  # an array takes `@`
        (DEALS, {"@ID": []}),
        (DEALS, {">ID": ""}),
        (DEALS, {">ID": [100]}),
        ("crm.contact.list", {"%PHONE": "7495"}),  # multifields: exact matches only
        (TASKS, {"!=REAL_STATUS": 5}),
        (TASKS, {"%TITLE": "а"}),
        (TASKS, {"@RESPONSIBLE_ID": [1, 2]}),
        (TASKS, {"DESCRIPTION": "x"}),
        (TASKS, {"::SUBFILTER-PARAMS": {"FAVORITE": "Y"}}),
        ("crm.deal.userfield.list", {"!FIELD_NAME": "UF_CRM_SCORE"}),
        ("crm.contact.list", {"0": {"logic": "OR", "0": {"NAME": "Анна"}, "1": {"LAST_NAME": "x"}}}),
    ],
)
def test_conditions__that_the_page_does_not_have_are_ignored(portal, count, method, where):
    assert count(portal, method, where) == count(portal, method, {}) > 0


def test_prefixes__that_the_page_has_are_honoured(portal, count):
    everything = count(portal, "crm.lead.list", {})
    assert 0 < count(portal, "crm.lead.list", {"!%TITLE": "а"}) < everything
    assert (
        count(portal, "crm.lead.list", {"!%TITLE": "а"}) + count(portal, "crm.lead.list", {"%TITLE": "а"}) == everything
    )
    tasks = count(portal, TASKS, {})
    assert count(portal, TASKS, {"!REAL_STATUS": 5}) + count(portal, TASKS, {"REAL_STATUS": 5}) == tasks
    assert 0 < count(portal, "user.get", {"NAME": "А%"}) < count(portal, "user.get", {})
    assert count(portal, "user.get", {"ID": [1, 2]}) == count(portal, "user.get", {"@ID": [1, 2]}) == 2


def test_groups__nest_and_take_logic_as_it_is_written(portal, count):
    one, other = {"categoryId": 0}, {">=opportunity": 500_000}
    either = {"0": {"logic": "OR", "0": one, "1": other}}
    both = count(portal, ITEMS, {**one, **other}, **ITEM)
    whole = count(portal, ITEMS, one, **ITEM) + count(portal, ITEMS, other, **ITEM)
    assert count(portal, ITEMS, either, **ITEM) == whole - both
    assert count(portal, ITEMS, {"logic": "OR", **one, **other}, **ITEM) == whole - both
    assert count(portal, ITEMS, {"logic": "or", **one, **other}, **ITEM) == both
    deep = {"0": {"0": {"logic": "OR", "0": {"0": one}, "5": {"0": {"0": other}}}}}
    assert count(portal, ITEMS, deep, **ITEM) == whole - both


def test_tasks__status_is_the_sub_status_and_real_status_the_status(portal, count):
    rows = portal.rows(TASKS, select=["ID", "STATUS"])
    overdue = [row for row in rows if row["subStatus"] == "-1"]
    assert 0 < len(overdue) == count(portal, TASKS, {"STATUS": -1})
    assert count(portal, TASKS, {"REAL_STATUS": -1}) == 0
    assert count(portal, TASKS, {"REAL_STATUS": 5}) == sum(row["status"] == "5" for row in rows) > 0


def test_tasks__order_takes_the_documented_names_only(portal, count):
    assert count(portal, TASKS, {}, order={"CREATED_DATE": "asc"}) == 200
    for name in ("createdDate", "STATUS", "DESCRIPTION"):
        assert count(portal, TASKS, {}, order={name: "asc"}) == "0"


@pytest.mark.parametrize("method", [ITEMS, TASKS])
def test_parameters__of_the_newer_methods_are_in_the_pages_spelling(portal, call, method):
    everything = call(portal, method, ITEM)["total"]
    assert call(portal, method, {**ITEM, "FILTER": {">ID": 10**9}})["total"] == everything
    assert call(portal, DEALS, {"FILTER": {">ID": 10**9}})["total"] == 0


@pytest.mark.parametrize(
    ("where", "means"),
    [
        ({"ID": "5,6"}, {"ID": 5}),
        ({"ID": 5.7}, {"ID": 5}),
        ({"ID": "=5"}, {"ID": 0}),
        ({">=OPPORTUNITY": "100 000"}, {">=OPPORTUNITY": 100}),
        ({">=OPPORTUNITY": "abc"}, {">=OPPORTUNITY": 0}),
        ({"UF_CRM_1700000004": "3 pieces"}, {"UF_CRM_1700000004": 3}),
        ({"CLOSED": "y"}, {"CLOSED": "Y"}),
        ({"STAGE_ID": "won"}, {"STAGE_ID": "WON"}),
        ({">=DATE_CREATE": "2026-02-01"}, {">=DATE_CREATE": "2026-02-01T00:00:00+03:00"}),
        ({">=DATE_CREATE": "2026-01-31T21:00:00Z"}, {">=DATE_CREATE": "01.02.2026"}),
        ({">=DATE_CREATE": "2026-02-01 10:00"}, {">=DATE_CREATE": "2026-02-01T12:00:00+05:00"}),
        ({"ID": "99999999999999999999"}, {"ID": -1}),
    ],
)
def test_values__are_read_as_php_and_mysql_do(portal, where, means):
    assert portal.truth(filter=where) == portal.truth(filter=means)


@pytest.mark.parametrize(
    "where",
    [
        {">=DATE_CREATE": "2026-02-30"},
        {"<=DATE_CREATE": "2026-2-1"},
        {"CLOSEDATE": "soon"},
        {"<UF_CRM_1700000010": "02/01/2026"},
        {"UF_CRM_1700000009": "31.02.2026"},
        {"CLOSED": True},
        {"CLOSED": 1},
        {"IS_MANUAL_OPPORTUNITY": "true"},
        {"UF_CRM_1700000007": "Y"},
    ],
)
def test_values__that_are_none_find_nothing(portal, where):
    assert portal.truth(filter=where).count == 0


def test_flags__of_items_are_y_and_n_and_those_of_users_one_and_zero(portal, count):
    assert 0 < count(portal, ITEMS, {"isManualOpportunity": "Y"}, **ITEM) < 230
    assert count(portal, ITEMS, {"isManualOpportunity": 1}, **ITEM) == 0
    assert 0 < count(portal, ITEMS, {"ufCrm_1700000007": 1}, **ITEM) < 230
    assert count(portal, ITEMS, {"ufCrm_1700000007": "Y"}, **ITEM) == 0


def test_departments__exact_parameters_at_the_top_level(portal, call):
    everything = call(portal, "department.get")["total"]
    assert call(portal, "department.get", {"PARENT": 1})["total"] < everything
    assert call(portal, "department.get", {"parent": 1})["total"] == everything
    assert call(portal, "department.get", {">ID": 3})["total"] == everything
    assert call(portal, "department.get", {"filter": {"ID": 3}})["total"] == everything


def test_activities__of_any_of_several_owners(portal, count):
    method = "crm.activity.list"
    everything = portal.rows(method, select=["ID", "OWNER_ID", "OWNER_TYPE_ID", "BINDINGS"])
    owner = next(row["OWNER_ID"] for row in everything if row["OWNER_TYPE_ID"] == "2")

    def bound(*wanted):
        pairs = [[(one["OWNER_TYPE_ID"], one["OWNER_ID"]) for one in row["BINDINGS"]] for row in everything]
        return sum(any(kind == "1" or (kind, number) in wanted for kind, number in row) for row in pairs)

    leads = {"OWNER_TYPE_ID": 1}
    assert (
        0 < count(portal, method, {"BINDINGS": [{"OWNER_TYPE_ID": 2, "OWNER_ID": owner}, leads]}) == bound(("2", owner))
    )
    assert 0 < count(portal, method, {"BINDINGS": [leads]}) == bound() < len(everything)
    assert count(portal, method, {"BINDINGS": [{"OWNER_TYPE_ID": 14}]}) == 0


def test_users__are_searched_by_a_word_in_any_of_the_named_fields(portal, count):
    rows = portal.rows("user.get")
    word = rows[0]["LAST_NAME"]
    found = sum(word in (row["NAME"], row["LAST_NAME"], row["WORK_POSITION"]) for row in rows)
    assert count(portal, "user.search", {"FIND": word}) == found > 0
    assert count(portal, "user.search", {"LAST_NAME": word}) == found
    assert count(portal, "user.search", {">ID": 10**6}) == len(rows)


def test_lists_of_elements__search_by_a_pattern_and_by_properties(portal, count):
    params = {"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 1}
    everything = count(portal, "lists.element.get", {}, **params)
    assert 0 < count(portal, "lists.element.get", {"NAME": "%1%"}, **params) < everything
    assert count(portal, "lists.element.get", {"ID": 1}, **params) == everything
    assert count(portal, "lists.element.get", {"PROPERTY_951": "nothing"}, **params) == 0


def test_lenient__takes_any_spelling_of_names_and_flags_and_groups_everywhere(start, count):
    strict, lenient = start(), start(filters="lenient")
    won = count(strict, DEALS, {"STAGE_SEMANTIC_ID": "S"})
    for name in ("STAGE_SEMANTIC_ID", "stageSemanticId", "stage_semantic_id"):
        assert count(lenient, DEALS, {name: "S"}) == won
    closed = count(strict, DEALS, {"CLOSED": "Y"})
    assert {count(lenient, DEALS, {"CLOSED": value}) for value in ("Y", "y", 1, "1", True, "true")} == {closed}
    vip = count(strict, DEALS, {"UF_CRM_1700000007": 1})
    assert {count(lenient, DEALS, {"UF_CRM_1700000007": value}) for value in ("Y", 1, True)} == {vip}
    either = {"0": {"logic": "OR", "0": {"CLOSED": "Y"}, "1": {"CLOSED": "N"}}, "ID": [1, 2, 3, 4, 5]}
    assert count(lenient, DEALS, either) == count(strict, DEALS, {"@ID": [1, 2, 3, 4, 5]})
    assert count(lenient, TASKS, {"!=realStatus": 5}) == count(strict, TASKS, {"!REAL_STATUS": 5})
    assert count(lenient, "catalog.store.list", {">ID": 100}) == count(strict, "catalog.store.list", {">id": 100})


@pytest.mark.parametrize(
    ("ignored", "method", "where", "kept"),
    [
        ("names", ITEMS, {"TITLE": "x", "categoryId": 0}, {"categoryId": 0}),
        ("values", DEALS, {"ID": "5,6", "CLOSED": 1, "<CLOSEDATE": "2026-02-30"}, {}),
        ("values", DEALS, {"<=OPPORTUNITY": "500 000", "CLOSED": "Y"}, {"CLOSED": "Y"}),
        ("groups", ITEMS, {"0": {"categoryId": 0}, ">id": 9}, {">id": 9}),
        (
            "times",
            DEALS,
            {">DATE_CREATE": "2026-02-01", "UF_CRM_1700000008": "2026-02-01", "CLOSED": "Y"},
            {"CLOSED": "Y"},
        ),
        ("times", ITEMS, {"0": {">createdTime": "2026-02-01", "categoryId": 0}}, {"categoryId": 0}),
        ("times", "catalog.store.list", {">dateCreate": "2999-01-01", ">id": 9}, {">id": 9}),
        ("conditions", DEALS, {"CLOSED": "Y", ">ID": 100}, {">ID": 100}),
        ("conditions", TASKS, {"REAL_STATUS": 5}, {}),
    ],
)
def test_ignored__is_what_the_switch_says_and_nothing_else(start, count, ignored, method, where, kept):
    portal, honest = start(ignores=[ignored]), start()
    params = ITEM if method == ITEMS else {}
    assert count(portal, method, where, **params) == count(honest, method, kept, **params) > 0
    assert portal.truth(method, filter=kept, params=params) == honest.truth(method, filter=kept, params=params)


def test_ignored__in_rest_3_too(start, http):
    portal = start(ignores=["conditions"])
    asked = {"filter": [["userId", 10**6]], "pagination": {"limit": 5}}
    reply = http.post(portal.webhook_url_v3 + "timeman.record.list", json=asked).json()
    assert len(reply["result"]["items"]) == 5
    assert portal.truth("timeman.record.list", filter=[["userId", 10**6]], version="v3").count == 0


def test_a_manner_that_there_is_not__is_refused(start):
    with pytest.raises(ValueError, match="strict"):
        start(filters="nice")
    with pytest.raises(ValueError, match="no quirk 'name'"):
        Quirks(ignores=["name"])


def test_documented_names__are_taken_by_every_list_that_has_them(portal, call):
    named = {name: known for name, known in documented("v2").items() if known.names and known.filter}
    assert len(named) > 20
    for name, known in named.items():
        if not known.positional and not known.required and "." not in known.filter:
            for one in known.names:
                assert "result" in call(portal, name, {known.filter: {one: "no such value"}}), (name, one)


def test_far_dates__are_kept_and_answered(portal, call):
    first = portal.truth().ids[0]
    for moment in ("9999-12-31T00:00:00+03:00", "0001-01-01T00:00:00+03:00", "1899-12-31T00:00:00+03:00"):
        portal.update("deals", [first], {"CLOSEDATE": moment})
        row = call(portal, DEALS, {"filter": {"ID": first}, "select": ["ID", "CLOSEDATE"]})["result"][0]
        assert row == {"ID": str(first), "CLOSEDATE": moment}
    assert portal.truth(filter={"<CLOSEDATE": "1900-01-01"}).ids == [first]
