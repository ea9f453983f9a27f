"""A folder of b24data's own beside the user's files: hidden, and used only where this user made it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Self

from b24data.errors import ExportError
from b24data.files.atomic import read_bounded, rename_over
from b24data.files.disk import disk_error, told
from b24data.files.locks import locked
from b24data.files.ownership import check_own, may_others_write

LOCK = "lock"
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}\.tmp", re.DOTALL)  # as `writing` names them

# Where they are there, names are looked up in the folder that was checked, whatever has its path by now.
_BY_HANDLE = os.open in os.supports_dir_fd and os.rmdir in os.supports_dir_fd
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


class WorkFolder:
    """The folder ``path``, open within ``with``. A link there, or a folder of another user, is refused.

    Everybody who may read the folder around it sees the names in it, or readers of whole folders would stumble over
    it; what is in its files is for this user alone (0600). Names in it are never followed if they are links. Raises
    :class:`ExportError`, with the owner or with the cure.

    >>> import tempfile
    >>> with WorkFolder(Path(tempfile.mkdtemp(), "_b24data")) as folder:
    ...     folder.write_whole("state.json", b"{}")
    ...     folder.names(), folder.read("state.json"), folder.read("run.json")
    (['state.json'], b'{}', None)
    """

    def __init__(self, path: Path, *, make: bool = True, of: Path | None = None) -> None:
        self.path = path
        self._of = of  # what a full disk is told of; None: the file itself
        self._make = make
        self._handle: int | None = None

    def __enter__(self) -> Self:
        with self._told():
            if self._make:
                with contextlib.suppress(FileExistsError):
                    self.path.mkdir(0o755)
            check_own(self.path, self.path.lstat(), folder=True)
            if _BY_HANDLE:
                self._open()
        return self

    def _open(self) -> None:
        handle = os.open(self.path, _FLAGS | os.O_DIRECTORY)
        try:
            facts = os.fstat(handle)
            check_own(self.path, facts, folder=True)
            if may_others_write(facts):  # by a generous umask: it is ours, and for us alone
                os.fchmod(handle, stat.S_IMODE(facts.st_mode) & ~0o022)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle

    def __exit__(self, *_: object) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    @property
    def is_there(self) -> bool:
        """Whether the folder that is open still has its name."""
        try:
            facts = self.path.lstat()
            return self._handle is None or os.path.samestat(facts, os.fstat(self._handle))
        except OSError:
            return False

    @contextlib.contextmanager
    def lock(self, busy: Exception | None = None) -> Iterator[None]:
        """Hold the folder; ``busy``, else :class:`TimeoutError`, at once where someone else does.

        What killed programs left half written is removed: whoever writes has the lock.
        """
        with locked(self.path / LOCK, dir_fd=self._handle, busy=busy):
            with contextlib.suppress(ExportError):
                self.remove(*filter(_UNFINISHED.fullmatch, self.names()))
            yield

    def names(self) -> list[str]:
        """What is in it."""
        with self._told(), os.scandir(self.path if self._handle is None else self._handle) as entries:
            return sorted(entry.name for entry in entries)

    def size(self, name: str) -> int:
        """The bytes of a file; -1 where there is none."""
        try:
            facts = os.stat(self._at(name), dir_fd=self._handle, follow_symlinks=False)
        except OSError:
            return -1
        return facts.st_size if stat.S_ISREG(facts.st_mode) else -1

    def open(self, name: str) -> BufferedReader:
        """Open a file of ours to read it."""
        handle = os.open(self._at(name), _FLAGS | _BINARY, dir_fd=self._handle)
        try:
            check_own(self.path / name, os.fstat(handle))
            return os.fdopen(handle, "rb")
        except BaseException:
            os.close(handle)
            raise

    def sum(self, name: str) -> str:
        """A sum of a file's bytes, by which it is known again."""
        with self._told(name), self.open(name) as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:16]

    def read(self, name: str) -> bytes | None:
        """What is in a file; None where there is none."""
        try:
            with self.open(name) as file:
                return read_bounded(file, self.path / name)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK):
                facts = os.stat(self._at(name), dir_fd=self._handle, follow_symlinks=False)
                check_own(self.path / name, facts)
            raise disk_error(self._of or self.path / name, error) from error

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """A file that has the name once the block has ended well, down to the disk; else nothing is left of it."""
        new = f".{name}.{secrets.token_hex(4)}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS | _BINARY
        with self._told(name):
            try:
                with os.fdopen(os.open(self._at(new), flags, 0o600, dir_fd=self._handle), "wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                if self._handle is None:
                    rename_over(self.path / new, self.path / name)
                else:
                    os.replace(new, name, src_dir_fd=self._handle, dst_dir_fd=self._handle)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(self._at(new), dir_fd=self._handle)
                raise
            if self._handle is not None:
                with contextlib.suppress(OSError):  # a file system that can't do that for folders
                    os.fsync(self._handle)

    def write_whole(self, name: str, content: bytes) -> None:
        """Write a file that is there whole, or as it was before."""
        with self.writing(name) as file:
            file.write(content)

    def check_writable(self) -> None:
        """Make a file and remove it; what another check left that was killed goes with it."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS | _BINARY
        with self._told("probe"), contextlib.suppress(FileExistsError):
            os.close(os.open(self._at("probe"), flags, 0o600, dir_fd=self._handle))
        self.remove("probe")

    def make(self, name: str, mode: int) -> None:
        """Make a folder in it."""
        with self._told(name):
            os.mkdir(self._at(name), mode, dir_fd=self._handle)

    def remove(self, *names: str) -> None:
        """Remove files, and folders with all that is in them; what a link leads to is left alone."""
        for name in names:
            with self._told(name), contextlib.suppress(FileNotFoundError):
                facts = os.stat(self._at(name), dir_fd=self._handle, follow_symlinks=False)
                if stat.S_ISDIR(facts.st_mode):
                    shutil.rmtree(self._at(name), dir_fd=self._handle)
                else:
                    os.unlink(self._at(name), dir_fd=self._handle)

    def remove_all(self) -> None:
        """Remove the folder and all that is in it, unless something else has its name by now."""
        with contextlib.suppress(OSError, ExportError):
            self.remove(*self.names())
            if self.is_there:
                self.path.rmdir()

    def _at(self, name: str) -> str:
        return str(self.path / name) if self._handle is None else name

    def _told(self, name: str = "") -> contextlib.AbstractContextManager[None]:
        return told(self._of or self.path / name)
