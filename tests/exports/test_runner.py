"""An export from its table to its file, its exit code, its log and its state."""

from __future__ import annotations

import http.server
import json
import os
import sys
import threading
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from b24data.cli.main import main
from b24data.exports.file import read_exports
from b24data.exports.history import RunFiles, RunHistory, RunRecord, due_at, status
from b24data.exports.spec import Seconds

DEALS = """
[exports.deals]
profile = "acme"
method = "crm.deal.list"
select = ["ID", "TITLE", "OPPORTUNITY"]
target = "deals.parquet"
every = "1d"
"""


def ids(path):
    return pq.read_table(path, columns=["ID"])["ID"].to_pylist()


def test_an_export__is_the_list_in_its_file_and_says_so_in_one_line(desk, capsys):
    desk.write(DEALS)
    assert desk.run("deals") == 0
    shown = capsys.readouterr()
    assert shown.out == "deals: 300 rows in 0 s: deals.parquet\n"
    assert ids(desk.folder / "deals.parquet") == desk.portal.truth("crm.deal.list").ids
    assert desk.files() == ["deals.parquet"]


def test_the_log__has_one_json_object_a_line_and_the_report(desk):
    desk.write(DEALS)
    desk.run("deals", "--quiet")
    start, *notes, done = desk.log("deals")
    assert [note["text"] for note in notes] == list(done["report"]["notes"])
    assert (start["event"], done["event"], done["rows"], done["code"]) == ("start", "done", 300, 0)
    assert done["report"]["complete"] is True
    assert datetime.fromisoformat(done["at"]).utcoffset().total_seconds() == 0


