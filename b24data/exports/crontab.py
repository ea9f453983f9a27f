"""The user's crontab: lines of ours among those of others, which are never touched."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from b24data.errors import ALREADY_RUNNING, ConfigError, ExportError
from b24data.files.locks import locked
from b24data.files.places import data_folder, runtime_folder

__all__ = [
    "ALL_DUE",
    "Entry",
    "check_when",
    "command_of",
    "entries_of",
    "held",
    "left_behind",
    "line_of",
    "read",
    "with_entry",
    "without",
    "write",
]

ALL_DUE = "--due"
_MARK = "# b24data:"
_LONGEST = 998  # of a command; cron of Debian and Red Hat cuts off or refuses what is longer
_PATIENCE_S = 30
_LOCK_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of ours: ``when`` are its five fields or a word such as ``@daily``, ``name`` an export or ``--due``."""

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
    line = f"{command} {_MARK} {name} {file}".replace("%", r"\%")
    if _CONTROL.search(line):
        raise ConfigError(f"cron takes no line with {str(file)!r}", hint="give the folder of the exports another name")
    if len(os.fsencode(line)) > _LONGEST:
        raise ConfigError(
            f"the line for cron would have {len(os.fsencode(line))} bytes, and {_LONGEST} is the most",
            hint="give the exports a shorter path",
        )
    return f"{check_when(when)} {line}"


def command_of(name: str, file: Path, environment: Mapping[str, str], python: str = sys.executable) -> str:
    """What runs ``name`` of ``file`` where only HOME is known: every path from the root, what is set carried along.

    >>> print(command_of("deals", Path("/x/exports.toml"), {"TZ": "Europe/Berlin"}, "/usr/bin/python3"))
    cd /x && TZ=Europe/Berlin /usr/bin/python3 -P -m b24data export run deals --file /x/exports.toml --quiet
    """
    secret = left_behind(environment)
    kept = [
        f"{name}={shlex.quote(environment[name])}" for name in _CARRIED if environment.get(name) and name not in secret
    ]
    words = [python, "-P", "-m", "b24data", "export", "run", name, "--file", str(file), "--quiet"]
    return " ".join(["cd", shlex.quote(str(file.parent)), "&&", *kept, shlex.join(words)])


