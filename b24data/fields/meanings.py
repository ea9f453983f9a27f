"""Labels of codes that no method of the portal lists: what the documentation says that they mean.

The labels are English on every portal. Source: b24restdocs, the page named beside each list.
"""

from __future__ import annotations

from collections.abc import Mapping

from b24data.lists.names import folded

# crm-stage-history-list.md: STAGE_SEMANTIC_ID and STATUS_SEMANTIC_ID; deals, leads and items have the same codes.
_SEMANTICS = {"P": "in progress", "S": "success", "F": "failure"}

_MEANINGS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    # crm/crm-stage-history-list.md
    "crm.stagehistory.list": {
        "typeid": {"1": "creation", "2": "intermediate stage", "3": "final stage", "5": "change of pipeline"},
    },
    # telephony/voximplant/voximplant-statistic-get.md
    "voximplant.statistic.get": {
        "calltype": {
            "1": "outgoing",
            "2": "incoming",
            "3": "incoming with redirection",
            "4": "callback",
            "5": "informational call",
        },
        "callfailedcode": {
            "200": "successful",
            "304": "missed",
            "402": "insufficient funds",
            "403": "forbidden",
            "404": "invalid number",
            "423": "blocked",
            "480": "temporarily unavailable",
            "484": "direction unavailable",
            "486": "busy",
            "503": "direction unavailable",
            "603": "declined",
            "603-S": "canceled",
            "OTHER": "undefined",
        },
        "crmentitytype": {"CONTACT": "contact", "COMPANY": "company", "LEAD": "lead"},
    },
}
# crm/data-types.md, crm_item_product_row.
_DISCOUNTS = {"1": "absolute", "2": "percentage"}
_PRODUCT_ROWS = (
    *("crm.item.productrow.list", "crm.productrow.list"),
    *(f"crm.{owner}.productrows.get" for owner in ("deal", "lead", "quote")),
)


def meanings_of(method: str, name: str) -> Mapping[str, str]:
    """The documented labels of the codes in a column of ``method``, by its name; empty where the pages have none.

    >>> meanings_of("voximplant.statistic.get", "CALL_FAILED_CODE")["486"]
    'busy'
    >>> meanings_of("crm.deal.list", "STAGE_SEMANTIC_ID")["S"]
    'success'
    """
    plain = folded(name)
    if plain.endswith("semanticid"):
        return _SEMANTICS
    if plain == "discounttypeid" and method.lower() in _PRODUCT_ROWS:
        return _DISCOUNTS
    return _MEANINGS.get(method.lower(), {}).get(plain, {})
