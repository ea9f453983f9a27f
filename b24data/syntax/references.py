"""``$name``, ``${name}`` and ``{{expression}}`` in a text, and the values that take their place. Pure.

A text that is nothing but a reference keeps the type of its value, so a list stays a list; ``$$`` is a dollar sign.
"""

from __future__ import annotations

import ast
import difflib
import math
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, MappingView, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from numbers import Real
from typing import Any
from uuid import UUID

from b24data.errors import ConfigError

Expand = Callable[[str], Any]

_DOLLAR = "$$ is a dollar sign"
_START = re.compile(r"\$|\{\{")
_INDEX = re.compile(r"""\[\s*(?:(?P<number>-?(?:0|[1-9][0-9]{0,17}))|'(?P<one>[^'\\]*)'|"(?P<two>[^"\\]*)")\s*\]""")


@dataclass(frozen=True, slots=True)
class Reference:
    """What stands for a value of the notebook.

    ``name`` and ``path`` are those of ``$name.TITLE[0]``, an attribute in the path is a text behind a dot; else there
    is an ``expression``. ``source`` is what was typed.
    """

    source: str
    name: str = ""
    path: tuple[str | tuple[int | str], ...] = ()
    expression: str = ""


def parts_of(text: str) -> list[str | Reference]:
    """The texts and references that ``text`` is made of; ``$$`` is a dollar sign.

    Raises :class:`ConfigError` for any other dollar sign, and for braces that are not closed.

    >>> parts_of("from $day to ${row.END}, 5 $$")[1:]
    [Reference(source='$day', name='day', path=(), expression=''), ' to ', \
Reference(source='${row.END}', name='row', path=('END',), expression=''), ', 5 $']
    """
    parts: list[str | Reference] = []
    plain, at = "", 0
    while match := _START.search(text, at):
        plain, at = plain + text[at : match.start()], match.start()
        if text.startswith("$$", at):
            plain, at = plain + "$", at + 2
            continue
        found = _expression(text, at) if match.group() == "{{" else _variable(text, at)
        parts += [plain, found] if plain else [found]
        plain, at = "", at + len(found.source)
    plain += text[at:]
    return [*parts, plain] if plain or not parts else parts


def names_in(text: str) -> set[str]:
    """The names that the references of ``text`` need; none where it is not understood.

    >>> sorted(names_in("$row.TITLE {{least + 1}}"))
    ['least', 'row']
    """
    try:
        found = [part for part in parts_of(text) if isinstance(part, Reference)]
    except ConfigError:
        return set()
    trees = [ast.parse(one.expression, mode="eval") for one in found if one.expression]
    inside = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return inside | {one.name for one in found if one.name}


# Expressions in braces.


def read_in(expression: str) -> set[str]:
    """The names that a Python expression reads from around it: not those that it sets itself.

    >>> sorted(read_in("[row for row in rows if row.ID > least]"))
    ['least', 'rows']
    """
    nodes = list(ast.walk(ast.parse(expression, mode="eval")))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)} | {
        node.arg for node in nodes if isinstance(node, ast.arg)
    }
    return {node.id for node in names} - own


def _expression(text: str, at: int) -> Reference:
    end = expression_end(text, at)
    return Reference(text[at:end], expression=text[at + 2 : end - 2].strip())


def expression_end(text: str, at: int) -> int:
    """Where the ``{{`` at ``at`` ends: at the first ``}}`` that leaves a Python expression between them.

    >>> expression_end("{{ {1: {2: 3}} }} and", 0)
    17
    """
    end = text.find("}}", at + 2)
    if end < 0:
        raise ConfigError(f"{{{{ is not closed in {_shown(text, at)}", hint="write }} after the expression")
    first = end
    while end >= 0:
        if _is_python(text[at + 2 : end].strip()):
            return end + 2
        end = text.find("}}", end + 1)
    raise ConfigError(
        f"{text[at : first + 2]} is not a Python expression", hint="{{ and }} hold one, such as {{year - 1}}"
    )


