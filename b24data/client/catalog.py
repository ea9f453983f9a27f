"""The methods there are: those that the documentation has as lists, and those of a portal."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

from b24data.actions.results import AjaxResult
from b24data.client.connect import Client
from b24data.errors import ConfigError, MethodNotFoundError
from b24data.lists.methods import documented_names, known_methods, nearest_names, only_reads, spec_of


@dataclass(frozen=True, slots=True)
class MethodEntry:
    """One method: whether it is a list, how that is walked, whether it only reads, and what followed it.

    ``documented`` is False for a list that the facts know nothing of: it is read by counted pages.
    """

    method: str
    list: bool
    reads: bool
    walk: str = ""
    documented: bool = False
    deprecated: str = ""


def documented(pattern: str = "") -> list[MethodEntry]:
    """The list methods of the documentation whose names match; no request is sent.

    >>> [(one.method, one.walk) for one in documented("crm.*deal.list")]
    [('crm.deal.list', 'keyset')]
    """
    return _entries(known_methods(), pattern)


def of_portal(client: Client, pattern: str = "") -> list[MethodEntry]:
    """The methods that the portal has for this client, in one request.

    Source: b24restdocs, api-reference/common/system/methods.md.

    >>> from b24data import Sandbox
    >>> with Sandbox(deals=1) as portal:
    ...     [one.walk for one in of_portal(portal.connect(), "crm.deal.list")]
    ['keyset']
    """
    answer = client.actions.v2.call.make(method="methods")
    answer.raise_for_error()
    return _entries(map(str, answer.result), pattern)


def is_list(method: str) -> bool:
    """Whether the answer is a list to be read to its end: what is known as one, or is called so."""
    return spec_of(method).documented or method.lower().endswith((".list", ".getlist"))


# Parameters that are called like an option, by method; those of paging are known from the table of methods.
# Source: b24restdocs, the page of each method.
_LIKE_OPTIONS = {
    "to": ("calendar.event.get", "calendar.accessibility.get", "booking.v1.resource.slots.list"),
    "limit": ("im.v2.event.get", "imbot.v2.event.get", "event.offline.get", "log.blogpost.get"),
    "params": (
        *("tasks.task.list", "socialnetwork.api.workgroup.list"),
        *("landing.block.getlist", "landing.repowidget.getlist"),
    ),
}


def own_parameters(method: str) -> frozenset[str]:
    """The documented parameters of a list method that may be called like an option, in lower case.

    >>> "limit" in own_parameters("crm.deal.list"), "limit" in own_parameters("im.recent.list")
    (False, True)
    """
    spec = spec_of(method)
    needed = (name for names in spec.required for name in names.split("|"))
    slots = (name.strip("?") for name in spec.positional)
    named = {path.partition(".")[0].lower() for path in (*spec.paging, *needed, *slots)}
    return frozenset(named | {name for name, methods in _LIKE_OPTIONS.items() if method.lower() in methods})


def check_call(method: str, *, write: bool) -> None:
    """Raise :class:`ConfigError` for a call that may change something, unless ``write`` says that this is meant.

    An undocumented name is more likely misspelled than a write, so the error suggests the nearest names.

    >>> check_call("crm.deal.lst", write=False)
    Traceback (most recent call last):
    b24data.errors.ConfigError: crm.deal.lst is not a documented method. Hint: did you mean crm.deal.list?
    """
    if write or only_reads(method):
        return
    if method.lower() in documented_names():
        raise ConfigError(f"{method} may change data on the portal", hint="add --write to allow it")
    if near := nearest_names(method, 1):
        raise ConfigError(f"{method} is not a documented method", hint=f"did you mean {near[0]}?")
    raise ConfigError(
        f"{method} is not a documented method and may change data on the portal",
        hint="add --write to allow it",
    )


def raise_for_error(answer: AjaxResult) -> None:
    """Raise the error of an answer; of a method that the portal does not have, with the nearest documented name."""
    for error in answer.get_errors():
        if isinstance(error, MethodNotFoundError) and answer.method.lower() not in documented_names():
            near = nearest_names(answer.method, 1)
            error.advice = f"did you mean {near[0]}?" if near else error.advice
    answer.raise_for_error()


def _entries(names: Iterable[str], pattern: str) -> list[MethodEntry]:
    return [_entry(name) for name in names if _matches(name.lower(), pattern.lower())]


def _matches(name: str, pattern: str) -> bool:
    """A part of the name, or with ``*`` and ``?`` all of it."""
    return fnmatch.fnmatchcase(name, pattern) if set(pattern) & set("*?[") else pattern in name


def _entry(name: str) -> MethodEntry:
    spec = spec_of(name)
    listed = is_list(name)
    deprecated = spec.deprecated if isinstance(spec.deprecated, str) else "yes" if spec.deprecated else ""
    return MethodEntry(name, listed, only_reads(name), spec.walk if listed else "", spec.documented, deprecated)
