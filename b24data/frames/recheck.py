"""Ids and the filter, checked again on the rows that came: a portal that ignores a condition gives no sign of it.

Equality, ranges, lists and their negations are checked on numbers, days, points in time, flags and codes. Texts are
compared by rules of the portal's own (capitals, accents, parts), so they are not: the report says so.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from b24data.errors import ProtocolViolationError
from b24data.frames.schema import Column, Schema
from b24data.lists.conditions import Condition, Group, Node, each_condition
from b24data.lists.names import folded
from b24data.lists.walk import IdRun
from b24data.report import ConditionReport

_RANGES: dict[str, Callable[[Any, Any], Any]] = {
    "gt": pc.greater,
    "ge": pc.greater_equal,
    "lt": pc.less,
    "le": pc.less_equal,
}
# Summer time: the portal's offset may have been another one at the time that is compared.
_SLACK = dt.timedelta(hours=1)
_UTC = pa.timestamp("us", "UTC")
_FLAG_TEXTS = {"y": True, "n": False, "1": True, "0": False, "true": True, "false": False}
_SHOWN = 120


def id_run(batch: pa.RecordBatch, name: str, *, descending: bool) -> IdRun | None:
    """What the ids of a batch say about its rows; None where one is not a whole number.

    >>> id_run(pa.RecordBatch.from_pydict({"ID": [3, 5, 5]}), "ID", descending=False)
    IdRun(first=3, last=5, ordered=False)
    """
    at = batch.schema.get_field_index(name)
    if at < 0 or batch.column(at).null_count or not pa.types.is_integer(batch.column(at).type):
        return None
    ids = batch.column(at)
    beyond = (pc.greater if descending else pc.less)(ids[:-1], ids[1:])
    return IdRun(ids[0].as_py(), ids[-1].as_py(), pc.all(beyond, min_count=0).as_py())


@dataclass(slots=True)
class _Proof:
    """One condition on one column, and what its rows have shown so far.

    ``met``: the column had a value. ``near``: rows are so close to a time without an offset that they meet the
    condition only if the portal's clock was changed for the summer. ``misfit``: a value that did not
    fit the column has become null. ``blank``: rows had none where the condition
    wants one; a user who may not see a field gets it empty in every row, so that is a contradiction only once the
    column is ``met``.
    """

    condition: Condition
    column: Column
    zone: dt.tzinfo
    met: bool = False
    blank: bool = False
    near: bool = False
    misfit: bool = False
    why: str = ""
    _wanted: list[Any] = field(init=False)
    _values: dict[pa.DataType, pa.Array] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        wanted = self.condition.wanted
        self._wanted = [self._placed(one) for one in (wanted if isinstance(wanted, tuple) else (wanted,))]

    def holds(self, batch: pa.RecordBatch, coerced: Collection[str]) -> pa.Array:
        """Of each row whether the condition holds; null where that can't be told."""
        unknown = pa.nulls(batch.num_rows, pa.bool_())
        at = batch.schema.get_field_index(self.column.name)
        wanted = self._wanted
        found = None if at < 0 else _comparable(batch.column(at), _first(wanted))
        if found is None:
            self.why = "its rows have values of another type"
            return unknown
        self.met = self.met or found.null_count < len(found)
        result = self._compared(found, wanted)
        if not found.null_count:
            return result
        if self.column.name in coerced:
            self.misfit = True
            return result
        absent = pc.is_null(found)
        verdict = self._of_empty(wanted)
        if verdict is False:
            self.blank = True
            verdict = False if self.met else None
        return pc.if_else(absent, pa.scalar(verdict, pa.bool_()), result)

    def _placed(self, wanted: Any) -> Any:
        """A point in time without an offset is in the portal's zone; so is the midnight of a day."""
        if isinstance(wanted, dt.datetime):
            return wanted if wanted.tzinfo else wanted.replace(tzinfo=self.zone)
        if isinstance(wanted, dt.date) and pa.types.is_timestamp(self.column.arrow):
            return dt.datetime.combine(wanted, dt.time(), self.zone)
        return wanted

    def _compared(self, found: pa.Array, wanted: list[Any]) -> pa.Array:
        test = self.condition.test
        full = [one for one in wanted if one is not None]
        slack = self._slack(full[0]) if full else dt.timedelta()
        if test in _RANGES:
            return self._nearly(*(_ranged(found, test, full[0], margin) for margin in (dt.timedelta(), slack)))
        if test == "between":
            low, high = full
            strictly, loosely = (
                pc.and_(_ranged(found, "ge", low, margin), _ranged(found, "le", high, margin))
                for margin in (dt.timedelta(), slack)
            )
            return self._nearly(strictly, loosely)
        equal = self._among(found, full)
        if slack:
            near = [pc.and_(_ranged(found, "ge", one, slack), _ranged(found, "le", one, slack)) for one in full]
            equal = self._nearly(equal, functools.reduce(pc.or_, near))
            if test in ("ne", "not in"):
                return pc.if_else(equal, pa.scalar(None, pa.bool_()), True)
        if None in wanted:  # empty: a portal may take 0 and N for it
            zero = _is_zero(found)
            equal = pc.if_else(pc.and_not(zero, equal), pa.scalar(None, pa.bool_()), equal)
        return equal if test in ("eq", "in") else pc.invert(equal)

    def _among(self, found: pa.Array, wanted: Sequence[Any]) -> pa.Array:
        """Which values are among those wanted, of which there may be as many as a list has owners."""
        if not wanted:
            return pc.if_else(pc.is_valid(found), False, pa.scalar(None, pa.bool_()))
        values = self._values.get(found.type)
        if values is None:
            values = self._values[found.type] = _array_of(wanted, found.type)
        if values.type != found.type:
            found = found.cast(values.type)
        return pc.if_else(pc.is_valid(found), pc.is_in(found, values), pa.scalar(None, pa.bool_()))

    def _nearly(self, strictly: pa.Array, loosely: pa.Array) -> pa.Array:
        """The looser of two results, with a mark where they differ."""
        if self.condition.test in ("ne", "not in"):
            self.near = self.near or bool(pc.any(loosely, min_count=0).as_py())
        elif strictly is not loosely:
            self.near = self.near or bool(pc.any(pc.and_not(loosely, strictly), min_count=0).as_py())
        return loosely

    def _slack(self, wanted: Any) -> dt.timedelta:
        given = self.condition.wanted
        each = given if isinstance(given, tuple) else (given,)
        told = all(isinstance(one, dt.datetime) and one.tzinfo is not None for one in each if one is not None)
        return dt.timedelta() if told or not isinstance(wanted, dt.datetime) else _SLACK

    def _of_empty(self, wanted: list[Any]) -> bool | None:
        """Whether an empty value meets the condition; None: a portal may see it either way."""
        test = self.condition.test
        if test in ("ne", "not in"):
            return False if wanted == [None] else None
        if None in wanted:
            return True
        like_zero = any(one == 0 for one in wanted)
        return None if like_zero and test in ("eq", "in", "ge", "le", "between") else False


