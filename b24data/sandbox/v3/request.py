"""The parts of a REST 3.0 request: select, filter, order and pagination, and the errors they can be.

Source: b24restdocs, api-reference/rest-v3.md and the pages of the methods.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from b24data.sandbox.errors import PortalError
from b24data.sandbox.filters import Condition, Group

_OPERATORS = {"=": "eq", "!=": "ne", ">": "gt", ">=": "ge", "<": "lt", "<=": "le", "in": "eq"}


class V3Error(PortalError):
    """An error of REST 3.0: ``{"error": {"code", "message", "validation"}}``."""

    def __init__(self, code: str, message: str, *, status: int = 400, validation: Sequence[Mapping[str, str]] = ()):
        super().__init__(status, code if code.islower() else f"BITRIX_REST_V3_EXCEPTION_{code}", message)
        self.validation = list(validation)

    def body(self) -> dict[str, Any]:
        """The documented JSON form (``_includes/error-info-v3.md``)."""
        facts: dict[str, Any] = {"code": self.code, "message": self.description}
        return {"error": facts | ({"validation": self.validation} if self.validation else {})}


def invalid(field: str, message: str) -> V3Error:
    """A parameter that is missing or of the wrong type."""
    return V3Error(
        "VALIDATION_REQUESTVALIDATIONEXCEPTION",
        "Error validating request object",
        validation=[{"message": message, "field": field}],
    )


@dataclass(frozen=True, slots=True)
class Fields:
    """What an object knows: its type's name, fields with their types, and what may be filtered and sorted by.

    ``related`` are the fields of related objects. ``default`` is returned without ``select``.
    """

    entity: str
    types: Mapping[str, str]
    filterable: Collection[str]
    sortable: Collection[str]
    related: Mapping[str, Sequence[str]]
    default: Sequence[str]


def read_select(given: Any, fields: Fields) -> tuple[str, ...]:
    """The fields to answer with: an unknown one of the object is dropped, one of a related object is an error."""
    if given is None or given == []:
        return tuple(fields.default)
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise V3Error("INVALIDSELECTEXCEPTION", f"Cannot recognize select expression `{json.dumps(given)}`")
    chosen = []
    for name in given:
        head, dot, inner = name.partition(".")
        if dot and inner not in fields.related.get(head, ()):
            raise V3Error("UNKNOWNDTOPROPERTYEXCEPTION", f"Unknown field `{inner}` for entity `{head.capitalize()}Dto`")
        if dot or name in fields.types:
            chosen.append(name)
    return tuple(dict.fromkeys(chosen))


def read_filter(given: Any, fields: Fields) -> Group:
    """The conditions of a filter: a list of ``[field, value]``, ``[field, operator, value]`` and groups."""
    if given is None:
        return Group()
    if not isinstance(given, list):
        raise _bad_filter(given)
    return Group(tuple(_part(part, fields) for part in given))


def _part(part: Any, fields: Fields) -> Condition | Group:
    if isinstance(part, Mapping):
        conditions = part.get("conditions")
        logic = part.get("logic", "and")
        if not isinstance(conditions, list) or logic not in ("and", "or"):
            raise _bad_filter(part)
        inner = tuple(_part(one, fields) for one in conditions)
        return Group(inner, any_of=logic == "or", negative=part.get("negative") is True)
    if not isinstance(part, list) or len(part) not in (2, 3) or not isinstance(part[0], str):
        raise _bad_filter(part)
    name, value = part[0], part[-1]
    operator = part[1] if len(part) == 3 else "in" if isinstance(value, list) else "="
    return _condition(name, operator, value, fields)


def _condition(name: str, operator: Any, value: Any, fields: Fields) -> Condition | Group:
    if name not in fields.types:
        raise V3Error("UNKNOWNDTOPROPERTYEXCEPTION", f"Unknown field `{name}` for entity `{fields.entity}`")
    if name not in fields.filterable:
        raise _bad_filter(name)
    if operator not in (*_OPERATORS, "between"):
        raise V3Error("UNKNOWNFILTEROPERATOREXCEPTION", f"Unknown filter operator `{operator}`")
    several = operator in ("in", "between")
    if several != isinstance(value, list) or (operator == "between" and len(value) != 2):
        raise _bad_filter([name, operator, value])
    values = tuple(_value(name, one, fields) for one in (value if several else [value]))
    if operator == "between":
        return Group((Condition(name, "ge", values[:1]), Condition(name, "le", values[1:])))
    return Condition(name, _OPERATORS[operator], values)


def _value(name: str, value: Any, fields: Fields) -> Any:
    kind = fields.types[name]
    fits = isinstance(value, str | int | float | bool | None)
    if kind == "int":
        fits = value is None or (isinstance(value, int) and not isinstance(value, bool)) or str(value).isdigit()
    if not fits:
        raise invalid(name, f"The field `{name}` requires data type `{kind}` for such a request")
    return "" if value is None else value


def _bad_filter(what: Any) -> V3Error:
    return V3Error("INVALIDFILTEREXCEPTION", f"Unable to recognize filter expression `{json.dumps(what)}`")


def read_order(given: Any, fields: Fields) -> tuple[tuple[str, bool], ...]:
    """Pairs of a field and whether it goes downwards."""
    if given is None or given == []:
        return ()
    order = given.items() if isinstance(given, Mapping) else [(given, None)]
    if any(name not in fields.sortable or str(way).upper() not in ("ASC", "DESC") for name, way in order):
        raise V3Error("INVALIDORDEREXCEPTION", f"Unable to recognize order expression `{json.dumps(given)}`")
    return tuple((str(name), str(way).upper() == "DESC") for name, way in order)


@dataclass(frozen=True, slots=True)
class Pagination:
    """``limit`` rows from ``offset`` on."""

    offset: int
    limit: int


def read_pagination(given: Any, *, default: int, most: int) -> Pagination:
    """``page``, ``limit`` and ``offset``; a limit beyond the maximum is cut down without a word."""
    if given is None or given == []:
        return Pagination(0, default)
    if not isinstance(given, Mapping):
        raise _bad_pagination(given)
    numbers = {name: _number(value, given) for name, value in given.items() if name in ("page", "limit", "offset")}
    limit = numbers.get("limit", default)
    if limit < 1 or min(numbers.values(), default=0) < 0:
        raise _bad_pagination(given)
    limit = min(limit, most)
    if "page" in numbers:
        return Pagination(max(numbers["page"] - 1, 0) * limit, limit)
    return Pagination(numbers.get("offset", 0), limit)


def _number(value: Any, given: Any) -> int:
    if isinstance(value, bool) or not (isinstance(value, int) or str(value).isdigit()):
        raise _bad_pagination(given)
    return int(value)


def _bad_pagination(given: Any) -> V3Error:
    return V3Error("INVALIDPAGINATIONEXCEPTION", f"Cannot recognize pagination parameter `{json.dumps(given)}`")
