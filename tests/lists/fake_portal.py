"""A portal without sockets, for walks: rows are ids, answers are what `Session.call` gives. Its faults are options."""

from __future__ import annotations

import bisect
import json
import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec

from b24data.http.clock import SYSTEM_CLOCK
from b24data.http.payload import opened
from b24data.http.protocol import BatchParts, Response, Times


@dataclass
class FakePortal:
    """Holds ids; ``ignores`` names what it does not honour: ``>``, ``<=``, ``>=``, ``order``, ``$result``."""

    ids: Iterable[int]
    ignores: frozenset[str] = frozenset()
    page: int = 50
    fails: Callable[[int], bool] = lambda number: False
    before: Callable[[FakePortal, int], None] = lambda portal, number: None
    total_lie: int = 0
    portal: str = "fake.bitrix24.test"
    member_id: str = "m"
    requests: int = 0
    commands: int = 0
    pages: int = 0
    interrupted: bool = False
    id_key: str = "ID"

    clock = SYSTEM_CLOCK
    logger = logging.getLogger("b24data")

    def __post_init__(self) -> None:
        self._ids = sorted(self.ids)
        self._lock = threading.RLock()

    def insert(self, row_id: int) -> None:
        if row_id not in self:
            bisect.insort(self._ids, row_id)

    def delete(self, row_id: int) -> None:
        self._ids.remove(row_id)

    def __contains__(self, row_id: int) -> bool:
        at = bisect.bisect_left(self._ids, row_id)
        return at < len(self._ids) and self._ids[at] == row_id

    def call(self, method: str, params: Mapping[str, Any], **_: Any) -> Response:
        self.requests += 1
        if method == "batch":
            return self._batch(params["cmd"])
        return self._answer(self._page(params), params)

    def interrupt(self) -> None:
        self.interrupted = True

    def _batch(self, cmd: Mapping[str, str]) -> Response:
        results: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        totals: dict[str, Any] = {}
        times: dict[str, Any] = {}
        for key, text in cmd.items():
            self.commands += 1
            if self.fails(self.commands):
                errors[key] = {"error": "INTERNAL_SERVER_ERROR", "error_description": "chance"}
                continue
            params = self._parse(text, results)
            results[key] = self._page(params)
            times[key] = {"duration": 0.02}
            if params.get("start", 0) >= 0:
                totals[key] = len(self._ids) + self.total_lie
        body = {"result": results or [], "result_error": errors or [], "result_total": totals or []}
        body["result_time"] = times or []
        return Response(msgspec.json.decode(json.dumps(body), type=BatchParts), time=Times(duration=0.02 * len(cmd)))

    def _answer(self, rows: list[dict[str, Any]], params: Mapping[str, Any]) -> Response:
        counted = params.get("start", 0) >= 0
        total = len(self._ids) + self.total_lie if counted else None
        behind = params.get("start", 0) + self.page
        further = behind if counted and behind < len(self._ids) else None
        return Response(opened(json.dumps(rows).encode()), total, further, Times(duration=0.02))

    def _parse(self, text: str, results: Mapping[str, Any]) -> dict[str, Any]:
        params: dict[str, Any] = {"filter": {}, "order": {}}
        for pair in text.partition("?")[2].split("&"):
            name, _, value = pair.partition("=")
            path = re.findall(r"[^\[\]]+", unquote(name))
            value = self._resolve(unquote(value), results)
            if path[0] in ("filter", "order"):
                params[path[0]][path[1]] = value
            elif path[0] == "start":
                params["start"] = int(value)
        return params

    def _resolve(self, value: str, results: Mapping[str, Any]) -> str:
        if not value.startswith("$result") or "$result" in self.ignores:
            return "" if value.startswith("$result") else value
        found: Any = results
        for part in re.findall(r"\[([^\]]+)\]", value):
            try:
                found = found[int(part)] if isinstance(found, list) else found[part]
            except (KeyError, IndexError):
                return ""
        return str(found)

    def _page(self, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self._lock:  # a portal's database answers one query from one state, whoever asks meanwhile
            return self._selected(params)

    def _selected(self, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        self.pages += 1
        self.before(self, self.pages)
        low, high = self._bounds(params.get("filter", {}))
        start = max(0, params.get("start", 0))
        backwards = "DESC" in params.get("order", {}).values() or "order" in self.ignores
        if backwards:
            found = self._ids[max(low, high - start - self.page) : max(low, high - start)][::-1]
        else:
            found = self._ids[min(high, low + start) : min(high, low + start + self.page)]
        return [{self.id_key: str(row_id)} for row_id in found]

    def _bounds(self, conditions: Mapping[str, Any]) -> tuple[int, int]:
        low, high = 0, len(self._ids)
        for key, value in conditions.items():
            comparison = key.rstrip("ID")
            if comparison in self.ignores or value == "":
                continue  # what a portal makes of an empty bound is not documented: this one takes it for none
            at = {
                ">": bisect.bisect_right,
                ">=": bisect.bisect_left,
                "<": bisect.bisect_left,
                "<=": bisect.bisect_right,
            }
            found = at[comparison](self._ids, int(value))
            low, high = (max(low, found), high) if comparison[0] == ">" else (low, min(high, found))
        return low, max(low, high)


def numbers(rows: Iterable[Any]) -> list[int]:
    return [int(msgspec.json.decode(row)["ID"]) for row in rows]
