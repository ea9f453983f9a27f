"""One sandbox and one folder of profiles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from b24data import Sandbox
from b24data.auth.profiles import Profiles


@pytest.fixture(scope="session")
def portal() -> Iterator[Sandbox]:
    with Sandbox(deals=5, rate_limit=None) as portal:
        yield portal


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    return Profiles(tmp_path)
