"""The sandbox from a shell: ``b24data sandbox`` and ``python -m b24data.sandbox``."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Callable
from typing import Any

from b24data.sandbox.sandbox import SandboxPortal

_HELP = {
    "seed": "another seed, other data",
    "port": "a free one by default",
    "workers": "requests that it works on at once (0: any number)",
    "token-ttl-requests": "access tokens expire after this many requests",
    "token-ttl-s": "access tokens expire after this many seconds",
    "gap": "the share of ids that are missing, 0 to 1",
    "latency-s": "seconds on the way of each request",
    "cost": "seconds of server time for a full page",
    "time-scale": "this many portal seconds pass in one real second",
    "operating-limit-s": "execution time that a method has in ten minutes",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``b24data sandbox``; what is not given keeps the default of :class:`SandboxPortal`."""
    counts = ("deals", "leads", "contacts", "companies", "tasks", "users", "activities", "items")
    numbers: dict[str, Callable[[str], Any]] = {
        "seed": int,
        "port": _port,
        "workers": int,
        "token-ttl-requests": int,
        "token-ttl-s": float,
    }
    seconds: dict[str, Callable[[str], Any]] = {
        "gap": _share,
        "latency-s": float,
        "cost": float,
        "time-scale": float,
        "operating-limit-s": float,
    }
    for name in counts:
        parser.add_argument(f"--{name}", type=int, metavar="N", default=argparse.SUPPRESS, help=f"how many {name}")
    for name, kind in {**numbers, **seconds}.items():
        parser.add_argument(f"--{name}", type=kind, metavar="N", default=argparse.SUPPRESS, help=_HELP[name])
    parser.add_argument(
        "--host", metavar="NAME", default=argparse.SUPPRESS, help="the address it listens at (127.0.0.1)"
    )
    parser.add_argument(
        "--redirect-uri", metavar="URL", default=argparse.SUPPRESS, help="the application's return address"
    )
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), default=argparse.SUPPRESS, help="serve https")
    parser.add_argument("--no-limit", action="store_true", help="neither the bucket nor the operating limit")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port, which is a number up to 65535")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share, which is from 0 to below 1")
    return share


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def serve(
    arguments: argparse.Namespace,
    portal_class: type[SandboxPortal] = SandboxPortal,
    say: Callable[[str], None] = _say,
) -> int:
    """Serve until Ctrl-C; says how to connect."""
    known = SandboxPortal.__init__.__kwdefaults__ or {}
    given = {name: value for name, value in vars(arguments).items() if name in known}
    if "tls" in given:
        given["tls"] = tuple(given["tls"])
    if arguments.no_limit:
        given |= {"rate_limit": None, "operating_limit_s": None}
    with portal_class(**given) as portal:
        lines = [
            f"A sandbox portal runs at {portal.url} until Ctrl-C.",
            f"webhook:      {portal.webhook_url}",
            f"oauth params: {json.dumps(portal.oauth_params())}",
            f"oauth secret: {json.dumps(portal.oauth_secret())}",
            "",
            "import b24data",
            f'b24 = b24data.B24Hook("{portal.webhook_url}")',
            'b24.tools.fetch_all("crm.deal.list", select=["ID", "TITLE", "OPPORTUNITY"])',
            "",
            "# in another shell",
            f"export B24_WEBHOOK={portal.webhook_url}",
            "b24data crm sync --to crm",
        ]
        say("\n".join(lines))
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("stopped")
    return 0


def main() -> int:
    """``python -m b24data.sandbox``."""
    parser = argparse.ArgumentParser(prog="python -m b24data.sandbox", description=__doc__)
    parser.add_argument("--parent", action="store_true", help=argparse.SUPPRESS)
    add_arguments(parser)
    arguments = parser.parse_args()
    if arguments.parent:
        from b24data.sandbox.hosting import serve_parent

        serve_parent()
        return 0
    return serve(arguments)
