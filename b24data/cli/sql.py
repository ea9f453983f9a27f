"""The command for SQL over a portal."""

from __future__ import annotations

import argparse
import io
from typing import TYPE_CHECKING, Any

from b24data.cli.output import Commands, say, show_json, show_table
from b24data.errors import ConfigError
from b24data.syntax.options import add_options
from b24data.syntax.values import mapping_of

if TYPE_CHECKING:
    import pandas as pd


def _sql_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("query", metavar="QUERY", help="one SELECT; SHOW TABLES lists the tables")
    options = ("params", "crm", "all", "dry-run", "to", "json", "quiet", "profile")
    add_options(parser, *options, params="n=5 for $n in the query", to="a .parquet or .csv file")


def _sql(args: argparse.Namespace) -> None:
    """Run a query; its answer as a table, as JSON or in a file."""
    import pyarrow as pa

    from b24data.client.connect import connect
    from b24data.sql.run import run_sql

    if args.to and not args.to.lower().endswith((".parquet", ".csv")):
        raise ConfigError(f"--to {args.to} is neither Parquet nor CSV", hint="name it answer.parquet")
    params = mapping_of(args.params, str)
    asked: dict[str, Any] = {"crm": args.crm, "everything": args.all, "explain": args.dry_run}
    if not args.to:
        asked["dtype_backend"] = "pyarrow"  # which tells a day from a time
    found = run_sql(lambda: connect(args.profile).tools, args.query, params, **asked)
    if args.dry_run:
        show_json(found.as_dict()) if args.json else say(found)  # type: ignore[operator]
        return
    frame: pd.DataFrame = found  # type: ignore[assignment]
    if args.to:
        _write(frame, args.to)
        if not args.quiet:
            show_json(frame.attrs.get("b24data", {})) if args.json else say(f"{len(frame):,} rows in {args.to}")
        return
    rows = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    show_json(rows) if args.json else show_table(rows, none="no rows")


def _write(frame: pd.DataFrame, path: str) -> None:
    from b24data.files.atomic import write_whole

    buffer = io.BytesIO()
    if path.lower().endswith(".csv"):
        frame.to_csv(buffer, index=False)
    else:
        frame.to_parquet(buffer, index=False)
    write_whole(path, buffer.getvalue())


COMMANDS: Commands = {
    "sql": (
        (
            'b24data sql "select count(*) from deals where id < 1000"',
            'b24data sql "select * from funnel" --crm crm/ --to funnel.parquet',
        ),
        _sql_arguments,
        _sql,
    ),
}
