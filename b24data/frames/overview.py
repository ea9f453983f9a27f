"""The fields of a list as a table to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from b24data.fields.dictionaries import CodeLabels
from b24data.fields.fields import Field
from b24data.frames.schema import Column, build_schema

if TYPE_CHECKING:
    import pandas as pd


def columns_of(fields: Mapping[str, Field], id_code: str | None) -> list[Column]:
    """The column of each field, in their order; of a money field the one with the amount."""
    columns = build_schema(fields, list(fields), id_code=id_code).columns
    return [column for column in columns if column.kind != "currency"]


def fields_frame(columns: list[Column], labels_of: Callable[[Column], CodeLabels | None]) -> pd.DataFrame:
    """One row a field: code, title, type, arrow, multiple, required, read_only, values.

    ``values`` is a dict from code to word, empty where any value may stand.
    """
    import pandas as pd

    fields = [column.field or Field(column.wire, column.wire) for column in columns]
    texts = {
        "code": [one.code for one in fields],
        "title": [one.title for one in fields],
        "type": [one.type for one in fields],
        "arrow": [str(column.arrow) for column in columns],
    }
    flags = {name: [getattr(one, name) for one in fields] for name in ("multiple", "required", "read_only")}
    words = [{code: word for code, word in (labels_of(c) or {}).items() if word is not None} for c in columns]
    return pd.DataFrame(
        {
            **{name: pd.array(values, "string") for name, values in texts.items()},
            **{name: pd.array(values, "boolean") for name, values in flags.items()},
            "values": pd.Series(words, dtype=object),
        }
    )
