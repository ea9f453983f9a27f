"""Which records belong together: a deal and its contacts, company and lead, an activity and its owner.

A record refers only to what was there when it was made, and its company is that of its first contact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b24data.sandbox.columns import NULL, Codes, Ints, Numbers
from b24data.sandbox.passage import PLANS
from b24data.sandbox.ragged import Form, Ragged

if TYPE_CHECKING:
    from b24data.sandbox.table import Table

# Owner types of activities by the kind of their references.
BINDING_TYPES = {2: "deals", 3: "contacts", 4: "companies", 1: "leads"}
# Prefixes of what a task is about.
TASK_WORDS = {"D_": "deals", "C_": "contacts", "CO_": "companies", "L_": "leads"}


def _known_at(target: Table, moments: Ints) -> Ints:
    """How many records of a table were there at each of the moments, at least one."""
    return np.maximum(np.searchsorted(target.created, moments), 1)


def contact_lists(table: Table, rng: np.random.Generator) -> Ragged:
    """The contacts of each record, most often one or two; those after the first are mostly colleagues of it."""
    contacts = table.world.table("contacts")
    count = np.searchsorted(np.cumsum([0.12, 0.48, 0.25, 0.1]), rng.random(table.size)).astype(np.int64)
    if not contacts.size:
        return Ragged(np.zeros(table.size, np.int64), np.zeros(0, np.int64), [Form(lambda n: n, as_text=False)])
    record = np.repeat(np.arange(table.size), count)
    nth = np.arange(len(record)) - np.repeat(np.cumsum(count) - count, count)
    known = _known_at(contacts, table.created)
    first = (rng.random(table.size) * known).astype(np.int64)
    step = 1 + rng.integers(0, 7, len(record))
    chosen = (first[record] + nth * step) % known[record]
    chosen = np.where(nth == 0, first[record], chosen)
    # The same contact does not come twice in a record.
    _, unique = np.unique(record * (contacts.size + 1) + chosen, return_index=True)
    keep = np.sort(unique)
    count = np.bincount(record[keep], minlength=table.size)
    return Ragged(count, contacts.ids[chosen[keep]], [Form(lambda number: number, as_text=False)])


def first_contacts(table: Table, _rng: np.random.Generator) -> Numbers:
    """The contact that stands first in the list."""
    linked = table.ragged("CONTACT_IDS")
    has = linked.count > 0
    values = np.full(table.size, NULL)
    values[has] = linked.numbers[linked.first[has]]
    return Numbers("id", values)


def companies(table: Table, rng: np.random.Generator) -> Numbers:
    """The company of the first contact, or one of those that were there where there is no contact."""
    known = table.world.table("companies")
    if not known.size:
        return Numbers("id", np.full(table.size, NULL))
    values = known.ids[(rng.random(table.size) * _known_at(known, table.created)).astype(np.int64)]
    if table.entity == "contacts":
        values[rng.random(table.size) < 0.2] = NULL
        return Numbers("id", values)
    values[rng.random(table.size) < 0.3] = NULL
    first, contacts = table.numbers("CONTACT_ID").values, table.world.table("contacts")
    has = first != NULL
    if has.any():
        values[has] = contacts.numbers("COMPANY_ID").values[contacts.places(first[has])]
    return Numbers("id", values)


def leads(table: Table, _rng: np.random.Generator) -> Numbers:
    """The lead that a deal came from: one that was converted just before the deal was made."""
    source, values = table.world.table("leads"), np.full(table.size, NULL)
    if not source.size or not table.size:
        return Numbers("id", values)
    good = np.flatnonzero(source.coded("STATUS_ID").codes == len(PLANS["leads"].days))
    at = np.searchsorted(table.created, source.numbers("MOVED_TIME").values[good])
    good, at = good[at < table.size], at[at < table.size]
    at, unique = np.unique(at, return_index=True)
    values[at] = source.ids[good[unique]]
    return Numbers("id", values)


def owned(table: Table, rng: np.random.Generator, target: Table, empty: float, *, recent: float = 0.08) -> Numbers:
    """References to records that were made before, mostly not long before; a share of them is empty."""
    if not target.size:
        return Numbers("id", np.full(table.size, NULL))
    known = _known_at(target, table.created)
    back = (rng.exponential(recent * target.size + 1, table.size)).astype(np.int64)
    at = np.where(back < known, known - 1 - back, (rng.random(table.size) * known).astype(np.int64))
    values = target.ids[at]
    values[(rng.random(table.size) < empty) | (target.created[at] > table.created)] = NULL
    return Numbers("id", values)


def observers(table: Table, rng: np.random.Generator) -> Ragged:
    """Users who watch a record, mostly none."""
    staff = table.world.table("users").ids
    count = np.searchsorted([0.5, 0.8, 0.95], rng.random(table.size)).astype(np.int64) * bool(len(staff))
    record = np.repeat(np.arange(table.size), count)
    nth = np.arange(len(record)) - np.repeat(np.cumsum(count) - count, count)
    first = rng.integers(0, max(len(staff), 1), table.size)
    at = (first[record] + nth) % max(len(staff), 1)
    _, unique = np.unique(record * (len(staff) + 1) + at, return_index=True)
    keep = np.sort(unique)
    numbers = staff[at[keep]] if len(staff) else np.zeros(0, np.int64)
    return Ragged(np.bincount(record[keep], minlength=table.size), numbers, [Form(lambda one: one, as_text=False)])


def bindings(table: Table, _rng: np.random.Generator) -> Ragged:
    """What an activity is bound to: its owner, and of a deal its first contact and its company."""
    owner_type = table.numbers("OWNER_TYPE_ID").values
    owner = table.numbers("OWNER_ID").values
    columns = [(owner_type, owner)]
    deals = table.world.table("deals")
    of_deal = owner_type == 2
    for kind, name in ((3, "CONTACT_ID"), (4, "COMPANY_ID")):
        values = np.full(table.size, NULL)
        if of_deal.any():
            values[of_deal] = deals.numbers(name).values[deals.places(owner[of_deal])]
        columns.append((np.full(table.size, kind), values))
    types = np.stack([kind for kind, _ in columns], 1)
    numbers = np.stack([values for _, values in columns], 1)
    filled = numbers != NULL
    places = {kind: at for at, kind in enumerate(BINDING_TYPES)}
    lookup = np.array([places.get(kind, 0) for kind in range(5)], np.int8)
    forms = [_binding(kind) for kind in BINDING_TYPES]
    return Ragged(filled.sum(1), numbers[filled], forms, lookup[types[filled]])


def _binding(kind: int) -> Form:
    return Form(lambda number: {"OWNER_ID": f"{number}", "OWNER_TYPE_ID": str(kind)})


def task_links(table: Table, rng: np.random.Generator) -> Ragged:
    """What a task is about: a deal and its contact, a company, a lead, or nothing."""
    share = rng.random(table.size)
    parts = []
    for kind, (entity, low, high) in enumerate(
        (("deals", 0.0, 0.55), ("contacts", 0.45, 0.65), ("companies", 0.65, 0.72), ("leads", 0.72, 0.8))
    ):
        values = owned(table, rng, table.world.table(entity), 0.0).values
        values[(share < low) | (share >= high)] = NULL
        parts.append((np.full(table.size, kind, np.int8), values))
    numbers = np.stack([values for _, values in parts], 1)
    kinds = np.stack([kind for kind, _ in parts], 1)
    filled = numbers != NULL
    forms = [_word(word) for word in TASK_WORDS]
    return Ragged(filled.sum(1), numbers[filled], forms, kinds[filled], empty=False, kind="text")


def _word(word: str) -> Form:
    return Form(lambda number: f"{word}{number}")


def activity_kinds(table: Table, rng: np.random.Generator) -> Codes:
    """Calls, letters, meetings and things to do."""
    edges = np.cumsum([0.4, 0.35, 0.1])
    codes = np.searchsorted(edges, rng.random(table.size)).astype(np.int32)
    return Codes(codes, ["VOXIMPLANT_CALL", "CRM_EMAIL", "CRM_MEETING", "CRM_TODO"])
