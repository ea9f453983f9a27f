"""The command ``b24data``. A failure is one line on stderr and an exit code; wrong usage is 2, Ctrl-C is 130."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from b24data import __version__
from b24data.errors import ConfigError, SdkError
from b24data.exports.codes import exit_code
from b24data.grammar import add_list_options, add_params
from b24data.values import conditions_of, mapping_of, names_of, whole_of

if TYPE_CHECKING:
    from b24data import B24Hook, B24OAuth

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
        return exit_code(error)


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="b24data",
        description="Whole Bitrix24 lists as typed DataFrames and Parquet files.",
        epilog="The portal is the profile in B24_PROFILE, the incoming webhook in B24_WEBHOOK, or the only profile.",
    )
    parser.add_argument("--version", action="version", version=f"b24data {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (module, what) in _MODULES.items():
        command = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        if name in arguments[:1]:
            room = importlib.import_module(module)
            room.add_arguments(command)
            command.set_defaults(run=room.run)
    for add in (_add_login, _add_profiles, _add_call, _add_fetch):
        add(commands)
    return parser


def _add_login(commands: Any) -> None:
    command = commands.add_parser("login", help="sign in to a portal and keep it as a profile")
    command.add_argument("profile", nargs="?", metavar="PROFILE", help="the name to keep it under")
    command.add_argument("--port", type=int, metavar="N", help="where the browser comes back to (8724)")
    command.set_defaults(run=_login)


def _add_profiles(commands: Any) -> None:
    command = commands.add_parser("profiles", help="the portals that were signed in to on this machine")
    command.add_argument("--delete", metavar="PROFILE", help="forget one and its tokens")
    command.set_defaults(run=_profiles)


def _add_call(commands: Any) -> None:
    command = commands.add_parser("call", help="one REST method; the answer as JSON")
    command.add_argument("method", help="such as crm.deal.get")
    add_params(command)
    command.add_argument("--profile", metavar="NAME", help="who calls: a saved profile")
    command.set_defaults(run=_call, usage=command)


def _add_fetch(commands: Any) -> None:
    command = commands.add_parser("fetch", help="a whole list into a Parquet file")
    command.add_argument("method", help="such as crm.deal.list")
    add_list_options(command, file_needed=True)
    command.add_argument("--profile", metavar="NAME", help="who calls: a saved profile")
    command.add_argument("--quiet", action="store_true", help="no progress and no report")
    command.set_defaults(run=_fetch, usage=command)


def _login(args: argparse.Namespace) -> None:
    from b24data import login

    login(args.profile, **({"port": args.port} if args.port else {}))


def _profiles(args: argparse.Namespace) -> None:
    from b24data.auth.profiles import Profiles

    profiles = Profiles()
    if args.delete:
        profiles.delete(args.delete)
        return
    for name in profiles.names():
        one = profiles.load(name)
        print(f"{name}\t{one.portal}\t{one.user}\t{'webhook' if one.webhook else 'application'}")


def _call(args: argparse.Namespace) -> None:
    params = _understood(args, mapping_of, args.params)
    with _client(args) as b24:
        answer = b24.actions.v2.call.make(method=args.method, params=params)
    answer.raise_for_error()
    print(json.dumps(answer.get_data(), ensure_ascii=False, indent=2))
    if answer.next is not None:
        of = f" of {answer.total:,}" if answer.total else ""
        hint = f"b24data fetch {args.method} --to FILE gets them all"
        print(f"b24data: this is up to row {answer.next:,}{of}; {hint}", file=sys.stderr)


def _fetch(args: argparse.Namespace) -> None:
    select = _understood(args, names_of, args.select)
    conditions = _understood(args, conditions_of, args.filter)
    options = {"params": _understood(args, mapping_of, args.params), "limit": _understood(args, whole_of, args.limit)}
    if args.labels:
        options["labels"] = args.labels
    with _client(args) as b24:
        progress: Any = False if args.quiet else "auto"
        report = b24.tools.fetch_all(args.method, select, conditions, to=args.to, progress=progress, **options)
    if not args.quiet:
        print(report)


def _understood(args: argparse.Namespace, read: Callable[[Any], Any], text: Any) -> Any:
    """``text`` as ``read`` reads it; wrong usage if it can't."""
    try:
        return read(text)
    except ConfigError as error:
        args.usage.error(str(error))


def _client(args: argparse.Namespace) -> B24OAuth | B24Hook:
    from b24data import connect

    return connect(args.profile)
