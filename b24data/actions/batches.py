"""Batches: up to fifty calls in one request, or any number in several. The encoding is what differs by version.

Facts: b24restdocs, settings/how-to-call-rest-api/batch.md and api-reference/rest-v3.md. The form of REST 3.0's commands
(``as``, ``parallel``) is what the JS SDK sends; no documentation has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from b24data.actions.results import AjaxResult, Params, Result, is_raised
from b24data.errors import AjaxError, BadReplyError, ConfigError, SdkError
from b24data.http.encode import MAX_COMMANDS, Command
from b24data.http.error_codes import REFUSED_BEFORE_RUNNING
from b24data.http.protocol import Response, error_inside
from b24data.http.session import Session

OneCall: TypeAlias = Sequence[Any] | Mapping[str, Any]
Calls: TypeAlias = Sequence[OneCall] | Mapping[str, OneCall]
"""``[("crm.deal.get", {"id": 1}), {"method": "profile"}]``, or a mapping of names to such calls."""


@dataclass(frozen=True, slots=True)
class _BatchCall:
    """One call of a batch. ``key`` is its name or its position; ``extra`` is what else a mapping says of it."""

    key: str | int
    method: str
    params: Params
    extra: Mapping[str, Any] = field(default_factory=dict)


class BatchEncoding(Protocol):
    """How a version of the REST API takes a batch and answers it."""

    def run(self, session: Session, calls: Sequence[_BatchCall], halt: bool, request_id: str) -> list[AjaxResult]:
        """The answer to each call. An error of the whole batch is raised."""

    def name(self, call: _BatchCall) -> str | int:
        """What the data and the errors of a call stand under, where the calls have names."""


class Batch:
    """``actions.v2.batch`` and ``actions.v3.batch``: up to 50 calls in one request."""

    def __init__(self, session: Session, encoding: BatchEncoding) -> None:
        self._session = session
        self._encoding = encoding

    def make(
        self, *, calls: Calls, halt: bool = True, return_ajax_result: bool = False, request_id: str = ""
    ) -> Result:
        """Run ``calls`` one after the other; ``halt`` stops at the first error, as the SDK does by default.

        The data is a list, or a dict if ``calls`` has names; a failed call is None there and stands in ``errors``. If
        the portal refuses the batch as a whole, all data is None and ``errors["base"]`` says why.
        A call may use what an earlier one of the batch brought: ``"$result[name][field]"``.

        In REST 3.0 all calls succeed or none, and without ``halt`` the portal may run them side by side. A call may be
        a mapping with ``as`` and ``parallel``, and uses what an earlier one brought as ``{"$ref": "name.item.id"}``. A
        call without an answer is a :class:`BadReplyError`, whose ``results`` are the answers that came, by position.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=3) as portal:
        ...     b24 = portal.connect()
        ...     result = b24.actions.v2.batch.make(calls={"me": ("profile",), "deals": ("crm.deal.list", {})})
        >>> sorted(result.get_data())
        ['deals', 'me']
        """
        parsed = _parsed(calls)
        refusal: AjaxError | None = None
        answers: list[AjaxResult] = []
        if parsed:
            try:
                answers = self._encoding.run(self._session, parsed, halt, request_id)
            except AjaxError as error:
                if is_raised(self._session, error):
                    raise
                refusal = error
                answers = [AjaxResult.of(call.method, error, request_id) for call in parsed]
        by_name = isinstance(calls, Mapping)
        keys = [self._encoding.name(call) if by_name else call.key for call in parsed]
        values = [answer if return_ajax_result else answer.result for answer in answers]
        data = dict(zip(keys, values, strict=True)) if by_name else values
        if refusal:
            return Result(data, refusal=refusal)
        return Result(data, {key: one.refusal for key, one in zip(keys, answers, strict=True) if one.refusal})


class BatchByChunk:
    """``actions.v2.batch_by_chunk`` and ``actions.v3.batch_by_chunk``: any number of calls, fifty in a request."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

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
        data: list[Any] = []
        errors: dict[str | int, SdkError] = {}
        keys = [call.key for call in _parsed(calls)]  # all of them are read before the first one is sent
        items = list(calls.values() if isinstance(calls, Mapping) else calls)
        for start in range(0, len(items), MAX_COMMANDS):
            chunk = keys[start : start + MAX_COMMANDS]
            try:
                result = self._batch.make(calls=items[start : start + MAX_COMMANDS], halt=halt, request_id=request_id)
            except SdkError as error:
                _keep(error, data, chunk[0])
                raise
            if result.refusal:  # the chunk as a whole
                errors |= dict.fromkeys(chunk, result.refusal)
                continue
            data += [row for index, row in enumerate(result.get_data()) if index not in result.errors]
            errors |= {chunk[int(index)]: error for index, error in result.errors.items()}
        return Result(data, errors)


def _parsed(calls: Calls) -> list[_BatchCall]:
    return [_call(key, one) for key, one in (calls.items() if isinstance(calls, Mapping) else enumerate(calls))]


