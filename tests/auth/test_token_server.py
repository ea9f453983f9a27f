from __future__ import annotations

import json
from html import escape, unescape
from typing import Any
from urllib.parse import quote as quote_url
from urllib.parse import unquote

import pytest

from b24data.auth.token_server import may_see_secrets, merge_token_reply, read_token_reply, token_url
from b24data.errors import AuthorizationRequiredError, BadReplyError, ConfigError, RefreshTokenError, SdkError
from b24data.secret import Secret
from b24data.tokens import B24OAuthParams, EnumAppStatus
from tests.http.fakes import fault, reply

CURRENT = B24OAuthParams.of(
    {
        "access_token": "old",
        "refresh_token": "old-r",
        "member_id": "m1",
        "user_id": 7,
        "application_token": "app",
        "client_endpoint": "https://x.bitrix24.com/rest/",
        "expires": 500,
        "scope": "crm",
    }
)


@pytest.mark.parametrize(
    "endpoint",
    [
        *(
            "https://oauth.bitrix.info/rest/",
            "https://oauth.bitrix24.tech/rest/",
            "https://oauth.bitrix.info:443/rest/",
        ),
        "https://auth.acme.example/rest/",
    ],
)
def test_may_see_secrets__known_servers_and_this_machine(endpoint: str) -> None:
    assert may_see_secrets(endpoint, ["auth.acme.example"])


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:8080/rest/", "http://localhost/rest/", "https://[::1]:1/"])
@pytest.mark.parametrize(
    ("portal", "servers", "may"),
    [
        ("http://127.0.0.1:8080/rest/", [], True),
        ("http://localhost/rest/", [], True),
        ("https://acme.bitrix24.com/rest/", [], False),
        ("https://127.0.0.1.evil.example/rest/", [], False),
        ("", [], False),
        ("https://acme.bitrix24.com/rest/", ["127.0.0.1", "localhost", "::1"], True),
    ],
)
def test_may_see_secrets__a_program_of_this_machine_only_for_a_portal_that_is_on_it(
    endpoint: str, portal: str, servers: list[str], may: bool
) -> None:
    assert may_see_secrets(endpoint, servers, portal=portal) is may


@pytest.mark.parametrize(
    "endpoint",
    [
        *("http://oauth.bitrix.info/rest/", "https://oauth.bitrix.info.evil.example/", "https://evil.example/rest/"),
        *("https://oauth.bitrix.info@evil.example/", "oauth.bitrix.info", "", "http://auth.acme.example/rest/"),
        *("https://127.0.0.1.evil.example.com/", "https://[", "https://oauth.bitrix.info:x/", "http://127.0.0.1/rest/"),
    ],
)
def test_may_see_secrets__nobody_else(endpoint: str) -> None:
    assert not may_see_secrets(endpoint, ["auth.acme.example"])
    with pytest.raises(ConfigError, match="not a known authorization server"):
        token_url(endpoint, ["auth.acme.example"])


def test_read_token_reply__a_dead_refresh_token_means_signing_in_again() -> None:
    with pytest.raises(AuthorizationRequiredError, match="sign in again") as caught:
        read_token_reply(fault("invalid_grant", 400, "expired"))
    assert (caught.value.code, caught.value.status) == ("invalid_grant", 400)


@pytest.mark.parametrize(
    "code",
    [
        *("invalid_client", "PAYMENT_REQUIRED", "invalid_scope", "insufficient_scope", "wrong_client"),
        *("invalid_request", "NOT_INSTALLED", "ERROR_OAUTH", "APPLICATION_NOT_FOUND", "SOMETHING_NEW"),
    ],
)
def test_read_token_reply__another_refusal_says_what_to_do(code: str) -> None:
    with pytest.raises(RefreshTokenError) as caught:
        read_token_reply(fault(code, 400))
    assert not isinstance(caught.value, AuthorizationRequiredError)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize("code", ["", 0, None])
