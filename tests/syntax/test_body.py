"""The body of a cell: what is written is what is asked for, as behind the options of the line."""

import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from b24data.cli.main import main
from b24data.errors import ConfigError
from b24data.exports.parameters import parameters_of
from b24data.syntax.body import read_body, scalar_of
from b24data.syntax.options import WrongUsageError
from b24data.syntax.request import build_request, request_of
from b24data.syntax.values import plain_of

# YAML 1.1 reads them as other values than were written.
TEXTS = [
    *("0123", "00", "-0", "-01", "12:30", "190:20:30", "1_000", "1,000", "0x1F", "0b1", "0o7", "+79161234567", "+5"),
    *("1e3", "1.e3", ".5", "5.", ".inf", "-.inf", ".nan", "NaN", "Infinity", "1.2.3", "١٢"),
    *("on", "off", "yes", "no", "Y", "N", "y", "n", "Yes", "ON", "nil", "nULL", "tRUE", "="),
    *("2026-10-01", "2026-10-01T10:00:00+03:00", "2026-10-01 10:00:00", "40702810000000012345", "9" * 19),
    # What a float would change.
    *("123456789012345678.12", "-0.12345678901234567890", "9007199254740993.0", "1.00000000000000001e5"),
]
VALUES = {
    **{"5": 5, "-3": -3, "0": 0, "5.5": 5.5, "-0.5": -0.5, "5.50": 5.5, "1.5e3": 1500.0, "9" * 18: int("9" * 18)},
    **{"0.1": 0.1, "18500.10": 18500.1, "0.30000000000000004": 0.1 + 0.2, "1.0": 1.0, "-0.0": -0.0},
    **{"true": True, "True": True, "TRUE": True, "false": False, "null": None, "Null": None, "~": None, "None": None},
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_yaml_would_change__stays_what_was_written(text):
    assert plain_of(text) == text
    assert read_body(f"a:\n  b: {text}\n  c: [{text}]\n{text}: x" if text != "1,000" else f"a:\n  b: {text}") == (
        {"a": {"b": text, "c": [text]}, text: "x"} if text != "1,000" else {"a": {"b": text}}
    )
    request = request_of(f'call crm.deal.list --params "a={text}"', f"filter:\n  ORIGIN_ID: {text}")
    assert (request.filter, request.params) == ({"ORIGIN_ID": text}, {"a": text})
    assert parameters_of([f"a={text}"]) == {"a": text}


@pytest.mark.parametrize("text", VALUES)
def test_numbers_and_words__mean_the_same_in_a_body_an_option_and_a_parameter_of_a_notebook(text):
    value = VALUES[text]
    came = [
        read_body(f"a: {text}")["a"],
        request_of(f"call x.y --params a={text}").params["a"],
        parameters_of([f"a={text}"])["a"],
    ]
    assert came == [value] * 3
    assert {type(one) for one in came} == {type(value)}


@pytest.mark.parametrize("text", [*TEXTS, *VALUES])
def test_a_text_in_quotation_marks__stays_one(text):
    assert read_body(f"a: '{text}'\nb: \"{text}\"\nc: !!str {json.dumps(text)}") == dict.fromkeys("abc", text)
    assert scalar_of(f'"{text}"') == text
    assert read_body(json.dumps({"a": text})) == {"a": text}
    assert request_of(f"call x.y --params '{json.dumps({'a': text})}'").params == {"a": text}


@pytest.mark.parametrize(
    "key", [">=DATE", "<ID", "!ID", "!=ID", "@STAGE_ID", "!@ID", "%TITLE", "=%TITLE", "*ID", "=ID"]
)
def test_a_key_with_an_operator__needs_no_quotation_marks(key):
    value = {"filter": {key: "x"}}
    assert read_body(f"filter:\n  {key}: x") == value
    assert read_body(f"filter: {{{key}: x}}") == value
    assert read_body(f"filter: {{ID: 1, {key}: [1, x]}}")["filter"] == {"ID": 1, key: [1, "x"]}
    assert read_body(f"{key}: x") == {key: "x"}
    assert read_body(f"- {key}: x") == [{key: "x"}]
    assert read_body(f"text: |\n  {key}: x\n") == {"text": f"{key}: x\n"}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *((text, text) for text in ("123456789012345678.12", "1e400", f"1e{'9' * 20}")),
        *(("1.10", 1.1), ("1e3", 1000.0), ("0.1E-2", 0.001)),
    ],
)
def test_a_number_of_json__becomes_a_float_only_if_it_keeps_its_value(written, value):
    text = f'{{"OPPORTUNITY": {written}}}'
    assert read_body(text) == request_of(f"call x.y --params '{text}'").params == {"OPPORTUNITY": value}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('x: !!int ""', "'' in line 1 does not fit !!int. Hint: leave !!int out."),
        ("a: 1\nx: !!int abc", "'abc' in line 2 does not fit !!int"),
        ("x: !!int _", "'_' in line 1 does not fit !!int"),
        ('x: !!float ""', "'' in line 1 does not fit !!float"),
        ("x: [1, {y: !!bool y}]", "'y' in line 1 does not fit !!bool"),
        ("x: !!timestamp y", "'y' in line 1 does not fit !!timestamp"),
        ("x: !!timestamp 2026-99-99", "'2026-99-99' in line 1 does not fit !!timestamp"),
        ("x: !!map [1]", "expected a mapping node, but found sequence"),
        ("x: &a [*a]", "the value of line 1 contains itself"),
        ("x: 1\ny: &a\n  z: {b: *a}", "the value of line 2 contains itself"),
    ],
)
def test_a_value_that_is_none__is_one_line_that_names_it(body, says):
    with pytest.raises(WrongUsageError) as raised:
        request_of("call x.y", body)
    assert says in str(raised.value)


