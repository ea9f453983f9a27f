"""Rights that the user lost: methods, or all that reads or changes records of an entity."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from b24data.sandbox.documented import documented
from b24data.sandbox.errors import PortalError
from b24data.sandbox.fields import ENTITY_TYPES
from b24data.sandbox.notation import find

_WORDS = {
    "crm.deal.": "deals", "crm.lead.": "leads", "crm.contact.": "contacts", "crm.company.": "companies",
    "crm.quote.": "quotes", "crm.activity.": "activities", "tasks.task.": "tasks", "task.": "tasks", "user.": "users",
    "department.": "departments", "voximplant.statistic.": "calls",
}  # fmt: skip
_OF_A_TYPE = ("crm.item.", "crm.stagehistory.", "crm.category.")


class Rights:
    """What is denied: patterns of methods (``crm.stagehistory.*``) and entities (``deals``)."""

    def __init__(self) -> None:
        self._denied: list[str] = []

    def deny(self, what: str) -> None:
        """Take a right away."""
        self._denied.append(what.lower())

    def allow(self, what: str | None) -> None:
        """Give a right back, or all of them."""
        self._denied = [one for one in self._denied if what is not None and one != what.lower()]

    def check(self, method: str, params: Mapping[str, Any]) -> None:
        """Refuse a call to what is denied, as the method's page shows it."""
        if not self._denied:
            return
        entity = _entity_of(method, params)
        if any(fnmatchcase(method, one) or one == entity for one in self._denied):
            known = documented("v2").get(method)
            refusal = known.refusal if known else None
            raise PortalError(*refusal) if refusal and "denied" in refusal[2].lower() else _refused(method)


def _refused(method: str) -> PortalError:
    """crm-deal-list.md has no code; voximplant-statistic-get.md has one."""
    classic = method.startswith("crm.") and not method.startswith(_OF_A_TYPE)
    return PortalError(400, "" if classic else "ACCESS_DENIED", "Access denied.")


def _entity_of(method: str, params: Mapping[str, Any]) -> str | None:
    if method.startswith(_OF_A_TYPE):
        given = str(find(params, "entitytypeid") or "")
        return ENTITY_TYPES.get(int(given)) if given.isdigit() else None
    return next((entity for word, entity in _WORDS.items() if method.startswith(word)), None)
