from __future__ import annotations

import base64
import json
import logging
import re
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24data.doctor.secrets import secrets_in
from b24data.http.log_filter import RedactingFilter
from b24data.text.redact import looks_secret, masked, redact

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


def test_redacting_filter__masks_the_traceback_too(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("test.redact.traceback")
    logger.addFilter(RedactingFilter())
    try:
        int(f"access_token={SECRET}")
    except ValueError:
        logger.exception("a callback failed")
    assert "Traceback" in caplog.text
    assert "access_token=***" in caplog.text
    assert SECRET not in caplog.text


CODE = "q7w2k9x4" + "m1p8z3v6"
TOKEN = "a7630167006e9f06006b12e400000001" + "000007e2e201aeb9fedba2013080af5a95c05e"
KEY = "ZeKyeYIgy2NsHZqs" + "IHY6GfG1VaaB12"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"https://acme.bitrix24.com/rest/1/{CODE}/crm.deal.list", "webhook address"),
        (f"https://b24.acme.example:8443/rest/api/12/{CODE}", "webhook address"),
        (f'"url": "https:\\/\\/acme.bitrix24.com\\/rest\\/1\\/{CODE}\\/"', "webhook address"),
        (f"/rest/1/{CODE}/", "webhook address"),
        (f"'{TOKEN}'", "access or refresh token"),
        (f'{{"access_token": "{TOKEN}"}}', "access token"),
        (f"params['refresh_token'] = '{TOKEN}'", "refresh token"),
        (f'B24OAuthSecret("local.1", client_secret="{KEY}")', "client secret"),
        (f"B24_CLIENT_SECRET={KEY}", "client secret"),
        (f"clientSecret: {KEY}", "client secret"),
        (f"/rest/profile?auth={TOKEN}", "access token"),
        (f"auth[application_token]={KEY}", "access token"),
        (f"Authorization: Bearer {TOKEN}", "password, token or key"),
        (f'API_KEY = "{KEY}"', "password, token or key"),
        (json.dumps(json.dumps({"refresh_token": TOKEN})), "refresh token"),
        (f"backurl=%2Frest%2F1%2F{CODE}%2Fprofile", "webhook address"),
        (f"acme.bitrix24.com\\rest\\1\\{CODE}\\", "webhook address"),
        (
            f"https://acme.bitrix24.com/bitrix/tools/biconnector/pbi.php?token={CODE}",
            "key of the BI connector",
        ),
        (f'POST /bitrix/tools/biconnector/gds.php {{"key": "{CODE}"}}', "key of the BI connector"),
        (f'{{"key": "{KEY}"}}', "password, token or key"),
    ],
)
def test_secrets_in__knows_what_it_is_and_where_it_stands(text: str, kind: str) -> None:
    [found] = secrets_in(text)
    assert found.kind == kind
    assert text[found.start : found.end] in (CODE, TOKEN, KEY)


@pytest.mark.parametrize(
    "text",
    [
        "https://your-portal.bitrix24.com/rest/1/your-code/",
        "https://acme.bitrix24.com/rest/1/***/crm.deal.list",
        f"http://127.0.0.1:8080/rest/1/{CODE}/ http://localhost/rest/1/{CODE}/",
        "https://acme.bitrix24.com/rest/crm.deal.list",
        "access_token = os.environ['B24_ACCESS_TOKEN2026']",
        "client_secret=getpass.getpass('client_secret')",
        "token = self.client2.token_of_the_day(2026)",
        "sorted(rows, key=by_month_and_year_2026)",
        "auth: your-access-token-goes-here-1234",
        "sha256 = 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "author=ZeKyeYIgy2NsHZqsIHY6 monkey=ZeKyeYIgy2NsHZqsIHY6",
        "Authorization: Bearer ***",
    ],
)
def test_secrets_in__takes_no_placeholder_program_or_local_address_for_one(text: str) -> None:
    assert secrets_in(text) == []


def test_redact__masks_what_stands_in_quotes_and_a_token_that_stands_alone() -> None:
    assert redact(f"B24OAuthSecret(client_secret='{KEY}')") == "B24OAuthSecret(client_secret='***')"
    assert redact(f"got {TOKEN}, and no more") == "got ***, and no more"
    assert CODE not in redact(f"https:\\/\\/acme.bitrix24.com\\/rest\\/1\\/{CODE}\\/")


