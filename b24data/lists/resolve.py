"""Names, comparisons, groups and values of a query, as the method takes them: by its page and by its fields. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from b24data.errors import ConfigError, SchemaError, SdkError
from b24data.lists.conditions import Condition, Group, Node, test_of
from b24data.lists.filters import FilterFacts, FilterName, filter_facts
from b24data.lists.literals import FilterKind, brief, read_value
from b24data.lists.methods import MethodSpec
from b24data.lists.names import ANYWAY, check_names, folded, misspells
from b24data.lists.query import FieldType, FieldTypes, Query, check_beside_filter

_RANGES = ("gt", "ge", "lt", "le", "between")
# crm-item-list.md says so of its method. User fields of all lists are of one kind, but no other page says so.
_USER_FLAGS = "1/0"
_NUMBERED = re.compile(r"\d+$")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A query as the method takes it. ``none`` are the conditions with an empty list of values, which no row meets.

    ``given`` are the conditions that are sent as parameters of their own, by a method that has no filter.
    """

    filter: Group
    select: tuple[str, ...] | None
    order: Mapping[str, str]
    none: tuple[Condition, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    given: tuple[Condition, ...] = ()


def resolve(spec: MethodSpec, query: Query, types: FieldTypes | None, *, check: bool = True) -> Resolved:
    """The query in the method's own spelling, comparisons and values.

    ``types`` is None before the portal was asked: then only the facts of the method's page decide. ``check=False``
    lets pass what is not known. Raises :class:`SchemaError` for a name, :class:`ConfigError` for anything else.

    >>> from b24data.lists.methods import spec_of
    >>> from b24data.lists.query import FieldType, read_query
    >>> spec, types = spec_of("crm.deal.list"), FieldTypes((FieldType("CLOSED", "CLOSED", "flag", is_char=True),))
    >>> found = resolve(spec, read_query(spec, filter={"closed": True}), types)
    >>> found.filter.members[0].sent, found.filter.members[0].value
    ('CLOSED', 'Y')
    """
    work = _Resolution(spec, types, check)
    members, none = work.members(query.filter, outermost=True)
    params, given = work.parameters(query.params)
    return Resolved(
        filter=replace(query.filter, members=members),
        select=None if query.select is None else work.selected(query.select),
        order=work.ordered(query.order),
        none=none,
        params=params,
        given=given,
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """A name that a filter may have. ``shown`` is the code of the field of a row that shows it; ``-``: none does."""

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


class _Resolution:
    """Looks up names of one method in the facts of its page and in the description of its fields."""

    def __init__(self, spec: MethodSpec, types: FieldTypes | None, check: bool) -> None:
        self._spec, self._types, self._check = spec, types, check
        self._facts: FilterFacts = filter_facts(spec)
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

    # Filter.

    def members(self, group: Group, *, outermost: bool = False) -> tuple[tuple[Node, ...], tuple[Condition, ...]]:
        """The members of a group, resolved, and those that no row can meet."""
        found: list[Node] = []
        none: list[Condition] = []
        for node in group.members:
            if isinstance(node, Group):
                self._check_groups(node)
                word = "logic" if node.word and self._facts.groups else node.word  # crm-item-list.md: in small letters
                found.append(replace(node, members=self.members(node)[0], word=word))
                continue
            one = self._condition(node)
            if not isinstance(one.value, list) or one.value or one.opaque:
                found.append(one)
            elif not outermost:
                raise ConfigError(
                    f"the filter {one.key!r} has an empty list", hint="leave that condition out of the group"
                )
            elif one.test == "in":  # what is not among no values is every row
                none.append(one)
        return tuple(found), tuple(none)

    def _check_groups(self, group: Group) -> None:
        if self._facts.groups or self._spec.filter_form == "conditions" or not self._check:
            return
        raise ConfigError(
            f"{self._spec.method} has no groups of conditions: it ignores {group.word or group.key!r} in a filter",
            hint="crm.item.list has them; or fetch each part and join the frames with pd.concat",
        )

    def _condition(self, one: Condition) -> Condition:
        try:
            known = self._known(one)
            if known is None:
                return self._unknown(one)
            found = self._valued(self._operator(replace(one, name=known.sent), known), known)
            if self._lists_all and not known.on_page and not (known.user and not found.why):
                raise SchemaError(
                    f"{self._spec.method} does not filter by {known.sent}: its page has a complete list of fields",
                    hint=f"leave the condition out and filter the frame instead; {ANYWAY}",
                )
        except SdkError:
            if self._check or self._is_bound(one):  # a walk by id asks for bounds itself, so it has to read them
                raise
            return replace(self._unknown(one), why="check_fields=False")
        return found

    def _known(self, one: Condition) -> _Known | None:  # noqa: PLR0911  one line a kind of name
        """What is known of a name; None: nothing, and it may pass."""
        name, spec = one.name, self._spec
        if name.startswith("::"):
            return _Known(name, "", shown="-")
        if spec.id_asked and name.lower() == spec.id_asked.lower():
            return self._id()
        listed = name if name in self._facts.names else self._filtered_by_fold.get(folded(name))
        described = self._by_code.get(name) or self._by_wire.get(name) or self._by_fold.get(folded(name))
        if listed is None and (numbered := _NUMBERED.sub("N", name)) in self._facts.names:  # propertyN, PROPERTY_N
            page = self._facts.names[numbered]
            known = self._from_description(described) if described else _Known(name, "", shown=name)
            return replace(known, meaning=page.meaning, on_page=True)
        if listed is not None and (described is None or self._lists_all or folded(listed) == folded(name)):
            return self._from_page(listed, self._facts.names[listed], described)
        if described is not None:
            return self._from_description(described)
        if not self._check or self._may_exist(name):
            return None
        names = [*self._by_code, *self._facts.names]
        check_names([name], names, where="filter", hint=f"{ANYWAY}, but the portal may ignore it")
        return None

    def _may_exist(self, name: str) -> bool:
        """Whether a name that nothing tells of may be a field all the same: REST 3.0 refuses what it does not know."""
        head = name.partition(".")[0]
        if self._spec.filter_form == "conditions" or self._types is None:
            return True
        if head != name and folded(head) in self._by_fold:
            return True
        if folded(head) in map(folded, self._spec.extra_names) and not self._lists_all:
            return True
        if not self._types.whole and head.startswith("UF_"):
            return True
        return not self._closed and not self._lists_all

    @property
    def _lists_all(self) -> bool:
        """Whether a name that the page lacks is ignored; REST 3.0 refuses it instead."""
        facts = self._facts
        return facts.only_named and bool(facts.names) and self._spec.filter_form != "conditions"

    def _asked_as(self, name: str, described: FieldType) -> str:
        """The name to send of a field; a page whose rows are in camelCase shows how they answer, not what to ask."""
        rows_only = self._types is not None and self._types.open and self._spec.answer_case == "camel"
        return name if rows_only else described.code

    @property
    def _closed(self) -> bool:
        """Whether a name that the description lacks is a wrong one."""
        return bool(self._by_code) and not (self._types and self._types.open)

    def _id(self) -> _Known:
        spec = self._spec
        name = str(spec.id_asked)
        described = self._by_code.get(name) or self._by_fold.get(folded(name))
        page = self._facts.names.get(name)
        by_number = spec.walk in ("keyset", "v3_keyset", "v3_tail")
        kind: FilterKind = "int" if by_number else described.kind if described else _kind(page)
        return _Known(name, kind, shown=described.code if described else name, takes_list=bool(page and page.many))

    def _from_page(self, name: str, page: FilterName, described: FieldType | None) -> _Known:
        shown = page.field or name
        at = described
        if shown not in ("-", name):
            at = self._by_code.get(shown) or self._by_fold.get(folded(shown))
        kind = at.kind if at and at.kind else _kind(page)
        if page.field and page.type:
            kind = _kind(page)  # a name of its own, such as one with more codes than the field has
        return _Known(
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

    def _from_description(self, one: FieldType) -> _Known:
        unsaid = one.user and one.kind == "flag" and self._spec.version != "v3" and not self._facts.user_flags
        return _Known(
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

    def _unknown(self, one: Condition) -> Condition:
        """A condition on a name that nothing describes: its values as JSON can say them."""
        if isinstance(one.value, Mapping) or (
            isinstance(one.value, list) and any(isinstance(v, Mapping | list) for v in one.value)
        ):
            return replace(one, why="its value is not one of a field", opaque=True)
        why = "nothing describes this field"
        if isinstance(one.value, list):
            return replace(one, value=[read_value(one.key, each, "")[0] for each in one.value], why=why)
        return replace(one, value=read_value(one.key, one.value, "")[0], why=why)

    def _operator(self, one: Condition, known: _Known) -> Condition:
        """The condition with a comparison that the page has; refused where it has none of that meaning."""
        allowed = known.prefixes if known.prefixes is not None else self._facts.prefixes
        if allowed is not None and not allowed:
            raise ConfigError(
                f"{self._spec.method} does not filter by {one.name}: {known.meaning or 'its page excludes it'}",
                hint="leave the condition out and filter the frame instead",
            )
        if self._is_bound(one) or self._spec.filter_form == "conditions":
            return one
        if allowed is None:
            silent = one.prefix or isinstance(one.value, list)
            return replace(one, unsure="its page does not say which comparisons work") if silent else one
        if isinstance(one.value, list) and one.test in ("in", "not in"):
            one = self._listing(one, known, allowed)
            if isinstance(one.value, list):
                return one
        if one.prefix in allowed:
            return one
        same = {"eq": ("", "="), "ne": ("!", "!="), "in": ("@", "", "="), "not in": ("!@", "!", "!=")}
        for prefix in same.get(one.test, ()):
            if prefix in allowed:
                return replace(one, prefix=prefix)
        told = f"; {known.sent} is {known.meaning}" if known.meaning else ""
        works = " ".join(sorted(allowed - {""}, key=lambda p: (len(p), p))) or "only the plain name, for equality"
        raise ConfigError(
            f"the filter {one.key!r}: {self._spec.method} has no comparison {one.prefix or '='!r}",
            hint=f"its page has {works}{told}; {ANYWAY}",
        )

    def _listing(self, one: Condition, known: _Known, allowed: Collection[str]) -> Condition:
        """A condition with a list in the comparison that takes one; a list of one value is that value elsewhere."""
        if known.takes_list and one.prefix in ("", "="):
            return one
        own, *plain = {"in": ("@", "", "="), "not in": ("!@", "!", "!=")}[one.test]
        fitting = [prefix for prefix in (own, one.prefix, *plain) if prefix in allowed and self._takes_list(prefix)]
        if fitting:
            return replace(one, prefix=fitting[0])
        if len(one.value) == 1:
            return replace(one, prefix=plain[0], value=one.value[0])
        raise ConfigError(
            f"the filter {one.key!r} of {self._spec.method} takes one value, not a list",
            hint=f"fetch the values one by one, or filter the frame: df[df[...].isin([...])]; {ANYWAY}",
        )

    def _takes_list(self, prefix: str) -> bool:
        return test_of(prefix) in ("in", "not in") or prefix in self._facts.lists

    def _is_bound(self, one: Condition) -> bool:
        """A bound on the id, which a walk by id asks the portal about itself."""
        by_id = self._spec.walk in ("keyset", "v3_keyset") or self._spec.cursor == "cursor"
        is_id = one.name.lower() == str(self._spec.id_asked).lower()
        return by_id and is_id and one.test in ("gt", "ge", "lt", "le")

    def _valued(self, one: Condition, known: _Known) -> Condition:
        value, test = one.value, one.test
        if isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(v, Mapping) for v in value)):
            formed = known.meaning or any(path.startswith(f"filter.{known.sent}.") for path in self._spec.required)
            if known.kind in ("int", "float", "flag", "day", "instant", "code") and not (known.many or formed):
                raise ConfigError(
                    f"the filter {one.key!r} has {brief(value)}", hint="give one value, or a list of values"
                )
            return replace(one, why="its value has a form of its own", opaque=True)
        if isinstance(value, list) and test not in ("in", "not in", "between") and test not in ("like", "not like"):
            raise ConfigError(
                f"the filter {one.key!r} compares with {brief(value)}", hint="give one value; for a list use @"
            )
        if not isinstance(value, list) and test in ("in", "not in"):
            return self._valued(replace(one, value=[value]), known)
        if test == "between" and (not isinstance(value, list) or len(value) != 2):
            raise ConfigError(f"the filter {one.key!r} takes two values", hint="from and to")
        kind = "text" if test in ("like", "not like") else known.kind
        fractions = self._spec.version == "v3"
        pairs = [
            read_value(one.key, each, kind, test=test, flags=known.flags, values=known.values, fractions=fractions)
            for each in (value if isinstance(value, list) else [value])
        ]
        sent = [pair[0] for pair in pairs]
        wanted = tuple(pair[1] for pair in pairs)
        return replace(
            one,
            value=sent if isinstance(value, list) else sent[0],
            wanted=wanted if isinstance(value, list) else wanted[0],
            field="" if known.shown == "-" else known.shown,
            why=self._why(one, known, sent),
            unsure=one.unsure or ("its page does not say how a flag of this kind is written" if known.unsaid else ""),
        )

    def _why(self, one: Condition, known: _Known, sent: Sequence[Any]) -> str:  # noqa: PLR0911
        """Why rows can't tell whether the condition holds; empty where they can."""
        if known.shown == "-":
            return f"no field of the rows shows it{f' ({known.meaning})' if known.meaning else ''}"
        if one.test in ("like", "not like"):
            return "it searches in texts by the portal's own rules"
        if one.test == "":
            return "its comparison is not documented"
        if known.many:
            return "the field has several values"
        if known.kind in ("text", "money", ""):
            if all(value == "" for value in sent) and known.kind:
                return ""
            if known.kind:
                return "the portal compares texts by its own rules"
            return "the type of the field is not known"
        if known.kind == "code" and one.test in _RANGES:
            return "the portal has its own order of codes"
        if known.kind == "instant" and one.test not in _RANGES and any(len(str(value)) == 10 for value in sent):
            return "a date is compared with times"
        if known.kind == "flag" and not known.flags and "" not in sent:
            return "the documentation does not say how a flag is written in this filter"
        return ""

    # Parameters.

    def parameters(self, params: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Condition, ...]]:
        """The other parameters of the method, and what they ask of the rows where they are its filter.

        A condition beside the filter would be ignored, and so would a misspelled one of a method that has none.
        """
        sent: dict[str, Any] = {}
        given: list[Condition] = []
        for name, value in params.items():
            own = self._parameter(name)
            if own is None or isinstance(value, Mapping):
                sent[name] = value
                continue
            one = self._condition(Condition(key=name, prefix="", name=own, value=value))
            sent[one.name] = one.value
            given.append(one)
        if self._check and self._spec.filter is not None and not self._spec.positional:
            fields = set() if self._facts.family == "user" else {*self._by_fold, *self._filtered_by_fold}
            check_beside_filter(self._spec, fields, {name: value for name, value in params.items() if name in sent})
        return sent, tuple(given)

    def _parameter(self, name: str) -> str | None:
        """The condition that a parameter is; None where it is none, or one that no row shows."""
        names, family = self._facts.names, self._facts.family
        if family == "user":  # user.get takes the fields of a user as parameters, too
            described = None if self._lists_all else self._by_fold.get(folded(name))
            return described.code if described else None
        if family != "parameters":
            return None
        listed = self._named_by_fold.get(folded(name))
        if listed is None and self._check and misspells(name, names):
            check_names([name], names, where="params", hint=f"{ANYWAY}")
        return listed if listed is not None and names[listed].field != "-" else None

    # Select and order.

    def selected(self, names: Sequence[str]) -> tuple[str, ...]:
        """The fields in the method's own spelling."""
        beyond = {*self._spec.extra_names, *(name for name in (self._spec.id, self._spec.id_asked) if name)}
        beyond |= {name for name, page in self._facts.names.items() if page.field != "-"}
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


def _kind(page: FilterName | None) -> FilterKind:
    return page.type if page else ""  # type: ignore[return-value]
