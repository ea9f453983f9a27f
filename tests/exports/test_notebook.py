"""``b24data run``: a notebook with parameters, in a real kernel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import nbformat
import pytest

from b24data import ConfigError
from b24data.cli.main import main
from b24data.exports.parameters import cell_source, parameters_of
from tests.exports.conftest import until


def notebook_of(path, *sources, kernel="python3"):
    """A notebook whose first cell is tagged ``parameters``."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata["kernelspec"] = {"name": kernel, "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


def outputs(path):
    cells = nbformat.read(path, as_version=4).cells
    return [output for cell in cells for output in cell.get("outputs", ())]


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_notebook__runs_with_typed_parameters_and_appears_whole(at_home, monkeypatch, capsys):
    monkeypatch.chdir(at_home)
    (at_home / "books").mkdir()
    notebook_of(
        at_home / "books" / "report.ipynb",
        "month, top, share, stages, nothing = '2026-09', 3, 0.1, [], 5",
        "import os\nprint(os.getcwd())\nmonth, top, share, stages, nothing",
    )
    words = "-p month=2026-10 -p top=5 -p share=0.5 -p stages=[NEW,WON] -p nothing=null -o out/ --html"
    assert main(["run", "books/report.ipynb", *words.split()]) == 0
    assert capsys.readouterr().out == "books/report.ipynb: 3 cells: out/report.ipynb\n"
    stream, result = outputs(at_home / "out" / "report.ipynb")
    assert stream.text.strip() == str(at_home / "books")
    assert result.data["text/plain"] == "('2026-10', 5, 0.5, ['NEW', 'WON'], None)"
    assert "2026-10" in (at_home / "out" / "report.html").read_text("utf-8")
    assert names_in(at_home / "out") == ["report.html", "report.ipynb"]
    assert outputs(at_home / "books" / "report.ipynb") == []


def test_a_notebook__that_ran_before_has_its_parameters_replaced(at_home, monkeypatch):
    monkeypatch.chdir(at_home)
    notebook_of(at_home / "r.ipynb", "a = 1", "print(a)")
    assert main(["run", "r.ipynb", "-p", "a=2"]) == 0
    assert main(["run", "out/r.ipynb", "-p", "a=3", "-o", "again.ipynb"]) == 0
    assert [output.text for output in outputs(at_home / "again.ipynb")] == ["3\n"]
    assert "a = 2" not in (at_home / "again.ipynb").read_text("utf-8")


def test_a_failed_notebook__keeps_its_copy_beside_the_last_good_one(at_home, monkeypatch, capsys):
    monkeypatch.chdir(at_home)
    notebook_of(at_home / "r.ipynb", "a = 1", "print('before')", "1 / a", "print('not reached')")
    assert main(["run", "r.ipynb"]) == 0
    good = (at_home / "out" / "r.ipynb").read_bytes()
    capsys.readouterr()
    assert main(["run", "r.ipynb", "-p", "a=0", "--quiet"]) == 1
    shown = capsys.readouterr().err
    assert shown == (
        "b24data: r.ipynb, cell 4: ZeroDivisionError: division by zero. Hint: the partial copy: out/r.failed.ipynb.\n"
    )
    assert (at_home / "out" / "r.ipynb").read_bytes() == good
    assert [output.output_type for output in outputs(at_home / "out" / "r.failed.ipynb")] == ["stream", "error"]
    assert main(["run", "r.ipynb"]) == 0
    assert names_in(at_home / "out") == ["r.ipynb"]


HOOK = "'https://acme.bitrix24.com/rest/1/' + 'not' + 'real' + '/'"  # computed, so that no source has it
SAYS = {
    "a stream": f"print({HOOK})",
    "an error": f"raise ValueError({HOOK})",
    "a result": HOOK,
    "HTML": f"from IPython.display import HTML\nHTML('<p>' + {HOOK} + '</p>')",
    "a program": f"from IPython.display import HTML\nHTML('<script>key=event.key; at=\"' + {HOOK} + '\"</script>')",
    "JSON": "from IPython.display import display\n"
    f"display({{'text/plain': '', 'application/json': [{HOOK}]}}, raw=True)",
}


@pytest.mark.parametrize("source", SAYS.values(), ids=SAYS)
def test_a_secret__that_a_cell_shows_is_in_neither_copy_nor_page(at_home, monkeypatch, source):
    monkeypatch.chdir(at_home)
    book = nbformat.read(notebook_of(at_home / "r.ipynb", source), as_version=4)
    book.cells[0].metadata["tags"] = ["raises-exception"]
    nbformat.write(book, at_home / "r.ipynb")
    assert main(["run", "r.ipynb", "--html", "--quiet"]) == 0
    assert names_in(at_home / "out") == ["r.html", "r.ipynb"]
    assert "rest/1/***/" in (at_home / "out" / "r.ipynb").read_text("utf-8")
    assert not [file.name for file in (at_home / "out").iterdir() if "notreal" in file.read_text("utf-8")]