def test_read_token_reply__a_refusal_without_a_code_has_the_servers_words(code: Any) -> None:
    with pytest.raises(RefreshTokenError, match="Application not found") as caught:
        read_token_reply(reply({"error": code, "error_description": "Application not found"}, 400))
    assert caught.value.hint


QUOTES = {
    "as it is": "the token {} is dead",
    "in capitals": "the token {} is dead".upper(),
    "percent-encoded": "redirect_uri=%2F%3Ft%3D{}",
    "HTML-escaped": "<b>&#x27;{}&#x27;</b>",
    "in other words": "unbekannt:{};",
    "among letters": "x{}x",
}


@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize("key", ["refresh_token", "client_secret"])
@pytest.mark.parametrize("secret", ["My.Dog-2026!", "qwertyuiop", "Zz/9+x==", "1234567890"])
@pytest.mark.parametrize("place", ["error", "error_description", "page"])
def test_read_token_reply__a_secret_that_was_sent_is_quoted_in_no_form(
    place: str, secret: str, key: str, quote: str
) -> None:
    text = QUOTES[quote].format(escape(quote_url(secret, safe="") if "percent" in quote else secret))
    given = {"error": "invalid_client", "error_description": "no", place: text}
    body = f"<html><body>{text}</body></html>".encode() if place == "page" else json.dumps(given).encode()
    with pytest.raises(SdkError) as caught:
        read_token_reply(reply(body, 400), {"grant_type": "refresh_token", key: Secret(secret)})
    shown = unescape(unquote(f"{caught.value} {vars(caught.value)} {caught.value.__cause__!r}"))
    assert secret.lower() not in shown.lower()


@pytest.mark.parametrize("status", [429, 500, 502, 503])
@pytest.mark.parametrize("code", ["QUERY_LIMIT_EXCEEDED", "INTERNAL_SERVER_ERROR", "invalid_grant", ""])
def test_read_token_reply__a_server_that_can_not_answer_now_has_refused_nothing(code: str, status: int) -> None:
    with pytest.raises(BadReplyError, match="busy") as caught:
        read_token_reply(fault(code, status, "busy"))
    assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b"null", b'{"access_token": ""}'])
def test_read_token_reply__what_is_no_answer_is_no_pair(body: bytes) -> None:
    with pytest.raises(BadReplyError):
        read_token_reply(reply(body))


def test_read_token_reply__a_405_has_a_sentence_of_its_own() -> None:
    with pytest.raises(RefreshTokenError, match="does not accept POST"):
        read_token_reply(reply(b"<html>", 405))


def merge(**data: Any) -> B24OAuthParams:
    return merge_token_reply(CURRENT, {"access_token": "new", "refresh_token": "new-r", **data}, 10_000.4)


def test_merge_token_reply__takes_what_came_and_keeps_the_rest() -> None:
    merged = merge(
        expires_in=3600,
        domain="oauth.bitrix.info",
        client_endpoint="https://moved.bitrix24.com/rest/",
        server_endpoint="https://oauth.bitrix24.tech/rest/",
        scope="crm,task",
        status="T",
    )
    assert (merged.access_token, merged.refresh_token) == ("new", "new-r")
    assert (merged.domain, merged.client_endpoint) == ("moved.bitrix24.com", "https://moved.bitrix24.com/rest/")
    assert merged.server_endpoint == "https://oauth.bitrix24.tech/rest/"
    assert (merged.scope, merged.status) == ("crm,task", EnumAppStatus.Trial)
    assert (merged.user_id, merged.member_id, merged.application_token) == (7, "m1", "app")
    assert merged.expires == 13_600


def test_merge_token_reply__takes_the_spelling_of_the_js_sdk() -> None:
    merged = merge_token_reply(CURRENT, {"accessToken": "new", "expires": "777"}, 0.0)
    assert (merged.access_token, merged.refresh_token, merged.expires) == ("new", "old-r", 777)