@pytest.mark.parametrize(
    "text",
    [
        f"/auth/?backurl=%2Frest%2F1%2F{CODE}%2Fprofile",
        f"backurl=%252Frest%252F1%252F{CODE}%252Fprofile",
        f"%2525252Frest%2525252F1%2525252F{CODE}",
        f"&#x2F;rest&#x2F;1&#x2F;{CODE}&#x2F;",
        f"&#47;rest&#47;1&#47;{CODE}",
        f"&amp;#x2f;rest&amp;#x2f;1&amp;#x2f;{CODE}",
        f"&sol;rest&sol;api&sol;1&sol;{CODE}",
        f"%26%23x2F%3Brest%26%23x2F%3B1%26%23x2F%3B{CODE}",
        f"rest/1/{CODE}/profile",
        f"https://a.bitrix24.com//rest//1/{CODE}/",
        f"HTTPS://A.BITRIX24.COM/REST/1/{CODE.upper()}/CRM.DEAL.LIST",
        rf"\\/rest\\/1\\/{CODE}",
        rf"\\u002frest\\u002f1\\u002f{CODE}",
        rf"\x2frest\x2f1\x2f{CODE}",
        rf"https:\\acme.bitrix24.ru\rest\1\{CODE}" + "\\",
        repr(rf"https:\\acme.bitrix24.ru\rest\1\{CODE}" + "\\"),
        f"%72est%2F1%2F{CODE}",
        f"1/{CODE}",
        f"acme.bitrix24.com/1/{CODE}/",
        f"https://acme.bitrix24.com/bitrix/tools/biconnector/pbi.php?token={CODE}&table=crm_deal",
        json.dumps({"key": CODE}),
        f"https://anna:{CODE}@b24.acme.example/rest/",
        f"https://anna:p@{CODE}@b24.acme.example/rest/",
        f"client_secret\x1b[39m=\x1b[33m'{CODE}'",
        f"api_key = {CODE}",
        f"B24_CLIENT_SECRET={CODE}",
        f"auth%5Baccess_token%5D%3D{CODE}",
        json.dumps({"password": f'quote " {CODE}'}),
        f"Authorization: Basic {CODE}",
        f"Authorization: {CODE}",
        f"Cookie: PHPSESSID={CODE}; x=1",
        f"access_token: {CODE}",
        f"[access_token] => {CODE}",
        f'["access_token"]=>\n  string(16) "{CODE}"',
        f's:12:"access_token";s:16:"{CODE}";',
        f"<refresh_token>{CODE}</refresh_token>",
        f'<input name="AUTH_ID" value="{CODE}">',
        repr(("client_secret", CODE)),
        repr({"refresh_token": [CODE]}),
        f"x-api-key: {CODE}",
        "\u200b".join(f"/rest/1/{CODE}/"),
        "\0".join(f"/rest/1/{CODE}/"),
        "\x1b[2K".join(f"/rest/1/{CODE}/"),
        f"\\057rest\\0571\\057{CODE}",
        f"\\u{{2f}}rest\\u{{2f}}1\\u{{2f}}{CODE}",
        f"\\U0000002frest\\U0000002f1\\U0000002f{CODE}",
    ],
)
def test_redact__knows_a_secret_in_every_encoding(text: str) -> None:
    shown = redact(text)
    assert CODE.lower() not in re.sub(r"\x1b\[2K|[\0\u200b]", "", shown).lower()
    assert "***" in shown


@pytest.mark.parametrize(
    "text",
    [
        "access_token: expired",
        "AUTH_ID: none",
        "authorization, which the portal refuses",
        "<authorization>required</authorization>",
        "client_secret is missing",
        "crm.deal.list is not available on the Basic plan.",
        "the Basic tariff, or Basic CRM: ask your administrator",
        '{"tariff":"Basic Monthly","next":"basic yearly"}',
        "BASIC PLAN",
        "тариф Basic (месяц), Basic месяц",
        "a bearer token is missing; Bearer authentication failed",
    ],
)
def test_redact__leaves_a_sentence_about_a_secret_alone(text: str) -> None:
    assert redact(text) == text


