"""Random queries: with push-down they give what the same query gives over all rows, and read no more."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import duckdb
import pyarrow as pa
import pytest

from b24data import Sandbox, SdkError
from b24data.sql import conditions, engine, run
from tests.crm.test_sync_crm import FAST
from tests.sql.memory import LISTS, PAGE, MemoryPortal
from tests.sql.odd_queries import QUERIES
from tests.sql.random_queries import random_query

ZONES = (-8, 0, 12)


class Rows:
    """An answer as the engine gives it, in the place of a frame."""

    def __init__(self, table, _backend):
        self.table, self.attrs = table, {}

    def __len__(self):
        return self.table.num_rows


def told(table):
    """The rows of an answer, to compare: any order, and numbers as far as floating point allows."""
    columns = [[_plain(value) for value in column.to_pylist()] for column in table.columns]
    return table.column_names, Counter(zip(*columns, strict=True)) if columns else table.num_rows


def _plain(value):
    return repr(round(value, 6)) if isinstance(value, float) else repr(value)


@pytest.fixture(scope="module")
def _made():
    """A connection that all queries share, and the portals, each with a connection over all its rows."""
    root = duckdb.connect(config={"threads": 1})

    def cursor(**_):
        found = root.cursor()
        found.execute("set timezone = 'UTC'")
        return found

    made = []
    for hours in ZONES:
        portal, over = MemoryPortal(hours, seed=hours), cursor()
        for name, rows in portal.rows.items():
            over.register(name, rows)
        made.append((portal, over))
    yield cursor, made
    root.close()


@pytest.fixture
def portals(_made, monkeypatch):
    """The portals; a request brings few rows, and ids of a join are asked for early."""
    cursor, made = _made
    monkeypatch.setattr(engine, "open_closed", cursor)
    monkeypatch.setattr(run, "frame_of", Rows)
    monkeypatch.setattr(run, "_A_REQUEST", PAGE)
    monkeypatch.setattr(run, "_FEWER", 2)
    return made


def compared(portal, whole, query):
    """Run a query both ways; whether it is one that runs."""
    try:
        relation = whole.sql(query)
        wanted = relation.to_arrow_table().rename_columns(relation.limit(0).df().columns.to_list())
    except duckdb.Error:
        with pytest.raises(SdkError):
            run.run_sql(lambda: portal, query)
        return False
    found = run.run_sql(lambda: portal, query)
    assert told(found.table) == told(wanted), query
    for name, table in found.attrs["b24data"]["tables"].items():
        limited = any(one.startswith("the first") for one in table["sent"])  # twice where a condition is ignored
        assert table["requests"] <= -(-LISTS[name][1] // PAGE) * (1 + limited), (name, query)
    return True


@pytest.mark.parametrize("part", range(4))
def test_a_query__gives_what_it_gives_over_all_rows(portals, part):
    ran = sum(compared(*portals[seed % 3], random_query(seed)) for seed in range(part * 250, part * 250 + 250))
    assert ran > 200


@pytest.mark.soak
@pytest.mark.parametrize("part", range(1, 11))
def test_a_query__gives_what_it_gives_over_all_rows_ten_thousand_times(portals, part):
    ran = sum(compared(*portals[seed % 3], random_query(seed)) for seed in range(part * 1_000, part * 1_000 + 1_000))
    assert ran > 800


@pytest.mark.parametrize("query", QUERIES)
def test_an_odd_query__gives_what_it_gives_over_all_rows(portals, query):
    assert compared(*portals[len(query) % 3], query)


def test_the_check_itself__finds_a_condition_that_loses_rows(portals, monkeypatch):
    """Without the margin of a day, a portal of another zone loses rows around midnight."""
    monkeypatch.setattr(conditions, "_DAY", dt.timedelta(0))
    with pytest.raises(AssertionError):
        for portal, over in portals:
            compared(portal, over, "select id from deals where created_time <= '2025-06-01'")


def test_the_check_itself__finds_a_limit_that_loses_rows(portals, monkeypatch):
    """Without a look at the rows, a portal that ignores a condition leaves too few of them."""
    monkeypatch.setattr(run._Table, "lacks_rows", lambda *_: False)
    with pytest.raises(AssertionError):
        for portal, over in portals:
            compared(portal, over, "select id from deals where lead_id = 7 order by id limit 3")


@pytest.mark.parametrize("ignores", [(), ("conditions",), ("order",)])
def test_a_query__gives_what_it_gives_over_all_rows_of_a_portal_on_http(ignores):
    """The whole way, with descriptions, filters, pages and types."""
    sizes = {"deals": 300, "companies": 60, "contacts": 150, "leads": 100, "users": 25}
    with Sandbox(**sizes, ignores=ignores, rate_limit=None, operating_limit_s=None, cost=0.0) as portal:
        b24 = portal.connect(restriction_params=FAST)
        whole = {name: pa.Table.from_pandas(b24.sql(f"select * from {name}"), preserve_index=False) for name in LISTS}
        for seed in range(15):
            query = random_query(seed)
            wanted, found = b24.sql(query, tables=whole), b24.sql(query)
            assert told(pa.Table.from_pandas(found)) == told(pa.Table.from_pandas(wanted)), query
            assert ignores or all(one["requests"] <= 2 for one in found.attrs["b24data"]["tables"].values()), query
