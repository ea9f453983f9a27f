"""Where the server runs: in a thread of this process, or in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import secrets
import ssl
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any, Protocol, cast
from urllib.parse import urlsplit

import msgspec

from b24data.sandbox.control import Control
from b24data.sandbox.options import Options
from b24data.sandbox.portal import Portal
from b24data.sandbox.server import listeners, serve

_START_S = 60


class Host(Protocol):
    """A running server."""

    def ask(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Carry out a command of :class:`~b24data.sandbox.control.Control`."""

    def close(self) -> None:
        """Stop the server and wait until it is gone."""


class ThreadHost:
    """The server in a daemon thread with an event loop of its own."""

    def __init__(self, options: Options) -> None:
        self._control = Control(Portal(options), in_process=True)
        self._sockets = listeners(options.host, options.port)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="b24data-sandbox", daemon=True)
        self._thread.start()
        self._ready.result(_START_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(serve(self._control, self._sockets, self._stop, lambda: self._ready.set_result(None)))
            except BaseException as error:
                for sock in self._sockets:
                    sock.close()
                if self._ready.done():
                    raise
                self._ready.set_exception(error)

    def ask(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Run the command in the server's thread, between two requests."""
        answer: Future[Any] = Future()

        def run() -> None:
            try:
                answer.set_result(self._control.ask(name, arguments))
            except Exception as error:  # noqa: BLE001  (handed to the caller, whose thread raises it)
                answer.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return answer.result()

    def close(self) -> None:
        """Stop the server and wait until its thread has ended."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


class ProcessHost:
    """The server in a process of its own, so that a benchmark's client does not share its GIL."""

    def __init__(self, options: Options) -> None:
        root = str(Path(__file__).parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "b24data.sandbox", "--parent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,  # Ctrl-C in a terminal is for the parent, which then closes the pipe
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
        )
        self._key = secrets.token_urlsafe(24)
        stdin, stdout = _pipes(self._process)
        stdin.write(msgspec.json.encode({"options": options, "key": self._key}) + b"\n")
        stdin.flush()
        started = stdout.readline()
        if not started:
            self.close()
            raise OSError("the sandbox's process ended before it was ready; its own message stands above")
        self._address = urlsplit(msgspec.json.decode(started)["url"])

    def ask(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Send the command over HTTP."""
        connection = self._connection()
        try:
            connection.request(
                "POST", f"/_sandbox/{name}", msgspec.json.encode(arguments), {"x-sandbox-key": self._key}
            )
            response = connection.getresponse()
            answer = msgspec.json.decode(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(answer.get("error", "the sandbox refused the command"))
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        if self._address.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=600)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # our own child on loopback, with the certificate of a test
        return http.client.HTTPSConnection(host, port, timeout=600, context=context)

    def close(self) -> None:
        """Close the pipe that the process lives by, and wait until it has ended."""
        stdin, stdout = _pipes(self._process)
        with contextlib.suppress(BrokenPipeError), stdin:
            stdin.write(b"\n")  # a forked copy of the pipe may outlive us, so closing it alone is no message
        stdout.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    return cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)


class _Order(msgspec.Struct):
    options: Options
    key: str


def serve_parent() -> None:
    """Serve as the child of a :class:`ProcessHost`, until the pipe from it closes."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=_Order)
    portal = Portal(order.options)
    sockets = listeners(order.options.host, order.options.port)

    def ready() -> None:
        sys.stdout.buffer.write(msgspec.json.encode({"url": portal.addresses.own}) + b"\n")
        sys.stdout.buffer.flush()

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def watch() -> None:
            with contextlib.suppress(OSError):
                os.read(sys.stdin.fileno(), 1)  # not the buffer: its lock would hinder the exit
            loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=watch, daemon=True).start()
        await serve(Control(portal, in_process=False), sockets, stop, ready, order.key)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
