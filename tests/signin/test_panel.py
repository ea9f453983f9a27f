"""The panel's widgets, pressed as a person would, against the sandbox."""

import json
import re
import socket
import threading
import urllib.request
from urllib.parse import urlsplit

import ipywidgets
import pytest

from b24data.auth.profiles import Profile, Profiles
from b24data.client.connect import find_credentials
from b24data.errors import ConfigError, RefreshTokenError
from b24data.signin.login import login
from b24data.signin.panel import AuthPanel


@pytest.fixture
def panel(profiles, portal):
    portal.redirect_to("")
    panel = AuthPanel("acme", port=0, profiles=profiles)
    yield panel
    panel._flow.close()


def fill(panel, portal, **other):
    secret = portal.oauth_secret()
    panel.portal.value = other.get("address", portal.url)
    panel.client_id.value = secret["client_id"]
    panel.client_secret.value = other.get("client_secret", secret["client_secret"])
    press(panel, panel.go)


def press(panel, button):
    button.click()
    panel.wait()


def paste(panel, text):
    panel.pasted.value = text
    panel.wait()


def saved(panel):
    """All that a notebook keeps of the panel's widgets, and what a cell shows of it."""
    state = ipywidgets.Widget.get_manager_state(drop_defaults=False)
    return json.dumps(state, default=str) + json.dumps(panel.widget._repr_mimebundle_(), default=str) + repr(panel)


def shown(panel):
    """The part that is visible."""
    parts = {"start": panel._start, "link": panel._waiting, "done": panel._signed_in}
    return [name for name, part in parts.items() if part in panel.widget.children]


def test_the_panel__is_signed_in_by_the_browser_coming_back(panel, portal):
    fill(panel, portal)
    assert shown(panel) == ["link"]
    portal.redirect_to(panel._flow._listener.uri)
    with urllib.request.urlopen(panel._flow.step.link) as page:
        assert b"You are signed in" in page.read()
    assert shown(panel) == ["done"]
    assert "Анна Смирнова (id 1), administrator" in panel.status.value
    assert len(panel.client.tools.fetch_all("crm.deal.list", ["ID"], limit=3, progress=False)) == 3


def test_the_panel__is_signed_in_by_a_pasted_code_at_once(panel, portal, profiles):
    fill(panel, portal)
    paste(panel, portal.authorization_code())
    assert shown(panel) == ["done"]
    assert profiles.names() == ["acme"]
    assert panel.switch.value == "acme"


def test_a_code_typed_by_hand__waits_for_the_button(panel, portal):
    fill(panel, portal)
    code = portal.authorization_code()
    for length in range(1, len(code) + 1):
        panel.pasted.value = code[:length]
    assert shown(panel) == ["link"]
    press(panel, panel.use)
    assert shown(panel) == ["done"]


def test_a_webhook__signs_in(panel, portal):
    panel.way.value = "webhook"
    panel.webhook.value = portal.webhook_url
    press(panel, panel.go)
    assert shown(panel) == ["done"]
    assert "webhook" in panel.status.value


def test_an_install_event__signs_in(panel, portal):
    panel.way.value = "event"
    secret = portal.oauth_secret()
    panel.event.value = json.dumps({"auth": portal.oauth_params()})
    panel.client_id.value, panel.client_secret.value = secret["client_id"], secret["client_secret"]
    press(panel, panel.go)
    assert shown(panel) == ["done"]


def test_no_secret__is_in_a_widget_an_output_or_a_repr(panel, portal):
    fill(panel, portal)
    code = portal.authorization_code()
    paste(panel, code)
    panel.way.value = "webhook"
    panel.webhook.value = portal.webhook_url
    press(panel, panel.go)
    fill(panel, portal, address=portal.webhook_url)
    pair = panel.client.auth.get_auth_data()
    hook = portal.webhook_url.rstrip("/").rpartition("/")[2]
    secrets = [code, hook, portal.oauth_secret()["client_secret"], pair["access_token"]]
    assert [secret for secret in secrets if secret in saved(panel)] == []


@pytest.mark.parametrize(
    ("wrong", "says", "at"),
    [
        (lambda portal: {"address": "acme"}, "This is not the address of a portal", "start"),
        (lambda portal: {"address": "127.0.0.1:9"}, "no connection", "start"),
        (lambda portal: {"address": "http://acme.bitrix24.com"}, "uses no encryption", "start"),
        (lambda portal: {"client_secret": ""}, "client_secret is missing", "start"),
        (lambda portal: {"address": portal.url + "/company/?x=1"}, "The portal is http://127.0.0.1", "link"),
    ],
)
def test_wrong_input__has_its_sentence_and_a_way_on(panel, portal, wrong, says, at):
    fill(panel, portal, **wrong(portal))
    assert says in panel.message.value
    assert shown(panel) == [at]
    assert not panel.go.disabled


