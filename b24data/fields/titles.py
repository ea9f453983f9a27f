"""Titles of the records that rows are bound to: asked for by their ids, each once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from b24data.errors import AjaxError, MethodNotFoundError, OperatingLimitError, RateLimitedError, ServerError
from b24data.http.context import CallContext
from b24data.http.encode import MAX_COMMANDS, Command, encode_batch
from b24data.http.protocol import NOT_EXECUTED, Response, read_batch
from b24data.http.session import Session
from b24data.lists.methods import spec_of
from b24data.lists.rows import parse_rows, rows_of

_PAGE = 50  # a page of crm.item.list
_TRANSIENT = (RateLimitedError, OperatingLimitError, ServerError)


@dataclass(frozen=True, slots=True)
class Ref:
    """One record: what kind it is of, which list of that kind it is in, and its id there.

    For ``crm`` ``which`` is the ``entityTypeId``, for ``task_stage`` the group, for ``element`` the list, behind its
    type: ``lists/15``.
    """

    kind: str
    which: str
    id: str


@dataclass(frozen=True, slots=True)
class _Block:
    """The records of one kind that one command asks for."""

    kind: str
    which: str
    ids: list[str]


@dataclass(frozen=True, slots=True)
class _Source:
    """How the titles of one kind of records are asked for.

    ``block`` is how many ids one command takes, 0 where a command gives all records of ``which``. ``one``: the answer
    is a single record and not a list.
    """

    method: str
    params: Callable[[str, list[str]], dict[str, Any]]
    id: str
    title: tuple[str, ...]
    block: int = _PAGE
    one: bool = False

    def command(self, key: str, block: _Block) -> Command:
        """The command for a block of records."""
        return Command(key, self.method, self.params(block.which, block.ids))


def _items(which: str, ids: list[str]) -> dict[str, Any]:
    names = ["name", "lastName"] if which == "3" else ["title"]
    asked = {"entityTypeId": int(which), "filter": {"@id": [int(one) for one in ids]}, "select": ["id", *names]}
    return {**asked, "start": -1}  # without a count of all


def _element(which: str, ids: list[str]) -> dict[str, Any]:
    """One element by its id: the method's page has no filter by several."""
    type_id, _, list_id = which.partition("/")
    asked = {"IBLOCK_TYPE_ID": type_id, "IBLOCK_ID": int(list_id), "ELEMENT_ID": int(ids[0])}
    return {**asked, "SELECT": ["ID", "NAME"]}


# b24restdocs: crm/universal/crm-item-list.md, tasks/stages/task-stages-get.md, tasks/flow/tasks-flow-flow-get.md,
# sonet-group/scrum/sprint/tasks-api-scrum-sprint-get.md, lists/elements/lists-element-get.md.
_SOURCES: Mapping[str, _Source] = {
    "crm": _Source("crm.item.list", _items, "id", ("title", "name", "lastName")),
    "element": _Source("lists.element.get", _element, "ID", ("NAME",), block=1),
    "task_stage": _Source("task.stages.get", lambda group, _: {"entityId": int(group)}, "ID", ("TITLE",), block=0),
    "task_flow": _Source(
        "tasks.flow.Flow.get", lambda _, ids: {"flowId": int(ids[0])}, "id", ("name",), block=1, one=True
    ),
    "task_sprint": _Source(
        "tasks.api.scrum.sprint.get", lambda _, ids: {"id": int(ids[0])}, "id", ("name",), block=1, one=True
    ),
}


