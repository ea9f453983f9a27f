"""``b24data unfinished`` and a fetch that goes on, as typed."""

import json

import pyarrow.parquet as pq
import pytest

from b24data import Sandbox
from b24data.cli.main import main
from b24data.fetch import job_sink

FETCH = ["fetch", "crm.deal.list", "--select", "ID", "--to", "deals.parquet"]


@pytest.fixture
def left(tmp_path, monkeypatch, capsys):
    """A fetch to ``deals.parquet`` that an error stopped."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(job_sink, "_PART_ROWS", 1_000)
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))
    with Sandbox(deals=6_000, cost=0.001, rate_limit=None) as portal:
        monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url)
        portal.fail("error", at=3, times=100, code="ACCESS_DENIED", status=403)
        assert main([*FETCH, "--workers", "1", "--quiet"]) == 2
        assert "the same call resumes after the" in capsys.readouterr().err
        portal.clear_faults()
        yield portal


def test_jobs__lists_what_is_unfinished_until_it_is_finished(left, tmp_path, capsys):
    assert main(["unfinished"]) == 0
    shown = capsys.readouterr().out
    assert "deals.parquet" in shown
    assert "stopped" in shown
    assert main(["unfinished", "--json"]) == 0
    [job] = json.loads(capsys.readouterr().out)
    assert (job["target"], job["method"]) == (str(tmp_path / "deals.parquet"), "crm.deal.list")
    assert main(FETCH) == 0
    assert f"{job['rows']:,} of the rows by 1 earlier run" in capsys.readouterr().out
    assert pq.read_table("deals.parquet")["ID"].to_pylist() == left.truth("crm.deal.list").ids
    assert main(["unfinished"]) == 0
    assert capsys.readouterr().out == "no unfinished fetches\n"


def test_jobs__discard_forgets_one(left, capsys):
    assert main(["unfinished", "--discard", "deals.parquet"]) == 0
    assert main(["unfinished", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["unfinished", "--discard", "deals.parquet"]) == 1
    assert "no unfinished fetch of deals.parquet" in capsys.readouterr().err


def test_fetch__no_resume_starts_from_the_beginning(left, capsys):
    assert main([*FETCH, "--no-resume"]) == 0
    assert "earlier run" not in capsys.readouterr().out
