"""A program that reads a list until a signal stops it: ``python -m tests.soak.stopped``, one JSON object on stdin.

It prints ``ready``, works until a signal comes, and prints when ``KeyboardInterrupt`` was caught.
``again`` does the same work once more on the same client, as the next cell of a notebook does, and prints its rows.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from typing import Any

from b24data import B24OAuth, RateLimitConfig, RestrictionParams
from b24data.auth.store import FileTokenStore
from b24data.fetch import job_sink

FIELDS = ["ID", "TITLE", "STAGE_ID"]
FAST = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1000), retry_delay_s=0.05)


def signed_in(store: FileTokenStore, secret: dict[str, str]) -> B24OAuth:
    """A client with the pair of tokens that the store holds."""
    kept = store.load()
    assert kept is not None
    return B24OAuth(kept.params, secret, FAST, store=store)


def read(b24: Any, work: str, to: str) -> Any:
    """Read the deals into a frame, a file or a dataset."""
    if work == "frame":
        return b24.tools.fetch_all("crm.deal.list", FIELDS, progress=False)
    if work == "file":
        return b24.tools.fetch_all("crm.deal.list", FIELDS, to=to, progress=False)
    return b24.tools.sync("crm.deal.list", FIELDS, to=to, progress=False, deletes="scan")


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs hand down an ignored one
    given = json.loads(sys.stdin.readline())
    job_sink._PART_ROWS = given["part_rows"]
    b24 = signed_in(FileTokenStore(given["store"]), given["secret"])
    try:
        print("ready", flush=True)  # noqa: T201
        read(b24, given["work"], given["to"])
        threading.Event().wait()  # it was faster than the signal
    except KeyboardInterrupt:
        print(time.time(), flush=True)  # noqa: T201
    if given["again"]:
        print(len(read(b24, given["work"], given["to"])), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
