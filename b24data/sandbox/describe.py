"""The methods that describe fields: what ``crm.deal.fields``, ``crm.item.fields`` and their kin answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from b24data.sandbox.documented import HIDDEN_ID, Documented, documented
from b24data.sandbox.fields import Field
from b24data.sandbox.stages import STATUSES
from b24data.sandbox.values import kind_of_value

_USERFIELD_ENTITIES = {"deals": "CRM_DEAL", "leads": "CRM_LEAD", "contacts": "CRM_CONTACT", "companies": "CRM_COMPANY"}


Fields = Mapping[str, Field]


def classic_fields(known: Fields) -> dict[str, Any]:
    """``crm.<entity>.fields``: descriptions by upper-case name."""
    return {name: _description(field) for name, field in known.items() if field.classic}


def item_fields(known: Fields, *, original: bool) -> dict[str, Any]:
    """``crm.item.fields``: descriptions by camelCase name, with ``upperName``."""
    described = {}
    for name, field in known.items():
        if field.item:
            key = name if original and field.custom else field.item
            kind = {"char": "boolean"}.get(field.type, field.type)
            described[key] = {**_description(field), "type": kind, "upperName": name}
    return described


def _description(field: Field) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": field.type,
        "isRequired": False,
        "isReadOnly": field.read_only,
        "isImmutable": field.name == "CATEGORY_ID",
        "isMultiple": field.multiple,
        "isDynamic": field.custom,
        "title": field.name if field.custom else field.title,
    }
    if field.status_type:
        described["statusType"] = field.status_type
    if field.custom:
        described |= {"listLabel": field.title, "formLabel": field.title, "filterLabel": field.title}
        described["settings"] = _settings(field)
    if field.choices:
        described["items"] = [{"ID": number, "VALUE": text} for number, text in field.choices.items()]
    return described


def _settings(field: Field) -> Any:
    if field.type == "crm_status":
        return {"ENTITY_TYPE": next(name for name in STATUSES if name == "INDUSTRY")}
    if field.type == "crm":
        return {"LEAD": "Y", "CONTACT": "Y", "COMPANY": "Y", "DEAL": "Y"}
    if field.type == "double":
        return {"PRECISION": 2, "SIZE": 20, "MIN_VALUE": 0, "MAX_VALUE": 0, "DEFAULT_VALUE": None}
    if field.type == "enumeration":
        return {"DISPLAY": "LIST", "LIST_HEIGHT": 1, "CAPTION_NO_VALUE": "", "SHOW_NO_VALUE": "Y"}
    return []


def userfields(entity: str, known: Fields) -> list[dict[str, Any]]:
    """``crm.<entity>.userfield.list``: the rows, with ``LIST`` where the field is an enumeration."""
    rows = []
    for at, field in enumerate(field for field in known.values() if field.custom):
        row: dict[str, Any] = {
            "ID": str(5001 + 2 * at),
            "ENTITY_ID": _USERFIELD_ENTITIES[entity],
            "FIELD_NAME": field.name,
            "USER_TYPE_ID": field.type,
            "XML_ID": None,
            "SORT": str(100 + 10 * at),
            "MULTIPLE": "Y" if field.multiple else "N",
            "MANDATORY": "N",
            "SHOW_FILTER": "E",
            "SHOW_IN_LIST": "Y",
            "EDIT_IN_LIST": "Y",
            "IS_SEARCHABLE": "N",
            "SETTINGS": _settings(field),
            "EDIT_FORM_LABEL": field.title,
            "LIST_COLUMN_LABEL": field.title,
            "LIST_FILTER_LABEL": field.title,
            "ERROR_MESSAGE": None,
            "HELP_MESSAGE": None,
        }
        if field.choices:
            row["LIST"] = [
                {"ID": number, "SORT": str(10 * rank), "VALUE": text, "DEF": "N", "XML_ID": f"item{number}"}
                for rank, (number, text) in enumerate(field.choices.items(), 1)
            ]
        rows.append(row)
    return rows


_TASK_VALUES = {
    "MARK": {"N": "Negative", "P": "Positive"},
    "PRIORITY": {"2": "High", "1": "Medium", "0": "Low"},
    "STATUS": {"2": "Pending", "3": "In Progress", "4": "Awaiting Review", "5": "Completed", "6": "Deferred"},
    "ALLOW_TIME_TRACKING": {"Y": "Yes", "N": "No"},
}


def task_fields(known: Fields) -> dict[str, Any]:
    """``tasks.task.getFields``: title and type by upper-case name, ``values`` of the enumerations."""
    described: dict[str, Any] = {}
    for name, field in known.items():
        described[name] = {"title": field.title, "type": field.type}
        if name == "ID":
            described[name]["primary"] = True
        if name in _TASK_VALUES:
            described[name] |= {"values": _TASK_VALUES[name], "default": None}
    return described


def user_fields(known: Fields) -> dict[str, str]:
    """``user.fields``: nothing but titles."""
    return {name: field.title for name, field in known.items()}


def _described() -> dict[str, Documented]:
    lists = documented("v2").values()
    return {str(known.described["by"]).lower(): known for known in lists if known.described}


# The methods that describe the fields of other lists, by lower-case name.
DESCRIBED = _described()
_TYPES = {"flag": "char", "bool": "boolean", "moment": "datetime"}


def listed_fields(known: Documented) -> Any:
    """What describes the fields of a documented list, with the types of its page; others as the rows have them."""
    form = known.described.get("form", "fields")
    types = dict(known.described["types"])
    for name, kind in known.extra.items():
        types.setdefault(name, name if form == "labels" else kind)
    spelled = {_letters(name) for name in types}
    for row in known.rows:
        for name, value in row.items():
            if name != HIDDEN_ID and _letters(name) not in spelled:
                types.setdefault(name, name if form == "labels" else _type(value))
    result: Any = types
    if form == "list":
        result = [{"title": name, **_facts(known, name, kind)} for name, kind in types.items()]
    elif form == "disk":
        result = {name: {"TYPE": kind, "USE_IN_FILTER": True, "USE_IN_SHOW": True} for name, kind in types.items()}
    elif form == "fields":
        result = {name: _facts(known, name, kind) for name, kind in types.items()}
    at = known.described.get("at")
    return {at: result} if at else result


def _facts(known: Documented, name: str, kind: str) -> dict[str, Any]:
    facts = {"type": kind, "isRequired": False, "isReadOnly": name == known.id_asked, "isImmutable": False}
    return facts | ({"isMultiple": False, "isDynamic": False, "title": name} if known.method.startswith("crm.") else {})


def _type(value: Any) -> str:
    if isinstance(value, dict | list):
        return "array" if isinstance(value, list) else "object"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if isinstance(value, int) else "double"
    return _TYPES.get(kind_of_value(value), "string")


def _letters(name: str) -> str:
    return name.replace("_", "").casefold()
