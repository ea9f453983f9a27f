"""Titles of bound records: which columns have some, how they are asked for, and what batches wait for."""

import json
import math
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b24data import Sandbox
from b24data.errors import AccessDeniedError, ConfigError, MethodNotFoundError, SchemaError
from b24data.fields.fields import Field, read_fields
from b24data.fields.titles import RecordTitles, Ref
from b24data.frames.bindings import Binding, binding_of
from b24data.frames.columns import Decoder
from b24data.frames.labels import Labels, check_labels
from b24data.frames.output import OutputColumns
from b24data.frames.schema import build_schema
from b24data.frames.title_queue import MOST_ROWS, TitleQueue
from b24data.http.context import CallContext
from b24data.syntax.request import request_of
from tests.frames.fakes import FakeSession
from tests.frames.inferred import infer_schema

DEALS = 3000


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=DEALS, users=60) as portal:
        yield portal


@pytest.fixture(scope="module")
def tools(portal):
    return portal.connect().tools


def fetched(tools, method, select, labels, **options):
    table = tools.fetch_table(method, select, labels=labels, progress=False, **options)
    return table, json.loads(table.schema.metadata[b"b24data.report"])


def one_column(field):
    [column] = build_schema({field.code: field}, [field.code], id_code=None).columns
    return column


@pytest.mark.parametrize(
    ("type", "name", "bound"),
    [
        ("crm_company", "COMPANY_ID", Binding("crm", "4")),
        ("crm_contact", "contactIds", Binding("crm", "3")),
        ("crm_lead", "LEAD_ID", Binding("crm", "1")),
        ("crm_deal", "DEAL_ID", Binding("crm", "2")),
        ("crm_quote", "QUOTE_ID", Binding("crm", "7")),
        ("crm_entity", "parentId1036", Binding("crm", "1036")),
        ("crm_entity", "PARENT_ID_128", Binding("crm", "128")),
        ("crm_entity", "parentId14", None),  # an order has no title
        ("crm", "UF_CRM_1", Binding("crm_text")),
        ("integer", "ID", None),
        ("user", "ASSIGNED_BY_ID", None),
    ],
)
def test_bound_of__goes_by_the_type_and_the_name_of_a_field(type, name, bound):
    assert binding_of(one_column(Field(name, name, type=type)), "crm.item.list", {"entityTypeId": 2}) == bound


@pytest.mark.parametrize(
    ("method", "name", "bound"),
    [
        ("crm.activity.list", "OWNER_ID", Binding("crm", by="OWNER_TYPE_ID")),
        ("crm.item.productrow.list", "ownerId", Binding("crm", by="ownerType")),
        ("voximplant.statistic.get", "CRM_ENTITY_ID", Binding("crm", by="CRM_ENTITY_TYPE")),
        ("tasks.task.list", "stageId", Binding("task_stage", by="GROUP_ID")),
        ("tasks.task.list", "flowId", Binding("task_flow")),
        ("crm.stagehistory.list", "OWNER_ID", Binding("crm", "1036")),
        ("crm.deal.list", "OWNER_ID", None),
    ],
)
def test_bound_of__knows_the_columns_whose_type_is_in_the_row_or_in_the_request(method, name, bound):
    [column] = infer_schema([{name: "1"}]).columns
    assert binding_of(column, method, {"entityTypeId": 1036}) == bound


@pytest.mark.parametrize(
    ("code", "ref"),
    [
        ("D_1", Ref("crm", "2", "1")),
        ("CO_5", Ref("crm", "4", "5")),
        ("C_7", Ref("crm", "3", "7")),
        ("L_3", Ref("crm", "1", "3")),
        ("Q_3", Ref("crm", "7", "3")),
        ("SI_9", Ref("crm", "31", "9")),
        ("T80_5", Ref("crm", "128", "5")),
        ("Tb1_5", Ref("crm", "177", "5")),
        ("O_5", None),
        ("5", None),
        ("_5", None),
        ("D_", None),
        ("D_x", None),
        ("note_to_self", None),
        ("", None),
    ],
)
def test_a_binding__says_its_type_itself(code, ref):
    assert Binding("crm_text").ref(code) == ref


