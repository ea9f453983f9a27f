"""A line typed into a terminal that is shown up to where a secret begins: a pasted webhook is not seen."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from b24data.secret import Secret

Read = Callable[[], str]
"""The next character; empty at the end of the input."""

# Where a secret begins: the path of a webhook, the JSON or the form of an install event.
_SECRET = re.compile(r"/rest/|[{\[]|auth", re.IGNORECASE)
_ERASE, _KILL, _END = "\x7f\b", "\x15", "\x04"


def line_of(read: Read, shown: TextIO) -> Secret[str]:
    r"""The line that ``read`` gives, character by character. From where a secret begins, dots are shown.

    Backspace and Ctrl-U work; other control characters are passed over. Raises :class:`EOFError` where nothing came.

    >>> import io
    >>> seen, typed = io.StringIO(), iter("https://acme.bitrix24.com/rest/1/s3cr3t/\n")
    >>> line = line_of(lambda: next(typed, ""), seen)
    >>> line, seen.getvalue()
    (Secret('***'), 'https://acme.bitrix24.com/rest/•••••••••\n')
    """
    typed = Secret("")
    while True:
        key = read()
        if key in ("", _END) and not typed:
            raise EOFError
        if key in ("", _END, "\n", "\r"):
            break
        if key in _ERASE or key == _KILL:
            erased = len(typed.reveal()) if key == _KILL else min(1, len(typed.reveal()))
            typed = Secret(typed.reveal()[: len(typed.reveal()) - erased])
            shown.write("\b \b" * erased)
        elif key.isprintable():
            shown.write("•" if _SECRET.search(typed.reveal()) else key)
            typed = Secret(typed.reveal() + key)
        shown.flush()
    shown.write("\n")
    shown.flush()
    return typed


@contextlib.contextmanager
def one_by_one() -> Iterator[Read]:
    """A reader of the terminal that shows nothing by itself; of another input, its characters."""
    if sys.platform == "win32":
        yield _windows_key
        return
    import termios

    try:
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
    except (termios.error, OSError, ValueError):
        yield lambda: sys.stdin.read(1)
        return
    quiet = [*before[:6], [*before[6]]]
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    quiet[6][termios.VMIN], quiet[6][termios.VTIME] = 1, 0
    termios.tcsetattr(terminal, termios.TCSADRAIN, quiet)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def key() -> str:
        while piece := os.read(terminal, 1):  # no more than the line: what follows it is for the next question
            if found := decoder.decode(piece):
                return found
        return ""

    try:
        yield key
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _windows_key() -> str:
    import msvcrt

    found: str = msvcrt.getwch()  # type: ignore[attr-defined,unused-ignore]
    if found == "\x03":
        raise KeyboardInterrupt
    return found
