"""A piece of a list as rows of the tables that are made of it. Pure but for product rows, which are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from b24data.crm.links import LINKS
from b24data.crm.tables import Table, sql_name
from b24data.frames.texts import texts_of
from b24data.lists.names import folded

Key = tuple[Any, ...]
DELETED = "deleted_on_portal"  # true in a row that tells dlt what to delete, and false in each row that is loaded


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a list, or keys of rows that are gone. ``first``: nothing was loaded before."""

    rows: pa.RecordBatch | None = None
    gone: list[Key] = field(default_factory=list)
    first: bool = False


def plain_pieces(table: Table, piece: Piece) -> Iterator[pa.Table]:
    """The rows themselves.

    >>> piece = Piece(rows=pa.record_batch({"ID": [7], "TITLE": ["A"], "UF_X": [["a", "b"]]}))
    >>> table = Table("tasks", "synced", "tasks", ("ID",))
    >>> next(plain_pieces(table, piece)).to_pylist()
    [{'id': 7, 'title': 'A', 'uf_x': '["a","b"]', 'deleted_on_portal': False}]
    """
    key = tuple(sql_name(name) for name in table.key)
    if piece.rows is not None:
        yield _marked(_plain(piece.rows), key, deleted=False)
    if piece.gone:
        kinds = [pa.string() if isinstance(value, str) else pa.int64() for value in piece.gone[0]]
        columns = [pa.array(cells, kind) for cells, kind in zip(zip(*piece.gone, strict=True), kinds, strict=True)]
        yield _marked(pa.table(columns, names=list(key)), key, deleted=True)


def linked_pieces(table: Table, piece: Piece) -> Iterator[pa.Table]:
    """The links in the rows. Those that their owner had before are deleted: dlt deletes by the owner's id."""
    link = LINKS[table.name]
    if piece.rows is not None:
        owners = piece.rows.column(piece.rows.schema.names.index(link.columns_in(piece.rows.schema.names)[0]))
        if not piece.first:
            yield _owners(table, owners.to_pylist())
        yield _marked(pa.Table.from_batches([link.batch(piece.rows)]), table.key, deleted=False)
    if piece.gone:
        yield _owners(table, [key[0] for key in piece.gone])


def owned_pieces(table: Table, piece: Piece, tools: Any, *, gentle: bool) -> Iterator[pa.Table]:
    """The rows that belong to the rows: they are asked for by the ids of their owners, and replace those of before."""
    assert table.owners is not None  # noqa: S101  what "owned" means
    owner = sql_name(table.owners.key.lstrip("=@"))
    ids = [key[0] for key in piece.gone]
    if piece.rows is not None:
        ids = [int(one) for one in piece.rows.column("id").to_pylist()]
    if ids and not piece.first:
        marks = pa.table({"id": [-one for one in ids], owner: ids})  # no row has such an id
        yield _marked(marks, ("id", owner), deleted=True)
    if piece.rows is not None and ids:
        frame = tools.fetch_by(
            table.method,
            table.owners.key,
            ids,
            table.select,
            {table.owners.type_key: table.owners.type_value},
            dtype_backend="pyarrow",
            progress=False,
            gentle=gentle,
        )
        rows = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        if rows.num_rows:
            yield _marked(_plain(rows), ("id", owner), deleted=False)


def _owners(table: Table, ids: list[int]) -> pa.Table:
    """Rows that are deleted again, with the ids of the owners; the rest of their keys is 0, which no link has."""
    columns = {name: ids if name == table.key[0] else [0] * len(ids) for name in table.key}
    return _marked(pa.table(columns), table.key, deleted=True)


def _plain(rows: pa.RecordBatch | pa.Table) -> pa.Table:
    """The rows with names and types that every database has: a list or a struct is JSON."""
    columns, names = [], []
    for place, column in enumerate(rows.schema):
        values = rows.column(place)
        if pa.types.is_nested(column.type):
            chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
            values = pa.chunked_array([texts_of(chunk, "") for chunk in chunks], pa.string())
        elif pa.types.is_dictionary(column.type):
            values = values.cast(pa.string())
        names.append(sql_name(column.name))
        columns.append(values)
    return pa.table(columns, names=names)


def _marked(rows: pa.Table, key: tuple[str, ...], *, deleted: bool) -> pa.Table:
    """The rows with the column that tells whether they are deleted. A key is never null."""
    marked = rows.append_column(DELETED, pa.array([deleted] * rows.num_rows, pa.bool_()))
    never_null = {folded(name) for name in (*key, DELETED)}
    fields = [one.with_nullable(folded(one.name) not in never_null) for one in marked.schema]
    return marked.cast(pa.schema([one.remove_metadata() for one in fields]))
