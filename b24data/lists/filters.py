"""What each list method takes in its filter: facts as data (``filters.json``), read once.

The facts come from the official documentation: repository ``bitrix24/b24restdocs``, commit 5988ed13; each entry names
its page. Where a page is silent, the fact is empty. Of ``tasks.task.list``, the names MEMBER, ROLE, SEARCH_INDEX,
WO_DEADLINE and NOT_VIEWED are on no page; the portal's own code takes them (``tasks``, REST controller ``Task``).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from b24data.lists.methods import MethodSpec


@dataclass(frozen=True, slots=True)
class FilterName:
    """One documented name of a filter.

    ``type`` is ``int``, ``float``, ``flag``, ``day``, ``instant``, ``code`` (compared whole: an enumeration, a key),
    ``text``, or empty where the page does not say. ``field`` is the field of a row that the name compares with, where
    that has another name (not just another spelling), as in ``select``; ``-``: no field of the rows shows it.
    ``meaning`` explains a name that is not a field. ``many``: the plain key takes a list. ``flag`` and ``prefixes`` are
    set where the page gives this name its own spelling of a flag or its own comparisons; an empty set of comparisons:
    the filter does not support the name.
    """

    type: str = ""
    field: str = ""
    meaning: str = ""
    many: bool = False
    flag: str = ""
    prefixes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class FilterFacts:
    """How one method reads its filter.

    Methods of one ``family`` share their conventions; ``page`` is the page of the method itself. The family
    ``parameters`` has methods without a filter whose own parameters are conditions, such as ``department.get``.
    ``prefixes`` are the documented comparisons (``""`` is the plain key), None where the page names none; ``lists`` are
    those that take a list. ``groups``: conditions may be nested in groups with ``logic``.
    ``flags`` is how a flag is written (``Y/N``, ``1/0``, ``true/false``, or empty where the page does not say), and
    ``user_flags`` the same for boolean user fields.
    ``names`` are the documented names in the method's own spelling. ``only_named``: the page lists them all; otherwise
    the fields of the object count too. ``spelling`` is ``upper``, ``camel`` or ``as_is``.
    In a name that ends in N, such as ``propertyN``, N stands for a number.
    In REST 3.0 a comparison is an operator of its own (``["id", ">=", 5]``); ``prefixes`` then has the prefixes that
    :func:`b24data.lists.conditions.as_v3` turns into the documented operators.
    """

    family: str = ""
    page: str = ""
    prefixes: frozenset[str] | None = None
    groups: bool = False
    flags: str = ""
    user_flags: str = ""
    lists: frozenset[str] = frozenset()
    names: Mapping[str, FilterName] = field(default_factory=dict)
    only_named: bool = False
    spelling: str = "as_is"


@functools.cache
def _table() -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    facts = json.loads(resources.files(__package__).joinpath("filters.json").read_text(encoding="utf-8"))
    return facts["families"], {method.lower(): known for method, known in facts["methods"].items()}


def filter_facts(spec: MethodSpec) -> FilterFacts:
    """The facts about the filter of the method of ``spec``.

    A method that the documentation lacks, or that has no filter, gets the common denominator: no documented comparison,
    no groups, no lists. An undocumented method of REST 3.0 gets the conventions of REST 3.0.

    >>> from b24data.lists.methods import spec_of
    >>> facts = filter_facts(spec_of("tasks.task.list"))
    >>> facts.family, facts.names["REAL_STATUS"].field, facts.names["MEMBER"].meaning
    ('tasks', 'STATUS', 'the user takes part in the task in any role')
    >>> filter_facts(spec_of("crm.item.list")).groups, filter_facts(spec_of("partner.thing.list")).prefixes
    (True, None)
    """
    key = spec.method.lower()
    if spec.version == "v3":
        key = f"v3:{key}" if f"v3:{key}" in _table()[1] else key
    return _facts(key, undocumented=not spec.documented and spec.filter_form == "conditions")


@functools.cache
def _facts(key: str, *, undocumented: bool) -> FilterFacts:
    families, methods = _table()
    own = methods.get(key, {"family": "v3"} if undocumented else None)
    if own is None:
        return FilterFacts()
    shared = families[own["family"]]
    known = {**shared, **own, "names": {**shared.get("names", {}), **own.get("names", {})}}
    names = {name: _name(facts) for name, facts in known["names"].items()}
    prefixes = known.get("prefixes")
    return FilterFacts(
        **{
            **known,
            "names": names,
            "prefixes": None if prefixes is None else frozenset(prefixes),
            "lists": frozenset(known.get("lists", ())),
        }
    )


def _name(facts: str | Mapping[str, Any]) -> FilterName:
    """A name's facts; most have a type and nothing else, which is then all that is written down."""
    if isinstance(facts, str):
        return FilterName(facts)
    prefixes = facts.get("prefixes")
    return FilterName(**{**facts, "prefixes": None if prefixes is None else frozenset(prefixes)})
