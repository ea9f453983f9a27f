"""The command ``b24data``. A failure is one line on stderr and exit code 1; wrong usage is 2, Ctrl-C is 130."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from b24data import __version__
from b24data.errors import ConfigError, SdkError

if TYPE_CHECKING:
    from b24data import B24Hook

__all__ = ["main"]

# Commands that are a module: its add_arguments(parser) and run(args). It is imported when the command is typed.
_MODULES = {
    "demo": ("b24data.demo", "100,000 deals out of a portal on this machine: a DataFrame, a Parquet file, a chart"),
    "sandbox": ("b24data.sandbox", "a portal on 127.0.0.1 to try things on"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; ``argv`` is what was typed after ``b24data``."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        args = _parser(arguments).parse_args(arguments)
        return int(args.run(args) or 0)
    except KeyboardInterrupt:
        print("\nb24data: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (SdkError, OSError) as error:
        print(f"b24data: {' '.join(str(error).split())}", file=sys.stderr)
        return 1


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="b24data",
        description="Whole Bitrix24 lists as typed DataFrames and Parquet files.",
        epilog="call and fetch use the incoming webhook in the environment variable B24_WEBHOOK.",
    )
    parser.add_argument("--version", action="version", version=f"b24data {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (module, what) in _MODULES.items():
        command = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        if name in arguments[:1]:
            room = importlib.import_module(module)
            room.add_arguments(command)
            command.set_defaults(run=room.run)
    _add_call(commands)
    _add_fetch(commands)
    return parser


def _add_call(commands: Any) -> None:
    command = commands.add_parser("call", help="one REST method; the answer as JSON")
    command.add_argument("method", help="such as crm.deal.get")
    command.add_argument("--params", type=_json, metavar="JSON", help="such as '{\"id\": 5}'")
    command.set_defaults(run=_call)


def _add_fetch(commands: Any) -> None:
    command = commands.add_parser("fetch", help="a whole list into a Parquet file")
    command.add_argument("method", help="such as crm.deal.list")
    command.add_argument("--to", required=True, metavar="FILE", help="the Parquet file; it appears when it is whole")
    command.add_argument("--select", type=lambda names: names.split(","), metavar="NAMES", help="such as ID,TITLE,UF_*")
    command.add_argument("--filter", type=_json, metavar="JSON", help='such as \'{">=DATE_CREATE": "2026-01-01"}\'')
    command.add_argument("--params", type=_json, metavar="JSON", help="such as '{\"entityTypeId\": 2}'")
    command.add_argument("--limit", type=int, metavar="ROWS", help="only the first so many rows")
    command.add_argument("--quiet", action="store_true", help="no progress and no report")
    command.set_defaults(run=_fetch)


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f'a JSON object is wanted, such as {{"id": 5}}, not {text}')
    return value


def _call(args: argparse.Namespace) -> None:
    with _webhook() as b24:
        answer = b24.actions.v2.call.make(method=args.method, params=args.params)
    answer.raise_for_error()
    print(json.dumps(answer.get_data(), ensure_ascii=False, indent=2))
    if answer.next is not None:
        of = f" of {answer.total:,}" if answer.total else ""
        hint = f"b24data fetch {args.method} --to FILE gets them all"
        print(f"b24data: this is up to row {answer.next:,}{of}; {hint}", file=sys.stderr)


def _fetch(args: argparse.Namespace) -> None:
    with _webhook() as b24:
        report = b24.tools.fetch_all(
            args.method,
            args.select,
            args.filter,
            params=args.params,
            limit=args.limit,
            to=args.to,
            progress=False if args.quiet else "auto",
        )
    if not args.quiet:
        print(report)


def _webhook() -> B24Hook:
    url = os.environ.get("B24_WEBHOOK", "")
    if not url:
        raise ConfigError(
            "the environment variable B24_WEBHOOK is not set",
            hint="it holds an incoming webhook, https://your-portal.bitrix24.com/rest/1/<code>/",
        )
    from b24data import B24Hook

    return B24Hook(url)
