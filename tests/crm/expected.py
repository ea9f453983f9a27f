"""What the views of a CRM have to hold, computed with pandas from the portal's own rows: apart from the SQL.

Each function is one view; ``KEYS`` tells what identifies a row of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from b24data import Sandbox

HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)


def moments(values: pd.Series) -> pd.Series:
    return pd.to_datetime(values.where(values.map(bool), None), utc=True, format="ISO8601")


def ids(values: pd.Series) -> pd.Series:
    """Numbers, empty where a record refers to none."""
    return pd.to_numeric(values, errors="coerce").replace(0, np.nan)


def texts(values: pd.Series) -> pd.Series:
    return values.map(lambda value: value or None)


def full_names(rows: pd.DataFrame, first: str, last: str) -> pd.Series:
    parts = rows[[first, last]].fillna("")
    return texts((parts[first] + " " + parts[last]).str.strip(" "))


class Book:
    """The portal's lists, as pandas reads them; ``began`` is the time of the run that the views are compared with."""

    def __init__(self, portal: Sandbox, began: pd.Timestamp) -> None:
        self.portal, self.began = portal, began

    def rows(self, method: str, **params: Any) -> pd.DataFrame:
        return pd.DataFrame(self.portal.rows(method, params=params))

    def items(self, type_id: int) -> pd.DataFrame:
        return self.rows("crm.item.list", entityTypeId=type_id)

    # What the views look up.

    @cached_property
    def owners(self) -> pd.DataFrame:
        users = self.rows("user.get")
        departments = self.rows("department.get")
        named = dict(zip(departments["ID"].astype(int), departments["NAME"], strict=True))
        first = users["UF_DEPARTMENT"].map(lambda many: min(many) if many else None)
        return pd.DataFrame(
            {
                "owner": full_names(users, "NAME", "LAST_NAME").to_numpy(),
                "department_id": first.to_numpy(),
                "department": first.map(named).to_numpy(),
            },
            index=pd.Index(users["ID"].astype(int)),
        )

    @cached_property
    def statuses(self) -> pd.DataFrame:
        rows = self.rows("crm.status.list")
        rows["SORT"] = rows["SORT"].astype(int)
        rows["SEMANTICS"] = rows["SEMANTICS"].fillna("P").replace("", "P")
        return rows.set_index(["ENTITY_ID", "STATUS_ID"])

    @cached_property
    def categories(self) -> dict[int, str]:
        rows = self.rows("crm.category.list", entityTypeId=2)
        return dict(zip(rows["id"], rows["name"], strict=True))

    @cached_property
    def rates(self) -> dict[str, float]:
        rows = self.rows("crm.currency.list")
        each = rows["AMOUNT"].astype(float) / rows["AMOUNT_CNT"].astype(float)
        return dict(zip(rows["CURRENCY"], each.mask(rows["BASE"] == "Y", 1.0), strict=True))

    def owner_columns(self, users: pd.Series) -> dict[str, pd.Series]:
        found = self.owners.reindex(users)
        return {name: pd.Series(found[name].to_numpy(), users.index) for name in found}

    def stage_of_deal(self, category: int, stage: str) -> tuple[str | None, int | None, str | None]:
        return self._stage(f"DEAL_STAGE_{category}" if category else "DEAL_STAGE", stage)

    def stage_of_lead(self, stage: str) -> tuple[str | None, int | None, str | None]:
        return self._stage("STATUS", stage)

    def source(self, code: str | None) -> str | None:
        return None if not code else self._stage("SOURCE", code)[0]

    def _stage(self, entity: str, code: str) -> tuple[str | None, int | None, str | None]:
        if (entity, code) not in self.statuses.index:
            return None, None, None
        row = self.statuses.loc[(entity, code)]
        return row["NAME"], int(row["SORT"]), row["SEMANTICS"]

    # The views.

    @cached_property
    def deal_stages(self) -> pd.DataFrame:
        found = []
        history = self.rows("crm.stagehistory.list", entityTypeId=2)
        history["entered"] = moments(history["CREATED_TIME"])
        for deal, moves in history.sort_values(["entered", "ID"]).groupby("OWNER_ID"):
            visits: dict[str, int] = {}
            times = [*moves["entered"], None]
            for at, move in enumerate(moves.to_dict("records")):
                stage, left = move["STAGE_ID"], times[at + 1]
                visits[stage] = visits.get(stage, 0) + 1
                name, sort, semantics = self.stage_of_deal(move["CATEGORY_ID"], stage)
                found.append(
                    {
                        "id": move["ID"],
                        "deal_id": deal,
                        "category_id": move["CATEGORY_ID"],
                        "category": self.categories.get(move["CATEGORY_ID"]),
                        "stage_id": stage,
                        "stage": name,
                        "sort": sort,
                        "semantics": semantics or move["STAGE_SEMANTIC_ID"],
                        "is_deleted_stage": name is None,
                        "entered_at": times[at],
                        "left_at": left,
                        "hours": None if left is None else (left - times[at]) / HOUR,
                        "visit": visits[stage],
                        "is_current": left is None,
                    }
                )
        return pd.DataFrame(found)

    @cached_property
    def funnel(self) -> pd.DataFrame:
        reached: dict[tuple[Any, ...], list[tuple[bool, float | None]]] = {}
        facts: dict[tuple[Any, ...], dict[str, Any]] = {}
        stays = self.deal_stages
        for (_, category), moves in stays.groupby(["deal_id", "category_id"]):
            for stage, here in moves.groupby("stage_id"):
                one = here.iloc[0]
                entered = here["entered_at"].min()
                later = moves[(moves["entered_at"] >= entered) & (moves["stage_id"] != stage)]
                ahead = (later["semantics"] == "P") & (later["sort"] > one["sort"])
                ended = here["hours"].dropna()
                key = (category, entered.strftime("%Y-%m-01"), stage)
                went_on = bool(((later["semantics"] == "S") | ahead).any())
                reached.setdefault(key, []).append((went_on, ended.sum() if len(ended) else None))
                facts[key] = {name: one[name] for name in ("category", "stage", "sort", "semantics")}
        found = []
        for (category, month, stage), deals in reached.items():
            passed = sum(went_on for went_on, _ in deals)
            hours = [hours for _, hours in deals if hours is not None]
            found.append(
                {
                    "category_id": category,
                    "month": pd.Timestamp(month),
                    "stage_id": stage,
                    **facts[category, month, stage],
                    "reached": len(deals),
                    "passed_on": passed,
                    "conversion": passed / len(deals),
                    "median_hours": float(np.median(hours)) if hours else None,
                }
            )
        return pd.DataFrame(found)

    @cached_property
    def deal_facts(self) -> pd.DataFrame:
        deals = self.items(2)
        contacts, companies = self.items(3), self.items(4)
        named_contacts = dict(zip(contacts["id"], full_names(contacts, "name", "lastName"), strict=True))
        named_companies = dict(zip(companies["id"], texts(companies["title"]), strict=True))
        stages = [self.stage_of_deal(*one) for one in zip(deals["categoryId"], deals["stageId"], strict=True)]
        created, moved = moments(deals["createdTime"]), moments(deals["movedTime"])
        ended = moved.where(deals["closed"] == "Y", self.began)
        owner = ids(deals["assignedById"])
        amount = deals["opportunity"].astype(float)
        last = self._activities_of_deals()
        return pd.DataFrame(
            {
                "deal_id": deals["id"],
                "title": texts(deals["title"]),
                "category_id": deals["categoryId"],
                "category": deals["categoryId"].map(self.categories),
                "stage_id": deals["stageId"],
                "stage": [name for name, _, _ in stages],
                "semantics": [
                    known or own for (_, _, known), own in zip(stages, deals["stageSemanticId"], strict=True)
                ],
                "created_time": created,
                "moved_time": moved,
                "closedate": pd.to_datetime(deals["closedate"].str[:10]),
                "company_id": ids(deals["companyId"]),
                "company": ids(deals["companyId"]).map(named_companies),
                "contact_id": ids(deals["contactId"]),
                "contact": ids(deals["contactId"]).map(named_contacts),
                "owner_id": owner,
                **self.owner_columns(owner),
                "lead_id": ids(deals["leadId"]),
                "source_id": texts(deals["sourceId"]),
                "source": deals["sourceId"].map(self.source),
                "amount": amount,
                "currency_id": texts(deals["currencyId"]),
                "amount_base": amount * deals["currencyId"].map(self.rates),
                "days_open": (ended - created) / DAY,
                "last_activity": deals["id"].map(last["max"]),
                "activities": deals["id"].map(last["count"]).fillna(0),
            }
        )

    def _activities_of_deals(self) -> pd.DataFrame:
        activities = self.rows("crm.activity.list", select=["*", "BINDINGS"])
        bound = activities.explode("BINDINGS").dropna(subset=["BINDINGS"])
        bound["deal"] = [int(one["OWNER_ID"]) if one["OWNER_TYPE_ID"] == "2" else None for one in bound["BINDINGS"]]
        bound["made"] = moments(bound["CREATED"])
        return bound.drop_duplicates(["ID", "deal"]).groupby("deal")["made"].agg(["max", "count"])

    @cached_property
    def deal_product_facts(self) -> pd.DataFrame:
        rows = self.rows("crm.item.productrow.list", filter={"=ownerType": "D"})
        products = self.rows("crm.product.list")
        named = dict(zip(products["ID"].astype(int), products["NAME"], strict=True))
        deals = self.deal_facts.set_index("deal_id").reindex(rows["ownerId"]).reset_index()
        amount = rows["price"] * rows["quantity"]
        names = ["category_id", "category", "stage_id", "semantics", "created_time", "owner_id", "owner"]
        return pd.DataFrame(
            {
                "id": rows["id"],
                "deal_id": rows["ownerId"],
                **{name: deals[name] for name in names},
                "product_id": ids(rows["productId"]),
                "product": rows["productId"].map(named).fillna(rows["productName"]),
                "price": rows["price"],
                "quantity": rows["quantity"],
                "amount": amount,
                "amount_base": amount * deals["currency_id"].map(self.rates),
            }
        )

    @cached_property
    def lead_to_deal(self) -> pd.DataFrame:
        leads = self.items(1)
        stages = leads["stageId"].map(self.stage_of_lead)
        owner = ids(leads["assignedById"])
        facts = pd.DataFrame(
            {
                "lead_id": leads["id"],
                "title": texts(leads["title"]),
                "source_id": texts(leads["sourceId"]),
                "source": leads["sourceId"].map(self.source),
                "lead_stage_id": leads["stageId"],
                "lead_stage": stages.map(lambda one: one[0]),
                "lead_semantics": stages.map(lambda one: one[2]).fillna(leads["stageSemanticId"]),
                "lead_created": moments(leads["createdTime"]),
                "owner_id": owner,
                "owner": self.owner_columns(owner)["owner"],
            }
        )
        deals = self.deal_facts[["lead_id", "deal_id", "created_time", "semantics", "amount_base"]]
        deals = deals.dropna(subset=["lead_id"]).rename(
            columns={"created_time": "deal_created", "semantics": "deal_semantics"}
        )
        found = facts.merge(deals, on="lead_id", how="left")
        found["hours_to_deal"] = (found["deal_created"] - found["lead_created"]) / HOUR
        return found

    @cached_property
    def call_facts(self) -> pd.DataFrame:
        calls = self.rows("voximplant.statistic.get")
        owner = ids(calls["PORTAL_USER_ID"])
        return pd.DataFrame(
            {
                "call_id": calls["ID"].astype(int),
                "started_at": moments(calls["CALL_START_DATE"]),
                "seconds": calls["CALL_DURATION"].astype(int),
                "direction": calls["CALL_TYPE"].map({"1": "out", "2": "in", "3": "in", "4": "callback"}),
                "answered": calls["CALL_FAILED_CODE"] == "200",
                "owner_id": owner,
                **self.owner_columns(owner),
                "phone_number": texts(calls["PHONE_NUMBER"]),
                "crm_entity_type": texts(calls["CRM_ENTITY_TYPE"]),
                "crm_entity_id": ids(calls["CRM_ENTITY_ID"]),
                "crm_activity_id": ids(calls["CRM_ACTIVITY_ID"]),
                "cost": calls["COST"].astype(float),
                "cost_currency": texts(calls["COST_CURRENCY"]),
            }
        )

    @cached_property
    def manager_month(self) -> pd.DataFrame:
        table = pd.DataFrame(self._events(), columns=["owner_id", "at", "what", "amount"]).dropna(
            subset=["owner_id", "at"]
        )
        table["month"] = table["at"].dt.tz_convert("UTC").dt.strftime("%Y-%m-01")
        found = table.pivot_table("amount", ["owner_id", "month"], "what", aggfunc="sum", fill_value=0).reset_index()
        found["month"] = pd.to_datetime(found["month"])
        return found.assign(**self.owner_columns(found["owner_id"]))

    def _events(self) -> Iterator[tuple[float, pd.Timestamp, str, float]]:
        for deal in self.deal_facts.to_dict("records"):
            yield deal["owner_id"], deal["created_time"], "deals_created", 1
            if deal["semantics"] in ("S", "F"):
                word = {"S": "deals_won", "F": "deals_lost"}[deal["semantics"]]
                yield deal["owner_id"], deal["moved_time"], word, 1
            if deal["semantics"] == "S":
                yield deal["owner_id"], deal["moved_time"], "amount_won", np.nan_to_num(deal["amount_base"])
        for call in self.call_facts.to_dict("records"):
            yield call["owner_id"], call["started_at"], "calls", 1
            yield call["owner_id"], call["started_at"], "call_seconds", call["seconds"]
        activities = self.rows("crm.activity.list")
        for owner, at in zip(ids(activities["RESPONSIBLE_ID"]), moments(activities["CREATED"]), strict=True):
            yield owner, at, "activities", 1
        tasks = self.rows("tasks.task.list")
        for owner, at in zip(ids(tasks["responsibleId"]), moments(tasks["closedDate"]), strict=True):
            yield owner, at, "tasks_closed", 1


