"""The fixture ``b24_sandbox``, for the tests of whoever uses b24data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from b24data.testing.sandbox import Sandbox

__all__ = ["b24_sandbox"]


@pytest.fixture
def b24_sandbox() -> Iterator[Callable[..., Sandbox]]:
    """Start portals: ``portal = b24_sandbox(deals=120)``; they stop with the test."""
    from b24data.testing.sandbox import Sandbox

    running: list[Sandbox] = []

    def start(**options: Any) -> Sandbox:
        portal = Sandbox(**options).start()
        running.append(portal)
        return portal

    yield start
    for portal in running:
        portal.stop()
