"""``b24data sync``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b24data.cli.output import show_json
from b24data.syntax.bodies import scalar_of
from b24data.syntax.options import QUERY_OPTIONS, WrongUsageError, add_options
from b24data.syntax.request import Request, asked_of, refuse_options

if TYPE_CHECKING:
    from b24data.client.connect import Client

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = (
    "b24data sync crm.deal.list --to deals --select ID,TITLE,STAGE_ID",
    "b24data sync crm.deal.list --to deals --select ID,TITLE,STAGE_ID --dry-run",
    "b24data sync tasks.task.list --to tasks --deletes scan --quiet",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said after ``b24data sync``."""
    parser.add_argument("method", metavar="METHOD", help="such as crm.deal.list")
    rows = [name for name in QUERY_OPTIONS if name != "order"]
    add_options(
        parser,
        *(*rows, "cursor", "overlap", "deletes", "max-deletes", "labels", "tz", "dtypes", "errors"),
        *("gentle", "workers", "no-check-fields", "dry-run", "to", "json", "quiet", "profile"),
        needed=["to"],
        to="the folder of the dataset; made if it is not there",
    )


def run(args: argparse.Namespace) -> None:
    """Bring a folder of Parquet files up to date; the report as text or JSON."""
    request = asked_of("sync", vars(args))
    from b24data.client.catalog import own_parameters

    refuse_options(request, own_parameters(request.method))
    asked: dict[str, Any] = {"params": request.params, **request.options}
    if args.max_deletes is not None:
        asked["max_deletes"] = _rows_or_share(args.max_deletes)
    asked |= {name: given for name in ("cursor", "overlap", "deletes") if (given := getattr(args, name)) is not None}
    from b24data.client.connect import connect

    with connect(request.profile) as b24:
        if request.dry_run:
            conditions = _asked_next(b24, request, args)
            estimate = b24.tools.estimate(request.method, conditions, params=request.params)
            show_json(asdict(estimate)) if args.json else print(estimate)
            return
        progress: Any = False if args.quiet else "auto"
        report = b24.tools.sync(
            request.method, request.select, request.filter, to=str(request.to), progress=progress, **asked
        )
    if args.json:
        show_json(report.as_dict())
    elif not args.quiet:
        print(report)


def _asked_next(b24: Client, request: Request, args: argparse.Namespace) -> Mapping[str, Any]:
    """The whole list the first time, what was changed since then."""
    from b24data.sync.clocks import seconds_of
    from b24data.sync.source import source_of
    from b24data.sync.sync import asked_next

    source = source_of(
        request.method,
        args.cursor,
        request.filter,
        select=request.select,
        session=b24.session,
        clock=b24.clock,
        columns={},
        manner={},
        fetch_all=b24.tools.fetch_all,
        iter_batches=b24.tools.iter_batches,
    )
    return asked_next(source, Path(str(request.to)), seconds_of(args.overlap or "10min"))


def _rows_or_share(text: str) -> float:
    """500 rows, or 0.2: a fifth of them."""
    value = scalar_of(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongUsageError(f"--max-deletes {text} is no number of rows", hint="say 500, or 0.2 for a fifth of them")
    return value
