"""What the sandbox saw: counters for tests and benchmarks."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Truth:
    """What a list call means: the number of records and their ids, in the order of the answer."""

    count: int
    ids: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """A snapshot of the sandbox's counters.

    ``requests`` are those to the REST API (a batch is one), ``commands`` what was called, by method (lower case),
    ``work_s`` modelled server time, ``cpu_s`` the sandbox's own processor time, ``log`` the last requests as
    (portal time, method, status). ``deaths`` counts access tokens that were refused because they had expired.
    """

    requests: int
    oauth_requests: int
    commands: dict[str, int]
    pages: int
    counted_pages: int
    rows: int
    rate_limit_hits: int
    operating_limit_hits: int
    refreshes: int
    deaths: int
    reused_refresh_tokens: int
    peak_concurrency: int
    work_s: float
    cpu_s: float
    bytes_sent: int
    timeouts: int
    redirects: int
    faults: dict[str, int]
    mutations: list[tuple[float, str, str, list[int]]]
    log: list[tuple[float, str, int]]


@dataclass(slots=True)
class Counters:
    """The counters while they run."""

    requests: int = 0
    oauth_requests: int = 0
    commands: Counter[str] = field(default_factory=Counter)
    pages: int = 0
    counted_pages: int = 0
    rows: int = 0
    rate_limit_hits: int = 0
    operating_limit_hits: int = 0
    refreshes: int = 0
    deaths: int = 0
    reused_refresh_tokens: int = 0
    in_flight: int = 0
    peak_concurrency: int = 0
    work_s: float = 0.0
    bytes_sent: int = 0
    timeouts: int = 0
    redirects: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    mutations: list[tuple[float, str, str, list[int]]] = field(default_factory=list)
    log: deque[tuple[float, str, int]] = field(default_factory=lambda: deque(maxlen=2000))

    def snapshot(self, cpu_s: float) -> dict[str, Any]:
        """The counters as JSON-safe values, the fields of :class:`Stats`."""
        names = [name for name in Stats.__dataclass_fields__ if name not in ("cpu_s", "commands", "faults", "log")]
        facts = {name: getattr(self, name) for name in names}
        return {
            **facts,
            "mutations": list(self.mutations),
            "commands": dict(self.commands),
            "faults": dict(self.faults),
            "log": list(self.log),
            "cpu_s": cpu_s,
        }