def test_a_secret__that_a_cell_shows_before_a_failure_is_not_in_the_partial_copy(at_home, monkeypatch):
    monkeypatch.chdir(at_home)
    notebook_of(at_home / "r.ipynb", f"print({HOOK})", "1 / 0")
    assert main(["run", "r.ipynb", "--quiet"]) == 1
    assert "notreal" not in (at_home / "out" / "r.failed.ipynb").read_text("utf-8")


def test_a_chart__is_saved_as_it_is(at_home, monkeypatch):
    """What looks like a secret in its program, its data or its pixels is none."""
    chart = {
        "application/vnd.vega+json": {"from": {"key": "id"}, "token": "x"},
        "text/html": "<script>var key=event.key</script><img src='data:image/png;base64,12/abcdefgh12345678'>",
        "image/png": "12/abcdefgh12345678",
    }
    monkeypatch.chdir(at_home)
    notebook_of(at_home / "r.ipynb", f"from IPython.display import display\ndisplay({chart}, raw=True)")
    assert main(["run", "r.ipynb", "--quiet"]) == 0
    assert outputs(at_home / "out" / "r.ipynb")[0].data == chart


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import b24data; b24data.connect('nobody-of-that-name')", 1),
        ("import b24data; b24data.login()", 3),
        ("%load_ext b24data\n%b24 call crm.deal.list", 3),
        ("import b24data; raise b24data.IncompleteFetchError('stopped after 50 rows')", 2),
        ("import b24data; raise b24data.ExportError('somebody writes to it', code='ALREADY_RUNNING')", 4),
    ],
    ids=["no profile", "login", "magic", "a part", "running"],
)
def test_the_exit_code__is_that_of_the_error_in_the_kernel(at_home, monkeypatch, source, code, capsys):
    monkeypatch.chdir(at_home)
    notebook_of(at_home / "r.ipynb", source)
    assert main(["run", "r.ipynb", "--quiet"]) == code
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "word",
    [
        "api_token=abc",
        "client_secret=abc",
        f"x={'a1' * 35}",
        "x=https://acme.bitrix24.com/rest/1/notreal/",
        "password=1",
    ],
)
def test_a_secret__is_refused_before_anything_runs(at_home, monkeypatch, word, capsys):
    monkeypatch.chdir(at_home)
    notebook_of(at_home / "r.ipynb", "api_token = x = client_secret = password = ''")
    assert main(["run", "r.ipynb", "-p", word]) == 1
    shown = capsys.readouterr().err
    assert "looks like a secret" in shown
    assert word.partition("=")[2] not in shown.replace("parameter", "") or word.endswith("=1")
    assert not (at_home / "out" / "r.failed.ipynb").exists()


@pytest.mark.parametrize(
    ("make", "words", "says"),
    [
        (lambda path: None, [], "there is no r.ipynb"),
        (lambda path: path.write_text("{"), [], "r.ipynb is not a notebook"),
        (lambda path: path.write_text("{}"), [], "r.ipynb is not a notebook"),
        (lambda path: notebook_of(path, "a = 1"), ["-p", "b=1"], "has no parameter 'b'"),
        (lambda path: notebook_of(path, "a = 1"), ["-p", "1a=1"], "'1a' is not the name of a variable"),
        (lambda path: notebook_of(path, "a = 1"), ["-p", "a"], "-p a has no value"),
        (lambda path: notebook_of(path, "a = 1"), ["-p", "a=[1"], "is neither YAML nor JSON"),
        (lambda path: notebook_of(path, "a = 1", kernel="julia-9"), [], "the kernel 'julia-9', which is not here"),
        (lambda path: notebook_of(path, "a = 1"), ["-o", "r.ipynb"], "is the notebook itself"),
        (lambda path: notebook_of(path, "a = 1"), ["-o", "no/such/r.ipynb"], "there is no folder no/such"),
        (lambda path: path.write_bytes(untagged()), ["-p", "a=1"], "has the tag 'parameters'"),
    ],
)
def test_a_notebook__that_cannot_run_is_one_line(at_home, monkeypatch, make, words, says, capsys):
    monkeypatch.chdir(at_home)
    make(at_home / "r.ipynb")
    assert main(["run", "r.ipynb", "--quiet", *words]) == 1
    shown = capsys.readouterr().err
    assert says in shown
    assert shown.count("\n") == 1


def untagged():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("a = 1")])
    return nbformat.writes(notebook).encode()


