"""LIMIT: where the first rows of a list by id may be all that a query takes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from b24data.sql.conditions import SqlColumn


@dataclass(frozen=True, slots=True)
class FirstRows:
    """The first ``rows`` of a list, from which the answer has ``wanted``: those behind OFFSET.

    ``ordered``: they are the first by id, with ``descending`` from the last one on; otherwise any rows will do.
    """

    rows: int
    wanted: int
    ordered: bool = False
    descending: bool = False


def first_rows(tree: Any, table: Any, columns: Mapping[str, SqlColumn]) -> FirstRows | None:
    """The rows that the query takes, if every row that comes meets its conditions; None: all rows."""
    from sqlglot import exp

    start = tree.args.get("from_") if isinstance(tree, exp.Select) else None
    if start is None or start.this is not table:
        return None
    allowed = {"expressions", "from_", "where", "order", "limit", "offset", "kind", "hint"}
    if any(value for name, value in tree.args.items() if name not in allowed):
        return None
    if len(list(tree.find_all(exp.Select, exp.Table))) > 2 or not all(map(_is_plain, tree.expressions)):
        return None
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
            return None
        descending = bool(first.args.get("desc"))
    limit, offset = _literal(tree.args.get("limit")), _literal(tree.args.get("offset"))
    if not limit or offset is None:
        return None
    return FirstRows(limit + offset, limit, ordered=order is not None, descending=descending)


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
