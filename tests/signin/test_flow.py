"""The steps of a sign-in, without a panel or a prompt, against the sandbox's authorization server."""

import http.client
import json
import socket
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24data.auth.profiles import Profile, Profiles
from b24data.auth.shelf import PROFILE_NAME
from b24data.errors import ConfigError
from b24data.http.transport import Transport
from b24data.signin.flow import SignIn
from b24data.signin.listener import Landing, Listener
from b24data.signin.names import name_for
from b24data.signin.pasted import portal_in, read_code

SECRETS = ("access_token", "refresh_token", "client_secret")


@pytest.fixture
def flow(portal, profiles):
    portal.redirect_to("")
    flow = SignIn(Transport(), profiles)
    yield flow
    flow.close()


def ask(flow, portal, address=None, **other):
    secret = portal.oauth_secret() | other
    return flow.ask_portal(address or portal.url, secret["client_id"], secret["client_secret"])


def state_of(step):
    return parse_qs(urlsplit(step.link).query)["state"][0]


def visit(url):
    with urllib.request.urlopen(url) as page:
        return page.read().decode()


def test_a_pasted_code__is_exchanged_for_a_pair_that_is_kept(flow, portal, profiles):
    flow.keep_as = "acme"
    assert ask(flow, portal).at == "link"
    step = flow.paste(f"  {portal.authorization_code()}\n")
    assert (step.at, step.trouble, step.profile) == ("done", None, "acme")
    assert step.status.portal == urlsplit(portal.url).netloc
    assert profiles.store("acme").load().params.client_endpoint == f"{portal.url}/rest/"


def test_no_name__is_one_after_the_portal(flow, portal, profiles):
    step = flow.use_webhook(portal.webhook_url)
    assert step.profile == urlsplit(portal.url).netloc.replace(":", "-")
    assert profiles.names() == [step.profile]


def test_needs__are_told_where_they_are_not_allowed(portal, profiles):
    flow = SignIn(Transport(), profiles, needs=["crm.deal.list", "partner.thing.list"])
    assert flow.use_webhook(portal.webhook_url).status.missing == ("partner.thing.list",)


def test_a_pasted_address__is_exchanged_when_its_state_is_ours(flow, portal):
    step = ask(flow, portal)
    code = portal.authorization_code()
    step = flow.paste(f"http://127.0.0.1:8724/?code={code}&state={state_of(step)}&domain=x&server_domain=y")
    assert step.at == "done"


def test_the_listener__signs_in_by_itself_and_tells_the_browser(portal, profiles):
    flow = SignIn(Transport(), profiles, port=0)
    step = ask(flow, portal)
    assert step.listens
    portal.redirect_to(flow._listener.uri)
    assert "You are signed in" in visit(step.link)
    assert flow.step.at == "done"
    assert flow._listener is None


def test_the_listener__takes_no_code_with_a_foreign_state(portal, profiles):
    flow = SignIn(Transport(), profiles, port=0)
    step = ask(flow, portal)
    page = visit(f"{flow._listener.uri}?code={portal.authorization_code()}&state=stolen")
    assert "Not signed in. This answer does not belong to the link" in page
    assert "WRONG_STATE" not in page
    assert flow.step is step
    flow.close()


def test_the_listener__answers_nothing_else(portal):
    listener = Listener(lambda asked: Landing("never"), 0)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        visit(f"{listener.uri}favicon.ico")
    listener.close()
    connection = http.client.HTTPConnection(urlsplit(listener.uri).netloc)
    with pytest.raises(ConnectionRefusedError):
        connection.connect()


def test_a_port_that_is_taken__leaves_the_way_by_hand(portal, profiles):
    taken = socket.create_server(("127.0.0.1", 0))
    flow = SignIn(Transport(), profiles, port=taken.getsockname()[1])
    step = ask(flow, portal)
    assert (step.at, step.listens) == ("link", False)
    assert "is taken" in step.note
    assert "paste it here" in step.note
    assert flow.paste(portal.authorization_code()).at == "done"
    taken.close()


def test_a_stale_code__says_so_and_a_new_link_is_ready(flow, portal):
    first = ask(flow, portal)
    code = portal.authorization_code()
    flow._exchange(read_code(code, ""))
    ask(flow, portal)
    step = flow.paste(code)
    assert step.at == "link"
    assert "valid for 30 seconds and works once" in str(step.trouble)
    assert step.link
    assert step.link != first.link
    assert flow.paste(portal.authorization_code()).at == "done"


def test_a_portal_address__is_taken_out_of_whatever_was_pasted(flow, portal):
    step = ask(flow, portal, f"{portal.url}/company/personal/user/1/?IFRAME=Y#x")
    assert step.link.startswith(f"{portal.url}/oauth/authorize/?client_id=")
    assert portal.url in step.note


def test_a_webhook_in_the_portals_field__signs_in_by_it(flow, portal, profiles):
    step = flow.ask_portal(portal.webhook_url, "", "")
    assert (step.at, profiles.load(step.profile).webhook.reveal()) == ("done", portal.webhook_url)


