"""Descriptions of fields on disk: the next notebook, the next run and Tab know them without asking.

One file for each user, application, method and parameters, in the user's cache folder, for its owner alone. Without
pyarrow and pandas: Tab waits for this module.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from b24data.errors import SdkError
from b24data.fields.fields import Field
from b24data.files.atomic import open_regular, read_bounded, write_whole
from b24data.files.disk import warn_once
from b24data.files.places import cache_folder
from b24data.http.redirect import is_loopback
from b24data.http.session import Session
from b24data.version import __version__

_LEFT_S = 30 * 86_400.0  # entries that were not used for this long are removed


class CachedDescription(msgspec.Struct, frozen=True):
    """What lies in one file. ``at`` is when the portal was asked, in Unix seconds."""

    b24data: str
    portal: str
    method: str
    params: dict[str, Any]
    at: float
    fields: dict[str, Field]


def cache_of(session: Session) -> DescriptionCache | None:
    """Where descriptions for the user of ``session`` lie; None where nothing is kept.

    That is: a portal on this machine (the next sandbox at the same port is another portal), a user who is not known
    (what a user may see differs), and a session that something else answers for.
    """
    who = session.credentials if type(session) is Session else None
    if who is None or not who.user_id or is_loopback(urlsplit(f"//{who.portal}").hostname):
        return None
    try:
        folder = cache_folder("fields")
    except SdkError as error:
        warn_once(f"field descriptions are not cached: {error}")
        return None
    return _cache(folder, who.portal, (who.member_id, str(who.user_id), who.application))


@functools.lru_cache(maxsize=32)
def _cache(folder: Path, portal: str, who: tuple[str, ...]) -> DescriptionCache:
    owner = hashlib.sha256(json.dumps([portal, *who]).encode()).hexdigest()[:12]
    return DescriptionCache(folder / f"{_plain(portal)}-{owner}", portal)


@dataclass(frozen=True)
class DescriptionCache:
    """The kept descriptions of one user of one portal. Any thread and any program may use it.

    What can't be read or written, or was written by another version of the package, is as if it were not there;
    the log says so once.

    >>> import tempfile
    >>> cache = DescriptionCache(Path(tempfile.mkdtemp()), "acme.bitrix24.com")
    >>> cache.put("v2", "crm.item.list", {"entityTypeId": 2}, {"id": Field("id", "id")}, at=1_800_000_000.0)
    >>> list(cache.get("v2", "crm.item.list", {"entityTypeId": 2}).fields)
    ['id']
    >>> cache.get("v2", "crm.item.list", {"entityTypeId": 31}) is None, cache.names("crm.item.list")
    (True, ['id'])
    """

    folder: Path
    portal: str

    def get(self, version: str, method: str, params: Mapping[str, Any]) -> CachedDescription | None:
        """The fields of a list of ``method``, asked with ``params``; None if they are not there."""
        found = self._read(self._path(version, method, params))
        return found if found is not None and found.params == dict(params) else None

    def put(
        self, version: str, method: str, params: Mapping[str, Any], fields: Mapping[str, Field], *, at: float
    ) -> None:
        """Keep the fields in the place of those that are there."""
        path = self._path(version, method, params)
        kept = CachedDescription(__version__, self.portal, method, dict(params), at, dict(fields))
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, msgspec.json.encode(kept), private=True)
            self._tidy()
        except (OSError, SdkError) as error:
            warn_once(f"field descriptions are not cached: {error}")

    def names(self, method: str) -> list[str]:
        """The codes of a list's fields, whatever it was asked with and however long ago."""
        found = [one for path in self.folder.glob(f"*.{_plain(method.lower())}-*.json") if (one := self._read(path))]
        latest = max(
            (one for one in found if one.method.lower() == method.lower()), key=lambda kept: kept.at, default=None
        )
        return list(latest.fields) if latest else []

    def _path(self, version: str, method: str, params: Mapping[str, Any]) -> Path:
        asked = json.dumps([version, method.lower(), params], sort_keys=True, default=str)
        digest = hashlib.sha256(asked.encode()).hexdigest()[:12]
        return self.folder / f"{version}.{_plain(method.lower())}-{digest}.json"

    def _read(self, path: Path) -> CachedDescription | None:
        try:
            with open_regular(path) as file:
                kept = msgspec.json.decode(read_bounded(file, path), type=CachedDescription)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, ValueError, RecursionError) as error:
            warn_once(f"{path} is not used: {error}")
            return None
        return kept if kept.b24data == __version__ and kept.portal == self.portal else None

    def _tidy(self) -> None:
        oldest = time.time() - _LEFT_S
        for path in self.folder.iterdir():
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)


def _plain(name: str) -> str:
    """A name that any file system takes."""
    return re.sub(r"[^\w.]", "_", name)[:80]
