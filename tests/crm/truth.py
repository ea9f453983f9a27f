"""What the tables of a CRM folder have to hold: the portal's rows, in a few telling columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from b24data import Sandbox

Rows = dict[tuple[Any, ...], tuple[Any, ...]]

# Table -> method, parameters, columns of the key, other columns.
LISTS: dict[str, tuple[str, dict[str, Any], list[str], list[str]]] = {
    "categories": ("crm.category.list", {"entityTypeId": 2}, ["id"], ["name"]),
    "statuses": ("crm.status.list", {}, ["ENTITY_ID", "STATUS_ID"], ["NAME", "SORT"]),
    "users": ("user.get", {}, ["ID"], ["NAME", "LAST_NAME"]),
    "companies": ("crm.item.list", {"entityTypeId": 4}, ["id"], ["title", "assignedById"]),
    "contacts": ("crm.item.list", {"entityTypeId": 3}, ["id"], ["name", "companyId"]),
    "leads": ("crm.item.list", {"entityTypeId": 1}, ["id"], ["title", "stageId", "companyId"]),
    "deals": (
        "crm.item.list",
        {"entityTypeId": 2},
        ["id"],
        ["title", "stageId", "categoryId", "opportunity", "contactId", "companyId", "leadId"],
    ),
    "deal_stage_history": ("crm.stagehistory.list", {"entityTypeId": 2}, ["ID"], ["OWNER_ID", "STAGE_ID"]),
    "lead_stage_history": ("crm.stagehistory.list", {"entityTypeId": 1}, ["ID"], ["OWNER_ID", "STATUS_ID"]),
    "deal_products": (
        "crm.item.productrow.list",
        {"filter": {"=ownerType": "D"}},
        ["id"],
        ["ownerId", "price", "quantity"],
    ),
    "activities": ("crm.activity.list", {}, ["ID"], ["SUBJECT", "OWNER_TYPE_ID", "OWNER_ID"]),
}


def plain(value: Any) -> Any:
    """One spelling for the values of answers and of files."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return value or None


def true_rows(portal: Sandbox, table: str) -> Rows:
    if table == "deal_contacts":
        deals = portal.rows("crm.item.list", params={"entityTypeId": 2})
        return {(float(deal["id"]), float(contact)): () for deal in deals for contact in deal["contactIds"]}
    method, params, key, others = LISTS[table]
    rows = portal.rows(method, params=params)
    return {tuple(plain(row[name]) for name in key): tuple(plain(row[name]) for name in others) for row in rows}


def kept_rows(folder: Path, table: str) -> Rows:
    key, others = (["deal_id", "contact_id"], []) if table == "deal_contacts" else LISTS[table][2:]
    rows = [row for path in sorted((folder / table).glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    found = {tuple(plain(row[name]) for name in key): tuple(plain(row.get(name)) for name in others) for row in rows}
    assert len(found) == len(rows), f"{table} has rows twice"
    return found


def lost_links(folder: Path) -> list[str]:
    """Values of links that find no row, where rows are all to be seen."""
    ids = {
        table: {key[0] for key in kept_rows(folder, table)} for table in ("deals", "contacts", "companies", "statuses")
    }
    lost = [f"contact {contact}" for _, contact in kept_rows(folder, "deal_contacts") if contact not in ids["contacts"]]
    for table, at, target in (
        ("deals", 4, "contacts"),
        ("deals", 5, "companies"),
        ("contacts", 1, "companies"),
        ("deal_products", 0, "deals"),
        ("deal_stage_history", 0, "deals"),
    ):
        values = {row[at] for row in kept_rows(folder, table).values()} - {None}
        lost += [f"{table}: {target} {value}" for value in values - ids[target]]
    return lost
