"""Columns of all documented answers: each id, time, number and flag has its type, and no value contradicts it."""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from b24data.errors import SdkError
from b24data.fields.descriptions import Described, Descriptions, field_types
from b24data.fields.fields import Field, undescribed
from b24data.fields.kinds import kind_of_field
from b24data.frames.columns import Decoder
from b24data.frames.schema import Schema, build_schema
from b24data.http.clock import SYSTEM_CLOCK
from b24data.http.context import CallContext
from b24data.http.payload import opened
from b24data.http.protocol import Response
from b24data.lists.columns import column_facts
from b24data.lists.methods import known_methods, spec_of
from b24data.lists.plan import make_plan, settled
from b24data.lists.rows import rows_of
from tests.questions.direct import DirectPortal

DATA = Path(__file__).parents[1] / "lists" / "data"
TABLE = json.loads(resources.files("b24data.lists").joinpath("columns.json").read_text("utf-8"))
TYPES = {"integer", "double", "boolean", "char", "date", "datetime", "string", "object", "array", ""}
TYPES |= {"user", "department", "crm_status", "crm_category", "crm_enum_ownertype", "crm_multifield"}


def answers() -> dict[str, list[Any]]:
    """The results on the pages, by list: those of the tests and those that the sandbox goes by."""
    found: dict[str, list[Any]] = {}
    for line in DATA.joinpath("samples.jsonl").read_text("utf-8").splitlines():
        sample = json.loads(line)
        found.setdefault(sample["method"], []).append(sample["answer"]["result"])
    documented = json.loads(resources.files("b24data.sandbox").joinpath("documented.json").read_text("utf-8"))
    for version, lists in documented.items():
        for method, known in lists.items():
            name = f"v3:{method}" if version == "v3" and f"v3:{method}" in known_methods() else method
            if "result" in known:
                found.setdefault(name, []).append(known["result"])
            elif "rows" in known:
                found.setdefault(name, []).append(known["rows"])
    return found


ANSWERS = answers()


def rows_in(method: str) -> list[msgspec.Raw]:
    rows: list[msgspec.Raw] = []
    for result in ANSWERS.get(method, ()):
        if isinstance(result, list) and all(isinstance(row, dict) for row in result):
            rows += [msgspec.Raw(msgspec.json.encode(row)) for row in result]
        else:
            rows += rows_of(Response(opened(msgspec.json.encode(result))), spec_of(method))
    return rows


@functools.cache
def portal() -> tuple[DirectPortal, Descriptions]:
    direct = DirectPortal(deals=5)
    return direct, Descriptions(direct.client.get_http_client, SYSTEM_CLOCK)


