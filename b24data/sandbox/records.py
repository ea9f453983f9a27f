"""Single records: ``crm.<entity>.get|add|update|delete``, and the same of ``crm.item``.

Sources: b24restdocs, crm-deal-get.md, crm-deal-add.md and their neighbours, crm-item-get.md, crm-item-add.md. The older
methods answer errors with an empty code; what tells them apart is the text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from b24data.sandbox.answers import Answer
from b24data.sandbox.columns import ABSENT, Writer
from b24data.sandbox.errors import PortalError
from b24data.sandbox.fields import ENTITY_TYPES, MULTIFIELDS, SMART_PROCESS, Field
from b24data.sandbox.filters import Condition, Group
from b24data.sandbox.mutations import Mutations
from b24data.sandbox.notation import find
from b24data.sandbox.pages import Layout, Renderer
from b24data.sandbox.spelling import Spelling
from b24data.sandbox.table import Table, World
from b24data.sandbox.values import flagged, parse_moment

_WORDS = {"deal": "deals", "lead": "leads", "contact": "contacts", "company": "companies"}
# What the pages call a record that is not there; elsewhere it is "Not found".
_ABSENT: Mapping[tuple[str, str], PortalError] = {
    ("update", "contacts"): PortalError(400, "", "Contact is not found"),
    ("update", "companies"): PortalError(400, "", "Company is not found"),
    ("delete", "contacts"): PortalError(400, "ERROR_CORE", "Element not found"),
    ("delete", "companies"): PortalError(400, "", "Company is not found"),
}
_NOT_FOUND = PortalError(400, "", "Not found")
_NO_ITEM = PortalError(400, "NOT_FOUND", "Item not found")
_DEFAULTS: Mapping[str, Any] = {
    "STAGE_ID": "NEW", "STATUS_ID": "NEW", "CATEGORY_ID": 0, "STAGE_SEMANTIC_ID": "P", "STATUS_SEMANTIC_ID": "P",
    "CURRENCY_ID": "RUB", "OPPORTUNITY": 0, "ASSIGNED_BY_ID": 1, "CREATED_BY_ID": 1, "CREATED_BY": 1,
    "MODIFY_BY_ID": 1, "UPDATED_BY": 1, "OPENED": "Y", "IS_NEW": "Y",
    "items.CATEGORY_ID": 11, "items.STAGE_ID": f"DT{SMART_PROCESS}_11:NEW",
    "invoices.CATEGORY_ID": 2, "invoices.STAGE_ID": "DT31_2:N", "quotes.STAGE_ID": "DRAFT",
}  # fmt: skip


class Records:
    """The methods by lower-case name, each from parameters to an answer."""

    def __init__(self, world: World, renderer: Renderer, changes: Mutations, *, escape: bool) -> None:
        self._world = world
        self._renderer = renderer
        self._changes = changes
        self._escape = escape
        self._writer = Writer(numbers=True, escape=escape)
        self.methods: dict[str, Callable[[Mapping[str, Any]], Answer]] = {}
        for word, entity in _WORDS.items():
            for verb in ("get", "add", "update", "delete"):
                self.methods[f"crm.{word}.{verb}"] = partial(getattr(self, f"_{verb}"), entity)
        for verb in ("get", "add", "update", "delete"):
            self.methods[f"crm.item.{verb}"] = partial(self._item, verb)

    # crm.<entity>.*: upper-case names, parameters in any case.

    def _get(self, entity: str, params: Mapping[str, Any]) -> Answer:
        table = self._world.table(entity)
        number = self._existing("get", table, _id_of(find(params, "id")))
        spelling = Spelling.of(table, "classic", original=False)
        columns = spelling.columns(("*", "UF_*", *MULTIFIELDS))
        return self._row(table, number, Layout(columns, Writer(escape=self._escape)))

    def _add(self, entity: str, params: Mapping[str, Any]) -> Answer:
        values = self._values(entity, _fields_of(params), by_name=str)
        number = self._changes.insert(entity, [_blank(self._world.table(entity)) | values])[0]
        return Answer.of(number, self._writer)

    def _update(self, entity: str, params: Mapping[str, Any]) -> Answer:
        number = self._existing("update", self._world.table(entity), _id_of(find(params, "id")))
        self._changes.update(entity, [number], self._values(entity, _fields_of(params), by_name=str))
        return Answer.of(True, self._writer)

    def _delete(self, entity: str, params: Mapping[str, Any]) -> Answer:
        number = self._existing("delete", self._world.table(entity), _id_of(find(params, "id")))
        self._changes.delete(entity, [number])
        return Answer.of(True, self._writer)

    # crm.item.*: camelCase names, parameters in the page's spelling, the record in the answer.

    def _item(self, verb: str, params: Mapping[str, Any]) -> Answer:
        given = str(params.get("entityTypeId"))
        entity = ENTITY_TYPES.get(int(given)) if given.isdigit() else None
        if entity is None:
            raise PortalError(400, "NOT_FOUND", "SPA not found")
        table = self._world.table(entity)
        original = str(params.get("useOriginalUfNames") or "").upper() == "Y"
        spelling = Spelling.of(table, "item", original=original)
        number = 0 if verb == "add" else self._existing_item(table, params.get("id"))
        if verb == "delete":
            self._changes.delete(entity, [number])
            return Answer.of([], self._writer)
        if verb != "get":
            values = self._values(entity, _fields_of(params), by_name=spelling.column)
            _check_values(table, values)
            if verb == "add":
                number = self._changes.insert(entity, [_blank(table) | values])[0]
            else:
                self._changes.update(entity, [number], values)
        row = self._row(table, number, Layout(spelling.columns(("*",)), self._writer))
        return Answer([b'{"item":', *row.pieces, b"}"])

    def _existing_item(self, table: Table, given: Any) -> int:
        if not str(given).isdigit() or not _seen(table, int(given)):
            raise _NO_ITEM
        return int(given)

    def _existing(self, verb: str, table: Table, number: int) -> int:
        if _seen(table, number):
            return number
        if number in table.living:  # the user may not see it
            raise PortalError(400, "", "Access denied.")
        raise _ABSENT.get((verb, table.entity), _NOT_FOUND)

    def _row(self, table: Table, number: int, layout: Layout) -> Answer:
        selection = table.select(_with_id(number), ())
        return Answer(list(self._renderer.page(table, selection, layout, 0, 1).pieces))

    def _values(self, entity: str, given: Mapping[str, Any], by_name: Callable[[str], str | None]) -> dict[str, Any]:
        """What is written: unknown and read-only fields are ignored, flags of user fields come in any form."""
        fields = self._world.table(entity).fields
        values: dict[str, Any] = {}
        for name, value in given.items():
            field = fields.get(by_name(name) or "")
            if field is not None and not field.read_only:
                values[field.name] = _stored(field, value)
        return values


def _with_id(number: int) -> Group:
    return Group((Condition("ID", "eq", (number,)),))


def _seen(table: Table, number: int) -> bool:
    return table.select(_with_id(number), ()).count > 0


def _id_of(given: Any) -> int:
    if not str(given).isdigit() or int(given) < 1:
        raise PortalError(400, "", "ID is not defined or invalid.")
    return int(given)


def _fields_of(params: Mapping[str, Any]) -> Mapping[str, Any]:
    fields = find(params, "fields")
    if fields in ([], None):
        return {}
    if not isinstance(fields, Mapping):
        raise PortalError(400, "", "Parameter 'fields' must be array.")
    return fields


def _stored(field: Field, value: Any) -> Any:
    if field.kind == "switch" and not field.multiple:
        text = flagged("switch", value)
        return {"1": True, "0": False}.get(str(text))
    if value in ("", None, []) and field.multiple:
        return ABSENT if field.on_request else False
    return value


def _blank(table: Table) -> dict[str, Any]:
    """A new record before anything is filled in."""
    row: dict[str, Any] = {}
    for name, field in table.fields.items():
        if name in ("ID", *_STAMPED):
            continue
        default = _DEFAULTS.get(f"{table.entity}.{name}", _DEFAULTS.get(name))
        if default is not None:
            row[name] = default
        elif field.multiple:
            row[name] = ABSENT if field.on_request else False if field.custom else []
        elif field.type in ("char", "boolean") and not field.custom:
            row[name] = "N"
        else:
            row[name] = None
    return row


_STAMPED = ("DATE_CREATE", "DATE_MODIFY", "CREATED_TIME", "UPDATED_TIME")


def _check_values(table: Table, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        field = table.fields[name]
        several = value if isinstance(value, list) else [value]
        if field.multiple and value is not False and not isinstance(value, list | Mapping):
            raise PortalError(
                400, "100", f"Expected iterable value for multiple field, but got {type(value).__name__} instead"
            )
        moments = [one for one in several if one not in ("", None, False)] if field.kind == "moment" else []
        if any(parse_moment(str(one)) is None for one in moments):
            raise PortalError(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", f'Invalid value for field "{field.title}"')
