"""What a sync asks for: the list on the portal, and the filters that it is asked with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from b24data.errors import ConfigError, ExportError
from b24data.frames.parquet import schema_of
from b24data.http.clock import Clock
from b24data.lists.conditions import split_filter_key
from b24data.lists.methods import MethodSpec
from b24data.report import FetchReport
from b24data.sync.clocks import Moment, earlier
from b24data.sync.merge import Ids
from b24data.sync.state import Query

__all__ = ["LONG_AGO", "Filter", "Source", "asking_for", "changed_since", "id_column", "needed_filter"]

Filter = Mapping[str, Any]

LONG_AGO = "2000-01-01T00:00:00+00:00"
_IDS_AT_ONCE = 200  # in one filter
_ROWS_A_REQUEST = 2_500


class Source(Protocol):
    """A list on a portal, as a sync asks for it."""

    @property
    def spec(self) -> MethodSpec:
        """The facts about the method."""
        ...

    @property
    def cursor(self) -> str:
        """The field that tells when a row was changed."""
        ...

    @property
    def filter(self) -> Filter:
        """Which rows belong to the list."""
        ...

    @property
    def portal(self) -> str:
        """The portal's host."""
        ...

    @property
    def query(self) -> Query:
        """What decides on rows and columns."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """For the footers of the parts."""
        ...

    @property
    def clock(self) -> Clock:
        """How long it takes."""
        ...

    def now(self) -> Moment:
        """Both clocks, and whether the portal answers at all."""
        ...

    def fetch(self, conditions: Filter, to: Path) -> FetchReport:
        """The rows, into a Parquet file; the same call resumes."""
        ...

    def fetch_ids(self, conditions: Filter, to: Path) -> FetchReport:
        """Nothing but the ids, into a Parquet file."""
        ...

    def ids(self, conditions: Filter, limit: int | None = None) -> tuple[Ids, FetchReport]:
        """The ids in memory, all of them or this many."""
        ...


def changed_since(source: Source, since: str, given: Filter) -> Filter:
    """A filter with the condition on the cursor, beside one that the user may have."""
    taken = {key.lower() for key in given}
    if f">={source.cursor}".lower() not in taken:
        return {**given, f">={source.cursor}": since}
    if f">{source.cursor}".lower() not in taken:
        return {**given, f">{source.cursor}": earlier(since, 1)}
    raise ConfigError(
        f"the filter has {source.cursor} with > and with >=, so a sync can't add its own", hint="leave one of them out"
    )


def needed_filter(source: Source) -> Filter:
    """The part of the filter without which the method gives nothing, and what it says of the ids, which stay."""
    needed = {path.partition(".")[2].lstrip("=").lower() for path in source.spec.required if path[:7] == "filter."}
    return {
        key: value
        for key, value in source.filter.items()
        if split_filter_key(key)[1].lower() in needed or _is_about_id(source.spec, key)
    }


def asking_for(source: Source, missing: Ids, listed: Ids) -> Iterator[Filter]:
    """Filters for ids that are ``listed`` on the portal and missing here: by number, or if there are many by range."""
    spec = source.spec
    given = {key: value for key, value in source.filter.items() if not _is_about_id(spec, key)}
    if not len(missing):
        return
    low, high = int(missing[0]), int(missing[-1])
    between = int(np.searchsorted(listed, high, "right") - np.searchsorted(listed, low))
    if len(missing) / _IDS_AT_ONCE <= between / _ROWS_A_REQUEST + 1:
        for at in range(0, len(missing), _IDS_AT_ONCE):
            yield {**given, f"@{spec.id_asked}": missing[at : at + _IDS_AT_ONCE].tolist()}
    else:
        yield {**given, f">={spec.id_asked}": low, f"<={spec.id_asked}": high}


def _is_about_id(spec: MethodSpec, key: str) -> bool:
    return split_filter_key(key)[1].lower() == str(spec.id_asked).lower()


def id_column(spec: MethodSpec, file: Path) -> str:
    """What the id is called in a file."""
    names = schema_of(file).names
    found = next((name for name in (spec.id_asked, spec.id) if name in names), None)
    if found is None:
        raise ExportError(f"{spec.method}: the rows have no {spec.id}, so changed rows cannot be found")
    return found
