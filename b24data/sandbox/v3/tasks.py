"""``tasks.task.*`` of REST 3.0: the same tasks as in the older methods, under other names and in other types.

Sources: b24restdocs, tasks-task-list-rest-v3.md and its neighbours, fields-rest-v3.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from b24data.sandbox.answers import Answer
from b24data.sandbox.columns import Writer, iso
from b24data.sandbox.filters import Condition, Group
from b24data.sandbox.pages import Layout, Page, Renderer
from b24data.sandbox.quirks import HONEST, Quirks
from b24data.sandbox.table import Selection, Table, World
from b24data.sandbox.v3.aggregate import asked_fields, figures
from b24data.sandbox.v3.openapi import Described
from b24data.sandbox.v3.request import Fields, V3Error, invalid, read_filter, read_order, read_pagination, read_select
from b24data.sandbox.values import parse_moment

_COLUMNS = {
    "id": ("int", "ID"),
    "title": ("string", "TITLE"),
    "description": ("string", "DESCRIPTION"),
    "creatorId": ("int", "CREATED_BY"),
    "creator": ("object", "v3.creator"),
    "created": ("object", "CREATED_DATE"),
    "responsibleId": ("int", "RESPONSIBLE_ID"),
    "responsible": ("object", "v3.responsible"),
    "deadline": ("object", "DEADLINE"),
    "startPlan": ("object", "START_DATE_PLAN"),
    "endPlan": ("object", "END_DATE_PLAN"),
    "groupId": ("int", "GROUP_ID"),
    "group": ("object", "v3.group"),
    "stageId": ("int", "STAGE_ID"),
    "priority": ("string", "v3.priority"),
    "status": ("string", "v3.status"),
    "parentId": ("int", "PARENT_ID"),
    "changed": ("object", "CHANGED_DATE"),
    "changedById": ("int", "CHANGED_BY"),
    "closed": ("object", "CLOSED_DATE"),
    "closedById": ("int", "CLOSED_BY"),
    "mark": ("string", "v3.mark"),
    "estimatedTime": ("int", "TIME_ESTIMATE"),
    "allowsTimeTracking": ("bool", "v3.allowsTimeTracking"),
    "crmItemIds": ("array", "UF_CRM_TASK"),
}
_SORTABLE = (
    "id", "title", "creatorId", "created", "responsibleId", "deadline", "startPlan", "endPlan", "groupId", "priority",
    "status", "estimatedTime", "changed", "closed", "mark", "allowsTimeTracking",
)  # fmt: skip
FIELDS = Fields(
    "TaskDto",
    {name: kind for name, (kind, _) in _COLUMNS.items()},
    filterable=("id",),
    sortable=_SORTABLE,
    related={
        "creator": ("id", "name", "role", "email"),
        "responsible": ("id", "name", "role", "email"),
        "group": ("id", "name", "type"),
    },
    default=("id",),
)
_PLAIN = tuple(name for name, (_, column) in _COLUMNS.items() if not (name in FIELDS.related and "v3" in column))
_EDITABLE = {name: column for name, (_, column) in _COLUMNS.items() if "." not in column and name != "id"}
_CODES = {
    "status": ("STATUS", {"pending": "2", "in_progress": "3", "supposedly_completed": "4", "completed": "5"}),
    "priority": ("PRIORITY", {"low": "0", "average": "1", "high": "2"}),
}


class Tasks3:
    """The methods, over the table of tasks."""

    def __init__(
        self, world: World, renderer: Renderer, *, escape: bool, now: Callable[[], float], quirks: Quirks = HONEST
    ) -> None:
        self._quirks = quirks
        self.table: Table = world.table("tasks")
        self._users: Table = world.table("users")
        self._renderer = renderer
        self._writer = Writer(numbers=True, escape=escape)
        self._now = now
        self.methods: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "tasks.task.list": self.page,
            "tasks.task.get": self.get,
            "tasks.task.add": self.add,
            "tasks.task.update": self.update,
            "tasks.task.delete": self.delete,
        }

    def selection(self, query: Mapping[str, Any], quirks: Quirks) -> Selection:
        """The tasks that a list call means, without the pagination."""
        where = _by_column(read_filter(query.get("filter"), FIELDS))
        where = quirks.where(where, "ID", self.table.kind)
        order = tuple((_COLUMNS[name][1], down) for name, down in read_order(query.get("order"), FIELDS))
        return self.table.select(where, order)

    def page(self, query: Mapping[str, Any]) -> Answer:
        """A page; no total and no next."""
        page = read_pagination(query.get("pagination"), default=50, most=1000)
        found = self._rows(self.selection(query, self._quirks), query, page.offset, page.limit)
        return Answer([b'{"items":[', *found.pieces, b"]}"], rows=found.count, pages=1)

    def rows(self, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All tasks that a list call means, as they stand in answers."""
        selection = self.selection(query, HONEST)
        return self._rows(selection, query, 0, max(selection.count, 1)).rows()

    def figures(self, query: Mapping[str, Any]) -> Answer:
        """Figures over the tasks that a filter leaves."""
        asked = asked_fields(query.get("select"), FIELDS)
        selection = self.selection(query, self._quirks)
        names = sorted({name for names in asked.values() for name in names})
        rows = self._rows(selection, {"select": names}, 0, selection.count).rows()
        return Answer.of({"result": figures(asked, rows)}, self._writer)

    def described(self) -> Described:
        """What the OpenAPI document says of the list of tasks."""
        moments = [name for name, kind in FIELDS.types.items() if kind == "object" and name not in FIELDS.related]
        return Described(FIELDS.entity, FIELDS, moments, as_array=True)

    def _rows(self, selection: Selection, query: Mapping[str, Any], offset: int, limit: int) -> Page:
        layout = Layout(_layout(read_select(query.get("select"), FIELDS)), self._writer)
        return self._renderer.page(self.table, selection, layout, offset, limit)

    def get(self, query: Mapping[str, Any]) -> Answer:
        """One task, with all its own fields unless ``select`` says otherwise."""
        number = _id_of(query)
        return self._item(number, query.get("select") or list(_PLAIN))

    def _item(self, number: int, select: list[str]) -> Answer:
        selection = self.table.select(Group((Condition("ID", "eq", (number,)),)), ())
        if not selection.count:
            raise V3Error("ENTITYNOTFOUNDEXCEPTION", f"Entity `TaskDto` with id `{number}` not found")
        page = self._rows(selection, {"select": select}, 0, 1)
        return Answer([b'{"item":', *page.pieces, b"}"])

    def add(self, query: Mapping[str, Any]) -> Answer:
        """A new task; answers with it."""
        fields = _fields_of(query)
        for name in ("title", "creatorId", "responsibleId"):
            if name not in fields:
                raise invalid(name, f"Required field `{name}` is not specified")
        made = int(self._now())
        row = {"CREATED_DATE": iso(made), "CHANGED_DATE": iso(made), "STATUS": "2", **self._values(fields)}
        number = self.table.insert([row])[0]
        return self._item(number, list(_PLAIN))

    def update(self, query: Mapping[str, Any]) -> Answer:
        """New values for fields of a task."""
        number, fields = _id_of(query), _fields_of(query)
        if "creatorId" in fields:
            raise invalid("creatorId", "The field `creatorId` requires the attribute `Editable` for such a request")
        if not self.table.update([number], self._values(fields)):
            raise V3Error("ACCESSDENIEDEXCEPTION", "Access denied")
        return Answer([b'{"result":true}'])

    def delete(self, query: Mapping[str, Any]) -> Answer:
        """Remove a task."""
        if not self.table.delete([_id_of(query)]):
            raise V3Error("ACCESSDENIEDEXCEPTION", "Access denied")
        return Answer([b'{"result":true}'])

    def _values(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in fields.items():
            if name in _CODES:
                column, codes = _CODES[name]
                if value not in codes:
                    raise invalid(name, f"The field `{name}` does not know `{value}`")
                values[column] = codes[value]
            elif name not in _EDITABLE:
                raise V3Error("UNKNOWNDTOPROPERTYEXCEPTION", f"Unknown field `{name}` for entity `TaskDto`")
            else:
                values[_EDITABLE[name]] = _typed(name, value)
        responsible = values.get("RESPONSIBLE_ID")
        if responsible is not None and responsible not in self._users.ids:
            raise invalid("responsibleId", "The user specified in the field was not found")
        return values


def _by_column(part: Group) -> Group:
    """The conditions with the names of columns."""
    inner = tuple(
        _by_column(one) if isinstance(one, Group) else Condition(_COLUMNS[one.name][1], one.operator, one.values)
        for one in part.parts
    )
    return Group(inner, part.any_of, part.negative)


def _layout(select: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Keys and columns: fields of one related object come together, inside it."""
    columns: dict[str, str] = {}
    for name in select:
        head, dot, inner = name.partition(".")
        if dot:
            columns[head] = f"{columns[head]},{inner}" if head in columns else f"v3.{head}:{inner}"
        elif name in FIELDS.related:
            columns[name] = f"v3.{name}:{','.join(FIELDS.related[name])}"
        else:
            columns[name] = _COLUMNS[name][1]
    return tuple(columns.items())


def _id_of(query: Mapping[str, Any]) -> int:
    given = query.get("id")
    if given is None:
        raise invalid("id", "Required field `id` is not specified")
    if isinstance(given, bool) or not isinstance(given, int):
        raise invalid("id", "Field `id` requires data type `int` for this request")
    return given


def _fields_of(query: Mapping[str, Any]) -> Mapping[str, Any]:
    fields = query.get("fields")
    if not isinstance(fields, Mapping) or not fields:
        raise invalid("fields", "Required field `fields` is not specified")
    return fields


def _typed(name: str, value: Any) -> Any:
    kind, column = _COLUMNS[name]
    if kind == "int" and (isinstance(value, bool) or not isinstance(value, int | None)):
        raise invalid(name, f"The field `{name}` requires data type `int` for such a request")
    if column.endswith(("DATE", "DEADLINE", "PLAN")) and value is not None and parse_moment(str(value)) is None:
        raise invalid(name, f"The field `{name}` requires data type `datetime` for such a request")
    return value
