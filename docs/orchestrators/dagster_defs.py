"""Exports of b24data as assets that are made every night, for Dagster: ``dagster dev -f dagster_defs.py``."""

import subprocess

import dagster as dg

EXPORTS = "/srv/bitrix24/exports.toml"


def asset_of(name: str) -> dg.AssetsDefinition:
    """An asset that is one export; a retry resumes."""

    @dg.asset(name=name, retry_policy=dg.RetryPolicy(max_retries=3, delay=600))
    def export() -> None:
        command = ["b24data", "export", "run", name, "--file", EXPORTS, "--quiet"]
        code = subprocess.run(command, check=False).returncode
        if code == 3:
            raise dg.Failure("somebody has to sign in: b24data login", allow_retries=False)
        if code:  # 4: another program runs this export
            raise dg.Failure(f"b24data ended with exit code {code}; its line is in the log")

    return export


assets = [asset_of(name) for name in ("deals", "contacts")]
nightly = dg.define_asset_job("bitrix24")
defs = dg.Definitions(assets, jobs=[nightly], schedules=[dg.ScheduleDefinition(job=nightly, cron_schedule="0 3 * * *")])
