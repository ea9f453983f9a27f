"""``b24.tools``: from a method's name to a DataFrame, an Arrow table, a stream of batches, or a Parquet file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, Self, TypedDict, TypeVar, Unpack, overload

import pyarrow as pa

from b24data.datasets.job import JobFacts, jobs
from b24data.errors import ConfigError, SdkError
from b24data.frames.described import Descriptions
from b24data.frames.dictionaries import Dictionaries
from b24data.frames.labels import LabelMode
from b24data.frames.overview import columns_of, fields_frame
from b24data.frames.parquet import check_target
from b24data.frames.sinks import DtypeBackend, FrameSink, TableSink, check_backend, frame_of
from b24data.frames.unfold import exploded, first_of
from b24data.http.clock import Clock
from b24data.http.context import CallContext
from b24data.http.session import Session
from b24data.lists.ask import Asker
from b24data.lists.estimate import Estimate, estimate_list
from b24data.lists.methods import nearest_methods, spec_of
from b24data.lists.plan import make_plan
from b24data.params import ApiVersion, FetchReport
from b24data.pipeline import FetchOptions, Pipeline, ProgressOption

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Client", "Options", "Stream", "Tools"]

T = TypeVar("T")


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
    labels: LabelMode
    titles: bool
    dtypes: Mapping[str, Any] | None
    errors: Literal["null", "raise"]
    tz: str
    progress: ProgressOption
    workers: int | None
    gentle: bool
    check_fields: bool
    verify: Literal["walk", "count", False]


class Stream(Generic[T]):
    """Pieces of a list as they come; ``report`` tells how it went, as far as it went.

    Use it in a ``for`` loop, or in ``with`` to be sure that leaving early stops the requests at once.
    """

    def __init__(self, pipeline: Pipeline, pieces: Generator[T, None, None]) -> None:
        self._pipeline = pipeline
        self._pieces = pieces

    @property
    def report(self) -> FetchReport:
        """The report so far; ``complete`` once the loop has come to the list's proven end."""
        return self._pipeline.report(None)

    def close(self) -> None:
        """Stop: nothing more is sent."""
        self._pieces.close()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        return next(self._pieces)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Tools:
    """The data tools of one client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._descriptions = Descriptions(client.get_http_client, client.clock)
        self._dictionaries = Dictionaries(client.session, client.clock)

    @overload
    def fetch_all(
        self,
        method: str,
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        *,
        to: None = None,
        dtype_backend: DtypeBackend = "numpy_nullable",
        partial: Literal["raise", "ok"] = "raise",
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
        resume: bool = True,
        partial: Literal["raise", "ok"] = "raise",
        **options: Unpack[Options],
    ) -> FetchReport: ...

    def fetch_all(
        self,
        method: str,
        select: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        *,
        to: str | os.PathLike[str] | None = None,
        dtype_backend: DtypeBackend = "numpy_nullable",
        resume: bool = True,
        partial: Literal["raise", "ok"] = "raise",
        order: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        limit: int | None = None,
        labels: LabelMode = False,
        titles: bool = False,
        dtypes: Mapping[str, Any] | None = None,
        errors: Literal["null", "raise"] = "null",
        tz: str = "UTC",
        progress: ProgressOption = "auto",
        workers: int | None = None,
        gentle: bool = False,
        check_fields: bool = True,
        verify: Literal["walk", "count", False] = "walk",
    ) -> Any:
        """A whole list: as a DataFrame, or with ``to=`` in a Parquet file.

        Every row comes once, in the order of its id (``order={"ID": "DESC"}``: downwards), typed by the portal's own
        description of its fields. It ends in a :class:`FetchReport` that says why the list is whole: returned with
        ``to=``, else in ``df.attrs["b24data"]`` as a dict.

        :param method: any list method, such as ``crm.deal.list``, ``crm.item.list``, ``tasks.task.list``. One that both
            versions of REST have is read in REST 2, and with ``v3:`` before its name in REST 3.0.
        :param select: the fields to get; ``"*"`` and ``"UF_*"`` as on the portal. None: what the portal gives.
        :param filter: the portal's conditions, ``{">=DATE_CREATE": "2026-01-01", "@STAGE_ID": ["NEW", "WON"]}``.
        :param to: a Parquet file, which appears when it is whole; memory does not depend on the number of rows.
        :param dtype_backend: ``"numpy_nullable"`` (Int64, string, ...) or ``"pyarrow"``.
        :param resume: a fetch with ``to=`` that was stopped, by whatever, goes on where it was when the same call is
            made again within 24 hours; the report tells of both runs. So does every list that is read by ids. False:
            from the beginning.
        :param partial: ``"ok"`` gives what came when the list could not be read to its end; the report says so.
        :param order: ``{"ID": "ASC"}``; by another field the portal's counted pages are read, which takes longer.
        :param params: further parameters of the method, such as ``{"entityTypeId": 2}``.
        :param limit: the first so many rows only; the report has ``complete=False`` when there are more.
        :param labels: words for codes (stages, sources, enumerations, categories, users, departments, currencies):
            ``"add"`` puts them beside as ``STAGE_ID_LABEL``, ``"replace"`` in their place. A code without a word stays.
        :param titles: name the columns by the fields' titles instead of their codes.
        :param dtypes: column -> ``"text"``, ``"int"``, ``"float"``, ``"bool"``, ``"date"``, ``"datetime"``.
        :param errors: what to do with a value that does not fit: ``"null"`` (counted in the report) or ``"raise"``.
        :param tz: the zone that points in time are shown in.
        :param progress: ``"auto"``, True, False, or a callable that takes :class:`ProgressEvent`.
        :param workers: most requests under way at once; None: as the portal keeps up with, 16 at the most.
        :param gentle: leave half of the portal's request limit to other programs.
        :param verify: ``"walk"`` checks the ids and, on the rows, the filter; ``"count"`` has the portal count the list
            besides (slow on large portals); False trusts the filter.
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
        target = None if to is None else check_target(to)
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
            verify=verify,
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
        partial: Literal["raise", "ok"] = "raise",
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
            raise ConfigError(f"chunksize={chunksize} is not a number of rows", hint="such as 50_000")
        check_backend(dtype_backend)
        pipeline = self._pipeline(method, select, filter, **options)
        return Stream(pipeline, _frames(pipeline, chunksize, dtype_backend))

    def describe(self, method: str, *, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """The fields that a list has: code, title, type, arrow, multiple, required, read_only, values.

        ``type`` is the portal's own name of the type, ``arrow`` what the column becomes, ``values`` a dict of the codes
        that may stand in it: of enumerations, stages and other lists, categories, currencies. ``params`` are the
        parameters that the method needs, such as ``{"entityTypeId": 2}``. Three requests at the most, none when the
        same was asked in the last ten minutes.

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
        described = self._descriptions.of(spec, params or {}, context)
        if not described.fields:
            near = () if spec.documented else nearest_methods(method)
            raise ConfigError(
                described.note.partition(":")[0],
                hint=f"did you mean {' or '.join(near)}?"
                if near
                else "a fetch types the columns by the rows that come",
            )
        columns = columns_of(described.fields, spec.id_asked)
        words_of, _ = self._dictionaries.words_for(columns, method, params or {}, context, people=False)
        return fields_frame(columns, words_of)

    def explode(self, frame: pd.DataFrame, column: str, keep: Sequence[str] | None = None) -> pd.DataFrame:
        """A column of lists, such as PHONE, as one row for each element; rows without one are left out.

        ``keep`` are the columns that go along (None: all others). A contact's value stands in ``PHONE``, its kind
        (``WORK``, ``HOME``) in ``PHONE_TYPE``, its id in ``PHONE_ID``. Nothing is asked of the portal.

        :raises SchemaError: there is no such column, or it has no lists.

        >>> from b24data import Sandbox
        >>> with Sandbox(contacts=50) as portal:
        ...     b24 = portal.connect()
        ...     contacts = b24.tools.fetch_all("crm.contact.list", ["ID", "PHONE"], progress=False)
        >>> list(b24.tools.explode(contacts, "PHONE", keep=["ID"]))
        ['ID', 'PHONE', 'PHONE_TYPE', 'PHONE_ID']
        """
        return exploded(frame, column, keep)

    def first(self, frame: pd.DataFrame, column: str) -> pd.Series[Any]:
        """The first element of each list in a column, of a contact its value; null where there is none.

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
        return first_of(frame, column)

    def estimate(
        self,
        method: str,
        filter: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        limit: int | None = None,
    ) -> Estimate:
        """About how many rows a list has, and what fetching it takes: a few requests, before a long run.

        Rows with an id are not counted (that is slow on large portals) but sampled in twenty places.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=5_000) as portal:
        ...     estimate = portal.connect().tools.estimate("crm.deal.list")
        >>> 4_500 < estimate.rows < 5_500, estimate.requests < 10
        (True, True)
        """
        plan = make_plan(spec_of(method), filter=filter, params=params, limit=limit)
        session = self._client.get_http_client(plan.spec.version)
        asker = Asker(session, plan, CallContext(), self._client.clock)
        return estimate_list(asker, session.params.rate_limit, session.params.operating_limit)

    def jobs(self) -> pd.DataFrame:
        """The fetches into files that were stopped on this machine, whatever portal they are of, the latest first.

        Columns: target, method, portal, rows (that are there), last_id, pinned_id, started, runs, and state:
        ``stopped`` (the same call goes on), ``running``, or ``too old`` (the same call starts anew).

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=1) as portal:
        ...     "state" in portal.connect().tools.jobs()
        True
        """
        import pandas as pd

        found = jobs(self._client.clock.time())
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
        )
        session = self._client.get_http_client(plan.spec.version)
        clock = self._client.clock
        return Pipeline(session, clock, self._descriptions, self._dictionaries, plan=plan, options=asked)


def _frames(pipeline: Pipeline, chunksize: int, dtype_backend: DtypeBackend) -> Generator[pd.DataFrame, None, None]:
    """Batches put together, and cut, into frames of ``chunksize`` rows."""
    sink: TableSink | None = None
    waiting, frames = 0, 0
    with contextlib.closing(pipeline.batches()) as batches:
        for batch in batches:
            taken = 0
            while taken < batch.num_rows:
                sink = sink or TableSink(pipeline.schema)
                piece = batch.slice(taken, chunksize - waiting)
                sink.write(piece)
                taken, waiting = taken + piece.num_rows, waiting + piece.num_rows
                if waiting == chunksize:
                    yield frame_of(sink.abort(), dtype_backend)
                    sink, waiting, frames = None, 0, frames + 1
    if waiting or not frames:
        yield frame_of((sink or TableSink(pipeline.schema)).abort(), dtype_backend)
