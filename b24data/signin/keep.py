"""The end of a sign-in: the portal says who signed in, and they are kept as a profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from b24data.auth.profiles import Profile, Profiles
from b24data.client.client import B24Hook, B24OAuth
from b24data.client.connect import Client
from b24data.client.status import Status, status_of
from b24data.secret import NOTHING, Secret
from b24data.tokens import B24OAuthParams, B24OAuthSecret

__all__ = ["SignedIn", "keep"]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in brought: the pair and the application's secret, or a webhook."""

    portal: str
    params: B24OAuthParams | None = None
    secret: B24OAuthSecret | None = None
    webhook: Secret[str] = NOTHING


def keep(signed_in: SignedIn, name: str, profiles: Profiles, needs: Sequence[str] = ()) -> tuple[str, Status]:
    """Ask the portal who signed in, and save them under ``name`` or one after the portal; the name and the status."""
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
