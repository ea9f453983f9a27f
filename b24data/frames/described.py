"""What the portal says about the fields of a list, asked once and kept for a while, in memory and on disk.

Types hold for an hour: the portal does not change that of a field, so one would have to be deleted and made anew under
its old name. A name that a kept description lacks is looked for anew before it is refused, and so is a field that rows
have and a value that does not fit; see :mod:`b24data.frames.doubt`. Titles and the words of enumerations can change at
any time, and nothing shows it: where they are wanted, ten minutes is the most.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from b24data.errors import AjaxError, SchemaError
from b24data.frames.fields import Field, read_fields
from b24data.frames.openapi import OPENAPI, rows_described
from b24data.frames.schema import check_names
from b24data.frames.shelf import shelf_of
from b24data.http.clock import Clock
from b24data.http.context import CallContext
from b24data.http.session import Session
from b24data.lists.methods import MethodSpec
from b24data.lists.plan import ListPlan, split_filter_key

__all__ = ["JUST_S", "TYPES_S", "WORDS_S", "Described", "Descriptions", "check_request"]

TYPES_S = 3600.0
WORDS_S = 600.0
JUST_S = 5.0  # asked so lately that the portal would say the same


@dataclass(frozen=True, slots=True)
class Described:
    """The fields by their code; empty where nothing describes them, and ``note`` says why.

    ``whole`` is false where there may be user fields besides that the user is not told of. ``at`` is when the portal
    was asked, in Unix seconds.
    """

    fields: Mapping[str, Field]
    note: str = ""
    whole: bool = True
    at: float = 0.0


@dataclass(slots=True)
class Descriptions:
    """The descriptions that one client has asked for, by its session of a version. Any thread may use it."""

    session_of: Callable[[str], Session]
    clock: Clock
    _kept: dict[tuple[str, str, str], Described] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(
        self, spec: MethodSpec, params: Mapping[str, Any], context: CallContext, *, age_s: float = WORDS_S
    ) -> Described:
        """The fields of the rows of ``spec``, whose other parameters are ``params``, at most ``age_s`` seconds old.

        A description that the user may not see, or that the portal lacks, is none: the columns are then read off
        the rows. Any other failure is raised. One request, and one more where user fields are described apart.
        """
        if spec.fields is None:
            return Described({}, _nothing(spec), at=self.clock.time())
        needed = _filled(spec.fields_params, params)
        key = _key(spec.version, spec.method, needed)
        with self._lock:
            described = self._kept.get(key)
        if described is None or self.age_s(described) > (min(age_s, WORDS_S) if described.note else age_s):
            described = self._shelved(spec, needed, age_s) or self._asked(spec, spec.fields, needed, context)
            with self._lock:
                self._kept[key] = described
        return described

    def age_s(self, described: Described) -> float:
        """How long ago the portal was asked; a time that is still to come is one that can't be told."""
        age = self.clock.time() - described.at
        return age if age >= 0 else float("inf")

    def for_request(
        self, plan: ListPlan, context: CallContext, *, age_s: float = WORDS_S, check: bool = True
    ) -> Described:
        """The fields that a list will have, once the names in its request are known to be right.

        Before a name is refused, the portal is asked anew: the field may be a new one.
        """
        described = self.of(plan.spec, plan.params, context, age_s=age_s)
        if check:
            try:
                check_request(described, plan)
            except SchemaError:
                described = self.of(plan.spec, plan.params, context, age_s=JUST_S)
                check_request(described, plan)
        return described

    def _shelved(self, spec: MethodSpec, params: Mapping[str, Any], age_s: float) -> Described | None:
        shelf = shelf_of(self.session_of(spec.version))
        found = shelf.get(spec.version, spec.method, params) if shelf else None
        described = Described(found.fields, at=found.at) if found else None
        return described if described and self.age_s(described) <= age_s else None

    def _asked(self, spec: MethodSpec, main: str, params: Mapping[str, Any], context: CallContext) -> Described:
        """What the portal says now. What it says but in part is not kept on disk: rights can be given any minute."""
        described = replace(self._ask(spec, main, params, context), at=self.clock.time())
        shelf = shelf_of(self.session_of(spec.version)) if described.fields and not described.note else None
        if shelf:
            shelf.put(spec.version, spec.method, params, described.fields, at=described.at)
        return described

    def _ask(self, spec: MethodSpec, main: str, params: Mapping[str, Any], context: CallContext) -> Described:
        try:
            told = self._told(spec, main, params, context)
        except AjaxError as error:
            return Described({}, f"{main} says {_code(error)}: types were read off the rows")
        if main == OPENAPI:
            return self._of_document(spec, told)
        fields = read_fields(told, wire_case=spec.answer_case)
        if spec.userfields is None or not _lacks(spec, fields.values()):
            return Described(fields)
        try:
            more = self._told(spec, spec.userfields, {}, context)
        except AjaxError as error:
            note = f"{spec.userfields} says {_code(error)}: types of user fields were read off the rows"
            return Described(fields, note, whole=all(one.type for one in fields.values()))
        return Described(read_fields(told, userfields=more, wire_case=spec.answer_case))

    def _of_document(self, spec: MethodSpec, document: Any) -> Described:
        """The fields of one list from the document that describes them all, which are remembered as well."""
        described = {
            method: Described(read_fields(fields), at=self.clock.time())
            for method, fields in rows_described(document).items()
        }
        with self._lock:
            self._kept |= {_key(spec.version, method, {}): one for method, one in described.items()}
        return described.get(spec.method.lower(), Described({}, _nothing(spec)))

    def _told(self, spec: MethodSpec, method: str, params: Mapping[str, Any], context: CallContext) -> Any:
        return self.session_of(spec.version).call(method, params, context=context, reads=True).data()