def test_company_titles__of_3000_deals_cost_as_many_requests_as_full_blocks_of_ids(portal, tools):
    titles = {str(row["ID"]): row["TITLE"] for row in portal.rows("crm.company.list")}
    tools.describe("crm.deal.list")
    _, plain = fetched(tools, "crm.deal.list", ["ID", "COMPANY_ID"], False)
    table, labelled = fetched(tools, "crm.deal.list", ["ID", "COMPANY_ID"], ["COMPANY_ID"])
    codes = table["COMPANY_ID"].to_pylist()
    distinct = {code for code in codes if code}
    assert len(distinct) > 100
    assert labelled["requests"] - plain["requests"] == math.ceil(len(distinct) / 2500)
    assert labelled["commands"] - plain["commands"] == math.ceil(len(distinct) / 50)
    assert table["COMPANY_ID_LABEL"].to_pylist() == [titles[str(code)] if code else None for code in codes]
    assert table.num_rows == DEALS


def test_add__costs_five_requests_at_most_and_asks_for_no_titles(tools):
    tools.describe("crm.deal.list")
    _, plain = fetched(tools, "crm.deal.list", None, False)
    table, labelled = fetched(tools, "crm.deal.list", None, "add")
    assert labelled["requests"] - plain["requests"] <= 5
    assert "STAGE_ID_LABEL" in table.column_names
    assert "COMPANY_ID_LABEL" not in table.column_names


def test_contacts__have_their_first_and_last_name(portal, tools):
    names = {
        str(row["ID"]): " ".join(filter(None, [row["NAME"], row["LAST_NAME"]]))
        for row in portal.rows("crm.contact.list")
    }
    table, _ = fetched(tools, "crm.deal.list", ["CONTACT_ID"], ["CONTACT_ID"], limit=300)
    codes = table["CONTACT_ID"].to_pylist()
    assert table["CONTACT_ID_LABEL"].to_pylist() == [names[str(code)] if code else None for code in codes]


def test_parents_of_smart_process_items__have_the_title_of_that_type(portal, tools):
    titles = {row["ID"]: row["TITLE"] for row in portal.rows("crm.deal.list")}
    table, _ = fetched(
        tools, "crm.item.list", ["id", "parentId2"], ["parentId2"], params={"entityTypeId": 1036}, limit=200
    )
    codes = table["parentId2"].to_pylist()
    assert table["parentId2_LABEL"].to_pylist() == [titles.get(str(code)) or (code and str(code)) for code in codes]
    assert any(codes)


def test_owners_of_activities__have_the_title_of_the_type_in_their_row(portal, tools):
    table, _ = fetched(tools, "crm.activity.list", ["OWNER_ID", "OWNER_TYPE_ID"], ["OWNER_ID"], limit=200)
    titles = {row["ID"]: row["TITLE"] for row in portal.rows("crm.deal.list")}
    rows = [row for row in table.to_pylist() if row["OWNER_TYPE_ID"] == 2]
    assert rows
    assert all(row["OWNER_ID_LABEL"] == titles.get(str(row["OWNER_ID"]), str(row["OWNER_ID"])) for row in rows)


def test_a_misspelt_column__is_refused_before_any_row_is_asked_for(portal, tools):
    tools.describe("crm.deal.list")
    before = portal.stats.requests
    with pytest.raises(SchemaError, match=r"no such field in labels: COMPANI_ID \(did you mean COMPANY_ID"):
        tools.fetch_all("crm.deal.list", labels=["COMPANI_ID"], progress=False)
    with pytest.raises(SchemaError, match="TITLE has no labels"):
        tools.fetch_all("crm.deal.list", labels=["TITLE"], progress=False)
    with pytest.raises(SchemaError, match="labels names COMPANY_ID, which is not among the columns"):
        tools.fetch_all("crm.deal.list", ["ID"], labels=["COMPANY_ID"], progress=False)
    with pytest.raises(SchemaError, match="labels of OWNER_ID need the column OWNER_TYPE_ID"):
        tools.fetch_all("crm.activity.list", ["OWNER_ID"], labels=["OWNER_ID"], progress=False)
    assert portal.stats.requests - before <= 1  # the description of activities


