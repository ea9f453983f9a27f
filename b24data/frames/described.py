"""What the portal says about the fields of a list, asked once and kept for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from b24data.errors import AjaxError
from b24data.frames.fields import Field, read_fields
from b24data.frames.schema import check_names
from b24data.http.clock import Clock
from b24data.http.context import CallContext
from b24data.http.session import Session
from b24data.lists.methods import MethodSpec
from b24data.lists.plan import ListPlan, split_filter_key

__all__ = ["Described", "Descriptions", "check_request"]

# A new user field is seen after this long at the latest.
_AGE_S = 600.0


@dataclass(frozen=True, slots=True)
class Described:
    """The fields by their code; empty where nothing describes them, and ``note`` says why.

    ``whole`` is false where there may be user fields besides that the user is not told of.
    """

    fields: Mapping[str, Field]
    note: str = ""
    whole: bool = True


@dataclass(slots=True)
class Descriptions:
    """The descriptions that one client has asked for, by its session of a version. Any thread may use it."""

    session_of: Callable[[str], Session]
    clock: Clock
    _kept: dict[tuple[str, str], tuple[float, Described]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, spec: MethodSpec, params: Mapping[str, Any], context: CallContext) -> Described:
        """The fields of the rows of ``spec``, whose other parameters are ``params``.

        A description that the user may not see, or that the portal lacks, is none: the columns are then read off
        the rows. Any other failure is raised. One request, and one more where user fields are described apart.
        """
        if spec.fields is None:
            return Described({}, f"nothing describes the fields of {spec.method}: types were read off the rows")
        needed = _filled(spec.fields_params, params)
        key = (spec.method, repr(sorted(needed.items())))
        with self._lock:
            at, described = self._kept.get(key, (float("-inf"), None))
        if described is not None and self.clock.monotonic() - at < _AGE_S:
            return described
        described = self._ask(spec, spec.fields, needed, context)
        with self._lock:
            self._kept[key] = (self.clock.monotonic(), described)
        return described

    def _ask(self, spec: MethodSpec, main: str, params: Mapping[str, Any], context: CallContext) -> Described:
        try:
            told = self._told(spec, main, params, context)
        except AjaxError as error:
            return Described({}, f"{main} says {_code(error)}: types were read off the rows")
        fields = read_fields(told, wire_case=spec.answer_case)
        if spec.userfields is None or not _lacks(spec, fields.values()):
            return Described(fields)
        try:
            more = self._told(spec, spec.userfields, {}, context)
        except AjaxError as error:
            note = f"{spec.userfields} says {_code(error)}: types of user fields were read off the rows"
            return Described(fields, note, whole=all(one.type for one in fields.values()))
        return Described(read_fields(told, userfields=more, wire_case=spec.answer_case))

    def _told(self, spec: MethodSpec, method: str, params: Mapping[str, Any], context: CallContext) -> Any:
        return self.session_of(spec.version).call(method, params, context=context, reads=True).data()


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
