"""From described fields, or from rows alone, to the columns of a table."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec
import pyarrow as pa

from b24data.errors import SchemaError
from b24data.fields.fields import Field
from b24data.fields.kinds import Kind, arrow_type, kind_of_dtype, kind_of_field
from b24data.frames.guesses import elements, guessed, is_flag, is_id, is_instant, is_slashed
from b24data.http.payload import decoded
from b24data.lists.names import ANYWAY, check_names, folded, near_names

# "rows": read off the first rows. "later": off later rows. "id": of the id, for which nothing or something else is
# described. "flag": a char that looked like Y and N. "time": an object that looked like a time. "day": described as a
# day or a time, which the portal may write in a format of its own. "page": told by the documentation alone.
Guess = Literal["", "rows", "later", "id", "flag", "time", "day", "page"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: where its values come from (``wire``), and how they are read (``kind``, ``many``).

    ``guess`` says whence a type is that the description does not settle. Where it ``widens``, a value that does not
    fit makes the column wider, to text at last, instead of becoming null. ``was`` is the kind from which it became
    text, where other values of that kind are to have the text that they had then. ``asked``: the caller chose its type.
    """

    name: str
    wire: str
    field: Field | None
    arrow: pa.DataType
    kind: Kind
    many: bool = False
    guess: Guess = ""
    was: Kind | None = None
    asked: bool = False

    @property
    def widens(self) -> bool:
        """Whether its type is a guess."""
        return self.guess not in ("", "day")

    @property
    def portal_type(self) -> str:
        """The type that its field is described with; empty without one."""
        return self.field.type if self.field else ""


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
        for place in range(len(names)):
            while names[place] in names[:place]:  # a title may end in another field's code
                names[place] += "_"
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
    beside: Sequence[str] = (),
    sample_rows: Iterable[Mapping[str, Any] | bytes | msgspec.Raw] = (),
    dtypes: Mapping[str, Any] | None = None,
    tz: str = "UTC",
    check: bool = True,
) -> Schema:
    """The columns of a list.

    ``select=None`` takes the keys of ``sample_rows`` in their order (without rows: all described fields but the user
    fields); ``"*"`` and ``"UF_*"`` take what they take on the portal. A name that is neither described nor seen in the
    rows raises :class:`SchemaError` with the nearest names (``check=False`` lets it through as text). The names
    ``beside`` them become columns unchecked. The id is int64 whatever its description says, unless the rows have one
    that is not an integer; a money field becomes two columns, ``NAME`` and ``NAME_CURRENCY``.

    >>> from b24data.fields.fields import read_fields
    >>> fields = read_fields({"ID": {"type": "integer"}, "UF_SUM": {"type": "money"}})
    >>> build_schema(fields, ["ID", "UF_SUM"], id_code="ID").names
    ['ID', 'UF_SUM', 'UF_SUM_CURRENCY']
    """
    samples = _samples(sample_rows)
    by_wire = {f.wire: f for f in fields.values()}
    wanted = _wanted(fields, by_wire, select, samples, beside, check=check)
    schema = Schema((), _id_name(wanted, id_code), tz, _is_open(select), by_wire)
    columns = [
        column
        for name, wire in wanted.items()
        for column in make_columns(schema, name, wire, samples.get(wire, ()), (dtypes or {}), taken=wanted)
    ]
    _check_dtypes(dtypes or {}, columns)
    return replace(schema, columns=tuple(columns))


def make_columns(
    schema: Schema,
    name: str,
    wire: str,
    values: Sequence[Any],
    dtypes: Mapping[str, Any] | None = None,
    *,
    taken: Collection[str] = (),
    later: bool = False,
) -> Iterator[Column]:
    """The column of one field: two for money, with a guessed and widening type where no description has one.

    ``taken`` are the names of the other columns. ``later``: the first rows had no such key.
    """
    found = schema.described.get(wire)
    kind: Kind
    guess: Guess
    asked = False
    if name == schema.id_name and all(map(is_id, values)):
        # Undescribed ids are integers until one of them is not.
        kind, many, guess = "int", False, "" if found is not None and kind_of_field(found) == "int" else "id"
    elif dtypes and name in dtypes:
        (kind, many), guess, asked = _asked_kind(name, dtypes[name], found), "", True
    elif found is None or not found.type:
        (kind, many), guess = guessed(values), "later" if later else "rows"
        if later and (many or name == schema.id_name or (kind != "bool" and any(value is False for value in values))):
            kind, many = "text", False
    else:
        kind, many, guess = _described(found, () if later else values)
    yield Column(name, wire, found, arrow_type(kind, many=many, tz=schema.tz), kind, many, guess, asked=asked)
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


def _described(found: Field, values: Sequence[Any]) -> tuple[Kind, bool, Guess]:
    """Kind, many and guess of a described field; its values decide what the description leaves open."""
    kind = kind_of_field(found)
    if kind == "contacts":
        return kind, False, ""  # a list already
    if found.type == "array":
        return kind, True, "page" if found.on_page else ""
    if _may_be_time(found) and values and all(value is None or is_instant(value) for value in values):
        return "timestamp", found.multiple, "time"  # what the fields of REST 3.0 call a datetime
    if found.type == "char" and not all(map(is_flag, values)):
        kind = "text"
    if kind in ("date", "timestamp") and any(is_slashed(element) for value in values for element in elements(value)):
        kind = "text"  # the portal's own format: 12/11 may be either day
    many = found.multiple or (kind != "text" and any(isinstance(value, list) and value for value in values))
    if found.type == "char" and kind_of_field(found) == "bool":
        return kind, many, "flag"
    if found.on_page:
        return kind, many, "page"
    return kind, many, "day" if kind in ("date", "timestamp") else ""


def _may_be_time(found: Field) -> bool:
    """Whether it is called an object by REST 3.0, which calls times so too; a page tells them apart."""
    return found.type == "object" and not found.on_page


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
    beside: Sequence[str],
    *,
    check: bool,
) -> dict[str, str]:
    """The columns asked for, and those ``beside`` them: name -> key in a row."""
    plain = {f.code: f.wire for f in fields.values() if not _is_user_field(f.code)}
    user = {f.code: f.wire for f in fields.values() if _is_user_field(f.code)}
    seen = {by_wire[key].code if key in by_wire else key: key for key in samples}
    if select is None:
        return seen or plain
    known = {**{f.wire: f.wire for f in fields.values()}, **seen, **plain, **user}
    names = [name for name in select if name not in ("*", "UF_*")]
    if check and (fields or samples):
        strangers = [name for name in names if name.partition(".")[0] not in known]
        guessed = all(one.on_page for one in fields.values())
        if guessed:  # rows may lack a field that is empty; a name like one that is known is a misspelt one
            spelt = {folded(one) for one in known}
            strangers = [name for name in strangers if folded(name) not in spelt and near_names(name, known)]
        check_names(strangers, known, hint=ANYWAY if guessed else "")
    loosely = {folded(name): wire for name, wire in known.items()}  # tasks: TAGS comes as tags
    wanted: dict[str, str] = {}
    for name in (*select, *beside):
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
