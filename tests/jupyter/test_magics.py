"""``%b24`` in a real kernel, by the webhook in its environment."""

import pytest


def test_call__of_a_list_method_gives_the_whole_list_as_a_frame(kernel, portal):
    shown = kernel.run("df = %b24 call crm.deal.list --select ID,TITLE")
    assert shown.status == "ok", shown.text
    assert kernel.value("[len(df), list(df.columns), df.attrs['b24data']['complete']]") == [230, ["ID", "TITLE"], True]


def test_call__of_another_method_gives_its_result_as_a_table(kernel):
    shown = kernel.run("%b24 call profile")
    assert "<table" in shown.html
    assert "Смирнова" in shown.html
    assert kernel.value("_['LAST_NAME']") == "Смирнова"


def test_raw__gives_the_answer_of_one_request(kernel):
    shown = kernel.run("%b24 call crm.deal.list --raw")
    assert "first 50 of 230 rows" in shown.text


def test_filter__takes_references_of_their_own_type(kernel, portal):
    kernel.run("stages = ['NEW', 'WON']\nyear = 2026")
    line = (
        '%b24 call crm.deal.list --select ID --filter "@STAGE_ID=$stages" --filter ">=DATE_CREATE={{year - 5}}-01-01"'
    )
    assert kernel.run(f"df = {line}").status == "ok"
    truth = portal.truth("crm.deal.list", filter={"@STAGE_ID": ["NEW", "WON"], ">=DATE_CREATE": "2021-01-01"})
    assert 0 < truth.count < 230
    assert kernel.value("sorted(df['ID'].tolist())") == sorted(truth.ids)


def test_params__of_a_variable_keep_zeros_negatives_none_and_nesting(kernel):
    kernel.run("from b24data.syntax.request import request_of\nfrom b24data.syntax.references import expander")
    kernel.run("p = {'zero': 0, 'minus': -1.5, 'none': None, 'deep': [{'x': [1, {}]}]}")
    given = kernel.value("request_of('call profile --params $p', expand=expander(globals(), eval)).params")
    assert given == {"zero": 0, "minus": -1.5, "none": None, "deep": [{"x": [1, {}]}]}


@pytest.mark.parametrize(
    "body",
    [
        "select: [ID, TITLE]\nfilter:\n  >=OPPORTUNITY: 1000\n  CLOSED: N\nlimit_is_no_parameter: 1",
        '{"select": ["ID", "TITLE"], "filter": {">=OPPORTUNITY": "$least", "CLOSED": "N"}}',
    ],
)
def test_a_cell__takes_its_parameters_as_yaml_or_json(kernel, portal, body):
    kernel.run("least = 1000")
    shown = kernel.run(f"%%b24 call crm.deal.list -o df\n{body}")
    assert shown.status == "ok", shown.text
    truth = portal.truth("crm.deal.list", filter={">=OPPORTUNITY": 1000, "CLOSED": "N"})
    assert kernel.value("[len(df), list(df.columns)]") == [truth.count, ["ID", "TITLE"]]


def test_output__puts_the_frame_into_a_variable_and_shows_it_not(kernel):
    shown = kernel.run("%b24 fetch crm.deal.list --select ID --limit 10 -o df")
    assert [kind for kind, _ in shown.outputs if kind == "execute_result"] == []
    assert kernel.value("len(df)") == 10


def test_fetch_to__writes_a_file_and_gives_the_report(kernel):
    shown = kernel.run("%b24 fetch crm.deal.list --select ID,TITLE --to deals.parquet")
    assert "230 rows" in shown.text
    assert kernel.value("__import__('pandas').read_parquet('deals.parquet').shape") == [230, 2]


def test_fetch_to__writes_what_the_suffix_says(kernel):
    assert "230 rows" in kernel.run("%b24 fetch crm.deal.list --select ID,TITLE --to deals.xlsx").text
    assert kernel.value("__import__('pandas').read_excel('deals.xlsx').shape") == [230, 2]
    kernel.run("%b24 fetch crm.deal.list --select ID --to deals.csv --csv excel-ru")
    assert kernel.value("open('deals.csv', 'rb').read(3).hex()") == "efbbbf"
    assert "csv 'plain' is for CSV files" in kernel.run("%b24 fetch crm.deal.list --csv plain --to deals.xlsx").text


def test_describe_and_methods__are_frames(kernel):
    kernel.run("fields = %b24 describe crm.deal.list\nmethods = %b24 methods deal")
    assert "OPPORTUNITY" in kernel.value("fields['code'].tolist()")
    assert "crm.deal.list" in kernel.value("methods['method'].tolist()")


