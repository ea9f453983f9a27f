"""The golden table: every type of field, as it comes and as what it arrives, by both readers."""

import io
import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b24data.errors import ConfigError
from b24data.fields.fields import Field
from b24data.fields.kinds import check_zone
from b24data.frames.columns import Decoder
from b24data.frames.convert import from_values
from b24data.frames.parquet import ParquetSink
from b24data.frames.parse import Zones
from b24data.frames.schema import build_schema
from b24data.frames.sinks import frame_of
from b24data.lists.rows import parse_rows
from b24data.report import FetchReport

REPORT = FetchReport(method="m", portal="p", walk="keyset", reason="short_page", complete=True, rows=1)
MOSCOW = ZoneInfo("Europe/Moscow")
AT_1123 = datetime(2024, 6, 13, 16, 23, 54, tzinfo=UTC)
PHONE = {"ID": "8303", "VALUE_TYPE": "WORK", "VALUE": "+1999", "TYPE_ID": "PHONE"}

INTEGERS = (
    *("integer", "int", "user", "employee", "enumeration", "crm_lead", "crm_deal", "crm_contact", "crm_company"),
    *("crm_quote", "crm_category", "crm_entity", "disk_file", "mail_message", "iblock_element", "iblock_section"),
    *("crm_enum_ownertype", "crm_enum_activitytype", "crm_enum_activitystatus", "crm_enum_activitypriority"),
    *("crm_enum_activitynotifytype", "crm_enum_contenttype", "crm_enum_activitydirection", "resourcebooking"),
)
TEXTS = (
    *("string", "text", "crm_status", "crm_currency", "crm", "location", "url", "IMAGE", "address", "any", "html"),
    *("rest_219_test", "uf_enum_element"),
)
OBJECTS = (
    *("object", "file", "productproperty", "crm_status_extra", "recurring_params", "currency_localization", "resource"),
    *("crm_activity_binding", "crm_activity_communication", "diskfile", "attached_diskfile", "lang_map"),
)

GOLDEN = [
    *[(kind, raw, value) for kind in INTEGERS for raw, value in [("139", 139), (139, 139), ("0", 0), ("", None)]],
    *[(kind, raw, value) for kind in TEXTS for raw, value in [("007", "007"), ("", None), (5, "5"), (False, None)]],
    *[(kind, {"id": 1, "url": "/я"}, '{"id":1,"url":"/я"}') for kind in OBJECTS],
    *[(kind, raw, value) for kind in ("double", "float") for raw, value in [("18500.00", 18500.0), (5, 5.0)]],
    ("integer", -7, -7),
    ("integer", "5.00", 5),
    ("integer", 5.0, 5),
    ("integer", None, None),
    ("integer", False, None),
    ("integer", [], None),
    ("integer", "9223372036854775807", 2**63 - 1),
    ("double", "1e3", 1000.0),
    ("double", 0.853, 0.853),
    ("boolean", True, True),
    ("boolean", False, False),
    ("boolean", "Y", True),
    ("boolean", "N", False),
    ("boolean", "1", True),
    ("boolean", 0, False),
    ("boolean", "", None),
    ("bool", True, True),
    ("char", "Y", True),
    ("char", "N", False),
    ("date", "2024-05-01T03:00:00+03:00", date(2024, 5, 1)),
    ("date", "2001-11-11T02:00:00+02:00", date(2001, 11, 11)),
    ("date", "2024-05-01", date(2024, 5, 1)),
    ("date", "2024-05-01 00:00:00", date(2024, 5, 1)),
    ("date", "02.12.2024", date(2024, 12, 2)),
    ("date", "0000-00-00", None),
    ("date", "", None),
    ("datetime", "2024-06-13T18:23:54+02:00", AT_1123),
    ("datetime", "2024-06-13T16:23:54Z", AT_1123),
    ("datetime", "2024-06-13T18:23:54.000250+02:00", AT_1123.replace(microsecond=250)),
    ("datetime", "2024-06-13 16:23:54", AT_1123),
    ("datetime", "13.06.2024 16:23:54", AT_1123),
    ("datetime", "13.06.2024 16:23", AT_1123.replace(second=0)),
    ("datetime", "13.06.2024", datetime(2024, 6, 13, tzinfo=UTC)),
    ("datetime", "0000-00-00 00:00:00", None),
    ("datetime", "-0001-11-30T00:00:00+02:00", None),
    ("datetime", {}, None),
    ("datetime", False, None),
    ("crm_multifield", [PHONE], [{**PHONE, "ID": 8303}]),
    ("crm_multifield", {"0": PHONE}, [{**PHONE, "ID": 8303}]),
    ("crm_multifield", [None, PHONE], [None, {**PHONE, "ID": 8303}]),
    ("crm_multifield", [], None),
    ("crm_multifield", False, None),
    ("array", ["a", 1, {"b": 2}], ["a", "1", '{"b":2}']),
    ("array", [], None),
    ("crm_dynamic_type", [1, 2], [1, 2]),
    ("", "as it is", "as it is"),
]
MANY = [
    ("enumeration", ["3157", "3159"], [3157, 3159]),
    ("enumeration", {"0": "3157", "1": "3159"}, [3157, 3159]),
    ("enumeration", "3157", [3157]),
    ("enumeration", False, None),
    ("enumeration", [], None),
    ("enumeration", None, None),
    ("string", ["a", ""], ["a", None]),
    ("crm", ["C_123", "T80_6"], ["C_123", "T80_6"]),
    ("date", ["2024-05-01T03:00:00+03:00"], [date(2024, 5, 1)]),
    ("datetime", ["2024-06-13T18:23:54+02:00"], [AT_1123]),
    ("double", ["1.5", 2], [1.5, 2.0]),
    ("boolean", ["Y", False], [True, False]),
    ("file", [{"id": 1}], ['{"id":1}']),
    ("file", {"id": 1}, ['{"id":1}']),
    ("money", ["5|USD", "6.5|EUR"], [5.0, 6.5]),
]


