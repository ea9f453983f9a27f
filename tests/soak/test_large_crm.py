"""A CRM of 100,000 deals with all that belongs to them, under the limits of a portal: memory, requests, time.

``B24DATA_SOAK_DEALS`` sets another number of deals.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from b24data import Sandbox
from b24data.crm.tables import TABLES

pytestmark = [pytest.mark.soak, pytest.mark.alone]

DEALS = int(os.environ.get("B24DATA_SOAK_DEALS", "100000"))
SIZES = {"leads": 0.4, "contacts": 0.6, "companies": 0.2, "activities": 2.0, "tasks": 0.4}
A_REQUEST = 2_500  # rows: fifty pages of fifty
BURST, RATE = 50, 2.0
OF_OWNERS = {table.name for table in TABLES if table.owners}
LINKED = {table.name for table in TABLES if table.kind == "linked"}


# Between the test and the process that it measures: a child's largest size includes its parent's when it began.
MEASURED = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def kept(portal: Sandbox, folder: Path, config: Path) -> dict:
    """What ``b24data crm sync`` reports, and the largest that its process was."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("B24_")}
    environment = {**others, "B24_WEBHOOK": portal.webhook_url, "B24DATA_CONFIG_DIR": str(config)}
    synced = [sys.executable, "-m", "b24data", "crm", "sync", "--to", str(folder), "--no-gentle", "--json"]
    typed = [sys.executable, "-c", MEASURED, *synced]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as said:
        returned = subprocess.run(typed, env=environment, stdout=out, stderr=said, check=False).returncode
        for file in (out, said):
            file.seek(0)
        *lines, peak = said.read().splitlines()
        assert returned == 0, "\n".join(lines)
        report = json.load(out)
    return {**report, "peak_mb": round(int(peak) / (2**20 if sys.platform == "darwin" else 2**10))}


def most_requests(rows: int, tables: int, share: float) -> int:
    """A ``share`` of what the rows fill, and five for each table to be opened and ended."""
    return math.ceil(share * rows / A_REQUEST) + 5 * tables


def test_100_000_deals__are_read_in_flat_memory_with_few_requests_as_fast_as_the_limits_allow(tmp_path):
    sizes = {name: int(share * DEALS) for name, share in SIZES.items()}
    with Sandbox(deals=DEALS, **sizes, process=True) as portal:
        report = kept(portal, tmp_path / "crm", tmp_path / "config")
        stats = portal.stats
        tables = {table["name"]: table for table in report["tables"]}
        told = {name: (table["rows"], table["requests"]) for name, table in tables.items()}
        print({**report, "tables": told})  # noqa: T201  the figures for the page
        assert report["complete"]
        assert tables["deals"]["rows"] == DEALS
        for name in OF_OWNERS:
            assert told[name][1] <= most_requests(told[name][0], 1, 1.3), name
        assert {told[name][1] for name in LINKED} == {0}
        by_ids = [of for name, of in told.items() if name not in OF_OWNERS | LINKED]
        assert sum(of[1] for of in by_ids) <= most_requests(sum(of[0] for of in by_ids), len(by_ids), 1.1)
        assert report["requests"] == stats.requests
        assert (stats.rate_limit_hits, stats.operating_limit_hits) == (0, 0)
        assert report["peak_mb"] < 400
        # The rate of requests is the tighter limit: no method comes near its 480 seconds in ten minutes.
        assert report["seconds"] <= 1.15 * (report["requests"] - BURST) / RATE
