"""What may not stand in any file of the repository."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_MODULE = 450
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".json", ".ipynb", ".cfg", ".txt", ".sh", ".rst", ""}

FORBIDDEN = {
    "a path of somebody's machine": r"(?<![\w.:/-])/(?:work|farm|root|home/(?!bitrix/)\w+|Users/\w+)/\w",
    "a host of a package registry": r"files\.pythonhosted\.org|pypi\.org/simple|index-url|find-links",
    "a note instead of the work": r"(?:#|//|<!--).*\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b",
    "a private key": r"BEGIN [A-Z ]*PRIVATE" + " KEY",
    "a webhook of a real portal": r"\.bitrix24\.\w+/rest/\d+/(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]{16}\b",
}


def tracked_files() -> list[Path]:
    """The files of the repository; in an unpacked sdist, which has no git, the files of its folders."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        found = [path for folder in ("b24data", "tests", "docs") for path in (ROOT / folder).rglob("*")]
    return [path for path in found if path.is_file() and path.suffix in TEXT]


FILES = tracked_files()
SOURCES = [path for path in FILES if path.suffix == ".py"]


def sleeps(tree: ast.AST) -> list[int]:
    """The lines that sleep, as ``time.sleep`` or imported by name."""
    return sorted(
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and ast.unparse(node) == "time.sleep")
        or (isinstance(node, ast.ImportFrom) and node.module == "time" and "sleep" in {a.name for a in node.names})
    )


@pytest.mark.parametrize("what", sorted(FORBIDDEN))
def test_no_file__holds(what):
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in FILES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if pattern.search(line) and path != Path(__file__)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a path of somebody's machine", "open('/home/anna/x.py')"),
        ("a host of a package registry", "pip install --index-url https://example.org"),
        ("a note instead of the work", "# TO" + "DO: later"),
        ("a private key", "-----BEGIN RSA PRIVATE" + " KEY-----"),
        ("a webhook of a real portal", "https://acme.bitrix24.com/rest/1/a1b2c3d4e5f6g7h8/"),
    ],
)
def test_the_check_itself__finds(what, line):
    assert re.search(FORBIDDEN[what], line)


def test_nothing_sleeps__waits_are_asked_of_the_clock():
    allowed = ROOT / "b24data/http/clock.py"
    assert [str(p) for p in SOURCES if p != allowed and sleeps(ast.parse(p.read_text("utf-8")))] == []


def test_the_check_itself__sees_both_spellings_of_sleep():
    assert sleeps(ast.parse("import time\ntime.sleep(1)\nfrom time import monotonic, sleep")) == [2, 3]


def test_no_module__is_called_after_nothing_in_particular():
    assert [p for p in SOURCES if p.stem in {"utils", "util", "helpers", "manager", "common", "misc"}] == []


def length(source: str) -> int:
    """Lines of code: docstrings are for the reader, and what a module names at its top, such as a table, is data."""
    tree = ast.parse(source)
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    named = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    tables = [node for node in named if not any(isinstance(part, ast.Lambda) for part in ast.walk(node))]
    return len(source.splitlines()) - sum((node.end_lineno or node.lineno) - node.lineno for node in texts + tables)


def test_no_module__of_the_package_is_two_modules():
    lengths = {str(p): length(p.read_text("utf-8")) for p in SOURCES if p.is_relative_to(ROOT / "b24data")}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_the_check_itself__counts_code_but_neither_docstrings_nor_tables():
    assert length('"""One.\n\nTwo.\n"""\nX = """\na | b\nc | d\n"""\n') == 2
    assert length("X = {\n'a': 1,\n}\nY = {\n'a': lambda: 1,\n}\n") == 4
