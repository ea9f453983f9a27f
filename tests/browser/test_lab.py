"""In JupyterLab and Notebook 7, as a person sees it."""

import re
import socket

import pytest
from playwright.sync_api import expect

MAGIC = "%load_ext b24data"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def fill(notebook, portal):
    secret = portal.oauth_secret()
    notebook.field("Portal").fill(f"{portal.url}/company/personal/?from=mail")
    notebook.field("Application ID").fill(secret["client_id"])
    notebook.field("Application key").fill(secret["client_secret"])
    notebook.page.get_by_role("button", name="Get a link").click()
    return notebook.page.get_by_role("link", name="and agree")


def test_panel__is_signed_in_when_the_browser_comes_back(notebook, portal, lab):
    port = free_port()
    portal.redirect_to(f"http://127.0.0.1:{port}/")
    lab_notebook = notebook(f"import b24data\npanel = b24data.login('loop', port={port})", "1 + 1")
    lab_notebook.run(0)
    link = fill(lab_notebook, portal)
    link.wait_for()
    lab_notebook.shoot("panel-link")
    with lab_notebook.page.expect_popup() as popup:
        link.click()
    expect(popup.value.get_by_text("You are signed in")).to_be_visible()
    assert "code=" not in popup.value.url
    expect(lab_notebook.page.get_by_text("Signed in to 127.0.0.1")).to_be_visible()
    lab_notebook.shoot("panel-signed-in")
    lab_notebook.run(1)
    lab_notebook.done(1)
    lab_notebook.save()
    secrets = [portal.oauth_secret()["client_secret"], *pair_of(lab, "loop")]
    assert found_in(lab, secrets) == []


def test_panel__is_signed_in_by_a_pasted_code_and_the_frame_is_there_by_tab(notebook, portal, lab):
    portal.redirect_to("")
    lab_notebook = notebook(
        "import b24data\npanel = b24data.login('paste', port=0)",
        f"{MAGIC}\n%b24 login --profile paste",
        "deals = %b24 fetch crm.deal.l",
        "deals.head(3)",
    )
    lab_notebook.run(0)
    link = fill(lab_notebook, portal)
    with lab_notebook.page.expect_popup() as popup:
        link.click()
    code = popup.value.get_by_text("Authorization code:").first.inner_text().rpartition(" ")[2]
    popup.value.close()
    pasted = lab_notebook.field("Code or address")
    pasted.fill(code)
    expect(lab_notebook.page.get_by_text("Signed in to 127.0.0.1")).to_be_visible()
    assert (
        lab_notebook.page.locator("input[type=password]").evaluate_all("all => all.map(one => one.value).join('')")
        == ""
    )

    lab_notebook.run(1)
    lab_notebook.done(1)
    cell = lab_notebook.cell(2)
    cell.locator(".cm-content").click()
    lab_notebook.page.keyboard.press("Control+End")
    lab_notebook.page.keyboard.press("Tab")
    expect(lab_notebook.page.locator(".jp-Completer")).to_contain_text("crm.deal.list")
    lab_notebook.shoot("tab")
    lab_notebook.page.keyboard.press("Enter")
    expect(cell.locator(".cm-content")).to_contain_text("crm.deal.list")
    lab_notebook.page.keyboard.type(" --select ID,TITLE,OPPORTUNITY")
    lab_notebook.page.keyboard.press("Shift+Enter")
    expect(cell.get_by_text("500 rows")).to_be_visible()
    lab_notebook.run(3)
    expect(lab_notebook.cell(3).locator("table.dataframe")).to_contain_text("OPPORTUNITY")
    lab_notebook.shoot("fetch-by-tab")
    lab_notebook.save()
    assert found_in(lab, [code, portal.oauth_secret()["client_secret"], *pair_of(lab, "paste")]) == []


def test_fetch__shows_its_bar_and_stops_at_once_when_interrupted(notebook, slow_portal, lab):
    lab_notebook = notebook(
        MAGIC,
        "%b24 fetch crm.deal.list --select ID,TITLE,OPPORTUNITY -o deals",
        "print('the kernel', 'goes on', deals)",
    )
    lab_notebook.run(0)
    lab_notebook.done(0)
    cell = lab_notebook.run(1)
    expect(cell.locator("progress")).to_be_visible()
    expect(cell.get_by_text(re.compile(r"\d,\d{3} rows, .* left"))).to_be_visible()
    lab_notebook.shoot("progress")
    lab_notebook.page.get_by_role("button", name="Interrupt the kernel").click()
    expect(cell.get_by_text("KeyboardInterrupt: stopped; no more requests are sent")).to_be_visible()
    assert cell.get_by_text("Traceback").count() == 0
    lab_notebook.done(1)  # what is sent while a cell fails is dropped with it
    lab_notebook.run(2)
    expect(lab_notebook.cell(2).get_by_text("the kernel goes on None")).to_be_visible()
    sent = slow_portal.stats.requests
    lab_notebook.shoot("interrupted")
    lab_notebook.save()
    assert slow_portal.stats.requests == sent
    assert found_in(lab, [slow_portal.webhook_url.rstrip("/").rpartition("/")[2]]) == []


def test_panel__tells_what_is_wrong_in_the_dark_theme_too(notebook, portal):
    portal.redirect_to("")
    lab_notebook = notebook("import b24data\npanel = b24data.login('wrong', port=0)")
    page = lab_notebook.page
    page.get_by_role("menuitem", name="Settings").click()
    page.get_by_text("Theme", exact=True).hover()
    page.get_by_text("JupyterLab Dark", exact=True).click()
    expect(page.locator("body[data-jp-theme-light=false]")).to_have_count(1)
    lab_notebook.run(0)
    fill(lab_notebook, portal).wait_for()
    lab_notebook.field("Code or address").fill("a-code-of-yesterday")
    expect(page.get_by_role("alert")).to_contain_text("valid for 30 seconds and works once")
    expect(page.get_by_role("button", name="New link")).to_be_enabled()
    lab_notebook.shoot("panel-stale-dark")


