"""``%%b24 sql`` in a real kernel: its parameters, its tables, what it shows, and its errors."""

import re

import pytest


def column(kernel, code, name="id"):
    """A column of the frame that a cell leaves in ``found``."""
    shown = kernel.run(code)
    assert shown.status == "ok", shown.text
    return kernel.value(f"found[{name!r}].tolist()")


def test_a_cell__shows_the_answer_and_what_was_read_of_each_table(kernel):
    shown = kernel.run("%%b24 sql\nselect id, title\nfrom deals\nwhere id <= 10\norder by id;")
    assert shown.status == "ok", shown.text
    assert shown.html.count("<tr") > 5
    last = [content["data"]["text/plain"] for kind, content in shown.outputs if "display" in kind][-1]
    assert last.startswith("crm.item.list: ")
    assert "complete" in last
    assert kernel.value("_.attrs['b24data']['tables']['deals']['sent']") == ["<=id 10"]


def test_output__puts_the_answer_into_a_variable_and_shows_it_not(kernel):
    shown = kernel.run("%%b24 sql -o found\nselect count(*) as n from deals")
    assert [kind for kind, _ in shown.outputs if kind == "execute_result"] == []
    assert kernel.value("int(found['n'][0])") == 230


def test_a_line__takes_a_query_in_quotation_marks(kernel):
    assert column(kernel, "found = %b24 sql \"select id from deals where stage_semantic_id = 'S' and id < 90\"")


@pytest.mark.parametrize("sign", ["$", ":"])
def test_a_variable__is_a_bound_parameter_and_never_text_of_the_query(kernel, sign):
    kernel.run("first = %b24 sql 'select min(id) as id from deals'\nleast, words = first['id'][0], \"' or 1 = 1 --\"")
    code = f"%%b24 sql -o found\nselect id from deals where id = {sign}least or title = {sign}words"
    assert column(kernel, code) == kernel.value("first['id'].tolist()")
    kernel.run("import pandas as pd, numpy as np, datetime as dt\nids = pd.Series([3, 4, 5]); one = np.int64(4)")
    listed = column(kernel, "%%b24 sql -o found\nselect $one in $ids as id, $ids as ids")
    assert listed == [True]
    kernel.run("day = pd.Timestamp('2025-06-01', tz='Europe/Berlin')")
    assert column(kernel, "%%b24 sql -o found\nselect cast($day as text) as id") == ["2025-05-31 22:00:00+00"]


def test_a_variable_of_a_function__comes_before_the_notebooks(kernel):
    kernel.run(
        "least, plan = 10**9, 5\n"
        "def deals(least):\n"
        "    import pandas as pd\n"
        "    plan = pd.DataFrame({'id': [least]})\n"
        '    found = %b24 sql "select p.id, $least as least from plan p"\n'
        "    return found\n"
        "def outer(least):\n"
        "    def inner():\n"
        "        return get_ipython().run_line_magic('b24', 'sql \"select $least as id\"')\n"
        "    return inner\n"
    )
    assert column(kernel, "found = deals(7)", "least") == [7]
    assert column(kernel, "found = deals(7)") == [7]
    assert column(kernel, "found = outer(8)()") == [8]


def test_frames__are_tables_by_their_names_behind_those_of_the_portal(kernel):
    kernel.run(
        "import pandas as pd, pyarrow as pa\n"
        "Plan = pd.DataFrame({'stage': ['NEW', 'WON'], 'goal': [1, 2]})\n"
        "marks = pa.table({'id': [1, 2, 3]})\ndeals = pd.DataFrame({'id': [-1]})"
    )
    code = "select goal as id from Plan join marks on marks.id = goal join deals d on d.stage_id = plan.stage"
    found = column(kernel, f"%%b24 sql -o found\n{code}")
    assert set(found) == {1, 2}
    assert kernel.value("list(found.attrs['b24data']['tables'])") == ["deals"]
    shown = kernel.run("%b24 sql \"select name from (show tables) where name in ('Plan', 'marks')\"")
    assert "Hint" in shown.text or "Plan" in shown.text
    names = kernel.run("tables = %b24 sql \"show tables\"\nprint(sorted(set(tables['name']) & {'Plan', 'marks'}))")
    assert "['Plan', 'marks']" in names.text


def test_a_dry_run__shows_the_plan_and_reads_no_row(kernel):
    shown = kernel.run("%%b24 sql --dry-run\nselect title from deals where stage_id = 'WON' and title like 'a%'")
    assert "to the portal: =stageId WON" in shown.text
    assert "in the engine: title LIKE 'a%'" in shown.text
    assert "requests" in shown.html


