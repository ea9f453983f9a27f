from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pyarrow as pa
import pytest

from b24data.errors import ProtocolViolationError
from b24data.fields.descriptions import Described, field_types
from b24data.fields.fields import Field
from b24data.frames import recheck
from b24data.frames.recheck import OrderCheck, Recheck, condition_reports
from b24data.frames.schema import build_schema
from b24data.lists.methods import MethodSpec, spec_of
from b24data.lists.plan import make_plan

TYPES = {
    "ID": "integer",
    "OPPORTUNITY": "double",
    "CLOSED": "char",
    "CLOSEDATE": "date",
    "DATE_CREATE": "datetime",
    "STAGE_ID": "crm_status",
    "TITLE": "string",
    "UF_MANY": "integer",
}
FIELDS = {code: Field(code, code, type=kind, multiple=code == "UF_MANY") for code, kind in TYPES.items()}
SCHEMA = build_schema(FIELDS, list(TYPES), id_code="ID")
ROW = {
    "ID": 7,
    "OPPORTUNITY": 99.5,
    "CLOSED": True,
    "CLOSEDATE": dt.date(2026, 3, 1),
    "DATE_CREATE": dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC),
    "STAGE_ID": "WON",
    "TITLE": "Deal",
    "UF_MANY": [1, 2],
}
MOSCOW = "+03:00"
COUNTED = replace(spec_of("crm.deal.list"), walk="offset")


def rechecked(conditions, rows=(ROW,), *, spec=COUNTED, fields=FIELDS, schema=SCHEMA, coerced=(), zone=MOSCOW):
    plan = make_plan(spec, filter=conditions, types=field_types(Described(fields)))
    checks = Recheck(spec.method, plan.conditions, schema, zone)
    for row in rows:
        checks.check(pa.RecordBatch.from_pylist([row], schema=schema.arrow), coerced)
    return {one.key: one.proof for one in condition_reports(plan.conditions, plan.bounds, checks, "")}


@pytest.mark.parametrize(
    "conditions",
    [
        {">OPPORTUNITY": "99"},
        {"<=OPPORTUNITY": 99.5, ">=opportunity": 1},
        {"=OPPORTUNITY": "99.50"},
        {"@STAGE_ID": ["NEW", "WON"], "STAGE_ID": "WON"},
        {"STAGE_ID": "won"},  # codes are compared without regard to capitals
        {"!STAGE_ID": "LOSE", "!@STAGE_ID": ["NEW", "C1:WON"], "!=OPPORTUNITY": 100},
        {"!STAGE_ID": "", "!CLOSEDATE": ""},
        {">=CLOSEDATE": "2026-03-01"},
        {"CLOSEDATE": dt.date(2026, 3, 1)},
        {">DATE_CREATE": "2026-03-01T11:59:59+00:00"},
        {"=DATE_CREATE": "2026-03-01T15:00:00+03:00"},
        {">=DATE_CREATE": "2026-03-01T15:00:00"},  # in the portal's zone
        {"CLOSED": True, "!CLOSED": "N"},
        {"@ID": [7, 8]},
    ],
)
def test_recheck__rows_that_match_pass_and_every_condition_is_checked(conditions):
    assert set(rechecked(conditions).values()) == {"checked"}


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        ({"TITLE": "another"}, "texts by its own rules"),
        ({"%TITLE": "x"}, "searches in texts"),
        ({"UF_MANY": 5}, "several values"),
        ({">=DATE_CREATE": "2026-03-01T16:00:00"}, "within an hour"),  # the portal may have been an hour behind then
        ({"!DATE_CREATE": "2026-03-01T15:30:00"}, "within an hour"),
    ],
)
def test_recheck__a_condition_that_rows_can_not_show_says_why(conditions, why):
    (proof,) = rechecked(conditions).values()
    assert proof.startswith("not checkable: ")
    assert why in proof


