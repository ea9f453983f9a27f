"""REST 3.0 as the sandbox speaks it."""

from __future__ import annotations

import pytest

PREFIX = "BITRIX_REST_V3_EXCEPTION_"


@pytest.fixture
def call3(http, portal):
    """Call a method of REST 3.0 by webhook: status and decoded answer."""

    def call3(method, query=None, **headers):
        reply = http.post(portal.webhook_url_v3 + method, json=query or {}, headers=headers)
        return reply.status_code, reply.json()

    return call3


@pytest.fixture
def items(call3):
    def items(method, query=None):
        status, answer = call3(method, query)
        assert status == 200, answer
        assert set(answer) == {"result", "time"}
        return answer["result"]["items"]

    return items


@pytest.fixture
def code(call3):
    def code(method, query=None, **headers):
        status, answer = call3(method, query, **headers)
        assert set(answer) == {"error"}
        return status, answer["error"]["code"].removeprefix(PREFIX)

    return code


def test_tasks__without_select_only_ids_of_the_first_fifty(portal, items):
    rows = items("tasks.task.list")
    assert rows == [{"id": number} for number in portal.truth("tasks.task.list", version="v3").ids[:50]]


def test_tasks__are_the_same_as_in_the_older_method(portal, items):
    fields = ["id", "title", "responsibleId", "status", "created", "deadline"]
    rows = items("tasks.task.list", {"select": fields, "pagination": {"limit": 1000}})
    known = {"2": "pending", "3": "in_progress", "4": "supposedly_completed", "5": "completed", "6": "deferred"}
    select = ["ID", "TITLE", "RESPONSIBLE_ID", "STATUS", "CREATED_DATE", "DEADLINE"]
    older = portal.rows("tasks.task.list", select=select, order={"ID": "asc"})
    for row, old in zip(rows, older, strict=True):
        assert row == {
            "id": int(old["id"]),
            "title": old["title"],
            "responsibleId": int(old["responsibleId"]),
            "status": known[old["status"]],
            "created": old["createdDate"],
            "deadline": old["deadline"],
        }


@pytest.mark.parametrize(
    ("pagination", "first", "count"),
    [
        ({"limit": 20}, 0, 20),
        ({"page": 2}, 50, 50),
        ({"page": 2, "limit": 30, "offset": 5}, 30, 30),
        ({"offset": 190, "limit": "50"}, 190, 10),
        ({"limit": 5000}, 0, 200),
        ({"offset": 200}, 0, 0),
    ],
)
def test_pagination__page_limit_and_offset(portal, items, pagination, first, count):
    ids = portal.truth("tasks.task.list", version="v3").ids
    found = [row["id"] for row in items("tasks.task.list", {"pagination": pagination})]
    assert found == ids[first : first + count]


@pytest.mark.parametrize("pagination", [{"limit": "abc"}, {"limit": 0}, {"page": -1}, {"offset": None}, 5])
def test_pagination__that_is_no_number_is_an_error(code, pagination):
    assert code("tasks.task.list", {"pagination": pagination}) == (400, "INVALIDPAGINATIONEXCEPTION")


