"""Every option that can be said after ``%b24`` or ``b24data``, and the parser of both: defined once."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

from b24data.errors import ConfigError
from b24data.text.hints import flag
from b24data.text.language import translated

# What a single call takes too: which rows and fields.
QUERY_OPTIONS = ("select", "filter", "order", "params")
# What a whole list takes.
LIST_OPTIONS = (
    *(*QUERY_OPTIONS, "limit", "labels", "titles", "tz", "dtypes", "errors"),
    *("count", "no-recheck", "partial", "gentle", "workers", "no-check-fields"),
)


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its part of the help page, its help, and its value.

    Without ``metavar`` and ``choices`` it is a switch; with both, other values than the choices pass too.
    ``repeats``: it can be given several times.
    """

    part: str
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    repeats: bool = False
    short: str = ""

    def arguments(self) -> dict[str, Any]:
        """What ``argparse`` takes for it."""
        if self.choices and not self.metavar:
            return {"choices": self.choices, "help": self.help, "action": _Once}
        if self.metavar:
            return {"metavar": self.metavar, "help": self.help, "action": _Each if self.repeats else _Once}
        return {"action": "store_true", "help": self.help}


_ROWS, _LOOK, _READ, _GOES = "rows and fields", "columns", "reading", "output"

OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "select": Option(_ROWS, "fields, such as ID,TITLE,UF_*", "NAMES"),
        "filter": Option(_ROWS, '">=DATE_CREATE=2026-01-01"; repeatable; or one JSON object', "COND", repeats=True),
        "order": Option(_ROWS, "ID=DESC: newest first; any order other than by id is slower", "ORDER", repeats=True),
        "params": Option(_ROWS, "entityTypeId=2; repeatable; or one JSON object", "PARAM", repeats=True),
        "cursor": Option(_READ, "the field with the time of the last change (the documented one)", "FIELD"),
        "overlap": Option(_READ, "how much further back to read changes (10min)", "TIME"),
        "deletes": Option(_READ, "also read all ids, and remove rows that are gone", choices=("scan",)),
        "max-deletes": Option(_READ, "how many rows may be removed, or which share (0.05)", "ROWS"),
        "limit": Option(_ROWS, "at most this many rows, the first ones", "ROWS"),
        "labels": Option(
            _LOOK,
            "labels of codes: add (beside them), replace, or only for these columns, such as STAGE_ID,COMPANY_ID",
            "NAMES",
            choices=("add", "replace"),
        ),
        "titles": Option(_LOOK, "name the columns after the fields' titles"),
        "tz": Option(_LOOK, "the time zone of times, such as Europe/Berlin (UTC)", "ZONE"),
        "dtypes": Option(
            _LOOK,
            "UF_CRM_1=int: text, int, float, decimal, bool, date, datetime or category; repeatable",
            "TYPE",
            repeats=True,
        ),
        "backend": Option(_LOOK, "the types of the DataFrame (numpy_nullable)", choices=("numpy_nullable", "pyarrow")),
        "errors": Option(
            _LOOK,
            "a value that does not fit becomes null and is counted, or stops the fetch (coerce)",
            choices=("coerce", "raise"),
        ),
        "count": Option(_READ, "let the portal count the list as well; slow on large portals"),
        "no-recheck": Option(_READ, "trust the portal's filter; do not check the rows against it"),
        "partial": Option(_READ, "keep the rows of a list that cannot be read to its end"),
        "gentle": Option(_READ, "leave half of the portal's request limit to others"),
        "no-gentle": Option(_READ, "use the whole request limit of the portal"),
        "workers": Option(_READ, "maximum requests at once (as fast as the portal allows, up to 24)", "N"),
        "no-check-fields": Option(_READ, "accept names that the portal does not describe"),
        "no-resume": Option(_READ, "start over, even if an earlier run can be resumed"),
        "tables": Option(_ROWS, "these tables and their source tables, separated by commas", "NAMES"),
        "since": Option(_ROWS, "deals, activities and other events since that day", "DAY"),
        "crm": Option(_ROWS, "query a folder of b24data crm sync instead of the portal", "DIR"),
        "all": Option(_READ, "allow reading more than 50,000 rows of a list without a condition"),
        "dry-run": Option(_READ, "only estimate the rows, the requests and the time"),
        "to": Option(_GOES, "a .parquet, .xlsx or .csv file; it appears when it is complete", "FILE"),
        "schema": Option(_GOES, "the schema in the database (crm; none in a DuckDB file)", "NAME"),
        "csv": Option(_GOES, "the kind of a CSV file (plain)", choices=("plain", "excel-ru")),
        "output": Option(_GOES, "put the result into this variable and show nothing", "NAME", short="-o"),
        "json": Option(_GOES, "print only JSON"),
        "quiet": Option(_GOES, "no progress and no report"),
        "raw": Option(_READ, "one request; its answer as returned"),
        "write": Option("portal", "allow a method that changes data"),
        "profile": Option("portal", "a saved profile (b24data profiles)", "NAME"),
    }
)
# The help of --profile where a command reads many portals.
MANY_PROFILES = "a saved profile (b24data profiles); '*' or a,b: many"


