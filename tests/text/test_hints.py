"""A hint says what to type where it is read: no text of the package has the syntax of one face in it."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import b24data
from b24data.client.tools import Tools
from b24data.errors import AccessDeniedError, ConfigError, ExportError, IncompleteFetchError, SdkError
from b24data.files.disk import resumable
from b24data.syntax.options import OPTIONS
from b24data.text.hints import (
    CALL,
    CERTIFICATE,
    DESCRIBE,
    FETCH,
    SYNC_CRM,
    UNFINISHED,
    Face,
    as_profile,
    flag,
    option,
    sign_in,
)
from b24data.text.hints import spelled as spelled_as

PACKAGE = Path(b24data.__file__).parent


def name_of(file):
    return file.relative_to(PACKAGE).as_posix()


MODULES = [file for file in sorted(PACKAGE.rglob("*.py")) if "sandbox" not in file.parts]
SHARED = [file for file in MODULES if name_of(file) not in ("text/hints.py", "cli/demo.py")]  # it prints its Python
# Rooms whose errors are read in a shell or a cell alone.
WITH_DASHES = {"cli", "syntax", "jupyter", "exports", "doctor"}
KEYWORDS = {
    name
    for verb in (Tools.fetch_all, Tools.iter_batches, Tools.sync, Tools.estimate)
    for name in inspect.signature(verb).parameters
} - {"self", "method"}
BY_HAND = {
    "keyword": re.compile(rf"(?<![\w.-])(?:{'|'.join(sorted(KEYWORDS))})=(?!=)"),
    "flag": re.compile(rf"(?<![\w-])--(?:{'|'.join(OPTIONS)})\b"),
    "function": re.compile(r"\bactions\.v[23]\.call\b|\btools\.[a-z_]+\(|\b(?:fetch_all|iter_batches)\b"),
}
# Not for a reader: a name of an Arrow type, a `repr`, the reason of a check, and what a switch of the shell is for.
ALLOWED = {
    ("fields/kinds.py", "timestamp[us, tz=UTC]"),
    ("signin/panel.py", "AuthPanel(profile="),
    ("lists/resolve.py", "check_fields=False"),
    ("client/catalog.py", "add --write to allow it"),  # b24data call, %b24 call
    ("actions/results.py", ": tools.fetch_all("),
    # Of many portals, which only Python connects to at once.
    ("portals/portals.py", 'connect_all(..., errors="collect") gives the others and a table of outcomes'),
    ("portals/tools.py", "to="),
}


def texts_of(file):
    """The texts of a module that are no docstrings, with their lines."""
    tree = ast.parse(file.read_text("utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value


def by_hand(text, room):
    kinds = BY_HAND.keys() - ({"flag"} if room in WITH_DASHES else set())
    return [kind for kind in sorted(kinds) if BY_HAND[kind].search(text)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('name it: cursor="DATE_MODIFY"', "keyword"),
        ("limit= takes the first rows", "keyword"),
        ("add --cursor DATE_MODIFY", "flag"),
        ("call it with actions.v2.call", "function"),
        ("fetch_all reads the whole list", "function"),
    ],
)
def test_by_hand__is_seen(text, kind):
    assert by_hand(text, "lists") == [kind]


@pytest.mark.parametrize("file", SHARED, ids=name_of)
def test_texts__name_options_and_commands_by_what_each_face_spells(file):
    name = name_of(file)
    found = [(line, text) for line, text in texts_of(file) if by_hand(text, name.partition("/")[0])]
    assert [one for one in found if (name, one[1]) not in ALLOWED and "__all__" not in one[1]] == []


@pytest.mark.parametrize("file", SHARED, ids=name_of)
def test_hints__pass_on_unspelled(file):
    """``error.hint`` is spelled for Python already: what passes on, or becomes longer, is ``error.advice``."""
    if name_of(file) in ("errors.py", "signin/flow.py", "cli/doctor.py"):
        return  # here it is shown
    tree = ast.parse(file.read_text("utf-8"))
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "hint"] == []


def test_options__that_hints_name_are_options():
    named = {
        (name_of(file), node.args[0].value, getattr(next(iter(node.args[1:]), None), "value", None) is False)
        for file in SHARED
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "option"
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(named) > 10
    named = {one for one in named if one[1] not in ("all", "crm")}  # of b24.sql alone, with the same name in a shell
    assert {
        one for one in named if flag(one[1], not one[2]) not in OPTIONS and f"no-{flag(one[1])}" not in OPTIONS
    } == set()
    assert {one for one in named if one[1] not in KEYWORDS} == set()


@pytest.mark.parametrize(
    ("said", "python", "cell", "shell", "exports"),
    [
        (
            option("cursor", "DATE_MODIFY"),
            'cursor="DATE_MODIFY"',
            *["--cursor DATE_MODIFY"] * 2,
            'cursor = "DATE_MODIFY"',
        ),
        (option("max_deletes", 500), "max_deletes=500", *["--max-deletes 500"] * 2, "max_deletes = 500"),
        (option("gentle", True), "gentle=True", *["--gentle"] * 2, "gentle = true"),
        (option("check_fields", False), "check_fields=False", *["--no-check-fields"] * 2, "check_fields = false"),
        (option("dtype_backend"), "dtype_backend=", *["--backend"] * 2, "dtype_backend"),
        (
            option("filter", {">=DATE_CREATE": "2026-01-01"}),
            'filter={">=DATE_CREATE": "2026-01-01"}',
            *['--filter ">=DATE_CREATE=2026-01-01"'] * 2,
            'filter = {">=DATE_CREATE" = "2026-01-01"}',
        ),
        (
            option("params", {"filter": {">=ID": 5}}),
            'params={"filter": {">=ID": 5}}',
            *['--params \'{"filter": {">=ID": 5}}\''] * 2,
            'params = {"filter" = {">=ID" = 5}}',
        ),
        (
            option("filter", [["id", ">", 5]]),
            'filter=[["id", ">", 5]]',
            *['--filter \'[["id", ">", 5]]\''] * 2,
            'filter = [["id", ">", 5]]',
        ),
        (option("select", ["ID", ...]), 'select=["ID", ...]', *["--select ID,..."] * 2, 'select = ["ID", ...]'),
        (
            option("to", "мои сделки.csv"),
            'to="мои сделки.csv"',
            *['--to "мои сделки.csv"'] * 2,
            'to = "мои сделки.csv"',
        ),
        (sign_in("acme"), 'b24data.login("acme")', "%b24 login --profile acme", *["b24data login acme"] * 2),
        (sign_in(), "b24data.login()", "%b24 login", *["b24data login"] * 2),
        (as_profile("acme"), 'b24data.connect("acme")', *["--profile acme"] * 2, 'profile = "acme"'),
        (CALL, "actions.v2.call", "%b24 call --raw", *["b24data call --raw"] * 2),
        (FETCH, "tools.fetch_all", "%b24 fetch", *["b24data fetch"] * 2),
        (DESCRIBE, "tools.describe(METHOD)", "%b24 describe METHOD", *["b24data describe METHOD"] * 2),
        (SYNC_CRM, "tools.sync_crm()", "%b24 crm sync", *["b24data crm sync"] * 2),
        (UNFINISHED, *["tools.unfinished()"] * 2, *["b24data unfinished"] * 2),
        (
            CERTIFICATE,
            *['pass verify="/path/to/ca.pem"'] * 2,
            *["set SSL_CERT_FILE=/path/to/ca.pem in the shell"] * 2,
        ),
    ],
)
def test_each_face__has_its_own_spelling(said, python, cell, shell, exports):
    assert [spelled_as(f"such as {said}.", face) for face in Face] == [
        f"such as {one}." for one in (python, cell, shell, exports)
    ]


def test_an_error__shows_python_and_keeps_the_others():
    error = AccessDeniedError("crm.deal.list", "no", code="NO", hint=f"take {option('partial', True)}")
    assert (error.hint, str(error)) == ("take partial=True", "crm.deal.list: NO: no. Hint: take partial=True.")
    assert error.spelled(Face.SHELL) == "crm.deal.list: NO: no. Hint: take --partial."
    passed_on = IncompleteFetchError(f"stopped: {error.summary}", hint=error.advice)
    assert passed_on.spelled(Face.CELL) == "stopped: crm.deal.list: NO: no. Hint: take --partial."


def test_a_hint_that_becomes_longer__keeps_its_options():
    error = resumable(ExportError("no room", hint=option("to", "b.csv")))
    assert error.spelled(Face.SHELL) == "no room. Hint: --to b.csv; the same call then resumes."


def test_a_text_with_the_marks_in_it__is_shown_without_them():
    error = ConfigError("no", hint="\ue000odd\ue002 " + option("to", "a\ue002b.csv") + "\ue001")
    assert [spelled_as(error.advice, face) for face in (Face.PYTHON, Face.SHELL)] == [' to="ab.csv"', ' --to "ab.csv"']


def test_an_error_without_words__has_the_name_of_its_class():
    assert (SdkError().spelled(Face.SHELL), str(ConfigError(code="X", status=400))) == ("SdkError", "X (400)")
