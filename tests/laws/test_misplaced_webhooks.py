"""A webhook that was given where something else belongs: the error says so and never shows its code."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from b24data import B24Hook, B24OAuth, B24OAuthParams, RestrictionParams, SdkError, connect, login
from b24data.cli.main import main
from b24data.http.clock import SYSTEM_CLOCK
from tests.clocks import MovedClock

CODE = "q7w2k9x4" + "m1p8z3v6"
HOST = "acme.bitrix24.com"
ADDRESS = f"https://{HOST}/rest/1/{CODE}"

SPELLINGS = {
    "as it is": ADDRESS,
    "with a slash": f"{ADDRESS}/",
    "with a method": f"{ADDRESS}/crm.deal.list",
    "of REST 3": f"https://{HOST}/rest/api/1/{CODE}/",
    "uses no encryption": ADDRESS.replace("https", "http"),
    "without a scheme": ADDRESS[8:],
    "without a host": f"/rest/1/{CODE}/",
    "in capitals": ADDRESS.upper(),
    "with backslashes": ADDRESS.replace("/", "\\"),
    "without a scheme, with backslashes": ADDRESS[8:].replace("/", "\\"),
    "percent-encoded": quote(ADDRESS, safe=""),
    "percent-encoded twice": quote(quote(ADDRESS, safe=""), safe=""),
    "HTML-escaped": html.escape(ADDRESS).replace("/", "&#x2F;"),
    "as PHP writes JSON": json.dumps(ADDRESS).replace("/", "\\/"),
    "in quotes": f"'{ADDRESS}/'",
    "user and code": f"1/{CODE}",
    "host, user and code": f"{HOST}/1/{CODE}/",
    "the code alone": CODE,
    "with a password": ADDRESS.replace("://", f"://anna:{CODE}@"),
}
HOOK = B24Hook("https://127.0.0.1:1/rest/1/code/", RestrictionParams(max_retries=1, retry_delay_s=0.001))

PLACES: dict[str, Callable[[str], object]] = {
    "connect": connect,
    "login": login,
    "method of a call": lambda text: HOOK.actions.v2.call.make(method=text),
    "method of REST 3": lambda text: HOOK.actions.v3.call.make(method=text),
    "method of a batch": lambda text: HOOK.actions.v2.batch.make(calls=[(text,)]),
    "method of a list": lambda text: HOOK.tools.fetch_all(text, progress=False),
    "method of a description": HOOK.tools.describe,
    "file": lambda text: HOOK.tools.fetch_all("crm.deal.list", to=f"{text}/deals.parquet", progress=False),
    "client_endpoint": lambda text: B24OAuthParams.of({"access_token": "a", "client_endpoint": text}),
    "server_endpoint": lambda text: B24OAuth(
        {"access_token": "a", "domain": HOST, "server_endpoint": text}, {"client_id": "local.1", "client_secret": "s"}
    ),
    "verify": lambda text: B24Hook(f"https://{HOST}/rest/1/code/", verify=text),
    "option": lambda text: HOOK.tools.fetch_all("crm.deal.list", labels=text, progress=False),  # type: ignore[arg-type]
}

COMMANDS = [
    ["{}"],
    ["call", "{}"],
    ["call", "profile", "{}"],
    ["fetch", "{}", "--to", "x.parquet"],
    ["describe", "{}"],
    ["methods", "{}"],
    ["status", "--profile", "{}"],
    ["login", "{}"],
    ["profiles", "--delete", "{}"],
    ["profiles", "{}"],
    ["fetch", "crm.deal.list", "--to", "x.parquet", "--labels", "{}"],
    ["fetch", "crm.deal.list", "--limit", "{}"],
    ["--profile", "{}"],
]


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("B24DATA_NONINTERACTIVE", "1")
    monkeypatch.setenv("B24_WEBHOOK", "https://127.0.0.1:1/rest/1/code/")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("place", PLACES)
def test_a_webhook_in_a_wrong_place__is_masked_in_the_error(place, spelling):
    with pytest.raises(SdkError) as caught:
        PLACES[place](SPELLINGS[spelling])
    error = caught.value
    told = f"{error} {error!r} {vars(error)} {error.__cause__!r} {error.__context__!r}"
    assert CODE not in told.lower()


WRONG_WEBHOOKS = {name: text for name, text in SPELLINGS.items() if not text.startswith("https://")}


@pytest.mark.parametrize("spelling", WRONG_WEBHOOKS)
def test_a_misspelt_webhook__is_masked_in_the_error(monkeypatch, spelling):
    text = WRONG_WEBHOOKS[spelling]
    monkeypatch.setenv("B24_WEBHOOK", text)
    for call in (lambda: B24Hook(text), lambda: B24Hook.from_webhook_url(text), connect):
        try:
            call()
        except SdkError as error:
            assert CODE not in f"{error} {error!r} {vars(error)}".lower()


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_webhook_in_a_wrong_place__is_masked_in_a_terminal(words, spelling, capsys, monkeypatch):
    clock = MovedClock()  # the portal is not there: two minutes of patience are over at once
    monkeypatch.setattr(type(SYSTEM_CLOCK), "wait", lambda _, event, seconds: clock.move(seconds) or event.is_set())
    monkeypatch.setattr(type(SYSTEM_CLOCK), "monotonic", lambda _: clock.offset)
    main([word.format(SPELLINGS[spelling]) if word == "{}" else word for word in words])
    told = capsys.readouterr()
    assert CODE not in f"{told.out} {told.err}".lower()
