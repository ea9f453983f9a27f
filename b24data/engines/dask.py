"""``b24data.dask``: portals on a Dask cluster, one task a portal (extra ``dask``).

A portal is read as fast as its limits allow by one process; a cluster reads many portals side by side. Tasks carry the
names of profiles and nothing secret: each worker finds the profile on its machine, or where ``B24DATA_TOKEN_STORE``
says. A task that runs again, because its worker died, does no harm.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import pyarrow as pa

from b24data.client.connect import connect
from b24data.crm.report import CrmReport
from b24data.engines.extractor import extractor, profiles_named
from b24data.errors import PortalsError, SchemaError, SdkError, extra
from b24data.fetch.options import Options
from b24data.files.atomic import path_of
from b24data.frames.sinks import frame_of, recast
from b24data.lists.literals import is_whole
from b24data.portals.outcome import PortalOutcome, outcome_of
from b24data.portals.portals import Answers
from b24data.portals.united import PORTAL, united_tables
from b24data.sync.report import SyncReport
from b24data.text.hints import option

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

__all__ = ["read", "sync"]

_SAMPLE = 50  # rows, one page: the types of columns that the portal does not describe
_PROFILE = "{profile}"


def read(
    method: str,
    select: Sequence[str] | None = None,
    filter: Mapping[str, Any] | None = None,
    *,
    profiles: str | Sequence[str] = "*",
    **options: Unpack[Options],
) -> dd.DataFrame:
    """The same list of many portals as a Dask DataFrame: one partition a portal, the profile's name in ``PORTAL``.

    The columns and their types are known before it is computed: one page of each portal is read for that. Columns that
    a portal does not have are null there. What the graph does not use is not asked for: ``deals[["ID", "TITLE"]]``
    reads two fields.

    :param profiles: the names of profiles, or ``"*"`` for all. Two profiles of one portal are refused.
    :param options: what ``tools.fetch_all`` of one portal takes.
    :raises ConfigError: a profile is not there, or the request makes no sense.

    Computing raises what ``tools.fetch_all`` does, and :class:`ExportError` (code ``ALREADY_RUNNING``) while another
    run on an engine reads one of the portals.
    """
    with extra("dask", "b24data.dask"):
        import dask.dataframe as dd
    names = profiles_named(profiles)
    question = _Question(method, None if select is None else list(select), filter, options)
    schema = question.schema(names)
    from_map: Any = dd.from_map  # without types
    frame: dd.DataFrame = from_map(
        _partition, names, meta=frame_of(schema.empty_table()), label="b24data", question=question, schema=schema
    )
    return frame


def sync(
    profiles: str | Sequence[str] = "*",
    to: str | os.PathLike[str] = "lake/{profile}",
    method: str | None = None,
    select: Sequence[str] | None = None,
    filter: Mapping[str, Any] | None = None,
    **options: Any,
) -> dict[str, SyncReport | CrmReport]:
    """Keep a folder for each portal equal to its CRM, or with ``method`` to one list: one task a portal.

    It runs on the cluster of the current ``distributed.Client``, or else in threads of this process.

    :param to: the folder of a portal, ``"lake/{profile}/deals"``; without ``{profile}`` the folder of all of them. On a
        cluster each worker writes to it by this name.
    :param options: what ``tools.sync_crm`` takes, or with ``method`` what ``tools.sync`` takes.
    :returns: the reports, by profile.
    :raises PortalsError: it failed for some portals; the others are done, and ``results`` has their reports.
    """
    with extra("dask", "b24data.dask"):
        import dask
    names = profiles_named(profiles)
    pattern = str(path_of(to).absolute())
    if _PROFILE not in pattern:
        pattern = str(Path(pattern, _PROFILE))
    engine: Any = dask  # without types
    task = engine.delayed(_synced, pure=False)
    ended = engine.compute(
        *[task(name, pattern.replace(_PROFILE, name), (method, select, filter), options) for name in names]
    )
    answers: Answers[SyncReport | CrmReport] = Answers("raise", names)
    for name, (seconds, end) in zip(names, ended, strict=True):
        if isinstance(end, Exception):
            answers.failed(outcome_of(name, end, seconds), end)
        else:
            answers.came(PortalOutcome(portal=name, state="ok", rows=_rows_in(end), seconds=seconds), end)
    answers.check_asked()
    try:
        return answers.settled(answers.in_order)
    except PortalsError as error:
        error.advice = "the error's `results` has the reports of the others; run it again for these"
        raise


def _synced(
    name: str,
    folder: str,
    query: tuple[str | None, Sequence[str] | None, Mapping[str, Any] | None],
    options: Mapping[str, Any],
) -> tuple[float, SyncReport | CrmReport | Exception]:
    """The task of a portal: how long it took and what came; an error, too, so that it does not stop the others."""
    method, select, conditions = query
    began = time.monotonic()
    end: SyncReport | CrmReport | Exception
    try:
        Path(folder).parent.mkdir(parents=True, exist_ok=True)
        with extractor(name) as client:
            if method is None:
                end = client.tools.sync_crm(folder, **options)
            else:
                end = client.tools.sync(method, select, conditions, to=folder, **options)
    except Exception as error:  # noqa: BLE001  handed to who asked
        end = error
    return time.monotonic() - began, end


def _rows_in(report: SyncReport | CrmReport) -> int:
    return report.rows if isinstance(report, SyncReport) else sum(table.rows for table in report.tables.values())


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of each portal. It is pickled with each task."""

    method: str
    select: list[str] | None
    filter: Mapping[str, Any] | None
    options: Options
    number: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __dask_tokenize__(self) -> object:
        """Each `read` has keys of its own: a cluster would give the rows that an earlier one has persisted."""
        return self.number

    def schema(self, names: Sequence[str]) -> pa.Schema:
        """The columns of all portals, ``PORTAL`` first."""
        with ThreadPoolExecutor(8) as pool:
            samples = dict(zip(names, pool.map(self._sample, names), strict=True))
        united, _ = united_tables(samples)
        # Each partition would have categories of its own.
        plain = [one.with_type(pa.string()) if pa.types.is_dictionary(one.type) else one for one in united.schema]
        return pa.schema([one.remove_metadata() for one in plain])

    def _sample(self, name: str) -> pa.Table:
        asked = self.options.get("limit")
        limit = _SAMPLE if asked is None else min(asked, _SAMPLE) if is_whole(asked) else asked
        options: Options = {**self.options, "limit": limit, "count": False, "progress": False}
        with connect(name) as client:
            return client.tools.fetch_table(self.method, self.select, self.filter, **options)

    def rows(self, name: str, columns: Sequence[str] | None) -> pa.Table:
        """The whole list of a portal, or just these columns."""
        with extractor(name) as client:
            return client.tools.fetch_table(self.method, self._fields(columns), self.filter, **self.options)

    def _fields(self, columns: Sequence[str] | None) -> list[str] | None:
        """The fields to ask for: some columns are made of fields with other names, and options name fields too."""
        named = self.options.get("dtypes") or not isinstance(self.options.get("labels", False), bool | str)
        if columns is None or named or self.options.get("titles") or any(one.endswith("_CURRENCY") for one in columns):
            return self.select
        fields = list(dict.fromkeys(self._field(name) for name in columns if name != PORTAL))
        if self.select is None or any("*" in name for name in self.select):
            return fields or self.select
        chosen = [name for name in self.select if name in fields]
        return chosen if len(chosen) == len(fields) > 0 else self.select

    def _field(self, column: str) -> str:
        return column.removesuffix("_LABEL") if self.options.get("labels") else column


def _partition(
    name: str, *, question: _Question, schema: pa.Schema, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """The rows of a portal with the columns that were promised."""
    try:
        table = question.rows(name, columns)
    except SdkError as error:
        error.add_note(f"profile: {name}")
        raise
    whole, _ = united_tables({name: table})
    if unknown := [column for column in whole.column_names if column not in schema.names]:
        raise SchemaError(
            f"{name}: {', '.join(unknown)} came, which the first {_SAMPLE} rows of the portals did not have",
            hint=f"name the columns that you want: {option('select', ['ID', ...])}",
        )
    wanted = schema if columns is None else pa.schema([schema.field(column) for column in columns])
    return frame_of(pa.Table.from_batches([recast(batch, wanted) for batch in whole.to_batches()], wanted))
