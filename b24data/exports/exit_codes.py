"""What a command ends with: one function says the exit code for every error."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from b24data.errors import ALREADY_RUNNING, AuthorizationRequiredError, ExportError, IncompleteFetchError

__all__ = ["ExitCode", "causes_of", "exit_code", "worst"]


class ExitCode(IntEnum):
    """How a command ended, for whoever started it."""

    DONE = 0
    FAILED = 1
    PARTIAL = 2
    SIGN_IN = 3
    RUNNING = 4
    INTERRUPTED = 130


def exit_code(error: BaseException) -> ExitCode:
    """The exit code for an error.

    3 when somebody has to sign in, whatever was under way then; 4 when another program is at the same work; 2 when a
    part of a list came; 1 for everything else.

    >>> exit_code(ExportError("busy", code=ALREADY_RUNNING)), exit_code(OSError("the disk is full"))
    (<ExitCode.RUNNING: 4>, <ExitCode.FAILED: 1>)
    """
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    if any(isinstance(cause, AuthorizationRequiredError) for cause in causes_of(error)):
        return ExitCode.SIGN_IN
    if any(isinstance(cause, ExportError) and cause.code == ALREADY_RUNNING for cause in causes_of(error)):
        return ExitCode.RUNNING
    if any(isinstance(cause, IncompleteFetchError) and _has_rows(cause) for cause in causes_of(error)):
        return ExitCode.PARTIAL
    return ExitCode.FAILED


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The code for several pieces of work: 3 before 1 before 2 before 4, as that is how much a person has to do.

    >>> worst([ExitCode.DONE, ExitCode.RUNNING, ExitCode.FAILED])
    <ExitCode.FAILED: 1>
    """
    return max(codes, key=_WEIGHT.index, default=ExitCode.DONE)


_WEIGHT = [
    ExitCode.DONE,
    ExitCode.RUNNING,
    ExitCode.PARTIAL,
    ExitCode.FAILED,
    ExitCode.SIGN_IN,
    ExitCode.INTERRUPTED,
]


def _has_rows(error: IncompleteFetchError) -> bool:
    return error.report is None or error.report.rows > 0


def causes_of(error: BaseException) -> Iterable[BaseException]:
    """The error, and what it was raised from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
