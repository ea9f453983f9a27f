"""Memory and size of what 54 fields become, each case in a process of its own.

    python tests/benchmarks/memory.py

RSS is the peak above that of the imports. "parquet" is to stay flat; a frame may take twice its size and 150 MB.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pandas as pd

from b24data.fields.fields import Field
from b24data.frames.columns import Decoder
from b24data.frames.parquet import ParquetSink
from b24data.frames.schema import build_schema
from b24data.frames.sinks import FrameSink
from b24data.report import FetchReport

sys.path.insert(0, str(Path(__file__).parent))
from decode import TYPES, rows_of

REPORT = FetchReport(method="m", portal="p", walk="keyset", reason="short_page", complete=True, rows=0)
MORE = ("string", "user", "double", "crm_status", "datetime", "string", "char")
WIDE = TYPES | {f"UF_CRM_{i}": MORE[i % len(MORE)] for i in range(42)}


def run(kind: str, count: int) -> str:
    body = b"[" + b",".join(rows_of(WIDE, ())) + b"]"
    schema = build_schema({c: Field(c, c, type=t) for c, t in WIDE.items()}, list(WIDE), id_code="ID")
    decoder = Decoder(schema)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "list.parquet"
        sink = ParquetSink(target, schema.arrow) if kind == "parquet" else FrameSink(schema, dtype_backend=kind)
        pd.DataFrame({"a": pd.array([1], "Int64")})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(count // 2500):
            sink.write(decoder.decode(msgspec.json.decode(body, type=list[msgspec.Raw])))
        result = sink.close(REPORT)
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        size = (target.stat().st_size if kind == "parquet" else result.memory_usage(deep=True).sum()) / 2**20
    return f"{kind:15} {count:9,} rows   peak {peak:7.0f} MB   result {size:7.0f} MB"


def main() -> None:
    if len(sys.argv) == 3:
        print(run(sys.argv[1], int(sys.argv[2])))  # noqa: T201
        return
    for kind, count in [
        ("parquet", 100_000),
        ("parquet", 1_000_000),
        ("numpy_nullable", 100_000),
        ("pyarrow", 100_000),
    ]:
        subprocess.run([sys.executable, __file__, kind, str(count)], check=True)


if __name__ == "__main__":
    main()
