"""What goes wrong at night: exit code, one clear line, nothing lost, and the next run goes on."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from b24data import Sandbox
from b24data.exports import spec
from b24data.fetch.manifest import folder_of
from tests.exports.conftest import Desk, sign_in, until
from tests.exports.kills import COMMAND

DEALS = """
[exports.deals]
profile = "acme"
method = "crm.deal.list"
select = ["ID", "TITLE", "OPPORTUNITY"]
target = "deals.parquet"
"""


def ids(path):
    return pq.read_table(path, columns=["ID"])["ID"].to_pylist()


def one_line(text):
    assert text.count("\n") == 1, text
    assert text.startswith("b24data: deals: ")
    return text


@contextlib.contextmanager
def held_up(program):
    """The program does nothing meanwhile, wherever it is."""
    program.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        program.send_signal(signal.SIGCONT)


# Two at once.


def test_two_runs_at_once__one_works_and_the_other_says_so(desk_at):
    with Sandbox(deals=60_000, latency_s=0.05, cost=0.001, rate_limit=None) as portal:
        desk = desk_at(portal)
        desk.write(DEALS)
        first = desk.start("deals", "--quiet", code=COMMAND)
        until((folder_of(desk.folder / "deals.parquet") / "manifest.json").exists)
        with held_up(first):
            code, said = desk.ended("deals", "--quiet", code=COMMAND)
        assert code == 4
        assert "another program runs it, since" in one_line(said)
        assert first.communicate(timeout=60) == ("", "")
        assert first.returncode == 0
        assert ids(desk.folder / "deals.parquet") == portal.truth("crm.deal.list").ids
        assert desk.ended("deals", "--quiet", code=COMMAND) == (0, "")


def test_two_exports_into_one_file__one_works_and_the_other_says_so(desk_at, at_home):
    with Sandbox(deals=60_000, latency_s=0.05, cost=0.001, rate_limit=None) as portal:
        desk = desk_at(portal)
        desk.write(DEALS)
        other = Desk(at_home / "other", portal)
        other.folder.mkdir()
        other.write(DEALS.replace('"deals.parquet"', json.dumps(str(desk.folder / "deals.parquet"))))
        first = desk.start("deals", "--quiet", code=COMMAND)
        until((folder_of(desk.folder / "deals.parquet") / "manifest.json").exists)
        with held_up(first):
            code, said = other.ended("deals", "--quiet", code=COMMAND)
        first.communicate(timeout=60)
        assert (code, first.returncode) == (4, 0)
        assert "another program is writing" in one_line(said)


def test_two_exports_of_one_profile__share_each_refresh(desk_at):
    with Sandbox(deals=20_000, tasks=5_000, token_ttl_requests=5, cost=0.001, rate_limit=None) as portal:
        desk = desk_at(portal)
        tasks = (
            DEALS.replace("deals]", "tasks]")
            .replace("crm.deal.list", "tasks.task.list")
            .replace("OPPORTUNITY", "STATUS")
        )
        desk.write(DEALS + tasks.replace("deals.parquet", "tasks.parquet"))
        programs = [desk.start(name, "--quiet", code=COMMAND) for name in ("deals", "tasks")]
        assert [(program.communicate(timeout=60), program.returncode) for program in programs] == [(("", ""), 0)] * 2
        stats = portal.stats
        assert stats.deaths > 2
        assert (stats.refreshes, stats.reused_refresh_tokens) == (stats.deaths, 0)
        assert ids(desk.folder / "deals.parquet") == portal.truth("crm.deal.list").ids
        assert ids(desk.folder / "tasks.parquet") == sorted(portal.truth("tasks.task.list").ids)


# Disks.


@pytest.fixture
def disk(tmp_path):
    """A disk of a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_disk_that_fills__keeps_the_last_good_file_and_the_next_run_goes_on(desk_at, disk, at_home):
    with Sandbox(deals=60_000, cost=0.0, rate_limit=None) as portal:
        desk = desk_at(portal)
        desk.write(DEALS.replace('"deals.parquet"', json.dumps(str(disk / "deals.parquet"))))
        (disk / "deals.parquet").write_bytes(b"the last good one")
        code, said = desk.ended("deals", "--quiet", code=COMMAND)
        assert code == 1
        assert "No space left on device. Hint: make room on that disk; the same call then resumes" in one_line(said)
        assert (disk / "deals.parquet").read_bytes() == b"the last good one"
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        assert desk.ended("deals", "--quiet", code=COMMAND) == (0, "")
        assert ids(disk / "deals.parquet") == portal.truth("crm.deal.list").ids
        assert [path.name for path in disk.iterdir()] == ["deals.parquet"]


