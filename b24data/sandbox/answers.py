"""What a method answers, before it becomes an HTTP reply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from b24data.sandbox.columns import Writer
from b24data.sandbox.pages import Page


@dataclass(slots=True)
class Answer:
    """A result as pieces of JSON, with what list methods add.

    ``pages`` is 1 for a list, 0 for anything else; ``page`` has the rows of a list of records, under ``wrap``;
    a ``bare`` one goes out without the envelope of ``result`` and ``time``.
    """

    pieces: list[bytes | memoryview]
    total: int | None = None
    next: int | None = None
    rows: int = 0
    pages: int = 0
    counted: bool = False
    page: Page | None = None
    bare: bool = False
    wrap: str = ""
    _decoded: Any = field(default=None, repr=False)

    @classmethod
    def of(cls, value: Any, writer: Writer, **facts: Any) -> Answer:
        """An answer from a plain value."""
        return cls([encode(value, writer)], **facts)

    def lookup(self, path: list[str]) -> Any:
        """The value that ``$result[command][...]`` means, or None where nothing is there."""
        found: Any
        rest = path
        if self.page is not None and not self.wrap and path and path[0].isdigit():
            found, rest = self.page.row(int(path[0])), path[1:]
        elif self.page is not None and len(path) > 1 and path[0] == self.wrap and path[1].isdigit():
            found, rest = self.page.row(int(path[1])), path[2:]
        else:
            if self._decoded is None:
                self._decoded = msgspec.json.decode(b"".join(self.pieces))
            found = self._decoded
        for step in rest:
            if isinstance(found, list) and step.isdigit() and int(step) < len(found):
                found = found[int(step)]
            elif isinstance(found, dict) and step in found:
                found = found[step]
            else:
                return None
        return found


def encode(value: Any, writer: Writer) -> bytes:
    """A value as PHP's json_encode writes it."""
    return writer.json(value).encode()