KEYS: Mapping[str, list[str]] = {
    "deal_stages": ["id"],
    "funnel": ["category_id", "month", "stage_id"],
    "deal_facts": ["deal_id"],
    "deal_product_facts": ["id"],
    "lead_to_deal": ["lead_id", "deal_id"],
    "call_facts": ["call_id"],
    "manager_month": ["owner_id", "month"],
}


def same_rows(view: str, found: pd.DataFrame, book: Book) -> None:
    """The view has the columns and the rows of the computation; numbers may differ by rounding alone."""
    wanted: pd.DataFrame = getattr(book, view)
    assert sorted(found.columns) == sorted(wanted.columns)
    left, right = (rows.sort_values(KEYS[view]).reset_index(drop=True) for rows in (found, wanted))
    assert len(left) == len(right) > 0
    for name in right.columns:
        plain = _plain_numbers if pd.api.types.is_numeric_dtype(right[name]) else _plain_values
        _same_values(plain(left[name]), plain(right[name]), f"{view}.{name}")


def _plain_numbers(values: pd.Series) -> np.ndarray:
    return values.astype("Float64").to_numpy(float, na_value=np.nan)


def _plain_values(values: pd.Series) -> list[Any]:
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.dt.strftime("%Y-%m-%d %H:%M:%S.%f")
    return [None if pd.isna(value) else value for value in values]


def _same_values(left: Any, right: Any, name: str) -> None:
    if isinstance(right, np.ndarray):
        assert np.allclose(left, right, rtol=1e-9, atol=1e-9, equal_nan=True), name
        return
    different = [(one, other) for one, other in zip(left, right, strict=True) if one != other]
    assert not different, f"{name}: {len(different)} of {len(right)} differ, the first {different[0]}"
