"""A run over a CRM is killed between and inside tables: the next one makes every table right."""

from __future__ import annotations

import os
import signal

import pytest

from b24data import Sandbox
from tests.crm.truth import LISTS, kept_rows, lost_links, true_rows
from tests.sync.test_killed import Killer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

TABLES = [*LISTS, "deal_contacts"]
SIZES = {"deals": 120, "leads": 60, "contacts": 60, "companies": 40, "activities": 400, "users": 10}


@pytest.fixture
def killer(tmp_path):
    killer = Killer(tmp_path, "tests.crm.kills")
    yield killer
    killer.close()


@pytest.fixture
def portal():
    with Sandbox(rate_limit=None, cost=0.0, **SIZES) as portal:
        yield portal


def change(portal: Sandbox, number: int) -> None:
    """Something in most tables: changed, moved, gone, new."""
    deals = portal.truth("crm.deal.list").ids
    portal.update("deals", deals[number % 7 :: 30], {"TITLE": f"change {number}"})
    portal.update("deals", deals[number % 5 :: 40], {"OPPORTUNITY": 1_000 + number})
    moved = portal.truth("crm.deal.list", {"CATEGORY_ID": 0}).ids[number % 6 :: 12]
    portal.update("deals", moved, {"STAGE_ID": ["EXECUTING", "PREPARATION", "WON"][number % 3]})
    portal.update("contacts", portal.truth("crm.contact.list").ids[number % 9 :: 20], {"NAME": f"name {number}"})
    portal.delete("deals", deals[number % 11 + 1 : number % 11 + 2])
    portal.delete("contacts", portal.truth("crm.contact.list").ids[number % 13 : number % 13 + 1])
    portal.insert("contacts", [{"NAME": f"new {number}"}])
    portal.insert("deals", [{"TITLE": f"new {number}", "STAGE_ID": "NEW", "CATEGORY_ID": 0}])


def right(portal: Sandbox, folder) -> None:
    for table in TABLES:
        assert kept_rows(folder, table) == true_rows(portal, table), table
    assert not lost_links(folder)


def killed(killer: Killer, portal: Sandbox, steps) -> None:
    """A run that is killed at each of these steps, first runs among them, and a whole one after each."""
    deaths = 0
    for number, step in enumerate(steps):
        folder = killer.folder / f"crm-{number // 10}"  # each tenth kill is of a first run
        change(portal, number)
        code = killer.sync(portal, folder, tables=TABLES, kill=step)
        assert code in (0, -signal.SIGKILL), killer.said
        deaths += code != 0
        assert killer.sync(portal, folder, tables=TABLES) == 0, killer.said
        right(portal, folder)
    assert deaths > 0.8 * len(steps)


def test_killed__at_twenty_steps_the_next_run_makes_every_table_right(killer, portal):
    killed(killer, portal, range(1, 141, 7))


@pytest.mark.soak
def test_killed__at_two_hundred_steps(killer, portal):
    killed(killer, portal, range(1, 201))
