"""``b24data profiles``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from b24data.cli.output import show_json, show_table
from b24data.errors import ConfigError
from b24data.syntax.options import add_options

if TYPE_CHECKING:
    from b24data.auth.profiles import Profile

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = ("b24data profiles", "b24data profiles --delete acme")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said after ``b24data profiles``."""
    parser.add_argument("--delete", metavar="PROFILE", help="forget one and its tokens")
    add_options(parser, "json")


def run(args: argparse.Namespace) -> None:
    """List the profiles, or delete one."""
    from b24data.auth.profiles import Profiles

    profiles = Profiles()
    if args.delete:
        profiles.delete(args.delete)
    rows = [_row(name, one) for name, one in profiles.known()]
    if args.json:
        show_json(rows)
    elif rows or not args.delete:
        show_table(rows, none="no profiles yet: b24data login makes one")


def _row(name: str, one: Profile | ConfigError) -> dict[str, str]:
    if isinstance(one, ConfigError):
        return {"profile": name, "portal": "", "user": "", "way_in": f"can't be read: {one.description}"}
    way_in = "webhook" if one.webhook else "application"
    return {"profile": one.name, "portal": one.portal, "user": one.user, "way_in": way_in}
