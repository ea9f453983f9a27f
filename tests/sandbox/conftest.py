"""What the sandbox's tests share: a portal without waits, and a plain HTTP client."""

from __future__ import annotations

import logging

import httpx
import pytest

from b24data.sandbox import SandboxPortal


@pytest.fixture(autouse=True)
def _plain_clients_are_quiet(caplog):
    """These tests ask with httpx itself, without b24data's redaction: its log has whole addresses in it."""
    with caplog.at_level(logging.WARNING, logger="httpx"), caplog.at_level(logging.WARNING, logger="httpcore"):
        yield


@pytest.fixture
def http():
    with httpx.Client() as client:
        yield client


@pytest.fixture
def start():
    """Start portals that do not wait; they stop with the test."""
    running = []

    def start(**options):
        portal = SandboxPortal(**({"cost": 0.0, "rate_limit": None, "deals": 230} | options)).start()
        running.append(portal)
        return portal

    yield start
    for portal in running:
        portal.stop()


@pytest.fixture
def portal(start):
    return start()


@pytest.fixture
def call(http):
    """Call a method of a portal by webhook: the decoded answer."""

    def call(portal, method, params=None):
        return http.post(portal.webhook_url + method, json=params or {}).json()

    return call
