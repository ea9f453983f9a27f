"""One sync: what was changed on the portal since the last one, taken into a dataset, whatever stops it in between.

The order of its steps is what keeps the data right. The moment from which the *next* sync asks is taken before anything
is read; ids that tell what has left the filter come before the rows, those that tell what is gone after them; and the
state is written last, after the data. A step that is done twice does no harm, so a sync that was stopped is gone
through again with what it had fetched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from msgspec import UNSET

from b24data.errors import ConfigError, ExportError, SdkError
from b24data.files.disk import disk_error
from b24data.frames.parquet import rows_of
from b24data.lists.literals import is_whole
from b24data.report import FetchReport
from b24data.sync.clocks import earlier, jump_between
from b24data.sync.dataset import PART_ROWS, Dataset, Merge, check_parts, lost_parts, parts_in
from b24data.sync.filters import LONG_AGO, asking_for, changed_since, id_column, needed_filter
from b24data.sync.merge import NO_IDS, Ids, ids_in
from b24data.sync.report import SyncReport
from b24data.sync.source import Filter, Source, Synced
from b24data.sync.state import NO_STATE, Run, State, Store, differences
from b24data.text.hints import option

_MOST_GONE = 0.05
_NOTED_JUMP_S = 60.0


def asked_next(asked: Synced, folder: Path, overlap_s: float) -> Filter:
    """The filter with which the next sync of ``folder`` will ask; nothing is sent, or written."""
    state = Store(folder).state()
    if state is None or _lost(state, folder):
        return asked.filter
    return changed_since(asked, earlier(state.began.portal, overlap_s), asked.filter)


@dataclass(slots=True)
class _Tally:
    """What a sync has done so far."""

    merge: Merge = field(default_factory=Merge)
    fetches: list[FetchReport] = field(default_factory=list)
    transferred: int = 0
    compared: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Sync:
    """Brings the dataset in a folder up to date; :meth:`run` does it, or leaves all as it was and raises."""

    source: Source
    folder: Path
    overlap_s: float
    deletes: Literal["scan"] | None = None
    max_deletes: float | None = None
    part_rows: int = PART_ROWS
    _asked: Synced = field(init=False)
    _store: Store = field(init=False)
    _tally: _Tally = field(init=False, default_factory=_Tally)

    def __post_init__(self) -> None:
        self._asked = self.source.asked
        self._store = Store(self.folder)

    def run(self) -> SyncReport:
        """A sync that had been stopped is brought to its end first, and followed by a new one."""
        began = self.source.clock.monotonic()
        try:
            with self._store.held():
                run = stopped = self._stopped()
                if stopped is not None:
                    self._tally.notes.append(f"resumed a sync that began {stopped.began.portal} and was stopped")
                    self._go_through(stopped)
                last = self._new()
                self._go_through(last)
            return self._report(run or last, last, self.source.clock.monotonic() - began)
        except SdkError:  # before OSError: RequestTimeoutError is both
            raise
        except OSError as error:
            raise disk_error(self.folder, error, resumes=True) from error

    def _stopped(self) -> Run | None:
        """The sync that an earlier program did not bring to its end, if it had got something to go on with."""
        state, run = self._store.state(), self._store.run()
        parts = parts_in(self.folder)
        check_parts(parts)
        remembered = state or (run if parts else None)
        if remembered is None and parts:
            raise ConfigError(
                f"{self.folder} has Parquet files, but no state of a sync",
                code=NO_STATE,
                hint="use a separate folder for the dataset; if a sync wrote this one, remove it to start over",
            )
        if remembered is not None and (told := differences(self.source.query, remembered.query)):
            raise ConfigError(
                f"{self.folder} is of another query: {told}",
                hint="use another folder, or remove this one to start over",
            )
        fits = run is not None and run.query == self.source.query and run.number == _next_number(state)
        if run is not None and run.since is not None and _lost(state, self.folder):
            return None  # changes alone do not bring back the rows of a lost part
        return run if fits and any(path.name != "run.json" for path in self._store.room.iterdir()) else None

    def _new(self) -> Run:
        state, now = self._store.state(), self.source.now()
        since: str | None = None
        notes: tuple[str, ...] = ()
        if lost := _lost(state, self.folder):
            notes = (f"{self.folder} lacks {len(lost):,} of its files, so the whole list was read",)
        elif state is not None:
            jump = jump_between(state.began, now)
            since = earlier(state.began.portal, self.overlap_s + jump)
            if jump >= _NOTED_JUMP_S:
                notes = (
                    f"the portal's or this machine's clock jumped by {jump:,.0f} s: "
                    "changes were read from that much earlier",
                )
        run = Run(number=_next_number(state), query=self.source.query, began=now, since=since, notes=notes)
        self._store.begin(run, private=any(part.is_private for part in parts_in(self.folder)))
        return run

    def _go_through(self, run: Run) -> None:
        """All steps of one sync. What was fetched already is not fetched again."""
        self._tally.notes += run.notes
        spec, parts = self._asked.spec, parts_in(self.folder)
        before = ids_in((part.path for part in parts), id_column(spec, parts[0].path)) if parts else NO_IDS
        touched = self._touched(run)
        changes = self._changes(run)
        id_name = id_column(spec, changes)
        brought = np.unique(ids_in([changes], id_name))
        # In a first sync the whole list comes: what one that was stopped had put in place before may be old.
        left = np.setdiff1d(before if run.since is None else np.intersect1d(before, touched), brought)
        have = np.union1d(np.setdiff1d(before, left), brought)
        listed = self._listed(run, have, len(before))
        if run.since is None:
            self._doubt_losses(len(left), len(before))
        if run.since is not None and len(before) and not len(brought) and len(listed):
            self._doubt_silence(len(before))
        dataset = Dataset(self.folder, self._store.room, id_name, self.source.facts, self.part_rows)
        dataset.restore(_lost(self._store.state(), self.folder))
        self._merge(dataset, changes, np.union1d(left, np.setdiff1d(have, listed)))
        for number, conditions in enumerate(asking_for(self._asked, np.setdiff1d(listed, have), listed)):
            file = self._store.room / f"missing-{number:06}.parquet"
            report = self.source.fetch(conditions, file)
            self._came(report)
            self._merge(dataset, file, NO_IDS)
        self._store.finish(run, (part.path.name for part in parts_in(self.folder)))

    # The steps.

    def _touched(self, run: Run) -> Ids:
        """The ids of all rows that were changed, if some of them may not match the filter now.

        They come before the rows do: one that is changed in between is then with the rows, or left for the next sync.
        """
        needed = needed_filter(self._asked)
        if run.since is None or len(needed) == len(self._asked.filter):
            return NO_IDS
        file = self._store.room / "touched.parquet"
        if not file.exists():
            report = self.source.fetch(changed_since(self._asked, run.since, needed), file, ids_only=True)
            self._tally.fetches.append(report)
            self._tally.compared += report.rows
        return np.unique(ids_in([file], id_column(self._asked.spec, file)))

    def _listed(self, run: Run, have: Ids, rows: int) -> Ids:
        """The ids that the list has, if deletions are looked for and not too many are gone; else those we have.

        They come after the rows do: what is deleted while the rows are read is gone, and not left as it once was.
        """
        if self.deletes is None or run.since is None:
            return have
        listed, report = self.source.ids(self._asked.filter)
        self._tally.fetches.append(report)
        self._tally.compared += len(listed)
        gone = len(np.setdiff1d(have, listed))
        with self._forgotten():
            check_gone(self._asked, gone, rows, self.folder, self.max_deletes)
        return listed

    def _changes(self, run: Run) -> Path:
        """The file of the rows that were changed, or of all rows."""
        file = self._store.room / "changes.parquet"
        if file.exists():
            self._tally.transferred += rows_of(file)
            return file
        given = self._asked.filter
        self._came(
            self.source.fetch(given if run.since is None else changed_since(self._asked, run.since, given), file)
        )
        return file

    def _doubt_silence(self, rows: int) -> None:
        """An answer without changes counts if there are rows with older ones: else the portal took it otherwise."""
        some, report = self.source.ids(changed_since(self._asked, LONG_AGO, self._asked.filter), limit=1)
        self._tally.fetches.append(report)
        with self._forgotten():
            check_seen(self._asked, len(some), rows, self.folder)

    def _doubt_losses(self, gone: int, rows: int) -> None:
        """A list that is read in the place of lost parts may be shorter, as rows were deleted; but not by much.

        Not where rows leave the list by a change, as they do with most filters.
        """
        if self._store.state() is not None and len(needed_filter(self._asked)) == len(self._asked.filter):
            with self._forgotten():
                check_gone(self._asked, gone, rows, self.folder, self.max_deletes)

    @contextlib.contextmanager
    def _forgotten(self) -> Iterator[None]:
        """After an error, what came may lack what could not be seen: it is asked for again."""
        try:
            yield
        except ExportError:
            self._store.clear()
            raise

    # What the steps have in common.

    def _came(self, report: FetchReport) -> None:
        self._tally.fetches.append(report)
        self._tally.transferred += report.rows
        self._tally.notes += [note for note in report.notes if note not in self._tally.notes]

    def _merge(self, dataset: Dataset, changes: Path, gone: Ids) -> None:
        merge = dataset.merge(changes, gone)
        self._tally.merge.counts.add(merge.counts)
        self._tally.merge.columns += merge.columns

    def _report(self, first: Run, last: Run, seconds: float) -> SyncReport:
        tally, counts = self._tally, self._tally.merge.counts
        return SyncReport(
            method=self._asked.spec.method,
            portal=self.source.portal,
            target=str(self.folder),
            cursor=self._asked.cursor,
            since=first.since,
            next=earlier(last.began.portal, self.overlap_s),
            rows=sum(part.rows for part in parts_in(self.folder)),
            transferred=tally.transferred,
            compared=tally.compared,
            inserted=counts.inserted,
            updated=counts.updated,
            unchanged=counts.unchanged,
            deleted=counts.deleted,
            columns=tally.merge.columns,
            seconds=seconds,
            fetches=tuple(tally.fetches),
            notes=tuple(tally.notes),
        )


def check_gone(asked: Synced, gone: int, rows: int, place: object, max_deletes: float | None) -> None:
    """Raises :class:`ExportError` where more rows are no longer in the list than may be removed."""
    most = _MOST_GONE if max_deletes is None else max_deletes
    if gone > (most * rows if isinstance(most, float) else most):
        raise ExportError(
            f"{asked.spec.method}: {gone:,} of the {rows:,} rows in {place} "
            "are no longer in the list, so nothing was changed",
            code="TOO_MANY_DELETES",
            hint=f"if they were deleted, allow it with {option('max_deletes', gone)}; "
            "if the user's rights changed, restore them: the next run then reads all changes since",
        )


def check_seen(asked: Synced, some: int, rows: int, place: object) -> None:
    """Raises :class:`ExportError` where the portal shows no row by the cursor, and there are some."""
    if rows and not some:
        raise ExportError(
            f"{asked.spec.method} shows no row by {asked.cursor}, and {rows:,} are in {place}",
            code="NOTHING_TO_SEE",
            hint=f"either this user may see none of them now, or the portal can't filter by {asked.cursor};"
            " nothing was changed",
        )


def check_deletes(deletes: str | None, most: float | None) -> None:
    """Raise :class:`ConfigError` for another way than ``"scan"``, or a ``max_deletes`` that is not a number or a share.

    >>> check_deletes("scan", 1.5)
    Traceback (most recent call last):
    b24data.errors.ConfigError: max_deletes 1.5 is not a number of rows. Hint: write 500, or 0.2 for a fifth of them.
    """
    if deletes not in (None, "scan"):
        raise ConfigError(
            f"deletes {deletes!r} is not a way to find deleted rows", hint='write "scan", or leave it out'
        )
    is_share = isinstance(most, float) and 0 <= most <= 1
    if most is not None and not is_share and not (is_whole(most) and most >= 0):
        raise ConfigError(f"max_deletes {most!r} is not a number of rows", hint="write 500, or 0.2 for a fifth of them")
    if most is not None and deletes is None:
        raise ConfigError("max_deletes needs a scan", hint=f"add {option('deletes', 'scan')}")


def _lost(state: State | None, folder: Path) -> list[str]:
    """The parts that the last sync left in the folder and that are no longer there."""
    if state is None:
        return []
    return lost_parts(parts_in(folder), None if state.parts is UNSET else state.parts)


def _next_number(state: State | None) -> int:
    return 1 if state is None else state.number + 1
