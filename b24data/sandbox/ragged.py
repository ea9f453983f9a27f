"""A field that holds a list of references in each record: contacts of a deal, bindings of an activity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from b24data.sandbox.columns import Codes, Ints, Numbers, Writer

_FORMAT = "\ue001"  # stands for the number in a form


@dataclass(frozen=True, slots=True)
class Form:
    """How references of one kind are written: ``make(number)`` is the JSON value of one of them.

    >>> Form(lambda number: f"D_{number}").value(12)
    'D_12'
    """

    make: Callable[[Any], Any]  # of the number, or of the mark that stands for it
    as_text: bool = True  # whether the number stands inside quotes

    def value(self, number: int) -> Any:
        """The value as an answer has it."""
        return self.make(number)

    def around(self, writer: Writer) -> tuple[bytes, bytes]:
        """What stands before and behind the number in JSON."""
        text = writer.json(self.make(_FORMAT))
        mark = writer.json(_FORMAT)
        before, _, after = text.partition(mark[1:-1] if self.as_text else mark)
        return before.encode(), after.encode()


class Ragged:
    """Lists of references: ``count[at]`` of them from ``first[at]`` on in ``numbers``, each of a kind of ``forms``.

    ``empty`` is the JSON value of a list of nothing. A filter compares the values as ``kind`` says.
    """

    def __init__(
        self,
        count: Ints,
        numbers: Ints,
        forms: Sequence[Form],
        kinds: npt.NDArray[np.int8] | None = None,
        *,
        empty: Any = (),
        kind: str = "number",
    ) -> None:
        self.count = count.astype(np.int32)
        self.first = (np.cumsum(count) - count).astype(np.int64)
        self.numbers = numbers.astype(np.int64)
        self.kinds = np.zeros(len(numbers), np.int8) if kinds is None else kinds
        self.forms = list(forms)
        self.empty = list(empty) if isinstance(empty, tuple) else empty
        self.kind = kind

    def pairs(self, at: int) -> list[tuple[int, int]]:
        """Kind and number of each reference of a record."""
        begin = int(self.first[at])
        end = begin + int(self.count[at])
        return list(zip(self.kinds[begin:end].tolist(), self.numbers[begin:end].tolist(), strict=True))

    def values(self, at: int) -> list[Any]:
        """The list of a record as an answer has it."""
        return [self.forms[kind].value(number) for kind, number in self.pairs(at)]

    def put_pairs(self, at: int, pairs: Sequence[tuple[int, int]]) -> None:
        """Change the list of one record."""
        self.first[at], self.count[at] = len(self.numbers), len(pairs)
        self.numbers = np.concatenate([self.numbers, np.array([number for _, number in pairs], np.int64)])
        self.kinds = np.concatenate([self.kinds, np.array([kind for kind, _ in pairs], np.int8)])

    def put(self, at: int, value: Any) -> None:
        """Change the list of one record, given as it stands in answers."""
        self.put_pairs(at, [self._read(one) for one in value or ()])

    def _read(self, value: Any) -> tuple[int, int]:
        digits = [str(one) for one in (value.values() if isinstance(value, dict) else [value])]
        for number in {int(part) for text in digits for part in text.split("_") if part.isdigit()}:
            for kind, form in enumerate(self.forms):
                if _alike(form.value(number), value):
                    return kind, number
        raise ValueError(f"{value!r} is not a reference that this field can hold")

    def grow(self, count: int) -> None:
        """Room for more records; they start as copies of the last one."""
        last = (self.first[-1:], self.count[-1:]) if len(self.first) else (np.zeros(1, np.int64), np.zeros(1, np.int32))
        self.first = np.concatenate([self.first, np.repeat(last[0], count)])
        self.count = np.concatenate([self.count, np.repeat(last[1], count)])

    def holding(self, kind: int, numbers: Ints | None) -> npt.NDArray[np.bool_]:
        """Which records refer to one of these, or to any of the kind."""
        chosen = self.kinds == kind if numbers is None else (self.kinds == kind) & np.isin(self.numbers, numbers)
        sums = np.concatenate([[0], np.cumsum(chosen)])
        found: npt.NDArray[np.bool_] = sums[self.first + self.count] > sums[self.first]
        return found

    def meeting(self, meets: Callable[[list[Any]], bool]) -> npt.NDArray[np.bool_]:
        """Which records have a list that meets a condition."""
        return np.array([meets(self.values(at)) for at in range(len(self.first))], np.bool_)

    def render(self, rows: Ints, ids: Ints, key: str, writer: Writer) -> Any:  # noqa: ARG002
        """``key`` followed by the JSON list, for each of the rows."""
        count = self.count[rows].astype(np.int64)
        ends = np.cumsum(count)
        taken = np.repeat(self.first[rows] - (ends - count), count) + np.arange(int(ends[-1]) if len(ends) else 0)
        around = [form.around(writer) for form in self.forms]
        kinds = pa.array(self.kinds[taken])
        digits = pc.cast(pc.cast(pa.array(self.numbers[taken]), pa.string()), pa.binary())
        nothing = pa.scalar(b"", pa.binary())
        before = pa.array([text for text, _ in around], pa.binary()).take(kinds)
        after = pa.array([text for _, text in around], pa.binary()).take(kinds)
        parts = pc.binary_join_element_wise(before, digits, after, nothing)
        offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
        joined = pc.binary_join(pa.ListArray.from_arrays(offsets, parts), pa.scalar(b",", pa.binary()))
        text = pc.binary_join_element_wise(
            pa.scalar(f"{key}[".encode(), pa.binary()), joined, pa.scalar(b"]", pa.binary()), nothing
        )
        empty = pa.scalar(f"{key}{writer.json(self.empty)}".encode(), pa.binary())
        return pc.if_else(pa.array(count > 0), text, empty)


Column = Numbers | Codes | Ragged


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: str(value) for name, value in one.items()} == {
            name: str(value) for name, value in other.items() if name in one
        }
    return str(one) == str(other)