def test_a_list_that_its_page_describes__may_have_more_columns_and_a_misspelt_one_is_refused(portal, tools):
    with pytest.raises(SchemaError, match=r"no such field in labels: CALL_TIPE \(did you mean CALL_TYPE"):
        tools.fetch_all("voximplant.statistic.get", labels=["CALL_TIPE"], progress=False)
    with pytest.raises(SchemaError, match="labels names XYZZY, which is not among the columns"):
        tools.fetch_all("voximplant.statistic.get", labels=["XYZZY"], progress=False)


@pytest.mark.parametrize("labels", [[], [""], [5], "STAGE_ID", {"STAGE_ID"}])
def test_labels__that_are_no_list_of_names_are_refused(labels):
    with pytest.raises(ConfigError, match="labels is"):
        check_labels(labels)


def test_labels__names_are_found_in_the_other_spelling_too(tools):
    table, _ = fetched(tools, "crm.deal.list", ["STAGE_ID"], ["stageId"], limit=50)
    assert table.column_names == ["STAGE_ID", "STAGE_ID_LABEL"]


def test_titles_option__names_the_labels_of_bound_columns_as_well(tools):
    table, _ = fetched(tools, "crm.deal.list", ["ID", "COMPANY_ID"], ["COMPANY_ID"], titles=True, limit=50)
    assert table.column_names == ["ID", "Company", "Company, label"]


def test_a_file__has_the_titles_too(tools, tmp_path):
    report = tools.fetch_all(
        "crm.deal.list", ["ID", "COMPANY_ID"], labels=["COMPANY_ID"], to=tmp_path / "d.parquet", progress=False
    )
    assert report.rows == DEALS
    table, _ = fetched(tools, "crm.deal.list", ["ID", "COMPANY_ID"], ["COMPANY_ID"])
    assert pq.read_table(tmp_path / "d.parquet").to_pydict() == table.to_pydict()


ITEMS = {"items": [{"id": 5, "title": "Acme"}, {"id": 6, "title": ""}]}
SCHEMA = build_schema({"C": Field("C", "C", type="crm_company")}, ["C"], id_code=None)


def output_of(titles):
    labels = Labels(
        "add", lambda _: None, titles=titles, binding_of=lambda column: binding_of(column, "crm.deal.list", {})
    )
    return OutputColumns(Decoder(SCHEMA), labels)


def batch(*codes):
    return pa.RecordBatch.from_pydict({"C": list(codes)}, schema=SCHEMA.arrow)


def shown(titles, *batches):
    held, out = TitleQueue(titles), []
    for at, one in enumerate(batches):
        out += held.take(output_of(titles), one, at)
    return [*out, *held.rest(output_of(titles))]


def test_a_title_that_the_user_may_not_see__leaves_the_code_and_is_named_in_the_report():
    titles = RecordTitles(FakeSession({"crm.item.list": ITEMS}), CallContext())
    presented = output_of(titles)
    [(out, _)] = [*TitleQueue(titles).take(presented, batch(0, None), 0)]
    assert out.column("C_LABEL").to_pylist() == [None, None]
    held = TitleQueue(titles)
    assert [*held.take(presented, batch(5, 6, 7, 0, None), 0)] == []
    [(out, _)] = held.rest(presented)
    assert out.column("C_LABEL").to_pylist() == ["Acme", "6", "7", None, None]
    assert presented.notes() == ["codes without a label stay codes: C: 6, 7"]


@pytest.mark.parametrize(
    "error",
    [
        AccessDeniedError("crm.item.list", "no right", code="ACCESS_DENIED", status=403),
        MethodNotFoundError("crm.item.list", "no right", code="ERROR_METHOD_NOT_FOUND", status=404),
    ],
)
def test_a_refusal__is_one_note_and_is_not_asked_for_again(error):
    session = FakeSession({"crm.item.list": error})
    titles = RecordTitles(session, CallContext())
    presented = output_of(titles)
    held = TitleQueue(titles)
    first = [*held.take(presented, batch(5, 6), 0), *held.rest(presented)]
    again = [*held.take(presented, batch(7), 1)]
    assert [out.column("C_LABEL").to_pylist() for out, _ in first + again] == [["5", "6"], ["7"]]
    assert session.requests == ["batch"]
    assert presented.notes() == ["no labels for crm 4 ids: no right (crm.item.list)"]


