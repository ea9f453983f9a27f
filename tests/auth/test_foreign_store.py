"""A token store of the user's own that fails: one error that names it, and no pair is lost."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from b24data import RateLimitConfig, RefreshTokenError, RestrictionParams, Sandbox
from b24data.auth.store import StoredTokens

FAST = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1000))


class Rack:
    """Keeps a pair in memory; ``broken`` names a step that raises, the ``after``-th time on."""

    def __init__(self, broken: str = "", after: int = 1, error: BaseException | None = None) -> None:
        self.broken, self.after = broken, after
        self.error = error or KeyError("b24:tokens")
        self.kept: Any = None
        self.calls: list[str] = []

    def step(self, name: str) -> None:
        self.calls.append(name)
        if name == self.broken and self.calls.count(name) >= self.after:
            raise self.error

    def load(self) -> Any:
        self.step("load")
        return self.kept

    def save(self, stored: StoredTokens) -> None:
        self.step("save")
        self.kept = stored

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        self.step("lock")
        yield
        self.step("unlock")


@pytest.fixture(scope="module")
def portal() -> Iterator[Sandbox]:
    with Sandbox(deals=1, rate_limit=None, cost=0.0) as portal:
        yield portal


@pytest.mark.parametrize("error", [KeyError("x"), ConnectionError("no redis"), OSError(5, "I/O"), RuntimeError()])
@pytest.mark.parametrize("broken", ["load", "save", "lock", "unlock"])
def test_a_store_that_fails_at_the_start__is_named_with_its_error_as_the_cause(portal, broken, error):
    with pytest.raises(RefreshTokenError, match=f"the token store Rack: .*raised {type(error).__name__}") as caught:
        portal.connect(restriction_params=FAST, store=Rack(broken, error=error))
    assert caught.value.code == "STORE"
    assert caught.value.hint
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(("broken", "after"), [("load", 2), ("save", 2), ("lock", 2)])
def test_a_store_that_fails_before_the_refresh__is_named_and_nothing_is_asked_for(portal, broken, after):
    with portal.connect(restriction_params=FAST, store=Rack(broken, after)) as b24:
        refreshes = portal.stats.refreshes
        with pytest.raises(RefreshTokenError, match="the token store Rack"):
            b24.auth.refresh_auth()
        assert portal.stats.refreshes == refreshes
        assert b24.actions.v2.call.make(method="profile").is_success


@pytest.mark.parametrize(("broken", "after"), [("save", 3), ("unlock", 2)])
def test_a_store_that_fails_after_the_refresh__is_warned_of_and_the_new_pair_is_used(portal, broken, after):
    with portal.connect(restriction_params=FAST, store=Rack(broken, after)) as b24:
        before = b24.auth.params.access_token
        with pytest.warns(UserWarning, match="new tokens could not be saved.*the token store Rack"):
            b24.auth.refresh_auth()
        assert b24.auth.params.access_token != before
        portal.expire_tokens()  # of before: the pair is the portal's latest
        assert portal.stats.reused_refresh_tokens == 0


@pytest.mark.parametrize("kept", [{"access_token": "a"}, "tokens", b"tokens", 7, [1]])
def test_a_store_that_gives_something_else__is_told_what_it_has_to_give(portal, kept):
    rack = Rack()
    rack.kept = kept
    with pytest.raises(RefreshTokenError, match=r"load\(\) returned a (dict|str|bytes|int|list), not StoredTokens"):
        portal.connect(restriction_params=FAST, store=rack)


@pytest.mark.parametrize("missing", ["load", "save", "lock"])
def test_a_store_that_lacks_a_method__is_told_which(portal, missing):
    kind = type("Half", (), {name: getattr(Rack, name) for name in ("load", "save", "lock", "step") if name != missing})
    half = kind()
    half.broken, half.calls, half.kept = "", [], None
    with pytest.raises(RefreshTokenError, match=f"the token store Half: .*{missing}"):
        portal.connect(restriction_params=FAST, store=half)


def test_a_store_that_is_interrupted__lets_the_interrupt_pass(portal):
    with pytest.raises(KeyboardInterrupt):
        portal.connect(restriction_params=FAST, store=Rack("load", error=KeyboardInterrupt()))
