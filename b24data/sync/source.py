"""A list on a portal as a sync asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from b24data.errors import ConfigError, ExportError, ProtocolViolationError
from b24data.files.atomic import path_of
from b24data.files.disk import disk_error
from b24data.files.ownership import kind_of
from b24data.files.workfolder import WorkFolder
from b24data.http.clock import Clock
from b24data.http.session import Session
from b24data.lists.conditions import split_filter_key
from b24data.lists.methods import MethodSpec, check_reads, spec_of
from b24data.lists.query import selected_names
from b24data.report import FetchReport
from b24data.sync.clocks import Moment
from b24data.sync.merge import NO_IDS, Ids
from b24data.sync.state import Store
from b24data.text.hints import FETCH, option
from b24data.text.pages import page

__all__ = ["ListSource", "check_folder", "source_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSource:
    """What :class:`~b24data.sync.sync.Sync` needs of a portal, made of the tools' own fetches.

    ``columns`` are the options for the columns, ``manner`` those for the fetch.
    """

    session: Session
    clock: Clock
    spec: MethodSpec
    cursor: str
    select: Sequence[str] | None
    filter: Mapping[str, Any]
    columns: Mapping[str, Any]
    manner: Mapping[str, Any]
    fetch_all: Callable[..., Any] = field(repr=False)
    iter_batches: Callable[..., Any] = field(repr=False)

    @property
    def portal(self) -> str:
        """The portal's host."""
        return self.session.portal

    @property
    def query(self) -> dict[str, Any]:
        """What decides on rows and columns, as JSON gives it back."""
        asked = {
            "caller": self.session.caller,
            "method": self.spec.method,
            "cursor": self.cursor,
            "select": self.select,
            "filter": self.filter,
            "params": self.manner["params"],
            **self.columns,
        }
        plain: dict[str, Any] = json.loads(json.dumps(asked, default=str))
        return plain

    @property
    def facts(self) -> dict[str, str]:
        """For the footers of the parts."""
        return {"portal": self.portal, "method": self.spec.method, "query": json.dumps(self.query, ensure_ascii=False)}

    def now(self) -> Moment:
        """Both clocks; one request."""
        time = self.session.call("server.time").time
        try:
            moment = Moment(portal=(time.date_start if time else None) or "", local=self.clock.time())
            _ = moment.portal_s
        except (ValueError, OverflowError) as error:
            text = f"{self.portal} does not send the time, which a sync needs"
            raise ProtocolViolationError(text) from error
        return moment

    def fetch(self, conditions: Mapping[str, Any], to: Path) -> FetchReport:
        """The rows, into a Parquet file."""
        return self._into(to, self._selected(), conditions, self.columns)

    def fetch_ids(self, conditions: Mapping[str, Any], to: Path) -> FetchReport:
        """Nothing but the ids, into a Parquet file."""
        return self._into(to, [str(self.spec.id_asked)], conditions, {})

    def ids(self, conditions: Mapping[str, Any], limit: int | None = None) -> tuple[Ids, FetchReport]:
        """The ids in memory: 8 bytes each."""
        found = [NO_IDS]
        batches = self.iter_batches(
            self._asked_method, [str(self.spec.id_asked)], conditions or None, limit=limit, **self.manner
        )
        with batches:
            found += [batch.column(0).to_numpy(zero_copy_only=False) for batch in batches]
        return np.unique(np.concatenate(found)), batches.report

    def _into(
        self, to: Path, select: Sequence[str] | None, conditions: Mapping[str, Any], columns: Mapping[str, Any]
    ) -> FetchReport:
        report: FetchReport = self.fetch_all(
            self._asked_method, select, conditions or None, to=to, **columns, **self.manner
        )
        return report

    def _selected(self) -> list[str] | None:
        """What was selected, with the id and the cursor: by them a row is known, and the portal's filter checked."""
        if self.select is None or "*" in self.select:
            return None if self.select is None else list(self.select)
        given = {name.lower() for name in self.select}
        added = [name for name in (str(self.spec.id_asked), self.cursor) if name.lower() not in given]
        return [*added, *self.select]

    @property
    def _asked_method(self) -> str:
        return f"v3:{self.spec.method}" if self.spec.version == "v3" else self.spec.method


def source_of(method: str, cursor: str | None, conditions: Mapping[str, Any] | None, **rest: Any) -> ListSource:
    """The source for a method: :class:`ConfigError` where it can't be synced, with what to do."""
    spec = spec_of(method)
    if spec.walk != "refused":
        check_reads(method)
    if spec.id_asked is None or spec.id is None or spec.walk in ("whole", "refused"):
        raise ConfigError(
            f"{spec.method} cannot be synced: its rows cannot be requested by id",
            hint=f"{FETCH} reads the whole list",
        )
    if cursor is None and spec.modified is None:
        raise ConfigError(
            f"it is not documented which field of {spec.method} has the time of the last change",
            hint=f"name it: {option('cursor', 'DATE_MODIFY')}; {page('methods')} has the methods where it is known",
        )
    rest["select"] = selected_names(rest.get("select"))
    _check_key(spec, rest["select"] or (), conditions)
    if conditions is not None and not isinstance(conditions, Mapping):
        raise ConfigError("the filter of a sync must be a mapping", hint='such as {">=DATE_CREATE": "2026-01-01"}')
    return ListSource(spec=spec, cursor=cursor or str(spec.modified), filter=dict(conditions or {}), **rest)


def _check_key(spec: MethodSpec, select: Sequence[str], conditions: Any) -> None:
    """A dataset has one row an id."""
    filtered = [split_filter_key(str(key))[1] for key in conditions] if isinstance(conditions, Mapping) else []
    named = {name.upper() for name in (*select, *filtered)}
    if found := [name for name in spec.key_with if name.upper() in named or "*" in named]:
        raise ConfigError(
            f"{spec.method} has several rows of one {spec.id} where it is asked for {found[0]}, and a dataset has one",
            hint=f"leave that field out, or get the whole list with {FETCH}",
        )


def check_folder(path: Any) -> Path:
    """The folder of a dataset, made if it is not there; :class:`ConfigError` if it can't be written to.

    >>> check_folder("no/such/folder/deals")
    Traceback (most recent call last):
    b24data.errors.ConfigError: there is no folder no/such/folder. Hint: create it, or give another path.
    """
    folder = path_of(path)
    if folder.suffix.lower() in (".xlsx", ".csv") and not folder.is_dir():
        raise ConfigError(
            f"a sync writes a folder of Parquet files, and {folder.name} is the name of a file",
            hint=f"name the folder, such as {option('to', folder.stem)}; {FETCH} writes {folder.name}",
        )
    try:
        if not folder.parent.is_dir():
            raise ConfigError(f"there is no folder {folder.parent}", hint="create it, or give another path")
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"{folder} is {kind_of(folder.stat())}", hint="a dataset is a folder: give another name")
        folder.mkdir(exist_ok=True)
        with WorkFolder(Store(folder).folder) as own:
            own.write_whole("probe", b"")
            own.remove("probe")
    except OSError as error:
        raise _no_place(folder, disk_error(folder, error)) from error
    except ExportError as error:
        if error.code == "NOT_OURS":
            raise
        raise _no_place(folder, error) from error
    return folder


def _no_place(folder: Path, error: ExportError) -> ConfigError:
    said = error.description.rpartition(": ")[2]
    return ConfigError(f"no file can be written in the folder {folder}: {said}", hint=error.advice)
