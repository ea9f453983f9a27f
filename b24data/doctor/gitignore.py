"""Whether git leaves a file out, read from its files. No git is run: one that is run obeys the folder it looks at.

Source: git's documentation, gitignore and gitformat-index.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from b24data.files.atomic import open_regular

_MOST = 64 << 20  # bytes of an index or of patterns; what is larger is not read


def is_ignored(file: Path) -> bool:
    """Whether ``file`` lies in a repository, is left out by its patterns, and is not tracked all the same.

    If this is unclear, it is not: a secret is then reported once too often. Patterns outside the repository are not
    looked at.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / ".git").mkdir()
    >>> _ = (folder / ".gitignore").write_text(".env\\n")
    >>> is_ignored(folder / ".env"), is_ignored(folder / "notes.md")
    (True, False)
    """
    file = Path(os.path.abspath(file))  # noqa: PTH100  links stay: git looks at names
    top = next((at for at in file.parents if (at / ".git").exists()), None)
    if top is None:
        return False
    git = _git_folder(top)
    return git is not None and _is_left_out(file, top, git) and not _is_tracked(file.relative_to(top), git)


def _git_folder(top: Path) -> Path | None:
    """The folder ``.git``, or the one that a file of this name leads to (a worktree, a submodule)."""
    at = top / ".git"
    if at.is_dir():
        return at
    text = _read(at).decode("utf-8", "surrogateescape").strip()
    return top / text.removeprefix("gitdir:").strip() if text.startswith("gitdir:") else None


# Patterns.


def _is_left_out(file: Path, top: Path, git: Path) -> bool:
    """Whether the file, or a folder around it within the repository, is left out; the last pattern that fits decides.

    What is in a folder that is left out can't be taken in again.
    """
    parts = file.relative_to(top).parts
    for depth in range(1, len(parts) + 1):
        path = "/".join(parts[:depth])
        answer = False
        for base, pattern, takes_in in _patterns(top, git, parts[: depth - 1]):
            if path.startswith(base) and _fits(pattern, path[len(base) :], is_folder=depth < len(parts)):
                answer = not takes_in
        if answer:
            return True
    return False


def _patterns(top: Path, git: Path, folders: tuple[str, ...]) -> Iterator[tuple[str, str, bool]]:
    """Where they hold, themselves, and whether they take in; a later one decides over an earlier one."""
    places = [(_common(git) / "info" / "exclude", "")]
    for depth in range(len(folders) + 1):
        base = "".join(f"{name}/" for name in folders[:depth])
        places.append((top / base / ".gitignore", base))
    for file, base in places:
        for line in _read(file).decode("utf-8", "surrogateescape").split("\n"):
            pattern = re.sub(r"(?<!\\) +$", "", line.removesuffix("\r"))
            if pattern and not pattern.startswith("#"):
                yield base, pattern.removeprefix("!"), pattern.startswith("!")


def _common(git: Path) -> Path:
    """The folder that all worktrees of a repository share."""
    text = _read(git / "commondir").decode("utf-8", "surrogateescape").strip()
    return git / text if text else git


def _fits(pattern: str, path: str, *, is_folder: bool) -> bool:
    if pattern.endswith("/"):
        if not is_folder:
            return False
        pattern = pattern[:-1]
    if "/" not in pattern:
        path = path.rpartition("/")[2]
    return matches(pattern.removeprefix("/"), path)


@dataclass(frozen=True, slots=True)
class _Token:
    """``one`` character that ``fits``; a ``star``, which no slash ends; ``folders``, any number; the ``rest``."""

    kind: Literal["one", "star", "folders", "rest"]
    fits: Callable[[str], bool] = bool


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern fits a path, in time that grows with the product of their lengths: a folder is not trusted.

    >>> [matches(one, "a/b/.env") for one in ("**/.env", "a/**", "a/*/.env", "a/*", "a/**/.env", "a/?/[.]e*")]
    [True, True, True, False, True, True]
    """
    tokens = _tokens(pattern)
    end = len(tokens)
    now = _reached({0}, tokens)
    for one in path:
        after: set[int] = set()
        for at in now:
            if at < 0:  # inside of a folder of the token -at - 1
                after.add(-at - 1 if one == "/" else at)
            elif at < end and tokens[at].kind == "one":
                after.update({at + 1} if tokens[at].fits(one) else ())
            elif at < end and tokens[at].kind == "star":
                after.update({at} if one != "/" else ())
            elif at < end and tokens[at].kind == "folders":
                after.update({-at - 1} if one != "/" else ())
            elif at < end:
                after.update((at, end))
        now = _reached(after, tokens)
    return end in now


