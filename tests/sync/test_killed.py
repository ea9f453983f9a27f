"""A sync is killed between any two of its steps, or runs out of disk: nothing is lost, the next goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from b24data import Sandbox

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

SELECT = ["ID", "TITLE", "STAGE_ID"]
PART_ROWS = 60


class Killer:
    """Runs programs that are cut off, one portal and one folder after the other."""

    def __init__(self, folder: Path, program: str = "tests.sync.kills") -> None:
        self.folder = folder
        self.said = ""
        pipe = subprocess.PIPE
        self._program = subprocess.Popen([sys.executable, "-m", program], stdin=pipe, stdout=pipe, text=True)

    def sync(self, portal: Sandbox, to: Path, **given) -> int:
        """The exit code of a program that syncs into ``to``."""
        asked = {"params": portal.oauth_params(), "secret": portal.oauth_secret(), "to": str(to)}
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        line = json.dumps({**asked, "select": SELECT, "part_rows": PART_ROWS, **given})
        print(line, file=self._program.stdin, flush=True)
        code, self.said = json.loads(self._program.stdout.readline())
        return int(code)

    def close(self) -> None:
        self._program.communicate(timeout=20)


@pytest.fixture(scope="module")
def killer(tmp_path_factory):
    killer = Killer(tmp_path_factory.mktemp("killed"))
    yield killer
    killer.close()


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=200, rate_limit=None, cost=0.0) as portal:
        yield portal


def kept(folder):
    rows = [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    by_id = {row["ID"]: row for row in rows}
    assert len(by_id) == len(rows)
    return {row_id: (row["TITLE"], row["STAGE_ID"]) for row_id, row in by_id.items()}


def true(portal):
    rows = portal.rows("crm.deal.list", None, SELECT)
    return {int(row["ID"]): (row["TITLE"], row["STAGE_ID"]) for row in rows}


def change(portal, number):
    """Something in every part: changed, gone, new; and on some days a new column."""
    ids = portal.truth("crm.deal.list").ids
    portal.update("deals", ids[number % 7 :: 30], {"TITLE": f"change {number}"})
    portal.delete("deals", ids[number % 11 + 1 :: 90])
    portal.insert("deals", [{"TITLE": f"new {number}"}] * 3)


def check(killer, portal, step: int) -> bool:
    """Kill a sync at that step, and one that goes on after it; whether there was such a step."""
    folder = killer.folder / f"deals-{step}"
    assert killer.sync(portal, folder) == 0
    before = kept(folder)
    assert before == true(portal)
    change(portal, step)
    after = true(portal)
    code = killer.sync(portal, folder, kill=step)
    assert code in (0, -signal.SIGKILL)
    found = kept(folder)
    assert found.keys() >= before.keys() & after.keys()
    assert all(row in (before.get(row_id), after.get(row_id)) for row_id, row in found.items())
    assert killer.sync(portal, folder) == 0
    assert kept(folder) == after
    assert sorted(path.name for path in (folder / "_b24data").iterdir()) == ["lock", "state.json"]
    return code != 0


def check_first(killer, portal, step: int) -> bool:
    """The same for a first sync."""
    folder = killer.folder / f"first-{step}"
    code = killer.sync(portal, folder, kill=step)
    assert code in (0, -signal.SIGKILL)
    truth = true(portal)
    assert all(truth[row_id] == row for row_id, row in kept(folder).items())
    assert killer.sync(portal, folder) == 0
    assert kept(folder) == truth
    return code != 0


def check_lost(killer, portal, step: int) -> bool:
    """The same for a sync that finds parts missing, and reads the whole list."""
    folder = killer.folder / f"lost-{step}"
    assert killer.sync(portal, folder) == 0
    parts = sorted(folder.glob("*.parquet"))
    for part in parts[step % 3 :: 2]:
        part.unlink()
    change(portal, step)
    code = killer.sync(portal, folder, kill=step)
    assert code in (0, -signal.SIGKILL)
    assert killer.sync(portal, folder) == 0
    assert kept(folder) == true(portal)
    return code != 0


@pytest.mark.parametrize("check", [check, check_first, check_lost])
def test_killed__at_every_third_step_nothing_is_lost_and_the_next_sync_goes_on(killer, portal, check):
    steps = 1
    while check(killer, portal, steps):
        steps += 3
    assert steps > 20


@pytest.mark.soak
@pytest.mark.parametrize("check", [check, check_first, check_lost])
def test_killed__at_every_step(killer, portal, check):
    steps = 1
    while check(killer, portal, steps):
        steps += 1
    assert steps > 20


@pytest.mark.parametrize("room", [300, 1500, 2500, 3500])
def test_disk_full__is_one_clear_error_and_the_next_sync_goes_on(killer, portal, room):
    folder = killer.folder / f"full-{room}"
    assert killer.sync(portal, folder) == 0
    before = kept(folder)
    change(portal, room)
    portal.update("deals", portal.truth("crm.deal.list").ids[::2], {"TITLE": f"changed at length {room}"})
    assert killer.sync(portal, folder, room=room) == 1
    assert killer.said.startswith(("ExportError: ", "ConfigError: "))
    assert "File too large" in killer.said
    assert str(folder) in killer.said
    after = true(portal)
    found = kept(folder)
    assert found.keys() >= before.keys() & after.keys()
    assert all(row in (before.get(row_id), after.get(row_id)) for row_id, row in found.items())
    assert killer.sync(portal, folder) == 0
    assert kept(folder) == after
