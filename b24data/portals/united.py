"""Tables of many portals as one: their columns together, each of a type that holds them all. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from b24data.fields.kinds import EXACT
from b24data.frames.sinks import recast, united

PORTAL = "PORTAL"
_MOST_NAMED = 5


def united_tables(tables: Mapping[str, pa.Table]) -> tuple[pa.Table, dict[str, str]]:
    """All rows with the portal's name in the first column, and what differs between the portals, by column.

    A column that some portals do not have is null in their rows. One whose type differs takes the type that holds the
    values of all, as within a list; a portal without a value in it has no say.

    >>> acme, beta = pa.table({"ID": [1], "N": [1.5]}), pa.table({"ID": [7], "N": [2], "UF_X": ["a"]})
    >>> table, differing = united_tables({"acme": acme, "beta": beta})
    >>> table.to_pydict()
    {'PORTAL': ['acme', 'beta'], 'ID': [1, 7], 'N': [1.5, 2.0], 'UF_X': [None, 'a']}
    >>> differing
    {'N': 'double at acme, int64 at beta; double here', 'UF_X': 'only at beta'}
    """
    tables = {name: _without_ours(table) for name, table in tables.items()}
    schema = _schema(list(tables.values()))
    batches = []
    whole = pa.schema([pa.field(PORTAL, pa.string()), *schema])
    for name, table in tables.items():
        silent = _silent(table)
        for batch in table.combine_chunks().to_batches():
            columns = _recast(batch, schema, silent)
            portal = pa.repeat(pa.scalar(name, pa.string()), batch.num_rows)
            batches.append(pa.RecordBatch.from_arrays([portal, *columns], schema=whole))
    return pa.Table.from_batches(batches, whole), _differences(tables, schema)


def _differences(tables: Mapping[str, pa.Table], schema: pa.Schema) -> dict[str, str]:
    """The columns that not all portals have, or not of one type, each with a sentence."""
    found = {}
    for field in schema:
        have = [name for name, table in tables.items() if field.name in table.column_names]
        lack = [name for name in tables if name not in have]
        said = []
        if lack:
            said.append(f"only at {_listed(have)}" if len(have) <= len(lack) else f"not at {_listed(lack)}")
        types: dict[str, list[str]] = {}
        for name in have:
            own = tables[name].schema.field(field.name)
            if _speaks(tables[name], own):
                types.setdefault(str(own.type), []).append(name)
        if len(types) > 1:
            said += [", ".join(f"{type_} at {_listed(names)}" for type_, names in types.items()), f"{field.type} here"]
        if said:
            found[field.name] = "; ".join(said)
    return found


def _schema(tables: list[pa.Table]) -> pa.Schema:
    """The columns of all, in the order in which they come."""
    names = dict.fromkeys(name for table in tables for name in table.column_names)
    spoken = pa.schema([])
    for table in tables:
        spoken = united(spoken, pa.schema([field for field in table.schema if _speaks(table, field)]))
    for table in tables:  # without any value, the first type is used
        spoken = united(spoken, pa.schema([field for field in table.schema if field.name not in spoken.names]))
    fields = [spoken.field(name) for name in names]
    return pa.schema([_exact(field, tables) for field in fields])


def _speaks(table: pa.Table, field: pa.Field) -> bool:
    return bool(table.num_rows and table.column(field.name).null_count < table.num_rows)


def _silent(table: pa.Table) -> frozenset[str]:
    return frozenset(field.name for field in table.schema if not _speaks(table, field))


def _exact(field: pa.Field, tables: list[pa.Table]) -> pa.Field:
    """Text, where whole numbers of one portal are too large for the fractions of another."""
    if not pa.types.is_floating(field.type):
        return field
    for table in tables:
        place = table.schema.get_field_index(field.name)
        if place >= 0 and pa.types.is_integer(table.schema.field(place).type):
            column = table.column(place)
            bounds: Any = pc.min_max(column).as_py()
            if column.null_count < table.num_rows and max(-bounds["min"], bounds["max"]) > EXACT:
                return field.with_type(pa.string())
    return field


def _recast(batch: pa.RecordBatch, schema: pa.Schema, silent: frozenset[str]) -> list[pa.Array]:
    names = [name for name in batch.schema.names if name not in silent]
    if not names:
        return [pa.nulls(batch.num_rows, field.type) for field in schema]
    return list(recast(batch.select(names), schema).columns)


def _without_ours(table: pa.Table) -> pa.Table:
    """The table with another name for a column of the portal that is called as ours."""
    names = table.column_names
    if PORTAL not in names:
        return table
    other = PORTAL
    while other in names:
        other += "_"
    return table.rename_columns([other if name == PORTAL else name for name in names])


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    shown = ", ".join(names[:_MOST_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown
