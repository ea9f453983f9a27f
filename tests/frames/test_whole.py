"""Columns of whole lists over HTTP: both spellings, every reader of Parquet, and what changes while a list is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import duckdb
import msgspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b24data import ApiVersion, ConfigError, Sandbox, SchemaError, explode, first
from b24data.http.protocol import Reply, read_reply

# docs/types.md: the names that differ by more than their spelling.
RENAMED = {
    "DATE_CREATE": "createdTime",
    "DATE_MODIFY": "updatedTime",
    "CREATED_BY_ID": "createdBy",
    "MODIFY_BY_ID": "updatedBy",
    "MOVED_BY_ID": "movedBy",
}


class Rewriting:
    """A session whose list answers are changed on their way from the ``after``-th on."""

    def __init__(self, session: Any, change: Callable[[bytes], bytes], after: int = 0) -> None:
        self._session, self._change, self._left = session, change, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        response = self._session.call(method, *arguments, **options)
        if method not in ("batch", "crm.deal.list"):
            return response
        self._left -= 1
        if self._left >= 0:
            return response
        changed = self._change(msgspec.json.encode({"result": response.result}))
        return read_reply(method, Reply(200, {}, changed, url=""))


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=6_000, contacts=120) as portal:
        yield portal


@pytest.fixture
def b24(portal):
    with portal.connect() as b24:
        yield b24


def rewritten(b24, change, after=0):
    b24.set_http_client(ApiVersion.V2, Rewriting(b24.get_http_client(ApiVersion.V2), change, after))
    return b24.tools


def camel(code: str) -> str:
    return RENAMED.get(code) or re.sub(r"_(.)", lambda m: m[1].upper(), code.lower())


def test_both_spellings_of_deals__have_the_same_types_and_the_same_values(b24):
    classic = b24.tools.fetch_table("crm.deal.list", ["*", "UF_*"], limit=2_600, progress=False)
    item = b24.tools.fetch_table(
        "crm.item.list",
        ["*", "UF_*"],
        params={"entityTypeId": 2, "useOriginalUfNames": "Y"},
        limit=2_600,
        progress=False,
    )
    compared = 0
    for name in classic.column_names:
        there = name if name.startswith("UF_") else camel(name)
        assert classic[name].type == item[there].type, name
        if classic.schema.field(name).metadata[b"b24data.type"] == b"file":  # the links of each method are its own
            assert classic[name].is_null().equals(item[there].is_null()), name
        else:
            assert classic[name].to_pylist() == item[there].to_pylist(), name
        compared += 1
    assert compared > 70
    assert {"contactIds", "observers"} <= set(item.column_names)  # crm.item.list alone has these


def test_every_field__no_object_column_and_no_float_id_in_either_backend(b24):
    for backend in ("numpy_nullable", "pyarrow"):
        frame = b24.tools.fetch_all(
            "crm.deal.list", ["*", "UF_*"], dtype_backend=backend, labels="add", limit=500, progress=False
        )
        fields = b24.tools.describe("crm.deal.list").set_index("code")
        assert "object" not in {str(dtype) for dtype in frame.dtypes}
        ids = [code for code in fields.index if fields.loc[code, "arrow"] == "int64"]
        assert len(ids) > 15
        assert all(pd.api.types.is_integer_dtype(frame[code]) for code in ids)


def test_parquet__pandas_polars_and_duckdb_read_what_arrived(b24, tmp_path):
    target = str(tmp_path / "deals.parquet")
    asked = {"select": ["*", "UF_*"], "labels": "add", "limit": 300, "progress": False}
    b24.tools.fetch_all("crm.deal.list", to=target, **asked)
    table = b24.tools.fetch_table("crm.deal.list", **asked).replace_schema_metadata(None)
    with duckdb.connect() as engine:
        engine.execute("set timezone = 'UTC'")
        by_duckdb = engine.sql(f"select * from '{target}'").to_arrow_table()
    by_polars, by_pandas = pl.read_parquet(target), pd.read_parquet(target, dtype_backend="pyarrow")
    for name in table.column_names:
        truth = table[name].to_pylist()
        assert pq.read_table(target)[name].to_pylist() == truth, name
        assert by_polars[name].to_list() == truth, name
        assert by_duckdb[name].to_pylist() == truth, name
        assert [None if one is pd.NA else one for one in pa.array(by_pandas[name]).to_pylist()] == truth, name


def test_a_user_field_that_appears_in_mid_walk__is_a_column_everywhere(b24, tmp_path):
    tools = rewritten(b24, lambda body: body.replace(b'{"ID":', b'{"UF_CRM_NEW":"7","ID":'), after=1)
    target = tmp_path / "deals.parquet"
    report = tools.fetch_all("crm.deal.list", to=target, progress=False)
    new = pq.read_table(target)["UF_CRM_NEW"].to_pylist()
    assert report.rows == len(new) == 6_000
    assert set(new) == {None, "7"}
    assert new[0] is None


def test_values_that_do_not_fit__are_null_counted_and_shown_once(b24):
    tools = rewritten(b24, lambda body: re.sub(rb'"PROBABILITY":"?[^",}]*"?', b'"PROBABILITY":"about 5"', body))
    with pytest.warns(UserWarning, match=r"crm\.deal\.list: .* PROBABILITY 100 \(such as 'about 5'\)") as shown:
        frame = tools.fetch_all("crm.deal.list", ["ID", "PROBABILITY"], limit=100, progress=False)
    assert len(shown) == 1
    assert shown[0].filename == __file__
    assert frame["PROBABILITY"].isna().all()
    assert frame.attrs["b24data"]["coercions"]["PROBABILITY"]["count"] == 100
    with pytest.raises(SchemaError, match=r"PROBABILITY: 'about 5' in the row with ID \d+ is not int"):
        tools.fetch_all("crm.deal.list", ["ID", "PROBABILITY"], limit=100, errors="raise", progress=False)


def test_a_field_that_comes_in_no_row__is_named_and_one_that_is_only_empty_is_not(b24):
    tools = rewritten(b24, lambda body: re.sub(rb'"COMMENTS":(null|"(?:[^"\\]|\\.)*"),?', b"", body))
    frame = tools.fetch_all("crm.deal.list", ["ID", "COMMENTS", "ADDITIONAL_INFO"], limit=60, progress=False)
    [note] = [note for note in frame.attrs["b24data"]["notes"] if "in no row" in note]
    assert note == "in no row, because it is empty or this user has no right to see it: COMMENTS"


def test_a_typo__is_answered_before_any_list_request(portal, b24):
    b24.tools.describe("crm.deal.list")
    before = portal.stats.commands
    for asked, right in (
        ({"select": ["OPORTUNITY"]}, "OPPORTUNITY"),
        ({"filter": {">DATE_CRAETE": "2026-01-01"}}, "DATE_CREATE"),
        ({"order": {"CLOSDATE": "ASC"}}, "CLOSEDATE"),
    ):
        with pytest.raises(SchemaError, match=rf"did you mean {right}"):
            b24.tools.fetch_all("crm.deal.list", progress=False, **asked)
    assert portal.stats.commands == before


def test_check_fields_false__lets_names_through_that_nothing_describes(b24):
    asked = {"select": ["ID", "SECRET_FIELD"], "check_fields": False, "limit": 5, "progress": False}
    assert b24.tools.fetch_all("crm.deal.list", **asked)["SECRET_FIELD"].isna().all()


def test_describe__tells_what_a_fetch_will_give(b24):
    fields = b24.tools.describe("crm.deal.list").set_index("code")
    assert list(fields) == ["title", "type", "arrow", "multiple", "required", "read_only", "values"]
    table = b24.tools.fetch_table("crm.deal.list", ["*", "UF_*"], limit=50, progress=False)
    assert {code: str(table[code].type) for code in fields.index} == fields["arrow"].to_dict()
    assert fields.loc["UF_CRM_1700000013", ["title", "multiple"]].to_list() == ["Products of interest", True]
    assert fields.loc["UF_CRM_1700000013", "values"]["83"] == "Юг"
    assert fields.loc["CATEGORY_ID", "values"]["0"] == "General"
    assert not fields.loc["ASSIGNED_BY_ID", "values"]  # people may be many
    assert fields["read_only"].sum() > 5


def test_describe__a_list_that_nothing_describes_says_so(b24):
    with pytest.raises(ConfigError, match=r"nothing describes the fields of partner\.thing\.list"):
        b24.tools.describe("partner.thing.list")


def test_describe__a_list_that_no_method_describes_has_the_columns_of_its_page(b24):
    fields = b24.tools.describe("crm.stagehistory.list").set_index("code")
    assert fields.loc[["OWNER_ID", "CREATED_TIME", "STAGE_ID"], "arrow"].to_list() == [
        "int64",
        "timestamp[us, tz=UTC]",
        "string",
    ]


def test_labels__cost_at_most_five_requests_more(portal, b24):
    def requests(**options):
        with portal.connect() as fresh:
            frame = fresh.tools.fetch_all("crm.deal.list", ["*", "UF_*"], progress=False, **options)
        return frame.attrs["b24data"]["requests"]

    assert requests(labels="add") <= requests() + 5


def test_phones__arrive_as_lists_and_can_be_exploded(b24):
    contacts = b24.tools.fetch_all("crm.contact.list", ["ID", "PHONE", "EMAIL"], progress=False)
    phones = explode(contacts, "PHONE", keep=["ID"])
    assert len(phones) == sum(len(one) for one in contacts["PHONE"].dropna())
    assert phones["PHONE"].notna().all()
    assert first(contacts, "EMAIL").notna().sum() == contacts["EMAIL"].notna().sum()


@pytest.mark.parametrize("tz", ["UTC", "America/New_York"])
def test_times_without_an_offset__are_those_of_the_portal_whatever_zone_is_shown(tz):
    with Sandbox(deals=3) as portal:
        ids = portal.truth("crm.deal.list").ids
        portal.update("deals", ids, {"COMMENTS": "2025-03-24 07:25:59"})
        with portal.connect() as b24:
            frame = b24.tools.fetch_all(
                "crm.deal.list", ["ID", "COMMENTS"], dtypes={"COMMENTS": "datetime"}, tz=tz, progress=False
            )
        assert set(frame["COMMENTS"].dt.tz_convert("UTC")) == {pd.Timestamp("2025-03-24 04:25:59Z")}
        told = "times without an offset were read as +03:00, the portal's offset: COMMENTS"
        assert told in frame.attrs["b24data"]["notes"]
