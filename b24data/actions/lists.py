"""Whole lists as dicts, by the walks of ``tools``: of REST 2 and REST 3.0, and by the cursor of REST 3.0's tails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from b24data.actions.results import Page, Params, Result
from b24data.errors import ConfigError, IncompleteFetchError
from b24data.http.context import CallContext
from b24data.http.payload import decoded_list
from b24data.http.session import Session
from b24data.lists.conditions import each_condition
from b24data.lists.literals import brief, is_whole
from b24data.lists.methods import MethodSpec, check_reads, spec_of
from b24data.lists.plan import ListPlan, make_plan
from b24data.lists.reader import PageReader
from b24data.lists.rows import Row, id_reader
from b24data.lists.walk import Decode, IdRun, WalkFacts
from b24data.lists.walks import read_list


class FetchList:
    """``actions.v2.fetch_list``: a whole list, page by page."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(
        self,
        *,
        method: str,
        params: Params | None = None,
        id_key: str | None = None,
        cursor_id_key: str | None = None,
        custom_key_for_result: str | None = None,
        request_id: str = "",
    ) -> Iterator[Page]:
        """The rows of ``method`` as dicts, in portions of up to some thousand, by ascending id.

        The options are needed only for methods that the documentation does not have: ``id_key`` is the id in a row,
        ``cursor_id_key`` its name in filter and order, ``custom_key_for_result`` the key of ``result`` with the rows.
        The method may have any of the walks that :meth:`Tools.fetch_all` knows, with the same proofs of completeness.
        Raises :class:`IncompleteFetchError` if the list breaks off.

        >>> from b24data import Sandbox
        >>> with Sandbox(tasks=120) as portal:
        ...     pages = portal.connect().actions.v2.fetch_list.make(method="tasks.task.list")
        ...     sum(len(page) for page in pages) == portal.truth("tasks.task.list").count
        True
        """
        spec = spec_of(method)
        if custom_key_for_result is not None:
            spec = replace(spec, rows_at=custom_key_for_result)
        if id_key is not None or cursor_id_key is not None:
            spec = replace(
                spec,
                walk="keyset",
                id=id_key or spec.id,
                id_asked=cursor_id_key or id_key,
                filter=spec.filter or "filter",
                order=spec.order or "order",
                start=spec.start or "start",
            )
        return _pages(self._session, make_plan(spec, params=params), request_id)


class CallList:
    """``actions.v2.call_list``: a whole list at once."""

    def __init__(self, session: Session) -> None:
        self._fetch = FetchList(session)

    def make(
        self,
        *,
        method: str,
        params: Params | None = None,
        id_key: str | None = None,
        cursor_id_key: str | None = None,
        custom_key_for_result: str | None = None,
        request_id: str = "",
    ) -> Result:
        """All rows of ``method`` as a list of dicts; the options are those of :meth:`FetchList.make`.

        Raises :class:`IncompleteFetchError`, with the rows that came, if the list breaks off.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=120) as portal:
        ...     deals = portal.connect().actions.v2.call_list.make(method="crm.deal.list", params={"select": ["TITLE"]})
        >>> len(deals.get_data()), sorted(deals.get_data()[0])
        (120, ['TITLE'])
        """
        pages = self._fetch.make(
            method=method,
            params=params,
            id_key=id_key,
            cursor_id_key=cursor_id_key,
            custom_key_for_result=custom_key_for_result,
            request_id=request_id,
        )
        return _collected(pages)


