"""The thread that reads answers, for the many that wait for them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ReadingThread:
    """Does the work on answers in one thread, for those who are inside :meth:`one_answer`; they wait for its result.

    Two steps read an answer: one unpacks it, one decodes its rows. Whoever asks has the turn from the first step until
    it is given back, so that one answer at a time is unpacked and the others stay as they came, a tenth of the size.
    The C library gives each thread memory of its own and keeps what its largest answer took: where each of 24 threads
    read its own answer, 100,000 deals with all fields took twice the memory. A second thread made nothing faster: most
    of the work holds the interpreter's lock.

    Other threads of a walk, such as the one that asks for titles while it waits for rows, read what they asked for.

    >>> reading = ReadingThread()
    >>> with reading.one_answer():
    ...     reading.run(len, [1, 2])
    2
    >>> reading.close()
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="b24data-reading")
        self._mine = threading.local()

    @contextlib.contextmanager
    def one_answer(self) -> Iterator[None]:
        """Inside, this thread asks for an answer that the reading thread reads; at the end it has no turn."""
        self._mine.has_turn = False
        try:
            yield
        finally:
            self.give_back()
            del self._mine.has_turn

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of ``work``; waits for the turn first."""
        has_turn = getattr(self._mine, "has_turn", None)
        if has_turn is None:
            return work(*args, **kwargs)
        if not has_turn:
            self._turn.acquire()
            self._mine.has_turn = True
        try:
            future = self._pool.submit(work, *args, **kwargs)
        except RuntimeError:  # closed while this answer was on its way
            return work(*args, **kwargs)
        return future.result()

    def give_back(self) -> None:
        """Let another thread have the turn, if this one has it."""
        if getattr(self._mine, "has_turn", False):
            self._mine.has_turn = False
            self._turn.release()

    def close(self) -> None:
        """End the thread once it has done what it was asked; whoever asks later does the work itself."""
        self._pool.shutdown(wait=False)
