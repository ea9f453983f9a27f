"""The authorization server: codes, pairs of tokens, single-use refresh tokens.

Sources: b24restdocs, settings/oauth/index.md, auto-renewal.md, error-codes.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from b24data.sandbox.errors import PortalError
from b24data.sandbox.stats import Counters

SCOPE = "crm,department,task,user"

_CODE_S = 30.0
_REFRESH_S = 180 * 86400.0


@dataclass(slots=True)
class _Access:
    born: float
    uses: int = 0
    dead: bool = False
    mourned: bool = False


@dataclass(slots=True)
class _Refresh:
    born: float
    used: bool = False
    revoked: bool = False


class TokenBook:
    """Every token that was issued, and what became of it."""

    def __init__(self, now: Callable[[], float], counters: Counters, *, ttl_s: float, ttl_requests: int | None) -> None:
        self.client_id = f"local.{secrets.token_hex(7)}.{secrets.randbelow(10**8):08}"
        self.client_secret = secrets.token_urlsafe(37)
        self.webhook_code = secrets.token_hex(8)
        self.member_id = secrets.token_hex(16)
        self.application_token = secrets.token_hex(16)
        self.ttl_s = ttl_s
        self.ttl_requests = ttl_requests
        self._now = now
        self._counters = counters
        self._codes: dict[str, float] = {}
        self._access: dict[str, _Access] = {}
        self._refresh: dict[str, _Refresh] = {}

    def pair(self) -> dict[str, Any]:
        """A fresh pair of tokens, without the addresses that the portal adds."""
        access, refresh = secrets.token_hex(32), secrets.token_hex(32)
        self._access[access] = _Access(self._now())
        self._refresh[refresh] = _Refresh(self._now())
        return {
            "access_token": access,
            "refresh_token": refresh,
            "expires": int(self._now() + self.ttl_s),
            "expires_in": int(self.ttl_s),
            "member_id": self.member_id,
            "scope": SCOPE,
            "status": "L",
            "user_id": 1,
        }

    def code(self) -> str:
        """An authorization code; it lives 30 seconds and works once."""
        code = secrets.token_hex(16)
        self._codes[code] = self._now()
        return code

    def use_access(self, token: str) -> None:
        """Count a request with an access token; raises the portal's error where it is not accepted."""
        known = self._access.get(token)
        if known is None:
            raise PortalError(401, "NO_AUTH_FOUND", "Wrong authorization data")
        spent = self.ttl_requests is not None and known.uses >= self.ttl_requests
        if known.dead or spent or self._now() >= known.born + self.ttl_s:
            self.bury(token)
            raise PortalError(401, "expired_token", "The access token provided has expired.")
        known.uses += 1

    def bury(self, token: str) -> None:
        """The token has been refused: from now on it is dead, and counted once."""
        known = self._access.get(token)
        if known is not None and not known.mourned:
            known.dead = known.mourned = True
            self._counters.deaths += 1

    def expire_all(self) -> None:
        """Every access token issued so far stops being accepted."""
        for known in self._access.values():
            known.dead = True

    def revoke_all(self) -> None:
        """Every refresh token issued so far stops being accepted."""
        for known in self._refresh.values():
            known.revoked = True

    def exchange(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A pair for a code or a refresh token; raises the authorization server's error."""
        grant = str(asked.get("grant_type", ""))
        if asked.get("client_id") != self.client_id or asked.get("client_secret") != self.client_secret:
            raise PortalError(401, "invalid_client", "Invalid client data was provided")
        if grant == "authorization_code":
            born = self._codes.pop(str(asked.get("code", "")), None)
            if born is None or self._now() > born + _CODE_S:
                raise PortalError(400, "invalid_grant", "The authorization code is not valid")
            return {key: value for key, value in self.pair().items() if key not in ("expires", "user_id")}
        if grant == "refresh_token":
            self._spend(str(asked.get("refresh_token", "")))
            self._counters.refreshes += 1
            return self.pair()
        raise PortalError(400, "invalid_request", "Unknown grant_type")

    def _spend(self, token: str) -> None:
        known = self._refresh.get(token)
        if known is not None and known.used:
            self._counters.reused_refresh_tokens += 1
        if known is None or known.used or known.revoked or self._now() > known.born + _REFRESH_S:
            raise PortalError(400, "invalid_grant", "Invalid authorization data was provided")
        known.used = True
