"""A dataset follows its list, whatever happens to the list, the clocks, the rights and the programs."""

from __future__ import annotations

import datetime as dt
import functools
import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from b24data import (
    AjaxError,
    AuthorizationRequiredError,
    BadReplyError,
    ConfigError,
    ExportError,
    IncompleteFetchError,
    Sandbox,
)
from b24data.client import tools as tools_of_the_package
from b24data.files.sealed import seal
from b24data.sync.clocks import Moment, earlier, jump_between, seconds_of
from b24data.sync.dataset import Dataset
from b24data.sync.state import State
from b24data.sync.sync import Sync
from tests.clocks import MovedClock

SELECT = ["ID", "TITLE", "OPPORTUNITY", "STAGE_ID"]


@pytest.fixture
def portal():
    with Sandbox(deals=300, rate_limit=None, cost=0.0) as portal:
        yield portal


@pytest.fixture
def clock():
    return MovedClock()


@pytest.fixture
def b24(portal, clock):
    with portal.connect(clock=clock) as b24:
        yield b24


@pytest.fixture
def sync(b24, tmp_path):
    """Sync deals into one folder."""

    def sync(filter=None, select=SELECT, **options):
        folder = options.pop("to", tmp_path / "deals")
        return b24.tools.sync("crm.deal.list", select, filter, to=folder, progress=False, **options)

    return sync


@pytest.fixture
def day_passes(portal, clock):
    def day_passes(days=1.0):
        portal.move_clock(86_400 * days)
        clock.move(86_400 * days)

    return day_passes


