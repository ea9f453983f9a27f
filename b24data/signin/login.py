"""``login``: sign in by a panel, a prompt or a terminal, whichever works where this runs."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from b24data.client.connect import Client, connect
from b24data.errors import AuthorizationRequiredError, ConfigError
from b24data.signin.listener import REDIRECT_PORT, check_port

if TYPE_CHECKING:
    from b24data.signin.panel import AuthPanel

Ui = Literal["auto", "panel", "html", "terminal", "none"]


def login(
    profile: str | None = None, *, ui: Ui = "auto", port: int = REDIRECT_PORT, needs: Sequence[str] = ()
) -> AuthPanel | Client:
    """Sign in to a portal and save it as ``profile`` (by default named after the portal).

    Shows a panel in a notebook, wherever the call is in a cell; a link and a hidden prompt in VS Code and wherever
    widgets are missing; questions in a terminal. An unattended run shows nothing: it returns the client of a saved
    profile, or raises :class:`AuthorizationRequiredError` at once. ``ui`` overrides the choice.

    ``port`` is the port on this machine that the browser returns to: the application's handler URL must then be
    ``http://127.0.0.1:8724/``. ``needs`` are the methods that you will call; the panel shows those that are not
    allowed.
    Returns the panel, whose ``client`` is set after the sign-in, or the client.

    >>> os.environ["B24DATA_NONINTERACTIVE"] = "1"
    >>> login("nobody")
    Traceback (most recent call last):
    b24data.errors.AuthorizationRequiredError: no prompt is possible here to sign in as 'nobody'...
    >>> del os.environ["B24DATA_NONINTERACTIVE"]
    """
    port = check_port(port)
    match ui_here() if ui == "auto" else ui:
        case "panel":
            from b24data.signin.panel import AuthPanel

            panel = AuthPanel(profile, port=port, needs=needs)
            panel.show()
            return panel
        case "html":
            from b24data.signin.prompt import HtmlPrompt, login_by_prompt

            return login_by_prompt(profile, HtmlPrompt(), port=port, needs=needs)
        case "terminal":
            from b24data.signin.prompt import login_by_prompt
            from b24data.signin.terminal import TerminalPrompt

            return login_by_prompt(profile, TerminalPrompt(), port=port, needs=needs)
        case "none":
            return _unattended(profile)
        case other:
            raise ConfigError(f"ui is {other!r}", hint='pass "auto", "panel", "html", "terminal" or "none"')


def ui_here() -> Ui:
    """What works where this runs. ``B24DATA_NONINTERACTIVE`` set to anything means that no prompt is possible."""
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
        whose = f" as {profile!r}" if profile else ""
        raise AuthorizationRequiredError(
            f"no prompt is possible here to sign in{whose}, and {error.description}",
            hint="run `b24data login` once in a terminal of this user, or set B24_PROFILE or B24_WEBHOOK",
        ) from error
