"""What the calls of one walk share: how to stop them, how patient they are, what they cost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from b24data.errors import SdkError
from b24data.http.protocol import Times
from b24data.http.reading import ReadingThread

P = ParamSpec("P")
T = TypeVar("T")


class CancelledError(SdkError):
    """The walk that this call belongs to was stopped. Internal: no caller of a public name sees it."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Why nothing is being sent right now. ``until`` is unix seconds by our own clock.

    ``reason`` is the kind of wait; ``cause`` says more to a person, such as the error that a retry follows.
    """

    reason: str  # "rate limit", "operating limit", "retry"
    seconds: float
    until: float
    method: str
    portal: str = ""
    cause: str = ""


@dataclass
class CallContext:
    """What the calls of one walk share. Any thread may use it.

    ``attempts`` bounds the tries of one request; ``request_id`` names them all, where it is not empty. ``gentle``
    leaves half of the portal's burst to others. ``reading`` reads the answers of those threads that say so. The
    counters end in the walk's report.
    """

    cancel: threading.Event = field(default_factory=threading.Event)
    attempts: int = 10
    request_id: str = ""
    gentle: bool = False
    on_wait: Callable[[Wait], None] | None = None
    on_refresh: Callable[[], None] | None = None
    reading: ReadingThread | None = None

    requests: int = 0
    commands: int = 0
    retries: int = 0
    refreshes: int = 0
    waited_s: dict[str, float] = field(default_factory=dict)
    _first: Times | None = field(default=None, repr=False)
    _last: Times | None = field(default=None, repr=False)
    _waits_until: dict[str, float] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def check(self) -> None:
        """Raise :class:`CancelledError` if the walk was stopped."""
        if self.cancel.is_set():
            raise CancelledError("the walk was stopped")

    def read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of ``work`` on an answer."""
        reading = self.reading
        return work(*args, **kwargs) if reading is None else reading.run(work, *args, **kwargs)

    def done_reading(self) -> None:
        """The answer of this thread is read, or is of no use."""
        if (reading := self.reading) is not None:
            reading.give_back()

    def sent(self, commands: int) -> None:
        """Count a request that goes out now."""
        with self._lock:
            self.requests += 1
            self.commands += commands

    def received(self, time: Times | None) -> None:
        """Widen the window of the walk by an answer, by the portal's clock."""
        with self._lock:
            if time is None or time.start is None or time.finish is None:
                return
            if self._first is None or time.start < (self._first.start or 0):
                self._first = time
            if self._last is None or time.finish > (self._last.finish or 0):
                self._last = time

    @property
    def window(self) -> tuple[str, str] | None:
        """When the first answer was begun and the last one finished, as the portal wrote it."""
        if self._first is None or self._last is None:
            return None
        return (self._first.date_start or "", self._last.date_finish or "")

    def retried(self) -> None:
        """Count a request that has to be sent once more."""
        with self._lock:
            self.retries += 1

    def refreshed(self) -> None:
        """Count a new pair of tokens that a call of this walk fetched."""
        with self._lock:
            self.refreshes += 1
        if self.on_refresh is not None:
            self.on_refresh()

    def waits(self, wait: Wait) -> None:
        """Count a wait that begins now, and show it. Threads that wait side by side wait once."""
        with self._lock:
            known = self._waits_until.get(wait.reason, 0.0)
            more = min(wait.seconds, wait.until - known)
            if more > 0:
                self.waited_s[wait.reason] = self.waited_s.get(wait.reason, 0.0) + more
                self._waits_until[wait.reason] = wait.until
        if self.on_wait is not None:
            self.on_wait(wait)
