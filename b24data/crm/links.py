"""Tables of links, made of the columns of other tables: no request is needed for them. Pure.

A deal has its contacts in ``contactIds``, an activity what it is bound to in ``BINDINGS``. Each becomes a row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from b24data.frames.bindings import type_id_of
from b24data.lists.names import folded

Cells = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """How the rows of one table of links are made: from the id of a row and the values of some of its columns."""

    reads: tuple[str, ...]  # columns of the source: its key first; those that it lacks are null
    schema: pa.Schema  # its first column is the key of the source
    rows: Callable[..., Iterator[Cells]]

    def columns_in(self, names: list[str]) -> list[str]:
        """Those of ``reads`` that there are, in the spelling that the source has."""
        there = {folded(name): name for name in names}
        return [there[folded(name)] for name in self.reads if folded(name) in there]

    def batch(self, source: pa.RecordBatch | pa.Table) -> pa.RecordBatch:
        """The links of a batch of the source.

        >>> deals = pa.table({"id": [7, 8], "contactIds": [[1, 2], None], "contactId": [2, None]})
        >>> LINKS["deal_contacts"].batch(deals).to_pylist()[1]
        {'deal_id': 7, 'contact_id': 2, 'position': 2, 'is_primary': True}
        """
        there = {folded(name): name for name in source.schema.names}
        nulls = [None] * source.num_rows
        values = [
            source.column(there[folded(name)]).to_pylist() if folded(name) in there else nulls for name in self.reads
        ]
        found = [(row[0], *cells) for row in zip(*values, strict=True) for cells in self.rows(*row[1:])]
        columns = list(zip(*found, strict=True)) or [()] * len(self.schema)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self.schema, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _schema(**types: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in types.items()])


_ID, _TEXT, _FLAG = pa.int64(), pa.string(), pa.bool_()


def _numbered(ids: list[int] | None, primary: int | None) -> Iterator[Cells]:
    """Each once, in the portal's order; the one that stands in the single field as well is the primary one.

    The single field alone counts only where the portal has no list.
    """
    listed = [primary] if ids is None and primary else ids or ()
    for place, one in enumerate(dict.fromkeys(listed), 1):
        yield one, place, one == primary


def _channels(values: list[Any] | None) -> Iterator[Cells]:
    for value in values or ():
        one = {folded(name): given for name, given in _mapping(value).items()}
        if one.get("value"):
            yield _number(one.get("id")), one.get("typeid"), one.get("valuetype"), one["value"]


def _bindings(values: Any) -> Iterator[Cells]:
    """What an activity is bound to: ``OWNER_TYPE_ID`` and ``OWNER_ID`` (page crm.activity.fields)."""
    seen = set()
    for value in _list(values):
        one = {str(name).upper(): given for name, given in _mapping(value).items()}
        pair = (_number(one.get("OWNER_TYPE_ID")), _number(one.get("OWNER_ID")))
        if None not in pair and pair not in seen:
            seen.add(pair)
            yield pair


def _prefixed(values: list[str] | None) -> Iterator[Cells]:
    for value in dict.fromkeys(values or ()):
        prefix, _, number = str(value).rpartition("_")
        type_id = type_id_of(prefix)
        if type_id and number.isdecimal():
            yield int(type_id), int(number)


def _members(values: list[int] | None) -> Iterator[Cells]:
    yield from ((one,) for one in dict.fromkeys(values or ()) if one)


def _list(values: Any) -> list[Any]:
    if isinstance(values, str):
        values = json.loads(values) if values[:1] in "[{" else []
    if isinstance(values, Mapping):
        values = list(values.values()) if "OWNER_ID" not in values else [values]
    return list(values or ())


def _mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        value = json.loads(value) if value[:1] == "{" else {}
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() else None


_CHANNEL = {"id": _ID, "type": _TEXT, "value_type": _TEXT, "value": _TEXT}
_BOUND = {"owner_type_id": _ID, "owner_id": _ID}

LINKS: Mapping[str, Link] = {
    "user_departments": Link(("ID", "UF_DEPARTMENT"), _schema(user_id=_ID, department_id=_ID), _members),
    "company_channels": Link(("id", "fm"), _schema(company_id=_ID, **_CHANNEL), _channels),
    "contact_channels": Link(("id", "fm"), _schema(contact_id=_ID, **_CHANNEL), _channels),
    "contact_companies": Link(
        ("id", "companyIds", "companyId"),
        _schema(contact_id=_ID, company_id=_ID, position=_ID, is_primary=_FLAG),
        _numbered,
    ),
    "deal_contacts": Link(
        ("id", "contactIds", "contactId"),
        _schema(deal_id=_ID, contact_id=_ID, position=_ID, is_primary=_FLAG),
        _numbered,
    ),
    "activity_links": Link(("ID", "BINDINGS"), _schema(activity_id=_ID, **_BOUND), _bindings),
    "task_links": Link(("ID", "UF_CRM_TASK"), _schema(task_id=_ID, **_BOUND), _prefixed),
}