def _reached(states: set[int], tokens: Sequence[_Token]) -> set[int]:
    """With what lies behind tokens that fit nothing as well."""
    found = set(states)
    for at in states:
        behind = at
        while 0 <= behind < len(tokens) and tokens[behind].kind in ("star", "folders"):
            behind += 1
            found.add(behind)
    return found


@functools.lru_cache(maxsize=1000)
def _tokens(pattern: str) -> tuple[_Token, ...]:
    made: list[_Token] = []
    at = 0
    while at < len(pattern):
        begins = at == 0 or pattern[at - 1] == "/"
        if begins and pattern.startswith("**/", at):
            made, at = [*made, _Token("folders")], at + 3
        elif begins and at and pattern[at:] == "**":
            made, at = [*made, _Token("rest")], at + 2
        elif pattern[at] == "*":
            made, at = [*made, _Token("star")], at + 1
        elif pattern[at] == "?":
            made, at = [*made, _Token("one", lambda one: one != "/")], at + 1
        elif pattern[at] == "[" and (close := pattern.find("]", at + 2)) > 0:
            made, at = [*made, _Token("one", _class(pattern[at + 1 : close]))], close + 1
        else:
            at += pattern[at] == "\\" and at + 1 < len(pattern)
            made, at = [*made, _Token("one", pattern[at].__eq__)], at + 1
    return tuple(made)


def _class(inside: str) -> Callable[[str], bool]:
    """What stands in brackets; of a range that is none, nothing."""
    text = re.sub(r"([\\\[&~|])", r"\\\1", inside)
    try:
        some = re.compile(f"[{'^' + text[1:] if text[0] in '!^' else text}]")
    except re.error:
        return lambda _: False
    return lambda one: one != "/" and some.fullmatch(one) is not None


# The index.


def _is_tracked(path: Path, git: Path) -> bool:
    """Whether the index has the file; also where it can't be read."""
    if not (git / "index").exists():
        return False
    try:
        return os.fsencode(path.as_posix()) in set(_names(_read(git / "index")))
    except (ValueError, IndexError, struct.error):
        return True


_HEAD, _ENTRY, _FLAGS, _SUM = 12, 62, 60, 20  # bytes; an entry's fixed part ends with its flags


def _names(data: bytes) -> Iterator[bytes]:
    """The paths in an index of version 2, 3 or 4 whose object ids are SHA-1."""
    signature, version, count = struct.unpack(">4sII", data[:_HEAD])
    if signature != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("it is an unknown kind of index")
    if data[-_SUM:] not in (hashlib.sha1(data[:-_SUM], usedforsecurity=False).digest(), bytes(_SUM)):
        raise ValueError("it is cut off, or its object ids are SHA-256")
    at, name = _HEAD, b""
    for _ in range(count):
        (flags,) = struct.unpack_from(">H", data, at + _FLAGS)
        begin = at + _ENTRY + (2 if flags & 0x4000 else 0)
        if version == 4:
            left_out, begin = _number(data, begin)
            end = data.index(b"\0", begin)
            name = name[: len(name) - left_out] + data[begin:end]
            at = end + 1
        else:
            end = data.index(b"\0", begin)
            name = data[begin:end]
            at += (end - at) // 8 * 8 + 8  # filled up with one to eight NUL
        yield name
    while at < len(data) - _SUM:
        kind, size = struct.unpack_from(">4sI", data, at)
        if kind == b"link":
            raise ValueError("a part of it is in another file")
        at += 8 + size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        value = (value + 1) << 7 | data[at] & 0x7F
    return value, at + 1


def _read(file: Path) -> bytes:
    """What is in a file; nothing where it can't be read."""
    try:
        with open_regular(file) as opened:
            return opened.read(_MOST)
    except (OSError, ValueError):
        return b""
