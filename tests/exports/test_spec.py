"""exports.toml: what is understood, and what is refused with which words."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from b24data import ConfigError
from b24data.exports.file import KEYS, choose, find_file, read_exports
from b24data.exports.spec import CrmExport, FullExport, NotebookExport, SyncExport
from tests.strangers import STRANGER, as_root

GOOD = """
[exports.deals]
profile = "acme"
method = "crm.deal.list"
select = ["ID", "TITLE"]
filter = { ">=DATE_CREATE" = "{last_month}-01", "<DATE_CREATE" = 2026-12-01, "@STAGE_ID" = ["NEW", "WON"] }
order = { ID = "DESC" }
labels = "add"
dtypes = { UF_CRM_1 = "int" }
tz = "Europe/Berlin"
target = "{year}/deals-{date}.parquet"
every = "1d"
on_failure = ["./tell", "anna"]

[exports.contacts]
method = "crm.contact.list"
mode = "sync"
cursor = "DATE_MODIFY"
overlap = "10min"
deletes = "scan"
max_deletes = 500
gentle = false
target = "contacts"
every = "6h"
on_failure = "$ALERT_URL"

[exports.report]
notebook = "report.ipynb"
parameters = { month = "{last_month}", stages = ["NEW", "{name}"], top = 5 }
html = true
timeout = "2h"
target = "out/report.ipynb"
"""


def read(tmp_path, text):
    file = tmp_path / "exports.toml"
    file.write_text(text, "utf-8")
    return read_exports(file)


def complaint(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return caught.value.description.replace(str(tmp_path), "")


def test_exports_toml__is_read_whole(tmp_path):
    deals, contacts, report = read(tmp_path, GOOD).values()
    assert (deals.kind, deals.every, deals.options["gentle"], deals.on_failure) == (
        "full",
        86400,
        True,
        ["./tell", "anna"],
    )
    assert (contacts.kind, contacts.options["gentle"], contacts.on_failure) == ("sync", False, "$ALERT_URL")
    assert {key: contacts.options[key] for key in ("cursor", "overlap", "deletes", "max_deletes")} == {
        "cursor": "DATE_MODIFY", "overlap": 600, "deletes": "scan", "max_deletes": 500}  # fmt: skip
    assert (report.kind, report.timeout, report.html) == ("notebook", 7200, True)


def test_a_run__has_the_words_of_its_moment_in_its_own_zone(tmp_path):
    deals, _, report = read(tmp_path, GOOD).values()
    filled = deals.at(datetime(2026, 12, 31, 23, 30, tzinfo=UTC))  # in Berlin the year is over
    assert filled.path == tmp_path / "2027" / "deals-2027-01-01.parquet"
    assert filled.options["filter"][">=DATE_CREATE"] == "2026-12-01"
    assert (deals.makes_folders, report.makes_folders) == (True, False)
    assert report.at(datetime(2026, 3, 15, 12, tzinfo=UTC)).parameters == {
        "month": "2026-02", "stages": ["NEW", "report"], "top": 5}  # fmt: skip


def test_everything_that_is_wrong__is_said_at_once_with_the_nearest_right_word(tmp_path):
    text = complaint(
        tmp_path,
        """
        [exports.deals]
        methd = "crm.deal.list"
        target = "deals-{dat}.parquet"
        every = "daily"
        gentle = "yes"
        on_failure = "https://hooks.example.com/services/not-to-be-shown"
        [exports.tasks]
        method = "tasks.task.list"
        target = "tasks.parquet"
        overlap = "10min"
        [defaults]
        """,
    )
    assert text.splitlines() == [
        "/exports.toml:",
        "  'defaults' is unknown, did you mean [exports.NAME]?",
        "  [exports.deals] method is missing",
        "  [exports.deals] methd is unknown, did you mean method?",
        "  [exports.deals] target: {dat} is not a placeholder, did you mean {date}?",
        '  [exports.deals] every = \'daily\': it is a duration, such as "30min", "6h", "1d" or "1w"',
        "  [exports.deals] gentle = 'yes': it is true (leave half of the request limit to others) or false",
        '  [exports.deals] on_failure = ...: it is a command, such as ["./tell", "anna"], or the name of an '
        'environment variable with a webhook address, "$NAME"',
        '  [exports.tasks] overlap has no meaning here: only with mode = "sync"',
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("select = 'ID,TITLE'", "select = 'ID,TITLE': it is a list of fields"),
        ("filter = ['ID']", "it is a table"),
        ("labels = true", '"add", "replace" or false'),
        ("tz = 'Mars/Base'", 'a time zone, such as "Europe/Berlin"'),
        ("dtypes = { A = 'number' }", "text, int, float, decimal, bool, date, datetime, category"),
        ("mode = 'delta'", '"full", "sync" or "crm"'),
        ("tables = ['deals']", 'tables has no meaning here: only with mode = "crm"'),
        ("deletes = 'scan'", 'deletes has no meaning here: only with mode = "sync" or "crm"'),
        ("filter = { A = '{' }", "filter: a single {; {{ is a brace"),
        ("parameters = { a = 1 }", "parameters has no meaning here: only with notebook"),
        ("max_deletes = 5", 'max_deletes has no meaning here: only with mode = "sync"'),
    ],
)
def test_a_wrong_value__is_an_error_that_names_file_export_and_key(tmp_path, line, words):
    text = complaint(tmp_path, f'[exports.deals]\nmethod = "crm.deal.list"\ntarget = "d.parquet"\n{line}\n')
    assert text.startswith("/exports.toml\n  [exports.deals] ")
    assert words in text


FULL = '[exports.a]\nmethod = "crm.deal.list"\ntarget = "d.parquet"\n'
CSV = FULL.replace(".parquet", ".csv")
SYNC = '[exports.a]\nmethod = "crm.deal.list"\nmode = "sync"\ntarget = "d"\n'
NOTEBOOK = '[exports.a]\nnotebook = "r.ipynb"\ntarget = "out.ipynb"\n'
CRM = '[exports.a]\nmode = "crm"\ntarget = "d"\n'
MANY = FULL.replace("d.parquet", "{profile}.parquet")
WRONG = [
    *((FULL, "profile", wrong) for wrong in ("''", "' '", "5", "['acme']")),
    *((MANY, "profiles", wrong) for wrong in ("'acme'", "[]", "['a', 'a']", "5", "[1]")),
    *((FULL, "select", wrong) for wrong in ("[]", "['']", "[1]", "{}", "'ID'")),
    *((FULL, "filter", wrong) for wrong in ("[]", "5", "'A=1'")),
    *((FULL, "order", wrong) for wrong in ("{ ID = 'DOWN' }", "{ ID = 'ASC\\n' }", "{ ID = 1 }", "['ID']")),
    *((FULL, "params", wrong) for wrong in ("[1]", "true")),
    *((FULL, "labels", wrong) for wrong in ("true", "'all'", "[]", "['']", "[true]", "1")),
    *((FULL, "titles", wrong) for wrong in ("1", "'yes'", "[]")),
    *((FULL, "dtypes", wrong) for wrong in ("['A']", "{ A = 1 }", "{ A = 'number' }", "'int'")),
    *((FULL, "errors", wrong) for wrong in ("'null'", "true", "['raise']")),
    *((CSV, "csv", wrong) for wrong in ("'excel'", "true")),
    *((FULL, "count", wrong) for wrong in ("'walk'", "0")),
    *((FULL, "recheck", wrong) for wrong in ("'no'", "1.0")),
    *((FULL, "tz", wrong) for wrong in ("'Mars/Base'", "''", "3", "'../etc/passwd'", "'/etc/localtime'")),
    *((FULL, "gentle", wrong) for wrong in ("'yes'", "1")),
    *((FULL, "mode", wrong) for wrong in ("'delta'", "true")),
    *((FULL, "every", wrong) for wrong in ("'daily'", "30", "'0min'", "'-1d'", "1.5", "'1 fortnight'")),
    *((FULL, "on_failure", wrong) for wrong in ("''", "'ALERT'", "'$A B'", "[]", "['']", "[1]", "true", "'$A\\n'")),
    *((SYNC, "cursor", wrong) for wrong in ("''", "['DATE_MODIFY']")),
    *((SYNC, "overlap", wrong) for wrong in ("600", "'0s'", "'10'")),
    *((SYNC, "deletes", wrong) for wrong in ("true", "'all'")),
    *((SYNC, "max_deletes", wrong) for wrong in ("-1", "-0.5", "'20%'", "true", "nan")),
    *((CRM, "tables", wrong) for wrong in ("[]", "'deals'", "[1]", "['']")),
    *((CRM, "since", wrong) for wrong in ("2024", "''")),
    *((NOTEBOOK, "parameters", wrong) for wrong in ("['a']", "'a=1'")),
    *((NOTEBOOK, "html", wrong) for wrong in ("'page'", "1")),
    *((NOTEBOOK, "kernel", wrong) for wrong in ("5", "''")),
    *((NOTEBOOK, "timeout", wrong) for wrong in ("7200", "'soon'")),
]


@pytest.mark.parametrize(("table", "key", "wrong"), WRONG)
def test_each_key__says_what_it_should_be(tmp_path, table, key, wrong):
    text = complaint(tmp_path, f"{table}{key} = {wrong}\n")
    shown = text.partition(f"[exports.a] {key} = ")[2]
    assert shown.endswith(f": it is {KEYS[key]}")
    assert text.count("[exports.a]") == 1


def test_every_key__has_a_field_of_a_kind_and_words():
    kinds = (FullExport, SyncExport, CrmExport, NotebookExport)
    fields = {name for kind in kinds for name in kind.__struct_fields__} - {"name", "file"}
    assert set(KEYS) == fields
    assert {key for _, key, _ in WRONG} | {"method", "notebook", "target"} == fields


def test_placeholders__stand_only_where_they_are_checked(tmp_path):
    """Words in braces elsewhere are what they are: a name of a field may have braces."""
    [export] = read(tmp_path, FULL + 'select = ["ID", "UF_{dat}"]\norder = { "{x" = "ASC" }\n').values()
    assert export.at(datetime(2026, 3, 15, 12, tzinfo=UTC)).options["select"] == ["ID", "UF_{dat}"]


@pytest.mark.parametrize(
    "line",
    [
        "parameters = { api_token = 'abc' }",
        "parameters = { hook = 'https://acme.bitrix24.com/rest/1/notreal/' }",
        f"parameters = {{ nested = ['{'a1' * 35}'] }}",
    ],
)
def test_a_secret__is_refused_as_a_parameter_and_not_shown(tmp_path, line):
    text = complaint(tmp_path, f'[exports.r]\nnotebook = "r.ipynb"\ntarget = "out.ipynb"\n{line}\n')
    assert "looks like a secret" in text
    assert not {"abc", "notreal", "a1a1"} & set(text.replace("'", " ").split())


def test_a_target__of_two_exports_is_refused(tmp_path):
    one = '[exports.{}]\nmethod = "crm.deal.list"\ntarget = "d.parquet"\n'
    assert "[exports.b] target is also that of a" in complaint(tmp_path, one.format("a") + one.format("b"))


TWO = """
[exports.a]
method = "crm.deal.list"
target = "{}"
{}
[exports.b]
method = "crm.deal.list"
target = "{}"
{}
"""
LAKE = "lake/{profile}/d.parquet"


@pytest.mark.parametrize(
    ("of_a", "of_b", "is_one"),
    [
        ("profile = 'acme'", "profile = 'beta'", False),
        ("profile = 'acme'", "profile = 'acme'", True),
        ("profiles = ['acme']", "profiles = ['beta']", False),
        ("profiles = ['acme', 'beta']", "profiles = ['gamma', 'beta']", True),
        ("profile = 'beta'", "profiles = ['acme', 'beta']", True),
        ("profiles = '*'", "profile = 'beta'", True),
        ("profiles = ['beta']", "profiles = '*'", True),
        ("profiles = '*'", "profiles = '*'", True),
    ],
)
def test_a_target__of_two_portals_is_two_targets(tmp_path, of_a, of_b, is_one):
    for target in (LAKE, LAKE.replace("{profile}", "{profile}-{date}")):
        text = TWO.format(target, of_a, target, of_b)
        if is_one:
            assert "[exports.b] target is also that of a" in complaint(tmp_path, text)
        else:
            assert list(read(tmp_path, text)) == ["a", "b"]
    named = LAKE.replace("d.", "{name}.")
    assert list(read(tmp_path, TWO.format(named, of_a, named, of_b))) == ["a", "b"]


def test_a_target__that_another_export_names_by_its_words_is_refused(tmp_path):
    text = complaint(tmp_path, TWO.format("lake/acme/b.parquet", "", "lake/{profile}/{name}.parquet", "profile='acme'"))
    assert "[exports.b] target is also that of a" in text


@pytest.mark.parametrize(
    ("key", "path", "says"),
    [
        ("target", "~nosuchuser/out.ipynb", "~nosuchuser is not the home folder of a user"),
        ("notebook", "~nosuchuser/r.ipynb", "~nosuchuser is not the home folder of a user"),
        ("target", "s3://bucket/out.ipynb", "an address can't be the name of a file or a folder here"),
        ("notebook", "https://example.com/r.ipynb", "an address can't be the name of a file or a folder here"),
        ("target", "out\\u0000.ipynb", "cannot be the name of a file"),
    ],
)
def test_a_path__that_no_file_can_have_is_told_with_all_else(tmp_path, key, path, says):
    table = {"notebook": "r.ipynb", "target": "out.ipynb"} | {key: path}
    lines = "\n".join(f'{name} = "{value}"' for name, value in table.items())
    text = complaint(tmp_path, f'[exports.a]\n{lines}\n[exports.b]\nmethod = "crm.deal.list"\n')
    first, second = text.splitlines()[1:]
    assert first.startswith(f"  [exports.a] {key} = ")
    assert says in first
    assert second == "  [exports.b] target is missing"


def test_an_address__with_a_password_is_refused_and_not_shown(tmp_path):
    text = complaint(tmp_path, FULL.replace("d.parquet", "s3://anna:pa55w0rd@bucket/d.parquet"))
    assert "an address can't be the name" in text
    assert "pa55w0rd" not in text


def test_a_dataset__stays_where_it_is(tmp_path):
    assert "fixed name" in complaint(tmp_path, '[exports.a]\nmode = "crm"\ntarget = "d-{date}"\n')
    text = complaint(tmp_path, '[exports.a]\nmethod = "crm.deal.list"\nmode = "sync"\ntarget = "d-{date}"\n')
    assert "a fixed name, without {...}" in text


def test_a_dataset__follows_one_list_and_not_each_day_another(tmp_path):
    table = '[exports.a]\nmethod = "crm.deal.list"\nmode = "sync"\ntarget = "d"\n'
    text = complaint(tmp_path, table + 'filter = { ">DATE_CREATE" = "{date}" }\n')
    assert "filter: a sync reads one list" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[exports.deals\n", "is not TOML: Expected ']'"),
        ("[exports.deals]\nmethod = 'сделки'".encode("cp1251"), "is not UTF-8"),
        (b"", "there is no export in it"),
        (b"[export.deals]\n", "did you mean [exports.NAME]?"),
        (b"[exports]\ndeals = 5\n", "[exports.deals] is not a table"),
    ],
)
def test_a_file__that_is_none_says_why(tmp_path, content, words):
    (tmp_path / "exports.toml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_exports(tmp_path / "exports.toml")
    assert words in str(caught.value)


def test_a_byte_order_mark__does_no_harm(tmp_path):
    (tmp_path / "exports.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert list(read_exports(tmp_path / "exports.toml")) == ["deals", "contacts", "report"]


def test_the_file__is_the_named_one_or_here_or_at_home(tmp_path, monkeypatch):
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    home.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(home))
    with pytest.raises(ConfigError, match=r"there is no exports\.toml and not .*home"):
        find_file(None)
    (home / "exports.toml").touch()
    assert find_file(None) == home / "exports.toml"
    (here / "exports.toml").touch()
    assert find_file(None) == here / "exports.toml"
    with pytest.raises(ConfigError, match=r"there is no other\.toml"):
        find_file("other.toml")


def test_a_name__that_is_misspelt_is_an_error_with_the_nearest(tmp_path):
    exports = read(tmp_path, GOOD)
    with pytest.raises(ConfigError, match=r"no export 'dales'\. Hint: did you mean deals\?"):
        choose(exports, ["deals", "dales"])
    assert [export.name for export in choose(exports, ["report", "deals", "report"])] == ["report", "deals"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("params = { labels = 'add' }", "params: labels is an option, not a parameter of crm.deal.list"),
        ("params = { Limit = 3 }", "an export has no such option"),
        ("order = { ID = 'down' }", "order = {'ID': 'down'}: it is a table of \"ASC\" and \"DESC\""),
        ("order = 'ID'", "such as { ID ="),
        ("filter = 'ID=5'", "filter = 'ID=5': it is a table"),
    ],
)
def test_what_would_reach_the_portal_and_do_nothing__is_told(tmp_path, line, says):
    file = tmp_path / "exports.toml"
    file.write_text(f'[exports.deals]\nmethod = "crm.deal.list"\ntarget = "x.parquet"\n{line}\n', "utf-8")
    with pytest.raises(ConfigError) as raised:
        read_exports(file)
    assert says in str(raised.value)


@as_root
def test_find_file__of_a_stranger_in_this_folder_is_used_only_where_it_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exports.toml").write_text(GOOD)
    os.chown(tmp_path / "exports.toml", STRANGER, STRANGER)
    with pytest.raises(ConfigError, match=r"not used: it is a file of .*--file exports\.toml uses it"):
        find_file(None)
    assert find_file("exports.toml") == (tmp_path / "exports.toml").resolve()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_find_file__that_everybody_may_write_to_is_used_only_where_it_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exports.toml").write_text(GOOD)
    (tmp_path / "exports.toml").chmod(0o666)
    with pytest.raises(ConfigError, match="everyone can write to it"):
        find_file(None)
    (tmp_path / "exports.toml").chmod(0o664)
    assert find_file(None) == find_file("exports.toml")
