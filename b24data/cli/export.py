"""``b24data export``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from b24data.cli.output import show_json, show_table
from b24data.errors import SdkError
from b24data.syntax.options import WrongUsageError, add_options

if TYPE_CHECKING:
    from b24data.exports.spec import Export

__all__ = ["EXAMPLES", "add_arguments", "run", "show"]

EXAMPLES = (
    "b24data export list",
    "b24data export run deals contacts",
    "b24data export run --due --quiet",
    "b24data export status --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said after ``b24data export``."""
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True, help="list, run or status")
    listed = actions.add_parser("list", description="The exports of the file.")
    runs = actions.add_parser(
        "run",
        description="Run exports, one after the other.\n\n"
        "Exit codes: 0 done, 1 failed, 2 a part came, 3 sign in again, 4 another\n"
        "program runs it; of several exports that which needs a person most.",
    )
    status = actions.add_parser("status", description="How the last runs ended, and what is due.")
    runs.add_argument("names", nargs="*", metavar="NAME", help="which exports")
    runs.add_argument("--all", action="store_true", help="all exports of the file")
    runs.add_argument("--due", action="store_true", help="those whose last good run is longer ago than `every` says")
    add_options(
        runs, "dry-run", "json", "quiet", json="each event as a line of JSON", quiet="tell only what went wrong"
    )
    for one in (listed, runs, status):
        if one is not runs:
            add_options(one, "json")
        one.add_argument("--file", metavar="FILE", help="exports.toml (here, else in your configuration folder)")


def run(args: argparse.Namespace) -> int:
    """List, run or show the state of exports."""
    if args.action == "run" and not (args.names or args.all or args.due):
        raise WrongUsageError(
            "b24data export run needs to know what to run", hint="name exports, or add --all or --due"
        )
    from b24data.exports.spec import find_file, read_exports

    exports = read_exports(find_file(args.file))
    if args.action == "run":
        return _run(args, exports)
    if args.action == "list":
        _list(args, list(exports.values()))
    else:
        _status(args, list(exports.values()))
    return 0


def _run(args: argparse.Namespace, exports: Mapping[str, Export]) -> int:
    from b24data.exports.exit_codes import worst
    from b24data.exports.runner import Runner
    from b24data.exports.spec import choose
    from b24data.exports.unattended import unattended

    chosen = choose(exports, args.names) if args.names else list(exports.values())
    if args.due:
        chosen = [export for export in chosen if _is_due(export)]
    runner = Runner(show=lambda event: show(event, as_json=args.json, quiet=args.quiet))
    codes = []
    for export in chosen:
        with unattended(export.folder):
            codes.append(_estimate(args, export) if args.dry_run else runner.run(export))
    return worst(codes)


def _is_due(export: Export) -> bool:
    """Whether it is time; an export whose state can't be reached is run, and says then why it can't be."""
    from b24data.exports.history import outlook

    try:
        return bool(outlook(export)["due"])
    except SdkError:
        return export.every is not None


def show(event: Mapping[str, Any], *, as_json: bool, quiet: bool) -> None:
    """One event for who looks on: results on the standard output, troubles and progress on the other."""
    kind, text = event["event"], f"{event['export']}: {event['text']}"
    if as_json:
        print(json.dumps(event, default=str), flush=True)
    elif kind in ("failed", "busy", "hook_failed"):
        print(f"b24data: {text}", file=sys.stderr, flush=True)
    elif kind == "done" and not quiet:
        print(text, flush=True)
    elif not quiet:
        print(f"{datetime.now().astimezone():%H:%M:%S} {text}", file=sys.stderr, flush=True)


def _estimate(args: argparse.Namespace, export: Export) -> Any:
    from b24data.exports.exit_codes import ExitCode
    from b24data.exports.runner import estimate

    found = estimate(export.at(datetime.now(UTC)))
    facts = {"export": export.name, **found, "text": str(found["text"])}
    print(json.dumps(facts, default=str) if args.json else f"{export.name}: {found['text']}")
    return ExitCode.DONE


def _list(args: argparse.Namespace, exports: Sequence[Export]) -> None:
    rows = [
        {
            "export": export.name,
            "what": export.notebook or export.method,
            "mode": export.kind,
            "profile": export.profile,
            "every": _every(export.every),
            "target": export.target,
        }
        for export in exports
    ]
    show_json(rows) if args.json else show_table(rows)


def _status(args: argparse.Namespace, exports: Sequence[Export]) -> None:
    from b24data.exports.history import outlook

    facts = [outlook(export) for export in exports]
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


def _every(seconds: float | None) -> str:
    units = (("w", 604_800), ("d", 86_400), ("h", 3600), ("min", 60))
    return next((f"{seconds / size:.0f}{unit}" for unit, size in units if seconds and seconds % size == 0), "")


def _local(iso: str | None) -> str:
    return "" if iso is None else f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M}"
