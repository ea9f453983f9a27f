"""``%%b24 sql``: the variables of the notebook as parameters and tables of a query. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from b24data.errors import ConfigError
from b24data.jupyter.namespace import Names
from b24data.lists.names import near_names
from b24data.syntax.references import value_kind

# A text, a name in quotation marks, a comment: what they contain is not a name, except for the quoted one.
_APART = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|(\w*\$\w*\$).*?\1", re.DOTALL)
_PLAIN = (
    *(str, int, float, Decimal, UUID, dt.date, dt.time, dt.timedelta, bytes),
    *(list, tuple, set, frozenset, range),
)


class Parameters(Mapping[str, Any]):
    """The values of ``$name`` in a query: variables, as Python would see them. Their values never become text of it."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def __contains__(self, name: object) -> bool:
        return True  # the value says what is wrong, in a notebook's syntax

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            near = near_names(name, [one for one in self._names if one[:1] != "_"], 1)
            raise ConfigError(
                f"there is no variable {name!r}", hint=f"did you mean ${near[0]}?" if near else f"set {name} = ..."
            )
        value = self._names[name]
        if not _is_bindable(value):
            raise ConfigError(
                f"${name} is {value_kind(value)}", hint="a parameter is a value or a list of values; set it to one"
            )
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _is_bindable(value: Any) -> bool:
    if value is None or isinstance(value, _PLAIN):
        return True
    listed = any(hasattr(value, name) for name in ("tolist", "to_list", "to_pylist", "as_py"))
    return listed and getattr(value, "ndim", 1) < 2


def frames_in(names: Names) -> dict[str, Any]:
    """The variables that are tables: DataFrames of pandas and polars, tables of pyarrow."""
    return {name: value for name, value in names.items() if name[:1] != "_" and _is_table(value)}


def _is_table(value: Any) -> bool:
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    return library in ("pandas", "polars", "pyarrow") and kind.__name__ in ("DataFrame", "Table")


def words_in(query: str) -> set[str]:
    """Every word of a query that may be the name of a variable: a parameter, or a frame.

    >>> sorted(words_in("select 'no' from plan where id > $least -- nor this"))
    ['from', 'id', 'least', 'plan', 'select', 'where']
    """
    return {word for word in re.findall(r"\w+", _APART.sub(" ", query)) if word.isidentifier()}
