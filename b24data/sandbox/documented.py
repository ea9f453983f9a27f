"""What the documentation says of each list method, as data (``documented.json``), and the rows made from its samples.

Source: b24restdocs, commit 5988ed13, one page a method. Free text and addresses in the samples were replaced.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from b24data.sandbox.generate import record_ids

# The id of a row that has none in answers: voximplant.sip.get filters by one, tests compare by it.
HIDDEN_ID = "\0id"
_ROWS = 130  # of a list that is paged: two full pages and a short one
_REFERENCES = ("ENTITY_ID", "OWNERID", "OWNER_ID", "PROPERTYID", "STATUSID", "ORDERID")
_TUPLES = ("rows", "params", "required", "positional", "names", "patterns", "refusal")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class Documented:
    """One list method: how it is asked and how it answers, with a sample.

    ``at`` is where the rows lie under ``result``, ``beside`` what stands next to them, ``keyed`` says that they are
    an object by id. ``id`` is the key in a row, ``id_asked`` in filter and order, ``gt`` whether ``>id`` is
    documented. ``paging`` is start, start_no_count, offset_limit, page_nav, last_id, v3_pagination or v3_cursor, with
    ``params`` and the page sizes. A method whose answer is not a list of objects has ``result``, served as it is.

    ``prefixes`` to ``patterns`` are what its filter takes, as in :class:`~b24data.sandbox.conventions.Convention`;
    ``names`` are those it filters by, where the page has a list of them, all of a row otherwise. ``refusal`` is the
    error that the page shows, if its code is empty: status, code and text. ``described`` tells which method describes
    its fields, and their ``types``. ``extra`` are fields, by type, that the sample was taken without.
    """

    method: str
    at: str = ""
    rows: tuple[Mapping[str, Any], ...] = ()
    result: Any = None
    beside: Mapping[str, Any] = field(default_factory=dict)
    keyed: bool = False
    id: str | None = None
    id_asked: str | None = None
    gt: bool = False
    filter: str | None = None
    order: str | None = None
    order_form: str = "object"
    select: str | None = None
    paging: str = "none"
    params: tuple[str, ...] = ()
    page: int | None = 50
    page_max: int | None = None
    total: bool = False
    required: tuple[str, ...] = ()
    prefixes: str = ""
    names: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    groups: bool = False
    lists: bool = False
    refuses: bool = False
    any_case: bool = False
    refusal: tuple[int, Any, str] | None = None
    described: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
    positional: tuple[str, ...] = ()
    undocumented: bool = False
    seen: bool = False

    @property
    def is_list(self) -> bool:
        """Whether it answers with rows that are objects."""
        return bool(self.rows)


@cache
def documented(version: str) -> dict[str, Documented]:
    """The methods of ``"v2"`` or ``"v3"`` by lower-case name.

    >>> documented("v2")["catalog.product.list"].required
    ('select.id', 'select.iblockId', 'filter.iblockId')
    """
    facts = json.loads(resources.files(__package__).joinpath("documented.json").read_text("utf-8"))[version]
    return {name.lower(): _read(name, known) for name, known in facts.items()}


def _read(method: str, facts: Mapping[str, Any]) -> Documented:
    lists = {name: tuple(value) for name, value in facts.items() if name in _TUPLES}
    return Documented(method, **{**facts, **lists})


def made_rows(known: Documented, seed: int, count: int | None = None) -> list[dict[str, Any]]:
    """Rows in the likeness of the sample: ids run on with gaps, moments move on, names carry the id.

    Flags, users, amounts and sort indexes differ from row to row, so that a filter by them leaves a part. A list
    without pages is its sample unless a ``count`` is given.

    >>> [row["id"] for row in made_rows(documented("v2")["catalog.vat.list"], seed=7, count=3)]
    [1, 3, 4]
    """
    if count is None and known.paging == "none":
        rows = [_identified(dict(row), known, at) for at, row in enumerate(known.rows, 1)]
        return [_completed(known, row, at, seed) for at, row in enumerate(rows)]
    rng = np.random.default_rng([seed, zlib.crc32(known.method.encode())])
    ids = record_ids(rng, _ROWS if count is None else count, 0.3).tolist()
    rows = [_made(known, dict(known.rows[at % len(known.rows)]), at, number) for at, number in enumerate(ids)]
    asked_for = {one.lstrip("=").removeprefix("filter.") for wanted in known.required for one in wanted.split("|")}
    for key in known.rows[0]:
        if key not in (known.id, *asked_for):
            _vary(rows, key, np.random.default_rng([seed, zlib.crc32(f"{known.method}.{key}".encode())]))
    return [_completed(known, row, at, seed) for at, row in enumerate(rows)]


def _completed(known: Documented, row: dict[str, Any], at: int, seed: int) -> dict[str, Any]:
    """The row with the fields that the sample was taken without, in the manner of the others: numbers as they are."""
    as_text = bool(known.id) and isinstance(known.rows[0].get(str(known.id)), str)
    for name, kind in known.extra.items():
        dice = zlib.crc32(f"{seed} {known.method} {name} {at}".encode()) % 97
        row[name] = _plain_value(kind, name, dice, as_text=as_text)
    return row


def _plain_value(kind: str, name: str, dice: int, *, as_text: bool) -> Any:
    if kind in ("char", "boolean"):
        return "Y" if dice % 3 else "N"
    if kind in ("date", "datetime"):
        return _later("2026-01-01T10:00:00+03:00", 7 * dice)
    if kind in ("string", "crm_status", "crm_currency"):
        return f"{name} {dice % 5}" if dice % 7 else None
    if kind in ("array", "object", "file"):
        return None
    number = dice / 4 if kind == "double" else dice % 25
    return str(number) if as_text else number


_USER = re.compile(
    r"created_?by(_?id)?|modif\w*_?by(_?id)?|updated_?by|responsible_?id|assigned_?by_?id|(portal_)?user_?id"
)
_AMOUNT = re.compile(
    r"(?!.*type).*(price|quantity|amount|sum|duration|cost|percentage|minutes|seconds|size|weight|rate|repeat)(account)?"
)
_FLAG = re.compile(
    r"(is|has|show|edit|with|can)\w+|active|visible|closed|opened|project|required|multiple|mandatory|def|payed"
)


def _vary(rows: list[dict[str, Any]], key: str, rng: np.random.Generator) -> None:
    """Other values of the same kind in one column, where the sample's have one that may vary."""
    name = key.lower()
    for row in rows:
        value, dice = row.get(key), int(rng.integers(0, 24))
        if value in ("Y", "N") and not isinstance(value, bool) and _FLAG.fullmatch(name):
            row[key] = "Y" if dice % 3 else "N"
        elif isinstance(value, bool) and _FLAG.fullmatch(name):
            row[key] = bool(dice % 3)
        elif not isinstance(value, bool) and _is_number(value):
            if _USER.fullmatch(name):
                row[key] = _like(value, 1 + dice)
            elif name == "sort":
                row[key] = _like(value, 100 * (1 + dice % 5))
            elif _AMOUNT.fullmatch(name):
                row[key] = value + dice if isinstance(value, int | float) else str(int(str(value)) + dice)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or str(value).isdigit()


