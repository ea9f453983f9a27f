"""Words for codes: beside them, or in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pyarrow as pa

from b24data.errors import ConfigError
from b24data.frames.convert import regrouped
from b24data.frames.dictionaries import Words
from b24data.frames.fields import Field
from b24data.frames.memory import kernels as pc
from b24data.frames.schema import Column, Schema

__all__ = ["LabelMode", "Labels", "check_labels"]

LabelMode = Literal["add", "replace", False]

_SHOWN = 5  # unknown codes of one column that are named


def check_labels(labels: LabelMode) -> LabelMode:
    """The mode itself; :class:`ConfigError` for anything else."""
    if labels not in ("add", "replace", False):
        raise ConfigError(f"labels is {labels!r}", hint='"add" (a column beside), "replace" or False')
    return labels


@dataclass(frozen=True, slots=True)
class _Table:
    """Codes, as texts and, where they can be, as integers; and the word of each."""

    codes: pa.Array
    numbers: pa.Array | None
    words: pa.Array


@dataclass(frozen=True, slots=True)
class _Labelled:
    """The columns of ``schema`` that get words: from where, and as which field."""

    schema: Schema
    columns: dict[str, tuple[_Table, pa.Field]]


@dataclass(slots=True)
class Labels:
    """Puts words for the codes of batches; a code without a word stays, and is kept in ``unknown``.

    ``words_of`` gives the words for a column's codes, None where it has no codes. With ``"add"`` the words stand in a
    column behind the codes, named by ``suffix``; with ``"replace"`` they take their place. A list of codes becomes a
    list of words.

    >>> column = Column("STAGE", "STAGE", Field("STAGE", "STAGE", type="crm_status"), pa.string(), "text")
    >>> labels = Labels("add", lambda column: {"NEW": "Just in"})
    >>> batch = pa.RecordBatch.from_pydict({"STAGE": ["NEW", "OLD", None]})
    >>> labels.apply(batch, Schema((column,))).to_pydict()
    {'STAGE': ['NEW', 'OLD', None], 'STAGE_LABEL': ['Just in', 'OLD', None]}
    >>> labels.unknown
    {'STAGE': ['OLD']}
    """

    mode: LabelMode
    words_of: Callable[[Column], Words | None]
    suffix: str = "_LABEL"
    unknown: dict[str, list[str]] = field(default_factory=dict)
    _tables: dict[str, _Table | None] = field(default_factory=dict)
    _labelled: _Labelled | None = None

    def labelled(self, schema: Schema) -> Schema:
        """The columns as they are once the words are there."""
        if not self.mode:
            return schema
        columns: list[Column] = []
        for column in schema.columns:
            words = self._table(column) is not None
            if not words or self.mode == "add":
                columns.append(column)
            if words:
                columns.append(self._label(column, schema))
        return replace(schema, columns=tuple(columns))

    def apply(self, batch: pa.RecordBatch, schema: Schema) -> pa.RecordBatch:
        """The batch with words, whose codes stand in columns of ``schema``."""
        if not self.mode:
            return batch
        if self._labelled is None or self._labelled.schema is not schema:
            self._labelled = self._labelled_columns(schema)
        arrays: list[pa.Array] = []
        fields: list[pa.Field] = []
        for source, array in zip(batch.schema, batch.columns, strict=True):
            found = self._labelled.columns.get(source.name)
            if found is None or self.mode == "add":
                arrays.append(array)
                fields.append(source)
            if found is not None:
                table, label = found
                arrays.append(self._texts(source.name, array, table))
                fields.append(label)
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))

    def notes(self) -> list[str]:
        """A sentence about the codes that have no word."""
        if not self.unknown:
            return []
        shown = [
            f"{name}: {', '.join(codes[:_SHOWN])}{f' and {len(codes) - _SHOWN} more' if len(codes) > _SHOWN else ''}"
            for name, codes in self.unknown.items()
        ]
        return [f"codes without a word stay codes: {'; '.join(shown)}"]

    def _labelled_columns(self, schema: Schema) -> _Labelled:
        found = {}
        for column in schema.columns:
            if (table := self._table(column)) is not None:
                label = replace(schema, columns=(self._label(column, schema),)).arrow.field(0)
                found[column.name] = (table, label)
        return _Labelled(schema, found)

    def _label(self, column: Column, schema: Schema) -> Column:
        arrow = pa.list_(pa.string()) if column.many else pa.string()
        if self.mode == "replace":
            return replace(column, arrow=arrow, kind="text")
        name = f"{column.name}{self.suffix}"
        while name in schema.names:
            name += "_"
        found = column.field or Field(column.wire, column.wire)
        named = replace(found, title=f"{found.title}, label" if found.title else "", type="label")
        return replace(column, name=name, field=named, arrow=arrow, kind="text")

    def _table(self, column: Column) -> _Table | None:
        """The codes, as texts, and their words."""
        if column.name not in self._tables:
            words = self.words_of(column) if column.kind in ("int", "text", "category") else None
            self._tables[column.name] = None if words is None else _table(words)
        return self._tables[column.name]

    def _texts(self, name: str, codes: pa.Array, table: _Table) -> pa.Array:
        if pa.types.is_list(codes.type):
            return regrouped(
                pc.list_value_length(codes), self._texts(name, pc.list_flatten(codes), table), pa.list_(pa.string())
            )
        if pa.types.is_dictionary(codes.type):
            codes = codes.dictionary_decode()
        known = table.numbers if pa.types.is_integer(codes.type) else table.codes
        if known is not None:
            places = pc.index_in(codes, value_set=known)
            if places.null_count == codes.null_count:
                return pc.take(table.words, places)
        distinct = pc.dictionary_encode(codes)
        words = self._words(name, distinct.dictionary.cast(pa.string()), table)
        return pc.take(words, distinct.indices)

    def _words(self, name: str, codes: pa.Array, table: _Table) -> pa.Array:
        """The words for distinct codes."""
        places = pc.index_in(codes, value_set=table.codes)
        missing = pc.is_null(places)
        strange = [code for code in codes.filter(missing).to_pylist() if code is not None]
        if strange:
            seen = self.unknown.setdefault(name, [])
            seen += [code for code in strange if code not in seen]
        return pc.if_else(missing, codes, table.words.take(places))


def _table(words: Mapping[str, Any]) -> _Table:
    codes = pa.array(list(words), pa.string())
    try:
        numbers = codes.cast(pa.int64())
    except pa.ArrowInvalid:
        numbers = None
    if numbers is not None and not numbers.cast(pa.string()).equals(codes):  # "007" is not 7
        numbers = None
    return _Table(codes, numbers, pa.array(list(words.values()), pa.string()))
