"""What the portal refuses: every form of an error is an error at once, with a class and a cure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from b24data.errors import (
    AccessDeniedError,
    AjaxError,
    AuthorizationRequiredError,
    BadReplyError,
    OperatingLimitError,
    SdkError,
    ServerError,
    TransportError,
)
from b24data.http.context import CallContext
from b24data.http.encode import Command
from b24data.http.error_codes import names_error, portal_error
from b24data.http.protocol import read_batch, read_reply
from tests.http.fakes import FakeTransport, fault, ok, reply
from tests.http.test_session import hook_session

TEXTS = json.loads((Path(__file__).parent / "data" / "codeless_errors.json").read_text("utf-8"))
COMMANDS = [Command("a", "crm.deal.get"), Command("b", "profile")]
CODELESS = ["", 0, "0", None]


def refusal(body: dict[str, Any], status: int) -> tuple[AjaxError, int]:
    """The error of a read that the portal answers so, and how many requests it took."""
    transport = FakeTransport(answer=lambda *_: reply(body, status))
    with pytest.raises(AjaxError) as caught:
        hook_session(transport).call("crm.deal.get", {"id": 5}, context=CallContext())
    return caught.value, len(transport.sent)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 500, 503])
@pytest.mark.parametrize("code", CODELESS)
def test_call__an_error_without_a_code_is_raised_at_once_in_the_portals_words(code: Any, status: int) -> None:
    error, sent = refusal({"error": code, "error_description": "Deal is not found"}, status)
    assert (error.description, error.code, error.status, sent) == ("Deal is not found", "", status, 1)
    assert isinstance(error, AccessDeniedError) is (status == 403)
    assert str(error).startswith(f"crm.deal.get: HTTP {status}: Deal is not found")


def test_call__a_description_without_any_code_is_an_error_too() -> None:
    error, sent = refusal({"error_description": "Deal is not found"}, 400)
    assert (error.description, sent) == ("Deal is not found", 1)


def test_call__a_description_beside_a_result_is_an_error() -> None:
    error, _ = refusal({"result": None, "error": 0, "error_description": "Deal is not found"}, 200)
    assert error.description == "Deal is not found"


@pytest.mark.parametrize("code", ["", 0, "0"])
def test_call__an_error_without_code_and_words_is_an_error(code: Any) -> None:
    error, sent = refusal({"error": code}, 400)
    assert (error.description, sent) == ("the portal gives no reason", 1)


@pytest.mark.parametrize("code", ["", 0, "0", None, False, [], {}])
def test_call__an_empty_error_beside_a_result_is_none(code: Any) -> None:
    transport = FakeTransport(ok(7, error=code, error_description=""))
    assert hook_session(transport).call("crm.deal.get").data() == 7


def test_call__a_429_is_the_operating_limit_whatever_its_code() -> None:
    with pytest.raises(OperatingLimitError):
        read_reply("m", fault("", 429, "Method is blocked"))


@pytest.mark.parametrize("text", TEXTS["denied"])
@pytest.mark.parametrize("code", ["", 0, "ERROR_CORE", "200040300010"])
def test_portal_error__a_documented_refusal_is_read_from_its_text(code: Any, text: str) -> None:
    error = portal_error("m", code, text, 400)
    assert (type(error), error.description) == (AccessDeniedError, text)
    assert error.hint


@pytest.mark.parametrize("text", TEXTS["other"])
def test_portal_error__other_documented_texts_are_no_refusal(text: str) -> None:
    assert type(portal_error("m", "", text, 400)) is AjaxError


@pytest.mark.parametrize(
    "text",
    [
        *("Доступ запрещен.", "Доступ запрещён", "Доступ к документу запрещен", "Отказано в доступе"),
        *("В доступе отказано", "Недостаточно прав", "У вас нет прав на просмотр этого элемента"),
        *("Недостаточно прав для изменения сделки", "Нет доступа", "Пользователь не имеет прав на чтение"),
        *("Не хватает прав", "Действие над задачей не разрешено", "ACCESS DENIED!", "You have no access to this task"),
        *("Access is forbidden", "Not enough rights", "Permission denied", "You don't have access to the group"),
    ],
)
def test_portal_error__a_refusal_is_read_in_english_and_russian(text: str) -> None:
    assert type(portal_error("m", 0, text, 400)) is AccessDeniedError


@pytest.mark.parametrize(
    "text",
    [
        *("Сделка не найдена", "Доступные значения: Y, N", "Поле недоступно", "Неправильный формат"),
        *("Available access types: read, write", "Access token is required", "Right now the list is empty"),
    ],
)
def test_portal_error__other_words_about_access_are_no_refusal(text: str) -> None:
    assert type(portal_error("m", "", text, 400)) is AjaxError


def test_portal_error__a_code_that_says_something_decides_before_the_text() -> None:
    assert type(portal_error("m", "NOT_FOUND", "Not found or access denied", 400)) is AjaxError


@pytest.mark.parametrize("text", ["SPA not found", "Смарт-процесс не найден"])
def test_portal_error__a_smart_process_that_is_not_there_says_where_its_number_comes_from(text: str) -> None:
    error = portal_error("crm.item.list", "NOT_FOUND", text, 400)
    assert "crm.type.list" in error.hint
    assert "check the id" in portal_error("crm.item.get", "NOT_FOUND", "Item not found", 400).hint


@pytest.mark.parametrize("code", ["DOCGEN_ACCESS_ERROR", "ATTACH_READ_ACCESS_DENIED", "IS_NOT_ADMIN"])
def test_portal_error__a_methods_own_code_for_a_missing_right_is_known(code: str) -> None:
    assert type(portal_error("m", code, "no", 400)) is AccessDeniedError


@pytest.mark.parametrize("code", CODELESS)
def test_read_batch__a_command_that_failed_without_a_code_has_the_portals_words(code: Any) -> None:
    told = {"error": code, "error_description": "Access denied."}
    body = {"result": {"result": {"b": 2}, "result_error": {"a": told}}}
    first, second = read_batch(
        read_reply("batch", reply(body)), [Command("a", "crm.deal.get"), Command("b", "profile")]
    )
    assert isinstance(first, AccessDeniedError)
    assert (first.description, first.code, first.method) == ("Access denied.", "", "crm.deal.get")
    assert not isinstance(second, SdkError)


@pytest.mark.parametrize("told", ["", 0, [], {}, {"error": ""}])
def test_read_batch__an_empty_error_counts_where_there_is_no_answer(told: Any) -> None:
    body = {"result": {"result": {"b": 2}, "result_error": {"a": told, "b": told}}}
    first, second = read_batch(
        read_reply("batch", reply(body)), [Command("a", "crm.deal.get"), Command("b", "profile")]
    )
    assert isinstance(first, AjaxError)
    assert first.description == "the portal gives no reason"
    assert not isinstance(second, SdkError)


@pytest.mark.parametrize(
    "inside",
    [
        {"error": "ACCESS_DENIED", "error_description": "Access denied."},
        {"error": {"error": "ACCESS_DENIED", "error_description": "Access denied."}},
        {"error": "", "error_description": "Access denied."},
        {"error": 0, "error_description": "Access denied."},
        {"error": {"code": 0, "message": "Access denied."}},
    ],
)
def test_call__an_error_inside_a_result_is_an_error(inside: dict[str, Any]) -> None:
    error, sent = refusal({"result": inside, "time": {}}, 200)
    assert (type(error), error.description, sent) == (AccessDeniedError, "Access denied.", 1)
    body = {"result": {"result": {"a": inside}, "result_error": []}}
    (part,) = read_batch(read_reply("batch", reply(body)), [Command("a", "crm.deal.get")])
    assert isinstance(part, AccessDeniedError)


@pytest.mark.parametrize("result", [{"error": ""}, {"error": 0, "id": 5}, {"error": "no", "id": 5}, {"items": []}])
def test_call__a_result_with_more_than_an_error_is_a_result(result: Any) -> None:
    assert hook_session(FakeTransport(ok(result))).call("profile").data() == result


@pytest.mark.parametrize("code", CODELESS)
def test_call__an_error_of_rest_3_without_a_code_has_the_portals_words(code: Any) -> None:
    error, sent = refusal({"error": {"code": code, "message": "Access denied"}}, 400)
    assert (type(error), error.description, error.code, sent) == (AccessDeniedError, "Access denied", "", 1)


# Every system error that the documentation has, with its status.
SYSTEM = [
    ("INTERNAL_SERVER_ERROR", 500),
    ("ERROR_UNEXPECTED_ANSWER", 500),
    ("QUERY_LIMIT_EXCEEDED", 503),
    ("ERROR_BATCH_METHOD_NOT_ALLOWED", 405),
    ("ERROR_BATCH_LENGTH_EXCEEDED", 400),
    ("NO_AUTH_FOUND", 401),
    ("INVALID_REQUEST", 400),
    ("OVERLOAD_LIMIT", 503),
    ("ACCESS_DENIED", 403),
    ("INVALID_CREDENTIALS", 401),
    ("INVALID_CREDENTIALS", 403),
    ("ERROR_MANIFEST_IS_NOT_AVAILABLE", 404),
    ("insufficient_scope", 403),
    ("expired_token", 401),
    ("user_access_error", 403),
    ("PORTAL_DELETED", 500),
    ("OPERATION_TIME_LIMIT", 429),
    ("ERROR_METHOD_NOT_FOUND", 404),
    ("METHOD_CONFIRM_WAITING", 401),
    ("METHOD_CONFIRM_DENIED", 403),
    ("WRONG_AUTH_TYPE", 403),
    ("PAYMENT_REQUIRED", 401),
    ("ERROR_OAUTH", 401),
    ("APPLICATION_NOT_FOUND", 400),
    *[
        (f"BITRIX_REST_V3_EXCEPTION_{name}EXCEPTION", 400)
        for name in (
            *("IDEMPOTENCYKEYREUSED", "INVALIDIDEMPOTENCYKEY", "VALIDATION_REQUESTVALIDATION", "INVALIDJSON"),
            *("UNKNOWNDTOPROPERTY", "UNKNOWNFILTEROPERATOR", "ENTITYNOTFOUND", "ACCESSDENIED", "INSUFFICIENTSCOPE"),
            *("INVALIDSELECT", "INVALIDFILTER", "INVALIDORDER", "INVALIDPAGINATION", "VALIDATION_DTOVALIDATION"),
            "VALIDATION_REQUESTFILTERVALIDATION",
        )
    ],
    ("BITRIX_REST_V3_REALISATION_EXCEPTION_FIELDNOTFOUNDEXCEPTION", 400),
]


@pytest.mark.parametrize(("code", "status"), SYSTEM)
def test_call__every_documented_system_error_has_a_cure(code: str, status: int) -> None:
    transport = FakeTransport(answer=lambda *_: fault(code, status, "words"))
    with pytest.raises(SdkError) as caught:
        hook_session(transport).call("crm.deal.list")
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("INVALID_CREDENTIALS", 401, AuthorizationRequiredError),
        ("INVALID_CREDENTIALS", 403, AccessDeniedError),
        ("NO_AUTH_FOUND", 401, AuthorizationRequiredError),
        ("PAYMENT_REQUIRED", 401, AccessDeniedError),
        ("METHOD_CONFIRM_WAITING", 401, AccessDeniedError),
        ("ERROR_OAUTH", 401, AccessDeniedError),
        ("APPLICATION_NOT_FOUND", 400, AccessDeniedError),
    ],
)
def test_call__what_no_patience_cures_is_asked_once(code: str, status: int, kind: type[SdkError]) -> None:
    transport = FakeTransport(answer=lambda *_: fault(code, status, "words"))
    with pytest.raises(kind):
        hook_session(transport).call("crm.deal.list", context=CallContext())
    assert len(transport.sent) == 1


@pytest.mark.parametrize(
    "text",
    [
        *("REST API is available only on commercial plans", "Your trial period has expired", "License expired"),
        *("Demo license has ended", "Upgrade your plan to use this", "Недоступно на вашем тарифе"),
    ],
)
def test_portal_error__a_plan_that_is_over_says_who_renews_it(text: str) -> None:
    assert "plan" in portal_error("m", "ACCESS_DENIED", text, 403).hint


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 407, 413])
@pytest.mark.parametrize("body", [b"<html>no</html>", b"", b"Forbidden", b'{"message": "no"}'])
def test_call__a_server_that_refuses_without_the_portals_form_is_asked_once(status: int, body: bytes) -> None:
    transport = FakeTransport(ok(1), *[reply(body, status)] * 9)
    session = hook_session(transport)
    session.call("profile")  # a portal that has answered before
    with pytest.raises(BadReplyError) as caught:
        session.call("crm.deal.list", context=CallContext())
    assert (caught.value.status, len(transport.sent)) == (status, 2)
    if status in (401, 403, 407, 413):
        assert caught.value.hint


@pytest.mark.parametrize(
    "location",
    [
        "/auth/?backurl=%2Frest%2F1%2Fs3cr3t%2Fprofile",
        "https://network.example/oauth/authorize/?client_id=x",
        "/auth",
        "/login/",
        "/bitrix/admin/index.php",
        "/auth/index.php?login=yes",
        "/extranet/auth/",
        "/stream/?backurl=%2Frest%2F1%2Fs3cr3t%2F",
    ],
)
def test_call__a_login_page_is_named_and_not_followed(location: str) -> None:
    transport = FakeTransport(reply(b"", 302, location=location))
    with pytest.raises(TransportError, match="login page") as caught:
        hook_session(transport).call("profile")
    assert caught.value.code == "LOGIN_PAGE"
    assert caught.value.hint
    assert "s3cr3t" not in str(caught.value)
    assert len(transport.sent) == 1


def test_call__a_redirect_in_circles_says_where_to_without_a_secret() -> None:
    transport = FakeTransport(
        answer=lambda *_: reply(b"", 302, location="https://b.bitrix24.com/rest/1/s3cr3t/profile")
    )
    with pytest.raises(TransportError, match="circles, last to") as caught:
        hook_session(transport).call("profile")
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.hint


def test_call__a_portal_whose_name_begins_with_auth_may_move() -> None:
    answer = reply(b"", 302, location="https://moved-portal.bitrix24.com/rest/1/s3cr3t/auth.profile")
    transport = FakeTransport(answer, ok(3))
    assert hook_session(transport).call("auth.profile").data() == 3


def test_names_error__knows_what_php_leaves_empty() -> None:
    assert not any(names_error(error, text) for error in ("", 0, "0", None, [], {}, False, " ") for text in ("", None))


def test_portal_error__words_without_a_code_are_not_the_portals_own_failure() -> None:
    assert type(portal_error("m", "", "No such stage", 500)) is AjaxError
    assert type(portal_error("m", "", "", 500)) is ServerError
