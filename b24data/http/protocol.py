"""What a portal answers: one reply read into a response or an error, and a batch taken apart. Pure.

Sources: b24restdocs, settings/how-to-call-rest-api/batch.md, limits.md, _includes/system-errors.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from b24data.errors import AjaxError, BadReplyError, OperatingLimitError
from b24data.http.encode import MAX_COMMANDS, Command, encode_batch, php_query, plain_params
from b24data.http.error_codes import portal_error
from b24data.http.redact import redact

__all__ = [
    "MAX_COMMANDS",
    "NOT_EXECUTED",
    "Command",
    "Reply",
    "Response",
    "Times",
    "encode_batch",
    "php_query",
    "plain_params",
    "read_batch",
    "read_batch_times",
    "read_reply",
    "read_times",
]

NOT_EXECUTED = "B24DATA_NOT_EXECUTED"  # our own code for a command that a halted batch never reached

_BODY_START = 300
# These answer without an envelope (b24restdocs, api-reference/rest-v3.md).
_BARE = frozenset({"rest.documentation.openapi", "documentation"})
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came over the wire. ``headers`` have lower-case names, ``url`` is redacted, ``elapsed`` is seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    elapsed: float = 0.0


@dataclass(frozen=True, slots=True)
class Times:
    """The ``time`` of an answer. All by the portal's clock; what was missing is None. Seconds, and unix seconds."""

    start: float | None = None
    finish: float | None = None
    duration: float | None = None
    processing: float | None = None
    date_start: str | None = None
    date_finish: str | None = None
    operating: float | None = None
    operating_reset_at: float | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer whose envelope was read; ``result`` is the JSON text of the payload as it came."""

    result: msgspec.Raw
    total: int | None = None
    next: int | None = None
    time: Times | None = None
    _batch: list[_BatchResult] = field(default_factory=list, init=False, repr=False, compare=False)

    def data(self) -> Any:
        """The payload as Python objects."""
        return _decode(self.result)

    def batch(self) -> _BatchResult:
        """The payload of a batch, read once: megabytes, which the limits and the walk both look at."""
        if not self._batch:
            try:
                self._batch.append(_BATCH.decode(self.result))
            except (msgspec.DecodeError, UnicodeDecodeError):
                self._batch.append(_BATCH.decode(json.dumps(_mend(self.data()))))
        return self._batch[0]


class _Envelope(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"")
    total: Any = None
    next: Any = None
    time: Any = None
    error: Any = None
    error_description: Any = None


class _BatchResult(msgspec.Struct):
    result: dict[str, msgspec.Raw] | list[msgspec.Raw] | str | float | bool | None = None
    result_error: Any = None
    result_total: Any = None
    result_next: Any = None
    result_time: Any = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_BATCH = msgspec.json.Decoder(_BatchResult)


def read_reply(method: str, reply: Reply) -> Response:
    """The response in ``reply``.

    Raises the fitting :class:`AjaxError` if the portal answered with an error (its code decides before the
    status), and :class:`BadReplyError` if this is no answer of the REST API.
    """
    try:
        envelope = _read_envelope(method, reply)
    except BadReplyError:
        if reply.status == 429:
            # Nothing but the operating limit is documented to answer 429, and a gateway may eat the body.
            raise OperatingLimitError(method, "no reason given", code="OPERATION_TIME_LIMIT", status=429) from None
        raise
    if envelope.error:
        raise portal_error(method, envelope.error, envelope.error_description, reply.status)
    if method.lower() in _BARE and reply.status < 400:
        return Response(msgspec.Raw(reply.body.removeprefix(_BOM).strip()))
    if not memoryview(envelope.result).nbytes:
        raise _bad_reply(method, reply, "the answer has neither a result nor an error")
    if reply.status >= 400:
        raise _bad_reply(method, reply, "a result with the status of an error")
    return Response(envelope.result, _integer(envelope.total), _integer(envelope.next), read_times(envelope.time))


def _read_envelope(method: str, reply: Reply) -> _Envelope:
    body = reply.body.removeprefix(_BOM).strip()
    try:
        return _ENVELOPE.decode(body)
    except msgspec.ValidationError:
        raise _bad_reply(method, reply, "the answer is JSON, but not an answer of the REST API") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:  # PHP writes lone surrogates and broken UTF-8, which only the standard library's reader bears
        lenient = json.loads(body.decode("utf-8", "replace"))
        return _ENVELOPE.decode(json.dumps(_mend(lenient)))
    except (ValueError, msgspec.ValidationError):
        raise _bad_reply(method, reply, _what_came(body)) from None


def _mend(value: Any) -> Any:
    """The same JSON value with U+FFFD for what is no character."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_mend(key): _mend(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_mend(item) for item in value]
    return value


