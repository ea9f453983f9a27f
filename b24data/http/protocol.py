"""What a portal answers: one reply read into a response or an error, and a batch taken apart. Pure.

Sources: b24restdocs, settings/how-to-call-rest-api/batch.md, limits.md, _includes/system-errors.md.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from b24data.errors import AjaxError, BadReplyError, OperatingLimitError
from b24data.http.encode import Command
from b24data.http.error_codes import names_error, portal_error
from b24data.http.payload import Payload, decoded, opened, plain, too_deep
from b24data.http.unpack import unpacked
from b24data.params import ApiVersion
from b24data.secret import Sealed
from b24data.text.redact import redact

NOT_EXECUTED = "B24DATA_NOT_EXECUTED"  # our own code for a command that a halted batch never reached

_BODY_START = 300
_LARGEST = 2**53  # of a total or an offset; a double tells no two whole numbers apart above it
# These answer without an envelope (b24restdocs, api-reference/rest-v3.md).
_BARE = frozenset({"rest.documentation.openapi", "documentation"})
_BOM = b"\xef\xbb\xbf"
# Statuses of a web server, a proxy or a firewall before the portal, which says nothing in the portal's own form.
_BAD_STATUSES = {
    401: "a server in front of the portal asks for its own sign-in; check the portal's address and the proxy",
    403: "a firewall or a server in front of the portal refuses this; check the address, or ask its administrator",
    407: "the proxy asks for a sign-in; set HTTPS_PROXY to http://name:password@host:port",
    413: "the request is too large for a server in front of the portal; send less data",
}
# An answer with nothing but these names in `result` is an error, though its status is 200.
_ERROR_NAMES = frozenset({"error", "error_description"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came over the wire. ``headers`` have lower-case names, ``url`` is redacted, ``elapsed`` is seconds.

    ``body`` is as it came, a tenth of its text where it is compressed; :meth:`text` unpacks it.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)  # a Location may have a webhook's code in it, and a body tokens
    body: bytes = field(repr=False)
    url: str
    elapsed: float = 0.0

    def text(self, name: str) -> bytes:
        """The body without its ``Content-Encoding``; :class:`BadReplyError`, which has ``name``, for a damaged one."""
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        with Sealed():  # a token reply may be damaged, too
            return unpacked(name, self.body, encoding, self.status)


class Times(msgspec.Struct, frozen=True, gc=False):
    """The ``time`` of an answer. All by the portal's clock; what was missing is None. Seconds, and unix seconds."""

    start: float | None = None
    finish: float | None = None
    duration: float | None = None
    processing: float | None = None
    date_start: str | None = None
    date_finish: str | None = None
    operating: float | None = None
    operating_reset_at: float | None = None


class BatchParts(msgspec.Struct, dict=True):
    """The payload of a batch: what came, by command. PHP writes an empty map as ``[]``."""

    result: dict[str, Payload] | list[Payload] | str | float | bool | msgspec.UnsetType | None = msgspec.UNSET
    result_error: Any = msgspec.UNSET
    result_total: Any = msgspec.UNSET
    result_next: Any = msgspec.UNSET
    result_time: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @functools.cached_property
    def times(self) -> Mapping[str, Times | None]:
        """The times of each good answer: the limits and the walk both look at them."""
        if self.result_time is msgspec.UNSET:
            return {}
        try:
            return _TIMES.decode(self.result_time)
        except ValueError:
            return {key: read_times(value) for key, value in _map(decoded(self.result_time)).items()}

    def plain(self) -> dict[str, Any]:
        """As Python objects; parts that did not come are not there."""
        parts = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not msgspec.UNSET}
        if isinstance(self.result, dict):
            parts["result"] = {key: plain(payload) for key, payload in self.result.items()}
        elif isinstance(self.result, list):
            parts["result"] = [plain(payload) for payload in self.result]
        if isinstance(self.result_time, msgspec.Raw):
            parts["result_time"] = decoded(self.result_time)
        return parts


_TIMES: msgspec.json.Decoder[dict[str, Times | None]] = msgspec.json.Decoder(dict[str, Times | None])


class Response(msgspec.Struct, frozen=True):
    """An answer whose envelope was read, and its payload opened one level; that of a batch one level more.

    ``elapsed`` is seconds on the wire, without what was waited before; 0.0 for a command of a batch.

    >>> Response(opened(b'{"items": [1, 2]}'), total=2).data()
    {'items': [1, 2]}
    """

    result: Payload | BatchParts
    total: int | None = None
    next: int | None = None
    time: Times | None = None
    elapsed: float = 0.0

    def data(self) -> Any:
        """The payload as Python objects."""
        return self.result.plain() if isinstance(self.result, BatchParts) else plain(self.result)


P = TypeVar("P")


class _Envelope(msgspec.Struct, Generic[P]):
    result: P | msgspec.UnsetType = msgspec.UNSET
    total: Any = None
    next: Any = None
    time: Any = None
    error: Any = None
    error_description: Any = None


_ENVELOPE = msgspec.json.Decoder(_Envelope[Payload])
_BATCH_ENVELOPE = msgspec.json.Decoder(_Envelope[BatchParts])


