"""Options of ``%b24`` and after ``b24data`` is the same, and asks for the same."""

import importlib

import pytest

from b24data import ConfigError
from b24data.cli import main as cli
from b24data.cli.main import main
from b24data.jupyter.completion import Knowledge, complete
from b24data.syntax import request as grammar
from b24data.syntax.options import MANY_PROFILES, OPTIONS, OptionParser, WrongUsageError
from b24data.syntax.request import build_request, options_of, output_of, refuse_list_options, request_of

SHARED = sorted(set(grammar.COMMANDS) & {name for part in cli.COMMANDS.values() for name in part})
# What has a meaning on one side alone.
ONLY_IN_A_NOTEBOOK = {"output", "backend", "raw"}
ONLY_IN_A_SHELL = {"json", "quiet"}


def parser_of(command):
    parser = OptionParser(prog=command)
    modules = {name: module for part in cli.COMMANDS.values() for name, (module, _) in part.items()}
    _, add_arguments, _ = importlib.import_module(modules[command]).COMMANDS[command]
    add_arguments(parser)
    return parser


def said_in_a_shell(command):
    return {action.dest.replace("_", "-"): action for action in parser_of(command)._actions if action.option_strings}


def said_in_a_notebook(command):
    parser = grammar._parser(command)
    return {action.dest.replace("_", "-"): action for action in parser._actions if action.option_strings}


def test_shared_commands__are_those_of_the_notebook():
    assert sorted(grammar.COMMANDS) == SHARED


@pytest.mark.parametrize("command", ["fetch", "describe", "methods", "status"])
def test_a_list_command__knows_the_same_options_in_both_places(command):
    notebook, shell = said_in_a_notebook(command).keys(), said_in_a_shell(command).keys()
    assert notebook - shell <= ONLY_IN_A_NOTEBOOK
    assert shell - notebook <= ONLY_IN_A_SHELL | {"portal"}  # %b24 methods always asks the portal


def test_call__is_one_request_in_a_shell_and_may_be_a_list_in_a_notebook():
    assert said_in_a_shell("call").keys() - said_in_a_notebook("call").keys() == set()
    assert {"select", "filter", "order", "params", "write", "profile"} <= said_in_a_shell("call").keys()


@pytest.mark.parametrize("command", ["call", "fetch", "describe", "methods", "status"])
def test_a_shared_option__has_the_same_help_and_takes_the_same(command):
    notebook, shell = said_in_a_notebook(command), said_in_a_shell(command)
    for name in (notebook.keys() & shell.keys()) - {"help"}:
        ours, theirs = notebook[name], shell[name]
        assert (ours.metavar, ours.choices, type(ours)) == (theirs.metavar, theirs.choices, type(theirs))
        told = ours.help.removesuffix("; or $client")
        assert told == (MANY_PROFILES if (command, name) == ("call", "profile") else theirs.help)


# In a notebook a call of a list is a fetch, and a CRM is that of one portal.
MANY_IN_A_SHELL, MANY_IN_A_NOTEBOOK = {"fetch", "sync", "crm"}, {"fetch", "call", "sql"}


@pytest.mark.parametrize("command", [name for part in cli.COMMANDS.values() for name in part])
def test_the_help_of_profile__speaks_of_many_portals_where_a_command_takes_many(command, capsys):
    main([command, "sync", "--help"] if command == "crm" else [command, "--help"])
    assert ("'*' or a,b" in capsys.readouterr().out) is (command in MANY_IN_A_SHELL)
    if command in grammar.COMMANDS and "profile" in said_in_a_notebook(command):
        assert ("'*' or a,b: many" in said_in_a_notebook(command)["profile"].help) is (command in MANY_IN_A_NOTEBOOK)


def test_crm__knows_the_same_options_in_both_places():
    parser = parser_of("crm")
    actions = next(one for one in parser._actions if one.dest == "action").choices
    shell = {one.dest.replace("_", "-") for part in actions.values() for one in part._actions if one.option_strings}
    assert {*grammar.CRM_ACTIONS} == actions.keys()
    for name, part in actions.items():
        shown = {one.dest.replace("_", "-") for one in part._actions if one.option_strings} - {"help"}
        assert shown - ONLY_IN_A_SHELL == {*grammar.CRM_ACTIONS[name]}
    assert said_in_a_notebook("crm").keys() - shell <= ONLY_IN_A_NOTEBOOK
    assert shell - said_in_a_notebook("crm").keys() <= ONLY_IN_A_SHELL


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("sync crm --to other", "the folder is given twice: crm and --to other. Hint: keep one of them"),
        ("sync --to crm --schema x", "%b24 crm sync takes no --schema. Hint: %b24 crm --help shows what it takes"),
        ("check crm --tables deals --deletes scan", "%b24 crm check takes no --deletes"),
        ("check crm --no-gentle", "%b24 crm check takes no --no-gentle"),
        ("tables crm --profile acme", "%b24 crm tables takes no --profile"),
        ("tables crm --to x", "%b24 crm tables takes no --to"),
        ("export crm --to crm.duckdb --since 2026-01-01", "%b24 crm export takes no --since"),
        ("sync --to crm --tables ,", "--tables , names no table. Hint: write --tables deals,contacts, or leave"),
    ],
)
def test_crm__refuses_what_an_action_does_not_take(line, says):
    with pytest.raises(WrongUsageError) as raised:
        request_of(f"crm {line}")
    assert says in str(raised.value)


