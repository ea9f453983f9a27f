from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24data.errors import ConfigError
from b24data.http import encode
from b24data.http.encode import Command, check_method, encode_batch, php_query, plain_params


def parse_php(query: str) -> dict[str, Any]:
    """What PHP's parse_str makes of a query, with every level a dict."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        head, *rest = name.replace("]", "").split("[")
        node = tree
        for key, following in zip([head, *rest], [*rest, None], strict=True):
            if following is None:
                node[key] = value
            else:
                node = node.setdefault(key, {})
    return tree


names = st.text(st.characters(exclude_characters="[]", codec="utf-8"), min_size=1).filter(lambda name: name.strip())
leaves = st.one_of(st.text(st.characters(codec="utf-8")), st.integers())
trees = st.recursive(leaves, lambda inner: st.dictionaries(names, inner, min_size=1), max_leaves=8)


@given(st.dictionaries(names, trees, min_size=1))
def test_php_query__comes_back_as_it_was(params: dict[str, Any]) -> None:
    def as_text(value: Any) -> Any:
        return {k: as_text(v) for k, v in value.items()} if isinstance(value, dict) else str(value)

    assert parse_php(php_query(params)) == as_text(params)


def test_php_query__lists_get_their_positions_as_keys() -> None:
    assert php_query({"select": ["ID", "UF_*"]}) == "select[0]=ID&select[1]=UF_%2A"


def test_php_query__booleans_are_ones_and_zeros() -> None:
    assert php_query({"a": True, "b": False}) == "a=1&b=0"


@pytest.mark.parametrize("reference", ["$result[c0][49][ID]", "$result[deals][items][49][id]"])
def test_php_query__a_reference_stays_readable_for_the_portal(reference: str) -> None:
    assert php_query({"filter": {">ID": reference}}).endswith(f"={reference}")


@pytest.mark.parametrize("text", ["$result", "x$result[a]", "$result[a]&b", "$result[a]=1", "$result[]"])
def test_php_query__what_only_resembles_a_reference_is_encoded(text: str) -> None:
    query = php_query({"x": text})
    assert "$" not in query
    assert unquote(query) == f"x={text}"


def test_php_query__an_empty_container_at_the_top_says_nothing() -> None:
    assert php_query({"select": [], "filter": {}, "start": 0}) == "start=0"


def test_php_query__an_empty_condition_would_widen_the_filter_and_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"filter\.@ID is empty"):
        php_query({"filter": {"@ID": []}})


def test_encode_batch__a_none_names_the_command_and_the_key() -> None:
    with pytest.raises(ConfigError, match=r"command 'a': fields\.TITLE is None"):
        encode_batch([Command("a", "crm.deal.add", {"fields": {"TITLE": None}})])


def test_encode_batch__takes_fifty_commands_and_no_more() -> None:
    commands = [Command(str(i), "profile") for i in range(51)]
    assert len(encode_batch(commands[:50])["cmd"]) == 50
    with pytest.raises(ConfigError, match="50 commands, not 51"):
        encode_batch(commands)


def test_encode_batch__refuses_two_commands_with_one_key() -> None:
    with pytest.raises(ConfigError, match="same key"):
        encode_batch([Command("a", "profile"), Command("a", "profile")])


@pytest.mark.parametrize("method", ["", "crm.deal.list?auth=x", "../oauth", "crm deal", "1.list", "crm.deal.list\n"])
def test_check_method__what_is_no_name_reaches_no_url(method: str) -> None:
    with pytest.raises(ConfigError, match="not the name"):
        check_method(method)


class Color(enum.StrEnum):
    RED = "r"


class Size(enum.IntEnum):
    LARGE = 2


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "2026-01-02T03:04:05+00:00"),
        (pd.Timestamp("2026-01-02", tz="UTC"), "2026-01-02T00:00:00+00:00"),
        (np.int64(7), 7),
        (np.float64(1.5), 1.5),
        (np.bool_(True), True),
        (np.str_("S"), "S"),
        (["F", np.str_("S")], ["F", "S"]),
        (Size.LARGE, 2),
        (np.array([1, 2]), [1, 2]),
        (pd.Series([1, 2]), [1, 2]),
        (Decimal("1.10"), "1.10"),
        (Color.RED, "r"),
        ((1, 2), [1, 2]),
        (None, None),
    ],
)
def test_plain_params__says_in_json_what_an_analyst_has(value: Any, plain: Any) -> None:
    got = plain_params({"x": value})["x"]
    assert (got, type(got)) == (plain, type(plain))
    assert msgspec.json.decode(msgspec.json.encode(got)) == plain


@pytest.mark.parametrize("value", [float("nan"), float("inf"), pd.NaT, pd.NA, object(), b"x"])
def test_plain_params__what_json_cannot_say_names_the_key(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"fields\.X"):
        plain_params({"fields": {"X": value}})


@pytest.mark.parametrize("params", [{"filter": {"=A": None}}, {"FILTER": {"@A": [1, None]}}])
def test_plain_params__a_none_in_a_filter_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="None: a portal misreads null"):
        plain_params(params)


def test_plain_params__a_none_elsewhere_is_null() -> None:
    assert plain_params({"fields": {"A": None}}) == {"fields": {"A": None}}


def test_encode_batch__what_commands_share_and_what_they_do_not() -> None:
    select, same, other = ["ID", "TITLE"], {"@A": [1, 2]}, {"@A": [1, 3]}
    queries = [{"select": select, "filter": same}, {"select": select, "filter": other}, {"filter": same}, {}]
    cmd = encode_batch([Command(str(i), "crm.deal.list", query) for i, query in enumerate(queries)])["cmd"]
    assert list(cmd.values()) == [f"crm.deal.list?{php_query(query)}".rstrip("?") for query in queries]


def test_encode_batch__a_value_made_anew_for_each_command_is_not_taken_for_the_one_before() -> None:
    class Counting(dict[str, Any]):
        def items(self) -> Any:
            return ((name, [value]) for name, value in super().items())

    cmd = encode_batch([Command(str(i), "m", Counting(start=i)) for i in range(50)])["cmd"]
    assert list(cmd.values()) == [f"m?start[0]={i}" for i in range(50)]


def test_php_query__a_number_in_scientific_notation_keeps_its_plus() -> None:
    assert php_query({"x": 1e22}) == "x=1e%2B22"


def test_encode_batch__keeps_no_large_value_in_memory() -> None:
    for module_cache in (encode._pair, encode._quoted_again):
        module_cache.cache_clear()
    for number in range(50):
        note = f"{number}" + "x" * 100_000
        asked = {"fields": {"COMMENTS": note, "TITLE": note}, "note": note, "deep": {"a": [note, {note: 1}]}}
        (line,) = encode_batch([Command("a", "crm.deal.add", asked)])["cmd"].values()
        assert line.count(note) == 5
    assert encode._pair.cache_info().currsize == 0
    assert encode._quoted_again.cache_info().currsize < 20
    lines = encode_batch([Command(str(n), "crm.deal.list", {"filter": {">ID": 7}}) for n in range(50)])
    assert len(set(lines["cmd"].values())) == 1
    assert encode._pair.cache_info().currsize == 1


@pytest.mark.parametrize("value", [{"a\ud800": 1}, {"a": {"b\ud800": 1}}, np.timedelta64(5, "ns"), [np.timedelta64(5)]])
def test_plain_params__what_no_request_can_carry_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError):
        plain_params({"x": value})


def test_plain_params__a_series_of_times_keeps_its_zone() -> None:
    times = pd.Series(pd.to_datetime(["2026-01-02 10:00"]).tz_localize("Europe/Berlin"))
    assert plain_params({"x": times}) == {"x": ["2026-01-02T10:00:00+01:00"]}
