"""The names of tables in SQL, and the lists that they stand for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from b24data.crm.tables import TABLES
from b24data.errors import ConfigError
from b24data.lists.methods import nearest_methods, only_reads, spec_of
from b24data.lists.names import near_names
from b24data.text.hints import OWN_TABLE, SYNC_CRM, option

_FILE = re.compile(r"[/\\*:~]|\.(?:parquet|pq|csv|tsv|txt|json|jsonl|ndjson|xlsx|db|duckdb|sqlite|arrow|avro|gz|zst)$")
_SMART = re.compile(r"smart_(\d+)")


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of the portal: a method with the parameters that it needs."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    meaning: str = ""


_READ = {one.name: Listed(one.method, one.params, one.meaning) for one in TABLES if one.kind in ("synced", "whole")}
# The tables of a CRM folder that one list gives, and `stages`, which is what people call the statuses.
SHORT_NAMES: Mapping[str, Listed] = {**_READ, "stages": _READ["statuses"]}
_MADE = {one.name for one in TABLES if one.kind in ("owned", "linked")}


def is_list_name(name: str) -> bool:
    """Whether a name means a list of the portal, so that no frame of that name is looked for.

    >>> [is_list_name(one) for one in ("Deals", "smart_7", "crm.deal.list", "deal_products", "plan")]
    [True, True, True, False, False]
    """
    return name.lower() in SHORT_NAMES or "." in name or _SMART.fullmatch(name.lower()) is not None


def list_of(name: str, beside: Iterable[str] = ()) -> Listed:
    """The list that a table's name stands for; :class:`ConfigError` with the nearest names, ``beside`` among them.

    >>> list_of("deals").params, list_of("smart_1052").params, list_of("CRM.Deal.List").method
    ({'entityTypeId': 2}, {'entityTypeId': 1052}, 'crm.deal.list')
    >>> list_of("dael")
    Traceback (most recent call last):
    b24data.errors.ConfigError: there is no table dael. Hint: did you mean deals?
    """
    plain = name.lower()
    if plain in SHORT_NAMES:
        return SHORT_NAMES[plain]
    if smart := _SMART.fullmatch(plain):
        return Listed("crm.item.list", {"entityTypeId": int(smart[1])}, "a smart process")
    if plain in _MADE:
        raise ConfigError(
            f"{plain} is derived from other tables and cannot be queried from a portal",
            hint=f"{SYNC_CRM} keeps a folder that has it; query that with {option('crm', 'crm')}",
        )
    if _FILE.search(plain):
        raise ConfigError(f"{name} in FROM is refused: SQL here reads no files and no network", hint=OWN_TABLE)
    if "." not in name:
        raise unknown_table(name, {*SHORT_NAMES, *beside})
    spec = spec_of(name)
    if not only_reads(name) or not spec.documented:
        near = nearest_methods(name, 1)
        raise ConfigError(
            f"{name} is not a list method", hint=f"did you mean {near[0]}?" if near else "show tables lists the names"
        )
    needs = [one for one in spec.required if "." not in one]
    if needs:
        raise ConfigError(
            f"{spec.method} needs {needs[0].replace('|', ' or ')}, which SQL can't give",
            hint=f"deals, leads, contacts, companies and smart_N stand for crm.item.list; else {OWN_TABLE}",
        )
    return Listed(spec.method)


def unknown_table(name: str, known: Iterable[str]) -> ConfigError:
    """The error for a name that no table has."""
    near = near_names(name, known, 2)
    hint = f"did you mean {' or '.join(near)}?" if near else "show tables lists the names"
    return ConfigError(f"there is no table {name}", hint=hint)
