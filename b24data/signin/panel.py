"""The sign-in panel: stock ipywidgets over the steps of :mod:`b24data.signin.flow`, and the status once signed in.

What a widget holds is saved with a notebook. So a field for a secret is emptied the moment its value arrives; until
the sign-in is done the value is kept here, in memory. Nothing secret is ever put into a widget.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import ipywidgets as widgets

from b24data.auth.profiles import Profile, Profiles, check_name
from b24data.client.chosen import choose, chosen, waits
from b24data.client.client import B24OAuth
from b24data.client.connect import Client, connect_by
from b24data.client.status import Status, status_of
from b24data.errors import ConfigError, SdkError
from b24data.http.transport import Transport
from b24data.secret import NOTHING, Secret
from b24data.signin import form
from b24data.signin.flow import WRONG_APPLICATION, SignIn, Step
from b24data.signin.listener import REDIRECT_PORT, check_port, redirect_uri, same_machine
from b24data.text.language import translated
from b24data.text.markup import facts_html, note_html

_WAYS = (("Application (OAuth)", "oauth"), ("Incoming webhook", "webhook"), ("Install event", "event"))
_PASTED = 8  # more characters than a person types at once
_TAKEN = "✓ received and hidden; paste to replace"
_TITLES = {
    "start": ("Sign in to Bitrix24", "The sign-in is kept on this machine, never in the notebook."),
    "choice": ("Choose a portal", "You have signed in to several on this machine."),
    "link": ("Agree in your portal", "From then on, b24data reads what you may read there."),
}


class AuthPanel:
    """A panel to sign in to a portal, and to see who is signed in.

    :func:`b24data.login` makes and shows it. ``profile`` is the name under which the portal is kept, and shown if
    you have signed in before; ``port`` and ``needs`` are those of ``login``. ``client`` is the client once there is
    one, else None. A new panel of the same sign-in takes over from the one before it.

    >>> import tempfile
    >>> panel = AuthPanel("acme", profiles=Profiles(tempfile.mkdtemp()))
    >>> panel
    AuthPanel(profile='acme', signed in: no)
    """

    _last: ClassVar[weakref.ref[AuthPanel] | None] = None

    def __init__(
        self,
        profile: str | None = None,
        *,
        port: int = REDIRECT_PORT,
        needs: Sequence[str] = (),
        profiles: Profiles | None = None,
    ) -> None:
        if profile:
            check_name(profile)
        self.client: Client | None = None
        self._profile = profile or ""
        self._profiles = profiles or Profiles()
        self._needs = tuple(needs)
        self._port = port = check_port(port)
        self._asked = (self._profile, str(self._profiles.shelf), port, self._needs)
        self._held: dict[widgets.Password, Secret[str]] = {}
        self._submitted: widgets.Password | None = None
        self._shown_in: int | None = None
        self._worker: threading.Thread | None = None
        here = port if same_machine() else None
        self._flow = SignIn(Transport(timeout=20), self._profiles, needs=self._needs, port=here, changed=self._show)
        self._build()
        before = AuthPanel._last() if AuthPanel._last is not None else None
        AuthPanel._last = weakref.ref(self)
        waits(partial(_waits, weakref.ref(self)))
        known = self._profiles.names()
        if before is not None and before._asked == self._asked and before._waits():
            before._hand_over(self)
        elif self._profile in known or (not self._profile and len(known) == 1):
            self._work(lambda: self._open(self._profile or known[0]))
        elif not self._profile and known:
            self._show_portals()

    def __repr__(self) -> str:
        return f"AuthPanel(profile={self._profile!r}, signed in: {'yes' if self.client else 'no'})"

    def show(self) -> None:
        """Show the panel below the cell that runs; the same cell does not show it twice."""
        from IPython.display import display

        now = _cell()
        if now is None or now != self._shown_in:
            self._shown_in = now
            bundle = self.widget._repr_mimebundle_()
            data = dict(bundle[0] if isinstance(bundle, tuple) else bundle)
            data["text/plain"] = f"{self!r}: this front end shows no widgets; b24data.login(ui='html') needs none"
            display(data, raw=True)  # type: ignore[no-untyped-call]

    def _ipython_display_(self) -> None:
        self.show()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until what a button began is done."""
        if self._worker is not None:
            self._worker.join(timeout)

    def close(self) -> None:
        """Take the panel off the page, and wait for no browser any more. So does closing its ``widget``."""
        self._flow.close()
        self._held.clear()
        self.widget.close()

    # What there is to see.

    def _build(self) -> None:
        self.heading = widgets.HTML()
        self.portals = form.choice("Signed in to", width="100%")
        self.open = form.button("Use this portal", self._use, "Connect to it, here and in connect()", primary=True)
        self.other = form.button("Sign in to another portal", self._another, "Show the form")
        self.way = form.ways(_WAYS)
        self.portal = form.text_field("Portal", "your-portal.bitrix24.com")
        self.client_id = form.text_field("Application ID", "local.5f…")
        self.client_secret = form.hidden_field("Application key", "client_secret")
        self.webhook = form.hidden_field("Webhook", "https://your-portal.bitrix24.com/rest/1/…/")
        self.event = form.hidden_field("Install event", '{"auth": {"access_token": …}}')
        self._missing = {
            self.client_secret: "the client_secret is missing",
            self.webhook: "the webhook is missing",
            self.event: "the install event is missing",
        }
        self.name = form.text_field("Save as", "named after the portal")
        self.name.value = self._profile
        self.go = form.button(
            "Get a link", self._go, "Check the portal and create the link where you agree", primary=True
        )
        self.link = widgets.HTML()
        self.pasted = form.hidden_field("Code or address", "paste it here: it is used at once")
        self.pasted.continuous_update = True
        self.pasted.observe(self._typed, names="value")
        self.use = form.button("Sign in", self._paste, "Use the code that you typed")
        self.again = form.button("New link", self._new_link, "Create another link if the code has expired")
        self.back = form.button("Back", self._start_over, "Correct the portal or the application")
        self.message = widgets.HTML()
        self.status = widgets.HTML()
        self.refresh = form.button("Refresh", self._refresh, "Ask the portal again, with a new access token")
        self.switch = form.choice("Profile")
        self.switch.observe(self._switch, names="value")
        self.more = form.button("Another portal", self._another, "Sign in to one more portal")
        self.sign_out = form.button("Sign out", self._sign_out, "Delete this profile and its tokens from this machine")
        self._rows = self._help()
        self._choice = form.rows(self.portals, form.bar(self.open, self.other))
        self._start = form.rows()
        self._waiting = form.rows(
            self.link, form.row(self.pasted, "Hidden, and emptied at once."), form.bar(self.use, self.again, self.back)
        )
        self._chosen = form.row(self.switch, "`connect()` uses this one.")
        self._signed_in = form.rows(self.status, form.bar(self.refresh, self.more, self.sign_out))
        self.widget = form.rows()
        self.widget.add_class("b24data-panel")
        self.widget.observe(lambda change: self._flow.close() if change["new"] is None else None, names="comm")
        self.way.observe(lambda _: self._arrange(), names="value")
        self._placeholders = {one: one.placeholder for one in (self.client_secret, self.webhook, self.event)}
        for field in self._placeholders:
            field.observe(partial(self._take, field), names="value")
        for field in (self.portal, self.client_id, self.name, self.pasted, *self._placeholders):
            field.on_msg(self._entered)
        self._arrange()
        self._only(self._start, *_TITLES["start"])

    def _help(self) -> dict[str, tuple[widgets.Widget, ...]]:
        """The rows of each way in: a field, and beside it where its value is found."""
        card = "Developer resources → Other → Local application."
        handler = f"Set its handler path to `{redirect_uri(self._port)}`."
        application = (
            form.row(self.client_id, "`client_id` of your local application.", card, handler),
            form.row(self.client_secret, "`client_secret`, below the ID on the application's card. Hidden."),
        )
        portal = form.row(self.portal, "As in the address bar of the browser while you are in your Bitrix24.")
        hook = "Developer resources → Other → Incoming webhook. Its address is a secret. Hidden."
        return {
            "oauth": (portal, *application),
            "webhook": (form.row(self.webhook, hook),),
            "event": (
                form.row(self.event, "The JSON that the portal sent when the application was installed."),
                *application,
            ),
        }

    def _arrange(self) -> None:
        """The rows of the chosen way."""
        self._submitted = None
        self.go.description = translated("Get a link" if self.way.value == "oauth" else "Sign in")
        keep = form.row(self.name, "The name for `connect(…)`. Optional.")
        self._start.children = (self.way, *self._rows[self.way.value], keep, form.bar(self.go))

    def _only(self, shown: widgets.Widget | None, title: str, text: str = "") -> None:
        """One of the parts, under its title."""
        self.heading.value = form.heading(title, text)
        self.widget.children = (self.heading, *((shown,) if shown is not None else ()), self.message)

    def _show(self, step: Step) -> None:
        """A new step of the sign-in, in whatever thread made it."""
        busy = step.at == "busy"
        for button in (self.go, self.use, self.again, self.back):
            button.disabled = busy
        if busy:
            self.message.value = note_html("One moment …")
            return
        self.message.value = (
            form.trouble_html(step.trouble) if step.trouble else note_html(step.note) if step.note else ""
        )
        if step.at == "link":
            self.link.value = form.link_html(step)
            self._only(self._waiting, *_TITLES["link"])
        elif step.at == "start":
            self._forget_refused(step)
            self._only(self._start, *_TITLES["start"])
        elif step.status is not None:
            self.link.value = ""
            self._let_go()
            self._signed_in_as(step.profile, connect_by(self._profiles, step.profile), step.status)
            choose(self._profiles, step.profile)

    def _signed_in_as(self, name: str, client: Client, status: Status) -> None:
        self.client, self._profile = client, name
        names = self._profiles.names()
        self.status.value = facts_html("", status.facts[1:]) + form.next_html(name, names)
        self.switch.unobserve(self._switch, names="value")  # new options select one of themselves
        self.switch.options = names
        self.switch.value = name
        self.switch.observe(self._switch, names="value")
        several = (self._chosen,) if len(names) > 1 else ()
        self._signed_in.children = (self.status, *several, self._signed_in.children[-1])
        self._only(self._signed_in, f"✓ Signed in to {status.portal}", f"Saved on this machine as {name!r}.")

    def _show_portals(self) -> None:
        """Several portals were signed in to: which one is meant comes first."""
        self.portals.options = known = [(_described(name, one), name) for name, one in self._profiles.known()]
        self.portals.value = chosen(self._profiles) or known[0][1]
        self._only(self._choice, *_TITLES["choice"])

    # Another panel for the same sign-in.

    def _waits(self) -> bool:
        """Whether the panel is open and no one has signed in with it."""
        return self.client is None and self.widget.comm is not None

    def _hand_over(self, later: AuthPanel) -> None:
        """A cell was run again: its new panel stands where this one stood, listens on, and knows what was typed."""
        later.way.value = self.way.value
        for mine, theirs in ((self.portal, later.portal), (self.client_id, later.client_id), (self.name, later.name)):
            theirs.value = mine.value
        fields = ((self.client_secret, later.client_secret), (self.webhook, later.webhook), (self.event, later.event))
        for mine, theirs in fields:
            if mine in self._held:
                later._hold(theirs, self._held.pop(mine))
        unused, later._flow = later._flow, self._flow
        unused.close()
        was_asked = self._choice in self.widget.children
        self._flow, unused.changed, later._flow.changed = unused, None, later._show
        self._only(None, "This sign-in continues in the panel that was shown last.")
        self.message.value = ""
        step = later._flow.step
        if step.at in ("link", "busy"):
            later._show(step)
        elif was_asked:
            later._show_portals()

    # What the user does. No network in the kernel's thread: a cell can run meanwhile.

    def _take(self, field: widgets.Password, change: Any) -> None:
        """A value has arrived: it is kept here, and the widget has it no longer."""
        if change["new"]:
            del change  # it shows what was typed
            self._hold(field, _taken(field))
            if self._submitted is field:
                self._go()

    def _hold(self, field: widgets.Password, value: Secret[str]) -> None:
        self._held[field] = value
        field.placeholder = translated(_TAKEN)

    def _let_go(self) -> None:
        for field in self._held:
            field.placeholder = self._placeholders[field]
        self._held.clear()

    def _forget_refused(self, step: Step) -> None:
        """A refused secret is asked for again; where only the portal's address was wrong, the key stays."""
        if step.trouble is not None and (self.way.value != "oauth" or step.trouble.code in WRONG_APPLICATION):
            self._let_go()

    def _entered(self, field: widgets.Widget, content: Any, _buffers: Any) -> None:
        """Enter was pressed."""
        if not isinstance(content, dict) or content.get("event") != "submit":
            return
        if field is self.pasted:
            self._paste()
        else:
            self._go()

    def _lacks(self) -> widgets.Password | None:
        """A hidden field of the chosen way whose value is not here yet: Enter or a click may arrive before it."""
        if self.way.value == "oauth" and "/rest/" in self.portal.value:
            return None  # a webhook in the wrong field needs no key
        fields = {"oauth": (self.client_secret,), "webhook": (self.webhook,), "event": (self.event, self.client_secret)}
        return next((one for one in fields[self.way.value] if one not in self._held), None)

    def _go(self) -> None:
        if self._worker is not None and self._worker.is_alive():
            return
        portal, client_id = Secret(self.portal.value), self.client_id.value
        self._submitted = self._lacks()  # when its value arrives, it is used at once
        if "/rest/" in portal.reveal():
            self.portal.value = ""  # a webhook in the wrong field is a secret, too
        if self._submitted is not None:
            missing = ConfigError(self._missing[self._submitted], hint="paste it into its field")
            self.message.value = form.trouble_html(missing)
            return
        secret, webhook, event = (
            self._held.get(one, NOTHING) for one in (self.client_secret, self.webhook, self.event)
        )
        flow = self._flow
        flow.keep_as = self.name.value.strip()
        match self.way.value:
            case "oauth":
                self._work(lambda: flow.ask_portal(portal, client_id, secret))
            case "webhook":
                self._work(lambda: flow.use_webhook(webhook))
            case _:
                self._work(lambda: flow.use_event(event, client_id, secret))

    def _typed(self, change: Any) -> None:
        """What appears at once was pasted, and is used at once: a code lives for seconds."""
        grew = len(change["new"]) - len(change["old"])
        del change  # it shows what was pasted
        if grew >= _PASTED:
            self._paste()

    def _new_link(self) -> None:
        self._work(self._flow.new_link)

    def _paste(self) -> None:
        if text := _taken(self.pasted):
            self._work(lambda: self._flow.paste(text))

    def _start_over(self) -> None:
        self._flow.start_over()

    def _another(self) -> None:
        self.name.value = ""
        self._flow.start_over()

    def _use(self) -> None:
        name = self.portals.value
        if name:
            choose(self._profiles, name)
            self._work(lambda: self._open(name))

    def _refresh(self) -> None:
        def renew() -> None:
            if isinstance(self.client, B24OAuth):
                self.client.auth.refresh_auth()
            self._open(self._profile)

        self._work(renew)

    def _switch(self, change: Any) -> None:
        name = change["new"]
        if name and name != self._profile:
            choose(self._profiles, name)
            self._work(lambda: self._open(name))

    def _sign_out(self) -> None:
        name, self.sign_out.disabled = self._profile, True

        def forget() -> None:
            self.message.value = note_html("One moment …")
            self._profiles.delete(name)
            choose(self._profiles, None)
            self.client, self._profile = None, ""
            self.message.value = note_html(f"{name} is deleted from this machine.")
            self._only(self._start, *_TITLES["start"])

        self._work(forget, back_to_start=False)

    def _open(self, name: str) -> None:
        """Show the status of a saved profile."""
        self.message.value = note_html("One moment …")
        client = connect_by(self._profiles, name)
        self._signed_in_as(name, client, status_of(client, self._needs))
        self.message.value = ""

    def _work(self, task: Callable[[], object], *, back_to_start: bool = True) -> None:
        def run() -> None:
            try:
                task()
            except Exception as error:  # noqa: BLE001  a button that says nothing hangs
                known = error if isinstance(error, SdkError) else SdkError(f"{type(error).__name__}: {error}")
                self.message.value = form.trouble_html(known)
                if back_to_start:
                    self._only(self._start, *_TITLES["start"])
            finally:
                self.sign_out.disabled = False

        self._worker = threading.Thread(target=run, name="b24data-panel", daemon=True)
        self._worker.start()


def _waits(panel: weakref.ref[AuthPanel]) -> bool:
    known = panel()
    return known is not None and known._shown_in is not None and known._waits()


def _cell() -> int | None:
    """The number of the cell that runs."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return None if shell is None else int(shell.execution_count)


def _described(name: str, one: Profile | ConfigError) -> str:
    if isinstance(one, ConfigError):
        return f"{name}: {translated('cannot be read')}"
    return " · ".join(filter(None, (name, one.portal, one.user, translated(one.kind))))


def _taken(field: widgets.Password) -> Secret[str]:
    """The field's value, which is not in the field any more."""
    value = Secret(str(field.value))
    field.value = ""
    return value
