"""Sandbox portals with profiles, which the workers of an engine find by their names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from b24data import B24OAuthParams, B24OAuthSecret, Sandbox
from b24data.auth.profiles import Profile, Profiles


@contextlib.contextmanager
def config_in(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """Profiles in ``folder``, for this program and those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("B24DATA_CONFIG_DIR", str(folder / "config"))
        for name in ("B24_WEBHOOK", "B24_PROFILE", "B24DATA_TOKEN_STORE"):
            patch.delenv(name, raising=False)
        patch.chdir(folder)
        yield patch


def save(portal: Sandbox, name: str) -> None:
    """Sign in to a sandbox as a profile."""
    pair, secret = B24OAuthParams.of(portal.oauth_params()), B24OAuthSecret.of(portal.oauth_secret())
    Profiles().save(Profile(name=name, portal=pair.domain, secret=secret), pair)


@contextlib.contextmanager
def signed_in(**portals: dict[str, Any]) -> Iterator[dict[str, Sandbox]]:
    """A sandbox for each name, with what it takes, signed in to as a profile of that name."""
    with contextlib.ExitStack() as running:
        started = {}
        for name, options in portals.items():
            started[name] = running.enter_context(Sandbox(**{"rate_limit": None, "cost": 0.0, **options}))
            save(started[name], name)
        yield started
        for name in portals:
            Profiles().delete(name)
