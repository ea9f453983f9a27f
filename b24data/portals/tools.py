"""``portals.tools``: the data tools of one portal, at many."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

import pyarrow as pa

from b24data.client.tools import Tools
from b24data.crm.report import CrmReport
from b24data.errors import ConfigError
from b24data.fetch.options import Options, ProgressOption
from b24data.files.atomic import is_address, path_of
from b24data.frames.csvfile import CsvKind
from b24data.frames.pandas_types import DtypeBackend
from b24data.frames.sinks import check_backend, frame_of
from b24data.frames.targets import check_csv, target_kind
from b24data.lists.estimate import Estimate
from b24data.portals.united import united_tables
from b24data.progress import Display
from b24data.report import FetchReport
from b24data.sync.report import SyncReport
from b24data.text.hints import option

if TYPE_CHECKING:
    import pandas as pd

    from b24data.client.connect import Client
    from b24data.portals.portals import Answers, Portals

_PROFILE = "{profile}"


class PortalTools:
    """The data tools of many portals. Each takes what the tool of one portal takes.

    A frame has the name of the profile in its first column, ``PORTAL``. A file or folder is named with ``{profile}``
    in it, and the reports come as a dict by profile.
    """

    def __init__(self, portals: Portals) -> None:
        self._portals = portals

    @overload
    def fetch_all(
        self,
        method: str,
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        *,
        to: None = None,
        dtype_backend: DtypeBackend = "numpy_nullable",
        partial: bool = False,
        **options: Unpack[Options],
    ) -> pd.DataFrame: ...

    @overload
    def fetch_all(
        self,
        method: str,
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        *,
        to: str | os.PathLike[str],
        csv: CsvKind | None = None,
        resume: bool = True,
        partial: bool = False,
        **options: Unpack[Options],
    ) -> dict[str, FetchReport]: ...

    def fetch_all(
        self,
        method: str,
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        *,
        to: str | os.PathLike[str] | None = None,
        csv: CsvKind | None = None,
        dtype_backend: DtypeBackend = "numpy_nullable",
        resume: bool = True,
        partial: bool = False,
        **options: Unpack[Options],
    ) -> Any:
        """The same list of every portal: one DataFrame with ``PORTAL`` first, or with ``to=`` a file for each.

        Columns that not all portals have are null where they are missing, and a column whose type differs takes the
        type that holds all values. ``attrs["b24data"]`` has ``complete``, ``rows``, a report for each of ``portals``,
        ``columns`` (what differs) and the ``outcome``. A list that broke off is left out unless ``partial=True``.

        :param to: a file for each portal, ``"lake/{profile}/deals.parquet"``; folders are made.
        :raises PortalsError: a portal failed; not with ``connect_all(..., errors="collect")``.
        """
        if to is None:
            check_csv(None, csv)
            check_backend(dtype_backend)
            answers = self._read(method, select, filter, partial=partial, **options)
            return answers.settled(_frame(answers, dtype_backend))
        progress = options.get("progress", "auto")
        check_csv(to, csv)
        target_kind(to)
        targets = self._targets(to)

        def work(name: str, client: Client, display: Display) -> FetchReport:
            target, own = _ready(targets[name]), _shown_by(display, options)
            return client.tools.fetch_all(
                method, select, filter, to=target, csv=csv, resume=resume, partial=partial, **own
            )

        written = self._portals.ask(
            method,
            work,
            rows_of=lambda report: report.rows,
            progress=progress,
            is_partial=lambda report: _missing(report.as_dict()),
        )
        return written.settled(written.in_order)

    def fetch_table(
        self,
        method: str,
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        *,
        partial: bool = False,
        **options: Unpack[Options],
    ) -> pa.Table:
        """As :meth:`fetch_all`, but a :class:`pyarrow.Table`; the report is in its schema's metadata."""
        answers = self._read(method, select, filter, partial=partial, **options)
        table, report = _joined(answers)
        return answers.settled(table.replace_schema_metadata({"b24data.report": json.dumps(report)}))

    def sync(
        self,
        method: str,
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        *,
        to: str | os.PathLike[str],
        progress: ProgressOption = "auto",
        **options: Any,
    ) -> dict[str, SyncReport]:
        """Keep a folder for each portal equal to its list: ``to="lake/{profile}/deals"``.

        Takes what ``sync`` of one portal takes, and returns its reports by profile.

        :raises PortalsError: a portal failed; not with ``connect_all(..., errors="collect")``.
        """
        targets = self._targets(to)

        def work(name: str, client: Client, display: Display) -> SyncReport:
            return client.tools.sync(method, select, filter, to=_ready(targets[name]), progress=display, **options)

        answers = self._portals.ask(method, work, rows_of=lambda report: report.rows, progress=progress)
        return answers.settled(answers.in_order)

    def sync_crm(
        self,
        to: str | os.PathLike[str],
        *,
        tables: Sequence[str] | None = None,
        since: str | None = None,
        deletes: Literal["scan"] | None = None,
        max_deletes: float | None = None,
        gentle: bool = True,
        progress: ProgressOption = "auto",
    ) -> dict[str, CrmReport]:
        """Keep a folder of linked tables for each portal equal to its CRM: ``to="lake/{profile}"``.

        Takes what ``sync_crm`` of one portal takes, and returns its reports by profile.

        :raises PortalsError: a portal failed; not with ``connect_all(..., errors="collect")``.
        """
        targets = self._targets(to)

        def work(name: str, client: Client, display: Display) -> CrmReport:
            return client.tools.sync_crm(
                _ready(targets[name]),
                tables=tables,
                since=since,
                deletes=deletes,
                max_deletes=max_deletes,
                gentle=gentle,
                progress=display,
            )

        answers = self._portals.ask(
            "the CRM",
            work,
            rows_of=lambda report: sum(table.rows for table in report.tables.values()),
            progress=progress,
        )
        return answers.settled(answers.in_order)

    def estimate(
        self,
        method: str,
        filter: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        limit: int | None = None,
        check_fields: bool = True,
        progress: ProgressOption = False,
    ) -> pd.DataFrame:
        """What :meth:`fetch_all` takes at each portal: PORTAL, rows, requests, seconds, operating_share, exact.

        The portals are read side by side, so the longest of ``seconds`` counts and not their sum.
        """
        import pandas as pd

        def work(_: str, client: Client, __: Display) -> Estimate:
            return client.tools.estimate(method, filter, params=params, limit=limit, check_fields=check_fields)

        answers = self._portals.ask(f"{method}, estimate", work, rows_of=lambda found: found.rows, progress=progress)
        names = ["rows", "requests", "seconds", "operating_share", "exact", "at_least"]
        rows = [(name, *(asdict(one)[key] for key in names)) for name, one in answers.in_order.items()]
        frame = pd.DataFrame(rows, columns=["PORTAL", *names]).astype({"PORTAL": "string"})
        return answers.settled(frame)

    def sql(
        self,
        query: str,
        params: Mapping[str, Any] | None = None,
        *,
        tables: Mapping[str, Any] | None = None,
        frames: Mapping[str, Any] | None = None,
        all: bool = False,
        progress: ProgressOption = "auto",
    ) -> pd.DataFrame:
        """As :meth:`Portals.sql`; names that are not a table are looked up in ``frames``."""
        from b24data.sql.frames import frames_by_name
        from b24data.sql.run import run_sql

        tables = frames_by_name(tables)  # for all portals: a stream can be read only once

        def work(_: str, client: Client, display: Display) -> pa.Table:
            lists = _Lists.of(client.tools, display)
            found: Any = run_sql(lambda: lists, query, params, tables=tables, frames=frames, everything=all)
            table = _with_plain_texts(pa.Table.from_pandas(found, preserve_index=False))
            return table.replace_schema_metadata({"b24data.report": json.dumps(found.attrs.get("b24data", {}))})

        answers = self._portals.ask("sql", work, rows_of=lambda table: table.num_rows, progress=progress)
        return answers.settled(_frame(answers, "numpy_nullable"))

    def _read(
        self,
        method: str,
        select: Sequence[str] | None,
        conditions: Mapping[str, Any] | None,
        *,
        partial: bool,
        **options: Unpack[Options],
    ) -> Answers[pa.Table]:
        """The list of every portal as a table."""
        progress = options.get("progress", "auto")

        def work(_: str, client: Client, display: Display) -> pa.Table:
            return client.tools.fetch_table(method, select, conditions, partial=partial, **_shown_by(display, options))

        return self._portals.ask(
            method,
            work,
            rows_of=lambda table: table.num_rows,
            progress=progress,
            is_partial=lambda table: _missing(_report_of(table)),
        )

    def _targets(self, to: str | os.PathLike[str]) -> dict[str, str | Path]:
        """Where the rows of each portal go."""
        text = os.fspath(to)
        if _PROFILE not in text:
            stem, dot, suffix = text.rpartition(".")
            example = f"{stem}-{_PROFILE}.{suffix}" if dot else f"{text.rstrip('/')}/{_PROFILE}"
            raise ConfigError(
                f"to={text!r} is one place for {len(self._portals.names)} portals",
                hint=f"put {_PROFILE} into it: {option('to', example)}",
            )
        places = {name: text.replace(_PROFILE, name) for name in self._portals.names}
        return {name: place if is_address(place) else path_of(place) for name, place in places.items()}


