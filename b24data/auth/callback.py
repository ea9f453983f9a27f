"""The listener on 127.0.0.1 that a portal leads the browser back to, where both are on one machine."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import urlsplit

from b24data.auth.pasted import parameters_of
from b24data.errors import ConfigError
from b24data.http.secret import Secret

__all__ = ["REDIRECT_PORT", "Listener", "redirect_uri"]

REDIRECT_PORT = 8724

Returned = Callable[[Mapping[str, Secret[str]]], str]
"""Takes the parameters of the address; returns the sentence that the browser shows."""


def redirect_uri(port: int = REDIRECT_PORT) -> str:
    """What has to stand on the application's card as its handler path.

    >>> redirect_uri()
    'http://127.0.0.1:8724/'
    """
    return f"http://127.0.0.1:{port}/"


class Listener:
    """Waits in a thread of its own for the browser to come back; ``port`` 0 is any free one.

    Raises :class:`ConfigError` if the port is taken.
    """

    def __init__(self, returned: Returned, port: int = REDIRECT_PORT) -> None:
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise ConfigError(
                f"port {port} of this machine is taken, perhaps by a sign-in in another notebook",
                code="PORT_TAKEN",
                hint="go on by hand: copy the address of the page that the portal leads to, and paste it here",
            ) from error
        self._server.returned = returned
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="b24data-callback", daemon=True).start()

    @property
    def uri(self) -> str:
        """Where it listens."""
        return redirect_uri(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening; an answer that is on its way is still sent."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    allow_reuse_address = False  # on Windows it would let two programs listen at once
    daemon_threads = True
    returned: Returned


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path, self.path, self.requestline, self.raw_requestline = Secret(self.path), "", "", b""
        asked = parameters_of(urlsplit(path.reveal()).query)
        if "code" not in asked:  # a browser asks for a favicon, too
            self._answer(404, "This page waits for a portal to send you back.")
            return
        self._answer(200, cast("_Server", self.server).returned(asked))

    def _answer(self, status: int, sentence: str) -> None:
        page = _PAGE.format(sentence=html.escape(sentence)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the line would have the code in it."""


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>b24data</title>
<meta name="color-scheme" content="light dark">
<body style="font:16px/1.5 sans-serif;max-width:36em;margin:15vh auto;padding:0 1em"><p>{sentence}</p>
<script>history.replaceState(null, "", "/")</script></body></html>
"""