def test_quiet__says_nothing_of_what_went_well(desk, capsys):
    desk.write(DEALS)
    assert desk.run("deals", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_json__is_each_event_as_it_comes(desk, capsys):
    desk.write(DEALS)
    assert desk.run("deals", "--json") == 0
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == ["start", "done"]


def test_the_moment__names_the_file_and_its_folder(desk):
    desk.write(DEALS.replace('"deals.parquet"', '"{year}/deals-{date}.parquet"'))
    assert desk.run("deals") == 0
    today = datetime.now().astimezone()
    assert desk.files() == [f"{today:%Y}/deals-{today:%Y-%m-%d}.parquet"]


def test_a_folder__that_has_a_plain_name_is_not_made(desk, capsys):
    desk.write(DEALS.replace('"deals.parquet"', '"mnt/deals.parquet"'))
    assert desk.run("deals") == 1
    assert "there is no folder" in capsys.readouterr().err
    assert desk.files() == []


def test_the_conditions__are_those_of_the_table(desk):
    desk.write(DEALS + 'filter = { "<=ID" = 100, ">=DATE_CREATE" = 2000-01-01 }\norder = { ID = "DESC" }\n')
    assert desk.run("deals") == 0
    expected = desk.portal.truth("crm.deal.list", filter={"<=ID": 100}).ids
    assert ids(desk.folder / "deals.parquet") == sorted(expected, reverse=True)


def test_several_exports__each_run_and_the_code_is_the_worst(desk, capsys):
    desk.write(
        DEALS
        + '[exports.broken]\nprofile = "acme"\nmethod = "crm.deals.list"\ntarget = "b.parquet"\n'
        + '[exports.tasks]\nprofile = "acme"\nmethod = "tasks.task.list"\nselect = ["ID"]\ntarget = "t.parquet"\n'
    )
    assert desk.run("--all", "--quiet") == 1
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert shown.startswith("b24data: broken: crm.deals.list: ")
    assert "did you mean crm.deal.list" in shown
    assert desk.files() == ["deals.parquet", "t.parquet"]


def test_a_failed_run__leaves_the_last_good_file_and_is_counted(desk, capsys):
    desk.write(DEALS)
    assert desk.run("deals") == 0
    before = (desk.folder / "deals.parquet").read_bytes()
    for _ in range(2):
        desk.portal.fail("error", code="ACCESS_DENIED", status=403, probability=1.0)
        assert desk.run("deals") == 1
    desk.portal.clear_faults()
    assert (desk.folder / "deals.parquet").read_bytes() == before
    assert desk.files() == ["deals.parquet"]
    status = desk.status("deals", capsys)
    assert (status["state"], status["failures"], status["last_code"]) == ("failed 2 times", 2, 1)
    assert "ACCESS_DENIED" in status["last_error"]
    assert desk.run("deals") == 0
    status = desk.status("deals", capsys)
    assert (status["state"], status["failures"], status["last_rows"], status["due"]) == ("done", 0, 300, False)


def test_due__runs_what_was_not_done_for_that_long(desk, capsys):
    desk.write(DEALS + '[exports.never]\nprofile = "acme"\nmethod = "crm.lead.list"\ntarget = "leads.parquet"\n')
    assert desk.status("deals", capsys)["due"] is True
    assert desk.run("--due") == 0
    assert desk.files() == ["deals.parquet"]
    assert desk.status("deals", capsys)["due"] is False
    requests = desk.portal.stats.requests
    assert desk.run("--due") == 0
    assert desk.portal.stats.requests == requests


def is_due(every, began, now, tz=None):
    good = RunRecord(began=began, ended=began + 50, code=0, target="")
    return now >= due_at(RunHistory(runs=(good,), last_good=good), Seconds(every), tz)


@pytest.mark.parametrize(
    ("every", "since", "is_it"),
    [("1d", 86_398, True), ("1d", 86_400 - 601, False), ("1h", 3600 - 359, True), ("1h", 3600 - 361, False)],
)
def test_due__a_run_that_begins_a_little_earlier_than_the_last_is_not_put_off(every, since, is_it):
    assert is_due(every, 1_000_000, 1_000_000 + since) is is_it


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("every", "began", "asked", "is_it"),
    [
        # Summer time begins on 29 March 2026 at 02:00, and ends on 25 October 2026 at 03:00.
        ("1d", "2026-03-28T06:00:05", "2026-03-29T06:00:05", True),  # 23 hours
        ("24h", "2026-03-28T06:00:05", "2026-03-29T06:00:05", False),
        ("1d", "2026-03-28T06:00:05", "2026-03-29T05:49:00", False),
        ("1w", "2026-03-28T06:00:05", "2026-04-04T06:00:05", True),
        ("168h", "2026-03-28T06:00:05", "2026-04-04T06:00:05", False),
        ("1d", "2026-03-28T02:30:00", "2026-03-29T03:00:00", True),  # 02:30 is skipped: cron runs it at 03:00
        ("1d", "2026-10-24T06:00:05", "2026-10-25T05:00:05", False),  # 24 hours of a day of 25
        ("24h", "2026-10-24T06:00:05", "2026-10-25T05:00:05", True),
        ("1d", "2026-10-24T06:00:05", "2026-10-25T06:00:05", True),
        ("1d", "2026-10-24T02:30:00", "2026-10-25T02:30:00", True),  # the first of two
        ("1d", "2026-10-25T02:30:00", "2026-10-26T02:30:00", True),
        ("1d", "2026-03-28T09:00:00", "2026-03-29T06:00:05", False),  # late: the day ends at nine
        ("1d", "2026-03-28T09:00:00", "2026-03-29T09:00:00", True),
    ],
)
@pytest.mark.parametrize("zone", [BERLIN, None], ids=["of the export", "of the machine"])
def test_due__days_and_weeks_are_those_of_the_calendar(monkeypatch, every, began, asked, is_it, zone):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        moments = [datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() for text in (began, asked)]
        assert is_due(every, *moments, zone) is is_it
    finally:
        monkeypatch.undo()
        time.tzset()


def test_due__the_status_goes_by_the_zone_of_the_export(desk):
    desk.write(DEALS + 'tz = "Europe/Berlin"\n')
    [export] = read_exports(desk.file).values()
    began, asked = (datetime(2026, 3, day, 6, tzinfo=BERLIN).timestamp() for day in (28, 29))
    RunFiles(export).write(RunHistory().ended(RunRecord(began=began, ended=began + 50, code=0, target="")))
    assert status(export, asked)["due"] is True