def _call(key: str | int, one: OneCall) -> _BatchCall:
    """One call of a batch, in any of the SDK's spellings."""
    if isinstance(one, Mapping) and isinstance(one.get("method"), str):
        return _BatchCall(key, one["method"], one.get("params") or {}, one)
    if isinstance(one, Sequence) and not isinstance(one, str) and one and isinstance(one[0], str):
        return _BatchCall(key, one[0], (one[1] if len(one) > 1 else None) or {})
    raise ConfigError(
        f"call {key!r} of the batch is not a call: {one!r}",
        hint='write ("crm.deal.get", {"id": 1}) or {"method": "crm.deal.get", "params": {"id": 1}}',
    )


def _keep(error: SdkError, data: list[Any], key: str | int) -> None:
    """Give an error what the calls before ``key`` brought."""
    own = error.results or ()
    error.results = [*data, *(own.values() if isinstance(own, Mapping) else own)]
    if data:
        kept = f"`results` of this error has the results of the calls before {key!r}"
        error.advice = f"{error.advice}; {kept}" if error.advice else kept


class CommandTexts:
    """REST 2: each command is a text in PHP's notation; ``$result[...]`` refers to an earlier one.

    A command that was refused before it ran (a token that died, a limit) is sent again alone, unless a command of the
    batch refers to another one: alone, it would have nothing to refer to.
    """

    def name(self, call: _BatchCall) -> str | int:
        """The key of the call."""
        return call.key

    def run(self, session: Session, calls: Sequence[_BatchCall], halt: bool, request_id: str) -> list[AjaxResult]:
        """One request, and one more for each command that was refused before it ran."""
        commands = [Command(str(call.key), call.method, call.params) for call in calls]
        outcomes = _run(session, commands, halt, request_id)
        return [AjaxResult.of(call.method, one, request_id) for call, one in zip(calls, outcomes, strict=True)]


def _run(session: Session, commands: Sequence[Command], halt: bool, request_id: str) -> list[Response | AjaxError]:
    outcomes = session.batch(commands, halt=halt, request_id=request_id or None)
    if any("$result[" in repr(command.params) for command in commands):
        return outcomes
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, Response):
            continue
        if outcome.code in REFUSED_BEFORE_RUNNING:
            outcomes[index] = _alone(session, commands[index], outcomes[:index])
            before = outcomes[: index + 1]
            if halt and isinstance(outcomes[index], Response) and index + 1 < len(commands):
                return [*before, *_rest(session, commands[index + 1 :], before, request_id)]
        if halt:
            break
    return outcomes


def _alone(session: Session, command: Command, before: Sequence[Response | AjaxError]) -> Response | AjaxError:
    try:
        return session.call(command.method, command.params)
    except AjaxError as error:
        return error
    except SdkError as error:
        error.results = [*map(_data, before)]
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


def _data(outcome: Response | AjaxError) -> Any:
    return outcome.data() if isinstance(outcome, Response) else None


class CommandObjects:
    """REST 3.0: each command is an object with ``method``, ``query``, ``parallel`` and ``as``."""

    def name(self, call: _BatchCall) -> str | int:
        """The name that the call gives itself, else its key."""
        name: str | int = call.extra.get("as", call.key)
        return name

    def run(self, session: Session, calls: Sequence[_BatchCall], halt: bool, request_id: str) -> list[AjaxResult]:
        """One request."""
        if len(calls) > MAX_COMMANDS:
            raise ConfigError(f"a batch takes {MAX_COMMANDS} commands, not {len(calls)}", hint="use batch_by_chunk")
        commands = [self._command(call, halt) for call in calls]
        answers = _by_position(session.call("batch", commands, request_id=request_id or None).data(), commands)
        return [
            AjaxResult(call.method, result=answer, error=error_inside(call.method, answer), request_id=request_id)
            for call, answer in zip(calls, answers, strict=True)
        ]

    def _command(self, call: _BatchCall, halt: bool) -> dict[str, Any]:
        name = self.name(call)
        command = {"method": call.method, "query": call.params, "parallel": call.extra.get("parallel", not halt)}
        return {**command, "as": name} if "as" in call.extra or isinstance(name, str) else command


def _by_position(answers: Any, commands: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The answers in the order of the commands, or the error that some are missing."""
    by_place = dict(enumerate(answers)) if isinstance(answers, list) else answers
    if not isinstance(by_place, dict):
        raise _unanswered(commands, {})
    # PHP writes a list with a hole as an object.
    names = {one["as"]: str(index) for index, one in enumerate(commands) if "as" in one}
    if isinstance(answers, dict) and names.keys() >= answers.keys():
        by_place = {names[name]: answer for name, answer in answers.items()}
    places = {str(index): index for index in range(len(commands))}
    found = {places[str(key)]: answer for key, answer in by_place.items() if str(key) in places}
    if len(found) < len(commands) or len(found) < len(by_place):
        raise _unanswered(commands, found)
    return [found[index] for index in range(len(commands))]


def _unanswered(commands: Sequence[Mapping[str, Any]], found: Mapping[int, Any]) -> BadReplyError:
    """A command without an answer may have run or not: neither its data nor its success can be told."""
    missing = [f"{index} ({one['method']})" for index, one in enumerate(commands) if index not in found]
    lacks = f"; none for {', '.join(missing[:5])}" if missing else ""
    error = BadReplyError(
        "batch",
        f"{len(commands)} commands have no {len(commands)} answers{lacks}",
        code="BAD_REPLY",
        hint="`results` of this error has the answers by position; check the portal before you send a write again",
    )
    error.results = dict(found)
    return error
