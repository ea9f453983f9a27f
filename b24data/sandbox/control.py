"""What a test or a user asks of the sandbox behind the portal's back: truth, statistics, faults, changes.

Every method takes and gives JSON-safe values, so that the same calls work across a process boundary.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from b24data.sandbox.fields import user_field
from b24data.sandbox.lists import LIST_METHODS, ListRequest, read_request
from b24data.sandbox.portal import Portal


class Control:
    """The sandbox's own commands. ``in_process`` says whose processor time is the sandbox's."""

    def __init__(self, portal: Portal, *, in_process: bool) -> None:
        self.portal = portal
        self._in_process = in_process

    def ask(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Carry out a command by its name."""
        if name.startswith("_") or name in ("ask", "portal") or not hasattr(self, name):
            raise ValueError(f"the sandbox has no command {name!r}")
        return getattr(self, name)(**arguments)

    def info(self) -> dict[str, Any]:
        """Addresses and credentials."""
        portal, tokens = self.portal, self.portal.tokens
        return {
            "url": portal.addresses.current,
            "webhook_url": f"{portal.addresses.current}/rest/1/{tokens.webhook_code}/",
            "client_id": tokens.client_id,
            "client_secret": tokens.client_secret,
            "member_id": tokens.member_id,
            "now": portal.clock.now(),
        }

    def stats(self) -> dict[str, Any]:
        """The counters."""
        return self.portal.counters.snapshot(time.thread_time() if self._in_process else time.process_time())

    def pair(self) -> dict[str, Any]:
        """A fresh pair of tokens, as a token reply and an install event have them together."""
        tokens = self.portal.tokens
        return self.portal.auth_server.addressed(tokens.pair()) | {"application_token": tokens.application_token}

    def code(self) -> str:
        """An authorization code, as if the user had just agreed."""
        return self.portal.tokens.code()

    def truth(self, method: str, params: Mapping[str, Any], version: str = "v2") -> dict[str, Any]:
        """How many records a list call means, and their ids in its order."""
        if version == "v3":
            found = self.portal.methods3.truth(method, params)
            return {"count": len(found), "ids": found}
        if method.lower() not in LIST_METHODS and self.portal.methods.dialects.knows(method.lower()):
            found = self.portal.methods.ids(method, params)
            return {"count": len(found), "ids": found}
        request = self._request(method, params)
        ids: list[int] = request.table.ids[request.selection().chosen].tolist()
        return {"count": len(ids), "ids": ids}

    def rows(
        self, method: str, params: Mapping[str, Any], version: str = "v2", ids: Sequence[int] | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """The rows that a list call means, all of them, as they stand in answers; with ``ids``, these only."""
        if version == "v3":
            return self.portal.methods3.rows(method, params, ids)
        if method.lower() not in LIST_METHODS and self.portal.methods.dialects.knows(method.lower()):
            found = self.portal.methods.rows(method, params)
            if ids is None:
                return found
            numbers = self.portal.methods.ids(method, params)
            wanted = set(ids)
            return [row for row, number in zip(found, numbers, strict=True) if number in wanted]
        request = self._request(method, params)
        selection = request.selection()
        if ids is not None:
            selection = selection.only(np.isin(request.table.ids[selection.chosen], np.array(ids, np.int64)))
        page = self.portal.renderer.page(request.table, selection, request.layout, 0, max(selection.count, 1))
        return page.rows()

    def warm(self, method: str, params: Mapping[str, Any]) -> None:
        """Render ahead what a walk over this list will ask for."""
        request = self._request(method, params)
        self.portal.renderer.warm(request.table, request.selection(), request.layout)

    def _request(self, method: str, params: Mapping[str, Any]) -> ListRequest:
        spec = LIST_METHODS.get(method.lower())
        if spec is None:
            raise ValueError(f"{method} is not a list of records; there are: {', '.join(LIST_METHODS)}")
        quirks = self.portal.quirks.honest()
        return read_request(spec, self.portal.world, params, escape=self.portal.options.escape, quirks=quirks)

    def fail(self, plan: Mapping[str, Any]) -> None:
        """Plan a fault; ``after`` counts from the requests so far, ``at`` from the start."""
        plan = dict(plan)
        after = plan.pop("after", None)
        if after is not None:
            counters = self.portal.counters
            plan["at"] = after + (counters.oauth_requests if plan.get("on") == "oauth" else counters.requests)
        self.portal.faults.add(**plan)

    def clear_faults(self) -> None:
        """Nothing more goes wrong."""
        self.portal.faults.clear()

    def mutate(self, plan: Mapping[str, Any]) -> None:
        """Plan changes of records while they are read."""
        self.portal.mutations.plan(**plan)

    def insert(self, entity: str, rows: list[dict[str, Any]]) -> list[int]:
        """Add records now."""
        return self.portal.mutations.insert(entity, rows)

    def delete(self, entity: str, ids: Sequence[int]) -> list[int]:
        """Remove records now."""
        return self.portal.mutations.delete(entity, list(ids))

    def update(self, entity: str, ids: Sequence[int], values: Mapping[str, Any]) -> list[int]:
        """Change records now."""
        return self.portal.mutations.update(entity, list(ids), values)

    def calm(self) -> None:
        """Nothing more changes by plan."""
        self.portal.mutations.clear()

    def move_clock(self, seconds: float) -> None:
        """Set the portal's clock."""
        self.portal.clock.move(seconds)

    def hide(self, entity: str, ids: Sequence[int]) -> list[int]:
        """Take records from the user's sight."""
        return self.portal.world.table(entity).hide(list(ids))

    def deny(self, what: str) -> None:
        """Take a right from the user."""
        self.portal.methods.rights.deny(what)

    def allow(self, what: str | None) -> None:
        """Give a right back, or all."""
        self.portal.methods.rights.allow(what)

    def remove_pipeline(self, number: int, move_to: int) -> list[int]:
        """Close a pipeline of deals."""
        return self.portal.mutations.remove_pipeline(number, move_to)

    def add_field(self, entity: str, code: str, kind: str, title: str, multiple: bool) -> None:
        """Add a user field."""
        field = user_field(entity, code, kind, title, multiple=multiple)
        self.portal.world.table(entity).add_field(field)

    def expire_tokens(self) -> None:
        """Every access token dies; refresh tokens live on."""
        self.portal.tokens.expire_all()

    def revoke(self) -> None:
        """Every token dies, refresh tokens too."""
        self.portal.tokens.expire_all()
        self.portal.tokens.revoke_all()

    def move(self, host: str | None) -> str:
        """From now on the old address answers 302; returns the new one, under another name if one is given."""
        addresses = self.portal.addresses
        if host is not None:
            parts = urlsplit(addresses.other)
            addresses.other = f"{parts.scheme}://{host}:{parts.port}"
        addresses.moved = True
        return addresses.current

    def redirect_to(self, uri: str) -> None:
        """The return address on the application's card; empty: the code stands on a page."""
        self.portal.auth_server.redirect_uri = uri
