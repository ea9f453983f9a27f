"""``b24data demo``: the whole promise on one machine, checked against the portal's own truth; ``b24data sandbox``."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b24data.cli.output import Commands, say
from b24data.errors import MissingExtraError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from b24data.client.client import B24OAuth

METHOD = "crm.deal.list"
SELECT = [
    *("ID", "TITLE", "CATEGORY_ID", "STAGE_ID", "OPPORTUNITY", "CURRENCY_ID", "CLOSED"),
    *("SOURCE_ID", "ASSIGNED_BY_ID", "DATE_CREATE", "DATE_MODIFY", "CLOSEDATE"),
]
TOKEN_TTL_REQUESTS = 7
_FEWEST_DEALS = 100


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deals", type=_count, default=100_000, help="how many deals the portal has (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for the files (%(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="another seed, other deals (%(default)s)")


def _count(text: str) -> int:
    number = int(text.replace("_", "").replace(",", ""))
    if number < _FEWEST_DEALS:
        raise argparse.ArgumentTypeError(f"at least {_FEWEST_DEALS}, or there is no funnel to draw")
    return number


def _demo(args: argparse.Namespace) -> int:
    """Fetch, compare, show and draw; 1 when a comparison fails."""
    if importlib.util.find_spec("matplotlib") is None:  # told before the work, not after it
        raise MissingExtraError("the chart of the demo", "demo")
    from b24data.cli.chart import draw
    from b24data.testing.sandbox import Sandbox

    began = time.monotonic()
    args.out.mkdir(parents=True, exist_ok=True)
    file, chart = args.out / "deals.parquet", args.out / "funnel.png"
    say(f"Starting a portal on this machine: {args.deals:,} deals, the usual limits,")
    say(f"and access tokens that expire after {TOKEN_TTL_REQUESTS} requests.")
    with Sandbox(deals=args.deals, seed=args.seed, token_ttl_requests=TOKEN_TTL_REQUESTS, process=True) as portal:
        b24 = portal.connect()
        _heading(f"b24.tools.fetch_all({METHOD!r}, select=[...], to={str(file)!r})")
        report = b24.tools.fetch_all(METHOD, select=SELECT, to=file)
        say(report)
        _heading(f"df = b24.tools.fetch_all({METHOD!r}, select=[...])")
        deals = b24.tools.fetch_all(METHOD, select=SELECT)
        _show(deals)
        stages = _stages(b24)
        truth, stats = portal.truth(METHOD), portal.stats

    import pyarrow.parquet as pq

    _heading("Compared with the portal's own data")
    table = pq.read_table(file)
    passed = _checked(
        {
            f"the Parquet file has each of the {truth.count:,} deals once": table["ID"].to_pylist() == list(truth.ids),
            f"the DataFrame has each of the {truth.count:,} deals once": deals["ID"].tolist() == list(truth.ids),
            f"both hold the same values in {table.num_columns} columns": _same_values(deals, table),
            f"{stats.deaths} access tokens expired during the fetch, each was refreshed once": stats.refreshes
            == stats.deaths,
            "no refresh token was used twice": stats.reused_refresh_tokens == 0,
            f"none of the {stats.requests} requests hit a limit": stats.rate_limit_hits + stats.operating_limit_hits
            == 0,
        }
    )
    draw(deals, stages, chart)
    _heading(f"Done in {time.monotonic() - began:.0f} s")
    say(f"{file}  {file.stat().st_size / 1e6:.1f} MB\n{chart}   the sales funnel")
    return 0 if passed else 1


def _heading(text: str) -> None:
    say(f"\n{text}")


def _show(deals: pd.DataFrame) -> None:
    import pandas as pd

    width = shutil.get_terminal_size().columns
    wide = ("display.width", width, "display.max_columns", None, "display.unicode.east_asian_width", True)
    with pd.option_context(*wide):
        say(f"{deals.head()}\n\n{deals.dtypes.to_string()}")


def _stages(b24: B24OAuth) -> list[dict[str, Any]]:
    """The stages of the first pipeline in the order that its people see."""
    query = {"order": {"SORT": "ASC"}, "filter": {"ENTITY_ID": "DEAL_STAGE"}}
    answer = b24.actions.v2.call.make(method="crm.status.list", params=query)
    answer.raise_for_error()
    return list(answer.result)


def _same_values(deals: pd.DataFrame, table: pa.Table) -> bool:
    """Whether the frame and the file agree in columns, rows and every value."""
    import pyarrow as pa

    if list(deals.columns) != table.column_names or len(deals) != table.num_rows:
        return False
    frame = pa.Table.from_pandas(deals, preserve_index=False)
    return all(frame[name].cast(table.schema.field(name).type).equals(table[name]) for name in table.column_names)


def _checked(claims: Mapping[str, bool]) -> bool:
    for claim, holds in claims.items():
        say(f"  {'ok    ' if holds else 'FAILED'}  {claim}")
    return all(claims.values())


def _sandbox_arguments(parser: argparse.ArgumentParser) -> None:
    from b24data.sandbox.shell import add_arguments

    add_arguments(parser)


def _sandbox(args: argparse.Namespace) -> int:
    from b24data.sandbox.shell import serve
    from b24data.testing.sandbox import Sandbox

    return serve(args, Sandbox, say)


_SANDBOX_EXAMPLES = ("b24data sandbox", "b24data sandbox --deals 10000 --token-ttl-requests 7 --port 8080")

COMMANDS: Commands = {
    "demo": (("b24data demo", "b24data demo --deals 5000 --out /tmp/demo"), _arguments, _demo),
    "sandbox": (_SANDBOX_EXAMPLES, _sandbox_arguments, _sandbox),
}