@pytest.mark.parametrize("deep", [700, 5_000])
def test_values_that_are_nested_deep__are_read_or_refused(deep):
    for value in ("[" * deep + "]" * deep, '{"x": ' * deep + "1" + "}" * deep):
        for line, body in ((f"--params '{{\"a\": {value}}}'", ""), ("", f'{{"a": {value}}}'), ("", f"a: {value}")):
            try:
                request_of(f"call x.y {line}", body)
            except WrongUsageError as error:
                assert re.search("nested too deep|not JSON", str(error))
            else:
                assert deep < 1_000


def test_tags_and_aliases_that_fit__are_what_they_say():
    body = 'a: &all [1, {b: 2}]\nb: *all\nc: !!int "5"\nd: !!bool yes\ne: !!float 1\nf: !!seq [!!str 5]'
    assert read_body(body) == {"a": [1, {"b": 2}], "b": [1, {"b": 2}], "c": 5, "d": True, "e": 1.0, "f": ["5"]}


def test_an_expression__is_a_text_wherever_it_stands():
    body = "a: {{ {1: {2: 3}} }}\nb: {{x}}-01  # a comment\nc: [{{x}}, '{{y}}']\nd: {e: {{x}}}\n{{k}}: {{x}}-{{y}}"
    assert read_body(body) == {
        "a": "{{ {1: {2: 3}} }}",
        "b": "{{x}}-01",
        "c": ["{{x}}", "{{y}}"],
        "d": {"e": "{{x}}"},
        "{{k}}": "{{x}}-{{y}}",
    }


LEAVES = st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text()
NESTED = st.recursive(LEAVES, lambda one: st.lists(one) | st.dictionaries(st.text(), one), max_leaves=8)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), NESTED))
@example({"a": "\U0001f600", "b": "\ud83d", "c": "\t"})
def test_json__comes_through_as_it_is(value):
    assert read_body(json.dumps(value)) == value
    assert read_body(json.dumps(value, indent="\t", ensure_ascii=False)) == value


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="ab: \n-[]{}'\"#&*!|>%@,$05.;\\", max_size=24))
def test_any_body__is_read_or_refused(text):
    try:
        request_of("call x.y", text)
    except WrongUsageError as error:
        assert str(error)


# Select, filter, order.


