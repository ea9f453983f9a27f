"""From the portal's error codes to our errors. Pure.

Sources: b24restdocs, _includes/system-errors.md, limits.md, settings/how-to-call-rest-api/batch.md,
api-reference/rest-v3.md, api-reference/scopes/confirmation.md, and the error tables of the methods' pages.
"""

from __future__ import annotations

import re
from typing import Any

from b24data.errors import (
    AccessDeniedError,
    AjaxError,
    MethodNotFoundError,
    OperatingLimitError,
    RateLimitedError,
    SdkError,
    ServerError,
)
from b24data.text.hints import CALL, DESCRIBE, option, sign_in
from b24data.text.printable import one_line
from b24data.text.redact import redact

EXPIRED_TOKEN = frozenset({"expired_token", "invalid_token"})
REFUSED_BEFORE_RUNNING = EXPIRED_TOKEN | {"QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT"}

_UNAUTHORIZED = frozenset({"NO_AUTH_FOUND", "AUTHORIZATION_ERROR"})

_UNPAID = frozenset({"PAYMENT_REQUIRED", "LICENSE_EXPIRED"})

_KINDS: dict[str, type[AjaxError]] = {
    "QUERY_LIMIT_EXCEEDED": RateLimitedError,
    "OVERLOAD_LIMIT": RateLimitedError,
    "OPERATION_TIME_LIMIT": OperatingLimitError,
    "ERROR_METHOD_NOT_FOUND": MethodNotFoundError,
    "METHODNOTFOUNDEXCEPTION": MethodNotFoundError,
    "ACCESSDENIEDEXCEPTION": AccessDeniedError,
    "INSUFFICIENTSCOPEEXCEPTION": AccessDeniedError,
    "INVALID_CREDENTIALS": AccessDeniedError,
    "INSUFFICIENT_SCOPE": AccessDeniedError,
    "USER_ACCESS_ERROR": AccessDeniedError,
    "WRONG_AUTH_TYPE": AccessDeniedError,
    "ERROR_OAUTH": AccessDeniedError,
    "APPLICATION_NOT_FOUND": AccessDeniedError,
    "APPLICATION_NOT_INSTALLED": AccessDeniedError,
    "NOT_INSTALLED": AccessDeniedError,
    "PAYMENT_REQUIRED": AccessDeniedError,
    "LICENSE_EXPIRED": AccessDeniedError,
    "METHOD_CONFIRM_WAITING": AccessDeniedError,
    "METHOD_CONFIRM_DENIED": AccessDeniedError,
    "INTERNAL_SERVER_ERROR": ServerError,
    "INTERNALEXCEPTION": ServerError,
    "ERROR_UNEXPECTED_ANSWER": ServerError,
    "PORTAL_DELETED": ServerError,
}
# Methods have codes of their own for a missing right: DOCGEN_ACCESS_ERROR, ATTACH_READ_ACCESS_DENIED, IS_NOT_ADMIN.
_DENYING_CODE = re.compile(r"ACCESS_?(DENIED|ERROR|EXCEPTION)|PERMISSION_DENIED|USER_PERMISSION|_RIGHTS$|IS_NOT_ADMIN$")
# Codes that say nothing, so that the text decides. A quarter of the documented methods have an empty code or 0.
_SPEECHLESS_CODE = re.compile(r"-?\d*|ERROR|ERROR_CORE")
_DENYING_TEXT = re.compile(
    r"access (to .{1,60} )?(is |was |has been )?(denied|forbidden|restricted|prohibited)"
    r"|(insufficient|not enough|no sufficient) (access )?(permission|right|privilege)"
    r"|(do(es)? not|don't|doesn't) have (the |any |sufficient |enough |access )*(permission|right|access|privilege)"
    r"|(has|have) no (permission|right|access)|^no (permission|right|access)|permission denied"
    r"|you cannot (delete|change the settings of) the user field"
    r"|required more scopes|action on the task is not allowed"
    r"|доступ.{0,60}(запрещ|закрыт|ограничен|отклон)|(отказано|отказ) в доступе|в доступе отказано"
    r"|(нет|недостаточно|не хватает|не имеет(е)?) (\w+ ){0,2}(прав|доступа|полномочий)"
    r"|действи\w+ .{0,40}не ?(разрешен|допустим)",
    re.IGNORECASE,
)
_PLAN_TEXT = re.compile(
    r"commercial plan|(trial|demo|plan|licen[cs]e|subscription|tariff).{0,40}(expired|ended|over|required|upgrade)"
    r"|(expired|upgrade).{0,20}(trial|plan|licen[cs]e|subscription|tariff)"
    r"|тариф|пробн|(лицензи|подписк).{0,40}(ист|законч|требу)",
    re.IGNORECASE,
)
# Page crm.item.list: what is said of an entityTypeId that the portal does not have.
_SMART_PROCESS_TEXT = re.compile(r"\bSPA\b|смарт-процесс", re.IGNORECASE)

