"""The face for front ends without widgets: a link to click, and the kernel's own prompt, hidden for secrets."""

from __future__ import annotations

import getpass
import html

from IPython.display import HTML, display

from b24data.secret import Secret
from b24data.text.markup import note_html

__all__ = ["HtmlTalk"]


class HtmlTalk:
    """Speaks in HTML, asks by the notebook's prompt; what is asked hidden is never part of the notebook."""

    def say(self, text: str) -> None:
        """Show a sentence."""
        _show(note_html(text))

    def link(self, url: Secret[str]) -> None:
        """Show a link that opens in a new tab."""
        _show(f'<a href="{html.escape(url.reveal())}" target="_blank" rel="noopener">Open your portal and agree</a>')

    def ask(self, question: str, *, hidden: bool = False) -> str:
        """What the user types below the cell."""
        return getpass.getpass(f"{question}: ") if hidden else input(f"{question}: ")


def _show(markup: str) -> None:
    display(HTML(markup))  # type: ignore[no-untyped-call]
