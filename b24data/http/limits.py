"""The limits of a portal as every client of this machine shares them."""

from __future__ import annotations

import functools
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from b24data.http.bucket import LeakyBucket
from b24data.http.ledger import NEARLY_ALL, OperatingLedger
from b24data.http.protocol import Times
from b24data.http.redirect import is_loopback
from b24data.http.shared_state import FileParts, UnusableError, state_folder
from b24data.params import RestrictionParams

__all__ = ["Hold", "Limits"]

T = TypeVar("T")
P = TypeVar("P", LeakyBucket, OperatingLedger)

# Without shared state nobody knows how many programs there are; with so many of them the portal is not overrun.
_UNKNOWN_PROGRAMS = 4


class Get(Protocol):
    """Gives the part with this name, which ``fresh`` makes if there is none."""

    def __call__(self, name: str, fresh: Callable[[], P], /) -> P: ...


class Parts(Protocol):
    """Keeps buckets and ledgers by name."""

    def use(self, work: Callable[[Get], T]) -> T:
        """The result of ``work``, during which nobody else has the parts; what it changes in them is kept."""
        ...


class LocalParts:
    """Parts that the threads of this process share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: dict[str, Any] = {}

    def use(self, work: Callable[[Get], T]) -> T:
        """As :class:`Parts` has it."""
        with self._lock:
            return work(lambda name, fresh: self._parts.setdefault(name, fresh()))

    def forked(self) -> None:
        """The thread that held the lock is not in the child."""
        self._lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Hold:
    """The answer to "may this request go": yes with ``seconds == 0`` (then hand it back), else ask again later."""

    seconds: float
    reason: str = ""
    ticket: int = 0
    tickets: tuple[tuple[str, int], ...] = ()


class Limits:
    """The limits as one client with its parameters sees them.

    The bucket belongs to the portal and the source address, a ledger to the portal, the application (or webhook) and
    the method. ``shared`` limits are those of all programs of the user on this machine.
    """

    _local: ClassVar[LocalParts] = LocalParts()
    _files: ClassVar[dict[str, FileParts]] = {}

    def __init__(
        self, portal: str, application: str, params: RestrictionParams, *, source: str = "", shared: bool = False
    ) -> None:
        self.params = params
        self._ledgers = f"ledger {portal} {application} "
        # The port of a portal on this machine may be that of another one a minute ago.
        own = application if is_loopback(portal.partition(":")[0]) else ""
        self._bucket_name = f"bucket {portal} {own} {source}"
        self._share = 1.0
        self._parts: Parts = self._local
        if shared:
            self._parts = self._shared()

    def reserve(self, methods: Counter[str], now: float, *, gentle: bool = False) -> Hold:
        """Whether a request with these commands (counted by method) may go now. Nothing is taken by a no."""
        share = 0.5 if gentle else NEARLY_ALL

        def work(get: Get) -> Hold:
            ledgers = [(method, self._ledger(get, method), count) for method, count in methods.items()]
            seconds = max((ledger.wait(now, count, share=share) for _, ledger, count in ledgers), default=0.0)
            if seconds > 0:
                return Hold(seconds, "operating limit")
            bucket = self._bucket(get)
            seconds = bucket.reserve(now, gentle=gentle)
            if seconds > 0:
                return Hold(seconds, "rate limit")
            tickets = tuple((method, ledger.begin(now, count)) for method, ledger, count in ledgers)
            return Hold(0.0, "", bucket.ticket, tickets)

        return self._use(work)

    def settle(self, hold: Hold, now: float) -> None:
        """The request of ``hold`` is over."""

        def work(get: Get) -> None:
            self._bucket(get).landed(hold.ticket, now)
            for method, ticket in hold.tickets:
                self._ledger(get, method).end(ticket)

        self._use(work)

    def observe(self, answers: Iterable[tuple[str, Times | None]], now: float) -> int:
        """Learn from good answers: the method of each, and its times. How many of these methods are heavily used."""
        seen = [(method, times) for method, times in answers if times is not None]
        heavy = self.params.operating_limit.heavy_percent

        def work(get: Get) -> int:
            ledgers = {method: self._ledger(get, method) for method in {name for name, _ in seen}}
            for method, times in seen:
                ledgers[method].observe(times, now)
            return sum(ledger.pressure(now) * 100 > heavy for ledger in ledgers.values())

        return self._use(work) if seen else 0

    def pause(self, methods: Counter[str], now: float, remaining: int | None) -> float:
        """Seconds by which to slow down before a request, because a method is near its limit.

        Nothing while the ``remaining`` commands of a walk fit into what is left.
        """
        config = self.params.adaptive_config

        def work(get: Get) -> float:
            pauses = [0.0]
            for method, count in methods.items():
                ledger = self._ledger(get, method)
                if remaining is not None and ledger.fits(now, max(count, remaining)):
                    continue
                if ledger.pressure(now) * 100 >= config.threshold_percent:
                    pauses.append(min(config.max_delay_s, ledger.resets_in(now) * config.coefficient))
            return max(pauses)

        return self._use(work) if config.enabled else 0.0

    def rate_refused(self, now: float) -> None:
        """The portal refused a request of ours for its intensity (503)."""
        self._use(lambda get: self._bucket(get).refused(now))

    def operating_refused(self, method: str, now: float) -> None:
        """The portal refused a command of ours for the execution time of its method (429)."""
        self._use(lambda get: self._ledger(get, method).refused(now))

    def free(self, now: float) -> float:
        """How many requests may go at once now."""
        return self._use(lambda get: self._bucket(get).free(now))

    def used(self, methods: Iterable[str], now: float) -> dict[str, float]:
        """Seconds of execution time in the window, by method."""
        names = list(methods)
        return self._use(lambda get: {name: self._ledger(get, name).used(now) for name in names})

    def _bucket(self, get: Get) -> LeakyBucket:
        bucket = get(self._bucket_name, lambda: LeakyBucket(share=self._share, pace=self._share))
        bucket.config = self.params.rate_limit
        return bucket

    def _ledger(self, get: Get, method: str) -> OperatingLedger:
        ledger = get(self._ledgers + method.lower(), OperatingLedger)
        ledger.limit_s = self.params.operating_limit.limit_s
        ledger.window_s = self.params.operating_limit.window_s
        return ledger

    def _use(self, work: Callable[[Get], T]) -> T:
        try:
            return self._parts.use(work)
        except UnusableError as error:
            self._parts = self._alone(error)
            return self._parts.use(work)

    def _shared(self) -> Parts:
        try:
            folder = str(state_folder())
            if folder not in self._files:
                self._files[folder] = FileParts(folder)
            return self._files[folder]
        except UnusableError as error:
            return self._alone(error)

    def _alone(self, error: UnusableError) -> Parts:
        self._share = 1 / _UNKNOWN_PROGRAMS
        _tell(str(error))
        return self._local


@functools.cache
def _tell(why: str) -> None:
    """One line a process, however many clients it has."""
    text = "limits are not shared with other programs, so this one is slow for its first two minutes: %s"
    logging.getLogger("b24data").warning(text, why)


def _after_fork() -> None:
    Limits._local.forked()
    for parts in Limits._files.values():
        parts.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
