"""``b24data login``."""

from __future__ import annotations

import argparse

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = ("b24data login", "b24data login acme")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said after ``b24data login``."""
    parser.add_argument("profile", nargs="?", metavar="PROFILE", help="the name to keep it under (that of the portal)")
    parser.add_argument("--port", type=_port, metavar="N", help="where the browser comes back to (8724)")


def run(args: argparse.Namespace) -> None:
    """Ask, and keep the profile; where nobody can be asked, say who is signed in already."""
    from b24data.signin.login import face_here, login

    client = login(args.profile, **({"port": args.port} if args.port else {}))
    if face_here() == "none":
        print(f"nobody is here to be asked, and nobody has to be: {client}")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text} is not a port, which is a number from 1 to 65535")
    return int(text)
