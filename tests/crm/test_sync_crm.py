"""``tools.sync_crm``: a folder of linked tables, kept equal to the portal's."""

from __future__ import annotations

import itertools
import shutil
import threading

import pyarrow.parquet as pq
import pytest

import b24data
from b24data import (
    AccessDeniedError,
    AjaxError,
    ConfigError,
    ExportError,
    IncompleteFetchError,
    MethodNotFoundError,
    RateLimitConfig,
    RestrictionParams,
    Sandbox,
    SdkError,
)
from b24data.crm.check import check_crm
from b24data.crm.folder import CrmFolder
from b24data.http.clock import SYSTEM_CLOCK
from tests.clocks import MovedClock
from tests.crm.truth import LISTS, kept_rows, true_rows

FAST = RestrictionParams(rate_limit=RateLimitConfig(burst_limit=100_000, drain_rate=1_000))


@pytest.fixture
def portal():
    with Sandbox(deals=120, rate_limit=None) as portal:
        yield portal


@pytest.fixture
def tools(portal):
    with portal.connect(restriction_params=FAST) as b24:
        yield b24.tools


def ids_in(folder, column="id"):
    return sorted(id_ for path in folder.glob("*.parquet") for id_ in pq.read_table(path)[column].to_pylist())


def refused_for(method, fetch_all):
    def fetch(asked, *args, **options):
        if asked == method:
            raise AccessDeniedError(method, code="ACCESS_DENIED", status=403)
        return fetch_all(asked, *args, **options)

    return fetch


def test_first_run__reads_the_tables_and_what_they_are_made_of(portal, tools, tmp_path):
    report = tools.sync_crm(tmp_path / "crm", tables=["deal_contacts", "users"])
    assert list(report.tables) == ["users", "deals", "deal_contacts"]
    assert report.complete
    assert ids_in(tmp_path / "crm/deals") == sorted(portal.truth("crm.deal.list").ids)
    links = pq.read_table(next((tmp_path / "crm/deal_contacts").glob("*.parquet"))).to_pylist()
    wanted = {
        (row["id"], contact)
        for row in portal.rows("crm.item.list", params={"entityTypeId": 2})
        for contact in row["contactIds"] or [row["contactId"]]
        if contact
    }
    assert {(row["deal_id"], row["contact_id"]) for row in links} == wanted


def test_requests__are_all_counted(portal, tools, tmp_path):
    for _ in range(2):
        before = portal.stats.requests
        report = tools.sync_crm(tmp_path / "crm")
        assert report.requests == portal.stats.requests - before
        assert report.own_requests >= 2  # the time, and the smart processes


def test_second_run__asks_for_what_changed(portal, tools, tmp_path):
    tools.sync_crm(tmp_path / "crm", tables=["deals"])
    changed = portal.truth("crm.deal.list").ids[:5]
    portal.update("deals", changed, {"TITLE": "changed"})
    report = tools.sync_crm(tmp_path / "crm", tables=["deals"])
    assert (report.tables["deals"].sync.updated, report.tables["deals"].rows) == (5, 120)


def test_second_run__of_a_portal_where_one_row_in_a_hundred_changed_takes_few_requests(portal, tools, tmp_path):
    tools.sync_crm(tmp_path / "crm")
    changed = {
        "deal": "deals",
        "lead": "leads",
        "contact": "contacts",
        "company": "companies",
        "activity": "activities",
    }
    for one, entity in changed.items():
        ids = portal.truth(f"crm.{one}.list").ids
        portal.update(entity, ids[::100], {"SUBJECT" if entity == "activities" else "SOURCE_DESCRIPTION": "changed"})
    before = portal.stats.requests
    report = tools.sync_crm(tmp_path / "crm")
    assert report.requests == portal.stats.requests - before <= 60
    for table in LISTS:
        assert kept_rows(tmp_path / "crm", table) == true_rows(portal, table), table


