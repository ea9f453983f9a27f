"""``b24data.dlt``: the tables of a CRM as a dlt source, for the warehouses that dlt loads into (extra ``dlt``).

Each run asks for what was changed since the last one that was loaded, and merges it by the id. What dlt keeps of a run
is the portal's time at its beginning: dlt saves it with the data, so a run that fails leaves both as they were.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from b24data.client.connect import Client
from b24data.crm.sync import tables_of
from b24data.crm.tables import Table, sql_name
from b24data.engines.extractor import extractor, profiles_named
from b24data.engines.pieces import DELETED, Key, Piece, linked_pieces, owned_pieces, plain_pieces
from b24data.engines.reading import read_synced, read_whole
from b24data.errors import AccessDeniedError, ConfigError, MethodNotFoundError, extra
from b24data.sync.sync import check_deletes

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltSource

__all__ = ["bitrix24"]

_NAME = "bitrix24"
_LOGGER = logging.getLogger("b24data")


def bitrix24(
    profile: str,
    tables: Sequence[str] | None = None,
    *,
    since: str | None = None,
    deletes: Literal["scan"] | None = None,
    max_deletes: float | None = None,
    gentle: bool = True,
) -> DltSource:
    """A dlt source of one portal's CRM: ``pipeline.run(b24data.dlt.bitrix24("acme", tables=["deals"]))``.

    Each table merges by its key. Deals, contacts and other lists bring what was changed since the last run; their
    links and product rows come with them and replace those of the same owner. Short tables, such as users and stages,
    are read whole. Names of columns are those of ``tools.sync_crm``; a list in a cell is JSON. A pipeline is of one
    portal.

    :param tables: names of ``b24data crm tables``, with those that they are made of; None: all but those on request.
    :param since: only deals, leads and other records that were created since then.
    :param deletes: ``"scan"`` reads all ids, too, and deletes rows that are gone. None: they stay.
    :param max_deletes: how many rows of a table (500), or which share of them (0.2), may be gone; None: 5 %.
    :param gentle: leave half of the portal's request limit to other programs.
    :raises ConfigError: there is no such profile or table.

    While it runs no other engine reads the portal; a second one fails with ``ALREADY_RUNNING``.
    """
    with extra("dlt", "b24data.dlt"):
        import dlt
    check_deletes(deletes, max_deletes)
    (name,) = profiles_named([profile])
    extraction = _Extraction(name)
    with extraction.client() as client:
        wanted, _ = tables_of(client.tools, tables)
    asked = _Asked(since=since, deletes=deletes, max_deletes=max_deletes, gentle=gentle)

    def resources() -> list[Any]:
        found: list[Any] = []
        for table in wanted:
            if not table.needs:
                made = [table, *(other for other in wanted if table.name in other.needs)]
                found += _resources(extraction, made, asked)
        return found

    source: DltSource = dlt.source(resources, name=_NAME, max_table_nesting=0)()
    return source


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The options of a source."""

    since: str | None
    deletes: Literal["scan"] | None
    max_deletes: float | None
    gentle: bool


class _Extraction:
    """One client and one lease for all tables that are read at a time: dlt takes rows from them in turn."""

    def __init__(self, profile: str) -> None:
        self._profile = profile
        self._users = 0
        self._held = contextlib.ExitStack()
        self._client: Client | None = None

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        """The client, which is there until the last of those who want it is done."""
        if self._client is None:
            self._client = self._held.enter_context(extractor(self._profile))
        self._users += 1
        try:
            yield self._client
        finally:
            self._users -= 1
            if not self._users:
                self._client = None
                self._held.close()


def _resources(extraction: _Extraction, tables: list[Table], asked: _Asked) -> Iterator[Any]:
    """A list that is read once, and the tables that are made of it. Only these are loaded."""
    import dlt

    def rows() -> Iterator[Piece]:
        with extraction.client() as client:
            _check_owner(client)
            try:
                yield from _pieces(client, tables, asked)
            except (AccessDeniedError, MethodNotFoundError) as error:  # the rows of earlier runs stay
                _LOGGER.warning("%s is left as it is: %s", ", ".join(table.name for table in tables), error)

    lists: Any = dlt.resource(rows, name=f"{tables[0].name}_rows", selected=False)
    yield lists
    for table in tables:
        key = [sql_name(name) for name in table.key]
        owner = {"linked": key[:1], "owned": [sql_name(table.owners.key.lstrip("=@"))] if table.owners else []}
        transformer: Any = dlt.transformer
        yield transformer(
            _maker(extraction, table, asked),
            data_from=lists,
            name=table.name,
            write_disposition="merge",
            primary_key=key,
            merge_key=owner.get(table.kind),
            columns={DELETED: {"data_type": "bool", "hard_delete": True, "dedup_sort": "desc"}},
        )


def _maker(extraction: _Extraction, table: Table, asked: _Asked) -> Callable[[Piece], Iterator[pa.Table]]:
    def make(piece: Piece) -> Iterator[pa.Table]:
        if table.kind == "linked":
            yield from linked_pieces(table, piece)
        elif table.kind == "owned":
            with extraction.client() as client:
                yield from owned_pieces(table, piece, client.tools, gentle=asked.gentle)
        else:
            yield from plain_pieces(table, piece)

    return make


def _pieces(client: Client, tables: list[Table], asked: _Asked) -> Iterator[Piece]:
    import dlt

    states = [dlt.current.resource_state(table.name) for table in tables]
    table, kept = tables[0], functools.partial(_keys_in_destination, tables[0])
    if table.kind == "whole":
        yield from read_whole(client, table, kept, gentle=asked.gentle)
        return
    before = [state.get("began") for state in states if state.get("since") == asked.since]
    began = yield from read_synced(
        client,
        table,
        kept,
        # A table that was not read with the others, or was dropped, begins with the whole list.
        before=[one for one in before if one] if all(before) and len(before) == len(states) else [],
        first=not any(state.get("began") for state in states),
        since=asked.since,
        deletes=asked.deletes,
        max_deletes=asked.max_deletes,
        gentle=asked.gentle,
    )
    for state in states:
        state.update(began=began, since=asked.since)


def _keys_in_destination(table: Table) -> set[Key]:
    """The keys that are loaded."""
    import dlt
    from dlt.destinations.exceptions import DatabaseUndefinedRelation

    with dlt.current.pipeline().sql_client() as client:
        names = ", ".join(client.escape_column_name(sql_name(name)) for name in table.key)
        try:
            with client.execute_query(f"select {names} from {client.make_qualified_table_name(table.name)}") as cursor:  # noqa: S608
                return {tuple(row) for row in cursor.fetchall()}
        except DatabaseUndefinedRelation:
            return set()


def _check_owner(client: Client) -> None:
    """Two portals in one pipeline would merge rows that have the same ids."""
    import dlt

    state = dlt.current.source_state()
    caller = client.session.caller
    if state.setdefault("caller", caller) != caller:
        raise ConfigError(
            "this pipeline has the tables of another portal or user",
            hint="give each profile a pipeline_name and a dataset_name of its own",
        )
