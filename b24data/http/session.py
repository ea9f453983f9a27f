"""The one attempt loop: wait, sign, send, read, then return, refresh, retry or raise."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from b24data.errors import (
    AjaxError,
    AuthorizationRequiredError,
    OperatingLimitError,
    RateLimitedError,
    SdkError,
    TransportError,
)
from b24data.http.clock import SYSTEM_CLOCK, Clock
from b24data.http.context import CallContext, Wait
from b24data.http.credentials import Credentials, Grant
from b24data.http.encode import Command, encode_batch
from b24data.http.error_codes import wants_sign_in
from b24data.http.limits import Limits, Observation, Reservation
from b24data.http.log_filter import tell
from b24data.http.protocol import Reply, Response, read_batch, read_batch_times, read_reply
from b24data.http.redirect import moved_endpoint
from b24data.http.request import Request
from b24data.http.retry import Verdict, decide
from b24data.http.stats import CallStats
from b24data.params import ApiVersion, RestrictionParams
from b24data.secret import Secret, stays_here
from b24data.text.raised import in_one_line
from b24data.text.redact import redact

_MOST_HOPS = 5
_USED_UP = "OPERATION_TIME_LIMIT"
_LONG_S = 5.0
_MOST_REFRESHES = 100  # many threads may use up a short-lived pair before this call gets to it


class Poster(Protocol):
    """What a transport does for sessions, refreshes and sign-ins."""

    def post(
        self, name: str, url: str | Secret[str], body: bytes | Secret[bytes], headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send ``body`` as JSON; raise a :class:`TransportError` if no answer comes."""

    def post_form(self, name: str, url: str | Secret[str], form: Mapping[str, str | Secret[str]]) -> Reply:
        """Send ``form`` to an authorization server, with patience for a short answer."""

    def interrupt(self) -> None:
        """Wake every thread that waits for an answer."""

    def close(self) -> None:
        """Close all connections."""


@dataclass(frozen=True, slots=True)
class _Moved:
    location: Secret[str]