def kept(folder):
    """What a reader of the folder sees, by id; each id once."""
    rows = [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    by_id = {row["ID"]: row for row in rows}
    assert len(by_id) == len(rows)
    return {row_id: (row["TITLE"], row["OPPORTUNITY"], row["STAGE_ID"]) for row_id, row in by_id.items()}


def true(portal, filter=None):
    rows = portal.rows("crm.deal.list", filter, SELECT)
    return {int(row["ID"]): (row["TITLE"], float(row["OPPORTUNITY"]), row["STAGE_ID"]) for row in rows}


def ids_of(portal, filter=None):
    return portal.truth("crm.deal.list", filter).ids


def test_sync__the_first_one_is_the_whole_list_and_later_ones_bring_changes(sync, portal, tmp_path, day_passes):
    first = sync()
    assert (first.inserted, first.transferred, first.rows, first.since) == (300, 300, 300, None)
    day_passes()
    ids = ids_of(portal)
    portal.update("deals", ids[10:14], {"TITLE": "changed"})
    portal.insert("deals", 3)
    second = sync()
    assert (second.inserted, second.updated, second.unchanged, second.deleted) == (3, 4, 0, 0)
    assert second.transferred == 7
    assert second.rows == 303
    assert second.complete
    assert second.since == first.next
    assert kept(tmp_path / "deals") == true(portal)
    assert ds.dataset(tmp_path / "deals").count_rows() == 303


def test_sync__of_one_that_was_never_changed_asks_little(sync, portal, day_passes):
    sync()
    day_passes()
    before = portal.stats.requests
    report = sync()
    assert report.transferred == 0
    assert portal.stats.requests - before <= 6


def test_sync__a_change_of_the_very_second_is_not_lost(sync, portal, tmp_path):
    sync(overlap=0)
    portal.update("deals", ids_of(portal)[:1], {"TITLE": "in the same second"})
    assert sync(overlap=0).updated == 1
    assert kept(tmp_path / "deals") == true(portal)


def test_sync__what_is_changed_while_it_reads_comes_with_the_next_one(sync, portal, tmp_path, day_passes):
    sync()
    day_passes()
    ids = ids_of(portal)
    portal.update("deals", ids, {"TITLE": "mass update"})
    portal.mutate("deals", update=5, insert=2, every=1, values={"TITLE": "while it was read"})
    report = sync()
    assert report.updated + report.inserted > 290
    portal.mutate("deals", at=1)
    sync()
    sync()
    assert kept(tmp_path / "deals").keys() >= set(ids)


def test_sync__rows_that_leave_the_filter_are_taken_out_and_those_that_enter_come(sync, portal, tmp_path, day_passes):
    open_deals = {"STAGE_SEMANTIC_ID": "P"}
    first = sync(open_deals)
    day_passes()
    inside, outside = ids_of(portal, open_deals), ids_of(portal, {"STAGE_SEMANTIC_ID": "S"})
    portal.update("deals", inside[:30], {"STAGE_SEMANTIC_ID": "S", "STAGE_ID": "WON"})
    portal.update("deals", outside[:2], {"STAGE_SEMANTIC_ID": "P", "STAGE_ID": "NEW"})
    portal.update("deals", inside[-1:], {"TITLE": "changed"})
    second = sync(open_deals)
    assert (second.inserted, second.updated, second.deleted) == (2, 1, 30)
    assert second.rows == first.rows - 28
    assert kept(tmp_path / "deals") == true(portal, open_deals)
    assert sync(open_deals, deletes="scan").deleted == 0


def test_sync__a_bound_on_the_cursor_of_ones_own_stays(sync, portal, tmp_path, day_passes):
    day_passes()
    [first, second, *_] = ids_of(portal)
    portal.update("deals", [first], {})
    recent = {">=DATE_MODIFY": earlier(dt.datetime.fromtimestamp(portal.now, dt.UTC).isoformat(), 60)}
    assert sync(recent).rows == 1
    day_passes()
    portal.update("deals", [second], {})
    assert sync(recent).inserted == 1
    with pytest.raises(ConfigError, match="with > and with >="):
        sync({**recent, ">DATE_MODIFY": "2020-01-01"}, to=tmp_path / "other")
        sync({**recent, ">DATE_MODIFY": "2020-01-01"}, to=tmp_path / "other")


def test_scan__takes_out_what_is_gone_and_brings_what_is_missing(sync, portal, tmp_path, day_passes):
    sync()
    day_passes()
    ids = ids_of(portal)
    portal.delete("deals", ids[5:15])
    missing = portal.insert("deals", [{"ID": 10**6, "DATE_MODIFY": "2020-01-01T00:00:00+03:00"}])
    assert sync().deleted == 0
    report = sync(deletes="scan")
    assert (report.deleted, report.inserted, report.compared) == (10, 1, 291)
    assert kept(tmp_path / "deals") == true(portal)
    assert missing[0] in kept(tmp_path / "deals")


def test_scan__many_missing_rows_come_by_their_range(sync, portal, tmp_path, day_passes):
    ids = ids_of(portal)
    portal.hide("deals", ids[3::2])
    sync()
    portal.hide("deals", [])
    report = sync(deletes="scan")
    assert report.inserted == len(ids[3::2])
    assert len(report.fetches) <= 4
    assert kept(tmp_path / "deals") == true(portal)


@pytest.mark.parametrize("wanted", ["every other", "all but one"])
def test_scan__brings_no_row_that_the_filter_excludes(sync, portal, tmp_path, day_passes, wanted):
    ids = ids_of(portal)
    mine = {"@ID": ids[::2]} if wanted == "every other" else {"!ID": ids[150]}
    portal.hide("deals", ids[20:])
    sync(mine)
    day_passes()
    portal.hide("deals", [])
    assert sync(mine, deletes="scan").rows == len(kept(tmp_path / "deals"))
    assert set(kept(tmp_path / "deals")) == (set(ids[::2]) if wanted == "every other" else {*ids} - {ids[150]})


def test_a_sync_without_changes__is_complete(sync, day_passes):
    assert sync().complete
    day_passes()
    report = sync()
    assert (report.complete, report.transferred) == (True, 0)


def test_scan__more_than_five_percent_gone_is_an_error_that_changes_nothing(sync, portal, tmp_path, day_passes):
    first = sync()
    day_passes()
    ids = ids_of(portal)
    portal.delete("deals", ids[:16])
    portal.update("deals", ids[20:22], {"TITLE": "changed"})
    with pytest.raises(ExportError, match=r"16 of the 300 rows .* nothing was changed") as caught:
        sync(deletes="scan")
    assert caught.value.code == "TOO_MANY_DELETES"
    assert "max_deletes=16" in caught.value.hint
    assert len(kept(tmp_path / "deals")) == 300
    for most in (15, 0.05, 0):
        with pytest.raises(ExportError):
            sync(deletes="scan", max_deletes=most)
    report = sync(deletes="scan", max_deletes=0.1)
    assert (report.deleted, report.updated, report.since) == (16, 2, first.next)
    assert kept(tmp_path / "deals") == true(portal)


def test_scan__one_that_breaks_off_deletes_nothing(sync, portal, tmp_path, day_passes):
    sync()
    day_passes()
    portal.delete("deals", ids_of(portal)[:3])
    portal.fail("error", on="batch", code="ACCESS_DENIED", status=403, probability=1.0)
    with pytest.raises((AjaxError, IncompleteFetchError)):
        sync(deletes="scan")
    assert len(kept(tmp_path / "deals")) == 300
    portal.clear_faults()
    assert sync(deletes="scan").deleted == 3


def test_rights__lost_for_a_day_lose_nothing_that_was_changed_meanwhile(sync, portal, tmp_path, day_passes):
    sync()
    day_passes()
    ids = ids_of(portal)
    portal.hide("deals", ids[:100])
    portal.update("deals", ids[:20], {"TITLE": "changed unseen"})
    with pytest.raises(ExportError, match="100 of the 300"):
        sync(deletes="scan")
    day_passes()
    portal.hide("deals", [])
    assert sync(deletes="scan").updated == 20
    assert kept(tmp_path / "deals") == true(portal)


def test_rights__lost_altogether_are_an_error_without_a_scan_too(sync, portal, tmp_path, day_passes):
    sync()
    day_passes()
    ids = ids_of(portal)
    portal.hide("deals", ids)
    portal.update("deals", ids[:20], {"TITLE": "changed unseen"})
    with pytest.raises(ExportError, match="shows no row by DATE_MODIFY, and 300 are in") as caught:
        sync()
    assert caught.value.code == "NOTHING_TO_SEE"
    portal.hide("deals", [])
    assert sync().updated == 20
    assert kept(tmp_path / "deals") == true(portal)


def test_scan__an_emptied_list_empties_the_dataset_if_that_is_allowed(sync, portal, tmp_path):
    sync()
    portal.delete("deals", ids_of(portal))
    assert sync(deletes="scan", max_deletes=np.int64(300)).deleted == 300
    assert kept(tmp_path / "deals") == {}


@pytest.mark.parametrize("jump", [-7200, 7200])
def test_clock__a_jump_of_the_portals_widens_the_window_by_it(sync, portal, tmp_path, day_passes, jump):
    first = sync()
    portal.move_clock(jump)
    portal.update("deals", ids_of(portal)[:2], {"TITLE": "after the jump"})
    report = sync()
    assert report.updated == 2
    assert abs(Moment(portal=report.since, local=0).portal_s - Moment(portal=first.next, local=0).portal_s + 7200) < 60
    assert any("jumped by 7," in note for note in report.notes)
    assert kept(tmp_path / "deals") == true(portal)
    assert sync().notes == tuple(note for note in report.notes if "jumped" not in note)


def test_columns__a_new_field_reaches_every_row_and_is_told(sync, portal, tmp_path, day_passes, clock):
    sync(select=["*", "UF_*"])
    day_passes()
    portal.add_field("deals", "UF_CRM_NEW", "double", "New")
    portal.update("deals", ids_of(portal)[:2], {"UF_CRM_NEW": 2.5})
    report = sync(select=["*", "UF_*"])
    assert report.columns == ("UF_CRM_NEW is new (double)",)
    table = ds.dataset(tmp_path / "deals").to_table()
    assert table["UF_CRM_NEW"].to_pylist() == [2.5, 2.5, *[None] * 298]
    assert "column UF_CRM_NEW is new" in str(report)


def test_query__another_one_is_an_error_that_says_what_differs(sync, portal, tmp_path):
    sync()
    with pytest.raises(ConfigError, match=r"select is \['ID'\] and was \['ID', 'TITLE', .*use another folder"):
        sync(select=["ID"])
    with pytest.raises(ConfigError, match=r"filter is \{'CATEGORY_ID': 1\} and was \{\}; labels is 'add'"):
        sync({"CATEGORY_ID": 1}, labels="add")
    with portal.hook() as other, pytest.raises(ConfigError, match="caller is"):
        other.tools.sync("crm.deal.list", SELECT, to=tmp_path / "deals", progress=False)
    assert kept(tmp_path / "deals") == true(portal)


def test_two_at_once__the_second_says_so(sync, portal, tmp_path, b24):
    sync()
    errors = []

    def second(event):
        if not errors:
            with pytest.raises(ExportError) as caught:
                sync()
            errors.append(caught.value)

    b24.tools.sync("crm.deal.list", SELECT, to=tmp_path / "deals", progress=second)
    assert errors[0].code == "ALREADY_RUNNING"
    assert "another sync of" in str(errors[0])


def test_portal_down__nothing_is_lost_and_the_next_sync_goes_on(sync, portal, tmp_path, day_passes):
    first = sync()
    day_passes()
    portal.update("deals", ids_of(portal)[:5], {"TITLE": "changed"})
    portal.fail("bare", status=404, probability=1.0)
    with pytest.raises(BadReplyError):
        sync()
    portal.clear_faults()
    report = sync()
    assert (report.updated, report.since) == (5, first.next)
    assert kept(tmp_path / "deals") == true(portal)


def test_a_portal_that_does_not_compare_times__is_an_error_whichever_way(tmp_path):
    careless, strict = {"ignores": ["times"]}, {"lies": ["times"]}
    for way, kind, text in (
        (careless, IncompleteFetchError, "ignores the filter '>=DATE_MODIFY'"),
        (strict, ExportError, "can't filter by DATE_MODIFY"),
    ):
        with Sandbox(deals=300, rate_limit=None, cost=0.0, **way) as portal, portal.connect() as b24:
            folder = tmp_path / str(way)
            b24.tools.sync("crm.deal.list", SELECT, to=folder, progress=False)
            with pytest.raises(kind, match=text):
                b24.tools.sync("crm.deal.list", SELECT, to=folder, progress=False)
            assert kept(folder) == true(portal)


@pytest.mark.parametrize(
    ("method", "options", "complaint"),
    [
        ("department.get", {}, "not documented which field of department.get has the time of the last change.*cursor="),
        ("crm.status.list", {}, "cannot be synced: its rows cannot be requested by id"),
        ("event.offline.get", {}, "cannot be synced"),
        (
            "bizproc.task.list",
            {"select": ["ID", "USER_ID"]},
            "has several rows of one ID where it is asked for USER_ID",
        ),
        ("bizproc.task.list", {"filter": {"@USER_ID": [1, 7]}}, "has several rows of one ID"),
        ("crm.deal.list", {"overlap": "soon"}, "'soon' is not a duration.*10min"),
        ("crm.deal.list", {"overlap": None}, "None is not a duration"),
        ("crm.deal.list", {"deletes": "all"}, "is not a way to find deleted rows.*scan"),
        ("crm.deal.list", {"deletes": "scan", "max_deletes": 1.5}, "not a number of rows"),
        ("crm.deal.list", {"deletes": "scan", "max_deletes": True}, "not a number of rows"),
        ("crm.deal.list", {"deletes": "scan", "max_deletes": np.float64("nan")}, "not a number of rows"),
        ("crm.deal.list", {"deletes": "scan", "max_deletes": "5"}, "not a number of rows"),
        ("crm.deal.list", {"max_deletes": 5}, "needs a scan"),
        ("crm.deal.list", {"filter": ["ID"]}, "filter of a sync must be a mapping"),
    ],
)
def test_wrong_input__is_told_before_anything_is_sent(b24, portal, tmp_path, method, options, complaint):
    before = portal.stats.requests
    with pytest.raises(ConfigError, match=complaint):
        b24.tools.sync(method, to=tmp_path / "set", progress=False, **options)
    assert portal.stats.requests == before
    assert not (tmp_path / "set").exists()


def test_wrong_folder__says_what_to_do(sync, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="is a file"):
        sync(to=tmp_path / "file")
    with pytest.raises(ConfigError, match="there is no folder"):
        sync(to=tmp_path / "no" / "deals")
    (tmp_path / "mine").mkdir()
    pq.write_table(pq.read_table(write_one(tmp_path)), tmp_path / "mine" / "mine.parquet")
    with pytest.raises(ConfigError, match="is not a part of this dataset"):
        sync(to=tmp_path / "mine")
    (tmp_path / "mine" / "mine.parquet").rename(tmp_path / "mine" / "ids-000000000000.parquet")
    with pytest.raises(ConfigError, match="no state of a sync"):
        sync(to=tmp_path / "mine")


def write_one(folder):
    import pyarrow as pa

    pq.write_table(pa.table({"ID": [1]}), folder / "one.bin")
    return folder / "one.bin"


def test_folder_without_rights__is_one_clear_error(sync, tmp_path, monkeypatch):
    from b24data.sync import source

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(source.WorkFolder, "check_writable", refuse)
    with pytest.raises(ConfigError, match=r"no file can be written in the folder .*Permission denied"):
        sync()


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a folder that nobody may write to, as Linux has")
def test_folder_that_nobody_may_write_to__is_one_clear_error(sync):
    with pytest.raises(ConfigError, match=r"no file can be written in the folder .*give a path in a folder of yours"):
        sync(to=Path("/sys/kernel/deals"))


def test_refresh_token_dead__asks_to_sign_in_and_changes_nothing(sync, portal, tmp_path, day_passes):
    first = sync()
    before = kept(tmp_path / "deals")
    day_passes()
    portal.update("deals", ids_of(portal)[:5], {"TITLE": "changed"})
    portal.revoke()
    with pytest.raises(AuthorizationRequiredError):
        sync()
    assert kept(tmp_path / "deals") == before
    with portal.connect() as again:
        report = again.tools.sync("crm.deal.list", SELECT, to=tmp_path / "deals", progress=False)
    assert report.updated == 5
    assert report.since <= first.next
    assert kept(tmp_path / "deals") == true(portal)


def test_deleted_while_it_reads__a_row_is_not_left_as_it_once_was(sync, portal, tmp_path, day_passes):
    sync()
    day_passes()
    ids = ids_of(portal)
    portal.update("deals", ids[:50], {"TITLE": "changed"})
    portal.mutate("deals", delete=8, every=1)
    sync(deletes="scan", max_deletes=1.0)
    portal.calm()
    living = set(ids_of(portal))
    stale = [
        i for i, row in kept(tmp_path / "deals").items() if i in ids[:50] and i not in living and row[0] != "changed"
    ]
    assert stale == []


def test_state__of_another_version_or_broken_is_left_alone(sync, tmp_path):
    sync()
    state = tmp_path / "deals" / "_b24data" / "state.json"
    good = json.loads(state.read_text())
    for text, complaint in ((json.dumps({**good, "version": 99}), "another version"), ("{", "can't be read")):
        state.write_text(text)
        with pytest.raises(ConfigError, match=complaint):
            sync()
        assert state.read_text() == text


@pytest.fixture
def small_parts(monkeypatch):
    """A part has 60 rows, so 300 deals are five of them."""
    monkeypatch.setattr(tools_of_the_package, "Sync", functools.partial(Sync, part_rows=60))


@pytest.mark.parametrize("lost", [slice(None), slice(0, 1), slice(2, 3), slice(3, None)])
def test_lost_parts__are_noticed_and_the_whole_list_is_read(sync, portal, tmp_path, small_parts, lost, day_passes):
    sync()
    day_passes()
    parts = sorted((tmp_path / "deals").glob("*.parquet"))
    assert len(parts) == 5
    for part in parts[lost]:
        part.unlink()
    portal.update("deals", ids_of(portal)[:2], {"TITLE": "changed"})
    portal.delete("deals", ids_of(portal)[100:103])
    report = sync()
    assert (report.since, report.rows, report.transferred) == (None, 297, 297)
    assert any("of its files, so the whole list was read" in note for note in report.notes)
    assert kept(tmp_path / "deals") == true(portal)
    names = sorted((tmp_path / "deals").glob("*.parquet"))
    assert len(names) == 5
    assert names == parts or lost == slice(None)  # without any part, they are cut as in a first sync
    day_passes()
    assert sync().since is not None


def test_lost_parts__do_not_hide_that_the_user_sees_less(sync, portal, tmp_path, small_parts, day_passes):
    sync()
    day_passes()
    sorted((tmp_path / "deals").glob("*.parquet"))[1].unlink()
    before = kept(tmp_path / "deals")
    portal.hide("deals", ids_of(portal)[150:])
    with pytest.raises(ExportError) as caught:
        sync()
    assert caught.value.code == "TOO_MANY_DELETES"
    assert kept(tmp_path / "deals") == before
    portal.hide("deals", [])
    assert sync().rows == 300
    assert kept(tmp_path / "deals") == true(portal)


def test_lost_parts__of_a_stopped_sync_are_noticed_too(sync, portal, tmp_path, small_parts, day_passes, monkeypatch):
    sync()
    day_passes()
    portal.update("deals", ids_of(portal)[::50], {"TITLE": "changed"})
    with monkeypatch.context() as patch:
        patch.setattr(Dataset, "merge", stopped)
        with pytest.raises(KeyboardInterrupt):
            sync()
    sorted((tmp_path / "deals").glob("*.parquet"))[1].unlink()
    assert sync().since is None
    assert kept(tmp_path / "deals") == true(portal)


def stopped(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("lost", [False, True])
def test_a_state_that_names_no_parts__is_read_and_needs_one(sync, tmp_path, lost, day_passes):
    sync()
    day_passes()
    file = tmp_path / "deals" / "_b24data" / "state.json"
    state = msgspec.json.decode(file.read_bytes(), type=State)
    file.write_bytes(seal(replace(state, version=2, parts=msgspec.UNSET)))
    assert "parts" not in json.loads(file.read_bytes())
    if lost:
        next((tmp_path / "deals").glob("*.parquet")).unlink()
    report = sync()
    assert (report.since is None, report.rows) == (lost, 300)
    assert json.loads(file.read_bytes())["parts"] == ["ids-000000000000.parquet"]


@pytest.mark.parametrize("data", [b"", b"x" * 1000])
def test_a_damaged_part__is_an_error_that_says_what_to_do(sync, portal, tmp_path, data, day_passes):
    sync()
    day_passes()
    (part,) = (tmp_path / "deals").glob("*.parquet")
    part.write_bytes(data)
    with pytest.raises(ExportError, match=r"not a Parquet file, or is damaged.* remove it") as caught:
        sync()
    assert caught.value.code == "DAMAGED_PART"
    part.unlink()
    assert sync().rows == 300
    assert kept(tmp_path / "deals") == true(portal)


@pytest.mark.parametrize(
    ("method", "params", "entity"),
    [
        ("crm.item.list", {"entityTypeId": 2}, "deals"),
        ("crm.item.list", {"entityTypeId": 1036}, "items"),
        ("tasks.task.list", None, "tasks"),
        ("crm.activity.list", None, "activities"),
        ("crm.contact.list", None, "contacts"),
    ],
)
def test_every_spelling__is_synced_with_all_its_fields(b24, portal, tmp_path, method, params, entity, day_passes):
    folder = tmp_path / entity
    first = b24.tools.sync(method, to=folder, params=params, progress=False)
    day_passes()
    ids = portal.truth(method, params=params).ids
    portal.update(entity, ids[:5], {})
    portal.delete(entity, ids[7:9])
    second = b24.tools.sync(method, to=folder, params=params, progress=False, deletes="scan")
    assert (second.transferred, second.deleted, second.columns) == (5, 2, ())
    fresh = b24.tools.fetch_table(method, params=params, progress=False)
    assert (
        ds.dataset(folder)
        .to_table()
        .select(fresh.column_names)
        .cast(fresh.schema)
        .equals(fresh.replace_schema_metadata(None))
    )
    assert first.rows - 2 == second.rows


def test_report__is_json_safe_and_reads_well(sync, portal, day_passes):
    sync()
    day_passes()
    portal.update("deals", ids_of(portal)[:1], {})
    report = sync(deletes="scan")
    told = json.loads(json.dumps(report.as_dict()))
    assert told["updated"] == 1
    assert told["fetches"][0]["method"] == "crm.deal.list"
    assert "300 ids compared" in str(report)
    assert "1 updated" in report._repr_html_()


def test_seconds_of__refuses_what_is_no_duration():
    assert seconds_of(dt.timedelta(hours=1)) == 3600
    assert seconds_of("1.5 h") == 5400
    assert seconds_of(np.int64(90)) == seconds_of(np.float32(90)) == 90
    assert seconds_of(np.timedelta64(10, "m")) == 600
    assert seconds_of(np.timedelta64(10**9, "ns")) == 1
    nothing = (None, [60], np.True_, 10**400, -(10**400), "9" * 400 + "s")
    for wrong in ("10", "min", -1, "10 fortnights", True, float("nan"), *nothing):
        with pytest.raises(ConfigError):
            seconds_of(wrong)


def test_jump_between__is_what_the_clocks_disagree_on():
    before = Moment(portal="2026-03-29T00:30:00+01:00", local=1000.0)
    assert jump_between(before, Moment(portal="2026-03-29T04:30:00+02:00", local=1000.0 + 3 * 3600)) == 0
    assert jump_between(before, Moment(portal="2026-03-29T04:30:00+02:00", local=1000.0)) == 3 * 3600


def test_query__a_value_in_the_middle_of_a_long_array_belongs_to_it(sync, portal):
    numbers = np.arange(1, 2_001)
    sync(filter={"@ASSIGNED_BY_ID": numbers})
    with pytest.raises(ConfigError, match="is of another query"):
        sync(filter={"@ASSIGNED_BY_ID": np.where(numbers == 1_000, 5_000, numbers)})
    sync(filter={"@ASSIGNED_BY_ID": numbers})
