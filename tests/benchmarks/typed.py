"""What it costs the client to have 100,000 deals: ours typed, others' untyped, all from one portal over https.

    python tests/benchmarks/typed.py [deals]

CPU is that of the whole process, all threads, less the imports; ratios hold within one run. "orjson" is the floor:
``orjson.loads`` of the very bodies that our fetch received. "frame" is the size of the DataFrame, for the others that
of ``pandas.DataFrame(rows)``. Each case runs in a process of its own, three times, in turn; the cheapest run counts.
Limits are off on both sides, so that nobody waits.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trustme

sys.path.insert(0, str(Path(__file__).parents[2]))
from b24data import B24Hook, RateLimitConfig, RestrictionParams, Sandbox

SOME = ["ID", "TITLE", "STAGE_ID", "OPPORTUNITY", "CURRENCY_ID", "ASSIGNED_BY_ID", "COMPANY_ID", "CONTACT_ID",
        "DATE_CREATE", "CLOSEDATE", "OPENED", "SOURCE_ID"]  # fmt: skip
UNLIMITED = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1_000))
SELECT = {"12": SOME, "all": ["*", "UF_*"]}
CASES = ["orjson", "ours", "ours_pyarrow", "ours_labels", "ours_parquet", "b24pysdk", "fast_bitrix24"]
ROUNDS = 3


def measured(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    before, began = peak_mb(), time.process_time()
    result = work()
    return result, {"cpu": time.process_time() - began, "mb": peak_mb() - before}


def peak_mb() -> float:
    """Of this process only: what ``getrusage`` tells begins with the parent's."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this benchmark reads /proc/self/status")


def ours(url: str, select: list[str], **options: Any) -> tuple[Any, dict[str, float]]:
    with B24Hook(url, UNLIMITED, verify=os.environ["SSL_CERT_FILE"]) as b24:
        b24.tools.fetch_all("crm.deal.list", select, limit=50, progress=False)  # imports, and the description
        return measured(lambda: b24.tools.fetch_all("crm.deal.list", select, progress=False, **options))


def orjson_floor(url: str, select: list[str]) -> dict[str, float]:
    import orjson

    from b24data.http.transport import Transport

    bodies, post = [], Transport.post_json
    with B24Hook(url, UNLIMITED, verify=os.environ["SSL_CERT_FILE"]) as b24:

        def keep(self: Transport, name: str, url: str, body: bytes, *more: Any, **options: Any) -> Any:
            reply = post(self, name, url, body, *more, **options)
            bodies.append(reply.body)
            return reply

        Transport.post_json = keep  # type: ignore[method-assign]
        b24.tools.fetch_all("crm.deal.list", select, progress=False)
    _, cost = measured(lambda: [len(orjson.loads(body)) for body in bodies])
    return {**cost, "bodies": sum(map(len, bodies)) / 2**20}


def b24pysdk(url: str, select: list[str]) -> tuple[Any, dict[str, float]]:
    from b24pysdk import BitrixWebhook

    domain, user, code = url.removeprefix("https://").rstrip("/").replace("/rest/", "/").split("/")
    token = BitrixWebhook(domain=domain, webhook_token=f"{user}/{code}")
    return measured(lambda: list(token.call_list_fast("crm.deal.list", {"select": select})["result"]))


def fast_bitrix24(url: str, select: list[str]) -> tuple[Any, dict[str, float]]:
    from fast_bitrix24 import BitrixAsync

    async def fetch() -> Any:
        return await BitrixAsync(url, verbose=False).get_all("crm.deal.list", params={"select": select})

    return measured(lambda: asyncio.run(fetch()))


def run(case: str, fields: str, url: str, rows: int) -> dict[str, float]:
    import pandas as pd

    select = SELECT[fields]
    if case == "orjson":
        return orjson_floor(url, select)
    if case == "ours_parquet":
        with tempfile.TemporaryDirectory() as folder:
            report, cost = ours(url, select, to=Path(folder) / "deals.parquet")
        assert report.rows == rows
        return cost
    if case in ("b24pysdk", "fast_bitrix24"):
        result, cost = {"b24pysdk": b24pysdk, "fast_bitrix24": fast_bitrix24}[case](url, select)
        frame = pd.DataFrame(result)
    else:
        options = {"ours_pyarrow": {"dtype_backend": "pyarrow"}, "ours_labels": {"labels": "add"}}.get(case, {})
        frame, cost = ours(url, select, **options)
        cost["requests"] = frame.attrs["b24data"]["requests"]
        assert "object" not in {str(dtype) for dtype in frame.dtypes}
        assert pd.api.types.is_integer_dtype(frame["ID"])
    assert len(frame) == rows
    return {**cost, "frame": frame.memory_usage(deep=True).sum() / 2**20, "columns": frame.shape[1]}


def main() -> None:
    if len(sys.argv) == 5:
        case, fields, url, rows = sys.argv[1:]
        print(json.dumps(run(case, fields, url, int(rows))))  # noqa: T201
        return
    deals = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        authority, paths = trustme.CA(), [str(Path(folder) / name) for name in ("ca.pem", "cert.pem", "key.pem")]
        issued = authority.issue_cert("127.0.0.1", "localhost")
        authority.cert_pem.write_to_path(paths[0])
        issued.cert_chain_pems[0].write_to_path(paths[1])
        issued.private_key_pem.write_to_path(paths[2])
        environment = {**os.environ, "SSL_CERT_FILE": paths[0], "REQUESTS_CA_BUNDLE": paths[0]}
        with Sandbox(deals=deals, cost=0.0, rate_limit=None, tls=(paths[1], paths[2]), process=True) as portal:
            for fields in SELECT:
                portal.warm("crm.deal.list", SELECT[fields])
                table(fields, portal.webhook_url, deals, environment)


def table(fields: str, url: str, deals: int, environment: dict[str, str]) -> None:
    runs: dict[str, list[dict[str, float]]] = {case: [] for case in CASES}
    for _ in range(ROUNDS):
        for case, costs in runs.items():
            costs.append(one_run([case, fields, url, str(deals)], environment))
    best = {case: min(costs, key=lambda one: one["cpu"]) for case, costs in runs.items()}
    for case, cost in best.items():
        more = "".join(f"   {name} {cost[name]:,.0f}" for name in ("frame", "columns", "requests") if name in cost)
        print(  # noqa: T201
            f"{fields:>4} {case:14} {cost['cpu']:6.2f} s CPU  {cost['cpu'] / best['orjson']['cpu']:5.2f} x orjson"
            f"  {cost['cpu'] / best['b24pysdk']['cpu']:5.2f} x b24pysdk   peak {cost['mb']:6.0f} MB{more}",
            flush=True,
        )


def one_run(arguments: list[str], environment: dict[str, str]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, env=environment, stdout=subprocess.PIPE, text=True
    )
    cost: dict[str, float] = json.loads(done.stdout)
    return cost


if __name__ == "__main__":
    main()
