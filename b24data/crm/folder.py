"""The folder of a CRM: a sub-folder for each table, and beside them what is known of all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from b24data.errors import ALREADY_RUNNING, ConfigError, ExportError
from b24data.files.sealed import DamagedError, seal, unsealed
from b24data.files.workfolder import WorkFolder
from b24data.sync.source import check_folder

_NAME, _FILE = "_b24data", "crm.json"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """What is known of a table that is there: enough to read it without the package's own list of tables."""

    kind: str
    method: str
    meaning: str
    key: tuple[str, ...]
    refers: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0
    at: str = ""  # the portal's time up to which it is right


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All tables, and for rows that are read by their owners the time from which changed owners are asked for."""

    caller: str
    portal: str
    began: str = ""  # the portal's time before the last run read anything
    tables: Mapping[str, TableFacts] = field(default_factory=dict)
    owners_since: Mapping[str, str] = field(default_factory=dict)
    version: int = _VERSION
    check: str = ""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What is shown of each table: how many rows it has, its key, what it links to, what it holds."""
        return [
            {
                "table": name,
                "rows": facts.rows,
                "key": ", ".join(facts.key),
                "links": ", ".join(f"{column} -> {target}" for column, target in facts.refers.items()),
                "content": facts.meaning,
            }
            for name, facts in self.tables.items()
        ]


class CrmFolder:
    """The folder ``path``; :meth:`held` makes it and keeps other runs out."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def of(self, table: str) -> Path:
        """The folder of a table."""
        return self.path / table

    def spool(self, table: str) -> Path:
        """Where rows of a table wait until they are put into it, out of the sight of readers."""
        return self.path / _NAME / f"{table}.parquet"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder; :class:`ExportError` with the code ``ALREADY_RUNNING`` if another run does."""
        check_folder(self.path)
        busy = ExportError(f"another run is updating {self.path}", code=ALREADY_RUNNING, hint="wait until it ends")
        with WorkFolder(self.path / _NAME) as folder, folder.lock(busy):
            yield

    def manifest(self) -> Manifest | None:
        """What is known of the folder; None before the first table is there."""
        if not os.path.lexists(self.path / _NAME):
            return None
        with WorkFolder(self.path / _NAME, make=False) as folder:
            data = folder.read(_FILE)
        if data is None:
            return None
        try:
            found = unsealed(data, Manifest, now=_VERSION)
        except DamagedError as error:
            raise ExportError(
                f"{self.path / _NAME / _FILE} is damaged: {error}",
                hint="remove this file and run again: the tables stay; linked tables and product rows are read in full",
            ) from error
        if found.version > _VERSION:
            raise ConfigError(f"{self.path} was written by a newer b24data", hint="pip install -U b24data")
        return found

    def write(self, manifest: Manifest) -> None:
        """Put a new manifest in the place of the old one."""
        with WorkFolder(self.path / _NAME) as folder:
            folder.write_whole(_FILE, seal(manifest))

    def files(self, table: str) -> list[Path]:
        """The Parquet files of a table."""
        return sorted(self.of(table).glob("*.parquet"))
