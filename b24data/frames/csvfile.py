"""A CSV file that appears whole or not at all.

There are two kinds. ``plain`` is for programs: RFC 4180 in UTF-8, ``,`` between the fields, a decimal point, ISO days,
times with their offset, ``true`` and ``false``. It changes no text. ``excel-ru`` is for people who open it in Russian
Excel: a byte order mark, ``;``, a decimal comma, ``dd.mm.yyyy``, times without a zone (the header has it), ``ИСТИНА``
and ``ЛОЖЬ``. Excel calculates a text that begins with ``=``, ``+``, ``-`` or ``@``, and a web form lets strangers write
such texts. So ``excel-ru`` puts an apostrophe in front of them, as OWASP advises (CSV Injection), and in front of whole
numbers of more than 15 digits, which Excel would round.

Lines are put together by Arrow's own functions, column by column, and their bytes are written as they lie in memory:
0.5 s of a processor for 100,000 rows of 12 columns. The ``csv`` module takes 1.3 s. ``pyarrow.csv`` takes 0.3 s and can
write neither kind: it knows no decimal comma, and it ends lines with LF alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from b24data.files.disk import told
from b24data.frames.flat import decoded, is_number, iso, joined, local, text_of, zone_in
from b24data.frames.newfile import NewFile
from b24data.frames.sinks import recast
from b24data.report import FetchReport

CsvKind = Literal["plain", "excel-ru"]

EXCEL_ROWS = 1_048_576  # of a sheet, with its header
EXCEL_DIGITS = 15  # of a number; Source: support.microsoft.com, "Excel specifications and limits"

_SLICE = 8_192  # rows whose text is in memory at once
_END = "\r\n"  # RFC 4180
_FORMULA = r"\A([=+\-@\t\r\n＝＋－＠])"  # what Excel takes for one, in the wide letters of East Asia too


class CsvSink:
    """Writes batches of one schema to a CSV file, with memory that does not depend on their number.

    A null is an empty field, an empty text is ``""``.
    """

    def __init__(self, target: Path, schema: pa.Schema, kind: CsvKind = "plain") -> None:
        self._target = target
        self._schema = schema
        self._kind = kind
        self._manner = _MANNERS[kind]
        self._rows = 0
        self._new = NewFile(target)
        try:
            with told(target):
                self._new.file.write(self._manner.mark)
                if schema.names:
                    self._head()
        except BaseException:
            self.abort()
            raise

    def write(self, batch: pa.RecordBatch) -> None:
        """Take one more batch, whose columns the schema has, as wide or wider."""
        whole = recast(batch, self._schema)
        with told(self._target):
            for start in range(0, whole.num_rows, _SLICE):
                part = whole.slice(start, _SLICE)
                self._lines([self._manner.text(decoded(column)) for column in part.columns])
        self._rows += batch.num_rows

    def close(self, report: FetchReport) -> FetchReport:
        """Put the file in place."""
        self._new.put()
        if self._kind == "plain" or self._rows < EXCEL_ROWS:
            return report
        note = f"Excel opens the first {EXCEL_ROWS - 1:,} rows of {self._target.name}; an .xlsx file has a second sheet"
        return replace(report, notes=(*report.notes, note))

    def abort(self) -> None:
        """Leave no trace."""
        self._new.abort()

    def _head(self) -> None:
        names = [self._manner.head(field) for field in self._schema]
        self._lines([self._manner.text(pa.array([name], pa.string())) for name in names])

    def _lines(self, columns: Sequence[pa.Array]) -> None:
        fields = [_quoted(column, self._manner.delimiter, alone=len(columns) == 1) for column in columns]
        if not fields:
            return
        replaced = {"null_handling": "replace", "null_replacement": ""}
        lines = pc.binary_join_element_wise(*fields, self._manner.delimiter, **replaced)
        ended = pc.binary_join_element_wise(lines, "", _END)
        start, end = ended.offset, ended.offset + len(ended)
        _, offsets, data = ended.buffers()
        bounds = memoryview(offsets).cast("i")
        self._new.file.write(memoryview(data)[bounds[start] : bounds[end]])


def _quoted(texts: pa.Array, delimiter: str, *, alone: bool) -> pa.Array:
    """Texts in quotation marks where RFC 4180 has them. ``alone``: a null as well, because an empty line is not a
    row."""
    if alone:
        texts = texts.fill_null("")
    special = pc.match_substring_regex(texts, f'["{delimiter}\r\n]|^$')
    if not pc.any(special).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), texts)


def _plain(array: pa.Array) -> pa.Array:
    if pa.types.is_list(array.type):
        return joined(array, _plain)
    return iso(array) if pa.types.is_timestamp(array.type) else text_of(array)


def _russian(array: pa.Array) -> pa.Array:
    kind = array.type
    if is_number(kind):
        return _russian_number(array)
    if pa.types.is_boolean(kind):
        return pc.if_else(array, "ИСТИНА", "ЛОЖЬ")
    if pa.types.is_date(kind):
        return pc.strftime(array, format="%d.%m.%Y")
    if pa.types.is_timestamp(kind):
        return pc.strftime(local(array).cast(pa.timestamp("s"), safe=False), format="%d.%m.%Y %H:%M:%S")
    if pa.types.is_list(kind):
        # 1.5 would be the first of May there, and 1,5, 2,5 four numbers.
        inner = kind.value_type
        texts = joined(array, _russian_element, "; " if is_number(inner) and not pa.types.is_integer(inner) else ", ")
    else:
        texts = text_of(array)
    return pc.replace_substring_regex(texts, _FORMULA, r"'\1")


def _russian_element(array: pa.Array) -> pa.Array:
    """An element of a list: whether the cell looks like a formula, its beginning says."""
    is_plain = pa.types.is_string(array.type) or pa.types.is_integer(array.type) or pa.types.is_nested(array.type)
    return text_of(array) if is_plain else _russian(array)


def _russian_number(array: pa.Array) -> pa.Array:
    if pa.types.is_integer(array.type):
        return pc.replace_substring_regex(array.cast(pa.string()), rf"^(-?\d{{{EXCEL_DIGITS + 1},}})$", r"'\1")
    return pc.replace_substring(text_of(array), ".", ",")


@dataclass(frozen=True, slots=True)
class _Manner:
    mark: bytes
    delimiter: str
    text: Callable[[pa.Array], pa.Array]
    head: Callable[[pa.Field], str]


_MANNERS = {
    "plain": _Manner(b"", ",", _plain, lambda field: str(field.name)),
    "excel-ru": _Manner("\ufeff".encode(), ";", _russian, zone_in),
}
CSV_KINDS: tuple[CsvKind, ...] = ("plain", "excel-ru")
