"""An Excel workbook that appears whole or not at all.

XlsxWriter writes it, in its mode of constant memory: for 100,000 rows of 12 columns it takes 6 s of a processor and
21 MB of memory, where openpyxl's write-only mode takes 12 s and 39 MB.

Excel's limits (support.microsoft.com, "Excel specifications and limits") lose nothing. Rows that a sheet has no place
for stand on a second one. A text of more than 32,767 characters is cut in its cell and stands whole, in parts, on the
sheet "Long texts". Whole numbers of more than 15 digits are text, and so are days that Excel's calendar lacks.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from b24data.errors import ExportError, extra
from b24data.files.disk import told
from b24data.frames.csvfile import EXCEL_DIGITS, EXCEL_ROWS
from b24data.frames.flat import decoded, is_number, joined, local, text_of, zone_in
from b24data.frames.newfile import NewFile
from b24data.frames.sinks import recast
from b24data.report import FetchReport

_COLUMNS = 16_384
_CHARACTERS = 32_767  # of a cell, as UTF-16 counts them
_SHEET_NAME = 31
_PROPERTY = 255
_FORMULA = tuple("=+-@\t\r\n")
_DAY_US = 86_400_000_000
_TO_1970 = 25_569  # days from Excel's day 0, 1899-12-30, to 1970-01-01
_FIRST, _LEAP, _LAST = dt.date(1900, 1, 1), dt.date(1900, 3, 1), dt.date(9999, 12, 31)
_LONG = "Long texts"


def import_xlsxwriter() -> Any:
    """The module; :class:`MissingExtraError` where it is missing."""
    with extra("excel", "writing an Excel file"):
        import xlsxwriter
    return xlsxwriter


class ExcelSink:
    """Writes batches of one schema to an Excel workbook, with memory that does not depend on their number.

    The sheet has the name of the list, a first row that stays and filters. Its cells are numbers, booleans, dates and
    times as Excel knows them, and texts, none of which is ever a formula. The workbook's properties have the method,
    the portal and the hash of the query of ``metadata``.
    """

    def __init__(self, target: Path, schema: pa.Schema, metadata: Mapping[str, str] | None = None) -> None:
        if len(schema) > _COLUMNS:
            raise ExportError(
                f"{target}: the list has {len(schema):,} columns, and a sheet {_COLUMNS:,}",
                hint="select fewer of them, or write a Parquet file",
            )
        writer = import_xlsxwriter()
        self._target = target
        self._schema = schema
        self._metadata = dict(metadata or {})
        self._rows = 0
        self._line = 0  # on the sheet
        self._sheets: list[Any] = []
        self._long: Any = None
        self._long_lines = 0
        self._new = NewFile(target)
        self._room = tempfile.TemporaryDirectory(prefix="b24data-")
        options = {"constant_memory": True, "tmpdir": self._room.name}
        as_text = dict.fromkeys(("strings_to_numbers", "strings_to_formulas", "strings_to_urls"), False)
        self._output = _Output(self._new.file)
        self._book = writer.Workbook(self._output, options | as_text)
        try:
            self._book.use_zip64()
            self._head = self._book.add_format({"bold": True})
            self._guarded = self._book.add_format({"quote_prefix": True})  # so that an edit makes no formula of it
            self._formats = [self._format(field.type) for field in schema]
            with told(Path(self._room.name)):
                self._begin_sheet()
        except BaseException:
            self.abort()
            raise

    def write(self, batch: pa.RecordBatch) -> None:
        """Take one more batch, whose columns the schema has, as wide or wider."""
        columns = [_cells(decoded(column)) for column in recast(batch, self._schema).columns]
        with told(Path(self._room.name)):
            for row in zip(*columns, strict=True) if columns else ():
                if self._line == EXCEL_ROWS:
                    self._begin_sheet()
                self._write_row(row)
        self._rows += batch.num_rows

    def close(self, report: FetchReport) -> FetchReport:
        """Put the file in place. The report names what stands on another sheet."""
        try:
            self._end_sheet()
            self._describe(report)
            with told(self._target), _plain_os_errors():
                self._book.close()
            self._release()
            self._new.put()
        except BaseException:
            self.abort()
            raise
        return replace(report, notes=(*report.notes, *self._notes()))

    def abort(self) -> None:
        """Leave no trace."""
        self._output.is_closed = True
        self._release()
        self._new.abort()

    def _release(self) -> None:
        """Close and remove what the writer has put into the folder for temporary files."""
        for sheet in self._book.worksheets():
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sheet.row_data_fh.close()
        self._room.cleanup()

    def _notes(self) -> Iterator[str]:
        if len(self._sheets) > 1:
            names = ", ".join(f"{sheet.get_name()!r}" for sheet in self._sheets)
            yield f"a sheet has {EXCEL_ROWS:,} rows at most: the rows are on {len(self._sheets)} sheets, {names}"
        if self._long is not None:
            yield f"a cell has {_CHARACTERS:,} characters at most: longer texts are cut, and complete on {_LONG!r}"

    # Sheets.

    def _begin_sheet(self) -> None:
        self._end_sheet()
        name = _sheet_name(self._metadata.get("method", ""), len(self._sheets) + 1)
        sheet = self._book.add_worksheet(name)
        self._sheets.append(sheet)
        for place, field in enumerate(self._schema):
            head = zone_in(field)
            sheet.set_column(place, place, max(_width(field.type), min(len(head) + 4, 40)))
            sheet.write_string(0, place, _cut(head)[0], self._head)
        sheet.freeze_panes(1, 0)
        self._line = 1

    def _end_sheet(self) -> None:
        if self._sheets and len(self._schema):
            self._sheets[-1].autofilter(0, 0, self._line - 1, len(self._schema) - 1)

    def _write_row(self, row: Sequence[Any]) -> None:
        sheet, line, formats = self._sheets[-1], self._line, self._formats
        for place, value in enumerate(row):
            if value is None:
                continue
            if isinstance(value, str):
                self._write_text(sheet, line, place, value)
            elif isinstance(value, bool):
                sheet.write_boolean(line, place, value)
            else:
                sheet.write_number(line, place, value, formats[place])
        self._line += 1

    def _write_text(self, sheet: Any, line: int, place: int, text: str) -> None:
        shown, is_cut = _cut(text)
        if is_cut:
            self._write_long(line, place, text)
        form = self._guarded if shown.startswith(_FORMULA) else None
        if shown.startswith("<r>") and shown.endswith("</r>"):
            # XlsxWriter would take it for markup of its own; formatted text, of three pieces at least, it escapes.
            sheet.write_rich_string(line, place, shown[:1], shown[1:2], shown[2:])
        else:
            sheet.write_string(line, place, shown, form)

    def _write_long(self, line: int, place: int, text: str) -> None:
        """A text in parts, with the place of its cell."""
        if self._long is None:
            self._long = self._book.add_worksheet(_LONG)
            for column, head in enumerate(("Sheet", "Row", "Column", "Part", "Text")):
                self._long.write_string(0, column, head, self._head)
            self._long.freeze_panes(1, 0)
        number = 0
        while text:
            part = _fitting(text, _CHARACTERS)
            text = text[len(part) :]
            number += 1
            self._long_lines += 1
            self._long.write_string(self._long_lines, 0, self._sheets[-1].get_name())
            self._long.write_number(self._long_lines, 1, line + 1)
            self._write_text(self._long, self._long_lines, 2, _cut(str(self._schema.field(place).name))[0])
            self._long.write_number(self._long_lines, 3, number)
            self._write_text(self._long, self._long_lines, 4, part)

    def _format(self, kind: pa.DataType) -> Any:
        if pa.types.is_date(kind):
            return self._book.add_format({"num_format": "yyyy-mm-dd"})
        if pa.types.is_timestamp(kind):
            return self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        return self._book.add_format({"num_format": "0"}) if pa.types.is_integer(kind) else None

    def _describe(self, report: FetchReport) -> None:
        """The workbook's properties, as far as they have room: Excel takes 255 characters."""
        self._book.set_properties({"title": report.method[:_PROPERTY]})
        told = {name: self._metadata.get(name, "") for name in ("portal", "method", "query_hash")}
        for name, value in told.items():
            self._book.set_custom_property(f"b24data.{name}", value[:_PROPERTY], "text")
        self._book.set_custom_property("b24data.rows", report.rows)
        self._book.set_custom_property("b24data.complete", report.complete)
        self._book.set_custom_property("b24data.reason", str(report.reason)[:_PROPERTY], "text")


