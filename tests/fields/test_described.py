"""Descriptions: what is asked, how long it is kept, and what a misspelt name meets."""

import pytest

from b24data.errors import AccessDeniedError, SchemaError, ServerError
from b24data.fields.descriptions import Descriptions, field_types
from b24data.fields.openapi import OPENAPI
from b24data.http.context import CallContext
from b24data.lists.methods import spec_of
from b24data.lists.plan import make_plan, settled
from tests.frames.fakes import FakeSession
from tests.http.fakes import FakeClock

DEAL = {
    "ID": {"type": "integer", "title": "ID"},
    "TITLE": {"type": "string", "title": "Title"},
    "DATE_CREATE": {"type": "datetime", "title": "Created"},
    "UF_CRM_1": {
        "type": "enumeration",
        "title": "UF_CRM_1",
        "listLabel": "Region",
        "items": [{"ID": "1", "VALUE": "N"}],
    },
}
LIST = {"IBLOCK_TYPE_ID": "lists", "IBLOCK_CODE": "x"}
SMART = {"entityTypeId": 2}
DENIED = AccessDeniedError("user.userfield.list", "no", code="ACCESS_DENIED", status=403)


def described(method, answers, params=None):
    session = FakeSession(answers)
    found = Descriptions(lambda _: session, FakeClock()).of(spec_of(method), params or {}, CallContext())
    return found, session


def check(method, answers, **asked):
    plan = make_plan(spec_of(method), **asked)
    found, _ = described(method, answers, plan.params)
    return settled(plan, field_types(found))


def test_descriptions__user_fields_are_asked_for_only_where_the_description_lacks_them():
    found, session = described("crm.deal.list", {"crm.deal.fields": DEAL})
    assert session.requests == ["crm.deal.fields"]
    assert found.fields["UF_CRM_1"].values == {"1": "N"}
    bare = {**DEAL, "UF_CRM_1": {"type": "enumeration", "title": "UF_CRM_1"}}
    listed = [{"FIELD_NAME": "UF_CRM_1", "USER_TYPE_ID": "enumeration", "LIST": [{"ID": "1", "VALUE": "N"}]}]
    found, session = described("crm.deal.list", {"crm.deal.fields": bare, "crm.deal.userfield.list": listed})
    assert session.requests == ["crm.deal.fields", "crm.deal.userfield.list"]
    assert found.fields["UF_CRM_1"].values == {"1": "N"}


def test_descriptions__users_have_labels_types_from_the_docs_and_user_fields():
    labels = {"ID": "ID", "NAME": "First name", "ACTIVE": "Active"}
    own = [{"FIELD_NAME": "UF_USR_1", "USER_TYPE_ID": "double", "MULTIPLE": "Y"}]
    found, _ = described("user.get", {"user.fields": labels, "user.userfield.list": own})
    assert {code: one.type for code, one in found.fields.items()} == {
        "ID": "integer",
        "NAME": "",
        "ACTIVE": "boolean",
        "UF_USR_1": "double",
    }


def test_descriptions__tasks_learn_which_user_fields_are_multiple():
    fields = {"fields": {"ID": {"type": "integer"}, "UF_TAGS": {"type": "string", "title": "Tags"}}}
    own = [{"FIELD_NAME": "UF_TAGS", "USER_TYPE_ID": "string", "MULTIPLE": "Y"}]
    found, _ = described("tasks.task.list", {"tasks.task.getFields": fields, "task.item.userfield.getlist": own})
    assert found.fields["UF_TAGS"].multiple


@pytest.mark.parametrize(
    ("method", "params", "asked"),
    [
        ("crm.item.list", {"entitytypeid": 2}, {"entityTypeId": 2}),
        (
            "crm.item.list",
            {"entityTypeId": 2, "useOriginalUfNames": "Y"},
            {"entityTypeId": 2, "useOriginalUfNames": "Y"},
        ),
        ("catalog.product.list", {"filter": {"=iblockId": 23, "active": "Y"}}, {"filter": {"iblockId": 23}}),
        (
            "lists.element.get",
            {"IBLOCK_TYPE_ID": "lists", "IBLOCK_CODE": "x"},
            {"IBLOCK_TYPE_ID": "lists", "IBLOCK_CODE": "x"},
        ),
        ("crm.deal.list", {"filter": {"ID": 1}}, {}),
    ],
)
def test_descriptions__are_asked_for_with_what_the_list_is_asked_with(method, params, asked):
    fields = spec_of(method).fields
    _, session = described(method, {fields: DEAL}, params)
    assert session.asked == [(fields, asked)]


def test_descriptions__are_kept_for_ten_minutes_by_method_and_parameters():
    session, clock = FakeSession({"crm.item.fields": {"fields": DEAL}}), FakeClock()
    descriptions = Descriptions(lambda _: session, clock)
    for number in (2, 1036, 2, 1036):
        descriptions.of(spec_of("crm.item.list"), {"entityTypeId": number}, CallContext())
    assert len(session.requests) == 2
    clock.now += 601
    descriptions.of(spec_of("crm.item.list"), {"entityTypeId": 2}, CallContext())
    assert len(session.requests) == 3


