"""The filters that a sync asks with. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from b24data.errors import ConfigError, ExportError
from b24data.frames.parquet import schema_of
from b24data.lists.conditions import split_filter_key
from b24data.lists.methods import MethodSpec
from b24data.sync.clocks import earlier
from b24data.sync.merge import Ids
from b24data.sync.source import Filter, Synced

LONG_AGO = "2000-01-01T00:00:00+00:00"
_IDS_AT_ONCE = 200  # in one filter
_ROWS_A_REQUEST = 2_500


def changed_since(asked: Synced, since: str, given: Filter) -> Filter:
    """A filter with the condition on the cursor, beside one that the user may have."""
    taken = {key.lower() for key in given}
    if f">={asked.cursor}".lower() not in taken:
        return {**given, f">={asked.cursor}": since}
    if f">{asked.cursor}".lower() not in taken:
        return {**given, f">{asked.cursor}": earlier(since, 1)}
    raise ConfigError(
        f"the filter has {asked.cursor} with > and with >=, so a sync can't add its own", hint="leave one of them out"
    )


def needed_filter(asked: Synced) -> Filter:
    """The part of the filter without which the method gives nothing, and what it says of the ids, which stay."""
    needed = {path.partition(".")[2].lstrip("=").lower() for path in asked.spec.required if path[:7] == "filter."}
    return {
        key: value
        for key, value in asked.filter.items()
        if split_filter_key(key)[1].lower() in needed or _is_about_id(asked.spec, key)
    }


def asking_for(asked: Synced, missing: Ids, listed: Ids) -> Iterator[Filter]:
    """Filters for ids that are ``listed`` on the portal and missing here: by number, or if there are many by range.

    A range has ids that are not missing; where the filter itself speaks of ids, that may be ids that it excludes.
    """
    spec = asked.spec
    given = {key: value for key, value in asked.filter.items() if not _is_about_id(spec, key)}
    if not len(missing):
        return
    low, high = int(missing[0]), int(missing[-1])
    between = int(np.searchsorted(listed, high, "right") - np.searchsorted(listed, low))
    if len(given) < len(asked.filter) or len(missing) / _IDS_AT_ONCE <= between / _ROWS_A_REQUEST + 1:
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
