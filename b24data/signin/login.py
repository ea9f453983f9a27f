"""``login``: the faces of a sign-in, and which of them works where this runs."""

from __future__ import annotations

import getpass
import importlib.util
import os
import sys
import webbrowser
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from b24data.auth.profiles import Profiles
from b24data.client.connect import Client, connect, connect_by
from b24data.errors import AuthorizationRequiredError, ConfigError
from b24data.secret import Secret
from b24data.signin.flow import CODE_S, SignIn, Step, sentence
from b24data.signin.keep import same_machine, sign_in
from b24data.signin.listener import REDIRECT_PORT, redirect_uri

if TYPE_CHECKING:
    from b24data.signin.panel import AuthPanel

__all__ = ["Face", "converse", "face_here", "login"]

Face = Literal["auto", "panel", "html", "terminal", "none"]


def login(
    profile: str | None = None, *, face: Face = "auto", port: int = REDIRECT_PORT, needs: Sequence[str] = ()
) -> AuthPanel | Client:
    """Sign in to a portal and keep it as ``profile`` (by default: named after the portal).

    In a notebook a panel; in VS Code and where there are no widgets a link and a hidden prompt; in a terminal
    questions; in an unattended run nothing: there the profile's client is returned if somebody has signed in
    before, else :class:`AuthorizationRequiredError` says at once what to do. ``face`` overrules the choice.

    ``port`` is where the browser comes back to on this machine: the application's card has to name
    ``http://127.0.0.1:8724/`` then. ``needs`` are the methods that will be called; those that are not allowed are
    shown. Returns the panel, whose ``client`` is there when the user is done, or the client.

    >>> os.environ["B24DATA_NONINTERACTIVE"] = "1"
    >>> login("nobody")
    Traceback (most recent call last):
    b24data.errors.AuthorizationRequiredError: nobody is here to sign in as 'nobody'...
    >>> del os.environ["B24DATA_NONINTERACTIVE"]
    """
    match face_here() if face == "auto" else face:
        case "panel":
            from b24data.signin.panel import AuthPanel

            return AuthPanel(profile, port=port, needs=needs)
        case "html":
            from b24data.signin.prompt import HtmlTalk

            return converse(profile, HtmlTalk(), port=port, needs=needs)
        case "terminal":
            return converse(profile, TerminalTalk(), port=port, needs=needs)
        case "none":
            return _unattended(profile)
        case other:
            raise ConfigError(f"face is {other!r}", hint='pass "auto", "panel", "html", "terminal" or "none"')


def face_here() -> Face:
    """The face that works where this runs. ``B24DATA_NONINTERACTIVE`` set to anything means that nobody is here."""
    if os.environ.get("B24DATA_NONINTERACTIVE"):
        return "none"
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    kernel = getattr(shell, "kernel", None)
    if shell is None or kernel is None:
        return "terminal" if sys.stdin is not None and sys.stdin.isatty() else "none"
    is_voila = os.environ.get("SERVER_SOFTWARE", "").startswith("voila")
    # nbclient, papermill and schedulers tell the kernel that no one can answer a prompt.
    if not getattr(kernel, "_allow_stdin", True) and not is_voila:
        return "none"
    is_vscode = "__vsc_ipynb_file__" in shell.user_ns  # its widgets come from a CDN, and often do not come
    return "html" if is_vscode or importlib.util.find_spec("ipywidgets") is None else "panel"


def _unattended(profile: str | None) -> Client:
    try:
        return connect(profile)
    except (ConfigError, AuthorizationRequiredError) as error:
        who = f"nobody is here to sign in as {profile!r}" if profile else "nobody is here to sign in"
        raise AuthorizationRequiredError(
            f"{who}, and {error.description}",
            hint="run `b24data login` once in a terminal of this user, or set B24_PROFILE or B24_WEBHOOK",
        ) from error


# Faces that ask and answer in text.


class Talk(Protocol):
    """How a face without widgets speaks and asks."""

    def say(self, text: str) -> None:
        """Show a sentence."""

    def link(self, url: Secret[str]) -> None:
        """Show a link, and open it where that is possible."""

    def ask(self, question: str, *, hidden: bool = False) -> str:
        """What the user answers; ``hidden``: it is not shown."""


class TerminalTalk:
    """Questions in a terminal."""

    def say(self, text: str) -> None:
        """Show a sentence."""
        sys.stderr.write(f"{text}\n")

    def link(self, url: Secret[str]) -> None:
        """Show a link, and open it in this machine's browser."""
        self.say(f"\n  {url.reveal()}\n")
        if not (same_machine() and _open_browser(url)):
            self.say("No browser could be opened here: open the link on any machine where you use your portal.")

    def ask(self, question: str, *, hidden: bool = False) -> str:
        """What the user types; a closed input means that nobody is there."""
        try:
            return getpass.getpass(f"{question}: ") if hidden else input(f"{question}: ")
        except EOFError as error:
            raise AuthorizationRequiredError("nobody answered", hint="run b24data login in a terminal") from error


def _open_browser(url: Secret[str]) -> bool:
    try:
        return webbrowser.open(url.reveal())
    except webbrowser.Error:
        return False


_LAST = 5  # wrong answers to one question before the conversation ends


def converse(profile: str | None, talk: Talk, *, port: int, needs: Sequence[str] = ()) -> Client:
    """Sign in by question and answer; every wrong answer is explained and asked again, a few times."""
    flow = sign_in(lambda: profile, port=port, needs=needs)
    try:
        for _ in range(_LAST):
            step = flow.step if flow.step.at == "link" else _ask_way(flow, talk, port)
            if step.trouble is not None:
                talk.say(sentence(step.trouble))
            if step.at == "link":
                step = _ask_code(flow, talk, step)
            if step.at == "done":
                name, status = step.result
                talk.say(f"{status}\n\nSigned in, and kept as {name!r}: b24data.connect({name!r})")
                return connect_by(Profiles(), name)
        raise flow.step.trouble or AuthorizationRequiredError("not signed in", hint="try again")
    finally:
        flow.close()


def _ask_way(flow: SignIn, talk: Talk, port: int) -> Step:
    portal = Secret(talk.ask("Portal (your-portal.bitrix24.com), or Enter to give a webhook or an install event"))
    if not portal.reveal().strip():
        text = Secret(talk.ask("Address of the incoming webhook, or the install event's JSON (not shown)", hidden=True))
        if "://" in text.reveal()[:10]:
            return flow.use_webhook(text)
        return flow.use_event(text, *_ask_application(talk, port))
    return flow.ask_portal(portal, *_ask_application(talk, port))


def _ask_application(talk: Talk, port: int) -> tuple[str, Secret[str]]:
    talk.say(f"The application's card (Developer resources > Other > Local application) names {redirect_uri(port)}")
    client_id = talk.ask("Application ID (client_id)")
    return client_id, Secret(talk.ask("Application key (client_secret, not shown)", hidden=True))


def _ask_code(flow: SignIn, talk: Talk, step: Step) -> Step:
    if step.note:
        talk.say(step.note)
    talk.say(f"Open this link and agree. The code that follows lives {CODE_S} seconds.")
    talk.link(step.address)
    back = "Enter when the browser says that you are signed in; or paste" if step.listens else "Paste"
    text = Secret(talk.ask(f"{back} the code, or the whole address of the page that follows (not shown)", hidden=True))
    if flow.step.at == "done":
        return flow.step
    step = flow.paste(text) if text.reveal().strip() else flow.new_link()
    if step.trouble is not None:
        talk.say(sentence(step.trouble))
    return step
