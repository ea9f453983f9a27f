"""REST 3.0 as a whole: which method answers, what describes them, and writes that are repeated by key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from b24data.sandbox.answers import Answer
from b24data.sandbox.columns import Writer
from b24data.sandbox.documented import documented, row_id
from b24data.sandbox.pages import Renderer
from b24data.sandbox.quirks import HONEST, Quirks
from b24data.sandbox.rowsets import Rowsets
from b24data.sandbox.table import World
from b24data.sandbox.v3.lists import Lists3
from b24data.sandbox.v3.openapi import document
from b24data.sandbox.v3.request import Fields, V3Error
from b24data.sandbox.v3.tasks import FIELDS, Tasks3

_WRITES = ("tasks.task.add", "tasks.task.update", "tasks.task.delete")
_DAY = 86400.0


class Methods3:
    """Every method of REST 3.0 by lower-case name."""

    def __init__(
        self,
        world: World,
        renderer: Renderer,
        rowsets: Rowsets,
        *,
        escape: bool,
        now: Callable[[], float],
        quirks: Quirks = HONEST,
    ) -> None:
        self.tasks = Tasks3(world, renderer, escape=escape, now=now, quirks=quirks)
        self.lists = Lists3(rowsets, escape=escape, quirks=quirks)
        self._writer = Writer(numbers=True, escape=escape)
        self._own: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            **self.tasks.methods,
            "tasks.task.field.list": partial(self._described, FIELDS),
            "rest.scope.list": lambda _query: Answer.of({"items": self._scopes()}, self._writer),
            "rest.documentation.openapi": self._openapi,
            "documentation": self._openapi,
        }
        self._listed = frozenset(self.lists.names())
        self._own["tasks.task.aggregate"] = self.tasks.figures
        for name in self._listed:
            if self.lists.in_items(name) and self.lists.has_conditions(name):
                self._own[f"{name.removesuffix('.list')}.aggregate"] = partial(self.lists.figures, name)
        for name in self._listed:  # the documented answers show a part of the fields
            described = f"{name.removesuffix('.list')}.field.list"
            if name.endswith(".list") and described in self._listed:
                self._own[described] = partial(self._described, self.lists.fields(name))

    def call(self, method: str, query: Mapping[str, Any]) -> Answer:
        """The answer of a method; raises the portal's error."""
        name = method.lower()
        if name in self._own:
            return self._own[name](query)
        if name in self._listed:
            return self.lists.call(name, query)
        raise V3Error("METHODNOTFOUNDEXCEPTION", f"Method `{method}` not found", status=404)

    def truth(self, method: str, query: Mapping[str, Any]) -> list[Any]:
        """The ids that a list call means, all pages of it, in its order."""
        name = method.lower()
        if name == "tasks.task.list":
            selection = self.tasks.selection(query, HONEST)
            ids: list[Any] = self.tasks.table.ids[selection.chosen].tolist()
            return ids
        if name not in self._listed:
            raise ValueError(f"{method} is not a list of REST 3.0")
        return [row_id(row, documented("v3")[name]) for row in self.lists.rows(name, query, HONEST)]

    def rows(self, method: str, query: Mapping[str, Any], ids: Sequence[Any] | None) -> list[Mapping[str, Any]]:
        """The rows that a list call means, all pages of it; with ``ids``, these only."""
        name = method.lower()
        found = self.truth(method, query)
        rows: Sequence[Mapping[str, Any]] = (
            self.tasks.rows(query) if name == "tasks.task.list" else self.lists.shown(name, query)
        )
        return [row for row, number in zip(rows, found, strict=True) if ids is None or number in ids]

    def names(self) -> list[str]:
        """The methods there are."""
        return sorted({*self._own, *self._listed, "batch"})

    def _described(self, fields: Fields, query: Mapping[str, Any]) -> Answer:
        rows = [
            {
                "name": name,
                "type": kind,
                "title": name,
                "description": None,
                "filterable": name in fields.filterable,
                "sortable": name in fields.sortable,
                "multiple": kind == "array",
            }
            for name, kind in fields.types.items()
        ]
        wanted = query.get("select") or list(rows[0])
        chosen = [{key: row[key] for key in wanted if key in row} for row in rows]
        return Answer.of({"items": chosen}, self._writer, rows=len(rows), pages=1)

    def _scopes(self) -> list[dict[str, str]]:
        modules = {
            "tasks": "tasks",
            "main": "main",
            "mail": "mail",
            "note": "note",
            "timeman": "timeman",
            "call": "call",
        }
        heads = [(name, name.split(".")[0]) for name in self.names() if "." in name]
        return [{"method": name, "scope": modules.get(head, head)} for name, head in heads]

    def _openapi(self, _query: Mapping[str, Any]) -> Answer:
        names = self.names()
        lists = {name: self.lists.described(name) for name in names if self.lists.in_items(name)}
        lists["tasks.task.list"] = self.tasks.described()
        return Answer.of(document(names, lists), self._writer, bare=True)


@dataclass(frozen=True, slots=True)
class _Kept:
    body: bytes
    answer: Answer
    until: float


class Replays:
    """Answers of writes, kept for a day under the ``Idempotency-Key`` they came with (rest-v3.md)."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._kept: dict[tuple[str, ...], _Kept] = {}

    def known(self, owner: tuple[str, ...], method: str, key: str, query: Mapping[str, Any]) -> Answer | None:
        """The answer that an earlier call with this key got; raises where the key was used for something else."""
        if not 1 <= len(key) <= 255 or not all(" " <= sign <= "~" for sign in key):
            raise V3Error("INVALIDIDEMPOTENCYKEYEXCEPTION", "The key has 1 to 255 printable ASCII characters")
        kept = self._kept.get((*owner, method, key))
        if kept is None or kept.until <= self._now():
            return None
        if kept.body != _digest(query):
            raise V3Error("IDEMPOTENCYKEYREUSEDEXCEPTION", "The key was used with another request body", status=422)
        return kept.answer

    def keep(self, owner: tuple[str, ...], method: str, key: str, query: Mapping[str, Any], answer: Answer) -> None:
        """Keep the answer of a write that succeeded."""
        self._kept[(*owner, method, key)] = _Kept(_digest(query), answer, self._now() + _DAY)

    @staticmethod
    def is_write(method: str) -> bool:
        """Whether keys are taken into account in the method."""
        return method in _WRITES


def _digest(query: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(msgspec.json.encode(query, order="deterministic")).digest()
