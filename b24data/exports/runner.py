"""One export, from its lock to its exit code: what it does, what it leaves behind, and who is told."""

from __future__ import annotations

import contextlib
import functools
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from b24data.client.connect import Client, connect
from b24data.errors import AuthorizationRequiredError, IncompleteFetchError, SdkError
from b24data.exports.exit_codes import ExitCode, exit_code
from b24data.exports.history import RunFiles, RunHistory, RunRecord
from b24data.exports.journal import Journal, Show
from b24data.exports.notify import notify
from b24data.exports.spec import CrmExport, Export, ListExport, NotebookExport, SyncExport
from b24data.fetch.job import discard
from b24data.files.locks import locked
from b24data.http.clock import SYSTEM_CLOCK, Clock
from b24data.portals.outcome import causes_of
from b24data.progress import ProgressEvent
from b24data.text.hints import Face
from b24data.text.redact import redact

_PATIENCE_S = 1.0  # longer than a program that only looks holds the lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs exports. ``show`` gets every event, ``clock`` tells the time, ``connect`` gives the client of a profile.

    ``asked`` is when the command began that runs them one after the other; None: each when it begins.
    """

    show: Show
    asked: float | None = None
    clock: Clock = SYSTEM_CLOCK
    connect: Callable[[str | None], Client] = connect

    def run(self, export: Export, error: Exception | None = None) -> ExitCode:
        """Run one export and say how it ended; no error comes out of it, whatever kind it is, but Ctrl-C.

        The target is what it was until there is a new one. What failed is in the log, in the state, and told by
        ``on_failure``; the next run goes on from what is there. With ``error`` the run fails by it: the export's
        portals could not be listed.
        """
        try:
            return self._guarded(export, error)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as fault:  # noqa: BLE001  one export's fault must not stop those after it
            # Not in its log or its state, which may be what failed: no home, a folder of another user's, a full disk.
            text = _in_one_line(fault, export.profile)
            with contextlib.suppress(Exception):
                self.show({"export": export.name, "event": "failed", "text": text, "code": int(ExitCode.FAILED)})
            return ExitCode.FAILED

    def _guarded(self, export: Export, error: Exception | None) -> ExitCode:
        began = self.clock.time()
        filled = export.at(datetime.fromtimestamp(began, UTC))
        files = RunFiles(export)
        journal = Journal(files.log, export.name, self.show, self.clock)
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(locked(files.lock, patience_s=_PATIENCE_S))
            except TimeoutError:
                return self._busy(files, journal)
            prepare = functools.partial(_prepare, filled.path.parent if export.makes_folders else None, error)
            return self._run(filled, prepare, journal, files, began)

    def _run(
        self, export: Export, prepare: Callable[[], None], journal: Journal, files: RunFiles, began: float
    ) -> ExitCode:
        history = files.read()
        journal.begin()
        if history.running_since is not None:
            journal.write("note", f"the run of {_when(history.running_since)} was killed; this run continues")
        journal.write("start", f"to {export.target}", kind=export.kind, target=str(export.path))
        self._keep(files, history.begun(began), journal)
        try:
            prepare()
            done = self._work(export, journal)
        except KeyboardInterrupt:
            run = RunRecord(
                began=began, ended=self.clock.time(), code=130, target=str(export.path), error="interrupted"
            )
            self._keep(files, history.ended(run), journal)
            journal.write("interrupted", "stopped", code=130)
            raise
        except GeneratorExit:
            raise
        except BaseException as fault:  # noqa: BLE001  a panic of another language's library, or sys.exit in a notebook
            return self._failed(fault, export, journal, files, began)
        run = RunRecord(began=began, ended=self.clock.time(), code=0, target=str(export.path), rows=done.get("rows"))
        self._keep(files, history.ended(run, self.asked), journal)
        self._sweep(history, export)
        journal.write("done", code=0, seconds=round(run.ended - began, 1), target=str(export.path), **done)
        return ExitCode.DONE

    def _sweep(self, history: RunHistory, export: Export) -> None:
        """Forget what failed runs had begun under names of their days: nothing goes on with it now."""
        failed = history.runs[-history.failures :] if history.failures else ()
        for target in {run.target for run in failed} - {str(export.path)}:
            with contextlib.suppress(SdkError, OSError):
                discard(Path(target), self.clock)

    def _work(self, export: Export, journal: Journal) -> dict[str, Any]:
        """Carry it out; what there is to say about it, with a ``text``."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if isinstance(export, ListExport):
                done = self._list(export, journal)
            elif isinstance(export, CrmExport):
                done = self._crm(export, journal)
            else:
                done = self._notebook(export, journal)
        for warning in caught:
            if issubclass(warning.category, UserWarning):
                journal.write("note", " ".join(str(warning.message).split()))
        return done

    def _list(self, export: ListExport, journal: Journal) -> dict[str, Any]:
        options = dict(export.options)
        asked = (export.method, options.pop("select", None), options.pop("filter", None))
        with self.connect(export.profile) as b24:
            work: Any = b24.tools.sync if isinstance(export, SyncExport) else b24.tools.fetch_all
            report = work(*asked, to=export.path, progress=journal.progress, **options)
        for note in report.notes:
            journal.write("note", note)
        what = f"{report.rows:,} rows"
        if isinstance(export, SyncExport):
            what += f", {report.inserted:,} new, {report.updated:,} changed, {report.deleted:,} gone,"
        text = f"{what} in {report.seconds:,.0f} s: {export.target}"
        return {"text": text, "rows": report.rows, "report": report.as_dict()}

    def _crm(self, export: CrmExport, journal: Journal) -> dict[str, Any]:
        """Bring the tables up to date; :class:`IncompleteFetchError` if the user may not see one of them."""

        def tell(event: ProgressEvent) -> None:
            if event.kind == "note":
                journal.write("table", event.summary)

        with self.connect(export.profile) as b24:
            report = b24.tools.sync_crm(
                export.path,
                tables=export.tables,
                since=export.since,
                deletes=export.deletes,
                max_deletes=export.max_deletes,
                gentle=export.gentle,
                progress=tell,
            )
        if not report.complete:
            missing = [table for table in report.tables.values() if table.state not in ("ok", "absent")]
            raise IncompleteFetchError(
                f"{len(missing)} of {len(report.tables)} tables were not updated:"
                f" {', '.join(table.name for table in missing)}. {missing[0].why}"
            )
        rows = sum(table.rows for table in report.tables.values())
        text = f"{rows:,} rows, tables: {len(report.tables)}, in {report.seconds:,.0f} s: {export.target}"
        return {"text": text, "rows": rows, "report": report.as_dict()}

    def _notebook(self, export: NotebookExport, journal: Journal) -> dict[str, Any]:
        from b24data.exports.notebook import NotebookRun

        cells = NotebookRun(
            notebook=export.folder / Path(export.notebook).expanduser(),
            out=export.path,
            parameters=export.parameters,
            html=export.html,
            kernel=export.kernel or "",
            timeout=export.timeout,
            profile=export.profile,
            tell=lambda text: journal.write("cell", text),
        ).run()
        return {"text": f"{cells} cells: {export.target}", "cells": cells}

    # What did not work.

    def _busy(self, files: RunFiles, journal: Journal) -> ExitCode:
        since = files.read().running_since
        text = f"another program runs it{f', since {_when(since)}' if since else ''}"
        journal.write("busy", text, code=int(ExitCode.RUNNING))
        return ExitCode.RUNNING

    def _failed(
        self, error: BaseException, export: Export, journal: Journal, files: RunFiles, began: float
    ) -> ExitCode:
        history = files.read()
        code = exit_code(error)
        text = _in_one_line(error, export.profile)
        if code == ExitCode.RUNNING:  # another export, or a person, writes to that target
            self._keep(files, history.ended(None), journal)
            journal.write("busy", text, code=int(code))
            return code
        rows = getattr(getattr(error, "report", None), "rows", None)
        run = RunRecord(began=began, ended=self.clock.time(), code=code, target=str(export.path), rows=rows, error=text)
        self._keep(files, history.ended(run), journal)
        trace = [] if isinstance(error, SdkError | OSError) else traceback.format_exception(error)
        facts: dict[str, Any] = {"code": int(code), "target": str(export.path), "rows": rows}
        journal.write(
            "failed", text, kind=type(error).__name__, **facts, **({"trace": "".join(trace)} if trace else {})
        )
        if export.on_failure is not None:
            failures = history.ended(run).failures
            told = {"export": export.name, "error": text, **facts, "failures": failures, "log": str(files.log)}
            try:
                notify(export.on_failure, told, export.folder)
            except Exception as trouble:  # noqa: BLE001  the export's own fault is told already
                journal.write("notify_failed", _in_one_line(trouble, None))
        return code

    def _keep(self, files: RunFiles, history: RunHistory, journal: Journal) -> None:
        """Write the state; that it can't be written does not change how the run goes."""
        try:
            files.write(history)
        except (SdkError, OSError) as error:
            journal.write("note", _in_one_line(error, None))