def _is_python(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


# Names behind a dollar sign.


def _variable(text: str, at: int) -> Reference:
    braced = text.startswith("${", at)
    begin = at + 2 if braced else at + 1
    end = _name_end(text, begin)
    if end == begin:
        raise ConfigError(f"{_shown(text, at)} is not understood: no name follows $", hint=_hint(text, at))
    name, path = _name(text[begin:end]), list[str | tuple[int | str]]()
    while step := _step(text, end):
        found, end = step
        path.append(found)
    if braced and text[end : end + 1] != "}":
        raise ConfigError(f"{_shown(text, at)} is not understood: no }} behind {name}", hint=_hint(text, at))
    source = text[at : end + 1 if braced else end]
    if not braced and text[end : end + 1] in ("(", "["):
        bracket = "a name in brackets needs quotation marks, and so does the whole value: \"TITLE=$row['TITLE']\""
        called = f"write {{{{{text[begin:end]}(...)}}}} to call it, ${{{text[begin:end]}}} to end the name"
        raise ConfigError(
            f"{_shown(text, at)} is not understood behind {source}",
            hint=called if text[end] == "(" else f"{bracket}; {{{{...}}}} takes any expression",
        )
    return Reference(source, name, tuple(path))


def _step(text: str, at: int) -> tuple[str | tuple[int | str], int] | None:
    """The attribute or the index that goes on at ``at``, and where it ends."""
    if text[at : at + 1] == "." and (end := _name_end(text, at + 1)) > at + 1:
        return _name(text[at + 1 : end]), end
    if not (match := _INDEX.match(text, at)):
        return None
    if (number := match["number"]) is not None:
        return (int(number),), match.end()
    return (match["one"] if match["one"] is not None else match["two"],), match.end()


def _name_end(text: str, at: int) -> int:
    """Where the identifier at ``at`` ends; a letter may be two characters, as macOS writes й."""
    end = at
    while end < len(text) and (text[end] if end == at else "a" + text[end]).isidentifier():
        end += 1
    return end


def _name(text: str) -> str:
    """A name as Python keeps it: language reference, section 2.3."""
    return unicodedata.normalize("NFKC", text)


def _hint(text: str, at: int) -> str:
    if text.startswith("${", at):
        return f"${{name}} takes a name, {{{{...}}}} an expression; {_DOLLAR}"
    return f"$name is a variable; {_DOLLAR}"


def _shown(text: str, at: int) -> str:
    """The part of a text that an error is about."""
    return text[at : at + 30] + ("..." if len(text) > at + 30 else "")


# Their values.


def _listed(value: Any, source: str) -> Any:
    """A value as it is; what holds several as a list of them."""
    if isinstance(value, str | bytes | Mapping | list):
        return value
    dimensions = getattr(value, "ndim", None)
    if dimensions == 0 and hasattr(value, "__len__"):  # an array of NumPy that holds one value
        return value[()]
    if dimensions is not None and dimensions > 1:
        raise ConfigError(f"{source} is a table ({type(value).__name__})", hint="take one of its columns")
    if isinstance(value, Set):
        return _in_order(value)
    if dimensions == 1 or isinstance(value, Sequence | MappingView | Iterator):
        return list(value)
    for listed in ("to_pylist", "to_list"):  # pyarrow, polars
        if hasattr(value, "__len__") and hasattr(value, listed):
            return getattr(value, listed)()
    if callable(value) and hasattr(value, "__name__"):
        raise ConfigError(f"{source} is {value_kind(value)}", hint=f"{{{{{source.strip('${}')}(...)}}}} calls it")
    return value


def _in_order(values: Iterable[Any]) -> list[Any]:
    try:
        return sorted(values)
    except TypeError:
        return list(values)


_NUMBERS: tuple[type, ...] = (Real, Decimal)


def _in_a_text(value: Any, source: str, text: str) -> str:
    """The text for a value that stands within ``text``: one of which there can be no doubt."""
    if isinstance(value, str | UUID | os.PathLike):
        return str(value) if isinstance(value, UUID) else os.fspath(value)
    number: Any = value if isinstance(value, _NUMBERS) and not isinstance(value, bool) else None
    if number is not None and math.isfinite(number):
        return str(number)
    if hasattr(value, "isoformat") and value == value:  # noqa: PLR0124  NaT is not
        return str(value.isoformat())
    if type(value).__name__ == "datetime64" and value == value:  # noqa: PLR0124
        return str(value)
    raise ConfigError(
        f"{source} is {value_kind(value)}, and is part of a longer text: {text[:60]}",
        hint="a text takes texts, numbers and dates; a reference that is the whole value keeps its type",
    )


def value_kind(value: Any) -> str:
    """A value in an error: what it is, and not what is in it."""
    return repr(value) if value is None or isinstance(value, bool | int | float) else f"of type {type(value).__name__}"


def expander(variables: Mapping[str, Any], evaluate: Callable[[str], Any]) -> Expand:
    """A function that puts the notebook's values in the place of ``$name`` and ``{{expression}}``.

    A series, a range, a set and their like become lists. Within a longer text only texts, numbers and dates can stand.

    >>> expand = expander({"stages": ("NEW", "WON"), "year": 2026, "row": {"ID": 5}}, eval)
    >>> expand("$stages"), expand("$year-01-01"), expand("$row['ID']"), expand("{{6 * 7}}"), expand("5 $$")
    (['NEW', 'WON'], '2026-01-01', 5, 42, '5 $')
    """

    def expand(text: str) -> Any:
        parts = parts_of(text)
        if len(parts) == 1:
            return parts[0] if isinstance(parts[0], str) else _listed(resolve(parts[0]), parts[0].source)
        return "".join(
            part if isinstance(part, str) else _in_a_text(resolve(part), part.source, text) for part in parts
        )

    def resolve(reference: Reference) -> Any:
        if not reference.name:
            return _tried(partial(evaluate, reference.expression), reference.source)
        if reference.name not in variables:
            known = [name for name in variables if name[:1] != "_"]
            near = difflib.get_close_matches(reference.name, known, n=1)
            hint = f"did you mean ${near[0]}? " if near else ""
            raise ConfigError(f"there is no variable {reference.name!r}", hint=f"{hint}$$ is a dollar sign")
        value = variables[reference.name]
        for step in reference.path:
            value = _tried(partial(_stepped, value, step), reference.source)
        return value

    return expand


def _stepped(value: Any, step: str | tuple[int | str]) -> Any:
    if isinstance(step, tuple):
        return value[step[0]]
    if isinstance(value, Mapping) and step in value and not hasattr(value, step):
        raise ConfigError(f"a mapping has no attribute {step}", hint=f"put a key into brackets: ['{step}']")
    return getattr(value, step)


def _tried(get: Callable[[], Any], source: str) -> Any:
    try:
        return get()
    except ConfigError:
        raise
    except Exception as error:
        name, dot, behind = source.removeprefix("$").partition(".")
        ends = dot and source[:2] not in ("${", "{{")
        hint = f"write ${{{name}}}.{behind} if the name ends there" if ends else "the notebook evaluates it"
        raise ConfigError(f"{source} fails: {type(error).__name__}: {error}", hint=hint) from error
