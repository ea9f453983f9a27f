"""What a stopped fetch leaves, and when the next one may go on with it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from b24data.errors import ConfigError, ExportError
from b24data.fetch.job import Job, discard
from b24data.fetch.manifest import Checkpoint, Fingerprint, folder_of
from b24data.fetch.unfinished import unfinished
from b24data.files import workfolder
from tests.http.fakes import FakeClock

FINGERPRINT = Fingerprint(
    method="crm.deal.list", portal="acme.bitrix24.com", query="{}", caller="acme user 1", fields="f"
)


def rows(first: int, count: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"ID": list(range(first, first + count))})


def ids(job: Job) -> list[int]:
    return [value for batch in job.batches() for value in batch.column(0).to_pylist()]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def target(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "deals.parquet"


@pytest.fixture
def left(target, clock) -> Path:
    """A target of which an earlier run left ten rows in two parts."""
    with Job(target, clock) as job:
        assert job.begin(FINGERPRINT) is None
        job.keep([rows(0, 4)], Checkpoint(last_id=3, pinned_id=99, window=("a", "b"), seconds=2.0))
        job.keep([rows(4, 3), rows(7, 3)], Checkpoint(last_id=9, pinned_id=99, window=("a", "c"), seconds=3.0))
    return target


def test_begin__goes_on_with_what_was_kept(left, clock):
    with Job(left, clock) as job:
        kept = job.begin(FINGERPRINT)
        assert kept == Checkpoint(last_id=9, pinned_id=99, rows=10, window=("a", "c"), seconds=3.0)
        assert job.earlier and (job.earlier.runs, job.earlier.rows, job.earlier.seconds) == (1, 10, 3.0)
        job.keep([rows(10, 2)], Checkpoint(last_id=11, pinned_id=99))
        assert (job.rows, job.earlier.rows, ids(job)) == (12, 10, list(range(12)))
    with Job(left, clock) as job:
        job.begin(FINGERPRINT)
        assert job.earlier and (job.earlier.runs, job.earlier.rows) == (2, 12)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"query": '{"select": ["ID"]}'}, "another query"),
        ({"method": "crm.lead.list"}, "another query"),
        ({"caller": "acme user 2"}, "another user"),
        ({"fields": "g"}, "fields of the list have changed"),
    ],
)
def test_begin__what_was_meant_otherwise_starts_anew_and_says_so(left, clock, change, why):
    with Job(left, clock) as job:
        assert job.begin(replace(FINGERPRINT, **change)) is None
        assert why in job.notes[0]
        assert (job.rows, job.earlier, ids(job)) == (0, None, [])
    assert list(left.parent.iterdir()) == []


@pytest.mark.parametrize(("hours", "goes_on"), [(23.9, True), (24.1, False), (-1, False)])
def test_begin__what_is_older_than_a_day_starts_anew(left, clock, hours, goes_on):
    clock.now += hours * 3600
    with Job(left, clock) as job:
        assert (job.begin(FINGERPRINT) is not None) is goes_on


def test_begin__a_damaged_part_starts_anew(left, clock):
    part = folder_of(left) / "part-000001.arrow"
    part.write_bytes(part.read_bytes()[:-1])
    with Job(left, clock) as job:
        assert job.begin(FINGERPRINT) is None
        assert "damaged" in job.notes[0]


@pytest.mark.parametrize("change", [{"version": 1}, {"parts": []}, {"checkpoint": None}])
def test_begin__a_manifest_of_another_version_counts_as_none(left, clock, change):
    manifest = folder_of(left) / "manifest.json"
    manifest.write_bytes(msgspec.json.encode(msgspec.json.decode(manifest.read_bytes()) | change))
    with Job(left, clock) as job:
        assert job.begin(FINGERPRINT) is None
    assert not folder_of(left).exists()


def test_begin__what_no_manifest_names_does_not_count(left, clock):
    for name in ("part-000002.arrow", ".part-000002.arrow.aa.tmp"):
        (folder_of(left) / name).write_bytes(b"half")
    with Job(left, clock) as job:
        job.begin(FINGERPRINT)
        assert ids(job) == list(range(10))
    assert sorted(path.name for path in folder_of(left).iterdir()) == [
        "lock",
        "manifest.json",
        "part-000000.arrow",
        "part-000001.arrow",
    ]


def test_job__sweeps_the_half_file_of_a_run_that_was_killed_while_it_put_the_parts_together(left, clock):
    half = left.with_name(".deals.parquet.12ab34cd.tmp")
    half.write_bytes(b"PAR1")
    with Job(left, clock) as job:
        assert job.begin(FINGERPRINT)
        assert not half.exists()


def test_keep__a_full_disk_loses_nothing_of_what_was_there(left, clock, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with Job(left, clock) as job:
        job.begin(FINGERPRINT)
        with monkeypatch.context() as patch:
            patch.setattr(workfolder.os, "fsync", full)
            with pytest.raises(ExportError, match=r"deals.parquet: No space left on device. Hint: make room"):
                job.keep([rows(10, 2)], Checkpoint(last_id=11, pinned_id=99))
        assert ids(job) == list(range(10))
        job.keep([rows(10, 2)], Checkpoint(last_id=11, pinned_id=99))
        assert ids(job) == list(range(12))


def test_finish__leaves_nothing(left, clock):
    with Job(left, clock) as job:
        job.begin(FINGERPRINT)
        job.finish()
    assert list(left.parent.iterdir()) == []
    assert unfinished(clock.time()) == []


def test_job__a_second_program_is_told(left, clock):
    code = (
        "import sys; from pathlib import Path; from b24data.fetch.job import Job\n"
        "from b24data.http.clock import SYSTEM_CLOCK\n"
        "with Job(Path(sys.argv[1]), SYSTEM_CLOCK): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(left)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        with (
            pytest.raises(ExportError, match=r"another program is writing .*deals\.parquet") as caught,
            Job(left, clock),
        ):
            pass
        assert caught.value.code == "ALREADY_RUNNING"
        assert [facts.state for facts in unfinished(clock.time())] == ["running"]
        other.communicate("")
    assert [facts.state for facts in unfinished(clock.time())] == ["stopped"]


def test_jobs__tell_what_is_unfinished(left, clock):
    [facts] = unfinished(clock.time())
    assert (facts.target, facts.method, facts.rows, facts.last_id, facts.state) == (
        str(left),
        "crm.deal.list",
        10,
        9,
        "stopped",
    )
    assert [facts.state for facts in unfinished(clock.time() + 25 * 3600)] == ["too old"]


def test_jobs__a_folder_that_was_removed_by_hand_is_not_listed(left, clock):
    folder_of(left).rename(left.parent / "moved")
    assert unfinished(clock.time()) == []


def test_jobs__a_state_folder_that_can_not_be_used_hinders_no_job(tmp_path, clock, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "file"))
    with Job(tmp_path / "deals.parquet", clock) as job:
        job.begin(FINGERPRINT)
        job.keep([rows(0, 4)], Checkpoint(last_id=3, pinned_id=99))
    assert unfinished(clock.time()) == []
    with Job(tmp_path / "deals.parquet", clock) as job:
        assert job.begin(FINGERPRINT)


def test_discard__forgets_it_all(left, clock):
    discard(left, clock)
    assert list(left.parent.iterdir()) == []
    with pytest.raises(ConfigError, match="no unfinished fetch of"):
        discard(left, clock)
