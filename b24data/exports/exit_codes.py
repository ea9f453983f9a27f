"""What a command ends with: one function says the exit code for every error."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from b24data.errors import (
    ALREADY_RUNNING,
    AuthorizationRequiredError,
    ExportError,
    IncompleteFetchError,
    PortalsError,
)
from b24data.portals.outcome import causes_of


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

    3 if the user has to sign in, whatever was running; 4 when another program is at the same work; 2 if a list is
    incomplete; 1 for everything else. For several portals the most urgent code.

    >>> exit_code(ExportError("busy", code=ALREADY_RUNNING)), exit_code(OSError("the disk is full"))
    (<ExitCode.RUNNING: 4>, <ExitCode.FAILED: 1>)
    """
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    if isinstance(error, PortalsError):
        return worst(map(exit_code, error.errors.values()))
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
