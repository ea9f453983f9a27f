"""What the names on a ``%b24`` line mean: the variables where the line stands, as Python would see them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any

from b24data.errors import ConfigError
from b24data.syntax.references import read_in

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class Names(Mapping[str, Any]):
    """The variables of a function before those of the notebook."""

    def __init__(self, frame: FrameType | None, *scopes: Mapping[str, Any]) -> None:
        self._known: dict[str, Any] = {}
        for scope in reversed(scopes):
            self._known.update(scope)
        self._own: frozenset[str] = frozenset()
        self._unset: frozenset[str] = frozenset()
        if frame is not None and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            code, values = frame.f_code, dict(frame.f_locals)
            self._known.update(values)
            self._own = frozenset((*code.co_varnames, *code.co_cellvars, *code.co_freevars))
            self._unset = self._own - values.keys()
        elif frame is not None:
            self._known.update(frame.f_locals)

    def is_local(self, name: str) -> bool:
        """Whether the name is a variable of the function that runs the line."""
        return name in self._own

    def __getitem__(self, name: str) -> Any:
        if name in self._unset:
            raise ConfigError(f"the local variable {name!r} has no value yet", hint="set it before the line")
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        """The names that have a value here."""
        return (name for name in self._known if name not in self._unset)

    def __len__(self) -> int:
        return len(self._known.keys() - self._unset)


def names_here(shell: InteractiveShell) -> Names:
    """The names that a magic's line may use, from inside of the magic.

    The frame of the caller is found here and not by IPython's ``needs_local_scope``: that gives a cell magic the
    notebook's variables, whoever calls it.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not _is_of_ipython(frame):
        frame = frame.f_back
    while frame is not None and _is_of_ipython(frame):
        frame = frame.f_back
    return Names(frame, shell.user_ns, shell.user_global_ns)


def _is_of_ipython(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] == "IPython"


def evaluate(names: Names, expression: str) -> Any:
    """The value of a Python expression; one scope, so that a comprehension in it sees local variables too."""
    for name in read_in(expression):
        if name in names:
            names[name]  # one without a value says so: it is no built-in function of that name
    return eval(expression, dict(names))  # noqa: S307  the notebook's own code
