"""``b24.actions.v3``: REST 3 as the JS SDK has it.

Facts: b24restdocs, api-reference/rest-v3.md. The form of a batch's commands (``as``, ``parallel``) and of
``*.aggregate`` is what the JS SDK sends; no documentation has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from b24data.actions.calls import Calls, Params, ajax_result, in_chunks, is_raised, named, parsed
from b24data.actions.results import AjaxResult, Result
from b24data.actions.v3_lists import CallList, CallTail, FetchList, FetchTail
from b24data.errors import AjaxError, BadReplyError, ConfigError, TransportError
from b24data.http.encode import MAX_COMMANDS
from b24data.http.protocol import Response, error_inside
from b24data.http.retry import is_read
from b24data.http.session import Session
from b24data.lists.methods import check_reads

__all__ = ["ActionsV3", "Aggregate", "Batch", "BatchByChunk", "Call"]

_FUNCTIONS = ("sum", "avg", "min", "max", "count", "countDistinct")


class ActionsV3:
    """The actions of REST 3."""

    def __init__(self, session: Session) -> None:
        self.call = Call(session)
        self.call_list = CallList(session)
        self.fetch_list = FetchList(session)
        self.call_tail = CallTail(session)
        self.fetch_tail = FetchTail(session)
        self.batch = Batch(session)
        self.batch_by_chunk = BatchByChunk(session)
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
                error.advice = error.advice or "the same call with the same idempotency_key runs nothing twice"
            raise
        return ajax_result(method, outcome, request_id)


class Batch:
    """``actions.v3.batch``: up to 50 calls in one request, of which all succeed or none."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(
        self, *, calls: Calls, halt: bool = True, return_ajax_result: bool = False, request_id: str = ""
    ) -> Result:
        """Run ``calls``; without ``halt`` the portal may run them side by side.

        The data is a list, or a dict if ``calls`` has names. A call may be a mapping with ``as`` and ``parallel``, and
        may use what an earlier one brought: ``{"$ref": "name.item.id"}``. If the portal refuses the batch, all data
        is None and ``errors["base"]`` says why. A command without an answer is a :class:`BadReplyError`, whose
        ``results`` are the answers that came, by position.
        """
        items = [(key, parsed(key, call)) for key, call in named(calls)]
        if len(items) > MAX_COMMANDS:
            raise ConfigError(f"a batch takes {MAX_COMMANDS} commands, not {len(items)}", hint="use batch_by_chunk")
        keys = [one.get("as", key) if isinstance(calls, Mapping) else key for key, one in items]
        answers: Sequence[Any] = []
        refusal: AjaxError | None = None
        if items:
            try:
                answers = self._run([_command_v3(key, one, halt) for key, one in items], request_id)
            except AjaxError as error:
                if is_raised(self._session, error):
                    raise
                answers, refusal = [None] * len(items), error
        inside = [error_inside(one["method"], answer) for (_, one), answer in zip(items, answers, strict=True)]
        errors = {key: flaw for key, flaw in zip(keys, inside, strict=True) if flaw}
        answers = [None if key in errors else answer for key, answer in zip(keys, answers, strict=True)]
        if return_ajax_result:
            answers = [
                AjaxResult(one["method"], result=answer, error=refusal or errors.get(key), request_id=request_id)
                for key, (_, one), answer in zip(keys, items, answers, strict=True)
            ]
        data = dict(zip(keys, answers, strict=True)) if isinstance(calls, Mapping) else list(answers)
        return Result(data, errors, refusal=refusal)

    def _run(self, commands: list[dict[str, Any]], request_id: str) -> Sequence[Any]:
        answers = self._session.call("batch", commands, request_id=request_id or None).data()
        by_place = dict(enumerate(answers)) if isinstance(answers, list) else answers
        if not isinstance(by_place, dict):
            raise _unanswered(commands, {})
        # PHP writes a list with a hole as an object.
        names = {one["as"]: str(index) for index, one in enumerate(commands) if "as" in one}
        if isinstance(answers, dict) and names.keys() >= answers.keys():
            by_place = {names[name]: answer for name, answer in answers.items()}
        found = {index: answer for key, answer in by_place.items() if (index := _index(key, commands)) is not None}
        if len(found) < len(commands) or len(found) < len(by_place):
            raise _unanswered(commands, found)
        return [found[index] for index in range(len(commands))]


def _index(key: str | int, commands: Sequence[Mapping[str, Any]]) -> int | None:
    """Which command an answer belongs to."""
    index = int(key) if str(key).isdecimal() else -1
    return index if 0 <= index < len(commands) else None


def _unanswered(commands: Sequence[Mapping[str, Any]], found: Mapping[int, Any]) -> BadReplyError:
    """A command without an answer may have run or not: neither its data nor its success can be told."""
    missing = [f"{index} ({one['method']})" for index, one in enumerate(commands) if index not in found]
    lacks = f"; none for {', '.join(missing[:5])}" if missing else ""
    error = BadReplyError(
        "batch",
        f"{len(commands)} commands have no {len(commands)} answers{lacks}",
        code="BAD_REPLY",
        hint="what came is in `results` of this error, by position; look at the portal before a write is sent again",
    )
    error.results = dict(found)
    return error


def _command_v3(key: str | int, one: Mapping[str, Any], halt: bool) -> dict[str, Any]:
    name = one.get("as", key if isinstance(key, str) else None)
    command = {"method": one["method"], "query": one["params"], "parallel": one.get("parallel", not halt)}
    return command if name is None else {**command, "as": name}


class BatchByChunk:
    """``actions.v3.batch_by_chunk``: any number of calls, fifty in a request."""

    def __init__(self, session: Session) -> None:
        self._batch = Batch(session)

    def make(self, *, calls: Calls, halt: bool = True, request_id: str = "") -> Result:
        """Run ``calls``; the data is the list of what succeeded, in order; the calls of a refused chunk are errors."""
        return in_chunks(calls, lambda chunk: self._batch.make(calls=chunk, halt=halt, request_id=request_id))


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
