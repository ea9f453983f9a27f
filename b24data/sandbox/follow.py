"""What follows from a change: a stage that is left stands in the history, an amount in the product rows, a deleted
record leaves what was bound to it.

Records that lose a link count as changed now. Calls stay as they are: telephony keeps its own log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from b24data.sandbox.bonds import BINDING_TYPES, TASK_WORDS
from b24data.sandbox.columns import NULL, iso
from b24data.sandbox.fields import ENTITY_TYPES
from b24data.sandbox.goods import product_ids, product_name
from b24data.sandbox.related import HISTORY, PRODUCT_ROWS, STAGES, TASK_TIME, owner_code
from b24data.sandbox.table import Table, World

_ITEMS = ("deals", "leads", "invoices", "quotes", "items")
# Which fields refer to the records of an entity.
_LINKS: Mapping[str, Sequence[tuple[str, str]]] = {
    "deals": (("invoices", "PARENT_ID_2"), ("items", "PARENT_ID_2"), ("quotes", "DEAL_ID")),
    "leads": tuple((entity, "LEAD_ID") for entity in ("deals", "contacts", "companies", "quotes")),
    "contacts": tuple((entity, "CONTACT_ID") for entity in _ITEMS),
    "companies": (
        *((entity, "COMPANY_ID") for entity in (*_ITEMS, "contacts")),
        *((entity, "MYCOMPANY_ID") for entity in ("invoices", "quotes")),
    ),
}
_CHANGED = {"tasks": "CHANGED_DATE", "activities": "LAST_UPDATED"}


class Followers:
    """Carries changes on to the records that belong to the changed ones."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._types = {entity: number for number, entity in ENTITY_TYPES.items()}

    def prepare(self, entity: str, values: Mapping[str, Any] | None = None) -> None:
        """Make what belongs to an entity as it was before the change; ``values`` are those of an update."""
        stage, _ = _stage_of(entity)
        if entity in STAGES and (values is None or {stage, "CATEGORY_ID"} & set(values)):
            self._world.find(f"{HISTORY}{entity}")
        if entity in _ITEMS and (values is None or "OPPORTUNITY" in values):
            self._world.find(PRODUCT_ROWS)

    def before_delete(self, entity: str) -> None:
        """Make every link to an entity, so that none is made to a record that is gone."""
        self.prepare(entity)
        for other, name in _LINKS.get(entity, ()):
            self._world.table(other).column(name)
        if entity in BINDING_TYPES.values():
            self._world.table("activities").column("BINDINGS")
            self._world.table("tasks").column("UF_CRM_TASK")
        if entity == "tasks":
            self._world.find(TASK_TIME)

    def inserted(self, entity: str, ids: Sequence[int], given: Sequence[Mapping[str, Any]]) -> None:
        """A new record has its contacts, its stage in the history, and its amount in product rows."""
        table = self._world.table(entity)
        for number, row in zip(ids, given, strict=True):
            self._settle_contacts(table, number, row)
            if entity == "activities":
                at = int(table.places(np.array([number]))[0])
                kinds = {kind: place for place, kind in enumerate(BINDING_TYPES)}
                kind, owner = (int(table.numbers(name).values[at]) for name in ("OWNER_TYPE_ID", "OWNER_ID"))
                table.ragged("BINDINGS").put_pairs(at, [(kinds[kind], owner)] if kind in kinds else [])
        if entity in STAGES:
            for number in ids:
                self._enter(table, number, int(table.created[table.places(np.array([number]))[0]]), first=True)
        if entity in _ITEMS:
            for number in ids:
                self._sell(table, number)

    def stages(self, entity: str, ids: Sequence[int]) -> dict[int, str]:
        """The stage of each record."""
        stage, _ = _stage_of(entity)
        table = self._world.table(entity)
        if entity not in STAGES or not len(ids):
            return {}
        column, places = table.coded(stage), table.places(np.array(list(ids), np.int64))
        return {
            number: str(column.vocabulary[column.codes[at]]) for number, at in zip(ids, places.tolist(), strict=True)
        }

    def updated(
        self, entity: str, ids: Sequence[int], values: Mapping[str, Any], before: Mapping[int, str], now: float
    ) -> None:
        """What an update of some fields brings with it."""
        table = self._world.table(entity)
        stage, _ = _stage_of(entity)
        if entity == "deals" and "CATEGORY_ID" in values and stage not in values:
            prefix = f"C{values['CATEGORY_ID']}:" if int(values["CATEGORY_ID"] or 0) else ""
            table.update(ids, {stage: f"{prefix}NEW"})
        after = self.stages(entity, ids) if before else {}
        for number in ids:
            self._settle_contacts(table, number, values)
            if before and after[number] != before[number]:
                self._enter(table, number, int(now), first=False, before=before[number])
            if "OPPORTUNITY" in values and entity in _ITEMS:
                self._sell(table, number)

    def deleted(self, entity: str, ids: Sequence[int], now: float) -> None:
        """History, product rows and activities go with their record; other links to it are empty afterwards."""
        gone = np.array(list(ids), np.int64)
        if entity in STAGES:
            _drop(self._world.table(f"{HISTORY}{entity}"), "OWNER_ID", gone)
        if entity in _ITEMS:
            rows = self._world.table(PRODUCT_ROWS)
            rows.delete(rows.ids[self._rows_of(rows, entity, gone)].tolist())
        if entity == "tasks":
            _drop(self._world.table(TASK_TIME), "TASK_ID", gone)
        for other, name in _LINKS.get(entity, ()):
            self._unlink(self._world.table(other), name, gone, now)
        if entity in BINDING_TYPES.values():
            self._unbind(entity, gone, now)

    def _unlink(self, table: Table, name: str, gone: Any, now: float) -> None:
        lost = _living(table, np.isin(table.numbers(name).values, gone))
        if name == "CONTACT_ID" and "CONTACT_IDS" in table.fields:
            linked = table.ragged("CONTACT_IDS")
            lost = _living(table, linked.holding(0, gone))
            known = set(gone.tolist())
            for number, at in zip(lost, table.places(np.array(lost, np.int64)).tolist(), strict=True):
                rest = [one for one in linked.values(at) if one not in known]
                table.update([number], {"CONTACT_IDS": rest, name: rest[0] if rest else None})
        elif lost:
            table.update(lost, {name: None})
        self._touch(table, lost, now)

    def _unbind(self, entity: str, gone: Any, now: float) -> None:
        activities, tasks = self._world.table("activities"), self._world.table("tasks")
        places = list(BINDING_TYPES.values())
        kind = list(BINDING_TYPES)[places.index(entity)]
        owned = (activities.numbers("OWNER_TYPE_ID").values == kind) & np.isin(
            activities.numbers("OWNER_ID").values, gone
        )
        activities.delete(_living(activities, owned))
        for table, name, at in (
            (activities, "BINDINGS", places.index(entity)),
            (tasks, "UF_CRM_TASK", list(TASK_WORDS.values()).index(entity)),
        ):
            linked = table.ragged(name)
            lost = _living(table, linked.holding(at, gone))
            known = {(at, number) for number in gone.tolist()}
            for position in table.places(np.array(lost, np.int64)).tolist():
                linked.put_pairs(position, [pair for pair in linked.pairs(position) if pair not in known])
            self._touch(table, lost, now)

    def _touch(self, table: Table, ids: Sequence[int], now: float) -> None:
        known = (_CHANGED.get(table.entity, ""), "DATE_MODIFY", "UPDATED_TIME")
        name = next((one for one in known if one in table.fields), "")
        if ids and name:
            table.update(ids, {name: iso(now)})

    def _settle_contacts(self, table: Table, number: int, values: Mapping[str, Any]) -> None:
        if "CONTACT_IDS" not in table.fields or not {"CONTACT_IDS", "CONTACT_ID"} & set(values):
            return
        linked = table.ragged("CONTACT_IDS")
        at = int(table.places(np.array([number]))[0])
        if values.get("CONTACT_IDS"):
            table.update([number], {"CONTACT_ID": linked.values(at)[0]})
            return
        first = int(table.numbers("CONTACT_ID").values[at])
        rest = [one for one in linked.values(at) if one != first] if "CONTACT_IDS" not in values else []
        table.update([number], {"CONTACT_IDS": rest if first == NULL else [first, *rest]})

    def _enter(self, table: Table, number: int, moment: int, *, first: bool, before: str = "") -> None:
        """A record comes into the stage that it has now."""
        entity = table.entity
        stage, semantics = _stage_of(entity)
        code = self.stages(entity, [number])[number]
        category, _, bare = code.rpartition(":")
        kind = {known[0]: known[2] for known in STAGES[entity]}.get(bare, "P")
        follows: dict[str, Any] = {"MOVED_TIME": iso(moment)}
        if semantics in table.fields:
            follows[semantics] = kind
        if entity == "deals":
            follows |= {"CLOSED": "N" if kind == "P" else "Y", "CATEGORY_ID": category.lstrip("C") or 0}
            follows |= {"CLOSEDATE": iso(moment)} if kind != "P" and not first else {}
        if "PREVIOUS_STAGE_ID" in table.fields:
            follows["PREVIOUS_STAGE_ID"] = before or None
        table.update([number], follows)
        at = int(table.places(np.array([number]))[0])
        moved = before.rpartition(":")[0] != category and not first
        entry: dict[str, Any] = {
            "TYPE_ID": 1 if first else 5 if moved else 2 if kind == "P" else 3,
            "OWNER_ID": number,
            "CREATED_TIME": iso(moment),
            f"{stage.split('_')[0]}_SEMANTIC_ID": kind,
            stage: code,
        }
        if entity != "leads":
            entry["CATEGORY_ID"] = int(table.numbers("CATEGORY_ID").values[at])
        self._world.table(f"{HISTORY}{entity}").insert([entry])

    def _rows_of(self, rows: Table, entity: str, owners: Any) -> Any:
        code = owner_code(self._types[entity])
        kinds = rows.coded("ownerType")
        mask = np.isin(rows.numbers("ownerId").values, owners) & (kinds.codes == kinds.vocabulary.index(code))
        return rows.order[mask[rows.order]]

    def _sell(self, table: Table, number: int) -> None:
        """Product rows that add up to the amount: the first one makes up for the others."""
        rows, entity = self._world.table(PRODUCT_ROWS), table.entity
        amount = int(table.numbers("OPPORTUNITY").values[table.places(np.array([number]))[0]])
        amount = 0 if amount == NULL else amount
        known = self._rows_of(rows, entity, np.array([number]))
        total = int((rows.numbers("price").values[known] * rows.numbers("quantity").values[known]).sum())
        if total == amount:
            return
        price = f"{amount / 100:.2f}"
        exact = dict.fromkeys(("price", "priceAccount", "priceExclusive", "priceNetto", "priceBrutto"), price)
        ids = rows.ids[known].tolist()
        rows.delete(ids[1:] if amount else ids)
        if amount and ids:
            rows.update(ids[:1], {**exact, "quantity": 1})
        elif amount:
            product = {"productId": int(product_ids(self._world.seed, 1)[0]), "productName": product_name(0)}
            owner = {"ownerId": number, "ownerType": owner_code(self._types[entity])}
            rows.insert([{**owner, **product, **exact, "quantity": 1, "sort": 10}])


def _stage_of(entity: str) -> tuple[str, str]:
    return ("STATUS_ID", "STATUS_SEMANTIC_ID") if entity == "leads" else ("STAGE_ID", "STAGE_SEMANTIC_ID")


def _living(table: Table, mask: Any) -> list[int]:
    found: list[int] = table.ids[table.order[mask[table.order]]].tolist()
    return found


def _drop(table: Table, name: str, gone: Any) -> None:
    table.delete(_living(table, np.isin(table.numbers(name).values, gone)))
