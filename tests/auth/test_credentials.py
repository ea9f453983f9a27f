from __future__ import annotations

import pytest

from b24data.auth.webhook import HookCredentials
from b24data.errors import ConfigError
from b24data.http.context import CallContext
from b24data.http.credentials import check_endpoint
from b24data.secret import Secret

URL = "https://x.bitrix24.com/rest/12/s3cr3t/"


@pytest.mark.parametrize("url", [URL, URL[:-1], f"{URL}profile.json", "https://x.bitrix24.com/rest/api/12/s3cr3t/"])
def test_hook__the_address_may_be_pasted_in_any_form(url: str) -> None:
    hook = HookCredentials(url)
    assert (hook.portal, hook.user_id) == ("x.bitrix24.com", 12)
    assert hook.grant(CallContext()).endpoint == Secret(URL)


@pytest.mark.parametrize("url", ["https://x.bitrix24.com/rest/", "https://x.bitrix24.com/", "https://x/rest/a/b/"])
def test_hook__another_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="not the address of an incoming webhook"):
        HookCredentials(url)


@pytest.mark.parametrize("url", ["x.bitrix24.com/rest/1/s3cr3t/", "", "ftp://x/rest/1/s3cr3t/", "https:///rest/1/c/"])
def test_hook__an_address_without_a_scheme_says_so_without_the_secret(url: str) -> None:
    with pytest.raises(ConfigError, match="begins with https") as caught:
        HookCredentials(url)
    assert "s3cr3t" not in str(caught.value)


def test_hook__a_password_in_the_address_goes_nowhere() -> None:
    hook = HookCredentials("https://anna:pa55w0rd@x.bitrix24.com/rest/12/s3cr3t/")
    assert hook.endpoint.reveal() == URL
    assert "pa55w0rd" not in f"{vars(hook)} {hook.get_auth_data().reveal()} {hook.caller} {hook.get_uniq('a')}"


def test_hook__no_secret_is_shown() -> None:
    hook = HookCredentials(URL)
    assert "s3cr3t" not in repr(hook) + hook.application + repr(hook.grant(CallContext()))


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:80"])
def test_check_endpoint__plain_http_is_for_this_machine(host: str) -> None:
    assert check_endpoint(f"http://{host}/rest") == f"http://{host}/rest/"
    with pytest.raises(ConfigError, match="uses no encryption"):
        check_endpoint("http://x.bitrix24.com/rest/")
