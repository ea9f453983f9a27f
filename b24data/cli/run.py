"""``b24data run``."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path

from b24data.cli.output import show_json
from b24data.syntax.options import add_options

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = (
    "b24data run report.ipynb -p month=2026-10 -o out/",
    "b24data run report.ipynb -o out/October.ipynb --html --timeout 2h",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said after ``b24data run``."""
    parser.add_argument("notebook", metavar="NOTEBOOK", help="it runs from top to bottom, in its own folder")
    parser.add_argument(
        "-p",
        "--parameter",
        action="append",
        metavar="NAME=VALUE",
        help="sets what the cell tagged `parameters` sets; may repeat; never a secret",
    )
    parser.add_argument("--kernel", metavar="NAME", help="another kernel than the notebook's")
    parser.add_argument("--timeout", metavar="TIME", help="30min, 2h: for all cells together")
    add_options(parser, "json", "quiet", "profile", quiet="tell only what went wrong")
    parser.add_argument(
        "-o", "--out", default="out", metavar="PATH", help="the executed copy: a folder, or a file (%(default)s)"
    )
    parser.add_argument("--html", action="store_true", help="a page beside it")


def run(args: argparse.Namespace) -> None:
    """Run a notebook; its executed copy appears when all of it went well."""
    from b24data.exports.notebook import NotebookRun
    from b24data.exports.parameters import parameters_of
    from b24data.exports.unattended import unattended
    from b24data.sync.clocks import seconds_of

    timeout = None if args.timeout is None else seconds_of(args.timeout)
    notebook = Path(args.notebook)
    with unattended(Path.cwd()):
        started = NotebookRun(
            notebook=notebook,
            out=Path(args.out),
            parameters=parameters_of(args.parameter),
            html=args.html,
            timeout=timeout,
            kernel=args.kernel or "",
            profile=args.profile,
            tell=(lambda _: None) if args.quiet or args.json else _tell,
        )
        cells = started.run()
    if args.json:
        show_json({"notebook": str(notebook), "out": str(started.copy), "cells": cells})
    elif not args.quiet:
        print(f"{notebook}: {cells} cells: {started.copy}")


def _tell(text: str) -> None:
    print(f"{datetime.now().astimezone():%H:%M:%S} {text}", file=sys.stderr, flush=True)
