"""``b24data.dlt``: nightly loads into DuckDB and PostgreSQL, against what the portal has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

import b24data
from b24data import ConfigError, ExportError, Sandbox
from b24data.crm.tables import sql_name
from b24data.engines.extractor import extractor
from tests.conftest import SECRET
from tests.crm.test_killed import change
from tests.crm.truth import LISTS, plain, true_rows
from tests.engines.portals import config_in, signed_in
from tests.postgres import server

TABLES = ["deals", "deal_contacts", "deal_products", "users"]
MORE_TABLES = [*TABLES, "deal_stage_history", "leads", "contacts", "companies", "statuses", "activities"]
SIZES = {"deals": 120, "contacts": 60, "companies": 20, "leads": 20, "activities": 30, "users": 10}

# What dlt itself warns of: its own use of other packages.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dlt.*")


@pytest.fixture(autouse=True)
def config(tmp_path: Path) -> Iterator[None]:
    with config_in(tmp_path) as patch:
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        patch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
        yield


@contextmanager
def duckdb(folder: Path) -> Iterator[Any]:
    yield dlt.destinations.duckdb(str(folder / "crm.duckdb"))


@contextmanager
def postgres(_: Path) -> Iterator[Any]:
    with server() as dsn:
        yield dlt.destinations.postgres(dsn.replace("tester@", "tester:any@"))  # dlt wants a password


def pipeline_to(destination: Any, folder: Path, name: str = "b24_acme") -> dlt.Pipeline:
    return dlt.pipeline(name, destination=destination, dataset_name="acme", pipelines_dir=str(folder / "pipelines"))


def loaded(pipeline: dlt.Pipeline, query: str) -> list[tuple[Any, ...]]:
    with pipeline.sql_client() as client, client.execute_query(query) as cursor:
        return sorted(tuple(row) for row in cursor.fetchall())


def check_tables(pipeline: dlt.Pipeline, portal: Sandbox, tables: Sequence[str] = TABLES) -> None:
    """Each table has the rows that the portal has now, in a few telling columns."""
    for table in tables:
        key, others = (["deal_id", "contact_id"], []) if table == "deal_contacts" else LISTS[table][2:]
        names = ", ".join(sql_name(name) for name in (*key, *others))
        rows = loaded(pipeline, f"select {names} from acme.{table}")
        found = {tuple(map(plain, row[: len(key)])): tuple(map(plain, row[len(key) :])) for row in rows}
        assert len(found) == len(rows), f"{table} has rows twice"
        assert found == true_rows(portal, table), table


def load(pipeline: dlt.Pipeline, tables: Sequence[str] = TABLES, **options: Any) -> dict[str, int]:
    """Load, and say how many rows went to each table; those that only delete count, too."""
    pipeline.run(b24data.dlt.bitrix24("acme", tables, **options))
    return {name: rows for name, rows in pipeline.last_trace.last_normalize_info.row_counts.items() if name in tables}


def three_nights(folder: Path, destination: Any, tables: Sequence[str], nights: int = 3) -> None:
    with signed_in(acme=SIZES) as portals, destination(folder) as to:
        portal = portals["acme"]
        pipeline = pipeline_to(to, folder)
        first = load(pipeline, tables, deletes="scan")
        check_tables(pipeline, portal, tables)
        assert first["deals"] == len(portal.truth("crm.deal.list").ids)
        for night in range(1, nights):
            portal.move_clock(86_400)
            change(portal, night)
            counts = load(pipeline, tables, deletes="scan", max_deletes=10)
            check_tables(pipeline, portal, tables)
            # What changed on the last two days: a clock that was moved makes it ask for a day more.
            assert 0 < counts["deals"] < first["deals"] / 2
            assert counts["deal_products"] < first["deal_products"] / 2


@pytest.mark.parametrize("destination", [duckdb, postgres], ids=["duckdb", "postgresql"])
def test_three_runs__leave_the_tables_equal_to_the_portals(tmp_path: Path, destination: Any) -> None:
    three_nights(tmp_path, destination, TABLES)


@pytest.mark.soak
@pytest.mark.parametrize("destination", [duckdb, postgres], ids=["duckdb", "postgresql"])
def test_seven_runs__leave_more_tables_equal_to_the_portals(tmp_path: Path, destination: Any) -> None:
    three_nights(tmp_path, destination, MORE_TABLES, nights=7)


def test_a_run_that_fails_or_may_not_see_rows__leaves_what_is_loaded(tmp_path: Path) -> None:
    with signed_in(acme=SIZES) as portals, duckdb(tmp_path) as to:
        portal, pipeline = portals["acme"], pipeline_to(to, tmp_path)
        load(pipeline, ["deals"])
        before = loaded(pipeline, "select id, title from acme.deals")
        change(portal, 1)

        portal.fail("error", on="batch", code="OUT_OF_ORDER", times=3)
        with pytest.raises(PipelineStepFailed, match="OUT_OF_ORDER"):
            load(pipeline, ["deals"])
        portal.clear_faults()
        assert loaded(pipeline, "select id, title from acme.deals") == before

        portal.hide("deals", portal.truth("crm.deal.list").ids[::2])
        with pytest.raises(PipelineStepFailed, match=r"rows in the destination are no longer in the list"):
            load(pipeline, ["deals"], deletes="scan")
        assert loaded(pipeline, "select id, title from acme.deals") == before
        portal.hide("deals", [])

        portal.deny("deals")
        assert load(pipeline, ["deals"], deletes="scan") == {}
        assert loaded(pipeline, "select id, title from acme.deals") == before
        portal.allow()

        load(pipeline, ["deals"], deletes="scan")
        check_tables(pipeline, portal, ["deals"])


def test_a_table_that_is_asked_for_later__begins_with_all_its_rows(tmp_path: Path) -> None:
    with signed_in(acme=SIZES) as portals, duckdb(tmp_path) as to:
        pipeline = pipeline_to(to, tmp_path)
        load(pipeline, ["deals"])
        assert load(pipeline, ["deals"]) == {}
        load(pipeline, ["deal_contacts"])
        check_tables(pipeline, portals["acme"], ["deals", "deal_contacts"])
        texts = b"".join(
            file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and "config" not in file.parts
        )
        assert SECRET.search(texts.decode("latin-1")) is None
        kept = "".join(file.read_text() for file in (tmp_path / "config").rglob("*.json"))
        assert SECRET.search(kept)


def test_a_table_that_is_added_to_those_of_a_list__leaves_nothing_stale(tmp_path: Path) -> None:
    with signed_in(acme=SIZES) as portals, duckdb(tmp_path) as to:
        pipeline, portal = pipeline_to(to, tmp_path), portals["acme"]
        load(pipeline, ["deals", "deal_contacts"])
        portal.move_clock(86_400)
        deals = portal.truth("crm.deal.list").ids
        linked = [deal for (deal,) in loaded(pipeline, "select distinct deal_id from acme.deal_contacts")]
        portal.update("deals", linked[:2], {"CONTACT_IDS": []})
        portal.delete("deals", [deal for deal in deals if deal not in linked][:2] or deals[-2:])
        load(pipeline, ["deals", "deal_contacts", "deal_products"], deletes="scan", max_deletes=10)
        check_tables(pipeline, portal, ["deals", "deal_contacts", "deal_products"])


def test_two_portals__are_not_mixed_and_one_portal_is_not_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("b24data.auth.shelf.LEASE_S", 0.0)
    with signed_in(acme={"deals": 3}, beta={"deals": 3}), duckdb(tmp_path) as to:
        pipeline = pipeline_to(to, tmp_path)
        pipeline.run(b24data.dlt.bitrix24("acme", ["deals"]))
        with pytest.raises(PipelineStepFailed, match="the tables of another portal"):
            pipeline.run(b24data.dlt.bitrix24("beta", ["deals"]))
        source = b24data.dlt.bitrix24("acme", ["deals"])
        with extractor("acme"):
            with pytest.raises(ExportError, match="another run on an engine"):
                b24data.dlt.bitrix24("acme", ["deals"])
            with pytest.raises(PipelineStepFailed, match="another run on an engine"):
                pipeline.run(source)


def test_a_table_that_is_not_there__is_named_before_anything_is_read() -> None:
    with signed_in(acme={"deals": 3}):
        with pytest.raises(ConfigError, match="did you mean deal_products"):
            b24data.dlt.bitrix24("acme", ["deal_product"])
        with pytest.raises(ConfigError, match="no profile 'acne'"):
            b24data.dlt.bitrix24("acne")


def test_the_whole_crm__has_the_smart_processes_too() -> None:
    with signed_in(acme={"deals": 3}):
        names = set(b24data.dlt.bitrix24("acme").selected_resources)
    assert {"deals", "deal_contacts", "deal_products", "smart_1036", "users"} <= names
    assert "task_time" not in names  # on request
