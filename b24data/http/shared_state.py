"""Where the programs of one user on one machine keep the state of the limits: a small database in a local folder.

Its times are those of the machine's monotonic clock, which all programs share until the next boot.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from b24data.errors import ConfigError, ExportError
from b24data.files.locks import locked
from b24data.files.places import runtime_folder

_PATIENCE_S = 5.0  # a transaction takes a tenth of a millisecond; who holds one for so long was stopped
_FORGOTTEN_S = 3600.0
_SUM = 8  # bytes
_AHEAD_S = 60.0  # what was written so far in the future is from before the last boot, and not by a quicker program
_TABLE = "create table if not exists parts (name text primary key, state blob not null, at real not null)"


class UnusableError(Exception):
    """There is no place for shared state, or it can't be used."""


def state_folder() -> Path:
    """The user's own folder for state that lasts until the next boot; :class:`UnusableError` if there is none.

    That is :func:`~b24data.files.places.runtime_folder`.
    """
    try:
        return runtime_folder()
    except ConfigError as error:
        raise UnusableError(error.description) from error


class StateFile:
    """Parts that all programs share which use the same folder. Any thread may use it; a fork opens its own file."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path = Path(folder, f"limits-{_boot()}.sqlite3")
        self._inherited: list[Any] = []
        self._lock = threading.Lock()
        self._database: Any = None

    def __del__(self) -> None:
        self._close()

    @contextlib.contextmanager
    def state(self, fresh: Mapping[str, Callable[[], Any]]) -> Iterator[dict[str, Any]]:
        """The parts of these names, made by ``fresh`` where there are none, in one transaction.

        What the block changes in them is kept if it ends well. Raises :class:`UnusableError`, at either end of it.
        """
        import sqlite3

        with self._lock:
            try:
                database = self._database = self._database or self._open()
                try:
                    database.execute("begin immediate")
                    now = time.monotonic()  # not before: others have written while we waited for the database
                    parts, before = _load(database, fresh)
                    yield parts
                    for name, part in parts.items():
                        if (state := msgspec.msgpack.encode(part)) != before.get(name):
                            row = (name, _sealed(state), now)
                            database.execute("insert or replace into parts values (?, ?, ?)", row)
                    database.execute("commit")
                finally:
                    if database.in_transaction:
                        database.execute("rollback")
            except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: a damaged text in a damaged file
                self._close()
                raise UnusableError(f"{self.path}: {error}") from error

    def forked(self) -> None:
        """The parent goes on using its connection, which the child must not even close."""
        self._lock = threading.Lock()
        if self._database is not None:
            self._inherited.append(self._database)
            self._database = None

    def _open(self) -> Any:
        import sqlite3

        # Two programs that switch a new file to its journal at once: one of them is refused without waiting.
        try:
            with locked(f"{self.path}.lock", patience_s=_PATIENCE_S):
                return self._opened(sqlite3)
        except (OSError, ExportError) as error:
            raise UnusableError(f"{self.path}: {error}") from error

    def _opened(self, sqlite3: Any) -> Any:
        database = sqlite3.connect(self.path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
        try:
            database.execute("pragma journal_mode = wal")
            database.execute("pragma synchronous = off")  # after a crash of the machine nothing of this counts
            database.execute(_TABLE)
            now = time.monotonic()
            database.execute("delete from parts where at < ? or at > ?", (now - _FORGOTTEN_S, now + _AHEAD_S))
        except BaseException:
            database.close()
            raise
        return database

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None


def _load(database: Any, fresh: Mapping[str, Callable[[], Any]]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The parts by name, and their states as they lie in the file."""
    parts, before = {name: make() for name, make in fresh.items()}, {}
    for name, part in parts.items():
        row = database.execute("select state from parts where name = ?", (name,)).fetchone()
        if row is not None and (state := _unsealed(row[0])) is not None:
            with contextlib.suppress(msgspec.DecodeError):  # of another version of this package
                parts[name], before[name] = msgspec.msgpack.decode(state, type=type(part)), state
    return parts, before


def _sealed(state: bytes) -> bytes:
    """With a sum at its end: a value that a damaged file made up could be a wait of years."""
    return state + hashlib.blake2b(state, digest_size=_SUM).digest()


def _unsealed(data: object) -> bytes | None:
    """What was sealed; None for what is damaged, or of a version that had no sums."""
    if not isinstance(data, bytes):
        return None
    state = data[:-_SUM]
    return state if _sealed(state) == data else None


def _boot() -> str:
    """What tells this boot of the machine from others, where the system has that; rows tell the rest by their time."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    except OSError:
        return "0"
