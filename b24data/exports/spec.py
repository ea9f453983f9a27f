"""``exports.toml``: what is exported, whereto and how often, read and checked whole before anything runs."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import stat
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from b24data.client.catalog import own_parameters
from b24data.errors import ConfigError
from b24data.exports.placeholders import check_placeholders, fill, has_placeholders, placeholders
from b24data.files.atomic import open_regular, path_of, read_bounded
from b24data.files.ownership import is_own, owner_of
from b24data.files.places import config_folder
from b24data.frames.csvfile import CSV_KINDS
from b24data.frames.targets import SUFFIXES
from b24data.sync.clocks import seconds_of
from b24data.syntax.options import nearest, options_among
from b24data.text.redact import looks_secret

__all__ = ["FILE_NAME", "KEYS", "Export", "choose", "find_file", "read_exports"]

FILE_NAME = "exports.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One ``[exports.NAME]`` table. ``every`` and ``timeout`` are seconds.

    ``kind`` is ``full`` (a list into one file), ``sync`` (a dataset that follows the list) or ``notebook``.
    """

    name: str
    file: Path
    kind: Literal["full", "sync", "notebook"]
    target: str
    profile: str | None = None
    method: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    notebook: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    html: bool = False
    kernel: str = ""
    timeout: float | None = None
    every: float | None = None
    tz: str | None = None
    on_failure: str | tuple[str, ...] | None = None

    @property
    def folder(self) -> Path:
        """Where the file lies: relative paths start here."""
        return self.file.parent

    @property
    def path(self) -> Path:
        """The target, from the root."""
        return self.folder / path_of(Path(self.target).expanduser())

    def at(self, now: datetime) -> Export:
        """The export as it is at ``now``: ``{date}`` and its like are filled in, by the calendar of ``tz``."""
        words = placeholders(now.astimezone(ZoneInfo(self.tz) if self.tz else None), self.name)
        return replace(
            self,
            target=fill(self.target, words),
            options=fill(self.options, words),
            parameters=fill(self.parameters, words),
        )

    @property
    def makes_folders(self) -> bool:
        """Whether the target's folder is made: where its name depends on the moment. Others have to be there.

        So a disk that is not mounted is an error, and not an empty folder in its place.
        """
        return "{" in str(Path(self.target).parent)


# Finding and choosing.


def find_file(given: str | None) -> Path:
    """The file that ``--file`` names, else ``exports.toml`` here, else the one in the user's configuration folder.

    One that was not named and that others can have written is refused: it runs notebooks and commands.
    """
    candidates = [Path(given or FILE_NAME)]
    if not given and not candidates[0].is_file():
        with contextlib.suppress(ConfigError):  # no home
            candidates.append(config_folder() / FILE_NAME)
    for candidate in candidates:
        if candidate.is_file():
            if not given:
                _check_trusted(candidate)
            return candidate.resolve()
    where = " and not ".join(str(candidate) for candidate in candidates)
    raise ConfigError(f"there is no {where}", hint="docs/schedules.md shows one; --file says where it is")


def _check_trusted(file: Path) -> None:
    facts = file.stat()
    if is_own(facts, or_root=True) and (os.name == "nt" or not facts.st_mode & stat.S_IWOTH):
        return
    why = "everybody may write to it" if is_own(facts, or_root=True) else f"it is a file of {owner_of(facts)}"
    raise ConfigError(
        f"{file.absolute()} is not used: {why}, and an export runs notebooks and commands",
        hint=f"look at it; then --file {shlex.quote(str(file))} uses it",
    )


def choose(exports: Mapping[str, Export], names: Sequence[str]) -> list[Export]:
    """The exports of those names, in their order; :class:`ConfigError` with the nearest for one that is not there."""
    if unknown := [name for name in names if name not in exports]:
        hints = [nearest(name, exports) for name in unknown]
        raise ConfigError(f"there is no export {', '.join(map(repr, unknown))}", hint="; ".join(hints))
    return [exports[name] for name in dict.fromkeys(names)]


# Reading.


def read_exports(file: Path) -> dict[str, Export]:
    """All exports of a file, by name. Everything that is wrong is said at once.

    :raises ConfigError: it can't be read, or an export, a key or a value in it makes no sense.
    """
    try:
        with open_regular(file) as opened:
            data = tomllib.loads(read_bounded(opened, file).decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}", hint="give the path of a file of yours") from error
    except RecursionError as error:
        raise ConfigError(f"{file} is nested too deeply", hint="docs/schedules.md shows one") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8", hint="save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not TOML: {error}") from error
    problems = [f"{key!r} is unknown, did you mean [exports.NAME]?" for key in data if key != "exports"]
    tables = data.get("exports")
    if not isinstance(tables, dict) or not tables:
        problems.append("there is no export in it, such as [exports.deals]")
        tables = {}
    exports = {}
    for name, table in tables.items():
        wrong = _problems(name, table)
        problems += [f"[exports.{name}] {problem}" for problem in wrong]
        if not wrong:
            exports[name] = _export(name, table, file)
    problems += _doubled(exports.values())
    if problems:
        raise ConfigError("\n  ".join([f"{file}:" if len(problems) > 1 else str(file), *problems]))
    return exports


