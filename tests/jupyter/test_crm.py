"""``%b24 crm`` in a real kernel: a folder that is kept, looked at, checked, and loaded."""

import duckdb
import pytest


def test_crm__keeps_a_folder_shows_its_tables_and_loads_them(kernel, tmp_path):
    kernel.run(f"folder = {str(tmp_path / 'crm')!r}; database = {str(tmp_path / 'crm.duckdb')!r}")
    shown = kernel.run("%b24 crm sync --to $folder --tables deals,deal_contacts,statuses --no-gentle -o report")
    assert shown.status == "ok", shown.text
    assert kernel.value("[report.complete, report.tables['deals'].rows]") == [True, 230]
    again = kernel.run("%b24 crm sync $folder --tables deals").text
    assert "deals: 230 rows, 0 transferred" in again
    assert "deal_contacts" not in again
    most = "%b24 crm sync $folder --tables deals --deletes scan --max-deletes {}"
    kernel.run("most = 0.5")
    assert kernel.run(most.format("$most")).status == "ok"
    assert "write 500, or 0.2" in kernel.run(most.format("half")).text
    tables = kernel.run("tables = %b24 crm tables $folder")
    assert tables.status == "ok", tables.text
    assert kernel.value("dict(zip(tables['table'], tables['rows']))['deals']") == 230
    kernel.run("found = %b24 crm check $folder")
    assert kernel.value("[len(found), list(found.columns)]") == [0, ["table", "finding", "rows", "note", "examples"]]
    assert kernel.run("%b24 crm export $folder --to $database --schema sales -o loaded").status == "ok"
    assert kernel.value("'funnel' in loaded['loaded'].tolist()")
    with duckdb.connect(str(tmp_path / "crm.duckdb"), read_only=True) as connection:
        assert connection.sql("select count(*) from sales.deals").fetchall() == [(230,)]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%b24 crm", "ACTION"),
        ("%b24 crm snyc --to crm", "sync"),
        ("%b24 crm sync", "%b24 crm sync --to crm"),
        ("%b24 crm check", "%b24 crm check crm"),
        ("%b24 crm export crm", "%b24 crm export crm --to crm.duckdb"),
        ("%b24 crm tables nowhere", "nowhere has no CRM tables. Hint: %b24 crm sync creates them"),
        ("%%b24 crm check crm\nselect 1", "no other lines"),
    ],
)
def test_crm__that_is_not_complete_says_what_to_write(kernel, line, says):
    shown = kernel.run(line)
    assert shown.status == "error"
    assert says in shown.text
    assert "Traceback" not in shown.text
