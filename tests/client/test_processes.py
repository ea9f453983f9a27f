"""Several programs on one machine that share a portal, an application and its tokens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from b24data import B24OAuth, RateLimitConfig, RestrictionParams, Sandbox
from b24data.auth.store import FileTokenStore

FAST = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1000))

PROGRAM = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from b24data import B24OAuth
from b24data.auth.store import FileTokenStore
from tests.client.test_processes import FAST

given = json.load(sys.stdin)
b24 = B24OAuth(given["params"], given["secret"], FAST, store=FileTokenStore(given["store"]))
with ThreadPoolExecutor(8) as pool:
    results = list(pool.map(lambda _: b24.actions.v2.call.make(method="profile"), range(60)))
print(sum(result.is_success for result in results))
"""


def test_four_programs_of_eight_threads__share_every_refresh(tmp_path: Path) -> None:
    with Sandbox(deals=1, token_ttl_requests=5, rate_limit=None, cost=0.0) as portal:
        store = tmp_path / "acme.json"
        given = {"params": portal.oauth_params(), "secret": portal.oauth_secret(), "store": str(store)}
        pipe = subprocess.PIPE
        programs = [
            subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
            for _ in range(4)
        ]
        for program in programs:
            assert program.stdin is not None
            program.stdin.write(json.dumps(given))
            program.stdin.close()
            program.stdin = None
        answers = [program.communicate(timeout=60) for program in programs]
        assert [(out.strip(), err) for out, err in answers] == [("60", "")] * 4
        stats = portal.stats
        assert stats.reused_refresh_tokens == 0
        assert stats.refreshes == stats.deaths
        kept = FileTokenStore(store).load()
        assert kept is not None
        with B24OAuth(kept.params, portal.oauth_secret()) as b24:
            b24.auth.refresh_auth()
        assert portal.stats.reused_refresh_tokens == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork__parent_and_child_go_on_over_connections_of_their_own() -> None:
    with Sandbox(deals=1, rate_limit=None, process=True) as portal, portal.connect(restriction_params=FAST) as b24:
        assert b24.actions.v2.call.make(method="profile").is_success
        pid = os.fork()
        if pid == 0:
            good = False
            try:
                good = b24.actions.v2.call.make(method="profile").is_success
            finally:
                os._exit(0 if good else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert b24.actions.v2.call.make(method="profile").is_success
