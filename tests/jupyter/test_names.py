"""The names on a ``%b24`` line are those that Python would see where the line stands."""

import pytest

OUTSIDE = "stage = 'WON'\nleast = 10**9\n"
LINE = "%b24 fetch crm.deal.list --select ID,STAGE_ID --limit 5 --filter STAGE_ID="


def stages(kernel, code):
    """The stages of the deals that ``code`` leaves in ``came``."""
    shown = kernel.run(code)
    assert shown.status == "ok", shown.text
    return kernel.value("sorted(set(came['STAGE_ID']))")


@pytest.mark.parametrize("said", ["$stage", "${stage}", "{{stage}}", "{{[one for one in [stage] if one == stage][0]}}"])
@pytest.mark.parametrize("outside", ["", OUTSIDE])
def test_a_variable_of_a_function__comes_before_the_notebooks(kernel, said, outside):
    line = f'found = {LINE}"{said}"' if '"' not in said else f"found = {LINE}{said}"
    code = f"{outside}def deals(stage):\n    {line}\n    return found\n"
    kernel.run(code)
    assert stages(kernel, "came = deals('NEW')") == ["NEW"]


@pytest.mark.parametrize("outside", ["", OUTSIDE])
def test_a_variable_of_an_enclosing_function__is_seen_after_that_has_returned(kernel, outside):
    kernel.run(
        f"{outside}def outer(stage):\n    def inner():\n        found = {LINE}$stage\n        return found\n"
        "    return inner\n"
        "new, won = outer('NEW'), outer('WON')"
    )
    assert stages(kernel, "won()\ncame = new()") == ["NEW"]


def test_a_method__sees_its_own_and_not_those_of_its_class(kernel):
    kernel.run(
        "stage = 'WON'\nclass Deals:\n    stage = 'LOSE'\n    wanted = 'NEW'\n"
        f"    def of_self(self):\n        found = {LINE}$self.wanted\n        return found\n"
        f"    def of_all(self):\n        found = {LINE}$stage\n        return found"
    )
    assert stages(kernel, "came = Deals().of_self()") == ["NEW"]
    assert stages(kernel, "came = Deals().of_all()") == ["WON"]


@pytest.mark.parametrize("runs", ["run_line_magic('b24', line)", "run_cell_magic('b24', head, body)"])
def test_a_magic_that_a_function_runs_by_name__sees_its_variables(kernel, runs):
    kernel.run(
        f"{OUTSIDE}head = 'fetch crm.deal.list --select ID,STAGE_ID --limit 5'\n"
        "line, body = head + ' --filter STAGE_ID=$stage', 'filter:\\n  STAGE_ID: $stage'\n"
        f"def deals(stage):\n    return get_ipython().{runs}"
    )
    assert stages(kernel, "came = deals('NEW')") == ["NEW"]


def test_a_comprehension__sees_its_own_variable_and_those_around_it(kernel):
    line = "fetch crm.deal.list --select ID,STAGE_ID --limit $rows --filter STAGE_ID=$stage"
    call = f"get_ipython().run_line_magic('b24', {line!r})"
    kernel.run(f"rows, stage = 1, 'WON'\ndef deals(rows):\n    return [{call} for stage in ['NEW', 'LOSE']]")
    kernel.run("found = deals(3)")
    assert kernel.value("[[len(one), set(one['STAGE_ID']).pop()] for one in found]") == [[3, "NEW"], [3, "LOSE"]]
    kernel.run(f"lambda_ = lambda stage: (lambda: {call})\ncame = lambda_('NEW')()")
    assert kernel.value("[len(came), set(came['STAGE_ID']).pop()]") == [1, "NEW"]


def test_a_cell__sees_the_notebooks(kernel):
    kernel.run("stage = 'NEW'")
    body = "%%b24 fetch crm.deal.list -o came\nselect: [ID, STAGE_ID]\nfilter:\n  STAGE_ID: $stage\n  <=ID: {{10 ** 9}}"
    assert stages(kernel, body) == ["NEW"]


def test_a_local_variable_without_a_value__is_an_error_and_not_the_notebooks(kernel):
    kernel.run(f"stage = 'WON'\ndef deals():\n    found = {LINE}$stage\n    stage = 'NEW'\n    return found")
    shown = kernel.run("deals()")
    assert "the local variable 'stage' has no value yet" in shown.text
    assert "Traceback" not in shown.text


def test_an_expression__needs_only_the_names_that_it_uses(kernel):
    line = "%b24 fetch crm.deal.list --select ID --limit '{{n * len([one for one in range(2)])}}'"
    kernel.run(f"df = one = 1\ndef deals(n):\n    df = {line}\n    one = df\n    return one")
    shown = kernel.run("came = deals(2)")
    assert shown.status == "ok", shown.text
    assert kernel.value("len(came)") == 4


@pytest.mark.parametrize("said", ["{{stage}}", "{{stage.lower()}}", "{{max('NEW', 'WON')}}"])
def test_an_expression__of_a_local_variable_without_a_value_is_an_error(kernel, said):
    kernel.run(f"stage = 'WON'\ndef deals():\n    found = {LINE}\"{said}\"\n    stage = max = 1\n    return found")
    name = "stage" if "stage" in said else "max"
    assert f"the local variable '{name}' has no value yet" in kernel.run("deals()").text


