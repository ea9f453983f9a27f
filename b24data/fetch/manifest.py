"""What a stopped fetch leaves in its folder: the manifest, which says what of the rest counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from b24data.errors import ConfigError, ExportError
from b24data.files.sealed import DamagedError, unsealed
from b24data.files.workfolder import WorkFolder
from b24data.report import Coercion

# A later version that cannot read this starts over.
VERSION = 2
# After a day too much has changed for two halves of a list to make one.
LASTS_S = 24 * 3600.0
MANIFEST = "manifest.json"
_PART = re.compile(r"part-\d{6}\.arrow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
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
class JobPart:
    """A file of the folder: its rows, and a sum of its bytes."""

    name: str
    rows: int
    sum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How far a walk has come: everything up to ``last_id`` is in the parts; ``pinned_id`` is where it ends.

    ``window`` and ``seconds`` are those of all runs together. ``columns`` is the state of the columns.
    """

    last_id: int
    pinned_id: int
    rows: int = 0
    window: tuple[str, str] | None = None
    seconds: float = 0.0
    coercions: Mapping[str, Coercion] = field(default_factory=dict)
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is in the folder. What it does not name does not count."""

    version: int
    fingerprint: Fingerprint
    started: float
    runs: int
    parts: tuple[JobPart, ...]
    checkpoint: Checkpoint
    check: str = ""


def folder_of(target: Path) -> Path:
    """Where the work on ``target`` lies meanwhile."""
    return target.with_name(f".{target.name}.unfinished")


def read_manifest(folder: WorkFolder) -> Manifest | None:
    """The manifest of a folder; None where there is none that this version understands."""
    try:
        manifest = unsealed(folder.read(MANIFEST) or b"", Manifest, now=VERSION)
    except (DamagedError, ExportError, ConfigError):
        return None
    fits = manifest.version == VERSION and manifest.parts and all(_PART.fullmatch(one.name) for one in manifest.parts)
    return manifest if fits else None
