"""The files of a CRM folder as they are at one moment, under the names of SQL.

Each file is mapped into memory when the snapshot is taken: a sync that replaces it meanwhile changes nothing here.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

from b24data.crm.columns import COLUMNS
from b24data.crm.folder import CrmFolder, Manifest
from b24data.crm.tables import sql_name
from b24data.errors import ConfigError, ExportError
from b24data.files.atomic import path_of
from b24data.files.disk import disk_error
from b24data.frames.sinks import united
from b24data.text.hints import SYNC_CRM

_FORMAT = ds.ParquetFileFormat()
_TRIES = 3  # a file may go between being listed and being opened, when a sync puts two parts in the place of one


@dataclass(frozen=True, slots=True)
class SnapshotTable:
    """One table: its rows, its columns by their names in SQL, and those that views read but the rows lack."""

    name: str
    data: ds.Dataset | None = field(repr=False)
    columns: Mapping[str, str]  # name in SQL -> name in the files
    missing: Mapping[str, str]  # name in SQL -> type in SQL

    def select(self, source: str) -> str:
        """The SELECT that gives the table its names, from what it is registered as.

        >>> SnapshotTable("t", None, {"company_id": "companyId"}, {"title": "text"}).select("raw")
        'select "companyId" as "company_id", cast(null as text) as "title" from raw'
        """
        parts = [f"{quoted(file)} as {quoted(name)}" for name, file in self.columns.items()]
        parts += [f"cast(null as {kind}) as {quoted(name)}" for name, kind in self.missing.items()]
        columns = ", ".join(parts)
        return f"select {columns} from {source}" if self.columns else f"select {columns} where false"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All tables of a folder, and what is known of them."""

    manifest: Manifest
    tables: tuple[SnapshotTable, ...]


def snapshot_of(path: str | os.PathLike[str]) -> Snapshot:
    """A snapshot of the folder; :class:`ConfigError` if :meth:`tools.sync_crm` did not make it."""
    folder = CrmFolder(path_of(path))
    manifest = folder.manifest()
    if manifest is None:
        raise ConfigError(f"{path} has no CRM tables", hint=f"{SYNC_CRM} creates them")
    return Snapshot(manifest, tuple(_tables(folder, manifest)))


def _tables(folder: CrmFolder, manifest: Manifest) -> Iterator[SnapshotTable]:
    for name in [*manifest.tables, *(name for name in COLUMNS if name not in manifest.tables)]:
        data = _dataset(folder, name) if name in manifest.tables else None
        columns = sql_names(data.schema.names) if data is not None else {}
        missing = {one: kind for one, kind in COLUMNS.get(name, {}).items() if one not in columns}
        yield SnapshotTable(name, data, columns, missing)


def _dataset(folder: CrmFolder, name: str) -> ds.Dataset | None:
    for last in reversed(range(_TRIES)):
        try:
            files = [_fragment(path) for path in folder.files(name)]
        except FileNotFoundError as error:
            if not last:
                raise disk_error(folder.of(name), error) from error
        else:
            break
    if not files:
        return None
    # A sync that is under way has made a column wider in some files.
    schema = functools.reduce(united, (file.physical_schema for file in files))
    return ds.FileSystemDataset(files, schema.remove_metadata(), _FORMAT)


def _fragment(path: Path) -> ds.Fragment:
    try:
        with pa.memory_map(str(path)) as mapped:
            fragment = _FORMAT.make_fragment(pa.BufferReader(mapped.read_buffer()))
            _ = fragment.physical_schema  # read here, where a damaged file has its error
            return fragment
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowInvalid) as error:
        raise ExportError(
            f"{path} can't be read: {error}", hint="remove it; the next run reads the table in full"
        ) from error


def sql_names(given: Iterable[str]) -> dict[str, str]:
    """Names in SQL, each once: two that differ in capitals alone get a number."""
    found: dict[str, str] = {}
    for name in given:
        plain, count = sql_name(name), 1
        while plain in found:
            count += 1
            plain = f"{sql_name(name)}_{count}"
        found[plain] = name
    return found


def quoted(name: str) -> str:
    """A name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'
