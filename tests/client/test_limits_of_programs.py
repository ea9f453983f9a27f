"""Four programs that hammer one portal together: how near they come to its limit, and how often they meet it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from b24data import Sandbox

BURST, DRAIN = 50, 2
SECONDS = 2.0

PROGRAM = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from b24data import B24Hook, RestrictionParams

b24 = B24Hook(sys.stdin.readline().strip(), RestrictionParams(max_retries=10))
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + float(sys.argv[1])

def hammer(_):
    while time.monotonic() < end:
        assert b24.actions.v2.call.make(method="profile").is_success

with ThreadPoolExecutor(3) as pool:
    list(pool.map(hammer, range(3)))
"""


def hammered(folder: Path, seconds: float, *, shared: bool) -> tuple[float, int]:
    """Four programs do nothing but call; the used part of the allowed rate, and the number of refusals."""
    with Sandbox(deals=1, cost=0.0, rate_limit=(BURST, DRAIN), process=True) as portal:
        pipe = subprocess.PIPE
        programs = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(seconds)],
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                text=True,
                env={**os.environ, "B24DATA_STATE_DIR": str(folder)},
            )
            for _ in range(4)
        ]
        for program in programs:
            assert program.stdin is not None
            assert program.stdout is not None
            print(portal.webhook_url, file=program.stdin, flush=True)
            assert program.stdout.readline() == "ready\n"
        for program in programs:
            assert program.stdin is not None
            print(file=program.stdin, flush=True)
        for program in programs:
            _, errors = program.communicate(timeout=seconds + 60)
            assert (program.returncode, "not shared" in errors) == (0, not shared), errors
        stats = portal.stats
    times = [at for at, _, status in stats.log if status == 200]
    return len(times) / (BURST + DRAIN * (times[-1] - times[0])), stats.rate_limit_hits


def check_shared(tmp_path: Path, seconds: float) -> None:
    used, refusals = hammered(tmp_path, seconds, shared=True)
    assert refusals == 0
    assert used >= 0.9


def check_unshared(tmp_path: Path, seconds: float) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    used, refusals = hammered(nowhere, seconds, shared=False)
    assert refusals <= 3
    assert used >= 0.7


def test_shared__no_refusal_and_nine_tenths_of_the_rate(tmp_path: Path) -> None:
    check_shared(tmp_path, SECONDS)


def test_unwritable__hardly_a_refusal_and_seven_tenths_of_the_rate(tmp_path: Path) -> None:
    check_unshared(tmp_path, SECONDS)


@pytest.mark.soak
@pytest.mark.parametrize("check", [check_shared, check_unshared])
def test_for_a_minute__the_same_holds(tmp_path: Path, check) -> None:
    check(tmp_path, 55.0)
