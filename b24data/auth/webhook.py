"""An incoming webhook, which signs a request by its address."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from b24data.auth.admin import Admin
from b24data.errors import AuthorizationRequiredError, ConfigError
from b24data.http.context import CallContext
from b24data.http.credentials import Grant, check_endpoint
from b24data.http.redirect import Origin, origin_of
from b24data.secret import NOTHING, Secret, stays_here
from b24data.tokens import AuthData

_HOOK_PATH = re.compile(r"/rest/(?:api/)?(\d+)/([^/]+)/?")


class HookCredentials(Admin):
    """An incoming webhook: its address is its secret."""

    member_id = portal = application = ""
    user_id = 0
    endpoint = NOTHING
    max_refusals = 1

    def __init__(self, url: str | Secret[str]) -> None:
        url = Secret(url)
        hook = _hook_in(url)
        if isinstance(hook, ConfigError):
            raise hook
        self.user_id, self.portal, self.endpoint = hook.user_id, hook.origin.netloc, hook.endpoint
        self.application = hook.fingerprint

    __reduce__ = stays_here

    def __repr__(self) -> str:
        return f"HookCredentials(portal={self.portal!r}, user_id={self.user_id})"

    @property
    def caller(self) -> str:
        """The portal and the user."""
        return f"{self.portal} user {self.user_id}"

    def get_auth_data(self) -> AuthData:
        """The webhook in the SDK's form. ``access_token`` is its secret."""
        code = Secret(self.endpoint.reveal().rstrip("/").rpartition("/")[2])
        return AuthData(access_token=code, refresh_token="", expires=0, expires_in=0, domain=self.portal, member_id="")

    def refresh_auth(self) -> AuthData:
        """The same as :meth:`get_auth_data`: a webhook does not run out."""
        return self.get_auth_data()

    def get_uniq(self, prefix: str) -> str:
        """``prefix`` and the portal: a name that is unique among portals."""
        return f"{prefix}_{self.portal}"

    def grant(self, context: CallContext) -> Grant:  # noqa: ARG002  a webhook is always granted
        """The webhook's address."""
        return Grant(self.endpoint)

    def release(self, grant: Grant, *, accepted: bool) -> None:
        """Nothing to do: a webhook does not run out."""

    def maybe_valid(self, grant: Grant) -> bool:  # noqa: ARG002
        """A refused webhook is refused."""
        return False

    def renew(self, grant: Grant, context: CallContext) -> None:  # noqa: ARG002
        """A webhook can't be renewed."""
        raise AuthorizationRequiredError(
            f"{self.portal} does not accept this webhook", hint="it may have been deleted: create a new one"
        )

    def moved(self, endpoint: Secret[str]) -> None:
        """Go on at the new address."""
        self.endpoint, self.portal = endpoint, origin_of(endpoint).netloc


@dataclass(frozen=True, slots=True)
class _Hook:
    user_id: int
    origin: Origin
    endpoint: Secret[str]
    fingerprint: str  # of the code: what may be shown, and is another one for another webhook


def _hook_in(url: Secret[str]) -> _Hook | ConfigError:
    """The webhook that an address is. The error is given back, so that no traceback has the address in it."""
    if not isinstance(url.reveal(), str):
        return ConfigError("the address of a webhook must be text, not bytes", hint="decode() them")
    origin = origin_of(url)
    try:
        check_endpoint(str(origin))
        match = _HOOK_PATH.match(urlsplit(url.reveal()).path)
    except ConfigError as error:
        return error.with_traceback(None)
    if match is None:
        return ConfigError(
            "this is not the address of an incoming webhook",
            hint="such as https://your-portal.bitrix24.com/rest/1/your-code/",
        )
    endpoint = Secret(f"{origin}/rest/{match[1]}/{match[2]}/")
    return _Hook(int(match[1]), origin, endpoint, "hook-" + hashlib.sha256(match[2].encode()).hexdigest()[:16])
