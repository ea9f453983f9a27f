"""One ``[exports.NAME]`` table: a list into one file, a dataset that follows a list, the CRM, or a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from b24data.exports.placeholders import PLACEHOLDERS, fill, placeholders
from b24data.files.atomic import path_of
from b24data.frames.csvfile import CsvKind
from b24data.sync.clocks import seconds_of


class Seconds(float):
    """A duration that stands as ``"30min"`` in the file; ``days`` where it is one of days or weeks, by the calendar.

    >>> Seconds("90s").days, Seconds("24h").days, Seconds("2w").days
    (None, None, 14.0)
    """

    written: str

    def __new__(cls, written: str) -> Self:
        """The seconds that ``written`` stands for; :class:`~b24data.errors.ConfigError` if it is not a duration."""
        found = super().__new__(cls, seconds_of(written))
        found.written = written.strip()
        return found

    @property
    def days(self) -> float | None:
        """How many, where it is written in days or weeks: they may have 23 or 25 hours."""
        return self / 86_400 if self.written.lower().endswith(("d", "day", "days", "w")) else None


# No constraints on both sides of `str | list[str]`: msgspec 0.22 reads beyond its memory there.
Text = Annotated[str, Meta(pattern=r"\S")]
Texts = Annotated[list[Text], Meta(min_length=1)]
Way = Annotated[str, Meta(pattern=r"(?i)\A(asc|desc)\Z")]
Amount = Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0)]


class _Export(msgspec.Struct, frozen=True, kw_only=True):
    """What all exports have. ``name`` and ``file`` are not keys of the table, but say where it stands."""

    kind: ClassVar[Literal["full", "sync", "crm", "notebook"]]
    filled: ClassVar[tuple[str, ...]] = ("target",)  # where placeholders may stand
    paths: ClassVar[tuple[str, ...]] = ("target",)

    name: str
    file: Path
    profile: Text | None = None
    profiles: str | list[str] | None = None
    target: Text
    every: Seconds | None = None
    tz: ZoneInfo | None = None
    on_failure: str | list[str] | None = None

    @property
    def folder(self) -> Path:
        """Where the file lies: relative paths start here."""
        return self.file.parent

    @property
    def path(self) -> Path:
        """The target, from the root."""
        return self.folder / path_of(self.target).expanduser()

    def at(self, now: datetime) -> Self:
        """The export as it is at ``now``: ``{date}`` and its like are filled in, by the calendar of ``tz``.

        ``{profile}`` stays where there are many: it has no value before one is chosen.
        """
        profile = self.profile or ("" if self.profiles is None else "{profile}")
        words = placeholders(now.astimezone(self.tz), self.name, profile)
        return msgspec.structs.replace(self, **{key: fill(getattr(self, key), words) for key in self.filled})

    def of_portal(self, profile: str) -> Self:
        """The export of one of its ``profiles``, with a name, a state and a log of its own."""
        return msgspec.structs.replace(self, name=f"{self.name}@{profile}", profile=profile, profiles=None)

    def places(self, *, open_profile: bool = False) -> set[Path]:
        """The targets of its portals, with all placeholders left that stand for the moment.

        ``{profile}`` stays too with ``open_profile``, and where the profiles are all that there are.
        """
        if open_profile or isinstance(self.profiles, str):
            named = [(self.name, "{profile}")]
        elif self.profiles is None:
            named = [(self.name, self.profile or "")]
        else:
            named = [(f"{self.name}@{profile}", profile) for profile in self.profiles]
        moment = {word: f"{{{word}}}" for word in PLACEHOLDERS}
        words = [moment | {"name": name, "profile": profile} for name, profile in named]
        return {self.folder / path_of(fill(self.target, each)).expanduser() for each in words}

    @property
    def makes_folders(self) -> bool:
        """Whether the target's folder is made: where its name depends on the moment. Others have to be there.

        So a disk that is not mounted is an error, and not an empty folder in its place.
        """
        return "{" in str(Path(self.target).parent)


class ListExport(_Export, frozen=True, kw_only=True):
    """What is common to the exports of a list: the question and its options, named as those of ``fetch_all``."""

    filled = ("target", "filter", "params")

    method: Text
    mode: Literal["full", "sync"] = "full"
    select: Texts | None = None
    filter: dict[str, Any] | None = None
    params: dict[str, Any] | None = None
    labels: bool | str | list[str] | None = None
    dtypes: dict[str, str] | None = None
    errors: Literal["coerce", "raise"] | None = None
    gentle: bool = True

    @property
    def source(self) -> str:
        """The list's method."""
        return self.method

    @property
    def options(self) -> Mapping[str, Any]:
        """The options that are set."""
        own = (name for name in self.__struct_fields__ if name not in (*_Export.__struct_fields__, "method", "mode"))
        given = {name: value for name in own if (value := getattr(self, name)) is not None}
        return given if self.tz is None else {**given, "tz": self.tz.key}


class FullExport(ListExport, frozen=True, kw_only=True):
    """A whole list into one file."""

    kind = "full"

    order: dict[str, Way] | None = None
    titles: bool | None = None
    count: bool | None = None
    recheck: bool | None = None
    csv: CsvKind | None = None


class SyncExport(ListExport, frozen=True, kw_only=True):
    """A folder that follows a list."""

    kind = "sync"

    cursor: Text | None = None
    overlap: Seconds | None = None
    deletes: Literal["scan"] | None = None
    max_deletes: Amount | None = None


class CrmExport(_Export, frozen=True, kw_only=True):
    """A folder with the tables of the CRM, as ``tools.sync_crm`` keeps it."""

    kind = "crm"

    mode: Literal["crm"]
    tables: Texts | None = None
    since: Text | None = None
    deletes: Literal["scan"] | None = None
    max_deletes: Amount | None = None
    gentle: bool = True

    @property
    def source(self) -> str:
        """The tables that are named."""
        return ", ".join(self.tables or ["all tables"])


class NotebookExport(_Export, frozen=True, kw_only=True):
    """A notebook that runs from top to bottom; its executed copy is the target."""

    kind = "notebook"
    filled = ("target", "parameters")
    paths = ("target", "notebook")

    notebook: Text
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    html: bool = False
    kernel: Text | None = None
    timeout: Seconds | None = None

    @property
    def source(self) -> str:
        """The notebook's file."""
        return self.notebook


Export = FullExport | SyncExport | CrmExport | NotebookExport