def read_reply(method: str, reply: Reply, version: ApiVersion = ApiVersion.V2) -> Response:
    """The response in ``reply``; a batch of REST 2 has its payload as :class:`BatchParts`.

    Raises the fitting :class:`AjaxError` if the portal answered with an error (its code decides before the
    status), and :class:`BadReplyError` if this is not an answer of the REST API.
    """
    try:
        body = reply.text(method).removeprefix(_BOM).strip()
        envelope = _read_envelope(
            method, reply.status, body, batch=version is ApiVersion.V2 and method.lower() == "batch"
        )
    except BadReplyError as damaged:
        if reply.status == 429 and damaged.code != "TOO_LARGE":
            # Nothing but the operating limit is documented to answer 429, and a gateway may eat the body.
            raise OperatingLimitError(method, "no reason given", code="OPERATION_TIME_LIMIT", status=429) from None
        raise
    if names_error(envelope.error, envelope.error_description):
        raise portal_error(method, envelope.error, envelope.error_description, reply.status)
    if method.lower() in _BARE and reply.status < 400:
        return Response(opened(body))
    if envelope.result is msgspec.UNSET and envelope.error is not None:
        raise portal_error(method, envelope.error, "the portal gives no reason", reply.status)
    if envelope.result is msgspec.UNSET:
        raise _bad_reply(method, reply.status, body, "the answer has neither a result nor an error")
    if reply.status >= 400:
        raise _bad_reply(method, reply.status, body, "a result with the status of an error")
    if error := error_inside(method, envelope.result):
        raise error
    total, following, times = _integer(envelope.total), _integer(envelope.next), read_times(envelope.time)
    return Response(envelope.result, total, following, times, reply.elapsed)


def _read_envelope(method: str, status: int, body: bytes, *, batch: bool) -> _Envelope[Any]:
    try:
        return _decode_envelope(body, batch=batch)
    except msgspec.ValidationError:
        raise _bad_reply(method, status, body, "the answer is JSON, but not an answer of the REST API") from None
    except ValueError:
        pass
    except RecursionError:
        raise too_deep(method) from None
    try:
        return _decode_envelope(json.dumps(decoded(body)).encode(), batch=batch)
    except (RecursionError, BadReplyError):
        raise too_deep(method) from None
    except ValueError:
        raise _bad_reply(method, status, body, _what_came(body)) from None


def _decode_envelope(body: bytes, *, batch: bool) -> _Envelope[Any]:
    if batch:
        with contextlib.suppress(msgspec.ValidationError):  # "result": [], as PHP has it beside an error
            return _BATCH_ENVELOPE.decode(body)
    return _ENVELOPE.decode(body)


def _what_came(body: bytes) -> str:
    if not body:
        return "the answer is empty"
    if body[:1] == b"<":
        return "the answer is HTML"
    if body[:1] in (b"{", b"["):
        return "the answer was cut off"
    return "the answer begins with text instead of JSON"


def _bad_reply(method: str, status: int, body: bytes, description: str) -> BadReplyError:
    start = redact(body[:_BODY_START].decode("utf-8", "replace")).strip()
    hint = _BAD_STATUSES.get(status, "")
    if not hint and description.endswith("HTML") and status < 500:
        hint = "check the portal's address"
    return BadReplyError(method, description, code="BAD_REPLY", status=status, body=start, hint=hint)


def read_batch(response: Response, commands: Sequence[Command]) -> list[Response | AjaxError]:
    """What each command of a batch brought, by position.

    PHP writes an empty map as ``[]`` and one with the keys 0..n-1 as a list, so every map may be either.
    A command that is in neither ``result`` nor ``result_error`` is an error with the code ``NOT_EXECUTED``.
    """
    outer = response.result if isinstance(response.result, BatchParts) else BatchParts()
    results: dict[str, Payload] = _map(outer.result)
    errors, totals, nexts = _map(outer.result_error), _map(outer.result_total), _map(outer.result_next)
    parts: list[Response | AjaxError] = []
    for command in commands:
        key = command.key
        if key in errors and (key not in results or _is_told(errors[key])):
            parts.append(_command_error(command.method, errors[key]))
        elif key in results and (error := error_inside(command.method, results[key])):
            parts.append(error)
        elif key in results:
            total, following = _integer(totals.get(key)), _integer(nexts.get(key))
            parts.append(Response(results[key], total, following, outer.times.get(key)))
        else:
            parts.append(AjaxError(command.method, "the batch never reached this command", code=NOT_EXECUTED))
    return parts


def read_batch_times(response: Response) -> tuple[Mapping[str, Times | None], dict[str, Any]]:
    """By command: the times of the good answers, and what is in ``result_error``. The rows are not looked at."""
    if not isinstance(response.result, BatchParts):
        return {}, {}
    return response.result.times, _map(response.result.result_error)


def _command_error(method: str, error: Any) -> AjaxError:
    if not _is_told(error):
        return portal_error(method, error, "the portal gives no reason", None)
    if isinstance(error, dict) and "code" not in error:
        return portal_error(method, error.get("error"), error.get("error_description"), None)
    return portal_error(method, error, None, None)


def _is_told(error: Any) -> bool:
    """Whether an entry of ``result_error`` says anything: PHP may leave an empty one beside a good answer."""
    return names_error(error) and (not isinstance(error, dict) or any(error.values()))


def error_inside(method: str, payload: Any) -> AjaxError | None:
    """The error that a method put into its ``result``, with HTTP 200; ``payload`` may be opened one level or whole.

    >>> error_inside("m", {"error": "", "error_description": "Access denied."}).description
    'Access denied.'
    """
    if not isinstance(payload, dict) or "error" not in payload or not payload.keys() <= _ERROR_NAMES:
        return None
    values = (payload.get(name) for name in ("error", "error_description"))
    error, text = (decoded(value) if isinstance(value, msgspec.Raw) else value for value in values)
    return portal_error(method, error, text, 200) if names_error(error, text) else None


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
    if type(value) is float and -math.inf < value < math.inf:  # what most are: every command of a batch has six
        return value
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _integer(value: Any) -> int | None:
    number = _number(value)
    return None if number is None or abs(number) > _LARGEST else int(number)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
