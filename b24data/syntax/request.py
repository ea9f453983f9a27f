"""Options of ``%b24``, and the :class:`LineRequest` that a line of ``%b24`` or ``b24data`` stands for."""

from __future__ import annotations

import argparse
import keyword
import unicodedata
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from b24data.errors import ConfigError
from b24data.syntax.options import (
    LIST_OPTIONS,
    MANY_PROFILES,
    OPTIONS,
    HelpShown,
    OptionParser,
    WrongUsageError,
    add_options,
    nearest,
    options_among,
    reading_words,
)
from b24data.syntax.references import Expand
from b24data.syntax.values import (
    conditions_of,
    joined,
    labels_of,
    mapping_of,
    names_of,
    order_of,
    parse_int,
    rows_or_share,
    tables_of,
    text_of,
    types_of,
    without_semicolon,
    words_of,
    zone_of,
)
from b24data.text.language import translated

_EVERYWHERE = ("output", "profile")
# What can be done with a CRM folder, and the options that each takes beside --output. Only a sync calls a portal.
CRM_ACTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sync": ("to", "tables", "since", "deletes", "max-deletes", "no-gentle", "profile"),
        "tables": (),
        "check": (),
        "export": ("to", "schema"),
    }
)

# What each command of %b24 does, and the options that it takes.
COMMANDS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "login": ("sign in to a portal or switch to another one", ("profile",)),
        "status": ("portal, user, permissions, tokens, limits", _EVERYWHERE),
        "profiles": ("the portals you have signed in to on this machine", ("output",)),
        "call": (
            "one method: a whole list as a DataFrame, any other result as it is",
            (*LIST_OPTIONS, "backend", "to", "csv", "raw", "write", *_EVERYWHERE),
        ),
        "fetch": (
            "a whole list: as a DataFrame, or with --to as a file",
            (*LIST_OPTIONS, "no-resume", "dry-run", "backend", "to", "csv", *_EVERYWHERE),
        ),
        "sql": (
            "one SELECT over lists of the portal, or over a CRM folder, as a DataFrame",
            ("crm", "dry-run", "all", *_EVERYWHERE),
        ),
        "crm": (
            "the whole CRM as linked tables: crm sync, tables, check or export",
            ("to", "tables", "since", "deletes", "max-deletes", "no-gentle", "schema", *_EVERYWHERE),
        ),
        "describe": ("the fields of a list as a DataFrame", ("params", *_EVERYWHERE)),
        "methods": ("the methods that the portal has, or those that match a pattern", _EVERYWHERE),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRequest:
    """What one line asks for. ``output`` is the name of the variable that gets the result.

    ``options`` are the further keywords of ``tools.fetch_all`` that were said. ``query`` is SQL as it was written: its
    ``$name`` are parameters, and no value takes their place in the text. ``method`` of ``crm`` is what to do with the
    folder ``crm``.
    """

    command: str
    method: str = ""
    select: Sequence[str] | None = None
    filter: Mapping[str, Any] | None = None
    order: Mapping[str, str] | None = None
    params: Mapping[str, Any] | None = None
    limit: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    to: str | None = None
    output: str | None = None
    profile: Any = None
    raw: bool = False
    write: bool = False
    dry_run: bool = False
    query: str = ""
    crm: str | None = None
    everything: bool = False

    @property
    def profiles(self) -> str | list[str] | None:
        """The profiles of ``--profile`` where it names many: ``*`` is all of them, ``acme,beta`` these two; else None.

        >>> request_of("fetch crm.deal.list --profile acme,beta").profiles
        ['acme', 'beta']
        """
        return profiles_of(self.profile)

    @property
    def list_arguments(self) -> dict[str, Any]:
        """The keywords of ``tools.fetch_all``."""
        asked = {"select": self.select, "filter": self.filter, "order": self.order}
        return {**asked, "params": self.params, "limit": self.limit, **self.options}

    @property
    def estimate_arguments(self) -> dict[str, Any]:
        """The keywords of ``tools.estimate``."""
        asked = {"filter": self.filter, "params": self.params, "limit": self.limit}
        return asked | {name: value for name, value in self.options.items() if name == "check_fields"}

    def fetch(self, tools: Any, **options: Any) -> Any:
        """What the tools of one portal or of many bring: an estimate, the report of a file, or a frame."""
        if self.dry_run:
            return tools.estimate(self.method, **self.estimate_arguments)
        target = {} if self.to is None else {"to": self.to}
        return tools.fetch_all(self.method, **target, **self.list_arguments, **options)

    @property
    def call_params(self) -> dict[str, Any]:
        """The parameters of a single call."""
        asked = {"select": self.select, "filter": self.filter, "order": self.order}
        return {**(self.params or {}), **{name: value for name, value in asked.items() if value is not None}}


