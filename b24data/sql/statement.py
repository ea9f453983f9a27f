"""One SQL query: read, checked, and made ready for the engine. Pure.

The engine gets the text as it was written, but for two things: the name of a method, such as ``crm.deal.list``, becomes
one quoted name, since the engine takes at most three parts; and ``:name`` becomes ``$name``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from b24data.errors import ConfigError, extra
from b24data.text.hints import OWN_TABLE, option

_STARTS = {"select", "with", "from", "values", "table", "describe", "desc", "show", "("}
_ONE_QUERY = "write one SELECT, such as select title from deals where id < 100"
# Functions in FROM that read nothing but their arguments.
_ROW_MAKERS = {"UNNEST", "GENERATESERIES", "RANGE", "GENERATE_SERIES", "VALUES"}
_CHANGES = {
    *("Insert", "Update", "Delete", "Create", "Drop", "Command", "Copy", "Attach", "Detach", "Install"),
    *("Set", "Pragma", "Merge", "Alter", "Use", "Export", "Into"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One table in FROM or JOIN: its name, and the node of the tree."""

    name: str
    node: Any


@dataclass(frozen=True, slots=True)
class Statement:
    """A query that may run. ``kind`` is ``query``, ``describe`` or ``show``; ``text`` is what the engine runs."""

    kind: str
    text: str
    tree: Any
    places: tuple[Place, ...]
    params: Mapping[str, Any]

    @property
    def names(self) -> list[str]:
        """The names of the tables, each once."""
        return list(dict.fromkeys(place.name for place in self.places))


def read_statement(query: str, params: Mapping[str, Any] | None = None) -> Statement:
    """The query, or a :class:`ConfigError` that says why it does not run.

    >>> found = read_statement("select title from crm.deal.list where id = :n", {"n": 5})
    >>> found.names, found.text
    (['crm.deal.list'], 'select title from "crm.deal.list" as "list" where id = $n')
    >>> read_statement("drop table deals")
    Traceback (most recent call last):
    b24data.errors.ConfigError: drop is refused: SQL here only reads. Hint: write one SELECT, \
such as select title from deals where id < 100.
    """
    with extra("sql", "SQL over a portal"):
        import sqlglot
        from sqlglot.errors import SqlglotError
    if not isinstance(query, str) or not query.strip(" \t\n;"):
        raise ConfigError("the query is empty", hint=_ONE_QUERY)
    try:
        tokens = sqlglot.tokenize(query, read="duckdb")
        while tokens and tokens[-1].token_type.name == "SEMICOLON":
            tokens.pop()
        _check_start(tokens)
        if any(token.token_type.name == "SEMICOLON" for token in tokens):
            raise ConfigError("the query has several statements", hint="run them one by one")
        query = query[: tokens[-1].end + 1]
        (tree,) = sqlglot.parse(query, read="duckdb")
    except SqlglotError as error:
        raise _not_read(error) from None
    except RecursionError:
        raise ConfigError("the query is nested too deeply", hint="split it with WITH ... AS") from None
    if tree is None:
        raise ConfigError("the query is empty", hint=_ONE_QUERY)
    kind = _kind(tree)
    places = tuple(_places(tree))
    return Statement(kind, _spliced(query, tree, places, tokens), tree, places, _bound(tree, params or {}))


def _check_start(tokens: list[Any]) -> None:
    word = tokens[0].text.lower() if tokens else ""
    if word not in _STARTS:
        raise ConfigError(f"{word} is refused: SQL here only reads", hint=_ONE_QUERY)
    if word == "show" and [token.text.lower() for token in tokens] != ["show", "tables"]:
        raise ConfigError("only SHOW TABLES is supported", hint="DESCRIBE deals shows the columns of a table")


def _not_read(error: Exception) -> ConfigError:
    from sqlglot.errors import ParseError

    if isinstance(error, ParseError) and error.errors:
        found = error.errors[0]
        where = f"line {found.get('line')}, near {found.get('highlight') or 'the end'}"
        return ConfigError(f"the query can't be read: {where}", hint="check the spelling and the brackets there")
    return ConfigError("the query can't be read", hint="check that each quotation mark is closed")


def _kind(tree: Any) -> str:
    from sqlglot import exp

    if isinstance(tree, exp.Show):
        return "show"
    for node in tree.walk():
        if type(node).__name__ in _CHANGES:
            raise ConfigError(f"{node.key} is refused: SQL here only reads", hint=_ONE_QUERY)
    if isinstance(tree, exp.Describe):
        return "describe"
    if not isinstance(tree, exp.Query | exp.Values):
        raise ConfigError(f"{tree.key} is refused: SQL here only reads", hint=_ONE_QUERY)
    return "query"


