"""What every face of a sign-in begins and ends with: its steps, and a profile that is kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from b24data.auth.profiles import Profile, Profiles
from b24data.client.client import B24Hook, B24OAuth
from b24data.client.connect import Client
from b24data.client.status import Status, status_of
from b24data.signin.flow import SignedIn, SignIn, Step

__all__ = ["same_machine", "sign_in"]


def sign_in(
    keep_as: Callable[[], str | None],
    *,
    port: int | None,
    needs: Sequence[str] = (),
    changed: Callable[[Step], object] | None = None,
    profiles: Profiles | None = None,
) -> SignIn:
    """A sign-in that ends in a profile, saved as ``keep_as`` says; its result is the profile's name and the status."""
    from b24data.http.transport import Transport

    where = profiles or Profiles()
    return SignIn(
        Transport(timeout=20),
        lambda signed_in: _keep(signed_in, keep_as(), where, needs),
        port=port if same_machine() else None,
        changed=changed,
    )


def _keep(signed_in: SignedIn, name: str | None, profiles: Profiles, needs: Sequence[str] = ()) -> tuple[str, Status]:
    """Ask the portal who signed in, and save them under ``name``; the name and the status."""
    if signed_in.params is not None and signed_in.secret is not None:
        client: Client = B24OAuth(signed_in.params, signed_in.secret)
    else:
        client = B24Hook(signed_in.webhook)
    with client:
        status = status_of(client, needs)
        pair = client.auth.params if isinstance(client, B24OAuth) else None
    name = name or _named_after(signed_in.portal)
    profile = Profile(
        name=name, portal=signed_in.portal, user=status.user, webhook=signed_in.webhook, secret=signed_in.secret
    )
    profiles.save(profile, None if pair is None else pair.replace(user_id=pair.user_id or status.user_id))
    return name, status


def _named_after(portal: str) -> str:
    """``acme.bitrix24.com`` becomes ``acme``, ``b24.acme.example`` stays whole.

    >>> _named_after("acme.bitrix24.com"), _named_after("127.0.0.1:8080")
    ('acme', '127.0.0.1-8080')
    """
    host = portal.partition(".bitrix24.")[0] if ".bitrix24." in portal else portal
    return host.replace(":", "-")


def same_machine() -> bool:
    """Whether the browser is likely to run on the machine that this runs on."""
    remote = ("SSH_CONNECTION", "JUPYTERHUB_USER", "COLAB_RELEASE_TAG", "CODESPACES", "KUBERNETES_SERVICE_HOST")
    return not any(os.environ.get(name) for name in remote)
