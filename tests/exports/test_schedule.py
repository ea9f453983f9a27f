"""The user's crontab: our lines, those of others, and the command of a line in an empty environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b24data import ConfigError, Sandbox
from b24data.cli.main import main
from b24data.exports import crontab
from b24data.text.pages import page
from tests.exports.conftest import sign_in

pytestmark = pytest.mark.skipif(os.name == "nt", reason="cron is not a thing of Windows")

FAKE = """#!/bin/sh
# As cron's own: -l prints the table or fails, - takes a new one.
case "$1" in
  -l) if [ -f "{table}" ]; then cat "{table}"; else echo "no crontab for anna" >&2; exit 1; fi ;;
  -) cat > "{table}" ;;
  *) exit 2 ;;
esac
"""

DEALS = """
[exports.deals]
profile = "acme"
method = "crm.deal.list"
select = ["ID"]
target = "deals.parquet"
every = "1d"
"""

OTHERS = """# mine, don't touch
MAILTO=anna@example.com
*/5 * * * * cd /srv && ./poll --at "50\\% of it" # b24data is not in this line
@reboot /usr/bin/true
"""


class Cron:
    """A cron that only keeps its table."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table = folder / "table"
        self.program = folder / "bin" / "crontab"
        self.program.parent.mkdir()
        self.says(FAKE.format(table=self.table))

    def says(self, script: str) -> None:
        self.program.write_text(script)
        self.program.chmod(0o755)

    @property
    def text(self) -> str:
        return self.table.read_text("utf-8")


@pytest.fixture
def cron(at_home, monkeypatch):
    cron = Cron(at_home)
    (at_home / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(at_home / "run"))
    monkeypatch.setenv("PATH", os.pathsep.join([str(cron.program.parent), os.environ["PATH"]]))
    return cron


@pytest.fixture
def here(at_home, monkeypatch):
    """A folder whose name is as bad as names get, with an exports.toml."""
    folder = at_home / 'Anna\'s 50% "sales" $HOME'
    folder.mkdir()
    (folder / "exports.toml").write_text(DEALS)
    monkeypatch.chdir(folder)
    return folder


def test_the_lines_of_others__stay_byte_for_byte(cron, here):
    cron.table.write_text(OTHERS)
    assert main(["schedule", "add", "0 6 * * *", "deals"]) == 0
    assert cron.text.startswith(OTHERS)
    assert len(cron.text.splitlines()) == len(OTHERS.splitlines()) + 1
    assert main(["schedule", "add", "30 7 * * mon-fri", "deals"]) == 0
    assert len(cron.text.splitlines()) == len(OTHERS.splitlines()) + 1
    assert cron.text.splitlines()[-1].startswith("30 7 * * mon-fri cd ")
    assert main(["schedule", "remove", "deals"]) == 0
    assert cron.text == OTHERS


