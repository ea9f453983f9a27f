from __future__ import annotations

import gzip
import logging
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from b24data.errors import BadReplyError, ConfigError, RequestTimeoutError, TransportError
from b24data.http import transport as transport_module
from b24data.http import unpack
from b24data.http.transport import Transport

Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


class Server:
    """Answers every POST with what ``answer`` writes."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answer: Answer = lambda handler, body: send(handler, b'{"result": 1}')
        self.seen: list[dict[str, str]] = []
        self.clients: set[Any] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer.seen.append({key.lower(): value for key, value in self.headers.items()})
                outer.clients.add(self.client_address)
                outer.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls is not None:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.http.server_port}/rest/1/s3cr3t/profile"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def send(handler: BaseHTTPRequestHandler, body: bytes, length: int | None = None, **headers: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def transport() -> Iterator[Transport]:
    transport = Transport()
    yield transport
    transport.close()


def test_post__brings_status_headers_and_body(server: Server, transport: Transport) -> None:
    server.answer = lambda handler, body: send(handler, body[::-1], X_Test="Yes")
    reply = transport.post("profile", server.url, b"12345")
    assert (reply.status, reply.body, reply.headers["x-test"]) == (200, b"54321", "Yes")
    assert server.seen[0]["content-type"] == "application/json"
    assert server.seen[0]["accept-encoding"] == "gzip"
    assert server.seen[0]["user-agent"].startswith("b24data/")
    assert "s3cr3t" not in reply.url


def test_post_form__goes_as_a_form(server: Server, transport: Transport) -> None:
    server.answer = send
    reply = transport.post_form("oauth/token", server.url, {"client_secret": "a&b", "x": "1"})
    assert reply.body == b"client_secret=a%26b&x=1"
    assert server.seen[0]["content-type"] == "application/x-www-form-urlencoded"


def test_post__one_connection_serves_many_requests(server: Server, transport: Transport) -> None:
    for _ in range(3):
        transport.post("m", server.url, b"{}")
    assert len(server.clients) == 1


def test_post__a_compressed_answer_is_inflated(server: Server, transport: Transport) -> None:
    text = b'{"result": "' + b"x" * 1_000_000 + b'"}'
    server.answer = lambda handler, body: send(handler, gzip.compress(text), Content_Encoding="gzip")
    reply = transport.post("m", server.url, b"{}")
    assert len(reply.body) < 2_000  # it stays as it came
    assert reply.text("m") == text


@pytest.mark.parametrize(
    ("body", "encoding", "what"),
    [
        (gzip.compress(b"x" * 10_000, mtime=0)[:-10], "gzip", "cut off"),
        (b"no gzip at all", "gzip", "damaged"),
        (b"x", "br", "encoded as br"),
    ],
)
def test_post__a_damaged_answer_says_what_is_wrong(
    server: Server, transport: Transport, body: bytes, encoding: str, what: str
) -> None:
    server.answer = lambda handler, _: send(handler, body, Content_Encoding=encoding)
    with pytest.raises(BadReplyError, match=what):
        transport.post("m", server.url, b"{}").text("m")


def test_post__a_bomb_is_not_inflated(server: Server, transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MOST_BYTES", 1 << 20)
    server.answer = lambda handler, _: send(handler, gzip.compress(b"x" * (2 << 20)), Content_Encoding="gzip")
    with pytest.raises(BadReplyError, match="larger than 1 MB"):
        transport.post("m", server.url, b"{}").text("m")


def reset(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def hang_up(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def cut(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    send(handler, b'{"result": [1, 2', length=1000)
    hang_up(handler, b"")


@pytest.mark.parametrize("answer", [reset, hang_up, cut])
def test_post__a_broken_connection_is_one_error(server: Server, transport: Transport, answer: Answer) -> None:
    server.answer = answer
    with pytest.raises(TransportError) as caught:
        transport.post("m", server.url, b"{}")
    assert caught.value.code == "CONNECTION_LOST"


def test_post__an_answer_that_does_not_come_is_a_timeout(server: Server) -> None:
    done = threading.Event()
    server.answer = lambda handler, _: done.wait(10) and None
    transport = Transport(timeout=0.05)
    with pytest.raises(RequestTimeoutError):
        transport.post("m", server.url, b"{}")
    done.set()
    transport.close()


def test_post__nobody_listens_means_that_nothing_was_sent(transport: Transport) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(TransportError) as caught:
        transport.post("m", f"http://127.0.0.1:{port}/rest/1/s3cr3t/x", b"{}")
    assert caught.value.code == "NOT_CONNECTED"
    assert "s3cr3t" not in str(caught.value) + str(caught.value.__cause__)


def test_interrupt__wakes_a_reader_and_the_next_request_connects_anew(server: Server, transport: Transport) -> None:
    arrived, let_go = threading.Event(), threading.Event()
    errors: list[Exception] = []

    def stall(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        send(handler, b'{"resu', length=1000)
        arrived.set()
        let_go.wait(10)

    def call() -> None:
        try:
            transport.post("m", server.url, b"{}")
        except TransportError as error:
            errors.append(error)

    server.answer = stall
    thread = threading.Thread(target=call)
    thread.start()
    assert arrived.wait(10)
    transport.interrupt()
    thread.join(10)
    let_go.set()
    assert not thread.is_alive()
    assert [error.code for error in errors if isinstance(error, TransportError)] == ["CONNECTION_LOST"]
    server.answer = lambda handler, _: send(handler, b"1")
    assert transport.post("m", server.url, b"{}").body == b"1"


@pytest.mark.parametrize("end", [Transport.interrupt, Transport.close])
def test_post_form__an_interrupt_lets_the_answer_with_the_new_tokens_come(
    server: Server, transport: Transport, end: Callable[[Transport], None]
) -> None:
    arrived, let_go = threading.Event(), threading.Event()
    bodies: list[bytes] = []

    def slow(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        arrived.set()
        let_go.wait(10)
        send(handler, b'{"access_token": "a"}')

    server.answer = slow
    thread = threading.Thread(target=lambda: bodies.append(transport.post_form("m", server.url, {"a": "b"}).body))
    thread.start()
    assert arrived.wait(10)
    end(transport)
    let_go.set()
    thread.join(10)
    assert bodies == [b'{"access_token": "a"}']


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_server(authority: trustme.CA) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = Server(context)
    yield server
    server.stop()


def test_verify__an_own_certificate_is_trusted_only_by_its_file(
    tls_server: Server, authority: trustme.CA, tmp_path: Path
) -> None:
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))
    trusting, default = Transport(verify=pem), Transport()
    assert trusting.post("m", tls_server.url, b"{}").status == 200
    with pytest.raises(TransportError, match=r'verify="/path/to/ca\.pem"') as caught:
        default.post("m", tls_server.url, b"{}")
    assert caught.value.code == "CERTIFICATE"
    trusting.close()
    default.close()


def test_interrupt__wakes_a_reader_behind_tls(tls_server: Server, authority: trustme.CA, tmp_path: Path) -> None:
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))
    transport = Transport(verify=pem)
    arrived, let_go = threading.Event(), threading.Event()
    codes: list[str] = []

    def stall(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        send(handler, b'{"resu', length=1000)
        arrived.set()
        let_go.wait(10)

    def call() -> None:
        try:
            transport.post("m", tls_server.url, b"{}")
        except TransportError as error:
            codes.append(error.code)

    tls_server.answer = stall
    thread = threading.Thread(target=call)
    thread.start()
    assert arrived.wait(10)
    transport.interrupt()
    thread.join(10)
    let_go.set()
    assert codes == ["CONNECTION_LOST"]
    transport.close()


def test_verify__a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        Transport(verify="/nowhere/ca.pem")


@pytest.mark.parametrize("url", ["nonsense", "ftp://x/rest/1/s3cr3t/", "http://[::1/rest/1/s3cr3t/"])
def test_post__what_is_no_address_is_refused_without_the_secret(transport: Transport, url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        transport.post("m", url, b"{}")
    assert "s3cr3t" not in str(caught.value) + str(caught.value.__cause__)


def test_logs__of_the_http_library_hold_no_webhook(
    server: Server, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = lambda handler, _: send(handler, b"1", Location="https://x.bitrix24.com/rest/1/s3cr3t/profile")
    with caplog.at_level(logging.DEBUG):
        transport.post("m", server.url, b"{}")
    assert "HTTP Request" in caplog.text
    assert "s3cr3t" not in caplog.text


def test_post__nothing_of_this_machine_goes_through_a_proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    transport = Transport()
    assert transport.post("m", server.url, b"{}").status == 200
    transport.close()


def test_post__no_error_of_the_http_library_escapes(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise httpx.RemoteProtocolError("at https://x.bitrix24.com/rest/1/s3cr3t/")

    monkeypatch.setattr(httpx.Client, "stream", fail)
    with pytest.raises(TransportError) as caught:
        transport.post("m", "https://x.bitrix24.com/", b"{}")
    assert "s3cr3t" not in str(caught.value) + str(caught.value.__cause__)


class ClosedOnce:
    """An httpx client of which only the closing counts."""

    closed = 0

    def close(self):
        self.closed += 1


@pytest.mark.parametrize("at_once", [True, False])
def test_connections__that_are_in_use_are_closed_by_the_last_request_and_not_under_it(at_once):
    client = ClosedOnce()
    connections = transport_module._Connections(client)
    connections.begin()
    connections.begin()
    connections.end(at_once=at_once)
    connections.done()
    assert client.closed == 0
    connections.done()
    assert client.closed == 1


def test_connections__that_are_not_in_use_are_closed_at_once():
    client = ClosedOnce()
    transport_module._Connections(client).end(at_once=True)
    assert client.closed == 1


def test_connections__a_socket_that_is_opened_after_an_interrupt_is_shut():
    connections = transport_module._Connections(ClosedOnce())
    connections.begin()
    connections.end(at_once=True)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connections.opened(ours)
        theirs.settimeout(5)
        assert theirs.recv(1) == b""
