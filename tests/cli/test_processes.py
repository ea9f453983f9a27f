"""The command as a program: pipes that close, Ctrl-C, exit codes, and what goes to which stream."""

import json
import os
import signal
import subprocess
import sys

import pytest

from b24data import Sandbox

PROGRAM = [sys.executable, "-m", "b24data"]


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=400, process=True) as portal:
        yield portal


@pytest.fixture
def environment(portal, tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("B24_")}
    return {**kept, "B24_WEBHOOK": portal.webhook_url, "B24DATA_CONFIG_DIR": str(tmp_path / "config")}


def b24data(environment, *typed, **options):
    return subprocess.run(
        [*PROGRAM, *typed],
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        **options,
    )


def test_json__is_alone_on_the_standard_output(environment, tmp_path):
    done = b24data(environment, "fetch", "crm.deal.list", "--to", str(tmp_path / "deals.parquet"), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["rows"] == 400
    assert "400 rows" in done.stderr  # the progress, for who looks on


def test_an_error__is_alone_on_stderr(environment):
    done = b24data(environment, "call", "crm.dael.list")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "did you mean" in done.stderr or "check the spelling" in done.stderr


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (["methods", "deal"], 0),
        (["methods", "no.such.thing"], 1),
        (["fetch", "crm.deal.list"], 64),
        (["status", "--profile", "nobody"], 1),
        (["--help"], 0),
        (["doctor", "--help"], 0),
    ],
    ids=str,
)
def test_the_exit_code__reaches_the_shell(typed, code, environment):
    assert b24data(environment, *typed).returncode == code


def test_without_a_portal__the_exit_code_says_sign_in(environment, tmp_path):
    del environment["B24_WEBHOOK"]
    assert b24data(environment, "status", cwd=tmp_path).returncode == 3


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pipe that breaks")
@pytest.mark.parametrize(
    "typed", [["methods"], ["methods", "--json"], ["describe", "crm.deal.list", "--json"]], ids=" ".join
)
def test_a_reader_that_leaves__is_no_traceback(typed, environment):
    started = subprocess.Popen([*PROGRAM, *typed], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    started.stdout.close()  # as `| head -0` does
    assert started.stderr.read() == b""
    started.stderr.close()
    assert started.wait(60) == 1


@pytest.mark.skipif(os.name != "posix", reason="another program can't press Ctrl-C on Windows")
def test_ctrl_c__ends_a_fetch_with_130_and_without_a_traceback(tmp_path):
    file = tmp_path / "deals.parquet"
    with Sandbox(deals=2_000, latency_s=1.0, process=True) as portal:
        started = subprocess.Popen(
            [*PROGRAM, "fetch", "crm.deal.list", "--to", str(file)],
            env={**os.environ, "B24_WEBHOOK": portal.webhook_url},
            stderr=subprocess.PIPE,
            text=True,
        )
        while portal.stats.requests < 1:
            assert started.poll() is None
        started.send_signal(signal.SIGINT)
        _, told = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "b24data: interrupted" in told
    assert "Traceback" not in told
    assert not file.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such locale")
def test_a_locale_without_letters__writes_files_of_any_name_and_prints_without_a_traceback(environment, tmp_path):
    given = {**environment, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    name = "отчёт.parquet".encode()
    for words in ([b"fetch", b"crm.deal.list", b"--select", b"ID", b"--to", name], [b"status"]):
        done = subprocess.run(
            [*map(os.fsencode, PROGRAM), *words], env=given, cwd=tmp_path, capture_output=True, check=False
        )
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert name in os.listdir(os.fsencode(tmp_path))  # noqa: PTH208  as bytes


def test_a_console_of_another_script__gets_question_marks_and_no_traceback(environment):
    done = subprocess.run(
        [*PROGRAM, "status"],
        env={**environment, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert b"?" in done.stdout
