"""What ``actions.*.make`` returns: the payload, or the error that the portal answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec.structs import asdict

from b24data.errors import AjaxError, BatchError, OperatingLimitError, RateLimitedError, SdkError, ServerError
from b24data.http.protocol import Response
from b24data.http.session import Session
from b24data.text.markup import facts_html

Params: TypeAlias = Mapping[str, Any]
Page: TypeAlias = list[dict[str, Any]]

# These say that the call could not be carried out, whatever it was: they are raised, not returned.
_RAISED = (RateLimitedError, OperatingLimitError, ServerError)


def is_raised(session: Session, error: AjaxError) -> bool:
    """Whether ``make()`` raises this error; every other one is in its result. The user's codes decide first."""
    if error.code in session.params.soft_error_codes:
        return False
    return error.code in session.params.hard_error_codes or isinstance(error, _RAISED)


class Result:
    """Data, and the errors that came instead of parts of it, by command (or ``"base"`` for the whole).

    ``refusal`` is the error of the whole; it stands in ``errors`` as ``"base"``.

    >>> result = Result([1, None], {1: SdkError("no such contact")})
    >>> result.is_success, result.get_data(), result.get_error_messages()
    (False, [1, None], ['no such contact'])
    """

    def __init__(
        self,
        data: Any = None,
        errors: Mapping[str | int, SdkError] | None = None,
        *,
        refusal: SdkError | None = None,
    ) -> None:
        self._data = data
        self.refusal = refusal
        self.errors: dict[str | int, SdkError] = {**(errors or {}), **({"base": refusal} if refusal else {})}

    @property
    def is_success(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    def get_data(self) -> Any:
        """The data; what failed is None in it."""
        return self._data

    def get_errors(self) -> list[SdkError]:
        """The errors."""
        return list(self.errors.values())

    def get_errors_by_key(self) -> dict[str | int, SdkError]:
        """The errors by command: its name, or its position."""
        return dict(self.errors)

    def get_error_messages(self) -> list[str]:
        """The texts of the errors."""
        return [str(error) for error in self.errors.values()]

    def get_error_messages_by_key(self) -> dict[str | int, str]:
        """The texts of the errors by command."""
        return {key: str(error) for key, error in self.errors.items()}

    def raise_for_error(self) -> None:
        """Raise the error of the whole, or :class:`BatchError` with the results and the errors of the commands."""
        if self.refusal:
            raise self.refusal
        if self.errors:
            text = f"{len(self.errors)} of the commands failed: {next(iter(self.errors.values()))}"
            raise BatchError(text, results=self._data, errors=self.errors)

    def __repr__(self) -> str:
        state = f"{len(self.errors)} errors" if self.errors else "success"
        return f"<{type(self).__name__} {state}: {_sketch(self._data)}>"


class AjaxResult(Result):
    """The answer to one call. ``result`` is the payload, ``total`` and ``next`` are None where the portal gave none.

    >>> AjaxResult("crm.deal.list", result=[{"ID": "1"}] * 50, total=23732, next=50)
    <first 50 of 23,732 rows: tools.fetch_all('crm.deal.list') reads them all>
    """

    def __init__(
        self,
        method: str,
        *,
        result: Any = None,
        total: int | None = None,
        next: int | None = None,
        time: Mapping[str, Any] | None = None,
        error: SdkError | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(None if error else result, refusal=error)
        self.method = method
        self.total = total
        self.next = next
        self.time = dict(time or {})
        self.request_id = request_id

    @classmethod
    def of(cls, method: str, outcome: Response | AjaxError, request_id: str) -> AjaxResult:
        """What one answer, or the portal's refusal, is for the caller."""
        if isinstance(outcome, AjaxError):
            return cls(method, error=outcome, request_id=request_id or outcome.request_id or "")
        times = asdict(outcome.time) if outcome.time else {}
        return cls(
            method,
            result=outcome.data(),
            total=outcome.total,
            next=outcome.next,
            time={key: value for key, value in times.items() if value is not None},
            request_id=request_id,
        )

    @property
    def result(self) -> Any:
        """The payload; None after an error."""
        return self._data

    def get_data(self) -> dict[str, Any] | None:
        """``{"result": ..., "time": ...}``, ``total`` and ``next`` if the portal gave them; None after an error."""
        if self.errors:
            return None
        envelope = {"result": self._data, "total": self.total, "next": self.next, "time": self.time}
        return {key: value for key, value in envelope.items() if value is not None or key == "result"}

    def get_total(self) -> int:
        """How many rows the portal counted; 0 where it did not."""
        return self.total or 0

    def is_more(self) -> bool:
        """Whether the list goes on after this page."""
        return self.next is not None

    def _repr_html_(self) -> str:
        if self.errors:
            return facts_html(self.get_error_messages()[0], [], good=False)
        several = isinstance(self._data, list) and bool(self._data)
        shown = self._data[0] if several else self._data
        facts = shown.items() if isinstance(shown, dict) else [("", shown)]
        rows = [(str(name), value if isinstance(value, str) else _sketch(value)) for name, value in facts]
        title = f"{self.method}: {_count(self)}{', of which the first' if several else ''}"
        return facts_html(title, rows)

    def __repr__(self) -> str:
        if self.errors:
            return f"<AjaxResult {self.get_error_messages()[0]}>"
        rows = _rows(self._data)
        if self.next is not None and rows is not None:
            return f"<{_count(self)}: tools.fetch_all({self.method!r}) reads them all>"
        return f"<AjaxResult {self.method}: {_sketch(self._data)}>"


def _count(answer: AjaxResult) -> str:
    rows = _rows(answer.result)
    of = f" of {answer.total:,}" if answer.total else ""
    first = "first " if answer.next is not None else ""
    return "one result" if rows is None else f"{first}{rows:,}{of} rows"


def _rows(data: Any) -> int | None:
    """The length of the list in a payload, which may stand under a key of its own (``items``, ``tasks``)."""
    if isinstance(data, list):
        return len(data)
    if isinstance(data, dict):
        return next((len(value) for value in data.values() if isinstance(value, list)), None)
    return None


def _sketch(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 200 else f"{text[:200]}..."
