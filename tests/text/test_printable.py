"""What a portal says reaches terminals, logs and environments as text, never as commands."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24data.cli.main import main
from b24data.errors import BadReplyError, SdkError
from b24data.exports.notify import notify
from b24data.http.error_codes import portal_error
from b24data.http.log_filter import RedactingFilter
from b24data.text.printable import one_line, printable
from tests.raw_portal import Asked, RawPortal, http

COMMANDS = "\0\x07\x08\r\x1b\x7f\x80\x85\x9b\x9c\u2028\u202e\u2066"
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31mb24data: signed in\x1b[8m\u202e\x7f\0"


def commands_in(text: str) -> list[str]:
    return [one for one in text if one in COMMANDS or (ord(one) < 32 and one not in "\t\n")]


@given(st.text(st.characters(codec=None)))
def test_printable__holds_no_command_and_can_be_written_anywhere(text: str) -> None:
    shown = printable(text)
    assert commands_in(shown) == []
    shown.encode("utf-8")
    assert printable(shown) == shown


@given(st.text(st.characters(codec="utf-8")))
def test_printable__json_keeps_its_values(text: str) -> None:
    assert json.loads(printable(json.dumps([text], ensure_ascii=False))) == [text]


@pytest.mark.parametrize("text", ["Сделка № 1", "a\tb\nc", "عربى עברית", "漢字 😀 é", "\u200fאבג\u200e"])
def test_printable__text_of_any_script_is_as_it_was(text: str) -> None:
    assert printable(text) == text


def test_one_line__is_bounded_and_looks_at_no_more_than_it_needs() -> None:
    assert one_line("No.\n2026-01-01 ERROR forged") == "No. 2026-01-01 ERROR forged"
    assert len(one_line("x" * 10_000_000)) == 2000
    assert one_line(" " * 10_000 + "x", most=5).endswith("…")


def test_errors__hold_no_command_in_any_of_their_texts() -> None:
    error = BadReplyError(EVIL, EVIL, code=EVIL, hint=EVIL, body=EVIL)
    assert commands_in("".join([str(error), repr(error), error.body, error.code, error.hint, error.method])) == []
    assert commands_in(repr(SdkError(EVIL).args) + str(portal_error("m", EVIL, EVIL, 400))) == []


def test_portal_error__is_one_line_of_bounded_length_whatever_the_portal_sends() -> None:
    for text in ("a\nb\r\nc\u2028d", "x" * 2_000_000, {"a": ["\x1b" * 9]}, 10**400):
        error = portal_error("crm.deal.get", "ERROR", text, 400)
        assert len(str(error).splitlines()) == 1
        assert len(str(error)) < 2500


def test_logs__of_the_http_library_hold_no_command() -> None:
    record = logging.makeLogRecord({"msg": "HTTP Request: %s", "args": (EVIL,)})
    RedactingFilter().filter(record)
    assert commands_in(record.getMessage()) == []


def answer(asked: Asked) -> bytes:
    who = {"ID": "1", "NAME": EVIL, "LAST_NAME": "B", "ADMIN": True}
    parts = {"result_error": [], "result_total": [], "result_next": [], "result_time": []}
    results = {
        "profile": who,
        "batch": {"result": {"who": who, "scope": ["crm", EVIL]}, **parts},
        "methods": ["crm.deal.list", f"crm.{EVIL}.list"],
        "crm.deal.fields": {name: {"type": "string", "title": EVIL} for name in ("ID", "TITLE")},
        "crm.lead.get": {"TITLE": EVIL, EVIL: "x"},
    }
    if asked.method in results:
        return http({"result": results[asked.method], "time": {"date_start": EVIL, "date_finish": EVIL}})
    return http({"error": f"E{EVIL}", "error_description": EVIL}, 400)


@pytest.mark.parametrize(
    "words",
    [
        ["call", "crm.deal.get"],
        ["call", "crm.lead.get"],
        ["fetch", "crm.deal.list", "--to", "x.parquet"],
        ["status"],
        ["status", "--json"],
        ["methods", "--portal"],
        ["methods", "--portal", "--json"],
        ["describe", "crm.deal.list"],
        ["describe", "crm.deal.list", "--json"],
    ],
)
def test_commands__print_no_command_of_a_portal(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with RawPortal(answer) as portal:
        monkeypatch.setenv("B24_WEBHOOK", portal.hook)
        main(words)
    said = capsys.readouterr()
    assert commands_in(said.out + said.err) == []
    assert said.out + said.err


def test_a_hook_of_an_export__runs_whatever_the_portal_said(tmp_path: Path) -> None:
    program = "import os, pathlib; pathlib.Path('told').write_text(os.environ['B24DATA_ERROR'])"
    notify([sys.executable, "-c", program], {"error": f"no{EVIL}way", "rows": None}, tmp_path)
    assert commands_in((tmp_path / "told").read_text()) == []


def test_exports__all_run_and_fail_with_a_line_each_though_the_portal_says_nul(tmp_path: Path) -> None:
    (tmp_path / "exports.toml").write_text(
        "".join(
            f'[exports.{name}]\nmethod = "crm.{name}.list"\ntarget = "{name}.parquet"\nevery = "1h"\n'
            'on_failure = ["true"]\n'
            for name in ("deal", "lead")
        )
    )
    with RawPortal(lambda _: http({"error": "ACCESS_DENIED", "error_description": "no\0way"}, 403)) as portal:
        (tmp_path / ".env").write_text(f"B24_WEBHOOK={portal.hook}\n")
        (tmp_path / ".env").chmod(0o600)
        done = subprocess.run(
            [sys.executable, "-m", "b24data", "export", "run", "--due"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    failed = [line for line in done.stderr.splitlines() if line.startswith("b24data: ")]
    assert [line.partition(": batch")[0] for line in failed] == ["b24data: deal", "b24data: lead"]
    assert "Traceback" not in done.stderr
