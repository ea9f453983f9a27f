"""How a call ended at one portal, in a word that says who has to do something. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from b24data.errors import (
    IncompleteFetchError,
    RefreshTokenError,
    SdkError,
    TransportError,
)
from b24data.http.error_codes import is_unpaid
from b24data.text.hints import Face, sign_in, spelled

State = Literal["ok", "partial", "sign in again", "payment required", "blocked", "unreachable", "failed"]

# b24restdocs, _includes/system-errors.md: the portal is blocked by hand, or closed.
_BLOCKED = frozenset({"OVERLOAD_LIMIT", "PORTAL_DELETED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalOutcome:
    """How a call ended at one portal; ``portal`` is the name of its profile.

    ``state`` is ``ok``; ``partial`` where a part of a list came and ``partial=True`` keeps it; ``sign in again``,
    ``payment required``, ``blocked`` or ``unreachable``; ``failed`` for everything else. ``rows`` are in the result.
    """

    portal: str
    state: State
    rows: int = 0
    seconds: float = 0.0
    message: str = ""

    def __str__(self) -> str:
        text = f"{self.portal}: {self.state}, {self.rows:,} rows, {self.seconds:.1f} s"
        return f"{text}: {self.message}" if self.message else text


def outcome_of(portal: str, error: BaseException, seconds: float, face: Face = Face.PYTHON) -> PortalOutcome:
    """The outcome of a call that failed, with what to type in ``face``.

    >>> error = TransportError("crm.deal.list", "no connection", code="NOT_CONNECTED")
    >>> str(outcome_of("acme", error, 1.5))
    'acme: unreachable, 0 rows, 1.5 s: crm.deal.list: NOT_CONNECTED: no connection'
    """
    state = _state_of(error)
    message = error.spelled(face) if isinstance(error, SdkError) else f"{type(error).__name__}: {error}"
    if state == "sign in again" and isinstance(error, SdkError):
        message = f"{error.summary.rstrip('.')}. Hint: {spelled(sign_in(portal), face)}."
    rows = error.report.rows if isinstance(error, IncompleteFetchError) and error.report else 0
    if rows:
        message = f"{message.rstrip('.')}; {rows:,} rows had come and are not in the result"
    return PortalOutcome(portal=portal, state=state, seconds=seconds, message=" ".join(message.split()))


def _state_of(error: BaseException) -> State:
    """The deepest cause that says who has to do something."""
    for cause in reversed(list(causes_of(error))):
        if not isinstance(cause, SdkError):
            continue
        if is_unpaid(cause):
            return "payment required"
        if cause.code.upper() in _BLOCKED:
            return "blocked"
        if isinstance(cause, RefreshTokenError):
            return "sign in again"
        if isinstance(cause, TransportError):
            return "unreachable"
    return "failed"


def causes_of(error: BaseException) -> Iterable[BaseException]:
    """The error, and what it was raised from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
