"""A clock that jumps instead of waiting, and portals that are plain functions."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from b24data.http.limits import Limits, Observation, Reservation
from b24data.http.protocol import Reply
from b24data.secret import Secret


class FakeClock:
    """Time passes only when someone waits. Tests of one thread."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_700_000_000 + self.now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if event.is_set():
            return True
        self.waits.append(seconds)
        self.now += seconds
        return event.is_set()


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, headers, raw, "https://x.bitrix24.com/rest/***")


def ok(result: Any = True, **more: Any) -> Reply:
    return reply({"result": result, "time": {}, **more})


def fault(code: str, status: int, text: str = "") -> Reply:
    return reply({"error": code, "error_description": text}, status)


def tell(limits: Limits, now: float, **seen: Any) -> None:
    """What a request that nobody reserved has shown of the limits."""
    limits.settle(Reservation(0.0), Observation(**seen), now)


Answer = Reply | Exception


class FakeTransport:
    """Answers with what is queued, or with what ``answer`` says; keeps what was sent."""

    def __init__(self, *queue: Answer, answer: Callable[[str, dict[str, Any]], Answer] | None = None) -> None:
        self.queue = list(queue)
        self.answer = answer
        self.tokens: Callable[[Mapping[str, str]], Answer] | None = None
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._lock = threading.Lock()

    def post(self, name: str, url: Secret[str], body: Secret[bytes], headers: Mapping[str, str] | None = None) -> Reply:
        params = json.loads(Secret(body).reveal())
        address = Secret(url).reveal()
        with self._lock:
            self.headers.append(dict(headers or {}))
            self.sent.append((address, params))
            answer = self.queue.pop(0) if self.queue else None
        if answer is None:
            assert self.answer is not None, f"nobody said how to answer {address}"
            answer = self.answer(address, params)
        return _give(answer)

    def post_form(self, name: str, url: str, form: Mapping[str, str | Secret[str]]) -> Reply:
        sent = {key: Secret(value).reveal() for key, value in form.items()}
        with self._lock:
            self.forms.append((url, sent))
        assert self.tokens is not None, "nobody expected a refresh"
        return _give(self.tokens(sent))

    def interrupt(self) -> None:
        pass

    def close(self) -> None:
        pass


def _give(answer: Answer) -> Reply:
    if isinstance(answer, Exception):
        raise answer
    return answer
