"""The socket: one POST, and what came back. The only module that knows httpx."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import socket
import ssl
import threading
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode

import httpx
from zlib_ng import zlib_ng

from b24data import __version__
from b24data.errors import BadReplyError, ConfigError, RequestTimeoutError, TransportError
from b24data.http.clock import SYSTEM_CLOCK, Clock
from b24data.http.log_filter import RedactingFilter
from b24data.http.protocol import Reply
from b24data.http.redact import redact
from b24data.http.secret import Secret, sealed, stays_here

__all__ = ["Timeout", "Transport", "Verify"]

Timeout: TypeAlias = float | httpx.Timeout | None
Verify: TypeAlias = bool | str | os.PathLike[str] | ssl.SSLContext

_TIMEOUT = httpx.Timeout(connect=10, read=120, write=30, pool=None)
_CONNECTIONS = httpx.Limits(max_connections=16, max_keepalive_connections=16, keepalive_expiry=30)
_DAMAGED: type[Exception] = zlib_ng.error  # type: ignore[assignment]  # its stub has an instance for the class
_MOST_BYTES = 512 * 1024 * 1024  # what a batch of 2,500 very wide rows can't reach

# httpx prints whole URLs at INFO and httpcore prints headers at DEBUG: a webhook's secret is in both.
for _name in ("b24data", "httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
    logging.getLogger(_name).addFilter(RedactingFilter())


class Transport:
    """Sends POST requests over pooled connections. Any thread may use it; a fork opens its own connections.

    Raises :class:`RequestTimeoutError`, :class:`BadReplyError` or :class:`TransportError` with the codes
    ``NOT_CONNECTED`` (nothing was sent), ``CERTIFICATE``, ``TIMEOUT``, ``CONNECTION_LOST``. Never an httpx error.

    Addresses and bodies are secrets until their bytes go to the socket. The frames of the libraries that write them
    there are cut from the traceback of every exception, of a KeyboardInterrupt too.
    """

    __reduce__ = stays_here

    def __init__(self, *, timeout: Timeout = None, verify: Verify = True, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._timeout = _TIMEOUT if timeout is None else httpx.Timeout(timeout)
        self._tls = _tls_context(verify if isinstance(verify, bool | ssl.SSLContext) else os.fspath(verify))
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._pid = os.getpid()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def post_json(
        self, name: str, url: str | Secret[str], body: bytes | Secret[bytes], headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send ``body`` as JSON; ``name`` is what errors call the request."""
        return self._post(name, Secret(url), Secret(body), {"Content-Type": "application/json", **(headers or {})})

    def post_form(self, name: str, url: str | Secret[str], form: Mapping[str, str | Secret[str]]) -> Reply:
        """Send ``form`` as an HTML form would."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = sealed(lambda: Secret(urlencode({key: Secret(form[key]).reveal() for key in form}).encode()))
        return self._post(name, Secret(url), body, headers)

    def interrupt(self) -> None:
        """Shut every socket down, so that every thread that reads from one wakes; the next request opens new ones."""
        with self._lock:
            client, self._client = self._client, None
            sockets, self._sockets = self._sockets, weakref.WeakSet()
        _shut(sockets)
        if client is not None:
            client.close()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _post(self, name: str, url: Secret[str], body: Secret[bytes], headers: Mapping[str, str]) -> Reply:
        return sealed(lambda: self._exchange(name, url, body, headers))

    def _exchange(self, name: str, url: Secret[str], body: Secret[bytes], headers: Mapping[str, str]) -> Reply:
        client, sockets = self._connections()
        started = self._clock.monotonic()

        def trace(event: str, info: Mapping[str, Any]) -> None:
            if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
                sockets.add(info["return_value"].get_extra_info("socket"))
                if sockets is not self._sockets:  # interrupted while it was connecting
                    _shut(sockets)

        try:
            extensions = {"trace": trace}
            with client.stream(
                "POST", url.reveal(), content=body.reveal(), headers=headers, extensions=extensions
            ) as response:
                content = _read(name, response)
        except httpx.ConnectTimeout as error:
            raise TransportError(name, "no connection in time", code="NOT_CONNECTED") from error
        except httpx.ConnectError as error:
            raise _not_connected(name, error) from error
        except httpx.TimeoutException as error:
            raise RequestTimeoutError(name, "no answer in time", code="TIMEOUT") from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise ConfigError(f"{url.reveal()} is not an address that can be called") from error
        except httpx.HTTPError as error:
            raise TransportError(name, str(error), code="CONNECTION_LOST") from error
        except RuntimeError as error:  # the client was closed by interrupt() between two lines of ours
            raise TransportError(name, "the connection was closed", code="CONNECTION_LOST") from error
        lower = {key.lower(): value for key, value in response.headers.items()}
        return Reply(response.status_code, lower, content, redact(url.reveal()), self._clock.monotonic() - started)

    def _connections(self) -> tuple[httpx.Client, weakref.WeakSet[socket.socket]]:
        if self._pid != os.getpid():
            # The parent goes on using these connections (they are dropped here, not closed), and may hold the lock.
            self._lock = threading.Lock()
            self._pid, self._client, self._sockets = os.getpid(), None, weakref.WeakSet()
        with self._lock:
            if self._client is None:
                self._client = self._open()
                weakref.finalize(self, self._client.close)
            return self._client, self._sockets

    def _open(self) -> httpx.Client:
        # Proxies come from the environment, but nothing on this machine is reached through one.
        local: dict[str, httpx.BaseTransport | None] = {"all://127.0.0.1": None, "all://localhost": None}
        return httpx.Client(
            verify=self._tls,
            timeout=self._timeout,
            limits=_CONNECTIONS,
            follow_redirects=False,
            headers={"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": _user_agent()},
            mounts=local,
        )


def _user_agent() -> str:
    return f"b24data/{__version__}"


def _shut(sockets: Iterable[socket.socket]) -> None:
    for sock in list(sockets):
        # socket.socket's own method: SSLSocket.shutdown would race with the thread that reads.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _read(name: str, response: httpx.Response) -> bytes:
    """The body, gunzipped. Not ``response.content``: httpx keeps bodies in reference cycles."""
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding not in ("gzip", "x-gzip", "identity", ""):
        raise BadReplyError(name, f"the answer is encoded as {encoding}", code="BAD_REPLY", status=response.status_code)
    chunks, size = [], 0
    for chunk in response.iter_raw():
        size += len(chunk)
        if size > _MOST_BYTES:
            raise _too_large(name)
        chunks.append(chunk)
    content = b"".join(chunks)
    return _gunzipped(name, content, response.status_code) if content and "gzip" in encoding else content


def _gunzipped(name: str, content: bytes, status: int) -> bytes:
    """In one go: by pieces it costs a copy and, with an answer of megabytes, thousands of page faults."""
    inflate = zlib_ng.decompressobj(wbits=31)
    try:
        text = inflate.decompress(content, _MOST_BYTES + 1)
    except _DAMAGED as error:
        raise BadReplyError(name, "the compressed answer is damaged", code="BAD_REPLY", status=status) from error
    if len(text) > _MOST_BYTES:
        raise _too_large(name)
    if not inflate.eof:
        raise BadReplyError(name, "the compressed answer was cut off", code="BAD_REPLY", status=status)
    return text


def _too_large(name: str) -> BadReplyError:
    return BadReplyError(name, f"the answer is larger than {_MOST_BYTES >> 20} MB", code="BAD_REPLY")


def _not_connected(name: str, error: httpx.ConnectError) -> TransportError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            hint = "for a self-hosted portal with an own certificate pass verify='/path/to/ca.pem'"
            return TransportError(name, "the certificate is not trusted", code="CERTIFICATE", hint=hint)
        cause = cause.__cause__ or cause.__context__
    return TransportError(name, f"no connection: {error}", code="NOT_CONNECTED")


@functools.lru_cache(maxsize=16)
def _tls_context(verify: bool | str | ssl.SSLContext) -> ssl.SSLContext | bool:
    """One context for all clients: building one takes 40 ms."""
    if isinstance(verify, ssl.SSLContext):
        return verify
    if isinstance(verify, bool):
        return httpx.create_ssl_context(verify=verify)
    if not Path(verify).exists():
        raise ConfigError(f"verify={verify!r}: there is no such file", hint="it is a file with CA certificates")
    if Path(verify).is_dir():
        return ssl.create_default_context(capath=verify)
    return ssl.create_default_context(cafile=verify)
