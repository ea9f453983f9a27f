"""What push-down saves: ``python -m tests.benchmarks.sql [deals]``.

Two queries over a sandbox in a process of its own, with the limits of a portal, as they are and with every condition
left to the engine: rows, requests and seconds of reading, and whether both give the same.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from b24data import Sandbox
from b24data.sql import run
from b24data.sql.pushdown import Need

SELLERS = """
select u.last_name, s.name as stage, count(*) as deals, round(sum(d.opportunity), 2) as amount
from deals d
join users u on u.id = d.assigned_by_id
join stages s on s.status_id = d.stage_id and s.entity_id = 'DEAL_STAGE'
where d.stage_id = 'WON' and d.created_time >= '2025-06-01' and d.created_time < '2025-09-01'
group by all order by amount desc, u.last_name limit 5
"""
COMPANIES = """
with large as (
  select company_id, opportunity from deals where opportunity >= 200000 and currency_id in ('RUB', 'CNY')
)
select c.title, count(*) as deals, round(sum(l.opportunity), 2) as amount
from large l join companies c on c.id = l.company_id
group by all order by amount desc, c.title limit 10
"""


@contextmanager
def nothing_pushed() -> Iterator[None]:
    """Every condition is left to the engine; columns are chosen as ever."""
    real = run.needs_of
    run.needs_of = lambda *given: {name: Need(one.columns) for name, one in real(*given).items()}
    try:
        yield
    finally:
        run.needs_of = real


def measured(portal: Sandbox, query: str, *, everything: bool = False) -> tuple[pd.DataFrame, str]:
    b24 = portal.connect()
    b24.sql("select id from users limit 1")  # the connection, and what is described
    before, began = portal.stats.requests, time.perf_counter()
    found = b24.sql(query, all=everything)
    seconds, sent = time.perf_counter() - began, portal.stats.requests - before
    told = {name: (one["rows"], one["requests"]) for name, one in found.attrs["b24data"]["tables"].items()}
    return found, f"{sent:3} requests, {seconds:5.1f} s; rows and requests of each table: {told}"


def main(deals: int) -> None:
    with Sandbox(deals=deals, companies=deals // 20, users=60, process=True) as portal:
        for name, query in (("sellers", SELLERS), ("companies", COMPANIES)):
            found, text = measured(portal, query)
            print(f"{name}, pushed down: {text}")  # noqa: T201
            with nothing_pushed():
                whole, text = measured(portal, query, everything=True)
            print(f"{name}, all rows:    {text}")  # noqa: T201
            pd.testing.assert_frame_equal(found, whole)
            assert len(found)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
