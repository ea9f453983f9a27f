"""Frames of the caller, which are tables of a query by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from b24data.crm.views import view_statements
from b24data.errors import ConfigError
from b24data.sql.statement import Statement
from b24data.syntax.references import value_kind


def frames_by_name(tables: Any) -> dict[str, pa.Table]:
    """``tables`` by the names that SQL has for them."""
    if tables is not None and not isinstance(tables, Mapping):
        raise ConfigError(f"tables is a {type(tables).__name__}", hint='write tables={"plan": frame}')
    given = {str(name).lower(): arrow_of(name, rows) for name, rows in (tables or {}).items()}
    if len(given) < len(tables or {}):
        raise ConfigError("two names in tables differ in capitals alone, and are one name in SQL", hint="rename one")
    return given


def arrow_of(name: str, rows: Any) -> pa.Table:
    """A frame of the caller's as a table of Arrow."""
    if isinstance(rows, pa.Table):
        return rows
    try:
        if type(rows).__module__.partition(".")[0] == "pandas":
            return pa.Table.from_pandas(rows, preserve_index=False)
        if hasattr(rows, "__arrow_c_stream__") or isinstance(rows, Mapping):
            return pa.table(rows)
    except (AttributeError, TypeError, ValueError, pa.ArrowException) as error:
        first = str(error).splitlines()[0]
        raise ConfigError(f"{name} can't be read as a table: {first}", hint="give each column one type") from None
    raise ConfigError(f"{name} is not a table, but {value_kind(rows)}", hint="pass a DataFrame")


def frames_beside(statement: Statement, frames: Mapping[str, Any], taken: Callable[[str], bool]) -> dict[str, pa.Table]:
    """The frames that the query names: as it spells them, else the only one that differs in its case."""
    found = {}
    for place in statement.places:
        if place.name in found or taken(place.name):
            continue
        typed = place.node.name
        names = [typed] if typed in frames else [one for one in frames if one.lower() == place.name]
        if len(names) == 1:
            found[place.name] = arrow_of(names[0], frames[names[0]])
    return found


def check_own_names(statement: Statement, own: Sequence[str]) -> None:
    """Refuse a frame in the place of a table where the query uses a view: the view would be made of the frame."""
    views = [name for name in statement.names if name in view_statements()]
    if own and views:
        raise ConfigError(
            f"{own[0]} is a table of the folder, and the view {views[0]} may be made of it",
            hint="give your frame another name",
        )