_MOST_SAID = 8000  # characters of a text that are looked at; no documented one has a thousand

_LATER = "run it again later; if the error stays, tell the portal's administrator or Bitrix24 support"
_SPELLING = "check the spelling, and that the application or webhook has the scope"
_SCOPE = "add the missing scope in the settings of the application or webhook"
_RIGHTS = "the user of this token has no right to this; sign in as another user or ask an administrator for it"
_PLAN = "an administrator has to renew or upgrade the portal's plan: its trial or plan has no REST API"
_INSTALL = "install the application on this portal (its settings show whether it is), then sign in again"
_ID = "check the id; a record that this user has no right to see is not found either"
_SMART_PROCESS = "check the number of the smart process (entityTypeId): crm.type.list names those of the portal"
_FIELDS = f"check the names: {DESCRIBE} lists the fields"
_HINTS: dict[str, str] = {
    "QUERY_LIMIT_EXCEEDED": "other programs use this portal from the same address; try later, or with "
    + option("gentle", True),
    "OVERLOAD_LIMIT": "the portal is blocked manually; Bitrix24 support can lift the block",
    "OPERATION_TIME_LIMIT": "the method used up its execution time; try again in ten minutes, or select fewer fields",
    "ERROR_METHOD_NOT_FOUND": _SPELLING,
    "METHODNOTFOUNDEXCEPTION": _SPELLING,
    "INSUFFICIENT_SCOPE": _SCOPE,
    "INSUFFICIENTSCOPEEXCEPTION": _SCOPE,
    "INVALID_CREDENTIALS": "the webhook was deleted, or its user lacks the permission: create a new webhook, or ask "
    "an administrator for the permission",
    "USER_ACCESS_ERROR": "an administrator has to allow this user to use the application",
    "WRONG_AUTH_TYPE": f"sign in through an application: {sign_in()}; this method accepts no other authorization",
    "ERROR_OAUTH": _INSTALL,
    "APPLICATION_NOT_FOUND": _INSTALL,
    "APPLICATION_NOT_INSTALLED": _INSTALL,
    "NOT_INSTALLED": _INSTALL,
    "PAYMENT_REQUIRED": "renew the paid or trial period of the application or of the portal's plan",
    "LICENSE_EXPIRED": _PLAN,
    "METHOD_CONFIRM_WAITING": "an administrator has to allow this call in the notification that the portal sent; "
    "then run it again",
    "METHOD_CONFIRM_DENIED": "an administrator refused this call; ask for it, then sign in again",
    "PORTAL_DELETED": "the portal is closed; on a self-hosted one turn off the temporary closure of its public part",
    "INTERNAL_SERVER_ERROR": _LATER,
    "INTERNALEXCEPTION": _LATER,
    "ERROR_UNEXPECTED_ANSWER": _LATER,
    "ERROR_BATCH_METHOD_NOT_ALLOWED": f"call this method on its own: {CALL}",
    "ERROR_BATCH_LENGTH_EXCEEDED": "put at most 50 calls into a batch; batch_by_chunk splits them",
    "INVALID_REQUEST": "give the portal's address with https://",
    "ERROR_MANIFEST_IS_NOT_AVAILABLE": "check the code of the manifest: the portal has no manifest with this code",
    "IDEMPOTENCYKEYREUSEDEXCEPTION": "use a new idempotency_key: this one belongs to another request",
    "INVALIDIDEMPOTENCYKEYEXCEPTION": "give an idempotency_key of 1 to 255 printable ASCII characters, such as a UUID",
    "INVALIDJSONEXCEPTION": "check whether a proxy changes requests on their way",
    "VALIDATION_REQUESTVALIDATIONEXCEPTION": "correct the parameters that the text names",
    "VALIDATION_REQUESTFILTERVALIDATIONEXCEPTION": "add the required condition that the text names to filter",
    "VALIDATION_DTOVALIDATIONEXCEPTION": "correct the fields that the text names",
    "UNKNOWNDTOPROPERTYEXCEPTION": _FIELDS,
    "FIELDNOTFOUNDEXCEPTION": _FIELDS,
    "INVALIDSELECTEXCEPTION": _FIELDS,
    "INVALIDFILTEREXCEPTION": 'write a condition of filter as ["id", ">", 5]',
    "INVALIDORDEREXCEPTION": 'write order as {"id": "ASC"}',
    "INVALIDPAGINATIONEXCEPTION": 'write pagination as {"page": 1, "limit": 50}',
    "UNKNOWNFILTEROPERATOREXCEPTION": "use one of =, !=, >, >=, <, <=, in, between",
    "NOT_FOUND": _ID,
    "ENTITYNOTFOUNDEXCEPTION": _ID,
}
_HINTS_BY_KIND: dict[type[AjaxError], str] = {AccessDeniedError: _RIGHTS, ServerError: _LATER}


