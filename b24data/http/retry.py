"""What to do about a failed attempt. Pure: an error and the circumstances in, an action out."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from b24data.errors import (
    AjaxError,
    BadReplyError,
    OperatingLimitError,
    RateLimitedError,
    RequestTimeoutError,
    SdkError,
    ServerError,
    TransportError,
)
from b24data.http.error_codes import EXPIRED_TOKEN
from b24data.params import RestrictionParams

_HOPELESS = frozenset({"OVERLOAD_LIMIT", "PORTAL_DELETED", "CERTIFICATE", "TOO_LARGE", "TOO_DEEP"})
# HTML with a good status, and never yet an answer: a wrong address more often than a passing trouble.
_HTML_ATTEMPTS = 3
# Statuses below 500 that may pass; any other says that the request itself is refused, by whoever answers.
_PASSING = frozenset({408, 421, 425, 429})
_UNAUTHORIZED = 401
_LONGEST_S = 30.0


class Verdict(enum.Enum):
    """The three ways on from a failed attempt."""

    RAISE = enum.auto()
    REFRESH = enum.auto()  # fetch a new token, then repeat
    REPEAT = enum.auto()


@dataclass(frozen=True, slots=True)
class Action:
    """What to do next; ``seconds`` to wait first. Waits for a limit are the limits' own affair and not in it."""

    verdict: Verdict
    seconds: float = 0.0


_RAISE = Action(Verdict.RAISE)


def decide(
    error: SdkError,
    *,
    attempt: int,
    attempts: int,
    reads: bool,
    policy: RestrictionParams,
    jitter: float,
    known: bool = False,
    renews: bool = False,
) -> Action:
    """What to do after ``error`` ended attempt number ``attempt`` (from 1) of ``attempts``.

    An answer that says "not executed" is repeated for every method. What may have been executed (a timeout, a
    reset, a 5xx, a broken answer) is repeated only if the call ``reads``: a write is never sent twice.
    ``jitter`` is a random number from 0 to 1; ``known`` says that this portal has answered us before,
    ``renews`` that the call is signed by tokens that die.

    >>> lost = TransportError("crm.deal.add", "connection reset", code="CONNECTION_LOST")
    >>> decide(lost, attempt=1, attempts=3, reads=False, policy=RestrictionParams(), jitter=0.5).verdict
    <Verdict.RAISE: 1>
    """
    if isinstance(error, AjaxError) and error.code in EXPIRED_TOKEN:
        return Action(Verdict.REFRESH)
    final = _HOPELESS.union(policy.hard_error_codes, policy.soft_error_codes)
    if attempt >= attempts or error.code in final:
        return _RAISE
    if isinstance(error, RateLimitedError | OperatingLimitError):
        return Action(Verdict.REPEAT)
    wait = Action(Verdict.REPEAT, backoff(attempt, policy.retry_delay_s, jitter))
    if isinstance(error, TransportError) and error.code == "NOT_CONNECTED":
        return wait if policy.retry_on_network_error else _RAISE
    return wait if reads and _may_pass(error, attempt, policy, known=known, renews=renews) else _RAISE


def _may_pass(error: SdkError, attempt: int, policy: RestrictionParams, *, known: bool, renews: bool) -> bool:
    if isinstance(error, BadReplyError):
        status = error.status or 0
        if status == _UNAUTHORIZED and renews and known:  # its own "expired_token", spoiled on the way, comes again
            return True
        if 400 <= status < 500 and status not in _PASSING:
            return False
        settled = status < 500 and error.body.startswith("<")
        return attempt < _HTML_ATTEMPTS if settled and not known else True
    if isinstance(error, RequestTimeoutError | TransportError):
        return policy.retry_on_network_error
    return isinstance(error, ServerError) or (error.status == 408 and bool(error.code))


def backoff(attempt: int, base_s: float, jitter: float) -> float:
    """Seconds before the next attempt: doubling, between half and all of it, 30 s at most.

    >>> [backoff(attempt, 1.0, 1.0) for attempt in (1, 2, 3, 9)]
    [1.0, 2.0, 4.0, 30.0]
    """
    return float(min(_LONGEST_S, base_s * 2 ** (attempt - 1)) * (0.5 + jitter / 2))


# How the last word of a reading method begins, or the whole of it, as the documentation names its methods.
_READING = re.compile(
    r"(get|list|find|search|count|fields?$|types?$|tail$|aggregate$|info$|current$|profile$|scope$|methods$|time$)"
)
_NAME = re.compile(r"[a-z]\w*(\.\w+)*", re.ASCII)
# A partner's method may read and write: thing.getOrCreate, thing.listAndClear.
_CHANGING = re.compile(
    r"(and|or)_?(add|clear|close|confirm|create|delete|drop|lock|mark|remove|reset|send|set|start|update)"
)
# These are called like reads and change something: im.v2.Event.get confirms what it gave and event.offline.get clears
# it, im.notify.read.list marks as read, disk.storage.getForApp makes a storage, getExternalLink publishes a file.
_DROPPING = frozenset(
    {
        *(
            "event.offline.get",
            "im.v2.event.get",
            "imbot.v2.event.get",
            "im.notify.read.list",
            "disk.storage.getforapp",
        ),
        *("disk.file.getexternallink", "disk.folder.getexternallink"),
    }
)


def is_read(method: str) -> bool:
    """Whether calling ``method`` twice does no harm, by its name. Unknown names count as writes.

    >>> is_read("crm.deal.list"), is_read("crm.deal.add"), is_read("event.offline.get")
    (True, False, False)
    """
    name = method.lower()
    last = name.rpartition(".")[2]
    if not _NAME.fullmatch(name) or name in _DROPPING or _CHANGING.search(last):
        return False
    return _READING.match(last) is not None
