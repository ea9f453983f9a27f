"""LIMIT: where the first rows of a list by id are all that a query takes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from b24data.sql.conditions import SqlColumn


def first_rows(tree: Any, table: Any, columns: Mapping[str, SqlColumn]) -> tuple[int | None, bool]:
    """How many rows by id are all that the query takes, and whether from the last one on; None: all rows."""
    from sqlglot import exp

    if not isinstance(tree, exp.Select) or table.find_ancestor(exp.Select) is not tree:
        return None, False
    start = tree.args.get("from_")
    if start is None or start.this is not table:
        return None, False
    allowed = {"expressions", "from_", "where", "order", "limit", "offset", "kind", "hint"}
    if any(value for name, value in tree.args.items() if name not in allowed):
        return None, False
    if len(list(tree.find_all(exp.Select, exp.Table))) > 2 or not all(map(_is_plain, tree.expressions)):
        return None, False
    descending = False
    order = tree.args.get("order")
    if order is not None:
        first = order.expressions[0] if len(order.expressions) == 1 else None
        column = first.this if isinstance(first, exp.Ordered) else None
        known = columns.get(column.name.lower()) if isinstance(column, exp.Column) else None
        renamed = known is not None and any(
            one.key == "alias" and one.alias.lower() == known.name for one in tree.expressions
        )
        if first is None or known is None or not known.is_id or renamed:
            return None, False
        descending = bool(first.args.get("desc"))
    limit, offset = _literal(tree.args.get("limit")), _literal(tree.args.get("offset"))
    return (limit + offset if limit and offset is not None else None), descending


def _is_plain(node: Any) -> bool:
    from sqlglot import exp

    inner = node.this if isinstance(node, exp.Alias) else node
    star = inner.find(exp.Star)
    changed = star is not None and any(star.args.values())  # REPLACE may give id another meaning
    return isinstance(inner, exp.Column | exp.Star) and not changed


def _literal(node: Any) -> int | None:
    """The rows of LIMIT or OFFSET; 0 without one, None where it is not a plain number."""
    if node is None:
        return 0
    inner = node.args.get("expression")
    plain = inner is not None and inner.key == "literal" and not inner.is_string and inner.name.isdecimal()
    return int(inner.name) if plain and not node.args.get("limit_options") else None
