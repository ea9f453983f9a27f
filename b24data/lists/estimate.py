"""What a fetch will take, from a look at a few places of the list: rows, requests, seconds, share of the budget."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from b24data.http.encode import MAX_COMMANDS, Command
from b24data.lists.capability import opening_commands
from b24data.lists.plan import ListPlan
from b24data.lists.reader import PageReader
from b24data.lists.rows import id_reader
from b24data.params import OperatingLimitConfig, RateLimitConfig
from b24data.text.markup import facts_html

_PLACES = 20
# A range of at least this many estimated rows that differs from its neighbour is sampled again, at most this often.
_WORTH_A_LOOK = 5_000
_MOST_LOOKS = 6
# A portal works on some requests at a time; how many is seen only while walking. Most work on at least this many.
_SIDE_BY_SIDE = 4


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate of the rows of a list, and of what it takes to fetch them.

    ``seconds`` are for a portal that handles four requests at a time. ``operating_share`` is the share of the method's
    execution time for ten minutes that the fetch needs; above 1, the fetch has to pause. ``exact``: the portal itself
    counted the rows, or all of them came. ``at_least``: the portal does not count this list, and there may be more rows
    than came, so all figures are lower bounds.
    """

    method: str
    rows: int
    requests: int
    seconds: float
    operating_share: float
    exact: bool = False
    at_least: bool = False

    def __str__(self) -> str:
        """A sentence.

        >>> print(Estimate("crm.deal.list", rows=98_000, requests=43, seconds=95, operating_share=0.14))
        crm.deal.list: about 98,000 rows, 43 requests, about 1 min 35 s
        >>> print(Estimate("crm.deal.list", rows=900_000, requests=380, seconds=1900, operating_share=1.3, exact=True))
        crm.deal.list: 900,000 rows, 380 requests, about 32 min; the fetch pauses for the execution time limit
        """
        pauses = f"; the fetch {self._pauses}" if self.operating_share > 1 else ""
        time = _time(self.seconds)
        if self.at_least:
            return f"{self.method}: at least {self.rows:,} rows; the portal does not count this list"
        if self.exact:
            return f"{self.method}: {self.rows:,} rows, {self.requests:,} requests, {time}{pauses}"
        return f"{self.method}: about {self.rows:,} rows, {self.requests:,} requests, {time}{pauses}"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        limit = f"{self.operating_share:.0%} of what the portal allows in ten minutes"
        if self.operating_share > 1:
            limit = f"{limit}: the fetch {self._pauses}"
        facts = [("rows", self._rows)]
        if self.at_least:
            return facts_html(f"{self.method}: estimate, nothing fetched", facts)
        facts += [("requests", f"{self.requests:,}"), ("time needed", _time(self.seconds))]
        return facts_html(f"{self.method}: estimate, nothing fetched", [*facts, ("execution time", limit)])

    @property
    def _rows(self) -> str:
        if self.at_least:
            return f"at least {self.rows:,}"
        return f"{self.rows:,}" if self.exact else f"about {self.rows:,}"

    @property
    def _pauses(self) -> str:
        return "pauses for the execution time limit"


def estimate_list(reader: PageReader, rate: RateLimitConfig, operating: OperatingLimitConfig) -> Estimate:
    """The estimate for one list: two or three requests, a few more where the ids are in clusters."""
    plan = reader.plan
    if plan.empty:
        return Estimate(method=plan.method, rows=0, requests=0, seconds=0.0, operating_share=0.0, exact=True)
    if plan.walk == "keyset":
        rows, page_s, exact = _sampled(reader)
        at_least = False
    else:
        answer = reader.page(plan.first_page())
        rows = max(answer.response.total or 0, len(answer.rows))
        page_s = answer.portal_s
        is_last = plan.walk == "whole" or len(answer.rows) < plan.spec.page_asked
        exact = is_last or bool(answer.response.total)
        at_least = not exact
    if plan.limit is not None and rows >= plan.limit:
        rows, at_least = plan.limit, False
    commands, requests = _needed(plan, rows)
    work_s = commands * page_s
    return Estimate(
        method=plan.method,
        rows=rows,
        requests=requests,
        seconds=_duration(requests, work_s, rate, operating),
        operating_share=work_s / operating.limit_s,
        exact=exact,
        at_least=at_least,
    )


