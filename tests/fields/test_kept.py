"""What programs one after the other know of fields, and when they ask anew: a sandbox plays a portal far away."""

import itertools
import re
import time
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from b24data import ApiVersion, B24Hook, Sandbox, SchemaError
from b24data.auth.webhook import HookCredentials
from b24data.fields.cache import cache_of
from b24data.fields.fields import Field
from b24data.http.session import Session
from b24data.http.transport import Transport
from b24data.secret import Secret

_NUMBERS = itertools.count()


class LaterClock:
    """The time of this machine, some seconds later."""

    def __init__(self, later=0.0):
        self.later = later

    def monotonic(self):
        return time.monotonic() + self.later

    def time(self):
        return time.time() + self.later

    def wait(self, event, seconds):
        return event.wait(seconds)


class Elsewhere:
    """A transport to a portal of the internet that a sandbox answers for; keeps which methods were called."""

    def __init__(self, away, home, change):
        self._inner, self._away, self._home, self._change = Transport(), away, home, change
        self.called = []

    def post(self, name, url, body, headers):
        self.called.append(name)
        reply = self._inner.post(name, Secret(url.reveal().replace(self._away, self._home)), body, headers)
        return replace(reply, headers={}, body=self._change(len(self.called), name, reply.text(name)))

    def interrupt(self):
        self._inner.interrupt()

    def close(self):
        self._inner.close()


class Program:
    """One program that reads the portal: a client of its own, which starts ``later`` seconds from now."""

    def __init__(self, portal, away, *, later=0.0, change=lambda number, name, body: body):
        home = portal.webhook_url.partition("/rest/")[0]
        url = portal.webhook_url.replace(home, away)
        clock = LaterClock(later)
        self._transport = Elsewhere(away, home, change)
        self.b24 = B24Hook(url, clock=clock)
        for version in ApiVersion:
            session = Session(HookCredentials(url), self._transport, version=version, clock=clock)
            self.b24.set_http_client(version, session)
        self.tools = self.b24.tools

    @property
    def called(self):
        return self._transport.called

    def described(self, method="crm.deal.fields"):
        return self.called.count(method)

    def cache(self):
        return cache_of(self.b24.session)

    def revise(self, change, *, method="crm.deal.list", age_s=1_800.0):
        """Make what is kept another description, asked ``age_s`` ago."""
        kept = self.cache().get("v2", method, {})
        self.cache().put("v2", method, {}, change(dict(kept.fields)), at=time.time() - age_s)


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=3_000, tasks=60) as portal:
        yield portal


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def program(portal):
    """Makes programs, the later ones last: a clock that goes back would wait for the limits of another."""
    made = []
    away = f"https://acme{next(_NUMBERS)}.bitrix24.com"

    def make(**options):
        made.append(Program(portal, away, **options))
        return made[-1]

    yield make
    for one in made:
        one.b24.destroy()


def as_type(code, portal_type):
    def change(fields):
        return {**fields, code: Field(code, code, title=code, type=portal_type)}

    return change


def without(code):
    return lambda fields: {name: one for name, one in fields.items() if name != code}


def test_the_second_program__knows_the_fields_for_ten_minutes(program):
    asked = {"select": ["ID", "TITLE", "OPPORTUNITY"], "limit": 50, "progress": False}
    first, second, late = program(), program(later=500), program(later=700)
    frames = [one.tools.fetch_table("crm.deal.list", **asked) for one in (first, second, late)]
    assert [one.described() for one in (first, second, late)] == [1, 0, 1]
    assert frames[0].schema.remove_metadata() == frames[1].schema.remove_metadata()


@pytest.mark.parametrize("words", [{"labels": "add"}, {"titles": True}])
def test_words__are_those_of_the_last_ten_minutes(program, words):
    asked = {"select": ["ID", "UF_CRM_1700000004"], "limit": 5, "progress": False}
    program().tools.fetch_table("crm.deal.list", **asked)
    soon, later = program(later=500), program(later=700)
    for one in (soon, later):
        one.tools.fetch_table("crm.deal.list", **asked, **words)
    assert [soon.described(), later.described()] == [0, 1]


def test_describe__is_as_of_ten_minutes_ago_and_asks_anew_when_told_to(program):
    first, second = program(), program(later=60)
    first.tools.describe("crm.deal.list")
    second.tools.describe("crm.deal.list")
    assert second.described() == 0
    second.revise(without("TITLE"), age_s=0)
    third = program(later=120)
    assert "TITLE" not in set(third.tools.describe("crm.deal.list")["code"])
    assert "TITLE" in set(third.tools.describe("crm.deal.list", refresh=True)["code"])
    assert "TITLE" in third.cache().get("v2", "crm.deal.list", {}).fields