def test_status__names_portal_user_and_permissions(kernel, portal):
    shown = kernel.run("%b24 status")
    assert "administrator" in shown.html
    assert "crm" in shown.text
    assert "of 50 requests free" in shown.html
    assert portal.webhook_url.rstrip("/").rpartition("/")[2] not in shown.html + shown.text


def test_a_client_of_the_notebook__can_call(kernel, portal):
    kernel.run(f"from b24data import B24OAuth\nb24 = B24OAuth({portal.oauth_params()!r}, {portal.oauth_secret()!r})")
    shown = kernel.run("%b24 login --profile $b24\ndf = %b24 call crm.deal.list --select ID --limit 3")
    assert shown.status == "ok", shown.text
    assert kernel.value("len(df)") == 3


def test_config__says_who_calls_where_no_profile_is_named(kernel):
    kernel.run('%config B24Magic.profile = "nobody"')
    assert "there is no profile 'nobody'" in kernel.run("%b24 status").text
    kernel.run('%config B24Magic.profile = ""')
    assert kernel.run("%b24 status").status == "ok"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%b24 cal crm.deal.list", "did you mean call?"),
        ("%b24 call crm.deal.list --slect ID", "did you mean --select?"),
        ("%b24 call crm.deals.list", "did you mean crm.deal.list"),
        ("%b24 call crm.deal.lst", "crm.deal.lst is not a documented method. Hint: did you mean crm.deal.list?"),
        ("%b24 call crm.deal", "did you mean crm.deal."),
        ("%b24 call $stge", "there is no variable 'stge'"),
        ("%b24 call $number", "METHOD $number (5) is not the name of a method"),
        ("%b24 fetch crm.deal.delete", "crm.deal.delete is not a read"),
        ("%b24 fetch crm.deal.delete --dry-run", "crm.deal.delete is not a read"),
        ("%b24 call crm.deal.list --select TITEL", "TITLE"),
        ("%b24 call crm.deal.list --filter DATE_CREATE", "--filter DATE_CREATE is not understood"),
        ('%b24 call crm.deal.list --filter "STAGE_ID=$stge"', "there is no variable 'stge'"),
        ("%b24 call crm.deal.list --limit many", "--limit many is not a number of rows"),
        ("%b24 call crm.deal.add --params '{\"fields\": {}}'", "add --write"),
        ("%b24 call crm.deal.list --profile acme", "there is no profile 'acme'"),
        ('%b24 call crm.deal.list --filter "A=1', "a quotation mark is not closed"),
        ("%b24 call", "METHOD"),
    ],
)
def test_an_error__is_one_line_without_a_traceback_and_fails_the_cell(kernel, line, says):
    shown = kernel.run("stage, number = 'NEW', 5\n" + line)
    assert shown.status == "error"
    assert len(shown.errors) == 1
    assert len(shown.errors[0]["traceback"]) == 1
    assert says in shown.errors[0]["traceback"][0]
    assert "\n" not in shown.errors[0]["traceback"][0]


def test_an_error__can_be_caught_as_what_it_is(kernel):
    shown = kernel.run(
        "from b24data import ConfigError\ntry:\n    %b24 cal\nexcept ConfigError as error:\n    print(error.hint)"
    )
    assert "did you mean call?" in shown.text


def test_after_an_error__the_variable_has_no_old_data(kernel):
    kernel.run("df = 'old'")
    kernel.run("%b24 fetch crm.deals.list -o df")
    assert kernel.value("df") is None


@pytest.mark.parametrize(
    "line",
    [
        "%b24 fetch crm.deal.list --selct ID -o df",
        "%b24 fetch crm.deal.list --limit {{unknown}} -o df",
        "%b24 fetch crm.deal.list --output=df --limit many",
        "%b24 call crm.deal.list --raw --limit 3 -o df",
        "%%b24 fetch crm.deal.list -o df\nfilter: 5",
    ],
)
def test_after_wrong_usage__the_variable_has_no_old_data(kernel, line):
    kernel.run("df = other = 'old'")
    assert kernel.run(line).status == "error"
    assert kernel.value("[df, other]") == [None, "old"]


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("call crm.deal.fields --to x.parquet --limit 3", "--limit"),
        ("call crm.deal.list --raw --to x.parquet", "--to"),
        ("call crm.deal.get --params id=5 --labels replace", "--labels"),
    ],
)
def test_a_call_of_one_request__refuses_options_of_a_list_before_it_sends_it(kernel, portal, line, option):
    before = portal.stats.requests
    assert f"{option} is for a whole list, and this call is one request" in kernel.run(f"%b24 {line}").text
    assert portal.stats.requests == before


