"""Every view equals a computation with pandas from the portal's rows, on several portals and after their changes."""

from __future__ import annotations

import pandas as pd
import pytest

from b24data import Sandbox, open_crm
from b24data.crm.views import view_statements
from tests.crm.expected import KEYS, Book, same_rows
from tests.crm.test_sync_crm import FAST

SIZES = {"deals": 250, "leads": 120, "contacts": 90, "companies": 40, "activities": 250, "tasks": 90, "items": 10}


def change(portal: Sandbox) -> None:
    """What makes views hard: a stage that is entered twice, one that is gone, links to nothing, a hidden record."""
    there = portal.truth("crm.deal.list", {"CATEGORY_ID": 0}).ids
    for stage in ("EXECUTING", "PREPARATION", "EXECUTING", "WON"):
        portal.move_clock(3_700)
        portal.update("deals", there[:20], {"STAGE_ID": stage})
    portal.move_clock(3_700)
    portal.update("deals", there[20:30], {"CATEGORY_ID": 2})
    portal.remove_pipeline(1)
    portal.update("deals", there[30:40], {"CONTACT_ID": None, "COMPANY_ID": None, "SOURCE_ID": "GONE"})
    portal.update("deals", there[40:50], {"TITLE": "", "ASSIGNED_BY_ID": 9_999})
    portal.update("deals", there[50:60], {"CURRENCY_ID": "XTS"})
    portal.delete("deals", there[60:64])
    for entity, method in (
        ("contacts", "crm.contact.list"),
        ("companies", "crm.company.list"),
        ("leads", "crm.lead.list"),
    ):
        portal.delete(entity, portal.truth(method).ids[3:5])
    portal.insert("deals", [{"TITLE": "new", "STAGE_ID": "C2:NEW", "CATEGORY_ID": 2}] * 3)


def number(con, query: str) -> int:
    return con.sql(query).fetchall()[0][0]


@pytest.fixture(scope="module", params=[1, 7, 42])
def opened(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("views") / "crm"
    with Sandbox(seed=request.param, rate_limit=None, cost=0.0, **SIZES) as portal:
        with portal.connect(restriction_params=FAST) as b24:
            b24.tools.sync_crm(folder)
            change(portal)
            report = b24.tools.sync_crm(folder, deletes="scan")
        assert report.complete, str(report)
        with open_crm(folder) as con:
            yield con, Book(portal, pd.Timestamp(report.began))


@pytest.mark.parametrize("view", KEYS)
def test_view__equals_what_pandas_computes_from_the_portals_rows(opened, view):
    con, book = opened
    same_rows(view, con.sql(f"select * from {view}").df(), book)


def test_views__show_the_hard_cases(opened):
    con, _ = opened
    assert number(con, "select count(*) from deal_stages where visit > 1") >= 20
    assert number(con, "select count(distinct semantics) from deal_stages where is_deleted_stage") == 3
    for column in ("contact", "company", "title", "owner", "source", "amount_base"):
        assert number(con, f"select count(*) from deal_facts where {column} is null") >= 10, column


def test_views__are_all_compared():
    helpers = {"owners", "rates", "stages"}  # read by the others
    assert set(view_statements()) - helpers == set(KEYS)