def arrived(portal_type, raw, *, multiple=False, **options):
    field = Field("F", "F", type=portal_type, multiple=multiple)
    rows = [json.dumps({"ID": str(i), "F": raw}).encode() for i in range(3)]
    schema = build_schema({"F": field}, ["F"], id_code=None, sample_rows=rows, **options)
    decoder = Decoder(schema)
    batch = decoder.decode(rows)
    again = decoder.decode(rows)  # by what was learned
    slowly, misfits = from_values(schema["F"], [row["F"] for row in parse_rows(rows)], Zones(schema.tz, schema.tz))
    assert batch.schema.equals(schema.arrow, check_metadata=True)
    assert batch.equals(again)
    assert batch.column("F").equals(slowly)
    assert not misfits
    assert decoder.coercions == {}
    [value] = {repr(v): v for v in batch.column("F").to_pylist()}.values()
    return value


@pytest.mark.parametrize(("portal_type", "raw", "value"), GOLDEN)
def test_type__arrives_as(portal_type, raw, value):
    assert arrived(portal_type, raw) == value


@pytest.mark.parametrize(("portal_type", "raw", "value"), MANY)
def test_type__multiple_arrives_as(portal_type, raw, value):
    assert arrived(portal_type, raw, multiple=True) == value


@pytest.mark.parametrize(
    ("portal_type", "raw", "value", "multiple"),
    [(*case, False) for case in GOLDEN] + [(*case, True) for case in MANY],
)
def test_type__is_the_same_in_both_backends_and_in_parquet(portal_type, raw, value, multiple, tmp_path):
    fields = {"F": Field("F", "F", type=portal_type, multiple=multiple)}
    rows = [json.dumps({"F": raw}).encode()]
    decoder = Decoder(build_schema(fields, ["F"], id_code=None, sample_rows=rows))
    batch = decoder.decode(rows)
    for backend in ("numpy_nullable", "pyarrow"):
        frame = frame_of(pa.Table.from_batches([batch]), backend)
        cell = frame["F"].iloc[0]
        if backend == "numpy_nullable" and pa.types.is_date32(batch.schema.field("F").type):
            assert str(frame["F"].dtype) == "datetime64[us]"
            cell = cell if cell is pd.NaT else cell.date()
        assert (None if cell is pd.NA or cell is pd.NaT else cell) == value
        assert str(frame["F"].dtype) != "object"
    sink = ParquetSink(tmp_path / "f.parquet", decoder.schema.arrow)
    sink.write(batch)
    sink.close(REPORT)
    assert pq.read_table(tmp_path / "f.parquet")["F"].to_pylist() == [value]


