"""A schema that grows with its rows: columns that hold more, and new ones.

The result must not depend on which rows came in one batch, for threads cut a list as they please. So a guessed column
takes only values that have the same text before and after it widens (``"5"`` is an integer there, ``"5.00"`` is not),
and a column that only later rows have is judged by the JSON types of its values alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from b24data.fields.kinds import arrow_type
from b24data.frames.convert import from_values
from b24data.frames.guesses import is_nothing, is_slashed
from b24data.frames.parse import Misfit, Zones
from b24data.frames.schema import Column, Schema, make_columns


def grows(column: Column, misfits: Sequence[Misfit]) -> bool:
    """Whether the column becomes wider where values do not fit: a guess, or days that may be two days each."""
    days = column.guess == "day" and column.kind != "text"
    return column.widens or (days and any(is_slashed(misfit.text) for misfit in misfits))


def widened(
    schema: Schema, misfits: Collection[str], extra: Collection[str], rows: Sequence[Mapping[str, Any]]
) -> Schema:
    """The schema with columns that hold the rows' values where they did not fit, and with columns for ``extra`` keys.

    A number column becomes one of wider numbers or of text, any other one of text; ``rows`` are parsed. A key that
    nothing describes becomes a column with its first value. It is the same schema if nothing has changed.
    """
    columns = [
        _wider(column, schema, [row.get(column.wire) for row in rows]) if column.name in misfits else column
        for column in schema.columns
    ]
    taken = {column.name for column in columns}
    for wire in dict.fromkeys(key for row in rows for key in row if key in extra):
        values = [row[wire] for row in rows if wire in row]
        if wire not in schema.described and all(map(is_nothing, values)):
            continue
        name = schema.described[wire].code if wire in schema.described else wire
        name = wire if name in taken else name
        while name in taken:
            name += "_"
        columns += make_columns(schema, name, wire, values, taken=taken, later=True)
        taken |= {column.name for column in columns}
    return schema if tuple(columns) == schema.columns else replace(schema, columns=tuple(columns))


def _wider(column: Column, schema: Schema, values: Sequence[Any]) -> Column:
    if column.kind == "int" and column.guess in ("rows", "later"):
        fractions = replace(column, kind="float", arrow=arrow_type("float", many=column.many))
        if not from_values(fractions, values, Zones())[1]:
            return fractions
    # Of a type that was no guess, values are kept that have another text: "007" was 7 in earlier batches, and stays so.
    was = None if column.kind == "text" or column.guess in ("rows", "later", "id", "flag") else column.kind
    return replace(column, kind="text", was=was, arrow=arrow_type("text", many=column.many, tz=schema.tz))
