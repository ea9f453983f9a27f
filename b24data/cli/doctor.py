"""``b24data doctor``."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from b24data.cli.output import Commands, say, show_json, show_table, terminal_width
from b24data.errors import SdkError
from b24data.syntax.options import WrongUsageError, add_options
from b24data.syntax.request import build_request
from b24data.text.language import translated
from b24data.version import __version__

if TYPE_CHECKING:
    from b24data.doctor.check import Check


def _arguments(parser: argparse.ArgumentParser) -> None:
    looks = parser.add_argument_group(translated("checks"))
    looks.add_argument(
        "--portal",
        nargs="*",
        action="extend",
        metavar="METHOD",
        help="how the portal behaves for these lists; names no person",
    )
    looks.add_argument(
        "--scan",
        nargs="+",
        action="extend",
        metavar="PATH",
        help="find secrets in notebooks, programs, .env files and folders",
    )
    add_options(parser, "params", "json", "profile", params="parameters of the lists after --portal: entityTypeId=2")


def _doctor(args: argparse.Namespace) -> int:
    """Look, and tell; 1 when something is wrong."""
    if args.scan and args.portal is not None:
        raise WrongUsageError("b24data doctor checks either the portal or files", hint="run it twice")
    if args.scan:
        return _scan(args)
    if args.portal is not None:
        return _portal(args)
    return _checks(args)


# The machine and its portal.


def _checks(args: argparse.Namespace) -> int:
    seen = []
    for check in _each_check(args.profile):
        seen.append(check)
        if not args.json:
            print(_wrapped(f"{check.state:6}  {check.name:12}  {translated(check.text)}"), flush=True)
            if check.hint:
                print(_wrapped(f"{'':22}-> {translated(check.hint)}"))
    bad = [check for check in seen if check.state == "FAILED"]
    if args.json:
        show_json({"ok": not bad, "checks": [asdict(check) for check in seen]})
    return 1 if bad else 0


def _wrapped(line: str) -> str:
    return textwrap.fill(line, terminal_width(), subsequent_indent=" " * 22, break_long_words=False)


def _each_check(profile: str | None) -> Iterator[Check]:
    from b24data.client.connect import connect
    from b24data.doctor.check import failed
    from b24data.doctor.machine import machine_checks
    from b24data.doctor.portal import portal_checks

    can_call = True
    for check in machine_checks(profile):
        yield check
        # Who calls now would wait for the lock that another program holds.
        can_call &= check.state == "ok" or check.name not in ("profile", "locks")
        can_call &= check.state != "FAILED" or check.name != "tokens"
    if not can_call:
        return
    try:
        client = connect(profile)
    except SdkError as error:
        yield failed("sign-in", error)
        return
    with client:
        yield from portal_checks(client)


# What the portal does with its lists.

_QUESTIONS = {
    "order": "order",
    "above": "id >",
    "below": "id <=",
    "floor": "id >=",
    "chains": "chains",
    "short_page_ends": "short",
    "counts": "counts",
}

_LEGEND = """\
order, id, chains: what a walk by id needs and this portal supports; NO: the list is read in another, slower way.
short: a page that is not full is the last one. counts: the answer has the number of rows. -: could not be observed."""


def _portal(args: argparse.Namespace) -> int:
    request = build_request("doctor", vars(args))
    from b24data.client.connect import connect
    from b24data.doctor.findings import USUAL, findings_of, portal_kind

    with connect(request.profile) as b24:
        kind = portal_kind(b24.auth.portal)
        found = list(findings_of(b24, args.portal or USUAL, request.params))
    if args.json:
        show_json({"b24data": __version__, "portal": kind, "methods": [asdict(one) for one in found]})
    else:
        say(f"b24data {__version__}, {kind}\n")
        show_table([_line(asdict(one)) for one in found])
        say("\n" + _LEGEND)
        for one in found:
            if one.error:
                say(f"{one.method}: {one.error}")
    return 1 if any(one.error for one in found) else 0


def _line(found: dict[str, Any]) -> dict[str, Any]:
    answers = {True: "yes", False: "NO", None: "-"}
    rows, page = found["rows_of_first_page"], found["page"]
    return {
        "method": found["method"],
        "walk": found["walk"] or "error",
        "rows": "" if rows is None else f"{rows}" if page is None else f"{rows} of {page}",
        **{name: answers[found[key]] for key, name in _QUESTIONS.items()},
    }


# Secrets in files.


def _scan(args: argparse.Namespace) -> int:
    from b24data.doctor.leaks import Leak, cures, files_in, leaks_in_file, shown_name

    found: list[Leak] = []
    unread: list[str] = []

    def skipped(error: OSError) -> None:
        unread.append(str(error.filename))
        say(f"b24data: {shown_name(str(error.filename))} was not read: {error.strerror}", file=sys.stderr)

    files = list(files_in(args.scan, skipped))
    for file in files:
        try:
            found += leaks_in_file(file)
        except OSError as error:
            error.filename = error.filename or file
            skipped(error)
    if args.json:
        show_json({"files": len(files), "unread": unread, "secrets": [asdict(leak) for leak in found]})
    else:
        _tell(len(files), [f"{shown_name(leak.file)}: {translated(leak.place)}" for leak in found], cures(found))
    return 1 if found or unread else 0


def _tell(files: int, leaks: Sequence[str], cures: Sequence[str]) -> None:
    print("\n".join(leaks), end="\n\n" if leaks else "")
    count, one, many = len(leaks), "s" if len(leaks) != 1 else "", "s" if files != 1 else ""
    say(f"{count} secret{one} in {files:,} file{many}" if leaks else f"no secret in {files:,} file{many}")
    if cures:
        say("What to do:" if not cures else "\nWhat to do:")
        for line in cures:
            say(f"  {translated(line)}" if line[0] == " " else f"- {translated(line)}")


COMMANDS: Commands = {
    "doctor": (
        (
            "b24data doctor",
            "b24data doctor --portal crm.deal.list crm.contact.list",
            "b24data doctor --scan notebooks reports/october.ipynb",
        ),
        _arguments,
        _doctor,
    )
}
