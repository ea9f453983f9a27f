"""Queries that mean harm, or would never end: each is refused or bounded, and says so in a sentence."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from b24data import ConfigError
from b24data.sql import engine
from b24data.sql.run import run_sql
from tests.sql.memory import MemoryPortal

PORTAL = MemoryPortal(0)
ENDLESS = "with recursive r as (select 1 as n union all select n + 1 from r) select * from r"


def told(query, **more):
    with pytest.raises(ConfigError) as caught:
        run_sql(lambda: PORTAL, query, **more)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_csv('/etc/passwd')",
        "select content from read_text('/etc/passwd')",
        "select (select content from read_text('/etc/passwd'))",
        "select * from deals where title in (select content from read_blob('/etc/passwd'))",
        "select * from (values (1)) t, lateral (select * from read_csv('/etc/passwd'))",
        "select * from '/etc/passwd'",
        'select * from "/etc/passwd"',
        "select * from 'deals.parquet'",
        "from 'lake/*.csv'",
        "select * from deals d join 'plan.csv' p on true",
        "select * from 'https://127.0.0.1/deals.parquet'",
        "select * from 's3://lake/deals.parquet'",
        "select * from parquet_scan('deals.parquet')",
        "select * from glob('/etc/*')",
        "select read_text('/etc/passwd')",
        "attach 'x.db'",
        "detach memory",
        "install httpfs",
        "load httpfs",
        "copy deals to 'x.csv'",
        "copy (select 1) to 'x.parquet'",
        "export database 'x'",
        "import database 'x'",
        "select 1; drop table deals",
        "select 1;; select 2",
        "with x as (select 1) insert into deals select * from x",
        "create table x as select * from deals",
        "set enable_external_access = true",
        "reset memory_limit",
        "pragma database_list",
        "call pragma_version()",
        "select * from pragma_database_list()",
        "select getenv('HOME')",
        "select * from duckdb_secrets()",
        "select * from which_secret('s3://lake', 's3')",
        "select * from duckdb_settings()",
        "select * from query('select 1')",
        "select * from query_table(['deals'])",
        "select * from json_execute_serialized_sql('x')",
        "select * from repeat_row(1, num_rows = 100000000000)",
        "explain analyze select 1",
        "prepare x as select 1",
        "checkpoint",
        "begin",
        "use memory",
    ],
)
def test_a_hostile_query__is_refused_in_a_sentence(query, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "a-secret-place")
    text = told(query)
    assert "a-secret-place" not in text
    assert not list(tmp_path.iterdir())


def test_a_frame_of_the_caller__is_no_way_to_python_variables():
    secrets = [1]  # noqa: F841  what DuckDB would find by its name
    assert "there is no table secrets" in told("select * from secrets")


@pytest.mark.parametrize(
    "query",
    [
        "select a.id from deals a, deals b, deals c, deals d",
        "select * from generate_series(1, 1000000000000)",
        "select * from range(1000000000000)",
    ],
)
def test_an_answer_without_end__is_bounded_by_its_rows(query, monkeypatch):
    monkeypatch.setattr(engine, "_MOST_ROWS", 1_000)
    assert "the result has more than 1,000 rows" in told(query)


@pytest.mark.parametrize(
    "query",
    [
        ENDLESS,
        ENDLESS.replace("select * from r", "select count(*) from r"),
        "select count(*) from generate_series(1, 1000000000000)",
        "select sum(a.range * b.range) from range(100000000) a, range(100000000) b",
        "select id from deals order by (select count(*) from range(1000000000000))",
        "select id from deals where id in (select count(*) from range(1000000000000))",
    ],
)
def test_a_query_without_end__is_bounded_by_time(query, monkeypatch):
    monkeypatch.setattr(engine, "_MOST_SECONDS", 0.2)
    assert "the query ran for more than" in told(query)


@pytest.mark.parametrize(
    "query",
    [
        "select list(range) from range(10000000000)",
        "with recursive r as (select repeat('x', 1000000) as n union all select n || n from r) select length(n) from r",
        "select string_agg(a.title || repeat('y', 100000), '') from deals a, deals b, deals c",
    ],
)
def test_a_query__is_bounded_by_memory_and_spills_to_no_disk(query, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(engine.LIMITS, "memory_limit", "100MB")
    assert "the query needs more memory than allowed" in told(query)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("query", [ENDLESS, "select count(*) from range(100000000) a, range(100000000) b"])
def test_ctrl_c__ends_a_query_at_once_and_leaves_no_thread(query):
    stop = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        stop.start()
        run_sql(lambda: PORTAL, query)
    stop.join()
    assert not [one for one in threading.enumerate() if one.name == "b24data sql"]
