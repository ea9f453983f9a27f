"""Text of a portal's, fit for a terminal, a log line or an environment. Pure."""

from __future__ import annotations

import re

# Commands to a terminal (C0 but for tab and newline, DEL, C1), what reorders or breaks a line (bidirectional
# overrides and isolates, U+2028, U+2029), and halves of characters, which no stream can write.
_COMMANDS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MOST = 2000


def printable(text: str) -> str:
    r"""``text`` with control characters written out, so that a terminal shows them and does not obey them.

    Tabs and newlines stay. What is JSON stays JSON with the same values.

    >>> printable("\x1b[31mred\x1b[0m, \u202etxt.exe"), printable("Сделка\n№ 1")
    ('\\u001b[31mred\\u001b[0m, \\u202etxt.exe', 'Сделка\n№ 1')
    """
    return _COMMANDS.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def one_line(text: str, most: int = _MOST) -> str:
    r"""What a portal says, as one line of at most ``most`` characters: it can't look like a line of ours.

    >>> one_line("No way.\r\nERROR all is lost"), one_line("x" * 9, most=5)
    ('No way. ERROR all is lost', 'xxxx…')
    """
    line = printable(" ".join(text[: 4 * most].split()))
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[: most - 1]}…"
