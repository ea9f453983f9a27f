"""From described fields, or from rows alone, to the columns of a table."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pyarrow as pa

from b24data.errors import SchemaError
from b24data.frames.fields import Field, WireCase, read_fields
from b24data.frames.kinds import Kind, arrow_type, kind_of_dtype, kind_of_field
from b24data.http.payload import decoded
from b24data.lists.names import check_names, folded

__all__ = [
    "Column",
    "Field",
    "Schema",
    "WireCase",
    "build_schema",
    "infer_schema",
    "make_columns",
    "read_fields",
    "widened",
]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: where its values come from (``wire``), and how they are read (``kind``, ``many``).

    ``widens`` marks a type that is a guess (inferred from rows, or a ``char`` that looked like Y/N): a value that does
    not fit makes the column wider, to text at last, instead of becoming null.
    """

    name: str
    wire: str
    field: Field | None
    arrow: pa.DataType
    kind: Kind
    many: bool = False
    widens: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a table, in order.

    ``open`` says that a key which appears in later rows becomes a column (nothing was selected by name); ``described``
    holds the fields by wire name for that moment. ``id_name`` is the column of integer ids, if there is one.
    """

    columns: tuple[Column, ...]
    id_name: str | None = None
    tz: str = "UTC"
    open: bool = False
    described: Mapping[str, Field] = field(default_factory=dict, repr=False)

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema, with ``b24data.code``, ``b24data.title`` and ``b24data.type`` on each described column."""
        return pa.schema([pa.field(c.name, c.arrow, metadata=_facts(c)) for c in self.columns])

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def titled(self) -> Schema:
        """The same columns under the titles that a person knows; where titles clash, with the code behind."""
        titles = [column.field.title or column.name if column.field else column.name for column in self.columns]
        titles = [
            f"{title}, currency" if column.kind == "currency" and column.field else title
            for title, column in zip(titles, self.columns, strict=True)
        ]
        names = [
            title if titles.count(title) == 1 else f"{title} [{column.name}]"
            for title, column in zip(titles, self.columns, strict=True)
        ]
        id_name = names[self.names.index(self.id_name)] if self.id_name in self.names else self.id_name
        renamed = tuple(replace(column, name=name) for column, name in zip(self.columns, names, strict=True))
        return replace(self, columns=renamed, id_name=id_name)


def _facts(column: Column) -> dict[str, str]:
    if column.field is None:
        return {"b24data.code": column.wire, "b24data.title": "", "b24data.type": ""}
    return {
        "b24data.code": column.field.code,
        "b24data.title": column.field.title,
        "b24data.type": column.field.type,
    }


def build_schema(
    fields: Mapping[str, Field],
    select: Sequence[str] | None,
    *,
    id_code: str | None,
    sample_rows: Iterable[Mapping[str, Any] | bytes | msgspec.Raw] = (),
    dtypes: Mapping[str, Any] | None = None,
    tz: str = "UTC",
    check: bool = True,
) -> Schema:
    """The columns of a list.

    ``select=None`` takes the keys of ``sample_rows`` in their order (without rows: all described fields but the user
    fields); ``"*"`` and ``"UF_*"`` take what they take on the portal. A name that is neither described nor seen in the
    rows raises :class:`SchemaError` with the nearest names (``check=False`` lets it through as text). The id is int64
    whatever its description says, unless the rows have one that is no integer; a money field becomes two columns,
    ``NAME`` and ``NAME_CURRENCY``.

    >>> fields = read_fields({"ID": {"type": "integer"}, "UF_SUM": {"type": "money"}})
    >>> build_schema(fields, ["ID", "UF_SUM"], id_code="ID").names
    ['ID', 'UF_SUM', 'UF_SUM_CURRENCY']
    """
    samples = _samples(sample_rows)
    by_wire = {f.wire: f for f in fields.values()}
    wanted = _wanted(fields, by_wire, select, samples, check=check)
    schema = Schema((), _id_name(wanted, id_code), tz, _is_open(select), by_wire)
    columns = [
        column
        for name, wire in wanted.items()
        for column in make_columns(schema, name, wire, samples.get(wire, ()), (dtypes or {}), taken=wanted)
    ]
    _check_dtypes(dtypes or {}, columns)
    return replace(schema, columns=tuple(columns))


def infer_schema(
    sample_rows: Iterable[Mapping[str, Any] | bytes | msgspec.Raw],
    *,
    id_code: str | None = None,
    dtypes: Mapping[str, Any] | None = None,
    tz: str = "UTC",
) -> Schema:
    """The columns of rows that nobody describes: JSON's own types, text for everything else.

    Texts stay texts (``"007"``, ``"12/11/2024"``), but for the id; objects become JSON text. Every column may widen.

    >>> infer_schema([{"id": "7", "sum": 1.5, "tags": ["a"]}], id_code="id").arrow.types
    [DataType(int64), DataType(double), ListType(list<item: string>)]
    """
    return build_schema({}, None, id_code=id_code, sample_rows=sample_rows, dtypes=dtypes, tz=tz)


def make_columns(
    schema: Schema,
    name: str,
    wire: str,
    values: Sequence[Any],
    dtypes: Mapping[str, Any] | None = None,
    *,
    taken: Collection[str] = (),
) -> Iterator[Column]:
    """The column of one field: two for money, with a guessed and widening type where no description has one.

    ``taken`` are the names of the other columns.
    """
    found = schema.described.get(wire)
    kind: Kind
    if name == schema.id_name and all(_is_id(value) for value in values):
        # Undescribed ids are integers until one of them is not.
        kind, many, widens = "int", False, found is None or kind_of_field(found) != "int"
    elif dtypes and name in dtypes:
        (kind, many), widens = _asked_kind(name, dtypes[name], found), False
    elif found is None or not found.type:
        (kind, many), widens = _inferred(values), True
    else:
        kind, many, widens = _described(found, values)
    yield Column(name, wire, found, arrow_type(kind, many=many, tz=schema.tz), kind, many, widens)
    if kind == "amount" or (kind == "decimal" and found is not None and kind_of_field(found) == "amount"):
        currency = _currency_name(name, schema.described, taken)
        yield Column(currency, wire, found, arrow_type("currency", many=many), "currency", many)


def _currency_name(name: str, described: Mapping[str, Field], taken: Collection[str]) -> str:
    """``NAME_CURRENCY``; another name if a field of the portal is called so. It does not depend on what is selected."""
    known = {*taken, *described, *(field.code for field in described.values())}
    free = f"{name}_CURRENCY" if f"{name}_CURRENCY" not in known else f"{name}_MONEY_CURRENCY"
    while free in known:
        free += "_"
    return free


def _described(found: Field, values: Sequence[Any]) -> tuple[Kind, bool, bool]:
    """Kind, many and widens of a described field; its values decide what the description leaves open."""
    kind = kind_of_field(found)
    if kind == "contacts":
        return kind, False, False  # a list already
    if found.type == "array":
        return kind, True, False
    if found.type == "object" and values and all(value is None or _is_instant(value) for value in values):
        return "timestamp", found.multiple, True  # what the fields of REST 3.0 call a datetime
    if found.type == "char" and not all(_is_flag(value) for value in values):
        kind = "text"
    if kind in ("date", "timestamp") and any(_is_slashed(element) for value in values for element in _elements(value)):
        kind = "text"  # the portal's own format: 12/11 may be either day
    many = found.multiple or (kind != "text" and any(isinstance(value, list) and value for value in values))
    return kind, many, found.type == "char"


def widened(
    schema: Schema, misfits: Collection[str], extra: Collection[str], rows: Sequence[Mapping[str, Any]]
) -> Schema:
    """The schema with columns that hold the rows' values where they did not fit, and with columns for ``extra`` keys.

    A number column becomes one of wider numbers or of text, any other one of text; ``rows`` are parsed.
    """
    columns = [
        _wider(column, schema, [row.get(column.wire) for row in rows]) if column.name in misfits else column
        for column in schema.columns
    ]
    taken = {column.name for column in columns}
    for wire in dict.fromkeys(key for row in rows for key in row if key in extra):
        code = schema.described[wire].code if wire in schema.described else wire
        values = [row[wire] for row in rows if wire in row]
        name = wire if code in taken else code
        while name in taken:
            name += "_"
        columns += make_columns(schema, name, wire, values, taken=taken)
        taken |= {column.name for column in columns}
    return replace(schema, columns=tuple(columns))


def _wider(column: Column, schema: Schema, values: Sequence[Any]) -> Column:
    fractions = column.kind == "int" and column.name != schema.id_name and _inferred(values) == ("float", column.many)
    kind: Kind = "float" if fractions else "text"
    return replace(column, kind=kind, arrow=arrow_type(kind, many=column.many, tz=schema.tz))


def _samples(rows: Iterable[Mapping[str, Any] | bytes | msgspec.Raw]) -> dict[str, list[Any]]:
    """The values that were seen, by key, keys in the order of the answer. PHP's empty row ``[]`` has none."""
    seen: dict[str, list[Any]] = {}
    for row in rows:
        parsed = row if isinstance(row, Mapping) else decoded(row)
        for key, value in parsed.items() if isinstance(parsed, Mapping) else ():
            seen.setdefault(key, []).append(value)
    return seen


def _wanted(
    fields: Mapping[str, Field],
    by_wire: Mapping[str, Field],
    select: Sequence[str] | None,
    samples: Mapping[str, Any],
    *,
    check: bool,
) -> dict[str, str]:
    """The columns asked for: name -> key in a row."""
    plain = {f.code: f.wire for f in fields.values() if not _is_user_field(f.code)}
    user = {f.code: f.wire for f in fields.values() if _is_user_field(f.code)}
    seen = {by_wire[key].code if key in by_wire else key: key for key in samples}
    if select is None:
        return seen or plain
    known = {**{f.wire: f.wire for f in fields.values()}, **seen, **plain, **user}
    names = [name for name in select if name not in ("*", "UF_*")]
    if check and (fields or samples):
        check_names([name for name in names if name.partition(".")[0] not in known], known)
    loosely = {folded(name): wire for name, wire in known.items()}  # tasks: TAGS comes as tags
    wanted: dict[str, str] = {}
    for name in select:
        if name == "*":
            wanted |= {code: wire for code, wire in seen.items() if not _is_user_field(code)} or plain
        elif name == "UF_*":
            wanted |= user
        else:
            whole = name.partition(".")[0]  # REST 3.0 answers "responsible.name" inside "responsible"
            wanted[name if name in known else whole] = known.get(name) or loosely.get(folded(whole), whole)
    return wanted


def _is_open(select: Sequence[str] | None) -> bool:
    return select is None or "*" in select or "UF_*" in select


def _is_user_field(code: str) -> bool:
    return re.match(r"UF_|uf[A-Z]", code) is not None


def _id_name(wanted: Mapping[str, str], id_code: str | None) -> str | None:
    return next((name for name, wire in wanted.items() if id_code in (name, wire)), id_code)


def _check_dtypes(dtypes: Mapping[str, Any], columns: Sequence[Column]) -> None:
    check_names(dtypes, [column.name for column in columns], where="dtypes")
    for column in columns:
        if column.name not in dtypes:
            continue
        if _asked_kind(column.name, dtypes[column.name], column.field) != (column.kind, column.many):
            raise SchemaError(
                f"dtypes has {dtypes[column.name]!r} for {column.name}, by which the list is read as whole numbers",
                hint=f"convert it afterwards: df[{column.name!r}].astype(...)",
            )


def _asked_kind(name: str, dtype: Any, found: Field | None) -> tuple[Kind, bool]:
    """What ``dtypes`` asks for. A day that is asked for as a datetime stays the day: as an instant it would move."""
    kind, many = kind_of_dtype(name, dtype)
    if kind == "timestamp" and found is not None and kind_of_field(found) == "date":
        return "date", many
    return kind, many


def _is_id(value: Any) -> bool:
    return (
        isinstance(value, int)
        or value is None
        or (isinstance(value, str) and re.fullmatch(r"-?\d*", value) is not None)
    )


def _is_flag(value: Any) -> bool:
    return value is None or value is True or value is False or value in ("", "Y", "N")


def _elements(value: Any) -> Collection[Any]:
    """The values of a multiple field; a single value is one of its own."""
    if isinstance(value, list):
        return value
    return value.values() if isinstance(value, dict) else (value,)


def _is_slashed(value: Any) -> bool:
    return isinstance(value, str) and re.match(r"\d{1,4}/\d{1,2}/", value) is not None


def _is_instant(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", value) is not None


def _inferred(values: Sequence[Any]) -> tuple[Kind, bool]:
    """The narrowest kind that holds all the values; lists of one kind of scalar are lists."""
    full = [value for value in values if value is not None and value not in ("", [])]
    if full and all(isinstance(value, list) for value in full):
        kind, many = _inferred([element for value in full for element in value])
        return ("text", False) if many else (kind, True)
    types = {type(value) for value in full}
    if types == {bool}:
        return "bool", False
    if types == {int}:
        return "int", False
    return ("float", False) if types and types <= {int, float} else ("text", False)
