"""Fetches whose rows wait for titles, stopped in the middle, over real HTTP."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from b24data import IncompleteFetchError, Sandbox
from b24data.errors import TransportError
from b24data.fetch import job_sink
from b24data.fields.titles import RecordTitles

FIELDS = ["ID", "COMPANY_ID"]
LABELS = ["COMPANY_ID"]
DEALS = 16_000


@pytest.fixture(autouse=True)
def small_parts(monkeypatch, tmp_path_factory):
    monkeypatch.setattr("b24data.progress._SHOW_EVERY_S", 0.0)  # a fetch stops at the very batch that is named
    monkeypatch.setattr(job_sink, "_PART_ROWS", 1_000)
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=DEALS, rate_limit=None, cost=0.001) as portal:
        yield portal


@pytest.fixture
def b24(portal):
    with portal.hook() as b24:
        yield b24
    portal.clear_faults()


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


def whole(b24):
    return b24.tools.fetch_table("crm.deal.list", FIELDS, labels=LABELS, progress=False)


@pytest.fixture
def title_limit(monkeypatch):
    """Waits for fewer rows, so that a small list is handed out in several parts."""
    monkeypatch.setattr("b24data.frames.title_queue.MOST_ROWS", 4_000)


@pytest.mark.parametrize("rows", [1_000, 6_000, 9_000, 15_000])
def test_a_stopped_file__goes_on_behind_the_rows_that_were_written_and_not_behind_those_that_waited(
    b24, tmp_path, title_limit, rows
):
    target = tmp_path / "deals.parquet"
    with pytest.raises(KeyboardInterrupt):
        b24.tools.fetch_all(
            "crm.deal.list", FIELDS, labels=LABELS, to=target, progress=Stop(rows, interrupt), workers=1
        )
    assert not target.exists()
    report = b24.tools.fetch_all("crm.deal.list", FIELDS, labels=LABELS, to=target, progress=False)
    assert (report.complete, report.rows, report.earlier is not None) == (True, DEALS, True)
    assert pq.read_table(target).equals(whole(b24))


def unreachable(*_, **__):
    raise TransportError("batch", "the connection was lost")


def test_a_list_that_breaks__hands_out_the_rows_that_waited_too(portal, b24):
    b24.tools.describe("crm.deal.list")
    portal.fail("error", after=4, code="ACCESS_DENIED", status=403)
    with pytest.raises(IncompleteFetchError) as caught:
        b24.tools.fetch_all("crm.deal.list", FIELDS, labels=LABELS, progress=False, workers=1)
    frame, report = caught.value.rows, caught.value.report
    assert len(frame) == report.rows > 1_000
    assert not report.complete
    assert frame["ID"].to_list() == portal.truth("crm.deal.list").ids[: len(frame)]
    assert f"the last {len(frame):,} rows have ids without titles, because the fetch ended first" in report.notes


def test_partial__keeps_the_rows_that_waited_in_the_file(portal, b24, tmp_path, title_limit):
    portal.fail("error", after=9, times=1_000, code="ACCESS_DENIED", status=403)  # a few thousand rows are there
    target = tmp_path / "deals.parquet"
    report = b24.tools.fetch_all(
        "crm.deal.list", FIELDS, labels=LABELS, to=target, partial=True, progress=False, workers=1
    )
    assert 4_000 < report.rows < DEALS
    assert (report.complete, report.rows) == (False, pq.read_metadata(target).num_rows)


def test_titles_that_cannot_be_read__are_an_incomplete_fetch_with_all_rows(portal, b24, monkeypatch):
    monkeypatch.setattr(RecordTitles, "_ask", unreachable)
    with pytest.raises(IncompleteFetchError, match="titles of bound records could not be read") as caught:
        b24.tools.fetch_all("crm.deal.list", FIELDS, labels=LABELS, limit=3_000, progress=False)
    assert caught.value.rows["ID"].to_list() == portal.truth("crm.deal.list").ids[:3_000]


def test_batches__that_are_left_early_ask_for_nothing_more(portal, b24):
    b24.tools.describe("crm.deal.list")
    before = portal.stats.requests
    stream = b24.tools.iter_batches("crm.deal.list", FIELDS, labels=LABELS, limit=50, progress=False)
    assert next(iter(stream)).schema.names == ["ID", "COMPANY_ID", "COMPANY_ID_LABEL"]
    assert portal.stats.requests - before == 2