# No secret is among them: the line stands in the list of processes.
_CARRIED = (
    *("B24_PROFILE", "B24DATA_CONFIG_DIR", "B24DATA_STATE_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"),
    *("XDG_RUNTIME_DIR", "JUPYTER_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "TZ", "LANG", "LC_ALL"),
    *("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"),
)


def left_behind(environment: Mapping[str, str]) -> list[str]:
    """What is set and not carried along, because a password stands in it.

    >>> left_behind({"HTTPS_PROXY": "http://anna:pw@proxy:3128", "HTTP_PROXY": "http://proxy:3128"})
    ['HTTPS_PROXY']
    """
    return [name for name in _CARRIED if "@" in environment.get(name, "")]


def entries_of(table: bytes) -> list[Entry]:
    """Our lines in a crontab."""
    return [entry for line in table.split(b"\n") if (entry := _entry(line))]


def _entry(line: bytes) -> Entry | None:
    """The entry in a line of ours; None for those of others, also for comments and commands that look like ours."""
    match = _LINE.fullmatch(line)
    if match is None or _RUNS not in match["command"]:
        return None
    when, command, name, file = (os.fsdecode(match[part].replace(rb"\%", b"%")) for part in match.groupdict())
    try:
        check_when(when)
    except ConfigError:
        return None
    return Entry(when=when, name=name, file=file, command=command)


# Lines end with a line feed and nothing else, as cron reads them.
_LINE = re.compile(
    rb"[ \t]*(?P<when>@\w+|(?:[^\s#]\S*[ \t]+){4}\S+)[ \t]+(?P<command>.+?)[ \t]"
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


# The time.

_WORDS = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually", "@reboot")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, ("", *_MONTHS)),
    ("day of the week", 0, 7, _DAYS),
)


def check_when(when: str) -> str:
    """The time of a line with single spaces; :class:`ConfigError` that names the field which cron would not take.

    >>> check_when("*/30  8-18 * * mon-fri")
    '*/30 8-18 * * mon-fri'
    >>> check_when("0 24 * * *")
    Traceback (most recent call last):
    b24data.errors.ConfigError: '0 24 * * *': hour is '24', and goes from 0 to 23...
    """
    fields = when.split()
    if fields and fields[0].startswith("@"):
        if len(fields) == 1 and fields[0] in _WORDS:
            return fields[0]
        raise ConfigError(f"{when!r} is no time for cron", hint=f"there are {', '.join(_WORDS)}")
    if len(fields) != len(_FIELDS):
        raise ConfigError(
            f"{when!r} has {len(fields)} fields, and a time for cron has five", hint=f"{_HINT}; put it in quotes"
        )
    for text, (name, low, high, names) in zip(fields, _FIELDS, strict=True):
        if not all(_fits(part, low, high, names) for part in text.split(",")):
            words = f" or {names[-1]}" if names else ""
            raise ConfigError(f"{when!r}: {name} is {text!r}, and goes from {low} to {high}{words}", hint=_HINT)
    return " ".join(fields)


_HINT = '"0 6 * * *" is every day at six: minute, hour, day of the month, month, day of the week'


def _fits(part: str, low: int, high: int, names: Sequence[str]) -> bool:
    span, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and int(step) > 0 and (span == "*" or "-" in span)):
        return False
    if span == "*":
        return True
    ends = [_number(end, names) for end in span.split("-")]
    numbers = [end for end in ends if end is not None]
    return len(numbers) == len(ends) <= 2 and numbers == sorted(numbers) and low <= numbers[0] and numbers[-1] <= high


def _number(text: str, names: Sequence[str]) -> int | None:
    if text.isdecimal() and text.isascii():
        return int(text)
    return list(names).index(text.lower()) if text.lower() in names and text else None


# The command ``crontab``.


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Between reading the crontab and writing it: a second program that changes it waits until this one is done.

    :raises ExportError: another one holds it for a minute.
    """
    try:
        # Not in B24DATA_STATE_DIR: whoever has set that to another folder changes the same crontab.
        folder = runtime_folder(chosen=False)
    except ConfigError:
        folder = data_folder()
    with contextlib.ExitStack() as holding:
        try:
            holding.enter_context(locked(folder / "crontab.lock", patience_s=_LOCK_S))
        except TimeoutError as error:
            raise ExportError(
                "another program is changing the crontab", code=ALREADY_RUNNING, hint="wait for it, and try again"
            ) from error
        yield


def read() -> bytes:
    """The user's crontab; empty where there is none."""
    done = _crontab("-l")
    if done.returncode == 0:
        return done.stdout
    if re.search(b"no crontab for|no such file", done.stderr, re.IGNORECASE):  # busybox says the latter
        return b""
    raise ExportError(f"the crontab can't be read: {_last(done.stderr)}")


def write(table: bytes) -> None:
    """Put ``table`` in the place of the user's crontab, and look that it is there."""
    done = _crontab("-", table)
    if done.returncode:
        raise ExportError(f"the crontab is as it was; cron did not take the new one: {_last(done.stderr)}")
    if entries_of(read()) != entries_of(table):
        raise ExportError("cron took the new crontab, but it is not there", hint="crontab -l shows what is")


def _crontab(argument: str, table: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("crontab")
    if program is None:
        raise ConfigError(
            "there is no crontab on this machine",
            hint="docs/schedules.md has systemd timers, the Windows Task Scheduler, GitHub Actions and others",
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
            f"{program} can't be run: {error.strerror}", hint="docs/schedules.md has other ways"
        ) from error


def _last(text: bytes) -> str:
    return text.decode("utf-8", "replace").strip().rpartition("\n")[2] or "it does not say why"
