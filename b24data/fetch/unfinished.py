"""Where the unfinished fetches of this machine are: one small file each. Without it they still go on, unlisted."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from b24data.errors import ExportError, SdkError
from b24data.fetch.manifest import LASTS_S, folder_of, read_manifest
from b24data.files.atomic import open_regular, read_bounded, write_whole
from b24data.files.places import data_folder
from b24data.files.workfolder import WorkFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """One unfinished fetch: ``rows`` are there, of the ids up to ``last_id`` of ``pinned_id``.

    ``state`` is ``running``, ``stopped`` (the same call resumes) or ``too old`` (the same call starts over).
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


def unfinished(now: float) -> list[JobFacts]:
    """The unfinished fetches of this user on this machine, the latest first."""
    found = [facts for folder in _entered() if (facts := _facts(folder, now)) is not None]
    return sorted(found, key=lambda facts: -facts.started)


def _facts(path: Path, now: float) -> JobFacts | None:
    try:
        with WorkFolder(path, make=False) as folder:
            manifest = read_manifest(folder)
            if manifest is None:
                return None
            try:
                with folder.lock():
                    state: Any = "stopped" if now - manifest.started <= LASTS_S else "too old"
            except TimeoutError:
                state = "running"
    except ExportError:  # it is gone by now, or what has its name is not ours
        return None
    return JobFacts(
        target=str(path.with_name(path.name.removeprefix(".").removesuffix(".unfinished"))),
        method=manifest.fingerprint.method,
        portal=manifest.fingerprint.portal,
        rows=manifest.checkpoint.rows,
        last_id=manifest.checkpoint.last_id,
        pinned_id=manifest.checkpoint.pinned_id,
        started=manifest.started,
        runs=manifest.runs,
        state=state,
    )


def _entry(target: Path) -> Path:
    name = hashlib.sha256(os.fsencode(target.absolute())).hexdigest()[:16]
    return data_folder("unfinished") / f"{name}.json"


def enter(target: Path) -> None:
    """List what is unfinished of ``target``."""
    try:
        write_whole(_entry(target), json.dumps(str(folder_of(target.absolute()))), private=True)
    except (OSError, SdkError) as error:
        logging.getLogger("b24data").info("%s cannot be listed as unfinished: %s", target, error)


def leave(target: Path) -> None:
    """List it no more."""
    with contextlib.suppress(OSError, SdkError):
        _entry(target).unlink(missing_ok=True)


def _entered() -> Iterator[Path]:
    try:
        entries = sorted(data_folder("unfinished").glob("*.json"))
    except (OSError, SdkError):
        return
    for entry in entries:
        try:
            with open_regular(entry) as file:
                folder = Path(str(json.loads(read_bounded(file, entry))))
            is_there = folder.is_dir()
        except (OSError, ValueError, RecursionError):
            continue
        if is_there:
            yield folder
        else:
            with contextlib.suppress(OSError):
                entry.unlink(missing_ok=True)
