"""Every error that b24data raises, in one tree.

::

    SdkError                        code, description, status, hint
    ├─ ConfigError (ValueError)                an argument is invalid
    ├─ MissingExtraError (ImportError)         an optional package is not installed
    ├─ TransportError                          no usable answer arrived
    │  ├─ RequestTimeoutError (TimeoutError)
    │  └─ BadReplyError                        HTML, cut off, not JSON
    ├─ ProtocolViolationError                  the portal ignored a filter, a bound or an order
    ├─ RefreshTokenError                       the authorization server refused
    │  └─ AuthorizationRequiredError           sign in again
    ├─ AjaxError                               the portal answered with an error
    │  ├─ AccessDeniedError
    │  ├─ RateLimitedError
    │  ├─ OperatingLimitError
    │  ├─ MethodNotFoundError
    │  └─ ServerError
    ├─ BatchError                              some commands of a batch failed
    ├─ IncompleteFetchError                    a list that could not be read to its end
    ├─ SchemaError (ValueError)                a value or a field does not fit the columns
    ├─ PortalsError                            a call to many portals failed at some of them
    └─ ExportError

A class exists where a caller would act differently. The text of an error reads
``crm.deal.list: QUERY_LIMIT_EXCEEDED (503) after 8 attempts, 94 s. Hint: ...``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from b24data.report import FetchReport
from b24data.text.hints import Face, spelled
from b24data.text.language import language, translated
from b24data.text.printable import printable
from b24data.text.raised import rendered
from b24data.text.redact import masked

__all__ = [
    "AccessDeniedError",
    "AjaxError",
    "AuthorizationRequiredError",
    "BadReplyError",
    "BatchError",
    "ConfigError",
    "ExportError",
    "IncompleteFetchError",
    "MethodNotFoundError",
    "MissingExtraError",
    "OperatingLimitError",
    "PortalsError",
    "ProtocolViolationError",
    "RateLimitedError",
    "RefreshTokenError",
    "RequestTimeoutError",
    "SchemaError",
    "SdkError",
    "ServerError",
    "TransportError",
]


# The code of an ExportError: another program is at the same work.
ALREADY_RUNNING = "ALREADY_RUNNING"


class SdkError(Exception):
    """The base class: ``except SdkError`` catches every error of b24data.

    An error never shows a secret or sends commands to a terminal: quoted texts are masked, and control characters are
    escaped, when the error is created.

    >>> str(SdkError("the token store is locked", code="LOCKED", hint="close the other notebook"))
    'the token store is locked: LOCKED. Hint: close the other notebook.'

    ``results`` is what had arrived before the error, where the work had several steps; else None. ``hint`` says
    what to type in Python. ``advice`` is the hint before it is spelled for a face, as :meth:`spelled` does: it is what
    another error takes over, and what is set where a hint changes later.
    """

    results: Any = None
    face = Face.PYTHON
    """Where the error is shown; a cell of ``%b24`` sets another one."""

    def __init__(
        self,
        description: str = "",
        *,
        code: str = "",
        status: int | None = None,
        hint: str = "",
    ) -> None:
        self.description = printable(masked(description))
        self.code = printable(masked(code))
        self.status = status
        self.advice = printable(masked(hint))
        super().__init__(self.description)

    @property
    def hint(self) -> str:
        """What to type in Python."""
        return spelled(self.advice, Face.PYTHON)

    @property
    def summary(self) -> str:
        """The text without the hint."""
        return ": ".join(part for part in (self.description, self._facts()) if part) or type(self).__name__

    def spelled(self, face: Face) -> str:
        """The text with the hint as it is typed in ``face``.

        >>> from b24data.text.hints import option
        >>> error = ConfigError("no cursor", hint=f"name it: {option('cursor', 'DATE_MODIFY')}")
        >>> error.spelled(Face.SHELL)
        'no cursor. Hint: name it: --cursor DATE_MODIFY.'
        """
        hint = spelled(self.advice, face)
        return f"{self.summary.rstrip('.')}. Hint: {_sentence(hint)}" if hint else self.summary

    def told(self, face: Face) -> str:
        """The text as a person reads it: as :meth:`spelled`, in the reader's language.

        >>> ConfigError("there is no folder deals", hint="create it, or give another path").told(Face.SHELL)
        'there is no folder deals. Hint: create it, or give another path.'
        """
        text = self.spelled(face)
        if language() == "en":
            return text
        summary = self.summary
        for part in filter(None, self._told()):
            summary = summary.replace(part, translated(part), 1)
        hint = spelled(translated(self.advice), face)
        return f"{summary.rstrip('.')}. {translated('Hint:')} {_sentence(hint)}" if hint else summary

    def _told(self) -> tuple[str, ...]:
        return (self.description,)

    def _facts(self) -> str:
        if not self.code:
            return f"HTTP {self.status}" if self.status else ""
        return f"{self.code} ({self.status})" if self.status else self.code

    def __str__(self) -> str:
        return self.spelled(Face.PYTHON)

    def _render_traceback_(self) -> list[str]:
        """In a notebook one line; ``%tb`` shows all of it."""
        return rendered(self, self.told(self.face))

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions with keyword-only arguments do not survive pickling (process pools) without this.
        return _rebuild, (type(self), self.args, self.__dict__)


def _sentence(hint: str) -> str:
    return hint if hint.endswith("?") else f"{hint.rstrip('.')}."


def _rebuild(kind: type[SdkError], args: tuple[Any, ...], state: dict[str, Any]) -> SdkError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(SdkError, ValueError):
    """An argument is invalid; nothing was sent."""


class MissingExtraError(SdkError, ImportError):
    """An optional package is missing; the text has the pip command that installs it."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional package", hint=f'pip install "b24data[{extra}]"')