@pytest.mark.parametrize(
    "conditions",
    [
        {">OPPORTUNITY": 99.5},
        {"<OPPORTUNITY": "50"},
        {"=OPPORTUNITY": 100},
        {"!=OPPORTUNITY": 99.5},
        {"@STAGE_ID": ["NEW", "LOSE"]},
        {"!@STAGE_ID": ["NEW", "won"]},
        {"STAGE_ID": "NEW"},
        {"!STAGE_ID": "WON"},
        {"STAGE_ID": ""},
        {"CLOSED": "N"},
        {"!CLOSED": True},
        {">CLOSEDATE": "2026-03-01"},
        {"CLOSEDATE": ""},
        {">DATE_CREATE": "2026-03-01T12:00:00+00:00"},
        {">=DATE_CREATE": "2026-03-01T17:00:00"},
        {">=DATE_CREATE": "2026-03-02"},
        {"=DATE_CREATE": "2026-03-01T12:00:00+03:00"},
        {"@ID": [1, 2, 3]},
    ],
)
def test_recheck__a_row_that_contradicts_the_filter_is_a_violation(conditions):
    with pytest.raises(ProtocolViolationError, match="ignores the filter"):
        rechecked(conditions)


@pytest.mark.parametrize("zone", [None, dt.timezone(dt.timedelta(hours=14)), dt.timezone(-dt.timedelta(hours=12))])
def test_recheck__the_first_and_the_last_point_in_time_are_open_ends(zone):
    first, last = dt.datetime(1, 1, 1, tzinfo=zone), dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=zone)
    proofs = rechecked({">=DATE_CREATE": first, "<=DATE_CREATE": last, "!@DATE_CREATE": [first, last]})
    assert set(proofs.values()) == {"checked"}
    with pytest.raises(ProtocolViolationError):
        rechecked({">=DATE_CREATE": last})


def test_recheck__one_time_without_an_offset_in_a_list_may_be_of_the_other_half_of_the_year():
    wanted = [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 3, 1, 16)]  # 13:00 UTC, 12:00 with summer time
    assert "summer time" in rechecked({"@DATE_CREATE": wanted})["@DATE_CREATE"]


def test_recheck__a_value_that_did_not_fit_its_column_is_not_called_checked():
    proofs = rechecked({">OPPORTUNITY": 5}, [ROW, {**ROW, "OPPORTUNITY": None}], coerced=["OPPORTUNITY"])
    assert "do not fit the type of the field" in proofs[">OPPORTUNITY"]


def test_recheck__a_point_in_time_that_contradicts_is_shown_as_text():
    with pytest.raises(ProtocolViolationError, match=r"a row has 2026-03-01T12:00:00\+00:00"):
        rechecked({">DATE_CREATE": "2026-04-01"})


def test_recheck__an_empty_value_contradicts_once_the_column_had_one():
    empty = {**ROW, "OPPORTUNITY": None, "STAGE_ID": None}
    assert rechecked({">OPPORTUNITY": 5}, [empty]) == {
        ">OPPORTUNITY": "not checkable: no row has the field; this user may have no right to see it"
    }
    for rows in ([ROW, empty], [empty, ROW]):
        with pytest.raises(ProtocolViolationError, match="ignores the filter '>OPPORTUNITY'"):
            rechecked({">OPPORTUNITY": 5}, rows)
    assert rechecked({"!STAGE_ID": "NEW", "OPPORTUNITY": 0}, [empty])["!STAGE_ID"] == "checked"


def test_recheck__zero_and_no_may_be_what_a_portal_calls_empty():
    blank = {**ROW, "OPPORTUNITY": 0.0, "CLOSED": False}
    assert set(rechecked({"OPPORTUNITY": "", "CLOSED": ""}, [blank]).values()) == {"checked"}
    assert set(rechecked({"!OPPORTUNITY": "", "!CLOSED": ""}, [blank]).values()) == {"checked"}