@pytest.mark.parametrize(
    ("body", "name", "value"),
    [
        ("filter: ID=5", "filter", {"ID": "5"}),
        ("filter: [ID=5, '>DATE=2026-01-01']", "filter", {"ID": "5", ">DATE": "2026-01-01"}),
        ("filter: '@ID=1,2'", "filter", {"@ID": ["1", "2"]}),
        ("filter: {'@ID': ['1', '']}", "filter", {"@ID": ["1", ""]}),
        ("filter:\n  ORIGIN_ID: NEW,WON", "filter", {"ORIGIN_ID": "NEW,WON"}),
        ("FILTER: {ID: 5}", "filter", {"ID": 5}),
        ("filter: {}", "filter", None),
        ("order: ID", "order", {"ID": "ASC"}),
        ("order: STAGE_ID,ID=desc", "order", {"STAGE_ID": "ASC", "ID": "DESC"}),
        ("order: [STAGE_ID, ID=DESC]", "order", {"STAGE_ID": "ASC", "ID": "DESC"}),
        ("order: {ID: desc}", "order", {"ID": "DESC"}),
        ("select: ID", "select", ["ID"]),
        ("select: ID, TITLE", "select", ["ID", "TITLE"]),
        ("select:\n- ID\n- UF_*", "select", ["ID", "UF_*"]),
        ('{"select": ["ID"], "filter": {"ID": 5}};', "filter", {"ID": 5}),
        ("filter:\n  STAGE_ID: WON;\n", "filter", {"STAGE_ID": "WON"}),
        ("filter:\n  STAGE_ID: 'WON;'", "filter", {"STAGE_ID": "WON;"}),
        ("# nothing but a comment", "params", None),
        (";", "params", None),
    ],
)
def test_a_part_of_the_body__reads_as_behind_its_option(body, name, value):
    assert getattr(request_of("fetch crm.deal.list", body), name) == value


@pytest.mark.parametrize(
    ("line", "body", "says"),
    [
        ("", "filter: 5", "such as  filter: {"),
        ("", "filter: [[ID, 5]]", "is not a mapping of conditions"),
        ("", "filter: ID", "write filter: "),
        ("", "filter:\nSTAGE_ID: WON", "filter: is empty"),
        ("", "order: {ID: down}", "write order: DATE_CREATE=DESC"),
        ("", "order: 5", "write order: DATE_CREATE=DESC"),
        ("", "order:", "order: is empty"),
        ("", "select: []", "select: [] names no field"),
        ("", "select: {ID: 1}", "such as select: ID,TITLE"),
        ("", "select: [1]", "such as select: ID,TITLE"),
        ("", "select: ' , '", "names no field"),
        ("", "- ID", "is not a mapping of parameters"),
        ("", "ID=5", "is not a mapping of parameters"),
        ("", "a: 1\nb: 2\na: 3", "a is given twice, the second time in line 3"),
        ("", "filter:\n  ID: 1\n  ID: 2", "ID is given twice, the second time in line 3"),
        ("", '{"a": 1, "a": 2}', "a is given twice"),
        ("", "filter: {A: 1}\nFILTER: {B: 1}", "FILTER is given twice"),
        ("", "a: [", "is neither YAML nor JSON"),
        ("", "[a]: b", "a key is a text"),
        ("", "<<: {a: 1}", "<< merges nothing here"),
        ("--order 'ID DESC'", "", "write DATE_CREATE=DESC"),
        ("--order ID:DESC", "", "--order ID:DESC is not understood"),
        ("--order=-ID", "", "write DATE_CREATE=DESC"),
        ("--workers many", "", "such as --workers 4"),
        ("", "[" * 5000, "the body of the cell"),
        ("", '{"a": ' * 5000, "the body of the cell"),
        ("--filter id=1", "filter: {ID: 2}", "--filter id is given twice, on the line and in the body"),
        ("--select ID", "select: [TITLE]", "--select is given twice, on the line and in the body"),
        ("--order ID", "order: ID=DESC", "--order ID is given twice, on the line and in the body"),
        ("--params a=1", "a: 2", "--params a is given twice, on the line and in the body"),
        ("--params a=1 --params a=2", "", "--params a is given twice"),
        ("--filter X=1 --filter X=2", "", "--filter X is given twice"),
        ("--filter X=1 --filter '{\"x\": 2}'", "", "--filter x is given twice"),
        ('--filter \'{"X": 1, "X": 2}\'', "", "X is given twice in a JSON object"),
        ("--filter '{\"X\": NaN}'", "", "NaN is not JSON"),
        ("--order ID,ID=DESC", "", "--order ID is given twice"),
        ("--dtypes A=int --dtypes A=text", "", "--dtypes A is given twice"),
        ("--select ID --select TITLE", "", "put the names together, such as --select ID,TITLE"),
        ("--limit 1 --limit 1", "", "--limit is given twice"),
        ("--labels add --labels replace", "", "--labels is given twice"),
        ('--select ""', "", "--select is empty"),
        ('--select ","', "", "names no field"),
        ('--filter ""', "", "--filter is empty"),
        ("--order ,", "", "--order , is not understood"),
        ("--filter ID==5", "", 'write "ID=5"'),
        ("--filter ID>=5", "", 'write ">=ID=5"'),
        ("--filter 'ID != 5'", "", 'write "!ID=5"'),
        ("--filter 'ID < 5'", "", 'write "<ID=5"'),
        ("-o class", "", "--output class is a keyword of Python"),
        ("-o None", "", "--output None is a keyword of Python"),
        ("-o 1x", "", "such as -o deals"),
        ("-o a.b", "", "--output a.b is not the name of a variable"),
        ('-o ""', "", "is empty"),
    ],
)
def test_what_would_be_lost_or_misread__is_refused(line, body, says):
    with pytest.raises(WrongUsageError) as raised:
        request_of(f"fetch crm.deal.list {line}", body)
    assert says in str(raised.value)