def _made(known: Documented, row: dict[str, Any], at: int, number: int) -> dict[str, Any]:
    for key, value in row.items():
        if key == known.id:
            row[key] = _like(value, number)
        elif key in ("name", "title", "NAME", "TITLE", "subject") and isinstance(value, str):
            row[key] = f"{value} №{number}"
        elif isinstance(value, str) and _MOMENT.match(value):
            row[key] = _later(value, at)
    if known.id is None:  # what tells rows without an id apart is some reference
        numeric = [key for key, value in row.items() if str(value).isdigit()]
        for key in [key for key in numeric if key.upper() in _REFERENCES] or numeric[:1]:
            row[key] = _like(row[key], number)
    return _identified(row, known, number)


def _identified(row: dict[str, Any], known: Documented, number: int) -> dict[str, Any]:
    """The row with its id, also where the sample was taken with a ``select`` that left it out."""
    if known.id is None:
        return {**row, HIDDEN_ID: number}
    if known.id in row:
        return row
    return {known.id: str(number) if known.id.isupper() else number, **row}


def _like(value: Any, number: int) -> Any:
    """``number`` in the form of ``value``: a number, digits, or a code with a number behind it."""
    if isinstance(value, int):
        return number
    return str(number) if str(value).isdigit() else f"{value}-{number}"


def _later(text: str, hours: int) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    later = (moment + timedelta(hours=hours)).isoformat(sep="T" if "T" in text else " ")
    return later.replace("+00:00", "Z") if text.endswith("Z") else later


def row_id(row: Mapping[str, Any], known: Documented) -> Any:
    """What tells a row apart: its id as a number where it is one, else its code, else the hidden number."""
    value = row.get(known.id or HIDDEN_ID, row.get(HIDDEN_ID))
    return int(value) if str(value).isdigit() else value