def test_an_error_of_an_expression__is_one_line(kernel):
    shown = kernel.run(f"{LINE}" + "{{stge}}")
    assert len(shown.errors[0]["traceback"]) == 1
    assert "{{stge}} fails: NameError" in shown.text


def test_a_keyword_behind_a_dollar_sign__is_an_error_of_its_line_alone(kernel):
    shown = kernel.run(f"{LINE}$class")
    assert "there is no variable 'class'" in shown.text
    assert "AST" not in shown.text
    assert kernel.value("[type(one).__name__ for one in get_ipython().ast_transformers]") == ["_NameCapture"]


# The semicolon.


@pytest.mark.parametrize(
    "code",
    [
        "%b24 fetch crm.deal.list --select ID --limit 2;",
        "%b24 fetch crm.deal.list --select ID --limit 2 ;\n# nothing behind it counts",
        "x = 1\n%b24 fetch crm.deal.list --select ID --limit 2;\n",
        "%%b24 fetch crm.deal.list --select ID;\nparams_are: not here",
        "%%b24 fetch crm.deal.list --select ID\nfilter: {ID: 0};",
    ],
)
def test_a_semicolon__shows_no_result(kernel, code):
    with_it, without = kernel.run(code), kernel.run(code.replace(";", ""))
    assert with_it.status == without.status == "ok", with_it.text
    assert "execute_result" not in [kind for kind, _ in with_it.outputs]
    assert "execute_result" in [kind for kind, _ in without.outputs]


def test_a_semicolon__leaves_the_value_to_a_variable(kernel):
    assert stages(kernel, f"came = {LINE}NEW;") == ["NEW"]
    shown = kernel.run(f'came = {LINE}"NEW;"')
    assert shown.status == "ok"
    assert kernel.value("len(came)") == 0


def test_unload__takes_the_transformers_out_again(kernel):
    count = (
        "[len([one for one in kind if 'b24data' in getattr(one, '__module__', type(one).__module__)]) for kind in "
        "(get_ipython().ast_transformers, get_ipython().input_transformers_post)]"
    )
    assert kernel.value(count) == [1, 1]
    kernel.run("%unload_ext b24data")
    assert kernel.value(count) == [0, 0]


# Options in a body.


@pytest.mark.parametrize(
    ("line", "body", "says"),
    [
        ("fetch crm.deal.list", "limit: 3", "put --limit on the first line"),
        ("fetch crm.deal.list", "labels: add", "put --labels on the first line"),
        ("call crm.deal.list", "To: x.parquet", "put --to on the first line"),
        ("fetch crm.deal.list", "params: {a: 1}", "put --params on the first line"),
        ("fetch crm.deal.list", "dtype_backend: pyarrow", "put --backend on the first line"),
        ("fetch crm.deal.list", "check_fields: false", "put --no-check-fields on the first line"),
        ("fetch crm.deal.list --params limit=3", "select: [ID]", "put --limit on the first line"),
    ],
)
def test_an_option_in_a_body__is_refused_before_anything_is_sent(kernel, portal, line, body, says):
    before = portal.stats.requests
    shown = kernel.run(f"%%b24 {line}\n{body}")
    assert says in shown.text
    assert portal.stats.requests == before


def test_an_option_among_the_parameters_of_a_line__is_refused(kernel):
    assert "write --limit in its place" in kernel.run("%b24 fetch crm.deal.list --params limit=3").text


@pytest.mark.parametrize("line", ["call im.recent.list", "call calendar.event.get", "call x.y.get"])
def test_a_parameter_of_the_method_itself__passes(kernel, line):
    name = {"call im.recent.list": "LIMIT", "call calendar.event.get": "to", "call x.y.get": "limit"}[line]
    assert "is an option" not in kernel.run(f"%%b24 {line}\n{name}: 3").text


def test_a_method__may_be_a_reference(kernel):
    kernel.run("method = 'crm.deal.list'")
    assert kernel.value("1") == 1
    shown = kernel.run("came = %b24 fetch $method --select ID --limit 3")
    assert shown.status == "ok", shown.text
    assert kernel.value("len(came)") == 3
    assert "there is no variable 'metod'. Hint: did you mean $method?" in kernel.run("%b24 call $metod").text


def test_output__in_a_function_that_has_such_a_variable_is_refused(kernel, portal):
    kernel.run("def deals(df):\n    %b24 fetch crm.deal.list --select ID --limit 3 -o df\n    return df")
    before = portal.stats.requests
    assert "write df = %b24 fetch crm.deal.list" in kernel.run("deals(None)").text
    assert portal.stats.requests == before


def test_tab__knows_variables_in_braces(kernel):
    kernel.run("my_params = {}")
    typed = "%b24 fetch crm.deal.list --params ${my_p"
    assert "%b24 fetch crm.deal.list --params ${my_params}" in kernel.matches(typed)