def _first(wanted: Sequence[Any]) -> Any:
    return next((one for one in wanted if one is not None), None)


def _comparable(array: pa.Array, wanted: Any) -> pa.Array | None:  # noqa: PLR0911  one line a kind
    """The column as values of the kind of ``wanted``; None where it has no such values."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.dictionary_decode(), kind.value_type
    texts = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if pa.types.is_list(kind) or pa.types.is_struct(kind):
        return None
    if wanted is None:
        return array
    with contextlib.suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError):
        if isinstance(wanted, bool):
            return _each(array, lambda text: _FLAG_TEXTS[text.lower()]) if texts else array.cast(pa.bool_())
        if isinstance(wanted, int | float):
            if texts:
                array = pc.if_else(pc.equal(array, ""), pa.scalar(None, kind), array)
                return array.cast(pa.int64() if isinstance(wanted, int) else pa.float64())
            return None if pa.types.is_boolean(kind) or pa.types.is_temporal(kind) else _number(array)
        if isinstance(wanted, dt.datetime):
            if texts:
                return _each(array, _instant, _UTC)
            return array.cast(_UTC) if pa.types.is_timestamp(kind) and kind.tz else None
        if isinstance(wanted, dt.date):
            if texts:
                return _each(array, dt.date.fromisoformat, pa.date32())
            return array if pa.types.is_date(kind) else None
        return pc.utf8_lower(array if texts else array.cast(pa.string()))
    return None


def _number(array: pa.Array) -> pa.Array:
    return array.cast(pa.float64()) if pa.types.is_decimal(array.type) else array


def _instant(text: str) -> dt.datetime:
    found = dt.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found


def _each(array: pa.Array, read: Callable[[str], Any], kind: pa.DataType | None = None) -> pa.Array:
    """Texts read one by one: of lists whose fields nothing describes. ValueError where one can't be read."""
    try:
        values = [read(text) if text else None for text in array.to_pylist()]
    except KeyError as error:
        raise ValueError(str(error)) from error
    return pa.array(values, kind or pa.bool_())


def _scalar(wanted: Any, kind: pa.DataType) -> Any:
    if isinstance(wanted, int) and not isinstance(wanted, bool) and not -(2**63) <= wanted < 2**63:
        return pa.scalar(float(wanted))
    if isinstance(wanted, dt.datetime):
        return pa.scalar(_in_utc(wanted), _UTC)
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return pa.scalar(wanted)
    return pa.scalar(wanted, kind)