@pytest.mark.parametrize("kind", ["html", "500"])
def test_a_site_that_is_no_portal__is_named_and_the_address_asked_again(flow, portal, kind):
    portal.fail(kind)
    step = ask(flow, portal)
    portal.clear_faults()
    assert step.at == "start"
    assert "does not answer as a Bitrix24 portal" in str(step.trouble)
    assert "address bar" in step.trouble.hint


def test_a_host_that_does_not_answer__is_a_trouble_and_no_exception(flow):
    step = flow.ask_portal("http://127.0.0.1:9", "local.1", "s")
    assert step.at == "start"
    assert step.trouble.code == "NOT_CONNECTED"


@pytest.mark.parametrize("wrong", [{"client_id": "local.of-another-portal"}, {"client_secret": "wrong"}])
def test_a_wrong_application__is_told_before_the_link_is_opened_and_asked_for_again(flow, portal, wrong):
    step = ask(flow, portal, **wrong)
    assert step.at == "link"  # another server of Bitrix24's may know it
    assert "127.0.0.1 does not know this application ID and key" in str(step.trouble)
    step = flow.paste(portal.authorization_code())
    assert step.at == "start"
    assert "check client_id and client_secret" in str(step.trouble)
    assert ask(flow, portal).trouble is None


def test_a_server_that_says_nothing_of_the_application__leaves_the_link_as_it_is(flow, portal):
    for kind in ("html", "500"):
        portal.fail(kind, on="oauth")
        step = ask(flow, portal)
        portal.clear_faults()
        assert (step.at, step.trouble) == ("link", None)


def test_start_over__listens_no_more_and_takes_no_code(portal, profiles):
    flow = SignIn(Transport(), profiles, port=0)
    ask(flow, portal)
    assert flow._listener is not None
    assert flow.start_over().at == "start"
    assert flow._listener is None
    assert "begin with the portal's address" in str(flow.paste(portal.authorization_code()).trouble)


@pytest.mark.parametrize(
    ("event", "at"),
    [
        (lambda pair: json.dumps({"event": "ONAPPINSTALL", "auth": pair}), "done"),
        (
            lambda pair: json.dumps({"AUTH_ID": pair["access_token"], "REFRESH_ID": pair["refresh_token"], **pair}),
            "done",
        ),
        (lambda pair: "&".join(f"auth[{key}]={value}" for key, value in pair.items()), "done"),
        (lambda pair: "no event", "start"),
        (lambda pair: "[1, 2]", "start"),
    ],
)
def test_an_install_event__is_read_in_each_of_its_forms(flow, portal, event, at):
    secret = portal.oauth_secret()
    step = flow.use_event(event(portal.oauth_params()), secret["client_id"], secret["client_secret"])
    assert step.at == at, step.trouble


