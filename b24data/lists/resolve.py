"""A query in the names, comparisons, groups and values that the method takes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from b24data.errors import ConfigError, SchemaError, SdkError
from b24data.lists.conditions import Condition, Group, Node, test_of
from b24data.lists.filters import filter_facts
from b24data.lists.literals import brief, read_value
from b24data.lists.methods import MethodSpec
from b24data.lists.names import ANYWAY
from b24data.lists.query import FieldTypes, Query, check_beside_filter
from b24data.lists.vocabulary import FilterField, Vocabulary

_RANGES = ("gt", "ge", "lt", "le", "between")


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
    names = Vocabulary(spec, types, check=check)
    work = _Resolution(spec, names, check=check)
    members, none = work.members(query.filter, outermost=True)
    params, given = work.parameters(query.params)
    return Resolved(
        filter=replace(query.filter, members=members),
        select=None if query.select is None else names.selected(query.select),
        order=names.ordered(query.order),
        none=none,
        params=params,
        given=given,
    )


class _Resolution:
    """Conditions in the comparisons and values that one method takes."""

    def __init__(self, spec: MethodSpec, names: Vocabulary, *, check: bool) -> None:
        self._spec, self._names, self._check = spec, names, check
        self._facts = filter_facts(spec)

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
            elif one.test in ("in", "like"):
                none.append(one)
            elif one.test not in ("not in", "not like"):  # what is not among no values is every row
                raise ConfigError(f"the filter {one.key!r} has an empty list", hint="leave the condition out")
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
            known = self._names.filtered(one.name)
            if known is None:
                return self._unknown(one)
            found = self._valued(self._operator(replace(one, name=known.sent), known), known)
            if self._names.lists_all and not known.on_page and not (known.user and not found.why):
                raise SchemaError(
                    f"{self._spec.method} does not filter by {known.sent}: its page has a complete list of fields",
                    hint=f"leave the condition out and filter the frame instead; {ANYWAY}",
                )
        except SdkError:
            if self._check or self._is_bound(one):  # a walk by id asks for bounds itself, so it has to read them
                raise
            return replace(self._unknown(one), why="check_fields=False")
        return found

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

    def _operator(self, one: Condition, known: FilterField) -> Condition:
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

    def _listing(self, one: Condition, known: FilterField, allowed: Collection[str]) -> Condition:
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

    def _valued(self, one: Condition, known: FilterField) -> Condition:
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

    def _why(self, one: Condition, known: FilterField, sent: Sequence[Any]) -> str:  # noqa: PLR0911
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
            own = self._names.parameter(name)
            if own is None or isinstance(value, Mapping):
                sent[name] = value
                continue
            one = self._condition(Condition(key=name, prefix="", name=own, value=value))
            sent[one.name] = one.value
            given.append(one)
        if self._check and self._spec.filter is not None and not self._spec.positional:
            check_beside_filter(
                self._spec, self._names.conditions, {name: value for name, value in params.items() if name in sent}
            )
        return sent, tuple(given)
