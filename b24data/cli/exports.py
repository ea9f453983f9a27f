"""The commands for exports and notebooks on a schedule."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b24data.cli.output import Commands, say, show_json, show_table
from b24data.errors import ConfigError, SdkError
from b24data.syntax.options import WrongUsageError, add_options

if TYPE_CHECKING:
    from b24data.exports.spec import Export


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True, help="list, run or status")
    listed = actions.add_parser("list", description="The exports of the file.")
    runs = actions.add_parser(
        "run",
        description="Run exports, one after the other.\n\n"
        "Exit codes: 0 done, 1 failed, 2 incomplete, 3 sign in again, 4 another\n"
        "program runs it; with several exports, the most urgent one.",
    )
    status = actions.add_parser("status", description="How the last runs ended, and what is due.")
    runs.add_argument("names", nargs="*", metavar="NAME", help="which exports")
    runs.add_argument("--all", action="store_true", help="all exports of the file")
    runs.add_argument("--due", action="store_true", help="exports whose last good run is longer ago than `every`")
    add_options(runs, "dry-run", "json", "quiet", json="each event as a line of JSON", quiet="print only failures")
    for one in (listed, runs, status):
        if one is not runs:
            add_options(one, "json")
        one.add_argument("--file", metavar="FILE", help="exports.toml (here, else in your configuration folder)")


def _export(args: argparse.Namespace) -> int:
    """List, run or show the state of exports."""
    if args.action == "run" and not (args.names or args.all or args.due):
        raise WrongUsageError("b24data export run needs exports to run", hint="name exports, or add --all or --due")
    if args.action == "run" and args.names and args.all:
        raise WrongUsageError("b24data export run takes the names of exports, or --all, and not both")
    from b24data.exports.file import each_portal, find_file, read_exports

    exports = read_exports(find_file(args.file))
    if args.action == "list":
        _list_exports(args, list(exports.values()))
        return 0
    if args.action == "run":
        return _run_exports(args, exports)
    _export_status(args, list(each_portal(exports)[0].values()))
    return 0


def _run_exports(args: argparse.Namespace, exports: Mapping[str, Export]) -> int:
    from b24data.exports.exit_codes import worst
    from b24data.exports.file import choose_each
    from b24data.exports.runner import Runner
    from b24data.exports.unattended import unattended

    asked = time.time()
    chosen, failed = choose_each(exports, args.names)
    if args.due:
        chosen = [export for export in chosen if _is_due(export)]
    if any(export.kind == "crm" for export in chosen):
        from b24data.frames.memory import few_arenas

        few_arenas()
    runner = Runner(show=lambda event: show_event(event, as_json=args.json, quiet=args.quiet), asked=asked)
    codes = []
    for export in chosen:
        with unattended(export.folder):
            error = failed.get(export.name)
            codes.append(_estimated(args, export, error) if args.dry_run else runner.run(export, error))
    return worst(codes)


def _is_due(export: Export) -> bool:
    """Whether it is time; an export whose state can't be reached is run, and says then why it can't be."""
    from b24data.exports.history import status

    try:
        return bool(status(export)["due"])
    except SdkError:
        return export.every is not None


def show_event(event: Mapping[str, Any], *, as_json: bool, quiet: bool) -> None:
    """One event for who looks on: results on the standard output, troubles and progress on the other."""
    kind, text = event["event"], f"{event['export']}: {event['text']}"
    if as_json:
        print(json.dumps(event, default=str), flush=True)
    elif kind in ("failed", "busy", "notify_failed"):
        say(f"b24data: {text}", file=sys.stderr)
    elif kind == "done" and not quiet:
        say(text)
    elif not quiet:
        say(f"{datetime.now().astimezone():%H:%M:%S} {text}", file=sys.stderr)


def _estimated(args: argparse.Namespace, export: Export, error: Exception | None) -> Any:
    from b24data.exports.exit_codes import ExitCode
    from b24data.exports.runner import estimate

    if error is not None:
        raise error
    found = estimate(export.at(datetime.now(UTC)))
    facts = {"export": export.name, **found, "text": str(found["text"])}
    if args.json:
        print(json.dumps(facts, default=str), flush=True)
    else:
        say(f"{export.name}: {found['text']}")
    return ExitCode.DONE


def _list_exports(args: argparse.Namespace, exports: Sequence[Export]) -> None:
    rows = [
        {
            "export": export.name,
            "what": export.source,
            "mode": export.kind,
            "profile": export.profile or _named(export.profiles),
            "every": "" if export.every is None else export.every.written,
            "target": export.target,
        }
        for export in exports
    ]
    show_json(rows) if args.json else show_table(rows)


def _export_status(args: argparse.Namespace, exports: Sequence[Export]) -> None:
    from b24data.exports.history import status

    facts = [status(export) for export in exports]
    if args.json:
        show_json(facts)
        return
    show_table(
        [
            {
                "export": one["export"],
                "state": one["state"],
                "last_run": _local(one["last_run"]),
                "last_good": _local(one["last_good"]),
                "rows": None if one["last_rows"] is None else f"{one['last_rows']:,}",
                "due": one["due"],
                "error": one["last_error"],
            }
            for one in facts
        ]
    )


def _named(profiles: str | list[str] | None) -> str | None:
    return ", ".join(profiles) if isinstance(profiles, list) else profiles


def _local(iso: str | None) -> str:
    return "" if iso is None else f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M}"


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "notebook", metavar="NOTEBOOK", help="the notebook; it runs from top to bottom in its own folder"
    )
    parser.add_argument(
        "-p",
        "--parameter",
        action="append",
        metavar="NAME=VALUE",
        help="sets a variable of the cell tagged `parameters`; repeatable; never a secret",
    )
    parser.add_argument("--kernel", metavar="NAME", help="another kernel than the notebook's")
    parser.add_argument("--timeout", metavar="TIME", help="such as 30min or 2h, for all cells together")
    add_options(parser, "json", "quiet", "profile", quiet="print only failures")
    parser.add_argument(
        "-o", "--out", default="out", metavar="PATH", help="the executed copy: a folder, or a file (%(default)s)"
    )
    parser.add_argument("--html", action="store_true", help="also save a web page beside it")


def _run(args: argparse.Namespace) -> None:
    """Run a notebook; its executed copy appears when all of it went well."""
    from b24data.exports.notebook import NotebookRun
    from b24data.exports.parameters import parameters_of
    from b24data.exports.unattended import unattended
    from b24data.sync.clocks import seconds_of
    from b24data.syntax.options import reading_words

    with reading_words():
        timeout = None if args.timeout is None else seconds_of(args.timeout)
    notebook = Path(args.notebook)
    with unattended(Path.cwd()):
        started = NotebookRun(
            notebook=notebook,
            out=Path(args.out),
            parameters=parameters_of(args.parameter),
            html=args.html,
            timeout=timeout,
            kernel=args.kernel or "",
            profile=args.profile,
            tell=(lambda _: None) if args.quiet or args.json else _tell_progress,
        )
        cells = started.run()
    if args.json:
        show_json({"notebook": str(notebook), "out": str(started.copy), "cells": cells})
    elif not args.quiet:
        say(f"{notebook}: {cells} cells: {started.copy}")


def _tell_progress(text: str) -> None:
    say(f"{datetime.now().astimezone():%H:%M:%S} {text}", file=sys.stderr)


def _schedule_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True, help="add, list or remove")
    add = actions.add_parser(
        "add", description="Write a line into your crontab that runs an export. An existing line is replaced."
    )
    add.add_argument("when", metavar="WHEN", help='minute, hour, day, month, weekday: "0 6 * * *"; or @daily')
    listed = actions.add_parser("list", description="The lines of b24data in your crontab.")
    remove = actions.add_parser("remove", description="Remove a line from your crontab.")
    for one in (add, remove):
        one.add_argument("name", nargs="?", metavar="NAME", help="an export of exports.toml")
        one.add_argument("--due", action="store_true", help="instead of a name: all exports that are due")
        one.add_argument("--file", metavar="FILE", help="exports.toml (here, else in your configuration folder)")
        add_options(one, "dry-run", dry_run="show the line and change nothing")
    add_options(listed, "json")


def _schedule(args: argparse.Namespace) -> None:
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
        _add_entry(args, name)
    else:
        _remove_entry(args, name)


def _add_entry(args: argparse.Namespace, name: str) -> None:
    from b24data.exports import crontab
    from b24data.exports.file import find_file, read_exports

    file = find_file(args.file)
    exports = read_exports(file)
    chosen = [one for one in exports.values() if one.every] if args.due else _of_name(exports, name)
    if not chosen:
        raise ConfigError(f"no export of {file} has an `every`, so none is ever due", hint='such as every = "1d"')
    _check_portal(chosen, file.parent)
    line = crontab.line_of(args.when, name, file, crontab.command_of(name, file, os.environ))
    for left in crontab.left_behind(os.environ):
        say(f"b24data: {left} is a secret or contains one, and is left out", file=sys.stderr)
    _tell_unknown(chosen, file.parent)
    if not args.dry_run:
        with crontab.held():
            crontab.write(crontab.with_entry(crontab.read(), line))
    print(line)


def _of_name(exports: Mapping[str, Export], name: str) -> list[Export]:
    """What ``name`` means in the night; the portals of an export are listed only where it names one of them."""
    from b24data.exports.file import choose, choose_each

    if "@" not in name:
        return choose(exports, [name])
    chosen, failed = choose_each(exports, [name])
    for error in failed.values():
        raise error
    return chosen


def _check_portal(exports: list[Export], folder: Path) -> None:
    """Who calls has to be known at night as well: a webhook that only this shell knows is not."""
    from b24data.client.connect import dotenv

    nameless = [export.name for export in exports if export.profile is None and export.profiles is None]
    kept = dotenv(folder)
    by_shell = os.environ.get("B24_WEBHOOK") and not (os.environ.get("B24_PROFILE") or "B24_WEBHOOK" in kept)
    if nameless and by_shell:
        raise ConfigError(
            f"{', '.join(nameless)} would call by B24_WEBHOOK, which is set in this shell alone, "
            "and a secret does not go into a crontab",
            hint=f"b24data login keeps it as a profile; or write it into {folder / '.env'}",
        )


def _tell_unknown(exports: list[Export], folder: Path) -> None:
    """Whom to tell of a failure has to be known at night as well, and the address does not go into a crontab."""
    from b24data.client.connect import dotenv

    kept = dotenv(folder)
    for export in exports:
        name = export.on_failure.removeprefix("$") if isinstance(export.on_failure, str) else ""
        if name and name not in kept:
            say(
                f"b24data: on_failure of {export.name} uses ${name}, which a scheduled run does not know; "
                f"write it into {folder / '.env'}",
                file=sys.stderr,
            )


def _remove_entry(args: argparse.Namespace, name: str) -> None:
    from b24data.exports import crontab

    with contextlib.nullcontext() if args.dry_run else crontab.held():
        _take_out_entry(args, name, crontab.read())


def _take_out_entry(args: argparse.Namespace, name: str, table: bytes) -> None:
    from b24data.exports import crontab

    named = {one.file: one for one in crontab.entries_of(table) if one.name == name}
    if args.file:
        named = {file: one for file, one in named.items() if Path(file) == Path(args.file).resolve()}
    entries = list(named.values())
    match entries:
        case [one]:
            if not args.dry_run:
                crontab.write(crontab.without(table, name, one.file))
                say(f"removed: {one.when} {one.name} {one.file}")
            else:
                print(f"{one.when} {one.command}")
        case []:
            raise ConfigError(f"the crontab has no line of b24data for {name}", hint="b24data schedule list shows all")
        case _:
            files = ", ".join(one.file for one in entries)
            raise ConfigError(f"there are {len(entries)} lines for {name}: {files}", hint="say which with --file")


# Each command: its examples, the options that it takes, and what it does.
COMMANDS: Commands = {
    "export": (
        (
            "b24data export list",
            "b24data export run deals contacts",
            "b24data export run deals@acme",
            "b24data export run --due --quiet",
            "b24data export status --json",
        ),
        _export_arguments,
        _export,
    ),
    "run": (
        (
            "b24data run report.ipynb -p month=2026-10 -o out/",
            "b24data run report.ipynb -o out/October.ipynb --html --timeout 2h",
        ),
        _run_arguments,
        _run,
    ),
    "schedule": (
        (
            'b24data schedule add "0 6 * * *" deals',
            "b24data schedule add @hourly --due",
            "b24data schedule list",
            "b24data schedule remove deals",
        ),
        _schedule_arguments,
        _schedule,
    ),
}
