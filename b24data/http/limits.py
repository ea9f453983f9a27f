"""The limits of a portal as every client of this machine shares them."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

from b24data.files.disk import warn_once
from b24data.http.bucket import LeakyBucket
from b24data.http.ledger import NEARLY_ALL, OperatingLedger
from b24data.http.protocol import Times
from b24data.http.redirect import is_loopback
from b24data.http.shared_state import StateFile, UnusableError, state_folder
from b24data.params import RestrictionParams

# Without shared state the number of programs is unknown; with this many of them the portal is not overrun.
_UNKNOWN_PROGRAMS = 4


class SharedState(Protocol):
    """Keeps buckets and ledgers by name."""

    def state(self, fresh: Mapping[str, Callable[[], Any]]) -> AbstractContextManager[dict[str, Any]]:
        """The parts of these names, made by ``fresh`` where there are none.

        No other program has them until the block ends, which must not wait for anything; changes to them are saved.
        """


class LocalState:
    """Parts that the threads of this process share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: dict[str, Any] = {}

    @contextlib.contextmanager
    def state(self, fresh: Mapping[str, Callable[[], Any]]) -> Iterator[dict[str, Any]]:
        """As :class:`SharedState` has it."""
        with self._lock:
            yield {name: self._parts.setdefault(name, make()) for name, make in fresh.items()}

    def forked(self) -> None:
        """The thread that held the lock is not in the child."""
        self._lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Reservation:
    """The answer to "may this request go": yes with ``seconds == 0`` (then hand it back), else ask again later."""

    seconds: float
    reason: str = ""
    ticket: int = 0
    tickets: tuple[tuple[str, int], ...] = ()
    slowed_down: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """What an answer says about the limits.

    ``times`` are those of its good answers, each with its method; ``used_up`` are the methods whose execution time
    the portal says is used up (429), and ``crowded`` says that it refused the request for its intensity (503).
    """

    times: Sequence[tuple[str, Times | None]] = ()
    used_up: Sequence[str] = ()
    crowded: bool = False


class Settled(NamedTuple):
    """How many of the methods that were answered are heavily used, and the seconds until one that used up its
    execution time may go again."""

    heavy: int
    blocked_s: float


@dataclass(slots=True)
class State:
    """The bucket of a portal, and ledgers by method."""

    bucket: LeakyBucket
    ledgers: dict[str, OperatingLedger]


