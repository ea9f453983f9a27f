"""A fetch into a file that is stopped goes on where it was, over real HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from b24data import AuthorizationRequiredError, ExportError, IncompleteFetchError, Sandbox
from b24data.fetch import job_sink
from b24data.fetch.manifest import folder_of

FIELDS = ["ID", "TITLE", "STAGE_ID", "OPPORTUNITY"]
DEALS = 20_000


@pytest.fixture(autouse=True)
def small_parts(monkeypatch, tmp_path_factory):
    monkeypatch.setattr("b24data.progress._SHOW_EVERY_S", 0.0)  # a fetch stops at the very batch that is named
    monkeypatch.setattr(job_sink, "_PART_ROWS", 4_000)
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path_factory.mktemp("state")))  # only these tests' own jobs


@pytest.fixture
def portal():
    with Sandbox(deals=DEALS, rate_limit=None, cost=0.001) as portal:
        yield portal


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "deals.parquet"


class Stop:
    """A progress callable that does something once, when so many rows are there."""

    def __init__(self, rows, act):
        self.rows, self.act = rows, act

    def __call__(self, event):
        if event.rows >= self.rows and self.act:
            act, self.act = self.act, None
            act()


def interrupt():
    raise KeyboardInterrupt


def stopped(b24, target, rows=9_000, act=interrupt, error=KeyboardInterrupt, **options):
    with pytest.raises(error) as caught:  # workers=1: nothing that is under way brings the rest after all
        b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=Stop(rows, act), workers=1, **options)
    assert not target.exists()
    return caught.value


def file_ids(target: Path) -> list[int]:
    return pq.read_table(target, columns=["ID"])["ID"].to_pylist()


def only(target: Path) -> bool:
    return [path.name for path in target.parent.iterdir()] == [target.name]


def test_fetch_all__goes_on_after_an_interrupt_and_reads_nothing_twice(portal, target):
    truth = portal.truth("crm.deal.list").ids
    with portal.hook() as b24:
        stopped(b24, target)
        kept = b24.tools.unfinished().loc[0]
        portal.delete("deals", [row_id for row_id in truth if row_id <= kept.last_id])  # can't be read twice now
        report = b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=False)
    assert (kept.target, kept.state, kept.rows >= 9_000) == (str(target), "stopped", True)
    assert file_ids(target) == truth
    assert (report.complete, report.rows, report.earlier.rows) == (True, DEALS, kept.rows)
    assert only(target)
    assert len(b24.tools.unfinished()) == 0


def test_fetch_all__goes_on_after_an_error_and_says_so(portal, target):
    with portal.hook() as b24:
        error = stopped(
            b24,
            target,
            act=lambda: portal.fail("error", probability=1.0, code="ACCESS_DENIED", status=403),
            error=IncompleteFetchError,
        )
        assert "the same call resumes after the" in error.hint
        portal.clear_faults()
        b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=False)
    assert file_ids(target) == portal.truth("crm.deal.list").ids


def test_fetch_all__goes_on_after_the_tokens_died(portal, target):
    with portal.connect() as b24:
        stopped(b24, target, act=portal.revoke, error=(IncompleteFetchError, AuthorizationRequiredError))
    with portal.connect() as b24:  # signed in again
        report = b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=False)
    assert report.earlier
    assert file_ids(target) == portal.truth("crm.deal.list").ids


def test_fetch_all__ends_where_the_first_run_would_have(portal, target):
    truth = portal.truth("crm.deal.list").ids
    with portal.hook() as b24:
        stopped(b24, target)
        portal.insert("deals", 70)
        portal.delete("deals", truth[-3:])  # the pinned one among them
        report = b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=False, count=True)
    assert file_ids(target) == truth[:-3]
    assert (report.pinned_id, report.total) == (truth[-1], DEALS - 3)
    assert "1 earlier run" in str(report)
    assert report.as_dict()["earlier"]["window"][0] == report.window[0]


def test_fetch_all__what_was_read_to_the_end_is_only_put_together(portal, target, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with portal.hook() as b24:
        with monkeypatch.context() as patch:
            patch.setattr("b24data.frames.parquet.replace_file", full)
            with pytest.raises(
                ExportError, match=r"No space left on device\. Hint: make room on that disk; the same call then resumes"
            ):
                b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=False)
        requests = portal.stats.requests
        report = b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=False)
    assert portal.stats.requests - requests <= 4
    assert (report.complete, report.rows) == (True, DEALS)
    assert file_ids(target) == portal.truth("crm.deal.list").ids
    assert only(target)


@pytest.mark.parametrize(
    "options",
    [
        {"order": {"ID": "DESC"}},
        {"labels": "add"},
        {"filter": {">OPPORTUNITY": 50_000}},
        {"filter": {">ID": 5_000, "<=ID": 24_000}},
    ],
    ids=str,
)
def test_fetch_all__both_halves_make_what_one_run_makes(portal, target, options):
    with portal.hook() as b24:
        stopped(b24, target, rows=5_000, **options)
        report = b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=False, **options)
        whole = b24.tools.fetch_table("crm.deal.list", FIELDS, progress=False, **options)
    assert report.earlier
    assert pq.read_table(target).equals(whole)


def test_fetch_all__another_query_starts_anew_and_says_so(portal, target):
    with portal.hook() as b24:
        stopped(b24, target)
        report = b24.tools.fetch_all("crm.deal.list", FIELDS[:2], to=target, progress=False)
    assert report.earlier is None
    assert "started over: an earlier run had another query" in report.notes
    assert (pq.read_table(target).column_names, file_ids(target)) == (FIELDS[:2], portal.truth("crm.deal.list").ids)


def test_fetch_all__resume_false_starts_anew_and_leaves_nothing(portal, target):
    with portal.hook() as b24:
        stopped(b24, target)
        stopped(b24, target, resume=False)
        assert list(target.parent.iterdir()) == []


def test_fetch_all__a_part_of_a_list_is_written_and_can_still_become_whole(portal, target):
    def lost():
        portal.fail("error", probability=1.0, code="ACCESS_DENIED", status=403)

    with portal.hook() as b24:
        report = b24.tools.fetch_all(
            "crm.deal.list", FIELDS, to=target, progress=Stop(9_000, lost), partial=True, workers=1
        )
        assert (report.complete, len(file_ids(target))) == (False, report.rows)
        portal.clear_faults()
        report = b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=False)
    assert report.earlier
    assert file_ids(target) == portal.truth("crm.deal.list").ids


def test_fetch_all__a_list_that_is_not_read_by_ids_leaves_nothing_behind(portal, target):
    def lost():
        portal.fail("error", probability=1.0, code="ACCESS_DENIED", status=403)

    with portal.hook() as b24, pytest.raises(IncompleteFetchError) as caught:
        b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, order={"TITLE": "ASC"}, progress=Stop(2_000, lost))
    assert "goes on" not in caught.value.hint
    assert list(target.parent.iterdir()) == []


def test_fetch_all__two_at_one_target_at_once(portal, target):
    with portal.hook() as b24, portal.hook() as other:
        refused = []

        def second():
            with pytest.raises(ExportError, match="another program is writing") as caught:
                other.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=False)
            refused.append(caught.value.code)

        b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=Stop(5_000, second))
    assert refused == ["ALREADY_RUNNING"]
    assert file_ids(target) == portal.truth("crm.deal.list").ids


KILLED = """
import sys
from b24data import B24Hook
from b24data.fetch import job_sink
job_sink._PART_ROWS = 4_000
B24Hook(sys.argv[1]).tools.fetch_all("crm.deal.list", sys.argv[3].split(","), to=sys.argv[2], progress=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_fetch_all__goes_on_after_a_kill(target):
    with Sandbox(deals=DEALS, latency_s=0.05, workers=2, cost=0.004) as portal:
        child = subprocess.Popen([sys.executable, "-c", KILLED, portal.webhook_url, str(target), ",".join(FIELDS)])
        patience = threading.Event()
        while not (folder_of(target) / "part-000001.arrow").exists():
            assert child.poll() is None
            patience.wait(0.01)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        truth = portal.truth("crm.deal.list").ids
        with portal.hook() as b24:
            written = b24.tools.unfinished().loc[0].last_id
            portal.delete("deals", [row_id for row_id in truth if row_id <= written])
            report = b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=False)
    assert report.earlier
    assert report.earlier.rows >= 4_000
    assert file_ids(target) == truth
    assert only(target)
