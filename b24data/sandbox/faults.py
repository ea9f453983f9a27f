"""What goes wrong, and when: planned by request number or by a seeded probability."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from b24data.sandbox.documented import documented
from b24data.sandbox.errors import PortalError
from b24data.sandbox.wire import Reply, html_page

TIMEOUT_TITLE = "504 Gateway Time-out"
_TITLES = {500: "500 Internal Server Error", 502: "502 Bad Gateway"}
_WARNING = (
    b"<br />\n<b>Warning</b>:  Undefined array key 1 in <b>/home/bitrix/www/index.php</b> on line <b>7</b><br />\n"
)

KINDS = {
    "500": "HTML page, status 500, nothing done",
    "502": "HTML page, status 502, nothing done",
    "504": "HTML page, status 504, after the work was done",
    "503": "QUERY_LIMIT_EXCEEDED",
    "429": "OPERATION_TIME_LIMIT; with command= that command of a batch and later ones of its method",
    "html": "HTML page with status 200",
    "empty": "no body, with the status of the answer",
    "bare": "status= and no body, such as 429 or 408 of a gateway, nothing done",
    "reset": "the connection is reset before anything is answered",
    "cut": "half of the body, then the connection closes",
    "stall": "half of the body, then nothing until the client leaves",
    "bom": "a byte order mark before the JSON",
    "warning": "a PHP warning before the JSON",
    "expired": "expired_token; with command= that command of a batch and all later ones (OAuth only)",
    "error": "an error with code= and status=; with command= of that command of a batch",
    "refused": "the error that the method's page shows, if its code is empty, else `Access denied.` without a code",
    "inside": "status 200 and the error with code= inside result, as some methods have it",
    "redirect": "302 to the portal's other address",
}
EARLY = ("500", "502", "reset", "html", "bare")  # before any work
_BATCH_KINDS = ("429", "expired", "error", "refused")
_DENIED = (400, "", "Access denied.")


@dataclass(slots=True)
class FaultPlan:
    """One plan: at the ``at``-th request (counted from the start), or with a probability; ``times`` at most.

    ``on`` limits it to a method (a pattern such as ``crm.*``) or to ``oauth``; ``command`` is the index, from 0,
    of a command inside a batch.
    """

    kind: str
    at: int | None = None
    probability: float = 0.0
    times: int | None = None
    on: str = "*"
    command: int | None = None
    code: str | int = "INTERNAL_SERVER_ERROR"
    description: str = "Internal server error"
    status: int = 400
    left: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; there are: {', '.join(KINDS)}")
        if self.command is not None and self.kind not in _BATCH_KINDS:
            raise ValueError(f"fault {self.kind!r} can't happen to a single command of a batch")
        if self.at is None and not self.probability:
            self.probability = 1.0
            self.times = self.times or 1
        self.left = self.times if self.times is not None else (1 if self.at is not None else None)

    def strike(self, method: str) -> None:
        """Raise the error that an ``error`` plan names, or that the method's page shows."""
        if self.kind == "refused":
            known = documented("v2").get(method)
            raise PortalError(*(known.refusal if known and known.refusal else _DENIED))
        raise PortalError(self.status, self.code, self.description)


class Faults:
    """The plans that are left, and the dice."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._plans: list[FaultPlan] = []

    def add(self, **plan: Any) -> None:
        """Plan a fault."""
        self._plans.append(FaultPlan(**plan))

    def clear(self) -> None:
        """Nothing more goes wrong."""
        self._plans.clear()

    def pick(self, number: int, subject: str, *, token: bool = True) -> FaultPlan | None:
        """The fault of the ``number``-th request: ``subject`` is its method, or ``oauth``."""
        for plan in self._plans:
            if self._fires(plan, number, subject, token=token):
                if plan.left is not None:
                    plan.left -= 1
                    if not plan.left:
                        self._plans.remove(plan)
                return plan
        return None

    def _fires(self, plan: FaultPlan, number: int, subject: str, *, token: bool) -> bool:
        if (subject == "oauth") != (plan.on == "oauth") or not fnmatchcase(subject, plan.on):
            return False
        if plan.command is not None and subject != "batch":
            return False
        if plan.kind == "expired" and not token:
            return False
        if plan.at is not None:
            return number >= plan.at
        return self._dice.random() < plan.probability


def broken(fault: FaultPlan) -> Reply:
    """The reply of the faults that come before any work."""
    if fault.kind == "reset":
        return Reply(act="reset", status=0)
    if fault.kind == "bare":
        return Reply(fault.status)
    if fault.kind == "html":
        return html_page(200, "Bitrix24: technical works")
    return html_page(int(fault.kind), _TITLES[int(fault.kind)])


def spoiled(reply: Reply, fault: FaultPlan | None) -> Reply:
    """An answer after what befell it on its way."""
    kind = fault.kind if fault and fault.command is None else ""
    if kind == "504":
        return html_page(504, TIMEOUT_TITLE)
    if kind == "bom":
        reply.pieces.insert(0, b"\xef\xbb\xbf")
    elif kind == "warning":
        reply.pieces.insert(0, _WARNING)
    elif kind == "empty":
        reply.pieces = []
    elif fault and kind == "inside":
        inner = {"error": fault.code, "error_description": fault.description}
        reply.pieces = [msgspec.json.encode({"result": {"error": inner}})]
    elif kind in ("cut", "stall"):
        reply.act = kind
    return reply
