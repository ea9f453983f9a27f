"""The tables and views of a CRM in a real PostgreSQL server."""

from __future__ import annotations

import math

import pytest
from adbc_driver_postgresql import dbapi

from b24data import ConfigError, Sandbox, open_crm
from b24data.crm.export import export_crm
from b24data.crm.views import view_statements
from tests.crm.test_sync_crm import FAST
from tests.postgres import server


@pytest.fixture(scope="module")
def address():
    with server() as address:
        yield address


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "crm"
    with Sandbox(deals=150, rate_limit=None) as portal, portal.connect(restriction_params=FAST) as b24:
        b24.tools.sync_crm(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(address, folder):
    for _ in range(2):  # the second time nothing is doubled
        export_crm(folder, address)
    return address


def rows_in(address, name):
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute("set timezone = 'UTC'")
        cursor.execute(f'select * from crm."{name}"')
        return cursor.fetch_arrow_table().to_pylist()


def plain(rows):
    def value(one):
        if one is None or isinstance(one, bool):
            return one
        if hasattr(one, "as_tuple") or isinstance(one, float):
            return float(f"{float(one):.9g}") if math.isfinite(one) else None
        return one

    return sorted(
        (tuple(value(row[name]) for name in sorted(row)) for row in rows),
        key=lambda row: tuple((one is None, str(one)) for one in row),
    )


@pytest.mark.parametrize("view", view_statements())
def test_views__are_equal_in_duckdb_and_postgresql(loaded, folder, view):
    with open_crm(folder) as con:
        expected = con.table(view).to_arrow_table().to_pylist()
    assert plain(rows_in(loaded, view)) == plain(expected)


@pytest.mark.parametrize("table", ["deals", "deal_contacts", "activities", "users"])
def test_tables__have_each_row_once(loaded, folder, table):
    with open_crm(folder) as con:
        [(count,)] = con.sql(f"select count(*) from {table}").fetchall()
    assert len(rows_in(loaded, table)) == count > 0


@pytest.mark.parametrize("made", ["table {}.mine(x int)", "function {}.mine() returns int language sql as 'select 1'"])
@pytest.mark.parametrize("schema", ["public", "mine"])
def test_export__a_schema_with_other_things_is_left_as_it_is(address, folder, schema, made):
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(f"create schema if not exists {schema}")
        cursor.execute(f"create {made.format(schema)}")
        connection.commit()
    with pytest.raises(ConfigError, match="other tables"):
        export_crm(folder, address, schema)
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(f"drop {made.split('(')[0].format(schema)}")  # it is still there
        connection.commit()
