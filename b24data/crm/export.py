"""``export_crm``: the tables and views of a CRM folder, loaded into a DuckDB file or a PostgreSQL schema."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from b24data.crm.open import open_snapshot
from b24data.crm.snapshot import Snapshot, snapshot_of
from b24data.crm.views import view_statements
from b24data.errors import ConfigError, ExportError, extra
from b24data.files.atomic import path_of, replace_file, temp_sibling
from b24data.text.redact import redact, without_known

if TYPE_CHECKING:
    import duckdb

_OF_DATABASES = ("information_schema", "system", "temp")
_NO_SCHEMA = "main"  # what DuckDB calls it
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# Stricter than libpq, which quotes what it can't read, and with it a part of the password.
_WORD = r"(?:[^\s/@:?#&=%\[\],]|%[0-9a-fA-F]{2})*"
_HOST = rf"(?:{_WORD}|\[[0-9a-fA-F:.]+\])(?::\d{{0,5}})?"
_VALUE = r"(?:[^\s@?#&=%]|%[0-9a-fA-F]{2})*"
_ADDRESS = re.compile(
    rf"postgres(?:ql)?://(?:{_WORD}(?::(?P<password>{_WORD}))?@)?{_HOST}(?:,{_HOST})*(?:/{_WORD})?"
    rf"(?:\?\w+={_VALUE}(?:&\w+={_VALUE})*)?"
)


def export_crm(path: str | os.PathLike[str], to: str | os.PathLike[str], schema: str | None = None) -> list[str]:
    """Load every table and view into ``to``; what an earlier export put there is replaced. Returns their names.

    :param to: a file such as ``crm.duckdb``, or ``postgresql://user@host/database`` (extra ``postgres``). PostgreSQL
        sees either the old tables or the new ones: all is one transaction.
    :param schema: the schema in the database, which belongs to the export alone; None: ``crm`` in PostgreSQL, none in
        a DuckDB file: ``select * from deals``.
    :raises ConfigError: ``to`` is neither, the schema's name is not plain, or other tables are there already.
    :raises ExportError: the database refused.

    >>> import tempfile
    >>> from b24data import Sandbox
    >>> with Sandbox(deals=60) as portal, tempfile.TemporaryDirectory() as folder:
    ...     _ = portal.connect().tools.sync_crm(f"{folder}/crm", tables=["deals"])
    ...     "deals" in export_crm(f"{folder}/crm", f"{folder}/crm.duckdb")
    True
    """
    if schema is not None and not _SCHEMA.fullmatch(schema):
        raise ConfigError(f"schema {schema!r} is not a simple name", hint="use lower-case letters, digits and _")
    if schema is not None and (schema.startswith("pg_") or schema in _OF_DATABASES):
        raise ConfigError(f"the schema {schema} is the database's own", hint="use a separate schema, such as crm")
    snapshot = snapshot_of(path)
    if re.match(r"postgres(?:ql)?:", str(to), re.IGNORECASE):
        return _into_postgres(snapshot, str(to), schema or "crm")
    target = path_of(to)
    if target.suffix not in (".duckdb", ".db"):
        raise ConfigError(
            f"{redact(str(to))} is neither a .duckdb file nor a PostgreSQL address",
            hint="name it crm.duckdb, or write postgresql://HOST/DATABASE?user=NAME",
        )
    if target.stem.lower() == schema:
        raise ConfigError(
            f"{target.name} and the schema {schema} have one name, which DuckDB can't tell apart in {schema}.deals",
            hint="leave the schema out, or name the file portal.duckdb",
        )
    return _into_duckdb(snapshot, target, schema or _NO_SCHEMA)


def _into_duckdb(snapshot: Snapshot, target: Path, schema: str) -> list[str]:
    if not target.parent.is_dir():
        raise ConfigError(f"there is no folder {target.parent}", hint="create it, or give another path")
    with extra("sql", "writing a DuckDB file"):
        import duckdb
    if target.exists():
        _refuse_other_tables(target, schema, {*_tables(snapshot), *view_statements()})
    new = temp_sibling(target)
    try:
        with open_snapshot(snapshot) as source, duckdb.connect(str(new)) as file:
            file.execute(f'create schema if not exists "{schema}"')
            file.execute(f"""set schema = '"{schema}"'""")
            for name in _tables(snapshot):
                rows = source.table(name).to_arrow_reader()
                file.register("_rows", rows)
                file.execute(f'create table "{name}" as from _rows')
                file.unregister("_rows")
            for statement in view_statements().values():
                file.execute(statement)
        replace_file(new, target)
        target.with_name(f"{target.name}.wal").unlink(missing_ok=True)  # what a killed program left of the old file
    except duckdb.Error as error:
        new.unlink(missing_ok=True)
        raise ExportError(f"DuckDB refused: {error}", hint="give another schema, or free some space") from error
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    return [*_tables(snapshot), *view_statements()]


def _refuse_other_tables(target: Path, schema: str, own: Collection[str]) -> None:
    """The file is replaced whole, so it may hold nothing but an earlier export; a smart process may be gone since."""
    import duckdb

    try:
        with duckdb.connect(str(target), read_only=True) as file:
            names: list[tuple[str, str]] = file.execute(
                "select schema_name, table_name from duckdb_tables() where not internal"
                " union all select schema_name, view_name from duckdb_views() where not internal"
            ).fetchall()
    except duckdb.Error as error:
        raise ExportError(
            f"{target} is not a DuckDB file, or another program has it open: {error}",
            hint="close it there, or give another file",
        ) from error
    strangers = [name for one, name in names if one != schema or (name not in own and not name.startswith("smart_"))]
    if names and (strangers or (schema, "last_run") not in names):
        raise ConfigError(
            f"{target} contains other tables, and the export would replace the file", hint="give another file"
        )


def _into_postgres(snapshot: Snapshot, address: str, schema: str) -> list[str]:
    with extra("postgres", "loading into PostgreSQL"):
        from adbc_driver_postgresql import dbapi
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ConfigError(
            "the address of the PostgreSQL database can't be read",
            hint="write postgresql://HOST/DATABASE?user=NAME; in a password, write / as %2F, @ as %40, % as %25",
        )
    try:
        with open_snapshot(snapshot) as source, dbapi.connect(address) as connection, connection.cursor() as cursor:
            cursor.execute(_HOLDS_OTHERS.format(schema=schema))
            if cursor.fetchone():
                raise ConfigError(
                    f"the schema {schema} contains other tables, and the export would replace it",
                    hint="use a separate schema, such as crm",
                )
            cursor.execute(f'drop schema if exists "{schema}" cascade')
            cursor.execute(f'create schema "{schema}"')
            cursor.execute(f'set local search_path = "{schema}"')
            cursor.execute("set local timezone = 'UTC'")
            for name in _tables(snapshot):
                cursor.adbc_ingest(name, _rows(source, name), mode="create", db_schema_name=schema)
            for statement in view_statements().values():
                cursor.execute(statement)
            connection.commit()
    except dbapi.Error as error:
        said = without_known(str(error), [lambda: unquote(match["password"] or "")])
        raise ExportError(
            f"PostgreSQL refused: {redact(said).strip()}",
            code="DATABASE",
            hint="check the address, the user's rights and the schema; nothing was changed",
        ) from None
    return [*_tables(snapshot), *view_statements()]


# Whatever lies in a schema depends on it: tables, functions, extensions.
_HOLDS_OTHERS = """
select 1 from pg_namespace n where n.nspname = '{schema}' and to_regclass('"{schema}".last_run') is null
and exists (select 1 from pg_depend d where d.refclassid = 'pg_namespace'::regclass and d.refobjid = n.oid)
"""


def _rows(source: duckdb.DuckDBPyConnection, name: str) -> Any:
    """The rows of a table; lists of structs as JSON text, since PostgreSQL has no such column."""
    table = source.table(name)
    columns = [
        f'cast(to_json("{column}") as varchar) as "{column}"' if "STRUCT" in str(kind).upper() else f'"{column}"'
        for column, kind in zip(table.columns, table.types, strict=True)
    ]
    return table.project(", ".join(columns)).to_arrow_reader()


def _tables(snapshot: Snapshot) -> list[str]:
    return [*(table.name for table in snapshot.tables), "last_run"]
