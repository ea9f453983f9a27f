"""The portal itself: what happens to a request between its arrival and its answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from b24data.sandbox.answers import Answer, PortalError, encode
from b24data.sandbox.batch import run_batch
from b24data.sandbox.calls import Caller, Methods
from b24data.sandbox.columns import Writer
from b24data.sandbox.faults import FaultPlan, Faults
from b24data.sandbox.limits import Bucket, Clock, Ledger
from b24data.sandbox.mutations import Mutations
from b24data.sandbox.options import Options
from b24data.sandbox.pages import Renderer
from b24data.sandbox.stats import Counters
from b24data.sandbox.table import World
from b24data.sandbox.timing import time_json
from b24data.sandbox.tokens import TokenBook
from b24data.sandbox.wire import Incoming, Reply, RestCall, compressed, html_page, read_call

__all__ = ["Portal"]

_LIMIT = PortalError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
_OPERATING = PortalError(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
_EXPIRED = PortalError(401, "expired_token", "The access token provided has expired.")
_NO_AUTH = PortalError(401, "NO_AUTH_FOUND", "Wrong authorization data")
_TITLES = {500: "500 Internal Server Error", 502: "502 Bad Gateway", 504: "504 Gateway Time-out"}
_WARNING = (
    b"<br />\n<b>Warning</b>:  Undefined array key 1 in <b>/home/bitrix/www/index.php</b> on line <b>7</b><br />\n"
)
_WRITER = Writer(numbers=True)


class Portal:
    """Records, limits, tokens and faults behind one ``handle``."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.clock = Clock(options.time_scale)
        self.counters = Counters()
        self.world = World(
            options.counts,
            seed=options.seed,
            gap=options.gap,
            id_offset=options.id_offset,
            clusters=options.clusters,
            ids=options.ids,
        )
        self.renderer = Renderer()
        self.methods = Methods(
            self.world, self.renderer, escape=options.escape, zero_total=options.zero_total, now=self.clock.now
        )
        self.tokens = TokenBook(
            self.clock.now, self.counters, ttl_s=options.token_ttl_s, ttl_requests=options.token_ttl_requests
        )
        self.faults = Faults(options.seed)
        for plan in options.faults:
            self.faults.add(**plan)
        self.mutations = Mutations(self.world, self.counters, self.clock.now, options.seed)
        self.redirect_uri = options.redirect_uri
        self.addresses: list[str] = []  # the portal's own, and the one it can move to
        self.moved = False
        self._bucket = Bucket(*options.rate_limit) if options.rate_limit else None
        self._ledger = Ledger(options.operating_limit_s)
        self._workers = asyncio.Semaphore(options.workers) if options.workers else None

    @property
    def url(self) -> str:
        """Where the portal lives now."""
        return self.addresses[1 if self.moved else 0]

    async def handle(self, incoming: Incoming) -> Reply:
        """The reply to any request."""
        if incoming.path.startswith("/rest"):
            reply = await self._rest(incoming)
        elif incoming.path.startswith("/oauth/token"):
            reply = await self._oauth(incoming)
        elif incoming.path.startswith("/oauth/authorize"):
            reply = self._authorize(incoming)
        else:
            reply = html_page(404, "404 Not Found")
        if (
            self.options.gzip
            and "gzip" in incoming.headers.get("accept-encoding", "")
            and sum(map(len, reply.pieces)) > 512
        ):
            reply = compressed(reply)
        self.counters.bytes_sent += sum(len(piece) for piece in reply.pieces)
        return reply

    # The REST API.

    async def _rest(self, incoming: Incoming) -> Reply:
        counters = self.counters
        counters.requests += 1
        number = counters.requests
        counters.in_flight += 1
        counters.peak_concurrency = max(counters.peak_concurrency, counters.in_flight)
        try:
            await self.clock.wait(self.options.latency_s / 2)
            call = read_call(incoming)
            fault = self.faults.pick(number, call.method, token=bool(call.token))
            if fault:
                counters.faults[fault.kind] += 1
            reply = self._moved_away(incoming, fault) or await self._admitted(incoming, call, number, fault)
            counters.log.append((self.clock.now(), call.method, reply.status))
            await self.clock.wait(self.options.latency_s / 2)
        finally:
            counters.in_flight -= 1
        return reply

    def _moved_away(self, incoming: Incoming, fault: FaultPlan | None) -> Reply | None:
        """302 where the portal has another address now (change-domen.md)."""
        elsewhere = incoming.port != urlsplit(self.addresses[1]).port
        if not elsewhere or not (self.moved or (fault and fault.kind == "redirect")):
            return None
        self.counters.redirects += 1
        query = f"?{incoming.query}" if incoming.query else ""
        return Reply(302, [], "text/html", {"location": f"{self.addresses[1]}{incoming.path}{query}"})

    async def _admitted(self, incoming: Incoming, call: RestCall, number: int, fault: FaultPlan | None) -> Reply:
        try:
            if self._bucket and not self._bucket.admits(incoming.client, self.clock.now()):
                self.counters.rate_limit_hits += 1
                raise _LIMIT
            if fault and fault.command is None and fault.kind in ("500", "502", "reset", "html"):
                return _broken(fault)
            caller = self._authenticate(call)
            if fault and fault.command is None:
                self._refuse(fault, call)
            self.mutations.run_due(number)
            async with self._worker():
                reply = await self._worked(call, caller, fault)
        except PortalError as error:
            if error.code == "OPERATION_TIME_LIMIT":
                self.counters.operating_limit_hits += 1
            reply = Reply(error.status, [encode(error.body(), _WRITER)])
        return _spoiled(reply, fault)

    @contextlib.asynccontextmanager
    async def _worker(self) -> AsyncIterator[None]:
        if self._workers is None:
            yield
        else:
            async with self._workers:
                yield

    def _authenticate(self, call: RestCall) -> Caller:
        if call.webhook:
            if call.webhook != self.tokens.webhook_code:
                raise _NO_AUTH
            return Caller("webhook", call.user_id, application=False)
        if not call.token:
            raise _NO_AUTH
        self.tokens.use_access(call.token)
        return Caller(self.tokens.client_id, 1, application=True)

    def _refuse(self, fault: FaultPlan, call: RestCall) -> None:
        """The faults that are an error of the portal."""
        if fault.kind == "expired":
            self.tokens.bury(call.token)
            raise _EXPIRED
        if fault.kind == "503":
            self.counters.rate_limit_hits += 1
            raise _LIMIT
        if fault.kind == "429":
            raise _OPERATING
        if fault.kind == "error":
            raise PortalError(fault.status, fault.code, fault.description)

    async def _worked(self, call: RestCall, caller: Caller, fault: FaultPlan | None) -> Reply:
        """Do the work, let its modelled time pass, and write the answer."""
        start = self.clock.now()
        if call.method == "batch":
            answer, seconds, used = self._batch(call, caller, fault, start)
        else:
            answer, seconds, used = self._single(call.method, call.params, caller, start)
        limit = self.options.request_timeout_s
        await self.clock.wait(min(seconds, limit) - (self.clock.now() - start))
        if seconds > limit:
            self.counters.timeouts += 1
            return html_page(504, _TITLES[504])
        facts = [b'{"result":', *answer.pieces]
        if answer.next is not None:
            facts.append(f',"next":{answer.next}'.encode())
        if answer.total is not None:
            facts.append(f',"total":{answer.total}'.encode())
        finish = max(self.clock.now(), start + seconds)
        return Reply(200, [*facts, b',"time":', time_json(start, finish, seconds, *used), b"}"])

    def _single(
        self, method: str, params: Mapping[str, Any], caller: Caller, now: float
    ) -> tuple[Answer, float, tuple[float, float]]:
        """One call: the answer, its seconds of server time, and the method's ``operating`` with its reset."""
        if self._ledger.refuses(caller.source, method, now):
            raise _OPERATING
        answer = self.methods.call(method, params, caller)
        seconds = self.options.cost.of(method, rows=answer.rows, pages=answer.pages, counted=answer.counted)
        counters = self.counters
        counters.commands[method] += 1
        counters.pages += answer.pages
        counters.counted_pages += answer.counted
        counters.rows += answer.rows
        counters.work_s += seconds
        return answer, seconds, self._ledger.charge(caller.source, method, seconds, now)

    def _batch(
        self, call: RestCall, caller: Caller, fault: FaultPlan | None, start: float
    ) -> tuple[Answer, float, tuple[float, float]]:
        spent = 0.0
        blocked: set[str] = set()

        def run(at: int, method: str, params: Mapping[str, Any]) -> tuple[Answer, bytes]:
            nonlocal spent
            name = method.lower()
            self._fail_command(fault, at, name, call, blocked)
            begin = start + spent
            try:
                answer, seconds, used = self._single(name, params, caller, begin)
            except PortalError as error:
                self.counters.operating_limit_hits += error.code == "OPERATION_TIME_LIMIT"
                raise
            spent += seconds
            return answer, time_json(begin, begin + seconds, seconds, *used)

        answer = run_batch(call.params, run, unresolved=self.options.unresolved)
        return answer, spent, (0.0, start + 600)

    def _fail_command(self, fault: FaultPlan | None, at: int, name: str, call: RestCall, blocked: set[str]) -> None:
        if fault is None or fault.command is None or at < fault.command:
            return
        if fault.kind == "expired":
            self.tokens.bury(call.token)
            raise _EXPIRED
        if fault.kind == "429":
            if at == fault.command:
                blocked.add(name)
            if name in blocked:
                self.counters.operating_limit_hits += 1
                raise _OPERATING
        elif at == fault.command:
            raise PortalError(fault.status, fault.code, fault.description)

    # The authorization server.

    async def _oauth(self, incoming: Incoming) -> Reply:
        counters = self.counters
        counters.oauth_requests += 1
        await self.clock.wait(self.options.latency_s)
        fault = self.faults.pick(counters.oauth_requests, "oauth")
        if fault:
            counters.faults[fault.kind] += 1
            if fault.kind in ("500", "502", "reset", "html"):
                return _broken(fault)
            if fault.kind == "error":
                body = PortalError(fault.status, fault.code, fault.description).body()
                return Reply(fault.status, [encode(body, _WRITER)])
        if incoming.verb not in self.options.token_methods:
            return html_page(405, "405 Not Allowed")
        try:
            reply = Reply(200, [encode(self.addressed(self.tokens.exchange(incoming.params())), _WRITER)])
        except PortalError as error:
            reply = Reply(error.status, [encode(error.body(), _WRITER)])
        return _spoiled(reply, fault)

    def addressed(self, pair: dict[str, Any]) -> dict[str, Any]:
        """A token reply: the portal is ``client_endpoint``, ``domain`` is the authorization server's."""
        return {
            **pair,
            "client_endpoint": f"{self.url}/rest/",
            "server_endpoint": f"{self.addresses[0]}/rest/",
            "domain": urlsplit(self.addresses[0]).netloc,
        }

    def _authorize(self, incoming: Incoming) -> Reply:
        """The user is always signed in and agrees; without a return address the code stands on a page."""
        asked = incoming.params()
        if asked.get("client_id") != self.tokens.client_id:
            return html_page(400, "Application not found")
        code = self.tokens.code()
        if not self.redirect_uri:
            return html_page(200, f"Authorization code: {code}")
        back = {
            "code": code,
            "state": str(asked.get("state", "")),
            "domain": urlsplit(self.url).netloc,
            "member_id": self.tokens.member_id,
            "scope": "crm,department,task,user",
            "server_domain": urlsplit(self.addresses[0]).netloc,
        }
        glue = "&" if "?" in self.redirect_uri else "?"
        return Reply(302, [], "text/html", {"location": f"{self.redirect_uri}{glue}{urlencode(back)}"})


def _broken(fault: FaultPlan) -> Reply:
    if fault.kind == "reset":
        return Reply(act="reset", status=0)
    if fault.kind == "html":
        return html_page(200, "Bitrix24: technical works")
    return html_page(int(fault.kind), _TITLES[int(fault.kind)])


def _spoiled(reply: Reply, fault: FaultPlan | None) -> Reply:
    """The faults that befall an answer on its way."""
    kind = fault.kind if fault and fault.command is None else ""
    if kind == "504":
        return html_page(504, _TITLES[504])
    if kind == "bom":
        reply.pieces.insert(0, b"\xef\xbb\xbf")
    elif kind == "warning":
        reply.pieces.insert(0, _WARNING)
    elif kind == "empty":
        reply.pieces = []
    elif kind in ("cut", "stall"):
        reply.act = kind
    return reply
