"""A list for a warehouse: what was changed since the last load, and the keys of what is gone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa

from b24data.client.connect import Client
from b24data.crm.tables import Table, sql_name
from b24data.engines.pieces import Key, Piece
from b24data.fetch.options import FetchOptions
from b24data.sync.clocks import Moment, earlier, jump_between, seconds_of
from b24data.sync.filters import LONG_AGO, changed_since
from b24data.sync.source import Source, check_synced
from b24data.sync.sync import check_gone, check_seen

Began = dict[str, Any]  # the two clocks when a run began, as JSON keeps them
_PLACE = "the destination"
Kept = Callable[[], set[Key]]  # gives the keys of the rows that are loaded, asked for when they are needed


def read_whole(client: Client, table: Table, kept: Kept, *, gentle: bool) -> Iterator[Piece]:
    """All rows, and then the keys of those that are loaded and did not come."""
    came: set[Key] = set()
    batches = client.tools.iter_batches(
        table.method, table.select, params=dict(table.params) or None, progress=False, gentle=gentle
    )
    with batches:
        for batch in batches:
            came |= _keys(table, batch)
            yield Piece(rows=batch)
    if gone := kept() - came:
        yield Piece(gone=sorted(gone))


def read_synced(
    client: Client,
    table: Table,
    kept: Kept,
    *,
    before: Sequence[Began],
    first: bool,
    since: str | None,
    deletes: Literal["scan"] | None,
    max_deletes: float | None,
    gentle: bool,
) -> Generator[Piece, None, Began]:
    """The rows that were changed since the earliest of the runs ``before``, all where there was none.

    ``first``: nothing of the table is loaded yet. After a table was added to those that are made of these rows, all are
    read again, and what the others have of them has to go first.
    It returns when it began. Ids that tell what is gone are read after the rows, as in :class:`Sync`.
    """
    conditions = {f">={table.created}": since} if since and table.created else {}
    asked = check_synced(table.method, table.cursor, table.select, conditions)
    options = FetchOptions(params=dict(table.params) or None, progress=False, gentle=gentle)
    source = Source(client.session, client.tools.fetcher, asked, options)
    now = source.now()
    changed = changed_since(asked, _since(before, now, table.overlap), conditions) if before else conditions
    came: set[Key] = set()
    with contextlib.closing(
        client.tools.fetcher.fetch(table.method, table.select, changed, options).batches()
    ) as batches:
        for batch in batches:
            came |= _keys(table, batch)
            yield Piece(rows=batch, first=first)
    if before and not came:
        _doubt_silence(source, kept())
    if deletes and not first:
        gone = _gone(source, kept() | came, max_deletes)
        if gone:
            yield Piece(gone=gone)
    return {"portal": now.portal, "local": now.local}


def _since(before: Sequence[Began], now: Moment, overlap: str) -> str:
    """The moment to ask from: earlier by the overlap, and by what a clock was moved."""
    moments = [Moment(portal=str(one["portal"]), local=float(one["local"])) for one in before]
    first = min(moments, key=lambda one: one.portal_s)
    return earlier(first.portal, seconds_of(overlap) + jump_between(first, now))


def _gone(source: Source, have: set[Key], max_deletes: float | None) -> list[Key]:
    listed, _ = source.ids(source.asked.filter)
    gone = sorted(have - {(int(one),) for one in listed})
    check_gone(source.asked, len(gone), len(have), _PLACE, max_deletes)
    return gone


def _doubt_silence(source: Source, have: set[Key]) -> None:
    """An answer without changes counts if there are rows with older ones: else the portal understood something else."""
    if have:
        some, _ = source.ids(changed_since(source.asked, LONG_AGO, source.asked.filter), limit=1)
        check_seen(source.asked, len(some), len(have), _PLACE)


def _keys(table: Table, batch: pa.RecordBatch) -> set[Key]:
    names = {sql_name(name): place for place, name in enumerate(batch.schema.names)}
    return set(zip(*(batch.column(names[sql_name(name)]).to_pylist() for name in table.key), strict=True))
