"""LIMIT over portals that ignore or misread conditions: the answer is SQL's all the same."""

from __future__ import annotations

import pytest
import sqlglot

from b24data import ConfigError, Sandbox
from b24data.sql import run
from b24data.sql.conditions import SqlColumn
from b24data.sql.limit import FirstRows, first_rows
from tests.crm.test_sync_crm import FAST

FREE = {"rate_limit": None, "operating_limit_s": None, "cost": 0.0}


@pytest.fixture(scope="module")
def b24():
    with Sandbox(deals=40, tasks=200, users=60, **FREE) as portal, portal.connect(restriction_params=FAST) as b24:
        yield b24


def report_of(frame):
    return next(iter(frame.attrs["b24data"]["tables"].values()))


@pytest.mark.parametrize(
    ("query", "limit"),
    [
        ("select id from tasks where time_estimate > 20000", "limit 3"),
        ("select id from tasks where changed_by = 14", "limit 3"),
        ("select id from tasks where closed_by = 1", "order by id desc limit 3"),
        ("select id from tasks where closed_by = 1", "order by id limit 2 offset 3"),
        ("select id from tasks where closed_by = 1", "limit 500"),
        ('select id from "sonet_group.get" where number_of_members = 12', "limit 3"),
    ],
)
def test_a_limit__counts_the_rows_that_meet_a_condition_which_the_portal_ignores(b24, query, limit):
    whole = b24.sql(query)["id"].to_list()
    whole = sorted(whole, reverse="desc" in limit)
    skipped = 3 if "offset" in limit else 0
    found = b24.sql(f"{query} {limit}")
    wanted = whole[skipped:][: int(limit.split("limit ")[1].split()[0])]
    assert found["id"].to_list() == wanted
    assert wanted


@pytest.mark.parametrize("order", ["order by id", "order by id desc"])
@pytest.mark.parametrize("ignores", ["conditions", "order"])
@pytest.mark.parametrize("table", ["deals", "tasks", "users", "departments"])
def test_a_limit__holds_on_a_portal_that_ignores_conditions_or_the_order(table, ignores, order):
    where = {"deals": "category_id = 2", "tasks": "closed_by = 1"}.get(table, "id > 2")
    with Sandbox(deals=100, tasks=300, users=20, ignores=[ignores], **FREE) as portal:
        b24 = portal.connect(restriction_params=FAST)
        whole = sorted(b24.sql(f"select id from {table} where {where}")["id"], reverse="desc" in order)
        found = b24.sql(f"select id from {table} where {where} {order} limit 4")
    assert found["id"].to_list() == whole[:4]
    assert len(whole) > 4


def test_a_limit__reads_its_rows_once_where_all_of_them_meet_the_conditions(b24):
    report = report_of(b24.sql("select id from deals where category_id = 2 limit 2"))
    assert (report["rows"], report["requests"]) == (2, 1)
    assert report["sent"] == ["=categoryId 2", "the first 2 rows"]


def test_a_limit__reads_twenty_times_more_rows_while_too_few_meet_the_conditions(monkeypatch):
    monkeypatch.setattr(run, "_A_REQUEST", 10)
    with Sandbox(deals=300, ignores=["conditions"], **FREE) as portal:
        b24 = portal.connect(restriction_params=FAST)
        companies = b24.sql("select id, company_id from deals where company_id is not null order by id")
        first = companies.drop_duplicates("company_id")
        company = first[first.index > 25].iloc[0]
        asked, fetch = [], b24.tools.fetch_table
        monkeypatch.setattr(
            b24.tools.__class__,
            "fetch_table",
            lambda _, *args, **more: asked.append(more.get("limit")) or fetch(*args, **more),
        )
        found = b24.sql(f"select id from deals where company_id = {company.company_id} limit 1")
    assert found["id"].to_list() == [company.id]
    assert asked == [1, 20, 400]
    assert report_of(found)["sent"][-1] == "the first 400 rows"


@pytest.mark.parametrize(
    ("query", "left"),
    [
        # tasks-task-list.md: STATUS of the filter is the status in the list, where a task may be overdue.
        ("select id, status from tasks where status = 3", ["=STATUS 3"]),
        ("select id from deals where uf_crm_1700000014 = '2500.5'", ["uf_crm_1700000014 = '2500.5'"]),
        ("select id from deals where uf_crm_1700000014 > 100", ["uf_crm_1700000014 > 100"]),
        ("select id from deals where uf_crm_1700000014 in ('2500.5', '18500')", None),
        # crm-status-list.md does not name a comparison.
        ("select id from statuses where sort > 10", [">SORT 10"]),
        # The portal refuses a condition on the field of the cursor.
        ("select id from main.eventlog.tail where id in (3, 4)", ["@id [3, 4]"]),
        # crm-requisite-list.md does not say how a flag among user fields is written.
        ("select id from crm.requisite.list where uf_crm_1707997236", None),
    ],
)
@pytest.mark.parametrize("limit", ["", " order by id limit 2"])
def test_a_condition_that_the_portal_may_misread__stays_in_the_engine(b24, query, left, limit):
    table = query.split(" from ")[1].split()[0]
    whole = b24.sql(f"select * from {table}")
    found = b24.sql(query + limit)
    assert sorted(found["id"]) == sorted(b24.sql(query + limit, tables={table: whole})["id"])
    assert len(found)
    assert not report_of(found)["sent"]
    assert left is None or report_of(found)["left"] == left


