"""``b24.actions``: one call or one batch, as the JS SDK has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from b24data.errors import AjaxError, ConfigError, OperatingLimitError, RateLimitedError, SdkError, ServerError
from b24data.http.error_codes import REFUSED_BEFORE_RUNNING
from b24data.http.protocol import MAX_COMMANDS, Command, Response, Times
from b24data.http.session import Session
from b24data.results import AjaxResult, Result

__all__ = ["Actions", "ActionsV2", "Batch", "BatchByChunk", "Call", "Calls"]

Params: TypeAlias = Mapping[str, Any]
OneCall: TypeAlias = Sequence[Any] | Mapping[str, Any]
Calls: TypeAlias = Sequence[OneCall] | Mapping[str, OneCall]
"""``[("crm.deal.get", {"id": 1}), {"method": "profile"}]``, or a mapping of names to such calls."""

# These say that the call could not be carried out, whatever it was: they are raised, not returned.
_RAISED = (RateLimitedError, OperatingLimitError, ServerError)


class Actions:
    """The actions by version of the REST API."""

    def __init__(self, v2: Session) -> None:
        self.v2 = ActionsV2(v2)


class ActionsV2:
    """The actions of REST 2."""

    def __init__(self, session: Session) -> None:
        self.call = Call(session)
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
            response = self._session.call(method, params, request_id=request_id or None)
        except _RAISED:
            raise
        except AjaxError as error:
            return AjaxResult(method, error=error, request_id=error.request_id or "")
        return _ajax_result(method, response, request_id)


class Batch:
    """``actions.v2.batch``: up to 50 calls in one request."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(
        self, *, calls: Calls, halt: bool = True, return_ajax_result: bool = False, request_id: str = ""
    ) -> Result:
        """Run ``calls`` one after the other; ``halt`` stops at the first error, as the SDK does by default.

        The data is a list, or a dict if ``calls`` has names; a failed call is None there and stands in ``errors``.
        A call may use what an earlier one of the batch brought: ``"$result[name][field]"``.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=3) as portal:
        ...     b24 = portal.connect()
        ...     result = b24.actions.v2.batch.make(calls={"me": ("profile",), "deals": ("crm.deal.list", {})})
        >>> sorted(result.get_data())
        ['deals', 'me']
        """
        commands = commands_of(calls)
        parts = run_batch(self._session, commands, halt) if commands else []
        keys: list[str | int] = list(calls) if isinstance(calls, Mapping) else list(range(len(commands)))
        errors = {key: part for key, part in zip(keys, parts, strict=True) if isinstance(part, AjaxError)}
        values = [
            _value(command.method, part, request_id) if return_ajax_result else _data(part)
            for command, part in zip(commands, parts, strict=True)
        ]
        return Result(dict(zip(keys, values, strict=True)) if isinstance(calls, Mapping) else values, errors)


class BatchByChunk:
    """``actions.v2.batch_by_chunk``: any number of calls, fifty in a request."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(self, *, calls: Calls, halt: bool = True, request_id: str = "") -> Result:
        """Run ``calls``; the data is the list of what succeeded, in order, and ``errors`` has the rest by call.

        A failed call ends its chunk if ``halt`` is set, and never the chunks after it.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=3) as portal:
        ...     calls = [("crm.deal.list", {"select": ["ID"]})] * 120
        ...     len(portal.connect().actions.v2.batch_by_chunk.make(calls=calls).get_data())
        120
        """
        data: list[Any] = []
        errors: dict[str | int, SdkError] = {}
        items = list(calls.items()) if isinstance(calls, Mapping) else list(enumerate(calls))
        for start in range(0, len(items), MAX_COMMANDS):
            chunk = items[start : start + MAX_COMMANDS]
            result = Batch(self._session).make(calls=[call for _, call in chunk], halt=halt, request_id=request_id)
            data += [row for index, row in enumerate(result.get_data()) if index not in result.errors]
            errors |= {chunk[int(index)][0]: error for index, error in result.errors.items()}
        return Result(data, errors)


def commands_of(calls: Calls) -> list[Command]:
    """Calls in any of the SDK's three spellings as commands; those without a name are called by their position."""
    named = calls.items() if isinstance(calls, Mapping) else ((str(index), call) for index, call in enumerate(calls))
    return [_command(str(key), call) for key, call in named]


def _command(key: str, call: OneCall) -> Command:
    if isinstance(call, Mapping) and isinstance(call.get("method"), str):
        return Command(key, call["method"], call.get("params") or {})
    if isinstance(call, Sequence) and not isinstance(call, str) and call and isinstance(call[0], str):
        return Command(key, call[0], (call[1] if len(call) > 1 else None) or {})
    raise ConfigError(
        f"call {key!r} of the batch is no call: {call!r}",
        hint='write ("crm.deal.get", {"id": 1}) or {"method": "crm.deal.get", "params": {"id": 1}}',
    )


def run_batch(session: Session, commands: Sequence[Command], halt: bool) -> list[Response | AjaxError]:
    """One batch; a command that was refused before it ran (a token that died, a limit) is asked again alone.

    Not if a command of the batch refers to another one: alone, it would have nothing to refer to.
    """
    parts = session.batch(commands, halt=halt)
    if any("$result[" in repr(command.params) for command in commands):
        return parts
    for index, part in enumerate(parts):
        if isinstance(part, Response):
            continue
        if part.code in REFUSED_BEFORE_RUNNING:
            parts[index] = _alone(session, commands[index])
            if halt and isinstance(parts[index], Response) and index + 1 < len(commands):
                return [*parts[: index + 1], *run_batch(session, commands[index + 1 :], halt)]
        if halt:
            break
    return parts


def _alone(session: Session, command: Command) -> Response | AjaxError:
    try:
        return session.call(command.method, command.params)
    except AjaxError as error:
        return error


def _value(method: str, part: Response | AjaxError, request_id: str) -> AjaxResult:
    if isinstance(part, AjaxError):
        return AjaxResult(method, error=part, request_id=request_id)
    return _ajax_result(method, part, request_id)


def _data(part: Response | AjaxError) -> Any:
    return part.data() if isinstance(part, Response) else None


def _ajax_result(method: str, response: Response, request_id: str) -> AjaxResult:
    return AjaxResult(
        method,
        result=response.data(),
        total=response.total,
        next=response.next,
        time=_time(response.time),
        request_id=request_id,
    )


def _time(times: Times | None) -> dict[str, Any]:
    return {key: value for key, value in asdict(times).items() if value is not None} if times else {}
