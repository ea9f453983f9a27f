"""Profiles and tokens on disk, with whatever bytes: what can be used, or an error of ours."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b24data.auth.profiles import Profile, Profiles
from b24data.auth.store import StoredTokens
from b24data.errors import SdkError
from b24data.tokens import B24OAuthParams, B24OAuthSecret

PAIR = {
    "accessToken": "first-access",
    "refreshToken": "first-refresh",
    "clientEndpoint": "https://acme.bitrix24.com/rest/",
    "memberId": "m",
    "userId": 1,
    "expires": 1_800_000_000,
}
changes = st.lists(
    st.tuples(
        st.floats(0, 1), st.binary(max_size=4) | st.sampled_from([b"[]", b"null", b"1e999", b"{}"]), st.integers(0, 6)
    ),
    min_size=1,
    max_size=4,
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=3,
)


@pytest.fixture
def profiles(tmp_path) -> Profiles:
    return Profiles(tmp_path / "profiles")


def keep(profiles: Profiles) -> None:
    profile = Profile(name="acme", portal="acme.bitrix24.com", secret=B24OAuthSecret("app", "first-secret"))
    profiles.save(profile, B24OAuthParams.of(PAIR))


def check(profiles: Profiles) -> None:
    """Everything that is done with a profile before anything is sent."""
    list(profiles.known())
    try:
        profile = profiles.load("acme")
        assert isinstance(profile.portal, str)
        kept = profiles.store("acme").load()
    except SdkError:
        return
    if kept is not None:
        assert isinstance(kept, StoredTokens)
        assert isinstance(kept.generation, int)
        assert kept.refreshing is None or math.isfinite(kept.refreshing)
        assert isinstance(kept.params.expires, int | float)
        assert isinstance(kept.params.client_endpoint, str)


FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def change_bytes(profiles: Profiles, how: list[tuple[float, bytes, int]]) -> None:
    keep(profiles)
    file = profiles.folder / "acme.json"
    data = bytearray(file.read_bytes())
    for where, new, gone in how:
        at = int(where * len(data))
        data[at : at + gone] = new
    file.write_bytes(data)
    check(profiles)


def change_values(profiles: Profiles, data: st.DataObject) -> None:
    keep(profiles)
    file = profiles.folder / "acme.json"
    stored = json.loads(file.read_text("utf-8"))
    place = data.draw(st.sampled_from([stored, stored["secret"], stored["tokens"], stored["tokens"]["params"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(values)
    file.write_text(json.dumps(stored), "utf-8")
    check(profiles)


@FEW
@given(how=changes)
def test_fuzz__bytes_of_a_profile(profiles, how):
    change_bytes(profiles, how)


@FEW
@given(data=st.data())
def test_fuzz__values_of_a_profile(profiles, data):
    change_values(profiles, data)


@pytest.mark.soak
@settings(FEW, max_examples=5_000)
@given(how=changes, data=st.data())
def test_soak__a_profile(profiles, how, data):
    change_bytes(profiles, how)
    change_values(profiles, data)


@pytest.mark.parametrize("text", [b"[" * 100_000, b"5", b"null", b"[]", b'"a"', b"\xff", b"", b"{}", b'{"name": 5}'])
def test_profile__that_is_none_is_an_error_of_ours(profiles, text):
    keep(profiles)
    (profiles.folder / "acme.json").write_bytes(text)
    with pytest.raises(SdkError):
        profiles.load("acme")
    assert profiles.names() == ["acme"]