@pytest.mark.parametrize(
    ("raw", "amount", "currency"),
    [
        ("100|USD", 100.0, "USD"),
        ("-0.5|RUB", -0.5, "RUB"),
        ("100", 100.0, None),
        (100, 100.0, None),
        ("|EUR", None, "EUR"),
        ("100|", 100.0, None),
        ("", None, None),
        (False, None, None),
        (["100|USD", "7|EUR"], [100.0, 7.0], ["USD", "EUR"]),
    ],
)
def test_type__money_is_two_columns(raw, amount, currency):
    field = Field("F", "F", type="money", multiple=isinstance(raw, list))
    decoder = Decoder(build_schema({"F": field}, ["F"], id_code=None))
    assert decoder.decode([json.dumps({"F": raw}).encode()]).to_pylist() == [{"F": amount, "F_CURRENCY": currency}]
    assert decoder.coercions == {}


@pytest.mark.parametrize(
    "raw", ["1-2|USD", "--5|USD", "1.2.3|USD", "-|USD", ".|USD", "5|USD|EUR", "x5|USD", "5|U2D", "5 |USD"]
)
@pytest.mark.parametrize("other", ["7|EUR", 7])  # a number beside texts takes the other decoder
def test_type__an_amount_that_is_none_leaves_no_currency(raw, other):
    decoder = Decoder(build_schema({"F": Field("F", "F", type="money")}, ["F"], id_code=None))
    batch = decoder.decode([json.dumps({"F": value}).encode() for value in ("6|EUR", raw, other)])
    assert batch.column("F").to_pylist() == [6.0, None, 7.0]
    assert batch.column("F_CURRENCY").to_pylist() == ["EUR", None, "EUR" if other == "7|EUR" else None]
    assert decoder.coercions["F"].count == 1


@pytest.mark.parametrize(
    ("values", "raw", "value"),
    [
        ({"2": "Pending", "3": "In progress"}, "2", 2),
        ({"Y": "Yes", "N": "No"}, "Y", True),
        ({"P": "Positive", "N": "Negative"}, "P", "P"),
        ({"hours": "hours"}, "hours", "hours"),
        ({}, "2", "2"),
    ],
)
def test_type__a_task_enum_is_what_its_codes_are(values, raw, value):
    decoder = Decoder(build_schema({"E": Field("E", "E", type="enum", values=values)}, ["E"], id_code=None))
    assert decoder.decode([json.dumps({"E": raw}).encode()]).to_pylist() == [{"E": value}]


def test_type__times_are_the_same_instant_in_any_zone():
    value = arrived("datetime", "2024-06-13T18:23:54+02:00", tz="Europe/Moscow")
    assert value == AT_1123
    assert value.utcoffset() == MOSCOW.utcoffset(datetime(2024, 6, 13))


def test_type__a_v3_object_that_holds_times_is_a_time():
    assert arrived("object", "2026-01-30T15:50:24+03:00") == datetime(2026, 1, 30, 12, 50, 24, tzinfo=UTC)


def test_type__a_naive_time_is_read_in_the_portals_zone_and_named():
    fields = {"T": Field("T", "T", type="datetime"), "U": Field("U", "U", type="datetime")}
    decoder = Decoder(build_schema(fields, None, id_code=None), naive_tz="Europe/Moscow")
    batch = decoder.decode([b'{"T":"2024-06-13 19:23:54","U":"2024-06-13T16:23:54Z"}'])
    assert batch.to_pylist() == [{"T": AT_1123, "U": AT_1123}]
    assert decoder.naive == {"T"}


