"""The portal's descriptions of the fields of a list, cached for ten minutes in memory and on disk.

Nothing shows that a title or a label of an enumeration was changed, so no description is older. A name that a cached
description lacks is requested again before it is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from b24data.errors import AjaxError, ConfigError, SchemaError
from b24data.fields.cache import cache_of
from b24data.fields.fields import Field, completed, documented_fields, read_fields
from b24data.fields.kinds import Kind, kind_of_field
from b24data.fields.openapi import OPENAPI, rows_described
from b24data.http.clock import Clock
from b24data.http.context import CallContext
from b24data.http.session import Session
from b24data.lists.columns import column_facts
from b24data.lists.conditions import split_filter_key
from b24data.lists.literals import FilterKind
from b24data.lists.methods import MethodSpec
from b24data.lists.plan import ListPlan, settled
from b24data.lists.query import FieldType, FieldTypes

KEPT_S = 600.0
JUST_S = 5.0  # asked so lately that the portal would say the same


@dataclass(frozen=True, slots=True)
class Described:
    """The fields by their code; empty where nothing describes them, and ``note`` says why.

    ``whole`` is false if there may be user fields that this user does not see. ``open``: the fields are
    those of the method's page, and rows may have others. ``at`` is when the portal was asked, in Unix seconds.
    """

    fields: Mapping[str, Field]
    note: str = ""
    whole: bool = True
    at: float = 0.0
    open: bool = False


@dataclass(slots=True)
class Descriptions:
    """The descriptions that one client has asked for, by its session of a version. Any thread may use it."""

    session_of: Callable[[str], Session]
    clock: Clock
    _kept: dict[tuple[str, str, str], Described] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(
        self, spec: MethodSpec, params: Mapping[str, Any], context: CallContext, *, age_s: float = KEPT_S
    ) -> Described:
        """The fields of the rows of ``spec``, whose other parameters are ``params``, at most ``age_s`` seconds old.

        A description that the user may not see, or that the portal lacks, is none: the columns are then those of the
        method's page, or read off the rows. Any other failure is raised. One request, and one more where user fields
        are described apart; none for a list that no method describes.
        """
        if spec.fields is None:
            return self._documented(spec)
        needed = _filled(spec.fields_params, params)
        key = _key(spec.version, spec.method, needed)
        with self._lock:
            described = self._kept.get(key)
        if described is None or self._age_s(described) > age_s:
            described = self._cached(spec, needed, age_s) or self._asked(spec, spec.fields, needed, context)
            with self._lock:
                self._kept[key] = described
        if described.open or not described.fields or not (known := _on_page(spec)):
            return described
        return replace(described, fields=completed(described.fields, known))

    def told(self, spec: MethodSpec, params: Mapping[str, Any]) -> Described:
        """The same from what was told before, however long ago; nothing is asked, and it may have no fields."""
        if spec.fields is None:
            return self._documented(spec)
        needed = _filled(spec.fields_params, params)
        with self._lock:
            described = self._kept.get(_key(spec.version, spec.method, needed))
        return described or self._cached(spec, needed, float("inf")) or Described({})

    def _age_s(self, described: Described) -> float:
        """How long ago the portal was asked; a time that is still to come is one that can't be told."""
        age = self.clock.time() - described.at
        return age if age >= 0 else float("inf")

    def for_request(self, plan: ListPlan, context: CallContext, *, check: bool = True) -> tuple[Described, ListPlan]:
        """The fields that a list will have, and its plan in the method's own names, comparisons and values.

        Before anything is refused, the portal is asked once more: the field may be a new one.
        """
        described = self.of(plan.spec, plan.params, context)
        try:
            return described, settled(plan, field_types(described), check=check)
        except (SchemaError, ConfigError):
            described = self.of(plan.spec, plan.params, context, age_s=JUST_S)
            return described, settled(plan, field_types(described), check=check)

    def _cached(self, spec: MethodSpec, params: Mapping[str, Any], age_s: float) -> Described | None:
        cache = cache_of(self.session_of(spec.version))
        found = cache.get(spec.version, spec.method, params) if cache else None
        described = Described(found.fields, at=found.at) if found else None
        return described if described and self._age_s(described) <= age_s else None

    def _asked(self, spec: MethodSpec, main: str, params: Mapping[str, Any], context: CallContext) -> Described:
        """What the portal says now. What it says but in part is not kept on disk: rights can be given any minute."""
        described = replace(self._ask(spec, main, params, context), at=self.clock.time())
        cache = cache_of(self.session_of(spec.version)) if described.fields and not described.note else None
        if cache:
            cache.put(spec.version, spec.method, params, described.fields, at=described.at)
        return described

    def _ask(self, spec: MethodSpec, main: str, params: Mapping[str, Any], context: CallContext) -> Described:
        try:
            told = self._told(spec, main, params, context)
        except AjaxError as error:
            return self._documented(spec, f"{main} says {_code(error)}: ")
        if main == OPENAPI:
            return self._of_document(spec, told)
        fields = read_fields(told, wire_case=spec.answer_case)
        if spec.userfields is None or not _lacks(spec, fields.values()):
            return Described(fields)
        try:
            more = self._told(spec, spec.userfields, {}, context)
        except AjaxError as error:
            note = f"{spec.userfields} says {_code(error)}: the rows decide the types of user fields"
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
        return described.get(spec.method.lower()) or self._documented(spec)

    def _documented(self, spec: MethodSpec, refused: str = "") -> Described:
        """What the page of the list says, where the portal says nothing."""
        fields, now = _on_page(spec), self.clock.time()
        if fields:
            return Described(fields, refused and f"{refused}the types come from the documentation", at=now, open=True)
        why = refused or f"nothing describes the fields of {spec.method}: "
        return Described({}, f"{why}the rows decide the types", at=now)

    def _told(self, spec: MethodSpec, method: str, params: Mapping[str, Any], context: CallContext) -> Any:
        return self.session_of(spec.version).call(method, params, context=context, reads=True).data()


def _key(version: str, method: str, params: Mapping[str, Any]) -> tuple[str, str, str]:
    return version, method.lower(), repr(sorted(params.items()))


def _on_page(spec: MethodSpec) -> dict[str, Field]:
    return documented_fields(column_facts(spec))


def _code(error: AjaxError) -> str:
    """The code of a refusal; any other error is raised."""
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


def field_types(described: Described) -> FieldTypes:
    """What the request of a list needs to know of its fields.

    >>> field_types(Described({"CLOSED": Field("CLOSED", "CLOSED", type="char")})).fields[0].kind
    'flag'
    """
    return FieldTypes(tuple(_field_type(one) for one in described.fields.values()), described.whole, described.open)


# Types whose texts are codes: compared as a whole. Source: b24restdocs, crm/data-types.md.
_CODES = {"crm_status", "crm_currency", "crm_category", "enumeration", "enum"}
_FILTER_KINDS: dict[Kind, FilterKind] = {
    "int": "int",
    "float": "float",
    "bool": "flag",
    "date": "day",
    "timestamp": "instant",
    "amount": "money",
}


def _field_type(one: Field) -> FieldType:
    kind: FilterKind = _FILTER_KINDS.get(kind_of_field(one), "text") if one.type else ""
    if kind == "text" and one.type in _CODES:
        kind = "code"
    user = one.code.startswith(("UF_", "ufCrm"))
    return FieldType(one.code, one.wire, kind, one.multiple, one.values, user=user, is_char=one.type == "char")