class Session:
    """Calls one portal as one application or webhook, within its limits. Any thread may use it.

    It waits for the limits, adds the token, sends, and then returns the answer, refreshes the token, tries again,
    or raises. Nothing else in the package does any of that.
    """

    def __init__(
        self,
        credentials: Credentials,
        transport: Poster,
        params: RestrictionParams | None = None,
        *,
        version: ApiVersion = ApiVersion.V2,
        clock: Clock = SYSTEM_CLOCK,
        logger: logging.Logger | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.credentials = credentials
        self.version = version
        self.logger = logger or logging.getLogger("b24data")
        self._transport = transport
        self.clock = clock
        self._jitter = jitter
        self._stats = CallStats()
        self._known = False  # whether this portal has ever answered us
        self._lock = threading.Lock()
        self._halted = False
        self._under_way: weakref.WeakValueDictionary[int, CallContext] = weakref.WeakValueDictionary()
        self.set_restrictions(params or RestrictionParams())

    __reduce__ = stays_here

    def __repr__(self) -> str:
        return f"Session(portal={self.portal!r}, version={self.version.value!r})"

    @property
    def portal(self) -> str:
        """The portal's host, with its port if it has one."""
        return self.credentials.portal

    @property
    def caller(self) -> str:
        """The portal and the user, whose rights decide what a list holds; no secret."""
        return self.credentials.caller

    def set_restrictions(self, params: RestrictionParams) -> None:
        """Change limits and patience of every later call."""
        self.params = params
        # A clock of one's own has nothing in common with those of other programs.
        shared = self.clock is SYSTEM_CLOCK
        self._limits = Limits(self.portal, self.credentials.application, params, shared=shared)

    def call(
        self,
        method: str,
        params: Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        request_id: str | None = None,
        context: CallContext | None = None,
        reads: bool | None = None,
        attempts: int | None = None,
        remaining_commands: int | None = None,
        idempotency_key: str = "",
    ) -> Response:
        """Call ``method`` and return its answer.

        ``reads`` says whether the call may be repeated after an answer was lost; by default its name tells.
        ``attempts`` bounds the tries of this one request, whatever its context says. ``remaining_commands`` is how
        many commands a walk still expects to send; while they fit into the method's execution time nothing is slowed
        down. ``idempotency_key`` makes REST 3 carry out a write once, however often it is sent (b24restdocs,
        api-reference/rest-v3.md); without one, a write gets a key of its own.
        Raises :class:`AjaxError` if the portal answered with an error, :class:`TransportError` if no usable answer
        came after all attempts, :class:`RefreshTokenError` if there is no token to call with.
        """
        context = context or CallContext(attempts=max(1, self.params.max_retries))
        with self._lock:
            self._under_way[id(context)] = context
            if self._halted:
                context.cancel.set()
        request = Request.of(
            method,
            params,
            self.version,
            reads=reads,
            request_id=request_id or context.request_id,
            idempotency_key=idempotency_key,
        )
        started = self.clock.monotonic()
        attempt, refusals, refreshes, hops = 1, 0, 0, 0
        moved_to: Secret[str] | None = None
        while True:
            reservation, seen = self._reserve(request, context, remaining_commands), Observation()
            try:
                grant = self.credentials.grant(context)
                endpoint = moved_to or grant.endpoint
                outcome = self._send(request, grant, endpoint, context)
                seen = _observed(request, outcome)
            finally:
                settled = self._limits.settle(reservation, seen, self.clock.monotonic())
                self._stats.heavy(settled.heavy)
            seconds = self.clock.monotonic() - started
            if isinstance(outcome, Response):
                self._succeeded(request, seconds, moved_to)
                return outcome
            if isinstance(outcome, _Moved):
                hops += 1
                moved_to = moved_endpoint(request.method, endpoint, outcome.location)
                if hops > _MOST_HOPS:
                    raise _in_circles(request.method, outcome)
                continue

            outcome.attempts, outcome.seconds, outcome.request_id = attempt, seconds, request.request_id
            if isinstance(outcome, OperatingLimitError):
                outcome.reset_at = self.clock.time() + settled.blocked_s
            action = decide(
                outcome,
                attempt=attempt,
                attempts=attempts or context.attempts,
                reads=request.reads,
                policy=self.params,
                jitter=self._jitter(),
                known=self._known,
                renews=self.credentials.max_refusals > 1,
            )
            self._stats.failed(request.method, seconds, again=action.verdict is not Verdict.RAISE)
            if action.verdict is Verdict.RAISE:
                if wants_sign_in(outcome):
                    raise _unauthorized(outcome) from outcome
                raise outcome
            if action.verdict is Verdict.REFRESH:
                refreshes += 1
                refusals += not self.credentials.maybe_valid(grant)
                if refusals >= self.credentials.max_refusals or refreshes > _MOST_REFRESHES:
                    raise _unauthorized(outcome) from outcome
                self.credentials.renew(grant, context)
                continue
            attempt += 1
            context.retried()
            tell(self.logger, logging.INFO, "%s; attempt %d follows", outcome, attempt)
            self._wait("retry", action.seconds, request, context, cause=f"retry after {outcome.code or 'an error'}")

    def batch(
        self,
        commands: Sequence[Command],
        *,
        halt: bool = False,
        request_id: str | None = None,
        context: CallContext | None = None,
    ) -> list[Response | AjaxError]:
        """Up to 50 commands in one request; what each brought, by position. A failed command raises nothing."""
        response = self.call("batch", encode_batch(commands, halt), request_id=request_id, context=context)
        return read_batch(response, commands)

    def get_stats(self) -> dict[str, Any]:
        """What this session has met, in the figures of the JS SDK, and what the limits of its portal look like.

        ``tokens`` is how many requests may go at once, ``operating_stats`` has seconds of execution time by method.
        """
        now = self.clock.monotonic()
        used = self._limits.used(self._stats.commands, now)
        return {**self._stats.as_dict(), "tokens": self._limits.free(now), "operating_stats": used}

    def interrupt(self) -> None:
        """Wake every reader by shutting its socket down; the next call opens a new one."""
        self._transport.interrupt()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Inside, every walk and call ends at once, also one that waits for a limit, and none begins."""
        with self._lock:
            self._halted = True
            under_way = list(self._under_way.values())
        for context in under_way:
            context.cancel.set()
        self.interrupt()
        try:
            yield
        finally:
            self._halted = False

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _reserve(self, request: Request, context: CallContext, remaining: int | None) -> Reservation:
        """Wait until the limits let this request go; once, also to slow down."""
        context.done_reading()  # an answer before: those who wait to read hold places that this call may wait for
        first = True
        while True:
            context.check()
            now = self.clock.monotonic()
            reservation = self._limits.reserve(
                request.commands, now, gentle=context.gentle, slow_down=first, remaining=remaining
            )
            if reservation.seconds <= 0:
                return reservation
            if reservation.slowed_down:
                self._stats.slowed(reservation.seconds)
            first = False
            self._wait(reservation.reason, reservation.seconds, request, context)

    def _send(
        self, request: Request, grant: Grant, endpoint: Secret[str], context: CallContext
    ) -> Response | _Moved | AjaxError | TransportError:
        """Send once. What went wrong is returned, for the loop to decide."""
        accepted = False
        try:
            context.check()
            context.sent(sum(request.commands.values()))
            if self.logger.isEnabledFor(logging.DEBUG):
                tell(self.logger, logging.DEBUG, "%s [%s] %s", request.method, request.request_id, request.shown)
            url, body = request.url(endpoint), request.body(grant.token)
            reply = self._transport.post(request.method, url, body, request.headers)
            answered = (request.method, request.request_id, reply.status, reply.elapsed)
            tell(self.logger, logging.DEBUG, "%s [%s] %d in %.3f s", *answered)
            if 300 <= reply.status < 400 and reply.headers.get("location"):
                return _Moved(Secret(reply.headers["location"]))
            response = context.read(read_reply, request.method, reply, request.version)
            accepted = True
        except AjaxError as error:
            accepted = error.status != 401
            context.done_reading()
            return error
        except TransportError as error:
            context.done_reading()
            context.check()  # a connection that interrupt() shut down is expected
            return error
        finally:
            self.credentials.release(grant, accepted=accepted)
        context.received(response.time)
        return response

    def _succeeded(self, request: Request, seconds: float, moved_to: Secret[str] | None) -> None:
        self._known = True
        self._stats.succeeded(request.method, request.commands, seconds)
        if moved_to is not None:
            self.credentials.moved(moved_to)

    def _wait(self, reason: str, seconds: float, request: Request, context: CallContext, *, cause: str = "") -> None:
        if seconds <= 0:
            return
        self._stats.waited(reason)
        why, until = cause or reason, self.clock.time() + seconds
        context.waits(Wait(reason, seconds, until, request.method, self.portal, why))
        # A walk shows its waits; a single call that seems to hang says why.
        loud = seconds >= _LONG_S and context.on_wait is None
        level = logging.WARNING if loud else logging.DEBUG
        tell(self.logger, level, "%s: waiting %.1f s for %s (%s)", request.method, seconds, self.portal, why)
        try:
            self.clock.wait(context.cancel, seconds)
        except KeyboardInterrupt as error:
            in_one_line(error)
            raise
        context.check()


def _observed(request: Request, outcome: Response | _Moved | SdkError) -> Observation:
    """What an answer says about the limits."""
    if isinstance(outcome, RateLimitedError):
        return Observation(crowded=True)
    if isinstance(outcome, OperatingLimitError):
        return Observation(used_up=[*request.commands])
    if not isinstance(outcome, Response):
        return Observation()
    if not request.keys:
        return Observation([(request.method, outcome.time)])
    times, errors = read_batch_times(outcome)
    return Observation(
        [(request.keys[key], time) for key, time in times.items() if key in request.keys],
        [request.keys[key] for key, error in errors.items() if key in request.keys and _USED_UP in str(error)],
    )


def _in_circles(method: str, last: _Moved) -> TransportError:
    return TransportError(
        method,
        f"the portal redirects in circles, last to {redact(last.location)}",
        code="FOREIGN_REDIRECT",
        hint="check the portal's address; its REST API may be closed, or it may be moving right now",
    )


def _unauthorized(error: SdkError) -> AuthorizationRequiredError:
    return AuthorizationRequiredError(
        f"the portal rejects the authorization: {error.description}",
        code=error.code,
        status=error.status,
        hint="sign in again, or create a new webhook",
    )
