"""What Tab offers in a query: tables, columns, variables. Pure, from what is known already."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from b24data.errors import ConfigError
from b24data.jupyter.completion import Completion, starting
from b24data.syntax.values import words_of

_CELL = re.compile(r"\s*%%b24\s+sql\b(?P<head>[^\n]*)\n")
_LINE = re.compile(r"%b24\s+sql\b(?P<head>[^\"'\n]*)(?P<quote>[\"'])(?P<body>(?:(?!(?P=quote))[^\n])*)$")
_CALL = re.compile(
    r"(?P<name>\w+)\.sql\(\s*(?:query\s*=\s*)?[rRfF]{0,2}(?P<quote>\"\"\"|'''|\"|')(?P<body>(?:(?!(?P=quote)).)*)$",
    re.DOTALL,
)
_FOLDER = re.compile(r"\bcrm\s*=\s*[\"']([^\"'\n]+)[\"']")
_TABLE_PLACE = re.compile(
    r"(?:\b(?:from|join|describe|table)|\b(?:from|join)\b[^()]*?,)\s+(?P<part>[\w.\"]*)$", re.IGNORECASE
)
_CLAUSE = re.compile(r"\b(?:select|where|group|order|having|on|using|qualify|limit|union)\b", re.IGNORECASE)
_TOKEN = re.compile(r"'(?:[^']|'')*'|[\w.]+|[(),]")
_ENDS_FROM = {"where", "group", "order", "having", "qualify", "limit", "select", "union", "except", "intersect"}
_KEYWORDS = {
    *(
        "as",
        "intersect",
        "where",
        "join",
        "left",
        "right",
        "full",
        "inner",
        "cross",
        "on",
        "using",
        "group",
        "order",
        "limit",
        "union",
    ),
    *("natural", "semi", "anti", "having", "select", "asof", "qualify", "offset", "and", "or", "from", "except"),
}


@dataclass(frozen=True, slots=True)
class Query:
    """The query around the cursor: what stands before it, the whole of it, and where it runs.

    ``client`` is the name before ``.sql(``; empty in a cell of ``%%b24 sql``. ``folder`` is the CRM folder that is
    queried, as it was typed.
    """

    before: str
    whole: str
    client: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class SqlKnowledge:
    """What there is to offer. Each function answers at once."""

    tables: Callable[[], Iterable[str]]
    columns: Callable[[str], Iterable[str]]
    variables: Callable[[], Iterable[str]]


def query_at(text: str, cursor: int) -> Query | None:
    """The query that the cursor stands in; None elsewhere.

    >>> query_at("%%b24 sql --crm crm\\nselect id fr", 32)
    Query(before='select id fr', whole='select id fr', client='', folder='crm')
    >>> query_at('b24.sql("select id fr', 21).client
    'b24'
    """
    if (match := _CELL.match(text)) and cursor >= match.end():
        return Query(text[match.end() : cursor], text[match.end() :], folder=_folder(match["head"]))
    before = text[:cursor]
    if match := _LINE.search(before):
        return Query(match["body"], _until(match["quote"], text, match.start("body")), folder=_folder(match["head"]))
    if match := _CALL.search(before):
        folder = _FOLDER.search(text[cursor:])
        whole = _until(match["quote"], text, match.start("body"))
        return Query(match["body"], whole, match["name"], folder[1] if folder else "")
    return None


def _until(quote: str, text: str, start: int) -> str:
    end = text.find(quote, start)
    return text[start : end if end >= 0 else None]


def _folder(head: str) -> str:
    try:
        words = words_of(head)
    except ConfigError:
        return ""
    return next((after for word, after in pairwise(words) if word == "--crm"), "")


def complete_sql(query: Query, known: SqlKnowledge) -> Completion:
    """What may follow the text before the cursor.

    >>> known = SqlKnowledge(lambda: ["deals"], lambda table: ["id", "title"], list)
    >>> complete_sql(Query("select d.ti", "select d.ti from deals d"), known)
    Completion(fragment='ti', texts=['title'], kind='column')
    >>> complete_sql(Query("select * from de", "select * from de"), known).texts
    ['deals']
    """
    before = query.before
    if match := re.search(r"[$:](\w*)$", before):
        return Completion(match[1], starting(match[1], known.variables()), "variable")
    if place := _table_place(before):
        part = place.removeprefix('"')
        return Completion(part, starting(part, known.tables()), "table")
    fragment = re.search(r"\w*$", before).group()  # type: ignore[union-attr]
    sources = sources_of(query.whole)
    if owner := re.search(r"(\w+)\"?\.\"?\w*$", before):
        table = sources.get(owner[1].lower())
        return Completion(fragment, starting(fragment, known.columns(table) if table else ()), "column")
    columns = {name for table in dict.fromkeys(sources.values()) for name in known.columns(table)}
    return Completion(fragment, starting(fragment, {*columns, *sources}), "column")


def _table_place(before: str) -> str | None:
    """What was typed of a table's name; None where none is asked for."""
    match = _TABLE_PLACE.search(before)
    if match is None:
        return None
    between = before[match.start() + 4 : match.start("part")]
    return None if _CLAUSE.search(between) else match["part"]


def sources_of(query: str) -> Mapping[str, str]:
    """The tables of a query by what stands before the dot of their columns, in lower case.

    >>> sources_of("select 1, titl from deals d join crm.contact.list on f(d.id, 1) = 2, users where x in (1, 2)")
    {'d': 'deals', 'list': 'crm.contact.list', 'users': 'users'}
    """
    found = {}
    wanted, depths = False, list[bool]()  # whether a table's name may come, and in which brackets FROM stands
    inside = False
    words = [*(one.strip('"') for one in _TOKEN.findall(query.replace('"', " "))), "", ""]
    for at, word in enumerate(words[:-2]):
        low = word.lower()
        if word == "(":
            depths.append(inside)
            wanted = inside = False
        elif word == ")":
            inside, wanted = depths.pop() if depths else False, False
        elif low in ("from", "join") or (word == "," and inside):
            wanted = inside = True
        elif low in _ENDS_FROM:
            wanted = inside = False
        elif wanted and word[0] != "'" and low not in _KEYWORDS:
            alias = words[at + 2] if words[at + 1].lower() == "as" else words[at + 1]
            named = alias.isidentifier() and alias.lower() not in _KEYWORDS
            found[alias.lower() if named else low.rpartition(".")[2]] = word
            wanted = False
    return found
