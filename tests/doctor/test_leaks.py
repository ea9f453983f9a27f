"""Secrets in files are found, named by their place and kind, and never shown."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from b24data import ConfigError
from b24data.cli.main import main
from b24data.doctor.leaks import cures, files_in, leaks_in_file, leaks_in_notebook, leaks_in_text
from tests.strangers import as_root, by_stranger

CODE = "q7w2k9x4" + "m1p8z3v6"
HOOK = f"https://acme.bitrix24.com/rest/1/{CODE}/"
TOKEN = "a7630167006e9f06006b12e400000001" + "000007e2e201aeb9fedba2013080af5a95c05e"
KEY = "ZeKyeYIgy2NsHZqs" + "IHY6GfG1VaaB12"


def notebook(*cells, **metadata):
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def code(source="", outputs=(), **metadata):
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": metadata}


def places(text):
    return [(leak.cell, leak.part, leak.line, leak.kind) for leak in leaks_in_notebook(text)]


def test_a_notebook__is_searched_in_sources_of_every_kind_of_cell():
    text = notebook(
        {"cell_type": "markdown", "source": ["# Deals\n", "by ", HOOK], "metadata": {}},
        code(f"import b24data\nb24 = b24data.B24Hook('{HOOK}')"),
    )
    assert places(text) == [(1, "source", 2, "webhook address"), (2, "source", 2, "webhook address")]


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ({"output_type": "stream", "name": "stdout", "text": ["GET ", HOOK]}, "webhook address"),
        ({"output_type": "execute_result", "data": {"text/plain": f"'{TOKEN}'"}}, "access or refresh token"),
        ({"output_type": "display_data", "data": {"text/html": f"<b>{HOOK}</b>"}}, "webhook address"),
        (
            {"output_type": "display_data", "data": {"application/json": {"refresh_token": TOKEN}}},
            "access or refresh token",
        ),
        ({"output_type": "display_data", "data": {"application/json": {"client_secret": KEY}}}, "client secret"),
        ({"output_type": "error", "ename": "E", "evalue": f"404 for {HOOK}", "traceback": []}, "webhook address"),
        ({"output_type": "error", "ename": "E", "evalue": "", "traceback": ["x", f"--> {HOOK}"]}, "webhook address"),
    ],
    ids=["stream", "value", "html", "json", "key", "error", "traceback"],
)
def test_a_notebook__is_searched_in_every_kind_of_output(output, kind):
    [(cell, part, _, found)] = places(notebook(code("x"), code("y", [output])))
    assert (cell, part, found) == (2, "output", kind)


def test_a_picture__is_not_searched():
    picture = {"output_type": "display_data", "data": {"image/png": f"auth={KEY}"}}
    assert places(notebook(code("plot()", [picture]))) == []


def test_a_notebook__is_searched_in_the_parameters_that_papermill_wrote():
    text = notebook(
        code("x", papermill={"parameters": {"hook": HOOK}}), papermill={"parameters": {"client_secret": KEY}}
    )
    assert places(text) == [
        (1, "metadata", 1, "webhook address"),
        (0, "metadata of the notebook", 0, "client secret"),
    ]


def test_a_notebook__is_searched_in_the_state_of_its_widgets():
    state = {
        "a": {"model_name": "PasswordModel", "state": {"value": "hunter2"}},
        "b": {"model_name": "PasswordModel", "state": {"value": ""}},
        "c": {"model_name": "TextModel", "state": {"value": HOOK}},
        "d": {"model_name": "TextModel", "state": {"value": "October"}},
    }
    text = notebook(code("login()"), widgets={"application/vnd.jupyter.widget-state+json": {"state": state}})
    assert [(part, kind) for _, part, _, kind in places(text)] == [
        ("state of widgets", "content of a password field"),
        ("state of widgets", "webhook address"),
    ]


def test_a_notebook_of_the_third_format__is_searched_in_its_worksheets():
    cells = [{"cell_type": "markdown", "source": HOOK}, {"cell_type": "code", "input": ["x\n", HOOK], "outputs": []}]
    text = json.dumps({"worksheets": [{"cells": cells}, {"cells": [code("y", [{"text": HOOK}])]}], "nbformat": 3})
    assert [place[:3] for place in places(text)] == [(1, "source", 1), (2, "source", 2), (3, "output", 1)]


@pytest.mark.parametrize(
    "holds",
    [
        lambda it: {"url": it},
        lambda it: {"nbformat": 4, "deep": [{"er": [1, it]}]},
        lambda it: {"cells": [], "url": it},
        lambda it: {"cells": [it]},
        lambda it: {"cells": [{**code(), "prompt": it}]},
        lambda it: {"cells": [{**code(), "outputs": {"0": it}}]},
        lambda it: {"cells": [{**code(), "metadata": it}]},
        lambda it: {"cells": [code("", [{"data": {"image/svg+xml": it}}])]},
        lambda it: {"cells": [], "metadata": {"widgets": it}},
        lambda it: {"cells": [], "metadata": {"widgets": {"state": {"a": {"model_name": it}}}}},
        lambda it: {"cells": [], "metadata": {"widgets": {"application/vnd.jupyter.widget-state+json": it}}},
        lambda it: {"cells": [], "metadata": {"widgets": {"state": it}}},
        lambda it: {"worksheets": [{"cells": [], "metadata": it}]},
        lambda it: {"worksheets": [{"metadata": it}], "metadata": {}},
        lambda it: {"worksheets": [it]},
        lambda it: {"worksheets": it},
    ],
)
def test_a_notebook__has_no_place_that_is_not_searched(holds):
    for it in (f"see {HOOK}", {"client_secret": KEY}):
        assert leaks_in_notebook(json.dumps(holds(it))), it


def test_a_list_under_a_telling_key__is_searched():
    assert places(notebook(client_secret=[KEY, None])) == [(0, "metadata of the notebook", 0, "client secret")]


def test_json_without_cells__is_searched_by_its_lines():
    text = json.dumps({"title": "x", "url": HOOK}, indent=1)
    assert places(text) == [(0, "", 3, "webhook address")]


@pytest.mark.parametrize("text", [f'{{"cells": [{{"source": "{HOOK}"', "[]", f'["{HOOK}"]', '{"cells": 5}', "null", ""])
def test_a_notebook_that_is_broken__is_searched_as_text(text):
    assert [leak.kind for leak in leaks_in_notebook(text)] == ["webhook address"] * text.count(HOOK)


@pytest.mark.parametrize("cell", [None, 5, {"source": None}, {"outputs": [None, 5, {"data": None}]}, {"metadata": []}])
def test_a_notebook_with_strange_cells__is_searched_in_the_others(cell):
    assert [leak.cell for leak in leaks_in_notebook(notebook(cell, code(HOOK)))] == [2]


def test_a_text__has_lines():
    assert [(leak.line, leak.kind) for leak in leaks_in_text(f"a\nB24_CLIENT_SECRET = '{KEY}'\n\n{HOOK}")] == [
        (2, "client secret"),
        (4, "webhook address"),
    ]


def test_a_folder__is_walked_but_not_environments_git_and_caches(tmp_path):
    seen = ["a.ipynb", "deep/b.py", "deep/.ipynb_checkpoints/a-checkpoint.ipynb", ".env", ".env.local", "c.toml"]
    hidden = [
        ".git/config.py",
        "env/pyvenv.cfg",
        "env/lib/d.py",
        "node_modules/e.py",
        "__pycache__/f.py",
        "data.parquet",
    ]
    for name in (*seen, *hidden):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert sorted(str(file.relative_to(tmp_path)) for file in files_in([tmp_path])) == sorted(seen)


def test_scan__given_twice_reads_what_both_name(tmp_path, capsys):
    (tmp_path / "a").write_text(HOOK)
    (tmp_path / "z").write_text("")
    assert main(["doctor", "--scan", str(tmp_path / "a"), "--scan", str(tmp_path / "z")]) == 1
    assert "1 secret in 2 files" in capsys.readouterr().out


def test_a_file_that_is_named__is_read_whatever_it_is_called(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"\xff\xfe " + HOOK.encode())
    [leak] = leaks_in_file(tmp_path / "notes.txt")
    assert str(leak) == f"{tmp_path / 'notes.txt'}: line 1: webhook address"


def test_a_path_that_is_not_there__is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        list(files_in([tmp_path / "nowhere"]))


def test_an_env_file__may_have_secrets_if_git_leaves_it_out(tmp_path):
    (tmp_path / ".env").write_text(f"B24_WEBHOOK={HOOK}\n")
    assert len(leaks_in_file(tmp_path / ".env")) == 1
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert len(leaks_in_file(tmp_path / ".env")) == 1
    (tmp_path / ".gitignore").write_text(".env\n")
    assert leaks_in_file(tmp_path / ".env") == []


def test_scan__names_file_cell_and_kind_and_never_the_secret(tmp_path, capsys):
    (tmp_path / "deals.ipynb").write_text(notebook(code(HOOK, [{"output_type": "stream", "text": TOKEN}])))
    (tmp_path / "config.py").write_text(f"client_secret = '{KEY}'")
    assert main(["doctor", "--scan", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "deals.ipynb: cell 1 source, line 1: webhook address" in shown
    assert "deals.ipynb: cell 1 output, line 1: access or refresh token" in shown
    assert "config.py: line 1: client secret" in shown
    assert "3 secrets in 2 files" in shown
    assert f"nbstripout {tmp_path / 'deals.ipynb'}" in shown
    assert "create a new webhook" in shown
    for secret in (CODE, TOKEN, KEY):
        assert [secret[at : at + 4] for at in range(len(secret) - 3) if secret[at : at + 4] in shown] == []


def test_scan__as_json_is_one_document(tmp_path, capsys):
    (tmp_path / "deals.ipynb").write_text(notebook(code(HOOK)))
    assert main(["doctor", "--scan", str(tmp_path / "deals.ipynb"), "--json"]) == 1
    [leak] = json.loads(capsys.readouterr().out)["secrets"]
    expected = {"kind": "webhook address", "cell": 1, "part": "source", "line": 1}
    assert leak == {"file": str(tmp_path / "deals.ipynb"), **expected}


def test_scan__of_clean_files_says_so(tmp_path, capsys):
    (tmp_path / "clean.ipynb").write_text(notebook(code("b24 = b24data.connect('acme')")))
    assert main(["doctor", "--scan", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "no secret in 1 file\n"


def test_scan__of_a_file_that_can_not_be_read_is_no_clean_bill(tmp_path, capsys, monkeypatch):
    (tmp_path / "locked.ipynb").write_text("{}")

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("b24data.doctor.leaks.open_regular", refuse)
    assert main(["doctor", "--scan", str(tmp_path)]) == 1
    assert "was not read: Permission denied" in capsys.readouterr().err


def test_cures__fit_what_was_found():
    assert cures([]) == []
    [source, *_] = cures(leaks_in_text(HOOK))
    assert "b24data login" in source


def test_the_repository__gives_nothing_away(capsys):
    assert main(["doctor", "--scan", "b24data", "docs", "notebooks", "README.md"]) == 0, capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_scan__of_what_is_no_file_says_so_and_does_not_wait(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    (tmp_path / "gone.md").symlink_to("nowhere")
    (tmp_path / "config.py").write_text(f"client_secret = '{KEY}'")
    assert main(["doctor", "--scan", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert "pipe.py was not read: it is a FIFO, and not a file" in shown.err
    assert "zero.json was not read: it is a device, and not a file" in shown.err
    assert "gone.md was not read: No such file" in shown.err
    assert "config.py: line 1: client secret" in shown.out


def test_scan__of_a_huge_file_says_so(tmp_path, capsys):
    with (tmp_path / "big.json").open("wb") as file:
        file.truncate((100 << 20) + 1)
    assert main(["doctor", "--scan", str(tmp_path)]) == 1
    assert "big.json was not read: it is larger than 100 MB" in capsys.readouterr().err


@as_root
def test_scan__a_folder_that_may_not_be_read_is_told_of_and_hides_no_other(common_folder):
    (common_folder / "closed").mkdir(mode=0o700)
    (common_folder / "open").mkdir()
    (common_folder / "open/a.py").touch()
    told: list[str] = []

    def look() -> None:
        files = [file.name for file in files_in([common_folder], lambda error: told.append(str(error.filename)))]
        raise AssertionError(files, [Path(one).name for one in told])

    assert by_stranger(look) == "AssertionError: (['a.py'], ['closed'])"


@pytest.mark.parametrize("depth", [900, 5_000, 200_000])
def test_a_notebook_of_any_depth__is_searched(depth):
    text = f'{{"cells": [], "metadata": {{"a": {"[" * depth}"{HOOK}"{"]" * depth}}}}}'
    assert [leak.kind for leak in leaks_in_notebook(text)] == ["webhook address"]


@pytest.mark.parametrize(
    "text",
    [
        f'{{"cells": [{{"outputs": 5, "source": "{HOOK}"}}]}}',
        f'{{"cells": [], "metadata": {{"widgets": {{"state": [5]}}, "a": "{HOOK}"}}}}',
        f'{{"cells": [], "metadata": {{"widgets": {{"state": {{"a": {{"state": null}}}}}}, "a": "{HOOK}"}}}}',
    ],
)
def test_a_notebook_of_strange_values__is_searched_as_text(text):
    assert {leak.kind for leak in leaks_in_notebook(text)} == {"webhook address"}


@pytest.mark.parametrize("setting", ["core.fsmonitor", "core.hooksPath", "core.pager", "core.sshCommand", "alias.x"])
def test_scan__runs_no_program_that_the_folder_names(tmp_path, setting):
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / ".env").write_text(f"B24_WEBHOOK={HOOK}\n")
    (tmp_path / ".gitignore").write_text(".env\n")
    subprocess.run([*git, "add", "-f", ".env"], check=True)
    subprocess.run([*git, "config", setting, f"touch {tmp_path}/RUN; false"], check=True)
    for name in ("git", "git.exe", "git.bat"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/RUN\n")
        (tmp_path / name).chmod(0o755)
    words = [sys.executable, "-m", "b24data", "doctor", "--scan", "."]
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "1 secret in" in done.stdout
    assert not (tmp_path / "RUN").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
def test_scan__the_name_of_a_file_commands_no_terminal_and_shows_no_secret(tmp_path, capsys):
    names = ["red\x1b[31m.py", "two\nlines.py", "back\u202e.py", f"access_token={CODE}.py"]
    for name in names:
        (tmp_path / name).write_text(HOOK)
    (tmp_path / "gone\x1b[2J\n.py").symlink_to("nowhere")
    assert main(["doctor", "--scan", str(tmp_path)]) == 1
    told = capsys.readouterr()
    shown = told.out + told.err
    assert not set(shown) & {"\x1b", "\u202e"}
    assert r"two\nlines.py: line 1: webhook address" in shown
    assert CODE not in shown
