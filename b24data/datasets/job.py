"""A fetch into a file that goes on where it stopped, after whatever stopped it.

Beside the target lies a hidden folder with what came so far: parts, each the rows behind those of the part before it,
and a manifest that is written after each of them. A part is whole or not there; what the manifest does not name does
not count. The folder goes when the target is in place.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

import msgspec
import pyarrow as pa

from b24data.errors import ALREADY_RUNNING, ConfigError, ExportError
from b24data.files import beside, data_folder, locked, put_in_place, remove_beside, sync_to_disk, write_whole
from b24data.http.clock import Clock
from b24data.params import Coercion, EarlierRuns

__all__ = ["Job", "JobFacts", "Kept", "Purpose", "discard", "jobs"]

# What a later version can't read begins anew.
_VERSION = 1
# After a day too much has changed for two halves of a list to make one.
_LASTS_S = 24 * 3600.0
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a job is for. It goes on only where all of it is as it was.

    ``query`` is everything that says which rows and columns are wanted, ``caller`` the portal and the user,
    ``fields`` a fingerprint of the fields' description.
    """

    method: str
    portal: str
    query: str
    caller: str
    fields: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file of the folder: its rows, and its size in bytes."""

    name: str
    rows: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How far a walk has come: everything up to ``last_id`` is in the parts; ``pinned_id`` is where it ends.

    ``window`` and ``seconds`` are those of all runs together. ``memory`` is what the columns are to remember.
    """

    last_id: int
    pinned_id: int
    rows: int = 0
    window: tuple[str, str] | None = None
    seconds: float = 0.0
    coercions: Mapping[str, Coercion] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manifest:
    version: int
    purpose: Purpose
    started: float
    runs: int
    parts: tuple[Part, ...]
    kept: Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """One unfinished fetch: ``rows`` are there, of the ids up to ``last_id`` of ``pinned_id``.

    ``state`` is ``running``, ``stopped`` (the same call goes on) or ``too old`` (the same call starts anew).
    """

    target: str
    method: str
    portal: str
    rows: int
    last_id: int
    pinned_id: int
    started: float
    runs: int
    state: Literal["running", "stopped", "too old"]


