"""A portal in memory for queries: five lists, a zone of its own, and the least that a filter may find.

It reads conditions as the worst portal does: an empty number is found by none, though its row shows 0; the offset of a
point in time is ignored, and the time is one of the portal's zone; a day begins at midnight there; a flag that was
never set is not false; conditions on some columns are ignored.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from decimal import Decimal

import pyarrow as pa

from b24data.fields.descriptions import Described
from b24data.fields.fields import Field
from b24data.lists.estimate import Estimate

PAGE = 10  # rows of a request
IGNORED = {"assignedById", "leadId"}
EDGE = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)

# Of each list: its method, its rows, its columns as (name in SQL, code, type of the portal).
LISTS = {
    "deals": (
        ("crm.item.list", 2),
        90,
        [
            ("id", "id", "integer"),
            ("title", "title", "string"),
            ("company_id", "companyId", "crm_company"),
            ("assigned_by_id", "assignedById", "user"),
            ("opportunity", "opportunity", "double"),
            ("stage_id", "stageId", "crm_status"),
            ("created_time", "createdTime", "datetime"),
            ("closedate", "closedate", "date"),
            ("closed", "closed", "boolean"),
            ("lead_id", "leadId", "crm_lead"),
        ],
    ),
    "companies": (
        ("crm.item.list", 4),
        40,
        [
            ("id", "id", "integer"),
            ("title", "title", "string"),
            ("assigned_by_id", "assignedById", "user"),
            ("created_time", "createdTime", "datetime"),
            ("opened", "opened", "boolean"),
        ],
    ),
    "contacts": (
        ("crm.item.list", 3),
        60,
        [
            ("id", "id", "integer"),
            ("name", "name", "string"),
            ("company_id", "companyId", "crm_company"),
            ("birthdate", "birthdate", "date"),
        ],
    ),
    "leads": (
        ("crm.item.list", 1),
        30,
        [
            ("id", "id", "integer"),
            ("opportunity", "opportunity", "double"),
            ("stage_id", "stageId", "crm_status"),
            ("company_id", "companyId", "crm_company"),
        ],
    ),
    "users": (
        ("user.get", 0),
        12,
        [("id", "ID", "integer"), ("name", "NAME", "string"), ("active", "ACTIVE", "boolean")],
    ),
}
_STAGES = ["NEW", "WON", "won", "C1:WON", "LOSE", "", None]
_TITLES = ["x", "X", "Ремонт", "a,b", "7", "", None]
_AMOUNTS = [0.0, 0.0, 1.0, 99.99, 100_000.0, 250_000.5, -1.0, None]


class MemoryPortal:
    """``b24.tools`` for :func:`b24data.sql.run.run_sql`. ``hours`` is the portal's zone.

    ``rows`` are the lists as they are shown, whole. What is stored differs from it: ``None`` in ``stored`` stands for
    what was never filled in, and shows as 0, false or nothing.
    """

    def __init__(self, hours: int, seed: int = 0) -> None:
        self.zone = dt.timezone(dt.timedelta(hours=hours))
        self.by_list = {key: name for name, (key, _, _) in LISTS.items()}
        chance = random.Random(seed)
        self.stored: dict[str, list[dict]] = {}
        self.rows: dict[str, pa.Table] = {}
        for name, (_, count, columns) in LISTS.items():
            ids = sorted(chance.sample(range(1, count * 2), count))
            stored = [{code: self._value(chance, one, sql, kind) for sql, code, kind in columns} for one in ids]
            self.stored[name] = stored
            arrays = {
                sql: pa.array([_shown(row[code], kind) for row in stored], _TYPES.get(kind, pa.int64()))
                for sql, code, kind in columns
            }
            self.rows[name] = pa.table(arrays)

    def _value(self, chance, number, sql, kind):
        if sql == "id":
            return number
        if kind == "double":
            return chance.choice(_AMOUNTS)
        if kind == "crm_status":
            return chance.choice(_STAGES)
        if kind == "string":
            return chance.choice(_TITLES)
        if kind == "boolean":
            return chance.choice([True, False, None])
        if kind == "datetime":  # around midnight of UTC and of the portal
            edge = chance.choice(
                [EDGE, EDGE.replace(tzinfo=self.zone), EDGE + dt.timedelta(days=chance.randint(-9, 9))]
            )
            return chance.choice([None, *[edge + dt.timedelta(seconds=s) for s in (-1, 0, 1, -3600, 3600)] * 2])
        if kind == "date":
            return chance.choice([None, *[(EDGE + dt.timedelta(days=days)).date() for days in range(-3, 4)]])
        return chance.choice([None, 0, *range(1, 80, 6)])

    # What a query asks.

    def described(self, method, params):
        name = self._name(method, params)
        fields = {code: Field(code=code, wire=code, type=kind) for _, code, kind in LISTS[name][2]}
        return Described(fields)

    def estimate(self, method, filter=None, *, params=None, limit=None):
        rows = min(len(self._found(method, filter, params)), limit or 10**9)
        return Estimate(method, rows, -(-rows // PAGE), 0.1, 0.0)

    def fetch_table(self, method, select, filter=None, *, params=None, limit=None, order=None, recheck=True):
        assert not recheck
        found = self._found(method, filter, params)
        found = found[::-1][:limit] if order else found[:limit]
        rows = self._table(method, params, found, select)
        requests, complete = max(1, -(-len(found) // PAGE)), limit is None or len(found) < limit
        report = {"requests": requests, "seconds": 0.1, "complete": complete, "walk": "keyset"}
        return rows.replace_schema_metadata({b"b24data.report": json.dumps(report).encode()})

    def fetch_by(self, method, key, ids, select, *, params=None, recheck=True, dtype_backend=None):
        assert not recheck
        assert dtype_backend == "pyarrow"
        assert key.lower() == "@id"
        name = self._name(method, params)
        wanted = set(ids)
        found = [at for at, row in enumerate(self.stored[name]) if row[_id_of(name)] in wanted]
        frame = self._table(method, params, found, select).to_pandas(types_mapper=_arrow_type)
        frame.attrs["b24data"] = {"requests": -(-len(wanted) // PAGE), "seconds": 0.1, "complete": True}
        return frame

    def _name(self, method, params):
        return self.by_list[method, (params or {}).get("entityTypeId", 0)]

    def _table(self, method, params, found, select):
        name = self._name(method, params)
        codes = {code: sql for sql, code, _ in LISTS[name][2]}
        wanted = list(codes) if select is None else list(select)
        assert set(wanted) <= set(codes)
        rows = self.rows[name].take(pa.array(found, pa.int64()))
        return pa.table({code: rows[codes[code]] for code in wanted})

    def _found(self, method, conditions, params):
        name = self._name(method, params)
        kinds = {code: kind for _, code, kind in LISTS[name][2]}
        tests = [(*_parted(key), value) for key, value in (conditions or {}).items()]
        tests = [one for one in tests if one[1] not in IGNORED]
        return [
            at
            for at, row in enumerate(self.stored[name])
            if all(self._meets(row[code], kinds[code], sign, value) for sign, code, value in tests)
        ]

    def _meets(self, stored, kind, sign, value):
        if stored is None:
            return False
        if kind == "datetime":
            stored = stored.astimezone(self.zone).replace(tzinfo=None)
            value = dt.datetime.fromisoformat(value).replace(tzinfo=None)
        elif kind == "date":
            value = dt.date.fromisoformat(value)
        elif kind in ("string", "crm_status"):
            stored = stored.casefold()
            value = [one.casefold() for one in value] if sign == "@" else value.casefold()
        elif kind == "double":
            stored = Decimal(str(stored))
        if sign == "@":
            return stored in value
        return {
            "=": stored == value,
            "<": stored < value,
            "<=": stored <= value,
            ">": stored > value,
            ">=": stored >= value,
        }[sign]


_TYPES = {
    "double": pa.float64(),
    "string": pa.string(),
    "crm_status": pa.string(),
    "boolean": pa.bool_(),
    "datetime": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
}


def _shown(value, kind):
    """A value as its row shows it: what was never filled in is 0 or false."""
    empty = {"double": 0.0, "boolean": False, "crm_company": 0}
    return empty.get(kind) if value is None else value


def _parted(key):
    code = key.lstrip("<>=@")
    return key[: len(key) - len(code)], code


def _id_of(name):
    return LISTS[name][2][0][1]


def _arrow_type(kind):
    import pandas as pd

    return pd.ArrowDtype(kind)
