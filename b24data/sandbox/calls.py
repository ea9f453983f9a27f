"""One method call: from its name and parameters to an answer. Everything but lists of records is small and plain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from b24data.sandbox import describe
from b24data.sandbox.answers import Answer
from b24data.sandbox.columns import Writer, iso
from b24data.sandbox.dialects import Dialects
from b24data.sandbox.documented import documented, row_id
from b24data.sandbox.errors import PortalError
from b24data.sandbox.fields import ENTITY_TYPES, SMART_PROCESS, Field
from b24data.sandbox.lists import LIST_METHODS, answer_list, read_request
from b24data.sandbox.mutations import Mutations
from b24data.sandbox.notation import find
from b24data.sandbox.pages import Renderer
from b24data.sandbox.quirks import Quirks
from b24data.sandbox.records import Records
from b24data.sandbox.rights import Rights
from b24data.sandbox.rowfilters import kept_rows
from b24data.sandbox.rowsets import Rowsets
from b24data.sandbox.stages import CATEGORIES, categories, currencies, statuses
from b24data.sandbox.table import World
from b24data.sandbox.words import DEPARTMENTS

SCOPES = ["basic", "crm", "department", "task", "tasks", "user", "user_brief"]
_TYPE_FLAGS = {"isCategoriesEnabled": "Y", "isStagesEnabled": "Y"}
_ENTITIES = {"deal": "deals", "lead": "leads", "contact": "contacts", "company": "companies"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: an application or a webhook (``source``, for the ledger), on behalf of a user."""

    source: str
    user_id: int
    application: bool


