"""What is known of each list method: facts as data (``methods.json``), read once.

The facts come from the official documentation: repository ``bitrix24/b24restdocs``, commit 5988ed13, one page a method.
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

Walk = Literal["keyset", "offset", "whole"]

__all__ = ["MethodSpec", "known_methods", "nearest_methods", "spec_of"]


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """How one list method is asked and how it answers.

    ``id`` is the key of the id in a row, ``id_asked`` its name in select, filter and order. ``rows_at`` is the key of
    ``result`` under which the rows lie; empty: ``result`` is the list. ``filter``, ``order`` and ``select`` are the
    names of the parameters, ``None`` where the method has none. ``answer_case`` is the spelling of fields in rows.
    ``short_page_ends`` is true where fewer rows than a page prove the end (settings/performance/huge-data.md).
    ``fields`` describes the fields, asked with ``fields_params`` (``$path``: as in the request for the list; None: the
    required ones), and ``userfields`` its user fields; ``also`` are names that it takes and that neither describes.
    """

    method: str
    walk: Walk
    id: str | None = None
    id_asked: str | None = None
    rows_at: str = ""
    filter: str | None = None
    order: str | None = None
    order_form: Literal["object", "sort_order"] = "object"
    select: str | None = None
    start: str | None = None
    page: int = 50
    short_page_ends: bool = True
    required: tuple[str, ...] = ()
    fields: str | None = None
    fields_params: Mapping[str, Any] | None = None
    userfields: str | None = None
    also: tuple[str, ...] = ()
    answer_case: Literal["as_is", "camel"] = "as_is"
    deprecated: str | bool = False
    documented: bool = True

    @classmethod
    def of(cls, method: str, facts: Mapping[str, Any]) -> MethodSpec:
        """One entry of ``methods.json``."""
        known = dict(facts)
        known |= {name: tuple(known.get(name, ())) for name in ("required", "also")}
        known.setdefault("id_asked", known.get("id"))
        return cls(method=method, **known)


@functools.cache
def _table() -> dict[str, MethodSpec]:
    facts = json.loads(resources.files(__package__).joinpath("methods.json").read_text(encoding="utf-8"))
    return {method.lower(): MethodSpec.of(method, known) for method, known in facts.items()}


def spec_of(method: str) -> MethodSpec:
    """The facts about ``method``, looked up without regard to case.

    A method that the table lacks gets the common denominator of list methods: counted pages by ``start``, the rows in
    ``result`` or in its only list.

    >>> spec_of("CRM.Deal.List").id
    'ID'
    >>> spec_of("partner.thing.list").documented
    False
    """
    known = _table().get(method.lower())
    if known is not None:
        return known
    return MethodSpec(
        method=method,
        walk="offset",
        rows_at="*",
        filter="filter",
        order="order",
        select="select",
        start="start",
        documented=False,
    )


def known_methods() -> list[str]:
    """The names of all methods that the facts are about.

    >>> "crm.deal.list" in known_methods()
    True
    """
    return [spec.method for spec in _table().values()]


def nearest_methods(method: str, count: int = 3) -> list[str]:
    """Known list methods with a name like ``method``: for messages about a misspelt one.

    >>> nearest_methods("crm.deals.list")[0]
    'crm.deal.list'
    """
    return [_table()[name].method for name in difflib.get_close_matches(method.lower(), _table(), n=count, cutoff=0.6)]