class FetchListV3:
    """``actions.v3.fetch_list``: a whole list, page by page."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(
        self,
        *,
        method: str,
        params: Params | None = None,
        id_key: str = "id",
        cursor_id_key: str | None = None,
        custom_key_for_result: str = "items",
        limit: int = 50,
        request_id: str = "",
    ) -> Iterator[Page]:
        """The rows of ``method`` as dicts, in pages of up to ``limit``, by ascending id.

        ``id_key`` is the id in a row, ``cursor_id_key`` its name in filter and order; it is added to ``select`` if that
        lacks it. The list ends with an empty page: a portal may send fewer rows than ``limit`` at any time.
        Raises :class:`ConfigError` for a method that is not a read, :class:`IncompleteFetchError` if the list breaks
        off.
        """
        spec = replace(
            _spec_v3(method, custom_key_for_result, limit),
            walk="v3_keyset",
            id=id_key,
            id_asked=cursor_id_key or id_key,
            order="order",
            size="pagination.limit",
            cursor=None,
        )
        plan = make_plan(spec, params=_without(params, "order", "pagination"))
        return _pages(self._session, replace(plan, id_added=False), request_id)


class CallListV3:
    """``actions.v3.call_list``: a whole list at once."""

    def __init__(self, session: Session) -> None:
        self._fetch = FetchListV3(session)

    def make(
        self,
        *,
        method: str,
        params: Params | None = None,
        id_key: str = "id",
        cursor_id_key: str | None = None,
        custom_key_for_result: str = "items",
        limit: int = 50,
        request_id: str = "",
    ) -> Result:
        """All rows of ``method`` as a list of dicts; the options are those of :meth:`FetchListV3.make`.

        Raises :class:`IncompleteFetchError`, with the rows that came, if the list breaks off.
        """
        pages = self._fetch.make(
            method=method,
            params=params,
            id_key=id_key,
            cursor_id_key=cursor_id_key,
            custom_key_for_result=custom_key_for_result,
            limit=limit,
            request_id=request_id,
        )
        return _collected(pages)


class FetchTail:
    """``actions.v3.fetch_tail``: a list by the portal's own cursor, page by page."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(
        self,
        *,
        method: str,
        params: Params | None = None,
        cursor_field: str = "id",
        order: Literal["ASC", "DESC"] = "ASC",
        initial_value: int | None = None,
        custom_key_for_result: str = "items",
        limit: int = 50,
        request_id: str = "",
    ) -> Iterator[Page]:
        """The rows behind ``initial_value`` of ``cursor_field`` as dicts, in pages of up to ``limit``.

        Source: b24restdocs, the page of ``main.eventlog.tail``. The cursor's field has a whole number that no other row
        has; it must not stand in the filter, and is added to ``select`` if that lacks it. ``order="DESC"`` needs an
        ``initial_value`` to go down from.
        Raises :class:`ConfigError` for either and for a method that is not a read, :class:`IncompleteFetchError` if the
        list breaks off.
        """
        spec = replace(
            _spec_v3(method, custom_key_for_result, limit),
            walk="v3_tail",
            id=cursor_field,
            id_asked=cursor_field,
            order=None,
            size=None,
            cursor="cursor",
        )
        if initial_value is not None and not is_whole(initial_value):
            raise ConfigError(
                f"initial_value is {brief(initial_value)}, which is not a whole number",
                hint=f"give the last {cursor_field} that you have",
            )
        descending = str(order).upper() == "DESC"
        if descending and initial_value is None:
            raise ConfigError("a descending tail needs initial_value", hint="pass the largest possible value")
        plan = make_plan(
            spec,
            params=_without(params, "order", "pagination", "cursor"),
            order={cursor_field: "DESC"} if descending else None,
        )
        if plan.bounds or any(one.name == cursor_field for one in each_condition(plan.conditions)):
            raise ConfigError(f"the cursor's field {cursor_field!r} is in the filter", hint="pass it as initial_value")
        low = None if initial_value is None else plan.position(int(initial_value))
        return _pages(self._session, replace(plan, low=low, id_added=False), request_id)


class CallTail:
    """``actions.v3.call_tail``: a list by the portal's own cursor, at once."""

    def __init__(self, session: Session) -> None:
        self._fetch = FetchTail(session)

    def make(
        self,
        *,
        method: str,
        params: Params | None = None,
        cursor_field: str = "id",
        order: Literal["ASC", "DESC"] = "ASC",
        initial_value: int | None = None,
        custom_key_for_result: str = "items",
        limit: int = 50,
        request_id: str = "",
    ) -> Result:
        """All rows as a list of dicts; the options are those of :meth:`FetchTail.make`."""
        pages = self._fetch.make(
            method=method,
            params=params,
            cursor_field=cursor_field,
            order=order,
            initial_value=initial_value,
            custom_key_for_result=custom_key_for_result,
            limit=limit,
            request_id=request_id,
        )
        return _collected(pages)


def _spec_v3(method: str, rows_at: str, limit: int) -> MethodSpec:
    """The facts about a method of REST 3.0, with the caller's word for where its rows lie and how many a page has."""
    check_reads(f"v3:{method}")
    if not is_whole(limit) or limit < 1:
        raise ConfigError(f"limit is {brief(limit)}", hint="give the rows of a page, such as 50")
    return replace(
        spec_of(f"v3:{method}"),
        rows_at=rows_at,
        filter="filter",
        filter_form="conditions",
        select="select",
        page_max=int(limit),
        next_at=None,
        more_at=None,
    )


def _without(params: Params | None, *names: str) -> Params:
    """``params`` without what the walk sets itself, as the SDK ignores it."""
    return {key: value for key, value in (params or {}).items() if key not in names}


def _pages(session: Session, plan: ListPlan, request_id: str) -> Iterator[Page]:
    return read_list(PageReader(session, plan, CallContext(request_id=request_id)), _decoder(plan), WalkFacts())


def _decoder(plan: ListPlan) -> Decode[Page]:
    """Rows to dicts, without an id that only the walk had asked for."""
    read_id = id_reader(plan.spec) if plan.walk == "keyset" else None

    def decode(rows: Sequence[Row]) -> tuple[Page, IdRun | None]:
        page: Page = decoded_list(rows)
        run = None if read_id is None else IdRun.of([*map(read_id, rows)], descending=plan.descending)
        if plan.id_added and plan.spec.id is not None:
            for row in page:
                row.pop(plan.spec.id, None)
        return page, run

    return lambda runs: [decode(rows) for rows in runs]


def _collected(pages: Iterator[Page]) -> Result:
    """All rows of a list; if it breaks off, :class:`IncompleteFetchError` has those that came."""
    rows: Page = []
    try:
        for page in pages:
            rows.extend(page)
    except IncompleteFetchError as error:
        error.rows = rows
        raise
    return Result(rows)
