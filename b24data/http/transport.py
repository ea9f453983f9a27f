"""The socket: one POST, and what came back. The only module that knows httpx."""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
import socket
import ssl
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from numbers import Real
from pathlib import Path
from typing import Any, TypeAlias, cast
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies

import httpx

from b24data.errors import ConfigError, MissingExtraError, RequestTimeoutError, SdkError, TransportError
from b24data.http.clock import SYSTEM_CLOCK, Clock
from b24data.http.deadline import Deadline, OverdueError
from b24data.http.log_filter import ContainingFilter
from b24data.http.protocol import Reply
from b24data.http.redirect import is_loopback
from b24data.http.unpack import check_size
from b24data.secret import Sealed, Secret, stays_here
from b24data.text.hints import CERTIFICATE
from b24data.text.printable import one_line
from b24data.text.redact import redact
from b24data.version import __version__

Timeout: TypeAlias = float | httpx.Timeout | None
Verify: TypeAlias = bool | str | os.PathLike[str] | ssl.SSLContext

_TIMEOUT = httpx.Timeout(connect=10, read=120, write=30, pool=None)
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": f"b24data/{__version__}"}
_CONNECTIONS = httpx.Limits(max_connections=24, max_keepalive_connections=24, keepalive_expiry=30)
_LOCATION = "b24data.location"
_SHOWN = 200  # characters of what a library says; it quotes what came
_MOST_S = 1e9  # a socket refuses ten times as many
# A portal works on a request for 60 s at most. In ten minutes 23 MB, the largest answers, come over 0.3 Mbit/s.
_SILENCES = 5  # so long, in timeouts of reading, may a whole request take
# A token reply is short, and a program that is to end waits for a refresh that is under way.
_FORM_SILENCE_S, _FORM_WHOLE_S = 60.0, 90.0

# httpx prints whole URLs at INFO and httpcore prints headers at DEBUG: a webhook's secret is in both.
_THEIRS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks")
for _name in ("b24data", "b24data.progress", "b24data.exports", *_THEIRS):
    logging.getLogger(_name).addFilter(ContainingFilter())


