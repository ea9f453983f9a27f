"""``check_crm``, ``export_crm`` and the commands that use them."""

from __future__ import annotations

import json

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from b24data import ConfigError, ExportError, Sandbox
from b24data.cli.main import main
from b24data.crm import check, export
from b24data.crm.check import check_crm
from b24data.crm.export import export_crm
from b24data.crm.views import view_statements
from tests.crm.test_sync_crm import FAST

TABLES = ["deals", "deal_products", "deal_contacts", "contacts", "users", "statuses", "categories"]


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=80, rate_limit=None) as portal:
        yield portal


@pytest.fixture(scope="module")
def kept(portal, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept") / "crm"
    with portal.connect(restriction_params=FAST) as b24:
        b24.tools.sync_crm(folder, tables=TABLES)
    return folder


@pytest.mark.parametrize("reader", [check, export])
def test_tables__are_those_of_one_moment_whatever_a_sync_replaces_meanwhile(folder, tmp_path, monkeypatch, reader):
    taken = reader.snapshot_of

    def then_replaced(path):
        snapshot = taken(path)
        for file in folder.glob("*/*.parquet"):
            file.unlink()
        return snapshot

    monkeypatch.setattr(reader, "snapshot_of", then_replaced)
    if reader is check:
        assert check.check_crm(folder).good
        return
    export.export_crm(folder, tmp_path / "out.duckdb")
    with duckdb.connect(str(tmp_path / "out.duckdb"), read_only=True) as connection:
        assert connection.sql("select count(*) from deals").fetchall() == [(80,)]


def rewritten(folder, table, change):
    """The files of a table with some of their rows changed, as a fault would leave them."""
    for path in folder.joinpath(table).glob("*.parquet"):
        rows = pq.read_table(path)
        pq.write_table(change(rows), path)


@pytest.fixture
def folder(kept, tmp_path):
    import shutil

    shutil.copytree(kept, tmp_path / "crm")
    return tmp_path / "crm"


def test_check__finds_nothing_wrong_in_what_was_synced(folder):
    assert check_crm(folder).good


def test_check__doubled_keys_are_a_fault(folder):
    import pyarrow as pa

    rewritten(folder, "deals", lambda rows: pa.concat_tables([rows, rows.slice(0, 3)]))
    [found] = [one for one in check_crm(folder).findings if one.what == "doubled key"]
    assert (found.table, found.rows, found.is_fault, len(found.examples)) == ("deals", 3, True, 3)


def test_check__orphans_are_told_and_no_fault(folder):
    rewritten(folder, "contacts", lambda rows: rows.slice(10))
    found = check_crm(folder)
    assert any(one.what == "contact_id is not in contacts" for one in found.findings)
    assert found.good


def test_check__an_amount_that_its_rows_do_not_add_up_to_is_a_fault(folder):
    def dearer(rows):
        index = rows.schema.get_field_index("price")
        return rows.set_column(index, rows.schema.field(index), pc.add(rows["price"], 1))

    rewritten(folder, "deal_products", dearer)
    [found] = [one for one in check_crm(folder).findings if one.is_fault]
    assert (found.table, found.what) == ("deals", "product rows do not add up to the amount")


def test_export__a_duckdb_file_has_the_same_rows_and_again_without_doubling(folder, tmp_path):
    for _ in range(2):
        names = export_crm(folder, tmp_path / "crm.duckdb")
    with duckdb.connect(str(tmp_path / "crm.duckdb"), read_only=True) as con:
        assert con.sql("select count(*) from deals").fetchall() == [(80,)]
        assert con.sql("select count(*) from crm.deals").fetchall() == [(80,)]  # by the name of the file
        for view in view_statements():
            assert con.table(view).columns
    assert {"deals", "funnel", "last_run"} <= set(names)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["crm.duckdb"]


@pytest.mark.parametrize(("to", "schema"), [("crm.xlsx", "crm"), ("no/such/crm.duckdb", "crm"), ("crm.duckdb", "a b")])
def test_export__what_it_cannot_write_is_refused(folder, tmp_path, monkeypatch, to, schema):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError):
        export_crm(folder, to, schema)


