"""What can be said after ``%b24``, and what of it the command line shares. Words in, a :class:`Request` out."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, cast

from b24data.errors import ConfigError
from b24data.values import Expand, body_of, conditions_of, mapping_of, names_of, text_of, whole_of, words_of

__all__ = ["COMMANDS", "HelpShown", "Labels", "Request", "add_list_options", "add_params", "options_of", "request_of"]

Labels = Literal[False, "add", "replace"]

COMMANDS = {
    "login": "sign in to a portal, or to another one",
    "status": "portal, user, permissions, tokens, limits",
    "profiles": "the portals that were signed in to on this machine",
    "call": "one method: a whole list as a DataFrame, any other result as it is",
    "fetch": "a whole list: as a DataFrame, or with --to as a Parquet file",
    "describe": "the fields of a list as a DataFrame",
    "methods": "the methods that the portal has, or those that match a pattern",
}


class HelpShown(Exception):  # noqa: N818  not an error: the help page was asked for
    """``--help`` was among the words; the page has been printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one ``%b24`` line asks for. ``output`` is the name of the variable that gets the result."""

    command: str
    method: str = ""
    select: Sequence[str] | None = None
    filter: Mapping[str, Any] | None = None
    order: Mapping[str, str] | None = None
    params: Mapping[str, Any] | None = None
    labels: Labels = False
    limit: int | None = None
    to: str | None = None
    output: str | None = None
    profile: Any = None
    raw: bool = False
    write: bool = False


def request_of(line: str, body: str | None = None, *, expand: Expand = str) -> Request:
    """What a line after ``%b24`` (and the rest of its cell) asks for.

    Raises :class:`ConfigError` that names what is wrong, with the nearest right word; :class:`HelpShown` for
    ``--help``.

    >>> request = request_of('call crm.deal.list --select ID,TITLE --filter ">=DATE_CREATE=2026-01-01" -o deals')
    >>> request.select, request.filter, request.output
    (['ID', 'TITLE'], {'>=DATE_CREATE': '2026-01-01'}, 'deals')
    >>> request_of("cal crm.deal.list")
    Traceback (most recent call last):
    b24data.errors.ConfigError: %b24 has no command 'cal'. Hint: did you mean call?.
    """
    words = words_of(line)
    command = words[0] if words else "--help"
    if command in ("--help", "-h", "help"):
        print(_overview())  # noqa: T201
        raise HelpShown
    if command not in COMMANDS:
        raise ConfigError(f"%b24 has no command {command!r}", hint=_nearest(command, COMMANDS))
    parser = _parser(command)
    args, unknown = parser.parse_known_args(words[1:])
    if unknown:
        known = options_of(command)
        raise ConfigError(f"%b24 {command} does not know {unknown[0]!r}", hint=_nearest(unknown[0], known))
    given = vars(args)
    lifted, rest = body_of(body or "", expand)
    return Request(
        command=command,
        method=given.get("method") or "",
        select=names_of(given.get("select"), expand) or lifted.get("select"),
        filter={**(lifted.get("filter") or {}), **(conditions_of(given.get("filter"), expand) or {})} or None,
        order=lifted.get("order"),
        params={**rest, **(mapping_of(given.get("params"), expand) or {})} or None,
        labels=cast("Labels", given.get("labels") or False),
        limit=whole_of(given.get("limit"), expand),
        to=text_of(given.get("to"), expand),
        output=_variable(given.get("output")),
        profile=None if given.get("profile") is None else expand(given["profile"]),
        raw=given.get("raw", False),
        write=given.get("write", False),
    )


# The options.


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{self.prog}: {message}", hint=f"{self.prog} --help shows what can be said")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:  # noqa: ARG002
        raise HelpShown


def _parser(command: str) -> argparse.ArgumentParser:
    what = COMMANDS[command]
    parser = _Parser(prog=f"%b24 {command}", description=f"{what[0].upper()}{what[1:]}.", allow_abbrev=False)
    if command in ("call", "fetch", "describe"):
        parser.add_argument("method", metavar="METHOD", help="such as crm.deal.list")
    if command == "methods":
        parser.add_argument("method", nargs="?", metavar="PATTERN", help="a part of the name, such as deal")
    if command in ("call", "fetch"):
        add_list_options(parser)
    if command == "call":
        parser.add_argument("--raw", action="store_true", help="one request, and its AjaxResult as it came")
        parser.add_argument("--write", action="store_true", help="allow a method that changes something")
    if command == "describe":
        add_params(parser)
    if command in ("call", "fetch", "describe", "methods", "status", "profiles"):
        parser.add_argument("-o", "--output", metavar="NAME", help="put the result into this variable, show nothing")
    if command != "profiles":
        parser.add_argument("--profile", metavar="NAME", help="who calls: a saved profile, or $client")
    return parser


def add_list_options(parser: argparse.ArgumentParser, *, file_needed: bool = False) -> None:
    """The options of a list: also those of the command line's ``call`` and ``fetch``."""
    parser.add_argument("--select", metavar="NAMES", help="fields, such as ID,TITLE,UF_*")
    parser.add_argument(
        "--filter",
        action="append",
        metavar="COND",
        help='">=DATE_CREATE=2026-01-01"; may stand more than once; or JSON',
    )
    add_params(parser)
    parser.add_argument("--labels", choices=("add", "replace"), help="words for codes, beside them or instead")
    parser.add_argument("--limit", metavar="ROWS", help="only the first so many rows")
    parser.add_argument(
        "--to", metavar="FILE", required=file_needed, help="a Parquet file; it appears when it is whole"
    )


def add_params(parser: argparse.ArgumentParser) -> None:
    """The option for the parameters of a method."""
    parser.add_argument(
        "--params", action="append", metavar="PARAM", help="entityTypeId=2; may stand more than once; or JSON"
    )


def options_of(command: str) -> list[str]:
    """The options that a command takes, for completion.

    >>> options_of("describe")
    ['--output', '--params', '--profile']
    """
    actions = _parser(command)._actions
    return sorted(name for action in actions for name in action.option_strings if name[:2] == "--" and name != "--help")


def _overview() -> str:
    lines = [f"  {name:9} {what}" for name, what in COMMANDS.items()]
    return "\n".join(["%b24 COMMAND [...]; %b24 COMMAND --help tells more", "", *lines])


def _nearest(word: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"it knows {', '.join(known)}"


def _variable(name: str | None) -> str | None:
    if name is not None and not name.isidentifier():
        raise ConfigError(f"--output {name} is not the name of a variable")
    return name