def _places(tree: Any) -> Iterator[Place]:
    from sqlglot import exp

    for node in tree.find_all(exp.Table):
        parts = [part for part in node.parts if isinstance(part, exp.Identifier)]
        if len(parts) < len(node.parts) or not parts:
            inner = node.this
            called = getattr(inner, "name", "") if isinstance(inner, exp.Anonymous) else type(inner).__name__
            if str(called).upper() not in _ROW_MAKERS:
                raise ConfigError(
                    f"{inner.sql('duckdb')} in FROM is refused: SQL here reads no files and no network",
                    hint=OWN_TABLE,
                )
            continue
        name = ".".join(part.name for part in parts).lower()
        if not (len(parts) == 1 and _is_cte(node, name)):
            yield Place(name, node)


def _is_cte(node: Any, name: str) -> bool:
    """Whether a name means a query of WITH: one that stands before, or any of a recursive WITH."""
    from sqlglot import exp

    below, above = node, node.parent
    while above is not None:
        if isinstance(above, exp.With):
            names = _aliases(above)
            seen = names if above.recursive else names[: _index(above.expressions, below)]
            if name in seen:
                return True
        elif (given := above.args.get("with_")) is not None and given is not below and name in _aliases(given):
            return True
        below, above = above, above.parent
    return False


def _aliases(given: Any) -> list[str]:
    return [one.alias.lower() for one in given.expressions]


def _index(nodes: list[Any], wanted: Any) -> int:
    return next((at for at, node in enumerate(nodes) if node is wanted), 0)


def _spliced(query: str, tree: Any, places: tuple[Place, ...], tokens: list[Any]) -> str:
    """The text of the query with names of methods quoted and ``:name`` as ``$name``."""
    from sqlglot import exp

    changes: list[tuple[int, int, str]] = []
    for place in places:
        parts = [part for part in place.node.parts if isinstance(part, exp.Identifier)]
        if len(parts) > 1 or not place.node.name.isascii():  # the engine folds the letters of ASCII alone
            quoted = '"' + place.name.replace('"', '""') + '"'
            if not place.node.args.get("alias") and isinstance(place.node.parent, exp.From | exp.Join):
                quoted += f' as "{parts[-1].name}"'  # as the engine does with a name of three parts
            changes.append((parts[0].meta["start"], parts[-1].meta["end"] + 1, quoted))
    named = {node.name for node in tree.find_all(exp.Placeholder)}
    behind = {"NUMBER", "STRING", "R_PAREN", "R_BRACKET", "VAR", "IDENTIFIER"}
    for before, colon, name in zip(tokens, tokens[1:], tokens[2:], strict=False):
        adjacent = colon.end + 1 == name.start and name.text in named
        if colon.token_type.name == "COLON" and adjacent and before.token_type.name not in behind:
            changes.append((colon.start, colon.end + 1, "$"))
    for start, end, text in sorted(changes, reverse=True):
        query = query[:start] + text + query[end:]
    return query


def _bound(tree: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    from sqlglot import exp

    if not isinstance(params, Mapping):
        raise ConfigError(f"params is {params!r}", hint=f"write {option('params', {'name': ...})}")
    names = []
    for node in tree.find_all(exp.Placeholder, exp.Parameter):
        name = node.name or str(node.this or "")
        if not name.isidentifier():
            raise ConfigError(f"the parameter {node.sql('duckdb')} has no name", hint='write $name and {"name": value}')
        names.append(name)
    lacking = [name for name in dict.fromkeys(names) if name not in params]
    if lacking:
        raise ConfigError(
            f"the parameter ${lacking[0]} has no value", hint=f"pass {option('params', {lacking[0]: ...})}"
        )
    return {name: _plain(params[name]) for name in names}


def _plain(value: Any) -> Any:
    """A value of Python's own; a list for what holds several, in which what is missing is None."""
    if isinstance(value, range):
        return list(value)
    if isinstance(value, set | frozenset):
        value = sorted(value, key=lambda one: (type(one).__name__, str(one)))
    if hasattr(value, "to_pydatetime") and not hasattr(value, "__len__"):
        return _present(value)
    if type(value).__module__ == "numpy" and value.dtype.kind in "mM":
        value = value.astype(f"{value.dtype.kind}8[us]")  # nanoseconds would become numbers
    for way in ("tolist", "to_list", "to_pylist", "as_py"):
        if hasattr(value, way):
            value = getattr(value, way)()
            break
    return [_present(one) for one in value] if isinstance(value, list | tuple) else _present(value)


def _present(value: Any) -> Any:
    """One value; None for the missing ones of pandas, NaN among them."""
    if type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and math.isnan(value)):
        return None
    return value.to_pydatetime() if hasattr(value, "to_pydatetime") else value
