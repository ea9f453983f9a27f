"""Which columns of a list get labels, and from where."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from b24data.errors import SchemaError
from b24data.fields.dictionaries import CodeLabels, dictionary_of, own_labels
from b24data.fields.fields import Field
from b24data.fields.titles import RecordTitles
from b24data.frames.bindings import binding_of
from b24data.frames.labels import LabelMode, Labels
from b24data.frames.schema import Column, build_schema
from b24data.lists.names import check_names, folded, near_names
from b24data.text.hints import option

_SHOWN = 8  # columns that have labels, in an error


def labelled_columns(
    asked: LabelMode | tuple[str, ...], columns: Sequence[Column], method: str, params: Mapping[str, Any]
) -> Sequence[Column]:
    """The columns that are to have labels: all, those that are named, or none."""
    if isinstance(asked, tuple):
        return named_columns(asked, columns, method, params)
    return columns if asked else ()


def make_labels(
    asked: LabelMode | tuple[str, ...],
    labelled: Sequence[Column],
    labels_of: Callable[[Column], CodeLabels | None],
    method: str,
    params: Mapping[str, Any],
    *,
    titles: RecordTitles,
    suffix: str,
) -> Labels:
    """The labels that were asked for, of the columns ``labelled``.

    ``"add"`` and ``"replace"`` take dictionaries alone. Titles of bound records are asked for columns that are named.
    """
    if not isinstance(asked, tuple):
        if asked == "replace":
            _check_texts(labelled, labels_of)
        return Labels(asked, labels_of, suffix)
    names = {column.name for column in labelled}
    return Labels(
        "add",
        lambda column: labels_of(column) if column.name in names else None,
        suffix,
        titles=titles,
        binding_of=lambda column: binding_of(column, method, params) if column.name in names else None,
    )


def _check_texts(columns: Sequence[Column], labels_of: Callable[[Column], CodeLabels | None]) -> None:
    """Refuse numbers that ``dtypes`` asks for where labels, which are texts, would take their place."""
    for column in columns:
        if column.asked and column.kind == "int" and labels_of(column):
            raise SchemaError(
                f"dtypes has 'int' for {column.name}, whose codes are replaced by labels, which are texts",
                hint=f"{option('labels', 'add')} keeps the codes and adds the labels",
            )


def check_named(
    asked: LabelMode | tuple[str, ...],
    fields: Mapping[str, Field],
    select: Sequence[str] | None,
    method: str,
    params: Mapping[str, Any],
) -> None:
    """Refuse a named column that the list does not have or that has no labels, by the description of its fields.

    >>> company = Field("COMPANY_ID", "COMPANY_ID", type="crm_company")
    >>> check_named(("COMPANI_ID",), {"COMPANY_ID": company}, None, "crm.deal.list", {})
    Traceback (most recent call last):
    b24data.errors.SchemaError: no such field in labels: COMPANI_ID (did you mean COMPANY_ID?)
    """
    if isinstance(asked, tuple) and fields:
        known = [name for name in asked if _spelt(name, fields)]
        strangers = [name for name in asked if name not in known]
        if all(one.on_page for one in fields.values()):  # rows may have more columns than the page tells of
            strangers = [name for name in strangers if near_names(name, fields)]
        check_names(strangers, fields, where="labels")
        columns = build_schema(fields, list(fields) if select is None else select, id_code=None, check=False).columns
        named_columns(known, columns, method, params)


def named_columns(
    asked: Collection[str], columns: Sequence[Column], method: str, params: Mapping[str, Any]
) -> list[Column]:
    """The columns that ``labels`` names; :class:`SchemaError` for a name that is none of them, or has no labels."""
    with_labels = [column for column in columns if _has_labels(column, method, params)]
    named: list[Column] = []
    for name in asked:
        found = next((column for column in columns if folded(name) in _names(column)), None)
        if found is None:
            near = near_names(name, [_code(column) for column in with_labels])
            raise SchemaError(
                f"labels names {name}, which is not among the columns",
                hint=f"did you mean {', '.join(near)}?" if near else f"add {name} to select",
            )
        if found not in with_labels:
            near = near_names(name, [_code(column) for column in with_labels])
            others = near or [_code(column) for column in with_labels[:_SHOWN]]
            raise SchemaError(f"{name} has no labels", hint=f"columns with labels: {', '.join(others) or 'none'}")
        bound = binding_of(found, method, params)
        if bound and bound.by and not any(folded(column.wire) == folded(bound.by) for column in columns):
            raise SchemaError(f"labels of {name} need the column {bound.by}", hint=f"add {bound.by} to select")
        named.append(found)
    return named


def _has_labels(column: Column, method: str, params: Mapping[str, Any]) -> bool:
    if column.kind not in ("int", "text", "category"):
        return False
    return bool(
        own_labels(column, method) or dictionary_of(column, method, params) or binding_of(column, method, params)
    )


def _spelt(name: str, fields: Mapping[str, Field]) -> bool:
    return any(folded(name) in (folded(one.code), folded(one.wire)) for one in fields.values())


def _names(column: Column) -> set[str]:
    return {folded(column.name), folded(column.wire), folded(_code(column))}


def _code(column: Column) -> str:
    return column.field.code if column.field else column.wire
