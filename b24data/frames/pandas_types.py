"""What a column of Arrow becomes in pandas, and what a Parquet file tells pandas about it.

======================= ==================================== ================================================
Arrow                   ``numpy_nullable``                   ``pandas.read_parquet`` of a file
======================= ==================================== ================================================
int64, double, bool     Int64, Float64, boolean              the same
string                  string                               the same
timestamp[us, tz]       datetime64[us, tz]                   the same
date32                  datetime64[us], midnight, no zone    timestamp[us][pyarrow]: pandas knows no other way
dictionary<string>      category (in both backends)          the same
decimal128              ArrowDtype                           object: pandas does not read the names of these types
lists                   ArrowDtype                           object
======================= ==================================== ================================================
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd

DtypeBackend = Literal["numpy_nullable", "pyarrow"]


def array_of(column: pa.ChunkedArray, dtype_backend: DtypeBackend) -> Any:
    """The column as an array of pandas."""
    _let_pandas_read_lists()
    if pa.types.is_dictionary(column.type):  # Arrow's own kind of categories can't be sorted, grouped or merged
        return column.to_pandas().array
    if dtype_backend == "numpy_nullable":
        if pa.types.is_date32(column.type):  # in microseconds, which have room for the years 1 to 9999
            return column.cast(pa.timestamp("us")).to_pandas().array
        if pa.types.is_timestamp(column.type):
            return column.to_pandas().array
    return _dtype(column.type, dtype_backend).__from_arrow__(column)


@functools.cache
def _dtype(arrow: pa.DataType, dtype_backend: DtypeBackend) -> Any:
    import pandas as pd

    if dtype_backend == "numpy_nullable" and arrow in _NULLABLE:
        return pd.api.types.pandas_dtype(_NULLABLE[arrow])
    return pd.ArrowDtype(arrow)


_NULLABLE = {
    pa.int64(): "Int64",
    pa.float64(): "Float64",
    pa.bool_(): "boolean",
    pa.string(): "string[pyarrow]",
}


def pandas_metadata(schema: pa.Schema) -> dict[str, str]:
    """The metadata by which pandas gives the columns of a file the types of a frame.

    Its form: https://pandas.pydata.org/docs/development/developer.html

    >>> facts = json.loads(pandas_metadata(pa.schema([("ID", pa.int64())]))["pandas"])
    >>> facts["columns"][0]["numpy_type"]
    'Int64'
    """
    columns = [
        {"name": column.name, "field_name": column.name, **dict(_facts(column.type)), "metadata": _more(column.type)}
        for column in schema
    ]
    facts = {
        "index_columns": [],  # rows are numbered, in each part of a dataset from 0 on
        "column_indexes": [],
        "columns": columns,
        "creator": {"library": "b24data", "version": ""},
        "pandas_version": "2.2.0",
    }
    return {"pandas": json.dumps(facts, ensure_ascii=False)}


def _facts(arrow: pa.DataType) -> Iterator[tuple[str, str]]:
    if pa.types.is_timestamp(arrow):
        yield "pandas_type", "datetimetz"
        yield "numpy_type", "datetime64[us]"
        return
    if pa.types.is_dictionary(arrow):
        yield "pandas_type", "categorical"
        yield "numpy_type", "int32"
        return
    yield "pandas_type", _PANDAS_TYPES.get(arrow, "object")
    yield "numpy_type", "timestamp[us][pyarrow]" if pa.types.is_date32(arrow) else _NULLABLE.get(arrow, "object")


_PANDAS_TYPES = {
    pa.int64(): "int64",
    pa.float64(): "float64",
    pa.bool_(): "bool",
    pa.string(): "unicode",
    pa.date32(): "date",
}


def _more(arrow: pa.DataType) -> dict[str, Any] | None:
    if pa.types.is_dictionary(arrow):
        return {"num_categories": None, "ordered": False}
    return {"timezone": arrow.tz} if pa.types.is_timestamp(arrow) and arrow.tz else None


@functools.cache
def _let_pandas_read_lists() -> None:
    """Make pandas read files that it writes itself of frames with lists.

    It writes the name of such a type into the file, ``list<item: int64>[pyarrow]``, and raises TypeError when it reads
    the name: https://github.com/pandas-dev/pandas/issues/57411
    """
    import pandas as pd

    @pd.api.extensions.register_extension_dtype
    class NestedDtype(pd.api.extensions.ExtensionDtype):  # type: ignore[misc,unused-ignore]
        name = "nested[pyarrow]"
        type = list

        @classmethod
        def construct_from_string(cls, string: str) -> pd.ArrowDtype:
            if not isinstance(string, str) or not string.endswith(">[pyarrow]"):
                raise TypeError(f"{string!r} is not a list of pyarrow")
            return pd.ArrowDtype(_named(string.removesuffix("[pyarrow]")))


def _named(text: str) -> pa.DataType:
    """The Arrow type that prints like this; TypeError for one that has no such name.

    >>> _named("list<item: struct<ID: int64, VALUE: string>>")
    ListType(list<item: struct<ID: int64, VALUE: string>>)
    """
    match = re.fullmatch(r"(list|struct)<(.*)>", text)
    if match is None:
        try:
            return pa.type_for_alias(text)
        except ValueError as error:
            raise TypeError(f"{text!r} is not a type of pyarrow") from error
    parts = [pa.field(name, _named(inner)) for name, inner in _parts(match[2])]
    return pa.list_(parts[0]) if match[1] == "list" else pa.struct(parts)


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """``ID: int64, TAGS: list<item: string>`` by names; commas inside of a type do not part."""
    depth, start = 0, 0
    for place, letter in enumerate(f"{text},"):
        depth += {"<": 1, ">": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            name, _, inner = text[start:place].strip().partition(": ")
            yield name, inner
            start = place + 1