def add_options(parser: argparse.ArgumentParser, *names: str, needed: Sequence[str] = (), **helps: str) -> None:
    """Add these options, each to its part of the help page; ``helps`` says it otherwise for one of them.

    >>> parser = OptionParser(prog="b24data fetch")
    >>> add_options(parser, "select", "to", needed=["to"])
    >>> parser.parse_args(["--to", "deals.parquet"]).select is None
    True
    """
    for name in names:
        option = OPTIONS[name]
        part = next((group for group in parser._action_groups if group.title == translated(option.part)), None)
        arguments = option.arguments()
        if name in needed:
            arguments["required"] = True
        if told := helps.get(name.replace("-", "_")):
            arguments["help"] = told
        flags = (option.short, f"--{name}") if option.short else (f"--{name}",)
        (part or parser.add_argument_group(translated(option.part))).add_argument(*flags, **arguments)


def options_among(names: Iterable[str], own: Container[str], known: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """Those of the parameters that are options, each with its option; ``own`` is what the method itself has,
    ``known`` the options that are meant (all of them).

    >>> list(options_among(["entityTypeId", "LIMIT", "dtype_backend", "to"], own=["to"]))
    [('LIMIT', 'limit'), ('dtype_backend', 'backend')]
    """
    for name in names:
        option = flag(name.lower())
        option = option if option in OPTIONS else f"no-{option}"
        if name.lower() not in own and option in (known or OPTIONS) and option not in ("select", "filter", "order"):
            yield name, option


class _Once(argparse.Action):
    """Keeps the value of an option that stands once: of two, one would be lost in silence."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        if self.option_strings and self.dest in parser.given:
            hint = "put the names together, such as --select ID,TITLE" if self.dest == "select" else "keep one of them"
            raise WrongUsageError(f"{parser.prog}: {option_string} is given twice", hint=hint)
        parser.given.add(self.dest)
        setattr(namespace, self.dest, _said(parser, values, option_string))


class _Each(argparse.Action):
    """Collects the values of an option that can be given several times, or has several values."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        before = getattr(namespace, self.dest) or []
        setattr(namespace, self.dest, [*before, *_each(_said(parser, values, option_string))])


def _said(parser: argparse.ArgumentParser, value: Any, option: str | None) -> Any:
    if option is not None and any(isinstance(one, str) and not one.strip() for one in _each(value)):
        raise WrongUsageError(f"{parser.prog}: {option} is empty", hint=f"leave {option} out, or give it a value")
    return value


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class HelpShown(Exception):  # noqa: N818  not an error: the help page was asked for
    """``--help`` was among the words; the page has been printed."""


class WrongUsageError(ConfigError):
    """What was typed is not a command, or not an option of it."""


@contextmanager
def reading_words() -> Iterator[None]:
    """A value that is not understood while words are read is wrong usage: a shell's exit code says so.

    >>> with reading_words():
    ...     raise ConfigError("'abc' is not a duration")
    Traceback (most recent call last):
    b24data.syntax.options.WrongUsageError: 'abc' is not a duration
    """
    try:
        yield
    except WrongUsageError:
        raise
    except ConfigError as error:
        raise WrongUsageError(error.description, hint=error.advice) from error


class OptionParser(argparse.ArgumentParser):
    """A parser that prints no usage lines: what is wrong is one error, with the nearest right word.

    >>> parser = OptionParser(prog="b24data unfinished")
    >>> add_options(parser, "json")
    >>> parser.parse_args(["--jsno"])
    Traceback (most recent call last):
    b24data.syntax.options.WrongUsageError: b24data unfinished does not know '--jsno'. Hint: did you mean --json?
    """

    def __init__(self, *, examples: Sequence[str] = (), **given: Any) -> None:
        self._examples = examples
        if examples:
            given["epilog"] = "\n".join([translated("examples:"), *(f"  {example}" for example in examples)])
        given.setdefault("formatter_class", _HelpFormatter)
        given["description"] = translated(given.get("description") or "")
        super().__init__(allow_abbrev=False, **given)
        self.given: set[str] = set()
        for name, action in ((None, _Once), ("store", _Once), ("append", _Each), ("extend", _Each)):
            self.register("action", name, action)
        self._positionals.title, self._optionals.title = translated("arguments"), translated("options")
        self._optionals._group_actions[0].help = translated("show this help message and exit")

    def format_help(self) -> str:
        """The help page; its first line has what is needed, and not every option."""
        needed = [action.metavar or action.dest for action in self._get_positional_actions()]
        self.usage = " ".join(["%(prog)s", *map(str, needed), "[options]"])
        return super().format_help()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; what is left over is an error here, where the options of a nested command are known."""
        self.given = set()
        parsed, left = super().parse_known_args(args, namespace)
        if not left:
            return parsed, left
        word, sign, _ = left[0].partition("=")
        known = [flag for flag in self._option_string_actions if flag.startswith("--") and flag != "--help"]
        if word.startswith("-"):
            hint = nearest(word, known)
        elif sign and "--params" in known:
            hint = "put --params or --filter before it"
        else:
            hint = f"{self.prog} --help lists the options; a value with spaces in it needs quotation marks"
        raise WrongUsageError(f"{self.prog} does not know {left[0]!r}", hint=hint)

    def error(self, message: str) -> NoReturn:
        """What argparse found wrong, as an error of one line."""
        hint = f"{self.prog} --help lists the options"
        if missing := message.partition("the following arguments are required: ")[2]:
            message = f"needs {missing}"
            hint = f"such as {self._examples[0]}" if self._examples else hint
        if match := re.search(r"(argument .+: )?invalid choice: '(.*)' \(choose from (.+)\)", message):
            argument, given, choices = match.groups()
            message = f"{argument or ''}there is no {given!r}"
            hint = nearest(given, [choice.strip(" '") for choice in choices.split(",")])
        if match := re.search(r"(argument .+: )?invalid (\w+) value: (.+)", message):  # of a type that is a number
            argument, kind, given = match.groups()
            said = f"{argument or ''}{given}"
            message = f"{said} is not a number" if kind == "float" else f"{said} is not a whole number"
        if "expected one argument" in message:
            message = message.replace("expected one argument", "needs a value")
            hint = 'in quotation marks: ">=DATE_CREATE=2026-01-01"' if "--filter" in message else hint
        raise WrongUsageError(f"{self.prog}: {message}", hint=hint)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:  # noqa: ARG002
        """After the help page."""
        raise HelpShown


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str, **given: Any) -> None:
        super().__init__(prog, **{"max_help_position": 28, **given})

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        """Its first line in the reader's language."""
        super().add_usage(usage, actions, groups, translated("usage:") + " " if prefix is None else prefix)

    def _expand_help(self, action: argparse.Action) -> str:
        """The help of one option in the reader's language."""
        before, action.help = action.help, translated(action.help or "")
        try:
            return super()._expand_help(action)
        finally:
            action.help = before

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """``-o, --out PATH``, as Python 3.13 writes it, in every version."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint with the nearest known word, or with all of them.

    >>> nearest("fecth", ["call", "fetch"]), nearest("x", ["call", "fetch"])
    ('did you mean fetch?', 'it knows call, fetch')
    """
    plain = {one.lstrip("-"): one for one in known}
    near = difflib.get_close_matches(word.lstrip("-"), plain, n=1, cutoff=0.5)
    return f"did you mean {plain[near[0]]}?" if near else f"it knows {', '.join(plain.values())}"
