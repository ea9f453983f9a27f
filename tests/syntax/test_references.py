"""``$name`` and ``{{expression}}`` on a line: exactly that value, or an error; never sent as text."""

import datetime as dt
import json
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from b24data.errors import ConfigError
from b24data.syntax.options import WrongUsageError
from b24data.syntax.references import Reference, expander, names_in, parts_of
from b24data.syntax.request import request_of


@dataclass
class Row:
    TITLE: str = "Ремонт"
    b: list = field(default_factory=lambda: [{"c": 7}])


NAMES = {
    "цена": "Ремонт",
    "й": "short i",
    "price": 5.5,
    "row": Row(),
    "d": {"k": "Ремонт", "a]b": 1, 5: "by number"},
    "xs": [11, 12],
    "year": 2026,
    "day": dt.date(2026, 1, 2),
    "none": None,
    "word": "WON",
    "number": "5",
    "nan": float("nan"),
    "fields": ("ID", "TITLE"),
    "folder": Path("out"),
    "n": np.int64(3),
    "frame": pd.DataFrame({"ID": [1, 2]}),
}
expand = expander(NAMES, lambda expression: eval(expression, dict(NAMES)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$word", "WON"),
        ("$цена", "Ремонт"),
        ("$и\u0306", "short i"),  # as macOS writes it
        ("${price}", 5.5),
        ("$row.TITLE", "Ремонт"),
        ("$row.b[0]['c']", 7),
        ('${row.b[0]["c"]}', 7),
        ("$d['k']", "Ремонт"),
        ('$d["k"]', "Ремонт"),
        ("$d['a]b']", 1),
        ("$d[5]", "by number"),
        ("$xs[0]", 11),
        ("$xs[-1]", 12),
        ("$xs", [11, 12]),
        ("$none", None),
        ("{{xs[0] + 1}}", 12),
        ("{{ {1: {2: 3}} }}", {1: {2: 3}}),
        ("{{'}}'}}", "}}"),
        ("{{[x for x in xs if x > year - 2015]}}", [12]),
        ("$year-01-01", "2026-01-01"),
        ("from $day", "from 2026-01-02"),
        ("$word.", "WON."),
        ("${word}.parquet", "WON.parquet"),
        ("$folder/x.parquet", "out/x.parquet"),
        ("$word$year", "WON2026"),
        ("$n of {{n + 1}}", "3 of 4"),
        ("100 $$", "100 $"),
        ("$$word", "$word"),
        ("{{'{{'}} and }}", "{{ and }}"),
        ("$$$word", "$WON"),
        ("a } b }} { c", "a } b }} { c"),
    ],
)
def test_a_reference__is_that_value(text, value):
    came = expand(text)
    assert came == value
    assert type(came) is type(value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("$1", "$$ is a dollar sign"),
        ("$", "$$ is a dollar sign"),
        ("100$", "$$ is a dollar sign"),
        ("$-x", "$$ is a dollar sign"),
        ("$ x", "$$ is a dollar sign"),
        ("${", "$$ is a dollar sign"),
        ("${price", "$$ is a dollar sign"),
        ("${price + 1}", "{{...}} an expression"),
        ("${}", "$$ is a dollar sign"),
        ("$prise", "did you mean $price?"),
        ("$d[k]", "needs quotation marks"),
        ("$d['k", "needs quotation marks"),
        ("$xs[0:1]", "{{...}} takes any expression"),
        ("$xs[", "{{...}} takes any expression"),
        ("$xs[7]", "IndexError"),
        ("$d['x']", "KeyError"),
        ("$d.k", "put a key into brackets: ['k']"),
        ("$d.x", "AttributeError"),
        ("$word.parquet", "write ${word}.parquet if the name ends there"),
        ("$word(1)", "{{word(...)}} to call it"),
        ("$word.lower", "{{word.lower(...)}} calls it"),
        ("$frame", "take one of its columns"),
        ("{{", "{{ is not closed"),
        ("{{year", "{{ is not closed"),
        ("{{}}", "not a Python expression"),
        ("{{year +}}", "not a Python expression"),
        ("{{x = 1}}", "not a Python expression"),
        ("{{yaer}}", "NameError"),
        ("{{1 / 0}}", "ZeroDivisionError"),
        ("a $none", "$none is None, and is part of a longer text"),
        ("a $row", "$row is of type Row"),
        ("a $xs", "$xs is of type list"),
        ("a $nan", "$nan is nan"),
        ("a {{True}}", "{{True}} is True"),
        ("a {{float('inf')}}", "is inf"),
    ],
)
def test_what_is_not_understood__is_an_error_that_names_it(text, says):
    with pytest.raises(ConfigError) as raised:
        expand(text)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("value", "comes"),
    [
        (pd.Series([1, 2]), [1, 2]),
        (pd.Index(["a"]), ["a"]),
        (pd.array([1, 2], dtype="Int64"), [1, 2]),
        (pd.Series(pd.to_datetime(["2026-01-01"])), [pd.Timestamp("2026-01-01")]),
        (np.array([3, 4]), [3, 4]),
        (np.array(5), np.int64(5)),
        (pa.array([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ((1, 2), [1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ((x for x in "ab"), ["a", "b"]),
        (np.int64(5), np.int64(5)),
        (pd.Timestamp("2026-01-01", tz="UTC"), pd.Timestamp("2026-01-01", tz="UTC")),
        (dt.date(2026, 1, 1), dt.date(2026, 1, 1)),
        (Decimal("1.50"), Decimal("1.50")),
        ({"a": (1, 2)}, {"a": (1, 2)}),
        (b"x", b"x"),
        (True, True),
    ],
)
def test_what_holds_several__comes_as_a_list_and_the_rest_as_it_is(value, comes):
    came = expander({"x": value}, eval)("$x")
    assert came == comes
    assert type(came) is type(comes)


PIECES = [
    ("$word", "WON"),
    ("${word}", "WON"),
    ("{{word}}", "WON"),
    ("$row.TITLE", "Ремонт"),
    ("$d['k']", "Ремонт"),
    ("${xs[0]}", "11"),
    ("{{year - 1}}", "2025"),
    ("$$", "$"),
]
PLAIN = st.text(alphabet=st.characters(exclude_characters="${", exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(PLAIN, st.sampled_from(PIECES)), min_size=1, max_size=4))
def test_a_text_of_references__is_the_text_of_their_values(pieces):
    # What would go on with the name in front of it stands behind a space.
    text = "".join(plain + typed + " " for plain, (typed, _) in pieces)
    assert expand(text) == "".join(plain + value + " " for plain, (_, value) in pieces)


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet=st.characters(exclude_characters="$", exclude_categories=["Cs"])).filter(lambda t: "{{" not in t)
)
@example("{ { }}")
def test_a_text_without_a_sign__is_unchanged(text):
    assert expand(text) == text
    assert names_in(text) == set()


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="$x{}[]('\".0 +aй|\\\n", max_size=14))
def test_any_text__is_split_without_loss_or_refused(text):
    try:
        parts = parts_of(text)
    except ConfigError as error:
        assert error.hint
        return
    typed = [part.source if isinstance(part, Reference) else part.replace("$", "$$") for part in parts]
    assert "".join(typed) == text
    for part in parts:
        if isinstance(part, Reference):
            assert part.name.isidentifier() != bool(part.expression)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="$x{}[]('\".0 +a", max_size=14))
