"""What an export did before: its last runs, kept where they outlive a reboot."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from b24data.errors import ConfigError, ExportError
from b24data.exports.exit_codes import ExitCode
from b24data.exports.spec import Export, Seconds
from b24data.files.atomic import read_private, write_whole
from b24data.files.locks import locked
from b24data.files.places import data_folder
from b24data.files.sealed import DamagedError, seal, unsealed

_LOGGER = logging.getLogger("b24data.exports")
_MOST_RUNS = 100
_VERSION = 2
_SLACK, _MOST_SLACK_S = 0.1, 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run. Times are unix seconds; ``error`` is one line without secrets."""

    began: float
    ended: float
    code: int
    target: str
    rows: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHistory:
    """The last hundred runs, the last good one, and since when one is under way (or was, when it was killed).

    The last good one begins with the command that ran it: an export that waited for others of that command is not due
    later for it the next time.
    """

    runs: tuple[RunRecord, ...] = ()
    last_good: RunRecord | None = None
    running_since: float | None = None
    version: int = _VERSION
    check: str = field(default="", compare=False)

    @property
    def failures(self) -> int:
        """How many runs failed since the last good one."""
        codes = [run.code for run in self.runs]
        return next((n for n, code in enumerate(reversed(codes)) if code == ExitCode.DONE), len(codes))

    def begun(self, now: float) -> RunHistory:
        """A run begins."""
        return replace(self, running_since=now)

    def ended(self, run: RunRecord | None, asked: float | None = None) -> RunHistory:
        """A run is over; None: there was nothing to run after all. ``asked``: when the command began that ran it."""
        if run is None:
            return replace(self, running_since=None)
        began = run.began if asked is None else min(asked, run.began)
        good = replace(run, began=began) if run.code == ExitCode.DONE else self.last_good
        return RunHistory(runs=(*self.runs, run)[-_MOST_RUNS:], last_good=good)


def due_at(history: RunHistory, every: Seconds, tz: ZoneInfo | None = None) -> float:
    """The unix time from which an export is due; 0 where it never succeeded.

    A day ends at the same time by the clocks of ``tz`` (None: of this machine), also where it has 23 or 25 hours. A
    tenth of ``every``, ten minutes at the most, may be missing: a daily run that begins two seconds earlier than that
    of the day before is not put off to the next day. A failed run changes nothing: the export stays due.

    >>> good = RunRecord(began=1_000_000, ended=1_000_060, code=0, target="d.parquet")
    >>> due_at(RunHistory(last_good=good), Seconds("1d"), ZoneInfo("UTC"))
    1085800.0
    """
    if history.last_good is None:
        return 0.0
    return _later(history.last_good.began, every, tz) - min(every * _SLACK, _MOST_SLACK_S)


def _later(began: float, every: Seconds, tz: ZoneInfo | None) -> float:
    """``began`` and ``every`` after it; a time that the clocks skip or show twice is the earlier one that it may be."""
    if every.days is None:
        return began + every
    wall = datetime.fromtimestamp(began, tz) + timedelta(days=every.days)
    return min(wall.replace(fold=fold).timestamp() for fold in (0, 1))


class RunFiles:
    """The files of one export in the user's data folder: its state, its log and its lock."""

    def __init__(self, export: Export) -> None:
        where = hashlib.sha256(os.fsencode(export.file)).hexdigest()[:8]
        self._stem = f"{export.name}-{where}"  # two files may have an export of one name
        self._folder = data_folder("exports")

    @property
    def log(self) -> Path:
        """The JSON lines."""
        return self._folder / f"{self._stem}.jsonl"

    @property
    def lock(self) -> Path:
        """Held while the export runs."""
        return self._folder / f"{self._stem}.lock"

    @property
    def is_running(self) -> bool:
        """Whether another program holds the lock; a run that begins meanwhile waits longer than this check takes."""
        if not self.lock.exists():
            return False
        try:
            with locked(self.lock):
                return False
        except (TimeoutError, ExportError):  # whether it runs is not to be seen where the lock is not ours
            return True

    def read(self) -> RunHistory:
        """What is known; nothing where the file is damaged, or is not ours, which the log says."""
        try:
            found = unsealed(read_private(self._state), RunHistory, now=_VERSION)
            return found if found.version == _VERSION else RunHistory()  # what another one means is not known here
        except FileNotFoundError:
            return RunHistory()
        except (DamagedError, ConfigError) as error:
            _LOGGER.warning("%s cannot be read (%s) and starts over", self._state, error)
            return RunHistory()

    def write(self, history: RunHistory) -> None:
        """Keep it; raises :class:`ExportError` where the disk does not take it."""
        try:
            write_whole(self._state, seal(history), private=True)
        except ExportError as error:
            raise ExportError(
                f"the state of the export can't be written: {error.description}", hint=error.advice
            ) from error

    @property
    def _state(self) -> Path:
        return self._folder / f"{self._stem}.json"


def status(export: Export, now: float | None = None) -> dict[str, Any]:
    """How an export stands, as JSON-safe values; times are ISO texts in UTC."""
    now = time.time() if now is None else now
    files = RunFiles(export)
    history = files.read()
    last = history.runs[-1] if history.runs else None
    begun = history.running_since
    running = begun is not None and files.is_running
    return {
        "export": export.name,
        "state": _state(history, last, running=running),
        "due": _is_due(export, history, now),
        "running_since": _iso(begun) if running else None,
        "last_run": _iso(last.began) if last else None,
        "last_code": last.code if last else None,
        "last_rows": last.rows if last else None,
        "last_error": last.error if last else None,
        "last_good": _iso(history.last_good.began) if history.last_good else None,
        "failures": history.failures,
        "target": last.target if last else None,
        "log": str(files.log),
    }


def _state(history: RunHistory, last: RunRecord | None, *, running: bool) -> str:
    if history.running_since is not None:
        return "running" if running else "killed"
    if last is None:
        return "never run"
    words = {0: "done", 1: "failed", 2: "partial", 3: "sign in again", 130: "interrupted"}
    times = f" {history.failures} times" if history.failures > 1 else ""
    return words.get(last.code, str(last.code)) + times


def _is_due(export: Export, history: RunHistory, now: float) -> bool:
    """Whether it is time; a last good run in the future means that a clock was wrong, then or now."""
    if export.every is None:
        return False
    good = history.last_good
    return now >= due_at(history, export.every, export.tz) or (good is not None and good.began > now)


def _iso(unix: float | None) -> str | None:
    return None if unix is None else datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds")
