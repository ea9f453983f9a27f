"""Four clients doing the same work against the sandbox portal, all over https: prints the table of docs/performance.md.

    python tests/benchmarks/speed.py                        # the quick cells, about ten minutes
    python tests/benchmarks/speed.py wide narrow --clients b24data b24pysdk
    python tests/benchmarks/speed.py --long                 # 1,000,000 rows besides, three minutes a client and more

Each client runs in a process of its own and the sandbox in another; processor time is that of the whole client process
less its imports. A cell is void when the sandbox's own processor time exceeds a fifth of the wall time, for then the
sandbox was measured and not the client.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).parents[2]))
from b24data import Sandbox

FIELDS = ["ID", "TITLE", "STAGE_ID", "OPPORTUNITY", "CURRENCY_ID", "ASSIGNED_BY_ID", "COMPANY_ID", "CONTACT_ID",
          "DATE_CREATE", "CLOSEDATE", "OPENED", "SOURCE_ID"]  # fmt: skip
MATCH = {"=COMMENTS": "benchmark"}


@dataclass(frozen=True)
class Cell:
    """One workload: the portal's options, and every how many rows the filter matches (0: no filter)."""

    title: str
    options: dict[str, Any] = field(default_factory=dict)
    every: int = 0
    long: bool = False


W = {"deals": 100_000, "latency_s": 0.05, "cost": 0.02}
CELLS = {
    "wide": Cell("100,000 deals, a portal that handles any number of requests at a time", W),
    "narrow": Cell("100,000 deals, a portal that handles four requests at a time", W | {"workers": 4}),
    "percent": Cell("a filter that matches 1 % of 100,000 deals", W, every=100),
    "scarce": Cell("a filter that matches 0.01 % of 100,000 deals", W, every=10_000),
    "clusters": Cell("50,000 ids from 1 and 50,000 from 4,000,000,000", W | {"clusters": [1, 4_000_000_000]}),
    "million": Cell("1,000,000 deals, any number of requests at a time", W | {"deals": 1_000_000}, long=True),
}


# The clients, each in its own process.


class Outcome(msgspec.Struct):
    """What a client's process tells of itself."""

    ids: list[int]
    wall_s: float
    cpu_s: float
    peak_mb: float


@contextlib.contextmanager
def measured(outcome: Outcome) -> Iterator[None]:
    """Wall and processor time (all threads) from here on, and the peak of the process's memory."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    outcome.wall_s, outcome.cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    outcome.peak_mb = peak_mb()


def peak_mb() -> float:
    """The largest resident size so far; by the kernel's own mark where there is one, as rusage keeps the parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 2**10
    try:
        import resource
    except ImportError:  # Windows has no such figure in the standard library
        return math.nan
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def fetch_b24data(url: str, where: dict[str, Any], outcome: Outcome) -> None:
    import httpx  # noqa: F401
    import ipywidgets  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow.json  # noqa: F401

    from b24data import B24Hook

    with B24Hook(url, verify=os.environ["SSL_CERT_FILE"]) as b24, measured(outcome):
        frame = b24.tools.fetch_all("crm.deal.list", FIELDS, where, progress=False)
    outcome.ids = [int(number) for number in frame["ID"]]


def fetch_fast_bitrix24(url: str, where: dict[str, Any], outcome: Outcome) -> None:
    import asyncio

    from fast_bitrix24 import BitrixAsync

    async def run() -> list[dict[str, Any]]:
        client = BitrixAsync(url, verbose=False)
        found: list[dict[str, Any]] = await client.get_all("crm.deal.list", {"select": FIELDS, "filter": where})
        return found

    with measured(outcome):
        rows = asyncio.run(run())
    outcome.ids = [int(row["ID"]) for row in rows]


def fetch_b24pysdk(url: str, where: dict[str, Any], outcome: Outcome) -> None:
    from b24pysdk import BitrixWebhook

    scheme, _, rest = url.rstrip("/").partition("://")
    domain, _, user, code = rest.split("/")
    assert scheme == "https"
    token = BitrixWebhook(domain=domain, webhook_token=f"{user}/{code}")
    with measured(outcome):
        rows = list(token.call_list_fast("crm.deal.list", {"select": FIELDS, "filter": where})["result"])
    outcome.ids = [int(row["ID"]) for row in rows]


def fetch_b24api(url: str, where: dict[str, Any], outcome: Outcome) -> None:
    from b24api import Bitrix24
    from b24api.settings import Settings

    client = Bitrix24(settings=Settings(webhook_url=url))
    request = {"method": "crm.deal.list", "parameters": {"select": FIELDS, "filter": where}}
    with measured(outcome):
        rows = list(client.list_batched_no_count(request))
    outcome.ids = [int(row["ID"]) for row in rows]


