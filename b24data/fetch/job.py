"""A fetch into a file that resumes after an interruption, whatever the cause.

Beside the target lies a hidden folder with what came so far: parts, each the rows behind those of the part before it,
and a manifest that is written after each of them. A part is whole or not there; what the manifest does not name does
not count. The folder goes when the target is in place.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from b24data.errors import ALREADY_RUNNING, ConfigError, ExportError
from b24data.fetch.manifest import (
    LASTS_S,
    MANIFEST,
    VERSION,
    Checkpoint,
    Fingerprint,
    JobPart,
    Manifest,
    folder_of,
    read_manifest,
)
from b24data.fetch.unfinished import enter, leave
from b24data.files.atomic import file_behind, remove_temp_siblings
from b24data.files.disk import resumable
from b24data.files.sealed import seal
from b24data.files.workfolder import LOCK, WorkFolder
from b24data.http.clock import Clock
from b24data.report import EarlierRuns
from b24data.text.hints import UNFINISHED, option

_TRIES = 10  # while others come and go


class Job:
    """The work on one target: ``with`` holds it, so that no second program works on it meanwhile.

    :meth:`begin` says what is there to go on with, :meth:`keep` adds to it, :meth:`finish` removes it all.
    Raises :class:`ExportError` with the code ``ALREADY_RUNNING`` where someone else works on this target.

    >>> import tempfile
    >>> from b24data.http.clock import SYSTEM_CLOCK
    >>> fingerprint = Fingerprint(method="crm.deal.list", portal="x", query="{}", caller="1", fields="")
    >>> target = Path(tempfile.mkdtemp(), "deals.parquet")
    >>> with Job(target, SYSTEM_CLOCK) as job:
    ...     job.begin(fingerprint)
    ...     job.keep([pa.RecordBatch.from_pydict({"ID": [1, 2]})], Checkpoint(last_id=2, pinned_id=9))
    >>> with Job(target, SYSTEM_CLOCK) as job:
    ...     job.begin(fingerprint).last_id, sum(batch.num_rows for batch in job.batches())
    ...     job.finish()
    (2, 2)
    """

    def __init__(self, target: Path, clock: Clock) -> None:
        self.target = target
        self.notes: list[str] = []
        self.earlier: EarlierRuns | None = None  # what was there before this run
        self._clock = clock
        self._folder = WorkFolder(folder_of(target), of=target)
        self._manifest: Manifest | None = None
        self._fingerprint: Fingerprint | None = None
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        for _ in range(_TRIES):
            if self._hold():
                remove_temp_siblings(self.target)
                return self
        raise self._busy()

    def _hold(self) -> bool:
        """Hold the folder; False where whoever held it has just removed it."""
        with contextlib.ExitStack() as held:
            held.enter_context(self._folder)
            try:
                held.enter_context(self._folder.lock())
            except TimeoutError:
                raise self._busy() from None
            except ExportError:
                if self._folder.is_there:
                    raise
                return False
            if not self._folder.is_there:
                return False
            self._held = held.pop_all()
            return True

    def _busy(self) -> ExportError:
        return ExportError(
            f"another program is writing {self.target}",
            code=ALREADY_RUNNING,
            hint="wait for it, or give another path",
        )

    def __exit__(self, *_: object) -> None:
        try:
            if self._manifest is None and self._folder.size(MANIFEST) < 0:
                self._remove()
        finally:
            self._held.close()

    @property
    def rows(self) -> int:
        """How many rows the parts have."""
        return self._manifest.checkpoint.rows if self._manifest else 0

    def schemas(self) -> list[pa.Schema]:
        """The schema of each part; a later one may be wider."""
        return [reader.schema for reader in self._readers()]

    def begin(self, fingerprint: Fingerprint) -> Checkpoint | None:
        """What an earlier run left for the same fingerprint; None where there is nothing to resume, and why in notes.

        What can't be gone on with is removed.
        """
        self._fingerprint = fingerprint
        found = read_manifest(self._folder)
        why = "" if found is None else self._unfit(found, fingerprint)
        if found is None or why:
            if why:
                self.notes.append(f"started over: {why}")
            self.discard()
            return None
        named = {part.name for part in found.parts} | {MANIFEST, LOCK}
        self._folder.remove(*(name for name in self._folder.names() if name not in named))  # by a run that was killed
        self._manifest = found
        self.earlier = EarlierRuns(found.runs, found.checkpoint.rows, found.checkpoint.seconds, found.checkpoint.window)
        return found.checkpoint

    def keep(self, batches: Sequence[pa.RecordBatch], checkpoint: Checkpoint) -> None:
        """Add rows: those up to ``checkpoint.last_id`` that are in no part yet. ``checkpoint.rows`` is counted here.

        Raises :class:`ExportError` where they can't be written; what was there before is still there then.
        """
        if self._fingerprint is None:
            raise ConfigError("a job begins before it keeps anything")
        before = self._manifest
        parts = before.parts if before else ()
        try:
            part = self._write(f"part-{len(parts):06}.arrow", batches)
            manifest = Manifest(
                version=VERSION,
                fingerprint=self._fingerprint,
                started=before.started if before else self._clock.time(),
                runs=self.earlier.runs + 1 if self.earlier else 1,
                parts=(*parts, part),
                checkpoint=replace(checkpoint, rows=self.rows + part.rows),
            )
            self._folder.write_whole(MANIFEST, seal(manifest))
        except ExportError as error:
            resumable(error)
            raise
        if before is None:
            enter(self.target)
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
        self._folder.remove(MANIFEST)  # first: without it, nothing counts
        self._folder.remove(*(name for name in self._folder.names() if name != LOCK))
        leave(self.target)

    def _readers(self) -> Iterator[Any]:
        for part in self._manifest.parts if self._manifest else ():
            try:
                with self._folder.open(part.name) as file:
                    yield pa.ipc.open_file(file)
            except (OSError, pa.ArrowException) as error:
                raise ExportError(
                    f"{self._folder.path / part.name} is damaged: {error}",
                    hint=f"{option('resume', False)} starts over",
                ) from error

    def _unfit(self, found: Manifest, fingerprint: Fingerprint) -> str:
        there = found.fingerprint
        if there.caller != fingerprint.caller:
            return "another user or portal began this file"
        if (there.method, there.query) != (fingerprint.method, fingerprint.query):
            return "an earlier run had another query"
        if there.fields != fingerprint.fields:
            return "the fields of the list have changed since an earlier run"
        if not 0 <= self._clock.time() - found.started <= LASTS_S:
            return "an earlier run began more than 24 hours ago"
        if not all(self._is_whole(part) for part in found.parts):
            return "the rows of an earlier run are damaged"
        return ""

    def _is_whole(self, part: JobPart) -> bool:
        try:
            return self._folder.sum(part.name) == part.sum
        except ExportError:
            return False

    def _write(self, name: str, batches: Sequence[pa.RecordBatch]) -> JobPart:
        table = pa.Table.from_batches(batches)
        options = pa.ipc.IpcWriteOptions(compression="lz4", unify_dictionaries=True)  # a file has one for each column
        with (
            self._folder.writing(name) as file,
            pa.ipc.new_file(file, batches[0].schema, options=options) as writer,
        ):
            writer.write_table(table)
        return JobPart(name=name, rows=sum(batch.num_rows for batch in batches), sum=self._folder.sum(name))

    def _remove(self) -> None:
        self._folder.remove(MANIFEST)
        leave(self.target)
        self._folder.remove_all()


def discard(path: Path, clock: Clock) -> None:
    """Forget what there is of an unfinished ``path``; :class:`ConfigError` if there is nothing."""
    target = file_behind(path)
    if not os.path.lexists(folder_of(target) / MANIFEST):
        raise ConfigError(f"there is no unfinished fetch of {path}", hint=f"{UNFINISHED} lists the unfinished ones")
    with Job(target, clock) as job:
        job.discard()
