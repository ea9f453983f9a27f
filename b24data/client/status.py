"""Who calls which portal, and what they may do there: what ``%b24 status`` and the panel show."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from b24data.client.client import B24OAuth
from b24data.client.connect import Client
from b24data.text.language import translated
from b24data.text.markup import facts_html
from b24data.text.printable import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the portal says about the caller. ``expires`` and ``renewed`` are unix seconds, None for a webhook."""

    portal: str
    way: str  # "application" or "webhook"
    user: str
    user_id: int
    is_admin: bool
    scopes: tuple[str, ...]
    missing: tuple[str, ...] = ()
    expires: float | None = None
    renewed: float | None = None
    limits: str = ""

    @property
    def facts(self) -> list[tuple[str, str]]:
        """The status as text, line by line."""
        who, number = self.user or "user", self.user_id
        user = f"{who} (id {number}), administrator" if self.is_admin else f"{who} (id {number}), not an administrator"
        return [
            ("portal", self.portal),
            ("user", user),
            ("way in", self.way),
            ("permissions", ", ".join(self.scopes)),
            ("not allowed", ", ".join(self.missing)),
            ("access token", _life(self.expires)),
            ("last refreshed", "" if self.renewed is None else time.strftime("%H:%M:%S", time.localtime(self.renewed))),
            ("limits", self.limits),
        ]

    def __str__(self) -> str:
        return "\n".join(f"{name + ':':14}{one_line(value)}" for name, value in self.facts if value)

    def told(self) -> str:
        """The status in the reader's language."""
        lines = [(f"{translated(name)}:", one_line(translated(value))) for name, value in self.facts if value]
        width = max(14, *(len(name) + 1 for name, _ in lines))
        return "\n".join(f"{name:{width}}{value}" for name, value in lines)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(self.told())

    def _repr_html_(self) -> str:
        return facts_html(self.portal, self.facts[1:], good=not self.missing)


def status_of(client: Client, needs: Sequence[str] = ()) -> Status:
    """Ask the portal, in two requests, who calls and what they may do; ``needs`` are methods that will be called.

    Raises what the call raises: :class:`RefreshTokenError` if the authorization is gone.

    >>> from b24data import Sandbox
    >>> with Sandbox(deals=1) as portal:
    ...     status = status_of(portal.connect(), needs=["crm.deal.list", "partner.thing.list"])
    >>> status.is_admin, status.missing
    (True, ('partner.thing.list',))
    """
    profile = client.actions.v2.call.make(method="profile")
    profile.raise_for_error()  # a batch of refusals would hide why
    asked: dict[str, Any] = {"scope": ("scope",)}
    asked.update({f"m{number}": ("method.get", {"name": name}) for number, name in enumerate(needs)})
    got = client.actions.v2.batch.make(calls=asked, halt=False).get_data()
    who = profile.result if isinstance(profile.result, dict) else {}
    client.auth.set_admin(bool(who.get("ADMIN")))
    missing = [name for number, name in enumerate(needs) if not _is_available(got[f"m{number}"])]
    expires, renewed = _times(client)
    return Status(
        portal=client.auth.portal,
        way="application" if isinstance(client, B24OAuth) else "webhook",
        user=" ".join(filter(None, (str(who.get("NAME") or ""), str(who.get("LAST_NAME") or "")))),
        user_id=int(who.get("ID") or 0),
        is_admin=client.auth.is_admin,
        scopes=tuple(sorted(map(str, got["scope"]))) if isinstance(got["scope"], Iterable) else (),
        missing=tuple(missing),
        expires=expires,
        renewed=renewed,
        limits=_limits(client),
    )


def _is_available(answer: Any) -> bool:
    """Source: b24restdocs, api-reference/common/system/method-get.md."""
    return not isinstance(answer, dict) or bool(answer.get("isAvailable"))


def _times(client: Client) -> tuple[float | None, float | None]:
    """When the access token ends and when it was issued."""
    if not isinstance(client, B24OAuth) or not client.auth.params.expires:
        return None, None
    params = client.auth.params
    return params.expires, params.expires - params.expires_in


def _limits(client: Client) -> str:
    """What is left of the request limit, and the method that has used most of its execution time."""
    session = client.session
    stats = session.get_stats()
    text = f"{int(stats['tokens'])} of {session.params.rate_limit.burst_limit} requests free"
    used = {name: seconds for name, seconds in stats["operating_stats"].items() if seconds >= 1}
    if used:
        name = max(used, key=used.__getitem__)
        text += f"; {name} has used {used[name]:.0f} of {session.params.operating_limit.limit_s:.0f} s"
    return text


def _life(expires: float | None) -> str:
    if expires is None:
        return ""
    left = expires - time.time()
    if left <= 0:
        return "expired; the next call refreshes it"
    return f"{left // 60:.0f} min left" if left >= 120 else f"{left:.0f} s left"
