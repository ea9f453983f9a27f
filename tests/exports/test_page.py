"""docs/schedules.md names what there is, and its files are what the programs they are for can read."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from b24data.exports.exit_codes import ExitCode
from b24data.exports.file import KEYS
from b24data.exports.placeholders import PLACEHOLDERS

TEXT = (Path(__file__).parents[2] / "docs" / "schedules.md").read_text("utf-8")


def block(name):
    return re.search(rf"^```\w+\n# {re.escape(name)}\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)[1]


def test_the_page__names_every_key_word_and_exit_code():
    table = TEXT.partition("| key | meaning |")[2].partition("\n\n")[0]
    assert [key for key in KEYS if f"`{key}`" not in table] == []
    assert [word for word in PLACEHOLDERS if f"`{{{word}}}`" not in TEXT] == []
    codes = re.findall(r"^\| (\d+) \|", TEXT, flags=re.MULTILINE)
    assert {int(code) for code in codes} | {ExitCode.INTERRUPTED} == {*ExitCode, 64}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_the_timer__is_what_systemd_can_read(tmp_path):
    for name in ("b24data.service", "b24data.timer"):
        unit = block(name).replace("%h/exports/.venv/bin/python", "/bin/echo")
        (tmp_path / name).write_text(unit.replace("%h", "/"))
    command = ["systemd-analyze", "verify", str(tmp_path / "b24data.timer"), str(tmp_path / "b24data.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_workflow_and_the_dag__are_yaml_and_python():
    job = yaml.safe_load(block("exports.yml"))["jobs"]["exports"]
    assert "b24data export run deals" in [step.get("run") for step in job["steps"]]
    ast.parse(block("exports_dag.py"))
