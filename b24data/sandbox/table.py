"""The records of one entity: which exist, what stands in them, which of them a filter and an order give."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from b24data.sandbox.columns import ID_MARK, Codes, Ints, Numbers
from b24data.sandbox.customs import empty_column, item_multifields
from b24data.sandbox.fields import Field, fields_of
from b24data.sandbox.filters import Condition, Group, row_mask
from b24data.sandbox.generate import deal_luck, generate_column, record_ids
from b24data.sandbox.goods import Basket, basket
from b24data.sandbox.passage import PLANS, Passage, passage
from b24data.sandbox.people import task_column_v3, task_extra
from b24data.sandbox.ragged import Column, Ragged
from b24data.sandbox.related import field_of, make_related
from b24data.sandbox.stages import CATEGORIES
from b24data.sandbox.values import to_stored

_KEPT = 24  # selections remembered per table; one of a million rows is 16 MB
_MADE = ("DATE_CREATE", "CREATED_TIME", "CREATED", "CREATED_DATE")
_BOUNDS = {"gt": (1, None), "ge": (0, None), "lt": (None, 0), "le": (None, 1)}


@dataclass(frozen=True, slots=True)
class Selection:
    """Records in the order of an answer: ``positions[first:last]`` in the table. ``key`` names ``positions``."""

    key: tuple[Any, ...]
    positions: Ints
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many records there are."""
        return self.last - self.first

    @property
    def chosen(self) -> Ints:
        """Their positions in the table."""
        return self.positions[self.first : self.last]

    def only(self, kept: npt.NDArray[np.bool_]) -> Selection:
        """Those of them that a mask keeps."""
        positions = self.chosen[kept]
        return Selection((*self.key, positions.tobytes()), positions, 0, len(positions))


