"""``b24data login``."""

from __future__ import annotations

import argparse

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = ("b24data login", "b24data login acme")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said after ``b24data login``."""
    parser.add_argument("profile", nargs="?", metavar="PROFILE", help="the name to keep it under (that of the portal)")
    parser.add_argument("--port", type=int, metavar="N", help="where the browser comes back to (8724)")


def run(args: argparse.Namespace) -> None:
    """Ask, and keep the profile."""
    from b24data.faces import login

    login(args.profile, **({"port": args.port} if args.port else {}))
