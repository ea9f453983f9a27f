"""Signing in to a portal, as steps. A panel or a prompt shows each step and passes on what the user gives.

Ways in: an application (OAuth) by a link and the code that comes back, by itself to a listener on this machine or
pasted; an incoming webhook; the JSON of an install event. Source: b24restdocs, settings/oauth/index.md.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias
from urllib.parse import urlencode, urlsplit

from b24data.auth.profiles import Profile, Profiles
from b24data.auth.token_server import may_see_secrets, merge_token_reply, read_token_reply, token_url
from b24data.auth.webhook import HookCredentials
from b24data.client.client import B24Hook, B24OAuth
from b24data.client.connect import Client
from b24data.client.status import Status, status_of
from b24data.errors import (
    AjaxError,
    AuthorizationRequiredError,
    BadReplyError,
    ConfigError,
    RefreshTokenError,
    SdkError,
    TransportError,
)
from b24data.http.clock import SYSTEM_CLOCK, Clock
from b24data.http.credentials import check_endpoint
from b24data.http.redirect import is_loopback, moved_endpoint, origin_of
from b24data.http.session import Poster
from b24data.secret import NOTHING, Secret
from b24data.signin.listener import Landing, Listener
from b24data.signin.names import name_for
from b24data.signin.pasted import Code, code_in, event_of, portal_in, read_code
from b24data.text.hints import Face, spelled
from b24data.text.language import translated
from b24data.tokens import B24OAuthParams, B24OAuthSecret

Typed: TypeAlias = str | Secret[str]

CODE_S = 30
"""Seconds that an authorization code lives."""

WRONG_APPLICATION = frozenset({"invalid_client", "wrong_client", "unauthorized_client"})


def sentence(error: SdkError) -> str:
    """What a person reads: what was wrong and the way on, without the code that a program reads.

    >>> sentence(ConfigError("this contains no code", code="NO_CODE", hint="paste the code"))
    'This contains no code: paste the code.'
    """
    if isinstance(error, AjaxError) or not error.description:
        return error.told(Face.PYTHON)
    said = translated(error.description)
    text = said[0].upper() + said[1:]
    hint = spelled(translated(error.advice), Face.PYTHON)
    return f"{text}: {hint}." if hint else f"{text}."


@dataclass(frozen=True, slots=True)
class Step:
    """Where a sign-in stands. ``listens``: the browser comes back by itself; ``profile`` and ``status`` come last.

    ``trouble`` is what went wrong last; the step that it stands in is the way on.
    """

    at: Literal["start", "link", "busy", "done"] = "start"
    address: Secret[str] = NOTHING
    listens: bool = False
    note: str = ""
    trouble: SdkError | None = None
    profile: str = ""
    status: Status | None = field(default=None, repr=False)

    @property
    def link(self) -> str:
        """The address at which the user agrees, in plain text for who asks for it: it is there to be opened."""
        return self.address.reveal()


@dataclass(frozen=True, slots=True)
class _Application:
    origin: str
    secret: B24OAuthSecret
    state: Secret[str]
    typed: str  # the portal's address, which may have moved to the origin


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in brought: the pair and the application's secret, or a webhook.

    ``moved_from`` has the address that was typed, where the portal is at another one.
    """

    portal: str
    params: B24OAuthParams | None = None
    secret: B24OAuthSecret | None = None
    webhook: Secret[str] = NOTHING
    moved_from: tuple[str, ...] = ()


def keep(signed_in: SignedIn, name: str, profiles: Profiles, needs: Sequence[str] = ()) -> tuple[str, Status]:
    """Ask the portal who signed in, and save them under ``name`` or one after the portal; the name and the status."""
    name = name_for(name, [*signed_in.moved_from, signed_in.portal], profiles)
    if signed_in.params is not None and signed_in.secret is not None:
        client: Client = B24OAuth(signed_in.params, signed_in.secret)
    else:
        client = B24Hook(signed_in.webhook)
    with client:
        status = status_of(client, needs)
        pair = client.auth.params if isinstance(client, B24OAuth) else None
    profile = Profile(
        name=name, portal=signed_in.portal, user=status.user, webhook=signed_in.webhook, secret=signed_in.secret
    )
    profiles.save(profile, None if pair is None else pair.replace(user_id=pair.user_id or status.user_id))
    return name, status


