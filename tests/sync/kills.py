"""A program whose sync is cut off: ``python -m tests.sync.kills``, one JSON object a line.

Each line makes a fork that syncs, and dies by SIGKILL at the ``kill``-th step that reaches the disk, or may write files
of no more than ``room`` bytes. The answer is its exit code, negative for a signal, and what it said.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from b24data import B24OAuth, RateLimitConfig, RestrictionParams, SdkError
from b24data.client import tools as tools_of_the_package
from b24data.files.workfolder import WorkFolder
from b24data.frames import parquet
from b24data.sync import dataset
from b24data.sync.sync import Sync

FAST = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1000))
# What reaches the disk, by the modules that call it.
STEPS = [
    (dataset, "replace_file"),
    (parquet, "replace_file"),
    (parquet.GrowingFile, "finish"),
    (WorkFolder, "write_whole"),
    (WorkFolder, "make"),
    (WorkFolder, "remove"),
    (os, "replace"),
    (shutil, "rmtree"),
    (Path, "unlink"),
    (Path, "mkdir"),
]


def die_at(step: int) -> None:
    """Before and after each of the calls that reach the disk there is a step; die at that one."""
    steps = iter(range(1, 1_000_000))

    def counted(work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def done(*args: Any, **kwargs: Any) -> Any:
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            result = work(*args, **kwargs)
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return done

    for owner, name in STEPS:
        setattr(owner, name, counted(getattr(owner, name)))


def sync(given: dict[str, Any], answer: int) -> int:
    tools_of_the_package.Sync = functools.partial(Sync, part_rows=given["part_rows"])  # type: ignore[assignment, misc]
    if given.get("kill"):
        die_at(given["kill"])
    if given.get("room"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (given["room"], given["room"]))
    try:
        with B24OAuth(given["params"], given["secret"], FAST) as b24:
            b24.tools.sync("crm.deal.list", given["select"], to=given["to"], progress=False, deletes="scan")
    except SdkError as error:
        os.write(answer, f"{type(error).__name__}: {error}".encode())
        return 1
    except Exception:  # noqa: BLE001  what no caller should see
        os.write(answer, traceback.format_exc().encode())
        return 70
    return 0


def serve(work: Callable[[dict[str, Any], int], int]) -> None:
    """Do ``work`` in a fork for each line of the input, and tell how it ended."""
    for line in sys.stdin:
        question, answer = os.pipe()
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                code = work(json.loads(line), answer)
            finally:
                os._exit(code)
        os.close(answer)
        with os.fdopen(question) as said:
            text = said.read()
        print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text]), flush=True)  # noqa: T201


if __name__ == "__main__":
    serve(sync)
