"""One request before it is signed: what it asks for, what it runs, and what its headers say. Pure."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

import msgspec

from b24data.http.encode import check_method, commands_of, plain_params
from b24data.http.retry import is_read
from b24data.params import ApiVersion
from b24data.secret import Secret, reveal_for_encoder
from b24data.text.redact import redact

_LOGGED = 300
_ENCODER = msgspec.json.Encoder(enc_hook=reveal_for_encoder)


@dataclass(frozen=True, slots=True)
class Request:
    """A call of one method. ``keys`` are those of a batch, with the method of each command.

    ``commands`` says how often the request runs each method, ``reads`` whether it may be repeated after its answer was
    lost.
    """

    method: str
    params: dict[str, Any] | list[Any] = field(repr=False)
    version: ApiVersion
    keys: dict[str, str]
    commands: Counter[str]
    reads: bool
    request_id: str
    headers: dict[str, str]

    @classmethod
    def of(
        cls,
        method: str,
        params: Mapping[str, Any] | Sequence[Any] | None,
        version: ApiVersion,
        *,
        reads: bool | None = None,
        request_id: str = "",
        idempotency_key: str = "",
    ) -> Self:
        """The request that a caller means; :class:`ConfigError` if it can't be sent.

        A write of REST 3 has an ``Idempotency-Key``, its own if none is given: the portal carries it out once, however
        often it is sent (b24restdocs, api-reference/rest-v3.md).
        """
        plain = plain_params(params or {})
        keys = commands_of(check_method(method), plain)
        commands = Counter(keys.values()) or Counter([method])
        reads = all(map(is_read, commands)) if reads is None else reads
        request_id = request_id or uuid.uuid4().hex
        # A header, not a part of the address as in the JS SDK: there it would shift the arguments of task.* methods.
        headers = {"X-Request-ID": quote(request_id, safe=":/@ ")}
        if version is ApiVersion.V3 and not reads:
            headers["Idempotency-Key"] = idempotency_key or uuid.uuid4().hex
        return cls(method, plain, version, keys, commands, reads, request_id, headers)

    def url(self, endpoint: Secret[str]) -> Secret[str]:
        """Where it goes, below the REST root of a portal."""
        if self.version is ApiVersion.V3:
            endpoint = Secret(endpoint.reveal().replace("/rest/", "/rest/api/", 1))
        return Secret(f"{endpoint.reveal()}{self.method}")

    def body(self, token: Secret[str] | None) -> Secret[bytes]:
        """The JSON body with the token in it; without one for a webhook.

        A list goes as an object with the keys 0..n-1, which PHP reads as a list and which has room for a token; only a
        batch of REST 3 by a webhook goes as the documented array.
        """
        params: Any = self.params
        if isinstance(params, list) and (token is not None or self.version is not ApiVersion.V3):
            params = {str(index): value for index, value in enumerate(params)}
        return Secret(_ENCODER.encode(params if token is None else {**params, "auth": token}))

    @property
    def shown(self) -> str:
        """The parameters for a log: without secrets, and not longer than a few lines."""
        text = str(redact(self.params))
        return text if len(text) <= _LOGGED else f"{text[:_LOGGED]}... ({len(text):,} characters)"