def _needed(plan: ListPlan, rows: int) -> tuple[int, int]:
    """The commands and requests of the walk over this many rows."""
    spec = plan.spec
    if plan.walk == "whole":
        return 1, 1
    if plan.walk == "keyset":
        commands = math.ceil(rows / spec.page)
        return commands, 2 + math.ceil(commands / MAX_COMMANDS * 1.05)
    commands = max(1, math.ceil(rows / spec.page_asked))
    if plan.walk == "offset" and not spec.number and not spec.size:
        return commands, 1 + math.ceil((commands - 1) / MAX_COMMANDS)
    return commands + 1, commands + 1  # one by one, and one that brings nothing more


def _time(seconds: float) -> str:
    if seconds < 1:
        return "under a second"
    if seconds >= 600:
        return f"about {seconds / 60:,.0f} min"
    minutes, rest = divmod(round(seconds), 60)
    return f"about {minutes} min {rest} s" if minutes else f"about {rest} s"


@dataclass(frozen=True, slots=True)
class _Sample:
    """The first page of the positions ``(lo, hi]``."""

    lo: int
    hi: int
    positions: list[int]
    full: bool

    @property
    def density(self) -> float:
        """Rows per position, as the page shows it."""
        if not self.full:
            return len(self.positions) / (self.hi - self.lo)
        return (len(self.positions) - 1) / max(1, self.positions[-1] - self.positions[0])

    @property
    def rows(self) -> float:
        """The rows of the whole stretch, if all of it is like its first page."""
        if not self.full:
            return len(self.positions)
        return len(self.positions) + (self.hi - self.positions[-1]) * self.density


def _sampled(reader: PageReader) -> tuple[int, float, bool]:
    """Rows, seconds of a full page, and whether every row was seen."""
    plan = reader.plan
    read = id_reader(plan.spec)
    ends = opening_commands(plan)[:2]
    first, last = map(reader.retry_alone, reader.pages(ends).each, ends)
    page_s = first.portal_s
    if len(first.rows) < plan.spec.page:
        return len(first.rows), page_s, True
    low, high = (plan.position(read(row)) for row in (first.rows[0], last.rows[0]))
    samples = _look(reader, _cut(low - 1, high, _PLACES))
    for _ in range(_MOST_LOOKS):
        doubtful = [one for one, follower in zip(samples, [*samples[1:], None], strict=True) if _differs(one, follower)]
        if not doubtful:
            break
        pieces = [cut for one in doubtful for cut in _cut(one.lo, one.hi, max(2, MAX_COMMANDS // len(doubtful)))]
        kept = [one for one in samples if one not in doubtful]
        samples = sorted([*kept, *_look(reader, pieces)], key=lambda one: one.lo)
    return round(sum(one.rows for one in samples)), page_s, False


def _look(reader: PageReader, ranges: Sequence[tuple[int, int]]) -> list[_Sample]:
    """The first page of each range."""
    plan = reader.plan
    read = id_reader(plan.spec)
    commands = [Command(f"s{k}", plan.method, plan.keyset_page(lo, hi)) for k, (lo, hi) in enumerate(ranges)]
    samples = []
    for part in (commands[k : k + MAX_COMMANDS] for k in range(0, len(commands), MAX_COMMANDS)):
        for command, answer in zip(part, reader.pages(part).each, strict=True):
            lo, hi = ranges[int(command.key[1:])]
            rows = reader.retry_alone(answer, command).rows
            samples.append(_Sample(lo, hi, [plan.position(read(row)) for row in rows], len(rows) >= plan.spec.page))
    return samples


def _cut(lo: int, hi: int, pieces: int) -> list[tuple[int, int]]:
    pieces = max(1, min(pieces, hi - lo))
    return list(itertools.pairwise(lo + (hi - lo) * k // pieces for k in range(pieces + 1)))


def _differs(one: _Sample, follower: _Sample | None) -> bool:
    """Whether what follows a stretch is so unlike its beginning that its middle can't be guessed."""
    if not one.full or one.rows < _WORTH_A_LOOK:
        return False
    return follower is not None and not 0.25 < follower.density / one.density < 4


def _duration(requests: int, work_s: float, rate: RateLimitConfig, operating: OperatingLimitConfig) -> float:
    """The strictest of the three bounds: the request rate, the portal's work, the execution time."""
    by_rate = max(0.0, requests - rate.burst_limit) / rate.drain_rate
    by_work = work_s / _SIDE_BY_SIDE
    by_budget = max(0.0, work_s - operating.limit_s) * operating.window_s / operating.limit_s
    return max(by_rate, by_work, by_budget)
