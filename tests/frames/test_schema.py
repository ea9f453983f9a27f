"""Which columns a list gets, under which names and types."""

import pyarrow as pa
import pytest

from b24data.errors import ConfigError, SchemaError
from b24data.fields.fields import Field, read_fields
from b24data.frames.schema import build_schema
from b24data.frames.widening import widened
from b24data.lists.names import check_names
from tests.frames.inferred import infer_schema

DEAL = read_fields(
    {
        "ID": {"type": "integer", "title": "ID"},
        "TITLE": {"type": "string", "title": "Title"},
        "OPENED": {"type": "char", "title": "Available to all"},
        "STAGE_ID": {"type": "crm_status", "title": "Stage"},
        "CLOSEDATE": {"type": "date", "title": "Close date"},
        "UF_SUM": {"type": "money", "listLabel": "Sum", "title": "UF_SUM"},
        "UF_TAGS": {"type": "enumeration", "isMultiple": True, "listLabel": "Title", "title": "UF_TAGS"},
    }
)
TASK = read_fields({"ID": {"type": "integer"}, "RESPONSIBLE_ID": {"type": "integer"}}, wire_case="camel")


def test_build_schema__select_gives_order_types_and_facts():
    schema = build_schema(DEAL, ["OPENED", "ID"], id_code="ID")
    assert schema.arrow.equals(pa.schema([("OPENED", pa.bool_()), ("ID", pa.int64())]))
    assert schema.arrow.field("OPENED").metadata == {
        b"b24data.code": b"OPENED",
        b"b24data.title": b"Available to all",
        b"b24data.type": b"char",
    }
    assert not schema.open


def test_build_schema__no_select_takes_the_keys_that_came_in_their_order():
    schema = build_schema(DEAL, None, id_code="ID", sample_rows=[b'{"TITLE":"a","ID":"1","EXTRA":[1]}'])
    assert schema.names == ["TITLE", "ID", "EXTRA"]
    assert schema["EXTRA"].arrow == pa.list_(pa.int64())
    assert schema.open


def test_build_schema__no_select_and_no_rows_takes_what_is_described_but_user_fields():
    assert build_schema(DEAL, None, id_code="ID").names == ["ID", "TITLE", "OPENED", "STAGE_ID", "CLOSEDATE"]


def test_build_schema__wildcards():
    assert build_schema(DEAL, ["*", "UF_*"], id_code="ID").names == [
        *("ID", "TITLE", "OPENED", "STAGE_ID", "CLOSEDATE"),
        *("UF_SUM", "UF_SUM_CURRENCY", "UF_TAGS"),
    ]
    rows = [{"ID": "1", "TITLE": "", "UF_SUM": ""}]
    assert build_schema(DEAL, ["*"], id_code="ID", sample_rows=rows).names == ["ID", "TITLE"]


def test_build_schema__camel_case_user_fields_are_user_fields():
    fields = read_fields({"id": {"type": "integer"}, "ufCrm7": {"type": "double"}, "ufo": {"type": "string"}})
    assert build_schema(fields, ["*"], id_code="id").names == ["id", "ufo"]
    assert build_schema(fields, ["UF_*"], id_code="id").names == ["ufCrm7"]


def test_build_schema__names_as_they_were_asked_for_wires_as_they_come():
    schema = build_schema(TASK, ["ID", "RESPONSIBLE_ID"], id_code="ID")
    assert [(c.name, c.wire) for c in schema.columns] == [("ID", "id"), ("RESPONSIBLE_ID", "responsibleId")]
    schema = build_schema(TASK, None, id_code="ID", sample_rows=[{"id": "1", "responsibleId": "2", "group": []}])
    assert schema.names == ["ID", "RESPONSIBLE_ID", "group"]
    assert schema["ID"].kind == "int"


def test_build_schema__a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(SchemaError) as caught:
        build_schema(DEAL, ["ID", "TITEL", "stageId", "QQQ"], id_code="ID")
    assert "TITEL (did you mean TITLE?)" in str(caught.value)
    assert "stageId (did you mean STAGE_ID?)" in str(caught.value)
    assert str(caught.value).endswith("QQQ")