LIMITED = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + (
    "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))\n"
)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of file sizes")
def test_a_file_that_grows_too_large__is_a_failure_of_one_line(desk_at):
    with Sandbox(deals=60_000, cost=0.0, rate_limit=None) as portal:
        desk = desk_at(portal)
        desk.write(DEALS)
        code, said = desk.ended("deals", "--quiet", code=LIMITED + COMMAND)
        assert code == 1
        assert "File too large" in said.splitlines()[-1]
        assert desk.ended("deals", "--quiet", code=COMMAND) == (0, "")
        assert ids(desk.folder / "deals.parquet") == portal.truth("crm.deal.list").ids
        assert desk.files() == ["deals.parquet"]


def test_a_state_folder_that_fills__hinders_no_export(desk, disk, monkeypatch, capsys):
    monkeypatch.setenv("B24DATA_STATE_DIR", str(disk / "state"))
    desk.write(DEALS)
    assert desk.run("deals", "--quiet") == 0
    (disk / "ballast").write_bytes(b"")
    with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    (desk.folder / "deals.parquet").unlink()
    assert desk.run("deals") == 0
    assert "the state of the export can't be written" in capsys.readouterr().err
    assert ids(desk.folder / "deals.parquet") == desk.portal.truth("crm.deal.list").ids


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs another file system")
def test_a_target_on_another_file_system__appears_whole_there(desk):
    folder = Path(f"/dev/shm/b24data-{os.getpid()}")
    folder.mkdir()
    try:
        assert folder.stat().st_dev != desk.folder.stat().st_dev
        desk.write(DEALS.replace('"deals.parquet"', json.dumps(str(folder / "deals.parquet"))))
        assert desk.run("deals") == 0
        assert ids(folder / "deals.parquet") == desk.portal.truth("crm.deal.list").ids
        assert [path.name for path in folder.iterdir()] == ["deals.parquet"]
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs users")
def test_a_folder_without_rights__is_told_before_a_row_is_asked_for(desk, tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o555)
    desk.write(DEALS.replace('"deals.parquet"', json.dumps(str(folder / "deals.parquet"))))
    program = desk.start("deals", "--quiet", code=AS_NOBODY + COMMAND if os.getuid() == 0 else COMMAND)
    _, said = program.communicate(timeout=60)
    assert program.returncode == 1
    assert re.search(r"no file can be written in the folder .*theirs: Permission denied", one_line(said))
    assert desk.portal.stats.commands.get("crm.deal.list", 0) == 0


# Root may write everywhere; without its capabilities it is a user like others.
AS_NOBODY = """
import ctypes, struct
header, none = struct.pack("<II", 0x20080522, 0), struct.pack("<6I", *[0] * 6)
if ctypes.CDLL(None, use_errno=True).capset(header, none):
    raise OSError(ctypes.get_errno(), "capset")
"""


# The portal, and its tokens.


def test_a_portal_that_is_down_all_night__fails_in_one_line_and_the_morning_goes_on(desk_at, capsys):
    with Sandbox(deals=300, cost=0.0, rate_limit=None) as portal:
        desk = desk_at(portal)
        desk.write(DEALS)
        assert desk.ended("deals", "--quiet", code=COMMAND) == (0, "")
        before = (desk.folder / "deals.parquet").read_bytes()
        port = int(portal.url.rpartition(":")[2])
    capsys.readouterr()
    code, said = desk.ended("deals", "--quiet", code=COMMAND)  # nobody listens there
    assert code == 1
    assert "NOT_CONNECTED after" in one_line(said)
    assert (desk.folder / "deals.parquet").read_bytes() == before
    assert desk.status("deals", capsys)["failures"] == 1
    with Sandbox(deals=400, cost=0.0, rate_limit=None, port=port) as portal:
        desk.portal = portal
        sign_in(portal)
        assert desk.ended("deals", "--quiet", code=COMMAND) == (0, "")
        assert len(ids(desk.folder / "deals.parquet")) == 400