def test_a_new_field__is_looked_for_before_its_name_is_refused(program):
    program().tools.describe("crm.deal.list")
    for age_s in (60.0, 1_800.0):
        one = program()
        one.revise(without("UF_CRM_1700000001"), age_s=age_s)
        table = one.tools.fetch_table("crm.deal.list", ["ID", "UF_CRM_1700000001"], limit=5, progress=False)
        assert table.schema.names == ["ID", "UF_CRM_1700000001"]
        assert one.described() == 1


def test_a_typo__costs_one_request_and_no_list_request(program):
    program().tools.describe("crm.deal.list")
    one = program(later=1_800)
    with pytest.raises(SchemaError, match=r"TITEL \(did you mean TITLE\?\)"):
        one.tools.fetch_table("crm.deal.list", ["TITEL"], progress=False)
    assert one.called == ["crm.deal.fields"]


def test_a_new_field_in_the_rows__has_its_own_type_and_not_a_guess(program):
    program().tools.describe("crm.deal.list")
    one = program()
    one.revise(without("DATE_CREATE"))
    table = one.tools.fetch_table("crm.deal.list", limit=50, progress=False)
    assert str(table.schema.field("DATE_CREATE").type) == "timestamp[us, tz=UTC]"
    assert one.described() == 1


def test_a_field_made_anew_with_another_type__loses_no_value(program, portal):
    program().tools.describe("crm.deal.list")
    one = program()
    one.revise(as_type("TITLE", "integer"))
    frame = one.tools.fetch_all("crm.deal.list", ["ID", "TITLE"], limit=200, progress=False)
    assert frame["TITLE"].dtype == "string"
    assert frame["TITLE"].notna().all()
    assert frame.attrs["b24data"]["coercions"] == {}
    assert one.described() == 1


def test_a_type_that_rows_contradict_late__widens_and_loses_no_value(program, tmp_path):
    """The first rows have nothing in the field, so that nothing shows it in time."""

    def empty_at_first(number, name, body):
        return re.sub(rb'"TITLE":"(?:[^"\\]|\\.)*"', b'"TITLE":""', body) if number < 3 and name == "batch" else body

    program().tools.describe("crm.deal.list")
    one = program(change=empty_at_first)
    one.revise(as_type("TITLE", "integer"))
    target = tmp_path / "deals.parquet"
    report = one.tools.fetch_all("crm.deal.list", ["ID", "TITLE"], to=target, progress=False)
    titles = pq.read_table(target)["TITLE"]
    assert str(titles.type) == "string"
    assert 0 < titles.null_count < report.rows
    assert report.coercions == {}
    assert one.described() == 1


def test_a_value_that_never_fitted__is_null_and_counted_after_one_request(program):
    def spoilt(number, name, body):
        if name == "crm.deal.fields":
            return body
        return re.sub(rb'"PROBABILITY":"?[^",}]*"?', b'"PROBABILITY":"about 5"', body)

    program().tools.describe("crm.deal.list")
    one = program(later=1_800, change=spoilt)
    with pytest.warns(UserWarning, match=r"PROBABILITY 100 \(such as 'about 5'\)"):
        frame = one.tools.fetch_all("crm.deal.list", ["ID", "PROBABILITY"], limit=100, progress=False)
    assert frame["PROBABILITY"].isna().all()
    assert one.described() == 1


def test_openapi__is_asked_once_for_all_the_lists_that_it_describes(program):
    one = program()
    results = one.tools.fetch_table("v3:tasks.task.result.list", filter={"taskId": 51}, progress=False)
    senders = one.tools.fetch_table("mail.mailbox.senders", progress=False)
    assert str(results.schema.field("createdAt").type) == "timestamp[us, tz=UTC]"
    assert results.schema.field("authorId").metadata[b"b24data.type"] == b"integer"
    assert {str(kind) for kind in senders.schema.types} == {"string"}
    assert one.called.count("rest.documentation.openapi") == 1
    again = program(later=500)
    again.tools.fetch_table("v3:tasks.task.result.list", filter={"taskId": 51}, progress=False)
    assert again.called.count("rest.documentation.openapi") == 0


def test_openapi__describe_tells_what_a_fetch_will_give(program):
    one = program()
    fields = one.tools.describe("mail.mailbox.senders").set_index("code")
    table = one.tools.fetch_table("mail.mailbox.senders", progress=False)
    assert fields["arrow"].to_dict() == {name: str(table.schema.field(name).type) for name in table.column_names}


def test_openapi__a_misspelt_name_is_answered_before_any_list_request(program):
    one = program()
    with pytest.raises(SchemaError, match=r"authorIdd \(did you mean authorId\?\)"):
        one.tools.fetch_table("v3:tasks.task.result.list", ["id", "authorIdd"], {"taskId": 51}, progress=False)
    assert set(one.called) == {"rest.documentation.openapi"}
