"""The tables of a CRM: where each comes from, what identifies a row, and in which order they are read. Pure.

The names of columns are those of SQL: ``companyId`` and ``COMPANY_ID`` are both ``company_id`` (:func:`sql_name`).
Methods, keys and fields of change stand on the pages of the methods (``api-reference/crm/universal``,
``crm/universal/product-rows``, ``crm/timeline/activities``, ``telephony``, ``tasks``, ``user``, ``departments``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from b24data.errors import ConfigError
from b24data.lists.names import near_names


@dataclass(frozen=True, slots=True)
class Owners:
    """The rows whose owners are asked for by their ids: a filter by ``type_key``, and by ``key`` in blocks."""

    table: str
    type_key: str
    type_value: str
    key: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    ``kind`` tells how it is kept: ``synced`` asks for what changed, ``whole`` is read in full each run, ``owned`` is
    read by the ids of its owners, ``linked`` is made of columns of another table without a request. ``key`` identifies
    a row. ``created`` is the field that ``since=`` is put on; tables that others refer to have none.
    """

    name: str
    kind: Literal["synced", "whole", "owned", "linked"]
    meaning: str
    key: tuple[str, ...]
    method: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    select: tuple[str, ...] | None = None
    cursor: str | None = None
    overlap: str = "10min"
    created: str | None = None
    source: str = ""  # a linked table: the table whose rows have the links
    owners: Owners | None = None
    refers: Mapping[str, str] = field(default_factory=dict)  # column -> table whose key it holds
    on_request: bool = False  # read only where `tables=` names it

    @property
    def needs(self) -> tuple[str, ...]:
        """The tables that have to be there before this one is made."""
        return (self.source,) if self.source else (self.owners.table,) if self.owners else ()


def sql_name(name: str) -> str:
    """The name of a column in SQL: lower case, words separated by ``_``.

    >>> sql_name("companyId"), sql_name("COMPANY_ID"), sql_name("ufCrm1700000000"), sql_name("UF_CRM_1_X")
    ('company_id', 'company_id', 'uf_crm_1700000000', 'uf_crm_1_x')
    """
    if name.isupper():
        return name.lower()
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=\d{5,})", "_", name)
    return parted.lower()


def _item(name: str, type_id: int, meaning: str, created: str | None, **refers: str) -> Table:
    """A table of ``crm.item.list``, which has the fields of every type under one set of names."""
    return Table(
        name,
        "synced",
        meaning,
        ("id",),
        "crm.item.list",
        {"entityTypeId": type_id},
        select=("*", "fm") if name in ("companies", "contacts") else None,
        cursor="updatedTime",
        created=created,
        refers={"assigned_by_id": "users", **refers},
    )


def _history(name: str, type_id: int, of: str) -> Table:
    return Table(
        name,
        "synced",
        f"each stage that {of} entered; rows are only ever added",
        ("ID",),
        "crm.stagehistory.list",
        {"entityTypeId": type_id},
        cursor="CREATED_TIME",
        created="CREATED_TIME",
        refers={"owner_id": of},
    )


def _products(name: str, of: str, type_code: str) -> Table:
    return Table(
        name,
        "owned",
        f"the product rows of {of}",
        ("id",),
        "crm.item.productrow.list",
        owners=Owners(of, "=ownerType", type_code, "=ownerId"),
        refers={"owner_id": of, "product_id": "products"},
    )


def _links(name: str, source: str, meaning: str, *key: str, **refers: str) -> Table:
    return Table(name, "linked", meaning, key, source=source, refers=refers)