def test_crm__takes_what_an_action_has():
    request = request_of('crm sync crm --tables "deals, users" --since 2026-01-01 --no-gentle --profile acme -o report')
    assert (request.crm, request.options["tables"], request.profile) == ("crm", ["deals", "users"], "acme")
    assert request_of("crm export crm --to crm.duckdb --schema x -o loaded").options == {"schema": "x"}
    assert request_of("crm check crm -o found").output == "found"


def test_options__are_defined_in_one_place():
    said = {name for command in grammar.COMMANDS for name in said_in_a_notebook(command)} - {"help"}
    assert said <= OPTIONS.keys()


LINE = (
    "fetch crm.deal.list --select ID,TITLE --filter CLOSED=N --order DATE_CREATE=DESC,ID --labels add --titles "
    "--tz Asia/Tokyo --dtypes UF_1=int --errors raise --count --no-recheck --partial --gentle "
    "--workers 2 --no-check-fields --limit 10_000"
)


def test_the_words__ask_for_the_same_on_both_sides():
    words = LINE.split()[1:]
    typed = build_request("fetch", vars(parser_of("fetch").parse_args(words)))
    assert typed == request_of(LINE)
    assert typed.list_arguments == {
        "select": ["ID", "TITLE"],
        "filter": {"CLOSED": "N"},
        "order": {"DATE_CREATE": "DESC", "ID": "ASC"},
        "params": None,
        "limit": 10_000,
        "labels": "add",
        "titles": True,
        "tz": "Asia/Tokyo",
        "dtypes": {"UF_1": "int"},
        "errors": "raise",
        "count": True,
        "recheck": False,
        "partial": True,
        "gentle": True,
        "workers": 2,
        "check_fields": False,
    }


def test_what_is_not_said__is_left_to_the_defaults_of_fetch_all():
    assert request_of("fetch crm.deal.list").options == {}
    assert request_of("fetch crm.deal.list --no-recheck").options == {"recheck": False}
    assert request_of("fetch crm.deal.list --backend pyarrow").options == {"dtype_backend": "pyarrow"}


def test_order__of_a_cell_and_of_its_line_are_one():
    request = request_of("fetch crm.deal.list --order ID=DESC", "order:\n  DATE_CREATE: ASC")
    assert request.order == {"DATE_CREATE": "ASC", "ID": "DESC"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--order DATE_CREATE=down", "write DATE_CREATE=DESC"),
        ("--order [1]", "write DATE_CREATE=DESC"),
        ("--workers many", "--workers many is not a number"),
        ("--dtypes UF_1", "write UF_CRM_1=int"),
        ("--errors coerse", "did you mean coerce?"),
        ("--recheck", "did you mean --no-recheck?"),
        ("--titels", "did you mean --titles?"),
    ],
)
def test_a_wrong_value__says_what_it_reads_like(words, says):
    with pytest.raises(WrongUsageError) as raised:
        request_of(f"fetch crm.deal.list {words}")
    assert says in str(raised.value)


@pytest.mark.parametrize(
    "words",
    [
        *("--limit 3", "--to x.parquet", "--labels replace", "--titles", "--tz Asia/Tokyo", "--dtypes A=int"),
        *("--errors raise", "--count", "--no-recheck", "--partial", "--gentle", "--workers 2", "--no-check-fields"),
        *("--backend pyarrow", "--csv plain"),
    ],
)
def test_an_option_of_a_list__is_refused_by_a_call_of_one_request(words):
    option = words.partition(" ")[0]
    for line, listed, hint in (
        ("call crm.deal.get --params id=5", False, f"leave {option} out"),
        ("call crm.deal.list --raw", True, "leave --raw out to read the whole list"),
    ):
        with pytest.raises(WrongUsageError) as raised:
            refuse_list_options(request_of(f"{line} {words}"), listed=listed)
        assert str(raised.value) == f"{option} is for a whole list, and this call is one request. Hint: {hint}."


def test_a_call_of_one_request__takes_a_question_and_where_its_answer_goes():
    line = "call crm.deal.list --raw --select ID --filter ID=5 --order ID --params a=1 --write --profile acme -o answer"
    refuse_list_options(request_of(line), listed=True)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("call crm.deal.list --slect ID -o deals", "deals"),
        ("call crm.deal.list --limit many --output=deals", "deals"),
        ("cal crm.deal.list -odeals;", "deals"),
        ("call crm.deal.list --limit 3 -o", None),
        ("call crm.deal.list --limit 3 -o 1x", None),
        ('call crm.deal.list --filter "A=1 -o deals', None),
    ],
)
def test_the_output_of_a_wrong_line__is_known_where_it_is_written(line, name):
    with pytest.raises(ConfigError):
        request_of(line)
    assert output_of(line) == name


def test_completion__knows_every_option():
    assert set(options_of("fetch")) >= {
        "--order",
        "--titles",
        "--tz",
        "--dry-run",
        "--backend",
        "--partial",
        "--gentle",
    }


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("%b24 fetch crm.deal.list --ord", ["--order"]),
        ("%b24 fetch crm.deal.list --order ID=DESC,DA", ["ID=DESC,DATE_CREATE"]),
        ("%b24 fetch crm.deal.list --errors ", ["coerce", "raise"]),
        ("%b24 fetch crm.deal.list --backend p", ["pyarrow"]),
        ("%b24 call crm.deal.list --profile a", ["acme"]),
    ],
)
def test_completion__offers_options_fields_and_choices(line, offered):
    known = Knowledge(lambda: ["crm.deal.list"], lambda _: ["ID", "DATE_CREATE"], lambda: ["acme"], list)
    assert complete(line, known).texts == offered
