"""A portal that stops while clients are connecting to it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from b24data.sandbox.control import Control
from b24data.sandbox.portal import Portal
from b24data.sandbox.sandbox import SandboxPortal
from b24data.sandbox.server import listeners, serve


def ended(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True
    except BlockingIOError:
        return False


@pytest.mark.parametrize("turns", range(6))
def test_a_connection_made_as_the_portal_stops_is_ended_with_it(turns: int) -> None:
    sockets = listeners("127.0.0.1", 0)
    portal = Portal(SandboxPortal(deals=1)._options)

    async def main() -> None:
        stop, ready = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(serve(Control(portal, in_process=True), sockets, stop, ready.set))
        await ready.wait()
        client.connect(sockets[0].getsockname())
        for _ in range(turns):  # of the event loop, between the connection and the end
            await asyncio.sleep(0)
        stop.set()
        await serving

    with socket.socket() as client:
        asyncio.run(main())
        assert ended(client)
