"""A sandbox portal that hands out clients of its own."""

from __future__ import annotations

from typing import Any, Self

from b24data.client.client import B24Hook, B24OAuth
from b24data.errors import MissingExtraError
from b24data.sandbox import SandboxPortal

__all__ = ["Sandbox"]


class Sandbox(SandboxPortal):
    """A portal with generated records, both limits, OAuth and faults, on real HTTP.

    ``deals`` and the other counts say how many records there are, ``gap`` the share of missing ids, ``clusters``
    the first ids of several groups of deals, ``ids`` the very ids of an entity. All seconds are portal seconds,
    of which ``time_scale`` pass in one of ours. An access token lives ``token_ttl_s`` seconds (None: an hour) or
    ``token_ttl_requests`` requests. ``rate_limit`` is the bucket's size and its leak a second, ``cost`` the server
    time of a page (seconds, by method, or a :class:`CostModel`), ``workers`` how many requests are worked on at a
    time (0: any). ``faults`` are plans as :meth:`fail` takes them. ``unresolved`` is what a batch reference to
    nothing becomes: "empty" or "literal"; ``lists`` says how long other lists are, by method
    (``{"catalog.product.list": 500}``). ``filters`` is "strict", as the methods' pages say, or "lenient", which takes
    any spelling of names and flags, and groups everywhere; ``ignores`` names what the lists do not honour
    (:data:`IGNORABLE`), ``lies`` what they say wrongly (:data:`LIES`). ``zero_total`` makes ``start=-1`` say
    ``total: 0``, as some portals do. ``process=True`` gives the server a process of its own.

    >>> with Sandbox(deals=120, users=5) as portal:
    ...     truth = portal.truth("crm.deal.list", filter={"STAGE_SEMANTIC_ID": "S"})
    ...     0 < truth.count < 120, portal.webhook_url.startswith("http://127.0.0.1:")
    (True, True)
    """

    def start(self) -> Self:
        """Start the server; ``with Sandbox(...)`` does it for you."""
        try:
            return super().start()
        except ImportError as error:
            raise MissingExtraError("the sandbox portal", "demo") from error

    def connect(self, **options: Any) -> B24OAuth:
        """A client with a fresh pair of tokens."""
        return B24OAuth(self.oauth_params(), self.oauth_secret(), **options)

    def hook(self, **options: Any) -> B24Hook:
        """A client on the webhook."""
        return B24Hook(self.webhook_url, **options)