def request_of(line: str, body: str | None = None, *, expand: Expand = str) -> LineRequest:
    """What a line after ``%b24`` (and the rest of its cell) asks for.

    Raises :class:`ConfigError` that names what is wrong, with the nearest right word; :class:`HelpShown` for
    ``--help``.

    >>> request = request_of('call crm.deal.list --select ID,TITLE --filter ">=DATE_CREATE=2026-01-01" -o deals')
    >>> request.select, request.filter, request.output
    (['ID', 'TITLE'], {'>=DATE_CREATE': '2026-01-01'}, 'deals')
    >>> request_of("cal crm.deal.list")
    Traceback (most recent call last):
    b24data.syntax.options.WrongUsageError: there is no command 'cal'. Hint: did you mean call?
    """
    words = words_of(without_semicolon(line))
    command = words[0] if words else "--help"
    if command in ("--help", "-h", "help"):
        print(_overview())  # noqa: T201
        raise HelpShown
    if command not in COMMANDS:
        raise WrongUsageError(f"there is no command {command!r}", hint=nearest(command, COMMANDS))
    return build_request(command, vars(_parser(command).parse_args(words[1:])), body, expand=expand)


def build_request(
    command: str, given: Mapping[str, Any], body: str | None = None, *, expand: Expand = str
) -> LineRequest:
    """What the values of the options ask for; ``given`` is what a parser has read.

    Raises :class:`WrongUsageError` for a value that is not understood.
    """
    with reading_words():
        try:
            return _built(command, given, body, expand)
        except RecursionError as error:
            raise ConfigError("the values are nested too deep") from error


def _built(command: str, given: Mapping[str, Any], body: str | None, expand: Expand) -> LineRequest:
    lifted: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    if command == "sql":
        return _sql_request(given, body, expand)
    if command == "crm":
        return _crm_request(given, body, expand)
    if body and body.strip():
        from b24data.syntax.body import body_of

        lifted, rest = body_of(body, expand)
    for name in (*lifted, *(["params"] if rest else [])):
        if command in COMMANDS and name not in COMMANDS[command][1]:
            raise _takes_no(command, what=next(iter(rest)) if name == "params" else name)
    twice = ", on the line and in the body of the cell"
    select = names_of(given.get("select"), expand)
    if select and "select" in lifted:
        raise ConfigError(f"--select is given twice{twice}", hint="keep one of them")
    conditions, order = conditions_of(given.get("filter"), expand), order_of(given.get("order"), expand)
    params = mapping_of(given.get("params"), expand)
    return LineRequest(
        command=command,
        method=text_of(given.get("method"), "METHOD", "the name of a method", "crm.deal.list", expand) or "",
        select=select or lifted.get("select"),
        filter=joined("--filter", lifted.get("filter"), conditions, twice),
        order=joined("--order", lifted.get("order"), order, twice),
        params=joined("--params", rest, params, twice),
        limit=parse_int(given.get("limit"), "--limit", "a number of rows", "1000", expand),
        options=_options(given, expand),
        to=text_of(given.get("to"), "--to", "the name of a file", "deals.parquet", expand),
        output=_variable(given.get("output")),
        profile=_profile(given.get("profile"), expand),
        raw=given.get("raw", False),
        write=given.get("write", False),
        dry_run=given.get("dry_run", False),
    )


def _takes_no(command: str, *action: str, what: str) -> ConfigError:
    said = " ".join((command, *action))
    return ConfigError(f"%b24 {said} takes no {what}", hint=f"%b24 {command} --help shows what it takes")


