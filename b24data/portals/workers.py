"""The same work for many portals in a few threads, told to the thread that waits for it."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
E = TypeVar("E")
Tell = Callable[[str, E], None]

_LOOK_UP_S = 0.5  # on Windows a blocked wait does not see Ctrl-C
_ENDING_S = 10.0  # a refresh of tokens is not interrupted, so a thread may outlive this


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What the work for one name brought, or why it brought nothing."""

    name: str
    result: T | None
    error: BaseException | None
    seconds: float


def side_by_side(
    names: Sequence[str],
    work: Callable[[str, Callable[[E], None]], T],
    *,
    workers: int,
    stopped: Callable[[], AbstractContextManager[None]],
    told: Tell[E],
    done: Callable[[Done[T]], None],
) -> None:
    """Do ``work(name, tell)`` for every name, in their order, in this many threads.

    What ``work`` tells and what it ends with come to ``told`` and ``done`` in the calling thread, which alone may talk
    to a terminal or a notebook. Whatever stops the caller, Ctrl-C included, stops all: nothing more begins, and inside
    ``stopped()`` what is under way ends.
    """
    todo, said = queue.SimpleQueue[str](), queue.SimpleQueue[Done[T] | tuple[str, E]]()
    for name in names:
        todo.put(name)

    def run() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                name = todo.get_nowait()
                began = time.monotonic()
                result, error = None, None
                try:
                    result = work(name, lambda event, name=name: said.put((name, event)))  # type: ignore[misc]
                except BaseException as caught:  # noqa: BLE001  the caller raises it, or tells of it
                    error = caught
                said.put(Done(name, result, error, time.monotonic() - began))

    # Daemons: a refresh that is not interrupted must not keep a program that was stopped from ending.
    threads = [
        threading.Thread(target=run, name=f"b24data-portal-{k}", daemon=True) for k in range(min(workers, len(names)))
    ]
    left = len(names)
    try:
        for thread in threads:
            thread.start()
        while left:
            with contextlib.suppress(queue.Empty):
                message = said.get(timeout=_LOOK_UP_S)
                if not isinstance(message, Done):
                    told(*message)
                    continue
                if message.error is not None and not isinstance(message.error, Exception):
                    raise message.error  # noqa: TRY301  what stops the caller stops the other threads, too
                left -= 1
                done(message)
    except BaseException:
        with contextlib.suppress(queue.Empty):
            while True:
                todo.get_nowait()
        end = time.monotonic() + _ENDING_S
        with stopped():
            for thread in threads:
                if thread.ident is not None:
                    thread.join(max(0.0, end - time.monotonic()))
        raise