def test_a_small_table__of_which_some_rows_are_deleted_is_kept_equal(portal, tools, tmp_path):
    tools.sync_crm(tmp_path / "crm", tables=["quotes"])
    ids = ids_in(tmp_path / "crm/quotes")
    gone = ids[: len(ids) // 4]
    portal.delete("quotes", gone)
    report = tools.sync_crm(tmp_path / "crm", tables=["quotes"], deletes="scan")
    assert (report.complete, report.tables["quotes"].sync.deleted) == (True, len(gone))
    assert ids_in(tmp_path / "crm/quotes") == ids[len(gone) :]
    portal.hide("quotes", ids)
    report = tools.sync_crm(tmp_path / "crm", tables=["quotes"], deletes="scan")
    assert report.tables["quotes"].state == "no access"
    assert ids_in(tmp_path / "crm/quotes") == ids[len(gone) :]


def test_a_table_of_which_most_rows_were_deleted__says_what_allows_it(portal, tools, tmp_path):
    tables = ["deals", "deal_products"]
    tools.sync_crm(tmp_path / "crm", tables=tables)
    before, gone = ids_in(tmp_path / "crm/deals"), portal.truth("crm.deal.list").ids[:70]
    portal.delete("deals", gone)
    report = tools.sync_crm(tmp_path / "crm", tables=tables, deletes="scan")
    assert {table.state for table in report.tables.values()} == {"no access"}
    assert "max_deletes=70" in report.tables["deals"].why
    assert ids_in(tmp_path / "crm/deals") == before
    with pytest.raises(ConfigError, match="max_deletes needs a scan"):
        tools.sync_crm(tmp_path / "crm", tables=tables, max_deletes=70)
    assert tools.sync_crm(tmp_path / "crm", tables=tables, deletes="scan", max_deletes=0.6).complete
    for table in tables:
        assert kept_rows(tmp_path / "crm", table) == true_rows(portal, table), table


def test_a_table_without_access__is_named_and_left_as_it_was(tools, tmp_path, monkeypatch):
    tools.sync_crm(tmp_path / "crm", tables=["users", "departments"])
    before = ids_in(tmp_path / "crm/users", "ID")
    monkeypatch.setattr(tools, "fetch_all", refused_for("user.get", tools.fetch_all))
    report = tools.sync_crm(tmp_path / "crm", tables=["users", "departments", "user_departments"])
    assert [table.state for table in report.tables.values()] == ["ok", "no access", "no access"]
    assert not report.complete
    assert ids_in(tmp_path / "crm/users", "ID") == before
    assert "user_departments" in str(report)


def test_two_runs_at_once__the_second_one_says_so(tools, tmp_path):
    folder = CrmFolder(tmp_path / "crm")
    with folder.held(), pytest.raises(ExportError) as caught:
        tools.sync_crm(tmp_path / "crm", tables=["users"])
    assert caught.value.code == "ALREADY_RUNNING"


@pytest.mark.parametrize("wanted", [["deels"], "deals", []])
def test_tables_that_are_none__are_refused_before_anything_is_sent(portal, tools, tmp_path, wanted):
    before = portal.stats.requests
    with pytest.raises(ConfigError):
        tools.sync_crm(tmp_path / "crm", tables=wanted)
    assert (portal.stats.requests, (tmp_path / "crm").exists()) == (before, False)


def test_a_folder_of_another_user__is_refused(portal, tools, tmp_path):
    tools.sync_crm(tmp_path / "crm", tables=["currencies"])
    with portal.hook() as other, pytest.raises(ConfigError, match="another user"):
        other.tools.sync_crm(tmp_path / "crm", tables=["currencies"])


class Waits:
    """A clock whose waits last until the walk that waits is stopped; the third thread that waits is interrupted."""

    def __init__(self) -> None:
        self.woken: list[bool] = []
        self._order = itertools.count(1)

    monotonic = staticmethod(SYSTEM_CLOCK.monotonic)
    time = staticmethod(SYSTEM_CLOCK.time)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if next(self._order) == 3:
            raise KeyboardInterrupt
        self.woken.append(event.wait(30))
        return self.woken[-1]


def test_a_run_that_is_interrupted__ends_its_waits_and_leaves_the_folder_free(portal, tmp_path):
    clock, slow = Waits(), RestrictionParams(rate_limit=RateLimitConfig(burst_limit=12, drain_rate=0.001))
    with portal.connect(restriction_params=slow, clock=clock) as b24, pytest.raises(KeyboardInterrupt):
        b24.tools.sync_crm(tmp_path / "crm", tables=["deals", "users", "activities", "calls", "tasks"])
    assert len(clock.woken) >= 2
    assert all(clock.woken)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("b24data-crm")]
    with CrmFolder(tmp_path / "crm").held():
        pass


def test_a_run_that_is_interrupted__tells_of_no_table_that_it_broke_off(portal, tools, tmp_path, monkeypatch):
    told: list[str] = []
    under_way = threading.Event()

    def walks_until_stopped(*_, **__):
        try:
            while True:
                tools._client.session.call("server.time")
                under_way.set()
        except SdkError as error:
            raise IncompleteFetchError("crm.item.list stopped after 50 rows") from error

    def interrupt(event):
        if event.kind == "note":
            told.append(event.summary)
            if under_way.wait(30):
                raise KeyboardInterrupt

    monkeypatch.setattr(tools, "sync", walks_until_stopped)
    with pytest.raises(KeyboardInterrupt):
        tools.sync_crm(tmp_path / "crm", tables=["currencies", "deals"], progress=interrupt)
    assert [line.partition(":")[0] for line in told] == ["currencies"]


