"""The table of facts: all 355 documented list methods, each with what its walk needs."""

from __future__ import annotations

import json
import re
import runpy
from collections import Counter
from pathlib import Path

import pytest

from b24data.errors import ConfigError
from b24data.lists.methods import known_methods, nearest_methods, spec_of
from b24data.lists.plan import make_plan

ROOT = Path(__file__).parents[2]
SPECS = {name: spec_of(name) for name in known_methods()}
DOCUMENTED = json.loads((Path(__file__).with_name("documented_requests.json")).read_text("utf-8"))

NEEDS = {
    "keyset": ("id", "filter", "order", "start"),
    "offset": ("start",),
    "offset_limit": ("start", "size"),
    "page_nav": ("number",),
    "last_id": ("id", "cursor", "size"),
    "v3_keyset": ("id", "filter", "order", "start", "size"),
    "v3_tail": ("id", "cursor"),
    "whole": (),
    "refused": ("refusal",),
}


def given_for(spec):
    """A request that has all that a method needs."""
    asked = {"params": {}, "filter": {}, "select": []}
    for path in spec.required:
        head, _, inner = path.split("|")[0].partition(".")
        if head == "select":
            asked["select"].append(inner or "ID")
        elif head == "filter" and inner:
            outer, _, deeper = inner.partition(".")
            asked["filter"][outer] = {**asked["filter"].get(outer, {}), deeper: 1} if deeper else 1
        elif head == "filter":
            asked["filter"]["ID"] = 1
        else:
            asked["params"][head] = 1
    return {name: value for name, value in asked.items() if value}


def test_table__has_all_documented_methods_each_with_one_walk():
    assert len(SPECS) == 355
    assert Counter(spec.version for spec in SPECS.values()) == {"v2": 315, "v3": 40}
    assert {spec.walk for spec in SPECS.values()} == set(NEEDS)
    assert all(spec.documented for spec in SPECS.values())


@pytest.mark.parametrize("name", SPECS)
def test_table__an_entry_has_what_its_walk_needs(name):
    spec = SPECS[name]
    assert [need for need in NEEDS[spec.walk] if not getattr(spec, need)] == []
    assert spec.shape in ("list", "by_key", "groups", "one_or_list")
    assert spec.shape != "groups" or spec.key
    assert spec.shape != "by_key" or spec.key or spec.id
    assert spec.page_max is None or spec.page_max >= spec.page
    assert spec.walk != "keyset" or (spec.shape, spec.version) == ("list", "v2")
    assert spec.version == "v3" or not spec.walk.startswith("v3")


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.modified])
def test_table__a_method_that_can_be_synced_has_an_id_and_filters_by_its_cursor(name):
    spec = SPECS[name]
    plan = make_plan(
        spec, **{**given_for(spec), "filter": {**given_for(spec).get("filter", {}), ">=" + spec.modified: "2026-01-01"}}
    )
    assert spec.id
    assert [one.value for one in plan.conditions.members if one.sent == ">=" + spec.modified] == ["2026-01-01"]
    assert spec.walk in ("keyset", "offset", "v3_keyset")


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.walk != "refused"])
def test_make_plan__every_method_can_be_asked_for_its_first_page(name):
    spec = SPECS[name]
    params = make_plan(spec, **given_for(spec)).first_page()
    assert isinstance(params, list) == bool(spec.positional)


@pytest.mark.parametrize(
    ("name", "path"),
    [(name, path) for name, spec in SPECS.items() for path in spec.required if spec.walk != "refused"],
)
def test_make_plan__a_missing_required_parameter_is_named(name, path):
    spec = SPECS[name]
    asked = given_for(spec)
    for alternative in path.split("|"):
        head, _, inner = alternative.partition(".")
        holder = asked.get(head if head in ("filter", "select") else "params", {})
        if head == "select":
            holder.remove(inner or "ID")
        elif head == "filter" and "." in inner:
            del holder[inner.split(".")[0]][inner.split(".")[1]]
        else:
            holder.pop((inner or "ID") if head == "filter" else head, None)
    with pytest.raises(ConfigError, match=r"needs ") as caught:
        make_plan(spec, **{name: value for name, value in asked.items() if value})
    assert path.replace("|", " or ") in caught.value.description
    assert "pass " in caught.value.hint


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("crm.deal.list", {"start": 50}),
        ("im.search.department.list", {"FIND": "a", "limit": 5}),
        ("landing.site.getList", {"PARAMS": {"offset": 5}}),
        ("main.eventlog.list", {"pagination": {"limit": 5}}),
        ("main.eventlog.tail", {"cursor": {"value": 5}}),
        ("biconnector.source.list", {"page": 2}),
    ],
)
def test_make_plan__the_page_is_not_for_the_user_to_say(name, params):
    with pytest.raises(ConfigError, match="from its first row to its last"):
        make_plan(spec_of(name), params=params)


def test_make_plan__what_a_method_keeps_inside_params_is_found_there():
    plan = make_plan(
        spec_of("landing.site.getList"),
        select=["ID", "TITLE"],
        params={"params": {"filter": {"ACTIVE": "Y"}, "get_menu": 1}, "scope": "GROUP"},
    )
    assert plan.page_at(500) == {
        "scope": "GROUP",
        "params": {
            "select": ["ID", "TITLE"],
            "filter": {"ACTIVE": "Y"},
            "get_menu": 1,
            "order": {"ID": "ASC"},
            "offset": 500,
            "limit": 500,
        },
    }


