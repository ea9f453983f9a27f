"""Descriptions of every documented shape become the same fields."""

import pytest

from b24data.fields.fields import Field, read_fields

ONE = {"type": "char", "isRequired": True, "isReadOnly": False, "isMultiple": False, "title": "Active"}


@pytest.mark.parametrize(
    "result",
    [
        {"active": ONE},  # crm.*.fields
        {"store": {"active": ONE}},  # catalog.*.getFields
        {"fields": {"active": ONE}},  # crm.item.fields
        [{"active": ONE}],  # catalog.document.fields
        {"fields": [{"name": "active", "type": "char", "required": True, "title": "Active"}]},
        {"items": [{"name": "active", "type": "char", "required": True, "title": "Active"}]},  # v3 *.field.list
        {"item": {"name": "active", "type": "char", "required": True, "title": "Active"}},  # v3 *.field.get
        [{"name": "active", "type": "char", "required": True, "title": "Active"}],
    ],
)
def test_read_fields__every_shape_gives_the_same_field(result):
    assert read_fields(result) == {
        "active": Field("active", "active", title="Active", type="char", required=True),
    }


@pytest.mark.parametrize("result", [None, [], {}, {"fields": []}, {"fields": {}}, {"items": []}])
def test_read_fields__nothing_described_is_no_field(result):
    assert read_fields(result) == {}


def test_read_fields__a_field_named_type_or_name_is_a_field():
    described = {"entity": {"name": {"type": "string"}, "type": {"type": "integer"}}}
    assert {code: f.type for code, f in read_fields(described).items()} == {"name": "string", "type": "integer"}
    assert read_fields(described["entity"]).keys() == {"name", "type"}


def test_read_fields__a_list_that_names_its_fields_by_title():
    result = {"fields": [{"title": "dateCreate", "type": "datetime", "isRequired": True}]}
    assert read_fields(result)["dateCreate"].type == "datetime"


def test_read_fields__a_title_that_is_called_name():
    assert read_fields({"code": {"type": "string", "name": "Symbolic code", "isReadOnly": True}}) == {
        "code": Field("code", "code", title="Symbolic code", type="string", read_only=True)
    }


def test_read_fields__labels_alone_get_the_types_that_the_docs_give_them():
    fields = read_fields({"ID": "ID", "NAME": "First name", "ACTIVE": "Activity", "UF_DEPARTMENT": "Units"})
    assert [(f.code, f.type, f.multiple) for f in fields.values()] == [
        ("ID", "integer", False),
        ("NAME", "", False),
        ("ACTIVE", "boolean", False),
        ("UF_DEPARTMENT", "department", True),
    ]
    assert fields["NAME"].title == "First name"


def test_read_fields__tasks_answer_in_camel_case():
    result = {"fields": {"RESPONSIBLE_ID": {"type": "integer"}, "UF_CRM_TASK": {"type": "crm"}}}
    fields = read_fields(result, wire_case="camel")
    assert {f.code: f.wire for f in fields.values()} == {
        "RESPONSIBLE_ID": "responsibleId",
        "UF_CRM_TASK": "ufCrmTask",
    }
    assert fields["UF_CRM_TASK"].multiple  # the rows show lists, the description does not say so


def test_read_fields__enumerations_in_every_spelling():
    texts = {"45": "Radio", "46": "TV"}
    items = [{"ID": "45", "VALUE": "Radio"}, {"ID": 46, "VALUE": "TV"}]
    assert read_fields({"UF_A": {"type": "enumeration", "items": items}})["UF_A"].values == texts
    assert read_fields({"STATUS": {"type": "enum", "values": texts}})["STATUS"].values == texts
    assert read_fields([{"FIELD_NAME": "UF_A", "USER_TYPE_ID": "enumeration", "LIST": items}])["UF_A"].values == texts
    assert read_fields([{"fieldName": "UF_A", "userTypeId": "enumeration", "enum": items}])["UF_A"].values == texts
    units = read_fields({"DURATION_TYPE": {"type": "enum", "values": ["hours", "days"]}})["DURATION_TYPE"].values
    assert units == {"hours": "hours", "days": "days"}


def test_read_fields__lists_are_keyed_by_type_and_named_inside():
    result = {"L": {"FIELD_ID": "PROPERTY_7", "NAME": "Status", "TYPE": "L", "MULTIPLE": "N", "IS_REQUIRED": "Y"}}
    assert read_fields(result) == {
        "PROPERTY_7": Field("PROPERTY_7", "PROPERTY_7", title="Status", type="L", multiple=True, required=True)
    }


def test_read_fields__user_fields_bring_titles_values_and_fields_of_their_own():
    crm = {"UF_CRM_1": {"type": "enumeration", "isMultiple": False, "title": "UF_CRM_1"}}
    user = [
        {
            "FIELD_NAME": "UF_CRM_1",
            "USER_TYPE_ID": "enumeration",
            "MULTIPLE": "Y",
            "LIST_COLUMN_LABEL": {"en": None, "ru": "Канал"},
            "LIST": [{"ID": "3", "VALUE": "Сайт"}],
        },
        {"FIELD_NAME": "UF_CRM_2", "USER_TYPE_ID": "money", "MULTIPLE": "N"},
    ]
    fields = read_fields(crm, userfields=user)
    assert fields["UF_CRM_1"] == Field(
        "UF_CRM_1", "UF_CRM_1", title="Канал", type="enumeration", multiple=True, values={"3": "Сайт"}
    )
    assert fields["UF_CRM_2"].type == "money"


def test_read_fields__user_fields_meet_their_camel_case_field_by_its_upper_name():
    items = {"fields": {"ufCrm7List": {"type": "enumeration", "title": "List", "upperName": "UF_CRM_7_LIST"}}}
    user = {"fields": [{"fieldName": "UF_CRM_7_LIST", "userTypeId": "enumeration", "multiple": "Y"}]}
    fields = read_fields(items, userfields=user)
    assert list(fields) == ["ufCrm7List"]
    assert fields["ufCrm7List"].multiple
    assert fields["ufCrm7List"].wire == "ufCrm7List"
