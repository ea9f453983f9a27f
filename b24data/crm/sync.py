"""A run over a CRM: every table brought up to date, those that others refer to first, side by side where they may be.

A table that fails keeps its rows and does not stop the others. The next run resumes.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b24data.crm.folder import CrmFolder, Manifest, TableFacts
from b24data.crm.links import LINKS
from b24data.crm.report import CrmReport, TableReport
from b24data.crm.tables import TABLES, Owners, Table, check_tables, chosen, smart_tables, sql_name
from b24data.errors import (
    AccessDeniedError,
    AjaxError,
    AuthorizationRequiredError,
    ConfigError,
    ExportError,
    MethodNotFoundError,
    SdkError,
)
from b24data.files.disk import disk_error
from b24data.frames.memory import give_back, shared_memory
from b24data.frames.parquet import ParquetSink, batches_of, rows_of, schema_of
from b24data.http.clock import Clock
from b24data.http.context import CallContext, CancelledError
from b24data.http.session import Session
from b24data.lists.literals import read_value
from b24data.lists.pace import MOST_IN_FLIGHT
from b24data.progress import Meter, progress_for
from b24data.sync.dataset import DAMAGED_PART, is_damaged
from b24data.sync.merge import NO_IDS, Ids
from b24data.sync.report import SyncReport
from b24data.sync.state import DAMAGED_STATE, NO_STATE

_SIDE_BY_SIDE = 6
_WORKERS = MOST_IN_FLIGHT // _SIDE_BY_SIDE  # each: all tables together ask for no more at once than one list alone
_ROWS = "rows.parquet"
_FEW = 25  # rows that may be gone from any table
_NO_SUCH_TYPE = "NOT_FOUND"  # page crm.item.list: an entityTypeId that the portal does not have
# What is wrong with one table, and how it is then; any other error of a folder stops the run.
_ALONE: Mapping[str, Literal["no access", "failed"]] = {
    "NOTHING_TO_SEE": "no access",
    "TOO_MANY_DELETES": "no access",
    DAMAGED_PART: "failed",
    DAMAGED_STATE: "failed",
    NO_STATE: "failed",
}


class ListTools(Protocol):
    """The tools that read one list."""

    @property
    def sync(self) -> Callable[..., SyncReport]:
        """``tools.sync``."""

    @property
    def fetch_all(self) -> Callable[..., Any]:
        """``tools.fetch_all``."""

    @property
    def iter_batches(self) -> Callable[..., Any]:
        """``tools.iter_batches``."""

    @property
    def fetch_by(self) -> Callable[..., Any]:
        """``tools.fetch_by``."""


def check_since(since: str | None) -> None:
    """Raise :class:`ConfigError` where ``since`` is not a date."""
    try:
        if since is not None:
            read_value("since", since, "instant", test="ge")
    except ConfigError as error:
        raise ConfigError(f"since is {since!r}, which is not a date", hint='write it as "2026-01-31"') from error


def tables_of(tools: ListTools, wanted: Sequence[str] | None) -> tuple[tuple[Table, ...], int]:
    """The tables of this portal, and the requests that its smart processes took, where these may be wanted."""
    wanted = None if wanted is None else check_tables(wanted)
    if wanted is not None and not any(name.startswith("smart_") for name in wanted):
        return chosen(wanted, TABLES), 0
    types: list[Mapping[str, Any]] = []
    batches = tools.iter_batches("crm.type.list", progress=False)
    with contextlib.suppress(AccessDeniedError, MethodNotFoundError), batches:
        types = [row for batch in batches for row in batch.to_pylist()]
    return chosen(wanted, TABLES + smart_tables(types)), batches.report.requests


@dataclass(slots=True)
class CrmSync:
    """Brings the tables in a folder up to date; :meth:`run` does it."""

    session: Session
    clock: Clock
    tools: ListTools
    folder: CrmFolder
    tables: tuple[Table, ...]
    since: str | None = None
    deletes: Literal["scan"] | None = None
    max_deletes: float | None = None
    gentle: bool = True
    progress: Meter = field(default_factory=lambda: progress_for(False))
    asked: int = 0  # requests that were sent to find the tables
    _manifest: Manifest = field(init=False)
    _reports: dict[str, TableReport] = field(init=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _stop: threading.Event = field(init=False, default_factory=threading.Event)

    def run(self) -> CrmReport:
        """Every table, or :class:`ExportError` that names those that failed, once the others are up to date."""
        started = self.clock.monotonic()
        context = CallContext()
        with self.folder.held(), shared_memory():
            self._manifest = self._checked(self.folder.manifest())
            self.progress.start("the CRM", total=None)
            try:
                time = self.session.call("server.time", context=context).time
                began = (time.date_start if time else None) or ""
                self._manifest = replace(self._manifest, began=began)
                self._all()
            except BaseException:
                self.progress.close("the CRM: stopped")
                raise
        report = CrmReport(
            portal=self.session.portal,
            target=str(self.folder.path),
            began=began,
            seconds=self.clock.monotonic() - started,
            own_requests=self.asked + context.requests,
            tables={table.name: self._reports[table.name] for table in self.tables},
        )
        rows = sum(table.rows for table in report.tables.values())
        self.progress.close(f"the CRM: {rows:,} rows, tables: {len(report.tables)}, {report.seconds:.1f} s")
        failed = [table for table in report.tables.values() if table.state == "failed"]
        if failed:
            names = ", ".join(table.name for table in failed)
            raise ExportError(
                f"{len(failed)} of {len(self.tables)} tables were not updated: {names}. {failed[0].why}",
                code="TABLES_FAILED",
                hint="run it again: the rows read so far are kept",
            )
        return report

    def _checked(self, manifest: Manifest | None) -> Manifest:
        if manifest is None:
            return Manifest(caller=self.session.caller, portal=self.session.portal)
        if manifest.caller != self.session.caller:
            raise ConfigError(
                f"{self.folder.path} has the tables of {manifest.portal}, read by another user or application",
                hint="use another folder, or sign in as before",
            )
        return manifest

    def _all(self) -> None:
        lanes: dict[str, list[Table]] = {}
        for table in self.tables:
            if not table.needs:
                lanes.setdefault(table.method if table.kind == "synced" else "", []).append(table)
        pool = ThreadPoolExecutor(_SIDE_BY_SIDE, "b24data-crm")
        futures = [pool.submit(self._in_turn, tables) for tables in lanes.values()]
        try:
            self._joined(futures)
        except BaseException:
            self._stop.set()
            with self.session.stopped():
                pool.shutdown(cancel_futures=True)  # the folder is free when nothing writes to it any more
            raise
        pool.shutdown()

    def _joined(self, futures: list[Future[None]]) -> None:
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()  # what no table may swallow: no authorization, a full disk, a fault of ours

    def _in_turn(self, tables: Sequence[Table]) -> None:
        """Tables of one method, which has one limit of execution time for all, and what is made of each."""
        for table in tables:
            self._one(table)
            for other in self.tables:
                if table.name in other.needs:
                    self._one(other)

    def _one(self, table: Table) -> None:
        if self._stop.is_set():
            return
        before = next((self._reports[name] for name in table.needs if self._reports[name].state != "ok"), None)
        if before is not None:
            state: Any = before.state
            report = TableReport(name=table.name, state=state, rows=self._rows(table), why=f"needs {before.name}")
        else:
            try:
                report = self._kept(table)
            except AccessDeniedError as error:
                report = self._as_it_was(table, "no access", error)
            except MethodNotFoundError as error:  # a module that the portal lacks, such as telephony
                report = self._as_it_was(table, "absent", error)
            except (AuthorizationRequiredError, CancelledError):
                raise
            except (ConfigError, ExportError) as error:
                if error.code not in _ALONE:
                    raise
                report = self._as_it_was(table, _ALONE[error.code], error)
            except SdkError as error:
                absent = isinstance(error, AjaxError) and error.code == _NO_SUCH_TYPE
                report = self._as_it_was(table, "absent" if absent else "failed", error)
            except OSError as error:
                raise disk_error(self.folder.of(table.name), error, resumes=True) from error
        give_back()
        with self._lock:
            self._reports[table.name] = report
            done, rows = len(self._reports), sum(report.transferred for report in self._reports.values())
        if not (self._stop.is_set() and report.state == "failed"):
            self.progress.update(rows, fraction=done / len(self.tables))
            self.progress.note(str(report))

    def _as_it_was(self, table: Table, state: Literal["absent", "no access", "failed"], error: SdkError) -> TableReport:
        return TableReport(name=table.name, state=state, rows=self._rows(table), why=str(error))

    def _kept(self, table: Table) -> TableReport:
        folder = self.folder.of(table.name)
        if table.kind == "synced":
            report = self._synced(table, folder)
        elif table.kind == "linked":
            report = self._linked(table, folder)
        elif table.owners is not None:
            report = self._owned(table, folder, table.owners)
        else:
            report = self._whole(table, folder)
        self._remember(table, report)
        return report

    def _synced(self, table: Table, folder: Path) -> TableReport:
        conditions = {f">={table.created}": self.since} if self.since and table.created else None
        report = self.tools.sync(
            table.method,
            table.select,
            conditions,
            to=folder,
            cursor=table.cursor,
            overlap=table.overlap,
            deletes=self.deletes,
            max_deletes=_may_go(self._rows(table)) if self.deletes and self.max_deletes is None else self.max_deletes,
            params=dict(table.params) or None,
            progress=False,
            workers=_WORKERS,
            gentle=self.gentle,
        )
        return TableReport(
            name=table.name,
            state="ok",
            rows=report.rows,
            transferred=report.transferred,
            requests=sum(fetch.requests for fetch in report.fetches) + 1,
            sync=report,
        )

    def _whole(self, table: Table, folder: Path) -> TableReport:
        folder.mkdir(exist_ok=True)
        report = self.tools.fetch_all(
            table.method,
            table.select,
            to=folder / _ROWS,
            params=dict(table.params) or None,
            progress=False,
            workers=_WORKERS,
            gentle=self.gentle,
        )
        return TableReport(
            name=table.name, state="ok", rows=report.rows, transferred=report.rows, requests=report.requests
        )

    def _linked(self, table: Table, folder: Path) -> TableReport:
        folder.mkdir(exist_ok=True)
        link = LINKS[table.name]
        rows = _put(folder / _ROWS, map(link.batch, self._read(table.source, link.columns_in)), link.schema)
        return TableReport(name=table.name, state="ok", rows=rows)

    def _owned(self, table: Table, folder: Path, owners: Owners) -> TableReport:
        """The rows of owners that changed since the last run, in the place of those that they had."""
        folder.mkdir(exist_ok=True)
        target = folder / _ROWS
        source = self._reports[owners.table].sync
        is_there = target.exists() and bool(self._sound(table))
        since = self._manifest.owners_since.get(table.name) if is_there else None
        there, changed = self._owners(owners.table, self._time_of(owners.table), since)
        fetched, report = self.folder.spool(table.name), None
        try:
            if len(changed):
                report = self.tools.fetch_by(
                    table.method,
                    owners.key,
                    changed.tolist(),
                    table.select,
                    {owners.type_key: owners.type_value},
                    to=fetched,
                    progress=False,
                    workers=_WORKERS,
                    gentle=self.gentle,
                )
            kept = _of_owners(target, owners.key.lstrip("=@"), np.setdiff1d(there, changed)) if is_there else ()
            schema = schema_of(fetched) if report and not is_there else None  # owners may have no rows at all
            rows = _put(target, itertools.chain(kept, batches_of(fetched) if report else ()), schema)
        finally:
            fetched.unlink(missing_ok=True)
        if source is not None:
            with self._lock:
                since_now = {**self._manifest.owners_since, table.name: source.next}
                self._manifest = replace(self._manifest, owners_since=since_now)
        transferred, requests = (report.rows, report.requests) if report else (0, 0)
        return TableReport(name=table.name, state="ok", rows=rows, transferred=transferred, requests=requests)

    def _time_of(self, name: str) -> str:
        return next(str(table.cursor) for table in self.tables if table.name == name)

    def _owners(self, name: str, changed_at: str, since: str | None) -> tuple[Ids, Ids]:
        """The ids of all owners, and of those that changed since then."""
        moment = None if since is None else pa.scalar(dt.datetime.fromisoformat(since), pa.timestamp("us", "UTC"))
        all_ids, changed = [NO_IDS], [NO_IDS]
        for batch in self._read(name, lambda _: ["id", changed_at]):
            ids = batch.column(0).to_numpy(zero_copy_only=False)
            all_ids.append(ids)
            if moment is None:
                changed.append(ids)
            else:
                at = pc.fill_null(pc.greater_equal(batch.column(1), moment), True)
                changed.append(ids[at.to_numpy(zero_copy_only=False)])
        return np.concatenate(all_ids), np.concatenate(changed)

    def _read(self, name: str, columns: Callable[[list[str]], list[str]]) -> Iterator[pa.RecordBatch]:
        """The batches of a table that is there already, of those columns alone."""
        for path in self.folder.files(name):
            yield from batches_of(path, columns)

    def _rows(self, table: Table) -> int:
        return sum(rows_of(path) for path in self._sound(table))

    def _sound(self, table: Table) -> list[Path]:
        """The files of a table without those that are damaged."""
        return [path for path in self.folder.files(table.name) if not is_damaged(path)]

    def _remember(self, table: Table, report: TableReport) -> None:
        """The table is there: the manifest says so before the next one is done."""
        facts = TableFacts(
            kind=table.kind,
            method=table.method,
            meaning=table.meaning,
            key=tuple(sql_name(name) for name in table.key),
            refers=table.refers,
            rows=report.rows,
            at=report.sync.next if report.sync else "",
        )
        with self._lock:
            self._manifest = replace(
                self._manifest,
                tables={**self._manifest.tables, table.name: facts},
                owners_since=_lowered(self._manifest.owners_since, table.name, report.sync),
            )
            self.folder.write(self._manifest)


def _lowered(owners_since: Mapping[str, str], name: str, sync: SyncReport | None) -> Mapping[str, str]:
    """The times from which changed owners are asked for, now that the table ``name`` was synced.

    A sync asks from earlier where a clock jumped, and rows that it brought then have times before the jump. Tables that
    are not read in this run need to know that as well. A whole list says nothing on times: then all owners count.
    """
    if sync is None:
        return owners_since
    owned = {table.name for table in TABLES if table.owners is not None and table.owners.table == name}
    others = {one: since for one, since in owners_since.items() if one not in owned}
    if sync.since is None:
        return others
    mine = {
        one: min(since, sync.since, key=dt.datetime.fromisoformat)
        for one, since in owners_since.items()
        if one in owned
    }
    return {**others, **mine}


def _may_go(rows: int) -> int:
    """How many rows a scan may remove: a twentieth, and of a small table some, but not all of them.

    A user who lost the right to see a table sees none of its rows; one who deletes two of ten has done just that.
    """
    return max(0, min(rows - 1, max(_FEW, rows // 20)))


def _of_owners(file: Path, key: str, owners: Ids) -> Iterator[pa.RecordBatch]:
    """The rows of a file that belong to these owners."""
    for batch in batches_of(file):
        ids = batch.column(batch.schema.get_field_index(key)).to_numpy(zero_copy_only=False)
        yield batch.filter(pa.array(np.isin(ids, owners)))


def _put(target: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema | None = None) -> int:
    """Write rows into a file, and say how many: its columns may grow. Without a batch or a schema there is none."""
    sink = None if schema is None else ParquetSink(target, schema)
    rows = 0
    try:
        for batch in batches:
            sink = sink or ParquetSink(target, batch.schema)
            sink.write(batch)
            rows += batch.num_rows
    except BaseException:
        if sink is not None:
            sink.abort()
        raise
    if sink is not None:
        nothing_asked: Any = None
        sink.close(nothing_asked)
    return rows
