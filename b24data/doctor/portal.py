"""The portal: whether it answers, its clock, who calls there, what is left of the limits. Three requests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from b24data.client.connect import Client
from b24data.client.status import status_of
from b24data.doctor.check import Check, failed
from b24data.errors import AjaxError, RateLimitedError, RefreshTokenError, SdkError
from b24data.http.redirect import is_loopback

_CLOCK_S = 60.0
_TRIES = 2  # a person is waiting for the answer; the first request may meet those of other programs


def portal_checks(client: Client) -> Iterator[Check]:
    """All checks of the portal; those behind one that failed are left out."""
    portal = client.auth.portal
    address = urlsplit(client.get_target_origin())
    if address.scheme == "http" and not is_loopback(address.hostname):
        yield Check("connection", "warn", f"{portal} uses no encryption", "use its https address")
    began = time.time()
    try:
        response = client.session.call("server.time", attempts=_TRIES)
    except RateLimitedError as error:  # it says nothing of who calls
        yield Check("portal", "ok", f"{portal} answers")
        yield failed("limits", error)
        return
    except (AjaxError, RefreshTokenError) as error:  # it did answer
        yield Check("portal", "ok", f"{portal} answers")
        yield failed("sign-in", error)
        return
    except SdkError as error:
        yield failed("portal", error)
        return
    ended = time.time()
    yield Check("portal", "ok", f"{portal} answers in {(ended - began) * 1000:.0f} ms")
    finish = response.time.finish if response.time else None
    if finish is not None:
        yield clock_check(finish - (began + ended) / 2)
    yield from _who(client)


def clock_check(ahead_s: float) -> Check:
    """How the portal's clock compares, when it is ``ahead_s`` seconds ahead of this machine's.

    >>> clock_check(90).state
    'warn'
    """
    text = f"the portal's is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this machine's"
    if abs(ahead_s) > _CLOCK_S:
        return Check("clock", "warn", text, "set this machine's clock: schedules use it")
    return Check("clock", "ok", text if abs(ahead_s) >= 1 else "the same as the portal's")


def _who(client: Client) -> Iterator[Check]:
    try:
        status = status_of(client)
    except SdkError as error:
        yield failed("sign-in", error)
        return
    facts = dict(status.facts)
    yield Check("sign-in", "ok", f"{facts['user']}, by {status.way}")
    if "crm" in status.scopes or "task" in status.scopes:
        yield Check("permissions", "ok", facts["permissions"])
    else:
        hint = "add the permissions you need in the settings of the webhook or application"
        yield Check("permissions", "warn", facts["permissions"] or "none", hint)
    yield Check("limits", "ok", facts["limits"])
