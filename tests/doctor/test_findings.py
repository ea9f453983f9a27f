"""``b24data doctor --portal``: what a portal really does, told without naming it."""

import json

import pytest

from b24data import B24Hook, Sandbox
from b24data.cli.main import main
from b24data.doctor.findings import Finding, findings_of, portal_kind
from tests.clocks import ScaledClock


def found_at(method="crm.deal.list", params=None, **sandbox):
    with Sandbox(deals=200, **sandbox) as portal:
        [finding] = findings_of(portal.connect(), [method], params)
    return finding


def test_a_portal_that_keeps_its_word__is_walked_by_id():
    finding = found_at()
    assert (finding.walk, finding.page, finding.rows_of_first_page) == ("keyset", 50, 50)
    assert [finding.order, finding.above, finding.below, finding.floor, finding.chains] == [True] * 5
    assert finding.short_page_ends
    assert finding.seconds > 0


@pytest.mark.parametrize(
    ("ignores", "seen", "walk"),
    [
        (["order"], {"order": False, "above": None}, "offset"),
        ([">id"], {"order": True, "above": False}, "offset"),
        (["<=id"], {"order": True, "above": True, "below": False}, "keyset"),
        (["<=id", ">=id"], {"above": True, "below": False, "floor": False}, "keyset"),
    ],
    ids=str,
)
def test_a_portal_that_ignores_something__is_told_and_walked_another_way(ignores, seen, walk):
    finding = found_at(ignores=ignores)
    assert finding.walk == walk
    assert {name: getattr(finding, name) for name in seen} == seen


def test_too_few_rows__prove_nothing():
    finding = found_at("crm.lead.list", leads=3)
    assert (finding.walk, finding.rows_of_first_page) == ("keyset", 3)
    assert [finding.order, finding.above, finding.below, finding.floor, finding.chains] == [None] * 5


def test_a_list_without_a_walk_by_id__tells_its_first_page():
    finding = found_at("crm.status.list")
    assert finding.walk == "whole"
    assert finding.rows_of_first_page > 20
    assert finding.order is None


def test_params__reach_the_list():
    assert found_at("crm.item.list", {"entityTypeId": 2}).walk == "keyset"
    assert "needs entityTypeId" in found_at("crm.item.list").error


def test_an_error__names_neither_the_portal_nor_a_secret():
    with Sandbox(deals=1) as portal:
        client = B24Hook(portal.webhook_url, clock=ScaledClock(50))
        host = client.auth.portal
    [finding] = findings_of(client, ["crm.deal.list"])
    assert finding == Finding("crm.deal.list", error=finding.error)
    assert finding.error
    assert host not in finding.error
    assert portal_kind(host) == "a self-hosted portal"


def test_the_command__is_a_table_or_json_without_the_portals_name(monkeypatch, capsys):
    with Sandbox(deals=200) as portal:
        monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url)
        assert main(["doctor", "--portal"]) == 0
        table = capsys.readouterr().out
        assert main(["doctor", "--portal", "crm.deal.list", "no.such.list", "--json"]) == 1
        told = json.loads(capsys.readouterr().out)
        host = portal.url.partition("//")[2]
    assert "crm.deal.list     keyset  50 of 50  yes" in table
    assert host not in table
    assert [one["method"] for one in told["methods"]] == ["crm.deal.list", "no.such.list"]
    assert "ERROR_METHOD_NOT_FOUND" in told["methods"][1]["error"]
    assert host not in json.dumps(told)
