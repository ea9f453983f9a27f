"""A client of a profile that is sent to another process travels as the profile's name, and connects there."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import ssl
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

import b24data
from b24data import B24OAuthParams, B24OAuthSecret, ConfigError, RestrictionParams, Sandbox
from b24data.auth.profiles import Profile, Profiles
from b24data.client.connect import connect_by

ROUNDS: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda one: pickle.loads(pickle.dumps(one)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.fixture(scope="module")
def portal() -> Generator[Sandbox, None, None]:
    with Sandbox(deals=60, rate_limit=None) as portal:
        yield portal


@pytest.fixture(autouse=True)
def profiles(portal, tmp_path, monkeypatch) -> Profiles:
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path))
    profiles = Profiles()
    secret = B24OAuthSecret.of(portal.oauth_secret())
    profiles.save(Profile(name="acme", portal=portal.url, secret=secret), B24OAuthParams.of(portal.oauth_params()))
    profiles.save(Profile(name="hook", portal=portal.url, webhook=portal.webhook_url))
    return profiles


@pytest.mark.parametrize("how", ROUNDS)
@pytest.mark.parametrize("name", ["acme", "hook"])
def test_a_client_of_a_profile__comes_back_as_another_client_of_it(portal, name, how):
    with b24data.connect(name, restriction_params=RestrictionParams(max_retries=3), timeout=7) as b24:
        again = ROUNDS[how](b24)
        with again:
            assert again is not b24
            assert repr(again) == repr(b24)
            assert again.session.params.max_retries == 3
            assert again.tools.fetch_all("crm.deal.list", ["ID"], progress=False)["ID"].tolist() == portal.truth().ids


@pytest.mark.parametrize("name", ["acme", "hook"])
def test_what_travels__has_no_secret_in_it(portal, name):
    with b24data.connect(name) as b24:
        sent = pickle.dumps([b24, b24.tools, b24.tools.fetch_all])
        params = b24.auth.params.reveal() if name == "acme" else {"url": portal.webhook_url.split("/")[-2]}
    assert name.encode() in sent
    hidden = [str(value) for value in {**params, **portal.oauth_secret()}.values() if len(str(value)) >= 12]
    assert [value for value in hidden if value.encode() in sent] == []


def test_a_pool_of_processes__runs_the_tools_of_a_profile(portal):
    context = multiprocessing.get_context("spawn")
    with b24data.connect("acme") as b24, ProcessPoolExecutor(1, mp_context=context) as pool:
        promise = pool.submit(b24.tools.fetch_all, "crm.deal.list", ["ID"], progress=False)
        frame = promise.result()
    assert frame["ID"].tolist() == portal.truth().ids
    assert frame.attrs["b24data"]["complete"]


@pytest.mark.parametrize("how", ROUNDS)
def test_many_portals__travel_as_names(portal, how):
    with b24data.connect_all(["acme"]) as portals, ROUNDS[how](portals) as again:
        assert again.names == ["acme"]
        assert len(again.tools.fetch_all("crm.deal.list", ["ID"], progress=False)) == 60


def test_a_profile_that_is_gone__is_missed_where_the_client_arrives(profiles):
    with b24data.connect("hook") as b24:
        sent = pickle.dumps(b24)
    profiles.delete("hook")
    with pytest.raises(ConfigError, match="there is no profile 'hook'"):
        pickle.loads(sent)


def brokered(b24: Any) -> Any:
    b24.set_custom_refresh_auth(dict)
    return b24


def watched(b24: Any) -> Any:
    b24.set_callback_refresh_auth(lambda **_: None)
    return b24


def through(b24: Any) -> Any:
    b24.set_http_client("v2", b24.session)
    return b24


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: brokered(b24data.connect("acme")), "its tokens go through a function of yours"),
        (lambda: watched(b24data.connect("acme")), "its tokens go through a function of yours"),
        (lambda: through(b24data.connect("acme")), "it calls through a session of yours"),
        (lambda: b24data.connect("acme", verify=ssl.create_default_context()), "verify is an SSLContext"),
        (lambda: connect_by(Profiles(Profiles().folder), "acme"), "which another process does not know"),
    ],
)
@pytest.mark.parametrize("how", ROUNDS)
def test_a_client_with_more_than_its_profile_says__stays_here(made, why, how):
    with made() as b24, pytest.raises(ConfigError, match=why):
        ROUNDS[how](b24)


@pytest.mark.parametrize("part", [lambda b24: b24.auth, lambda b24: b24.actions, lambda b24: b24.session])
def test_parts_of_a_client__stay_here(part):
    with b24data.connect("acme") as b24, pytest.raises(ConfigError, match="in the worker"):
        pickle.dumps(part(b24))
