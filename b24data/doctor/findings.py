"""What a portal really does with a list: found by the questions that open a walk, told without naming anybody.

Nothing here says which portal it is, who asks, or what is in the rows: it can be put into a public report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from b24data.client.connect import Client
from b24data.errors import MethodNotFoundError, SdkError
from b24data.http.context import CallContext
from b24data.http.redirect import bitrix24_zone
from b24data.lists.capability import opening_commands
from b24data.lists.keyset import judge_opening
from b24data.lists.methods import nearest_methods, spec_of
from b24data.lists.plan import make_plan
from b24data.lists.reader import PageReader
from b24data.lists.rows import id_reader
from b24data.text.redact import redact

# What most portals have, and the dialects that differ most.
USUAL = ("crm.deal.list", "crm.contact.list", "tasks.task.list", "user.get", "crm.status.list")

_TRIES = 2  # a person is waiting for the answer


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of one method. None: not to be seen, because there are too few rows or no such question.

    ``order`` and ``above`` (a lower bound on the id) make a walk by id possible; ``below``, ``floor`` (a second bound)
    and ``chains`` (references inside a batch) make it quick. ``short_page_ends``: a page that is not full is the last.
    """

    method: str
    walk: str = ""
    page: int | None = None
    rows_of_first_page: int | None = None
    seconds: float | None = None
    order: bool | None = None
    above: bool | None = None
    below: bool | None = None
    floor: bool | None = None
    chains: bool | None = None
    short_page_ends: bool | None = None
    counts: bool | None = None
    error: str = ""


def findings_of(client: Client, methods: Sequence[str], params: Mapping[str, Any] | None = None) -> Iterator[Finding]:
    """One finding for each method, one or two requests each; an error is part of its finding."""
    for method in methods:
        try:
            yield _finding(client, method, params)
        except SdkError as error:
            if isinstance(error, MethodNotFoundError) and (near := nearest_methods(method)):
                error.advice = f"did you mean {' or '.join(near)}?"
            yield Finding(method, error=_without_names(error, client).removeprefix(f"{method}: "))


def _finding(client: Client, method: str, params: Mapping[str, Any] | None) -> Finding:
    spec = spec_of(method)
    narrow = [spec.id_asked] if spec.select and spec.id_asked else None
    plan = make_plan(spec, select=narrow, params=params)
    reader = PageReader(client.get_http_client(spec.version), plan, CallContext(attempts=_TRIES))
    if plan.walk != "keyset":
        answer = reader.page(plan.first_page())
        counts = answer.response.total is not None
        time = answer.response.time
        page = None if plan.walk == "whole" else spec.page_asked
        return Finding(method, plan.walk, page, len(answer.rows), time.duration if time else None, counts=counts)
    read = id_reader(spec)
    opening = judge_opening(reader, reader.pages(opening_commands(plan)), lambda row: plan.position(read(row)))
    seen = opening.capability
    by_id = seen.order and seen.above
    found = Finding(method, "keyset" if by_id else "offset", spec.page, len(opening.first), opening.portal_s)
    if not opening.enough:
        return found
    if not seen.order:  # then nothing else was asked
        return replace(found, order=False)
    asked = ("order", "above", "below", "floor", "chains", "short_page_ends")
    return replace(found, **{name: getattr(seen, name) for name in asked})


def _without_names(error: SdkError, client: Client) -> str:
    text = str(redact(str(error)))
    return " ".join(text.replace(client.auth.portal, portal_kind(client.auth.portal)).split())


def portal_kind(portal: str) -> str:
    """The portal without its name.

    >>> portal_kind("acme.bitrix24.de"), portal_kind("b24.acme.example:8443")
    ('a portal at bitrix24.de', 'a self-hosted portal')
    """
    zone = bitrix24_zone(portal)
    return f"a portal at {zone}" if zone else "a self-hosted portal"
