"""The dictionaries of the portal: stages, sources, types, currencies, funnels, enumerations."""

from __future__ import annotations

from typing import Any

# (code, name, semantics, colour); P is in progress, S success, F failure.
DEAL_STAGES = (
    ("NEW", "New", "P", "#39A8EF"),
    ("PREPARATION", "Document preparation", "P", "#2FC6F6"),
    ("PREPAYMENT_INVOICE", "Prepayment invoice", "P", "#55D0E0"),
    ("EXECUTING", "In progress", "P", "#47E4C2"),
    ("FINAL_INVOICE", "Final invoice", "P", "#FFA900"),
    ("WON", "Deal won", "S", "#7BD500"),
    ("LOSE", "Deal lost", "F", "#FF5752"),
    ("APOLOGY", "Analysis of failure", "F", "#FF5752"),
)
LEAD_STAGES = (
    ("NEW", "Unassigned", "P", "#39A8EF"),
    ("IN_PROCESS", "In progress", "P", "#2FC6F6"),
    ("PROCESSED", "Processed", "P", "#55D0E0"),
    ("CONVERTED", "Good lead", "S", "#7BD500"),
    ("JUNK", "Junk lead", "F", "#FF5752"),
)
ITEM_STAGES = (
    ("NEW", "Start", "P", "#22B9FF"),
    ("PREPARATION", "Preparation", "P", "#88B9FF"),
    ("CLIENT", "Coordination", "P", "#10E5FC"),
    ("SUCCESS", "Success", "S", "#00FF00"),
    ("FAIL", "Failure", "F", "#FF0000"),
)
INVOICE_STAGES = (
    ("N", "New", "P", "#39A8EF"),
    ("S", "Sent", "P", "#55D0E0"),
    ("P", "Paid", "S", "#7BD500"),
    ("D", "Not paid", "F", "#FF5752"),
)
QUOTE_STAGES = (
    ("DRAFT", "Draft", "P", "#39A8EF"),
    ("SENT", "Sent to client", "P", "#2FC6F6"),
    ("APPROVED", "Approved", "S", "#7BD500"),
    ("DECLAINED", "Declined", "F", "#FF5752"),
)
CATEGORIES = ((0, "General"), (1, "Опт / Wholesale"), (2, "服务 Service"))
CURRENCIES = ("RUB", "USD", "EUR", "CNY")
ENUM_ITEMS = {"81": "North", "83": "Юг", "85": "东部", "87": "West 🌅"}
STATUSES: dict[str, tuple[tuple[str, str], ...]] = {
    "SOURCE": (
        ("CALL", "Call"),
        ("EMAIL", "E-Mail"),
        ("WEB", "Website"),
        ("ADVERTISING", "Advertising"),
        ("PARTNER", "Existing Client"),
        ("RECOMMENDATION", "По рекомендации"),
        ("TRADE_SHOW", "Show/Exhibition"),
        ("WEBFORM", "CRM form"),
        ("CALLBACK", "Callback"),
        ("STORE", "Online Store"),
        ("OTHER", "Other"),
    ),
    "DEAL_TYPE": (
        ("SALE", "Sales"),
        ("COMPLEX", "Integrated sales"),
        ("GOODS", "Sale of goods"),
        ("SERVICE", "Услуги"),
    ),
    "CONTACT_TYPE": (("CLIENT", "Clients"), ("SUPPLIER", "Suppliers"), ("PARTNER", "Partners"), ("OTHER", "Other")),
    "COMPANY_TYPE": (
        ("CUSTOMER", "Client"),
        ("SUPPLIER", "Supplier"),
        ("COMPETITOR", "Competitor"),
        ("OTHER", "Other"),
    ),
    "INDUSTRY": (("IT", "Information Technology"), ("TELECOM", "Telecommunication"), ("MANUFACTURING", "Производство")),
    "EMPLOYEES": (("EMPLOYEES_1", "less than 50"), ("EMPLOYEES_2", "50-250"), ("EMPLOYEES_3", "250-500")),
    "HONORIFIC": (("HNR_EN_1", "Mr."), ("HNR_EN_2", "Mrs."), ("HNR_RU_1", "г-н")),
}


