"""What a portal says about the fields of an entity, in one shape for every family of methods."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from b24data.lists.columns import ColumnFacts

WireCase = Literal["as_is", "camel"]


@dataclass(frozen=True, slots=True)
class Field:
    """One described field.

    ``code`` is its name in ``select``, ``wire`` its key in a row of the answer (they differ in ``tasks.task.list``:
    ``RESPONSIBLE_ID`` and ``responsibleId``), ``type`` the portal's own type name ("" where the portal gives none),
    ``values`` the texts of an enumeration by its codes, ``status`` the name of its list in ``crm.status.list``.
    ``unit`` is that of a number. ``on_page``: the documentation says so and not the portal; rows may contradict it.
    ``link`` is the universal list whose elements a property holds: its id, behind its type in a user field.
    """

    code: str
    wire: str
    title: str = ""
    type: str = ""
    multiple: bool = False
    required: bool = False
    read_only: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    status: str = ""
    unit: str = ""
    on_page: bool = False
    link: str = ""


def read_fields(result: Any, *, userfields: Any = None, wire_case: WireCase = "as_is") -> dict[str, Field]:
    """The fields that a describing method answered, by code.

    ``result`` is the ``result`` of ``crm.*.fields``, ``crm.item.fields``, ``*.getFields``, ``*.userfield.list``,
    ``userfieldconfig.list``, ``user.fields``, ``lists.field.get`` or a v3 ``*.field.list``; ``userfields`` that of the
    method which describes the user fields of the same entity (texts of enumerations, labels, whether multiple).
    With ``wire_case="camel"`` rows spell ``RESPONSIBLE_ID`` as ``responsibleId``.
    Shapes: b24restdocs, the pages of the 184 describing methods.

    >>> fields = read_fields({"OPENED": {"type": "char", "isMultiple": False, "title": "Available to all"}})
    >>> fields["OPENED"].type, fields["OPENED"].title
    ('char', 'Available to all')
    >>> read_fields({"items": [{"name": "id", "type": "int", "title": "id"}]})["id"].type
    'int'
    """
    fields: dict[str, Field] = {}
    code_of: dict[str, str] = {}
    for name, facts in _descriptions(result):
        code = str(facts.get("FIELD_ID") or name)
        fields[code] = _field(code, facts, wire_case)
        code_of[str(facts.get("upperName") or code)] = code
    for name, facts in _descriptions(userfields):
        code = code_of.get(name, name)
        fields[code] = _merged(fields.get(code), _field(code, facts, wire_case))
    return fields


def documented_fields(columns: Iterable[ColumnFacts]) -> dict[str, Field]:
    """The fields that the page of a list tells of, by code.

    >>> documented_fields([ColumnFacts("CALL_DURATION", "integer", unit="s")])["CALL_DURATION"].type
    'integer'
    """
    return {
        one.name: Field(
            one.name, one.name, one.name, one.type, one.multiple, values=one.values, unit=one.unit, on_page=True
        )
        for one in columns
    }


def completed(fields: Mapping[str, Field], documented: Mapping[str, Field]) -> dict[str, Field]:
    """A portal's description, completed by the page of the list.

    ``lists.field.get`` describes what a list was set up with, and calls the type of a system field as the field itself;
    others call ids and times texts, and times objects. Then the page of the list is more exact.

    >>> name = Field("DATE_CREATE", "DATE_CREATE", "Created", type="DATE_CREATE")
    >>> known = {"DATE_CREATE": Field("DATE_CREATE", "DATE_CREATE", type="datetime", on_page=True)}
    >>> found = completed({"DATE_CREATE": name}, known)["DATE_CREATE"]
    >>> found.title, found.type
    ('Created', 'datetime')
    """
    told = {
        code: replace(documented[code], title=one.title, required=one.required, read_only=one.read_only)
        if code in documented and _is_vague(one, documented[code].type)
        else one
        for code, one in fields.items()
    }
    return {**{code: one for code, one in documented.items() if code not in told}, **told}


def _is_vague(one: Field, documented: str) -> bool:
    """Whether a description says less of a field than the page of its list."""
    if one.type == "object":
        return documented in ("date", "datetime")
    return one.type in ("", "string", one.code) and documented not in ("", "string", "object", "array")


def undescribed(names: Iterable[str], wire_case: WireCase) -> dict[str, Field]:
    """Fields that nothing describes, by the names they are asked for: where the rows spell them differently.

    >>> undescribed(["PROJECT_DATE_START"], "camel")["PROJECT_DATE_START"].wire
    'projectDateStart'
    """
    if wire_case == "as_is":
        return {}
    return {name: Field(name, _camel(name)) for name in names if name not in ("*", "UF_*")}


def _descriptions(result: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every (name, description) in any of the documented shapes."""
    if isinstance(result, list):
        for item in result:
            name = _name_in(item)
            if name is None and isinstance(item, dict) and isinstance(item.get("type"), str):
                name = str(item.get("title"))  # biconnector.*.fields
            if name is not None:
                yield name, item
            else:
                yield from _descriptions(item)
    elif isinstance(result, dict):
        name = _name_in(result)
        if name is not None:
            yield name, result
        elif len(result) == 1 and _is_wrapper(next(iter(result.values()))):
            yield from _descriptions(next(iter(result.values())))
        else:
            for key, value in result.items():
                if isinstance(value, str):
                    yield key, {"title": value, **_UNTYPED.get(key, {})}
                elif isinstance(value, dict):
                    yield key, value


