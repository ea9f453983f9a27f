"""What Tab offers on a ``%b24`` line. Pure, from what is known already: a completer opens no socket."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from b24data.syntax.options import OPTIONS
from b24data.syntax.request import COMMANDS, CRM_ACTIONS, options_of

_LINE = re.compile(r"(?:^|.*=\s*)%{1,2}b24(?:\s+(?P<rest>.*))?$", re.DOTALL)
_OPERATORS = re.compile(r"^[\"']?[<>=!@%*]*")


@dataclass(frozen=True, slots=True)
class Completion:
    """The texts that may take the place of ``fragment``, and what they are."""

    fragment: str
    texts: Sequence[str]
    kind: str


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What there is to offer. Each function answers at once."""

    methods: Callable[[], Iterable[str]]
    fields: Callable[[str], Iterable[str]]
    profiles: Callable[[], Iterable[str]]
    variables: Callable[[], Iterable[str]]


def complete(line: str, known: Knowledge) -> Completion | None:
    """What may follow ``line``, which ends at the cursor; None where it is no ``%b24`` line.

    >>> nothing = Knowledge(lambda: ["crm.deal.list"], lambda method: ["ID", "TITLE"], list, list)
    >>> complete("df = %b24 fetch crm.de", nothing)
    Completion(fragment='crm.de', texts=['crm.deal.list'], kind='method')
    >>> complete("%b24 fetch crm.deal.list --select ID,T", nothing).texts
    ['ID,TITLE']
    """
    match = _LINE.match(line)
    if match is None or match["rest"] is None:
        return None
    words = match["rest"].split(" ")
    *before, fragment = words
    before = [word for word in before if word]
    return _completion(before, fragment, known)


def _completion(before: list[str], fragment: str, known: Knowledge) -> Completion:
    if not before:
        return _matching(fragment, COMMANDS, "command")
    command, option = before[0], before[-1]
    method = next((word for word in before[1:] if "." in word and not word.startswith("-")), "")
    head, dollar, name = fragment.rpartition("$")
    if dollar and not head.endswith("$"):
        left, right = ("{", "}") if name.startswith("{") else ("", "")
        names = starting(name.removeprefix("{"), known.variables())
        found = Completion(fragment, [f"{head}${left}{one}{right}" for one in names], "variable")
    elif option in ("--select", "--filter", "--order"):
        found = _of_fields(option, fragment, known.fields(method))
    elif option == "--profile" or _choices(option):
        found = _matching(fragment, known.profiles() if option == "--profile" else _choices(option), "value")
    elif fragment.startswith("-") and command in COMMANDS:
        found = _matching(fragment, options_of(command), "option")
    elif command == "crm" and len(before) == 1:
        found = _matching(fragment, CRM_ACTIONS, "value")
    elif command in ("call", "fetch", "describe") and not method:
        found = _matching(fragment, known.methods(), "method")
    else:
        found = Completion(fragment, [], "")
    return found


def _of_fields(option: str, fragment: str, fields: Iterable[str]) -> Completion:
    """``ID,T`` in a select becomes ``ID,TITLE``, ``>=DA`` in a filter ``>=DATE_CREATE=``."""
    if option != "--filter":
        head, comma, name = fragment.rpartition(",")
        return Completion(fragment, [head + comma + one for one in starting(name, fields)], "field")
    match = _OPERATORS.match(fragment)
    operators = match.group() if match else ""
    names = starting(fragment[len(operators) :], fields)
    return Completion(fragment, [f"{operators}{one}=" for one in names], "field")


def _choices(option: str) -> tuple[str, ...]:
    known = OPTIONS.get(option.removeprefix("--"))
    return known.choices if known else ()


def _matching(fragment: str, names: Iterable[str], kind: str) -> Completion:
    return Completion(fragment, starting(fragment, names), kind)


def starting(fragment: str, names: Iterable[str]) -> list[str]:
    """The names that begin with the fragment, in whatever case."""
    return sorted(name for name in names if name.lower().startswith(fragment.lower()))
