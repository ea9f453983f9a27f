"""The views of a CRM as SQL text that DuckDB and PostgreSQL both read, in the order in which they are made."""

from __future__ import annotations

import re
from importlib.resources import files

__all__ = ["view_statements"]


def view_statements() -> dict[str, str]:
    """Each view's name and the statement that makes it; a view comes after those that it reads.

    >>> list(view_statements())[:4]
    ['owners', 'rates', 'stages', 'deal_stages']
    """
    found = {}
    texts = sorted((file.name, file) for file in files(__name__).iterdir() if file.name.endswith(".sql"))
    for _, file in texts:
        for text in re.split(r";\s*(?:\n|$)", file.read_text("utf-8")):
            body = text.strip()
            if body:
                name = body.split("create view ", 1)[1].split()[0]
                found[name] = body
    return found
