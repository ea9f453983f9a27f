"""Locks between programs, which a program that dies leaves free."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from b24data.errors import ConfigError, ExportError
from b24data.files.disk import disk_error, warn_once
from b24data.files.ownership import check_own
from b24data.files.places import runtime_folder

_NEVER = threading.Event()
_POLL_S = 0.05
_HELD = frozenset((errno.EWOULDBLOCK, errno.EAGAIN))
_NO_LOCKS = frozenset((errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL))


@contextlib.contextmanager
def locked(
    path: str | os.PathLike[str],
    *,
    patience_s: float = 0.0,
    dir_fd: int | None = None,
    busy: Exception | None = None,
) -> Iterator[None]:
    """Hold the lock file ``path``; whoever holds it excludes every other thread and program.

    The lock of a program that dies is free at once; its file stays. Where the file system has no locks, a file in a
    local folder is held instead. ``dir_fd``: the open folder in which the file is.

    :raises TimeoutError: someone else holds it for longer than ``patience_s`` seconds; with ``busy``, that error.
    :raises ExportError: the file can't be made, or is a link or a file of another user.

    >>> import tempfile
    >>> lock = Path(tempfile.mkdtemp(), "deals.lock")
    >>> with locked(lock):
    ...     lock.exists()
    True
    """
    hold = _hold_on_windows if os.name == "nt" else _hold
    with contextlib.ExitStack() as held:
        end = time.monotonic() + patience_s
        while not hold(Path(path), dir_fd, held):
            if time.monotonic() >= end:
                raise busy or TimeoutError(f"another program holds {os.fspath(path)}")
            _NEVER.wait(_POLL_S)
        yield


def _hold(path: Path, dir_fd: int | None, held: contextlib.ExitStack, *, or_elsewhere: bool = True) -> bool:
    """Take the lock if it is free; False if someone else has it."""
    import fcntl

    while True:
        lock = _opened(path, dir_fd)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = os.fstat(lock).st_nlink > 0  # whoever held it may have removed it with its folder
        except OSError as error:
            os.close(lock)
            if error.errno in _HELD:
                return False
            if error.errno not in _NO_LOCKS:
                raise disk_error(path, error) from error
            return not or_elsewhere or _hold_elsewhere(path, held)
        except BaseException:
            os.close(lock)
            raise
        if is_there:
            held.callback(_release, lock, os.getpid())
            return True
        os.close(lock)


def _release(lock: int, owner: int) -> None:
    """Give the lock back. A child that was forked meanwhile has a copy of it, which closing alone would leave held."""
    import fcntl

    if os.getpid() == owner:
        fcntl.flock(lock, fcntl.LOCK_UN)
    os.close(lock)


def _opened(path: Path, dir_fd: int | None) -> int:
    name = path if dir_fd is None else path.name
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        lock = os.open(name, flags, 0o600, dir_fd=dir_fd)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):  # a link, a FIFO, a socket
            check_own(path, os.stat(name, dir_fd=dir_fd, follow_symlinks=False))
        raise disk_error(path, error) from error
    try:
        check_own(path, os.fstat(lock))
    except BaseException:
        os.close(lock)
        raise
    return lock


def _hold_elsewhere(path: Path, held: contextlib.ExitStack) -> bool:
    """Programs of this machine exclude each other still; those of other machines that share the disk can't."""
    name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    try:
        lock = runtime_folder() / f"{name}.lock"
        warn_once(f"{path}: this file system has no locks; {lock} is held instead, which other machines do not see")
        return _hold(lock, None, held, or_elsewhere=False)
    except (ConfigError, ExportError) as error:
        warn_once(f"{path}: this file system has no locks, so two programs may work there at once ({error})")
        return True


def _hold_on_windows(path: Path, _: int | None, held: contextlib.ExitStack) -> bool:
    from filelock import FileLock, Timeout

    # A new object each time: a fork in the middle must not think that it holds the lock.
    lock = FileLock(path, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        return False
    except OSError as error:
        raise disk_error(path, error) from error
    held.callback(lock.release)
    return True