class Limits:
    """The limits as one client with its parameters sees them.

    The bucket belongs to the portal and the source address, a ledger to the portal, the application (or webhook) and
    the method. ``shared`` limits are those of all programs of the user on this machine.
    """

    _local: ClassVar[LocalState] = LocalState()
    _files: ClassVar[dict[str, StateFile]] = {}

    def __init__(self, portal: str, application: str, params: RestrictionParams, *, shared: bool = False) -> None:
        self.params = params
        self._ledgers = f"ledger {portal} {application} "
        # The port of a portal on this machine may be that of another one a minute ago.
        own = application if is_loopback(portal.partition(":")[0]) else ""
        self._bucket = f"bucket {portal} {own}"
        self._share = 1.0
        self._shared: SharedState = self._found() if shared else self._local

    def reserve(
        self,
        methods: Counter[str],
        now: float,
        *,
        gentle: bool = False,
        slow_down: bool = False,
        remaining: int | None = None,
    ) -> Reservation:
        """Whether a request with these commands (counted by method) may go now. Nothing is taken by a no.

        To ``slow_down`` is a no where a method is near its limit and the ``remaining`` commands of a walk don't fit
        into what is left.
        """
        share = 0.5 if gentle else NEARLY_ALL
        with self._state(methods) as state:
            if slow_down and (seconds := self._pause(state, methods, now, remaining)) > 0:
                return Reservation(seconds, "operating limit", slowed_down=True)
            waits = [ledger.wait(now, methods[method], share=share) for method, ledger in state.ledgers.items()]
            if (seconds := max(waits, default=0.0)) > 0:
                return Reservation(seconds, "operating limit")
            if (seconds := state.bucket.reserve(now, gentle=gentle)) > 0:
                return Reservation(seconds, "rate limit")
            tickets = [(method, ledger.begin(now, methods[method])) for method, ledger in state.ledgers.items()]
            return Reservation(0.0, "", state.bucket.ticket, tuple(tickets))

    def settle(self, reservation: Reservation, seen: Observation, now: float) -> Settled:
        """The request of ``reservation`` is over: learn from its answer, and give back what was reserved, as one.

        Between the two, another thread would take what is left a second time.
        """
        tickets, times = reservation.tickets, [(method, times) for method, times in seen.times if times is not None]
        with self._state({method for method, _ in (*tickets, *times)}.union(seen.used_up)) as state:
            for method, time in times:
                state.ledgers[method].observe(time, now)
            pressures = [state.ledgers[method].pressure(now) for method in {method for method, _ in times}]
            for method, ticket in tickets:
                state.ledgers[method].end(ticket)
            state.bucket.landed(reservation.ticket, now)
            for method in seen.used_up:
                state.ledgers[method].refused(now)
            blocked = max((state.ledgers[method].wait(now, 1) for method in seen.used_up), default=0.0)
            if seen.crowded:
                state.bucket.refused(now)
        heavy = sum(pressure * 100 > self.params.operating_limit.heavy_percent for pressure in pressures)
        return Settled(heavy, blocked)

    def free(self, now: float) -> float:
        """How many requests may go at once now."""
        with self._state() as state:
            return state.bucket.free(now)

    def used(self, methods: Iterable[str], now: float) -> dict[str, float]:
        """Seconds of execution time in the window, by method."""
        with self._state(methods) as state:
            return {method: ledger.used(now) for method, ledger in state.ledgers.items()}

    def _pause(self, state: State, methods: Counter[str], now: float, remaining: int | None) -> float:
        config = self.params.adaptive_config
        pauses = [0.0]
        for method, ledger in state.ledgers.items() if config.enabled else ():
            fits = remaining is not None and ledger.fits(now, max(methods[method], remaining))
            if not fits and ledger.pressure(now) * 100 >= config.threshold_percent:
                pauses.append(min(config.max_delay_s, ledger.resets_in(now) * config.coefficient))
        return max(pauses)

    @contextlib.contextmanager
    def _state(self, methods: Iterable[str] = ()) -> Iterator[State]:
        """What is known of this portal and these methods, as :meth:`SharedState.state` gives it.

        Where the file can't be used, this process goes on alone. If that shows only when the block has ended, what
        was decided in it stands: one request of a thread is not counted then.
        """
        names = {method: self._ledgers + method.lower() for method in methods}
        fresh: dict[str, Callable[[], Any]] = {self._bucket: lambda: LeakyBucket(share=self._share, pace=self._share)}
        fresh |= dict.fromkeys(names.values(), OperatingLedger)
        given = False
        try:
            with self._shared.state(fresh) as parts:
                given = True
                yield self._configured(parts, names)
        except UnusableError as error:
            self._shared = self._alone(error)
            if not given:
                with self._shared.state(fresh) as parts:
                    yield self._configured(parts, names)

    def _configured(self, parts: Mapping[str, Any], names: Mapping[str, str]) -> State:
        """The parts under the limits of this client."""
        state = State(parts[self._bucket], {method: parts[name] for method, name in names.items()})
        state.bucket.config = self.params.rate_limit
        for ledger in state.ledgers.values():
            ledger.limit_s = self.params.operating_limit.limit_s
            ledger.window_s = self.params.operating_limit.window_s
        return state

    def _found(self) -> SharedState:
        try:
            folder = str(state_folder())
            if folder not in self._files:
                self._files[folder] = StateFile(folder)
            return self._files[folder]
        except UnusableError as error:
            return self._alone(error)

    def _alone(self, error: UnusableError) -> SharedState:
        self._share = 1 / _UNKNOWN_PROGRAMS
        warn_once(f"limits are not shared with other programs, so this one is slow for the first two minutes: {error}")
        return self._local


def _after_fork() -> None:
    Limits._local.forked()
    for file in Limits._files.values():
        file.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