@contextlib.contextmanager
def extra(name: str, feature: str) -> Iterator[None]:
    """Around the import of an optional package, which the extra ``name`` installs."""
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(feature, name) from error


class _CallError(SdkError):
    """The base of errors about one call: the method, and the attempts."""

    def __init__(
        self,
        method: str,
        description: str = "",
        *,
        code: str = "",
        status: int | None = None,
        hint: str = "",
        attempts: int = 1,
        seconds: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(description, code=code, status=status, hint=hint)
        self.method = printable(masked(method))
        self.attempts = attempts
        self.seconds = seconds
        self.request_id = request_id

    @property
    def summary(self) -> str:
        """The text without the hint."""
        head = " ".join(part for part in (self._facts(), self._effort()) if part)
        text = f"{self.method}: {head or self.description}"
        if head and self.description and self.description != self.code:
            text += f": {self.description}"
        return text

    def _told(self) -> tuple[str, ...]:
        return (self.description, self._effort())

    def _effort(self) -> str:
        if self.attempts <= 1:
            return ""
        seconds = "" if self.seconds is None else f", {self.seconds:.0f} s"
        return f"after {self.attempts} attempts{seconds}"


class TransportError(_CallError):
    """No usable answer arrived: the connection failed, or broke."""


class RequestTimeoutError(TransportError, TimeoutError):
    """The portal did not answer in time."""


class BadReplyError(TransportError):
    """What arrived is not an answer of the REST API: HTML, a cut body, not JSON.

    ``body`` is the start of the answer, redacted.
    """

    def __init__(self, method: str, description: str = "", *, body: str = "", **facts: Any) -> None:
        super().__init__(method, description, **facts)
        self.body = printable(masked(body))


class ProtocolViolationError(SdkError):
    """The portal ignored a filter, a bound or an order, so the list may be wrong."""


class RefreshTokenError(SdkError):
    """The authorization server refused to issue a new pair of tokens."""


class AuthorizationRequiredError(RefreshTokenError):
    """There is no usable token and no way to get one: sign in again."""


class AjaxError(_CallError):
    """The portal answered this call with an error."""


class AccessDeniedError(AjaxError):
    """The user or the application has no right to do this."""


class RateLimitedError(AjaxError):
    """Too many requests from this address, after all attempts."""


class OperatingLimitError(AjaxError):
    """The method used up its execution time. ``reset_at`` says when it can run again: unix seconds of this machine's
    clock; None for a command of a batch."""

    def __init__(self, method: str, description: str = "", *, reset_at: float | None = None, **facts: Any) -> None:
        super().__init__(method, description, **facts)
        self.reset_at = reset_at


class MethodNotFoundError(AjaxError):
    """The portal has no such method, or the application has no scope for it."""


class ServerError(AjaxError):
    """The portal had an internal error (a JSON error with a 5xx status), after all attempts."""


class BatchError(SdkError):
    """Some commands of a batch failed. ``results`` and ``errors`` are keyed as the commands were."""

    def __init__(
        self,
        description: str,
        *,
        results: Mapping[str, Any] | Sequence[Any] = (),
        errors: Mapping[str | int, SdkError] | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(description, hint=hint)
        self.results = results
        self.errors = dict(errors or {})


class IncompleteFetchError(SdkError):
    """A list that could not be read to its proven end.

    ``report`` says how far it got. ``rows`` holds the rows that arrived, in the requested form, or ``None`` if they are
    in a file. ``last_id`` is the id up to which nothing is missing.
    """

    def __init__(
        self,
        description: str,
        *,
        report: FetchReport | None = None,
        rows: Any = None,
        last_id: int | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(description, hint=hint)
        self.report = report
        self.rows = rows
        self.last_id = last_id


class PortalsError(SdkError):
    """A call to many portals failed at some of them. The others came to their end: ``results`` has what they brought.

    ``errors`` has the error of each portal that failed, by the name of its profile; ``outcome`` a dict for every
    portal: portal, state, rows, seconds, message.
    """

    def __init__(
        self,
        description: str,
        *,
        errors: Mapping[str, Exception],
        outcome: Sequence[Mapping[str, Any]] = (),
        results: Any = None,
        hint: str = "",
    ) -> None:
        super().__init__(description, hint=hint)
        self.errors = dict(errors)
        self.outcome = [dict(one) for one in outcome]
        self.results = results


class SchemaError(SdkError, ValueError):
    """A field that does not exist, or a value that does not fit its column."""


class ExportError(SdkError):
    """An unattended export could not be carried out."""