def test_filter__operators_and_groups(portal, items):
    ids = portal.truth("tasks.task.list", version="v3").ids
    a, b, c = ids[10], ids[20], ids[30]

    def found(*conditions):
        where = list(conditions)
        rows = items("tasks.task.list", {"filter": where, "pagination": {"limit": 1000}})
        assert [row["id"] for row in rows] == portal.truth("tasks.task.list", where, version="v3").ids
        return {row["id"] for row in rows}

    assert found(["id", a]) == found(["id", "=", a]) == {a}
    assert found(["id", [a, b]]) == found(["id", "in", [a, b]]) == {a, b}
    assert found(["id", ">", a], ["id", "<=", c]) == set(ids[11:31])
    assert found(["id", "between", [a, b]]) == set(ids[10:21])
    assert found(["id", "!=", a]) == set(ids) - {a}
    either = {"logic": "or", "conditions": [["id", "<", a], ["id", ">=", c]]}
    assert found(either) == set(ids[:10] + ids[30:])
    assert found({**either, "negative": True}) == set(ids[10:30])
    assert found(["id", "in", []]) == set()


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"filter": [["nope", 1]]}, "UNKNOWNDTOPROPERTYEXCEPTION"),
        ({"filter": [["id", "%", 1]]}, "UNKNOWNFILTEROPERATOREXCEPTION"),
        ({"filter": [["id", ">", "abc"]]}, "VALIDATION_REQUESTVALIDATIONEXCEPTION"),
        ({"filter": [["title", "x"]]}, "INVALIDFILTEREXCEPTION"),
        ({"filter": {">id": 5}}, "INVALIDFILTEREXCEPTION"),
        ({"order": {"id": "UP"}}, "INVALIDORDEREXCEPTION"),
        ({"order": ["id"]}, "INVALIDORDEREXCEPTION"),
        ({"order": {"nope": "ASC"}}, "INVALIDORDEREXCEPTION"),
        ({"select": "id"}, "INVALIDSELECTEXCEPTION"),
        ({"select": ["responsible.nope"]}, "UNKNOWNDTOPROPERTYEXCEPTION"),
    ],
)
def test_wrong_parameters__get_their_code(code, query, error):
    assert code("tasks.task.list", query) == (400, error)


def test_select__an_unknown_field_is_dropped_and_related_ones_are_nested(items):
    rows = items("tasks.task.list", {"select": ["title", "nope", "responsible.name", "responsible.email"]})
    assert set(rows[0]) == {"title", "responsible"}
    assert set(rows[0]["responsible"]) == {"name", "email"}


def test_order__by_another_field_downwards(items):
    rows = items("tasks.task.list", {"select": ["created"], "order": {"created": "DESC"}})
    moments = [row["created"] for row in rows]
    assert moments == sorted(moments, reverse=True)


def test_bodies__json_only_and_the_query_is_not_read(portal, http):
    url = portal.webhook_url_v3
    form = http.post(f"{url}tasks.task.list", data={"select[]": "id"})
    broken = http.post(f"{url}tasks.task.list", content=b"{broken", headers={"content-type": "application/json"})
    for reply in (form, broken):
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, f"{PREFIX}INVALIDJSONEXCEPTION")
    number = portal.truth("tasks.task.list").ids[0]
    reply = http.get(f"{url}tasks.task.get?id={number}")
    assert reply.status_code == 400
    assert reply.json()["error"]["validation"] == [
        {"message": "Required field `id` is not specified", "field": "id"},
    ]


def test_application__the_token_stands_in_the_body_and_nowhere_else(portal, http):
    token = portal.oauth_params()["access_token"]
    url = f"{portal.url}/rest/api/tasks.task.list"
    assert len(http.post(url, json={"auth": token}).json()["result"]["items"]) == 50
    for reply in (
        http.post(f"{url}?auth={token}", json={}),
        http.post(url, json={}, headers={"authorization": f"Bearer {token}"}),
    ):
        assert (reply.status_code, reply.json()["error"]) == (401, "NO_AUTH_FOUND")
    portal.expire_tokens()
    assert http.post(url, json={"auth": token}).json()["error"] == "expired_token"


def test_methods__of_one_version_are_unknown_to_the_other(portal, http, code):
    assert code("crm.deal.list") == (404, "METHODNOTFOUNDEXCEPTION")
    reply = http.post(portal.webhook_url + "main.eventlog.list", json={})
    assert (reply.status_code, reply.json()["error"]) == (404, "ERROR_METHOD_NOT_FOUND")


def test_tail__walks_by_its_cursor_in_both_directions(portal, items, code):
    ids, value = [], 0
    while rows := items("main.eventlog.tail", {"cursor": {"value": value}, "select": ["id", "severity"]}):
        ids += [row["id"] for row in rows]
        value = ids[-1]
    truth = portal.truth("main.eventlog.list", version="v3").ids
    assert ids == truth
    down = items("main.eventlog.tail", {"cursor": {"order": "DESC", "value": truth[-1], "limit": 10}})
    assert [row["id"] for row in down] == truth[-2:-12:-1]
    assert items("main.eventlog.tail", {"cursor": {"order": "DESC"}}) == []
    assert code("main.eventlog.tail", {"filter": [["id", ">", 5]]}) == (400, "INVALIDFILTEREXCEPTION")
    assert code("main.eventlog.tail", {"cursor": {"limit": 0}}) == (400, "INVALIDPAGINATIONEXCEPTION")