def test_a_folder__is_queried_without_the_portal(kernel, portal):
    kernel.run("import b24data\n_ = b24data.connect().tools.sync_crm('crm', tables=['deals', 'categories'])")
    before = portal.stats.requests
    kernel.run("folder, plan = 'crm', __import__('pandas').DataFrame({'id': [5]})")
    shown = kernel.run("%%b24 sql --crm $folder -o found\nselect count(*) as n from deals, plan")
    assert shown.status == "ok", shown.text
    assert kernel.value("int(found['n'][0])") == 230
    assert portal.stats.requests == before


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("%%b24 sql\nselect tittle from deals", "there is no column tittle. Hint: did you mean title?"),
        ("%%b24 sql\nselect 1 from dealz", "there is no table dealz. Hint: did you mean deals?"),
        ("%%b24 sql\nselect 1 from pla", "did you mean plan"),
        (
            "%%b24 sql\nselect id from deals where id = $leest",
            "there is no variable 'leest'. Hint: did you mean $least?",
        ),
        ("%%b24 sql\nselect id from deals where id = $plan", "$plan is of type DataFrame"),
        ("%%b24 sql\nselect id from deals where id = $pd", "$pd is of type module"),
        ("%%b24 sql\nselect id from mixed", "mixed can't be read as a table"),
        ("%%b24 sql\nselect id frm deals", "the query can't be read"),
        ("%%b24 sql -o found\ndrop table deals", "drop is refused"),
        ("%%b24 sql --crm nowhere\nselect 1 from deals", "nowhere"),
        ("%%b24 sql --limit 5\nselect 1", "%b24 sql does not know '--limit'"),
        ("%%b24 sql select 1\nselect 1", "%b24 sql does not know '1'"),
        ("%%b24 sql 'select 1'\nselect 1", "the query stands in the other lines of the cell"),
        ("%b24 sql", "has no query"),
    ],
)
def test_an_error__is_one_line_and_leaves_no_old_data(kernel, cell, says):
    kernel.run(
        "import pandas as pd\nleast, found, plan = 1, 'old', pd.DataFrame({'id': [1]})\n"
        "mixed = pd.DataFrame({'id': [1, 'x', {}]})"
    )
    shown = kernel.run(cell)
    assert shown.status == "error"
    assert says in shown.text
    assert len(shown.errors) == 1
    assert len(shown.errors[0]["traceback"]) == 1
    assert "\n" not in shown.errors[0]["traceback"][0]
    if "-o found" in cell:
        assert kernel.value("found") is None


def test_help__shows_the_options(kernel):
    for line in ("%%b24 sql?", "%b24 sql --help"):
        shown = kernel.run(line)
        assert "--crm DIR" in shown.text
    assert "one SELECT" in kernel.run("%b24 help").text


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%%b24 sql\nselect * from dea|", ["deals"]),
        ("%%b24 sql -o top\nselect *\nfrom deals d join comp|", ["companies"]),
        ("%%b24 sql\nselect * from deals, use|", ["users"]),
        ("%%b24 sql\nselect * from crm.con|", ["crm.contact.list"]),
        ("%%b24 sql\nselect * from pla|", ["plan"]),
        ("%%b24 sql\nselect * from (select * from lea|", ["leads"]),
        ("%%b24 sql\nselect comp| from deals where id < 5", ["company_id"]),
        (
            "%%b24 sql\nselect d.begin| from deals d join companies c on c.id = d.company_id",
            ["begindate"],
        ),
        ("%%b24 sql\nselect c.indu| from deals d join companies as c on c.id = d.company_id", ["industry"]),
        ("%%b24 sql\nselect d.id from deals d, companies c where c.indu|", ["industry"]),
        ("%%b24 sql\nselect d.indu| from deals d, companies c", []),
        ("%%b24 sql\nselect id, titl| from deals", ["title"]),
        (
            "%%b24 sql\nselect x.titl| from (select id, title from deals) y, companies as x where x.id in (1, 2)",
            ["title"],
        ),
        ("%%b24 sql\nselect goa| from plan", ["goal"]),
        ("%%b24 sql\nselect id from deals where id < $my_l|", ["my_least"]),
        ("%%b24 sql\nselect id from deals where id < :my_l|", ["my_least"]),
        ("%%b24 sql --crm kept\nselect * from funn|", ["funnel"]),
        ("%%b24 sql --crm kept\nselect pass| from funnel", ["passed_on"]),
        ("%%b24 sql --dry|", ["--dry-run"]),
        ("%%b24 s|", ["sql", "status"]),
        ('found = %b24 sql "select comp| from deals"', ["company_id"]),
        ('client.sql("select comp| from deals")', ["company_id"]),
        ('client.sql("""\nselect *\nfrom dea|""")', ["deals"]),
        ("client.sql('select * from funn|', crm='kept')", ["funnel"]),
    ],
)
def test_tab__offers_tables_columns_and_variables_and_asks_nothing(knowing, portal, typed, offered):
    before = portal.stats.requests
    cursor = typed.index("|")
    whole = typed.replace("|", "")
    start = len(re.search(r"[\w.-]*$", whole[:cursor])[0].rpartition(".")[2]) if "crm." not in typed else 7
    found = {one[cursor - start :] for one in knowing.matches(whole, cursor)}
    assert set(offered) <= found
    assert bool(offered) or not found
    assert portal.stats.requests == before


@pytest.fixture(scope="module")
def _known(_kernel):
    _kernel.run(
        "%load_ext b24data\nimport b24data\nclient = b24data.connect()\nmy_least = 5\n"
        "plan = __import__('pandas').DataFrame({'goal': [1]})\n"
        "_ = client.tools.sync_crm('kept', tables=['deals', 'categories'])\n"
        '%b24 login --profile $client\n%b24 sql "describe deals"\n%b24 sql "describe companies"'
    )
    return _kernel


@pytest.fixture
def knowing(_known):
    """A kernel in which the fields of deals and companies were described, which other tests may have reset."""
    shown = _known.run("plan, client, my_least")
    assert shown.status == "ok", shown.text
    return _known


def test_tab__in_the_query_of_another_library_is_left_alone(knowing):
    knowing.run("import duckdb")
    assert 'duckdb.sql("select * from deals' not in knowing.matches('duckdb.sql("select * from dea')  # files may be


def test_describe_and_show_tables__ask_for_no_row(kernel, portal):
    kernel.run('%b24 sql "describe deals"')
    before = portal.stats.requests
    shown = kernel.run("%%b24 sql -o found\ndescribe deals")
    assert shown.status == "ok", shown.text
    assert "company_id" in kernel.value("found['column_name'].tolist()")
    kernel.run('found = %b24 sql "show tables"')
    assert "deals" in kernel.value("found['name'].tolist()")
    assert portal.stats.requests == before
