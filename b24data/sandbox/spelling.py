"""Field names in requests: how each family of list methods spells them, and what it calls them in answers.

Sources: b24restdocs, crm-deal-list.md and its neighbours, crm-item-list.md, tasks-task-list.md, user-get.md,
user-search.md. All names are taken in the page's spelling only; capitals count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from b24data.sandbox.conventions import known_by_spelling
from b24data.sandbox.fields import Field, item_name
from b24data.sandbox.table import Table

# tasks-task-list.md: the names of the filter, and the columns they mean. STATUS is the sub-status.
_TASK_FILTER: Mapping[str, str] = {
    **{name: name for name in (
        "ID", "PARENT_ID", "GROUP_ID", "CREATED_BY", "PRIORITY", "RESPONSIBLE_ID", "TITLE", "MARK", "DEADLINE",
        "CREATED_DATE", "CLOSED_DATE", "CHANGED_DATE", "STAGE_ID", "UF_CRM_TASK",
    )},
    "STATUS": "SUB_STATUS", "REAL_STATUS": "STATUS", "ACCOMPLICE": "ACCOMPLICES", "AUDITOR": "AUDITORS",
    "ONLY_ROOT_TASKS": "ROOT",
    **dict.fromkeys((
        "STATUS_CHANGED_BY", "FORUM_TOPIC_ID", "TAG", "SITE_ID", "ADD_IN_REPORT", "DATE_START", "DEPENDS_ON",
        "SPRINT_ID", "BACKLOG_ID",
    ), "NOTHING"),
}  # fmt: skip
# tasks-task-list.md: what can be sorted by; a name that is not there is an error.
_TASK_ORDER: Mapping[str, str] = {
    **{name: name for name in (
        "ID", "TITLE", "TIME_SPENT_IN_LOGS", "CREATED_DATE", "CHANGED_DATE", "CLOSED_DATE", "START_DATE_PLAN",
        "END_DATE_PLAN", "DEADLINE", "PRIORITY", "MARK", "GROUP_ID", "TIME_ESTIMATE", "ALLOW_TIME_TRACKING",
    )},
    "REAL_STATUS": "STATUS", "CREATED_BY_LAST_NAME": "CREATED_BY", "RESPONSIBLE_LAST_NAME": "RESPONSIBLE_ID",
    **dict.fromkeys((
        "DATE_START", "ACTIVITY_DATE", "STATUS_COMPLETE", "ALLOW_CHANGE_DEADLINE", "MATCH_WORK_TIME", "FAVORITE",
        "SORTING", "IS_PINNED", "IS_PINNED_IN_GROUP",
    ), "NOTHING"),
}  # fmt: skip
_USER_SEARCH: Mapping[str, str] = {
    **{name: name for name in ("NAME", "LAST_NAME", "WORK_POSITION", "USER_TYPE")}, "UF_DEPARTMENT_NAME": "NOTHING",
}  # fmt: skip
_FILTERED = {"task": _TASK_FILTER, "search": _USER_SEARCH}
_WITH_MULTIFIELDS = ("leads", "contacts", "companies")


class Spelling:
    """Field names of one method: how they are asked for and how they are answered.

    ``original`` keeps the upper-case names of user fields in ``crm.item.*``; ``loose`` takes any spelling.
    """

    def __init__(self, table: Table, family: str, *, original: bool, loose: bool = False) -> None:
        self._table = table
        self._family = family
        self._original = original
        self._loose = loose
        self._fields = [field for field in table.fields.values() if (field.item if family == "item" else field.classic)]
        self._names = {field.name: field.name for field in self._fields} | self._answered()
        self._filtered = self._known_in_filters()
        # crm.item.* takes the upper-case names too: fast_bitrix24 orders every list by `ID`.
        self._sorted = _TASK_ORDER if family == "task" else self._names
        self._layouts: dict[tuple[str, ...], tuple[tuple[str, str], ...]] = {}

    @classmethod
    def of(cls, table: Table, family: str, *, original: bool, loose: bool = False) -> Self:
        """The spelling for the fields that a table has now."""
        key = f"spelling {family} {original} {loose} {len(table.added)}"
        known: Self | None = table.memo.get(key)
        if known is None:
            known = table.memo[key] = cls(table, family, original=original, loose=loose)
        return known

    def column(self, name: str) -> str | None:
        """The column that a name in a filter means; None where the method does not know it."""
        return self._filtered.get(name) or (_loosely(self._filtered, name) if self._loose else None)

    def sorted_by(self, name: str) -> str | None:
        """The column that a name in an order means."""
        return self._sorted.get(name) or (_loosely(self._sorted, name) if self._loose else None)

    def kind(self, column: str) -> str:
        """How values of a column are compared."""
        return self._table.kind(column)

    def type(self, column: str) -> str:
        """The type of a field."""
        field = self._table.fields.get(column)
        return field.type if field else ""

    def columns(self, select: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """Pairs of answer key and column for a ``select``; unknown names are left out without a word."""
        known = self._layouts.get(select)
        if known is None:
            known = self._layouts[select] = self._layout(select)
        return known

    def _answered(self) -> dict[str, str]:
        known = {self._answer_key(field): field.name for field in self._fields}
        return {key.upper(): name for key, name in known.items()} if self._family == "task" else known

    def _answer_key(self, field: Field) -> str:
        if self._family == "item":
            return field.name if self._original and field.custom else str(field.item)
        return item_name(field.name) if self._family == "task" else field.name

    def _known_in_filters(self) -> Mapping[str, str]:
        if self._family in _FILTERED:
            return _FILTERED[self._family]
        known = self._answered()
        if self._table.entity == "deals" and self._family == "classic":
            known.pop("CONTACT_IDS", None)  # crm-deal-list.md: "the filter does not support the field"
        return known

    def _layout(self, select: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        family = self._family
        # crm-deal-list.md: `*` is all but user fields and multifields, `UF_*` all user fields; both by default.
        default = ("*",) if family in ("item", "task") else ("*", "UF_*")
        wanted: set[str] = set()
        for name in select or default:
            if name in ("*", "UF_*"):
                wanted |= {
                    field.name
                    for field in self._fields
                    if not field.on_request and (field.custom == (name == "UF_*") or family != "classic")
                }
            else:
                wanted.add(self._names.get(name) or ("" if family == "item" else self._names.get(name.upper(), "")))
        columns = [(self._answer_key(field), field.name) for field in self._fields if field.name in wanted]
        if family == "item" and "*" in (select or default) and self._table.entity in _WITH_MULTIFIELDS:
            columns.append(("fm", "FM"))
        if family == "task":
            extras = {"CREATED_BY": "creator", "RESPONSIBLE_ID": "responsible", "GROUP_ID": "group"}
            columns += [(extras[name], extras[name]) for name in extras if name in wanted]
            columns += [("subStatus", "SUB_STATUS")] if "STATUS" in wanted or "subStatus" in select else []
        return tuple(columns)


def _loosely(known: Mapping[str, str], name: str) -> str | None:
    found = known_by_spelling(tuple(known))(name)
    return known[found] if found else None
