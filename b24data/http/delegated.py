"""A session that asks something else to make the calls: a recording, a gateway, a fake of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from b24data.errors import ConfigError
from b24data.http.context import CallContext
from b24data.http.error_codes import names_error
from b24data.http.protocol import Reply, Response, read_reply
from b24data.http.session import Session
from b24data.params import ApiVersion


class Caller(Protocol):
    """Anything that can call a method."""

    def call(self, method: str, params: Any = None, *, request_id: str | None = None) -> Any:
        """The answer: a :class:`Response`, or the portal's mapping with ``result``, ``total``, ``next``, ``time``."""


class DelegatedSession(Session):
    """The session of a client whose calls go through ``caller``; limits, tokens and repetitions are its affair.

    >>> class Recorded:
    ...     def call(self, method, params=None, *, request_id=None):
    ...         return {"result": [{"ID": "1"}], "total": 1}
    >>> from b24data import B24Hook
    >>> b24 = B24Hook("https://your-portal.bitrix24.com/rest/1/code/")
    >>> b24.set_http_client("v2", Recorded())
    >>> b24.actions.v2.call.make(method="crm.deal.list").result
    [{'ID': '1'}]
    """

    def __init__(self, caller: Caller, own: Session) -> None:
        options: dict[str, Any] = {"version": own.version, "clock": own.clock, "logger": own.logger}
        super().__init__(own.credentials, own._transport, own.params, **options)
        self._caller = caller

    def call(
        self,
        method: str,
        params: Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        request_id: str | None = None,
        context: CallContext | None = None,
        reads: bool | None = None,  # noqa: ARG002 - the caller repeats what it likes
        attempts: int | None = None,  # noqa: ARG002
        remaining_commands: int | None = None,  # noqa: ARG002
        idempotency_key: str = "",  # noqa: ARG002
    ) -> Response:
        """What the caller answers."""
        if context is not None:
            context.check()
            context.sent(1)
        response = _response(method, self._caller.call(method, params, request_id=request_id), self.version)
        if context is not None:
            context.received(response.time)
        return response


def _response(method: str, answer: Any, version: ApiVersion) -> Response:
    if isinstance(answer, Response):
        return answer
    told = isinstance(answer, Mapping) and names_error(answer.get("error"), answer.get("error_description"))
    if not isinstance(answer, Mapping) or not (told or "result" in answer):
        raise ConfigError(
            f"the custom http client answered {method} with {type(answer).__name__}",
            hint='return a Response, or a mapping such as {"result": [...], "total": 1}',
        )
    return read_reply(method, Reply(200, {}, msgspec.json.encode(answer), url=""), version)
