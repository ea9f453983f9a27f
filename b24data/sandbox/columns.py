"""How a portal keeps one field of all its records, and how it writes it into an answer.

Two stores are enough for every kind of field: numbers (ids, cents, moments) and codes into a small vocabulary
(texts, flags, lists, files). Both render whole blocks of rows at once through Arrow, which is what makes the
sandbox fast enough that it is not what a benchmark of a client measures.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

NULL = np.iinfo(np.int64).min
ID_MARK = "\ue000"  # stands for the record's id inside a vocabulary entry
ABSENT = object()  # the key is left out of the row, as a portal does with empty multifields
ZONE_S = 3 * 3600  # the portal's clock: UTC+3, all year

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Writer:
    """How an answer is written: JSON numbers or strings of digits, PHP's ``\\uXXXX`` escapes or plain UTF-8."""

    numbers: bool = False
    escape: bool = True

    def json(self, value: Any) -> str:
        """A value as PHP's json_encode writes it."""
        text = json.dumps(value, ensure_ascii=self.escape, separators=(",", ":"))
        return text.replace("/", "\\/") if self.escape else text


@dataclass(slots=True)
class Numbers:
    """A field of numbers: ``kind`` is id, cents, double, datetime or date; ``NULL`` marks what is not filled in.

    Moments are unix seconds, amounts hundredths. ``empty`` is what stands for null where numbers travel as text.
    """

    kind: str
    values: Ints
    empty: str | None = None
    _rising: Ints | None = field(default=None, repr=False, compare=False)  # positions by value

    def holding(self, wanted: Ints) -> npt.NDArray[np.bool_]:
        """Which records have one of these values; of several, such as the owners of product rows, by an index."""
        if len(wanted) < 2:
            return np.isin(self.values, wanted)
        if self._rising is None:
            self._rising = np.argsort(self.values, kind="stable")
        first, last = (np.searchsorted(self.values, wanted, side, sorter=self._rising) for side in ("left", "right"))
        mask = np.zeros(len(self.values), np.bool_)
        for begin, end in zip(first.tolist(), last.tolist(), strict=True):
            mask[self._rising[begin:end]] = True
        return mask

    def put(self, at: int, value: Any) -> None:
        """Change one value, given in its stored form."""
        self.values[at] = NULL if value is None else int(value)
        self._rising = None

    def grow(self, count: int) -> None:
        """Room for more records; they start as copies of the last one."""
        filler = self.values[-1:] if len(self.values) else np.array([NULL])
        self.values = np.concatenate([self.values, np.repeat(filler, count)])
        self._rising = None

    def render(self, rows: Ints, ids: Ints, key: str, writer: Writer) -> Any:  # noqa: ARG002
        """``key`` followed by the JSON value, for each of the rows."""
        values = self.values[rows]
        filled = values != NULL
        quote = '"' if not writer.numbers or self.kind in ("datetime", "date") else ""
        text = _join(f"{key}{quote}", self._text(np.where(filled, values, 0), writer), quote)
        if filled.all():
            return text
        empty = writer.json(None if writer.numbers else self.empty)
        return pc.if_else(pa.array(filled), text, pa.scalar(f"{key}{empty}".encode(), pa.binary()))

    def _text(self, values: Ints, writer: Writer) -> Any:
        if self.kind in ("datetime", "date"):
            return _moment_text(values)
        if self.kind in ("cents", "double"):
            whole, rest = np.divmod(np.abs(values), 100)
            digits = _hundredths(short=writer.numbers or self.kind == "double").take(pa.array(rest))
            sign = pc.if_else(pa.array(values < 0), pa.scalar(b"-"), pa.scalar(b""))
            return _join(sign, _digits(whole), digits)
        return _digits(values)


