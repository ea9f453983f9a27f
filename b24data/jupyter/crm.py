"""``%b24 crm``: the folder of the tables of a CRM, kept, looked at, and loaded into a database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from b24data.client.connect import Client
from b24data.syntax.request import Request

__all__ = ["run_crm"]


def run_crm(client: Callable[[], Client], request: Request) -> Any:
    """The report of a run, or a DataFrame: the tables, the findings, what was loaded. Only a run asks the portal."""
    import pandas as pd

    folder, options = str(request.crm), dict(request.options)
    if request.method == "sync":
        return client().tools.sync_crm(folder, **options)
    if request.method == "tables":
        from b24data.crm.overview import tables_rows
        from b24data.crm.snapshot import snapshot_of

        return pd.DataFrame(tables_rows(snapshot_of(folder).manifest))
    if request.method == "check":
        from b24data.crm.check import check_crm
        from b24data.crm.overview import findings_rows

        columns = ["table", "finding", "rows", "note", "examples"]
        return pd.DataFrame(findings_rows(check_crm(folder)), columns=columns)
    from b24data.crm.export import export_crm

    return pd.DataFrame({"loaded": export_crm(folder, str(request.to), options.get("schema", "crm"))})
