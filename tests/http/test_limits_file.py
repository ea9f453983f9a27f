"""Limits that several programs share: every test here has two programs, or one that finds no place for the file."""

from __future__ import annotations

import gc
import logging
import os
import sqlite3
import stat
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b24data.auth.webhook import HookCredentials
from b24data.files.disk import warn_once
from b24data.http.bucket import LeakyBucket
from b24data.http.encode import Command
from b24data.http.ledger import OperatingLedger
from b24data.http.limits import Limits, Observation
from b24data.http.protocol import Times
from b24data.http.session import Session
from b24data.http.shared_state import StateFile, UnusableError, state_folder
from b24data.params import OperatingLimitConfig, RestrictionParams
from tests.http.fakes import FakeTransport, ok, tell

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
ONE = Counter(["profile"])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(Limits, "_files", {})
    warn_once.cache_clear()
    return tmp_path / "state"


def program(monkeypatch: pytest.MonkeyPatch, portal: str = "x.bitrix24.com", application: str = "a") -> Limits:
    """Limits with connections of their own, as another process would have them."""
    monkeypatch.setattr(Limits, "_files", {})
    return Limits(portal, application, RestrictionParams(), shared=True)


def granted(limits: Limits, now: float, most: int = 100) -> int:
    return sum(limits.reserve(ONE, now).seconds == 0 for _ in range(most))


def test_bucket__is_one_for_all_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = program(monkeypatch), program(monkeypatch)
    now = time.monotonic()
    assert granted(one, now, 30) == 30
    assert granted(other, now) == 18
    assert granted(program(monkeypatch, "y.bitrix24.com"), now) == 48


def test_bucket__a_refusal_of_one_program_slows_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = program(monkeypatch), program(monkeypatch)
    now = time.monotonic()
    tell(one, now, crowded=True)
    assert other.reserve(ONE, now).seconds > 1


def test_bucket__two_sandboxes_that_had_the_same_port_have_nothing_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    assert granted(program(monkeypatch, "127.0.0.1:8080", "first"), now) == 48
    assert granted(program(monkeypatch, "127.0.0.1:8080", "second"), now) == 48


