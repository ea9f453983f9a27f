"""An OAuth token pair that is kept alive: one refresh at a time, for any number of threads."""

from __future__ import annotations

import copy
import inspect
import logging
import os
import threading
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from b24data.auth.admin import Admin
from b24data.auth.renewal import Renewal
from b24data.auth.store import DocumentStore, ForeignStore, StoredTokens, TokenStore, first_of
from b24data.auth.token_server import token_url
from b24data.errors import ConfigError, SdkError
from b24data.http.clock import SYSTEM_CLOCK, Clock
from b24data.http.context import CallContext
from b24data.http.credentials import Grant, check_endpoint
from b24data.http.session import Poster
from b24data.secret import Secret, stays_here
from b24data.text.redact import masked
from b24data.tokens import AuthData, B24OAuthParams, B24OAuthSecret

RefreshCallback = Callable[..., object]
"""``callback(*, auth_data: AuthData, b24_oauth_params: B24OAuthParams)``"""


@dataclass(eq=False)
class _Pair:
    """A pair of tokens as this process knows it. ``dies_at`` is monotonic, from its receipt; None = unknown.

    ``moved_to`` is where the portal has sent us; it is not kept with the pair.
    """

    stored: StoredTokens
    dies_at: float | None
    adopted: bool = False
    in_flight: int = 0
    accepted: bool = False
    moved_to: str = ""

    @property
    def params(self) -> B24OAuthParams:
        params = self.stored.params
        if not self.moved_to:
            return params
        return params.replace(client_endpoint=self.moved_to, domain=urlsplit(self.moved_to).netloc)


@dataclass(eq=False)
class _Refresh:
    """One running refresh, which everyone who needs a new pair waits for."""

    published: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None
    trouble: Exception | None = None
    adopted: bool = False