def test_a_stale_code__has_its_sentence_and_a_new_link(panel, portal):
    fill(panel, portal)
    before = panel.link.value
    paste(panel, "an-old-code-of-yesterday")
    assert "valid for 30 seconds" in panel.message.value
    assert 'role="alert"' in panel.message.value
    assert panel.link.value != before
    assert shown(panel) == ["link"]
    press(panel, panel.again)
    assert panel.message.value == ""


def test_an_address_with_a_foreign_state__has_its_sentence_and_changes_no_link(panel, portal):
    fill(panel, portal)
    before = panel.link.value
    paste(panel, f"http://127.0.0.1:8724/?code={portal.authorization_code()}&state=stolen")
    assert "does not belong to the link shown here" in panel.message.value
    assert panel.link.value == before
    paste(panel, portal.authorization_code())
    assert shown(panel) == ["done"]


@pytest.mark.parametrize("port", [2.5, "8724", True, float("nan"), None, -1, 65536, [1]], ids=repr)
def test_a_port_that_is_none__is_refused_before_anything_is_shown(profiles, port):
    for ui in ("panel", "html", "terminal"):
        with pytest.raises(ConfigError, match=r"port is .*Hint: give a number from 1 to 65535, such as 8724"):
            login(ui=ui, port=port)
    with pytest.raises(ConfigError, match="port is"):
        AuthPanel(port=port, profiles=profiles)


def test_a_taken_port__has_its_sentence_and_the_way_by_hand(portal, profiles):
    portal.redirect_to("")
    taken = socket.create_server(("127.0.0.1", 0))
    panel = AuthPanel("acme", port=taken.getsockname()[1], profiles=profiles)
    fill(panel, portal)
    assert "of this machine is taken" in panel.message.value
    assert shown(panel) == ["link"]
    paste(panel, portal.authorization_code())
    assert shown(panel) == ["done"]
    taken.close()


def test_a_site_that_is_no_portal__has_its_sentence_and_the_form_again(panel, portal):
    portal.fail("html")
    fill(panel, portal)
    portal.clear_faults()
    assert "does not answer as a Bitrix24 portal" in panel.message.value
    assert shown(panel) == ["start"]


def test_a_portal_that_does_not_answer__is_named_without_the_terms_of_a_program(panel, portal):
    fill(panel, portal, address="http://127.0.0.1:9")
    assert "127.0.0.1:9 does not answer: " in panel.message.value
    assert "check the portal&#x27;s address" in panel.message.value
    assert "NOT_CONNECTED" not in panel.message.value
    assert shown(panel) == ["start"]


def test_a_saved_profile__is_shown_at_once_and_refreshes(panel, portal, profiles):
    fill(panel, portal)
    paste(panel, portal.authorization_code())
    again = AuthPanel("acme", port=0, profiles=profiles)
    again.wait()
    assert shown(again) == ["done"]
    before = again.client.auth.params.access_token
    press(again, again.refresh)
    assert again.client.auth.params.access_token != before
    assert shown(again) == ["done"]


def test_a_revoked_application__is_told_and_can_sign_in_again(panel, portal, profiles):
    fill(panel, portal)
    paste(panel, portal.authorization_code())
    portal.revoke()
    press(panel, panel.refresh)
    assert "sign in again" in panel.message.value
    assert shown(panel) == ["start"]
    fill(panel, portal)
    paste(panel, portal.authorization_code())
    assert shown(panel) == ["done"]