class Transport:
    """Sends POST requests over pooled connections. Any thread may use it; a fork opens its own connections.

    Raises :class:`RequestTimeoutError`, :class:`BadReplyError` or :class:`TransportError` with the codes
    ``NOT_CONNECTED`` (nothing was sent), ``CERTIFICATE``, ``TIMEOUT``, ``CONNECTION_LOST``. Never an httpx error.
    ``timeout`` bounds a silence, and five of it the whole request.

    Addresses and bodies are secrets until their bytes go to the socket. The frames of the libraries that write them
    there are cut from the traceback of every exception, of a KeyboardInterrupt too.
    """

    __reduce__ = stays_here

    def __init__(self, *, timeout: Timeout = None, verify: Verify = True, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._timeout = _timeout_of(timeout)
        self._deadline = Deadline(clock)
        self._tls = _tls_context(verify if isinstance(verify, bool | ssl.SSLContext) else os.fspath(verify))
        self._lock = threading.Lock()
        self._clients: dict[tuple[bool, bool], _Connections] = {}  # by whether they call this machine, and are apart
        self._pid = os.getpid()

    def post(
        self,
        name: str,
        url: str | Secret[str],
        body: bytes | Secret[bytes],
        headers: Mapping[str, str] | None = None,
        *,
        silence_s: float = math.inf,
        whole_s: float = math.inf,
        apart: bool = False,
    ) -> Reply:
        """Send ``body``, which is JSON unless ``headers`` say otherwise; ``name`` is what errors call the request.

        A silence and the whole may be bounded to less than ``timeout`` says. ``apart``: over a connection of its own,
        which :meth:`interrupt` and :meth:`close` leave alone.
        """
        with Sealed():
            url, body, started = Secret(url), Secret(body), self._clock.monotonic()
            read = min(silence_s, math.inf if self._timeout.read is None else self._timeout.read)
            whole_s = min(whole_s, _SILENCES * read)
            self._deadline.begin(whole_s)
            try:
                with self._connections(url, apart) as connections:

                    def trace(event: str, info: Mapping[str, Any]) -> None:
                        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):  # of a proxy, too
                            stream = info["return_value"]
                            self._deadline.bound(stream)
                            connections.opened(stream.get_extra_info("socket"))

                    most = httpx.Timeout(**{**self._timeout.as_dict(), "read": read if read < math.inf else None})
                    asked: dict[str, Any] = {
                        "headers": {"Content-Type": "application/json", **(headers or {})},
                        "timeout": most,
                        "extensions": {"trace": trace},
                    }
                    with connections.client.stream("POST", url.reveal(), content=body.reveal(), **asked) as response:
                        content = _read(name, response)
            except SdkError:
                raise
            except OverdueError:
                text = f"the answer was not complete within {whole_s:.0f} s"
                raise RequestTimeoutError(name, text, code="TIMEOUT") from None
            except (httpx.HTTPError, httpx.InvalidURL, ValueError, OverflowError, RuntimeError) as error:
                raise _error(name, url, error) from error
            lower = {key.lower(): value for key, value in (*response.headers.items(), *response.extensions[_LOCATION])}
            seconds = self._clock.monotonic() - started
            return Reply(response.status_code, lower, content, redact(url.reveal()), seconds)

    def post_form(self, name: str, url: str | Secret[str], form: Mapping[str, str | Secret[str]]) -> Reply:
        """Send ``form`` as an HTML form would. The answer has 60 s, and 90 s in whole, or less by ``timeout``.

        Forms ask for tokens, and an answer that is lost takes the new pair with it: nothing interrupts them.
        """
        with Sealed():
            body = Secret(urlencode({key: Secret(form[key]).reveal() for key in form}).encode())
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Connection": "close"}
        return self.post(name, url, body, headers, silence_s=_FORM_SILENCE_S, whole_s=_FORM_WHOLE_S, apart=True)

    def interrupt(self) -> None:
        """Shut the sockets down, so that every thread that reads from one wakes; the next request opens new ones."""
        for connections in self._taken_out():
            connections.end(at_once=True)

    def close(self) -> None:
        """Close all connections, except one by which tokens come; one that is in use when its request is done."""
        for connections in self._taken_out():
            connections.end(at_once=False)

    def _taken_out(self) -> list[_Connections]:
        with self._lock:
            return [self._clients.pop((near, apart)) for near, apart in list(self._clients) if not apart]

    @contextlib.contextmanager
    def _connections(self, url: Secret[str], apart: bool) -> Iterator[_Connections]:
        near = _is_near(httpx.URL(url.reveal()).host)
        if self._pid != os.getpid():
            # The parent goes on using these connections (they are dropped here, not closed), and may hold the lock.
            self._lock = threading.Lock()
            self._pid, self._clients = os.getpid(), {}
        with self._lock:
            if (near, apart) not in self._clients:
                self._clients[near, apart] = made = _Connections(self._open(near))
                weakref.finalize(self, made.client.close)
            connections = self._clients[near, apart]
            connections.begin()
        try:
            yield connections
        finally:
            connections.done()

    def _open(self, near: bool) -> httpx.Client:
        # Proxies come from the environment, but nothing on this machine is reached through one.
        try:
            for proxy in () if near else _proxies().values():
                _ = urlsplit(proxy if "://" in proxy else f"//{proxy}").port  # raises for what httpx finds too late
            return httpx.Client(
                verify=self._tls,
                timeout=self._timeout,
                limits=_CONNECTIONS,
                follow_redirects=False,
                event_hooks={"response": [_set_location_aside]},
                headers=_HEADERS,
                trust_env=not near,
            )
        except ImportError as error:
            raise MissingExtraError(f"the SOCKS proxy in {_proxy_variables()}", "socks") from error
        except (ValueError, TypeError, httpx.InvalidURL):  # not its text: a proxy's address may have a password
            raise ConfigError(
                f"{_proxy_variables()} is not the address of a usable proxy",
                code="PROXY",
                hint="write it as http://host:port or socks5://host:port, or unset it",
            ) from None


class _Connections:
    """An httpx client and its sockets. Whoever ends it wakes the readers; the last of them closes it.

    A socket is never closed under a thread that reads from it: the number that it has in the system goes to the next
    connection, and the thread would read that one's bytes.
    """

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._in_use = 0
        self._ended = self._cut = False

    def begin(self) -> None:
        """A request begins."""
        with self._lock:
            self._in_use += 1

    def opened(self, sock: socket.socket) -> None:
        """A socket was opened for a request; one that was interrupted while it was connecting is of no use."""
        with self._lock:
            self._sockets.add(sock)
            cut = self._cut
        if cut:
            _shut([sock])

    def done(self) -> None:
        """A request is done, well or not."""
        with self._lock:
            self._in_use -= 1
            last = self._ended and not self._in_use
        if last:
            self.client.close()

    def end(self, *, at_once: bool) -> None:
        """No further request begins here; ``at_once``: those that are under way break off."""
        with self._lock:
            self._ended, self._cut = True, at_once
            sockets = list(self._sockets) if at_once else []
            unused = not self._in_use
        _shut(sockets)
        if unused:
            self.client.close()


