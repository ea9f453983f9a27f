"""What the system says when a file can't be written or locked, and the cure for it."""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import os
from collections.abc import Iterator

from b24data.errors import ExportError

_CURES = {
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "your quota on that disk is used up: remove files of yours, or give a path on another disk",
    errno.EFBIG: "this file size is not allowed here: `ulimit -f` shows the limit; or give a path on another disk",
    errno.EACCES: "give a path in a folder of yours",
    errno.EPERM: "give a path in a folder of yours",
    errno.EROFS: "that disk is mounted read-only: give a path on another one",
    errno.ENAMETOOLONG: "give a shorter name: 200 bytes fit everywhere, and a Cyrillic letter takes two",
    errno.EISDIR: "that is a folder: give the name of a file",
    errno.ENOTDIR: "a part of that path is a file: give a path through folders",
    errno.ENOENT: "the folder is gone: create it again, or give another path",
    errno.ELOOP: "links form a circle, or lead where none are allowed: give the path of the file itself",
    errno.EIO: "the disk reports a fault: give a path on another disk, and have this one checked",
    errno.ESTALE: "the network drive has lost the folder: mount it again, or give a path on a local disk",
    errno.EMFILE: "this program has too many files open: close some, or raise `ulimit -n`",
    errno.ENFILE: "this machine has too many files open: end some programs",
    errno.ETXTBSY: "end the program that runs from this file",
    errno.EBUSY: "close the program that has it open",
}
_UNKNOWN = "give a path on another disk"
_RESUMES = "the same call then resumes"


@functools.lru_cache(maxsize=100)
def warn_once(text: str) -> None:
    """Log what a machine lacks for all that goes on without it: one line a process, however often it is met."""
    logging.getLogger("b24data").warning(text)


def disk_error(path: str | os.PathLike[str], error: OSError, *, resumes: bool = False) -> ExportError:
    """The error for ``path``, with the cure; ``resumes``: what came so far is kept.

    >>> print(disk_error("deals.parquet", OSError(errno.ENOSPC, "No space left on device"), resumes=True))
    deals.parquet: No space left on device. Hint: make room on that disk; the same call then resumes.
    """
    cure = _CURES.get(error.errno or 0, _UNKNOWN)
    said = os.strerror(error.errno) if error.errno in _CURES and error.errno else error.strerror or str(error)
    told = ExportError(f"{os.fspath(path)}: {said}", hint=cure)
    return resumable(told) if resumes else told


def resumable(error: ExportError) -> ExportError:
    """The error with a hint that says that what came so far is kept."""
    if error.advice and _RESUMES not in error.advice:
        error.advice = f"{error.advice}; {_RESUMES}"
    return error


@contextlib.contextmanager
def told(path: str | os.PathLike[str]) -> Iterator[None]:
    """What the system says, as an :class:`ExportError` for ``path`` with the cure."""
    try:
        yield
    except OSError as error:
        raise disk_error(path, error) from error