def test_profiles__are_switched_and_signed_out(panel, portal, profiles):
    panel.way.value = "webhook"
    for name in ("acme", "other"):
        panel.name.value = name
        panel.webhook.value = portal.webhook_url
        press(panel, panel.go)
    panel.switch.value = "acme"
    panel.wait()
    assert "as &#x27;acme&#x27;" in panel.heading.value
    press(panel, panel.sign_out)
    assert profiles.names() == ["other"]
    assert panel.client is None


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            RefreshTokenError("another program has held acme.json.lock for 180 s", code="LOCKED"),
            "has held acme.json.lock",
        ),
        (OSError("read-only file system"), "read-only file system"),
    ],
)
def test_a_sign_out_that_fails__says_why_and_the_panel_stays_signed_in(
    panel, portal, profiles, monkeypatch, error, says
):
    threads = []

    def fail(*_):
        threads.append(threading.current_thread())
        raise error

    fill(panel, portal)
    paste(panel, portal.authorization_code())
    with monkeypatch.context() as patched:
        patched.setattr(Profiles, "delete", fail)
        press(panel, panel.sign_out)
    assert says in panel.message.value
    assert (shown(panel), panel.client is None, profiles.names()) == (["done"], False, ["acme"])
    assert threads != [threading.main_thread()]  # the kernel's, which would not answer meanwhile
    press(panel, panel.sign_out)
    assert (shown(panel), panel.client, profiles.names()) == (["start"], None, [])
    assert not panel.sign_out.disabled


@pytest.mark.parametrize("way", ["oauth", "webhook", "event"])
def test_a_name_that_no_profile_can_have__has_its_sentence_and_asks_no_portal(panel, portal, profiles, way):
    panel.way.value, panel.name.value, before = way, "my portal", portal.stats.requests
    panel.webhook.value, panel.event.value = portal.webhook_url, json.dumps({"auth": portal.oauth_params()})
    fill(panel, portal)
    assert "is not the name of a profile" in panel.message.value
    assert (shown(panel), portal.stats.requests) == (["start"], before)
    with pytest.raises(ConfigError, match="is not the name of a profile"):
        AuthPanel("my portal", profiles=profiles)


def test_the_choice_of_a_profile__is_there_where_there_are_several(panel, portal):
    panel.way.value = "webhook"
    for name, is_there in (("acme", False), ("other", True)):
        panel.name.value = name
        panel.webhook.value = portal.webhook_url
        press(panel, panel.go)
        assert (panel._chosen in panel._signed_in.children) is is_there
    press(panel, panel.sign_out)
    panel.webhook.value = portal.webhook_url
    panel.name.value = "acme"
    press(panel, panel.go)
    assert panel._chosen not in panel._signed_in.children


def test_missing_permissions__are_named(portal, profiles):
    panel = AuthPanel("acme", port=0, profiles=profiles, needs=["crm.deal.list", "partner.thing.list"])
    panel.way.value = "webhook"
    panel.webhook.value = portal.webhook_url
    press(panel, panel.go)
    assert "partner.thing.list" in panel.status.value
    assert "crm.deal.list" not in panel.status.value


def test_every_field__has_a_label_and_every_button_a_tooltip(panel):
    fields = [panel.portal, panel.client_id, panel.client_secret, panel.webhook, panel.event, panel.pasted, panel.name]
    assert all(field.description for field in fields)
    assert all(button.tooltip for button in (panel.go, panel.use, panel.again, panel.refresh, panel.sign_out))


@pytest.mark.parametrize("close", [lambda panel: panel.close(), lambda panel: panel.widget.close()])
def test_the_listener__ends_with_its_panel(panel, portal, close):
    fill(panel, portal)
    port = urlsplit(panel._flow._listener.uri).port
    close(panel)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_second_panel__listens_in_the_place_of_the_first(portal, profiles):
    portal.redirect_to("")
    first = AuthPanel("acme", port=0, profiles=profiles)
    fill(first, portal)
    port = urlsplit(first._flow._listener.uri).port
    second = AuthPanel("acme", port=port, profiles=profiles)
    fill(second, portal)
    assert second._flow.step.listens
    portal.redirect_to(second._flow._listener.uri)
    with urllib.request.urlopen(second._flow.step.link) as page:
        assert b"You are signed in" in page.read()
    first.close()
    second.close()


def enter(field):
    """Enter, as the front end tells of it."""
    field._handle_custom_msg({"event": "submit"}, [])


def test_a_panel_of_the_same_sign_in__listens_on_and_takes_the_code(portal, profiles):
    first = AuthPanel("acme", port=0, profiles=profiles)
    fill(first, portal)
    portal.redirect_to(first._flow._listener.uri)
    link = first._flow.step.link
    second = AuthPanel("acme", port=0, profiles=profiles)
    assert shown(first) == []
    assert "continues in the panel that was shown last" in first.heading.value
    assert shown(second) == ["link"]
    with urllib.request.urlopen(link) as page:
        assert b"You are signed in" in page.read()
    assert shown(second) == ["done"]
    assert (second.client is None, first.client is None) == (False, True)


