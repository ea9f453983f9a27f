"""Asking for a new pair of tokens: the authorization server, or the user's own function. Both bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from b24data.auth.token_server import read_token_reply, token_url
from b24data.errors import AuthorizationRequiredError, BadReplyError, RefreshTokenError, SdkError, TransportError
from b24data.http.clock import Clock
from b24data.http.protocol import Reply
from b24data.http.retry import backoff
from b24data.secret import Secret, SecretHolder, hide
from b24data.tokens import B24OAuthParams, B24OAuthSecret

__all__ = ["FormPoster", "ask_broker", "ask_server"]

_ATTEMPTS = 3
_BROKER_S = 60.0


class FormPoster(Protocol):
    """The part of a transport that a refresh needs."""

    def post_form(self, name: str, url: str, form: Mapping[str, str | Secret[str]]) -> Reply:
        """Send ``form``; raise a :class:`TransportError` if no answer comes."""
        ...


def ask_server(
    transport: FormPoster, clock: Clock, params: B24OAuthParams, secret: B24OAuthSecret, servers: Iterable[str]
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
            return read_token_reply(transport.post_form("oauth/token", url, form))
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
        "a refresh was carried out, but its answer was lost, and the new pair with it",
        code=error.code,
        status=error.status,
        hint=error.advice,
    )


def _unanswered(error: TransportError) -> RefreshTokenError:
    text = f"the authorization server could not be asked: {error.description}"
    if isinstance(error, BadReplyError) and error.body:
        text += f" ({error.body[:80]!r})"
    return RefreshTokenError(text, code=error.code, status=error.status, hint="try again later; the old pair is kept")


def ask_broker(
    fetch: Callable[[], Mapping[str, Any]], clock: Clock, params: B24OAuthParams, here: threading.local
) -> Mapping[str, Any]:
    """What the user's function gives, within a minute; one that hangs is left behind in a daemon thread.

    ``here.broker`` is true in the thread that runs it.
    """
    done = threading.Event()
    box: dict[str, Any] = {}

    def run() -> None:
        here.broker = True
        try:
            box["data"] = hide(fetch())
        except Exception as error:  # noqa: BLE001  raised in the thread that waits
            box["error"] = error
        done.set()

    threading.Thread(target=run, name="b24data-broker", daemon=True).start()
    if not clock.wait(done, _BROKER_S):
        raise RefreshTokenError(f"set_custom_refresh_auth: no answer within {_BROKER_S:.0f} s", code="TIMEOUT")
    if error := box.get("error"):
        if isinstance(error, SdkError):
            raise error
        raise RefreshTokenError(f"set_custom_refresh_auth raised {type(error).__name__}", code="BROKER") from error
    data = box["data"].hidden() if isinstance(box["data"], SecretHolder) else box["data"]
    if not isinstance(data, Mapping):
        raise RefreshTokenError(
            f"set_custom_refresh_auth gave a {type(data).__name__}, not a mapping with the new pair", code="BROKER"
        )
    old = params.secret("access_token")
    if old and old in (data.get("access_token"), data.get("accessToken")):
        raise RefreshTokenError("set_custom_refresh_auth gave the refused access token again", code="BROKER")
    return data
