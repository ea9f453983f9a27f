"""The listener on 127.0.0.1 that a portal leads the browser back to, where both are on one machine.

Every program and every page of this machine may call it, so it reads little, in little time, a few at a time.
"""

from __future__ import annotations

import contextlib
import html
import os
import re
import socket
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from b24data.errors import ConfigError
from b24data.http.clock import SYSTEM_CLOCK, Clock
from b24data.lists.literals import is_whole
from b24data.secret import Secret
from b24data.signin.pasted import parameters_of
from b24data.text.language import language, translated

REDIRECT_PORT = 8724
LISTEN_S = 600.0
"""How long a listener waits for the browser. Then the port is free for a sign-in of another notebook."""

_LAST_PORT = 65_535
_PATIENCE_S = 5.0  # for a request from its first byte to its last: a browser on this machine takes milliseconds
_LONGEST = 16 * 1024  # bytes of a request, cookies of other programs on 127.0.0.1 included
_AT_ONCE = 8
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Landing:
    """What the browser shows. Unless the code was ``taken``, it stays in the address, to be copied from there."""

    sentence: str
    taken: bool = True


Returned = Callable[[Mapping[str, Secret[str]]], Landing]
"""Takes the parameters of the address."""

Ended = Callable[[str], object]
"""Takes a sentence that says why the listener does not wait any longer."""


def check_port(port: int) -> int:
    """The port itself, 0 for any free one; :class:`ConfigError` where it is not a port.

    >>> check_port(8724)
    8724
    """
    if not is_whole(port) or not 0 <= port <= _LAST_PORT:
        raise ConfigError(f"port is {port!r}", hint=f"give a number from 1 to {_LAST_PORT}, such as {REDIRECT_PORT}")
    return int(port)


def redirect_uri(port: int = REDIRECT_PORT) -> str:
    """What has to stand on the application's card as its handler path.

    >>> redirect_uri()
    'http://127.0.0.1:8724/'
    """
    return f"http://127.0.0.1:{port}/"


def same_machine() -> bool:
    """Whether the browser is likely to run on the machine that this runs on."""
    remote = ("SSH_CONNECTION", "JUPYTERHUB_USER", "COLAB_RELEASE_TAG", "CODESPACES", "KUBERNETES_SERVICE_HOST")
    return not any(os.environ.get(name) for name in remote)


class Listener:
    """Waits in a thread of its own for the browser to come back; ``port`` 0 is any free one.

    One port has one listener: a new one in this process takes the place of the one before it. After ``patience_s``
    it stops. In both cases ``ended`` is called, in a thread of its own. Raises :class:`ConfigError` if another program
    has the port.
    """

    _open: ClassVar[weakref.WeakValueDictionary[int, Listener]] = weakref.WeakValueDictionary()

    def __init__(
        self,
        returned: Returned,
        port: int = REDIRECT_PORT,
        *,
        clock: Clock = SYSTEM_CLOCK,
        patience_s: float = LISTEN_S,
        ended: Ended | None = None,
    ) -> None:
        if before := self._open.get(port):
            before.close()
            before._tell("a later sign-in in this notebook listens now")
        try:
            self._socket = socket.create_server(("127.0.0.1", port), backlog=16)  # a port of a minute ago is free
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"port {port} of this machine is taken, perhaps by a sign-in in another notebook",
                code="PORT_TAKEN",
                hint="copy the address of the page that the portal opens, and paste it here",
            ) from error
        self._port: int = self._socket.getsockname()[1]
        self._returned = returned
        self._ended = ended
        self._clock = clock
        self._patience_s = patience_s
        self._until = clock.monotonic() + patience_s
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="b24data-callback", daemon=True)
        self._open[self._port] = self
        self._thread.start()

    @property
    def uri(self) -> str:
        """Where it listens."""
        return redirect_uri(self._port)

    def close(self) -> None:
        """Stop listening; an answer that is on its way is still sent."""
        self._closed.set()
        self._thread.join()

    def _tell(self, why: str) -> None:
        if self._ended is not None:
            threading.Thread(target=self._ended, args=(why,), name="b24data-ended", daemon=True).start()

    def _accept(self) -> None:
        self._socket.settimeout(_POLL_S)
        with self._socket:
            while not self._closed.is_set():
                if self._clock.monotonic() >= self._until:
                    break
                if not self._slots.acquire(timeout=_POLL_S):
                    continue
                try:
                    connection, _ = self._socket.accept()
                except OSError:  # no request arrived
                    self._slots.release()
                    continue
                threading.Thread(target=self._serve, args=(connection,), name="b24data-return", daemon=True).start()
        if not self._closed.is_set():
            self._tell(f"the browser did not come back within {self._patience_s / 60:.0f} minutes")

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError), connection:
                asked = _asked_in(_request(connection, self._clock))
                if asked is None:
                    return
                if "code" not in asked:  # a browser asks for a favicon, too
                    page = _page(404, Landing("This page waits for the portal's redirect."))
                else:
                    page = _page(200, self._returned(asked))
                connection.settimeout(_PATIENCE_S)
                connection.sendall(page)
                connection.shutdown(socket.SHUT_WR)
        finally:
            self._slots.release()


def _request(connection: socket.socket, clock: Clock) -> Secret[bytes] | None:
    """The head of a request; None for one that is too long or too slow."""
    ends, head = clock.monotonic() + _PATIENCE_S, Secret(b"")
    while b"\r\n\r\n" not in head.reveal():
        left = ends - clock.monotonic()
        if left <= 0 or len(head.reveal()) > _LONGEST:
            return None
        connection.settimeout(left)
        head = Secret(head.reveal() + (came := Secret(connection.recv(4096))).reveal())
        if not came:
            return None
    return head


_GET = re.compile(rb"GET (/[!-~]*) HTTP/1\.[01]\r\n.*", re.DOTALL)


def _asked_in(head: Secret[bytes] | None) -> Mapping[str, Secret[str]] | None:
    """The parameters of the address that is asked for; None for what is not a request of a browser."""
    if head is None or not _GET.fullmatch(head.reveal()):
        return None
    address = Secret(_GET.sub(rb"\1", head.reveal()).decode())  # no match in a variable: it shows what it matched
    try:
        return parameters_of(urlsplit(address.reveal()).query)
    except ValueError:
        return None


def _page(status: int, answer: Landing) -> bytes:
    page = _PAGE.format(
        language=language(),
        sentence=html.escape(translated(answer.sentence)),
        script=_HIDE_CODE if answer.taken else "",
    ).encode()
    head = [
        f"HTTP/1.1 {status} {'OK' if status == 200 else 'Not Found'}",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(page)}",
        "Referrer-Policy: no-referrer",
        "Cache-Control: no-store",
        "Connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode() + page


_HIDE_CODE = """<script>history.replaceState(null, "", "/")</script>"""
_PAGE = """<!doctype html><html lang="{language}"><meta charset="utf-8"><title>b24data</title>
<meta name="color-scheme" content="light dark">
<body style="font:16px/1.5 sans-serif;max-width:36em;margin:15vh auto;padding:0 1em"><p>{sentence}</p>
{script}</body></html>
"""
