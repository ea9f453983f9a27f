"""What is known of each list method: facts as data (``methods.json``), read once.

The facts come from the official documentation: repository ``bitrix24/b24restdocs``, commit 5988ed13, one page a method.
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal

from b24data.errors import ConfigError
from b24data.http.encode import check_method
from b24data.http.retry import is_read
from b24data.text.hints import CALL

WalkKind = Literal[
    "keyset", "offset", "page_nav", "offset_limit", "last_id", "v3_keyset", "v3_tail", "whole", "refused"
]


_V3 = "v3:"
_COMMON: dict[str, Any] = {"filter": "filter", "order": "order", "select": "select", "documented": False}
_COMMON_V2 = {**_COMMON, "start": "start"}
_COMMON_V3 = {
    **_COMMON,
    "filter_form": "conditions",
    "start": "pagination.offset",
    "size": "pagination.limit",
    "id": "id",
    "id_asked": "id",
    "fields": "rest.documentation.openapi",
}


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """How one list method is asked and how it answers. Names of parameters may be paths: ``pagination.limit``.

    **Rows** lie in ``result``, or in what ``rows_at`` names there (``*``: in its only list). ``shape`` is ``list``,
    ``by_key`` (an object of rows), ``groups`` (an object of lists) or ``one_or_list`` (a single row comes bare);
    ``key`` is the column that a row's or list's key goes to, by default the id. ``id`` is the id in a row, ``id_asked``
    its name in select, filter and order. Where several rows may have one id, or rows have none, ``key_with`` are the
    fields in which they differ: rows are then known by all that they hold, so they are asked for with these fields, and
    a list that asks for such a field is not read by ids.
    ``answer_case`` is the spelling of fields in rows.

    **Parameters**: ``filter``, ``order`` and ``select``, None where the method has none. ``order_form`` and
    ``filter_form`` say what they look like. ``required`` are paths, ``a|b`` are alternatives. ``positional`` has the
    slots of a method that goes by position; ``?``: left out when not given.

    **Pages**: ``start`` is the parameter for the first row, ``number`` that for the page, ``size`` that for the rows of
    a page (``page`` by default, ``page_max`` at most), ``cursor`` that for where to go on, copied from ``next_at`` of
    ``result`` where that is set; ``phase_param`` goes with a cursor. ``more_at`` of ``result`` tells of more rows.
    ``short_page_ends``: fewer rows than a page prove the end (settings/performance/huge-data.md). ``repeats_last``:
    behind the last page it comes again. ``overlaps``: pages share rows. ``refusal``: why a method is refused.

    **Part**: ``part`` says which part of the list comes where a parameter is not given, by its path.

    ``fields`` describes the fields, asked with ``fields_params`` (``$path``: as in the request for the list), and
    ``userfields`` its user fields; ``extra_names`` are names that it takes and that neither describes,
    ``with_star`` those of a row that it gives only where ``*`` is selected.
    ``rest.documentation.openapi`` describes the fields of every list of REST 3.0.
    ``modified`` is the field that tells when a row was changed last (or written, where rows do not change) and that the
    filter compares by ``>=``: what :meth:`Tools.sync` goes by. Fields that stay empty until the first change are none.
    ``deprecated`` is the method that follows this one, or True.
    """

    method: str
    walk: WalkKind
    version: Literal["v2", "v3"] = "v2"
    rows_at: str = ""
    shape: Literal["list", "by_key", "groups", "one_or_list"] = "list"
    key: str | None = None
    id: str | None = None
    id_asked: str | None = None
    key_with: tuple[str, ...] = ()
    answer_case: Literal["as_is", "camel"] = "as_is"
    filter: str | None = None
    filter_form: Literal["object", "conditions"] = "object"
    order: str | None = None
    order_form: Literal["object", "sort_order"] = "object"
    select: str | None = None
    required: tuple[str, ...] = ()
    positional: tuple[str, ...] = ()
    start: str | None = None
    number: str | None = None
    size: str | None = None
    cursor: str | None = None
    next_at: str | None = None
    phase_param: str | None = None
    more_at: str | None = None
    page: int = 50
    page_max: int | None = None
    short_page_ends: bool = True
    repeats_last: bool = False
    overlaps: bool = False
    refusal: str = ""
    part: Mapping[str, str] = field(default_factory=dict)
    fields: str | None = None
    fields_params: Mapping[str, Any] = field(default_factory=dict)
    userfields: str | None = None
    extra_names: tuple[str, ...] = ()
    with_star: tuple[str, ...] = ()
    modified: str | None = None
    deprecated: str | bool = False
    documented: bool = True

    @property
    def page_asked(self) -> int:
        """How many rows to ask for at once: as many as the method gives."""
        return self.page_max or self.page

    @property
    def paging(self) -> frozenset[str]:
        """The parameters that say which page is wanted, as paths in lower case."""
        names = (self.start, self.number, self.size, self.cursor, self.phase_param)
        return frozenset(name.lower() for name in names if name)

    @classmethod
    def of(cls, method: str, facts: Mapping[str, Any]) -> MethodSpec:
        """One entry of ``methods.json``."""
        known = dict(facts)
        several = ("required", "extra_names", "with_star", "positional", "key_with")
        known |= {name: tuple(known.get(name, ())) for name in several}
        known.setdefault("id_asked", known.get("id"))
        return cls(method=method.removeprefix(_V3), **known)


@functools.cache
def _facts() -> dict[str, dict[str, Any]]:
    facts: dict[str, dict[str, Any]] = json.loads(
        resources.files(__package__).joinpath("methods.json").read_text(encoding="utf-8")
    )
    return facts


@functools.cache
def _table() -> dict[str, MethodSpec]:
    return {method.lower(): MethodSpec.of(method, known) for method, known in _facts().items()}


def spec_of(method: str) -> MethodSpec:
    """The facts about ``method``, looked up without regard to case.

    A method that exists in REST 2 and REST 3.0 is read in REST 2; ``v3:`` before its name asks for REST 3.0.
    A method that the table lacks gets the common denominator of list methods: counted pages by ``start``, the rows in
    ``result`` or in its only list; in REST 3.0 pages by ``pagination.offset``, the rows in ``items``.

    >>> spec_of("CRM.Deal.List").id
    'ID'
    >>> spec_of("tasks.task.list").version, spec_of("v3:tasks.task.list").walk
    ('v2', 'v3_keyset')
    >>> spec_of("partner.thing.list").documented
    False
    """
    if not isinstance(method, str) or not method.strip():
        raise ConfigError(f"the method is {method!r}", hint='write its name: "crm.deal.list"')
    asked = method.lower()
    known = _table().get(asked) or _table().get(asked.removeprefix(_V3))
    if known is not None and (known.version == "v3" or not asked.startswith(_V3)):
        return known
    if asked.startswith(_V3):
        return MethodSpec(check_method(method[len(_V3) :]), "offset_limit", version="v3", rows_at="items", **_COMMON_V3)
    return MethodSpec(check_method(method), "offset", rows_at="*", **_COMMON_V2)


def known_methods() -> list[str]:
    """The names of all methods that the facts are about, as :func:`spec_of` takes them.

    >>> "crm.deal.list" in known_methods(), "v3:tasks.task.list" in known_methods(), len(known_methods())
    (True, True, 355)
    """
    return list(_facts())


def nearest_methods(method: str, count: int = 3) -> list[str]:
    """Known list methods with a name like ``method``: for messages about a misspelled one.

    >>> nearest_methods("crm.deals.list")[0]
    'crm.deal.list'
    """
    near = _nearest(method, _table(), count)
    return list(dict.fromkeys(_table()[name].method for name in near))


@functools.cache
def documented_names() -> Mapping[str, str]:
    """The names of all methods of the documentation, lists or not, by their lower-case form.

    >>> documented_names()["crm.deal.add"], "crm.deal.lst" in documented_names()
    ('crm.deal.add', False)
    """
    names = resources.files(__package__).joinpath("names.txt").read_text(encoding="utf-8").split()
    return {name.lower(): name for name in names}


def nearest_names(method: str, count: int = 3) -> list[str]:
    """Documented methods of any kind with a name like ``method``.

    >>> nearest_names("crm.deal.udpate", 1)
    ['crm.deal.update']
    """
    return [documented_names()[name] for name in _nearest(method, documented_names(), count)]


def _nearest(method: str, names: Iterable[str], count: int) -> list[str]:
    """The nearest of ``names``, which are in lower case; first those that begin as ``method`` does."""
    asked = method.lower().strip().removesuffix(".json").rstrip("./")
    longer = [name for name in names if name.startswith(f"{asked}.")]
    near = difflib.get_close_matches(asked, longer, n=count, cutoff=0.0)
    near += difflib.get_close_matches(asked, names, n=count, cutoff=0.6)
    return list(dict.fromkeys(near))[:count]


def only_reads(method: str) -> bool:
    """Whether ``method`` changes nothing on the portal: by the facts about list methods, else by its name.

    >>> [only_reads(name) for name in ("bizproc.workflow.instances", "partner.thing.list", "crm.deal.delete", "batch")]
    [True, True, False, False]
    """
    spec = spec_of(method)
    return spec.walk != "refused" and (spec.documented or is_read(spec.method))


def check_reads(method: str) -> None:
    """Raise :class:`ConfigError` with the nearest list methods if ``method`` is not a read: a list is read in many
    requests, which are repeated where an answer was lost.

    >>> check_reads("user.add")
    Traceback (most recent call last):
    b24data.errors.ConfigError: user.add is not a read, and only reads are fetched. Hint: did you mean user.search?
    """
    if only_reads(method):
        return
    parent = method.lower().rpartition(".")[0]
    near = [name for name in nearest_methods(method) if only_reads(name)]
    near = [name for name in near if name.lower().startswith(f"{parent}.")] or near
    hint = f"did you mean {near[0]}?" if near else f"call it once with {CALL}"
    raise ConfigError(f"{method} is not a read, and only reads are fetched", hint=hint)
