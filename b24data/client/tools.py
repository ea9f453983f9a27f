"""``b24.tools``: from a method's name to a DataFrame, an Arrow table, a stream of batches, or a file."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Literal, Protocol, Unpack, overload

import pyarrow as pa

from b24data.crm.folder import CrmFolder
from b24data.crm.report import CrmReport
from b24data.crm.sync import CrmSync, check_since, tables_of
from b24data.errors import ConfigError, SdkError
from b24data.fetch.elsewhere import placed
from b24data.fetch.fetch import Fetcher
from b24data.fetch.options import FetchOptions, Options, ProgressOption
from b24data.fetch.stream import Stream, frames_of
from b24data.fetch.unfinished import JobFacts, unfinished
from b24data.fields.descriptions import KEPT_S, Described, Descriptions
from b24data.fields.dictionaries import Dictionaries
from b24data.files.atomic import path_of
from b24data.frames.csvfile import CsvKind
from b24data.frames.labels import LabelOption
from b24data.frames.overview import columns_of, fields_frame
from b24data.frames.pandas_types import DtypeBackend
from b24data.frames.sinks import FrameSink, TableSink, check_backend
from b24data.frames.targets import check_csv, target_kind, target_of
from b24data.http.clock import Clock
from b24data.http.context import CallContext
from b24data.http.session import Session
from b24data.lists.blocks import with_owners
from b24data.lists.estimate import Estimate, estimate_list
from b24data.lists.literals import is_whole
from b24data.lists.methods import nearest_methods, spec_of
from b24data.lists.plan import make_plan
from b24data.lists.reader import PageReader
from b24data.params import ApiVersion
from b24data.progress import progress_for
from b24data.report import FetchReport
from b24data.sync.clocks import seconds_of
from b24data.sync.report import SyncReport
from b24data.sync.source import Source, check_folder, check_synced
from b24data.sync.sync import Sync, check_deletes
from b24data.text.hints import option

if TYPE_CHECKING:
    import pandas as pd


class ToolsClient(Protocol):
    """What the tools need of a client."""

    @property
    def session(self) -> Session:
        """Calls the portal."""

    @property
    def clock(self) -> Clock:
        """Tells the time."""

    def get_http_client(self, version: ApiVersion | str) -> Session:
        """Calls the portal in that version of REST."""


class Tools:
    """The data tools of one client."""

    def __init__(self, client: ToolsClient) -> None:
        self._client = client
        self._descriptions = Descriptions(client.get_http_client, client.clock)
        self._dictionaries = Dictionaries(lambda: client.session, client.clock)
        self.fetcher = Fetcher(client.get_http_client, client.clock, self._descriptions, self._dictionaries)

    def __reduce__(self) -> tuple[Any, ...]:
        """As those of the client, which travels as the name of its profile."""
        return Tools, (self._client,)

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
    ) -> FetchReport: ...

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
        order: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        limit: int | None = None,
        labels: LabelOption = False,
        titles: bool = False,
        dtypes: Mapping[str, Any] | None = None,
        errors: Literal["coerce", "raise"] = "coerce",
        tz: str = "UTC",
        progress: ProgressOption = "auto",
        workers: int | None = None,
        gentle: bool = False,
        check_fields: bool = True,
        count: bool = False,
        recheck: bool = True,
    ) -> Any:
        """A whole list: as a DataFrame, or with ``to=`` in a Parquet, Excel or CSV file.

        Each row arrives once, in the order of its id (``order={"ID": "DESC"}``: newest first), with the types of the
        portal's field descriptions. A :class:`FetchReport` says why the list is complete: it is the return value with
        ``to=``, else ``df.attrs["b24data"]`` has it as a dict.

        :param method: any list method, such as ``crm.deal.list``, ``crm.item.list``, ``tasks.task.list``. A method
            of both
            REST versions is read in REST 2, or with ``v3:`` before its name in REST 3.0.
        :param select: the fields; ``"*"`` and ``"UF_*"`` as on the portal. None: the portal's default.
        :param filter: the portal's conditions, ``{">=DATE_CREATE": "2026-01-01", "@STAGE_ID": ["NEW", "WON"]}``.
        :param to: a file, which appears when it is complete: ``.parquet``, ``.xlsx`` (needs the extra ``excel``) or
            ``.csv``; memory use does not depend on the number of rows. docs/types.md describes the conversion of
            values. Also an
            fsspec address, ``s3://bucket/deals.parquet`` (extra ``cloud``), to which the complete file is uploaded.
        :param csv: ``"plain"`` (None) writes a CSV for programs, ``"excel-ru"`` one for Russian Excel.
        :param dtype_backend: ``"numpy_nullable"`` (Int64, string, ...) or ``"pyarrow"``.
        :param resume: resumes a stopped fetch with ``to=`` if the same call is made within 24 hours and the list is
            read
            by ids; the report covers both runs. False: start over.
        :param partial: True returns the rows that arrived if the list cannot be read to its end; the report says so.
        :param order: ``{"ID": "ASC"}``; any order other than by id reads counted pages, which is slower.
        :param params: other parameters of the method, such as ``{"entityTypeId": 2}``.
        :param limit: at most this many rows, the first ones; the report has ``complete=False`` if there are more.
        :param labels: labels of codes (stages, sources, enumerations, users, departments, currencies): ``"add"`` adds
            columns such as ``STAGE_ID_LABEL``, ``"replace"`` replaces the codes; a list of columns adds labels to these
            only, such as titles of companies to ``COMPANY_ID``. A code without a label stays a code.
        :param titles: name the columns after the fields' titles instead of their codes.
        :param dtypes: column -> ``"text"``, ``"int"``, ``"float"``, ``"decimal"`` (exact), ``"bool"``, ``"date"``,
            ``"datetime"`` or ``"category"``.
        :param errors: what to do with a value that does not fit: ``"coerce"`` (null, and counted) or ``"raise"``.
        :param tz: the time zone in which times are shown.
        :param progress: ``"auto"``, True, False, or a callable that takes :class:`ProgressEvent`.
        :param workers: maximum number of requests at once; None: as fast as the portal allows, at most 24.
        :param gentle: leave half of the portal's request limit to other programs.
        :param count: True lets the portal count the list as well, which is slow on large portals.
        :param recheck: check that the rows match the filter; False trusts the portal. Ids are always checked.
        :param check_fields: False accepts names in ``select``, ``filter`` and ``order`` that the portal does not
            describe.
        :raises ConfigError: an argument is invalid; nothing was sent.
        :raises SchemaError: a field that does not exist, with the nearest names; no row was requested.
        :raises IncompleteFetchError: the list could not be read to its end; it carries the rows so far and the report.
        :raises AjaxError: the portal refused, such as :class:`MethodNotFoundError` or :class:`AccessDeniedError`.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=120) as portal:
        ...     b24 = portal.connect()
        ...     deals = b24.tools.fetch_all("crm.deal.list", ["ID", "OPPORTUNITY", "DATE_CREATE"], progress=False)
        >>> [str(dtype) for dtype in deals.dtypes]
        ['Int64', 'Float64', 'datetime64[us, UTC]']
        """
        check_csv(to, csv)
        if to is not None:
            target_kind(to)
        with placed(to) as place:
            target = None if place.path is None else target_of(place.path, csv)
            check_backend(dtype_backend)
            asked = FetchOptions(
                order=order,
                params=params,
                limit=limit,
                labels=labels,
                titles=titles,
                dtypes=dtypes,
                errors=errors,
                tz=tz,
                progress=progress,
                workers=workers,
                gentle=gentle,
                check_fields=check_fields,
                count=count,
                recheck=recheck,
            )
            fetch = self.fetcher.fetch(method, select, filter, asked)
            if target is None:
                destination = fetch.into(lambda schema: FrameSink(schema, dtype_backend=dtype_backend), partial=partial)
            else:
                destination = fetch.into_file(target, resume=resume, partial=partial)
            with destination:
                for batch in destination.batches:
                    destination.write(batch)
            return place.done(destination.result)

    def fetch_table(
        self,
        method: str,
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        *,
        partial: bool = False,
        **options: Unpack[Options],
    ) -> pa.Table:
        """A whole list as a :class:`pyarrow.Table`, for polars and duckdb; the report is in its schema's metadata.

        Takes what :meth:`fetch_all` takes.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=120) as portal:
        ...     portal.connect().tools.fetch_table("crm.deal.list", ["ID", "TITLE"], progress=False).num_rows
        120
        """
        with self.fetcher.fetch(method, select, filter, FetchOptions(**options)).into(
            TableSink, partial=partial
        ) as table:
            for batch in table.batches:
                table.write(batch)
        whole: pa.Table = table.result
        return whole

    def iter_batches(
        self,
        method: str,
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> Stream[pa.RecordBatch]:
        """A list as :class:`pyarrow.RecordBatch` es of up to 2,500 rows; memory use does not grow.

        Takes what :meth:`fetch_all` takes; the report is the stream's ``report``.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=120) as portal:
        ...     batches = portal.connect().tools.iter_batches("crm.deal.list", ["ID"], progress=False)
        ...     sum(batch.num_rows for batch in batches), batches.report.complete
        (120, True)
        """
        fetch = self.fetcher.fetch(method, select, filter, FetchOptions(**options))
        return Stream(fetch, fetch.batches())

    def iter_frames(
        self,
        method: str,
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        *,
        chunksize: int = 50_000,
        dtype_backend: DtypeBackend = "numpy_nullable",
        **options: Unpack[Options],
    ) -> Stream[pd.DataFrame]:
        """A list as DataFrames of ``chunksize`` rows (the last one may be shorter); memory use does not grow.

        Takes what :meth:`fetch_all` takes. An empty list is one empty frame with its columns.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=120) as portal:
        ...     frames = portal.connect().tools.iter_frames("crm.deal.list", ["ID"], chunksize=50, progress=False)
        ...     [len(frame) for frame in frames]
        [50, 50, 20]
        """
        if not is_whole(chunksize) or chunksize < 1:
            raise ConfigError(f"chunksize {chunksize!r} is not a number of rows", hint="such as 50_000")
        check_backend(dtype_backend)
        fetch = self.fetcher.fetch(method, select, filter, FetchOptions(**options))
        return Stream(fetch, frames_of(fetch, int(chunksize), dtype_backend))

    def sync(
        self,
        method: str,
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        *,
        to: str | os.PathLike[str],
        cursor: str | None = None,
        overlap: str | float | dt.timedelta = "10min",
        deletes: Literal["scan"] | None = None,
        max_deletes: float | None = None,
        params: Mapping[str, Any] | None = None,
        labels: LabelOption = False,
        dtypes: Mapping[str, Any] | None = None,
        errors: Literal["coerce", "raise"] = "coerce",
        tz: str = "UTC",
        progress: ProgressOption = "auto",
        workers: int | None = None,
        gentle: bool = False,
        check_fields: bool = True,
    ) -> SyncReport:
        """Keep a folder of Parquet files in sync with a list; only changes since the last sync are fetched.

        The first sync fetches the whole list. Each later one fetches the rows that changed since the last one began,
        by the
        portal's clock, and replaces the rows with the same id; it removes rows that no longer match ``filter``. If a
        sync is stopped, each row has its old or its new state, and the next sync resumes. Read the folder as
        ``deals/*.parquet``: each id is there once, at every moment. docs/sync.md has the details.

        :param to: the folder of the dataset, for this query only; created if it is missing.
        :param select: the fields; the id and the cursor are always added. None: the portal's default.
        :param cursor: the field with the time of the last change; None: the documented one, such as DATE_MODIFY.
        :param overlap: how much further back to read changes, for rows that the portal was still writing.
        :param deletes: ``"scan"`` also reads all ids, removes the rows that are gone, and fetches the missing ones.
            None:
            rows that were deleted on the portal stay.
        :param max_deletes: how many rows may be removed (500), or which share of them (0.2); None: 5 %. More is an
            error
            that changes nothing: a user who lost rights sees fewer rows, too.
        :raises ConfigError: the method cannot be synced, or the folder belongs to another query; nothing was sent.
        :raises ExportError: another sync of the folder is running (code ``ALREADY_RUNNING``), too many rows are gone
            (``TOO_MANY_DELETES``), the user sees no row any more (``NOTHING_TO_SEE``), or the disk is full.

        Otherwise takes and raises what :meth:`fetch_all` does.

        >>> import tempfile
        >>> from b24data import Sandbox
        >>> with Sandbox(deals=120) as portal, tempfile.TemporaryDirectory() as folder:
        ...     sync = portal.connect().tools.sync
        ...     first = sync("crm.deal.list", ["ID", "TITLE"], to=f"{folder}/deals", progress=False)
        ...     portal.update("deals", portal.truth("crm.deal.list").ids[:3], {"TITLE": "changed"})[3:]
        ...     second = sync("crm.deal.list", ["ID", "TITLE"], to=f"{folder}/deals", progress=False)
        []
        >>> first.inserted, second.updated, second.rows
        (120, 3, 120)
        """
        check_deletes(deletes, max_deletes)
        overlap_s = seconds_of(overlap)
        options = FetchOptions(
            params=params,
            labels=labels,
            dtypes=dtypes,
            errors=errors,
            tz=tz,
            progress=progress,
            workers=workers,
            gentle=gentle,
            check_fields=check_fields,
        )
        asked = check_synced(method, cursor, select, filter)
        source = Source(self._client.session, self.fetcher, asked, options)
        return Sync(source, check_folder(to), overlap_s, deletes, max_deletes).run()

    def describe(self, method: str, *, params: Mapping[str, Any] | None = None, refresh: bool = False) -> pd.DataFrame:
        """The fields of a list: code, title, type, arrow, multiple, required, read_only, values.

        ``type`` is the portal's name of the type, ``arrow`` the type of the column, and ``values`` a dict of the
        possible
        codes of enumerations, stages and other lists, categories and currencies. ``params`` are the parameters that the
        method needs, such as ``{"entityTypeId": 2}``. The call sends at most three requests, and none within ten
        minutes
        of the same call; ``refresh=True`` always asks the portal.

        :raises ConfigError: no method describes the fields of this list, or the portal refuses.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=1) as portal:
        ...     fields = portal.connect().tools.describe("crm.deal.list").set_index("code")
        >>> fields.loc["OPPORTUNITY", ["type", "arrow"]].to_list()
        ['double', 'double']
        >>> fields.loc["STAGE_ID", "values"]["C1:WON"]
        'Deal won'
        """
        spec, context = spec_of(method), CallContext()
        described = self._descriptions.of(spec, params or {}, context, age_s=0.0 if refresh else KEPT_S)
        given = {name.lower() for name in params or {}}
        missing = [name for name in spec.required if not given & set(name.lower().split("|")) and "." not in name]
        if not described.fields or (missing and described.note):
            hint = "the rows decide the types of the columns"
            if missing:
                hint = f"pass {option('params', {missing[0].split('|')[0]: ...})}"
            elif not spec.documented and (near := nearest_methods(method)):
                hint = f"did you mean {' or '.join(near)}?"
            raise ConfigError(described.note.partition(":")[0], hint=hint)
        columns = columns_of(described.fields, spec.id_asked if spec.walk == "keyset" else None)
        labels_of, _ = self._dictionaries.labels_for(columns, method, params or {}, context, people=False)
        return fields_frame(columns, labels_of)

    def described(self, method: str, params: Mapping[str, Any]) -> Described:
        """The fields of a list as the portal describes them; none where nothing does."""
        return self._descriptions.of(spec_of(method), params, CallContext())

    def told(self, method: str, params: Mapping[str, Any]) -> Described:
        """The fields of a list, if the portal has told them before; nothing is asked."""
        return self._descriptions.told(spec_of(method), params)

    def estimate(
        self,
        method: str,
        filter: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        limit: int | None = None,
        check_fields: bool = True,
    ) -> Estimate:
        """An estimate of the rows of a list, and of the requests and seconds to fetch them; it takes a few requests.

        The filter works as in :meth:`fetch_all`.

        Rows with an id are sampled in twenty places instead of counted, which is slow on large portals.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=5_000) as portal:
        ...     estimate = portal.connect().tools.estimate("crm.deal.list")
        >>> 4_500 < estimate.rows < 5_500, estimate.requests < 10
        (True, True)
        """
        plan = make_plan(spec_of(method), filter=filter, params=params, limit=limit, check=check_fields)
        session = self._client.get_http_client(plan.spec.version)
        if filter:
            _, plan = self._descriptions.for_request(plan, CallContext(), check=check_fields)
        reader = PageReader(session, plan, CallContext())
        return estimate_list(reader, session.params.rate_limit, session.params.operating_limit)

    def unfinished(self) -> pd.DataFrame:
        """The stopped fetches into files on this machine, for all portals, the latest first.

        Columns: target, method, portal, rows (saved so far), last_id, pinned_id, started, runs, and state:
        ``stopped`` (the same call resumes), ``running``, or ``too old`` (the same call starts over).

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=1) as portal:
        ...     "state" in portal.connect().tools.unfinished()
        True
        """
        import pandas as pd

        found = unfinished(self._client.clock.time())
        frame = pd.DataFrame([asdict(job) for job in found], columns=[one.name for one in fields(JobFacts)])
        frame["started"] = pd.to_datetime(frame["started"], unit="s", utc=True)
        return frame

    def ping(self) -> float:
        """Milliseconds until the portal answers ``server.time``; -1 without an answer.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=1) as portal:
        ...     portal.connect().tools.ping() > 0
        True
        """
        clock = self._client.clock
        began = clock.monotonic()
        try:
            self._client.session.call("server.time", attempts=2)  # the first may meet a full bucket
        except SdkError:
            return -1.0
        return (clock.monotonic() - began) * 1000

    def health_check(self) -> bool:
        """Whether the portal answers and accepts the authorization.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=1) as portal:
        ...     portal.connect().tools.health_check()
        True
        """
        return self.ping() >= 0

    @overload
    def fetch_by(
        self,
        method: str,
        key: str,
        values: Iterable[int | str],
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        *,
        to: None = None,
        dtype_backend: DtypeBackend = "numpy_nullable",
        **options: Unpack[Options],
    ) -> pd.DataFrame: ...

    @overload
    def fetch_by(
        self,
        method: str,
        key: str,
        values: Iterable[int | str],
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        *,
        to: str | os.PathLike[str],
        **options: Unpack[Options],
    ) -> FetchReport: ...

    def fetch_by(
        self,
        method: str,
        key: str,
        values: Iterable[int | str],
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        *,
        to: str | os.PathLike[str] | None = None,
        dtype_backend: DtypeBackend = "numpy_nullable",
        **options: Unpack[Options],
    ) -> pd.DataFrame | FetchReport:
        """The rows of many owners, such as the product rows of deals or the requisites of companies.

        The ids are sent in blocks, fifty pages in one request: about 2,500 rows per request instead of one request
        for each owner. A row of an owner that was not requested is an error.

        :param key: the condition on the owner, such as ``"=ownerId"``.
        :param values: the ids of the owners; each is requested once.
        :param filter: other conditions, which apply to all rows, such as ``{"=ownerType": "D"}``.
        :raises ConfigError: the method has no filter, or its rows have no id; ``values`` is not a list of ids; an order
            other than by id.

        No ids are an empty frame, without a request for rows. Otherwise takes and raises what :meth:`fetch_all` does,
        without ``csv``, ``resume`` and ``partial``.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=120) as portal:
        ...     tools = portal.connect().tools
        ...     deals = portal.truth("crm.deal.list").ids[:50]
        ...     rows = tools.fetch_by("crm.deal.list", "@ID", deals, ["ID", "TITLE"], progress=False)
        >>> len(rows), rows.attrs["b24data"]["reason"]
        (50, 'all_owners')
        """
        owned = with_owners(filter, key, values)
        asked = FetchOptions(**options)
        with placed(to) as place:
            target = None if place.path is None else target_of(place.path, None)
            if target is None:
                check_backend(dtype_backend)
            fetch = self.fetcher.fetch(method, select, owned, asked, by=key)
            if target is None:
                destination = fetch.into(lambda schema: FrameSink(schema, dtype_backend=dtype_backend))
            else:
                destination = fetch.into_file(target, resume=False, partial=False)
            with destination:
                for batch in destination.batches:
                    destination.write(batch)
            result: pd.DataFrame | FetchReport = place.done(destination.result)
            return result

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
    ) -> CrmReport:
        """Keep a folder of linked tables in sync with the CRM: deals, contacts, companies, products, stages, users...

        Each table has its own folder of Parquet files. The first run reads everything, each later one only changes. The
        report names the tables that the user has no right to see; they stay unchanged.

        :param tables: their names; the tables that they are derived from are added. None: all that the portal has.
        :param since: only deals, leads, activities and other events created from then on, such as ``"2024-01-01"``;
            companies, contacts and users stay complete, because other tables refer to them.
        :param deletes: ``"scan"`` also reads all ids, and removes the rows that are gone.
        :param max_deletes: how many rows of each table may be removed (500), or which share of them (0.2); None: 5 %,
            and of a small table more. A table of which more are gone stays as it was.
        :param gentle: leave half of the portal's request limit to others.
        :param progress: as in :meth:`fetch_all`; a ``note`` for each table that is done.
        :raises ConfigError: a name that is not a table, or the folder belongs to another portal or user; nothing was
            sent.
        :raises ExportError: another run is updating the folder (code ``ALREADY_RUNNING``), or tables failed
            (``TABLES_FAILED``): the others are up to date, and the next run resumes.

        >>> import tempfile
        >>> from b24data import Sandbox
        >>> with Sandbox(deals=60) as portal, tempfile.TemporaryDirectory() as folder:
        ...     report = portal.connect().tools.sync_crm(f"{folder}/crm", tables=["deals", "deal_contacts"])
        ...     report.complete, list(report.tables), report.tables["deals"].rows
        (True, ['deals', 'deal_contacts'], 60)
        """
        check_deletes(deletes, max_deletes)
        check_since(since)
        meter = progress_for(progress)
        folder = CrmFolder(path_of(to))
        found, asked = tables_of(self, tables)
        return CrmSync(
            self._client.session,
            self._client.clock,
            self,
            folder,
            found,
            since,
            deletes,
            max_deletes,
            gentle,
            meter,
            asked,
        ).run()