def statuses(smart_process: int) -> list[dict[str, Any]]:
    """The rows of ``crm.status.list``.

    >>> statuses(1036)[0]["STATUS_ID"]
    'NEW'
    """
    rows: list[dict[str, Any]] = []
    for category, _ in CATEGORIES:
        entity = f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"
        prefix = f"C{category}:" if category else ""
        rows += _stage_rows(entity, prefix, DEAL_STAGES, str(category) if category else None)
    rows += _stage_rows("STATUS", "", LEAD_STAGES, None)
    rows += _stage_rows(f"DYNAMIC_{smart_process}_STAGE_11", f"DT{smart_process}_11:", ITEM_STAGES, "11")
    for entity, codes in STATUSES.items():
        for at, (code, name) in enumerate(codes, 1):
            rows.append(_row(entity, code, name, at))
    rows += _stage_rows("SMART_INVOICE_STAGE_2", "DT31_2:", INVOICE_STAGES, "2")
    rows += _stage_rows("QUOTE_STATUS", "", QUOTE_STAGES, None)
    return [{"ID": str(2 * at + 1), **row} for at, row in enumerate(rows)]


def _stage_rows(
    entity: str, prefix: str, stages: tuple[tuple[str, str, str, str], ...], category: str | None
) -> list[dict[str, Any]]:
    rows = []
    for at, (code, name, semantics, color) in enumerate(stages, 1):
        word = {"S": "success", "F": "failure", "P": "process"}[semantics]
        row = _row(entity, f"{prefix}{code}", name, at)
        row |= {"CATEGORY_ID": category, "COLOR": color, "SEMANTICS": None if semantics == "P" else semantics}
        rows.append(row | {"EXTRA": {"SEMANTICS": word, "COLOR": color}})
    return rows


def _row(entity: str, code: str, name: str, at: int) -> dict[str, Any]:
    return {
        "ENTITY_ID": entity,
        "STATUS_ID": code,
        "NAME": name,
        "NAME_INIT": name,
        "SORT": str(at * 10),
        "SYSTEM": "Y" if at == 1 else "N",
        "CATEGORY_ID": None,
        "COLOR": None,
        "SEMANTICS": None,
    }


def currencies() -> list[dict[str, Any]]:
    """The rows of ``crm.currency.list``: they have no id but the code."""
    rates = {"RUB": "1.0000", "USD": "82.5000", "EUR": "95.1000", "CNY": "11.4000"}
    return [
        {
            "CURRENCY": code,
            "AMOUNT_CNT": "1",
            "AMOUNT": rates[code],
            "SORT": str(100 * at),
            "BASE": "Y" if code == "RUB" else "N",
            "FULL_NAME": code,
            "LID": "ru",
            "FORMAT_STRING": "# ¤",
            "DEC_POINT": ".",
            "THOUSANDS_SEP": None,
            "DECIMALS": "2",
            "DATE_UPDATE": "2026-01-01T12:00:00+03:00",
        }
        for at, code in enumerate(CURRENCIES, 1)
    ]


def categories(entity_type: int, smart_process: int) -> list[dict[str, Any]]:
    """The rows of ``crm.category.list``: the funnels of deals, the one of the smart process, that of invoices."""
    if entity_type == smart_process:
        names: tuple[tuple[int, str], ...] = ((11, "General"),)
    elif entity_type == 31:
        names = ((2, "General"),)
    elif entity_type == 2:
        names = CATEGORIES
    else:
        return []
    return [
        {
            "id": number,
            "name": name,
            "sort": 100 * (at + 2),
            "entityTypeId": entity_type,
            "isDefault": "Y" if at == 0 else "N",
            "originId": "",
            "originatorId": "",
        }
        for at, (number, name) in enumerate(names)
    ]
