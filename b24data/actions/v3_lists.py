"""Whole lists of REST 3 as dicts: by bounds on the id, or by the portal's own cursor.

Source: b24restdocs, api-reference/rest-v3.md. There is no ``total`` and no ``next``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from b24data.actions.calls import Page, Params, collected
from b24data.actions.results import Result
from b24data.errors import ConfigError, IncompleteFetchError, ProtocolViolationError, SdkError
from b24data.http.context import CallContext
from b24data.http.payload import decoded_list
from b24data.http.session import Session
from b24data.lists.methods import MethodSpec, check_reads
from b24data.lists.rows import rows_of

__all__ = ["CallList", "CallTail", "FetchList", "FetchTail"]

Cursor: TypeAlias = int | str

_V3 = "v3:"


class FetchList:
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
        check_reads(_V3 + method)
        asked = cursor_id_key or id_key
        sent = _with_selected(_without(params, "order", "pagination"), id_key)
        conditions = list(sent.pop("filter", None) or ())

        def page_after(cursor: Cursor) -> Params:
            page = {"page": 0, "limit": limit}
            return {**sent, "order": {asked: "ASC"}, "filter": [*conditions, [asked, ">", cursor]], "pagination": page}

        def advance(row: Mapping[str, Any], cursor: Cursor) -> Cursor | None:
            try:
                value = int(row.get(id_key, ""))
            except (TypeError, ValueError):
                return None
            return value if value > int(cursor) else cursor

        walk = _Walk(self._session, method, custom_key_for_result, id_key, request_id, page_after, advance)
        return walk.pages(0)


class CallList:
    """``actions.v3.call_list``: a whole list at once."""

    def __init__(self, session: Session) -> None:
        self._fetch = FetchList(session)

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
        """All rows of ``method`` as a list of dicts; the options are those of :meth:`FetchList.make`.

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
        return collected(pages)


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
        initial_value: Cursor | None = None,
        custom_key_for_result: str = "items",
        limit: int = 50,
        request_id: str = "",
    ) -> Iterator[Page]:
        """The rows behind ``initial_value`` of ``cursor_field`` as dicts, in pages of up to ``limit``.

        Source: b24restdocs, the page of ``main.eventlog.tail``. The cursor's field must not stand in the filter and is
        added to ``select`` if that lacks it. ``order="DESC"`` needs an ``initial_value`` to go down from.
        Raises :class:`ConfigError` for either and for a method that is not a read, :class:`IncompleteFetchError` if the
        list breaks off.
        """
        check_reads(_V3 + method)
        descending = str(order).upper() == "DESC"
        if descending and initial_value is None:
            raise ConfigError("a tail downwards needs initial_value", hint="the largest value there can be")
        if any(
            isinstance(one, Sequence) and one and one[0] == cursor_field for one in (params or {}).get("filter") or ()
        ):
            raise ConfigError(f"the cursor's field {cursor_field!r} is in the filter", hint="say it by initial_value")
        sent = _with_selected(_without(params, "order", "pagination", "cursor"), cursor_field)

        def page_after(cursor: Cursor) -> Params:
            return {**sent, "cursor": {"field": cursor_field, "value": cursor, "order": order, "limit": limit}}

        def advance(row: Mapping[str, Any], _: Cursor) -> Cursor | None:
            return row.get(cursor_field)

        walk = _Walk(self._session, method, custom_key_for_result, cursor_field, request_id, page_after, advance)
        return walk.pages(0 if initial_value is None else initial_value)


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
        initial_value: Cursor | None = None,
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
        return collected(pages)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One list by a cursor: ``page_after`` makes the parameters of a page, ``advance`` reads the cursor off a row."""

    session: Session
    method: str
    rows_at: str
    id_key: str
    request_id: str
    page_after: Callable[[Cursor], Params]
    advance: Callable[[Mapping[str, Any], Cursor], Cursor | None]

    def pages(self, cursor: Cursor) -> Iterator[Page]:
        """Page after page, until an empty one."""
        spec, context = MethodSpec(self.method, "keyset", rows_at=self.rows_at), CallContext(request_id=self.request_id)
        begun = False
        try:
            while True:
                response = self.session.call(self.method, self.page_after(cursor), context=context, reads=True)
                page: Page = decoded_list(rows_of(response, spec))
                begun = True
                if not page:
                    return
                cursor = self._behind(page[-1], cursor)
                yield page
        except SdkError as error:
            if not begun:
                raise
            last_id = cursor if isinstance(cursor, int) else None
            raise IncompleteFetchError(
                f"{self.method} stopped behind {cursor!r}: {error.summary}", last_id=last_id, hint=error.advice
            ) from error

    def _behind(self, row: Mapping[str, Any], cursor: Cursor) -> Cursor:
        following = self.advance(row, cursor)
        if following is None:
            raise ProtocolViolationError(
                f"{self.method}: the last row of a page has no usable {self.id_key!r}",
                hint="name the field of the row in id_key (of a tail: cursor_field)",
            )
        if following == cursor:
            raise ProtocolViolationError(f"{self.method}: the portal sends the same page again and again")
        return following


def _without(params: Params | None, *names: str) -> dict[str, Any]:
    """``params`` without what the walk sets itself, as the SDK ignores it."""
    return {key: value for key, value in (params or {}).items() if key not in names}


def _with_selected(params: dict[str, Any], field: str) -> dict[str, Any]:
    select = params.get("select")
    return params if not select or field in select else {**params, "select": [*select, field]}
