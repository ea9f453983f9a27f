"""``b24data status``."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from b24data.cli.output import show_json
from b24data.syntax.options import add_options

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = ("b24data status", "b24data status --profile acme --json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said after ``b24data status``."""
    add_options(parser, "json", "profile")


def run(args: argparse.Namespace) -> None:
    """Ask the portal who calls and what they may do."""
    from b24data.client.connect import connect
    from b24data.client.status import status_of

    with connect(args.profile) as b24:
        status = status_of(b24)
    if args.json:
        show_json(asdict(status))
    else:
        print(status)