def test_a_method__may_be_a_variable(kernel):
    kernel.run("method = 'crm.deal.list'")
    assert kernel.run("%b24 call $method --select ID --limit 3 -o df").status == "ok"
    assert kernel.value("len(df)") == 3
    assert "crm.deal.get" in kernel.run("%b24 methods crm.*.get").text


def test_a_write__needs_the_word(kernel, portal):
    before = portal.stats.requests
    assert kernel.run("%b24 call crm.deal.delete --params id=1").status == "error"
    assert portal.stats.requests == before


@pytest.mark.parametrize("line", ["%b24 call?", "%b24 call crm.deal.list?", "%b24 call --help"])
def test_help__of_a_command_is_shown(kernel, line):
    shown = kernel.run(line)
    assert "--filter COND" in shown.text
    assert shown.status == "ok"


def test_load_ext__twice_and_unload_leave_one_and_none(kernel):
    kernel.run("%load_ext b24data\n%load_ext b24data")
    count = "len([m for m in get_ipython().Completer.custom_matchers if 'B24Magic' in repr(m)])"
    assert kernel.value(count) == 1
    kernel.run("%unload_ext b24data")
    assert kernel.value(count) == 0
    assert "not found" in kernel.run("%b24 status").text


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%b24 de", "%b24 describe"),
        ("%b24 call crm.dea", "%b24 call crm.deal.list"),
        ("df = %b24 fetch tasks.ta", "df = %b24 fetch tasks.task.list"),
        ("%%b24 call crm.contact.l", "%%b24 call crm.contact.list"),
        ("%b24 fetch crm.deal.list --fi", "%b24 fetch crm.deal.list --filter"),
        ("%b24 fetch crm.deal.list --select ID,OPPOR", "%b24 fetch crm.deal.list --select ID,OPPORTUNITY"),
        ("%b24 fetch crm.deal.list --filter >=DATE_C", "%b24 fetch crm.deal.list --filter >=DATE_CREATE="),
        ("%b24 fetch crm.deal.list --labels r", "%b24 fetch crm.deal.list --labels replace"),
        ("%b24 fetch crm.deal.list --params $my_p", "%b24 fetch crm.deal.list --params $my_params"),
    ],
)
def test_tab__offers(kernel, typed, offered):
    kernel.run("my_params = {}\n_ = get_ipython().run_line_magic('b24', 'describe crm.deal.list')")
    assert offered in kernel.matches(typed)


def test_tab__opens_no_socket(kernel, portal):
    before = portal.stats.requests
    kernel.matches("%b24 fetch crm.lead.list --select T")
    kernel.matches("%b24 call c")
    assert portal.stats.requests == before


def test_tab__knows_fields_that_an_earlier_notebook_asked_for(kernel):
    kernel.run(
        "import os, time\n"
        "from b24data.client import chosen\n"
        "chosen._chosen.clear(), chosen._waiting.clear()\n"  # what other tests have chosen in this kernel
        "from b24data.auth.webhook import HookCredentials\n"
        "from b24data.fields.fields import Field\n"
        "from b24data.fields.cache import cache_of\n"
        "from b24data.http.session import Session\n"
        "url = 'https://acme.bitrix24.com/rest/1/' + 'a' * 8 + '/'\n"
        "cache = cache_of(Session(HookCredentials(url), None))\n"
        "cache.put('v2', 'crm.quote.list', {}, {'CLOSEDATE': Field('CLOSEDATE', 'CLOSEDATE')}, at=1.0)\n"
        "hook, os.environ['B24_WEBHOOK'] = os.environ['B24_WEBHOOK'], url\n"
        "%reload_ext b24data"
    )
    try:
        typed = "%b24 fetch crm.quote.list --select CLO"
        assert f"{typed}SEDATE" in kernel.matches(typed)
    finally:
        kernel.run("os.environ['B24_WEBHOOK'] = hook\n%reload_ext b24data")
    assert f"{typed}SEDATE" not in kernel.matches(typed)


def test_tab__elsewhere_is_left_to_python(kernel):
    kernel.run("my_params = {}")
    assert "my_params" in kernel.matches("my_par")


def test_login__where_nobody_can_answer_fails_at_once_with_what_to_do(kernel):
    shown = kernel.run("%b24 login --profile nobody", allow_stdin=False)
    assert shown.status == "error"
    assert "no prompt is possible here to sign in as 'nobody'" in shown.text
    assert "b24data login" in shown.text
