"""One call to many portals: one frame, files and folders for each, and the names of what failed."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import b24data
from b24data import AuthorizationRequiredError, ConfigError, PortalsError, Sandbox, SchemaError
from tests.portals.conftest import Keep

FIELDS = ["ID", "TITLE", "OPPORTUNITY", "DATE_CREATE"]


@pytest.fixture(scope="module")
def sandboxes() -> Generator[dict[str, Sandbox], None, None]:
    with contextlib.ExitStack() as held:
        sizes = {"acme": 120, "beta": 30, "empty": 0}
        yield {
            name: held.enter_context(Sandbox(deals=deals, seed=deals, cost=0.0, rate_limit=None))
            for name, deals in sizes.items()
        }


@pytest.fixture
def three(sandboxes: dict[str, Sandbox], keep: Keep) -> dict[str, Sandbox]:
    return {name: keep(name, portal, hook=name == "beta") for name, portal in sandboxes.items()}


def ids(frame: pd.DataFrame, portal: str) -> list[int]:
    return frame.loc[frame["PORTAL"] == portal, "ID"].tolist()


def test_fetch_all__is_one_frame_with_the_portal_first(three):
    with b24data.connect_all() as portals:
        deals = portals.tools.fetch_all("crm.deal.list", FIELDS, progress=False)
        outcome = portals.outcome
    assert list(deals) == ["PORTAL", *FIELDS]
    assert deals.dtypes.astype(str).tolist() == ["string", "Int64", "string", "Float64", "datetime64[us, UTC]"]
    assert {name: ids(deals, name) for name in three} == {name: one.truth().ids for name, one in three.items()}
    assert outcome[["portal", "state", "rows"]].values.tolist() == [
        ["acme", "ok", 120],
        ["beta", "ok", 30],
        ["empty", "ok", 0],
    ]
    report = deals.attrs["b24data"]
    assert (report["complete"], report["rows"], report["columns"]) == (True, 150, {})
    assert {name: one["rows"] for name, one in report["portals"].items()} == {"acme": 120, "beta": 30, "empty": 0}


def test_fetch_table__has_the_same_rows_and_the_report_in_its_metadata(three):
    with b24data.connect_all(["beta", "acme"]) as portals:
        table = portals.tools.fetch_table("crm.deal.list", ["ID"], progress=False)
    assert table.column_names == ["PORTAL", "ID"]
    assert table.column("PORTAL").to_pylist() == ["beta"] * 30 + ["acme"] * 120
    assert b'"complete": true' in table.schema.metadata[b"b24data.report"]


def test_fetch_all__of_no_rows_has_its_columns(three):
    with b24data.connect_all(["empty"]) as portals:
        deals = portals.tools.fetch_all("crm.deal.list", FIELDS, progress=False)
    assert (list(deals), len(deals)) == (["PORTAL", *FIELDS], 0)


def test_fetch_all__with_a_file_for_each_portal(three, tmp_path):
    with b24data.connect_all() as portals:
        reports = portals.tools.fetch_all(
            "crm.deal.list", ["ID"], to=tmp_path / "lake/{profile}/deals.parquet", progress=False
        )
    assert {name: report.rows for name, report in reports.items()} == {"acme": 120, "beta": 30, "empty": 0}
    for name, portal in three.items():
        assert pq.read_table(tmp_path / f"lake/{name}/deals.parquet")["ID"].to_pylist() == portal.truth().ids


def test_sync_and_sync_crm__keep_a_folder_for_each_portal(three, tmp_path):
    with b24data.connect_all() as portals:
        to = str(tmp_path / "lake/{profile}/deals")
        first = portals.tools.sync("crm.deal.list", ["ID", "TITLE"], to=to, progress=False)
        again = portals.tools.sync("crm.deal.list", ["ID", "TITLE"], to=to, progress=False)
        crm = portals.tools.sync_crm(str(tmp_path / "crm/{profile}"), tables=["deals"], progress=False)
    assert {name: report.inserted for name, report in first.items()} == {"acme": 120, "beta": 30, "empty": 0}
    assert sum(report.inserted for report in again.values()) == 0
    assert {name: report.tables["deals"].rows for name, report in crm.items()} == {"acme": 120, "beta": 30, "empty": 0}
    assert len(pd.read_parquet(tmp_path / "lake/beta/deals")) == 30


def test_sql__is_the_answer_of_each_portal(three):
    with b24data.connect_all() as portals:
        found = portals.sql("select count(*) as deals, max(id) as last from deals where id > $low", {"low": 0})
    assert list(found) == ["PORTAL", "deals", "last"]
    assert dict(zip(found["PORTAL"], found["deals"], strict=True)) == {"acme": 120, "beta": 30, "empty": 0}
    assert found["last"].tolist()[:2] == [max(three[name].truth().ids) for name in ("acme", "beta")]
    assert found.attrs["b24data"]["portals"]["acme"]["tables"]


def test_sql__has_a_stream_of_the_caller_for_every_portal_and_plain_texts(three):
    plan = pa.table({"k": [1, 2, 3]})
    with b24data.connect_all() as portals:
        found = portals.sql("select count(*) as n from plan", tables={"plan": plan.to_reader()})
        assert found["n"].tolist() == [3, 3, 3]
        texts = portals.sql("select title from deals where id > 0")
        frame = portals.tools.fetch_all("crm.deal.list", ["TITLE"], progress=False)
    assert texts["title"].dtype == frame["TITLE"].dtype


def test_estimate__has_a_row_for_each_portal(three):
    with b24data.connect_all(["acme", "beta"]) as portals:
        found = portals.tools.estimate("crm.deal.list")
    assert list(found)[:3] == ["PORTAL", "rows", "requests"]
    assert found["rows"].tolist()[1] == 30


def test_profiles__are_a_frame_without_a_secret(three):
    frame = b24data.profiles()
    assert list(frame) == ["name", "portal", "user", "kind", "last_use"]
    assert frame[["name", "user", "kind"]].values.tolist() == [
        ["acme", "Anna", "application"],
        ["beta", "", "webhook"],
        ["empty", "Anna", "application"],
    ]
    assert (pd.Timestamp.now("UTC") - frame["last_use"]).max() < pd.Timedelta("1h")
    assert "rest/" not in frame.to_string()


def test_profiles__last_use_is_when_a_client_was_made(three, tmp_path):
    import os

    os.utime(tmp_path / "config/profiles/beta.json", (0, 0))
    assert b24data.profiles().set_index("name").loc["beta", "last_use"] == pd.Timestamp(0, unit="s", tz="UTC")
    b24data.connect("beta")
    assert b24data.profiles().set_index("name").loc["beta", "last_use"] > pd.Timestamp("2020-01-01", tz="UTC")


@pytest.mark.parametrize(
    ("profiles", "said"),
    [
        (["acme", "acme"], "the profile 'acme' is given twice"),
        (["acme", "bata"], r"there is no profile 'bata'. Hint: did you mean 'beta'\?"),
        ("acne", r"there is no profile 'acne'. Hint: did you mean 'acme'\?"),
        ([], "the list of profiles is empty"),
        (["acme", None], "None is not the name of a profile"),
        (5, "profiles is 5"),
        (None, "profiles is None"),
        ({"acme": 1}, "profiles is {'acme': 1}"),
    ],
)
def test_connect_all__says_which_name_is_wrong(three, profiles, said):
    with pytest.raises(ConfigError, match=said):
        b24data.connect_all(profiles)


def test_connect_all__refuses_two_profiles_of_one_portal(three, keep):
    keep("acme-hook", three["acme"], hook=True)
    with pytest.raises(ConfigError, match="the profiles 'acme' and 'acme-hook' are both of 127"):
        b24data.connect_all()
    with b24data.connect_all(["acme-hook", "beta"]) as portals:
        assert portals.names == ["acme-hook", "beta"]


def test_connect_all__without_a_profile_says_how_to_sign_in(keep):
    with pytest.raises(AuthorizationRequiredError, match=r"there is no profile in.*b24data\.login\(\)"):
        b24data.connect_all()


@pytest.mark.parametrize("given", [{"errors": "ignore"}, {"workers": 0}, {"workers": True}, {"workers": "8"}])
def test_connect_all__takes_no_other_errors_or_workers(three, given):
    with pytest.raises(ConfigError, match=next(iter(given))):
        b24data.connect_all(**given)


@pytest.mark.parametrize(
    ("tool", "to"), [("fetch_all", "deals.parquet"), ("sync", "lake/deals"), ("sync_crm", "lake/{portal}")]
)
def test_a_place_without_the_profile__is_refused_before_anything_is_sent(three, tool, to):
    asked = [] if tool == "sync_crm" else ["crm.deal.list"]
    with b24data.connect_all() as portals:
        before = sum(one.stats.requests for one in three.values())
        with pytest.raises(ConfigError, match=r"is one place for 3 portals. Hint: put \{profile\} into it: to="):
            getattr(portals.tools, tool)(*asked, to=to)
    assert sum(one.stats.requests for one in three.values()) == before


@pytest.mark.parametrize("errors", ["raise", "collect"])
def test_a_wrong_question__is_the_error_itself_and_not_one_for_each_portal(three, errors):
    with b24data.connect_all(errors=errors) as portals:
        with pytest.raises(ConfigError, match="limit"):
            portals.tools.fetch_all("crm.deal.list", limit=-1, progress=False)
        with pytest.raises(TypeError, match="lables"):
            portals.tools.fetch_all("crm.deal.list", lables=True, progress=False)
        with pytest.raises(ConfigError, match=r"neither a \.parquet"):
            portals.tools.fetch_all("crm.deal.list", to="{profile}.doc", progress=False)


def test_a_field_that_no_portal_has__is_named_for_each(three):
    said = r"2 of 2 portals failed: acme: failed: .*TITEL"
    with b24data.connect_all(["acme", "beta"]) as portals, pytest.raises(PortalsError, match=said) as caught:
        portals.tools.fetch_all("crm.deal.list", ["ID", "TITEL"], progress=False)
    assert isinstance(caught.value.errors["beta"], SchemaError)


def test_portals__are_a_collection_of_clients(three):
    with b24data.connect_all() as portals:
        assert (list(portals), len(portals), repr(portals)) == (
            ["acme", "beta", "empty"],
            3,
            "Portals(['acme', 'beta', 'empty'])",
        )
        assert portals["beta"].tools.health_check()
        assert "127.0.0.1" in portals._repr_html_()
        with pytest.raises(ConfigError, match="'gamma' is not among these portals"):
            portals["gamma"]


@pytest.mark.parametrize("workers", [2.5, "8", True, float("nan"), None, 0, -1, [8]], ids=repr)
def test_workers__is_a_number_of_portals(three, workers):
    with pytest.raises(ConfigError, match=r"workers is .*such as 8"):
        b24data.connect_all("*", workers=workers)


def test_workers__may_be_a_whole_number_of_numpy(three):
    with b24data.connect_all("*", workers=np.int64(2)) as portals:
        assert portals.tools.fetch_all("crm.deal.list", ["ID"], progress=False)["PORTAL"].nunique() == 2


def test_the_largest__begins_first_once_it_is_known(three):
    with b24data.connect_all(["empty", "beta", "acme"], workers=1) as portals:
        seen: list[str] = []
        portals.tools.fetch_all("crm.deal.list", ["ID"], progress=False)
        portals.tools.fetch_all(
            "crm.deal.list", ["ID"], progress=lambda event: event.kind == "note" and seen.append(event.summary)
        )
    assert [line.partition(":")[0] for line in seen] == ["acme", "beta", "empty"]
    with b24data.connect_all(["beta", "acme"], workers=1) as later:
        later.tools.fetch_all(
            "crm.deal.list", ["ID"], progress=lambda event: event.kind == "note" and seen.append(event.summary)
        )
    assert [line.partition(":")[0] for line in seen[3:]] == ["acme", "beta"]


def test_progress__is_one_bar_with_a_line_for_each_portal(three, capsys):
    with b24data.connect_all() as portals:
        portals.tools.fetch_all("crm.deal.list", ["ID"], progress=True)
    said = capsys.readouterr().err
    for line in ("acme: ok, 120 rows", "beta: ok, 30 rows", "crm.deal.list at 3 portals: 150 rows"):
        assert line in said
    assert "3 of 3 portals ok" in said


def test_a_column_that_the_portal_calls_as_ours__keeps_its_values():
    from b24data.portals.united import united_tables

    table, _ = united_tables({"acme": pa.table({"PORTAL": ["theirs"], "ID": [1]})})
    assert table.to_pydict() == {"PORTAL": ["acme"], "PORTAL_": ["theirs"], "ID": [1]}
