"""Records that change while they are being read."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from b24data.sandbox.columns import iso
from b24data.sandbox.follow import Followers
from b24data.sandbox.stats import Counters
from b24data.sandbox.table import Table, World

# When a record was made, and when it was changed last.
_USUAL_STAMPS = ("DATE_CREATE", "DATE_MODIFY")
_STAMPS = {
    "tasks": ("CREATED_DATE", "CHANGED_DATE"),
    "activities": ("CREATED", "LAST_UPDATED"),
    **dict.fromkeys(("items", "invoices", "quotes"), ("CREATED_TIME", "UPDATED_TIME")),
    "users": ("DATE_REGISTER", "TIMESTAMP_X"),
}
_TITLE_FIELD = {"contacts": "NAME", "users": "NAME", "activities": "SUBJECT"}


@dataclass(slots=True)
class _Plan:
    entity: str
    insert: int
    delete: int
    update: int
    values: Mapping[str, Any]
    at: int | None
    every: int | None

    def due(self, number: int) -> bool:
        if self.at is not None:
            return number >= self.at
        return bool(self.every) and number % int(self.every or 1) == 0


class Mutations:
    """Changes at the k-th request, or at every k-th, of records drawn by seeded dice; all are logged."""

    def __init__(self, world: World, counters: Counters, now: Any, seed: int) -> None:
        self._world = world
        self._counters = counters
        self._now = now
        self._dice = random.Random(seed)
        self._followers = Followers(world)
        self._plans: list[_Plan] = []

    def plan(
        self,
        entity: str,
        *,
        insert: int = 0,
        delete: int = 0,
        update: int = 0,
        values: Mapping[str, Any] | None = None,
        at: int | None = None,
        every: int | None = None,
    ) -> None:
        """Plan changes."""
        self._plans.append(_Plan(entity, insert, delete, update, dict(values or {}), at, every))

    def clear(self) -> None:
        """Forget the plans."""
        self._plans.clear()

    def run_due(self, number: int) -> None:
        """Carry out what the ``number``-th request brings with it, before it is answered."""
        for plan in [plan for plan in self._plans if plan.due(number)]:
            table = self._world.table(plan.entity)
            if plan.delete:
                self.delete(plan.entity, self._draw(table, plan.delete))
            if plan.update:
                values = plan.values or {_TITLE_FIELD.get(plan.entity, "TITLE"): f"changed at request {number}"}
                self.update(plan.entity, self._draw(table, plan.update), values)
            if plan.insert:
                self.insert(plan.entity, [dict(plan.values)] * plan.insert)
            if plan.at is not None:
                self._plans.remove(plan)

    def _draw(self, table: Table, count: int) -> list[int]:
        living = table.living.tolist()
        return self._dice.sample(living, min(count, len(living)))

    def insert(self, entity: str, rows: list[dict[str, Any]]) -> list[int]:
        """Add records, made and changed now unless they say otherwise, and log it."""
        table = self._world.table(entity)
        stamped = [{**self._stamps(table, *_STAMPS.get(entity, _USUAL_STAMPS)), **row} for row in rows]
        self._followers.prepare(entity)
        numbers = table.insert(stamped)
        self._followers.inserted(entity, numbers, rows)
        return self._logged("insert", entity, numbers)

    def delete(self, entity: str, ids: list[int]) -> list[int]:
        """Remove records and log it."""
        self._followers.before_delete(entity)
        gone = self._world.table(entity).delete(ids)
        self._followers.deleted(entity, gone, self._now())
        return self._logged("delete", entity, gone)

    def update(self, entity: str, ids: list[int], values: Mapping[str, Any]) -> list[int]:
        """Change records, now unless the values say otherwise, and log it."""
        table = self._world.table(entity)
        _, changed = _STAMPS.get(entity, _USUAL_STAMPS)
        self._followers.prepare(entity, values)
        known = table.living[np.isin(table.living, np.array(ids, np.int64))].tolist()
        before = self._followers.stages(entity, known)
        touched = table.update(ids, {**self._stamps(table, changed), **values})
        self._followers.updated(entity, touched, values, before, self._now())
        return self._logged("update", entity, touched)

    def remove_pipeline(self, number: int, move_to: int) -> list[int]:
        """Move the deals of a pipeline to another one and remove it."""
        if not number or number == move_to or not {number, move_to} <= set(self._world.pipelines):
            raise ValueError(
                f"can't move the deals of pipeline {number} to {move_to}; there are {self._world.pipelines}"
            )
        table = self._world.table("deals")
        places = table.order[table.numbers("CATEGORY_ID").values[table.order] == number]
        moved = self.update("deals", table.ids[places].tolist(), {"CATEGORY_ID": move_to})
        self._world.pipelines.remove(number)
        return moved

    def _stamps(self, table: Table, *names: str) -> dict[str, str]:
        known = table.fields
        return {name: iso(self._now()) for name in names if name in known and known[name].type == "datetime"}

    def _logged(self, what: str, entity: str, ids: list[int]) -> list[int]:
        self._counters.mutations.append((self._now(), what, entity, ids))
        return ids
