"""The requests in the code samples of the documentation pass, and what they ask is sent."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest

from b24data.errors import SdkError
from b24data.fields.descriptions import Described, Descriptions, field_types
from b24data.http.clock import SYSTEM_CLOCK
from b24data.http.context import CallContext
from b24data.lists.conditions import each_condition
from b24data.lists.methods import spec_of
from b24data.lists.plan import make_plan, settled
from b24data.lists.query import FieldTypes
from tests.lists.test_methods import given_for
from tests.questions.direct import DirectPortal

# b24restdocs, commit 5988ed13: the samples of the pages of all list methods.
SAMPLES: list[dict[str, Any]] = json.loads(
    Path(__file__).parents[1].joinpath("lists", "documented_requests.json").read_text(encoding="utf-8")
)
PAGED_BY = {"start", "next", "page", "limit", "offset", "pagination", "cursor", "nav_params"}
# A map where a list belongs, names that the fields of the answer do not have, and properties of one portal.
UNUSUAL_SELECT = {"userfieldconfig.list", "humanresources.employee.search", "lists.element.get"}


@functools.cache
def descriptions() -> tuple[DirectPortal, Descriptions]:
    portal = DirectPortal(deals=5)
    return portal, Descriptions(portal.client.get_http_client, SYSTEM_CLOCK)


def described(spec: Any, params: Any) -> Described:
    try:
        return descriptions()[1].of(spec, params, CallContext())
    except SdkError:
        return Described({})


@pytest.mark.parametrize("at", range(0, len(SAMPLES), 25))
def test_documented_requests__each_passes_with_and_without_a_description(at: int) -> None:
    for sample in SAMPLES[at : at + 25]:
        spec = spec_of(sample["method"])
        if spec.walk == "refused":
            continue
        needed = given_for(spec)
        params = {name: value for name, value in (sample.get("params") or {}).items() if name.lower() not in PAGED_BY}
        select = None if spec.method in UNUSUAL_SELECT else sample.get("select")
        plan = make_plan(
            spec,
            select=select or needed.get("select"),
            filter=sample.get("filter") or needed.get("filter"),
            order=sample.get("order"),
            params={**needed.get("params", {}), **params},
        )
        for types in (FieldTypes(), field_types(described(spec, plan.params))):
            found = settled(plan, types)
            conditions = [*each_condition(found.conditions), *found.bounds]
            asked = sample.get("filter") if isinstance(sample.get("filter"), dict) else {}
            names = [name for name in asked or {} if not name.isdecimal() and name.lower() != "logic"]
            assert {one.key for one in conditions} >= set(names) or found.empty, sample
