"""What a connection may do to us: drip, send too much, send more than was asked, lead through a proxy."""

from __future__ import annotations

import contextlib
import gzip
import math
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from b24data import B24Hook
from b24data.errors import BadReplyError, ConfigError, MissingExtraError, RequestTimeoutError, SdkError, TransportError
from b24data.http.deadline import Deadline, OverdueError
from b24data.http.transport import Transport
from b24data.http.unpack import MOST_BYTES, MOST_VALUES, check_size, unpacked
from tests.http.fakes import FakeClock
from tests.raw_portal import Asked, RawPortal, http


@pytest.fixture
def transport() -> Iterator[Transport]:
    transport = Transport()
    yield transport
    transport.close()


def dripping(clock: FakeClock, head: bytes) -> Callable[[Asked], bytes | None]:
    """Sends ``head`` and then a byte a second, by a clock that does not really wait."""

    def answer(asked: Asked) -> None:
        asked.connection.sendall(head)
        with contextlib.suppress(OSError):
            for _ in range(2000):
                clock.now += 1
                asked.connection.sendall(b" ")
            asked.connection.recv(1)

    return answer


LONG = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize("head", [LONG, b"HTTP/1.1 200 OK\r\nX-Slow: "], ids=["body", "headers"])
@pytest.mark.parametrize(
    ("post", "seconds"),
    [
        (lambda transport, url: transport.post("m", url, b"{}"), 10),
        (lambda transport, url: transport.post_form("m", url, {}), 10),
    ],
)
def test_an_answer_that_drips__ends_after_five_timeouts(head: bytes, post: Any, seconds: int) -> None:
    clock = FakeClock()
    transport = Transport(timeout=2, clock=clock)
    with RawPortal(dripping(clock, head)) as portal, pytest.raises(RequestTimeoutError, match=f"within {seconds} s"):
        post(transport, portal.hook)
    transport.close()


@pytest.mark.parametrize(("name", "seconds"), [("post", 600), ("post_form", 90)])
def test_an_answer_that_drips__has_ten_minutes_and_a_token_reply_a_minute_and_a_half(name: str, seconds: int) -> None:
    clock = FakeClock()
    transport = Transport(clock=clock)
    with RawPortal(dripping(clock, LONG)) as portal, pytest.raises(RequestTimeoutError, match=f"within {seconds} s"):
        getattr(transport, name)("m", portal.hook, {} if name == "post_form" else b"")
    transport.close()


def test_a_connection_that_was_dripped_on__is_not_used_again_and_the_next_request_has_its_own_time() -> None:
    clock = FakeClock()
    transport = Transport(timeout=2, clock=clock)
    with RawPortal(dripping(clock, LONG)) as portal:
        with pytest.raises(RequestTimeoutError):
            transport.post("m", portal.hook, b"{}")
        portal.answer = lambda _: http({"result": 1})
        assert transport.post("m", portal.hook, b"{}").status == 200
        assert portal.connections == 2
    transport.close()


def test_deadline__is_that_of_the_thread_and_bounds_every_single_wait() -> None:
    clock, waited = FakeClock(), []

    class Stream:
        def read(self, size: int, timeout: float | None = None) -> bytes:
            waited.append(timeout)
            clock.now += 4
            return b"x"

        write = read

    stream, deadline = Stream(), Deadline(clock)
    deadline.bound(stream)
    deadline.begin(10)
    stream.read(1, timeout=9)
    stream.read(1, timeout=9)
    stream.write(1)
    with pytest.raises(OverdueError):
        stream.read(1, timeout=9)
    assert waited == [9, 6, 2]
    other = threading.Thread(target=stream.read, args=(1,))
    other.start()
    other.join()
    deadline.begin(math.inf)
    stream.read(1)
    assert waited[3:] == [None, None]


JUNK = http({"result": "of somebody else"})


def chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize(
    "answer",
    [
        http(b"1") + JUNK,
        http(b"1") + b"\r\n",
        http(b"1") + b"x",
        chunked(b"1") + JUNK,
        http(b"1", 200, "Content-Encoding: identity") + JUNK[:40],
        b"HTTP/1.1 204 No Content\r\n\r\n" + JUNK,
        http(b"1") + JUNK * 400,
    ],
    ids=["answer", "line", "byte", "chunked", "half", "204", "many"],
)
def test_bytes_after_an_answer__are_never_the_next_one(transport: Transport, answer: bytes) -> None:
    with RawPortal(lambda _: answer) as portal:
        first = transport.post("m", portal.hook, b"{}")
        portal.answer = lambda asked: http(asked.body)
        bodies = [transport.post("m", portal.hook, b"%d" % n).body for n in range(20)]
    assert first.body in (b"1", b"")
    assert bodies == [b"%d" % n for n in range(20)]


def test_bytes_that_come_between_two_requests__are_never_an_answer(transport: Transport) -> None:
    with RawPortal(lambda asked: http(asked.body)) as portal:
        transport.post("m", portal.hook, b"1")
        portal.seen[0].connection.sendall(JUNK)
        assert transport.post("m", portal.hook, b"2").body == b"2"


def test_a_connection__whose_answers_end_where_they_say_is_used_again(transport: Transport) -> None:
    answers = iter([http(b"1"), chunked(b"2"), http(b"")])
    with RawPortal(lambda _: next(answers)) as portal:
        for _ in range(3):
            transport.post("m", portal.hook, b"{}")
        assert portal.connections == 1