def test_cursors__that_are_echoed(portal, call3):
    ids, cursor = [], None
    while cursor is not None or not ids:
        pagination = {"limit": 30, **({"afterCursor": cursor} if cursor else {})}
        result = call3("note.collection.list", {"pagination": pagination})[1]["result"]
        ids += [row["id"] for row in result["items"]]
        cursor = result["nextCursor"]
    assert sorted(ids) == portal.truth("note.collection.list", version="v3").ids

    period = {"startDate": {"from": "2026-01-01T00:00:00Z", "to": "2026-12-31T00:00:00Z"}}
    ids, cursor, sizes = [], None, []
    while cursor is not None or not ids:
        query = {"filter": period, "select": ["callId", "overview"]}
        query["pagination"] = {"limit": 500, **({"afterCursor": cursor} if cursor else {})}
        result = call3("call.followup.list", query)[1]["result"]
        ids += [row["callId"] for row in result["items"]]
        sizes.append(len(result["items"]))
        cursor = result["afterCursor"]
        assert result["hasMore"] == (cursor is not None)
    assert len(set(ids)) == len(ids) == 130
    assert set(sizes[:-1]) == {20}


def test_lists__with_required_conditions(items, code):
    assert code("tasks.task.result.list", {}) == (400, "VALIDATION_REQUESTVALIDATIONEXCEPTION")
    assert {row["taskId"] for row in items("tasks.task.result.list", {"filter": [["taskId", 51]]})} == {51}
    assert code("timeman.record.list") == (400, "VALIDATION_REQUESTVALIDATIONEXCEPTION")
    assert len(items("timeman.record.list", {"filter": [["userId", 1]]})) == 50
    assert code("humanresources.node.list") == (400, "VALIDATION_REQUESTVALIDATIONEXCEPTION")
    assert len(items("humanresources.node.list", {"type": "DEPARTMENT", "pagination": {"limit": 900}})) == 130
    assert len(items("mail.message.list")) == 25


@pytest.mark.parametrize(("limit", "more"), [(50, True), (129, True), (130, False), (200, False)])
def test_lists__that_say_whether_there_is_more(call3, limit, more):
    result = call3("note.document.search.list", {"query": "a", "pagination": {"limit": limit, "offset": 50}})[1][
        "result"
    ]
    assert (len(result["items"]), result["hasMore"]) == (min(limit, 130), more)


def batch(portal, http, body):
    reply = http.post(portal.webhook_url_v3 + "batch", json=body)
    return reply.status_code, reply.json()


def test_batch__results_in_order_with_references(portal, http):
    ids = portal.truth("tasks.task.list", version="v3").ids
    status, answer = batch(
        portal,
        http,
        [
            {"method": "tasks.task.list", "as": "tasks", "query": {"pagination": {"limit": 3}}},
            {"method": "tasks.task.list", "query": {"filter": [["id", "in", {"$refArray": "tasks.id"}]]}},
            {"method": "tasks.task.get", "query": {"id": {"$ref": "tasks.items.2.id"}, "select": ["id"]}},
            {"method": "tasks.task.get", "query": {"id": {"$ref": "2.item.id"}, "select": ["id"]}},
        ],
    )
    assert status == 200
    three = [{"id": number} for number in ids[:3]]
    assert answer["result"] == [{"items": three}, {"items": three}, {"item": three[2]}, {"item": three[2]}]


def test_batch__as_an_object_for_applications(portal, http):
    body = {"0": {"method": "tasks.task.list"}, "1": {"method": "rest.scope.list"}}
    body["auth"] = portal.oauth_params()["access_token"]
    answer = http.post(f"{portal.url}/rest/api/batch", json=body).json()
    assert [len(one["items"]) > 0 for one in answer["result"]] == [True, True]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"cmd": {"a": "tasks.task.list"}}, "INVALIDSELECTEXCEPTION"),
        ([{"method": "tasks.task.list"}, {"method": "no.such"}], "METHODNOTFOUNDEXCEPTION"),
        ([{"method": "tasks.task.get", "query": {"id": {"$ref": "nothing.item.id"}}}], "INVALIDSELECTEXCEPTION"),
        ([{"method": "tasks.task.list"}] * 51, "VALIDATION_REQUESTVALIDATIONEXCEPTION"),
        ([], "VALIDATION_REQUESTVALIDATIONEXCEPTION"),
        ([{"query": {}}], "VALIDATION_REQUESTVALIDATIONEXCEPTION"),
    ],
)
def test_batch__is_all_or_nothing(portal, http, body, error):
    status, answer = batch(portal, http, body)
    assert status in (400, 404)
    assert answer["error"]["code"] == PREFIX + error
    assert "result" not in answer