def test_list__shows_what_was_added(cron, here, capsys):
    main(["schedule", "add", "@daily", "deals"])
    main(["schedule", "add", "*/30 * * * *", "--due"])
    capsys.readouterr()
    assert main(["schedule", "list"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in shown] == [["export", "when"], ["deals", "@daily"], ["--due", "*/30"]]


def test_dry_run__shows_the_line_and_changes_nothing(cron, here, capsys):
    assert main(["schedule", "add", "@daily", "deals", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("@daily cd ")
    assert not cron.table.exists()


@pytest.mark.parametrize("profiles", ['["beta", "gamma"]', '"*"'])
def test_the_export_of_one_of_many_portals__has_a_line_of_its_own(cron, here, capsys, profiles):
    with Sandbox(deals=1) as portal:
        sign_in(portal, "gamma")
    text = DEALS.replace('profile = "acme"', f"profiles = {profiles}").replace("deals.parquet", "{profile}.parquet")
    (here / "exports.toml").write_text(text)
    assert main(["schedule", "add", "@daily", "deals@gamma"]) == 0
    [entry] = crontab.entries_of(cron.table.read_bytes())
    assert entry.name == "deals@gamma"
    assert " export run deals@gamma --file " in entry.command
    assert main(["schedule", "add", "@daily", "deals@delta"]) == 1
    assert "there is no export 'deals@delta'" in capsys.readouterr().err
    assert main(["schedule", "remove", "deals@gamma"]) == 0
    assert cron.text == ""


def test_the_export_of_one_of_many_portals__needs_them_to_be_known(cron, here, capsys):
    text = DEALS.replace('profile = "acme"', 'profiles = "*"').replace("deals.parquet", "{profile}.parquet")
    (here / "exports.toml").write_text(text)
    assert main(["schedule", "add", "@daily", "deals@acme"]) == 3
    assert "there is no profile" in capsys.readouterr().err
    assert not cron.table.exists()
    assert main(["schedule", "add", "@daily", "deals"]) == 0


def as_cron_runs_it(line: str) -> str:
    """The command of a line: behind five fields or one word, a backslash before % taken away."""
    fields = 1 if line.startswith("@") else 5
    return line.split(maxsplit=fields)[fields].replace("\\%", "%")


def in_an_empty_environment(command: str, home: Path) -> subprocess.CompletedProcess[str]:
    words = ["env", "-i", f"HOME={home}", "PATH=/usr/bin:/bin", "/bin/sh", "-c", command]
    return subprocess.run(words, cwd="/", capture_output=True, text=True, check=False)


@pytest.mark.parametrize("moved", [False, True], ids=["files at home", "files elsewhere"])
def test_the_line__runs_the_export_in_an_empty_environment(cron, here, at_home, monkeypatch, moved):
    if not moved:
        for name in ("B24DATA_CONFIG_DIR", "B24DATA_STATE_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(at_home))
    with Sandbox(deals=120, rate_limit=None) as portal:
        sign_in(portal)
        assert main(["schedule", "add", "0 6 * * *", "deals"]) == 0
        command = as_cron_runs_it(cron.text.splitlines()[-1])
        nothing = ["env", "-i", f"HOME={at_home}", "PATH=/usr/bin:/bin"]
        done = subprocess.run(
            [*nothing, "/bin/sh", "-c", command], cwd="/", capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert pq.read_metadata(here / "deals.parquet").num_rows == 120
        portal.revoke()
        done = subprocess.run(
            [*nothing, "/bin/sh", "-c", command], cwd="/", capture_output=True, text=True, check=False
        )
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "type: b24data login acme" in done.stderr
    assert (at_home / "state").is_dir() is moved


def test_what_is_set__is_carried_along_but_no_secret(cron, here, monkeypatch, capsys):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    monkeypatch.setenv("HTTPS_PROXY", "http://anna:pa55@proxy.example.com:3128")
    monkeypatch.setenv("B24_WEBHOOK", "https://acme.bitrix24.com/rest/1/notreal/")
    assert main(["schedule", "add", "@daily", "deals"]) == 0
    shown = capsys.readouterr()
    assert "TZ=Europe/Berlin" in cron.text
    assert "HTTPS_PROXY is a secret or contains one, and is left out" in shown.err
    assert not [secret for secret in ("pa55", "notreal") if secret in cron.text + shown.out + shown.err]


@pytest.mark.parametrize(
    ("name", "value", "is_carried"),
    [
        ("https_proxy", "http://proxy.example.com:3128", True),
        ("all_proxy", "http://anna:pa55w0rd@proxy.example.com:3128", False),
        ("no_proxy", "localhost,10.0.0.0/8,.example.com", True),
        ("B24DATA_TOKEN_STORE", "keyring", True),
        ("B24DATA_TOKEN_STORE", "postgresql://db.example.com/tokens", True),
        ("B24DATA_TOKEN_STORE", "postgresql://anna:pa55w0rd@db.example.com/tokens", False),
        ("B24DATA_TOKEN_STORE", "postgresql://db.example.com/tokens?user=anna&password=pa55w0rd", False),
        ("B24DATA_TOKEN_KEY", "pa55w0rd", False),
        ("B24DATA_LANG", "ru", True),
        ("B24DATA_CONFIG_DIR", "/home/anna@example.com/conf", True),
    ],
)
def test_what_is_set__is_carried_along_or_told(cron, here, monkeypatch, capsys, name, value, is_carried):
    monkeypatch.setenv(name, value)
    assert main(["schedule", "add", "@daily", "deals"]) == 0
    shown = capsys.readouterr()
    assert (f" {name}={value} " in cron.text.replace("'", "")) is is_carried
    assert (f"b24data: {name} is a secret or contains one" in shown.err) is not is_carried
    assert "pa55w0rd" not in cron.text + shown.out + shown.err


def test_the_line__has_every_folder_from_the_root(cron, here, at_home, monkeypatch):
    file = here / "exports.toml"
    monkeypatch.chdir(at_home)
    for name, value, carried in (
        ("B24DATA_CONFIG_DIR", "c", f"{at_home / 'c'}"),
        ("SSL_CERT_FILE", "d/ca.pem", f"{at_home / 'd/ca.pem'}"),
        ("JUPYTER_PATH", "kernels:/more", f"{at_home / 'kernels'}:/more"),
    ):
        with monkeypatch.context() as patch:  # one by one: a line of cron has an end
            patch.setenv(name, value)
            assert main(["schedule", "add", "@daily", "deals", "--file", str(file)]) == 0
        assert f" {name}={carried} " in cron.text


def test_an_address_to_tell__that_only_the_shell_knows_is_told_of_before_the_night(cron, here, monkeypatch, capsys):
    (here / "exports.toml").write_text(DEALS + 'on_failure = "$ALERT_URL"\n')
    monkeypatch.setenv("ALERT_URL", "https://hooks.example.com/pa55w0rd")
    for words in (["deals"], ["--due"]):
        assert main(["schedule", "add", "@daily", *words]) == 0
        told = capsys.readouterr().err
        assert "b24data: on_failure of deals uses $ALERT_URL, which a scheduled run does not know" in told
        assert f"write it into {here / '.env'}" in told
    assert "pa55w0rd" not in cron.text + told
    (here / ".env").write_text("ALERT_URL=https://hooks.example.com/pa55w0rd\n")
    assert main(["schedule", "add", "@daily", "deals"]) == 0
    assert "on_failure" not in capsys.readouterr().err


def test_a_webhook__that_only_the_shell_knows_is_told_of_before_the_night(cron, here, monkeypatch, capsys):
    (here / "exports.toml").write_text(DEALS.replace('profile = "acme"\n', ""))
    monkeypatch.setenv("B24_WEBHOOK", "https://acme.bitrix24.com/rest/1/notreal/")
    assert main(["schedule", "add", "@daily", "deals"]) == 1
    assert "a secret does not go into a crontab" in capsys.readouterr().err
    (here / ".env").write_text("B24_WEBHOOK=https://acme.bitrix24.com/rest/1/notreal/\n")
    assert main(["schedule", "add", "@daily", "deals"]) == 0
    assert "notreal" not in cron.text


STRICT = """#!{python}
# As cron's own: a table with a time that it can't read is refused as a whole, with the line and the field.
import re, sys
table = "{table}"
if sys.argv[1] == "-l":
    try:
        sys.stdout.write(open(table).read())
    except FileNotFoundError:
        sys.exit("no crontab for anna")
    sys.exit(0)
new = sys.stdin.read()
WORDS = "reboot yearly annually monthly weekly daily midnight hourly".split()
NAMES = "jan feb mar apr may jun jul aug sep oct nov dec sun mon tue wed thu fri sat".split()
FIELDS = [("minute", 0, 59), ("hour", 0, 23), ("day-of-month", 1, 31), ("month", 1, 12), ("day-of-week", 0, 7)]

def reads(field, low, high):
    def fits(end):
        return end.lower() in NAMES or (end.isdecimal() and low <= int(end) <= high)

    parts = [re.fullmatch(r"([*]|(\\w+)(?:-(\\w+))?)(?:/([1-9][0-9]*))?", part) for part in field.split(",")]
    return all(part and all(fits(end) for end in part.group(2, 3) if end) for part in parts)

for number, line in enumerate(new.splitlines()):
    if not line.strip() or line.startswith("#") or re.match(r"\\w+ *=", line):
        continue
    if line.startswith("@"):
        wrong = [] if line[1:].split()[0] in WORDS else ["time specifier"]
    else:
        wrong = [name for text, (name, low, high) in zip(line.split(), FIELDS) if not reads(text, low, high)]
    if wrong:
        sys.exit(f'"-":{{number}}: bad {{wrong[0]}}\\nerrors in crontab file, can\\'t install.')
open(table, "w").write(new)
"""


@pytest.mark.parametrize(
    ("when", "field"),
    [
        ("60 6 * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 6 0 * *", "day-of-month"),
        ("0 6 * 13 *", "month"),
        ("0 6 * foo *", "month"),
        ("0 6 * * 8", "day-of-week"),
        ("*/0 * * * *", "minute"),
        ("1,,2 * * * *", "minute"),
        ("1-2-3 * * * *", "minute"),
        ("@dayly", "time specifier"),
    ],
)
def test_a_time__that_cron_refuses_is_told_in_its_words_and_the_crontab_is_as_it_was(cron, here, when, field, capsys):
    cron.says(STRICT.format(table=cron.table, python=sys.executable))
    cron.table.write_text(OTHERS)
    assert main(["schedule", "add", when, "deals"]) == 1
    said = capsys.readouterr().err
    assert f'cron rejected the new one: "-":4: bad {field}; errors in crontab file' in said
    assert '"0 6 * * *" (minute, hour,' in said
    assert cron.text == OTHERS


@pytest.mark.parametrize("when", ["0 6 * * *", "*/15 0-6,22 1,15 jan-mar Sun", "0-59/7 * * * 0,7", "@weekly"])
def test_a_time__that_cron_takes_is_kept(cron, here, when):
    cron.says(STRICT.format(table=cron.table, python=sys.executable))
    assert main(["schedule", "add", f" {when.replace(' ', '  ')} ", "deals"]) == 0
    assert [entry.when for entry in crontab.entries_of(cron.table.read_bytes())] == [when]


# Cron itself would take most of these, and run something else or nothing.
@pytest.mark.parametrize(
    "when",
    [
        "0 6 * *",
        "0 6 * * * *",
        "@daily 5",
        "",
        "0 6 * * *; true",
        "A=1 6 * * *",
        "# 6 * * *",
        "\u0663 * * * *",
        "0 6 * * %",
    ],
)
def test_a_time__that_would_become_a_part_of_the_command_is_refused(cron, here, when, capsys):
    assert main(["schedule", "add", when, "deals"]) == 1
    assert f"{when!r} is not a cron schedule. Hint: five fields in quotes" in capsys.readouterr().err
    assert not cron.table.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["add", "@daily", "dales"], "did you mean deals?"),
        (["remove", "deals"], "the crontab has no line of b24data for deals"),
        (["add", "@daily", "deals", "--file", "no.toml"], "there is no no.toml"),
    ],
)
def test_what_is_not_there__is_an_error_and_the_crontab_is_as_it_was(cron, here, words, says, capsys):
    cron.table.write_text(OTHERS)
    assert main(["schedule", *words]) == 1
    assert says in capsys.readouterr().err
    assert cron.text == OTHERS


@pytest.mark.parametrize("words", [["add", "@daily"], ["add", "@daily", "deals", "--due"], ["remove"]])
def test_either_a_name_or_due__is_needed(cron, here, words, capsys):
    assert main(["schedule", *words]) == 64
    assert "takes the name of an export, or --due" in capsys.readouterr().err


def test_a_machine__without_cron_says_what_there_is_instead(here, monkeypatch, capsys, at_home):
    monkeypatch.setenv("PATH", str(at_home))
    assert main(["schedule", "add", "@daily", "deals"]) == 1
    shown = capsys.readouterr().err
    assert "there is no crontab on this machine" in shown
    assert page("schedules") in shown
    assert main(["schedule", "add", "@daily", "deals", "--dry-run"]) == 0


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 'You (anna) are not allowed to use this program' >&2; exit 1", "the crontab can't be read: You (anna)"),
        ('case "$1" in -l) echo "no crontab for anna" >&2; exit 1;; esac; echo "bad minute" >&2; exit 1', "bad minute"),
        ('case "$1" in -l) echo "no crontab for anna" >&2; exit 1;; esac; cat > /dev/null', "it is not there"),
    ],
    ids=["not allowed", "refused", "swallowed"],
)
def test_a_cron__that_refuses_is_an_error_and_nothing_is_written_over(cron, here, script, says, capsys):
    cron.table.write_text(OTHERS)
    cron.says(f"#!/bin/sh\n{script}\n")
    assert main(["schedule", "add", "@daily", "deals"]) == 1
    assert says in capsys.readouterr().err
    assert cron.text == OTHERS


