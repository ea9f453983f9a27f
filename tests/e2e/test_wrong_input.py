"""Wrong input: each a sentence that says what to do, and nothing half written."""

from __future__ import annotations

import http.server
import threading

import httpx
import numpy as np
import pandas as pd
import pytest

from b24data import (
    AuthorizationRequiredError,
    B24Hook,
    BadReplyError,
    ConfigError,
    MethodNotFoundError,
    Sandbox,
    SchemaError,
)
from tests.clocks import ScaledClock


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=200) as portal:
        yield portal


@pytest.fixture
def tools(portal):
    with portal.connect() as b24:
        yield b24.tools


def test_an_unknown_method_names_the_nearest(tools):
    with pytest.raises(MethodNotFoundError, match=r"crm\.deals\.list.*did you mean crm\.deal\.list"):
        tools.fetch_all("crm.deals.list", progress=False)


def test_a_misspelt_field_is_refused_before_any_row_is_asked_for(portal, tools):
    before = portal.stats.pages
    with pytest.raises(SchemaError, match=r"OPORTUNITY.*did you mean OPPORTUNITY"):
        tools.fetch_all("crm.deal.list", ["ID", "OPORTUNITY"], progress=False)
    assert portal.stats.pages == before


def test_a_missing_parameter_is_named(tools):
    with pytest.raises(ConfigError, match=r'crm\.item\.list needs entityTypeId.*params=\{"entityTypeId": \.\.\.\}'):
        tools.fetch_all("crm.item.list", progress=False)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"select": "ID"}, "select 'ID' is one text"),
        ({"select": []}, "select is empty"),
        ({"select": ["ID", 7]}, "select has 7, which is not a name of a field"),
        ({"errors": "ignore"}, "errors is 'ignore'. Hint: it is 'coerce' or 'raise'"),
        ({"count": "yes"}, "count is 'yes'. Hint: it is True or False"),
        ({"recheck": None}, "recheck is None. Hint: it is True or False"),
        ({"titles": "replace"}, "titles is 'replace'. Hint: it is True or False"),
        ({"gentle": 2}, "gentle is 2. Hint: it is True or False"),
        ({"check_fields": "no"}, "check_fields is 'no'. Hint: it is True or False"),
        ({"partial": "yes"}, "partial is 'yes'. Hint: it is True or False"),
        ({"dtypes": {"ID": "texxt"}}, "dtypes has no type for ID: 'texxt'"),
        ({"filter": {"TITLE": None}}, "None"),
        ({"filter": {">ID": "abc"}}, "compares a whole number with 'abc'"),
        ({"limit": 0}, "limit 0 is not a number of rows"),
        ({"limit": np.timedelta64(5)}, r"limit np.timedelta64\(5\) is not a number of rows"),
        ({"limit": 10**20}, "limit 100000000000000000000 is not a number of rows"),
        ({"limit": np.float64(5)}, r"limit np.float64\(5.0\) is not a number of rows"),
        ({"workers": np.True_}, "workers is np.True_"),
        ({"workers": 0}, "workers is 0. Hint: pass a number of requests, such as 4"),
        ({"workers": -3}, "workers is -3"),
        ({"filter": pd.Series({"ID": 5, "TITLE": "x"})}, "filter is ID 5 TITLE x dtype: object"),
        ({"filter": {"ID": pd.DataFrame({"ID": [5, 6]})}}, "has ID 0 5 1 6"),
        ({"order": {"ID": "UP"}}, "write 'ASC' or 'DESC'"),
        ({"params": {"start": 50}}, "read from its first row to its last"),
        ({"filter": {"ID": 1}, "params": {"FILTER": {"ID": 2}}}, "filter is given twice"),
        ({"progress": "loud"}, "progress is 'loud'"),
        ({"dtype_backend": "polars"}, "dtype_backend is 'polars'"),
        ({"to": "no/such/folder/deals.parquet"}, "there is no folder no/such/folder"),
    ],
)
def test_a_request_that_makes_no_sense_says_why(portal, tools, asked, sentence):
    before = portal.stats.pages
    options = {"progress": False, **asked}
    with pytest.raises(ConfigError, match=sentence):
        tools.fetch_all("crm.deal.list", **options)
    assert portal.stats.pages == before


WRONG = [2.5, "100", True, np.True_, float("nan"), None, np.float64(100), [100], 0, -1]


@pytest.mark.parametrize("chunksize", WRONG, ids=repr)
def test_a_size_of_frames_that_is_no_number_of_rows_says_so(portal, tools, chunksize):
    before = portal.stats.requests
    with pytest.raises(ConfigError, match=r"chunksize .* is not a number of rows\. Hint: such as 50_000") as caught:
        tools.iter_frames("crm.deal.list", ["ID"], chunksize=chunksize, progress=False)
    assert repr(chunksize) in str(caught.value)
    assert portal.stats.requests == before


@pytest.mark.parametrize("timeout", [value for value in WRONG if value not in (None, 2.5, 100)], ids=repr)
def test_a_timeout_that_is_no_time_says_so(portal, timeout):
    with pytest.raises(ConfigError, match=r"timeout is .*Hint: give a number of seconds, such as 30"):
        B24Hook(portal.webhook_url, timeout=timeout)


@pytest.mark.parametrize("timeout", [None, 2.5, 30, np.int64(30), httpx.Timeout(5)], ids=repr)
def test_a_timeout__is_seconds_or_one_of_httpx(portal, timeout):
    with B24Hook(portal.webhook_url, timeout=timeout) as b24:
        assert b24.tools.health_check()


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, int])
def test_numbers_of_numpy__count_rows_and_requests(tools, kind):
    frame = tools.fetch_all("crm.deal.list", ["ID"], limit=kind(5), workers=kind(2), progress=False)
    assert len(frame) == 5
    chunks = tools.iter_frames("crm.deal.list", ["ID"], chunksize=kind(90), progress=False)
    assert [len(chunk) for chunk in chunks] == [90, 90, 20]


def test_a_type_for_the_id_that_is_no_number_says_what_to_do_instead(tools):
    with pytest.raises(SchemaError, match=r"dtypes has 'text' for ID, by which the list is read.*astype"):
        tools.fetch_all("crm.deal.list", ["ID"], dtypes={"ID": "text"}, progress=False)
    assert str(tools.fetch_all("crm.deal.list", ["ID"], dtypes={"ID": "int"}, progress=False)["ID"].dtype) == "Int64"


def test_a_dead_refresh_token_says_sign_in_again():
    with Sandbox(deals=200) as portal:
        b24 = portal.connect()
        portal.revoke()
        with pytest.raises(AuthorizationRequiredError, match="sign in again"):
            b24.tools.fetch_all("crm.deal.list", ["ID"], progress=False)


def test_a_portal_that_answers_html_is_no_portal():
    class Page(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html><title>Welcome</title></html>")

        def log_message(self, *_):
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hook = f"http://127.0.0.1:{server.server_port}/rest/1/a-secret-code/"
        with (
            B24Hook(hook, clock=ScaledClock(100)) as b24,
            pytest.raises(BadReplyError, match=r"HTML.*Hint|html") as caught,
        ):
            b24.tools.fetch_all("crm.deal.list", ["ID"], progress=False)
        server.shutdown()
    assert "a-secret-code" not in str(caught.value)
    assert caught.value.hint
