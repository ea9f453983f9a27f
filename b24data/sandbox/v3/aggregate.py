"""``*.aggregate`` of REST 3.0: figures over the rows that a filter leaves.

No page of b24restdocs has it. The form is the one that the official JS SDK sends and reads, where it counts as
experimental: ``select`` is ``{function: [field, ...]}`` or ``{function: {field: alias}}``, and the figures stand one
level deeper than other answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from b24data.sandbox.v3.request import Fields, V3Error

_FUNCTIONS: Mapping[str, Callable[[list[Any]], Any]] = {
    "count": len,
    "countDistinct": lambda values: len(set(map(str, values))),
    "sum": lambda values: sum(map(_number, values)),
    "avg": lambda values: sum(map(_number, values)) / len(values) if values else None,
    "min": lambda values: min(values, key=_ranked, default=None),
    "max": lambda values: max(values, key=_ranked, default=None),
}


def asked_fields(select: Any, fields: Fields) -> dict[str, dict[str, str]]:
    """The field of each figure and its name in the answer, by function; raises what the portal would answer."""
    if not isinstance(select, Mapping) or not select:
        raise V3Error("INVALIDSELECTEXCEPTION", "Cannot recognize select expression")
    asked: dict[str, dict[str, str]] = {}
    for function, given in select.items():
        if function not in _FUNCTIONS or isinstance(given, str) or not isinstance(given, Sequence | Mapping):
            raise V3Error("INVALIDSELECTEXCEPTION", f"Cannot recognize select expression `{function}`")
        named = {str(name): str(alias) for name, alias in given.items()} if isinstance(given, Mapping) else None
        asked[function] = named if named is not None else {str(name): str(name) for name in given}
        for name in asked[function]:
            if name not in fields.types:
                raise V3Error("UNKNOWNDTOPROPERTYEXCEPTION", f"Unknown field `{name}` for entity `{fields.entity}`")
    return asked


def figures(asked: Mapping[str, Mapping[str, str]], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures by function and name; what is not filled in is left out of all of them.

    >>> figures({"count": {"id": "id"}, "sum": {"id": "total"}}, [{"id": 2}, {"id": 5}, {"id": None}])
    {'count': {'id': 2}, 'sum': {'total': 7}}
    """
    return {
        function: {
            alias: _FUNCTIONS[function]([row[name] for row in rows if row.get(name) not in (None, "")])
            for name, alias in names.items()
        }
        for function, names in asked.items()
    }


def _number(value: Any) -> Any:
    return value if isinstance(value, int | float) else 0


def _ranked(value: Any) -> Any:
    return (0, value, "") if isinstance(value, int | float) else (1, 0, str(value))
