"""HTML that a notebook shows: small tables without colours of their own, so that dark themes stay readable."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from b24data.text.language import language, translated

_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0;border:0;background:transparent"
_TABLE = "margin:0;border:0;border-collapse:collapse"


def facts_html(title: str, facts: Iterable[tuple[str, object]], *, good: bool | None = None) -> str:
    """A title and a table of facts; those that are empty are left out. Everything is escaped.

    ``good`` puts a check mark or a cross before the title.

    >>> facts_html("<deals>", [("rows", "3"), ("notes", "")], good=True).count("<tr>"), facts_html("<", [])[-14:]
    (1, '&lt;</b></div>')
    """
    mark = {None: "", True: "✓ ", False: "✗ "}[good]
    rows = "".join(
        f'<tr><td style="{_CELL};opacity:.7">{_lines(name)}</td><td style="{_CELL}">{_lines(value)}</td></tr>'
        for name, value in facts
        if str(value)
    )
    table = f'<table style="{_TABLE}">{rows}</table>' if rows else ""
    return f'<div class="b24data" style="line-height:1.4"><b>{mark}{html.escape(translated(title))}</b>{table}</div>'


def table_html(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]], *, good: bool | None = None) -> str:
    """A title and a table with heads, whose numbers are on the right. Everything is escaped.

    >>> table_html("2 tables", ["", "rows"], [["deals", 1234]], good=True).count("text-align:right")
    2
    """
    rows = [list(row) for row in rows]
    sides = ["right" if all(isinstance(row[at], int) for row in rows) else "left" for at in range(len(heads))]
    styles = [_CELL.replace("text-align:left", f"text-align:{side}") for side in sides]
    head = "".join(
        f'<th style="{style};opacity:.7;font-weight:normal">{_lines(name)}</th>'
        for name, style in zip(heads, styles, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f'<td style="{style}">{_cell(one)}</td>' for one, style in zip(row, styles, strict=True))
        + "</tr>"
        for row in rows
    )
    table = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return facts_html(title, (), good=good).removesuffix("</div>") + f'<table style="{_TABLE}">{table}</table></div>'


def note_html(text: str, *, role: str = "status") -> str:
    """One line, which a screen reader reads aloud when it changes; not one whose ``role`` is ``timer``."""
    return f'<div class="b24data" role="{role}">{_lines(text)}</div>'


def _cell(value: object) -> str:
    if not isinstance(value, int):
        return _lines(value)
    return f"{value:,}".replace(",", "\xa0") if language() == "ru" else f"{value:,}"


def _lines(value: object) -> str:
    return "<br>".join(html.escape(translated(line)) for line in str(value).splitlines())
