"""The clients: they build the parts and hold them together."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from b24data.actions import Actions
from b24data.auth.oauth import OAuth, RefreshCallback
from b24data.auth.store import TokenStore
from b24data.auth.webhook import HookCredentials
from b24data.errors import ConfigError
from b24data.http.clock import SYSTEM_CLOCK, Clock
from b24data.http.delegated import Caller, DelegatedSession
from b24data.http.redirect import origin_of
from b24data.http.restrictions import restrictions_of
from b24data.http.session import Session
from b24data.params import ApiVersion, RestrictionParams
from b24data.secret import Secret, hide
from b24data.text.hints import sign_in
from b24data.text.markup import facts_html
from b24data.tokens import B24OAuthParams, B24OAuthSecret

if TYPE_CHECKING:
    import pandas as pd

    from b24data.client.tools import Tools
    from b24data.http.transport import Timeout, Transport, Verify
    from b24data.sql.report import SqlPlan


_YOURS = "its tokens go through a function of yours"


class _Client(ABC):
    """What both clients have: sessions over one transport, and what is called on them."""

    def __init__(
        self,
        credentials: OAuth | HookCredentials,
        transport: Transport,
        params: RestrictionParams | Mapping[str, Any] | None,
        clock: Clock,
    ) -> None:
        self._credentials = credentials
        self._transport = transport
        self._clock = clock
        self._logger = logging.getLogger("b24data")
        self._client_side = sys.platform == "emscripten"  # Pyodide, JupyterLite
        self._tools: Tools | None = None
        self._connect_again: Callable[[RestrictionParams], _Client] | None = None
        self._stays = ""
        restrictions = restrictions_of(params)
        self._sessions: dict[ApiVersion, Session] = {
            version: Session(credentials, transport, restrictions, version=version, clock=clock)
            for version in ApiVersion
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    def __reduce__(self) -> tuple[Any, ...]:
        """As the name of its profile, by which another process connects; any other client stays here."""
        if self._connect_again is None or self._stays:
            why = self._stays or "it is of no profile, and its secrets would travel with it"
            raise ConfigError(
                f"this {type(self).__name__} can't be pickled, copied or sent to another process: {why}",
                hint=f"sign in once with {sign_in()}; then call b24data.connect(NAME) in the worker",
            )
        return self._connect_again, (self._sessions[ApiVersion.V2].params,)

    def travels_as(self, connect_again: Callable[[RestrictionParams], _Client], *, stays: str = "") -> None:
        """Let other processes make this client again; ``stays`` says why they can't."""
        self._connect_again, self._stays = connect_again, stays

    def _repr_html_(self) -> str:
        way, _, who = repr(self).partition("(")
        facts = [tuple(part.partition("=")[::2]) for part in who.rstrip(")").split(", ")]
        return facts_html(way, [("user id" if name == "user_id" else name, value.strip("'")) for name, value in facts])

    @property
    def is_init(self) -> bool:
        """True: a client is ready when it is made."""
        return True

    @property
    def actions(self) -> Actions:
        """Calls and batches, as the JS SDK has them."""
        return Actions(self.session, self.get_http_client(ApiVersion.V3))

    @property
    def tools(self) -> Tools:
        """Whole lists as DataFrames and files."""
        if self._tools is None:
            from b24data.client.tools import Tools

            self._tools = Tools(self)
        return self._tools

    @overload
    def sql(
        self,
        query: str,
        params: Mapping[str, Any] | None = None,
        *,
        crm: str | os.PathLike[str] | None = None,
        tables: Mapping[str, Any] | None = None,
        all: bool = False,
        explain: Literal[False] = False,
    ) -> pd.DataFrame: ...

    @overload
    def sql(
        self,
        query: str,
        params: Mapping[str, Any] | None = None,
        *,
        crm: str | os.PathLike[str] | None = None,
        tables: Mapping[str, Any] | None = None,
        all: bool = False,
        explain: Literal[True],
    ) -> SqlPlan: ...

    def sql(
        self,
        query: str,
        params: Mapping[str, Any] | None = None,
        *,
        crm: str | os.PathLike[str] | None = None,
        tables: Mapping[str, Any] | None = None,
        all: bool = False,
        explain: bool = False,
    ) -> pd.DataFrame | SqlPlan:
        """One SELECT over lists of the portal: a typed DataFrame, exactly what SQL says.

        Tables are ``deals``, ``leads``, ``contacts``, ``companies``, ``users``, ``stages`` and others (``show tables``
        lists them), ``smart_1052``, and list methods by their names, such as ``crm.deal.list``. Columns are in lower
        case with ``_``: ``company_id``. The portal is asked for the columns that the query names and, where that loses
        no row, for its conditions; DuckDB runs the whole query over what came. Times are UTC. ``attrs["b24data"]`` has
        the rows, the requests and the conditions of each table. Needs the extra ``sql``.

        :param params: the values of ``$name`` and ``:name`` in the query.
        :param crm: a folder of ``tools.sync_crm``: its tables and views are queried, and the portal is not asked.
        :param tables: frames of your own by the names that the query has for them.
        :param all: allow reading more than 50,000 rows of a list without a condition.
        :param explain: give the tables, conditions, requests and seconds; no row is read.
        :raises ConfigError: the query is not one SELECT, or it reads a long list as a whole.
        :raises SchemaError: a column does not exist, with the nearest names; no row was read.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=120) as portal:
        ...     found = portal.connect().sql("select count(*) as deals from deals where id <= $last", {"last": 50})
        >>> int(found["deals"][0])
        31
        """
        from b24data.sql.run import run_sql

        return run_sql(lambda: self.tools, query, params, crm=crm, tables=tables, everything=all, explain=explain)

    @property
    def session(self) -> Session:
        """The session of REST 2."""
        return self.get_http_client(ApiVersion.V2)

    @property
    def clock(self) -> Clock:
        """The clock that this client waits by."""
        return self._clock

    def get_http_client(self, version: ApiVersion | str = ApiVersion.V2) -> Session:
        """The session of that version: ``call(method, params, request_id=...)``."""
        if self._client_side:
            self._client_side = False
            text = (
                "this client runs in a browser, so its tokens are in the page; "
                "off_client_side_warning() turns this warning off"
            )
            warnings.warn(text, stacklevel=2)
        return self._sessions[_version_of(version)]

    def set_http_client(self, version: ApiVersion | str, client: Session | Caller) -> None:
        """Call through ``client`` from now on: another session, or anything with ``call(method, params, request_id=)``.

        An object that is not a session returns the portal's mapping (``result``, ``total``, ``next``, ``time``).
        """
        own = self._sessions[_version_of(version)]
        session = client if isinstance(client, Session) else DelegatedSession(client, own)
        self._sessions[_version_of(version)] = session
        self._stays = "it calls through a session of yours"

    def set_restriction_manager_params(self, params: RestrictionParams | Mapping[str, Any]) -> None:
        """Change limits and retries of all later calls; accepts the same values as the constructor."""
        restrictions = restrictions_of(params)
        for session in self._sessions.values():
            session.set_restrictions(restrictions)

    def get_logger(self) -> logging.Logger:
        """The logger of this client; ``b24data`` unless another one was set."""
        return self._logger

    def set_logger(self, logger: logging.Logger) -> None:
        """Log to ``logger`` from now on."""
        self._logger = logger
        for session in self._sessions.values():
            session.logger = logger

    def off_client_side_warning(self) -> None:
        """Do not warn that the tokens are in a browser's page: a wrapper on a server keeps them."""
        self._client_side = False

    def init_is_admin(self, request_id: str = "") -> None:
        """Ask the portal whether the user is an administrator; ``auth.is_admin`` knows it then.

        Raises what the call raises: no answer is no "no".
        """
        answer = self.session.call("profile", request_id=request_id or None).data()
        self._credentials.set_admin(bool(answer.get("ADMIN")) if isinstance(answer, dict) else False)

    def get_target_origin(self) -> str:
        """The portal's address: ``https://your-portal.bitrix24.com``."""
        return str(origin_of(self._endpoint()))

    def get_target_origin_with_path(self) -> dict[ApiVersion, str]:
        """The REST root of each version. A webhook's has its secret in it: do not print it."""
        endpoint = self._endpoint()
        return {
            ApiVersion.V2: endpoint.reveal(),
            ApiVersion.V3: endpoint.reveal().replace("/rest/", "/rest/api/", 1),
        }

    def destroy(self) -> None:
        """Close all connections. A later call opens new ones."""
        self._transport.close()

    @abstractmethod
    def _endpoint(self) -> Secret[str]:
        """The REST root of version 2."""


