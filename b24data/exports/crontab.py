"""The user's crontab: lines of ours among those of others, which are never touched."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from b24data.auth.cipher import KEY
from b24data.errors import ALREADY_RUNNING, ConfigError, ExportError
from b24data.exports.unattended import PATHS, from_root
from b24data.files.locks import locked
from b24data.files.places import data_folder, runtime_folder
from b24data.text.pages import page
from b24data.text.redact import redact

ALL_DUE = "--due"
_MARK = "# b24data:"
_LONGEST = 998  # of a command; cron of Debian and Red Hat cuts off or refuses what is longer
_PATIENCE_S = 30
_LOCK_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of ours: ``when`` are its five fields or a name such as ``@daily``, ``name`` an export or ``--due``."""

    when: str
    name: str
    file: str
    command: str


# Lines.


def line_of(when: str, name: str, file: Path, command: str) -> str:
    """The line for one export; what runs it is behind the fields, ours is marked at its end.

    >>> line_of("0 6 * * *", "deals", Path("/x/exports.toml"), "cd /x && b24data export run deals")
    '0 6 * * * cd /x && b24data export run deals # b24data: deals /x/exports.toml'
    """
    what = f"{command} {_MARK} {name} {file}".replace("%", r"\%")
    if _CONTROL.search(what):
        raise ConfigError(
            f"cron does not accept a line with {str(file)!r}", hint="give the folder of the exports another name"
        )
    if len(os.fsencode(what)) > _LONGEST:
        raise ConfigError(
            f"the line for cron would have {len(os.fsencode(what))} bytes, and {_LONGEST} is the most",
            hint="give the exports a shorter path",
        )
    time = " ".join(when.split())
    if not _TIME.fullmatch(os.fsencode(time)):  # a sixth field would be the command
        raise ConfigError(f"{when!r} is not a cron schedule", hint=_TIMES)
    return f"{time} {what}"


def command_of(name: str, file: Path, environment: Mapping[str, str]) -> str:
    """What runs ``name`` of ``file`` where only HOME is known: every path from the root, what is set carried along.

    >>> print(command_of("deals", Path("/x/exports.toml"), {"TZ": "Europe/Berlin"}).replace(sys.executable, "python"))
    cd /x && TZ=Europe/Berlin python -P -m b24data export run deals --file /x/exports.toml --quiet
    """
    known = {**environment, **from_root(environment)}
    carried = [variable for variable in _CARRIED if known.get(variable) and variable not in left_behind(known)]
    kept = [f"{variable}={shlex.quote(known[variable])}" for variable in carried]
    words = [sys.executable, "-P", "-m", "b24data", "export", "run", name, "--file", str(file), "--quiet"]
    return " ".join(["cd", shlex.quote(str(file.parent)), "&&", *kept, shlex.join(words)])


