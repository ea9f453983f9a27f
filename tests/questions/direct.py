"""A client and a sandbox portal in one process, without sockets: thousands of fetches in a minute."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from b24data import ApiVersion, B24Hook, RestrictionParams, Sandbox
from b24data.http.protocol import Reply
from b24data.http.session import Session
from b24data.sandbox.control import Control
from b24data.sandbox.portal import Portal
from b24data.sandbox.wire import Incoming
from b24data.secret import Secret


class LeapingClock:
    """Waits by moving its hands, so that no limit takes real time. Any thread may use it."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def time(self) -> float:
        return time.time() + self._ahead

    def wait(self, event: threading.Event, seconds: float) -> bool:
        with self._lock:
            self._ahead += 0.0 if event.is_set() else seconds
        return event.is_set()


class DirectTransport:
    """Hands each request to the portal itself."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()

    def post(self, name: str, url: Secret[str], body: Secret[bytes], headers: Mapping[str, str] | None = None) -> Reply:
        parts = urlsplit(url.reveal())
        kind = {"content-type": "application/json"}
        asked = Incoming("POST", parts.path, parts.query, kind, body.reveal(), "127.0.0.1", parts.port or 80)
        with self._lock:
            answer = self._loop.run_until_complete(self._portal.handle(asked))
        return Reply(answer.status, {"content-type": answer.kind}, b"".join(map(bytes, answer.pieces)), parts.path)

    def post_form(self, name: str, url: Secret[str], form: Mapping[str, Any]) -> Reply:
        raise AssertionError("a webhook has no token to refresh")

    def interrupt(self) -> None:
        """Nobody waits for a socket."""

    def close(self) -> None:
        self._loop.close()


class DirectPortal:
    """A portal and a client of it; ``rows`` are what a list holds, as they stand in answers."""

    def __init__(self, **options: Any) -> None:
        sandbox = Sandbox(rate_limit=None, cost=0.0, workers=0, **options)
        self._portal = Portal(sandbox._options)
        self._control = Control(self._portal, in_process=True)
        self._transport = DirectTransport(self._portal)
        self.client = B24Hook(
            f"http://127.0.0.1:9/rest/1/{self._portal.tokens.webhook_code}/",
            RestrictionParams(max_retries=1),
        )
        clock = LeapingClock()
        for version in ApiVersion:
            own = self.client.get_http_client(version)
            session = Session(own.credentials, self._transport, own.params, version=version, clock=clock)
            self.client.set_http_client(version, session)

    def rows(self, method: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        version, _, name = method.rpartition(":")
        asked = {"method": name, "params": dict(params), **({"version": "v3"} if version else {})}
        found: list[dict[str, Any]] = self._control.ask("rows", asked)
        return found

    def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        return self.client.session.call(method, params).data()

    def close(self) -> None:
        self.client.destroy()
        self._transport.close()
