"""The sign-in panel: stock ipywidgets over the steps of :mod:`b24data.signin.flow`, and the status once signed in.

What a widget holds is saved with a notebook. So a field for a secret is emptied the moment its value is taken, and
nothing secret is ever put into one.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from b24data.auth.profiles import Profiles
from b24data.client.client import B24OAuth
from b24data.client.connect import Client, connect_by
from b24data.client.status import Status, status_of
from b24data.errors import SdkError
from b24data.http.redirect import origin_of
from b24data.http.transport import Transport
from b24data.secret import Secret
from b24data.signin.flow import CODE_S, SignIn, Step, sentence
from b24data.signin.listener import REDIRECT_PORT, redirect_uri, same_machine
from b24data.text.markup import facts_html, note_html

__all__ = ["AuthPanel"]

_WAYS = (("Application (OAuth)", "oauth"), ("Incoming webhook", "webhook"), ("Install event", "event"))
_PASTED = 8  # characters that nobody types at once
_STYLE = {"description_width": "9em"}
# The bar runs out in the browser itself, from the moment the link is clicked: the kernel is not told of a click.
_LINK = """<style>
.b24data-life{{height:4px;width:0;background:currentColor;opacity:.6;transition:width {seconds}s linear}}
.b24data-link:active ~ .b24data-life{{width:100%;transition:none}}
</style>
<a class="b24data-link" href="{link}" target="_blank" rel="noopener"><u>Open {host} and agree</u></a>
<div class="b24data-life" aria-hidden="true"></div><div>{text}</div>"""


class AuthPanel:
    """A panel to sign in to a portal, and to see who is signed in; show it by naming it last in a cell.

    ``profile`` is the name under which the portal is kept, and shown if somebody has signed in before; ``port`` and
    ``needs`` are those of :func:`login`. ``client`` is the client once there is one, else None.

    >>> import tempfile
    >>> panel = AuthPanel("acme", profiles=Profiles(tempfile.mkdtemp()))
    >>> panel
    AuthPanel(profile='acme', signed in: no)
    """

    def __init__(
        self,
        profile: str | None = None,
        *,
        port: int = REDIRECT_PORT,
        needs: Sequence[str] = (),
        profiles: Profiles | None = None,
    ) -> None:
        self.client: Client | None = None
        self._profile = profile or ""
        self._profiles = profiles or Profiles()
        self._needs = tuple(needs)
        self._port = port
        self._worker: threading.Thread | None = None
        here = port if same_machine() else None
        self._flow = SignIn(Transport(timeout=20), self._profiles, needs=self._needs, port=here, changed=self._show)
        self._build()
        known = self._profiles.names()
        if self._profile in known or (not self._profile and len(known) == 1):
            self._work(lambda: self._open(self._profile or known[0]))

    def __repr__(self) -> str:
        return f"AuthPanel(profile={self._profile!r}, signed in: {'yes' if self.client else 'no'})"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = self.widget._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/plain"] = f"{self!r}: this front end shows no widgets; b24data.login(ui='html') needs none"
        return data

    def wait(self, timeout: float | None = None) -> None:
        """Wait until what a button began is done."""
        if self._worker is not None:
            self._worker.join(timeout)

    def close(self) -> None:
        """Take the panel off the page, and wait for no browser any more. So does closing its ``widget``."""
        self._flow.close()
        self.widget.close()

    # What there is to see.

    def _build(self) -> None:
        self.way = widgets.ToggleButtons(options=_WAYS, description="Way in", style=_STYLE)
        self.portal = _text("Portal", "your-portal.bitrix24.com")
        self.client_id = _text("Application ID", "local.5f…  (client_id)")
        self.client_secret = _secret("Application key", "client_secret")
        self.webhook = _secret("Webhook", "https://your-portal.bitrix24.com/rest/1/…/")
        self.event = _secret("Install event", '{"auth": {"access_token": …}}')
        self.name = _text("Keep as", "a name of your choice")
        self.name.value = self._profile
        self.go = _button("Get a link", self._go, "Check the portal and make the link at which you agree")
        self.link = widgets.HTML()
        self.pasted = _secret("Code or address", "paste it here: it is used at once")
        self.pasted.continuous_update = True
        self.pasted.observe(self._typed, names="value")
        self.use = _button("Sign in", self._paste, "Use the code that was typed by hand")
        self.again = _button(
            "New link", lambda: self._work(self._flow.new_link), "Another link, if the code was too old"
        )
        self.message = widgets.HTML()
        self.status = widgets.HTML()
        self.refresh = _button("Refresh", self._refresh, "Ask the portal again, with a new access token")
        self.switch = widgets.Dropdown(description="Profile", style=_STYLE, layout=widgets.Layout(width="20em"))
        self.switch.observe(self._switch, names="value")
        self.sign_out = _button("Sign out", self._sign_out, "Forget this profile and its tokens on this machine")
        note = f"The application's card names {redirect_uri(self._port)} as its handler."
        self._application = widgets.VBox([self.portal, self.client_id, self.client_secret, widgets.HTML(note)])
        self._start = widgets.VBox()
        self._waiting = widgets.VBox([self.link, self.pasted, widgets.HBox([self.use, self.again])])
        self._signed_in = widgets.VBox([self.status, widgets.HBox([self.switch, self.refresh, self.sign_out])])
        self.widget = widgets.VBox([self._start, self._waiting, self._signed_in, self.message])
        self.widget.add_class("b24data-panel")
        self.widget.observe(lambda change: self._flow.close() if change["new"] is None else None, names="comm")
        self.way.observe(lambda _: self._arrange(), names="value")
        self._arrange()
        self._only(self._start)

    def _arrange(self) -> None:
        """The fields of the chosen way."""
        application = (self.client_id, self.client_secret)
        fields: dict[str, tuple[widgets.Widget, ...]] = {
            "oauth": (self._application,),
            "webhook": (self.webhook,),
            "event": (self.event, *application),
        }
        self.go.description = "Get a link" if self.way.value == "oauth" else "Sign in"
        self._start.children = (self.way, *fields[self.way.value], self.name, self.go)

    def _only(self, *shown: widgets.Widget) -> None:
        for part in (self._start, self._waiting, self._signed_in):
            part.layout.display = "" if part in shown else "none"

    def _show(self, step: Step) -> None:
        """A new step of the sign-in, in whatever thread made it."""
        busy = step.at == "busy"
        for button in (self.go, self.use, self.again):
            button.disabled = busy
        if busy:
            self.message.value = note_html("One moment …")
            return
        self.message.value = _trouble(step.trouble) if step.trouble else note_html(step.note) if step.note else ""
        if step.at == "link":
            self.link.value = _link(step)
            self._only(self._waiting)
        elif step.at == "start":
            self._only(self._start)
        elif step.status is not None:
            self.link.value = ""
            self._signed_in_as(step.profile, connect_by(self._profiles, step.profile), step.status)

    def _signed_in_as(self, name: str, client: Client, status: Status) -> None:
        self.client, self._profile = client, name
        self.status.value = facts_html(f"Signed in to {status.portal} as {name!r}", status.facts[1:], good=True)
        self.switch.unobserve(self._switch, names="value")  # new options select one of themselves
        self.switch.options = self._profiles.names()
        self.switch.value = name
        self.switch.observe(self._switch, names="value")
        self._only(self._signed_in)

    # What the user does. No network in the kernel's thread: a cell can run meanwhile.

    def _go(self) -> None:
        secret, webhook, event = _taken(self.client_secret), _taken(self.webhook), _taken(self.event)
        portal, client_id = Secret(self.portal.value), self.client_id.value
        self._flow.keep_as = self.name.value.strip()
        if "/rest/" in portal.reveal():
            self.portal.value = ""  # a webhook in the wrong field is a secret, too
        match self.way.value:
            case "oauth":
                self._work(lambda: self._flow.ask_portal(portal, client_id, secret))
            case "webhook":
                self._work(lambda: self._flow.use_webhook(webhook))
            case _:
                self._work(lambda: self._flow.use_event(event, client_id, secret))

    def _typed(self, change: Any) -> None:
        """What appears at once was pasted, and is used at once: a code lives for seconds."""
        grew = len(change["new"]) - len(change["old"])
        del change  # it shows what was pasted
        if grew >= _PASTED:
            self._paste()

    def _paste(self) -> None:
        if text := _taken(self.pasted):
            self._work(lambda: self._flow.paste(text))

    def _refresh(self) -> None:
        def renew() -> None:
            if isinstance(self.client, B24OAuth):
                self.client.auth.refresh_auth()
            self._open(self._profile)

        self._work(renew)

    def _switch(self, change: Any) -> None:
        if change["new"] and change["new"] != self._profile:
            self._work(lambda: self._open(change["new"]))

    def _sign_out(self) -> None:
        self._profiles.delete(self._profile)
        self.client = None
        self.message.value = note_html(f"{self._profile} is forgotten on this machine.")
        self._only(self._start)

    def _open(self, name: str) -> None:
        """Show the status of a saved profile."""
        self.message.value = note_html("One moment …")
        client = connect_by(self._profiles, name)
        self._signed_in_as(name, client, status_of(client, self._needs))
        self.message.value = ""

    def _work(self, task: Callable[[], object]) -> None:
        def run() -> None:
            try:
                task()
            except Exception as error:  # noqa: BLE001  a button that says nothing hangs
                known = error if isinstance(error, SdkError) else SdkError(f"{type(error).__name__}: {error}")
                self.message.value = _trouble(known)
                self._only(self._start)

        self._worker = threading.Thread(target=run, name="b24data-panel", daemon=True)
        self._worker.start()


def _wide() -> widgets.Layout:
    return widgets.Layout(width="36em", max_width="100%")


def _text(description: str, placeholder: str) -> widgets.Text:
    return widgets.Text(description=description, placeholder=placeholder, style=_STYLE, layout=_wide())


def _secret(description: str, placeholder: str) -> widgets.Password:
    """A hidden field. Its value comes when the field is left, not with every key."""
    return widgets.Password(
        description=description, placeholder=placeholder, continuous_update=False, style=_STYLE, layout=_wide()
    )


def _button(description: str, clicked: Callable[[], None], tooltip: str) -> widgets.Button:
    button = widgets.Button(description=description, tooltip=tooltip)
    button.on_click(lambda _: clicked())
    return button


def _taken(field: widgets.Password) -> Secret[str]:
    """The field's value, which is not in the field any more."""
    value = Secret(str(field.value))
    field.value = ""
    return value


def _trouble(error: SdkError) -> str:
    return note_html(f"✗ {sentence(error)}", role="alert")


def _link(step: Step) -> str:
    back = "The panel goes on by itself. Or paste" if step.listens else "Paste"
    text = f"{back} the code, or the whole address of the page that follows: the code lives {CODE_S} seconds."
    host, link = html.escape(origin_of(step.address).netloc), Secret(html.escape(step.link))
    return _LINK.format(seconds=CODE_S, link=link.reveal(), host=host, text=html.escape(text))
