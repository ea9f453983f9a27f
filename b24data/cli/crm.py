"""The commands for the tables of a CRM."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from b24data.cli.output import Commands, say, show_json, show_table
from b24data.syntax.options import MANY_PROFILES, add_options
from b24data.syntax.request import build_request
from b24data.text.language import translated

if TYPE_CHECKING:
    from b24data.progress import ProgressEvent


def _crm_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(
        metavar="ACTION", dest="action", required=True, help="sync, tables, check or export"
    )
    sync = actions.add_parser(
        "sync",
        description="Bring the tables up to date.\n\n"
        "Exit codes: 0 done, 1 failed, 2 a table is missing, 3 sign in again,\n4 another program runs it.",
    )
    own = ("tables", "since", "deletes", "max-deletes", "no-gentle")
    helps = {"to": "the folder; created if it is missing", "profile": MANY_PROFILES}
    add_options(sync, *own, "to", "json", "quiet", "profile", needed=["to"], **helps)
    tables = actions.add_parser("tables", description="The tables of a folder: rows, keys, links.")
    check = actions.add_parser(
        "check", description="Doubled keys, orphans, amounts, stages.\n\nExit codes: 0 good (orphans are), 2 not good."
    )
    export = actions.add_parser("export", description="Load tables and views into a database.")
    for one in (tables, check, export):
        one.add_argument("folder", metavar="FOLDER", help="the folder of the tables")
        if one is not export:
            add_options(one, "json")
    add_options(
        export, "to", "schema", needed=["to"], to="the database: crm.duckdb, or postgresql://user@host/database"
    )


def _crm(args: argparse.Namespace) -> int:
    """Keep the tables of a CRM up to date, look at them, load them into a database."""
    actions = {"sync": _sync, "tables": _tables, "check": _check, "export": _export}
    return actions[args.action](args)


def _sync(args: argparse.Namespace) -> int:
    from b24data.client.connect import connect
    from b24data.frames.memory import few_arenas

    few_arenas()

    def show(event: ProgressEvent) -> None:
        if event.kind == "note" and not (args.quiet or args.json):
            say(event.summary)

    request = build_request("crm", vars(args))
    if (many := request.profiles) is not None:
        from b24data.cli.portals import at_many

        asked: dict[str, Any] = {"progress": False if args.quiet else "auto", **request.options}
        return at_many(args, many, lambda portals: portals.tools.sync_crm(args.to, **asked))
    with connect(request.profile) as b24:
        report = b24.tools.sync_crm(args.to, progress=show, **request.options)
    if args.json:
        show_json(report.as_dict())
    elif not args.quiet or not report.complete:
        say(report)
    return 0 if report.complete else 2


def _tables(args: argparse.Namespace) -> int:
    from b24data.crm.snapshot import snapshot_of

    rows = snapshot_of(args.folder).manifest.rows
    if args.json:
        show_json(rows)
    else:
        show_table([row | {"content": translated(row["content"])} for row in rows])
    return 0


def _check(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from b24data.crm.check import check_crm

    found = check_crm(args.folder)
    if args.json:
        show_json(asdict(found) | {"good": found.good})
    else:
        told = ("finding", "note")
        rows = [row | {name: translated(row[name]) for name in told} for row in found.rows]
        show_table(rows, none=f"{found.tables} tables: no finding")
    return 0 if found.good else 2


def _export(args: argparse.Namespace) -> int:
    from b24data.crm.export import export_crm

    names = export_crm(args.folder, args.to, args.schema)
    say(f"{len(names)} tables and views")
    return 0


COMMANDS: Commands = {
    "crm": (
        (
            "b24data crm sync --to crm",
            "b24data crm sync --to crm --tables deals,deal_products --deletes scan --quiet",
            "b24data crm tables crm",
            "b24data crm check crm",
            "b24data crm export crm --to crm.duckdb",
        ),
        _crm_arguments,
        _crm,
    ),
}
