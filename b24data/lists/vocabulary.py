"""What names mean at one method: by its page, and by the description of its fields. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from b24data.lists.filters import FilterName, filter_facts
from b24data.lists.literals import FilterKind
from b24data.lists.methods import MethodSpec
from b24data.lists.names import ANYWAY, check_names, folded, misspells
from b24data.lists.query import FieldType, FieldTypes

# crm-item-list.md says so of its method. User fields of all lists are of one kind, but no other page says so.
_USER_FLAGS = "1/0"
_NUMBERED = re.compile(r"\d+$")


@dataclass(frozen=True, slots=True)
class FilterField:
    """A name that a filter may have: how it is ``sent``, and the ``kind`` of its values.

    ``shown`` is the code of the field of a row that shows it; ``-``: none does. ``prefixes`` are its own comparisons,
    None those of the page, and ``meaning`` is what the page says of it. ``takes_list``: so does the plain name.
    ``unsaid``: no page says how its flag is written. ``user``: it is a user field.
    """

    sent: str
    kind: FilterKind
    many: bool = False
    shown: str = ""
    flags: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    prefixes: frozenset[str] | None = None
    meaning: str = ""
    takes_list: bool = False
    unsaid: bool = False
    on_page: bool = True
    user: bool = False


class Vocabulary:
    """Looks up the names in filter, order, select and parameters of a method.

    ``types`` is None before the portal was asked. ``check=False`` lets pass what is not known.
    """

    def __init__(self, spec: MethodSpec, types: FieldTypes | None, *, check: bool) -> None:
        self._spec, self._types, self._check = spec, types, check
        self._facts = filter_facts(spec)
        fields = types.fields if types else ()
        self._by_code = {one.code: one for one in fields}
        self._by_wire = {one.wire: one for one in fields}
        self._by_fold: dict[str, FieldType] = {}
        for one in fields:
            self._by_fold.setdefault(folded(one.wire), one)
            self._by_fold[folded(one.code)] = one
        names = self._facts.names
        self._named_by_fold = {folded(name): name for name in names}
        # A field under its own name, where the filter has another one for it: AUDITORS, which tasks filter by AUDITOR.
        others = {folded(page.field): name for name, page in names.items() if page.field not in ("", "-")}
        self._filtered_by_fold = {**others, **self._named_by_fold}

    # Filter and parameters.

    def filtered(self, name: str) -> FilterField | None:  # noqa: PLR0911  one line a kind of name
        """What is known of a name; None: nothing, and it may pass."""
        spec = self._spec
        if name.startswith("::"):
            return FilterField(name, "", shown="-")
        if spec.id_asked and name.lower() == spec.id_asked.lower():
            return self._id()
        listed = name if name in self._facts.names else self._filtered_by_fold.get(folded(name))
        described = self._by_code.get(name) or self._by_wire.get(name) or self._by_fold.get(folded(name))
        if listed is None and (numbered := _NUMBERED.sub("N", name)) in self._facts.names:  # propertyN, PROPERTY_N
            page = self._facts.names[numbered]
            known = self._from_description(described) if described else FilterField(name, "", shown=name)
            return replace(known, meaning=page.meaning, on_page=True)
        if listed is not None and (described is None or self.lists_all or folded(listed) == folded(name)):
            return self._from_page(listed, self._facts.names[listed], described)
        if described is not None:
            return self._from_description(described)
        if not self._check or self._may_exist(name):
            return None
        names = [*self._by_code, *self._facts.names]
        check_names([name], names, where="filter", hint=f"{ANYWAY}, but the portal may ignore it")
        return None

    def parameter(self, name: str) -> str | None:
        """The condition that a parameter is; None where it is none, or one that no row shows."""
        names, family = self._facts.names, self._facts.family
        if family == "user":  # user.get takes the fields of a user as parameters, too
            described = None if self.lists_all else self._by_fold.get(folded(name))
            return described.code if described else None
        if family != "parameters":
            return None
        listed = self._named_by_fold.get(folded(name))
        if listed is None and self._check and misspells(name, names):
            check_names([name], names, where="params", hint=f"{ANYWAY}")
        return listed if listed is not None and names[listed].field != "-" else None

    @property
    def conditions(self) -> set[str]:
        """What is a condition where it stands beside the filter, folded."""
        return set() if self._facts.family == "user" else {*self._by_fold, *self._filtered_by_fold}

    def _may_exist(self, name: str) -> bool:
        """Whether a name that nothing tells of may be a field all the same: REST 3.0 refuses what it does not know."""
        head = name.partition(".")[0]
        if self._spec.filter_form == "conditions" or self._types is None:
            return True
        if head != name and folded(head) in self._by_fold:
            return True
        if folded(head) in map(folded, self._spec.extra_names) and not self.lists_all:
            return True
        if not self._types.whole and head.startswith("UF_"):
            return True
        return not self._closed and not self.lists_all

    @property
    def lists_all(self) -> bool:
        """Whether a name that the page lacks is ignored; REST 3.0 refuses it instead."""
        facts = self._facts
        return facts.only_named and bool(facts.names) and self._spec.filter_form != "conditions"

    def _id(self) -> FilterField:
        spec = self._spec
        name = str(spec.id_asked)
        described = self._by_code.get(name) or self._by_fold.get(folded(name))
        page = self._facts.names.get(name)
        by_number = spec.walk in ("keyset", "v3_keyset", "v3_tail")
        kind: FilterKind = "int" if by_number else described.kind if described else _kind(page)
        return FilterField(name, kind, shown=described.code if described else name, takes_list=bool(page and page.many))

    def _from_page(self, name: str, page: FilterName, described: FieldType | None) -> FilterField:
        shown = page.field or name
        at = described
        if shown not in ("-", name):
            at = self._by_code.get(shown) or self._by_fold.get(folded(shown))
        kind = at.kind if at and at.kind else _kind(page)
        if page.field and page.type:
            kind = _kind(page)  # a name of its own, such as one with more codes than the field has
        return FilterField(
            name,
            kind,
            many=bool(at and at.many),
            shown="-" if shown == "-" else at.code if at else shown,
            flags=page.flag or self._flags(at),
            values=at.values if at else {},
            prefixes=page.prefixes,
            meaning=page.meaning,
            takes_list=page.many,
        )

    def _from_description(self, one: FieldType) -> FilterField:
        unsaid = one.user and one.kind == "flag" and self._spec.version != "v3" and not self._facts.user_flags
        return FilterField(
            one.code,
            one.kind,
            one.many,
            one.code,
            self._flags(one),
            one.values,
            unsaid=unsaid,
            on_page=False,
            user=one.user,
        )

    def _flags(self, one: FieldType | None) -> str:
        if self._spec.version == "v3":
            return "true/false"
        if one is not None and one.user:
            return self._facts.user_flags or _USER_FLAGS
        return "Y/N" if one is not None and one.is_char else self._facts.flags

    # Select and order.

    def selected(self, names: Sequence[str]) -> tuple[str, ...]:
        """The fields in the method's own spelling."""
        shown = (name for name, page in self._facts.names.items() if page.field != "-")
        beyond = dict.fromkeys(filter(None, (self._spec.id_asked, self._spec.id, *self._spec.extra_names, *shown)))
        found: list[str] = []
        unknown: list[str] = []
        for name in names:
            head = name.partition(".")[0]  # REST 3.0 selects inside a related object: "responsible.name"
            if name in ("*", "UF_*") or head in self._by_code or head in self._by_wire or head in beyond:
                found.append(name)
            elif head == name and (described := self._by_fold.get(folded(name))):
                found.append(self._asked_as(name, described))
            elif folded(head) in {folded(one) for one in beyond}:
                found.append(next(one for one in beyond if folded(one) == folded(head)) if head == name else name)
            else:
                found.append(name)
                if not (self._types and not self._types.whole and name.startswith("UF_")):
                    unknown.append(name)
        if self._check and self._closed:
            check_names(unknown, [*self._by_code, *self._by_wire, *beyond], hint=f"{ANYWAY}")
        return tuple(dict.fromkeys(found))

    def ordered(self, order: Mapping[str, str]) -> dict[str, str]:
        """The order in the method's own spelling."""
        found: dict[str, str] = {}
        extra = {folded(one): one for one in self._spec.extra_names}
        for name, direction in order.items():
            if self._spec.id_asked and name.lower() == self._spec.id_asked.lower():
                own = self._spec.id_asked
            elif name in self._by_code or name in self._facts.names:
                own = name
            elif described := self._by_wire.get(name) or self._by_fold.get(folded(name)):
                own = self._asked_as(name, described)
            elif listed := self._named_by_fold.get(folded(name)) or extra.get(folded(name)):
                own = listed
            else:
                own = name
                known = [*self._by_code, *self._by_wire, *self._spec.extra_names, *self._facts.names]
                head = name.partition(".")[0]
                # Where others may be described nowhere, one that is like a known one is taken for a misspelled one.
                wrong = misspells(head, known) if not self._closed else self._types and self._types.whole
                if self._check and self._types and wrong:
                    check_names([head], known, where="order", hint=f"{ANYWAY}")
            found[own] = direction
        return found

    def _asked_as(self, name: str, described: FieldType) -> str:
        """The name to send of a field; a page whose rows are in camelCase shows how they answer, not what to ask."""
        rows_only = self._types is not None and self._types.open and self._spec.answer_case == "camel"
        return name if rows_only else described.code

    @property
    def _closed(self) -> bool:
        """Whether a name that the description lacks is a wrong one."""
        return bool(self._by_code) and not (self._types and self._types.open)


def _kind(page: FilterName | None) -> FilterKind:
    return page.type if page else ""  # type: ignore[return-value]