class _Key(NamedTuple):
    fits: Callable[[Any], bool]
    what: str
    kinds: tuple[str, ...] = ("full", "sync")


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_text, value))


def _table(value: Any) -> bool:
    return isinstance(value, dict)


def _ways(value: Any) -> bool:
    return isinstance(value, dict) and all(str(way).upper() in ("ASC", "DESC") for way in value.values())


def _duration(value: Any) -> bool:
    try:
        return isinstance(value, str) and seconds_of(value) > 0
    except ConfigError:
        return False


def _zone(value: Any) -> bool:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        return False
    return True


def _one_of(*values: Any) -> Callable[[Any], bool]:
    return lambda value: any(value is one or (isinstance(value, str) and value == one) for one in values)


def _rows_or_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _hook(value: Any) -> bool:
    return _texts(value) or (isinstance(value, str) and re.fullmatch(r"\$[A-Za-z_]\w*", value) is not None)


_ALL = ("full", "sync", "notebook")
_DTYPES = ("text", "int", "float", "decimal", "bool", "date", "datetime", "category")
KEYS = {
    "profile": _Key(_text, 'the name of a profile, such as "acme"', _ALL),
    "method": _Key(_text, 'a list method, such as "crm.deal.list"'),
    "select": _Key(_texts, 'a list of fields, such as ["ID", "TITLE"]'),
    "filter": _Key(_table, 'a table, such as { ">=DATE_CREATE" = "{month}-01" }'),
    "order": _Key(_ways, 'a table of "ASC" and "DESC", such as { ID = "ASC" }', ("full",)),
    "params": _Key(_table, "a table, such as { entityTypeId = 2 }"),
    "labels": _Key(
        lambda value: _one_of("add", "replace", False)(value) or _texts(value),
        'a list of columns, such as ["STAGE_ID"], or "add", "replace" or false',
    ),
    "titles": _Key(_flag, "true or false", ("full",)),
    "dtypes": _Key(
        lambda value: _table(value) and all(one in _DTYPES for one in value.values()),
        f'a table from columns to one of "{", ".join(_DTYPES)}"',
    ),
    "errors": _Key(_one_of("coerce", "raise"), '"coerce" or "raise"'),
    "csv": _Key(_one_of(*CSV_KINDS), '"plain" or "excel-ru"', ("full",)),
    "count": _Key(_flag, "true (the portal counts the list besides) or false", ("full",)),
    "recheck": _Key(_flag, "true or false (trust the portal's filter)", ("full",)),
    "tz": _Key(_zone, 'a time zone, such as "Europe/Berlin"', _ALL),
    "gentle": _Key(_flag, "true (leave half of the request limit to others) or false"),
    "mode": _Key(_one_of("full", "sync"), '"full" or "sync"'),
    "cursor": _Key(_text, 'a field, such as "DATE_MODIFY"', ("sync",)),
    "overlap": _Key(_duration, 'a duration, such as "10min"', ("sync",)),
    "deletes": _Key(_one_of("scan"), '"scan"', ("sync",)),
    "max_deletes": _Key(_rows_or_share, "a number of rows, 500, or a share of them, 0.2", ("sync",)),
    "notebook": _Key(_text, 'a file, such as "report.ipynb"', ("notebook",)),
    "parameters": _Key(_table, 'a table, such as { month = "{last_month}" }', ("notebook",)),
    "html": _Key(_flag, "true or false", ("notebook",)),
    "kernel": _Key(_text, 'the name of a kernel, such as "python3"', ("notebook",)),
    "timeout": _Key(_duration, 'a duration, such as "2h"', ("notebook",)),
    "target": _Key(_text, 'a path, such as "deals-{date}.parquet"', _ALL),
    "every": _Key(_duration, 'a duration, such as "30min", "6h", "1d" or "1w"', _ALL),
    "on_failure": _Key(
        _hook,
        'a command, such as ["./tell", "anna"], or the name of an environment variable with a webhook address, "$NAME"',
        _ALL,
    ),
}
_NAME = re.compile(r"\w[\w.-]{0,63}")


def _kind(table: Mapping[str, Any]) -> Literal["full", "sync", "notebook"]:
    if "notebook" in table:
        return "notebook"
    return "sync" if table.get("mode") == "sync" else "full"


