"""Files that appear whole or not at all, locks between programs, and the folder for what lasts."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from b24data.errors import ExportError

__all__ = [
    "beside",
    "cache_folder",
    "data_folder",
    "locked",
    "put_in_place",
    "remove_beside",
    "sync_to_disk",
    "write_whole",
]

_NEVER = threading.Event()


def write_whole(path: str | os.PathLike[str], content: str | bytes, *, private: bool = False) -> None:
    """Write a file that is there with all of ``content``, or as it was before, whatever happens meanwhile.

    ``private``: only its owner may read it (0600), at no moment anybody else.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "state.json")
    >>> write_whole(file, "{}")
    >>> file.read_text()
    '{}'
    """
    target = Path(path)
    data = content.encode() if isinstance(content, str) else content
    new = beside(target)
    try:
        mode = 0o600 if private else 0o666
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(new, target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def beside(target: Path) -> Path:
    """A name that nobody has, in the folder of ``target``: a file is moved within its folder at once.

    >>> beside(Path("deals.parquet")).name.startswith(".deals.parquet.")
    True
    """
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")


def remove_beside(target: Path) -> None:
    """Remove what killed programs left of :func:`beside`; for whoever holds the lock of ``target``."""
    for left in target.parent.glob(f".{target.name}.*.tmp"):
        left.unlink(missing_ok=True)


def put_in_place(file: Path, target: Path, *, wait: Callable[[float], object] = _NEVER.wait) -> None:
    """Give ``file`` the name of ``target``, in the place of what had it, and make that durable.

    On Windows a target that someone has open is waited for, two seconds at most; then :class:`ExportError`.
    """
    for left in reversed(range(20)):
        try:
            file.replace(target)
        except PermissionError as error:
            if not left:
                raise ExportError(
                    f"{target} can't be replaced: {error.strerror}", hint="close the program that has it open"
                ) from error
            wait(0.1)
        else:
            break
    sync_to_disk(target.parent)


def sync_to_disk(path: Path) -> None:
    """Down to the disk: a file, or the names in a folder. A folder can't be synced on Windows, and needs not."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def locked(path: str | os.PathLike[str], *, patience_s: float = 0.0) -> Iterator[None]:
    """Hold the lock file ``path``; whoever holds it excludes every other thread and program.

    Raises :class:`TimeoutError` if someone else holds it for longer than ``patience_s`` seconds. The lock of a program
    that dies is free at once; its file stays.

    >>> import tempfile
    >>> lock = Path(tempfile.mkdtemp(), "deals.lock")
    >>> with locked(lock):
    ...     lock.exists()
    True
    """
    from filelock import FileLock, Timeout

    # A new object each time: a fork in the middle must not think that it holds the lock.
    lock = FileLock(path, timeout=patience_s, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise TimeoutError(f"another program holds {path}") from None
    try:
        yield
    finally:
        lock.release()


def data_folder() -> Path:
    """The user's own folder for what must outlive a reboot; made when it is not there.

    ``B24DATA_STATE_DIR`` names another one.
    """
    import platformdirs

    return _made(platformdirs.user_state_path("b24data", appauthor=False))


def cache_folder() -> Path:
    """The user's own folder for what may be deleted at any time, since it can be asked for again; made when needed.

    ``B24DATA_STATE_DIR`` names another one.
    """
    import platformdirs

    return _made(platformdirs.user_cache_path("b24data", appauthor=False))


def _made(default: Path) -> Path:
    folder = Path(os.environ.get("B24DATA_STATE_DIR") or default)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
