"""Batches that wait for the titles of bound records."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import pyarrow as pa

from b24data.fields.titles import RecordTitles, Ref

if TYPE_CHECKING:
    from b24data.frames.output import OutputColumns

S = TypeVar("S")
_Shown = tuple[pa.RecordBatch, S]

# Full requests have 2,500 ids. With fewer new ids, at most this many rows wait.
MOST_ROWS = 10_000


@dataclass(slots=True)
class TitleQueue(Generic[S]):
    """Hands out batches in their order, each as soon as all its titles were asked for.

    Each goes with what was true when it came, such as how far the walk had come. ``rows`` is how many still wait.
    """

    titles: RecordTitles
    rows: int = 0
    _waiting: deque[tuple[pa.RecordBatch, set[Ref], S]] = field(default_factory=deque)

    def take(self, output: OutputColumns, batch: pa.RecordBatch, checkpoint: S) -> Iterator[_Shown[S]]:
        """Take one more batch, and hand out what is ready."""
        self._waiting.append((batch, output.needed(batch), checkpoint))
        self.rows += batch.num_rows
        self.titles.ask(everything=self.rows >= MOST_ROWS and not self.titles.knows(self._waiting[0][1]))
        while self._waiting and self.titles.knows(self._waiting[0][1]):
            yield self._next(output)

    def rest(self, output: OutputColumns) -> Iterator[_Shown[S]]:
        """Hand out all that is left."""
        if self._waiting:
            self.titles.ask(everything=True)
        yield from self.as_they_are(output)

    def as_they_are(self, output: OutputColumns) -> Iterator[_Shown[S]]:
        """Return all remaining rows without a request: an unknown title stays a code."""
        while self._waiting:
            yield self._next(output)

    def _next(self, output: OutputColumns) -> _Shown[S]:
        batch, _, checkpoint = self._waiting.popleft()
        self.rows -= batch.num_rows
        return output.apply(batch), checkpoint
