"""What the actions of both versions of the REST API share: calls in the SDK's spellings, and answers as results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec.structs import asdict

from b24data.actions.results import AjaxResult, Result
from b24data.errors import (
    AjaxError,
    ConfigError,
    IncompleteFetchError,
    OperatingLimitError,
    RateLimitedError,
    SdkError,
    ServerError,
)
from b24data.http.encode import MAX_COMMANDS
from b24data.http.protocol import Response
from b24data.http.session import Session

__all__ = ["Calls", "OneCall", "Page", "Params"]
__all__ += ["ajax_result", "collected", "in_chunks", "is_raised", "named", "parsed"]

Params: TypeAlias = Mapping[str, Any]
OneCall: TypeAlias = Sequence[Any] | Mapping[str, Any]
Calls: TypeAlias = Sequence[OneCall] | Mapping[str, OneCall]
"""``[("crm.deal.get", {"id": 1}), {"method": "profile"}]``, or a mapping of names to such calls."""
Page: TypeAlias = list[dict[str, Any]]

# These say that the call could not be carried out, whatever it was: they are raised, not returned.
_RAISED = (RateLimitedError, OperatingLimitError, ServerError)


def is_raised(session: Session, error: AjaxError) -> bool:
    """Whether ``make()`` raises this error; every other one is in its result. The user's codes decide first."""
    if error.code in session.params.soft_error_codes:
        return False
    return error.code in session.params.hard_error_codes or isinstance(error, _RAISED)


def named(calls: Calls) -> list[tuple[str | int, OneCall]]:
    """The calls with their names, or with their positions."""
    return list(calls.items()) if isinstance(calls, Mapping) else list(enumerate(calls))


def parsed(key: str | int, call: OneCall) -> dict[str, Any]:
    """One call of a batch, in any of the SDK's spellings, as a mapping with ``method`` and ``params``."""
    if isinstance(call, Mapping) and isinstance(call.get("method"), str):
        return {**call, "params": call.get("params") or {}}
    if isinstance(call, Sequence) and not isinstance(call, str) and call and isinstance(call[0], str):
        return {"method": call[0], "params": (call[1] if len(call) > 1 else None) or {}}
    raise ConfigError(
        f"call {key!r} of the batch is no call: {call!r}",
        hint='write ("crm.deal.get", {"id": 1}) or {"method": "crm.deal.get", "params": {"id": 1}}',
    )


def in_chunks(calls: Calls, run: Callable[[list[OneCall]], Result]) -> Result:
    """Run any number of calls, fifty at a time; the data is the list of what succeeded, in order.

    An error that ends the work has what the chunks before it brought as its ``results``.
    """
    data: list[Any] = []
    errors: dict[str | int, SdkError] = {}
    items = [(key, parsed(key, call)) for key, call in named(calls)]  # all of them, before the first one is sent
    for start in range(0, len(items), MAX_COMMANDS):
        chunk = items[start : start + MAX_COMMANDS]
        try:
            result = run([call for _, call in chunk])
        except SdkError as error:
            _keep(error, data, chunk[0][0])
            raise
        if result.refusal:  # the chunk as a whole
            errors |= dict.fromkeys((key for key, _ in chunk), result.refusal)
            continue
        data += [row for index, row in enumerate(result.get_data()) if index not in result.errors]
        errors |= {chunk[int(index)][0]: error for index, error in result.errors.items()}
    return Result(data, errors)


def _keep(error: SdkError, data: list[Any], key: str | int) -> None:
    """Give an error what the calls before ``key`` brought."""
    own = error.results or ()
    error.results = [*data, *(own.values() if isinstance(own, Mapping) else own)]
    if data:
        kept = f"what the calls before {key!r} brought is in `results` of this error"
        error.advice = f"{error.advice}; {kept}" if error.advice else kept


def collected(pages: Iterator[Page]) -> Result:
    """All rows of a list; if it breaks off, :class:`IncompleteFetchError` has those that came."""
    rows: Page = []
    try:
        for page in pages:
            rows.extend(page)
    except IncompleteFetchError as error:
        error.rows = rows
        raise
    return Result(rows)


def ajax_result(method: str, outcome: Response | AjaxError, request_id: str) -> AjaxResult:
    """What ``make()`` returns for one answer."""
    if isinstance(outcome, AjaxError):
        return AjaxResult(method, error=outcome, request_id=request_id or outcome.request_id or "")
    times = asdict(outcome.time) if outcome.time else {}
    return AjaxResult(
        method,
        result=outcome.data(),
        total=outcome.total,
        next=outcome.next,
        time={key: value for key, value in times.items() if value is not None},
        request_id=request_id,
    )