def _problems(name: str, table: Any) -> list[str]:
    """What is wrong with one table, in words."""
    if not isinstance(table, dict):
        return ["is no table of keys"]
    kind = _kind(table)
    problems = [] if _NAME.fullmatch(name) else ["is no name: letters, digits, '-', '_' and '.'"]
    problems += [f"{need} is missing" for need in _needed(kind) if need not in table]
    for key, value in table.items():
        known = KEYS.get(key)
        if known is None:
            problems.append(f"{key} is unknown, {nearest(key, KEYS)}")
        elif kind not in known.kinds:
            problems.append(f"{key} has no meaning here: {_only(known.kinds)}")
        elif not known.fits(value):
            problems.append(f"{key} = {_shown(key, value)}: it is {known.what}")
        elif key in ("target", "filter", "params", "parameters"):
            problems += [f"{key}: {problem}" for problem in check_placeholders(value)]
    problems += _unfit(kind, table)
    return problems


def _needed(kind: str) -> tuple[str, ...]:
    return ("target",) if kind == "notebook" else ("method", "target")


def _only(kinds: tuple[str, ...]) -> str:
    if kinds == ("notebook",):
        return "only with notebook"
    if kinds == ("sync",):
        return 'only with mode = "sync"'
    return "only with a method in full mode" if kinds == ("full",) else "only with a method"


def _unfit(kind: str, table: Mapping[str, Any]) -> list[str]:
    """What each key alone does not show."""
    target = table.get("target")
    parameters = table.get("parameters")
    problems = []
    if isinstance(target, str) and kind == "notebook" and not target.endswith(".ipynb"):
        problems.append(f"target = {target!r}: the executed notebook ends in .ipynb")
    if isinstance(target, str) and kind == "sync" and "{" in target:
        problems.append("target: a dataset that follows a list stays where it is, so its name has no {...}")
    if isinstance(target, str) and kind == "full":
        problems += _unfit_file(target, table.get("csv"))
    for key in ("filter", "params"):
        if kind == "sync" and has_placeholders(table.get(key)):
            problems.append(f"{key}: a dataset follows one list, so what is asked for is the same each time")
    if isinstance(params := table.get("params"), dict) and isinstance(method := table.get("method"), str):
        for key, option in options_among(params, own_parameters(method)):
            place = f"it stands beside params: {option} = ..." if option in KEYS else "an export has no such option"
            problems.append(f"params: {key} is an option and not a parameter of {method}, {place}")
    if isinstance(parameters, dict):
        for name in [name for name, value in parameters.items() if looks_secret(name, value)]:
            problems.append(f"parameters: {name} looks like a secret; give the profile's name instead")
    return problems


def _unfit_file(target: str, csv: Any) -> list[str]:
    suffix = Path(target).suffix.lower()
    if suffix not in SUFFIXES:
        return [f"target = {target!r}: a file of a list ends in {', '.join(SUFFIXES)}"]
    return ["csv: only with a target that ends in .csv"] if csv is not None and suffix != ".csv" else []


def _shown(key: str, value: Any) -> str:
    """A wrong value in an error; the address of a webhook is not shown."""
    return "..." if key == "on_failure" else repr(value)


_OPTIONS = ("select", "filter", "order", "params", "labels", "titles", "dtypes", "errors", "count", "recheck", "tz",
            "gentle", "csv", "cursor", "overlap", "deletes", "max_deletes")  # fmt: skip


def _export(name: str, table: Mapping[str, Any], file: Path) -> Export:
    kind = _kind(table)
    options = {key: table[key] for key in _OPTIONS if key in table}
    hook = table.get("on_failure")
    return Export(
        name=name,
        file=file,
        kind=kind,
        target=table["target"],
        profile=table.get("profile"),
        method=table.get("method", ""),
        options={} if kind == "notebook" else {"gentle": True, **options},
        notebook=table.get("notebook", ""),
        parameters=table.get("parameters", {}),
        html=table.get("html", False),
        kernel=table.get("kernel", ""),
        timeout=seconds_of(table["timeout"]) if "timeout" in table else None,
        every=seconds_of(table["every"]) if "every" in table else None,
        tz=table.get("tz"),
        on_failure=tuple(hook) if isinstance(hook, list) else cast("str | None", hook),
    )


def _doubled(exports: Iterable[Export]) -> list[str]:
    """Two exports that write to one target would undo each other's work."""
    owners: dict[Path, str] = {}
    problems = []
    for export in exports:
        owner = owners.setdefault(export.path, export.name)
        if owner != export.name and "{name}" not in export.target:
            problems.append(f"[exports.{export.name}] target is that of {owner}: each needs one of its own")
    return problems