def test_a_crontab__in_another_encoding_stays_as_it_is(cron, here):
    before = b"# caf\xe9\n* * * * * true\n"
    cron.table.write_bytes(before)
    assert main(["schedule", "add", "@daily", "deals"]) == 0
    assert cron.table.read_bytes().startswith(before)
    assert main(["schedule", "remove", "deals"]) == 0
    assert cron.table.read_bytes() == before


def test_a_crontab__without_a_last_line_feed_gets_a_line_of_its_own(cron, here):
    cron.table.write_text("* * * * * true")
    assert main(["schedule", "add", "@daily", "deals"]) == 0
    assert cron.text.splitlines()[0] == "* * * * * true"


def test_two_files__may_have_an_export_of_one_name(cron, here, at_home, capsys):
    other = at_home / "exports.toml"
    other.write_text(DEALS)
    assert main(["schedule", "add", "@daily", "deals"]) == 0
    assert main(["schedule", "add", "@daily", "deals", "--file", str(other)]) == 0
    assert main(["schedule", "remove", "deals"]) == 1
    assert "say which with --file" in capsys.readouterr().err
    assert main(["schedule", "remove", "deals", "--file", str(other)]) == 0
    assert [entry.file for entry in crontab.entries_of(cron.table.read_bytes())] == [str(here / "exports.toml")]


