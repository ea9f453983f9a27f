"""The main job over real HTTP: every row once, typed, whatever happens to the tokens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow.parquet as pq
import pytest

from b24data import Sandbox
from tests.clocks import ScaledClock

FIELDS = ["ID", "TITLE", "STAGE_ID", "OPPORTUNITY", "CURRENCY_ID", "ASSIGNED_BY_ID", "COMPANY_ID", "DATE_CREATE",
          "CLOSEDATE", "OPENED", "SOURCE_ID", "CATEGORY_ID"]  # fmt: skip
SCALE = 20.0


def test_fetch_all__100_000_rows_once_while_tokens_die_every_7_requests(tmp_path):
    target = tmp_path / "deals.parquet"
    with Sandbox(deals=100_000, token_ttl_requests=7, time_scale=SCALE) as portal:
        portal.warm("crm.deal.list", FIELDS)  # a slow first answer would make the first batches short
        b24 = portal.connect(clock=ScaledClock(SCALE))
        report = b24.tools.fetch_all("crm.deal.list", FIELDS, to=target, progress=False)
        truth, stats = portal.truth("crm.deal.list"), portal.stats
    ids = pq.read_table(target, columns=["ID"])["ID"].to_pylist()
    assert ids == sorted(truth.ids)
    assert (report.rows, report.complete, report.reason) == (100_000, True, "reached_pinned_id")
    assert report.refreshes == stats.refreshes == stats.deaths >= 5
    assert (stats.reused_refresh_tokens, stats.rate_limit_hits, stats.counted_pages) == (0, 0, 0)
    refused = sum(status == 401 for _, _, status in stats.log)  # several requests may meet one dead token
    assert report.requests <= 1.10 * 40 + 3 + refused + 1  # one for the fields


def test_fetch_all__four_lists_at_once_on_one_client_share_each_refresh():
    lists = {"crm.deal.list": 6_000, "crm.lead.list": 5_000, "crm.contact.list": 4_000, "tasks.task.list": 3_000}
    sizes = {"deals": 6_000, "leads": 5_000, "contacts": 4_000, "tasks": 3_000}
    with Sandbox(**sizes, token_ttl_requests=7, time_scale=SCALE) as portal:
        b24 = portal.connect(clock=ScaledClock(SCALE))
        with ThreadPoolExecutor(4) as pool:
            frames = list(pool.map(lambda method: b24.tools.fetch_all(method, ["ID"], progress=False), lists))
        truths, stats = [sorted(portal.truth(method).ids) for method in lists], portal.stats
    assert [frame["ID"].to_list() for frame in frames] == truths
    assert [len(frame) for frame in frames] == list(lists.values())
    assert stats.reused_refresh_tokens == 0
    assert 1 <= stats.refreshes <= stats.deaths  # a death that two requests meet needs one refresh


def test_fetch_all__the_default_limits_never_meet_a_503():
    with Sandbox(deals=4_000, time_scale=SCALE) as portal:
        b24 = portal.connect(clock=ScaledClock(SCALE))
        for _ in range(60):
            b24.actions.v2.call.make(method="profile")
        frames = [b24.tools.fetch_all("crm.deal.list", ["ID"], progress=False) for _ in range(6)]
        truth, stats = portal.truth("crm.deal.list"), portal.stats
    assert all(frame["ID"].to_list() == sorted(truth.ids) for frame in frames)
    assert stats.rate_limit_hits == stats.operating_limit_hits == 0
    assert stats.requests > 60 + 6


def test_fetch_all__typed_columns_in_both_backends():
    with Sandbox(deals=300) as portal:
        b24 = portal.connect()
        nullable = b24.tools.fetch_all("crm.deal.list", FIELDS, progress=False)
        arrow = b24.tools.fetch_all("crm.deal.list", FIELDS, progress=False, dtype_backend="pyarrow")
        wire = portal.rows("crm.deal.list", select=FIELDS)
    assert list(nullable.columns) == FIELDS
    assert [str(dtype) for dtype in nullable.dtypes] == [
        "Int64", "string", "string", "Float64", "string", "Int64", "Int64", "datetime64[us, UTC]",
        "datetime64[us]", "boolean", "string", "Int64",
    ]  # fmt: skip
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in arrow.dtypes)
    for row, sent in zip(nullable.to_dict("records"), wire, strict=True):
        assert row["ID"] == int(sent["ID"])
        assert row["OPPORTUNITY"] == float(sent["OPPORTUNITY"])
        assert row["DATE_CREATE"] == pd.Timestamp(sent["DATE_CREATE"])
        assert row["OPENED"] == (sent["OPENED"] == "Y")
        assert (row["TITLE"] if pd.notna(row["TITLE"]) else "") == (sent["TITLE"] or "")


def test_fetch_all__an_id_that_was_not_selected_is_not_in_the_frame(tmp_path):
    with Sandbox(deals=200) as portal:
        tools = portal.connect().tools
        assert list(tools.fetch_all("crm.deal.list", ["TITLE"], progress=False).columns) == ["TITLE"]
        assert tools.fetch_table("crm.deal.list", ["TITLE"], progress=False).column_names == ["TITLE"]
        tools.fetch_all("crm.deal.list", ["TITLE"], to=tmp_path / "titles.parquet", progress=False)
    assert pq.read_schema(tmp_path / "titles.parquet").names == ["TITLE"]


def test_fetch_all__an_empty_list_is_a_typed_frame_and_a_typed_file(tmp_path):
    with Sandbox(deals=50) as portal:
        tools = portal.connect().tools
        nothing = {"TITLE": "no deal is called that"}
        frame = tools.fetch_all("crm.deal.list", FIELDS, nothing, progress=False)
        report = tools.fetch_all("crm.deal.list", FIELDS, nothing, to=tmp_path / "none.parquet", progress=False)
        frames = list(tools.iter_frames("crm.deal.list", FIELDS, nothing, progress=False))
    assert (len(frame), str(frame["ID"].dtype), str(frame["OPENED"].dtype)) == (0, "Int64", "boolean")
    assert (report.rows, report.complete, report.reason) == (0, True, "empty_page")
    assert pq.read_schema(tmp_path / "none.parquet").names == FIELDS
    assert [len(one) for one in frames] == [0]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("crm.lead.list", None),
        ("crm.company.list", None),
        ("crm.item.list", {"entityTypeId": 2}),
        ("crm.item.list", {"entityTypeId": 1036}),
        ("crm.activity.list", None),
        ("user.get", None),
    ],
)
def test_fetch_all__every_list_of_the_sandbox_is_whole(method, params):
    with Sandbox(deals=230, users=120) as portal:
        frame = portal.connect().tools.fetch_all(method, params=params, progress=False)
        truth = portal.truth(method, params=params)
    ids = frame["ID" if "ID" in frame else "id"].astype("int64").to_list()
    assert sorted(ids) == sorted(truth.ids)
    assert frame.attrs["b24data"]["complete"]


@pytest.mark.parametrize(
    ("method", "params", "walk"),
    [
        ("department.get", None, "offset"),
        ("crm.status.list", None, "whole"),
        ("crm.category.list", {"entityTypeId": 2}, "whole"),
    ],
)
def test_fetch_all__dictionaries_without_a_filter_by_id(method, params, walk):
    with Sandbox(deals=1) as portal:
        b24 = portal.connect()
        frame = b24.tools.fetch_all(method, params=params, progress=False)
        answer = b24.actions.v2.call.make(method=method, params=params)
    rows = answer.result if isinstance(answer.result, list) else answer.result["categories"]
    assert (len(frame), frame.attrs["b24data"]["walk"]) == (len(rows), walk)
    assert [str(value) for value in frame.iloc[:, 0]] == [str(next(iter(row.values()))) for row in rows]


def test_iter_frames__memory_sized_pieces_of_one_list():
    with Sandbox(deals=1_234) as portal:
        frames = portal.connect().tools.iter_frames("crm.deal.list", ["ID", "TITLE"], chunksize=500, progress=False)
        pieces = list(frames)
        truth = portal.truth("crm.deal.list")
    assert [len(piece) for piece in pieces] == [500, 500, 234]
    assert [row_id for piece in pieces for row_id in piece["ID"]] == sorted(truth.ids)
    assert frames.report.complete


def test_iter_batches__leaving_early_sends_nothing_more():
    with Sandbox(deals=60_000, latency_s=0.02) as portal:
        with portal.connect().tools.iter_batches("crm.deal.list", ["ID"], progress=False) as batches:
            next(batches)
        seen = portal.stats.requests
        portal.connect().actions.v2.call.make(method="profile")
        assert portal.stats.requests == seen + 1
        assert not batches.report.complete


def test_fetch_all__limit_order_and_own_bounds():
    with Sandbox(deals=3_000) as portal:
        tools = portal.connect().tools
        ids = sorted(portal.truth("crm.deal.list").ids)
        top = tools.fetch_all("crm.deal.list", ["ID"], order={"ID": "DESC"}, limit=120, progress=False)
        middle = tools.fetch_all("crm.deal.list", ["ID"], {">ID": ids[100], "<=ID": ids[900]}, progress=False)
        dear = tools.fetch_all("crm.deal.list", ["ID", "OPPORTUNITY"], order={"OPPORTUNITY": "DESC"}, limit=60,
                               progress=False)  # fmt: skip
        everything = tools.fetch_all("crm.deal.list", ["ID", "OPPORTUNITY"], progress=False)
    assert top["ID"].to_list() == ids[::-1][:120]
    assert not top.attrs["b24data"]["complete"]
    assert middle["ID"].to_list() == ids[101:901]
    assert dear.attrs["b24data"]["pages"] == 2  # what lies behind the limit is not read
    assert dear["OPPORTUNITY"].to_list() == sorted(everything["OPPORTUNITY"], reverse=True)[:60]


def test_fetch_all__verify_count_compares_with_what_the_portal_counts():
    with Sandbox(deals=700) as portal:
        won = {"STAGE_SEMANTIC_ID": "S"}
        frame = portal.connect().tools.fetch_all("crm.deal.list", ["ID"], won, count=True, progress=False)
        truth = portal.truth("crm.deal.list", filter=won)
    report = frame.attrs["b24data"]
    assert report["total"] == report["rows"] == truth.count