WAYS = {
    "application": ask,
    "webhook": lambda flow, portal: flow.use_webhook(portal.webhook_url),
    "webhook as a portal": lambda flow, portal: flow.ask_portal(portal.webhook_url, "", ""),
    "event": lambda flow, portal: flow.use_event(json.dumps({"auth": portal.oauth_params()}), "local.1", "cl13nt"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["my portal", "../acme", "a/b", "nul\0", "x" * 200, "con"])
def test_a_name_that_no_profile_can_have__is_told_before_the_portal_is_asked(flow, portal, profiles, name, way):
    flow.keep_as, before = name, portal.stats.requests
    step = WAYS[way](flow, portal)
    assert (step.at, profiles.names()) == ("start", [])
    assert "is not the name of a profile" in str(step.trouble)
    assert portal.stats.requests == before


FIRST = "https://acme.bitrix24.com/rest/1/the-first-secret/"


def save_first(profiles, name):
    profiles.save(Profile(name=name, portal="acme.bitrix24.com", webhook=FIRST))


@pytest.mark.parametrize("way", WAYS)
def test_profile__of_another_portal_is_not_replaced_under_a_name_that_was_given(flow, portal, profiles, way):
    save_first(profiles, "acme")
    flow.keep_as, before = "acme", portal.stats.requests
    step = WAYS[way](flow, portal)
    assert (step.at, step.trouble.code) == ("start", "NAME_TAKEN")
    assert "'acme' belongs to another portal, acme.bitrix24.com" in str(step.trouble)
    assert "b24data profiles --delete acme" in step.trouble.hint
    assert portal.stats.requests == before
    assert profiles.load("acme").webhook.reveal() == FIRST


@pytest.mark.parametrize("way", ["application", "webhook"])
def test_profile__of_another_portal_is_not_replaced_under_a_name_after_the_portal(flow, portal, profiles, way):
    name = urlsplit(portal.url).netloc.replace(":", "-")
    save_first(profiles, name)
    for _ in range(2):  # again, it is its own
        step = WAYS[way](flow, portal)
        step = flow.paste(portal.authorization_code()) if step.at == "link" else step
        assert (step.at, step.profile) == ("done", f"{name}-2")
    assert profiles.load(name).webhook.reveal() == FIRST
    assert profiles.names() == [name, f"{name}-2"]


@pytest.mark.parametrize("name", ["", "acme"])
def test_signing_in_again__replaces_the_profile_of_the_same_portal(flow, portal, profiles, name):
    flow.keep_as = name
    first = flow.use_webhook(portal.webhook_url)
    ask(flow, portal)
    step = flow.paste(portal.authorization_code())
    assert (step.profile, profiles.names()) == (first.profile, [first.profile])
    assert profiles.load(first.profile).kind == "application"


def test_name_for__a_sandbox_that_is_gone_gives_its_name_to_the_next_one(profiles):
    profiles.save(Profile(name="demo", portal="127.0.0.1:8080", webhook=FIRST))
    assert name_for("demo", ["127.0.0.1:8081"], profiles) == "demo"


def test_name_for__is_free_or_the_portals_own(profiles):
    for name, portal in (("acme", "acme.bitrix24.com"), ("1-80", "[::1]:80"), ("Beta", "b")):
        profiles.save(Profile(name=name, portal=portal, webhook=FIRST))
    found = {
        portal: name_for("", portal.split(), profiles)
        for portal in (
            *("acme.bitrix24.com", "ACME.bitrix24.com:443", "acme.bitrix24.ru", "acme.bitrix24.com acme.bitrix24.ru"),
            *("[::1]:80", "1:80", "beta", "con.bitrix24.com", f"{'x' * 63}.bitrix24.com", f"{'y.' * 99}z", "---"),
        )
    }
    assert (
        found
        == {
            "acme.bitrix24.com": "acme",
            "ACME.bitrix24.com:443": "acme",
            "acme.bitrix24.ru": "acme.bitrix24.ru",
            "acme.bitrix24.com acme.bitrix24.ru": "acme",  # it has moved
            "[::1]:80": "1-80",
            "1:80": "1-80-2",
            "beta": "beta-2",  # some disks do not tell Beta from beta
            "con.bitrix24.com": "portal-con",
            f"{'x' * 63}.bitrix24.com": "x" * 63,
            f"{'y.' * 99}z": ("y." * 32)[:-1],
            "---": "portal",
        }
    )


def test_name_for__takes_the_place_of_a_profile_that_can_not_be_read(profiles):
    save_first(profiles, "beta")
    (profiles.folder / "beta.json").write_text("half")
    assert name_for("", ["beta.bitrix24.com"], profiles) == name_for("beta", ["x"], profiles) == "beta"


@given(st.lists(st.text(max_size=80), min_size=1, max_size=2))
def test_name_for__is_a_name_whatever_the_portal_is_called(portals):
    assert PROFILE_NAME.fullmatch(name_for("", portals, NoProfiles()))


class NoProfiles:
    def names(self):
        return []


def test_a_portal_that_refuses_who_signed_in__is_a_trouble_and_keeps_nothing(flow, portal, profiles):
    ask(flow, portal)
    portal.fail("error", on="profile", code="ACCESS_DENIED", description="the user may not", status=403)
    step = flow.paste(portal.authorization_code())
    portal.clear_faults()
    assert (step.at, profiles.names()) == ("link", [])
    assert "the user may not" in str(step.trouble)


def test_a_full_disk__is_a_trouble_and_no_exception(flow, portal, monkeypatch):
    def fail(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(Profiles, "save", fail)
    assert "No space left" in str(flow.use_webhook(portal.webhook_url).trouble)


def test_no_step__shows_a_secret(flow, portal, profiles):
    shown = []
    flow.changed = lambda step: shown.append(repr(step))
    ask(flow, portal)
    step = flow.paste(portal.authorization_code())
    pair = profiles.store(step.profile).load().params
    kept = [pair.access_token, pair.refresh_token, portal.oauth_secret()["client_secret"]]
    assert len(shown) == 4
    assert [one for one in kept if one in "".join(shown) + repr(step.status)] == []


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("acme.bitrix24.com", "https://acme.bitrix24.com"),
        ("https://acme.bitrix24.ru/", "https://acme.bitrix24.ru"),
        ("HTTPS://user:pass@acme.bitrix24.ru/x", "https://acme.bitrix24.ru"),
        ("localhost:8080", "http://localhost:8080"),
        ("b24.acme.example:8443/a b", None),
        ("acme", None),
        ("http://acme.bitrix24.com", None),
        ("", None),
    ],
)
def test_portal_in__reads_an_address_or_refuses_it(typed, origin):
    if origin is None:
        with pytest.raises(ConfigError):
            portal_in(typed)
    else:
        assert portal_in(typed) == origin


@pytest.mark.parametrize("pasted", ["", "hello world", "https://acme.bitrix24.com/", "http://127.0.0.1:8724/?state=s"])
def test_read_code__refuses_what_has_no_code(pasted):
    with pytest.raises(ConfigError, match="code"):
        read_code(pasted, "s")