def test_a_line__that_cron_would_cut_off_is_refused():
    with pytest.raises(ConfigError, match="the most"):
        crontab.line_of("@daily", "deals", Path("/x/exports.toml"), "x" * 990)


AT_SIX = "0 6 * * * cd /x && /usr/bin/python3 -P -m b24data export run deals --file /x/exports.toml --quiet"
OURS = f"{AT_SIX} # b24data: deals /x/exports.toml"
EIGHT = OURS.replace("0 6", "0 8")


@pytest.mark.parametrize(
    "others",
    [
        "# from the wiki:\u2028* * * * * /bin/rm -rf /srv/old\n".encode(),
        b"0 5 * * * /usr/bin/printf 'a\x0cb\x0b\x1c\x1d\x1e\xc2\x85' > /tmp/x\n",
        b"# caf\xe9 \xff\xfe\x00\n* * * * * true\n",
        b"* * * * * true\r\nMAILTO=anna\r\n",
        b"\n\n \t\n",
        f"# {OURS}\n#{OURS}\n".encode(),
        b"0 5 * * * /opt/backup.sh # b24data: deals /x/exports.toml\n",
        b"0 5 * * * echo b24data export run deals\n",
        b"A=1 99 * * * b24data export run deals # b24data: deals /x/exports.toml\n",
        f"{OURS}.old\n{OURS.replace('deals /', 'leads /')}\n".encode(),
    ],
)
def test_with_entry__every_byte_of_others_stays(others):
    added = crontab.with_entry(others, OURS)
    assert added == others + f"{OURS}\n".encode()
    assert crontab.with_entry(added, EIGHT) == others + f"{EIGHT}\n".encode()
    assert crontab.without(added, "deals", "/x/exports.toml") == others
    around = f"{OURS}\n".encode() + others
    assert crontab.with_entry(around, EIGHT) == f"{EIGHT}\n".encode() + others


