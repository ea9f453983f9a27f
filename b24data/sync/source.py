"""A list on a portal as a sync asks for it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from b24data.errors import ConfigError, ExportError, ProtocolViolationError
from b24data.fetch.fetch import Fetcher
from b24data.fetch.options import FetchOptions
from b24data.files.atomic import path_of
from b24data.files.disk import disk_error
from b24data.files.ownership import file_kind
from b24data.files.workfolder import WorkFolder
from b24data.frames.targets import SUFFIXES, target_of
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

Filter: TypeAlias = Mapping[str, Any]

_OF_COLUMNS = ("labels", "dtypes", "errors", "tz")  # options that decide what becomes of a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """The list that a dataset is kept equal to. ``cursor`` is the field that tells when a row was changed."""

    spec: MethodSpec
    cursor: str
    select: Sequence[str] | None
    filter: Filter


@dataclass(frozen=True, slots=True)
class Source:
    """A list on a portal, as a sync asks for it."""

    session: Session
    fetcher: Fetcher
    asked: Synced
    options: FetchOptions

    @property
    def portal(self) -> str:
        """The portal's host."""
        return self.session.portal

    @property
    def clock(self) -> Clock:
        """How long it takes."""
        return self.fetcher.clock

    @property
    def query(self) -> dict[str, Any]:
        """What decides on rows and columns, as JSON gives it back."""
        asked, options = self.asked, self.options
        query = {
            "caller": self.session.caller,
            "method": asked.spec.method,
            "cursor": asked.cursor,
            "select": asked.select,
            "filter": asked.filter,
            **{name: getattr(options, name) for name in ("params", *_OF_COLUMNS)},
        }
        plain: dict[str, Any] = json.loads(json.dumps(query, default=_as_json))
        return plain

    @property
    def facts(self) -> dict[str, str]:
        """For the footers of the parts."""
        query = json.dumps(self.query, ensure_ascii=False)
        return {"portal": self.portal, "method": self.asked.spec.method, "query": query}

    def now(self) -> Moment:
        """Both clocks, and whether the portal answers at all; one request."""
        time = self.session.call("server.time").time
        try:
            moment = Moment(portal=(time.date_start if time else None) or "", local=self.clock.time())
            _ = moment.portal_s
        except (ValueError, OverflowError) as error:
            text = f"{self.portal} does not send the time, which a sync needs"
            raise ProtocolViolationError(text) from error
        return moment

    def fetch(self, conditions: Filter, to: Path, *, ids_only: bool = False) -> FetchReport:
        """The rows, or nothing but their ids, into a Parquet file; the same call resumes."""
        select, options = (
            ([str(self.asked.spec.id_asked)], self._for_ids()) if ids_only else (self._selected(), self.options)
        )
        fetch = self.fetcher.fetch(self._method, select, conditions or None, options)
        with fetch.into_file(target_of(to), resume=True, partial=False) as file:
            for batch in file.batches:
                file.write(batch)
        report: FetchReport = file.result
        return report

    def ids(self, conditions: Filter, limit: int | None = None) -> tuple[Ids, FetchReport]:
        """The ids in memory, all of them or this many: 8 bytes each."""
        fetch = self.fetcher.fetch(
            self._method, [str(self.asked.spec.id_asked)], conditions or None, self._for_ids(limit)
        )
        with contextlib.closing(fetch.batches()) as batches:
            found = [NO_IDS, *(batch.column(0).to_numpy(zero_copy_only=False) for batch in batches)]
        return np.unique(np.concatenate(found)), fetch.report(None)

    def _for_ids(self, limit: int | None = None) -> FetchOptions:
        plain = FetchOptions()
        return replace(self.options, limit=limit, **{name: getattr(plain, name) for name in _OF_COLUMNS})

    def _selected(self) -> list[str] | None:
        """What was selected, with the id and the cursor: by them a row is known, and the portal's filter checked."""
        asked = self.asked
        if asked.select is None or "*" in asked.select:
            return None if asked.select is None else list(asked.select)
        given = {name.lower() for name in asked.select}
        added = [name for name in (str(asked.spec.id_asked), asked.cursor) if name.lower() not in given]
        return [*added, *asked.select]

    @property
    def _method(self) -> str:
        spec = self.asked.spec
        return f"v3:{spec.method}" if spec.version == "v3" else spec.method


def check_synced(method: str, cursor: str | None, select: Sequence[str] | None, conditions: Filter | None) -> Synced:
    """The list to sync: :class:`ConfigError` where it can't be synced, with what to do."""
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
    select = selected_names(select)
    _check_key(spec, select or (), conditions)
    if conditions is not None and not isinstance(conditions, Mapping):
        raise ConfigError("the filter of a sync must be a mapping", hint='such as {">=DATE_CREATE": "2026-01-01"}')
    return Synced(spec=spec, cursor=cursor or str(spec.modified), select=select, filter=dict(conditions or {}))


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
    if folder.suffix.lower() in SUFFIXES.keys() - {".parquet"} and not folder.is_dir():
        raise ConfigError(
            f"a sync writes a folder of Parquet files, and {folder.name} is the name of a file",
            hint=f"name the folder, such as {option('to', folder.stem)}; {FETCH} writes {folder.name}",
        )
    try:
        if not folder.parent.is_dir():
            raise ConfigError(f"there is no folder {folder.parent}", hint="create it, or give another path")
        if folder.exists() and not folder.is_dir():
            raise ConfigError(
                f"{folder} is {file_kind(folder.stat())}", hint="a dataset is a folder: give another name"
            )
        folder.mkdir(exist_ok=True)
        with WorkFolder(Store(folder).folder) as own:
            own.check_writable()
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


def _as_json(value: Any) -> Any:
    """Several values one by one: the text of a long array leaves some out. A set has another order in each process."""
    if isinstance(value, Set):
        return sorted(value, key=repr)
    if getattr(value, "ndim", 0) and hasattr(value, "tolist"):
        return [str(one) for one in value]
    return str(value)
