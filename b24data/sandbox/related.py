"""Lists of what happened to records: stage history, product rows, calls, time put down for tasks.

Each is made from its owners when it is first asked for, in columns; the keys are those of the answers.
Sources: b24restdocs, crm-stage-history-list.md, crm-item-productrow-list.md, voximplant-statistic-get.md,
task-elapsed-item-get-list.md.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from b24data.sandbox.columns import ID_MARK, NULL, Codes, Ints, Numbers
from b24data.sandbox.fields import ENTITY_TYPES, Field
from b24data.sandbox.goods import product_ids, product_name
from b24data.sandbox.people import time_spent
from b24data.sandbox.ragged import Column
from b24data.sandbox.stages import DEAL_STAGES, INVOICE_STAGES, ITEM_STAGES, LEAD_STAGES

if TYPE_CHECKING:
    from b24data.sandbox.table import World

HISTORY = "stage_history_"  # and the entity that it is of
PRODUCT_ROWS, CALLS, TASK_TIME = "product_rows", "calls", "task_time"
STAGES = {"deals": DEAL_STAGES, "leads": LEAD_STAGES, "invoices": INVOICE_STAGES, "items": ITEM_STAGES}
_OWNERS = ("leads", "deals", "quotes", "invoices", "items")
_CODES = {1: "L", 2: "D", 3: "C", 4: "CO", 7: "Q", 31: "SI"}
_EUROS = {"RUB": 1.0, "USD": 82.5, "EUR": 95.1, "CNY": 11.4}

Made = tuple[Ints, dict[str, Column]]


def owner_code(entity_type: int) -> str:
    """The short code of a type of records: ``D`` for deals, ``T`` and the hexadecimal number for smart processes.

    >>> owner_code(2), owner_code(1036)
    ('D', 'T40c')
    """
    return _CODES.get(entity_type) or f"T{entity_type:x}"


def field_of(name: str, column: Column) -> Field:
    """A field that a column of such a list is described by."""
    return Field(name, column.kind, name)


def make_related(entity: str, world: World) -> Made | None:
    """The ids and the columns of a list; None where there is no such."""
    if entity.startswith(HISTORY):
        return _history(world, entity.removeprefix(HISTORY))
    made = {PRODUCT_ROWS: _product_rows, CALLS: _calls, TASK_TIME: _task_time}.get(entity)
    return made(world) if made else None


def _numbered(world: World, name: str, order: Ints) -> Ints:
    """Rising ids with gaps, for as many rows as there are."""
    rng = np.random.default_rng([world.seed, zlib.crc32(name.encode())])
    return np.cumsum(rng.geometric(0.9, len(order))).astype(np.int64)


def _fixed(count: int, value: Any, kind: str = "text") -> Codes:
    return Codes(np.zeros(count, np.int32), [value], kind=kind)


def _of(codes: Any, vocabulary: Sequence[Any], kind: str = "text") -> Codes:
    return Codes(np.asarray(codes, np.int32), list(vocabulary), kind=kind)


# Stage history.


def _history(world: World, entity: str) -> Made | None:
    if entity not in STAGES:
        return None
    table, stages = world.table(entity), STAGES[entity]
    walked = table.passage
    order = np.lexsort((walked.record, walked.moment))
    record, stage, moment = walked.record[order], walked.stage[order].astype(np.int64), walked.moment[order]
    final = stage >= next(at for at, known in enumerate(stages) if known[2] != "P")
    first = np.zeros(len(record), np.bool_)
    first[np.unique(record, return_index=True)[1]] = True
    semantics = _of(stage, [known[2] for known in stages])
    status = "STATUS" if entity == "leads" else "STAGE"
    columns: dict[str, Column] = {
        "TYPE_ID": Numbers("id", np.where(first, 1, np.where(final, 3, 2))),
        "OWNER_ID": Numbers("id", table.ids[record]),
        "CREATED_TIME": Numbers("datetime", moment),
        f"{status}_SEMANTIC_ID": Codes(semantics.codes, semantics.vocabulary),
        f"{status}_ID": _stage_codes(world, entity, record, stage),
    }
    if entity != "leads":
        columns["CATEGORY_ID"] = Numbers("id", table.numbers("CATEGORY_ID").values[record])
    return _numbered(world, f"history of {entity}", order), columns


def _stage_codes(world: World, entity: str, record: Ints, stage: Ints) -> Codes:
    column = world.table(entity).coded("STATUS_ID" if entity == "leads" else "STAGE_ID")
    if entity != "deals":
        return _of(stage, column.vocabulary)
    category = column.codes[record] // len(DEAL_STAGES)  # those of the categories stand one behind the other
    return _of(category * len(DEAL_STAGES) + stage, column.vocabulary)


# Product rows.


def _product_rows(world: World) -> Made:
    types = {entity: number for number, entity in ENTITY_TYPES.items()}
    parts = []
    for at, entity in enumerate(_OWNERS):
        table = world.table(entity)
        sold = table.basket
        currency = table.coded("CURRENCY_ID")
        rates = np.array([_EUROS.get(str(code), 1.0) for code in currency.vocabulary])
        made = table.created[sold.record]
        kind = np.full(len(sold.record), at)
        rate = rates[currency.codes[sold.record]]
        parts.append((made, kind, table.ids[sold.record], sold.product, sold.price, sold.quantity, rate))
    made, kind, owner, product, price, quantity, rate = (np.concatenate(one) for one in zip(*parts, strict=True))
    order = np.lexsort((owner, kind, made))
    kind, owner, product, price, quantity, rate = (one[order] for one in (kind, owner, product, price, quantity, rate))
    count = len(order)
    fresh = np.concatenate([[True], (owner[1:] != owner[:-1]) | (kind[1:] != kind[:-1])]) if count else np.zeros(0)
    nth = np.arange(count) - np.maximum.accumulate(np.where(fresh, np.arange(count), 0)) if count else order
    exact = Numbers("cents", price)
    without_tax = Numbers("cents", np.round(price / 1.2).astype(np.int64))
    names = [product_name(at) for at in range(int(product.max()) + 1 if count else 1)]
    columns: dict[str, Column] = {
        "ownerId": Numbers("id", owner),
        "ownerType": _of(kind, [owner_code(types[entity]) for entity in _OWNERS]),
        "productId": Numbers("id", product_ids(world.seed, len(names))[product]),
        "productName": _of(product, names),
        "price": exact,
        "priceAccount": Numbers("cents", np.round(price * rate).astype(np.int64)),
        "priceExclusive": without_tax,
        "priceNetto": Numbers("cents", without_tax.values.copy()),
        "priceBrutto": Numbers("cents", price.copy()),
        "quantity": Numbers("id", quantity),
        "discountTypeId": _fixed(count, 2, "number"),
        "discountRate": _fixed(count, 0, "number"),
        "discountSum": _fixed(count, 0, "number"),
        "taxRate": _fixed(count, 20, "number"),
        "taxIncluded": _fixed(count, "Y", "flag"),
        "customized": _fixed(count, "Y", "flag"),
        "measureCode": _fixed(count, 796, "number"),
        "measureName": _fixed(count, "pcs"),
        "sort": Numbers("id", 10 * (nth + 1)),
        "xmlId": _fixed(count, f"sale_basket_{ID_MARK}"),
        "type": _fixed(count, 4, "number"),
        "storeId": _fixed(count, None, "number"),
    }
    return _numbered(world, PRODUCT_ROWS, order), columns


# Calls.


def _calls(world: World) -> Made:
    """One for each activity that is a call: of the contact or the company that it is bound to, else of the lead."""
    activities = world.table("activities")
    at = np.flatnonzero(activities.coded("PROVIDER_ID").codes == 0)
    at = at[np.argsort(activities.created[at], kind="stable")]
    rng = np.random.default_rng([world.seed, zlib.crc32(b"calls")])
    count = len(at)
    incoming = rng.random(count) < 0.45
    missed = rng.random(count) < np.where(incoming, 0.18, 0.3)
    seconds = np.where(missed, 0, rng.lognormal(4.6, 0.9, count)).astype(np.int64)
    kinds, owners = _called(world, at)
    columns: dict[str, Column] = {
        "PORTAL_USER_ID": Numbers("id", activities.numbers("RESPONSIBLE_ID").values[at]),
        "PORTAL_NUMBER": _of(rng.integers(0, 3, count), ["reg133788", "reg133789", "3"]),
        "PHONE_NUMBER": _fixed(count, f"+7916{ID_MARK}"),
        "CALL_ID": _fixed(count, f"11018129443EB80D.1754478570.{ID_MARK}"),
        "EXTERNAL_CALL_ID": _fixed(count, None),
        "CALL_CATEGORY": _fixed(count, "external"),
        "CALL_LOG": _fixed(count, None),
        "CALL_DURATION": Numbers("id", seconds),
        "CALL_START_DATE": Numbers("datetime", activities.created[at]),
        "CALL_RECORD_URL": _fixed(count, ""),
        "CALL_VOTE": _of(rng.integers(0, 4, count), [None, None, "4", "5"]),
        "COST": _of(rng.integers(0, 4, count), ["0.0000", "1.2000", "3.5000", "0.0000"], "number"),
        "COST_CURRENCY": _fixed(count, "RUB"),
        "CALL_FAILED_CODE": _of(np.where(missed, np.where(incoming, 1, 2), 0), ["200", "304", "603-S"]),
        "CALL_FAILED_REASON": _of(missed, ["Success call", "Not answered"]),
        "CRM_ENTITY_TYPE": _of(kinds, ["CONTACT", "COMPANY", "LEAD", None]),
        "CRM_ENTITY_ID": Numbers("id", owners),
        "CRM_ACTIVITY_ID": Numbers("id", activities.ids[at]),
        "REST_APP_ID": _fixed(count, None),
        "REST_APP_NAME": _fixed(count, None),
        "TRANSCRIPT_ID": _fixed(count, None),
        "TRANSCRIPT_PENDING": _fixed(count, "N", "flag"),
        "SESSION_ID": _fixed(count, f"38{ID_MARK}"),
        "REDIAL_ATTEMPT": _fixed(count, None),
        "COMMENT": _fixed(count, None),
        "RECORD_DURATION": Numbers("id", np.where(missed, NULL, seconds)),
        "RECORD_FILE_ID": _fixed(count, None),
        "CALL_TYPE": _of(np.where(incoming, 0, 1), ["2", "1"], "number"),
    }
    return _numbered(world, CALLS, at), columns


def _called(world: World, at: Ints) -> tuple[npt.NDArray[np.int32], Ints]:
    activities, deals = world.table("activities"), world.table("deals")
    kind, owner = activities.numbers("OWNER_TYPE_ID").values[at], activities.numbers("OWNER_ID").values[at]
    kinds = np.select([kind == 3, kind == 4, kind == 1], [0, 1, 2], 3).astype(np.int32)
    owners = np.where(kinds == 3, NULL, owner)
    of_deal = np.flatnonzero(kind == 2)
    places = deals.places(owner[of_deal])
    for code, name in ((1, "COMPANY_ID"), (0, "CONTACT_ID")):
        found = deals.numbers(name).values[places]
        has = found != NULL
        kinds[of_deal[has]], owners[of_deal[has]] = code, found[has]
    return kinds, owners


# Time.


def _task_time(world: World) -> Made:
    tasks = world.table("tasks")
    spent = time_spent(tasks)
    order = np.argsort(spent.began, kind="stable")
    task, began, seconds = spent.task[order], spent.began[order], spent.seconds[order]
    stop = began + seconds
    columns: dict[str, Column] = {
        "TASK_ID": Numbers("id", tasks.ids[task]),
        "USER_ID": Numbers("id", tasks.numbers("RESPONSIBLE_ID").values[task]),
        "COMMENT_TEXT": _of(order % 3, ["", "Звонок клиенту", "Documents"]),
        "SECONDS": Numbers("id", seconds),
        "MINUTES": Numbers("id", seconds // 60),
        "SOURCE": _of(order % 2, ["2", "3"], "number"),
        "CREATED_DATE": Numbers("datetime", stop),
        "DATE_START": Numbers("datetime", began),
        "DATE_STOP": Numbers("datetime", stop.copy()),
    }
    return _numbered(world, TASK_TIME, order), columns
