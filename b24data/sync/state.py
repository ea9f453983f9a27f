"""What a dataset remembers from one sync to the next, and what a stopped sync leaves for the one that goes on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

from b24data.errors import ALREADY_RUNNING, ConfigError, ExportError
from b24data.files.sealed import DamagedError, seal, unsealed
from b24data.files.workfolder import WorkFolder
from b24data.sync.clocks import Moment

T = TypeVar("T", "State", "Run")
# Everything that says which rows and columns a dataset has, as JSON has it.
Query = Mapping[str, Any]

DAMAGED_STATE, NO_STATE = "DAMAGED_STATE", "NO_STATE"
_VERSION = 3
_ELSEWHERE = "use another folder; this one stays unchanged"
_ANEW = "remove the folder of the dataset; the next run then reads the whole list"
_ROOM = "run"
_NAME = "_b24data"  # readers of Parquet folders pass over what begins with an underscore


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The last sync that came to its end: its number, what was asked, when it began, and the names of the parts.

    States of versions before 3 name no parts. A sync that was killed before it wrote its state leaves more of them.
    """

    number: int
    query: Query
    began: Moment
    parts: tuple[str, ...] | UnsetType = UNSET
    version: int = _VERSION
    check: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A sync under way. ``since`` is the portal time from which changes are asked for; None: the whole list is."""

    number: int
    query: Query
    began: Moment
    since: str | None
    notes: tuple[str, ...] = ()
    version: int = _VERSION
    check: str = ""


class Store:
    """The folder beside the parts: the state, a lock, and the room of the sync under way."""

    def __init__(self, dataset: Path) -> None:
        self.dataset = dataset
        self.folder = dataset / _NAME
        self.room = self.folder / _ROOM

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder where it is not there, and hold it: :class:`ExportError` if another sync does."""
        text = f"another sync of {self.dataset} is under way"
        busy = ExportError(text, code=ALREADY_RUNNING, hint="wait until it ends")
        with WorkFolder(self.folder) as folder, folder.lock(busy):
            yield

    def state(self) -> State | None:
        """The state; None before the first sync has come to its end."""
        return _read(self.folder, "state.json", State)

    def run(self) -> Run | None:
        """The sync that was stopped; None where there is none."""
        return _read(self.room, "run.json", Run)

    def begin(self, run: Run, *, private: bool = False) -> None:
        """Clear the room for a new sync; ``private``: what is fetched into it is for its owner alone."""
        self.clear()
        with WorkFolder(self.folder) as folder:
            folder.make(_ROOM, 0o700 if private else 0o755)
        with WorkFolder(self.room) as room:
            room.write_whole("run.json", seal(run))

    def finish(self, run: Run, parts: Iterable[str]) -> None:
        """The data are in place: remember where the next sync begins, and the names of the parts."""
        state = State(number=run.number, query=run.query, began=run.began, parts=tuple(parts))
        with WorkFolder(self.folder) as folder:
            folder.write_whole("state.json", seal(state))
        self.clear()

    def clear(self) -> None:
        """Forget the sync under way."""
        if os.path.lexists(self.room):
            with WorkFolder(self.room) as room:
                room.remove("run.json")  # first: without it, nothing counts
            with WorkFolder(self.folder) as folder:
                folder.remove(_ROOM)


def _read(where: Path, name: str, kind: type[T]) -> T | None:
    if not os.path.lexists(where):
        return None
    with WorkFolder(where, make=False) as folder:
        data = folder.read(name)
    if data is None:
        return None
    try:
        found = unsealed(data, kind, now=_VERSION)
    except DamagedError as error:
        raise ConfigError(f"{where / name} can't be read: {error}", code=DAMAGED_STATE, hint=_ANEW) from error
    if not 1 <= found.version <= _VERSION:
        raise ConfigError(f"{where / name} is of another version of b24data", hint=_ELSEWHERE)
    return found


def differences(asked: Query, before: Query) -> str:
    """As text: what is requested now and was not before.

    >>> differences({"select": ["ID"], "tz": "UTC"}, {"select": None, "tz": "UTC"})
    "select is ['ID'] and was None"
    """
    names = dict.fromkeys([*asked, *before])
    return "; ".join(
        f"{name} is {asked.get(name)!r} and was {before.get(name)!r}"
        for name in names
        if asked.get(name) != before.get(name)
    )
