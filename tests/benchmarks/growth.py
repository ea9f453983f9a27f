"""How many portals one core keeps up with: 1, 10, 100 and 400 portals in one process, each at its full request rate.

    python -m tests.benchmarks.growth

Every portal has a clock of its own that only waits for the request limit (2 requests a second) bring forward. So
minutes of portals pass in seconds, and the processor time of this process is that of b24data and HTTP alone: the
sandbox that answers is another process. A core is full at as many portals as their processor time in a second adds up
to one second.
"""

from __future__ import annotations

import argparse
import itertools
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from b24data import B24Hook, OperatingLimitConfig, RateLimitConfig, RestrictionParams, Sandbox
from b24data.client.connect import Client
from b24data.portals.portals import Portals
from b24data.progress import ProgressEvent
from tests.benchmarks.portals import FIELDS

WIDTH = 20
_ADDRESSES = itertools.count(1)  # a run finds no bucket of the run before
COLUMNS = {"narrow": FIELDS, "wide": ["*", "UF_*"]}
LIMITS = RestrictionParams(
    rate_limit=RateLimitConfig(burst_limit=6, drain_rate=2), operating_limit=OperatingLimitConfig(limit_s=1e9)
)


class WaitedClock:
    """Time that only waits bring forward, and those only while no request is under way: answers take no time."""

    def __init__(self) -> None:
        self._now = 0.0
        self._under_way = 0
        self._landed = threading.Condition()

    def monotonic(self) -> float:
        return self._now

    def time(self) -> float:
        return 1_800_000_000.0 + self._now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        with self._landed:
            if self._under_way:
                self._landed.wait(1.0)  # then who waits asks again
            else:
                self._now += seconds
        return event.is_set()

    def watch(self, client: B24Hook) -> B24Hook:
        """The client, whose requests this clock sees."""
        post = client._transport.post

        def watched(*given: Any, **options: Any) -> Any:
            with self._landed:
                self._under_way += 1
            try:
                return post(*given, **options)
            finally:
                with self._landed:
                    self._under_way -= 1
                    self._landed.notify_all()

        client._transport.post = watched  # type: ignore[method-assign]
        return client


def at_home(url: str, number: int) -> str:
    """The same sandbox at an address of its own: to the limits it is another portal."""
    return url.replace("0.0.0.0", f"127.{number >> 16}.{number >> 8 & 255}.{number & 255}")


def measured(url: str, count: int, columns: list[str], times: int) -> tuple[int, int, float, float]:
    """Rows, requests, seconds of the portals (the mean), and processor seconds of all."""
    clocks = {f"p{k:03}": WaitedClock() for k in range(count)}
    clients: dict[str, Client] = {
        name: clock.watch(B24Hook(at_home(url, next(_ADDRESSES)), LIMITS, clock=clock))
        for name, clock in clocks.items()
    }
    requests = [0] * count

    def work(name: str, client: Client, _: Callable[[ProgressEvent], object]) -> int:
        rows = 0
        for _ in range(times):
            batches = client.tools.iter_batches("crm.deal.list", columns, progress=False, workers=2)
            rows += sum(batch.num_rows for batch in batches)
            requests[int(name[1:])] += batches.report.requests
        return rows

    with Portals(clients, {}, errors="raise", workers=count) as portals:
        began = time.process_time()
        answers = portals.ask("growth", work, rows_of=lambda rows: rows, progress=False)
        spent = time.process_time() - began
        answers.settled(None)
    seconds = sum(clock.monotonic() for clock in clocks.values()) / count
    return sum(answers.values()), sum(requests), seconds, spent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("counts", nargs="*", type=int, default=[1, 10, 100, 400])
    parser.add_argument("--deals", type=int, default=10_000)
    given = parser.parse_args()
    heads = (
        "columns",
        "portals",
        "rows",
        "requests/s each",
        "rows/s each",
        "processor ms/s each",
        "portals fill a core",
    )
    print(os.cpu_count(), "cores; processor time of one")  # noqa: T201
    print(*(f"{head:>{WIDTH}}" for head in heads))  # noqa: T201
    for kind, columns in COLUMNS.items():
        deals = given.deals if kind == "narrow" else given.deals // 2
        with Sandbox(
            deals=deals, rate_limit=None, operating_limit_s=None, cost=0.0, host="0.0.0.0", process=True
        ) as portal:
            portal.warm("crm.deal.list", columns)
            measured(portal.webhook_url, 1, columns, 1)
            for count in given.counts:
                rows, requests, seconds, spent = measured(portal.webhook_url, count, columns, max(1, 10 // count))
                each, share = count * seconds, spent / count / seconds
                facts = (kind, count, f"{rows:,}", f"{requests / each:.2f}", f"{rows / each:,.0f}")
                line = (*facts, f"{share * 1000:.1f}", f"{1 / share:.0f}")
                print(*(f"{fact:>{WIDTH}}" for fact in line), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
