"""``b24data sql``."""

from __future__ import annotations

import pandas as pd
import pytest

from b24data import Sandbox
from b24data.cli.main import main


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
