"""One line of the doctor: something that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from b24data.errors import SdkError
from b24data.text.hints import Face, spelled

State = Literal["ok", "warn", "FAILED"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and what to do about it if it is not well."""

    name: str
    state: State
    text: str
    hint: str = ""


def failed(name: str, error: SdkError) -> Check:
    """A check that ended in an error.

    >>> failed("portal", SdkError("no answer", hint="is the portal's name right?"))
    Check(name='portal', state='FAILED', text='no answer', hint="is the portal's name right?")
    """
    return Check(name, "FAILED", " ".join(error.summary.rstrip(".").split()), spelled(error.advice, Face.SHELL))
