"""The one form of a secret: nothing shows it, and one method gives it."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import pprint
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from b24data import AuthData, B24OAuthParams, B24OAuthSecret, ConfigError
from b24data.secret import NOTHING, Sealed, Secret, hide, reveal_for_encoder

TEXT = "t0ken-" + "sentinel"

HOLDERS: dict[str, Any] = {
    "text": Secret(TEXT),
    "bytes": Secret(TEXT.encode()),
    "pair": B24OAuthParams(access_token=TEXT, refresh_token=TEXT, application_token=TEXT),
    "key": B24OAuthSecret("local.1", TEXT),
    "auth data": AuthData(access_token=TEXT, refresh_token=TEXT, expires=0, expires_in=0, domain="x", member_id="m"),
    "mapping": hide({"access_token": TEXT, "auth": {"refreshToken": TEXT}, "url": f"https://x.com/rest/1/{TEXT}/"}),
}


@dataclasses.dataclass
class Box:
    content: Any


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "another text"


WAYS: dict[str, Callable[[Any], Any]] = {
    "repr": repr,
    "str": str,
    "format": "{}".format,
    "format with a width": lambda one: f"{one if isinstance(one, Secret) else Secret(TEXT):>40}",
    "percent": lambda one: "%s %r" % (one, one),  # noqa: UP031
    "f-string": lambda one: f"{one} {one!r} {one!s} {one!a}",
    "in a list": lambda one: str([one, {"x": one}, (one,)]),
    "pprint": lambda one: pprint.pformat({"x": [one]}),
    "dataclass": lambda one: repr(Box(one)),
    "asdict": lambda one: repr(dataclasses.asdict(Box(one))),
    "copy": lambda one: repr(copy.copy(one)),
    "deepcopy": lambda one: repr(copy.deepcopy({"x": one})),
    "dir": lambda one: repr([(name, getattr(one, name, None)) for name in dir(one) if name.startswith("_")]),
    "logging": lambda one: logging.LogRecord("x", 10, "x", 1, "%s %r", (one, one), None).getMessage(),
    "json by default": lambda one: json.dumps({"x": one}, default=str),
    "exception": lambda one: repr(ValueError(one)) + str(KeyError(one)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("holder", HOLDERS)
def test_a_secret__is_shown_in_no_way(holder: str, way: str) -> None:
    assert TEXT not in WAYS[way](HOLDERS[holder])


@pytest.mark.parametrize("dump", [pickle.dumps, json.dumps, msgspec.json.encode, msgspec.msgpack.encode])
@pytest.mark.parametrize("holder", [name for name in HOLDERS if name != "mapping"])
def test_a_secret__is_not_written_by_accident(holder: str, dump: Callable[[Any], Any]) -> None:
    with pytest.raises((TypeError, ConfigError)) as caught:
        dump(HOLDERS[holder])
    assert TEXT not in str(caught.value)


def test_reveal__gives_the_text_and_a_secret_of_a_secret_is_the_same() -> None:
    assert Secret(Secret(TEXT)).reveal() == TEXT
    assert Secret(TEXT.encode()).reveal() == TEXT.encode()
    assert type(Secret(Text(TEXT)).reveal()) is str
    assert (
        msgspec.json.encode({"a": Secret(TEXT)}, enc_hook=reveal_for_encoder)
        == json.dumps({"a": TEXT}, separators=(",", ":")).encode()
    )


def test_secrets__are_compared_by_what_they_hold() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret(f"{TEXT}2")
    assert Secret("ключ") == Secret("ключ")
    assert Secret(TEXT) != TEXT
    assert Secret(TEXT) != Secret(TEXT.encode())
    assert len({Secret(TEXT), Secret(TEXT), NOTHING}) == 2
    assert Secret(TEXT)
    assert not NOTHING


def test_value_objects__give_their_secrets_to_who_asks_by_name() -> None:
    pair, data, key = HOLDERS["pair"], HOLDERS["auth data"], HOLDERS["key"]
    assert pair.access_token == pair.reveal()["refresh_token"] == key.client_secret == TEXT
    assert data["access_token"] == data.refresh_token == dict(data)["access_token"] == {**data}["refresh_token"] == TEXT
    assert set(data.keys()) == {"access_token", "refresh_token", "expires", "expires_in", "domain", "member_id"}
    with pytest.raises(KeyError):
        data["client_secret"]
    assert B24OAuthParams.of(pair.reveal()) == B24OAuthParams.of(pair) if pair.client_endpoint else True


def test_value_objects__are_equal_by_value_and_do_not_change() -> None:
    pair = B24OAuthParams(access_token=TEXT, user_id=1)
    assert pair == B24OAuthParams(access_token=TEXT, user_id=1) != pair.replace(access_token="another")
    assert len({pair, pair.replace(user_id=1), pair.replace(user_id=2)}) == 2
    assert (pair.replace(user_id=7).user_id, pair.replace(user_id=7).access_token) == (7, TEXT)
    for name in ("user_id", "access_token", "new"):
        with pytest.raises(AttributeError, match="can't be changed"):
            setattr(pair, name, "x")
    with pytest.raises(AttributeError, match="can't be deleted"):
        del pair.user_id
    with pytest.raises(TypeError):
        pair.replace(no_such_field=1)


def test_hide__leaves_what_is_no_secret() -> None:
    plain = {"domain": "acme.bitrix24.com", "expires": 5, "key": "", "list": [1, "x"], "none": None}
    assert hide(plain) == plain


def raise_it(error: BaseException) -> None:
    body = TEXT  # what a library has in its frames
    try:
        int(body)
    except ValueError as cause:
        raise error from cause


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), KeyboardInterrupt(), SystemExit(1)], ids=lambda one: type(one).__name__
)
def test_sealed__cuts_the_frames_of_others_off(error: BaseException) -> None:
    def send() -> None:
        with Sealed():
            raise_it(error)

    with pytest.raises(type(error)) as caught:
        send()
    assert caught.value is error
    assert error.__cause__ is error.__context__ is None
    assert not {"raise_it", "send"} & {entry.name for entry in caught.traceback}  # nor the frame around the block


@pytest.mark.parametrize(
    "address", [f"https://anna:{TEXT}@acme.bitrix24.com/rest/", f"https://anna:p@{TEXT}@acme.bitrix24.com/rest/"]
)
def test_a_password_in_an_address__goes_nowhere(address: str) -> None:
    made = B24OAuthParams(access_token="a", client_endpoint=address, server_endpoint=address, domain=address[8:-6])
    read = B24OAuthParams.of({"access_token": "a", "client_endpoint": address, "server_endpoint": address})
    for pair in (made, read):
        assert TEXT not in f"{pair} {pair.reveal()}"
        assert pair.client_endpoint == "https://acme.bitrix24.com/rest/"
    assert made.domain == read.domain == "acme.bitrix24.com"
