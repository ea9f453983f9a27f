"""Files that a fetch can write: Parquet, Excel and CSV, told apart by their names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

from b24data.errors import ConfigError
from b24data.files.atomic import name_of, path_of
from b24data.frames.csvfile import CSV_KINDS, CsvKind, CsvSink
from b24data.frames.excel import ExcelSink, import_xlsxwriter
from b24data.frames.parquet import ParquetSink, check_target
from b24data.frames.sinks import Sink
from b24data.frames.staging import StagedSink
from b24data.text.hints import option

SUFFIXES: Mapping[str, Literal["parquet", "xlsx", "csv"]] = {".parquet": "parquet", ".xlsx": "xlsx", ".csv": "csv"}


@dataclass(frozen=True, slots=True)
class Target:
    """A file to write: ``path`` is where it lies, behind any link. ``csv`` says which kind of CSV."""

    path: Path
    kind: Literal["parquet", "xlsx", "csv"]
    csv: CsvKind = "plain"

    def sink(self, schema: pa.Schema, metadata: Mapping[str, str]) -> Sink:
        """A sink for batches whose columns may still widen."""
        if self.kind == "parquet":
            return self.last_sink(schema, metadata)
        return StagedSink(self.path, schema, lambda whole: self.last_sink(whole, metadata))

    def last_sink(self, schema: pa.Schema, metadata: Mapping[str, str]) -> Sink:
        """A sink for batches that ``schema`` holds."""
        if self.kind == "xlsx":
            return ExcelSink(self.path, schema, metadata)
        if self.kind == "csv":
            return CsvSink(self.path, schema, self.csv)
        return ParquetSink(self.path, schema, metadata)


def suffix_of(path: str | os.PathLike[str]) -> str:
    """How the name of a file ends, in small letters."""
    return path_of(name_of(path)).suffix.lower()


def target_of(path: str | os.PathLike[str], csv: CsvKind | None = None) -> Target:
    """What to write by the name of the file; raises :class:`ConfigError` before anything is fetched.

    >>> target_of("deals.xls")
    Traceback (most recent call last):
    b24data.errors.ConfigError: deals.xls is neither a .parquet nor an .xlsx nor a .csv file. Hint: name it \
deals.parquet, deals.xlsx or deals.csv.
    """
    check_csv(path, csv)
    file = check_target(path)
    return Target(file, target_kind(path), csv or "plain")


def target_kind(path: str | os.PathLike[str]) -> Literal["parquet", "xlsx", "csv"]:
    """Which kind of file the name means; raises :class:`ConfigError` for a name that means none."""
    kind = SUFFIXES.get(suffix_of(path))
    if kind is None:
        name = path_of(name_of(path))
        names = [f"{name.stem}{suffix}" for suffix in SUFFIXES]
        raise ConfigError(
            f"{name.name} is neither a .parquet nor an .xlsx nor a .csv file",
            hint=f"name it {', '.join(names[:-1])} or {names[-1]}",
        )
    if kind == "xlsx":
        import_xlsxwriter()
    return kind


def check_csv(path: str | os.PathLike[str] | None, csv: CsvKind | None) -> None:
    """Raise :class:`ConfigError` for ``csv=`` without a CSV file, or with an unknown kind."""
    if csv is None:
        return
    if csv not in CSV_KINDS:
        raise ConfigError(f"csv is {csv!r}", hint=f"it is {' or '.join(map(repr, CSV_KINDS))}")
    if path is None or suffix_of(path) != ".csv":
        named = "none is named" if path is None else f"{path_of(name_of(path)).name} is none"
        raise ConfigError(f"csv {csv!r} is for CSV files, and {named}", hint=f"add {option('to', 'deals.csv')}")
