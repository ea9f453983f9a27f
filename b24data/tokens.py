"""The pair of tokens and the key of an application: value objects that a caller makes or receives.

None of them shows a secret: not in a repr, a copy, a pickle, JSON, ``dataclasses.asdict``, or as a variable of a
traceback. Who asks for one by name (``params.access_token``, ``auth_data["access_token"]``) gets plain text.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from b24data.errors import ConfigError
from b24data.secret import Hidden, Secret, SecretHolder, hide
from b24data.text.redact import masked


class EnumAppStatus(enum.StrEnum):
    """The status of an application on its portal, as a token reply and ``app.info`` give it."""

    Free = "F"
    Demo = "D"
    Trial = "T"
    Paid = "P"
    Local = "L"
    Subscription = "S"


class AuthData(SecretHolder):
    """What ``auth.get_auth_data()`` gives, and a callback after a refresh: the keys that the JS SDK uses.

    ``expires`` is unix seconds, ``expires_in`` seconds. The tokens are plain text for who asks for them
    (``data["access_token"]``, ``data.access_token``, ``dict(data)``, ``data.reveal()``), and shown by nothing else.

    >>> data = AuthData(access_token="a-secret", refresh_token="", expires=0, expires_in=0, domain="x", member_id="")
    >>> data, data["access_token"]
    (AuthData(expires=0, expires_in=0, domain='x', member_id=''), 'a-secret')
    """

    __slots__ = ("_access_token", "_refresh_token", "domain", "expires", "expires_in", "member_id")

    access_token = Hidden()
    refresh_token = Hidden()
    expires: int
    expires_in: int
    domain: str
    member_id: str

    def __init__(
        self,
        *,
        access_token: str | Secret[str],
        refresh_token: str | Secret[str],
        expires: int,
        expires_in: int,
        domain: str,
        member_id: str,
    ) -> None:
        self._keep(
            access_token=access_token,
            refresh_token=refresh_token,
            expires=expires,
            expires_in=expires_in,
            domain=domain,
            member_id=member_id,
        )

    def keys(self) -> tuple[str, ...]:
        """The keys, so that ``dict(data)`` works."""
        return self.NAMES

    def __getitem__(self, name: str) -> Any:
        if name not in self.NAMES:
            raise KeyError(name)
        return getattr(self, name)


# What an install event calls the fields; every other key is the field's name in some case.
_EVENT_NAMES = {
    "auth_id": "access_token",
    "refresh_id": "refresh_token",
    "auth_expires": "expires_in",
    "app_sid": "application_token",
}


_FARTHEST = 10**11  # of unix seconds and ids: the year 5138


def _field_name(key: str) -> str:
    snake = key.lower() if key.isupper() else "".join(f"_{c.lower()}" if c.isupper() else c for c in key)
    return _EVENT_NAMES.get(snake, snake)


class B24OAuthParams(SecretHolder):
    """A pair of tokens and the portal it belongs to: the JS SDK's 12 fields, in its order.

    ``expires`` is unix seconds, ``expires_in`` seconds. :meth:`of` also takes a mapping in the JS spelling
    (``accessToken``), in snake_case, or as a portal sends it (a token reply, an install event's ``AUTH_ID``).
    The tokens are plain text for who asks for them by name, and shown by nothing else; ``reveal()`` gives all fields
    as a plain dict. A password in an address is dropped.

    >>> params = B24OAuthParams.of({"accessToken": "a-secret", "clientEndpoint": "https://x.bitrix24.com/rest/"})
    >>> params.domain, params.access_token
    ('x.bitrix24.com', 'a-secret')
    >>> "a-secret" in repr(params)
    False
    """

    __slots__ = (
        "_access_token",
        "_application_token",
        "_refresh_token",
        "client_endpoint",
        "domain",
        "expires",
        "expires_in",
        "member_id",
        "scope",
        "server_endpoint",
        "status",
        "user_id",
    )

    application_token = Hidden()
    user_id: int
    member_id: str
    access_token = Hidden()
    refresh_token = Hidden()
    expires: int
    expires_in: int
    scope: str
    domain: str
    client_endpoint: str
    server_endpoint: str
    status: EnumAppStatus

    def __init__(  # noqa: PLR0917  the order of the JS SDK
        self,
        application_token: str | Secret[str] = "",
        user_id: int = 0,
        member_id: str = "",
        access_token: str | Secret[str] = "",
        refresh_token: str | Secret[str] = "",
        expires: int = 0,
        expires_in: int = 3600,
        scope: str = "",
        domain: str = "",
        client_endpoint: str | Secret[str] = "",
        server_endpoint: str | Secret[str] = "https://oauth.bitrix.info/rest/",
        status: EnumAppStatus = EnumAppStatus.Local,
    ) -> None:
        self._keep(
            application_token=application_token,
            user_id=user_id,
            member_id=member_id,
            access_token=access_token,
            refresh_token=refresh_token,
            expires=expires,
            expires_in=expires_in,
            scope=scope,
            domain=_without_password(domain),
            client_endpoint=_without_password(client_endpoint),
            server_endpoint=_without_password(server_endpoint),
            status=status,
        )

    @classmethod
    def of(cls, value: B24OAuthParams | AuthData | Mapping[str, Any]) -> B24OAuthParams:
        """The same value as ``B24OAuthParams``; a mapping may use any of the three spellings.

        Raises :class:`ConfigError` that names what is missing or makes no sense.
        """
        value = value.hidden() if isinstance(value, SecretHolder) else hide(value)
        given = _by_field(cls, value)
        try:
            for name in ("user_id", "expires", "expires_in"):
                number = int(given.get(name) or getattr(_EMPTY_PAIR, name))
                given[name] = min(max(number, 0), _FARTHEST)
            given["status"] = EnumAppStatus(given.get("status") or EnumAppStatus.Local)
        except (TypeError, ValueError, OverflowError) as error:
            raise ConfigError(f"the token data has a wrong value: {error}") from error
        if odd := [name for name, text in given.items() if not isinstance(text, str | Secret | int | None)]:
            raise ConfigError(f"the token data has a wrong value: {odd[0]} is a {type(given[odd[0]]).__name__}")
        if not given.get("access_token") and not given.get("refresh_token"):
            raise ConfigError(
                "the token data has neither an access token nor a refresh token",
                hint="pass access_token (accessToken, AUTH_ID) and refresh_token (refreshToken, REFRESH_ID)",
            )
        given.update(_portal_of(given))
        return cls(**{name: content for name, content in given.items() if content is not None})


def _without_password(address: str | Secret[str]) -> str:
    """``address`` without what stands before its host for HTTP authentication."""
    address = Secret(address)
    return re.sub(r"^([a-z][a-z0-9+.-]*://)?[^/?#]*@", r"\1", address.reveal(), count=1, flags=re.IGNORECASE)


def _by_field(cls: type[SecretHolder], value: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"{cls.__name__} is made of a mapping, and this is a {type(value).__name__}",
            hint='write {"access_token": ..., "refresh_token": ..., "domain": ...} for the tokens, '
            'and {"client_id": ..., "client_secret": ...} for the application',
        )
    return {name: content for key, content in value.items() if (name := _field_name(str(key))) in cls.NAMES}


def _portal_of(given: Mapping[str, Any]) -> dict[str, str]:
    """The portal's domain and REST root. In a token reply ``domain`` is the authorization server's.

    Source: b24restdocs, settings/oauth/index.md: the portal is ``client_endpoint``.
    """
    endpoint, domain = (_address(given.get(name)) for name in ("client_endpoint", "domain"))
    if not endpoint and not domain:
        raise ConfigError(
            "the token data does not say which portal it belongs to",
            hint="pass client_endpoint (https://your-portal.bitrix24.com/rest/) or domain",
        )
    if isinstance(endpoint, Secret) or isinstance(domain, Secret):
        raise ConfigError("client_endpoint is a webhook, and a webhook has no tokens", hint="pass it to B24Hook(url)")
    if not endpoint:
        domain = domain.removesuffix("/")
        endpoint = f"{domain if '://' in domain else f'https://{domain}'}/rest/"
    try:
        parts = urlsplit(endpoint)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigError(
            f"client_endpoint is not an address of a portal: {endpoint!r}",
            hint="such as https://your-portal.bitrix24.com/rest/",
        )
    return {"client_endpoint": endpoint if endpoint.endswith("/") else f"{endpoint}/", "domain": parts.netloc}


def _address(given: Any) -> str | Secret[str]:
    """An address without its password; still a secret where a webhook is in it."""
    address = Secret(_without_password(given if isinstance(given, Secret) else str(given or "")))
    return address.reveal() if masked(address.reveal()) == address.reveal() else address


_EMPTY_PAIR = B24OAuthParams()


class B24OAuthSecret(SecretHolder):
    """What a portal issues for an application: Developer resources > Other > Local application.

    >>> B24OAuthSecret("local.5f", "a-secret")
    B24OAuthSecret(client_id='local.5f')
    """

    __slots__ = ("_client_secret", "client_id")

    client_id: str
    client_secret = Hidden()

    def __init__(self, client_id: str, client_secret: str | Secret[str]) -> None:
        self._keep(client_id=client_id, client_secret=client_secret)

    @classmethod
    def of(cls, value: B24OAuthSecret | Mapping[str, Any]) -> B24OAuthSecret:
        """The same value as ``B24OAuthSecret``; a mapping may say ``clientId`` or ``client_id``."""
        value = cast("B24OAuthSecret | Mapping[str, Any]", hide(value))
        if isinstance(value, B24OAuthSecret):
            return value
        given = _by_field(cls, value)
        for name in ("client_id", "client_secret"):
            if not given.get(name):
                raise ConfigError(f"the application's {name} is missing", hint="the application's settings show it")
        return cls(**given)