def _what_came(body: bytes) -> str:
    if not body:
        return "the answer is empty"
    if body[:1] == b"<":
        return "the answer is HTML"
    if body[:1] in (b"{", b"["):
        return "the answer was cut off"
    return "text stands where the answer should begin"


def _bad_reply(method: str, reply: Reply, description: str) -> BadReplyError:
    start = redact(reply.body[:_BODY_START].decode("utf-8", "replace")).strip()
    hint = "check the portal's address" if description.endswith("HTML") and reply.status < 500 else ""
    return BadReplyError(method, description, code="BAD_REPLY", status=reply.status, body=start, hint=hint)


def read_batch(response: Response, commands: Sequence[Command]) -> list[Response | AjaxError]:
    """What each command of a batch brought, by position.

    PHP writes an empty map as ``[]`` and one with the keys 0..n-1 as a list, so every map may be either.
    A command that is in neither ``result`` nor ``result_error`` is an error with the code ``NOT_EXECUTED``.
    """
    outer = response.batch()
    results: dict[str, msgspec.Raw] = _map(outer.result)
    errors, totals = _map(outer.result_error), _map(outer.result_total)
    nexts, times = _map(outer.result_next), _map(outer.result_time)
    parts: list[Response | AjaxError] = []
    for command in commands:
        key = command.key
        if error := errors.get(key):
            parts.append(_command_error(command.method, error))
        elif key in results:
            total, following = _integer(totals.get(key)), _integer(nexts.get(key))
            parts.append(Response(results[key], total, following, read_times(times.get(key))))
        else:
            parts.append(AjaxError(command.method, "the batch never reached this command", code=NOT_EXECUTED))
    return parts


def read_batch_times(response: Response) -> tuple[dict[str, Times | None], dict[str, Any]]:
    """By command: the times of the good answers, and what is in ``result_error``. The rows are not looked at."""
    try:
        ends = response.batch()
    except (msgspec.DecodeError, ValueError):
        return {}, {}
    return {key: read_times(value) for key, value in _map(ends.result_time).items()}, _map(ends.result_error)


def _command_error(method: str, error: Any) -> AjaxError:
    if isinstance(error, dict):
        inner = error.get("error")
        return portal_error(method, inner if inner else error, error.get("error_description"), None)
    return portal_error(method, error, None, None)


def _map(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    return {str(index): item for index, item in enumerate(value)} if isinstance(value, list) else {}


def read_times(value: Any) -> Times | None:
    """The ``time`` object of an answer, None where there is none. Figures may be numbers or text."""
    if not isinstance(value, dict):
        return None
    return Times(
        start=_number(value.get("start")),
        finish=_number(value.get("finish")),
        duration=_number(value.get("duration")),
        processing=_number(value.get("processing")),
        date_start=_text(value.get("date_start")),
        date_finish=_text(value.get("date_finish")),
        operating=_number(value.get("operating")),
        operating_reset_at=_number(value.get("operating_reset_at")),
    )


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _integer(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _decode(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _mend(json.loads(bytes(raw).decode("utf-8", "replace")))
