"""``open_crm``: a DuckDB connection over the files of a CRM folder, which can read them and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from b24data.crm.snapshot import Snapshot, snapshot_of
from b24data.crm.views import view_statements
from b24data.errors import extra

if TYPE_CHECKING:
    import duckdb

# Before the tables are there, and locked: no file, no network, no extension, no variable of the caller's.
_CLOSED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


def open_crm(path: str | os.PathLike[str]) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with the tables and views of a CRM folder, as they are now.

    A sync that runs meanwhile is not seen: open again for its rows. The connection is in memory; SQL in it reads no
    other file, writes none, and loads no extension. Times are UTC.

    :param path: the folder that ``tools.sync_crm`` keeps.
    :raises ConfigError: it has no CRM tables.
    :raises MissingExtraError: DuckDB is not installed.

    >>> import tempfile
    >>> from b24data import Sandbox, open_crm
    >>> with Sandbox(deals=60) as portal, tempfile.TemporaryDirectory() as folder:
    ...     _ = portal.connect().tools.sync_crm(f"{folder}/crm", tables=["deals", "categories"])
    ...     with open_crm(f"{folder}/crm") as con:
    ...         con.sql("select count(*), count(distinct category_id) > 1 from deals").fetchall()
    [(60, True)]
    """
    return open_snapshot(snapshot_of(path))


def open_snapshot(snapshot: Snapshot, **settings: str) -> duckdb.DuckDBPyConnection:
    """The tables and views of ``snapshot``, opened as :func:`open_closed` opens."""
    connection = open_closed(**settings)
    make_views(connection, snapshot)
    return connection


def open_closed(**settings: str) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection in memory without access to files or network, with ``settings``; times are in UTC."""
    with extra("sql", "SQL"):
        import duckdb
    connection = duckdb.connect(config={**_CLOSED, **settings})
    connection.execute("set timezone = 'UTC'")
    connection.execute("set lock_configuration = true")
    return connection


def make_views(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    """The tables of a snapshot, the time of its last run, and the views over them."""
    for table in snapshot.tables:
        source = f"_{table.name}"
        if table.data is not None:
            connection.register(source, table.data)
        connection.execute(f'create view "{table.name}" as {table.select(source)}')
    connection.execute(f"create view last_run as select timestamptz '{snapshot.manifest.began}' as began")
    for name, statement in view_statements().items():
        _make_view(connection, name, statement)


def _make_view(connection: duckdb.DuckDBPyConnection, name: str, statement: str) -> None:
    """A view; where a column has another type than it needs, one that says so to who asks it."""
    import duckdb

    try:
        connection.execute(statement)
    except duckdb.Error as error:
        told = f"the view {name} can't be made, as a column has another type: {error}".replace("'", "''")
        connection.execute(f"create or replace view \"{name}\" as select error('{told}') as error")
