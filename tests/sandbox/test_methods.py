"""The small methods, and what a portal answers to calls that make little sense."""

from __future__ import annotations

from datetime import datetime

import pytest

from b24data.sandbox.documented import documented


def test_profile_and_user_current__are_the_same_person(portal, call):
    profile, user = call(portal, "profile")["result"], call(portal, "user.current")["result"]
    assert profile["ID"] == user["ID"] == "1"
    assert profile["ADMIN"] is True
    assert isinstance(user["UF_DEPARTMENT"], list)


def test_app_info__is_for_applications(portal, http):
    token = portal.oauth_params()["access_token"]
    info = http.get(f"{portal.url}/rest/app.info", params={"auth": token}).json()["result"]
    assert info["STATUS"] == "L"
    assert info["CODE"] == portal.oauth_secret()["client_id"]


def test_methods__every_named_one_answers(portal, http, call):
    params = {"entityTypeId": 2, "name": "crm.deal.list"}
    for name in call(portal, "methods")["result"]:
        single = name.startswith("crm.") and name.endswith((".get", ".add", ".update", ".delete"))
        if name not in ("app.info", "batch") and not single and not getattr(documented("v2").get(name), "required", ()):
            reply = http.post(portal.webhook_url + name, json=params)
            assert reply.status_code == 200, (name, reply.text)
            assert "result" in reply.json()
    assert "crm" in call(portal, "scope")["result"]
    assert call(portal, "method.get", {"name": "no.such"})["result"] == {"isExisting": False, "isAvailable": False}


def test_server_time__is_the_portals(portal, call):
    moment = datetime.fromisoformat(call(portal, "server.time")["result"])
    assert moment.utcoffset().total_seconds() == 3 * 3600
    assert abs(moment.timestamp() - portal.now) < 60


def test_task_fields__name_every_field_that_is_answered(portal, call):
    fields = call(portal, "tasks.task.getFields")["result"]["fields"]
    row = call(portal, "tasks.task.list", {"select": ["*"]})["result"]["tasks"][0]
    camel = {name.lower().replace("_", "") for name in fields}
    assert {key.lower() for key in row} - camel == {"creator", "responsible", "group", "substatus"}


def test_fm__all_multifields_of_an_item_come_with_the_star_only(portal, call):
    params = {"entityTypeId": 3, "select": ["*"]}
    rows = call(portal, "crm.item.list", params)["result"]["items"]
    filled = [row for row in rows if row["fm"]]
    assert set(filled[0]["fm"][0]) == {"id", "valueType", "value", "typeId"}
    assert {row["hasPhone"] for row in rows if any(one["typeId"] == "PHONE" for one in row["fm"])} == {"Y"}
    assert "fm" not in call(portal, "crm.item.list", {**params, "select": ["id"]})["result"]["items"][0]


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("crm.item.list", {"entityTypeId": 2, "order": {"noSuch": "ASC"}}, "INVALID_ARG_VALUE"),
        ("crm.item.list", {"entityTypeId": 2, "order": {"id": "UP"}}, "INVALID_ARG_VALUE"),
        ("crm.item.list", {}, "NOT_FOUND"),
        ("crm.item.fields", {"entityTypeId": "x"}, "NOT_FOUND"),
        ("tasks.task.list", {"order": {"NO_SUCH": "asc"}}, "0"),
        ("crm.deal.list", {"order": "ID"}, ""),
    ],
)
def test_wrong_parameters__get_the_documented_code(portal, http, method, params, code):
    reply = http.post(portal.webhook_url + method, json=params)
    assert (reply.status_code, reply.json()["error"]) == (400, code)


def test_a_body_that_is_no_json__is_a_call_without_parameters(portal, http):
    headers = {"content-type": "application/json"}
    reply = http.post(portal.webhook_url + "crm.deal.list", content=b"{broken", headers=headers)
    assert reply.json()["total"] == 230


def test_dates__in_the_portals_own_format_mean_the_same(portal):
    iso = portal.truth(filter={">=DATE_CREATE": "2026-01-01T00:00:00+03:00"})
    assert 0 < iso.count < 230
    assert portal.truth(filter={">=DATE_CREATE": "01.01.2026"}) == iso
    assert portal.truth(filter={">=DATE_CREATE": "2026-01-01"}) == iso
    assert portal.truth(filter={">=DATE_CREATE": "01.01.2026 00:00:00"}) == iso
    assert portal.truth(filter={">=DATE_CREATE": "yesterday"}).count == 0


def test_userfield_list__filters_by_name(portal, call):
    rows = call(portal, "crm.deal.userfield.list", {"filter": {"FIELD_NAME": "UF_CRM_SCORE"}})["result"]
    assert [row["USER_TYPE_ID"] for row in rows] == ["integer"]


def test_funnel__old_deals_are_closed_and_every_deal_has_a_stage_of_its_category(portal):
    rows = portal.rows(select=["ID", "STAGE_ID", "STAGE_SEMANTIC_ID", "CATEGORY_ID", "CLOSED", "PROBABILITY"])
    for row in rows:
        prefix = "" if row["CATEGORY_ID"] == "0" else f"C{row['CATEGORY_ID']}:"
        assert row["STAGE_ID"].startswith(prefix)
        assert (row["STAGE_SEMANTIC_ID"] == "P") == (row["CLOSED"] == "N")
        assert (row["STAGE_ID"].removeprefix(prefix) == "WON") == (row["PROBABILITY"] == "100")
    quarter = len(rows) // 4
    closed = [row["CLOSED"] == "Y" for row in rows]
    assert sum(closed[:quarter]) > sum(closed[-quarter:])