@pytest.mark.parametrize("data", [{"expires_in": None}, {"status": "?"}, {"status": None}, {"client_endpoint": None}])
def test_merge_token_reply__bears_what_is_missing(data: dict[str, Any]) -> None:
    assert merge(**data).access_token == "new"


def test_merge_token_reply__a_foreign_server_is_not_believed() -> None:
    assert merge(server_endpoint="https://evil.example/rest/").server_endpoint == CURRENT.server_endpoint


@pytest.mark.parametrize(
    "named",
    [
        *(
            "",
            "http://oauth.bitrix.info/rest/",
            "http://127.0.0.1:9/rest/",
            "https://localhost/rest/",
            "https://[",
            "x",
        ),
        "https://oauth.bitrix.info.evil.example/rest/",
    ],
)
def test_merge_token_reply__names_no_other_server_for_the_secret(named: str) -> None:
    assert merge(server_endpoint=named).server_endpoint == CURRENT.server_endpoint


def test_merge_token_reply__names_no_other_program_of_this_machine_either() -> None:
    here = "http://127.0.0.1:8080/rest/"
    current = CURRENT.replace(client_endpoint=here, server_endpoint=here)
    named = {"server_endpoint": "http://127.0.0.1:9/rest/", "client_endpoint": "http://127.0.0.1:9/rest/"}
    merged = merge_token_reply(current, {"access_token": "new", **named}, 0.0)
    assert (merged.server_endpoint, merged.client_endpoint) == (here, "http://127.0.0.1:9/rest/")


@pytest.mark.parametrize(
    ("named", "taken"),
    [
        ("http://x.bitrix24.com/rest/", "https://x.bitrix24.com/rest/"),
        ("http://portal.example:8080/rest/", "https://portal.example:8080/rest/"),
        ("HTTP://moved.bitrix24.de/rest/", "https://moved.bitrix24.de/rest/"),
        ("http://127.0.0.1:9/rest/", "https://x.bitrix24.com/rest/"),
        ("http://[::1]/rest/", "https://x.bitrix24.com/rest/"),
        ("http://localhost/rest/", "https://x.bitrix24.com/rest/"),
    ],
)
def test_merge_token_reply__sends_no_token_in_clear_text_and_none_to_a_program_of_this_machine(
    named: str, taken: str
) -> None:
    assert merge(client_endpoint=named).client_endpoint == taken


@pytest.mark.parametrize("value", [1e400, -5, 10**30, "7" * 30, -1e308])
def test_merge_token_reply__a_life_of_any_length_is_a_bounded_number(value: Any) -> None:
    try:
        merged = merge(expires_in=value, expires=value, user_id=value)
    except RefreshTokenError:
        assert value == 1e400  # no whole number
    else:
        assert 0 <= merged.expires_in <= 10**11
        assert 0 <= merged.expires <= 10**12


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "member_id", "scope", "application_token"])
@pytest.mark.parametrize("value", [["x"], {"a": "b"}, 1.5])
def test_merge_token_reply__what_is_no_text_is_refused(name: str, value: Any) -> None:
    with pytest.raises(RefreshTokenError):
        merge(**{name: value})


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"access_token":' + b"[" * 500 + b"]" * 500 + b"}", b'{"a":1e999'])
def test_read_token_reply__of_any_depth_is_no_pair(body: bytes) -> None:
    with pytest.raises(SdkError):
        merge_token_reply(CURRENT, read_token_reply(reply(body)), 0.0)


def test_merge_token_reply__the_pair_of_another_portal_is_refused() -> None:
    with pytest.raises(RefreshTokenError, match="another portal"):
        merge(member_id="m2")


@pytest.mark.parametrize("data", [{"access_token": ""}, {"expires_in": "soon"}, {"client_endpoint": "nowhere"}])
def test_merge_token_reply__nonsense_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(RefreshTokenError):
        merge(**data)
