from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24data.errors import (
    AccessDeniedError,
    AjaxError,
    BadReplyError,
    MethodNotFoundError,
    OperatingLimitError,
    RateLimitedError,
    ServerError,
)
from b24data.http import unpack
from b24data.http.encode import Command
from b24data.http.payload import decoded, mended
from b24data.http.protocol import NOT_EXECUTED, Response, Times, read_batch, read_batch_times, read_reply, read_times
from b24data.params import ApiVersion
from tests.http.fakes import fault, reply

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(json_values)
def test_read_reply__the_payload_comes_back_as_it_was(value: Any) -> None:
    assert read_reply("m", reply({"result": value})).data() == value


@given(st.binary())
def test_read_reply__any_bytes_are_an_answer_or_a_bad_reply(body: bytes) -> None:
    try:
        read_reply("m", reply(body))
    except (BadReplyError, AjaxError) as error:
        assert str(error)


def test_read_reply__the_envelope_is_read_with_numbers_as_text() -> None:
    body = {"result": [], "total": "23732", "next": "50", "time": {"start": "1.5", "operating": 3, "finish": None}}
    response = read_reply("m", reply(body))
    assert (response.total, response.next) == (23732, 50)
    assert response.time is not None
    assert (response.time.start, response.time.operating, response.time.finish) == (1.5, 3.0, None)


@pytest.mark.parametrize("body", [b'\xef\xbb\xbf{"result": 1}', b'\r\n {"result": 1}\n'])
def test_read_reply__a_bom_or_blanks_do_no_harm(body: bytes) -> None:
    assert read_reply("m", reply(body)).data() == 1


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"result": ["a\\ud83d b"]}', ["a\ufffd b"]),
        (b'{"result": ["\\ud83d"]}', ["\ufffd"]),
        (b'{"result": ["\xff"]}', ["\ufffd"]),
        (b'{"result": ["\\ud83d\\ude00"]}', ["\U0001f600"]),
    ],
)
def test_read_reply__half_a_character_becomes_the_replacement_one(body: bytes, value: Any) -> None:
    assert read_reply("m", reply(body)).data() == value


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "empty"),
        (b"<html><body>502</body></html>", "HTML"),
        (b'{"result": [1, 2', "cut off"),
        (b'Warning: Undefined index in /x.php on line 5\n{"result": 1}', "begins with text"),
        (b"[1]", "not an answer of the REST API"),
        (b"{}", "neither a result nor an error"),
    ],
)
def test_read_reply__says_what_came_instead_of_an_answer(body: bytes, what: str) -> None:
    with pytest.raises(BadReplyError, match=what) as caught:
        read_reply("crm.deal.list", reply(body, 200))
    assert caught.value.method == "crm.deal.list"
    assert caught.value.body == body.decode()


def test_read_reply__429_means_the_operating_limit_unless_the_answer_is_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packed = replace(reply(gzip.compress(b"x" * 2_000), 429), headers={"content-encoding": "gzip"})
    with pytest.raises(OperatingLimitError):
        read_reply("m", packed)
    with pytest.raises(OperatingLimitError):
        read_reply("m", replace(packed, body=packed.body[:-9]))
    monkeypatch.setattr(unpack, "MOST_BYTES", 1_000)
    with pytest.raises(BadReplyError, match="TOO_LARGE"):  # it would be as large the next time
        read_reply("m", packed)


