"""An export that fails, in whatever way, is told of in one line and stops none of those after it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b24data.cli.main import main
from b24data.errors import ConfigError, ExportError, SdkError
from b24data.exports import runner as module
from b24data.exports.exit_codes import ExitCode
from b24data.exports.file import read_exports
from b24data.exports.history import RunFiles, RunHistory, RunRecord, status
from b24data.exports.notebook import NotebookRun
from b24data.exports.notify import notify
from b24data.exports.runner import Runner
from b24data.exports.spec import Export
from b24data.files.sealed import seal
from tests.strangers import STRANGER, as_root

ONE = """
[exports.a]
method = "crm.deal.list"
target = "a.parquet"
every = "1d"
"""


class PanicError(BaseException):
    """What a library in another language raises; it is no Exception."""


@pytest.fixture
def export(at_home) -> Export:
    (at_home / "exports.toml").write_text(ONE)
    return read_exports(at_home / "exports.toml")["a"]


def run(export: Export, error: BaseException | None = None) -> tuple[ExitCode, list[Any]]:
    told: list[Any] = []

    def connect(_: str | None) -> Any:
        raise error or SdkError("refused")

    return Runner(show=told.append, connect=connect).run(export), told


@pytest.mark.parametrize(
    "error",
    [
        SdkError("no\0way"),
        SdkError("half of a pair: \ud83d"),
        SdkError("a byte of a name: \udce9"),
        ValueError("embedded null byte"),
        OSError(28, "No space left on device", "/x"),
        OSError(),
        RecursionError("too deep"),
        MemoryError(),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        PanicError("a panic"),
        SystemExit(3),
        StopIteration(),
    ],
    ids=repr,
)
@pytest.mark.parametrize("hook", ["", 'on_failure = ["{python}", "-c", "pass"]'])
def test_any_error__is_one_line_in_the_log_and_an_exit_code(at_home, error, hook):
    (at_home / "exports.toml").write_text(ONE + hook.format(python=sys.executable))
    export = read_exports(at_home / "exports.toml")["a"]
    code, told = run(export, error)
    assert code == ExitCode.FAILED
    assert [one["event"] for one in told] == ["start", "failed"]
    assert "\n" not in told[-1]["text"]
    lines = RunFiles(export).log.read_bytes().decode().split("\n")
    assert [json.loads(line)["event"] for line in lines if line] == ["start", "failed"]
    assert status(export)["failures"] == 1


def test_ctrl_c__is_no_failure(export):
    with pytest.raises(KeyboardInterrupt):
        run(export, KeyboardInterrupt())


@pytest.mark.parametrize("what", ["RunFiles", "Journal", "exit_code", "_in_one_line"])
def test_any_part__that_breaks_is_a_failure_of_this_export_alone(export, monkeypatch, what):
    real, calls = getattr(module, what), []

    def broken(*given: Any, **named: Any) -> Any:
        calls.append(given)
        if len(calls) == 1:
            raise TypeError("a bug")
        return real(*given, **named)

    monkeypatch.setattr(module, what, broken)
    code, told = run(export)
    assert code == ExitCode.FAILED
    assert told[-1]["event"] == "failed"


def test_who_looks_on_and_goes__does_not_stop_the_export(export):
    def gone(_: Any) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    def connect(_: str | None) -> Any:
        raise SdkError("refused")

    assert Runner(show=gone, connect=connect).run(export) == ExitCode.FAILED
    assert status(export)["last_error"] == "refused"


def test_a_state_that_can_not_be_reached__does_not_stop_the_others(at_home, capsys, monkeypatch):
    (at_home / "exports.toml").write_text(ONE + ONE.replace("a]", "b]").replace('"a.', '"b.'))
    (at_home / "state").write_text("a file")
    monkeypatch.chdir(at_home)
    assert main(["export", "run", "--due"]) == 1
    said = capsys.readouterr().err.strip().split("\n")
    assert [line.split(": ")[1] for line in said] == ["a", "b"]
    assert all("B24DATA_STATE_DIR" in line for line in said)


@pytest.mark.parametrize("name", ["jsonl", "json", "lock"])
def test_a_link_of_somebody_elses__is_not_followed(export, at_home, name):
    mine = at_home / "bashrc"
    mine.write_text("# mine\n")
    files = RunFiles(export)
    files.log.with_suffix(f".{name}").symlink_to(mine)
    code, _ = run(export)
    assert code == ExitCode.FAILED
    assert mine.read_text() == "# mine\n"


@as_root
def test_a_folder_of_somebody_elses__is_refused_with_the_owner(export):
    os.chown(RunFiles(export).log.parent, STRANGER, STRANGER)
    code, told = run(export)
    assert (code, len(told)) == (ExitCode.FAILED, 1)
    assert f"exports is a folder of user {STRANGER}" in told[0]["text"]


def test_on_failure__values_that_no_environment_takes_are_told_as_far_as_it_goes(tmp_path):
    code = "import json, os, sys; json.dump([os.environ['B24DATA_ERROR'], json.load(sys.stdin)], open('told', 'w'))"
    facts = {"error": "no\0way \ud83d" + "x" * 300_000, "rows": None}
    notify([sys.executable, "-c", code], facts, tmp_path)
    variable, whole = json.loads((tmp_path / "told").read_text())
    assert variable == r"no\u0000way \ud83d" + "x" * 3992
    assert whole == facts


def test_on_failure__a_command_that_no_system_can_run_is_an_error_of_ours(tmp_path):
    with pytest.raises(ExportError, match="can't be run"):
        notify(["/bin/tr\0ue"], {"error": "x"}, tmp_path)


GOOD = RunRecord(began=1_800_000_000.0, ended=1_800_000_100.0, code=0, target="a.parquet", rows=5)
HISTORY = RunHistory(runs=(GOOD,), last_good=GOOD)


def state_file(export: Export) -> Path:
    return RunFiles(export).log.with_suffix(".json")


def test_state__of_a_later_version_begins_again(export):
    data = json.loads(seal(RunHistory(runs=(GOOD,), last_good=GOOD)))
    state_file(export).write_text(json.dumps({**data, "version": 3}))
    state_file(export).chmod(0o600)
    assert RunFiles(export).read() == RunHistory()


changes = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3), st.integers(0, 3)), min_size=1, max_size=4)
FEW = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check_state(export: Export, how: list[tuple[float, bytes, int]]) -> None:
    RunFiles(export).write(HISTORY)
    data = bytearray(state_file(export).read_bytes())
    for where, new, gone in how:
        at = int(where * len(data))
        data[at : at + gone] = new
    state_file(export).write_bytes(data)
    assert RunFiles(export).read() in (HISTORY, RunHistory())
    status(export)


@FEW
@given(how=changes)
def test_fuzz__a_state_is_what_was_written_or_nothing(export, how):
    check_state(export, how)


@pytest.mark.soak
@settings(FEW, max_examples=10_000)
@given(how=changes)
def test_soak__a_state_is_what_was_written_or_nothing(export, how):
    check_state(export, how)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no FIFOs")
@pytest.mark.parametrize("name", ["done.ipynb", "done.html"])
def test_notebook__a_copy_that_is_no_file_is_refused_before_it_runs(tmp_path, name):
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "report.ipynb")
    os.mkfifo(tmp_path / name)
    with pytest.raises(ConfigError, match=f"{name} is a FIFO"):
        NotebookRun(notebook=tmp_path / "report.ipynb", out=tmp_path / "done.ipynb", html=True).run()


def test_notebook__the_copy_of_a_link_is_written_to_its_file(tmp_path):
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "report.ipynb")
    (tmp_path / "big").mkdir()
    (tmp_path / "big/done.ipynb").touch(0o600)
    (tmp_path / "done.ipynb").symlink_to("big/done.ipynb")
    assert NotebookRun(notebook=tmp_path / "report.ipynb", out=tmp_path / "done.ipynb", tell=lambda _: None).run() == 0
    assert (tmp_path / "done.ipynb").is_symlink()
    assert (tmp_path / "big/done.ipynb").stat().st_size > 0
    assert (tmp_path / "big/done.ipynb").stat().st_mode & 0o777 == 0o600 or os.name == "nt"