def _version_of(given: ApiVersion | str) -> ApiVersion:
    try:
        return ApiVersion(given)
    except ValueError:
        raise ConfigError(f"there is no version {given!r} of the REST API", hint='give "v2" or "v3"') from None


class B24OAuth(_Client):
    """A client of one portal for an application, with a pair of OAuth tokens that is refreshed when it expires.

    ``auth_options``, ``oauth_secret`` and ``restriction_params`` may be mappings in the JS or snake_case spelling, the
    first also in the portal's. ``timeout`` is
    in seconds (or an ``httpx.Timeout``), ``verify`` is False or a file of CA certificates for a self-hosted portal.
    ``store`` saves the pair for later runs and for other programs, which then share one refresh. ``auth_servers`` names
    hosts other than Bitrix24's that may receive the refresh token and the secret.
    Raises :class:`ConfigError` for invalid data. Nothing is sent before the first call.

    >>> from b24data import Sandbox
    >>> with Sandbox(deals=3) as portal:
    ...     b24 = B24OAuth(portal.oauth_params(), portal.oauth_secret())
    ...     b24.actions.v2.call.make(method="crm.deal.list", params={"select": ["ID"]}).total
    3
    """

    def __init__(
        self,
        auth_options: B24OAuthParams | Mapping[str, Any],
        oauth_secret: B24OAuthSecret | Mapping[str, Any],
        restriction_params: RestrictionParams | Mapping[str, Any] | None = None,
        *,
        store: TokenStore | None = None,
        timeout: Timeout = None,
        verify: Verify = True,
        auth_servers: Iterable[str] = (),
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        auth_options, oauth_secret = hide(auth_options), hide(oauth_secret)
        from b24data.http.transport import Transport

        params, secret = B24OAuthParams.of(auth_options), B24OAuthSecret.of(oauth_secret)
        transport = Transport(timeout=timeout, verify=verify, clock=clock)
        self.auth = OAuth(params, secret, transport, clock=clock, auth_servers=auth_servers, store=store)
        super().__init__(self.auth, transport, restriction_params, clock)

    def __repr__(self) -> str:
        return _shown(self)

    def set_logger(self, logger: logging.Logger) -> None:
        """Log to ``logger`` from now on, refreshes too."""
        super().set_logger(logger)
        self.auth.logger = logger

    def set_callback_refresh_auth(self, callback: RefreshCallback) -> None:
        """Call ``callback(auth_data=..., b24_oauth_params=...)`` after each refresh: keep the new pair there."""
        self.auth.set_callback(callback)
        self._stays = _YOURS

    def remove_callback_refresh_auth(self) -> None:
        """Call nothing after a refresh."""
        self.auth.set_callback(None)

    def set_custom_refresh_auth(self, fetch: Any) -> None:
        """Get new pairs from ``fetch()``: a mapping with the keys of a token reply, within a minute."""
        self.auth.set_custom(fetch)
        self._stays = _YOURS

    def remove_custom_refresh_auth(self) -> None:
        """Get new pairs from the authorization server again."""
        self.auth.set_custom(None)

    def _endpoint(self) -> Secret[str]:
        return Secret(self.auth.params.client_endpoint)


class B24Hook(_Client):
    """A client of one portal with an incoming webhook, ``https://your-portal.bitrix24.com/rest/1/your-code/``.

    The address is a secret: it opens the portal. ``timeout`` and ``verify`` work as in :class:`B24OAuth`.

    >>> from b24data import Sandbox
    >>> with Sandbox(deals=3) as portal:
    ...     B24Hook(portal.webhook_url).actions.v2.call.make(method="crm.deal.list").total
    3
    """

    def __init__(
        self,
        url: str | Secret[str],
        restriction_params: RestrictionParams | Mapping[str, Any] | None = None,
        *,
        timeout: Timeout = None,
        verify: Verify = True,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        url = Secret(url)
        from b24data.http.transport import Transport

        self.auth = HookCredentials(url)
        super().__init__(self.auth, Transport(timeout=timeout, verify=verify, clock=clock), restriction_params, clock)

    @classmethod
    def from_webhook_url(cls, url: str | Secret[str], **options: Any) -> Self:
        """The same as ``B24Hook(url, ...)``, under the JS SDK's name."""
        url = Secret(url)
        return cls(url, **options)

    def __repr__(self) -> str:
        return _shown(self)

    def _endpoint(self) -> Secret[str]:
        return self.auth.endpoint


def _shown(client: B24OAuth | B24Hook) -> str:
    """The repr, also of a client that could not be made: tools print it beside the error."""
    auth = getattr(client, "auth", None)
    who = f"portal={auth.portal!r}, user_id={auth.user_id}" if auth else ""
    return f"{type(client).__name__}({who})"
