"""Signing in without widgets, and which way is taken where."""

import io
import os
import re
import sys
import webbrowser

import pytest

from b24data import AuthorizationRequiredError, B24Hook, connect, login
from b24data.errors import ConfigError, SdkError
from b24data.secret import Secret
from b24data.signin.flow import sentence
from b24data.signin.keys import line_of
from b24data.signin.login import ui_here
from b24data.signin.prompt import login_by_prompt
from b24data.signin.terminal import TerminalPrompt


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path))
    for name in ("B24_WEBHOOK", "B24_PROFILE", "B24DATA_NONINTERACTIVE", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)


class Script:
    """Answers in order; a callable answer is asked when its turn comes."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.said = []
        self.hidden = []
        self.url = ""

    def say(self, text):
        self.said.append(text)

    def link(self, url):
        self.url = url

    def ask_way(self, question):
        return Secret(self.ask(question, hidden=True))

    def ask(self, question, *, hidden=False):
        answer = self.answers.pop(0)
        answer = answer(self) if callable(answer) else answer
        if hidden:
            self.hidden.append(answer)
        return answer


def test_a_prompt__signs_in_by_a_code(portal):
    portal.redirect_to("")
    secret = portal.oauth_secret()
    prompt = Script(portal.url, secret["client_id"], secret["client_secret"], lambda _: portal.authorization_code())
    b24 = login_by_prompt("acme", prompt, port=0)
    assert b24.tools.health_check()
    assert connect("acme").get_target_origin() == portal.url
    assert [one for one in prompt.hidden[1:] if one in "".join(prompt.said)] == []
    assert len(prompt.hidden) == 3


def test_a_prompt__goes_on_when_the_browser_came_back(portal):
    import urllib.request

    secret = portal.oauth_secret()

    def agree(prompt):
        portal.redirect_to("http://127.0.0.1:" + str(port))
        with urllib.request.urlopen(prompt.url.reveal()) as page:
            assert b"You are signed in" in page.read()
        return ""

    from b24data.signin.listener import Listener

    free = Listener(lambda asked: "", 0)
    port = int(free.uri.rstrip("/").rpartition(":")[2])
    free.close()
    b24 = login_by_prompt("acme", Script(portal.url, secret["client_id"], secret["client_secret"], agree), port=port)
    assert b24.tools.health_check()


def test_a_prompt__explains_what_was_wrong_and_asks_again(portal):
    portal.redirect_to("")
    secret = portal.oauth_secret()
    wrong = ["{}", secret["client_id"], secret["client_secret"], "https://acme.bitrix24.com/rest/1/"]
    right = [
        portal.url,
        secret["client_id"],
        secret["client_secret"],
        "stale-code-1",
        lambda _: portal.authorization_code(),
    ]
    prompt = Script(*wrong, *right)
    assert login_by_prompt("acme", prompt, port=0).tools.health_check()
    said = "".join(prompt.said)
    assert "This is not an install event" in said
    assert "not the address of an incoming webhook" in said
    assert "valid for 30 seconds" in said


@pytest.mark.parametrize("code", ["stale-code-1", "no code", "http://127.0.0.1:8724/?code=x&state=stolen"])
def test_a_prompt__tells_each_trouble_of_a_code_once(portal, code):
    portal.redirect_to("")
    secret = portal.oauth_secret()
    answers = [portal.url, secret["client_id"], secret["client_secret"]]
    prompt = Script(*answers, code, lambda _: portal.authorization_code())
    login_by_prompt("acme", prompt, port=0)
    told = [text for text in prompt.said if re.search("has expired|contains no code|does not belong", text)]
    assert len(told) == 1
    stubborn = Script(*answers, *[code] * 5)
    with pytest.raises(SdkError) as raised:
        login_by_prompt("acme", stubborn, port=0)
    assert stubborn.said.count(sentence(raised.value)) == 4  # the last one is the error


@pytest.mark.parametrize("ui", ["panel", "html", "terminal"])
def test_a_name_that_no_profile_can_have__is_told_before_anything_is_asked(ui):
    with pytest.raises(ConfigError, match="'my portal' is not the name of a profile"):
        login("my portal", ui=ui)


def test_a_prompt__ends_after_a_few_wrong_answers(portal):
    prompt = Script(*["https://acme.bitrix24.com/rest/1/"] * 9)
    with pytest.raises(ValueError, match="not the address of an incoming webhook"):
        login_by_prompt("acme", prompt, port=0)
    assert len(prompt.answers) == 4


def test_a_prompt__asks_again_for_an_application_that_is_not_known_and_then_takes_it(portal):
    portal.redirect_to("")
    secret = portal.oauth_secret()
    wrong = [portal.url, "local.wrong", secret["client_secret"]]
    right = [portal.url, secret["client_id"], secret["client_secret"], lambda _: portal.authorization_code()]
    prompt = Script(*wrong, *right)
    assert login_by_prompt("acme", prompt, port=0).tools.health_check()
    assert "does not know this application ID and key" in "".join(prompt.said)
    stubborn = Script(*wrong, *wrong, lambda _: portal.authorization_code(), *["https://acme.bitrix24.com/rest/1/"] * 5)
    with pytest.raises(ValueError, match="not the address"):
        login_by_prompt("acme", stubborn, port=0)
    assert "check client_id and client_secret" in "".join(stubborn.said)


def test_a_prompt__that_is_given_a_webhook_asks_for_nothing_else(portal):
    prompt = Script(portal.webhook_url)
    assert isinstance(login_by_prompt("acme", prompt, port=0), B24Hook)
    assert prompt.answers == []
    assert "b24 = b24data.connect()" in "".join(prompt.said)


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("acme.bitrix24.com", "acme.bitrix24.com"),
        ("https://acme.bitrix24.com/rest/1/s3cr3t/", "https://acme.bitrix24.com/rest/•••••••••"),
        ("HTTPS://acme.bitrix24.com/REST/1/s3cr3t/", "HTTPS://acme.bitrix24.com/REST/•••••••••"),
        ('{"auth": {"access_token": "s3cr3t"}}', "{" + "•" * 35),
        ("auth[access_token]=s3cr3t", "auth" + "•" * 21),
        ("портал.рф", "портал.рф"),
        ("acmf\x7fe.com\x1b", "acmf\b \be.com"),
        ("wrong\x15acme.com", "wrong" + "\b \b" * 5 + "acme.com"),
        ("\x7facme.com", "acme.com"),
    ],
)
def test_a_line__is_shown_up_to_where_a_secret_begins(typed, seen):
    keys, shown = iter(typed + "\nnext"), io.StringIO()
    line = line_of(lambda: next(keys, ""), shown)
    assert shown.getvalue() == f"{seen}\n"
    assert "s3cr3t" not in shown.getvalue()
    assert ("s3cr3t" in line.reveal()) == ("s3cr3t" in typed)
    assert "".join(keys) == "next"


@pytest.mark.parametrize("key", ["", "\x04"])
def test_an_input_that_ends__is_an_end_and_no_answer(key):
    with pytest.raises(EOFError):
        line_of(lambda: key, io.StringIO())
    keys = iter(["a", key])
    assert line_of(lambda: next(keys), io.StringIO()).reveal() == "a"


def test_unattended__a_saved_profile_is_enough_and_else_the_way_is_told(monkeypatch, portal):
    monkeypatch.setenv("B24DATA_NONINTERACTIVE", "1")
    with pytest.raises(AuthorizationRequiredError, match=r"run `b24data login` once in a terminal"):
        login()
    login_by_prompt("acme", Script(portal.webhook_url), port=0)
    assert isinstance(login("acme"), B24Hook)


@pytest.mark.skipif(os.name == "nt", reason="a terminal of POSIX")
def test_b24data_login__asks_in_a_real_terminal_and_shows_no_secret(portal):
    pexpect = pytest.importorskip("pexpect")
    child = pexpect.spawn(sys.executable, ["-m", "b24data", "login", "acme"], encoding="utf-8", timeout=30)
    shown = io.StringIO()
    child.logfile_read = shown
    child.expect("Portal .*: ")
    child.sendline(portal.webhook_url)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "saved as 'acme'" in child.before
    assert portal.webhook_url.rstrip("/").rpartition("/")[2] not in shown.getvalue()
    assert f"{portal.url}/rest/•••" in shown.getvalue()
    assert connect("acme").tools.health_check()


@pytest.mark.parametrize("opened", [False, webbrowser.Error("no browser")])
def test_a_terminal_without_a_browser__shows_the_link_and_says_where_to_open_it(opened, monkeypatch, capsys):
    def open_(url):
        if isinstance(opened, Exception):
            raise opened
        return opened

    monkeypatch.setattr(webbrowser, "open", open_)
    TerminalPrompt().link(Secret("https://acme.bitrix24.com/oauth/authorize/?client_id=local.1"))
    shown = capsys.readouterr().err
    assert "https://acme.bitrix24.com/oauth/authorize/?client_id=local.1" in shown
    assert "No browser could be opened here" in shown


def test_the_ui__is_the_terminals_where_no_kernel_is_and_none_without_one(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert ui_here() == "none"


@pytest.mark.parametrize(
    ("setup", "allow_stdin", "ui"),
    [
        ("", True, "panel"),
        ("", False, "none"),
        ("__vsc_ipynb_file__ = 'x.ipynb'", True, "html"),
        ("import os; os.environ['SERVER_SOFTWARE'] = 'voila/0.5'", False, "panel"),
        ("import os; os.environ['B24DATA_NONINTERACTIVE'] = '1'", True, "none"),
    ],
)
def test_the_ui__is_the_one_that_works_there(kernel, setup, allow_stdin, ui):
    kernel.run("import os; [os.environ.pop(n, 0) for n in ('SERVER_SOFTWARE', 'B24DATA_NONINTERACTIVE')]")
    kernel.run(setup)
    shown = kernel.run("from b24data.signin.login import ui_here; print(ui_here())", allow_stdin=allow_stdin)
    kernel.run("import os; [os.environ.pop(n, 0) for n in ('SERVER_SOFTWARE', 'B24DATA_NONINTERACTIVE')]")
    assert shown.text.strip() == ui


def test_the_html_prompt__asks_by_the_kernels_prompt(kernel, portal):
    answers = iter([portal.webhook_url])
    shown = kernel.run("b24 = b24data.login('by-html', ui='html')", answers=answers, before="import b24data")
    assert shown.status == "ok", shown.text
    assert "Signed in and saved as" in shown.html
    assert portal.webhook_url not in shown.html + shown.text
