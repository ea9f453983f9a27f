"""``b24data.dask`` without a cluster: columns, types, what is asked of which portal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import b24data
from b24data import ConfigError, ExportError, PortalsError, SchemaError
from b24data.auth.profiles import Profile, Profiles
from b24data.client.tools import Tools
from b24data.engines.extractor import extractor
from tests.engines.portals import config_in, signed_in

FIELDS = ["ID", "TITLE", "OPPORTUNITY", "DATE_CREATE", "STAGE_ID", "CLOSED"]


@pytest.fixture(autouse=True)
def config(tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    with config_in(tmp_path) as patch:
        yield patch


@pytest.fixture
def asked(config: pytest.MonkeyPatch) -> list[Any]:
    """The fields that each whole list was asked for; pages that are read for the types are left out."""
    fetch, seen = Tools.fetch_table, []

    def fetch_table(self: Tools, method: str, select: Any = None, filter: Any = None, **options: Any) -> Any:
        if "progress" not in options:
            seen.append(select)
        return fetch(self, method, select, filter, **options)

    config.setattr(Tools, "fetch_table", fetch_table)
    return seen


def test_read__is_what_each_portal_gives_under_its_name() -> None:
    with signed_in(acme={"deals": 300}, beta={"deals": 120, "id_offset": 50_000}) as portals:
        deals = b24data.dask.read("crm.deal.list", FIELDS, {">OPPORTUNITY": 0}, labels="add")
        assert deals.npartitions == 2
        frame = deals.compute()
        assert frame.dtypes.equals(deals.dtypes)
        for name, portal in portals.items():
            with b24data.connect(name) as b24:
                own = b24.tools.fetch_all("crm.deal.list", FIELDS, {">OPPORTUNITY": 0}, labels="add")
            part = frame[frame["PORTAL"] == name].drop(columns="PORTAL").reset_index(drop=True)
            pd.testing.assert_frame_equal(part, own, check_dtype=False, check_like=True)
            assert part["ID"].to_list() == portal.truth("crm.deal.list", filter={">OPPORTUNITY": 0}).ids
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "PORTAL": "string",
        "ID": "Int64",
        "TITLE": "string",
        "OPPORTUNITY": "Float64",
        "DATE_CREATE": "datetime64[us, UTC]",
        "STAGE_ID": "string",
        "STAGE_ID_LABEL": "string",
        "CLOSED": "boolean",
    }


@pytest.mark.parametrize(
    ("columns", "fields"),
    [
        (["TITLE", "ID"], ["ID", "TITLE"]),
        (["STAGE_ID_LABEL"], ["STAGE_ID"]),
        (["PORTAL", "CLOSED"], ["CLOSED"]),
        (["PORTAL"], FIELDS),
    ],
)
def test_read__asks_for_no_field_that_the_graph_does_not_use(
    asked: list[Any], columns: list[str], fields: list[str]
) -> None:
    with signed_in(acme={"deals": 60}):
        deals = b24data.dask.read("crm.deal.list", FIELDS, profiles=["acme"], labels="add")
        whole = deals.compute()
        part = deals[columns].compute()
        assert asked == [FIELDS, fields]
        pd.testing.assert_frame_equal(part, whole[columns])


def test_read__without_a_select_or_with_a_star_asks_for_columns_by_name(asked: list[Any]) -> None:
    with signed_in(acme={"deals": 60}):
        for select in (None, ["*"]):
            assert b24data.dask.read("crm.deal.list", select)["TITLE"].compute().nunique() > 1
    assert asked == [["TITLE"], ["TITLE"]]


def test_read__columns_that_titles_rename_are_asked_for_by_the_select(asked: list[Any]) -> None:
    with signed_in(acme={"deals": 60}):
        deals = b24data.dask.read("crm.deal.list", ["ID", "TITLE"], titles=True)
        column = deals.columns[2]
        assert column != "TITLE"
        assert deals[column].compute().nunique() > 1
    assert asked == [["ID", "TITLE"]]


@pytest.mark.parametrize(
    ("options", "column"),
    [
        ({"dtypes": {"OPPORTUNITY": "string"}}, "ID"),
        ({"labels": ["STAGE_ID"]}, "ID"),
        ({}, "UF_CRM_1700000014_CURRENCY"),
    ],
)
def test_read__a_column_is_read_whatever_else_was_named(options: dict[str, Any], column: str) -> None:
    select = ["ID", "OPPORTUNITY", "STAGE_ID", "UF_CRM_1700000014"]
    with signed_in(acme={"deals": 60}):
        deals = b24data.dask.read("crm.deal.list", select, **options)
        assert len(deals[["ID", column] if column != "ID" else ["ID"]].compute()) == 60


def test_read__an_empty_portal_has_the_columns_of_all() -> None:
    with signed_in(acme={"deals": 0}, beta={"deals": 3}):
        frame = b24data.dask.read("crm.deal.list", FIELDS).compute()
        assert (len(frame), frame["OPPORTUNITY"].dtype) == (3, "Float64")
        assert len(b24data.dask.read("crm.deal.list", FIELDS, profiles="acme").compute()) == 0


def test_read__a_column_that_came_later_is_an_error_and_not_left_out(config: pytest.MonkeyPatch) -> None:
    with signed_in(acme={"deals": 60}):
        deals = b24data.dask.read("crm.deal.list", ["ID"])
        fetch = Tools.fetch_table
        config.setattr(Tools, "fetch_table", lambda self, *args, **more: fetch(self, args[0], ["ID", "TITLE"]))
        with pytest.raises(SchemaError, match="acme: TITLE came"):
            deals.compute()


def test_profiles__that_are_not_there_or_of_one_portal_are_refused_before_anything_runs() -> None:
    with signed_in(acme={"deals": 3}) as portals:
        with pytest.raises(ConfigError, match="no profile 'acne'"):
            b24data.dask.read("crm.deal.list", profiles=["acne"])
        with pytest.raises(ConfigError, match="the profile 'acme' is given twice"):
            b24data.dask.read("crm.deal.list", profiles=["acme", "acme"])
        host = Profiles().load("acme").portal
        Profiles().save(Profile(name="hook", portal=host, webhook=portals["acme"].webhook_url))
        with pytest.raises(ConfigError, match="the profiles 'acme' and 'hook' are both of"):
            b24data.dask.read("crm.deal.list")
        Profiles().delete("hook")
    with pytest.raises(b24data.AuthorizationRequiredError, match="there is no profile in"):
        b24data.dask.read("crm.deal.list")


@pytest.mark.parametrize("limit", [2.5, "100", True, float("nan"), 0, -1], ids=repr)
def test_read__a_limit_that_is_no_number_of_rows_is_refused_at_once(limit: Any) -> None:
    with signed_in(acme={"deals": 5}), pytest.raises(ConfigError, match=r"limit .* is not a number of rows"):
        b24data.dask.read("crm.deal.list", FIELDS, limit=limit)


def test_read__again_has_what_the_portal_has_now(tmp_path: Path) -> None:
    with signed_in(acme={"deals": 3}) as portals:
        first = b24data.dask.read("crm.deal.list", ["ID"])
        portals["acme"].insert("deals", 1)
        second = b24data.dask.read("crm.deal.list", ["ID"])
        assert set(first.__dask_keys__()).isdisjoint(second.__dask_keys__())
        assert len(second.compute()) == 4


def test_read__of_a_portal_that_another_run_reads_is_refused(config: pytest.MonkeyPatch) -> None:
    config.setattr("b24data.auth.shelf.LEASE_S", 0.0)
    with signed_in(acme={"deals": 3}):
        deals = b24data.dask.read("crm.deal.list", ["ID"])
        with extractor("acme"), pytest.raises(ExportError, match="another run on an engine") as caught:
            deals.compute(scheduler="sync")
        assert caught.value.code == "ALREADY_RUNNING"
        assert len(deals.compute(scheduler="sync")) == 3


def test_sync__keeps_a_folder_for_each_portal_and_names_those_that_fail(tmp_path: Path) -> None:
    with signed_in(acme={"deals": 60}, beta={"deals": 30}, gone={"deals": 3}) as portals:
        for _ in range(2):
            reports = b24data.dask.sync(["acme", "beta"], "lake/{profile}/deals", "crm.deal.list", ["ID", "TITLE"])
            assert {name: report.rows for name, report in reports.items()} == {"acme": 60, "beta": 30}
        assert sorted(path.name for path in (tmp_path / "lake").iterdir()) == ["acme", "beta"]
        portals["gone"].revoke()
        portals["gone"].expire_tokens()
        with pytest.raises(PortalsError, match="1 of 3 portals failed: gone: sign in again") as caught:
            b24data.dask.sync(to=tmp_path / "lake", method="crm.deal.list", select=["ID"])
        assert list(caught.value.results) == ["acme", "beta"]
        assert [one["state"] for one in caught.value.outcome] == ["ok", "ok", "sign in again"]
        with pytest.raises(ConfigError, match="no table"):
            b24data.dask.sync("acme", "crm", tables=["dael"])


def test_sync__without_a_method_is_of_the_whole_crm(tmp_path: Path) -> None:
    with signed_in(acme={"deals": 20}):
        report = b24data.dask.sync("acme", "crm", tables=["deals", "deal_contacts"])["acme"]
        assert report.tables["deals"].rows == 20
        assert (tmp_path / "crm" / "acme" / "deals").is_dir()
