"""Whether a description that was kept is still so: names and rows may speak against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from b24data.fields.descriptions import TYPES_S, WORDS_S, Described, Descriptions
from b24data.fields.fields import Field
from b24data.frames.columns import Decoder
from b24data.frames.schema import Schema
from b24data.frames.wire import Row, parse_rows
from b24data.http.context import CallContext
from b24data.lists.plan import ListPlan

__all__ = ["Believed", "changed", "contradicted"]


@dataclass(slots=True)
class Believed:
    """The description that one fetch goes by, until its rows speak against it."""

    descriptions: Descriptions
    plan: ListPlan
    context: CallContext
    described: Described = field(default_factory=lambda: Described({}))

    def begin(self, *, words: bool, check: bool) -> str:
        """Before any row is asked for: what the report should say of the description. ``words``: its texts matter.

        ``plan`` is then in the method's own names and values. Raises :class:`SchemaError` for a misspelled name and
        :class:`ConfigError` for a comparison or a value that the method can't take, if they are to be checked.
        """
        age_s = WORDS_S if words else TYPES_S
        self.described, self.plan = self.descriptions.for_request(self.plan, self.context, age_s=age_s, check=check)
        return self.described.note

    def gives_way(self, schema: Schema, first_page: Sequence[Row]) -> bool:
        """Whether the first rows speak against an old description, in whose place there is one of now then."""
        old = self.descriptions.age_s(self.described) > WORDS_S
        if not old or not contradicted(schema, self.described.fields, first_page):
            return False
        self.described = self._now()
        return True

    def outdated(self, schema: Schema) -> set[str]:
        """The columns that are no longer what the description says; none where it is not old."""
        return changed(schema, self._now().fields)

    def _now(self) -> Described:
        return self.descriptions.of(self.plan.spec, self.plan.params, self.context, age_s=WORDS_S)


def contradicted(schema: Schema, fields: Mapping[str, Field], rows: Sequence[Row]) -> bool:
    """Whether rows speak against the description of their fields. Pure.

    They do if they have a field that it lacks, lack one that was asked for, or hold a value that does not fit.

    >>> from b24data.frames.schema import build_schema
    >>> fields = {"ID": Field("ID", "ID", type="integer")}
    >>> schema = build_schema(fields, ["ID"], id_code=None)
    >>> [contradicted(schema, fields, [row]) for row in (b'{"ID": "7"}', b'{"ID": "7", "UF_NEW": ""}', b'{"ID": "x"}')]
    [False, True, True]
    """
    seen = set().union(*parse_rows(rows))
    if not seen:
        return False
    trial = Decoder(schema)
    trial.decode(rows)
    known = {one.wire for one in fields.values()}
    asked = {column.wire for column in schema.columns}
    return bool(seen - known or asked - seen or trial.coercions)


def changed(schema: Schema, newer: Mapping[str, Field]) -> set[str]:
    """The columns whose field has another type than it had."""
    return {
        column.name
        for column in schema.columns
        if column.field is not None and _type(newer.get(column.field.code)) != _type(column.field)
    }


def _type(field: Field | None) -> tuple[str, bool] | None:
    return (field.type, field.multiple) if field else None
