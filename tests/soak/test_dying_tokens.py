"""Programs that share a pair of tokens which dies every few requests: no call is lost, one refresh a death."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from b24data import RateLimitConfig, RestrictionParams, Sandbox
from b24data.auth.store import FileTokenStore, StoredTokens
from b24data.tokens import B24OAuthParams

pytestmark = pytest.mark.soak

FAST = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1000), retry_delay_s=0.05)
DEALS = 6_000
CALLS = 40

PROGRAM = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from b24data.auth.store import FileTokenStore
from b24data import B24OAuth
from tests.soak.test_dying_tokens import CALLS, FAST

given = json.load(sys.stdin)
store = FileTokenStore(given["store"])
b24 = B24OAuth(store.load().params, given["secret"], FAST, store=store)
with ThreadPoolExecutor(given["threads"]) as pool:
    frame = pool.submit(b24.tools.fetch_all, "crm.deal.list", ["ID"], progress=False)
    calls = [pool.submit(b24.actions.v2.call.make, method="profile") for _ in range(CALLS)]
    print(json.dumps([sum(call.result().is_success for call in calls), frame.result()["ID"].to_list()]))
"""


@pytest.mark.parametrize("seed", range(16))
def test_programs_on_dying_tokens__every_row_and_one_refresh_a_death(tmp_path, seed):
    dice = random.Random(seed)
    pipe = subprocess.PIPE
    with Sandbox(deals=DEALS, token_ttl_requests=dice.randint(3, 20), rate_limit=None, cost=0.0) as portal:
        store = FileTokenStore(tmp_path / "acme.json")
        store.save(StoredTokens(B24OAuthParams.of(portal.oauth_params())))
        given = {"secret": portal.oauth_secret(), "store": str(store.path), "threads": dice.randint(1, 8)}
        programs = [
            subprocess.Popen(
                [sys.executable, "-W", "error", "-c", PROGRAM], stdin=pipe, stdout=pipe, stderr=pipe, text=True
            )
            for _ in range(1 + seed % 6)
        ]
        for program in programs:
            assert program.stdin is not None
            program.stdin.write(json.dumps(given))
            program.stdin.close()
            program.stdin = None
        answers = [program.communicate(timeout=240) for program in programs]
        assert [err for _, err in answers] == [""] * len(programs)
        expected = [CALLS, portal.truth("crm.deal.list").ids]
        assert [json.loads(out) for out, _ in answers] == [expected] * len(programs)
        stats = portal.stats
        assert stats.refreshes == stats.deaths > 0
        assert stats.reused_refresh_tokens == 0
        kept = store.load()
        assert kept is not None
        assert (kept.refreshing, kept.dead, kept.generation) == (None, "", 1 + stats.refreshes)
