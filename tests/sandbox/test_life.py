"""Starting, stopping, changing records while they are read, and a process of its own."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import sys
import threading

import httpx
import pytest

from b24data.sandbox import SandboxPortal
from b24data.sandbox.shell import add_arguments


def test_stop__cuts_requests_that_are_still_worked_on(http):
    before = set(threading.enumerate())
    with SandboxPortal(deals=10, cost=60.0) as portal:
        url, failed = portal.webhook_url, []

        def ask():
            try:
                http.post(url + "crm.deal.list", timeout=30)
            except httpx.HTTPError as error:
                failed.append(type(error))

        thread = threading.Thread(target=ask)
        thread.start()
        while not portal.stats.peak_concurrency:
            pass
    thread.join(10)
    assert failed
    assert set(threading.enumerate()) <= before
    with pytest.raises(httpx.ConnectError):
        http.get(url + "server.time")


def test_not_running__says_how_to_start():
    with pytest.raises(RuntimeError, match="with Sandbox"):
        SandboxPortal().truth()


def test_port__a_taken_one_is_an_error(portal):
    port = int(portal.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"):
        SandboxPortal(port=port).start()


@pytest.mark.parametrize("process", [False, True])
def test_start__a_wrong_certificate_or_plan_is_an_error_and_leaves_nothing_behind(process, tmp_path):
    with pytest.raises(OSError):
        SandboxPortal(tls=(str(tmp_path / "no.pem"), str(tmp_path / "no.key")), process=process).start()
    with pytest.raises((ValueError, OSError)):
        SandboxPortal(faults=[{"kind": "nonsense"}], process=process).start()


def test_gzip__only_for_who_asks_and_not_at_all_when_off(start, http):
    for portal, asked, given in [
        (start(), "gzip", "gzip"),
        (start(), "identity", None),
        (start(gzip=False), "gzip", None),
    ]:
        reply = http.post(portal.webhook_url + "crm.deal.list", headers={"accept-encoding": asked})
        assert reply.headers.get("content-encoding") == given
        assert reply.json()["total"] == 230


def test_insert_delete_update__show_in_the_next_answer(portal, call):
    before = portal.truth().ids
    (number,) = portal.insert("deals", [{"TITLE": "Новая", "OPPORTUNITY": "10.50", "STAGE_ID": "C1:NEW"}])
    assert number == before[-1] + 1
    row = call(portal, "crm.deal.list", {"filter": {"ID": number}, "select": ["TITLE", "OPPORTUNITY", "STAGE_ID"]})
    assert row["result"] == [{"TITLE": "Новая", "OPPORTUNITY": "10.50", "STAGE_ID": "C1:NEW"}]
    assert portal.delete("deals", [before[0], 10**9]) == [before[0]]
    assert portal.update("deals", [before[1]], {"TITLE": "другая", "DATE_MODIFY": "2026-01-02T03:04:05+03:00"})
    assert portal.truth().ids == [*before[1:], number]
    changed = portal.rows(ids=[before[1]], select=["TITLE", "DATE_MODIFY"])
    assert changed == [{"TITLE": "другая", "DATE_MODIFY": "2026-01-02T03:04:05+03:00"}]
    assert portal.rows(filter={"TITLE": "другая"}, select=["ID"]) == [{"ID": str(before[1])}]
    assert [what for _, what, _, _ in portal.stats.mutations] == ["insert", "delete", "update"]


def test_insert__into_a_gap_keeps_the_order(portal):
    before = portal.truth().ids
    gap = next(number for number in range(1, 10**6) if number not in set(before))
    portal.insert("deals", [{"ID": gap}])
    assert portal.truth().ids == sorted([*before, gap])
    with pytest.raises(ValueError, match="taken"):
        portal.insert("deals", [{"ID": gap}])


def test_mutate__at_the_planned_request_and_at_every_other(portal, call):
    portal.mutate("deals", delete=3, at=2)
    portal.mutate("deals", insert=1, every=2)
    totals = [call(portal, "crm.deal.list", {"select": ["ID"]})["total"] for _ in range(4)]
    assert totals == [230, 228, 228, 229]


def test_mutate__changes_what_it_was_told(portal, call):
    portal.mutate("deals", update=5, values={"STAGE_ID": "C2:WON", "COMMENTS": "догнали"}, at=1)
    call(portal, "crm.deal.list")
    (entry,) = portal.stats.mutations
    assert entry[1:3] == ("update", "deals")
    assert portal.truth(filter={"COMMENTS": "догнали", "STAGE_ID": "C2:WON"}).ids == sorted(entry[3])


def test_warm__leaves_the_answers_as_they_are(portal, call):
    cold = call(portal, "crm.deal.list", {"select": ["ID", "TITLE"]})["result"]
    portal.warm("crm.deal.list", ["ID", "TITLE"])
    assert call(portal, "crm.deal.list", {"select": ["ID", "TITLE"]})["result"] == cold


def test_process__the_same_portal_in_a_process_of_its_own(start, call):
    own, shared = start(process=True, users=3), start(users=3)
    assert own.truth() == shared.truth()
    assert own.rows(select=["*", "UF_*"]) == shared.rows(select=["*", "UF_*"])
    assert call(own, "crm.deal.list")["total"] == 230
    own.fail("500")
    assert own.stats.commands == {"crm.deal.list": 1}
    assert own.stats.cpu_s > 0
    with pytest.raises(ValueError, match="not a list"):
        own.truth("no.such.list")


def test_control__is_closed_without_the_key(start, http):
    own, shared = start(process=True), start()
    assert http.post(f"{own.url}/_sandbox/info").status_code == 403
    assert http.post(f"{shared.url}/_sandbox/info").status_code == 404


def test_shell__prints_how_to_connect_and_ends_on_interrupt():
    command = [sys.executable, "-m", "b24data.sandbox", "--deals", "60", "--no-limit"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        lines = [process.stdout.readline() for _ in range(4)]
        webhook = lines[1].split()[-1]
        assert httpx.post(webhook + "crm.deal.list", json={}).json()["total"] == 60
        process.send_signal(2)
        assert "stopped" in process.stdout.read()
    assert process.returncode == 0


def test_shell__takes_what_the_sandbox_takes():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    given = vars(parser.parse_args(["--latency-s", "0.05", "--workers", "4"]))
    assert given == {"latency_s": 0.05, "workers": 4, "no_limit": False}
    assert set(given) - {"no_limit"} <= set(SandboxPortal.__init__.__kwdefaults__)


def test_update_and_insert__bear_the_time_of_the_change(portal, call):
    first, second, *_ = portal.truth("crm.deal.list").ids
    portal.update("deals", [first], {"TITLE": "changed"})
    portal.update("deals", [second], {"DATE_MODIFY": "2020-01-01T00:00:00+03:00"})
    [new] = portal.insert("deals")
    rows = {
        int(row["ID"]): row
        for row in call(portal, "crm.deal.list", {"filter": {"@ID": [first, second, new]}})["result"]
    }
    changed = {number: dt.datetime.fromisoformat(row["DATE_MODIFY"]).timestamp() for number, row in rows.items()}
    assert abs(changed[first] - portal.now) < 60
    assert rows[new]["DATE_CREATE"] == rows[new]["DATE_MODIFY"]
    assert abs(changed[new] - portal.now) < 60
    assert rows[second]["DATE_MODIFY"] == "2020-01-01T00:00:00+03:00"


@pytest.mark.parametrize(
    ("entity", "method", "stamp"),
    [
        ("tasks", "tasks.task.list", "CHANGED_DATE"),
        ("activities", "crm.activity.list", "LAST_UPDATED"),
        ("contacts", "crm.contact.list", "DATE_MODIFY"),
        ("items", "crm.item.list", "updatedTime"),
    ],
)
def test_update__of_every_entity_is_found_by_its_time(portal, entity, method, stamp):
    params = {"entityTypeId": 1036} if entity == "items" else {}
    number = portal.truth(method, params=params).ids[0]
    since = (dt.datetime.fromtimestamp(portal.now, dt.UTC) - dt.timedelta(minutes=1)).isoformat(timespec="seconds")
    assert number not in portal.truth(method, {f">={stamp}": since}, params=params).ids
    portal.update(entity, [number], {})
    assert portal.truth(method, {f">={stamp}": since}, params=params).ids == [number]


def test_hide__takes_records_from_sight_and_gives_them_back(portal, call):
    hidden, other, *_ = portal.truth("crm.deal.list").ids
    assert portal.hide("deals", [hidden, other, 10**9]) == [hidden, other]
    assert call(portal, "crm.deal.list", {"filter": {"@ID": [hidden]}})["result"] == []
    assert len(portal.truth("crm.deal.list").ids) == 228
    portal.update("deals", [hidden], {"TITLE": "changed unseen"})
    assert portal.delete("deals", [other]) == [other]
    portal.hide("deals", [])
    [row] = call(portal, "crm.deal.list", {"filter": {"@ID": [hidden]}})["result"]
    assert row["TITLE"] == "changed unseen"
    assert len(portal.truth("crm.deal.list").ids) == 229


def test_add_field__is_described_empty_and_can_be_filled(portal, call):
    number = portal.truth("crm.deal.list").ids[0]
    portal.add_field("deals", "UF_CRM_NEW", "string", "New")
    assert call(portal, "crm.deal.fields")["result"]["UF_CRM_NEW"]["formLabel"] == "New"
    [described] = call(portal, "crm.deal.userfield.list", {"filter": {"FIELD_NAME": "UF_CRM_NEW"}})["result"]
    assert described["USER_TYPE_ID"] == "string"
    ask = {"select": ["ID", "UF_CRM_NEW"], "filter": {"@ID": [number]}}
    assert call(portal, "crm.deal.list", ask)["result"] == [{"ID": str(number), "UF_CRM_NEW": None}]
    portal.update("deals", [number], {"UF_CRM_NEW": "filled"})
    assert call(portal, "crm.deal.list", ask)["result"] == [{"ID": str(number), "UF_CRM_NEW": "filled"}]
    assert "ufCrmNew" in call(portal, "crm.item.list", {"entityTypeId": 2})["result"]["items"][0]
    with pytest.raises(ValueError, match="a name of its own"):
        portal.add_field("deals", "TITLE", "string")


def test_move_clock__sets_the_portals_time(portal, call):
    before = dt.datetime.fromisoformat(call(portal, "server.time")["result"])
    portal.move_clock(-7200)
    passed = dt.datetime.fromisoformat(call(portal, "server.time")["result"]) - before
    assert -7200 <= passed.total_seconds() < -7100