# In the order that keeps links whole: what others refer to comes before them.
TABLES: tuple[Table, ...] = (
    Table("currencies", "whole", "currencies and their rates to the base currency", ("CURRENCY",), "crm.currency.list"),
    Table(
        "statuses",
        "whole",
        "stages of every pipeline, sources, types: codes, names, order, meaning",
        ("ENTITY_ID", "STATUS_ID"),
        "crm.status.list",
    ),
    Table("categories", "whole", "the pipelines of deals", ("id",), "crm.category.list", {"entityTypeId": 2}),
    Table("departments", "whole", "the tree of departments", ("ID",), "department.get"),
    Table("users", "whole", "employees and other users", ("ID",), "user.get"),
    _links(
        "user_departments",
        "users",
        "which user is in which department",
        "user_id",
        "department_id",
        user_id="users",
        department_id="departments",
    ),
    Table("products", "whole", "the catalogue", ("ID",), "crm.product.list"),
    _item("companies", 4, "companies", None),
    _links("company_channels", "companies", "phones and e-mails of companies, a row each", "company_id", "id"),
    _item("contacts", 3, "contacts", None, company_id="companies"),
    _links("contact_channels", "contacts", "phones and e-mails of contacts, a row each", "contact_id", "id"),
    _links(
        "contact_companies",
        "contacts",
        "which contact belongs to which company",
        "contact_id",
        "company_id",
        contact_id="contacts",
        company_id="companies",
    ),
    _item("leads", 1, "leads", "createdTime", company_id="companies", contact_id="contacts"),
    _products("lead_products", "leads", "L"),
    _history("lead_stage_history", 1, "leads"),
    _item("deals", 2, "deals", "createdTime", company_id="companies", contact_id="contacts", lead_id="leads"),
    _links(
        "deal_contacts",
        "deals",
        "which contact belongs to which deal",
        "deal_id",
        "contact_id",
        deal_id="deals",
        contact_id="contacts",
    ),
    _products("deal_products", "deals", "D"),
    _history("deal_stage_history", 2, "deals"),
    _item("quotes", 7, "quotes", "createdTime", deal_id="deals", company_id="companies"),
    _item("invoices", 31, "invoices", "createdTime", company_id="companies"),
    Table(
        "activities",
        "synced",
        "calls, e-mails, meetings and other activities",
        ("ID",),
        "crm.activity.list",
        select=("*", "BINDINGS"),
        cursor="LAST_UPDATED",
        created="CREATED",
        refers={"responsible_id": "users"},
    ),
    _links(
        "activity_links",
        "activities",
        "what an activity is bound to",
        "activity_id",
        "owner_type_id",
        "owner_id",
        activity_id="activities",
    ),
    Table(
        "calls",
        "synced",
        "calls of the telephony; a row is added when a call has ended",
        ("ID",),
        "voximplant.statistic.get",
        cursor="CALL_START_DATE",
        overlap="1d",
        created="CALL_START_DATE",
        refers={"portal_user_id": "users"},
    ),
    Table(
        "tasks",
        "synced",
        "tasks",
        ("ID",),
        "tasks.task.list",
        select=("*", "UF_CRM_TASK"),
        cursor="CHANGED_DATE",
        created="CREATED_DATE",
        refers={"responsible_id": "users", "created_by": "users"},
    ),
    _links("task_links", "tasks", "what a task is bound to", "task_id", "owner_type_id", "owner_id", task_id="tasks"),
    Table(
        "task_time",
        "whole",
        "time spent on tasks: fifty rows a request, so only on request",
        ("ID",),
        "task.elapseditem.getlist",
        refers={"task_id": "tasks", "user_id": "users"},
        on_request=True,
    ),
)


def smart_tables(types: Iterable[Mapping[str, Any]]) -> tuple[Table, ...]:
    """The tables of smart processes, from the rows of ``crm.type.list``: ``smart_1052`` and so on.

    >>> [table.name for table in smart_tables([{"entityTypeId": 1052, "title": "Returns"}])]
    ['smart_1052']
    """
    known = {table.params["entityTypeId"] for table in TABLES if table.method == "crm.item.list"}
    found = []
    for row in types:
        number = int(row["entityTypeId"])
        if number not in known:
            found.append(_item(f"smart_{number}", number, str(row.get("title") or "a smart process"), "createdTime"))
    return tuple(sorted(found, key=lambda table: table.name))


def check_tables(wanted: Iterable[str]) -> list[str]:
    """The names of tables; :class:`ConfigError` for what is not a list of names."""
    names = list(wanted) if isinstance(wanted, Iterable) and not isinstance(wanted, str | Mapping) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise ConfigError(
            f"tables={wanted!r} is not a list of names", hint='name them in a list, such as tables=["deals", "users"]'
        )
    return names


def chosen(wanted: Sequence[str] | None, there: Sequence[Table]) -> tuple[Table, ...]:
    """The tables to be kept, with those that they are made of, in their order; None: all but those on request."""
    by_name = {table.name: table for table in there}
    if wanted is None:
        return tuple(table for table in there if not table.on_request)
    unknown = [name for name in wanted if name not in by_name]
    if unknown:
        near = near_names(unknown[0], by_name, 1)
        raise ConfigError(
            f"there is no table {unknown[0]}",
            hint=f"did you mean {near[0]}?" if near else "`b24data crm tables` has them",
        )
    needed: set[str] = set()
    ahead = list(wanted)
    while ahead:
        name = ahead.pop()
        if name not in needed:
            needed.add(name)
            ahead += by_name[name].needs
    return tuple(table for table in there if table.name in needed)
