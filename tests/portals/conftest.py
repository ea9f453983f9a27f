"""Sandboxes that are kept as profiles, each under a name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from b24data import B24OAuthParams, B24OAuthSecret, Sandbox
from b24data.auth.profiles import Profile, Profiles

Keep = Callable[..., Sandbox]


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keep:
    """Keeps a running sandbox as a profile: of an application, or with ``hook`` of a webhook."""
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))

    def kept(name: str, portal: Sandbox, *, hook: bool = False) -> Sandbox:
        if hook:
            Profiles().save(Profile(name=name, portal=portal.url, webhook=portal.webhook_url))  # type: ignore[arg-type]
            return portal
        secret = B24OAuthSecret.of(portal.oauth_secret())
        profile = Profile(name=name, portal=portal.url, user="Anna", secret=secret)
        Profiles().save(profile, B24OAuthParams.of(portal.oauth_params()))
        return portal

    return kept


@pytest.fixture(scope="module")
def sandboxes() -> Generator[dict[str, Sandbox], None, None]:
    with contextlib.ExitStack() as held:
        yield {
            name: held.enter_context(Sandbox(deals=deals, cost=0.0, rate_limit=None))
            for name, deals in {"acme": 70, "beta": 30}.items()
        }


@pytest.fixture
def two(sandboxes: dict[str, Sandbox], keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the two sandboxes as profiles."""
    for name, portal in sandboxes.items():
        keep(name, portal)
    monkeypatch.chdir(tmp_path)
    return tmp_path
