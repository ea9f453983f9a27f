"""What it costs the client to have 100,000 deals: ours typed, others' untyped, all from one portal over https.

    python tests/benchmarks/typed.py [deals]

Prints each figure beside its bound. CPU is that of the whole process, all threads, less the imports; ratios hold within
one run. "floor" is ``orjson.loads`` of the very bodies that our fetch received. A frame's size is compared with that of
``pandas.DataFrame(rows)`` of the rows of ``fast_bitrix24``. Each case runs in a process of its own, in turn, some
times; the least of each figure counts. Limits are off on both sides, so that nobody waits. All of it runs on one
processor: two may be the threads of one core, and whoever works beside the portal would seem to need up to twice the
time. The steps of our fetch are measured too, each alone on the same answers.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import trustme
from zlib_ng import zlib_ng

sys.path.insert(0, str(Path(__file__).parents[2]))
from b24data import B24Hook, RateLimitConfig, RestrictionParams, Sandbox

SOME = ["ID", "TITLE", "STAGE_ID", "OPPORTUNITY", "CURRENCY_ID", "ASSIGNED_BY_ID", "COMPANY_ID", "CONTACT_ID",
        "DATE_CREATE", "CLOSEDATE", "OPENED", "SOURCE_ID"]  # fmt: skip
CODES = ["STAGE_ID", "SOURCE_ID", "CURRENCY_ID"]
UNLIMITED = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1_000))
SELECT = {"12": SOME, "all": ["*", "UF_*"]}
CASES = ["floor", "steps", "ours", "ours_pyarrow", "ours_labels", "ours_parquet", "b24pysdk", "fast_bitrix24"]
ROUNDS = 4
PARQUET_ROUNDS = 3
# The bounds: CPU to a typed frame, of b24pysdk's to dicts; the size of a frame, of that of fast_bitrix24's rows.
OF_B24PYSDK = {"12": 0.70, "all": 0.55}
OF_ROWS = {"ours": 0.85, "ours_pyarrow": None}


def measured(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    before, began = peak_mb(), time.process_time()
    result = work()
    return result, {"cpu": time.process_time() - began, "mb": peak_mb() - before, "peak": peak_mb()}


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


def floor(url: str, select: list[str]) -> dict[str, float]:
    """``orjson.loads`` of what our fetch received."""
    import orjson

    bodies = received(url, select)
    return measured(lambda: [len(orjson.loads(body)) for body in bodies])[1]


def steps(url: str, select: list[str]) -> dict[str, float]:
    """The steps of our fetch, each alone and on one thread, on what our fetch received."""
    import pyarrow as pa

    from b24data.frames.columns import Decoder
    from b24data.frames.sinks import frame_of
    from b24data.http.encode import Command
    from b24data.http.protocol import Reply, Response, read_batch, read_reply
    from b24data.lists.methods import spec_of
    from b24data.lists.rows import rows_of

    chains: list[tuple[Decoder, Any]] = []
    decode = Decoder.decode

    def keep(self: Decoder, rows: Any) -> pa.RecordBatch:
        chains.append((self, rows))
        return decode(self, rows)

    Decoder.decode = keep  # type: ignore[method-assign]
    bodies = received(url, select)
    zipped = [zlib_ng.compress(body, wbits=31) for body in bodies]
    commands = [Command(f"c{number}", "crm.deal.list") for number in range(50)]

    def find_rows() -> None:
        for body in bodies:
            for part in read_batch(read_reply("batch", Reply(200, {}, body, url="")), commands):
                if isinstance(part, Response):
                    rows_of(part, spec_of("crm.deal.list"))

    gunzip = measured(lambda: [len(zlib_ng.decompress(body, wbits=31)) for body in zipped])[1]["cpu"]
    find = measured(find_rows)[1]["cpu"]
    batches, typing = measured(lambda: [decode(decoder, rows) for decoder, rows in chains])
    frame = measured(lambda: frame_of(pa.Table.from_batches(batches)))[1]["cpu"]
    return {"gunzip": gunzip, "find the rows": find, "type them": typing["cpu"], "make the frame": frame}


def received(url: str, select: list[str]) -> list[bytes]:
    """The answers to one of our fetches."""
    from b24data.http.transport import Transport

    bodies, post = [], Transport.post

    def keep(self: Transport, *arguments: Any, **options: Any) -> Any:
        reply = post(self, *arguments, **options)
        bodies.append(reply.text("batch"))
        return reply

    with B24Hook(url, UNLIMITED, verify=os.environ["SSL_CERT_FILE"]) as b24:
        Transport.post = keep  # type: ignore[method-assign]
        b24.tools.fetch_all("crm.deal.list", select, progress=False)
        Transport.post = post  # type: ignore[method-assign]
    return bodies


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
    if case in ("floor", "steps"):
        return {"floor": floor, "steps": steps}[case](url, select)
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
        as_category = frame.astype(dict.fromkeys(CODES, "category"))
        cost["category"] = as_category.memory_usage(deep=True).sum() / 2**20
    assert len(frame) == rows
    return {**cost, "frame": frame.memory_usage(deep=True).sum() / 2**20, "columns": frame.shape[1]}


def main() -> None:
    if len(sys.argv) == 5:
        case, fields, url, rows = sys.argv[1:]
        print(json.dumps(run(case, fields, url, int(rows))))  # noqa: T201
        return
    deals = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        authority, paths = trustme.CA(), [str(Path(folder) / name) for name in ("ca.pem", "cert.pem", "key.pem")]
        issued = authority.issue_cert("127.0.0.1", "localhost")
        authority.cert_pem.write_to_path(paths[0])
        issued.cert_chain_pems[0].write_to_path(paths[1])
        issued.private_key_pem.write_to_path(paths[2])
        environment = {**os.environ, "SSL_CERT_FILE": paths[0], "REQUESTS_CA_BUNDLE": paths[0]}
        portal = {"cost": 0.0, "rate_limit": None, "tls": (paths[1], paths[2]), "process": True}
        with Sandbox(deals=deals, **portal) as small:
            for fields in SELECT:
                small.warm("crm.deal.list", SELECT[fields])
                cases = dict.fromkeys(CASES, (fields, small.webhook_url, deals))
                show(f"{fields} fields, {deals:,} deals", compared(fields, best(cases, ROUNDS, environment)))
        with Sandbox(deals=10 * deals, **portal) as large, Sandbox(deals=deals, **portal) as small:
            for one in (small, large):
                one.warm("crm.deal.list", SOME)
            few, many = (
                best({"ours_parquet": ("12", one.webhook_url, rows)}, PARQUET_ROUNDS, environment)["ours_parquet"]
                for one, rows in ((small, deals), (large, 10 * deals))
            )
            told = {name: f"{few[name]:.0f}, {many[name]:.0f} MB" for name in ("peak", "mb")}
            peak = ("peak of the process, ten times the rows", many["peak"] / few["peak"], 1.1, told["peak"])
            show("To Parquet", [peak, ("the same above imports", many["mb"] / few["mb"], 1.1, told["mb"])])


Row = tuple[str, float, float | None, str]


def compared(fields: str, cost: dict[str, dict[str, float]]) -> Iterator[Row]:
    """What is measured, how much of its measure it is, how much that may be, and the figures behind it."""
    floor_s, b24pysdk_s = cost["floor"]["cpu"], cost["b24pysdk"]["cpu"]
    for case, one in cost.items():
        if case in ("floor", "steps"):
            continue
        most, told = OF_B24PYSDK[fields] if case in OF_ROWS else None, f"{one['cpu']:.2f} s, {one['mb']:.0f} MB"
        yield f"CPU of {case}, of b24pysdk", one["cpu"] / b24pysdk_s, most, told
        yield f"CPU of {case}, of the floor", one["cpu"] / floor_s, None, told
    labels = cost["ours_labels"]
    yield "CPU of ours_labels, of ours", labels["cpu"] / cost["ours"]["cpu"], 1.1, ""
    yield "requests of ours_labels more than of ours", labels["requests"] - cost["ours"]["requests"], 5, ""
    for case, most in OF_ROWS.items():
        frame, mb = cost[case]["frame"], cost[case]["mb"]
        rows = cost["fast_bitrix24"]["frame"]
        yield f"frame of {case}, of fast_bitrix24's", frame / rows, most, f"{frame:.1f} of {rows:.1f} MB"
        yield "the same with category for codes, of fast_bitrix24's", cost[case]["category"] / rows, None, ""
        yield f"memory of {case}, of twice its frame and 150 MB", mb / (2 * frame + 150), 1.0, f"{mb:.0f} MB"
    for step, seconds in cost["steps"].items():
        yield f"CPU of a step alone, of the floor: {step}", seconds / floor_s, None, f"{seconds:.2f} s"
    yield "the floor", 1.0, None, f"{floor_s:.2f} s"


def show(title: str, rows: Iterable[Row]) -> None:
    print(f"\n**{title}**\n\n| | measured | at most | |\n|---|---|---|---|")  # noqa: T201
    for name, measured, most, told in rows:
        bound = "" if most is None else f"{most:g}" if measured <= most else f"{most:g}: **missed**"
        print(f"| {name} | {measured:.2f} | {bound} | {told} |", flush=True)  # noqa: T201


def best(
    cases: dict[str, tuple[str, str, int]], rounds: int, environment: dict[str, str]
) -> dict[str, dict[str, float]]:
    """Each case some times in turn; of every figure the least."""
    runs: dict[str, list[dict[str, float]]] = {case: [] for case in cases}
    for _ in range(rounds):
        for case, (fields, url, rows) in cases.items():
            runs[case].append(one_run([case, fields, url, str(rows)], environment))
    return {case: {name: min(one[name] for one in costs) for name in costs[0]} for case, costs in runs.items()}


def one_run(arguments: list[str], environment: dict[str, str]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, env=environment, stdout=subprocess.PIPE, text=True
    )
    cost: dict[str, float] = json.loads(done.stdout)
    return cost


if __name__ == "__main__":
    main()
