"""``/oauth/authorize/`` and ``/oauth/token/``.

Sources: b24restdocs, settings/oauth/index.md, auto-renewal.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from b24data.sandbox.answers import encode
from b24data.sandbox.columns import Writer
from b24data.sandbox.errors import PortalError
from b24data.sandbox.faults import EARLY, Faults, broken, spoiled
from b24data.sandbox.limits import Clock
from b24data.sandbox.options import Options
from b24data.sandbox.stats import Counters
from b24data.sandbox.tokens import SCOPE, TokenBook
from b24data.sandbox.wire import Incoming, Reply, html_page

_WRITER = Writer(numbers=True)


@dataclass(slots=True)
class Addresses:
    """Where the portal lives, and where it lives after it has moved."""

    own: str = ""
    other: str = ""
    moved: bool = False

    @property
    def current(self) -> str:
        """Where the portal is found now."""
        return self.other if self.moved else self.own


class AuthServer:
    """The authorization server. It does not move with the portal."""

    def __init__(
        self,
        options: Options,
        tokens: TokenBook,
        *,
        faults: Faults,
        counters: Counters,
        clock: Clock,
        addresses: Addresses,
    ) -> None:
        self.redirect_uri = options.redirect_uri
        self._options = options
        self._tokens = tokens
        self._faults = faults
        self._counters = counters
        self._clock = clock
        self._addresses = addresses

    async def token(self, incoming: Incoming) -> Reply:
        """A pair for a code or a refresh token."""
        counters = self._counters
        counters.oauth_requests += 1
        await self._clock.wait(self._options.latency_s)
        fault = self._faults.pick(counters.oauth_requests, "oauth")
        if fault:
            counters.faults[fault.kind] += 1
            if fault.kind in EARLY:
                return broken(fault)
        if incoming.verb not in self._options.token_methods:
            return html_page(405, "405 Not Allowed")
        try:
            if fault and fault.kind == "error":
                fault.strike("oauth")
            reply = Reply(200, [encode(self.addressed(self._tokens.exchange(incoming.params())), _WRITER)])
        except PortalError as error:
            reply = Reply(error.status, [encode(error.body(), _WRITER)])
        return spoiled(reply, fault)

    def addressed(self, pair: dict[str, Any]) -> dict[str, Any]:
        """A token reply: the portal is ``client_endpoint``, ``domain`` is the authorization server's."""
        return {
            **pair,
            "client_endpoint": f"{self._addresses.current}/rest/",
            "server_endpoint": f"{self._addresses.own}/rest/",
            "domain": urlsplit(self._addresses.own).netloc,
        }

    def authorize(self, incoming: Incoming) -> Reply:
        """The user is always signed in and agrees; without a return address the code stands on a page."""
        asked = incoming.params()
        if asked.get("client_id") != self._tokens.client_id:
            return html_page(400, "Application not found")
        code = self._tokens.code()
        if not self.redirect_uri:
            return html_page(200, f"Authorization code: {code}")
        back = {
            "code": code,
            "state": str(asked.get("state", "")),
            "domain": urlsplit(self._addresses.current).netloc,
            "member_id": self._tokens.member_id,
            "scope": SCOPE,
            "server_domain": urlsplit(self._addresses.own).netloc,
        }
        glue = "&" if "?" in self.redirect_uri else "?"
        return Reply(302, [], "text/html", {"location": f"{self.redirect_uri}{glue}{urlencode(back)}"})