def test_read_reply__the_start_of_a_bad_body_is_redacted() -> None:
    page = b"<a href='https://x.bitrix24.com/rest/1/s3cr3t/profile?auth=t0ken'>"
    with pytest.raises(BadReplyError) as caught:
        read_reply("m", reply(page))
    assert "s3cr3t" not in caught.value.body
    assert "t0ken" not in caught.value.body


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("QUERY_LIMIT_EXCEEDED", 503, RateLimitedError),
        ("OPERATION_TIME_LIMIT", 429, OperatingLimitError),
        ("ERROR_METHOD_NOT_FOUND", 404, MethodNotFoundError),
        ("insufficient_scope", 403, AccessDeniedError),
        ("ACCESS_DENIED", 400, AccessDeniedError),
        ("SOMETHING", 403, AccessDeniedError),
        ("INTERNAL_SERVER_ERROR", 500, ServerError),
        ("QUERY_LIMIT_EXCEEDED", 500, RateLimitedError),
        ("expired_token", 401, AjaxError),
        ("ERROR_CORE", 400, AjaxError),
        ("ERROR_IN_200", 200, AjaxError),
    ],
)
def test_read_reply__the_code_decides_before_the_status(code: str, status: int, kind: type) -> None:
    with pytest.raises(AjaxError) as caught:
        read_reply("m", fault(code, status, "why"))
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.status, caught.value.description) == (code, status, "why")


def test_read_reply__reads_an_error_of_rest_3() -> None:
    body = {
        "error": {
            "code": "BITRIX_REST_V3_EXCEPTION_ACCESSDENIEDEXCEPTION",
            "message": "Access denied",
            "validation": [{"field": "id", "message": "must be set"}],
        }
    }
    with pytest.raises(AccessDeniedError, match="Access denied; id: must be set"):
        read_reply("m", reply(body, 400))


@pytest.mark.parametrize("body", [b"", b"<html>", b"too many"])
def test_read_reply__a_429_without_a_reason_is_the_operating_limit(body: bytes) -> None:
    with pytest.raises(OperatingLimitError):
        read_reply("m", reply(body, 429))


def test_read_reply__a_secret_in_a_description_is_masked() -> None:
    with pytest.raises(AjaxError) as caught:
        read_reply("m", fault("X", 400, "bad query auth=s3cr3t&x=1"))
    assert "s3cr3t" not in str(caught.value)


COMMANDS = [Command("a", "crm.deal.list"), Command("b", "crm.lead.list"), Command("c", "profile")]


def batch(**parts: Any) -> Response:
    names = ("result", "result_error", "result_total", "result_next", "result_time")
    return read_reply("batch", reply({"result": {name: parts.get(name, []) for name in names}}))


def test_read_batch__every_command_has_its_place() -> None:
    parts = read_batch(
        batch(
            result={"c": {"ID": "1"}, "a": [{"ID": "5"}]},
            result_error={"b": {"error": "ACCESS_DENIED", "error_description": "no"}},
            result_total={"a": 70},
            result_next={"a": 50},
            result_time={"a": {"operating": 1.5}},
        ),
        COMMANDS,
    )
    first, second, third = parts
    assert isinstance(first, Response)
    assert (first.data(), first.total, first.next) == ([{"ID": "5"}], 70, 50)
    assert first.time is not None
    assert first.time.operating == 1.5
    assert isinstance(second, AccessDeniedError)
    assert second.method == "crm.lead.list"
    assert isinstance(third, Response)
    assert (third.data(), third.time) == ({"ID": "1"}, None)


def test_read_batch__maps_that_php_wrote_as_lists_are_read_by_position() -> None:
    commands = [Command("0", "a.list"), Command("1", "b.list")]
    parts = read_batch(batch(result=[[1], [2]], result_total=[10, 20], result_time=[{"operating": 1}, []]), commands)
    assert [(p.data(), p.total) for p in parts if isinstance(p, Response)] == [([1], 10), ([2], 20)]


def test_read_batch__empty_maps_are_empty_lists() -> None:
    parts = read_batch(batch(), COMMANDS)
    assert [part.code for part in parts if isinstance(part, AjaxError)] == [NOT_EXECUTED] * 3


def test_read_batch__what_a_halted_batch_never_reached_is_an_error_of_its_own() -> None:
    parts = read_batch(batch(result={"a": []}, result_error={"b": {"error": "X"}}), COMMANDS)
    assert isinstance(parts[0], Response)
    assert [part.code for part in parts[1:] if isinstance(part, AjaxError)] == ["X", NOT_EXECUTED]


