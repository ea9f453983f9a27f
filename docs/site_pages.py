"""What is done to a page of the site: words for its search, tables that fold into cards on a phone, its language."""

from __future__ import annotations

import html
import re
from typing import Any

from docutils import nodes

__all__ = ["add_keywords", "told_in_english", "with_cards"]

# Words that people search for and that a page does not have in this spelling.
_KEYWORDS = {
    "crm": "CRM, сделки, лиды, контакты, компании, воронка, Postgres, DuckDB",
    "lists": "сделки, лиды, контакты, компании, выгрузка, список",
    "notebook": "Jupyter, ноутбук, блокнот",
    "permissions": "права, scope",
    "portals": "порталы, холдинг, Dask",
    "recipes": "сделки, товары, контакты, звонки, задачи, смарт-процесс, Excel, Postgres, Power BI, DataLens",
    "schedules": "расписание, cron, Airflow",
    "signin": "вход, авторизация, вебхук, webhook, OAuth",
    "sql": "Postgres, DuckDB, запрос",
    "start": "установка, вебхук, приложение, pip",
    "sync": "выгрузка, обновление, Parquet",
    "types": "Excel, CSV, Postgres, polars, pandas, типы",
}
_FEW = 2  # columns that a phone has room for


def add_keywords(app: Any, doctree: nodes.document) -> None:
    """Give the search of the site the words of a page."""
    if words := _KEYWORDS.get(app.env.docname):
        doctree.append(nodes.meta("", name="keywords", content=words))


def with_cards(body: str) -> str:
    """The HTML of a page, whose cells know the heads of their columns: on a phone each row is a card.

    >>> page = "<table class=\\"docutils\\"><thead><tr><th>a</th><th>b</th><th>c</th></tr></thead>"
    >>> re.findall("<td.*?>", with_cards(page + "<tbody><tr><td>1</td><td>2</td><td>3</td></tr></tbody></table>"))
    ['<td data-label="a">', '<td data-label="b">', '<td data-label="c">']
    """
    return re.sub(r"<table class=\"docutils.*?</table>", _with_labels, body, flags=re.DOTALL)


def told_in_english(body: str) -> str:
    """The HTML of an English page of the Russian site, which says so below its title.

    >>> told_in_english("<h1>Надёжность</h1><p>A fetch ...</p>")
    '<h1>Надёжность</h1><p class="b24data-language">Эта страница на английском языке.</p><p>A fetch ...</p>'
    """
    return body.replace("</h1>", '</h1><p class="b24data-language">Эта страница на английском языке.</p>', 1)


def _with_labels(match: re.Match[str]) -> str:
    head, _, rows = match[0].partition("</thead>")
    names = [
        html.unescape(re.sub(r"<[^>]+>", "", name)).strip() for name in re.findall(r"<th\b.*?</th>", head, re.DOTALL)
    ]
    if len(names) <= _FEW:
        return match[0]
    rows = re.sub(r"<tr\b.*?</tr>", lambda row: _labelled(row[0], names), rows, flags=re.DOTALL)
    return f"{head.replace('docutils', 'docutils b24data-cards', 1)}</thead>{rows}"


def _labelled(row: str, names: list[str]) -> str:
    left = iter(names)
    return re.sub(r"<td\b", lambda _: f'<td data-label="{html.escape(next(left, ""))}"', row)
