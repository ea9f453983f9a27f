"""``b24data schedule``."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from b24data.cli.output import show_json, show_table
from b24data.errors import ConfigError
from b24data.syntax.options import WrongUsageError, add_options

if TYPE_CHECKING:
    from b24data.exports.spec import Export

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = (
    'b24data schedule add "0 6 * * *" deals',
    "b24data schedule add @hourly --due",
    "b24data schedule list",
    "b24data schedule remove deals",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said after ``b24data schedule``."""
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True, help="add, list or remove")
    add = actions.add_parser(
        "add", description="Write a line into your crontab that runs an export. One that is there already is replaced."
    )
    add.add_argument("when", metavar="WHEN", help='minute, hour, day, month, weekday: "0 6 * * *"; or @daily')
    listed = actions.add_parser("list", description="The lines of b24data in your crontab.")
    remove = actions.add_parser("remove", description="Take a line out of your crontab again.")
    for one in (add, remove):
        one.add_argument("name", nargs="?", metavar="NAME", help="an export of exports.toml")
        one.add_argument("--due", action="store_true", help="instead of a name: whatever is due then")
        one.add_argument("--file", metavar="FILE", help="exports.toml (here, else in your configuration folder)")
        add_options(one, "dry-run", dry_run="show the line, and change nothing")
    add_options(listed, "json")


def run(args: argparse.Namespace) -> None:
    """Add, list or remove lines of the crontab."""
    from b24data.exports import crontab

    if args.action == "list":
        rows = [{"export": one.name, "when": one.when, "file": one.file} for one in crontab.entries_of(crontab.read())]
        show_json(rows) if args.json else show_table(rows)
        return
    if (args.name is None) is not args.due:
        raise WrongUsageError(f"b24data schedule {args.action} takes the name of an export, or --due")
    name = crontab.ALL_DUE if args.due else args.name
    if args.action == "add":
        _add(args, name)
    else:
        _remove(args, name)


def _add(args: argparse.Namespace, name: str) -> None:
    from b24data.exports import crontab
    from b24data.exports.spec import choose, find_file, read_exports

    file = find_file(args.file)
    exports = read_exports(file)
    chosen = [one for one in exports.values() if one.every] if args.due else choose(exports, [name])
    if not chosen:
        raise ConfigError(f"no export of {file} has an `every`, so none is ever due", hint='such as every = "1d"')
    _check_portal(chosen, file.parent)
    line = crontab.line_of(args.when, name, file, crontab.command_of(name, file, os.environ))
    for left in crontab.left_behind(os.environ):
        print(f"b24data: {left} has a password in it and is not carried along", file=sys.stderr)
    if not args.dry_run:
        with crontab.held():
            crontab.write(crontab.with_entry(crontab.read(), line))
    print(line)


def _check_portal(exports: list[Export], folder: Path) -> None:
    """Who calls has to be known at night as well: a webhook that only this shell knows is not."""
    from b24data.client.connect import dotenv

    nameless = [export.name for export in exports if export.profile is None]
    kept = dotenv(folder)
    by_shell = os.environ.get("B24_WEBHOOK") and not (os.environ.get("B24_PROFILE") or "B24_WEBHOOK" in kept)
    if nameless and by_shell:
        raise ConfigError(
            f"{', '.join(nameless)} would call by B24_WEBHOOK, which is set in this shell alone, "
            "and a secret does not go into a crontab",
            hint=f"b24data login keeps it as a profile; or write it into {folder / '.env'}",
        )


def _remove(args: argparse.Namespace, name: str) -> None:
    from b24data.exports import crontab

    with contextlib.nullcontext() if args.dry_run else crontab.held():
        _take_out(args, name, crontab.read())


def _take_out(args: argparse.Namespace, name: str, table: bytes) -> None:
    from b24data.exports import crontab

    named = {one.file: one for one in crontab.entries_of(table) if one.name == name}
    if args.file:
        named = {file: one for file, one in named.items() if Path(file) == Path(args.file).resolve()}
    entries = list(named.values())
    match entries:
        case [one]:
            if not args.dry_run:
                crontab.write(crontab.without(table, name, one.file))
            print(f"removed: {one.when} {one.name} {one.file}" if not args.dry_run else f"{one.when} {one.command}")
        case []:
            raise ConfigError(f"the crontab has no line of b24data for {name}", hint="b24data schedule list shows all")
        case _:
            files = ", ".join(one.file for one in entries)
            raise ConfigError(f"there are {len(entries)} lines for {name}: {files}", hint="say which with --file")