def test_due__who_waited_for_others_is_due_with_them_the_next_time(desk):
    more = DEALS.replace("exports.deals", "exports.more").replace("deals.p", "more.p")
    desk.write(DEALS + more)
    assert desk.run("--due") == 0
    first, second = read_exports(desk.file).values()
    histories = [RunFiles(export).read() for export in (first, second)]
    assert histories[0].runs[0].began < histories[1].runs[0].began
    assert histories[0].last_good.began == histories[1].last_good.began

    asked = datetime(2026, 11, 29, 6).timestamp()
    late = RunRecord(began=asked + 2400, ended=asked + 2460, code=0, target="")
    RunFiles(second).write(RunHistory().ended(late, asked))
    assert status(second, asked + 86_400)["due"] is True
    assert status(second, asked + 80_000)["due"] is False


def test_the_history__is_bounded_and_keeps_the_last_good_run():
    good = RunRecord(began=0, ended=1, code=0, target="")
    history = RunHistory().ended(good)
    for at in range(500):
        history = history.begun(at).ended(RunRecord(began=at, ended=at, code=1, target=""))
    assert len(history.runs) == 100
    assert history.last_good == good
    assert history.failures == 100


def test_a_state__that_is_damaged_begins_anew_and_the_export_runs(desk, caplog, capsys):
    desk.write(DEALS)
    desk.run("deals")
    (state,) = (desk.folder.parent / "state" / "exports").glob("deals-*.json")
    state.write_text('{"runs": [')
    assert desk.run("deals") == 0
    assert "starts over" in caplog.text
    assert desk.status("deals", capsys)["state"] == "done"


def test_wrong_exports__run_nothing_and_name_everything(desk, capsys):
    desk.write(DEALS + "evry = 5\n[exports.more]\nmethod = 5\n")
    assert desk.run("deals") == 1
    shown = capsys.readouterr().err
    assert "evry is unknown, did you mean every?" in shown
    assert "target is missing" in shown
    assert desk.files() == []