class SignIn:
    """One sign-in, whose last step keeps what it brought in ``profiles``, as ``keep_as`` (else after the portal).

    ``needs`` are methods whose permission the status tells. ``changed`` is called with every new step, from whatever
    thread makes it. Every method returns the step that it ends in, and raises nothing of ours. ``port`` is where a
    listener waits, None for none.
    """

    def __init__(
        self,
        poster: Poster,
        profiles: Profiles,
        *,
        keep_as: str = "",
        needs: Sequence[str] = (),
        port: int | None = None,
        clock: Clock = SYSTEM_CLOCK,
        changed: Callable[[Step], object] | None = None,
    ) -> None:
        self.step = Step()
        self.changed = changed
        self._poster = poster
        self.keep_as = keep_as
        self._profiles = profiles
        self._needs = needs
        self._port = port
        self._clock = clock
        self._lock = threading.RLock()
        self._application: _Application | None = None
        self._listener: Listener | None = None

    # What the user does.

    def ask_portal(self, portal: Typed, client_id: str, client_secret: Typed) -> Step:
        """Check the portal's address and make the link at which the user agrees."""
        portal, client_secret = Secret(portal), Secret(client_secret)
        return self._run(lambda: self._begin(portal, client_id, client_secret), back_to="start")

    def new_link(self) -> Step:
        """Another link to the same portal: the code of the old one is not taken any more."""
        return self._run(self._link, back_to="start")

    def paste(self, text: Typed) -> Step:
        """Exchange a code at once; ``text`` is the code, or the whole address that the portal led to."""
        text = Secret(text)
        return self._run(lambda: self._exchange(read_code(text, self._expected().state)), back_to="link")

    def start_over(self) -> Step:
        """Back to the form; the link that was open is not waited for any more."""
        self.close()
        with self._lock:
            self._application = None
            return self._show(Step())

    def use_webhook(self, url: Typed) -> Step:
        """Sign in by an incoming webhook."""
        url = Secret(url)
        return self._run(lambda: self._by_webhook(url), back_to="start")

    def use_event(self, text: Typed, client_id: str, client_secret: Typed) -> Step:
        """Sign in by what a portal sent when the application was installed, as JSON or as form fields."""
        text, client_secret = Secret(text), Secret(client_secret)
        return self._run(lambda: self._by_event(text, client_id, client_secret), back_to="start")

    def close(self) -> None:
        """Stop listening."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    # The steps.

    def _run(self, step: Callable[[], Step], *, back_to: Literal["start", "link"]) -> Step:
        with self._lock:
            self._show(replace(self.step, at="busy", note="", trouble=None))
            try:
                return self._show(step())
            except SdkError as error:
                return self._show(self._after(error, back_to))
            except OSError as error:
                return self._show(self._after(SdkError(f"the profile could not be saved: {error}"), back_to))
            except Exception as error:
                logging.getLogger("b24data").exception("a step of the sign-in failed")
                return self._show(self._after(SdkError(f"unexpected: {type(error).__name__}: {error}"), back_to))

    def _after(self, error: SdkError, back_to: Literal["start", "link"]) -> Step:
        """The way on: a new link for a refused code, the form for a refused application; else where the user was."""
        if back_to == "start" or self._application is None or error.code in WRONG_APPLICATION:
            return Step(trouble=error)
        if error.code != "STALE_CODE":
            return replace(self.step, at="link", trouble=error)
        return replace(self._link(), trouble=error)

    def _show(self, step: Step) -> Step:
        self.step = step
        try:
            if self.changed is not None:
                self.changed(step)
        except Exception:
            logging.getLogger("b24data").exception("the display of the sign-in failed")
        return step

    def _begin(self, portal: Secret[str], client_id: str, client_secret: Secret[str]) -> Step:
        if re.search(r"/rest/\d+/\w", portal.reveal()):
            return self._by_webhook(portal)
        secret = _application_key(client_id, client_secret)
        typed = portal_in(portal)
        name_for(self.keep_as, [urlsplit(typed).netloc], self._profiles)  # a wrong name is told before all else
        found = self._probe(typed)
        self._application = _Application(found, secret, Secret(""), urlsplit(typed).netloc)
        step = replace(self._link(), trouble=self._doubt(self._application))
        if portal.reveal().strip().rstrip("/").removeprefix("https://") == urlsplit(found).netloc:
            return step
        return replace(step, note=". ".join(filter(None, (f"The portal is {found}", step.note))))

    def _probe(self, origin: str) -> str:
        """The portal's address, once it has answered as a portal does; a moved one is followed."""
        try:
            reply = self._poster.post("server.time", f"{origin}/rest/server.time", b"{}")
        except TransportError as error:
            hint = error.advice or "check the portal's address, and whether this machine is online"
            text = f"{urlsplit(origin).netloc} does not answer: {error.description}"
            raise TransportError("server.time", text, code=error.code, hint=hint) from error
        if reply.status in (301, 302, 307, 308) and "location" in reply.headers:
            location = Secret(reply.headers["location"])
            return str(origin_of(moved_endpoint("server.time", Secret(f"{origin}/rest/"), location)))
        try:
            answer = json.loads(reply.text("server.time").decode("utf-8-sig", "replace"))
        except (ValueError, RecursionError, BadReplyError):
            answer = None
        if not isinstance(answer, dict) or not ({"error", "result"} & answer.keys()):
            raise ConfigError(
                f"{urlsplit(origin).netloc} does not answer as a Bitrix24 portal (HTTP {reply.status})",
                code="NO_PORTAL",
                hint="copy the address from the browser's address bar while you are in your Bitrix24",
            )
        return origin

    def _doubt(self, application: _Application) -> SdkError | None:
        """What the authorization server says about the application, before the user opens a link.

        It is asked to exchange a code that cannot be right: it answers ``invalid_client`` to an application that it
        does not know, and ``invalid_grant`` to one that it knows (b24restdocs, settings/oauth/error-codes.md). The link
        is made all the same: which server a portal uses is known only once the browser comes back.
        """
        server = _server_of(application)
        form = _code_form(application, Secret("none"))
        try:
            read_token_reply(
                self._poster.post_form("oauth/token", token_url(server, portal=application.origin), form), form
            )
        except RefreshTokenError as error:
            if error.code not in WRONG_APPLICATION:
                return None
            return RefreshTokenError(
                f"{urlsplit(server).hostname} does not know this application ID and key",
                code=error.code,
                hint="go back and copy both from the application's card in your portal; and see that it is installed",
            )
        except SdkError:
            return None  # it is asked again, with a code
        return None

    def _link(self) -> Step:
        application = replace(self._expected(), state=Secret(secrets.token_urlsafe(24)))
        self._application = application
        asked = Secret(urlencode({"client_id": application.secret.client_id, "state": application.state.reveal()}))
        link = Secret(f"{application.origin}/oauth/authorize/?{asked.reveal()}")
        listens, note = self._listen()
        return Step("link", address=link, listens=listens, note=note)

    def _listen(self) -> tuple[bool, str]:
        if self._port is None:
            return False, ""
        if self._listener is None:
            try:
                self._listener = Listener(self._returned, self._port, clock=self._clock, ended=self._unheard)
            except ConfigError as error:
                return False, sentence(error)
        return True, ""

    def _unheard(self, why: str) -> None:
        """The listener has ended, and no code came."""
        with self._lock:
            self._listener = None
            if self.step.at == "link":
                self._show(replace(self.step, listens=False, note=f"Paste the code here: {why}."))

    def _returned(self, asked: Mapping[str, Secret[str]]) -> Landing:
        """The browser came back, in a thread of the listener; what it says is what the browser shows.

        Any page and any program of this machine may send a request here: without our state it changes nothing.
        """
        expected = self._application
        try:
            code = code_in(asked, expected.state if expected else None)
        except ConfigError as error:
            return Landing(f"Not signed in. {sentence(error)}", taken=False)
        with self._lock:
            if self._application is not expected:  # a second request with the same code, or a new link meanwhile
                return Landing("This page did not sign you in: see your notebook or terminal.", taken=False)
            step = self._run(lambda: self._exchange(code), back_to="link")
        if step.trouble is not None:
            return Landing(f"Not signed in. {sentence(step.trouble)}")
        return Landing("You are signed in. This page can be closed; go back to your notebook.")

    def _exchange(self, code: Code) -> Step:
        application = self._expected()
        server = _server_of(application, code.server)
        if not may_see_secrets(server, portal=application.origin):
            raise ConfigError(
                f"the address names {code.server} as its authorization server, which is unknown",
                hint="it is oauth.bitrix.info or oauth.bitrix24.tech; name others in auth_servers of a client",
            )
        form = _code_form(application, code.text)
        try:
            reply = self._poster.post_form("oauth/token", token_url(server, portal=application.origin), form)
            data = read_token_reply(reply, form)
        except AuthorizationRequiredError as error:
            raise RefreshTokenError(
                f"the code has expired: it is valid for {CODE_S} seconds and works once",
                code="STALE_CODE",
                hint="open the new link and paste the code at once",
            ) from error
        except TransportError as error:
            raise RefreshTokenError(
                f"the authorization server gave no usable answer: {error.description}",
                code="STALE_CODE",
                hint="open the new link and try again",
            ) from error
        blank = B24OAuthParams(client_endpoint=f"{application.origin}/rest/", server_endpoint=server)
        params = merge_token_reply(blank, data, self._clock.time())
        return self._done(SignedIn(params.domain, params, application.secret, moved_from=(application.typed,)))

    def _by_webhook(self, url: Secret[str]) -> Step:
        hook = HookCredentials(Secret(url.reveal().strip()))
        return self._done(SignedIn(hook.portal, webhook=hook.endpoint))

    def _by_event(self, text: Secret[str], client_id: str, client_secret: Secret[str]) -> Step:
        secret = _application_key(client_id, client_secret)
        params = event_of(text)
        check_endpoint(params.client_endpoint)
        if not may_see_secrets(params.server_endpoint):
            params = params.replace(server_endpoint=B24OAuthParams().server_endpoint)
        return self._done(SignedIn(params.domain, params, secret))

    def _done(self, signed_in: SignedIn) -> Step:
        profile, status = keep(signed_in, self.keep_as, self._profiles, self._needs)
        self._application = None
        self.close()
        return Step("done", profile=profile, status=status)

    def _expected(self) -> _Application:
        if self._application is None:
            raise ConfigError("no sign-in is in progress", code="NO_LINK", hint="begin with the portal's address")
        return self._application


def _server_of(application: _Application, named: str = "") -> str:
    """The authorization server that the returned address ``named``, else the usual one."""
    if is_loopback(urlsplit(application.origin).hostname):
        return f"{application.origin}/rest/"  # the sandbox is its own authorization server
    return f"https://{named or 'oauth.bitrix.info'}/rest/"


def _code_form(application: _Application, code: Secret[str]) -> dict[str, str | Secret[str]]:
    return {
        "grant_type": "authorization_code",
        "client_id": application.secret.client_id,
        "client_secret": application.secret.secret("client_secret"),
        "code": code,
    }


def _application_key(client_id: str, client_secret: Secret[str]) -> B24OAuthSecret:
    return B24OAuthSecret.of({"client_id": client_id.strip(), "client_secret": Secret(client_secret.reveal().strip())})