def test_progress__has_a_note_for_each_table_and_can_be_turned_off(tools, tmp_path, capsys):
    seen = []
    tools.sync_crm(tmp_path / "crm", tables=["currencies", "deals"], progress=seen.append)
    assert sorted(event.summary for event in seen if event.kind == "note") == [
        "currencies: 4 rows, 4 transferred",
        "deals: 120 rows, 120 transferred",
    ]
    assert (seen[-1].kind, seen[-1].fraction) == ("done", 1.0)
    tools.sync_crm(tmp_path / "crm", tables=["currencies"], progress=False)
    assert capsys.readouterr() == ("", "")
    with pytest.raises(ConfigError, match="progress is 5"):
        tools.sync_crm(tmp_path / "crm", progress=5)


def without(tools, method, type_id, error):
    """``tools.sync`` of a portal that does not have these records."""
    sync = tools.sync

    def read(asked, *args, params=None, **options):
        if asked == method and (params or {}).get("entityTypeId") == type_id:
            raise error
        return sync(asked, *args, params=params, **options)

    return read


@pytest.mark.parametrize(
    ("name", "method", "type_id", "error"),
    [
        ("invoices", "crm.item.list", 31, AjaxError("crm.item.list", "SPA not found", code="NOT_FOUND", status=400)),
        ("calls", "voximplant.statistic.get", None, MethodNotFoundError("voximplant.statistic.get")),
    ],
)
def test_a_table_that_the_portal_does_not_have__is_absent_and_nothing_is_missing(
    tools, tmp_path, monkeypatch, name, method, type_id, error
):
    monkeypatch.setattr(tools, "sync", without(tools, method, type_id, error))
    report = tools.sync_crm(tmp_path / "crm", tables=["users", name])
    assert [table.state for table in report.tables.values()] == ["ok", "absent"]
    assert report.complete


def test_another_refusal__is_a_failure_that_keeps_the_other_tables(tools, tmp_path, monkeypatch):
    refusal = AjaxError("crm.item.list", "Invalid filter", code="INVALID_ARG_VALUE", status=400)
    monkeypatch.setattr(tools, "sync", without(tools, "crm.item.list", 31, refusal))
    with pytest.raises(ExportError, match="invoices") as caught:
        tools.sync_crm(tmp_path / "crm", tables=["users", "invoices"])
    assert caught.value.code == "TABLES_FAILED"
    assert ids_in(tmp_path / "crm/users", "ID")


@pytest.mark.parametrize("deletes", [None, "scan"])
def test_a_damaged_table__fails_alone_and_is_read_anew_without_the_file(portal, tools, tmp_path, deletes):
    tables = ["deals", "deal_contacts", "deal_products", "users", "companies"]
    tools.sync_crm(tmp_path / "crm", tables=tables)
    file = next((tmp_path / "crm/deals").glob("*.parquet"))
    file.write_bytes(file.read_bytes()[:1000])
    portal.update("companies", portal.truth("crm.company.list").ids[:3], {"TITLE": "changed"})
    with pytest.raises(
        ExportError, match=r"3 of 5 tables .*: deals, deal_contacts, deal_products.* remove it"
    ) as caught:
        tools.sync_crm(tmp_path / "crm", tables=tables, deletes=deletes)
    assert caught.value.code == "TABLES_FAILED"
    assert kept_rows(tmp_path / "crm", "companies") == true_rows(portal, "companies")
    file.unlink()
    assert tools.sync_crm(tmp_path / "crm", tables=tables, deletes=deletes).complete
    for table in ("deals", "deal_contacts", "deal_products"):
        assert kept_rows(tmp_path / "crm", table) == true_rows(portal, table), table


@pytest.mark.parametrize("state", [None, b"", b"{"])
def test_a_table_whose_state_is_lost__fails_alone_and_is_read_anew_without_the_folder(portal, tools, tmp_path, state):
    tables = ["deals", "deal_products", "companies"]
    tools.sync_crm(tmp_path / "crm", tables=tables)
    file = tmp_path / "crm/deals/_b24data/state.json"
    file.unlink() if state is None else file.write_bytes(state)
    portal.update("companies", portal.truth("crm.company.list").ids[:3], {"TITLE": "changed"})
    portal.delete("deals", portal.truth("crm.deal.list").ids[:3])
    with pytest.raises(ExportError, match=r"2 of 3 tables .*: deals, deal_products\..* remove ") as caught:
        tools.sync_crm(tmp_path / "crm", tables=tables)
    assert caught.value.code == "TABLES_FAILED"
    assert kept_rows(tmp_path / "crm", "companies") == true_rows(portal, "companies")
    shutil.rmtree(tmp_path / "crm/deals")
    assert tools.sync_crm(tmp_path / "crm", tables=tables).complete
    for table in tables:
        assert kept_rows(tmp_path / "crm", table) == true_rows(portal, table), table