class CompanySession(FakeSession):
    """Has a title for every company but those whose id ends in 9."""

    def __init__(self):
        super().__init__({})
        self.ids = []

    def call(self, method, params=None, **options):
        self.answers["crm.item.list"] = None
        return super().call(method, params, **options)

    def _answer(self, method, params):
        ids = [
            int(part.partition("=")[2])
            for part in params.replace("%5B", "[").split("&")
            if "@id" in part or "%40id" in part
        ]
        assert 0 < len(ids) <= 50
        self.ids += ids
        return {"items": [{"id": one, "title": f"Company {one}"} for one in ids if one % 10 != 9]}


@pytest.mark.parametrize("seed", range(12))
def test_batches_cut_anywhere__have_the_same_labels_in_order_and_each_id_is_asked_once(seed):
    chance = random.Random(seed)
    most = chance.choice([3, 400, 9000])
    codes = [
        chance.choice([None, 0, *[chance.randint(1, most)] * 6]) for _ in range(chance.choice([0, 1, 700, 14_000]))
    ]
    cuts = sorted(chance.sample(range(len(codes) + 1), min(len(codes), chance.randint(0, 40))))
    parts = [codes[start:end] for start, end in zip([0, *cuts], [*cuts, len(codes)], strict=True)]
    session = CompanySession()
    titles = RecordTitles(session, CallContext())
    out = shown(titles, *(batch(*part) for part in parts))
    assert [at for _, at in out] == list(range(len(parts)))
    told = [label for one, _ in out for label in one.column("C_LABEL").to_pylist()]
    assert told == [None if not code else str(code) if code % 10 == 9 else f"Company {code}" for code in codes]
    distinct = {code for code in codes if code}
    assert sorted(session.ids) == sorted(distinct)
    assert len(session.requests) <= math.ceil(len(distinct) / 2500) + len(codes) // MOST_ROWS


def test_rows__wait_no_longer_than_for_ten_thousand_more():
    session = CompanySession()
    titles = RecordTitles(session, CallContext())
    presented, held = output_of(titles), TitleQueue(titles)
    came = [len([*held.take(presented, batch(*[start + 1] * 1000), start)]) for start in range(11)]
    assert came == [0] * 9 + [10, 0]


STAGES = {"5": {"ID": "5", "TITLE": "To do"}, "6": {"ID": "6", "TITLE": "Done"}}
TASKS = build_schema(
    {
        "STAGE_ID": Field("STAGE_ID", "stageId", type="integer"),
        "GROUP_ID": Field("GROUP_ID", "groupId", type="integer"),
    },
    ["STAGE_ID", "GROUP_ID"],
    id_code=None,
)


def labelled_tasks(session, columns):
    titles = RecordTitles(session, CallContext())
    labels = Labels(
        "add", lambda _: None, titles=titles, binding_of=lambda column: binding_of(column, "tasks.task.list", {})
    )
    presented, held = OutputColumns(Decoder(TASKS), labels), TitleQueue(titles)
    one = pa.RecordBatch.from_pydict(columns, schema=TASKS.arrow)
    [(out, _)] = [*held.take(presented, one, 0), *held.rest(presented)]
    return out.column("STAGE_ID_LABEL").to_pylist(), presented.notes()


def test_task_stages__are_asked_for_once_a_group():
    session = FakeSession({"task.stages.get": STAGES})
    told, notes = labelled_tasks(session, {"STAGE_ID": [5, 6, 5, 0, 9], "GROUP_ID": [3, 3, 3, 3, 4]})
    assert told == ["To do", "Done", "To do", None, "9"]
    assert [params.partition("?")[2] for _, params in session.asked] == ["entityId=3", "entityId=4"]
    assert notes == ["codes without a label stay codes: STAGE_ID: 9"]


