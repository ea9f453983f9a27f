"""What is done to a cell before IPython runs it, so that a ``%b24`` line is as good as Python."""

from __future__ import annotations

import ast
import keyword
import re
from typing import TYPE_CHECKING

from b24data.jupyter.sql import words_in
from b24data.syntax.references import names_in
from b24data.syntax.values import without_semicolon

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_HELP = re.compile(r"^(?P<line>\s*%{1,2}b24(?:\s+\w+)?)(?:\s[^\"'?]*)?\?{1,2}\s*$")


def install(shell: InteractiveShell) -> None:
    """Put the transforms into a shell."""
    shell.input_transformers_cleanup.append(_ask_help)
    shell.input_transformers_post.append(_end_silent)
    shell.ast_transformers.append(_NameCapture())


def uninstall(shell: InteractiveShell) -> None:
    """Take them out again."""
    for known in (shell.input_transformers_cleanup, shell.input_transformers_post, shell.ast_transformers):
        known[:] = [one for one in known if one not in (_ask_help, _end_silent) and not isinstance(one, _NameCapture)]


def _ask_help(lines: list[str]) -> list[str]:
    """``%b24 call?`` asks for the help of ``call``; IPython would look for an object of that name."""
    match = _HELP.match(lines[0]) if len(lines) == 1 else None
    return [f"{match['line'].replace('%%', '%')} --help\n"] if match else lines


class _NameCapture(ast.NodeTransformer):
    """Lets a ``%b24`` line see the variables of enclosing functions.

    Python keeps such a variable for an inner function only if the inner code names it. So the call of the magic, in
    which a name is a text, gets a function beside it that names it and is never called.
    """

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """The call, with the names of its texts as names."""
        self.generic_visit(node)
        head, *body = _texts(node) or ("",)
        read = words_in if _is_sql(head) else names_in
        found = names_in(head).union(*map(read, [head, *body]))
        names = sorted(name for name in found if not keyword.iskeyword(name))
        if not names:
            return node
        named = ast.parse(f"(None, lambda: ({', '.join(names)},))[0]", mode="eval").body
        for inner in ast.walk(named):
            ast.copy_location(inner, node)
        named.value.elts[0] = node  # type: ignore[attr-defined]
        return named


def _end_silent(lines: list[str]) -> list[str]:
    """A ``;`` at the end of a ``%b24`` line shows no result: IPython looks for it behind the Python that it runs."""
    if not any("run_" in line and "_magic('b24'" in line for line in lines):
        return lines
    try:
        last = ast.parse("".join(lines)).body[-1]
    except (SyntaxError, IndexError):
        return lines
    if not isinstance(last, ast.Expr) or not isinstance(last.value, ast.Call):
        return lines
    texts = _texts(last.value)
    if texts and _is_sql(texts[0]):
        del texts[1:]  # a query of SQL may end so
    if all(text == without_semicolon(text) for text in texts):
        return lines
    end = (last.end_lineno or len(lines)) - 1
    return [*lines[:end], lines[end].rstrip("\r\n") + ";\n", *lines[end + 1 :]]


def _is_sql(head: str) -> bool:
    return head.split()[:1] == ["sql"]


def _texts(call: ast.Call) -> list[str]:
    """The line, and the body, of a call of the magic."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("run_line_magic", "run_cell_magic"):
        return []
    given = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return given[1:] if len(given) == len(call.args) and given[:1] == ["b24"] else []