def test_build_schema__a_real_but_undescribed_name_passes_when_seen_or_unchecked():
    assert build_schema(DEAL, ["ID", "SUB"], id_code="ID", sample_rows=[{"ID": "1", "SUB": 2}])["SUB"].kind == "int"
    assert build_schema(DEAL, ["ID", "SUB"], id_code="ID", check=False)["SUB"].kind == "text"


def test_build_schema__a_related_field_of_rest_3_comes_inside_its_relation():
    fields = read_fields({"items": [{"name": "id", "type": "int"}, {"name": "responsible", "type": "object"}]})
    schema = build_schema(fields, ["id", "responsible.name", "responsible.email"], id_code="id")
    assert [(c.name, c.wire, c.kind) for c in schema.columns] == [
        ("id", "id", "int"),
        ("responsible", "responsible", "text"),
    ]
    with pytest.raises(SchemaError, match=r"responsable\.name"):
        build_schema(fields, ["id", "responsable.name"], id_code="id")


def test_build_schema__the_id_is_an_integer_whatever_is_said_of_it():
    fields = {"id": Field("id", "id", type="string")}
    assert build_schema(fields, ["id"], id_code="id")["id"].arrow == pa.int64()
    assert infer_schema([{"ID": "12"}], id_code="ID")["ID"].arrow == pa.int64()


def test_build_schema__an_id_that_is_no_integer_is_text_never_lost():
    assert infer_schema([{"ID": "66e4.36"}], id_code="ID")["ID"].arrow == pa.string()
    blind = infer_schema([{"ID": "1"}], id_code="ID")
    assert widened(blind, {"ID"}, set(), [{"ID": 1.5}])["ID"].arrow == pa.string()


def test_build_schema__dtypes_override_and_are_checked():
    schema = build_schema(DEAL, ["ID", "TITLE", "CLOSEDATE"], id_code="ID", dtypes={"TITLE": "int", "CLOSEDATE": str})
    assert schema.arrow.types == [pa.int64(), pa.int64(), pa.string()]
    with pytest.raises(ConfigError, match="complex"):
        build_schema(DEAL, ["TITLE"], id_code="ID", dtypes={"TITLE": "complex"})
    with pytest.raises(SchemaError, match="did you mean TITLE"):
        build_schema(DEAL, ["TITLE"], id_code="ID", dtypes={"TITEL": "int"})


@pytest.mark.parametrize(
    "dtype", ["list<int>", "list<int64>", pa.list_(pa.int64()), "timestamp", pa.timestamp("us", "UTC"), pa.date32()]
)
def test_build_schema__dtypes_take_words_and_arrow_types(dtype):
    expected = {"l": pa.list_(pa.int64()), "t": pa.timestamp("us", "UTC"), "d": pa.date32()}[str(dtype)[0]]
    assert build_schema(DEAL, ["TITLE"], id_code=None, dtypes={"TITLE": dtype}).arrow.types == [expected]


@pytest.mark.parametrize(
    ("values", "arrow"),
    [
        (["Y", "N", "", None], pa.bool_()),
        (["M", "F"], pa.string()),
        ([], pa.bool_()),
    ],
)
def test_build_schema__a_char_is_a_flag_unless_the_rows_say_otherwise(values, arrow):
    fields = {"GENDER": Field("GENDER", "GENDER", type="char")}
    rows = [{"GENDER": value} for value in values]
    assert build_schema(fields, ["GENDER"], id_code=None, sample_rows=rows)["GENDER"].arrow == arrow


def test_build_schema__days_in_the_portals_own_format_stay_text():
    rows = [{"CLOSEDATE": "12/11/2024"}]
    assert build_schema(DEAL, ["CLOSEDATE"], id_code=None, sample_rows=rows)["CLOSEDATE"].kind == "text"


def test_build_schema__a_single_field_that_comes_as_list_is_a_list():
    fields = {"FILES": Field("FILES", "FILES", type="disk_file")}
    schema = build_schema(fields, ["FILES"], id_code=None, sample_rows=[{"FILES": [11]}])
    assert schema["FILES"].arrow == pa.list_(pa.int64())


def test_titled__clashing_titles_get_their_code():
    schema = build_schema(DEAL, ["ID", "TITLE", "UF_SUM", "UF_TAGS"], id_code="ID").titled()
    assert schema.names == ["ID", "Title [TITLE]", "Sum", "Sum, currency", "Title [UF_TAGS]"]
    assert schema.id_name == "ID"


