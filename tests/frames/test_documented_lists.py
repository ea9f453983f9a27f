"""Lists that only their pages describe, fetched from a portal that answers as the pages show."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd
import pytest

from b24data import ConfigError, Sandbox, SchemaError


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=40, rate_limit=None, cost=0.0) as portal:
        yield portal


@pytest.fixture
def b24(portal):
    with portal.connect() as b24:
        yield b24


def fetch(b24, method, select=None, filter=None, **options: Any) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a portal does not describe is told in the report
        return b24.tools.fetch_all(method, select, filter, progress=False, **options)


def notes(frame: pd.DataFrame) -> str:
    return " | ".join(frame.attrs["b24data"]["notes"])


def test_calls__are_numbers_times_and_people(b24):
    calls = fetch(b24, "voximplant.statistic.get", labels="add")
    kinds = {"PORTAL_USER_ID": "Int64", "CALL_DURATION": "Int64", "COST": "Float64", "CRM_ENTITY_ID": "Int64"}
    assert {name: str(calls[name].dtype) for name in kinds} == kinds
    assert str(calls["CALL_START_DATE"].dtype) == "datetime64[us, UTC]"
    assert calls["CALL_DURATION"].sum() > 0
    assert set(calls["CALL_TYPE_LABEL"].dropna()) <= {"outgoing", "incoming"}
    assert "PORTAL_USER_ID_LABEL" in calls
    assert notes(calls) == ""


def test_calls__are_filtered_by_numbers_and_times_and_checked(b24):
    calls = fetch(b24, "voximplant.statistic.get", filter={">=CALL_DURATION": "60", ">CALL_START_DATE": "2020-01-01"})
    assert len(calls) > 0
    assert (calls["CALL_DURATION"] >= 60).all()
    assert {one["proof"] for one in calls.attrs["b24data"]["conditions"]} == {"checked"}
    with pytest.raises(ConfigError, match="CALL_DURATION"):
        fetch(b24, "voximplant.statistic.get", filter={">=CALL_DURATION": "a minute"})


def test_stage_history__merges_with_deals(b24):
    history = fetch(b24, "crm.stagehistory.list", params={"entityTypeId": 2}, labels="add")
    deals = fetch(b24, "crm.deal.list", ["ID"])
    assert len(deals.merge(history, left_on="ID", right_on="OWNER_ID")) >= 0
    assert {"STAGE_ID_LABEL", "CATEGORY_ID_LABEL"} <= set(history)


def test_children_of_a_storage__are_files_and_folders_and_not_storages(b24, tmp_path):
    children = fetch(b24, "disk.storage.getChildren", filter={"TYPE": "folder"}, params={"id": 1})
    assert set(children["TYPE"]) == {"folder"}
    assert str(children["UPDATE_TIME"].dtype) == "datetime64[us, UTC]"
    for _ in range(2):
        synced = b24.tools.sync("disk.storage.getChildren", to=tmp_path / "disk", params={"id": 1}, progress=False)
        assert synced.rows > 0


@pytest.mark.parametrize("method", ["crm.userfield.types", "task.item.userfield.gettypes"])
def test_types_of_user_fields__have_words_for_ids(b24, method):
    assert fetch(b24, method)["ID"].notna().all()


def test_list_elements__system_fields_are_selected_and_filtered(b24):
    asked = {"params": {"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 47}}
    names = ["ID", "NAME", "CODE", "IBLOCK_SECTION_ID", "DATE_CREATE"]
    elements = fetch(b24, "lists.element.get", names, **asked)
    assert list(elements) == names
    assert [str(elements[name].dtype) for name in ("IBLOCK_SECTION_ID", "DATE_CREATE")] == [
        "Int64",
        "datetime64[us, UTC]",
    ]
    assert len(fetch(b24, "lists.element.get", None, {">=DATE_CREATE": "2024-01-01", "CREATED_BY": 1}, **asked)) > 0


def test_select__a_documented_field_that_no_row_has_is_an_empty_column_and_a_note(b24):
    running = fetch(b24, "bizproc.workflow.instances", ["ID", "MODIFIED", "STARTED"])
    assert str(running["MODIFIED"].dtype) == "datetime64[us, UTC]"
    assert running["MODIFIED"].isna().all()
    assert "in no row" in notes(running)
    assert "MODIFIED" in notes(running)


def test_select__a_misspelt_field_of_a_documented_list_is_refused(b24):
    with pytest.raises(SchemaError, match=r"STARTET \(did you mean STARTED"):
        fetch(b24, "bizproc.workflow.instances", ["ID", "STARTET"])


@pytest.mark.parametrize(
    ("method", "options", "said"),
    [
        ("calendar.event.get", {"params": {"type": "user", "ownerId": 1}}, ["one month ago", "three months", '"from"']),
        ("calendar.event.get", {"params": {"type": "user", "ownerId": 1, "from": "2020-01-01"}}, ["three months"]),
        ("calendar.event.get.nearest", {}, ["60 days", '"days"']),
        ("bizproc.task.list", {}, ["current user", 'filter={"USER_ID": ...}']),
    ],
)
def test_a_part_by_default__is_told_with_its_parameter(b24, method, options, said):
    told = notes(fetch(b24, method, **options))
    assert all(words in told for words in said)
    assert ("one month ago" in told) == ("one month ago" in said)


def test_a_part_by_default__is_not_told_when_all_was_asked_for(b24):
    asked = {"type": "user", "ownerId": 1, "from": "2020-01-01", "to": "2030-01-01"}
    assert "by default" not in notes(fetch(b24, "calendar.event.get", params=asked))