def test_looks_secret__knows_a_plan_from_a_header() -> None:
    assert not looks_secret("plan", "Basic Monthly")
    assert looks_secret("plan", f"Basic {CODE}")


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), max_size=7),
    st.text(min_size=1, max_size=7),
)
def test_redact__masks_every_user_and_password_of_a_basic_header(user: str, password: str) -> None:
    sent = base64.b64encode(f"{user}:{password}".encode("utf-8", "surrogatepass")).decode()
    for text in (f"Basic {sent}", f"<- 'Basic {sent}', and", f"Basic {sent.rstrip('=')}", f"Basic {sent} plan"):
        assert "Basic ***" in redact(text)


@pytest.mark.parametrize(
    "token",
    [
        "ZeKyeYIgyNsHZqsIHYGfGVaaB",
        "abcdefghijklmnopqrstuvwxyz",
        "ABCDEFGHIJKL",
        "ABCDEF",
        "abcdefghij-klmnop",
        "abc.def.ghi",
        "abc_def",
        "abcdef1",
        "eyJhbGciOi",
        "dXNlcjpwYXNz",
        "abcd=",
        "abcdef%2Bghi",
        "abcdef|ghi",
    ],
)
@pytest.mark.parametrize("text", ["Bearer {}", "bearer  {},", '{{"x": "Basic {}"}}', "Basic {} is refused"])
def test_redact__masks_a_token_of_letters_alone(text: str, token: str) -> None:
    assert token[:6] not in redact(text.format(token))


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "proxy-authorization: Basic {}",
        "{{'Authorization': 'Bearer {}'}}",
        "[(b'authorization', b'Basic {}')]",
        "Authorization%3A%20Bearer%20{}",
    ],
)
def test_redact__masks_whatever_stands_in_the_header(text: str) -> None:
    assert "hookcode" not in redact(text.format("hookcode"))


@pytest.mark.parametrize(
    "given",
    [
        CODE,
        f"{CODE}/",
        f'"{CODE}"',
        f"1/{CODE}",
        "1/hookcode0sentinel",
        "x.bitrix24.com/1/hookcode0sentinel",
        f"anna:{CODE}@acme.bitrix24.com",
    ],
)
def test_masked__knows_what_was_given_in_a_wrong_place(given: str) -> None:
    shown = masked(given)
    assert CODE not in shown
    assert "hookcode" not in shown


@pytest.mark.parametrize("given", ["crm.deal.list", "acme", "acme.bitrix24.com", "deals/2026/all.parquet", "12/2026"])
def test_masked__leaves_the_rest_alone(given: str) -> None:
    assert masked(given) == given


HOSTILE = """auth%5Ba%5D|auth[a]|auth=|key|rest/|rest/1/|rest/1/a|rest/api/|/|\\|%25|%252F|&amp;|&#|&#x0|\\u00
\x1b[|\x1b[0m|"key":|"key":"|"key":"\\|'key' : |Bearer |//|//a@|//a:|0f|a_|a_b_key|1/a1|token = |token="
biconnector?token=|_|a1-|[|u:p@|access_token: |access_token:1|cookie:|\\101|\\u{2f}|\u200b|\0"""


@pytest.mark.parametrize("unit", [unit for line in HOSTILE.splitlines() for unit in line.split("|")])
def test_redact__comes_back_from_whatever_a_portal_writes(unit: str) -> None:
    text = unit * (60_000 // len(unit))  # where a look were begun anew at each place, this would take hours
    assert len(redact(text)) <= len(text) * 2
    masked(text)
    secrets_in(text)


@given(
    st.text("/\\%25#&;x20auth[]=\"' :\x1b[mrest1", max_size=60), st.sampled_from(["{}", "%2F{}", "&#47;{}", "\\/{}"])
)
def test_redact__masks_what_it_found_where_it_stands(noise: str, written: str) -> None:
    code = "Zq" + CODE
    text = (
        f"{noise} rest/1/{code}" if written == "{}" else f"{noise} rest{written.format('1')}{written.format(code)} end"
    )
    shown = redact(text)
    assert code not in shown
    assert written == "{}" or shown.endswith(" end")


@pytest.mark.parametrize(
    "text",
    [
        "/data/2026/reports_of_october_1/exports.toml: [deals]: labels = true",
        "/tmp/pytest-12/test_a_wrong_value0/exports.toml",
        r"C:\data\2026\sales-q1-2026\deals.parquet",
        "out/2026/sales2026q1.parquet",
    ],
)
def test_masked__the_path_of_a_file_stays_readable(text):
    assert masked(text) == text
