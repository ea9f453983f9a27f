"""Whose a file or a folder is: under a name that b24data uses itself, only this user's own is used."""

from __future__ import annotations

import os
import stat

from b24data.errors import ExportError

_ROOT = 0
_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def check_own(path: str | os.PathLike[str], facts: os.stat_result, *, folder: bool = False) -> None:
    """Raise :class:`ExportError`, with the owner, unless ``facts`` are those of a file or folder of this user.

    >>> check_own("/", os.lstat("/"))
    Traceback (most recent call last):
    b24data.errors.ExportError: / is a folder of ..., and b24data keeps a file of its own under this name...
    """
    fits = stat.S_ISDIR(facts.st_mode) if folder else stat.S_ISREG(facts.st_mode)
    if fits and is_own(facts):
        return
    what = "folder" if folder else "file"
    raise ExportError(
        f"{os.fspath(path)} is {file_kind(facts)} of {owner_of(facts)}, "
        f"and b24data keeps a {what} of its own under this name",
        code="NOT_OURS",
        hint="check it and remove it, or give another path",
    )


def is_own(facts: os.stat_result, *, or_root: bool = False) -> bool:
    """Whether this user owns it; ``or_root``: or the administrator, who may do anything as it is.

    Windows has no such owners: there a user's folders are closed to others by the system.
    """
    if not hasattr(os, "geteuid"):
        return True
    return facts.st_uid == os.geteuid() or (or_root and facts.st_uid == _ROOT)


def may_others_write(facts: os.stat_result) -> bool:
    """Whether the group or everyone can write to it."""
    return os.name != "nt" and bool(facts.st_mode & 0o022)


def file_kind(facts: os.stat_result) -> str:
    """What it is, as text.

    >>> file_kind(os.stat("."))
    'a folder'
    """
    return next((name for test, name in _KINDS if test(facts.st_mode)), "a file")


def owner_of(facts: os.stat_result) -> str:
    """The name of its owner, or ``user 12345`` where that number has no name."""
    return user_name(facts.st_uid)


def user_name(uid: int) -> str:
    """The name of a user, or the number where it has none (in a container)."""
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError, OSError):
        return f"user {uid}"