_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
_ADDRESSES = ("B24DATA_TOKEN_STORE", *_PROXIES, *(name.lower() for name in _PROXIES))
_CARRIED = ("B24_PROFILE", *PATHS, *_ADDRESSES, "TZ", "B24DATA_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


def left_behind(environment: Mapping[str, str]) -> list[str]:
    """What is set and not carried along, because it is a secret or has one: the line stands in the list of processes.

    >>> left_behind({"HTTPS_PROXY": "http://anna:pw@proxy:3128", "HTTP_PROXY": "http://proxy:3128"})
    ['HTTPS_PROXY']
    """
    given = {name: environment.get(name, "") for name in _ADDRESSES}
    secret = [name for name, value in given.items() if "@" in value or redact(value) != value]
    return [*secret, *([KEY] if environment.get(KEY) else [])]


def entries_of(table: bytes) -> list[Entry]:
    """Our lines in a crontab."""
    return [entry for line in table.split(b"\n") if (entry := _entry(line))]


def _entry(line: bytes) -> Entry | None:
    """The entry in a line of ours; None for those of others, also for comments and commands that look like ours."""
    match = _LINE.fullmatch(line)
    if match is None or _RUNS not in match["command"]:
        return None
    when, command, name, file = (os.fsdecode(match[part].replace(rb"\%", b"%")) for part in match.groupdict())
    return Entry(when=when, name=name, file=file, command=command)


# The shape alone: what stands in a field is cron's to judge. An "=" would make the line a variable.
_TIME = re.compile(rb"@\w+|[\w*/,~-]+(?:[ \t]+[\w*/,~-]+){4}")
_TIMES = 'five fields in quotes, "0 6 * * *" (minute, hour, day of the month, month, day of the week), or @daily'
# Lines end with a line feed and nothing else, as cron reads them.
_LINE = re.compile(
    rb"[ \t]*(?P<when>"
    + _TIME.pattern
    + rb")[ \t]+(?P<command>.+?)[ \t]"
    + re.escape(_MARK.encode())
    + rb" (?P<name>\S+) (?P<file>.+?)\r?"
)
_RUNS = b"b24data export run "
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def with_entry(table: bytes, line: str) -> bytes:
    """The crontab with ``line``, in the place of the one for the same export of the same file; else at its end.

    All other bytes stay; a last line without its line feed gets that, or ours would be a part of it.
    """
    ours = os.fsencode(line)
    new = _entry(ours)
    lines = table.split(b"\n")
    same = [n for n, old in enumerate(lines) if new and _is_same(_entry(old), new.name, new.file)]
    if not same:
        return table + (b"\n" if lines[-1] else b"") + ours + b"\n"
    lines[same[0]] = ours
    return b"\n".join(line for n, line in enumerate(lines) if n not in same[1:])


def without(table: bytes, name: str, file: str) -> bytes:
    """The crontab without our line for that export."""
    return b"\n".join(line for line in table.split(b"\n") if not _is_same(_entry(line), name, file))


def _is_same(entry: Entry | None, name: str, file: str) -> bool:
    return entry is not None and (entry.name, entry.file) == (name, file)


# The command ``crontab``.


def held() -> contextlib.AbstractContextManager[None]:
    """Between reading the crontab and writing it: a second program that changes it waits until this one is done.

    :raises ExportError: another one holds it for a minute.
    """
    try:
        # Not in B24DATA_STATE_DIR: whoever has set that to another folder changes the same crontab.
        folder = runtime_folder(chosen=False)
    except ConfigError:
        folder = data_folder()
    busy = ExportError(
        "another program is changing the crontab", code=ALREADY_RUNNING, hint="wait for it, and try again"
    )
    return locked(folder / "crontab.lock", patience_s=_LOCK_S, busy=busy)


def read() -> bytes:
    """The user's crontab; empty where there is none."""
    done = _crontab("-l")
    if done.returncode == 0:
        return done.stdout
    if re.search(b"no crontab for|no such file", done.stderr, re.IGNORECASE):  # busybox says the latter
        return b""
    raise ExportError(f"the crontab can't be read: {_said(done.stderr)}")


def write(table: bytes) -> None:
    """Put ``table`` in the place of the user's crontab, and look that it is there."""
    done = _crontab("-", table)
    if done.returncode:
        raise ExportError(f"the crontab is unchanged; cron rejected the new one: {_said(done.stderr)}", hint=_TIMES)
    if entries_of(read()) != entries_of(table):
        raise ExportError("cron accepted the new crontab, but it is not there", hint="crontab -l shows the current one")


def _crontab(argument: str, table: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("crontab")
    if program is None:
        raise ConfigError(
            "there is no crontab on this machine",
            hint=f"{page('schedules')} has systemd timers, the Windows Task Scheduler, GitHub Actions and others",
        )
    environment = {**os.environ, "LC_ALL": "C"}
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if table is None else {"input": table}
    try:
        return subprocess.run(  # noqa: S603  cron's own command
            [program, argument], capture_output=True, env=environment, timeout=_PATIENCE_S, check=False, **given
        )
    except subprocess.TimeoutExpired as error:
        raise ExportError(f"crontab {argument} did not end within {_PATIENCE_S} s") from error
    except OSError as error:
        raise ExportError(
            f"{program} can't be run: {error.strerror}", hint=f"{page('schedules')} has other ways"
        ) from error


def _said(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").split("\n")
    return "; ".join(line.strip() for line in lines if line.strip()) or "no reason given"
