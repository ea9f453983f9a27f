"""The code blocks of the pages: read out of Markdown, and run as a reader would, in the order of the page.

``python`` and ``ipython`` run in one IPython for the whole page, where ``b24`` is a client of the sandbox; ``sh`` runs
in bash, with the sandbox's webhook in ``B24_WEBHOOK``. A block whose first line is ``# name.toml`` is a file, and is
written where the others run. A ``text`` block right below a block is what that one shows, with ``...`` for what differs
from run to run. ``your-portal.bitrix24.com`` is the sandbox. A comment ``<!-- not run: why -->`` above a block
leaves it out.
"""

import contextlib
import doctest
import io
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(?P<language>[^\n`]*)\n(?P<code>.*?)^```$", flags=re.DOTALL | re.MULTILINE)
MARK = re.compile(r"<!-- not run: (.+?) -->\s*\Z")
FILE = re.compile(r"# ([\w./-]+\.\w+)\n")
NO_CODE = {"text"}
RUN = {"python", "ipython", "sh"}
PORTAL = "your-portal.bitrix24.com"
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    code: str
    not_run: str = ""
    output: str | None = None

    @property
    def file(self):
        match = FILE.match(self.code)
        return match[1] if match else None


def blocks_of(text):
    """The blocks of a page that say something to a machine; directives of the site are none."""
    found, behind = [], 0
    for match in FENCE.finditer(text):
        language, code = match["language"].strip(), match["code"]
        if language in NO_CODE and found and not text[behind : match.start()].strip():
            last = found.pop()
            found.append(Block(last.line, last.language, last.code, last.not_run, code))
        elif language not in NO_CODE and not language.startswith("{"):
            mark = MARK.search(text[: match.start()])
            found.append(Block(text[: match.start()].count("\n") + 1, language, code, mark[1] if mark else ""))
        behind = match.end()
    return found


class Reader:
    """Somebody who types a page's blocks one after the other, in ``folder``."""

    def __init__(self, page, shell, portal, folder, environment):
        self.page, self.shell, self.portal, self.folder = page, shell, portal, Path(folder)
        self.environment = environment

    def type(self, block):
        here = self.portal.url.removeprefix("https://")
        code = block.code.replace(PORTAL, here)
        if block.file:
            self.folder.joinpath(block.file).write_text(code, "utf-8")
            return
        shown = self.in_bash(code) if block.language == "sh" else self.in_ipython(code, block)
        if block.output is not None:
            seen = shown.replace(here, PORTAL)
            same = doctest.OutputChecker().check_output(block.output, seen, SAME)
            assert same, f"{self.page}:{block.line} shows\n{seen}\nand not\n{block.output}"

    def in_bash(self, code):
        run = subprocess.run(
            ["bash", "-eu", "-c", code],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert run.returncode == 0, f"exit code {run.returncode} of\n{code}\n{run.stdout}"
        return run.stdout

    def in_ipython(self, code, block):
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            done = self.shell.run_cell(code)
        error = done.error_before_exec or done.error_in_exec
        if error is not None:
            error.add_note(f"{self.page}:{block.line}")
            raise error
        return shown.getvalue()
