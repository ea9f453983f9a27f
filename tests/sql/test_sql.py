"""``b24.sql``: what is asked of the portal, what is refused, and what the answer says of itself."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from b24data import AjaxError, ConfigError, Sandbox, SchemaError
from b24data.sql import run
from b24data.sql.conditions import SqlColumn, conditions_of
from tests.crm.test_sync_crm import FAST


@pytest.fixture(scope="module")
def portal():
    sizes = {"deals": 400, "companies": 3_000, "contacts": 20, "leads": 20, "tasks": 20, "activities": 20}
    with Sandbox(**sizes, rate_limit=None, operating_limit_s=None, cost=0.0) as portal:
        yield portal


@pytest.fixture(scope="module")
def b24(portal):
    with portal.connect(restriction_params=FAST) as b24:
        yield b24


def plan_of(b24, query, table="deals", **more):
    return next(one for one in b24.sql(query, explain=True, **more).tables if one.table == table)


def test_a_condition__goes_to_the_portal_and_only_its_rows_come(b24):
    found = b24.sql("select title from deals where id <= 10 and stage_id = 'WON'")
    table = found.attrs["b24data"]["tables"]["deals"]
    assert table["sent"] == ["<=id 10", "=stageId WON"]
    assert table["rows"] == len(found)
    assert table["requests"] == 1


@pytest.mark.parametrize(
    ("where", "sent"),
    [
        ("company_id != 5", []),
        ("title like 'a%'", []),
        ("lower(stage_id) = 'won'", []),
        ("id = 5 or company_id = 5", []),
        ("opportunity < 100", []),  # an empty amount is shown as 0
        ("opportunity between 50 and 100", [">=opportunity 50", "<=opportunity 100"]),
        ("opportunity > 99.996", [">=opportunity 99.99"]),
        ("opportunity between 1.001 and 5.001", [">=opportunity 1.00", "<=opportunity 5.01"]),
        ("opportunity = 99.996", []),
        ("opportunity = 99.99", ["=opportunity 99.99"]),
        ("stage_id = 'a,b'", []),
        ("not closed", []),
        ("closed", ["=closed True"]),
        ("created_time >= '2026-01-02'", [">=createdTime 2026-01-01T00:00:00+00:00"]),
        (
            "created_time = '2026-01-02'",
            [">=createdTime 2026-01-01T00:00:00+00:00", "<=createdTime 2026-01-03T00:00:00+00:00"],
        ),
        ("closedate < '2026-01-02'", ["<=closedate 2026-01-03"]),
        ("stage_id = 'NEW' or stage_id = 'WON'", ["@stageId ['NEW', 'WON']"]),
        ("id = (select max(id) from deals)", []),
    ],
)
def test_a_condition__goes_down_only_where_it_loses_no_row(b24, where, sent):
    assert plan_of(b24, f"select id from deals where {where}").sent == sent


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("select 1 from companies c left join deals d on d.company_id = c.id and c.id < 5", []),
        ("select 1 from companies c left join deals d on d.company_id = c.id and d.id < 5", ["<id 5"]),
        ("select 1 from deals d right join companies c on d.company_id = c.id and d.id < 5", []),
        ("select 1 from deals d asof join companies c on d.id >= c.id where d.id < 5", []),
        ("select 1 from deals a, deals b where a.id < 5", []),
        ("select 1 from deals a, deals b where a.id < 5 and b.id < 5", ["<id 5"]),
        ("with deals as (select 1 as id) select deals.id from deals, crm.deal.list l where l.id < 5", None),
        ("select id from deals limit 7 offset 2", ["the first 9 rows"]),
        ("select id from deals where title like 'a%' limit 7", []),
        ("select max(id) from deals limit 7", []),
        ("select unnest([1, 2]) from deals limit 7", []),
        ("select distinct stage_id from deals limit 7", []),
    ],
)
def test_a_place__decides_what_goes_down(b24, query, sent):
    found = {one.table: list(one.sent) for one in b24.sql(query, explain=True).tables}
    assert found.get("deals") == sent


def test_columns__are_those_that_the_query_names(b24):
    assert plan_of(b24, "select count(*) from deals").columns == ["id"]
    assert set(plan_of(b24, "select title from deals d where d.opportunity > 1").columns) == {"title", "opportunity"}
    assert plan_of(b24, "select * from deals").columns is None


def test_a_small_side_of_a_join__gives_the_ids_that_are_asked_for(b24):
    found = b24.sql("select c.title from deals d join companies c on c.id = d.company_id where d.id < 20")
    companies = found.attrs["b24data"]["tables"]["companies"]
    assert companies["sent"] == ["ids in deals.company_id"]
    assert companies["rows"] <= 20
    whole = b24.sql("select id from companies", all=True)
    assert len(whole) > 2_500


@pytest.mark.parametrize(
    "places",
    [
        "contacts c join leads l on l.contact_id = c.id join deals d on d.lead_id = l.id",
        "leads l join contacts c on l.contact_id = c.id join deals d on d.lead_id = l.id",
        "deals d join leads l on d.lead_id = l.id join contacts c on l.contact_id = c.id",
    ],
)
def test_tables_that_are_read_by_ids__are_read_behind_those_that_have_the_ids(monkeypatch, places):
    monkeypatch.setattr(run, "_A_REQUEST", 100)
    query = f"select c.id as contact, l.id as lead, d.id as deal from {places} order by all"
    sizes = {"deals": 5, "contacts": 2_300, "leads": 110, "companies": 10}
    with Sandbox(**sizes, rate_limit=None, operating_limit_s=None, cost=0.0) as portal:
        b24 = portal.connect(restriction_params=FAST)
        whole = {name: b24.sql(f"select * from {name}") for name in ("contacts", "leads", "deals")}
        wanted, found = b24.sql(query, tables=whole), b24.sql(query)
    assert found.to_numpy().tolist() == wanted.to_numpy().tolist()
    assert len(found)
    read = found.attrs["b24data"]["tables"]
    assert read["contacts"]["sent"] == ["ids in leads.contact_id"]
    assert read["leads"]["sent"] == ["ids in deals.lead_id"]
    assert read["contacts"]["rows"] <= read["leads"]["rows"] <= 5


def test_tables_that_have_the_ids_of_each_other__are_not_both_read_by_ids(b24, monkeypatch):
    monkeypatch.setattr(run, "_A_REQUEST", 1)
    monkeypatch.setattr(run, "_FEWER", 0)
    query = "select d.id from deals d join leads l on d.lead_id = l.id and l.assigned_by_id = d.id order by all"
    whole = {name: b24.sql(f"select * from {name}") for name in ("leads", "deals")}
    found = b24.sql(query)
    assert found["id"].to_list() == b24.sql(query, tables=whole)["id"].to_list()
    read = found.attrs["b24data"]["tables"].values()
    assert sum("ids in" in str(one["sent"]) for one in read) == 1


def test_a_long_list_without_a_condition__is_refused_before_a_row_is_read(b24, portal, monkeypatch):
    monkeypatch.setattr(run, "_MOST_ROWS", 300)
    monkeypatch.setattr(run, "_A_REQUEST", 50)
    with pytest.raises(ConfigError, match="reads all of deals: about 4") as caught:
        b24.sql("select count(*) from deals where title like 'a%'")
    assert "WHERE created_time >=" in caught.value.hint
    assert len(b24.sql("select id from deals", all=True)) == 400
    assert len(b24.sql("select id from deals limit 3")) == 3


@pytest.mark.parametrize(
    ("query", "kind", "text"),
    [
        ("select tittle from deals", SchemaError, "did you mean title"),
        ("select d.companyid from deals d", SchemaError, "did you mean company_id"),
        ("select 1 from dealz", ConfigError, "did you mean deals"),
        ("select 1 from crm.deals.list", ConfigError, "did you mean crm.deal.list"),
        ("select 1 from crm.item.list", ConfigError, "needs entityTypeId"),
        ("select nofun(id) from deals", ConfigError, "there is no function nofun"),
        ("select id frm deals", ConfigError, "can't be read"),
        ("select id from deals where id = $n", ConfigError, r"\$n has no value"),
        ("select * from smart_9999", AjaxError, "check the number of the smart process"),
        ("select id from deals where id = ?", ConfigError, "has no name"),
        ("select sum(title) from deals", ConfigError, "the query failed"),
        ("", ConfigError, "empty"),
    ],
)
def test_an_error__names_what_is_wrong_before_a_row_is_read(b24, query, kind, text):
    with pytest.raises(kind, match=text) as caught:
        b24.sql(query)
    assert caught.value.__cause__ is None


def test_a_parameter__is_bound_and_never_pasted(b24):
    query = "select id, title from deals where title = :title or id = $n"
    found = b24.sql(query, {"title": "' or 1 = 1 --", "n": 1, "unused": 5})
    assert found["id"].to_list() == [1]
    plan = plan_of(b24, "select id from deals where id in ($a, $b)", params={"a": 3, "b": 2})
    assert plan.sent == ["@id [2, 3]"]


@pytest.mark.parametrize(
    ("where", "sent"),
    [
        ("id in $ids", ["@id [3, 5]"]),
        ("id = any($ids)", ["@id [3, 5]"]),
        ("id in $none", []),
        ("not (id in $ids)", []),
        ("id != any($ids)", []),
        ("id < any($ids)", []),
        ("id = all($ids)", []),
        ("stage_id in $words", ["@stageId ['NEW', 'WON']"]),
    ],
)
def test_a_list__is_one_parameter(b24, where, sent):
    params = {"ids": pd.Series([5, 3, None, 5]).astype("Int64"), "none": [], "words": ("WON", "NEW")}
    query = f"select id from deals where {where}"
    assert plan_of(b24, query, params=params).sent == sent
    whole = b24.sql("select * from deals")
    assert sorted(b24.sql(query, params)["id"]) == sorted(b24.sql(query, params, tables={"deals": whole})["id"])


def test_a_text_for_a_time__is_read_as_one_and_a_text_for_a_number_is_refused(b24):
    moment = pd.Timestamp("2026-01-01")
    for value in ("2026-01-01", dt.date(2026, 1, 1), moment, moment.to_datetime64(), moment.tz_localize("UTC")):
        plan = plan_of(b24, "select id from deals where created_time >= $day", params={"day": value})
        assert plan.sent == [">=createdTime 2025-12-31T00:00:00+00:00"]
    assert len(b24.sql("select id from deals where created_time >= $day", {"day": "2020-01-01"}))
    with pytest.raises(ConfigError, match="convert the value, such as"):
        b24.sql("select id from deals where id < '30'::varchar")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("select d.title, c.title from deals d join companies c on c.id = d.company_id", ["title", "title_1"]),
        ("select id, id as ID, id from deals", ["id", "ID_1", "id_2"]),
        ("select id, id, id as id_1 from deals", ["id", "id_1", "id_1_1"]),
        ("select * from deals join companies using (id) limit 3", None),
    ],
)
def test_columns_of_one_name__are_all_there(b24, query, names):
    found = b24.sql(query, all=True)
    assert found.columns.is_unique
    if names is None:
        assert {"title", "title_1", "company_id"} <= set(found.columns)
    else:
        assert list(found.columns) == names
    if "title_1" in found and names:
        companies = b24.tools.fetch_all("crm.company.list", ["ID", "TITLE"], progress=False)
        assert set(found["title_1"]) <= set(companies["TITLE"])


def test_tables_that_are_no_mapping__are_refused(b24):
    with pytest.raises(ConfigError, match="tables is a list"):
        b24.sql("select 1 from t", tables=[pd.DataFrame()])


def test_a_frame_of_the_caller__is_a_table(b24):
    plan = pd.DataFrame({"stage": ["WON", "LOSE"], "goal": [5, 1]})
    found = b24.sql(
        "select p.goal, count(*) as n from deals d join plan p on p.stage = d.stage_id group by all",
        tables={"plan": plan},
    )
    assert set(found["goal"]) <= {1, 5}


def test_names_of_methods__are_tables(b24):
    assert len(b24.sql("select list.title from crm.deal.list where id = 1")) == 1
    assert len(b24.sql("describe crm.deal.list")) > 50


def test_a_folder_of_the_crm__answers_without_a_portal(portal, tmp_path):
    with portal.connect(restriction_params=FAST) as b24:
        b24.tools.sync_crm(tmp_path / "crm", tables=["deals", "categories"])
    offline = portal.connect(restriction_params=FAST)
    offline.tools.described = None
    found = offline.sql("select count(*) as n from deals where id <= $n", {"n": 10}, crm=tmp_path / "crm")
    assert found["n"][0] > 0
    assert "deals" in set(offline.sql("show tables", crm=tmp_path / "crm")["name"])
    with pytest.raises(ConfigError, match="there is no table dealz"):
        offline.sql("select 1 from dealz", crm=tmp_path / "crm")


@pytest.mark.parametrize("hours", [-8, 0, 3, 12, 14])
@pytest.mark.parametrize("sign", ["=", "<", "<=", ">", ">="])
def test_a_point_in_time__is_found_whatever_zone_the_portal_reads_it_in(hours, sign):
    """A portal that ignores the offset of a condition reads it as a time of its own zone."""
    tests = {"=": "__eq__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}
    zone = dt.timezone(dt.timedelta(hours=hours))
    midnight = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    column = SqlColumn("created_time", "createdTime", "instant")
    sent = conditions_of(column, sign, [midnight])
    for minutes in (*range(-3000, 3000, 37), -1, 0, 1):
        row = midnight + dt.timedelta(minutes=minutes)
        if getattr(row, tests[sign])(midnight):
            for one in sent:
                read = dt.datetime.fromisoformat(one.value).replace(tzinfo=zone)
                assert getattr(row, tests[one.sign])(read), (row, one)


def test_durations__are_durations_and_months_are_refused(b24):
    found = b24.sql("select max(updated_time - created_time) as d, null::interval as none from deals where id > 0")
    assert found["d"].dtype.kind == "m"
    assert found["none"].isna().all()
    with pytest.raises(ConfigError, match="d has months"):
        b24.sql("select interval 2 months as d")


def test_a_value_that_pandas_does_not_have__is_an_error_that_says_what_to_do(b24):
    with pytest.raises(ConfigError, match="cast it"):
        b24.sql("select date 'infinity' as x")


@pytest.mark.parametrize("name", ["План", "Été", "план"])
@pytest.mark.parametrize(
    "query", ["select k from {}", 'select k from "{}"', "select {0}.k from {0}", "select t.k from {} t"]
)
def test_a_frame__has_a_name_of_any_letters(b24, name, query):
    assert b24.sql(query.format(name), tables={name: pd.DataFrame({"k": [1, 2]})})["k"].tolist() == [1, 2]


@pytest.mark.parametrize(
    "rows",
    [pd.Series([1], name="k"), pd.Index([1]), pd.DataFrame(), {}, pa.table({"k": pa.array([1.0], pa.float16())})],
)
def test_what_is_no_table__is_refused_in_words(b24, rows):
    with pytest.raises(ConfigError):
        b24.sql("select * from p", tables={"p": rows})


def test_two_frames_of_one_name__are_refused(b24):
    frame = pd.DataFrame({"k": [1]})
    with pytest.raises(ConfigError, match="capitals alone"):
        b24.sql("select * from p", tables={"P": frame, "p": frame})


@pytest.mark.parametrize(("value", "found"), [({1, 2}, 2), ({1, None}, 1), (range(3), 2), (frozenset({2}), 1)])
def test_a_set__is_a_list_of_values(b24, value, found):
    rows = {"p": pd.DataFrame({"k": [1, 2]})}
    assert len(b24.sql("select k from p where k in $x", {"x": value}, tables=rows)) == found


def test_a_duration_of_numpy__is_no_number(b24):
    found = b24.sql("select $d > interval 59 minutes as more", {"d": np.timedelta64(3_600 * 10**9, "ns")})
    assert found["more"].tolist() == [True]


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ('select {"a":k} as x from p', {}),
        ('select "Total":count(*) from p', {}),
        ("select {k:k} as x from p", {}),
        ("select k from p where 1 = any([:a, :b])", {"a": 1, "b": 5}),
        ("select k from p where k = :a", {"a": 1}),
        ("select k::varchar as x, [1, 2][1:2] as y from p", {}),
    ],
)
def test_a_colon__is_a_parameter_only_where_it_is_one(b24, query, params):
    assert len(b24.sql(query, params, tables={"p": pd.DataFrame({"k": [1]})})) == 1


def test_a_frame_with_the_name_of_a_table__does_not_get_into_the_views(portal, tmp_path):
    with portal.connect(restriction_params=FAST) as b24:
        b24.tools.sync_crm(tmp_path / "crm", tables=["deals", "categories"])
        own = {"deals": pd.DataFrame({"id": [1, 2, 3]})}
        assert len(b24.sql("select id from deals", tables=own, crm=tmp_path / "crm")) == 3
        with pytest.raises(ConfigError, match="give your frame another name"):
            b24.sql("select count(*) from deal_facts", tables=own, crm=tmp_path / "crm")
