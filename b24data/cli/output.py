"""What a command prints: one JSON document, or a table in the width of the terminal."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TextIO

from b24data.text.language import translated
from b24data.text.printable import one_line, printable

# The commands of a module: examples for the help page, what adds the options, and what runs.
Commands = Mapping[
    str,
    tuple[Sequence[str], Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int | None]],
]


def say(text: object, *, file: TextIO | None = None) -> None:
    """Print ``text`` in the reader's language."""
    print(translated(str(text)), file=file, flush=True)


def show_json(value: Any) -> None:
    """Print ``value`` as one JSON document; other scripts stay readable where the output can hold them."""
    plain = (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
    print(printable(json.dumps(value, ensure_ascii=plain, indent=2, default=_as_text)))


def _as_text(value: Any) -> str | None:
    if _is_missing(value):
        return None
    return value.isoformat() if isinstance(value, date) else str(value)  # a datetime is a date, too


def _is_missing(value: Any) -> bool:
    """Whether a value is missing, by its type's name: pandas may not be imported, and its NaT is a datetime."""
    return value is None or type(value).__name__ in ("NaTType", "NAType")


def show_table(rows: Sequence[Mapping[str, Any]], none: str = "") -> None:
    """Print rows with the names of their columns above them, in a terminal cut to its width; ``none``: without rows."""
    print("\n".join(table_lines(rows, terminal_width())) if rows else translated(none))


def terminal_width() -> int:
    """The columns of the terminal; where the output goes elsewhere, there is no limit."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() or "COLUMNS" in os.environ else sys.maxsize


def table_lines(rows: Sequence[Mapping[str, Any]], width: int) -> list[str]:
    """Rows as lines of ``width`` if they can be had: the widest columns give way, never the first, which has names.

    >>> table_lines([{"code": "ID", "title": "The number of a deal"}, {"code": "TITLE", "title": ""}], 16)
    ['code   title', 'ID     The numb…', 'TITLE']
    """
    if not rows:
        return []
    names = list(rows[0])
    texts = [[_text(row[name]) for name in names] for row in rows]
    widths = [max(_width(text) for text in column) for column in zip(names, *texts, strict=True)]
    while sum(widths) + 2 * (len(widths) - 1) > width and max(widths[1:], default=0) > _NARROW:
        widths[widths.index(max(widths[1:]), 1)] -= 1
    heads = [name.replace("_", " ") for name in names]
    return ["  ".join(map(_fitted, line, widths)).rstrip() for line in (heads, *texts)]


_NARROW = 8


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, Mapping):
        return one_line(", ".join(f"{key}={item}" for key, item in value.items()))
    return "" if _is_missing(value) else one_line(str(value))


def _fitted(text: str, width: int) -> str:
    if _width(text) > width:
        while _width(text) > width - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Columns of a terminal: ideographs take two, what stands above another letter none."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )
