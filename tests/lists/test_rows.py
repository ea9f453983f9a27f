"""From an answer to its rows: every documented answer, and every form that an answer is known to take."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from b24data.errors import AjaxError, BadReplyError
from b24data.http.payload import opened
from b24data.http.protocol import Response
from b24data.lists.methods import MethodSpec, spec_of
from b24data.lists.rows import id_reader, rows_of, value_at

# Answers from the pages of b24restdocs (commit 5988ed13), with the number of rows and their ids as counted there.
DATA = Path(__file__).with_name("data")
SAMPLES = [json.loads(line) for line in DATA.joinpath("samples.jsonl").read_text("utf-8").splitlines()]


def answer(result):
    return Response(opened(json.dumps(result).encode()))


def rows(result, **facts):
    return [msgspec.json.decode(row) for row in rows_of(answer(result), MethodSpec("x.list", "whole", **facts))]


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample["method"] for sample in SAMPLES])
def test_rows_of__a_documented_answer_has_its_documented_rows(sample):
    spec = spec_of(sample["method"])
    found = [msgspec.json.decode(row) for row in rows_of(answer(sample["answer"]["result"]), spec)]
    assert len(found) == sample["rows"]
    assert all(isinstance(row, dict) for row in found)
    if "ids" in sample:
        assert [row[spec.id] for row in found] == sample["ids"]


def test_samples__are_of_about_half_of_the_methods_and_hardly_any_is_empty():
    assert len({sample["method"] for sample in SAMPLES}) == len(SAMPLES) == 173
    assert sum(sample["rows"] == 0 for sample in SAMPLES) <= 1


def test_rows_of__rows_by_key_have_their_key():
    found = rows({"7": {"TITLE": "a"}, "9": {"ID": 9}}, shape="by_key", id="ID")
    assert found == [{"ID": "7", "TITLE": "a"}, {"ID": 9}]


def test_rows_of__groups_become_rows_with_the_name_of_their_group():
    assert rows({"LEAD": [1, 2], "CONTACT": [{"ID": 3}], "total": 3}, shape="groups", key="entity") == [
        {"entity": "LEAD", "value": 1},
        {"entity": "LEAD", "value": 2},
        {"entity": "CONTACT", "ID": 3},
    ]


@pytest.mark.parametrize("shape", ["list", "by_key", "groups", "one_or_list"])
@pytest.mark.parametrize("rows_at", ["", "items", "report.days", "*"])
def test_rows_of__what_php_makes_of_an_empty_map_is_an_empty_list(shape, rows_at):
    assert rows([], shape=shape, rows_at=rows_at) == []


def test_rows_of__a_map_with_the_keys_0_to_n_comes_as_a_list():
    assert rows(["Germany", "Spain"], shape="by_key", key="id") == [
        {"id": "0", "value": "Germany"},
        {"id": "1", "value": "Spain"},
    ]


def test_rows_of__scalars_lists_and_nulls_are_values():
    assert rows(["a", 1, None, [2, 3]]) == [{"value": value} for value in ("a", 1, None, [2, 3])]


def test_rows_of__a_single_row_may_come_bare():
    assert rows({"ID": 1}, shape="one_or_list") == rows([{"ID": 1}], shape="one_or_list") == [{"ID": 1}]


@pytest.mark.parametrize(
    ("result", "code", "description"),
    [
        ({"error": "EMPTY_SELECT_FIELDS_LIST"}, "EMPTY_SELECT_FIELDS_LIST", ""),
        ({"error": {"error": "ACCESS_DENIED", "error_description": "no"}}, "ACCESS_DENIED", "no"),
        ({"error": "ERR", "error_description": "why"}, "ERR", "why"),
        ({"errors": [{"message": "no rights", "code": 7}], "items": []}, "7", "no rights"),
        ([{"message": "no rights", "code": "DENIED"}], "DENIED", "no rights"),
        ([{"message": "no rights", "code": 0, "customData": None}], "", "no rights"),
    ],
)
@pytest.mark.parametrize("rows_at", ["", "items"])
def test_rows_of__an_error_inside_a_good_answer_is_an_error(result, code, description, rows_at):
    with pytest.raises(AjaxError) as caught:
        rows(result, rows_at=rows_at)
    assert (caught.value.code, caught.value.description) == (code, description)


def test_rows_of__an_empty_list_of_errors_is_no_error():
    assert rows({"errors": [], "items": [{"id": 1}]}, rows_at="items") == [{"id": 1}]


@pytest.mark.parametrize("shape", ["list", "by_key", "groups", "one_or_list"])
@pytest.mark.parametrize("result", [None, "text", 5, False])
def test_rows_of__what_is_no_list_is_never_an_empty_one(shape, result):
    with pytest.raises(BadReplyError, match=r"no list in result|can't be read"):
        rows(result, shape=shape)


def test_rows_of__a_missing_key_is_never_an_empty_list():
    for result in ({"other": []}, {"report": {"other": []}}, {"report": []}, [{"id": 1}]):
        with pytest.raises(BadReplyError, match=r"no list in result\.report\.days"):
            rows(result, rows_at="report.days")


def test_value_at__reads_beside_the_rows():
    assert value_at(answer({"items": [], "hasMore": True, "a": {"b": 2}}), "a.b") == 2
    assert value_at(answer({"items": []}), "hasMore") is None
    assert value_at(answer([]), "hasMore") is None


@pytest.mark.parametrize(
    "row",
    [
        rb'{"T":"a\ud83d","ID":"17"}',
        b'{"ID":"17","T":"a\xd0"}',
        b'{"\xd0":1,"ID":17}',
        b'{"ID":17,"T":NaN}',
        rb'{"ID":17,"T":{"a":["\ud83d\ud83d"]}}',
    ],
)
def test_id_reader__finds_the_id_beside_what_no_strict_reader_takes(row):
    assert id_reader(spec_of("crm.deal.list"))(msgspec.Raw(row)) == 17


@pytest.mark.parametrize("answer", [b'{"items": {"k\x80": {"id": 1}}}', b'{"items": [{"id": 1, "k\xd0": 2}]}'])
def test_rows__broken_utf_8_in_a_key_is_no_error_of_python(answer):
    shape = "by_key" if b"k\x80" in answer else "list"
    rows = rows_of(Response(opened(answer)), MethodSpec("partner.thing.list", "whole", rows_at="items", shape=shape))
    assert len(rows) == 1