def _sql_request(given: Mapping[str, Any], body: str | None, expand: Expand) -> LineRequest:
    said = given.get("query")
    if said and body and body.strip():
        raise ConfigError(
            f"{said} on the line of %%b24 sql is not an option", hint="the query stands in the other lines of the cell"
        )
    query = said or body or ""
    if not query.strip():
        raise ConfigError("%b24 sql has no query", hint="write %%b24 sql, and SELECT ... in the next line")
    return LineRequest(
        command="sql",
        query=query,
        crm=text_of(given.get("crm"), "--crm", "the name of a folder", "crm", expand),
        output=_variable(given.get("output")),
        profile=_profile(given.get("profile"), expand),
        dry_run=given.get("dry_run", False),
        everything=given.get("all", False),
    )


def _crm_request(given: Mapping[str, Any], body: str | None, expand: Expand) -> LineRequest:
    if body and body.strip():
        raise ConfigError("%b24 crm takes no other lines", hint="write all of it after %b24 crm")
    action = given["action"]
    for name in options_of("crm"):
        taken = name.removeprefix("--")
        if given.get(taken.replace("-", "_")) and taken not in (*CRM_ACTIONS[action], "output"):
            raise _takes_no("crm", action, what=name)
    to = text_of(given.get("to"), "--to", "a folder or a database", "crm", expand)
    folder = text_of(given.get("folder"), "FOLDER", "the folder of the tables", "crm", expand)
    if action == "sync":
        if folder and to:
            raise ConfigError(f"the folder is given twice: {folder} and --to {to}", hint="keep one of them")
        folder = folder or to
    if folder is None or (action == "export" and to is None):
        example = {"sync": "sync --to crm", "export": "export crm --to crm.duckdb"}.get(action, f"{action} crm")
        raise ConfigError(f"%b24 crm {action} is not complete", hint=f"write %b24 crm {example}")
    words = {name: text_of(given.get(name), f"--{name}", "text", "crm", expand) for name in ("since", "schema")}
    options = {
        **words,
        "tables": tables_of(given.get("tables"), expand),
        "deletes": given.get("deletes"),
        "max_deletes": rows_or_share(given.get("max_deletes"), expand),
    }
    return LineRequest(
        command="crm",
        method=action,
        crm=folder,
        to=to,
        options={name: value for name, value in options.items() if value is not None}
        | ({"gentle": False} if given.get("no_gentle") else {}),
        output=_variable(given.get("output")),
        profile=_profile(given.get("profile"), expand),
    )


def _profile(text: str | None, expand: Expand) -> Any:
    """A name or a client. Nothing in their place would be another portal than the one that was meant."""
    value = None if text is None else expand(text)
    if text is not None and (value is None or value == ""):
        raise ConfigError(f"--profile {text} is {value!r}", hint="pass the name of a profile or a client")
    return value


def profiles_of(value: Any) -> str | list[str] | None:
    """Many profiles in the value of ``--profile``: ``*``, or names parted by commas; None for one."""
    if not isinstance(value, str) or ("," not in value and value != "*"):
        return None
    return value if value == "*" else [name.strip() for name in value.split(",") if name.strip()]


def refuse_options(request: LineRequest, own: Container[str], where: str = "") -> None:
    """Raise where an option stands among the parameters of a list: the portal would ignore it.

    ``own`` are the parameters that the method itself has, in lower case.

    >>> refuse_options(request_of("fetch crm.deal.list", "limit: 3"), own=(), where=" on the first line")
    Traceback (most recent call last):
    b24data.syntax.options.WrongUsageError: limit is an option, not a parameter of crm.deal.list. \
Hint: put --limit on the first line.
    """
    known = COMMANDS[request.command][1] if request.command in COMMANDS else ()
    for key, option in options_among(request.params or (), own, known):
        hint = f"put --{option}{where}" if where else f"write --{option} in its place"
        raise WrongUsageError(f"{key} is an option, not a parameter of {request.method}", hint=hint)


