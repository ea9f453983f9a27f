"""The files for Airflow, Dagster and Prefect run two exports, where one of these is installed; CI has none of them.

Each brings some hundred megabytes, so they are tried by hand: ``pip install dagster`` and run this file.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from b24data import Sandbox

FILES = Path(__file__).parents[2] / "docs" / "orchestrators"
EXPORTS = """
[exports.deals]
method = "crm.deal.list"
select = ["ID"]
target = "deals.parquet"

[exports.contacts]
method = "crm.contact.list"
select = ["ID"]
target = "contacts.parquet"
"""

pytestmark = pytest.mark.filterwarnings("ignore")  # what these packages warn of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "exports.toml").write_text(EXPORTS)
    command = tmp_path / "bin" / "b24data"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m b24data "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    for name in ("DAGSTER_HOME", "PREFECT_HOME", "AIRFLOW_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
        (tmp_path / name.lower()).mkdir()
    (tmp_path / "dagster_home" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    monkeypatch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    monkeypatch.setenv("AIRFLOW__USAGE_DATA_COLLECTION__ENABLED", "False")
    with Sandbox(deals=7, contacts=5) as portal:
        monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url)
        yield tmp_path


def names_of(file: str, folder: Path) -> SimpleNamespace:
    """The names in a file whose EXPORTS are ours."""
    names = runpy.run_path(str(FILES / file))
    source = (FILES / file).read_text().replace("/srv/bitrix24", str(folder))
    ours = folder / file
    ours.write_text(source)
    assert "EXPORTS" in names
    return SimpleNamespace(**runpy.run_path(str(ours)))


def check_files(folder: Path) -> None:
    assert {name: len(pd.read_parquet(folder / f"{name}.parquet")) for name in ("deals", "contacts")} == {
        "deals": 7,
        "contacts": 5,
    }


def test_dagster__makes_both_assets(folder: Path) -> None:
    dg = pytest.importorskip("dagster", reason="dagster is not installed")
    assets = names_of("dagster_defs.py", folder).assets
    assert dg.materialize(assets).success
    check_files(folder)


def test_prefect__runs_both_exports(folder: Path) -> None:
    pytest.importorskip("prefect", reason="prefect is not installed")
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        names_of("prefect_flow.py", folder).bitrix24()
    check_files(folder)


def test_airflow__runs_both_tasks(folder: Path) -> None:
    pytest.importorskip("airflow", reason="airflow is not installed")
    dags = folder / "airflow_home" / "dags"
    dags.mkdir()
    (dags / "airflow_dag.py").write_text((FILES / "airflow_dag.py").read_text().replace("/srv/bitrix24", str(folder)))
    for command in (["db", "migrate"], ["dags", "reserialize"], ["dags", "test", "bitrix24"]):
        done = subprocess.run([sys.executable, "-m", "airflow", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    check_files(folder)


@pytest.mark.parametrize("file", sorted(path.name for path in FILES.glob("*.py")))
def test_each_file__knows_the_exit_codes_and_parses(file: str) -> None:
    source = (FILES / file).read_text()
    compile(source, file, "exec")
    assert "code == 3" in source
