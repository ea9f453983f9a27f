"""Value objects that a caller makes or receives. None of them does anything; none of them shows a secret."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypedDict
from urllib.parse import urlsplit

from b24data.errors import ConfigError
from b24data.http.redact import masked
from b24data.markup import facts_html
from b24data.printable import printable

__all__ = [
    "AdaptiveConfig",
    "ApiVersion",
    "AuthData",
    "B24OAuthParams",
    "B24OAuthSecret",
    "Coercion",
    "EarlierRuns",
    "EnumAppStatus",
    "FetchReport",
    "OperatingLimitConfig",
    "RateLimitConfig",
    "RestrictionParams",
]


class ApiVersion(enum.StrEnum):
    """The two generations of the REST API."""

    V2 = "v2"
    V3 = "v3"


class EnumAppStatus(enum.StrEnum):
    """The status of an application on its portal, as a token reply and ``app.info`` give it."""

    Free = "F"
    Demo = "D"
    Trial = "T"
    Paid = "P"
    Local = "L"
    Subscription = "S"


class AuthData(TypedDict):
    """What ``auth.get_auth_data()`` gives: the keys that the JS SDK uses. ``expires`` is unix seconds."""

    access_token: str
    refresh_token: str
    expires: int
    expires_in: int
    domain: str
    member_id: str


# What an install event calls the fields; every other key is the field's name in some case.
_EVENT_NAMES = {
    "auth_id": "access_token",
    "refresh_id": "refresh_token",
    "auth_expires": "expires_in",
    "app_sid": "application_token",
}


def _field_name(key: str) -> str:
    snake = key.lower() if key.isupper() else "".join(f"_{c.lower()}" if c.isupper() else c for c in key)
    return _EVENT_NAMES.get(snake, snake)


@dataclass(frozen=True, slots=True)
class B24OAuthParams:
    """A pair of tokens and the portal it belongs to: the JS SDK's 12 fields, in its order.

    ``expires`` is unix seconds, ``expires_in`` seconds. :meth:`of` also takes a mapping in the JS spelling
    (``accessToken``), in snake_case, or as a portal sends it (a token reply, an install event's ``AUTH_ID``).

    >>> params = B24OAuthParams.of({"accessToken": "a-secret", "clientEndpoint": "https://x.bitrix24.com/rest/"})
    >>> params.domain
    'x.bitrix24.com'
    >>> "a-secret" in repr(params)
    False
    """

    application_token: str = field(default="", repr=False)
    user_id: int = 0
    member_id: str = ""
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    expires: int = 0
    expires_in: int = 3600
    scope: str = ""
    domain: str = ""
    client_endpoint: str = ""
    server_endpoint: str = "https://oauth.bitrix.info/rest/"
    status: EnumAppStatus = EnumAppStatus.Local

    @classmethod
    def of(cls, value: B24OAuthParams | Mapping[str, Any]) -> B24OAuthParams:
        """The same value as ``B24OAuthParams``; a mapping may use any of the three spellings.

        Raises :class:`ConfigError` that names what is missing or makes no sense.
        """
        given = asdict(value) if isinstance(value, B24OAuthParams) else _by_field(cls, value)
        try:
            for name in ("user_id", "expires", "expires_in"):
                given[name] = int(given.get(name) or getattr(_EMPTY_PAIR, name))
            given["status"] = EnumAppStatus(given.get("status") or EnumAppStatus.Local)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"the token data has a wrong value: {error}") from error
        if not given.get("access_token") and not given.get("refresh_token"):
            raise ConfigError(
                "the token data has neither an access token nor a refresh token",
                hint="pass access_token (accessToken, AUTH_ID) and refresh_token (refreshToken, REFRESH_ID)",
            )
        given.update(_portal_of(given))
        return cls(**{name: content for name, content in given.items() if content is not None})


def _by_field(cls: type, value: Mapping[str, Any]) -> dict[str, Any]:
    known = {f.name for f in fields(cls)}
    return {name: content for key, content in value.items() if (name := _field_name(str(key))) in known}


def _portal_of(given: Mapping[str, Any]) -> dict[str, str]:
    """The portal's domain and REST root. In a token reply ``domain`` is the authorization server's.

    Source: b24restdocs, settings/oauth/index.md: the portal is ``client_endpoint``.
    """
    endpoint, domain = str(given.get("client_endpoint") or ""), str(given.get("domain") or "")
    if not endpoint and not domain:
        raise ConfigError(
            "the token data does not say which portal it belongs to",
            hint="pass client_endpoint (https://your-portal.bitrix24.com/rest/) or domain",
        )
    if not endpoint:
        domain = domain.removesuffix("/")
        endpoint = f"{domain if '://' in domain else f'https://{domain}'}/rest/"
    parts = urlsplit(endpoint)
    if masked(parts.path) != parts.path:
        raise ConfigError("client_endpoint is a webhook, and a webhook has no tokens", hint="pass it to B24Hook(url)")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"client_endpoint is not an address of a portal: {endpoint!r}",
            hint="it reads like https://your-portal.bitrix24.com/rest/",
        )
    return {"client_endpoint": endpoint if endpoint.endswith("/") else f"{endpoint}/", "domain": parts.netloc}


_EMPTY_PAIR = B24OAuthParams()


@dataclass(frozen=True, slots=True)
class B24OAuthSecret:
    """What a portal issues for an application: Developer resources > Other > Local application.

    >>> B24OAuthSecret("local.5f", "a-secret")
    B24OAuthSecret(client_id='local.5f')
    """

    client_id: str
    client_secret: str = field(repr=False)

    @classmethod
    def of(cls, value: B24OAuthSecret | Mapping[str, Any]) -> B24OAuthSecret:
        """The same value as ``B24OAuthSecret``; a mapping may say ``clientId`` or ``client_id``."""
        if isinstance(value, B24OAuthSecret):
            return value
        given = _by_field(cls, value)
        for name in ("client_id", "client_secret"):
            if not given.get(name):
                raise ConfigError(f"the application's {name} is missing", hint="it is on the application's card")
        return cls(**given)


@dataclass(frozen=True, slots=True)
class RateLimitConfig:
    """The leaky bucket of a portal: ``burst_limit`` requests, ``drain_rate`` of them given back a second.

    Source: b24restdocs, settings/performance/limits.md (50 and 2; Enterprise 250 and 5).
    """

    burst_limit: int = 50
    drain_rate: float = 2
    adaptive_enabled: bool = True


@dataclass(frozen=True, slots=True)
class OperatingLimitConfig:
    """Execution time that one method may use: ``limit_s`` seconds in a sliding window of ``window_s``.

    Source: b24restdocs, settings/performance/limits.md (480 s in ten one-minute baskets; self-hosted 420 s).
    """

    window_s: float = 600
    limit_s: float = 480
    heavy_percent: float = 80


@dataclass(frozen=True, slots=True)
class AdaptiveConfig:
    """How single calls slow down when a method has used ``threshold_percent`` of its execution time."""

    enabled: bool = True
    threshold_percent: float = 80
    coefficient: float = 0.01
    max_delay_s: float = 7


@dataclass(frozen=True, slots=True)
class RestrictionParams:
    """Limits and patience of a client, in seconds. ``max_retries`` counts attempts, as in the JS SDK.

    A walk over a list is more patient: ten attempts a request. An error with one of these codes is never repeated;
    ``make()`` raises it if it is a hard one, and returns it in its result if it is a soft one.
    Presets: :meth:`default`, :meth:`enterprise`, :meth:`batch_processing`, :meth:`realtime`, :meth:`from_tariff_plan`.
    """

    rate_limit: RateLimitConfig = RateLimitConfig()
    operating_limit: OperatingLimitConfig = OperatingLimitConfig()
    adaptive_config: AdaptiveConfig = AdaptiveConfig()
    max_retries: int = 3
    retry_delay_s: float = 1.0
    retry_on_network_error: bool = True
    hard_error_codes: tuple[str, ...] = ()
    soft_error_codes: tuple[str, ...] = ()

    @classmethod
    def default(cls) -> RestrictionParams:
        """The JS SDK's figures for every plan but Enterprise."""
        return cls()

    @classmethod
    def enterprise(cls) -> RestrictionParams:
        """For a portal on the Enterprise plan.

        >>> RestrictionParams.enterprise().rate_limit
        RateLimitConfig(burst_limit=250, drain_rate=5, adaptive_enabled=True)
        """
        return cls(rate_limit=RateLimitConfig(burst_limit=250, drain_rate=5))

    @classmethod
    def batch_processing(cls) -> RestrictionParams:
        """For long work beside others: half the rate, slower early, more attempts."""
        return cls(
            rate_limit=RateLimitConfig(burst_limit=30, drain_rate=1),
            operating_limit=OperatingLimitConfig(heavy_percent=50),
            adaptive_config=AdaptiveConfig(threshold_percent=50, coefficient=0.015, max_delay_s=10),
            max_retries=5,
        )

    @classmethod
    def realtime(cls) -> RestrictionParams:
        """For someone who waits for the answer: one attempt, never slowed down ahead of a limit."""
        adaptive = AdaptiveConfig(enabled=False, threshold_percent=100, coefficient=0.001, max_delay_s=480)
        return cls(adaptive_config=adaptive, max_retries=1)

    @classmethod
    def from_tariff_plan(cls, plan: str) -> RestrictionParams:
        """By the name of the portal's plan; every name but "enterprise" means the default.

        >>> RestrictionParams.from_tariff_plan("Enterprise") == RestrictionParams.enterprise()
        True
        """
        return cls.enterprise() if plan.lower() == "enterprise" else cls.default()


@dataclass(frozen=True, slots=True)
class Coercion:
    """Values of one column that did not fit its type and became null: how many, and one of them."""

    count: int
    example: str


@dataclass(frozen=True, slots=True)
class ConditionReport:
    """One condition of the filter: the key as it was written and as it was sent, the value sent, and its proof.

    ``proof`` is ``checked`` (no row contradicts it) or ``not checkable: ...`` with the reason.
    """

    key: str
    value: str
    sent: str
    proof: str

    @property
    def checked(self) -> bool:
        """Whether the rows were checked by this condition."""
        return self.proof == "checked"

    def __str__(self) -> str:
        sent = f", sent as {self.sent}" if self.sent != self.key else ""
        return f"filter {self.key} {self.value}{sent}: {self.proof}"


@dataclass(frozen=True, slots=True)
class EarlierRuns:
    """What earlier runs of the same fetch had brought before they were stopped; ``window`` is portal time."""

    runs: int
    rows: int
    seconds: float
    window: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchReport:
    """Why a fetched list is whole, and what it took. Times of the window are the portal's own.

    ``reason`` is one of ``short_page``, ``empty_page``, ``reached_pinned_id``, ``total_reached``, ``last_page``,
    ``whole_answer``, ``no_values`` (the filter asks for one of no values), ``limit`` or ``stopped`` (these two with
    ``complete=False``). ``waited_s`` has seconds by reason. ``conditions`` tells of each condition of the filter how it
    was sent and whether the rows were checked by it. Where the fetch went on with what ``earlier`` runs had left,
    ``rows`` and ``window`` are those of all runs
    together, requests and seconds those of the last one.
    """

    method: str
    portal: str
    walk: str
    reason: str
    complete: bool
    rows: int
    pages: int = 0
    requests: int = 0
    commands: int = 0
    retries: int = 0
    refreshes: int = 0
    seconds: float = 0.0
    waited_s: Mapping[str, float] = field(default_factory=dict)
    total: int | None = None
    pinned_id: int | None = None
    last_id: int | None = None
    window: tuple[str, str] | None = None
    earlier: EarlierRuns | None = None
    conditions: tuple[ConditionReport, ...] = ()
    coercions: Mapping[str, Coercion] = field(default_factory=dict)
    target: str | None = None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-safe values: what ``df.attrs["b24data"]`` and a Parquet footer hold."""
        data = asdict(self)
        data["waited_s"] = {reason: round(seconds, 3) for reason, seconds in self.waited_s.items()}
        data["seconds"] = round(self.seconds, 3)
        data["window"] = list(self.window) if self.window else None
        if self.earlier:
            data["earlier"]["window"] = list(self.earlier.window) if self.earlier.window else None
        data["conditions"] = list(data["conditions"])
        data["notes"] = list(self.notes)
        return data

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        title, *lines = str(self).splitlines()
        return facts_html(title, [("", line.strip()) for line in lines], good=self.complete)

    def __str__(self) -> str:
        state = "complete" if self.complete else "NOT complete"
        rows = self.rows - (self.earlier.rows if self.earlier else 0)
        speed = f", {rows / self.seconds:,.0f} rows/s" if self.seconds > 0 else ""
        lines = [
            f"{self.method} at {self.portal}: {self.rows:,} rows, {state} ({self.reason})",
            f"  {self.seconds:.1f} s{speed}; {self.requests:,} requests with {self.commands:,} commands"
            f" ({self.walk} walk); {self.retries:,} retries, {self.refreshes:,} token refreshes",
        ]
        if self.earlier:
            runs = "1 earlier run" if self.earlier.runs == 1 else f"{self.earlier.runs} earlier runs"
            since = f", begun {self.earlier.window[0]}" if self.earlier.window else ""
            lines.append(f"  {self.earlier.rows:,} of the rows by {runs} in {self.earlier.seconds:.1f} s{since}")
        if self.total is not None:
            lines.append(f"  counted by the portal: {self.rows:,} of {self.total:,}")
        if self.pinned_id is not None:
            lines.append(f"  every id up to {self.pinned_id:,}, the largest when the walk began")
        if self.window:
            lines.append(f"  portal time {self.window[0]} to {self.window[1]}")
        waits = ", ".join(
            f"{seconds:.1f} s for {reason}" for reason, seconds in self.waited_s.items() if seconds >= 0.05
        )
        if waits:
            lines.append(f"  waited {waits}")
        lines.extend(f"  {condition}" for condition in self.conditions)
        for column, coercion in self.coercions.items():
            lines.append(f"  {column}: {coercion.count:,} values did not fit and are null, such as {coercion.example}")
        if self.target:
            lines.append(f"  written to {self.target}")
        lines.extend(f"  note: {note}" for note in self.notes)
        return printable("\n".join(lines))
