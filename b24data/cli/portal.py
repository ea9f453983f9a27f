"""The commands for portals and profiles."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from b24data.cli.output import Commands, say, show_json, show_table
from b24data.errors import ConfigError
from b24data.syntax.options import add_options
from b24data.text.language import translated

if TYPE_CHECKING:
    from b24data.auth.profiles import Profile


def _login_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("profile", nargs="?", metavar="PROFILE", help="the name of the profile (the portal's name)")
    parser.add_argument("--port", type=_port, metavar="N", help="the port that the browser returns to (8724)")


def _login(args: argparse.Namespace) -> None:
    """Ask, and save the profile; without a prompt, say who is signed in already."""
    from b24data.signin.login import login, ui_here

    client = login(args.profile, **({"port": args.port} if args.port else {}))
    if ui_here() == "none":
        say(f"no sign-in is needed: {client}")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text} is not a port: a number from 1 to 65535")
    return int(text)


def _profiles_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--delete", action="append", metavar="PROFILE", help="delete a profile and its tokens")
    add_options(parser, "json")


def _profiles(args: argparse.Namespace) -> None:
    """List the profiles, or delete some."""
    from b24data.auth.profiles import Profiles

    profiles = Profiles()
    for name in set(args.delete or ()) - {*profiles.names()}:
        profiles.load(name)  # a wrong name is told before another profile is gone
    for name in dict.fromkeys(args.delete or ()):
        profiles.delete(name)
    rows = [_profile_row(name, one) for name, one in profiles.known()]
    if args.json:
        show_json(rows)
    elif rows or not args.delete:
        shown = [row | {"way_in": translated(row["way_in"])} for row in rows]
        show_table(shown, none="no profiles yet: b24data login creates one")


def _profile_row(name: str, one: Profile | ConfigError) -> dict[str, str]:
    if isinstance(one, ConfigError):
        return {"profile": name, "portal": "", "user": "", "way_in": f"can't be read: {one.description}"}
    return {"profile": one.name, "portal": one.portal, "user": one.user, "way_in": one.kind}


def _status_arguments(parser: argparse.ArgumentParser) -> None:
    add_options(parser, "json", "profile")


def _status(args: argparse.Namespace) -> None:
    """Ask the portal who calls and what they may do."""
    from b24data.client.connect import connect
    from b24data.client.status import status_of

    with connect(args.profile) as b24:
        status = status_of(b24)
    if args.json:
        show_json(asdict(status))
    else:
        print(status.told())


# Each command: its examples, the options that it takes, and what it does.
COMMANDS: Commands = {
    "login": (
        ("b24data login", "b24data login acme"),
        _login_arguments,
        _login,
    ),
    "profiles": (
        ("b24data profiles", "b24data profiles --delete acme"),
        _profiles_arguments,
        _profiles,
    ),
    "status": (
        ("b24data status", "b24data status --profile acme --json"),
        _status_arguments,
        _status,
    ),
}
