"""A list in chunks: batches, or frames with a given number of rows."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from b24data.fetch.fetch import Fetch
from b24data.frames.pandas_types import DtypeBackend
from b24data.frames.sinks import TableSink, frame_of
from b24data.report import FetchReport

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class Stream(Generic[T]):
    """Pieces of a list as they come; ``report`` tells how it went, as far as it went.

    Use it in a ``for`` loop, or in ``with`` to be sure that leaving early stops the requests at once.
    """

    def __init__(self, fetch: Fetch, pieces: Generator[T, None, None]) -> None:
        self._fetch = fetch
        self._pieces = pieces

    @property
    def report(self) -> FetchReport:
        """The report so far; ``complete`` once the loop has come to the list's proven end."""
        return self._fetch.report(None)

    def close(self) -> None:
        """Stop: nothing more is sent."""
        self._pieces.close()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        return next(self._pieces)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def frames_of(fetch: Fetch, chunksize: int, dtype_backend: DtypeBackend) -> Generator[pd.DataFrame, None, None]:
    """Batches put together, and cut, into frames of ``chunksize`` rows."""
    sink: TableSink | None = None
    waiting, frames = 0, 0
    with contextlib.closing(fetch.batches()) as batches:
        for batch in batches:
            taken = 0
            while taken < batch.num_rows:
                sink = sink or TableSink(fetch.schema)
                piece = batch.slice(taken, chunksize - waiting)
                sink.write(piece)
                taken, waiting = taken + piece.num_rows, waiting + piece.num_rows
                if waiting == chunksize:
                    yield frame_of(sink.abort(), dtype_backend)
                    sink, waiting, frames = None, 0, frames + 1
    if waiting or not frames:
        yield frame_of((sink or TableSink(fetch.schema)).abort(), dtype_backend)
