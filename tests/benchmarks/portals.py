"""Twelve portals read one after the other and side by side: the ratio of the seconds.

    python -m tests.benchmarks.portals              # 12 portals of 5,000 deals, 50 ms a round trip
    python -m tests.benchmarks.portals --most 0.30  # exit code 1 above this ratio

Each portal has a process of its own; every run has new clients. Both ways run in turn, and the best of each counts.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time

import b24data
from b24data import Sandbox
from b24data.auth.profiles import Profile, Profiles

FIELDS = ["ID", "TITLE", "STAGE_ID", "OPPORTUNITY", "CURRENCY_ID", "ASSIGNED_BY_ID", "COMPANY_ID", "CONTACT_ID",
          "DATE_CREATE", "CLOSEDATE", "OPENED", "SOURCE_ID"]  # fmt: skip


def in_turn(names: list[str]) -> int:
    rows = 0
    for name in names:
        with b24data.connect(name) as b24:
            rows += len(b24.tools.fetch_all("crm.deal.list", FIELDS, progress=False))
    return rows


def side_by_side(names: list[str]) -> int:
    with b24data.connect_all(names) as portals:
        return len(portals.tools.fetch_all("crm.deal.list", FIELDS, progress=False))


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--portals", type=int, default=12)
    options.add_argument("--deals", type=int, default=5_000)
    options.add_argument("--latency", type=float, default=0.05)
    options.add_argument("--runs", type=int, default=4)
    options.add_argument("--most", type=float, default=1.0)
    given = options.parse_args()
    with contextlib.ExitStack() as held, tempfile.TemporaryDirectory() as folder:
        os.environ |= {"B24DATA_CONFIG_DIR": f"{folder}/config", "B24DATA_STATE_DIR": f"{folder}/state"}
        names = [f"p{k:02}" for k in range(given.portals)]
        for name in names:
            sandbox = Sandbox(deals=given.deals, latency_s=given.latency, rate_limit=None, process=True)
            portal = held.enter_context(sandbox)
            portal.warm("crm.deal.list", FIELDS)
            Profiles().save(Profile(name=name, portal=portal.url, webhook=portal.webhook_url))  # type: ignore[arg-type]
        best: dict[str, float] = {}
        for _ in range(given.runs):
            for way in (in_turn, side_by_side):
                began = time.perf_counter()
                rows = way(names)
                seconds = time.perf_counter() - began
                best[way.__name__] = min(seconds, best.get(way.__name__, seconds))
                assert rows == given.portals * given.deals, rows
    ratio = best["side_by_side"] / best["in_turn"]
    trip = f"{given.latency * 1000:.0f} ms a round trip, {os.cpu_count()} cores"
    print(f"{given.portals} portals of {given.deals:,} deals, {trip}")  # noqa: T201
    seconds = (f"{way.replace('_', ' ')} {best[way]:.2f} s" for way in best)
    print(", ".join([*seconds, f"ratio {ratio:.2f}"]))  # noqa: T201
    return int(ratio > given.most)


if __name__ == "__main__":
    sys.exit(main())
