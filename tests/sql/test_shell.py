"""``b24data sql``."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from b24data import Sandbox
from b24data.cli.main import main
from b24data.cli.output import show_json, table_lines


@pytest.fixture
def webhook(monkeypatch, tmp_path):
    with Sandbox(deals=60, rate_limit=None) as portal:
        monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url)
        monkeypatch.chdir(tmp_path)
        yield tmp_path


def test_a_query__is_written_to_a_file(webhook, capsys):
    assert main(["sql", "select id, title from deals where id <= $n", "--params", "n=10", "--to", "a.parquet"]) == 0
    assert set(pd.read_parquet("a.parquet").columns) == {"id", "title"}
    assert "rows in a.parquet" in capsys.readouterr().out


def test_a_dry_run__shows_the_plan_and_an_error_is_one_line(webhook, capsys):
    assert main(["sql", "select id from deals where id < 5", "--dry-run"]) == 0
    assert "<id 5" in capsys.readouterr().out
    assert main(["sql", "select idd from deals"]) != 0
    assert "there is no column idd" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "as_json", "in_a_table"),
    [
        ("null::timestamp", None, ""),
        ("null::date", None, ""),
        ("null::timestamptz", None, ""),
        ("null::int", None, ""),
        ("null::varchar", None, ""),
        ("null::decimal(9, 2)", None, ""),
        ("date '2026-01-01'", "2026-01-01", "2026-01-01"),
        ("timestamp '2026-01-01'", "2026-01-01T00:00:00", "2026-01-01 00:00:00"),
        ("timestamptz '2026-01-01 10:00:00+00'", "2026-01-01T10:00:00+00:00", "2026-01-01 10:00:00+00:00"),
        ("[1, null]", [1, None], "[1, None]"),
        ("5", 5, "5"),
        ("true", True, "yes"),
    ],
)
def test_a_value__is_shown_as_what_it_is(capsys, value, as_json, in_a_table):
    assert main(["sql", f"select {value} as t, 1 as last", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"t": as_json, "last": 1}]
    assert main(["sql", f"select {value} as t, 1 as last"]) == 0
    assert capsys.readouterr().out.splitlines()[1].removesuffix("1").rstrip() == in_a_table


def test_a_value_that_is_missing__is_null_in_json_and_empty_in_a_table(capsys):
    row = {"at": pd.NaT, "some": pd.NA, "none": None, "last": 1}
    show_json(row)
    assert json.loads(capsys.readouterr().out) == {"at": None, "some": None, "none": None, "last": 1}
    assert table_lines([row], 80)[1].split() == ["1"]
