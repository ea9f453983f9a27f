"""Files that appear whole or not at all, in the place and with the rights of those that were there."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from b24data.errors import ConfigError, ExportError
from b24data.files.disk import disk_error, told
from b24data.files.ownership import check_own, file_kind, is_own, may_others_write, owner_of
from b24data.secret import Secret
from b24data.text.hints import option

_NEVER = threading.Event()
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_LARGEST = 64 << 20  # bytes; a state with a filter of 1,000,000 ids has 10 MB
_MOST_LINKS = 40  # as many as Linux follows


def write_whole(path: str | os.PathLike[str], content: str | bytes | Secret[bytes], *, private: bool = False) -> None:
    """Write a file that is there with all of ``content``, or as it was before, whatever happens meanwhile.

    It has the rights of the file that it replaces. ``private``: only its owner may read it (0600), at no moment
    anybody else. Raises :class:`ExportError` with the cure where it can't be written.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "state.json")
    >>> write_whole(file, "{}")
    >>> file.read_text()
    '{}'
    """
    target = Path(path)
    data = Secret(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
    new = temp_sibling(target)
    try:
        with create(new, private=private or target.exists()) as file:
            file.write(data.reveal())
            file.flush()
            os.fsync(file.fileno())
        replace_file(new, target, private=private)
    except OSError as error:
        _forget(new)
        raise disk_error(target, error) from error
    except BaseException:
        _forget(new)
        raise


def _forget(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink(missing_ok=True)


# A target of the user's.


def file_behind(path: str | os.PathLike[str]) -> Path:
    """The file to write where ``path`` is to be written: itself, or what a link there leads to.

    :raises ConfigError: what is there is not a file, or is another user's link in a folder that they can write to:
        it could lead to any
        file of this user.

    >>> file_behind(".")
    Traceback (most recent call last):
    b24data.errors.ConfigError: . is a folder...
    """
    target = path_of(path)
    try:
        with contextlib.suppress(FileNotFoundError):  # before links: /dev/stdout may lead to a pipe, which has no path
            _check_kind(target, target.stat())
        for _ in range(_MOST_LINKS):
            try:
                facts = target.lstat()
            except FileNotFoundError:
                return target
            if not stat.S_ISLNK(facts.st_mode):
                return target
            _check_link(target, facts)
            target = target.parent / target.readlink()
    except OSError as error:
        said = disk_error(path, error)
        raise ConfigError(said.description, hint=said.advice) from error
    raise ConfigError(f"{target} is a link that leads to itself", hint="give the path of the file itself")


def is_address(path: object) -> bool:
    """Whether it is an address, such as ``s3://bucket/deals.parquet``, and not a path. A drive has one letter.

    >>> is_address("s3://bucket/deals.parquet"), is_address("C://deals.parquet"), is_address(Path("deals.parquet"))
    (True, False, False)
    """
    return isinstance(path, str) and re.match(r"[a-z][a-z0-9+.-]+://", path, re.IGNORECASE) is not None


def name_of(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """The last part of an address, without its query; a path as it is.

    >>> name_of("s3://bucket/2026/deals.parquet?versionId=7")
    'deals.parquet'
    """
    return re.split("[?#]", str(path))[0].rpartition("/")[2] if is_address(path) else path


def path_of(path: str | os.PathLike[str]) -> Path:
    r"""``path`` under a name that this system takes; :class:`ConfigError` for what no file can be called.

    Where the locale has no bytes for a letter, the name has those of UTF-8, as every other program writes it.

    >>> path_of("deals\0.parquet")
    Traceback (most recent call last):
    b24data.errors.ConfigError: 'deals\x00.parquet' cannot be the name of a file. Hint: leave out U+0000.
    """
    if not isinstance(path, str | os.PathLike):
        raise ConfigError(
            f"{path!r} is not a path", hint=f"give a text or a Path, such as {option('to', 'deals.parquet')}"
        )
    if is_address(path):
        raise ConfigError(
            "an address can't be the name of a file or a folder here",
            hint="give a path of this machine; only single files of a fetch go to addresses such as s3://",
        )
    name = os.fspath(path)
    if "\0" in name:
        raise ConfigError(f"{name!r} cannot be the name of a file", hint="leave out U+0000")
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        try:
            name = os.fsdecode(name.encode("utf-8", sys.getfilesystemencodeerrors()))
        except UnicodeEncodeError as error:
            raise ConfigError(f"{name!r} cannot be the name of a file", hint="remove the invalid character") from error
    return Path(name)


def _check_kind(target: Path, facts: os.stat_result) -> None:
    if stat.S_ISDIR(facts.st_mode):
        hint = f"give the name of a file in it, such as {target / 'list.parquet'}"
        raise ConfigError(f"{target} is a folder", hint=hint)
    if not stat.S_ISREG(facts.st_mode):
        raise ConfigError(f"{target} is {file_kind(facts)}, and not a file", hint="give the name of a file")


def _check_link(link: Path, facts: os.stat_result) -> None:
    """The rule of Linux for sticky folders (fs.protected_symlinks), in every folder that others may write to."""
    if is_own(facts, or_root=True):
        return
    folder = link.parent.stat()
    if may_others_write(folder) and facts.st_uid != folder.st_uid:
        raise ConfigError(
            f"{link} is a link of {owner_of(facts)} to {link.readlink()}", hint="give the path that you mean"
        )


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file to read it; :class:`OSError` for anything that is none, without waiting for a FIFO's other end.

    It is a file of Python, whose names are those of the locale; pyarrow takes names for UTF-8.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, f"it is {file_kind(facts)}, and not a file", os.fspath(path))
    return os.fdopen(handle, "rb")


def read_bounded(file: BinaryIO, path: Path) -> bytes:
    """All that is in a small file that is open; :class:`ConfigError` where it has more than 64 MB."""
    if (size := os.fstat(file.fileno()).st_size) > _LARGEST:
        raise ConfigError(
            f"{path} has {size / 1e6:,.0f} MB, and b24data reads no more than {_LARGEST / 1e6:.0f} MB of such a file",
            hint="check it, then move it away",
        )
    return file.read()


def append_private(path: Path) -> BinaryIO:
    """Open a file of ours to add to it, made (0600) if it is not there; :class:`ExportError` for one that is not."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | _NO_FOLLOW
    with told(path):
        handle = os.open(path, flags, 0o600)
    try:
        check_own(path, os.fstat(handle))
    except BaseException:
        os.close(handle)
        raise
    return os.fdopen(handle, "ab")


