"""``open_crm``: SQL over a folder of tables, at one moment, with no way out of it."""

from __future__ import annotations

import threading

import duckdb
import pyarrow.parquet as pq
import pytest

from b24data import ConfigError, ExportError, Sandbox, open_crm
from b24data.crm.views import view_statements
from tests.crm.test_sync_crm import FAST
from tests.crm.truth import kept_rows, true_rows

TABLES = ["deals", "deal_contacts", "users", "statuses", "categories"]


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=120, rate_limit=None) as portal:
        yield portal


@pytest.fixture
def folder(portal, tmp_path):
    with portal.connect(restriction_params=FAST) as b24:
        b24.tools.sync_crm(tmp_path / "crm", tables=TABLES)
    return tmp_path / "crm"


def test_tables__have_the_names_of_sql(portal, folder):
    with open_crm(folder) as con:
        rows = con.sql("select id, company_id, stage_id from deals order by id").fetchall()
    wanted = portal.rows("crm.item.list", params={"entityTypeId": 2})
    assert rows == [(row["id"], row["companyId"] or None, row["stageId"]) for row in wanted]


@pytest.mark.parametrize("view", view_statements())
def test_views__can_be_read_where_tables_are_missing(folder, view):
    with open_crm(folder) as con:
        assert con.sql(f"select * from {view}").columns


def test_a_sync_meanwhile__changes_nothing_in_what_is_open(portal, folder):
    with open_crm(folder) as con:
        before = con.sql("select sum(opportunity), count(*) from deals").fetchall()
        portal.update("deals", portal.truth("crm.deal.list").ids[:40], {"OPPORTUNITY": "1"})
        with portal.connect(restriction_params=FAST) as b24:
            b24.tools.sync_crm(folder, tables=TABLES)
        assert con.sql("select sum(opportunity), count(*) from deals").fetchall() == before
    with open_crm(folder) as con:
        assert con.sql("select sum(opportunity), count(*) from deals").fetchall() != before


@pytest.mark.parametrize(
    "query",
    [
        "copy deals to '{}/x.csv'",
        "copy deals to '{}/deals/x.parquet'",
        "attach '{}/x.db'",
        "select * from read_csv('/etc/passwd')",
        "select * from '{}/deals/*.parquet'",
        "select * from glob('/etc/*')",
        "install httpfs",
        "load '{}/x.duckdb_extension'",
        "set enable_external_access = true",
        "export database '{}/out'",
    ],
)
def test_sql__reads_no_other_file_and_writes_none(folder, query):
    there = sorted(folder.rglob("*"))
    with open_crm(folder) as con, pytest.raises(duckdb.Error):
        con.sql(query.format(folder)).fetchall()
    assert sorted(folder.rglob("*")) == there


def test_a_folder_without_tables__is_an_error_that_says_what_makes_them(tmp_path):
    with pytest.raises(ConfigError, match="no CRM tables") as caught:
        open_crm(tmp_path)
    assert "sync_crm" in caught.value.hint


@pytest.mark.parametrize("data", [b"", b"x" * 1000, b"PAR1" + b"x" * 1000 + b"PAR1"])
@pytest.mark.parametrize("table", ["deals", "deal_contacts", "users"])
def test_a_damaged_file__is_an_error_that_says_what_to_do(portal, folder, table, data):
    file = next((folder / table).glob("*.parquet"))
    file.write_bytes(data)
    with pytest.raises(ExportError, match=rf"{table}.* can't be read: .* remove it"):
        open_crm(folder)
    file.unlink()
    with portal.connect(restriction_params=FAST) as b24:
        b24.tools.sync_crm(folder, tables=TABLES)
    assert kept_rows(folder, "deals") == true_rows(portal, "deals")
    assert kept_rows(folder, "deal_contacts") == true_rows(portal, "deal_contacts")


def test_readers_side_by_side__each_see_whole_tables(folder):
    counts: list[int] = []

    def read() -> None:
        with open_crm(folder) as con:
            counts.append(con.sql("select count(*) from deals").fetchall()[0][0])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [120] * 4


def test_files_of_which_some_have_a_wider_column__are_read_as_the_wider(folder):
    [file] = (folder / "deals").glob("*.parquet")
    rows = pq.read_table(file)
    place = rows.schema.get_field_index("companyId")
    wider = rows.slice(0, 40).set_column(place, "companyId", rows["companyId"].slice(0, 40).cast("string"))
    pq.write_table(wider, file)
    pq.write_table(rows.slice(40), file.with_name("ids-000000999999.parquet"))
    with open_crm(folder) as con:
        assert con.sql("select count(*), typeof(any_value(company_id)) from deals").fetchall() == [(120, "VARCHAR")]


def test_a_view_that_can_not_be_made__says_so_and_hides_no_table(folder):
    [file] = (folder / "deals").glob("*.parquet")
    rows = pq.read_table(file)
    place = rows.schema.get_field_index("opportunity")
    pq.write_table(rows.set_column(place, "opportunity", rows["opportunity"].cast("string")), file)
    with open_crm(folder) as con:
        assert con.sql("select count(*) from deals").fetchall() == [(120,)]
        with pytest.raises(duckdb.Error, match="the view deal_facts can't be made"):
            con.sql("select * from deal_facts").fetchall()
