"""What the page of each list says about the columns of its rows: facts as data (``columns.json``), read once.

The facts come from the official documentation: repository ``bitrix24/b24restdocs``, commit 5988ed13; tables of returned
data and of fields, compared with the answers that the same pages show. They are about the lists that no method
describes, about those whose describing method describes something else, and about the system fields of universal lists.
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
class ColumnFacts:
    """One documented key of a row.

    ``type`` is a type as portals call them (``integer``, ``datetime``, ``char``, ``user``, ``crm_status``), empty where
    the page has the name alone. ``unit`` is that of a number: ``s``, ``min``, ``bytes``. ``values`` are the labels
    of its codes, if the page lists them.
    """

    name: str
    type: str = ""
    multiple: bool = False
    unit: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, known: str | Mapping[str, Any]) -> ColumnFacts:
        """One entry of ``columns.json``: a type, ``[type]`` for several values, or a map of all that is known.

        >>> ColumnFacts.of("departments", "[integer]")
        ColumnFacts(name='departments', type='integer', multiple=True, unit='', values={})
        """
        if not isinstance(known, str):
            return cls(name, **known)
        return cls(name, known.strip("[]"), multiple=known.startswith("["))


@functools.cache
def _table() -> dict[str, tuple[ColumnFacts, ...]]:
    facts = json.loads(resources.files(__package__).joinpath("columns.json").read_text(encoding="utf-8"))
    return {
        method.lower(): tuple(ColumnFacts.of(name, known) for name, known in columns.items())
        for method, columns in facts.items()
    }


def column_facts(spec: MethodSpec) -> tuple[ColumnFacts, ...]:
    """The documented columns of a list; none where its page has none, or where a method of the portal describes them.

    >>> from b24data.lists.methods import spec_of
    >>> {one.name: one.type for one in column_facts(spec_of("voximplant.statistic.get"))}["COST"]
    'double'
    """
    key = spec.method.lower()
    named = _table().get(f"v3:{key}") if spec.version == "v3" else None
    return named or _table().get(key, ())