@dataclass(frozen=True, slots=True)
class _Lists:
    """The tools of one portal as a query uses them; one display has the progress of all portals."""

    described: Callable[..., Any]
    estimate: Callable[..., Estimate]
    fetch_table: Callable[..., pa.Table]
    fetch_by: Callable[..., Any]

    @classmethod
    def of(cls, tools: Tools, display: Display) -> _Lists:
        return cls(
            tools.described,
            tools.estimate,
            partial(tools.fetch_table, progress=display),
            partial(tools.fetch_by, progress=display),
        )


def _ready(path: str | Path) -> str | Path:
    """The path, in a folder that is there; an address as it is."""
    if isinstance(path, Path):
        path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _shown_by(display: Display, options: Options) -> Options:
    return {**options, "progress": display}


def _report_of(table: pa.Table) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((table.schema.metadata or {}).get(b"b24data.report", b"{}"))
    return report


def _missing(report: Mapping[str, Any]) -> str:
    """Why a list is incomplete; the caller's own limit does not count."""
    if report.get("complete", True) or report.get("reason") == "limit":
        return ""
    return str(next(reversed(report.get("notes") or []), "the list was not read to its end"))


def _joined(answers: Answers[pa.Table]) -> tuple[pa.Table, dict[str, Any]]:
    """One table of all that came, and one report."""
    tables = answers.in_order
    table, columns = united_tables(tables)
    reports = {name: _report_of(one) for name, one in tables.items()}
    outcomes = answers.outcomes
    whole = all(report.get("complete", True) for report in reports.values())
    return table, {
        "complete": whole and all(one.state == "ok" for one in outcomes),
        "rows": table.num_rows,
        "portals": reports,
        "columns": columns,
        "outcome": [asdict(one) for one in outcomes],
    }


def _frame(answers: Answers[pa.Table], dtype_backend: DtypeBackend) -> pd.DataFrame:
    """A frame of all that came; each column of Arrow is let go as it is converted."""
    *held, report = _joined(answers)
    answers.clear()
    frame = frame_of(held.pop(), dtype_backend)
    frame.attrs["b24data"] = report
    return frame


def _with_plain_texts(table: pa.Table) -> pa.Table:
    """The table with texts of the kind that columns have elsewhere; pandas 3 makes large ones."""
    plain = [one.with_type(pa.string()) if pa.types.is_large_string(one.type) else one for one in table.schema]
    return table.cast(pa.schema(plain))
