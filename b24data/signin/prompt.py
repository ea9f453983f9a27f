"""Signing in by question and answer: in a terminal, or in a notebook without widgets."""

from __future__ import annotations

import getpass
import html
from collections.abc import Sequence
from typing import Protocol

from b24data.auth.profiles import Profiles, check_name
from b24data.client.chosen import choose
from b24data.client.connect import Client, connect_by
from b24data.errors import AuthorizationRequiredError
from b24data.http.transport import Transport
from b24data.secret import Secret
from b24data.signin.flow import CODE_S, SignIn, Step, sentence
from b24data.signin.listener import redirect_uri, same_machine
from b24data.text.language import translated
from b24data.text.markup import note_html

_MOST_MISTAKES = 5  # wrong answers before the questions end


class Prompt(Protocol):
    """What speaks to the user and asks them."""

    def say(self, text: str) -> None:
        """Show a sentence."""

    def link(self, url: Secret[str]) -> None:
        """Show a link, and open it where that is possible."""

    def ask(self, question: str, *, hidden: bool = False) -> str:
        """What the user answers; ``hidden``: it is not shown."""

    def ask_way(self, question: str) -> Secret[str]:
        """A portal's address, or a secret in its place: no more of it is shown than the address."""


class HtmlPrompt:
    """Speaks in HTML, asks by the notebook's own prompt; what is asked hidden is never part of the notebook."""

    def say(self, text: str) -> None:
        """Show a sentence."""
        _display(note_html(text))

    def link(self, url: Secret[str]) -> None:
        """Show a link that opens in a new tab."""
        opens = translated("Open your portal and agree")
        _display(f'<a href="{html.escape(url.reveal())}" target="_blank" rel="noopener">{opens}</a>')

    def ask(self, question: str, *, hidden: bool = False) -> str:
        """What the user types below the cell."""
        return getpass.getpass(f"{translated(question)}: ") if hidden else input(f"{translated(question)}: ")

    def ask_way(self, question: str) -> Secret[str]:
        """Hidden: a notebook keeps what its prompt shows."""
        return Secret(getpass.getpass(translated(f"{question} (not shown):") + " "))


def _display(markup: str) -> None:
    from IPython.display import HTML, display

    display(HTML(markup))  # type: ignore[no-untyped-call]


def login_by_prompt(profile: str | None, prompt: Prompt, *, port: int, needs: Sequence[str] = ()) -> Client:
    """Sign in by question and answer; every wrong answer is explained and asked again, a few times."""
    if profile:
        check_name(profile)
    profiles = Profiles()
    flow = SignIn(
        Transport(timeout=20), profiles, keep_as=profile or "", needs=needs, port=port if same_machine() else None
    )
    doubted = False
    try:
        for _ in range(_MOST_MISTAKES):
            step = flow.step
            if step.trouble is not None:
                prompt.say(sentence(step.trouble))
            if step.at != "link":
                step = _ask_portal(flow, prompt, port)
                if step.at == "link" and step.trouble is not None:
                    prompt.say(sentence(step.trouble))
                    if not doubted:  # the same answers once more are taken: the server may be another one
                        doubted = True
                        flow.start_over()
                        continue
            if step.at == "link":
                step = _ask_code(flow, prompt, step)
            if step.at == "done":
                name = step.profile
                choose(profiles, name)
                named = f'"{name}"' if len(profiles.names()) > 1 else ""
                if step.status is not None:
                    prompt.say(f"{step.status.told()}\n")
                prompt.say(f"Signed in and saved as {name!r}. Next: b24 = b24data.connect({named})")
                return connect_by(profiles, name)
        raise flow.step.trouble or AuthorizationRequiredError("not signed in", hint="try again")
    finally:
        flow.close()


def _ask_portal(flow: SignIn, prompt: Prompt, port: int) -> Step:
    given = prompt.ask_way("Portal (your-portal.bitrix24.com), or an incoming webhook, or the JSON of an install event")
    if "/rest/" in given.reveal():
        return flow.use_webhook(given)
    if given.reveal().lstrip()[:1] in ("{", "[") or "auth[" in given.reveal():
        return flow.use_event(given, *_ask_application(prompt, port))
    return flow.ask_portal(given, *_ask_application(prompt, port))


def _ask_application(prompt: Prompt, port: int) -> tuple[str, Secret[str]]:
    prompt.say(
        "In your portal: Developer resources > Other > Local application. "
        f"Set the application's handler path to {redirect_uri(port)}"
    )
    client_id = prompt.ask("Application ID (client_id)")
    return client_id, Secret(prompt.ask("Application key (client_secret, not shown)", hidden=True))


def _ask_code(flow: SignIn, prompt: Prompt, step: Step) -> Step:
    if step.note:
        prompt.say(step.note)
    prompt.say(f"Open this link and agree. The code is valid for {CODE_S} seconds.")
    prompt.link(step.address)
    back = "Enter when the browser says that you are signed in; or paste" if step.listens else "Paste"
    text = Secret(prompt.ask(f"{back} the code, or the whole address of the page that opens (not shown)", hidden=True))
    if flow.step.at == "done":
        return flow.step
    return flow.paste(text) if text.reveal().strip() else flow.new_link()