def _set_location_aside(response: httpx.Response) -> None:
    """Hide ``Location`` from httpx: it reads one that it is not to follow, and raises for what is not an address."""
    found = response.headers.pop("location", None)
    response.extensions[_LOCATION] = [] if found is None else [("location", found)]


def _shut(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        # socket.socket's own method: SSLSocket.shutdown would race with the thread that reads.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _is_near(host: str) -> bool:
    """Whether it is this machine. All of ``.localhost`` is (RFC 6761)."""
    host = host.lower().rstrip(".")
    return is_loopback(host) or host.endswith(".localhost")


def _proxies() -> dict[str, str]:
    """The addresses of the proxies, by the variables that name them."""
    found = getproxies()
    return {f"{kind.upper()}_PROXY": found[kind] for kind in ("http", "https", "all") if found.get(kind)}


def _proxy_variables() -> str:
    return " or ".join(_proxies()) or "NO_PROXY"


def _read(name: str, response: httpx.Response) -> bytes:
    """The body as it came. Not ``response.content``: httpx keeps bodies in reference cycles."""
    chunks, size = [], 0
    for chunk in cast("httpx.SyncByteStream", response.stream):
        size += len(chunk)
        check_size(name, size)
        chunks.append(chunk)
    if _has_more(response):
        # The connection isn't used again: to httpcore these bytes would be the answer to the next request.
        _shut([response.extensions["network_stream"].get_extra_info("socket")])
    return b"".join(chunks)


def _has_more(response: httpx.Response) -> bool:
    """Whether bytes came after the end of the answer; yes where this version of httpcore does not tell."""
    part: Any = response.stream
    for name in ("_stream", "_httpcore_stream", "_stream", "_connection", "_h11_state"):
        part = getattr(part, name, None)
    return part is None or bool(part.trailing_data[0])


def _error(name: str, url: Secret[str], error: Exception) -> SdkError:
    """What an error of the library means to a caller."""
    match error:
        case httpx.ConnectTimeout() | httpx.ConnectError():
            return _not_connected(name, error)
        case httpx.TimeoutException():
            return RequestTimeoutError(name, "no answer in time", code="TIMEOUT")
        case httpx.ProxyError():
            hint = f"check {_proxy_variables()}; hosts in NO_PROXY are called without it"
            text = f"the proxy refuses: {one_line(str(error), _SHOWN)}"
            return TransportError(name, text, code="NOT_CONNECTED", hint=hint)
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | ValueError() | OverflowError():  # a port of 99999
            return ConfigError(f"{url.reveal()} is not a valid address")
        case httpx.HTTPError():
            return TransportError(name, one_line(str(error), _SHOWN), code="CONNECTION_LOST")
    # The client was closed by interrupt() between two lines of ours.
    return TransportError(name, "the connection was closed", code="CONNECTION_LOST")


def _not_connected(name: str, error: httpx.ConnectTimeout | httpx.ConnectError) -> TransportError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            hint = f"for a self-hosted portal with its own certificate {CERTIFICATE}"
            return TransportError(name, "the certificate is not trusted", code="CERTIFICATE", hint=hint)
        cause = cause.__cause__ or cause.__context__
    text = "no connection in time" if isinstance(error, httpx.ConnectTimeout) else f"no connection: {error}"
    return TransportError(name, text, code="NOT_CONNECTED")


def _timeout_of(timeout: Timeout) -> httpx.Timeout:
    if timeout is None or isinstance(timeout, httpx.Timeout):
        return timeout or _TIMEOUT
    seconds: Any = timeout  # of NumPy, too
    is_number = isinstance(seconds, Real) and not isinstance(seconds, bool)
    if not is_number or not 0 < seconds < _MOST_S:
        raise ConfigError(f"timeout is {timeout!r}", hint="give a number of seconds, such as 30")
    return httpx.Timeout(float(seconds))


@functools.lru_cache(maxsize=16)
def _tls_context(verify: bool | str | ssl.SSLContext) -> ssl.SSLContext | bool:
    """One context for all clients: building one takes 40 ms."""
    if isinstance(verify, ssl.SSLContext):
        return verify
    if isinstance(verify, bool):
        return httpx.create_ssl_context(verify=verify)
    if not Path(verify).exists():
        raise ConfigError(f"verify is {verify!r}, and there is no such file", hint="pass a file with CA certificates")
    if Path(verify).is_dir():
        return ssl.create_default_context(capath=verify)
    return ssl.create_default_context(cafile=verify)
