"""From a refused pair to the next one: another program may have it already; else it is fetched and kept."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from b24data.auth.refresh import FormPoster, ask_broker, ask_server
from b24data.auth.store import StoredTokens, TokenStore, check_owner
from b24data.auth.token_server import merge_token_reply
from b24data.errors import AuthorizationRequiredError, ExportError, RefreshTokenError
from b24data.http.clock import Clock
from b24data.tokens import B24OAuthParams, B24OAuthSecret

__all__ = ["Following", "Renewal"]

# After these nobody knows whether the server carried the refresh out.
_UNKNOWN = frozenset({"TIMEOUT", "CONNECTION_LOST", "BAD_REPLY"})


@dataclass(frozen=True, slots=True)
class Following:
    """The pair after another. ``adopted``: another program had fetched it; ``trouble``: it could not be kept."""

    stored: StoredTokens
    adopted: bool = False
    trouble: Exception | None = None


class Renewal:
    """How one application gets its next pair. One thread at a time may ask."""

    def __init__(
        self,
        transport: FormPoster,
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

    def following(self, stored: StoredTokens) -> Following:
        """The pair after ``stored``. Raises :class:`RefreshTokenError` if there is none; what was kept stays."""
        if self._store is not None:
            return self._shared(self._store, stored)
        if self._dead and self.custom is None:
            raise _sign_in(self._dead)
        try:
            return Following(self._next(stored))
        except AuthorizationRequiredError as error:
            self._dead = error.description
            raise

    def _shared(self, store: TokenStore, stored: StoredTokens) -> Following:
        with store.lock():
            kept = store.load() or stored
            check_owner(kept.params, stored.params)
            if kept.generation > stored.generation:
                return Following(kept, adopted=True)
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
            except (OSError, ExportError) as error:
                logging.getLogger("b24data").exception("new tokens could not be written")
                return Following(new, trouble=error)
            return Following(new)

    def _next(self, stored: StoredTokens) -> StoredTokens:
        data = self._ask(stored.params)
        params = merge_token_reply(stored.params, data, self._clock.time(), self._servers)
        return StoredTokens(params, stored.generation + 1)

    def _ask(self, params: B24OAuthParams) -> Mapping[str, Any]:
        if self.custom is not None:
            return ask_broker(self.custom, self._clock, params, self._here)
        return ask_server(self._transport, self._clock, params, self._secret, self._servers)


def _lost_at(begun: float) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(begun))
    return f"a refresh that began at {at} was carried out, but the new tokens were lost"


def _sign_in(reason: str, error: RefreshTokenError | None = None) -> AuthorizationRequiredError:
    return AuthorizationRequiredError(
        reason,
        code=error.code if error else "invalid_grant",
        status=error.status if error else None,
        hint="sign in again: the application has to be authorized anew",
    )
