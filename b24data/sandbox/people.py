"""Columns of users and tasks, the two families that spell their rows in their own way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b24data.sandbox import words
from b24data.sandbox.bonds import task_links
from b24data.sandbox.columns import ID_MARK, NULL, Codes, Ints, Numbers
from b24data.sandbox.fields import Field
from b24data.sandbox.moments import DAY, LAST_DAY, arrivals, working
from b24data.sandbox.ragged import Column

if TYPE_CHECKING:
    from b24data.sandbox.table import Table


def user_column(table: Table, field: Field) -> Column:
    """A column of ``user.get``: text, with real booleans and lists between."""
    rng, n = table.rng(field.name), table.size
    if field.name == "ID":
        return Numbers("id", table.ids.copy())
    if field.type == "datetime" or field.name == "UF_EMPLOYMENT_DATE":
        moments = LAST_DAY - rng.integers(0, 700, n) * DAY
        if field.name != "DATE_REGISTER":
            moments[rng.random(n) < 0.3] = NULL
        return Numbers("datetime", moments, empty="")
    choices: dict[str, list[Any]] = {
        "ACTIVE": [True, True, True, False],
        "NAME": words.FIRST_NAMES,
        "LAST_NAME": words.LAST_NAMES,
        "EMAIL": [f"user{ID_MARK}@example.com"],
        "IS_ONLINE": ["Y", "N"],
        # b24restdocs, user-get.md: these two arrive as empty objects.
        "TIMESTAMP_X": [{}],
        "LAST_ACTIVITY_DATE": [{}],
        "PERSONAL_GENDER": ["", "M", "F"],
        "PERSONAL_MOBILE": ["", f"+7916{ID_MARK}"],
        "PERSONAL_CITY": [city or "" for city in words.CITIES],
        "WORK_POSITION": [position or "" for position in words.POSITIONS],
        "UF_DEPARTMENT": [[1], [2], [3], [2, 6], [5]],
        "USER_TYPE": ["employee"],
    }
    values = choices.get(field.name, [""])
    kind = "bool" if field.name == "ACTIVE" else "text"
    return Codes(rng.integers(0, len(values), n, dtype=np.int32), values, kind=kind)


def task_column(table: Table, field: Field) -> Column:
    """A column of ``tasks.task.list``: numbers are strings, flags are Y and N."""
    rng, n = table.rng(field.name), table.size
    if field.type == "integer":
        return Numbers("id", _task_numbers(table, field.name, rng))
    if field.type == "datetime":
        return Numbers("datetime", _task_moments(table, field.name, rng))
    if field.name == "UF_CRM_TASK":
        return task_links(table, rng)
    if field.name == "STATUS":
        age = (LAST_DAY - table.created) / (20 * DAY)
        codes = np.where(rng.random(n) < 1 - np.exp(-age), 3, np.searchsorted([0.4, 0.8, 0.9], rng.random(n)))
        return Codes(codes.astype(np.int32), ["2", "3", "4", "5", "6"], kind="number")
    choices: dict[str, list[Any]] = {
        "TITLE": [f"{title} №{ID_MARK}" for title in words.TASK_TITLES],
        "DESCRIPTION": [comment or "" for comment in words.COMMENTS],
        "MARK": ["", None, "P", "N"],
        "PRIORITY": ["0", "1", "2"],
        "ACCOMPLICES": [[], ["1"], ["1", "3"]],
        "AUDITORS": [[], ["2"]],
        "ALLOW_TIME_TRACKING": ["N", "Y"],
        "UF_TASK_WEBDAV_FILES": [False, [1117], [1117, 1120]],
    }
    values = choices[field.name]
    kind = "number" if field.name == "PRIORITY" else "text"
    return Codes(rng.integers(0, len(values), n, dtype=np.int32), values, kind=kind)


def _task_moments(table: Table, name: str, rng: np.random.Generator) -> Ints:
    """A task is made, then planned, then changed; only a completed one was closed, and that was its last change."""
    n = table.size
    if name == "CREATED_DATE":
        return arrivals(rng, n)
    made = table.created
    if name in ("CLOSED_DATE", "CHANGED_DATE"):
        took = (table.rng("took").lognormal(0.5, 1.0, n) * DAY).astype(np.int64)
        finished = working(made + took)
        finished = np.where(finished < LAST_DAY, finished, made + (LAST_DAY - 1 - made) // 2)
        is_closed = table.coded("STATUS").codes == 3
        return finished if name == "CHANGED_DATE" else np.where(is_closed, finished, NULL)
    begin = {"START_DATE_PLAN": 0, "END_DATE_PLAN": 5, "DEADLINE": 3}[name]
    moments = working(made + rng.integers(begin * DAY, (begin + 10) * DAY, n))
    moments[rng.random(n) < 0.4] = NULL
    return moments


def _task_numbers(table: Table, name: str, rng: np.random.Generator) -> Ints:
    n = table.size
    if name == "ID":
        return table.ids.copy()
    if name in ("CREATED_BY", "RESPONSIBLE_ID", "CHANGED_BY", "CLOSED_BY"):
        staff = table.world.table("users").ids
        values = staff[rng.integers(0, len(staff), n)] if len(staff) else np.ones(n, np.int64)
        return np.where(table.coded("STATUS").codes == 3, values, NULL) if name == "CLOSED_BY" else values
    if name == "GROUP_ID":
        return np.where(rng.random(n) < 0.5, 0, rng.integers(1, 1 + len(words.GROUPS), n))
    if name == "TIME_SPENT_IN_LOGS":
        return time_spent(table).seconds_of(n)
    if name == "PARENT_ID":  # an earlier task
        parent = (rng.random(n) * np.arange(n)).astype(np.int64)
        return np.where((rng.random(n) < 0.8) | (np.arange(n) == 0), 0, table.ids[parent] if n else 0)
    return _estimates(table, rng)


_HALF_HOUR = 1800


def _estimates(table: Table, rng: np.random.Generator) -> Ints:
    """Seconds that were planned, in half hours, for four tasks of ten: near to what was spent, mostly too few."""
    n = table.size
    is_planned = rng.random(n) > 0.6
    spent = time_spent(table).seconds_of(n)
    meant = np.where(spent > 0, spent * rng.lognormal(-0.1, 0.35, n), rng.integers(1, 12, n) * _HALF_HOUR)
    return np.where(is_planned, np.maximum(1, np.round(meant / _HALF_HOUR)) * _HALF_HOUR, 0).astype(np.int64)


@dataclass(frozen=True, slots=True)
class TimeSpent:
    """Entries of time that people put down: the ``task`` of each (its position), when it ``began``, its ``seconds``."""

    task: Ints
    began: Ints
    seconds: Ints

    def seconds_of(self, count: int) -> Ints:
        """The sum of each of ``count`` tasks."""
        return np.bincount(self.task, self.seconds, count).astype(np.int64)


def time_spent(table: Table) -> TimeSpent:
    """What was put down for each task, between its making and its last change."""
    rng = table.rng("time spent")
    count = np.searchsorted([0.5, 0.75, 0.9], rng.random(table.size))
    task = np.repeat(np.arange(table.size), count)
    made, changed = table.created[task], table.numbers("CHANGED_DATE").values[task]
    began = made + (rng.random(len(task)) * (changed - made)).astype(np.int64)
    order = np.lexsort((began, task))
    return TimeSpent(task, began[order], 300 * rng.integers(1, 40, len(task)))


def task_extra(table: Table, name: str) -> Codes:
    """What a task's answer adds: ``creator`` and ``responsible`` (a user), ``group`` (``[]`` when none), ``subStatus``.

    What a filter names and no task has here, such as tags, is filled in nowhere.
    """
    if name == "SUB_STATUS":
        return _sub_status(table)
    if name == "ROOT":
        parents = table.numbers("PARENT_ID").values
        return Codes((parents <= 0).astype(np.int32), ["N", "Y"], kind="flag")
    if name not in ("creator", "responsible", "group"):
        return Codes(np.zeros(table.size, np.int32), [None])
    source = table.numbers({"creator": "CREATED_BY", "responsible": "RESPONSIBLE_ID", "group": "GROUP_ID"}[name])
    distinct, codes = np.unique(source.values, return_inverse=True)
    return Codes(codes.astype(np.int32), [_group(int(at)) if name == "group" else _user(int(at)) for at in distinct])


def _sub_status(table: Table) -> Codes:
    """The status, or for a task that is open -1 (overdue), -2 (not viewed), -3 (almost overdue): tasks-task-list.md."""
    status = table.coded("STATUS")
    held = [*status.vocabulary, "-1", "-2", "-3"]
    deadline = table.numbers("DEADLINE").values
    is_open = np.isin(np.array(status.vocabulary), ["2", "3"])[status.codes]
    overdue = is_open & (deadline != NULL) & (deadline < LAST_DAY)
    almost = is_open & (deadline >= LAST_DAY) & (deadline < LAST_DAY + DAY)
    unseen = is_open & ~overdue & ~almost & (table.ids % 5 == 0)
    first = len(status.vocabulary)
    codes = np.select([overdue, unseen, almost], [first, first + 1, first + 2], status.codes)
    return Codes(codes.astype(np.int32), held, kind="number")


def _group(number: int) -> Any:
    if not 0 < number <= len(words.GROUPS):
        return []
    return {"id": str(number), "name": words.GROUPS[number - 1], "opened": False, "membersCount": 3, "image": ""}


def _user(number: int) -> dict[str, Any]:
    return {
        "id": str(number),
        "name": words.FIRST_NAMES[number % len(words.FIRST_NAMES)],
        "link": f"/company/personal/user/{number}/",
        "icon": "/bitrix/images/tasks/default_avatar.png",
        "workPosition": "",
    }


_WORDS_V3: dict[str, tuple[str, dict[Any, Any]]] = {
    "status": (
        "STATUS",
        {"2": "pending", "3": "in_progress", "4": "supposedly_completed", "5": "completed", "6": "deferred"},
    ),
    "priority": ("PRIORITY", {"0": "low", "1": "average", "2": "high"}),
    "mark": ("MARK", {"P": "positive", "N": "negative", "": "none", None: "none"}),
    "allowsTimeTracking": ("ALLOW_TIME_TRACKING", {"Y": True, "N": False}),
}


def task_column_v3(table: Table, name: str) -> Codes:
    """A column as REST 3.0 has it: a word for a code, or ``responsible:name,email``, fields of a related object."""
    word, _, wanted = name.partition(":")
    if word in _WORDS_V3:
        source, words_of = _WORDS_V3[word]
        column = table.coded(source)
        return Codes(column.codes, [words_of.get(entry, entry) for entry in column.vocabulary])
    source = {"creator": "CREATED_BY", "responsible": "RESPONSIBLE_ID", "group": "GROUP_ID"}[word]
    distinct, codes = np.unique(table.numbers(source).values, return_inverse=True)
    return Codes(codes.astype(np.int32), [_related_v3(word, int(number), wanted.split(",")) for number in distinct])


def _related_v3(word: str, number: int, wanted: list[str]) -> Any:
    if word == "group" and not 0 < number <= len(words.GROUPS):
        return None
    name = words.GROUPS[number - 1] if word == "group" else words.FIRST_NAMES[number % len(words.FIRST_NAMES)]
    known = {"id": number, "name": name, "role": "employee", "email": f"user{number}@example.com", "type": "group"}
    return {key: known[key] for key in wanted}
