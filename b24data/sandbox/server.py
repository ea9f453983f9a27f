"""The portal as an HTTP server: uvicorn's protocol, listeners of our own, and connections that can misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from b24data.sandbox.control import Control
from b24data.sandbox.wire import Incoming, Reply

_Receive = Callable[[], Awaitable[Any]]
_Send = Callable[[Any], Awaitable[None]]
_Transports = dict[tuple[str, int, int], asyncio.Transport]
"""Open connections by the client's address and the server's port: a client's port can be in use towards both ports."""

_TURNS_OF_A_CONNECTION = 4
"""Turns of the event loop from a socket that was accepted to a connection that was made and ended again."""


def listeners(host: str, port: int) -> list[socket.socket]:
    """The portal's socket, and one for the address it can move to."""
    opened: list[socket.socket] = []
    for wanted in (port, 0):
        # asyncio turns Nagle's algorithm off only where the protocol is named; with it a reply waits 40 ms.
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":  # elsewhere the option lets two servers share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, wanted))
        except OSError:
            for earlier in [*opened, sock]:
                earlier.close()
            raise
        opened.append(sock)
    return opened


async def serve(
    control: Control,
    sockets: list[socket.socket],
    stop: asyncio.Event,
    ready: Callable[[], None],
    key: str = "",
) -> None:
    """Answer requests until ``stop`` is set. With a ``key``, ``/_sandbox/<command>`` takes the sandbox's commands."""
    portal = control.portal
    certificate, private_key = portal.options.tls or (None, None)
    scheme = "https" if certificate else "http"
    own, other = (f"{scheme}://{portal.options.host}:{sock.getsockname()[1]}" for sock in sockets)
    portal.addresses.own, portal.addresses.other = own, other
    transports: _Transports = {}
    config = uvicorn.Config(
        _Application(control, transports, key),
        http=_protocol(transports, stop),
        loop="asyncio",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        ssl_certfile=certificate,
        ssl_keyfile=private_key,
    )
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(
            lambda: config.http_protocol_class(config=config, server_state=state, app_state={}),  # type: ignore[call-arg]
            sock=sock,
            ssl=config.ssl,
            backlog=2048,
        )
        for sock in sockets
    ]
    ready()
    await stop.wait()
    for sock in sockets:
        with contextlib.suppress(NotImplementedError):  # Windows accepts in another way
            loop.remove_reader(sock)
    for transport in list(transports.values()):
        transport.abort()
    for _ in range(_TURNS_OF_A_CONNECTION):
        await asyncio.sleep(0)  # connections learn that they are lost before their requests are cancelled
    for server in servers:  # not before: asyncio drops, unclosed, what it accepted and has not made yet
        server.close()
    tasks = list(state.tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _protocol(transports: _Transports, stop: asyncio.Event) -> type[asyncio.Protocol]:
    """uvicorn's protocol that lets us reach a connection, and takes none that was accepted as the server stopped."""

    class Protocol(HttpToolsProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if stop.is_set():
                transport.abort()
            elif self.client and self.server:
                transports[*self.client, self.server[1] or 0] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            if self.client and self.server:
                transports.pop((*self.client, self.server[1] or 0), None)
            super().connection_lost(exc)

    return Protocol


class _Application:
    """The ASGI application."""

    def __init__(self, control: Control, transports: _Transports, key: str) -> None:
        self._portal = control.portal
        self._control = control
        self._transports = transports
        self._key = key

    async def __call__(self, scope: Any, receive: _Receive, send: _Send) -> None:
        try:
            incoming = await _incoming(scope, receive)
            if self._key and incoming.path.startswith("/_sandbox/"):
                reply = self._controlled(incoming)
            else:
                reply = await self._portal.handle(incoming)
            if reply.act:
                await self._misbehave(self._transports.get((*scope["client"], scope["server"][1])), reply, receive)
            else:
                await _answer(reply, send)
        except asyncio.CancelledError:
            return  # the server stops, and the connection is gone already

    def _controlled(self, incoming: Incoming) -> Reply:
        if incoming.headers.get("x-sandbox-key") != self._key:
            return Reply(403, [b"{}"])
        try:
            result = self._control.ask(incoming.path.rsplit("/", 1)[1], msgspec.json.decode(incoming.body or b"{}"))
        except (ValueError, TypeError) as error:
            return Reply(400, [msgspec.json.encode({"error": str(error)})])
        return Reply(200, [msgspec.json.encode(result)])

    async def _misbehave(self, transport: asyncio.Transport | None, reply: Reply, receive: _Receive) -> None:
        if transport is None:
            return
        if reply.act == "reset":
            # A lingering time of zero makes the kernel send RST instead of FIN.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            body = b"".join(reply.pieces)
            head = [f"HTTP/1.1 {reply.status} OK", f"content-type: {reply.kind}", f"content-length: {len(body)}"]
            head += [f"{name}: {value}" for name, value in reply.headers.items()]
            transport.write("\r\n".join([*head, "", ""]).encode() + body[: len(body) // 2])
            if reply.act == "cut":
                transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass


async def _incoming(scope: Any, receive: _Receive) -> Incoming:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return Incoming(
        verb=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
        client=scope["client"][0],
        port=scope["server"][1],
    )


async def _answer(reply: Reply, send: _Send) -> None:
    body = b"".join(reply.pieces)
    headers = {"content-type": reply.kind, "content-length": str(len(body)), **reply.headers}
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
