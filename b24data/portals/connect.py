"""``connect_all``: clients of many portals by the names of their profiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from b24data.auth.profiles import Profiles
from b24data.client.connect import Client, connect_by
from b24data.errors import AuthorizationRequiredError, ConfigError, SdkError
from b24data.fetch.options import check_choice
from b24data.lists.literals import is_whole
from b24data.params import RestrictionParams
from b24data.portals.portals import Portals
from b24data.text.hints import sign_in

if TYPE_CHECKING:
    from b24data.http.transport import Timeout, Verify


def connect_all(
    profiles: str | Iterable[str] = "*",
    *,
    errors: Literal["raise", "collect"] = "raise",
    workers: int = 8,
    restriction_params: RestrictionParams | Mapping[str, Any] | None = None,
    timeout: Timeout = None,
    verify: Verify = True,
) -> Portals:
    """Clients of many portals, which answer one call together: ``"*"`` is every profile of this machine.

    Up to ``workers`` portals are read at a time, the largest first. One that fails does not stop the others. With
    ``errors="raise"`` a :class:`PortalsError` is raised when all have ended; its ``results`` has what the others
    brought. With ``errors="collect"`` the result has the portals that did not fail, and ``Portals.outcome`` says how
    each ended. The other arguments are those of :func:`connect`. Nothing is sent before the first call.

    :raises ConfigError: a name is not a profile, is given twice, or two profiles belong to the same portal.
    :raises AuthorizationRequiredError: a profile has no tokens (``errors="raise"``), or there is no profile.

    >>> import os, tempfile
    >>> from b24data import Sandbox
    >>> from b24data.auth.profiles import Profile
    >>> os.environ["B24DATA_CONFIG_DIR"] = tempfile.mkdtemp()
    >>> with Sandbox(deals=120) as acme, Sandbox(deals=30) as beta:
    ...     for name, portal in {"acme": acme, "beta": beta}.items():
    ...         Profiles().save(Profile(name=name, portal=portal.url, webhook=portal.webhook_url))
    ...     with connect_all("*") as portals:
    ...         deals = portals.tools.fetch_all("crm.deal.list", ["ID", "TITLE"], progress=False)
    >>> deals.groupby("PORTAL").size().to_dict(), list(deals)
    ({'acme': 120, 'beta': 30}, ['PORTAL', 'ID', 'TITLE'])
    >>> del os.environ["B24DATA_CONFIG_DIR"]
    """
    check_choice("errors", errors, ("raise", "collect"))
    if not is_whole(workers) or workers < 1:
        raise ConfigError(f"workers is {workers!r}", hint="it is how many portals are read at a time, such as 8")
    kept = Profiles()
    clients: dict[str, Client] = {}
    failed: dict[str, SdkError] = {}
    for name in chosen_profiles(profiles, kept):
        try:
            clients[name] = connect_by(
                kept, name, restriction_params=restriction_params, timeout=timeout, verify=verify
            )
        except SdkError as error:
            if errors == "raise":
                raise
            failed[name] = error
    check_portals({name: client.session.portal for name, client in clients.items()})
    return Portals(clients, failed, errors=errors, workers=int(workers))


def chosen_profiles(given: str | Iterable[str], kept: Profiles) -> list[str]:
    """The names that are meant; :class:`ConfigError` for one that is not a profile or is given twice."""
    if given == "*":
        if names := kept.names():
            return names
        raise AuthorizationRequiredError(
            f"there is no profile in {kept.shelf}", hint=f"sign in: {sign_in()}; or set B24DATA_TOKEN_STORE"
        )
    if isinstance(given, bytes | Mapping) or not isinstance(given, Iterable):
        raise ConfigError(f"profiles is {given!r}", hint='it is "*", a name, or a list of names')
    names = [given] if isinstance(given, str) else list(given)
    if not names:
        raise ConfigError("the list of profiles is empty", hint='"*" means all of them')
    for name in names:
        if not isinstance(name, str):
            raise ConfigError(f"{name!r} is not the name of a profile", hint='write a text, such as "acme"')
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ConfigError(f"the profile {twice[0]!r} is given twice", hint="name each profile once")
    there = kept.names()
    for name in names:
        if name not in there:
            kept.load(name)  # raises, with the nearest name
    return names


def check_portals(portals: Mapping[str, str]) -> None:
    """:class:`ConfigError` for two profiles of one portal: they would bring its rows twice and share its limits.

    :param portals: the portal of each profile.
    """
    seen: dict[str, str] = {}
    for name, portal in portals.items():
        if (other := seen.setdefault(portal.lower(), name)) != name:
            raise ConfigError(
                f"the profiles {other!r} and {name!r} are both of {portal}",
                hint=f"name one profile of each portal, such as {[one for one in portals if one != name]}",
            )
