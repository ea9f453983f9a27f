"""Fills the tables of docs/crm.md and draws docs/images/crm.svg: ``python docs/make_crm.py``."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

import duckdb

from b24data.crm.columns import COLUMNS
from b24data.crm.folder import Manifest
from b24data.crm.open import make_views
from b24data.crm.snapshot import Snapshot, SnapshotTable
from b24data.crm.tables import TABLES, Table, sql_name
from b24data.crm.views import view_statements

PAGE = Path(__file__).with_name("crm.md")
PICTURE = Path(__file__).parent / "images" / "crm.svg"

_KINDS = {
    "synced": "changes, by",
    "whole": "in full each run",
    "owned": "by the ids of changed",
    "linked": "no request, from",
}
# Column and row of each box; a link leads from a box to the one it refers to.
_PLACES = {
    "users": (0, 0),
    "calls": (0, 1),
    "tasks": (0, 2),
    "activities": (0, 3),
    "deal_stage_history": (1, 0),
    "deals": (1, 2),
    "leads": (1, 4),
    "deal_products": (1, 1),
    "deal_contacts": (2, 1),
    "contacts": (2, 2),
    "companies": (2, 4),
    "contact_companies": (2, 3),
    "products": (2, 0),
}
_WIDTH, _HEIGHT, _ACROSS, _DOWN = 190, 46, 270, 84


def page() -> str:
    """The page with its tables as the package has them now."""
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in (("tables", _tables()), ("views", _views())):
        head, _, rest = text.partition(f"<!-- {name} -->\n")
        _, _, tail = rest.partition("<!-- end -->")
        text = "\n".join([f"{head}<!-- {name} -->", *lines, "<!-- end -->"]) + tail
    return text


def _tables() -> list[str]:
    rows = [
        f"| `{one.name}` | {one.meaning} | {_method(one)} | {_how(one)} | {_names(sql_name(key) for key in one.key)} |"
        for one in TABLES
    ]
    return ["| table | rows | method | read | key |", "|---|---|---|---|---|", *rows]


def _method(table: Table) -> str:
    number = table.params.get("entityTypeId")
    return f"`{table.method}`" + (f" {number}" if number else "") if table.method else ""


def _how(table: Table) -> str:
    what = table.cursor or table.source or (table.owners.table if table.owners else "")
    return f"{_KINDS[table.kind]} `{what}`" if what else _KINDS[table.kind]


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _views() -> list[str]:
    nothing = [SnapshotTable(name, None, {}, columns) for name, columns in COLUMNS.items()]
    with duckdb.connect() as connection:
        make_views(connection, Snapshot(Manifest(caller="", portal="", began="2026-01-01"), tuple(nothing)))
        columns = {name: connection.table(name).columns for name in view_statements()}
    return ["| view | columns |", "|---|---|", *(f"| `{name}` | {_names(each)} |" for name, each in columns.items())]


def picture() -> str:
    """Boxes for the tables that most questions need, and arrows to the tables that they refer to."""
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 440" role="img" font-size="13" fill="#1f2933"'
        ' font-family="system-ui, Segoe UI, Helvetica, Arial, sans-serif">',
        "<title>Tables of the CRM and the columns that link them</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#52606d"/></marker></defs>',
        '<rect width="780" height="440" rx="6" fill="#ffffff"/>',
    ]
    by_name = {one.name: one for one in TABLES}
    for name in _PLACES:
        for column, target in by_name[name].refers.items():
            if target in _PLACES and (target != "users" or _PLACES[name][0] == 0):
                lines.append(_arrow(name, target, column))
    for name, (x, y) in _PLACES.items():
        left, top = 20 + x * _ACROSS, 16 + y * _DOWN
        lines += [
            f'<rect x="{left}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" rx="5" fill="#eaf1f9" stroke="#2f6db5"/>',
            f'<text x="{left + 12}" y="{top + 20}" font-weight="600">{escape(name)}</text>',
            f'<text x="{left + 12}" y="{top + 37}" font-size="11">{escape(_key_line(by_name[name]))}</text>',
        ]
    return "\n".join([*lines, "</svg>\n"])


def _key_line(table: Table) -> str:
    names = [sql_name(key) for key in table.key]
    return "key: " + ", ".join(name for name in names if name in COLUMNS[table.name])


def _arrow(name: str, target: str, column: str) -> str:
    (x1, y1), (x2, y2) = _PLACES[name], _PLACES[target]
    if x1 == x2:
        x, down = 20 + x1 * _ACROSS + _WIDTH - 22, y2 > y1
        start = 16 + y1 * _DOWN + (_HEIGHT if down else 0)
        end = 16 + y2 * _DOWN + (0 if down else _HEIGHT)
        path = (
            f"M{x} {start} L{x} {end}"
            if abs(y1 - y2) == 1
            else (f"M{x + 22} {16 + y1 * _DOWN + 23} C{x + 56} {start} {x + 56} {end} {x + 22} {16 + y2 * _DOWN + 23}")
        )
    else:
        right = x2 > x1
        start, end = (_WIDTH, 0) if right else (0, _WIDTH)
        path = f"M{20 + x1 * _ACROSS + start} {16 + y1 * _DOWN + 23} L{20 + x2 * _ACROSS + end} {16 + y2 * _DOWN + 23}"
    return (
        f'<path d="{path}" fill="none" stroke="#52606d" marker-end="url(#tip)"><title>{escape(column)}</title></path>'
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    PICTURE.write_text(picture(), encoding="utf-8")
