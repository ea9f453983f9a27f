"""``b24.actions.v3``: REST 3.0 as the JS SDK has it.

Facts: b24restdocs, api-reference/rest-v3.md. The form of ``*.aggregate`` is what the JS SDK sends; no documentation has
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from b24data.actions.batches import Batch, BatchByChunk, CommandObjects
from b24data.actions.lists import CallListV3, CallTail, FetchListV3, FetchTail
from b24data.actions.results import AjaxResult, Params, Result, is_raised
from b24data.errors import AjaxError, ConfigError, TransportError
from b24data.http.protocol import Response
from b24data.http.retry import is_read
from b24data.http.session import Session
from b24data.lists.methods import check_reads

_FUNCTIONS = ("sum", "avg", "min", "max", "count", "countDistinct")


class ActionsV3:
    """The actions of REST 3."""

    def __init__(self, session: Session) -> None:
        self.call = Call(session)
        self.call_list = CallListV3(session)
        self.fetch_list = FetchListV3(session)
        self.call_tail = CallTail(session)
        self.fetch_tail = FetchTail(session)
        self.batch = Batch(session, CommandObjects())
        self.batch_by_chunk = BatchByChunk(self.batch)
        self.aggregate = Aggregate(session)


class Call:
    """``actions.v3.call``: one request."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(
        self, *, method: str, params: Params | None = None, request_id: str = "", idempotency_key: str = ""
    ) -> AjaxResult:
        """Call ``method``. What the portal decided about it is in the result, also when that is an error.

        A write is sent with an ``Idempotency-Key``; if its answer is lost, the same call with the same
        ``idempotency_key`` (1 to 255 printable ASCII characters) gets the answer and runs nothing twice, for 24 hours.
        Raises as ``actions.v2.call`` does.
        """
        if not (idempotency_key.isascii() and (idempotency_key + "x").isprintable() and len(idempotency_key) < 256):
            raise ConfigError("idempotency_key is not 1 to 255 printable ASCII characters", hint="such as a UUID")
        try:
            outcome: Response | AjaxError = self._session.call(
                method, params, request_id=request_id or None, idempotency_key=idempotency_key
            )
        except AjaxError as error:
            if is_raised(self._session, error):
                raise
            outcome = error
        except TransportError as error:
            if idempotency_key and not is_read(method):
                error.advice = error.advice or "the same call with the same idempotency_key is never carried out twice"
            raise
        return AjaxResult.of(method, outcome, request_id)


class Aggregate:
    """``actions.v3.aggregate``: sums, averages, extremes and counts, by the portal itself."""

    def __init__(self, session: Session) -> None:
        self._call = Call(session)

    def make(
        self,
        *,
        method: str,
        select: Mapping[str, Sequence[str] | Mapping[str, str]],
        params: Params | None = None,
        request_id: str = "",
    ) -> Result:
        """The figures by function and field: ``{"count": {"id": 120}}``.

        ``select`` says what to compute: ``{"sum": ["price"]}``, or with names of one's own ``{"sum": {"price": "p"}}``.
        The functions are ``sum, avg, min, max, count, countDistinct``. Of ``params`` only ``filter`` is sent.
        """
        check_reads(f"v3:{method}")
        for function, fields in select.items():
            if function not in _FUNCTIONS:
                raise ConfigError(f"{function!r} is not an aggregate function", hint=f"use {', '.join(_FUNCTIONS)}")
            if isinstance(fields, str) or not isinstance(fields, Sequence | Mapping):
                raise ConfigError(f"select[{function!r}] is {fields!r}", hint='such as ["id"] or {"id": "alias"}')
        sent = {"select": select, **{key: value for key, value in (params or {}).items() if key == "filter"}}
        answer = self._call.make(method=method, params=sent, request_id=request_id)
        data = answer.result
        if isinstance(data, Mapping) and "result" in data:  # one level deeper than other answers
            data = data["result"]
        return Result(data or {}, refusal=answer.refusal)
