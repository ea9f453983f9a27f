"""The question of a list: shape, names, comparisons, values."""

from __future__ import annotations

import datetime as dt
from collections import deque
from decimal import Decimal
from enum import Enum

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from b24data.errors import ConfigError, SchemaError
from b24data.fields.descriptions import Described, field_types
from b24data.fields.fields import read_fields
from b24data.lists.methods import spec_of
from b24data.lists.plan import make_plan, settled
from b24data.lists.query import FieldTypes

DEAL = field_types(
    Described(
        read_fields(
            {
                "ID": {"type": "integer"},
                "TITLE": {"type": "string"},
                "OPPORTUNITY": {"type": "double"},
                "CLOSED": {"type": "char"},
                "STAGE_ID": {"type": "crm_status"},
                "CLOSEDATE": {"type": "date"},
                "DATE_CREATE": {"type": "datetime"},
                "UF_CRM_VIP": {"type": "boolean"},
                "UF_CRM_KIND": {"type": "enumeration", "items": [{"ID": "45", "VALUE": "Retail"}]},
            }
        )
    )
)
ITEM = field_types(
    Described(
        read_fields(
            {
                "id": {"type": "integer", "upperName": "ID"},
                "title": {"type": "string", "upperName": "TITLE"},
                "assignedById": {"type": "user", "upperName": "ASSIGNED_BY_ID"},
                "isManualOpportunity": {"type": "boolean", "upperName": "IS_MANUAL_OPPORTUNITY"},
                "ufCrm2_1639669411830": {"type": "boolean", "upperName": "UF_CRM_2_1639669411830"},
            }
        )
    )
)
SMART = {"entityTypeId": 2}


def sent(filter=None, method="crm.deal.list", types=DEAL, **asked):
    spec = spec_of(method)
    plan = settled(make_plan(spec, filter=filter, **asked), types)
    return plan.params.get(spec.filter)


class Stage(Enum):
    WON = "WON"


class Code(str, Enum):  # noqa: UP042  str() of its members is another text
    WON = "WON"
    FIELD = "@STAGE_ID"


