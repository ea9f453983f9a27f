"""``b24.actions``: calls, batches and lists of dicts, as the JS SDK has them."""

from __future__ import annotations

from b24data.actions.v2 import ActionsV2
from b24data.actions.v3 import ActionsV3
from b24data.http.session import Session

__all__ = ["Actions"]


class Actions:
    """The actions by version of the REST API."""

    def __init__(self, v2: Session, v3: Session) -> None:
        self.v2 = ActionsV2(v2)
        self.v3 = ActionsV3(v3)