def test_any_text__gives_a_value_that_python_gives_too_or_an_error(text):
    names = {"x": {"a": [1, 2], 0: "x"}, "a": "text", "xa": 7}
    try:
        came = expander(names, lambda expression: eval(expression, dict(names)))(text)
    except ConfigError:
        return
    parts = parts_of(text)
    if len(parts) == 1 and isinstance(parts[0], Reference):
        python = text.strip("${}").strip()
        truth = eval(python, dict(names))
        assert came == (list(truth) if isinstance(truth, tuple | set) else truth)
    else:
        assert isinstance(came, str)
        assert came.count("$") == sum(part.count("$") for part in parts if isinstance(part, str))


# On a line.


def asked(line, body=None):
    return request_of(line, body, expand=expand)


def test_references__work_in_every_option_and_in_a_body():
    request = asked(
        'fetch crm.deal.list --select $fields --limit $n --to "$folder/${year}.parquet" --params "id=$number" '
        '--filter "%TITLE=$row.TITLE" --filter "@ID=$xs" --order "{{ {\'ID\': \'DESC\'} }}"'
    )
    assert request.select == ["ID", "TITLE"]
    assert request.limit == 3
    assert request.to == "out/2026.parquet"
    assert request.params == {"id": "5"}  # a text of the notebook stays one
    assert request.filter == {"%TITLE": "Ремонт", "@ID": [11, 12]}
    assert request.order == {"ID": "DESC"}
    body = "filter:\n  '@ID': $xs\n  >=DATE: {{year - 1}}-01-01\n  TITLE: $d['k']\nselect: [ID, $fields]\nk: {{xs}}"
    request = asked("fetch crm.deal.list", body)
    assert request.filter == {"@ID": [11, 12], ">=DATE": "2025-01-01", "TITLE": "Ремонт"}
    assert request.select == ["ID", "ID", "TITLE"]
    assert request.params == {"k": [11, 12]}


