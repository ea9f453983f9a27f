from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from b24data.errors import ProtocolViolationError
from b24data.frames.fields import Field
from b24data.frames.recheck import Recheck
from b24data.frames.schema import build_schema

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
EMPTY = dict.fromkeys(ROW)


def check(conditions, row=ROW):
    Recheck("crm.deal.list", conditions, SCHEMA).check(pa.RecordBatch.from_pylist([row], schema=SCHEMA.arrow))


@pytest.mark.parametrize(
    "conditions",
    [
        {">OPPORTUNITY": "99"},
        {"<=OPPORTUNITY": 99.5, ">=opportunity": 1},
        {"=OPPORTUNITY": "99.50"},
        {"@STAGE_ID": ["NEW", "WON"], "STAGE_ID": "WON"},
        {">=CLOSEDATE": "2026-03-01"},
        {">DATE_CREATE": "2026-03-01T11:59:59+00:00"},
        {">=DATE_CREATE": "2026-03-01"},
        {">=DATE_CREATE": "2026-03-02"},  # the portal's own zone may be behind ours
        {"<DATE_CREATE": "2026-03-01T12:30:00+01:00", "@ID": [7, 8]} | {"<DATE_CREATE": "2026-03-01T14:30:00+01:00"},
        {"TITLE": "another"},  # texts are compared by rules of the portal's own
        {"%TITLE": "x", "!STAGE_ID": "WON", "!=OPPORTUNITY": 99.5},
        {"UF_MANY": 5},
        {">OPPORTUNITY": ""},
        {"UNKNOWN": 5, "0": {"OPPORTUNITY": 1}},
    ],
)
def test_recheck__rows_that_match_or_can_not_be_judged_pass(conditions):
    check(conditions)


@pytest.mark.parametrize(
    "conditions",
    [
        {">OPPORTUNITY": 99.5},
        {"<OPPORTUNITY": "50"},
        {"=OPPORTUNITY": 100},
        {"@STAGE_ID": ["NEW", "LOSE"]},
        {"STAGE_ID": "NEW"},
        {"CLOSED": "N"},
        {">CLOSEDATE": "2026-03-01"},
        {">DATE_CREATE": "2026-03-01T12:00:00+00:00"},
        {">=DATE_CREATE": "2026-03-05"},
        {"@ID": [1, 2, 3]},
    ],
)
def test_recheck__a_row_that_contradicts_the_filter_is_a_violation(conditions):
    with pytest.raises(ProtocolViolationError, match="ignores the filter"):
        check(conditions)
    check(conditions, EMPTY)  # null says nothing
