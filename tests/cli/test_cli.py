import argparse
import importlib
import subprocess
import sys
from dataclasses import replace

import pytest

import b24data
from b24data.cli import main as cli
from b24data.cli.main import main
from b24data.syntax import request as grammar
from b24data.syntax.options import OptionParser, WrongUsageError


@pytest.fixture
def command(monkeypatch):
    """Puts a command in the place of ``b24data demo`` that does what the test says."""

    def install(run):
        module = type(sys)("stand_in")
        deals = lambda parser: parser.add_argument("--deals", type=int, default=1)  # noqa: E731
        module.COMMANDS = {"demo": ((), deals, run)}
        monkeypatch.setitem(sys.modules, "b24data.cli.demo", module)

    return install


def test_version__is_that_of_the_package():
    shown = subprocess.run([sys.executable, "-m", "b24data", "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout == f"b24data {b24data.__version__}\n"


COMMANDS = [name for part in cli.COMMANDS.values() for name in part]


def test_help__names_every_command(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in (*COMMANDS, "B24_WEBHOOK") if name not in shown] == []


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("how", ["{} --help", "help {}", "{} -h"])
def test_help__of_each_command_has_two_examples_and_fits_80_columns(name, how, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(how.format(name).split()) == 0
    shown = capsys.readouterr().out
    assert f"usage: b24data {name}" in shown
    assert shown.partition("examples:")[2].count(f"  b24data {name}") >= 2
    assert [line for line in shown.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("dmeo", "b24data: there is no command 'dmeo'. Hint: did you mean demo?"),
        ("help fecth", "did you mean fetch?"),
        ("demo --dealz 5", "b24data: demo does not know '--dealz'. Hint: did you mean --deals?"),
        (
            "demo --deals many",
            "b24data: demo: argument --deals: 'many' is not a whole number. Hint: b24data demo --help",
        ),
        ("demo --seed 1.5", "argument --seed: '1.5' is not a whole number"),
        ("sandbox --tasks x", "argument --tasks: 'x' is not a whole number"),
        ("sandbox --latency-s x", "argument --latency-s: 'x' is not a number"),
        ("run x.ipynb --timeout abc", "'abc' is not a duration. Hint: write \"10min\""),
        ("sync crm.deal.list --to deals --overlap abc", "'abc' is not a duration"),
        ("crm sync --to crm --tables ,", "--tables , names no table"),
        (
            "call crm.deal.get --limit 3",
            "--limit is for a whole list, and this call is one request. Hint: leave --limit",
        ),
        ("call crm.deal.list --raw --labels add", "Hint: leave --raw out to read the whole list."),
        ("demo --deals", "argument --deals: needs a value"),
        ("demo x", "demo does not know 'x'. Hint: b24data demo --help lists the options"),
        ("demo --xyz", "Hint: it knows --deals, --out, --seed."),
        ("fetch", "fetch: needs METHOD. Hint: such as b24data fetch crm.deal.list"),
        ("fetch crm.deal.list --filter", 'in quotation marks: ">=DATE_CREATE=2026-01-01"'),
        ("call crm.deal.get id=5", "does not know 'id=5'. Hint: put --params or --filter before it."),
        ("export lst", "there is no 'lst'. Hint: did you mean list?"),
        ("export run --duee", "export run does not know '--duee'. Hint: did you mean --due?"),
        ("login --port 70000", "70000 is not a port"),
        ("sandbox --port 70000", "70000 is not a port"),
        ("sandbox --gap 2", "2 is not a share"),
        ("fetch crm.deal.list", "add --to deals.parquet"),
        (
            "fetch crm.deal.list --labels ad --to x.parquet",
            "argument --labels: there is no 'ad'. Hint: did you mean add?",
        ),
        ("fetch crm.deal.list --filter STAGE_ID=NEW or WON --to x", "needs quotation marks"),
    ],
)
def test_wrong_usage__is_one_line_with_the_nearest_right_word_and_exit_code_64(typed, says, capsys):
    assert main(typed.split()) == 64
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert says in shown.err


def parsers():
    """Every parser of a shell and of a notebook, with those of its actions."""
    for name in COMMANDS:
        parser = OptionParser(prog=f"b24data {name}")
        importlib.import_module(cli._MODULES[name][0]).COMMANDS[name][1](parser)
        yield parser
        for action in parser._actions:
            yield from action.choices.values() if isinstance(action, argparse._SubParsersAction) else ()
    yield from map(grammar._parser, grammar.COMMANDS)


def value_for(action):
    """Something that the option takes."""
    for value in (*(action.choices or ()), "0.5", "200"):
        try:
            action.type and action.type(value)
        except (ValueError, argparse.ArgumentTypeError):
            continue
        return [value] * (action.nargs if isinstance(action.nargs, int) else 1)
    raise AssertionError(action)


OPTIONS = [
    pytest.param(parser, action, id=f"{parser.prog} {action.option_strings[-1]}")
    for parser in parsers()
    for action in parser._actions
    if action.option_strings and action.nargs != 0
]


@pytest.mark.parametrize(("parser", "option"), OPTIONS)
def test_an_option_that_is_given_twice__is_refused_or_both_values_count(parser, option, monkeypatch):
    for action in parser._actions:
        monkeypatch.setattr(action, "required", False)  # what else is needed is not looked at
    value = value_for(option)
    once = [option.option_strings[0], *value]
    twice = [*once, option.option_strings[-1], *value]
    given = getattr(parser.parse_args(once), option.dest)
    try:
        both = getattr(parser.parse_args(twice), option.dest)
    except WrongUsageError as error:
        assert f"{option.option_strings[-1]} is given twice. Hint: " in str(error)
        assert getattr(parser.parse_args(once), option.dest) == given  # the next line is another one
    else:
        assert both == given * 2 == value * 2


def test_an_option_that_is_given_twice__is_refused_even_with_its_default():
    parser = OptionParser(prog="b24data run")
    parser.add_argument("--out", default="out")
    with pytest.raises(WrongUsageError, match="--out is given twice"):
        parser.parse_args(["--out", "out", "--out", "x"])


def test_help__fits_80_columns(capsys):
    main([])
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []


def test_a_command__gets_its_arguments_and_its_exit_code_is_ours(command):
    command(lambda args: args.deals)
    assert main(["demo", "--deals", "3"]) == 3


def test_a_command__that_returns_nothing_succeeded(command):
    command(lambda args: None)
    assert main(["demo"]) == 0


@pytest.mark.parametrize(
    "error", [b24data.SdkError("no answer\nfrom the portal"), OSError("no answer from the portal")]
)
def test_an_error__is_one_line_on_stderr_and_exit_code_1(command, capsys, error):
    def run(args):
        raise error

    command(run)
    assert main(["demo"]) == 1
    assert capsys.readouterr() == ("", "b24data: no answer from the portal\n")


SIGN_IN = b24data.AuthorizationRequiredError("the refresh token is dead")
REPORT = b24data.FetchReport(
    method="crm.deal.list", portal="acme", walk="keyset", reason="stopped", complete=False, rows=50
)


def caused_by(cause, error):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SIGN_IN, 3),
        (caused_by(SIGN_IN, b24data.IncompleteFetchError("stopped after 50 rows", report=REPORT)), 3),
        (b24data.IncompleteFetchError("stopped after 50 rows", report=REPORT), 2),
        (b24data.IncompleteFetchError("stopped", report=replace(REPORT, rows=0)), 1),
        (b24data.ExportError("another program writes to deals.parquet", code="ALREADY_RUNNING"), 4),
        (b24data.ExportError("deals.parquet can't be replaced"), 1),
        (b24data.ConfigError("limit 0 is not a number of rows"), 1),
        (OSError("No space left on device"), 1),
    ],
    ids=["sign in", "sign in midway", "a part", "nothing", "running", "export", "config", "disk"],
)
def test_the_exit_code__says_what_there_is_to_do(command, error, code):
    def run(args):
        raise error

    command(run)
    assert main(["demo"]) == code


def test_an_interrupt__is_exit_code_130_without_a_traceback(command, capsys):
    def run(args):
        raise KeyboardInterrupt

    command(run)
    assert main(["demo"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_fault_of_our_own__keeps_its_traceback(command):
    def run(args):
        return 1 / 0

    command(run)
    with pytest.raises(ZeroDivisionError):
        main(["demo"])


@pytest.mark.parametrize("typed", [["call", "profile"], ["fetch", "crm.deal.list", "--to", "deals.parquet"]])
def test_without_a_portal__the_error_says_how_to_get_one(typed, monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("B24_WEBHOOK", raising=False)
    monkeypatch.delenv("B24_PROFILE", raising=False)
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(typed) == 3
    assert "Hint: sign in: b24data login; or set B24_WEBHOOK" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("params", "complaint"), [("{id: 5}", "not JSON"), ("id", "is not understood"), ("[5]", "or a JSON object")]
)
def test_params__that_are_no_json_object_are_one_line(params, complaint, capsys):
    assert main(["call", "crm.deal.get", "--params", params]) == 64
    assert complaint in capsys.readouterr().err
