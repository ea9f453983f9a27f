"""``b24.tools``: from a method's name to a DataFrame, an Arrow table, a stream of batches, or a file."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, Unpack, overload

import pyarrow as pa

from b24data.crm.folder import CrmFolder
from b24data.crm.report import CrmReport, TableReport
from b24data.crm.sync import CrmSync, tables_of
from b24data.errors import ConfigError, SdkError
from b24data.fetch.fetch import Pipeline
from b24data.fetch.options import FetchOptions, ProgressOption
from b24data.fetch.stream import Stream, frames_of
from b24data.fetch.unfinished import JobFacts, unfinished
from b24data.fields.descriptions import TYPES_S, WORDS_S, Described, Descriptions
from b24data.files.atomic import path_of
from b24data.frames.dictionaries import Dictionaries
from b24data.frames.labels import LabelOption
from b24data.frames.overview import columns_of, fields_frame
from b24data.frames.sinks import DtypeBackend, FrameSink, TableSink, check_backend
from b24data.frames.targets import CsvKind, check_csv, target_of
from b24data.frames.unfold import exploded, first_of
from b24data.http.clock import Clock
from b24data.http.context import CallContext
from b24data.http.session import Session
from b24data.lists.blocks import owners_in
from b24data.lists.estimate import Estimate, estimate_list
from b24data.lists.methods import nearest_methods, spec_of
from b24data.lists.plan import make_plan
from b24data.lists.reader import PageReader
from b24data.params import ApiVersion
from b24data.report import FetchReport
from b24data.sync.clocks import seconds_of
from b24data.sync.report import SyncReport
from b24data.sync.source import check_folder, source_of
from b24data.sync.sync import Sync, check_deletes
from b24data.text.hints import option

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Client", "Options", "Tools"]


class Client(Protocol):
    """What the tools need of a client."""

    @property
    def session(self) -> Session:
        """Calls the portal."""
        ...

    @property
    def clock(self) -> Clock:
        """Tells the time."""
        ...

    def get_http_client(self, version: ApiVersion | str) -> Session:
        """Calls the portal in that version of REST."""
        ...


class Options(TypedDict, total=False):
    """The keywords of :class:`FetchOptions`."""

    order: Mapping[str, str] | None
    params: Mapping[str, Any] | None
    limit: int | None
    labels: LabelOption
    titles: bool
    dtypes: Mapping[str, Any] | None
    errors: Literal["coerce", "raise"]
    tz: str
    progress: ProgressOption
    workers: int | None
    gentle: bool
    check_fields: bool
    count: bool
    recheck: bool


class Tools:
    """The data tools of one client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._descriptions = Descriptions(client.get_http_client, client.clock)
        self._dictionaries = Dictionaries(lambda: client.session, client.clock)

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

        Every row comes once, in the order of its id (``order={"ID": "DESC"}``: downwards), typed by the portal's own
        description of its fields. It ends in a :class:`FetchReport` that says why the list is whole: returned with
        ``to=``, else in ``df.attrs["b24data"]`` as a dict.

        :param method: any list method, such as ``crm.deal.list``, ``crm.item.list``, ``tasks.task.list``. One that both
            versions of REST have is read in REST 2, and with ``v3:`` before its name in REST 3.0.
        :param select: the fields to get; ``"*"`` and ``"UF_*"`` as on the portal. None: what the portal gives.
        :param filter: the portal's conditions, ``{">=DATE_CREATE": "2026-01-01", "@STAGE_ID": ["NEW", "WON"]}``.
        :param to: a file, which appears when it is whole: ``.parquet``, ``.xlsx`` (needs the extra ``excel``) or
            ``.csv``; memory does not depend on the number of rows. docs/types.md says what each kind of value becomes.
        :param csv: ``"plain"`` (None) writes a CSV for programs, ``"excel-ru"`` one for Russian Excel.
        :param dtype_backend: ``"numpy_nullable"`` (Int64, string, ...) or ``"pyarrow"``.
        :param resume: a fetch with ``to=`` that was stopped, by whatever, goes on where it was when the same call is
            made again within 24 hours; the report tells of both runs. So does every list that is read by ids. False:
            from the beginning.
        :param partial: True gives what came when the list could not be read to its end; the report says so.
        :param order: ``{"ID": "ASC"}``; by another field the portal's counted pages are read, which takes longer.
        :param params: further parameters of the method, such as ``{"entityTypeId": 2}``.
        :param limit: at most this many rows, the first ones; the report has ``complete=False`` when there are more.
        :param labels: labels of codes (stages, sources, enumerations, users, departments, currencies): ``"add"`` puts
            them beside as ``STAGE_ID_LABEL``, ``"replace"`` in their place; a list of columns adds labels to these
            alone, such as titles of companies to ``COMPANY_ID``. A code without a label stays.
        :param titles: name the columns by the fields' titles instead of their codes.
        :param dtypes: column -> ``"text"``, ``"int"``, ``"float"``, ``"decimal"`` (exact), ``"bool"``, ``"date"``,
            ``"datetime"`` or ``"category"``.
        :param errors: what to do with a value that does not fit: ``"coerce"`` (null, and counted) or ``"raise"``.
        :param tz: the zone that points in time are shown in.
        :param progress: ``"auto"``, True, False, or a callable that takes :class:`ProgressEvent`.
        :param workers: most requests under way at once; None: as the portal keeps up with, 24 at the most.
        :param gentle: leave half of the portal's request limit to other programs.
        :param count: True has the portal count the list besides, which is slow on large portals.
        :param recheck: check on the rows that they match the filter; False trusts the portal. Ids are always checked.
        :param check_fields: False lets names in ``select``, ``filter`` and ``order`` pass that the portal does not
            describe.
        :raises ConfigError: the request makes no sense; nothing was sent.
        :raises SchemaError: a field that does not exist, with the nearest names; no row was asked for.
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
        target = None if to is None else target_of(to, csv)
        check_backend(dtype_backend)
        pipeline = self._pipeline(
            method,
            select,
            filter,
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
        if target is None:
            return pipeline.run(lambda schema: FrameSink(schema, dtype_backend=dtype_backend), partial)
        return pipeline.into_file(target, resume=resume, partial=partial)

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
        return self._pipeline(method, select, filter, **options).run(TableSink, partial)

    def iter_batches(
        self,
        method: str,
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> Stream[pa.RecordBatch]:
        """A list as :class:`pyarrow.RecordBatch` es of up to 2,500 rows as they come, in flat memory.

        Takes what :meth:`fetch_all` takes; the report is the stream's ``report``.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=120) as portal:
        ...     batches = portal.connect().tools.iter_batches("crm.deal.list", ["ID"], progress=False)
        ...     sum(batch.num_rows for batch in batches), batches.report.complete
        (120, True)
        """
        pipeline = self._pipeline(method, select, filter, **options)
        return Stream(pipeline, pipeline.batches())

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
        """A list as DataFrames of ``chunksize`` rows (the last one: what is left), in flat memory.

        Takes what :meth:`fetch_all` takes. An empty list is one empty frame with its columns.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=120) as portal:
        ...     frames = portal.connect().tools.iter_frames("crm.deal.list", ["ID"], chunksize=50, progress=False)
        ...     [len(frame) for frame in frames]
        [50, 50, 20]
        """
        if chunksize < 1:
            raise ConfigError(f"chunksize {chunksize} is not a number of rows", hint="such as 50_000")
        check_backend(dtype_backend)
        pipeline = self._pipeline(method, select, filter, **options)
        return Stream(pipeline, frames_of(pipeline, chunksize, dtype_backend))

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
        """Keep a folder of Parquet files equal to a list: only what was changed since the last sync is fetched.

        The first sync fetches the whole list. Each later one asks for the rows that were changed since the last began,
        and puts them in the place of those with the same id; rows that no longer match ``filter`` are taken out. The
        next one begins where the portal's clock stood before anything was read. Whatever stops a sync, the data stay
        as they were, or each row as it was or is, and the next one goes on. Read the folder as ``deals/*.parquet``:
        each id is there once, at every moment. docs/sync.md tells the rest.

        :param to: the folder of the dataset, for this query alone; made if it is not there.
        :param select: the fields; the id and the cursor are among them in any case. None: what the portal gives.
        :param cursor: the field that tells when a row was changed last; None: the documented one, such as DATE_MODIFY.
        :param overlap: how much further back to ask, for what the portal was still writing when it was asked.
        :param deletes: ``"scan"`` reads all ids besides, takes out the rows that are gone, and fetches those that are
            missing. None: rows that are deleted on the portal stay.
        :param max_deletes: how many rows may be gone (500), or which share of them (0.2); None: 5 %. If more are, it is
            an error that changes nothing: a user whose rights were taken away sees less, too.
        :raises ConfigError: the method can't be synced, or the folder is of another query; nothing was sent.
        :raises ExportError: another sync of the folder is under way (code ``ALREADY_RUNNING``), too many rows are gone
            (``TOO_MANY_DELETES``), no row is to be seen any more (``NOTHING_TO_SEE``), or the disk is full.

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
        source = source_of(
            method,
            cursor,
            filter,
            select=select,
            session=self._client.session,
            clock=self._client.clock,
            columns={"labels": labels, "dtypes": dtypes, "errors": errors, "tz": tz},
            manner={
                "params": params,
                "progress": progress,
                "workers": workers,
                "gentle": gentle,
                "check_fields": check_fields,
            },
            fetch_all=self.fetch_all,
            iter_batches=self.iter_batches,
        )
        return Sync(source, check_folder(to), overlap_s, deletes, max_deletes).run()

    def describe(self, method: str, *, params: Mapping[str, Any] | None = None, refresh: bool = False) -> pd.DataFrame:
        """The fields that a list has: code, title, type, arrow, multiple, required, read_only, values.

        ``type`` is the portal's own name of the type, ``arrow`` what the column becomes, ``values`` a dict of the codes
        that may stand in it: of enumerations, stages and other lists, categories, currencies. ``params`` are the
        parameters that the method needs, such as ``{"entityTypeId": 2}``. Three requests at the most, none when the
        same was asked in the last ten minutes; ``refresh=True`` asks what is so now, for later fetches too.

        :raises ConfigError: nothing describes the fields of this list, or the portal refuses to.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=1) as portal:
        ...     fields = portal.connect().tools.describe("crm.deal.list").set_index("code")
        >>> fields.loc["OPPORTUNITY", ["type", "arrow"]].to_list()
        ['double', 'double']
        >>> fields.loc["STAGE_ID", "values"]["C1:WON"]
        'Deal won'
        """
        spec, context = spec_of(method), CallContext()
        described = self._descriptions.of(spec, params or {}, context, age_s=0.0 if refresh else WORDS_S)
        given = {name.lower() for name in params or {}}
        missing = [name for name in spec.required if not given & set(name.lower().split("|")) and "." not in name]
        if not described.fields or (missing and described.note):
            hint = "a fetch types the columns by the rows that come"
            if missing:
                hint = f"pass {option('params', {missing[0].split('|')[0]: ...})}"
            elif not spec.documented and (near := nearest_methods(method)):
                hint = f"did you mean {' or '.join(near)}?"
            raise ConfigError(described.note.partition(":")[0], hint=hint)
        columns = columns_of(described.fields, spec.id_asked if spec.walk == "keyset" else None)
        words_of, _ = self._dictionaries.words_for(columns, method, params or {}, context, people=False)
        return fields_frame(columns, words_of)

    def described(self, method: str, params: Mapping[str, Any]) -> Described:
        """The fields of a list as the portal describes them; none where nothing does."""
        return self._descriptions.of(spec_of(method), params, CallContext(), age_s=TYPES_S)

    def told(self, method: str, params: Mapping[str, Any]) -> Described:
        """The fields of a list, if the portal has told them before; nothing is asked."""
        return self._descriptions.told(spec_of(method), params)

    def explode(self, frame: pd.DataFrame, column: str, keep: Sequence[str] | None = None) -> pd.DataFrame:
        """A column of lists, such as PHONE, as one row for each element; rows without one are left out.

        ``keep`` are the columns that go along (None: all others). A contact's value stands in ``PHONE``, its kind
        (``WORK``, ``HOME``) in ``PHONE_TYPE``, its id in ``PHONE_ID``; of ``fm`` in ``crm.item.list``, ``fm_TYPE_ID``
        says which it is (``PHONE``, ``EMAIL``, ``WEB``, ``IM``). Nothing is asked of the portal.

        :raises SchemaError: there is no such column, or it has no lists.

        >>> from b24data import Sandbox
        >>> with Sandbox(contacts=50) as portal:
        ...     b24 = portal.connect()
        ...     contacts = b24.tools.fetch_all("crm.contact.list", ["ID", "PHONE"], progress=False)
        >>> list(b24.tools.explode(contacts, "PHONE", keep=["ID"]))
        ['ID', 'PHONE', 'PHONE_TYPE', 'PHONE_ID']
        """
        return exploded(frame, column, keep)

    def first(self, frame: pd.DataFrame, column: str, type_id: str | None = None) -> pd.Series[Any]:
        """The first element of each list in a column, of a contact its value; null where there is none.

        ``type_id`` chooses among the contacts of ``fm`` in ``crm.item.list``: ``first(items, "fm", "EMAIL")``.
        ``contacts["PHONE"] = b24.tools.first(contacts, "PHONE")`` makes it a column of texts. Nothing is asked of the
        portal.

        :raises SchemaError: there is no such column, or it has no lists.

        >>> from b24data import Sandbox
        >>> with Sandbox(contacts=50) as portal:
        ...     b24 = portal.connect()
        ...     contacts = b24.tools.fetch_all("crm.contact.list", ["ID", "PHONE"], progress=False)
        >>> str(b24.tools.first(contacts, "PHONE").dtype)
        'string'
        """
        return first_of(frame, column, type_id)

    def estimate(
        self,
        method: str,
        filter: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        limit: int | None = None,
        check_fields: bool = True,
    ) -> Estimate:
        """About how many rows a list has, and what fetching it takes: a few requests, before a long run.

        The filter is understood as :meth:`fetch_all` understands it.

        Rows with an id are not counted (that is slow on large portals) but sampled in twenty places.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=5_000) as portal:
        ...     estimate = portal.connect().tools.estimate("crm.deal.list")
        >>> 4_500 < estimate.rows < 5_500, estimate.requests < 10
        (True, True)
        """
        plan = make_plan(spec_of(method), filter=filter, params=params, limit=limit, check=check_fields)
        session = self._client.get_http_client(plan.spec.version)
        if filter:
            _, plan = self._descriptions.for_request(plan, CallContext(), age_s=TYPES_S, check=check_fields)
        reader = PageReader(session, plan, CallContext())
        return estimate_list(reader, session.params.rate_limit, session.params.operating_limit)

    def unfinished(self) -> pd.DataFrame:
        """The fetches into files that were stopped on this machine, whatever portal they are of, the latest first.

        Columns: target, method, portal, rows (that are there), last_id, pinned_id, started, runs, and state:
        ``stopped`` (the same call goes on), ``running``, or ``too old`` (the same call starts anew).

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
        """Milliseconds until the portal answers ``server.time``; -1 when it does not.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=1) as portal:
        ...     portal.connect().tools.ping() > 0
        True
        """
        clock = self._client.clock
        began = clock.monotonic()
        try:
            self._client.session.call("server.time", attempts=1)
        except SdkError:
            return -1.0
        return (clock.monotonic() - began) * 1000

    def health_check(self) -> bool:
        """Whether the portal answers and accepts our authorization.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=1) as portal:
        ...     portal.connect().tools.health_check()
        True
        """
        return self.ping() >= 0

    def _pipeline(
        self,
        method: str,
        select: Sequence[str] | None,
        conditions: Mapping[str, Any] | None,
        *,
        by: str = "",
        **options: Unpack[Options],
    ) -> Pipeline:
        asked = FetchOptions(**options)
        plan = make_plan(
            spec_of(method),
            select=select,
            filter=conditions,
            order=asked.order,
            params=asked.params,
            limit=asked.limit,
            check=asked.check_fields,
        )
        if by and not plan.empty:
            owners_in(plan, by)
            plan = replace(plan, by=by, walk="offset")
        session = self._client.get_http_client(plan.spec.version)
        clock = self._client.clock
        return Pipeline(session, clock, self._descriptions, self._dictionaries, plan=plan, options=asked)

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
        """The rows of many owners: product rows of deals, requisites of companies, whatever is asked for by an id.

        The ids go in blocks, fifty pages in one request: some 2,500 rows a request, where a call for each owner takes
        as many requests as there are owners. A row of another owner than those asked for is an error.

        :param key: the condition on the owner, such as ``"=ownerId"``.
        :param values: the ids of the owners; each is asked for once.
        :param filter: the other conditions, which hold for all, such as ``{"=ownerType": "D"}``.
        :raises ConfigError: the method has no filter, or its rows have no id.

        Otherwise takes and raises what :meth:`fetch_all` does.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=120) as portal:
        ...     tools = portal.connect().tools
        ...     deals = portal.truth("crm.deal.list").ids[:50]
        ...     rows = tools.fetch_by("crm.deal.list", "@ID", deals, ["ID", "TITLE"], progress=False)
        >>> len(rows), rows.attrs["b24data"]["reason"]
        (50, 'all_owners')
        """
        target = None if to is None else target_of(to, None)
        if target is None:
            check_backend(dtype_backend)
        fetch = self._pipeline(method, select, {**(filter or {}), key: [*values]}, by=key, **options)
        if target is None:
            frame: pd.DataFrame = fetch.run(
                lambda schema: FrameSink(schema, dtype_backend=dtype_backend), partial=False
            )
            return frame
        return fetch.into_file(target, resume=False, partial=False)

    def sync_crm(
        self,
        to: str | os.PathLike[str],
        *,
        tables: Sequence[str] | None = None,
        since: str | None = None,
        deletes: Literal["scan"] | None = None,
        gentle: bool = True,
        progress: Callable[[TableReport], None] | None = None,
    ) -> CrmReport:
        """Keep a folder of linked tables equal to the CRM: deals, contacts, companies, products, stages, users...

        Each table has a folder of its own with Parquet files. The first run reads everything, each later one what has
        changed. A table that the user may not see is named in the report and left as it was.

        :param tables: their names, with those that they are made of; None: all that the portal has.
        :param since: only deals, leads, activities and other events created from then on, such as ``"2024-01-01"``;
            companies, contacts and users come whole, since others refer to them.
        :param deletes: ``"scan"`` reads all ids besides, and takes out the rows that are gone.
        :param gentle: leave half of the portal's requests to others.
        :param progress: called with the report of each table as it is done.
        :raises ConfigError: a name that is no table, or the folder is of another portal or user; nothing was sent.
        :raises ExportError: another run keeps the folder up to date (code ``ALREADY_RUNNING``), or tables failed
            (``TABLES_FAILED``): the others are up to date, and the next run goes on.

        >>> import tempfile
        >>> from b24data import Sandbox
        >>> with Sandbox(deals=60) as portal, tempfile.TemporaryDirectory() as folder:
        ...     report = portal.connect().tools.sync_crm(f"{folder}/crm", tables=["deals", "deal_contacts"])
        ...     report.complete, list(report.tables), report.tables["deals"].rows
        (True, ['deals', 'deal_contacts'], 60)
        """
        check_deletes(deletes, None)
        folder = CrmFolder(path_of(to))
        return CrmSync(self._client, self, folder, tables_of(self, tables), since, deletes, gentle, progress).run()