@pytest.mark.parametrize("table", ["deal_contacts", "deal_products", "users"])
def test_a_damaged_file__of_a_table_that_is_written_whole_is_replaced(portal, tools, tmp_path, table):
    tools.sync_crm(tmp_path / "crm", tables=[table])
    (tmp_path / "crm" / table / "rows.parquet").write_bytes(b"x" * 1000)
    assert tools.sync_crm(tmp_path / "crm", tables=[table]).complete
    assert kept_rows(tmp_path / "crm", table) == true_rows(portal, table)


@pytest.mark.parametrize(
    ("place", "said"), [("taken", "is a file"), ("a/b", "there is no folder"), ("crm.csv", "is the name of a file")]
)
def test_a_place_that_can_not_be_a_folder__is_refused(tools, tmp_path, place, said):
    (tmp_path / "taken").touch()
    with pytest.raises(ConfigError, match=said):
        tools.sync_crm(tmp_path / place, tables=["users"], progress=False)
    with pytest.raises(ConfigError, match="5 is not a path"):
        b24data.open_crm(5)


@pytest.mark.parametrize("tables", [5, True, float("nan"), "deals", [], {}, [5], ["deals", None]], ids=repr)
def test_tables_that_are_no_list_of_names__are_refused(portal, tmp_path, tables):
    before = portal.stats.requests
    with (
        portal.connect() as b24,
        pytest.raises(ConfigError, match=r"tables=.* is not a list of names"),
    ):
        b24.tools.sync_crm(tmp_path / "crm", tables=tables, progress=False)
    assert portal.stats.requests == before
    assert not (tmp_path / "crm").exists()


@pytest.mark.parametrize("since", ["yesterday", "31.01.2026", "2026-02-30", "", 7])
def test_a_since_that_is_no_date_is_refused_by_its_name(portal, tmp_path, since):
    with portal.connect() as b24, pytest.raises(ConfigError, match=f"since is {since!r}"):
        b24.tools.sync_crm(tmp_path / "crm", tables=["deals"], since=since)
    assert not (tmp_path / "crm").exists()


@pytest.mark.parametrize("between", [[], ["deals"]])
def test_a_portal_clock_that_is_set_back__leaves_no_product_rows_behind(tmp_path, between):
    clock = MovedClock()
    with (
        Sandbox(deals=60, rate_limit=None) as portal,
        portal.connect(restriction_params=FAST, clock=clock) as b24,
    ):

        def passes(seconds):
            portal.move_clock(seconds)
            clock.move(seconds)

        portal.move_clock(7_200)  # the portal's clock alone
        b24.tools.sync_crm(tmp_path / "crm", tables=["deal_products"])
        passes(600)
        portal.move_clock(-7_200)
        portal.update("deals", [1], {"OPPORTUNITY": 77_777})
        passes(1_800)
        if between:  # this run meets the jump, and reads no product rows
            b24.tools.sync_crm(tmp_path / "crm", tables=between)
            passes(600)
        b24.tools.sync_crm(tmp_path / "crm", tables=["deal_products"])
        for table in ("deals", "deal_products"):
            assert kept_rows(tmp_path / "crm", table) == true_rows(portal, table), table
    assert check_crm(tmp_path / "crm").good


def test_owners_that_have_no_rows__are_not_asked_for_again(portal, tools, tmp_path, monkeypatch):
    tables, asked, fetch_by = ["deals", "deal_products"], [], tools.fetch_by

    def without_rows(method, key, ids, *args, **options):
        asked.append(len(ids))
        return fetch_by(method, key, [10**9 + one for one in ids], *args, **options)

    monkeypatch.setattr(tools, "fetch_by", without_rows)
    for _ in range(2):
        report = tools.sync_crm(tmp_path / "crm", tables=tables)
        assert (report.complete, report.tables["deal_products"].rows) == (True, 0)
    assert asked == [120]


def test_display__is_closed_however_the_run_ends(tools, tmp_path, monkeypatch):
    events = []
    with CrmFolder(tmp_path / "crm").held(), pytest.raises(ExportError, match="another run"):
        tools.sync_crm(tmp_path / "crm", tables=["users"], progress=events.append)
    assert events == []
    monkeypatch.setattr(tools, "fetch_all", refused_for("user.get", interrupted))
    with pytest.raises(KeyboardInterrupt):
        tools.sync_crm(tmp_path / "crm", tables=["departments"], progress=events.append)
    assert [event.kind for event in events if event.kind in ("start", "done")] == ["start", "done"]


def interrupted(*_, **__):
    raise KeyboardInterrupt