class OAuth(Admin):
    """The credentials of an application: ``b24.auth``.

    A refresh runs in a thread of its own that an interrupt can't stop half-way, and everyone who needs a new
    pair waits for the same one. The new pair is published, then handed to the callback.
    """

    def __init__(
        self,
        params: B24OAuthParams,
        secret: B24OAuthSecret,
        transport: Poster,
        *,
        clock: Clock = SYSTEM_CLOCK,
        auth_servers: Iterable[str] = (),
        store: TokenStore | None = None,
    ) -> None:
        self._application = secret.client_id
        self._pair = _Pair(StoredTokens(params), None)
        servers = frozenset(auth_servers)
        check_endpoint(params.client_endpoint)
        token_url(params.server_endpoint, servers, portal=params.client_endpoint)
        self._clock = clock
        if store is not None and not isinstance(store, DocumentStore):
            store = ForeignStore(store)
        self._store = store
        self._here = threading.local()  # .broker, .callback: set in the threads that run the user's functions
        self._renewal = Renewal(transport, clock, secret, servers=servers, store=store, here=self._here)
        first = StoredTokens(params) if store is None else first_of(store, params)
        self._pair = _Pair(first, self._dies_at(first.params))
        self._callback: RefreshCallback | None = None
        self._told: deque[B24OAuthParams] = deque()
        self._reset_locks()
        _ALIVE.add(self)
        self.logger = logging.getLogger("b24data")
        self.last_callback_error: Exception | None = None

    def _reset_locks(self) -> None:
        """Also after a fork: the thread that held a lock, or refreshed, is not in the child."""
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._refresh: _Refresh | None = None

    __reduce__ = stays_here

    def __repr__(self) -> str:
        return f"OAuth(portal={self.portal!r}, user_id={self.params.user_id}, application={self.application!r})"

    @property
    def params(self) -> B24OAuthParams:
        """The current pair and where it belongs."""
        return self._pair.params

    @property
    def portal(self) -> str:
        """The portal's host, with its port if it has one."""
        return urlsplit(self.params.client_endpoint).netloc

    @property
    def member_id(self) -> str:
        """The portal's id, which stays when its address changes."""
        return self.params.member_id

    @property
    def user_id(self) -> int:
        """The user who signed in; 0 if the pair does not say."""
        return self.params.user_id

    @property
    def application(self) -> str:
        """The application's ``client_id``."""
        return self._application

    @property
    def caller(self) -> str:
        """The portal and the user."""
        return f"{self.member_id or self.portal} user {self.params.user_id}"

    def get_auth_data(self) -> AuthData | None:
        """The current pair, or None if it is known to have expired; the next call renews it then. Never a request."""
        pair = self._pair
        return None if self._is_over(pair) else _auth_data(pair.params)

    def refresh_auth(self) -> AuthData:
        """Get a new pair now. Raises :class:`RefreshTokenError` if that fails; the old pair is not lost then."""
        self._renew(self._pair, None)
        return _auth_data(self.params)

    def get_uniq(self, prefix: str) -> str:
        """``prefix`` and the portal's id: a name that is unique among portals."""
        return f"{prefix}_{self.member_id}"

    def set_callback(self, callback: RefreshCallback | None) -> None:
        """Call ``callback(auth_data=..., b24_oauth_params=...)`` after each refresh; None: no more."""
        _refuse_coroutine(callback)
        self._callback = callback

    def set_custom(self, fetch: Callable[[], Mapping[str, Any]] | None) -> None:
        """Get new pairs from ``fetch()`` and not from the authorization server; None: from the server again."""
        _refuse_coroutine(fetch)
        self._renewal.custom = fetch

    # What a session needs.

    @property
    def max_refusals(self) -> int:
        """Two; more where other programs share the pair, since they may use it up unseen."""
        return 2 if self._store is None else 6

    def grant(self, context: CallContext) -> Grant:
        """The current token; renewed first if it is known to have expired."""
        if getattr(self._here, "broker", False):
            raise SdkError(
                "the function that fetches new tokens called the client that waits for it",
                hint="use another client, or plain HTTP, in set_custom_refresh_auth",
            )
        pair = self._pair
        if not pair.params.secret("access_token") or (self._is_over(pair) and self._can_renew()):
            self._renew(pair, context)
        with self._lock:
            pair = self._pair
            pair.in_flight += 1
        return Grant(Secret(pair.params.client_endpoint), pair.params.secret("access_token"), pair)

    def release(self, grant: Grant, *, accepted: bool) -> None:
        """The request of this grant is over."""
        pair = cast("_Pair", grant.pair)
        with self._lock:
            pair.in_flight -= 1
            pair.accepted = pair.accepted or accepted

    def maybe_valid(self, grant: Grant) -> bool:
        """Whether another request had, or may still get, this refused pair accepted: others used it up then."""
        pair = cast("_Pair", grant.pair)
        with self._lock:
            return pair.accepted or pair.adopted or pair.in_flight > 0

    def renew(self, grant: Grant, context: CallContext) -> None:
        """The portal refused this grant's token: get a new pair, unless it has been replaced already."""
        self._renew(cast("_Pair", grant.pair), context)

    def moved(self, endpoint: Secret[str]) -> None:
        """The portal accepted our token at this address, to which it had sent us; a stranger can't.

        That is enough for this client. What is kept for later runs is the address in the next token reply, which names
        its ``member_id``: an answer of the REST API doesn't.
        """
        with self._lock:
            self._pair.moved_to = endpoint.reveal()

    # The refresh.

    def _renew(self, pair: _Pair, context: CallContext | None) -> None:
        with self._lock:
            if self._pair is not pair:
                return
            refresh, mine = self._refresh, self._refresh is None
            if refresh is None:
                refresh = self._refresh = _Refresh()
        if mine:
            # Not a daemon: an interpreter that ends while a pair is on its way would lose it.
            threading.Thread(target=self._run, args=(refresh, pair), name="b24data-refresh").start()
        refresh.published.wait()
        if refresh.error is not None:
            raise copy.copy(refresh.error) from refresh.error
        if mine and context is not None and not refresh.adopted:
            context.refreshed()
        if mine and not getattr(self._here, "callback", False):
            refresh.finished.wait()
            if refresh.trouble is not None:
                warnings.warn(masked(f"new tokens could not be saved: {refresh.trouble!r}"), stacklevel=2)

    def _run(self, refresh: _Refresh, pair: _Pair) -> None:
        try:
            renewed = self._renewal.renew(pair.stored)
        except Exception as error:  # noqa: BLE001  handed to everyone who waits
            with self._lock:
                self._refresh, refresh.error = None, error
        else:
            stored = renewed.stored
            dies_at = self._dies_at(stored.params)
            if not renewed.adopted:
                dies_at = self._clock.monotonic() + stored.params.expires_in
            with self._lock:
                known = stored.params.client_endpoint == pair.stored.params.client_endpoint
                self._pair = _Pair(stored, dies_at, renewed.adopted, moved_to=pair.moved_to if known else "")
                self._refresh = None
                if not renewed.adopted:
                    self._told.append(stored.params)
            refresh.adopted, refresh.trouble = renewed.adopted, renewed.trouble
        refresh.published.set()
        try:
            if refresh.trouble is not None:
                self.logger.error("new tokens could not be written", exc_info=refresh.trouble)
            refresh.trouble = self._tell() or refresh.trouble
        finally:
            refresh.finished.set()

    def _tell(self) -> Exception | None:
        """Hand new pairs to the callback, one at a time and in their order, outside the lock of the pair."""
        failure: Exception | None = None
        with self._telling:
            while self._told:
                params, callback = self._told.popleft(), self._callback
                if callback is None:
                    continue
                self._here.callback = True
                try:
                    callback(auth_data=_auth_data(params), b24_oauth_params=params)
                except Exception as error:
                    self.last_callback_error = failure = error
                    self.logger.exception("the callback after a token refresh failed")
        return failure

    def _dies_at(self, params: B24OAuthParams) -> float | None:
        if not params.expires:
            return None
        return self._clock.monotonic() + params.expires - self._clock.time()

    def _is_over(self, pair: _Pair) -> bool:
        return pair.dies_at is not None and self._clock.monotonic() >= pair.dies_at

    def _can_renew(self) -> bool:
        return self._renewal.custom is not None or bool(self.params.secret("refresh_token"))


def _auth_data(params: B24OAuthParams) -> AuthData:
    return AuthData(
        access_token=params.secret("access_token"),
        refresh_token=params.secret("refresh_token"),
        expires=params.expires,
        expires_in=params.expires_in,
        domain=params.domain,
        member_id=params.member_id,
    )


def _refuse_coroutine(function: Callable[..., object] | None) -> None:
    if inspect.iscoroutinefunction(function):
        raise ConfigError("a coroutine function cannot be called here", hint="give a plain function")


_ALIVE: weakref.WeakSet[OAuth] = weakref.WeakSet()


def _after_fork() -> None:
    for auth in list(_ALIVE):
        auth._reset_locks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