def test_make_plan__a_sort_by_two_texts_names_one_field():
    spec = spec_of("department.get")
    assert make_plan(spec, order={"NAME": "DESC"}).page_at(0) == {"sort": "NAME", "order": "DESC", "START": 0}
    with pytest.raises(ConfigError, match="one field"):
        make_plan(spec, order={"NAME": "DESC", "SORT": "ASC"})


def test_spec_of__both_versions_of_a_method_can_be_named():
    assert spec_of("tasks.task.list").rows_at == "tasks"
    assert spec_of("V3:Tasks.Task.List").rows_at == "items"
    assert spec_of("v3:tasks.task.list").method == "tasks.task.list"
    assert spec_of("main.eventlog.list") is spec_of("v3:main.eventlog.list")
    unknown = spec_of("v3:partner.thing.list")
    assert (unknown.method, unknown.version, unknown.walk) == ("partner.thing.list", "v3", "offset_limit")
    assert spec_of("v3:crm.deal.list").version == "v3"


def test_nearest_methods__names_a_method_once():
    assert nearest_methods("tasks.task.lst").count("tasks.task.list") == 1


def test_docs__the_page_of_methods_is_made_from_the_table():
    made = runpy.run_path(str(ROOT / "docs" / "make_methods.py"))["page"]()
    assert (ROOT / "docs" / "methods.md").read_text("utf-8") == made, "run python docs/make_methods.py"


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("sign.b2e.company.provider.list", {"companyUuid": "a1"}),
        ("sign.b2e.company.provider.list", {"companyCrmId": 12}),
        ("humanresources.employee.search", {"name": "An"}),
        ("humanresources.node.search", {"type": "TEAM", "name": "An"}),
        ("imopenlines.session.history.get", {"CHAT_ID": 7}),
        ("vote.AttachedVote.getMany", {"moduleId": "im", "entityType": "x", "entityIds": [1]}),
    ],
)
def test_make_plan__takes_what_the_page_of_the_method_requires_and_no_less(name, params):
    assert make_plan(spec_of(name), params=params).first_page().items() >= params.items()
    for missing in params:
        with pytest.raises(ConfigError, match="needs "):
            make_plan(spec_of(name), params={key: value for key, value in params.items() if key != missing})


def test_make_plan__parameters_that_count_by_position_go_in_the_order_of_the_page():
    comments = make_plan(
        spec_of("task.commentitem.getlist"),
        params={"taskId": 5},
        filter={">=POST_DATE": "2026-01-01"},
        order={"ID": "ASC"},
    )
    assert comments.first_page() == [5, {"ID": "ASC"}, {">=POST_DATE": "2026-01-01"}]
    assert make_plan(spec_of("task.commentitem.getlist"), params={"TASKID": 5}).first_page() == [5, [], []]
    by_position = {name for name, spec in SPECS.items() if spec.positional}
    assert by_position == {
        "task.commentitem.getlist",
        "task.elapseditem.getlist",
        "task.item.list",
        "task.items.getlist",
    }


def test_make_plan__what_lies_inside_a_required_parameter_counts_as_that_parameter():
    plan = make_plan(spec_of("landing.repowidget.getlist"), filter={">ID": 1}, select=["ID"])
    assert plan.first_page() == {"params": {"filter": {">ID": 1}, "select": ["ID"]}}


@pytest.mark.parametrize(
    "asked",
    [asked for asked in DOCUMENTED if spec_of(asked["method"]).walk != "refused"],
    ids=lambda asked: asked["method"],
)
def test_make_plan__every_request_of_the_code_samples_can_be_asked(asked):
    given = {name: asked[name] for name in ("filter", "order", "select", "params") if name in asked}
    assert make_plan(spec_of(asked["method"]), **given).first_page() is not None


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.part])
def test_part__each_default_is_told_until_its_parameter_is_given(name):
    spec, asked = SPECS[name], given_for(SPECS[name])
    told = make_plan(spec, **asked).default_part
    assert all(words in told for words in spec.part.values())
    for path in spec.part:
        head, _, inner = path.split("|")[0].partition(".")
        given = {**asked, "filter": {inner: 1}} if inner else {**asked, "params": {**asked.get("params", {}), head: 1}}
        assert spec.part[path] not in make_plan(spec, **given).default_part


def test_part__a_list_without_one_is_told_nothing_about():
    assert make_plan(SPECS["crm.deal.list"]).default_part == ""
    everything = {"type": "user", "ownerId": 1, "from": "2020-01-01", "to": "2030-01-01"}
    assert make_plan(SPECS["calendar.event.get"], params=everything).default_part == ""


def test_permissions_page__has_every_list_method_once():
    page = (Path(__file__).parents[2] / "docs" / "permissions.md").read_text("utf-8")
    told = re.findall(r"`([\w.]+)`", page.partition("|---|---|")[2])
    methods = {name.removeprefix("v3:") for name in known_methods()}
    assert {one.lower() for one in methods} - {one.lower() for one in told} == set()
