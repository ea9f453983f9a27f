"""Ids and the filter, checked again on the rows that came: a portal that ignores a condition gives no sign of it.

Only what can be decided from a row is checked: equality, lists and ranges on numbers, days, points in time and codes.
Texts (compared without regard to case, and by parts), null and multiple values are the portal's own business.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from b24data.errors import ProtocolViolationError
from b24data.frames.schema import Column, Schema
from b24data.lists.facts import IdRun
from b24data.lists.plan import split_filter_key

__all__ = ["Recheck", "id_run"]

_RANGES: dict[str, Callable[[Any, Any], Any]] = {
    ">": pc.greater,
    ">=": pc.greater_equal,
    "<": pc.less,
    "<=": pc.less_equal,
}
_EQUALS = {"", "=", "@"}
# Types whose texts are codes: compared as they are.
_CODES = {"crm_status", "crm_currency", "crm_category", "enumeration", "enum"}
# A time without an offset is in a zone that the portal does not tell; zones are at most so far apart.
_ZONE_SLACK = dt.timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class _Condition:
    key: str
    column: Column
    compare: Callable[[pa.Array], pa.Array]


def id_run(batch: pa.RecordBatch, name: str, *, descending: bool) -> IdRun | None:
    """What the ids of a batch say about its rows; None where one is no whole number.

    >>> id_run(pa.RecordBatch.from_pydict({"ID": [3, 5, 5]}), "ID", descending=False)
    IdRun(first=3, last=5, ordered=False)
    """
    at = batch.schema.get_field_index(name)
    if at < 0 or batch.column(at).null_count or not pa.types.is_integer(batch.column(at).type):
        return None
    ids = batch.column(at)
    beyond = (pc.greater if descending else pc.less)(ids[:-1], ids[1:])
    return IdRun(ids[0].as_py(), ids[-1].as_py(), pc.all(beyond, min_count=0).as_py())


class Recheck:
    """The conditions of one filter that can be checked on the columns of ``schema``."""

    def __init__(self, method: str, conditions: Mapping[str, Any], schema: Schema) -> None:
        self._method = method
        by_code = {name.lower(): column for column in schema.columns for name in _names(column)}
        found = (_condition(key, value, by_code) for key, value in conditions.items())
        self.conditions = [condition for condition in found if condition is not None]

    def check(self, batch: pa.RecordBatch) -> None:
        """Raise :class:`ProtocolViolationError` with the condition and a value that contradicts it."""
        for condition in self.conditions:
            array = batch.column(batch.schema.get_field_index(condition.column.name))
            if array.type != condition.column.arrow:
                continue  # a guessed column that has widened since
            wrong = pc.and_(pc.is_valid(array), pc.invert(pc.fill_null(condition.compare(array), True)))
            if pc.any(wrong).as_py():
                example = array.filter(wrong)[0].as_py()
                raise ProtocolViolationError(
                    f"the portal ignores the filter {condition.key!r} in {self._method}: a row has {example!r}",
                    hint="check the spelling of the field and its value in the method's documentation",
                )


def _names(column: Column) -> set[str]:
    return {column.wire, column.field.code} if column.field else {column.wire}


def _condition(key: str, value: Any, columns: Mapping[str, Column]) -> _Condition | None:
    comparison, name = split_filter_key(key)
    column = columns.get(name.lower())
    if column is None or column.many or (column.widens and column.kind != "bool"):
        return None
    if comparison in _RANGES and column.kind not in ("text", "bool"):
        limit = _value(column, value)
        compare = _RANGES[comparison]
        bound = pa.scalar(_slackened(limit, comparison), column.arrow)
        return None if limit is None else _Condition(key, column, lambda array: compare(array, bound))
    if comparison in _EQUALS and column.kind != "timestamp":
        given = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        wanted = [_value(column, one) for one in given]
        if wanted and None not in wanted:
            among = pa.array(wanted, column.arrow)
            return _Condition(key, column, lambda array: pc.is_in(array, among))
    return None


def _value(column: Column, value: Any) -> Any:
    """A filter's value as the column has it; None: it can't be said for sure."""
    is_code = column.field is not None and column.field.type in _CODES
    if column.kind == "text" and not is_code:
        return None
    try:
        return _PARSERS[column.kind](value) if column.kind in _PARSERS else None
    except ValueError:
        return None


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "float": float,
    "bool": lambda value: {"Y": True, "N": False, "1": True, "0": False}.get(str(value)),
    "date": lambda value: dt.date.fromisoformat(str(value)),
    "timestamp": lambda value: dt.datetime.fromisoformat(str(value)),
    "text": lambda value: str(value) or None,
}


def _slackened(limit: Any, comparison: str) -> Any:
    if not isinstance(limit, dt.datetime) or limit.tzinfo is not None:
        return limit
    limit = limit.replace(tzinfo=dt.UTC)
    return limit - _ZONE_SLACK if comparison.startswith(">") else limit + _ZONE_SLACK