@pytest.mark.parametrize(
    ("given", "came"),
    [
        ({"closed": True}, {"CLOSED": "Y"}),
        ({"CLOSED": 0}, {"CLOSED": "N"}),
        ({"!Closed": "y"}, {"!CLOSED": "Y"}),
        ({">=opportunity": "100000"}, {">=OPPORTUNITY": 100000}),
        ({">=OPPORTUNITY": 99.5}, {">=OPPORTUNITY": "99.5"}),
        ({">=OPPORTUNITY": 1e20}, {">=OPPORTUNITY": 10**20}),
        ({">=OPPORTUNITY": "1e5"}, {">=OPPORTUNITY": "100000"}),
        ({"<OPPORTUNITY": Decimal("0.10")}, {"<OPPORTUNITY": "0.10"}),
        ({"OPPORTUNITY": np.float32(2)}, {"OPPORTUNITY": 2}),
        ({"stage_id": Stage.WON}, {"STAGE_ID": "WON"}),
        ({"StageId": ["NEW", "WON"]}, {"@STAGE_ID": ["NEW", "WON"]}),
        ({"@STAGE_ID": {"NEW"}}, {"@STAGE_ID": ["NEW"]}),
        ({"@UF_CRM_KIND": pd.Series(["45"])}, {"@UF_CRM_KIND": [45]}),
        ({"@ID": np.array([5, 6])}, {"@ID": [5, 6]}),
        ({"@ID": range(2)}, {"@ID": [0, 1]}),
        ({"@ID": {7: "a"}.keys()}, {"@ID": [7]}),
        ({"@ID": {"a": 7}.values()}, {"@ID": [7]}),
        ({"@ID": deque([7])}, {"@ID": [7]}),
        ({"@ID": pa.chunked_array([[7], [8]])}, {"@ID": [7, 8]}),
        ({"ID": np.array(7)}, {"ID": 7}),
        ({"ID": pa.scalar(7)}, {"ID": 7}),
        ({Code.FIELD: [Code.WON]}, {"@STAGE_ID": ["WON"]}),
        ({"STAGE_ID": " won "}, {"STAGE_ID": "won"}),
        ({"STAGE_ID": 12.0}, {"STAGE_ID": 12}),  # as a column with gaps has it
        ({"OPPORTUNITY": np.float32(0.1)}, {"OPPORTUNITY": "0.1"}),
        ({"<=DATE_CREATE": dt.datetime.max}, {"<=DATE_CREATE": "9999-12-31T23:59:59"}),
        ({"=ID": 5.0}, {"=ID": 5}),
        ({">=CLOSEDATE": "2026-2-1"}, {">=CLOSEDATE": "2026-02-01"}),
        ({">=CLOSEDATE": dt.date(2026, 2, 1)}, {">=CLOSEDATE": "2026-02-01"}),
        ({">=CLOSEDATE": pd.Timestamp("2026-02-01", tz="Europe/Moscow")}, {">=CLOSEDATE": "2026-02-01"}),
        ({">=DATE_CREATE": "2026-02-01"}, {">=DATE_CREATE": "2026-02-01"}),
        ({">=DATE_CREATE": "2026-02-01 9:05"}, {">=DATE_CREATE": "2026-02-01T09:05:00"}),
        ({">=DATE_CREATE": "2026-02-01T09:05:00Z"}, {">=DATE_CREATE": "2026-02-01T09:05:00+00:00"}),
        ({">=DATE_CREATE": np.datetime64("2024-05-01", "ns")}, {">=DATE_CREATE": "2024-05-01T00:00:00"}),
        ({">=DATE_CREATE": np.datetime64("2024-05", "M")}, {">=DATE_CREATE": "2024-05-01T00:00:00"}),
        ({">=DATE_CREATE": pd.Timestamp("2024-05-01T10:00:00.5")}, {">=DATE_CREATE": "2024-05-01T10:00:01"}),
        ({"<=DATE_CREATE": pd.Timestamp("2024-05-01T10:00:00.5")}, {"<=DATE_CREATE": "2024-05-01T10:00:00"}),
        ({"!TITLE": "", "OPPORTUNITY": ""}, {"!TITLE": "", "OPPORTUNITY": ""}),
        ({"TITLE": False}, {"TITLE": ""}),
        ({"%title": "two words"}, {"%TITLE": "two words"}),
    ],
)
def test_values__are_sent_in_the_one_form_that_the_field_takes(given, came):
    found = sent(given)
    assert found == came
    assert [type(value) for value in found.values()] == [type(value) for value in came.values()]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({">=OPPORTUNITY": "100 000"}, "compares a number with '100 000'. Hint: write 100000"),
        ({">=OPPORTUNITY": "100,5"}, "Hint: write 100.5"),
        ({">=OPPORTUNITY": "abc"}, "compares a number with 'abc'"),
        ({">=OPPORTUNITY": True}, "compares a field that is not a flag with True"),
        ({">=OPPORTUNITY": ""}, "needs a value to compare with"),
        ({">=OPPORTUNITY": float("nan")}, "has no value"),
        ({">=OPPORTUNITY": float("inf")}, "has no value"),
        ({"ID": 5.7}, "compares a whole number with 5.7"),
        ({"ID": "5,6"}, r"write a list: \[5, 6\]"),
        ({"ID": "=5"}, "compares a whole number with '=5'"),
        ({"ID": "1_000"}, "Hint: write 1000"),
        ({"ID": "٣"}, "compares a whole number"),
        ({"UF_CRM_KIND": "Retail"}, "compares a code with 'Retail'. Hint: write 45"),
        ({"UF_CRM_KIND": "Wholesale"}, r"the codes are 45 \(Retail\)"),
        ({"CLOSED": "maybe"}, "compares a flag with 'maybe'"),
        ({"CLOSED": 2}, "compares a flag with 2"),
        ({">=CLOSEDATE": "2026-02-30"}, "a date that does not exist: '2026-02-30'"),
        ({">=CLOSEDATE": "01.02.2026"}, 'day.month.year, write "2026-02-01"'),
        ({">=CLOSEDATE": "2026-02-01T10:00:00"}, "compares a day with a time of day"),
        ({">=DATE_CREATE": "2026-02-01T25:00:00"}, "a time that does not exist"),
        ({">=DATE_CREATE": "yesterday"}, "compares a date with 'yesterday'"),
        ({">=DATE_CREATE": pd.NaT}, "has no value"),
        ({">=DATE_CREATE": np.datetime64("NaT")}, "has no value"),
        ({"DATE_CREATE": pd.Timestamp("2024-05-01T10:00:00.5")}, "a part of a second"),
        ({"STAGE_ID": pd.NA}, "has no value"),
        ({"STAGE_ID": None}, "is None"),
        ({"@STAGE_ID": ["NEW", None]}, "is None"),
        ({"STAGE_ID": {"a": 1}}, "give one value"),
        ({">STAGE_ID": ["NEW"]}, "for a list use @"),
        ({"@STAGE_ID": "NEW,WON"}, r"compares a code with .NEW,WON.. Hint: for several values write a list"),
        (
            {"STAGE_ID": "NEW, WON"},
            r"compares a code with 'NEW, WON'. Hint: for several values write a list: \['NEW', 'WON'\]",
        ),
        ({"STAGE_ID": object()}, "cannot be compared"),
        ({"STAGE_ID": "WON\u200b"}, r"compares a code with 'WON\\u200b'"),
        ({"STAGE_ID": dt.date(2026, 1, 1)}, "write the code as a text"),
        ({"ID": "9" * 5000}, "at most 308 digits"),
        ({"ID": 10**5000}, "at most 308 digits"),
        ({"<ID": 2**63}, "compares a whole number with 9223372036854775808"),
        ({"ID": Decimal("sNaN")}, "has no value"),
        ({"STAGE_ID": Decimal("Infinity")}, "has no value"),
        ({"OPPORTUNITY": Decimal("1e5000000")}, "at most 308 digits"),
        ({"OPPORTUNITY": "1e400"}, "at most 308 digits"),
        ({"ID": np.ma.masked}, "has no value"),
        ({"ID": np.timedelta64(5, "ns")}, "can't be compared with"),
        ({">=DATE_CREATE": np.datetime64("20000-01-01")}, "can't be compared with"),
        ({"<DATE_CREATE": dt.datetime.max}, "a part of a second"),
        ({"ID": np.array([[1, 2]])}, "cannot be compared"),
        ({"@ID": np.array([[1, 2]])}, "cannot be compared"),
        ({"@ID": [pd.DatetimeIndex(["2026-01-01"])]}, "cannot be compared"),
        ({"@ID": pd.DataFrame({"ID": [1]})}, "cannot be compared"),
        ({"=>OPPORTUNITY": 5}, "did you mean >=OPPORTUNITY"),
        ({"<>OPPORTUNITY": 5}, "did you mean !=OPPORTUNITY"),
        ({">=": 5}, "names no field"),
        ({5.5: 1}, "the key 5.5"),
        ({"title": "a", "TITLE": "b"}, "has 'TITLE' twice"),
    ],
)
def test_values__that_a_portal_would_misread_are_refused_with_what_to_write(given, sentence):
    with pytest.raises(ConfigError, match=sentence):
        sent(given)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"filter": "ID=5"}, "filter is the text 'ID=5'. Hint: write filter="),
        ({"filter": [("ID", 5)]}, "filter is"),
        ({"filter": 5}, r"filter is 5 \(int\)"),
        ({"order": "ID"}, 'write order={"ID": "DESC"}'),
        ({"order": ["ID"]}, "order is"),
        ({"order": {"ID": "up"}}, "write 'ASC' or 'DESC'"),
        ({"params": [1]}, "params is"),
        ({"params": {5: 1}}, "the key 5"),
        ({"params": {"filter[": 1}}, "the key 'filter\\['"),
        ({"params": {"filter[ID]": 1, "filter": {"ID": 2}}}, "twice"),
        ({"select": {"ID": 1}}, "select is"),
        ({"select": 5}, "select is 5"),
        ({"select": ["ID", None]}, "select has None"),
        ({"limit": "5"}, "limit '5'"),
    ],
)
def test_shape__a_wrong_kind_of_argument_is_named_with_the_right_form(asked, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make_plan(spec_of("crm.deal.list"), **asked)


def test_shape__keys_in_the_notation_of_php_are_put_in_their_place():
    params = {"filter[>=ID]": 5, "filter[@STAGE_ID][]": "NEW", "select[]": "ID", "order[ID]": "DESC", "x[a][b]": 1}
    plan = make_plan(spec_of("crm.deal.list"), params=params)
    assert (plan.params["filter"], plan.select, plan.descending) == ({"@STAGE_ID": ["NEW"]}, ("ID",), True)
    assert plan.params["x"] == {"a": {"b": 1}}
    groups = {"filter[0][logic]": "OR", "filter[0][title]": "a", "filter[0][id]": 3}
    plan = make_plan(spec_of("crm.item.list"), params={**SMART, **groups})
    assert plan.params["filter"] == {"0": {"logic": "OR", "title": "a", "id": 3}}


def test_names__are_sent_in_the_spelling_of_the_method():
    assert sent({"ASSIGNED_BY_ID": 1}, "crm.item.list", ITEM, params=SMART) == {"assignedById": 1}
    found = sent({"UF_CRM_2_1639669411830": True}, "crm.item.list", ITEM, params=SMART)
    assert found == {"ufCrm2_1639669411830": 1}  # a user flag is written in another way than one of the system
    assert sent({"isManualOpportunity": True}, "crm.item.list", ITEM, params=SMART) == {"isManualOpportunity": "Y"}
    plan = settled(make_plan(spec_of("crm.deal.list"), select=["id", "title"], order={"title": "asc"}), DEAL)
    assert (plan.params["select"], plan.params["order"]) == (["ID", "TITLE"], {"TITLE": "asc", "ID": "ASC"})


def test_names__a_filtered_field_that_was_not_selected_is_asked_for_and_hidden():
    plan = settled(
        make_plan(spec_of("crm.deal.list"), select=["TITLE"], filter={"stage_id": "NEW", "%TITLE": "x"}), DEAL
    )
    assert (plan.params["select"], plan.hidden, plan.select) == (["ID", "TITLE", "STAGE_ID"], ("STAGE_ID",), ("TITLE",))
    plan = settled(make_plan(spec_of("crm.deal.list"), select=["*"], filter={"UF_CRM_KIND": 45}), DEAL)
    assert plan.hidden == ("UF_CRM_KIND",)


def test_names__an_unknown_one_is_refused_unless_it_is_to_pass():
    with pytest.raises(SchemaError, match=r"STAGE_IDD \(did you mean STAGE_ID\?\).*check_fields=False"):
        sent({"STAGE_IDD": "NEW"})
    spec = spec_of("crm.deal.list")
    plan = settled(make_plan(spec, filter={"STAGE_IDD": "NEW", "ID": "x"}, check=False), DEAL, check=False)
    assert plan.params["filter"] == {"STAGE_IDD": "NEW", "ID": "x"}
    assert [one.why for one in plan.conditions.members] == ["nothing describes this field", "check_fields=False"]


@pytest.mark.parametrize("value", ["abc", "5.5", "", [5], {"a": 1}, True])
@pytest.mark.parametrize("key", [">ID", "<=id"])
def test_names__a_bound_on_the_id_is_read_even_where_names_may_pass(key, value):
    with pytest.raises(ConfigError, match=f"the filter '{key}'"):
        settled(make_plan(spec_of("crm.deal.list"), filter={key: value}, check=False), DEAL, check=False)


def test_names__letters_that_look_latin_and_are_not_are_shown():
    with pytest.raises(SchemaError, match=r"no such field in filter: '\\u0421LOSED' \(did you mean CLOSED, "):
        sent({"\u0421LOSED": True})
    with pytest.raises(SchemaError, match="filter: Название"):
        sent({"Название": "a"})
    with pytest.raises(SchemaError, match=r"'TITLE\\u200b' \(did you mean TITLE\?\)"):
        sent({"TITLE\u200b": "a"})


def test_values__a_flag_of_a_user_field_is_one_or_nought_and_said_not_to_be_documented():
    plan = settled(make_plan(spec_of("crm.deal.list"), filter={"UF_CRM_VIP": "Y"}), DEAL)
    assert plan.params["filter"] == {"UF_CRM_VIP": 1}
    assert "does not say how a flag of this kind is written" in plan.conditions.members[0].unsure


def test_groups__are_refused_where_the_method_has_none():
    for given in (
        {"LOGIC": "OR", "TITLE": "a", "STAGE_ID": "NEW"},
        {"0": {"LOGIC": "OR", "TITLE": "a"}},
        [{"logic": "OR", "TITLE": "a"}],
    ):
        with pytest.raises(ConfigError, match=r"crm\.deal\.list has no groups"):
            sent(given)
    with pytest.raises(ConfigError, match='it is "AND" or "OR"'):
        sent({"0": {"logic": "XOR", "title": "a"}}, "crm.item.list", ITEM, params=SMART)
    with pytest.raises(ConfigError, match="the group '0'"):
        sent({"0": "x"}, "crm.item.list", ITEM, params=SMART)


def test_groups__bounds_of_the_walk_stand_beside_a_filter_that_is_one_or():
    plan = settled(
        make_plan(spec_of("crm.item.list"), filter={"logic": "OR", "ID": 3, "TITLE": "x"}, params=SMART), ITEM
    )
    page = plan.keyset_page(50, None)
    assert page["filter"] == {"0": {"logic": "OR", "id": 3, "title": "x"}, ">id": 50}


def test_lists__are_sent_behind_the_comparison_that_the_page_has_for_them():
    assert sent({"ID": [5, 6]}) == {"@ID": [5, 6]}
    assert sent({"!=ID": [5, 6]}) == {"!@ID": [5, 6]}
    assert sent({"assignedById": [5, 6]}, "crm.item.list", ITEM, params=SMART) == {"@assignedById": [5, 6]}
    task = field_types(Described(read_fields({"ID": {"type": "integer"}, "RESPONSIBLE_ID": {"type": "user"}})))
    assert sent({"@RESPONSIBLE_ID": [5], "!ID": [7]}, "tasks.task.list", task) == {"RESPONSIBLE_ID": 5, "!ID": 7}
    for given in ({"ID": [5, 6]}, {"@RESPONSIBLE_ID": [5, 6]}):
        with pytest.raises(ConfigError, match="takes one value, not a list"):
            sent(given, "tasks.task.list", task)


def test_groups__the_key_logic_is_sent_in_small_letters():
    given = {"LOGIC": "or", "title": "a", "0": {"Logic": "AND", "assignedById": 5}}
    came = {"0": {"logic": "OR", "title": "a", "0": {"logic": "AND", "assignedById": 5}}}
    assert sent(given, "crm.item.list", ITEM, params=SMART) == came


@pytest.mark.parametrize("given", [{"0": {}}, {"logic": "OR"}, {"0": {"logic": "OR"}}, [{}], {"1": {"0": {}}}])
def test_groups__without_a_condition_are_refused(given):
    with pytest.raises(ConfigError, match="has no condition"):
        sent(given, "crm.item.list", ITEM, params=SMART)


def test_lists__an_empty_one_asks_for_nothing():
    plan = settled(make_plan(spec_of("crm.deal.list"), filter={"@ID": [], "STAGE_ID": "NEW"}), DEAL)
    assert plan.empty
    plan = settled(make_plan(spec_of("crm.deal.list"), filter={"!@STAGE_ID": [], "CLOSED": "N"}), DEAL)
    assert (plan.empty, plan.params["filter"]) == (False, {"CLOSED": "N"})
    with pytest.raises(ConfigError, match="an empty list"):
        sent({"0": {"logic": "OR", "@id": [], "title": "x"}}, "crm.item.list", ITEM, params=SMART)


def test_rest_3__conditions_in_either_form_are_sent_as_a_list():
    spec = spec_of("v3:tasks.task.list")
    group = {"logic": "or", "conditions": [["id", [1, 2]], ["id", "between", [5, 9]]]}
    plan = make_plan(
        spec, filter=[["id", ">", 0], group, {"logic": "and", "negative": True, "conditions": [["id", 3]]}]
    )
    assert plan.low == 0
    assert plan.params["filter"] == [
        {"logic": "or", "conditions": [["id", "in", [1, 2]], ["id", "between", [5, 9]]]},
        {"logic": "and", "conditions": [["id", "=", 3]], "negative": True},
    ]
    for wrong in ([["id", "like", 5]], [["id"]], [{"conditions": 5}], ["id"], {"logic": "or", "conditions": 5}):
        with pytest.raises(ConfigError):
            make_plan(spec, filter=wrong)


def test_names__of_a_page_with_a_number_in_them_and_those_it_excludes():
    products = {"method": "catalog.product.list", "types": FieldTypes(), "select": ["id", "iblockId"]}
    asked = {"iblockId": 23, ">=property424": {"value": "2025-05-29"}, "property9": 5}
    assert sent(asked, **products) == asked
    with pytest.raises(ConfigError, match=r"does not filter by CONTACT_IDS: not supported; crm\.item\.list filters"):
        sent({"contactIds": [1]})


def test_names__of_tasks_that_are_not_fields_are_sent_and_said_not_to_be_provable():
    types = field_types(
        Described(read_fields({"STATUS": {"type": "integer"}, "ID": {"type": "integer"}}, wire_case="camel"))
    )
    spec = spec_of("tasks.task.list")
    asked = {"member": 5, "RealStatus": 3, "::SUBFILTER-PARAMS": {"FAVORITE": "Y"}}
    plan = settled(make_plan(spec, filter=asked, select=["TITLE"]), types)
    assert plan.params["filter"] == {"MEMBER": 5, "REAL_STATUS": 3, "::SUBFILTER-PARAMS": {"FAVORITE": "Y"}}
    assert [bool(one.why) for one in plan.conditions.members] == [True, False, True]
    assert plan.hidden == ("STATUS",)
    with pytest.raises(
        ConfigError, match=r"has no comparison '%'.*TITLE is the title; % and _ stand for any characters"
    ):
        make_plan(spec, filter={"%title": "a"})


@pytest.mark.parametrize(
    ("method", "params", "walk", "sent"),
    [
        ("voximplant.statistic.get", {"SORT": "ID", "ORDER": "DESC"}, "keyset", {"SORT": "ID", "ORDER": "DESC"}),
        ("voximplant.statistic.get", {"SORT": "COST"}, "offset", {"SORT": "COST", "ORDER": "ASC"}),
        ("user.get", {"SORT": "LAST_NAME", "order": "DESC"}, "offset", {"sort": "LAST_NAME", "order": "DESC"}),
        ("user.get", {"order": "DESC"}, "keyset", {"sort": "ID", "order": "DESC"}),
        ("department.get", {"sort": "NAME", "SORT": "500"}, "offset", {"SORT": 500, "sort": "NAME", "order": "ASC"}),
    ],
)
def test_order__as_two_texts_in_params_is_the_order(method, params, walk, sent):
    plan = make_plan(spec_of(method), params=params)
    assert plan.walk == walk
    assert sent.items() <= plan.page_at(0).items()
    assert {key.lower() for key in plan.page_at(0)} == {key.lower() for key in sent} | {"start"}


def test_in__a_single_value_is_a_list_of_one():
    plan = make_plan(spec_of("crm.deal.list"), filter={"@STAGE_ID": "NEW"})
    plan = settled(plan, field_types(Described(read_fields({"STAGE_ID": {"type": "crm_status"}}))))
    assert plan.params["filter"] == {"@STAGE_ID": ["NEW"]}


@pytest.mark.parametrize("method", ["tasks.task.list", "task.item.list", "task.items.getlist"])
@pytest.mark.parametrize("name", ["STATUS", "REAL_STATUS"])
@pytest.mark.parametrize("value", ["100 000", "abc", "5,0", 5.7, True])
def test_values__the_status_of_a_task_is_a_whole_number(method, name, value):
    types = field_types(Described(read_fields({"STATUS": {"type": "enum", "values": {"2": "Waiting"}}})))
    with pytest.raises(ConfigError, match="whole number"):
        sent({f">{name}": value}, method, types)
    assert sent({f"<{name}": "10"}, method, types) == {f"<{name}": 10}


@pytest.mark.parametrize("prefix", [">", ">=", "<", "<="])
def test_values__rows_do_not_prove_a_range_of_codes(prefix):
    plan = settled(make_plan(spec_of("crm.deal.list"), filter={f"{prefix}STAGE_ID": "C10:NEW"}), DEAL)
    assert [one.why for one in plan.conditions.members] == ["the portal has its own order of codes"]
    equal = settled(make_plan(spec_of("crm.deal.list"), filter={"STAGE_ID": "C10:NEW"}), DEAL)
    assert [one.why for one in equal.conditions.members] == [""]


@pytest.mark.parametrize("key", ["%TITLE", "@TITLE", "=%TITLE"])
def test_lists__an_empty_one_to_search_for_finds_nothing(key):
    assert make_plan(spec_of("crm.deal.list"), filter={key: []}, types=DEAL).empty


def test_lists__an_empty_one_where_one_value_belongs_is_refused_also_unchecked():
    with pytest.raises(ConfigError, match="empty list"):
        make_plan(spec_of("crm.deal.list"), filter={">UF_UNKNOWN": []}, types=DEAL, check=False)


def test_lists__a_set_is_asked_for_in_one_order():
    plan = make_plan(spec_of("crm.deal.list"), filter={"@STAGE_ID": {"WON", "LOSE", "NEW", "EXECUTING"}}, types=DEAL)
    assert plan.params["filter"] == {"@STAGE_ID": ["EXECUTING", "LOSE", "NEW", "WON"]}


def test_names__an_id_in_another_spelling_is_selected_as_it_is_asked_for():
    spec = spec_of("socialnetwork.api.workgroup.list")
    assert spec.id != spec.id_asked
    assert make_plan(spec, select=["Id"]).select == (spec.id_asked,)
