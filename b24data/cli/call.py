"""``b24data call``."""

from __future__ import annotations

import argparse
import sys

from b24data.cli.output import show_json
from b24data.syntax.options import QUERY_OPTIONS, add_options
from b24data.syntax.request import asked_of

__all__ = ["EXAMPLES", "add_arguments", "run"]

EXAMPLES = (
    "b24data call crm.deal.get --params id=5",
    "b24data call crm.deal.delete --params id=5 --write",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said after ``b24data call``."""
    parser.add_argument("method", metavar="METHOD", help="such as crm.deal.get")
    add_options(parser, *QUERY_OPTIONS, "write", "profile")


def run(args: argparse.Namespace) -> None:
    """One request; its answer as JSON."""
    request = asked_of("call", vars(args))
    from b24data.client.catalog import check_call, raise_for_error
    from b24data.client.connect import connect

    check_call(request.method, write=request.write)
    with connect(request.profile) as b24:
        answer = b24.actions.v2.call.make(method=request.method, params=request.call_params)
    raise_for_error(answer)
    show_json(answer.get_data())
    if answer.next is not None:
        of = f" of {answer.total:,}" if answer.total else ""
        hint = f"b24data fetch {request.method} --to FILE gets them all"
        print(f"b24data: this is up to row {answer.next:,}{of}; {hint}", file=sys.stderr)