def test_a_panel_of_the_same_sign_in__has_what_was_typed(portal, profiles):
    secret = portal.oauth_secret()
    first = AuthPanel(port=0, profiles=profiles)
    first.portal.value, first.client_id.value = portal.url, secret["client_id"]
    first.client_secret.value = secret["client_secret"]
    second = AuthPanel(port=0, profiles=profiles)
    assert (second.portal.value, second.client_id.value) == (portal.url, secret["client_id"])
    assert "received and hidden" in second.client_secret.placeholder
    press(second, second.go)
    assert shown(second) == ["link"]
    second.close()


def test_a_panel_of_another_sign_in__leaves_the_first_alone(panel, portal, profiles):
    fill(panel, portal)
    other = AuthPanel("other", port=0, profiles=profiles)
    assert (shown(panel), shown(other)) == (["link"], ["start"])


@pytest.mark.parametrize("name", ["client_secret", "webhook", "event"])
def test_a_field_for_a_secret__is_empty_the_moment_the_value_arrives(panel, name):
    field = getattr(panel, name)
    field.value = "s3cr3t-of-the-portal"
    assert field.value == ""
    assert "s3cr3t" not in saved(panel)
    assert "received and hidden" in field.placeholder


def test_a_key__is_kept_over_a_wrong_address_and_asked_for_again_after_a_refusal(panel, portal):
    secret = portal.oauth_secret()
    fill(panel, portal, address="acme")
    panel.portal.value = portal.url
    press(panel, panel.go)
    assert shown(panel) == ["link"]
    panel.back.click()
    assert (shown(panel), panel.client_id.value) == (["start"], secret["client_id"])
    fill(panel, portal, client_secret="wrong")
    assert "does not know this application" in panel.message.value
    paste(panel, portal.authorization_code())
    assert shown(panel) == ["start"]
    assert panel.client_secret.placeholder == "client_secret"


@pytest.mark.parametrize("name", ["portal", "client_id", "name"])
def test_enter_in_a_field__is_the_button(panel, portal, name):
    secret = portal.oauth_secret()
    panel.portal.value, panel.client_id.value = portal.url, secret["client_id"]
    panel.client_secret.value = secret["client_secret"]
    enter(getattr(panel, name))
    panel.wait()
    assert shown(panel) == ["link"]


def test_enter_in_a_hidden_field__waits_for_its_value(panel, portal):
    panel.way.value = "webhook"
    enter(panel.webhook)
    assert panel._worker is None
    panel.webhook.value = portal.webhook_url
    panel.wait()
    assert shown(panel) == ["done"]


@pytest.mark.parametrize("way", ["oauth", "webhook", "event"])
def test_a_click__that_comes_before_the_value_of_a_hidden_field_waits_for_it(panel, portal, way):
    secret = portal.oauth_secret()
    panel.way.value = way
    panel.portal.value, panel.client_id.value = portal.url, secret["client_id"]
    press(panel, panel.go)
    assert "missing: paste it into its field" in panel.message.value
    assert panel._worker is None
    panel.webhook.value, panel.event.value = portal.webhook_url, json.dumps({"auth": portal.oauth_params()})
    panel.client_secret.value = secret["client_secret"]
    panel.wait()
    assert shown(panel) == ["link" if way == "oauth" else "done"]
    assert "missing" not in panel.message.value


def test_a_value_of_another_way__does_not_sign_in(panel, portal):
    press(panel, panel.go)
    panel.way.value = "webhook"
    panel.client_secret.value = "typed before"
    assert panel._worker is None
    panel.way.value = "oauth"
    panel.webhook.value = portal.webhook_url
    assert panel._worker is None


def test_a_second_click__changes_nothing_while_the_first_one_works(panel, portal, profiles):
    panel.way.value, panel.name.value = "webhook", ""
    panel.webhook.value = portal.webhook_url
    panel.go.click()
    panel.go.click()
    panel.wait()
    assert len(profiles.names()) == 1


@pytest.mark.parametrize("way", ["oauth", "webhook", "event"])
def test_each_text_of_the_form__is_translated(profiles, monkeypatch, way):
    monkeypatch.setenv("B24DATA_LANG", "ru")
    panel = AuthPanel("acme", port=0, profiles=profiles)
    panel.way.value = way
    panel.client_secret.value = "a-secret"
    assert panel.client_secret.placeholder.startswith("✓ получено")
    plain = re.compile(r"<style>.*?</style>|<code>.*?</code>|<[^>]+>", re.DOTALL)
    parts = (panel.widget, panel._choice, panel._waiting, panel._signed_in)
    texts = [plain.sub("", text) for part in parts for text in texts_in(part)]
    english = [text for text in texts if re.search("[a-z]", text) and not re.search("[а-я]", text)]
    assert english == []
    assert panel.go.description == ("Получить ссылку" if way == "oauth" else "Войти")


