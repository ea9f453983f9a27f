"""What a walk found out about itself, and what turns its rows into values."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from b24data.lists.rows import Row

__all__ = ["Decode", "IdRun", "WalkFacts"]

T_co = TypeVar("T_co", covariant=True)


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


class Decode(Protocol[T_co]):
    """Turns raw rows into what the caller wants. Called in worker threads, several at a time."""

    def __call__(self, runs: Sequence[Sequence[Row]], /) -> Sequence[tuple[T_co, IdRun | None]]:
        """Of each run of rows, which has one at least: it decoded, and what its ids say (None without integer ids)."""
        ...


@dataclass(slots=True)
class WalkFacts:
    """How far a walk is, and why it ended. ``reason`` is empty until then; ``fraction`` is the share of the ids."""

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

    def pin(self, pinned_id: int) -> None:
        """Rows have come, and this is the last id there is; where a walk goes on, what it was in the beginning."""
        self.pinned_id = pinned_id if self.pinned_id is None else self.pinned_id
        self.begun = True

    def ended(self, reason: str) -> None:
        """The walk came to its proven end."""
        self.reason, self.complete = reason, True