class Job:
    """The work on one target: ``with`` holds it, so that no second program works on it meanwhile.

    :meth:`begin` says what is there to go on with, :meth:`keep` adds to it, :meth:`finish` removes it all.
    Raises :class:`ExportError` with the code ``ALREADY_RUNNING`` where someone else works on this target.

    >>> import tempfile
    >>> from b24data.http.clock import SYSTEM_CLOCK
    >>> purpose = Purpose(method="crm.deal.list", portal="x", query="{}", caller="1", fields="")
    >>> target = Path(tempfile.mkdtemp(), "deals.parquet")
    >>> with Job(target, SYSTEM_CLOCK) as job:
    ...     job.begin(purpose)
    ...     job.keep([pa.RecordBatch.from_pydict({"ID": [1, 2]})], Kept(last_id=2, pinned_id=9))
    >>> with Job(target, SYSTEM_CLOCK) as job:
    ...     job.begin(purpose).last_id, sum(batch.num_rows for batch in job.batches())
    ...     job.finish()
    (2, 2)
    """

    def __init__(self, target: Path, clock: Clock) -> None:
        self.target = target
        self.notes: list[str] = []
        self.earlier: EarlierRuns | None = None  # what was there before this run
        self._clock = clock
        self._folder = folder_of(target)
        self._manifest: _Manifest | None = None
        self._purpose: Purpose | None = None
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._held.enter_context(locked(self._folder / "lock"))
        except TimeoutError:
            raise ExportError(
                f"another program is writing {self.target}",
                code=ALREADY_RUNNING,
                hint="wait for it, or give another path",
            ) from None
        remove_beside(self.target)
        return self

    def __exit__(self, *_: object) -> None:
        if self._manifest is None and not (self._folder / _MANIFEST).exists():
            self._remove()
        self._held.close()

    @property
    def rows(self) -> int:
        """How many rows the parts have."""
        return self._manifest.kept.rows if self._manifest else 0

    def schemas(self) -> list[pa.Schema]:
        """The schema of each part; a later one may be wider."""
        return [reader.schema for reader in self._readers()]

    def begin(self, purpose: Purpose) -> Kept | None:
        """What an earlier run left for the same purpose; None where there is nothing to go on with, and why in notes.

        What can't be gone on with is removed.
        """
        self._purpose = purpose
        found = _read(self._folder)
        why = "" if found is None else self._unfit(found, purpose)
        if found is None or why:
            if why:
                self.notes.append(f"started anew: {why}")
            self.discard()
            return None
        named = {part.name for part in found.parts} | {_MANIFEST, "lock"}
        for left in self._folder.iterdir():  # by a run that was killed
            if left.name not in named:
                left.unlink()
        self._manifest = found
        self.earlier = EarlierRuns(found.runs, found.kept.rows, found.kept.seconds, found.kept.window)
        return found.kept

    def keep(self, batches: Sequence[pa.RecordBatch], kept: Kept) -> None:
        """Add rows: those up to ``kept.last_id`` that are in no part yet. ``kept.rows`` is counted here.

        Raises :class:`ExportError` where they can't be written; what was there before is still there then.
        """
        if self._purpose is None:
            raise ConfigError("a job begins before it keeps anything")
        before = self._manifest
        parts = before.parts if before else ()
        try:
            part = self._write(f"part-{len(parts):06}.arrow", batches)
            manifest = _Manifest(
                version=_VERSION,
                purpose=self._purpose,
                started=before.started if before else self._clock.time(),
                runs=self.earlier.runs + 1 if self.earlier else 1,
                parts=(*parts, part),
                kept=replace(kept, rows=self.rows + part.rows),
            )
            write_whole(self._folder / _MANIFEST, msgspec.json.encode(manifest))
        except OSError as error:
            raise ExportError(
                f"{self.target}: {error.strerror or error}", hint="make room; the same call goes on where it stopped"
            ) from error
        if before is None:
            _enter(self.target)
        self._manifest = manifest

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows kept so far, in order."""
        for reader in self._readers():
            yield from map(reader.get_batch, range(reader.num_record_batches))

    def finish(self) -> None:
        """The target is in place: only it is left."""
        self._manifest = None
        self._remove()

    def discard(self) -> None:
        """Forget what an earlier run left."""
        self._manifest = None
        (self._folder / _MANIFEST).unlink(missing_ok=True)  # first: without it, nothing counts
        for left in self._folder.iterdir():
            if left.name != "lock":
                left.unlink()
        _leave(self.target)

    def _readers(self) -> Iterator[Any]:
        for part in self._manifest.parts if self._manifest else ():
            with pa.OSFile(str(self._folder / part.name)) as file:
                yield pa.ipc.open_file(file)

    def _unfit(self, found: _Manifest, purpose: Purpose) -> str:
        there = found.purpose
        if there.caller != purpose.caller:
            return "another user, or another portal, had begun this file"
        if (there.method, there.query) != (purpose.method, purpose.query):
            return "what an earlier run had begun was another query"
        if there.fields != purpose.fields:
            return "the fields of the list have changed since an earlier run"
        if not 0 <= self._clock.time() - found.started <= _LASTS_S:
            return "an earlier run began more than 24 hours ago"
        if any(_size(self._folder / part.name) != part.size for part in found.parts):
            return "what an earlier run had left is damaged"
        return ""

    def _write(self, name: str, batches: Sequence[pa.RecordBatch]) -> Part:
        path = self._folder / name
        new = beside(path)
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        try:
            with pa.OSFile(str(new), "wb") as file, pa.ipc.new_file(file, batches[0].schema, options=options) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            sync_to_disk(new)
            put_in_place(new, path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        return Part(name=name, rows=sum(batch.num_rows for batch in batches), size=path.stat().st_size)

    def _remove(self) -> None:
        (self._folder / _MANIFEST).unlink(missing_ok=True)
        _leave(self.target)
        if (self._folder / "lock").exists():
            shutil.rmtree(self._folder, ignore_errors=True)


def folder_of(target: Path) -> Path:
    """Where the work on ``target`` lies meanwhile."""
    return target.with_name(f".{target.name}.unfinished")


def jobs(now: float) -> list[JobFacts]:
    """The unfinished fetches of this user on this machine, the latest first."""
    found = [facts for folder in _entered() if (facts := _facts(folder, now)) is not None]
    return sorted(found, key=lambda facts: -facts.started)


def discard(target: Path, clock: Clock) -> None:
    """Forget what there is of an unfinished ``target``; :class:`ConfigError` if there is nothing."""
    if not (folder_of(target) / _MANIFEST).exists():
        raise ConfigError(f"there is nothing unfinished of {target}", hint="b24data jobs lists what there is")
    with Job(target, clock) as job:
        job.discard()


def _facts(folder: Path, now: float) -> JobFacts | None:
    manifest = _read(folder)
    if manifest is None:
        return None
    try:
        with locked(folder / "lock"):
            state: Any = "stopped" if now - manifest.started <= _LASTS_S else "too old"
    except TimeoutError:
        state = "running"
    return JobFacts(
        target=str(folder.with_name(folder.name.removeprefix(".").removesuffix(".unfinished"))),
        method=manifest.purpose.method,
        portal=manifest.purpose.portal,
        rows=manifest.kept.rows,
        last_id=manifest.kept.last_id,
        pinned_id=manifest.kept.pinned_id,
        started=manifest.started,
        runs=manifest.runs,
        state=state,
    )


def _read(folder: Path) -> _Manifest | None:
    """The manifest of a folder; None where there is none that this version understands."""
    try:
        manifest = msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=_Manifest)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return manifest if manifest.version == _VERSION and manifest.parts else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


# Where the unfinished fetches of this machine are: one small file each. Without it they still go on, unlisted.


def _entry(target: Path) -> Path:
    name = hashlib.sha256(str(target.absolute()).encode()).hexdigest()[:16]
    return data_folder() / "jobs" / f"{name}.json"


def _enter(target: Path) -> None:
    try:
        entry = _entry(target)
        entry.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(entry, msgspec.json.encode(str(folder_of(target.absolute()))))
    except (OSError, ExportError) as error:
        logging.getLogger("b24data").info("%s is not listed among the unfinished: %s", target, error)


def _leave(target: Path) -> None:
    with contextlib.suppress(OSError):
        _entry(target).unlink(missing_ok=True)


def _entered() -> Iterator[Path]:
    try:
        entries = sorted((data_folder() / "jobs").glob("*.json"))
    except OSError:
        return
    for entry in entries:
        try:
            folder = Path(msgspec.json.decode(entry.read_bytes(), type=str))
        except (OSError, msgspec.MsgspecError):
            continue
        if not folder.is_dir():
            entry.unlink(missing_ok=True)
            continue
        yield folder