def names_error(error: Any, description: Any = None) -> bool:
    """Whether ``error`` and ``error_description`` of an answer tell of an error.

    The code of a documented error may be ``""``, ``0``, ``"0"`` or missing; its description is the error then.

    >>> names_error("", "Access denied."), names_error(0, ""), names_error("ERROR_CORE")
    (True, False, True)
    """
    code, text = _code_and_text(error, description)
    return bool(code or text) or (isinstance(error, dict) and bool(error))


def portal_error(method: str, error: Any, description: Any, status: int | None) -> AjaxError:
    """The error that the portal named, in the spelling of REST 2 (text) or REST 3 (an object).

    A code that says nothing (``""``, ``0``) is empty in the error; the text decides about its class then.
    """
    code, text = _code_and_text(error, description)
    short = code.upper().rpartition("EXCEPTION_")[2]
    kind = _kind(short, text, status)
    return kind(method, one_line(redact(text)), code=one_line(code, 200), status=status, hint=_hint(short, text, kind))


def wants_sign_in(error: SdkError) -> bool:
    """Whether the portal does not accept our authorization at all: dead for good, or a webhook that was deleted.

    ``INVALID_CREDENTIALS`` is a missing permission with status 403, and a deleted webhook with 401.
    """
    code = error.code.upper()
    return code in _UNAUTHORIZED or (code == "INVALID_CREDENTIALS" and error.status == 401)


def is_unpaid(error: SdkError) -> bool:
    """Whether the application or the portal's plan has to be paid for before anything is answered."""
    return error.code.upper() in _UNPAID or error.advice == _PLAN


def _code_and_text(error: Any, description: Any) -> tuple[str, str]:
    if isinstance(error, list):
        error = next(iter(error), None)
    if isinstance(error, dict):
        code, text = error.get("code") or error.get("error"), error.get("message") or error.get("error_description")
        flaws = error.get("validation") or ()
        text = "; ".join([str(text or description or ""), *map(_flaw, flaws if isinstance(flaws, list) else ())])
    else:
        code, text = error, description
    return _stripped(code, "0"), _stripped(text)


def _stripped(value: Any, nothing: str = "") -> str:
    try:
        text = (value[:_MOST_SAID] if isinstance(value, str) else str(value)[:_MOST_SAID]).strip() if value else ""
    except RecursionError:  # nested deeper than can be written
        text = type(value).__name__
    return "" if text == nothing else text


def _flaw(flaw: Any) -> str:
    return f"{flaw.get('field', '')}: {flaw.get('message', '')}" if isinstance(flaw, dict) else str(flaw)


def _kind(code: str, text: str, status: int | None) -> type[AjaxError]:
    if known := _KINDS.get(code):
        return known
    if _DENYING_CODE.search(code) or (_SPEECHLESS_CODE.fullmatch(code) and _DENYING_TEXT.search(text)):
        return AccessDeniedError
    if status == 403:
        return AccessDeniedError
    if status == 429:
        return OperatingLimitError
    # Words without a code are the method's own no, whatever its status: the portal's own failures have a code.
    return ServerError if status and status >= 500 and (code or not text) else AjaxError


def _hint(code: str, text: str, kind: type[AjaxError]) -> str:
    if code == "NOT_FOUND" and _SMART_PROCESS_TEXT.search(text):
        return _SMART_PROCESS
    if hint := _HINTS.get(code):
        return hint
    if _PLAN_TEXT.search(text):
        return _PLAN
    if kind is AccessDeniedError and "scope" in text.lower():
        return _SCOPE
    return _HINTS_BY_KIND.get(kind, "")
