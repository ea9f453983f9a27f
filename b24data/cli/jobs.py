"""``b24data jobs``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from b24data.cli.output import show_json, show_table
from b24data.syntax.options import add_options

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = ("b24data jobs", "b24data jobs --discard deals.parquet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said after ``b24data jobs``."""
    parser.add_argument("--discard", metavar="FILE", help="forget what there is of it; the next fetch starts anew")
    add_options(parser, "json")


def run(args: argparse.Namespace) -> None:
    """List the fetches into files that were stopped, or forget one."""
    from b24data.fetch.resume import discard
    from b24data.fetch.unfinished import jobs
    from b24data.http.clock import SYSTEM_CLOCK

    if args.discard:
        discard(Path(args.discard), SYSTEM_CLOCK)
    found = [asdict(job) for job in jobs(SYSTEM_CLOCK.time())]
    for job in found:
        job["started"] = datetime.fromtimestamp(job["started"], UTC).isoformat(timespec="seconds")
    if args.json:
        show_json(found)
    elif found or not args.discard:
        shown = ("target", "state", "rows", "started", "method", "portal")
        rows = [{**{name: job[name] for name in shown}, "rows": f"{job['rows']:,}"} for job in found]
        show_table(rows, none="nothing is unfinished")
        if any(job["state"] == "stopped" for job in found):
            print("\nThe same fetch, made again, goes on where it stopped.")
