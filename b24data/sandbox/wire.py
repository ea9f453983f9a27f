"""HTTP as the portal sees it: a request that came in, a reply that goes out."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from b24data.sandbox.notation import find, parse_multipart, parse_query


@dataclass(frozen=True, slots=True)
class Incoming:
    """An HTTP request: ``port`` is where it arrived, ``client`` where it came from."""

    verb: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    client: str
    port: int

    def params(self) -> dict[str, Any]:
        """The parameters of the query and of a JSON or form body; the body's win."""
        merged = parse_query(self.query)
        if not self.body:
            return merged
        kind = self.headers.get("content-type", "")
        if kind.startswith("multipart/"):
            return merged | parse_multipart(self.body, kind)
        if "json" in kind:
            try:
                decoded = msgspec.json.decode(self.body)
            except msgspec.DecodeError:
                return merged  # PHP goes on without parameters
            if isinstance(decoded, list):
                decoded = {str(at): value for at, value in enumerate(decoded)}
            return merged | decoded if isinstance(decoded, dict) else merged
        return merged | parse_query(self.body.decode("utf-8", "replace"))


@dataclass(slots=True)
class Reply:
    """What goes back. ``act`` is "reset", "cut" or "stall" where the connection misbehaves."""

    status: int = 200
    pieces: list[bytes | memoryview] = field(default_factory=list)
    kind: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    act: str = ""


@dataclass(frozen=True, slots=True)
class RestCall:
    """A call of a REST method: by webhook code or by access token.

    ``version`` is 3 under ``/rest/api/``, where ``body`` is the decoded JSON, None where it is none.
    """

    method: str
    params: dict[str, Any]
    user_id: int
    webhook: str
    token: str
    version: int = 2
    body: Any = None
    replay_key: str | None = None


def read_call(incoming: Incoming) -> RestCall:
    """The method and the credentials of ``/rest/[api/][user/code/]method[.json]``."""
    steps = [step for step in incoming.path.split("/") if step][1:]
    is_v3 = steps[:1] == ["api"]
    steps = steps[is_v3:]
    user, code = 0, ""
    if len(steps) >= 2 and steps[0].isdigit():
        user, code, *steps = int(steps[0]), steps[1], *steps[2:]
    method = steps[0] if steps else ""
    if is_v3:
        return _read_v3(incoming, method, user, code)
    params = incoming.params()
    token = str(find(params, "auth") or "")
    scheme, _, bearer = incoming.headers.get("authorization", "").partition(" ")
    if not token and scheme.lower() == "bearer":
        token = bearer.strip()
    params.pop("auth", None)
    return RestCall(method.removesuffix(".json").lower(), params, user, code, token)


def _read_v3(incoming: Incoming, method: str, user: int, code: str) -> RestCall:
    """JSON is all that counts, the token stands in it as ``auth``, and the query is not read (rest-v3.md)."""
    body: Any = {}
    if incoming.body:
        try:
            is_json = "json" in incoming.headers.get("content-type", "")
            body = msgspec.json.decode(incoming.body) if is_json else None
        except msgspec.DecodeError:
            body = None
    token = ""
    if isinstance(body, dict):
        token = str(body.pop("auth", ""))
    elif not isinstance(body, list):
        body = None
    params = body if isinstance(body, dict) else {}
    return RestCall(method.lower(), params, user, code, token, 3, body, incoming.headers.get("idempotency-key"))


def html_page(status: int, title: str) -> Reply:
    """A page as a gateway or a broken portal sends it."""
    text = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><center><h1>{title}</h1></center></body>\r\n</html>"
    return Reply(status, [text.encode()], "text/html; charset=utf-8")


def compressed(reply: Reply) -> Reply:
    """The reply with a gzip body."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    body = b"".join([*(packer.compress(piece) for piece in reply.pieces), packer.flush()])
    return Reply(reply.status, [body], reply.kind, {**reply.headers, "content-encoding": "gzip"}, reply.act)