def _key(version: str, method: str, params: Mapping[str, Any]) -> tuple[str, str, str]:
    return version, method.lower(), repr(sorted(params.items()))


def _nothing(spec: MethodSpec) -> str:
    return f"nothing describes the fields of {spec.method}: types were read off the rows"


def _code(error: AjaxError) -> str:
    """The code of a refusal; what is no refusal is raised."""
    if error.status is None or error.status >= 500 or error.status == 429:
        raise error
    return error.code


def _lacks(spec: MethodSpec, fields: Collection[Field]) -> bool:
    """Whether the main description says too little about user fields.

    ``user.fields`` has neither types nor user fields, ``tasks.task.getFields`` does not tell which are multiple, and
    some portals give no title or no texts of an enumeration.
    """
    if spec.answer_case == "camel" or not all(one.type for one in fields):
        return True
    user = [one for one in fields if one.code.startswith(("UF_", "ufCrm"))]
    return any(one.title == one.code or (one.type == "enumeration" and not one.values) for one in user)


def _filled(template: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The template with the request's own values in the place of ``$path``; what the request lacks is left out."""
    filled = {name: _value(value, params) for name, value in template.items()}
    return {name: value for name, value in filled.items() if value not in (None, {})}


def _value(value: Any, params: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return _filled(value, params)
    return _found(value[1:], params) if isinstance(value, str) and value.startswith("$") else value


def _found(path: str, params: Mapping[str, Any]) -> Any:
    head, _, inner = path.partition(".")
    for key, value in params.items():
        if split_filter_key(key)[1].lower() == head.lower():
            return _found(inner, value) if inner and isinstance(value, Mapping) else value
    return None


def check_request(described: Described, plan: ListPlan) -> None:
    """Refuse a misspelt field in select, filter or order: :class:`SchemaError` with the nearest names.

    The portal ignores a field that it does not know: a filter then lets every row through. In a filter and an order
    the spelling of capitals and underscores does not matter here. What the methods take beyond their fields passes:
    groups of ``crm.item.list`` (``logic``, numbers), ``::SUBFILTER-PARAMS`` of tasks, and what ``methods.json`` names.
    Conditions of REST 3.0 are its own business: it refuses what it does not know.
    """
    if not described.fields:
        return
    spec = plan.spec
    known = {name for one in described.fields.values() for name in (one.code, one.wire)}
    known |= {name for name in (spec.id, spec.id_asked) if name}
    beyond = {_folded(name) for name in spec.also}
    loosely = {_folded(name) for name in known} | beyond
    for where, names in (("select", plan.select or ()), ("filter", _filter_names(plan)), ("order", _order_names(plan))):
        # REST 3.0 selects inside a related object: "responsible.name".
        unknown = [name for name in names if name.partition(".")[0] not in known and name not in ("*", "UF_*")]
        if not described.whole:
            unknown = [name for name in unknown if not name.startswith("UF_")]
        passing = beyond if where == "select" else loosely
        check_names([name for name in unknown if _folded(name) not in passing], {*known, *spec.also}, where=where)


def _folded(name: str) -> str:
    return name.partition(".")[0].replace("_", "").lower()


def _filter_names(plan: ListPlan) -> list[str]:
    conditions = plan.params.get(plan.spec.filter) if plan.spec.filter else None
    return list(_names_in(conditions))


def _names_in(conditions: Any) -> Iterable[str]:
    """The fields that a filter asks about, those inside its groups too."""
    if isinstance(conditions, list):
        conditions = dict(enumerate(conditions))
    for key, value in conditions.items() if isinstance(conditions, Mapping) else ():
        name = split_filter_key(str(key))[1]
        if name.isdecimal():
            yield from _names_in(value)
        elif name.lower() != "logic" and not name.startswith("::"):
            yield name


def _order_names(plan: ListPlan) -> list[str]:
    order = plan.params.get(plan.spec.order) if plan.spec.order else None
    return list(order) if isinstance(order, Mapping) else []
