"""Answers that no portal of Bitrix24 sends: each ends in a right value or an error of ours, and no wait is endless."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from b24data import B24Hook, SdkError
from b24data.errors import BadReplyError, TransportError
from b24data.http.encode import Command
from b24data.http.ledger import OperatingLedger
from b24data.http.payload import decoded, decoded_list
from b24data.http.protocol import Times, read_batch, read_reply, read_times
from b24data.http.redirect import is_loopback, moved_endpoint
from b24data.secret import Secret
from tests.http.fakes import reply
from tests.raw_portal import RawPortal, http

DEEP, HUGE = 5000, "9" * 5000
NESTED = b"[" * DEEP + b"]" * DEEP


@pytest.mark.parametrize(
    "body",
    [
        b'{"result": ' + NESTED + b"}",
        b'{"result": {"a": ' + NESTED + b"}}",
        b'{"result": ["\xff", ' + NESTED + b"]}",
        b'{"error": ' + NESTED + b"}",
        b'{"error": "A", "error_description": ' + NESTED + b"}",
        b'{"result": [], "time": ' + NESTED + b"}",
        b'{"result": [], "total": ' + NESTED + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"result": [], "error": "\xff' + b"[" * 9000,
    ],
)
@pytest.mark.parametrize("method", ["crm.deal.list", "batch", "documentation"])
def test_an_answer_of_any_depth__is_an_error_of_ours(body: bytes, method: str) -> None:
    with pytest.raises(SdkError) as caught:
        read_reply(method, reply(body)).data()
    assert len(str(caught.value)) < 2500


@pytest.mark.parametrize("levels", [*range(1, 1000, 37), *range(900, 1000)])
def test_an_answer_near_the_depth_that_can_be_read__is_whole_or_an_error_of_ours(levels: int) -> None:
    text = b'["\xff",' + b"[" * levels + b"]" * levels + b"]"
    for row in (text, text.replace(b"\xff", b"x")):
        try:
            found = read_reply("m", reply(b'{"result": [' + row + b"]}")).data()
        except BadReplyError:
            assert levels > 512  # so deep PHP nests
        else:
            for _ in range(levels):
                found = found[-1]


@pytest.mark.parametrize("digits", [18, 19, 20, 309, 400, 4300, 4301, 5000, 100_000])
def test_an_integer_of_any_length__keeps_its_digits(digits: int) -> None:
    text = "9" * digits
    for row in (f'{{"ID":{text}}}'.encode(), f'{{"ID":{text},"T":"'.encode() + b'\xff"}'):
        (found,) = read_reply("m", reply(b'{"result":[' + row + b"]}")).data()
        assert found["ID"] == (int(text) if digits <= 4300 else text)
        assert decoded_list([row])[0] == found
    assert decoded(text.encode()) == found["ID"]


@pytest.mark.parametrize(
    "text", ["1" + "0" * 400, '"' + HUGE + '"', "1e308", "-1e308", "true", "[]", '"x"', "{}", "1e15"]
)
def test_a_total_that_is_none__is_none(text: str) -> None:
    found = read_reply("m", reply(f'{{"result":[],"total":{text},"next":{text}}}'.encode()))
    assert found.total == found.next
    assert found.total is None or abs(found.total) <= 2**53


@pytest.mark.parametrize(
    "value",
    ["1e300", "-1e300", "1" + "0" * 400, HUGE, '"9e99"', '"soon"', "[]", "null", "true", '{"a":1}', "-5", '"\\u0000"'],
)
def test_times_of_any_kind__are_numbers_or_none(value: str) -> None:
    names = ("start", "finish", "duration", "processing", "operating", "operating_reset_at", "date_start")
    times = "{" + ",".join(f'"{name}":{value}' for name in names) + "}"
    single = read_times(decoded(times.encode()))
    body = f'{{"result":{{"result":{{"a":[]}},"result_time":{{"a":{times}}}}}}}'
    try:
        (part,) = read_batch(read_reply("batch", reply(body.encode())), [Command("a", "m")])
    except BadReplyError:
        assert value == HUGE
        return
    for found in (single, getattr(part, "time", None)):
        assert isinstance(found, Times)
        assert all(one is None or math.isfinite(one) for one in (found.finish, found.operating, found.duration))


def numbers() -> list[float | None]:
    return [None, 0.0, 1.0, -1.0, 479.9, 480.0, 1e6, 1e12, 1e18, 1e300, -1e300, 1.8e12]


@pytest.mark.parametrize("seed", range(20))
def test_the_execution_limit__never_waits_longer_than_its_window_whatever_the_portal_says(seed: int) -> None:
    chance, ledger, now = random.Random(seed), OperatingLedger(), 1000.0
    for _ in range(300):
        if chance.random() < 0.1:
            ledger.refused(now)
        named = dict.fromkeys(("start", "finish", "duration", "operating", "operating_reset_at"))
        ledger.observe(Times(**{name: chance.choice(numbers()) for name in named}), now)
        ticket = ledger.begin(now, chance.choice((1, 50)))
        assert 0 <= ledger.wait(now, 50) <= ledger.window_s + 1
        assert 0 <= ledger.resets_in(now) <= ledger.window_s + 1.1
        ledger.end(ticket)
        now += chance.choice((0.0, 0.1, 5.0, 60.0))
    waited = 0.0
    while (seconds := ledger.wait(now, 1)) > 0:
        now, waited = now + seconds, waited + seconds
    assert waited <= 2 * ledger.window_s + 2


def test_the_execution_limit__forgets_a_moment_in_the_far_future_that_an_earlier_version_kept() -> None:
    ledger = OperatingLedger(resets_at=1e15, blocked_until=1e15)
    assert ledger.wait(1000.0, 1) == 600.0
    ledger.blocked_until = None
    ledger.observe(Times(finish=1000.0, operating=479.9), 1000.0)
    assert ledger.wait(1000.0, 50) <= 600.0


def test_the_execution_limit__learns_again_after_a_finish_in_the_far_future() -> None:
    ledger = OperatingLedger()
    ledger.observe(Times(finish=1e300, operating=1.0), 0.0)
    ledger.observe(Times(finish=1000.0, operating=200.0), 1.0)
    assert ledger.used(1.0) == 200.0
    ledger.observe(Times(finish=990.0, operating=100.0), 2.0)  # an answer that was overtaken
    assert ledger.used(2.0) == 200.0


LOCATIONS = [
    *(
        "https://[",
        "https://evil.com\uff0f.bitrix24.com/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:abc/",
        "//",
        ":",
    ),
    *("http://127.0.0.1:0/", "https://%00.bitrix24.com/", "https://[::1%25eth0]/", "http:///x", "https://[v1.x]/", "?"),
    *(
        "\x1b[2J",
        "https://acme.bitrix24.com:443:443/",
        "https://" + "a" * 99_999,
        "javascript:alert(1)",
        "\\\\evil.com\\",
    ),
]


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("endpoint", ["https://acme.bitrix24.com/rest/1/code/", "http://127.0.0.1:8080/rest/"])
def test_a_location_of_any_kind__is_an_error_of_ours_or_the_same_portal(endpoint: str, location: str) -> None:
    try:
        found = moved_endpoint("profile", Secret(endpoint), Secret(location)).reveal()
    except TransportError as error:
        assert error.code == "FOREIGN_REDIRECT"
        assert "\x1b" not in str(error)
        assert len(str(error)) < 120_000
    else:
        assert found == endpoint


# A number above 65,535, a bracket that is not closed, a letter for a digit: httpx raises for them when they come.
@pytest.mark.parametrize("location", [one for one in LOCATIONS if one.isprintable() and one.isascii() and one != "?"])
def test_a_location_that_comes__is_never_called_a_lost_connection(location: str) -> None:
    def answer(asked: Any) -> bytes:
        return http(b"", 302, f"Location: {location}")

    with RawPortal(answer) as portal, pytest.raises(TransportError) as caught:
        B24Hook(portal.hook, timeout=5).session.call("profile", attempts=1)
    assert caught.value.code in ("FOREIGN_REDIRECT", "REDIRECT_LOOP")
    assert len(portal.seen) <= 10


@pytest.mark.parametrize(
    ("host", "near"),
    [
        *((one, True) for one in ("127.0.0.1", "127.9.9.9", "::1", "localhost", "localhost.", "::ffff:127.0.0.1")),
        *(
            (one, False)
            for one in ("127.0.0.1.evil.example", "localhost.evil.example", "", "0.0.0.0", "::ffff:10.0.0.1")
        ),
        *((one, False) for one in ("2130706433", "0x7f.1", "127.1", "[::1]", "::")),
    ],
)
def test_is_loopback__is_this_machine_only(host: str, near: bool) -> None:
    assert is_loopback(host) is near


ANSWERS: dict[str, bytes] = {
    "a status of 99": http(b"{}", 99),
    "a status of 700": http(b"{}", 700),
    "headers without end": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000,
    "another protocol": b"SSH-2.0-OpenSSH_9\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
    "a length of many digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
    "a bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
    "another encoding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "switching": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a redirect to nowhere": http(b"", 302, "Location: https://["),
    "a redirect in circles": http(b"", 302, "Location: /rest/"),
    "a redirect without an address": http(b"", 302),
    "an encoding with commands": http(b"{}", 200, "Content-Encoding: \x9b2J" + "x" * 9000),
    "U+0000 in a header": http(b"{}", 200, "X-Nul: a\0b"),
    "nothing": b"\r\n\r\n\r\n",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_not_http__is_an_error_of_ours(name: str) -> None:
    def answer(asked: Any) -> bytes | None:
        asked.connection.sendall(ANSWERS[name])
        return None

    with RawPortal(answer) as portal, pytest.raises(SdkError) as caught:
        B24Hook(portal.hook, timeout=5).session.call("profile", attempts=1)
    assert "q7w2k9x4m1p8z3v6" not in str(caught.value)
    assert "\x9b" not in str(caught.value)


ROWS = {
    "a row that is no object": b"true",
    "an id of 400 digits": b'{"ID":' + b"9" * 400 + b"}",
    "an id of 5,000 digits": b'{"ID":' + b"9" * 5000 + b"}",
    "a value of 5,000 digits": b'{"ID":"2","TITLE":' + b"9" * 5000 + b"}",
    "a value of 5,000 digits beside half a character": b'{"ID":"2","TITLE":' + b"9" * 5000 + b',"X":"\xff"}',
    "a value 900 deep": b'{"ID":"2","TITLE":' + b"[" * 900 + b"]" * 900 + b"}",
    "a value 980 deep": b'{"ID":"2","X":' + b"[" * 980 + b"]" * 980 + b"}",
    "an object 900 deep": b'{"ID":"2","X":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
    "a value of 1e999": b'{"ID":"2","TITLE":1e999}',
    "a name of U+0000": b'{"ID":"2","\\u0000":1}',
    "an empty row": b"{}",
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("method", ["crm.deal.list", "user.get", "crm.status.list", "some.thing.list"])
def test_rows_of_any_kind__are_read_or_an_error_of_ours(name: str, method: str) -> None:
    body = b'{"result":[{"ID":"1","TITLE":"x"},' + ROWS[name] + b'],"total":2,"time":{}}'

    def answer(asked: Any) -> bytes:
        return http(body) if asked.method == method else http({"error": "ERROR_METHOD_NOT_FOUND"}, 404)

    with RawPortal(answer) as portal:
        try:
            frame = B24Hook(portal.hook, timeout=5).tools.fetch_all(method, check_fields=False, progress=False)
        except SdkError as error:
            assert len(str(error)) < 6000
        else:
            assert len(frame) == 2