def bomb(piece: bytes, megabytes: int) -> bytes:
    return gzip.compress(b'{"result": [' + piece * (megabytes * (1 << 20) // len(piece)) + b"1]}", 1)


@pytest.mark.parametrize("piece", [b"{},", b"1,", b"[],", b"null,", b'"",'])
def test_an_answer_of_more_values_than_any_list_has__is_refused_before_it_is_read(piece: bytes) -> None:
    with pytest.raises(BadReplyError, match="more than 4,000,000 values") as caught:
        unpacked("m", bomb(piece, 20 + len(piece) * 4), "gzip", 200)
    assert caught.value.code == "TOO_LARGE"
    assert "select fewer fields" in caught.value.hint


def test_an_answer_of_half_a_gigabyte__is_not_unpacked() -> None:
    content = gzip.compress(bytes(MOST_BYTES + 1), 1)
    with pytest.raises(BadReplyError, match="larger than 256 MB"):
        unpacked("m", content, "gzip", 200)
    with pytest.raises(BadReplyError, match="larger than 256 MB"):
        check_size("m", MOST_BYTES + 1)


def test_the_largest_answers_there_are__are_far_within_the_bounds() -> None:
    row = b"{" + b",".join(b'"UF_CRM_%013d":"x"' % n for n in range(330)) + b"},"
    rows = b'{"result":[' + row * 2500 + b"1]}"
    assert unpacked("m", gzip.compress(rows, 1), "gzip", 200) == rows
    assert rows.count(b",") * 4 < MOST_VALUES
    assert len(rows) * 8 < MOST_BYTES


@pytest.mark.parametrize(
    "behind",
    [b"", b"\n", b"\0\0\0\0", b"\xff" * 4, b"\r\n\r\n\r\n", gzip.compress(b"next")],
    ids=["nothing", "a newline", "zeros", "ones", "empty lines", "another answer"],
)
@pytest.mark.parametrize("length", [0, 1, 15_000, 1 << 20])
def test_bytes_behind_a_compressed_answer__do_not_change_its_text(length: int, behind: bytes) -> None:
    text = bytes(random.Random(length).choices(b'{"ID":01},', k=length))
    assert unpacked("m", gzip.compress(text) + behind, "gzip", 200) == text


@pytest.mark.parametrize("told", [b"\0\0\0\0", b"\x10\0\0\0", b"\xff" * 4])
def test_a_wrong_length_at_the_end_of_gzip__is_damage(told: bytes) -> None:
    with pytest.raises(BadReplyError, match="damaged"):
        unpacked("m", gzip.compress(b"{}" * 10_000)[:-4] + told, "gzip", 200)


def test_long_texts__do_not_count_as_many_values() -> None:
    text = b'{"result":"' + b"x" * (3 * MOST_VALUES) + b'"}'
    assert unpacked("m", text, "", 200) is text


def test_an_answer_that_is_too_large__is_not_requested_again() -> None:
    content = bomb(b"{},", 40)
    with RawPortal(lambda _: http(content, 200, "Content-Encoding: gzip")) as portal:
        with pytest.raises(BadReplyError, match="TOO_LARGE"):
            B24Hook(portal.hook).session.call("crm.deal.list")
        assert len(portal.seen) == 1


PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def put(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return put


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.2", "127.255.3.4", "localhost", "LOCALHOST", "[::1]", "a.localhost"]
)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_nothing_on_this_machine__is_called_through_a_proxy(
    transport: Transport, proxy: Callable[..., None], host: str, variable: str
) -> None:
    with RawPortal(lambda _: http({"result": 1})) as seen:
        proxy(**{variable: seen.origin})
        with contextlib.suppress(SdkError):
            transport.post("m", f"http://{host}:9/rest/1/q7w2k9x4m1p8z3v6/profile", b"{}")
        assert seen.connections == 0


def test_another_host__is_called_through_the_proxy(transport: Transport, proxy: Callable[..., None]) -> None:
    with RawPortal(lambda _: http(b"no", 403)) as seen:
        proxy(HTTPS_PROXY=seen.origin)
        with pytest.raises(TransportError, match="the proxy refuses: 403") as caught:
            transport.post("m", "https://acme.bitrix24.com/rest/profile", b"{}")
        assert caught.value.code == "NOT_CONNECTED"
        assert "check HTTPS_PROXY" in caught.value.hint
        assert seen.connections == 1


def test_no_proxy__may_list_addresses_of_every_kind(transport: Transport, proxy: Callable[..., None]) -> None:
    with RawPortal(lambda _: http(b"no", 403)) as seen:
        proxy(HTTPS_PROXY=seen.origin, NO_PROXY="localhost,127.0.0.1,::1,.acme.example,10.0.0.0/8")
        with pytest.raises(TransportError, match="the proxy refuses"):
            transport.post("m", "https://acme.bitrix24.com/rest/profile", b"{}")


@pytest.mark.parametrize("kind", ["socks5", "socks5h"])
def test_a_socks_proxy__needs_a_package_that_the_error_names(
    transport: Transport, proxy: Callable[..., None], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "socksio", None)
    proxy(ALL_PROXY=f"{kind}://anna:pa55w0rd@127.0.0.1:9")
    with pytest.raises(MissingExtraError, match=r'ALL_PROXY .*pip install "b24data\[socks\]"') as caught:
        transport.post("m", "https://acme.bitrix24.com/rest/profile", b"{}")
    assert "pa55w0rd" not in str(caught.value)
    with RawPortal(lambda _: http({"result": 1})) as portal:
        assert transport.post("m", portal.hook, b"{}").status == 200


@pytest.mark.parametrize(
    "address",
    [
        "nonsense://h:1",
        "http://[::1",
        "http://h:port",
        "http://h:99999999",
        "://",
        "http://anna:pa55w0rd@h:x/",
        "socks4://h:1",
    ],
)
def test_a_proxy_that_is_none__is_one_sentence_without_the_address(
    transport: Transport, proxy: Callable[..., None], address: str
) -> None:
    proxy(HTTPS_PROXY=address)
    with pytest.raises(SdkError) as caught:
        transport.post("m", "https://acme.bitrix24.com/rest/profile", b"{}")
    assert "HTTPS_PROXY" in str(caught.value)
    assert "pa55w0rd" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "https://a\udc80b/",
        "http://",
        "http://\x00/",
        "https://xn--/",
        "http://127.0.0.1:9" + "9" * 99,
    ],
)
def test_no_address__raises_anything_but_an_error_of_ours(transport: Transport, url: str) -> None:
    with pytest.raises((ConfigError, TransportError)):
        transport.post("m", url, b"{}")
