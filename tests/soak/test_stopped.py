"""Fetches and syncs that are interrupted or killed at random moments, while tokens die: the next run makes it whole."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from b24data import AuthorizationRequiredError, Sandbox
from b24data.auth.store import FileTokenStore, StoredTokens
from b24data.tokens import B24OAuthParams
from tests.soak.stopped import read, signed_in

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that a parent can send to one child"),
]

DEALS = 30_000
LATENCY_S = 0.05
REQUESTS = 30  # of one fetch, about, with those for its columns
AT_ONCE_S = 60  # in which a program has to end: that of a refresh under way, on a machine that is busy


@pytest.fixture
def portal():
    with Sandbox(
        deals=DEALS, rate_limit=None, cost=0.001, latency_s=LATENCY_S, token_ttl_requests=15, process=True
    ) as portal:
        yield portal


class Desk:
    """A portal, the tokens for it in a file, and programs that read it."""

    def __init__(self, portal: Sandbox, folder: Path, seed: int) -> None:
        self.portal, self.folder = portal, folder
        self.dice = random.Random(seed)
        self.store = FileTokenStore(folder / "acme.json")
        self.signed_in_again = 0
        self.sign_in(1)

    def sign_in(self, generation: int) -> None:
        self.store.save(StoredTokens(B24OAuthParams.of(self.portal.oauth_params()), generation))

    def stop(self, work: str, to: Path, how: signal.Signals, *, again: bool = False) -> tuple[int, list[str], str, Any]:
        """Start a program, stop it at a random moment; its exit code, what it printed, and the portal's log."""
        given = {"secret": self.portal.oauth_secret(), "store": str(self.store.path), "part_rows": 4_000}
        given |= {"work": work, "to": str(to), "again": again}
        pipe = subprocess.PIPE
        program = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-W", "error", "-m", "tests.soak.stopped"],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )
        assert program.stdin is not None
        assert program.stdout is not None
        print(json.dumps(given), file=program.stdin, flush=True)
        assert program.stdout.readline() == "ready\n"
        begun, at = self.portal.stats.requests, self.dice.randint(0, REQUESTS)
        pause = threading.Event()
        for _ in range(2_000):
            if self.portal.stats.requests - begun >= at or program.poll() is not None:
                break
            pause.wait(0.005)
        pause.wait(self.dice.random() * LATENCY_S)
        program.send_signal(how)
        try:
            out, err = program.communicate(timeout=AT_ONCE_S)
        except subprocess.TimeoutExpired:
            program.send_signal(signal.SIGABRT)  # the faulthandler says where it hangs
            out, err = program.communicate()
        return program.returncode, out.splitlines(), err, self.portal.stats.log

    def to_the_end(self, work: str, to: Path) -> Any:
        """What the next run makes; a pair of tokens that died with a killed program is got by signing in again."""
        try:
            return self._read(work, to)
        except AuthorizationRequiredError:
            self.signed_in_again += 1
            kept = self.store.load()
            assert kept is not None
            self.sign_in(kept.generation + 1)
            return self._read(work, to)

    def _read(self, work: str, to: Path) -> Any:
        with signed_in(self.store, self.portal.oauth_secret()) as b24:
            return read(b24, work, str(to))

    def ids(self, to: Path) -> list[int]:
        files = sorted(to.glob("*.parquet")) if to.is_dir() else [to]
        return sorted(row_id for file in files for row_id in pq.read_table(file, columns=["ID"])["ID"].to_pylist())


@pytest.mark.parametrize(("work", "times"), [("frame", 30), ("file", 50), ("sync", 30)])
def test_interrupted_110_times__no_request_follows_and_the_next_run_is_whole(portal, tmp_path, work, times):
    desk, truth = Desk(portal, tmp_path, times), portal.truth("crm.deal.list").ids
    for number in range(times):
        to = tmp_path / (f"deals-{number}.parquet" if work == "file" else f"deals-{number}")
        again = work == "frame"
        code, out, err, log = desk.stop(work, to, signal.SIGINT, again=again)
        # CPython ends a program that runs as `-m` with SIGINT also where it caught the KeyboardInterrupt, if that came
        # from exec() of a text, such as a dataclass that an import makes: try `exec("raise KeyboardInterrupt")`.
        assert (code in (0, -signal.SIGINT), err) == (True, ""), (number, code, out, err)
        if again:
            assert out[1:] == [str(DEALS)]
            continue
        assert [entry for entry in log if entry[0] > float(out[0]) + 4 * LATENCY_S] == []
        if work == "file" and not to.exists():
            desk.to_the_end(work, to)
            assert not [path for path in tmp_path.iterdir() if "unfinished" in path.name or path.suffix == ".tmp"]
        elif work == "sync":
            assert set(desk.ids(to) if to.exists() else []) <= set(truth)
            desk.to_the_end(work, to)
        assert desk.ids(to) == truth
    stats = portal.stats
    assert (stats.reused_refresh_tokens, desk.signed_in_again) == (0, 0)
    assert stats.refreshes >= times


@pytest.mark.parametrize("work", ["file", "sync"])
def test_killed_20_times_each__a_file_is_whole_or_absent_and_the_next_run_is_whole(portal, tmp_path, work):
    desk, truth = Desk(portal, tmp_path, 20), portal.truth("crm.deal.list").ids
    killed = 0
    for number in range(20):
        to = tmp_path / (f"deals-{number}.parquet" if work == "file" else f"deals-{number}")
        code, _, err, _ = desk.stop(work, to, signal.SIGKILL)
        killed += code == -signal.SIGKILL
        assert code == -signal.SIGKILL, err
        if work == "file":
            assert not to.exists() or desk.ids(to) == truth
        elif to.exists():
            found = desk.ids(to)
            assert len(found) == len(set(found))
            assert set(found) <= set(truth)
        desk.to_the_end(work, to)
        assert desk.ids(to) == truth
        assert not [path for path in tmp_path.iterdir() if "unfinished" in path.name]
    assert killed == 20
    assert portal.stats.reused_refresh_tokens <= desk.signed_in_again