def _prepare(folder: Path | None, error: Exception | None) -> None:
    """Make the target's folder, or raise what was wrong before the run."""
    if error is not None:
        raise error
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)


def _in_one_line(error: BaseException, profile: str | None) -> str:
    """The error as a person reads it in a mail; to sign in again, with what to type."""
    lost = next((cause for cause in causes_of(error) if isinstance(cause, AuthorizationRequiredError)), None)
    if lost is not None:
        text = f"{lost.description}; to sign in again type: b24data login{f' {profile}' if profile else ''}"
    elif isinstance(error, SdkError):
        text = error.spelled(Face.EXPORTS)
    elif isinstance(error, OSError):
        text = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    else:
        text = f"unexpected: {type(error).__name__}: {error}"
    return " ".join(str(redact(text)).split())


def _when(unix: float) -> str:
    return f"{datetime.fromtimestamp(unix).astimezone():%Y-%m-%d %H:%M}"


def estimate(filled: Export) -> dict[str, Any]:
    """What an export would take, asked of the portal with a few requests; with a ``text``."""
    if not isinstance(filled, ListExport):
        return {"text": f"{'a CRM' if isinstance(filled, CrmExport) else 'a notebook'} cannot be estimated"}
    with connect(filled.profile) as b24:
        asked = {key: filled.options[key] for key in ("filter", "params") if key in filled.options}
        found = b24.tools.estimate(filled.method, **asked)
    return {"text": f"{found}, to {filled.target}", **asdict(found)}
