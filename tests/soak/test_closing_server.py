"""A server that closes its connections at any moment: no write is carried out twice, no loss is taken for a success."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from b24data import B24Hook, RateLimitConfig, RestrictionParams, SdkError
from tests.raw_portal import Asked, RawPortal, http

pytestmark = pytest.mark.soak

FAST = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1000), retry_delay_s=0.001)
WRITES, THREADS = 800, 8
NOTHING, HALF, WHOLE_AND_CLOSED, STALE, WHOLE = "nothing", "half", "whole, then closed", "closed when idle", "whole"


class ClosingPortal:
    """Counts the writes that it carried out, by title, and ends four connections of five in some way."""

    def __init__(self, seed: int) -> None:
        self.carried_out: Counter[str] = Counter()
        self.whole: set[str] = set()
        self.ways: Counter[str] = Counter()
        self._dice, self._lock = random.Random(seed), threading.Lock()

    def __call__(self, asked: Asked) -> bytes | None:
        title = json.loads(asked.body)["fields"]["TITLE"]
        with self._lock:
            self.carried_out[title] += 1
            way = self._dice.choice([NOTHING, HALF, WHOLE_AND_CLOSED, STALE, WHOLE])
            self.ways[way] += 1
            if way not in (NOTHING, HALF):
                self.whole.add(title)
        answer = http({"result": 1, "time": {"start": 1.0, "finish": 1.0, "duration": 0.0}})
        if way == NOTHING:
            return None
        if way == WHOLE:
            return answer
        if way == STALE:  # the head promises that the connection stays
            asked.connection.sendall(answer)
            return None
        if way == HALF:
            asked.connection.sendall(answer[: self._dice.randrange(1, len(answer))])
            return None
        asked.connection.sendall(answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        return None


def test_800_writes_to_a_closing_server__none_is_carried_out_twice_and_no_loss_is_a_success():
    portal = ClosingPortal(17)
    told: dict[str, str] = {}

    with RawPortal(portal) as server, B24Hook(server.hook, FAST) as b24:

        def write(number: int) -> None:
            title = f"deal {number}"
            try:
                result = b24.actions.v2.call.make(method="crm.deal.add", params={"fields": {"TITLE": title}})
                told[title] = "success" if result.is_success else "error"
            except SdkError as error:
                told[title] = error.code

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(write, range(WRITES)))

    assert len(told) == WRITES
    assert max(portal.carried_out.values()) == 1
    succeeded = {title for title, outcome in told.items() if outcome == "success"}
    assert succeeded <= portal.whole
    assert portal.whole - succeeded == set()  # a whole answer is never lost either
    assert {told[title] for title in told.keys() - succeeded} <= {"CONNECTION_LOST", "NOT_CONNECTED", "BAD_REPLY"}
    assert min(portal.ways.values()) > WRITES / 10
