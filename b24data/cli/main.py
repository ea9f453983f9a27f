"""The command ``b24data``: a table of commands.

A failure is one line on stderr and an exit code of ``b24data.exports.exit_codes``; wrong usage is 64, Ctrl-C is 130.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence

from b24data.cli.output import Commands, say
from b24data.errors import SdkError
from b24data.exports.exit_codes import exit_code
from b24data.syntax.options import HelpShown, OptionParser, WrongUsageError, nearest
from b24data.text.hints import Face
from b24data.text.language import translated
from b24data.version import __version__

# Each command with the module that has it in its COMMANDS, imported when the command is typed.
COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "start here": {
        "demo": ("b24data.cli.demo", "read 100,000 deals from a portal on this machine; draw a chart"),
        "login": ("b24data.cli.portal", "sign in to a portal and save it as a profile"),
        "profiles": ("b24data.cli.portal", "the portals you have signed in to on this machine"),
        "status": ("b24data.cli.portal", "portal, user, permissions, tokens, limits"),
    },
    "lists and calls": {
        "fetch": ("b24data.cli.lists", "a whole list into a Parquet, Excel or CSV file"),
        "sync": ("b24data.cli.lists", "a folder of Parquet files, kept in sync with a list"),
        "crm": ("b24data.cli.crm", "the whole CRM as linked tables: sync, check, load into a database"),
        "sql": ("b24data.cli.sql", "one SELECT over lists of the portal, or over a CRM folder"),
        "describe": ("b24data.cli.lists", "the fields of a list: types, titles, possible values"),
        "methods": ("b24data.cli.lists", "the documented list methods, or the portal's methods"),
        "unfinished": ("b24data.cli.lists", "the fetches that were stopped, and how far they got"),
        "call": ("b24data.cli.lists", "one REST method as JSON; a list method gives the whole list"),
    },
    "automation": {
        "export": ("b24data.cli.exports", "the exports of exports.toml: run them, show their status"),
        "run": ("b24data.cli.exports", "run a notebook unattended, with parameters"),
        "schedule": ("b24data.cli.exports", "run exports on a schedule, with this machine's cron"),
    },
    "troubleshooting": {
        "doctor": ("b24data.cli.doctor", "check this machine and the portal; find secrets in files"),
    },
    "testing": {
        "sandbox": ("b24data.cli.demo", "a test portal on 127.0.0.1"),
    },
}
_MODULES = {name: entry for part in COMMANDS.values() for name, entry in part.items()}

WRONG_USAGE = 64  # EX_USAGE of sysexits.h; argparse's 2 is taken: a list that is not whole


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; ``argv`` is what was typed after ``b24data``."""
    for stream in (sys.stdout, sys.stderr):  # on Windows a pipe may not hold every script; better "?" than a traceback
        if isinstance(stream, io.TextIOWrapper) and stream.errors in (
            "strict",
            "surrogateescape",
        ):  # the latter: LC_ALL=C
            stream.reconfigure(errors="replace" if stream.errors == "strict" else "backslashreplace")
    # Before pyarrow is imported: its own allocator keeps what each thread once took (`b24data.frames.memory`).
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    try:
        code = _run(sys.argv[1:] if argv is None else list(argv))
        sys.stdout.flush()  # a reader that has gone is told of here, and not while Python ends
    except HelpShown:
        return 0
    except WrongUsageError as error:
        return _failed(error, WRONG_USAGE)
    except KeyboardInterrupt:
        say("\nb24data: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (SdkError, OSError) as error:
        return _failed(error, exit_code(error))
    return code


def _run(words: Sequence[str]) -> int:
    command, *rest = words or ["--help"]
    if command == "--version":
        print(f"b24data {__version__}")
        return 0
    if command in ("--help", "-h") or words == ["help"]:
        print(_overview())
        return 0
    if command == "help":
        command, rest = rest[0], ["--help"]
    if command not in _MODULES:
        raise WrongUsageError(f"there is no command {command!r}", hint=nearest(command, _MODULES))
    module, what = _MODULES[command]
    commands: Commands = importlib.import_module(module).COMMANDS
    examples, add_arguments, run = commands[command]
    parser = OptionParser(prog=f"b24data {command}", description=f"{what[0].upper()}{what[1:]}.", examples=examples)
    add_arguments(parser)
    return run(parser.parse_args(rest)) or 0


def _overview() -> str:
    head = "usage: b24data COMMAND [...]", "Reads whole Bitrix24 lists into typed DataFrames and Parquet files."
    lines = [translated(head[0]), "", translated(head[1])]
    for part, commands in COMMANDS.items():
        lines += [
            "",
            f"{translated(part)}:",
            *(f"  {name:11} {translated(what)}" for name, (_, what) in commands.items()),
        ]
    foot = (
        "b24data COMMAND --help shows details; b24data --version the version.",
        "The portal is that of --profile, else of B24_PROFILE, or of the incoming webhook",
        "in B24_WEBHOOK (also in a .env file), else that of the only profile.",
    )
    return "\n".join([*lines, "", *map(translated, foot)])


def _failed(error: Exception, code: int) -> int:
    text = error.told(Face.SHELL) if isinstance(error, SdkError) else str(error)
    print(f"b24data: {' '.join(text.split()).removeprefix('b24data ')}", file=sys.stderr)
    return code