def test_batch__charges_every_command(start, http):
    portal = start(cost=0.02, time_scale=1000)
    batch(portal, http, [{"method": "tasks.task.list"}] * 10)
    assert portal.stats.requests == 1
    assert portal.stats.commands == {"tasks.task.list": 10}
    assert portal.stats.work_s == pytest.approx(0.2)


FIELDS = {"title": "Позвонить", "creatorId": 1, "responsibleId": 2}


def test_writes__a_task_is_added_changed_and_removed(portal, call3, code):
    added = call3("tasks.task.add", {"fields": {**FIELDS, "deadline": "2026-12-31T10:00:00+03:00"}})[1]["result"][
        "item"
    ]
    assert added["title"] == "Позвонить"
    assert added["deadline"] == "2026-12-31T10:00:00+03:00"
    number = added["id"]
    assert call3("tasks.task.update", {"id": number, "fields": {"status": "completed"}})[1]["result"] == {
        "result": True
    }
    got = call3("tasks.task.get", {"id": number, "select": ["status", "creatorId"]})[1]["result"]["item"]
    assert got == {"status": "completed", "creatorId": 1}
    assert portal.rows("tasks.task.list", {"ID": number}, ["STATUS"])[0]["status"] == "5"
    assert call3("tasks.task.delete", {"id": number})[0] == 200
    assert code("tasks.task.get", {"id": number}) == (400, "ENTITYNOTFOUNDEXCEPTION")
    assert code("tasks.task.add", {"fields": {"title": "x"}}) == (400, "VALIDATION_REQUESTVALIDATIONEXCEPTION")


def test_idempotency_key__runs_a_write_once(portal, http, call3, code):
    url, key = portal.webhook_url_v3 + "tasks.task.add", {"Idempotency-Key": "9f1c"}
    before = portal.truth("tasks.task.list").count
    first = http.post(url, json={"fields": FIELDS}, headers=key)
    again = http.post(url, json={"fields": dict(reversed(FIELDS.items()))}, headers=key)
    assert first.json()["result"] == again.json()["result"]
    assert [reply.headers["idempotency-key"] for reply in (first, again)] == ["9f1c"] * 2
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert portal.truth("tasks.task.list").count == before + 1
    assert code("tasks.task.add", {"fields": {**FIELDS, "title": "other"}}, **key) == (
        422,
        "IDEMPOTENCYKEYREUSEDEXCEPTION",
    )
    assert code("tasks.task.add", {"fields": FIELDS}, **{"Idempotency-Key": "x" * 256}) == (
        400,
        "INVALIDIDEMPOTENCYKEYEXCEPTION",
    )
    number = portal.truth("tasks.task.list").ids[0]
    assert call3("tasks.task.update", {"id": number, "fields": {"title": "y"}}, **key)[0] == 200


def test_idempotency_key__an_error_is_not_kept(portal, call3, code):
    key = {"Idempotency-Key": "k"}
    assert code("tasks.task.add", {"fields": {"title": "x"}}, **key)[0] == 400
    assert call3("tasks.task.add", {"fields": FIELDS}, **key)[0] == 200


def test_discovery__openapi_is_bare_and_names_the_methods(portal, http):
    for method in ("rest.documentation.openapi", "documentation"):
        document = http.get(portal.webhook_url_v3 + method).json()
        assert document["openapi"] == "3.0.0"
        assert "/tasks.task.list" in document["paths"]


