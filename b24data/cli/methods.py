"""``b24data methods``."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from b24data.cli.output import show_json, show_table
from b24data.syntax.options import add_options
from b24data.syntax.request import asked_of

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = (
    "b24data methods deal",
    'b24data methods "crm.*.list" --portal',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said after ``b24data methods``."""
    parser.add_argument(
        "method", nargs="?", metavar="PATTERN", help='a part of the name, such as deal; or "crm.*.list"'
    )
    parser.add_argument("--portal", action="store_true", help="ask the portal which it has; so does --profile")
    add_options(parser, "json", "profile")


def run(args: argparse.Namespace) -> int:
    """The documented list methods, or the methods of a portal; 1 when none matches."""
    request = asked_of("methods", vars(args))
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
