"""A query over a portal: its tables are described, estimated, read and handed to the engine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from b24data.crm.open import open_snapshot
from b24data.crm.snapshot import snapshot_of, sql_names
from b24data.errors import ConfigError, SdkError
from b24data.fields.descriptions import Described, field_types
from b24data.frames.schema import build_schema
from b24data.frames.sinks import frame_of
from b24data.lists.conditions import each_condition, split_filter_key
from b24data.lists.estimate import Estimate
from b24data.lists.methods import spec_of
from b24data.lists.plan import ListPlan, make_plan, settled
from b24data.sql.conditions import Sent, SqlColumn, certain
from b24data.sql.engine import LIMITS, Engine
from b24data.sql.frames import check_own_names, frames_beside, frames_by_name
from b24data.sql.names import SHORT_NAMES, Listed, is_list_name, list_of, unknown_table
from b24data.sql.pushdown import Columns, Link, Need, needs_of
from b24data.sql.report import SqlPlan, TablePlan
from b24data.sql.statement import Statement, read_statement
from b24data.text.hints import option

if TYPE_CHECKING:
    import pandas as pd

    from b24data.frames.pandas_types import DtypeBackend

_MOST_ROWS = 50_000
_A_REQUEST = 2_500
_FEWER = 20  # ids are sent if the list has this many times more rows
_MOST_IDS = 20_000
_MORE = 20  # times the rows are read if the first ones were too few


class Lists(Protocol):
    """What a query asks of a portal: ``b24.tools``."""

    def described(self, method: str, params: Mapping[str, Any]) -> Described:
        """The fields of a list."""

    @property
    def estimate(self) -> Callable[..., Estimate]:
        """About how many rows a list has."""

    @property
    def fetch_table(self) -> Callable[..., pa.Table]:
        """A whole list as a table."""

    @property
    def fetch_by(self) -> Callable[..., Any]:
        """The rows of some ids, as a frame."""


def run_sql(
    lists: Callable[[], Lists],
    query: str,
    params: Mapping[str, Any] | None = None,
    *,
    crm: str | os.PathLike[str] | None = None,
    tables: Mapping[str, Any] | None = None,
    frames: Mapping[str, Any] | None = None,
    everything: bool = False,
    explain: bool = False,
    dtype_backend: DtypeBackend = "numpy_nullable",
) -> pd.DataFrame | SqlPlan:
    """The answer to one SELECT; see ``b24.sql``. ``lists`` gives the portal, and is not called where none is asked.

    ``tables`` come before the tables of the portal or the folder, ``frames`` behind them: there only names that mean
    nothing else are looked up. ``dtype_backend`` is that of ``fetch_all``.
    """
    statement = read_statement(query, params)
    given = frames_by_name(tables)
    if crm is not None:
        return _over_folder(statement, crm, given, frames or {}, explain=explain, backend=dtype_backend)
    given |= frames_beside(statement, frames or {}, lambda name: name in given or is_list_name(name))
    if statement.kind == "show":
        return _shown({**given, **(frames or {})})
    wanted = {name: list_of(name, {*given, *(frames or {})}) for name in statement.names if name not in given}
    with Engine() as engine:
        for name, rows in given.items():
            engine.add(name, rows)
        if not wanted:
            return SqlPlan(()) if explain else _answer(engine.run(statement), dtype_backend)
        portal = lists()
        found = [_described(portal, name, listed) for name, listed in wanted.items()]
        for one in found:
            if one.schema is not None:
                engine.add(one.name, one.schema)
            elif statement.kind == "describe":
                raise ConfigError(f"nothing describes {one.name}", hint=f"the rows of {one.name} show its columns")
        if all(one.schema is not None for one in found):
            engine.check(statement)
        if statement.kind == "describe":
            return _answer(engine.run(statement), dtype_backend)
        query_of_portal = _Reading(portal, {one.name: one for one in found})
        query_of_portal.plan(statement, engine)
        query_of_portal.estimate(explain=explain, everything=everything)
        if explain:
            return SqlPlan(tuple(one.planned() for one in found))
        answer = query_of_portal.answer(statement, engine)
        return _answer(answer, dtype_backend, [(one.name, one.told()) for one in found])


@dataclass(slots=True)
class _Table:
    """One list of the portal in a query. ``schema`` and ``columns`` are None where nothing describes the fields."""

    name: str
    listed: Listed
    described: Described
    columns: Columns | None = None
    schema: pa.Schema | None = None
    names: Sequence[str] = ()  # of the columns as they are read
    need: Need = field(default_factory=lambda: Need(None))
    estimate: Estimate | None = None
    link: Link | None = None
    rows: int = 0
    requests: int = 0
    seconds: float = 0.0
    complete: bool = True  # the portal has no more rows of these conditions

    @property
    def select(self) -> list[str] | None:
        """The fields to ask for."""
        if self.columns is None:
            return None
        names = list(self.columns) if self.need.columns is None else self.need.columns
        return list(dict.fromkeys(self.columns[name].code for name in names))

    @property
    def sent(self) -> list[str]:
        """The conditions that go to the portal."""
        told = [f"{key} {value}" for key, value in self.need.filter.items()]
        if self.link:
            told.append(f"ids in {self.link.other}.{self.link.column}")
        return told + ([f"the first {self.need.first.rows:,} rows"] if self.need.first else [])

    def lacks_rows(self, answered: int) -> bool:
        """Whether an answer of this many rows may lack some: not all rows that were read meet the conditions.

        A portal that ignores a condition sends other rows among the first ones, and gives no sign of it.
        """
        first = self.need.first
        return first is not None and not self.complete and answered < first.wanted

    def told(self) -> dict[str, Any]:
        """What was read, as ``df.attrs["b24data"]`` has it."""
        return {
            "method": self.listed.method,
            "rows": self.rows,
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
            "sent": self.sent,
            "left": self.need.left,
        }

    def planned(self) -> TablePlan:
        """What is going to be read."""
        return TablePlan(
            table=self.name,
            method=self.listed.method,
            columns=self.need.columns,
            sent=self.sent,
            left=self.need.left,
            estimate=self.estimate,
        )


def _described(portal: Lists, name: str, listed: Listed) -> _Table:
    spec = spec_of(listed.method)
    described = portal.described(listed.method, listed.params)
    table = _Table(name, listed, described)
    if not described.fields:
        return table
    columns = build_schema(described.fields, list(described.fields), id_code=spec.id_asked).columns
    kinds = {one.code: one for one in field_types(described).fields}
    names = dict(zip(sql_names(c.name for c in columns), columns, strict=True))
    known = {}
    for plain, column in names.items():
        code = column.field.code if column.field else column.name
        kind = kinds[code].kind if code in kinds and column.kind != "currency" else ""
        if kind in ("code", "text") and not _is_text(column.arrow):
            kind = ""  # "2500.5|EUR" shown as 2500.5: the portal compares the text that it stores
        is_id = kind == "int" and code.lower() == str(spec.id_asked).lower()
        known[plain] = SqlColumn(plain, code, kind, column.many, is_id)
    table.columns, table.names = known, [column.name for column in columns]
    table.schema = pa.schema([(plain, column.arrow) for plain, column in names.items()])
    return table


def _is_text(kind: pa.DataType) -> bool:
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(values) or pa.types.is_large_string(values))


@dataclass(slots=True)
class _Reading:
    """The tables of one query, planned, estimated and read."""

    portal: Lists
    tables: dict[str, _Table]

    def plan(self, statement: Statement, engine: Engine) -> None:
        """Decide what goes to the portal."""
        columns = {name: one.columns for name, one in self.tables.items()}
        needs = needs_of(statement, columns, lambda node: engine.constant(node, statement.params))
        for name, one in self.tables.items():
            one.need = needs[name]
            tried = [(sent, self._taken(one, sent)) for sent in one.need.sent]
            one.need.sent = [taken for _, taken in tried if taken]
            refused = [f"{sent.key} {sent.value}" for sent, taken in tried if taken is None]
            if refused or not self._takes(one, one.need.filter):
                one.need.sent, one.need.first = certain(one.need.sent, one.columns or {}), None
                one.need.left += refused
            if one.need.first and one.need.first.ordered and not self._is_by_id(one):
                one.need.first = None
            one.need.links = [link for link in one.need.links if self._takes(one, {f"@{self._id(one)}": [1]})]

    def _id(self, one: _Table) -> str:
        return str(spec_of(one.listed.method).id_asked)

    def _taken(self, one: _Table, sent: Sent) -> Sent | None:
        """The condition as the method takes it: equality under the plain name where its page has no comparisons."""
        ways = [sent, replace(sent, sign="")] if sent.sign == "=" else [sent]
        beside = self._required(one, sent)
        return next((way for way in ways if self._takes(one, {**beside, way.key: way.value})), None)

    def _required(self, one: _Table, sent: Sent) -> dict[str, Any]:
        """The other conditions without which the method refuses this one."""
        keys = [path.removeprefix("filter.") for path in spec_of(one.listed.method).required if "filter." in path]
        codes = {split_filter_key(key)[1]: key for key in keys}
        given = [other for other in one.need.sent if other.code in codes and other.sign in ("=", "@")]
        return {codes[other.code]: other.value for other in given if other.code != sent.code}

    def _takes(self, one: _Table, conditions: Mapping[str, Any]) -> bool:
        """Whether the method has such conditions, and they mean there what they mean in SQL.

        A name of a filter may mean another field, such as STATUS of tasks; and what the method's page does not say,
        the portal may read in a way that finds fewer rows.
        """
        plan = self._planned(one, conditions)
        if plan is None:
            return False
        columns = {column.code: column for column in (one.columns or {}).values()}
        for condition in each_condition(plan.conditions):
            column = columns.get(condition.field)
            if column is None or condition.unsure or split_filter_key(condition.key)[1] != condition.field:
                return False
            if condition.why and column.kind != "text":  # texts are compared more loosely than SQL does
                return False
            if column.is_id and plan.spec.cursor == "cursor":  # the portal refuses one on the field of its cursor
                return False
        return True

    def _is_by_id(self, one: _Table) -> bool:
        """Whether the list is read by its ids, so that the order of its rows is proven."""
        plan = self._planned(one, one.need.filter)
        return plan is not None and plan.walk == "keyset"

    def _planned(self, one: _Table, conditions: Mapping[str, Any]) -> ListPlan | None:
        """How the list would be read with such conditions; None: the method does not have them."""
        try:
            plan = make_plan(spec_of(one.listed.method), filter=dict(conditions), params=one.listed.params)
            return settled(plan, field_types(one.described))
        except SdkError:
            return None

    def estimate(self, *, explain: bool, everything: bool) -> None:
        """Refuse a query that reads a long list as a whole; find the tables that are read by ids."""
        for one in self.tables.values():
            free = not one.need.sent and one.need.first is None
            if explain or (free and not (everything and not one.need.links)):
                self._estimate(one)
            about = one.estimate
            if not free or about is None or about.rows <= _A_REQUEST:
                continue
            one.link = next((link for link in one.need.links if self._is_small(link, one, about)), None)
            if one.link:
                continue
            if about.rows > _MOST_ROWS and not everything and not explain:
                raise ConfigError(
                    f"the query reads all of {one.name}: about {about.rows:,} rows in {about.requests:,} requests",
                    hint=f"add a condition, such as WHERE {self._example(one)}; {option('all', True)} reads them all",
                )

    def _estimate(self, one: _Table) -> Estimate:
        if one.estimate is None:
            limit = one.need.first.rows if one.need.first else None
            one.estimate = self.portal.estimate(
                one.listed.method, one.need.filter or None, params=dict(one.listed.params), limit=limit
            )
        return one.estimate

    def _sources(self, one: _Table) -> list[_Table]:
        """The table and those that are read before it, as its ids stand in them."""
        found = [one]
        while link := found[-1].link:
            found.append(self.tables[link.other])
        return found

    def _is_small(self, link: Link, one: _Table, about: Estimate) -> bool:
        """Whether the other side of a join has few ids beside the rows of this list."""
        other = self.tables[link.other]
        if one in self._sources(other):
            return False
        rows = self._estimate(other).rows
        return rows <= _MOST_IDS and rows * _FEWER <= about.rows

    def _example(self, one: _Table) -> str:
        known = (one.columns or {}).values()
        times = [column.name for column in known if column.kind in ("instant", "day")]
        ids = [column.name for column in known if column.is_id]
        made = [name for name in times if "creat" in name or "start" in name] or times
        return f"{made[0]} >= '2026-01-01'" if made else f"{(ids or ['id'])[0]} > 1000"

    def answer(self, statement: Statement, engine: Engine) -> pa.Table:
        """Read all tables and run the query, again with more rows where it may lack some."""
        tables = sorted(self.tables.values(), key=lambda one: len(self._sources(one)))
        for one in tables:
            self.read(one, engine)
        answer = engine.run(statement)
        for one in tables:
            while one.lacks_rows(answer.num_rows):
                self.read_more(one, engine)
                answer = engine.run(statement)
        return answer

    def read(self, one: _Table, engine: Engine) -> None:
        """Read a table into the engine."""
        asked: dict[str, Any] = {"params": dict(one.listed.params), "recheck": False}
        if one.link:
            ids = engine.values(one.link.other, one.link.column)
            frame = self.portal.fetch_by(
                one.listed.method, f"@{self._id(one)}", ids, one.select, dtype_backend="pyarrow", **asked
            )
            rows, report = pa.Table.from_pandas(frame, preserve_index=False), frame.attrs["b24data"]
        else:
            rows, report = self._rows(one, asked)
            if one.need.first and one.need.first.ordered and report["walk"] != "keyset":
                one.need.first = None  # the portal ignores the order or the bounds of ids
                one.requests += report["requests"]
                one.seconds += report["seconds"]
                rows, report = self._rows(one, asked)
        engine.add(one.name, _renamed(rows, one))
        one.rows, one.complete = rows.num_rows, report["complete"]
        one.requests += report["requests"]
        one.seconds += report["seconds"]

    def read_more(self, one: _Table, engine: Engine) -> None:
        """Read a table again, with more of its rows."""
        first = one.need.first
        if first is not None:
            one.need.first = replace(first, rows=max(first.rows * _MORE, _A_REQUEST))
        self.read(one, engine)

    def _rows(self, one: _Table, asked: Mapping[str, Any]) -> tuple[pa.Table, dict[str, Any]]:
        """The rows and the report of one fetch."""
        limits: dict[str, Any] = {}
        if first := one.need.first:
            limits = {"limit": first.rows}
            limits |= {"order": {self._id(one): "DESC"}} if first.descending else {}
        rows = self.portal.fetch_table(one.listed.method, one.select, one.need.filter or None, **asked, **limits)
        return rows, json.loads(rows.schema.metadata[b"b24data.report"])


def _renamed(rows: pa.Table, one: _Table) -> pa.Table:
    """The rows under the names of SQL."""
    beside = [name for name in rows.column_names if name not in one.names]
    plain = {name: sql for sql, name in sql_names([*one.names, *beside]).items()}
    return rows.rename_columns([plain[name] for name in rows.column_names]).replace_schema_metadata(None)


def _answer(answer: pa.Table, backend: DtypeBackend, read: Sequence[tuple[str, dict[str, Any]]] = ()) -> pd.DataFrame:
    try:
        frame = frame_of(answer, backend)
    except (NotImplementedError, pa.ArrowException) as error:
        raise ConfigError(f"pandas has no column for it: {error}", hint="cast it, such as x::varchar") from error
    requests = sum(one["requests"] for _, one in read)
    frame.attrs["b24data"] = {"rows": len(frame), "requests": requests, "tables": dict(read)}
    return frame


def _over_folder(
    statement: Statement,
    crm: str | os.PathLike[str],
    given: dict[str, pa.Table],
    frames: Mapping[str, Any],
    *,
    explain: bool,
    backend: DtypeBackend,
) -> pd.DataFrame | SqlPlan:
    """The answer from the tables and views of a CRM folder: the portal is not asked."""
    with Engine(open_snapshot(snapshot_of(crm), **LIMITS)) as engine:
        there = engine.tables()
        given |= frames_beside(statement, frames, lambda name: name in given or name in there)
        check_own_names(statement, [name for name in given if name in there])
        for name, rows in given.items():
            engine.add(name, rows)
        unknown = [name for name in statement.names if name not in {*there, *given}]
        if unknown:
            raise unknown_table(unknown[0], {*there, *given})
        if statement.kind == "show":
            return _names_frame([(name, "") for name in sorted({*there, *given})])
        for name in statement.names:
            if name in there:
                engine.columns[name] = there[name]
        engine.check(statement)
        return SqlPlan(()) if explain else _answer(engine.run(statement), backend)


def _shown(given: Mapping[str, pa.Table]) -> pd.DataFrame:
    """The names of tables with their meaning."""
    rows = [(name, "a frame of the caller's") for name in given]
    rows += [(name, f"{one.meaning} ({one.method})") for name, one in sorted(SHORT_NAMES.items())]
    return _names_frame([*rows, ("smart_N", "the smart process of the type N (crm.item.list)")])


def _names_frame(rows: Sequence[tuple[str, str]]) -> pd.DataFrame:
    names, meanings = zip(*rows, strict=True) if rows else ((), ())
    return frame_of(pa.table({"name": pa.array(names, pa.string()), "meaning": pa.array(meanings, pa.string())}))