def test_output__is_the_name_as_python_keeps_it():
    assert request_of("status -o ﬁn").output == "fin"


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("fetch crm.deal.list --filter STAGE_ID=WON;", "WON"),
        ("fetch crm.deal.list --filter STAGE_ID=WON ;", "WON"),
        ("fetch crm.deal.list --filter STAGE_ID=WON;  ", "WON"),
        ('fetch crm.deal.list --filter "STAGE_ID=WON;"', "WON;"),
        ('fetch crm.deal.list --filter "STAGE_ID=WON;";', "WON;"),
        ('fetch crm.deal.list --filter "STAGE_ID=A;B"', "A;B"),
    ],
)
def test_a_semicolon_at_the_end__is_the_notebooks(line, rows):
    assert request_of(line).filter == {"STAGE_ID": rows}


def test_a_wrong_key__is_told_in_the_words_of_the_shell_too():
    with pytest.raises(ConfigError, match="-p a is given twice"):
        parameters_of(["a=1", "a=2"])


@pytest.mark.parametrize(
    ("line", "body", "says"),
    [
        ("status", "a: 1", "%b24 status takes no a"),
        ("methods deal", "filter: {ID: 1}", "%b24 methods takes no filter"),
        ("describe crm.deal.list", "select: [ID]", "%b24 describe takes no select"),
    ],
)
def test_a_body_of_a_command_that_takes_none__is_refused(line, body, says):
    with pytest.raises(WrongUsageError) as raised:
        request_of(line, body)
    assert says in str(raised.value)
    assert request_of("describe crm.item.list", "entityTypeId: 2").params == {"entityTypeId": 2}


def test_a_condition_behind_a_comma__is_not_part_of_the_value():
    for line, body, says in (
        ("--filter STAGE_ID=WON,CLOSED=N", "", "--filter STAGE_ID=WON --filter CLOSED=N"),
        ("--filter 'STAGE_ID=WON, >=ID=5'", "", "--filter STAGE_ID=WON --filter >=ID=5"),
        ("", "filter: STAGE_ID=WON, CLOSED=N", "[STAGE_ID=WON, CLOSED=N]"),
    ):
        with pytest.raises(WrongUsageError) as raised:
            request_of(f"fetch crm.deal.list {line}", body)
        assert says in str(raised.value)
    assert request_of('fetch x.list --filter \'{"TITLE": "a, b=c"}\'').filter == {"TITLE": "a, b=c"}
    assert request_of("fetch x.list --filter '%TITLE=a, b and c'").filter == {"%TITLE": "a, b and c"}
    assert request_of("call x.y --params 'URL=http://a/?b=1,c=2'").params == {"URL": "http://a/?b=1,c=2"}


@pytest.mark.parametrize("key", ["@STAGE_ID", "!@STAGE_ID"])
def test_values_with_commas__are_a_list_in_every_form_of_a_filter(key):
    listed = {key: ["NEW", "WON"]}
    for line, body in (
        (f'--filter "{key}=NEW, WON"', ""),
        (f"""--filter '{{"{key}": "NEW,WON"}}'""", ""),
        (f"""--filter '{{"{key}": ["NEW", "WON"]}}'""", ""),
        ("", f"filter: '{key}=NEW,WON'"),
        ("", f"filter: ['{key}=NEW,WON']"),
        ("", f"filter:\n  {key}: NEW, WON"),
        ("", f"filter:\n  {key}: [NEW, WON]"),
        ("", json.dumps({"filter": {key: "NEW,WON"}})),
    ):
        assert request_of(f"fetch crm.deal.list {line}", body).filter == listed