@pytest.mark.parametrize(
    "query",
    [
        "select id from deals where id in $low and id in $high limit 5",
        "select id, category_id from deals where category_id in (1, 2) and category_id in (2, 3) limit 5",
        "select id from deals where category_id = 1 and category_id = 2 limit 5",
        "select k from deals as d(c0, k) where k > 30 limit 3",
        "select * from deals pivot (count(*) for stage_id in ('NEW', 'WON', 'LOSE') group by category_id) limit 5",
        "select id from deals tablesample 100% limit 5",
        "select id from deals tablesample reservoir(4 rows) limit 5",
    ],
)
def test_a_limit__goes_to_the_portal_only_where_nothing_else_decides_which_rows_come(b24, query):
    whole = b24.sql("select * from deals order by id")
    ids = whole["id"].to_list()
    params = {"low": ids[:8], "high": ids[5:10]} if "$low" in query else None
    wanted, found = b24.sql(query, params, tables={"deals": whole}), b24.sql(query, params)
    assert len(found) == len(wanted)
    if "pivot" in query or "$low" in query:
        assert sorted(found.to_numpy().tolist()) == sorted(wanted.to_numpy().tolist())
    limited = "$low" in query or " in (2, 3)" in query
    assert any(one.startswith("the first") for one in report_of(found)["sent"]) == limited


@pytest.mark.parametrize(
    ("where", "sent", "left"),
    [
        ("id in (1, 2, 3) and id in (2, 3, 4)", ["@id [2, 3]"], []),
        ("id in (1, 2) and id in (3, 4)", ["@id [1, 2]"], ["@id [3, 4]"]),  # an empty list may mean no condition
        ("id = 5 and id = 6", ["=id 5"], ["=id 6"]),
        ("id = 5 and id = 5", ["=id 5"], []),
        ("id > 5 and id > 7 and id < 20 and id < 9", [">id 7", "<id 9"], []),
        ("opportunity >= 5 and opportunity >= 7.5", [">=opportunity 7.5"], []),
        ("stage_id in ('NEW', 'WON') and stage_id in ('WON', 'LOSE')", ["@stageId ['WON']"], []),
    ],
)
def test_two_conditions_of_one_key__go_as_one_or_one_stays_in_the_engine(b24, where, sent, left):
    report = report_of(b24.sql(f"select id from deals where {where}"))
    assert report["sent"] == sent
    assert [one for one in report["left"] if one[0] in "@=<>"] == left


def test_an_equality__goes_under_the_plain_name_where_the_page_has_no_comparisons(b24):
    query = "select id from statuses where sort = 10 limit 2"
    found = b24.sql(query)
    assert report_of(found)["sent"][0] == "SORT 10"
    assert len(found) == 2


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        (
            "select * from \"crm.item.productrow.list\" where owner_type = 'D' and owner_id = 2",
            ["=ownerType D", "=ownerId 2"],
        ),
        (
            "select * from \"crm.item.productrow.list\" where owner_type = 'D' and owner_id in (1, 2) and price > 5",
            ["=ownerType D", "@ownerId [1, 2]", ">price 5"],
        ),
        (
            "select id from crm.productrow.list where owner_type = 'D' and owner_id = 2",
            ["OWNER_TYPE D", "OWNER_ID 2"],
        ),
        (
            "select id from crm.timeline.comment.list where entity_type = 'deal' and entity_id = 2",
            ["ENTITY_TYPE deal", "ENTITY_ID 2"],
        ),
    ],
)
def test_conditions_that_a_method_takes_only_together__go_together(b24, query, sent):
    plan = b24.sql(query, explain=True).tables[0]
    assert list(plan.sent) == sent
    if "item" in query:
        assert len(b24.sql(query))


def test_a_method_that_lacks_one_of_its_conditions__says_which(b24):
    with pytest.raises(ConfigError, match=r"needs filter\.=ownerType"):
        b24.sql('select * from "crm.item.productrow.list" where owner_id = 2')


def test_a_condition_that_the_plan_refuses__stays_in_the_engine(b24, monkeypatch):
    plan_of = run.settled

    def refusing(plan, types):
        if any("categoryId" in key for key in plan.params.get("filter", {})):
            raise ConfigError("the filter '=categoryId' is refused")
        return plan_of(plan, types)

    monkeypatch.setattr(run, "settled", refusing)
    found = b24.sql("select id from deals where category_id = 2 and id > 5 limit 3")
    assert report_of(found)["sent"] == [">id 5"]
    assert report_of(found)["left"] == ["=categoryId 2"]
    assert len(found) == 3


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("select id from deals limit 7 offset 2", FirstRows(9, 7)),
        ("select id from deals order by id limit 7", FirstRows(7, 7, ordered=True)),
        ("select id from deals order by id desc limit 7 offset 1", FirstRows(8, 7, ordered=True, descending=True)),
        ("select id from deals order by title limit 7", None),
        ("select id from deals limit 0", None),
        ("select id from deals", None),
        ("select id from deals limit 7 offset n", None),
    ],
)
def test_first_rows__are_those_that_limit_and_offset_want(query, first):
    tree = sqlglot.parse_one(query, read="duckdb")
    columns = {"id": SqlColumn("id", "id", "int", is_id=True), "title": SqlColumn("title", "title", "text")}
    assert first_rows(tree, tree.find(sqlglot.exp.Table), columns) == first
