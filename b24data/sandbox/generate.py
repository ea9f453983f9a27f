"""Seeded records: every column is made when it is first asked for, from its own stream of random numbers.

Deals form a believable funnel: they come in faster every month, the older ones are won or lost, the newer ones
stand in the early stages, and amounts are log-normal by currency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from b24data.sandbox import words
from b24data.sandbox.bonds import (
    activity_kinds,
    bindings,
    companies,
    contact_lists,
    first_contacts,
    leads,
    observers,
    owned,
)
from b24data.sandbox.columns import ID_MARK, NULL, Codes, Ints, Numbers
from b24data.sandbox.customs import custom_column, multifield_column
from b24data.sandbox.fields import SMART_PROCESS, Field
from b24data.sandbox.moments import DAY, LAST_DAY, arrivals, midnight, working
from b24data.sandbox.passage import PLANS
from b24data.sandbox.people import task_column, user_column
from b24data.sandbox.ragged import Column
from b24data.sandbox.stages import (
    CATEGORIES,
    CURRENCIES,
    DEAL_STAGES,
    INVOICE_STAGES,
    ITEM_STAGES,
    LEAD_STAGES,
    QUOTE_STAGES,
    STATUSES,
)

if TYPE_CHECKING:
    from b24data.sandbox.table import Table

# How well deals of each source pass on, in the order of the list of sources.
_LUCK = np.array([1.0, 0.9, 0.85, 0.7, 1.7, 1.9, 1.1, 0.8, 1.0, 1.2, 0.9, 0.8])


def record_ids(rng: np.random.Generator, count: int, gap: float, offset: int = 0, clusters: Sequence[int] = ()) -> Ints:
    """``count`` rising ids of which a share of ``gap`` is missing, in as many clusters as starts are given.

    >>> ids = record_ids(np.random.default_rng(7), 1000, 0.3)
    >>> bool((np.diff(ids) > 0).all()), bool(0.2 < 1 - 1000 / ids[-1] < 0.4)
    (True, True)
    """
    starts = list(clusters) or [offset + 1]
    parts = []
    for at, start in enumerate(starts):
        share = count // len(starts) + (at < count % len(starts))
        steps = rng.geometric(1 - gap, share) if gap > 0 else np.ones(share, np.int64)
        parts.append(start - 1 + np.cumsum(steps))
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, np.int64)


def generate_column(table: Table, field: Field) -> Column:
    """The column of a field, for as many records as the table has."""
    specific = _SPECIFIC.get((table.entity, field.name)) or _SHARED.get(field.name)
    if table.entity == "users":
        return user_column(table, field)
    if table.entity == "tasks":
        return task_column(table, field)
    if specific is not None:
        return specific(table, table.rng(field.name))
    if field.custom:
        return custom_column(table, field)
    if field.type == "crm_multifield":
        return multifield_column(table, field)
    return _by_type(table, field)


def _by_type(table: Table, field: Field) -> Column:
    rng, n = table.rng(field.name), table.size
    if field.type in ("char", "boolean"):
        return pick(rng, n, ["N", "Y"], [0.8, 0.2])
    if field.type == "crm_status":
        return pick(rng, n, [code for code, _ in STATUSES[field.status_type]] + [None])
    if field.type == "user":
        return users(table, rng)
    if field.type in ("datetime", "date", "double"):
        return _quantity(table, field, rng)
    if field.type in ("integer", "location", "crm_quote") or field.type.startswith("crm_enum"):
        return sparse(rng, "id", rng.integers(1, 4, n), 0.0 if field.type.startswith("crm_enum") else 0.7)
    return pick(rng, n, words.COMMENTS)


def _quantity(table: Table, field: Field, rng: np.random.Generator) -> Numbers:
    n = table.size
    if field.type == "double":
        return Numbers("cents", rng.integers(0, 5_000_00, n))
    if field.type == "date":
        return Numbers("date", midnight(table.created + rng.integers(0, 60, n) * DAY), empty="")
    return Numbers("datetime", table.created + rng.integers(0, 40 * DAY, n))


def pick(rng: np.random.Generator, n: int, values: Sequence[Any], weights: Sequence[float] | None = None) -> Codes:
    """A column of values drawn from a list."""
    if weights is None:
        return Codes(rng.integers(0, len(values), n, dtype=np.int32), list(values))
    edges = np.cumsum(np.asarray(weights, float) / sum(weights))[:-1]
    return Codes(np.searchsorted(edges, rng.random(n), side="right").astype(np.int32), list(values))


def sparse(rng: np.random.Generator, kind: str, values: Ints, empty: float) -> Numbers:
    """A column of numbers of which a share is not filled in."""
    values = values.astype(np.int64)
    if empty:
        values[rng.random(len(values)) < empty] = NULL
    return Numbers(kind, values)


def users(table: Table, rng: np.random.Generator) -> Numbers:
    """References to users; the first ones have most of the work."""
    staff = table.world.table("users").ids
    rank = np.minimum((rng.random(table.size) ** 2 * len(staff)).astype(np.int64), len(staff) - 1)
    return Numbers("id", staff[rank] if len(staff) else np.ones(table.size, np.int64))


def references(table: Table, rng: np.random.Generator, entity: str, empty: float) -> Numbers:
    """References to the records of another entity, a share of them not filled in."""
    known = table.world.table(entity).ids
    if not len(known):
        return Numbers("id", np.full(table.size, NULL))
    return sparse(rng, "id", known[rng.integers(0, len(known), table.size)], empty)


# The first contacts and companies were there before the first deal.
_HEAD_START = {"companies": 200, "contacts": 120, "leads": 20}


def _made(table: Table, _rng: np.random.Generator) -> Numbers:
    head_start = _HEAD_START.get(table.entity, 0)
    return Numbers("datetime", arrivals(table.rng("created"), table.size, head_start=head_start))


def _titles(texts: Sequence[str]) -> Callable[[Table, np.random.Generator], Codes]:
    entries = [text if at % 5 == 4 else f"{text} №{ID_MARK}" for at, text in enumerate(texts)]
    return lambda table, rng: pick(rng, table.size, entries)


def _category(table: Table, rng: np.random.Generator) -> Numbers:
    codes = np.array([number for number, _ in CATEGORIES])
    return Numbers("id", codes[np.searchsorted([0.6, 0.85], rng.random(table.size))])


def _by_stage(values: Sequence[Any], field: str = "STAGE_ID") -> Callable[[Table, np.random.Generator], Codes]:
    """A column that follows from the stage."""

    def make(table: Table, _rng: np.random.Generator) -> Codes:
        codes = table.coded(field).codes % len(values)
        distinct = list(dict.fromkeys(values))
        lookup = np.array([distinct.index(value) for value in values], np.int32)
        return Codes(lookup[codes], distinct)

    return make


def deal_luck(table: Table) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """How well each deal passes through the stages: some sources are better than others, and some people."""
    person = table.numbers("ASSIGNED_BY_ID").values
    return _LUCK[table.coded("SOURCE_ID").codes] * (0.6 + (person * 37 % 11) / 12)


def _later(days: int, after: str = "") -> Callable[[Table, np.random.Generator], Numbers]:
    """A moment some time after the record was created, or after another one, but not after the last day."""

    def make(table: Table, rng: np.random.Generator) -> Numbers:
        start = table.numbers(after).values if after and after in table.fields else table.created
        later = working(start + (rng.random(table.size) ** 3 * days * DAY).astype(np.int64))
        return Numbers("datetime", np.where(later < LAST_DAY, later, start))

    return make


def _birthdates(table: Table, rng: np.random.Generator) -> Numbers:
    values = sparse(rng, "date", midnight(rng.integers(-20, 12_000, table.size) * DAY), 0.5)
    values.empty = ""
    return values


def _probability(table: Table, _rng: np.random.Generator) -> Numbers:
    by_stage = np.array([10, 25, 50, 70, 90, 100, 0, 0])
    return Numbers("id", by_stage[table.coded("STAGE_ID").codes % len(DEAL_STAGES)])


def _owned(name: str) -> Callable[[Table, np.random.Generator], Codes]:
    """HAS_PHONE and its kind: they agree with the multifield."""

    def make(table: Table, _rng: np.random.Generator) -> Codes:
        return Codes((table.coded(name).codes > 0).astype(np.int32), ["N", "Y"])

    return make


def _deal_stage(table: Table, _rng: np.random.Generator) -> Codes:
    category = np.searchsorted([0, 1, 2], table.numbers("CATEGORY_ID").values)
    vocabulary = [f"C{number}:{code}" if number else code for number, _ in CATEGORIES for code, *_ in DEAL_STAGES]
    return Codes((category * len(DEAL_STAGES) + table.passage.stands).astype(np.int32), vocabulary)


def _stands(prefix: str, stages: Sequence[tuple[str, str, str, str]]) -> Callable[[Table, np.random.Generator], Codes]:
    """The stage that a record stands in."""
    vocabulary = [f"{prefix}{code}" for code, *_ in stages]
    return lambda table, _rng: Codes(table.passage.stands.astype(np.int32), list(vocabulary))


def _stood(prefix: str, stages: Sequence[tuple[str, str, str, str]]) -> Callable[[Table, np.random.Generator], Codes]:
    """The stage before, nothing in the first one."""

    def make(table: Table, _rng: np.random.Generator) -> Codes:
        walked = table.passage
        order = np.lexsort((walked.moment, walked.record))
        record, stage = walked.record[order], walked.stage[order]
        last = np.flatnonzero(np.append(record[1:] != record[:-1], True))
        first = np.concatenate([[0], last[:-1] + 1])
        codes = np.where(last > first, stage[np.maximum(last - 1, 0)] + 1, 0)
        return Codes(codes.astype(np.int32), [None, *(f"{prefix}{code}" for code, *_ in stages)])

    return make


def _close_date(table: Table, rng: np.random.Generator) -> Numbers:
    """An open record has a plan, a few weeks after it was moved; a closed one was closed when it was moved."""
    moved = table.passage.since
    is_open = table.passage.stands < len(PLANS[table.entity].days)
    planned = moved + rng.integers(3, 60, table.size) * DAY
    return Numbers("date", midnight(np.where(is_open, planned, moved)), empty="")


def _of_deal(name: str, link: str) -> Callable[[Table, np.random.Generator], Numbers]:
    """The company or the contact of the deal that a record belongs to."""

    def make(table: Table, rng: np.random.Generator) -> Numbers:
        made = references(table, rng, "companies" if name == "COMPANY_ID" else "contacts", 0.3)
        deals, owner = table.world.table("deals"), table.numbers(link).values
        has = owner != NULL
        if has.any():
            made.values[has] = deals.numbers(name).values[deals.places(owner[has])]
        return made

    return make


def _manual(table: Table, _rng: np.random.Generator) -> Codes:
    """Where there are no products, the amount is what people put."""
    return Codes((table.basket.amounts(table.size) == 0).astype(np.int32), ["N", "Y"])


def _parent(empty: float) -> Callable[[Table, np.random.Generator], Numbers]:
    return lambda table, rng: owned(table, rng, table.world.table("deals"), empty)


def _from_lead(table: Table, rng: np.random.Generator) -> Numbers:
    return owned(table, rng, table.world.table("leads"), 0.7, recent=0.01)


def _of_converted(name: str) -> Callable[[Table, np.random.Generator], Numbers]:
    """The contact or the company of the deal that a lead became."""

    def make(table: Table, _rng: np.random.Generator) -> Numbers:
        deals, values = table.world.table("deals"), np.full(table.size, NULL)
        source = deals.numbers("LEAD_ID").values
        has = source != NULL
        values[table.places(source[has])] = deals.numbers(name).values[has]
        return Numbers("id", values)

    return make


def _lead_closed(table: Table, _rng: np.random.Generator) -> Numbers:
    is_open = table.passage.stands < len(PLANS["leads"].days)
    return Numbers("datetime", np.where(is_open, NULL, table.passage.since), empty="")


def _owner_type(table: Table, rng: np.random.Generator) -> Numbers:
    """Activities belong to deals, some to leads and contacts."""
    return Numbers("id", np.array([2, 1, 3])[np.searchsorted([0.8, 0.92], rng.random(table.size))])


def _activity_owner(table: Table, rng: np.random.Generator) -> Numbers:
    types, values = table.numbers("OWNER_TYPE_ID").values, np.full(table.size, NULL)
    for kind, entity in ((3, "contacts"), (1, "leads"), (2, "deals")):
        found = owned(table, rng, table.world.table(entity), 0.0).values
        wanted = types == kind
        values[wanted] = found[wanted]
        if kind != 2:
            types[wanted & (values == NULL)] = 2  # nothing of that kind was there yet
    orphans = values == NULL
    first = table.world.table("deals")
    if first.size:
        types[orphans], values[orphans] = 2, first.ids[0]
    return Numbers("id", values)


def _of_owner(table: Table, rng: np.random.Generator) -> Numbers:
    """The person who is responsible for the deal, mostly."""
    made = users(table, rng)
    deals, owner = table.world.table("deals"), table.numbers("OWNER_ID").values
    same = (table.numbers("OWNER_TYPE_ID").values == 2) & (owner != NULL) & (rng.random(table.size) < 0.9)
    if same.any():
        made.values[same] = deals.numbers("ASSIGNED_BY_ID").values[deals.places(owner[same])]
    return made


def _number_of(values: Sequence[int], field: str) -> Callable[[Table, np.random.Generator], Numbers]:
    """A number that follows from the code of another field."""
    return lambda table, _rng: Numbers("id", np.array(values, np.int64)[table.coded(field).codes])


def _numbered(prefix: str) -> Callable[[Table, np.random.Generator], Codes]:
    return lambda table, _rng: Codes(np.zeros(table.size, np.int32), [f"{prefix}{ID_MARK}"])


_SEMANTICS = [semantics for _, _, semantics, _ in DEAL_STAGES]
_Maker = Callable[["Table", np.random.Generator], Column]
_SHARED: dict[str, _Maker] = {
    "ID": lambda table, _rng: Numbers("id", table.ids.copy()),
    "DATE_CREATE": _made,
    "CREATED_TIME": _made,
    "CREATED": _made,
    "DATE_MODIFY": _later(20, "MOVED_TIME"),
    "UPDATED_TIME": _later(20, "MOVED_TIME"),
    "LAST_ACTIVITY_TIME": _later(20, "MOVED_TIME"),
    "MOVED_TIME": lambda table, _rng: Numbers("datetime", table.passage.since.copy()),
    "CURRENCY_ID": lambda table, rng: pick(rng, table.size, CURRENCIES, [60, 20, 12, 8]),
    "OPPORTUNITY": lambda table, _rng: Numbers("cents", table.basket.amounts(table.size)),
    "IS_MANUAL_OPPORTUNITY": _manual,
    "SOURCE_ID": lambda table, rng: pick(
        rng, table.size, [code for code, _ in STATUSES["SOURCE"]] + [None], [18, 12, 25, 9, 6, 8, 3, 10, 2, 3, 2, 2]
    ),
    "COMPANY_ID": companies,
    "MYCOMPANY_ID": lambda table, rng: references(table, rng, "companies", 0.5),
    "CONTACT_ID": first_contacts,
    "BEGINDATE": lambda table, _rng: Numbers("date", midnight(table.created), empty=""),
    "OBSERVERS": observers,
    "CONTACT_IDS": contact_lists,
    "NAME": lambda table, rng: pick(rng, table.size, words.FIRST_NAMES),
    "LAST_NAME": lambda table, rng: pick(rng, table.size, [*words.LAST_NAMES, None]),
    "SECOND_NAME": lambda table, rng: pick(rng, table.size, [None, None, "", "Иванович", "Петровна", "J."]),
    "POST": lambda table, rng: pick(rng, table.size, words.POSITIONS),
    "BIRTHDATE": _birthdates,
    "ADDRESS": lambda table, rng: pick(rng, table.size, [*words.STREETS, None]),
    "ADDRESS_2": lambda table, rng: pick(rng, table.size, [None, None, "", "офис 12", "подъезд 3, этаж 5"]),
    "ADDRESS_POSTAL_CODE": lambda table, rng: pick(rng, table.size, [None, "", "101000", "10115", "200000"]),
    "ADDRESS_REGION": lambda table, rng: pick(rng, table.size, [None, "", "Всеволожский р-н"]),
    "ADDRESS_PROVINCE": lambda table, rng: pick(rng, table.size, [None, "", "Московская обл.", "Brandenburg"]),
    "ADDRESS_COUNTRY": lambda table, rng: pick(rng, table.size, [None, "", "Россия", "Germany", "中国"]),
    "ADDRESS_COUNTRY_CODE": lambda table, rng: pick(rng, table.size, [None, "", "RUS", "DEU", "CHN"]),
    "ORIGINATOR_ID": lambda table, rng: pick(rng, table.size, [None, None, "", "1C", "TILDA"]),
    "ORIGIN_ID": lambda table, rng: pick(rng, table.size, [None, None, f"УТ-{ID_MARK}", f"order/{ID_MARK}"]),
    "ADDRESS_CITY": lambda table, rng: pick(rng, table.size, words.CITIES),
    "UTM_SOURCE": lambda table, rng: pick(rng, table.size, words.UTM_SOURCES),
    "UTM_MEDIUM": lambda table, rng: pick(rng, table.size, words.UTM_MEDIUMS),
    "UTM_CAMPAIGN": lambda table, rng: pick(rng, table.size, words.UTM_CAMPAIGNS),
    "UTM_CONTENT": lambda table, rng: pick(rng, table.size, words.UTM_CONTENTS),
    "UTM_TERM": lambda table, rng: pick(rng, table.size, words.UTM_TERMS),
    "COMPANY_TITLE": lambda table, rng: pick(rng, table.size, [*words.COMPANY_NAMES, None]),
    "HAS_PHONE": _owned("PHONE"),
    "HAS_EMAIL": _owned("EMAIL"),
    "HAS_IMOL": lambda table, rng: pick(rng, table.size, ["N", "Y"], [0.9, 0.1]),
    "PHOTO": lambda table, rng: pick(rng, table.size, [None]),
    "LOGO": lambda table, rng: pick(rng, table.size, [None]),
}
_SPECIFIC: dict[tuple[str, str], _Maker] = {
    ("deals", "TITLE"): _titles(words.DEAL_TITLES),
    ("leads", "TITLE"): _titles(words.LEAD_TITLES),
    ("items", "TITLE"): _titles(words.DEAL_TITLES),
    ("companies", "TITLE"): _titles(words.COMPANY_NAMES),
    ("deals", "CATEGORY_ID"): _category,
    ("deals", "LEAD_ID"): leads,
    ("contacts", "LEAD_ID"): _from_lead,
    ("companies", "LEAD_ID"): _from_lead,
    ("quotes", "LEAD_ID"): lambda table, _rng: Numbers("id", np.full(table.size, NULL)),
    ("leads", "COMPANY_ID"): _of_converted("COMPANY_ID"),
    ("leads", "CONTACT_ID"): _of_converted("CONTACT_ID"),
    ("leads", "DATE_CLOSED"): _lead_closed,
    ("items", "COMPANY_ID"): _of_deal("COMPANY_ID", "PARENT_ID_2"),
    ("items", "CONTACT_ID"): _of_deal("CONTACT_ID", "PARENT_ID_2"),
    ("invoices", "COMPANY_ID"): _of_deal("COMPANY_ID", "PARENT_ID_2"),
    ("invoices", "CONTACT_ID"): _of_deal("CONTACT_ID", "PARENT_ID_2"),
    ("invoices", "CLOSEDATE"): _close_date,
    ("quotes", "COMPANY_ID"): _of_deal("COMPANY_ID", "DEAL_ID"),
    ("quotes", "CONTACT_ID"): _of_deal("CONTACT_ID", "DEAL_ID"),
    ("deals", "STAGE_ID"): _deal_stage,
    ("deals", "STAGE_SEMANTIC_ID"): _by_stage(_SEMANTICS),
    ("deals", "CLOSED"): _by_stage(["N" if semantics == "P" else "Y" for semantics in _SEMANTICS]),
    ("deals", "CLOSEDATE"): _close_date,
    ("deals", "IS_NEW"): _by_stage(["Y", *"NNNNNNN"]),
    ("deals", "PROBABILITY"): _probability,
    ("leads", "STATUS_ID"): _stands("", LEAD_STAGES),
    ("leads", "STATUS_SEMANTIC_ID"): _by_stage([semantics for _, _, semantics, _ in LEAD_STAGES], "STATUS_ID"),
    ("items", "CATEGORY_ID"): lambda table, _rng: Numbers("id", np.full(table.size, 11)),
    ("items", "STAGE_ID"): _stands(f"DT{SMART_PROCESS}_11:", ITEM_STAGES),
    ("items", "PREVIOUS_STAGE_ID"): _stood(f"DT{SMART_PROCESS}_11:", ITEM_STAGES),
    ("invoices", "TITLE"): _titles(words.DEAL_TITLES),
    ("invoices", "ACCOUNT_NUMBER"): _numbered("INV-"),
    ("invoices", "CATEGORY_ID"): lambda table, _rng: Numbers("id", np.full(table.size, 2)),
    ("invoices", "STAGE_ID"): _stands("DT31_2:", INVOICE_STAGES),
    ("invoices", "PREVIOUS_STAGE_ID"): _stood("DT31_2:", INVOICE_STAGES),
    ("invoices", "PARENT_ID_2"): _parent(0.2),
    ("quotes", "TITLE"): _titles(words.DEAL_TITLES),
    ("quotes", "QUOTE_NUMBER"): _numbered(""),
    ("quotes", "DEAL_ID"): _parent(0.2),
    ("quotes", "STAGE_ID"): _stands("", QUOTE_STAGES),
    ("quotes", "CLOSED"): _by_stage(["N", "N", "Y", "Y"]),
    ("quotes", "CLOSEDATE"): _close_date,
    ("items", "PARENT_ID_2"): _parent(0.3),
    ("activities", "OWNER_ID"): _activity_owner,
    ("activities", "OWNER_TYPE_ID"): _owner_type,
    ("activities", "BINDINGS"): bindings,
    ("activities", "PROVIDER_ID"): activity_kinds,
    ("activities", "PROVIDER_TYPE_ID"): _by_stage(["CALL", "EMAIL", "MEETING", "TODO"], "PROVIDER_ID"),
    ("activities", "TYPE_ID"): _number_of([2, 4, 1, 6], "PROVIDER_ID"),
    ("activities", "START_TIME"): lambda table, _rng: Numbers("datetime", table.created.copy()),
    ("activities", "END_TIME"): lambda table, rng: Numbers(
        "datetime", table.created + (300 + rng.exponential(900, table.size)).astype(np.int64)
    ),
    ("activities", "LAST_UPDATED"): _later(3, "END_TIME"),
    ("activities", "COMPLETED"): lambda table, rng: pick(rng, table.size, ["Y", "N"], [0.9, 0.1]),
    ("activities", "RESPONSIBLE_ID"): _of_owner,
    ("activities", "SUBJECT"): _titles(words.ACTIVITY_SUBJECTS),
    ("activities", "SETTINGS"): lambda table, rng: pick(rng, table.size, [[], [], {"MISSED_CALL": "Y"}]),
    ("activities", "RESULT_SUM"): lambda table, rng: sparse(rng, "cents", rng.integers(0, 10**6, table.size), 0.8),
}
