"""A whole Bitrix24 portal on 127.0.0.1: for tests, benchmarks, and trying things out without a portal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from b24data.sandbox.changes import Changes
from b24data.sandbox.options import MANNERS, CostModel, Options, cost_model
from b24data.sandbox.stats import Stats, Truth

if TYPE_CHECKING:
    from b24data.sandbox.hosting import Host


class SandboxPortal(Changes):
    """A portal on 127.0.0.1, from its records to its faults; ``b24data.Sandbox`` tells of the options."""

    def __init__(
        self,
        *,
        deals: int = 1_000,
        leads: int = 300,
        contacts: int = 400,
        companies: int = 150,
        tasks: int = 200,
        users: int = 25,
        activities: int = 300,
        items: int = 200,
        seed: int = 7,
        gap: float = 0.3,
        id_offset: int = 0,
        clusters: Sequence[int] = (),
        ids: Mapping[str, Sequence[int]] | None = None,
        token_ttl_s: float | None = None,
        token_ttl_requests: int | None = None,
        rate_limit: tuple[int, float] | None = (50, 2),
        operating_limit_s: float | None = 480,
        cost: float | Mapping[str, float] | CostModel = 0.020,
        workers: int = 0,
        latency_s: float = 0.0,
        request_timeout_s: float = 60,
        time_scale: float = 1.0,
        faults: Sequence[Mapping[str, Any]] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        tls: tuple[str, str] | None = None,
        gzip: bool = True,
        escape: bool = True,
        unresolved: str = "empty",
        zero_total: bool = False,
        redirect_uri: str = "",
        token_methods: Sequence[str] = ("GET", "POST"),
        lists: Mapping[str, int] | None = None,
        filters: str = "strict",
        ignores: Sequence[str] = (),
        lies: Sequence[str] = (),
        process: bool = False,
    ) -> None:
        if filters not in MANNERS:
            raise ValueError(f'filters is "strict" or "lenient", not {filters!r}')
        if unresolved not in ("empty", "literal"):
            raise ValueError(f'unresolved is "empty" or "literal", not {unresolved!r}')
        counts = {
            "deals": deals, "leads": leads, "contacts": contacts, "companies": companies,
            "tasks": tasks, "users": users, "activities": activities, "items": items,
            "invoices": 120, "quotes": 90,
        }  # fmt: skip
        self._options = Options(
            counts=counts,
            seed=seed,
            gap=gap,
            id_offset=id_offset,
            clusters=list(clusters),
            ids={entity: list(numbers) for entity, numbers in (ids or {}).items()},
            token_ttl_s=3600.0 if token_ttl_s is None else token_ttl_s,
            token_ttl_requests=token_ttl_requests,
            rate_limit=rate_limit,
            operating_limit_s=operating_limit_s,
            cost=cost_model(cost),
            workers=workers,
            latency_s=latency_s,
            request_timeout_s=request_timeout_s,
            time_scale=time_scale,
            faults=[dict(plan) for plan in faults],
            host=host,
            port=port,
            tls=tls,
            gzip=gzip,
            escape=escape,
            unresolved=unresolved,
            zero_total=zero_total,
            redirect_uri=redirect_uri,
            token_methods=list(token_methods),
            lists=dict(lists or {}),
            ignores=list(ignores),
            lies=list(lies),
            filters=filters,
        )
        self._process = process
        self._host: Host | None = None

    # Its life.

    def start(self) -> Self:
        """Start the server; ``with Sandbox(...)`` does it for you."""
        if self._host is None:
            from b24data.sandbox import hosting

            self._host = (hosting.ProcessHost if self._process else hosting.ThreadHost)(self._options)
        return self

    def stop(self) -> None:
        """Stop the server; open connections are cut."""
        if self._host is not None:
            host, self._host = self._host, None
            host.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _ask(self, name: str, **arguments: Any) -> Any:
        if self._host is None:
            raise RuntimeError("the sandbox is not running: use `with Sandbox(...) as portal:`, or start()")
        return self._host.ask(name, arguments)

    # Its addresses and credentials.

    @property
    def url(self) -> str:
        """Where the portal is, such as ``http://127.0.0.1:54321``."""
        return str(self._ask("info")["url"])

    @property
    def webhook_url(self) -> str:
        """An incoming webhook of user 1."""
        return str(self._ask("info")["webhook_url"])

    @property
    def webhook_url_v3(self) -> str:
        """The same webhook for REST 3.0."""
        return self.webhook_url.replace("/rest/", "/rest/api/", 1)

    @property
    def now(self) -> float:
        """Portal time in unix seconds."""
        return float(self._ask("info")["now"])

    def oauth_params(self) -> dict[str, Any]:
        """A fresh pair of tokens in the portal's spelling: every call issues a new one."""
        pair: dict[str, Any] = self._ask("pair")
        return pair

    def oauth_secret(self) -> dict[str, str]:
        """``client_id`` and ``client_secret`` of the application."""
        info = self._ask("info")
        return {name: info[name] for name in ("client_id", "client_secret")}

    def authorization_code(self) -> str:
        """A code as ``/oauth/authorize/`` gives it, good for 30 portal seconds."""
        return str(self._ask("code"))

    def redirect_to(self, uri: str) -> None:
        """The return address on the application's card; empty: the code is shown on a page."""
        self._ask("redirect_to", uri=uri)

    # What is true.

    def truth(
        self,
        method: str = "crm.deal.list",
        filter: Mapping[str, Any] | Sequence[Any] | None = None,
        order: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        version: str = "v2",
    ) -> Truth:
        """How many records a list call means, and which; in ``version`` "v3" the filter is a list of conditions."""
        asked = _params(filter, order, None, params)
        found = self._ask("truth", method=method, params=asked, version=version)
        return Truth(found["count"], found["ids"])

    def rows(
        self,
        method: str = "crm.deal.list",
        filter: Mapping[str, Any] | Sequence[Any] | None = None,
        select: Sequence[str] | None = None,
        *,
        ids: Sequence[int] | None = None,
        order: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        version: str = "v2",
    ) -> list[dict[str, Any]]:
        """The rows that a list call means, all pages, as they stand in answers; ``ids`` narrows them.

        It works for every list that the portal serves, and gives all rows also where a call has to name some parameter.
        """
        asked = _params(filter, order, select, params)
        only = None if ids is None else list(ids)
        found: list[dict[str, Any]] = self._ask("rows", method=method, params=asked, version=version, ids=only)
        return found

    def warm(
        self,
        method: str = "crm.deal.list",
        select: Sequence[str] | None = None,
        *,
        filter: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """Render ahead what a walk by id will ask for."""
        self._ask("warm", method=method, params=_params(filter, None, select, params))

    @property
    def stats(self) -> Stats:
        """What the portal saw so far."""
        facts = self._ask("stats")
        facts["log"] = [tuple(entry) for entry in facts["log"]]
        facts["mutations"] = [tuple(entry) for entry in facts["mutations"]]
        return Stats(**facts)

    # What goes wrong; what changes is in Changes.

    def fail(
        self,
        kind: str,
        *,
        at: int | None = None,
        after: int | None = None,
        probability: float | None = None,
        times: int | None = None,
        on: str = "*",
        command: int | None = None,
        code: str | int | None = None,
        description: str | None = None,
        status: int | None = None,
    ) -> None:
        """Plan a fault: kinds stand in :data:`b24data.sandbox.faults.KINDS`.

        ``at`` is the number of a request since the start, ``after`` a number since now, ``probability`` a chance
        for each; without any, the next request. ``on`` is a method pattern or ``oauth``, ``command`` the index of
        a command inside a batch.
        """
        given = {
            "kind": kind,
            "at": at,
            "after": after,
            "probability": probability,
            "times": times,
            "on": on,
            "command": command,
            "code": code,
            "description": description,
            "status": status,
        }
        self._ask("fail", plan={name: value for name, value in given.items() if value is not None})

    def clear_faults(self) -> None:
        """Forget the plans: nothing more goes wrong."""
        self._ask("clear_faults")

    def expire_tokens(self) -> None:
        """Every access token issued so far dies; refresh tokens live on."""
        self._ask("expire_tokens")

    def revoke(self) -> None:
        """Every token issued so far dies, refresh tokens too."""
        self._ask("revoke")

    def move(self, host: str | None = None) -> str:
        """Give the portal another port (and another name, such as ``localhost``); the old one answers 302 now."""
        return str(self._ask("move", host=host))


def _params(
    where: Mapping[str, Any] | Sequence[Any] | None,
    order: Mapping[str, str] | None,
    select: Sequence[str] | None,
    params: Mapping[str, Any] | None,
) -> dict[str, Any]:
    named = {"filter": where, "order": order, "select": select}
    return {**(params or {}), **{name: value for name, value in named.items() if value is not None}}
