"""Asks the portal for pages of one list: one by one, or many in a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from b24data.errors import (
    ConfigError,
    OperatingLimitError,
    RateLimitedError,
    RequestTimeoutError,
    SdkError,
    ServerError,
    TransportError,
)
from b24data.http.context import CallContext
from b24data.http.encode import Command, encode_batch, has_reference
from b24data.http.protocol import Response, read_batch
from b24data.http.session import Session
from b24data.lists.plan import ListPlan
from b24data.lists.rows import Row, rows_of

# After this many failed attempts a batch is split; each piece is retried on its own.
BATCH_ATTEMPTS = 4
_GATEWAY_TIMEOUT = 504
# A command of a batch is a query string, of which PHP reads 1,000 values by default and drops the others without a sign
# (php.net, max_input_vars). A call of its own has its parameters as JSON, which has no such limit.
_MOST_VALUES = 900


class Answer(msgspec.Struct, frozen=True):
    """The rows of one page, and the envelope they came in."""

    rows: list[Row]
    response: Response

    @property
    def portal_s(self) -> float:
        """The seconds that the portal worked on it."""
        return _seconds(self.response)


@dataclass(frozen=True, slots=True)
class Answers:
    """What each command brought, in the order of the commands; how long it took, and how much of that the portal.

    ``elapsed_s`` is without what the limits made it wait.
    """

    each: list[Answer | SdkError]
    wall_s: float
    portal_s: float
    timed_out: bool = False
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PageReader:
    """The questions of one walk. Any thread may ask."""

    session: Session
    plan: ListPlan
    context: CallContext

    def page(self, params: Mapping[str, Any] | Sequence[Any]) -> Answer:
        """One page by a call of its own."""
        response = self.session.call(self.plan.method, params, context=self.context, reads=True)
        return Answer(rows_of(response, self.plan.spec), response)

    def pages(self, commands: Sequence[Command], remaining: int | None = None) -> Answers:
        """Several pages in one request. A command that failed has its error in the place of its page.

        ``remaining`` is how many commands the walk still expects to send.
        """
        began = self.session.clock.monotonic()
        if len(commands) == 1:
            response = self.session.call(
                self.plan.method, commands[0].params, context=self.context, reads=True, remaining_commands=remaining
            )
            return self._answers([Answer(rows_of(response, self.plan.spec), response)], began, response)
        if _values(self.plan.params) > _MOST_VALUES:
            return self._one_by_one(commands, began)
        try:
            response = self.session.call(
                "batch",
                encode_batch(commands),
                context=self.context,
                reads=True,
                attempts=BATCH_ATTEMPTS,
                remaining_commands=remaining,
            )
        except (TransportError, ServerError, RateLimitedError, OperatingLimitError) as error:
            # As one batch it can't be had now: its commands are asked again alone.
            timed_out = isinstance(error, RequestTimeoutError) or error.status == _GATEWAY_TIMEOUT
            return Answers([error] * len(commands), self.session.clock.monotonic() - began, 0.0, timed_out)
        return self._answers([self._answer(one) for one in read_batch(response, commands)], began, response)

    def _one_by_one(self, commands: Sequence[Command], began: float) -> Answers:
        """Each page by a call of its own; a command that refers to another one can't be."""
        each: list[Answer | SdkError] = []
        portal_s = 0.0
        for command in commands:
            if has_reference(command.params):
                each.append(ConfigError(f"{self.plan.method}: its parameters are too long for a batch"))
                continue
            answer = self.page(command.params)
            portal_s += answer.portal_s
            each.append(answer)
        return Answers(each, self.session.clock.monotonic() - began, portal_s)

    def retry_alone(self, answer: Answer | SdkError, command: Command) -> Answer:
        """The page; if it failed inside a batch, asked for again alone, through the same loop as every call."""
        return self.page(command.params) if isinstance(answer, SdkError) else answer

    def _answer(self, one: Response | SdkError) -> Answer | SdkError:
        if isinstance(one, SdkError):
            return one
        try:
            return Answer(rows_of(one, self.plan.spec), one)
        except SdkError as error:
            return error

    def _answers(self, each: list[Answer | SdkError], began: float, response: Response) -> Answers:
        wall_s = self.session.clock.monotonic() - began
        return Answers(each, wall_s, _seconds(response), elapsed_s=response.elapsed)


def _seconds(response: Response) -> float:
    return (response.time.duration or 0.0) if response.time else 0.0


def _values(params: Any) -> int:
    """How many values parameters have."""
    if isinstance(params, Mapping):
        return sum(map(_values, params.values()))
    return sum(map(_values, params)) if isinstance(params, list | tuple) else 1
