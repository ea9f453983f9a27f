"""Faults over real HTTP: every row once, or a clear error; never a short list."""

from __future__ import annotations

import pytest

from b24data import B24OAuth, IncompleteFetchError, Sandbox
from tests.clocks import ScaledClock

SCALE = 60.0
FAULTS = ["500", "502", "504", "503", "429", "reset", "cut", "stall", "bom", "warning", "expired", "html", "empty"]


def fetch(portal, **options):
    # The timeout is in real seconds, and a busy machine needs some of them for an answer.
    client = portal.connect(clock=ScaledClock(SCALE), timeout=2.0)
    return client.tools.fetch_all("crm.deal.list", ["ID", "TITLE"], progress=False, **options)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("at", [2, 3, 4])
def test_fetch_all__one_fault_on_the_way_loses_and_doubles_nothing(kind, at):
    with Sandbox(deals=9_000, time_scale=SCALE) as portal:
        portal.fail(kind, after=at)
        frame = fetch(portal)
        truth, stats = portal.truth("crm.deal.list"), portal.stats
    assert stats.faults == {kind: 1}
    assert frame["ID"].to_list() == sorted(truth.ids)


@pytest.mark.parametrize("command", [0, 1, 17])
@pytest.mark.parametrize("kind", ["429", "expired", "error"])
def test_fetch_all__a_command_that_fails_inside_a_batch_is_asked_again(kind, command):
    with Sandbox(deals=9_000, time_scale=SCALE) as portal:
        portal.fail(kind, after=4, command=command, on="batch")
        frame = fetch(portal)
        truth, stats = portal.truth("crm.deal.list"), portal.stats
    assert stats.faults.get(kind) == 1
    assert frame["ID"].to_list() == sorted(truth.ids)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fetch_all__five_percent_of_every_fault_at_once(seed):
    plans = [{"kind": kind, "probability": 0.05} for kind in FAULTS]
    plans.append({"kind": "error", "probability": 0.05, "command": 3, "on": "batch"})
    with Sandbox(deals=30_000, time_scale=SCALE, faults=plans, seed=seed) as portal:
        frame = fetch(portal)
        truth, stats = portal.truth("crm.deal.list"), portal.stats
    assert frame["ID"].to_list() == sorted(truth.ids)
    assert sum(stats.faults.values()) >= 5
    assert frame.attrs["b24data"]["retries"] >= 1


@pytest.mark.parametrize("kind", ["empty", "warning", "bom", "cut"])
def test_fetch_all__a_dead_token_is_renewed_also_where_its_refusal_arrives_spoiled(kind):
    with Sandbox(deals=3_000, time_scale=SCALE) as portal, portal.connect(clock=ScaledClock(SCALE)) as b24:
        assert b24.tools.ping() >= 0
        portal.expire_tokens()
        portal.fail(kind, after=1)
        frame = b24.tools.fetch_all("crm.deal.list", ["ID"], progress=False)
        truth, stats = portal.truth("crm.deal.list"), portal.stats
    assert frame["ID"].to_list() == sorted(truth.ids)
    assert (stats.faults, stats.refreshes, stats.reused_refresh_tokens) == ({kind: 1}, 1, 0)


def test_fetch_all__rows_that_come_and_go_meanwhile():
    with Sandbox(deals=12_000, time_scale=SCALE) as portal:
        before = set(portal.truth("crm.deal.list").ids)
        portal.mutate("deals", insert=2, delete=3, every=1)
        frame = fetch(portal)
        changed = {(what, row_id) for _, what, _, ids in portal.stats.mutations for row_id in ids}
    gone = {row_id for what, row_id in changed if what == "delete"}
    came = {row_id for what, row_id in changed if what == "insert"}
    ids = frame["ID"].to_list()
    assert gone
    assert came
    assert ids == sorted(set(ids))
    assert before - gone <= set(ids) <= before | came


def test_fetch_all__the_portal_moves_to_another_address():
    with Sandbox(deals=9_000, time_scale=SCALE) as portal:
        client = portal.connect(clock=ScaledClock(SCALE))
        client.tools.ping()
        moved = portal.move()
        frame = client.tools.fetch_all("crm.deal.list", ["ID"], progress=False)
        assert frame["ID"].to_list() == sorted(portal.truth("crm.deal.list").ids)
        assert client.get_target_origin() in moved


def test_fetch_all__a_portal_that_stays_broken_is_an_error_with_what_came(tmp_path):
    with Sandbox(deals=9_000, time_scale=SCALE) as portal:
        for after in range(4, 200):
            portal.fail("502", after=after)
        with pytest.raises(IncompleteFetchError, match="502") as caught:
            fetch(portal)
        error = caught.value
        assert error.report is not None
        assert not error.report.complete
        assert error.rows["ID"].to_list() == sorted(portal.truth("crm.deal.list").ids)[: len(error.rows)]
        assert error.last_id == error.rows["ID"].iloc[-1]
        portal.clear_faults()
        for after in range(4, 200):
            portal.fail("502", after=after)
        target = tmp_path / "deals.parquet"
        target.write_bytes(b"the last good one")
        with pytest.raises(IncompleteFetchError):
            fetch(portal, to=target)
    assert target.read_bytes() == b"the last good one"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".deals.parquet.unfinished", "deals.parquet"]


def test_fetch_all__partial_gives_what_came_and_says_so():
    with Sandbox(deals=9_000, time_scale=SCALE) as portal:
        for after in range(4, 200):
            portal.fail("502", after=after)
        frame = fetch(portal, partial=True)
    assert 0 < len(frame) < 9_000
    assert frame.attrs["b24data"]["complete"] is False
    assert "stopped after" in frame.attrs["b24data"]["notes"][-1]


def test_b24oauth__a_refresh_whose_answer_is_lost_is_repeated_once():
    with Sandbox(deals=200, time_scale=SCALE) as portal:
        client = B24OAuth(portal.oauth_params(), portal.oauth_secret(), clock=ScaledClock(SCALE), timeout=0.5)
        portal.expire_tokens()
        portal.fail("reset", on="oauth")
        assert len(client.tools.fetch_all("crm.deal.list", ["ID"], progress=False)) == 200
