"""Seeded records: every column is made when it is first asked for, from its own stream of random numbers.

Deals form a believable funnel: they come in faster every month, the older ones are won or lost, the newer ones
stand in the early stages, and amounts are log-normal by currency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from b24data.sandbox import words
from b24data.sandbox.columns import ID_MARK, NULL, ZONE_S, Codes, Column, Ints, Numbers
from b24data.sandbox.customs import custom_column, multifield_column
from b24data.sandbox.fields import SMART_PROCESS, Field
from b24data.sandbox.people import task_column, user_column
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

__all__ = ["generate_column", "record_ids"]

DAY = 86400
LAST_DAY = int(np.datetime64("2026-11-01").astype("datetime64[s]").astype(np.int64)) - ZONE_S
SPAN_DAYS = 730


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
        return Numbers("date", midnight(created(table) + rng.integers(0, 60, n) * DAY), empty="")
    return Numbers("datetime", created(table) + rng.integers(0, 40 * DAY, n))


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


def created(table: Table) -> Ints:
    """When the records came in: two years, faster every month, in working hours."""
    known = table.memo.get("created")
    if known is None:
        rng = table.rng("created")
        rank = (np.arange(table.size) + 0.5) / max(table.size, 1)
        days = np.floor(SPAN_DAYS * rank**0.8).astype(np.int64)
        known = table.memo["created"] = (
            LAST_DAY - (SPAN_DAYS - days) * DAY + rng.integers(9 * 3600, 19 * 3600, table.size)
        )
    return known


def midnight(moments: Ints) -> Ints:
    """The same days, at their first second by the portal's clock."""
    return (moments + ZONE_S) // DAY * DAY - ZONE_S


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


def _titles(texts: Sequence[str]) -> Callable[[Table, np.random.Generator], Codes]:
    entries = [text if at % 5 == 4 else f"{text} №{ID_MARK}" for at, text in enumerate(texts)]
    return lambda table, rng: pick(rng, table.size, entries)


def _category(table: Table, rng: np.random.Generator) -> Numbers:
    codes = np.array([number for number, _ in CATEGORIES])
    return Numbers("id", codes[np.searchsorted([0.6, 0.85], rng.random(table.size))])


def _deal_stage(table: Table, rng: np.random.Generator) -> Codes:
    """Old deals are closed, young ones stand early in the funnel."""
    age = (LAST_DAY - created(table)) / (DAY * 60)
    closed = rng.random(table.size) < 1 - np.exp(-age)
    won = rng.random(table.size) < 0.38
    open_stage = np.searchsorted([0.38, 0.64, 0.81, 0.92], rng.random(table.size))
    lost = np.where(rng.random(table.size) < 0.8, 6, 7)
    stage = np.where(closed, np.where(won, 5, lost), open_stage)
    category = np.searchsorted([0, 1, 2], table.numbers("CATEGORY_ID").values)
    vocabulary = [f"C{number}:{code}" if number else code for number, _ in CATEGORIES for code, *_ in DEAL_STAGES]
    return Codes((category * len(DEAL_STAGES) + stage).astype(np.int32), vocabulary)


def _close_date(table: Table, rng: np.random.Generator) -> Numbers:
    """An open deal has a plan, up to two months after it was created; a closed one was closed by the last day."""
    planned = created(table) + rng.integers(0, 60, table.size) * DAY
    is_closed = table.coded("CLOSED").codes > 0
    return Numbers("date", midnight(np.where(is_closed, np.minimum(planned, LAST_DAY - 1), planned)), empty="")


def _by_stage(values: Sequence[Any], field: str = "STAGE_ID") -> Callable[[Table, np.random.Generator], Codes]:
    """A column that follows from the stage."""

    def make(table: Table, _rng: np.random.Generator) -> Codes:
        codes = table.coded(field).codes % len(values)
        distinct = list(dict.fromkeys(values))
        lookup = np.array([distinct.index(value) for value in values], np.int32)
        return Codes(lookup[codes], distinct)

    return make


def _amount(table: Table, rng: np.random.Generator) -> Numbers:
    scale = np.array([180_000.0, 2_400.0, 2_100.0, 16_000.0])[table.coded("CURRENCY_ID").codes]
    amount = np.round(scale * rng.lognormal(0, 0.9, table.size), 2) * 100
    amount[rng.random(table.size) < 0.03] = 0
    return Numbers("cents", amount.astype(np.int64))


def _later(name: str, days: int) -> Callable[[Table, np.random.Generator], Numbers]:
    """A moment some time after the record was created, but not after the last day."""

    def make(table: Table, rng: np.random.Generator) -> Numbers:
        start = created(table)
        spread = (rng.random(table.size) * days * DAY).astype(np.int64)
        return Numbers(name, np.minimum(start + spread, np.maximum(LAST_DAY, start)))

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


def _links(entity: str) -> Callable[[Table, np.random.Generator], Codes]:
    def make(table: Table, rng: np.random.Generator) -> Codes:
        known = [int(number) for number in table.world.table(entity).ids[:40]]
        lists = [[]] + [
            sorted(rng.choice(known, min(size, len(known)), replace=False).tolist()) for size in (1, 1, 2, 3)
        ]
        return pick(rng, table.size, lists if known else [[]])

    return make


