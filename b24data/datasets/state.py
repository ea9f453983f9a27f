"""What a dataset remembers from one sync to the next, and what a stopped sync leaves for the one that goes on."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from b24data.datasets.clocks import Moment
from b24data.errors import ALREADY_RUNNING, ConfigError, ExportError
from b24data.files import locked, write_whole

__all__ = ["Query", "Run", "State", "Store", "differences"]

T = TypeVar("T", "State", "Run")
# Everything that says which rows and columns a dataset has, as JSON has it.
Query = Mapping[str, Any]

_VERSION = 1
_ELSEWHERE = "give another folder; this one is left as it is"
_NAME = "_b24data"  # readers of Parquet folders pass over what begins with an underscore


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The last sync that came to its end: its number, what was asked, and when it began."""

    number: int
    query: Query
    began: Moment
    version: int = _VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A sync under way. ``since`` is the portal time from which changes are asked for; None: the whole list is."""

    number: int
    query: Query
    began: Moment
    since: str | None
    notes: tuple[str, ...] = ()
    version: int = _VERSION


class Store:
    """The folder beside the parts: the state, a lock, and the room of the sync under way."""

    def __init__(self, dataset: Path) -> None:
        self.dataset = dataset
        self.folder = dataset / _NAME
        self.room = self.folder / "run"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder where it is not there, and hold it: :class:`ExportError` if another sync does."""
        self.folder.mkdir(exist_ok=True)
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(locked(self.folder / "lock"))
            except TimeoutError:
                raise ExportError(
                    f"another sync of {self.dataset} is under way", code=ALREADY_RUNNING, hint="wait for its end"
                ) from None
            yield

    def state(self) -> State | None:
        """The state; None before the first sync has come to its end."""
        return self._read("state.json", State)

    def run(self) -> Run | None:
        """The sync that was stopped; None where there is none."""
        return self._read("run/run.json", Run)

    def begin(self, run: Run) -> None:
        """Clear the room for a new sync."""
        self.clear()
        self.room.mkdir()
        write_whole(self.room / "run.json", msgspec.json.encode(run))

    def finish(self, run: Run) -> None:
        """The data are in place: remember where the next sync begins."""
        state = State(number=run.number, query=run.query, began=run.began)
        write_whole(self.folder / "state.json", msgspec.json.encode(state))
        self.clear()

    def clear(self) -> None:
        """Forget the sync under way."""
        if self.room.exists():
            (self.room / "run.json").unlink(missing_ok=True)  # first: without it, nothing counts
            shutil.rmtree(self.room)

    def _read(self, name: str, kind: type[T]) -> T | None:
        path = self.folder / name
        try:
            found = msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} can't be read: {error}", hint=_ELSEWHERE) from error
        if found.version != _VERSION:
            raise ConfigError(f"{path} is of another version of b24data", hint=_ELSEWHERE)
        return found


def differences(asked: Query, before: Query) -> str:
    """In words: what is asked for now and was not before.

    >>> differences({"select": ["ID"], "tz": "UTC"}, {"select": None, "tz": "UTC"})
    "select is ['ID'] and was None"
    """
    names = dict.fromkeys([*asked, *before])
    return "; ".join(
        f"{name} is {asked.get(name)!r} and was {before.get(name)!r}"
        for name in names
        if asked.get(name) != before.get(name)
    )
