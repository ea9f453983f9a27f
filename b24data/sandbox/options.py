"""What a sandbox can be told, as values that travel to its own process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MANNERS = ("strict", "lenient")  # how filters are read


@dataclass(frozen=True, slots=True)
class CostModel:
    """Seconds of server time per call.

    50 rows without a count take ``page_s``, more or fewer their share, ``floor_s`` at least; counting makes a page
    ``counted_factor`` times as dear; anything but a list takes ``other_s``. ``methods`` has a ``page_s`` of their own.

    >>> CostModel().of("crm.deal.list", rows=50, pages=1, counted=False)
    0.02
    >>> CostModel(methods={"crm.lead.list": 0.068}).of("crm.lead.list", rows=50, pages=1, counted=False)
    0.068
    """

    page_s: float = 0.020
    floor_s: float = 0.002
    counted_factor: float = 7.0
    other_s: float = 0.004
    methods: Mapping[str, float] = field(default_factory=dict)

    def of(self, method: str, *, rows: int, pages: int, counted: bool) -> float:
        """Seconds that a call of ``method`` takes."""
        if not pages:
            return self.methods.get(method, self.other_s)
        full = self.methods.get(method, self.page_s)
        floor = min(self.floor_s, full)
        seconds = max(floor, full * rows / 50)
        return seconds * self.counted_factor if counted else seconds


def cost_model(given: float | Mapping[str, float] | CostModel) -> CostModel:
    """A cost model from its short forms: seconds of a full page, for all methods or by method."""
    if isinstance(given, CostModel):
        return given
    if isinstance(given, Mapping):
        return CostModel(methods={method.lower(): seconds for method, seconds in given.items()})
    usual = CostModel()
    return CostModel(page_s=given, floor_s=min(usual.floor_s, given), other_s=min(usual.other_s, given))


@dataclass(frozen=True, slots=True)
class Options:
    """Everything a portal is made from; :class:`~b24data.sandbox.SandboxPortal` fills it."""

    counts: dict[str, int]
    seed: int
    gap: float
    id_offset: int
    clusters: Sequence[int]
    ids: dict[str, list[int]]
    token_ttl_s: float
    token_ttl_requests: int | None
    rate_limit: tuple[int, float] | None
    operating_limit_s: float | None
    cost: CostModel
    workers: int
    latency_s: float
    request_timeout_s: float
    time_scale: float
    faults: list[dict[str, Any]]
    host: str
    port: int
    tls: tuple[str, str] | None
    gzip: bool
    escape: bool
    unresolved: str
    zero_total: bool
    redirect_uri: str
    token_methods: list[str]
    lists: dict[str, int]
    ignores: list[str]
    lies: list[str]
    filters: str = "strict"