class _Output:
    """The file of the zip archive. Closed, it takes what the archive writes when it is collected, after an error."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.is_closed = False

    def write(self, data: bytes) -> int:
        return len(data) if self.is_closed else self._file.write(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0 if self.is_closed else self._file.seek(offset, whence)

    def tell(self) -> int:
        return 0 if self.is_closed else self._file.tell()

    def flush(self) -> None:
        if not self.is_closed:
            self._file.flush()


@contextlib.contextmanager
def _plain_os_errors() -> Iterator[None]:
    """XlsxWriter wraps what the system says into an error of its own."""
    try:
        yield
    except Exception as error:
        cause = error.args[0] if error.args else None
        if isinstance(cause, OSError):
            raise cause from error
        raise


def _sheet_name(method: str, number: int) -> str:
    """A name as Excel takes it.

    >>> _sheet_name("crm.deal.list", 1), _sheet_name("humanresources.node.communication.list", 2)
    ('crm.deal.list', 'humanresources.node.communi (2)')
    """
    plain = re.sub(r"[\[\]:*?/\\\x00-\x1f]", "_", method).strip("'") or "list"
    behind = f" ({number})" if number > 1 else ""
    return f"{plain[: _SHEET_NAME - len(behind)]}{behind}"


def _width(kind: pa.DataType) -> int:
    """Wide enough for Excel to show the value: it shows ``####`` in the place of a number that is wider."""
    if pa.types.is_timestamp(kind):
        return 20
    return 24 if pa.types.is_string(kind) or pa.types.is_list(kind) else 12


