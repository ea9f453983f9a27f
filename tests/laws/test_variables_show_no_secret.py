"""No variable of ours shows a secret: not in the frames of any error, and not at any line while it runs."""

from __future__ import annotations

import ast
import gzip
import random
import re
import secrets
import socket
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from b24data import B24Hook, B24OAuth, B24OAuthParams, B24OAuthSecret, RestrictionParams, Sandbox
from b24data.auth.profiles import Profile, Profiles
from b24data.auth.token_server import read_token_reply
from b24data.client.connect import connect, connect_by
from b24data.http.protocol import Reply
from b24data.http.transport import Transport
from b24data.secret import Secret
from b24data.signin.flow import SignIn
from b24data.signin.prompt import login_by_prompt
from tests.laws.frames import AT_THE_EDGE, ENTRIES, PACKAGE, Watch, frames_of, leaks_in

STATE = "st4te-" + "sentinel-0123456789abcdef"
CODE = "c0de-" + "sentinel-0123456789abcdef"
PASSWORD = "pa55w0rd-" + "sentinel"
ONE_TRY = RestrictionParams(max_retries=1)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(deals=120) as portal:
        yield portal


@pytest.fixture
def portal(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sandbox:
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("B24_WEBHOOK", raising=False)
    monkeypatch.delenv("B24_PROFILE", raising=False)
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _: STATE)
    monkeypatch.chdir(tmp_path)
    return sandbox