def described(method: str) -> Described:
    spec = spec_of(method)
    try:
        return portal()[1].of(spec, {"entityTypeId": 2, "IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 1}, CallContext())
    except SdkError:
        return Described({})


def schema_of(method: str, rows: list[msgspec.Raw]) -> Schema:
    spec, fields = spec_of(method), described(method).fields
    return build_schema(
        fields or undescribed((), spec.answer_case),
        None,
        id_code=spec.id if spec.walk == "keyset" else None,
        sample_rows=rows,
    )


@pytest.mark.parametrize("method", TABLE)
def test_columns__each_is_of_a_known_list_and_has_a_type_that_a_column_can_be_made_of(method):
    spec = spec_of(method)
    assert spec.documented
    facts = column_facts(spec)
    assert len({one.name for one in facts}) == len(facts) > 0
    assert {one.type for one in facts} <= TYPES
    assert all(one.unit == "" or one.type == "integer" for one in facts)


@pytest.mark.parametrize("method", [method for method in TABLE if method in ANSWERS])
def test_columns__every_value_of_the_pages_fits_its_type(method):
    rows = rows_in(method)
    facts = {one.name: one for one in column_facts(spec_of(method))}
    schema = schema_of(method, rows)
    decoder = Decoder(schema)
    decoder.decode(rows)
    assert decoder.coercions == {}
    wider = {
        column.name: (facts[column.wire].type, column.kind)
        for column in decoder.schema.columns
        if column.wire in facts
        and facts[column.wire].type
        and column.field
        and column.field.on_page
        and column.kind != kind_of_field(column.field)
    }
    slashed = {name for name, (type_, kind) in wider.items() if type_ in ("date", "datetime") and kind == "text"}
    assert wider.keys() == slashed
    texts = {name: decoder.schema[name].wire for name in slashed}
    parsed = [msgspec.json.decode(row) for row in rows]
    assert all(any("/" in str(row.get(wire)) for row in parsed) for wire in texts.values())


_WORDLIKE = re.compile(r"-?\d+(\.\d+)?|[YN]|\d{4}-\d\d-\d\d([T ][\d:.]+([+-]\d\d:?\d\d|Z)?)?|\d\d\.\d\d\.\d{4}.*")


def texts_like_values(method: str) -> set[str]:
    """The columns of text in which every documented value is a number, a flag or a time."""
    rows = rows_in(method)
    if not rows:
        return set()
    decoder = Decoder(schema_of(method, rows))
    table = decoder.decode(rows)
    found = set()
    for column in decoder.schema.columns:
        if not pa.types.is_string(column.arrow):
            continue
        values = [value for value in table[column.name].to_pylist() if value is not None]
        if values and all(_WORDLIKE.fullmatch(value) for value in values):
            found.add(column.name)
    return found


# Texts and codes that look like numbers or flags in the samples: the pages call them texts, or have other values too.
LOOKS_ONLY = {
    "booking.v1.booking.externalData.list": {"value"},
    "booking.v1.waitlist.externalData.list": {"value"},
    "calendar.resource.booking.list": {"MEETING_STATUS"},
    "catalog.document.list": {"status"},
    "catalog.priceTypeGroup.list": {"access"},
    "catalog.product.list": {"bundle", "xmlId"},
    "catalog.product.offer.list": {"bundle", "xmlId"},
    "catalog.product.service.list": {"bundle", "xmlId"},
    "catalog.product.sku.list": {"bundle", "xmlId"},
    "catalog.productPropertyEnum.list": {"xmlId"},
    "catalog.store.list": {"issuingCenter"},
    "crm.address.list": {"ADDRESS_2", "POSTAL_CODE"},
    "crm.dealcategory.stage.list": {"ID"},  # the page has no answer
    "crm.product.property.types": {"ID"},  # the page has no answer
    "disk.storage.getList": {"ENTITY_ID"},
    "event.offline.get": {"MESSAGE_ID"},
    "event.offline.list": {"MESSAGE_ID"},
    "im.search.chat.list": {"entity_id"},
    "lists.field.get": {"DEFAULT_VALUE"},
    "main.eventlog.list": {"itemId"},
    "main.eventlog.tail": {"itemId"},
    "sale.order.list": {"accountNumber", "statusId"},
    "sale.property.list": {"inputFieldLocation", "util"},
    "sale.shipmentproperty.list": {"inputFieldLocation", "util"},
    "sale.status.list": {"id"},
    "sale.statusLang.list": {"statusId"},
    "task.elapseditem.getlist": {"COMMENT_TEXT"},
    "task.item.getdependson": {"ID"},  # a made-up row: the page has ids of tasks alone
    "task.item.getfiles": {"ID"},  # the page has no answer
    "task.item.userfield.getlist": {"SHOW_FILTER"},
    "task.logitem.list": {"ID"},  # a made-up row: the rows of the page have no id
    "telephony.externalLine.get": {"NUMBER"},
}


@pytest.mark.parametrize("method", known_methods())
def test_documented_answers__no_id_time_number_or_flag_is_text(method):
    assert texts_like_values(method) <= LOOKS_ONLY.get(method, set())


def test_table__each_list_has_its_types_from_the_portal_or_from_its_page():
    source = Counter(
        "portal and page" if spec.fields and facts else "portal" if spec.fields else "page" if facts else "rows"
        for spec, facts in ((spec_of(name), column_facts(spec_of(name))) for name in known_methods())
    )
    assert source["rows"] == 3  # their pages show neither fields nor an answer
    assert sum(source.values()) == 355


def facts_of(method: str) -> dict[str, str]:
    return {one.name: one.type for one in column_facts(spec_of(method))}


@pytest.mark.parametrize(
    ("method", "types"),
    [
        ("voximplant.statistic.get", {"CALL_DURATION": "integer", "CALL_START_DATE": "datetime", "COST": "double"}),
        ("crm.stagehistory.list", {"OWNER_ID": "integer", "STATUS_ID": "crm_status", "CREATED_TIME": "datetime"}),
        ("task.elapseditem.getlist", {"SECONDS": "integer", "CREATED_DATE": "datetime", "USER_ID": "user"}),
        ("lists.element.get", {"DATE_CREATE": "datetime", "CODE": "string", "IBLOCK_SECTION_ID": "integer"}),
        ("bizproc.workflow.instances", {"ID": "string", "MODIFIED": "datetime", "STARTED_BY": "user"}),
        ("sale.property.list", {"isLocation4tax": "char", "personTypeId": "integer"}),
        ("log.blogpost.get", {"NUM_COMMENTS": "integer", "DATE_PUBLISH": "datetime", "AUTHOR_ID": "user"}),
        ("disk.folder.getChildren", {"SIZE": "integer", "UPDATE_TIME": "datetime"}),
        ("crm.userfield.types", {"ID": "string"}),
    ],
)
def test_columns__of_the_lists_that_analysts_ask_for(method, types):
    assert types.items() <= facts_of(method).items()


ROW = {"ID": "7", "PORTAL_USER_ID": "1", "CALL_DURATION": "61", "CALL_START_DATE": "2026-01-14T15:01:14+02:00"}


def calls() -> dict[str, Field]:
    return described("voximplant.statistic.get").fields


def test_a_documented_column__becomes_text_and_loses_nothing_when_a_row_contradicts_its_page():
    decoder = Decoder(build_schema(calls(), None, id_code="ID", sample_rows=[ROW]))
    decoder.decode([msgspec.json.encode(ROW)])
    late = decoder.decode([msgspec.json.encode({**ROW, "ID": "8", "CALL_DURATION": "1 min"})])
    assert late["CALL_DURATION"].to_pylist() == ["1 min"]
    assert decoder.coercions == {}
    assert late["ID"].to_pylist() == [8]


def test_a_documented_list__has_names_beside_those_of_its_page():
    types = field_types(described("voximplant.statistic.get"))
    assert types.open
    assert build_schema(calls(), ["ID", "OWN"], id_code="ID", sample_rows=[ROW])["OWN"].kind == "text"


def test_a_documented_list_that_answers_in_camel_case__is_asked_in_the_names_that_the_user_wrote():
    spec = spec_of("socialnetwork.api.workgroup.list")
    types = field_types(described(spec.method))
    plan = settled(make_plan(spec, select=["ID", "IMAGE_ID"], order={"NAME": "ASC"}), types)
    assert plan.params["select"] == ["ID", "IMAGE_ID"]
    assert "NAME" in str(plan.page_at(0))
    row = {"id": 1, "imageId": "5"}
    schema = build_schema(described(spec.method).fields, ["ID", "IMAGE_ID"], id_code="id", sample_rows=[row])
    assert [(one.name, one.wire, one.kind) for one in schema.columns] == [
        ("ID", "id", "int"),
        ("IMAGE_ID", "imageId", "int"),
    ]
