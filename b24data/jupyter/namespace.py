"""What the names on a ``%b24`` line mean: the variables where the line stands, as Python would see them."""

from __future__ import annotations

import ast
import inspect
import keyword
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any

from b24data.errors import ConfigError
from b24data.syntax.references import names_in
from b24data.syntax.values import without_semicolon

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Names", "NamesOfLines", "ends_silent", "evaluate", "names_here"]


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
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


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
    for name in names_in(f"{{{{{expression}}}}}"):
        if name in names:
            names[name]
    return eval(expression, dict(names))  # noqa: S307  the notebook's own code


class NamesOfLines(ast.NodeTransformer):
    """Lets a ``%b24`` line see the variables of enclosing functions.

    Python keeps such a variable for an inner function only if the inner code names it. So the call of the magic, in
    which a name is a text, gets a function beside it that names it and is never called.
    """

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """The call, with the names of its texts as names."""
        self.generic_visit(node)
        found = set().union(*(names_in(text) for text in _texts(node)))
        names = sorted(name for name in found if not keyword.iskeyword(name))
        if not names:
            return node
        named = ast.parse(f"(None, lambda: ({', '.join(names)},))[0]", mode="eval").body
        for inner in ast.walk(named):
            ast.copy_location(inner, node)
        named.value.elts[0] = node  # type: ignore[attr-defined]
        return named


def ends_silent(lines: list[str]) -> list[str]:
    """A ``;`` at the end of a ``%b24`` line shows no result: IPython looks for it behind the Python that it runs."""
    if not any("run_" in line and "_magic('b24'" in line for line in lines):
        return lines
    try:
        last = ast.parse("".join(lines)).body[-1]
    except (SyntaxError, IndexError):
        return lines
    if not isinstance(last, ast.Expr) or not isinstance(last.value, ast.Call):
        return lines
    if all(text == without_semicolon(text) for text in _texts(last.value)):
        return lines
    end = (last.end_lineno or len(lines)) - 1
    return [*lines[:end], lines[end].rstrip("\r\n") + ";\n", *lines[end + 1 :]]


def _texts(call: ast.Call) -> list[str]:
    """The line, and the body, of a call of the magic."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("run_line_magic", "run_cell_magic"):
        return []
    given = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return given[1:] if len(given) == len(call.args) and given[:1] == ["b24"] else []
