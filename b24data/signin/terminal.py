"""The prompt of a terminal."""

from __future__ import annotations

import getpass
import sys
import webbrowser

from b24data.errors import AuthorizationRequiredError
from b24data.secret import Secret
from b24data.signin.keys import line_of, one_by_one
from b24data.signin.listener import same_machine
from b24data.text.language import translated


class TerminalPrompt:
    """Questions in a terminal."""

    def say(self, text: str) -> None:
        """Show a sentence."""
        sys.stderr.write(f"{translated(text)}\n")

    def link(self, url: Secret[str]) -> None:
        """Show a link, and open it in this machine's browser."""
        sys.stderr.write(f"\n  {url.reveal()}\n\n")
        if not (same_machine() and _open_browser(url)):
            self.say("No browser could be opened here: open the link on any machine where you use your portal.")

    def ask(self, question: str, *, hidden: bool = False) -> str:
        """What the user types; a closed input means that no one is there."""
        try:
            return getpass.getpass(f"{translated(question)}: ") if hidden else input(f"{translated(question)}: ")
        except EOFError as error:
            raise AuthorizationRequiredError("the input ended", hint="run b24data login in a terminal") from error

    def ask_way(self, question: str) -> Secret[str]:
        """What the user types, shown up to the secret part of a webhook or an install event."""
        sys.stderr.write(f"{translated(question)}: ")
        sys.stderr.flush()
        try:
            with one_by_one() as read:
                return line_of(read, sys.stderr)
        except EOFError as error:
            raise AuthorizationRequiredError("the input ended", hint="run b24data login in a terminal") from error


def _open_browser(url: Secret[str]) -> bool:
    try:
        return webbrowser.open(url.reveal())
    except webbrowser.Error:
        return False
