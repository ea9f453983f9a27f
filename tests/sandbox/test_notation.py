"""PHP notation: what is written the way PHP writes it is read back as it was."""

from __future__ import annotations

from urllib.parse import quote_plus

from hypothesis import given
from hypothesis import strategies as st

from b24data.sandbox.notation import find, items_of, parse_query

KEYS = st.text(st.characters(exclude_characters="[]", exclude_categories=["Cs"]), min_size=1, max_size=6)
TREES = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3),
    max_leaves=8,
)


def php_query(tree, path=""):
    pairs = []
    for key, value in tree.items():
        name = f"{path}[{key}]" if path else key
        if isinstance(value, dict):
            pairs += php_query(value, name)
        else:
            pairs.append(f"{quote_plus(name)}={quote_plus(value)}")
    return pairs


@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=3))
def test_parse_query__reads_back_any_tree(tree):
    assert parse_query("&".join(php_query(tree))) == tree


def test_parse_query__empty_brackets_take_the_next_index():
    assert parse_query("a[]=x&a[5]=y&a[]=z") == {"a": {"0": "x", "5": "y", "6": "z"}}


def test_parse_query__unencoded_brackets_and_prefixes():
    text = "filter[>DATE_CREATE]=2026-01-01T00:00:00%2B03:00&order[ID]=ASC"
    assert parse_query(text) == {"filter": {">DATE_CREATE": "2026-01-01T00:00:00+03:00"}, "order": {"ID": "ASC"}}


def test_parse_query__an_unencoded_equals_sign_in_a_key_loses_the_condition_as_in_php():
    assert "filter" not in parse_query("filter[>=ID]=5")
    assert parse_query("filter[%3E%3DID]=5") == {"filter": {">=ID": "5"}}


def test_parse_query__a_key_without_a_value_is_an_empty_text():
    assert parse_query("halt&cmd=") == {"halt": "", "cmd": ""}


def test_find__the_later_spelling_wins():
    assert find({"FILTER": 1, "filter": 2}, "filter") == 2
    assert find({"filter": 2, "FILTER": 1}, "filter") == 1
    assert find({"select": 1}, "filter") is None


def test_items_of__every_form_of_a_list():
    assert items_of({"0": "a", "1": "b"}) == items_of(["a", "b"]) == ["a", "b"]
    assert items_of("a") == ["a"]
    assert items_of(None) == items_of("") == []
