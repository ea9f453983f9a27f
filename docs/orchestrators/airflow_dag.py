"""Exports of b24data every night, for Airflow 3: put this file into the dags folder."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta

from airflow.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk import dag, task

EXPORTS = "/srv/bitrix24/exports.toml"


@task(retries=3, retry_delay=timedelta(minutes=10))
def export(name: str) -> None:
    """Run one export; a retry resumes."""
    command = ["b24data", "export", "run", name, "--file", EXPORTS, "--quiet"]
    code = subprocess.run(command, check=False).returncode
    if code == 3:
        raise AirflowFailException("somebody has to sign in: b24data login")
    if code == 4:
        raise AirflowSkipException("another program runs this export")
    if code:
        raise RuntimeError(f"b24data ended with exit code {code}; its line is in the log")


@dag(schedule="0 3 * * *", start_date=datetime(2026, 1, 1), catchup=False)
def bitrix24() -> None:
    """Each export is a task of its own."""
    for name in ("deals", "contacts"):
        export.override(task_id=name)(name)


bitrix24()