def _name_in(item: Any) -> str | None:
    """The field's own name, where a description carries it and has a type (or is a user field)."""
    if not isinstance(item, dict):
        return None
    for key in ("FIELD_NAME", "fieldName"):
        if isinstance(item.get(key), str):
            return str(item[key])
    name = item.get("name", item.get("NAME"))
    described = isinstance(item.get("type"), str) and not {"isRequired", "isReadOnly", "TYPE"} & item.keys()
    return name if described and isinstance(name, str) else None


def _is_wrapper(value: Any) -> bool:
    """Whether a lone value holds descriptions (``{"fields": {...}}``) instead of being one."""
    if isinstance(value, list):
        return True
    return isinstance(value, dict) and (
        _name_in(value) is not None or all(isinstance(inner, dict) for inner in value.values())
    )


def _field(code: str, facts: Mapping[str, Any], wire_case: WireCase) -> Field:
    facts = {**facts, **_UNDERSTATED.get(code, {})}
    if facts.get("type") in ("integer", "int") and code in _PEOPLE:
        facts["type"] = "user"
    return Field(
        code=code,
        wire=_camel(code) if wire_case == "camel" else code,
        title=_title(code, facts),
        type=str(_first(facts, "USER_TYPE_ID", "userTypeId", "type", "TYPE") or ""),
        # lists.element.get sends every property as an object of its values, be there one or several.
        multiple=_yes(_first(facts, "isMultiple", "MULTIPLE", "multiple")) or code.startswith("PROPERTY_"),
        required=_yes(_first(facts, "isRequired", "MANDATORY", "mandatory", "required", "IS_REQUIRED")),
        read_only=_yes(_first(facts, "isReadOnly", "readOnly", "READ_ONLY")),
        values=_values(_first(facts, "items", "LIST", "enum", "values", "DISPLAY_VALUES_FORM")),
        status=_status(facts),
        link=_link(facts),
    )


def _first(facts: Mapping[str, Any], *keys: str) -> Any:
    return next((facts[key] for key in keys if facts.get(key)), None)


def _yes(value: Any) -> bool:
    return value is True or value in ("Y", 1, "1")


def _title(code: str, facts: Mapping[str, Any]) -> str:
    """The text a person sees; ``title`` of a user field in ``crm.*.fields`` is its code again."""
    labels = ("listLabel", "LIST_COLUMN_LABEL", "listColumnLabel", "formLabel", "EDIT_FORM_LABEL", "editFormLabel")
    for key in (*labels, "title", "name", "NAME"):
        value = facts.get(key)
        if isinstance(value, dict):  # one text a language
            value = next((text for text in value.values() if text), None)
        if isinstance(value, str) and value and value != code:
            return value
    return code