CLIENTS = {
    "b24data": fetch_b24data,
    "fast_bitrix24": fetch_fast_bitrix24,
    "b24pysdk": fetch_b24pysdk,
    "b24api": fetch_b24api,
}


def run_client(name: str, url: str, where: dict[str, Any], target: Path) -> None:
    """The child's part: fetch, and leave the outcome in a file."""
    outcome = Outcome([], 0.0, 0.0, 0.0)
    CLIENTS[name](url, where, outcome)
    target.write_bytes(msgspec.json.encode(outcome))


# The portal, and the table.


class Authority:
    """One authority for all clients, and the portal's certificate from it."""

    def __init__(self, folder: Path) -> None:
        import trustme

        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1", "localhost")
        self.bundle, certificate, key = (str(folder / name) for name in ("ca.pem", "cert.pem", "key.pem"))
        authority.cert_pem.write_to_path(self.bundle)
        issued.private_key_pem.write_to_path(key)
        Path(certificate).write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        self.tls = (certificate, key)

    def environment(self) -> dict[str, str]:
        """What makes the clients trust it; a key of whoever runs this is not handed on."""
        return {**os.environ, "SSL_CERT_FILE": self.bundle, "REQUESTS_CA_BUNDLE": self.bundle}


def take(name: str, cell: Cell, authority: Authority, folder: Path, patience_s: float) -> str:
    """One line of the table."""
    with Sandbox(**cell.options, tls=authority.tls, process=True) as portal:
        where: dict[str, Any] = {}
        if cell.every:
            chosen = portal.truth("crm.deal.list").ids[cell.every // 2 :: cell.every]
            portal.update("deals", chosen, {"COMMENTS": "benchmark"})
            where = MATCH
        portal.warm("crm.deal.list", FIELDS)
        truth = portal.truth("crm.deal.list", where)
        before, target = portal.stats, folder / f"{name}.json"
        target.unlink(missing_ok=True)
        command = [sys.executable, __file__, "--child", name, portal.webhook_url, msgspec.json.encode(where).decode()]
        try:
            ended = subprocess.run(
                [*command, str(target)],
                env=authority.environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=patience_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            sent = portal.stats.requests - before.requests
            return f"| {name} | stopped after {patience_s:.0f} s ||| {sent:,} |||||"
        after = portal.stats
    if ended.returncode or not target.exists():
        said = (ended.stderr.decode("utf-8", "replace").strip().splitlines() or ["no word"])[-1]
        return f"| {name} | failed: {said[:90].replace('|', '/')} ||||||||"
    outcome = msgspec.json.decode(target.read_bytes(), type=Outcome)
    came = Counter(outcome.ids)
    lost = len(set(truth.ids) - set(came))
    doubled = sum(came.values()) - len(came)
    sandbox_s = after.cpu_s - before.cpu_s
    void = " **void**" if sandbox_s > outcome.wall_s / 5 else ""
    limits = after.rate_limit_hits + after.operating_limit_hits
    return (
        f"| {name} | {outcome.wall_s:.1f} s{void} | {outcome.cpu_s:.2f} s | {outcome.peak_mb:,.0f} MB "
        f"| {after.requests - before.requests:,} | {after.work_s - before.work_s:.1f} s | {limits} "
        f"| {lost:,} / {doubled:,} | {sandbox_s:.2f} s |"
    )


HEAD = (
    "| client | wall time | client CPU | peak memory | requests | portal work | 503 and 429 | rows lost / doubled "
    "| sandbox CPU |\n|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cells", nargs="*", metavar="cell", help=f"which workloads: {', '.join(CELLS)}")
    parser.add_argument("--clients", nargs="+", choices=list(CLIENTS), default=list(CLIENTS))
    parser.add_argument("--long", action="store_true", help="the long workloads too")
    parser.add_argument("--patience", type=float, default=900, help="seconds after which a client is stopped (900)")
    asked = parser.parse_args()
    unknown = [name for name in asked.cells if name not in CELLS]
    if unknown:
        parser.error(f"no workload {unknown[0]!r}; there are {', '.join(CELLS)}")
    chosen = asked.cells or [name for name, cell in CELLS.items() if asked.long or not cell.long]
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="minutes")
    print(f"{now}, {platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        for name in chosen:
            print(f"\n**{name}**: {CELLS[name].title}\n\n{HEAD}", flush=True)  # noqa: T201
            for client in asked.clients:
                print(take(client, CELLS[name], authority, Path(folder), asked.patience), flush=True)  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run_client(sys.argv[2], sys.argv[3], msgspec.json.decode(sys.argv[4]), Path(sys.argv[5]))
    else:
        main()
