"""``exports.toml``: found, read and checked whole before anything runs."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import stat
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from b24data.auth.profiles import Profiles
from b24data.client.catalog import own_parameters
from b24data.errors import ConfigError, SdkError
from b24data.exports.placeholders import check_placeholders, has_placeholders
from b24data.exports.spec import CrmExport, Export, FullExport, NotebookExport, Seconds, SyncExport
from b24data.fetch.options import FetchOptions
from b24data.files.atomic import open_regular, path_of, read_bounded
from b24data.files.ownership import is_own, owner_of
from b24data.files.places import config_folder
from b24data.frames.targets import SUFFIXES
from b24data.portals.connect import chosen_profiles
from b24data.syntax.options import nearest, options_among
from b24data.text.pages import page
from b24data.text.redact import looks_secret

FILE_NAME = "exports.toml"


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
    raise ConfigError(f"there is no {where}", hint=f"{page('schedules')} shows one; --file says where it is")


def _check_trusted(file: Path) -> None:
    facts = file.stat()
    if is_own(facts, or_root=True) and (os.name == "nt" or not facts.st_mode & stat.S_IWOTH):
        return
    why = "everyone can write to it" if is_own(facts, or_root=True) else f"it is a file of {owner_of(facts)}"
    raise ConfigError(
        f"{file.absolute()} is not used: {why}, and an export runs notebooks and commands",
        hint=f"look at it; then --file {shlex.quote(str(file))} uses it",
    )


def choose(exports: Mapping[str, Export], names: Sequence[str]) -> list[Export]:
    """The exports of those names, in their order; :class:`ConfigError` with the nearest for one that is not there.

    The name of an export of many portals means that of each; ``deals@acme`` is that of one.
    """
    chosen: dict[str, Export] = {}
    unknown = []
    for name in names:
        found = {own: one for own, one in exports.items() if name in (own, own.partition("@")[0])}
        chosen |= found
        if not found:
            unknown.append(name)
    if unknown:
        hints = [nearest(name, exports) for name in unknown]
        raise ConfigError(f"there is no export {', '.join(map(repr, unknown))}", hint="; ".join(hints))
    return list(chosen.values())


def each_portal(
    exports: Mapping[str, Export], only: Collection[str] | None = None
) -> tuple[dict[str, Export], dict[str, SdkError | OSError]]:
    """The exports by name; one with ``profiles`` becomes one for each portal, ``deals@acme``.

    One whose portals can't be listed stays as it is, and its error is in the second mapping. ``only``: the names of the
    exports to look at; the others stay as they are too.
    """
    found: dict[str, Export] = {}
    failed: dict[str, SdkError | OSError] = {}
    for name, export in exports.items():
        if export.profiles is None or (only is not None and name not in only):
            found[name] = export
            continue
        try:
            profiles = chosen_profiles("*", Profiles()) if isinstance(export.profiles, str) else export.profiles
        except (SdkError, OSError) as error:
            found[name], failed[name] = export, error
            continue
        for profile in profiles:
            one = export.of_portal(profile)
            found[one.name] = one
    return found, failed


def choose_each(
    exports: Mapping[str, Export], names: Sequence[str]
) -> tuple[list[Export], dict[str, SdkError | OSError]]:
    """The exports of those names, or all without a name, one for each portal; ``deals@acme`` is that of one portal.

    What can't be told apart, since its portals can't be listed, is there as it is in the file, and its error in the
    mapping, as in :func:`each_portal`.
    """
    of_file = {name: name.partition("@")[0] for name in names}
    expanded, failed = each_portal(exports, of_file.values() if names else None)
    named = [file_name if file_name in failed else name for name, file_name in of_file.items()]
    return choose(expanded, named) if names else list(expanded.values()), failed


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
        raise ConfigError(f"{file} is nested too deeply", hint=f"{page('schedules')} shows one") from error
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
        found, wrong = _read(name, table, file)
        problems += [f"[exports.{name}] {problem}" for problem in wrong]
        if found is not None:
            exports[name] = found
    problems += _doubled(exports.values())
    if problems:
        raise ConfigError("\n  ".join([f"{file}:" if len(problems) > 1 else str(file), *problems]))
    return exports


# What is wrong with a value ends with what it should be.
KEYS = {
    "profile": 'the name of a profile, such as "acme"',
    "profiles": '"*" for all profiles, or a list of names, such as ["acme", "beta"]',
    "method": 'a list method, such as "crm.deal.list"',
    "select": 'a list of fields, such as ["ID", "TITLE"]',
    "filter": 'a table, such as { ">=DATE_CREATE" = "{month}-01" }',
    "order": 'a table of "ASC" and "DESC", such as { ID = "ASC" }',
    "params": "a table, such as { entityTypeId = 2 }",
    "labels": 'a list of columns, such as ["STAGE_ID"], or "add", "replace" or false',
    "titles": "true or false",
    "dtypes": 'a table from columns to types, such as { UF_CRM_1 = "int" }; there are text, int, float, decimal, bool, '
    "date, datetime, category",
    "errors": '"coerce" or "raise"',
    "csv": '"plain" or "excel-ru"',
    "count": "true (the portal counts the list as well) or false",
    "recheck": "true or false (trust the portal's filter)",
    "tz": 'a time zone, such as "Europe/Berlin"',
    "gentle": "true (leave half of the request limit to others) or false",
    "mode": '"full", "sync" or "crm"',
    "cursor": 'a field, such as "DATE_MODIFY"',
    "overlap": 'a duration, such as "10min"',
    "deletes": '"scan"',
    "max_deletes": "a number of rows, 500, or a share of them, 0.2",
    "tables": 'a list of tables, such as ["deals", "users"]',
    "since": 'a day, such as "2024-01-01"',
    "notebook": 'a file, such as "report.ipynb"',
    "parameters": 'a table, such as { month = "{last_month}" }',
    "html": "true or false",
    "kernel": 'the name of a kernel, such as "python3"',
    "timeout": 'a duration, such as "2h"',
    "target": 'a path, such as "deals-{date}.parquet"',
    "every": 'a duration, such as "30min", "6h", "1d" or "1w"',
    "on_failure": 'a command, such as ["./tell", "anna"], or the name of an environment variable with a webhook '
    'address, "$NAME"',
}
_PROFILE = "{profile}"
_NAME = re.compile(r"\w[\w.-]{0,63}")
_VARIABLE = re.compile(r"\$[A-Za-z_]\w*")
_FIELDS = {
    kind: {field.name: field for field in msgspec.structs.fields(kind) if field.name in KEYS}
    for kind in (FullExport, SyncExport, CrmExport, NotebookExport)
}


def _kind(table: Mapping[str, Any]) -> type[Export]:
    if "notebook" in table:
        return NotebookExport
    kinds: dict[Any, type[Export]] = {"sync": SyncExport, "crm": CrmExport}
    mode = table.get("mode")
    return kinds.get(mode, FullExport) if isinstance(mode, str) else FullExport


def _read(name: str, table: Any, file: Path) -> tuple[Export | None, list[str]]:
    """The export in one table, or texts that say what is wrong with it."""
    if not isinstance(table, dict):
        return None, ["is not a table of keys"]
    kind = _kind(table)
    fields = _FIELDS[kind]
    problems = [] if _NAME.fullmatch(name) else ["is not a name: use letters, digits, '-', '_' and '.'"]
    problems += [f"{field.name} is missing" for field in fields.values() if field.required and field.name not in table]
    values = {}
    for key, value in table.items():
        if key not in KEYS:
            problems.append(f"{key} is unknown, {nearest(key, KEYS)}")
        elif key not in fields:
            problems.append(f"{key} has no meaning here: {_only(key)}")
        else:
            try:
                values[key] = _value(key, value, fields[key].type)
            except (msgspec.ValidationError, ConfigError):
                problems.append(f"{key} = {_shown(key, value)}: it is {KEYS[key]}")
                continue
            if key in kind.filled:
                problems += [f"{key}: {problem}" for problem in check_placeholders(value)]
            if key in kind.paths:
                problems += [f"{key} = {value!r}: {problem}" for problem in _unfit_path(value)]
    problems += _unfit(kind, table)
    return (None, problems) if problems else (kind(name=name, file=file, **values), [])


def _value(key: str, value: Any, type_: Any) -> Any:
    """A value as its field has it; what ``fetch_all`` takes as well is judged there."""
    found = msgspec.convert(value, type_, dec_hook=_decoded)
    if key in ("labels", "dtypes"):
        FetchOptions(**{key: found})
    if key == "profiles" and found != "*" and not (isinstance(found, list) and found and len({*found}) == len(found)):
        raise ConfigError("it is neither all profiles nor a list of names")
    if key == "on_failure" and not (_VARIABLE.fullmatch(found) if isinstance(found, str) else _is_command(found)):
        raise ConfigError("it is neither a variable nor a command")
    return found


def _unfit_path(path: str) -> list[str]:
    """Why no file of this machine can have this path."""
    try:
        path_of(path).expanduser()
    except ConfigError as error:
        return [error.description]
    except RuntimeError:
        return [f"{Path(path).parts[0]} is not the home folder of a user"]
    return []


def _is_command(words: Sequence[str]) -> bool:
    return bool(words) and all(word.strip() for word in words)


def _decoded(type_: type, value: Any) -> Any:
    if not isinstance(value, str):
        raise TypeError("it is not text")
    if type_ is ZoneInfo:
        try:
            return ZoneInfo(value)
        except (ZoneInfoNotFoundError, OSError) as error:
            raise ValueError("there is no such zone") from error
    if (seconds := Seconds(value)) > 0:
        return seconds
    raise ValueError("it takes no time")


def _only(key: str) -> str:
    kinds = [kind for kind, fields in _FIELDS.items() if key in fields]
    if kinds == [NotebookExport]:
        return "only with notebook"
    followed = [f'"{kind.kind}"' for kind in (SyncExport, CrmExport) if kind in kinds]
    if len(followed) == len(kinds):
        return f"only with mode = {' or '.join(followed)}"
    return "only with a method in full mode" if kinds == [FullExport] else "only with a method"


def _unfit(kind: type[Export], table: Mapping[str, Any]) -> list[str]:
    """What each key alone does not show."""
    target = table.get("target")
    parameters = table.get("parameters")
    problems = []
    if isinstance(target, str) and kind is NotebookExport and not target.endswith(".ipynb"):
        problems.append(f"target = {target!r}: the executed notebook ends in .ipynb")
    if isinstance(target, str) and kind in (SyncExport, CrmExport) and "{" in target.replace(_PROFILE, ""):
        problems.append("target: the folder of a sync has a fixed name, without {...} except {profile}")
    if "profiles" in table and isinstance(target, str) and _PROFILE not in target:
        problems.append(f"target = {target!r} is one place for many portals: put {_PROFILE} into it")
    if "profiles" in table and "profile" in table:
        problems.append("profile and profiles: give one of them")
    if not table.keys() & {"profile", "profiles"} and isinstance(target, str) and _PROFILE in target:
        problems.append(f"target: {_PROFILE} has no value without profiles or profile")
    if isinstance(target, str) and kind is FullExport:
        problems += _unfit_file(target, table.get("csv"))
    for key in ("filter", "params"):
        if kind is SyncExport and has_placeholders(table.get(key)):
            problems.append(f"{key}: a sync reads one list, so its query must be the same each time")
    if isinstance(params := table.get("params"), dict) and isinstance(method := table.get("method"), str):
        for key, option in options_among(params, own_parameters(method)):
            place = f"it belongs beside params: {option} = ..." if option in KEYS else "an export has no such option"
            problems.append(f"params: {key} is an option, not a parameter of {method}, {place}")
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


def _doubled(exports: Iterable[Export]) -> list[str]:
    """Two exports that write to one target would undo each other's work."""
    problems = []
    seen: list[tuple[Export, _Places]] = []
    for export in exports:
        places = export.places(), export.places(open_profile=True)
        owner = next((other.name for other, theirs in seen if _is_shared((export, places), (other, theirs))), None)
        if owner is not None:
            problems.append(f"[exports.{export.name}] target is also that of {owner}: each export needs its own")
        seen.append((export, places))
    return problems


_Places = tuple[set[Path], set[Path]]  # of each profile, and with {profile} left as it is


def _is_shared(one: tuple[Export, _Places], other: tuple[Export, _Places]) -> bool:
    """Whether both have a target in common; "all profiles", which are not known here, may be those of the other."""
    is_any = "*" in (one[0].profiles, other[0].profiles)
    return not one[1][is_any].isdisjoint(other[1][is_any])