@pytest.mark.parametrize(
    ("values", "arrow"),
    [
        ([True, None], pa.bool_()),
        ([1, None], pa.int64()),
        ([1, 1.5], pa.float64()),
        (["1", "2"], pa.string()),
        (["007"], pa.string()),
        (["2024-01-01T00:00:00+03:00"], pa.string()),
        ([1, "1"], pa.string()),
        ([{"a": 1}], pa.string()),
        ([[1], []], pa.list_(pa.int64())),
        ([["a"], [1]], pa.list_(pa.string())),
        ([[[1]]], pa.string()),
        ([None, "", []], pa.string()),
    ],
)
def test_infer_schema__the_narrowest_type_that_loses_nothing(values, arrow):
    assert infer_schema([{"x": value} for value in values])["x"].arrow == arrow


def test_widened__numbers_to_wider_numbers_everything_else_to_text():
    schema = infer_schema([{"n": 1, "b": True, "s": 2}])
    wide = widened(schema, {"n", "b"}, {"new"}, [{"n": 1.5, "b": 7, "s": 2, "new": [1]}])
    assert wide.arrow.types == [pa.float64(), pa.string(), pa.int64(), pa.string()]  # a list of later rows is JSON text


def test_check_names__says_where():
    with pytest.raises(SchemaError, match=r"no such field in filter: STAGE \(did you mean STAGE_ID\?\)"):
        check_names(["ID", "STAGE"], DEAL, where="filter")


def test_build_schema__the_currency_of_a_money_field_never_takes_the_name_of_a_field():
    fields = read_fields({"UF_X": {"type": "money"}, "UF_X_CURRENCY": {"type": "string"}})
    assert build_schema(fields, ["UF_X", "UF_X_CURRENCY"], id_code=None).names == [
        *("UF_X", "UF_X_MONEY_CURRENCY", "UF_X_CURRENCY")
    ]
    assert build_schema(fields, ["UF_X"], id_code=None).names == ["UF_X", "UF_X_MONEY_CURRENCY"]  # whatever is selected
    rows = [{"UF_X": "5|USD", "UF_X_CURRENCY": "mine"}]
    undescribed = {"UF_X": fields["UF_X"]}
    assert build_schema(undescribed, None, id_code=None, sample_rows=rows).names == [
        *("UF_X", "UF_X_MONEY_CURRENCY", "UF_X_CURRENCY")
    ]


def test_build_schema__the_names_of_currencies_are_free_however_many_fields_clash():
    names = ["UF_X", "UF_X_CURRENCY", "UF_X_MONEY_CURRENCY"]
    fields = read_fields({name: {"type": "money"} for name in names})
    schema = build_schema(fields, names, id_code=None)
    assert len(set(schema.names)) == len(schema.names) == 6


def test_widened__a_new_field_never_takes_the_name_of_a_column():
    fields = read_fields({"UF_X": {"type": "money"}})
    schema = build_schema(fields, None, id_code=None, sample_rows=[{"UF_X": "5|USD"}])
    wide = widened(schema, set(), {"UF_X_CURRENCY"}, [{"UF_X": "6|EUR", "UF_X_CURRENCY": "mine"}])
    assert len(set(wide.names)) == len(wide.names) == 3


@pytest.mark.parametrize("row", [b'{"T":"a\xd0"}', b'{"T":"a\\ud83d"}', b'{"T":"\xff\xfe","N":NaN}'])
def test_build_schema__reads_first_rows_that_no_strict_reader_takes(row):
    assert build_schema({"T": Field("T", "T", type="string")}, ["T"], id_code=None, sample_rows=[row]).names == ["T"]


def test_titled__no_name_stands_twice_whatever_the_titles_are():
    titles = {"A": "X", "B": "X", "C": "X [A]", "D": "X, currency", "E": "X, currency"}
    fields = {code: Field(code, code, title=title, type="string") for code, title in titles.items()}
    fields["M"] = Field("M", "M", title="X", type="money")
    names = build_schema(fields, list(fields), id_code=None).titled().names
    assert len(set(names)) == len(names) == 7