def test_rights_that_are_lost_midway__make_it_a_part_and_the_next_run_goes_on(desk_at, capsys):
    with Sandbox(deals=60_000, cost=0.001, latency_s=0.02, rate_limit=None) as portal:
        desk = desk_at(portal)
        desk.write(DEALS)
        portal.fail("error", at=14, times=10_000, code="ACCESS_DENIED", status=403)
        code, said = desk.ended("deals", "--quiet", code=COMMAND)
        assert code == 2
        assert "stopped after" in one_line(said)
        assert "the same call resumes after the" in said
        assert not (desk.folder / "deals.parquet").exists()
        assert desk.status("deals", capsys)["state"] == "partial"
        portal.clear_faults()
        assert desk.ended("deals", "--quiet", code=COMMAND) == (0, "")
        assert desk.log("deals")[-1]["report"]["earlier"]["rows"] > 0
        assert ids(desk.folder / "deals.parquet") == portal.truth("crm.deal.list").ids
        assert desk.files() == ["deals.parquet"]


def test_a_refresh_token_that_died__says_what_to_type_and_goes_on_after_it(desk_at, capsys):
    with Sandbox(deals=60_000, cost=0.001, latency_s=0.02, rate_limit=None) as portal:
        desk = desk_at(portal)
        desk.write(DEALS)
        program = desk.start("deals", "--quiet", code=COMMAND)
        until(lambda: portal.stats.requests > 14)
        portal.revoke()
        _, said = program.communicate(timeout=120)
        assert program.returncode == 3
        assert one_line(said).endswith("to sign in again type: b24data login acme\n")
        assert desk.ended("deals", "--quiet", code=COMMAND)[0] == 3
        assert desk.status("deals", capsys)["state"] == "sign in again 2 times"
        sign_in(portal)
        assert desk.ended("deals", "--quiet", code=COMMAND) == (0, "")
        assert ids(desk.folder / "deals.parquet") == portal.truth("crm.deal.list").ids
        assert desk.files() == ["deals.parquet"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_who_is_told_to_stop__leaves_what_the_next_run_needs(desk_at, capsys, how):
    with Sandbox(deals=60_000, cost=0.001, latency_s=0.05, rate_limit=None) as portal:
        desk = desk_at(portal)
        desk.write(DEALS)
        program = desk.start("deals", "--quiet", code=COMMAND)
        until(lambda: portal.stats.rows > 20_000)
        program.send_signal(how)
        _, said = program.communicate(timeout=60)
        assert (program.returncode, said) == (130, "\nb24data: interrupted\n")
        assert desk.status("deals", capsys)["state"] == "interrupted"
        assert desk.ended("deals", "--quiet", code=COMMAND) == (0, "")
        assert desk.log("deals")[-1]["report"]["earlier"]["rows"] > 0
        assert ids(desk.folder / "deals.parquet") == portal.truth("crm.deal.list").ids


def test_who_was_killed__is_told_of_by_the_status_and_the_next_run(desk_at, capsys):
    with Sandbox(deals=60_000, cost=0.001, latency_s=0.05, rate_limit=None) as portal:
        desk = desk_at(portal)
        desk.write(DEALS)
        program = desk.start("deals", "--quiet", code=COMMAND)
        until(lambda: portal.stats.rows > 5_000)
        assert desk.status("deals", capsys)["state"] == "running"
        program.kill()
        program.communicate()
        assert desk.status("deals", capsys)["state"] == "killed"
        code, said = desk.ended("deals", code=COMMAND)
        assert code == 0
        assert "was killed; this run continues" in said


def test_a_name_of_yesterday__leaves_nothing_of_its_unfinished_run_behind(desk_at, monkeypatch):
    days = iter(["2026-10-30", "2026-10-31"])
    monkeypatch.setattr(spec, "placeholders", lambda now, name, profile="": {"date": next(days)})
    with Sandbox(deals=20_000, cost=0.001, rate_limit=None) as portal:
        desk = desk_at(portal)
        desk.write(DEALS.replace("deals.parquet", "deals-{date}.parquet"))
        left = folder_of(desk.folder / "deals-2026-10-30.parquet")
        portal.fail("error", code="ACCESS_DENIED", status=403, at=9, times=1_000)
        assert desk.run("deals", "--quiet") == 2
        assert left.exists()
        portal.clear_faults()
        assert desk.run("deals", "--quiet") == 0
        assert desk.files() == ["deals-2026-10-31.parquet"]
        assert not left.exists()
