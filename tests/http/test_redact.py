from __future__ import annotations

import json
import logging
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24data.http.redact import RedactingFilter, redact

SECRET = "s3cr3tC0de"

TEXTS = [
    f"https://x.bitrix24.com/rest/1/{SECRET}/crm.deal.list",
    f"https://x.bitrix24.com/rest/1/{SECRET}/",
    f"https://x.bitrix24.com/rest/1/{SECRET}",
    f"http://127.0.0.1:8080/rest/api/12/{SECRET}/tasks.task.list?x=1",
    f"POST /rest/1/{SECRET}/profile HTTP/1.1",
    f"/rest/crm.deal.list?auth={SECRET}",
    f"/rest/crm.deal.list?a=1&auth={SECRET}&b=2",
    f"/rest/x?auth[access_token]={SECRET}&b=2",
    f"/rest/x?auth%5Baccess_token%5D={SECRET}&b=2",
    f"crm.deal.list?filter[ID]=1&AUTH={SECRET}",
    f"grant_type=refresh_token&client_id=local.1&client_secret={SECRET}&refresh_token={SECRET}",
    json.dumps({"access_token": SECRET, "refresh_token": SECRET, "expires_in": 3600}),
    json.dumps(json.dumps({"access_token": SECRET})),
    repr({"client_secret": SECRET}),
    f"Authorization: Bearer {SECRET}",
    f"AUTH_ID={SECRET}&REFRESH_ID={SECRET}&APP_SID={SECRET}",
]


@pytest.mark.parametrize("text", TEXTS)
def test_redact__no_secret_stays_in_a_text(text: str) -> None:
    assert SECRET not in redact(text)
    assert SECRET not in redact(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "filter[%3EID]=5&select[0]=ID",
        "author=Ann&monkey=1&keyboard=2",
        "https://x.bitrix24.com/rest/crm.deal.list",
        "crm.deal.list: QUERY_LIMIT_EXCEEDED (503)",
    ],
)
def test_redact__leaves_the_rest_alone(text: str) -> None:
    assert redact(text) == text


def test_redact__reaches_into_batches_and_nested_values() -> None:
    value = {
        "auth": SECRET,
        "cmd": {"a": f"profile?auth={SECRET}", "b": [f"x?client_secret={SECRET}"]},
        "params": ({"Access_Token": SECRET, "accessToken": SECRET}, 5, None),
    }
    assert SECRET not in repr(redact(value))
    assert redact({"n": 5, "list": [1, None]}) == {"n": 5, "list": [1, None]}


@given(st.text("abc=&?/%[]\"' ", max_size=20), st.text("abc=&?/%[]\"' ", max_size=20))
def test_redact__holds_whatever_stands_around(before: str, after: str) -> None:
    text = f"{before}?{urlencode({'access_token': SECRET})}&x={quote(after)}"
    assert SECRET not in redact(text)


def test_redacting_filter__rewrites_a_record_with_arguments(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("test.redact")
    logger.addFilter(RedactingFilter())
    with caplog.at_level(logging.INFO):
        logger.info("HTTP Request: %s %s", "POST", TEXTS[0])
        logger.info("untouched %d", 5)
    assert SECRET not in caplog.text
    assert "untouched 5" in caplog.text
