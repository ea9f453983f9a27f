"""The actions of REST 3: what is sent, and what is made of the answers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from b24data.actions import Actions
from b24data.actions.v3 import ActionsV3
from b24data.auth.oauth import OAuth
from b24data.auth.webhook import HookCredentials
from b24data.errors import (
    AjaxError,
    BadReplyError,
    ConfigError,
    IncompleteFetchError,
    MethodNotFoundError,
    ProtocolViolationError,
    RequestTimeoutError,
    ServerError,
)
from b24data.http.session import Session
from b24data.params import ApiVersion, RestrictionParams
from b24data.tokens import B24OAuthParams, B24OAuthSecret
from tests.http.fakes import Answer, FakeClock, FakeTransport, ok, reply

_hosts = itertools.count()


def actions(transport: FakeTransport, *, params: RestrictionParams | None = None, oauth: bool = False) -> ActionsV3:
    host = f"v3-{next(_hosts)}.bitrix24.com"
    credentials: Any = HookCredentials(f"https://{host}/rest/1/c0de/")
    if oauth:
        pair = {"access_token": "a1", "client_endpoint": f"https://{host}/rest/"}
        credentials = OAuth(B24OAuthParams.of(pair), B24OAuthSecret("local.1", "x"), transport, clock=FakeClock())
    v2, v3 = (
        Session(credentials, transport, params, version=version, clock=FakeClock(), jitter=lambda: 0.5)
        for version in ApiVersion
    )
    return Actions(v2, v3).v3


def refused(code: str, status: int = 400, **more: Any) -> Answer:
    return reply({"error": {"code": f"BITRIX_REST_V3_EXCEPTION_{code}", "message": "no", **more}}, status)


def test_call__goes_to_the_address_of_rest_3_and_names_itself_in_a_header() -> None:
    transport = FakeTransport(ok({"item": {"id": 1}}))
    result = actions(transport).call.make(method="tasks.task.get", params={"id": 1}, request_id="task-1")
    assert result.result == {"item": {"id": 1}}
    ((url, body),) = transport.sent
    assert url.endswith("/rest/api/1/c0de/tasks.task.get")
    assert body == {"id": 1}
    assert transport.headers == [{"X-Request-ID": "task-1"}]


def test_call__an_error_object_is_in_the_result_with_what_is_wrong_with_each_field() -> None:
    flaw = {"field": "title", "message": "is empty"}
    transport = FakeTransport(refused("VALIDATION_REQUESTVALIDATIONEXCEPTION", validation=[flaw]))
    result = actions(transport).call.make(method="tasks.task.add", params={"fields": {}})
    assert not result.is_success
    assert "title: is empty" in result.get_error_messages()[0]


def test_call__a_method_that_is_not_there_is_its_own_error() -> None:
    result = actions(FakeTransport(refused("METHODNOTFOUNDEXCEPTION"))).call.make(method="no.such.method")
    with pytest.raises(MethodNotFoundError):
        result.raise_for_error()


def test_write__keeps_one_idempotency_key_however_often_it_is_sent() -> None:
    busy = reply({"error": "QUERY_LIMIT_EXCEEDED"}, 503)
    transport = FakeTransport(busy, ok({"item": {"id": 5}}), ok({"item": {"id": 6}}))
    v3 = actions(transport)
    v3.call.make(method="tasks.task.add", params={"fields": {"title": "a"}})
    v3.call.make(method="tasks.task.add", params={"fields": {"title": "a"}})
    keys = [headers["Idempotency-Key"] for headers in transport.headers]
    assert keys[0] == keys[1] != keys[2]


def test_write__whose_answer_was_lost_is_not_repeated_but_says_how_to() -> None:
    transport = FakeTransport(RequestTimeoutError("m", code="TIMEOUT"), ok(1))
    with pytest.raises(RequestTimeoutError, match="same idempotency_key"):
        actions(transport).call.make(method="tasks.task.add", idempotency_key="mine")
    assert [headers["Idempotency-Key"] for headers in transport.headers] == ["mine"]


@pytest.mark.parametrize("key", ["x" * 256, "ключ", "a\nb"])
def test_write__an_idempotency_key_that_no_header_can_carry_is_refused(key: str) -> None:
    transport = FakeTransport()
    with pytest.raises(ConfigError, match="printable ASCII"):
        actions(transport).call.make(method="tasks.task.add", idempotency_key=key)
    assert transport.sent == []


class Portal:
    """Tasks 1..n behind the filters and cursors of REST 3; ``most`` caps every page."""

    def __init__(self, rows: int, most: int = 1000) -> None:
        self.rows = [{"id": n, "title": f"t{n}"} for n in range(1, rows + 1)]
        self.most = most
        self.transport = FakeTransport(answer=self.answer)

    def answer(self, url: str, params: dict[str, Any]) -> Answer:
        rows = self.rows
        if cursor := params.get("cursor"):
            after, limit = cursor["value"], cursor["limit"]
            down = cursor["order"] == "DESC"
            rows = [row for row in rows if (row["id"] < after if down else row["id"] > after)]
            rows = rows[::-1] if down else rows
        else:
            for name, _, after in params.get("filter", []):
                rows = [row for row in rows if row[name.lower()] > after]
            limit = params["pagination"]["limit"]
        fields = {*params.get("select", ("id", "title"))}
        found = [{key: row[key] for key in row if key in fields} for row in rows[: min(limit, self.most)]]
        return ok({"items": found})


def ids(pages: Iterator[list[dict[str, Any]]]) -> list[int]:
    return [row["id"] for page in pages for row in page]


@pytest.mark.parametrize(("rows", "limit"), [(0, 50), (1, 50), (50, 50), (120, 50), (7, 3)])
def test_fetch_list__brings_every_row_once(rows: int, limit: int) -> None:
    portal = Portal(rows)
    pages = actions(portal.transport).fetch_list.make(method="tasks.task.list", limit=limit, request_id="walk")
    assert ids(pages) == list(range(1, rows + 1))
    assert {headers["X-Request-ID"] for headers in portal.transport.headers} == {"walk"}


def test_fetch_list__a_portal_that_caps_the_page_below_the_limit_ends_nothing() -> None:
    portal = Portal(100, most=20)
    assert ids(actions(portal.transport).fetch_list.make(method="m.list", limit=50)) == list(range(1, 101))


def test_call_list__selects_the_id_and_keeps_the_filter_and_drops_the_order() -> None:
    portal = Portal(60)
    params = {"select": ["title"], "filter": [["id", ">", 10]], "order": {"title": "DESC"}, "pagination": {"page": 9}}
    result = actions(portal.transport).call_list.make(method="tasks.task.list", params=params)
    assert [row["id"] for row in result.get_data()] == list(range(11, 61))
    _, body = portal.transport.sent[1]
    assert body == {
        "select": ["id", "title"],
        "order": {"id": "ASC"},
        "filter": [["id", ">", 60]],
        "pagination": {"limit": 50},
    }


def test_call_list__the_id_may_be_called_otherwise_in_filter_and_row() -> None:
    portal = Portal(60)
    result = actions(portal.transport).call_list.make(method="m.list", id_key="id", cursor_id_key="ID")
    assert len(result.get_data()) == 60
    assert portal.transport.sent[0][1]["order"] == {"ID": "ASC"}


def test_call_list__breaking_off_raises_with_the_rows_so_far() -> None:
    portal = Portal(120)
    first = portal.transport.answer
    assert first is not None
    answers = iter([first, first])

    def answer(url: str, params: dict[str, Any]) -> Answer:
        use = next(answers, None)
        return use(url, params) if use else refused("ACCESSDENIEDEXCEPTION")

    portal.transport.answer = answer
    with pytest.raises(IncompleteFetchError, match="ACCESSDENIED") as caught:
        actions(portal.transport).call_list.make(method="tasks.task.list")
    assert len(caught.value.rows) == 100
    assert caught.value.last_id == 100


def test_call_list__an_error_of_the_first_page_is_raised_as_it_is() -> None:
    with pytest.raises(AjaxError, match="INVALIDFILTER"):
        actions(FakeTransport(refused("INVALIDFILTEREXCEPTION"))).call_list.make(method="tasks.task.list")


def test_call_list__rows_without_the_id_end_in_an_error_and_not_in_fewer_rows() -> None:
    transport = FakeTransport(ok({"items": [{"name": "x"}] * 50}))
    with pytest.raises(IncompleteFetchError, match="without a whole number as 'id'") as caught:
        actions(transport).call_list.make(method="m.list")
    assert isinstance(caught.value.__cause__, ProtocolViolationError)


def test_call_list__a_portal_that_ignores_the_bound_is_noticed() -> None:
    transport = FakeTransport(answer=lambda *_: ok({"items": [{"id": n} for n in range(50)]}))
    with pytest.raises(IncompleteFetchError, match="ignores the start of the page"):
        actions(transport).call_list.make(method="m.list")
    assert len(transport.sent) == 2


def test_call_list__a_row_that_comes_twice_is_an_error_and_not_two_rows() -> None:
    transport = FakeTransport(ok({"items": [{"id": 1}, {"id": 1}, {"id": 2}]}))
    with pytest.raises(IncompleteFetchError, match="sent a row twice"):
        actions(transport).call_list.make(method="m.list")


def test_call_list__a_filter_is_written_as_in_fetch_all_too() -> None:
    portal = Portal(60)
    rows = actions(portal.transport).call_list.make(method="tasks.task.list", params={"filter": {">id": 50}})
    assert [row["id"] for row in rows.get_data()] == list(range(51, 61))


@pytest.mark.parametrize("params", [{"filter": [["id", "~", 5]]}, {"filter": 5}, {"select": "id"}, {"start": 50}])
def test_call_list__a_wrong_request_is_refused_before_it_is_sent(params: dict[str, Any]) -> None:
    transport = FakeTransport()
    with pytest.raises(ConfigError):
        actions(transport).call_list.make(method="m.list", params=params)
    assert transport.sent == []


@pytest.mark.parametrize("result", [None, {"rows": []}, {"items": None}, 5])
def test_call_list__no_list_where_one_belongs_is_never_an_empty_one(result: Any) -> None:
    transport = FakeTransport(ok(result))
    with pytest.raises(BadReplyError, match=r"no list in result\.items|neither a result"):
        actions(transport, params=RestrictionParams(retry_delay_s=0)).call_list.make(method="m.list")


def test_call_tail__walks_by_the_portals_cursor() -> None:
    portal = Portal(120)
    result = actions(portal.transport).call_tail.make(
        method="main.eventlog.tail", params={"select": ["title"]}, initial_value=10, limit=40
    )
    assert [row["id"] for row in result.get_data()] == list(range(11, 121))
    body = portal.transport.sent[0][1]
    assert body == {"select": ["id", "title"], "cursor": {"field": "id", "value": 10, "order": "ASC", "limit": 40}}


def test_fetch_tail__downwards_from_a_value() -> None:
    portal = Portal(120)
    tail = actions(portal.transport).fetch_tail
    assert ids(tail.make(method="main.eventlog.tail", order="DESC", initial_value=71)) == list(range(70, 0, -1))


def test_fetch_tail__downwards_from_nowhere_is_refused() -> None:
    with pytest.raises(ConfigError, match="initial_value"):
        actions(FakeTransport()).fetch_tail.make(method="main.eventlog.tail", order="DESC")


WRONG = [2.5, "100", True, float("nan"), [1]]


@pytest.mark.parametrize("limit", [*WRONG, None, 0, -1], ids=repr)
def test_a_page__of_no_number_of_rows_is_refused(limit: Any) -> None:
    transport = FakeTransport()
    v3 = actions(transport)
    for action in (v3.fetch_list, v3.call_list, v3.fetch_tail, v3.call_tail):
        with pytest.raises(ConfigError, match=r"limit is .*Hint: give the rows of a page, such as 50"):
            action.make(method="main.eventlog.list", limit=limit)
    assert not transport.sent


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_fetch_tail__begins_behind_a_whole_number(value: Any) -> None:
    for order in ("ASC", "DESC"):
        with pytest.raises(ConfigError, match=r"initial_value is .*whole number"):
            actions(FakeTransport()).fetch_tail.make(method="main.eventlog.tail", order=order, initial_value=value)


def test_fetch_tail__takes_whole_numbers_of_numpy() -> None:
    portal = Portal(120)
    tail = actions(portal.transport).fetch_tail
    pages = tail.make(method="main.eventlog.tail", initial_value=np.int64(10), limit=np.int32(40))
    assert ids(pages) == list(range(11, 121))


@pytest.mark.parametrize("value", ["2026-01-01T00:00:00", None, 1.5])
def test_fetch_tail__a_cursor_that_may_lose_rows_is_an_error(value: Any) -> None:
    transport = FakeTransport(ok({"items": [{"at": value}]}))
    with pytest.raises(IncompleteFetchError, match="without a whole number as 'at'"):
        list(actions(transport).fetch_tail.make(method="main.eventlog.tail", cursor_field="at"))


def test_fetch_tail__rows_with_one_cursor_are_an_error_and_not_lost() -> None:
    transport = FakeTransport(ok({"items": [{"userId": 7}, {"userId": 7}]}))
    with pytest.raises(IncompleteFetchError, match="sent a row twice"):
        list(actions(transport).fetch_tail.make(method="main.eventlog.tail", cursor_field="userId"))


def test_fetch_tail__the_cursors_field_in_the_filter_is_refused() -> None:
    with pytest.raises(ConfigError, match="is in the filter"):
        actions(FakeTransport()).fetch_tail.make(method="main.eventlog.tail", params={"filter": [["id", ">", 5]]})


CALLS = [("tasks.task.get", {"id": 1}), {"method": "tasks.task.get", "params": {"id": 2}}]


def test_batch__a_webhooks_goes_as_the_documented_array() -> None:
    transport = FakeTransport(ok([{"item": {"id": 1}}, {"item": {"id": 2}}]))
    result = actions(transport).batch.make(calls=CALLS)
    assert result.get_data() == [{"item": {"id": 1}}, {"item": {"id": 2}}]
    body: Any = transport.sent[0][1]
    assert body == [{"method": "tasks.task.get", "query": {"id": n}, "parallel": False} for n in (1, 2)]


def test_batch__an_applications_goes_as_an_object_that_has_room_for_the_token() -> None:
    transport = FakeTransport(ok({"0": {"item": 1}, "1": {"item": 2}}))
    result = actions(transport, oauth=True).batch.make(calls=CALLS, halt=False)
    assert result.get_data() == [{"item": 1}, {"item": 2}]
    body = transport.sent[0][1]
    assert (set(body), body["auth"], body["0"]["parallel"]) == ({"0", "1", "auth"}, "a1", True)


def test_batch__names_and_references_are_passed_on() -> None:
    second = {"method": "tasks.task.get", "params": {"id": {"$ref": "first.item.id"}}, "parallel": True}
    transport = FakeTransport(ok([{"item": {"id": 1}}, {"item": {"id": 1}}]))
    result = actions(transport).batch.make(
        calls={"first": CALLS[0], "second": second}, return_ajax_result=True, request_id="b"
    )
    assert {name: one.result["item"]["id"] for name, one in result.get_data().items()} == {"first": 1, "second": 1}
    body: Any = transport.sent[0][1]
    assert [(one["as"], one["parallel"]) for one in body] == [("first", False), ("second", True)]
    assert body[1]["query"] == {"id": {"$ref": "first.item.id"}}


def test_batch__that_is_refused_has_no_data_and_one_error() -> None:
    transport = FakeTransport(refused("INVALIDSELECTEXCEPTION"), refused("INVALIDSELECTEXCEPTION"))
    v3 = actions(transport)
    result = v3.batch.make(calls=CALLS)
    assert result.get_data() == [None, None]
    assert list(result.errors) == ["base"]
    whole = v3.batch.make(calls={"a": CALLS[0]}, return_ajax_result=True)
    assert not whole.get_data()["a"].is_success


def test_batch__too_few_answers_are_an_error() -> None:
    with pytest.raises(BadReplyError, match="2 commands"):
        actions(FakeTransport(ok([1]))).batch.make(calls=CALLS)


def test_batch__fifty_one_calls_are_refused_and_none_are_no_request() -> None:
    transport = FakeTransport()
    with pytest.raises(ConfigError, match="batch_by_chunk"):
        actions(transport).batch.make(calls=CALLS * 26)
    assert actions(transport).batch.make(calls=[]).get_data() == []
    assert transport.sent == []


def test_batch_by_chunk__a_refused_chunk_costs_only_its_own_calls() -> None:
    def answer(url: str, params: Any) -> Answer:
        if any(one["query"].get("id") == 55 for one in params):
            return refused("ENTITYNOTFOUNDEXCEPTION")
        return ok([one["query"]["id"] for one in params])

    calls = [("tasks.task.get", {"id": n}) for n in range(120)]
    result = actions(FakeTransport(answer=answer)).batch_by_chunk.make(calls=calls)
    assert result.get_data() == [*range(50), *range(100, 120)]
    assert set(result.errors) == set(range(50, 100))


def test_aggregate__unwraps_the_figures() -> None:
    transport = FakeTransport(ok({"result": {"count": {"id": 7}}}), ok({"sum": {"price": 1.5}}))
    v3 = actions(transport)
    select = {"count": ["id"]}
    params = {"filter": [["id", ">", 1]], "order": {}}
    assert v3.aggregate.make(method="m.aggregate", select=select, params=params).get_data() == {"count": {"id": 7}}
    assert transport.sent[0][1] == {"select": {"count": ["id"]}, "filter": [["id", ">", 1]]}
    assert v3.aggregate.make(method="m.aggregate", select={"sum": {"price": "p"}}).get_data() == {"sum": {"price": 1.5}}


@pytest.mark.parametrize("select", [{"median": ["id"]}, {"sum": "price"}, {"sum": 5}])
def test_aggregate__what_makes_no_sense_is_refused(select: Any) -> None:
    with pytest.raises(ConfigError):
        actions(FakeTransport()).aggregate.make(method="m.aggregate", select=select)


def test_aggregate__an_error_of_the_portal_is_in_the_result() -> None:
    result = actions(FakeTransport(refused("METHODNOTFOUNDEXCEPTION"))).aggregate.make(
        method="m.aggregate", select={"count": ["id"]}
    )
    assert not result.is_success


def test_codes__a_soft_one_is_returned_and_a_hard_one_raised_both_at_once() -> None:
    policy = RestrictionParams(soft_error_codes=("INTERNAL_SERVER_ERROR",), hard_error_codes=("ERROR_CORE",))
    transport = FakeTransport(
        reply({"error": "INTERNAL_SERVER_ERROR"}, 500), reply({"error": "ERROR_CORE"}, 400), ok(json.loads("1"))
    )
    v3 = actions(transport, params=policy)
    assert isinstance(v3.call.make(method="profile").get_errors()[0], ServerError)
    with pytest.raises(AjaxError, match="ERROR_CORE"):
        v3.call.make(method="profile")
    assert len(transport.sent) == 2


@pytest.mark.parametrize(
    "code",
    [
        "ACCESSDENIEDEXCEPTION",
        "INVALIDJSONEXCEPTION",
        "INVALIDFILTEREXCEPTION",
        "INVALIDSELECTEXCEPTION",
        "ENTITYNOTFOUNDEXCEPTION",
        "METHODNOTFOUNDEXCEPTION",
        "UNKNOWNDTOPROPERTYEXCEPTION",
        "VALIDATION_REQUESTVALIDATIONEXCEPTION",
        "VALIDATION_DTOVALIDATIONEXCEPTION",
    ],
)
@pytest.mark.parametrize("status", [400, 403, 404])
def test_codes__every_no_of_rest_3_is_in_the_result_after_one_attempt(code: str, status: int) -> None:
    transport = FakeTransport(refused(code, status))
    result = actions(transport).call.make(method="tasks.task.list")
    assert code in result.get_error_messages()[0]
    assert len(transport.sent) == 1


@pytest.mark.parametrize("method", ["task.commentitem.getlist", "tasks.task.list"])
def test_call__nothing_is_added_to_an_address_whose_arguments_are_positional(method: str) -> None:
    transport = FakeTransport(ok([]))
    actions(transport).call.make(method=method, request_id="имя 1")
    ((url, _),) = transport.sent
    assert url.endswith(f"/{method}")
    assert transport.headers == [{"X-Request-ID": "%D0%B8%D0%BC%D1%8F 1"}]