def refuse_list_options(request: LineRequest, *, listed: bool) -> None:
    """Raise where a call that sends one request has an option of a whole list: it would be ignored.

    ``listed``: the method is a list, so it is ``--raw`` that asks for one request.

    >>> refuse_list_options(request_of("call crm.deal.fields --limit 3"), listed=False)
    Traceback (most recent call last):
    b24data.syntax.options.WrongUsageError: --limit is for a whole list, and this call is one request. \
Hint: leave --limit out.
    """
    said = [name for name, value in (("limit", request.limit), ("to", request.to)) if value is not None]
    for _, name in options_among([*said, *request.options], own=()):
        option = f"--{name}"
        hint = "leave --raw out to read the whole list" if listed else f"leave {option} out"
        raise WrongUsageError(f"{option} is for a whole list, and this call is one request", hint=hint)


def _options(given: Mapping[str, Any], expand: Expand) -> dict[str, Any]:
    """The keywords of ``tools.fetch_all`` beside those that say which rows."""
    said: dict[str, Any] = {name: given.get(name) for name in ("titles", "errors", "count", "partial", "gentle", "csv")}
    said["labels"] = labels_of(given.get("labels"), expand)
    said["tz"] = zone_of(given.get("tz"), expand)
    said["dtypes"] = types_of(given.get("dtypes"), expand)
    said["dtype_backend"] = given.get("backend")
    said["workers"] = parse_int(given.get("workers"), "--workers", "a number", "4", expand)
    said = {name: value for name, value in said.items() if value is not None and value is not False}
    return said | {name: False for name in ("recheck", "check_fields", "resume") if given.get(f"no_{name}")}


def _parser(command: str) -> argparse.ArgumentParser:
    told, options = COMMANDS[command]
    parser = OptionParser(prog=f"%b24 {command}", description=f"{told[0].upper()}{told[1:]}.")
    named = MANY_PROFILES if command in ("call", "fetch", "sql") else OPTIONS["profile"].help
    helps = {"profile": f"{named}; or $client"}
    if command in ("call", "fetch", "describe"):
        parser.add_argument("method", metavar="METHOD", help="such as crm.deal.list")
    if command == "sql":
        parser.add_argument(
            "query", nargs="?", metavar="QUERY", help="in quotation marks; or the rest of a %%%%b24 cell"
        )
    if command == "crm":
        parser.add_argument("action", metavar="ACTION", choices=tuple(CRM_ACTIONS), help=", ".join(CRM_ACTIONS))
        parser.add_argument("folder", nargs="?", metavar="FOLDER", help="the folder of the tables")
        helps["to"] = "the folder of sync, or the database of export: crm.duckdb, postgresql://user@host/database"
    if command == "methods":
        parser.add_argument("method", nargs="?", metavar="PATTERN", help="a part of the name, such as deal")
    add_options(parser, *options, **helps)
    return parser


def output_of(line: str) -> str | None:
    """The variable that ``-o`` names on a line that may be wrong in another place.

    >>> output_of("fetch crm.deal.list --slect ID -o deals"), output_of("cal crm.deal.list")
    ('deals', None)
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-o", "--output")
    with suppress(ConfigError, argparse.ArgumentError):
        return _variable(parser.parse_known_args(words_of(without_semicolon(line)))[0].output)
    return None


def options_of(command: str) -> list[str]:
    """The options that a command takes, for completion.

    >>> options_of("describe")
    ['--output', '--params', '--profile']
    """
    return sorted(f"--{name}" for name in COMMANDS[command][1])


def _overview() -> str:
    lines = [f"  {name:9} {translated(what)}" for name, (what, _) in COMMANDS.items()]
    return "\n".join([translated("%b24 COMMAND [...]; %b24 COMMAND --help shows details"), "", *lines])


def _variable(name: str | None) -> str | None:
    """The name of a variable, as Python keeps it: language reference, section 2.3."""
    if name is None:
        return None
    if not name.isidentifier() or keyword.iskeyword(name):
        what = "a keyword of Python" if keyword.iskeyword(name) else "not the name of a variable"
        raise ConfigError(f"--output {name} is {what}", hint="a name has letters, digits and _, such as -o deals")
    return unicodedata.normalize("NFKC", name)
