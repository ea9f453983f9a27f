"""Which columns and conditions of a query go to the portal: from the tree of a query to a need for each table. Pure.

One rule: a condition goes to the portal only if the portal's answer holds every row that SQL wants. The engine then
runs the whole query over what came, so a condition that stays here costs requests and never rows.

- WHERE of the SELECT that names the table, and ON of an inner join. ON of a left join only for its right side.
- ``=``, ranges, BETWEEN and IN with values on numbers and days; ``=`` and IN on codes.
- A day and a point in time a day wider on either side: the portal has a zone of its own.
- A number only where 0 does not meet the condition: a portal shows an empty number as 0, and may not find it as such.
- A table that is given twice: only what both places say.
- LIMIT with exact conditions alone. A portal may ignore them, so the engine looks at the rows: see ``lacks_rows``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from b24data.sql.conditions import Sent, SqlColumn, certain, conditions_of, one_of_each_key
from b24data.sql.limit import FirstRows, first_rows
from b24data.sql.statement import Place, Statement

NOT_CONSTANT: Any = object()
_FLIPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "=": "="}


@dataclass(frozen=True, slots=True)
class Link:
    """The ids of a table all stand in a column of another one: ``companies.id`` in ``deals.company_id``."""

    other: str
    column: str


@dataclass(slots=True)
class Need:
    """What a query needs of one table.

    ``columns`` are names in SQL, None: all. ``left`` are the conditions that the engine alone decides. ``first``: the
    answer may need no more rows than these, which is known when the engine has looked at them.
    """

    columns: list[str] | None
    sent: list[Sent] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    first: FirstRows | None = None

    @property
    def filter(self) -> dict[str, Any]:
        """The conditions as a filter."""
        return {one.key: one.value for one in self.sent}


Columns = Mapping[str, SqlColumn]
Constant = Callable[[Any], Any]


def needs_of(statement: Statement, known: Mapping[str, Columns | None], constant: Constant) -> dict[str, Need]:
    """The need of each table of the portal. ``known`` are their columns, None where nothing describes them.

    ``constant`` gives the value of an expression without columns, or :data:`NOT_CONSTANT`.
    """
    by_table: dict[str, list[_Occurrence]] = {name: [] for name in known}
    aliases = _Aliases(statement.places, known)
    for place in statement.places:
        if place.name in known:
            by_table[place.name].append(_occurrence(place, aliases, constant))
    needs = {}
    words = _identifiers(statement.tree)
    for name, occurrences in by_table.items():
        columns = known[name]
        need = Need(_columns(columns, occurrences, words))
        sent = functools.reduce(lambda one, other: [s for s in one if s in other], (o.sent for o in occurrences))
        kept = certain(sent, columns or {})
        gone = {(one.code, one.sign) for one in sent if one not in kept}
        need.sent, beside = one_of_each_key(kept)
        need.left = list(dict.fromkeys(text for o in occurrences for text in o.left))
        need.left += [f"{code} {sign} (0 meets it)" for code, sign in sorted(gone)]
        need.left += [f"{one.key} {one.value}" for one in beside]
        if len(occurrences) == 1:
            need.links = occurrences[0].links
            first = occurrences[0]
            if first.exactly and not gone and not beside:
                need.first = first_rows(statement.tree, first.place.node, columns or {})
        needs[name] = need
    return needs


@dataclass(slots=True)
class _Occurrence:
    """A table in one place of the query, and what that place alone allows."""

    place: Place
    whole: bool = False  # every column is wanted
    sent: list[Sent] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    exactly: bool = True  # the conditions sent are all that SQL says


class _Aliases:
    """Which table a column is of, in one SELECT."""

    def __init__(self, places: Sequence[Place], known: Mapping[str, Columns | None]) -> None:
        self._name_of = {id(place.node): place.name for place in places}
        self.known = known

    def sources(self, select: Any) -> dict[str, str | None]:
        """The sources of a SELECT by their alias in lower case; None: another query, or a table that is not known."""
        found: dict[str, str | None] = {}
        start = select.args.get("from_")
        nodes = [start.this] if start is not None else []
        nodes += [join.this for join in select.args.get("joins") or ()]
        nodes += list(select.args.get("laterals") or ())
        for at, node in enumerate(nodes):
            name = None if _renames(node) else self._name_of.get(id(node))
            alias = (node.alias_or_name or f"?{at}").lower()
            found[alias if alias not in found else f"?{at}"] = name if name in self.known else None
        return found

    def table_of(self, column: Any, select: Any) -> tuple[str, SqlColumn] | None:
        """The alias and the column, where there is no doubt which is meant."""
        sources = self.sources(select)
        if column.args.get("db") or column.args.get("catalog"):
            return None
        plain, table = column.name.lower(), column.table.lower()
        if table:
            name = sources.get(table)
            columns = self.known.get(name) if name else None
            return (table, columns[plain]) if columns and plain in columns else None
        having = []
        for alias, name in sources.items():
            columns = self.known.get(name) if name else None
            if columns is None:
                return None
            if plain in columns:
                having.append((alias, columns[plain]))
        renamed = any(one.alias.lower() == plain for one in select.expressions if one.key == "alias")
        return having[0] if len(having) == 1 and not renamed else None


def _renames(node: Any) -> bool:
    """Whether a table gives its columns other names, by their places: ``deals as d(a, b)``."""
    alias = node.args.get("alias")
    return alias is not None and bool(alias.args.get("columns"))


def _occurrence(place: Place, aliases: _Aliases, constant: Constant) -> _Occurrence:
    from sqlglot import exp

    node, found = place.node, _Occurrence(place)
    unread = _Occurrence(place, whole=True, exactly=False)  # what decides its rows stays unread here
    above = node.parent
    select = above.parent if isinstance(above, exp.From | exp.Join) else None
    if not isinstance(select, exp.Select) or node.args.get("joins") or _renames(node):
        return unread
    joins = select.args.get("joins") or []
    odd = any((join.args.get("method") or "").upper() not in ("", "HASH") for join in joins)
    if odd or any(node.args.get(name) for name in ("pivots", "sample", "when")) or select.args.get("sample"):
        return unread
    alias = node.alias_or_name.lower() if not node.args.get("alias") else node.alias.lower()
    found.whole = _wants_all(select, alias)
    for conjunct in _conjuncts(select, above):
        sent = _sent(conjunct, alias, select, aliases, constant)
        found.sent += sent
        if sent and all(one.exact for one in sent):
            continue
        found.exactly = False
        if not sent and (link := _link(conjunct, alias, select, aliases)):
            found.links.append(link)
        elif _mentions(conjunct, alias, select, aliases):
            found.left.append(conjunct.sql("duckdb"))
    return found


def _conjuncts(select: Any, above: Any) -> Iterator[Any]:
    """The conditions that every row of the SELECT has to meet, as far as they may limit the table of ``above``."""
    joins = select.args.get("joins") or []
    where = select.args.get("where")
    parts = [where.this] if where is not None else []
    for join in joins:
        on, side = join.args.get("on"), (join.side or "").upper()
        kind = (join.kind or "").upper()
        inner = not side and kind in ("", "INNER", "CROSS")
        if on is not None and (inner or (side == "LEFT" and kind in ("", "OUTER") and join is above)):
            parts.append(on)
    for part in parts:
        yield from _flat(part)


def _flat(node: Any) -> Iterator[Any]:
    from sqlglot import exp

    node = node.unnest()
    if isinstance(node, exp.And):
        yield from _flat(node.this)
        yield from _flat(node.expression)
    else:
        yield node


def _mentions(conjunct: Any, alias: str, select: Any, aliases: _Aliases) -> bool:
    from sqlglot import exp

    found = (aliases.table_of(column, select) for column in conjunct.find_all(exp.Column))
    return any(one is not None and one[0] == alias for one in found)


def _link(conjunct: Any, alias: str, select: Any, aliases: _Aliases) -> Link | None:
    """``alias.id = other.column``: the ids that the other table has are all that are wanted."""
    from sqlglot import exp

    if not isinstance(conjunct, exp.EQ):
        return None
    sides = [one.unnest() for one in (conjunct.this, conjunct.expression)]
    if not all(isinstance(one, exp.Column) for one in sides):
        return None
    found = [aliases.table_of(one, select) for one in sides]
    sources = aliases.sources(select)
    for mine, other in (found, found[::-1]):
        if mine and other and mine[0] == alias and other[0] != alias and mine[1].is_id and other[1].kind == "int":
            name = sources[other[0]]
            if name and not other[1].many:
                return Link(name, other[1].name)
    return None


# Conditions.


def _sent(conjunct: Any, alias: str, select: Any, aliases: _Aliases, constant: Constant) -> list[Sent]:
    """The conjunct as conditions for the portal; empty: the engine alone decides."""

    def mine(node: Any) -> SqlColumn | None:
        from sqlglot import exp

        node = node.unnest()
        found = aliases.table_of(node, select) if isinstance(node, exp.Column) else None
        return found[1] if found and found[0] == alias and not found[1].many else None

    compared = _compared(conjunct, mine, constant)
    if compared is None:
        return []
    column, sign, values = compared
    if not values or any(value is None or value is NOT_CONSTANT for value in values):
        return []
    return conditions_of(column, sign, values)


def _compared(  # noqa: PLR0911  one line a form
    node: Any, mine: Callable[[Any], SqlColumn | None], constant: Constant
) -> Any:
    """A column, a comparison (``=`` of one value or several, ``between``, ...) and its values."""
    from sqlglot import exp

    signs = {exp.EQ: "=", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}
    if sign := signs.get(type(node)):
        if column := mine(node.this):
            some = node.expression if isinstance(node.expression, exp.Any) else None
            if some is not None and sign == "=":
                return column, sign, _each(constant(some.this.unnest()))
            return column, sign, [constant(node.expression)]
        if column := mine(node.expression):
            return column, _FLIPPED[sign], [constant(node.this)]
    elif isinstance(node, exp.Between) and not node.args.get("symmetric") and (column := mine(node.this)):
        return column, "between", [constant(node.args["low"]), constant(node.args["high"])]
    elif isinstance(node, exp.In) and (column := mine(node.this)) and set(node.args) <= {"this", "expressions"}:
        return column, "=", [constant(one) for one in node.expressions]
    elif isinstance(node, exp.In) and (column := mine(node.this)) and set(node.args) <= {"this", "field"}:
        return column, "=", _each(constant(node.args["field"].unnest()))
    elif isinstance(node, exp.Or):
        parts = [_compared(one.unnest(), mine, constant) for one in (node.this, node.expression)]
        if all(part and part[1] == "=" for part in parts) and parts[0][0] == parts[1][0]:
            return parts[0][0], "=", [*parts[0][2], *parts[1][2]]
    elif isinstance(node, exp.Column) and (column := mine(node)) and column.kind == "flag":
        return column, "=", [True]
    return None


def _each(value: Any) -> list[Any]:
    """The values of a list that is a parameter; null is equal to none."""
    return [one for one in value if one is not None] if isinstance(value, list) else [NOT_CONSTANT]


# Columns.


def _identifiers(tree: Any) -> set[str]:
    from sqlglot import exp

    return {node.name.lower() for node in tree.find_all(exp.Identifier)}


def _wants_all(select: Any, alias: str) -> bool:
    """Whether a star, COLUMNS(...) or the name of the table itself asks for every column."""
    from sqlglot import exp

    if any((join.args.get("method") or "").upper() == "NATURAL" for join in select.args.get("joins") or ()):
        return True
    for star in select.find_all(exp.Star):
        if isinstance(star.parent, exp.Count):
            continue
        if isinstance(star.parent, exp.Column) and star.parent.table:
            if star.parent.table.lower() == alias:
                return True
        elif star.find_ancestor(exp.Select) is select:
            return True
    if select.find(exp.Columns):
        return True
    return any(not one.table and one.name.lower() == alias for one in select.root().find_all(exp.Column))


def _columns(columns: Columns | None, occurrences: Sequence[_Occurrence], words: set[str]) -> list[str] | None:
    if columns is None or not occurrences or any(one.whole for one in occurrences):
        return None
    wanted = [name for name in columns if name in words]
    ids = [name for name, column in columns.items() if column.is_id]
    return wanted or ids[:1] or list(columns)[:1]