def _in_utc(moment: dt.datetime, later: dt.timedelta = dt.timedelta()) -> dt.datetime:
    """``moment`` and some in UTC; the first or the last that Python has, where that is beyond them."""
    try:
        return moment.astimezone(dt.UTC) + later
    except OverflowError:
        return (dt.datetime.min if moment.year < 5000 else dt.datetime.max).replace(tzinfo=dt.UTC)


def _ranged(found: pa.Array, test: str, wanted: Any, slack: dt.timedelta) -> pa.Array:
    if slack:
        wanted = _in_utc(wanted, -slack if test in ("gt", "ge") else slack)
    return _RANGES[test](found, _scalar(wanted, found.type))


def _array_of(wanted: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Values to look for in a column of this type."""
    if isinstance(wanted[0], dt.datetime):
        return pa.array([_in_utc(one) for one in wanted], _UTC)
    if isinstance(wanted[0], float) or pa.types.is_floating(kind):
        return pa.array([float(one) for one in wanted])
    fitting = [one for one in wanted if not isinstance(one, int) or -(2**63) <= one < 2**63]
    return pa.array(fitting, pa.bool_() if isinstance(wanted[0], bool) else kind)


def _is_zero(found: pa.Array) -> pa.Array:
    if pa.types.is_boolean(found.type):
        return pc.invert(found)
    if pa.types.is_integer(found.type) or pa.types.is_floating(found.type):
        return pc.equal(found, 0)
    if pa.types.is_string(found.type):
        return pc.is_in(found, pa.array(["", "0", "0.00", "N"]))
    return pc.if_else(pc.is_valid(found), False, pa.scalar(None, pa.bool_()))


@dataclass(slots=True)
class Recheck:
    """The conditions of one filter, checked on the columns of ``schema``.

    Where one part of a group is enough, a portal that ignores a part sends fewer rows, so each part wants a row that
    meets no other one. ``offset`` is the portal's.
    """

    method: str
    conditions: Group
    schema: Schema
    offset: str | None = None
    _proofs: dict[int, _Proof] = field(default_factory=dict)
    _reasons: dict[int, str] = field(default_factory=dict)
    _parts: dict[int, list[int]] = field(default_factory=dict)
    _shown: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        by_code = {name: column for column in self.schema.columns for name in _names(column)}
        zone = dt.datetime.strptime(self.offset or "+00:00", "%z").tzinfo or dt.UTC
        for one in each_condition(self.conditions):
            column = by_code.get(one.field) or by_code.get(folded(one.field)) if one.field else None
            if one.why or column is None or column.many:
                self._reasons[id(one)] = one.why or (
                    "the field has several values" if column is not None else "no column of the rows shows it"
                )
            else:
                self._proofs[id(one)] = _Proof(one, column, zone)
        self._note_parts(self.conditions, [])

    def _note_parts(self, node: Node, within: list[int]) -> None:
        """Remember of each condition the parts of groups in which it stands, where one part is enough."""
        if isinstance(node, Condition):
            self._parts[id(node)] = within
            return
        for member in node.members:
            self._note_parts(member, [*within, id(member)] if node.either != node.negative else within)

    def check(self, batch: pa.RecordBatch, coerced: Collection[str] = ()) -> None:
        """Raise :class:`ProtocolViolationError` with the condition and a value that contradicts it.

        ``coerced`` names the columns where values that did not fit have become null.
        """
        if not self._proofs:
            return
        for node in self.conditions.members:
            holds = self._holds(node, batch, coerced)
            if holds is None:
                continue
            wrong = pc.invert(pc.fill_null(holds, True))
            if pc.any(wrong, min_count=0).as_py():
                raise self._violation(node, batch, wrong)
        for proof in self._proofs.values():
            if proof.met and proof.blank and proof.condition in self.conditions.members:
                raise self._contradicted(proof.condition, None)

    def _holds(self, node: Node, batch: pa.RecordBatch, coerced: Collection[str]) -> pa.Array | None:
        if isinstance(node, Condition):
            proof = self._proofs.get(id(node))
            return None if proof is None else proof.holds(batch, coerced)
        unknown = pa.nulls(batch.num_rows, pa.bool_())
        parts = [self._holds(one, batch, coerced) for one in node.members]
        combine = pc.or_kleene if node.either else pc.and_kleene
        result = pa.array([not node.either] * batch.num_rows, pa.bool_())
        for part in parts:
            result = combine(result, unknown if part is None else part)
        if node.either != node.negative:
            known = [part for part in parts if part is not None]
            if len(known) == len(parts):
                self._look_for_witnesses(node, [pc.invert(one) for one in known] if node.negative else known)
        return pc.invert(result) if node.negative else result

    def _look_for_witnesses(self, node: Group, parts: Sequence[pa.Array]) -> None:
        """Parts of which a row is there that meets no other one: a portal that ignored the part would not send it."""
        for at, member in enumerate(node.members):
            if id(member) in self._shown:
                continue
            others = [part for place, part in enumerate(parts) if place != at]
            alone = functools.reduce(pc.and_kleene, [pc.invert(other) for other in others], parts[at])
            if pc.any(pc.fill_null(alone, False), min_count=0).as_py():
                self._shown.add(id(member))

    def _violation(self, node: Node, batch: pa.RecordBatch, wrong: pa.Array) -> ProtocolViolationError:
        if isinstance(node, Condition):
            column = batch.column(batch.schema.get_field_index(self._proofs[id(node)].column.name))
            return self._contradicted(node, column.filter(wrong)[0].as_py())
        return ProtocolViolationError(
            f"the portal ignores the group {node.key or node.word!r} of the filter in {self.method}: a row meets none "
            "of its conditions",
            hint="fetch each part of the group and join the frames with pd.concat",
        )

    def _contradicted(self, one: Condition, example: Any) -> ProtocolViolationError:
        shown = example.isoformat() if isinstance(example, dt.date) else repr(example)
        return ProtocolViolationError(
            f"the portal ignores the filter {one.key!r} in {self.method}: a row has {shown}",
            hint="check the spelling of the field and its value in the method's documentation",
        )

    def reason(self, one: Condition) -> str:  # noqa: PLR0911  one line a reason
        """Why a condition was not checked; empty where it was."""
        proof = self._proofs.get(id(one))
        if proof is None:
            return self._reasons.get(id(one), "")
        if proof.why:
            return proof.why
        if any(part not in self._shown for part in self._parts[id(one)]):
            return "no row shows that the portal applies this part of the group"
        if proof.misfit:
            return "values that do not fit the type of the field could not be compared"
        if proof.near:
            return "some rows are within an hour of it, and it is unknown whether the portal uses summer time"
        if proof.blank and not proof.met:
            return "no row has the field; this user may have no right to see it"
        return one.unsure


# Of other columns a portal may sort by something else than the value, as by the name of a user or of a stage.
_SORTABLE = frozenset(("integer", "int", "double", "float", "date", "datetime"))


@dataclass(frozen=True, slots=True)
class OrderCheck:
    """The order that was asked for, checked on rows that came together: what lies between them may have changed."""

    method: str
    column: Column
    descending: bool

    @classmethod
    def of(cls, method: str, schema: Schema, code: str, *, descending: bool) -> OrderCheck | None:
        """The check by the field ``code``; None where its values do not tell how they are sorted."""
        column = next((one for one in schema.columns if folded(code) in _names(one)), None)
        if column is None or column.field is None or column.many:
            return None
        is_sortable = column.field.type in _SORTABLE and not column.field.values
        is_plain = column.kind in ("int", "float", "date", "timestamp")
        return cls(method, column, descending) if is_sortable and is_plain else None

    def check(self, batch: pa.RecordBatch) -> None:
        """Raise :class:`ProtocolViolationError` where two rows that follow each other are the other way round."""
        values = batch.column(batch.schema.get_field_index(self.column.name)).drop_null()
        if pa.types.is_string(values.type):  # a value that is no number made the column wider
            return
        wrong = (pc.less if self.descending else pc.greater)(values[:-1], values[1:])
        if pc.any(wrong, min_count=0).as_py():
            raise ProtocolViolationError(
                f"the portal ignores the order by {self.column.name} in {self.method}",
                hint="leave the order out and sort the frame: df.sort_values(...)",
            )


def condition_reports(
    conditions: Group, bounds: Sequence[Condition], recheck: Recheck | None, unchecked: str
) -> tuple[ConditionReport, ...]:
    """One line of a report for each condition; bounds on the id are checked by the walk itself.

    ``unchecked`` says why nothing was checked where there is no ``recheck``.
    """
    found = [(one, "") for one in bounds]
    found += [(one, recheck.reason(one) if recheck else one.why or unchecked) for one in each_condition(conditions)]
    return tuple(
        ConditionReport(one.key, _text(one.value), one.sent, f"not checkable: {why}" if why else "checked")
        for one, why in found
    )


def _text(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _names(column: Column) -> set[str]:
    names = {column.wire, column.field.code} if column.field else {column.wire}
    return names | {folded(name) for name in names}