class World:
    """All tables of a portal, from one seed."""

    def __init__(
        self,
        counts: Mapping[str, int],
        *,
        seed: int,
        gap: float,
        id_offset: int = 0,
        clusters: Sequence[int] = (),
        ids: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.seed = seed
        self.pipelines = [number for number, _ in CATEGORIES]  # of deals
        self._tables: dict[str, Table] = {}
        for entity, count in counts.items():
            rng = np.random.default_rng([seed, zlib.crc32(entity.encode())])
            if ids and entity in ids:
                numbers = np.unique(np.array(list(ids[entity]), np.int64))
            elif entity == "users":
                numbers = record_ids(rng, count, 0)
            else:
                numbers = record_ids(rng, count, gap, id_offset, clusters if entity == "deals" else ())
            self._tables[entity] = Table(entity, numbers, self)

    def table(self, entity: str) -> Table:
        """The records of an entity."""
        found = self.find(entity)
        if found is None:
            raise KeyError(f"the portal has no {entity}; it has: {', '.join(self._tables)}")
        return found

    def find(self, entity: str) -> Table | None:
        """The records of an entity, made when they are first asked for; None where there are no such."""
        found = self._tables.get(entity)
        if found is None:
            made = make_related(entity, self)
            if made is not None:
                found = self._tables[entity] = Table(entity, made[0], self, made[1])
        return found


class Table:
    """Columns by field, made when they are first asked for; records may come and go."""

    def __init__(self, entity: str, ids: Ints, world: World, columns: Mapping[str, Column] | None = None) -> None:
        self.entity = entity
        self.world = world
        self.ids: Ints = ids
        self.order = np.arange(len(ids), dtype=np.int64)  # positions of the living, by id
        self.added: tuple[Field, ...] = ()  # user fields
        self._hidden: Ints = np.zeros(0, np.int64)  # ids that the user may not see
        self.memo: dict[str, Any] = {}
        self.generation = 0
        self._columns: dict[str, Column] = {}
        self._own: dict[str, Field] | None = None  # the fields of what was made in columns from the beginning
        if columns is not None:
            self._columns = {"ID": Numbers("id", ids.copy()), **columns}
            self._own = {name: field_of(name, column) for name, column in self._columns.items()}
        self._selections: OrderedDict[tuple[Any, ...], Ints] = OrderedDict()

    @property
    def size(self) -> int:
        """Records ever made, deleted ones included."""
        return len(self.ids)

    @property
    def living(self) -> Ints:
        """The ids that exist, rising."""
        return self.ids[self.order]

    @property
    def fields(self) -> dict[str, Field]:
        """The fields by upper-case name, those that were added last."""
        known = fields_of(self.entity) if self._own is None else self._own
        return {**known, **{field.name: field for field in self.added}}

    def rng(self, name: str) -> np.random.Generator:
        """The stream of random numbers of one column."""
        return np.random.default_rng([self.world.seed, zlib.crc32(f"{self.entity}.{name}".encode())])

    def column(self, name: str) -> Column:
        """The column of a field."""
        found = self._columns.get(name)
        if found is None:
            known = self.fields.get(name)
            found = generate_column(self, known) if known else self._derived(name)
            if known and isinstance(found, Codes) and found.kind == "text":
                found.kind = known.kind
            self._columns[name] = found
        return found

    def kind(self, name: str) -> str:
        """How a filter compares the values of a column."""
        column = self.column(name)
        if isinstance(column, Numbers):
            return "moment" if column.kind in ("date", "datetime") else "number"
        return column.kind

    def numbers(self, name: str) -> Numbers:
        """The column of a field that is known to hold numbers."""
        return cast("Numbers", self.column(name))

    def coded(self, name: str) -> Codes:
        """The column of a field that is known to hold codes."""
        return cast("Codes", self.column(name))

    def ragged(self, name: str) -> Ragged:
        """The column of a field that is known to hold references."""
        return cast("Ragged", self.column(name))

    # What several columns follow from.

    @property
    def created(self) -> Ints:
        """When each record was made."""
        return self.numbers(next(name for name in _MADE if name in self.fields)).values

    @property
    def passage(self) -> Passage:
        """How the records passed through their stages, before anything was changed."""
        known = self.memo.get("passage")
        if known is None:
            luck = deal_luck(self) if self.entity == "deals" else 1.0
            plan = PLANS.get(self.entity, PLANS["items"])
            known = self.memo["passage"] = passage(self.rng("passage"), self.created, plan, luck=luck)
        return cast("Passage", known)

    @property
    def basket(self) -> Basket:
        """The products of the records, before anything was changed."""
        known = self.memo.get("basket")
        if known is None:
            currency = self.coded("CURRENCY_ID").codes.astype(np.int64)
            known = self.memo["basket"] = basket(self.rng("basket"), self.created, currency)
        return cast("Basket", known)

    def places(self, ids: Ints) -> Ints:
        """Where the records with these ids, all of which were made once, stand."""
        order = np.argsort(self.ids, kind="stable")
        found: Ints = order[np.searchsorted(self.ids, ids, sorter=order)]
        return found

    def _derived(self, name: str) -> Column:
        """What an answer adds to the fields: ``fm`` of items, the persons and the group of a task, names of v3."""
        if name.startswith("v3."):
            return task_column_v3(self, name.removeprefix("v3."))
        return item_multifields(self) if name == "FM" else task_extra(self, name)

    # Which records.

    def select(self, where: Group, order: Sequence[tuple[str, bool]]) -> Selection:
        """The records that a filter keeps, in an order (field, downwards); equal ones by id."""
        by_id = not order or order[0][0] == "ID"
        if not by_id or where.any_of or where.negative:
            positions = self._remembered((where, tuple(order)), where, order)
            return Selection((self.generation, where, tuple(order)), positions, 0, len(positions))
        rest, low, high = _split_id_bounds(where)
        downwards = bool(order and order[0][1])
        positions = self._remembered((rest,), rest, ())
        numbers = self._remembered_ids(rest, positions)
        first = 0 if low is None else int(np.searchsorted(numbers, low, "left"))
        last = len(numbers) if high is None else int(np.searchsorted(numbers, high, "left"))
        last = max(first, last)
        if downwards:
            backwards = self._remembered((rest, "down"), rest, (("ID", True),))
            first, last = len(numbers) - last, len(numbers) - first
            return Selection((self.generation, rest, "down"), backwards, first, last)
        return Selection((self.generation, rest), positions, first, last)

    def _remembered(self, key: tuple[Any, ...], where: Group, order: Sequence[tuple[str, bool]]) -> Ints:
        found = self._selections.get(key)
        if found is None:
            shown = self.order[~np.isin(self.living, self._hidden)] if len(self._hidden) else self.order
            kept = shown[row_mask(where, self.column, self.ids)[shown]] if where.parts else shown
            found = self._selections[key] = self._sorted(kept, order)
            if len(self._selections) > _KEPT:
                self._selections.popitem(last=False)
        else:
            self._selections.move_to_end(key)
        return found

    def _remembered_ids(self, where: Group, positions: Ints) -> Ints:
        key = (where, "ids")
        found = self._selections.get(key)
        if found is None:
            found = self._selections[key] = self.ids[positions]
        return found

    def _sorted(self, positions: Ints, order: Sequence[tuple[str, bool]]) -> Ints:
        if not order:
            return positions
        keys = [self.ids[positions]]
        for name, downwards in reversed(order):
            rank = _sort_rank(self.column(name), positions, self.ids)
            keys.append(-rank if downwards else rank)
        return positions[np.lexsort(keys)]

    # Records come and go.

    def insert(self, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        """Add records; without an ``ID`` they get the next ones, and other fields are as in the last record."""
        rows = [dict(row) for row in rows]
        for name in self.fields:
            self.column(name)
        last = int(self.ids.max()) if self.size else 0
        numbers = []
        for row in rows:
            number = int(row.get("ID") or last + 1)
            last = max(last, number)
            numbers.append(number)
        if set(numbers) & set(self.living.tolist()) or len(set(numbers)) < len(numbers):
            raise ValueError(f"{self.entity}: an id is taken")
        first = self.size
        self.ids = np.concatenate([self.ids, np.array(numbers, np.int64)])
        for column in self._columns.values():
            column.grow(len(rows))
        for at, (number, row) in enumerate(zip(numbers, rows, strict=True), first):
            self._put(at, {**row, "ID": number})
        living = np.concatenate([self.order, np.arange(first, self.size, dtype=np.int64)])
        self.order = living[np.argsort(self.ids[living], kind="stable")]
        self._changed()
        return numbers

    def delete(self, ids: Sequence[int]) -> list[int]:
        """Remove records; returns the ids that existed."""
        gone = np.isin(self.living, np.array(list(ids), np.int64))
        removed: list[int] = self.living[gone].tolist()
        self.order = self.order[~gone]
        self._changed()
        return removed

    def update(self, ids: Sequence[int], values: Mapping[str, Any]) -> list[int]:
        """Change fields of records, given as they stand in ``crm.<entity>.list``; returns the ids that existed."""
        positions = self.order[np.isin(self.living, np.array(list(ids), np.int64))]
        for at in positions.tolist():
            self._put(at, {name: value for name, value in values.items() if name != "ID"})
        self._changed()
        touched: list[int] = self.ids[positions].tolist()
        return touched

    def hide(self, ids: Sequence[int]) -> list[int]:
        """Let the user see these records no more, or with no ids all of them again; returns those that are hidden."""
        self._hidden = np.array(list(ids), np.int64)
        self._changed()
        hidden: list[int] = self.living[np.isin(self.living, self._hidden)].tolist()
        return hidden

    def add_field(self, field: Field) -> None:
        """Add a user field, which is empty in all records."""
        self.added = (*self.added, field)
        column = self._columns[field.name] = empty_column(self, field)
        if isinstance(column, Codes):
            column.kind = field.kind
        self._changed()

    def _put(self, at: int, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            column = self.column(name)
            if isinstance(column, Numbers):
                column.put(at, None if value in (None, "") else to_stored(column.kind, value))
            else:
                column.put(at, value)

    def _changed(self) -> None:
        self.generation += 1
        self._selections.clear()
        known = self.fields
        for name in [name for name in self._columns if name not in known]:
            del self._columns[name]  # what was derived from others


def _split_id_bounds(where: Group) -> tuple[Group, int | None, int | None]:
    """The rest of a filter, and the half-open range of ids that its conditions on the id leave."""
    low: int | None = None
    high: int | None = None
    rest: list[Condition | Group] = []
    for part in where.parts:
        if not isinstance(part, Condition) or part.name != "ID" or part.operator not in _BOUNDS:
            rest.append(part)
            continue
        bound = part.values[0] if part.values else ""
        if bound == "":
            continue
        number = to_stored("id", bound) or 0
        above, below = _BOUNDS[part.operator]
        if above is not None:
            low = number + above if low is None else max(low, number + above)
        if below is not None:
            high = number + below if high is None else min(high, number + below)
    return (where if len(rest) == len(where.parts) else Group(tuple(rest))), low, high


def _sort_rank(column: Column, positions: Ints, ids: Ints) -> Ints:
    if isinstance(column, Ragged):
        return column.count[positions].astype(np.int64)
    if isinstance(column, Numbers):
        return np.maximum(column.values[positions], -(2**62))  # an empty value has to survive a change of sign
    return _text_rank(column, positions, ids)


def _text_rank(column: Codes, positions: Ints, ids: Ints) -> Ints:
    entries = ["" if not isinstance(entry, str) else entry.casefold() for entry in column.vocabulary]
    codes = column.codes[positions]
    if not any(ID_MARK in entry for entry in entries):
        ranks = np.array([sorted(set(entries)).index(entry) for entry in entries], np.int64)
        return ranks[codes]
    texts = [
        entries[code].replace(ID_MARK, str(number)) for code, number in zip(codes, ids[positions].tolist(), strict=True)
    ]
    _, inverse = np.unique(np.array(texts, dtype=object), return_inverse=True)
    return inverse.astype(np.int64)
