"""Each example of the JS SDK's page on B24OAuth, in Python, in its order.

Source: bitrix24/b24jssdk, docs/content/docs/2.working-with-the-rest-api/40.oauth.md.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from b24data import (
    ApiVersion,
    B24OAuth,
    B24OAuthParams,
    EnumAppStatus,
    RefreshTokenError,
    RestrictionParams,
    Sandbox,
    SdkError,
)


@pytest.fixture(scope="module")
def portal() -> Iterator[Sandbox]:
    with Sandbox(deals=3, tasks=60, rate_limit=None, cost=0.0) as portal:
        yield portal


def js_options(portal: Sandbox) -> dict[str, Any]:
    """The first argument of the page's first example, with the sandbox's values for its placeholders."""
    pair = portal.oauth_params()
    return {
        "applicationToken": "0" * 32,
        "userId": 1,
        "memberId": pair["member_id"],
        "accessToken": pair["access_token"],
        "refreshToken": pair["refresh_token"],
        "expires": pair["expires"],
        "expiresIn": 3600,
        "scope": "crm,catalog,user_brief",
        "domain": portal.url.partition("://")[2],
        "clientEndpoint": f"{portal.url}/rest/",
        "serverEndpoint": pair["server_endpoint"],
        "status": EnumAppStatus.Free,
    }


@pytest.fixture
def b24(portal: Sandbox) -> Iterator[B24OAuth]:
    secret = portal.oauth_secret()
    with B24OAuth(
        js_options(portal), {"clientId": secret["client_id"], "clientSecret": secret["client_secret"]}
    ) as b24:
        yield b24


def test_creating_an_instance__and_the_first_call(b24: B24OAuth) -> None:
    response = b24.actions.v2.call.make(
        method="tasks.task.list", params={"select": ["ID", "TITLE", "STATUS"]}, request_id="tasks-list"
    )
    assert response.is_success
    data = response.get_data()
    assert data is not None
    assert len(data["result"]["tasks"]) == 50


def test_constructor__takes_restriction_params_and_is_ready_at_once(portal: Sandbox) -> None:
    with B24OAuth(
        js_options(portal), portal.oauth_secret(), restriction_params=RestrictionParams(max_retries=5)
    ) as b24:
        assert b24.is_init is True
        assert b24.get_http_client(ApiVersion.V3).params.max_retries == 5


def test_params__have_the_twelve_fields_in_the_order_of_the_page(portal: Sandbox) -> None:
    options = js_options(portal)
    params = B24OAuthParams.of(options)
    names = list(B24OAuthParams.NAMES)
    assert [name.replace("_", "") for name in names] == [name.lower() for name in options]
    assert [getattr(params, name) for name in names] == list(options.values())


def test_status__has_the_six_letters_of_the_page() -> None:
    assert {status.name: status.value for status in EnumAppStatus} == {
        "Free": "F",
        "Demo": "D",
        "Trial": "T",
        "Paid": "P",
        "Local": "L",
        "Subscription": "S",
    }


def test_refresh_flow__an_expired_token_is_renewed_and_every_field_updated(portal: Sandbox, b24: B24OAuth) -> None:
    before = b24.auth.params
    portal.expire_tokens()
    assert b24.actions.v2.call.make(method="profile").is_success
    after = b24.auth.params
    assert after.access_token != before.access_token
    assert after.refresh_token != before.refresh_token
    assert (after.status, after.scope) == (EnumAppStatus.Local, "crm,department,task,user")
    assert after.client_endpoint == before.client_endpoint


def test_persisting__the_callback_gets_the_new_pair(portal: Sandbox, b24: B24OAuth) -> None:
    saved: dict[str, Any] = {}

    def save(*, auth_data: Any, b24_oauth_params: B24OAuthParams) -> None:
        saved.update(
            access_token=b24_oauth_params.access_token,
            refresh_token=b24_oauth_params.refresh_token,
            expires=b24_oauth_params.expires,
            expires_in=b24_oauth_params.expires_in,
            member_id=auth_data["member_id"],
        )

    b24.set_callback_refresh_auth(save)
    portal.expire_tokens()
    b24.actions.v2.call.make(method="profile")
    assert {name: getattr(b24.auth.params, name) for name in saved} == saved
    b24.remove_callback_refresh_auth()
    saved.clear()
    b24.auth.refresh_auth()
    assert saved == {}


def test_custom_refresh__a_broker_gives_the_next_pair(portal: Sandbox, b24: B24OAuth) -> None:
    def fetch() -> dict[str, Any]:
        fresh = portal.oauth_params()
        names = "access_token refresh_token expires expires_in client_endpoint server_endpoint member_id scope status"
        return {**{name: fresh[name] for name in names.split()}, "domain": fresh["domain"]}

    b24.set_custom_refresh_auth(fetch)
    refreshes = portal.stats.refreshes
    portal.expire_tokens()
    assert b24.actions.v2.call.make(method="profile").is_success
    assert portal.stats.refreshes == refreshes
    b24.remove_custom_refresh_auth()
    b24.auth.refresh_auth()
    assert portal.stats.refreshes == refreshes + 1


def test_init_is_admin__is_needed_before_is_admin(b24: B24OAuth) -> None:
    with pytest.raises(SdkError, match=r"isAdmin not init\. You need call B24OAuth::initIsAdmin\(\)\."):
        _ = b24.auth.is_admin
    b24.init_is_admin("boot:isAdmin")
    assert b24.auth.is_admin is True


def test_off_client_side_warning__is_for_python_in_a_browser(portal: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "emscripten")
    b24 = portal.connect()
    b24.off_client_side_warning()
    assert b24.get_http_client().call("profile").data()["ID"] == "1"


def test_target_origin__and_the_root_of_each_version(portal: Sandbox, b24: B24OAuth) -> None:
    assert b24.get_target_origin() == portal.url
    assert b24.get_target_origin_with_path()[ApiVersion.V2] == f"{portal.url}/rest/"
    assert b24.get_target_origin_with_path()[ApiVersion.V3] == f"{portal.url}/rest/api/"


def test_inherited__http_client_restrictions_logger_and_destroy(b24: B24OAuth) -> None:
    client = b24.get_http_client(ApiVersion.V2)
    b24.set_http_client(ApiVersion.V2, client)
    b24.set_restriction_manager_params(RestrictionParams.batch_processing())
    assert client.params.max_retries == 5
    logger = logging.getLogger("my.app")
    b24.set_logger(logger)
    assert b24.get_logger() is logger is client.logger
    b24.destroy()


def test_auth__has_the_members_of_auth_actions(portal: Sandbox, b24: B24OAuth) -> None:
    data = b24.auth.get_auth_data()
    assert data is not None
    assert data["access_token"] == b24.auth.params.access_token
    assert b24.auth.refresh_auth()["access_token"] != data["access_token"]
    assert b24.auth.get_uniq("prefix") == f"prefix_{data['member_id']}"


def test_error_handling__a_rest_error_is_in_the_result_and_a_dead_refresh_token_raises(portal: Sandbox) -> None:
    with portal.connect() as b24:
        response = b24.actions.v3.call.make(
            method="tasks.task.get", params={"id": 10**9, "select": ["id", "title"]}, request_id="task-get-1"
        )
        assert not response.is_success
        assert response.get_error_messages()
        portal.revoke()
        with pytest.raises(RefreshTokenError) as caught:
            b24.actions.v3.call.make(method="tasks.task.get", params={"id": 1})
        assert (caught.value.code, caught.value.status) == ("invalid_grant", 400)
        assert caught.value.description
