"""``b24data describe``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any

from b24data.cli.output import show_json, show_table
from b24data.syntax.options import add_options
from b24data.syntax.request import asked_of

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = (
    "b24data describe crm.deal.list",
    "b24data describe crm.item.list --params entityTypeId=2 --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said after ``b24data describe``."""
    parser.add_argument("method", metavar="METHOD", help="such as crm.deal.list")
    add_options(parser, "params", "json", "profile")


def run(args: argparse.Namespace) -> None:
    """The fields of a list: a table, or all that is known as JSON."""
    request = asked_of("describe", vars(args))
    from b24data.client.connect import connect

    with connect(request.profile) as b24:
        fields = b24.tools.describe(request.method, params=request.params)
    rows = [{str(name): value for name, value in row.items()} for row in fields.to_dict("records")]
    if args.json:
        show_json(rows)
    else:
        show_table([_shown(row) for row in rows])


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    flags = [name.replace("_", " ") for name in ("multiple", "required", "read_only") if row[name]]
    return {
        "code": row["code"],
        "title": row["title"] if row["title"] != row["code"] else "",
        "type": row["type"],
        "column": re.split(r"[<\[]", row["arrow"])[0],  # timestamp[us, tz=UTC], list<item: int64>
        "is": ", ".join(flags),
        "values": row["values"],
    }