def test_the_status_and_the_notes_of_a_sign_in__are_translated(panel, portal, monkeypatch):
    monkeypatch.setenv("B24DATA_LANG", "ru")
    fill(panel, portal, address=portal.url + "/company/?x=1")
    assert f"Адрес портала: {portal.url}" in panel.message.value
    assert "дальше b24data читает" in panel.heading.value.lower()
    paste(panel, portal.authorization_code())
    assert "администратор" in panel.status.value
    assert "приложение" in panel.status.value


def texts_in(widget):
    """What can be read of a widget, less what is the same in each language."""
    if isinstance(widget, ipywidgets.Box):
        return [text for child in widget.children for text in texts_in(child)]
    texts = [widget.value] if isinstance(widget, ipywidgets.HTML) else [widget.description]
    return texts + (list(widget.options[0][:1]) if isinstance(widget, ipywidgets.ToggleButtons) else [])


def test_enter_behind_a_typed_code__uses_it(panel, portal):
    fill(panel, portal)
    for length in range(1, len(code := portal.authorization_code()) + 1):
        panel.pasted.value = code[:length]
    enter(panel.pasted)
    panel.wait()
    assert shown(panel) == ["done"]


def test_several_portals__are_shown_first_and_the_choice_is_what_connect_uses(portal, tmp_path, monkeypatch):
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path))
    for name in ("acme", "other"):
        Profiles().save(Profile(name=name, portal="x.bitrix24.com", webhook=portal.webhook_url))
    panel = AuthPanel(port=0)
    assert panel._choice in panel.widget.children
    assert [name for _, name in panel.portals.options] == ["acme", "other"]
    assert panel.portals.value == "acme"
    panel.portals.value = "other"
    press(panel, panel.open)
    assert shown(panel) == ["done"]
    assert find_credentials(None, Profiles()).profile == "other"
    assert "connect(&quot;other&quot;)" in panel.status.value
    panel.switch.value = "acme"
    panel.wait()
    assert find_credentials(None, Profiles()).profile == "acme"
    press(panel, panel.sign_out)
    assert find_credentials(None, Profiles()).profile == "other"  # the only one


def test_a_sign_in_to_another_portal__does_not_replace_the_first(panel, portal, profiles):
    panel.way.value = "webhook"
    panel.webhook.value = portal.webhook_url
    press(panel, panel.go)
    assert "b24data.connect()</code>" in panel.status.value
    panel.more.click()
    assert (shown(panel), panel.name.value) == (["start"], "")
    panel.webhook.value = portal.webhook_url
    press(panel, panel.go)
    assert len(profiles.names()) == 2


def test_each_part__has_one_primary_button(panel):
    parts = {"choice": panel._choice, "start": panel._start, "link": panel._waiting, "done": panel._signed_in}
    primary = {
        name: [one.description for one in buttons_in(part) if one.button_style == "primary"]
        for name, part in parts.items()
    }
    # At "link" the link itself is the thing to press, at "done" there is nothing left to do.
    assert primary == {"choice": ["Use this portal"], "start": ["Get a link"], "link": [], "done": []}


def buttons_in(box):
    inner = [one for child in box.children if hasattr(child, "children") for one in buttons_in(child)]
    return inner + [child for child in box.children if isinstance(child, ipywidgets.Button)]


def test_a_button__whose_work_fails_for_no_reason_of_ours_says_so(panel):
    panel._work(lambda: 1 / 0)
    panel.wait()
    assert "ZeroDivisionError" in panel.message.value


def test_several_portals__are_told_apart_in_the_language_of_the_reader(portal, tmp_path, monkeypatch):
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("B24DATA_LANG", "ru")
    for name in ("acme", "webhook"):
        Profiles().save(Profile(name=name, portal="x.bitrix24.ru", webhook=portal.webhook_url))
    (tmp_path / "profiles" / "webhook.json").write_text("half", encoding="utf-8")
    assert [told for told, _ in AuthPanel(port=0).portals.options] == [
        "acme · x.bitrix24.ru · вебхук",
        "webhook: не читается",
    ]