def _item_stage(table: Table, rng: np.random.Generator) -> Codes:
    return pick(rng, table.size, [f"DT{SMART_PROCESS}_11:{code}" for code, *_ in ITEM_STAGES], [30, 20, 15, 20, 15])


def _invoice_stage(table: Table, rng: np.random.Generator) -> Codes:
    return pick(rng, table.size, [f"DT31_2:{code}" for code, *_ in INVOICE_STAGES], [30, 30, 30, 10])


def _numbered(prefix: str) -> Callable[[Table, np.random.Generator], Codes]:
    return lambda table, _rng: Codes(np.zeros(table.size, np.int32), [f"{prefix}{ID_MARK}"])


_SEMANTICS = [semantics for _, _, semantics, _ in DEAL_STAGES]
_Maker = Callable[["Table", np.random.Generator], Column]
_SHARED: dict[str, _Maker] = {
    "ID": lambda table, _rng: Numbers("id", table.ids.copy()),
    "DATE_CREATE": lambda table, _rng: Numbers("datetime", created(table).copy()),
    "CREATED_TIME": lambda table, _rng: Numbers("datetime", created(table).copy()),
    "CREATED": lambda table, _rng: Numbers("datetime", created(table).copy()),
    "DATE_MODIFY": _later("datetime", 90),
    "UPDATED_TIME": _later("datetime", 90),
    "LAST_ACTIVITY_TIME": _later("datetime", 90),
    "MOVED_TIME": _later("datetime", 60),
    "CURRENCY_ID": lambda table, rng: pick(rng, table.size, CURRENCIES, [60, 20, 12, 8]),
    "OPPORTUNITY": _amount,
    "SOURCE_ID": lambda table, rng: pick(
        rng, table.size, [code for code, _ in STATUSES["SOURCE"]] + [None], [18, 12, 25, 9, 6, 8, 3, 10, 2, 3, 2, 2]
    ),
    "COMPANY_ID": lambda table, rng: references(table, rng, "companies", 0.25),
    "MYCOMPANY_ID": lambda table, rng: references(table, rng, "companies", 0.5),
    "CONTACT_ID": lambda table, rng: references(table, rng, "contacts", 0.15),
    "LEAD_ID": lambda table, rng: references(table, rng, "leads", 0.7),
    "OBSERVERS": _links("users"),
    "CONTACT_IDS": _links("contacts"),
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
    ("deals", "STAGE_ID"): _deal_stage,
    ("deals", "STAGE_SEMANTIC_ID"): _by_stage(_SEMANTICS),
    ("deals", "CLOSED"): _by_stage(["N" if semantics == "P" else "Y" for semantics in _SEMANTICS]),
    ("deals", "CLOSEDATE"): _close_date,
    ("deals", "IS_NEW"): _by_stage(["Y", *"NNNNNNN"]),
    ("deals", "PROBABILITY"): _probability,
    ("leads", "STATUS_ID"): lambda table, rng: pick(
        rng, table.size, [code for code, *_ in LEAD_STAGES], [20, 18, 12, 30, 20]
    ),
    ("leads", "STATUS_SEMANTIC_ID"): _by_stage([semantics for _, _, semantics, _ in LEAD_STAGES], "STATUS_ID"),
    ("items", "CATEGORY_ID"): lambda table, _rng: Numbers("id", np.full(table.size, 11)),
    ("items", "STAGE_ID"): _item_stage,
    ("items", "PREVIOUS_STAGE_ID"): _item_stage,
    ("invoices", "TITLE"): _titles(words.DEAL_TITLES),
    ("invoices", "ACCOUNT_NUMBER"): _numbered("INV-"),
    ("invoices", "CATEGORY_ID"): lambda table, _rng: Numbers("id", np.full(table.size, 2)),
    ("invoices", "STAGE_ID"): _invoice_stage,
    ("invoices", "PREVIOUS_STAGE_ID"): _invoice_stage,
    ("invoices", "PARENT_ID_2"): lambda table, rng: references(table, rng, "deals", 0.3),
    ("quotes", "TITLE"): _titles(words.DEAL_TITLES),
    ("quotes", "QUOTE_NUMBER"): _numbered(""),
    ("quotes", "DEAL_ID"): lambda table, rng: references(table, rng, "deals", 0.5),
    ("quotes", "STAGE_ID"): lambda table, rng: pick(rng, table.size, [code for code, *_ in QUOTE_STAGES]),
    ("items", "PARENT_ID_2"): lambda table, rng: references(table, rng, "deals", 0.3),
    ("activities", "OWNER_ID"): lambda table, rng: references(table, rng, "deals", 0.0),
    ("activities", "OWNER_TYPE_ID"): lambda table, _rng: Numbers("id", np.full(table.size, 2)),
    ("activities", "PROVIDER_ID"): lambda table, rng: pick(
        rng, table.size, ["VOXIMPLANT_CALL", "CRM_EMAIL", "CRM_TODO"]
    ),
    ("activities", "PROVIDER_TYPE_ID"): lambda table, rng: pick(rng, table.size, ["CALL", "EMAIL", "TODO"]),
    ("activities", "SUBJECT"): _titles(words.ACTIVITY_SUBJECTS),
    ("activities", "SETTINGS"): lambda table, rng: pick(rng, table.size, [[], [], {"MISSED_CALL": "Y"}]),
    ("activities", "RESULT_SUM"): lambda table, rng: sparse(rng, "cents", rng.integers(0, 10**6, table.size), 0.8),
}
