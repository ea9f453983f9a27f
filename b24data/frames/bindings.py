"""Which columns hold ids of records that have a title of their own: companies, deals, task stages and others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from b24data.fields.fields import Field
from b24data.fields.titles import Ref
from b24data.frames.schema import Column
from b24data.lists.names import folded


@dataclass(frozen=True, slots=True)
class Binding:
    """What the ids of a column belong to.

    ``by`` is the name of the column that has the type or the group in the same row; without it ``which`` is the same
    in all rows. Ids of kind ``crm_text`` say their type themselves: ``CO_5``.

    >>> Binding("crm", "4").ref("17")
    Ref(kind='crm', which='4', id='17')
    >>> Binding("crm_text").ref("T80_5")
    Ref(kind='crm', which='128', id='5')
    """

    kind: str
    which: str = ""
    by: str = ""

    def ref(self, code: str, which: str = "") -> Ref | None:
        """The record of a code; None where it can't be told, or where records of its type have no title."""
        which = which or self.which
        if self.kind == "crm_text":
            which, _, code = code.rpartition("_")
        if self.kind in ("crm", "crm_text"):
            which = type_id_of(which)
            return Ref("crm", which, code) if _has_titles(which) and code.isdecimal() else None
        return Ref(self.kind, which, code) if code.isdecimal() and (which or not self.by) else None


# b24restdocs, crm/data-types.md: fields of these types, and the codes of the types of CRM objects.
_TYPES = {"crm_lead": "1", "crm_deal": "2", "crm_contact": "3", "crm_company": "4", "crm_quote": "7"}
_TYPE_IDS = {
    **{"L": "1", "D": "2", "C": "3", "CO": "4", "Q": "7", "SI": "31"},
    **{"LEAD": "1", "DEAL": "2", "CONTACT": "3", "COMPANY": "4", "QUOTE": "7", "SMART_INVOICE": "31"},
}
_SYSTEM_TYPES = {"1", "2", "3", "4", "7", "31"}

# Columns whose type is in another column of the row. Source: the page of each list.
_BY_COLUMN = {
    "crm.activity.list": {"ownerid": "OWNER_TYPE_ID"},
    "crm.activity.binding.list": {"entityid": "entityTypeId"},
    "crm.address.list": {"entityid": "ENTITY_TYPE_ID", "anchorid": "ANCHOR_TYPE_ID"},
    "crm.item.productrow.list": {"ownerid": "ownerType"},
    "crm.productrow.list": {"ownerid": "OWNER_TYPE"},
    "crm.requisite.list": {"entityid": "ENTITY_TYPE_ID"},
    "crm.timeline.comment.list": {"entityid": "ENTITY_TYPE"},
    "voximplant.statistic.get": {"crmentityid": "CRM_ENTITY_TYPE"},
}
# tasks/stages/task-stages-get.md: stages are those of a group, and of a user's own plan.
_TASKS = {
    "stageid": Binding("task_stage", by="GROUP_ID"),
    "flowid": Binding("task_flow"),
    "sprintid": Binding("task_sprint"),
}


def binding_of(column: Column, method: str, params: Mapping[str, Any]) -> Binding | None:
    """What the ids in a column of ``method`` belong to; None for columns of anything else.

    >>> from b24data.fields.fields import Field
    >>> from b24data.frames.schema import build_schema
    >>> [column] = build_schema({"C": Field("C", "C", type="crm_company")}, ["C"], id_code=None).columns
    >>> binding_of(column, "crm.deal.list", {})
    Binding(kind='crm', which='4', by='')
    """
    if column.kind not in ("int", "text", "category"):
        return None
    described = _by_type(column.field, params) if column.field else None
    return described or _by_name(folded(column.wire), method.lower(), params)


def _by_type(field: Field, params: Mapping[str, Any]) -> Binding | None:
    if which := _TYPES.get(field.type):
        return Binding("crm", which)
    if field.link and field.type in ("E", "E:EList", "iblock_element"):
        type_id, _, list_id = field.link.rpartition("/")
        type_id = type_id or _given(params, "IBLOCK_TYPE_ID")
        return Binding("element", f"{type_id}/{list_id}") if type_id else None
    return Binding("crm_text") if field.type in ("crm", "S:ECrm") else None


def _given(params: Mapping[str, Any], name: str) -> str:
    return str(next((value for key, value in params.items() if key.lower() == name.lower()), ""))


def _by_name(name: str, method: str, params: Mapping[str, Any]) -> Binding | None:
    if parent := re.fullmatch(r"parentid(\d+)", name):
        return Binding("crm", parent[1]) if _has_titles(parent[1]) else None
    if by := _BY_COLUMN.get(method, {}).get(name):
        return Binding("crm", by=by)
    if (method, name) == ("crm.stagehistory.list", "ownerid"):
        which = _given(params, "entityTypeId")
        return Binding("crm", which) if _has_titles(which) else None
    return _TASKS.get(name) if method == "tasks.task.list" else None


def type_id_of(code: str) -> str:
    """The ``entityTypeId`` of a CRM object type that is written in any of its forms; "" for anything else.

    >>> type_id_of("CO"), type_id_of("company"), type_id_of("4"), type_id_of("T80"), type_id_of("DYNAMIC_128")
    ('4', '4', '4', '128', '128')
    """
    if code.isdecimal():
        return code
    if hexadecimal := re.fullmatch(r"T([0-9a-f]+)", code, re.IGNORECASE):
        return str(int(hexadecimal[1], 16))
    if dynamic := re.fullmatch(r"DYNAMIC_(\d+)", code, re.IGNORECASE):
        return dynamic[1]
    return _TYPE_IDS.get(code.upper(), "")


def _has_titles(type_id: str) -> bool:
    """Whether ``crm.item.list`` reads records of a type: those it names, and smart processes from 128 on."""
    return type_id in _SYSTEM_TYPES or (type_id.isdecimal() and int(type_id) >= 128)
