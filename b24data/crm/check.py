"""``check_crm``: what does not fit together in the tables of a CRM folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from b24data.crm.open import open_snapshot
from b24data.crm.snapshot import quoted, snapshot_of

if TYPE_CHECKING:
    import duckdb

_EXAMPLES = 5
_CENT = 0.01


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of one table: how many rows it found, and the keys of up to five of them.

    ``is_fault``: the tables contradict each other. An orphan is none: rights may hide the row that it refers to.
    """

    table: str
    what: str
    rows: int
    examples: tuple[str, ...] = ()
    is_fault: bool = True


@dataclass(frozen=True, slots=True)
class CrmCheck:
    """All findings; those that found nothing are left out."""

    tables: int
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Whether there is no fault; orphans are none."""
        return not any(one.is_fault for one in self.findings)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What is shown of each finding; a note where rights may be the reason."""
        return [
            {
                "table": one.table,
                "finding": one.what,
                "rows": one.rows,
                "note": "" if one.is_fault else "missing rights may hide them",
                "examples": "; ".join(one.examples),
            }
            for one in self.findings
        ]


def check_crm(path: str | os.PathLike[str]) -> CrmCheck:
    """Look for doubled keys, orphans, sums that differ, and unknown stages, in the files alone.

    >>> import tempfile
    >>> from b24data import Sandbox
    >>> with Sandbox(deals=60) as portal, tempfile.TemporaryDirectory() as folder:
    ...     _ = portal.connect().tools.sync_crm(f"{folder}/crm", tables=["deals", "statuses"])
    ...     check_crm(f"{folder}/crm").good
    True
    """
    snapshot = snapshot_of(path)
    manifest = snapshot.manifest
    with open_snapshot(snapshot) as connection:
        there = {name: set(connection.table(name).columns) for name in manifest.tables}
        found: list[Finding] = []
        for name, facts in manifest.tables.items():
            if set(facts.key) <= there[name]:
                found += _doubled(connection, name, facts.key)
            for column, target in facts.refers.items():
                if column in there[name] and target in there:
                    found += _orphans(connection, name, facts.key, column, (target, manifest.tables[target].key[0]))
        if {"deals", "deal_products"} <= there.keys():
            found += _amounts(connection, manual="is_manual_opportunity" in there["deals"])
        if {"deals", "statuses"} <= there.keys():
            found += _stages(connection)
    return CrmCheck(len(there), tuple(found))


def _doubled(connection: duckdb.DuckDBPyConnection, name: str, key: tuple[str, ...]) -> Iterator[Finding]:
    columns = ", ".join(quoted(one) for one in key)
    query = f"select {columns} from {quoted(name)} group by {columns} having count(*) > 1 order by {columns}"  # noqa: S608
    yield from _finding(connection, query, name, "doubled key")


def _orphans(
    connection: duckdb.DuckDBPyConnection, name: str, key: tuple[str, ...], column: str, refers: tuple[str, str]
) -> Iterator[Finding]:
    target, other = refers
    columns = ", ".join(f"t.{quoted(one)}" for one in key)
    query = (
        f"select {columns}, t.{quoted(column)} from {quoted(name)} t"  # noqa: S608
        f" left join {quoted(target)} r on r.{quoted(other)} = t.{quoted(column)}"
        f" where t.{quoted(column)} <> 0 and r.{quoted(other)} is null order by {columns}"
    )
    yield from _finding(connection, query, name, f"{column} is not in {target}", is_fault=False)


def _amounts(connection: duckdb.DuckDBPyConnection, *, manual: bool) -> Iterator[Finding]:
    """The portal adds the product rows up, unless a user entered the amount by hand (``isManualOpportunity``)."""
    counted = " and not coalesce(d.is_manual_opportunity, false)" if manual else ""
    query = (
        "select d.id from deals d join deal_products p on p.owner_id = d.id"  # noqa: S608
        f" where d.opportunity is not null{counted} group by d.id, d.opportunity"
        f" having abs(sum(p.price * p.quantity) - d.opportunity) > {_CENT} order by d.id"
    )
    yield from _finding(connection, query, "deals", "product rows do not add up to the amount")


def _stages(connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    query = (
        "select d.id, d.stage_id from deals d left join stages s on s.of_table = 'deals' and s.stage_id = d.stage_id"
        " where d.stage_id is not null and s.stage_id is null order by d.id"
    )
    yield from _finding(connection, query, "deals", "unknown stage")


def _finding(
    connection: duckdb.DuckDBPyConnection, query: str, table: str, what: str, *, is_fault: bool = True
) -> Iterator[Finding]:
    [(count,)] = connection.sql(f"select count(*) from ({query})").fetchall()  # noqa: S608
    if count:
        rows: list[tuple[Any, ...]] = connection.sql(f"{query} limit {_EXAMPLES}").fetchall()
        yield Finding(table, what, count, tuple(", ".join(map(str, row)) for row in rows), is_fault)
