"""A command at many portals: ``--profile '*'``, or names parted by commas."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from b24data.cli.output import say, show_json, show_table
from b24data.text.hints import Face

if TYPE_CHECKING:
    from b24data.portals.outcome import PortalOutcome
    from b24data.portals.portals import Portals


def at_many(args: argparse.Namespace, profiles: str | list[str], work: Callable[[Portals], Any]) -> int:
    """Do ``work`` at many portals and show how it ended at each; the exit code is that of the worst."""
    from b24data.exports.exit_codes import exit_code, worst
    from b24data.portals.connect import connect_all

    with connect_all(profiles, errors="collect") as portals:
        result = work(portals)
        outcomes, failures, lines = portals.outcomes, portals.failures, portals.failed_lines(Face.SHELL)
    if args.json:
        show_json({"outcome": [asdict(one) for one in outcomes], "reports": _plain(result)})
    elif not args.quiet:
        show_table(_rows(result, outcomes))
    for line in lines:
        say(f"b24data: {line}", file=sys.stderr)
    return worst(map(exit_code, failures.values()))


def _plain(result: Any) -> Any:
    if isinstance(result, Mapping):
        return {name: report.as_dict() for name, report in result.items()}
    return result.to_dict("records")


def _rows(result: Any, outcomes: list[PortalOutcome]) -> list[dict[str, Any]]:
    """The outcomes; of an estimate its rows."""
    if isinstance(result, Mapping):
        return [
            {"portal": one.portal, "state": one.state, "rows": f"{one.rows:,}", "seconds": f"{one.seconds:.1f}"}
            for one in outcomes
        ]
    return [{str(name): value for name, value in row.items()} for row in result.to_dict("records")]
