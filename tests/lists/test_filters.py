"""The facts about filters: what the page of each method says about names, comparisons, groups and values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import b24data.lists.filters
from b24data.lists.conditions import split_filter_key
from b24data.lists.filters import FilterFacts, FilterName, filter_facts
from b24data.lists.methods import known_methods, spec_of

FACTS = {name: filter_facts(spec_of(name)) for name in known_methods()}
KNOWN = {name: facts for name, facts in FACTS.items() if facts != FilterFacts()}
# Requests of the code samples of all pages, without their paging; computed dates are 2026-01-15, placeholders of ids 1.
DOCUMENTED = json.loads(Path(__file__).with_name("documented_requests.json").read_text("utf-8"))
OPERATORS = {"=": "=", "!=": "!=", ">": ">", ">=": ">=", "<": "<", "<=": "<=", "in": "@", "between": "><"}
TABLE = Path(b24data.lists.filters.__file__).with_name("filters.json")

COMPARISONS = {
    "",
    "=",
    "!=",
    "!",
    ">",
    ">=",
    "<",
    "<=",
    "@",
    "!@",
    "%",
    "=%",
    "%=",
    "!%",
    "!=%",
    "!%=",
    "><",
    "!><",
    "?",
    "+",
}
TYPES = {"", "int", "float", "flag", "day", "instant", "code", "text"}
FLAGS = {"", "Y/N", "1/0", "true/false"}


def squashed(name):
    return name.replace("_", "").lower()


@pytest.mark.parametrize("name", KNOWN)
def test_filters__an_entry_is_in_the_terms_that_all_share(name):
    facts = KNOWN[name]
    assert facts.family
    assert facts.page.startswith("api-reference/")
    assert facts.page.endswith(".md")
    assert facts.lists <= (facts.prefixes or {""}) <= COMPARISONS
    assert {facts.flags, facts.user_flags} <= FLAGS
    assert facts.spelling in ("upper", "camel", "as_is")
    assert facts.names or not facts.only_named, "a closed list of names that has none"


@pytest.mark.parametrize(
    ("method", "name"), [(method, name) for method, facts in KNOWN.items() for name in facts.names]
)
def test_filters__a_name_is_in_the_terms_that_all_share(method, name):
    facts, known = KNOWN[method], KNOWN[method].names[name]
    assert known.type in TYPES
    assert known.flag in FLAGS
    assert known.prefixes is None or known.prefixes <= COMPARISONS
    assert split_filter_key(name)[0] == ""
    assert squashed(known.field) != squashed(name), "its own name says nothing"
    assert known.field != "-" or known.meaning, "a name that no row shows has a meaning"
    assert [other for other in facts.names if other.lower() == name.lower()] == [name]
    if facts.spelling == "upper":
        assert name == name.upper()
    if facts.spelling == "camel":
        assert name[0].islower()
        assert "_" not in name


def test_filters__the_file_is_sorted_like_the_table_of_methods_and_names_only_its_methods():
    methods = list(json.loads(TABLE.read_text("utf-8"))["methods"])
    assert methods == [name for name in known_methods() if name in methods]


def test_filter_facts__a_method_without_documentation_gets_the_strictest_conventions():
    facts = filter_facts(spec_of("partner.thing.list"))
    assert facts == FilterFacts()
    assert (facts.prefixes, facts.groups, facts.lists, facts.only_named) == (None, False, frozenset(), False)
    assert (
        filter_facts(spec_of("v3:partner.thing.list")).prefixes == filter_facts(spec_of("main.eventlog.list")).prefixes
    )


def test_filter_facts__both_versions_of_a_method_have_their_own():
    assert filter_facts(spec_of("tasks.task.list")).family == "tasks"
    assert filter_facts(spec_of("v3:tasks.task.list")).family == "v3"
    assert filter_facts(spec_of("TASKS.task.LIST")) is filter_facts(spec_of("tasks.task.list"))


@pytest.mark.parametrize(
    ("name", "field", "meaning"),
    [
        ("STATUS", "SUB_STATUS", "-1 overdue"),
        ("REAL_STATUS", "STATUS", ""),
        ("ACCOMPLICE", "ACCOMPLICES", ""),
        ("AUDITOR", "AUDITORS", ""),
        ("TAG", "TAGS", ""),
        ("MEMBER", "-", "in any role"),
        ("ROLE", "-", "R responsible"),
        ("SEARCH_INDEX", "-", "search"),
        ("WO_DEADLINE", "-", "without a deadline"),
        ("ONLY_ROOT_TASKS", "-", "root tasks"),
        ("::SUBFILTER-PARAMS", "-", "FAVORITE"),
    ],
)
def test_filter_facts__names_of_tasks_that_are_not_the_field_of_that_name(name, field, meaning):
    known = FACTS["tasks.task.list"].names[name]
    assert known.field == field
    assert meaning in known.meaning


def test_filter_facts__comparisons_are_those_of_the_page():
    assert FACTS["tasks.task.list"].prefixes == {"", "!", "<", "<=", ">", ">="}
    assert "!%" in FACTS["crm.item.list"].prefixes
    assert "!%" not in FACTS["crm.deal.list"].prefixes
    assert FACTS["user.search"].prefixes is None
    assert FACTS["crm.contact.list"].names["PHONE"] == FilterName("text", prefixes=frozenset({"", "="}))
    assert "%" not in FACTS["crm.deal.list"].names["STAGE_ID"].prefixes
    assert FACTS["crm.deal.list"].names["CONTACT_IDS"].prefixes == frozenset()
    assert FACTS["crm.item.productrow.list"].names["ownerType"].prefixes == {"="}
    assert FACTS["timeman.record.list"].names["startTime"].prefixes >= {">=", "<", "><"}


def test_filter_facts__groups_are_documented_for_few_methods():
    assert FACTS["crm.item.list"].groups
    assert not FACTS["crm.deal.list"].groups
    assert not FACTS["tasks.task.list"].groups
    assert {name for name, facts in FACTS.items() if facts.groups and facts.family != "v3"} == {
        "crm.automatedsolution.list",
        "crm.item.list",
        "crm.type.list",
        "rpa.item.list",
    }
    assert FACTS["main.eventlog.list"].groups
    assert not FACTS["call.followup.list"].groups


def test_filter_facts__every_method_with_a_filter_has_its_own_page():
    filterable = {name for name in FACTS if spec_of(name).filter}
    assert filterable - set(KNOWN) == set()
    in_parameters = {name for name, facts in KNOWN.items() if facts.family == "parameters"}
    assert set(KNOWN) - filterable == in_parameters
    assert all(KNOWN[name].prefixes == {""} and KNOWN[name].only_named for name in in_parameters)
    assert len({facts.page for facts in KNOWN.values()}) == len(KNOWN)


def parts_of(given):
    """Each condition of a documented filter: comparison, name, value; groups are opened."""
    if isinstance(given, list):
        for inner in given:
            if isinstance(inner, list):
                yield OPERATORS[inner[1]] if len(inner) == 3 else "", inner[0], inner[-1]
            else:
                yield from parts_of(inner.get("conditions", inner))
        return
    for key, value in given.items():
        if key.isdigit():
            yield from parts_of(value)
        elif key.lower() != "logic":
            yield *split_filter_key(key), value


def grouped(given):
    return isinstance(given, dict) and any(key.isdigit() or key.lower() == "logic" for key in given)


@pytest.mark.parametrize(
    "asked", [asked for asked in DOCUMENTED if "filter" in asked], ids=lambda asked: asked["method"]
)
def test_filter_facts__hold_for_the_filter_of_every_code_sample(asked):
    facts = FACTS[asked["method"]]
    assert facts.groups or not grouped(asked["filter"])
    spellings = {name.lower(): name for name in facts.names}
    for comparison, name, value in parts_of(asked["filter"]):
        documented = facts.names.get(spellings.get(name.lower(), ""), FilterName())
        prefixes = facts.prefixes if documented.prefixes is None else documented.prefixes
        assert prefixes is None or comparison in prefixes
        assert name.lower() in spellings or not facts.only_named
        if isinstance(value, list):
            assert comparison in facts.lists or documented.many
        if documented.type == "flag" and value in ("Y", "N", True, False):
            written = documented.flag or facts.flags
            assert written == ("Y/N" if isinstance(value, str) else "true/false")


def test_filter_facts__a_list_is_taken_where_a_page_says_so():
    assert FACTS["crm.deal.list"].lists == {"@", "!@"}
    assert FACTS["sale.payment.list"].lists >= {"", "="}
    assert FACTS["catalog.product.list"].lists == {"", "=", "!"}
    assert FACTS["user.get"].lists >= {"", "@", "!@"}
    assert FACTS["task.item.list"].lists == FACTS["task.item.list"].prefixes
    assert FACTS["log.blogpost.get"].names["LOG_RIGHTS"].many


def test_filter_facts__flags_are_written_as_the_page_says():
    assert FACTS["crm.item.list"].user_flags == "1/0"
    assert FACTS["user.get"].names["ACTIVE"].flag == "true/false"
    assert FACTS["user.get"].names["IS_ONLINE"].flag == "Y/N"


def test_documented_requests__are_about_methods_and_pages_that_the_facts_know():
    assert len(DOCUMENTED) > 450
    for asked in DOCUMENTED:
        assert asked["method"] in FACTS
        assert set(asked) <= {"method", "page", "filter", "order", "select", "params"}
        assert asked["page"] == FACTS[asked["method"]].page or asked["method"] not in KNOWN
