"""A session that knows a few methods by heart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from b24data.errors import AjaxError
from b24data.http.clock import SYSTEM_CLOCK
from b24data.http.payload import opened
from b24data.http.protocol import BatchParts, Response


class FakeSession:
    """Answers each method with its result, or raises its error; counts requests and keeps what was asked."""

    portal = "x.bitrix24.com"
    clock = SYSTEM_CLOCK

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        self.requests: list[str] = []
        self.asked: list[tuple[str, Any]] = []

    def call(self, method: str, params: Any = None, **_: Any) -> Response:
        self.requests.append(method)
        if method != "batch":
            return raw(self._answer(method, params))
        results, errors = {}, {}
        for key, command in params["cmd"].items():
            try:
                results[key] = raw(self._answer(urlsplit(command).path, command)).result
            except AjaxError as error:
                errors[key] = {"error": error.code, "error_description": error.description}
        return Response(BatchParts(results, errors))

    def _answer(self, method: str, params: Any) -> Any:
        self.asked.append((method, params))
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        return answer


def raw(result: Any) -> Response:
    return Response(opened(json.dumps(result).encode()))
