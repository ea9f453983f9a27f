"""The columns that the views of a CRM read: where a portal's answer lacks one, it is there and null. Pure.

So a view works on every portal, and on a folder in which a table is missing.
"""

from __future__ import annotations

from collections.abc import Mapping

SQL_TYPES = {
    "i": "bigint",
    "f": "double precision",
    "s": "text",
    "b": "boolean",
    "d": "date",
    "t": "timestamptz",
}


def _columns(text: str) -> dict[str, str]:
    return {name: SQL_TYPES[kind] for name, kind in (one.split(":") for one in text.split())}


_ENTITY = "id:i title:s assigned_by_id:i created_time:t updated_time:t last_activity_time:t "
_SALE = (
    _ENTITY
    + "category_id:i stage_id:s stage_semantic_id:s opportunity:f currency_id:s company_id:i contact_id:i moved_time:t "
)
_HISTORY = "id:i type_id:i owner_id:i created_time:t category_id:i stage_id:s stage_semantic_id:s"
_PRODUCT_ROW = "id:i owner_id:i product_id:i product_name:s price:f quantity:f discount_sum:f tax_rate:f"
_CHANNEL = "id:i type:s value_type:s value:s"

COLUMNS: Mapping[str, Mapping[str, str]] = {
    name: _columns(text)
    for name, text in {
        "currencies": "currency:s amount:f amount_cnt:i base:b full_name:s",
        "statuses": "id:i entity_id:s status_id:s name:s sort:i semantics:s color:s",
        "categories": "id:i name:s sort:i",
        "departments": "id:i name:s parent:i uf_head:i",
        "users": "id:i name:s last_name:s email:s active:b work_position:s",
        "user_departments": "user_id:i department_id:i",
        "products": "id:i name:s price:f currency_id:s",
        "companies": _ENTITY + "industry:s",
        "company_channels": f"company_id:i {_CHANNEL}",
        "contacts": "id:i name:s last_name:s company_id:i assigned_by_id:i created_time:t",
        "contact_channels": f"contact_id:i {_CHANNEL}",
        "contact_companies": "contact_id:i company_id:i position:i is_primary:b",
        "leads": _SALE + "source_id:s",
        "lead_products": _PRODUCT_ROW,
        "lead_stage_history": _HISTORY.replace("stage_id", "status_id").replace("stage_semantic", "status_semantic"),
        "deals": _SALE + "lead_id:i source_id:s type_id:s closed:b begindate:d closedate:d",
        "deal_contacts": "deal_id:i contact_id:i position:i is_primary:b",
        "deal_products": _PRODUCT_ROW,
        "deal_stage_history": _HISTORY,
        "quotes": _SALE + "deal_id:i",
        "invoices": _SALE,
        "activities": "id:i owner_id:i owner_type_id:i type_id:i provider_id:s responsible_id:i created:t completed:b",
        "activity_links": "activity_id:i owner_type_id:i owner_id:i",
        "calls": "id:i portal_user_id:i call_type:i call_duration:i call_start_date:t call_failed_code:s "
        "crm_entity_type:s crm_entity_id:i crm_activity_id:i phone_number:s cost:f cost_currency:s",
        "tasks": "id:i title:s responsible_id:i created_by:i created_date:t closed_date:t status:i",
        "task_links": "task_id:i owner_type_id:i owner_id:i",
        "task_time": "id:i task_id:i user_id:i seconds:i created_date:t",
    }.items()
}
