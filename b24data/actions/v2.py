"""``b24.actions.v2``: one call, one batch, one list of dicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from b24data.actions.calls import (
    Calls,
    OneCall,
    Page,
    Params,
    ajax_result,
    collected,
    in_chunks,
    is_raised,
    named,
    parsed,
)
from b24data.actions.results import AjaxResult, Result
from b24data.errors import AjaxError, SdkError
from b24data.http.context import CallContext
from b24data.http.error_codes import REFUSED_BEFORE_RUNNING
from b24data.http.payload import decoded_list
from b24data.http.protocol import Command, Response
from b24data.http.session import Session
from b24data.lists.methods import MethodSpec, spec_of
from b24data.lists.plan import ListPlan, make_plan
from b24data.lists.reader import PageReader
from b24data.lists.rows import Row, id_reader
from b24data.lists.walk import Decode, IdRun, WalkFacts
from b24data.lists.walks import read_list

__all__ = ["ActionsV2", "Batch", "BatchByChunk", "Call", "CallList", "FetchList"]


class ActionsV2:
    """The actions of REST 2."""

    def __init__(self, session: Session) -> None:
        self.call = Call(session)
        self.call_list = CallList(session)
        self.fetch_list = FetchList(session)
        self.batch = Batch(session)
        self.batch_by_chunk = BatchByChunk(session)


class Call:
    """``actions.v2.call``: one request."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(self, *, method: str, params: Params | Sequence[Any] | None = None, request_id: str = "") -> AjaxResult:
        """Call ``method``. What the portal decided about it is in the result, also when that is an error.

        Raises :class:`TransportError`, :class:`RefreshTokenError` or an error of a limit or of the server when the
        call could not be carried out.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=3) as portal:
        ...     portal.connect().actions.v2.call.make(method="crm.deal.list", params={"select": ["ID"]}).total
        3
        """
        try:
            outcome: Response | AjaxError = self._session.call(method, params, request_id=request_id or None)
        except AjaxError as error:
            if is_raised(self._session, error):
                raise
            outcome = error
        return ajax_result(method, outcome, request_id)


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
        spec = _spec(spec_of(method), id_key, cursor_id_key, custom_key_for_result)
        plan = make_plan(spec, params=params)
        reader = PageReader(self._session, plan, CallContext(request_id=request_id))
        return read_list(reader, _decoder(plan), WalkFacts())


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
        return collected(pages)


def _spec(spec: MethodSpec, id_key: str | None, cursor_id_key: str | None, key_for_result: str | None) -> MethodSpec:
    """The facts about a method with what the caller knows better."""
    if key_for_result is not None:
        spec = replace(spec, rows_at=key_for_result)
    if id_key is None and cursor_id_key is None:
        return spec
    return replace(
        spec,
        walk="keyset",
        id=id_key or spec.id,
        id_asked=cursor_id_key or id_key,
        filter=spec.filter or "filter",
        order=spec.order or "order",
        start=spec.start or "start",
    )


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


class Batch:
    """``actions.v2.batch``: up to 50 calls in one request."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(
        self, *, calls: Calls, halt: bool = True, return_ajax_result: bool = False, request_id: str = ""
    ) -> Result:
        """Run ``calls`` one after the other; ``halt`` stops at the first error, as the SDK does by default.

        The data is a list, or a dict if ``calls`` has names; a failed call is None there and stands in ``errors``. If
        the portal refuses the batch as a whole, all data is None and ``errors["base"]`` says why.
        A call may use what an earlier one of the batch brought: ``"$result[name][field]"``.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=3) as portal:
        ...     b24 = portal.connect()
        ...     result = b24.actions.v2.batch.make(calls={"me": ("profile",), "deals": ("crm.deal.list", {})})
        >>> sorted(result.get_data())
        ['deals', 'me']
        """
        commands = [_command(key, call) for key, call in named(calls)]
        refusal: AjaxError | None = None
        parts: list[Response | AjaxError] = []
        if commands:
            try:
                parts = _run(self._session, commands, halt, request_id)
            except AjaxError as error:
                if is_raised(self._session, error):
                    raise
                refusal, parts = error, [error] * len(commands)
        keys = [key for key, _ in named(calls)]
        errors = {key: part for key, part in zip(keys, parts, strict=True) if isinstance(part, AjaxError)}
        values = [
            ajax_result(command.method, part, request_id) if return_ajax_result else _data(part)
            for command, part in zip(commands, parts, strict=True)
        ]
        data = dict(zip(keys, values, strict=True)) if isinstance(calls, Mapping) else values
        return Result(data, refusal=refusal) if refusal else Result(data, errors)


class BatchByChunk:
    """``actions.v2.batch_by_chunk``: any number of calls, fifty in a request."""

    def __init__(self, session: Session) -> None:
        self._batch = Batch(session)

    def make(self, *, calls: Calls, halt: bool = True, request_id: str = "") -> Result:
        """Run ``calls``; the data is the list of what succeeded, in order, and ``errors`` has the rest by call.

        A failed call ends its chunk if ``halt`` is set, and never the chunks after it. A chunk that the portal refuses
        is an error of each of its calls; an error that ends the work (no answer, a limit) has what the chunks before
        it brought in its ``results``.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=3) as portal:
        ...     calls = [("crm.deal.list", {"select": ["ID"]})] * 120
        ...     len(portal.connect().actions.v2.batch_by_chunk.make(calls=calls).get_data())
        120
        """
        return in_chunks(calls, lambda chunk: self._batch.make(calls=chunk, halt=halt, request_id=request_id))


def _command(key: str | int, call: OneCall) -> Command:
    one = parsed(key, call)
    return Command(str(key), one["method"], one["params"])


def _run(session: Session, commands: Sequence[Command], halt: bool, request_id: str) -> list[Response | AjaxError]:
    """One batch; a command that was refused before it ran (a token that died, a limit) is asked again alone.

    Not if a command of the batch refers to another one: alone, it would have nothing to refer to.
    """
    parts = session.batch(commands, halt=halt, request_id=request_id or None)
    if any("$result[" in repr(command.params) for command in commands):
        return parts
    for index, part in enumerate(parts):
        if isinstance(part, Response):
            continue
        if part.code in REFUSED_BEFORE_RUNNING:
            parts[index] = _alone(session, commands[index], parts[:index])
            if halt and isinstance(parts[index], Response) and index + 1 < len(commands):
                return [*parts[: index + 1], *_rest(session, commands[index + 1 :], parts[: index + 1], request_id)]
        if halt:
            break
    return parts


def _alone(session: Session, command: Command, before: Sequence[Response | AjaxError]) -> Response | AjaxError:
    try:
        return session.call(command.method, command.params)
    except AjaxError as error:
        return error
    except SdkError as error:
        error.results = [_data(part) for part in before]
        raise


def _rest(
    session: Session, commands: Sequence[Command], before: Sequence[Response | AjaxError], request_id: str
) -> list[Response | AjaxError]:
    """The commands behind the one that had halted the batch, as a batch of their own."""
    try:
        return _run(session, commands, True, request_id)
    except SdkError as error:
        if isinstance(error, AjaxError) and not is_raised(session, error):
            return [error] * len(commands)
        error.results = [*map(_data, before), *(error.results or ())]
        raise


def _data(part: Response | AjaxError) -> Any:
    return part.data() if isinstance(part, Response) else None