@pytest.mark.parametrize("body", ["$all", '"$all"', "{{all}}"])
def test_a_body_that_is_one_reference__is_taken_as_it_is(body):
    given = {"filter": {"TITLE": "costs $5 {{"}, "k": "$"}
    request = request_of("fetch crm.deal.list", body, expand=expander({"all": given}, lambda _: given))
    assert (request.filter, request.params) == ({"TITLE": "costs $5 {{"}, {"k": "$"})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--to $none", "--to $none (None) is not the name of a file"),
        ('--to "{{str()}}"', "--to {{str()}} ('') is not the name of a file"),
        ("--to $year", "--to $year (2026) is not the name of a file"),
        ("--to $xs", "--to $xs (of type list) is not the name of a file"),
        ('--to ""', "--to is empty"),
        ("--profile $none", "--profile $none is None"),
        ("--tz $none", "--tz $none (None) is not a time zone"),
        ("--limit $none", "--limit $none (None) is not a number of rows"),
        ("--limit $price", "--limit $price (5.5) is not a number of rows"),
        ("--limit {{True}}", "(True) is not a number of rows"),
        ("--limit $nan", "--limit $nan (nan) is not a number of rows"),
        ("--limit 1,5", "--limit 1,5 is not a number of rows"),
        ("--limit 1e3", "such as --limit 1000"),
        ("--select {{[]}}", "--select {{[]}} names no field"),
        ("--select $d", "is not a list of field names"),
        ("--select $year", "is not a list of field names"),
        ("--filter $xs", "--filter $xs is not understood"),
        ("--filter $word", "--filter $word is not understood"),
        ("--order $year", "--order $year is not understood"),
    ],
)
def test_a_value_of_a_wrong_kind__is_an_error_of_its_option(words, says):
    with pytest.raises(WrongUsageError) as raised:
        asked(f"fetch crm.deal.list {words}")
    assert says in str(raised.value)


@pytest.mark.parametrize("limit", [np.int64(100), np.float64(100.0), 100, "1_00", "0100"])
def test_limit__takes_the_whole_numbers_of_every_kind(limit):
    expand = expander({"n": limit}, eval)
    if limit == "1_00":
        with pytest.raises(WrongUsageError):
            request_of("fetch crm.deal.list --limit $n", expand=expand)
        return
    request = request_of("fetch crm.deal.list --limit $n", expand=expand)
    assert (request.limit, type(request.limit)) == (100, int)


def test_an_error__shows_no_value_of_the_notebook():
    with pytest.raises(WrongUsageError) as raised:
        request_of("fetch crm.deal.list --limit $x --to y", expand=expander({"x": "something private"}, eval))
    assert "private" not in json.dumps(str(raised.value))
    for condition in ("@ID=$x", '{"@ID": "$x"}'):
        for text in ("1,private,", ""):
            with pytest.raises(WrongUsageError, match="--filter @ID has") as raised:
                request_of(f"fetch crm.deal.list --filter '{condition}'", expand=expander({"x": text}, eval))
            assert "private" not in str(raised.value)
