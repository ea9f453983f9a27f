"""A client that is given to another process refuses, and says what to call there."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from b24data import ApiVersion, RateLimitConfig, RestrictionParams, Sandbox, SdkError

FAST = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1_000))
PARTS: dict[str, Callable[[Any], Any]] = {
    "client": lambda b24: b24,
    "auth": lambda b24: b24.auth,
    "tools": lambda b24: b24.tools,
    "actions": lambda b24: b24.actions,
    "session": lambda b24: b24.get_http_client(ApiVersion.V3),
    "transport": lambda b24: b24._transport,
    "a bound method": lambda b24: b24.tools.fetch_all,
    "a list of clients": lambda b24: [b24],
    "pairs": lambda b24: b24.auth.get_auth_data(),
}


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=60, rate_limit=None) as portal:
        yield portal


@pytest.mark.parametrize("how", [pickle.dumps, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("way", ["connect", "hook"])
def test_a_client__is_not_pickled_or_copied(portal, way, part, how):
    with getattr(portal, way)(restriction_params=FAST) as b24:
        b24.tools.fetch_all("crm.deal.list", ["ID"], progress=False)
        given = PARTS[part](b24)
        if (how is copy.copy and part in ("a list of clients", "a bound method", "actions", "tools")) or (
            how is not pickle.dumps and part == "pairs"
        ):
            return  # a shallow copy of what holds a client makes no other client, and a pair is the same pair
        with pytest.raises(SdkError, match=r"b24data\.connect\(NAME\) in the worker"):
            how(given)


def test_a_pool_of_processes__raises_what_to_do(portal):
    spawn = multiprocessing.get_context("spawn")
    with portal.hook() as b24, ProcessPoolExecutor(1, mp_context=spawn) as pool:
        promise = pool.submit(b24.tools.fetch_all, "crm.deal.list")
        with pytest.raises(SdkError, match=r"b24data\.connect\(NAME\) in the worker"):
            promise.result()
