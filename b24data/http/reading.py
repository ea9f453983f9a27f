"""The thread that reads answers, for the many that wait for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ReadingThread:
    """Does the work on answers in one thread; whoever asks for it waits for its result.

    Two steps read an answer: one unpacks it, one decodes its rows. Whoever asks has the turn from the first step until
    it gives it back, so that one answer at a time is unpacked and the others stay as they came, a tenth of the size.
    The C library gives each thread memory of its own and keeps what its largest answer took: where each of 24 threads
    read its own answer, 100,000 deals with all fields took twice the memory. A second thread made nothing faster: most
    of the work holds the interpreter's lock.

    >>> reading = ReadingThread()
    >>> reading.run(len, [1, 2])
    2
    >>> reading.give_back()
    >>> reading.close()
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="b24data-reading")
        self._mine = threading.local()

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of ``work``; waits for the turn first."""
        if not getattr(self._mine, "turn", False):
            self._turn.acquire()
            self._mine.turn = True
        try:
            future = self._pool.submit(work, *args, **kwargs)
        except RuntimeError:  # closed while this answer was on its way
            return work(*args, **kwargs)
        return future.result()

    def give_back(self) -> None:
        """Let another thread have the turn, if this one has it."""
        if getattr(self._mine, "turn", False):
            self._mine.turn = False
            self._turn.release()

    def close(self) -> None:
        """End the thread once it has done what it was asked; whoever asks later does the work itself."""
        self._pool.shutdown(wait=False)
