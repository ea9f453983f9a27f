"""Records on disk that tell when a byte of them is another one than was written."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import msgspec


class Sealed(Protocol):
    """A dataclass with its version and its seal; the seal is empty until it is written."""

    @property
    def version(self) -> int:
        """The version of the format."""

    @property
    def check(self) -> str:
        """What :func:`seal` puts there."""


T = TypeVar("T", bound=Sealed)


class DamagedError(ValueError):
    """It is not what was written."""


def seal(record: Sealed) -> bytes:
    """The record as JSON, with a sum of all that is in it."""
    plain: Any = record
    try:
        return msgspec.json.encode(replace(plain, check=_sum(plain)))
    except UnicodeEncodeError:  # half of a character, or a byte of a file's name: as an escape
        return seal(msgspec.convert(_escaped(msgspec.to_builtins(plain)), type(plain)))


def unsealed(data: bytes, kind: type[T], *, now: int) -> T:
    """The record; :class:`DamagedError` if it is none, or not what was written.

    What versions after ``now`` have is not known, and their seal is not looked at.
    """
    try:
        found = msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DamagedError(str(error)) from error
    plain: Any = found
    if found.version <= now and found.check != _sum(plain):
        raise DamagedError("its checksum is wrong")
    return found


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_escaped(key): _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list | tuple) else value


def _sum(record: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(replace(record, check=""))).hexdigest()[:16]
