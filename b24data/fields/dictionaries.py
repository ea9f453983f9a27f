"""The portal's dictionaries: which of them has the labels of a column's codes, and what it says."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from b24data.errors import AccessDeniedError, AjaxError, IncompleteFetchError, MethodNotFoundError
from b24data.fields.fields import Field
from b24data.fields.meanings import meanings_of
from b24data.http.clock import Clock
from b24data.http.context import CallContext
from b24data.http.encode import Command, encode_batch
from b24data.http.protocol import Response, read_batch
from b24data.http.session import Session
from b24data.lists.methods import spec_of
from b24data.lists.names import folded
from b24data.lists.plan import make_plan
from b24data.lists.reader import PageReader
from b24data.lists.rows import Row, parse_rows, rows_of
from b24data.lists.walk import IdRun, WalkFacts
from b24data.lists.walks import read_list

CodeLabels = Mapping[str, str | None]
"""The label of each code. None: the code means nothing, such as user 0."""

# A renamed stage is seen after this long at the latest.
_AGE_S = 600.0
# The most users, departments or groups that a dictionary reads; labels of further ones are missing.
_MOST = 20_000


class Coded(Protocol):
    """A column of codes: its name in the answers, and its field where the portal describes it."""

    @property
    def wire(self) -> str:
        """The name in the answers."""

    @property
    def field(self) -> Field | None:
        """What the portal says of it."""


@dataclass(frozen=True, slots=True)
class Dictionary:
    """One dictionary: its kind and, where there are several, which."""

    kind: str
    which: str = ""


@dataclass(frozen=True, slots=True)
class _Source:
    """The list that a kind of dictionary is read from, the key of its codes, and those of its labels."""

    method: str
    code: str
    words: tuple[str, ...]
    select: tuple[str, ...] | None = None
    zero: bool = True  # whether 0 is a code like any other


_SOURCES: Mapping[str, _Source] = {
    "status": _Source("crm.status.list", "STATUS_ID", ("NAME",)),
    "category": _Source("crm.category.list", "id", ("name",)),
    "currency": _Source("crm.currency.list", "CURRENCY", ("FULL_NAME",)),
    "user": _Source("user.get", "ID", ("NAME", "LAST_NAME"), ("ID", "NAME", "LAST_NAME", "EMAIL"), zero=False),
    "department": _Source("department.get", "ID", ("NAME",), zero=False),
    "crm_enum_ownertype": _Source("crm.enum.ownertype", "ID", ("NAME",), zero=False),
    "smart_process": _Source("crm.type.list", "entityTypeId", ("title",)),
    **{
        f"crm_enum_{name}": _Source(f"crm.enum.{name}", "ID", ("NAME",))
        for name in ("activitytype", "activitystatus", "activitypriority", "activitynotifytype", "activitydirection")
    },
    "crm_enum_contenttype": _Source("crm.enum.contenttype", "ID", ("NAME",)),
    "crm_owner_code": _Source("crm.enum.ownertype", "SYMBOL_CODE_SHORT", ("NAME",)),
    "workgroup": _Source("socialnetwork.api.workgroup.list", "id", ("name",), ("ID", "NAME"), zero=False),
    "workflow_template": _Source("bizproc.workflow.template.list", "ID", ("NAME",), ("ID", "NAME")),
    "order_status": _Source("sale.statusLang.list", "statusId", ("name",), ("statusId", "lid", "name")),
    "person_type": _Source("sale.persontype.list", "id", ("name",), ("id", "name"), zero=False),
    "measure": _Source("catalog.measure.list", "code", ("measureTitle",), ("id", "code", "measureTitle")),
    "store": _Source("catalog.store.list", "id", ("title",), ("id", "title"), zero=False),
}

_KIND_OF_TYPE = {
    **{kind: kind for kind in _SOURCES if kind.startswith("crm_enum_")},
    **dict.fromkeys(("user", "employee", "S:employee"), "user"),
    "department": "department",
    "crm_currency": "currency",
    "crm_dynamic_type": "crm_enum_ownertype",
}

# Dictionaries of columns that are described as plain numbers and texts, or not at all. Source: the page of each list.
_PRODUCT_ROW = {"measurecode": "measure", "storeid": "store"}
_KIND_OF_COLUMN: Mapping[str, Mapping[str, str]] = {
    "tasks.task.list": {
        **dict.fromkeys(("creatorid", "responsibleid", "changedbyid", "closedbyid", "statuschangedbyid"), "user"),
        "groupid": "workgroup",
    },
    "sale.order.list": {
        **dict.fromkeys(("userid", "empcanceledid", "empmarkedid", "empstatusid", "lockedby"), "user"),
        **{"statusid": "order_status", "persontypeid": "person_type", "currency": "currency"},
    },
    "sale.payment.list": {
        **dict.fromkeys(("empmarkedid", "emppaidid", "empresponsibleid", "empreturnid"), "user"),
        **{"persontypeid": "person_type", "currency": "currency"},
    },
    "sale.shipment.list": {
        **dict.fromkeys(("empallowdeliveryid", "empcanceledid", "empdeductedid", "empmarkedid"), "user"),
        **{"empresponsibleid": "user", "statusid": "order_status", "currency": "currency"},
    },
    "sale.basketitem.list": {"currency": "currency"},
    "crm.activity.list": {"resultcurrencyid": "currency"},
    "crm.item.productrow.list": {**_PRODUCT_ROW, "ownertype": "crm_owner_code"},
    "crm.productrow.list": {**_PRODUCT_ROW, "ownertype": "crm_owner_code"},
    **{f"crm.{owner}.productrows.get": _PRODUCT_ROW for owner in ("deal", "lead", "quote")},
    "voximplant.statistic.get": {"portaluserid": "user", "costcurrency": "currency"},
    "task.elapseditem.getlist": {"userid": "user"},
    "task.commentitem.getlist": {"authorid": "user"},
    "crm.timeline.comment.list": {"authorid": "user"},
    "lists.element.get": {"createdby": "user", "modifiedby": "user"},
    "bizproc.workflow.instances": {"startedby": "user", "templateid": "workflow_template"},
    "bizproc.task.list": {
        **{"userid": "user", "workflowstartedby": "user", "workflowtemplateid": "workflow_template"},
    },
}

_PEOPLE = {"user", "department", "workgroup"}

# b24restdocs, crm/data-types.md (types of CRM objects) and crm-status-list.md: whose stages are called what.
_STAGES = {"1": "STATUS", "2": "DEAL_STAGE", "7": "QUOTE_STATUS", "31": "SMART_INVOICE_STAGE"}
# Those in whose history a stage is called STATUS_ID: leads and old invoices (crm-stage-history-list.md).
_STATUSES = {"1": "STATUS", "5": "INVOICE_STATUS"}
_OWNERS = {"crm.lead.list": "1", "crm.deal.list": "2", "crm.deal.recurring.list": "2", "crm.quote.list": "7"}


def dictionary_of(column: Coded, method: str, params: Mapping[str, Any]) -> Dictionary | None:
    """The dictionary of a column's codes in rows of ``method``; None where it has none.

    >>> from types import SimpleNamespace
    >>> stage = Field("STAGE_ID", "STAGE_ID", type="crm_status", status="DEAL_STAGE")
    >>> dictionary_of(SimpleNamespace(wire="STAGE_ID", field=stage), "crm.deal.list", {})
    Dictionary(kind='status', which='DEAL_STAGE')
    """
    owner = _owner(method, params)
    if kind := _KIND_OF_COLUMN.get(method.lower(), {}).get(folded(column.wire)):
        return Dictionary(kind)
    if column.field is None or not column.field.type:
        return _by_name(column.wire.replace("_", "").lower(), owner)
    if column.field.type == "crm_status":
        which = column.field.status
        return Dictionary("status", which) if which else _by_name(column.wire.replace("_", "").lower(), owner)
    if column.field.type == "crm_category":
        return Dictionary("category", owner) if owner else None
    kind = _KIND_OF_TYPE.get(column.field.type)
    return Dictionary(kind) if kind else None


def _by_name(name: str, owner: str) -> Dictionary | None:
    """The dictionary of a column that nothing describes, such as those of ``crm.stagehistory.list``."""
    if name in ("entitytypeid", "ownertypeid"):
        return Dictionary("crm_enum_ownertype")
    if name == "statusid" and owner in _STATUSES:
        return Dictionary("status", _STATUSES[owner])
    if name == "stageid" and owner:
        return Dictionary("status", _STAGES.get(owner, f"DYNAMIC_{owner}_STAGE"))
    return Dictionary("category", owner) if name == "categoryid" and owner else None


def _owner(method: str, params: Mapping[str, Any]) -> str:
    given = next((value for key, value in params.items() if key.lower() == "entitytypeid"), "")
    return str(given or _OWNERS.get(method.lower(), ""))


@dataclass(slots=True)
class Dictionaries:
    """The dictionaries that one client has asked for. Any thread may use it."""

    session_of: Callable[[], Session]
    clock: Clock
    _kept: dict[Dictionary, tuple[float, list[dict[str, Any]]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def labels_for(
        self,
        columns: Iterable[Coded],
        method: str,
        params: Mapping[str, Any],
        context: CallContext,
        *,
        people: bool = True,
    ) -> tuple[Callable[[Coded], CodeLabels | None], list[str]]:
        """What tells the labels of a column's codes, and a note for each dictionary that can't be had.

        Without ``people``, users, departments and groups, which may be many, are left out.
        """
        named = list(columns)

        def labels_of(column: Coded) -> CodeLabels | None:
            dictionary = dictionary_of(column, method, params)
            return own_labels(column, method) or (words.get(dictionary) if dictionary else None)

        dictionaries = {
            dictionary
            for column in named
            if not own_labels(column, method) and (dictionary := dictionary_of(column, method, params))
        }
        words, notes = self.of(
            {dictionary for dictionary in dictionaries if people or dictionary.kind not in _PEOPLE}, context
        )
        return labels_of, notes

    def of(
        self, dictionaries: Collection[Dictionary], context: CallContext
    ) -> tuple[dict[Dictionary, CodeLabels], list[str]]:
        """The labels of several dictionaries, and a note for each one that is not available.

        Unknown ones are requested in one batch; a list of more than a page is then read to its end.
        """
        lists = {part: self._recent(part) for dictionary in dictionaries for part in _parts(dictionary)}
        asked = [part for part, rows in lists.items() if rows is None]
        notes: list[str] = []
        for part, rows in zip(asked, self._ask(asked, context, notes) if asked else (), strict=True):
            lists[part] = rows
        words: dict[Dictionary, CodeLabels] = {}
        for dictionary in dictionaries:
            told = [(part, rows) for part in _parts(dictionary) if (rows := lists[part]) is not None]
            if told:
                words[dictionary] = dict(
                    pair for part, rows in told for pair in _labels_in(dictionary, _SOURCES[part.kind], rows)
                )
        return words, notes

    def _recent(self, part: Dictionary) -> list[dict[str, Any]] | None:
        with self._lock:
            at, rows = self._kept.get(part, (float("-inf"), []))
        return rows if self.clock.monotonic() - at < _AGE_S else None

    def _ask(
        self, parts: Sequence[Dictionary], context: CallContext, notes: list[str]
    ) -> Iterator[list[dict[str, Any]] | None]:
        commands = [Command(f"b{at}", _SOURCES[part.kind].method, _params(part)) for at, part in enumerate(parts)]
        response = self.session_of().call("batch", encode_batch(commands), context=context, reads=True)
        for part, command, answer in zip(parts, commands, read_batch(response, commands), strict=True):
            try:
                rows = self._whole(part, command, answer, context)
            except (AjaxError, IncompleteFetchError) as error:
                notes.append(f"no labels for {part.kind} codes: {error.description or error.code} ({command.method})")
                yield None
                continue
            with self._lock:
                self._kept[part] = (self.clock.monotonic(), rows)
            yield rows

    def _whole(
        self, part: Dictionary, command: Command, answer: Response | AjaxError, context: CallContext
    ) -> list[dict[str, Any]]:
        if isinstance(answer, AccessDeniedError | MethodNotFoundError):
            raise answer
        if isinstance(answer, AjaxError):  # asked again alone, through the loop that waits for limits
            answer = self.session_of().call(command.method, command.params, context=context, reads=True)
        spec = spec_of(command.method)
        if answer.next is None:
            return _parsed(rows_of(answer, spec))
        plan = make_plan(spec, select=_SOURCES[part.kind].select, limit=_MOST)
        id_key = spec.id if plan.walk == "keyset" else None
        reader = PageReader(self.session_of(), plan, context)
        blocks = read_list(reader, lambda runs: [_with_ids(rows, id_key) for rows in runs], WalkFacts())
        return list(itertools.chain.from_iterable(blocks))


def own_labels(column: Coded, method: str) -> CodeLabels:
    """The labels that need no request: those of the description of an enumeration, else those of the documentation.

    0 in a user field is not an element of it.
    """
    if column.field is None or not column.field.values:
        return meanings_of(method, column.wire)
    nothing: CodeLabels = {} if column.field.type == "enum" else {"0": None}
    return {**nothing, **column.field.values}


def _parts(dictionary: Dictionary) -> tuple[Dictionary, ...]:
    """The lists that a dictionary is put together from: one for all of crm.status, two for the types of CRM objects."""
    if dictionary.kind == "status":
        return (Dictionary("status"),)
    return (dictionary, Dictionary("smart_process")) if dictionary.kind == "crm_enum_ownertype" else (dictionary,)


def _params(part: Dictionary) -> dict[str, Any]:
    if part.kind == "category":
        return {"entityTypeId": int(part.which)}
    select = _SOURCES[part.kind].select
    return {"select": list(select)} if select else {}


def _with_ids(rows: Sequence[Row], id_key: str | None) -> tuple[list[dict[str, Any]], IdRun | None]:
    parsed = _parsed(rows)
    return parsed, IdRun.of([int(row[id_key]) for row in parsed]) if id_key else None


def _parsed(rows: Sequence[Row | msgspec.Raw]) -> list[dict[str, Any]]:
    return [dict(row) for row in parse_rows(rows)]


def _labels_in(
    dictionary: Dictionary, source: _Source, rows: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[str, str | None]]:
    if not source.zero:
        yield "0", None
    if dictionary.kind == "order_status":
        rows = _first_language_last(list(rows))
    for row in rows:
        if dictionary.kind != "status" or _is_list(str(row.get("ENTITY_ID")), dictionary.which):
            text = " ".join(str(row[key]).strip() for key in source.words if row.get(key)) or row.get("EMAIL")
            if text:
                yield str(row.get(source.code)), str(text)


def _first_language_last(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Order statuses in an order in which the language that the portal lists first overrides the others."""
    return [*reversed(rows), *(row for row in rows if row.get("lid") == rows[0].get("lid"))]


def _is_list(name: str, wanted: str) -> bool:
    """Whether a list of ``crm.status`` is the wanted one, or has the stages of another category of the same entity."""
    stages = re.fullmatch(r"(.+_STAGE)(_\d+)?", wanted)
    return name == wanted or (stages is not None and re.fullmatch(rf"{stages[1]}(_\d+)?", name) is not None)