@dataclass(slots=True)
class RecordTitles:
    """The titles that one fetch has asked for.

    A record that was asked for and is not in ``found`` is gone, or the user may not see it. ``notes`` has a sentence
    for each kind of records that the portal refuses altogether; no more of these are asked for.
    """

    session: Session
    context: CallContext
    found: dict[Ref, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _asked: set[Ref] = field(default_factory=set)
    _refused: set[tuple[str, str]] = field(default_factory=set)
    _pending: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)

    def want(self, refs: Iterable[Ref]) -> set[Ref]:
        """Note the records that are not known yet, and return them."""
        missing = {ref for ref in refs if not self.knows([ref])}
        for ref in sorted(missing, key=lambda one: (one.kind, one.which, int(one.id))):
            self._pending.setdefault((ref.kind, ref.which), {})[ref.id] = None
        return missing

    def knows(self, refs: Iterable[Ref]) -> bool:
        """Whether none of these has anything left to request."""
        return all(ref in self._asked or self.is_refused(ref) for ref in refs)

    def is_refused(self, ref: Ref) -> bool:
        """Whether the portal refuses all records of this kind."""
        return not self._refused.isdisjoint({(ref.kind, ref.which), (ref.kind, "")})

    def ask(self, *, everything: bool) -> None:
        """Ask for the wanted records; without ``everything`` only as many as fill requests of full commands."""
        while blocks := self._next(everything=everything):
            self._ask(blocks)

    def _next(self, *, everything: bool) -> list[_Block]:
        """The commands of one request. Their records are no longer wanted."""
        blocks = list(itertools.islice(self._blocks(everything=everything), MAX_COMMANDS))
        if not everything and len(blocks) < MAX_COMMANDS:
            return []
        for one in blocks:
            pending = self._pending[one.kind, one.which]
            for record in one.ids:
                del pending[record]
            if not pending:
                del self._pending[one.kind, one.which]
        return blocks

    def _blocks(self, *, everything: bool) -> Iterator[_Block]:
        for (kind, which), wanted in self._pending.items():
            ids, size = list(wanted), _SOURCES[kind].block or len(wanted)
            for start in range(0, len(ids), size):
                block = _Block(kind, which, ids[start : start + size])
                if everything or len(block.ids) == size:
                    yield block

    def _ask(self, blocks: Sequence[_Block]) -> None:
        commands = [_SOURCES[one.kind].command(f"t{at}", one) for at, one in enumerate(blocks)]
        response = self.session.call("batch", encode_batch(commands), context=self.context, reads=True)
        for block, command, answer in zip(blocks, commands, read_batch(response, commands), strict=True):
            self._asked.update(Ref(block.kind, block.which, one) for one in block.ids)
            try:
                titles = self._read(_SOURCES[block.kind], command, answer)
            except AjaxError as error:
                self._refuse(block, command, error)
                continue
            for one, title in titles:
                self.found[Ref(block.kind, block.which, one)] = title
                self._asked.add(Ref(block.kind, block.which, one))

    def _read(self, source: _Source, command: Command, answer: Response | AjaxError) -> list[tuple[str, str]]:
        if isinstance(answer, _TRANSIENT) or (isinstance(answer, AjaxError) and answer.code == NOT_EXECUTED):
            # Retried on its own, through the loop that waits for limits.
            answer = self.session.call(command.method, command.params, context=self.context, reads=True)
        if isinstance(answer, AjaxError):
            raise answer
        rows = [answer.data()] if source.one else parse_rows(rows_of(answer, spec_of(command.method)))
        texts = [
            (str(row[source.id]), " ".join(str(row[key]).strip() for key in source.title if row.get(key)))
            for row in rows
            if isinstance(row, Mapping) and source.id in row
        ]
        return [(one, text) for one, text in texts if text]

    def _refuse(self, block: _Block, command: Command, error: AjaxError) -> None:
        """Where a command asks for one record or one group, its refusal says nothing of the others."""
        alone = _SOURCES[block.kind].block != _PAGE
        if alone and not isinstance(error, MethodNotFoundError):
            return
        refused = (block.kind, "" if alone else block.which)
        if refused not in self._refused:
            self._refused.add(refused)
            what = " ".join(filter(None, refused)).replace("_", " ")
            self.notes.append(f"no labels for {what} ids: {error.description or error.code} ({command.method})")
