"""Peak memory of whole fetches over HTTP, each in a process of its own.

    python tests/benchmarks/fetch_memory.py

RSS is the peak above that of a fetch of 5,000 rows, which has everything imported and every buffer in use.
To Parquet it is to stay flat: 1,000,000 rows within 10 % of 100,000. The portal's minutes pass in seconds.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from b24data import B24Hook, Sandbox
from tests.clocks import ScaledClock

FIELDS = ["ID", "TITLE", "STAGE_ID", "OPPORTUNITY", "CURRENCY_ID", "ASSIGNED_BY_ID", "COMPANY_ID", "CONTACT_ID",
          "DATE_CREATE", "CLOSEDATE", "OPENED", "SOURCE_ID"]  # fmt: skip
SCALE = 20.0


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(url: str, rows: int) -> None:
    with B24Hook(url, clock=ScaledClock(SCALE)) as b24, tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "deals.parquet"
        b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, limit=5_000, progress=False)
        before = peak_mb()
        report = b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=False)
        size = target.stat().st_size / 2**20
    assert report.rows == rows
    print(  # noqa: T201
        f"{rows:9,} rows   peak {peak_mb():6.1f} MB, {peak_mb() - before:6.1f} above {before:.1f}   "
        f"file {size:5.1f} MB   {report.requests} requests   {report.seconds / SCALE:.1f} s"
    )


def main() -> None:
    if len(sys.argv) == 3:
        run(sys.argv[1], int(sys.argv[2]))
        return
    for rows in (100_000, 300_000, 1_000_000):
        with Sandbox(deals=rows, time_scale=SCALE, process=True) as portal:
            portal.warm("crm.deal.list", FIELDS)
            subprocess.run([sys.executable, __file__, portal.webhook_url, str(rows)], check=True)


if __name__ == "__main__":
    main()