def test_a_timeout__holds_for_all_cells_together_and_stops_the_kernel(at_home, monkeypatch, capsys):
    monkeypatch.chdir(at_home)
    notebook_of(at_home / "r.ipynb", "import threading, os\nprint(os.getpid())", "threading.Event().wait(600)")
    from b24data.exports.notebook import NotebookRun

    run = NotebookRun(notebook=at_home / "r.ipynb", out=at_home / "o.ipynb", timeout=2, tell=lambda _: None)
    with pytest.raises(Exception, match=r"cell 2: not done within 2 s, stopped"):
        run.run()
    assert not is_alive(int(outputs(run.failed)[0].text))


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c__stops_the_kernel_and_keeps_what_it_did(at_home, monkeypatch, how):
    monkeypatch.chdir(at_home)
    wait = "open('started', 'w').close()\nthreading.Event().wait(600)"
    notebook_of(at_home / "r.ipynb", "import threading, os\nprint(os.getpid())", wait)
    command = [sys.executable, "-m", "b24data", "run", "r.ipynb", "-o", "out/"]
    program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    until((at_home / "started").exists)
    program.send_signal(how)
    _, shown = program.communicate(timeout=60)
    assert program.returncode == 130
    assert "Traceback" not in shown
    assert not is_alive(int(outputs(at_home / "out" / "r.failed.ipynb")[0].text))
    assert not (at_home / "out" / "r.ipynb").exists()


def test_two_runs__into_one_copy_are_one_run_and_exit_code_4(at_home, monkeypatch, capsys):
    monkeypatch.chdir(at_home)
    wait = "open('started', 'w').close()\nwhile not os.path.exists('go'):\n    threading.Event().wait(0.02)"
    notebook_of(at_home / "r.ipynb", "import threading, os", wait)
    program = subprocess.Popen([sys.executable, "-m", "b24data", "run", "r.ipynb", "--quiet"])
    until((at_home / "started").exists)
    assert main(["run", "r.ipynb", "--quiet"]) == 4
    assert "another program writes to" in capsys.readouterr().err
    (at_home / "go").touch()
    assert program.wait(60) == 0


def test_an_export__may_be_a_notebook(desk, capsys):
    notebook_of(
        desk.folder / "report.ipynb",
        "month = ''",
        "import b24data\nwith b24data.connect() as b24:\n    deals = b24.tools.fetch_all('crm.deal.list', ['ID'])",
        "print(month, len(deals))",
    )
    desk.write(
        '[exports.report]\nprofile = "acme"\nnotebook = "report.ipynb"\nhtml = true\n'
        'parameters = { month = "{last_month}" }\ntarget = "done-{date}/report.ipynb"\n'
    )
    assert desk.run("report") == 0
    (folder,) = desk.folder.glob("done-*")
    assert names_in(folder) == ["report.html", "report.ipynb"]
    month, rows = outputs(folder / "report.ipynb")[-1].text.split()
    assert (len(month), rows) == (7, "300")
    assert [event["event"] for event in desk.log("report")] == ["start", "cell", "cell", "cell", "cell", "done"]
    desk.portal.revoke()
    assert desk.run("report", "--quiet") == 3
    assert "to sign in again type: b24data login acme" in capsys.readouterr().err


def test_parameters__come_as_they_are_typed():
    texts = ["a=", "b=x=y", "c= 5", "d='5'", 'e={"k": [1, null]}', "f=2026-10-01", "g=1e5", "h=Off"]
    assert parameters_of(texts) == {
        "a": "", "b": "x=y", "c": " 5", "d": "5", "e": {"k": [1, None]}, "f": "2026-10-01", "g": "1e5", "h": "Off",
    }  # fmt: skip


@pytest.mark.parametrize("value", [True, -5, 1.5, float("inf"), 'it\'s "so"\n\\', None, [{"a": [1, "ü"]}]])
def test_parameters__arrive_in_the_cell_as_they_left(value):
    names = {}
    exec(cell_source({"value": value}), names)
    assert names["value"] == value


def test_without_the_extra__the_error_has_the_pip_line_and_no_folder_is_made(at_home, monkeypatch, capsys):
    monkeypatch.chdir(at_home)
    monkeypatch.setitem(sys.modules, "nbformat", None)
    assert main(["run", "r.ipynb"]) == 1
    assert 'pip install "b24data[notebook]"' in capsys.readouterr().err
    assert names_in(at_home) == []


def test_json__says_what_was_made(at_home, monkeypatch, capsys):
    monkeypatch.chdir(at_home)
    notebook_of(at_home / "r.ipynb", "a = 1")
    assert main(["run", "r.ipynb", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"notebook": "r.ipynb", "out": "out/r.ipynb", "cells": 1}


def test_a_word_that_is_no_parameter__is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="write -p month=2026-10"):
        parameters_of(["month"])
