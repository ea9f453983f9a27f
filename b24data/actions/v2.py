"""``b24.actions.v2``: REST 2 as the JS SDK has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from b24data.actions.batches import Batch, BatchByChunk, CommandTexts
from b24data.actions.lists import CallList, FetchList
from b24data.actions.results import AjaxResult, Params, is_raised
from b24data.errors import AjaxError
from b24data.http.protocol import Response
from b24data.http.session import Session


class ActionsV2:
    """The actions of REST 2."""

    def __init__(self, session: Session) -> None:
        self.call = Call(session)
        self.call_list = CallList(session)
        self.fetch_list = FetchList(session)
        self.batch = Batch(session, CommandTexts())
        self.batch_by_chunk = BatchByChunk(self.batch)


class Call:
    """``actions.v2.call``: one request."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(self, *, method: str, params: Params | Sequence[Any] | None = None, request_id: str = "") -> AjaxResult:
        """Call ``method``. What the portal decided about it is in the result, also when that is an error.

        Raises :class:`TransportError`, :class:`RefreshTokenError` or an error of a limit or of the server when the
        call could not be carried out.

        >>> from b24data import Sandbox
        >>> with Sandbox(deals=3) as portal:
        ...     portal.connect().actions.v2.call.make(method="crm.deal.list", params={"select": ["ID"]}).total
        3
        """
        try:
            outcome: Response | AjaxError = self._session.call(method, params, request_id=request_id or None)
        except AjaxError as error:
            if is_raised(self._session, error):
                raise
            outcome = error
        return AjaxResult.of(method, outcome, request_id)
