"""A million rows, as long as the portal's limits make them last and hardly longer. Started by `make soak`."""

from __future__ import annotations

import math

import pyarrow.parquet as pq
import pytest

from b24data import B24Hook, Sandbox
from tests.clocks import ScaledClock

pytestmark = [pytest.mark.soak, pytest.mark.alone]

ROWS = 1_000_000
FIELDS = ["ID", "TITLE", "STAGE_ID", "OPPORTUNITY", "CURRENCY_ID", "ASSIGNED_BY_ID", "COMPANY_ID", "CONTACT_ID",
          "DATE_CREATE", "CLOSEDATE", "OPENED", "SOURCE_ID"]  # fmt: skip


@pytest.mark.parametrize(
    ("page_s", "time_scale", "bound_s"),
    [
        pytest.param(0.020, 1.0, 175, id="the rate limit binds: 400 requests, 50 at once and 2 a second"),
        pytest.param(0.068, 20.0, 1_240, id="the operating budget binds: 1,360 s of work, 480 in ten minutes"),
    ],
)
def test_a_million_rows__take_what_the_limits_ask_for(tmp_path, page_s, time_scale, bound_s):
    options = {"deals": ROWS, "cost": page_s, "latency_s": 0.05, "time_scale": time_scale, "process": True}
    with Sandbox(**options) as portal:
        portal.warm("crm.deal.list", FIELDS)
        with B24Hook(portal.webhook_url, clock=ScaledClock(time_scale)) as b24:
            report = b24.tools.fetch_all("crm.deal.list", FIELDS, to=tmp_path / "deals.parquet", progress=False)
        stats, truth = portal.stats, portal.truth("crm.deal.list")
    assert report.complete
    assert pq.read_table(tmp_path / "deals.parquet", columns=["ID"])["ID"].to_pylist() == truth.ids
    assert (stats.rate_limit_hits, stats.operating_limit_hits) == (0, 0)
    assert stats.requests <= 1.10 * math.ceil(ROWS / 2_500) + 3
    assert stats.work_s <= 1.10 * ROWS / 50 * page_s
    assert report.seconds <= 1.10 * bound_s
