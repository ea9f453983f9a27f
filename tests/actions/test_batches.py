"""Batches that are refused, that break off, and that lack an answer: what came is never lost or taken for success."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from b24data.actions.results import Result
from b24data.actions.v2 import ActionsV2
from b24data.actions.v3 import ActionsV3
from b24data.errors import (
    AccessDeniedError,
    AjaxError,
    AuthorizationRequiredError,
    BadReplyError,
    BatchError,
    ConfigError,
    RateLimitedError,
    SdkError,
    TransportError,
)
from b24data.params import ApiVersion
from tests.http.fakes import Answer, FakeTransport, fault, ok, reply
from tests.http.test_session import hook_session

REFUSED = fault("ACCESS_DENIED", 403, "REST API is available only on commercial plans")
ADD = ("crm.deal.add", {"fields": {"TITLE": "x"}})


Portal: TypeAlias = Callable[[str, dict[str, Any]], Answer]


def lost() -> TransportError:
    return TransportError("batch", "reset", code="CONNECTION_LOST")


def v2(*queue: Answer, answer: Portal | None = None) -> tuple[ActionsV2, FakeTransport]:
    transport = FakeTransport(*queue, answer=answer)
    return ActionsV2(hook_session(transport)), transport


def v3(*queue: Answer) -> ActionsV3:
    return ActionsV3(hook_session(FakeTransport(*queue), version=ApiVersion.V3))


def carried_out(_: str, params: dict[str, Any]) -> Answer:
    """Every command of a batch gives 1000 and its key."""
    return ok({"result": {key: 1000 + int(key) for key in params["cmd"]}, "result_error": []})


def breaks_at(chunk: int, trouble: Answer) -> tuple[ActionsV2, FakeTransport]:
    """The actions of a portal that carries out every batch but this one."""
    actions, transport = v2()
    transport.answer = lambda url, params: trouble if len(transport.sent) == chunk else carried_out(url, params)
    return actions, transport


def test_batch__a_refusal_of_the_whole_is_in_the_result_of_rest_2() -> None:
    actions, transport = v2(REFUSED, REFUSED)
    result = actions.batch.make(calls=[("profile",), ("scope",)])
    assert (result.get_data(), list(result.errors), len(transport.sent)) == ([None, None], ["base"], 1)
    assert isinstance(result.errors["base"], AccessDeniedError)
    named = actions.batch.make(calls={"me": ("profile",)}, return_ajax_result=True)
    assert not named.get_data()["me"].is_success
    assert list(named.errors) == ["base"]


@pytest.mark.parametrize("trouble", [fault("", 400, "Access denied."), fault("SOME_ERROR", 400, "Access denied.")])
def test_batch__a_refusal_with_any_code_is_in_the_result(trouble: Answer) -> None:
    result = v2(trouble)[0].batch.make(calls=[("profile",)])
    assert result.errors["base"].description == "Access denied."


@pytest.mark.parametrize("trouble", [fault("NO_AUTH_FOUND", 401), lost(), *[fault("QUERY_LIMIT_EXCEEDED", 503)]])
def test_batch__what_could_not_be_carried_out_is_raised(trouble: Answer) -> None:
    with pytest.raises((AuthorizationRequiredError, TransportError, RateLimitedError)):
        v2(answer=lambda *_: trouble)[0].batch.make(calls=[("crm.deal.add", {})])


def test_batch__a_refusal_is_raised_as_itself_by_raise_for_error() -> None:
    with pytest.raises(AccessDeniedError):
        v2(REFUSED)[0].batch.make(calls=[("profile",)]).raise_for_error()
    refused = reply({"error": {"code": "BITRIX_REST_V3_EXCEPTION_ACCESSDENIEDEXCEPTION", "message": "no"}}, 403)
    with pytest.raises(AccessDeniedError):
        v3(refused).batch.make(calls=[("tasks.task.get", {"id": 1})]).raise_for_error()
    with pytest.raises(AccessDeniedError):
        v3(refused).aggregate.make(method="crm.item.aggregate", select={"count": ["id"]}).raise_for_error()


def test_raise_for_error__a_command_that_is_called_base_is_a_command() -> None:
    with pytest.raises(BatchError) as caught:
        Result({"base": None, "b": 2}, {"base": AjaxError("m", "no")}).raise_for_error()
    assert caught.value.results == {"base": None, "b": 2}


def test_batch_by_chunk__a_refused_chunk_costs_only_its_own_calls() -> None:
    actions, transport = breaks_at(2, fault("SOME_ERROR", 400, "no"))
    result = actions.batch_by_chunk.make(calls=[ADD] * 120)
    assert (len(result.get_data()), set(result.errors), len(transport.sent)) == (70, set(range(50, 100)), 3)


@pytest.mark.parametrize("trouble", [lost(), reply(b"<html>", 502), fault("NO_AUTH_FOUND", 401), fault("X", 500)])
def test_batch_by_chunk__an_error_has_what_earlier_chunks_brought(trouble: Answer) -> None:
    actions, _ = breaks_at(3, trouble)
    with pytest.raises(SdkError, match="calls before 100") as caught:
        actions.batch_by_chunk.make(calls=[ADD] * 120)
    assert caught.value.results == [1000 + n for n in range(50)] * 2
    assert pickle.loads(pickle.dumps(caught.value)).results == caught.value.results


def test_batch_by_chunk__an_error_of_the_first_chunk_has_no_results() -> None:
    with pytest.raises(TransportError) as caught:
        breaks_at(1, lost())[0].batch_by_chunk.make(calls=[ADD] * 120)
    assert (caught.value.results, caught.value.hint) == ([], "")


@pytest.mark.parametrize("wrong", ["crm.deal.add", ({}, 1), 5, {"params": {}}])
def test_batch_by_chunk__a_wrong_call_is_refused_before_the_first_chunk(wrong: Any) -> None:
    actions, transport = v2()
    with pytest.raises(ConfigError, match="call 110"):
        actions.batch_by_chunk.make(calls=[*[ADD] * 110, wrong])
    assert transport.sent == []


def test_batch_by_chunk__of_rest_3_keeps_earlier_chunks_too() -> None:
    whole, partly = [{"id": n} for n in range(50)], {str(n): {"id": n} for n in range(1, 50)}
    with pytest.raises(BadReplyError) as caught:
        v3(ok(whole), ok(partly)).batch_by_chunk.make(calls=[("tasks.task.add", {})] * 100)
    assert caught.value.results == [*whole, *partly.values()]


def test_batch__after_a_command_that_was_asked_alone_a_refusal_is_that_of_the_rest() -> None:
    first = ok({"result": {"0": 1}, "result_error": {"1": {"error": "QUERY_LIMIT_EXCEEDED"}}})
    result = v2(first, ok(2), fault("SOME_ERROR", 400, "no"))[0].batch.make(calls=[ADD] * 4)
    assert result.get_data() == [1, 2, None, None]
    assert list(result.errors) == [2, 3]


@pytest.mark.parametrize(("queue", "kept"), [((lost(),), [1]), ((ok(2), lost()), [1, 2])])
def test_batch__an_error_behind_a_halt_has_what_ran_before_it(queue: tuple[Answer, ...], kept: list[int]) -> None:
    first = ok({"result": {"0": 1}, "result_error": {"1": {"error": "QUERY_LIMIT_EXCEEDED"}}})
    with pytest.raises(TransportError) as caught:
        v2(first, *queue)[0].batch.make(calls=[ADD] * 4)
    assert caught.value.results == kept


@pytest.mark.parametrize(
    ("answers", "kept"),
    [
        ({"0": {"id": 1}, "2": {"id": 3}}, {0: {"id": 1}, 2: {"id": 3}}),
        ({"0": {"id": 1}, "1": {"id": 2}}, {0: {"id": 1}, 1: {"id": 2}}),
        ([{"id": 1}, {"id": 2}], {0: {"id": 1}, 1: {"id": 2}}),
        ([], {}),
        ("done", {}),
        (None, {}),
        ({"0": 1, "1": 2, "7": 3}, {0: 1, 1: 2}),
        ([1, 2, 3, 4], {0: 1, 1: 2, 2: 3}),
    ],
)
def test_batch__a_missing_answer_of_rest_3_is_an_error_and_no_none(answers: Any, kept: dict[int, Any]) -> None:
    with pytest.raises(BadReplyError, match="3 commands have no 3 answers") as caught:
        v3(ok(answers)).batch.make(calls=[("tasks.task.add", {})] * 3)
    assert caught.value.results == kept
    if len(kept) == 2:
        assert "tasks.task.add" in caught.value.description


@pytest.mark.parametrize("code", ["", 0, "ACCESS_DENIED"])
def test_batch__an_error_inside_an_answer_of_rest_3_is_an_error(code: Any) -> None:
    queue = ok([{"error": {"code": code, "message": "Access denied"}}, {"id": 2}])
    result = v3(queue).batch.make(calls=[("tasks.task.get", {"id": 1})] * 2)
    assert (result.get_data(), list(result.errors)) == ([None, {"id": 2}], [0])
    assert isinstance(result.errors[0], AccessDeniedError)


def test_batch__answers_by_name_are_answers() -> None:
    calls = {"one": ("tasks.task.get", {"id": 1}), "two": ("tasks.task.get", {"id": 2})}
    assert v3(ok({"two": 2, "one": 1})).batch.make(calls=calls).get_data() == {"one": 1, "two": 2}
    with pytest.raises(BadReplyError, match=r"none for 1 \(tasks.task.get\)"):
        v3(ok({"one": 1})).batch.make(calls=calls)


def test_batch__null_is_an_answer() -> None:
    assert v3(ok([None, 1])).batch.make(calls=[("tasks.task.get", {"id": 1})] * 2).get_data() == [None, 1]
