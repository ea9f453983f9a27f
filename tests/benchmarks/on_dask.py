"""Rows a second from many portals: one after the other, in threads, and on a Dask cluster of 1, 2 and 4 workers.

    python tests/benchmarks/on_dask.py

Eight sandbox portals of 5,000 deals, 12 fields, 50 ms a round trip, each in a process of its own; the second reading
counts, when every worker is warm. On few cores the portals take their share of them.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from distributed import Client, LocalCluster

import b24data
from tests.engines.portals import config_in, signed_in

PORTALS, DEALS = 8, 5_000
FIELDS = ["ID", "TITLE", "STAGE_ID", "OPPORTUNITY", "OPENED", "ASSIGNED_BY_ID", "COMPANY_ID", "CURRENCY_ID"]
FIELDS += ["DATE_CREATE", "DATE_MODIFY", "CLOSEDATE", "COMMENTS"]


def timed(name: str, work: Callable[[], int]) -> None:
    work()
    began = time.perf_counter()
    rows = work()
    seconds = time.perf_counter() - began
    assert rows == PORTALS * DEALS
    sys.stdout.write(f"{name:28} {seconds:6.2f} s {rows / seconds:9,.0f} rows/s" + "\n")


def all_in_threads(workers: int) -> int:
    with b24data.connect_all("*", workers=workers) as portals:
        return len(portals.tools.fetch_all("crm.deal.list", FIELDS, progress=False))


def on_the_cluster() -> int:
    """With the page of each portal that tells the columns."""
    return len(b24data.dask.read("crm.deal.list", FIELDS, progress=False).compute())


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    options = {"deals": DEALS, "latency_s": 0.05, "process": True}
    with config_in(folder), signed_in(**{f"portal-{number}": options for number in range(PORTALS)}):
        sys.stdout.write(
            f"{os.cpu_count()} cores, {PORTALS} portals, {DEALS:,} deals each, {len(FIELDS)} fields" + "\n"
        )
        timed("connect_all, one at a time", lambda: all_in_threads(1))
        timed("connect_all, 8 threads", lambda: all_in_threads(8))
        for workers in (1, 2, 4):
            with contextlib.ExitStack() as running:
                cluster = running.enter_context(
                    LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0")
                )
                running.enter_context(Client(cluster))
                timed(f"dask, {workers} worker processes", on_the_cluster)


if __name__ == "__main__":
    main()