def _status(facts: Mapping[str, Any]) -> str:
    """A system field names its list itself, a user field in its settings."""
    settings = _first(facts, "settings", "SETTINGS")
    inner = settings.get("ENTITY_TYPE") if isinstance(settings, dict) else None
    told = facts.get("statusType") or inner or ""
    return str(told[0] if isinstance(told, list) else told)  # crm.requisite.fields has a list of one


def _link(facts: Mapping[str, Any]) -> str:
    """A property of a list names the linked list itself, a user field in its settings."""
    settings = _first(facts, "settings", "SETTINGS")
    inner = settings if isinstance(settings, dict) else {}
    if (linked := str(facts.get("LINK_IBLOCK_ID") or "0")) != "0":
        return linked
    if inner.get("IBLOCK_TYPE_ID") and inner.get("IBLOCK_ID"):
        return f"{inner['IBLOCK_TYPE_ID']}/{inner['IBLOCK_ID']}"
    return ""


def _values(listed: Any) -> dict[str, str]:
    if isinstance(listed, dict):
        return {str(code): str(text) for code, text in listed.items()}
    texts: dict[str, str] = {}
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict):
            code = _first(item, "ID", "id")
            if code is not None:
                texts[str(code)] = str(_first(item, "VALUE", "value") or "")
        else:
            texts[str(item)] = str(item)
    return texts


def _merged(described: Field | None, user: Field) -> Field:
    if described is None:
        return user
    return replace(
        described,
        title=user.title if described.title == described.code else described.title,
        type=user.type or described.type,
        multiple=described.multiple or user.multiple,
        required=described.required or user.required,
        values=user.values or described.values,
        status=user.status or described.status,
        link=user.link or described.link,
    )


def _camel(code: str) -> str:
    """``RESPONSIBLE_ID`` as ``responsibleId``: how tasks and workgroups spell the keys of their answers."""
    if not re.fullmatch(r"[A-Z0-9_]+", code):
        return code
    head, *rest = code.lower().split("_")
    return head + "".join(part.capitalize() for part in rest)


# `user.fields` and `department.fields` give labels only. Types: b24restdocs, user-get.md and department-get.md; those
# called "department" are ours, for the portal has no name for them. What is not here arrives as text.
_UNTYPED: Mapping[str, Mapping[str, Any]] = {
    "ID": {"type": "integer"},
    "ACTIVE": {"type": "boolean"},
    "IS_ONLINE": {"type": "boolean"},
    "LAST_LOGIN": {"type": "datetime"},
    "DATE_REGISTER": {"type": "datetime"},
    "TIMESTAMP_X": {"type": "datetime"},
    "LAST_ACTIVITY_DATE": {"type": "datetime"},
    "PERSONAL_BIRTHDAY": {"type": "date"},
    "UF_EMPLOYMENT_DATE": {"type": "date"},
    "UF_DEPARTMENT": {"type": "department", "isMultiple": True},
    "SORT": {"type": "integer"},
    "PARENT": {"type": "department"},
    "UF_HEAD": {"type": "user"},
}

# Described as numbers, but ids of users. Source: the answers on tasks-task-list.md, sale-order-list.md and
# catalog-product-list.md.
_PEOPLE = {
    *("CREATED_BY", "RESPONSIBLE_ID", "CHANGED_BY", "CLOSED_BY", "STATUS_CHANGED_BY"),
    *("createdBy", "modifiedBy", "updatedBy", "responsibleId"),
}

# Where a description says less than the rows show. Source: the answers on tasks-task-list.md and crm-item-list.md.
_UNDERSTATED: Mapping[str, Mapping[str, Any]] = {
    "ACCOMPLICES": {"type": "user", "isMultiple": True},
    "AUDITORS": {"type": "user", "isMultiple": True},
    "UF_CRM_TASK": {"isMultiple": True},
    "UF_TASK_WEBDAV_FILES": {"isMultiple": True},
    "contacts": {"type": "object"},  # [{"contactId": 4, "sort": 10, ...}], though described as contact ids
}