def test_task_stages__of_a_group_that_is_refused_stay_codes_and_are_named():
    session = FakeSession(
        {"task.stages.get": AccessDeniedError("task.stages.get", "no", code="ACCESS_DENIED", status=403)}
    )
    told, notes = labelled_tasks(session, {"STAGE_ID": [5], "GROUP_ID": [3]})
    assert (told, notes) == (["5"], ["codes without a label stay codes: STAGE_ID: 5"])


def test_flows__are_asked_for_one_by_one_and_a_single_answer_is_a_record():
    session = FakeSession({"tasks.flow.Flow.get": {"id": 517, "name": "Support"}})
    titles = RecordTitles(session, CallContext())
    titles.want([Ref("task_flow", "", "517")])
    titles.ask(everything=True)
    assert titles.found == {Ref("task_flow", "", "517"): "Support"}
    assert session.requests == ["batch"]


@pytest.mark.parametrize(
    ("described", "bound"),
    [
        ({"FIELD_ID": "PROPERTY_7", "TYPE": "E", "LINK_IBLOCK_ID": "15"}, Binding("element", "lists/15")),
        ({"FIELD_ID": "PROPERTY_7", "TYPE": "E:EList", "LINK_IBLOCK_ID": 15}, Binding("element", "lists/15")),
        ({"FIELD_ID": "PROPERTY_7", "TYPE": "E", "LINK_IBLOCK_ID": None}, None),
        ({"FIELD_ID": "PROPERTY_7", "TYPE": "E", "LINK_IBLOCK_ID": "0"}, None),
        ({"FIELD_ID": "PROPERTY_7", "TYPE": "N", "LINK_IBLOCK_ID": "15"}, None),
    ],
)
def test_bound_of__knows_the_list_whose_elements_a_property_holds(described, bound):
    fields = read_fields({"PROPERTY_7": described})
    column = one_column(fields["PROPERTY_7"])
    assert binding_of(column, "lists.element.get", {"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 1}) == bound


def test_bound_of__knows_the_list_of_a_user_field():
    settings = {"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 15}
    fields = read_fields({"UF_CRM_1": {"type": "iblock_element", "settings": settings}})
    assert binding_of(one_column(fields["UF_CRM_1"]), "crm.deal.list", {}) == Binding("element", "lists/15")


def test_elements__are_asked_for_by_id_in_the_linked_list():
    session = FakeSession({"lists.element.get": [{"ID": "4", "NAME": "Berlin"}]})
    titles = RecordTitles(session, CallContext())
    titles.want([Binding("element", "lists/15").ref("4")])
    titles.ask(everything=True)
    assert titles.found == {Ref("element", "lists/15", "4"): "Berlin"}
    [(_, asked)] = session.asked
    assert "IBLOCK_TYPE_ID=lists&IBLOCK_ID=15&ELEMENT_ID=4" in asked


def test_a_command_that_its_batch_never_reached__is_asked_again_and_says_nothing_of_the_others():
    class Halted(FakeSession):
        def call(self, method, params=None, **more):
            response = super().call(method, params, **more)
            if method == "batch":
                del response.result.result["t0"]
            return response

    session = Halted({"crm.item.list": ITEMS})
    titles = RecordTitles(session, CallContext())
    titles.want([Ref("crm", "4", "5")])
    titles.ask(everything=True)
    assert (titles.found, titles.notes) == ({Ref("crm", "4", "5"): "Acme"}, [])
    assert session.requests == ["batch", "crm.item.list"]


def test_a_category_column__has_titles_too(tools):
    plain, _ = fetched(tools, "crm.deal.list", ["COMPANY_ID"], ["COMPANY_ID"], limit=50)
    table, _ = fetched(
        tools, "crm.deal.list", ["COMPANY_ID"], ["COMPANY_ID"], dtypes={"COMPANY_ID": "category"}, limit=50
    )
    assert table["COMPANY_ID_LABEL"].to_pylist() == plain["COMPANY_ID_LABEL"].to_pylist()


@pytest.mark.parametrize(
    ("typed", "labels"),
    [("STAGE_ID,COMPANY_ID", ["STAGE_ID", "COMPANY_ID"]), ("stageId", ["stageId"]), ("add", "add")],
)
def test_the_option__takes_names(typed, labels):
    assert request_of(f"fetch crm.deal.list --labels {typed}").options == {"labels": labels}