# Cells: numbers, booleans, texts, and None for an empty one. Days and times are numbers of days.


def _cells(array: pa.Array) -> list[Any]:
    """The values of a column as a sheet has them."""
    kind = array.type
    if pa.types.is_boolean(kind):
        return list(array.to_pylist())
    if is_number(kind):
        return [None if one is None else _number(one) for one in array.to_pylist()]
    if pa.types.is_date(kind):
        return _days(array.cast(pa.date32()).cast(pa.int32()), 1, array)
    if pa.types.is_timestamp(kind):
        shown = local(array)
        return _days(shown.cast(pa.int64()), _DAY_US, shown)
    texts = joined(array, text_of) if pa.types.is_list(kind) else text_of(array)
    if pc.any(pc.match_substring(texts, "\r")).as_py():  # Excel's own line break is LF
        texts = pc.replace_substring_regex(texts, "\r\n?", "\n")
    return list(texts.to_pylist())


def _days(since_1970: pa.Array, of_a_day: int, shown: pa.Array) -> list[Any]:
    """Days since Excel's day 0; texts for those that its calendar lacks. Until March 1900 it is a day behind."""
    first, leap, last = (((day - dt.date(1970, 1, 1)).days) * of_a_day for day in (_FIRST, _LEAP, _LAST))
    numbers: list[Any] = []
    for place, one in enumerate(since_1970.to_pylist()):
        if one is None:
            numbers.append(None)
        elif first <= one < last + of_a_day:
            whole, rest = divmod(one, of_a_day)
            numbers.append(whole + _TO_1970 - (one < leap) + rest / of_a_day)
        else:
            numbers.append(text_of(shown.slice(place, 1))[0].as_py())
    return numbers


def _number(value: Any) -> Any:
    """A number that Excel keeps, else its text."""
    if isinstance(value, int):
        return value if abs(value) < 10**EXCEL_DIGITS else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return float(value) if len(value.normalize().as_tuple().digits) <= EXCEL_DIGITS else str(value)


def _cut(text: str) -> tuple[str, bool]:
    """What a cell has room for, and whether that is less than all."""
    shown = _fitting(text, _CHARACTERS)
    if len(shown) == len(text):
        return text, False
    return f"{_fitting(text, _CHARACTERS - 1)}…", True


def _fitting(text: str, most: int) -> str:
    """The beginning of a text that fits: characters beyond U+FFFF count twice, and are not divided."""
    if len(text) * 2 <= most:
        return text
    head = text[:most]
    return (
        head if head.isascii() else head.encode("utf-16-le", "surrogatepass")[: most * 2].decode("utf-16-le", "ignore")
    )