def test_with_entry__a_line_that_stands_there_twice_stands_there_once():
    twice = f"{OURS}\n* * * * * true\n{EIGHT}\r\n".encode()
    assert crontab.with_entry(twice, EIGHT) == f"{EIGHT}\n* * * * * true\n".encode()


def test_line_of__a_path_that_cron_can_not_hold_is_refused():
    with pytest.raises(ConfigError, match="cron does not accept a line"):
        crontab.line_of("@daily", "deals", Path("/x\n* * * * * rm -rf/exports.toml"), "cd")


def test_two_at_once__lose_nothing(cron, here):
    (here / "exports.toml").write_text("".join(DEALS.replace("deals", f"deals{n}") for n in range(4)))
    cron.says(cron.program.read_text().replace('cat > "{table}"', 'cat > "{table}.$$" && mv "{table}.$$" "{table}"'))
    cron.table.write_text(OTHERS)
    words = [sys.executable, "-m", "b24data", "schedule", "add", "0 6 * * *"]
    running = [
        subprocess.Popen([*words, f"deals{n}"], env={**os.environ, "B24DATA_STATE_DIR": str(here / f"state{n}")})
        for n in range(4)
    ]
    assert [one.wait() for one in running] == [0, 0, 0, 0]
    assert cron.text.startswith(OTHERS)
    assert sorted(entry.name for entry in crontab.entries_of(cron.table.read_bytes())) == [
        "deals0", "deals1", "deals2", "deals3"
    ]  # fmt: skip


PIECES = [OURS.encode(), b"# b24data:", b"\n", b"\r\n", b" ", b"\\%", b"@daily", b"export run", b"#", b"\xff\0"]
tables = st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=20).map(b"".join)


def check_table(table: bytes) -> None:
    added = crontab.with_entry(table, EIGHT)
    others = [line for line in table.split(b"\n") if OURS.encode() not in line]
    assert [entry for entry in crontab.entries_of(added) if entry.name == "deals"]
    kept = added.split(b"\n")
    assert [line for line in others if line and line not in kept] == []
    again = crontab.without(added, "deals", "/x/exports.toml")
    assert [line for line in others if line and line not in again.split(b"\n")] == []


@settings(max_examples=500, deadline=None)
@given(tables)
def test_fuzz__whatever_a_crontab_holds_others_lose_no_byte(table):
    check_table(table)


@pytest.mark.soak
@settings(max_examples=20_000, deadline=None)
@given(tables)
def test_soak__whatever_a_crontab_holds_others_lose_no_byte(table):
    check_table(table)
