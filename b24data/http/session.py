"""The one attempt loop: wait, sign, send, read, then return, refresh, retry or raise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from b24data.errors import AjaxError
from b24data.http.context import CallContext
from b24data.http.protocol import Command, Response

__all__ = ["Session"]


class Session:
    """Calls one portal as one application or webhook, within its limits. Any thread may use it."""

    portal: str
    member_id: str

    def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        request_id: str | None = None,
        context: CallContext | None = None,
        reads: bool | None = None,
    ) -> Response:
        """Call ``method`` once, as often as it takes."""
        raise NotImplementedError

    def batch(
        self, commands: Sequence[Command], *, halt: bool = False, context: CallContext | None = None
    ) -> list[Response | AjaxError]:
        """Up to 50 commands in one request; what each brought, by position."""
        raise NotImplementedError

    def interrupt(self) -> None:
        """Wake every reader by shutting its socket down; the next call opens a new one."""

    def close(self) -> None:
        """Close all connections."""