class Methods:
    """Every method the portal has, by lower-case name."""

    def __init__(
        self,
        world: World,
        renderer: Renderer,
        rowsets: Rowsets,
        *,
        escape: bool,
        zero_total: bool,
        quirks: Quirks,
        now: Callable[[], float],
        changes: Mutations,
    ) -> None:
        self._world = world
        self._records = Records(world, renderer, changes, escape=escape)
        self._quirks = quirks
        self.dialects = Dialects(rowsets, world, renderer, escape=escape, quirks=quirks)
        self.rights = Rights()
        self._renderer = renderer
        self._escape = escape
        self._zero_total = zero_total
        self._now = now
        self._writer = Writer(numbers=True, escape=escape)
        self._plain = self._plain_methods()

    def call(self, method: str, params: Mapping[str, Any], caller: Caller, *, in_batch: bool = False) -> Answer:
        """The answer of a method; raises the portal's error."""
        name = method.lower()
        self.rights.check(name, params)
        spec = LIST_METHODS.get(name)
        if spec is not None:
            request = read_request(spec, self._world, params, escape=self._escape, quirks=self._quirks)
            return answer_list(request, self._renderer, zero_total=self._zero_total, quirks=self._quirks)
        plain = self._plain.get(name)
        if plain is not None:
            return plain(params, caller)
        record = self._records.methods.get(name)
        if record is not None:
            return record(params)
        if name in describe.DESCRIBED:
            return self._answer(describe.listed_fields(describe.DESCRIBED[name]))
        if self.dialects.knows(name):
            return self.dialects.call(name, params, in_batch=in_batch)
        raise PortalError(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")

    def rows(self, method: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a list that is kept as plain rows, all of them, as they stand in answers."""
        name = method.lower()
        if name not in self._plain:
            return self.dialects.rows(name, params)
        answer = self._plain[name](params, Caller("webhook", 1, application=False))
        result = msgspec.json.decode(b"".join(answer.pieces))
        found: list[dict[str, Any]] = result[documented("v2")[name].at] if isinstance(result, dict) else result
        return found

    def ids(self, method: str, params: Mapping[str, Any]) -> list[Any]:
        """What tells the rows of such a list apart."""
        name = method.lower()
        if name not in self._plain:
            return self.dialects.ids(name, params)
        return [row_id(row, documented("v2")[name]) for row in self.rows(method, params)]

    def names(self) -> list[str]:
        """The methods the portal knows."""
        return sorted(
            {*LIST_METHODS, *self._plain, *self._records.methods, *describe.DESCRIBED, *documented("v2"), "batch"}
        )

    def _plain_methods(self) -> dict[str, Callable[[Mapping[str, Any], Caller], Answer]]:
        table: dict[str, Callable[[Mapping[str, Any], Caller], Answer]] = {
            "profile": self._profile,
            "user.current": self._user_current,
            "app.info": self._app_info,
            "scope": lambda _params, _caller: self._answer(SCOPES),
            "methods": lambda _params, _caller: self._answer(self.names()),
            "method.get": self._method_get,
            "server.time": lambda _params, _caller: self._answer(iso(self._now())),
            "user.fields": lambda _params, _caller: self._answer(describe.user_fields(self._fields("users"))),
            "tasks.task.getfields": lambda _params, _caller: self._answer(
                {"fields": describe.task_fields(self._fields("tasks"))}
            ),
            "crm.item.fields": self._item_fields,
            "crm.category.list": self._categories,
            "crm.currency.list": lambda _params, _caller: self._rows(currencies()),
            "crm.type.list": self._types,
            "crm.status.list": self._statuses,
            "department.get": self._departments,
            "crm.activity.fields": partial(self._classic_fields, "activities"),
        }
        for word, entity in _ENTITIES.items():
            table[f"crm.{word}.fields"] = partial(self._classic_fields, entity)
            table[f"crm.{word}.userfield.list"] = partial(self._userfields, entity)
        return table

    def _fields(self, entity: str) -> Mapping[str, Field]:
        return self._world.table(entity).fields

    def _answer(self, value: Any, **facts: Any) -> Answer:
        return Answer.of(value, self._writer, **facts)

    def _classic_fields(self, entity: str, _params: Mapping[str, Any], _caller: Caller) -> Answer:
        return self._answer(describe.classic_fields(self._fields(entity)))

    def _userfields(self, entity: str, params: Mapping[str, Any], _caller: Caller) -> Answer:
        rows = describe.userfields(entity, self._fields(entity))
        word = next(word for word, known in _ENTITIES.items() if known == entity)
        return self._rows(self._kept(f"crm.{word}.userfield.list", rows, find(params, "filter")))

    def _item_fields(self, params: Mapping[str, Any], _caller: Caller) -> Answer:
        known = self._fields(ENTITY_TYPES[_entity_type(params)])
        original = str(find(params, "useoriginalufnames") or "").upper() == "Y"
        return self._answer({"fields": describe.item_fields(known, original=original)})

    def _categories(self, params: Mapping[str, Any], _caller: Caller) -> Answer:
        entity_type = _entity_type(params)
        rows = categories(entity_type, SMART_PROCESS)
        if ENTITY_TYPES[entity_type] == "deals":
            rows = [row for row in rows if row["id"] in self._world.pipelines]
        return self._answer({"categories": rows}, total=len(rows))

    def _types(self, params: Mapping[str, Any], _caller: Caller) -> Answer:
        if any(str(name).isupper() for name in params.get("order") or ()):
            raise PortalError(400, "INVALID_ARG_VALUE", "Invalid order: the names of fields are in camelCase")
        kind = {"id": 7, "title": "Repairs", "code": "REPAIRS", "entityTypeId": SMART_PROCESS, "createdBy": 1}
        rows = self._kept("crm.type.list", [kind | _TYPE_FLAGS], find(params, "filter"))
        return self._answer({"types": rows}, total=len(rows))

    def _statuses(self, params: Mapping[str, Any], _caller: Caller) -> Answer:
        removed = {f"DEAL_STAGE_{number}" for number, _ in CATEGORIES if number not in self._world.pipelines}
        rows = [row for row in statuses(SMART_PROCESS) if row["ENTITY_ID"] not in removed]
        return self._rows(self._kept("crm.status.list", rows, find(params, "filter")))

    def _departments(self, params: Mapping[str, Any], _caller: Caller) -> Answer:
        staff = self._world.table("users")
        belongs = staff.coded("UF_DEPARTMENT")
        members: list[list[int]] = [belongs.vocabulary[code] for code in belongs.codes.tolist()]
        rows = []
        for number, (name, parent) in enumerate(DEPARTMENTS, 1):
            row: dict[str, Any] = {"ID": str(number), "NAME": name, "SORT": 500}
            head = next((at for at, of in enumerate(members) if number in of), None)
            row |= {"PARENT": str(parent)} if parent else {}
            rows.append(row if head is None else row | {"UF_HEAD": str(int(staff.ids[head]))})
        # department-get.md: exact filters at the top level, no filter object.
        rows = self._kept("department.get", rows, params)
        return self._rows(rows, start=_whole(find(params, "start")), counted=True)

    def _kept(self, method: str, rows: list[dict[str, Any]], asked: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in kept_rows(documented("v2")[method], rows, asked, self._quirks)]

    def _rows(self, rows: list[dict[str, Any]], *, start: int = 0, counted: bool = False) -> Answer:
        """A short list that is kept as plain rows; all of it at once unless it is paged."""
        page = rows[max(start, 0) : max(start, 0) + 50] if counted else rows
        after = max(start, 0) + 50
        return self._answer(
            page,
            total=len(rows),
            next=after if counted and after < len(rows) else None,
            rows=len(page),
            pages=1,
        )

    def _profile(self, _params: Mapping[str, Any], caller: Caller) -> Answer:
        person = {"ID": str(caller.user_id), "ADMIN": True, "NAME": "Анна", "LAST_NAME": "Смирнова"}
        return self._answer(person | {"PERSONAL_GENDER": "F", "TIME_ZONE": ""})

    def _user_current(self, _params: Mapping[str, Any], caller: Caller) -> Answer:
        request = read_request(LIST_METHODS["user.get"], self._world, {"ID": caller.user_id}, escape=self._escape)
        page = self._renderer.page(request.table, request.selection(), request.layout, 0, 1)
        return Answer(list(page.pieces) or [b"[]"])

    def _app_info(self, _params: Mapping[str, Any], caller: Caller) -> Answer:
        if not caller.application:
            raise PortalError(403, "ACCESS_DENIED", "Application context required")
        info = {"ID": 5, "CODE": caller.source, "VERSION": 1, "STATUS": "L", "INSTALLED": True, "PAYMENT_EXPIRED": "N"}
        return self._answer(info | {"DAYS": None, "LANGUAGE_ID": "ru", "LICENSE": "ru_basic", "LICENSE_TYPE": "basic"})

    def _method_get(self, params: Mapping[str, Any], _caller: Caller) -> Answer:
        known = str(find(params, "name") or "").lower() in self.names()
        return self._answer({"isExisting": known, "isAvailable": known})


def _entity_type(params: Mapping[str, Any]) -> int:
    given = str(find(params, "entitytypeid"))
    if not given.isdigit() or int(given) not in ENTITY_TYPES:
        raise PortalError(400, "NOT_FOUND", "SPA not found")
    return int(given)


def _whole(value: Any) -> int:
    return int(value) if str(value).lstrip("-").isdigit() else 0
