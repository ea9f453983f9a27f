"""The OpenAPI document of a portal: which lists it describes, in what words, and what of it is left alone."""

import pytest

from b24data.fields.fields import read_fields
from b24data.fields.kinds import kind_of_field
from b24data.fields.openapi import rows_described

ROW = {"$ref": "#/components/schemas/ThingDto"}


def document(result, schemas=None, *, path="/partner.thing.list", verb="post", status="200"):
    schema = {"type": "object", "properties": {"result": result}}
    answer = {"content": {"application/json": {"schema": schema}}}
    return {"paths": {path: {verb: {"responses": {status: answer}}}}, "components": {"schemas": schemas or []}}


def described(properties, result=None, **more):
    schemas = {"ThingDto": {"type": "object", "properties": properties}, **more}
    return rows_described(document(result or {"type": "array", "items": ROW}, schemas)).get("partner.thing.list")


@pytest.mark.parametrize(
    "result",
    [
        {"type": "array", "items": ROW},
        {"type": "object", "properties": {"items": {"type": "array", "items": ROW}}},
        {
            "type": "object",
            "properties": {"departments": {"type": "array", "items": ROW}, "count": {"type": "integer"}},
        },
        {"$ref": "#/components/schemas/Things"},
    ],
)
def test_rows__are_found_however_the_list_is_described(result):
    things = {"type": "array", "items": {"$ref": "#/components/schemas/Again"}}
    assert described({"id": {"type": "integer"}}, result, Things=things, Again=ROW) == {"id": {"type": "integer"}}


@pytest.mark.parametrize(
    ("schema", "kind", "many"),
    [
        ({"type": "integer", "format": "int64"}, "int", False),
        ({"type": "number"}, "float", False),
        ({"type": "float"}, "float", False),
        ({"type": "boolean"}, "bool", False),
        ({"type": "string"}, "text", False),
        ({"type": "string", "format": "date"}, "date", False),
        ({"type": "string", "format": "date-time"}, "timestamp", False),
        ({"type": "array", "items": {"type": "integer"}}, "int", True),
        ({"type": "array", "items": {"type": "string", "format": "date-time"}}, "timestamp", True),
        ({"$ref": "#/components/schemas/UserDto"}, "text", False),
        ({"$ref": "#/components/schemas/Moment"}, "timestamp", False),
    ],
)
def test_a_field__has_the_type_that_its_schema_means(schema, kind, many):
    moment = {"type": "string", "format": "date-time"}
    told = described({"f": schema, "id": {"type": "integer"}}, UserDto={"type": "object"}, Moment=moment)
    field = read_fields(told)["f"]
    assert (kind_of_field(field), field.multiple) == (kind, many)


@pytest.mark.parametrize(
    "schema", [[], {}, {"type": "unknown"}, {"type": 5}, {"$ref": "#/components/schemas/Gone"}, None]
)
def test_a_field_of_which_nothing_is_said__is_left_to_the_rows(schema):
    assert read_fields(described({"f": schema, "id": {"type": "integer"}}))["f"].type == ""


def test_a_list_without_an_element_type__is_a_list_of_texts():
    assert read_fields(described({"f": {"type": "array"}, "id": []}))["f"].type == "array"
    assert read_fields(described({"f": {"type": "array", "items": ROW}, "id": []}))["f"].type == "array"


def test_a_title__is_that_of_the_field_and_not_of_what_it_refers_to():
    told = described(
        {"author": {"$ref": "#/components/schemas/UserDto", "title": "Author"}, "id": {"title": ""}},
        UserDto={"type": "object", "title": "User"},
    )
    fields = read_fields(told)
    assert (fields["author"].title, fields["id"].title) == ("Author", "id")


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        "",
        {"paths": []},
        {"paths": {"/x.list": []}},
        {"paths": {"/x.list": {"post": {"responses": []}}}},
        document({"type": "object"}),
        document({"type": "array", "items": ROW}),
        document({"type": "array", "items": ROW}, {"ThingDto": ROW}),  # in a circle
        document({"type": "array", "items": ROW}, {"ThingDto": {"type": "object", "properties": []}}),
        document({"type": "array", "items": {"properties": {"id": {"type": "integer"}}}}, status="201"),
        document({"properties": {name: {"type": "array", "items": ROW} for name in "ab"}}, {"ThingDto": {}}),
    ],
)
def test_what_is_described_in_no_known_way__is_not_described(told):
    assert rows_described(told) == {}


def test_a_method_that_is_called_by_get__is_found_and_its_name_is_in_lower_case():
    row = {"properties": {"id": {"type": "integer"}}}
    told = document({"type": "array", "items": row}, path="/Partner.Thing.list", verb="get")
    assert list(rows_described(told)) == ["partner.thing.list"]
