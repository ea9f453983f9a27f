"""What is known of tables without a request: for Tab completion."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Protocol

from b24data.crm.columns import COLUMNS
from b24data.crm.snapshot import sql_names
from b24data.errors import SdkError
from b24data.fields.descriptions import Described
from b24data.lists.methods import known_methods, only_reads, spec_of
from b24data.sql.names import SHORT_NAMES, list_of


class Told(Protocol):
    """``b24.tools``: what it was told of the fields of lists."""

    def told(self, method: str, params: Mapping[str, object]) -> Described:
        """The fields, where the portal has told them; nothing is asked."""


@functools.cache
def known_tables() -> tuple[str, ...]:
    """The short names and the methods that a query may name.

    >>> "deals" in known_tables(), "crm.deal.list" in known_tables(), "crm.item.list" in known_tables()
    (True, True, False)
    """
    return (*SHORT_NAMES, *(name for name in known_methods() if _is_table(name)))


def _is_table(method: str) -> bool:
    spec = spec_of(method)
    needs = [one for one in spec.required if "." not in one]
    return ":" not in method and spec.documented and only_reads(method) and not needs


def known_columns(name: str, tools: Told | None) -> Iterable[str]:
    """The columns of a table as SQL has them: those that the portal told, else those that every portal has."""
    try:
        listed = list_of(name)
        fields = tools.told(listed.method, listed.params).fields if tools else {}
    except SdkError:
        return ()
    return sql_names(fields) if fields else COLUMNS.get(name.lower().replace("stages", "statuses"), ())


def tables_of_folder(folder: str) -> Mapping[str, list[str]]:
    """The tables and views of a CRM folder with their columns; none where there is no such folder."""
    from b24data.crm.open import open_crm
    from b24data.sql.engine import Engine

    try:
        with Engine(open_crm(folder)) as engine:
            return engine.tables()
    except (SdkError, OSError):
        return {}
