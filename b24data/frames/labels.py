"""Labels of codes: beside them, or in their place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pyarrow as pa

from b24data.errors import ConfigError
from b24data.fields.dictionaries import CodeLabels
from b24data.fields.fields import Field
from b24data.fields.titles import RecordTitles, Ref
from b24data.frames.bindings import Binding
from b24data.frames.convert import regrouped
from b24data.frames.memory import kernels as pc
from b24data.frames.schema import Column, Schema
from b24data.lists.names import folded

LabelMode = Literal["add", "replace", False]
LabelOption = LabelMode | list[str] | tuple[str, ...]
"""``"add"`` and ``"replace"`` are for all columns of codes; a list names columns that get labels beside them."""

_SHOWN = 5  # unknown codes of one column that are named
_NOTHING = ("", "0")  # an id that stands for no record
_BETWEEN = " "  # a type or a group, and an id of it


def check_labels(labels: LabelOption) -> LabelMode | tuple[str, ...]:
    """The option itself, a list as a tuple without repeats; :class:`ConfigError` for anything else.

    >>> check_labels(["STAGE_ID", "COMPANY_ID"])
    ('STAGE_ID', 'COMPANY_ID')
    """
    hint = '"add" (a column beside), "replace", a list of columns such as ["STAGE_ID"], or False'
    if isinstance(labels, list | tuple):
        if labels and all(isinstance(name, str) and name for name in labels):
            return tuple(dict.fromkeys(labels))
    elif labels is False or (isinstance(labels, str) and labels in ("add", "replace")):
        return labels
    raise ConfigError(f"labels is {labels!r}", hint=hint)


@dataclass(frozen=True, slots=True)
class _Table:
    """Codes, as texts and, where they can be, as integers; and the label of each."""

    codes: pa.Array
    numbers: pa.Array | None
    words: pa.Array


@dataclass(frozen=True, slots=True)
class _Labelled:
    """The columns of ``schema`` that get labels: from where, and as which field."""

    schema: Schema
    columns: dict[str, tuple[_Table | Binding, pa.Field]]


@dataclass(slots=True)
class Labels:
    """Puts labels to the codes of batches; a code without a label stays, and is kept in ``unknown``.

    ``labels_of`` gives the labels of a column's codes, None where it has no codes; ``binding_of`` tells what the ids of
    other columns belong to, whose labels are ``titles``. With ``"add"`` the labels stand in a column behind the codes,
    named by ``suffix``; with ``"replace"`` they take their place. A list of codes becomes a list of labels, a category
    of codes one of labels.

    >>> column = Column("STAGE", "STAGE", Field("STAGE", "STAGE", type="crm_status"), pa.string(), "text")
    >>> labels = Labels("add", lambda column: {"NEW": "Just in"})
    >>> batch = pa.RecordBatch.from_pydict({"STAGE": ["NEW", "OLD", None]})
    >>> labels.apply(batch, Schema((column,))).to_pydict()
    {'STAGE': ['NEW', 'OLD', None], 'STAGE_LABEL': ['Just in', 'OLD', None]}
    >>> labels.unknown
    {'STAGE': ['OLD']}
    """

    mode: LabelMode
    labels_of: Callable[[Column], CodeLabels | None]
    suffix: str = "_LABEL"
    unknown: dict[str, list[str]] = field(default_factory=dict)
    titles: RecordTitles | None = None
    binding_of: Callable[[Column], Binding | None] = lambda _: None
    _tables: dict[str, _Table | Binding | None] = field(default_factory=dict)
    _labelled: _Labelled | None = None

    def labelled(self, schema: Schema) -> Schema:
        """The columns as they are once the labels are there."""
        if not self.mode:
            return schema
        columns: list[Column] = []
        for column in schema.columns:
            has_labels = self._table(column) is not None
            if not has_labels or self.mode == "add":
                columns.append(column)
            if has_labels:
                columns.append(self._label(column, schema))
        return replace(schema, columns=tuple(columns))

    def needed(self, batch: pa.RecordBatch, schema: Schema) -> set[Ref]:
        """The records whose titles the batch needs and ``titles`` was not asked for yet."""
        refs: set[Ref] = set()
        if self.titles is not None:
            for column, bound in self._bound(schema):
                if column.name in batch.schema.names:
                    refs |= {ref for ref, _ in _refs(bound, _keys(bound, column, batch, schema)) if ref is not None}
            refs = self.titles.want(refs)
        return refs

    def apply(self, batch: pa.RecordBatch, schema: Schema) -> pa.RecordBatch:
        """The batch with labels, whose codes stand in columns of ``schema``."""
        if not self.mode:
            return batch
        columns = self._columns(schema)
        arrays: list[pa.Array] = []
        fields: list[pa.Field] = []
        for source, array in zip(batch.schema, batch.columns, strict=True):
            found = columns.get(source.name)
            if found is None or self.mode == "add":
                arrays.append(array)
                fields.append(source)
            if found is not None:
                table, label = found
                if isinstance(table, Binding):
                    arrays.append(self._titles(table, schema[source.name], batch, schema))
                else:
                    texts = self._texts(source.name, array, table)
                    arrays.append(pc.dictionary_encode(texts) if pa.types.is_dictionary(label.type) else texts)
                fields.append(label)
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))

    def notes(self) -> list[str]:
        """What a reader of the labels should know: which codes have none, and which titles were refused."""
        refused = list(self.titles.notes) if self.titles else []
        if not self.unknown:
            return refused
        shown = [
            f"{name}: {', '.join(codes[:_SHOWN])}{f' and {len(codes) - _SHOWN} more' if len(codes) > _SHOWN else ''}"
            for name, codes in self.unknown.items()
        ]
        return [*refused, f"codes without a label stay codes: {'; '.join(shown)}"]

    def _columns(self, schema: Schema) -> dict[str, tuple[_Table | Binding, pa.Field]]:
        if self._labelled is None or self._labelled.schema is not schema:
            found = {}
            for column in schema.columns:
                if (table := self._table(column)) is not None:
                    label = replace(schema, columns=(self._label(column, schema),)).arrow.field(0)
                    found[column.name] = (table, label)
            self._labelled = _Labelled(schema, found)
        return self._labelled.columns

    def _bound(self, schema: Schema) -> Iterator[tuple[Column, Binding]]:
        for name, (table, _) in self._columns(schema).items():
            if isinstance(table, Binding):
                yield schema[name], table

    def _label(self, column: Column, schema: Schema) -> Column:
        arrow = pa.list_(pa.string()) if column.many else pa.string()
        if self.mode == "replace":
            return column if column.kind == "category" else replace(column, arrow=arrow, kind="text")
        name = f"{column.name}{self.suffix}"
        while name in schema.names:
            name += "_"
        found = column.field or Field(column.wire, column.wire)
        named = replace(found, title=f"{found.title}, label" if found.title else "", type="label")
        return replace(column, name=name, field=named, arrow=arrow, kind="text")

    def _table(self, column: Column) -> _Table | Binding | None:
        """The codes, as texts, and their labels; or what has them."""
        if column.name not in self._tables:
            words = self.labels_of(column) if column.kind in ("int", "text", "category") else None
            self._tables[column.name] = self.binding_of(column) if words is None else _table(words)
        return self._tables[column.name]

    def _titles(self, bound: Binding, column: Column, batch: pa.RecordBatch, schema: Schema) -> pa.Array:
        codes = batch.column(column.name)
        distinct = pc.dictionary_encode(_keys(bound, column, batch, schema))
        titles = pa.array(self._told(column.name, _refs(bound, distinct.dictionary)), pa.string())
        texts = pc.take(titles, distinct.indices)
        return regrouped(pc.list_value_length(codes), texts, pa.list_(pa.string())) if column.many else texts

    def _told(self, name: str, refs: Iterable[tuple[Ref | None, str]]) -> Iterator[str | None]:
        """The titles of records; the code itself where there is none."""
        strange: list[str] = []
        for ref, code in refs:
            title = self.titles.found.get(ref) if self.titles and ref else None
            if title is None and code not in _NOTHING:
                if not (self.titles and ref and self.titles.is_refused(ref)):
                    strange.append(code)
                title = code
            yield title
        self._note(name, strange)

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
        words = self._labels_in(name, distinct.dictionary.cast(pa.string()), table)
        return pc.take(words, distinct.indices)

    def _labels_in(self, name: str, codes: pa.Array, table: _Table) -> pa.Array:
        """The labels of distinct codes."""
        places = pc.index_in(codes, value_set=table.codes)
        missing = pc.is_null(places)
        self._note(name, [code for code in codes.filter(missing).to_pylist() if code is not None])
        return pc.if_else(missing, codes, table.words.take(places))

    def _note(self, name: str, strange: Collection[str]) -> None:
        """Remember codes that have no label."""
        if strange:
            self.unknown[name] = list(dict.fromkeys([*self.unknown.get(name, ()), *strange]))


def _table(words: Mapping[str, Any]) -> _Table:
    codes = pa.array(list(words), pa.string())
    try:
        numbers = codes.cast(pa.int64())
    except pa.ArrowInvalid:
        numbers = None
    if numbers is not None and not numbers.cast(pa.string()).equals(codes):  # "007" is not 7
        numbers = None
    return _Table(codes, numbers, pa.array(list(words.values()), pa.string()))


def _keys(bound: Binding, column: Column, batch: pa.RecordBatch, schema: Schema) -> pa.Array:
    """The ids of a column as texts, lists laid end to end; behind their type or group where another column has it."""
    codes = batch.column(column.name)
    if column.many:
        codes = pc.list_flatten(codes)
    codes = codes.cast(pa.string())
    if not bound.by or column.many:
        return codes
    owner = next((one.name for one in schema.columns if folded(one.wire) == folded(bound.by)), "")
    which = batch.column(owner).cast(pa.string()) if owner in batch.schema.names else pa.nulls(len(codes), pa.string())
    return pc.binary_join_element_wise(pc.coalesce(which, pa.scalar("")), codes, _BETWEEN)


def _refs(bound: Binding, keys: pa.Array) -> Iterator[tuple[Ref | None, str]]:
    """The record that each of the distinct keys means, and its code alone."""
    for key in pc.unique(keys).to_pylist():
        if key is not None:
            which, _, code = key.rpartition(_BETWEEN)
            yield (None if code in _NOTHING else bound.ref(code, which)), code
