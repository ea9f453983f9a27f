"""The authorization server: which ones may see our secrets, how one is asked, and how its answers read.

Sources: b24restdocs, settings/oauth/index.md, auto-renewal.md, error-codes.md.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from b24data.errors import (
    AjaxError,
    AuthorizationRequiredError,
    BadReplyError,
    ConfigError,
    RefreshTokenError,
    SdkError,
    TransportError,
)
from b24data.http.clock import Clock
from b24data.http.error_codes import names_error, portal_error
from b24data.http.protocol import Reply
from b24data.http.redirect import is_loopback, origin_of
from b24data.http.retry import backoff
from b24data.http.session import Poster
from b24data.secret import Secret, hide
from b24data.text.redact import redact, without_known
from b24data.tokens import B24OAuthParams, B24OAuthSecret, EnumAppStatus

_SERVERS = frozenset({"oauth.bitrix.info", "oauth.bitrix24.tech"})
_SIGN_IN = "sign in again to authorize the application"
_APPLICATION = "check client_id and client_secret, and that the application is installed on this portal"
_INSTALL = "install the application on this portal, then sign in again"
_SCOPE = "add the missing permissions in the application's settings"
_HINTS = {
    "invalid_client": _APPLICATION,
    "wrong_client": _APPLICATION,
    "unauthorized_client": _APPLICATION,
    "not_installed": _INSTALL,
    "error_oauth": _INSTALL,
    "application_not_found": _INSTALL,
    "application_not_installed": _INSTALL,
    "payment_required": "the paid or trial period of the application has ended; no token is issued until it is renewed",
    "invalid_request": "check that client_id, client_secret and refresh_token are complete, or sign in again",
    "invalid_scope": _SCOPE,
    "insufficient_scope": _SCOPE,
    "access_denied": "an administrator has to allow this user to use the application",
    "user_access_error": "an administrator has to allow this user to use the application",
    "portal_deleted": "the portal is closed; an administrator has to open it",
}
_ATTEMPTS = 3
_OTHER = "try again later; if the error stays, sign in again"
# The server could not carry the request out now: it is asked again as after an HTML page with such a status.
_PASSING = frozenset({429, *range(500, 600)})


def may_see_secrets(server_endpoint: str, more_servers: Iterable[str] = (), *, portal: str = "") -> bool:
    """Whether refresh tokens and the client secret may be sent there.

    Only over https to Bitrix24's own authorization servers or to a host named in ``more_servers``. To this machine
    only where ``portal``, an address that the user gave, is on this machine too: any program here may listen on a port.
    An install event can be forged: what it names as ``server_endpoint`` proves nothing.

    >>> may_see_secrets("https://oauth.bitrix.info/rest/"), may_see_secrets("https://oauth.bitrix.info.evil.example/")
    (True, False)
    >>> may_see_secrets("http://127.0.0.1/rest/"), may_see_secrets("http://127.0.0.1/", portal="http://127.0.0.1/rest/")
    (False, True)
    """
    server, named = origin_of(Secret(server_endpoint)), set(more_servers)
    if is_loopback(server.host):
        near = is_loopback(origin_of(Secret(portal)).host) or server.host in named
        return server.scheme in ("http", "https") and near
    return server.scheme == "https" and server.host in _SERVERS | named


def token_url(server_endpoint: str, more_servers: Iterable[str] = (), *, portal: str = "") -> str:
    """Where tokens are issued; :class:`ConfigError` if our secrets must not be sent there.

    >>> token_url("https://oauth.bitrix.info/rest/")
    'https://oauth.bitrix.info/oauth/token/'
    """
    server = origin_of(Secret(server_endpoint))
    if not may_see_secrets(server_endpoint, more_servers, portal=portal):
        named = server if server.host else "no address"
        raise ConfigError(
            f"server_endpoint names {named}, which is not a known authorization server",
            hint="use https://oauth.bitrix.info/rest/, or name another server in auth_servers",
        )
    return f"{server}/oauth/token/"


def read_token_reply(reply: Reply, sent: Mapping[str, str | Secret[str]] | None = None) -> Mapping[str, Any]:
    """The pair in an answer of the authorization server, in its spelling. An error quotes no secret that was ``sent``.

    Raises :class:`AuthorizationRequiredError` when the refresh token is dead, :class:`RefreshTokenError` for
    every other refusal, :class:`BadReplyError` for anything that is not an answer, and for a refusal with a status
    of 5xx or
    429: the server could not answer now.
    """
    if reply.status == 405:
        raise RefreshTokenError(
            "the authorization server does not accept POST, and b24data never puts a secret into an address",
            code="METHOD_NOT_ALLOWED",
            status=405,
            hint="check server_endpoint: a proxy may intercept it",
        )
    pair = _pair_in(reply, [one.reveal for one in (sent or {}).values() if isinstance(one, Secret)])
    if isinstance(pair, SdkError):
        raise pair
    return pair


def _pair_in(reply: Reply, sent: Iterable[Callable[[], str]]) -> Mapping[str, Any] | SdkError:
    """The fields of a reply, their secrets hidden. An error is given back, so that no traceback has the body in it."""
    try:
        text = reply.text("oauth/token")
    except BadReplyError as error:
        return error.with_traceback(None)
    try:
        data = json.loads(text.decode("utf-8-sig", "replace"))
        hidden = hide(data)
    except (ValueError, RecursionError):
        data = hidden = None
    refused = isinstance(data, dict) and names_error(data.get("error"), data.get("error_description"))
    if not isinstance(data, dict) or not (refused or data.get("access_token")):
        start = str(redact(without_known(text.decode("utf-8", "replace"), sent)[:200])).strip()
        start = start if start.startswith("<") else ""  # a page of a proxy; anything else may be a pair, half of it
        return BadReplyError(
            "oauth/token", "this is not a token reply", code="BAD_REPLY", status=reply.status, body=start
        )
    if refused:
        code, text = (without_known(data.get(name), sent) for name in ("error", "error_description"))
        return _refusal(portal_error("oauth/token", code, text, reply.status))
    return cast("Mapping[str, Any]", hidden)


def _refusal(error: AjaxError) -> SdkError:
    code, text = error.code.lower(), error.description
    if error.status in _PASSING:
        return BadReplyError("oauth/token", text or error.code, code=error.code, status=error.status)
    description = f"the authorization server refused{': ' + text if text else ''}"
    if code == "invalid_grant":
        return AuthorizationRequiredError(description, code=error.code, status=error.status, hint=_SIGN_IN)
    return RefreshTokenError(description, code=error.code, status=error.status, hint=_HINTS.get(code, _OTHER))


def ask_server(
    transport: Poster, clock: Clock, params: B24OAuthParams, secret: B24OAuthSecret, servers: Iterable[str]
) -> Mapping[str, Any]:
    """The authorization server's new pair, in its spelling.

    A server that could not be reached is asked three times. A refresh whose answer was lost is repeated once: the
    server may not have seen it; if it has, the old refresh token is dead and there is no way back.
    """
    if not params.secret("refresh_token"):
        raise AuthorizationRequiredError(
            "the access token has expired and there is no refresh token", hint="sign in again"
        )
    url = token_url(params.server_endpoint, servers, portal=params.client_endpoint)
    form: dict[str, str | Secret[str]] = {
        "grant_type": "refresh_token",
        "client_id": secret.client_id,
        "client_secret": secret.secret("client_secret"),
        "refresh_token": params.secret("refresh_token"),
    }
    attempt, lost = 1, False
    while True:
        try:
            return read_token_reply(transport.post_form("oauth/token", url, form), form)
        except TransportError as error:
            failure = error
        except AuthorizationRequiredError as error:
            if not lost:
                raise
            raise _dead_after_loss(error) from error
        sent = failure.code != "NOT_CONNECTED"
        if (sent and lost) or attempt >= _ATTEMPTS or failure.code == "CERTIFICATE":
            raise _unanswered(failure) from failure
        lost = lost or sent
        clock.wait(threading.Event(), backoff(attempt, 1.0, 1.0))
        attempt += 1


def _dead_after_loss(error: AuthorizationRequiredError) -> AuthorizationRequiredError:
    return AuthorizationRequiredError(
        "the tokens were refreshed, but the answer with the new pair was lost",
        code=error.code,
        status=error.status,
        hint=error.advice,
    )


def _unanswered(error: TransportError) -> RefreshTokenError:
    text = f"the authorization server could not be reached: {error.description}"
    if isinstance(error, BadReplyError) and error.body:
        text += f" ({error.body[:80]!r})"
    return RefreshTokenError(
        text, code=error.code, status=error.status, hint="try again later; b24data keeps the old pair"
    )


def merge_token_reply(
    current: B24OAuthParams, data: Mapping[str, Any], now: float, more_servers: Iterable[str] = ()
) -> B24OAuthParams:
    """``current`` with what a token reply brought; ``now`` is unix seconds.

    ``data`` may be in any spelling that :meth:`B24OAuthParams.of` takes. A foreign authorization server in it is
    ignored, and so is a program of this machine; ``http://`` becomes ``https://``. The pair of another portal raises
    :class:`RefreshTokenError`.
    """
    kept = {**current.hidden(), "access_token": "", "expires": 0}
    brought = {key: value for key, value in data.items() if value is not None}
    if not (isinstance(brought.get("status", "F"), str) and brought.get("status", "F") in set(EnumAppStatus)):
        del brought["status"]
    try:
        merged = B24OAuthParams.of({**kept, **brought})
    except ConfigError as error:
        raise RefreshTokenError(f"the new pair is invalid: {error.description}", code="BAD_REPLY") from error
    if not merged.secret("access_token"):
        raise RefreshTokenError("the new pair has no access token", code="BAD_REPLY")
    if current.member_id and merged.member_id and current.member_id != merged.member_id:
        raise RefreshTokenError(
            f"the new pair belongs to another portal ({merged.domain})", code="OTHER_PORTAL", hint=_SIGN_IN
        )
    return merged.replace(
        server_endpoint=_server_after(current, merged.server_endpoint, more_servers),
        client_endpoint=_portal_after(current, merged.client_endpoint),
        user_id=merged.user_id or current.user_id,
        member_id=merged.member_id or current.member_id,
        expires=merged.expires or int(now) + merged.expires_in,
    )


def _server_after(current: B24OAuthParams, named: str, more_servers: Iterable[str]) -> str:
    """The server for later refreshes: the one that a reply names, if secrets may go there."""
    before, after = origin_of(Secret(current.server_endpoint)), origin_of(Secret(named))
    if is_loopback(after.host) and after != before:
        return current.server_endpoint
    return named if may_see_secrets(named, more_servers, portal=current.client_endpoint) else current.server_endpoint


def _portal_after(current: B24OAuthParams, named: str) -> str:
    """The REST root for later calls. In the documentation of before 2026 a portal names its own with ``http://``."""
    after = origin_of(Secret(named))
    if is_loopback(after.host):
        return named if is_loopback(origin_of(Secret(current.client_endpoint)).host) else current.client_endpoint
    return f"https://{named.partition('://')[2]}"