MISFITS = [
    *[("integer", raw) for raw in ("abc", "1.5", " 1", "0x1F", "1_000", 1.5, True, [1], {"a": 1}, 2**63, "1e40")],
    *[("double", raw) for raw in ("1,5", "nan", "inf", "1e999", "5 USD", True, [1.5])],
    *[("boolean", raw) for raw in ("yes", "2", 2, [True], "y")],
    *[("date", raw) for raw in ("2024-02-30", "2024-05-01x", "1.2.2024", 20240501, "2024-05-01T99:00:00Z")],
    *[("datetime", raw) for raw in ("2024-02-30T00:00:00Z", "32.01.2024", "soon", 1718295834)],
    *[("money", raw) for raw in ("USD|100", "1|2|USD", "1.2.3|USD", True, {"amount": 1})],
    *[("crm_multifield", raw) for raw in ("+1999", ["+1999"], 7)],
]


@pytest.mark.parametrize(("portal_type", "raw"), MISFITS)
def test_type__a_misfit_is_null_and_counted_never_another_value(portal_type, raw):
    decoder = Decoder(build_schema({"F": Field("F", "F", type=portal_type)}, ["F"], id_code=None))
    batch = decoder.decode([json.dumps({"F": raw}).encode()] * 2)
    assert batch.column("F").to_pylist() == [None, None]
    assert decoder.coercions["F"].count == 2
    assert decoder.coercions.keys() == {"F"}


CAMEL = {"id": 8303, "valueType": "WORK", "value": "+1999", "typeId": "PHONE"}


@pytest.mark.parametrize(
    "spelt",
    [
        CAMEL,
        {**CAMEL, "id": "8303"},
        {"id": "8303", "value_type": "WORK", "value": "+1999", "type_id": "PHONE"},
        {"TYPE_ID": "PHONE", "VALUE": "+1999", "VALUE_TYPE": "WORK", "ID": 8303, "EXTRA": 1},
    ],
)
@pytest.mark.parametrize("wire", ["fm", "FM", "PHONE"])
def test_type__contacts_are_the_same_however_their_keys_are_spelt(spelt, wire):
    decoder = Decoder(build_schema({wire: Field(wire, wire, type="crm_multifield")}, [wire], id_code=None))
    rows = [json.dumps({wire: value}).encode() for value in ([spelt], [spelt, None], [], False, [PHONE])]
    contact = {**PHONE, "ID": 8303}
    for _ in range(2):
        read = decoder.decode(rows).column(wire).to_pylist()
        assert read == [[contact], [contact, None], None, None, [contact]]
    assert decoder.coercions == {}


@pytest.mark.parametrize(
    ("portal_type", "raw"),
    [
        ("date", ["12/31/2024"]),
        ("date", ["", "31/12/2024"]),
        ("datetime", ["12/31/2024 11:59:59 pm"]),
        ("S:Date", {"11": "12/31/2024"}),
        ("S:DateTime", {"3747": "12/31/2024 11:59:59 pm"}),
        ("datetime", "2024/12/31 23:59:59"),
    ],
)
def test_type__days_with_slashes_stay_text_in_lists_and_objects_too(portal_type, raw):
    texts = list(raw.values()) if isinstance(raw, dict) else [raw] if isinstance(raw, str) else raw
    assert arrived(portal_type, raw, multiple=True) == [text or None for text in texts]