def test_read_batch__a_result_beside_an_error_does_not_hide_it() -> None:
    parts = read_batch(batch(result={"a": []}, result_error={"a": {"error": "X"}}), COMMANDS[:1])
    assert isinstance(parts[0], AjaxError)


def test_read_batch__null_is_a_result() -> None:
    (part,) = read_batch(batch(result={"a": None}), COMMANDS[:1])
    assert isinstance(part, Response)
    assert part.data() is None


@pytest.mark.parametrize("error", ["X", {"error": "X"}, {"error": {"code": "X", "message": "m"}}, {"code": "X"}])
def test_read_batch__an_error_in_any_spelling_has_its_code(error: Any) -> None:
    (part,) = read_batch(batch(result_error={"a": error}), COMMANDS[:1])
    assert isinstance(part, AjaxError)
    assert part.code == "X"


def test_read_batch__half_a_character_in_one_page_spoils_no_other() -> None:
    body = json.dumps({"result": {"result": {"a": ["\ud83d x"], "b": [2]}}}).encode()
    first, second = read_batch(read_reply("batch", reply(body)), COMMANDS[:2])
    assert isinstance(first, Response)
    assert isinstance(second, Response)
    assert (first.data(), second.data()) == (["\ufffd x"], [2])


def test_read_batch_times__are_found_without_reading_rows() -> None:
    times, errors = read_batch_times(batch(result_time={"a": {"operating": 2}}, result_error={"b": {"error": "X"}}))
    assert times["a"] is not None
    assert times["a"].operating == 2
    assert errors == {"b": {"error": "X"}}


@pytest.mark.parametrize(("opens", "closes"), [(b'{"a":', b"}"), (b"[", b"]")])
def test_decoded__what_is_no_character_is_replaced_as_deep_as_php_nests(opens, closes):
    value = decoded(opens * 512 + rb'"\ud83d!"' + closes * 512)
    for _ in range(512):
        [value] = value.values() if isinstance(value, dict) else value
    assert value == "\ufffd!"


@pytest.mark.parametrize(
    "odd", [{"operating": "3.5"}, [], None, {"date_start": "\ud83d", "operating": 3.5}, {"start": {}}]
)
def test_read_batch_times__an_odd_one_spoils_no_other(odd: Any) -> None:
    body = json.dumps({"result": {"result": {}, "result_time": {"a": odd, "b": {"operating": 2, "new": []}}}}).encode()
    times, _ = read_batch_times(read_reply("batch", reply(body)))
    assert times == {"a": read_times(mended(odd)), "b": Times(operating=2.0)}


@pytest.mark.parametrize("value", [None, [], "", 5])
def test_read_times__no_object_means_no_times(value: Any) -> None:
    assert read_times(value) is None


maps = st.dictionaries(st.text(), json_values) | st.lists(json_values)


@given(
    st.fixed_dictionaries({"result": maps}, optional={"result_error": maps, "result_total": maps, "result_time": maps})
)
def test_read_reply__the_payload_of_a_batch_comes_back_as_it_was(payload: dict[str, Any]) -> None:
    assert read_reply("batch", reply({"result": payload})).data() == payload


@pytest.mark.parametrize("payload", [{"0": [1], "1": {"a": 2}}, {"result": 1, "result_error": 2, "deals": 3}, [[1], 2]])
def test_read_reply__a_batch_of_rest_3_may_name_its_commands_as_it_likes(payload: Any) -> None:
    assert read_reply("batch", reply({"result": payload}), ApiVersion.V3).data() == payload


@pytest.mark.parametrize("payload", [[], "text", None, 5])
def test_read_batch__what_is_no_batch_has_reached_no_command(payload: Any) -> None:
    response = read_reply("batch", reply({"result": payload}))
    parts = read_batch(response, COMMANDS)
    assert [part.code for part in parts if isinstance(part, AjaxError)] == [NOT_EXECUTED] * 3
    assert read_batch_times(response) == ({}, {})