def test_notebook_7__has_the_panel_the_bar_and_the_frame(notebook, portal):
    portal.redirect_to("")
    lab_notebook = notebook(
        "import b24data\npanel = b24data.login('seven', port=0)",
        "deals = panel.client.tools.fetch_all('crm.deal.list', ['ID', 'TITLE'])\ndeals.head(2)",
        place="notebook",
    )
    lab_notebook.run(0)
    fill(lab_notebook, portal).wait_for()
    lab_notebook.field("Code or address").fill(portal.authorization_code())
    expect(lab_notebook.page.get_by_text("Signed in to 127.0.0.1")).to_be_visible()
    cell = lab_notebook.run(1)
    expect(cell.get_by_text("500 rows")).to_be_visible()
    expect(cell.locator("table.dataframe")).to_contain_text("TITLE")
    lab_notebook.shoot("notebook-7")


@pytest.mark.parametrize("place", ["lab", "notebook", "classic"])
def test_a_secret_that_was_typed__is_in_no_file_when_the_notebook_is_saved_with_its_widgets(
    notebook, portal, lab, place
):
    cells = f"import b24data\npanel = b24data.login('saved-{place}', port=0)", "1"
    typed = portal.oauth_secret()["client_secret"]
    one = notebook(*cells, place=place)
    one.run(0)
    one.type("Application key", typed, "Tab", one.page.locator('input[placeholder*="received and hidden"]').first)
    expect(one.field("Application key")).to_have_attribute("placeholder", re.compile("received and hidden"))
    one.save()
    one.page.get_by_role("button", name="Incoming webhook").click()
    one.type("Webhook", portal.webhook_url, "Enter", one.page.get_by_text("Signed in to 127.0.0.1").first)
    expect(one.page.get_by_text("Signed in to 127.0.0.1")).to_be_visible()
    one.shoot(f"panel-{place}")
    one.save()
    assert "application/vnd.jupyter.widget-state+json" in one.path.read_text("utf-8")
    assert found_in(lab, [typed, portal.webhook_url.rstrip("/").rpartition("/")[2]]) == []


def pair_of(lab, profile):
    """The tokens that the profile has now: secrets that must be nowhere else."""
    import json

    stored = json.loads((lab.folder / "b24data_config_dir" / "profiles" / f"{profile}.json").read_text())
    params = stored["tokens"]["params"]
    return [params["access_token"], params["refresh_token"]]


def found_in(lab, secrets):
    """The files of the server, notebooks with widget state and its log among them, that hold a secret."""
    kept = lab.folder / "b24data_config_dir"
    files = [path for path in lab.folder.rglob("*") if path.is_file() and not path.is_relative_to(kept)]
    assert lab.log in files
    assert any(path.suffix == ".ipynb" for path in files)
    return [path.name for path in files if any(secret.encode() in content_of(path) for secret in secrets)]


def content_of(path):
    """The bytes of a file; none if the server has removed it meanwhile, such as the journal of its database."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def test_sql__a_cell_has_its_answer_tab_plan_and_errors(notebook):
    query = (
        "select c.title, count(*) as deals, sum(d.opportunity) as amount\n"
        "from deals d join companies c on c.id = d.company_id\n"
        "where d.stage_id = $stage and d.created_time >= '2025-01-01'\n"
        "group by all order by amount desc limit 5"
    )
    lab_notebook = notebook(
        f"from b24data import Sandbox\n{MAGIC}\nstage = 'WON'\n"
        "b24 = Sandbox(deals=300, companies=40).start().connect()\n%b24 login --profile $b24",
        f"%%b24 sql\n{query}",
        f"%%b24 sql --dry-run\n{query}",
        "%%b24 sql\nselect tittle from deals where id < 100",
        "%%b24 sql\nselect id, titl from deals",
        "%%b24 sql\nselect count(*) from compan",
    )
    page = lab_notebook.page
    lab_notebook.run(0)
    lab_notebook.done(0)
    lab_notebook.run(1)
    lab_notebook.done(1)
    expect(lab_notebook.cell(1).locator("table.dataframe")).to_contain_text("amount")
    expect(lab_notebook.cell(1).get_by_text(re.compile(r"crm\.item\.list: .* complete")).first).to_be_visible()
    lab_notebook.shoot("sql-answer")
    lab_notebook.run(2)
    lab_notebook.done(2)
    expect(lab_notebook.cell(2).get_by_text("to the portal: =stageId WON")).to_be_visible()
    lab_notebook.run(3)
    lab_notebook.done(3)
    error = "SchemaError: there is no column tittle. Hint: did you mean title?"
    expect(lab_notebook.cell(3).get_by_text(error)).to_be_visible()
    assert page.get_by_text("Traceback").count() == 0
    lab_notebook.shoot("sql")
    for number, presses, offered in ((4, 11, "title"), (5, 0, "companies")):
        lab_notebook.cell(number).locator(".cm-content").click()
        page.keyboard.press("Control+End")
        for _ in range(presses):
            page.keyboard.press("ArrowLeft")
        page.keyboard.press("Tab")
        completer = page.locator(".jp-Completer:not(.lm-mod-hidden)")
        expect(completer.or_(lab_notebook.cell(number).get_by_text(offered))).to_contain_text(offered)
        lab_notebook.shoot(f"sql-tab-{offered}")
        page.keyboard.press("Enter" if completer.count() else "End")
        expect(lab_notebook.cell(number).locator(".cm-content")).to_contain_text(offered)