@pytest.fixture
def secret(portal: Sandbox) -> re.Pattern[str]:
    """The webhook's code, every token that is or will be issued, the application's key, code and state of a sign-in."""
    known = [webhook_code(portal), portal.oauth_secret()["client_secret"], STATE, CODE, PASSWORD]
    return re.compile("|".join([*map(re.escape, known), r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"]))


def webhook_code(portal: Sandbox) -> str:
    return portal.webhook_url.rstrip("/").rpartition("/")[2]


def application(portal: Sandbox, **more: Any) -> B24OAuth:
    return B24OAuth(portal.oauth_params() | more, portal.oauth_secret(), ONE_TRY)


def refused_refresh(portal: Sandbox) -> None:
    application(portal, refresh_token="f" * 64).auth.refresh_auth()


def callback_that_raises(portal: Sandbox) -> None:
    def keep(*, auth_data: Any, b24_oauth_params: Any) -> None:
        raise KeyboardInterrupt

    with application(portal) as b24:
        b24.auth._renewal.renew = interrupted  # type: ignore[method-assign]
        b24.set_callback_refresh_auth(keep)
        b24.auth.refresh_auth()


def interrupted(*_: Any, **__: Any) -> Any:
    raise RuntimeError("in the middle")


def nobody_listens() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def elsewhere(portal: Sandbox) -> B24OAuth:
    origin = nobody_listens()
    return application(portal, client_endpoint=f"{origin}/rest/", server_endpoint=f"{origin}/rest/")


def custom(portal: Sandbox, fetch: Callable[[], Any]) -> None:
    with application(portal) as b24:
        b24.set_custom_refresh_auth(fetch)
        b24.auth.refresh_auth()


def same_token(portal: Sandbox) -> None:
    pair = portal.oauth_params()
    with B24OAuth(pair, portal.oauth_secret()) as b24:
        b24.set_custom_refresh_auth(lambda: pair)
        b24.auth.refresh_auth()


def sign_in(portal: Sandbox, step: Callable[[SignIn], Any]) -> None:
    """Raises what a step of a sign-in ran into."""
    flow = SignIn(Transport(), Profiles())
    try:
        key = portal.oauth_secret()
        flow.ask_portal(portal.url, key["client_id"], key["client_secret"])
        trouble = step(flow).trouble
    finally:
        flow.close()
    if trouble is not None:
        raise trouble


def refused(portal: Sandbox) -> None:
    """A sign-in that the portal does not let go on."""
    portal.fail("error", on="profile", code="ACCESS_DENIED", description="the portal said no", status=403)
    try:
        sign_in(portal, lambda flow: flow.use_webhook(portal.webhook_url))
    finally:
        portal.clear_faults()


def broken_profile(portal: Sandbox) -> None:
    Profiles().save(Profile(name="acme", portal="x", webhook=portal.webhook_url))
    file = Profiles().folder / "acme.json"
    file.write_text(file.read_text() + "{")
    connect("acme")


def full_disk(portal: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    Profiles().save(Profile(name="acme", portal="x", webhook=portal.webhook_url))


ERRORS: dict[str, Callable[[Sandbox], Any]] = {
    "a webhook that nobody listens to": lambda portal: B24Hook(
        portal.webhook_url.replace(portal.url, nobody_listens()), ONE_TRY
    ).actions.v2.call.make(method="profile"),
    "a webhook that is refused": lambda portal: B24Hook(f"{portal.url}/rest/1/{CODE}/").tools.fetch_all(
        "crm.deal.list"
    ),
    "a webhook and a wrong method": lambda portal: B24Hook(portal.webhook_url).tools.fetch_all("no.such.method"),
    "a webhook without its path": lambda portal: B24Hook(f"{portal.url}/{webhook_code(portal)}"),
    "a webhook with backslashes": lambda portal: B24Hook(portal.webhook_url.replace("/", "\\")),
    "a batch that is too long": lambda portal: B24Hook(portal.webhook_url).actions.v2.batch.make(calls=["x.y"] * 51),
    "an application that nobody listens to": lambda portal: elsewhere(portal).actions.v2.call.make(method="profile"),
    "an authorization server that nobody listens to": lambda portal: elsewhere(portal).auth.refresh_auth(),
    "a refresh that is refused": refused_refresh,
    "a refresh that is interrupted": callback_that_raises,
    "tokens without a key": lambda portal: B24OAuth(portal.oauth_params(), {"clientSecret": CODE}),
    "tokens with a wrong number": lambda portal: application(portal, expires="tomorrow"),
    "tokens of no portal": lambda portal: application(portal, client_endpoint="", domain=""),
    "tokens for a stranger": lambda portal: application(portal, server_endpoint="https://evil.example/rest/"),
    "tokens with a webhook for a portal": lambda portal: application(portal, client_endpoint=portal.webhook_url),
    "a custom refresh without a portal": lambda portal: custom(
        portal, lambda: {"access_token": "e" * 64, "client_endpoint": "nowhere"}
    ),
    "a custom refresh of another portal": lambda portal: custom(
        portal, lambda: {"access_token": "e" * 64, "member_id": "another"}
    ),
    "a custom refresh with the old token": same_token,
    "a custom refresh that gives a list": lambda portal: custom(portal, lambda: [portal.oauth_params()]),
    "a sign-in with a foreign state": lambda portal: sign_in(
        portal, lambda flow: flow.paste(f"http://127.0.0.1:8724/?code={CODE}&state={PASSWORD}")
    ),
    "a sign-in with a wrong code": lambda portal: sign_in(portal, lambda flow: flow.paste(CODE)),
    "a sign-in with no code": lambda portal: sign_in(portal, lambda flow: flow.paste(f"what {CODE} is this?")),
    "a sign-in by a webhook that is refused": refused,
    "a sign-in by a wrong webhook": lambda portal: sign_in(portal, lambda flow: flow.use_webhook(f"x/1/{CODE}")),
    "a sign-in by a wrong event": lambda portal: sign_in(
        portal, lambda flow: flow.use_event(f'{{"auth": {{"access_token": "{CODE}"}}', "app", PASSWORD)
    ),
    "a sign-in at a wrong portal": lambda portal: sign_in(
        portal, lambda flow: flow.ask_portal(f"https://anna:{PASSWORD}@{nobody_listens()[7:]}", "app", PASSWORD)
    ),
    "a profile that is damaged": broken_profile,
}


def error_of(call: Callable[[], Any]) -> BaseException:
    try:
        call()
    except BaseException as error:  # noqa: BLE001  KeyboardInterrupt is one of them
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("what", ERRORS)
def test_an_error__has_no_frame_whose_variables_show_a_secret(
    portal: Sandbox, secret: re.Pattern[str], what: str
) -> None:
    error = error_of(lambda: ERRORS[what](portal))
    assert leaks_in(error, secret, but=__file__) == []
    assert secret.search(f"{error} {error!r} {vars(error)}") is None


@pytest.mark.parametrize("what", ERRORS)
def test_an_error__is_printed_with_its_variables_and_without_secrets(
    portal: Sandbox, secret: re.Pattern[str], what: str
) -> None:
    from IPython.core.ultratb import VerboseTB

    error = error_of(lambda: ERRORS[what](portal))
    while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_filename == __file__:
        error.__traceback__ = error.__traceback__.tb_next  # the variables of a caller are the caller's
    names = VerboseTB.__init__.__code__.co_varnames
    verbose = VerboseTB(**({"theme_name": "nocolor"} if "theme_name" in names else {"color_scheme": "NoColor"}))
    told = "\n".join(verbose.structured_traceback(type(error), error, error.__traceback__))
    told += "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert [line for line in told.splitlines() if secret.search(line)] == []


@pytest.mark.parametrize("way", ["webhook", "application"])
@pytest.mark.parametrize("at", ["send", "read", "connect"])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError, SystemExit])
def test_an_interrupt__has_no_frame_of_the_http_library(
    portal: Sandbox, secret: re.Pattern[str], monkeypatch: pytest.MonkeyPatch, way: str, at: str, kind: type
) -> None:
    import httpcore

    b24 = B24Hook(portal.webhook_url) if way == "webhook" else application(portal)

    def stop(*_: Any, **__: Any) -> None:
        raise kind

    name = {"send": "_send_request_body", "read": "_receive_response_headers", "connect": "_connect"}[at]
    owner = httpcore._sync.connection.HTTPConnection if at == "connect" else httpcore._sync.http11.HTTP11Connection
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, stop)
        error = error_of(lambda: b24.tools.fetch_all("crm.deal.list", progress=False))
    assert isinstance(error, kind)
    files = {frame.f_code.co_filename for frame in frames_of(error)}
    assert not [file for file in files if re.search(r"[/\\](httpx|httpcore|h11)[/\\]", file)]
    assert leaks_in(error, secret, but=__file__) == []
    b24.destroy()


def test_a_full_disk__leaves_no_secret_in_the_frames_of_its_error(
    portal: Sandbox, secret: re.Pattern[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        error = error_of(lambda: full_disk(portal, patched))
    assert "No space left" in str(error)
    assert leaks_in(error, secret, but=__file__) == []


def test_a_damaged_token_reply__leaves_no_token_in_the_frames_of_its_error() -> None:
    text = b'{"access_token": "s3cr3t", "x": "' + random.Random(1).randbytes(200_000).hex().encode() + b'"}'
    packed = bytearray(gzip.compress(text, mtime=0))
    packed[-4:] = (1000).to_bytes(4, "little")  # so that it is unpacked in two pieces
    packed[150_000] ^= 0xFF
    error = error_of(lambda: read_token_reply(Reply(200, {"content-encoding": "gzip"}, bytes(packed), "")))
    assert "damaged" in str(error)
    values = [value for frame in frames_of(error) for value in frame.f_locals.values() if isinstance(value, bytes)]
    assert not any(b"s3cr3t" in value or packed[:50] in value for value in values if value is not text)


# While it runs.


class Answers:
    """A prompt that gives one answer after another, in the form in which a person types them."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def say(self, text: str) -> None:
        """Nobody reads it."""

    def link(self, url: Any) -> None:
        """Nobody opens it."""

    def ask_way(self, question: str) -> Secret[str]:
        return Secret(self.ask(question))

    def ask(self, question: str, *, hidden: bool = False) -> str:
        answer = self.answers.pop(0)
        return answer() if callable(answer) else answer


def by_a_webhook(portal: Sandbox) -> None:
    with B24Hook.from_webhook_url(portal.webhook_url) as b24:
        b24.tools.fetch_all("crm.deal.list", ["ID"], progress=False)
        b24.actions.v2.batch.make(calls=[("profile", {}), ("no.such.method", {})])
        b24.auth.get_auth_data()
        b24.get_target_origin()
        b24._repr_html_()


def by_an_application(portal: Sandbox) -> None:
    with application(portal) as b24:
        b24.set_callback_refresh_auth(lambda **_: None)
        portal.expire_tokens()
        b24.actions.v2.call.make(method="profile")
        b24.actions.v3.call.make(method="tasks.task.list", params={"select": ["id"]})
        b24.auth.refresh_auth()
        b24.set_custom_refresh_auth(lambda: {**portal.oauth_params(), "access_token": "e" * 64})
        b24.auth.refresh_auth()


def by_a_profile(portal: Sandbox) -> None:
    profiles = Profiles()
    key = B24OAuthSecret.of(portal.oauth_secret())
    profiles.save(Profile(name="acme", portal="x", secret=key), B24OAuthParams.of(portal.oauth_params()))
    with connect_by(profiles, "acme") as b24:
        b24.auth.refresh_auth()
        profiles.save(Profile(name="acme", portal="x", webhook=portal.webhook_url))
        connect("acme").destroy()
        profiles.delete("acme")
    Path(".env").write_text(f"# ours\nB24_WEBHOOK='{portal.webhook_url}'\n")
    connect().destroy()


def by_a_prompt(portal: Sandbox) -> None:
    key = portal.oauth_secret()
    prompt = Answers(portal.url, key["client_id"], key["client_secret"], portal.authorization_code)
    login_by_prompt("one", prompt, port=0).destroy()
    login_by_prompt("two", Answers(portal.webhook_url), port=0).destroy()
    login_by_prompt("three", Answers("", "", "", portal.webhook_url), port=0).destroy()


def by_a_browser(portal: Sandbox) -> None:
    key = portal.oauth_secret()
    flow = SignIn(Transport(), Profiles(), port=0)
    try:
        step = flow.ask_portal(portal.url, key["client_id"], key["client_secret"])
        assert flow._listener is not None
        portal.redirect_to(flow._listener.uri.rstrip("/"))
        with urllib.request.urlopen(step.link) as page:
            assert b"You are signed in" in page.read()
    finally:
        portal.redirect_to("")
        flow.close()


def by_an_event(portal: Sandbox) -> None:
    key, pair = portal.oauth_secret(), portal.oauth_params()
    event = f'{{"auth": {{"access_token": "{pair["access_token"]}", "client_endpoint": "{pair["client_endpoint"]}"}}}}'
    SignIn(Transport(), Profiles()).use_event(event, key["client_id"], key["client_secret"])


def by_a_panel(portal: Sandbox) -> None:
    from b24data.signin.panel import AuthPanel

    key = portal.oauth_secret()
    panel = AuthPanel("panel", port=0)
    panel.portal.value, panel.client_id.value = portal.url, key["client_id"]
    panel.client_secret.value = key["client_secret"]
    panel.go.click()
    panel.wait()
    panel.pasted.value = f"http://127.0.0.1:8724/?code={portal.authorization_code()}&state={STATE}"
    panel.wait()
    assert panel.client is not None
    panel.refresh.click()
    panel.wait()
    panel.sign_out.click()
    panel.wait()
    panel.way.value = "webhook"
    panel.webhook.value = portal.webhook_url
    panel.go.click()
    panel.wait()
    assert panel.client is not None


WORK = {work.__name__: work for work in (by_a_webhook, by_an_application, by_a_profile, by_a_prompt)}
WORK |= {work.__name__: work for work in (by_a_browser, by_an_event, by_a_panel)}


@pytest.mark.parametrize("what", [*WORK, *ERRORS])
def test_no_variable_of_ours__shows_a_secret_at_any_line(portal: Sandbox, secret: re.Pattern[str], what: str) -> None:
    with Watch(secret) as watch:
        if what in WORK:
            WORK[what](portal)
        else:
            error_of(lambda: ERRORS[what](portal))
    assert sorted(watch.found) == []
    assert len(watch.lines) > 5


def test_the_check_itself__sees_a_variable_an_attribute_and_a_value_one_level_down(secret: re.Pattern[str]) -> None:
    class Holder:
        def __init__(self, text: str) -> None:
            self.text = text

    def fail(text: str) -> None:
        holder = Holder(text)
        assert holder.text == "another"

    error = error_of(lambda: fail(CODE))
    found = leaks_in(error, secret, but="")
    assert any(name.startswith("text in") for name in found)
    assert any(name.startswith("holder.text in") for name in found)


@pytest.mark.parametrize("table", [AT_THE_EDGE, ENTRIES])
def test_the_check_itself__excepts_only_functions_that_there_are(table: dict[str, Any]) -> None:
    for module, names in table.items():
        tree = ast.parse(Path(PACKAGE, module).read_text("utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert names == "*" or set(names) <= functions, module


def test_the_check_itself__watches_the_lines_of_threads(portal: Sandbox, secret: re.Pattern[str]) -> None:
    with Watch(secret) as watch:
        application(portal).auth.refresh_auth()
    assert "auth/renewal.py" in {module for module, _ in watch.lines}  # a refresh runs in a thread of its own