def test_discovery__openapi_describes_the_rows_of_the_lists_that_come_in_items(portal, http, items):
    document = http.get(portal.webhook_url_v3 + "documentation").json()

    def fields(method):
        answer = document["paths"][f"/{method}"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        result = answer["properties"]["result"]
        rows = result if result["type"] == "array" else result["properties"]["items"]
        return document["components"]["schemas"][rows["items"]["$ref"].rpartition("/")[2]]["properties"]

    for method, query in (("mail.mailbox.senders", {}), ("tasks.task.result.list", {"filter": [["taskId", 51]]})):
        assert set(items(method, query)[0]) <= set(fields(method))
    assert fields("tasks.task.list")["responsible"]["$ref"] == "#/components/schemas/ResponsibleDto"
    assert fields("tasks.task.list")["created"] == {"type": "string", "format": "date-time", "title": "created"}
    hidden = document["paths"]["/mail.message.thread"]["post"]["responses"]["200"]["content"]["application/json"]
    assert hidden["schema"]["properties"]["result"] == {"type": "object"}


def test_every_method__answers(portal, http, items):
    needed = {"type": "DEPARTMENT", "id": 1, "query": "a", "collectionId": 1, "name": "a"}
    period = {"startDate": {"from": "2026-01-01T00:00:00Z", "to": "2026-12-31T00:00:00Z"}}
    filters = {
        "tasks.task.result.list": [["taskId", 51]],
        "timeman.record.list": [["userId", 1]],
        "call.followup.list": period,
    }
    for row in items("rest.scope.list"):
        name = row["method"]
        if not name.startswith("tasks.task.") or name.endswith(("list", "aggregate")):
            listed = name.replace(".aggregate", ".list")
            query = needed | ({"filter": filters[listed]} if listed in filters else {})
            query |= {"select": {"count": ["id"]}} if listed != name else {}
            reply = http.post(portal.webhook_url_v3 + name, json=query)
            assert reply.status_code == 200, (name, reply.text)


def test_task_fields__describe_what_is_answered(portal, items, call3):
    described = {row["name"]: row for row in items("tasks.task.field.list")}
    number = portal.truth("tasks.task.list").ids[0]
    assert set(call3("tasks.task.get", {"id": number})[1]["result"]["item"]) <= set(described)
    assert [name for name, row in described.items() if row["filterable"]] == ["id"]
    assert set(items("tasks.task.field.list", {"select": ["name", "type"]})[0]) == {"name", "type"}


def test_limits__are_the_same_for_both_versions(start, http):
    portal = start(rate_limit=(1, 1))
    replies = [http.post(portal.webhook_url_v3 + "tasks.task.list", json={}).json() for _ in range(2)]
    assert replies[1]["error"] == "QUERY_LIMIT_EXCEEDED"


def test_aggregate__figures_over_the_rows_that_the_filter_leaves(portal, call3):
    ids = portal.truth("tasks.task.list").ids
    ids.sort()
    asked = {"select": {"count": ["id"], "max": {"id": "last"}, "sum": ["id"]}, "filter": [["id", ">", ids[9]]]}
    status, answer = call3("tasks.task.aggregate", asked)
    rest = ids[10:]
    figures = {"count": {"id": len(rest)}, "max": {"last": ids[-1]}, "sum": {"id": sum(rest)}}
    assert (status, answer["result"]) == (200, {"result": figures})
    select = {"countDistinct": ["userId"], "min": ["id"], "avg": ["id"]}
    answer = call3("timeman.record.aggregate", {"select": select, "filter": [["userId", 1]]})[1]
    assert answer["result"]["result"]["countDistinct"] == {"userId": 1}


@pytest.mark.parametrize(
    ("select", "code"),
    [
        ({"median": ["id"]}, "INVALIDSELECTEXCEPTION"),
        ({"count": "id"}, "INVALIDSELECTEXCEPTION"),
        (["id"], "INVALIDSELECTEXCEPTION"),
        ({"count": ["noSuch"]}, "UNKNOWNDTOPROPERTYEXCEPTION"),
    ],
)
def test_aggregate__what_makes_no_sense_is_an_error(call3, select, code):
    status, answer = call3("tasks.task.aggregate", {"select": select})
    assert (status, answer["error"]["code"]) == (400, f"BITRIX_REST_V3_EXCEPTION_{code}")