@pytest.mark.parametrize("value", ["1,2,", ",1", "1,,2", "1, ,2", ",", " , "])
def test_an_empty_value_in_a_list__is_refused(value):
    for line, body, said in (
        (f"--filter '@COMPANY_ID={value}'", "", "--filter @COMPANY_ID has an empty value in its list"),
        (f"""--filter '{{"@COMPANY_ID": "{value}"}}'""", "", "--filter @COMPANY_ID has an empty value in its list"),
        ("", f"filter: '@COMPANY_ID={value}'", "filter: @COMPANY_ID has an empty value in its list"),
        ("", f"filter:\n  '@COMPANY_ID': '{value}'", "filter: @COMPANY_ID has an empty value in its list"),
    ):
        with pytest.raises(WrongUsageError) as raised:
            request_of(f"fetch crm.deal.list {line}", body)
        assert said in str(raised.value)
        assert "remove the extra comma or fill the empty variable" in str(raised.value)
        assert ("--filter COMPANY_ID= " if line else "filter: COMPANY_ID= ") in str(raised.value)


def test_a_list_without_values__is_refused_and_the_hint_finds_rows_without_one():
    for line, body, hint in (
        ("--filter @COMPANY_ID=", "", '--filter "@COMPANY_ID=1,2"; --filter COMPANY_ID= finds rows without a value'),
        (
            "--filter '!@COMPANY_ID= '",
            "",
            '--filter "!@COMPANY_ID=1,2"; --filter "!COMPANY_ID=" finds rows with a value',
        ),
        ("", "filter:\n  @COMPANY_ID: ''", 'filter: "@COMPANY_ID=1,2"; filter: COMPANY_ID= finds rows without'),
    ):
        with pytest.raises(WrongUsageError, match="@COMPANY_ID has no value") as raised:
            request_of(f"fetch crm.deal.list {line}", body)
        assert hint in str(raised.value)
    assert request_of("fetch crm.deal.list --filter COMPANY_ID=").filter == {"COMPANY_ID": ""}
    assert request_of('fetch crm.deal.list --filter "!COMPANY_ID="').filter == {"!COMPANY_ID": ""}
    assert request_of("fetch crm.deal.list", "filter: COMPANY_ID=").filter == {"COMPANY_ID": ""}


def test_an_empty_value_that_is_written_as_one__stays():
    for value in (["1", ""], [""], []):
        condition = json.dumps({"@COMPANY_ID": value})
        assert request_of(f"fetch crm.deal.list --filter '{condition}'").filter == {"@COMPANY_ID": value}
        assert request_of(f"fetch crm.deal.list --filter '@COMPANY_ID={json.dumps(value)}'").filter == {
            "@COMPANY_ID": value
        }
        assert request_of("fetch crm.deal.list", f'{{"filter": {condition}}}').filter == {"@COMPANY_ID": value}


@pytest.mark.parametrize("words", ["fetch crm.deal.list --to x.parquet", "sync crm.deal.list --to x"])
def test_a_shell__refuses_the_same(capsys, words):
    for more, says in (
        (["--params", "limit=3"], "limit is an option, not a parameter of crm.deal.list"),
        (["--params", "labels=add"], "Hint: write --labels in its place"),
        (["--params", "a=1", "--params", "a=2"], "--params a is given twice"),
        (["--filter", "X=1", "--filter", "X=2"], "--filter X is given twice"),
        (["--select", "ID", "--select", "TITLE"], "--select is given twice"),
        (["--select", ""], "--select is empty"),
        (["--select", ","], "--select , names no field"),
        (["--profile", ""], "--profile is empty"),
        (["--filter", "ID==5"], 'write "ID=5"'),
        (["--filter", "@COMPANY_ID=1,2,"], "--filter COMPANY_ID= finds rows without a value"),
        (["--filter", "@COMPANY_ID="], "--filter COMPANY_ID= finds rows without a value"),
    ):
        assert main([*words.split(), *more]) == 64
        assert says in capsys.readouterr().err


def test_a_dollar_sign__is_a_text_in_a_shell_where_the_shell_reads_it():
    assert build_request("fetch", {"filter": ["TITLE=$5 {{x}};"]}).filter == {"TITLE": "$5 {{x}};"}
