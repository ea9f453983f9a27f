"""The commands for lists and calls."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from b24data.cli.output import Commands, say, show_json, show_table
from b24data.syntax.options import (
    LIST_OPTIONS,
    MANY_PROFILES,
    QUERY_OPTIONS,
    WrongUsageError,
    add_options,
    reading_words,
)
from b24data.syntax.request import LineRequest, build_request, refuse_list_options, refuse_options
from b24data.syntax.values import rows_or_share


def _fetch_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("method", metavar="METHOD", help="such as crm.deal.list")
    further = ("no-resume", "dry-run", "to", "csv", "json", "quiet", "profile")
    add_options(parser, *LIST_OPTIONS, *further, profile=MANY_PROFILES)


def _fetch(args: argparse.Namespace) -> int:
    """A whole list into a file; its report as text or JSON."""
    request = build_request("fetch", vars(args))
    if request.to is None and not request.dry_run:
        raise WrongUsageError("b24data fetch needs a file to write to", hint="add --to deals.parquet")
    from b24data.client.catalog import own_parameters
    from b24data.client.connect import connect

    refuse_options(request, own_parameters(request.method))
    progress: Any = False if args.quiet else "auto"
    if request.profiles is not None:
        from b24data.cli.portals import at_many

        return at_many(args, request.profiles, lambda portals: request.fetch(portals.tools, progress=progress))
    with connect(request.profile) as b24:
        _show_done(args, request.fetch(b24.tools, progress=progress))
    return 0


def _show_done(args: argparse.Namespace, done: Any) -> None:
    """What was done or, with ``--dry-run``, what it would take."""
    if args.json:
        show_json(asdict(done) if args.dry_run else done.as_dict())
    elif args.dry_run or not args.quiet:
        say(done)


def _sync_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("method", metavar="METHOD", help="such as crm.deal.list")
    rows = [name for name in QUERY_OPTIONS if name != "order"]
    add_options(
        parser,
        *(*rows, "cursor", "overlap", "deletes", "max-deletes", "labels", "tz", "dtypes", "errors"),
        *("gentle", "workers", "no-check-fields", "dry-run", "to", "json", "quiet", "profile"),
        needed=["to"],
        to="the folder of the dataset; created if it is missing",
        profile=MANY_PROFILES,
    )


def _sync(args: argparse.Namespace) -> int:
    """Bring a folder of Parquet files up to date; the report as text or JSON."""
    request = build_request("sync", vars(args))
    from b24data.client.catalog import own_parameters
    from b24data.sync.clocks import seconds_of

    refuse_options(request, own_parameters(request.method))
    with reading_words():
        seconds_of(args.overlap or 0)
    asked: dict[str, Any] = {"params": request.params, **request.options}
    asked["max_deletes"] = rows_or_share(args.max_deletes)
    asked |= {name: given for name in ("cursor", "overlap", "deletes") if (given := getattr(args, name)) is not None}
    progress: Any = False if args.quiet else "auto"
    question, to = (request.method, request.select, request.filter), str(request.to)
    if request.profiles is not None:
        from b24data.cli.portals import at_many

        if request.dry_run:
            raise WrongUsageError("--dry-run of a sync is for one portal", hint="name it: --profile NAME")
        return at_many(
            args, request.profiles, lambda portals: portals.tools.sync(*question, to=to, progress=progress, **asked)
        )
    from b24data.client.connect import connect

    with connect(request.profile) as b24:
        if request.dry_run:
            asked_next = request.estimate_arguments | {"filter": _asked_next(request, args)}
            _show_done(args, b24.tools.estimate(request.method, **asked_next))
        else:
            _show_done(args, b24.tools.sync(*question, to=to, progress=progress, **asked))
    return 0


def _asked_next(request: LineRequest, args: argparse.Namespace) -> Mapping[str, Any]:
    """The whole list the first time, what was changed since then."""
    from b24data.sync.clocks import seconds_of
    from b24data.sync.source import check_synced
    from b24data.sync.sync import asked_next

    asked = check_synced(request.method, args.cursor, request.select, request.filter)
    return asked_next(asked, Path(str(request.to)), seconds_of(args.overlap or "10min"))


def _describe_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("method", metavar="METHOD", help="such as crm.deal.list")
    add_options(parser, "params", "json", "profile")


def _describe(args: argparse.Namespace) -> None:
    """The fields of a list: a table, or all that is known as JSON."""
    request = build_request("describe", vars(args))
    from b24data.client.connect import connect

    with connect(request.profile) as b24:
        fields = b24.tools.describe(request.method, params=request.params)
    rows = [{str(name): value for name, value in row.items()} for row in fields.to_dict("records")]
    if args.json:
        show_json(rows)
    else:
        show_table([_shown_field(row) for row in rows])


def _shown_field(row: Mapping[str, Any]) -> dict[str, Any]:
    flags = [name.replace("_", " ") for name in ("multiple", "required", "read_only") if row[name]]
    return {
        "code": row["code"],
        "title": row["title"] if row["title"] != row["code"] else "",
        "type": row["type"],
        "column": re.split(r"[<\[]", row["arrow"])[0],  # timestamp[us, tz=UTC], list<item: int64>
        "is": ", ".join(flags),
        "values": row["values"],
    }


def _methods_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "method", nargs="?", metavar="PATTERN", help='a part of the name, such as deal; or "crm.*.list"'
    )
    parser.add_argument("--portal", action="store_true", help="list the portal's own methods; --profile does the same")
    add_options(parser, "json", "profile")


def _methods(args: argparse.Namespace) -> int:
    """The documented list methods, or the methods of a portal; 1 when none matches."""
    request = build_request("methods", vars(args))
    from b24data.client.catalog import documented, of_portal

    names = ["method", "walk", "deprecated"]
    if args.portal or request.profile:
        from b24data.client.connect import connect

        with connect(request.profile) as b24:
            found = of_portal(b24, request.method)
        names[1:1] = ["list", "reads"]
    else:
        found = documented(request.method)
    rows = [asdict(one) for one in found]
    if args.json:
        show_json(rows)
    else:
        show_table([{name: row[name] for name in names} for row in rows], none="no such method")
    return 0 if rows else 1


def _unfinished_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--discard", action="append", metavar="FILE", help="discard it; the next fetch starts over")
    add_options(parser, "json")


def _unfinished(args: argparse.Namespace) -> None:
    """List the fetches into files that were stopped, or forget some."""
    from b24data.fetch.job import discard
    from b24data.fetch.unfinished import unfinished
    from b24data.http.clock import SYSTEM_CLOCK

    for file in args.discard or ():
        discard(Path(file), SYSTEM_CLOCK)
    found = [asdict(job) for job in unfinished(SYSTEM_CLOCK.time())]
    for job in found:
        job["started"] = datetime.fromtimestamp(job["started"], UTC).isoformat(timespec="seconds")
    if args.json:
        show_json(found)
    elif found or not args.discard:
        shown = ("target", "state", "rows", "started", "method", "portal")
        rows = [{**{name: job[name] for name in shown}, "rows": f"{job['rows']:,}"} for job in found]
        show_table(rows, none="no unfinished fetches")
        if any(job["state"] == "stopped" for job in found):
            say("\nRun the same fetch again to resume it.")


def _call_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("method", metavar="METHOD", help="such as crm.deal.get")
    add_options(parser, *LIST_OPTIONS, "raw", "write", "profile")


def _call(args: argparse.Namespace) -> None:
    """A list method: the whole list as JSON. Any other, and with ``--raw``: one request, and its answer as JSON."""
    request = build_request("call", vars(args))
    from b24data.client.catalog import check_call, is_list, own_parameters, raise_for_error
    from b24data.client.connect import connect

    check_call(request.method, write=request.write)
    whole = is_list(request.method) and not request.raw
    if whole:
        refuse_options(request, own_parameters(request.method))
    else:
        refuse_list_options(request, listed=is_list(request.method))
    with connect(request.profile) as b24:
        if whole:
            progress: Any = "auto" if sys.stderr.isatty() else False
            rows = b24.tools.fetch_table(request.method, **request.list_arguments, progress=progress)
            show_json(rows.to_pylist())
            return
        answer = b24.actions.v2.call.make(method=request.method, params=request.call_params)
    raise_for_error(answer)
    show_json(answer.get_data())
    if answer.next is not None:
        of = f" of {answer.total:,}" if answer.total else ""
        hint = f"b24data fetch {request.method} --to FILE reads them all"
        say(f"b24data: this is up to row {answer.next:,}{of}; {hint}", file=sys.stderr)


# Each command: its examples, the options that it takes, and what it does.
COMMANDS: Commands = {
    "fetch": (
        (
            "b24data fetch crm.deal.list --select ID,TITLE,OPPORTUNITY --to deals.parquet",
            "b24data fetch crm.deal.list --titles --to deals.xlsx",
            'b24data fetch crm.deal.list --filter ">=DATE_CREATE=2026-01-01" --dry-run',
            "b24data fetch crm.deal.list --profile '*' --to 'lake/{profile}/deals.parquet'",
        ),
        _fetch_arguments,
        _fetch,
    ),
    "sync": (
        (
            "b24data sync crm.deal.list --to deals --select ID,TITLE,STAGE_ID",
            "b24data sync crm.deal.list --to deals --select ID,TITLE,STAGE_ID --dry-run",
            "b24data sync tasks.task.list --to tasks --deletes scan --quiet",
        ),
        _sync_arguments,
        _sync,
    ),
    "describe": (
        (
            "b24data describe crm.deal.list",
            "b24data describe crm.item.list --params entityTypeId=2 --json",
        ),
        _describe_arguments,
        _describe,
    ),
    "methods": (
        (
            "b24data methods deal",
            'b24data methods "crm.*.list" --portal',
        ),
        _methods_arguments,
        _methods,
    ),
    "unfinished": (
        ("b24data unfinished", "b24data unfinished --discard deals.parquet"),
        _unfinished_arguments,
        _unfinished,
    ),
    "call": (
        (
            "b24data call crm.deal.get --params id=5",
            "b24data call crm.status.list --filter ENTITY_ID=SOURCE",
            "b24data call crm.deal.delete --params id=5 --write",
        ),
        _call_arguments,
        _call,
    ),
}
