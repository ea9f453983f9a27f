"""How many rows a list had at each portal when it was last read: the largest portal begins first.

Nothing is asked for it. A portal that is not known yet may be the largest, so it begins before those that are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from b24data.errors import SdkError
from b24data.files.atomic import open_regular, read_bounded, write_whole
from b24data.files.places import cache_folder

_Rows = dict[str, dict[str, int]]  # by list, by profile


@dataclass
class Sizes:
    """The rows by list and profile, in the user's cache folder; what can't be read or written is as if not there.

    >>> sizes = Sizes(kept=False)
    >>> sizes.learn("crm.deal.list", {"acme": 5, "beta": 70})
    >>> sizes.largest_first("crm.deal.list", ["acme", "beta", "new"])
    ['new', 'beta', 'acme']
    """

    kept: bool = True
    _rows: _Rows = field(default_factory=dict)

    def largest_first(self, what: str, names: Iterable[str]) -> list[str]:
        """The names in the order in which to begin."""
        known = {**self._read().get(what, {}), **self._rows.get(what, {})}
        return sorted(names, key=lambda name: -known.get(name, 1 << 62))

    def learn(self, what: str, rows: Mapping[str, int]) -> None:
        """Keep what a call has shown."""
        self._rows[what] = {**self._rows.get(what, {}), **rows}
        if not self.kept or not rows:
            return
        everything = self._read()
        everything[what] = {**everything.get(what, {}), **rows}
        with contextlib.suppress(OSError, SdkError):
            write_whole(_file(), msgspec.json.encode(everything), private=True)

    def _read(self) -> _Rows:
        if self.kept:
            with contextlib.suppress(OSError, SdkError, ValueError, RecursionError), open_regular(_file()) as file:
                return msgspec.json.decode(read_bounded(file, _file()), type=_Rows)
        return {}


def _file() -> Path:
    return cache_folder() / "portal-sizes.json"
