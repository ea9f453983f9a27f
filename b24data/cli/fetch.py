"""``b24data fetch``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from b24data.cli.output import show_json
from b24data.syntax.options import LIST_OPTIONS, WrongUsageError, add_options
from b24data.syntax.request import asked_of, refuse_options

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = (
    "b24data fetch crm.deal.list --select ID,TITLE,OPPORTUNITY --to deals.parquet",
    "b24data fetch crm.deal.list --titles --to deals.xlsx",
    'b24data fetch crm.deal.list --filter ">=DATE_CREATE=2026-01-01" --dry-run',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said after ``b24data fetch``."""
    parser.add_argument("method", metavar="METHOD", help="such as crm.deal.list")
    add_options(parser, *LIST_OPTIONS, "no-resume", "dry-run", "to", "csv", "json", "quiet", "profile")


def run(args: argparse.Namespace) -> None:
    """A whole list into a file; its report as text or JSON."""
    request = asked_of("fetch", vars(args))
    if request.to is None and not request.dry_run:
        raise WrongUsageError("b24data fetch needs a file to write to", hint="add --to deals.parquet")
    from b24data.client.catalog import own_parameters
    from b24data.client.connect import connect

    refuse_options(request, own_parameters(request.method))

    with connect(request.profile) as b24:
        if request.dry_run:
            estimate = b24.tools.estimate(request.method, **request.estimate_arguments)
            show_json(asdict(estimate)) if args.json else print(estimate)
            return
        progress: Any = False if args.quiet else "auto"
        asked: dict[str, Any] = {**request.list_arguments, "progress": progress}
        report = b24.tools.fetch_all(request.method, to=str(request.to), **asked)
    if args.json:
        show_json(report.as_dict())
    elif not args.quiet:
        print(report)
