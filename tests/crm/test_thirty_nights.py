"""Thirty nights of runs over a CRM that is changed by day, with hard nights among them."""

from __future__ import annotations

import pytest

from b24data import Sandbox
from tests.clocks import MovedClock
from tests.crm.test_killed import SIZES, TABLES, change
from tests.crm.test_sync_crm import FAST
from tests.crm.truth import kept_rows, lost_links, true_rows

DAY = 86_400
RIGHTS_LOST, PIPELINE_GONE, PROCESS_NEW = 10, 15, 20


def thirty_nights(folder, seed: int, **sizes: int) -> None:
    clock = MovedClock()
    with (
        Sandbox(seed=seed, rate_limit=None, cost=0.0, **sizes) as portal,
        portal.connect(restriction_params=FAST, clock=clock) as b24,
    ):
        portal.deny("crm.type.list")  # as if the portal had no smart process yet
        for night in range(1, 31):
            portal.move_clock(DAY)
            clock.move(DAY)
            change(portal, night)
            lost = set()
            if night == RIGHTS_LOST:
                before = {table: kept_rows(folder, table) for table in TABLES}
                portal.deny("deals")
                lost = {"categories", "deals", "deal_contacts", "deal_products", "deal_stage_history"}
            if night == PIPELINE_GONE:
                portal.remove_pipeline(1)
            if night == PROCESS_NEW:
                portal.allow("crm.type.list")
            report = b24.tools.sync_crm(folder, deletes="scan")
            states = {name: table.state for name, table in report.tables.items()}
            assert {name for name, state in states.items() if state != "ok"} == lost, f"night {night}: {report}"
            assert ("smart_1036" in states) == (night >= PROCESS_NEW)
            for table in TABLES:
                wanted = before[table] if table in lost else true_rows(portal, table)
                assert kept_rows(folder, table) == wanted, f"night {night}: {table}"
            if lost:
                portal.allow("deals")
            else:
                assert not lost_links(folder), f"night {night}"


@pytest.mark.parametrize("seed", [7])
def test_thirty_nights__leave_every_table_equal_to_the_portals(tmp_path, seed):
    thirty_nights(tmp_path / "crm", seed, **SIZES)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_thirty_nights__of_a_larger_portal(tmp_path, seed):
    thirty_nights(tmp_path / "crm", seed, deals=3_000, leads=900, contacts=1_500, companies=600, activities=2_500)
