"""What merging changes into a large dataset costs: ``python -m tests.benchmarks.dataset [rows]``.

Seconds of CPU and the growth of the process at its peak, for the first merge of a whole list and for a night's changes.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from b24data.sync.dataset import Dataset

STEP = 50_000


def batch(ids: np.ndarray, word: str) -> pa.RecordBatch:
    """Deals: numbers, amounts, codes, texts, times."""
    columns = {"ID": pa.array(ids)}
    columns |= {f"CODE_{k}": pa.array((ids * (k + 7)) % 23).cast(pa.string()) for k in range(8)}
    columns |= {f"SUM_{k}": pa.array(ids / (k + 3)) for k in range(4)}
    columns |= {f"USER_{k}": pa.array((ids * (k + 5)) % 400) for k in range(4)}
    columns["TITLE"] = pa.array([f"{word} {row_id}" for row_id in ids.tolist()])
    columns["AT"] = pa.array(ids * 1_000_000, pa.timestamp("us", "UTC"))
    return pa.RecordBatch.from_pydict(columns)


def write(path: Path, ids: np.ndarray, word: str) -> None:
    with pq.ParquetWriter(path, batch(ids[:1], word).schema, compression="zstd") as writer:
        for at in range(0, len(ids), STEP):
            writer.write_batch(batch(ids[at : at + STEP], word))


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(rows: int) -> None:
    ids = np.cumsum(np.random.default_rng(7).geometric(0.7, rows))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "deals")
        workshop = folder / "_b24data"
        workshop.mkdir(parents=True)
        changes = workshop / "changes.parquet"
        dataset = Dataset(folder, workshop, "ID")
        write(changes, ids[:STEP], "warm")
        Dataset(folder, workshop, "ID").merge(changes)
        for path in folder.glob("*.parquet"):
            path.unlink()
        for what, chosen, word in (("whole list", ids, "deal"), ("one row in a hundred", ids[::100], "changed")):
            write(changes, chosen, word)
            before, began = peak_mb(), time.process_time()
            merge = dataset.merge(changes)
            spent = time.process_time() - began
            print(  # noqa: T201
                f"{what}: {len(chosen):,} rows into {rows:,}: {spent:.1f} s CPU, peak {peak_mb():.0f} MB"
                f" (+{peak_mb() - before:.0f}); {merge.counts}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_400_000)