def test_descriptions__a_refusal_is_asked_about_again_after_ten_minutes():
    session, clock = FakeSession({"crm.deal.fields": DENIED}), FakeClock()
    descriptions = Descriptions(lambda _: session, clock)
    for later in (0, 599, 2):
        clock.now += later
        descriptions.of(spec_of("crm.deal.list"), {}, CallContext())
    assert len(session.requests) == 2


def test_descriptions__a_clock_that_was_set_back_makes_them_old():
    session, clock = FakeSession({"crm.deal.fields": DEAL}), FakeClock()
    descriptions = Descriptions(lambda _: session, clock)
    for now in (1_000.0, 900.0):
        clock.now = now
        descriptions.of(spec_of("crm.deal.list"), {}, CallContext())
    assert len(session.requests) == 2


def test_descriptions__a_list_that_the_openapi_document_lacks_has_none():
    found, _ = described("v3:partner.thing.list", {OPENAPI: {"paths": [], "components": {"schemas": []}}})
    assert (found.fields, found.note) == (
        {},
        "nothing describes the fields of partner.thing.list: the rows decide the types",
    )


def test_descriptions__a_refusal_is_a_note_and_a_failure_is_raised():
    found, _ = described("crm.deal.list", {"crm.deal.fields": DENIED})
    assert found.fields == {}
    assert found.note == "crm.deal.fields says ACCESS_DENIED: the rows decide the types"
    found, _ = described("user.get", {"user.fields": {"ID": "ID", "NAME": "Name"}, "user.userfield.list": DENIED})
    assert list(found.fields) == ["ID", "NAME"]
    assert found.note == "user.userfield.list says ACCESS_DENIED: the rows decide the types of user fields"
    with pytest.raises(ServerError):
        described("crm.deal.list", {"crm.deal.fields": ServerError("crm.deal.fields", "", code="X", status=500)})


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"select": ["ID", "TITEL"]}, r"in select: TITEL \(did you mean TITLE\?\)"),
        ({"filter": {">=DATE_CREAT": "2026-01-01"}}, r"in filter: DATE_CREAT \(did you mean DATE_CREATE\?\)"),
        ({"filter": {"!@STAGE": ["NEW"]}}, "in filter: STAGE"),
        ({"order": {"DATECREAT": "ASC"}}, r"in order: DATECREAT \(did you mean DATE_CREATE\?\)"),
    ],
)
def test_settled__a_misspelt_name_is_refused_with_the_nearest(asked, sentence):
    with pytest.raises(SchemaError, match=sentence):
        check("crm.deal.list", {"crm.deal.fields": DEAL}, **asked)


def test_settled__a_misspelt_name_inside_a_group_is_found():
    answers = {"crm.item.fields": {"fields": {"id": {"type": "integer"}, "title": {"type": "string"}}}}
    groups = {"0": {"logic": "OR", "0": {"%title": "a"}, "1": {"titel": "b"}}}
    with pytest.raises(SchemaError, match=r"titel \(did you mean title\?\)"):
        check("crm.item.list", answers, filter=groups, params={"entityTypeId": 2})


@pytest.mark.parametrize(
    ("method", "asked"),
    [
        (
            "crm.item.list",
            {"filter": {"logic": "OR", "0": {">id": 1}, "1": {"TITLE": "b"}}, "params": SMART},
        ),
        ("crm.item.list", {"filter": {"0": {"LOGIC": "OR", "0": {"title": "a"}}}, "params": SMART}),
        ("crm.item.list", {"select": ["*"], "order": {"ID": "ASC"}, "params": SMART}),
        ("tasks.task.list", {"filter": {"::SUBFILTER-PARAMS": {"FAVORITE": "Y"}, "!REAL_STATUS": 5, "TAG": "x"}}),
        ("tasks.task.list", {"select": ["ID", "TAGS", "subStatus"], "order": {"RESPONSIBLE_LAST_NAME": "ASC"}}),
        ("user.get", {"filter": {"NAME_SEARCH": "an", "ACTIVE": True}}),
        ("user.search", {"filter": {"FIND": "an"}}),
        ("crm.activity.list", {"select": ["ID", "COMMUNICATIONS"], "filter": {"BINDINGS": [{"OWNER_ID": 1}]}}),
    ],
)
def test_settled__what_the_docs_allow_beyond_fields_passes(method, asked):
    fields = {"ID": {"type": "integer"}, "TITLE": {"type": "string"}, "ACTIVE": {"type": "boolean"}}
    spec = spec_of(method)
    check(method, {spec.fields: {"fields": fields}, spec.userfields: []}, **asked)


def test_settled__user_fields_that_nobody_tells_us_of_pass():
    answers = {"user.fields": {"ID": "ID", "NAME": "Name"}, "user.userfield.list": DENIED}
    check("user.get", answers, select=["ID", "UF_USR_1"], filter={"UF_USR_1": 1})
    with pytest.raises(SchemaError, match="NAEM"):
        check("user.get", answers, select=["NAEM"])


def test_settled__nothing_is_refused_where_nothing_is_described():
    check("crm.deal.list", {"crm.deal.fields": DENIED}, select=["WHATEVER"], filter={"ELSE": 1})
