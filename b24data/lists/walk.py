"""What every walk is: opened, gone through block by block; what it finds out about itself, and how it breaks off."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, TypeVar

from b24data.errors import IncompleteFetchError, ProtocolViolationError, SchemaError, SdkError
from b24data.lists.rows import Row

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class IdRun:
    """What the ids of consecutive rows say: the first, the last, and whether each is beyond the one before it."""

    first: int
    last: int
    ordered: bool

    @classmethod
    def of(cls, ids: Sequence[int], *, descending: bool = False) -> IdRun:
        """The run of ids that are to rise, or to fall.

        >>> IdRun.of([3, 5, 5])
        IdRun(first=3, last=5, ordered=False)
        """
        beyond = operator.gt if descending else operator.lt
        return cls(ids[0], ids[-1], all(map(beyond, ids, ids[1:])))


Decode: TypeAlias = Callable[[Sequence[Sequence[Row]]], Sequence[tuple[T, IdRun | None]]]
"""Turns raw rows into what the caller wants. A walk by id calls it in its reading thread, any other in the caller's.

Of each run of rows, which has one at least: it decoded, and what its ids say (None without integer ids).
"""


class Walk(Protocol):
    """A list that is read to its proven end: opened once, then gone through once."""

    def open(self) -> Sequence[Row]:
        """Ask for the first page and return its rows, by which the caller can choose how to decode them."""

    def blocks(self, decode: Decode[T], /) -> Generator[T, None, None]:
        """All rows, decoded, in the order of the walk, those of the first page included.

        The walk's facts grow meanwhile. Closing the generator early stops whatever is under way.
        """


@dataclass(slots=True)
class WalkFacts:
    """How far a walk is, and why it ended. ``reason`` is empty until then; ``fraction`` is the share of the ids.

    ``begun``: the first page is there and the rows are being passed on.
    """

    walk: str = ""
    reason: str = ""
    complete: bool = False
    begun: bool = False
    rows: int = 0
    pages: int = 0
    total: int | None = None
    pinned_id: int | None = None
    last_id: int | None = None
    fraction: float | None = None
    notes: list[str] = field(default_factory=list)

    def page(self, rows: Sequence[Row], decode: Decode[T], limit: int | None, *, pages: int = 1) -> Iterator[T]:
        """Count one more page, or several, and decode their rows, up to ``limit`` rows of the whole walk."""
        wanted = rows if limit is None else rows[: limit - self.rows]
        self.pages += pages
        self.rows += len(wanted)
        self.fraction = min(1.0, self.rows / self.total) if self.total else None
        if wanted:
            yield from (data for data, _ in decode([wanted]))

    def ended(self, reason: str) -> None:
        """The walk came to its proven end."""
        self.reason, self.complete = reason, True


@contextlib.contextmanager
def broken_off(method: str, facts: WalkFacts) -> Iterator[None]:
    """Tell what stops a walk: an error after its first page becomes an :class:`IncompleteFetchError` from it.

    An error of the first page is raised as it is, and so is a value that the caller refuses (:class:`SchemaError`).
    """
    try:
        yield
    except (IncompleteFetchError, SchemaError):
        raise
    except SdkError as error:
        if not facts.begun:
            raise
        raise _incomplete(method, facts, error) from error
    except (ValueError, OverflowError, RecursionError) as error:  # an integer of 5,000 digits, lists 900 deep
        flaw = ProtocolViolationError(
            f"{method} sent rows that can't be read: {type(error).__name__}: {error}",
            hint="leave that field out of select",
        )
        flaw.__cause__ = error
        if not facts.begun:
            raise flaw from error
        raise _incomplete(method, facts, flaw) from flaw


def _incomplete(method: str, facts: WalkFacts, error: SdkError) -> IncompleteFetchError:
    return IncompleteFetchError(
        f"{method} stopped after {facts.rows:,} rows: {error.summary}",
        last_id=facts.last_id,
        hint=error.advice or "`rows` of this error has the rows that arrived; the same call starts over",
    )
