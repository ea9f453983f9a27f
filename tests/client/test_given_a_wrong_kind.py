"""A value of a wrong kind where a client is made: an error of ours, without what was given."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from b24data import B24Hook, B24OAuth, ConfigError

CODE = "q7w2k9x4" + "m1p8z3v6"
ADDRESS = f"https://acme.bitrix24.com/rest/1/{CODE}/"
PAIR = {"access_token": "a", "domain": "acme.bitrix24.com"}
KEY = {"client_id": "local.1", "client_secret": "s"}

WRONG: dict[str, Callable[[], object]] = {
    "a webhook of bytes": lambda: B24Hook(ADDRESS.encode()),  # type: ignore[arg-type]
    "a webhook that is a number": lambda: B24Hook(12345),  # type: ignore[arg-type]
    "a webhook that is a list": lambda: B24Hook([ADDRESS]),  # type: ignore[arg-type]
    "no webhook": lambda: B24Hook(None),  # type: ignore[arg-type]
    "a webhook for the tokens": lambda: B24OAuth(ADDRESS, KEY),  # type: ignore[arg-type]
    "a webhook for the key": lambda: B24OAuth(PAIR, ADDRESS),  # type: ignore[arg-type]
    "a list for the key": lambda: B24OAuth(PAIR, [ADDRESS]),  # type: ignore[arg-type]
    "no key": lambda: B24OAuth(PAIR, None),  # type: ignore[arg-type]
    "a webhook for a version": lambda: B24Hook(ADDRESS).get_http_client(ADDRESS),
    "a webhook for a version that is set": lambda: B24Hook(ADDRESS).set_http_client(ADDRESS, B24Hook(ADDRESS).session),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_value_of_a_wrong_kind__is_an_error_that_does_not_show_it(what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        WRONG[what]()
    assert CODE not in f"{caught.value} {caught.value!r}"
