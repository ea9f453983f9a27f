"""Exports of b24data every night, for Prefect 3: ``python prefect_flow.py`` serves them."""

import subprocess
from typing import Any

from prefect import flow, task

EXPORTS = "/srv/bitrix24/exports.toml"


class SignInError(Exception):
    """No retry helps."""


def may_help(_task: Any, _run: Any, state: Any) -> bool:
    """Whether a retry makes sense."""
    return not isinstance(state.result(raise_on_failure=False), SignInError)


@task(
    task_run_name="{name}",
    retries=3,
    retry_delay_seconds=600,
    retry_condition_fn=may_help,
)
def export(name: str) -> None:
    """Run one export; a retry resumes."""
    command = ["b24data", "export", "run", name, "--file", EXPORTS, "--quiet"]
    code = subprocess.run(command, check=False).returncode
    if code == 3:
        raise SignInError("somebody has to sign in: b24data login")
    if code:  # 4: another program runs this export
        raise RuntimeError(f"b24data ended with exit code {code}; its line is in the log")


@flow
def bitrix24() -> None:
    """One export after the other; one that fails does not stop the others."""
    for state in [export(name, return_state=True) for name in ("deals", "contacts")]:
        state.result()


if __name__ == "__main__":
    bitrix24.serve("nightly", cron="0 3 * * *")
