"""A portal without sockets that pages in every dialect: what a page holds, and how the portal lies, are options."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import msgspec

from b24data.http.clock import SYSTEM_CLOCK
from b24data.http.payload import opened
from b24data.http.protocol import BatchParts, Response, Times

MOST_CALLS = 2_000  # a walk that goes on for ever ends here


@dataclass
class PagedPortal:
    """Holds rows in their order and answers a page of them.

    ``total`` is what it counts: a function of the number of rows, None for no count. ``hidden`` rows are counted and
    skipped, which makes pages short; ``clamp`` is the largest start, ``cap`` the most rows of a page;
    ``batch_stops``: inside a batch, pages from there on are empty.
    """

    rows: list[dict[str, Any]]
    dialect: Callable[[PagedPortal, Any], list[dict[str, Any]]]
    wrap: Callable[[list[dict[str, Any]]], Any] = lambda rows: rows
    total: Callable[[int], int | None] = lambda count: count
    page: int = 50
    next_at_end: int | None = None
    hidden: Callable[[dict[str, Any]], bool] = lambda row: False
    clamp: int | None = None
    cap: int | None = None
    batch_stops: int | None = None
    ignores_place: bool = False
    repeats_last: bool = False
    before: Callable[[PagedPortal, int], None] = lambda portal, number: None
    portal: str = "fake.bitrix24.test"
    member_id: str = "m"
    calls: list[tuple[str, Any]] = field(default_factory=list)
    requests: int = 0
    in_batch: bool = False
    extra: dict[str, Any] = field(default_factory=dict)
    _next: int | None = None
    clock = SYSTEM_CLOCK

    def call(self, method: str, params: Any, **_: Any) -> Response:
        self.requests += 1
        if method != "batch":
            return self._answer(method, params)
        self.in_batch = True
        results, totals = {}, {}
        for key, text in params["cmd"].items():
            name, _, query = text.partition("?")
            answer = self._answer(name, parse(query))
            results[key] = answer.data()
            if answer.total is not None:
                totals[key] = answer.total
        self.in_batch = False
        body = {"result": results or [], "result_error": [], "result_total": totals or []}
        return Response(msgspec.json.decode(json.dumps(body), type=BatchParts), time=Times(duration=0.02))

    def interrupt(self) -> None:
        pass

    def slice(self, start: int, size: int) -> list[dict[str, Any]]:
        """The page that begins at row ``start``."""
        size = min(size, self.cap or size)
        start = 0 if self.ignores_place else min(start, start if self.clamp is None else self.clamp)
        if self.repeats_last and start >= len(self.rows) > 0:
            start = (len(self.rows) - 1) // size * size
        if self.in_batch and self.batch_stops is not None and start >= self.batch_stops:
            return []
        self._next = start + size if start + size < len(self.rows) else self.next_at_end
        return [row for row in self.rows[start : start + size] if not self.hidden(row)]

    def _answer(self, method: str, params: Any) -> Response:
        self.calls.append((method, params))
        assert len(self.calls) < MOST_CALLS
        self.before(self, len(self.calls))
        self._next = None
        rows = self.dialect(self, params)
        payload = self.wrap(rows)
        if self.extra:
            payload |= self.extra
        return Response(opened(json.dumps(payload).encode()), self.total(len(self.rows)), self._next)


def parse(query: str) -> dict[str, Any]:
    """PHP query notation, as far as pages need it."""
    params: dict[str, Any] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        *path, last = re.findall(r"[^\[\]]+", unquote(name))
        inner = params
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = unquote(value)
    return params


def by_start(name: str = "start") -> Any:
    return lambda portal, params: portal.slice(int(params.get(name, 0)), portal.page)


def by_limit(offset: str, limit: str, most: int) -> Any:
    def answer(portal: PagedPortal, params: Any) -> list[dict[str, Any]]:
        return portal.slice(int(at(params, offset) or 0), min(int(at(params, limit) or portal.page), most))

    return answer


def by_number(number: str, size: str | None = None) -> Any:
    def answer(portal: PagedPortal, params: Any) -> list[dict[str, Any]]:
        rows = int(at(params, size) or 0) if size else 0
        rows = min(rows or portal.page, portal.page)
        return portal.slice((int(at(params, number) or 1) - 1) * rows, rows)

    return answer


def at(params: Any, path: str) -> Any:
    found = params
    for name in path.split("."):
        if isinstance(found, list):
            found = found[int(name)] if int(name) < len(found) else None
        else:
            found = found.get(name) if isinstance(found, Mapping) else None
    return found
