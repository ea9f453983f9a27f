"""From the portal's error codes to our errors. Pure.

Sources: b24restdocs, _includes/system-errors.md, limits.md, api-reference/rest-v3.md.
"""

from __future__ import annotations

from typing import Any

from b24data.errors import (
    AccessDeniedError,
    AjaxError,
    MethodNotFoundError,
    OperatingLimitError,
    RateLimitedError,
    ServerError,
)
from b24data.http.redact import redact

__all__ = ["EXPIRED_TOKEN", "REFUSED_BEFORE_RUNNING", "UNAUTHORIZED", "portal_error"]

EXPIRED_TOKEN = frozenset({"expired_token", "invalid_token"})
UNAUTHORIZED = frozenset({"NO_AUTH_FOUND", "authorization_error"})
REFUSED_BEFORE_RUNNING = EXPIRED_TOKEN | {"QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT"}

_KINDS: dict[str, type[AjaxError]] = {
    "QUERY_LIMIT_EXCEEDED": RateLimitedError,
    "OVERLOAD_LIMIT": RateLimitedError,
    "OPERATION_TIME_LIMIT": OperatingLimitError,
    "ERROR_METHOD_NOT_FOUND": MethodNotFoundError,
    "METHODNOTFOUNDEXCEPTION": MethodNotFoundError,
    "ACCESS_DENIED": AccessDeniedError,
    "ACCESSDENIEDEXCEPTION": AccessDeniedError,
    "INSUFFICIENTSCOPEEXCEPTION": AccessDeniedError,
    "INVALID_CREDENTIALS": AccessDeniedError,
    "INSUFFICIENT_SCOPE": AccessDeniedError,
    "USER_ACCESS_ERROR": AccessDeniedError,
    "INTERNAL_SERVER_ERROR": ServerError,
    "ERROR_UNEXPECTED_ANSWER": ServerError,
    "PORTAL_DELETED": ServerError,
}
_HINTS: dict[str, str] = {
    "QUERY_LIMIT_EXCEEDED": "other programs use this portal from the same address; try later or with gentle=True",
    "OVERLOAD_LIMIT": "the portal is blocked by hand; Bitrix24 support lifts that",
    "OPERATION_TIME_LIMIT": "the method used up its execution time; try again in ten minutes, or select fewer fields",
    "ERROR_METHOD_NOT_FOUND": "check the spelling, and that the application or webhook has the scope",
    "INSUFFICIENT_SCOPE": "give the application or webhook the missing scope on its card",
    "ACCESS_DENIED": "the user of this token has no right to this, or the portal's plan has no REST API",
    "USER_ACCESS_ERROR": "an administrator has to allow this user to use the application",
    "PORTAL_DELETED": "the portal is closed",
}


def portal_error(method: str, error: Any, description: Any, status: int | None) -> AjaxError:
    """The error that the portal named, in the spelling of REST 2 (text) or REST 3 (an object)."""
    if isinstance(error, dict):
        code = str(error.get("code") or error.get("error") or "ERROR")
        text = str(error.get("message") or error.get("error_description") or "")
        for flaw in error.get("validation") or ():
            text += f"; {flaw.get('field', '')}: {flaw.get('message', '')}" if isinstance(flaw, dict) else f"; {flaw}"
    else:
        code, text = str(error), "" if description is None else str(description)
    short = code.upper().rpartition("EXCEPTION_")[2]
    kind = _KINDS.get(short) or _kind_by_status(status)
    return kind(method, redact(text), code=code, status=status, hint=_HINTS.get(short, ""))


def _kind_by_status(status: int | None) -> type[AjaxError]:
    if status == 403:
        return AccessDeniedError
    if status == 429:
        return OperatingLimitError
    return ServerError if status and status >= 500 else AjaxError
