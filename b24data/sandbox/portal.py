"""The portal itself: what happens to a request between its arrival and its answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from b24data.sandbox.answers import Answer, encode
from b24data.sandbox.authserver import Addresses, AuthServer
from b24data.sandbox.batch import run_batch
from b24data.sandbox.calls import Caller, Methods
from b24data.sandbox.columns import Writer
from b24data.sandbox.errors import PortalError
from b24data.sandbox.faults import EARLY, TIMEOUT_TITLE, FaultPlan, Faults, broken, spoiled
from b24data.sandbox.limits import Bucket, Clock, Ledger
from b24data.sandbox.mutations import Mutations
from b24data.sandbox.options import Options
from b24data.sandbox.pages import Renderer
from b24data.sandbox.quirks import Quirks
from b24data.sandbox.rowsets import Rowsets
from b24data.sandbox.stats import Counters
from b24data.sandbox.table import World
from b24data.sandbox.timing import time_json
from b24data.sandbox.tokens import TokenBook
from b24data.sandbox.v3.batch import run_batch3
from b24data.sandbox.v3.methods import Methods3, Replays
from b24data.sandbox.v3.request import V3Error
from b24data.sandbox.wire import Incoming, Reply, RestCall, compressed, html_page, read_call

_LIMIT = PortalError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
_OPERATING = PortalError(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
_EXPIRED = PortalError(401, "expired_token", "The access token provided has expired.")
_NO_AUTH = PortalError(401, "NO_AUTH_FOUND", "Wrong authorization data")
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
        self.quirks = Quirks(options.ignores, options.lies, options.filters == "lenient")
        self.rowsets = Rowsets(options.seed, options.lists)
        self.mutations = Mutations(self.world, self.counters, self.clock.now, options.seed)
        self.methods = Methods(
            self.world,
            self.renderer,
            self.rowsets,
            escape=options.escape,
            zero_total=options.zero_total,
            quirks=self.quirks,
            now=self.clock.now,
            changes=self.mutations,
        )
        self.methods3 = Methods3(
            self.world, self.renderer, self.rowsets, escape=options.escape, now=self.clock.now, quirks=self.quirks
        )
        self._replays = Replays(self.clock.now)
        self.tokens = TokenBook(
            self.clock.now, self.counters, ttl_s=options.token_ttl_s, ttl_requests=options.token_ttl_requests
        )
        self.faults = Faults(options.seed)
        for plan in options.faults:
            self.faults.add(**plan)
        self.addresses = Addresses()
        self.auth_server = AuthServer(
            options, self.tokens, faults=self.faults, counters=self.counters, clock=self.clock, addresses=self.addresses
        )
        self._bucket = Bucket(*options.rate_limit) if options.rate_limit else None
        self._ledger = Ledger(options.operating_limit_s)
        self._workers = asyncio.Semaphore(options.workers) if options.workers else None

    async def handle(self, incoming: Incoming) -> Reply:
        """The reply to any request."""
        if incoming.path.startswith("/rest"):
            reply = await self._rest(incoming)
        elif incoming.path.startswith("/oauth/token"):
            reply = await self.auth_server.token(incoming)
        elif incoming.path.startswith("/oauth/authorize"):
            reply = self.auth_server.authorize(incoming)
        else:
            reply = html_page(404, "404 Not Found")
        if (
            self.options.gzip
            and "gzip" in incoming.headers.get("accept-encoding", "")
            and sum(map(len, reply.pieces)) >= 20  # the default of nginx (gzip_min_length)
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
        other = self.addresses.other
        elsewhere = incoming.port != urlsplit(other).port
        if not elsewhere or not (self.addresses.moved or (fault and fault.kind == "redirect")):
            return None
        self.counters.redirects += 1
        query = f"?{incoming.query}" if incoming.query else ""
        return Reply(302, [], "text/html", {"location": f"{other}{incoming.path}{query}"})

    async def _admitted(self, incoming: Incoming, call: RestCall, number: int, fault: FaultPlan | None) -> Reply:
        try:
            if self._bucket and not self._bucket.admits(incoming.client, self.clock.now()):
                self.counters.rate_limit_hits += 1
                raise _LIMIT
            if fault and fault.command is None and fault.kind in EARLY:
                return broken(fault)
            if call.version == 3 and call.body is None:
                raise V3Error("INVALIDJSONEXCEPTION", "The request body is not valid JSON")
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
        return spoiled(reply, fault)

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
        if fault.kind in ("error", "refused"):
            fault.strike(call.method)

    async def _worked(self, call: RestCall, caller: Caller, fault: FaultPlan | None) -> Reply:
        """Do the work, let its modelled time pass, and write the answer."""
        start = self.clock.now()
        headers: dict[str, str] = {}
        if call.version == 3:
            answer, seconds, used = self._version3(call, caller, start, headers)
        elif call.method == "batch":
            answer, seconds, used = self._batch(call, caller, fault, start)
        else:
            answer, seconds, used = self._single(call.method, call.params, caller, start)
        limit = self.options.request_timeout_s
        await self.clock.wait(min(seconds, limit) - (self.clock.now() - start))
        if seconds > limit:
            self.counters.timeouts += 1
            return html_page(504, TIMEOUT_TITLE)
        if answer.bare:
            return Reply(200, answer.pieces)
        facts = [b'{"result":', *answer.pieces]
        if answer.next is not None:
            facts.append(f',"next":{answer.next}'.encode())
        if answer.total is not None:
            facts.append(f',"total":{answer.total}'.encode())
        finish = max(self.clock.now(), start + seconds)
        return Reply(200, [*facts, b',"time":', time_json(start, finish, seconds, *used), b"}"], headers=headers)

    def _single(
        self, method: str, params: Mapping[str, Any], caller: Caller, now: float, *, in_batch: bool = False
    ) -> tuple[Answer, float, tuple[float, float]]:
        """One call: the answer, its seconds of server time, and the method's ``operating`` with its reset."""
        return self._timed(method, caller, now, lambda: self.methods.call(method, params, caller, in_batch=in_batch))

    def _timed(
        self, method: str, caller: Caller, now: float, answer_it: Callable[[], Answer]
    ) -> tuple[Answer, float, tuple[float, float]]:
        if self._ledger.refuses(caller.source, method, now):
            raise _OPERATING
        answer = answer_it()
        seconds = self.options.cost.of(method, rows=answer.rows, pages=answer.pages, counted=answer.counted)
        counters = self.counters
        counters.commands[method] += 1
        counters.pages += answer.pages
        counters.counted_pages += answer.counted
        counters.rows += answer.rows
        counters.work_s += seconds
        return answer, seconds, self._ledger.charge(caller.source, method, seconds, now)

    def _version3(
        self, call: RestCall, caller: Caller, start: float, headers: dict[str, str]
    ) -> tuple[Answer, float, tuple[float, float]]:
        """A call of REST 3.0; ``headers`` of its answer tell of an ``Idempotency-Key``."""
        if call.method != "batch":
            return self._keyed(call, caller, start, headers)
        spent = 0.0

        def run(method: str, query: Mapping[str, Any]) -> Answer:
            nonlocal spent
            name, now = method.lower(), start + spent
            answer, seconds, _ = self._timed(name, caller, now, lambda: self.methods3.call(method, query))
            spent += seconds
            return answer

        answer = run_batch3(call.body, run)
        return answer, spent, (0.0, start + 600)

    def _keyed(
        self, call: RestCall, caller: Caller, start: float, headers: dict[str, str]
    ) -> tuple[Answer, float, tuple[float, float]]:
        method, query, key = call.method, call.params, call.replay_key
        if key is None or not self._replays.is_write(method):
            return self._timed(method, caller, start, lambda: self.methods3.call(method, query))
        owner = (caller.source, str(caller.user_id))
        headers["idempotency-key"] = key
        kept = self._replays.known(owner, method, key, query)
        if kept is not None:
            headers["idempotent-replayed"] = "true"
            return kept, 0.0, (0.0, start + 600)
        found = self._timed(method, caller, start, lambda: self.methods3.call(method, query))
        self._replays.keep(owner, method, key, query, found[0])
        return found

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
                answer, seconds, used = self._single(name, params, caller, begin, in_batch=True)
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
            fault.strike(name)
