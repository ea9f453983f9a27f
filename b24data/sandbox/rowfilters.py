"""The filters of lists that are kept as plain rows: each method's names and prefixes, as its page has them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from b24data.sandbox.conventions import Convention, known_by_spelling
from b24data.sandbox.documented import HIDDEN_ID, Documented, documented
from b24data.sandbox.errors import PortalError
from b24data.sandbox.filters import Group, parse_filter
from b24data.sandbox.quirks import Quirks
from b24data.sandbox.rowsets import Row, holds
from b24data.sandbox.values import kind_of_value


@cache
def _convention(name: str) -> Convention:
    known = documented("v2")[name]
    return Convention(
        ("", *known.prefixes.split()),
        groups=known.groups,
        lists=known.lists,
        refuses=known.refuses,
        any_case=known.any_case,
        patterns=known.patterns,
    )


def kept_rows(known: Documented, rows: Sequence[Row], where: Any, quirks: Quirks) -> list[Row]:
    """The rows that a filter keeps, as the method's page says it."""
    group = asked_for(known, where, RowNames(known, rows, loose=quirks.lenient), quirks)
    return [row for row in rows if holds(group, row)] if group.parts else list(rows)


def asked_for(known: Documented, where: Any, names: RowNames, quirks: Quirks) -> Group:
    """The conditions of a filter, as the method's page says it."""
    check_shape(known, "filter", where)
    given = where if isinstance(where, Mapping) else {}
    group = parse_filter(given, quirks.convention(_convention(known.method.lower())), names)
    return quirks.where(names.honoured(group), names.id, names.kind)


def check_shape(known: Documented, word: str, value: Any) -> None:
    """A text where an object belongs is refused where the page shows it; elsewhere it is as if nothing had come."""
    if value not in (None, "") and not isinstance(value, Mapping | list):
        error = refusal_about(f"{word}.? must be array|parameter {{{word}}}", known)
        if error:
            raise error


def refusal_about(pattern: str, known: Documented) -> PortalError | None:
    """The error with an empty code that a method's page shows, if its text is about this."""
    refusal = known.refusal
    return PortalError(*refusal) if refusal and re.search(pattern, refusal[2]) else None


class RowNames:
    """The fields of a method: how they are asked for, and what they are called in a row."""

    def __init__(self, known: Documented, rows: Sequence[Row] = (), *, loose: bool = False) -> None:
        self._known = known
        self._rows = rows
        self._loose = loose or known.any_case
        row = {**known.rows[0], **known.extra}
        self.id = known.id or HIDDEN_ID
        camel = bool(known.id_asked and known.id and known.id_asked != known.id)
        self._names = {_upper(key) if camel and not key.isupper() else key: key for key in row if key != self.id}
        if known.id_asked:
            self._names[known.id_asked] = self.id

    def asked(self, name: str) -> str | None:
        """The key in a row; None where the method does not know the name, in this spelling."""
        return self._names.get(name) or (self._loosely(self._names, name) if self._loose else None)

    def column(self, name: str) -> str | None:
        """The key in a row of a name in a filter: only of those that the page names, where it has a list."""
        if not self._known.names:
            found = self.asked(name)
            return found or (name if name.startswith(_PROPERTIES) and self._is_property(name) else None)
        filtered = {one: self._names.get(one, one) for one in self._known.names}
        if self._known.method == "lists.element.get" and self._is_property(name):
            return name
        return filtered.get(name) or (self._loosely(filtered, name) if self._loose else None)

    def _is_property(self, name: str) -> bool:
        return name.startswith(_PROPERTIES) and any(name in row for row in self._rows)

    @staticmethod
    def _loosely(known: Mapping[str, str], name: str) -> str | None:
        found = known_by_spelling(tuple(known))(name)
        return known[found] if found else None

    def kind(self, column: str) -> str:
        """What the values of a column are, by the first one that there is."""
        found = next((row[column] for row in self._rows if row.get(column) not in (None, "", [])), None)
        return kind_of_value(found)

    def type(self, column: str) -> str:  # noqa: ARG002
        """Types are not known here."""
        return ""

    def honoured(self, where: Group) -> Group:
        """The filter without ranges on an id that the documentation does not promise."""
        if self._known.gt:
            return where
        return Quirks(ignores=(">id", ">=id", "<id", "<=id")).where(where, self.id, self.kind)


_PROPERTIES = ("PROPERTY_", "property")


def _upper(name: str) -> str:
    return "".join(f"_{sign}" if sign.isupper() else sign.upper() for sign in name)