def test_recheck__groups_are_checked_as_a_whole():
    fields = {"stageId": Field("stageId", "stageId", type="crm_status"), "id": Field("id", "id", type="integer")}
    fields["title"] = Field("title", "title", type="string")
    schema = build_schema(fields, ["id", "stageId", "title"], id_code="id")
    items = {"spec": spec_of("crm.item.list"), "fields": fields, "schema": schema}
    row = {"id": 7, "stageId": "WON", "title": "x"}

    def run(conditions):
        plan = make_plan(
            items["spec"], filter=conditions, params={"entityTypeId": 2}, types=field_types(Described(fields))
        )
        recheck = Recheck("crm.item.list", plan.conditions, schema)
        recheck.check(pa.RecordBatch.from_pylist([row], schema=schema.arrow))
        return [one.proof for one in condition_reports(plan.conditions, plan.bounds, recheck, "")]

    unseen = "not checkable: no row shows that the portal applies this part of the group"
    assert run({"0": {"logic": "OR", "stageId": "NEW", "id": 7}}) == [unseen, "checked"]
    with pytest.raises(ProtocolViolationError, match="ignores the group '0'"):
        run({"0": {"logic": "OR", "stageId": "NEW", "id": 8}})
    told = run({"0": {"logic": "OR", "stageId": "NEW", "title": "y"}})  # the title may be the one that held
    assert told[1].startswith("not checkable")


def test_recheck__rows_of_a_list_that_nothing_describes_are_checked_by_the_page_of_the_method():
    calls = spec_of("voximplant.statistic.get")
    row = {"ID": "7", "CALL_DURATION": "60", "CALL_START_DATE": "2026-01-01T10:00:00+03:00"}
    schema = build_schema({}, None, id_code=None, sample_rows=[row])
    batch = pa.RecordBatch.from_pylist([row], schema=schema.arrow)
    for right in ({">CALL_DURATION": 59}, {"CALL_DURATION": 60}, {"<CALL_START_DATE": "2026-01-01T07:00:01+00:00"}):
        Recheck("x", make_plan(calls, filter=right).conditions, schema).check(batch)
    for wrong in ({">CALL_DURATION": 60}, {">CALL_START_DATE": "2026-01-01T07:00:00+00:00"}):
        with pytest.raises(ProtocolViolationError, match="ignores the filter"):
            Recheck("x", make_plan(calls, filter=wrong).conditions, schema).check(batch)


def test_recheck__a_comparison_that_the_page_does_not_name_is_never_called_proven():
    partner = MethodSpec("partner.deal.list", "offset", filter="filter", id="ID", id_asked="ID", documented=False)
    assert rechecked({"STAGE_ID": "WON", ">OPPORTUNITY": 5}, spec=partner) == {
        "STAGE_ID": "checked",
        ">OPPORTUNITY": "not checkable: its page does not say which comparisons work",
    }


@pytest.mark.parametrize("name", ["ID", "OPPORTUNITY"])
def test_recheck__a_list_of_many_values_is_prepared_once_for_all_batches(monkeypatch, name):
    made = []
    prepared = recheck._array_of
    monkeypatch.setattr(recheck, "_array_of", lambda wanted, kind: made.append(len(wanted)) or prepared(wanted, kind))
    values = [ROW[name], *range(1_000, 3_000)]
    assert rechecked({f"@{name}": values}, [ROW] * 5) == {f"@{name}": "checked"}
    assert made == [len(values)]
    with pytest.raises(ProtocolViolationError):
        rechecked({f"@{name}": values[1:]}, [ROW])


def test_order__of_a_column_that_became_text_is_not_checked():
    schema = build_schema({"N": Field("N", "N", type="integer")}, ["N"], id_code=None)
    check = OrderCheck.of("x", schema, "N", descending=False)
    texts = pa.RecordBatch.from_pydict({"N": ["9", "10"]})
    check.check(texts)
    with pytest.raises(ProtocolViolationError, match="ignores the order"):
        check.check(pa.RecordBatch.from_pydict({"N": [10, 9]}))