def read_private(path: Path) -> bytes:
    """The content of a file that only this user or the administrator can have written.

    :raises FileNotFoundError: there is none.
    :raises ConfigError: it is another user's, others may write to it, or it can't be read.
    """
    try:
        with open_regular(path) as file:
            facts = os.fstat(file.fileno())
            if not is_own(facts, or_root=True):
                raise ConfigError(
                    f"{path} is {file_kind(facts)} of {owner_of(facts)}",
                    hint="its contents may not be yours: check it, then remove it or change its owner",
                )
            if may_others_write(facts):
                raise ConfigError(
                    f"others on this machine may write to {path}", hint=f"check it, then chmod 600 {path}"
                )
            return read_bounded(file, path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}", hint="make it readable, or remove it") from error


# New files.


def temp_sibling(target: Path) -> Path:
    """An unused name in the folder of ``target``: a file is moved within its folder at once.

    >>> temp_sibling(Path("deals.parquet")).name.startswith(".deals.parquet.")
    True
    """
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")


def create(new: Path, *, private: bool) -> BinaryIO:
    """Make a file that was not there, also not as a link. ``private``: with 0600, else with what the umask leaves."""
    return os.fdopen(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600 if private else 0o666), "wb")


def remove_temp_siblings(target: Path) -> None:
    """Remove the temporary siblings that killed programs of this user left; only under the lock of ``target``."""
    name = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}\.tmp", re.DOTALL)
    with contextlib.suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            if name.fullmatch(entry.name):
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(facts.st_mode) and is_own(facts):
                    _forget(Path(entry.path))


def replace_file(
    file: Path,
    target: Path,
    *,
    private: bool = False,
    like: Path | None = None,
    wait: Callable[[float], object] = _NEVER.wait,
) -> None:
    """Give ``file`` the name of ``target``, in the place of what had it and with its rights, and make that durable.

    A new one has the rights of ``like``, if that is given. ``private``: the file keeps its own. Raises
    :class:`ExportError` where it can't be done. On Windows a target that someone has open is waited for, two seconds.
    """
    with told(target):
        if not private:
            _take_after(file, target if target.exists() or like is None else like)
        rename_over(file, target, wait)
        sync_to_disk(target.parent)


def rename_over(file: Path, target: Path, wait: Callable[[float], object] = _NEVER.wait) -> None:
    """Rename, also over a file that a program on Windows has open for up to two seconds."""
    for left in reversed(range(20)):
        try:
            file.replace(target)
        except PermissionError as error:
            if getattr(error, "winerror", None) is None:
                raise
            if not left:
                raise ExportError(
                    f"{target} can't be replaced: {error.strerror}", hint="close the program that has it open"
                ) from error
            wait(0.1)
        else:
            return


_ACL = "system.posix_acl_access"


def _take_after(file: Path, model: Path) -> None:
    """Give ``file`` the mode, the group and the owner of ``model``, as far as this user may.

    Where the group can't be kept, it may do what everybody may: its rights were meant for another group.
    """
    if os.name == "nt":
        return
    try:
        facts = model.stat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(facts.st_mode):
        return
    mode = stat.S_IMODE(facts.st_mode) & 0o777
    for owner in (facts.st_uid, -1):
        with contextlib.suppress(OSError):
            os.chown(file, owner, facts.st_gid)
            break
    new = file.stat()
    if new.st_gid != facts.st_gid:
        mode &= ~0o070 | (mode & 0o007) << 3
    file.chmod(mode)
    with contextlib.suppress(OSError, AttributeError):  # most files have none; macOS has no such call
        os.setxattr(file, _ACL, os.getxattr(model, _ACL))


def sync_to_disk(path: Path) -> None:
    """Down to the disk: a file, or the names in a folder, as far as the system can do that for folders."""
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if not is_folder or error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(handle)
