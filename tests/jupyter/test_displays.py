"""What a notebook shows: progress, reports, answers and clients."""

import re

import pytest

from b24data import AjaxError, AjaxResult, CrmReport, FetchReport, TableReport
from b24data.lists.estimate import Estimate
from b24data.report import Coercion
from b24data.text.markup import facts_html

FETCH = "b24data.connect().tools.fetch_all('crm.deal.list', ['ID']{options})"


@pytest.fixture
def fetch(kernel):
    def run(options="", **kwargs):
        return kernel.run("import b24data\ndf = " + FETCH.format(options=options), **kwargs)

    return run


def kinds(shown):
    return [kind for kind, _ in shown.outputs]


def test_progress__is_one_display_whose_last_line_stays(fetch):
    fetch()  # the first one also tells that the method is deprecated
    shown = fetch()
    assert kinds(shown)[0] == "display_data"
    assert set(kinds(shown)[1:]) == {"update_display_data"}
    ids = {content["transient"]["display_id"] for _, content in shown.outputs}
    assert len(ids) == 1
    last = shown.outputs[-1][1]["data"]
    assert re.fullmatch(r"crm\.deal\.list: 230 rows, [\d.]+ s, complete", last["text/plain"])
    assert "<progress" not in last["text/html"]


def test_progress__of_an_unattended_notebook_is_lines(fetch):
    shown = fetch(allow_stdin=False)
    assert set(kinds(shown)) == {"stream"}
    assert "230 rows" in shown.text


def test_progress__can_be_silenced_or_taken(fetch, kernel):
    assert fetch(", progress=False").outputs == []
    kernel.run("seen = []")
    assert fetch(", progress=seen.append").outputs == []
    assert kernel.value("[seen[0].kind, seen[-1].kind]") == ["start", "done"]


def test_progress__shows_what_is_waited_for_and_how_far_it_is(kernel):
    shown = kernel.run(
        "from b24data.progress import HtmlBar, ProgressEvent\nbar = HtmlBar()\n"
        "bar(ProgressEvent(kind='rows', label='crm.<b>', rows=10, fraction=0.25, seconds=1))\n"
        "bar(ProgressEvent(kind='wait', label='crm.<b>', reason='operating limit', wait_s=90, until=0))"
    )
    assert 'value="0.250"' in shown.html
    assert "crm.&lt;b&gt;" in shown.html
    assert "waiting 90 s for the operating limit, until " in shown.html


def test_progress__of_many_pieces_folds_behind_its_summary_at_the_end(kernel):
    shown = kernel.run(
        "from b24data.progress import HtmlBar, ProgressEvent\nbar = HtmlBar()\n"
        "for number in range(9):\n"
        "    bar(ProgressEvent(kind='note', label='crm', summary=f'table {number}: 5 rows'))\n"
        "bar(ProgressEvent(kind='done', label='crm', summary='the <CRM>: 45 rows'))"
    )
    assert "<details><summary>the &lt;CRM&gt;: 45 rows</summary>" in shown.html
    assert shown.html.count("5 rows</div>") == 9


def test_a_report_of_a_crm__is_a_table_in_the_readers_language(monkeypatch):
    tables = [
        TableReport(name="deals", state="ok", rows=1200, transferred=30, requests=4),
        TableReport(name="calls", state="no access", why="crm: <b>ACCESS_DENIED</b>"),
    ]
    report = CrmReport(
        portal="acme", target="crm", began="", seconds=4.0, tables={one.name: one for one in tables}, own_requests=1
    )
    shown = report._repr_html_()
    assert "✗ acme: 2 tables in 4.0 s, 5 requests" in shown
    assert ">1,200</td>" in shown
    assert "no access<br>crm: &lt;b&gt;ACCESS_DENIED&lt;/b&gt;" in shown
    monkeypatch.setenv("B24DATA_LANG", "ru")
    shown = report._repr_html_()
    assert "✗ acme: 2 таблицы за 4,0 с, 5 запросов" in shown
    assert ">1\xa0200</td>" in shown
    assert ">передано</th>" in shown
    assert "нет доступа" in shown


def test_an_estimate__is_in_the_readers_language(monkeypatch):
    monkeypatch.setenv("B24DATA_LANG", "ru")
    shown = Estimate("crm.deal.list", rows=468, requests=3, seconds=95, operating_share=0.0)._repr_html_()
    words = re.findall(r"[A-Za-z]{3,}", re.sub(r"<[^>]+>", " ", shown).replace("crm.deal.list", ""))
    assert words == []


def test_a_report__is_read_at_a_glance():
    report = FetchReport(
        method="crm.deal.list",
        portal="acme.bitrix24.com",
        walk="keyset",
        reason="reached_pinned_id",
        complete=True,
        rows=69112,
        seconds=41.0,
        waited_s={"operating limit": 12.5},
        coercions={"UF_<x>": Coercion(3, "<script>")},
    )
    shown = report._repr_html_()
    assert "✓ crm.deal.list at acme.bitrix24.com: 69,112 rows, complete" in shown
    assert "12.5 s for operating limit" in shown
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown


def test_an_answer__shows_its_record_and_where_the_list_is():
    answer = AjaxResult("crm.deal.list", result=[{"ID": "1", "TITLE": "<i>"}] * 50, total=230, next=50)
    assert "crm.deal.list: first 50 of 230 rows, of which the first" in answer._repr_html_()
    assert "&lt;i&gt;" in answer._repr_html_()
    failed = AjaxResult("crm.deal.get", error=AjaxError("crm.deal.get", "Not found", code="NOT_FOUND"))
    assert "✗ crm.deal.get: NOT_FOUND" in failed._repr_html_()


def test_clients__show_portal_and_user_and_no_secret(portal):
    with portal.connect() as b24, portal.hook() as hook:
        pair = b24.auth.get_auth_data()
        shown = b24._repr_html_() + hook._repr_html_()
        assert shown.count(portal.url.partition("://")[2]) == 2
        secrets = [pair["access_token"], pair["refresh_token"], hook.auth.get_auth_data()["access_token"]]
        assert [one for one in secrets if one in shown] == []


def test_tables__have_no_colours_of_their_own():
    assert "color" not in facts_html("title", [("a", "b")], good=False)