def test_dry_run__tells_what_it_would_take_and_writes_nothing(desk, capsys):
    desk.write(DEALS)
    assert desk.run("deals", "--dry-run") == 0
    assert "rows" in capsys.readouterr().out
    assert desk.run("deals", "--dry-run", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert 250 < found["rows"] < 350
    assert desk.files() == []


def test_dry_run__as_json_is_english_for_every_reader(desk, capsys, monkeypatch):
    desk.write(DEALS)
    told = []
    for language in ("en", "ru"):
        monkeypatch.setenv("B24DATA_LANG", language)
        assert desk.run("deals", "--dry-run", "--json") == 0
        told.append({name: value for name, value in json.loads(capsys.readouterr().out).items() if name != "seconds"})
    assert told[0].keys() == told[1].keys()
    assert "rows" in told[1]["text"]


def test_names_and_all__are_not_both_taken(desk, capsys):
    desk.write(DEALS + DEALS.replace("exports.deals", "exports.more").replace("deals.p", "more.p"))
    assert desk.run("deals", "--all") == 64
    assert "takes the names of exports, or --all, and not both" in capsys.readouterr().err
    assert desk.files() == []
    assert desk.run("--all", "--due") == 0
    assert desk.files() == ["deals.parquet", "more.parquet"]


def test_list__is_a_table_of_what_the_file_says(desk, capsys):
    desk.write(DEALS)
    assert main(["export", "list", "--file", str(desk.file)]) == 0
    assert capsys.readouterr().out.split() == [
        *("export", "what", "mode", "profile", "every", "target"),
        *("deals", "crm.deal.list", "full", "acme", "1d", "deals.parquet"),
    ]


@pytest.mark.parametrize("every", ["90s", "36h", "1.5d", "7d"])
def test_list__shows_a_duration_as_the_file_has_it(desk, capsys, every):
    desk.write(DEALS.replace("1d", every))
    assert main(["export", "list", "--json", "--file", str(desk.file)]) == 0
    assert json.loads(capsys.readouterr().out)[0]["every"] == every


CRM = """
[exports.crm]
profile = "acme"
mode = "crm"
tables = ["deals", "deal_products", "users"]
deletes = "scan"
target = "crm"
every = "1d"
"""


def test_a_crm__follows_the_portal_and_stands_in_the_status(desk, capsys):
    desk.write(CRM)
    assert desk.run("crm") == 0
    assert " rows, tables: 3, in " in capsys.readouterr().out
    gone, changed = desk.portal.truth("crm.deal.list").ids[:3], desk.portal.truth("crm.deal.list").ids[3:9]
    desk.portal.delete("deals", gone)
    desk.portal.update("deals", changed, {"TITLE": "changed"})
    desk.portal.fail("error", code="WRONG", status=400, probability=1.0, on="crm.item.productrow.list")
    assert desk.run("crm", "--quiet") == 1
    desk.portal.clear_faults()
    assert desk.run("crm") == 0
    assert sum(pq.read_table(desk.folder / "crm" / "deals")["id"].is_valid().to_pylist()) == 297
    kept = pq.read_table(desk.folder / "crm" / "deal_products")
    assert not set(kept["ownerId"].to_pylist()) & set(gone)
    assert main(["export", "status", "--file", str(desk.file), "--json"]) == 0
    assert '"crm"' in capsys.readouterr().out
    desk.portal.delete("deals", desk.portal.truth("crm.deal.list").ids[:100])
    assert desk.run("crm", "--quiet") == 2
    desk.write(CRM.replace('deletes = "scan"', 'deletes = "scan"\nmax_deletes = 0.5'))
    assert desk.run("crm", "--quiet") == 0
    assert pq.read_table(desk.folder / "crm" / "deals").num_rows == 197


def test_a_table_of_a_crm_that_the_user_may_not_see__is_a_failure_that_is_told(desk, capsys):
    desk.write(CRM)
    desk.portal.deny("users")
    assert desk.run("crm") == 2
    assert "1 of 3 tables were not updated: users" in capsys.readouterr().err
    desk.portal.allow("users")
    assert desk.run("crm", "--quiet") == 0


def test_a_sync__follows_the_list(desk, capsys):
    desk.write(
        '[exports.deals]\nprofile = "acme"\nmethod = "crm.deal.list"\nmode = "sync"\nselect = ["ID", "TITLE"]\n'
        'deletes = "scan"\noverlap = "10min"\nmax_deletes = 0.5\ntarget = "deals"\n'
    )
    assert desk.run("deals") == 0
    assert "deals: 300 rows, 300 new, 0 changed, 0 gone, in 0 s: deals" in capsys.readouterr().out
    truth = desk.portal.truth("crm.deal.list").ids
    desk.portal.update("deals", truth[:5], {"TITLE": "changed"})
    desk.portal.delete("deals", truth[-10:])
    assert desk.run("deals") == 0
    assert "deals: 290 rows, 0 new, 5 changed, 10 gone, in 0 s" in capsys.readouterr().out
    read = pq.read_table(desk.folder / "deals").sort_by("ID")
    assert read["ID"].to_pylist() == truth[:-10]
    assert read["TITLE"].to_pylist().count("changed") == 5
    desk.portal.fail("error", code="ACCESS_DENIED", status=403, probability=1.0)
    assert desk.run("deals", "--quiet") == 1
    desk.portal.clear_faults()
    assert desk.run("deals", "--quiet") == 0


# Who is told.

TELL = (
    "import json, os, sys; json.dump({**json.load(sys.stdin), 'env': os.environ['B24DATA_ERROR']}, open('told', 'w'))"
)


def test_on_failure__a_command_gets_the_facts(desk):
    command = json.dumps([sys.executable, "-c", TELL])
    desk.write(DEALS.replace("crm.deal.list", "crm.deals.list") + f"on_failure = {command}\n")
    assert desk.run("deals") == 1
    told = json.loads((desk.folder / "told").read_text())
    assert (told["export"], told["code"], told["failures"]) == ("deals", 1, 1)
    assert told["error"] == told["env"]
    assert "did you mean crm.deal.list" in told["error"]


def test_folders_of_the_environment__are_those_of_where_it_began(desk, monkeypatch, capsys):
    """The run is in the folder of the file; so are the programs that it starts."""
    monkeypatch.chdir(desk.folder.parent)
    monkeypatch.setenv("B24DATA_CONFIG_DIR", "config")
    monkeypatch.setenv("B24DATA_STATE_DIR", "state")
    shows = (
        "import json, os; json.dump({n: v for n, v in os.environ.items() if n[:8] == 'B24DATA_'}, open('told', 'w'))"
    )
    desk.write(
        DEALS.replace("crm.deal.list", "crm.dale.list") + f'on_failure = ["{sys.executable}", "-c", "{shows}"]\n'
    )
    assert desk.run("deals") == 1
    assert desk.files() == ["told"]
    told = json.loads((desk.folder / "told").read_text("utf-8"))
    assert told["B24DATA_CONFIG_DIR"] == str(desk.folder.parent / "config")
    assert told["B24DATA_STATE_DIR"] == str(desk.folder.parent / "state")
    assert (os.environ["B24DATA_STATE_DIR"], "B24DATA_NONINTERACTIVE" in os.environ) == ("state", False)
    desk.write(DEALS)
    assert desk.run("deals") == 0
    assert desk.status("deals", capsys)["state"] == "done"
    assert desk.files() == ["deals.parquet", "told"]


class Listener(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, json.loads(body)))
        self.send_response(self.server.answer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def listener():
    server = http.server.HTTPServer(("127.0.0.1", 0), Listener)
    server.got, server.answer = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_on_failure__an_address_of_the_env_file_gets_the_facts_and_is_shown_nowhere(desk, listener, capsys):
    url = f"http://127.0.0.1:{listener.server_port}/services/very-secret"
    (desk.folder / ".env").write_text(f"ALERT_URL={url}\n")
    desk.write(DEALS.replace("crm.deal.list", "crm.deals.list") + 'on_failure = "$ALERT_URL"\n')
    assert desk.run("deals") == 1
    ((path, facts),) = listener.got
    assert (path, facts["export"], facts["code"]) == ("/services/very-secret", "deals", 1)
    listener.answer = 500
    assert desk.run("deals") == 1
    assert "the address in $ALERT_URL answered 500" in capsys.readouterr().err
    assert "very-secret" not in json.dumps(desk.log("deals"))


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        ('["./no-such-command"]', "can't be run"),
        (
            json.dumps([sys.executable, "-c", "import sys; print('no mail server'); sys.exit(3)"]),
            "ended with 3: no mail",
        ),
        ('"$NOT_SET_ANYWHERE"', "$NOT_SET_ANYWHERE is not set"),
        ('"$NOBODY_THERE"', "the address in $NOBODY_THERE can't be reached"),
        ('"$NO_ADDRESS"', "the address in $NO_ADDRESS can't be reached"),
    ],
)
def test_on_failure__its_own_failure_does_not_hide_the_first(desk, hook, words, capsys, monkeypatch):
    monkeypatch.setenv("NOBODY_THERE", "http://127.0.0.1:9/hidden")
    monkeypatch.setenv("NO_ADDRESS", "hidden-key")
    desk.write(DEALS.replace("crm.deal.list", "crm.deals.list") + f"on_failure = {hook}\n")
    assert desk.run("deals") == 1
    first, second = capsys.readouterr().err.splitlines()[-2:]
    assert "did you mean crm.deal.list" in first
    assert words in second
    assert "hidden" not in second


def test_a_fault_of_our_own__does_not_stop_the_exports_after_it(desk, monkeypatch, capsys):
    from b24data.exports.journal import Journal

    monkeypatch.setattr(Journal, "progress", property(lambda self: 1 / 0))
    desk.write(DEALS + '[exports.report]\nnotebook = "none.ipynb"\ntarget = "out.ipynb"\n')
    assert desk.run("--all") == 1
    shown = capsys.readouterr().err
    assert "deals: unexpected: ZeroDivisionError: division by zero" in shown
    assert "report: there is no" in shown
    assert "Traceback" in desk.log("deals")[-1]["trace"]