def test_ledger__what_one_program_was_told_the_others_know(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, stranger = program(monkeypatch), program(monkeypatch), program(monkeypatch, application="b")
    now = time.monotonic()
    times = Times(finish=5.0, duration=1.0, operating=475.0, operating_reset_at=65.0)
    tell(one, now, times=[("profile", times)])
    assert other.reserve(ONE, now).reason == "operating limit"
    assert other.used(["profile"], now) == {"profile": 475.0}
    assert stranger.reserve(ONE, now).seconds == 0


def test_ledger__what_is_in_flight_elsewhere_is_reserved_here_until_it_lands(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = program(monkeypatch), program(monkeypatch)
    one.params = other.params = RestrictionParams(operating_limit=OperatingLimitConfig(limit_s=100))
    now = time.monotonic()
    tell(one, now, times=[("profile", Times(finish=5.0, duration=20.0, operating=50.0, operating_reset_at=65.0))])
    reservation = one.reserve(ONE, now)
    one.reserve(ONE, now)
    assert other.reserve(ONE, now).seconds > 0
    one.settle(reservation, Observation(), now)
    assert other.reserve(ONE, now).seconds == 0


@pytest.mark.parametrize("part", [LeakyBucket(), OperatingLedger()])
def test_file__every_part_comes_back_as_it_was(folder: Path, part: LeakyBucket | OperatingLedger) -> None:
    if isinstance(part, LeakyBucket):
        part.refused(3.0)
    else:
        part.begin(1.0, 2)
        part.observe(Times(finish=5.0, duration=20.0, operating=50.0, operating_reset_at=65.0), 2.0)
        part.refused(3.0)
    folder.mkdir()
    with StateFile(folder).state({"p": type(part)}) as parts:
        vars(parts["p"]).update(vars(part))
    with StateFile(folder).state({"p": type(part)}) as parts:
        assert parts == {"p": part}


def test_file__work_that_fails_changes_nothing(folder: Path) -> None:
    folder.mkdir()
    file = StateFile(folder)
    with pytest.raises(KeyError), file.state({"p": LeakyBucket}) as parts:
        parts["p"].reserve(1.0)
        raise KeyError
    with file.state({"p": LeakyBucket}) as parts:
        assert parts["p"].flights == {}


def rewrite(folder: Path, statement: str) -> None:
    (path,) = folder.glob("*.sqlite3")
    database = sqlite3.connect(path, isolation_level=None)
    database.execute(statement)
    database.close()


@pytest.mark.parametrize("statement", ["update parts set at = at + 1e9", "update parts set state = x'c1'"])
def test_file__state_from_before_a_reboot_or_of_another_version_does_not_count(
    folder: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    now = time.monotonic()
    assert granted(program(monkeypatch), now) == 48
    rewrite(folder, statement)
    assert granted(program(monkeypatch), now) == 48


def test_file__what_nobody_used_for_an_hour_is_forgotten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    granted(program(monkeypatch), time.monotonic())
    rewrite(folder, "update parts set at = -5000")
    file = StateFile(folder)
    with file.state({}):
        pass
    rows = file._database.execute("select count(*) from parts").fetchone()
    assert rows == (0,)


def test_file__a_request_takes_two_transactions(folder: Path) -> None:
    """What is reserved and what is learned are two; the ledgers of a batch, a pause and a refusal cost none beside."""
    refused = {"result_error": {"b": {"error": "OPERATION_TIME_LIMIT"}}, "result_time": {"a": {"operating": 1}}}
    transport = FakeTransport(ok(), ok({"result": {"a": []}, **refused}))
    session = Session(HookCredentials("https://z.bitrix24.com/rest/1/s3cr3t/"), transport)
    statements: list[str] = []
    with session._limits._shared.state({}):  # opens it
        pass
    session._limits._shared._database.set_trace_callback(statements.append)  # type: ignore[attr-defined]
    session.call("profile")
    assert statements.count("begin immediate") == statements.count("commit") == 2
    session.batch([Command("a", "crm.deal.list"), Command("b", "crm.lead.list")])
    assert statements.count("begin immediate") == statements.count("commit") == 4


def test_unusable__a_file_that_fails_as_a_block_ends_lets_what_was_decided_stand(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = program(monkeypatch, "s.bitrix24.com")
    client.reserve(ONE, time.monotonic())
    rewrite(folder, "create trigger full before insert on parts begin select raise(abort, 'full'); end")
    assert client.reserve(ONE, time.monotonic()).seconds == 0
    assert client._shared is Limits._local
    assert granted(client, time.monotonic()) == 12


@posix
def test_folder__is_made_for_its_owner_alone(folder: Path) -> None:
    assert stat.S_IMODE(state_folder().stat().st_mode) == 0o700


@posix
@pytest.mark.parametrize("make", [lambda p: p.mkdir(mode=0o777) or p.chmod(0o777), lambda p: p.symlink_to("/tmp")])
def test_folder__that_others_can_write_to_is_not_used(folder: Path, make: object) -> None:
    make(folder)  # type: ignore[operator]
    with pytest.raises(UnusableError, match="only its owner"):
        state_folder()


def test_folder__is_the_run_time_folder_or_the_temporary_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("B24DATA_STATE_DIR")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert state_folder() == tmp_path / "b24data"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    assert state_folder().parent == tmp_path / "tmp"


def test_unusable__a_file_in_place_of_the_folder_means_a_quarter_of_the_rate_and_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_text("")
    now = time.monotonic()
    with caplog.at_level(logging.WARNING, "b24data"):
        clients = [program(monkeypatch, "q.bitrix24.com") for _ in range(3)]
    assert sum(granted(client, now) for client in clients) == 12
    assert clients[0].reserve(ONE, now).seconds == pytest.approx(2.0)
    (line,) = [record.getMessage() for record in caplog.records]
    assert "not shared with other programs" in line


def test_unusable__a_database_that_breaks_in_the_middle_costs_no_request(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = program(monkeypatch, "r.bitrix24.com")
    reservation = client.reserve(ONE, time.monotonic())
    rewrite(folder, "drop table parts")
    client.settle(reservation, Observation(), time.monotonic())
    assert client.reserve(ONE, time.monotonic()).seconds == 0


def test_unusable__the_quarter_grows_to_the_whole_while_it_is_quiet() -> None:
    bucket = LeakyBucket(share=0.25, pace=0.25)
    assert sum(bucket.reserve(0.0) == 0 for _ in range(50)) == 12
    for now in (60.0, 120.0):
        bucket.free(now)
    assert bucket.pace == 1
    assert bucket.share == 0.25


def test_unusable__a_refusal_shows_that_there_are_others_and_the_quarter_does_not_grow_again() -> None:
    bucket = LeakyBucket(share=0.25, pace=0.25)
    for now in (0.0, 60.0):
        bucket.free(now)
    assert bucket.pace == 0.5
    bucket.refused(65.0)
    for now in (125.0, 185.0, 999.0):
        bucket.free(now)
    assert bucket.pace == 0.25


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork__parent_and_child_go_on_with_the_same_bucket(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = program(monkeypatch)
    now = time.monotonic()
    assert granted(client, now, 10) == 10
    pid = os.fork()
    if pid == 0:
        os._exit(granted(client, now, 10))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 10
    assert granted(client, now) == 28


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8), st.booleans())
def test_fuzz__a_damaged_file_makes_no_wait_and_no_error(monkeypatch, folder, changes, at_the_end):
    for file in folder.glob("limits-*"):
        file.unlink()
    granted(program(monkeypatch), time.monotonic(), 3)
    monkeypatch.setattr(Limits, "_files", {})
    gc.collect()  # the connection writes what is left, and closes
    [file] = folder.glob("limits-*.sqlite3")
    data = bytearray(file.read_bytes())
    for where, new in changes:  # the rows stand at the end of their page
        data[int((len(data) - 1) * (1 - where**4 if at_the_end else where))] = new
    file.write_bytes(data)
    waited = program(monkeypatch).reserve(ONE, time.monotonic())
    assert 0 <= waited.seconds <= 1
