"""What signs a request, and where it may be sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from b24data.errors import ConfigError
from b24data.http.context import CallContext
from b24data.http.redirect import is_loopback, origin_of
from b24data.secret import Secret


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to send one request: where to, and the token that goes into its body (None for a webhook)."""

    endpoint: Secret[str]
    token: Secret[str] | None = None
    pair: Any = field(default=None, repr=False)  # what the credentials know it by


class Credentials(Protocol):
    """Who calls. Any thread may use it."""

    @property
    def portal(self) -> str:
        """The portal's host, with its port if it has one."""

    @property
    def member_id(self) -> str:
        """The portal's id; empty if unknown."""

    @property
    def user_id(self) -> int:
        """The user on whose behalf it calls; 0 if unknown."""

    @property
    def application(self) -> str:
        """What the portal counts execution times by: the application, or the webhook. No secret."""

    @property
    def caller(self) -> str:
        """The portal and the user, whose rights decide what a list holds. No secret, and the same by any token."""

    @property
    def max_refusals(self) -> int:
        """How many refused pairs, none of which was ever accepted, end a call."""

    def grant(self, context: CallContext) -> Grant:
        """A grant for one request; a token that is known to be dead is renewed first."""

    def release(self, grant: Grant, *, accepted: bool) -> None:
        """The request of this grant is over; ``accepted`` if the portal took its token."""

    def maybe_valid(self, grant: Grant) -> bool:
        """Whether a refused grant was, or may yet turn out to have been, accepted from some other request."""

    def renew(self, grant: Grant, context: CallContext) -> None:
        """The portal refused this grant: get a new one, unless someone has."""

    def moved(self, endpoint: Secret[str]) -> None:
        """The portal answered at this address, to which it had sent us."""


def check_endpoint(endpoint: str) -> str:
    """``endpoint`` if tokens may be sent there: over https, or to this machine."""
    origin = origin_of(Secret(endpoint))
    if origin.scheme not in ("http", "https") or not origin.host:
        raise ConfigError("this is not the address of a portal", hint="it begins with https://")
    if origin.scheme == "http" and not is_loopback(origin.host):
        raise ConfigError(f"{origin.host} uses no encryption", hint="write https:// instead of http://")
    return endpoint if endpoint.endswith("/") else f"{endpoint}/"