def test_export__a_database_that_is_not_there_shows_no_password(folder):
    pytest.importorskip("adbc_driver_postgresql")
    with pytest.raises(Exception, match="PostgreSQL refused") as caught:
        export_crm(folder, "postgresql://anna:s3cretpass@127.0.0.1:1/crm")
    assert "s3cretpass" not in f"{caught.value} {vars(caught.value)}"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://anna:s3cret pass@127.0.0.1:1/x",
        "postgresql://anna:s3cret%ZZpass@127.0.0.1:1/x",
        "postgresql://anna:s3cret@pass@127.0.0.1:1/x",
        "postgresql://anna:s3cret/pass@127.0.0.1:1/x",
        "postgresql://anna:s3cret?pass@127.0.0.1:1/x",
        "postgresql://anna:s3cret#pass@127.0.0.1:1/x",
        "postgresql://[anna:s3cret@127.0.0.1/x",
        "postgresql://127.0.0.1:1/x?user=anna&password=s3cret%ZZ",
        "postgres:/anna:s3cret@127.0.0.1/x",
        "POSTGRESQL://anna:s3cret@127.0.0.1:1/x",
    ],
)
def test_export__an_address_that_cannot_be_read_shows_nothing_of_its_password(folder, address):
    pytest.importorskip("adbc_driver_postgresql")
    with pytest.raises(ConfigError, match="can't be read") as caught:
        export_crm(folder, address)
    assert not any(part in f"{caught.value} {vars(caught.value)}" for part in ("s3cret", "pass@"))


def test_export__a_schema_with_the_name_of_the_file_is_refused(folder, tmp_path):
    with pytest.raises(ConfigError, match="leave the schema out"):
        export_crm(folder, tmp_path / "CRM.duckdb", schema="crm")


def test_export__what_a_killed_program_left_beside_the_file_goes_with_it(folder, tmp_path):
    target = tmp_path / "mine.duckdb"
    export_crm(folder, target)
    target.with_name("mine.duckdb.wal").write_bytes(b"of the old file")
    export_crm(folder, target)
    with duckdb.connect(str(target), read_only=True) as con:
        assert con.sql("select count(*) from deals").fetchall() == [(80,)]


@pytest.mark.parametrize("made", ["create table mine(x int)", "create schema crm; create table crm.mine(x int)"])
@pytest.mark.parametrize("after", [False, True])
def test_export__a_file_with_other_tables_is_left_as_it_is(folder, tmp_path, made, after):
    target = tmp_path / "mine.duckdb"
    if after:
        export_crm(folder, target)
    with duckdb.connect(str(target)) as con:
        con.execute(made)
    before = target.read_bytes()
    with pytest.raises(ConfigError, match="other tables"):
        export_crm(folder, target)
    assert target.read_bytes() == before


def test_export__a_file_that_is_no_database_is_left_as_it_is(folder, tmp_path):
    target = tmp_path / "notes.db"
    target.write_text("my notes, which are no database" * 500)
    before = target.read_bytes()
    with pytest.raises(ExportError, match="not a DuckDB file"):
        export_crm(folder, target)
    assert target.read_bytes() == before


def test_export__a_schema_may_be_a_word_of_sql(folder, tmp_path):
    target = tmp_path / "crm.duckdb"
    for _ in range(2):
        export_crm(folder, target, schema="select")
    with duckdb.connect(str(target)) as con:
        assert con.execute('select count(*) > 0 from "select".deals').fetchall() == [(True,)]


@pytest.mark.parametrize("schema", ["information_schema", "temp", "system", "pg_catalog", "pg_mine"])
def test_export__a_schema_of_the_database_itself_is_refused(folder, tmp_path, schema):
    with pytest.raises(ConfigError, match="the database's own"):
        export_crm(folder, tmp_path / "crm.duckdb", schema=schema)


def test_shell__syncs_lists_checks_and_exports(portal, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url)
    assert main(["crm", "sync", "--to", "crm", "--tables", "users, departments", "--quiet"]) == 0
    assert main(["crm", "tables", "crm", "--json"]) == 0
    assert [row["table"] for row in json.loads(capsys.readouterr().out)] == ["departments", "users"]
    assert main(["crm", "check", "crm"]) == 0
    assert main(["crm", "export", "crm", "--to", "crm.duckdb"]) == 0
    assert main(["crm", "sync", "--to", "crm", "--tables", "users", "--deletes", "scan", "--max-deletes", "0.5"]) == 0
    assert main(["crm", "sync", "--to", "crm", "--tables", "users", "--max-deletes", "half"]) == 64
    assert "write 500, or 0.2" in capsys.readouterr().err
    assert main(["crm", "sync", "--to", "crm", "--tables", "usres"]) == 1
    assert "did you mean users?" in capsys.readouterr().err
