"""From a refused pair to the next one: another program may have it already; else it is fetched and kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from b24data.auth.store import STORE_FAULT, StoredTokens, TokenStore, check_owner
from b24data.auth.token_server import ask_server, merge_token_reply
from b24data.errors import AuthorizationRequiredError, ExportError, RefreshTokenError, SdkError
from b24data.http.clock import Clock
from b24data.http.session import Poster
from b24data.secret import SecretHolder, hide
from b24data.tokens import B24OAuthParams, B24OAuthSecret

_BROKER_S = 60.0
# After these it is unknown whether the server carried the refresh out.
_UNKNOWN = frozenset({"TIMEOUT", "CONNECTION_LOST", "BAD_REPLY"})


@dataclass(frozen=True, slots=True)
class Renewed:
    """The pair after another. ``adopted``: another program had fetched it; ``trouble``: it could not be kept."""

    stored: StoredTokens
    adopted: bool = False
    trouble: Exception | None = None


class Renewal:
    """How one application gets its next pair. One thread at a time may ask."""

    def __init__(
        self,
        transport: Poster,
        clock: Clock,
        secret: B24OAuthSecret,
        *,
        servers: frozenset[str],
        store: TokenStore | None,
        here: threading.local,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._secret = secret
        self._servers = servers
        self._store = store
        self._here = here
        self._dead = ""  # why the refresh token in memory is dead
        self.custom: Callable[[], Mapping[str, Any]] | None = None

    def renew(self, stored: StoredTokens) -> Renewed:
        """The pair after ``stored``. Raises :class:`RefreshTokenError` if there is none; what was kept stays."""
        if self._store is not None:
            return self._shared(self._store, stored)
        if self._dead and self.custom is None:
            raise _sign_in(self._dead)
        try:
            return Renewed(self._next(stored))
        except AuthorizationRequiredError as error:
            self._dead = error.description
            raise

    def _shared(self, store: TokenStore, stored: StoredTokens) -> Renewed:
        renewed = None
        try:
            with store.lock():
                renewed = self._locked(store, stored)
        except RefreshTokenError as error:
            if renewed is None:
                raise
            return replace(renewed, trouble=error)  # the lock could not be given back
        return renewed

    def _locked(self, store: TokenStore, stored: StoredTokens) -> Renewed:
        kept = store.load() or stored
        check_owner(kept.params, stored.params)
        if kept.generation > stored.generation:
            return Renewed(kept, adopted=True)
        if kept.dead and self.custom is None:
            raise _sign_in(kept.dead)
        # Written before the token is sent: whoever finds it knows that the pair may be dead.
        store.save(replace(stored, refreshing=kept.refreshing or self._clock.time()))
        try:
            new = self._next(stored)
        except AuthorizationRequiredError as error:
            # Also for the next program: a dead token is shown to the server once, never again.
            reason = _lost_at(kept.refreshing) if kept.refreshing else error.description
            store.save(replace(stored, dead=reason))
            raise _sign_in(reason, error) from error
        except RefreshTokenError as error:
            if self.custom is not None or error.code not in _UNKNOWN:
                store.save(stored)
            raise
        try:
            store.save(new)
        except (OSError, ExportError, RefreshTokenError) as error:
            if isinstance(error, RefreshTokenError) and error.code != STORE_FAULT:
                raise  # the user has signed out meanwhile, or in to another application
            return Renewed(new, trouble=error)
        return Renewed(new)

    def _next(self, stored: StoredTokens) -> StoredTokens:
        data = self._ask(stored.params)
        params = merge_token_reply(stored.params, data, self._clock.time(), self._servers)
        return StoredTokens(params, stored.generation + 1)

    def _ask(self, params: B24OAuthParams) -> Mapping[str, Any]:
        if self.custom is not None:
            return _ask_broker(self.custom, self._clock, params, self._here)
        return ask_server(self._transport, self._clock, params, self._secret, self._servers)


def _ask_broker(
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


def _lost_at(begun: float) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(begun))
    return f"a refresh that began at {at} was carried out, but the new tokens were lost"


def _sign_in(reason: str, error: RefreshTokenError | None = None) -> AuthorizationRequiredError:
    return AuthorizationRequiredError(
        reason,
        code=error.code if error else "invalid_grant",
        status=error.status if error else None,
        hint="sign in again to authorize the application",
    )