@dataclass(slots=True)
class Codes:
    """A field of few distinct values: ``codes`` into ``vocabulary`` (JSON values, ``ID_MARK`` where the id stands).

    ``numeric`` is the vocabulary where numbers travel as numbers (``crm.item.list``), if it differs; ``kind`` says
    how a filter compares the values (:func:`~b24data.sandbox.values.meaning`).
    """

    codes: npt.NDArray[np.int32]
    vocabulary: list[Any]
    numeric: list[Any] | None = None
    kind: str = "text"
    _rendered: dict[tuple[str, Writer], _Pieces] = field(default_factory=dict, repr=False)

    def put(self, at: int, value: Any) -> None:
        """Change one value; a new one joins the vocabulary."""
        if value not in self.vocabulary:
            self.vocabulary.append(value)
            if self.numeric is not None:
                self.numeric.append(value)
            self._rendered.clear()
        self.codes[at] = self.vocabulary.index(value)

    def grow(self, count: int) -> None:
        """Room for more records; they start as copies of the last one."""
        filler = self.codes[-1:] if len(self.codes) else np.zeros(1, np.int32)
        self.codes = np.concatenate([self.codes, np.repeat(filler, count)])

    def render(self, rows: Ints, ids: Ints, key: str, writer: Writer) -> Any:
        """``key`` followed by the JSON value, for each of the rows."""
        pieces = self._rendered.get((key, writer))
        if pieces is None:
            vocabulary = self.numeric if writer.numbers and self.numeric is not None else self.vocabulary
            pieces = self._rendered[key, writer] = _Pieces(key, vocabulary, writer)
        return pieces.render(self.codes[rows], ids)


class _Pieces:
    """A rendered vocabulary, cut where the id of the record goes."""

    def __init__(self, key: str, vocabulary: list[Any], writer: Writer) -> None:
        mark = writer.json(ID_MARK)[1:-1]
        cut = [("" if entry is ABSENT else key + writer.json(entry)).split(mark) for entry in vocabulary]
        depth = max((len(parts) for parts in cut), default=1)
        self.parts = [
            pa.array([parts[at].encode() if at < len(parts) else b"" for parts in cut], pa.binary())
            for at in range(depth)
        ]
        self.has_id = [np.array([at < len(parts) for parts in cut]) for at in range(1, depth)]

    def render(self, codes: npt.NDArray[np.int32], ids: Ints) -> Any:
        taken = pa.array(codes)
        joined = [self.parts[0].take(taken)]
        if self.has_id:
            record = _digits(ids)
            for part, has_id in zip(self.parts[1:], self.has_id, strict=True):
                joined.append(pc.if_else(pa.array(has_id[codes]), record, pa.scalar(b"", pa.binary())))
                joined.append(part.take(taken))
        return _join(*joined) if len(joined) > 1 else joined[0]


def _join(*parts: Any) -> Any:
    typed = [pa.scalar(part.encode(), pa.binary()) if isinstance(part, str) else part for part in parts if part != ""]
    return pc.binary_join_element_wise(*typed, pa.scalar(b"", pa.binary())) if len(typed) > 1 else typed[0]


def _digits(values: Ints) -> Any:
    return pc.cast(pc.cast(pa.array(values, pa.int64()), pa.string()), pa.binary())


@lru_cache
def _hundredths(*, short: bool) -> Any:
    full = [f".{rest:02}" for rest in range(100)]
    return pa.array([(text.rstrip("0").rstrip(".") if short else text).encode() for text in full], pa.binary())


_FIRST_DAY = np.datetime64("1900-01-01", "D")
_FIRST_DAY_INDEX = int(_FIRST_DAY.astype(np.int64))


@lru_cache
def _calendar() -> tuple[Any, Any, Any]:
    days = np.datetime_as_string(np.arange(_FIRST_DAY, np.datetime64("2101-01-01", "D")))
    zone = f"+{ZONE_S // 3600:02}:00"
    return (
        pa.array([f"{day}T".encode() for day in days.tolist()], pa.binary()),
        pa.array([f"{hour:02}:".encode() for hour in range(24)], pa.binary()),
        pa.array([f"{rest // 60:02}:{rest % 60:02}{zone}".encode() for rest in range(3600)], pa.binary()),
    )


def _moment_text(values: Ints) -> Any:
    days, hours, rest = _calendar()
    day, second = np.divmod(values + ZONE_S, 86400)
    hour, second = np.divmod(second, 3600)
    if len(day) and (day.min() < _FIRST_DAY_INDEX or day.max() - _FIRST_DAY_INDEX >= len(days)):
        days = pa.array([f"{text}T".encode() for text in np.datetime_as_string(day.astype("M8[D]")).tolist()])
        return _join(days, hours.take(pa.array(hour)), rest.take(pa.array(second)))
    return _join(days.take(pa.array(day - _FIRST_DAY_INDEX)), hours.take(pa.array(hour)), rest.take(pa.array(second)))


def iso(moment: float) -> str:
    """A moment (unix seconds) as the portal writes it.

    >>> iso(0)
    '1970-01-01T03:00:00+03:00'
    """
    text: bytes = _moment_text(np.array([int(moment)]))[0].as_py()
    return text.decode()
