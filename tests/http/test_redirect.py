from __future__ import annotations

import pytest

from b24data.errors import TransportError
from b24data.http.redirect import moved_endpoint
from b24data.secret import Secret

OLD = "https://b24-x1.bitrix24.com/rest/1/code/"


@pytest.mark.parametrize(
    ("endpoint", "location", "moved"),
    [
        (OLD, "https://acme.bitrix24.com/rest/1/code/profile", "https://acme.bitrix24.com/rest/1/code/"),
        (OLD, "https://acme.bitrix24.com.br/x", "https://acme.bitrix24.com.br/rest/1/code/"),
        (
            "https://crm.acme.example/rest/",
            "https://crm.acme.example:8443/rest/x",
            "https://crm.acme.example:8443/rest/",
        ),
        ("http://127.0.0.1:80/rest/", "http://127.0.0.1:81/rest/profile", "http://127.0.0.1:81/rest/"),
        ("http://127.0.0.1:80/rest/", "http://localhost:81/rest/profile", "http://localhost:81/rest/"),
    ],
)
def test_moved_endpoint__host_and_port_are_taken_and_the_path_is_kept(endpoint: str, location: str, moved: str) -> None:
    assert moved_endpoint("profile", Secret(endpoint), Secret(location)).reveal() == moved


@pytest.mark.parametrize(
    ("endpoint", "location"),
    [
        (OLD, "https://evilbitrix24.com/rest/"),
        (OLD, "https://acme.bitrix24.com.evil.example/rest/"),
        (OLD, "https://bitrix24.com@evil.example/rest/"),
        (OLD, "https://bitrix24.com/rest/"),
        (OLD, "http://acme.bitrix24.com/rest/"),
        (OLD, "https://crm.acme.example/rest/"),
        (OLD, "https://127.0.0.1/rest/"),
        (OLD, "javascript:alert(1)"),
        (OLD, "https://[::1/rest/"),
        ("http://127.0.0.1/rest/", "http://10.0.0.1/rest/"),
        ("https://crm.acme.example/rest/", "https://other.acme.example/rest/"),
    ],
)
def test_moved_endpoint__secrets_do_not_follow_to_a_stranger(endpoint: str, location: str) -> None:
    with pytest.raises(TransportError, match=r"which is not followed|an invalid address") as caught:
        moved_endpoint("profile", Secret(endpoint), Secret(location))
    assert caught.value.code == "FOREIGN_REDIRECT"
    assert "code" not in str(caught.value).replace("client_endpoint", "")