@pytest.mark.parametrize(
    ("zone", "written", "instant"),
    [
        ("+01:00", "2025-03-24 07:25:59", datetime(2025, 3, 24, 6, 25, 59, tzinfo=UTC)),
        ("-03:30", "2025-03-24T07:25:59", datetime(2025, 3, 24, 10, 55, 59, tzinfo=UTC)),
        ("+03:00", "24.03.2025 07:25", datetime(2025, 3, 24, 4, 25, tzinfo=UTC)),
        ("+00:00", "24.03.2025", datetime(2025, 3, 24, tzinfo=UTC)),
    ],
)
def test_type__a_naive_time_is_the_same_instant_whatever_zone_the_table_has(zone, written, instant):
    for tz in ("UTC", "America/New_York", "+05:00"):
        schema = build_schema({"T": Field("T", "T", type="datetime")}, ["T"], id_code=None, tz=tz)
        decoder = Decoder(schema, naive_tz=zone)
        assert decoder.decode([json.dumps({"T": written}).encode()]).to_pylist() == [{"T": instant}]
        assert decoder.naive_zone == f"{zone}, the portal's offset"


@pytest.mark.parametrize(
    ("portal_type", "raw"),
    [
        ("datetime", "0001-01-01T00:00:00+03:00"),  # 1C's empty date: year 0 in UTC
        ("datetime", "0000-05-05T00:00:00Z"),
        ("datetime", "9999-12-31T23:59:59-03:00"),
        ("datetime", "10000-01-01T00:00:00Z"),
        ("datetime", "-0044-03-15T00:00:00Z"),
        ("datetime", "0000-05-05 10:00:00"),
        ("datetime", "05.05.0000"),
        ("date", "0000-05-05"),
        ("date", "05.05.0000"),
        ("date", "10000-01-01"),
        ("date", "-0044-03-15"),
    ],
)
def test_type__a_year_that_python_does_not_know_is_null_and_counted(portal_type, raw):
    decoder = Decoder(build_schema({"F": Field("F", "F", type=portal_type)}, ["F"], id_code=None))
    good = "2026-01-01T00:00:00Z"
    batch = decoder.decode([json.dumps({"F": value}).encode() for value in (good, raw, good)])
    assert [value is None for value in batch.column("F").to_pylist()] == [False, True, False]
    assert (decoder.coercions["F"].count, decoder.coercions["F"].example) == (1, raw)


YEARS = ["0001-01-01T12:00:00Z", "0001-01-02T00:00:00+03:00", "1753-01-01T00:00:00Z", "9999-12-31T00:00:00+03:00"]


@pytest.mark.parametrize("tz", ["UTC", "Europe/Moscow", "America/New_York", "+05:00"])
@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
@pytest.mark.parametrize("portal_type", ["date", "datetime"])
def test_type__a_frame_with_the_first_and_the_last_year_can_be_shown_and_written(tz, backend, portal_type):
    decoder = Decoder(build_schema({"F": Field("F", "F", type=portal_type)}, ["F"], id_code=None, tz=tz))
    batch = decoder.decode([json.dumps({"F": value}).encode() for value in (*YEARS, None)])
    assert decoder.coercions == {}
    frame = frame_of(pa.Table.from_batches([batch]), backend)
    assert "9999" in repr(frame)
    assert "9999" in frame.to_csv()
    assert "9999" in str(frame["F"].tolist())
    assert frame["F"].max() == frame["F"].iloc[3]
    if portal_type == "datetime" or backend == "numpy_nullable":
        assert "9999" in frame.to_json(date_format="iso")
    with pd.ExcelWriter(io.BytesIO(), engine="openpyxl") as writer:
        frame.assign(F=frame["F"].astype("string")).to_excel(writer)


@pytest.mark.parametrize("tz", ["America/New_York", "-05:00"])
def test_type__a_time_whose_year_its_zone_does_not_know_is_null(tz):
    decoder = Decoder(build_schema({"F": Field("F", "F", type="datetime")}, ["F"], id_code=None, tz=tz))
    assert decoder.decode([b'{"F":"0001-01-01T00:00:00Z"}']).to_pylist() == [{"F": None}]
    assert decoder.coercions["F"].count == 1


@pytest.mark.parametrize("tz", ["+24:00", "+99:99", "-12:60", "+٠٣:٠٠"])
def test_check_zone__an_offset_that_no_zone_has_is_refused(tz):
    with pytest.raises(ConfigError, match="there is no time zone"):
        check_zone(tz)
