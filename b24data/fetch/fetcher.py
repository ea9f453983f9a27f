"""What begins fetches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from b24data.fetch.fetch import Fetch
from b24data.fetch.options import FetchOptions
from b24data.fields.descriptions import Descriptions
from b24data.fields.dictionaries import Dictionaries
from b24data.http.clock import Clock
from b24data.http.session import Session
from b24data.lists.blocks import owners_in
from b24data.lists.methods import spec_of
from b24data.lists.plan import make_plan

__all__ = ["Fetcher"]


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Begins the fetches of one client, which share what the portal said of its fields and codes."""

    session_of: Callable[[str], Session]
    clock: Clock
    descriptions: Descriptions
    dictionaries: Dictionaries

    def fetch(
        self,
        method: str,
        select: Sequence[str] | None,
        conditions: Mapping[str, Any] | None,
        options: FetchOptions,
        *,
        by: str = "",
    ) -> Fetch:
        """The fetch of one list, of which nothing is asked yet; ``by`` is the condition whose values go in blocks."""
        plan = make_plan(
            spec_of(method),
            select=select,
            filter=conditions,
            order=options.order,
            params=options.params,
            limit=options.limit,
            check=options.check_fields,
        )
        if by and not plan.empty:
            owners_in(plan, by)
            plan = replace(plan, by=by, walk="offset")
        session = self.session_of(plan.spec.version)
        return Fetch(session, self.clock, self.descriptions, self.dictionaries, plan=plan, options=options)
