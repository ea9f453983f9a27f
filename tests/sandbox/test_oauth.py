"""The authorization server and the tokens it issues."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest


def exchange(http, portal, verb="POST", **asked):
    asked = {**portal.oauth_secret(), **asked}
    url = f"{portal.url}/oauth/token/"
    return http.post(url, data=asked) if verb == "POST" else http.get(url, params=asked)


def deals(http, portal, token):
    return http.post(f"{portal.url}/rest/crm.deal.list", json={"auth": token, "select": ["ID"]})


def test_authorize__sends_the_browser_back_with_a_code(start, http):
    portal = start(redirect_uri="http://127.0.0.1:9/callback")
    asked = {"client_id": portal.oauth_secret()["client_id"], "state": "a b&c"}
    reply = http.get(f"{portal.url}/oauth/authorize/", params=asked)
    back = urlsplit(reply.headers["location"])
    given = {name: values[0] for name, values in parse_qs(back.query).items()}
    assert reply.status_code == 302
    assert (back.netloc, back.path) == ("127.0.0.1:9", "/callback")
    assert given["state"] == "a b&c"
    assert set(given) == {"code", "state", "domain", "member_id", "scope", "server_domain"}
    pair = exchange(http, portal, grant_type="authorization_code", code=given["code"]).json()
    assert deals(http, portal, pair["access_token"]).status_code == 200


def test_authorize__without_a_return_address_shows_the_code_on_a_page(portal, http):
    reply = http.get(f"{portal.url}/oauth/authorize/?client_id={portal.oauth_secret()['client_id']}")
    assert "Authorization code" in reply.text


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_refresh__rotates_the_pair(portal, http, verb):
    old = portal.oauth_params()
    new = exchange(http, portal, verb, grant_type="refresh_token", refresh_token=old["refresh_token"]).json()
    assert new["refresh_token"] != old["refresh_token"]
    assert new["client_endpoint"] == f"{portal.url}/rest/"
    assert set(new) >= {"expires", "expires_in", "user_id", "member_id", "scope", "status", "server_endpoint"}
    assert deals(http, portal, new["access_token"]).status_code == 200
    assert portal.stats.refreshes == 1


def test_refresh__a_used_token_is_refused_and_counted(portal, http):
    old = portal.oauth_params()["refresh_token"]
    exchange(http, portal, grant_type="refresh_token", refresh_token=old)
    again = exchange(http, portal, grant_type="refresh_token", refresh_token=old)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (portal.stats.refreshes, portal.stats.reused_refresh_tokens) == (1, 1)


def test_code__works_once(portal, http):
    code = portal.authorization_code()
    replies = [exchange(http, portal, grant_type="authorization_code", code=code) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 400]


def test_code__lives_thirty_portal_seconds(start, http):
    portal = start(time_scale=10**7)
    reply = exchange(http, portal, grant_type="authorization_code", code=portal.authorization_code())
    assert reply.json()["error"] == "invalid_grant"


def test_secret__a_wrong_one_is_refused(portal, http):
    pair = portal.oauth_params()
    reply = exchange(http, portal, grant_type="refresh_token", refresh_token=pair["refresh_token"], client_secret="no")
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")


def test_access_token__lives_so_many_requests(start, http):
    portal = start(token_ttl_requests=3)
    token = portal.oauth_params()["access_token"]
    replies = [deals(http, portal, token) for _ in range(5)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 401, 401]
    assert replies[-1].json()["error"] == "expired_token"
    assert portal.stats.deaths == 1


def test_access_token__lives_so_many_portal_seconds(start, http):
    portal = start(token_ttl_s=5, time_scale=1_000_000)
    assert deals(http, portal, portal.oauth_params()["access_token"]).json()["error"] == "expired_token"


def test_access_token__in_body_query_or_header(portal, http):
    token = portal.oauth_params()["access_token"]
    url = f"{portal.url}/rest/crm.deal.list"
    assert http.post(url, json={"auth": token}).status_code == 200
    assert http.post(url, data={"auth": token}).status_code == 200
    assert http.get(url, params={"auth": token}).status_code == 200
    assert http.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert http.get(url, params={"auth": "wrong"}).json()["error"] == "NO_AUTH_FOUND"


def test_expire_and_revoke__what_still_works(portal, http):
    pair = portal.oauth_params()
    portal.expire_tokens()
    assert deals(http, portal, pair["access_token"]).status_code == 401
    new = exchange(http, portal, grant_type="refresh_token", refresh_token=pair["refresh_token"]).json()
    portal.revoke()
    assert deals(http, portal, new["access_token"]).status_code == 401
    refused = exchange(http, portal, grant_type="refresh_token", refresh_token=new["refresh_token"])
    assert refused.json()["error"] == "invalid_grant"
    assert portal.stats.reused_refresh_tokens == 0


def test_token_methods__a_server_that_takes_no_post(start, http):
    portal = start(token_methods=["GET"])
    token = portal.oauth_params()["refresh_token"]
    assert exchange(http, portal, grant_type="refresh_token", refresh_token=token).status_code == 405


def test_move__the_old_address_answers_302_with_the_new_one(portal, http):
    token, old = portal.oauth_params()["access_token"], portal.url
    new = portal.move()
    reply = http.post(f"{old}/rest/crm.deal.list?x=1", json={"auth": token})
    assert (reply.status_code, reply.headers["location"]) == (302, f"{new}/rest/crm.deal.list?x=1")
    assert http.post(reply.headers["location"], json={"auth": token}).json()["total"] == 230
    assert portal.oauth_params()["client_endpoint"] == f"{new}/rest/"


def test_move__to_another_name(portal, http):
    new = portal.move(host="localhost")
    assert new.startswith("http://localhost:")
    assert http.post(portal.webhook_url + "server.time").status_code == 200
