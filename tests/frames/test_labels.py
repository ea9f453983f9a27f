"""Labels of codes: which dictionary, which label, and what happens to a code without one."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b24data import Sandbox
from b24data.errors import AccessDeniedError, ConfigError
from b24data.fields.dictionaries import Dictionaries, Dictionary, dictionary_of
from b24data.fields.fields import Field, read_fields
from b24data.fields.meanings import meanings_of
from b24data.frames.labels import Labels, check_labels
from b24data.frames.schema import build_schema
from b24data.http.context import CallContext
from tests.frames.fakes import FakeSession
from tests.frames.inferred import infer_schema
from tests.http.fakes import FakeClock

FIELDS = {
    "STAGE_ID": Field("STAGE_ID", "STAGE_ID", title="Stage", type="crm_status", status="DEAL_STAGE"),
    "UF_REGIONS": Field("UF_REGIONS", "UF_REGIONS", type="enumeration", multiple=True, values={"1": "North"}),
    "OPENED": Field("OPENED", "OPENED", type="char"),
}
SCHEMA = build_schema(FIELDS, list(FIELDS), id_code=None)
BATCH = pa.RecordBatch.from_pydict(
    {"STAGE_ID": ["NEW", "C9:NEW", None], "UF_REGIONS": [[1, 7], [1], None], "OPENED": [True, None, False]},
    schema=SCHEMA.arrow,
)
WORDS = {"STAGE_ID": {"NEW": "Новая"}, "UF_REGIONS": {"1": "North"}, "OPENED": {"Y": "yes"}}


def labels(mode, **options):
    return Labels(mode, lambda column: WORDS.get(column.wire), **options)


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=300, users=130) as portal:
        yield portal


@pytest.fixture(scope="module")
def tools(portal):
    return portal.connect().tools


def test_add__words_stand_behind_their_codes_and_lists_stay_lists():
    adding = labels("add")
    batch = adding.apply(BATCH, SCHEMA)
    assert batch.schema.names == ["STAGE_ID", "STAGE_ID_LABEL", "UF_REGIONS", "UF_REGIONS_LABEL", "OPENED"]
    assert batch.column("STAGE_ID_LABEL").to_pylist() == ["Новая", "C9:NEW", None]
    assert batch.column("UF_REGIONS_LABEL").to_pylist() == [["North", "7"], ["North"], None]
    assert batch.schema.equals(adding.labelled(SCHEMA).arrow, check_metadata=True)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ({"1": "One", "7": "Seven"}, ["One", None, "Seven"]),
        ({"1": "One", "07": "Seven"}, ["One", None, "7"]),
        ({"1": "One", "D_7": "Seven"}, ["One", None, "7"]),
        ({"1": "One", "7": "Seven", str(2**70): "Many"}, ["One", None, "Seven"]),
        ({}, ["1", None, "7"]),
    ],
)
def test_add__integer_codes_have_the_words_of_the_codes_that_read_like_them(words, shown):
    schema = build_schema({"UF": Field("UF", "UF", type="enumeration")}, ["UF"], id_code=None)
    batch = pa.RecordBatch.from_pydict({"UF": [1, None, 7]}, schema=schema.arrow)
    assert Labels("add", lambda _: words).apply(batch, schema).column("UF_LABEL").to_pylist() == shown


def test_replace__words_take_the_place_of_codes_and_a_code_without_a_word_stays():
    replacing = labels("replace")
    batch = replacing.apply(BATCH, SCHEMA)
    assert batch.to_pydict() == {
        "STAGE_ID": ["Новая", "C9:NEW", None],
        "UF_REGIONS": [["North", "7"], ["North"], None],
        "OPENED": [True, None, False],
    }
    assert batch.schema.equals(replacing.labelled(SCHEMA).arrow, check_metadata=True)
    assert batch.schema.field("STAGE_ID").metadata[b"b24data.type"] == b"crm_status"


def test_replace__two_codes_with_one_label_are_one_category():
    schema = build_schema(FIELDS, ["STAGE_ID"], id_code=None, dtypes={"STAGE_ID": "category"})
    batch = pa.RecordBatch.from_pydict({"STAGE_ID": ["C1:NEW", "C2:NEW", None, "OLD"]}, schema=schema.arrow)
    replacing = Labels("replace", lambda _: {"C1:NEW": "New", "C2:NEW": "New"})
    labelled = replacing.apply(batch, schema)
    assert labelled.schema.equals(replacing.labelled(schema).arrow, check_metadata=True)
    assert labelled.column("STAGE_ID").dictionary.to_pylist() == ["New", "OLD"]
    assert labelled.column("STAGE_ID").to_pylist() == ["New", "New", None, "OLD"]


def test_false__nothing_is_touched():
    off = labels(False)
    assert off.apply(BATCH, SCHEMA) is BATCH
    assert off.labelled(SCHEMA) is SCHEMA


def test_unknown_codes__are_named_once_and_few_of_many():
    adding = labels("add")
    many = pa.RecordBatch.from_pydict(
        {"STAGE_ID": [f"S{i}" for i in range(7)], "UF_REGIONS": [None] * 7, "OPENED": [None] * 7}, schema=SCHEMA.arrow
    )
    for batch in (many, many, BATCH):
        adding.apply(batch, SCHEMA)
    assert adding.notes() == [
        "codes without a label stay codes: STAGE_ID: S0, S1, S2, S3, S4 and 3 more; UF_REGIONS: 7",
    ]


def test_a_label__never_takes_the_name_of_a_column():
    schema = infer_schema([{"A": "x", "A_LABEL": "mine"}])
    adding = Labels("add", lambda column: {"x": "word"} if column.wire == "A" else None)
    batch = pa.RecordBatch.from_pydict({"A": ["x"], "A_LABEL": ["mine"]})
    assert adding.apply(batch, schema).to_pydict() == {"A": ["x"], "A_LABEL_": ["word"], "A_LABEL": ["mine"]}


@pytest.mark.parametrize("labels", [True, "both", None, "ADD"])
def test_an_unknown_mode__is_refused(labels):
    with pytest.raises(ConfigError, match="labels is"):
        check_labels(labels)


@pytest.mark.parametrize(
    ("field", "method", "params", "book"),
    [
        (Field("S", "S", type="crm_status", status="SOURCE"), "crm.deal.list", {}, Dictionary("status", "SOURCE")),
        (Field("S", "S", type="crm_status"), "crm.deal.list", {}, None),
        (Field("C", "C", type="crm_category"), "CRM.deal.list", {}, Dictionary("category", "2")),
        (Field("c", "c", type="crm_category"), "crm.item.list", {"entitytypeid": 1036}, Dictionary("category", "1036")),
        (Field("C", "C", type="crm_category"), "crm.item.list", {}, None),
        (Field("U", "U", type="user"), "crm.deal.list", {}, Dictionary("user")),
        (Field("U", "U", type="employee"), "crm.deal.list", {}, Dictionary("user")),
        (Field("C", "C", type="crm_currency"), "crm.deal.list", {}, Dictionary("currency")),
        (Field("D", "D", type="department"), "user.get", {}, Dictionary("department")),
        (Field("T", "T", type="crm_enum_activitytype"), "crm.activity.list", {}, Dictionary("crm_enum_activitytype")),
        (Field("T", "T", type="string"), "crm.deal.list", {}, None),
        (Field("ID", "ID", type="integer"), "crm.deal.list", {}, None),
    ],
)
def test_dictionary_of__a_described_field(field, method, params, book):
    [column] = build_schema({field.code: field}, [field.code], id_code=None).columns
    assert dictionary_of(column, method, params) == book


@pytest.mark.parametrize(
    ("wire", "params", "book"),
    [
        ("STAGE_ID", {"entityTypeId": 2}, Dictionary("status", "DEAL_STAGE")),
        ("STAGE_ID", {"entityTypeId": 1036}, Dictionary("status", "DYNAMIC_1036_STAGE")),
        ("CATEGORY_ID", {"entityTypeId": 2}, Dictionary("category", "2")),
        ("OWNER_TYPE_ID", {}, Dictionary("crm_enum_ownertype")),
        ("entityTypeId", {}, Dictionary("crm_enum_ownertype")),
        ("STAGE_ID", {}, None),
        ("TITLE", {"entityTypeId": 2}, None),
    ],
)
def test_dictionary_of__a_column_that_nothing_describes_goes_by_its_name(wire, params, book):
    [column] = infer_schema([{wire: "1"}]).columns
    assert dictionary_of(column, "crm.stagehistory.list", params) == book


def test_fetch__every_code_of_every_category_has_its_word(tools):
    table = tools.fetch_table("crm.deal.list", labels="add", progress=False)
    statuses = tools.fetch_table("crm.status.list", progress=False).to_pylist()
    names = {row["STATUS_ID"]: row["NAME"] for row in statuses if row["ENTITY_ID"].startswith("DEAL_STAGE")}
    codes = table["STAGE_ID"].to_pylist()
    assert {code.partition(":")[0] for code in codes if ":" in code} == {"C1", "C2"}
    assert table["STAGE_ID_LABEL"].to_pylist() == [names[code] for code in codes]
    notes = json.loads(table.schema.metadata[b"b24data.report"])["notes"]
    assert not [note for note in notes if "code" in note]


def test_fetch__users_beyond_the_first_page_have_names_too(portal, tools):
    users = {
        int(row["ID"]): f"{row['NAME']} {row['LAST_NAME']}"
        for row in portal.rows("user.get", {"ACTIVE": [True, False]})
    }
    assert len(users) == 130
    table = tools.fetch_table("crm.deal.list", ["ASSIGNED_BY_ID"], labels="add", progress=False)
    codes = table["ASSIGNED_BY_ID"].to_pylist()
    assert max(codes) > 60
    assert table["ASSIGNED_BY_ID_LABEL"].to_pylist() == [users[code] for code in codes]


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_fetch__titles_name_the_words_as_well(tools, backend):
    frame = tools.fetch_all(
        "crm.deal.list", ["ID", "STAGE_ID"], labels="add", titles=True, dtype_backend=backend, progress=False
    )
    assert list(frame) == ["ID", "Deal Stage", "Deal Stage, label"]
    assert pd.api.types.is_string_dtype(frame["Deal Stage, label"])


def test_fetch__streams_are_labelled_too(tools, tmp_path):
    names = ["STAGE_ID", "STAGE_ID_LABEL"]
    assert next(tools.iter_batches("crm.deal.list", ["STAGE_ID"], labels="add", progress=False)).schema.names == names
    for frame in tools.iter_frames("crm.deal.list", ["STAGE_ID"], labels="add", chunksize=100, progress=False):
        assert list(frame) == names
    report = tools.fetch_all("crm.deal.list", ["STAGE_ID"], labels="add", to=tmp_path / "d.parquet", progress=False)
    assert report.rows == 300
    assert list(pd.read_parquet(tmp_path / "d.parquet")) == names
    group = pq.read_metadata(tmp_path / "d.parquet").row_group(0)
    assert [group.column(at).has_dictionary_page for at in range(2)] == [True, True]


def test_fetch__an_empty_list_has_the_columns_of_its_words(tools):
    nothing = tools.fetch_all("crm.deal.list", ["STAGE_ID"], {"TITLE": "none"}, labels="add", progress=False)
    assert (len(nothing), list(nothing)) == (0, ["STAGE_ID", "STAGE_ID_LABEL"])


STATUSES = [{"ENTITY_ID": "SOURCE", "STATUS_ID": "WEB", "NAME": "Website"}]
DENIED = AccessDeniedError("user.get", "no right", code="insufficient_scope", status=403)


def test_dictionaries__several_are_one_request_and_none_when_asked_again():
    session = FakeSession({"crm.status.list": STATUSES, "user.get": [{"ID": "7", "NAME": "Anna", "LAST_NAME": "K"}]})
    clock = FakeClock()
    dictionaries = Dictionaries(lambda: session, clock)
    books = [Dictionary("status", "SOURCE"), Dictionary("user")]
    words, notes = dictionaries.of(books, CallContext())
    assert words == {Dictionary("status", "SOURCE"): {"WEB": "Website"}, Dictionary("user"): {"0": None, "7": "Anna K"}}
    assert dictionaries.of([*books, Dictionary("status", "DEAL_TYPE")], CallContext())[0][books[0]] == {
        "WEB": "Website"
    }
    assert (session.requests, notes) == (["batch"], [])
    clock.now += 601
    dictionaries.of(books, CallContext())
    assert session.requests == ["batch", "batch"]


def test_dictionaries__one_that_is_refused_is_a_note_and_the_others_are_there():
    session = FakeSession({"crm.status.list": STATUSES, "user.get": DENIED})
    words, notes = Dictionaries(lambda: session, FakeClock()).of(
        [Dictionary("user"), Dictionary("status", "SOURCE")], CallContext()
    )
    assert words == {Dictionary("status", "SOURCE"): {"WEB": "Website"}}
    assert notes == ["no labels for user codes: no right (user.get)"]


def test_dictionaries__types_of_crm_objects_are_the_system_s_and_the_portal_s():
    system = [{"ID": 2, "NAME": "Deal"}]
    session = FakeSession(
        {"crm.enum.ownertype": system, "crm.type.list": {"types": [{"entityTypeId": 1036, "title": "Repairs"}]}}
    )
    book = Dictionary("crm_enum_ownertype")
    assert Dictionaries(lambda: session, FakeClock()).of([book], CallContext())[0][book] == {
        "0": None,
        "2": "Deal",
        "1036": "Repairs",
    }


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("DEAL_STAGE", {"NEW": "New", "C1:NEW": "Fresh"}),
        ("DYNAMIC_1036_STAGE_11", {"DT1036_11:NEW": "Start", "DT1036_12:NEW": "Begin"}),
        ("STATUS", {"NEW": "Unassigned"}),
        ("SOURCE", {"WEB": "Website"}),
    ],
)
def test_dictionaries__stages_are_those_of_every_category_of_one_entity(wanted, words):
    lists = [
        ("DEAL_STAGE", "NEW", "New"),
        ("DEAL_STAGE_1", "C1:NEW", "Fresh"),
        ("DYNAMIC_1036_STAGE_11", "DT1036_11:NEW", "Start"),
        ("DYNAMIC_1036_STAGE_12", "DT1036_12:NEW", "Begin"),
        ("DYNAMIC_103_STAGE_1", "DT103_1:NEW", "Other"),
        ("STATUS", "NEW", "Unassigned"),
        ("SOURCE", "WEB", "Website"),
    ]
    rows = [{"ENTITY_ID": entity, "STATUS_ID": code, "NAME": name} for entity, code, name in lists]
    book = Dictionary("status", wanted)
    assert (
        Dictionaries(lambda: FakeSession({"crm.status.list": rows}), FakeClock()).of([book], CallContext())[0][book]
        == words
    )


def test_dictionaries__a_user_without_a_name_is_called_by_the_address_and_nobody_is_null():
    people = [{"ID": "1", "NAME": "", "LAST_NAME": None, "EMAIL": "a@example.com"}, {"ID": "2"}]
    words, _ = Dictionaries(lambda: FakeSession({"user.get": people}), FakeClock()).of(
        [Dictionary("user")], CallContext()
    )
    assert words[Dictionary("user")] == {"0": None, "1": "a@example.com"}


def labels_of(kind, answers):
    return Dictionaries(lambda: FakeSession(answers), FakeClock()).of([Dictionary(kind)], CallContext())[0][
        Dictionary(kind)
    ]


def test_order_statuses__have_the_names_of_the_language_that_is_listed_first():
    rows = [
        {"statusId": "N", "lid": "ru", "name": "Принят"},
        {"statusId": "N", "lid": "en", "name": "Accepted"},
        {"statusId": "F", "lid": "en", "name": "Done"},
        {"statusId": "P", "lid": "de", "name": "Bezahlt"},
        {"statusId": "P", "lid": "ru", "name": "Оплачен"},
    ]
    assert labels_of("order_status", {"sale.statusLang.list": {"statusLangs": rows}}) == {
        "N": "Принят",
        "F": "Done",
        "P": "Оплачен",
    }


def test_groups__have_their_names_and_no_group_is_null():
    answers = {"socialnetwork.api.workgroup.list": {"workgroups": [{"id": "3", "name": "Launch"}]}}
    assert labels_of("workgroup", answers) == {"0": None, "3": "Launch"}


def test_types_of_owners__go_by_their_short_codes():
    rows = [{"ID": 2, "NAME": "Deal", "SYMBOL_CODE_SHORT": "D"}, {"ID": 177, "NAME": "Car", "SYMBOL_CODE_SHORT": "Tb1"}]
    assert labels_of("crm_owner_code", {"crm.enum.ownertype": rows}) == {"D": "Deal", "Tb1": "Car"}


@pytest.mark.parametrize(
    ("method", "wire", "type", "book"),
    [
        ("voximplant.statistic.get", "PORTAL_USER_ID", "", Dictionary("user")),
        ("task.elapseditem.getlist", "USER_ID", "integer", Dictionary("user")),
        ("task.commentitem.getlist", "AUTHOR_ID", "", Dictionary("user")),
        ("crm.timeline.comment.list", "AUTHOR_ID", "integer", Dictionary("user")),
        ("bizproc.workflow.instances", "STARTED_BY", "", Dictionary("user")),
        ("bizproc.workflow.instances", "TEMPLATE_ID", "", Dictionary("workflow_template")),
        ("lists.element.get", "CREATED_BY", "CREATED_BY", Dictionary("user")),
        ("tasks.task.list", "creatorId", "int", Dictionary("user")),
        ("tasks.task.list", "groupId", "integer", Dictionary("workgroup")),
        ("sale.order.list", "statusId", "string", Dictionary("order_status")),
        ("sale.order.list", "personTypeId", "integer", Dictionary("person_type")),
        ("sale.order.list", "currency", "string", Dictionary("currency")),
        ("sale.order.list", "userId", "integer", Dictionary("user")),
        ("crm.item.productrow.list", "ownerType", "string", Dictionary("crm_owner_code")),
        ("crm.item.productrow.list", "measureCode", "integer", Dictionary("measure")),
        ("crm.activity.list", "RESULT_CURRENCY_ID", "string", Dictionary("currency")),
        ("crm.requisite.list", "RQ_IDENT_TYPE", "", None),
    ],
)
def test_dictionary_of__knows_columns_that_are_described_as_plain_numbers_and_texts(method, wire, type, book):
    [column] = build_schema({wire: Field(wire, wire, type=type)}, [wire], id_code=None).columns
    assert dictionary_of(column, method, {}) == book


def test_a_list_of_statuses__may_come_in_a_list_of_one():
    fields = read_fields({"RQ_IDENT_TYPE": {"type": "crm_status", "statusType": ["RQ_IDENT_TYPE_CO"]}})
    assert fields["RQ_IDENT_TYPE"].status == "RQ_IDENT_TYPE_CO"


@pytest.mark.parametrize(
    ("method", "name", "code", "label"),
    [
        ("crm.stagehistory.list", "TYPE_ID", "5", "change of pipeline"),
        ("crm.deal.list", "STAGE_SEMANTIC_ID", "P", "in progress"),
        ("crm.item.list", "stageSemanticId", "F", "failure"),
        ("voximplant.statistic.get", "CALL_FAILED_CODE", "603-S", "canceled"),
        ("VOXIMPLANT.statistic.get", "CALL_TYPE", "2", "incoming"),
        ("crm.item.productrow.list", "discountTypeId", "2", "percentage"),
        ("crm.deal.list", "TYPE_ID", "5", None),
    ],
)
def test_meanings__are_those_of_the_pages(method, name, code, label):
    assert meanings_of(method, name).get(code) == label


def test_fetch__calls_have_labels_from_the_page_and_from_users(tools):
    table = tools.fetch_table("voximplant.statistic.get", labels="add", progress=False)
    assert set(table["CALL_TYPE_LABEL"].to_pylist()) <= {"outgoing", "incoming"}
    assert "PORTAL_USER_ID_LABEL" in table.column_names


def test_fetch__a_list_of_names_gives_labels_to_these_alone_and_asks_for_their_dictionaries_alone(tools):
    table = tools.fetch_table("crm.deal.list", ["STAGE_ID", "ASSIGNED_BY_ID"], labels=["STAGE_ID"], progress=False)
    assert table.column_names == ["STAGE_ID", "STAGE_ID_LABEL", "ASSIGNED_BY_ID"]
